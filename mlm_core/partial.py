r"""Partial pooling: the multilevel model, fitted by (restricted) maximum likelihood.

`deviance` gives the criterion at any :math:`\Sigma`; here it is minimised and the
answer put on the scale of the data.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from mlm_core.data import DataError, Floats, GroupedData, frozen
from mlm_core.deviance import (
    COEF_NAMES,
    Intercepts,
    Profile,
    SchoolSums,
    school_covariance,
    school_sums,
)
from mlm_core.records import GroupLines, Method, PartialPooling, Slopes
from mlm_core.scenario import Hyperparameters
from mlm_core.search import Minimum
from mlm_core.search import minimum as minimum


def fit_partial_pooling(
    data: GroupedData,
    slopes: Slopes = "common",
    group_predictor: bool | None = None,
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
    group_predictor : bool, optional
        Whether ``u`` predicts the intercepts, and the slopes if they vary. Unsaid it does
        not, and where the data have a ``u`` a warning says so.
    method : {"REML", "ML"}

    Returns
    -------
    PartialPooling
        All on the scale of the data. An SD estimated as exactly 0, or a rho of
        exactly 1 or -1, is a result and reported as such (``singular``).

    Warns
    -----
    UserWarning
        The data have a u and ``group_predictor`` is not said.

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
    if group_predictor is None and data.u is not None:
        warnings.warn(
            f"{data.names.u!r} is in the data, and this model does not use it. Say "
            "group_predictor=True to let it predict, or False to leave it out.",
            stacklevel=2,
        )
    sums = checked_sums(data, slopes, bool(group_predictor), method)
    return _report(sums, data, slopes, method, minimum(sums, slopes, method))


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
    own_slopes = int((sums.g[3] > 0).sum())
    if slopes == "common":
        _check_schools(sums, 1 + group_predictor + (data.x is not None and own_slopes == 0))
    else:
        _check_schools(sums, 1 + group_predictor)
        _check_slopes(own_slopes, group_predictor)
    _check_students(sums, slopes, own_slopes)
    return sums


def _check_schools(sums: SchoolSums, n_coefs: int) -> None:
    """Fewer coefficients than schools."""
    J = sums.n_groups
    if n_coefs >= J:
        raise DataError(
            f"{J} schools cannot give {n_coefs} school-level coefficients and also an SD between "
            f"schools: use at least {n_coefs + 1} schools, or leave a school-level predictor out."
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
    spent = sums.n_groups + (own_slopes if slopes != "common" else min(own_slopes, 1))
    if sums.n_students <= spent:
        lines = "line" if slopes != "common" else "mean"
        raise DataError(
            f"{sums.n_students} students are too few for {sums.n_groups} schools: a {lines} for "
            "each school fits every score, so differences between schools cannot be told from "
            "differences between students. Use more students a school, or fewer schools."
        )
    left = sums.rss
    if slopes == "common" and own_slopes:
        sxx, slope = sums.g[3] / sums.g[0], sums.columns[1, -1]
        left += float(sxx @ (slope - sxx @ slope / sxx.sum()) ** 2)
    if left <= sums.n_students * (1e-13 * (1 + abs(sums.y_mean) / sums.y_scale)) ** 2:
        raise DataError(
            "The schools' lines fit every score exactly: there is no variation within schools "
            "to compare with that between them. Check whether y was computed from x or school."
        )


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
    f = at.root[..., None, :, :] @ at.qc
    s11, s12, s22 = (cov[..., i, None, None] for i in range(3))
    f0, f1 = f[..., 0, :, :], f[..., 1, :, :]
    mode0, mode1 = s11 * f0 + s12 * f1, s12 * f0 + s22 * f1
    c0, c1 = sums.columns
    p = len(sums.names)
    w0, w1 = ((at.root @ c0 - mode0)[..., :p, :], (at.root @ c1 - mode1)[..., :p, :])
    r = np.sqrt(at.r2)[..., None]
    gamma = sums.first + at.coef
    intercept = gamma @ c0[:p] + r * mode0[..., p, :]
    slope = gamma @ c1[:p] + r * mode1[..., p, :]
    covariance = school_covariance(sums, cov)
    p11, p12, p22 = (covariance[..., i, :] for i in range(3))
    k = sums.x_mean / sums.x_scale
    w0 = w0 - k * w1
    var_alpha = p11 - 2 * k * p12 + k * k * p22 + (w0 * w0).sum(-2)
    var_beta = p22 + (w1 * w1).sum(-2)
    between = p12 - k * p22 + (w0 * w1).sum(-2)
    unit = sigma[..., None] * sums.y_scale
    lines = GroupLines(
        alpha=frozen(sums.y_mean + sums.y_scale * (intercept - k * slope)),
        beta=frozen(sums.y_scale / sums.x_scale * slope),
        se_alpha=frozen(unit * np.sqrt(np.maximum(var_alpha, 0))),
        se_beta=frozen(unit / sums.x_scale * np.sqrt(var_beta)),
    )
    return lines, unit**2 / sums.x_scale * between


def coefficients(
    sums: SchoolSums, at: Profile | Intercepts, sigma: Floats
) -> tuple[Floats, Floats]:
    """The coefficients (..., p) and their covariance (..., p, p) on the scale of the data."""
    to_data = sums.y_scale * _uncentred(sums)
    coef = (sums.first + at.coef) @ to_data.T
    coef[..., 0] += sums.y_mean
    half = sigma[..., None, None] * (at.root[..., :-1, :-1] @ to_data.T)
    return coef, np.swapaxes(half, -1, -2) @ half


def _uncentred(sums: SchoolSums) -> Floats:
    """(p, p) that takes coefficients of centred and scaled x and u to those of x and u."""
    x0, x1, u0, u1 = sums.x_zero, 1 / sums.x_scale, -sums.u_mean / sums.u_scale, 1 / sums.u_scale
    whole = [[1, u0, x0, u0 * x0], [0, u1, 0, u1 * x0], [0, 0, x1, u0 * x1], [0, 0, 0, u1 * x1]]
    kept = [COEF_NAMES.index(name) for name in sums.names]
    return np.array([[whole[row][column] for column in kept] for row in kept])


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
        rounds=found.rounds,
        evaluations=found.evaluations,
        line_cov=frozen(line_cov),
        data=data,
    )
