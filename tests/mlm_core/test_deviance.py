"""The criterion against the dense density, its derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest

from mlm_core.data import DataError, GroupedData
from mlm_core.deviance import (
    covariance_form,
    derivatives,
    full_form,
    height,
    intercepts,
    parts,
    profile,
    relative_covariance,
    school_covariance,
    school_precision,
    school_sums,
)

SLOPES = ("common", "varying", "uncorrelated")
THETA = {"common": [0.7], "varying": [0.8, -0.3, 0.5], "uncorrelated": [0.6, 0.4]}


def awkward(x_mean=0.0, x_scale=1.0, seed=3):
    """Schools of one student, of one x, of many students; x anywhere."""
    rng = np.random.default_rng(seed)
    j = np.repeat(np.arange(7), [1, 1, 2, 3, 5, 9, 14])
    x = rng.normal(size=len(j)) + 0.5 * rng.normal(size=7)[j]
    x[j == 3] = 0.25
    y = 40 + 3 * x + 2 * rng.normal(size=7)[j] + rng.normal(size=len(j))
    return GroupedData(y, x_mean + x_scale * x, j, rng.normal(size=7), np.arange(7))


def columns(data, slopes, group_predictor):
    """The model matrix X and Z of school j, both on the scale of the data."""
    one, x, u = np.ones(data.n_students), data.x, data.u[data.j]
    columns = [one, u, x, u * x] if slopes != "common" else [one, u, x]
    if not group_predictor:
        columns = [one, x]
    return np.stack(columns, axis=1), np.stack([one, x], axis=1)


def dense_criterion(data, slopes, group_predictor, method, covariance, sigma_y):
    """Minus twice the (restricted) log likelihood, by matrices of all students."""
    X, Z = columns(data, slopes, group_predictor)
    same = data.j[:, None] == data.j
    V = same * (Z @ covariance @ Z.T) + sigma_y**2 * np.eye(len(X))
    Vi = np.linalg.inv(V)
    coef = np.linalg.solve(X.T @ Vi @ X, X.T @ Vi @ data.y)
    error = data.y - X @ coef
    n, p = X.shape
    out = np.linalg.slogdet(V)[1] + error @ Vi @ error
    if method == "ML":
        return out + n * np.log(2 * np.pi), coef
    out += np.linalg.slogdet(X.T @ Vi @ X)[1]
    return out + (n - p) * np.log(2 * np.pi), coef


@pytest.mark.parametrize("slopes", SLOPES)
@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize(("x_mean", "x_scale"), [(0.0, 1.0), (5.0, 10.0)])
def test_criterion_is_the_dense_density(slopes, group_predictor, method, x_mean, x_scale):
    data = awkward(x_mean, x_scale)
    sums = school_sums(data, slopes, group_predictor)
    at_0 = -sums.x_mean / sums.x_scale
    cov = relative_covariance(np.array(THETA[slopes]), covariance_form(slopes, at_0))
    at = profile(sums, cov, method)
    m = sums.n_students - (method == "REML") * len(sums.names)
    sigma_y = np.sqrt(at.r2 / m) * sums.y_scale
    to_data = np.array([[1, at_0], [0, 1 / sums.x_scale]])
    relative = to_data @ np.array([[cov[0], cov[1]], [cov[1], cov[2]]]) @ to_data.T
    dense, _ = dense_criterion(
        data, slopes, group_predictor, method, sigma_y**2 * relative, sigma_y
    )
    # 1e-9: what two ways through 35 by 35 matrices differ by in rounding
    assert at.criterion == pytest.approx(dense, rel=1e-9)
    beside = [
        dense_criterion(data, slopes, group_predictor, method, (s**2) * relative, s)[0]
        for s in (0.99 * sigma_y, 1.01 * sigma_y)
    ]
    assert min(beside) > dense  # sigma_y is at its best


@pytest.mark.parametrize("slopes", SLOPES)
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_derivatives_are_those_of_the_criterion(slopes, method):
    sums = school_sums(awkward(), slopes, group_predictor=True)
    here = np.array([0.7, -0.1, 0.4])

    def model(s):
        return profile(sums, np.array([*s, s[0] * s[2] - s[1] ** 2]), method)

    gradient, hessian = derivatives(sums, model(here), method)
    step = 1e-5 * np.eye(3)
    # central differences of step h err by about h squared
    difference = [model(here + h).criterion - model(here - h).criterion for h in step]
    assert gradient == pytest.approx(np.array(difference) / 2e-5, rel=1e-6)
    slopes_beside = [
        [derivatives(sums, model(at), method)[0] for at in (here + h, here - h)] for h in step
    ]
    numeric = np.array([(above - below) / 2e-5 for above, below in slopes_beside])
    assert hessian == pytest.approx(numeric, rel=1e-6, abs=1e-6 * np.abs(hessian).max())


def test_leading_axes_are_evaluated_as_one_by_one():
    sums = school_sums(awkward(), "varying", group_predictor=True)
    theta = np.random.default_rng(1).normal(size=(2, 3, 3))
    cov = relative_covariance(theta, covariance_form("varying"))
    together = profile(sums, cov, "REML")
    gradient, hessian = derivatives(sums, together, "REML")
    for place in np.ndindex(2, 3):
        alone = profile(sums, cov[place], "REML")
        g, h = derivatives(sums, alone, "REML")
        assert height(sums, cov, "REML")[place] == pytest.approx(alone.criterion, rel=1e-13)
        other = profile(sums, cov[place], "ML").criterion
        assert height(sums, cov, "ML")[place] == pytest.approx(other, rel=1e-13)
        assert together.criterion[place] == pytest.approx(alone.criterion, rel=1e-13)
        assert gradient[place] == pytest.approx(g, rel=1e-10)
        assert hessian[place] == pytest.approx(h, rel=1e-10)


@pytest.mark.parametrize("x_mean", [0.0, 50.0])
@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_varying_intercepts_alone_have_the_same_criterion(method, group_predictor, x_mean):
    sums = school_sums(awkward(x_mean), "common", group_predictor)
    s = np.array([0.0, 1e-8, 0.3, 7.0, 1e12])
    alone = intercepts(sums, s, method)
    whole = profile(sums, s[:, None] * np.array([1.0, 0, 0, 0]), method)
    assert alone.criterion == pytest.approx(whole.criterion, rel=1e-12)
    assert alone.r2 == pytest.approx(whole.r2, rel=1e-10)
    assert alone.coef == pytest.approx(whole.coef, rel=1e-8, abs=1e-10)
    first_rows = alone.told[:, None] * alone.means
    assert first_rows == pytest.approx(whole.qc[:, 0], rel=1e-8, abs=1e-10)


def test_precision_and_covariance_are_the_inverses_they_claim():
    sums = school_sums(awkward(), "varying")
    cov = relative_covariance(np.array([0.8, -0.3, 0.5]), covariance_form("varying"))
    sigma = np.array([[cov[0], cov[1]], [cov[1], cov[2]]])
    (q11, q12, q22), det = school_precision(sums, cov)
    p11, p12, p22 = school_covariance(sums, cov)
    n, sx, sxx, _ = sums.g
    for j in range(7):
        G = np.array([[n[j], sx[j]], [sx[j], sxx[j]]])
        Q = G @ np.linalg.inv(np.eye(2) + sigma @ G)
        P = np.linalg.inv(np.linalg.inv(sigma) + G)
        # 1e-10: G of a school with many students has a condition number up to 100
        assert [q11[j], q12[j], q22[j]] == pytest.approx([Q[0, 0], Q[0, 1], Q[1, 1]], rel=1e-10)
        assert [p11[j], p12[j], p22[j]] == pytest.approx([P[0, 0], P[0, 1], P[1, 1]], rel=1e-10)
        assert det[j] == pytest.approx(np.linalg.det(np.eye(2) + sigma @ G), rel=1e-10)


def test_sums_are_those_of_the_students():
    data = awkward(x_mean=500.0, x_scale=100.0)
    sums = school_sums(data, "varying", group_predictor=True)
    x, y = (data.x - sums.x_mean) / sums.x_scale, (data.y - sums.y_mean) / sums.y_scale
    rss = 0.0
    for j in range(7):
        W = np.stack([np.ones(data.n[j]), x[data.j == j]], axis=1)
        G = W.T @ W
        assert sums.g[:3, j] == pytest.approx([G[0, 0], G[0, 1], G[1, 1]])
        own_line = sums.columns[:, -1, j] + sums.first @ sums.design[:, :, j].T
        assert G @ own_line == pytest.approx(W.T @ y[data.j == j], abs=1e-12)
        own = np.linalg.lstsq(W, y[data.j == j], rcond=None)[0]
        rss += float(((y[data.j == j] - W @ own) ** 2).sum())
    assert sums.rss == pytest.approx(rss, rel=1e-12)
    assert (sums.g[3] > 0).tolist() == [False, False, True, False, True, True, True]


@pytest.mark.parametrize("x_mean", [0.0, 1e4, -1e8])
def test_a_school_of_one_x_has_no_slope_whatever_the_rounding(x_mean):
    rng = np.random.default_rng(0)
    j = np.repeat(np.arange(4), 7)
    x = np.where(j == 2, 0.1, rng.normal(size=28)) + x_mean
    sums = school_sums(GroupedData(rng.normal(size=28), x, j, None, np.arange(4)), "varying")
    assert (sums.g[3] == 0).tolist() == [False, False, True, False]


def test_the_two_forms_of_lambda_give_one_sigma():
    theta = np.array([0.8, -0.3, 0.5])
    triangular = relative_covariance(theta, covariance_form("varying"))
    for angle in (0.0, 0.4, 2.0):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        factor = np.array([[0.8, 0.0], [-0.3, 0.5]]) @ turn
        assert relative_covariance(factor.ravel(), full_form()) == pytest.approx(triangular)


def test_no_correlation_at_x_0_is_one_where_x_is_centred():
    cov = relative_covariance(np.array([0.6, 0.4]), covariance_form("uncorrelated", x_zero=-5.0))
    # intercept at the centre is that at 0 plus 5 slopes
    assert cov.tolist() == pytest.approx([0.36 + 25 * 0.16, 5 * 0.16, 0.16, 0.36 * 0.16])
    there = relative_covariance(np.array([0.6, 0.4]), covariance_form("uncorrelated"))
    assert there.tolist() == pytest.approx([0.36, 0.0, 0.16, 0.36 * 0.16])


@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_the_two_parts_make_the_criterion_and_have_its_slopes(q, method):
    sums = school_sums(awkward(), "varying" if q == 2 else "common", group_predictor=True)
    sigma = np.array([[0.7, -0.1], [-0.1, 0.4]])[:q, :q]
    cov = np.zeros(4)
    cov[: 4 if q == 2 else 1] = [0.7, -0.1, 0.4, 0.27] if q == 2 else [0.7]
    found, m = parts(sums, sigma, method), sums.free(method)
    best = found.r2 / m
    whole = found.log + found.r2 / best + m * np.log(2 * np.pi * best)
    assert whole == pytest.approx(profile(sums, cov, method).criterion, rel=1e-12)
    for k, way in enumerate(np.eye(q * q).reshape(-1, q, q)):
        way, step = (way + way.T) / 2, 1e-5
        above, below = (parts(sums, sigma + h * way, method) for h in (step, -step))
        log, r2 = (above.log - below.log) / 2e-5, (above.r2 - below.r2) / 2e-5
        assert np.trace(found.log_slope @ way) == pytest.approx(log, rel=1e-6), k
        assert np.trace(found.r2_slope @ way) == pytest.approx(r2, rel=1e-6), k
    assert found.log_slope == pytest.approx(found.log_slope.T)


@pytest.mark.parametrize("sign", [1, -1])
def test_y_that_differs_by_rounding_alone_does_not_vary(sign):
    y = sign * (1e7 / 3 + 4e-10 * np.arange(9))
    assert np.ptp(y) > 0
    with pytest.raises(DataError, match=r"^y is the same for every student: there is"):
        school_sums(GroupedData(y, None, np.arange(9) // 3, None, list("abc")))
    varies = GroupedData(y + np.arange(9.0), None, np.arange(9) // 3, None, list("abc"))
    assert school_sums(varies).y_scale == pytest.approx(np.arange(9).std())


def test_u_predicts_slopes_only_where_slopes_vary():
    assert school_sums(awkward(), group_predictor=True).names == ("a0", "b0", "a1")
    assert school_sums(awkward(), "varying", True).names == ("a0", "b0", "a1", "b1")
