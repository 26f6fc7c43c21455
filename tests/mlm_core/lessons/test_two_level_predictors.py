"""Facts of the lesson on predictors at two levels, against statsmodels and refits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlm_core import DataError, fit_complete_pooling, fit_partial_pooling, simulate
from mlm_core.estimates import students_table
from mlm_core.lessons.two_level_predictors import (
    BADLY_KNOWN,
    MOST_STUDENTS,
    OPPOSITE,
    START,
    STEPS,
    WITHIN,
    facts,
    share_between,
    with_school_means,
)
from tests.frames import frames

LAST = STEPS - 1
NAMES = {"within": "w", "between": "b", "complete": "c", "partial": "p"}
SCENARIOS = [
    START,
    BADLY_KNOWN,
    replace(START, sigma_x=0.0, imbalance=0.9, seed=4),
    replace(START, n_groups=4, students_per_group=6, imbalance=0.9, seed=9),
    replace(
        START, n_groups=60, students_per_group=30, imbalance=0.9, sigma_x=3.0, sigma_y=15.0, seed=2
    ),
    replace(START, hyper=replace(START.hyper, sigma_alpha=0.0), seed=7),
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_step_is_a_refit_of_simulated_data(scenario):
    f = facts(scenario, "Ashford")
    assert f.contextual[0] == 0
    assert f.contextual[LAST] == OPPOSITE == -2 * WITHIN
    for k in range(STEPS):
        world = replace(f.scenario, contextual=float(f.contextual[k]))
        data = with_school_means(simulate(world).data)
        pooled = fit_complete_pooling(data).lines
        assert f.pooled[k] == pytest.approx(pooled.beta[0], rel=1e-8, abs=1e-9)
        assert f.lines["complete"][0][k] == pytest.approx(pooled.alpha[0], rel=1e-8)
        both = fit_partial_pooling(data, "common", group_predictor=True)
        assert f.between[k] == pytest.approx(both.hyper.a1 + both.hyper.b0, rel=1e-5, abs=1e-6)
        assert f.within == pytest.approx(both.hyper.a1, rel=1e-7)  # Mundlak: exactly
        assert f.b0[k] == pytest.approx(both.hyper.b0, rel=1e-5, abs=1e-6)
        assert f.lines["between"][0][k] == pytest.approx(both.hyper.a0, rel=1e-6)
        assert f.se_b0[k] == pytest.approx(both.se("b0"), rel=1e-5)
        assert f.se_within[k] == pytest.approx(both.se("a1"), rel=1e-5)
        assert f.se_between[k] == pytest.approx(np.sqrt(both.coef_cov[1:, 1:].sum()), rel=1e-5)
        assert f.sigma_alpha[k] == pytest.approx(both.hyper.sigma_alpha, abs=1e-5)
        alone = fit_partial_pooling(data, "common", group_predictor=False).hyper
        assert f.lines["partial"][0][k] == pytest.approx(alone.a0, rel=1e-6)
        assert f.alone[k] == pytest.approx(alone.a1, rel=1e-6)
        assert f.sigma_alone[k] == pytest.approx(alone.sigma_alpha, abs=1e-5)
        assert f.true_between[k] == WITHIN + f.contextual[k]
    assert abs(f.pooled[f.level]) == min(abs(f.pooled))


def test_the_steps_are_not_fitted_one_by_one(monkeypatch):
    """62 fits took 80 ms of every move."""
    from mlm_core.lessons import two_level_predictors as lesson

    fitted = []
    fit = lesson.fit_partial_pooling
    monkeypatch.setattr(
        lesson, "fit_partial_pooling", lambda *a, **k: fitted.append(a) or fit(*a, **k)
    )
    facts(replace(START, seed=909), "Ashford")
    assert len(fitted) == 1


def test_a_search_that_runs_out_of_rounds_is_said(monkeypatch):
    from mlm_core.lessons import two_level_predictors as lesson
    from mlm_core.records import all_converged

    assert all_converged(facts(replace(START, seed=910), "Ashford"))
    monkeypatch.setattr(lesson, "MOST_ROUNDS", 1)
    assert not all_converged(facts(replace(START, seed=911), "Ashford"))


def test_an_sd_between_schools_of_zero_is_exactly_zero():
    flat = replace(START, hyper=replace(START.hyper, sigma_alpha=0.0), sigma_y=20.0)
    found = [facts(replace(flat, seed=seed), "Ashford") for seed in range(1, 9)]
    assert any((f.sigma_alpha == 0).any() for f in found)
    for f in found:
        fits = [
            fit_partial_pooling(data, "common", group_predictor=True) for data in (f.start, f.end)
        ]
        ends = f.sigma_alpha[[0, LAST]]
        assert (ends == 0).tolist() == [fit.hyper.sigma_alpha == 0 for fit in fits]


def test_the_true_means_of_x_are_those_of_the_simulation():
    for scenario in SCENARIOS:
        f = facts(scenario, "Ashford")
        np.testing.assert_allclose(f.x_mean, simulate(f.scenario).x_mean, atol=1e-9)
        assert list(f.off) == pytest.approx(list(abs(f.between - f.true_between)))


def test_the_table_of_students_has_both_ends_of_the_handle():
    f = facts(START, "Oak Hill")
    table = f.students()
    assert table.columns.tolist() == ["school", "u", "x", "y_left_end", "y"]
    np.testing.assert_array_equal(table["y_left_end"], f.start.y)
    np.testing.assert_array_equal(table["y"], f.end.y)


def test_the_numbers_are_those_of_statsmodels():
    import statsmodels.formula.api as smf

    f = facts(replace(START, imbalance=0.9), "Oak Hill")
    table = students_table(f.end)
    within = smf.ols("y ~ x + C(school)", table).fit().params["x"]
    assert f.within == pytest.approx(within, rel=1e-8)
    assert f.pooled[LAST] == pytest.approx(smf.ols("y ~ x", table).fit().params["x"])
    table["mean"] = table.groupby("school")["x"].transform("mean")
    mixed = smf.mixedlm("y ~ x + mean", table, groups="school").fit(reml=True)
    # two optimisers: theirs stops at a gradient of 1e-5
    assert f.b0[LAST] == pytest.approx(mixed.fe_params["mean"], abs=1e-3)
    assert f.sigma_alpha[LAST] == pytest.approx(np.sqrt(mixed.cov_re.iloc[0, 0]), rel=5e-3)
    alone = smf.mixedlm("y ~ x", table, groups="school").fit(reml=True)
    assert f.alone[LAST] == pytest.approx(alone.fe_params["x"], abs=1e-3)


def test_one_line_is_the_two_slopes_weighted_by_their_shares_of_the_variation():
    f = facts(replace(START, imbalance=0.9), "Ashford")
    means, y = f.end.u, f.end.group_means(f.end.y)
    between = np.polyfit(means, y, 1, w=np.sqrt(f.end.n))[0]
    mixed = f.share * between + (1 - f.share) * f.within
    assert mixed == pytest.approx(f.pooled[LAST], rel=1e-10)
    assert f.share == share_between(f.start)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_slope_over_the_means_is_a_weighted_fit(scenario):
    f = facts(scenario, "Ashford")
    for k, data in ((0, f.start), (LAST, f.end)):
        want = np.polyfit(data.u, data.group_means(data.y), 1, w=np.sqrt(data.n))[0]
        assert f.of_means[k] == pytest.approx(want, rel=1e-8)
    assert f.equal == (scenario.imbalance == 0)


def test_luck_of_school_means_blurs_their_slope():
    """Four thousand schools of three students, as the break has a hundred."""
    rng = np.random.default_rng(5)
    true = rng.normal(0, 0.5, 4000)
    x = true[:, None] + rng.normal(size=(4000, 3))
    y = 4 * x - 8 * true[:, None] + rng.normal(size=(4000, 3))
    slope = np.polyfit(x.mean(axis=1), y.mean(axis=1), 1)[0]
    f = facts(BADLY_KNOWN, "Ashford")
    assert f.blurred[LAST] == pytest.approx(slope, abs=0.25)
    assert f.luck == pytest.approx(1 - np.var(true) / np.var(x.mean(axis=1)), abs=0.03)


def test_other_settings_of_the_course_do_not_leak_in():
    odd = replace(START, contextual=9.0, extraordinary=-30.0)
    odd = replace(odd, hyper=replace(START.hyper, b0=5.0, b1=3.0, sigma_beta=4.0, a1=9.0))
    one, other = (facts(s, "Ashford") for s in (START, odd))
    np.testing.assert_array_equal(one.between, other.between)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_tables_hold_the_students_and_the_slopes(scenario):
    f = facts(scenario, "Dover")
    tables = frames(f.tables(NAMES, pooled=True, alone=True, truth=True))
    students, schools, short = tables["students"], tables["schools"], tables["short"]
    mine = f.end.labels[f.end.j] == "Dover"
    assert students["picked"].sum() == mine.sum()
    assert len(students) <= MOST_STUDENTS + mine.sum()
    assert f.thinned == (f.end.n_students > MOST_STUDENTS)
    np.testing.assert_allclose(schools["last"], f.end.group_means(f.end.y))
    np.testing.assert_allclose(schools["first"], f.start.group_means(f.start.y))
    one = short[short["picked"]].sort_values("x")
    slope = np.diff(one["last"]) / np.diff(one["x"])
    assert slope == pytest.approx(f.within)
    assert len(short) == 2 * f.end.n_groups
    lines, slopes = tables["lines"], tables["slopes"]
    for kind, values in (("between", f.between), ("complete", f.pooled), ("partial", f.alone)):
        of = slopes[slopes["kind"] == kind].set_index("step")
        for k in (0, 17, LAST):
            ends = lines[(lines["kind"] == kind) & (lines["step"] == k)].sort_values("x")
            assert np.diff(ends["y"]) / np.diff(ends["x"]) == pytest.approx(values[k], abs=1e-9)
            assert of["slope"][k] == values[k]
            assert of["label"][k].replace("−", "-") == f"{NAMES[kind]} {values[k]:+.1f}"
    within = slopes[slopes["kind"] == "within"]
    assert set(within["slope"]) == {f.within}
    assert set(within["true"]) == {WITHIN}
    between = slopes[slopes["kind"] == "between"]
    assert set(between["truth_seen"]) == {float(scenario.sigma_x > 0)}
    if scenario.sigma_x > 0:
        np.testing.assert_array_equal(between["true"], f.true_between)
    assert not slopes[slopes["row"] > 1]["truth_seen"].any()


def test_what_is_not_shown_is_not_in_the_tables():
    f = facts(START, "Oak Hill")
    tables = frames(f.tables(NAMES, pooled=False, alone=False, truth=False))
    lines, slopes = tables["lines"], tables["slopes"]
    hidden = lines[lines["kind"] != "between"]
    assert not hidden["seen"].any()
    between = lines[lines["kind"] == "between"]
    for kind in ("complete", "partial"):
        np.testing.assert_array_equal(hidden[hidden["kind"] == kind]["y"], between["y"])
        of = slopes[slopes["kind"] == kind]
        assert set(of["label"]) == {""}
        assert not of["slope"].any()
    np.testing.assert_array_equal(slopes["true"], slopes["slope"])
    assert not slopes["truth_seen"].any()


def test_no_x_no_means():
    with pytest.raises(DataError, match="no student-level predictor"):
        with_school_means(replace(simulate(START).data, x=None))


def test_the_opening_and_the_break_carry_the_lesson():
    f = facts(START, "Oak Hill")
    assert f.between[0] == pytest.approx(f.within, abs=1.0)
    assert f.pooled[0] > 3 > -2 > f.pooled[LAST]
    assert f.sigma_alone[LAST] > 4 * f.sigma_alpha[LAST]
    assert f.between[LAST] < f.alone[LAST] < f.within
    blurred = facts(BADLY_KNOWN, "Oak Hill")
    assert blurred.between[LAST] > blurred.true_between[LAST] + 3
