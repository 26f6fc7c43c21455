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

One Cholesky factor gives it all: with :math:`C_j = (A_j, b_j)` and

.. math:: M = \sum_j C_j' Q_j C_j + \text{(rss in the last place)} = L L',

the last diagonal element of L is :math:`r`, and the others give :math:`|B|`.

This is the criterion of Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1),
section 3.4, in which :math:`\Sigma = \Lambda\Lambda'`.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from mlm_core.data import DataError, Floats, GroupedData
from mlm_core.records import Method, Slopes
from mlm_core.showing import record

COEF_NAMES = ("a0", "b0", "a1", "b1")


@record
class SchoolSums:
    """All that the likelihood needs of the data; y, x and u centred and scaled.

    Attributes
    ----------
    g : (4, J) array
        ``G_j``: number of students, sum of x, sum of x squared; and ``|G_j|``, exactly 0
        where the school has no slope of its own.
    columns : (2, p + 1, J) array
        ``C_j``: the design ``A_j``, that is what each coefficient adds to intercept and slope
        of school j; in the last place ``b_j``, the school's own line minus ``A_j first``.
    first : (p,) array
        Coefficients next to no pooling, taken out of ``b_j`` for the sake of precision.
    rss : float
        Sum of squares around the schools' own lines.
    names : tuple of str
        The coefficients, of ``a0, b0, a1, b1``.
    n_students : int
    y_mean, y_scale, x_mean, x_scale, u_mean, u_scale : float
        ``(y - y_mean) / y_scale`` is used in place of y, and so on.
    """

    g: Floats
    columns: Floats
    first: Floats
    rss: float
    names: tuple[str, ...]
    n_students: int
    y_mean: float
    y_scale: float
    x_mean: float
    x_scale: float
    u_mean: float
    u_scale: float

    @property
    def n_groups(self) -> int:
        """Number of schools J."""
        return len(self.g[0])

    @property
    def design(self) -> Floats:
        """``A_j`` (2, p, J)."""
        return self.columns[:, :-1]

    @property
    def x_zero(self) -> float:
        """Where x = 0 is on the centred and scaled x."""
        return -self.x_mean / self.x_scale

    def free(self, method: Method) -> int:
        """Degrees of freedom m of ``sigma_y``: n, for REML less the coefficients."""
        return self.n_students - len(self.names) if method == "REML" else self.n_students

    def log_scale(self, method: Method) -> float:
        """What centring and scaling takes from the deviance."""
        out = 2 * self.free(method) * math.log(self.y_scale)
        if method == "REML":
            with_x = ("a1" in self.names) + ("b1" in self.names)
            with_u = ("b0" in self.names) + ("b1" in self.names)
            out += 2 * (with_x * math.log(self.x_scale) + with_u * math.log(self.u_scale))
        return out


class Profile(NamedTuple):
    """The model at given Sigma; leading axes are those of Sigma.

    ``criterion`` (...); ``root`` (..., p + 1, p + 1), the inverse of L; ``q`` (..., 3, J) the
    elements of ``Q_j``; ``qc`` (..., 2, p + 1, J), ``Q_j C_j``.
    """

    criterion: Floats
    root: Floats
    q: Floats
    qc: Floats

    @property
    def r2(self) -> Floats:
        """(...) generalised residual sum of squares; over m it is ``sigma_y**2``."""
        return _r2(self.root)

    @property
    def coef(self) -> Floats:
        """(..., p) coefficients, less ``first``."""
        return _coef(self.root)


