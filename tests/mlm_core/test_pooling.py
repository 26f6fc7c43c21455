"""Complete and no pooling against statsmodels' own regressions."""

from __future__ import annotations

from dataclasses import replace

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


def test_without_x_there_is_no_slope_and_it_is_sure(data):
    plain = GroupedData(data.y, None, data.j, None, data.labels)
    complete, own = fit_complete_pooling(plain), fit_no_pooling(plain)
    for lines in (complete.lines, own.lines):
        assert lines.beta.tolist() == lines.se_beta.tolist() == [0.0] * 8
    assert complete.cluster_se_beta == 0.0


def test_two_schools_have_robust_standard_errors():
    data = GroupedData([1.0, 2.0, 4.0, 9.0], None, [0, 0, 1, 1], None, ["a", "b"])
    frame = pd.DataFrame({"y": data.y})
    theirs = smf.ols("y ~ 1", frame).fit(cov_type="cluster", cov_kwds={"groups": data.j})
    assert fit_complete_pooling(data).cluster_se_alpha == pytest.approx(theirs.bse.iloc[0])


@pytest.mark.parametrize("unit", [1e-4, 1e4])
@pytest.mark.parametrize("slopes", ["common", "varying"])
def test_units_of_x_and_y_change_nothing_but_units(data, slopes, unit):
    ours = fit_no_pooling(data, slopes)
    other = GroupedData(unit * data.y, unit * data.x, data.j, None, data.labels)
    theirs = fit_no_pooling(other, slopes)
    np.testing.assert_allclose(theirs.lines.alpha, unit * ours.lines.alpha, rtol=1e-7)
    np.testing.assert_allclose(theirs.lines.beta, ours.lines.beta, rtol=1e-7)
    assert theirs.sigma_y == pytest.approx(unit * ours.sigma_y)


def test_one_degree_of_freedom_is_enough():
    data = GroupedData([1.0, 3.0, 9.0], None, [0, 0, 1], None, ["a", "b"])
    assert fit_no_pooling(data).sigma_y == pytest.approx(np.sqrt(2.0))


def test_x_that_varies_by_rounding_alone_gives_no_slope():
    same = [1e6, np.nextafter(1e6, 2e6), 1e6]
    x = np.array([*same, 1e6 + 1, 1e6 + 2, 1e6 + 3])
    data = GroupedData([1.0, 2.0, 4.0, 1.0, 3.0, 4.0], x, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    assert np.ptp(x[:3]) > 0
    assert np.isnan(fit_no_pooling(data, "varying").lines.beta).tolist() == [True, False]


@pytest.mark.parametrize("with_x", [True, False])
def test_a_fit_knows_its_model_and_its_data(data, with_x):
    data = data if with_x else replace(data, x=None)
    fits = [fit_no_pooling(data, slopes) for slopes in ("common", "varying")]
    assert [fit.slopes for fit in fits] == ["common", "varying"]
    assert all(fit.data is data for fit in (*fits, fit_complete_pooling(data)))


def test_x_of_schools_is_told_to_be_u():
    data = GroupedData([1.0, 2.0, 4.0, 5.0], [1.0, 1.0, 2.0, 2.0], [0, 0, 1, 1], None, ["a", "b"])
    with pytest.raises(DataError) as found:
        fit_no_pooling(data)
    assert str(found.value) == (
        "x does not vary within any school, so a slope within schools cannot be estimated. "
        "It is a school-level predictor: use it as u."
    )
