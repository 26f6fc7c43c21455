"""What structure costs those who ignore it: cluster-robust errors, ICC, design effect."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlm_core.data import DataError, Floats, frozen
from mlm_core.showing import record


@record
class ClusterRobust:
    """An ordinary regression with two kinds of standard errors.

    Attributes
    ----------
    coef, se, p_value : (p,) arrays
        Least squares, with standard errors and two-sided p-values that take all
        students as independent (t on n - p degrees of freedom).
    cluster_se, cluster_p_value : (p,) arrays
        The same, robust to dependence within schools (CR1, t on J - 1).
    sigma_y : float
        Residual SD.
    n_groups : int
        Number of schools J.
    """

    coef: Floats
    se: Floats
    p_value: Floats
    cluster_se: Floats
    cluster_p_value: Floats
    sigma_y: float
    n_groups: int


def cluster_robust(y: ArrayLike, X: ArrayLike, groups: ArrayLike) -> ClusterRobust:
    r"""Ordinary least squares with cluster-robust standard errors, by statsmodels.

    .. math::

        \widehat{\mathrm{var}}(\hat\beta) = \frac{J}{J-1} \frac{n-1}{n-p} (X'X)^{-1}
        \Big(\sum_j X_j' e_j e_j' X_j\Big) (X'X)^{-1}

    Parameters
    ----------
    y : (n,) array_like
        The outcome.
    X : (n, p) array_like
        The predictors, with their column of ones.
    groups : (n,) array_like
        The school of each student: numbers or names.

    Returns
    -------
    ClusterRobust

    Raises
    ------
    DataError
        Lengths that differ, missing values, one school, or columns of X that
        repeat each other.

    References
    ----------
    Cameron & Miller (2015), Journal of Human Resources 50(2), section II.

    Examples
    --------
    >>> y, X = [1.0, 2, 4, 5, 9, 8], np.ones((6, 1))
    >>> fit = cluster_robust(y, X, ["a", "a", "b", "b", "c", "c"])
    >>> bool(fit.cluster_se[0] > fit.se[0])
    True
    """
    from statsmodels.regression.linear_model import OLS

    y, X = _finite(y, "y", 1), _finite(X, "X", 2)
    labels, j = np.unique(np.asarray(groups), return_inverse=True)
    if not len(y) == len(X) == len(j):
        raise DataError(
            f"y has {len(y)} rows, X has {len(X)}, groups has {len(j)}: they must agree."
        )
    if len(labels) < 2:
        raise DataError("There is one school: a cluster-robust error needs two or more.")
    if len(y) <= X.shape[1] or np.linalg.matrix_rank(X) < X.shape[1]:
        raise DataError(
            "The columns of X repeat each other or outnumber the students. Leave some out."
        )
    fit = OLS(y, X).fit()
    robust = fit.get_robustcov_results("cluster", groups=j, use_t=True)
    return ClusterRobust(
        coef=frozen(fit.params),
        se=frozen(fit.bse),
        p_value=frozen(fit.pvalues),
        cluster_se=frozen(robust.bse),
        cluster_p_value=frozen(robust.pvalues),
        sigma_y=float(np.sqrt(fit.scale)),
        n_groups=len(labels),
    )


def anova_icc(values: ArrayLike, j: ArrayLike) -> float:
    r"""Intraclass correlation by analysis of variance.

    .. math::

        \mathrm{ICC} = \frac{MS_b - MS_w}{MS_b + (n_0 - 1) MS_w}, \qquad
        n_0 = \frac{n - \sum_j n_j^2 / n}{J - 1}

    Parameters
    ----------
    values : (n,) array_like
        Outcomes, or residuals.
    j : (n,) array_like
        The school of each student.

    Returns
    -------
    float
        At most 1. Below 0 when schools differ less than chance would make them.

    Raises
    ------
    DataError
        One school, no school of two students, or no variation at all.

    References
    ----------
    Donner (1986), International Statistical Review 54, section 2.

    Examples
    --------
    >>> anova_icc([1.0, 1.0, 5.0, 5.0], [0, 0, 1, 1])
    1.0
    """
    values = _finite(values, "values", 1)
    labels, j = np.unique(np.asarray(j), return_inverse=True)
    if len(j) != len(values):
        raise DataError(f"There are {len(values)} values and {len(j)} schools of students.")
    if len(values) and np.ptp(values) == 0:
        raise DataError("All values are the same: there is no variation to share out.")
    n, n_schools = np.bincount(j), len(labels)
    if n_schools < 2 or len(values) == n_schools:
        raise DataError("Two schools are needed, and one of them with two students or more.")
    centred = values - values.mean()
    mean = np.bincount(j, centred) / n
    between = float(n @ mean**2) / (n_schools - 1)
    within = float(((centred - mean[j]) ** 2).sum()) / (len(values) - n_schools)
    n0 = (len(values) - float(n @ n) / len(values)) / (n_schools - 1)
    return (between - within) / (between + (n0 - 1) * within)


def design_effect(n: ArrayLike, icc: ArrayLike) -> Any:
    r"""Variance of a mean of schools of n students, against as many independent students.

    .. math:: 1 + (n - 1) \cdot \mathrm{ICC}

    Parameters
    ----------
    n : float or array_like
        Students per school.
    icc : float or array_like
        Intraclass correlation.

    Returns
    -------
    float or array

    References
    ----------
    Kish (1965), Survey Sampling, section 5.4.

    Examples
    --------
    >>> round(design_effect(50, 0.05), 2)
    3.45
    """
    out = 1 + (np.asarray(n, dtype=np.float64) - 1) * np.asarray(icc, dtype=np.float64)
    return float(out) if out.ndim == 0 else out


def _finite(values: ArrayLike, name: str, ndim: int) -> Floats:
    """An array of finite numbers of the wanted number of dimensions."""
    try:
        out = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} has text where numbers belong.") from None
    if out.ndim != ndim:
        raise DataError(f"{name} has {out.ndim} dimensions where {ndim} are needed.")
    if not np.isfinite(out).all():
        raise DataError(f"{name} has missing or infinite values. Leave those rows out first.")
    return out
