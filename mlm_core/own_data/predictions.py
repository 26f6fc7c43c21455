"""What to expect of the next row, in a group of the data and in a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mlm_core.new_student import degrees_of_freedom, reach
from mlm_core.own_data.designs import row_at
from mlm_core.own_data.fits import Fits

Value = float | str


class Prediction(NamedTuple):
    """An expected outcome, the 95% interval of a single one, and that of the group's mean."""

    mean: float
    low: float
    high: float
    mean_low: float
    mean_high: float


def predict_in(fits: Fits, group: int, values: Mapping[str, Value]) -> Prediction:
    """The next row, with these predictors of rows, in a group of the data.

    Parameters
    ----------
    group : int
    values : mapping
        Of predictors of rows; what is not given is at its mean or reference. Those of the
        group are the group's own.
    """
    made = fits.design
    rows = made.rows
    first = int(np.flatnonzero(rows.j == group)[0])
    own: dict[str, Value] = {c: _value(fits, c, first) for c in rows.columns.u}
    mine = rows.j == group
    means = {}
    for term in made.terms:
        if term.kind == "mean":
            raw = term.values[first] + term.zero
            means[term.name if term.level else term.column] = float(raw)
    if made.model.within:
        for c in rows.columns.x:
            if c in rows.numbers:
                means.setdefault(c, float(rows.numbers[c][mine].mean()))
                own.setdefault(c, float(rows.numbers[c].mean()))
    X, Z = row_at(made, {**own, **values}, means)
    found = fits.partial.expect(X, Z, group)
    se = float(found.se[0])
    between = float(((Z @ fits.partial.cov) * Z).sum())
    df = float(degrees_of_freedom(rows.n_groups, between, se**2))
    return _prediction(fits, float(found.mean[0]), se, df)


def predict_new(fits: Fits, values: Mapping[str, Value]) -> Prediction:
    """A row of a new group, with t on J - 1 degrees of freedom.

    Parameters
    ----------
    values : mapping
        Of predictors of rows and of groups; what is not given is at its mean or reference.
    """
    made = fits.design
    X, Z = row_at(made, values)
    found = fits.partial.expect(X, Z)
    df = made.rows.n_groups - 1.0
    return _prediction(fits, float(found.mean[0]), float(found.se[0]), df)


def _value(fits: Fits, column: str, row: int) -> Value:
    rows = fits.design.rows
    if column in rows.numbers:
        return float(rows.numbers[column][row])
    return str(rows.text[column][row])


def _prediction(fits: Fits, mean: float, se: float, df: float) -> Prediction:
    times = float(reach(df))
    half, of_mean = times * float(np.hypot(se, fits.partial.sigma_y)), times * se
    return Prediction(mean, mean - half, mean + half, mean - of_mean, mean + of_mean)
