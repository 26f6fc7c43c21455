"""What structure costs those who ignore it: cluster-robust errors, ICC, design effect, trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mlm_core.data import DataError, Floats, GroupedData, frozen


@dataclass(frozen=True, slots=True, eq=False)
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


class FalseAlarms(NamedTuple):
    """Share of trials called significant by each analysis."""

    ordinary: float
    cluster_robust: float
    multilevel: float


@dataclass(frozen=True, slots=True, eq=False)
class TreatmentTrials:
    """P-values of many trials of a school-level treatment that does nothing.

    Attributes
    ----------
    effect : (n_trials,) array
        Estimated effect, the same in all three analyses (SDs of a student's score).
    p_ordinary, p_cluster_robust, p_multilevel : (n_trials,) arrays
        Two-sided p-values.
    half_ordinary, half_cluster_robust, half_multilevel : (n_trials,) arrays
        Half widths of the 95% intervals of the effect.
    school_means : (n_trials, J) array
        Mean score of each school; the first ``J // 2`` schools are treated.
    design_effect : float
        Factor by which ignoring schools understates the variance of the effect.
    """

    effect: Floats
    p_ordinary: Floats
    p_cluster_robust: Floats
    p_multilevel: Floats
    half_ordinary: Floats
    half_cluster_robust: Floats
    half_multilevel: Floats
    school_means: Floats
    design_effect: float

    def false_alarms(self, level: float = 0.05) -> FalseAlarms:
        """Share of p-values below ``level``; an honest analysis has ``level`` of them."""
        every = (self.p_ordinary, self.p_cluster_robust, self.p_multilevel)
        return FalseAlarms(*(float((p < level).mean()) for p in every))


class _Trials(NamedTuple):
    """Sums of K balanced trials: school means (K, J), within-school sums of squares (K,)."""

    y_mean: Floats
    syy: Floats


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


def treatment_trials(
    n_groups: int,
    students_per_group: int,
    icc: float,
    n_trials: int = 1000,
    seed: int = 1,
) -> TreatmentTrials:
    r"""Trials in which half the schools get a treatment that does nothing.

    .. math::

        y_i = \alpha_{j[i]} + \epsilon_i, \qquad \mathrm{var}(\alpha_j) = \mathrm{ICC},
        \quad \mathrm{var}(\epsilon_i) = 1 - \mathrm{ICC}

    With schools of one size the three analyses of ``y ~ treated`` have formulas:
    the ordinary regression (t on n - 2), the same with cluster-robust errors
    (t on J - 1), and the multilevel model by REML (t on J - 2, the degrees of
    freedom of a school-level predictor).

    Parameters
    ----------
    n_groups : int
        Number of schools J, four or more; ``J // 2`` of them are treated.
    students_per_group : int
        Two or more.
    icc : float
        Intraclass correlation, from 0 to below 1.
    n_trials, seed : int
        The first trials of a longer run are those of a shorter one.

    Returns
    -------
    TreatmentTrials

    Raises
    ------
    ValueError
        A setting is not possible.

    References
    ----------
    Cameron & Miller (2015), Journal of Human Resources 50(2), section VI.

    Examples
    --------
    >>> alarms = treatment_trials(20, 25, icc=0.2, n_trials=500).false_alarms()
    >>> alarms.ordinary > 0.3 > 0.1 > alarms.multilevel
    True
    """
    _check_trials(n_groups, students_per_group, icc, n_trials)
    trials = _draw_trials(n_groups, students_per_group, icc, n_trials, seed)
    n, treated = students_per_group, _treated(n_groups)
    arms = [trials.y_mean[:, treated], trials.y_mean[:, ~treated]]
    effect = arms[0].mean(axis=1) - arms[1].mean(axis=1)
    apart = [((arm - arm.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for arm in arms]
    shares = 1 / arms[0].shape[1] + 1 / arms[1].shape[1]
    between, total = apart[0] + apart[1], n_groups * n

    plain = (n * between + trials.syy) / (total - 2) / n * shares
    sums = apart[0] / arms[0].shape[1] ** 2 + apart[1] / arms[1].shape[1] ** 2
    robust = n_groups / (n_groups - 1) * (total - 1) / (total - 2) * sums
    # REML of a balanced design: the between-school mean square, unless it is the smaller one
    within = trials.syy / (total - n_groups)
    of_schools = between / (n_groups - 2)
    multilevel = np.where(n * of_schools > within, of_schools * shares, plain)
    return TreatmentTrials(
        effect=frozen(effect),
        p_ordinary=_p_value(effect, plain, total - 2),
        p_cluster_robust=_p_value(effect, robust, n_groups - 1),
        p_multilevel=_p_value(effect, multilevel, n_groups - 2),
        half_ordinary=_half_width(plain, total - 2),
        half_cluster_robust=_half_width(robust, n_groups - 1),
        half_multilevel=_half_width(multilevel, n_groups - 2),
        school_means=frozen(trials.y_mean),
        design_effect=design_effect(n, icc),
    )


def treatment_trial(
    n_groups: int, students_per_group: int, icc: float, k: int, seed: int = 1
) -> GroupedData:
    """Trial k of `treatment_trials` with all its students; ``u`` is 1 for treated schools.

    Examples
    --------
    >>> treatment_trial(4, 10, 0.1, k=0).u.tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    _check_trials(n_groups, students_per_group, icc, k + 1)
    trials = _draw_trials(n_groups, students_per_group, icc, k + 1, seed)
    rest = np.random.default_rng([seed, 2, k]).standard_normal((n_groups, students_per_group))
    rest -= rest.mean(axis=1, keepdims=True)
    rest *= np.sqrt(trials.syy[k] / (rest**2).sum())
    y = (trials.y_mean[k][:, None] + rest).ravel()
    j = np.repeat(np.arange(n_groups), students_per_group)
    return GroupedData(y, None, j, _treated(n_groups) * 1.0, np.arange(1, n_groups + 1))


def _treated(n_groups: int) -> np.ndarray:
    """(J,) bool: the first half of the schools."""
    return np.arange(n_groups) < n_groups // 2


def _draw_trials(
    n_groups: int, students_per_group: int, icc: float, count: int, seed: int
) -> _Trials:
    """Exact draws of the sums that the analyses need."""
    normal = np.random.default_rng([seed, 0]).standard_normal((count, 2, n_groups))
    rest = np.random.default_rng([seed, 1]).chisquare(n_groups * (students_per_group - 1), count)
    y_mean = np.sqrt(icc) * normal[:, 0] + np.sqrt((1 - icc) / students_per_group) * normal[:, 1]
    return _Trials(y_mean, (1 - icc) * rest)


def _p_value(effect: Floats, variance: Floats, df: int) -> Floats:
    """Two-sided p-value of a t statistic."""
    from scipy.special import stdtr

    out: Floats = frozen(2 * stdtr(df, -np.abs(effect) / np.sqrt(variance)))
    return out


def _half_width(variance: Floats, df: int) -> Floats:
    """Half of a 95% interval."""
    from scipy.special import stdtrit

    out: Floats = frozen(stdtrit(df, 0.975) * np.sqrt(variance))
    return out


def _check_trials(n_groups: int, students_per_group: int, icc: float, n_trials: int) -> None:
    if n_groups < 4:
        raise ValueError(f"n_groups is {n_groups}: a trial needs four schools, two in each arm.")
    if students_per_group < 2:
        raise ValueError(f"students_per_group is {students_per_group}: two or more are needed.")
    if not 0 <= icc < 1:
        raise ValueError(f"icc is {icc}: it lies from 0 to below 1.")
    if n_trials < 1:
        raise ValueError(f"n_trials is {n_trials}: one trial or more is needed.")


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
