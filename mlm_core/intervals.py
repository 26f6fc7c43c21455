r"""How sure the data are of the SDs: profile likelihood intervals of the variance components.

A component is fixed, the deviance minimised over all else, and the values are kept at which it
stays within :math:`\chi^2_{1}` of its minimum. To fix an SD, the coefficients are turned so that
it is the first, :math:`\lambda\sigma_y`; what is left has no bounds and a smooth deviance with
known slopes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mlm_core.data import Floats, GroupedData, Ints
from mlm_core.deviance import Parts, parts
from mlm_core.partial import checked_sums, minimum
from mlm_core.records import Method, Slopes
from mlm_core.showing import in_short, record
from mlm_core.wide import WideSums, best_sigma, wide_parts

FAR = 1e5  # an SD so many times the estimate (or sigma_y) is no longer told from infinity
FEW_SCHOOLS = 16  # up to this each minimum is searched from several places
MOST_LOG = 12.0  # of an SD over sigma_y
NAN = float("nan")


class Interval(NamedTuple):
    """From ``low`` to ``high``; 0 and infinity are possible ends."""

    low: float
    high: float


NOT_THERE = Interval(NAN, NAN)


@dataclass(frozen=True, slots=True)
class VarianceIntervals:
    """Intervals of the variance components; of those the model does not have, NaN.

    Attributes
    ----------
    sigma_alpha, sigma_beta, rho, sigma_y : Interval
        On the scale of the data.
    icc : Interval
        Share of the variance between schools, where only intercepts vary.
    """

    sigma_alpha: Interval = NOT_THERE
    sigma_beta: Interval = NOT_THERE
    rho: Interval = NOT_THERE
    sigma_y: Interval = NOT_THERE
    icc: Interval = NOT_THERE

    __repr__ = in_short


class WideIntervals(NamedTuple):
    """Intervals of the SDs (q of them), of their correlations by pair, of sigma_y and the ICC."""

    sd: tuple[Interval, ...]
    corr: dict[tuple[int, int], Interval]
    sigma_y: Interval
    icc: Interval


def variance_intervals(
    data: GroupedData,
    slopes: Slopes = "common",
    group_predictor: bool = False,
    method: Method = "REML",
    level: float = 0.95,
) -> VarianceIntervals:
    r"""Profile likelihood intervals of ``sigma_alpha``, ``sigma_y`` and the rest.

    The values of a component that some setting of all the others makes likely enough:

    .. math:: D(\text{component}) - \min D \le \chi^2_{1,\,\text{level}}

    where D is the deviance, minimised over all else. By ``"ML"`` these are lme4's ``confint``;
    by ``"REML"``, the default, they belong to REML's estimates and are honest with few schools,
    where ML's miss too often.

    Parameters
    ----------
    data : GroupedData
    slopes, group_predictor, method
        As in `fit_partial_pooling`.
    level : float
        Between 0 and 1.

    Returns
    -------
    VarianceIntervals
        Ends may be 0, infinity, or for ``rho`` -1 and 1.

    Raises
    ------
    DataError
        As `fit_partial_pooling`.

    References
    ----------
    Bates et al. (2015), J. Stat. Softw. 67(1), section 5.1.

    Examples
    --------
    >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    >>> round(variance_intervals(data, method="ML").sigma_y.low, 2)
    0.57
    """
    sums = checked_sums(data, slopes, group_predictor, method)
    best = minimum(sums, slopes, method)
    q = 1 if slopes == "common" else 2
    whole = np.array([[best.cov[0], best.cov[1]], [best.cov[1], best.cov[2]]])[:q, :q]
    search = _search(
        lambda sigma: parts(sums, sigma, method),
        sums.free(method),
        whole,
        (sums.n_groups, sums.n_students),
        level,
        slopes == "uncorrelated",
    )
    to_data = np.eye(q)
    if q == 2:
        to_data = np.array([[1.0, -sums.x_mean / sums.x_scale], [0.0, 1.0]])
    units = np.array([1.0, 1 / sums.x_scale])[:q] * sums.y_scale
    found = _intervals(search, to_data, units, sums.y_scale)
    if q == 1:
        return VarianceIntervals(sigma_alpha=found.sd[0], sigma_y=found.sigma_y, icc=found.icc)
    rho = found.corr.get((0, 1), NOT_THERE)
    return VarianceIntervals(found.sd[0], found.sd[1], rho, found.sigma_y)


def wide_intervals(sums: WideSums, method: Method = "REML", level: float = 0.95) -> WideIntervals:
    """As `variance_intervals`, for a model of any width.

    Examples
    --------
    >>> from mlm_core.wide import wide_sums
    >>> y, j = np.array([1.0, 2, 3, 7, 8, 9]), np.array([0, 0, 0, 1, 1, 1])
    >>> sums = wide_sums(y, np.ones((6, 1)), np.ones((6, 1)), j)
    >>> round(wide_intervals(sums, "ML").sigma_y.low, 2)
    0.57
    """
    sigma, _ = best_sigma(sums, method)
    search = _search(
        lambda cov: wide_parts(sums, cov, method),
        sums.free(method),
        sigma,
        (sums.n_groups, sums.n_students),
        level,
    )
    units = np.full(sums.q, sums.y_scale)
    return _intervals(search, sums.to_z, units, sums.y_scale)


Cost = Callable[[Floats], tuple[float, Floats]]


@record
class _Search:
    """The deviance of one data set, its least value, and how high it may be.

    ``at`` gives its parts at a Sigma (q, q); ``m`` are the degrees of freedom; ``sigma`` is the
    best Sigma, ``s2`` the best ``sigma_y**2``; ``scale`` pulls a school of mean size halfway;
    ``diagonal``: coefficients are independent at the data's own zero of x.
    """

    at: Callable[[Floats], Parts]
    m: int
    sigma: Floats
    n_groups: int
    scale: float
    diagonal: bool
    least: float
    s2: float
    ceiling: float


def _search(
    at: Callable[[Floats], Parts],
    m: int,
    sigma: Floats,
    size: tuple[int, int],
    level: float,
    diagonal: bool = False,
) -> _Search:
    """Begin at the best Sigma; ``size`` is the number of schools and of students."""
    from scipy.stats import chi2

    least, s2 = _at_best_sigma_y(at(sigma), m)
    ceiling = least + float(chi2.ppf(level, 1))
    scale = math.sqrt(size[0] / size[1])
    return _Search(at, m, sigma, size[0], scale, diagonal, least, s2, ceiling)


def _at_best_sigma_y(found: Parts, m: int) -> tuple[float, float]:
    """The deviance with sigma_y at its best, and that sigma_y squared."""
    s2 = found.r2 / m
    return found.log + m * (1 + math.log(2 * math.pi * s2)), s2


def _intervals(search: _Search, to_data: Floats, units: Floats, y_unit: float) -> WideIntervals:
    """All intervals; rows of ``to_data`` say what the data's coefficients are made of."""
    q = len(to_data)
    sds = []
    for k in range(q):
        low, high = _sd_ends(search, _turned(search, to_data, [k]))
        sds.append(Interval(low * float(units[k]), high * float(units[k])))
    corr = {}
    for a, b in [] if search.diagonal else itertools.combinations(range(q), 2):
        certain = sds[a].low > 0 and sds[b].low > 0
        rows = _turned(search, to_data, [a, b])
        corr[a, b] = _rho_ends(search, rows) if certain else Interval(-1.0, 1.0)
    low, high = _sigma_y_ends(search, _turned(search, to_data, [0]))
    icc = _icc(search) if q == 1 else NOT_THERE
    return WideIntervals(tuple(sds), corr, Interval(low * y_unit, high * y_unit), icc)


