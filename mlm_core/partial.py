r"""Partial pooling: the multilevel model, fitted by (restricted) maximum likelihood.

`deviance` gives the criterion at any :math:`\Sigma`; here it is minimised and the
answer put on the scale of the data.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import DataError, Floats, GroupedData, frozen
from mlm_core.deviance import (
    COEF_NAMES,
    Profile,
    SchoolSums,
    covariance_form,
    derivatives,
    full_form,
    profile,
    relative_covariance,
    school_covariance,
    school_sums,
)
from mlm_core.records import GroupLines, Method, PartialPooling, Slopes
from mlm_core.scenario import Hyperparameters

MOST_STEPS = 200
MOST_CUTS = 30
CLOSE = 1e-8  # a Newton step that promises less is the last: it squares the error
MOST_STARTS = 4
MANY_SCHOOLS = 60  # beyond this the deviance has one minimum, and a coarse grid will do
DEEPEST = 40.0  # of two valleys this much apart on the grid the higher one isn't tried


def fit_partial_pooling(
    data: GroupedData,
    slopes: Slopes = "common",
    group_predictor: bool = False,
    method: Method = "REML",
) -> PartialPooling:
    r"""Fit a multilevel model of students in schools.

    .. math::

        y_i = \alpha_{j[i]} + \beta_{j[i]} x_i + \epsilon_i, \qquad
        \alpha_j = a_0 + b_0 u_j + \eta_{j1}, \quad
        \beta_j = a_1 + b_1 u_j + \eta_{j2}

    Parameters
    ----------
    data : GroupedData
        n students in J schools.
    slopes : {"common", "varying", "uncorrelated"}
        One slope for all schools (``a1``; without x, no slope at all); a slope for
        each school, correlated with its intercept; the same without correlation.
    group_predictor : bool
        Whether ``u`` predicts the intercepts, and the slopes if they vary.
    method : {"REML", "ML"}

    Returns
    -------
    PartialPooling
        All on the scale of the data. An SD estimated as exactly 0, or a rho of
        exactly 1 or -1, is a result and reported as such (``singular``).

    Raises
    ------
    DataError
        When the data cannot answer; the message says why and what to do.

    References
    ----------
    Gelman & Hill (2007), chapters 12 and 13. Criterion: Bates et al. (2015), J. Stat.
    Softw. 67(1), section 3.4.

    Examples
    --------
    >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    >>> fit = fit_partial_pooling(data)
    >>> round(fit.hyper.sigma_alpha, 3), fit.lines.alpha.round(2).tolist()
    (4.203, [2.06, 7.94])
    """
    sums = checked_sums(data, slopes, group_predictor, method)
    return _report(sums, data, slopes, method, minimum(sums, slopes, method))


class Minimum(NamedTuple):
    """Where the deviance is least: theta (k,), Sigma (4,) and the model there."""

    theta: Floats
    cov: Floats
    at: Profile
    converged: bool
    evaluations: int


def minimum(sums: SchoolSums, slopes: Slopes, method: Method) -> Minimum:
    """Where the deviance is least; exactly on the boundary when it is least there."""
    form = covariance_form(slopes, -sums.x_mean / sums.x_scale)
    search_form = full_form() if slopes == "varying" else form
    starts = _starts(sums, search_form, method)
    found, at, converged, rounds = _minimise(sums, search_form, method, starts)
    best = int(np.argmin(at.criterion))
    lowest = float(at.criterion[best])
    for tiny in (1e-3 * math.sqrt(len(sums.g11) / sums.n_students), 0.0):
        theta = _bounded(found[best], tiny)
        cov = relative_covariance(theta, form)
        there = profile(sums, cov, method)
        if there.criterion <= lowest + 1e-9 * (1 + 1e-3 * abs(lowest)):
            break
    return Minimum(theta, cov, there, bool(converged[best]), rounds)


def _bounded(theta: Floats, tiny: float) -> Floats:
    """Theta of `covariance_form`, with what is tiny set to zero: SDs of 0, rho of 1 or -1."""
    if len(theta) < 4:
        return np.where(np.abs(theta) <= tiny, 0.0, np.abs(theta))
    axes, size, _ = np.linalg.svd(theta.reshape(2, 2))
    size = np.where(size <= tiny, 0.0, size)
    (a, b), (c, d) = (axes * size).tolist()
    if size[1] == 0:
        return np.array([abs(a), math.copysign(1.0, a) * c, 0.0])
    first = math.hypot(a, b)
    return np.array([first, (a * c + b * d) / first, size[0] * size[1] / first])


def checked_sums(
    data: GroupedData, slopes: Slopes, group_predictor: bool, method: Method
) -> SchoolSums:
    """Sums over schools of data which can answer; else a `DataError` that says why not."""
    if slopes not in ("common", "varying", "uncorrelated"):
        raise ValueError(f"slopes is {slopes!r}: use 'common', 'varying' or 'uncorrelated'.")
    if method not in ("REML", "ML"):
        raise ValueError(f"method is {method!r}: use 'REML' or 'ML'.")
    if slopes != "common" and data.x is None:
        raise DataError(f"slopes={slopes!r} needs a student-level predictor x in the data.")
    if data.n_groups < 2:
        raise DataError("There is one school: differences between schools need at least two.")
    sums = school_sums(data, slopes, group_predictor)
    own_slopes = int((sums.det_g > 0).sum())
    if slopes == "common":
        _check_schools(sums, 1 + group_predictor + (data.x is not None and own_slopes == 0))
    else:
        _check_schools(sums, 1 + group_predictor)
        _check_slopes(own_slopes, group_predictor)
    _check_students(sums, slopes, own_slopes)
    return sums


def _check_schools(sums: SchoolSums, n_coefs: int) -> None:
    """Fewer coefficients than schools, and none that says what another does."""
    J = len(sums.g11)
    if n_coefs >= J:
        raise DataError(
            f"{J} schools cannot give {n_coefs} school-level coefficients and also an SD between "
            f"schools: use at least {n_coefs + 1} schools, or leave a school-level predictor out."
        )
    a0, a1 = sums.design
    b = (sums.g11 * a0) @ a0.T + (sums.g22 * a1) @ a1.T
    cross = (sums.g12 * a0) @ a1.T
    size = np.sqrt(np.diagonal(b + cross + cross.T))
    if np.linalg.eigvalsh((b + cross + cross.T) / np.outer(size, size))[0] < 1e-11:
        raise DataError(
            "x and u say the same thing (one can be computed from the other), so their "
            "coefficients cannot be told apart: leave one of them out."
        )


def _check_slopes(own_slopes: int, group_predictor: bool) -> None:
    """Enough schools that have a slope of their own."""
    needed = 2 + group_predictor
    if own_slopes == 0:
        raise DataError(
            "x is the same for all students of a school, in every school: no school has a "
            "slope, so slopes cannot vary. Use slopes='common', or an x that varies in schools."
        )
    if own_slopes < needed:
        raise DataError(
            f"Only {own_slopes} of the schools have students who differ in x: slopes that vary "
            f"need at least {needed} such schools. Use slopes='common'."
        )


def _check_students(sums: SchoolSums, slopes: Slopes, own_slopes: int) -> None:
    """Something left over within schools, from which to learn sigma_y."""
    spent = len(sums.g11) + (own_slopes if slopes != "common" else min(own_slopes, 1))
    if sums.n_students <= spent:
        lines = "line" if slopes != "common" else "mean"
        raise DataError(
            f"{sums.n_students} students are too few for {len(sums.g11)} schools: a {lines} for "
            "each school fits every score, so differences between schools cannot be told from "
            "differences between students. Use more students a school, or fewer schools."
        )
    left = sums.rss
    if slopes == "common" and own_slopes:
        sxx = sums.det_g / sums.g11
        left += float(sxx @ (sums.own[1] - sxx @ sums.own[1] / sxx.sum()) ** 2)
    if left <= sums.n_students * (1e-13 * (1 + abs(sums.y_mean) / sums.y_scale)) ** 2:
        raise DataError(
            "The schools' lines fit every score exactly: there is no variation within schools "
            "to compare with that between them. Check whether y was computed from x or school."
        )


def _starts(sums: SchoolSums, form: Floats, method: Method) -> Floats:
    """Where to search from: the valleys (K, k) of coarse grids, the deepest of each grid first.

    With few schools the deviance can have more than one minimum: for instance one on the
    boundary and one off it. So the boundary gets its own grid.
    """
    starts, heights, places = [], [], []
    for grid in _grids(sums, form.shape[-1]):
        height = profile(sums, relative_covariance(grid, form), method).criterion
        valley = _valleys(height)
        order = np.argsort(height[valley])
        starts.append(grid[valley][order])
        heights.append(height[valley][order])
        places.append(np.arange(len(order)))
    height = np.concatenate(heights)
    order = np.lexsort((height, np.concatenate(places)))[:MOST_STARTS]
    out: Floats = np.concatenate(starts)[order[height[order] < height.min() + DEEPEST]]
    return out


def _valleys(height: Floats) -> NDArray[np.bool_]:
    """Which points of a grid are lower than their neighbours along the axes."""
    valley = np.ones(height.shape, dtype=bool)
    for axis in range(height.ndim):
        ahead = np.diff(height, axis=axis) >= 0
        ends = [(0, 0)] * height.ndim
        ends[axis] = (0, 1)
        valley &= np.pad(ahead, ends, constant_values=True)
        ends[axis] = (1, 0)
        valley &= np.pad(~ahead, ends, constant_values=True)
    return valley


def _grids(sums: SchoolSums, k: int) -> list[Floats]:
    """Grids of theta (..., k), from almost complete to almost no pooling."""
    many = len(sums.g11) > MANY_SCHOOLS
    n_bar = sums.n_students / len(sums.g11)
    within = sums.rss / max(sums.n_students - 2 * len(sums.g11), 1)
    high = min(max(4 / max(within, 1e-8), 10 / n_bar), 1e8)
    t = np.sqrt(np.geomspace(0.03 / n_bar, high, 4 if many else 12 if k == 1 else 7))
    if k == 1:
        return [np.append(0.0, t)[:, None]]
    if k == 2:
        faces = [np.stack([t, 0 * t], axis=-1), np.stack([0 * t, t], axis=-1)]
        inside = np.stack(np.meshgrid(t, t, indexing="ij"), axis=-1)
        return [inside] if many else [inside, *faces]
    size, turn = np.meshgrid(t, np.pi * np.arange(0, 1, 0.5 if many else 0.125), indexing="ij")
    cos, sin = size * np.cos(turn), size * np.sin(turn)
    narrow = [0.5] if many else [0.5, 0.05, 0.0]
    return [np.stack([cos, -a * sin, sin, a * cos], axis=-1) for a in narrow]


def _minimise(
    sums: SchoolSums, form: Floats, method: Method, theta: Floats
) -> tuple[Floats, Profile, NDArray[np.bool_], int]:
    """Newton's method from several starts (K, k) at once.

    A stationary point that is no minimum is left again, along its steepest way down.
    """
    at = profile(sums, relative_covariance(theta, form), method)
    done = np.zeros(len(theta), dtype=bool)
    scale = math.sqrt(len(sums.g11) / sums.n_students)
    for rounds in range(1, MOST_STEPS):
        slope, curvature, axes = _in_theta(*derivatives(sums, at, method), form, theta)
        most = np.abs(curvature).max(-1, keepdims=True) + 1e-300
        steep = np.maximum(np.abs(curvature), 1e-9 * most)
        step = -np.einsum("...kl,...l->...k", axes, slope / steep)
        flat = (slope**2 / steep).sum(-1) < CLOSE
        saddle = flat & (curvature[:, 0] < -1e-4 * most[:, 0]) & ~done
        done |= flat & ~saddle
        if done.all():
            theta = theta + step
            return theta, profile(sums, relative_covariance(theta, form), method), done, rounds
        far = np.abs(theta).max(-1, keepdims=True) + scale
        step = np.where(saddle[:, None], axes[..., 0] * far, step)
        step = step * np.minimum(1, far / (np.abs(step).max(-1, keepdims=True) + 1e-300))
        theta, at, stuck = _downhill(sums, form, method, theta, at, step, done)
        done |= stuck
    return theta, at, done, MOST_STEPS


def _in_theta(
    gradient: Floats, hessian: Floats, form: Floats, theta: Floats
) -> tuple[Floats, Floats, Floats]:
    """Curvatures (K, k) of the deviance in theta, their axes, and the slopes along those."""
    jac = 2 * np.einsum("akl,...l->...ak", form, theta)
    bend = np.swapaxes(jac, -1, -2) @ hessian @ jac
    curvature, axes = np.linalg.eigh(bend + 2 * np.einsum("...a,akl->...kl", gradient, form))
    return ((gradient[..., None, :] @ jac) @ axes)[..., 0, :], curvature, axes


def _downhill(
    sums: SchoolSums,
    form: Floats,
    method: Method,
    theta: Floats,
    at: Profile,
    step: Floats,
    done: NDArray[np.bool_],
) -> tuple[Floats, Profile, NDArray[np.bool_]]:
    """The steps, or a third of them, a ninth, ... so that they lower the deviance; which cannot."""
    for _ in range(MOST_CUTS):
        tried = profile(sums, relative_covariance(theta + step, form), method)
        higher = ~(tried.criterion < at.criterion) & ~done
        if not higher.any():
            break
        step = np.where(higher[:, None], step / 3, step)
    return theta + step, tried, higher


def school_lines(
    sums: SchoolSums, cov: Floats, at: Profile, sigma: Floats
) -> tuple[GroupLines, Floats]:
    r"""Whole intercepts and slopes of all schools on the scale of the data.

    With :math:`R_j = (I + \Sigma G_j)^{-1}` the line of school j is
    :math:`A_j\hat\gamma + P_j G_j (b_j - A_j\hat\gamma)` and the covariance of its error is
    :math:`\sigma_y^2 (P_j + R_j A_j B^{-1} A_j' R_j')`.

    Parameters
    ----------
    sums, at
    cov : (..., 4) array
        Sigma.
    sigma : (...) array
        ``sigma_y`` in units of ``y_scale``.

    Returns
    -------
    lines : GroupLines
        Its arrays (..., J).
    covariance : (..., J) array
        Of the errors of ``alpha`` and ``beta``.
    """
    p11, p12, p22 = school_covariance(sums, cov)
    e0, e1 = at.error
    ge0, ge1 = sums.g11 * e0 + sums.g12 * e1, sums.g12 * e0 + sums.g22 * e1
    a0, a1 = sums.design
    intercept = at.coef @ a0 + p11 * ge0 + p12 * ge1
    slope = at.coef @ a1 + p12 * ge0 + p22 * ge1
    # columns of B^(-1/2) A_j' R_j', then of the same on the scale of the data
    w0, w1 = (at.root @ ra for ra in _unexplained(sums, cov))
    k = sums.x_mean / sums.x_scale
    w0 = w0 - k * w1
    var_alpha = p11 - 2 * k * p12 + k * k * p22 + (w0 * w0).sum(-2)
    var_beta = p22 + (w1 * w1).sum(-2)
    covariance = p12 - k * p22 + (w0 * w1).sum(-2)
    unit = sigma[..., None] * sums.y_scale
    lines = GroupLines(
        alpha=frozen(sums.y_mean + sums.y_scale * (intercept - k * slope)),
        beta=frozen(sums.y_scale / sums.x_scale * slope),
        se_alpha=frozen(unit * np.sqrt(np.maximum(var_alpha, 0))),
        se_beta=frozen(unit / sums.x_scale * np.sqrt(var_beta)),
    )
    return lines, unit**2 / sums.x_scale * covariance


def _unexplained(sums: SchoolSums, cov: Floats) -> tuple[Floats, Floats]:
    """``R_j A_j``, two (..., p, J): what an error in a coefficient leaves in a school's line."""
    s11, s12, s22, det_s = (cov[..., k, None] for k in range(4))
    m11, m12 = s11 * sums.g11 + s12 * sums.g12, s11 * sums.g12 + s12 * sums.g22
    m21, m22 = s12 * sums.g11 + s22 * sums.g12, s12 * sums.g12 + s22 * sums.g22
    det = (1 + m11 + m22 + det_s * sums.det_g)[..., None, :]
    a0, a1 = sums.design
    r0 = ((1 + m22)[..., None, :] * a0 - m12[..., None, :] * a1) / det
    r1 = ((1 + m11)[..., None, :] * a1 - m21[..., None, :] * a0) / det
    return r0, r1


