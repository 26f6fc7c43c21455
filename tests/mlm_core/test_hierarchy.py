import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlm_core.data import DataError
from mlm_core.hierarchy import (
    _slope_at_zero,
    conditional_effects,
    pooled_estimate,
    tau_log_likelihood,
    tau_posterior,
    tau_prior,
    tau_reml,
)

GOLDEN = Path(__file__).parents[1] / "golden"
QUAD = json.loads((GOLDEN / "eight_schools.json").read_text())
METAFOR = json.loads((GOLDEN / "eight_schools_metafor.json").read_text())
Y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
SE = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])

# quad was asked for 1e-11; below that its own rounding shows.
QUAD_TOLERANCE = 1e-8


@pytest.mark.parametrize("name", QUAD)
def test_posterior_equals_adaptive_quadrature(name):
    want = QUAD[name]
    got = tau_posterior(want["y"], want["se"], want["prior"], want["scale"])
    shares = [0.025, 0.25, 0.5, 0.75, 0.975]
    close = {"rtol": QUAD_TOLERANCE}
    np.testing.assert_allclose(got.effect_mean, want["effect_mean"], **close)
    np.testing.assert_allclose(got.effect_sd, want["effect_sd"], **close)
    np.testing.assert_allclose(got.mu_mean, want["mu_mean"], **close)
    np.testing.assert_allclose(got.quantile(shares), want["quantile"], **close)
    np.testing.assert_allclose(got.cdf(want["quantile"]), shares, **close)
    np.testing.assert_allclose(got.density_at(want["at"]), want["density"], **close)
    for field in ("mean", "mu_sd"):  # null where the integral has no finite value
        wanted = np.inf if want[field] is None else want[field]
        np.testing.assert_allclose(getattr(got, field), wanted, **close)


