"""Schools in districts (nested) and schools by neighbourhoods (crossed), each with its truth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mlm_core.structures import StructuredSimulation, simulate_crossed, simulate_nested

SEED = 4
"""A draw in which the SDs of the levels lie near those they were drawn with."""


def write(folder: Path) -> None:
    made = {
        "districts": simulate_nested(seed=SEED),
        "neighbourhoods": simulate_crossed(crossing=0.4, seed=SEED),
    }
    for name, one in made.items():
        _csv(students(one), folder / f"{name}.csv")
        _csv(truth(one), folder / f"{name}_truth.csv")


def students(made: StructuredSimulation) -> pd.DataFrame:
    """One row a student."""
    return pd.DataFrame({**made.factors, "x": made.x, "y": made.y})


def truth(made: StructuredSimulation) -> pd.DataFrame:
    """The effect of each level with the SD it was drawn with; then the other parameters."""
    rows = [
        (factor, level, effect, made.sd[factor])
        for factor in made.factors
        for level, effect in zip(made.levels[factor], made.effects[factor], strict=True)
    ]
    rows += [("intercept", "", made.intercept, None), ("slope of x", "", made.slope, None)]
    rows += [("student", "", None, made.sigma_y)]
    return pd.DataFrame(rows, columns=["factor", "level", "effect", "sd"])


def _csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")
