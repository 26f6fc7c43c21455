"""The search ends, and says what it did: where rounds are used up, and what it evaluated."""

from __future__ import annotations

import numpy as np
import pytest

import mlm_core.search as searching
from mlm_core.data import DataError, GroupedData
from mlm_core.deviance import (
    covariance_form,
    derivatives,
    full_form,
    height,
    profile,
    relative_covariance,
)
from mlm_core.partial import checked_sums, fit_partial_pooling
from mlm_core.search import _bounded, _in_theta, minimum, newton


def schools(seed, sizes, sa, sb, sy=1.0, x0=0.0):
    rng = np.random.default_rng(seed)
    j = np.repeat(np.arange(len(sizes)), sizes)
    x = x0 + rng.normal(size=len(j))
    alpha, beta = sa * rng.normal(size=len(sizes)), sb * rng.normal(size=len(sizes))
    y = alpha[j] + beta[j] * x + sy * rng.normal(size=len(j))
    return GroupedData(y, x, j, None, np.arange(len(sizes)))


def awkward(seed):
    """Few schools of any size, alike or a thousand times as far apart as students; any model."""
    rng = np.random.default_rng([99, seed])
    n_groups = int(rng.choice([2, 3, 3, 4]))
    sizes = rng.choice([1, 2, 3, 4, 6, 20, 200], n_groups)
    j = np.repeat(np.arange(n_groups), sizes)
    x = rng.normal(size=len(j)) * rng.choice([0.1, 1, 10]) + rng.normal() * rng.choice([0, 3, 50])
    x += (rng.normal(size=n_groups) * rng.choice([0, 3]))[j]
    if rng.random() < 0.2:
        x = np.round(x)
    alpha = rng.normal(size=n_groups) * rng.choice([0, 0.1, 1, 10, 100])
    beta = rng.normal(size=n_groups) * rng.choice([0, 0.1, 1, 10])
    y = alpha[j] + beta[j] * x + rng.normal(size=len(j)) * rng.choice([0.01, 1, 5])
    data = GroupedData(y, x, j, rng.normal(size=n_groups), np.arange(n_groups))
    slopes = str(rng.choice(["varying", "varying", "uncorrelated", "common"]))
    return data, slopes, bool(rng.integers(2)), str(rng.choice(["REML", "ML"]))


def searched(data, slopes, group_predictor, method):
    return minimum(checked_sums(data, slopes, group_predictor, method), slopes, method)


# Searches of 0.1.0 that made 87 to 200 rounds: SDs between schools of thousands of sigma_y,
# where the curvature is rounding; 1558, with 5 students in 2 schools, went to and fro over a hump
@pytest.mark.parametrize(
    ("seed", "most"), [(562, 60), (1073, 60), (1507, 60), (1558, 15), (1646, 60), (2380, 60)]
)
def test_searches_that_did_not_end_do(seed, most):
    found = searched(*awkward(seed))
    assert found.converged
    assert found.rounds < most


def test_with_few_schools_every_search_ends():
    rounds = []
    for seed in range(250):
        try:
            found = searched(*awkward(seed))
        except DataError:
            continue
        assert found.converged, seed
        rounds.append(found.rounds)
    assert len(rounds) > 150
    assert np.mean(rounds) < 8


@pytest.mark.parametrize(("sa", "sb"), [(2e3, 1.0), (1.0, 2e3), (3e3, 3e3)])
def test_schools_thousands_of_times_as_far_apart_as_students(sa, sb):
    data = schools(5, (6, 20, 3, 60), sa, sb, x0=30.0)
    sums = checked_sums(data, "varying", False, "ML")
    found = minimum(sums, "varying", "ML")
    assert found.converged
    rng = np.random.default_rng(0)
    theta = np.array([found.theta[0], 0.0, *found.theta[1:]])
    near = theta * np.exp(rng.normal(size=(4000, 4)) * 10.0 ** rng.uniform(-3, 0.3, (4000, 1)))
    around = height(sums, relative_covariance(near, full_form()), "ML")
    assert around.min() > found.at.criterion - 1e-5


