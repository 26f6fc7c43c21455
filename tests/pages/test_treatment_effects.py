"""Treatment effects: its story, its answers and its marks, held to the facts."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Hyperparameters, Scenario
from mlm_core.lessons.treatment_effects import CLEAREST, COST, facts, simulated
from pages.shared import cached, offstage
from pages.shared.story import designed
from pages.shared.words import plain
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

STORY = story_of("treatment_effects")
KINDS = [step.kind for step in STORY.steps]
N = r"(−?\d+\.\d)"


def hyper(**changes):
    return replace(Hyperparameters(), **changes)


SCENARIOS = [
    None,
    Scenario(n_groups=3, seed=5),
    Scenario(students_per_group=3, seed=2),
    Scenario(hyper=hyper(sigma_beta=0.0, b1=0.0, a1=0.0), sigma_y=30.0, seed=4),
    Scenario(n_groups=60, hyper=hyper(a1=-10.0), sigma_y=3.0),
    STORY.steps[6].sets,
]
EACH = pytest.mark.parametrize("scenario", SCENARIOS, ids=range(len(SCENARIOS)))


def of(scenario, school=""):
    return facts(cached.trial(None) if scenario is None else simulated(scenario), school)


def value(word: str) -> float:
    return float(word.replace("−", "-"))


def numbers(pattern: str, prose: str) -> list[float]:
    found = re.search(pattern, prose)
    assert found, prose
    return [value(g) for g in found.groups()]


def test_the_steps_are_those_of_the_grammar():
    assert KINDS == [
        "situation", "predict", "try", "say", "truth", "breaks", "breaks", "check", "sentence",
    ]  # fmt: skip


@EACH
def test_the_answers_are_computed(scenario):
    f = of(scenario)
    [question] = questions(STORY, 1, f)
    p = f.likely
    wanted = (
        "Less than 50%" if p < 0.5 else "50 to 75%" if p < 0.75
        else "75 to 95%" if p < 0.95 else "More than 95%"
    )  # fmt: skip
    assert right(question) == wanted
    assert question.ordered
    mean, short, again, verdict = questions(STORY, KINDS.index("check"), f)
    assert right(mean) == "Not enough: schools also differ"
    assert numbers(rf"goes from {N} to {N}\.", mean.text) == pytest.approx(
        [f.found.low, f.found.high], abs=0.051
    )
    wide = 2 * 1.96 * f.found.sd
    if wide < 0.04:
        assert right(short).startswith("0 points, if")
    else:
        assert numbers(rf"About {N}", right(short)) == pytest.approx([wide], abs=0.06)
    assert numbers(rf"About {N}", right(again)) == pytest.approx([f.partial[f.best]], abs=0.051)
    assert f.names[f.best] in again.text
    assert right(verdict).startswith("Wrong")


@EACH
def test_no_two_answers_read_the_same(scenario):
    f = of(scenario)
    for k in (1, KINDS.index("check")):
        for question in questions(STORY, k, f):
            assert right(question)
            assert len({a.text for a in question.answers}) == len(question.answers)
            assert len({a.why for a in question.answers}) == len(question.answers)


@EACH
def test_the_sentences_are_the_facts(scenario):
    f = of(scenario)
    found = f.found
    two = said(STORY.steps[3].text, f)
    assert numbers(rf"work\? .*\| {N} to {N} \|", two) == pytest.approx(
        [found.low, found.high], abs=0.051
    )
    assert numbers(rf"new school\? .*\| {N} to {N} \|", two) == pytest.approx(
        [found.new_low, found.new_high], abs=0.051
    )
    assert ("lies above 0" in two) == (found.low > 0)
    assert ("lies below 0" in two) == (found.high < 0)
    assert ("holds 0" in two) == (found.low <= 0 <= found.high)
    opening = said(STORY.steps[0].text, f)
    assert numbers(rf"go from {N} to {N} points\..*together: {N}\.", opening) == pytest.approx(
        [np.nanmin(f.own), np.nanmax(f.own), f.trial.complete], abs=0.051
    )
    truth = said(STORY.steps[4].text, f)
    assert f"**{f.closer} of {f.n_own}** schools" in truth
    assert numbers(rf"misses by {N} points, schools by themselves by {N}", truth) == pytest.approx(
        [f.misses(f.partial), f.misses(f.own)], abs=0.051
    )
    assert numbers(rf"mean effect \| {N} \| {N} \|", truth) == pytest.approx(
        [found.mean, f.true_mean], abs=0.051
    )
    assert numbers(rf"schools' effects \| {N} \| {N} \|", truth) == pytest.approx(
        [found.sd, f.true_sd], abs=0.051
    )
    assert numbers(rf"drawn with an SD of {N}\. .* takes {N}", truth) == pytest.approx(
        [f.trial.drawn_sd, found.sd], abs=0.051
    )
    assert ("too short" in truth) == (found.sd < 0.8 * f.trial.drawn_sd)
    assert ("too long" in truth) == (found.sd > 1.25 * f.trial.drawn_sd)
    look = said(STORY.steps[5].look, f)
    best = f.best
    assert numbers(rf"own effect {N}, partial pooling {N}, truth {N}", look) == pytest.approx(
        [f.own[best], f.partial[best], f.trial.truth[best]], abs=0.051
    )
    assert numbers(rf"promises {N} points and truly has {N}", look) == pytest.approx(
        [f.curse.promise, f.curse.truth], abs=0.051
    )
    assert numbers(rf"mean effect of {N} and an SD of {N}\.", look) == pytest.approx(
        [found.mean, found.sd], abs=0.051
    )
    half = said(STORY.steps[6].look, f)
    J = f.data.n_groups
    assert f"harms in {f.harmed} of {J} schools and helps in {J - f.harmed}." in half


def test_every_interval_says_its_share():
    """S12: "lies from ... to" never without its 95%; no significance as a verdict."""
    f = of(None)
    for k, step in enumerate(STORY.steps):
        words = [said(w, f) for w in (step.text, step.changed, step.look)]
        for question in questions(STORY, k, f):
            words += [question.text, *(a.why for a in question.answers)]
        for prose in words:
            for part in re.split(r"(?<=[.:?]) ", prose):
                if re.search(rf"{N} to {N}", part) and "effects go from" not in part:
                    assert "95%" in prose, part
            assert "significant" not in prose
            assert not re.search(r"in \d+% of (new )?schools", prose)


@EACH
def test_words_that_follow_the_handle(scenario):
    f = of(scenario)
    small, formula = (STORY.steps[k].hand(f) for k in (2, 3))
    at = [value(v) for v in small.texts["v"]]
    own, partial, new = f.above(np.linspace(at[0], at[-1], len(at)))
    for k in range(len(at)):
        assert small.texts["own"][k] == f"{own[k]} of {f.n_own}"
        assert small.texts["partial"][k] == f"{partial[k]} of {f.data.n_groups}"
        p = re.sub(r"\D", "", small.texts["new"][k])
        assert float(p) == pytest.approx(100 * new[k], abs=1.0)
        assert formula.texts["p"][k] == small.texts["new"][k]
    assert at[len(at) // 2] == 0
    # a calculator finds z from the numbers that stand in the formula
    mean, sd, se = (value(v) for v in re.findall(r"<mn>(−?\d+\.\d\d)</mn>", formula.html)[:3])
    for k in (0, 37, 54, 100):
        z = (mean - np.linspace(at[0], at[-1], len(at))[k]) / np.hypot(sd, se)
        assert value(formula.texts["z"][k]) == pytest.approx(z, abs=0.0051)
        exact = (f.found.mean - np.linspace(at[0], at[-1], len(at))[k]) / f.found.new_se
        assert z == pytest.approx(exact, rel=0.02, abs=0.02)


@EACH
def test_the_cost_and_the_places_are_answered(scenario):
    f = of(scenario)
    told = said(STORY.steps[-1].text, f)
    chance = f.found.share_above(2.0)
    assert COST == 2.0
    shown = int(re.search(r"more than 2 points .* chance of .*?(\d+)%", told)[1])
    assert shown == pytest.approx(100 * chance, abs=1.0)
    assert numbers(rf"mean effect: {N} to {N} points\)", told) == pytest.approx(
        [f.found.low, f.found.high], abs=0.051
    )
    sides = {"above": "helps on average", "below": "harms on average", "around": "may help or harm"}
    assert [side for side, words in sides.items() if words in told] == [f.side]
    for k in (2, 6):
        words = said(STORY.steps[k].text, f) + said(STORY.steps[k].look, f)
        assert ("We cannot say in which of these schools" in words) == (f.apart is None)
        assert "intervals overlap" not in words
        assert "do not even overlap" not in words
        assert ("A winner again" in words) == (k == 6 and f.apart is not None)
        if f.apart is None:
            assert "for every pair, the 95% interval of the difference contains 0" in words
            assert ("does not show that the effects are equal." in words) == f.same
        else:
            more, less = (plain(f.names[j]) for j in (f.apart.more, f.apart.less))
            assert f"clearest: it seems to work better in {more} than in {less}, by" in words
            found = numbers(
                rf"by {N} points \(95% interval of the difference: {N} to {N}\)\.", words
            )
            assert found == pytest.approx([f.apart.gap, f.apart.low, f.apart.high], abs=0.051)
    assert "Intervals that overlap do not show that two effects are equal" in STORY.model(f)
    assert f"from all schools, {f.trial.no.sigma_y:.1f} points" in STORY.model(f)


def test_what_is_said_of_the_clearest_pair_is_so():
    """Partial pooling takes its luck back; its interval is a little too short."""
    gaps, truths, held = [], [], []
    for seed in range(1, 61):
        trial = simulated(replace(STORY.steps[6].sets, seed=seed))
        f = facts(trial, "")
        gaps.append(f.apart.gap)
        truths.append(trial.truth[f.apart.more] - trial.truth[f.apart.less])
        held.append(f.apart.low <= truths[-1] <= f.apart.high)
    error = (np.array(gaps) - truths).std(ddof=1) / np.sqrt(len(gaps))
    assert abs(np.mean(gaps) - np.mean(truths)) < 3 * error
    assert error < 1.0
    assert 0.80 < np.mean(held) < 0.94
    assert f"in {100 * CLEAREST:.0f}%" in said(STORY.steps[6].look, of(STORY.steps[6].sets))


def test_the_handle_waits_for_the_answer_and_says_what_it_is():
    for k, answered in ((0, False), (1, False), (1, True), (2, False), (6, False)):
        seen = designed(STORY, k, answered=answered)
        noted, _ = offstage.drawn(STORY, seen, STORY.facts(seen))
        assert noted.without_handle == (not seen.revealed)
        ends = ("must bring little", "must bring much")
        assert noted.ends == (ends if seen.revealed else None)


def test_the_formula_opens_at_the_cost():
    [_], handle = drawn(STORY, designed(STORY, 3))
    assert handle.spoken[handle.at("cost")] == "2.0 points"


def test_the_prediction_is_not_given_away():
    for k in (0, 1):
        [fig], _ = drawn(STORY, designed(STORY, k))
        assert not any(t["partial_seen"].any() for t in fig.tables.values())
        assert not fig.tables["new"]["density"].any()
        assert not fig.tables["schools"]["truth_seen"].any()
        assert "not shown yet" in fig.alt
        assert "new school" not in fig.alt
    [fig], handle = drawn(STORY, designed(STORY, 1, answered=True))
    assert all(t["partial_seen"].all() for t in fig.tables.values())
    assert handle.spoken[handle.rest] == "0.0 points"
    f = of(None)
    assert numbers(rf"new school from {N} to {N}\.", fig.alt) == pytest.approx(
        [f.found.new_low, f.found.new_high], abs=0.051
    )
    assert re.search(r"(\d+)% chance of more than 0$", fig.tables["new"]["caption"][50])[1] == (
        f"{100 * f.likely:.0f}"
    )


def test_the_specification_stays_and_what_each_mark_shows():
    figures = [drawn(STORY, designed(STORY, k))[0][0] for k in (0, 4)]
    assert str(figures[0].spec) == str(figures[1].spec)
    assert [f.tables["schools"]["truth_seen"].any() for f in figures] == [False, True]
    spec = figures[1].spec
    [hollow] = mark_at(spec, shape="circle", fill="transparent")
    assert hollow["x"]["field"] == "own"
    filled = mark_at(spec, shape="circle", fill="#00805A")
    assert [e["x"]["field"] for e in filled] == ["partial", "mean"]
    [diamond] = mark_at(spec, shape="diamond")
    assert diamond["x"]["field"] == "truth"
    [rule] = mark_at(spec, type="rule", color="#C8501B")
    assert rule["x"]["field"] == "complete"
    arrows = [m for m in marks(spec) if str(m["mark"].get("shape", "")).startswith("triangle")]
    assert [(m["mark"]["shape"], m["transform"][-1]["filter"]) for m in arrows] == [
        ("triangle-left", "datum.past_low"), ("triangle-right", "datum.past_high"),
    ]  # fmt: skip
    dashed = mark_at(spec, type="rule", strokeDash=[5, 4])
    assert all(e["opacity"]["condition"]["test"] == "datum.partial_seen > 0" for e in dashed)
    assert len(dashed) == 2
    [own] = mark_at(spec, type="bar", color="#0B68B0")
    assert (own["x"]["field"], own["x2"]["field"]) == ("own_low", "own_high")
    bars = mark_at(spec, type="bar", color="#00805A")
    assert [(e["x"]["field"], e["x2"]["field"]) for e in bars] == [("low", "high")] * 2
    areas = mark_at(spec, type="area", color="#00805A")
    assert [(e["x"]["field"], e["y"]["field"]) for e in areas] == [("effect", "density")] * 2


def test_the_area_beyond_the_handle_is_the_dark_one():
    spec = drawn(STORY, designed(STORY, 2))[0][0].spec
    dark = [
        part
        for layer in spec["layer"]
        for part in layer["layer"]
        if part["mark"].get("type") == "area" and "transform" in part
    ]
    assert len(dark) == 1
    assert "datum.step >=" in dark[0]["transform"][0]["filter"]


def test_the_breaks_carry_their_point():
    f = of(None)
    assert f.own[f.best] > f.partial[f.best] + 10
    assert abs(f.trial.truth[f.best] - f.partial[f.best]) < abs(
        f.trial.truth[f.best] - f.own[f.best]
    )
    assert f.data.n[f.best] < 10
    half = of(STORY.steps[6].sets)
    assert half.side == "around"
    assert 10 <= half.harmed <= 20
    assert half.found.new_low < -5 < 5 < half.found.new_high
    assert half.apart is not None
    assert f.apart is None
    # the best-looking is picked and the truth is shown
    seen = designed(STORY, 5)
    [fig], _ = drawn(STORY, seen)
    [picked] = fig.tables["schools"].query("picked")["school"]
    assert picked == f.names[f.best]
    assert fig.tables["schools"]["truth_seen"].all()


def test_the_code_prints_the_numbers_of_the_page():
    f = of(Scenario(n_groups=9, seed=4))
    printed = run_python(STORY.listing(f).core)
    got = numbers(r"Effects\(mean=(.*?), se=.*?, low=(.*?), high=(.*?),", printed)
    assert got == pytest.approx([f.found.mean, f.found.low, f.found.high], abs=1e-6)


def test_a_link_opens_the_laboratory():
    at = open_page("treatment_effects", simulated="true", n_groups=6, free="true")
    assert "laboratory" in text(at)
    at = open_page("treatment_effects", step=6)
    assert "winner's curse" in text(at)
