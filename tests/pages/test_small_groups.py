"""Small groups: computed answers, sentences, and what each mark shows where."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import vl_convert

from mlm_core import simulate
from mlm_core.charts.theme import LIGHT
from pages.shared import offstage, story
from pages.shared.presets import ALIKE
from tests.pages.kit import drawn, mark_at, marks, open_page, questions, right, said, story_of, text

LESSON = story_of("small_groups")
HEADINGS = [step.heading for step in LESSON.steps]
PREDICT, TRY, LUCK, TRUTH, CHANCES, BREAK, CHECK = range(1, 8)


def facts_of(scenario, school="Juniper"):
    lesson = replace(LESSON, start=scenario)
    names = {"school": school}
    return lesson.facts(story.designed(lesson, -1, **names))


def scenarios():
    rng = np.random.default_rng(11)
    for seed in range(3):
        yield replace(
            ALIKE, n_groups=int(rng.integers(10, 40)), seed=seed + 1,
            students_per_group=int(rng.integers(4, 40)),
            hyper=replace(ALIKE.hyper, sigma_alpha=float(rng.integers(0, 8))),
        )  # fmt: skip
    yield replace(ALIKE, n_groups=3)
    yield replace(ALIKE, n_groups=12, imbalance=0.0)


@pytest.fixture(scope="module", params=[ALIKE, *scenarios()], ids=range(6))
def found(request):
    J = request.param.n_groups
    return facts_of(request.param, "Juniper" if J > 9 else "Birch Lane")


def test_it_opens_on_schools_that_are_alike():
    assert LESSON.start == ALIKE
    assert story.designed(LESSON, 0).scenario == ALIKE
    breaks = story.designed(LESSON, BREAK).scenario
    assert breaks.hyper.sigma_alpha == 15


def test_the_prediction_is_counted(found):
    asked = questions(LESSON, PREDICT, found)[0]
    ranked = sorted(range(found.data.n_groups), key=lambda j: found.own[0][j])
    small = [found.data.n[j] < np.median(found.data.n) for j in ranked[: found.places]]
    assert str(sum(small)) in right(asked).split(" or ")
    every = " or ".join(a.text for a in asked.answers).split(" or ")
    assert [int(k) for k in every] == list(range(found.places + 1))


def test_checks_are_computed(found):
    luck, _, says, total = questions(LESSON, CHECK, found)
    n, sd = found.data.n[found.picked], found.fit.sigma_y
    assert f"has one with {4 * n}?" in luck.text
    printed = round(sd / np.sqrt(n), 1)  # whoever halves what stands there must find it
    assert f" has {printed:.1f} points of luck" in luck.text
    assert right(luck) == f"{printed / 2:.1f} points"
    assert right(total) == str(found.places)
    most = found.chance.max() >= 0.5
    assert right(says) == f"It is more likely {'among them than not' if most else 'not among them'}"
    assert str(found.names[found.chance.argmax()]) in says.text.replace("\\", "")


def test_the_words_of_the_equation(found):
    text = said(LESSON.steps[LUCK].text, found)
    value = re.search(r"√(\d+) = \*\*([\d.]+) points", text)
    assert int(value[1]) == found.data.n[found.picked]
    assert float(value[2]) == pytest.approx(found.fit.sigma_y / int(value[1]) ** 0.5, abs=0.051)
    assert f"$\\sigma_y$ is estimated as {found.fit.sigma_y:.1f}." in text
    hyper = found.simulation.scenario.hyper
    truly = np.hypot(hyper.sigma_alpha, hyper.b0)
    assert f"{truly:.1f} (SD)" in text
    own = found.fit.sigma_y / found.data.n[found.picked] ** 0.5
    assert ("by only" in text) == (truly < own)


def test_the_sliders_sd_is_not_that_of_the_lesson(found):
    """The slider's is at the same pre-test, and the pre-test is left out."""
    scenario = found.simulation.scenario
    many = simulate(replace(scenario, students_per_group=500, imbalance=0.0, n_groups=40)).data
    residual = many.y - many.group_means(many.y)[many.j]
    assert found.true_within == pytest.approx(residual.std(), rel=0.02)
    said_ = f"same pre-test: {scenario.sigma_y:.1f}. Here the pre-test is left out."
    assert said_ in LESSON.lab(found).html
    both = f"truly {found.true_within:.1f}, estimated {found.fit.sigma_y:.1f}."
    assert both in LESSON.lab(found).html
    assert f"(truly {found.true_within:.1f};" in LESSON.model(found)


