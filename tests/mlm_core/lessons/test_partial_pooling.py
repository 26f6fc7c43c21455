"""The facts of the lesson on partial pooling, against the formula, statsmodels and counting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import optimize

from mlm_core import Hyperparameters, Scenario, estimates, simulate
from mlm_core.lessons.partial_pooling import facts
from tests.frames import frames

SCENARIOS = [
    Scenario(),
    Scenario(n_groups=3, seed=5),
    Scenario(n_groups=8, students_per_group=3, seed=11),
    Scenario(imbalance=0.0, seed=3),
    Scenario(hyper=Hyperparameters(sigma_alpha=15.0), seed=8),
    Scenario(n_groups=60, students_per_group=40, seed=21),
    Scenario(sigma_y=1.0, seed=2),
    Scenario(8, 10, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0), seed=1),
]


def frame(scenario: Scenario) -> pd.DataFrame:
    data = simulate(scenario).data
    return pd.DataFrame({"school": data.labels[data.j], "y": data.y})


def the(scenario: Scenario, school: str = "Ashford"):
    return facts(scenario, school)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_means_are_those_of_the_students(scenario):
    f, table = the(scenario), frame(scenario)
    own = table.groupby("school")["y"].mean()
    np.testing.assert_allclose(f.own, own[f.names].to_numpy(), rtol=1e-12)
    assert f.complete == pytest.approx(table["y"].mean())
    later = frame(replace(scenario, redraw=scenario.redraw + 1)).groupby("school")["y"].mean()
    np.testing.assert_allclose(f.later, later[f.names].to_numpy(), rtol=1e-12)
    assert len(f.years) == 10
    last = frame(replace(scenario, redraw=scenario.redraw + 10)).groupby("school")["y"].mean()
    np.testing.assert_allclose(f.years[-1], last[f.names].to_numpy(), rtol=1e-12)
    np.testing.assert_array_equal(f.truth, simulate(scenario).mean)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_estimates_are_the_weighted_averages_of_equation_12_1(scenario):
    f = the(scenario)
    n, within, between = f.data.n, f.fit.sigma_y**2, f.sigma_alpha**2
    for j in range(f.data.n_groups):
        weight = 0.0 if between == 0 else (n[j] / within) / (n[j] / within + 1 / between)
        assert f.pulled(j) == pytest.approx(1 - weight, abs=1e-6)
        wanted = weight * f.own[j] + (1 - weight) * f.fit.hyper.a0
        assert f.partial[j] == pytest.approx(wanted, abs=1e-5)
    if between > 0:
        assert f.half == pytest.approx(within / between)
        assert f.icc == pytest.approx(between / (between + within))
    else:
        assert f.half == np.inf
        assert f.icc == 0


def test_the_fit_is_that_of_statsmodels():
    f = the(Scenario())
    fit = smf.mixedlm("y ~ 1", frame(Scenario()), groups="school").fit(reml=True)
    assert f.fit.hyper.a0 == pytest.approx(fit.fe_params.iloc[0], abs=1e-3)
    assert f.sigma_alpha == pytest.approx(np.sqrt(fit.cov_re.iloc[0, 0]), rel=1e-3)
    assert f.fit.sigma_y == pytest.approx(np.sqrt(fit.scale), rel=1e-3)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_path_rests_on_the_estimate_between_both_limits(scenario):
    f = the(scenario)
    assert f.path.sigma_alpha[f.rest] == pytest.approx(f.sigma_alpha)
    np.testing.assert_allclose(f.path.alpha[f.rest], f.partial, atol=1e-4)
    np.testing.assert_allclose(f.path.alpha[0], f.complete, atol=1e-6)
    np.testing.assert_allclose(f.path.alpha[-1], f.own, atol=1e-4)
    error = f.path.sigma_y[-1] / np.sqrt(f.data.n)
    np.testing.assert_allclose(f.path.se_alpha[-1], error, rtol=1e-3)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_who_came_closer_is_counted(scenario):
    f = the(scenario)
    nearer = [abs(p - t) < abs(o - t) for p, o, t in zip(f.partial, f.own, f.truth, strict=True)]
    assert f.closer == sum(nearer)
    square = sum((p - t) ** 2 for p, t in zip(f.partial, f.truth, strict=True)) / len(nearer)
    assert f.misses(f.partial, f.truth) == pytest.approx(square**0.5)
    each = [f.misses(f.own, year) ** 2 for year in f.years]
    assert f.misses(f.own, f.years) == pytest.approx(np.mean(each) ** 0.5)
    miss = [abs(p - a) for p, a in zip(f.partial, f.later, strict=True)]
    assert f.far_off == miss.index(max(miss))
    error = f.fit.lines.se_alpha
    assert f.outside == sum(m > e for m, e in zip(miss, error, strict=True))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_picked_the_smallest_and_the_largest(scenario):
    f = the(scenario)
    sizes = frame(scenario).groupby("school").size()
    assert f.names[f.picked] == "Ashford"
    assert sizes[f.names[f.smallest]] == sizes.min()
    assert sizes[f.names[f.largest]] == sizes.max()
    highest = max(f.own[f.data.n == sizes.min()])
    assert f.own[f.smallest] == highest
    assert f.middle == np.ceil(sizes.median())
    assert f.alike == (sizes.min() == sizes.max() or f.sigma_alpha == 0)
    assert f.true_sd == pytest.approx((scenario.hyper.sigma_alpha**2 + scenario.hyper.b0**2) ** 0.5)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_tables_hold_what_is_shown_and_hide_what_is_not(scenario):
    f = the(scenario)
    order = np.argsort(-f.data.n, kind="stable")
    shown = frames(f.tables(partial=True, truth=True, later=True))
    schools = shown["schools"]
    assert schools["school"].tolist() == f.names[order].tolist()
    for column, values in (("own", f.own), ("truth", f.truth), ("later", f.later)):
        np.testing.assert_array_equal(schools[column], values[order])
    assert (schools[["partial_seen", "truth_seen", "later_seen"]] == 1).all(axis=None)
    assert schools.loc[schools["picked"], "school"].tolist() == ["Ashford"]
    at = shown["path"][shown["path"]["resting"]]
    np.testing.assert_allclose(at["alpha"], f.partial[order], atol=1e-4)
    np.testing.assert_allclose(at["high"] - at["alpha"], f.path.se_alpha[f.rest, order])
    np.testing.assert_allclose(at["alpha"] - at["low"], f.path.se_alpha[f.rest, order])
    hidden = frames(f.tables(partial=False, truth=False, later=False))
    assert (hidden["schools"][["partial_seen", "truth_seen", "later_seen"]] == 0).all(axis=None)
    np.testing.assert_array_equal(hidden["schools"]["truth"], f.own[order])
    np.testing.assert_array_equal(hidden["schools"]["later"], f.own[order])
    assert (hidden["likelihood"]["likelihood"] == 0).all()
    assert hidden["likelihood"]["a0"].isna().all()
    for column in ("alpha", "low", "high"):
        steps = hidden["path"][column].to_numpy().reshape(-1, len(order))
        np.testing.assert_array_equal(steps, np.tile(f.own[order], (len(steps), 1)))
    assert not hidden["likelihood"]["estimate"].any()


def test_the_path_has_a_place_for_each_step_of_the_handle():
    f = the(Scenario(), "Oak Hill")
    assert f.data.n[f.picked] == 59
    assert len(f.path.sigma_alpha) == estimates.STEPS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_how_well_an_sd_fits(scenario):
    """The restricted likelihood written out, its SD within schools found by scipy."""
    f = the(scenario)
    n, y, j = f.data.n, f.data.y, f.data.j
    inside = np.sum((y - f.own[j]) ** 2)

    def likely(sd: float) -> float:
        def whole(log_within: float) -> float:
            within = np.exp(log_within)
            v = sd**2 + within / n
            mean = np.sum(f.own / v) / np.sum(1 / v)
            between = np.log(v).sum() + np.log(np.sum(1 / v)) + np.sum((f.own - mean) ** 2 / v)
            return float(between + (n.sum() - len(n)) * log_within + inside / within)

        return -optimize.minimize_scalar(whole, bracket=(0.0, 5.0)).fun / 2

    for sd in (1.0, 3.0, 8.0):
        wanted = np.exp(likely(sd) - likely(f.sigma_alpha))
        assert f.fits(sd) == pytest.approx(wanted, rel=1e-3, abs=1e-9)
    assert f.fits(f.sigma_alpha) == pytest.approx(1)
    assert f.halves[f.rest] == pytest.approx(f.half, rel=1e-4)


def test_without_its_extraordinary_school_the_town_is_as_usual():
    f, usual = the(replace(Scenario(), extraordinary=-30.0)), the(Scenario())
    np.testing.assert_array_equal(f.usual.own, usual.own)
    assert f.usual.sigma_alpha == usual.sigma_alpha < f.sigma_alpha
