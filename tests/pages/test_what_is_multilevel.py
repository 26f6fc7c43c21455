"""What makes a regression multilevel: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from mlm_core import Hyperparameters, Scenario
from mlm_core.lessons.what_is_multilevel import LAYERS, facts
from pages.shared import figure as page_figure
from pages.shared import presets, story
from pages.shared.story import Sorting
from pages.shared.words import number
from tests.pages.kit import drawn, mark_at, open_page, questions, right, run_python, said, story_of

SCENARIOS = [
    Scenario(),
    Scenario(n_groups=3, seed=5),
    Scenario(n_groups=30, imbalance=0.0, hyper=Hyperparameters(b0=-6.0), seed=8),
    Scenario(students_per_group=2, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0), seed=3),
    presets.ZERO,
]
STORY = story_of("what_is_multilevel")
SITUATION, LINES, PREDICT, SAY, NEW, TRUTH, BREAK, CHECK, SENTENCE = range(9)


def the(scenario=SCENARIOS[0], u=0.5):
    return facts(scenario, "Ashford", u)


def shown(seen: story.Seen) -> tuple[dict, str]:
    """Tables and alternative of the figure, without building it."""
    found = []
    with (
        patch.object(page_figure, "show", lambda *args, **_: found.append((args[3], args[1]))),
        patch.object(page_figure, "legend", lambda **_: None),
    ):
        STORY.figure(STORY.facts(seen), seen)
    return found[0]


def value(text: str) -> float:
    return float(text.replace("−", "-"))


def test_the_steps_are_those_that_are_tested():
    assert [step.kind for step in STORY.steps] == [
        "situation", "try", "predict", "say", "try", "truth", "breaks", "check", "sentence"
    ]  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_answers_are_right(scenario):
    f = the(scenario)
    (asked,) = questions(STORY, PREDICT, f)
    assert right(asked) == "One for each school"
    why = next(a.why for a in asked.answers if a.right)
    assert f"It has {len(set(f.data.labels.tolist()))}." in why
    first, second, new, lacks = questions(STORY, CHECK, f)
    # with the numbers that the question prints, so that a calculator agrees
    a0, b0 = (value(v) for v in re.findall(r"_0\$ = ([−\d.]+\d)", new.text))
    assert (a0, b0) == pytest.approx((f.hyper.a0, f.hyper.b0), abs=0.051)
    assert value(right(new)) == pytest.approx(a0 - b0, abs=1e-6)
    assert right(lacks) == "A model for the intercepts"
    bins = {re.search(r"\$(.*?)\$", i.text)[1]: i.bin for i in (*first.items, *second.items)}
    assert bins == {
        r"\alpha_j": "parameter of part one",
        r"\beta": "parameter of part one",
        "b_0": "hyperparameter",
        r"\sigma_\alpha": "hyperparameter",
        "x_i": "data",
        "u_j": "data",
    }


@pytest.mark.parametrize("where", ["data", "hyperparameter"])
def test_what_is_sorted_gets_its_verdict(where):
    at = open_page("what_is_multilevel", step=CHECK + 1)
    item = questions(STORY, CHECK, the())[0].items[1]
    next(b for b in at.get("button_group") if b.proto.label == item.text).set_value(where).run()
    verdict = "Yes." if where == item.bin else "Not so."
    assert any(c.value.endswith(f": {verdict} {item.why[where]}") for c in at.caption)
    (told,) = at.session_state["_sorted_said"].values()
    assert told == f"{item.text}: {where}. {verdict} {item.why[where]}"


def test_each_bin_has_its_word():
    for sorting in questions(STORY, CHECK, the())[:2]:
        assert isinstance(sorting, Sorting)
        for item in sorting.items:
            assert len(set(item.why.values())) == 3


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_sentences_are_right(scenario):
    f = the(scenario)
    j, hyper = f.picked, f.hyper
    lines, say, new, truth = (said(STORY.steps[k].text, f) for k in (LINES, SAY, NEW, TRUTH))
    assert f"stands at **{number(f.own.alpha[j])}** points" in lines
    assert f"with an SD of $\\sigma_\\alpha$ = {number(hyper.sigma_alpha)}" in say
    assert number(f.fit.lines.alpha[j]) in say.split("**Ashford**")[1]
    if hyper.sigma_alpha == 0:
        assert "exactly 0" in say
        assert "no school leaves it" in new
    else:
        assert f"moves from {number(f.own.alpha[j])} to" in say or "it stays at" in say
        assert f"the line expects {number(hyper.a0 + hyper.b0 * f.u[j])};" in say
        assert f"with an SD of {number(hyper.sigma_alpha)}" in new
    assert f"= {number(hyper.a0 + 0.5 * hyper.b0)}$" in new
    rows = [
        re.findall(r"[−\d.]+", row.split("$ |")[1]) for row in truth.splitlines() if "$ |" in row
    ]
    true = scenario.hyper
    assert [value(r[0]) for r in rows] == pytest.approx(
        [hyper.a0, hyper.b0, hyper.sigma_alpha], abs=0.051
    )
    assert [value(r[-1]) for r in rows] == [true.a0, true.b0, true.sigma_alpha]
    assert value(rows[1][1]) == pytest.approx(f.fit.se("b0"), abs=0.051)
    assert f"{f.data.n_groups} heights" in truth
    assert f"{f.data.n_students} students" in truth


def test_the_layers_come_one_at_a_time():
    found = [story.designed(STORY, k)["layer"] for k in range(4)]
    assert found == ["students", "lines", "lines", "model"]
    assert story.designed(STORY, PREDICT, answered=True)["layer"] == "points"
    assert "layer" in STORY.steps[SAY].uses
    assert "new_u" in STORY.steps[NEW].uses


def test_no_point_is_seen_before_the_prediction_whatever_is_set():
    for k in range(PREDICT + 1):
        for layer in LAYERS:
            seen = story.designed(STORY, k, layer=layer, new=True)
            tables, alternative = shown(seen)
            assert (tables["schools"]["point_seen"] == 0).all()
            assert (tables["model"]["seen"] == 0).all()
            assert (tables["new"]["seen"] == 0).all()
            assert "no heights yet" in alternative
    tables, alternative = shown(story.designed(STORY, PREDICT, answered=True))
    assert (tables["schools"]["point_seen"] == 1).all()
    assert "20 schools" in alternative
    assert "model" not in alternative


def test_each_mark_shows_its_field():
    (figure,), handle = drawn(STORY, story.designed(STORY, TRUTH))
    assert handle is None
    hollow = mark_at(figure.spec, shape="circle", fill="transparent")
    assert [(e["x"]["field"], e["y"]["field"]) for e in hollow] == [("place", "own")]
    assert "point_seen" in str(hollow[0]["opacity"])
    green = mark_at(figure.spec, shape="circle", fill="#00805A")
    assert [(e["x"]["field"], e["y"]["field"]) for e in green] == [("place", "alpha")]
    assert "model_seen" in str(green[0]["opacity"])
    assert [e["y"]["field"] for e in mark_at(figure.spec, shape="diamond")] == ["truth"]
    assert [e["y"]["field"] for e in mark_at(figure.spec, shape="cross")] == ["line"]
    (area,) = mark_at(figure.spec, type="area")
    assert (area["y"]["field"], area["y2"]["field"]) == ("low", "high")
    dashed = mark_at(figure.spec, type="line", strokeDash=[6, 4])
    assert sorted(e["y"]["field"] for e in dashed) == ["line", "y"]
    bars = [(e["y"].get("field"), e["y2"].get("field")) for e in mark_at(figure.spec, type="bar")]
    assert sorted(b for b in bars if b[0]) == [("low", "high"), ("own", "alpha")]
    ticks = [
        e
        for e in mark_at(figure.spec, type="bar")
        if e["x"].get("field") == "u" and "point_seen" in str(e["opacity"])
    ]
    assert [e["opacity"]["condition"]["value"] for e in ticks] == [0, 0]  # until the points are
    students = [e for e in mark_at(figure.spec, type="circle") if e["y"]["field"] == "y"]
    assert [e["x"]["field"] for e in students] == ["x", "x"]


def test_a_point_comes_from_the_rule_at_0():
    """Unseen, it lies at the middle of the left panel: there the rule stands."""
    seen = story.designed(STORY, LINES)
    (figure,), _ = drawn(STORY, seen)
    expression = next(
        t["calculate"] for t in transforms(figure.spec) if "place" in str(t.get("as"))
    )
    (low, high), u = (-3.0, 3.0), eval(expression.split(" : ")[1])
    width = 1000.0
    start, stop = 0.525 * width, width  # of the right panel
    assert start + (u - low) / (high - low) * (stop - start) == pytest.approx(0.475 * width / 2)


def transforms(spec):
    found = list(spec.get("transform", []))
    for layer in spec.get("layer", []):
        found += transforms(layer)
    return found


def test_the_break_promises_far_too_much():
    f = STORY.facts(story.designed(STORY, BREAK))
    look = said(STORY.steps[BREAK].look, f)
    assert f.on_the_line
    assert "no band, no bar" in look
    assert "no band" not in said(STORY.steps[BREAK].look, the())
    b0, sd = f.hyperparameters[1], f.hyperparameters[2]
    assert b0.value > 4 * b0.truth
    assert (sd.value, sd.truth) == (0.0, 5.0)
    assert (
        f"$b_0$ comes out as {number(b0.value)} ± {number(b0.se)}; truly it is {number(b0.truth)}"
        in look
    )
    assert "give a $b_0$ between −20 and 20" in look
    assert f"comes out as {number(sd.value)}; truly it is {number(sd.truth)}" in look
    assert f"at u = 1, promises {number(f.hyper.a0 + f.hyper.b0)} points" in look
    assert f.data.n_groups == 3
    assert f.new_u == 1.0


def test_the_new_school_is_shown_where_it_is_spoken_of():
    for k, step in enumerate(STORY.steps):
        tables, _ = shown(story.designed(STORY, k, answered=True))
        assert tables["new"]["seen"][0] == float(k in (NEW, BREAK, SENTENCE)), step.heading
        truth = set(tables["schools"]["truth_seen"])
        assert truth == {float(step.kind in ("truth", "breaks"))}, step.heading


def test_the_laboratory_says_the_picked_school_and_the_new_one():
    f = the(replace(Scenario(), seed=77), -1.0)
    words = STORY.lab(f)
    assert "**Ashford**" in words
    assert number(f.hyper.a0 - f.hyper.b0) in words


def test_the_code_gives_the_numbers_of_the_page():
    f = facts(Scenario(), "Juniper", 0.5)
    code = STORY.listing(f)
    for listing in (code.core, code.statsmodels):
        printed = run_python(listing)
        numbers = [float(v) for v in printed.splitlines()[0].split()]
        wanted = [f.hyper.a0, f.hyper.b0, f.hyper.a1, f.hyper.sigma_alpha, f.fit.sigma_y]
        # statsmodels stops near the optimum
        np.testing.assert_allclose(numbers, wanted, atol=5e-3)
        (juniper,) = re.findall(r"'Juniper': (?:np.float64\()?([\d.]+)", printed)
        assert float(juniper) == pytest.approx(f.fit.lines.alpha[f.picked], abs=0.012)
    for name, estimate in (("a_0", f.hyper.a0), ("b_0", f.hyper.b0), (r"\beta", f.hyper.a1)):
        assert f"${name}$ = {number(estimate, 2)}" in STORY.model(f)
