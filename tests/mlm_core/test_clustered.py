import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.anova import anova_lm

from mlm_core import GroupedData, Scenario, fit_complete_pooling, simulate
from mlm_core.clustered import (
    anova_icc,
    cluster_robust,
    design_effect,
    treatment_trial,
    treatment_trials,
)
from mlm_core.data import DataError
from mlm_core.partial import fit_partial_pooling


def test_cluster_robust_equals_its_formula():
    """The sandwich written out, with the small-sample factor, against statsmodels' own."""
    data = simulate(Scenario()).data
    X = np.column_stack([np.ones(data.n_students), data.x, data.u[data.j]])
    got = cluster_robust(data.y, X, data.labels[data.j])
    bread = np.linalg.inv(X.T @ X)
    coef = bread @ X.T @ data.y
    score = X * (data.y - X @ coef)[:, None]
    sums = np.array([score[data.j == k].sum(axis=0) for k in range(data.n_groups)])
    J, n, p = data.n_groups, *X.shape
    cover = J / (J - 1) * (n - 1) / (n - p) * bread @ sums.T @ sums @ bread
    np.testing.assert_allclose(got.coef, coef, rtol=1e-10)
    np.testing.assert_allclose(got.cluster_se, np.sqrt(np.diag(cover)), rtol=1e-10)
    p_value = 2 * stats.t.sf(abs(coef) / np.sqrt(np.diag(cover)), J - 1)
    np.testing.assert_allclose(got.cluster_p_value, p_value, rtol=1e-6)
    plain = OLS(data.y, X).fit()
    np.testing.assert_allclose(got.se, plain.bse, rtol=1e-12)
    np.testing.assert_allclose(got.p_value, plain.pvalues, rtol=1e-12)
    assert (got.n_groups, got.sigma_y) == (20, pytest.approx(np.sqrt(plain.scale)))


def test_cluster_robust_equals_complete_pooling():
    data = simulate(Scenario()).data
    got = cluster_robust(data.y, np.column_stack([np.ones(data.n_students), data.x]), data.j)
    line = fit_complete_pooling(data)
    np.testing.assert_allclose(
        got.cluster_se, [line.cluster_se_alpha, line.cluster_se_beta], rtol=1e-12
    )


@pytest.mark.parametrize(
    ("y", "X", "groups", "message"),
    [
        ([1.0, 2, 3], np.ones((2, 1)), [0, 1, 1], "must agree"),
        ([1.0, 2, 3], np.ones((3, 1)), [0, 0, 0], "one school"),
        ([1.0, 2, 3], np.ones((3, 2)), [0, 1, 1], "repeat each other"),
        ([1.0, np.nan, 3], np.ones((3, 1)), [0, 1, 1], "y has missing"),
        ([1.0, 2, 3], np.ones(3), [0, 1, 1], "X has 1 dimensions"),
        (["a", "b", "c"], np.ones((3, 1)), [0, 1, 1], "text"),
    ],
)
def test_impossible_regressions(y, X, groups, message):
    with pytest.raises(DataError, match=message):
        cluster_robust(y, X, groups)


def test_anova_icc_equals_the_table_of_statsmodels():
    data = simulate(Scenario()).data
    table = anova_lm(ols("y ~ C(j)", pd.DataFrame({"y": data.y, "j": data.j})).fit())
    between, within = table["mean_sq"]
    n0 = (data.n_students - (data.n**2).sum() / data.n_students) / (data.n_groups - 1)
    want = (between - within) / (between + (n0 - 1) * within)
    assert anova_icc(data.y, data.labels[data.j]) == pytest.approx(want, rel=1e-10)


