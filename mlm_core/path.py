"""Partial pooling at every value of sigma_alpha, from complete pooling to no pooling."""

from __future__ import annotations

import math

import numpy as np

from mlm_core.data import Floats, GroupedData, frozen
from mlm_core.deviance import Intercepts, SchoolSums, intercepts
from mlm_core.partial import checked_sums, coefficients, minimum
from mlm_core.records import Method, PartialPooling, PoolingPath

INFINITE = 1e8  # sigma_alpha in SDs of y: the schools tell each other nothing
MOST_STEPS = 60
WIDE = math.log(10)  # a range of log sigma_y**2 in which the deviance may have two minima
VALLEY = 0.25  # and how far apart it is then looked at


def pooling_path(
    data: GroupedData,
    sigma_alpha: Floats,
    group_predictor: bool = False,
    method: Method = "REML",
    *,
    fit: PartialPooling | None = None,
) -> PoolingPath:
    r"""Varying intercepts at given values of ``sigma_alpha``, all else estimated anew.

    .. math::

        \alpha_j \approx w_j \bar y_j + (1 - w_j)(a_0 + b_0 u_j), \qquad
        w_j = \frac{n_j/\sigma_y^2}{n_j/\sigma_y^2 + 1/\sigma_\alpha^2}

    (without x; with x, of the school's mean what is left after the slope.) At 0 this
    is complete pooling, the ordinary regression of y on x (and u); at infinity, no
    pooling with a common slope.

    Parameters
    ----------
    data : GroupedData
        n students in J schools.
    sigma_alpha : (K,) array
        Values from 0 to infinity, both allowed (units of y).
    group_predictor : bool
        Pull the schools to the line on ``u`` instead of to one mean.
    method : {"REML", "ML"}
    fit : PartialPooling, optional
        Of the same data and model, where it is at hand: the best likelihood is not sought again.

    Returns
    -------
    PoolingPath
        ``log_likelihood`` is 0 at the estimate of ``sigma_alpha`` (which need not be
        among the values), finite at 0, and minus infinity at infinity: no data can
        come from schools that differ without limit.

    Raises
    ------
    DataError
        As `fit_partial_pooling`.
    ValueError
        A value of ``sigma_alpha`` is negative or not a number.

    References
    ----------
    Gelman & Hill (2007), section 12.2 and equation 12.1.

    Examples
    --------
    >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    >>> pooling_path(data, [0, 4.0, np.inf]).alpha[:, 0].round(2).tolist()
    [5.0, 2.06, 2.0]
    """
    given = np.atleast_1d(np.asarray(sigma_alpha, dtype=np.float64))
    if given.ndim != 1 or not (given >= 0).all():
        raise ValueError("sigma_alpha holds SDs: give numbers from 0 to infinity.")
    sums = checked_sums(data, "common", group_predictor, method)
    tau2 = np.minimum(given / sums.y_scale, INFINITE) ** 2
    sigma2 = _sigma2(sums, tau2, method)
    s = tau2 / sigma2
    at = intercepts(sums, s, method)
    best = minimum(sums, "common", method).at.criterion if fit is None else fit.criterion
    sigma = np.sqrt(sigma2)
    coef, _ = coefficients(sums, at, sigma)
    found = dict(zip(sums.names, coef.T, strict=True))
    none = np.zeros(len(given))
    alpha, se_alpha = _schools(sums, s, at, sigma)
    log_likelihood = -0.5 * (_deviance(sums, at, sigma2, method) - best)
    pulled = s[:, None] * sums.g[0]
    return PoolingPath(
        sigma_alpha=frozen(given),
        log_likelihood=frozen(np.where(np.isinf(given), -np.inf, log_likelihood)),
        alpha=frozen(alpha),
        se_alpha=frozen(se_alpha),
        a0=frozen(found["a0"]),
        b0=frozen(found.get("b0", none)),
        a1=frozen(found.get("a1", none)),
        sigma_y=frozen(sigma * sums.y_scale),
        weight=frozen(pulled / (1 + pulled)),
    )


def _schools(sums: SchoolSums, s: Floats, at: Intercepts, sigma: Floats) -> tuple[Floats, Floats]:
    """As `school_lines` where intercepts vary alone: ``alpha`` and its standard error (K, J)."""
    at_zero, slope = sums.columns
    here = at_zero - sums.x_mean / sums.x_scale * slope  # the columns where x is 0
    p = len(sums.names)
    moved = s[:, None, None] * (at.root @ at.means) * at.told[:, None]
    alpha = (sums.first + at.coef) @ here[:p] + np.sqrt(at.r2)[:, None] * moved[:, p]
    off = (at.root @ here - moved)[:, :p]
    variance = s[:, None] / (1 + s[:, None] * sums.g[0]) + (off * off).sum(1)
    unit = (sigma * sums.y_scale)[:, None]
    return sums.y_mean + sums.y_scale * alpha, unit * np.sqrt(variance)


