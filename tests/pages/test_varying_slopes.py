"""The lesson on varying slopes: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import fit_partial_pooling
from mlm_core.lessons.varying_slopes import REST, START, STEPS, facts
from pages.shared import story
from pages.shared.words import number
from tests.mlm_core.lessons.test_varying_slopes import SCENARIOS
from tests.pages.kit import drawn, mark_at, marks, questions, right, said, story_of

STORY = story_of("varying_slopes")
LARGE = replace(START, n_groups=10, students_per_group=80, imbalance=0.0)
KINDS = [step.kind for step in STORY.steps]
PREDICT, SAY, TRY, TRUTH, BREAKS, CHECK = (
    KINDS.index(k) for k in ("predict", "say", "try", "truth", "breaks", "check")
)
U = next(k for k, s in enumerate(STORY.steps) if s.shows.get("with_u"))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_answers_are_computed(scenario):
    f = facts(scenario, "Ashford")
    kept = [
        np.std(fit[f.known]) / np.std(own[f.known])
        for own, fit in ((f.own.alpha, f.fit.lines.alpha), (f.own.beta, f.fit.lines.beta))
    ]
    intercepts, slopes = (round(100 * max(1 - k, 0)) for k in kept)
    expected = "Left" if slopes > intercepts else "Up" if intercepts > slopes else "Both"
    prediction = questions(STORY, PREDICT, f)[0]
    assert right(prediction).startswith(expected)
    why = next(a.why for a in prediction.answers if a.right)
    told = [int(x) for x in re.findall(r"(\d+)%", why)]
    if "less" not in why and "more than" not in why:
        assert told == [slopes, intercepts]
    one, zero, cross, five = questions(STORY, CHECK, f)
    cov = 0.0 if np.isnan(f.hyper.rho) else f.hyper.rho * f.hyper.sigma_alpha * f.hyper.sigma_beta
    # the conditional mean of a slope, given one student at x = 0 who is 20 points too high
    moved = cov / (f.hyper.sigma_alpha**2 + f.fit.sigma_y**2) * 20
    asked = (
        "The same"
        if abs(f.hyper.rho) < 0.005 or cov == 0
        else "A steeper"
        if moved > 0
        else "A flatter"
    )
    assert right(one).startswith(asked)
    assert right(zero).startswith("The lines")
    assert f"{number(abs(f.b1[0]))} points {'more' if f.b1[0] >= 0 else 'fewer'} for each" in right(
        cross
    )
    assert right(five).startswith("Next to nothing")


@pytest.mark.parametrize("scenario", SCENARIOS[:3])
def test_the_words_follow_the_handle(scenario):
    f = facts(scenario, "Ashford")
    table, mine = STORY.steps[TRY].hand(f).texts, STORY.steps[SAY].hand(f).texts
    for k in (0, REST, STEPS - 1):
        moved = fit_partial_pooling(replace(f.data, x=f.data.x - f.at[k]), "varying")
        assert table["sa"][k] == number(moved.hyper.sigma_alpha)
        assert table["sb"][k] == number(moved.hyper.sigma_beta)
        assert table["rho"][k] == number(moved.hyper.rho, 2)
        assert mine["fit"][k] == number(moved.lines.alpha[f.picked])
        assert mine["own"][k] == number(f.own.alpha[f.picked] + f.at[k] * f.own.beta[f.picked])
        assert mine["at"][k] == table["at"][k] == number(500 + 100 * f.at[k], 0)
    assert table["low"][REST] == number(f.rho_low[REST], 2)
    assert table["high"][REST] == number(f.rho_high[REST], 2)
    assert mine["pulled"][0] == number(f.fit.lines.beta[f.picked])
    assert mine["slope"][0] == number(f.own.beta[f.picked])


def test_rho_never_stands_without_its_interval():
    for scenario in SCENARIOS:
        f = facts(scenario, "Ashford")
        for step in STORY.steps:
            for words in (step.text, step.look):
                spoken = said(words, f)
                if re.search(r"correlation is|estimate is −?[01]\.\d\d", spoken):
                    assert "95% interval" in spoken, spoken
        lab = STORY.lab(f)
        assert {"rho", "low", "high"} <= set(lab.texts)


def test_a_sign_that_is_not_settled_is_not_stated():
    for scenario in SCENARIOS:
        f = facts(scenario, "Ashford")
        spoken = said(STORY.steps[SAY].text, f)
        stated = "on average a line that is 10 points higher" in spoken
        assert stated == (f.has_rho and f.lean != 0 and f.settled)
        if stated:
            assert ("steeper" in spoken) == (f.hyper.rho > 0)


def test_what_each_mark_shows():
    figures, handle = drawn(STORY, story.designed(STORY, TRUTH))
    spec, tables = figures[0].spec, figures[0].tables

    def at(**looks):
        return [(m["x"]["field"], m["y"]["field"]) for m in mark_at(spec, **looks)]

    assert at(shape="circle", fill="transparent", stroke="#0B68B0") == [("own_beta", "own_height")]
    assert at(shape="circle", fill="#00805A") == [("beta", "height")]
    assert at(shape="diamond") == [("true_beta", "true_height")]
    assert at(shape="cross") == [("beta", "height")]
    assert [m["x"]["field"] for m in mark_at(spec, color="#7A4BB8")] == ["beta"]
    names = mark_at(spec, type="text", fontWeight="bold")
    assert {m["x"]["field"] for m in names if m.get("text", {}).get("field") == "school"} == {
        "name_x", "own_beta"
    }  # fmt: skip
    dashed = mark_at(spec, type="line", strokeDash=[5, 4])
    assert {m["x"]["field"] for m in dashed} == {"x", "beta"}  # the true line, the true cloud
    seen = {
        m["x"]["field"]: m["opacity"] for m in mark_at(spec, fill="transparent", stroke="#0B68B0")
    }
    assert seen["own_beta"]["condition"]["test"] == "datum.own_seen > 0"
    assert handle.rest == REST
    assert handle.spoken[0].endswith("of 0")
    assert handle.spoken[REST].endswith("500")
    calculated = [
        t for m in [spec, *spec["layer"], *[x for y in spec["layer"] for x in y["layer"]]]
        for t in m.get("transform", []) if t.get("as") == "true_height"
    ]  # fmt: skip
    assert all(t["calculate"].startswith("datum.true_alpha + ") for t in calculated)
    assert all(t["calculate"].endswith("* datum.true_beta") for t in calculated)
    assert calculated
    truth = tables["schools"]
    f = STORY.facts(story.designed(STORY, TRUTH))
    np.testing.assert_array_equal(truth.true_alpha, f.simulation.alpha)
    np.testing.assert_array_equal(truth.beta, f.fit.lines.beta)
    np.testing.assert_array_equal(truth.own_alpha[f.known], f.own.alpha[f.known])


def test_one_specification_serves_all_steps():
    specs = set()
    for k in (0, TRUTH, U):
        spec = drawn(STORY, story.designed(STORY, k))[0][0].spec
        specs.add(re.sub(r"view_\d+", "view", str(spec)))
    assert len(specs) == 1
    assert any(m["mark"]["type"] == "line" for m in marks(spec) if isinstance(m["mark"], dict))


def test_nothing_is_given_away_before_the_prediction():
    before, after = (
        drawn(STORY, story.designed(STORY, PREDICT, answered=a))[0][0] for a in (False, True)
    )
    assert "correlation" not in before.alt
    assert "SD of slopes" not in before.alt
    assert "95% interval" in after.alt
    assert not before.tables["schools"].partial_seen.any()
    assert after.tables["schools"].partial_seen.all()


def test_the_break_is_at_the_edge():
    seen = story.designed(STORY, BREAKS)
    f = STORY.facts(seen)
    assert abs(f.hyper.rho) == 1
    assert f.rho[1:] == (-1.0, 1.0)
    assert f.data.n_groups == 5
    assert f.undecided
    assert f"is {number(f.gap)} larger. Only more than 3.8" in said(STORY.steps[BREAKS].look, f)
    schools = drawn(STORY, seen)[0][0].tables["schools"]
    assert schools.truth_seen.all()
    assert schools.picked.sum() == 1


def test_the_truth_is_told_in_numbers():
    f = facts(START, "Juniper")
    spoken = said(STORY.steps[TRUTH].text, f)
    assert f"**{f.closer} of {f.known.sum()}**" in spoken
    assert f"{number(f.misses(f.fit.lines))} points against {number(f.misses(f.own))}" in spoken
    assert (
        f"an SD of {number(np.hypot(2.0, 1.5))}, what u explains included; the estimate is "
        f"{number(f.hyper.sigma_beta)}." in spoken
    )
    assert ("misses less" in spoken) == (f.misses(f.fit.lines) < f.misses(f.own))


def test_the_step_on_b1_has_u_in_the_model():
    seen = story.designed(STORY, U)
    f = STORY.facts(seen)
    assert f.fit.group_predictor
    spoken = said(STORY.steps[U].text, f)
    estimate, se = f.b1
    assert f"**{number(abs(estimate))}** points {'more' if estimate >= 0 else 'fewer'}" in spoken
    assert f"standard error of {number(se)}" in spoken
    assert ("0 is not ruled out" in spoken) == (abs(estimate) <= 2 * se)


def test_the_end_says_what_became_of_the_steepest_school():
    """In each case: another school, the same, or one slope for all."""
    last, cases = STORY.steps[-1], set()
    found = [facts(s, "Ashford") for s in (START, replace(START, imbalance=0.0, seed=1), LARGE)]
    alike = replace(found[0].fit.lines, beta=np.full_like(found[0].own.beta, 4.0))
    found.append(replace(found[0], fit=replace(found[0].fit, lines=alike)))
    for f in found:
        spoken, pooled = said(last.text, f), f.fit.lines.beta
        j = max(range(len(pooled)), key=lambda k: np.nan_to_num(f.own.beta[k], nan=-np.inf))
        assert f"{f.names[j]} looked steepest, with {number(f.own.beta[j])} by" in spoken
        if max(pooled) - min(pooled) < 0.05:
            cases.add("one slope")
            assert f"one slope, {number(pooled[j])}: none comes first" in spoken
        elif pooled[j] == max(pooled):
            cases.add("still")
            assert f"With {number(pooled[j])} ± {number(f.fit.lines.se_beta[j])} it still" in spoken
        else:
            k = int(np.argsort(pooled)[-1])
            cases.add("another")
            assert (
                f"gives it {number(pooled[j])}. Now {f.names[k]} is steepest, with "
                f"{number(pooled[k])} ± {number(f.fit.lines.se_beta[k])}" in spoken
            )
    assert cases == {"one slope", "still", "another"}


def test_the_school_of_the_story_is_named_and_followed_to_its_truth():
    seen = story.designed(STORY, 0)
    f = STORY.facts(seen)
    name = f.names[f.steepest]
    assert f"{name}, {f.data.n[f.steepest]} students, looks steepest" in said(
        STORY.steps[0].text, f
    )
    for k in range(len(STORY.steps)):
        schools = drawn(STORY, story.designed(STORY, k))[0][0].tables["schools"]
        assert schools.steepest.sum() == 1
    schools = drawn(STORY, seen)[0][0].tables["schools"]
    assert schools[schools.steepest].school.tolist() == [name]
    for step in (STORY.steps[TRUTH], STORY.steps[-1]):
        assert step.shows["school"] == name
    true = f.simulation.beta[f.steepest]
    assert f"{name} looked steepest: own slope {number(f.own.beta[f.steepest])}" in said(
        STORY.steps[TRUTH].text, f
    )
    assert f"truly **{number(true)}**" in said(STORY.steps[TRUTH].text, f)
