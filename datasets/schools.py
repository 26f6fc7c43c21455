"""The default scenario written out: `schools.csv`, and its truth beside it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mlm_core import Scenario, simulate
from mlm_core.estimates import students_table


def write(folder: Path) -> None:
    made = simulate(Scenario())
    truth = pd.DataFrame(
        {
            "school": made.data.labels,
            "n": made.data.n,
            "u": made.data.u,
            "alpha": made.alpha,
            "beta": made.beta,
        }
    )
    _csv(students_table(made.data), folder / "schools.csv")
    _csv(truth, folder / "schools_truth.csv")


def _csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")
