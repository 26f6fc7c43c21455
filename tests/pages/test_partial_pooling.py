"""The heart of the course: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re

import pytest

from mlm_core import Hyperparameters, Scenario
from mlm_core.lessons.partial_pooling import facts
from pages.shared import presets, story
from tests.pages.kit import drawn, mark_at, questions, right, said, story_of

SCENARIOS = [
    Scenario(),
    Scenario(n_groups=12, seed=5),
    Scenario(n_groups=12, students_per_group=3, seed=11),
    Scenario(n_groups=12, hyper=Hyperparameters(sigma_alpha=15.0), seed=8),
    Scenario(imbalance=0.0, seed=3),
    presets.ZERO,
]
STORY = story_of("partial_pooling")
KINDS = [step.kind for step in STORY.steps]
PREDICT, SAY, TRUTH, CHECK = (KINDS.index(k) for k in ("predict", "say", "truth", "check"))


def the(scenario: Scenario):
    return facts(scenario, "Ashford")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_prediction_is_computed(scenario):
    f = the(scenario)
    answer = right(questions(STORY, PREDICT, f)[0])
    equal = f.sigma_alpha == 0 or f.data.n.min() == f.data.n.max()
    assert answer == ("All the same share" if equal else "A small one")
    if not equal:
        most = max(range(f.data.n_groups), key=f.pulled)
        assert f.data.n[most] == f.data.n.min()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_number_of_students_with_equal_weights_is_computed(scenario):
    f = the(scenario)
    answer = right(questions(STORY, CHECK, f)[1])
    if f.sigma_alpha == 0:
        assert answer.startswith("No number")
    else:
        n = float(re.search(r"[\d.]+", answer)[0])
        own, common = n / f.fit.sigma_y**2, 1 / f.sigma_alpha**2
        assert own == pytest.approx(common, rel=0.2 if n < 3 else 0.51 / n)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_words_follow_the_handle(scenario):
    f = the(scenario)
    step = next(s for s in STORY.steps if s.kind == "try")
    table, formula = step.hand(f).texts, STORY.steps[SAY].hand(f).texts
    last = len(f.path.sigma_alpha) - 1
    for k in (0, f.rest, 60, last):
        assert float(table["ma"][k].replace("−", "-")) == pytest.approx(
            f.path.alpha[k, f.picked], abs=0.051
        )
        assert float(formula["alpha"][k].replace("−", "-")) == pytest.approx(
            f.path.alpha[k, f.picked], abs=0.051
        )
    assert table["wa"][0] == "100%"
    assert table["wa"][last] == "0%"
    assert table["sd"][last] == "∞"
    assert float(formula["sd"][f.rest]) == pytest.approx(f.sigma_alpha, abs=0.051)
    assert float(formula["sy"][f.rest]) == pytest.approx(f.fit.sigma_y, abs=0.06)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_against_the_truth_the_sentence_counts(scenario):
    f = the(scenario)
    words = said(STORY.steps[TRUTH].text, f)
    assert f"**{f.closer} of {f.data.n_groups}**" in words
    won = f.misses(f.partial, f.truth) < f.misses(f.own, f.truth)
    assert ("misses less" in words) == won
    for value in (f.misses(f.partial, f.later), f.misses(f.own, f.later)):
        assert f"{value:.1f}" in words


def test_each_mark_shows_its_field():
    seen = story.designed(STORY, TRUTH)
    (figure,), handle = drawn(STORY, seen)
    hollow = mark_at(figure.spec, shape="circle", fill="transparent")
    assert [e["x"]["field"] for e in hollow] == ["own"]
    filled = [e for e in mark_at(figure.spec, shape="circle") if e not in hollow]
    assert [e["x"]["field"] for e in filled] == ["alpha"]
    assert [e["x"]["field"] for e in mark_at(figure.spec, shape="diamond")] == ["truth"]
    assert [e["x"]["field"] for e in mark_at(figure.spec, shape="triangle-up")] == ["later"]
    rules = [e["x"]["field"] for e in mark_at(figure.spec, type="rule") if "field" in e["x"]]
    assert sorted(field for field in rules if field != "position") == ["a0", "complete"]
    bars = [
        (e["x"].get("field"), e.get("x2", {}).get("field"))
        for e in mark_at(figure.spec, type="bar")
    ]
    assert ("own", "alpha") in bars
    assert ("low", "high") in bars
    assert handle.spoken[0] == "0 points: complete pooling"
    assert handle.spoken[-1] == "infinite: no pooling"
    assert float(handle.spoken[handle.rest].split()[0]) > 0


def test_the_break_shows_a_school_pulled_the_wrong_way():
    k = KINDS.index("breaks")
    f = STORY.facts(story.designed(STORY, k))
    j = f.picked
    assert f.names[j] == "Ashford"
    assert abs(f.partial[j] - f.truth[j]) > abs(f.own[j] - f.truth[j])


def test_the_other_break_has_an_estimate_of_exactly_0():
    k = len(KINDS) - 1 - KINDS[::-1].index("breaks")
    f = STORY.facts(story.designed(STORY, k))
    assert f.sigma_alpha == 0
    assert f.rest == 0
    true = abs(f.path.sigma_alpha - f.true_sd).argmin()
    assert f.path.log_likelihood[true] > -1.92, "the truth is plausible"


def test_the_figure_waits_for_the_answer():
    before, handle = drawn(STORY, story.designed(STORY, PREDICT))
    after, _ = drawn(STORY, story.designed(STORY, PREDICT, answered=True))
    assert (before[0].tables["schools"]["partial_seen"] == 0).all()
    assert (after[0].tables["schools"]["partial_seen"] == 1).all()
    assert handle.at("last") == 120
    assert STORY.steps[PREDICT].shows["handle"] == "last"
    assert STORY.steps[PREDICT].answered["handle"] == "rest"
