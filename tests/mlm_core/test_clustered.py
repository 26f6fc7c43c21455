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
