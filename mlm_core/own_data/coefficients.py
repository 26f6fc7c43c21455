"""Coefficients with 95% intervals under the three poolings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlm_core.new_student import reach
from mlm_core.own_data.fits import Fits

if TYPE_CHECKING:
    import pandas as pd


def coefficients_table(fits: Fits) -> pd.DataFrame:
    r"""One row a coefficient and pooling.

    Columns ``coefficient, level, pooling, estimate, se, df, low, high``. Complete pooling has
    cluster-robust standard errors with t on J - 1 degrees of freedom; no pooling has only the
    slopes of rows, as it has an intercept for each group. Partial pooling: t on J less the
    coefficients that are constant within groups for those (and for coefficients whose slopes
    vary), else on n less J less the others: the inner-outer rule of lme's ``denDF``.

    References
    ----------
    Pinheiro & Bates (2000), section 2.4.2.
    """
    import pandas as pd

    made, J, n = fits.design, fits.partial.n_groups, fits.design.rows.n_rows
    outer = [k for k, term in enumerate(made.terms) if of_groups(fits, k)]
    inner = len(made.terms) - len(outer)
    df_outer, df_inner = max(J - len(outer), 1), max(n - J - inner, 1)
    varying = set(made.varying)
    rows = []
    for k, term in enumerate(made.terms):
        level = "group" if k in outer else "product" if term.kind == "product" else "row"
        df = df_outer if k in outer or k in varying or term.kind == "product" else df_inner
        said = [
            ("complete", fits.complete.coef[k], fits.complete.cluster_se[k], J - 1),
            ("partial", fits.partial.coef[k], fits.partial.se[k], df),
        ]
        own = float(fits.own.common[k])
        if math.isfinite(own):
            se = math.sqrt(float(fits.own.common_cov[k, k]))
            said.insert(1, ("no", own, se, max(n - J - inner, 1)))
        rows += [(term.name, level, *line) for line in said]
    table = pd.DataFrame(rows, columns=["coefficient", "level", "pooling", "estimate", "se", "df"])
    half = reach(table["df"].to_numpy()) * table["se"]
    return table.assign(low=table["estimate"] - half, high=table["estimate"] + half)


def of_groups(fits: Fits, k: int) -> bool:
    """Whether a term is the same in all rows of a group."""
    return fits.design.terms[k].kind in ("one", "group", "mean")
