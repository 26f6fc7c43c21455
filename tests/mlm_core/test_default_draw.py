"""The default draw carries the lessons: it is typical, and the town's story can be seen in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Scenario, fit_no_pooling, fit_partial_pooling, simulate
from mlm_core.simulation import MIDDLE_SCHOOL

OTHERS = range(1, 601)
"""Seeds of the draws that say what is typical."""
KNOWN_TO = 1.8
"""Standard error of a quartile's percentile over so many draws: sqrt(.25 * .75 / 600)."""
CORE = ("a0", "b0", "a1", "b1", "sigma_alpha", "sigma_beta", "rho", "sigma_y")
WITHOUT_X = ("a0 without x", "sigma_alpha without x", "sigma_y without x")


def estimates(seed):
    data = simulate(Scenario(seed=seed)).data
    full = fit_partial_pooling(data, slopes="varying", group_predictor=True)
    bare = fit_partial_pooling(replace(data, x=None))
    core = [getattr(full.hyper, name) for name in CORE[:-1]]
    return [*core, full.sigma_y, bare.hyper.a0, bare.hyper.sigma_alpha, bare.sigma_y]


@pytest.fixture(scope="module")
def percentiles():
    """Where the default's estimates stand among those of the other draws."""
    here = np.array(estimates(Scenario().seed))
    others = np.array([estimates(seed) for seed in OTHERS])
    share = 100 * (others < here).mean(axis=0)
    return dict(zip(CORE + WITHOUT_X, share, strict=True))


@pytest.fixture(scope="module")
def town():
    return simulate(Scenario())


@pytest.fixture(scope="module")
def own(town):
    return town.data.group_means(town.data.y)


@pytest.fixture(scope="module")
def partial(town):
    return fit_partial_pooling(replace(town.data, x=None)).lines.alpha


def place(values, data, school):
    """1 for the highest."""
    mine = values[data.labels.tolist().index(school)]
    return 1 + int((values > mine).sum())


def rmse(estimate, truth):
    return float(np.sqrt(((estimate - truth) ** 2).mean()))


@pytest.mark.parametrize("name", CORE + WITHOUT_X)
def test_estimates_are_typical(percentiles, name):
    assert 25 - KNOWN_TO < percentiles[name] < 75 + KNOWN_TO


def test_signs_are_those_of_the_truth_and_nothing_is_at_its_limit(town):
    fit = fit_partial_pooling(town.data, slopes="varying", group_predictor=True)
    truth = town.scenario.hyper
    for name in CORE[:-1]:
        assert np.sign(getattr(fit.hyper, name)) == np.sign(getattr(truth, name)), name
    assert not fit.singular
    assert abs(fit.hyper.rho) < 0.9


def test_juniper_is_small_and_lowest_by_luck(town, own, partial):
    data = town.data
    assert data.n[data.labels == "Juniper"] == 3
    assert place(own, data, "Juniper") == 20
    assert place(partial, data, "Juniper") < 20
    assert place(town.mean, data, "Juniper") <= 17


def test_northgate_is_small_and_highest_by_luck(town, own, partial):
    data = town.data
    assert data.n[data.labels == "Northgate"] == 3
    assert place(own, data, "Northgate") == 1
    assert place(partial, data, "Northgate") > 1
    assert place(town.mean, data, "Northgate") >= 4


def test_oak_hill_is_large_and_good(town, own):
    data = town.data
    assert data.n[data.labels == "Oak Hill"] == data.n.max() == 59
    assert place(town.mean, data, "Oak Hill") <= 5
    assert place(own, data, "Oak Hill") <= 6


def test_the_middle_school_is_of_middle_size_and_near_the_mean(town, own):
    j = town.data.labels.tolist().index(MIDDLE_SCHOOL)
    assert 12 <= town.data.n[j] <= 18
    assert abs(own[j] - own.mean()) < own.std() / 3
    assert abs(town.mean[j] - town.mean.mean()) < town.mean.std() / 3


def test_partial_pooling_comes_closer_for_most_schools_and_not_for_all(town, own, partial):
    assert rmse(partial, town.mean) < 0.85 * rmse(own, town.mean)
    closer = np.abs(partial - town.mean) < np.abs(own - town.mean)
    assert 11 <= closer.sum() <= 17


def test_u_explains_and_brings_closer(town):
    without = fit_partial_pooling(town.data)
    with_u = fit_partial_pooling(town.data, group_predictor=True)
    assert with_u.hyper.sigma_alpha < 0.9 * without.hyper.sigma_alpha
    assert rmse(with_u.lines.alpha, town.alpha) < rmse(without.lines.alpha, town.alpha)
    closer = np.abs(with_u.lines.alpha - town.alpha) < np.abs(without.lines.alpha - town.alpha)
    assert closer.sum() > 10


def test_the_praised_fall_and_the_inspected_rise(own):
    next_years = []
    for redraw in range(1, 11):
        data = simulate(Scenario(redraw=redraw)).data
        next_years.append(data.group_means(data.y) - own)
    change = np.array(next_years)
    praised, inspected = np.argsort(-own)[:5], np.argsort(own)[:5]
    assert change[:, praised].mean() < 0 < change[:, inspected].mean()
    assert (change[0, praised] < 0).sum() >= 4
    assert (change[0, inspected] > 0).sum() >= 4


def test_every_slope_of_its_own_is_known(town):
    """No school of the default is too small for a line."""
    assert np.isfinite(fit_no_pooling(town.data, "varying").lines.beta).all()