@record
class _Turned:
    """Other coordinates: the wanted coefficients first, then others that go with them best.

    ``rows`` (q, q) make them, ``back`` unmakes them; ``lower`` are the free elements of the
    triangle there, ``start`` their values at the best Sigma, moved off the boundary.
    """

    rows: Floats
    back: Floats
    lower: tuple[Ints, ...]
    start: Floats

    def root(self, free: Floats) -> Floats:
        """(q, q) with ``root root' = Sigma``."""
        triangle = np.zeros_like(self.back)
        triangle[self.lower] = free
        out: Floats = self.back @ triangle
        return out

    def slopes(self, of_sigma: Floats, root: Floats) -> Floats:
        """Of the free elements, from those of Sigma."""
        out: Floats = (2 * self.back.T @ of_sigma @ root)[self.lower]
        return out


def _turned(search: _Search, to_data: Floats, first: list[int]) -> _Turned:
    q = len(to_data)
    left = [k for k in range(q) if k not in first]
    rows = to_data[[*first, *left]]
    if not search.diagonal:
        left = list(range(q))
        for k in first:
            left.remove(max(left, key=lambda other: abs(float(to_data[k][other]))))
        rows = np.array([*to_data[first], *np.eye(q)[left]])
    sigma = rows @ search.sigma @ rows.T + (0.05 * search.scale) ** 2 * np.eye(q)
    root, back = np.asarray(np.linalg.cholesky(sigma)), np.asarray(np.linalg.inv(rows))
    lower = np.diag_indices(q) if search.diagonal else np.tril_indices(q)
    return _Turned(rows, back, lower, root[lower])


