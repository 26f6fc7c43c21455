"""Fit the schools first and regress afterwards: what comes out, beside doing both at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlm_core.data import Floats, GroupedData
from mlm_core.pooling import fit_no_pooling
from mlm_core.replication import TwoSteps, world
from mlm_core.scenario import Scenario
from mlm_core.simulation import simulate

if TYPE_CHECKING:
    import pandas as pd

ENDS = (-3.0, 3.0)
"""The values of u between which lines are drawn."""

QUANTITIES = ("sigma_alpha", "b0")

SHOWN = 31
"""Worlds that are drawn with all their schools."""


@dataclass(frozen=True, slots=True)
class OverWorlds:
    """How one way of fitting did over all worlds.

    Attributes
    ----------
    b0, sigma_alpha : float
        Means of the estimates.
    spread_b0 : float
        SD of the estimates of b0: how far they are from world to world.
    stated_b0 : float
        Root mean square of the standard errors that the fits state for b0.
    zero : float
        Share of worlds in which ``sigma_alpha`` is estimated as exactly 0.
    """

    b0: float
    sigma_alpha: float
    spread_b0: float
    stated_b0: float
    zero: float


def equal_slopes(scenario: Scenario) -> Scenario:
    """The scenario with one slope for all schools, and no more in it than both ways know of.

    Examples
    --------
    >>> equal_slopes(Scenario()).hyper.sigma_beta
    0.0
    """
    hyper = replace(scenario.hyper, sigma_beta=0.0, b1=0.0)
    return replace(scenario, hyper=hyper, sigma_x=0.0, contextual=0.0, extraordinary=0.0)


def over_worlds(found: TwoSteps) -> tuple[OverWorlds, OverWorlds]:
    """Both ways over all worlds: (two steps, multilevel).

    Examples
    --------
    >>> from mlm_core.replication import two_steps
    >>> two, both = over_worlds(two_steps(equal_slopes(Scenario()), 200))
    >>> two.sigma_alpha > both.sigma_alpha
    True
    """
    fits = found.multilevel
    pairs = (
        (found.b0, found.se_b0, found.sigma_alpha),
        (fits.b0, fits.se_b0, fits.sigma_alpha),
    )
    two, both = (
        OverWorlds(
            b0=float(b0.mean()),
            sigma_alpha=float(sigma.mean()),
            spread_b0=float(b0.std()),
            stated_b0=float(np.sqrt((se**2).mean())),
            zero=float((sigma == 0).mean()),
        )
        for b0, se, sigma in pairs
    )
    return two, both


def own_variance(
    scenario: Scenario, data: GroupedData, slopes: Literal["common", "varying"]
) -> Floats:
    r"""(J,) sampling variance of the schools' own intercepts, from the scenario's ``sigma_y``.

    :math:`\sigma_y^2 (1/n_j + \bar x_j^2 / S_{xx})`, with :math:`S_{xx}` of the school
    (``"varying"``; NaN where x does not vary in it) or of all schools together.
    """
    if data.x is None:
        raise ValueError("The data have no x.")
    x_mean = data.group_means(data.x)
    dx = data.x - x_mean[data.j]
    sxx = data.group_means(dx * dx) * data.n
    if slopes == "common":
        sxx = np.full(len(sxx), sxx.sum())
    of_slope = np.divide(x_mean**2, sxx, out=np.full(len(sxx), np.nan), where=sxx > 0)
    variance: Floats = scenario.sigma_y**2 * (1 / data.n + of_slope)
    return variance


def noise_sd(scenario: Scenario, found: TwoSteps, slopes: Literal["common", "varying"]) -> float:
    r"""The sampling noise that regressions of each school hand on to the second step.

    The residual variance of the second step is, on average over worlds,

    .. math:: \sigma_\alpha^2 + \frac{1}{J-2} \sum_j (1 - h_j)\, \mathrm{se}_j^2,

    with :math:`h_j` the leverage of school j in the regression on u and
    :math:`\mathrm{se}_j` from `own_variance`. Returned is the square root of the second
    term. A common slope has one more, which is small: its error is shared by the schools.

    Parameters
    ----------
    scenario : Scenario
    found : TwoSteps
        From `replicate.two_steps` for this scenario.
    slopes : {"common", "varying"}
        As there.

    Returns
    -------
    float
        In units of y.

    Examples
    --------
    >>> from mlm_core.replication import two_steps
    >>> scenario = equal_slopes(Scenario())
    >>> round(noise_sd(scenario, two_steps(scenario, 10, slopes="varying"), "varying"), 1)
    3.6
    """
    data, used = simulate(scenario).data, found.used
    u = np.zeros(data.n_groups) if data.u is None else data.u
    du = u[used] - u[used].mean()
    left = 1 - 1 / used.sum() - du**2 / (du @ du)
    return float(np.sqrt(left @ own_variance(scenario, data, slopes)[used] / (used.sum() - 2)))


def second_step_tables(
    scenario: Scenario, found: TwoSteps, slopes: Literal["common", "varying"]
) -> dict[str, pd.DataFrame]:
    """The tables of `charts.two_steps`.

    Returns
    -------
    dict of DataFrame
        ``dots``, one row a quantity, way of fitting and (every second) world:
        ``quantity, way, value, aside``; ``schools``, one row a shown world and school:
        ``step, school, n, u, own, low, high, true``; ``lines``, two rows a shown world and
        way: ``step, way, u, middle, low, high``; ``worlds``, one row a shown world;
        ``truth`` and ``means``, what all worlds have in common.
    """
    import pandas as pd

    shown = range(min(SHOWN, len(found.b0)))
    fits, (two, both) = found.multilevel, over_worlds(found)
    schools, starts = zip(*(_world(scenario, k, found, slopes) for k in shown), strict=True)
    first = len(shown)
    lines = pd.concat(
        [
            _lines("two", np.array(starts), found.b0[:first], found.sigma_alpha[:first]),
            _lines("both", fits.a0[:first], fits.b0[:first], fits.sigma_alpha[:first]),
        ],
        ignore_index=True,
    )
    hyper = scenario.hyper
    return {
        "dots": pd.concat([_dots(found, quantity) for quantity in QUANTITIES], ignore_index=True),
        "schools": pd.concat(schools, ignore_index=True),
        "lines": lines,
        "worlds": _worlds(found, first),
        "truth": pd.DataFrame(
            {
                "u": ENDS,
                "middle": [hyper.a0 + hyper.b0 * u for u in ENDS],
                "sigma_alpha": hyper.sigma_alpha,
                "b0": hyper.b0,
            }
        ),
        "means": pd.DataFrame(
            {
                "way": ["two", "both"] * 2,
                "quantity": np.repeat(QUANTITIES, 2),
                "value": [two.sigma_alpha, both.sigma_alpha, two.b0, both.b0],
                "caption": [
                    f"two steps: {two.sigma_alpha:.1f}",
                    f"multilevel: {both.sigma_alpha:.1f}",
                    f"two steps: SD {two.spread_b0:.2f}",
                    f"multilevel: SD {both.spread_b0:.2f}",
                ],
            }
        ),
    }


def _dots(found: TwoSteps, quantity: str) -> pd.DataFrame:
    """Half of the worlds, moved aside (-1 to 1) where they are many."""
    import pandas as pd

    ways = {"two": getattr(found, quantity)[::2], "both": getattr(found.multilevel, quantity)[::2]}
    values = np.concatenate(list(ways.values()))
    inside = np.quantile(values, [0.005, 0.995])
    width = max(float(inside[1] - inside[0]), 1e-12) / 30
    turn = 2 * (np.arange(len(values) // 2) * 0.618033988749895 % 1) - 1
    tables = []
    for way, value in ways.items():
        near = np.abs(value[:, None] - value) < width
        crowd = near.sum(axis=1) / near.sum(axis=1).max()
        tables.append(
            pd.DataFrame({"quantity": quantity, "way": way, "value": value, "aside": turn * crowd})
        )
    return pd.concat(tables, ignore_index=True)


def _world(
    scenario: Scenario, k: int, found: TwoSteps, slopes: Literal["common", "varying"]
) -> tuple[pd.DataFrame, float]:
    """The schools of world k, and the intercept of its second step."""
    import pandas as pd

    made = world(scenario, k)
    lines, used = fit_no_pooling(made.data, slopes).lines, found.used
    u = np.zeros(len(used)) if made.data.u is None else made.data.u
    se = np.sqrt(own_variance(scenario, made.data, slopes))
    table = pd.DataFrame(
        {
            "step": k,
            "resting": k == 0,
            "school": made.data.labels.astype(str),
            "n": made.data.n,
            "u": u,
            "own": lines.alpha,
            "low": lines.alpha - se,
            "high": lines.alpha + se,
            "true": made.alpha,
        }
    )
    return table[used], float(lines.alpha[used].mean() - found.b0[k] * u[used].mean())


def _lines(way: str, a0: Floats, b0: Floats, sigma: Floats) -> pd.DataFrame:
    """The lines of worlds, with a band of one SD, at both ends."""
    import pandas as pd

    step, u = np.repeat(np.arange(len(a0)), 2), np.tile(ENDS, len(a0))
    middle = np.repeat(a0, 2) + np.repeat(b0, 2) * u
    band = np.repeat(sigma, 2)
    sides = {"low": middle - band, "high": middle + band}
    return pd.DataFrame(
        {"step": step, "resting": step == 0, "way": way, "u": u, "middle": middle, **sides}
    )


def _worlds(found: TwoSteps, first: int) -> pd.DataFrame:
    """One row a shown world: the two estimates of each, and where the handle is."""
    import pandas as pd

    step, fits = np.arange(first), found.multilevel
    return pd.DataFrame(
        {
            "step": step,
            "at": ENDS[0] + (ENDS[1] - ENDS[0]) * step / max(first - 1, 1),
            "two_b0": found.b0[:first],
            "two_sigma_alpha": found.sigma_alpha[:first],
            "both_b0": fits.b0[:first],
            "both_sigma_alpha": fits.sigma_alpha[:first],
            "caption": [f"world {k + 1} of {len(found.b0)}" for k in step],
            "resting": step == 0,
        }
    )
