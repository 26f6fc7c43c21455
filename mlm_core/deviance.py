r"""The profiled (restricted) deviance of a multilevel model, from sums over schools.

The model of one school, with :math:`W_j` the rows :math:`(1, x_i)` of its students, is

.. math::

    y_j = W_j (A_j \gamma + \eta_j) + \epsilon_j, \qquad
    \eta_j \sim N(0, \sigma_y^2 \Sigma), \quad \epsilon_j \sim N(0, \sigma_y^2 I),

where :math:`\gamma` holds those of :math:`a_0, b_0, a_1, b_1` that the model has,
:math:`A_j` is made of :math:`(1, u_j)`, and :math:`\Sigma` (2, 2) is the covariance
of intercepts and slopes between schools in units of :math:`\sigma_y^2`. All that the
likelihood needs of a school is :math:`G_j = W_j' W_j`, its own least-squares line
:math:`b_j` and the sum of squares around that line. With

.. math::

    Q_j = (G_j^{-1} + \Sigma)^{-1}, \quad
    B = \sum_j A_j' Q_j A_j, \quad
    r^2 = \sum_j rss_j + \sum_j (b_j - A_j\hat\gamma)' Q_j (b_j - A_j\hat\gamma)

minus twice the log likelihood, with :math:`\gamma` and :math:`\sigma_y` at their best, is

.. math::

    d(\Sigma) = \sum_j \log|I + \Sigma G_j| + m (1 + \log(2\pi r^2 / m))
    \; [\, + \log|B| \text{ and } m = n - p \text{ for REML, } m = n \text{ for ML} \,].

:math:`Q_j` says how well school j tells us of the population: its own line is off by
sampling, :math:`G_j^{-1}`, and by being one school of many, :math:`\Sigma`.
Every 2 by 2 inverse is written out, without dividing by :math:`|G_j|` or
:math:`|\Sigma|`, so schools of one student and SDs of zero need no special case.

This is the criterion of Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1),
section 3.4, in which :math:`\Sigma = \Lambda\Lambda'`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mlm_core.data import DataError, Floats, GroupedData
from mlm_core.records import Method, Slopes

COEF_NAMES = ("a0", "b0", "a1", "b1")


@dataclass(frozen=True, slots=True, eq=False)
class SchoolSums:
    """All that the likelihood needs of the data; y, x and u centred and scaled.

    Attributes
    ----------
    g11, g12, g22 : (J,) arrays
        ``G_j``: number of students, sum of x, sum of x squared.
    det_g : (J,) array
        ``|G_j|``; exactly 0 where the school has no slope of its own.
    own : (2, J) array
        ``b_j``, intercept and slope of the school's own line; where it has no
        slope of its own, its mean and 0, which serves as well.
    rss : float
        Sum of squares around the schools' own lines.
    design : (2, p, J) array
        ``A_j``: what each coefficient adds to intercept and slope of school j.
    names : tuple of str
        The coefficients, of ``a0, b0, a1, b1``.
    n_students : int
    y_mean, y_scale, x_mean, x_scale, u_mean, u_scale : float
        ``(y - y_mean) / y_scale`` is used in place of y, and so on.
    """

    g11: Floats
    g12: Floats
    g22: Floats
    det_g: Floats
    own: Floats
    rss: float
    design: Floats
    names: tuple[str, ...]
    n_students: int
    y_mean: float
    y_scale: float
    x_mean: float
    x_scale: float
    u_mean: float
    u_scale: float

    @property
    def log_jacobian(self) -> float:
        """``log|R|`` with ``X_used = X_data R``: what scaling x and u does to ``log|B| / 2``."""
        with_x = sum(name in ("a1", "b1") for name in self.names)
        with_u = sum(name in ("b0", "b1") for name in self.names)
        return -with_x * math.log(self.x_scale) - with_u * math.log(self.u_scale)


class Profile(NamedTuple):
    """The model at given Sigma; leading axes are those of Sigma.

    ``criterion`` (...), ``coef`` (..., p), ``root`` (..., p, p) with ``root' root`` the
    inverse of B, ``r2`` (...), ``error`` and ``qe`` (..., J) twice: ``b_j - A_j coef`` and
    ``Q_j`` times it; ``q`` three (..., J): ``Q_j``; ``qa`` two (..., p, J): ``Q_j A_j``.
    """

    criterion: Floats
    coef: Floats
    root: Floats
    r2: Floats
    error: tuple[Floats, Floats]
    qe: tuple[Floats, Floats]
    q: tuple[Floats, Floats, Floats]
    qa: tuple[Floats, Floats]


def _standard(values: Floats) -> tuple[Floats, float, float]:
    """The values centred and scaled, their mean and SD; SD 0 when equal but for rounding."""
    mean = float(values.mean())
    centred = values - mean
    sd = math.sqrt(float((centred * centred).mean()))
    if sd <= 1e-13 * max(float(values.max()), -float(values.min())):
        return centred, mean, 0.0
    return centred / sd, mean, sd


def school_sums(
    data: GroupedData, slopes: Slopes = "common", group_predictor: bool = False
) -> SchoolSums:
    """Reduce the data to sums over schools: passes over the students, none later.

    Parameters
    ----------
    data : GroupedData
    slopes : {"common", "varying", "uncorrelated"}
    group_predictor : bool
        Whether ``u`` predicts the coefficients.

    Raises
    ------
    DataError
        y or x (or u, when it is used) does not vary.

    Examples
    --------
    >>> data = GroupedData([1.0, 3, 5], None, [0, 0, 1], None, ["a", "b"])
    >>> school_sums(data).g11.tolist()
    [2.0, 1.0]
    """
    y, y_mean, y_scale = _standard(data.y)
    if y_scale == 0:
        raise DataError("y is the same for every student: there is nothing to explain.")
    n: Floats = data.n.astype(np.float64)
    y_bar = _sums(data, y) / n
    dy = y - y_bar[data.j]
    x_mean, x_scale = 0.0, 1.0
    x_bar = sxx = slope = np.zeros(data.n_groups)
    if data.x is not None:
        x, x_mean, x_scale = _standard(data.x)
        if x_scale == 0:
            raise DataError(
                "x is the same for every student: leave it out, or use one that varies."
            )
        x_bar = _sums(data, x) / n
        dx = x - x_bar[data.j]
        sxx = _sums(data, dx * dx)
        rounding = 1e-14 * (1 + abs(x_mean) / x_scale + np.abs(x_bar))
        sxx = np.where(sxx <= n * rounding**2, 0.0, sxx)
        slope = np.divide(_sums(data, dx * dy), sxx, out=np.zeros_like(sxx), where=sxx > 0)
        dy -= slope[data.j] * dx
    design, names, u_mean, u_scale = _design(data, slopes, group_predictor)
    return SchoolSums(
        g11=n,
        g12=n * x_bar,
        g22=sxx + n * x_bar**2,
        det_g=n * sxx,
        own=np.stack([y_bar - slope * x_bar, slope]),
        rss=float((dy * dy).sum()),
        design=design,
        names=names,
        n_students=data.n_students,
        y_mean=y_mean,
        y_scale=y_scale,
        x_mean=x_mean,
        x_scale=x_scale,
        u_mean=u_mean,
        u_scale=u_scale,
    )


def _sums(data: GroupedData, values: Floats) -> Floats:
    """(J,) sum of ``values`` (n,) in each school."""
    out: Any = np.bincount(data.j, weights=values, minlength=data.n_groups)
    return np.asarray(out, dtype=np.float64)


def _design(
    data: GroupedData, slopes: Slopes, group_predictor: bool
) -> tuple[Floats, tuple[str, ...], float, float]:
    """``A_j`` (2, p, J), the names of its columns, mean and scale of u."""
    u_mean, u_scale = 0.0, 1.0
    u = np.ones(data.n_groups)
    if group_predictor:
        if data.u is None:
            raise DataError("group_predictor=True needs a school-level predictor u in the data.")
        u, u_mean, u_scale = _standard(data.u)
        if u_scale == 0:
            raise DataError("u is the same for every school: it cannot explain differences.")
    has = {
        "a0": True,
        "b0": group_predictor,
        "a1": data.x is not None,
        "b1": group_predictor and slopes != "common",
    }
    names = tuple(name for name in COEF_NAMES if has[name])
    design = np.zeros((2, len(names), data.n_groups))
    for k, name in enumerate(names):
        design[int(name[1]), k] = 1.0 if name[0] == "a" else u
    return design, names, u_mean, u_scale


def relative_covariance(theta: Floats, form: Floats) -> Floats:
    r"""Sigma from the parameters of its Cholesky factor, which are free of bounds.

    Every element of :math:`\Sigma = \Lambda\Lambda'` is a quadratic form in theta.

    Parameters
    ----------
    theta : (..., k) array
    form : (3, k, k) array
        From `covariance_form` or `full_form`.

    Returns
    -------
    (..., 4) array
        ``Sigma[0, 0], Sigma[0, 1], Sigma[1, 1]`` and the determinant.
    """
    out = np.empty((*theta.shape[:-1], 4))
    out[..., :3] = np.einsum("...k,akl,...l->...a", theta, form, theta)
    root = theta[..., 0] * theta[..., -1] if theta.shape[-1] > 1 else 0.0
    if theta.shape[-1] == 4:
        root = root - theta[..., 1] * theta[..., 2]
    out[..., 3] = root**2
    return out


def covariance_form(slopes: Slopes, x_zero: float = 0.0) -> Floats:
    r"""(3, k, k) quadratic forms that give the elements of Sigma from theta.

    ``common``: :math:`\Lambda = (\theta_1, 0; 0, 0)`.
    ``varying``: :math:`\Lambda = (\theta_1, 0; \theta_2, \theta_3)`.
    ``uncorrelated``: :math:`\Lambda = (\theta_1, -x_0\theta_2; 0, \theta_2)`, where
    :math:`x_0` is the place of the data's x = 0 on the centred and scaled x: to
    have no correlation at one x means to have one elsewhere.
    """
    if slopes == "common":
        return np.array([[[1.0]], [[0.0]], [[0.0]]])
    if slopes == "uncorrelated":
        c = -x_zero
        return np.array([[[1, 0], [0, c * c]], [[0, 0], [0, c]], [[0, 0], [0, 1.0]]])
    form = np.zeros((3, 3, 3))
    form[0, 0, 0] = form[2, 1, 1] = form[2, 2, 2] = 1.0
    form[1, 0, 1] = form[1, 1, 0] = 0.5
    return form


def full_form() -> Floats:
    r"""(3, 4, 4) as `covariance_form`, with four elements of Lambda, row by row, for theta.

    One parameter too many (a rotation of Lambda leaves Sigma as it is) but without the blind
    spot of the triangular form: there, at :math:`\theta_1 = 0`, the other two are one.
    """
    form = np.zeros((3, 4, 4))
    form[0, [0, 1], [0, 1]] = form[2, [2, 3], [2, 3]] = 1.0
    form[1, [0, 1, 2, 3], [2, 3, 0, 1]] = 0.5
    return form


def school_precision(sums: SchoolSums, cov: Floats) -> tuple[tuple[Floats, Floats, Floats], Floats]:
    r"""Q_j and the determinant :math:`|I + \Sigma G_j|`, each (..., J), for cov (..., 4)."""
    s11, s12, s22, det_s = (cov[..., k, None] for k in range(4))
    det = 1 + s11 * sums.g11 + 2 * s12 * sums.g12 + s22 * sums.g22 + det_s * sums.det_g
    q11 = (sums.g11 + sums.det_g * s22) / det
    q12 = (sums.g12 - sums.det_g * s12) / det
    q22 = (sums.g22 + sums.det_g * s11) / det
    return (q11, q12, q22), det


def school_covariance(sums: SchoolSums, cov: Floats) -> tuple[Floats, Floats, Floats]:
    r"""Covariance :math:`P_j = (\Sigma^{-1} + G_j)^{-1}` of a school's effects given its data.

    Three (..., J) arrays in units of ``sigma_y**2``, for cov (..., 4); the coefficients are known.
    """
    s11, s12, s22, det_s = (cov[..., k, None] for k in range(4))
    det = 1 + s11 * sums.g11 + 2 * s12 * sums.g12 + s22 * sums.g22 + det_s * sums.det_g
    p11 = (s11 + det_s * sums.g22) / det
    p12 = (s12 - det_s * sums.g12) / det
    p22 = (s22 + det_s * sums.g11) / det
    return p11, p12, p22


def profile(sums: SchoolSums, cov: Floats, method: Method) -> Profile:
    """The deviance at Sigma, with the coefficients and sigma_y at their best.

    Parameters
    ----------
    sums : SchoolSums
    cov : (..., 4) array
        Sigma from `relative_covariance`; leading axes are evaluated together.
    method : {"REML", "ML"}

    Returns
    -------
    Profile
        Its criterion is on the scale of the data, lme4's ``REMLcrit`` or ``deviance``.
    """
    (q11, q12, q22), det = school_precision(sums, cov)
    a0, a1 = sums.design
    b0, b1 = sums.own
    qa0 = q11[..., None, :] * a0 + q12[..., None, :] * a1
    qa1 = q12[..., None, :] * a0 + q22[..., None, :] * a1
    chol_b = np.linalg.cholesky(qa0 @ a0.T + qa1 @ a1.T)
    rhs = (qa0 @ b0 + qa1 @ b1)[..., None]
    root = np.linalg.inv(chol_b)
    coef = (np.swapaxes(root, -1, -2) @ (root @ rhs))[..., 0]
    e0, e1 = b0 - coef @ a0, b1 - coef @ a1
    qe0, qe1 = q11 * e0 + q12 * e1, q12 * e0 + q22 * e1
    r2 = sums.rss + (e0 * qe0 + e1 * qe1).sum(-1)
    reml = method == "REML"
    m = sums.n_students - reml * len(sums.names)
    scale2 = sums.y_scale**2
    criterion = np.log(det).sum(-1) + m * (1 + np.log(2 * math.pi * scale2 / m * r2))
    if reml:
        log_root = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(-1)
        criterion = criterion - 2 * (log_root + sums.log_jacobian)
    return Profile(criterion, coef, root, r2, (e0, e1), (qe0, qe1), (q11, q12, q22), (qa0, qa1))


def derivatives(
    sums: SchoolSums, at: Profile, method: Method, sigma2: Floats | None = None
) -> tuple[Floats, Floats]:
    r"""Gradient and Hessian of the deviance in the elements of Sigma.

    With :math:`F_j` the columns :math:`Q_j A_j B^{-1/2}` (REML only) and
    :math:`Q_j e_j / \sigma_y`, the gradient is the matrix
    :math:`S = \sum_j (Q_j - F_j F_j')`, and for symmetric D and E the second derivative is
    :math:`\sum_j tr(D Q_j E (2 F_j F_j' - Q_j))` plus
    :math:`tr(\Gamma_D \Gamma_E)`-like terms with :math:`\Gamma_D = \sum_j F_j' D F_j`,
    which come from the estimation of coefficients and of sigma_y. The sums over schools are
    the whole cost.

    Parameters
    ----------
    sums, at, method
        ``at`` from `profile`.
    sigma2 : (...) array, optional
        ``sigma_y**2`` when it is given instead of estimated, in units of ``y_scale**2``.

    Returns
    -------
    gradient : (..., 3) array
        In ``Sigma[0, 0], Sigma[0, 1], Sigma[1, 1]``.
    hessian : (..., 3, 3) array
    """
    reml = method == "REML"
    p = len(sums.names)
    m = sums.n_students - reml * p
    size = np.sqrt(at.r2 / m if sigma2 is None else sigma2)[..., None, None]
    f0, f1 = (
        np.concatenate([at.root @ qa, qe[..., None, :] / size], axis=-2)
        for qa, qe in zip(at.qa, at.qe, strict=True)
    )
    used = slice(None) if reml else slice(-1, None)
    h0, h1 = f0[..., used, :], f1[..., used, :]
    q = np.stack(at.q, axis=-2)
    ff = np.stack([(h0 * h0).sum(-2), (h0 * h1).sum(-2), (h1 * h1).sum(-2)], axis=-2)
    s = (q - ff).sum(-1)
    gradient = np.stack([s[..., 0], 2 * s[..., 1], s[..., 2]], axis=-1)
    t = q @ np.swapaxes(2 * ff - q, -1, -2)
    cross = f0 @ np.swapaxes(f1, -1, -2)
    gamma = np.stack(
        [
            f0 @ np.swapaxes(f0, -1, -2),
            cross + np.swapaxes(cross, -1, -2),
            f1 @ np.swapaxes(f1, -1, -2),
        ],
        axis=-3,
    )
    weight = np.ones((p + 1, p + 1))
    weight[:p, :p] = float(reml)
    weight[p, p] = 1 / m if sigma2 is None else 0.0
    flat = gamma.reshape(*gamma.shape[:-2], -1)
    hessian = _in_elements(t) - (flat * weight.ravel()) @ np.swapaxes(flat, -1, -2)
    return gradient, hessian


def _in_elements(t: Floats) -> Floats:
    """``sum_j tr(D Q E R)`` for D, E the three unit symmetric matrices, from ``t = sum_j q r'``."""
    h = np.empty_like(t)
    h[..., 0, 0], h[..., 2, 2], h[..., 0, 2] = t[..., 0, 0], t[..., 2, 2], t[..., 1, 1]
    h[..., 0, 1] = t[..., 0, 1] + t[..., 1, 0]
    h[..., 1, 2] = t[..., 1, 2] + t[..., 2, 1]
    h[..., 1, 1] = t[..., 0, 2] + 2 * t[..., 1, 1] + t[..., 2, 0]
    h[..., 1, 0], h[..., 2, 1], h[..., 2, 0] = h[..., 0, 1], h[..., 1, 2], h[..., 0, 2]
    return h
