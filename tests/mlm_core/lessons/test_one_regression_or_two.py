"""The second step, held to explicit least squares, to many worlds and to statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from mlm_core import Scenario
from mlm_core.experiments.second_step import (
    SHOWN,
    equal_slopes,
    noise_sd,
    over_worlds,
    own_variance,
    second_step_tables,
)
from mlm_core.replication import two_steps, world

SCENARIO = equal_slopes(Scenario(students_per_group=8))


@pytest.mark.parametrize("slopes", ["common", "varying"])
def test_noise_is_what_two_steps_add_to_the_variance(slopes):
    found = two_steps(SCENARIO, 6000, slopes=slopes)
    variance = float((found.sigma_alpha**2).mean())
    expected = SCENARIO.hyper.sigma_alpha**2 + noise_sd(SCENARIO, found, slopes) ** 2
    # Monte Carlo: a variance on 18 degrees of freedom over 6,000 worlds has 0.4% of error;
    # the common slope's shared error is left out: below 1% here
    assert variance == pytest.approx(expected, rel=0.02)


def test_own_variance_is_that_of_least_squares_in_each_school():
    import statsmodels.api as sm

    data = world(SCENARIO, 0).data
    variance = own_variance(SCENARIO, data, "varying")
    assert data.x is not None
    for j in range(data.n_groups):
        x = data.x[data.j == j]
        if len(x) < 2:
            assert np.isnan(variance[j])
            continue
        unscaled = np.linalg.inv(sm.add_constant(x).T @ sm.add_constant(x))[0, 0]
        assert variance[j] == pytest.approx(SCENARIO.sigma_y**2 * unscaled)


def test_lines_of_the_tables_are_regressions_on_u():
    found = two_steps(SCENARIO, 60, slopes="varying")
    tables = second_step_tables(SCENARIO, found, "varying")
    lines, schools = tables["lines"], tables["schools"]
    for k in (0, 7, SHOWN - 1):
        one = schools[schools.step == k]
        b0, a0 = np.polyfit(one.u, one.own, 1)
        line = lines[(lines.step == k) & (lines.way == "two")]
        assert line.middle.to_numpy() == pytest.approx(a0 + b0 * line.u.to_numpy())
        rest = one.own - a0 - b0 * one.u
        sigma = np.sqrt((rest**2).sum() / (len(one) - 2))
        assert (line.high - line.middle).to_numpy() == pytest.approx([sigma, sigma])


def test_multilevel_of_the_tables_is_a_single_fit():
    from mlm_core import fit_partial_pooling

    found = two_steps(SCENARIO, 60, slopes="varying")
    lines = second_step_tables(SCENARIO, found, "varying")["lines"]
    for k in (0, 5):
        fit = fit_partial_pooling(world(SCENARIO, k).data, group_predictor=True)
        line = lines[(lines.step == k) & (lines.way == "both")]
        middle = fit.hyper.a0 + fit.hyper.b0 * line.u.to_numpy()
        assert line.middle.to_numpy() == pytest.approx(middle, abs=1e-3)
        assert (line.high - line.middle).to_numpy() == pytest.approx(
            [fit.hyper.sigma_alpha] * 2, abs=1e-3
        )


def test_over_worlds():
    found = two_steps(SCENARIO, 200, slopes="varying")
    two, both = over_worlds(found)
    assert two.spread_b0 == pytest.approx(np.std(found.b0))
    assert both.stated_b0 == pytest.approx(np.sqrt(np.mean(found.multilevel.se_b0**2)))
    assert both.zero == np.mean(found.multilevel.sigma_alpha == 0)


def test_tables_stay_small():
    found = two_steps(equal_slopes(Scenario(n_groups=100)), 500)
    tables = second_step_tables(found.scenario, found, "common")
    assert len(tables["schools"]) == 100 * SHOWN
    assert len(tables["dots"]) == 1000
    assert tables["dots"].aside.abs().max() <= 1
