"""How sure about tau: the facts against the book, quadrature and counting by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from mlm_core import Hyperparameters, Scenario, simulate
from mlm_core.lessons.how_sure_about_tau import EIGHT_NAMES, EIGHT_SE, EIGHT_Y, Facts, facts

Y, SE = np.array(EIGHT_Y), np.array(EIGHT_SE)
AT_5 = [9.87, 7.88, 6.89, 7.71, 5.76, 6.68, 9.88, 8.15]
AT_10 = [14.24, 8.06, 5.00, 7.62, 3.08, 4.90, 13.06, 9.04]
AVERAGED = [11.40, 7.89, 6.13, 7.64, 5.13, 6.14, 10.67, 8.46]
PRIORS = ("flat", "half-normal", "half-cauchy")


def unscaled(tau, y, se, prior="flat", scale=1.0):
    """Posterior density up to a constant, written out from BDA3 (5.21)."""
    w = 1 / (se**2 + tau**2)
    mu = (w * y).sum() / w.sum()
    like = w.sum() ** -0.5 * np.prod(np.sqrt(w) * se * np.exp(-w * (y - mu) ** 2 / 2))
    z = tau / scale
    return (
        like * {"flat": 1, "half-normal": np.exp(-z * z / 2), "half-cauchy": 1 / (1 + z * z)}[prior]
    )


def given(tau, y, se, k):
    """Mean and SD of one effect if that tau were true: mu is not known either."""
    w = 1 / (se**2 + tau**2)
    mu, lam = (w * y).sum() / w.sum(), tau**2 / (tau**2 + se[k] ** 2)
    var = lam * se[k] ** 2 + (1 - lam) ** 2 / w.sum()
    return lam * y[k] + (1 - lam) * mu, var**0.5


def average(f, k):
    """Mean and SD of one effect over tau, by adaptive quadrature."""
    scale = f.scale or 1.0

    def area(of):
        edges = [0, 1, 3, 6, 10, 20, 40, 100, 1000, np.inf]
        return sum(quad(of, *ends)[0] for ends in pairwise(edges))

    peak = max(unscaled(t, f.y, f.se, f.prior, scale) for t in np.linspace(0, 30, 301))

    def density(t):
        return unscaled(t, f.y, f.se, f.prior, scale) / peak

    whole = area(density)
    mean = area(lambda t: given(t, f.y, f.se, k)[0] * density(t)) / whole

    def square(t):
        m, sd = given(t, f.y, f.se, k)
        return (sd**2 + (m - mean) ** 2) * density(t)

    return mean, (area(square) / whole) ** 0.5


def test_the_numbers_of_the_book():
    f = facts(Scenario())
    assert f.real
    assert f.pooled.estimate == pytest.approx(7.69, abs=0.005)
    assert f.pooled.se == pytest.approx(4.07, abs=0.005)
    assert f.pooled.q == pytest.approx(4.71, abs=0.005)
    assert f.pooled.df == 7
    assert f.best == 0
    # two decimals as printed
    np.testing.assert_allclose(f.averaged.mean, AVERAGED, atol=0.005)
    assert f.median == pytest.approx(5.24, abs=0.005)
    assert f.posterior.quantile([0.025, 0.975]) == pytest.approx((0.24, 20.75), abs=0.005)
    # 0 is the most plausible value: all 5% are left out at the other end
    assert f.interval[0] == 0
    assert f.posterior.cdf(f.interval[1]) == pytest.approx(0.95)
    np.testing.assert_allclose(f.at.mean[f.step(5.0)], AT_5, atol=0.005)
    np.testing.assert_allclose(f.at.mean[f.step(10.0)], AT_10, atol=0.005)
    assert f.tau[[0, f.step(5.0), f.step(10.0), -1]].tolist() == [0, 5, 10, 30]
    np.testing.assert_allclose(f.at.mean[0], 7.69, atol=0.005)
    assert f.tau[f.rest] == 5.25
    assert f.trust == "hardly"
    assert [f.names[j] for j in f.told] == ["A", "C"]
    assert np.isnan(f.true_tau)
    assert np.isnan(f.truth).all()


def test_the_file_has_the_same_eight_schools():
    file = Path(__file__).parents[3] / "datasets" / "eight_schools.csv"
    table = pd.read_csv(file)
    assert tuple(table["school"]) == EIGHT_NAMES
    assert tuple(table["y"]) == EIGHT_Y
    assert tuple(table["se"]) == EIGHT_SE


@pytest.mark.parametrize("prior", PRIORS)
def test_the_density_is_prior_times_likelihood(prior):
    f = facts(Scenario(), prior=prior, scale=4.0)
    relative = np.array([unscaled(t, Y, SE, prior, 4.0) for t in f.tau])
    np.testing.assert_allclose(f.density, relative / relative.max(), rtol=1e-9)
    z = f.tau / 4
    wanted = {"flat": 1 + 0 * z, "half-normal": np.exp(-z * z / 2), "half-cauchy": 1 / (1 + z * z)}
    np.testing.assert_allclose(f.prior_density, wanted[prior], rtol=1e-12)
    assert f.scale == (None if prior == "flat" else 4.0)
    past = quad(lambda t: unscaled(t, Y, SE, prior, 4.0), 30, np.inf)[0]
    whole = past + quad(lambda t: unscaled(t, Y, SE, prior, 4.0), 0, 30)[0]
    assert f.beyond == pytest.approx(past / whole, abs=1e-8)


@pytest.mark.parametrize("seed", range(1, 7))
def test_simulated_schools_against_quadrature(seed):
    rng = np.random.default_rng(seed)
    tau = float(rng.integers(0, 30)) / 2
    scenario = Scenario(
        n_groups=[3, 4, 8, 20, 28, 8][seed - 1],
        students_per_group=int(rng.integers(2, 40)),
        imbalance=float(rng.integers(0, 12)) / 10,
        hyper=Hyperparameters(sigma_alpha=tau),
        seed=seed,
    )
    f = facts(scenario, False, "Cedar", PRIORS[seed % 3], 7.0)
    made = simulate(scenario)
    assert f.names.tolist() == made.data.labels.astype(str).tolist()
    np.testing.assert_allclose(f.se, scenario.sigma_y / np.sqrt(made.data.n))
    assert f.names[f.picked] == "Cedar"
    assert f.true_tau == tau
    assert f.truth.std() == pytest.approx(0, abs=1e-9) if tau == 0 else f.truth.std() > 0
    mean, sd = average(f, f.picked)
    assert f.averaged.mean[f.picked] == pytest.approx(mean, abs=1e-3)
    assert f.averaged.sd[f.picked] == pytest.approx(sd, rel=2e-3)
    for k in (0, f.rest, len(f.tau) - 1):
        assert (f.at.mean[k, 0], f.at.sd[k, 0]) == pytest.approx(given(f.tau[k], f.y, f.se, 0))
    at_best = given(f.best, f.y, f.se, f.picked)
    assert (f.at_best.mean[f.picked], f.at_best.sd[f.picked]) == pytest.approx(at_best)
    grid = np.linspace(0, 60, 2001)
    height = [np.log(max(unscaled(t, f.y, f.se), 1e-300)) for t in grid]
    assert f.best == pytest.approx(grid[int(np.argmax(height))], abs=0.04)
    assert f.misses(f.y) == pytest.approx(np.sqrt(((f.y - f.truth) ** 2).mean()))
    low, high = f.interval
    assert f.holds == (low <= tau <= high)


def test_own_means_are_those_of_students_who_differ_by_school_alone():
    scenario = Scenario(seed=4)
    f = facts(scenario, False)
    hyper = Hyperparameters(sigma_alpha=5.0, b0=0, a1=0, b1=0, sigma_beta=0)
    data = simulate(Scenario(seed=4, hyper=hyper)).data
    frame = pd.DataFrame({"j": data.j, "y": data.y})
    np.testing.assert_allclose(f.y, frame.groupby("j")["y"].mean())


def test_whom_the_table_tells_of():
    f = facts(Scenario(), school="E")
    assert [f.names[j] for j in f.told] == ["A", "E", "C"]
    assert f.names[f.highest] == "A"
    assert f.names[f.lowest] == "C"
    assert f.names[facts(Scenario(), school="Juniper").picked] == "A"  # 28 is farthest from 7.7


@pytest.mark.parametrize(
    ("real", "scenario", "trust"),
    [(True, Scenario(), "hardly"), (False, Scenario(), "roughly"),
     (False, Scenario(n_groups=100, imbalance=0.0), "well")],
)  # fmt: skip
def test_how_far_a_guess_can_be_trusted(real, scenario, trust):
    f = facts(scenario, real)
    low, high = f.interval
    near = 0.8 * f.median < low and high < 1.25 * f.median
    rough = f.median / 2 < low and high < 2 * f.median
    assert f.trust == trust == ("well" if near else "roughly" if rough else "hardly")
    assert len(f.tau) == (61 if f.n > 26 else 121)


@pytest.mark.parametrize(
    ("interval", "trust"),
    [((8.1, 12.4), "well"), ((7.9, 12.4), "roughly"), ((8.1, 12.6), "roughly"),
     ((5.1, 19.9), "roughly"), ((4.9, 19.9), "hardly"), ((5.1, 20.1), "hardly")],
)  # fmt: skip
def test_where_trust_ends(interval, trust):
    assert Facts.trust.fget(SimpleNamespace(interval=interval, median=10.0)) == trust


def test_the_sd_at_the_best_guess_is_compared_as_it_is_read():
    f = facts(Scenario())
    assert f.smaller(2) == -1
    assert f.at_best.sd[0] == pytest.approx(4.07, abs=0.005)
    assert f.averaged.sd[0] == pytest.approx(8.34, abs=0.005)
    assert f.smaller(-2) == 0
    tight = facts(Scenario(), prior="half-normal", scale=1.0)
    assert tight.smaller(2) == (
        np.sign(round(tight.at_best.sd[0], 2) - round(tight.averaged.sd[0], 2))
    )
    loose = facts(Scenario(seed=2), False, "Ashford", "half-normal", 1.0)
    assert loose.smaller(3) == 1
    assert loose.best > loose.median


def test_three_schools_and_a_flat_prior_have_no_finite_mean():
    f = facts(Scenario(n_groups=3), False)
    assert f.endless
    assert f.beyond > 0.025
    assert f.top == 60.0
    assert facts(Scenario(n_groups=3), False, prior="half-normal").top == f.top
    assert not facts(Scenario(n_groups=3), False, prior="half-normal").endless
    assert not facts(Scenario(n_groups=4), False).endless