class Intercepts(NamedTuple):
    r"""The model with varying intercepts alone, at K values of :math:`s = \Sigma_{11}`.

    ``criterion`` (K,) and ``root`` (K, p + 1, p + 1) as in `Profile`; ``told`` (K, J),
    :math:`w_j = n_j/(1 + s n_j)`; ``means`` (p + 1, J), the columns ``C_j`` at the school's
    mean x, so that the first row of ``Q_j C_j`` is :math:`w_j` times them.
    """

    criterion: Floats
    root: Floats
    told: Floats
    means: Floats

    @property
    def r2(self) -> Floats:
        """As `Profile.r2`."""
        return _r2(self.root)

    @property
    def coef(self) -> Floats:
        """As `Profile.coef`."""
        return _coef(self.root)

    def crossed(self, power: int) -> Floats:
        r"""(K, p + 1, p + 1) :math:`L^{-1}\sum_j w_j^k m_j m_j' L^{-1\prime}`, k the power."""
        out: Floats = self.root @ _squares(self.told**power, self.means)
        return out @ np.swapaxes(self.root, -1, -2)


def _r2(root: Floats) -> Floats:
    out: Floats = root[..., -1, -1] ** -2
    return out


def _coef(root: Floats) -> Floats:
    out: Floats = -root[..., -1, :-1] / root[..., -1, -1:]
    return out


def _squares(weight: Floats, columns: Floats) -> Floats:
    """(K, P, P) sums over schools of the columns' products, for weights (K, J)."""
    size = len(columns)
    products = (columns[:, None] * columns).reshape(size * size, -1)
    out: Floats = (weight @ products.T).reshape(-1, size, size)
    return out


class Parts(NamedTuple):
    r"""The deviance with ``sigma_y`` still open, at one Sigma (q, q).

    .. math:: D(\Sigma, \sigma_y) = \text{log} + r^2 / \sigma_y^2 + m\log(2\pi\sigma_y^2)

    with sigma_y in units of ``y_scale``; ``log_slope`` and ``r2_slope`` (q, q) are the
    derivatives S with :math:`dD = tr(S\, d\Sigma)`.
    """

    log: float
    r2: float
    log_slope: Floats
    r2_slope: Floats


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
    >>> school_sums(data).g[0].tolist()
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
    own = np.stack([y_bar - slope * x_bar, slope])
    g = np.stack([n, n * x_bar, sxx + n * x_bar**2, n * sxx])
    first = _own_means(g, design, own, slopes)
    return SchoolSums(
        g=g,
        columns=np.concatenate([design, (own - first @ design)[:, None]], axis=1),
        first=first,
        rss=float((dy * dy).sum()),
        names=names,
        n_students=data.n_students,
        y_mean=y_mean,
        y_scale=y_scale,
        x_mean=x_mean,
        x_scale=x_scale,
        u_mean=u_mean,
        u_scale=u_scale,
    )


def _own_means(g: Floats, design: Floats, own: Floats, slopes: Slopes) -> Floats:
    """Coefficients (p,) next to no pooling; here it shows when they cannot be told apart."""
    far = 1e8 * g.shape[1] / g[0].sum()
    apart = np.array([far, 0.0, 0.0, 0.0] if slopes == "common" else [far, 0.0, far, far**2])
    q, _ = _precision(g, apart)
    qa = np.stack([q[0] * design[0] + q[1] * design[1], q[1] * design[0] + q[2] * design[1]])
    b = qa[0] @ design[0].T + qa[1] @ design[1].T
    size = np.sqrt(np.diagonal(b))
    values, axes = np.linalg.eigh(b / np.outer(size, size))
    if values[0] < 1e-11:
        raise DataError(
            "x and u say the same thing (one can be computed from the other), so their "
            "coefficients cannot be told apart: leave one of them out."
        )
    rhs = (qa[0] @ own[0] + qa[1] @ own[1]) / size
    out: Floats = axes @ ((axes.T @ rhs) / values) / size
    return out


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


def school_precision(sums: SchoolSums, cov: Floats) -> tuple[Floats, Floats]:
    r"""Elements of Q_j (..., 3, J) and :math:`|I + \Sigma G_j|` (..., J), for cov (..., 4)."""
    return _precision(sums.g, cov)


