"""Structured data: the trials against fits of their students; what is counted, against counting."""

import math

import numpy as np
import pytest
from scipy import stats

from mlm_core.clustered import cluster_robust, design_effect
from mlm_core.data import DataError
from mlm_core.lessons.structured_data import (
    SHOWN,
    WAYS,
    effective_students,
    expected_alarms,
    facts,
    said_p,
    treatment_trial,
    treatment_trials,
)
from mlm_core.partial import fit_partial_pooling
from mlm_core.table import frame
from tests.frames import frames

DESIGNS = [(4, 2, 0.0), (4, 100, 0.5), (60, 2, 0.5), (20, 50, 0.05), (7, 12, 0.3), (10, 20, 0.01)]


@pytest.mark.parametrize(("n_groups", "n", "icc"), [(4, 2, 0.3), (7, 5, 0.0), (12, 20, 0.2)])
def test_trials_equal_fits_of_their_students(n_groups, n, icc):
    found = treatment_trials(n_groups, n, icc, 60, seed=3)
    interior = 0
    for k in range(0, 60, 3):
        data = treatment_trial(n_groups, n, icc, k, seed=3)
        X = np.column_stack([np.ones(data.n_students), data.u[data.j]])
        plain = cluster_robust(data.y, X, data.j)
        fit = fit_partial_pooling(data, group_predictor=True)
        interior += fit.hyper.sigma_alpha > 0
        mixed = 2 * stats.t.sf(abs(fit.hyper.b0) / fit.se("b0"), n_groups - 2)
        assert found.effect[k] == pytest.approx(plain.coef[1], rel=1e-8)
        assert found.ordinary.p[k] == pytest.approx(plain.p_value[1], rel=1e-8)
        assert found.robust.p[k] == pytest.approx(plain.cluster_p_value[1], rel=1e-6)
        assert found.multilevel.p[k] == pytest.approx(mixed, rel=1e-4)  # optimiser of the fit
    assert interior > 0
    assert found.design_effect == design_effect(n, icc)


def test_students_of_the_trials_have_the_intended_spread():
    trials = [treatment_trial(6, 4, 0.3, k) for k in range(400)]
    y = np.array([t.y for t in trials]).reshape(400, 6, 4)
    assert stats.kstest(y.ravel()[::4], "norm").pvalue > 0.01  # one student a school
    within = ((y - y.mean(axis=2, keepdims=True)) ** 2).sum(axis=2) / 0.7
    assert stats.kstest(within.ravel(), stats.chi2(3).cdf).pvalue > 0.01
    between = y.mean(axis=2).var(axis=1, ddof=1).mean()
    want = 0.3 + 0.7 / 4
    assert between == pytest.approx(want, abs=4 * want * np.sqrt(2 / (400 * 5)))


def test_effects_of_the_trials_have_the_design_effect_as_variance():
    """The variance of a difference of two means of 8 students, times the effect."""
    found = treatment_trials(8, 2, 0.5, 20_000)
    want = 2 / 8 * design_effect(2, 0.5)
    assert found.effect.var() == pytest.approx(want, rel=4 * np.sqrt(2 / 20_000))
    assert found.effect.mean() == pytest.approx(0, abs=4 * np.sqrt(want / 20_000))


def near(p, count):
    return pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / count))


def test_false_alarms_where_theory_gives_them():
    many = 20_000
    alike = treatment_trials(10, 20, 0.0, many)
    assert alike.false_alarms("ordinary") == near(0.05, many)
    apart = treatment_trials(30, 20, 0.3, many)
    assert apart.false_alarms("multilevel") == near(0.05, many)  # exact but for sigma_alpha = 0
    # ignoring schools, t is too large by the root of the design effect (many schools)
    large = treatment_trials(400, 10, 0.2, 4000)
    want = 2 * stats.norm.sf(1.96 / np.sqrt(large.design_effect))
    assert large.false_alarms("ordinary") == pytest.approx(want, abs=0.03)
    assert large.false_alarms("robust") == near(0.05, 4000)
    assert [large.false_alarms(way, 1.0) for way in WAYS] == [1, 1, 1]


def test_few_schools_are_the_failure_of_the_cluster_robust_error():
    few = treatment_trials(6, 25, 0.2, 10_000)
    assert few.false_alarms("robust") > 0.06
    assert few.false_alarms("multilevel") < 0.055


