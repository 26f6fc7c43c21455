"""The normal hierarchy from estimates and standard errors: how sure we are of tau."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mlm_core.data import DataError, Floats, frozen
from mlm_core.showing import record

Prior = Literal["flat", "half-normal", "half-cauchy"]

GRID_POINTS = 1001
NEGLIGIBLE = 38.0
"""A point of the grid is left out when its log weight is this far below the largest."""


class PooledEstimate(NamedTuple):
    """Complete pooling of the schools' estimates, and the test of their homogeneity.

    Attributes
    ----------
    estimate, se : float
        Mean weighted by ``1 / se**2`` and its standard error (units of y).
    q : float
        Cochran's Q, chi-squared on ``df`` degrees of freedom if tau is 0.
    df : int
    p : float
        Chance of so large a Q if tau is 0.
    """

    estimate: float
    se: float
    q: float
    df: int
    p: float


class ConditionalEffects(NamedTuple):
    """What is known of the effects when tau is given.

    Attributes
    ----------
    mean, sd : (J,) or (K, J) arrays
        Posterior mean and SD of each school's effect, averaged over mu.
    mu, mu_sd : float or (K,) arrays
        Posterior mean and SD of the mean effect mu.
    """

    mean: Floats
    sd: Floats
    mu: Floats
    mu_sd: Floats


@record
class TauPosterior:
    """Posterior of tau, and of the effects, by quadrature.

    Attributes
    ----------
    y, se : (J,) arrays
        The estimates and their standard errors, as given.
    prior : {"flat", "half-normal", "half-cauchy"}
    scale : float or None
        Scale of the prior (units of y).
    tau : (grid,) array
        Values of tau, close together near 0 and ever wider; the last one is far
        out in the tail (units of y).
    density : (grid,) array
        Posterior density of tau; its area from 0 to infinity is 1.
    weight : (grid,) array
        Share of the posterior at each value, summing to 1: the average of a curve
        over tau is ``weight @ curve`` (of ``tau`` itself: `mean`).
    conditional_mean, conditional_sd : (grid, J) arrays
        Mean and SD of each effect if that tau were true.
    conditional_mu, conditional_mu_sd : (grid,) arrays
        The same for the mean effect mu.
    effect_mean, effect_sd : (J,) arrays
        Mean and SD of each effect, averaged over tau.
    mean : float
        Mean of tau; infinite with the flat prior and three schools.
    mu_mean, mu_sd : float
        Mean and SD of mu, averaged over tau. With the flat prior the SD is infinite
        for three and four schools, with the half-Cauchy for two.
    """

    y: Floats
    se: Floats
    prior: Prior
    scale: float | None
    tau: Floats
    density: Floats
    weight: Floats
    conditional_mean: Floats
    conditional_sd: Floats
    conditional_mu: Floats
    conditional_mu_sd: Floats
    effect_mean: Floats
    effect_sd: Floats
    mean: float
    mu_mean: float
    mu_sd: float

    def density_at(self, tau: ArrayLike) -> Floats:
        """Posterior density at any tau, of the same shape as ``tau``."""
        at = _checked_tau(tau)
        k = int(np.argmax(self.density))
        top = _log_density(self, self.tau[k])
        out: Floats = self.density[k] * np.exp(_log_density(self, at) - top)
        return out

    def cdf(self, tau: ArrayLike) -> Floats:
        """Posterior chance that the SD between schools is at most ``tau``."""
        area, unit = _area(self)
        t = np.arcsinh(_checked_tau(tau) / unit)
        out: Floats = area(np.clip(t, *np.arcsinh(self.tau[[0, -1]] / unit)))
        return np.clip(out, 0.0, 1.0)

    def quantile(self, p: ArrayLike) -> Any:
        """Value of tau below which a share ``p`` of the posterior lies.

        Parameters
        ----------
        p : float or array of floats
            Between 0 and 1.

        Returns
        -------
        float or array of floats
            In the shape of ``p``.
        """
        from scipy.optimize import brentq

        share = np.asarray(p, dtype=np.float64)
        if not ((share > 0) & (share < 1)).all():
            raise ValueError("p must lie between 0 and 1: it is a share of the posterior.")
        area, unit = _area(self)
        t = np.arcsinh(self.tau / unit)
        out = np.empty(share.size)
        for i, q in enumerate(share.flat):
            k = int(np.clip(np.searchsorted(area(t), q), 1, len(t) - 1))
            low, high = t[max(k - 2, 0)], t[min(k + 1, len(t) - 1)]
            out[i] = unit * np.sinh(
                brentq(lambda s, q=q: float(area(s)) - q, low, high, xtol=1e-14)
            )
        return float(out[0]) if share.ndim == 0 else out.reshape(share.shape)


def pooled_estimate(y: ArrayLike, se: ArrayLike) -> PooledEstimate:
    r"""Complete pooling: one effect for all schools.

    .. math::

        \hat\mu = \frac{\sum_j y_j / \sigma_j^2}{\sum_j 1 / \sigma_j^2}, \qquad
        Q = \sum_j \frac{(y_j - \hat\mu)^2}{\sigma_j^2}

    Parameters
    ----------
    y, se : (J,) array_like
        Estimates and their standard errors, in the same units.

    Returns
    -------
    PooledEstimate

    Raises
    ------
    DataError
        See `tau_posterior`.

    References
    ----------
    Gelman et al., Bayesian Data Analysis, 3rd ed., section 5.5.

    Examples
    --------
    >>> fit = pooled_estimate([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])
    >>> round(fit.estimate, 2), round(fit.se, 2), round(fit.q, 2), fit.df
    (7.69, 4.07, 4.71, 7)
    """
    from scipy.special import chdtrc

    y, se = _checked(y, se)
    at_zero = _conditional(y, se, np.zeros(1))
    q = float((((y - at_zero.mu) / se) ** 2).sum())
    df = len(y) - 1
    return PooledEstimate(
        float(at_zero.mu[0]), float(at_zero.mu_sd[0]), q, df, float(chdtrc(df, q))
    )


def conditional_effects(y: ArrayLike, se: ArrayLike, tau: ArrayLike) -> ConditionalEffects:
    r"""Effects if tau were known: each school is a weighted mean of itself and of mu.

    .. math::

        E(\theta_j | \tau, y) = \lambda_j y_j + (1 - \lambda_j) \hat\mu, \qquad
        \mathrm{var}(\theta_j | \tau, y) = \lambda_j \sigma_j^2 + (1 - \lambda_j)^2 V_\mu,

    with :math:`\lambda_j = \tau^2 / (\tau^2 + \sigma_j^2)`, and :math:`\hat\mu, V_\mu` the
    mean weighted by :math:`1 / (\sigma_j^2 + \tau^2)` and its variance.

    Parameters
    ----------
    y, se : (J,) array_like
        Estimates and their standard errors, in the same units.
    tau : float or (K,) array_like
        SD between schools: 0 is complete pooling, ``inf`` is no pooling.

    Returns
    -------
    ConditionalEffects
        Arrays (J,) for one tau, (K, J) for many.

    Raises
    ------
    DataError
        See `tau_posterior`.
    ValueError
        tau is negative or missing.

    References
    ----------
    Gelman et al., Bayesian Data Analysis, 3rd ed., eqs. 5.17 and 5.20.

    Examples
    --------
    >>> conditional_effects([0.0, 4.0], [1.0, 1.0], 1.0).mean.round(9).tolist()
    [1.0, 3.0]
    """
    y, se = _checked(y, se)
    at = _checked_tau(tau)
    found = _conditional(y, se, np.atleast_1d(at))
    return ConditionalEffects(*(part[0] for part in found)) if at.ndim == 0 else found


def tau_log_likelihood(y: ArrayLike, se: ArrayLike, tau: ArrayLike) -> Floats:
    r"""Restricted log likelihood of tau; with a flat prior, its log posterior density.

    .. math::

        \ell(\tau) = -\tfrac12 \Big[ (J - 1) \log 2\pi
        + \sum_j \log(\sigma_j^2 + \tau^2) - \log V_\mu
        + \sum_j \frac{(y_j - \hat\mu)^2}{\sigma_j^2 + \tau^2} \Big]

    Parameters
    ----------
    y, se : (J,) array_like
        Estimates and their standard errors, in the same units.
    tau : float or array_like
        SD between schools; at ``inf`` the answer is minus infinity.

    Returns
    -------
    array
        In the shape of ``tau``.

    References
    ----------
    Gelman et al., Bayesian Data Analysis, 3rd ed., eq. 5.21.

    Examples
    --------
    >>> y, se = [28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18]
    >>> bool(tau_log_likelihood(y, se, 0.0) > tau_log_likelihood(y, se, 5.0))
    True
    """
    y, se = _checked(y, se)
    return _log_likelihood(y, se, _checked_tau(tau))


def tau_prior(tau: ArrayLike, prior: Prior = "flat", scale: float | None = None) -> Floats:
    r"""Prior density of tau, relative to its height at 0.

    .. math::

        1 \quad\text{(flat)}, \qquad e^{-\tau^2 / 2 s^2} \quad\text{(half-normal)}, \qquad
        (1 + \tau^2 / s^2)^{-1} \quad\text{(half-Cauchy)}

    Parameters
    ----------
    tau : float or array_like
        SD between schools (units of y).
    prior, scale
        See `tau_posterior`.

    Returns
    -------
    array
        In the shape of ``tau``.

    Raises
    ------
    ValueError
        See `tau_posterior`; or tau is negative or missing.

    References
    ----------
    Gelman et al., Bayesian Data Analysis, 3rd ed., section 5.7.

    Examples
    --------
    >>> tau_prior([0.0, 10.0], "half-cauchy", 10.0).tolist()
    [1.0, 0.5]
    """
    _check_prior(prior, scale, 3)
    out: Floats = np.exp(_log_prior(_checked_tau(tau), prior, scale))
    return out


def tau_reml(y: ArrayLike, se: ArrayLike) -> float:
    """Value of tau with the largest restricted likelihood: often exactly 0.

    Parameters
    ----------
    y, se : (J,) array_like
        Estimates and their standard errors, in the same units.

    Returns
    -------
    float
        In units of y; the mode of the posterior under a flat prior.

    Raises
    ------
    DataError
        See `tau_posterior`.

    References
    ----------
    Gelman et al., Bayesian Data Analysis, 3rd ed., section 5.4.

    Examples
    --------
    >>> tau_reml([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])
    0.0
    """
    from scipy.optimize import minimize_scalar

    y, se = _checked(y, se)
    unit = float(se.min())
    t = np.linspace(0.0, _far(y, se, unit) + 3.0, 501)
    k = int(np.argmax(_log_likelihood(y, se, unit * np.sinh(t))))
    if k == 0 and _slope_at_zero(y, se) <= 0:
        return 0.0
    best = minimize_scalar(
        lambda s: -float(_log_likelihood(y, se, np.asarray(unit * np.sinh(s)))),
        bounds=(t[max(k - 1, 0)], t[min(k + 1, 500)]),
        method="bounded",
        options={"xatol": 1e-11},
    )
    return float(unit * np.sinh(best.x))


def tau_posterior(
    y: ArrayLike, se: ArrayLike, prior: Prior = "flat", scale: float | None = None
) -> TauPosterior:
    r"""Posterior of the SD between schools, from estimates and standard errors.

    .. math::

        y_j \sim N(\theta_j, \sigma_j^2), \quad \theta_j \sim N(\mu, \tau^2), \qquad
        p(\tau | y) \propto p(\tau)\, V_\mu^{1/2}
        \prod_j (\sigma_j^2 + \tau^2)^{-1/2}
        \exp\Big(-\frac{(y_j - \hat\mu)^2}{2 (\sigma_j^2 + \tau^2)}\Big)

    with mu flat. The trapezoid rule on :math:`\tau = c \sinh t`, where the integrand
    is even in t and falls off exponentially, is exact to rounding; no sampling.

    Parameters
    ----------
    y, se : (J,) array_like
        Estimates and their standard errors, in the same units.
    prior : {"flat", "half-normal", "half-cauchy"}
        Prior of tau on 0 to infinity.
    scale : float, optional
        Scale of the half-normal or half-Cauchy (units of y).

    Returns
    -------
    TauPosterior

    Raises
    ------
    DataError
        Lengths that differ, missing values, a standard error that is not positive,
        one school; with the flat prior, two schools.
    ValueError
        An unknown prior, or a scale that is missing, not positive or not wanted.

    References
    ----------
    Gelman et al., Bayesian Data Analysis, 3rd ed., sections 5.4, 5.5 and 5.7.

    Examples
    --------
    >>> post = tau_posterior([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])
    >>> post.effect_mean[:3].round(2).tolist(), round(post.quantile(0.5), 2)
    ([11.4, 7.89, 6.13], 5.24)
    """
    y, se = _checked(y, se)
    _check_prior(prior, scale, len(y))
    moments = _finite_moments(prior, len(y))
    t = _grid(y, se, prior, scale, moments)
    unit = _unit(se, scale)
    tau = unit * np.sinh(t)
    log_density = _log_likelihood(y, se, tau) + _log_prior(tau, prior, scale)
    density = np.exp(log_density - log_density.max())
    weight = density * np.cosh(t)
    weight[[0, -1]] /= 2
    area = float(weight.sum() * (t[1] - t[0]) * unit)
    weight /= weight.sum()

    at = _conditional(y, se, tau)
    mu_mean, effect_mean = float(weight @ at.mu), weight @ at.mean
    effect_var = weight @ (at.sd**2 + (at.mean - effect_mean) ** 2)
    mu_var = float(weight @ (at.mu_sd**2 + (at.mu - mu_mean) ** 2))
    end = density[0] / area * (unit * (t[1] - t[0])) ** 2
    return TauPosterior(
        frozen(y), frozen(se), prior, scale,
        frozen(tau), frozen(density / area), frozen(weight),
        frozen(at.mean), frozen(at.sd), frozen(at.mu), frozen(at.mu_sd),
        frozen(effect_mean), frozen(np.sqrt(effect_var)),
        _mean_tau(tau, weight, end) if moments >= 1 else np.inf,
        mu_mean,
        float(np.sqrt(mu_var)) if moments >= 2 else np.inf,
    )  # fmt: skip


def _mean_tau(tau: Floats, weight: Floats, end: float) -> float:
    """Mean of tau; the integrand is odd in t, so the rule needs its first end correction."""
    return float(weight @ tau) + end / 12


def _conditional(y: Floats, se: Floats, tau: Floats) -> ConditionalEffects:
    """Effects at each tau (K,)."""
    total = np.hypot(se, np.minimum(tau, 1e300)[:, None])
    lam = (np.minimum(tau, 1e300)[:, None] / total) ** 2
    mu, mu_sd = _mean_effect(y, total)
    keep = (se / total) ** 2
    mean = lam * y + keep * mu[:, None]
    sd = np.hypot(np.sqrt(lam) * se, keep * mu_sd[:, None])
    return ConditionalEffects(mean, sd, mu, np.where(np.isinf(tau), np.inf, mu_sd))


def _mean_effect(y: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Weighted mean over the last axis and its SD, with ``total`` the SD of each y_j."""
    least = total.min(axis=-1)
    w = (least[..., None] / total) ** 2
    sum_w = w.sum(axis=-1)
    centre = y.mean()
    return centre + (w @ (y - centre)) / sum_w, least / np.sqrt(sum_w)


