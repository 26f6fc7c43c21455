"""Any number of nested or crossed grouping factors, each with a varying intercept.

The letters are lme4's (Bates et al. 2015): ``Z_k`` indicates the levels of factor
k, ``theta_k`` is its SD divided by ``sigma_y``, ``V`` the covariance of y divided
by ``sigma_y`` squared:

    y = X coef + sum_k Z_k b_k + eps,      V = I + sum_k theta_k^2 Z_k Z_k'.

The factor with the most levels comes first and is eliminated in closed form, since
``Z_0'Z_0`` is diagonal; the others are solved densely ("rest"). All that is needed
of the students are cross-products, taken once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import DataError, Floats, Ints, frozen
from mlm_core.records import Method, VarianceComponents
from mlm_core.showing import record

Objective = Callable[[Floats], tuple[Floats, Floats]]

_MAX_DENSE = 12_000  # levels beside the largest factor: a dense matrix of 1.2 GB
_MOST_STEPS = 100
_MAX_T = 25.0  # log of the largest 1 + rows theta^2
_NO_VARIANCE = 1e-7  # sigma_y^2 over the variance around X, below which it is taken as 0


def fit_variance_components(
    y: Any,
    X: Any,
    factors: Mapping[str, Any],
    method: Method = "REML",
    *,
    start: VarianceComponents | None = None,
) -> VarianceComponents:
    r"""Fit a regression with a varying intercept for each level of each factor.

    .. math::

        y_i = X_i\,\text{coef} + \sum_k b_{k[i]} + \epsilon_i, \qquad
        b_k \sim N(0, \sigma_k^2), \quad \epsilon_i \sim N(0, \sigma_y^2).

    The factors may be nested, crossed or anything between: that is a fact of the
    codes, and the formula is the same (lme4: ``y ~ x + (1 | school) + (1 | neighbourhood)``).

    Parameters
    ----------
    y : (n,) array
        The outcome of each student.
    X : (n, p) array
        Predictors, with their column of ones.
    factors : mapping of str to (n,) array
        For each grouping factor the level each student belongs to: numbers or text.
        A label used again elsewhere ("class 7A" in two schools) is one level:
        make such labels unique first.
    method : {"REML", "ML"}
        Restricted or ordinary maximum likelihood.
    start : VarianceComponents, optional
        A fit with the same factors to data that are almost the same: the search begins there
        and is shorter. Where the data are few it begins at many places all the same.

    Returns
    -------
    VarianceComponents
        SDs in units of y. An SD estimated as zero is exactly 0, and ``singular``.

    Raises
    ------
    DataError
        The data cannot carry the model; the message says why and what to do.

    References
    ----------
    Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 3.4.
    Gelman & Hill (2007), section 13.5 (non-nested models).

    Examples
    --------
    >>> y = [1.0, 2, 4, 5, 9, 9, 2, 3, 5, 5, 8, 7]
    >>> factors = {"school": [1, 1, 2, 2, 3, 3] * 2, "town": list("aaaaaabbbbbb")}
    >>> fit = fit_variance_components(y, np.ones((12, 1)), factors)
    >>> round(fit.sd["school"], 3), fit.sd["town"], fit.singular
    (3.108, 0.0, True)
    """
    sums, frame, levels = _prepared(y, X, factors, method)
    near = None if start is None else [(start.sd[name] / start.sigma_y) ** 2 for name in levels]
    w, converged = _optimise(sums, near)
    return _report(sums, _evaluate(sums, w), 0, w[0], bool(converged[0]), frame, levels)


def fit_together(
    parts: Sequence[tuple[Any, Any, Mapping[str, Any]]], method: Method = "REML"
) -> list[VarianceComponents]:
    """`fit_variance_components` of several data sets: quicker where they are of one size.

    Parameters
    ----------
    parts : sequence of (y, X, factors)
        With as many students, coefficients and levels in each they are fitted together.
    method : {"REML", "ML"}

    Raises
    ------
    DataError
        As `fit_variance_components`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> school, y = np.repeat(np.arange(30), 8), rng.normal(size=(2, 240))
    >>> both = fit_together([(one, np.ones((240, 1)), {"school": school}) for one in y])
    >>> alone = fit_variance_components(y[1], np.ones((240, 1)), {"school": school})
    >>> bool(abs(both[1].sd["school"] - alone.sd["school"]) < 1e-6)
    True
    """
    ready = [_prepared(*part, method) for part in parts]
    each = [sums for sums, _, _ in ready]
    size = {(s.dof, s.mean.shape, s.ZW.shape, s.block.tobytes()) for s in each}
    if len(size) > 1 or not _one_optimum(each[0]) or not isinstance(each[0].C, np.ndarray):
        return [fit_variance_components(*part, method) for part in parts]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(s, name) for s in each])
        for name in ("size", "mean", "C", "WW", "ZW", "ZZ")
    }
    sums = replace(each[0], **joined)
    w, converged = _optimise(sums)
    at = _evaluate(sums, w)
    return [
        _report(sums, at, k, w[k], bool(converged[k]), frame, levels)
        for k, (_, frame, levels) in enumerate(ready)
    ]


def _prepared(
    y: Any, X: Any, factors: Mapping[str, Any], method: Method
) -> tuple[_Sums, _Frame, dict[str, np.ndarray]]:
    """Cross-products of data that can answer; their frame; the levels, of most first."""
    if method not in ("REML", "ML"):
        raise ValueError(f"method is {method!r}: it must be 'REML' or 'ML'.")
    y, X = _checked_numbers(y, X)
    codes, levels = _checked_factors(factors, len(y))
    frame = _orthonormal(y, X, tuple(codes))
    _check_separable(frame.Q, codes, method)
    names = sorted(codes, key=lambda name: -len(levels[name]))
    sums = _cross_products(frame, [codes[name] for name in names], method)
    return sums, frame, {name: levels[name] for name in names}


# The data, checked


def _checked_numbers(y: Any, X: Any) -> tuple[Floats, Floats]:
    """The outcome (n,) and the predictors (n, p) as finite numbers."""
    try:
        y, X = np.array(y, dtype=np.float64), np.array(X, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            "y or X has text, or rows of unequal length, where numbers belong."
        ) from None
    if y.ndim != 1 or X.ndim != 2:
        raise DataError(
            f"y has {y.ndim} and X {X.ndim} dimensions: y needs one number a row, "
            "X a row of predictors for each (a column of ones first)."
        )
    if len(X) != len(y):
        raise DataError(f"X has {len(X)} rows where y has {len(y)}: each student needs both.")
    bad = int((~(np.isfinite(y) & np.isfinite(X).all(axis=1))).sum())
    if bad:
        raise DataError(
            f"{bad} rows have missing or infinite values in y or X. Leave those rows out first."
        )
    if X.shape[1] == 0:
        raise DataError("X has no columns: give it at least a column of ones.")
    if len(y) <= X.shape[1]:
        raise DataError(
            f"There are {len(y)} students for {X.shape[1]} coefficients: more students are needed."
        )
    return y, X


def _checked_factors(
    factors: Mapping[str, Any], n: int
) -> tuple[dict[str, Ints], dict[str, np.ndarray]]:
    """Index (n,) and sorted levels of each factor."""
    if not factors:
        raise DataError("There is no grouping factor: name at least one.")
    codes, levels = {}, {}
    for name, values in factors.items():
        codes[name], levels[name] = _levels(name, values, n)
        size = len(levels[name])
        if size == 1:
            raise DataError(
                f"{name!r} has one level only: an SD between levels needs at least two. "
                "Leave this factor out."
            )
        if size == n:
            raise DataError(
                f"{name!r} has as many levels as there are rows ({n}): its SD cannot be told "
                "from the residual's. Leave this factor out."
            )
    names = list(codes)
    for i, a in enumerate(names):
        for b in names[:i]:
            pairs = len(np.unique(codes[a] * np.intp(len(levels[b])) + codes[b]))
            if pairs == len(levels[a]) == len(levels[b]):
                raise DataError(
                    f"{b!r} and {a!r} group the rows in the same way: their SDs cannot be told "
                    "apart. Leave one of them out."
                )
    return codes, levels


def _levels(name: str, values: Any, n: int | None = None) -> tuple[Ints, np.ndarray]:
    """Index of each row and the sorted levels (numbers as numbers)."""
    import pandas as pd

    values = np.asarray(values)
    if values.ndim != 1:
        raise DataError(f"{name!r} has {values.ndim} dimensions: one code a row is needed.")
    if n is not None and len(values) != n:
        raise DataError(f"{name!r} has {len(values)} codes where {n} are needed.")
    missing = int(pd.isna(values).sum())
    if missing:
        raise DataError(f"{missing} rows have no value in {name!r}. Leave those rows out first.")
    try:
        labels, index = np.unique(values, return_inverse=True)
    except TypeError:
        raise DataError(f"{name!r} mixes numbers and text. Use one of the two.") from None
    return index.astype(np.intp), labels


@record
class _Frame:
    """The regression in terms that are well scaled whatever the units and origins of y and X."""

    names: tuple[str, ...]  # the factors, in the order given
    Q: Floats  # (n, p) and R (p, p): X = QR with orthonormal Q
    R: Floats
    ols: Floats  # (p,) least-squares coefficients of X
    e: Floats  # (n,) their residuals divided by scale, so that their mean square is 1
    scale: float


def _orthonormal(y: Floats, X: Floats, names: tuple[str, ...]) -> _Frame:
    """Take out the least-squares fit."""
    Q, R = np.linalg.qr(X)
    dependent = np.abs(np.diag(R)) <= 1e-10 * np.linalg.norm(X, axis=0)
    if dependent.any():
        raise DataError(
            f"Column {int(np.argmax(dependent))} of X (counted from 0) is zero throughout or a "
            "combination of the columns before it. Leave it out."
        )
    fitted = Q.T @ y
    e = y - Q @ fitted
    scale = math.sqrt(e @ e / len(e))
    if scale <= 1e-12 * float(np.abs(y).max()):
        raise DataError(
            "X leaves no variation of y unexplained, so there is nothing to divide between "
            "the factors. Check that y is the right column and not constant."
        )
    return _Frame(names, Q, R, np.linalg.solve(R, fitted), e / scale, scale)


def _check_separable(Q: Floats, codes: dict[str, Ints], method: Method) -> None:
    """Each factor must vary in what X leaves; by ML they must also leave something of y."""
    n, p = Q.shape
    for name, j in codes.items():
        by_level = _sum_by(j, Q, int(j.max()) + 1)
        if n - float((by_level**2).sum()) <= 1e-9 * n:  # the trace of Z'(I - QQ')Z
            raise DataError(
                f"X already has a coefficient for every level of {name!r}, so nothing of it is "
                "left to vary. Leave the factor out, or the predictors that are constant in it."
            )
    levels = [int(j.max()) + 1 for j in codes.values()]
    if method == "ML" and p + sum(levels) >= n and n <= 2000:
        Z = _indicators(list(codes.values()), levels, n).toarray()
        if np.linalg.matrix_rank(np.column_stack([Q, Z])) == n:
            raise DataError(
                "X and the levels of the factors can fit every student exactly, so the "
                'likelihood has no maximum. Leave a factor out, or use method="REML".'
            )


def _sum_by(j: Ints, values: Floats, levels: int) -> Floats:
    """(levels, columns) sums of values (n, columns) by level: Z'values."""
    columns = [np.bincount(j, weights=column, minlength=levels) for column in values.T]
    return np.stack(columns, axis=1)