@pytest.mark.parametrize("J", [4, 6, 20])
def test_the_alarms_of_the_cluster_robust_error_have_a_law(J):
    law = facts(J, 25, 0.2).robust_alarms
    assert treatment_trials(J, 25, 0.2, 20_000, seed=3).false_alarms("robust") == near(law, 20_000)


def test_longer_runs_begin_with_the_shorter():
    short, long = treatment_trials(8, 10, 0.1, 50), treatment_trials(8, 10, 0.1, 90)
    np.testing.assert_array_equal(short.multilevel.p, long.multilevel.p[:50])
    assert (treatment_trials(8, 10, 0.1, 50, seed=2).effect != short.effect).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((3, 10, 0.1), "n_groups is 3"),
        ((8, 1, 0.1), "students_per_group is 1"),
        ((8, 10, 1.0), "icc is 1"),
        ((8, 10, -0.1), "icc is"),
        ((8, 10, 0.1, 0), "n_trials is 0"),
    ],
)
def test_impossible_trials(settings, message):
    with pytest.raises(ValueError, match=message):
        treatment_trials(*settings)


# What the lesson says and draws


@pytest.mark.parametrize("design", DESIGNS)
def test_shares_are_counted_one_by_one(design):
    f = facts(*design)
    for way in WAYS:
        p = f.trials.of(way).p.tolist()
        assert f.alarms(way) == sum(value < 0.05 for value in p) / 1000
        so_far = [sum(value < 0.05 for value in p[: k + 1]) for k in range(SHOWN)]
        assert f.so_far(way).tolist() == so_far
    J, n, _ = design
    assert f.students == f.data.n_students == J * n
    assert [f.df(way) for way in WAYS] == [J * n - 2, J - 1, J - 2]


def test_the_trials_of_the_lesson_are_a_thousand_of_its_design():
    f = facts(6, 9, 0.2)
    again = treatment_trials(6, 9, 0.2, 1000)
    np.testing.assert_array_equal(f.trials.effect, again.effect)
    assert f.trials.school_means.shape == (1000, 6)


def test_worth_is_the_number_of_strangers_with_the_same_variance():
    """The variance of a mean, a student's being 1, is ICC / J + (1 - ICC) / (J n)."""
    for J, n, icc in DESIGNS:
        variance = icc / J + (1 - icc) / (J * n)
        assert effective_students(J, n, icc) == pytest.approx(1 / variance)
        f = facts(J, n, icc)
        assert f.worth == pytest.approx(1 / variance)
        assert f.design_effect == pytest.approx(variance * J * n)
        a = icc or 0.05
        assert f.effect_here == pytest.approx((a + (1 - a) / n) * n)
        assert f.effect_of_double == pytest.approx((a + (1 - a) / (2 * n)) * 2 * n)
        assert f.deeper == pytest.approx(1 / (a / J + (1 - a) / (J * 2 * n)))
        assert f.wider == pytest.approx(1 / (a / (2 * J) + (1 - a) / (2 * J * n)))
        assert f.wider > f.deeper


@pytest.mark.parametrize("icc", [0.0, 0.05, 0.3])
def test_expected_false_alarms_against_many_trials(icc):
    trials = treatment_trials(60, 30, icc, 20_000)
    assert expected_alarms(trials.design_effect) == pytest.approx(
        trials.false_alarms("ordinary"), abs=0.015
    )
    z = stats.norm.isf(0.025) / math.sqrt(trials.design_effect)
    assert expected_alarms(trials.design_effect) == pytest.approx(2 * stats.norm.sf(z))
    assert facts(60, 30, icc).expected == pytest.approx(2 * stats.norm.sf(z))


def test_the_luck_of_a_thousand_trials():
    low, high = facts(*DESIGNS[0]).luck
    assert [low, high] == pytest.approx(
        stats.binom.interval(0.95, 1000, 0.05) / np.array(1000), abs=1e-3
    )


@pytest.mark.parametrize("design", DESIGNS)
def test_histograms_against_counting(design):
    f = facts(*design)
    table = frame(f.p_value_table(honest=True))
    for way in WAYS:
        rows, p = table[table["way"] == way], f.trials.of(way).p
        for row in rows.itertuples():
            assert row.share == pytest.approx(((p >= row.left) & (p < row.right)).mean(), abs=1e-9)
            assert row.alarm == (row.left == 0)
        assert rows["share"].sum() == pytest.approx(1)
        assert rows["label"].iloc[0] == f"{100 * f.alarms(way):.1f}% false alarms"
        assert rows["seen"].tolist() == [1] * 20
    assert f.highest() == table["share"].max()


