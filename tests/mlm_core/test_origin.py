"""Moving the zero of x, held to refitting the moved data and to simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Hyperparameters, Scenario, fit_partial_pooling, simulate
from mlm_core.data import GroupedData
from mlm_core.origin import ellipse, move_origin, true_population

# Two fits of the same model reach the same optimum to about 1e-6 of an SD.
CLOSE = {"rel": 1e-4, "abs": 1e-4}


def _moved(data: GroupedData, to: float) -> GroupedData:
    assert data.x is not None
    return replace(data, x=data.x - to)


@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize("to", [-5.0, -0.4, 2.0])
@pytest.mark.parametrize("scenario", [Scenario(), Scenario(n_groups=5, seed=39)])
def test_moved_fit_is_fit_of_moved_data(
    scenario: Scenario, to: float, group_predictor: bool
) -> None:
    data = simulate(scenario).data
    here = fit_partial_pooling(data, "varying", group_predictor)
    there = fit_partial_pooling(_moved(data, to), "varying", group_predictor)
    moved = move_origin(here.hyper, to)
    for name in ("a0", "b0", "a1", "b1", "sigma_alpha", "sigma_beta", "rho"):
        assert getattr(moved, name) == pytest.approx(getattr(there.hyper, name), **CLOSE), name
    assert here.criterion == pytest.approx(there.criterion, abs=1e-5)
    assert here.lines.alpha + to * here.lines.beta == pytest.approx(there.lines.alpha, abs=1e-3)
    assert here.lines.beta == pytest.approx(there.lines.beta, abs=1e-3)


def test_there_and_back() -> None:
    hyper = Hyperparameters(rho=-0.7)
    back = move_origin(move_origin(hyper, 3.0), -3.0)
    assert back.sigma_alpha == pytest.approx(hyper.sigma_alpha)
    assert back.rho == pytest.approx(hyper.rho)


def test_a_correlation_of_one_stays_one_or_turns() -> None:
    hyper = Hyperparameters(sigma_alpha=4, sigma_beta=2, rho=1.0)
    assert move_origin(hyper, 1.0).rho == 1.0
    assert move_origin(hyper, -3.0).rho == -1.0
    assert np.isnan(move_origin(hyper, -2.0).rho)
    assert move_origin(hyper, -2.0).sigma_alpha == 0


def test_parallel_lines_do_not_change_their_spread() -> None:
    hyper = Hyperparameters(sigma_beta=0.0, rho=float("nan"))
    there = move_origin(hyper, 2.0)
    assert there.sigma_alpha == hyper.sigma_alpha
    assert np.isnan(there.rho)


def test_true_population_is_that_of_simulated_schools() -> None:
    scenario = Scenario(n_groups=4000, students_per_group=1, sigma_x=1.5, contextual=-4)
    made, truth = simulate(scenario), true_population(scenario, with_u=False)
    # relative error of an SD of 4,000 draws: 1.1%
    assert made.alpha.std() == pytest.approx(truth.sigma_alpha, rel=0.045)
    assert made.beta.std() == pytest.approx(truth.sigma_beta, rel=0.045)
    assert np.corrcoef(made.alpha, made.beta)[0, 1] == pytest.approx(truth.rho, abs=0.06)


def test_true_population_given_u_is_the_scenario() -> None:
    truth, hyper = true_population(Scenario(), with_u=True), Scenario().hyper
    assert (truth.b0, truth.sigma_beta) == (hyper.b0, hyper.sigma_beta)
    assert truth.rho == pytest.approx(hyper.rho)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_ellipse_holds_its_share(share: float) -> None:
    hyper = Hyperparameters(rho=-0.8)
    spread = np.array(
        [
            [hyper.sigma_alpha**2, hyper.rho * hyper.sigma_alpha * hyper.sigma_beta],
            [hyper.rho * hyper.sigma_alpha * hyper.sigma_beta, hyper.sigma_beta**2],
        ]
    )
    centre = np.array([hyper.a0 + 2 * hyper.b0, hyper.a1 + 2 * hyper.b1])
    edge = np.column_stack(ellipse(hyper, share, u=2.0)) - centre
    far = np.einsum("ki,ij,kj->k", edge, np.linalg.inv(spread), edge)
    assert far == pytest.approx(np.full(len(far), far[0]))
    schools = np.random.default_rng(1).multivariate_normal([0, 0], spread, 20_000)
    inside = np.einsum("ki,ij,kj->k", schools, np.linalg.inv(spread), schools) < far[0]
    assert inside.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000))


def test_ellipse_of_a_perfect_correlation_is_a_line() -> None:
    hyper = Hyperparameters(sigma_alpha=4, sigma_beta=2, rho=-1.0)
    alpha, beta = ellipse(hyper, 0.95)
    assert (alpha - hyper.a0) == pytest.approx(-2 * (beta - hyper.a1))
