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
    assert right(asked) == "That of a small school"
    why = next(a.why for a in asked.answers if a.right)
    assert f"{number(f.sigma_y / 3**0.5)} points, one from 59 by about" in why
    _, _, alike = at_step(PREDICT, Scenario(imbalance=0.0))
    (asked,) = questions(story_of(SLUG), PREDICT, alike)
    assert right(asked) == "All by about as much"


def test_four_times_the_students_halve_the_error():
    _, _, f = at_step(CHECK)
    first = questions(story_of(SLUG), CHECK, f)[0]
    assert right(first) == "12"  # Juniper has 3
    _, _, f = at_step(CHECK, school="Oak Hill")
    assert right(questions(story_of(SLUG), CHECK, f)[0]) == "236"


def test_the_steps_before_say_what_the_checks_ask():
    step, _, f = at_step(SAY)
    assert r"\sigma_y/\sqrt{n_j}" in said(step.text, f)
    assert f"{number(f.sigma_y)}/\\sqrt{{3}}$ = {number(f.sigma_y / 3**0.5)} |" in said(
        step.text, f
    )
    step, _, f = at_step(TRUTH)
    assert "**unbiased**" in said(step.text, f)
    step, _, f = at_step(BREAK)
    assert "**cannot be estimated**" in said(step.look, f)


def test_pressing_the_button_is_told():
    step, _, f = at_step(TRY)
    assert "The button" in said(step.text, f)
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
    assert f"{number(own)} points with its own slope, {number(one)} with that of all" in shown
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
    assert f"misses by {number(f.miss(f.picked))} points here" in shown
    assert f"one of Oak Hill by {number(f.miss(f.largest))}" in shown


def test_the_break_counts_schools_of_one_student():
    step, seen, f = at_step(BREAK)
    single = int((f.n == 1).sum())
    assert single > 1
    assert said(step.look, f).startswith(f"{single} schools have a single student")
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
    assert "The button" in text(at)
    at.button(key=f"press-{SLUG}-{TRY}-redraw").click().run()
    at.button(key=f"press-{SLUG}-{TRY}-redraw").click().run()
    assert "3 tests of the same schools" in text(at)


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