def _log_likelihood(y: Floats, se: Floats, tau: Floats) -> Floats:
    total = np.hypot(se, np.minimum(tau, 1e300)[..., None])
    mu, mu_sd = _mean_effect(y, total)
    rss = (((y - mu[..., None]) / total) ** 2).sum(axis=-1)
    constant = (len(y) - 1) * np.log(2 * np.pi)
    value = np.log(mu_sd) - np.log(total).sum(axis=-1) - 0.5 * (rss + constant)
    out: Floats = np.where(np.isinf(tau), -np.inf, value)
    return out


def _slope_at_zero(y: Floats, se: Floats) -> float:
    """Twice the derivative of the log likelihood to tau**2 at 0, in units of the least se."""
    w = (se.min() / se) ** 2
    mu, _ = _mean_effect(y, se)
    return float((w**2).sum() / w.sum() - w.sum() + (w * ((y - mu) / se) ** 2).sum())


def _log_prior(tau: Floats, prior: Prior, scale: float | None) -> Floats:
    """Log density up to a constant."""
    if scale is None:
        return np.zeros_like(tau)
    z2 = (tau / scale) ** 2
    return -0.5 * z2 if prior == "half-normal" else -np.log1p(z2)


def _log_density(post: TauPosterior, tau: Floats) -> Floats:
    return _log_likelihood(post.y, post.se, tau) + _log_prior(tau, post.prior, post.scale)


