"""The story of no pooling: its answers, its sentences, what each mark shows."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Scenario
from pages.shared import presets
from pages.shared.story import designed
from pages.shared.words import number
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

SLUG = "no_pooling"
STEPS = {step.heading: k for k, step in enumerate(story_of(SLUG).steps)}
PREDICT, TRY, SAY, WHICH, TRUTH, BREAK, CHECK = range(1, 8)


def at_step(k, scenario=None, **changes):
    """What a step shows and its facts, in the lesson's scenario or in another."""
    story = story_of(SLUG)
    if scenario is not None:
        story = replace(story, start=scenario)
    seen = designed(story, k, **changes)
    return story.steps[k], seen, story.facts(seen)


def test_the_prediction_is_right_on_average_and_says_so():
    _, _, f = at_step(PREDICT)
    (asked,) = questions(story_of(SLUG), PREDICT, f)
    assert "on average" in asked.text
    assert "Juniper has 3 students" in asked.text
    points = [float(re.search(r"[\d.]+", a.text)[0]) for a in asked.answers]
    assert points == sorted(points)
    said_right = float(re.search(r"[\d.]+", right(asked))[0])
    assert said_right == pytest.approx(f.between_tests(f.picked), abs=0.051)
    assert points.index(said_right) == 2
    why = next(a.why for a in asked.answers if a.right)
    assert f"For Oak Hill (59 students) it is about {f.between_tests(f.largest):.1f}." in why
    assert "with 48 students" in asked.answers[0].why
    assert "with 12 students" in asked.answers[1].why


@pytest.mark.parametrize("school", ["Juniper", "Quarry", "Oak Hill"])
def test_the_wrong_predictions_speak_of_schools_that_would_move_so(school):
    _, _, f = at_step(PREDICT, school=school)
    (asked,) = questions(story_of(SLUG), PREDICT, f)
    n = int(f.n[f.picked])
    for answer in asked.answers[:2]:
        points = float(re.search(r"[\d.]+", answer.text)[0])
        students = int(re.search(r"with (\d+) students", answer.why)[1])
        assert f.between_students(f.picked) / students**0.5 == pytest.approx(points, rel=0.08)
    assert ("two single students" in asked.answers[3].why) == (n < 4)
    if n < 4:
        assert f.between_students(f.picked) < 2 * f.between_tests(f.picked)


def test_the_circles_go_to_a_second_test_with_the_answer():
    (before,), _ = drawn(story_of(SLUG), designed(story_of(SLUG), PREDICT))
    (after,), _ = drawn(story_of(SLUG), designed(story_of(SLUG), PREDICT, answered=True))
    (then,), _ = drawn(story_of(SLUG), designed(story_of(SLUG), TRY))
    assert [sorted(t.tables["redraws"]["age"].unique()) for t in (before, after)] == [[0], [0, 1]]
    assert after.tables["redraws"].equals(then.tables["redraws"])
    assert designed(story_of(SLUG), PREDICT, answered=True).scenario == Scenario()


def test_the_opening_says_why_the_circle_is_not_the_mean_of_lesson_1():
    step, _, f = at_step(0)
    own = f.data.y[f.data.j == f.picked].mean()
    shown = said(step.text, f)
    assert f"Juniper has {number(f.fit.lines.alpha[f.picked])} here, {number(own)} there" in shown


def test_four_times_the_students_halve_the_error():
    _, _, f = at_step(CHECK)
    first = questions(story_of(SLUG), CHECK, f)[0]
    assert right(first) == "12"  # Juniper has 3
    _, _, f = at_step(CHECK, school="Oak Hill")
    assert right(questions(story_of(SLUG), CHECK, f)[0]) == "236"


