"""The core's calls, remembered: each keyed on the scenario and on how it is fitted.

`functools.lru_cache` and not Streamlit's cache: scenarios hash by themselves and
records are read-only, so that a hit costs a microsecond where Streamlit's costs 0.3 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import pandas as pd

import mlm_core
from mlm_core import GroupedData, Scenario, Simulation
from mlm_core.estimates import handle_grid
from mlm_core.hierarchy import Prior, TauPosterior
from mlm_core.lessons.treatment_effects import Trial
from mlm_core.lessons.treatment_effects import fitted as fitted_trial
from mlm_core.lessons.treatment_effects import simulated as simulated_trial
from mlm_core.records import CompletePooling, NoPooling, PartialPooling, PoolingPath
from mlm_core.replication import Replications, TwoSteps
from mlm_core.replication import two_steps as fit_two_steps
from mlm_core.scenario import sd_within

DATASETS = Path(__file__).resolve().parents[2] / "datasets"


P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """The function with its last answers remembered: for the facts of a lesson."""
    made: Callable[P, R] = _remembering(function)
    return made


@cache
def _remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    return lru_cache(maxsize=128)(function)


@lru_cache(maxsize=256)
def simulation(scenario: Scenario, with_x: bool = True) -> Simulation:
    """Students in schools; without x, only the scores are kept."""
    made = mlm_core.simulate(scenario)
    return made if with_x else replace(made, data=replace(made.data, x=None))


def _data(scenario: Scenario, with_x: bool) -> GroupedData:
    return simulation(scenario, with_x).data


@lru_cache(maxsize=256)
def complete_pooling(scenario: Scenario, with_x: bool = True) -> CompletePooling:
    """The regression that forgets the schools."""
    return mlm_core.fit_complete_pooling(_data(scenario, with_x))


@lru_cache(maxsize=256)
def no_pooling(scenario: Scenario, with_x: bool = True, slopes: str = "common") -> NoPooling:
    """Each school by itself."""
    return mlm_core.fit_no_pooling(_data(scenario, with_x), slopes)  # type: ignore[arg-type]


@lru_cache(maxsize=256)
def partial_pooling(
    scenario: Scenario, with_x: bool = True, slopes: str = "common", group_predictor: bool = False
) -> PartialPooling:
    """The multilevel model, by REML."""
    data = _data(scenario, with_x)
    return mlm_core.fit_partial_pooling(data, slopes, group_predictor)  # type: ignore[arg-type]


@lru_cache(maxsize=64)
def pooling_path(scenario: Scenario, with_x: bool = True) -> PoolingPath:
    """Partial pooling at every position of the handle."""
    estimate = partial_pooling(scenario, with_x).hyper.sigma_alpha
    return mlm_core.pooling_path(_data(scenario, with_x), handle_grid(estimate))


class Estimates(NamedTuple):
    """Schools' estimates with known standard errors, hashable."""

    school: tuple[str, ...]
    y: tuple[float, ...]
    se: tuple[float, ...]


@lru_cache(maxsize=1)
def eight_schools() -> Estimates:
    """The eight schools of Rubin (1981)."""
    table = pd.read_csv(DATASETS / "eight_schools.csv")
    return Estimates(*(tuple(table[name].tolist()) for name in ("school", "y", "se")))


@lru_cache(maxsize=256)
def school_estimates(scenario: Scenario) -> Estimates:
    """Mean scores of simulated schools, with standard errors from the true SD within schools."""
    data = simulation(scenario, with_x=False).data
    mean = no_pooling(scenario, with_x=False).lines.alpha
    se = scenario.sigma_y / data.n**0.5
    return Estimates(tuple(data.labels.tolist()), tuple(mean.tolist()), tuple(se.tolist()))


@lru_cache(maxsize=256)
def tau_posterior(estimates: Estimates, prior: Prior, scale: float | None) -> TauPosterior:
    """How sure we are of tau."""
    return mlm_core.tau_posterior(estimates.y, estimates.se, prior, scale)


@lru_cache(maxsize=64)
def two_steps(scenario: Scenario, slopes: str) -> TwoSteps:
    """Both ways over 500 worlds."""
    return fit_two_steps(scenario, 500, slopes=slopes)  # type: ignore[arg-type]


@lru_cache(maxsize=16)
def replications(scenario: Scenario, n: int, with_x: bool = True) -> Replications:
    """Many worlds of a scenario, refitted, with their errors; x joins the noise where it is left out."""
    if not with_x:
        scenario = replace(scenario, sigma_y=sd_within(scenario))
    return mlm_core.replicate(scenario, n, with_x=with_x, keep_errors=True)


@lru_cache(maxsize=64)
def trial(scenario: Scenario | None) -> Trial:
    """A simulated trial; without a scenario, the tutoring file."""
    if scenario is not None:
        return simulated_trial(scenario)
    students = pd.read_csv(DATASETS / "tutoring.csv")
    data = GroupedData.from_frame(students, y="score", group="school", x="treated", u="u")
    effect = pd.read_csv(DATASETS / "tutoring_truth.csv")["effect"].to_numpy()
    return fitted_trial(data, effect)
