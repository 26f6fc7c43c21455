"""Prediction: its story, its answers, its marks, held to the facts and to counting by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Hyperparameters, Scenario, fit_partial_pooling, simulate
from mlm_core.lessons.prediction import facts
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
    text,
)

STORY = story_of("prediction")
KINDS = [step.kind for step in STORY.steps]
FEW_AND_ALIKE = Scenario(3, 5, hyper=Hyperparameters(sigma_alpha=0, b0=0), seed=5)
ZERO = Scenario(8, 10, hyper=Hyperparameters(sigma_alpha=2, b0=0, b1=0, sigma_beta=0), seed=1)
SCENARIOS = [
    Scenario(),
    Scenario(n_groups=3, seed=5),
    Scenario(n_groups=30, seed=11, students_per_group=4),
    Scenario(extraordinary=-40.0, seed=7),
    ZERO,
    FEW_AND_ALIKE,
]
N = r"(−?\d+\.\d)"


def designed(k, **changes):
    from pages.shared.story import designed as design

    return design(STORY, k, **changes)


def value(word: str) -> float:
    return float(word.replace("−", "-"))


def numbers(pattern: str, prose: str) -> list[float]:
    found = re.search(pattern, prose)
    assert found, prose
    return [value(g) for g in found.groups()]


def test_the_steps_are_those_of_the_grammar():
    assert KINDS == [
        "situation", "predict", "try", "say", "try", "truth", "breaks", "check", "sentence",
    ]  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=range(len(SCENARIOS)))
def test_the_answers_are_computed(scenario):
    f = facts(scenario, "Oak Hill")
    [question] = questions(STORY, 1, f)
    data = replace(simulate(scenario).data, x=None)
    zero = fit_partial_pooling(data).hyper.sigma_alpha == 0
    assert right(question) == ("The same everywhere" if zero else "In the new school")
    [why] = [a.why for a in question.answers if a.right]
    if zero:
        assert f.families[0][3] - f.families[0][2] == pytest.approx(
            f.families[2][3] - f.families[2][2]
        )
        drawn = [float(w) for w in re.findall(r"\d+\.\d", why)]
        ends = [round(f.width(0), 1), round(f.width(f.last), 1)]
        assert drawn == (ends if ends[0] != ends[1] else [])
    else:
        said_ = numbers(rf"{N} points wide, {N} with \d+ seen, {N} with all", why)
        assert said_ == pytest.approx([f.width(0), f.width(f.few), f.width(f.last)], abs=0.051)
        assert said_[0] > said_[1] >= said_[2]
    share = questions(STORY, KINDS.index("check"), f)[0]
    icc = f.fit.hyper.sigma_alpha**2 / (f.fit.hyper.sigma_alpha**2 + f.fit.sigma_y**2)
    assert right(share).startswith(f"{100 * icc:.0f}%")
    between, within = f.fit.hyper.sigma_alpha, f.fit.sigma_y
    sds = f"between schools is {between:.1f} points, within schools {within:.1f}."
    assert sds in share.text, "what the answer is worked out from"
    assert "between schools" in right(share)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=range(len(SCENARIOS)))
def test_no_two_answers_read_the_same(scenario):
    f = facts(scenario, "Oak Hill")
    for k in (1, KINDS.index("check")):
        for question in questions(STORY, k, f):
            assert right(question)
            assert len({a.text for a in question.answers}) == len(question.answers)
            assert len({a.why for a in question.answers}) == len(question.answers)


def test_the_prediction_is_not_given_away():
    for k in (0, 1):
        seen = designed(k)
        assert not seen.revealed
        [fig], _ = drawn(STORY, seen)
        assert not fig.tables["path"][["partial_seen", "no_seen", "complete_seen"]].any().any()
        assert not fig.tables["curve"].filter(like="density").any().any()
        assert "No prediction is shown" in fig.alt
        assert not re.search(r"\d to ", fig.alt)
    [fig], handle = drawn(STORY, designed(1, answered=True))
    f = facts(Scenario(), "Oak Hill")
    assert numbers(rf"{N} to {N} before", fig.alt) == pytest.approx(f.made.interval(0), abs=0.051)
    assert fig.tables["path"]["partial_seen"].all()
    assert handle.at("rest") == handle.last == f.last
    assert handle.spoken[-1] == f"{f.n} students seen"
    assert handle.at("few") == 3


def test_the_specification_stays_the_same_from_step_to_step():
    figures = [drawn(STORY, designed(k))[0][0] for k in (0, 2, 3, 4)]
    assert len({str(fig.spec) for fig in figures}) == 1
    assert [bool(f.tables["path"]["no_seen"].any()) for f in figures] == [False, False, False, True]


def test_what_each_mark_shows():
    [fig], _ = drawn(STORY, designed(4, truth=True))
    hollow = mark_at(fig.spec, shape="circle", fill="transparent")
    assert [e["y"]["field"] for e in hollow] == ["no_mean"]
    filled = mark_at(fig.spec, shape="circle", fill="#00805A")
    assert [e["y"]["field"] for e in filled] == ["partial_mean"]
    assert [e["y"]["field"] for e in mark_at(fig.spec, shape="diamond")] == ["truth"]
    rules = mark_at(fig.spec, type="line", color="#C8501B")
    assert [e.get("y")["field"] for e in rules] == [
        "complete_low", "complete_mean", "complete_high", "score",
    ]  # fmt: skip
    assert rules[-1]["x"]["field"] == "complete_density"
    blue = mark_at(fig.spec, type="line", color="#0B68B0")
    assert [e["y"]["field"] for e in blue] == ["no_low", "no_high", "score"]
    assert blue[-1]["x"]["field"] == "no_density"
    [band] = [e for e in mark_at(fig.spec, type="area") if "y2" in e]
    assert (band["y"]["field"], band["y2"]["field"]) == ("partial_low", "partial_high")
    [bar] = mark_at(fig.spec, type="bar")
    assert (bar["y"]["field"], bar["y2"]["field"]) == ("partial_low", "partial_high")
    [grey] = mark_at(fig.spec, shape="circle", fill="#5B6470")
    assert grey["y"]["field"] == "score"
    every = [m["mark"] for m in marks(fig.spec)]
    dots = next(k for k, m in enumerate(every) if m.get("fill") == "#5B6470")
    bars = next(k for k, m in enumerate(every) if m["type"] == "bar")
    assert dots > bars, "a student is not hidden under the interval"


def test_held_out_errors_hollow_is_no_pooling():
    [fig], handle = drawn(STORY, designed(KINDS.index("truth")))
    assert (fig.key, handle) == ("held_out", None)
    assert "Left out schools: no pooling predicts nothing." in fig.alt
    assert "–" not in fig.alt

    def poolings(spec, look):
        found = []
        for layer in spec["layer"]:
            for part in layer["layer"]:
                mark = part["mark"]
                if all(mark.get(k) == v for k, v in look.items()):
                    found.append([t["filter"] for t in part["transform"] if "filter" in t])
        return found

    for shape, fill, pooling in (
        ("circle", "transparent", "no"),
        ("circle", "#00805A", "partial"),
        ("stroke", None, "complete"),
    ):  # fmt: skip
        look = {"shape": shape} | ({"fill": fill} if fill else {})
        found = poolings(fig.spec, look)
        assert len(found) == 2
        assert all(f"datum.pooling == '{pooling}'" in " ".join(filters) for filters in found)
        assert "'students'" in " ".join(found[0])
        assert "'schools'" in " ".join(found[1])
    fields = {m["encoding"]["y"]["field"] for m in marks(fig.spec) if "field" in m["encoding"]["y"]}
    assert fields == {"rmse"}


@pytest.mark.parametrize("scenario", SCENARIOS[:3], ids=range(3))
def test_words_that_follow_the_handle(scenario):
    f = facts(scenario, "Oak Hill")
    small, formula = (STORY.steps[k].hand(f) for k in (2, 3))
    for step, k in enumerate(f.made.seen):
        low, high = f.made.interval(step)
        assert value(small.texts["low"][step]) == pytest.approx(low, abs=0.051)
        assert value(small.texts["high"][step]) == pytest.approx(high, abs=0.051)
        assert value(small.texts["width"][step]) == pytest.approx(high - low, abs=0.051)
        within, school = (value(small.texts[n][step]) for n in ("student", "school"))
        total = np.hypot(within, school)
        t = value(formula.texts["t"][step])
        assert t * total == pytest.approx((high - low) / 2, abs=0.35)
        assert value(formula.texts["s"][step]) == school
        assert value(formula.texts["half"][step]) == pytest.approx((high - low) / 2, abs=0.051)
        assert small.texts["k"][step].startswith("Nobody" if k == 0 else str(k))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=range(len(SCENARIOS)))
def test_the_sentences_are_the_facts(scenario):
    f = facts(scenario, "Oak Hill", of_class=True, errors=scenario.n_groups < 10)
    prose = said(STORY.steps[4].text, f)
    complete, partial = f.made.interval(0, "complete"), f.made.interval(0)
    answers = STORY.steps[4].hand(f).texts
    for pooling in ("complete", "partial", "no"):
        for k in range(len(f.made.seen)):
            if pooling == "no" and f.made.seen[k] == 0:
                assert answers["no"][k] == "no answer"
            else:
                wanted = pytest.approx(f.made.interval(k, pooling), abs=0.051)
                assert numbers(rf"{N} to {N}", answers[pooling][k]) == wanted
        assert answers["k"] == [str(k) for k in f.made.seen]
    counts = re.search(
        r"of (\S+) of (\d+) schools lie in the interval of complete pooling, of (\S+) in", prose
    )
    truth = simulate(scenario).mean
    assert [int(c) for c in counts.groups()] == [
        ((truth > complete[0]) & (truth < complete[1])).sum(),
        len(truth),
        ((truth > partial[0]) & (truth < partial[1])).sum(),
    ]
    look = said(STORY.steps[KINDS.index("breaks")].look, f)
    outside = not partial[0] < f.truth < partial[1]
    assert ("the diamond lies outside" in look) == outside
    low, high = f.made.interval(f.last)
    assert numbers(rf"seen it is {N} to {N}, the truth {N}\.", look) == pytest.approx(
        [low, high, f.truth], abs=0.051
    )
    assert ("is still outside" in look) == (not low < f.truth < high)
    last = said(STORY.steps[-1].text, f)
    ends = re.findall(r"(−?\d+) to (−?\d+)", last)
    wanted = [(round(low), round(high)) for *_, low, high in f.families]
    assert [tuple(int(v.replace("−", "-")) for v in pair) for pair in ends] == wanted
    if f.held is not None:
        honest = said(STORY.steps[KINDS.index("truth")].text, f)
        assert f"{f.held.inside} of {f.data.n_students} students" in honest
        new = numbers(rf"new school \| {N} \| none \| {N} \|", honest)
        assert new == pytest.approx(
            [f.held.rmse["schools", "partial"], f.held.rmse["schools", "complete"]], abs=0.051
        )
        known = numbers(rf"known school \| {N} \| {N} \| {N} \|", honest)
        assert known == pytest.approx(
            [f.held.rmse["students", p] for p in ("partial", "no", "complete")], abs=0.051
        )
        assert ("the miss is larger" in honest) == (new[0] > known[0])


def test_the_lesson_holds_on_its_own_draws():
    """What the steps point at is there: no school's true mean is missed by the wide interval."""
    f = facts(STORY.start, "Oak Hill", of_class=True)
    assert f.holds("partial") > f.holds("complete")
    stranger = facts(STORY.steps[KINDS.index("breaks")].sets, "Ashford", of_class=True)
    assert stranger.missed
    scenario = STORY.steps[KINDS.index("breaks")].sets
    before = simulate(replace(scenario, extraordinary=0.0)).mean[stranger.picked]
    told = said(STORY.steps[KINDS.index("breaks")].changed, stranger)
    assert numbers(rf"is now {N}: 30 points lower than before, {N}\.", told) == pytest.approx(
        [stranger.truth, before], abs=0.051
    )
    held = facts(STORY.start, "Oak Hill", errors=True)
    assert held.harder
    [fig], _ = drawn(STORY, designed(8))
    assert "scores of 3 students of Juniper" in fig.alt
    assert f.n > 30