def test_the_laboratory_speaks_of_what_it_shows():
    """There are no years where the figure asks who is best; then nothing stood beside it."""
    free = open_page("small_groups", free="true", view="chances")
    told = LESSON.lab(LESSON.facts(story.designed(LESSON, -1, view="chances")))
    assert "that is how many of them to expect among the truly best." in told
    assert told in text(free)
    assert told not in text(open_page("small_groups", free="true"))


def test_words_follow_the_year(found):
    texts = LESSON.steps[TRY].hand(found).texts
    for k in (0, 4, 9):
        order = np.argsort(-found.own[k], kind="stable")
        best, worst = order[: found.places], order[-found.places :]
        small = found.data.n < np.median(found.data.n)
        assert texts["best"][k] == str(small[best].sum())
        assert texts["worst"][k] == str(small[worst].sum())
        first = np.argsort(-found.own[0], kind="stable")[: found.places]
        assert texts["stayed"][k] == str(np.isin(first, best).sum())
    assert texts["year"][:3] == ["This year", "Next year", "In 2 years"]


def test_what_over_corrects_is_said_only_where_it_does(found):
    text = said(LESSON.steps[TRUTH].text, found)
    small = found.average.small
    too_well = not found.equal and small["partial"] < small["truth"] < small["own"]
    assert ("too few" in text.replace("*", "")) == too_well
    had, truly = (f"{100 * small[by]:.0f}%" for by in ("partial", "truth"))
    shares = f"have {had} of these places instead of {truly}."
    assert (shares in text) == too_well
    if not found.equal:
        nearer = found.agreement["partial"] > found.agreement["own"]
        assert ("nearer to the truth than that of own means" in text) == nearer
    html = LESSON.steps[TRUTH].hand(found).html
    cells = re.findall(r"<td>([^<]*)</td>", html)
    assert cells == [f"{100 * small[k]:.0f}%" for k in ("own", "partial", "truth")]
    own, partial = (
        np.sqrt(np.mean((found.values(by) - found.truth) ** 2)) for by in ("own", "partial")
    )
    if not found.equal:
        told = f"typical error {partial:.1f} points instead of {own:.1f}"
        assert (told in text) == (partial < own)
        ends = [*found.best("partial"), *found.worst("partial")]
        held = sum(found.data.n[j] < np.median(found.data.n) for j in ends)
        now = f"This year: {held} of {2 * found.places}; by own means "
        assert (now in text) == (found.partial[0].max() > found.partial[0].min())


def test_the_chances_in_words(found):
    text = said(LESSON.steps[CHANCES].text, found)
    best = found.likeliest[0]
    share = min(found.chance[best], 0.9999)
    if share < 0.995:
        assert f"in **{100 * share:.0f}%** of them" in text
    else:
        assert "in **more than 99%** of them" in text
    assert f"all probabilities together make {found.places}" in text
    expected = found.chance[found.best("own")].sum()
    few = "only " if expected < found.places / 2 else ""
    assert f"make {few}{expected:.1f}: that is how many of them to expect" in text
    ends = said(LESSON.steps[BREAK].look, found)
    truly = set(found.best("truth").tolist())
    assert f"Own means find {len(truly & set(found.best('own').tolist()))} of" in ends
    assert f"partial pooling {len(truly & set(found.best('partial').tolist()))}." in ends
    hits = [len(truly & set(found.best(by).tolist())) for by in ("own", "partial")]
    if found.truly_level:
        assert text.endswith("In truth all schools are level: nobody is best.")
    elif found.places == 1:
        assert ("In truth it is the best one." in text) == bool(hits[0])
        assert ("by partial pooling is." in text) == bool(hits[1] and not found.level)
    else:
        many = {3: "three", 4: "four", 5: "five"}[found.places]
        verb = "is" if hits[0] == 1 else "are"
        told = f"In truth {hits[0]} of these {many} {verb} among the best."
        also = "also " if hits[0] == hits[1] else ""
        if not found.level:
            told += f" Of the {many} best by partial pooling, {also}{hits[1]}."
        assert text.endswith(told)
    clear = sum(p > 0.9 or p < 0.1 for p in found.chance)
    assert f"For {clear} of {found.data.n_groups} schools" in ends


