"""The lesson on fixed and random: its answers, dialects, definitions and marks."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Scenario
from mlm_core.lessons.fixed_and_random import facts
from pages.shared import presets, story
from pages.shared.words import number
from tests.pages.kit import (
    drawn,
    mark_at,
    marks,
    open_page,
    questions,
    right,
    run_python,
    said,
    story_of,
)

STORY = story_of("fixed_and_random")
KINDS = [step.kind for step in STORY.steps]
PREDICT, TRY, SAY, BREAKS, CHECK = (
    KINDS.index(k) for k in ("predict", "try", "say", "breaks", "check")
)
DEFINITIONS, CHANGE = SAY + 1, SAY + 2
SCENARIOS = [
    Scenario(),
    Scenario(n_groups=12, seed=5),
    Scenario(n_groups=8, students_per_group=12, imbalance=0.0, seed=3),
    presets.ZERO,
]


def at(scenario=SCENARIOS[0], **told):
    return facts(scenario, "Ashford", **told)


def least_squares(f, own: bool):
    """The slope by least squares, with an indicator for each school or without."""
    groups = f.data.j[:, None] == np.arange(f.data.n_groups) if own else np.ones((len(f.data.y), 1))
    return np.linalg.lstsq(np.column_stack([groups, f.data.x]), f.data.y)[0][-1]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_economists_slope_is_computed(scenario):
    f = at(scenario)
    asked = questions(STORY, CHECK, f)[0]
    assert right(asked) == f"{number(least_squares(f, True), 2)}, the slope at the right end"
    pooled = next(a for a in asked.answers if "left end" in a.text)
    assert pooled.text.startswith(f"{number(least_squares(f, False), 2)},")
    assert "pooled least squares" in pooled.why


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_lme4_prints_is_computed(scenario):
    f = at(scenario)
    fit = f.fits.fit
    asked = questions(STORY, CHECK, f)[1]
    a0, slope = number(fit.hyper.a0), number(fit.hyper.a1, 2)
    assert right(asked) == f"{a0} and {slope}: mean intercept and slope"
    texts = [a.text for a in asked.answers]
    assert f"{f.data.n_groups} intercepts, one for each school" in texts
    assert f"{number(fit.hyper.sigma_alpha)} and {number(fit.sigma_y)}: the SDs" in texts


def test_other_answers():
    assert right(questions(STORY, PREDICT, at())[0]) == "At both ends"
    third, fourth = questions(STORY, CHECK, at())[2:]
    assert right(third).startswith("The third")
    assert right(fourth).startswith("Yes: by the second")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_words_follow_the_handle(scenario):
    f = at(scenario)
    texts = STORY.steps[TRY].hand(f).texts
    last = len(f.path.sigma_alpha) - 1
    assert [k for k, word in enumerate(texts["word"]) if "Fixed" in word] == [0, last]
    assert "the same for all" in texts["why"][0]
    assert "no model" in texts["why"][last]
    for k in (1, 40, 90):
        assert f"SD of {number(f.path.sigma_alpha[k])} points" in texts["why"][k]
    for k in (0, 30, f.rest, last):
        assert texts["alpha"][k] == number(f.path.alpha[k, f.picked])
        assert texts["slope"][k] == number(f.path.a1[k], 2)
    slopes = STORY.steps[BREAKS].hand(f)
    assert slopes.texts["slope"][last] == number(least_squares(f, True), 2)
    assert f"True slope within a school: {number(f.true_slope, 2)}" in slopes.html


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_dialect_has_its_numbers(scenario):
    f = at(scenario)
    fit = f.fits.fit
    rows = {
        row.split("</th>")[0]: row for row in STORY.steps[SAY].hand(f).html.split("scope='row'>")
    }
    assert list(rows)[1:] == ["Gelman &amp; Hill", "mixed models", "software", "economists"]
    book, mixed, software, economists = list(rows.values())[1:]
    a0, slope = number(fit.hyper.a0), number(fit.hyper.a1, 2)
    sd, rest = number(fit.hyper.sigma_alpha), number(fit.sigma_y)
    fixed, random = (cell.split("</td>")[0] for cell in software.split("'>")[1:])
    assert fixed == f"prints {a0} and {slope}"
    assert random == f"prints SDs: {sd} between schools, {rest} of the rest"
    assert f"slope {slope}" in book
    assert f"SD {sd}" in book
    assert f"mean intercept {a0}, slope {slope}" in mixed
    assert f"Ashford {number(fit.lines.alpha[f.picked] - fit.hyper.a0)}<" in mixed
    fixed, random = (cell.split("</td>")[0] for cell in economists.split("'>")[1:])
    assert fixed.endswith(f"indicator for each school: slope {number(least_squares(f, True), 2)}")
    assert random == f"this model: slope {slope}"
    full = STORY.model(f)
    for link in ("[[BLUP]]", "[[conditional mode]]", "[[mixed model]]", "[[empirical Bayes]]"):
        assert link in full
    assert f"{number(fit.hyper.sigma_alpha**2)} and {number(fit.sigma_y**2)}" in full


def test_all_five_definitions_are_in_words():
    f = at()
    told = STORY.steps[DEFINITIONS].hand(f).html
    rows = told.split("scope='row'>")[1:]
    assert len(rows) == 5
    for k, (row, d) in enumerate(zip(rows, f.definitions, strict=True), 1):
        assert row.startswith(f"{k}. ")
        cells = [c.split("</td>")[0] for c in row.split("'>")[1:]]
        assert cells == [d.fixed, d.random, f"<b>{d.intercepts}</b>"]
    for who in ("Kreft", "Searle", "Green", "LaMotte", "Robinson"):
        assert told.count(who) == 1


@pytest.mark.parametrize(
    ("told", "random", "place"),
    [
        ({}, 3, "the estimate"),
        ({"interest": "general", "sample": "few"}, 5, "the estimate"),
        ({"fitted": "indicators"}, 1, "∞: no model"),
    ],
)
def test_all_five_side_by_side(told, random, place):
    seen = story.designed(STORY, CHANGE, **told)
    f = STORY.facts(seen)
    assert said(STORY.steps[CHANGE].text, f).count("**random**") == random
    words = STORY.steps[CHANGE].hand(f)
    assert f"random by {random}, fixed by {5 - random}<" in words.html
    _, handle = drawn(STORY, seen, f)
    assert handle.rest == (120 if "fitted" in told else f.estimate_at)
    # the sentence on the handle is true wherever it is
    places = words.texts["place"]
    assert places[handle.rest] == place
    assert [k for k, p in enumerate(places) if p == "the estimate"] == [f.estimate_at]
    for k in (1, 30, 119):
        assert places[k] == f"{number(f.path.sigma_alpha[k])} points"


def test_the_break_is_one():
    """The model's slope is far from the truth, the economist's near; the sentence says which."""
    f = STORY.facts(story.designed(STORY, BREAKS))
    at_0, estimate, at_infinity = f.slopes
    assert at_0 < 0.5 * f.true_slope
    assert abs(estimate - f.true_slope) > 5 * abs(at_infinity - f.true_slope)
    look = said(STORY.steps[BREAKS].look, f)
    assert f"{number(at_0, 2)} at the left end, {number(estimate, 2)} at the estimate" in look
    assert look.endswith("the right end comes nearest.")
    no_context = replace(f.scenario, contextual=0.0, sigma_x=0.0, seed=2)
    g = at(no_context)
    ends = said(STORY.steps[BREAKS].look, g)
    assert ends.endswith("the right end comes nearest.") == g.nearest_end


def test_each_mark_shows_its_field():
    (figure,), handle = drawn(STORY, story.designed(STORY, TRY))
    hollow = mark_at(figure.spec, shape="circle", fill="transparent")
    (own,) = hollow
    assert (own["x"]["field"], own["y"]["field"]) == ("zero", "alpha")
    lines = [m for m in marks(figure.spec) if m["mark"]["type"] == "line"]
    assert {m["encoding"]["y"]["field"] for m in lines} == {"height"}

    def layer_of(wanted):
        found = []

        def walk(spec, data, filters):
            data = spec.get("data", data)
            filters = [*filters, *(t["filter"] for t in spec.get("transform", []) if "filter" in t)]
            if isinstance(spec.get("mark"), dict) and wanted(spec["mark"]):
                found.append((data["name"], filters, spec["mark"]))
            for layer in spec.get("layer", []):
                walk(layer, data, filters)

        walk(figure.spec, None, [])
        return found

    ((name, filters, mark),) = layer_of(lambda m: m.get("fill") == "transparent")
    assert (name, filters[-1]) == ("ends", "datum.end == 'no'")
    ((name, filters, dotted),) = layer_of(lambda m: m.get("strokeDash") == [3, 6])
    assert (name, filters[-1]) == ("ends", "datum.end == 'complete'")
    ((name, filters, dashed),) = layer_of(lambda m: m.get("strokeDash") == [7, 4])
    assert (name, filters[-1]) == ("ends", "datum.end == 'no'")
    assert dashed["color"] == mark["stroke"] != dotted["color"]
    filled = layer_of(lambda m: m.get("fill") not in (None, "transparent"))
    assert [(n, f[-1]) for n, f, _ in filled] == [("path", "datum.picked")]
    assert handle.spoken[0] == "0 points"
    assert handle.spoken[-1] == "infinite"


def test_zone_words_are_full_in_colour():
    """FINDINGS A6: faded words had a contrast of 3.3."""
    (figure,), _ = drawn(STORY, story.designed(STORY, TRY))
    words = [m for m in marks(figure.spec) if m["mark"].get("text") in ("“fixed”", "“random”")]
    assert len(words) == 3
    for word in words:
        assert word["encoding"]["opacity"]["condition"]["value"] == 1


def test_nothing_is_called_fixed_before_the_prediction():
    before, _ = drawn(STORY, story.designed(STORY, PREDICT))
    after, _ = drawn(STORY, story.designed(STORY, PREDICT, answered=True))
    assert set(before[0].tables["steps"]["named"]) == {0.0}
    assert set(after[0].tables["steps"]["named"]) == {1.0}
    assert before[0].spec == after[0].spec
    assert not re.search("fixed|random", before[0].alt)


@pytest.mark.filterwarnings("ignore")
def test_code_gives_the_numbers_of_the_page():
    f = STORY.facts(story.designed(STORY, -1))
    code = STORY.listing(f)
    found = run_python(code.core).splitlines()
    assert float(found[1]) == pytest.approx(f.slopes[0])
    assert float(found[2]) == pytest.approx(f.slopes[2])
    mixed, at_0, at_infinity = run_python(code.statsmodels).strip().splitlines()
    values = [float(v) for v in re.findall(r"[\d.]+\d", mixed)]
    assert values == pytest.approx([f.a0, f.slopes[1], f.sigma_alpha, f.sigma_y], rel=2e-3)
    assert float(at_0) == pytest.approx(f.slopes[0], abs=1e-3)
    assert float(at_infinity) == pytest.approx(f.slopes[2], abs=1e-3)


def test_indicators_are_a_click_away():
    page = open_page("fixed_and_random", step=CHANGE + 1)
    choice = next(b for b in page.get("button_group") if "fitted" in str(b.key))
    choice.set_value("indicators").run()
    assert not page.exception
    assert any("Least squares, or shrinkage: **fixed**" in str(m.value) for m in page.markdown)


def test_the_economists_question_is_on_data_where_the_slopes_differ():
    f = STORY.facts(story.designed(STORY, CHECK))
    assert f.scenario == STORY.facts(story.designed(STORY, BREAKS)).scenario
    low, middle, high = sorted(f.slopes)
    assert min(middle - low, high - middle) > 1
    assert f.data.n[f.picked] > 10


def test_no_word_lies_under_the_handle():
    """The axis says what the hill is."""
    (figure,), _ = drawn(STORY, story.designed(STORY, TRY))
    texts = [m["mark"].get("text") or m["encoding"].get("text") for m in marks(figure.spec)]
    assert "how well" not in str(texts)
    assert "how well each fits" in str(figure.spec)