def test_the_code_prints_the_numbers_of_the_page():
    f = facts(Scenario(seed=4), "Juniper", of_class=True)
    f_new = [float(v[0]) for v in _new(f)]
    for code in (STORY.listing(f).core, STORY.listing(f).statsmodels):
        printed = [float(v) for v in re.findall(r"-?\d+\.\d+", run_python(code))]
        # statsmodels' optimiser stops at about four digits
        assert printed == pytest.approx([*f.made.interval(f.last), *f_new], abs=0.05)


def _new(f):
    from mlm_core.new_student import predict_new_student

    return predict_new_student(f.fit).interval(size=25)


def test_every_pooling_has_seen_the_same_students():
    """What the handle says is seen is seen by complete pooling, too; the model in full says so."""
    f = facts(Scenario(), "Oak Hill", of_class=True)
    first, last = (f.made.complete_mean[k] for k in (0, -1))
    data = simulate(Scenario()).data
    assert last == pytest.approx(data.y.mean())
    assert first == pytest.approx(data.y[data.j != f.picked].mean())
    assert number(first) != number(last)
    words = STORY.model(f)
    assert "the k students seen and of all other schools, for each pooling" in words
    assert "The SDs are those of all students at every place" in words
    [fig], _ = drawn(STORY, designed(4))
    np.testing.assert_array_equal(fig.tables["path"]["complete_mean"], f.made.complete_mean)


def test_a_link_opens_the_laboratory():
    at = open_page("prediction", view="errors", n_groups=6, free="true")
    assert "lie in partial pooling's 95% interval" in text(at)
    at = open_page("prediction", n_groups=3, students_per_group=2, free="true")
    assert "laboratory" in text(at)