def test_used_up_rounds_give_the_lowest_point_seen(monkeypatch):
    data = schools(1, (5, 9, 4, 12, 6), 3.0, 1.0, x0=4.0)
    best = minimum(checked_sums(data, "varying", False, "ML"), "varying", "ML")
    seen = []

    def watched(*given):
        found = profile(*given)
        seen.append(float(np.min(found.criterion)))
        return found

    monkeypatch.setattr(searching, "profile", watched)
    monkeypatch.setattr(searching, "MOST_STEPS", 2)
    fit = fit_partial_pooling(data, "varying", method="ML")
    assert not fit.converged
    assert fit.rounds == 2
    assert fit.criterion > best.at.criterion + 1e-9
    assert fit.criterion == pytest.approx(min(seen), abs=1e-9)


@pytest.mark.parametrize("slopes", ["common", "varying", "uncorrelated"])
@pytest.mark.parametrize("n_groups", [4, 20, 80])
def test_evaluations_count_sigmas(monkeypatch, slopes, n_groups):
    evaluated = []

    def counted(function):
        def counting(sums, cov, method):
            evaluated.append(int(np.prod(cov.shape[:-1])))
            return function(sums, cov, method)

        return counting

    for function in (profile, height):
        monkeypatch.setattr(searching, function.__name__, counted(function))
    data = schools(3, [5] * n_groups, 2.0, 1.0)
    fit = fit_partial_pooling(data, slopes)
    assert fit.evaluations == sum(evaluated)
    assert 1 <= fit.rounds < fit.evaluations


# The parts of the search, each against what it claims to be


@pytest.mark.parametrize("seed", range(6))
def test_a_theta_with_four_elements_becomes_one_with_three_of_the_same_sigma(seed):
    theta = np.random.default_rng(seed).normal(size=4)
    sigma = relative_covariance(theta, full_form())
    bounded = _bounded(theta, 0.0)
    assert relative_covariance(bounded, covariance_form("varying")) == pytest.approx(sigma)
    assert bounded[0] >= 0
    assert bounded[2] >= 0
    least = np.linalg.svd(theta.reshape(2, 2))[1][1]
    flat = _bounded(theta, least * 1.001)
    assert flat[2] == 0
    line = relative_covariance(flat, covariance_form("varying"))
    lost = np.linalg.eigvalsh([[sigma[0], sigma[1]], [sigma[1], sigma[2]]])[0]
    whole, kept = sigma[0] + sigma[2], line[0] + line[2]
    assert kept == pytest.approx(whole - lost)  # the larger of the two SDs is as it was
    assert _bounded(theta[:2], 0.0).tolist() == np.abs(theta[:2]).tolist()
    assert _bounded(np.array([-1e-4, 2.0]), 1e-3).tolist() == [0.0, 2.0]


@pytest.mark.parametrize(("slopes", "k"), [("common", 1), ("uncorrelated", 2), ("varying", 4)])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_slopes_and_curvatures_in_theta_are_those_of_the_deviance(slopes, k, method):
    sums = checked_sums(schools(3, (5, 9, 4, 12, 6), 3.0, 1.0, x0=4.0), slopes, False, method)
    form = full_form() if k == 4 else covariance_form(slopes, sums.x_zero)
    theta = np.array([0.9, -0.3, 0.4, 0.7])[:k]

    def deviance(at):
        return float(height(sums, relative_covariance(at, form), method))

    at = profile(sums, relative_covariance(theta[None], form), method)
    slope, curvature, axes, _ = _in_theta(*derivatives(sums, at, method), form, theta[None])
    bend = axes[0] @ np.diag(curvature[0]) @ axes[0].T
    turned = np.array([-theta[1], theta[0], -theta[3], theta[2]]) if k == 4 else np.zeros(k)
    for way in np.random.default_rng(0).normal(size=(5, k)):
        if k == 4:  # turning Lambda changes no Sigma, and is held back
            way -= turned * (way @ turned) / (turned @ turned)
        ends = [deviance(theta + h * way) for h in (1e-4, 0.0, -1e-4)]
        assert slope[0] @ axes[0].T @ way == pytest.approx((ends[0] - ends[2]) / 2e-4, rel=1e-5)
        numeric = (ends[0] - 2 * ends[1] + ends[2]) / 1e-8
        assert way @ bend @ way == pytest.approx(numeric, rel=1e-3, abs=1e-3)
    assert k < 4 or turned @ bend @ turned > 1


