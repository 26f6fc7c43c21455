"""Complete and no pooling against statsmodels' own regressions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from mlm_core import (
    DataError,
    GroupedData,
    Scenario,
    fit_complete_pooling,
    fit_no_pooling,
    simulate,
)

# Both sides are least squares in double precision.
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(scope="module")
def data():
    return simulate(Scenario(n_groups=8, seed=3)).data


@pytest.fixture(scope="module")
def frame(data):
    return pd.DataFrame({"school": data.labels[data.j], "j": data.j, "x": data.x, "y": data.y})


def test_complete_pooling_is_one_regression(data, frame):
    ours = fit_complete_pooling(data)
    theirs = smf.ols("y ~ x", frame).fit()
    robust = smf.ols("y ~ x", frame).fit(cov_type="cluster", cov_kwds={"groups": frame["j"]})
    assert ours.lines.alpha.shape == (8,)
    np.testing.assert_allclose([ours.lines.alpha[3], ours.lines.beta[3]], theirs.params, **CLOSE)
    np.testing.assert_allclose([ours.lines.se_alpha[0], ours.lines.se_beta[0]], theirs.bse, **CLOSE)
    np.testing.assert_allclose([ours.cluster_se_alpha, ours.cluster_se_beta], robust.bse, **CLOSE)
    assert ours.sigma_y == pytest.approx(np.sqrt(theirs.scale), rel=1e-10)


def test_complete_pooling_without_x_is_the_mean(data):
    ours = fit_complete_pooling(GroupedData(data.y, None, data.j, None, data.labels))
    assert ours.lines.alpha[0] == pytest.approx(data.y.mean())
    assert not ours.lines.beta.any()


def test_no_pooling_with_a_common_slope_is_the_regression_with_indicators(data, frame):
    ours = fit_no_pooling(data)
    theirs = smf.ols("y ~ 0 + C(school) + x", frame).fit()
    np.testing.assert_allclose(ours.lines.alpha, theirs.params[:-1], **CLOSE)
    np.testing.assert_allclose(ours.lines.beta, theirs.params.iloc[-1], **CLOSE)
    np.testing.assert_allclose(ours.lines.se_alpha, theirs.bse[:-1], **CLOSE)
    np.testing.assert_allclose(ours.lines.se_beta, theirs.bse.iloc[-1], **CLOSE)
    assert ours.sigma_y == pytest.approx(np.sqrt(theirs.scale), rel=1e-10)


def test_no_pooling_with_varying_slopes_is_a_regression_for_each_school(data, frame):
    ours = fit_no_pooling(data, "varying")
    theirs = smf.ols("y ~ 0 + C(school) + C(school):x", frame).fit()
    np.testing.assert_allclose(ours.lines.alpha, theirs.params[:8], **CLOSE)
    np.testing.assert_allclose(ours.lines.beta, theirs.params[8:], **CLOSE)
    np.testing.assert_allclose(ours.lines.se_alpha, theirs.bse[:8], **CLOSE)
    np.testing.assert_allclose(ours.lines.se_beta, theirs.bse[8:], **CLOSE)
    assert ours.sigma_y == pytest.approx(np.sqrt(theirs.scale), rel=1e-10)


def test_no_pooling_without_x_is_the_school_means(data, frame):
    ours = fit_no_pooling(GroupedData(data.y, None, data.j, None, data.labels))
    theirs = smf.ols("y ~ 0 + C(school)", frame).fit()
    np.testing.assert_allclose(ours.lines.alpha, theirs.params, **CLOSE)
    np.testing.assert_allclose(ours.lines.se_alpha, theirs.bse, **CLOSE)


def test_uncentred_x_costs_no_precision(data, frame):
    shifted = GroupedData(data.y, 500 + 100 * data.x, data.j, None, data.labels)
    ours, before = fit_no_pooling(shifted, "varying"), fit_no_pooling(data, "varying")
    np.testing.assert_allclose(ours.lines.beta * 100, before.lines.beta, rtol=1e-9)
    np.testing.assert_allclose(
        ours.lines.alpha + 500 * ours.lines.beta, before.lines.alpha, rtol=1e-8, atol=1e-8
    )


def test_what_cannot_be_estimated_is_nan():
    # School a has one student, b one value of x, c and d identify a line.
    data = GroupedData(
        [1.0, 2.0, 4.0, 0.0, 3.0, 4.0, 1.0, 2.0, 4.0],
        [0.0, 1.0, 1.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0],
        [0, 1, 1, 2, 2, 2, 3, 3, 3],
        None,
        list("abcd"),
    )
    lines = fit_no_pooling(data, "varying").lines
    for values in (lines.alpha, lines.beta, lines.se_alpha, lines.se_beta):
        assert np.isnan(values).tolist() == [True, True, False, False]
    np.testing.assert_allclose(lines.beta[2:], [2.0, 1.5])


def test_no_degrees_of_freedom_give_no_residual_sd():
    data = GroupedData([1.0, 2.0], None, [0, 1], None, ["a", "b"])
    fit = fit_no_pooling(data)
    assert np.isnan(fit.sigma_y)
    assert np.isnan(fit.lines.se_alpha).all()


def schools(y, x, j):
    return GroupedData(y, x, j, None, ["a", "b"])


FLAT = schools([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [0, 0, 1])
FLAT_WITHIN = schools([1.0, 2.0, 3.0], [1.0, 1.0, 2.0], [0, 0, 1])
FEW = schools([1.0, 2.0], [1.0, 2.0], [0, 1])


@pytest.mark.parametrize(
    ("data", "fit", "says"),
    [
        (FLAT, fit_complete_pooling, "x is the same"),
        (FLAT, fit_no_pooling, "x is the same"),
        (FLAT_WITHIN, fit_no_pooling, "within any school"),
        (FEW, fit_complete_pooling, "three or more"),
    ],
)
def test_impossible_requests_say_why(data, fit, says):
    with pytest.raises(DataError, match=says):
        fit(data)


def test_one_school_has_no_cluster_robust_error():
    fit = fit_complete_pooling(GroupedData([1.0, 2.0, 4.0], None, [0, 0, 0], None, ["a"]))
    assert np.isnan(fit.cluster_se_alpha)
