"""The parts that columns of a table play, and what their values say of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from mlm_core.data import Ints
from mlm_core.own_data.table import Table

MOST_CODES = 12
"""Whole numbers with at most so many values may be codes."""

_CODES = re.compile(
    r"sex|gender|diet|type|group|treat|trt|race|ethnic|region|variet|method|block|code|categ|"
    r"religion|denom|party|colou?r|brand|condition"
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is what.

    Attributes
    ----------
    y, group : str
        The outcome and the grouping; a guess without a grouping has none, "".
    x, u : tuple of str
        Predictors of rows, which vary within groups, and of groups, which do not.
    second : str or None
        Another grouping of the same rows.
    codes : tuple of str
        Predictors whose numbers are names of categories.
    """

    y: str
    group: str
    x: tuple[str, ...] = ()
    u: tuple[str, ...] = ()
    second: str | None = None
    codes: tuple[str, ...] = ()

    @property
    def predictors(self) -> tuple[str, ...]:
        """Those of rows, then those of groups."""
        return self.x + self.u


def constant_within(values: Ints, j: Ints) -> bool:
    """Whether a column, as levels (n,), is the same in all rows of each group.

    >>> constant_within(np.array([0, 0, 1]), np.array([4, 4, 2]))
    True
    """
    first = np.full(int(j.max()) + 1, -1, dtype=np.intp)
    first[j[::-1]] = values[::-1]
    return bool((first[j] == values).all())


def may_be_codes(table: Table, name: str) -> bool:
    r"""Whether numbers could be names of categories: few whole ones, more than two.

    >>> from mlm_core.own_data.table import read_table
    >>> table = read_table(b"g,diet,y\na,1,2.5\na,2,3.5\nb,3,4.5")
    >>> may_be_codes(table, "diet"), may_be_codes(table, "y")
    (True, False)
    """
    values = table.numbers.get(name)
    if values is None:
        return False
    known = np.unique(values[np.isfinite(values)])
    return 2 < len(known) <= MOST_CODES and bool(np.all(known == np.round(known)))


def coded(table: Table, name: str) -> bool:
    """Whether such a column is best taken as categories at first: its name says so."""
    return may_be_codes(table, name) and _CODES.search(name.lower()) is not None


def swapped(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """Parts after one was changed to a column that another part had: the two swap.

    Parameters
    ----------
    old, new : tuple of str
        The column of each part, before and after; one of them changed.

    Examples
    --------
    >>> swapped(("score", "school"), ("school", "school"))
    ('school', 'score')
    """
    out = list(new)
    for k, (before, after) in enumerate(zip(old, new, strict=True)):
        if before != after:
            for other in range(len(new)):
                if other != k and new[other] == after:
                    out[other] = before
    return tuple(out)
