"""Where x is zero: the same schools' lines, with their intercepts read elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import Floats, GroupedData
from mlm_core.records import PartialPooling
from mlm_core.scenario import Hyperparameters, Scenario

CHI2_95 = 3.841458820694124
RAYS = 4000


def move_origin(hyper: Hyperparameters, to: float) -> Hyperparameters:
    r"""The same population of lines, with x measured from ``to``.

    With :math:`x' = x - c` a line's intercept is its height at c, and its slope stays:

    .. math::

        \alpha'_j = \alpha_j + c\,\beta_j, \qquad
        \sigma_\alpha'^2 = \sigma_\alpha^2 + 2 c \rho \sigma_\alpha \sigma_\beta
            + c^2 \sigma_\beta^2, \qquad
        \rho' = \frac{\rho\,\sigma_\alpha + c\,\sigma_\beta}{\sigma_\alpha'}

    Parameters
    ----------
    hyper : Hyperparameters
        ``rho`` is NaN where one of the two SDs is 0.
    to : float
        The place c of the new zero (units of x).

    Returns
    -------
    Hyperparameters
        ``rho`` is NaN where all lines cross at c, or all are parallel.

    References
    ----------
    Gelman & Hill (2007), section 13.1, on the correlation of intercepts and slopes.

    Examples
    --------
    >>> there = move_origin(Hyperparameters(sigma_alpha=4, sigma_beta=3, rho=0), to=1)
    >>> there.sigma_alpha, there.rho
    (5.0, 0.6)
    """
    slopes = hyper.sigma_beta
    rho = hyper.rho if hyper.sigma_alpha > 0 and slopes > 0 else 0.0
    along = rho * hyper.sigma_alpha + to * slopes  # of the intercept, what goes with the slope
    across = hyper.sigma_alpha * math.sqrt(1 - rho**2)
    sigma_alpha = math.hypot(along, across)
    return replace(
        hyper,
        a0=hyper.a0 + to * hyper.a1,
        b0=hyper.b0 + to * hyper.b1,
        sigma_alpha=sigma_alpha,
        rho=along / sigma_alpha if sigma_alpha > 0 and slopes > 0 else math.nan,
    )


def true_population(scenario: Scenario, with_u: bool) -> Hyperparameters:
    r"""The population of lines that the schools of a scenario are drawn from.

    Without u its part counts as spread: u is standard normal, so that the covariance
    of intercept and slope is :math:`\Sigma + b b'`. The contextual effect is spread too;
    an extraordinary school is not part of the population.

    Examples
    --------
    >>> round(true_population(Scenario(), with_u=False).sigma_alpha, 2)
    5.83
    """
    hyper = scenario.hyper
    b0, b1 = (0.0, 0.0) if with_u else (hyper.b0, hyper.b1)
    context = scenario.contextual * scenario.sigma_x
    sigma_alpha = math.sqrt(hyper.sigma_alpha**2 + b0**2 + context**2)
    sigma_beta = math.hypot(hyper.sigma_beta, b1)
    both = sigma_alpha * sigma_beta
    covariance = hyper.rho * hyper.sigma_alpha * hyper.sigma_beta + b0 * b1
    return replace(
        hyper,
        b0=hyper.b0 - b0,
        b1=hyper.b1 - b1,
        sigma_alpha=sigma_alpha,
        sigma_beta=sigma_beta,
        rho=max(-1.0, min(1.0, covariance / both)) if both > 0 else math.nan,
    )


def ellipse(
    hyper: Hyperparameters, share: float, u: float = 0.0, points: int = 49
) -> tuple[Floats, Floats]:
    r"""The ellipse of (intercept, slope) that holds a share of the schools with one u.

    Parameters
    ----------
    hyper : Hyperparameters
    share : float
        Between 0 and 1.
    u : float
        The school-level predictor: the centre is ``(a0 + b0 u, a1 + b1 u)``.
    points : int
        Points along the ellipse; the last is the first again.

    Returns
    -------
    alpha, beta : (points,) arrays
        With a rho of 1 or -1 they lie on a line.

    Examples
    --------
    >>> alpha, beta = ellipse(Hyperparameters(a0=60, sigma_alpha=5), share=0.95)
    >>> round(float(alpha.max()), 1)
    72.2
    """
    rho = 0.0 if math.isnan(hyper.rho) else hyper.rho
    t = np.linspace(0, 2 * np.pi, points)
    radius = math.sqrt(-2 * math.log(1 - share))  # of two standard normals
    one, two = radius * np.cos(t), radius * np.sin(t)
    alpha = hyper.a0 + hyper.b0 * u + hyper.sigma_alpha * one
    beta = hyper.a1 + hyper.b1 * u + hyper.sigma_beta * (rho * one + math.sqrt(1 - rho**2) * two)
    return alpha, beta


class _Likely(NamedTuple):
    """What the deviance needs of each school, and which means it profiles over."""

    gram: Floats  # (J, 2, 2) cross-products of (1, x)
    cross: Floats  # (J, 2) with y
    yy: float
    w: Floats  # (J, 1) or (J, 2): 1 and u
    df: int


def rho_intervals(data: GroupedData, fit: PartialPooling, at: Floats) -> tuple[Floats, Floats]:
    r"""The 95% interval of the correlation for each place of the zero of x.

    An interval by likelihood of :math:`\rho_c`, x counted from c: all its values where

    .. math:: D(\sigma_\alpha, \sigma_\beta, \rho) - \min D \le \chi^2_{1,\,0.95}.

    The edge of that region is looked for along rays from the estimate, and then once more
    around the rays that reach the farthest; one edge serves all c.

    Parameters
    ----------
    data : GroupedData
    fit : PartialPooling
        Of these data by REML, with ``slopes="varying"``.
    at : (K,) array
        Places of the zero (units of x).

    Returns
    -------
    low, high : (K,) arrays
        -1 and 1 where an SD of 0 is likely enough, since there is then no correlation.

    References
    ----------
    Bates et al. (2015), J. Stat. Softw. 67(1), section 5.1. Held to `variance_intervals`.

    Examples
    --------
    >>> from mlm_core import Scenario, fit_partial_pooling, simulate
    >>> data = simulate(Scenario(n_groups=5)).data
    >>> fit = fit_partial_pooling(data, "varying", group_predictor=False)
    >>> low, high = rho_intervals(data, fit, np.zeros(1))
    >>> low.tolist(), high.tolist()
    ([-1.0], [1.0])
    """
    known, hyper, s = _likely(data, fit), fit.hyper, fit.sigma_y
    rho = hyper.rho if math.isfinite(hyper.rho) else 0.0
    root = np.array(
        [hyper.sigma_alpha, rho * hyper.sigma_beta, math.sqrt(1 - rho**2) * hyper.sigma_beta]
    )
    start = root / s
    ceiling = float(_deviances(known, start[None])[0]) + CHI2_95
    low, high = np.full(len(at), -1.0), np.full(len(at), 1.0)
    if _some_below(known, np.array([[1.0, 0.0, 0.0]]), ceiling)[0]:
        return low, high  # all slopes the same is likely enough
    crossing = np.column_stack([-at, np.ones(len(at)), np.zeros(len(at))])
    certain = ~_some_below(known, crossing, ceiling)  # else all lines may cross there
    if certain.any():
        low[certain], high[certain] = _farthest(known, start, ceiling, at[certain])
    return low, high


def _likely(data: GroupedData, fit: PartialPooling) -> _Likely:
    """Per-school sums of y around its mean."""
    assert data.x is not None
    y = data.y - data.y.mean()
    sums = [data.group_means(v) * data.n for v in (data.x, data.x**2, y, data.x * y)]
    gram = np.stack([np.stack([data.n, sums[0]], -1), np.stack([sums[0], sums[1]], -1)], -2)
    ones = np.ones(data.n_groups)
    w = (
        np.column_stack([ones, data.u])
        if fit.group_predictor and data.u is not None
        else ones[:, None]
    )
    df = data.n_students - 2 * w.shape[1]
    return _Likely(gram, np.stack([sums[2], sums[3]], -1), float(y @ y), w, df)


def _deviances(known: _Likely, roots: Floats) -> Floats:
    """Minus twice the restricted log likelihood at triangles (K, 3) of the relative covariance.

    With G_j the sums over a school and T the relative covariance, all that is needed is
    (I + G_j T)^-1, two by two: written out, since numpy takes a call for each school.
    """
    one, across, along = np.moveaxis(roots[:, None], -1, 0)
    t00, t01, t11 = one**2, one * across, across**2 + along**2
    g00, g01, g11 = known.gram[:, 0, 0], known.gram[:, 0, 1], known.gram[:, 1, 1]
    c0, c1 = known.cross.T
    m00, m01 = 1 + g00 * t00 + g01 * t01, g00 * t01 + g01 * t11
    m10, m11 = g01 * t00 + g11 * t01, 1 + g01 * t01 + g11 * t11
    det = m00 * m11 - m01 * m10
    i00, i01, i10, i11 = m11 / det, -m01 / det, -m10 / det, m00 / det
    z = np.stack([i00 * c0 + i01 * c1, i10 * c0 + i11 * c1])
    weight = np.stack([i00 * g00 + i01 * g01, i00 * g01 + i01 * g11, i10 * g01 + i11 * g11])
    k, q = len(roots), known.w.shape[1]
    products = (known.w[:, :, None] * known.w[:, None, :]).reshape(-1, q * q)
    blocks = (weight @ products).reshape(3, k, q, q)[[[0, 1], [1, 2]]]
    left = np.moveaxis(blocks, (0, 1), (2, 4)).reshape(k, 2 * q, 2 * q)
    right = np.moveaxis(z @ known.w, 0, -1).reshape(k, 2 * q)
    half = t01[:, 0] * (z[0] @ c1 + z[1] @ c0)
    explained = t00[:, 0] * (z[0] @ c0) + half + t11[:, 0] * (z[1] @ c1)
    coef = np.linalg.solve(left, right[..., None])[..., 0]
    r2 = known.yy - explained - (right * coef).sum(-1)
    out: Floats = np.log(det).sum(-1) + np.linalg.slogdet(left)[1] + known.df * np.log(r2)
    return out


def _some_below(known: _Likely, directions: Floats, ceiling: float) -> NDArray[np.bool_]:
    """Whether some multiple of a triangle is likely enough."""
    sizes = np.concatenate([[0.0], np.geomspace(1e-3, 30, 40)])
    found = _deviances(known, (directions[:, None] * sizes[:, None]).reshape(-1, 3))
    lowest = found.reshape(len(directions), -1).min(axis=1)
    out: NDArray[np.bool_] = np.less_equal(lowest, ceiling)
    return out


def _farthest(known: _Likely, start: Floats, ceiling: float, at: Floats) -> tuple[Floats, Floats]:
    """Least and greatest correlation on the edge of the region, for each zero."""
    rng = np.random.default_rng(1)
    n_rays = int(np.clip(RAYS / len(known.gram), 40, 160))
    rays = rng.standard_normal((n_rays, 3))
    edge = np.empty((0, 3))
    for spread in (0.3, 0.1, 0.03):
        edge = np.concatenate([edge, _edge(known, start, ceiling, rays)])
        rho = _correlations(edge, at)
        best = edge[np.unique([rho.argmin(axis=1), rho.argmax(axis=1)])] - start
        length = np.linalg.norm(best, axis=1, keepdims=True)
        around = rng.standard_normal((max(n_rays // len(best), 8), *best.shape))
        rays = (best + spread * length * around).reshape(-1, 3)
    rho = _correlations(np.concatenate([edge, _edge(known, start, ceiling, rays)]), at)
    return rho.min(axis=1), rho.max(axis=1)


def _edge(known: _Likely, start: Floats, ceiling: float, rays: Floats) -> Floats:
    """Where rays from the estimate leave the region."""
    rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    inside, outside = np.zeros(len(rays)), np.full(len(rays), 0.5)
    while (near := _deviances(known, start + outside[:, None] * rays) <= ceiling).any():
        if outside.max() > 1e4:
            break
        inside = np.where(near, outside, inside)
        outside = np.where(near, 2 * outside, outside)
    for _ in range(12):
        middle = (inside + outside) / 2
        near = _deviances(known, start + middle[:, None] * rays) <= ceiling
        inside, outside = np.where(near, middle, inside), np.where(near, outside, middle)
    out: Floats = start + inside[:, None] * rays
    return out


def _correlations(roots: Floats, at: Floats) -> Floats:
    """(K, M) correlation of triangles (M, 3) with the zero of x at each place."""
    one, across, along = roots.T
    slope = np.hypot(across, along)
    share = at[:, None] * slope**2 + one * across
    height = np.hypot(one + at[:, None] * across, at[:, None] * along)
    out: Floats = np.clip(share / np.maximum(height * slope, 1e-300), -1, 1)
    return out
