"""How sure the data are of the SDs: profile likelihood intervals of the variance components."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import Floats, GroupedData
from mlm_core.deviance import SchoolSums, covariance_form, profile, relative_covariance
from mlm_core.partial import checked_sums, minimum
from mlm_core.records import Method, Slopes

FAR = 1e6  # sigma_alpha / sigma_y no data need to look beyond
FEW_SCHOOLS = 100  # beyond this what is likely is near enough to an ellipsoid
GROWTH, DRAWS = 8, 300


class Interval(NamedTuple):
    """From ``low`` to ``high``; 0 and infinity are possible ends."""

    low: float
    high: float


def variance_intervals(
    data: GroupedData,
    slopes: Slopes = "common",
    group_predictor: bool = False,
    method: Method = "ML",
    level: float = 0.95,
) -> dict[str, Interval]:
    r"""Profile likelihood intervals of ``sigma_alpha``, ``sigma_y`` and the rest.

    The values of a component that some setting of all the others makes likely enough:

    .. math:: D(\text{component}) - \min D \le \chi^2_{1,\,\text{level}}

    where D is the deviance, minimised over all else. As lme4's ``confint``, it is by
    default that of maximum likelihood, also beside estimates by REML. With
    :math:`\Sigma` relative to :math:`\sigma_y^2` fixed, the likely values of
    :math:`\sigma_y` have a closed form, so that only Sigma is searched.

    Parameters
    ----------
    data : GroupedData
    slopes, group_predictor, method
        As in `fit_partial_pooling`.
    level : float
        Between 0 and 1.

    Returns
    -------
    dict of str to Interval
        ``sigma_alpha, sigma_y`` and ``icc`` (with common slopes) or ``sigma_beta`` and
        ``rho`` (with slopes that vary and are correlated), on the scale of the data.

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
    >>> round(variance_intervals(data)["sigma_y"].low, 2)
    0.57
    """
    from scipy.stats import chi2

    sums = checked_sums(data, slopes, group_predictor, method)
    allowance = float(chi2.ppf(level, 1))
    best = minimum(sums, slopes, method)
    if slopes == "common":
        return _one_sd(sums, method, float(best.theta[0]), float(best.at.criterion) + allowance)
    return _searched(sums, slopes, method, best.theta, float(best.at.criterion) + allowance)


def _one_sd(sums: SchoolSums, method: Method, theta: float, ceiling: float) -> dict[str, Interval]:
    """With one SD between schools: theta from end to end, sigma_y in closed form at each."""
    low, high = _ends(sums, method, theta, ceiling)
    theta = min(max(theta, low), high)

    def reach(t: Floats) -> tuple[Floats, Floats]:
        """Smallest and largest likely sigma_y at each theta."""
        t = t[..., None]
        return _likely_sigma_y(sums, t, covariance_form("common"), method, ceiling)[:2]

    def extreme(value: Callable[[Floats], Floats]) -> float:
        """Least value over theta: a grid, made finer three times around the best."""
        a, b = low, high
        found = math.inf
        for _ in range(4):
            grid = np.linspace(a, b, 41)
            values = value(grid)
            k = int(np.argmin(values))
            found = min(found, float(values[k]))
            a, b = grid[max(k - 1, 0)], grid[min(k + 1, 40)]
        return found

    unit = sums.y_scale
    return {
        "sigma_alpha": Interval(
            unit * extreme(lambda t: t * reach(t)[0]),
            -unit * extreme(lambda t: -t * reach(t)[1]),
        ),
        "sigma_y": Interval(
            unit * extreme(lambda t: reach(t)[0]), -unit * extreme(lambda t: -reach(t)[1])
        ),
        "icc": Interval(low**2 / (1 + low**2), high**2 / (1 + high**2)),
    }


def _ends(sums: SchoolSums, method: Method, theta: float, ceiling: float) -> tuple[float, float]:
    """The two values of theta at which the criterion comes up to the ceiling."""
    from scipy.optimize import brentq

    form = covariance_form("common")

    def above(t: float) -> float:
        cov = relative_covariance(np.array([t]), form)
        return float(profile(sums, cov, method).criterion) - ceiling

    low = 0.0 if above(0.0) <= 0 else float(brentq(above, 0.0, theta, xtol=1e-12))
    far = max(2 * theta, 0.1)
    while above(far) < 0 and far < FAR:
        far *= 3
    return low, (float(brentq(above, theta, far, xtol=1e-12)) if far < FAR else FAR)


def _likely_sigma_y(
    sums: SchoolSums, theta: Floats, form: Floats, method: Method, ceiling: float
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    r"""Ends of the values of sigma_y (units of ``y_scale``) with a deviance under the ceiling.

    At given theta the deviance is :math:`D(\theta) + m(r - 1 - \log r)` with
    :math:`r = \hat\sigma_y^2/\sigma_y^2`. Also whether ``D(theta)`` itself is under the ceiling.
    """
    from scipy.special import lambertw

    at = profile(sums, relative_covariance(theta, form), method)
    m = sums.n_students - (method == "REML") * len(sums.names)
    left = np.maximum(ceiling - at.criterion, 0.0) / m
    argument = -np.exp(-1 - left)
    smallest = np.sqrt(at.r2 / m / np.fmax(-lambertw(argument, -1).real, 1.0))
    largest = np.sqrt(at.r2 / m / np.fmin(-lambertw(argument, 0).real, 1.0))
    return smallest, largest, at.criterion <= ceiling


def _searched(
    sums: SchoolSums, slopes: Slopes, method: Method, theta: Floats, ceiling: float
) -> dict[str, Interval]:
    """With slopes that vary: theta searched for the least and the greatest of each component."""
    k = sums.x_mean / sums.x_scale
    form = covariance_form(slopes, -k)

    def likely(t: Floats) -> tuple[NDArray[np.bool_], dict[str, tuple[Floats, Floats]]]:
        """Which of thetas (K, .) are under the ceiling, and the range of each component there."""
        low, high, under = _likely_sigma_y(sums, t, form, method, ceiling)
        alpha, beta, _ = _relative(t, slopes, k)
        of = {"sigma_alpha": (alpha * low, alpha * high), "sigma_beta": (beta * low, beta * high)}
        return under, {**of, "sigma_y": (low, high)}

    cloud = _cloud(lambda t: likely(t)[0], theta, GROWTH if sums.n_groups <= FEW_SCHOOLS else 0)
    reach = np.std(cloud, axis=0) if len(cloud) > 9 else 0.1 * np.abs(theta).max() + 0.003
    around = np.vstack([np.zeros(len(theta)), np.eye(len(theta)) * 0.5 * reach])
    found = likely(cloud)[1]

    def end(name: str, which: int) -> float:
        sign = (1, -1)[which]

        def cost(t: Floats) -> float:
            under, ranges = likely(t[None])
            return sign * float(ranges[name][which][0]) if under[0] else math.inf

        start = cloud[np.argmin(sign * found[name][which])]
        return sign * cost(_lowest(cost, start, around))

    units = {"sigma_alpha": sums.y_scale, "sigma_beta": sums.y_scale / sums.x_scale}
    units |= {"sigma_y": sums.y_scale}
    out = {name: Interval(unit * end(name, 0), unit * end(name, 1)) for name, unit in units.items()}
    if slopes == "varying":
        alpha, beta, rho = (float(value[0]) for value in _relative(theta[None], slopes, k))
        open_ended = any(end.low <= 1e-3 * end.high for end in out.values()) or alpha * beta == 0
        out["rho"] = (
            Interval(-1.0, 1.0)
            if open_ended
            else Interval(
                *(_rho_end(sums, method, (alpha, beta, rho), ceiling, e) for e in (-1.0, 1.0))
            )
        )
    return out


def _rho_end(
    sums: SchoolSums,
    method: Method,
    best: tuple[float, float, float],
    ceiling: float,
    extreme: float,
) -> float:
    """Where, from the best rho towards -1 or 1, the deviance comes up to the ceiling."""
    from scipy.optimize import brentq, minimize

    k = sums.x_mean / sums.x_scale
    start = np.log(best[:2])

    def above(rho: float) -> float:
        def deviance(logs: Floats) -> float:
            a, b = np.exp(logs)
            s12 = rho * a * b + k * b * b
            cov = [a * a + 2 * k * s12 - (k * b) ** 2, s12, b * b, (a * b) ** 2 * (1 - rho**2)]
            return float(profile(sums, np.array(cov), method).criterion)

        simplex = start + np.array([[0, 0], [0.15, 0], [0, 0.15]])
        options = {"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-4, "maxfev": 200}
        return float(minimize(deviance, start, method="Nelder-Mead", options=options).fun) - ceiling

    if abs(best[2] - extreme) < 1e-9 or above(extreme) <= 0:
        return extreme
    return float(brentq(above, best[2], extreme, xtol=1e-4))


def _lowest(cost: Callable[[Floats], float], start: Floats, around: Floats) -> Floats:
    """Nelder and Mead's search, begun again where it stopped until that helps no more."""
    from scipy.optimize import minimize

    options = {"xatol": 1e-4, "fatol": 1e-5, "maxfev": 120}
    best = cost(start)
    for again in range(4):
        options["initial_simplex"] = start + around / 2**again
        found = minimize(cost, start, method="Nelder-Mead", options=options)
        gain, best, start = best - float(found.fun), float(found.fun), found.x
        if gain < 1e-3 * abs(best):
            break
    out: Floats = start
    return out


