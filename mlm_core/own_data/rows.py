"""Rows of a table that a model can use, sorted into groups, and why the others were left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from mlm_core.data import DataError, Floats, Ints, frozen
from mlm_core.own_data.columns import Columns
from mlm_core.own_data.table import Table
from mlm_core.showing import record

MOST_LEVELS = 30
"""Categories that a predictor may have."""


@record
class Rows:
    """The rows that are used, sorted by group.

    Attributes
    ----------
    columns : Columns
        Those used, each predictor at its level; predictors that say nothing are taken out.
    y : (n,) array
    j : (n,) int array
        Group of each row.
    labels : (J,) array
        Names of the groups, sorted; whole numbers as numbers.
    numbers : dict of str to (n,) array
        Predictors that are quantities.
    text : dict of str to (n,) array of str
        Predictors that are categories, and the second grouping.
    place : (n,) int array
        Row of the table.
    n_read : int
    left_out, notes : tuple of str
        Why rows were left out; what else the reader should know.
    groups_left_out : tuple of str
        Names of the groups of which no row is left, sorted as ``labels`` are.
    """

    columns: Columns
    y: Floats
    j: Ints
    labels: np.ndarray
    numbers: dict[str, Floats]
    text: dict[str, np.ndarray]
    place: Ints
    n_read: int
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    groups_left_out: tuple[str, ...]

    @property
    def n_rows(self) -> int:
        """Rows used."""
        return len(self.y)

    @property
    def n_groups(self) -> int:
        """Number of groups J."""
        return len(self.labels)

    @property
    def n(self) -> Ints:
        """(J,) rows of each group."""
        return np.bincount(self.j, minlength=self.n_groups)


def take_rows(table: Table, columns: Columns) -> Rows:
    r"""Take the chosen columns, leave out rows without values, and say what was done.

    Rows are left out which lack the group, the outcome or a chosen predictor. Whether a
    predictor is one of rows or of groups is told from its values.

    Raises
    ------
    DataError
        The columns cannot be used; the message says why and what to do.

    Examples
    --------
    >>> from mlm_core.own_data.table import read_table
    >>> table = read_table(b"school,score\na,1\na,2\nb,NA\nb,4\nb,5")
    >>> take_rows(table, Columns("score", "school")).left_out
    ('1 row has no value in “score”',)
    """
    _check_choice(table, columns)
    as_text = {c for c in columns.predictors if c not in table.numbers or c in columns.codes}
    kept, left_out = _rows_to_keep(table, columns, as_text)
    labels, j = _labels(table.text[columns.group][kept])
    gone = _gone(table.text[columns.group], kept)
    _check_groups(columns, labels, len(j), gone, left_out)
    y = table.numbers[columns.y][kept]
    if np.ptp(y) == 0:
        raise DataError(
            f"“{columns.y}” is the same in every row{_that_is_used(left_out)}: there is nothing to "
            "explain."
        )
    order = np.argsort(j, kind="stable")
    j, place = j[order], np.flatnonzero(kept)[order]
    numbers = {c: table.numbers[c][place] for c in columns.predictors if c not in as_text}
    text = {c: table.text[c][place] for c in (*as_text, *filter(None, [columns.second]))}
    notes: list[str] = []
    used = _levels_of(columns, numbers, text, j, notes, _that_is_used(left_out))
    _note_groups(labels, np.bincount(j), notes)
    numbers = {c: frozen(v) for c, v in numbers.items() if c in used.predictors}
    text = {c: v for c, v in text.items() if c in (*used.predictors, used.second)}
    return Rows(
        columns=used,
        y=frozen(table.numbers[columns.y][place]),
        j=frozen(j, np.intp),
        labels=labels,
        numbers=numbers,
        text=text,
        place=place,
        n_read=table.n_rows,
        left_out=tuple(left_out),
        notes=tuple(notes),
        groups_left_out=gone,
    )


def _check_choice(table: Table, columns: Columns) -> None:
    second = [columns.second] if columns.second else []
    chosen = [columns.y, columns.group, *columns.predictors, *second]
    for name in chosen:
        if name not in table.columns:
            raise DataError(f"There is no column “{name}”.")
        if chosen.count(name) > 1:
            raise DataError(f"“{name}” is chosen twice: each column can play one part.")
    if columns.y not in table.numbers:
        found = next((cell for cell in table.text[columns.y] if cell), "")
        what = f"text, for example “{found[:40]}”" if found else "no values"
        raise DataError(
            f"“{columns.y}” holds {what}: the outcome must be a number. Choose another column, or "
            "code the answers as numbers (no = 0, yes = 1)."
        )


def _rows_to_keep(
    table: Table, columns: Columns, as_text: set[str]
) -> tuple[np.ndarray, list[str]]:
    """Rows with a value in every chosen column, and why the others go.

    A row with faults in several columns is counted under each, and it is said how many there are.
    """
    faults = np.zeros(table.n_rows, dtype=np.intp)
    reasons = []
    second = [columns.second] if columns.second else []
    for name in (columns.group, columns.y, *columns.predictors, *second):
        empty = table.text[name] == ""
        if empty.any():
            reasons.append(f"{_count(empty.sum())} no value in “{name}”")
        faults += empty
        if name in (columns.group, columns.second) or name in as_text:
            continue
        wrong = ~empty & np.isnan(table.numbers[name])
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            reasons.append(
                f"{_count(wrong.sum())} text instead of a number in “{name}” (“"
                f"{table.text[name][first][:40]}” in line {table.line[first]})"
            )
        faults += wrong
    several = int((faults > 1).sum())
    if several:
        what = "is" if several == 1 else "are"
        reasons.append(
            f"{_count(several)} more than one of these faults and {what} counted in each"
        )
    kept = faults == 0
    if not kept.any():
        raise DataError(
            "No row has a value in every chosen column: " + "; ".join(reasons) + ". Choose others."
        )
    return kept, reasons


def _count(count: int) -> str:
    return "1 row has" if count == 1 else f"{count:,} rows have"


def _gone(groups: np.ndarray, kept: np.ndarray) -> tuple[str, ...]:
    """Names of the groups that have no row among those kept."""
    gone = set(groups[~kept].tolist()) - {""}
    if gone:
        gone -= set(groups[kept].tolist())
    return tuple(map(str, _labels(np.array(list(gone), dtype=object))[0])) if gone else ()


def named(names: tuple[str, ...], most: int = 3) -> str:
    """The first names of a list in quotes, and how many more there are.

    >>> named(("Ash",)), named(("Ash", "Elm", "Fir", "Oak", "Yew"))
    ('“Ash”', '“Ash”, “Elm”, “Fir” and 2 more')
    """
    said = ", ".join(f"“{name[:40]}”" for name in names[:most])
    return said + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _that_is_used(left_out: list[str]) -> str:
    """What “every row” has to say where not all are used."""
    return " that is used" if left_out else ""


def _labels(cells: np.ndarray) -> tuple[np.ndarray, Ints]:
    """Sorted labels, whole numbers as numbers, and the label of each row."""
    import pandas as pd

    codes, found = pd.factorize(cells)
    whole = all(re.fullmatch(r"0|[1-9]\d{0,14}", label) for label in found)
    labels = np.array(found, dtype=np.int64 if whole else str)
    order = np.argsort(labels, kind="stable")
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return labels[order], back[codes]


def _check_groups(
    columns: Columns, labels: np.ndarray, n: int, gone: tuple[str, ...], left_out: list[str]
) -> None:
    if len(labels) == 1 and gone:
        raise DataError(
            f"Only one group of “{columns.group}” is left, “{labels[0]}”: at least two are needed. "
            f"All rows of {named(gone)} were left out: {'; '.join(left_out)}. Choose other columns."
        )
    if len(labels) == 1:
        raise DataError(
            f"“{columns.group}” has one value only, “{labels[0]}”: at least two groups are needed, "
            "and better five or more."
        )
    if len(labels) == n:
        raise DataError(
            f"Each of the {n:,} rows{' that can be used' if left_out else ''} has its own value in "
            f"“{columns.group}”, so no two rows "
            "belong together. Choose the column that says which rows belong to the same group. "
            "(A table with one row a group, an estimate and its standard error, is another "
            "model: see the lesson on the eight schools.)"
        )


def _levels_of(
    columns: Columns,
    numbers: dict[str, Floats],
    text: dict[str, np.ndarray],
    j: Ints,
    notes: list[str],
    used: str,
) -> Columns:
    """The predictors by level, without those that say nothing."""
    x, u = [], []
    for name in columns.predictors:
        levels = _coded(numbers[name] if name in numbers else text[name])
        if levels.max() == 0:
            notes.append(
                f"“{name}” is the same in every row{used} and was set aside: it has no slope."
            )
        elif name in text and levels.max() >= MOST_LEVELS:
            notes.append(
                f"“{name}” has {levels.max() + 1:,} categories and was set aside: with so many it "
                "is a grouping. Choose it as the group, or as the second grouping."
            )
        elif _constant(levels, j) or (name in numbers and _constant_but_rounding(numbers[name], j)):
            u.append(name)
        else:
            x.append(name)
            still = int((~_varies(levels, j) & (np.bincount(j) > 1)).sum())
            if still:
                notes.append(
                    f"In {_groups(still)} “{name}” does not vary: no slope of its own there."
                )
    return replace(columns, x=tuple(x), u=tuple(u))


def _coded(values: np.ndarray) -> Ints:
    import pandas as pd

    return pd.factorize(values)[0].astype(np.intp)


def _varies(levels: Ints, j: Ints) -> np.ndarray:
    """(J,) whether there are two values or more in a group."""
    first = np.zeros(int(j.max()) + 1, dtype=np.intp)
    first[j[::-1]] = levels[::-1]
    return np.bincount(j, weights=levels != first[j]) > 0


def _constant(levels: Ints, j: Ints) -> bool:
    return not _varies(levels, j).any()


def _constant_but_rounding(values: Floats, j: Ints) -> bool:
    mean = np.bincount(j, weights=values) / np.bincount(j)
    return bool(np.abs(values - mean[j]).max() <= 1e-9 * np.abs(values).max())


def _groups(count: int) -> str:
    return "1 group" if count == 1 else f"{count:,} groups"


def _note_groups(labels: np.ndarray, n: Ints, notes: list[str]) -> None:
    """Groups of one, few groups, labels that differ in capitals only."""
    singles = int((n == 1).sum())
    if singles:
        notes.append(
            f"{_groups(singles)} {'has' if singles == 1 else 'have'} one row and "
            f"{'stays' if singles == 1 else 'stay'} in: one row says little about a group, so it "
            "is pulled more than a group with many rows."
        )
    if len(labels) < 5:
        notes.append(
            f"There are only {len(labels)} groups: the SD between groups is hardly known, as its "
            "interval shows."
        )
    alike = _alike(labels)
    if alike:
        notes.append(
            f"“{alike[0][:40]}” and “{alike[1][:40]}” count as two groups. "
            "If they are the same, write them the same way."
        )


def _alike(labels: Iterable[object]) -> tuple[str, str] | None:
    """Two labels that differ in capitals only."""
    seen: dict[str, str] = {}
    for label in map(str, labels):
        if label.casefold() in seen:
            return seen[label.casefold()], label
        seen[label.casefold()] = label
    return None


def kind_of_outcome(y: Floats) -> str:
    """What the values of an outcome say of it: "yes or no", "count", "few values" or "quantity".

    >>> kind_of_outcome(np.array([0.0, 1, 1, 0])), kind_of_outcome(np.array([0.5, 2, 3]))
    ('yes or no', 'quantity')
    >>> kind_of_outcome(np.array([0.0, 3, 1, 0, 2, 0, 5]))
    'count'
    """
    values = np.unique(y)
    if len(values) == 2:
        return "yes or no"
    whole = bool(np.all(values == np.round(values)))
    if whole and values[0] >= 0 and (np.mean(y == 0) > 0.02 or values[0] == 0) and y.mean() < 10:
        return "count"
    if whole and len(values) <= 5:
        return "few values"
    return "quantity"