# The criterion


@record
class _Sums:
    """Cross-products, with W = [Q e] (n, p + 1), q levels in factor 0 and r in the rest.

    Of F fits of one size, which are evaluated together.
    """

    dof: int  # n - p for REML, n for ML
    restricted: bool
    size: Floats  # (F, q) rows in each level of factor 0
    mean: Floats  # (F, q, p + 1) means of W in each level of factor 0
    C: Any  # (F, q, r) Z_0'Z_r: how often each level of factor 0 meets each level of the rest;
    # or of one fit, where most do not meet, a sparse (q, r)
    block: Ints  # (q + r,) the factor, from 0, of each level
    rows: Floats  # (K,) mean number of rows in a level of each factor
    WW: Floats  # W'W (F, p + 1, p + 1), Z_r'W (F, r, p + 1) and Z_r'Z_r (F, r, r), each of them
    ZW: Floats  # around the means in the levels of factor 0, so that no digits are lost
    ZZ: Floats  # when these means vary much


@record
class _At:
    """The criterion at one theta of each fit, and what the estimates are made of."""

    criterion: Floats  # (F,)
    slope: Floats  # (F, K) derivatives with respect to theta^2
    s2: Floats  # (F,) residual variance
    b: Floats  # (F, p) coefficients of Q
    XVX: Floats  # (F, p, p) Q'V^-1Q
    ZVr: Floats  # (F, q + r) Z'V^-1(e - Q b)
    shrink: Floats  # (F, q + r) conditional variances of the modes, over s2


