"""League tables: who stands at the ends, and how often small schools do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlm_core.data import Floats, GroupedData
from mlm_core.replication import Replications

if TYPE_CHECKING:
    import pandas as pd


def smaller_half(n: Any) -> np.ndarray:
    """(J,) bool: schools smaller than the median size; none when all are equal.

    Examples
    --------
    >>> smaller_half([3, 10, 20, 50]).tolist()
    [True, True, False, False]
    """
    size = np.asarray(n)
    out: np.ndarray = size < np.median(size)
    return out


def ends(n_groups: int, places: int = 5) -> int:
    """How many places each end of a league table shows: at most a third of the schools."""
    return max(1, min(places, n_groups // 3))


def league_table(
    data: GroupedData, values: Mapping[str, Floats], places: int = 5, picked: str | None = None
) -> pd.DataFrame:
    """The first and the last schools by several estimates.

    Parameters
    ----------
    data : GroupedData
    values : mapping of str to (J,) array
        Estimates by name: each becomes a column of the league table.
    places : int
        Rows at each end.
    picked : str, optional

    Returns
    -------
    pandas.DataFrame
        ``table, row, place, school, label, n, value, small, picked``; ``row`` counts from
        0, with one row left free between the two ends.
    """
    import pandas as pd

    shown = ends(data.n_groups, places)
    small, names = smaller_half(data.n), data.labels.astype(str)
    rows = []
    for table, value in values.items():
        order = np.argsort(-value, kind="stable")
        level = bool(np.ptp(value) < 1e-9)
        for row, place in enumerate([*range(shown), *range(data.n_groups - shown, data.n_groups)]):
            j = order[place]
            rows.append(
                {
                    "table": table,
                    "row": row + (row >= shown),
                    "place": place + 1,
                    "school": names[j],
                    "label": _label(place, f"{names[j]} ({data.n[j]})", level),
                    "n": int(data.n[j]),
                    "value": float(value[j]),
                    "small": bool(small[j]) and not level,
                    "picked": names[j] == picked and not level,
                }
            )
    return pd.DataFrame(rows)


def _label(place: int, school: str, level: bool) -> str:
    """A place in the table; where all schools are level there are none."""
    if level:
        return "all level" if place == 0 else ""
    return f"{place + 1}. {school}"


def small_at_the_ends(made: Replications, places: int = 5) -> dict[str, float]:
    """Mean share of schools of the smaller half among the first and the last.

    Parameters
    ----------
    made : Replications
        With its errors kept.

    Returns
    -------
    dict
        ``no``, ``partial`` and ``truth``: shares from 0 to 1; in a world whose schools
        are all level, the share among all schools.
    """
    truth, no, partial = made.truth, made.no_pooling.errors, made.partial_pooling.errors
    if truth is None or no is None or partial is None:
        raise ValueError("The replications were made without keeping their errors.")
    small, shown = smaller_half(made.n), ends(len(made.n), places)

    def share(values: Floats) -> float:
        order = np.argsort(values, axis=1)
        at_ends = np.concatenate([order[:, :shown], order[:, -shown:]], axis=1)
        level = np.ptp(values, axis=1) < 1e-9  # no order: any school may stand anywhere
        return float(np.where(level, small.mean(), small[at_ends].mean(axis=1)).mean())

    return {"no": share(truth + no), "partial": share(truth + partial), "truth": share(truth)}


def funnel_table(mu: float, sigma_alpha: float, sigma_y: float, largest: float) -> pd.DataFrame:
    r"""Limits between which 95% of school means are expected, by school size.

    .. math:: \mu \pm 1.96 \sqrt{\sigma_\alpha^2 + \sigma_y^2 / n}

    Returns
    -------
    pandas.DataFrame
        ``n, low, high``, from 1 student to ``largest``.

    References
    ----------
    Spiegelhalter (2005), Statistics in Medicine 24, 1185-1202.
    """
    import pandas as pd

    n = np.geomspace(1, largest, 60)
    reach = 1.959963984540054 * np.sqrt(sigma_alpha**2 + sigma_y**2 / n)
    return pd.DataFrame({"n": n, "low": mu - reach, "high": mu + reach})