def test_the_steps_before_say_what_the_checks_ask():
    step, _, f = at_step(SAY)
    assert r"\sigma_y/\sqrt{n_j}" in said(step.text, f)
    shown = said(step.text, f)
    sums = re.findall(r"\$([\d.]+)/\\sqrt\{(\d+)\} = ([\d.]+)\$", shown)
    assert [int(n) for _, n, _ in sums] == [3, 59]
    for sigma, n, error in sums:
        assert sigma == f"{f.sigma_y:.1f}"
        assert error == f"{float(sigma) / int(n) ** 0.5:.1f}"  # a calculator agrees
    assert sums[0][2] == f"{f.common.lines.se_alpha[f.picked]:.1f}"  # as the next step says
    assert r"$j[i]$ is the school of student $i$" in shown
    step, _, f = at_step(TRUTH)
    assert "**unbiased**" in said(step.text, f)
    step, _, f = at_step(BREAK)
    assert "**cannot be estimated**" in said(step.look, f)


def test_pressing_the_button_is_told():
    step, _, f = at_step(TRY)
    shown = said(step.text, f)
    assert "The buttons" in shown
    assert f"Juniper moved by {number(abs(f.draws[0] - f.draws[1])[f.picked])} points" in shown
    assert f"about {f.between_tests(f.picked):.1f}." in shown
    step, _, f = at_step(TRY, redraw=0)
    assert "moved by" not in said(step.text, f)
    step, _, f = at_step(TRY, redraw=10)
    shown = said(step.text, f)
    assert shown.startswith("11 tests")
    low, high = f.draws[:, f.picked].min(), f.draws[:, f.picked].max()
    assert f"| Juniper | 3 | {number(low)} to {number(high)} |" in shown
    first = {f.names[np.argmax(draw)] for draw in f.draws}
    assert f"**{len(first)} different schools** as the best" in shown


def test_which_no_pooling_is_meant_is_said_with_its_price():
    step, seen, f = at_step(WHICH)
    shown = said(step.text, f)
    one, own = f.common.lines.se_alpha[f.picked], f.varying.lines.se_alpha[f.picked]
    assert f"{number(own)} points with its own slope, {number(one)} with one slope for all" in shown
    assert seen["slopes"] == "common"
    assert "slopes" in step.uses
    step, _, f = at_step(WHICH, presets.TINY)
    assert "too few students for a slope of its own" in said(step.text, f)


def test_against_the_truth():
    step, seen, f = at_step(TRUTH)
    assert seen["truth"]
    assert f.tests == 11
    shown = said(step.text, f)
    assert f"the mean **{number(f.draws[:, f.picked].mean())}**" in shown
    assert f"the truth is **{number(f.simulation.alpha[f.picked])}**" in shown
    assert f"is **{number(f.miss(f.picked))}** points for Juniper" in shown
    assert f"{number(f.miss(f.largest))} for Oak Hill" in shown


def test_the_break_counts_schools_of_one_student():
    step, seen, f = at_step(BREAK)
    single = int((f.n == 1).sum())
    assert single > 1
    assert said(step.look, f).startswith(f"{single} schools have a single student")
    assert f"{(f.n <= 3).sum()} of 20 have three students or fewer" in said(step.changed, f)
    assert f.n[f.picked] == 2
    assert "The thick line is that of **Quarry**" in said(step.look, f)
    line = frames(f.tables((0.0, 120.0), (-3.5, 3.5), truth=False))
    ends = line["lines"].query("school == 'Quarry'")
    slope = np.ptp(ends["y"]) / np.ptp(ends["x"]) * np.sign(np.diff(ends["y"])[0])
    mine = line["students"]
    at_students = ends["y"].iloc[0] + slope * (mine["x"] + 3.5)
    np.testing.assert_allclose(at_students, mine["y"])
    assert np.isfinite(f.common.lines.alpha).all()
    _, _, other = at_step(BREAK, school="Oak Hill")
    assert "thick" not in said(step.look, other)
    (shown,), _ = drawn(story_of(SLUG), seen, f)
    table = shown.tables["redraws"]
    assert (table["note"] == "cannot be estimated").sum() == single
    assert (table.loc[table["missing"], "truth_seen"] == 0).all()