def test_anova_icc_of_a_balanced_design_is_that_of_reml():
    old = simulate(Scenario(n_groups=30, imbalance=0.0)).data
    data = GroupedData(old.y, None, old.j, None, old.labels)
    fit = fit_partial_pooling(data)
    want = fit.hyper.sigma_alpha**2 / (fit.hyper.sigma_alpha**2 + fit.sigma_y**2)
    assert anova_icc(data.y, data.j) == pytest.approx(want, rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-100, 100), st.integers(0, 4)), min_size=8, max_size=40),
    st.floats(-1e3, 1e3),
    st.floats(1e-2, 1e2),
)
def test_anova_icc_has_no_unit(rows, shift, factor):
    y, j = (np.array(v) for v in zip(*rows, strict=True))
    if len(np.unique(j)) < 2 or len(np.unique(j)) == len(j) or np.ptp(y) < 1e-3:
        return
    icc = anova_icc(y, j)
    assert icc <= 1 + 1e-12
    assert anova_icc(factor * (y + shift), 4 - j) == pytest.approx(icc, rel=1e-6, abs=1e-6)


def test_anova_icc_without_differences_between_schools_is_below_zero():
    assert anova_icc([1.0, 3, 1, 3], [0, 0, 1, 1]) < 0


@pytest.mark.parametrize(
    ("y", "j", "message"),
    [
        ([1.0, 2], [0, 1], "two students"),
        ([1.0, 2], [0, 0], "Two schools"),
        ([0.1, 0.1, 0.1], [0, 0, 1], "All values"),
        ([1.0, 1, 1], [0, 0], "3 values and 2"),
    ],
)
def test_impossible_icc(y, j, message):
    with pytest.raises(DataError, match=message):
        anova_icc(y, j)


def test_design_effect_of_the_lesson():
    assert design_effect(50, 0.05) == pytest.approx(3.45)
    assert design_effect([1, 11], 0.1).tolist() == pytest.approx([1.0, 2.0])


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
        assert found.p_ordinary[k] == pytest.approx(plain.p_value[1], rel=1e-8)
        assert found.p_cluster_robust[k] == pytest.approx(plain.cluster_p_value[1], rel=1e-6)
        assert found.p_multilevel[k] == pytest.approx(mixed, rel=1e-4)  # optimiser of the fit
    assert interior > 0
    assert found.design_effect == design_effect(n, icc)


def test_students_of_the_trials_have_the_intended_spread():
    trials = [treatment_trial(6, 4, 0.3, k) for k in range(400)]
    y = np.array([t.y for t in trials]).reshape(400, 6, 4)
    assert stats.kstest(y.ravel()[::4], "norm").pvalue > 0.01  # one student a school
    within = ((y - y.mean(axis=2, keepdims=True)) ** 2).sum(axis=2) / 0.7
    assert stats.kstest(within.ravel(), stats.chi2(3).cdf).pvalue > 0.01
    assert np.mean([anova_icc(t.y, t.j) for t in trials]) == pytest.approx(0.3, abs=0.05)


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
    alike = treatment_trials(10, 20, 0.0, many).false_alarms()
    assert alike.ordinary == near(0.05, many)
    apart = treatment_trials(30, 20, 0.3, many)
    assert apart.false_alarms().multilevel == near(0.05, many)  # exact but for sigma_alpha = 0
    # ignoring schools, t is too large by the root of the design effect (many schools)
    large = treatment_trials(400, 10, 0.2, 4000)
    want = 2 * stats.norm.sf(1.96 / np.sqrt(large.design_effect))
    assert large.false_alarms().ordinary == pytest.approx(want, abs=0.03)
    assert large.false_alarms().cluster_robust == near(0.05, 4000)
    assert large.false_alarms(1.0) == (1.0, 1.0, 1.0)


def test_few_schools_are_the_failure_of_the_cluster_robust_error():
    few = treatment_trials(6, 25, 0.2, 10_000).false_alarms()
    assert few.cluster_robust > 0.06
    assert few.multilevel < 0.055


def test_longer_runs_begin_with_the_shorter():
    short, long = treatment_trials(8, 10, 0.1, 50), treatment_trials(8, 10, 0.1, 90)
    np.testing.assert_array_equal(short.p_multilevel, long.p_multilevel[:50])
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