# The ends of each component


def _sd_ends(search: _Search, turned: _Turned) -> tuple[float, float]:
    """Of the SD of the first turned coefficient, in units of y_scale."""
    estimate = math.sqrt(search.s2 * float((turned.rows @ search.sigma @ turned.rows.T)[0, 0]))
    unit = search.scale * math.sqrt(search.s2)
    start = turned.start.copy()
    start[0] = math.log(start[0])
    starts = _starts(search, start)

    def height(v: float) -> float:
        best, where = _lowest(_at_sd(search, turned, v), starts)
        starts[0] = where
        return best

    low = 0.0
    if estimate > 1e-6 * unit:
        without = _lowest(_without(search, turned), _starts(search, turned.start[1:]))[0]
        if without > search.ceiling:
            low = _crossing(search, height, estimate, 0.0, without)
    starts = _starts(search, start)
    return low, _far_crossing(search, height, max(estimate, 0.1 * unit))


def _sigma_y_ends(search: _Search, turned: _Turned) -> tuple[float, float]:
    starts = [turned.start, *_starts(search, turned.start)]

    def height(v: float) -> float:
        best, where = _lowest(_at_sigma_y(search, turned, v), starts)
        starts[0] = where
        return best

    estimate = math.sqrt(search.s2)
    near = estimate
    while (there := height(near)) <= search.ceiling:
        near /= 1 + 2 / math.sqrt(search.m)
    low = _crossing(search, height, estimate, near, there)
    return low, _far_crossing(search, height, estimate)


def _rho_ends(search: _Search, turned: _Turned) -> Interval:
    """Of the correlation of the first two turned coefficients; -1 and 1 are possible ends."""
    sigma = turned.rows @ search.sigma @ turned.rows.T
    estimate = float(sigma[0, 1] / math.sqrt(sigma[0, 0] * sigma[1, 1]))
    estimate = min(max(estimate, -1.0), 1.0)
    start = turned.start.copy()
    start[0], start[2] = math.log(start[0]), math.log(math.hypot(start[1], start[2]))
    kept = np.delete(start, 1)
    starts = _starts(search, kept)

    def height(rho: float) -> float:
        best, where = _lowest(_at_rho(search, turned, rho), starts)
        starts[0] = where
        return best

    ends = []
    for extreme in (-1.0, 1.0):
        starts[0] = kept
        there = height(extreme)
        likely = abs(estimate - extreme) < 1e-9 or there <= search.ceiling
        starts[0] = kept
        ends.append(extreme if likely else _crossing(search, height, estimate, extreme, there))
    return Interval(*ends)


def _icc(search: _Search) -> Interval:
    """Of the share of variance between schools: from the ends of the relative SD."""

    def height(t: float) -> float:
        return _at_best_sigma_y(search.at(np.array([[t * t]])), search.m)[0]

    best, none = math.sqrt(float(search.sigma[0, 0])), height(0.0)
    low = 0.0 if none <= search.ceiling else _crossing(search, height, best, 0.0, none)
    high = _far_crossing(search, height, max(best, 0.1 * search.scale))
    return Interval(low**2 / (1 + low**2), 1 / (1 + high**-2) if high > 0 else 0.0)


def _far_crossing(search: _Search, height: Callable[[float], float], inside: float) -> float:
    """The end above; infinity where the deviance never rises enough."""
    near, far, step = inside, inside, 0.3
    while True:
        far = near * (1 + step)
        there = height(far)
        if there > search.ceiling:
            return _crossing(search, height, near, far, there)
        if far > FAR * inside:
            return math.inf
        near, step = far, min(1.5 * step, 4.0)