def coefficients(sums: SchoolSums, at: Profile, sigma: Floats) -> tuple[Floats, Floats]:
    """The coefficients (..., p) and their covariance (..., p, p) on the scale of the data."""
    of_x = [[1, -sums.x_mean / sums.x_scale], [0, 1 / sums.x_scale]]
    of_u = [[1, -sums.u_mean / sums.u_scale], [0, 1 / sums.u_scale]]
    kept = [COEF_NAMES.index(name) for name in sums.names]
    to_data = sums.y_scale * np.kron(of_x, of_u)[np.ix_(kept, kept)]
    coef = at.coef @ to_data.T
    coef[..., 0] += sums.y_mean
    half = sigma[..., None, None] * (at.root @ to_data.T)
    return coef, np.swapaxes(half, -1, -2) @ half


def _between(
    sums: SchoolSums, slopes: Slopes, theta: Floats, sigma: float
) -> tuple[float, float, float]:
    """``sigma_alpha``, ``sigma_beta`` and ``rho`` on the scale of the data."""
    unit, k = sigma * sums.y_scale, sums.x_mean / sums.x_scale
    if slopes != "varying":
        sigma_beta = unit / sums.x_scale * float(abs(theta[1])) if slopes == "uncorrelated" else 0.0
        sigma_alpha = unit * float(abs(theta[0]))
        return sigma_alpha, sigma_beta, 0.0 if sigma_alpha * sigma_beta > 0 else math.nan
    alpha = np.array([theta[0] - k * theta[1], -k * theta[2]])
    beta = theta[1:]
    size = math.hypot(*alpha), math.hypot(*beta)
    if size[0] == 0 or size[1] == 0:
        return unit * size[0], unit / sums.x_scale * size[1], math.nan
    rho = float(alpha @ beta) / (size[0] * size[1])
    rho = max(-1.0, min(1.0, rho))
    return unit * size[0], unit / sums.x_scale * size[1], rho