def _unit(se: Floats, scale: float | None) -> float:
    """The c of tau = c sinh t: no feature of the integrand is narrower than it."""
    least = float(se.min())
    return least if scale is None else min(least, scale)


def _far(y: Floats, se: Floats, unit: float) -> float:
    """A t beyond which the likelihood has no feature but its tail."""
    return float(np.arcsinh((np.ptp(y) + se.max()) / unit))


def _finite_moments(prior: Prior, n_schools: int) -> int:
    """How many moments of tau (up to two) exist: the density falls as tau to minus ``power``."""
    if prior == "half-normal":
        return 2
    power = n_schools - 1 if prior == "flat" else n_schools + 1
    return min(2, power - 2)


def _grid(y: Floats, se: Floats, prior: Prior, scale: float | None, moments: int) -> Floats:
    """Equal steps of t over all that matters for the area and the moments that exist."""
    unit = _unit(se, scale)
    t = np.linspace(0.0, _far(y, se, unit) + NEGLIGIBLE + 4.0, 401)
    tau = unit * np.sinh(t)
    log_weight = _log_likelihood(y, se, tau) + _log_prior(tau, prior, scale)
    log_weight += (1 + moments) * np.log(np.cosh(t))
    kept = np.flatnonzero(log_weight > log_weight.max() - NEGLIGIBLE)
    low, high = max(kept[0] - 1, 0), min(kept[-1] + 1, len(t) - 1)
    return np.linspace(t[low], t[high], GRID_POINTS)