@pytest.mark.parametrize("name", METAFOR)
def test_pooled_estimate_and_reml_equal_metafor(name):
    want = METAFOR[name]
    y, se = want["y"], want["se"]
    pooled = pooled_estimate(y, se)
    np.testing.assert_allclose(pooled[:3], [want["pooled"], want["pooled_se"], want["q"]], 1e-12)
    assert (pooled.df, pooled.p) == (7, pytest.approx(want["p"], rel=1e-9))
    tau = tau_reml(y, se)
    assert tau == pytest.approx(want["tau"], rel=1e-7, abs=0)  # a maximum: half the digits
    at = conditional_effects(y, se, tau)
    np.testing.assert_allclose([at.mu, at.mu_sd], [want["mu"], want["mu_se"]], rtol=1e-7)
    np.testing.assert_allclose(at.mean, want["effects"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(at.sd, want["effects_se"], rtol=1e-6)


def test_the_eight_schools_of_the_lesson():
    """BDA3 section 5.5, to the printed digits."""
    pooled = pooled_estimate(Y, SE)
    assert [round(v, 2) for v in pooled[:3]] == [7.69, 4.07, 4.71]
    assert tau_reml(Y, SE) == 0.0
    post = tau_posterior(Y, SE)
    means = [11.40, 7.89, 6.13, 7.64, 5.13, 6.14, 10.67, 8.46]
    assert post.effect_mean.round(2).tolist() == means
    assert post.quantile([0.5, 0.025, 0.975]).round(2).tolist() == [5.24, 0.24, 20.75]
    at = conditional_effects(Y, SE, [5.0, 10.0]).mean.round(2).tolist()
    assert at[0] == [9.87, 7.88, 6.89, 7.71, 5.76, 6.68, 9.88, 8.15]
    assert at[1] == [14.24, 8.06, 5.00, 7.62, 3.08, 4.90, 13.06, 9.04]


def test_the_file_has_the_eight_schools():
    frame = pd.read_csv(GOLDEN.parents[1] / "datasets" / "eight_schools.csv")
    assert frame["school"].tolist() == list("ABCDEFGH")
    assert (frame["y"].tolist(), frame["se"].tolist()) == (Y.tolist(), SE.tolist())


def test_pooled_estimate_equals_statsmodels():
    from statsmodels.stats.meta_analysis import combine_effects

    want = combine_effects(Y, SE**2)
    got = pooled_estimate(Y, SE)
    assert got.q == pytest.approx(want.q, rel=1e-12)
    assert got.estimate == pytest.approx(want.mean_effect_fe, rel=1e-12)


def test_log_likelihood_equals_the_dense_density():
    """A flat mu integrated out of the multivariate normal leaves J - 1 contrasts."""
    from scipy.stats import multivariate_normal

    contrasts = np.linalg.qr(np.column_stack([np.ones(8), np.eye(8)[:, :7]]))[0][:, 1:].T
    for tau in (0.0, 3.0, 40.0):
        cover = contrasts @ np.diag(SE**2 + tau**2) @ contrasts.T
        want = multivariate_normal(np.zeros(7), cover).logpdf(contrasts @ Y) - 0.5 * np.log(8)
        assert tau_log_likelihood(Y, SE, tau) == pytest.approx(want, rel=1e-12)
    assert tau_log_likelihood(Y, SE, np.inf) == -np.inf


def test_conditional_effects_equal_the_dense_posterior():
    """The J + 1 unknowns (mu, theta) as one Gaussian."""
    tau = 6.5
    precision = np.zeros((9, 9))
    precision[0, 0] = 8 / tau**2
    precision[0, 1:] = precision[1:, 0] = -1 / tau**2
    precision[1:, 1:] = np.diag(1 / SE**2 + 1 / tau**2)
    cover = np.linalg.inv(precision)
    mean = cover @ np.concatenate([[0.0], Y / SE**2])
    got = conditional_effects(Y, SE, tau)
    np.testing.assert_allclose(got.mean, mean[1:], rtol=1e-10)
    np.testing.assert_allclose(got.sd, np.sqrt(np.diag(cover))[1:], rtol=1e-10)
    np.testing.assert_allclose([got.mu, got.mu_sd], [mean[0], np.sqrt(cover[0, 0])], rtol=1e-10)


def test_ends_are_complete_and_no_pooling():
    at = conditional_effects(Y, SE, [0.0, np.inf])
    pooled = pooled_estimate(Y, SE)
    np.testing.assert_allclose(at.mean, [np.full(8, pooled.estimate), Y], rtol=1e-12)
    np.testing.assert_allclose(at.sd, [np.full(8, pooled.se), SE], rtol=1e-12)
    assert at.mu_sd[1] == np.inf


def test_grid_serves_a_chart():
    post = tau_posterior(Y, SE)
    assert post.tau[0] == 0
    assert (np.diff(post.tau) > 0).all()
    assert np.trapezoid(post.density, post.tau) == pytest.approx(1, abs=1e-4)
    assert post.weight.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(post.weight @ post.conditional_mean, post.effect_mean, rtol=1e-12)
    assert (post.tau < 30).sum() > 100
    np.testing.assert_allclose(post.density_at(post.tau), post.density, rtol=1e-10)
    assert not post.density.flags.writeable


@pytest.mark.parametrize("spread", [1e-6, 1e6])
def test_standard_errors_of_very_different_size(spread):
    y, se = np.array([0.0, 1.0, 3.0, 2.0, 9.0]), np.array([spread, 1.0, 1.0, 2.0, 1.0])
    post = tau_posterior(y, se)
    assert np.isfinite(post.effect_mean).all()
    assert post.cdf(post.quantile([0.01, 0.5, 0.99])) == pytest.approx([0.01, 0.5, 0.99], rel=1e-9)
    if spread > 1:  # a school that says nothing changes nothing
        rest = tau_posterior(y[1:], se[1:])
        assert post.quantile(0.5) == pytest.approx(rest.quantile(0.5), rel=1e-6)


@pytest.mark.parametrize("tau", [2.8, 2.9, 3.0, 3.1])
def test_many_schools_find_tau(tau):
    rng = np.random.default_rng(4)
    se = np.exp(rng.normal(size=4000))
    y = tau * rng.normal(size=4000) + se * rng.normal(size=4000)
    post = tau_posterior(y, se)
    assert post.mean == pytest.approx(tau, abs=0.15)  # three of its standard errors
    assert post.mean == pytest.approx(tau_reml(y, se), rel=0.002)  # near normal, so mean is mode


def test_intervals_cover_the_tau_that_was_drawn():
    """Drawn from the prior, a 50% interval covers half the time (binomial, 3 SE)."""
    rng = np.random.default_rng(8)
    inside = 0
    for _ in range(400):
        tau = abs(5 * rng.normal())
        y = tau * rng.normal(size=8) + SE * rng.normal(size=8)
        inside += 0.25 < tau_posterior(y, SE, "half-normal", 5.0).cdf(tau) < 0.75
    assert inside / 400 == pytest.approx(0.5, abs=3 * np.sqrt(0.25 / 400))


schools = st.integers(3, 9).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(-50, 50), min_size=n, max_size=n).map(np.array),
        st.lists(st.floats(0.5, 20), min_size=n, max_size=n).map(np.array),
    )
)
priors = st.sampled_from([("flat", None), ("half-normal", 4.0), ("half-cauchy", 4.0)])