def _cross_products(frame: _Frame, codes: list[Ints], method: Method) -> _Sums:
    """All that the criterion needs; ``codes`` with the factor of most levels first."""
    n, p = frame.Q.shape
    levels = [int(j.max()) + 1 for j in codes]
    if sum(levels[1:]) > _MAX_DENSE:
        raise DataError(
            f"Beside the largest factor there are {sum(levels[1:])} levels, more than fit into "
            f"memory here ({_MAX_DENSE}). Leave a factor out, or use lme4."
        )
    W = np.column_stack([frame.Q, frame.e])
    size = np.bincount(codes[0], minlength=levels[0]).astype(np.float64)
    mean = _sum_by(codes[0], W, levels[0]) / size[:, None]
    within = W - mean[codes[0]]
    Z, C, both = _meetings(codes, levels, n)
    ZZ = both - _gram(C, 1 / size)
    q, r = C.shape
    return _Sums(
        dof=n - p if method == "REML" else n,
        restricted=method == "REML",
        size=size[None],
        mean=mean[None],
        C=C
        if not isinstance(C, np.ndarray) and q * r > 50_000 and C.nnz < 0.1 * q * r
        else (C if isinstance(C, np.ndarray) else C.toarray())[None],
        block=np.repeat(np.arange(len(levels)), levels),
        rows=n / np.array(levels),
        WW=(within.T @ within)[None],
        ZW=(Z.T @ within)[None],
        ZZ=ZZ[None],
    )


