from __future__ import annotations

from dataclasses import fields, replace

import pytest

from mlm_core import Hyperparameters, Scenario, simulate
from mlm_core.scenario import bounds, sd_within


def test_the_default_is_that_of_the_course():
    scenario = Scenario()
    assert (scenario.n_groups, scenario.students_per_group, scenario.sigma_y) == (20, 15, 10)
    assert scenario.hyper == Hyperparameters(60, 3, 4, 1, 5, 1.5, 0.3)
    between, within = scenario.hyper.sigma_alpha**2, scenario.sigma_y**2
    assert between / (between + within) == pytest.approx(0.2)


def test_scenarios_are_keys():
    assert hash(Scenario(seed=5)) == hash(Scenario(seed=5))
    assert Scenario(seed=5) != Scenario(seed=6)


@pytest.mark.parametrize("record", [Scenario, Hyperparameters])
def test_defaults_lie_on_the_steps_of_their_controls(record):
    for f in fields(record):
        if "bounds" in f.metadata:
            low, high, step = bounds(f.name)
            assert low <= f.default <= high
            assert abs((f.default - low) / step - round((f.default - low) / step)) < 1e-9


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n_groups": 0}, "n_groups"),
        ({"n_groups": 2.5}, "whole number"),
        ({"students_per_group": 0}, "students_per_group"),
        ({"imbalance": -0.1}, "imbalance"),
        ({"sigma_y": -1.0}, "sigma_y is -1.0: an SD is 0 or more"),
        ({"sigma_x": -1.0}, "sigma_x is -1.0: an SD"),
        ({"hyper": Hyperparameters(sigma_beta=-1)}, "sigma_beta is -1: an SD"),
        ({"sigma_y": float("nan")}, "finite"),
        ({"seed": -1}, "seed"),
        ({"hyper": Hyperparameters(sigma_alpha=-1)}, "sigma_alpha is -1: an SD"),
        ({"hyper": Hyperparameters(rho=1.1)}, "rho"),
        ({"hyper": Hyperparameters(a0=float("inf"))}, "a0"),
    ],
)
def test_impossible_scenarios_say_what_is_wrong(change, says):
    with pytest.raises(ValueError, match=says):
        replace(Scenario(), **change)


@pytest.mark.parametrize("rho", [-1.0, 1.0])
def test_the_ends_are_settings_too(rho):
    made = Scenario(seed=0, redraw=0, sigma_y=0.0, hyper=Hyperparameters(rho=rho, sigma_alpha=0))
    assert made.hyper.rho == rho


def test_an_estimate_may_have_no_correlation():
    assert Hyperparameters(rho=float("nan")).sigma_alpha == 5


def test_unknown_settings_have_no_bounds():
    with pytest.raises(KeyError, match="nonsense"):
        bounds("nonsense")


def test_x_left_out_joins_the_noise():
    made = simulate(Scenario(n_groups=4000, students_per_group=30, imbalance=0.0))
    data = made.data
    within = data.y - made.alpha[data.j]
    # 120,000 students in 4,000 schools: 1% is four SEs.
    assert sd_within(Scenario()) == pytest.approx(within.std(), rel=0.01)
    hyper = Hyperparameters(a1=3.0, b1=5.0, sigma_beta=7.0)
    assert sd_within(Scenario(sigma_y=2.0, hyper=hyper)) == pytest.approx(87**0.5)
