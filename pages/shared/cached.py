"""What a page asked before is not computed again.

`functools.lru_cache` and not Streamlit's cache: scenarios hash by themselves and
records are read-only, so that a hit costs a microsecond where Streamlit's costs 0.3 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pandas as pd

from mlm_core import GroupedData, Scenario
from mlm_core.lessons.treatment_effects import Trial, fitted, simulated

DATASETS = Path(__file__).resolve().parents[2] / "datasets"

P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """The function with its last answers remembered: for the facts of a lesson."""
    made: Callable[P, R] = _remembering(function)
    return made


@cache
def _remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    return lru_cache(maxsize=64)(function)


@lru_cache(maxsize=64)
def trial(scenario: Scenario | None) -> Trial:
    """A simulated trial; without a scenario, the tutoring file."""
    if scenario is not None:
        return simulated(scenario)
    students = pd.read_csv(DATASETS / "tutoring.csv")
    data = GroupedData.from_frame(students, y="score", group="school", x="treated", u="u")
    effect = pd.read_csv(DATASETS / "tutoring_truth.csv")["effect"].to_numpy()
    return fitted(data, effect)
