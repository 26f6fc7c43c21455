"""Where x is zero: the same schools' lines, with their intercepts read elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mlm_core.data import Floats
from mlm_core.scenario import Hyperparameters, Scenario


def move_origin(hyper: Hyperparameters, to: float) -> Hyperparameters:
    r"""The same population of lines, with x measured from ``to``.

    With :math:`x' = x - c` a line's intercept is its height at c, and its slope stays:

    .. math::

        \alpha'_j = \alpha_j + c\,\beta_j, \qquad
        \sigma_\alpha'^2 = \sigma_\alpha^2 + 2 c \rho \sigma_\alpha \sigma_\beta
            + c^2 \sigma_\beta^2, \qquad
        \rho' = \frac{\rho\,\sigma_\alpha + c\,\sigma_\beta}{\sigma_\alpha'}

    Parameters
    ----------
    hyper : Hyperparameters
        ``rho`` is NaN where one of the two SDs is 0.
    to : float
        The place c of the new zero (units of x).

    Returns
    -------
    Hyperparameters
        ``rho`` is NaN where all lines cross at c, or all are parallel.

    References
    ----------
    Gelman & Hill (2007), section 13.1, on the correlation of intercepts and slopes.

    Examples
    --------
    >>> there = move_origin(Hyperparameters(sigma_alpha=4, sigma_beta=3, rho=0), to=1)
    >>> there.sigma_alpha, there.rho
    (5.0, 0.6)
    """
    slopes = hyper.sigma_beta
    rho = hyper.rho if hyper.sigma_alpha > 0 and slopes > 0 else 0.0
    along = rho * hyper.sigma_alpha + to * slopes  # of the intercept, what goes with the slope
    across = hyper.sigma_alpha * math.sqrt(1 - rho**2)
    sigma_alpha = math.hypot(along, across)
    return replace(
        hyper,
        a0=hyper.a0 + to * hyper.a1,
        b0=hyper.b0 + to * hyper.b1,
        sigma_alpha=sigma_alpha,
        rho=along / sigma_alpha if sigma_alpha > 0 and slopes > 0 else math.nan,
    )


def uncorrelated_origin(hyper: Hyperparameters) -> float:
    r"""The zero of x at which intercepts and slopes are uncorrelated.

    :math:`c = -\rho \sigma_\alpha / \sigma_\beta`. There, :math:`\sigma_\alpha` is smallest.
    NaN where slopes do not vary.

    Examples
    --------
    >>> uncorrelated_origin(Hyperparameters(sigma_alpha=5, sigma_beta=2, rho=0.4))
    -1.0
    """
    if hyper.sigma_beta == 0:
        return math.nan
    return -(hyper.rho if hyper.sigma_alpha > 0 else 0.0) * hyper.sigma_alpha / hyper.sigma_beta


def true_population(scenario: Scenario, with_u: bool) -> Hyperparameters:
    r"""The population of lines that the schools of a scenario are drawn from.

    Without u its part counts as spread: u is standard normal, so that the covariance
    of intercept and slope is :math:`\Sigma + b b'`. The contextual effect is spread too;
    an extraordinary school is not part of the population.

    Examples
    --------
    >>> round(true_population(Scenario(), with_u=False).sigma_alpha, 2)
    5.83
    """
    hyper = scenario.hyper
    b0, b1 = (0.0, 0.0) if with_u else (hyper.b0, hyper.b1)
    context = scenario.contextual * scenario.sigma_x
    sigma_alpha = math.sqrt(hyper.sigma_alpha**2 + b0**2 + context**2)
    sigma_beta = math.hypot(hyper.sigma_beta, b1)
    both = sigma_alpha * sigma_beta
    covariance = hyper.rho * hyper.sigma_alpha * hyper.sigma_beta + b0 * b1
    return replace(
        hyper,
        b0=hyper.b0 - b0,
        b1=hyper.b1 - b1,
        sigma_alpha=sigma_alpha,
        sigma_beta=sigma_beta,
        rho=max(-1.0, min(1.0, covariance / both)) if both > 0 else math.nan,
    )


def ellipse(
    hyper: Hyperparameters, share: float, u: float = 0.0, points: int = 49
) -> tuple[Floats, Floats]:
    r"""The ellipse of (intercept, slope) that holds a share of the schools with one u.

    Parameters
    ----------
    hyper : Hyperparameters
    share : float
        Between 0 and 1.
    u : float
        The school-level predictor: the centre is ``(a0 + b0 u, a1 + b1 u)``.
    points : int
        Points along the ellipse; the last is the first again.

    Returns
    -------
    alpha, beta : (points,) arrays
        With a rho of 1 or -1 they lie on a line.

    Examples
    --------
    >>> alpha, beta = ellipse(Hyperparameters(a0=60, sigma_alpha=5), share=0.95)
    >>> round(float(alpha.max()), 1)
    72.2
    """
    rho = 0.0 if math.isnan(hyper.rho) else hyper.rho
    t = np.linspace(0, 2 * np.pi, points)
    radius = math.sqrt(-2 * math.log(1 - share))  # of two standard normals
    one, two = radius * np.cos(t), radius * np.sin(t)
    alpha = hyper.a0 + hyper.b0 * u + hyper.sigma_alpha * one
    beta = hyper.a1 + hyper.b1 * u + hyper.sigma_beta * (rho * one + math.sqrt(1 - rho**2) * two)
    return alpha, beta