def _crossing(
    search: _Search, height: Callable[[float], float], inside: float, outside: float, there: float
) -> float:
    """Where the deviance comes up to the ceiling; its root is nearly straight, so few steps do."""
    from scipy.optimize import brentq

    reach = math.sqrt(search.ceiling - search.least)

    def above(v: float) -> float:
        level = there if v == outside else height(v)
        return math.sqrt(max(level - search.least, 0.0)) - reach

    if above(inside) >= 0:
        return inside
    tolerance = 1e-7 * max(abs(inside), abs(outside))
    return float(brentq(above, inside, outside, xtol=tolerance, rtol=1e-9))


# The deviance with a component fixed


def _at_sd(search: _Search, turned: _Turned, v: float) -> Cost:
    """At SD v; ``theta[0]`` is the log of lambda, and ``sigma_y = v / lambda``."""

    def cost(theta: Floats) -> tuple[float, Floats]:
        free = theta.copy()
        free[0] = math.exp(min(max(float(theta[0]), -MOST_LOG), MOST_LOG))
        s2 = (v / float(free[0])) ** 2
        root = turned.root(free)
        found = search.at(root @ root.T)
        slope = turned.slopes(found.log_slope + found.r2_slope / s2, root)
        slope[0] = slope[0] * free[0] - 2 * (search.m - found.r2 / s2)
        return found.log + found.r2 / s2 + search.m * math.log(2 * math.pi * s2), slope

    return cost


def _without(search: _Search, turned: _Turned) -> Cost:
    """With the first SD at 0."""

    def cost(theta: Floats) -> tuple[float, Floats]:
        root = turned.root(np.concatenate([[0.0], theta]))
        found = search.at(root @ root.T)
        best, s2 = _at_best_sigma_y(found, search.m)
        return best, turned.slopes(found.log_slope + found.r2_slope / s2, root)[1:]

    return cost


def _at_sigma_y(search: _Search, turned: _Turned, v: float) -> Cost:
    def cost(theta: Floats) -> tuple[float, Floats]:
        root = turned.root(theta)
        found = search.at(root @ root.T)
        slope = turned.slopes(found.log_slope + found.r2_slope / v**2, root)
        return found.log + found.r2 / v**2 + search.m * math.log(2 * math.pi * v**2), slope

    return cost


def _at_rho(search: _Search, turned: _Turned, rho: float) -> Cost:
    """At a correlation; ``theta[:2]`` are the logs of the two SDs."""
    across, along = rho, math.sqrt(max(1 - rho * rho, 0.0))

    def cost(theta: Floats) -> tuple[float, Floats]:
        a, b = (math.exp(min(max(float(t), -MOST_LOG), MOST_LOG)) for t in theta[:2])
        root = turned.root(np.concatenate([[a, b * across, b * along], theta[2:]]))
        found = search.at(root @ root.T)
        best, s2 = _at_best_sigma_y(found, search.m)
        free = turned.slopes(found.log_slope + found.r2_slope / s2, root)
        of_b = b * (free[1] * across + free[2] * along)
        return best, np.concatenate([[a * free[0], of_b], free[3:]])

    return cost


def _starts(search: _Search, theta: Floats) -> list[Floats]:
    """Where to begin: the last minimum, the best Sigma and, with few schools, elsewhere.

    The last minimum alone may stand on a boundary, where slopes vanish by symmetry.
    """
    if len(theta) < 2:
        return [theta]
    if search.n_groups > FEW_SCHOOLS:
        return [theta, theta]
    return [theta, theta, 0.3 * theta, 2 * theta, theta * np.resize([1.0, -1.0], len(theta))]


def _lowest(cost: Cost, starts: list[Floats]) -> tuple[float, Floats]:
    """The least value and its place, from several starts."""
    if len(starts[0]) == 0:
        return cost(starts[0])[0], starts[0]
    best, where = math.inf, starts[0]
    for start in starts:
        lowest, there = descend(cost, start)
        if lowest < best:
            best, where = lowest, there
    return best, where


def descend(cost: Cost, start: Floats) -> tuple[float, Floats]:
    """Quasi-Newton search (Broyden, Fletcher, Goldfarb, Shanno) with a short first step."""
    from scipy.optimize import minimize

    steepest = float(np.abs(cost(start)[1]).max())
    reach = 0.3 * max(float(np.abs(start).max()), 0.1)
    first = np.eye(len(start)) * min(1.0, reach / (steepest + 1e-300))
    options = {"gtol": 1e-3, "hess_inv0": first}
    found = minimize(cost, start, jac=True, method="BFGS", options=options)
    return float(found.fun), found.x