def test_the_foundation_is_right_about_the_best():
    text = said(LESSON.steps[0].text, facts_of(ALIKE))
    assert "of the five best there, all are small, with fewer than 14 students" in text
    assert "they are other schools" in text.replace("\n", " ")


def test_the_foundation_gets_an_answer(found):
    text = said(LESSON.steps[-1].text, found)
    assert text.startswith("Do not take the money for this reason")
    small = found.data.n < np.median(found.data.n)
    if small.any():
        one, other = found.truth[small].mean(), found.truth[~small].mean()
        assert f"small ones have {one:.1f} points on average, the others {other:.1f}" in text


def test_the_verdict_of_the_prediction_counts():
    found = facts_of(ALIKE)
    why = next(a.why for a in questions(LESSON, PREDICT, found)[0].answers if a.right)
    worst, best = (found.small[k].sum() for k in (found.worst("own"), found.best("own")))
    assert f"Of the five worst, {worst} are small; of the five best, {best}." in why
    share = 100 * found.average.small["own"]
    assert f"{share:.0f}% of these places. They are {100 * found.small.mean():.0f}% of all" in why
    text = said(LESSON.steps[PREDICT].text, found)
    assert f"fewer than 14 students, and so are {(found.data.n < 14).sum()} of the 50" in text


def test_one_school_is_followed():
    picks = {story.designed(LESSON, k)["school"] for k in range(len(HEADINGS))}
    assert picks == {"Meadow"}


# Figures


@cache
def funnel(step: int, **options):
    (shown,), handle = drawn(LESSON, story.designed(LESSON, step, **options))
    assert shown.key == handle.figure
    return shown


def test_the_sizes_wait_for_the_answer():
    for step, answered in ((PREDICT, False), (PREDICT, True)):
        shown = funnel(step, answered=answered)
        sizes = answered
        assert (shown.tables["schools"]["at"] >= 1).all() == sizes
        assert ("numbers of students" in shown.alt) == sizes
        assert (shown.tables["schools"]["partial_seen"] == 0).all()


def test_before_the_answer_the_year_stays_and_the_axis_of_sizes_says_nothing():
    """The words say this year; and all schools lay left of "1", as if none had a student."""
    noted = {}
    for answered in (False, True):
        seen = story.designed(LESSON, PREDICT, answered=answered)
        noted[answered] = offstage.drawn(LESSON, seen, LESSON.facts(seen))[0].without_handle
    assert noted == {False: True, True: False}
    for answered, colour in ((False, f"{LIGHT.ink}00"), (True, LIGHT.ink)):
        shown = funnel(PREDICT, answered=answered)
        tables = {name: json.loads(t.to_json(orient="records")) for name, t in shown.tables.items()}
        svg = vl_convert.vegalite_to_svg(shown.spec | {"datasets": tables, "width": 600})
        title, tick = (
            re.search(rf"<text([^>]*)>{word}</text>", svg)[1]
            for word in ("students in the school", "30")
        )
        assert f'fill="{colour}"' in title
        assert f'fill="{colour}"' in tick


def test_a_click_beside_a_circle_picks_the_school_and_leaves_the_year():
    """The axis is students, not years: only the slider moves the year."""
    chosen = {p["name"]: p for p in funnel(LUCK).spec["params"] if "select" in p}
    assert chosen["school"]["select"]["nearest"]
    assert "on" not in chosen["handle"]["select"]
    assert chosen["handle"]["bind"]["step"]["max"] == 9


def test_each_mark_of_the_funnel_shows_its_own_field():
    spec = funnel(TRUTH).spec
    (own,) = mark_at(spec, shape="circle", fill="transparent", stroke=LIGHT.no)
    assert own["y"]["field"] == "own"
    assert own["size"]["condition"]["test"] == "datum.end_own"
    (partial,) = mark_at(spec, shape="circle", fill=LIGHT.partial)
    assert partial["y"]["field"] == "alpha"
    assert partial["size"]["condition"]["test"] == "datum.end_partial"
    assert "partial_seen" in partial["opacity"]["condition"]["test"]
    (truth,) = mark_at(spec, shape="diamond")
    assert truth["y"]["field"] == "truth"
    assert "truth_seen" in truth["opacity"]["condition"]["test"]
    (mean,) = mark_at(spec, type="rule", color=LIGHT.complete)
    assert mean["y"]["field"] == "complete"
    (target,) = mark_at(spec, type="rule", color=LIGHT.target)
    assert target["y"]["field"] == "target"
    assert {e["x"]["field"] for e in (own, partial, truth)} == {"at"}
    for e in (own, partial, truth):
        assert e["key"]["field"] == "school"
    bold = [
        m for m in marks(spec) if m["mark"].get("fontWeight") == "bold" and "key" in m["encoding"]
    ]
    assert all("datum.small" in str(m["transform"]) for m in bold)


