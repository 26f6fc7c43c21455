"""What a fitted multilevel model says of a student not seen, in a school seen or not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlm_core.data import DataError, Floats, frozen
from mlm_core.records import PartialPooling
from mlm_core.showing import record


@record
class NewStudent:
    """The score to expect of new students with given x; units of y, each (m,).

    Attributes
    ----------
    x : (m,) array
        The students' x.
    mean : (m,) array
        The expected score.
    sd_mean : (m,) array
        How unsure we are of the mean score of such students in that school.
    sd_score : (m,) array
        SD of one student's score around ``mean``.
    df : (m,) array
        Degrees of freedom of both, from `degrees_of_freedom`: J - 1 in a new school.
    """

    x: Floats
    mean: Floats
    sd_mean: Floats
    sd_score: Floats
    df: Floats

    def interval(self, share: float = 0.95, size: float = 1.0) -> tuple[Floats, Floats]:
        r"""Where the mean score of ``size`` new students lies with some probability.

        .. math:: \hat y \pm t_{df} \sqrt{\mathrm{sd}_{mean}^2 + \sigma_y^2/\mathrm{size}}

        Parameters
        ----------
        share : float
            Of the probability.
        size : float
            Students of the same school and the same x whose mean it is; ``inf`` is the
            mean of all that could be there.

        Returns
        -------
        (m,) arrays
            The two ends, in units of y.
        """
        within = np.maximum(self.sd_score**2 - self.sd_mean**2, 0.0)
        half = reach(self.df, share) * np.sqrt(self.sd_mean**2 + within / size)
        return self.mean - half, self.mean + half


def reach(df: ArrayLike, share: float = 0.95) -> Any:
    """How many SDs to each side hold a share of a t distribution.

    Parameters
    ----------
    df : float or array_like
        Degrees of freedom; with ``inf`` it is the normal distribution.
    share : float

    Examples
    --------
    >>> [round(float(reach(df)), 2) for df in (2, 19, float("inf"))]
    [4.3, 2.09, 1.96]
    """
    from scipy.special import ndtri, stdtrit

    df = np.asarray(df, dtype=np.float64)
    p = 0.5 + share / 2
    return np.where(np.isinf(df), ndtri(p), stdtrit(np.where(np.isinf(df), 1.0, df), p))


def degrees_of_freedom(n_groups: int, between: ArrayLike, variance: ArrayLike) -> Any:
    r"""Degrees of freedom of what is said of a school's mean score.

    .. math:: (J - 1) \max(1, v / s^2)^2

    with v the variance between schools and :math:`s^2` that of what is not known of this
    school's mean. v comes from J schools. A new school (:math:`s^2 \ge v`) has their J - 1
    degrees of freedom; in a known one a change of v by 1% changes :math:`s^2` by
    c% only, :math:`c = s^2/v`, which by Satterthwaite's rule is worth :math:`(J - 1)/c^2`:
    t goes to the normal distribution.

    Parameters
    ----------
    n_groups : int
        Number of schools J.
    between : float or array_like
        v, from `between_variance`.
    variance : float or array_like
        :math:`s^2`, in the same units.

    References
    ----------
    Partlett & Riley (2017), Statistics in Medicine 36(2), section 2 (J - 1);
    Satterthwaite (1946), Biometrics Bulletin 2(6).

    Examples
    --------
    >>> float(degrees_of_freedom(20, 25.0, 27.0)), float(degrees_of_freedom(20, 25.0, 12.5))
    (19.0, 76.0)
    """
    between, variance = np.asarray(between, float), np.asarray(variance, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.where(variance > 0, between / variance, np.where(between > 0, np.inf, 1.0))
    return max(n_groups - 1, 1) * np.maximum(known, 1.0) ** 2


def predict_new_student(
    fit: PartialPooling, x: ArrayLike = 0.0, school: Any = None, u: float | None = None
) -> NewStudent:
    r"""Predict the score of a new student.

    In a school j of the data, with :math:`w = (1, x)` and :math:`V_j` the covariance of the
    errors of its line,

    .. math::

        \hat y = \hat\alpha_j + \hat\beta_j x, \qquad
        \mathrm{sd}_{mean}^2 = w V_j w', \qquad
        \mathrm{sd}_{score}^2 = \mathrm{sd}_{mean}^2 + \sigma_y^2 .

    In a new school nothing is known of :math:`\eta`, so with X = (1, u, x, xu) and
    :math:`\mathrm{cov}(\eta)` made of ``sigma_alpha, sigma_beta, rho``,

    .. math::

        \hat y = a_0 + b_0 u + (a_1 + b_1 u) x, \qquad
        \mathrm{sd}_{mean}^2 = X\,\mathrm{cov}(\hat a_0, \dots)X' + w\,\mathrm{cov}(\eta)w' .

    The SDs of the model are taken as known; that they come from J schools is counted by
    the t distribution of `NewStudent.interval`.

    Parameters
    ----------
    fit : PartialPooling
    x : float or (m,) array_like
        The new students' x, where the model has one.
    school : label, optional
        A school of the data, by its label; without it, a new school.
    u : float, optional
        The new school's u, where the model has one.

    Raises
    ------
    DataError
        No school has that label, or a new school needs a u.

    References
    ----------
    Gelman & Hill (2007), section 12.8.

    Examples
    --------
    >>> from mlm_core import GroupedData, fit_partial_pooling
    >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    >>> fit = fit_partial_pooling(data)
    >>> predict_new_student(fit, school="a").sd_score.round(2).tolist()
    [1.15]
    >>> predict_new_student(fit).sd_score.round(2).tolist()
    [5.26]
    """
    at = frozen(np.atleast_1d(np.asarray(x, dtype=np.float64)))
    if at.ndim != 1 or not np.isfinite(at).all():
        raise DataError("x holds the new students' x: give finite numbers, one a student.")
    mean, variance = _new_school(fit, at, u) if school is None else _known_school(fit, at, school)
    sd_score = np.sqrt(variance + fit.sigma_y**2)
    df = degrees_of_freedom(fit.n_groups, between_variance(fit, at), variance)
    return NewStudent(at, *map(frozen, (mean, np.sqrt(variance), sd_score, df)))


def _known_school(fit: PartialPooling, x: Floats, school: Any) -> tuple[Floats, Floats]:
    """Expected score and its variance in a school of the data."""
    found = np.flatnonzero(fit.labels == school)
    if len(found) != 1:
        some = ", ".join(str(label) for label in fit.labels[:3])
        raise DataError(f"No school has the label {school!r}. Labels are: {some}, ...")
    j, lines = int(found[0]), fit.lines
    variance = lines.se_alpha[j] ** 2 + 2 * x * fit.line_cov[j] + (x * lines.se_beta[j]) ** 2
    return lines.alpha[j] + lines.beta[j] * x, np.maximum(variance, 0.0)


def _new_school(fit: PartialPooling, x: Floats, u: float | None) -> tuple[Floats, Floats]:
    """Expected score and its variance in a school not seen."""
    if u is None and fit.group_predictor:
        raise DataError("The model has a school-level predictor: give the new school's u.")
    of = 0.0 if u is None or not fit.group_predictor else float(u)
    columns = {"a0": x**0, "b0": of * x**0, "a1": x, "b1": of * x}
    X = np.stack([columns[name] for name in fit.coef_names], axis=-1)
    coef = np.array([getattr(fit.hyper, name) for name in fit.coef_names])
    variance = ((X @ fit.coef_cov) * X).sum(-1) + between_variance(fit, x)
    return X @ coef, variance


def between_variance(fit: PartialPooling, x: ArrayLike = 0.0) -> Any:
    r"""Variance between schools of the mean score of students with a given x.

    .. math:: \sigma_\alpha^2 + 2\rho\sigma_\alpha\sigma_\beta x + \sigma_\beta^2 x^2

    Parameters
    ----------
    fit : PartialPooling
    x : float or array_like

    Returns
    -------
    float or array
        In squared units of y.

    Examples
    --------
    >>> from mlm_core import GroupedData, fit_partial_pooling
    >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    >>> round(between_variance(fit_partial_pooling(data)), 2)
    17.67
    """
    hyper, at = fit.hyper, np.asarray(x, dtype=np.float64)
    rho = hyper.rho if math.isfinite(hyper.rho) else 0.0
    cross = 2 * rho * hyper.sigma_alpha * hyper.sigma_beta
    out = np.maximum(hyper.sigma_alpha**2 + cross * at + (hyper.sigma_beta * at) ** 2, 0.0)
    return float(out) if out.ndim == 0 else out


def intraclass_correlation(fit: PartialPooling, x: ArrayLike = 0.0) -> Any:
    r"""Share of the variance that is between schools, for students with a given x.

    .. math:: \mathrm{ICC} = v(x) / (v(x) + \sigma_y^2)

    with v of `between_variance`; where slopes do not vary it is the same at any x. It is also the
    correlation of two students of one school (given x and u, where the model has them).

    Parameters
    ----------
    fit : PartialPooling
    x : float or array_like

    References
    ----------
    Gelman & Hill (2007), section 12.1.

    Examples
    --------
    >>> from mlm_core import GroupedData, fit_partial_pooling
    >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    >>> round(intraclass_correlation(fit_partial_pooling(data)), 3)
    0.946
    """
    between = between_variance(fit, x)
    return between / (between + fit.sigma_y**2)
