"""Tables on their way to the browser: pandas to Arrow, without what a figure does not need.

Streamlit's own way goes through pandas' description of itself and takes 0.6 to 1 ms a
table. What a figure reads are columns of numbers and words: these are handed over as they
are, numbers in half the size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

BIG = 256
"""Rows from which numbers are sent in half the size."""


def encoded(table: pd.DataFrame) -> Any:
    """A table as Arrow's bytes, without its index; as it is, where a column is of another kind."""
    made, small = {}, len(table) >= BIG
    for name, column in table.items():
        values = column.array
        if isinstance(values, pd.arrays.NumpyExtensionArray):
            numbers = values.to_numpy()
            if numbers.dtype.kind not in "fiub":
                return table
            made[str(name)] = pa.array(_smaller(numbers) if small else numbers, from_pandas=True)
        elif isinstance(values, pd.arrays.ArrowStringArray):
            made[str(name)] = pa.array(values, pa.large_string())
        else:
            return table
    columns = pa.table(made)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, columns.schema) as stream:
        stream.write_table(columns)
    return sink.getvalue().to_pybytes()


def _smaller(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same numbers, in half the size where a figure cannot tell."""
    if numbers.dtype == np.int64 and numbers.size:
        low, high = numbers.min(), numbers.max()
        for kind in (np.int16, np.int32):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return numbers.astype(kind)
    elif numbers.dtype == np.float64 and _coarse(numbers):
        return numbers.astype(np.float32)
    return numbers


def _coarse(numbers: npt.NDArray[np.float64]) -> bool:
    """Whether seven digits are enough: for a thousandth of what the numbers span."""
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        return True
    low, high = float(known.min()), float(known.max())
    most = max(abs(low), abs(high))
    return most == 0 or (1e-30 < most < 1e30 and high / most - low / most > 1e-2)
