"""Where x is zero: the same schools' lines, with their intercepts read elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlm_core.data import Floats, GroupedData
from mlm_core.records import GroupLines
from mlm_core.scenario import Hyperparameters, Scenario

if TYPE_CHECKING:
    import pandas as pd

LOW, HIGH, STEPS, REST = -5.0, 3.0, 81, 50
"""Where a handle can put the zero of x; at step 50 it is where it was."""


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


def spread_lost(own: GroupLines, fit: GroupLines) -> tuple[float, float]:
    """Share of the spread of intercepts, and of slopes, that partial pooling takes away.

    One minus the ratio of the SDs over the schools that have a line of their own.

    Parameters
    ----------
    own, fit : GroupLines
        Without and with partial pooling.

    Returns
    -------
    (of intercepts, of slopes)
        NaN with fewer than two such schools.

    Examples
    --------
    >>> one, zero = np.array([1.0, 3.0]), np.zeros(2)
    >>> spread_lost(GroupLines(one, one, zero, zero), GroupLines(one, 2 + zero, zero, zero))
    (0.0, 1.0)
    """
    known = np.isfinite(own.beta)
    if known.sum() < 2:
        return math.nan, math.nan
    pairs = ((own.alpha, fit.alpha), (own.beta, fit.beta))
    intercepts, slopes = (float(1 - p[known].std() / o[known].std()) for o, p in pairs)
    return intercepts, slopes


def slopes_tables(
    data: GroupedData,
    own: GroupLines,
    fit: GroupLines,
    truth: tuple[Floats, Floats],
    population: Hyperparameters,
    true_population: Hyperparameters,
    picked: int,
) -> dict[str, pd.DataFrame]:
    """The tables of `charts.slopes_plane`.

    Parameters
    ----------
    own, fit : GroupLines
        Without and with partial pooling.
    truth : (alpha, beta)
        True lines.
    population, true_population : Hyperparameters
        Drawn as ellipses, at the u of the picked school.
    picked : int
        Index of the school that is marked.
    """
    import pandas as pd

    schools = pd.DataFrame(
        {
            "school": data.labels.astype(str),
            "n": data.n,
            "own_alpha": own.alpha,
            "own_beta": own.beta,
            "alpha": fit.alpha,
            "beta": fit.beta,
            "true_alpha": truth[0],
            "true_beta": truth[1],
            "picked": np.arange(data.n_groups) == picked,
        }
    )
    x = np.zeros(len(data.y)) if data.x is None else data.x
    mine = (data.j == picked) & (x >= LOW) & (x <= HIGH)
    least, most = np.clip([x.min(), x.max()], LOW, HIGH)
    return {
        "schools": schools,
        "ellipses": _ellipses(population, true_population, data, picked),
        "origins": _origins(population),
        "students": pd.DataFrame({"x": x[mine], "y": data.y[mine]}),
        "reach": pd.DataFrame({"least": [least], "most": [most]}),
    }


def _ellipses(
    fitted: Hyperparameters, true: Hyperparameters, data: GroupedData, picked: int
) -> pd.DataFrame:
    """50% and 95% of the schools with the u of the picked one."""
    import pandas as pd

    u = 0.0 if data.u is None else float(data.u[picked])
    parts = []
    for which, hyper in (("fitted", fitted), ("true", true)):
        for share in (0.5, 0.95):
            alpha, beta = ellipse(hyper, share, u)
            place = np.arange(len(alpha))
            parts.append(
                pd.DataFrame(
                    {"of": which, "share": share, "k": place, "alpha": alpha, "beta": beta}
                )
            )
    return pd.concat(parts, ignore_index=True)


def _origins(population: Hyperparameters) -> pd.DataFrame:
    """One row a step of the handle: where zero is and what becomes of rho and sigma_alpha."""
    import pandas as pd

    at = np.linspace(LOW, HIGH, STEPS)
    moved = [move_origin(population, float(c)) for c in at]
    step = np.arange(STEPS)
    return pd.DataFrame(
        {
            "step": step,
            "at": at,
            "caption": [
                f"ρ = {_signed(m.rho)}\u2003σ_α = {m.sigma_alpha:.1f}" for m in moved
            ],
            "resting": step == REST,
        }
    )  # fmt: skip


def _signed(rho: float) -> str:
    return "–" if np.isnan(rho) else f"{rho:.2f}".replace("-", "−")
