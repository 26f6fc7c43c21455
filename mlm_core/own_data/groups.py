"""The groups of the data: a table of all, which of them a figure shows, who is among the best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlm_core.data import Floats, Ints
from mlm_core.new_student import degrees_of_freedom, reach
from mlm_core.own_data.fits import Fits, slope_toward, varying_slope

if TYPE_CHECKING:
    import pandas as pd

MOST_SHOWN = 50
"""Groups a figure can show."""
DRAWS = 4000


def groups_table(fits: Fits) -> pd.DataFrame:
    """One row a group, columns named as on the page.

    ``<group>, rows, no pooling, SE (no pooling), partial pooling, SE (partial pooling), 2.5%,
    97.5%, pulled to``; where only intercepts vary ``pulled (share)``; for each varying slope
    ``slope of <x>`` and its SE, without and with partial pooling.
    """
    import pandas as pd

    rows = fits.design.rows
    low, high = intervals(fits)
    columns: dict[str, object] = {
        rows.columns.group: fits.labels,
        "rows": rows.n,
        "no pooling": fits.own_height,
        "SE (no pooling)": fits.own_se,
        "partial pooling": fits.height,
        "SE (partial pooling)": fits.se,
        "2.5%": low,
        "97.5%": high,
        "pulled to": fits.toward,
    }
    if not fits.slopes_vary:
        columns["pulled (share)"] = pulled(fits)
    for which, k in enumerate(fits.design.varying, 1):
        name = fits.design.terms[k].name
        own, own_se, pooled, se = varying_slope(fits, which)
        columns |= {f"slope of {name}, no pooling": own, f"its SE, no pooling ({which})": own_se}
        columns |= {f"slope of {name}, partial pooling": pooled}
        columns |= {f"its SE, partial pooling ({which})": se}
        columns |= {f"slope of {name}, pulled to": slope_toward(fits, which)}
    return pd.DataFrame(columns)


def pulled(fits: Fits) -> Floats:
    r"""(J,) share of the way from no pooling to what is expected, where only intercepts vary.

    That of the numbers shown; NaN where a group ends outside that way. Without predictors of
    rows it is

    .. math:: 1 - \frac{n_j\sigma_\alpha^2}{n_j\sigma_\alpha^2 + \sigma_y^2}.

    With them it is only about that: their slopes are not the same without pooling.
    """
    return share_of_way(fits.own_height, fits.height, fits.toward)


def share_of_way(own: Floats, here: Floats, to: Floats) -> Floats:
    """Which part of the way from ``own`` to ``to`` has been gone; NaN outside of it.

    >>> share_of_way(np.array([4.0, 4.0]), np.array([3.0, 5.0]), np.array([0.0, 0.0])).tolist()
    [0.25, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        gone: Any = np.asarray((own - here) / (own - to), dtype=np.float64)
    out: Floats = np.where((gone >= 0) & (gone <= 1), gone, np.nan)
    return out


def outside(fits: Fits, which: int = 0) -> int:
    """How many groups do not end between their own value and what is expected of them.

    Parameters
    ----------
    fits : Fits
    which : int
        0 for intercepts, 1 for the first varying slope.
    """
    own, here, to = fits.own_height, fits.height, fits.toward
    if which:
        own, _, here, _ = varying_slope(fits, which)
        to = slope_toward(fits, which)
    still = np.isclose(own, here, rtol=0, atol=1e-9 * float(np.ptp(here)))
    return int((np.isfinite(own) & ~still & np.isnan(share_of_way(own, here, to))).sum())


def intervals(fits: Fits) -> tuple[Floats, Floats]:
    """(J,) ends of the 95% intervals of the groups, with t as `predictions.predict_in` has it."""
    between = float(fits.partial.cov[0, 0])
    df = degrees_of_freedom(fits.design.rows.n_groups, between, fits.se**2)
    half = reach(df) * fits.se
    return fits.height - half, fits.height + half


def by_size(n: Ints) -> Ints:
    """(J,) groups, the largest first."""
    return np.argsort(-n, kind="stable")


def shown_groups(fits: Fits, picked: int, most: int = MOST_SHOWN) -> Ints:
    """Groups that a figure shows, the largest first: all, or the extremes and a sample.

    Always shown are the picked group, and the two lowest and two highest by themselves and by
    partial pooling; the others are spread evenly over the sizes.
    """
    n = fits.design.rows.n
    order = by_size(n)
    if len(n) <= most:
        return order
    ends = [np.argsort(v, kind="stable") for v in (fits.height, _known(fits))]
    must = {picked, *(int(k) for order_ in ends for k in (*order_[:2], *order_[-2:]))}
    rest = [k for k in order.tolist() if k not in must]
    room = most - len(must)
    spread = np.linspace(0, len(rest) - 1, room).round().astype(int)
    kept = must | {rest[k] for k in spread}
    return np.array([k for k in order.tolist() if k in kept], dtype=np.intp)


def _known(fits: Fits) -> Floats:
    """Own heights, with the partially pooled one where there is none."""
    own = fits.own_height
    out: Floats = np.where(np.isfinite(own), own, fits.height)
    return out


def among_best(fits: Fits, k: int, *, lowest: bool = False, seed: int = 1) -> Floats:
    """(J,) probability of being among the k groups that are truly highest (or lowest).

    The groups' heights are drawn from their joint distribution given the data and the SDs
    (`DRAWS` times), the coefficients' errors with them; each draw is ranked.

    References
    ----------
    Goldstein & Spiegelhalter (1996), JRSS A 159, on ranks and their uncertainty.
    """
    rng = np.random.default_rng(seed)
    fit, X0 = fits.partial, fits.design.of_groups
    J = fit.n_groups
    left = X0 - fit.pull[:, 0, :]
    values, axes = np.linalg.eigh(fit.coef_cov)
    root = axes * np.sqrt(np.maximum(values, 0))
    sd = np.sqrt(np.maximum(fit.mode_cov[:, 0, 0], 0))
    sd = np.maximum(sd, 1e-9 * fit.sigma_y)  # groups that do not differ share the places by lot
    hits = np.zeros(J)
    chunk = max(1, min(DRAWS, 2_000_000 // J))
    done = 0
    while done < DRAWS:
        size = min(chunk, DRAWS - done)
        drawn = fits.height + sd * rng.standard_normal((size, J))
        drawn += rng.standard_normal((size, len(values))) @ root.T @ left.T
        order = np.argpartition(drawn if lowest else -drawn, min(k, J) - 1, axis=1)[:, : min(k, J)]
        hits += np.bincount(order.ravel(), minlength=J)
        done += size
    return hits / DRAWS


def caterpillar_table(fits: Fits, groups: Ints, picked: int) -> pd.DataFrame:
    """One row a group, the lowest first, with 95% intervals.

    Columns ``row, school, n, own, height, low, high, toward, picked, named``.
    """
    import pandas as pd

    order = groups[np.argsort(fits.height[groups], kind="stable")]
    low, high = intervals(fits)
    return pd.DataFrame(
        {
            "row": np.arange(len(order)),
            "school": fits.labels[order],
            "n": fits.design.rows.n[order],
            "own": fits.own_height[order],
            "height": fits.height[order],
            "low": low[order],
            "high": high[order],
            "toward": fits.toward[order],
            "picked": order == picked,
            "named": _named(len(order), order == picked),
        }
    )


def _named(count: int, picked: np.ndarray) -> Any:
    """Which rows have room for their name: all, or every second, third, ... and the ends."""
    every = -(-count // 26)
    out = np.arange(count) % every == 0
    near = np.flatnonzero(picked)
    for k in near:
        out[max(k - every + 1, 0) : k + every] = False
        out[k] = True
    return out
