"""A second grouping of the same rows: nested or crossed, and how much lies in each."""

from __future__ import annotations

import numpy as np

from mlm_core.components import describe_structure, fit_variance_components
from mlm_core.data import DataError
from mlm_core.own_data.designs import Design
from mlm_core.records import VarianceComponents
from mlm_core.showing import record

MOST_PAIRS = 4_000_000
"""Combinations of the two groupings that are counted."""


@record
class TwoGroupings:
    """Two groupings and the model with both.

    Attributes
    ----------
    group, second : str
        Their names.
    kind : {"nested", "crossed", "partially crossed"}
    inner : str or None
        Which is nested in the other.
    levels : dict of str to int
    fit : VarianceComponents
        By REML; intercepts vary over both.
    reused : bool
        The labels of ``second`` come again in many groups, as "7A" does in two schools: they
        may name different things.
    """

    group: str
    second: str
    kind: str
    inner: str | None
    levels: dict[str, int]
    fit: VarianceComponents
    reused: bool


def two_groupings(made: Design, *, apart: bool = False) -> TwoGroupings:
    """Fit intercepts that vary over the group and over the second grouping.

    Parameters
    ----------
    made : Design
        With a second grouping among its columns.
    apart : bool
        The same label in two groups names two different things.

    Raises
    ------
    DataError
        As `fit_variance_components`, or too many combinations.
    """
    rows = made.rows
    group, second = rows.columns.group, str(rows.columns.second)
    codes = rows.text[second]
    reused = _reused(rows.j, codes)
    if apart:
        codes = np.array([f"{a} / {b}" for a, b in zip(rows.j, codes, strict=True)])
    sizes = {group: rows.n_groups, second: len(np.unique(codes))}
    if sizes[group] * sizes[second] <= MOST_PAIRS:
        found = describe_structure(rows.j, codes)
        kind, inner = str(found.kind), {"a": group, "b": second, None: None}[found.inner]
    else:
        kind, inner = _kind_of_many(rows.j, codes, group, second)
    factors = {group: rows.j, second: codes}
    return TwoGroupings(
        group, second, kind, inner, sizes, fit_variance_components(rows.y, made.matrix, factors),
        reused,
    )  # fmt: skip


def _kind_of_many(
    j: np.ndarray, codes: np.ndarray, group: str, second: str
) -> tuple[str, str | None]:
    import pandas as pd

    k = pd.factorize(codes)[0]
    pairs = np.unique(np.column_stack([j, k]), axis=0)
    if len(pairs) == int(k.max()) + 1:
        return "nested", second
    if len(pairs) == int(j.max()) + 1:
        return "nested", group
    return "partially crossed", None


def _reused(j: np.ndarray, codes: np.ndarray) -> bool:
    """Few labels, and most of them in most groups."""
    import pandas as pd

    k = pd.factorize(codes)[0].astype(np.intp)
    levels, J = int(k.max()) + 1, int(j.max()) + 1
    if levels > 40 or levels > 2 * J:
        return False
    pairs = len(np.unique(k * J + j))
    return pairs > 1.5 * max(levels, J)


def shares(found: TwoGroupings) -> dict[str, float]:
    """Share of the variance left by the predictors in each grouping, and within."""
    fit = found.fit
    parts = {name: sd**2 for name, sd in fit.sd.items()} | {"within": fit.sigma_y**2}
    total = sum(parts.values())
    return {name: part / total for name, part in parts.items()}


def check_second(made: Design) -> None:
    """Raise DataError when slopes vary: with two groupings only intercepts do here."""
    if made.varying:
        raise DataError(
            "With two groupings only intercepts vary here, and you let a slope vary. To see both "
            "groupings, let no slope vary. The figure and the parts below have the first "
            "grouping only."
        )
