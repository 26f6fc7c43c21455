"""Fits of anybody's data -> the tables of a report: groups, components, coefficients, predictions.

A school's line is reported by its height at the mean of x, where the data are: at
x = 0 it can lie far from every student.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlm_core.clustered import ClusterRobust, cluster_robust
from mlm_core.data import Floats, GroupedData, Ints
from mlm_core.estimates import (
    by_size,
    handle_grid,
    likelihood_table,
    path_table,
    resting_place,
    schools_table,
)
from mlm_core.intervals import Interval, variance_intervals
from mlm_core.partial import fit_partial_pooling
from mlm_core.path import pooling_path
from mlm_core.pooling import fit_no_pooling
from mlm_core.records import (
    GroupLines,
    NoPooling,
    PartialPooling,
    PoolingPath,
    Slopes,
)

if TYPE_CHECKING:
    import pandas as pd

NORMAL = 1.959963984540054
MOST_SHOWN = 50
"""Groups a figure can show with their names."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The three fits of one data set.

    Attributes
    ----------
    data : GroupedData
    complete : ClusterRobust
        The ordinary regression with the coefficients of ``partial.coef_names``.
    no : NoPooling
    partial : PartialPooling
        By REML, with u if the data have it.
    intervals : dict of str to Interval
        95% profile likelihood intervals of the variance components.
    at : float
        The mean of x; 0 without x.
    own, own_se, pooled, pooled_se : (J,) arrays
        Heights of the groups' lines at the mean of x and their standard errors, without
        and with partial pooling; NaN where a group has no line of its own.
    toward : (J,) array
        What a group is pulled to: ``a0 + b0 u_j`` at the mean of x.
    """

    data: GroupedData
    complete: ClusterRobust
    no: NoPooling
    partial: PartialPooling
    intervals: dict[str, Interval]
    at: float
    own: Floats
    own_se: Floats
    pooled: Floats
    pooled_se: Floats
    toward: Floats


def report(data: GroupedData, slopes: Slopes = "common") -> Report:
    """Fit all three to the data.

    Raises
    ------
    DataError
        As the fits.

    Examples
    --------
    >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    >>> report(data).pooled.round(2).tolist()
    [2.06, 7.94]
    """
    with_u = data.u is not None
    partial = fit_partial_pooling(data, slopes, with_u)
    no = fit_no_pooling(data, "varying" if slopes == "varying" else "common")
    at = 0.0 if data.x is None else float(data.x.mean())
    hyper, u = partial.hyper, np.zeros(data.n_groups) if data.u is None else data.u
    slope = hyper.a1 + hyper.b1 * u
    return Report(
        data=data,
        complete=_complete(data, partial),
        no=no,
        partial=partial,
        intervals=variance_intervals(data, slopes, with_u),
        at=at,
        own=no.lines.alpha + at * no.lines.beta,
        own_se=_own_se(data, no, at, slopes),
        pooled=partial.lines.alpha + at * partial.lines.beta,
        pooled_se=_height_se(partial.lines, partial.line_cov, at),
        toward=hyper.a0 + hyper.b0 * u + at * slope,
    )


def _complete(data: GroupedData, partial: PartialPooling) -> ClusterRobust:
    """The same coefficients by an ordinary regression of all students."""
    x = np.zeros(data.n_students) if data.x is None else data.x
    u = np.zeros(data.n_students) if data.u is None else data.u[data.j]
    of = {"a0": np.ones(data.n_students), "b0": u, "a1": x, "b1": u * x}
    return cluster_robust(data.y, np.column_stack([of[k] for k in partial.coef_names]), data.j)


def _height_se(lines: GroupLines, covariance: Floats, at: float) -> Floats:
    variance = lines.se_alpha**2 + 2 * at * covariance + (at * lines.se_beta) ** 2
    out: Floats = np.sqrt(np.maximum(variance, 0.0))
    return out


def _own_se(data: GroupedData, no: NoPooling, at: float, slopes: Slopes) -> Floats:
    """Of the height at ``at``: of the mean of the group, and of a slope that is not known."""
    away = np.zeros(data.n_groups) if data.x is None else data.group_means(data.x) - at
    out: Floats = np.sqrt(no.sigma_y**2 / data.n + (away * no.lines.se_beta) ** 2)
    return out


def complete_line(found: Report) -> tuple[float, float]:
    """Complete pooling at the means of x and u: the height of its line and its slope."""
    u = 0.0 if found.data.u is None else float(found.data.u.mean())
    coef = dict(zip(found.partial.coef_names, found.complete.coef.tolist(), strict=True))
    slope = coef.get("a1", 0.0) + coef.get("b1", 0.0) * u
    return coef["a0"] + coef.get("b0", 0.0) * u + slope * found.at, slope


def shown_groups(data: GroupedData, picked: int, most: int = MOST_SHOWN) -> Ints:
    """Groups that a figure shows: all, or a sample evenly over the sizes and the picked one.

    Examples
    --------
    >>> data = GroupedData([1.0, 2, 3, 4, 5], None, [0, 0, 1, 2, 2], None, ["a", "b", "c"])
    >>> shown_groups(data, picked=1, most=2).tolist()
    [0, 1]
    """
    if data.n_groups <= most:
        return np.arange(data.n_groups)
    order = by_size(data)
    kept = order[np.linspace(0, data.n_groups - 1, most).round().astype(int)]
    if picked not in kept:
        place = int(np.flatnonzero(order == picked)[0])
        nearest = round(place * (most - 1) / (data.n_groups - 1))
        kept[min(max(nearest, 1), most - 2) if most > 2 else most - 1] = picked
    out: Ints = np.sort(kept)
    return out


def only_groups(data: GroupedData, groups: Ints) -> GroupedData:
    """The students of some of the schools."""
    place = np.full(data.n_groups, -1)
    place[groups] = np.arange(len(groups))
    kept = place[data.j] >= 0
    return GroupedData(
        data.y[kept],
        None if data.x is None else data.x[kept],
        place[data.j[kept]],
        None if data.u is None else data.u[groups],
        data.labels[groups],
    )


def handle_scale(found: Report) -> float:
    """An SD for the middle of the handle: near the estimate, or part of sigma_y; 1, 2 or 5."""
    wanted = found.partial.hyper.sigma_alpha or 0.3 * found.partial.sigma_y
    power = 10.0 ** math.floor(math.log10(wanted))
    return float(min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(math.log(s / wanted))))


def glide(found: Report) -> PoolingPath:
    """Partial pooling along the handle; ``alpha`` are heights at the mean of x."""
    grid = handle_grid(found.partial.hyper.sigma_alpha, handle_scale(found))
    path = pooling_path(found.data, grid, found.data.u is not None)
    return replace(path, alpha=path.alpha + found.at * path.a1[:, None])


def path_tables(
    found: Report, path: PoolingPath, groups: Ints, picked: int, digits: int, unit: str
) -> dict[str, pd.DataFrame]:
    """The tables of the figure `pooling_path`, for some of the groups.

    Parameters
    ----------
    path : PoolingPath
        Of `glide`.
    groups : int array
        Of `shown_groups`.
    picked : int
        The group that is marked.
    digits : int
        Decimals in captions.
    unit : str
        Of the outcome.
    """
    data, scale = only_groups(found.data, groups), handle_scale(found)
    estimate = found.partial.hyper.sigma_alpha
    rest = resting_place(estimate, scale)
    label = str(found.data.labels[picked])
    schools = schools_table(data, found.own[groups], 0.0, picked=label)
    schools["complete"] = path.alpha[0, groups][by_size(data)]
    likelihood = likelihood_table(path, estimate, rest, scale, unit)
    captions = [f"{sigma:.{digits}f} {unit}" for sigma in path.sigma_alpha]
    captions[0], captions[-1] = "0: complete pooling", "∞: no pooling"
    captions[rest] = f"estimate: {estimate:.{digits}f} {unit}"
    likelihood["caption"] = captions
    some = replace(path, alpha=path.alpha[:, groups], weight=path.weight[:, groups])
    return {"schools": schools, "path": path_table(some, data, rest), "likelihood": likelihood}


def domain(found: Report, groups: Ints, slopes: bool = False) -> tuple[float, float]:
    """Low and high end of an axis that has all estimates of the groups on it.

    Slopes that students hardly identify can lie anywhere: the axis of slopes goes
    three times as far from the middle as partial pooling and most own slopes do.
    """
    if slopes:
        own, pooled = found.no.lines.beta[groups], found.partial.lines.beta[groups]
        middle, reach = float(np.median(pooled)), float(np.ptp(pooled))
        usual = own[np.isfinite(own)]
        if usual.size:
            reach = max(reach, 3 * float(np.median(np.abs(usual - middle))))
        own = usual[np.abs(usual - middle) <= reach]
        values = np.concatenate([own, pooled])
    else:
        values = np.concatenate([found.own[groups], found.pooled[groups], found.toward[groups]])
    values = np.append(
        values[np.isfinite(values)],
        complete_line(found)[slopes],
    )
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 0.1 * abs(low) or 1.0
    step = 10.0 ** math.floor(math.log10(margin))
    return math.floor((low - margin) / step) * step, math.ceil((high + margin) / step) * step


def plane_tables(found: Report, groups: Ints, picked: int) -> dict[str, pd.DataFrame]:
    """The tables of the figure `lines_plane`: ``schools`` and ``complete``."""
    import pandas as pd

    schools = groups_table(found).iloc[groups].reset_index(drop=True)
    schools["picked"] = groups == picked
    height, slope = complete_line(found)
    complete = pd.DataFrame({"height": [height], "slope": [slope]})
    return {"schools": schools, "complete": complete}


def groups_table(found: Report) -> pd.DataFrame:
    """One row a group: its estimates at the mean of x, without and with partial pooling.

    Columns ``group, n, own, own_se, pooled, pooled_se, low, high, toward`` and, where
    slopes vary, ``own_slope, own_slope_se, slope, slope_se``; where they do not, ``pulled``,
    the share of the way that a group is pulled.
    """
    import pandas as pd

    data, fit = found.data, found.partial
    columns = {
        "group": data.labels.astype(str),
        "n": data.n,
        "own": found.own,
        "own_se": found.own_se,
        "pooled": found.pooled,
        "pooled_se": found.pooled_se,
        "low": found.pooled - NORMAL * found.pooled_se,
        "high": found.pooled + NORMAL * found.pooled_se,
        "toward": found.toward,
    }
    if fit.slopes == "common":
        variance = fit.hyper.sigma_alpha**2
        columns["pulled"] = 1 - data.n * variance / (data.n * variance + fit.sigma_y**2)
    else:
        own, pooled = found.no.lines, fit.lines
        columns |= {"own_slope": own.beta, "own_slope_se": own.se_beta}
        columns |= {"slope": pooled.beta, "slope_se": pooled.se_beta}
    return pd.DataFrame(columns)


class Prediction(NamedTuple):
    """A predicted outcome with its 95% interval."""

    mean: float
    low: float
    high: float


def predict_known(found: Report, group: int) -> Prediction:
    """The next student, at the mean of x, in a group of the data."""
    sd = math.hypot(float(found.pooled_se[group]), found.partial.sigma_y)
    return _around(float(found.pooled[group]), sd)


def predict_new(found: Report) -> Prediction:
    """A student, at the mean of x, in a new group with the mean of u."""
    fit, x = found.partial, found.at
    hyper, u = fit.hyper, 0.0 if found.data.u is None else float(found.data.u.mean())
    of = {"a0": 1.0, "b0": u, "a1": x, "b1": u * x}
    row = np.array([of[name] for name in fit.coef_names])
    mean = hyper.a0 + hyper.b0 * u + x * (hyper.a1 + hyper.b1 * u)
    rho = hyper.rho if math.isfinite(hyper.rho) else 0.0
    between = hyper.sigma_alpha**2 + 2 * x * rho * hyper.sigma_alpha * hyper.sigma_beta
    between += (x * hyper.sigma_beta) ** 2
    return _around(mean, math.sqrt(float(row @ fit.coef_cov @ row) + between + fit.sigma_y**2))


def _around(mean: float, sd: float) -> Prediction:
    return Prediction(mean, mean - NORMAL * sd, mean + NORMAL * sd)


def decimals(scale: float, significant: int = 3) -> int:
    """Decimals that show a quantity of this size to some significant digits.

    >>> decimals(12.3), decimals(0.05), decimals(5000)
    (1, 4, 0)
    """
    if not (math.isfinite(scale) and scale > 0):
        return 1
    return int(np.clip(significant - 1 - math.floor(math.log10(scale)), 0, 12))
