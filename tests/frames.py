"""What a lesson draws, as DataFrames to calculate with."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mlm_core.table import Table, frame


def frames(tables: Mapping[str, Table | pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Each table of a figure as a DataFrame."""
    return {name: frame(table) for name, table in tables.items()}