def _meetings(codes: list[Ints], levels: list[int], n: int) -> tuple[Any, Any, Floats]:
    """Z_r, Z_0'Z_r and Z_r'Z_r: who is in which level, and how often levels meet.

    Dense where that is small: sparse arrays take ten times as long to make as to use there.
    """
    r = sum(levels[1:])
    if n * r > 100_000:
        Z = _indicators(codes[1:], levels[1:], n)
        C = (_indicators(codes[:1], levels[:1], n).T @ Z).tocsr()
        return Z, C, (Z.T @ Z).toarray()
    dense = np.zeros((n, r))
    start = np.cumsum([0, *levels[1:]])
    for j, k in zip(codes[1:], start, strict=False):
        dense[np.arange(n), j + k] = 1.0
    meets = _sum_by(codes[0], dense, levels[0]) if r else np.zeros((levels[0], 0))
    both: Floats = dense.T @ dense
    return dense, meets, both


def _indicators(codes: list[Ints], levels: list[int], n: int) -> Any:
    """(n, sum of levels) sparse indicators of the levels of several factors."""
    from scipy import sparse

    start = np.cumsum([0, *levels])
    column = [j + k for j, k in zip(codes, start, strict=False)]
    where = (np.tile(np.arange(n), len(codes)), np.concatenate([np.empty(0, np.intp), *column]))
    return sparse.csr_array((np.ones(len(where[1])), where), shape=(n, start[-1]))


