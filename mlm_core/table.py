"""Tables as charts take them: columns by name, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Column = NDArray[Any]


class Table:
    """Columns of one length, by name: what a chart draws.

    A slider makes and sends several of them at every move. There a DataFrame costs more than
    the numbers in it; `to_frame` gives one to whoever wants to calculate.

    Parameters
    ----------
    columns : mapping of str to array, sequence or single value
        A single value stands in every row.

    Raises
    ------
    ValueError
        The columns differ in length, or nothing says how many rows there are.

    Examples
    --------
    >>> table = Table({"step": [0, 1], "caption": ["none", "all"], "seen": 1.0})
    >>> len(table), table["seen"].tolist(), table.to_frame().shape
    (2, [1.0, 1.0], (2, 3))
    >>> table.assign(seen=0.0)
    Table of 2 rows: step, caption, seen
    """

    __slots__ = ("_columns", "_rows")

    def __init__(self, columns: Mapping[str, Any]) -> None:
        given = {name: np.asarray(values) for name, values in columns.items()}
        lengths = {len(values) for values in given.values() if values.ndim}
        if len(lengths) != 1:
            raise ValueError(f"The columns have {sorted(lengths)} rows: give all the same number.")
        self._rows: int = lengths.pop()
        self._columns: dict[str, Column] = {
            name: values if values.ndim else np.full(self._rows, values)
            for name, values in given.items()
        }

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> Table:
        """A table of rows that all have the same names."""
        return cls({name: [row[name] for row in rows] for name in rows[0]})

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self._columns)

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    @overload
    def __getitem__(self, wanted: str) -> Column: ...
    @overload
    def __getitem__(self, wanted: list[str]) -> Table: ...
    def __getitem__(self, wanted: str | list[str]) -> Column | Table:
        """A column by its name; a table of some columns by theirs."""
        if isinstance(wanted, str):
            return self._columns[wanted]
        return Table({name: self._columns[name] for name in wanted})

    def assign(self, **columns: Any) -> Table:
        """The same with these columns in the place of those, or after them."""
        return Table({**self._columns, **columns})

    def rows(self, wanted: Any) -> Table:
        """Some rows: by their places, or by a mask."""
        return Table({name: values[wanted] for name, values in self._columns.items()})

    def to_frame(self) -> pd.DataFrame:
        """The same as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self._columns)

    def __repr__(self) -> str:
        return f"Table of {self._rows} rows: {', '.join(self._columns)}"


def stacked(tables: Sequence[Table]) -> Table:
    """Tables of the same columns, one below the other.

    Examples
    --------
    >>> stacked([Table({"x": [1, 2]}), Table({"x": [3]})])["x"].tolist()
    [1, 2, 3]
    """
    names = tables[0].names
    if any(table.names != names for table in tables):
        raise ValueError("Only tables of the same columns can be stacked.")
    return Table({name: np.concatenate([table[name] for table in tables]) for name in names})


def frame(table: Table | pd.DataFrame) -> pd.DataFrame:
    """A table as a DataFrame; a DataFrame as it is."""
    return table.to_frame() if isinstance(table, Table) else table
