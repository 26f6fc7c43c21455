"""Columns of a table, chosen by guess or by hand -> students in schools, and what was dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mlm_core.data import DataError, Floats, GroupedData, Ints
from mlm_core.own_data.read_table import Table

_GROUP = re.compile(
    r"school|group|class|cluster|teacher|hospital|clinic|site|county|state|country|region|"
    r"district|centre|center|team|firm|schul|klasse|gruppe|école|ecole|escuela|cohort|batch"
)
_OUTCOME = re.compile(r"^y\d?$|score|outcome|result|post|grade|mark|achiev|math|read|response|test")
_BEFORE = re.compile(r"^x\d?$|pre|before|baseline|prior|treat|tutor|ses|age|hours")
_TREATED = re.compile(r"treat|tutor|intervention|programme|program")
_LEVEL_2 = re.compile(r"^u\d?$")
_ROW_NUMBER = re.compile(r"^(id|index|row.*|row name|unnamed.*|column 1|(student|pupil|person).*)$")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is what: outcome, group, predictor x of rows, predictor u of groups."""

    y: str
    group: str
    x: str | None = None
    u: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The data of the chosen columns.

    Attributes
    ----------
    data : GroupedData
        Rows sorted by group.
    columns : Columns
        Those used; a predictor that cannot be used is None.
    n_read, n_left_out : int
        Rows of the table, and those of them that were left out.
    left_out, notes : tuple of str
        Why rows were left out; what else the reader should know.
    """

    data: GroupedData
    columns: Columns
    n_read: int
    n_left_out: int
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def guess_columns(table: Table) -> Columns:
    r"""Guess outcome, group and predictors from names and values.

    The group repeats; u is the same within every group; x varies within groups.

    Raises
    ------
    DataError
        No column of numbers, or none that could be the group.

    Examples
    --------
    >>> from mlm_core.own_data.read_table import read_table
    >>> guess_columns(read_table(b"school,pre,score\na,1,2.5\na,2,3.5\nb,1,4.5\nb,3,2"))
    Columns(y='score', group='school', x='pre', u=None)
    """
    if not table.numbers:
        raise DataError("No column holds numbers: the outcome must be a number in every row.")
    if len(table.columns) < 2:
        raise DataError("At least two columns are needed: the outcome and the group.")
    levels = {name: np.unique(cells).size for name, cells in table.text.items()}
    group = max(table.columns, key=lambda name: _like_group(table, name, levels[name]))
    numeric = [name for name in table.numbers if name != group]
    if not numeric:
        raise DataError(
            f"“{group}” is the only column of numbers that could be the outcome, and no other "
            "column says which rows belong together."
        )
    j = np.unique(table.text[group], return_inverse=True)[1]
    constant = {name for name in numeric if _spread_within(table.numbers[name], j) == 0}
    varying = [n for n in numeric if n not in constant and not _counts_rows(table, n)]
    rest = varying or numeric
    y = max(rest, key=lambda n: (_like(_OUTCOME, n) - _like(_BEFORE, n), rest.index(n)))
    xs = [n for n in varying if n != y]
    us = [n for n in constant if n != y and levels[n] > 1 and not _counts_rows(table, n)]
    x = max(xs, key=lambda n: _like(_BEFORE, n) + _like(_TREATED, n), default=None)
    u = max(sorted(us, key=table.columns.index), key=lambda n: _like(_LEVEL_2, n), default=None)
    return Columns(y, group, x, u)


def _like(pattern: re.Pattern[str], name: str) -> int:
    return int(pattern.search(name.lower()) is not None)


def _counts_rows(table: Table, name: str) -> bool:
    """A number for each row, as in 1, 2, 3, ..."""
    values = table.numbers[name]
    whole = bool(np.all(values == np.round(values)))
    different = whole and np.unique(values).size == len(values) > 2
    in_order = name == table.columns[0] and bool(np.all(np.diff(values) == 1))
    return different and (in_order or _like(_ROW_NUMBER, name) == 1)


def _like_group(table: Table, name: str, levels: int) -> float:
    """How much a column looks like the group: it repeats, and its name or its text says so."""
    repeats = 2 <= levels <= table.n_rows / 1.5
    score = 4.0 * repeats + 3.0 * _like(_GROUP, name)
    if _like(_ROW_NUMBER, name) and not repeats:
        score -= 4
    if name not in table.numbers:
        return score + 2.0
    values = table.numbers[name]
    if np.isnan(values).any() or (values != np.round(values)).any():
        return score - 4
    return score + (levels >= 5) * 0.5


def _spread_within(values: Floats, j: Ints) -> float:
    """Largest difference between rows of a group."""
    known = np.isfinite(values)
    if not known.any():
        return 0.0
    highest, lowest = np.full(j.max() + 1, -np.inf), np.full(j.max() + 1, np.inf)
    np.maximum.at(highest, j[known], values[known])
    np.minimum.at(lowest, j[known], values[known])
    there = np.isfinite(highest)
    return float((highest[there] - lowest[there]).max())


def choose_columns(table: Table, columns: Columns) -> Chosen:
    r"""Take the chosen columns, leave out rows without values, and say what was done.

    Rows are left out which lack the group, the outcome or a chosen predictor. A
    predictor that cannot be used is set aside; of a u that differs within a group,
    the group's mean is taken.

    Raises
    ------
    DataError
        The columns cannot be used; the message says why and what to do.

    Examples
    --------
    >>> from mlm_core.own_data.read_table import read_table
    >>> table = read_table(b"school,score\na,1\na,2\nb,NA\nb,4\nb,5")
    >>> choose_columns(table, Columns("score", "school")).left_out
    ('1 row has no value in “score”',)
    """
    _check_choice(table, columns)
    kept, left_out = _rows_to_keep(table, columns)
    labels, j = _labels(table.text[columns.group][kept])
    _check_groups(columns, labels, len(j))
    y = table.numbers[columns.y][kept]
    if np.ptp(y) == 0:
        raise DataError(f"“{columns.y}” is the same in every row: there is nothing to explain.")
    notes: list[str] = []
    used, x = _student_level(table, columns, kept, j, notes)
    used, u = _school_level(table, used, kept, j, labels, notes)
    order = np.argsort(j, kind="stable")
    data = GroupedData(y[order], None if x is None else x[order], j[order], u, labels)
    _note_groups(data, notes)
    n_left = table.n_rows - int(kept.sum())
    return Chosen(data, used, table.n_rows, n_left, tuple(left_out), tuple(notes))


def _check_choice(table: Table, columns: Columns) -> None:
    chosen = [name for name in (columns.y, columns.group, columns.x, columns.u) if name]
    for name in chosen:
        if name not in table.columns:
            raise DataError(f"There is no column “{name}”.")
        if chosen.count(name) > 1:
            raise DataError(f"“{name}” is chosen twice: each column can play one part.")
    for name in filter(None, (columns.y, columns.x, columns.u)):
        if name not in table.numbers:
            found = next((cell for cell in table.text[name] if cell), "")
            what = f"text, for example “{found[:40]}”" if found else "no values"
            raise DataError(
                f"“{name}” holds {what}: numbers are needed. Choose another column, or code the "
                "answers as numbers (no = 0, yes = 1)."
            )


def _rows_to_keep(table: Table, columns: Columns) -> tuple[np.ndarray, list[str]]:
    """Rows with a value in every chosen column, and why the others go; each is counted once."""
    kept = np.ones(table.n_rows, dtype=bool)
    reasons = []
    for name in (columns.group, columns.y, columns.x, columns.u):
        if name is None:
            continue
        empty = kept & (table.text[name] == "")
        if empty.any():
            reasons.append(f"{_rows(empty.sum())} no value in “{name}”")
        kept &= ~empty
        if name == columns.group:
            continue
        wrong = kept & np.isnan(table.numbers[name])
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            reasons.append(
                f"{_rows(wrong.sum())} text instead of a number in “{name}” (“"
                f"{table.text[name][first][:40]}” in line {table.line[first]})"
            )
        kept &= ~wrong
    if not kept.any():
        raise DataError(
            "No row has a value in every chosen column: " + "; ".join(reasons) + ". Choose others."
        )
    return kept, reasons


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count:,} rows have"


def _labels(cells: np.ndarray) -> tuple[np.ndarray, Ints]:
    """Sorted labels, whole numbers as numbers, and the label of each row."""
    labels, j = np.unique(cells, return_inverse=True)
    if all(re.fullmatch(r"0|[1-9]\d{0,14}", label) for label in labels):
        order = np.argsort(labels.astype(np.int64))
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return labels.astype(np.int64)[order], back[j]
    return labels.astype(str), j


def _check_groups(columns: Columns, labels: np.ndarray, n: int) -> None:
    if len(labels) == 1:
        raise DataError(
            f"“{columns.group}” has one value only, “{labels[0]}”: at least two groups are needed, "
            "and better five or more."
        )
    if len(labels) == n:
        raise DataError(
            f"Each of the {n:,} rows has its own value in “{columns.group}”, so no two rows "
            "belong together. Choose the column that says which rows belong to the same group. "
            "(A table with one row a group, an estimate and its standard error, is another "
            "model: see the lesson on the eight schools.)"
        )


def _student_level(
    table: Table, columns: Columns, kept: np.ndarray, j: Ints, notes: list[str]
) -> tuple[Columns, Floats | None]:
    if columns.x is None:
        return columns, None
    x = table.numbers[columns.x][kept]
    if np.ptp(x) == 0:
        notes.append(f"“{columns.x}” is the same in every row and was set aside: it has no slope.")
    elif _spread_within(x, j) <= 1e-7 * np.abs(x).max():
        notes.append(
            f"“{columns.x}” is the same for all rows of a group and was set aside: it describes "
            "groups. Choose it as the group-level predictor u."
        )
    else:
        still = int(((_spread_of(x, j) == 0) & (np.bincount(j) > 1)).sum())
        if still:
            notes.append(
                f"In {_groups(still)} “{columns.x}” does not vary: no slope of its own there."
            )
        return columns, x
    return replace(columns, x=None), None


def _spread_of(values: Floats, j: Ints) -> Floats:
    """(J,) largest difference between the rows of each group."""
    highest, lowest = np.full(j.max() + 1, -np.inf), np.full(j.max() + 1, np.inf)
    np.maximum.at(highest, j, values)
    np.minimum.at(lowest, j, values)
    out: Floats = highest - lowest
    return out


def _school_level(
    table: Table,
    columns: Columns,
    kept: np.ndarray,
    j: Ints,
    labels: np.ndarray,
    notes: list[str],
) -> tuple[Columns, Floats | None]:
    if columns.u is None:
        return columns, None
    values = table.numbers[columns.u][kept]
    spread = _spread_of(values, j)
    u = np.bincount(j, weights=values) / np.bincount(j)
    same = spread == 0
    u[same] = _first(values, j)[same]
    differs = np.flatnonzero(~same)
    if differs.size:
        shown = ", ".join(f"“{str(labels[k])[:40]}”" for k in differs[:3])
        notes.append(
            f"“{columns.u}” should be the same for all rows of a group, but differs within "
            f"{_groups(differs.size)} ({shown}{', …' if differs.size > 3 else ''}). "
            "Each group's mean was taken."
        )
    if np.ptp(u) <= 1e-12 * np.abs(u).max():
        notes.append(f"“{columns.u}” is the same for every group and was set aside.")
        return replace(columns, u=None), None
    return columns, u


def _first(values: Floats, j: Ints) -> Floats:
    first = np.zeros(j.max() + 1)
    first[j[::-1]] = values[::-1]
    return first


def _groups(count: int) -> str:
    return "1 group" if count == 1 else f"{count:,} groups"


def _note_groups(data: GroupedData, notes: list[str]) -> None:
    """Groups of one, few groups, labels that differ in capitals only."""
    singles = int((data.n == 1).sum())
    if singles:
        notes.append(
            f"{_groups(singles)} {'has' if singles == 1 else 'have'} one row and "
            f"{'stays' if singles == 1 else 'stay'} in: one row says little about a group, so it "
            "is pulled far to the others."
        )
    if data.n_groups < 5:
        notes.append(
            f"There are only {data.n_groups} groups: the SD between groups is hardly known, as its "
            "interval shows."
        )
    alike = _alike(data.labels)
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
