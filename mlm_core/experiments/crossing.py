"""Two groupings of the same students, from nested to crossed, and what formulas make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mlm_core.components import Structure, describe_structure, fit_variance_components
from mlm_core.data import Floats, frozen
from mlm_core.records import VarianceComponents
from mlm_core.structures import (
    StructuredSimulation,
    simulate_crossed,
    simulate_nested,
)

if TYPE_CHECKING:
    import pandas as pd

SCHOOLS, NEIGHBOURHOODS, CHILDREN = 8, 16, 60
DISTRICTS, SCHOOLS_EACH, STUDENTS_EACH = 6, 4, 30
SD_OTHER = 4.0
"""SD between neighbourhoods or districts (points)."""
SHIFT = 8
"""Added to the seed, so that the default draw of the course is an ordinary one here."""
STEPS = 11
"""Positions of the handle from nested to crossed."""


Fits = Mapping[str, Sequence[VarianceComponents]]
"""By "right" and "wrong", one fit a step."""


@dataclass(frozen=True, slots=True, eq=False)
class TwoGroupings:
    """Students with two labels each.

    Attributes
    ----------
    y : (n,) array
        Scores (points).
    outer, inner : (n,) arrays of str
        The two labels of each student; the inner grouping is nested in the outer one or not.
    sd_outer, sd_inner, sigma_y : float
        The true SDs (points).
    names_again : (n,) array of str, optional
        Labels of the inner groups that are used again in every outer one.
    """

    y: Floats
    outer: np.ndarray
    inner: np.ndarray
    sd_outer: float
    sd_inner: float
    sigma_y: float
    names_again: np.ndarray | None = None

    @property
    def structure(self) -> Structure:
        """Nested, crossed or between; rows are the outer groups."""
        return describe_structure(self.outer, self.inner)


def children_in_schools(
    crossing: float, sigma_school: float, sigma_y: float, seed: int
) -> TwoGroupings:
    r"""Simulate children of neighbourhoods who go to schools.

    .. math:: y_i = 60 + \alpha_{j[i]} + \gamma_{k[i]} + \epsilon_i

    Each neighbourhood has one school of its own. A share ``crossing`` of the children goes to
    any school instead, the same children first whatever the share.

    Parameters
    ----------
    crossing : float
        From 0 (nested) to 1 (anybody goes anywhere).
    sigma_school, sigma_y : float
        SDs between schools (outer) and of children (points); between neighbourhoods (inner)
        it is `SD_OTHER`.
    seed : int

    Examples
    --------
    >>> children_in_schools(0.0, 5.0, 10.0, 1).structure.kind
    'nested'
    """
    made = simulate_crossed(
        SCHOOLS, NEIGHBOURHOODS, CHILDREN, crossing, sigma_school=sigma_school,
        sigma_neighbourhood=SD_OTHER, sigma_y=sigma_y, slope=0.0, seed=seed + SHIFT,
    )  # fmt: skip
    return _groupings(made, "school", "neighbourhood")


def schools_in_districts(sigma_school: float, sigma_y: float, seed: int) -> TwoGroupings:
    r"""Simulate students in schools (inner) in districts (outer): three nested levels.

    .. math:: y_i = 60 + \delta_{d[i]} + \alpha_{j[i]} + \epsilon_i

    Parameters
    ----------
    sigma_school, sigma_y : float
        SDs between schools of a district and between students (points); between
        districts it is `SD_OTHER`.
    seed : int

    Examples
    --------
    >>> made = schools_in_districts(5.0, 10.0, 1)
    >>> made.structure.inner, describe_structure(made.outer, recycled(made).inner).kind
    ('b', 'crossed')
    """
    made = simulate_nested(
        DISTRICTS, SCHOOLS_EACH, STUDENTS_EACH, sigma_district=SD_OTHER,
        sigma_school=sigma_school, sigma_y=sigma_y, slope=0.0, seed=seed + SHIFT,
    )  # fmt: skip
    return _groupings(made, "district", "school")


def _groupings(made: StructuredSimulation, outer: str, inner: str) -> TwoGroupings:
    """The two groupings of a simulation by what they are to each other."""
    return TwoGroupings(
        made.y, made.factors[outer], made.factors[inner],
        made.sd[outer], made.sd[inner], made.sigma_y, made.recycled,
    )  # fmt: skip


def recycled(made: TwoGroupings) -> TwoGroupings:
    """The same students, but each school has only the name that it has in its district."""
    if made.names_again is None:
        raise ValueError("These groups have no names that are used again.")
    return replace(made, inner=made.names_again)


def fit_as_labelled(made: TwoGroupings) -> VarianceComponents:
    """The two groupings as they are labelled: lme4's ``(1 | outer) + (1 | inner)``."""
    return _fit(made, made.inner)


