"""Students in schools: the one record that every fit takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.showing import as_html, names_in_short, record

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class DataError(ValueError):
    """The data cannot be used as they are; the message says what is wrong and what to do."""


def frozen(array: Any, dtype: Any = np.float64) -> Any:
    """A read-only copy of an array."""
    out = np.array(array, dtype=dtype)
    out.flags.writeable = False
    return out


class Names(NamedTuple):
    """What the columns are called: outcome, group, student-level and school-level predictor."""

    y: str = "y"
    group: str = "school"
    x: str = "x"
    u: str = "u"


@record
class GroupedData:
    """Students in schools, simulated or real.

    Attributes
    ----------
    y : (n,) array
        The outcome of each student.
    x : (n,) array or None
        The student-level predictor.
    j : (n,) int array
        The school of each student, from 0 to J - 1; ``alpha[j]`` reads as the book.
    u : (J,) array or None
        The school-level predictor.
    labels : (J,) array
        Names of the schools, sorted (numbers as numbers).
    names : Names
        Names of the columns, for tables and figures.

    Raises
    ------
    DataError
        Wrong lengths, missing or infinite values, an index out of range, or a
        school without students.
    """

    y: Floats
    x: Floats | None
    j: Ints
    u: Floats | None
    labels: NDArray[Any]
    names: Names = Names()

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {"labels": frozen(self.labels, None), "y": numbers("y", self.y)}
        checked["j"] = _index(self.j, len(self.y), len(self.labels))
        if self.x is not None:
            checked["x"] = numbers("x", self.x, len(self.y))
        if self.u is not None:
            checked["u"] = numbers("u", self.u, len(self.labels))
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def n_students(self) -> int:
        """Number of students n."""
        return len(self.y)

    @property
    def n_groups(self) -> int:
        """Number of schools J."""
        return len(self.labels)

    @property
    def n(self) -> Ints:
        """(J,) number of students n_j in each school."""
        return np.bincount(self.j, minlength=self.n_groups)

    def group_means(self, values: Floats) -> Floats:
        """(J,) mean of ``values`` (n,) in each school."""
        return np.bincount(self.j, weights=values, minlength=self.n_groups) / self.n

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, y: str, group: str, x: str | None = None, u: str | None = None
    ) -> GroupedData:
        """Take the columns of a data frame; one row is one student.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row a student.
        y, group, x, u : str
            Names of columns: outcome, school, student-level predictor (optional)
            and school-level predictor (optional, the same for all students of a school).

        Raises
        ------
        DataError
            A column is missing, has missing values or text where numbers belong,
            or ``u`` is not the same for all students of a school.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"school": ["b", "a", "b"], "y": [3.0, 1.0, 5.0]})
        >>> GroupedData.from_frame(frame, y="y", group="school").labels.tolist()
        ['a', 'b']
        """
        for name in (y, group, x, u):
            if name is not None and name not in frame.columns:
                raise DataError(
                    f"There is no column {name!r}. There are: {_listed(frame.columns)}."
                )
        if len(frame) == 0:
            raise DataError("The table has no rows: at least two schools with students are needed.")
        key = frame[group]
        if key.isna().any():
            missing = int(key.isna().sum())
            raise DataError(
                f"{missing} rows have no value in {group!r}. Leave those rows out first."
            )
        labels, j = _sorted_labels(key)
        columns = {name: numbers(name, frame[name].to_numpy()) for name in (y, x, u) if name}
        u_j = None if u is None else _constant_within(columns[u], j, labels, u)
        usual = Names()
        names = Names(str(y), str(group), str(x or usual.x), str(u or usual.u))
        return cls(columns[y], columns[x] if x else None, j, u_j, labels, names)

    def to_frame(self) -> pd.DataFrame:
        """One row a student: the school, y and, where there are, x and u, by their names."""
        import pandas as pd

        columns = {self.names.group: self.labels[self.j], self.names.y: self.y}
        if self.x is not None:
            columns[self.names.x] = self.x
        if self.u is not None:
            columns[self.names.u] = self.u[self.j]
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        n, names = self.n, self.names
        held = [(names.y, self.y), (names.x, self.x), (names.u, self.u)]
        spans = [f"{k} {v.min():.4g} to {v.max():.4g}" for k, v in held if v is not None]
        return (
            f"GroupedData: {self.n_students} students in {self.n_groups} schools "
            f"of {n.min()} to {n.max()}\n  {', '.join(spans)}\n"
            f"  {names.group}: {names_in_short(self.labels)}"
        )

    def _repr_html_(self) -> str:
        title = repr(self).split("\n")[0]
        return as_html(title, self.to_frame())


def _sorted_labels(key: pd.Series) -> tuple[NDArray[Any], Ints]:
    """Labels in sorted order (numbers as numbers), and the place of each row's label."""
    import pandas as pd

    if len(set(map(type, key))) > 1:
        key = key.astype(str)
    j, labels = pd.factorize(key, sort=True)
    return np.asarray(labels), j.astype(np.intp)


def _listed(names: Any) -> str:
    return ", ".join(repr(str(name)) for name in names)


def numbers(name: str, values: Any, length: int | None = None) -> Floats:
    """(n,) finite numbers, or a `DataError` that says what is wrong with a column."""
    try:
        out = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"{name!r} has text where numbers belong. Use a column of numbers."
        ) from None
    if out.ndim != 1:
        raise DataError(f"{name!r} has {out.ndim} dimensions: one number a row is needed.")
    if length is not None and len(out) != length:
        raise DataError(f"{name!r} has {len(out)} values where {length} are needed.")
    bad = int((~np.isfinite(out)).sum())
    if bad:
        raise DataError(
            f"{name!r} has {bad} missing or infinite values. Leave those rows out first."
        )
    checked: Floats = frozen(out)
    return checked


def _index(values: Any, n: int, n_groups: int) -> Ints:
    given = np.asarray(values)
    j = frozen(given, np.intp)
    if not np.array_equal(j, given):
        raise DataError("j must hold whole numbers: the place of each student's school in labels.")
    if len(j) != n:
        raise DataError(f"j has {len(j)} values where y has {n}: each student needs a school.")
    if n == 0:
        raise DataError("There are no students: at least two schools with students are needed.")
    if j.min() < 0 or j.max() >= n_groups:
        raise DataError(
            f"j goes from {j.min()} to {j.max()}: it must lie from 0 to {n_groups - 1}."
        )
    empty = int((np.bincount(j, minlength=n_groups) == 0).sum())
    if empty:
        raise DataError(f"{empty} schools have no students. Leave them out.")
    out: Ints = j
    return out


def _constant_within(values: Floats, j: Ints, labels: NDArray[Any], name: str) -> Floats:
    first = np.zeros(len(labels))
    first[j[::-1]] = values[::-1]
    differs = np.flatnonzero(np.bincount(j, weights=values != first[j], minlength=len(labels)))
    if differs.size:
        shown = ", ".join(str(label) for label in labels[differs[:3]])
        raise DataError(
            f"{name!r} is not the same for all students of a school (look at {shown}). "
            "A school-level predictor has one value a school: use the school's mean."
        )
    return first
