"""Groups by slope and height: the tables of the figure `lines_plane`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlm_core.data import Floats, Ints
from mlm_core.own_data.fits import Fits, slope_toward, varying_slope

if TYPE_CHECKING:
    import pandas as pd

EDGE = 0.015
"""Part of an axis that is kept free at its ends."""


def plane_tables(fits: Fits, groups: Ints, picked: int, which: int = 1) -> dict[str, pd.DataFrame]:
    """The tables ``schools``, ``complete`` and ``targets``, for one of the varying slopes.

    ``schools`` has ``group, n, own, own_slope, pooled, slope, picked, named``, and in ``own_is,
    slope_is`` what the tooltip says; ``targets`` the places
    that groups are pulled to, ``height, slope, picked``: one where no predictor of groups is.
    """
    import pandas as pd

    own, _, pooled, _ = varying_slope(fits, which)
    schools = pd.DataFrame(
        {
            "group": fits.labels[groups],
            "n": fits.design.rows.n[groups],
            "own": fits.own_height[groups],
            "own_slope": own[groups],
            "pooled": fits.height[groups],
            "slope": pooled[groups],
            "picked": groups == picked,
            "named": _named(fits.height[groups], pooled[groups], groups == picked),
            "own_is": fits.own_height[groups],
            "slope_is": own[groups],
        }
    )
    targets = pd.DataFrame(
        {
            "height": fits.toward[groups].round(12),
            "slope": slope_toward(fits, which)[groups].round(12),
            "picked": groups == picked,
        }
    )
    if len(targets[["height", "slope"]].drop_duplicates()) == 1:
        targets = targets.iloc[:1].assign(picked=True)
    height, slope = complete_line(fits, which)
    complete = pd.DataFrame({"height": [height], "slope": [slope]})
    return {"schools": schools, "complete": complete, "targets": targets}


def _named(height: Floats, slope: Floats, picked: np.ndarray) -> np.ndarray:
    """Which points bear their names: the picked one and the extremes of height and of slope."""
    out = picked.copy()
    for values in (height, slope):
        out[[int(np.argmin(values)), int(np.argmax(values))]] = True
    return out


def inside(
    schools: pd.DataFrame, heights: tuple[float, float], slopes: tuple[float, float]
) -> tuple[pd.DataFrame, list[str]]:
    """Bring own lines that lie outside the axes to their edge, towards the pooled ones.

    Returns the table and the names of the groups that were moved.
    """
    ends = (("own", "pooled", heights), ("own_slope", "slope", slopes))
    share = np.ones(len(schools))
    for own, pooled, (low, high) in ends:
        room = EDGE * (high - low)
        start = schools[pooled].to_numpy(float)
        way = schools[own].to_numpy(float) - start
        for end in (low + room, high - room):
            left = np.divide(end - start, way, out=np.full(len(way), np.inf), where=way != 0)
            share = np.where((left >= 0) & (left < share), left, share)
    moved = share < 1
    out = schools.copy()
    for own, pooled, _ in ends:
        start = schools[pooled].to_numpy(float)
        out[own] = np.where(moved, start + share * (schools[own] - start), schools[own])
    return out, [str(name) for name in schools["group"][moved]]


def complete_line(fits: Fits, which: int = 1) -> tuple[float, float]:
    """Complete pooling at the mean of the groups' predictors: the height of its line, its slope."""
    made = fits.design
    row = made.varying[which - 1]
    mean = made.of_groups.mean(0)
    slope = float(fits.complete.coef[row])
    for k, term in enumerate(made.terms):
        start = f"{made.terms[row].name} × "
        if term.kind == "product" and term.name.startswith(start):
            slope += float(fits.complete.coef[k] * mean[made.names.index(term.name[len(start) :])])
    return float(mean @ np.asarray(fits.complete.coef)), slope
