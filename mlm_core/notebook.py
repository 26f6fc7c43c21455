"""Figures for a notebook: from a fit to a chart that holds its own tables.

The charts of `mlm_core.charts` name their tables, so that a page can send these alone.
Here chart and tables come together: what a function returns shows itself in Jupyter and
can be saved (``.save("figure.html")``, ``.save("figure.png")``).

>>> import pandas as pd
>>> from mlm_core import GroupedData, fit_partial_pooling, shrinkage_chart
>>> frame = pd.DataFrame({"school": list("aabbcc"), "score": [1.0, 3, 4, 6, 8, 9]})
>>> data = GroupedData.from_frame(frame, y="score", group="school")
>>> fit = fit_partial_pooling(data)
>>> shrinkage_chart(fit).to_dict()["width"]
720
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlm_core.data import DataError, Floats, GroupedData, Ints
from mlm_core.estimates import by_size, handle_grid, likelihood_table, path_table, schools_table
from mlm_core.partial import fit_partial_pooling
from mlm_core.path import pooling_path
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.records import NORMAL_975, PartialPooling
from mlm_core.table import Table, frame

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 720
MOST_ROWS = 60


def shrinkage_chart(
    fit: PartialPooling,
    x: float | None = None,
    *,
    most: int = MOST_ROWS,
    width: int = WIDTH,
    dark: bool = False,
) -> Any:
    r"""Draw how far partial pooling moves each school, and how sure it is.

    Each school's line is shown by its height :math:`\alpha_j + \beta_j x` at one x.

    Parameters
    ----------
    fit : PartialPooling
    x : float, optional
        Where lines are compared; the mean of x without it. A fit without x needs none.
    most : int
        Of more schools every k-th by size is drawn, and the title says so.
    width : int
        Pixels of the figure. Its height follows the number of schools; 400 at least.
    dark : bool
        For a dark ground.

    Returns
    -------
    altair.LayerChart

    See Also
    --------
    pooling_chart : The same with a handle from complete to no pooling.
    """
    from mlm_core.charts.shrinkage import shrinkage

    data, at = fit.data, _height_at(fit.data, x)
    table = shrinkage_table(fit, at, most)
    ends = np.concatenate(
        [table[["own", "partial", "low", "high", "toward", "complete"]].to_numpy()]
    )
    score = data.names.y
    if data.x is not None:
        score += f" at the mean of {data.names.x}" if x is None else f" at {data.names.x} = {x:.4g}"
    if len(table) < data.n_groups:
        score += f" ({len(table)} of {data.n_groups})"
    chart = shrinkage(
        _look(dark),
        domain=_domain(ends),
        rows=len(table),
        score=score,
        group=data.names.group,
        member="rows",
    )
    said = (
        f"{len(table)} rows of {data.names.group}: each one's own estimate of {data.names.y} and, "
        f"nearer to the others, that of partial pooling (SD {fit.hyper.sigma_alpha:.3g})."
    )
    return _whole(chart, said, width, dark, groups=table)


def shrinkage_table(fit: PartialPooling, x: float = 0.0, most: int = MOST_ROWS) -> pd.DataFrame:
    """One row a school, the largest first: what `shrinkage_chart` draws.

    Returns
    -------
    pandas.DataFrame
        ``row, label, n, own, partial, low, high, toward, complete``: heights of the lines at x;
        ``low`` and ``high`` end the 95% interval; ``own`` is NaN where a school has no line of
        its own.
    """
    import pandas as pd

    data, lines, hyper = fit.data, fit.lines, fit.hyper
    own = fit_no_pooling(data, "common" if fit.slopes == "common" else "varying").lines
    complete = fit_complete_pooling(data).lines
    variance = lines.se_alpha**2 + 2 * x * fit.line_cov + (x * lines.se_beta) ** 2
    reach = NORMAL_975 * np.sqrt(np.maximum(variance, 0.0))
    partial = lines.alpha + lines.beta * x
    u = data.u if fit.group_predictor and data.u is not None else np.zeros(data.n_groups)
    table = pd.DataFrame(
        {
            "label": _labels(data),
            "n": data.n,
            "own": own.alpha + own.beta * x,
            "partial": partial,
            "low": partial - reach,
            "high": partial + reach,
            "toward": hyper.a0 + hyper.a1 * x + (hyper.b0 + hyper.b1 * x) * u,
            "complete": complete.alpha + complete.beta * x,
        }
    )
    kept = table.iloc[_some(by_size(data), most)].reset_index(drop=True)
    kept.insert(0, "row", kept.index)
    return kept


def pooling_chart(
    data: GroupedData,
    group_predictor: bool = False,
    *,
    width: int = WIDTH,
    dark: bool = False,
) -> Any:
    """Draw the schools with a handle that drags them from complete to no pooling.

    The figure of the lesson on partial pooling: under it the likelihood of ``sigma_alpha``;
    the handle rests on the estimate.

    Parameters
    ----------
    data : GroupedData
        With at most 60 schools. x is left out: a row shows a mean.
    group_predictor : bool
        Pull the schools to the line on u instead of to one mean.
    width : int
        Pixels of the figure.
    dark : bool
        For a dark ground.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    DataError
        There are more than 60 schools, or the data cannot answer.
    """
    from dataclasses import replace

    from mlm_core.charts.pooling_path import pooling_path as drawn

    if data.n_groups > MOST_ROWS:
        raise DataError(f"{data.n_groups} groups are too many to drag: use shrinkage_chart.")
    data = replace(data, x=None)
    fit = fit_partial_pooling(data, group_predictor=group_predictor)
    sigma = fit.hyper.sigma_alpha
    scale = sigma or fit.sigma_y / 2
    path = pooling_path(data, handle_grid(sigma, scale), group_predictor)
    rest = int(np.flatnonzero(path.sigma_alpha == sigma)[0])
    own = data.group_means(data.y)
    names, unit = data.names, f"units of {data.names.y}"
    tables = {
        "schools": schools_table(data, own, float(data.y.mean())),
        "path": path_table(path, data, rest),
        "likelihood": likelihood_table(path, sigma, rest, scale, unit),
    }
    chart = drawn(
        _look(dark),
        domain=_domain(np.concatenate([own, tables["path"]["alpha"]])),
        rows=data.n_groups,
        scale=scale,
        steps=len(path.sigma_alpha),
        score=f"mean of {names.y}",
        unit=unit,
        group=names.group,
        member="rows",
        number=".4~g",
    )
    said = f"The means of {data.n_groups} {names.group}s between complete and no pooling."
    return _whole(chart, said, width, dark, **tables)


def _height_at(data: GroupedData, x: float | None) -> float:
    """Where lines are compared: the mean of x unless said."""
    if data.x is None:
        return 0.0
    return float(data.x.mean()) if x is None else float(x)


def _labels(data: GroupedData) -> Any:
    """Names of groups with their sizes."""
    return np.array([f"{label} ({n})" for label, n in zip(data.labels, data.n, strict=True)])


def _some(order: Ints, most: int) -> Ints:
    """At most so many, evenly along the order, both ends among them."""
    if len(order) <= most:
        return order
    return order[np.unique(np.linspace(0, len(order) - 1, most).round().astype(np.intp))]


def _domain(values: Floats) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    room = 0.04 * (high - low) or 1.0
    return low - room, high + room


def _look(dark: bool) -> Any:
    from mlm_core.charts.theme import Look

    return Look(dark=dark)


def _whole(chart: Any, said: str, width: int, dark: bool, **tables: Table | pd.DataFrame) -> Any:
    """The chart with its tables, a width, a ground and a text alternative."""
    from mlm_core.charts.theme import with_tables

    paper = _look(dark).palette.paper
    frames = {name: frame(table) for name, table in tables.items()}
    return with_tables(chart, **frames).properties(
        width=width, background=paper, description=said, padding=12
    )
