"""Tables of the school-level model: lines that become points, and what pulls the points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlm_core.data import Floats, GroupedData
from mlm_core.records import GroupLines, PartialPooling

if TYPE_CHECKING:
    import pandas as pd

STUDENTS, LINES, POINTS, MODEL = 1, 2, 3, 4
"""Layers of a multilevel model, each added to those before it."""


def two_levels_tables(
    data: GroupedData,
    own: GroupLines,
    fit: PartialPooling,
    layer: int,
    picked: str,
    x_domain: tuple[float, float],
    u_domain: tuple[float, float],
) -> dict[str, pd.DataFrame]:
    """The tables of `two_levels` but for the students, up to a layer.

    Parameters
    ----------
    data : GroupedData
        With x and u.
    own : GroupLines
        Lines without pooling.
    fit : PartialPooling
        With u as a predictor of the intercepts.
    layer : int
        From `STUDENTS` to `MODEL`.
    picked : str
        Label of the school that is marked.
    x_domain, u_domain : (low, high)
        Over which lines are drawn.

    Returns
    -------
    dict
        ``schools``: ``school, n, u, own, alpha, at, low, high, picked, layer``, one row a
        school; ``at`` is the intercept drawn, ``low`` and ``high`` the ends of its line.
        ``model``: ``u, line, low, high``, two rows, or none before the last layer.
        ``headings``: ``students, schools``, one row.
    """
    import pandas as pd

    now = fit.lines if layer >= MODEL else own
    names = data.labels.astype(str)
    schools = pd.DataFrame(
        {
            "school": names,
            "n": data.n,
            "u": data.u,
            "own": own.alpha,
            "alpha": fit.lines.alpha,
            "at": now.alpha,
            "low": now.alpha + now.beta * x_domain[0],
            "high": now.alpha + now.beta * x_domain[1],
            "picked": names == picked,
            "layer": layer,
        }
    )
    u = np.array(u_domain)
    line, sd = fit.hyper.a0 + fit.hyper.b0 * u, fit.hyper.sigma_alpha
    model = pd.DataFrame({"u": u, "line": line, "low": line - sd, "high": line + sd})
    points = f"{data.n_groups} schools" if layer >= POINTS else "schools"
    return {
        "schools": schools,
        "model": model if layer >= MODEL else model[:0],
        "headings": pd.DataFrame(
            {"students": [f"{data.n_students} students"], "schools": [points]}
        ),
    }


def intercepts_tables(
    data: GroupedData,
    own: Floats,
    without: PartialPooling,
    with_u: PartialPooling,
    truth: Floats | None,
    picked: str,
    u_domain: tuple[float, float],
    with_line: bool = True,
) -> dict[str, pd.DataFrame]:
    """The tables of `intercepts`.

    Parameters
    ----------
    data : GroupedData
        With u.
    own : (J,) array
        Intercepts without pooling.
    truth : (J,) array or None
        The true ones; None does not show them.
    without, with_u : PartialPooling
        The same model without and with u as a predictor of the intercepts.
    picked : str
        Label of the school that is marked.
    u_domain : (low, high)
        Over which the models are drawn.
    with_line : bool
        Show the right panel; without, its columns are empty.

    Returns
    -------
    dict
        ``schools``: ``school, n, u, own, mean, line, truth, picked``, one row a school;
        ``mean`` and ``line`` are its intercept when it is pulled to one or to the other.
        ``models``: ``u`` and for each of the two ``mean``, ``mean_low``, ``mean_high``,
        two rows. ``headings``: ``mean, line``, one row.
    """
    import pandas as pd

    names = data.labels.astype(str)
    schools = pd.DataFrame(
        {
            "school": names,
            "n": data.n,
            "u": data.u,
            "own": own,
            "mean": without.lines.alpha,
            "line": with_u.lines.alpha,
            "truth": np.nan if truth is None else truth,
            "picked": names == picked,
        }
    )
    models = pd.DataFrame({"u": np.array(u_domain)})
    for field, fit in zip(("mean", "line"), (without, with_u), strict=True):
        models[field] = fit.hyper.a0 + fit.hyper.b0 * models["u"]
        models[f"{field}_low"] = models[field] - fit.hyper.sigma_alpha
        models[f"{field}_high"] = models[field] + fit.hyper.sigma_alpha
    if not with_line:
        schools["line"] = models[["line", "line_low", "line_high"]] = np.nan
    headings = pd.DataFrame({"mean": ["without u: to one mean"], "line": ["with u: to a line"]})
    return {"schools": schools, "models": models, "headings": headings}