def _area(post: TauPosterior) -> tuple[Any, float]:
    """Posterior chance below c sinh t as a spline in t, and c."""
    from scipy.interpolate import make_interp_spline

    unit = _unit(post.se, post.scale)
    t = np.arcsinh(post.tau / unit)
    area = make_interp_spline(t, post.density * unit * np.cosh(t), k=5).antiderivative()
    area.c /= area(t[-1])
    return area, unit


def _checked(y: ArrayLike, se: ArrayLike) -> tuple[Floats, Floats]:
    """Estimates and standard errors as arrays, or an error that says what is wrong."""
    out = []
    for name, values in (("y", y), ("se", se)):
        try:
            out.append(np.asarray(values, dtype=np.float64))
        except (TypeError, ValueError):
            raise DataError(f"{name} has text where numbers belong.") from None
        if out[-1].ndim != 1:
            raise DataError(f"{name} has {out[-1].ndim} dimensions: one number a school is needed.")
    estimates, errors = out
    if len(estimates) != len(errors):
        raise DataError(
            f"y has {len(estimates)} values and se has {len(errors)}: "
            "each estimate needs its standard error."
        )
    if not (np.isfinite(estimates).all() and np.isfinite(errors).all()):
        raise DataError("y or se has missing or infinite values. Leave those schools out first.")
    if len(estimates) < 2:
        raise DataError("There are fewer than two schools: nothing varies between schools.")
    if (errors <= 0).any():
        raise DataError(
            f"{int((errors <= 0).sum())} standard errors are 0 or negative. A standard error "
            "must be positive: a school whose error is unknown must be left out."
        )
    return estimates, errors


def _checked_tau(tau: ArrayLike) -> Floats:
    out = np.asarray(tau, dtype=np.float64)
    if not (out >= 0).all():
        raise ValueError("tau is negative or missing: an SD is 0 or more.")
    return out


def _check_prior(prior: Prior, scale: float | None, n_schools: int) -> None:
    if prior not in ("flat", "half-normal", "half-cauchy"):
        raise ValueError(f'prior is {prior!r}: use "flat", "half-normal" or "half-cauchy".')
    if prior == "flat":
        if scale is not None:
            raise ValueError("A flat prior has no scale: leave scale out.")
        if n_schools < 3:
            raise DataError(
                "A flat prior on tau needs three schools or more: with two the posterior has no "
                'finite area. Use prior="half-normal" or "half-cauchy" with a scale.'
            )
    elif scale is None:
        raise ValueError(
            f"A {prior} prior needs a scale: about the largest SD between schools you would expect."
        )
    elif not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale is {scale}: a positive number is needed.")