def test_what_each_mark_shows():
    _, seen, f = at_step(TRUTH)
    (shown,), handle = drawn(story_of(SLUG), seen, f)
    assert handle is None
    (hollow,) = mark_at(shown.spec, shape="circle", fill="transparent")
    assert (hollow["x"]["field"], hollow["key"]["field"]) == ("alpha", "school")
    assert hollow["opacity"]["condition"] == {"test": "datum.missing", "value": 0}
    (diamond,) = mark_at(shown.spec, shape="diamond")
    assert diamond["x"]["field"] == "truth"
    assert diamond["opacity"]["condition"]["test"] == "datum.truth_seen > 0"
    (tick,) = mark_at(shown.spec, type="tick")
    assert (tick["x"]["field"], tick["key"]["field"]) == ("alpha", "id")
    ages = [
        layer["transform"][0]["filter"]
        for layer in shown.spec["layer"][0]["layer"]
        if layer.get("mark", {}).get("type") in ("tick", "point")
    ]
    assert ages[0].startswith("datum.age > 0")
    assert ages[1:] == ["datum.age == 0"] * 2
    pale, thick = mark_at(shown.spec, type="line")
    assert pale["y"]["field"] == thick["y"]["field"] == "y"
    assert "Juniper, 3 students" in shown.alt
    assert "10 earlier tests" in shown.alt
    alpha = shown.tables["redraws"].query("age == 0 and picked")["alpha"].item()
    assert f"{number(alpha)} points" in shown.alt


def test_the_figure_stays_the_same_from_step_to_step():
    story = story_of(SLUG)
    specs = set()
    for k in range(len(story.steps)):
        if k == BREAK:
            continue
        seen = designed(story, k)
        spec = drawn(story, seen)[0][0].spec
        specs.add(re.sub(r"view_\w+", "", str(spec)))
    assert len(specs) == 1


def test_new_students_on_the_page():
    at = open_page(SLUG, step=TRY + 1)
    assert "The buttons" in text(at)
    at.button(key=f"press-{SLUG}-{TRY}-redraw").click().run()
    assert "3 tests of the same schools" in text(at)
    at.button(key="ten-tests").click().run()
    assert "11 tests of the same schools" in text(at)
    at.button(key=f"press-{SLUG}-{TRY}-redraw").click().run()
    assert at.session_state["_place"].local["redraw"] == 13


@pytest.mark.parametrize("slopes", ["common", "varying"])
def test_the_code_gives_the_numbers_of_the_page(slopes):
    story = story_of(SLUG)
    f = story.facts(designed(story, BREAK, slopes=slopes))
    listed = story.listing(f)
    for code in (listed.core, listed.statsmodels):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            printed = run_python(code)
        shown = dict(
            re.findall(
                r"'?(?:C\(school\)\[)?([\w ]+)\]?'?: (?:np\.float64\()?(-?[\d.]+|nan)", printed
            )
        )
        for j, name in enumerate(f.names):
            if f.known(j):
                assert float(shown[name]) == pytest.approx(f.fit.lines.alpha[j], abs=0.0051)
            else:
                assert shown.get(name, "nan") == "nan"
    narrowed = "length(unique(x))" in listed.lme4
    assert narrowed == (slopes == "varying")


@pytest.mark.parametrize("k", range(len(STEPS)))
def test_the_truth_is_shown_where_a_step_shows_it(k):
    _, seen, f = at_step(k)
    (shown,), _ = drawn(story_of(SLUG), seen, f)
    estimated = ~shown.tables["redraws"]["missing"]
    assert (shown.tables["redraws"].loc[estimated, "truth_seen"] == seen["truth"]).all()
    assert seen["truth"] == (k in (TRUTH, CHECK + 1))
