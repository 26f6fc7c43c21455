"""Complete pooling: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
import statsmodels.api as sm

from mlm_core import Hyperparameters, Scenario, simulate
from mlm_core.charts.theme import LIGHT
from mlm_core.lessons.complete_pooling import facts
from mlm_core.scenario import bounds
from pages.shared import figure as page_figure
from pages.shared import story
from tests.pages.kit import drawn, mark_at, questions, right, run_python, said, story_of

STORY = story_of("complete_pooling")
KINDS = [step.kind for step in STORY.steps]
OPEN, PREDICT, CLUMP, SAY, SLIDE, TRUTH, SIMPSON, CHECK, LAST = range(9)
SCENARIOS = [
    Scenario(),
    *(Scenario(seed=s) for s in range(1, 5)),
    Scenario(n_groups=3, students_per_group=2, seed=5),
    Scenario(n_groups=40, students_per_group=5, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0)),
    Scenario(n_groups=12, sigma_y=30.0, hyper=Hyperparameters(b0=-10.0, sigma_alpha=0.0), seed=9),
    Scenario(n_groups=5, hyper=Hyperparameters(sigma_alpha=1.0, b0=0.0, sigma_beta=0.0), seed=3),
]


@cache
def the(scenario: Scenario, school: str = "Birch Lane"):
    return facts(scenario, school)


@cache
def errors(scenario: Scenario) -> tuple[float, float, float]:
    """Height, its standard error as stated and by schools, from statsmodels."""
    data = simulate(scenario).data
    model = sm.OLS(data.y, sm.add_constant(data.x))
    fit, robust = model.fit(), model.fit(cov_type="cluster", cov_kwds={"groups": data.j})
    return float(fit.params[0]), float(fit.bse[0]), float(robust.bse[0])


def numbers(text: str) -> list[float]:
    return [float(n.replace("−", "-")) for n in re.findall(r"−?\d+(?:\.\d+)?", text)]


def test_the_steps_are_in_their_order():
    assert [
        *("situation", "predict", "try", "say", "try", "truth", "breaks", "check", "sentence"),
    ] == KINDS


# What is asked


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_prediction_is_judged_by_the_true_swing(scenario):
    f = the(scenario)
    _, stated, by_schools = errors(scenario)
    question = questions(STORY, PREDICT, f)[0]
    less = f.swing.height > 1.1 * stated
    assert right(question) == ("No, less sure" if less else "Yes, as sure as its bar")
    why = next(a.why for a in question.answers if a.right)
    assert numbers(why)[:2] == [
        pytest.approx(by_schools, abs=0.0051),
        pytest.approx(stated, abs=0.0051),
    ]
    assert ("reaches the next town" in why) == (less and by_schools >= stated)
    wrong = [a.why for a in question.answers if not a.right]
    assert not any(re.search(r"\d", words) for words in wrong)


def test_both_predictions_come_up():
    assert {right(questions(STORY, PREDICT, the(s))[0]) for s in SCENARIOS} == {
        "No, less sure",
        "Yes, as sure as its bar",
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_factor_of_the_bars_is_computed(scenario):
    _, stated, by_schools = errors(scenario)
    question = questions(STORY, CHECK, the(scenario))[0]
    asked = numbers(question.text)
    assert asked[:2] == [pytest.approx(stated, abs=0.0051), pytest.approx(by_schools, abs=0.0051)]
    from_the_question = asked[1] / asked[0]
    assert numbers(right(question)) == [pytest.approx(from_the_question, abs=0.051)]
    assert from_the_question == pytest.approx(by_schools / stated, rel=0.03)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_helps_more_follows_from_the_true_swing(scenario):
    f = the(scenario)
    question = questions(STORY, CHECK, f)[2]
    schools = f.swing.more_students > 1.02 * f.swing.more_schools
    wanted = (
        "Testing in twice as many schools"
        if schools
        else "Both the same: it is the number of students"
    )
    assert right(question) == wanted
    assert f"{scenario.n_groups} schools" in question.text
    assert f"each of {2 * scenario.n_groups} schools" in question.text


def test_a_school_on_one_side_is_a_pattern():
    question = questions(STORY, CHECK, the(Scenario()))[1]
    assert right(question) == "They share something the line leaves out"


# What is said


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_opening_gives_the_height_and_the_next_town(scenario):
    f = the(scenario)
    height, stated, by_schools = errors(scenario)
    text = said(STORY.steps[OPEN].text, f)
    assert numbers(re.search(r"\*\*(.+?) points\*\*", text)[1]) == [
        pytest.approx(height, abs=0.051)
    ]
    town = numbers(text.split("next town reports")[1])[0]
    assert town == pytest.approx(height - stated - by_schools, abs=0.051)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_clump_is_counted(scenario):
    f = the(scenario)
    text = said(STORY.steps[CLUMP].text, f)
    mine = f.residual[f.data.labels.astype(str)[f.data.j] == "Birch Lane"]
    side = int((np.sign(mine) == np.sign(mine.mean())).sum())
    if len(mine) > 1:
        assert f"{side} of the {len(mine)} students of **Birch Lane**" in text
    else:
        assert "Birch Lane has 1 student." in text
    share = re.search(r"\*\*(.+?)\*\* of the variance", text)
    assert (share is not None) == (f.between > 0)
    if share and share[1][0].isdigit():
        assert float(share[1].rstrip("%")) == pytest.approx(100 * f.between, abs=0.51)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_equation_has_the_numbers_of_the_fit(scenario):
    f, (height, _, by_schools) = the(scenario), errors(scenario)
    text = said(STORY.steps[SAY].text, f)
    data = f.data
    slope, at_0 = np.polyfit(data.x, data.y, 1)
    assert at_0 == pytest.approx(height)
    given = [numbers(part)[0] for part in re.findall(r"\(([^()$]*\d)\)", text)[:2]]
    assert given == [pytest.approx(height, abs=0.051), pytest.approx(slope, abs=0.051)]
    n = data.n_students
    sigma = np.sqrt(((data.y - at_0 - slope * data.x) ** 2).sum() / (n - 2))
    found = re.search(r"= \\frac\{([\d.]+)\}\{\\sqrt\{(\d+)\}\} = ([\d.]+)\$\$", text)
    assert float(found[1]) == pytest.approx(sigma, abs=0.0051)
    assert int(found[2]) == n
    assert found[3] == f"{float(found[1]) / np.sqrt(n):.2f}"  # a calculator agrees
    assert f"these {data.n_groups} sums differ gives {by_schools:.2f}." in text
    do = said(STORY.steps[SAY].do, f)
    assert f"one counts {n} students, the other {data.n_groups} schools" in do


@pytest.mark.parametrize("sigma_alpha", [0.0, 5.0, 20.0])
def test_the_slider_moves_the_error_by_schools(sigma_alpha):
    scenario = Scenario(hyper=replace(Scenario().hyper, sigma_alpha=sigma_alpha))
    _, stated, by_schools = errors(scenario)
    seen = story.designed(STORY, SLIDE, sigma_alpha=sigma_alpha)
    assert seen.scenario == scenario
    assert STORY.steps[SLIDE].uses == ("sigma_alpha",)
    given = numbers(said(STORY.steps[SLIDE].text, STORY.facts(seen)))
    wanted = [sigma_alpha, stated, by_schools, by_schools / stated]
    assert given == [pytest.approx(w, abs=0.06) for w in wanted]
    assert given[3] == pytest.approx(given[2] / given[1], abs=0.051)


def test_the_ends_of_the_slider_are_said():
    do = said(STORY.steps[SLIDE].do, the(Scenario()))
    low, high, _ = bounds("sigma_alpha")
    assert numbers(do) == [low, high]


def test_the_bar_by_schools_grows_more_than_the_stated_one():
    low, high = (
        errors(Scenario(hyper=replace(Scenario().hyper, sigma_alpha=s))) for s in (0.0, 20.0)
    )
    assert high[2] - low[2] > 3 * (high[1] - low[1]) > 0


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_truth_step_gives_the_swing(scenario):
    f, (_, stated, by_schools) = the(scenario), errors(scenario)
    text = said(STORY.steps[TRUTH].text, f)
    given = numbers(text)
    swing = f.swing
    town = f.alpha - stated - by_schools
    seen = by_schools >= stated and swing.middle > town
    wanted = [
        swing.middle,
        swing.height,
        stated,
        by_schools,
        *([town] if seen else []),
        swing.more_students,
        swing.more_schools,
    ]
    assert ("true here, but these data cannot show it" in text) == seen
    assert given == [pytest.approx(w, abs=0.051) for w in wanted]
    nearer = abs(by_schools - swing.height) < abs(stated - swing.height)
    assert ("nearer to the truth" in text) == nearer
    assert ("in this draw farther from the truth" in text) == (not nearer)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_board_prints_nothing_that_the_schools_do_not_bear(scenario):
    height, stated, by_schools = errors(scenario)
    text = said(STORY.steps[LAST].text, the(scenario))
    assert numbers(text) == [
        pytest.approx(height, abs=0.051),
        pytest.approx(2 * by_schools, abs=0.051),
        pytest.approx(height - stated - by_schools, abs=0.051),
    ]
    assert ("do not print" in text) == (by_schools >= stated)
    assert ("lies outside" in text) == (by_schools < stated)
    assert len(re.findall(r"[.!?](?:\s|$)", text)) == 1


def test_every_school_rises_and_the_line_falls():
    f = STORY.facts(story.designed(STORY, SIMPSON))
    data = f.data
    slopes = [np.polyfit(data.x[data.j == j], data.y[data.j == j], 1)[0] for j in range(20)]
    assert min(slopes) > 0
    slope = np.polyfit(data.x, data.y, 1)[0]
    assert slope < -2
    look = said(STORY.steps[SIMPSON].look, f)
    assert "20 of 20 rise" in look
    assert f"goes down, by {-slope:.1f} points" in look
    by_school = np.corrcoef(data.group_means(data.x), data.group_means(data.y))[0, 1]
    assert by_school < -0.5
    up = said(STORY.steps[SIMPSON].look, the(Scenario()))
    assert "goes up" in up


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_laboratory_has_the_three_errors(scenario):
    f, (height, stated, by_schools) = the(scenario), errors(scenario)
    text = STORY.lab(f)
    wanted = [0, height, stated, by_schools, f.swing.height]
    assert numbers(text)[:5] == [pytest.approx(w, abs=0.051) for w in wanted]
    assert ("too small on average" in text) == (scenario.n_groups < 20)


def test_the_model_in_full_has_the_error_of_the_slope():
    f = the(Scenario())
    data = f.data
    model = sm.OLS(data.y, sm.add_constant(data.x))
    robust = model.fit(cov_type="cluster", cov_kwds={"groups": data.j})
    text = STORY.model(f)
    assert f"standard error is {model.fit().bse[1]:.2f}, by schools {robust.bse[1]:.2f}" in text


def test_the_code_prints_the_numbers_of_the_page():
    height, stated, by_schools = errors(Scenario())
    code = STORY.listing(the(Scenario()))
    for language in (code.core, code.statsmodels):
        printed = numbers(run_python(language))
        for value in (height, stated, by_schools):
            assert any(abs(p - value) < 1e-3 for p in printed), value
    assert "rowsum(X * resid(fit), schools$school)" in code.lme4


# What is drawn


@cache
def spec_of():
    (figure,), handle = drawn(STORY, story.designed(STORY, TRUTH))
    assert handle is None
    return figure.spec


@cache
def at(k: int, answered: bool = False):
    """The alternative text and the tables of a step."""
    found = []
    seen = story.designed(STORY, k, answered=answered)
    with patch.object(
        page_figure, "show", lambda _, alt, __, tables, **___: found.append((alt, tables))
    ):
        STORY.figure(STORY.facts(seen), seen)
    return found[0]


def test_each_mark_shows_its_field():
    spec = spec_of()
    where = lambda **looks: [  # noqa: E731
        (e["x"].get("field"), e["y"].get("field")) for e in mark_at(spec, **looks)
    ]
    assert where(shape="circle", fill="transparent") == [("h", "v")]
    assert where(shape="diamond") == [("middle", None)]
    (hollow,) = mark_at(spec, shape="circle", fill="transparent")
    assert hollow["opacity"]["condition"]["test"] == "datum.rows_seen > 0"
    (dots,) = mark_at(spec, type="point", shape="circle", filled=True, strokeWidth=0)
    assert (dots["x"]["field"], dots["y"]["field"]) == ("h", "v")
    assert dots["color"]["condition"] == {"test": "datum.picked", "value": LIGHT.picked}
    assert dots["key"]["field"] == "student"
    (line,) = mark_at(spec, type="line", color=LIGHT.complete)
    assert (line["x"]["field"], line["y"]["field"]) == ("h", "v")
    (own,) = mark_at(spec, type="line", color=LIGHT.no)
    assert own["detail"]["field"] == "school"
    assert own["opacity"]["condition"]["test"] == "datum.seen > 0"


@pytest.mark.parametrize(
    ("kind", "colour"), [("stated", "complete"), ("schools", "between"), ("truth", "truth")]
)
def test_each_bar_is_that_of_its_error(kind, colour):
    spec = spec_of()

    def layers(part):
        found = [part] if "mark" in part else []
        return found + [x for layer in part.get("layer", []) for x in layers(layer)]

    bars = [
        layer
        for layer in layers(spec)
        if layer["mark"].get("type") == "bar" and layer["data"]["name"] == "errors"
    ]
    (bar,) = [b for b in bars if b["transform"][0]["filter"] == f"datum.kind == '{kind}'"]
    assert bar["mark"]["color"] == getattr(LIGHT, colour)
    assert (bar["encoding"]["x"]["field"], bar["encoding"]["x2"]["field"]) == ("low", "high")
    assert bar["encoding"]["opacity"]["condition"]["test"] == "datum.seen > 0"


def test_steps_show_what_they_speak_of():
    seen = lambda k, table: at(k)[1][table]["seen"].tolist()  # noqa: E731
    assert seen(OPEN, "errors") == seen(PREDICT, "errors") == [1, 0, 0]
    assert seen(SLIDE, "errors") == seen(SIMPSON, "errors") == [1, 1, 0]
    assert seen(TRUTH, "errors") == seen(LAST, "errors") == [1, 1, 1]
    assert [k for k in range(9) if seen(k, "town") == [0]] == [SLIDE, SIMPSON]
    assert [k for k in range(9) if max(seen(k, "own")) == 1] == [SIMPSON]
    rows = [k for k in range(9) if at(k)[1]["schools"]["rows_seen"].max() == 1]
    assert rows == [CLUMP, SAY]
    students = at(OPEN)[1]["students"]
    assert set(students["school"][students["picked"]]) == {"Oak Hill"}
    assert "Oak Hill" not in set(students["school"][~students["picked"]])


def test_the_answer_brings_the_bar_by_schools():
    (before, hidden), (after, shown) = at(PREDICT), at(PREDICT, answered=True)
    f = STORY.facts(story.designed(STORY, PREDICT))
    assert hidden["errors"]["seen"].tolist() == [1, 0, 0]
    assert shown["errors"]["seen"].tolist() == [1, 1, 0]
    assert "by schools" not in before
    assert f"by schools: {2 * f.by_schools:.1f}" in after


def test_the_alternative_says_which_view_is_shown():
    assert "score = 60.5 + 4.2 times pre-test" in at(OPEN)[0]
    assert "Distances from the line, a row for each school" in at(CLUMP)[0]


def test_the_figure_does_not_change_its_specification():
    settings = set()

    def show(*_, on_school, **options):
        settings.add(str(options))

    with patch.object(page_figure, "show", show):
        for k in range(-1, len(STORY.steps)):
            seen = story.designed(STORY, k, answered=True)
            STORY.figure(STORY.facts(seen), seen)
    assert len(settings) == 1


def test_the_legend_names_what_is_there():
    named = {}
    for k in range(9):
        seen = story.designed(STORY, k)
        with (
            patch.object(page_figure, "show"),
            patch.object(page_figure, "legend", lambda k=k, **names: named.update({k: names})),
        ):
            STORY.figure(STORY.facts(seen), seen)
    assert all("one_line" in names for names in named.values())
    assert [k for k, names in named.items() if "truth" in names] == [TRUTH, CHECK, LAST]
    assert page_figure._LEGEND["one_line"][0] == "━"
    assert page_figure._COLOUR["one_line"] == "complete"
    assert all(names["students"] == "students of Oak Hill" for names in named.values())
    assert [k for k, names in named.items() if "no" in names] == [CLUMP, SAY]
    assert [k for k, names in named.items() if "own_line" in names] == [SIMPSON]
