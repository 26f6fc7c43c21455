"""Tables on their way to the browser: to Arrow, without what a figure does not need.

Streamlit's own way goes through pandas and its description of itself and takes 0.6 to 1 ms
a table. What a figure reads are columns of numbers and words: these are handed over as they
are, numbers in half the size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from mlm_core.table import Table, frame

BIG = 256
"""Rows from which numbers are sent in half the size."""

WORDS = pa.large_string()


def encoded(table: Table | pd.DataFrame) -> Any:
    """A table as Arrow's bytes, without its index; as it is, where a column is of another kind."""
    if isinstance(table, Table):
        columns = {name: table[name] for name in table}
    else:
        columns = {str(name): _plain(column) for name, column in table.items()}
    arrays = [_array(values, len(table) >= BIG) for values in columns.values()]
    if any(array is None for array in arrays):
        return frame(table)
    sent = pa.Table.from_arrays(arrays, list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, sent.schema) as stream:
        stream.write_table(sent)
    return sink.getvalue().to_pybytes()


def _plain(column: pd.Series[Any]) -> Any:
    """The values of a DataFrame's column, as numpy has them if it can."""
    values = column.array
    numpy_has = isinstance(values, pd.arrays.NumpyExtensionArray)
    return values.to_numpy() if numpy_has else values


def _array(values: Any, many: bool) -> Any:
    """A column as Arrow has it; None for one of another kind."""
    if isinstance(values, pd.arrays.ArrowStringArray) or values.dtype.kind == "U":
        return pa.array(values, WORDS)
    if values.dtype.kind not in "fiub":
        return None
    return pa.array(_smaller(values) if many else values, from_pandas=values.dtype.kind == "f")


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