def test_one_specification_for_all_steps_with_the_funnel():
    specs = [funnel(k).spec for k in (0, TRY, TRUTH)]
    assert all(spec == specs[0] for spec in specs)


def test_the_ranking_chooses_what_is_seen():
    cases = (("own", 0, False), ("partial", 1, False), ("truth", 1, False), ("partial", 1, True))
    for by, partial, shown in cases:
        tables, truth = funnel(TRUTH, by=by, truth=shown).tables, shown or by == "truth"
        assert (tables["schools"]["partial_seen"] == partial).all()
        assert (tables["schools"]["truth_seen"] == truth).all()
        level = tables["years"].groupby("step")["alpha"].agg(np.ptp) < 1e-9
        ranked = 10 - (level.sum() if by == "partial" else 0)
        assert tables["years"][f"end_{by}"].sum() == 10 * ranked


def test_each_mark_of_the_chances_shows_its_own_ranking():
    (shown,), handle = drawn(LESSON, story.designed(LESSON, CHANCES))
    assert handle is None
    bars = [m["encoding"] for m in marks(shown.spec) if m["mark"].get("color") == LIGHT.partial]
    assert [bar["x"]["field"] for bar in bars] == ["chance"]
    looks = {
        "own": {"shape": "circle", "fill": "transparent"},
        "partial": {"shape": "circle", "fill": LIGHT.partial},
        "truth": {"shape": "diamond"},
    }
    places = []
    for name, look in looks.items():
        (mark,) = [
            m for m in marks(shown.spec) if all(m["mark"].get(k) == v for k, v in look.items())
        ]
        assert f"datum.by_{name} > 0" in str(mark["transform"])
        places.append(int(re.search(r"- (\d+)", str(mark["encoding"]["x"]))[1]))
    assert places == sorted(places, reverse=True)  # own, partial, truth from left to right
    heads = [m["mark"]["text"] for m in marks(shown.spec) if m["mark"].get("text")]
    assert heads == ["own", "partial", "truth"]
    assert (shown.tables["schools"]["seen_truth"] == 0).all(), "no column without its marks"
    assert (shown.tables["schools"]["by_truth"] == 0).all()
    (shown,), _ = drawn(LESSON, story.designed(LESSON, BREAK))
    assert shown.tables["schools"]["by_truth"].sum() == 5


def test_against_the_truth_the_truth_is_shown_and_the_check_does_not_show_it():
    assert (funnel(TRUTH).tables["schools"]["truth_seen"] == 1).all()
    (shown,), _ = drawn(LESSON, story.designed(LESSON, CHECK))
    assert (shown.tables["schools"]["by_truth"] == 0).all()


def test_the_year_stands_over_the_handle():
    shown = funnel(TRY)
    said_there = shown.tables["words"].query("what == 'year'").sort_values("step")["text"]
    assert said_there.tolist()[:3] == ["this year", "next year", "in 2 years"]
    (mark,) = [m for m in marks(shown.spec) if "'year'" in str(m["transform"])]
    assert "handle" in str(mark["transform"])
    assert mark["encoding"]["text"]["field"] == "text"
    words = shown.tables["words"]
    assert words.loc[words["resting"], "text"].tolist() == ["this year"]


def test_where_schools_differ_the_table_is_enough():
    seen = story.designed(LESSON, BREAK)
    found = LESSON.facts(seen)
    assert found.expected(found.best("own")) > 4.5
    assert found.right(found.best("own")) >= 4
    alike = facts_of(ALIKE)
    assert alike.expected(alike.best("own")) < 1.5
    assert alike.chance.max() < 0.35


def test_the_ranking_can_be_chosen_on_the_page():
    at = open_page("small_groups", step=TRUTH + 1)
    assert at.get("button_group")