def _cloud(likely: Callable[[Floats], NDArray[np.bool_]], theta: Floats, rounds: int) -> Floats:
    """Likely thetas, grown around the best one: with few schools they can lie far apart."""
    rng = np.random.default_rng(1)
    cloud = theta[None]
    spread = np.eye(len(theta)) * (0.2 * float(np.abs(theta).max()) + 0.01) ** 2
    for _ in range(rounds):
        drawn = cloud[rng.integers(len(cloud), size=DRAWS)] + _around(rng, spread, DRAWS)
        cloud = np.vstack([cloud, drawn[likely(drawn)]])[-3 * DRAWS :]
        spread = np.cov(cloud.T) if len(cloud) > 10 * len(theta) else spread / 4
    return np.vstack([theta, cloud])


def _around(rng: np.random.Generator, covariance: Floats, count: int) -> Floats:
    """Normal draws (count, .) around 0."""
    values, axes = np.linalg.eigh(covariance)
    draws: Floats = rng.standard_normal((count, len(values))) * np.sqrt(np.maximum(values, 0))
    out: Floats = draws @ axes.T
    return out


def _relative(t: Floats, slopes: Slopes, k: float) -> tuple[Floats, Floats, Floats]:
    """sigma_alpha and sigma_beta relative to sigma_y, and rho, at thetas (K, .)."""
    if slopes == "uncorrelated":
        return np.abs(t[:, 0]), np.abs(t[:, 1]), np.zeros(len(t))
    alpha = np.stack([t[:, 0] - k * t[:, 1], -k * t[:, 2]])
    beta = t[:, 1:].T
    size_alpha, size_beta = np.hypot(*alpha), np.hypot(*beta)
    product = size_alpha * size_beta
    rho = np.divide((alpha * beta).sum(0), product, out=np.zeros(len(t)), where=product > 0)
    return size_alpha, size_beta, np.clip(rho, -1.0, 1.0)