def fit_inner_by_outer(made: TwoGroupings) -> VarianceComponents:
    """The inner groups told apart by the outer one: lme4's ``(1 | outer / inner)``."""
    return _fit(made, np.char.add(np.char.add(made.outer, " "), made.inner))


def _fit(made: TwoGroupings, inner: np.ndarray) -> VarianceComponents:
    ones = np.ones((len(made.y), 1))
    return fit_variance_components(made.y, ones, {"outer": made.outer, "inner": inner})


@dataclass(frozen=True, slots=True, eq=False)
class CrossingPath:
    """From nested to crossed, a step of the handle each.

    Attributes
    ----------
    shares : (K,) array
        Values of ``crossing``.
    made : tuple of K TwoGroupings
    structures : tuple of K Structure
    labelled, split : tuples of K VarianceComponents
        `fit_as_labelled` and `fit_inner_by_outer`.
    """

    shares: Floats
    made: tuple[TwoGroupings, ...]
    structures: tuple[Structure, ...]
    labelled: tuple[VarianceComponents, ...]
    split: tuple[VarianceComponents, ...]


@lru_cache(maxsize=64)
def crossing_path(sigma_school: float, sigma_y: float, seed: int) -> CrossingPath:
    """Simulate and fit `children_in_schools` at every step of the handle.

    Examples
    --------
    >>> path = crossing_path(5.0, 10.0, 1)
    >>> path.structures[0].kind, path.structures[-1].kind
    ('nested', 'crossed')
    """
    shares = handle_shares()
    made = tuple(children_in_schools(share, sigma_school, sigma_y, seed) for share in shares)
    return CrossingPath(
        frozen(shares), made, tuple(one.structure for one in made),
        tuple(map(fit_as_labelled, made)), tuple(map(fit_inner_by_outer, made)),
    )  # fmt: skip


@lru_cache(maxsize=64)
def district_fits(
    sigma_school: float, sigma_y: float, seed: int
) -> tuple[TwoGroupings, VarianceComponents, VarianceComponents]:
    """`schools_in_districts`, its fit, and the fit of its `recycled` names."""
    made = schools_in_districts(sigma_school, sigma_y, seed)
    return made, fit_as_labelled(made), fit_as_labelled(recycled(made))


def handle_shares(steps: int = STEPS) -> Floats:
    """Values of ``crossing`` along the handle, closer to each other near nested.

    Examples
    --------
    >>> handle_shares(5).tolist()
    [0.0, 0.0625, 0.25, 0.5625, 1.0]
    """
    shares: Floats = np.linspace(0, 1, steps) ** 2
    return shares


def shared(structure: Structure) -> np.ndarray:
    """Which inner groups (columns) meet more than one outer group."""
    found: np.ndarray = (structure.counts > 0).sum(axis=0) > 1
    return found


def incidence_tables(
    structures: Sequence[Structure],
    fits: Fits,
    headlines: Sequence[tuple[str, str]],
    truth: Mapping[str, float],
    rest: int = 0,
) -> dict[str, pd.DataFrame]:
    """The tables of `charts.incidence`, with one structure, headline and fit of each kind a step.

    Parameters
    ----------
    structures : K Structure
        Rows are the outer groups.
    fits : mapping of "right" or "wrong" to K VarianceComponents
        With the factors ``outer`` and ``inner``.
    headlines : K pairs of str
        What it is, in a word, and why.
    truth : mapping of str to float
        Name and true SD (points) of the outer, the inner and the lowest level.
    rest : int
        The step at which the handle rests until it is moved.
    """
    import pandas as pd

    cells = pd.concat([_cells(k, structure) for k, structure in enumerate(structures)])
    steps = np.arange(len(structures))
    sds = [
        (k, level, fit, sd)
        for fit, found in fits.items()
        for k, one in enumerate(found)
        for level, sd in zip(truth, (one.sd["outer"], one.sd["inner"], one.sigma_y), strict=True)
    ]
    tables = {
        "cells": cells,
        "steps": pd.DataFrame(list(headlines), columns=["kind", "meaning"]).assign(
            step=steps, position=steps / max(1, steps[-1])
        ),
        "sds": pd.DataFrame(sds, columns=["step", "level", "fit", "sd"]),
    }
    tables = {name: table.assign(resting=table["step"] == rest) for name, table in tables.items()}
    return tables | {"truth": pd.DataFrame({"level": list(truth), "sd": list(truth.values())})}


def _cells(step: int, structure: Structure) -> pd.DataFrame:
    """One row a combination that occurs."""
    import pandas as pd

    rows, columns = structure.counts.shape
    row, column = (at.ravel() for at in np.indices((rows, columns)))
    n = structure.counts.ravel()
    found = pd.DataFrame(
        {
            "step": step,
            "row": structure.levels_a[row],
            "column": structure.levels_b[column],
            "n": n,
            "shared": shared(structure)[column],
        }
    )
    return found[n > 0]