@settings(max_examples=40, deadline=None)
@given(schools, priors, st.floats(-1000, 1000), st.floats(1e-3, 1e3))
def test_shift_and_scale_of_y(data, prior, shift, factor):
    (y, se), (name, scale) = data, prior
    first = tau_posterior(y, se, name, scale)
    moved = tau_posterior(
        factor * (y + shift), factor * se, name, None if scale is None else factor * scale
    )
    close = {"rtol": 1e-7, "atol": 1e-7 * factor}
    np.testing.assert_allclose(moved.effect_mean, factor * (first.effect_mean + shift), **close)
    np.testing.assert_allclose(moved.effect_sd, factor * first.effect_sd, **close)
    np.testing.assert_allclose(moved.quantile(0.5), factor * first.quantile(0.5), **close)
    np.testing.assert_allclose(
        tau_reml(factor * (y + shift), factor * se), factor * tau_reml(y, se), atol=1e-4 * factor
    )


@settings(max_examples=40, deadline=None)
@given(schools, priors, st.randoms())
def test_order_of_schools(data, prior, random):
    y, se = data
    order = list(range(len(y)))
    random.shuffle(order)
    first, again = tau_posterior(y, se, *prior), tau_posterior(y[order], se[order], *prior)
    np.testing.assert_allclose(again.effect_mean, first.effect_mean[order], rtol=1e-8, atol=1e-8)
    assert again.quantile(0.9) == pytest.approx(first.quantile(0.9), rel=1e-8)


@settings(max_examples=40, deadline=None)
@given(schools)
def test_effects_lie_between_pooled_and_own(data):
    y, se = data
    at = conditional_effects(y, se, [0.0, 1.0, 5.0, 1e6])
    low = np.minimum(y, at.mu[:, None]) - 1e-9
    high = np.maximum(y, at.mu[:, None]) + 1e-9
    assert ((low <= at.mean) & (at.mean <= high)).all()
    assert (np.diff(at.sd, axis=0) >= -1e-9).all()  # less pooling, less sure


@settings(max_examples=25, deadline=None)
@given(schools)
def test_reml_is_the_largest_likelihood(data):
    y, se = data
    best = tau_log_likelihood(y, se, tau_reml(y, se))
    assert best >= tau_log_likelihood(y, se, np.geomspace(1e-4, 1e4, 4000)).max() - 1e-9
    assert best >= tau_log_likelihood(y, se, 0.0)


@pytest.mark.parametrize("tau", [0.0, 1e-3, 0.1, 7.0])
def test_reml_with_equal_errors_has_a_formula(tau):
    """tau**2 is the variance of y less that of its errors."""
    z = np.array([-1.0, 0.0, 1.0, 2.0, -2.0])
    y = z / z.std(ddof=1) * np.sqrt(0.25 + tau**2)
    # near 0 the likelihood is flat in tau**4: the last digits of tau are not in it
    assert tau_reml(y, np.full(5, 0.5)) == pytest.approx(
        tau, rel=5e-3 if tau < 0.01 else 1e-6, abs=0
    )


@pytest.mark.parametrize("prior", ["half-normal", "half-cauchy"])
def test_prior_equals_scipy(prior):
    tau = np.array([0.0, 2.0, 9.0, 30.0])
    want = {"half-normal": stats.halfnorm, "half-cauchy": stats.halfcauchy}[prior].pdf(tau, scale=6)
    np.testing.assert_allclose(tau_prior(tau, prior, 6.0), want / want[0], rtol=1e-12)
    assert tau_prior(tau).tolist() == [1.0] * 4
    with pytest.raises(ValueError, match="needs a scale"):
        tau_prior(tau, prior)


def test_a_wide_prior_is_the_flat_one():
    flat = tau_posterior(Y, SE)
    for name in ("half-normal", "half-cauchy"):
        wide = tau_posterior(Y, SE, name, 1e7)
        np.testing.assert_allclose(wide.effect_mean, flat.effect_mean, rtol=1e-8)


