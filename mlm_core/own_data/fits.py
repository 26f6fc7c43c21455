"""The three fits of one data set, and the heights of its groups under each."""

from __future__ import annotations

import numpy as np

from mlm_core.clustered import ClusterRobust, cluster_robust
from mlm_core.data import Floats
from mlm_core.own_data.designs import Design
from mlm_core.showing import record
from mlm_core.wide import OwnFit, WideFit, WideSums, fit_own, fit_wide, wide_sums


@record
class Fits:
    """The three poolings of one design; heights are where all terms of rows are 0.

    Attributes
    ----------
    design : Design
    sums : WideSums
    complete : ClusterRobust
        The ordinary regression of all rows.
    own : OwnFit
        Every group by itself, predictors of rows that do not vary in common.
    partial : WideFit
        By REML.
    own_height, own_se : (J,) arrays
        Of the groups by themselves; NaN where a group has no line of its own.
    height, se : (J,) arrays
        With partial pooling; the SE counts that of the coefficients.
    toward : (J,) array
        What a group is pulled to.
    """

    design: Design
    sums: WideSums
    complete: ClusterRobust
    own: OwnFit
    partial: WideFit
    own_height: Floats
    own_se: Floats
    height: Floats
    se: Floats
    toward: Floats

    @property
    def labels(self) -> np.ndarray:
        """(J,) names of the groups as text."""
        return self.design.rows.labels.astype(str)

    @property
    def slopes_vary(self) -> bool:
        """Whether any slope varies between groups."""
        return bool(self.design.varying)


def fit_all(made: Design) -> Fits:
    r"""Fit all three.

    Raises
    ------
    DataError
        As `wide.wide_sums`.

    Examples
    --------
    >>> from mlm_core.own_data.columns import Columns
    >>> from mlm_core.own_data.designs import Model, design
    >>> from mlm_core.own_data.rows import take_rows
    >>> from mlm_core.own_data.table import read_table
    >>> table = read_table(b"g,y\na,1\na,2\na,3\nb,7\nb,8\nb,9")
    >>> fit_all(design(take_rows(table, Columns("y", "g")), Model())).height.round(2).tolist()
    [2.06, 7.94]
    """
    rows, X, Z = made.rows, made.matrix, made.varying_matrix
    z_names = tuple(made.terms[k].name for k in (0, *made.varying))
    sums = wide_sums(rows.y, X, Z, rows.j, made.names, z_names)
    partial, own = fit_wide(sums), fit_own(sums)
    X0 = made.of_groups
    Z0 = np.eye(1, Z.shape[1]).repeat(rows.n_groups, 0)
    known = partial.expect(X0, Z0, np.arange(rows.n_groups))
    return Fits(
        design=made,
        sums=sums,
        complete=cluster_robust(rows.y, X, rows.j),
        own=own,
        partial=partial,
        own_height=own.coef[:, 0],
        own_se=np.sqrt(own.cov[:, 0, 0]),
        height=known.mean,
        se=known.se,
        toward=X0 @ partial.coef,
    )


def varying_slope(fits: Fits, which: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Of one of the varying slopes: own (J,) and its SE, partially pooled and its SE.

    Parameters
    ----------
    fits : Fits
    which : int
        1 for the first varying slope.
    """
    J, made = fits.design.rows.n_groups, fits.design
    row, other = made.varying[which - 1], np.zeros((J, len(made.terms)))
    other[:, row] = 1.0
    base = made.of_groups
    for k, term in enumerate(made.terms):
        if term.kind == "product" and term.name.startswith(f"{made.terms[row].name} × "):
            name = term.name.removeprefix(f"{made.terms[row].name} × ")
            other[:, k] = base[:, made.names.index(name)]
    Z = np.eye(fits.sums.q)[[which] * J]
    found = fits.partial.expect(other, Z, np.arange(J))
    return fits.own.coef[:, which], np.sqrt(fits.own.cov[:, which, which]), found.mean, found.se


def slope_toward(fits: Fits, which: int) -> Floats:
    """(J,) what the groups' slopes are pulled to."""
    _, _, pooled, _ = varying_slope(fits, which)
    out: Floats = pooled - fits.partial.modes[:, which]
    return out


def decimals(scale: float, significant: int = 3) -> int:
    """Decimals that show a quantity of this size to some significant digits.

    >>> decimals(12.3), decimals(0.05), decimals(5000)
    (1, 4, 0)
    """
    if not (np.isfinite(scale) and scale > 0):
        return 1
    return int(np.clip(significant - 1 - np.floor(np.log10(scale)), 0, 12))
