"""The first lesson: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest

from mlm_core import Hyperparameters, Scenario, simulate
from mlm_core.charts.theme import LIGHT
from mlm_core.lessons.next_year import YEARS, facts
from pages.shared import figure as page_figure
from pages.shared import story
from tests.pages.kit import drawn, mark_at, questions, right, run_python, said, story_of

STORY = story_of("next_year")
KINDS = [step.kind for step in STORY.steps]
PREDICT, TRY, TRUTH, CHECK = (KINDS.index(k) for k in ("predict", "try", "truth", "check"))
SCENARIOS = [
    Scenario(),
    *(Scenario(seed=s) for s in range(1, 6)),
    Scenario(n_groups=3, students_per_group=2, seed=5),
    Scenario(n_groups=6, seed=3),
    Scenario(imbalance=0.0, seed=3),
    Scenario(n_groups=60, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0), seed=8),
]


@cache
def the(scenario: Scenario):
    return facts(scenario, "Birch Lane")


@cache
def means(scenario: Scenario):
    data = simulate(scenario).data
    return data.group_means(data.y)


def test_all_three_verdicts_come_up():
    assert {the(s).verdict for s in SCENARIOS} == {"fall", "rise", "half"}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_prediction_is_counted(scenario):
    f, own = the(scenario), means(scenario)
    top = (-own).argsort()[: f.ends]
    down = int((means(replace(scenario, redraw=1)) < own)[top].sum())
    question = questions(STORY, PREDICT, f)[0]
    up = len(top) - down
    wanted = "They fall" if down > up else "They rise" if up > down else "As many rise as fall"
    assert right(question) == wanted
    why = next(a.why for a in question.answers if a.right)
    assert str(down if down > up else up) in why


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_who_moves_more_is_computed(scenario):
    f = the(scenario)
    answer = right(questions(STORY, CHECK, f)[1])
    if f.data.n.min() == f.data.n.max():
        assert "alike" in answer
    else:
        assert str(f.names[f.data.n.argmin()]) in answer.replace("\\", "")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_words_follow_the_handle(scenario):
    f, own = the(scenario), means(scenario)
    texts = STORY.steps[TRY].hand(f).texts
    assert {len(t) for t in texts.values()} == {YEARS + 1}
    assert texts["praised_lower"][0] == texts["inspected_moved"][0] == "–"
    top, low = (-own).argsort()[: f.ends], own.argsort()[: f.ends]
    for year in (1, 2, YEARS):
        move = means(replace(scenario, redraw=year)) - own
        for name, schools in (("praised", top), ("inspected", low)):
            assert texts[f"{name}_lower"][year] == str((move[schools] < 0).sum())
            assert texts[f"{name}_higher"][year] == str((move[schools] > 0).sum())
            shown = float(texts[f"{name}_moved"][year].replace("−", "-"))
            assert shown == pytest.approx(move[schools].mean(), abs=0.051)
        mean = float(texts["mean"][year].split()[0].replace("−", "-"))
        assert mean == pytest.approx(own[f.picked] + move[f.picked], abs=0.051)
        mine = float(texts["mine_moved"][year].replace("−", "-"))
        assert mine == pytest.approx(mean - float(f"{own[f.picked]:.1f}"))
    assert texts["year"][:3] == ["This year", "Next year", "In 2 years"]
    rows = re.findall(r"<tr><th scope='row'>(.+?)</tr>", STORY.steps[TRY].hand(f).html)
    holes = [re.findall(r'data-live="(\w+)"', row) for row in rows]
    wanted = ["lower", "higher", "moved"]
    assert holes[:2] == [[f"{g}_{w}" for w in wanted] for g in ("praised", "inspected")]
    assert [row.split("<")[0] for row in rows] == [
        f"the {f.ends} praised",
        f"the {f.ends} inspected",
        f"Birch Lane ({f.data.n[f.picked]})",
    ]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_truth_step_divides_the_lead(scenario):
    f = the(scenario)
    words = said(STORY.steps[TRUTH].text, f)
    assert f"**{f.truly_best} of the {f.ends}**" in words
    own, truth = means(scenario), simulate(scenario).mean
    top = (-own).argsort()[: f.ends]
    lead, true = own[top].mean() - own.mean(), truth[top].mean() - own.mean()
    assert f"lie {lead:.1f} points above" in words
    assert f"their diamonds {true:.1f}. So {true:.1f} points".replace("-", "−") in words
    luck = float(f"{lead:.1f}") - float(f"{true:.1f}")
    assert (f"the other {luck:.1f} were luck" in words) == (luck >= 0.05)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_ranges_are_those_of_the_years_to_come(scenario):
    f = the(scenario)
    words = said(STORY.steps[TRY + 1].text, f)
    other = f.largest if f.picked != f.largest else f.smallest
    for j in (f.picked, other):
        low, high = f.range_of(j)
        assert f"from {low:.1f} to {high:.1f} points".replace("-", "−") in words
        assert str(f.names[j]) in words
    assert not re.search(r"\b1 students\b", words)
    assert ("luck moves all alike" in words) == f.same_size
    assert ("circle lies right of all its triangles" in words) == (
        not f.same_size and f.own[f.largest] > f.years[1:, f.largest].max()
    )
    if not f.same_size:
        small, large = (f.typical_move(some) for some in (f.small_ones, f.large_ones))
        assert f"smallest schools stood {small:.1f} points" in words
        assert f"the {f.ends} largest {large:.1f}." in words


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_opening_names_the_best_and_another(scenario):
    f, own = the(scenario), means(scenario)
    best = str(f.names[own.argmax()])
    text, do = said(STORY.steps[0].text, f), said(STORY.steps[0].do, f)
    assert f"**{best}** with {own.max():.1f} points" in text
    assert "picked: Birch Lane" in text
    first, other = re.findall(r"\*\*(.+?)\*\*", do)
    assert first == best != other
    assert other in f.names


def test_the_opening_bets_on_northgate_or_oak_hill():
    do = said(STORY.steps[0].do, the(Scenario()))
    assert "**Northgate** and **Oak Hill**" in do


def test_the_cases_are_counted_over_ten_years():
    f, own = the(Scenario()), means(Scenario())
    top = (-own).argsort()[:5]
    lower = sum((means(Scenario(redraw=t)) < own)[top].sum() for t in range(1, YEARS + 1))
    k = next(k for k, step in enumerate(STORY.steps) if step.heading == "Regression to the mean")
    words = said(STORY.steps[k].text, f)
    assert f"in all {lower} of 50 cases (5 schools, 10 years)" in words
    assert "between 2 and 5 of the 5 praised" in words
    fall = np.mean([(own - means(Scenario(redraw=t)))[top].mean() for t in range(1, YEARS + 1)])
    lead = own[top].mean() - own.mean()
    assert f"fell by {fall:.1f} of the {lead:.1f} points above" in words


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_whether_the_praised_fall_all_the_way_is_answered(scenario):
    f = the(scenario)
    k = next(k for k, step in enumerate(STORY.steps) if step.heading == "Regression to the mean")
    words = said(STORY.steps[k].text, f)
    said_ways = {"not at all": "did not fall", "part": "not all the way", "all": "the whole way"}
    assert [way for way, text in said_ways.items() if text in words] == [f.way]


def test_the_title_s_question_is_answered_in_one_sentence():
    words = said(STORY.steps[-1].text, the(Scenario()))
    assert "Northgate will most likely fall next year" in words
    assert len(re.findall(r"[.!?](?:\s|$)", words)) == 1


def test_each_mark_shows_its_field():
    (figure,), handle = drawn(STORY, story.designed(STORY, TRUTH))
    fields = lambda **looks: [e["x"].get("field") for e in mark_at(figure.spec, **looks)]  # noqa: E731
    assert fields(shape="circle", fill="transparent") == ["own"]
    assert fields(shape="diamond") == ["truth"]
    triangles = mark_at(figure.spec, shape="triangle-up", fill=LIGHT.later)
    assert [e["x"]["field"] for e in triangles] == ["step", "later", "later"]
    seen = [e["opacity"]["condition"]["test"] for e in triangles if "opacity" in e]
    assert seen == ["datum.trail_seen > 0", "datum.later_seen > 0"]
    bars = [(e["x"].get("field"), e["x2"].get("field")) for e in mark_at(figure.spec, type="bar")]
    assert ("own", "later") in bars
    rules = [e["x"].get("field") for e in mark_at(figure.spec, type="rule")]
    assert rules == [None, "mean"]
    truths = mark_at(figure.spec, shape="diamond")[0]["opacity"]["condition"]
    assert truths["test"] == "datum.truth_seen > 0"
    assert handle.spoken == ["this year", "next year", *(f"in {k} years" for k in range(2, 11))]
    assert (handle.rest, handle.last) == (1, YEARS)


def test_marks_that_move_keep_who_they_are():
    (figure,), _ = drawn(STORY, story.designed(STORY, TRUTH))
    for looks in ({"shape": "circle", "fill": "transparent"}, {"shape": "diamond"}):
        assert all(e["key"]["field"] == "school" for e in mark_at(figure.spec, **looks))
    keys = [e["key"]["field"] for e in mark_at(figure.spec, shape="triangle-up") if "key" in e]
    assert keys == ["mark", "school"]


def kept(options: dict) -> str:
    """What a specification is made from, but for what may change freely."""
    return str({k: v for k, v in options.items() if k != "on_school"})


def test_the_figure_does_not_change_its_specification():
    settings = set()
    with patch.object(page_figure, "show", lambda *_, **options: settings.add(kept(options))):
        for k in range(-1, len(STORY.steps)):
            seen = story.designed(STORY, k, answered=True)
            STORY.figure(STORY.facts(seen), seen)
    assert len(settings) == 1


def test_nothing_of_the_years_to_come_is_told_before_the_answer():
    for k in range(PREDICT + 1):
        (figure,), _ = drawn(STORY, story.designed(STORY, k))
        own = figure.tables["schools"].set_index("row")["own"]
        for name in ("path", "trail"):
            table = figure.tables[name]
            assert (own[table["row"]].to_numpy() == table["later"].to_numpy()).all()
            assert (table[table.columns[-1 if name == "trail" else 3]] == 0).all()
        assert "not shown yet" in figure.alt
    (after,), handle = drawn(STORY, story.designed(STORY, PREDICT, answered=True))
    assert after.tables["path"]["later_seen"].max() == 1
    assert handle.at(STORY.steps[PREDICT].answered["handle"]) == 1


def test_where_luck_is_small_the_praised_hardly_fall():
    k = KINDS.index("breaks")
    f, g = STORY.facts(story.designed(STORY, k)), the(Scenario())
    assert f.same_size
    assert f.data.n[0] == 80
    assert -1.0 < f.change(f.praised) < 1.0
    assert f.again_on_average > g.again_on_average
    look = said(STORY.steps[k].look, f)
    assert f.again_on_average == 4
    assert "On average 4 of the 5 are praised again" in look
    assert f"in the town before, {g.again_on_average:.1f} of 5" in look
    assert (
        f"lower in {f.ever_lower} of 50 cases; in the town before, in {g.ever_lower} of 50" in look
    )
    assert abs(f.ever_lower - 25) < 4 < g.ever_lower - 25


def test_the_code_prints_who_falls():
    f = the(Scenario())
    code = STORY.listing(f)
    wanted = [f"{f.years[1, j] - f.own[j]:.1f}" for j in f.praised]
    for language in (code.core, code.statsmodels):
        printed = run_python(language)
        for name, value in zip(f.names[f.praised], wanted, strict=True):
            assert name in printed
            assert (
                value in printed.replace("-0.0", "0.0") or value.rstrip("0").rstrip(".") in printed
            )
    assert "reshape(means" in code.lme4


def test_no_symbols_before_they_are_wanted():
    f = the(Scenario())
    for step in STORY.steps:
        for words in (step.text, step.changed, step.look, step.do):
            assert "$" not in said(words, f)