def _gram(C: Any, weights: Floats) -> Floats:
    """C' diag(weights) C, dense."""
    if isinstance(C, np.ndarray):
        out: Floats = np.swapaxes(C, -1, -2) @ (C * weights[..., None])
        return out
    dense: Floats = (C.T @ (C * weights.reshape(-1, 1))).toarray()
    return dense.reshape(*weights.shape[:-1], *dense.shape)


def _down(C: Any, values: Floats) -> Floats:
    """C' values (F, r, columns)."""
    if isinstance(C, np.ndarray):
        out: Floats = np.swapaxes(C, -1, -2) @ values
        return out
    one: Floats = (C.T @ values[0])[None]
    return one


def _up(C: Any, values: Floats) -> Floats:
    """C values (F, q, columns)."""
    out: Floats = C @ values if isinstance(C, np.ndarray) else (C @ values[0])[None]
    return out


def _row_forms(C: Any, G: Floats) -> Floats:
    """Diagonal of C G C' (F, q), a block of rows at a time."""
    if isinstance(C, np.ndarray):
        parts = [C[:, k : k + 4096] for k in range(0, C.shape[1], 4096)]
        forms: Floats = np.concatenate([((part @ G) * part).sum(-1) for part in parts], axis=-1)
        return forms
    blocks = (C[k : k + 4096] for k in range(0, C.shape[0], 4096))
    one: Floats = np.concatenate([(block * (block @ G[0])).sum(axis=1) for block in blocks])
    return one[None]


def _evaluate(s: _Sums, w: Floats) -> _At:
    """The profiled criterion of each fit at its w = theta^2 (F, K), and its derivatives."""
    p = s.WW.shape[-1] - 1
    log_det, WVW, ZVW, reach, shrink = _weighted(s, w)
    XVX, ZVX = WVW[:, :p, :p], ZVW[..., :p]
    b: Any = np.linalg.solve(XVX, WVW[:, :p, p:])[..., 0]
    s2 = np.maximum((WVW[:, p, p] - (b * WVW[:, :p, p]).sum(-1)) / s.dof, 1e-6 * _NO_VARIANCE)
    ZVr = ZVW[..., p] - (ZVX @ b[..., None])[..., 0]
    criterion = log_det + s.dof * (1 + np.log(2 * math.pi * s2))
    slope = reach - ZVr**2 / s2[:, None]
    if s.restricted:
        criterion = criterion + np.linalg.slogdet(XVX)[1]
        slope -= (ZVX * np.swapaxes(np.linalg.solve(XVX, np.swapaxes(ZVX, 1, 2)), 1, 2)).sum(-1)
    first = np.flatnonzero(np.diff(s.block, prepend=-1))
    return _At(criterion, np.add.reduceat(slope, first, axis=1), s2, b, XVX, ZVr, shrink)