def test_only_the_ordinary_regression_is_seen_at_first_and_has_all_the_room():
    f = facts(20, 50, 0.05)
    alone, all_ = frame(f.p_value_table(honest=False)), frame(f.p_value_table(honest=True))
    assert set(alone.loc[alone["seen"] > 0, "way"]) == {"ordinary"}
    assert alone["ground"].unique().tolist() == [1]
    assert all_.groupby("way")["ground"].first()[list(WAYS)].tolist() == pytest.approx(
        [1 / 3, 2 / 3, 1]
    )
    assert (all_["ground"] - all_["tall"]).min() >= -1e-9
    for honest, intervals in ((False, True), (True, True), (True, False)):
        seen = frames(f.trial_tables(intervals=intervals, honest=honest))["intervals"]
        ways = set(seen.loc[seen["seen"] > 0, "way"])
        assert ways == (set() if not intervals else set(WAYS) if honest else {"ordinary"})


@pytest.mark.parametrize("design", [(8, 15, 0.1), (7, 4, 0.4)])
def test_the_shown_trial_against_statsmodels(design):
    """Means and intervals of trials 1 and 5, from all their students."""
    import statsmodels.api as sm

    tables = frames(facts(*design).trial_tables(intervals=True, honest=True))
    for k in (0, 4):
        data = treatment_trial(*design, k)
        shown = tables["schools"].query("step == @k")
        assert shown["mean"].to_numpy() == pytest.approx(data.group_means(data.y))
        assert (shown["arm"] == 0).tolist() == (data.u == 1).tolist()
        fit = sm.OLS(data.y, sm.add_constant(data.u[data.j])).fit()
        robust = fit.get_robustcov_results("cluster", groups=data.j, use_t=True)
        arms = tables["arms"].query("step == @k").set_index("arm")["mean"]
        assert arms[1] == pytest.approx(fit.params[0])
        assert arms[0] == pytest.approx(fit.params.sum())
        rows = tables["intervals"].query("step == @k").set_index("way")
        for way, want in (("ordinary", fit.conf_int()[1]), ("robust", robust.conf_int()[1])):
            assert [rows.low[way], rows.high[way]] == pytest.approx(want)
        mixed = fit_partial_pooling(data, group_predictor=True)
        half = stats.t.isf(0.025, design[0] - 2) * mixed.se("b0")
        assert rows.high["multilevel"] - rows.effect["multilevel"] == pytest.approx(half, rel=1e-4)


@pytest.mark.parametrize("design", DESIGNS)
def test_an_alarm_is_an_interval_that_misses_0(design):
    f = facts(*design)
    intervals = frames(f.trial_tables(intervals=True, honest=True))["intervals"]
    misses = (intervals["low"] > 0) | (intervals["high"] < 0)
    assert (misses == intervals["alarm"]).all()
    assert (intervals["label"].str.contains("false alarm") == intervals["alarm"]).all()
    low, high = f.reach()
    means = f.trials.school_means[:SHOWN]
    assert ((means >= low) & (means <= high)).mean() > 0.9


@pytest.mark.parametrize(
    ("p", "want"),
    [(0.0004, "p < .001: false alarm"), (0.0123, "p = .012: false alarm"), (0.05, "p = .050"),
     (0.04997, "p < .05: false alarm"), (0.9999, "p = 1.000"), (0.3, "p = .300")],
)  # fmt: skip
def test_p_values_in_words(p, want):
    assert said_p(p) == want


def test_no_such_trial_is_a_sentence():
    with pytest.raises(DataError, match=r"four schools.*\.$"):
        facts(3, 10, 0.1)


def test_the_trials_that_are_shown_carry_the_lesson():
    """The first 31 have about the share of all, and one comes soon."""
    f = facts(20, 50, 0.05)
    so_far = f.so_far("ordinary")
    assert so_far[-1] / SHOWN == pytest.approx(f.alarms("ordinary"), abs=0.05)
    assert so_far[5] >= 1 > so_far[0]
    assert f.so_far("robust")[-1] in (1, 2)
    assert f.so_far("multilevel")[-1] in (1, 2)
    assert f.alarms("ordinary") == pytest.approx(f.expected, abs=0.02)
