"""A school-level predictor: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from mlm_core import Hyperparameters, Scenario
from mlm_core.lessons.varying_intercepts import facts
from pages.shared import figure as page_figure
from pages.shared import presets, story
from pages.shared.words import number, percent
from tests.frames import frames
from tests.pages.kit import (
    drawn,
    mark_at,
    open_page,
    questions,
    right,
    run_python,
    said,
    story_of,
    text,
)
from tests.pages.kit import figure as figure_of

SCENARIOS = [
    Scenario(),
    Scenario(n_groups=3, seed=5),
    Scenario(n_groups=5, hyper=Hyperparameters(sigma_alpha=0.0), seed=1),
    Scenario(students_per_group=2, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0), seed=3),
    Scenario(n_groups=25, imbalance=0.0, hyper=Hyperparameters(b0=-6.0), seed=8),
    Scenario(hyper=Hyperparameters(sigma_alpha=0.0, b0=8.0), sigma_y=2.0, seed=2),
    Scenario(hyper=Hyperparameters(b0=0.0), seed=4),
    presets.ZERO,
]
STORY = story_of("varying_intercepts")
SITUATION, PREDICT, TRY, SAY, TRUTH, RADON, BREAK, CHECK, SENTENCE = range(9)
COUNTIES = STORY.facts(story.designed(STORY, RADON))


def shown(seen: story.Seen) -> tuple[str, str, dict, dict]:
    """Key, alternative, tables and settings of the figure, without building it."""
    found = []

    def show(key, alt, _chart, tables, **settings):
        found.append((key, alt, frames(tables), settings))

    with (
        patch.object(page_figure, "show", show),
        patch.object(page_figure, "legend", lambda **_: None),
    ):
        STORY.figure(STORY.facts(seen), seen)
    return found[0]


def value(text: str) -> float:
    return float(text.replace("−", "-"))


def test_the_steps_are_those_that_are_tested():
    assert [step.kind for step in STORY.steps] == [
        "situation", "predict", "try", "say", "truth", "try", "breaks", "check", "sentence"
    ]  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_prediction_is_computed_for_every_school(scenario):
    for name in facts(scenario, "Ashford").names[:6]:
        f = facts(scenario, name)
        (asked,) = questions(STORY, PREDICT, f)
        before, after = (value(number(t.lines.alpha[f.picked])) for t in (f.without, f.with_u))
        expected = "The same" if before == after else "Higher" if after > before else "Lower"
        assert right(asked) == expected
        why = next(a.why for a in asked.answers if a.right)
        assert f"ends at {number(after)} instead of {number(before)}" in why
        line = f.with_u.hyper.a0 + f.with_u.hyper.b0 * f.u[f.picked]
        assert (
            f"the line stands at {number(line)}; the one mean is {number(f.without.hyper.a0)}"
            in why
        )
        assert f"its estimate is {number(before)}" in asked.text


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_checks_are_computed(scenario):
    f = facts(scenario, "Ashford")
    higher, much, useless, flat = questions(STORY, CHECK, f)
    assert right(higher) == f"The one with u = {'1' if f.with_u.hyper.b0 > 0 else '−1'}"
    whys = {a.text: a.why for a in higher.answers}
    rises = f.with_u.hyper.b0 > 0
    assert ("stands higher" in whys["The one with u = 1"]) == rises
    assert ("line rises" in whys["The one with u = −1"]) == rises
    before, after = (float(f"{sd:.2f}") for sd in f.sd)  # as printed: a calculator agrees
    explained = 1 - after**2 / before**2 if before > 0 else 0
    assert right(much) == ("None that can be seen" if explained <= 0 else percent(explained))
    assert f"estimated as {number(before, 2)}, with u as {number(after, 2)}." in much.text
    if explained > 0:
        assert {percent(1 - after / before), percent(after**2 / before**2)} & {
            a.text for a in much.answers if not a.right
        }
    assert right(useless) == "It hardly changes, and may rise a little"
    assert right(flat) == "Partial pooling to one mean"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_sentences_are_right(scenario):
    f = facts(scenario, "Ashford")
    j, (before, after) = f.picked, f.sd
    words, truth = said(STORY.steps[TRY].text, f), said(STORY.steps[TRUTH].text, f)
    if (before, after) == (0, 0):
        assert "estimated as 0, with u and without" in words
    elif after == 0:
        assert f"falls from {number(before, 2)} to exactly 0" in words
    elif number(before, 2) == number(after, 2):
        assert "stays at" in words
    else:
        way = "falls" if after < before else "rises"
        assert f"{way} from {number(before, 2)} to {number(after, 2)}" in words
    row = words[words.index("| Ashford") :]
    alphas = (f.own[j], f.without.lines.alpha[j], f.with_u.lines.alpha[j])
    assert row.startswith(f"| Ashford ({f.n[j]}) | " + " | ".join(map(number, alphas)))
    printed = [float(f"{sd:.2f}") for sd in f.sd]
    assert ("explains nothing" in truth) == (before > 0 and printed[1] >= printed[0])
    true = scenario.hyper.sigma_alpha, np.hypot(scenario.hyper.sigma_alpha, scenario.hyper.b0)
    truly = percent(1 - true[0] ** 2 / true[1] ** 2) if true[1] > 0 else "0%"
    if 0 < printed[1] < printed[0]:
        share = percent(1 - printed[1] ** 2 / printed[0] ** 2)
        assert f"= {share} of the variance between schools (truly {truly})" in truth
    less = f.miss("line") < f.miss("mean")
    assert ("But only " in truth) == (less and f.closer < 0.6 * f.data.n_groups)
    assert ("diamonds by less with u" in truth) == less
    assert f"**{number(f.miss('line'))}** points against {number(f.miss('mean'))}" in truth
    assert f"{f.closer} of {f.data.n_groups} lie nearer." in truth
    rows = [line.split("|")[2:4] for line in truth.splitlines() if line.startswith("| ")][1:]
    found = [[value(cell.strip()) for cell in row] for row in rows]
    hyper = scenario.hyper
    assert found[0] == pytest.approx([before, np.hypot(hyper.sigma_alpha, hyper.b0)], abs=0.0051)
    assert found[1] == pytest.approx([after, hyper.sigma_alpha], abs=0.0051)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_weighted_average_of_the_page_adds_up(scenario):
    for name in facts(scenario, "Ashford").names[:4]:
        f = facts(scenario, name)
        words = said(STORY.steps[SAY].text, f)
        result = f.with_u.lines.alpha[f.picked]
        if f.sd[1] == 0:
            assert f"= {number(result)}$" in words
            assert "is 0 for every school" in words
            continue
        here, before = number(f.own_part(f.picked)), number(f.own[f.picked])
        assert (f"its own part is {here} ({before} without u:" in words) == (here != before)
        formula = words[words.rindex("$$", 0, -3) :]
        w, own, rest, line, end = (
            float(v) for v in re.findall(r"-?\d+\.\d+", formula.replace("−", "-"))
        )
        assert w + rest == pytest.approx(1, abs=0.011)
        assert end == pytest.approx(result, abs=0.051)
        # weights are shown to two digits, points to one
        room = 0.055 + 0.005 * (abs(own) + abs(line))
        assert w * own + rest * line == pytest.approx(end, abs=room)


def test_the_line_waits_for_the_prediction():
    for k in (SITUATION, PREDICT):
        for target in ("mean", "line"):
            _, alternative, tables, _ = shown(story.designed(STORY, k, target=target))
            assert tables["target"]["line"].nunique() == 1
            assert "one mean" in alternative
            assert "line" not in alternative
    _, alternative, tables, _ = shown(story.designed(STORY, PREDICT, answered=True))
    assert tables["target"]["line"].nunique() == 2
    assert "the line" in alternative


def test_each_mark_shows_its_field_in_the_town_and_in_the_counties():
    for k in (TRUTH, RADON):
        (figure,), handle = drawn(STORY, story.designed(STORY, k))
        assert handle is None
        rings = mark_at(figure.spec, shape="circle", fill="transparent")
        hollow = [e for e in rings if "size" in e]
        assert [(e["x"]["field"], e["y"]["field"]) for e in hollow] == [("u", "own")]
        filled = mark_at(figure.spec, shape="circle", fill="#00805A")
        assert [(e["x"]["field"], e["y"]["field"]) for e in filled] == [("u", "alpha")]
        assert [e["size"]["field"] for e in (*hollow, *filled)] == ["n", "n"]
        (diamond,) = mark_at(figure.spec, shape="diamond")
        assert diamond["y"]["field"] == "truth"
        assert "truth_seen" in str(diamond["opacity"])
        (area,) = mark_at(figure.spec, type="area")
        assert (area["y"]["field"], area["y2"]["field"]) == ("low", "high")
        (line,) = mark_at(figure.spec, type="line")
        assert line["y"]["field"] == "line"
        (bar,) = mark_at(figure.spec, type="bar")
        assert (bar["y"]["field"], bar["y2"]["field"]) == ("own", "alpha")
        assert set(figure.tables["schools"]["truth_seen"]) == {float(k == TRUTH)}


def test_one_step_is_about_the_books_own_data():
    key, alternative, tables, settings = shown(story.designed(STORY, RADON))
    assert key == "counties"
    assert "85 counties" in alternative
    assert len(tables["schools"]) == 85
    assert settings["group"] == "county"
    (low, high), (bottom, top) = settings["axes"]["u_domain"], settings["axes"]["y_domain"]
    schools = tables["schools"]
    assert schools["u"].between(low, high).all()
    assert schools[["own", "alpha"]].stack().between(bottom, top).all()
    for k, step in enumerate(STORY.steps):
        assert (shown(story.designed(STORY, k))[0] == "counties") == (k == RADON), step.heading


def test_the_radon_step_says_lme4s_numbers():
    """As R prints them: tests/golden/radon."""
    words = said(STORY.steps[RADON].text, COUNTIES)
    assert "from **0.315** to **0.148**" in words
    assert "explains an estimated 78%" in words
    assert "prints 0.33 without and 0.16 with u" in STORY.model(COUNTIES)
    assert "Gelman & Hill (2007)" in words
    assert "919 houses" in words
    assert "85 counties" in words
    assert (
        "**Lake of the Woods** (4 houses) stands at 1.88 by itself. Pulled to one mean it is "
        "1.65, pulled to the line 1.14." in words
    )
    before = shown(story.designed(STORY, RADON, target="mean"))
    assert "one mean, 1.49, with an SD of 0.315" in before[1]
    assert "+ 0.70 u, with an SD of 0.148" in shown(story.designed(STORY, RADON))[1]


def test_the_laboratory_holds_for_the_counties():
    seen = story.designed(STORY, -1, data="radon", county="Hennepin")
    f = STORY.facts(seen)
    assert "| county (houses) |" in STORY.lab(f)
    assert "Hennepin (105)" in STORY.lab(f)
    assert "SD between counties falls from 0.315 to 0.148" in STORY.lab(f)
    assert shown(seen)[0] == "counties"
    assert "0.148" in STORY.model(f)
    at = open_page("varying_intercepts", step=6)
    assert set(figure_of(at)[1]["schools"].query("picked")["school"]) == {"Lake of the Woods"}
    county = next(s for s in at.selectbox if s.label == "County")
    county.set_value("Hennepin").run()
    assert set(figure_of(at)[1]["schools"].query("picked")["school"]) == {"Hennepin"}


def test_the_break_has_a_useless_u():
    seen = story.designed(STORY, BREAK)
    assert seen.scenario.hyper.b0 == 0
    f = STORY.facts(seen)
    look = said(STORY.steps[BREAK].look, f)
    assert abs(f.with_u.hyper.b0) < f.with_u.se("b0")
    assert f.sd[1] > f.sd[0]
    assert f"rises from {number(f.sd[0], 2)} to {number(f.sd[1], 2)}" in look
    assert f"as {number(f.with_u.hyper.b0, 2)}, with a standard error of" in look
    assert f"of {number(f.with_u.se('b0'), 2)}." in look
    assert "two out of three" in questions(STORY, CHECK, f)[2].answers[0].why


def test_the_reader_counts_how_often_a_useless_u_lets_the_sd_rise():
    at = open_page("varying_intercepts", step=BREAK + 1)
    press = next(b for b in at.button if b.label == "Another town")
    looks = []
    for seed in range(4, 9):
        f = STORY.facts(story.designed(STORY, BREAK, seed=seed))
        looks.append(said(STORY.steps[BREAK].look, f))
        assert f"**Look here.** {looks[-1]}" in text(at)
        assert ("nearly flat" in looks[-1]) == (abs(f.with_u.hyper.b0) < f.with_u.se("b0"))
        assert ("not flat, by chance" in looks[-1]) != ("nearly flat" in looks[-1])
        press.click().run()
        press = next(b for b in at.button if b.label == "Another town")
    rises = ["rises from" in look for look in looks]
    assert 3 <= sum(rises) < 5  # more often than not, and not always
    free = open_page("varying_intercepts", free="true")
    assert [b.label for b in free.button].count("Another town") == 0  # there it is New draw


def test_a_button_of_its_own_starts_where_the_lesson_does():
    lesson = replace(STORY, start=Scenario(seed=7))
    assert story.designed(lesson, SITUATION).scenario.seed == 7
    assert story.designed(lesson, BREAK).scenario.seed == STORY.steps[BREAK].sets.seed


def test_u_helps_on_the_whole_and_not_each_school():
    """What the reader is sent to find: the dot that moves most, and one that moves away."""
    f = STORY.facts(story.designed(STORY, TRUTH))
    words = said(STORY.steps[TRUTH].text, f)
    assert "But only 11 of 20 lie nearer." in words
    moved = abs(f.with_u.lines.alpha - f.without.lines.alpha)
    assert f.names[moved.argmax()] == "Juniper"
    missed = [abs(fit.lines.alpha - f.truth) for fit in (f.without, f.with_u)]
    assert (missed[1] - missed[0]).max() > 0.7  # seen in the figure
    assert "Does any come nearer?" in STORY.steps[TRUTH].do


def test_the_default_shows_what_the_lesson_says():
    f = STORY.facts(story.designed(STORY, PREDICT))
    assert f.names[f.picked] == "Juniper"
    assert f.u[f.picked] == f.u.max()  # where the town spends most
    assert f.own[f.picked] == f.own.min()
    assert f.sd[1] < f.sd[0]
    assert f.miss("line") < f.miss("mean")


@pytest.mark.parametrize("f", [facts(Scenario(), "Juniper"), COUNTIES], ids=["town", "counties"])
def test_the_code_gives_the_numbers_of_the_page(f):
    code, name = STORY.listing(f), f.names[f.picked]
    for listing in (code.core, code.statsmodels):
        printed = run_python(listing)
        first, second = ([float(v) for v in line.split()] for line in printed.splitlines()[:2])
        # statsmodels stops near the optimum
        np.testing.assert_allclose(first, [f.without.hyper.a0, f.sd[0]], atol=5e-3)
        wanted = [f.with_u.hyper.a0, f.with_u.hyper.b0, f.sd[1], f.with_u.sigma_y]
        np.testing.assert_allclose(second, wanted, atol=5e-3)
        (own,) = re.findall(rf"'{name}': (?:np.float64\()?([\d.]+)", printed)
        assert float(own) == pytest.approx(f.with_u.lines.alpha[f.picked], abs=0.012)
