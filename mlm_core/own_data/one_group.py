"""One group's rows, and the lines that the three poolings draw through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlm_core.data import Floats
from mlm_core.own_data.designs import Design
from mlm_core.own_data.fits import Fits

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 400
"""Rows of a group, and of the others, that a figure shows."""


def axes_of(made: Design) -> list[str]:
    """Predictors of rows that can be an axis: the quantities."""
    return [name for name in made.rows.columns.x if name in made.rows.numbers]


def group_tables(fits: Fits, group: int, x: str | None) -> dict[str, pd.DataFrame]:
    """The tables ``points`` and ``lines`` of the figure `group_lines`.

    Lines hold where the other predictors of rows are at their mean or reference.

    Parameters
    ----------
    group : int
    x : str or None
        A predictor of `axes_of`; without one the rows stand side by side.
    """
    import pandas as pd

    rows = fits.design.rows
    mine = np.flatnonzero(rows.j == group)
    others = np.flatnonzero(rows.j != group)
    mine, others = (_thinned(k) for k in (mine, others))
    at = rows.numbers[x] if x else _side_by_side(rows.j)
    kept = np.concatenate([others, mine])
    points = pd.DataFrame(
        {"x": at[kept], "y": rows.y[kept], "picked": np.isin(kept, mine, assume_unique=True)}
    )
    ends = np.array([at.min(), at.max()])
    lines = [
        pd.DataFrame({"pooling": name, "x": ends, "y": y})
        for name, y in _heights(fits, group, x, ends).items()
        if np.isfinite(y).all()
    ]
    return {"points": points, "lines": pd.concat(lines, ignore_index=True)}


def _thinned(k: np.ndarray) -> np.ndarray:
    return k[:: -(-max(len(k), 1) // MOST_ROWS)]


def _side_by_side(j: np.ndarray) -> Floats:
    """Places of rows within their group, from 0 to 1."""
    n = np.bincount(j)
    start = np.cumsum(n) - n
    place = np.arange(len(j)) - start[j]
    out: Floats = (place + 0.5) / n[j]
    return out


def _heights(fits: Fits, group: int, x: str | None, ends: Floats) -> dict[str, Floats]:
    """The three lines at the ends."""
    made = fits.design
    X = np.repeat(made.of_groups[[group]], len(ends), 0)
    Z = np.eye(1, fits.sums.q).repeat(len(ends), 0)
    if x is None:
        own = np.full(len(ends), fits.own_height[group])
        pooled = fits.partial.expect(X, Z, group).mean
        return {"complete": X @ fits.complete.coef, "no": own, "partial": pooled}
    k = next(i for i, t in enumerate(made.terms) if t.column == x and t.kind == "row")
    X[:, k] = ends - made.terms[k].zero
    if made.model.within:
        mean = float(made.rows.numbers[x][made.rows.j == group].mean())
        X[:, k] = ends - mean
    for i, term in enumerate(made.terms):
        start = f"{made.terms[k].name} × "
        if term.kind == "product" and term.name.startswith(start):
            X[:, i] = X[:, k] * X[:, made.names.index(term.name[len(start) :])]
    if k in made.varying:
        which = 1 + made.varying.index(k)
        Z[:, which] = X[:, k]
        slope = float(fits.own.coef[group, which])
    else:
        slope = float(fits.own.common[k])
    own = fits.own_height[group] + slope * X[:, k]
    pooled = fits.partial.expect(X, Z, group).mean
    return {"complete": X @ fits.complete.coef, "no": own, "partial": pooled}
