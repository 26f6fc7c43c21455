"""The core's calls, remembered: each keyed on the scenario and on how it is fitted.

`functools.lru_cache` and not Streamlit's cache: scenarios hash by themselves and
records are read-only, so that a hit costs a microsecond where Streamlit's costs 0.3 ms.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import mlm_core
from mlm_core import GroupedData, Scenario, Simulation
from mlm_core.estimates import handle_grid
from mlm_core.records import CompletePooling, NoPooling, PartialPooling, PoolingPath


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
