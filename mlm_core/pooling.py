"""Complete and no pooling: the two classical regressions that forget the school-level model."""

from __future__ import annotations

import numpy as np

from mlm_core.data import DataError, Floats, GroupedData, frozen
from mlm_core.records import CompletePooling, GroupLines, NoPooling, OwnSlopes

NAN = float("nan")


def fit_complete_pooling(data: GroupedData) -> CompletePooling:
    r"""One regression for all students; the schools are ignored.

    .. math:: y_i = \alpha + \beta x_i + \epsilon_i

    Ordinary least squares by statsmodels. The naive standard errors take all
    students as independent; the cluster-robust ones (statsmodels' ``cluster``,
    with its small-sample factor) do not.

    Raises
    ------
    DataError
        Fewer than three students, or x does not vary.

    References
    ----------
    Gelman & Hill (2007), sections 1.1 and 12.2.

    Examples
    --------
    >>> from mlm_core import Scenario, simulate
    >>> fit = fit_complete_pooling(simulate(Scenario()).data)
    >>> bool(fit.cluster_se_alpha > fit.lines.se_alpha[0])
    True
    """
    from statsmodels.regression.linear_model import OLS

    columns = [np.ones(data.n_students)]
    if data.x is not None:
        check_varies(data.x, "x")
        columns.append(data.x)
    if data.n_students <= len(columns):
        raise DataError(f"There are {data.n_students} students: a line needs three or more.")
    fit = OLS(data.y, np.column_stack(columns)).fit()
    coef, se = _padded(fit.params, 0.0), _padded(fit.bse, 0.0)
    robust = (NAN, NAN)
    if data.n_groups > 1:
        clustered = fit.get_robustcov_results("cluster", groups=data.j, use_t=True)
        robust = _padded(clustered.bse, 0.0)
    repeat = (frozen(np.full(data.n_groups, value)) for value in (*coef, *se))
    return CompletePooling(GroupLines(*repeat), float(np.sqrt(fit.scale)), *robust, data)


def fit_no_pooling(data: GroupedData, slopes: OwnSlopes = "common") -> NoPooling:
    r"""Every school by itself.

    .. math::

        y_i = \alpha_{j[i]} + \beta x_i + \epsilon_i \quad\text{(common)}, \qquad
        y_i = \alpha_{j[i]} + \beta_{j[i]} x_i + \epsilon_i \quad\text{(varying)}

    ``"common"`` is the regression with an indicator for each school, fitted by
    deviations from the school means (the same least squares, at a cost that does
    not grow with the number of schools). ``"varying"`` is a regression for each
    school; the residual SD is pooled over schools.

    Parameters
    ----------
    data : GroupedData
    slopes : {"common", "varying"}
        Without x the two are the same: the school means.

    Returns
    -------
    NoPooling
        A school whose students do not identify a line has NaN: one student, or
        x that does not vary, has no slope of its own.

    Raises
    ------
    DataError
        x does not vary within any school.

    References
    ----------
    Gelman & Hill (2007), sections 12.2 and 12.3.

    Examples
    --------
    >>> data = GroupedData([1.0, 3.0, 5.0], None, [0, 0, 1], None, ["a", "b"])
    >>> fit_no_pooling(data).lines.alpha.tolist()
    [2.0, 5.0]
    """
    n, y_mean = data.n, data.group_means(data.y)
    dy = data.y - y_mean[data.j]
    if data.x is None:
        zero = np.zeros(data.n_groups)
        sigma = _residual_sd(float(dy @ dy), data.n_students - data.n_groups)
        return NoPooling(_lines(y_mean, zero, sigma / np.sqrt(n), zero), sigma, slopes, data)
    check_varies(data.x, "x")
    x_mean = data.group_means(data.x)
    dx = data.x - x_mean[data.j]
    sxx = np.bincount(data.j, weights=dx * dx, minlength=data.n_groups)
    sxy = np.bincount(data.j, weights=dx * dy, minlength=data.n_groups)
    syy = np.bincount(data.j, weights=dy * dy, minlength=data.n_groups)
    total = float(data.x @ data.x)
    sxx[sxx <= 1e-14 * total] = 0.0
    if not sxx.any():
        raise DataError(
            "x does not vary within any school, so a slope within schools cannot be estimated. "
            "It is a school-level predictor: use it as u."
        )
    if slopes == "common":
        return _common_slope(data, (y_mean, x_mean), (sxx.sum(), sxy.sum(), syy.sum()))
    own = sxx > 0
    beta = np.divide(sxy, sxx, out=np.full(data.n_groups, NAN), where=own)
    df = int((n[own] - 2).sum())
    rss = float((syy[own] - beta[own] * sxy[own]).sum())
    sigma = _residual_sd(rss, df)
    se_beta = np.divide(sigma, np.sqrt(sxx), out=np.full(data.n_groups, NAN), where=own)
    se_alpha = np.sqrt(sigma**2 / n + (x_mean * se_beta) ** 2)
    lines = _lines(y_mean - beta * x_mean, beta, se_alpha, se_beta)
    return NoPooling(lines, sigma, slopes, data)


def _common_slope(
    data: GroupedData, means: tuple[Floats, Floats], sums: tuple[float, float, float]
) -> NoPooling:
    (y_mean, x_mean), (sxx, sxy, syy) = means, sums
    beta = sxy / sxx
    sigma = _residual_sd(syy - beta * sxy, data.n_students - data.n_groups - 1)
    se_beta = sigma / np.sqrt(sxx)
    se_alpha = np.sqrt(sigma**2 / data.n + (x_mean * se_beta) ** 2)
    ones = np.ones(data.n_groups)
    lines = _lines(y_mean - beta * x_mean, beta * ones, se_alpha, se_beta * ones)
    return NoPooling(lines, sigma, "common", data)


def _lines(*columns: Floats) -> GroupLines:
    return GroupLines(*(frozen(column) for column in columns))


def _residual_sd(rss: float, df: int) -> float:
    return float(np.sqrt(max(rss, 0.0) / df)) if df > 0 else NAN


def _padded(values: Floats, fill: float) -> tuple[float, float]:
    """Intercept and slope, with ``fill`` for a slope that is not there."""
    alpha, beta = (*map(float, values), fill)[:2]
    return alpha, beta


def check_varies(values: Floats, name: str) -> None:
    """Raise DataError when all values of a predictor are the same."""
    if np.ptp(values) == 0:
        raise DataError(
            f"{name} is the same for everybody: a slope cannot be estimated. Leave {name} out."
        )
