"""Models of any width: lme4's fits, the fast road where both go, and the ends of the path."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core import DataError, GroupedData, fit_no_pooling, fit_partial_pooling, pooling_path
from mlm_core.deviance import parts, school_sums
from mlm_core.wide import fit_own, fit_wide, wide_parts, wide_path, wide_sums

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FITS = json.loads((GOLDEN / "wide" / "fits.json").read_text())
CASE = pd.read_csv(GOLDEN / "wide" / "case.csv")
J = pd.factorize(CASE["school"], sort=True)[0]
ONES = np.ones(len(CASE))


def column(name: str) -> np.ndarray:
    if name == "(Intercept)":
        return ONES
    if name.startswith("kind"):
        return (CASE["kind"] == name[4:]).to_numpy(float)
    if ":" in name:
        one, other = name.split(":")
        return column(one) * column(other)
    mean = CASE["x"].groupby(CASE["school"]).transform("mean")
    return {"xm": mean, "xw": CASE["x"] - mean}.get(name, CASE.get(name)).to_numpy(float)


VARYING = {
    "several": [],
    "slope": ["x"],
    "product": ["x"],
    "two": ["x", "z"],
    "raw": ["z"],
    "within": ["xw"],
    "factor": ["kindb", "kindc"],
}


def sums_of(names: list[str], varying: list[str]):
    X = np.column_stack([column(name) for name in names])
    Z = np.column_stack([ONES, *(column(name) for name in varying)])
    return wide_sums(CASE["y"].to_numpy(), X, Z, J, names)


@pytest.mark.parametrize("fit", FITS, ids=lambda f: f"{f['model']}-{f['method']}")
def test_as_lme4(fit):
    """Criterion to 1e-5; what lies on its flat floor to the optimisers' tolerance."""
    found = fit_wide(sums_of(fit["names"], VARYING[fit["model"]]), fit["method"])
    assert found.converged
    assert found.criterion <= fit["criterion"] + 1e-6
    assert found.criterion == pytest.approx(fit["criterion"], abs=1e-4)
    loose = {"rel": 1e-4, "abs": 2e-4}
    np.testing.assert_allclose(found.coef, fit["fixed"], 1e-5, 1e-4)
    np.testing.assert_allclose(found.se, fit["se"], 2e-4)
    assert found.sd.tolist() == pytest.approx(np.ravel(fit["sd"]).tolist(), **loose)
    assert found.sigma_y == pytest.approx(fit["sigma_y"], rel=1e-5)
    np.testing.assert_allclose(found.modes, np.reshape(fit["modes"], found.modes.shape), 1e-3, 2e-3)
    np.testing.assert_allclose(found.corr, fit["corr"], 0, 2e-3)
    sds = np.sqrt(np.diagonal(found.mode_cov, axis1=1, axis2=2))
    np.testing.assert_allclose(sds, np.reshape(fit["condsd"], sds.shape), 2e-3, 2e-4)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_the_fast_road_gives_the_same(method):
    data = GroupedData.from_frame(CASE, "y", "school", "x", "u")
    fast = fit_partial_pooling(data, "varying", True, method)
    wide = fit_wide(sums_of(["(Intercept)", "u", "x", "x:u"], ["x"]), method)
    assert wide.criterion == pytest.approx(fast.criterion, abs=1e-7)
    np.testing.assert_allclose(wide.coef_cov, fast.coef_cov, 1e-5, 1e-8)
    k = np.arange(data.n_groups)
    X = np.column_stack([np.ones(36), data.u, np.zeros(36), np.zeros(36)])
    known = wide.expect(X, np.eye(2)[[0] * 36], k)
    np.testing.assert_allclose(known.mean, fast.lines.alpha, 1e-6)
    np.testing.assert_allclose(known.se, fast.lines.se_alpha, 1e-5)