def _report(
    sums: SchoolSums,
    data: GroupedData,
    slopes: Slopes,
    method: Method,
    found: Minimum,
) -> PartialPooling:
    """The fit at theta, on the scale of the data."""
    theta, cov, at = found.theta, found.cov, found.at
    m = sums.n_students - (method == "REML") * len(sums.names)
    sigma = np.sqrt(at.r2 / m)
    coef, coef_cov = coefficients(sums, at, sigma)
    lines, line_cov = school_lines(sums, cov, at, sigma)
    sigma_alpha, sigma_beta, rho = _between(sums, slopes, theta, float(sigma))
    p11, p12, p22 = school_covariance(sums, cov)
    k = sums.x_mean / sums.x_scale
    unit = float(sigma) * sums.y_scale
    gamma = dict(zip(sums.names, coef.tolist(), strict=True))
    return PartialPooling(
        hyper=Hyperparameters(
            **{name: gamma.get(name, 0.0) for name in COEF_NAMES},
            sigma_alpha=sigma_alpha,
            sigma_beta=sigma_beta,
            rho=rho,
        ),
        lines=lines,
        sigma_y=unit,
        criterion=float(at.criterion),
        method=method,
        slopes=slopes,
        singular=bool((theta[[0, -1]] == 0).any()),
        converged=found.converged,
        coef_names=sums.names,
        coef_cov=frozen(coef_cov),
        mode_sd_alpha=frozen(unit * np.sqrt(np.maximum(p11 - 2 * k * p12 + k * k * p22, 0))),
        mode_sd_beta=frozen(unit / sums.x_scale * np.sqrt(p22)),
        n=frozen(data.n, np.intp),
        evaluations=found.evaluations,
        line_cov=frozen(line_cov),
        labels=data.labels,
        group_predictor="b0" in sums.names,
    )