def _deviance(sums: SchoolSums, at: Intercepts, sigma2: Floats, method: Method) -> Floats:
    """Minus twice the log likelihood at a given ``sigma_y``, from that at the best one."""
    m = sums.free(method)
    ratio = at.r2 / (m * sigma2)
    out: Floats = at.criterion + m * (ratio - 1 - np.log(ratio))
    return out


def _sigma2(sums: SchoolSums, tau2: Floats, method: Method) -> Floats:
    r"""The best ``sigma_y**2`` (K,) at each ``sigma_alpha**2``, both in units of ``y_scale**2``.

    Newton's method for :math:`\log\sigma_y^2`, with bisection where it leaves the interval
    that must hold the answer, or where the deviance is not hollow. Where schools differ many
    times as much as students, and more than ``sigma_alpha`` lets them, it can have two minima:
    one takes the schools as far apart, one the students. Then the deeper valley is searched.
    """
    reml = method == "REML"
    m = sums.free(method)
    ends = intercepts(sums, np.array([INFINITE**2, 0.0]), method).r2
    between = sums.n_groups - reml * len(sums.names)
    least, most = math.log(ends[0] / m), math.log(ends[1] / max(m - between - 1, 1))
    low, high = np.full(len(tau2), least), np.full(len(tau2), most)
    log_s2: Floats = np.full(len(tau2), math.log(ends[0] / max(m - between, 1)))
    if most - least > WIDE:
        low, log_s2, high = _valley(sums, tau2, least, most, method)
    for _ in range(MOST_STEPS):
        sigma2 = np.exp(log_s2)
        first, second = _slopes(sums, tau2, sigma2, method)
        high = np.where(first > 0, log_s2, high)
        low = np.where(first > 0, low, log_s2)
        step = -first / np.where(second > 0, second, np.inf)
        new = log_s2 + step
        newton = ((new >= low) & (new <= high)) | (np.abs(step) < 1e-10)
        newton &= second > 0
        log_s2 = np.where(newton, new, (low + high) / 2)
        if np.all(newton & (np.abs(step) < 1e-6)):
            break
    out: Floats = np.exp(log_s2)
    return out


def _valley(
    sums: SchoolSums, tau2: Floats, least: float, most: float, method: Method
) -> tuple[Floats, Floats, Floats]:
    """The lowest of some places (K,) in ``log(sigma_y**2)``, between its two neighbours."""
    places = np.linspace(least, most, math.ceil((most - least) / VALLEY) + 1)
    sigma2 = np.exp(places)[:, None] * np.ones(len(tau2))
    heights = [_deviance(sums, intercepts(sums, tau2 / s2, method), s2, method) for s2 in sigma2]
    k = np.argmin(heights, axis=0)
    return places[np.maximum(k - 1, 0)], places[k], places[np.minimum(k + 1, len(places) - 1)]


def _slopes(
    sums: SchoolSums, tau2: Floats, sigma2: Floats, method: Method
) -> tuple[Floats, Floats]:
    r"""First and second derivative (K,) of the deviance in :math:`\log\sigma_y^2`.

    With :math:`s = \sigma_\alpha^2/\sigma_y^2` the first is
    :math:`m - r^2/\sigma_y^2 - s S_{11}`; S as in `derivatives`, of which this is the part
    that varying intercepts need.
    """
    reml = method == "REML"
    s = tau2 / sigma2
    at = intercepts(sums, s, method)
    fit = at.r2 / sigma2
    q, f, qf = at.told.sum(-1), at.crossed(2), at.crossed(3)
    error = fit * f[:, -1, -1]
    ff, qff = error, fit * qf[:, -1, -1]
    taken = 2 * (f[:, -1, :-1] ** 2).sum(-1) * fit
    if reml:
        ff = ff + np.trace(f[:, :-1, :-1], axis1=1, axis2=2)
        qff = qff + np.trace(qf[:, :-1, :-1], axis1=1, axis2=2)
        taken = taken + (f[:, :-1, :-1] ** 2).sum((-2, -1))
    slope = s * (q - ff)
    bend = s**2 * (2 * qff - (at.told**2).sum(-1) - taken)
    return sums.free(method) - fit - slope, fit - 2 * s * error + slope + bend
