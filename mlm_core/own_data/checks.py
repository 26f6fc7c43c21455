"""Is the model right? The data among data drawn from it: who can tell which is which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from mlm_core.data import Floats
from mlm_core.own_data.fits import Fits
from mlm_core.wide import WideFit, best_sigma, fit_at, wide_sums

if TYPE_CHECKING:
    import pandas as pd

PANELS = 8
MOST_POINTS = 250
What = Literal["groups", "rows"]


class LineUp(NamedTuple):
    """Eight panels, which of them has the data, and what the model expects in each.

    ``points``: ``panel`` (0 to 7), ``x, y`` from 0 to 1 within the panel. ``straight``: ``x, y``
    of the two ends of a line, the same in all panels.
    """

    points: pd.DataFrame
    mine: int
    straight: pd.DataFrame


def line_up(fits: Fits, what: What, seed: int = 1) -> LineUp:
    r"""Eight panels: the data in one, and seven sets drawn from the fitted model.

    ``"groups"``: the groups' departures against what a normal distribution would have in their
    place (near a straight line when :math:`\eta_j` is normal). ``"rows"``: residuals against
    fitted values (an even band when :math:`\epsilon_i` is normal with one SD). Whoever picks
    the data from eight by chance alone is right once in eight.

    Parameters
    ----------
    fits : Fits
    what : {"groups", "rows"}
    seed : int

    References
    ----------
    Buja et al. (2009), Phil. Trans. R. Soc. A 367. Gelman & Hill (2007), section 8.3.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    mine = int(rng.integers(PANELS))
    made, fit = fits.design, fits.partial
    X, Z, j = made.matrix, made.varying_matrix, made.rows.j
    sigma, _ = best_sigma(fits.sums, "REML")
    values, axes = np.linalg.eigh(fit.cov)
    root = axes * np.sqrt(np.maximum(values, 0))
    kept = _sample(rng, len(j))
    clouds = []
    for panel in range(PANELS):
        y, found = made.rows.y, fit
        if panel != mine:
            eta = rng.standard_normal((fit.n_groups, len(values))) @ root.T
            y = X @ fit.coef + (Z * eta[j]).sum(1) + rng.normal(0, fit.sigma_y, len(j))
            found = fit_at(wide_sums(y, X, Z, j), sigma)
        x, up = _rows(found, X, Z, j, y) if what == "rows" else _groups(found)
        shown = kept if what == "rows" else _along(x)
        clouds.append((x[shown], up[shown]))
    every = [np.concatenate(part) for part in zip(*clouds, strict=True)]
    low, high = [v.min() for v in every], [v.max() for v in every]
    spans = [(b - a) or 1.0 for a, b in zip(low, high, strict=True)]
    tables = [
        pd.DataFrame({"panel": k, "x": (x - low[0]) / spans[0], "y": (y - low[1]) / spans[1]})
        for k, (x, y) in enumerate(clouds)
    ]
    ends = np.array([low[0], high[0]])
    if what == "rows":
        expected = np.zeros(2)
    else:  # a group as far out as its place: up is across, as far as the panel goes
        ends = np.clip(ends, low[1], high[1])
        expected = ends
    straight = {"x": (ends - low[0]) / spans[0], "y": (expected - low[1]) / spans[1]}
    return LineUp(pd.concat(tables, ignore_index=True), mine, pd.DataFrame(straight))


def _sample(rng: np.random.Generator, count: int) -> np.ndarray:
    if count <= MOST_POINTS:
        return np.arange(count)
    return np.sort(rng.choice(count, MOST_POINTS, replace=False))


def _along(x: Floats) -> np.ndarray:
    """Places from the lowest to the highest, both among them: all, or some at even distances."""
    order = np.argsort(x, kind="stable")
    ends = 20  # where a line bends is at its ends
    if len(x) <= MOST_POINTS:
        return order
    inner = np.linspace(ends, len(x) - 1 - ends, MOST_POINTS - 2 * ends).round().astype(int)
    return np.asarray(order[[*range(ends), *inner, *range(len(x) - ends, len(x))]])


def _groups(fit: WideFit) -> tuple[Floats, Floats]:
    """Normal quantiles, and the departures in units of what their SDs are expected to be."""
    from scipy.stats import norm, rankdata

    expected = np.sqrt(np.maximum(fit.sd[0] ** 2 - fit.mode_cov[:, 0, 0], 1e-300))
    eta = fit.modes[:, 0]
    scaled = eta / expected if fit.sd[0] > 0 else eta
    place = (rankdata(scaled, method="ordinal") - 0.5) / len(scaled)
    return np.asarray(norm.ppf(place)), scaled


def _rows(fit: WideFit, X: Floats, Z: Floats, j: np.ndarray, y: Floats) -> tuple[Floats, Floats]:
    """Fitted values and residuals."""
    fitted = X @ fit.coef + (Z * fit.modes[j]).sum(1)
    return fitted, y - fitted
