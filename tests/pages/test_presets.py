"""Each preset shows what its name says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from mlm_core import fit_complete_pooling, fit_no_pooling, fit_partial_pooling, simulate
from mlm_core.scenario import bounds, sd_within
from pages.shared import presets


def test_the_extraordinary_school_is_pulled_the_wrong_way():
    made = simulate(presets.EXTRAORDINARY)
    data = replace(made.data, x=None)
    ashford = data.labels.tolist().index("Ashford")
    own = fit_no_pooling(data).lines.alpha[ashford]
    pulled = fit_partial_pooling(data).lines.alpha[ashford]
    truth = made.alpha[ashford]
    assert abs(pulled - truth) > abs(own - truth) + 1


def test_the_extraordinary_school_is_truly_30_points_below_itself_and_far_below_the_others():
    made, usual = simulate(presets.EXTRAORDINARY), simulate(presets.DEFAULT)
    ashford = made.data.labels.tolist().index("Ashford")
    assert made.alpha[ashford] - usual.alpha[ashford] == pytest.approx(-30)
    assert made.alpha[ashford] < np.delete(made.alpha, ashford).min() - 15


@pytest.mark.parametrize("with_x", [True, False])
def test_the_estimate_of_exactly_0(with_x):
    made = simulate(presets.ZERO)
    fit = fit_partial_pooling(made.data if with_x else replace(made.data, x=None))
    assert fit.hyper.sigma_alpha == 0
    assert fit.singular
    assert made.alpha.std() > 1


def test_every_slope_up_and_the_pooled_slope_down():
    made = simulate(presets.SIMPSON)
    data = made.data
    assert (made.beta > 0).all()
    assert (fit_no_pooling(data, "varying").lines.beta > 0).mean() > 0.9
    assert fit_complete_pooling(data).lines.beta[0] < -1


@pytest.mark.parametrize("group_predictor", [False, True])
def test_the_correlation_of_exactly_1(group_predictor):
    data = simulate(presets.PERFECT).data
    fit = fit_partial_pooling(data, slopes="varying", group_predictor=group_predictor)
    assert fit.singular
    assert fit.hyper.rho == pytest.approx(1, abs=1e-9)
    assert min(fit.hyper.sigma_alpha, fit.hyper.sigma_beta) > 1
    own = fit_no_pooling(data, "varying").lines
    assert abs(np.corrcoef(own.alpha, own.beta)[0, 1]) < 0.9


def small_at_each_end(values, small):
    order = np.argsort(values)
    return small[order[:5]].sum(), small[order[-5:]].sum()


def test_small_schools_fill_both_ends_where_schools_are_alike():
    made = simulate(presets.ALIKE)
    data = replace(made.data, x=None)
    small = data.n < np.median(data.n)
    assert small_at_each_end(data.group_means(data.y), small) == (5, 5)
    assert sum(small_at_each_end(made.mean, small)) <= 6
    fit = fit_partial_pooling(data)
    assert 0.5 < fit.hyper.sigma_alpha < 1.5
    assert sum(small_at_each_end(fit.lines.alpha, small)) <= 5


def test_partial_pooling_orders_schools_better_where_they_are_alike():
    made = simulate(presets.ALIKE)
    data = replace(made.data, x=None)
    own, pooled = data.group_means(data.y), fit_partial_pooling(data).lines.alpha
    assert spearmanr(pooled, made.mean)[0] > spearmanr(own, made.mean)[0] + 0.05


def test_small_schools_fill_both_ends_in_most_worlds_where_schools_are_alike():
    """Schools drawn by hand: true means and scores' means from their normal distributions."""
    n = simulate(presets.ALIKE).data.n
    small, rng = n < np.median(n), np.random.default_rng(8)
    truth = rng.normal(0, presets.ALIKE.hyper.sigma_alpha, (1000, len(n)))
    own = truth + rng.normal(0, sd_within(presets.ALIKE) / np.sqrt(n), truth.shape)
    ends = np.array([small_at_each_end(world, small) for world in own])
    assert small.mean() < 0.5
    assert 0.7 < ends.mean() / 5 < 0.8
    assert (ends.sum(axis=1) > 5).mean() > 0.85


def test_tiny_schools_have_some_with_one_student():
    data = simulate(presets.TINY).data
    assert (data.n == 1).sum() >= 2
    assert np.isnan(fit_no_pooling(data, "varying").lines.beta).any()


@pytest.mark.parametrize("name", presets.PRESETS)
def test_presets_lie_within_the_controls(name):
    scenario = presets.PRESETS[name]
    for record in (scenario, scenario.hyper):
        for setting in record.__dataclass_fields__:
            if setting != "hyper":
                low, high, _ = bounds(setting)
                assert low <= getattr(record, setting) <= high