def test_a_new_school_is_as_unsure_as_schools_differ():
    fit = fit_wide(sums_of(["(Intercept)", "x"], ["x"]))
    x = 1.5
    new = fit.expect([[1.0, x]], [[1.0, x]])
    a, b, rho = *fit.sd, fit.corr[0, 1]
    between = a**2 + 2 * x * rho * a * b + (x * b) ** 2
    row = np.array([1.0, x])
    assert new.se[0] ** 2 == pytest.approx(between + row @ fit.coef_cov @ row)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_slopes_of_the_deviance(method):
    """Analytic slopes of both roads against differences."""
    data = GroupedData.from_frame(CASE, "y", "school", "x", "u")
    roads = [
        (lambda a: parts(school_sums(data, "varying", True), a, method)),
        (lambda a: wide_parts(sums_of(["(Intercept)", "u", "x", "z"], ["x"]), a, method)),
    ]
    sigma = np.array([[0.3, 0.1], [0.1, 0.2]])
    for at in roads:
        found = at(sigma)
        for i, k in ((0, 0), (0, 1), (1, 1)):
            step = np.zeros((2, 2))
            step[i, k] = step[k, i] = 1e-5
            up, down = at(sigma + step), at(sigma - step)
            times = 1 + (i != k)
            assert (up.log - down.log) / 2e-5 == pytest.approx(
                times * found.log_slope[i, k], abs=1e-4
            )
            assert (up.r2 - down.r2) / 2e-5 == pytest.approx(times * found.r2_slope[i, k], abs=1e-4)


def test_no_pooling_is_each_school_by_itself():
    data = GroupedData.from_frame(CASE, "y", "school", "x")
    own = fit_own(sums_of(["(Intercept)", "u", "x"], ["x"]))
    lines = fit_no_pooling(data, "varying").lines
    np.testing.assert_allclose(own.coef[:, 0], lines.alpha, 1e-9)
    np.testing.assert_allclose(np.sqrt(own.cov[:, 1, 1]), lines.se_beta, 1e-9)
    common = fit_own(sums_of(["(Intercept)", "u", "x"], []))
    lines = fit_no_pooling(data, "common").lines
    assert common.common[2] == pytest.approx(lines.beta[0])
    assert np.isnan(common.common[1])
    np.testing.assert_allclose(np.sqrt(common.cov[:, 0, 0]), lines.se_alpha, 1e-9)


def test_no_pooling_with_a_predictor_in_common_is_the_regression_with_indicators():
    own = fit_own(sums_of(["(Intercept)", "x", "z"], ["x"]))
    indicators = (J[:, None] == np.arange(36)).astype(float)
    X = np.column_stack([indicators, indicators * column("x")[:, None], column("z")])
    beta, *_ = np.linalg.lstsq(X, CASE["y"], rcond=None)
    np.testing.assert_allclose(own.common[2], beta[-1], 1e-8)
    whole = np.isfinite(own.coef[:, 0])
    np.testing.assert_allclose(own.coef[whole, 0], beta[:36][whole], 1e-7)


def test_the_path_is_that_of_the_fast_road():
    data = GroupedData.from_frame(CASE, "y", "school", "x", "u")
    grid = np.array([0, 0.5, 2, 4, 8, 100, np.inf])
    fast = pooling_path(data, grid, group_predictor=True)
    wide = wide_path(sums_of(["(Intercept)", "u", "x"], []), grid)
    alpha = wide.coef[:, [0]] + wide.coef[:, [1]] * data.u + wide.modes
    np.testing.assert_allclose(alpha, fast.alpha, 1e-6)
    np.testing.assert_allclose(wide.log_likelihood[:-1], fast.log_likelihood[:-1], 1e-6, 1e-6)
    np.testing.assert_allclose(wide.sigma_y, fast.sigma_y, 1e-6)


def test_no_difference_between_schools_is_estimated_as_exactly_0():
    frame = pd.read_csv(GOLDEN / "lme4" / "cases" / "zero_between_8.csv")
    j = pd.factorize(frame["school"], sort=True)[0]
    one = np.ones((len(frame), 1))
    fit = fit_wide(wide_sums(frame["y"].to_numpy(), np.column_stack([one, frame["x"]]), one, j))
    assert fit.sd[0] == 0
    assert fit.singular


def test_predictors_that_say_the_same_are_named():
    twice = 3 * column("x") - 1
    X = np.column_stack([ONES, column("x"), twice])
    with pytest.raises(DataError, match="“again” says what other"):
        wide_sums(CASE["y"].to_numpy(), X, ONES[:, None], J, ["one", "x", "again"])


def test_too_many_predictors_of_groups_are_refused():
    few = J < 3
    j, ones = J[few], np.ones(int(few.sum()))
    X = np.column_stack([ones, column("u")[few], column("v")[few] + column("u")[few] ** 2])
    with pytest.raises(DataError, match="3 groups cannot give 3"):
        wide_sums(CASE["y"].to_numpy()[few], X, ones[:, None], j)
