"""Groups by slope and height: the tables of the figure `lines_plane`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlm_core.data import Ints
from mlm_core.own_data.fits import Fits, slope_toward, varying_slope

if TYPE_CHECKING:
    import pandas as pd


def plane_tables(fits: Fits, groups: Ints, picked: int, which: int = 1) -> dict[str, pd.DataFrame]:
    """The tables ``schools``, ``complete`` and ``targets``, for one of the varying slopes.

    ``schools`` has ``group, n, own, own_slope, pooled, slope, picked``; ``targets`` the places
    that groups are pulled to, ``height, slope, picked``: one where no predictor of groups is.
    """
    import pandas as pd

    own, _, pooled, _ = varying_slope(fits, which)
    schools = pd.DataFrame(
        {
            "group": fits.labels[groups],
            "n": fits.design.rows.n[groups],
            "own": fits.own_height[groups],
            "own_slope": own[groups],
            "pooled": fits.height[groups],
            "slope": pooled[groups],
            "picked": groups == picked,
        }
    )
    targets = pd.DataFrame(
        {
            "height": fits.toward[groups].round(12),
            "slope": slope_toward(fits, which)[groups].round(12),
            "picked": groups == picked,
        }
    )
    if len(targets[["height", "slope"]].drop_duplicates()) == 1:
        targets = targets.iloc[:1].assign(picked=True)
    height, slope = complete_line(fits, which)
    complete = pd.DataFrame({"height": [height], "slope": [slope]})
    return {"schools": schools, "complete": complete, "targets": targets}


def complete_line(fits: Fits, which: int = 1) -> tuple[float, float]:
    """Complete pooling at the mean of the groups' predictors: the height of its line, its slope."""
    made = fits.design
    row = made.varying[which - 1]
    mean = made.of_groups.mean(0)
    slope = float(fits.complete.coef[row])
    for k, term in enumerate(made.terms):
        start = f"{made.terms[row].name} × "
        if term.kind == "product" and term.name.startswith(start):
            slope += float(fits.complete.coef[k] * mean[made.names.index(term.name[len(start) :])])
    return float(mean @ np.asarray(fits.complete.coef)), slope
