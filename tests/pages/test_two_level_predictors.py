"""Predictors at two levels: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from mlm_core.lessons.two_level_predictors import START, STEPS, WITHIN, facts
from pages.shared import story
from pages.shared.words import number, percent
from tests.mlm_core.lessons.test_two_level_predictors import LAST, SCENARIOS
from tests.pages.kit import drawn, mark_at, questions, right, run_python, said, story_of

STORY = story_of("two_level_predictors")
KINDS = [step.kind for step in STORY.steps]
PREDICT, TRY, SAY, TRUTH, ALONE, CHECK, SENTENCE = (
    KINDS.index(k) for k in ("predict", "try", "say", "truth", "breaks", "check", "sentence")
)
BREAKS = ALONE + 1
COLOURS = {"within": "#8C2F6B", "between": "#5F6400", "complete": "#C8501B", "partial": "#00805A"}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_answers_are_computed(scenario):
    f = facts(scenario, "Ashford")
    x, y = f.end.x, f.end.y
    pooled = np.polyfit(x, y, 1)[0]
    prediction = questions(STORY, PREDICT, f)[0]
    assert right(prediction) == ("Up" if pooled > 0 else "Down")
    why = next(a.why for a in prediction.answers if a.right)
    assert number(pooled) in why
    assert percent(f.share) in why
    assert ("school to school it goes down" in prediction.text) == (scenario.sigma_x > 0)
    same, colleague, lot = questions(STORY, CHECK, f)
    assert right(same) == f"By b₀: {number(f.b0[LAST], 2)}"
    assert right(colleague) == "A mixture of both slopes"
    why = next(a.why for a in colleague.answers if a.right)
    right_end = f"{number(f.alone[LAST], 2)} at the right end of the handle, with"
    assert f"{right_end} {number(f.within, 2)} within" in why
    assert right(lot) == "About the slope within schools"
    assert any(a.text.endswith(number(pooled)) for a in lot.answers)


@pytest.mark.parametrize("scenario", SCENARIOS[:3])
def test_the_words_follow_the_handle(scenario):
    f = facts(scenario, "Ashford")
    three, parts, left, real, blurred = (
        STORY.steps[k].hand(f).texts for k in (TRY, SAY, ALONE, TRUTH, BREAKS)
    )
    for k in (0, 15, LAST):
        assert three["within"][k] == number(f.within)
        assert three["between"][k] == number(f.between[k])
        assert three["pooled"][k] == number(f.pooled[k])
        opposite = f.within > 0 >= f.pooled[k] and k != f.level
        assert ("says the opposite" in three["said"][k]) == opposite
        assert parts["between"][k] == number(f.between[k], 2)
        shown = parts["b0"][k].replace("− ", "-").replace("+ ", "")
        assert float(shown) == pytest.approx(f.b0[k], abs=0.0051)  # lme4's digits
        assert f"b₀ is {number(float(shown), 2)}," in parts["said"][k]
        total = float(parts["within"][k]) + float(shown)  # of three rounded numbers: hence the ≈
        assert total == pytest.approx(float(parts["between"][k].replace("−", "-")), abs=0.0101)
        assert f"error of {number(f.se_b0[k], 2)}" in parts["said"][k]
        assert left["alone"][k] == number(f.alone[k])
        assert left["within"][k] == number(f.within)
        assert left["between"][k] == number(f.between[k])
        assert left["true"][k] == number(WITHIN)
        assert left["real"][k] == real["real"][k]
        assert left["rest"][k] == number(scenario.hyper.sigma_alpha)
        assert left["sd"][k] == number(f.sigma_alpha[k])
        assert left["left"][k] == number(f.sigma_alone[k])
        assert real["true"][k] == number(WITHIN)
        true = number(WITHIN + f.contextual[k])
        assert real["real"][k] == (true if scenario.sigma_x > 0 else "none")
        assert real["between"][k] == number(f.between[k])
        assert real["se_within"][k] == number(f.se_within[k], 2)
        assert real["se_between"][k] == number(f.se_between[k], 2)
        off = abs(f.between[k] - (WITHIN + f.contextual[k]))
        apart = f"{number(off, 2)} points off: {number(off / f.se_between[k])} standard errors."
        assert (apart in real["said"][k]) == (scenario.sigma_x > 0)
        assert ("is rare" in real["said"][k]) == (
            scenario.sigma_x > 0 and off > 2 * f.se_between[k]
        )
        assert blurred["blurred"][k] == number(f.blurred[k])
        assert [blurred[n][k] for n in ("within", "true", "between", "real")] == [
            real[n][k] for n in ("within", "true", "between", "real")
        ]
    hands = three, parts, left, real, blurred
    assert {len(texts) for hand in hands for texts in hand.values()} == {STEPS}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_line_for_all_adds_up_on_a_calculator(scenario):
    f = facts(scenario, "Ashford")
    hand = STORY.steps[TRY].hand(f)
    share, rest = (float(v) for v in re.findall(r"<p>(\S+) · .*? \+ (\S+) ·", hand.html)[0])
    assert share + rest == pytest.approx(1)
    for k in range(STEPS):
        means, own, mixed = (
            float(hand.texts[name][k].replace("−", "-")) for name in ("means", "own", "mixed")
        )
        assert mixed == pytest.approx(f.pooled[k], abs=0.0051)
        gap = 0.0101 + 0.0005 * abs(means - own)  # rounding of two slopes and of the share
        assert share * means + rest * own == pytest.approx(mixed, abs=gap)
    counted = "counted by its students" in hand.html
    assert counted == (len(set(f.end.n)) > 1)
    if not counted:  # the olive line is then the one over the means
        np.testing.assert_allclose(f.of_means, f.between, atol=1e-4)


def test_the_level_place_is_named_once():
    f = facts(START, "Ashford")
    said_ = STORY.steps[TRY].hand(f).texts["said"]
    assert [k for k, text in enumerate(said_) if "nearest to level" in text] == [f.level]
    assert 0 < f.level < LAST


def test_simpson_is_named_only_where_he_is():
    for scenario in SCENARIOS:
        f = facts(scenario, "Ashford")
        spoken = said(STORY.steps[TRY].text, f)
        assert ("Simpson" in spoken) == (f.within > 0 > f.pooled[LAST])
        assert f"**{percent(f.share)}**" in spoken
    large = replace(START, sigma_x=0.5, students_per_group=60, sigma_y=2.0, imbalance=0.0)
    f = facts(large, "Ashford")  # schools go down, one line for all still goes up
    assert f.between[LAST] < 0 < f.pooled[LAST]
    assert "Simpson" not in said(STORY.steps[TRY].text, f)


def test_what_each_mark_shows():
    figures, handle = drawn(STORY, story.designed(STORY, ALONE, truth=True))
    spec, tables = figures[0].spec, figures[0].tables
    layers = [m for part in spec["layer"] for m in part.get("layer", [part])]

    def of(colour):
        return [
            m for m in layers if isinstance(m["mark"], dict) and m["mark"].get("color") == colour
        ]

    (short,) = of(COLOURS["within"])
    assert short["data"] == {"name": "short"}
    assert short["mark"]["type"] == "line"
    for kind in ("between", "complete", "partial"):
        (line,) = of(COLOURS[kind])
        assert any(t.get("filter") == f"datum.kind == '{kind}'" for t in line["transform"])
    (hollow,) = mark_at(spec, shape="circle", fill="transparent", stroke="#0B68B0")
    assert (hollow["x"]["field"], hollow["y"]["field"]) == ("x", "y")
    (diamond,) = mark_at(spec, shape="diamond")
    assert diamond["x"]["field"] == "true"
    assert diamond["opacity"]["condition"]["test"] == "datum.truth_seen > 0"
    (bars,) = (
        m["encoding"] for m in layers if isinstance(m["mark"], dict) and m["mark"]["type"] == "bar"
    )
    assert (
        dict(zip(*(bars["color"]["scale"][k] for k in ("domain", "range")), strict=True)) == COLOURS
    )
    (x,) = {bars["x"]["field"]}
    assert (x, bars["x2"]["field"]) == ("slope", "zero")
    moving = next(m for m in layers if m.get("data") == {"name": "students"})["transform"]
    assert any(
        "datum.first + " in t.get("calculate", "")
        and "(datum.last - datum.first)" in t["calculate"]
        for t in moving
        if "calculate" in t
    )
    assert handle.rest == LAST
    assert handle.spoken[LAST].endswith(number(STORY.facts(story.designed(STORY, 0)).between[LAST]))
    schools = tables["schools"]
    assert schools[schools["picked"]]["school"].tolist() == ["Oak Hill"]


def test_nothing_is_given_away_and_the_handle_does_not_flip():
    before, after = (story.designed(STORY, PREDICT, answered=a) for a in (False, True))
    (hidden,), first = drawn(STORY, before)
    (shown,), last = drawn(STORY, after)
    assert "one line for all" not in hidden.alt
    assert "one line for all" in shown.alt
    complete = hidden.tables["slopes"].query("kind == 'complete'")
    assert not complete["seen"].any()
    assert not complete["slope"].any()
    assert shown.tables["slopes"].query("kind == 'complete'")["seen"].all()
    # the place of rest is the same before and after: only the step moves the handle
    assert first.rest == last.rest
    assert first.at(before["handle"]) == 0
    assert last.at(after["handle"]) == LAST
    for tables in (hidden.tables, shown.tables):
        assert set(tables["lines"].query("resting")["step"]) == {LAST}
    assert hidden.spec["layer"][0]["data"] == shown.spec["layer"][0]["data"]
    assert re.sub(r"view_\d+", "", str(hidden.spec)) == re.sub(r"view_\d+", "", str(shown.spec))


def test_an_estimate_two_standard_errors_off_is_not_called_near():
    """lme4 on these data: −4.66 with a standard error of 0.33, and the truth is −4."""
    f = STORY.facts(story.designed(STORY, TRUTH))
    hand = STORY.steps[TRUTH].hand(f)
    assert hand.texts["se_between"][LAST] == "0.33"
    assert hand.texts["said"][LAST].endswith("0.66 points off: 2.0 standard errors.")
    assert "near" not in said(STORY.steps[TRUTH].text, f)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_number_of_one_place_of_the_handle_says_its_place(scenario):
    """Sentences stand still while the handle moves: what moves is named with its place."""
    f = facts(scenario, "Ashford")
    still = {number(f.within), number(WITHIN), *(number(v) for v in (f.luck, 1 - f.luck))}
    moving = (f.between, f.pooled, f.alone, f.sigma_alpha, f.sigma_alone, f.blurred)
    spoken = [
        said(words, f)
        for step in STORY.steps
        for words in (step.text, step.look, step.changed, step.do)
    ]
    for sentence in re.split(r"(?<=[.?!]) |\n", " ".join([*spoken, STORY.model(f)])):
        if "end" in sentence or "there" in sentence or "expect about" in sentence:
            continue
        numbers = set(re.findall(r"−?\d+\.\d+", sentence)) - still
        for values in moving:
            if np.ptp(values) > 0.1:
                assert number(values[LAST]) not in numbers, sentence


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_first_look_calls_chance_only_what_is_within_two_standard_errors(scenario):
    f = facts(scenario, "Ashford")
    words = said(STORY.steps[0].text, f)
    assert f"left end of the handle they are {number(f.within)} and {number(f.between[0])}" in words
    assert ("chance alone can" in words) == (abs(f.between[0] - f.within) < 2 * f.se_b0[0])


def test_what_hurts_is_said_only_where_it_does():
    hurt, none = (facts(s, "Ashford") for s in (START, SCENARIOS[2]))
    assert "With so large an SD" in said(STORY.steps[ALONE].text, hurt)
    assert "With so large an SD" not in said(STORY.steps[ALONE].text, none)


def test_the_break_says_what_is_there():
    f = STORY.facts(story.designed(STORY, BREAKS))
    spoken = said(STORY.steps[BREAKS].look, f)
    assert spoken.startswith("At the right end")
    assert f"is {number(WITHIN - 2 * WITHIN)}, the estimate {number(f.between[LAST])}." in spoken
    assert f.true_between[LAST] < f.between[LAST] < f.within
    words = said(STORY.steps[BREAKS].text, f)
    share, true, luck, own, mixed = (
        float(v.replace("−", "-"))
        for v in re.findall(r"about (\S+) · \((\S+)\) \+ (\S+) · (\S+) = (\S+)\. ", words)[0]
    )
    assert luck == pytest.approx((1 / 3) / (0.5**2 + 1 / 3), abs=0.0051)
    assert (true, own) == (-WITHIN, WITHIN)
    assert share * true + luck * own == pytest.approx(mixed, abs=0.051)
    # of one draw: the estimate is near what is to be expected
    assert f.between[LAST] == pytest.approx(mixed, abs=2 * f.se_b0[LAST])
    assert set(f.end.n) == {3}
    assert f.end.n_groups == 100
    changed = said(STORY.steps[BREAKS].changed, f)
    assert changed.startswith("100 schools with three students each.")
    assert "SD 0.5 instead of 1.5" in changed


def test_what_is_hurt_without_school_means():
    f = STORY.facts(story.designed(STORY, ALONE))
    words = said(STORY.steps[ALONE].text, f)
    assert f"{number(f.alone[LAST])} in this draw" in words
    assert f"{number(f.sigma_alone[LAST])} instead of {number(f.sigma_alpha[LAST])}" in words
    true = f.scenario.hyper.sigma_alpha
    assert abs(f.sigma_alpha[LAST] - true) < 0.2 * abs(f.sigma_alone[LAST] - true)
    assert abs(f.between[LAST] - f.true_between[LAST]) < 1 < f.alone[LAST]
    assert abs(f.alone[LAST] - f.within) < 0.5


def test_the_board_gets_a_number():
    f = STORY.facts(story.designed(STORY, SENTENCE))
    words = said(STORY.steps[SENTENCE].text, f)
    assert f"**{number(f.within)} points** for one unit of pre-test" in words
    assert f"it says {number(f.pooled[LAST])}" in words


def test_without_differences_between_schools_no_truth_is_claimed():
    f = facts(SCENARIOS[2], "Ashford")
    spoken = said(STORY.steps[TRUTH].text, f)
    assert "none to find" in spoken
    assert f"{number(f.se_between[LAST])} points" in spoken


def test_u_is_never_a_mean_of_x_on_the_page():
    f = STORY.facts(story.designed(STORY, 0))
    for step in STORY.steps:
        for words in (step.text, step.do, step.look):
            assert not re.search(r"u_j|\bu\b", said(words, f))
    assert not re.search(r"u_j|\bu\b", STORY.model(f))


@pytest.mark.parametrize("step", [LAST, 0, 12])
def test_the_listings_print_the_numbers_of_the_page(step, tmp_path):
    """As it stands, of the right end of the handle; with another slope set, of another place."""
    f = STORY.facts(story.designed(STORY, -1))
    expected = [f.within, f.between[step], f.pooled[step], f.alone[step]]
    made = STORY.listing(f)
    set_to = f"{f.true_between[step]:g}"
    python = [
        code.replace("between = -4\n", f"between = {set_to}\n")
        for code in (made.core, made.statsmodels)
    ]
    printed = [run_python(code) for code in python]
    if shutil.which("Rscript"):
        script = tmp_path / "page.R"
        in_r = made.lme4.replace("between <- -4\n", f"between <- {set_to}\n")
        script.write_text(in_r, encoding="utf-8")
        run = ["Rscript", str(script)]
        printed.append(
            subprocess.run(run, capture_output=True, text=True, check=True, timeout=60).stdout
        )
    for out in printed:
        found = [float(v) for v in re.findall(r"-?\d+\.\d+", out)]
        # data printed to four decimals, and two optimisers
        np.testing.assert_allclose(found, expected, atol=2e-3)
    for code in (made.core, made.statsmodels, made.lme4):
        assert "Scores of the right end of the handle, wherever the figure stands." in code
        assert "4 (left end) to -4 (right end)" in code


def test_a_large_listing_reads_the_file_and_keeps_its_place():
    f = facts(replace(START, n_groups=60, students_per_group=40, imbalance=0.6), "Ashford")
    code = STORY.listing(f).statsmodels
    read = 'schools = pd.read_csv("schools.csv", dtype={"school": str})'
    assert read in code
    import pandas as pd

    code = code.replace("between = -4\n", f"between = {f.true_between[7]:g}\n")
    table = f.students()
    lines = [line for line in code.split("\n") if "read_csv" not in line and "print" not in line]
    space = {"schools": table.copy(), "pd": pd}
    exec("\n".join(line for line in lines if "mixedlm" not in line), space)
    turned = f.start.y + 7 / LAST * (f.end.y - f.start.y)
    np.testing.assert_allclose(space["schools"]["y"], turned, atol=1e-3)


def test_formulas_stand_on_one_line():
    """Markdown takes ``$$`` with a line break behind it for the start of a listing."""
    f = STORY.facts(story.designed(STORY, 0))
    for spoken in (*(said(step.text, f) for step in STORY.steps), STORY.model(f)):
        assert all(line.count("$$") % 2 == 0 for line in spoken.split("\n")), spoken