@pytest.mark.parametrize(
    ("y", "se", "message"),
    [
        ([1.0, 2, 3], [1.0, 0, 1], "1 standard errors are 0 or negative"),
        ([1.0, 2, 3], [1.0, -1, -2], "2 standard errors"),
        ([1.0, np.nan, 3], [1.0, 1, 1], "missing or infinite"),
        ([1.0, 2, 3], [1.0, np.inf, 1], "missing or infinite"),
        ([1.0, 2, 3], [1.0, 1], "y has 3 values and se has 2"),
        ([1.0], [1.0], "fewer than two schools"),
        ([1.0, 2.0], [1.0, 1.0], "half-cauchy"),
        (["a", "b", "c"], [1.0, 1, 1], "text"),
        ([[1.0, 2, 3]], [1.0, 1, 1], "dimensions"),
    ],
)
def test_impossible_data(y, se, message):
    with pytest.raises(DataError, match=message):
        tau_posterior(y, se)


@pytest.mark.parametrize(
    ("prior", "scale", "message"),
    [
        ("uniform", None, "use .flat"),
        ("flat", 5.0, "no scale"),
        ("half-normal", None, "needs a scale"),
        ("half-cauchy", 0.0, "positive"),
        ("half-cauchy", np.nan, "positive"),
    ],
)
def test_impossible_prior(prior, scale, message):
    with pytest.raises(ValueError, match=message):
        tau_posterior(Y, SE, prior, scale)


def test_impossible_requests():
    with pytest.raises(ValueError, match="tau is negative"):
        conditional_effects(Y, SE, -1.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        tau_posterior(Y, SE).quantile(1.0)


def test_whether_reml_is_zero_follows_the_likelihood_next_to_zero():
    rng = np.random.default_rng(8)
    zeros = 0
    for _ in range(300):
        se = np.exp(rng.normal(size=5))
        y = 1.2 * se * rng.normal(size=5)
        near, at_zero = tau_log_likelihood(y, se, np.array([1e-4 * se.min(), 0.0]))
        higher = tau_log_likelihood(y, se, np.linspace(0, 20 * se.max(), 2000)).max()
        if higher > max(near, at_zero) + 1e-6:
            continue  # the likelihood is highest far from 0, whatever it does there
        zeros += 1
        assert (tau_reml(y, se) == 0) == (near <= at_zero)
    assert zeros > 50


@pytest.mark.parametrize("seed", range(4))
def test_the_slope_at_zero_is_that_of_the_likelihood(seed):
    rng = np.random.default_rng(seed)
    se = np.exp(rng.normal(size=5))
    y = 2 * se * rng.normal(size=5)
    here, near = tau_log_likelihood(y, se, np.array([0.0, 1e-3 * se.min()]))
    assert _slope_at_zero(y, se) == pytest.approx(2 * (near - here) / 1e-6, rel=1e-4, abs=1e-4)


def test_a_posterior_holds_the_effects_at_each_tau():
    post = tau_posterior(Y, SE)
    known = conditional_effects(Y, SE, post.tau)
    np.testing.assert_allclose(post.conditional_mean, known.mean, rtol=1e-12)
    np.testing.assert_allclose(post.conditional_sd, known.sd, rtol=1e-12)
    np.testing.assert_allclose(post.conditional_mu, known.mu, rtol=1e-12)
    np.testing.assert_allclose(post.conditional_mu_sd, known.mu_sd, rtol=1e-12)


def test_quantiles_keep_the_shape_and_refuse_the_ends():
    post = tau_posterior(Y, SE)
    shares = np.array([[0.1, 0.5], [0.9, 0.975]])
    assert post.quantile(shares).shape == (2, 2)
    assert post.quantile(shares)[0, 1] == post.quantile(0.5)
    for end in (0.0, 1.0):
        with pytest.raises(ValueError, match="share of the posterior"):
            post.quantile(end)


def test_quantiles_undo_the_chances_from_end_to_end():
    post = tau_posterior(Y, SE)
    assert isinstance(post.quantile(0.5), float)
    shares = np.array([1e-9, 1e-4, 0.03, 0.5, 0.97, 0.9999])
    assert post.cdf(post.quantile(shares)) == pytest.approx(shares, rel=1e-6)
    assert post.cdf([0.0, 1e12]).tolist() == pytest.approx([0.0, 1.0], abs=1e-12)
    assert post.cdf(post.tau).max() <= 1
    assert post.cdf(post.tau).min() >= 0