@pytest.mark.parametrize(("slopes", "k"), [("common", 1), ("uncorrelated", 2), ("varying", 4)])
def test_a_search_that_begins_on_a_saddle_leaves_it(slopes, k):
    """At SDs of 0 all slopes are 0 by symmetry, and the deviance is highest there."""
    sums = checked_sums(schools(3, (5, 9, 4, 12, 6), 3.0, 1.0, x0=4.0), slopes, False, "REML")
    form = full_form() if k == 4 else covariance_form(slopes, sums.x_zero)
    best = minimum(sums, slopes, "REML").at.criterion
    none = float(height(sums, np.zeros(4), "REML"))
    found = newton(sums, form, "REML", np.zeros((1, k)))
    assert found.converged
    assert found.lowest < none - 1
    if k == 1:
        assert found.lowest == pytest.approx(best, abs=1e-6)
    stays = newton(sums, form, "REML", np.array([[3.0] * k, [0.0] * k]))
    assert stays.lowest == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_searches_together_end_where_the_best_of_them_ends_alone(seed):
    method = ("REML", "ML")[seed % 2]
    sums = checked_sums(schools(seed, (5, 9, 4, 12, 6), 3.0, 1.0, x0=4.0), "varying", False, method)
    starts = np.random.default_rng(seed).normal(size=(4, 4)) * [[0.1], [0.5], [1.0], [10.0]]
    together = newton(sums, full_form(), method, starts)
    alone = [newton(sums, full_form(), method, start[None]) for start in starts]
    assert together.lowest == pytest.approx(min(one.lowest for one in alone), abs=1e-6)
    assert together.converged
    assert together.evaluations >= len(starts) * together.rounds
    for one in (together, *alone):
        # where a search ends no step of Newton's method promises more than the last one may
        theta = one.theta[None]
        at = profile(sums, relative_covariance(theta, full_form()), method)
        slope, *_ = _in_theta(*derivatives(sums, at, method), full_form(), theta)
        assert np.abs(slope).max() * np.abs(theta).max() < 1e-4
        assert float(at.criterion[0]) <= one.lowest + 1e-9


def test_valleys_are_lower_than_their_neighbours():
    high = np.random.default_rng(0).normal(size=(2, 6, 5))
    found = searching._valleys(high)
    for kind, size, turn in np.ndindex(high.shape):
        around = [
            high[kind, s, t]
            for s, t in [(size - 1, turn), (size + 1, turn), (size, turn - 1), (size, turn + 1)]
            if 0 <= s < 6 and 0 <= t < 5
        ]
        assert found[kind, size, turn] == (high[kind, size, turn] < min(around))
    level = searching._valleys(np.zeros((1, 3, 3)))
    assert level.sum() == 1  # of equal ones, one is taken


def test_a_parabola_leads_to_its_bottom():
    high = (np.arange(7.0) - 3.3)[None, :, None] ** 2
    one = np.array([0])
    assert searching._lowest_size(high, 2.0, one, np.array([3]), one) == pytest.approx(2.0**0.3)
    for edge in (1, 6):
        assert searching._lowest_size(high, 2.0, one, np.array([edge]), one) == 1.0
    hump = -high
    assert searching._lowest_size(hump, 2.0, one, np.array([3]), one) == 1.0


def test_the_way_from_a_start_to_the_minimum_is_one_of_covariances(monkeypatch):
    """Its fourth element is the determinant, and a barrier is where the deviance rises."""
    sums = checked_sums(schools(3, (5, 9, 4, 12, 6), 3.0, 1.0), "varying", False, "ML")
    ways = []

    def watched(sums, cov, method):
        ways.append(cov)
        return np.array([[3.0, 2, 1, 1, 0, -1, -2], [3.0, 2, 2.1, 1, 0, -1, -2]])

    monkeypatch.setattr(searching, "height", watched)
    rng = np.random.default_rng(1)
    starts, found = rng.normal(size=(2, 4)), rng.normal(size=4)
    kept = searching._behind_barriers(sums, full_form(), "ML", starts, found)
    assert kept.tolist() == starts[1:].tolist()
    [way] = ways
    assert way[:, 0] == pytest.approx(relative_covariance(starts, full_form()))
    assert way[0, -1] == pytest.approx(relative_covariance(found, full_form()))
    assert way[..., 3] == pytest.approx(way[..., 0] * way[..., 2] - way[..., 1] ** 2)
    share = searching.WAY[3, 0]
    assert way[1, 3, :3] == pytest.approx((1 - share) * way[1, 0, :3] + share * way[1, -1, :3])