def _weighted(s: _Sums, w: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """log|V|, W'V^-1W, Z'V^-1W, diag(Z'V^-1Z) and the conditional variances, whatever n is.

    With d = 1 + w_0 size and V_0 the part of V that factor 0 makes, H = Z_r'V_0^-1 Z_r
    and h = Z_r'V_0^-1 W; the dense system is S = I + theta H theta.
    """
    d = 1 + w[:, :1] * s.size
    theta = np.sqrt(w)[:, s.block[d.shape[1] :], None]
    H = s.ZZ + _gram(s.C, 1 / (s.size * d))
    h = s.ZW + _down(s.C, s.mean / d[..., None])
    across = np.swapaxes(theta, 1, 2)
    log_root, inverse, v = _solved(theta * H * across + np.eye(h.shape[1]), theta * h)
    G = theta * inverse * across
    Gh = theta * v
    WVW = s.WW + np.swapaxes(s.mean, 1, 2) @ (s.mean * (s.size / d)[..., None])
    WVW -= np.swapaxes(h, 1, 2) @ Gh
    of_first = (s.mean * s.size[..., None] - _up(s.C, Gh)) / d[..., None]
    ZVW = np.concatenate([of_first, h - H @ Gh], axis=1)
    meets = _row_forms(s.C, G) / d**2
    rest = _reach(H, G, np.diagonal(inverse, axis1=1, axis2=2), theta[..., 0])
    reach = np.concatenate([s.size / d - meets, rest], axis=1)
    own = np.diagonal(G, axis1=1, axis2=2)
    shrink = np.concatenate([w[:, :1] / d + w[:, :1] ** 2 * meets, own], axis=1)
    return np.log(d).sum(-1) + 2 * log_root, WVW, ZVW, reach, shrink


def _solved(S: Floats, right: Floats) -> tuple[Floats, Floats, Floats]:
    """Log of the determinant of the root of each S (F, r, r), its inverse, and its solutions.

    Of one S by scipy: numpy's own BLAS threads would get in the way where it is large.
    """
    if len(S) > 1 or S.shape[-1] == 0:
        L, found, v = np.linalg.cholesky(S), np.linalg.inv(S), np.linalg.solve(S, right)
        return np.log(np.diagonal(L, axis1=1, axis2=2)).sum(-1), found, v  # type: ignore[return-value]
    from scipy.linalg import cho_solve, cholesky, lapack

    L = cholesky(S[0], lower=True, check_finite=False)
    lower = lapack.dpotri(L, lower=1)[0]
    full: Floats = lower + np.tril(lower, -1).T
    return np.log(np.diag(L)).sum(keepdims=True), full[None], cho_solve((L, True), right[0])[None]


def _reach(H: Floats, G: Floats, inverse: Floats, theta: Floats) -> Floats:
    """Diagonal of Z_r'V^-1 Z_r = H - HGH, which is (1 - S^-1) / theta^2 unless theta is small."""
    own = np.diagonal(H, axis1=1, axis2=2)
    small = theta**2 * own < 1e-6
    out: Floats = (1 - inverse) / np.where(small, 1.0, theta) ** 2
    if small.any():
        out = np.where(small, own - ((H @ G) * H).sum(-1), out)
    return out


# The optimum


def _optimise(s: _Sums, near: Sequence[float] | None = None) -> tuple[Floats, NDArray[np.bool_]]:
    """The theta^2 (F, K) of the least criterion, and whether its slope is zero there.

    The search runs over t = log(1 + rows theta^2), from 0 up. Over theta the criterion
    is flat at 0 by symmetry, and a gradient method can stop there at a saddle; over t
    its slope at 0 tells whether to leave, and it is nearly convex.
    """

    def objective(t: Floats) -> tuple[Floats, Floats]:
        at = _evaluate(s, np.expm1(t) / s.rows)
        return at.criterion, at.slope * np.exp(t) / s.rows

    levels = np.bincount(s.block).astype(np.float64)
    found = [_descend(objective, t, levels) for t in _starts(s, objective, near)]
    best = np.argmin([f for f, _, _ in found], axis=0)
    t, g = (np.stack([one[k] for one in found])[best, np.arange(len(best))] for k in (1, 2))
    remaining = np.where(t > 0, np.abs(g), -g)  # at 0 the criterion may rise
    return np.expm1(t) / s.rows, remaining.max(-1) < 0.01


def _starts(s: _Sums, objective: Objective, near: Sequence[float] | None) -> list[Floats]:
    """Where to start (F, K): for large data one point, ``near``; else minima on a grid over t.

    With few rows there can be several optima (in about one of a hundred random data sets
    of 20 rows, one of a thousand of 100 rows, none seen beyond), and there a grid costs little.
    """
    F, K = len(s.size), len(s.rows)
    if _one_optimum(s):
        t = np.ones(K) if near is None else np.log1p(s.rows * np.asarray(near))
        return [np.tile(t, (F, 1))]
    axis = np.linspace(0, 8, {1: 17, 2: 9, 3: 6}[K])
    points = np.array(list(itertools.product(axis, repeat=K)))
    f = np.array([objective(t[None])[0][0] for t in points]).reshape((len(axis),) * K)
    padded = np.pad(f, 1, constant_values=np.inf)
    inner = (slice(1, -1),) * K
    least = np.ones(f.shape, dtype=bool)
    for k in range(K):
        for step in (1, -1):
            least &= f <= np.roll(padded, step, axis=k)[inner]
    return [t[None] for t in points[least.ravel()]]


def _one_optimum(s: _Sums) -> bool:
    return len(s.rows) > 3 or s.dof > 200


def _descend(objective: Objective, t: Floats, levels: Floats) -> tuple[Floats, Floats, Floats]:
    """Quasi-Newton steps (BFGS) from t (F, K), held at or above 0: criterion, t and slope.

    Own steps, since scipy's L-BFGS-B takes 1 ms a step for its threads on a busy machine.
    """
    f, g = objective(t)
    eye = np.eye(t.shape[1])
    B = np.tile(np.diag(levels), (len(t), 1, 1))  # near the second derivatives where balanced
    going = np.full(len(t), True)
    for _ in range(_MOST_STEPS):
        free = (t > 0) | (g < 0)
        going &= (np.abs(g / np.sqrt(levels)) * free).max(-1) >= 1e-7
        if not going.any():
            break
        held = np.where(free[:, :, None] & free[:, None], B, eye)
        step = np.linalg.solve(held, np.where(free, -g, 0.0)[..., None])[..., 0]
        step *= np.minimum(1.0, 2.0 / (np.abs(step).max(-1, keepdims=True) + 1e-300))
        for _ in range(12):
            moved = np.clip(t + step, 0, _MAX_T)
            f_moved, g_moved = objective(moved)
            enough = f + 1e-4 * (g * (moved - t)).sum(-1) + 1e-13 * np.abs(f)
            higher = going & ~(f_moved <= enough)
            if not higher.any():
                break
            step[higher] /= 3
        going &= ~higher
        s, y = moved - t, g_moved - g
        s[~going], y[~going] = 0.0, 0.0
        f, t, g = (np.where(going, f_moved, f), t + s, g + y)
        sy, Bs = (s * y).sum(-1), (B @ s[..., None])[..., 0]
        sBs = (s * Bs).sum(-1)
        bends = going & (sy > 1e-3 * sBs)
        s_y, s_B = (np.where(bends, part, 1.0)[:, None, None] for part in (sy, sBs))
        change = y[:, :, None] * y[:, None] / s_y - Bs[:, :, None] * Bs[:, None] / s_B
        B += np.where(bends[:, None, None], change, 0.0)
    return f, t, g


# The answer


def _report(
    s: _Sums, at: _At, k: int, w: Floats, converged: bool, frame: _Frame,
    levels: dict[str, np.ndarray],
) -> VarianceComponents:  # fmt: skip
    """Fit k on the scale of the data; ``levels`` in the order of the blocks."""
    at = _At(*(getattr(at, f.name)[k] for f in fields(at)))
    if at.s2 < _NO_VARIANCE or np.log1p(s.rows * w).max() > _MAX_T - 0.01:
        raise DataError(
            "sigma_y is estimated as 0: the levels of the factors explain y exactly, or nearly. "
            "Leave a factor out, and check that y was measured on students, not on levels."
        )
    sigma_y = frame.scale * math.sqrt(at.s2)
    back = np.linalg.inv(frame.R)
    cov = sigma_y**2 * back @ np.linalg.solve(at.XVX, back.T)
    criterion = at.criterion + 2 * s.dof * math.log(frame.scale)
    if s.restricted:
        criterion += 2 * float(np.log(np.abs(np.diag(frame.R))).sum())
    variance = dict(zip(levels, w.tolist(), strict=True))
    ends = np.cumsum([len(of) for of in levels.values()])[:-1]
    modes = dict(zip(levels, np.split(frame.scale * at.ZVr, ends), strict=True))
    spread = dict(zip(levels, np.split(sigma_y * np.sqrt(at.shrink), ends), strict=True))
    return VarianceComponents(
        coef=frozen(frame.ols + frame.scale * back @ at.b),
        se=frozen(np.sqrt(np.diag(cov))),
        sd={name: sigma_y * math.sqrt(variance[name]) for name in frame.names},
        sigma_y=sigma_y,
        criterion=float(criterion),
        modes={name: frozen(variance[name] * modes[name]) for name in frame.names},
        mode_sd={name: frozen(spread[name]) for name in frame.names},
        levels={name: frozen(levels[name], None) for name in frame.names},
        method="REML" if s.restricted else "ML",
        singular=bool((w == 0).any()),
        converged=bool(converged),
        coef_cov=frozen(cov),
    )


# Nested or crossed


@record
class Structure:
    """How two groupings of the same students lie to each other.

    Attributes
    ----------
    kind : {"nested", "crossed", "partially crossed"}
        Nested: all students of a level of the one share a level of the other.
        Crossed: every level of the one meets every level of the other.
        Partially crossed: neither.
    inner : {"a", "b", None}
        Which of the two is nested in the other ("a" when each is in the other).
    counts : (levels of a, levels of b) int array
        Students in each combination: the incidence matrix.
    levels_a, levels_b : arrays
        Its rows and columns, sorted.
    """

    kind: Literal["nested", "crossed", "partially crossed"]
    inner: Literal["a", "b"] | None
    counts: Ints
    levels_a: np.ndarray
    levels_b: np.ndarray


def describe_structure(codes_a: Any, codes_b: Any) -> Structure:
    """Tell from the data whether two groupings are nested, crossed or between.

    Parameters
    ----------
    codes_a, codes_b : (n,) arrays
        The level of each student in the two groupings.

    Raises
    ------
    DataError
        Lengths differ or codes are missing.

    Examples
    --------
    >>> classes, schools = ["7A", "7B", "7A", "7B"], [1, 1, 2, 2]
    >>> describe_structure(classes, schools).kind
    'crossed'
    >>> describe_structure(["1 7A", "1 7B", "2 7A", "2 7B"], schools).kind
    'nested'
    """
    a, levels_a = _levels("a", codes_a)
    b, levels_b = _levels("b", codes_b, len(a))
    if len(a) == 0:
        raise DataError("There are no rows, so nothing is nested or crossed.")
    shape = (len(levels_a), len(levels_b))
    counts = np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape)
    meets = counts > 0
    inner: Literal["a", "b"] | None = None
    if (meets.sum(axis=1) == 1).all():
        inner = "a"
    elif (meets.sum(axis=0) == 1).all():
        inner = "b"
    kind: Literal["nested", "crossed", "partially crossed"] = "partially crossed"
    if inner:
        kind = "nested"
    elif meets.all():
        kind = "crossed"
    return Structure(
        kind, inner, frozen(counts, np.intp), frozen(levels_a, None), frozen(levels_b, None)
    )
