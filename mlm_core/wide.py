r"""The multilevel model with predictors and varying coefficients of any number.

.. math::

    y_j = X_j\gamma + Z_j\eta_j + \epsilon_j, \qquad
    \eta_j \sim N(0, \sigma_y^2\Sigma), \quad \epsilon_j \sim N(0, \sigma_y^2 I).

With :math:`Z_j'Z_j = S_j'S_j` (S square, of the width q of Z), the residuals of X and y around
each school's own regression on Z, and :math:`c_j = S_j^{-T}Z_j'(X_j, y_j)`, all that the
likelihood needs is

.. math::

    K_j = I + S_j\Sigma S_j', \qquad
    M = \text{(sums of products of residuals)} + \sum_j c_j'K_j^{-1}c_j = NN',

in which nothing is subtracted, so nothing is lost where schools differ much. Then N holds
:math:`r` and the Cholesky factor of :math:`X'V^{-1}X`, and the deviance is that of
`mlm_core.deviance`, which is the fast road for one x and one u.

This is the criterion of Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1),
section 3.4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mlm_core.data import DataError, Floats, Ints, frozen
from mlm_core.deviance import Parts
from mlm_core.records import Method
from mlm_core.showing import record

NO_POOLING = 1e8  # Sigma at which a school learns nothing of the others
VALLEY = 0.25  # how far apart, in log(sigma_y**2), its least deviance is first looked for
TINY = 1e-3  # SDs, as shares of the one that pulls a mean school halfway, to be tried as 0


@record
class WideSums:
    """All that the likelihood needs of the data; X orthonormal, y without X, Z centred and scaled.

    Attributes
    ----------
    s : (J, q, q) array
        ``S_j``, exactly 0 in directions that a school's rows say nothing of.
    c : (J, q, p + 1) array
        ``c_j``, y in the last column.
    rss : (p + 1, p + 1) array
        Products of the residuals around the schools' own regressions on Z.
    to_x : (p, p) array
        R, where X = QR.
    ols : (p,) array
        Coefficients of complete pooling, taken out of y.
    to_z : (q, q) array
        A, where ``Z A`` is centred and scaled: Sigma of the data is ``A Sigma A'``.
    y_scale : float
        Of what the ordinary regression leaves of y.
    n_students : int
    n : (J,) int array
    names, z_names : tuple of str
        Columns of X and Z.
    """

    s: Floats
    c: Floats
    rss: Floats
    to_x: Floats
    ols: Floats
    to_z: Floats
    y_scale: float
    n_students: int
    n: Ints
    names: tuple[str, ...]
    z_names: tuple[str, ...]

    @property
    def n_groups(self) -> int:
        """Number of schools J."""
        return len(self.n)

    @property
    def q(self) -> int:
        """How many coefficients vary."""
        return int(self.s.shape[1])

    @property
    def p(self) -> int:
        """How many coefficients there are."""
        return len(self.ols)

    def free(self, method: Method) -> int:
        """Degrees of freedom of ``sigma_y``."""
        return self.n_students - (self.p if method == "REML" else 0)

    def log_scale(self, method: Method) -> float:
        """What scaling takes from the deviance."""
        out = 2 * self.free(method) * math.log(self.y_scale)
        if method == "REML":
            out += 2 * float(np.log(np.abs(np.diag(self.to_x))).sum())
        return out


@record
class WideFit:
    """A fitted multilevel model of any width, on the scale of the data.

    Attributes
    ----------
    names, z_names : tuple of str
        Columns of X (p of them) and of Z (q).
    coef : (p,) array
    coef_cov : (p, p) array
    sd : (q,) array
        SDs between schools of the coefficients of Z.
    corr : (q, q) array
        Their correlations; NaN where an SD is 0.
    sigma_y : float
    criterion : float
        Minus twice the (restricted) log likelihood.
    modes : (J, q) array
        Conditional modes of the schools' departures.
    mode_cov : (J, q, q) array
        Their conditional covariance, given the coefficients and the SDs.
    pull : (J, q, p) array
        How the modes follow errors of the coefficients.
    method : {"REML", "ML"}
    singular, converged : bool
    n : (J,) int array
    """

    names: tuple[str, ...]
    z_names: tuple[str, ...]
    coef: Floats
    coef_cov: Floats
    sd: Floats
    corr: Floats
    sigma_y: float
    criterion: float
    modes: Floats
    mode_cov: Floats
    pull: Floats
    method: Method
    singular: bool
    converged: bool
    n: Ints

    @property
    def n_groups(self) -> int:
        """Number of schools J."""
        return len(self.n)

    @property
    def se(self) -> Floats:
        """(p,) standard errors of the coefficients."""
        out: Floats = np.sqrt(np.diag(self.coef_cov))
        return out

    @property
    def cov(self) -> Floats:
        """(q, q) covariance between schools of the coefficients of Z."""
        out: Floats = np.nan_to_num(self.corr) * np.outer(self.sd, self.sd)
        out[np.diag_indices(len(self.sd))] = self.sd**2
        return out

    def expect(self, X: Floats, Z: Floats, school: Ints | int | None = None) -> Expected:
        r"""Mean score of students with given X and Z, and how unsure it is.

        In a school of the data :math:`x\hat\gamma + z\hat\eta_j`; in a new one
        :math:`x\hat\gamma`, with the schools' variance :math:`z\,cov(\eta)z'` on top.

        Parameters
        ----------
        X : (m, p) array
        Z : (m, q) array
        school : (m,) int array or int, optional
            Indices of schools; without it, a new school.
        """
        X, Z = np.atleast_2d(X), np.atleast_2d(Z)
        if school is None:
            variance = ((X @ self.coef_cov) * X).sum(-1) + ((Z @ self.cov) * Z).sum(-1)
            return Expected(X @ self.coef, np.sqrt(variance))
        j = np.broadcast_to(np.asarray(school), len(X))
        mean = X @ self.coef + (Z * self.modes[j]).sum(-1)
        left = X - np.einsum("mq,mqp->mp", Z, self.pull[j])
        variance = np.einsum("mq,mqr,mr->m", Z, self.mode_cov[j], Z)
        variance = variance + ((left @ self.coef_cov) * left).sum(-1)
        return Expected(mean, np.sqrt(np.maximum(variance, 0)))


class Expected(NamedTuple):
    """Means (m,) and their standard errors (m,)."""

    mean: Floats
    se: Floats


def wide_sums(
    y: Floats,
    X: Floats,
    Z: Floats,
    j: Ints,
    names: Sequence[str] = (),
    z_names: Sequence[str] = (),
) -> WideSums:
    """Reduce the data to sums over schools.

    Parameters
    ----------
    y : (n,) array
    X : (n, p) array
        Predictors, with their column of ones.
    Z : (n, q) array
        What varies between schools: a column of ones first.
    j : (n,) int array
        School of each student, from 0 to J - 1.
    names, z_names : sequences of str
        Of the columns, for messages.

    Raises
    ------
    DataError
        Columns of X say the same thing; nothing is left of y; too few schools or students.

    Examples
    --------
    >>> ones = np.ones((4, 1))
    >>> wide_sums(np.array([1.0, 2, 4, 6]), ones, ones, np.array([0, 0, 1, 1])).n.tolist()
    [2, 2]
    """
    names = tuple(names) or tuple(f"column {k}" for k in range(X.shape[1]))
    n = np.bincount(j)
    _check_counts(X, n)
    Q, R = np.linalg.qr(X)
    small = np.abs(np.diag(R)) <= 1e-9 * np.linalg.norm(X, axis=0)
    if small.any():
        raise DataError(
            f"“{names[int(np.argmax(small))]}” says what other predictors say already (it can be "
            "computed from them), so its coefficient cannot be told apart: leave it out."
        )
    fitted = Q.T @ y
    e = y - Q @ fitted
    scale = math.sqrt(float(e @ e) / len(e))
    if scale <= 1e-12 * float(np.abs(y).max()):
        raise DataError("The predictors explain every value exactly: there is nothing left to fit.")
    to_z = _standardising(Z)
    s, c, rss = _reduced(Z @ to_z, np.column_stack([Q, e / scale]), j, n)
    sums = WideSums(
        s=s,
        c=c,
        rss=rss,
        to_x=R,
        ols=np.linalg.solve(R, fitted),
        to_z=to_z,
        y_scale=scale,
        n_students=len(y),
        n=n,
        names=names,
        z_names=tuple(z_names) or tuple(f"column {k}" for k in range(Z.shape[1])),
    )
    _check_groups(sums)
    return sums


def _check_counts(X: Floats, n: Ints) -> None:
    if len(n) < 2:
        raise DataError("There is one group: differences between groups need at least two.")
    if len(X) <= X.shape[1] + 1:
        raise DataError(
            f"{len(X)} rows are too few for {X.shape[1]} coefficients: leave predictors out."
        )


def _standardising(Z: Floats) -> Floats:
    """A (q, q) with ``Z A`` centred and scaled; the first column of Z is ones."""
    A = np.eye(Z.shape[1])
    for k in range(1, Z.shape[1]):
        mean, sd = float(Z[:, k].mean()), float(Z[:, k].std())
        A[k, k] = 1 / (sd or 1.0)
        A[0, k] = -mean * A[k, k]
    return A


def _reduced(Z: Floats, W: Floats, j: Ints, n: Ints) -> tuple[Floats, Floats, Floats]:
    """``S_j``, ``c_j`` and the products of residuals."""
    J, q = len(n), Z.shape[1]
    if q == 1:
        root = np.sqrt(n.astype(np.float64))
        mean = _by_school(j, W, J) / n[:, None]
        within = W - mean[j]
        return root[:, None, None], (root[:, None] * mean)[:, None, :], within.T @ within
    products = (Z[:, :, None] * Z[:, None, :]).reshape(len(Z), -1)
    values, axes = np.linalg.eigh(_by_school(j, products, J).reshape(J, q, q))
    known = values > 1e-11 * values[:, -1:]
    root = np.sqrt(np.where(known, values, 0.0))
    s: Any = root[:, :, None] * np.swapaxes(axes, 1, 2)
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=known)
    crossed = (Z[:, :, None] * W[:, None, :]).reshape(len(Z), -1)
    zw = _by_school(j, crossed, J).reshape(J, q, -1)
    c: Any = inverse[:, :, None] * (np.swapaxes(axes, 1, 2) @ zw)
    own = axes @ (inverse[:, :, None] * c)
    residual = W - np.einsum("nq,nqk->nk", Z, own[j])
    rss: Any = residual.T @ residual
    return s.astype(np.float64), c.astype(np.float64), rss


def _by_school(j: Ints, values: Floats, J: int) -> Floats:
    """(J, columns) sums of values (n, columns) by school."""
    return np.stack([np.bincount(j, weights=v, minlength=J) for v in values.T], axis=1)


def _check_groups(sums: WideSums) -> None:
    """Enough groups, and something left within them."""
    between = int((np.diag(sums.rss)[:-1] <= 1e-12).sum())
    if between >= sums.n_groups:
        raise DataError(
            f"{sums.n_groups} groups cannot give {between} coefficients of groups and also an SD "
            "between groups: leave a predictor of groups out."
        )
    rank = np.diagonal(sums.s @ np.swapaxes(sums.s, 1, 2), axis1=1, axis2=2) > 0
    whole = int(rank.all(1).sum())
    if whole < 2:
        raise DataError(
            "Slopes cannot vary here: fewer than two groups have rows from which their own slopes "
            "can be told. Let fewer slopes vary."
        )
    left = sums.n_students - int(rank.sum()) - (sums.p - between - (sums.q - 1))
    rest = np.linalg.lstsq(sums.rss[:-1, :-1], sums.rss[:-1, -1], rcond=1e-10)[0]
    unexplained = float(sums.rss[-1, -1] - rest @ sums.rss[:-1, -1])
    if left <= 0 or unexplained <= 1e-20 * sums.n_students:
        raise DataError(
            f"{sums.n_students} rows are too few for {sums.n_groups} groups and these predictors: "
            "every value can be fitted exactly, so nothing tells how much rows of a group differ."
        )


# The deviance


class _At(NamedTuple):
    """The model at Sigma (..., q, q)."""

    log_det: Floats  # (...)
    root: Floats  # (..., p + 1, p + 1) the inverse of N
    f: Floats  # (..., J, q, p + 1) S' K^-1 c N^-T
    q: Floats  # (..., J, q, q) S' K^-1 S


def _at(sums: WideSums, sigma: Floats, method: Method) -> _At:
    """By forward substitution, an element at a time for all schools at once."""
    q = sums.q
    s = sums.s
    half = (s.reshape(-1, q) @ sigma).reshape(*sigma.shape[:-2], len(s), q, q)
    root, log_det = _roots(half, s)
    t: list[Any] = []
    a: list[Any] = []
    for i in range(q):
        ti, ai = sums.c[:, i], s[:, i]
        for k in range(i):
            ti = ti - root[i][k][..., None] * t[k]
            ai = ai - root[i][k][..., None] * a[k]
        t.append(ti / root[i][i][..., None])
        a.append(ai / root[i][i][..., None])
    m = sums.rss + sum(np.swapaxes(ti, -1, -2) @ ti for ti in t)
    inverse = np.linalg.inv(np.linalg.cholesky(m))
    back = np.swapaxes(inverse, -1, -2)
    f = np.stack([sum(a[i][..., k, None] * t[i] for i in range(q)) @ back for k in range(q)], -2)
    whole = sum(ai[..., :, None] * ai[..., None, :] for ai in a)
    return _At(log_det.sum(-1), inverse, f, np.asarray(whole))


def _roots(half: Floats, s: Floats) -> tuple[list[list[Floats]], Floats]:
    """Cholesky factor of K, a list of lists of (..., J), and log determinant of K (..., J)."""
    q = s.shape[-1]
    root: list[list[Floats]] = []
    log_det = np.zeros(half.shape[:-2])
    for i in range(q):
        row: list[Floats] = []
        for k in range(i + 1):
            value = (half[..., i, :] * s[:, k]).sum(-1) + (i == k)
            for m in range(k):
                value = value - row[m] * (root[k][m] if k < i else row[m])
            row.append(np.sqrt(value) if i == k else value / root[k][k])
        log_det = log_det + 2 * np.log(row[i])
        root.append(row)
    return root, log_det


def _log_part(sums: WideSums, at: _At, method: Method) -> Floats:
    out: Floats = at.log_det + sums.log_scale(method)
    if method == "REML":
        diagonal = np.diagonal(at.root, axis1=-2, axis2=-1)[..., :-1]
        out = out - 2 * np.log(diagonal).sum(-1)
    return out


def wide_parts(sums: WideSums, sigma: Floats, method: Method) -> Parts:
    r"""The deviance at Sigma (q, q) in two parts, with their derivatives; see `Parts`."""
    at = _at(sums, sigma, method)
    r2 = float(at.root[-1, -1] ** -2)
    slope = at.q.sum(0)
    if method == "REML":
        of_coef = np.swapaxes(at.f[:, :, : sums.p], 0, 1).reshape(sums.q, -1)
        slope = slope - of_coef @ of_coef.T
    last = at.f[:, :, -1]
    return Parts(float(_log_part(sums, at, method)), r2, slope, -r2 * (last.T @ last))


def wide_criterion(sums: WideSums, sigma: Floats, method: Method) -> Floats:
    """The deviance at many Sigma (..., q, q)."""
    at = _at(sums, sigma, method)
    m = sums.free(method)
    r2 = at.root[..., -1, -1] ** -2
    out: Floats = _log_part(sums, at, method) + m * (1 + np.log(2 * math.pi * r2 / m))
    return out


# The fit


def fit_wide(sums: WideSums, method: Method = "REML") -> WideFit:
    r"""Fit the multilevel model by (restricted) maximum likelihood.

    Parameters
    ----------
    sums : WideSums
    method : {"REML", "ML"}

    Examples
    --------
    >>> y, j = np.array([1.0, 2, 3, 7, 8, 9]), np.array([0, 0, 0, 1, 1, 1])
    >>> fit = fit_wide(wide_sums(y, np.ones((6, 1)), np.ones((6, 1)), j))
    >>> fit.sd.round(3).tolist(), (fit.coef + fit.modes[:, 0]).round(2).tolist()
    ([4.203], [2.06, 7.94])
    """
    sigma, converged = best_sigma(sums, method)
    return fit_at(sums, sigma, method, converged)


def best_sigma(sums: WideSums, method: Method) -> tuple[Floats, bool]:
    """Sigma (q, q) where the deviance is least; exactly on the boundary when it is there."""
    from scipy.optimize import minimize

    lower = np.tril_indices(sums.q)
    m = sums.free(method)

    def cost(theta: Floats) -> tuple[float, Floats]:
        root = np.zeros((sums.q, sums.q))
        root[lower] = theta
        parts = wide_parts(sums, root @ root.T, method)
        slope = 2 * (parts.log_slope + m / parts.r2 * parts.r2_slope) @ root
        return parts.log + m * (1 + math.log(2 * math.pi * parts.r2 / m)), slope[lower]

    best, lowest, converged = np.zeros((sums.q, sums.q)), math.inf, False
    for start in _starts(sums, method):
        found = minimize(cost, start[lower], jac=True, method="BFGS", options={"gtol": 1e-7})
        if found.fun < lowest - 1e-9:
            root = np.zeros((sums.q, sums.q))
            root[lower] = found.x
            best, lowest = root @ root.T, float(found.fun)
            converged = bool(np.abs(found.jac).max() < 1e-3)
    return _bounded(sums, best, lowest, method), converged


def _starts(sums: WideSums, method: Method) -> list[Floats]:
    """Lower triangles from which to search: the best of a coarse grid, with and without slopes."""
    scale = math.sqrt(sums.n_groups / sums.n_students)
    sizes = scale * 3.0 ** np.arange(-2, 7)
    shapes = [np.eye(sums.q)]
    if sums.q > 1:
        small = np.eye(sums.q) * 0.1
        small[0, 0] = 1.0
        shapes += [small, small @ np.eye(sums.q)[::-1] if sums.q == 2 else 0.3 * np.eye(sums.q)]
    out = []
    for shape in shapes:
        covs = sizes[:, None, None] ** 2 * (shape @ shape.T)
        covs += 1e-9 * np.eye(sums.q) * scale**2
        heights = wide_criterion(sums, covs, method)
        out.append((float(heights.min()), np.linalg.cholesky(covs[int(np.argmin(heights))])))
    out.sort(key=lambda pair: pair[0])
    few = 3 if sums.n_groups <= 200 else 1
    return [start for _, start in out[:few]]


def _bounded(sums: WideSums, sigma: Floats, lowest: float, method: Method) -> Floats:
    """Sigma with its tiny axes set to exactly 0, when the deviance does not rise by it."""
    values, axes = np.linalg.eigh(sigma)
    limit = TINY * math.sqrt(sums.n_groups / sums.n_students)
    kept = np.where(np.sqrt(np.maximum(values, 0)) <= limit, 0.0, values)
    if (kept == values).all():
        return sigma
    tried: Floats = (axes * kept) @ axes.T
    if float(wide_criterion(sums, tried, method)) <= lowest + 1e-6:
        return tried
    return sigma


def fit_at(
    sums: WideSums, sigma: Floats, method: Method = "REML", converged: bool = True
) -> WideFit:
    """The fit at a given Sigma (q, q), in the units of ``sums``, on the scale of the data."""
    at = _at(sums, sigma, method)
    m, p = sums.free(method), sums.p
    r = float(at.root[-1, -1] ** -1)
    scale = sums.y_scale
    unit = r / math.sqrt(m) * scale
    from_q = np.linalg.inv(sums.to_x)
    coef = -at.root[-1, :p] / at.root[-1, -1]
    half = unit * at.root[:p, :p] @ from_q.T
    values, axes = np.linalg.eigh(sigma)
    root = axes * np.sqrt(np.maximum(values, 0))
    sr = sums.s @ root
    inverse = np.linalg.inv(np.eye(sums.q) + np.swapaxes(sr, 1, 2) @ sr)
    spread = root @ inverse @ root.T
    zx = np.swapaxes(sums.s, 1, 2) @ sums.c[:, :, :p]
    cov = unit**2 * sums.to_z @ sigma @ sums.to_z.T
    sd = np.sqrt(np.maximum(np.diag(cov), 0))
    outer = np.outer(sd, sd)
    corr = np.divide(cov, outer, out=np.full_like(cov, math.nan), where=outer > 0)
    singular = bool((values <= 1e-14 * max(values[-1], 0.0)).any() or values[-1] <= 0)
    return WideFit(
        names=sums.names,
        z_names=sums.z_names,
        coef=frozen(sums.ols + scale * from_q @ coef),
        coef_cov=frozen(half.T @ half),
        sd=frozen(sd),
        corr=frozen(np.clip(corr, -1, 1)),
        sigma_y=unit,
        criterion=float(wide_criterion(sums, sigma, method)),
        modes=frozen(r * scale * at.f[:, :, -1] @ sigma @ sums.to_z.T),
        mode_cov=frozen(unit**2 * sums.to_z @ spread @ sums.to_z.T),
        pull=frozen(sums.to_z @ (spread @ zx) @ sums.to_x),
        method=method,
        singular=singular,
        converged=converged,
        n=frozen(sums.n, np.intp),
    )


# No pooling


class OwnFit(NamedTuple):
    """Every school by itself, with the coefficients that do not vary in common.

    ``coef`` (J, q) of Z, NaN where a school's rows do not tell them; ``cov`` (J, q, q);
    ``common`` (p,) of X, NaN for those that only schools' own coefficients hold;
    ``common_cov`` (p, p); ``sigma_y``.
    """

    coef: Floats
    cov: Floats
    common: Floats
    common_cov: Floats
    sigma_y: float


def fit_own(sums: WideSums) -> OwnFit:
    """No pooling: a regression on Z for each school, the other predictors in common.

    Examples
    --------
    >>> y, j = np.array([1.0, 2, 3, 7, 8, 9]), np.array([0, 0, 0, 1, 1, 1])
    >>> fit_own(wide_sums(y, np.ones((6, 1)), np.ones((6, 1)), j)).coef[:, 0].round(3).tolist()
    [2.0, 8.0]
    """
    p, scale = sums.p, sums.y_scale
    back = np.eye(p + 1)
    back[:p, :p] = sums.to_x
    # products of X and y (without the ordinary regression) instead of Q
    rss = back.T @ sums.rss @ back
    total = np.maximum(np.diag(sums.to_x.T @ sums.to_x), 1e-300)
    free = np.flatnonzero(np.diag(rss)[:p] > 1e-11 * total)
    a, b = rss[np.ix_(free, free)], rss[free, -1]
    inverse = np.linalg.pinv(a, rcond=1e-10, hermitian=True) if len(free) else a
    beta = inverse @ b
    c = sums.c @ back
    left = float(rss[-1, -1] - beta @ b)
    known = np.diagonal(sums.s @ np.swapaxes(sums.s, 1, 2), axis1=1, axis2=2) > 0
    df = sums.n_students - int(known.sum()) - len(free)
    sigma = math.sqrt(max(left, 0.0) / df) * scale if df > 0 else math.nan
    whole = known.all(1)
    solve = np.linalg.pinv(sums.s)
    own_x = sums.to_z @ solve @ c[:, :, free]
    # own coefficients of y itself: those of the residual plus those of the ordinary fit
    fitted = sums.to_z @ solve @ (c[:, :, :p] @ sums.ols)[:, :, None]
    own = scale * (sums.to_z @ solve @ c[:, :, -1:] - own_x @ beta[:, None]) + fitted
    own -= own_x @ sums.ols[free][:, None]
    bread = sums.to_z @ solve
    cov = sigma**2 * (bread @ np.swapaxes(bread, 1, 2) + own_x @ inverse @ np.swapaxes(own_x, 1, 2))
    own[~whole], cov[~whole] = math.nan, math.nan
    common, common_cov = np.full(p, math.nan), np.full((p, p), math.nan)
    common[free] = sums.ols[free] + scale * beta
    common_cov[np.ix_(free, free)] = sigma**2 * inverse
    return OwnFit(own[:, :, 0], cov, common, common_cov, sigma)


# From complete to no pooling


@record
class WidePath:
    """The model with varying intercepts at given values of ``sigma_alpha``.

    Attributes
    ----------
    sigma_alpha, log_likelihood, sigma_y : (K,) arrays
        The log likelihood is 0 at its maximum.
    coef : (K, p) array
    modes : (K, J) array
        Departures of the schools.
    weight : (K, J) array
        How much of a school's own estimate enters.
    """

    sigma_alpha: Floats
    log_likelihood: Floats
    sigma_y: Floats
    coef: Floats
    modes: Floats
    weight: Floats


def wide_path(sums: WideSums, sigma_alpha: Any, method: Method = "REML") -> WidePath:
    """Varying intercepts at given SDs from 0 to infinity, all else estimated anew.

    Parameters
    ----------
    sums : WideSums
        With q = 1.
    sigma_alpha : (K,) array
    method : {"REML", "ML"}

    Examples
    --------
    >>> y, j = np.array([1.0, 2, 3, 7, 8, 9]), np.array([0, 0, 0, 1, 1, 1])
    >>> path = wide_path(wide_sums(y, np.ones((6, 1)), np.ones((6, 1)), j), [0, 4.0, np.inf])
    >>> (path.coef[:, 0] + path.modes[:, 0]).round(2).tolist()
    [5.0, 2.06, 2.0]
    """
    if sums.q != 1:
        raise ValueError("Only intercepts may vary along the path: Z is a column of ones.")
    given = np.atleast_1d(np.asarray(sigma_alpha, dtype=np.float64))
    sizes, place = np.unique(sums.n, return_inverse=True)
    outer = sums.c[:, 0, :, None] * sums.c[:, 0, None, :]
    pooled = _by_school(place, outer.reshape(len(outer), -1), len(sizes))
    counts = np.bincount(place)

    def at(s: Floats) -> tuple[Floats, Floats, Floats]:
        """Log part, M and its inverse root at Sigma (K,)."""
        k = 1 + s[:, None] * sizes
        m = sums.rss + ((1 / k) @ pooled).reshape(-1, sums.p + 1, sums.p + 1)
        root = np.linalg.inv(np.linalg.cholesky(m))
        log: Any = np.log(k) @ counts
        if method == "REML":
            log = log - 2 * np.log(np.diagonal(root, axis1=1, axis2=2)[:, :-1]).sum(1)
        return log, m, root

    free = sums.free(method)
    low, high = _range_of_s2(sums, at)
    tau2 = np.minimum((given / sums.y_scale) ** 2, NO_POOLING * math.exp(low))

    def deviance(log_s2: Floats) -> Floats:
        s2 = np.exp(log_s2)
        log, _, root = at(tau2 / s2)
        out: Floats = log + root[:, -1, -1] ** -2 / s2 + free * np.log(2 * math.pi * s2)
        return out

    s2 = np.exp(_least(deviance, low, high))
    s = tau2 / s2
    _, _, root = at(s)
    q_coef = -root[:, -1, :-1] / root[:, -1:, -1]
    coef = sums.ols + sums.y_scale * q_coef @ np.linalg.inv(sums.to_x).T
    own = (sums.c[:, 0, -1] - q_coef @ sums.c[:, 0, :-1].T) / np.sqrt(sums.n)
    weight = s[:, None] * sums.n / (1 + s[:, None] * sums.n)
    best = float(wide_criterion(sums, best_sigma(sums, method)[0], method))
    height = deviance(np.log(s2)) + sums.log_scale(method)
    likely = np.where(np.isinf(given), -math.inf, -0.5 * (height - best))
    sigma_y = np.sqrt(s2) * sums.y_scale
    return WidePath(given, likely, sigma_y, coef, sums.y_scale * weight * own, weight)


def _range_of_s2(sums: WideSums, at: Any) -> tuple[float, float]:
    """Logs of the least and the greatest ``sigma_y**2`` there can be."""
    _, _, ends = at(np.array([NO_POOLING, 0.0]))
    r2 = ends[:, -1, -1] ** -2
    few = max(sums.n_students - sums.n_groups - sums.p, 1)
    return math.log(r2[0] / sums.n_students) - 0.1, math.log(r2[1] / few) + 0.1


def _least(cost: Any, low: float, high: float) -> Floats:
    """Where each of several functions of one number is least: golden section, all at once.

    They can have two minima (see `mlm_core.path`): the search begins in the deeper valley.
    """
    ratio = (math.sqrt(5) - 1) / 2
    places = np.linspace(low, high, max(math.ceil((high - low) / VALLEY), 2) + 1)
    k = np.argmin([cost(np.array([place])) for place in places], axis=0)
    a, b = places[np.maximum(k - 1, 0)], places[np.minimum(k + 1, len(places) - 1)]
    c, d = b - ratio * (b - a), a + ratio * (b - a)
    fc, fd = cost(c), cost(d)
    for _ in range(38):
        left = fc < fd
        b, a = np.where(left, d, b), np.where(left, a, c)
        new = np.where(left, b - ratio * (b - a), a + ratio * (b - a))
        value = cost(new)
        c, d, fc, fd = (
            np.where(left, new, d),
            np.where(left, c, new),
            np.where(left, value, fd),
            np.where(left, fc, value),
        )
    out: Floats = (a + b) / 2
    return out
