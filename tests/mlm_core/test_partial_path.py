"""The path of sigma_alpha: its ends, the estimate on it, and any place between by brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from mlm_core import Scenario, path, simulate
from mlm_core.data import DataError, GroupedData
from mlm_core.deviance import intercepts, school_sums
from mlm_core.partial import fit_partial_pooling
from mlm_core.path import _deviance, _slopes, pooling_path
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.wide import wide_path, wide_sums

METHODS = ("REML", "ML")


def students(seed=2, sizes=(1, 2, 3, 5, 8, 13, 21), sa=3.0, x0=5.0):
    rng = np.random.default_rng(seed)
    j = np.repeat(np.arange(len(sizes)), sizes)
    u, x = rng.normal(size=len(sizes)), x0 + rng.normal(size=len(j))
    alpha = 50 + 2 * u + sa * rng.normal(size=len(sizes))
    return GroupedData(alpha[j] + 3 * x + 2 * rng.normal(size=len(j)), x, j, u, np.arange(len(u)))


def without_x(data):
    return GroupedData(data.y, None, data.j, data.u, data.labels)


def model_matrix(data, group_predictor):
    columns = [np.ones(data.n_students)] + ([data.u[data.j]] if group_predictor else [])
    return np.stack(columns + ([] if data.x is None else [data.x]), axis=1)


def dense(data, group_predictor, method, sigma_alpha, sigma_y):
    """Deviance, and the whole intercepts, by matrices of all students."""
    X, member = model_matrix(data, group_predictor), data.j[:, None] == np.arange(data.n_groups)
    V = sigma_alpha**2 * member @ member.T.astype(float) + sigma_y**2 * np.eye(len(X))
    Vi = np.linalg.inv(V)
    XVX = X.T @ Vi @ X
    coef = np.linalg.solve(XVX, X.T @ Vi @ data.y)
    error = data.y - X @ coef
    out = np.linalg.slogdet(V)[1] + error @ Vi @ error
    out += np.linalg.slogdet(XVX)[1] if method == "REML" else 0.0
    of_school = coef[0] + (coef[1] * data.u if group_predictor else 0.0)
    return out, of_school + sigma_alpha**2 * member.T @ Vi @ error


@pytest.mark.parametrize("with_x", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_at_0_it_is_complete_pooling(with_x, method):
    data = students() if with_x else without_x(students())
    path, ols = pooling_path(data, [0.0], method=method), fit_complete_pooling(data)
    free = data.n_students - 1 - with_x
    shrunk = 1.0 if method == "REML" else np.sqrt(free / data.n_students)
    assert path.alpha[0] == pytest.approx(ols.lines.alpha, rel=1e-9)
    assert path.a1[0] == pytest.approx(ols.lines.beta[0], rel=1e-9)
    assert path.sigma_y[0] == pytest.approx(ols.sigma_y * shrunk, rel=1e-9)
    assert path.se_alpha[0] == pytest.approx(ols.lines.se_alpha * shrunk, rel=1e-8)
    assert (path.weight[0] == 0).all()
    assert np.isfinite(path.log_likelihood[0])


@pytest.mark.parametrize("with_x", [False, True])
@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_at_infinity_it_is_no_pooling_with_a_common_slope(with_x, group_predictor, method):
    data = students() if with_x else without_x(students())
    path, own = (
        pooling_path(data, [np.inf], group_predictor, method),
        fit_no_pooling(data, "common"),
    )
    # ML counts the slope as known: one degree of freedom more
    free = data.n_students - data.n_groups - with_x
    shrunk = 1.0 if method == "REML" else np.sqrt(free / (free + with_x))
    assert path.alpha[0] == pytest.approx(own.lines.alpha, rel=1e-9)
    assert path.sigma_y[0] == pytest.approx(own.sigma_y * shrunk, rel=1e-9)
    assert path.se_alpha[0] == pytest.approx(own.lines.se_alpha * shrunk, rel=1e-8)
    assert (path.weight[0] == 1).all()
    assert path.log_likelihood[0] == -np.inf


@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_at_0_with_a_school_level_predictor_it_is_the_regression_on_it(group_predictor, method):
    data = students()
    path = pooling_path(data, [0.0], group_predictor, method)
    X = model_matrix(data, group_predictor)
    coef = np.linalg.lstsq(X, data.y, rcond=None)[0]
    found = [path.a0[0], path.b0[0], path.a1[0]] if group_predictor else [path.a0[0], path.a1[0]]
    assert found == pytest.approx(coef, rel=1e-9)
    line = coef[0] + (coef[1] * data.u if group_predictor else 0.0) + np.zeros(7)
    assert path.alpha[0] == pytest.approx(line, rel=1e-9)


@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sa", [0.0, 3.0, 100.0])
def test_the_estimate_is_on_the_path(group_predictor, method, sa):
    data = students(sa=sa)
    fit = fit_partial_pooling(data, "common", group_predictor, method)
    path = pooling_path(data, [fit.hyper.sigma_alpha], group_predictor, method)
    # 1e-6: sigma_y follows from sigma_alpha, which is found to about 1e-8
    assert path.alpha[0] == pytest.approx(fit.lines.alpha, rel=1e-6)
    assert path.se_alpha[0] == pytest.approx(fit.lines.se_alpha, rel=1e-6)
    assert path.sigma_y[0] == pytest.approx(fit.sigma_y, rel=1e-6)
    assert path.a0[0] == pytest.approx(fit.hyper.a0, rel=1e-6)
    assert path.b0[0] == pytest.approx(fit.hyper.b0, rel=1e-6)
    assert path.a1[0] == pytest.approx(fit.hyper.a1, rel=1e-6)
    assert path.log_likelihood[0] == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("with_x", [False, True])
def test_between_the_ends_all_else_is_at_its_best(group_predictor, method, with_x):
    data = students() if with_x else without_x(students())
    given = np.array([0.01, 0.3, 1.0, 4.0, 40.0])
    path = pooling_path(data, given, group_predictor, method)
    fit = fit_partial_pooling(data, "common", group_predictor, method)
    least = dense(data, group_predictor, method, fit.hyper.sigma_alpha, fit.sigma_y)[0]
    for k, sigma_alpha in enumerate(given):
        best = minimize_scalar(
            lambda s, at=sigma_alpha: dense(data, group_predictor, method, at, np.exp(s))[0],
            bounds=(-3, 5),
            method="bounded",
            options={"xatol": 1e-9},
        )
        # 1e-6: where the search by values alone stops
        assert path.sigma_y[k] == pytest.approx(np.exp(best.x), rel=1e-6)
        assert path.log_likelihood[k] == pytest.approx(-0.5 * (best.fun - least), abs=1e-7)
        alpha = dense(data, group_predictor, method, sigma_alpha, path.sigma_y[k])[1]
        assert path.alpha[k] == pytest.approx(alpha, rel=1e-8)


FAR_APART = {
    "rails": [55, 53, 54, 26, 37, 32, 78, 91, 85, 92, 100, 96, 49, 51, 50, 80, 85, 83],
    "one far": [1, 2, 4, 11, 12, 14, 101, 102, 104],
    "tight": [10, 10.2, 9.9, 55, 55.3, 54.8, 90, 90.1, 89.7, 30, 30.3, 30.1],
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", FAR_APART)
def test_of_two_minima_the_deeper_is_found(name, method):
    """Threes that differ many times as much between as within: SDs between 0.1 and 30 on trial."""
    y = np.array(FAR_APART[name])
    j = np.arange(len(y)) // 3
    data = GroupedData(y, None, j, None, np.arange(len(y) // 3))
    given = np.array([0.1, 0.5, 1, 2, 3, 4, 5.9, 7, 9, 10, 12, 30])
    found = pooling_path(data, given, method=method)
    ones = np.ones((len(y), 1))
    wide = wide_path(wide_sums(y, ones, ones, j), given, method)
    places = np.linspace(-3, 5, 81)
    minima = 0
    for k, sigma_alpha in enumerate(given):

        def cost(s, at=sigma_alpha):
            return dense(data, False, method, at, np.exp(s))[0]

        heights = np.array([cost(s) for s in places])
        minima = max(minima, int((np.diff(np.sign(np.diff(heights))) > 0).sum()))
        near = places[np.argmin(heights)]
        best = minimize_scalar(cost, bounds=(near - 0.1, near + 0.1), options={"xatol": 1e-9})
        assert found.sigma_y[k] == pytest.approx(np.exp(best.x), rel=1e-6), sigma_alpha
        assert wide.sigma_y[k] == pytest.approx(np.exp(best.x), rel=1e-6), sigma_alpha
    assert minima == (1 if name == "rails" else 2)


@pytest.mark.parametrize("method", METHODS)
def test_where_newtons_method_leaves_the_interval_halves_find_the_minimum(monkeypatch, method):
    y = np.array(FAR_APART["rails"])
    data = GroupedData(y, None, np.arange(18) // 3, None, np.arange(6))
    given = np.array([0.1, 1, 2, 3, 4, 6, 7.5, 8, 10, 30])
    from_near = pooling_path(data, given, method=method)
    monkeypatch.setattr(path, "VALLEY", 20.0)  # begin at an end of the interval
    assert pooling_path(data, given, method=method).sigma_y == pytest.approx(from_near.sigma_y)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(5))
def test_weights_rise_from_0_to_1_and_with_the_size_of_the_school(method, seed):
    data = students(seed)
    given = np.concatenate([[0.0], np.geomspace(1e-4, 1e4, 60), [np.inf]])
    path = pooling_path(data, given, method=method)
    assert ((path.weight >= 0) & (path.weight <= 1)).all()
    assert (np.diff(path.weight, axis=0) >= 0).all()
    assert (np.diff(path.weight, axis=1) >= 0).all()  # sizes rise with j
    assert (path.log_likelihood <= 1e-9).all()
    assert (path.sigma_y > 0).all()


def test_a_school_is_the_weighted_average_of_equation_12_1():
    data = without_x(students())
    path = pooling_path(data, [0.5, 2.0, 9.0])
    weight = data.n / path.sigma_y[:, None] ** 2
    weight = weight / (weight + 1 / np.array([0.5, 2.0, 9.0])[:, None] ** 2)
    assert path.weight == pytest.approx(weight, rel=1e-12)
    average = weight * data.group_means(data.y) + (1 - weight) * path.a0[:, None]
    assert path.alpha == pytest.approx(average, rel=1e-12)


@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_slopes_are_those_of_the_deviance_in_sigma_y(group_predictor, method):
    data = students()
    x = data.x + 3 * np.arange(7)[data.j] ** 2  # schools differ in x, too
    sums = school_sums(replace(data, x=x), "common", group_predictor)
    tau2, log_s2, step = np.array([0.0, 0.1, 5.0]), np.array([-1.0, 0.5, 1.0]), 1e-4

    def deviance(log_s2):
        sigma2 = np.exp(log_s2)
        return _deviance(sums, intercepts(sums, tau2 / sigma2, method), sigma2, method)

    first, second = _slopes(sums, tau2, np.exp(log_s2), method)
    above, below = deviance(log_s2 + step), deviance(log_s2 - step)
    # differences of step h err by h squared
    assert first == pytest.approx((above - below) / (2 * step), rel=1e-6)
    above, below = (_slopes(sums, tau2, np.exp(log_s2 + h), method)[0] for h in (step, -step))
    assert second == pytest.approx((above - below) / (2 * step), rel=1e-6)


def test_values_are_taken_in_any_order():
    data, given = students(), np.array([3.0, np.inf, 0.0, 1.0])
    path, sorted_path = pooling_path(data, given), pooling_path(data, np.sort(given))
    order = np.argsort(given)
    assert path.alpha[order] == pytest.approx(sorted_path.alpha, rel=1e-12)
    assert path.sigma_alpha.tolist() == given.tolist()


@pytest.mark.parametrize("given", [[-1.0], [np.nan], [[1.0, 2.0]]])
def test_values_that_are_no_sds(given):
    with pytest.raises(ValueError, match="from 0 to infinity"):
        pooling_path(students(), given)


def test_data_that_cannot_answer():
    data = GroupedData([1.0, 2.0, 4.0], None, [0, 0, 0], None, ["a"])
    with pytest.raises(DataError, match="one school"):
        pooling_path(data, [1.0])


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_the_search_for_sigma_y_is_newtons_and_not_bisection(monkeypatch, method):
    slopes, rounds = path._slopes, []

    def counted(*given):
        rounds.append(1)
        return slopes(*given)

    monkeypatch.setattr(path, "_slopes", counted)
    pooling_path(simulate(Scenario()).data, [0.0, 0.5, 2.0, 5.0, 50.0, np.inf], method=method)
    assert len(rounds) <= 8
