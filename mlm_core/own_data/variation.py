"""How much groups differ: SDs with their intervals, ICC, R², and whether a slope must vary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mlm_core.data import DataError
from mlm_core.intervals import Interval, wide_intervals
from mlm_core.own_data.designs import Model, design
from mlm_core.own_data.fits import Fits
from mlm_core.wide import fit_wide, wide_sums


class Component(NamedTuple):
    """An SD or a correlation, with its 95% interval."""

    name: str
    symbol: str
    value: float
    interval: Interval


def components(fits: Fits) -> list[Component]:
    """SDs between groups, their correlations, the SD within; profile likelihood by REML."""
    found, fit = wide_intervals(fits.sums), fits.partial
    slopes = [fits.design.terms[k].name for k in fits.design.varying]
    what = "SD between groups" if not slopes else "SD of the groups' intercepts"
    out = [Component(what, r"\sigma_\alpha", float(fit.sd[0]), found.sd[0])]
    for k, name in enumerate(slopes, 1):
        symbol = r"\sigma_\beta" if len(slopes) == 1 else rf"\sigma_{{\beta {k}}}"
        out.append(Component(f"SD of the slopes of {name}", symbol, float(fit.sd[k]), found.sd[k]))
    for (a, b), interval in found.corr.items():
        of = ["intercepts", *slopes]
        symbol = r"\rho" if len(slopes) == 1 else rf"\rho_{{{a}{b}}}"
        name = f"correlation of {of[a]} and slopes of {of[b]}"
        out.append(Component(name, symbol, float(fit.corr[a, b]), interval))
    out.append(Component("SD within groups", r"\sigma_y", fit.sigma_y, found.sigma_y))
    if not slopes:
        share = icc(fits)
        out.append(Component("share between groups (ICC)", r"\text{ICC}", share, found.icc))
    return out


def icc(fits: Fits) -> float:
    r"""Share of the variance left by the predictors that lies between groups, at mean predictors.

    .. math:: \sigma_\alpha^2 / (\sigma_\alpha^2 + \sigma_y^2)
    """
    between = float(fits.partial.sd[0]) ** 2
    return between / (between + fits.partial.sigma_y**2)


@dataclass(frozen=True, slots=True)
class Explained:
    """R² of several kinds; NaN where there is none.

    Attributes
    ----------
    marginal, conditional : float
        Share of the variance that the predictors explain; that they and the groups explain.
    within, between : float
        By how much the variance within and between groups is less than without predictors;
        it can be negative.
    """

    marginal: float
    conditional: float
    within: float
    between: float


def explained(fits: Fits) -> Explained:
    r"""How much of the variance is explained, and at which level.

    With :math:`v_f` the variance of :math:`X\hat\gamma` over the rows and :math:`v_g` the mean
    over the rows of :math:`z\,cov(\eta)z'`,

    .. math::

        R^2_{marginal} = \frac{v_f}{v_f + v_g + \sigma_y^2}, \qquad
        R^2_{conditional} = \frac{v_f + v_g}{v_f + v_g + \sigma_y^2}.

    Within and between compare :math:`\sigma_y^2` and :math:`\sigma_\alpha^2` with those of the
    model without predictors.

    References
    ----------
    Nakagawa & Schielzeth (2013), Methods in Ecology and Evolution 4; Johnson (2014), the same
    journal 5, for slopes that vary. Raudenbush & Bryk (2002), chapter 4, for within and between.
    """
    made, fit = fits.design, fits.partial
    X, Z = made.matrix, made.varying_matrix
    v_f = float(np.var(X @ fit.coef))
    v_g = float(((Z @ fit.cov) * Z).sum(1).mean())
    total = v_f + v_g + fit.sigma_y**2
    ones = np.ones((made.rows.n_rows, 1))
    empty = fit_wide(wide_sums(made.rows.y, ones, ones, made.rows.j))
    between = math.nan
    if empty.sd[0] > 0 and not fits.slopes_vary:
        between = 1 - float(fit.sd[0] / empty.sd[0]) ** 2
    within = 1 - (fit.sigma_y / empty.sigma_y) ** 2
    return Explained(v_f / total, (v_f + v_g) / total, within, between)


class Kept(NamedTuple):
    """A test of whether slopes need to vary: likelihood ratio, its p-value, the slope."""

    slope: str
    ratio: float
    p_value: float


def keep_slope(fits: Fits) -> Kept | None:
    r"""Test the last varying slope: restricted likelihood ratio, with and without it.

    An SD of 0 lies on the boundary of what is possible, so the ratio follows not
    :math:`\chi^2_{q}` but half :math:`\chi^2_{q-1}` and half :math:`\chi^2_{q}`, where q
    coefficients vary; the usual p-value would be too large. None when no slope varies, or
    when a slope of several categories does.

    References
    ----------
    Stram & Lee (1994), Biometrics 50. Self & Liang (1987), JASA 82.
    """
    from scipy.stats import chi2

    made = fits.design
    if not made.varying or any(made.terms[k].level for k in made.varying):
        return None
    last = made.terms[made.varying[-1]].column
    fewer = Model(tuple(c for c in made.model.varying if c != last), **_rest(made.model))
    try:
        smaller = design(made.rows, fewer)
    except DataError:
        return None
    X, Z = made.matrix, smaller.varying_matrix
    without = fit_wide(wide_sums(made.rows.y, X, Z, made.rows.j, made.names))
    ratio = max(without.criterion - fits.partial.criterion, 0.0)
    q = fits.sums.q
    lower = float(chi2.sf(ratio, q - 1))
    return Kept(last, ratio, 0.5 * lower + 0.5 * float(chi2.sf(ratio, q)))


def _rest(model: Model) -> dict[str, bool]:
    return {"product": model.product, "within": model.within, "at_means": model.at_means}
