"""The heart of the course: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re

import numpy as np
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
    assert answer == ("All go the same share" if equal else "Those with few students")
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


def values(texts, k):
    return {
        name: float(text[k].replace("−", "-"))
        for name, text in texts.items()
        if name not in ("said", "half")
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_calculator_confirms_the_weights(scenario):
    f = the(scenario)
    texts, n = STORY.steps[SAY].hand(f).texts, f.data.n[f.picked]
    for k in (0, f.rest, 40, 90):
        at = values(texts, k)
        average = at["own"] * round(f.own[f.picked], 1) + at["common"] * at["a0"]
        assert average == pytest.approx(at["alpha"], abs=0.12)
        assert at["own"] + at["common"] == pytest.approx(1, abs=0.0011)
        if f.path.sigma_alpha[k] > 1:
            half = at["sy"] ** 2 / at["sd"] ** 2
            assert float(texts["half"][k]) == pytest.approx(half, rel=0.012)
            assert at["own"] == pytest.approx(n / (n + half), abs=0.003)
            assert f"{100 * n / (n + half):.0f}"[:1] in texts["said"][k]
    assert texts["said"][0] == "only the common mean counts"
    assert texts["said"][-1] == "only its own mean counts"


def test_the_numbers_on_the_page_are_exactly_those_of_a_calculator():
    f = facts(Scenario(), "Northgate")
    at = values(STORY.steps[SAY].hand(f).texts, f.rest)
    half = float(STORY.steps[SAY].hand(f).texts["half"][f.rest])
    assert half == round(at["sy"] ** 2 / at["sd"] ** 2, 2)
    assert at["own"] == round(3 / (3 + half), 3)
    assert at["alpha"] == round(at["own"] * 71.5 + at["common"] * at["a0"], 1)
    assert "{n_j + 4}" in said(STORY.steps[SAY].text, f)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_against_the_truth_the_sentence_counts(scenario):
    f = the(scenario)
    words = said(STORY.steps[TRUTH].text, f)
    assert f"{f.closer} of {f.data.n_groups} come nearer" in words
    for target in (f.truth, f.years):
        before = float(np.sqrt(np.mean((f.own - target) ** 2)))
        after = float(np.sqrt(np.mean((f.partial - target) ** 2)))
        told = (
            f"falls from {before:.1f} to **{after:.1f} points**"
            if after < before
            else f"does not fall in this draw: {before:.1f}, then **{after:.1f} points**"
        )
        assert told in words
    error = f.path.se_alpha[f.rest]
    out = sum(
        not low <= later <= high
        for low, later, high in zip(f.partial - error, f.later, f.partial + error, strict=True)
    )
    assert f"{out} of {f.data.n_groups} lie outside" in words
    miss = np.abs(f.partial - f.later)
    assert f"({f.names[miss.argmax()]}: ".replace("-", "\\-") in words


def test_the_question_of_lesson_1_is_answered():
    f = facts(Scenario(), "Northgate")
    assert f.own[f.picked] == f.own.max()
    assert "the best of lesson 1" in said(STORY.steps[0].text, f)
    assert "the best of lesson 1" not in said(STORY.steps[0].text, the(Scenario()))
    words = said(STORY.steps[TRUTH].text, f)
    assert "**Northgate** had 71.5; partial pooling expects 64.7; next year it had 64.4." in words
    assert "for Northgate not 71.5, but 64.7" in said(STORY.steps[-1].text, f)
    assert story.designed(STORY, len(KINDS) - 1)["later"]
    assert not story.designed(STORY, TRUTH)["later"]
    assert "later" in STORY.steps[TRUTH].uses


def test_only_few_students_can_be_right_in_the_figure():
    """A school that stands as far out as the small ones keeps nearly all of its own mean."""
    f = facts(Scenario(), "Northgate")
    far = abs(f.own - f.fit.hyper.a0)
    few, many = f.smallest, f.largest
    assert (f.names[few], f.names[many]) == ("Northgate", "Oak Hill")
    assert far[many] > 0.8 * far[few]
    assert f.pulled(many) < 0.1 < 0.5 < f.pulled(few)
    why = next(a.why for a in questions(STORY, PREDICT, f)[0].answers if a.right)
    assert f"pulled {100 * f.pulled(few):.0f}%" in why
    assert why.endswith(f": {100 * f.pulled(many):.0f}%.")


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
    before = facts(Scenario(), "Northgate")
    look = said(STORY.steps[k].look, f)
    assert f"from {before.sigma_alpha:.1f} to {f.sigma_alpha:.1f} points" in look
    now, then = f.pulled(f.smallest), before.pulled(before.smallest)
    assert now < then
    assert f"Northgate is pulled {100 * now:.0f}% now; before, {100 * then:.0f}%." in look
    (figure,), _ = drawn(STORY, story.designed(STORY, k))
    low, high = re.search(r"wider: (−?\d+) to (\d+)", said(STORY.steps[k].changed, f)).groups()
    text = str(figure.spec).replace(".0", "")
    assert f"[{low.replace('−', '-')}, {high}]" in text


def test_the_other_break_has_an_estimate_of_exactly_0():
    k = len(KINDS) - 1 - KINDS[::-1].index("breaks")
    f = STORY.facts(story.designed(STORY, k))
    assert f.sigma_alpha == 0
    assert f.rest == 0
    true = abs(f.path.sigma_alpha - f.true_sd).argmin()
    assert f.path.log_likelihood[true] > -1.92, "the truth is plausible"
    share = int(re.search(r"fits (\d+)% as well as 0", said(STORY.steps[k].look, f))[1])
    assert share == pytest.approx(100 * np.exp(f.path.log_likelihood[true]), abs=2)
    middle = int(re.search(r"fewer than (\d+)", said(STORY.steps[k].changed, f))[1])
    assert (f.data.n < middle).sum() == f.data.n_groups / 2


def test_the_figure_waits_for_the_answer():
    before, handle = drawn(STORY, story.designed(STORY, PREDICT))
    after, _ = drawn(STORY, story.designed(STORY, PREDICT, answered=True))
    assert (before[0].tables["schools"]["partial_seen"] == 0).all()
    hidden = before[0].tables["path"].merge(before[0].tables["schools"], on="row")
    assert (hidden["alpha"] == hidden["own"]).all(), "the handle gives nothing away"
    assert (hidden["pulled"] == 0).all()
    assert (before[0].tables["likelihood"]["caption"] == "more in step 3").all()
    assert (after[0].tables["schools"]["partial_seen"] == 1).all()
    assert handle.at("last") == 120
    assert STORY.steps[PREDICT].shows["handle"] == "last"
    assert STORY.steps[PREDICT].answered["handle"] == "rest"