def _precision(g: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """As `school_precision`."""
    det = 1 + (cov * DOUBLE) @ g
    adjugate = (cov[..., 2::-1] * SIGN)[..., None]
    return (g[:3] + adjugate * g[3]) / det[..., None, :], det


def school_covariance(sums: SchoolSums, cov: Floats) -> Floats:
    r"""Covariance :math:`P_j = (\Sigma^{-1} + G_j)^{-1}` of a school's effects given its data.

    Its elements (..., 3, J) in units of ``sigma_y**2``, for cov (..., 4); the coefficients are
    taken as known.
    """
    det = 1 + (cov * DOUBLE) @ sums.g
    adjugate = sums.g[2::-1] * SIGN[:, None]
    out: Floats = (cov[..., :3, None] + cov[..., 3, None, None] * adjugate) / det[..., None, :]
    return out


DOUBLE = np.array([1.0, 2.0, 1.0, 1.0])  # Sigma[0, 1] stands twice in Sigma
SIGN = np.array([1.0, -1.0, 1.0])


def _crossed(sums: SchoolSums, cov: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Cholesky factor L; then ``Q_j``, ``Q_j C_j`` and the determinants."""
    q, det = school_precision(sums, cov)
    c0, c1 = sums.columns
    qc = np.empty((*q.shape[:-2], *sums.columns.shape))
    q01 = q[..., 1, None, :]
    qc[..., 0, :, :] = q[..., 0, None, :] * c0 + q01 * c1
    qc[..., 1, :, :] = q01 * c0 + q[..., 2, None, :] * c1
    m = qc[..., 0, :, :] @ c0.T + qc[..., 1, :, :] @ c1.T
    m[..., -1, -1] += sums.rss
    chol: Any = np.linalg.cholesky(m)
    return chol, q, qc, det


def _criterion(sums: SchoolSums, chol: Floats, det: Floats, method: Method) -> Floats:
    """The deviance on the scale of the data."""
    log_l = np.log(np.diagonal(chol, axis1=-2, axis2=-1))
    m = sums.free(method)
    out: Floats = np.log(det).sum(-1) + 2 * m * log_l[..., -1]
    if method == "REML":
        out = out + 2 * log_l[..., :-1].sum(-1)
    out = out + (m * (1 + math.log(2 * math.pi / m)) + sums.log_scale(method))
    return out


def height(sums: SchoolSums, cov: Floats, method: Method) -> Floats:
    """The criterion alone, of many Sigma (..., 4)."""
    chol, _, _, det = _crossed(sums, cov)
    return _criterion(sums, chol, det, method)


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
    chol, q, qc, det = _crossed(sums, cov)
    root: Any = np.linalg.inv(chol)
    return Profile(_criterion(sums, chol, det, method), root, q, qc)


def derivatives(sums: SchoolSums, at: Profile, method: Method) -> tuple[Floats, Floats]:
    r"""Gradient and Hessian of the deviance in the elements of Sigma.

    With :math:`F_j` (2, p + 1) the rows of :math:`L^{-1} C_j' Q_j`, the last times
    :math:`\sqrt m`, as columns, the gradient is the matrix :math:`S = \sum_j (Q_j - F_j F_j')`;
    for symmetric D and E the second derivative is
    :math:`\sum_j tr(D Q_j E (2 F_j F_j' - Q_j))`, less the sum of the products of elements of
    :math:`\Gamma_D = \sum_j F_j' D F_j` and :math:`\Gamma_E`, which comes from
    the estimation of coefficients and of sigma_y (there the last element counts 1/m).
    For ML the columns of the coefficients count in :math:`\Gamma` with the last one only.

    Parameters
    ----------
    sums, at, method
        ``at`` from `profile`.

    Returns
    -------
    gradient : (..., 3) array
        In ``Sigma[0, 0], Sigma[0, 1], Sigma[1, 1]``.
    hessian : (..., 3, 3) array
    """
    scale, weight = _weights(len(sums.names), sums.free(method), method)
    f = (at.root * scale)[..., None, :, :] @ at.qc
    h = f if method == "REML" else f[..., -1:, :]
    h0, h1 = h[..., 0, :, :], h[..., 1, :, :]
    ff = np.empty_like(at.q)
    ff[..., ::2, :] = (h * h).sum(-2)
    ff[..., 1, :] = (h0 * h1).sum(-2)
    gradient = (at.q - ff).sum(-1) * GRADIENT
    t = at.q @ np.swapaxes(2 * ff - at.q, -1, -2)
    gamma = np.empty((*f.shape[:-3], 3, *weight.shape))
    f0, f1 = f[..., 0, :, :], f[..., 1, :, :]
    gamma[..., ::2, :, :] = f @ np.swapaxes(f, -1, -2)
    cross = f0 @ np.swapaxes(f1, -1, -2)
    gamma[..., 1, :, :] = cross + np.swapaxes(cross, -1, -2)
    flat = gamma.reshape(*gamma.shape[:-2], -1)
    taken = (flat * weight.ravel()) @ np.swapaxes(flat, -1, -2)
    return gradient, (t.reshape(*t.shape[:-2], 9) @ ELEMENTS).reshape(t.shape) - taken


def parts(sums: SchoolSums, sigma: Floats, method: Method) -> Parts:
    """The deviance at Sigma, (1, 1) for varying intercepts alone or (2, 2), in two parts."""
    q = len(sigma)
    cov = np.zeros(4)
    cov[0] = sigma[0, 0]
    if q == 2:
        cov[1:] = sigma[0, 1], sigma[1, 1], max(float(np.linalg.det(sigma)), 0.0)
    at = profile(sums, cov, method)
    f = (at.root @ at.qc)[:q]
    m, r2 = sums.free(method), float(at.r2)
    of_coef = f[:, :-1] if method == "REML" else f[:, :0]
    whole = np.array([[at.q[0], at.q[1]], [at.q[1], at.q[2]]]).sum(-1)[:q, :q]
    log = float(at.criterion) - m * (1 + math.log(2 * math.pi * r2 / m))
    last = f[:, -1]
    slope = whole - np.einsum("apj,bpj->ab", of_coef, of_coef)
    return Parts(log, r2, slope, -r2 * (last @ last.T))


def intercepts(sums: SchoolSums, s: Floats, method: Method) -> Intercepts:
    r"""What `profile` gives where intercepts vary alone, at a fifth of its cost.

    Where :math:`\Sigma` has one element s, a school counts by its mean and by what is within it:

    .. math::

        M = \sum_j \frac{n_j}{1 + s n_j} m_j m_j' + \sum_j S_{xx,j} c_j c_j'
            + \text{(rss in the last place)},

    with :math:`m_j` the columns ``C_j`` at the school's mean x and :math:`c_j` their slopes.

    Parameters
    ----------
    sums : SchoolSums
    s : (K,) array
        Variance of the intercepts in units of ``sigma_y**2``.
    method : {"REML", "ML"}
    """
    n, sum_x, _, determinant = sums.g
    at_zero, slope = sums.columns
    means = at_zero + sum_x / n * slope
    det = 1 + s[:, None] * n
    told = n / det
    m = _squares(told, means) + _squares((determinant / n)[None], slope)
    m[:, -1, -1] += sums.rss
    chol: Any = np.linalg.cholesky(m)
    return Intercepts(
        _criterion(sums, chol, det, method), np.asarray(np.linalg.inv(chol)), told, means
    )


GRADIENT = np.array([1.0, 2.0, 1.0])


@cache
def _weights(p: int, m: int, method: Method) -> tuple[Floats, Floats]:
    """Of rows of F (p + 1, 1) and elements of Gamma (p + 1, p + 1) in `derivatives`."""
    scale, weight = np.ones((p + 1, 1)), np.ones((p + 1, p + 1))
    scale[p] = math.sqrt(m)
    weight[:p, :p] = float(method == "REML")
    weight[p, p] = 1 / m
    return scale, weight


def _elements() -> Floats:
    """(9, 9) that takes ``sum_j q r'`` to ``sum_j tr(D Q_j E R_j)``, D and E unit and symmetric."""
    unit = np.array([[[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1.0]]])
    out: Floats = np.einsum("aij,mjk,bkl,nli->mnab", unit, unit, unit, unit).reshape(9, 9)
    return out


ELEMENTS = _elements()
