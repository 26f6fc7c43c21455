r"""Partial pooling: the multilevel model, fitted by (restricted) maximum likelihood.

`deviance` gives the criterion at any :math:`\Sigma`; here it is minimised and the
answer put on the scale of the data.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mlm_core.data import DataError, Floats, GroupedData
from mlm_core.deviance import (
    COEF_NAMES,
    Profile,
    SchoolSums,
    covariance_form,
    derivatives,
    profile,
    relative_covariance,
    school_covariance,
    school_sums,
)
from mlm_core.records import GroupLines, Method, PartialPooling, Slopes
from mlm_core.scenario import Hyperparameters

MOST_STEPS = 200


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
    theta, at, converged, evaluations = _minimise(sums, form, method, _start(sums, form, method))
    theta, at = _at_boundary(sums, form, method, theta, at)
    return Minimum(theta, relative_covariance(theta, form), at, converged, evaluations)


def checked_sums(
    data: GroupedData, slopes: Slopes, group_predictor: bool, method: Method
) -> SchoolSums:
    """Sums over schools of data which can answer; else a `DataError` that says why not."""
    if slopes not in ("common", "varying", "uncorrelated"):
        raise ValueError(f"slopes is {slopes!r}: use 'common', 'varying' or 'uncorrelated'.")
    if method not in ("REML", "ML"):
        raise ValueError(f"method is {method!r}: use 'REML' or 'ML'.")
    if data.n_groups < 2:
        raise DataError("There is one school: differences between schools need at least two.")
    if slopes != "common" and data.x is None:
        raise DataError(f"slopes={slopes!r} needs a student-level predictor x in the data.")
    sums = school_sums(data, slopes, group_predictor)
    return sums


def _start(sums: SchoolSums, form: Floats, method: Method) -> Floats:
    """The best theta of a coarse grid, from almost complete to almost no pooling."""
    n_bar = sums.n_students / len(sums.g11)
    within = sums.rss / max(sums.n_students - 2 * len(sums.g11), 1)
    high = min(max(4 / max(within, 1e-8), 10 / n_bar), 1e8)
    k = form.shape[-1]
    t = np.sqrt(np.geomspace(0.03 / n_bar, high, 16 if k == 1 else 5))
    t = np.concatenate([[0.0], t])
    if k == 1:
        grid = t[:, None]
    elif k == 2:
        grid = np.stack(np.meshgrid(t, t), axis=-1).reshape(-1, 2)
    else:
        t1, t2, rho = np.meshgrid(t, t[1:], np.array([-0.7, 0.0, 0.7]))
        grid = np.stack([t1, t2 * rho, t2 * np.sqrt(1 - rho**2)], axis=-1).reshape(-1, 3)
    criterion = profile(sums, relative_covariance(grid, form), method).criterion
    best: Floats = grid[int(np.argmin(criterion))]
    return best


def _minimise(
    sums: SchoolSums, form: Floats, method: Method, theta: Floats
) -> tuple[Floats, Profile, bool, int]:
    """Newton's method in theta: any stationary point that is no minimum is left again."""
    at = profile(sums, relative_covariance(theta, form), method)
    for evaluations in range(1, MOST_STEPS):
        g, h = derivatives(sums, at, method)
        slope = 2 * np.einsum("a,akl,l->k", g, form, theta)
        jac = 2 * form @ theta
        curvature, axes = np.linalg.eigh(jac.T @ h @ jac + 2 * np.tensordot(g, form, 1))
        least = 1e-9 * float(np.abs(curvature).max()) + 1e-300
        along = axes.T @ slope
        step = -axes @ (along / np.maximum(np.abs(curvature), least))
        gain = -float(slope @ step)
        if gain < 1e-10 and curvature[0] > -10 * least:
            theta = theta + step
            return theta, profile(sums, relative_covariance(theta, form), method), True, evaluations
        if gain < 1e-10:
            step = axes[:, 0] * (1 + float(np.abs(theta).max()))
        theta, at = _downhill(sums, form, method, theta, at, step)
    return theta, at, False, MOST_STEPS


def _downhill(
    sums: SchoolSums, form: Floats, method: Method, theta: Floats, at: Profile, step: Floats
) -> tuple[Floats, Profile]:
    """The first of the step, a third of it, a ninth, ... which lowers the criterion."""
    for k in range(40):
        new = theta + step / 3**k
        tried = profile(sums, relative_covariance(new, form), method)
        if tried.criterion < at.criterion:
            return new, tried
    return theta, at


def _at_boundary(
    sums: SchoolSums, form: Floats, method: Method, theta: Floats, at: Profile
) -> tuple[Floats, Profile]:
    """Theta with what is zero but for rounding set to zero: SDs of 0, rho of 1 or -1."""
    scale = math.sqrt(len(sums.g11) / sums.n_students)
    small = np.abs(theta) < 1e-3 * scale
    if len(theta) == 3:
        small[1] = small[0] and small[2]
        small[0] = small[1]
    if not small.any():
        return theta, at
    snapped = np.where(small, 0.0, theta)
    there = profile(sums, relative_covariance(snapped, form), method)
    if there.criterion > at.criterion + 1e-9 * (1 + 1e-3 * abs(float(at.criterion))):
        return theta, at
    return snapped, there


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
        alpha=sums.y_mean + sums.y_scale * (intercept - k * slope),
        beta=sums.y_scale / sums.x_scale * slope,
        se_alpha=unit * np.sqrt(var_alpha),
        se_beta=unit / sums.x_scale * np.sqrt(var_beta),
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
    rho = math.copysign(1.0, rho) if theta[0] * theta[2] == 0 else max(-1.0, min(1.0, rho))
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
        coef_cov=coef_cov,
        mode_sd_alpha=unit * np.sqrt(np.maximum(p11 - 2 * k * p12 + k * k * p22, 0)),
        mode_sd_beta=unit / sums.x_scale * np.sqrt(p22),
        n=data.n,
        evaluations=found.evaluations,
        line_cov=line_cov,
        labels=data.labels,
        group_predictor="b0" in sums.names,
    )
