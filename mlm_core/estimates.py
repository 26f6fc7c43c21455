"""Fits -> tidy tables: the only thing the charts take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import Floats, GroupedData, Ints
from mlm_core.records import PoolingPath
from mlm_core.table import Table, stacked

if TYPE_CHECKING:
    import pandas as pd

STEPS = 121
"""Positions of the handle between complete and no pooling."""

MOST_NAMES = 24
"""Schools of which all names are written; of more, only the ends and the picked one."""

HANDLE_SCALE = 5.0
"""The SD between schools (points) in the middle of the handle."""


def students_table(data: GroupedData) -> pd.DataFrame:
    """One row a student: ``school, y`` and, where there are, ``x, u``."""
    import pandas as pd

    columns: dict[str, object] = {"school": data.labels.astype(str)[data.j]}
    if data.u is not None:
        columns["u"] = data.u[data.j]
    if data.x is not None:
        columns["x"] = data.x
    return pd.DataFrame({**columns, "y": data.y})


def marked_students(data: GroupedData, picked: str, most: int = 600) -> Table:
    """One row a student with ``school, x, y, picked``; x is 0 where there is none.

    Of more than ``most`` students only every second, third, ... is kept, but all of
    the school ``picked``.
    """
    names = data.labels.astype(str)
    own = (names == picked)[data.j]
    every = -(-data.n_students // most)
    kept = np.flatnonzero(own | (np.arange(data.n_students) % every == 0))
    x = 0.0 if data.x is None else data.x[kept]
    columns = {"school": names[data.j[kept]], "x": x, "y": data.y[kept], "picked": own[kept]}
    return Table(columns)


def line_table(
    kind: str,
    names: Sequence[str] | NDArray[Any],
    alpha: Floats,
    beta: Floats,
    x: tuple[float, float],
) -> Table:
    """Two rows a line, its ends over ``x``: ``line, school, kind, x, y``.

    Lines that cannot be estimated are left out.
    """
    known = np.flatnonzero(np.isfinite(alpha) & np.isfinite(beta)).tolist()
    ends = [
        Table(
            {
                "line": [f"{kind} {names[k]}" for k in known],
                "school": [names[k] for k in known],
                "kind": kind,
                "x": at,
                "y": alpha[known] + beta[known] * at,
            }
        )
        for at in x
    ]
    return stacked(ends)


def handle_grid(estimate: float, scale: float = HANDLE_SCALE, steps: int = STEPS) -> Floats:
    r"""Values of sigma_alpha that a handle visits, evenly spaced in :math:`\sigma/(\sigma+s)`.

    From 0 (complete pooling) to infinity (no pooling); the value nearest to the
    estimate is replaced by it, so that the handle can rest on it exactly.

    Parameters
    ----------
    estimate : float
        The estimated ``sigma_alpha`` (units of y).
    scale : float
        The value s in the middle of the handle (units of y).

    Returns
    -------
    (steps,) array

    Examples
    --------
    >>> handle_grid(4.9, steps=5).round(2).tolist()
    [0.0, 1.67, 4.9, 15.0, inf]
    """
    t = np.linspace(0.0, 1.0, steps)
    with np.errstate(divide="ignore"):
        grid = scale * t / (1.0 - t)
    grid[resting_place(estimate, scale, steps)] = estimate
    return grid


def handle_position(sigma_alpha: Floats | float, scale: float = HANDLE_SCALE) -> Floats:
    """Where values of sigma_alpha lie along the handle, from 0 to 1."""
    sigma = np.asarray(sigma_alpha, dtype=float)
    return np.where(
        np.isinf(sigma), 1.0, 1.0 - scale / (np.where(np.isinf(sigma), 1.0, sigma) + scale)
    )


def resting_place(estimate: float, scale: float = HANDLE_SCALE, steps: int = STEPS) -> int:
    """Step at which the handle rests on the estimate; an end only when the estimate is 0."""
    k = round(float(handle_position(estimate, scale)) * (steps - 1))
    return 0 if estimate == 0 else int(np.clip(k, 1, steps - 2))


def schools_table(
    data: GroupedData,
    own: Floats,
    complete: float,
    truth: Floats | None = None,
    picked: str | None = None,
    later: Floats | None = None,
) -> Table:
    """One row a school, the largest first.

    Parameters
    ----------
    data : GroupedData
    own : (J,) array
        Estimates without pooling.
    complete : float
        The estimate of complete pooling, the same for all.
    truth, later : (J,) arrays, optional
        The truth, and next year's means. What is not given lies, unseen, on the own
        estimate, so that it glides from there when it is shown.
    picked : str, optional
        Label of the school that is marked.

    Returns
    -------
    Table
        ``row, school, label, n, own, complete, truth, truth_seen, later, later_seen,
        partial_seen, picked, named``; ``label`` has the name and the number of students;
        ``named`` marks the schools whose names are written where there is no room for all.
    """
    order = by_size(data)
    names = data.labels.astype(str)[order]
    many = len(names) > MOST_NAMES
    ends = [int(np.nanargmin(own[order])), int(np.nanargmax(own[order])), 0, len(names) - 1]
    return Table(
        {
            "row": np.arange(len(names)),
            "school": names,
            "label": [f"{name} ({n})" for name, n in zip(names, data.n[order], strict=True)],
            "n": data.n[order],
            "own": own[order],
            "complete": complete,
            "truth": (own if truth is None else truth)[order],
            "truth_seen": float(truth is not None),
            "later": (own if later is None else later)[order],
            "later_seen": float(later is not None),
            "partial_seen": 1.0,
            "picked": names == picked,
            "named": ~np.full(len(names), many)
            | (names == picked)
            | np.isin(np.arange(len(names)), ends),
        }
    )


def by_size(data: GroupedData) -> Ints:
    """(J,) schools in the order of figures: the largest first."""
    return np.argsort(-data.n, kind="stable")


def path_table(path: PoolingPath, data: GroupedData, rest: int) -> Table:
    """One row a school and step of the handle.

    Returns
    -------
    Table
        ``step, row, alpha, low, high, pulled, resting``. ``row`` is that of
        `schools_table`; ``low`` and ``high`` are a standard error below and above
        ``alpha``; ``pulled`` is 1 for complete pooling and 0 for no pooling; ``resting``
        marks the step ``rest``, at which the handle rests until it is moved.
    """
    order = by_size(data)
    step = np.repeat(np.arange(len(path.sigma_alpha)), len(order))
    alpha, se = path.alpha[:, order].ravel(), path.se_alpha[:, order].ravel()
    return Table(
        {
            "step": step,
            "row": np.tile(np.arange(len(order)), len(path.sigma_alpha)),
            "alpha": alpha,
            "low": alpha - se,
            "high": alpha + se,
            "pulled": 1.0 - path.weight[:, order].ravel(),
            "resting": step == rest,
        }
    )


def likelihood_table(
    path: PoolingPath,
    estimate: float,
    rest: int,
    scale: float = HANDLE_SCALE,
    unit: str = "points",
) -> Table:
    """One row a step: ``step, position, likelihood, caption, a0, estimate, resting``.

    ``likelihood`` is relative to its maximum (0 to 1); ``position`` is the place
    along the handle (0 to 1).
    """
    best = resting_place(estimate, scale)
    captions = [f"{sigma:.1f} {unit}" for sigma in path.sigma_alpha]
    captions[0], captions[-1] = "0: complete pooling", "∞: no pooling"
    captions[best] = f"estimate: {estimate:.1f} {unit}"
    return Table(
        {
            "step": np.arange(len(captions)),
            "position": handle_position(path.sigma_alpha, scale),
            "likelihood": np.exp(path.log_likelihood),
            "caption": captions,
            "a0": path.a0,
            "estimate": np.arange(len(captions)) == best,
            "resting": np.arange(len(captions)) == rest,
        }
    )
