"""The groups between complete and no pooling: the tables of the figure `own_glide`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mlm_core.data import Floats, Ints
from mlm_core.estimates import STEPS, handle_grid, handle_position, resting_place
from mlm_core.own_data.fits import Fits
from mlm_core.own_data.groups import share_of_way
from mlm_core.wide import WidePath, wide_path

if TYPE_CHECKING:
    import pandas as pd


def handle_scale(fits: Fits) -> float:
    """An SD for the middle of the handle: near the estimate, or part of sigma_y; 1, 2 or 5."""
    wanted = float(fits.partial.sd[0]) or 0.3 * fits.partial.sigma_y
    power = 10.0 ** math.floor(math.log10(wanted))
    return float(min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(math.log(s / wanted))))


def glide(fits: Fits) -> WidePath:
    """Partial pooling at every step of the handle, where only intercepts vary."""
    return wide_path(fits.sums, handle_grid(float(fits.partial.sd[0]), handle_scale(fits)))


def resting(fits: Fits) -> int:
    """The step of the estimate."""
    return resting_place(float(fits.partial.sd[0]), handle_scale(fits))


def captions(fits: Fits, path: WidePath, digits: int, unit: str) -> list[str]:
    """What each step is called.

    Parameters
    ----------
    digits : int
        Decimals.
    unit : str
        Of the outcome; may be empty.
    """
    said = [f"{sigma:.{digits}f} {unit}".strip() for sigma in path.sigma_alpha]
    said[0], said[-1] = "0: complete pooling", "∞: no pooling"
    estimate = float(fits.partial.sd[0])
    said[resting(fits)] = f"estimate: {estimate:.{digits}f} {unit}".strip()
    return said


def one_groups_words(
    fits: Fits, path: WidePath, group: int, said: list[str], number: Callable[[float], str]
) -> list[str]:
    """A sentence on one group for each step of the handle.

    Parameters
    ----------
    group : int
    said : list of str
        Of `captions`.
    number : function
        Writes a height.
    """
    toward = path.coef @ fits.design.of_groups[group]
    alpha = toward + path.modes[:, group]
    own, name = fits.own_height[group], str(fits.labels[group])[:60]
    share = share_of_way(own, alpha, toward).tolist()
    out = []
    for step, (to, height) in enumerate(zip(toward.tolist(), alpha.tolist(), strict=True)):
        way = f"moves {share[step]:.0%} of the way to {number(to)}, what is expected of it: it"
        if step == STEPS - 1:
            way = "stays where its own rows put it: it"
        elif math.isnan(share[step]):
            way = f"is expected at {number(to)}; pooled this far, it"
        what = said[step].replace("estimate: ", "") + " (the estimate)" * said[step].startswith("e")
        out.append(f"SD between groups: {what}. {name} {way} is at {number(height)}.")
    return out


def glide_tables(
    fits: Fits, path: WidePath, groups: Ints, picked: int, said: list[str]
) -> dict[str, pd.DataFrame]:
    """The tables ``schools``, ``path`` and ``likelihood`` of the figure.

    Parameters
    ----------
    groups : int array
        Those shown, from top to bottom.
    picked : int
    said : list of str
        Of `captions`.
    """
    import pandas as pd

    rest, count = resting(fits), len(groups)
    X0 = fits.design.of_groups[groups]
    toward = path.coef @ X0.T
    alpha = toward + path.modes[:, groups]
    names, n = fits.labels[groups], fits.design.rows.n[groups]
    schools = pd.DataFrame(
        {
            "row": np.arange(count),
            "school": names,
            "label": [f"{name[:24]} ({k})" for name, k in zip(names, n, strict=True)],
            "n": n,
            "own": fits.own_height[groups],
            "complete": toward[0],
            "picked": groups == picked,
            "named": _named(fits, groups, picked),
        }
    )
    steps = np.arange(STEPS)
    table = pd.DataFrame(
        {
            "step": np.repeat(steps, count),
            "row": np.tile(np.arange(count), STEPS),
            "alpha": alpha.ravel(),
            "toward": toward.ravel(),
            "pulled": share_of_way(fits.own_height[groups], alpha, toward).ravel(),
            "resting": np.repeat(steps == rest, count),
        }
    )
    likelihood = pd.DataFrame(
        {
            "step": steps,
            "position": handle_position(path.sigma_alpha, handle_scale(fits)),
            "likelihood": np.exp(path.log_likelihood),
            "caption": said,
            "estimate": steps == rest,
            "resting": steps == rest,
        }
    )
    return {"schools": schools, "path": table, "likelihood": likelihood}


def _named(fits: Fits, groups: Ints, picked: int, room: int = 24) -> np.ndarray:
    """Which groups have their names written: all, or the picked one, the extremes and a few."""
    out = np.ones(len(groups), dtype=bool)
    if len(groups) > room:
        out = np.arange(len(groups)) % -(-len(groups) // room) == 0
        own = np.where(np.isfinite(fits.own_height), fits.own_height, fits.height)[groups]
        for k in (int(np.argmin(own)), int(np.argmax(own)), *np.flatnonzero(groups == picked)):
            out[max(k - 1, 0) : k + 2] = False
            out[k] = True
        out &= ~(np.roll(groups == picked, 1) | np.roll(groups == picked, -1))
    return out


def one_target(fits: Fits) -> bool:
    """Whether all groups are pulled to the same height."""
    return bool(np.ptp(fits.toward) <= 1e-9 * (np.abs(fits.toward).max() + 1e-300))


def domain(values: Floats, must: Floats) -> tuple[float, float]:
    """Low and high end of an axis that holds ``must`` and, as far as they are usual, ``values``.

    Estimates that rows hardly identify can lie anywhere: the axis goes ten times as far from
    the middle as half of them.
    """
    known, must = values[np.isfinite(values)], must[np.isfinite(must)]
    middle, reach = float(np.median(must)), float(np.ptp(must))
    if known.size:
        reach = max(reach, 10 * float(np.median(np.abs(known - middle))))
    usual = known[np.abs(known - middle) <= reach]
    every = np.concatenate([usual, must])
    low, high = float(every.min()), float(every.max())
    margin = 0.06 * (high - low) or 0.1 * abs(low) or 1.0
    step = 10.0 ** math.floor(math.log10(margin))
    return math.floor((low - margin) / step) * step, math.ceil((high + margin) / step) * step
