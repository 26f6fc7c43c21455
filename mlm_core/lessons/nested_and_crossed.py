"""Hierarchical, nested, crossed: what is the difference? All that the lesson says and draws."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.components import (
    Structure,
    describe_structure,
    fit_together,
    fit_variance_components,
)
from mlm_core.data import Floats, Ints, frozen
from mlm_core.records import VarianceComponents
from mlm_core.showing import record
from mlm_core.structures import StructuredSimulation, simulate_crossed, simulate_nested
from mlm_core.table import Table

if TYPE_CHECKING:
    import pandas as pd

SCHOOLS, NEIGHBOURHOODS, CHILDREN = 8, 16, 60
DISTRICTS, SCHOOLS_EACH, STUDENTS_EACH = 6, 4, 30
SD_OTHER = 4.0
"""True SD between neighbourhoods or districts (points)."""
STEPS, REST = 11, 1
"""Positions of the handle from nested to crossed, and where it rests."""

Data = Literal["areas", "districts"]


@record
class TwoGroupings:
    """Students with two labels each.

    Attributes
    ----------
    y : (n,) array
        Scores (points).
    outer, inner : (n,) arrays of str
        The two labels of each student; the inner grouping is nested in the outer one or not.
    part : (n,) array
        What the student's inner group truly adds to the score (points).
    sd_outer, sd_inner, sigma_y : float
        The true SDs (points).
    names_again : (n,) array of str, optional
        Labels of the inner groups that are used again in every outer one.
    """

    y: Floats
    outer: NDArray[np.str_]
    inner: NDArray[np.str_]
    part: Floats
    sd_outer: float
    sd_inner: float
    sigma_y: float
    names_again: NDArray[np.str_] | None = None


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
    >>> made = children_in_schools(0.0, 5.0, 10.0, 1)
    >>> describe_structure(made.outer, made.inner).kind
    'nested'
    """
    made = simulate_crossed(
        SCHOOLS, NEIGHBOURHOODS, CHILDREN, crossing, sigma_school=sigma_school,
        sigma_neighbourhood=SD_OTHER, sigma_y=sigma_y, slope=0.0, seed=seed,
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
    >>> describe_structure(made.outer, made.inner).kind
    'nested'
    >>> describe_structure(made.outer, made.names_again).kind
    'crossed'
    """
    made = simulate_nested(
        DISTRICTS, SCHOOLS_EACH, STUDENTS_EACH, sigma_district=SD_OTHER,
        sigma_school=sigma_school, sigma_y=sigma_y, slope=0.0, seed=seed,
    )  # fmt: skip
    return _groupings(made, "district", "school")


def _groupings(made: StructuredSimulation, outer: str, inner: str) -> TwoGroupings:
    """The two groupings of a simulation by what they are to each other."""
    at = {level: k for k, level in enumerate(made.levels[inner].tolist())}
    codes = np.array([at[label] for label in made.factors[inner].tolist()])
    return TwoGroupings(
        made.y, made.factors[outer], made.factors[inner], frozen(made.effects[inner][codes]),
        made.sd[outer], made.sd[inner], made.sigma_y, made.recycled,
    )  # fmt: skip


def joined(outer: NDArray[np.str_], inner: NDArray[np.str_]) -> NDArray[np.str_]:
    """A label that holds both, as the slash of ``(1 | outer / inner)`` makes it.

    Examples
    --------
    >>> joined(np.array(["Bay"]), np.array(["School 1"])).tolist()
    ['Bay: School 1']
    """
    return np.char.add(np.char.add(outer, ": "), inner)


@record
class Fit:
    """A fit of both groupings, and what it takes for the groups of the inner one.

    Attributes
    ----------
    found : VarianceComponents
        With the factors ``outer`` and ``inner``.
    code : (n,) int array
        The inner group of each student, as this fit has it: its place in ``levels``.
    """

    found: VarianceComponents
    code: Ints

    @property
    def levels(self) -> NDArray[np.str_]:
        """(G,) labels of the inner groups."""
        return self.found.levels["inner"]

    @property
    def first(self) -> Ints:
        """(G,) a student of each inner group."""
        found = np.empty(len(self.levels), dtype=np.intp)
        found[self.code] = np.arange(len(self.code))
        return found

    @property
    def part(self) -> Floats:
        """(G,) what each inner group adds to the score, estimated (points)."""
        return self.found.modes["inner"]

    @property
    def error(self) -> Floats:
        """(G,) their standard errors, the SDs taken as known (points)."""
        return self.found.mode_sd["inner"]

    @property
    def mean_error(self) -> float:
        """The standard error on average over the groups (points)."""
        return float(self.error.mean())

    @property
    def sds(self) -> tuple[float, float, float]:
        """Estimated SDs: of the outer and of the inner groups, of students (points)."""
        return self.found.sd["outer"], self.found.sd["inner"], self.found.sigma_y

    def misses(self, truth: Floats) -> float:
        """Root mean square, over students, of estimated less true part (points)."""
        return float(np.sqrt(np.mean((self.part[self.code] - truth) ** 2)))


def fit(made: TwoGroupings, inner: NDArray[np.str_], near: Fit | None = None) -> Fit:
    """Fit lme4's ``y ~ 1 + (1 | outer) + (1 | inner)`` with these labels of the inner groups.

    ``near`` is a fit of data or labels that are almost the same: the search begins there.
    """
    start = None if near is None else near.found
    return _coded(fit_variance_components(*_parts_of(made, inner), start=start), inner)


def _parts_of(
    made: TwoGroupings, inner: NDArray[np.str_]
) -> tuple[Floats, Floats, dict[str, NDArray[np.str_]]]:
    """y, X and the factors of a fit."""
    return made.y, np.ones((len(made.y), 1)), {"outer": made.outer, "inner": inner}


def _coded(found: VarianceComponents, inner: NDArray[np.str_]) -> Fit:
    """A fit, with the inner group of each student."""
    return Fit(found, np.searchsorted(found.levels["inner"], inner))


class Apart(NamedTuple):
    """How the part of an inner group comes out of its mean score.

    Attributes
    ----------
    mean : float
        Mean score of its students, counted from a0 (points).
    outer : float
        What their outer groups add, on average over these students (points).
    part : float
        What the group adds itself, after it has been pulled to 0 (points).
    """

    mean: float
    outer: float
    part: float

    @property
    def left(self) -> float:
        """What is left of the mean as it reads with one decimal (points)."""
        return round(self.mean, 1) - round(self.outer, 1)


@record
class Moment:
    """Two groupings as they are labelled, and both fits.

    Attributes
    ----------
    made : TwoGroupings
    inner : (n,) array of str
        The labels of the inner groups as they are shown.
    structure : Structure
        Of these labels; rows are the outer groups.
    right : Fit
        In which every inner group is told apart, and is one.
    mistake : {"pieces", "names"}, optional
        Pieces can be taken for groups, or all groups of a name for one.
    """

    made: TwoGroupings
    inner: NDArray[np.str_]
    structure: Structure
    right: Fit
    mistake: Literal["pieces", "names"] | None = None

    @property
    def wrong(self) -> Fit | None:
        """The fit that makes the mistake; made where it is asked for."""
        return None if self.mistake is None else _mistaken(self)

    @property
    def shared(self) -> NDArray[np.bool_]:
        """(columns,) which labels of the inner grouping stand in more than one outer group."""
        found: NDArray[np.bool_] = (self.structure.counts > 0).sum(axis=0) > 1
        return found

    @property
    def several(self) -> int:
        """How many of them do."""
        return int(self.shared.sum())

    @property
    def kind(self) -> str:
        """Nested (in the outer grouping), crossed or partially crossed, as the labels have it."""
        if not self.several:
            return "nested"
        return "crossed" if (self.structure.counts > 0).all() else "partially crossed"

    @property
    def truth(self) -> Floats:
        """(n,) true part of each student's inner group, from the mean of the groups (points)."""
        centred: Floats = self.made.part - self.made.part[self.right.first].mean()
        return centred

    @property
    def column(self) -> Ints:
        """(n,) the column of each student."""
        return np.searchsorted(self.structure.levels_b, self.inner)

    @property
    def own(self) -> Floats:
        """(G,) mean score of each inner group less that of all students (points)."""
        code = self.right.code
        mean: Floats = np.bincount(code, self.made.y) / np.bincount(code) - self.made.y.mean()
        return mean

    @property
    def apart(self) -> Apart:
        """How the part of the first inner group comes out of its mean score."""
        found, own = self.right.found, self.right.code == 0
        outer = found.modes["outer"][np.searchsorted(found.levels["outer"], self.made.outer)]
        mean = float(self.made.y[own].mean() - found.coef[0])
        return Apart(mean, float(outer[own].mean()), float(self.right.part[0]))


@lru_cache(maxsize=16 * STEPS)
def _mistaken(moment: Moment) -> Fit:
    pieces = moment.mistake == "pieces"
    labels = joined(moment.made.outer, moment.inner) if pieces else moment.inner
    return fit(moment.made, labels, moment.right)


@lru_cache(maxsize=16)
def areas(sigma_school: float, sigma_y: float, seed: int) -> tuple[Moment, ...]:
    """Children of neighbourhoods in schools, at every step of the handle.

    ``right`` is lme4's ``(1 | school) + (1 | neighbourhood)``, ``wrong`` is
    ``(1 | school / neighbourhood)``.

    Examples
    --------
    >>> steps = areas(5.0, 10.0, 1)
    >>> steps[0].kind, steps[-1].kind
    ('nested', 'crossed')
    """
    made = [children_in_schools(c, sigma_school, sigma_y, seed) for c in handle_shares()]
    found = fit_together([_parts_of(one, one.inner) for one in made])
    moments = []
    for one, fitted in zip(made, found, strict=True):
        structure = describe_structure(one.outer, one.inner)
        moments.append(Moment(one, one.inner, structure, _coded(fitted, one.inner), "pieces"))
    return tuple(moments)


@lru_cache(maxsize=16)
def districts(sigma_school: float, sigma_y: float, seed: int) -> tuple[Moment, Moment]:
    """Schools in districts: with names of their own, and with names used again.

    ``wrong`` of the second is ``(1 | district) + (1 | school)`` with those names.
    """
    made = schools_in_districts(sigma_school, sigma_y, seed)
    assert made.names_again is not None
    again = made.names_again
    unique = fit(made, made.inner)
    return (
        Moment(made, made.inner, describe_structure(made.outer, made.inner), unique),
        Moment(made, again, describe_structure(made.outer, again), unique, "names"),
    )


def handle_shares(steps: int = STEPS) -> Floats:
    """Values of ``crossing`` along the handle, closer to each other near nested.

    Examples
    --------
    >>> handle_shares(5).tolist()
    [0.0, 0.0625, 0.25, 0.5625, 1.0]
    """
    shares: Floats = np.linspace(0, 1, steps) ** 2
    return shares


@record
class Facts:
    """The lesson on nested and crossed in one scenario.

    Attributes
    ----------
    moments : tuple of Moment
        What is looked at: a moment for each step of the handle.
    settings : (sigma_school, sigma_y, seed)
    data : "areas" or "districts"
        Which of the two is looked at.
    again : bool
        Names used again (districts only).
    slash : bool
        The formula with the slash is looked at, too (areas only).
    at : int
        The step to which the handle is set; the reader may have moved it since.
    """

    moments: tuple[Moment, ...]
    settings: tuple[float, float, int]
    data: Data
    again: bool
    slash: bool
    at: int

    @property
    def areas(self) -> tuple[Moment, ...]:
        """Children of neighbourhoods in schools, a step of the handle each."""
        return self.moments if self.data == "areas" else areas(*self.settings)

    @property
    def districts(self) -> tuple[Moment, Moment]:
        """Schools in districts: with names of their own, and with names used again."""
        return districts(*self.settings)

    @property
    def rest(self) -> int:
        """The step at which the handle rests."""
        return REST if self.data == "areas" else 0

    @property
    def now(self) -> Moment:
        """What is looked at where the handle is set to."""
        return self.moments[self.at if self.data == "areas" else 0]

    @property
    def wrong(self) -> Fit | None:
        """The other fit of it, where that is looked at, too."""
        return self.now.wrong if self.again or self.slash else None

    @property
    def elsewhere(self) -> int:
        """Children who go to another school than their neighbourhood's own, in these data."""
        return self.moved[self.at]

    @property
    def outer(self) -> str:
        """What an outer group is called."""
        return "school" if self.data == "areas" else "district"

    @property
    def inner(self) -> str:
        """What an inner group is called."""
        return "neighbourhood" if self.data == "areas" else "school"

    @property
    def many(self) -> tuple[int, int]:
        """How many outer and inner labels are shown."""
        rows, columns = self.now.structure.counts.shape
        return rows, columns

    @property
    def moved(self) -> tuple[int, ...]:
        """Children who go to another school than their neighbourhood's own, at each step."""
        home = self.areas[0].made.outer
        return tuple(int((m.made.outer != home).sum()) for m in self.areas)

    @property
    def costly(self) -> bool:
        """The slash, where anybody goes anywhere, makes the known parts less well known."""
        last = self.areas[-1]
        assert last.wrong is not None
        return 0 < round(last.right.mean_error, 1) < round(last.wrong.mean_error, 1)

    @property
    def first(self) -> str:
        """The name of the first inner group."""
        return str(self.now.right.levels[0])

    @property
    def rough(self) -> tuple[float, float]:
        r"""Standard errors of the SDs of outer and inner groups, at best (points).

        .. math:: s_J = \sigma / \sqrt{2 (J - 1)}

        the usual standard error of the SD of J normal values, as if the parts were known.
        """
        outer, inner, _ = self.now.right.sds
        rows, columns = self.many
        return outer / np.sqrt(2 * (rows - 1)), inner / np.sqrt(2 * (columns - 1))

    @property
    def sure(self) -> bool:
        """The two SDs are more than two standard errors of their difference apart."""
        outer, inner, _ = self.now.right.sds
        return bool(abs(outer - inner) > 2 * np.hypot(*self.rough))

    def headline(self, moment: Moment) -> tuple[str, str]:
        """What a matrix is, in a word, and why."""
        if self.data == "districts" and self.again:
            return "by their labels: crossed", "every name stands in every district"
        has = "has one school" if self.data == "areas" else "lies in one district"
        if moment.kind == "nested":
            return "nested", f"each {self.inner} {has}"
        if moment.kind == "crossed":
            return "crossed", f"every {self.inner} meets every {self.outer}"
        columns = len(moment.shared)
        return (
            "partially crossed",
            f"{moment.several} of {columns} {self.inner}s: more than one {self.outer}",
        )

    def students(self) -> pd.DataFrame:
        """The data where the handle is set to, with the labels as they are shown."""
        import pandas as pd

        now = self.now
        table = pd.DataFrame({self.outer: now.made.outer, self.inner: now.inner, "y": now.made.y})
        return table.assign(place_of_handle=self.at) if self.data == "areas" else table

    def tables(
        self, *, named: bool, own: bool, right: bool, wrong: bool, truth: bool
    ) -> dict[str, Table]:
        """The tables of `mlm_core.charts.incidence`; what is not shown lies unseen.

        Where pieces of neighbourhoods are shown, they are those of the first one, one place
        for each school, beside the whole.
        """
        moments = self.moments
        tables = dict(_laid_out(moments, wrong))
        said = [self.headline(moment) if named else ("", "") for moment in moments]
        shown = wrong and moments[0].wrong is not None
        pieces = shown and self.data == "areas"
        if pieces:
            tables |= _in_pieces(tables, self.first, self.now.structure.levels_a)
        step = np.arange(len(moments))
        tables["steps"] = Table(
            {
                "kind": [kind for kind, _ in said],
                "meaning": [meaning for _, meaning in said],
                "step": step,
                "position": step / max(1, step[-1]),
            }
        )
        tables["right"] = tables["right"].assign(own_seen=float(own), seen=float(right))
        tables["wrong"] = tables["wrong"].assign(seen=float(shown))
        tables["truth"] = tables["truth"].assign(seen=float(truth))
        rows = tables["rows"]
        tables["rows"] = rows.assign(
            text=[f"{name} {adds}" for name, adds in zip(rows["name"], rows["adds"], strict=True)]
            if right
            else rows["name"],
            adds_seen=float(right),
        )
        if not named:
            tables["columns"] = tables["columns"].assign(shared=0.0)
        tables = {n: t.assign(resting=t["step"] == self.rest) for n, t in tables.items()}
        return tables | {"names": self._names(right, pieces)}

    def _names(self, parts: bool, pieces: bool) -> Table:
        """Where the names of columns, of pieces, and the titles stand."""
        part = f"Mean of each {self.inner} less the mean of all, points"
        if parts:
            part = f"What each {self.inner} adds to the score, points"
        rows = self.now.structure.levels_a
        axes = [("column", self.now.structure.levels_b)]
        if pieces:
            part = f"What {self.first} adds: as a whole, and as a piece in each school, points"
            axes.append(("piece", np.array(["all", *(str(name)[0] for name in rows)])))
        outer = f"{self.outer} adds{' (/)' if pieces else ''}" if parts else self.outer
        titles = (("outer", outer),
                  ("inner", self.inner), ("part", part))  # fmt: skip
        names = [(of, name, at) for of, labels in axes for name, at in _places(labels)]
        names += [(of, text, 0.0) for of, text in titles]
        of, text, place = (list(column) for column in zip(*names, strict=True))
        return Table({"of": of, "text": text, "place": place})

    def reach(self, *, wrong: bool) -> Floats:
        """Everything that the lower panel must hold, with or without the wrong fit (points)."""
        ends = [m.truth for m in self.moments] + [m.own for m in self.moments]
        for moment in self.moments:
            for one in filter(None, (moment.right, moment.wrong if wrong else None)):
                ends += [one.part - one.error, one.part + one.error]
        return np.concatenate(ends)


def _places(labels: Sequence[str] | NDArray[np.str_]) -> list[tuple[str, float]]:
    """Labels with the middles of equal parts of 0 to 1."""
    return [(str(name), (k + 0.5) / len(labels)) for k, name in enumerate(labels)]


@lru_cache(maxsize=8)
def _laid_out(moments: tuple[Moment, ...], wrong: bool) -> dict[str, Table]:
    """Every mark that can be seen, at its place, one row a step and mark."""
    steps = [_tables(moment, wrong) for moment in moments]
    laid = {}
    for name, first in steps[0].items():
        columns = {c: np.concatenate([one[name][c] for one in steps]) for c in first}
        sizes = [len(next(iter(one[name].values()))) for one in steps]
        laid[name] = Table(columns | {"step": np.repeat(np.arange(len(steps)), sizes)})
    return laid


Columns = dict[str, NDArray[Any]]
"""A table as its columns: of equal length."""


def _tables(moment: Moment, wrong: bool) -> dict[str, Columns]:
    edges = np.linspace(0, 1, len(moment.shared) + 1)
    column = moment.column
    other = (moment.wrong if wrong else None) or moment.right
    outer = other.found.modes["outer"]
    names, places = zip(*_places(moment.structure.levels_a), strict=True)
    right = _parts(moment, moment.right, column)
    adds = [f"{a:+.1f}".replace("-", "−") for a in outer]
    return {
        "rows": {"name": np.array(names), "place": np.array(places), "adds": np.array(adds)},
        "cells": _cells(moment, column),
        "columns": {
            "column": moment.structure.levels_b,
            "low": edges[:-1],
            "high": edges[1:],
            "shared": moment.shared.astype(float),
        },
        "right": right | {"own": moment.own},
        "wrong": _parts(moment, other, column) if other is not moment.right else right,
        "truth": right | _around(moment.truth[moment.right.first], moment.right),
    }


def _in_pieces(tables: dict[str, Table], name: str, outer: NDArray[np.str_]) -> dict[str, Table]:
    """The whole of one inner group at the left, its piece in each outer group beside it."""
    places = [at for _, at in _places(["all", *outer])]
    at = {f"{label}: {name}": place for label, place in zip(outer, places[1:], strict=True)}
    found = {}
    for table in ("right", "truth"):
        rows = tables[table]
        found[table] = rows.rows(rows["group"] == name).assign(place=places[0])
    rows = tables["wrong"]
    rows = rows.rows(np.isin(rows["group"], list(at)))
    place = np.array([at[group] for group in rows["group"]])
    order = np.argsort(place, kind="stable")
    return found | {"wrong": rows.assign(place=place).rows(order)}


def _parts(moment: Moment, one: Fit, students: Ints) -> Columns:
    """One row an inner group of a fit: its place in its column, its part, its error.

    ``students`` (n,) is the column of each student.
    """
    column = students[one.first]
    columns = len(moment.structure.levels_b)
    among = np.bincount(column, minlength=columns)
    order = np.argsort(column, kind="stable")
    nth = np.empty(len(column), dtype=int)
    nth[order] = np.arange(len(column)) - np.repeat(np.cumsum(among) - among, among)
    place = (column + 0.1 + 0.8 * (nth + 0.5) / among[column]) / columns
    return {
        "group": one.levels,
        "place": place,
        **_around(one.part, one),
        "n": np.bincount(one.code),
    }


def _around(part: Floats, one: Fit) -> Columns:
    """Parts with a standard error to each side."""
    return {"part": part, "low": part - one.error, "high": part + one.error}


def _cells(moment: Moment, students: Ints) -> Columns:
    """One row an outer group and true inner group that meet; ``side`` is its size, 0 to 1.

    It grows more slowly than the root of the number, so that 1 student can be told from 2.
    """
    structure, code, levels = moment.structure, moment.right.code, moment.right.levels
    down, across = structure.counts.shape
    at = np.searchsorted(structure.levels_a, moment.made.outer)
    cell, n = np.unique((at * len(levels) + code) * across + students, return_counts=True)
    inner, outer = cell % across, cell // across // len(levels)
    return {
        "group": joined(structure.levels_a[outer], levels[cell // across % len(levels)]),
        "outer": structure.levels_a[outer],
        "inner": structure.levels_b[inner],
        "row": (outer + 0.5) / down,
        "column": (inner + 0.5) / across,
        "n": n,
        "side": np.clip(n / CHILDREN, 0.0, 1.0) ** 0.38,
        "across": np.full(len(cell), float(across)),
        "down": np.full(len(cell), float(down)),
    }


def facts(
    sigma_school: float,
    sigma_y: float,
    seed: int,
    data: Data,
    again: bool,
    slash: bool = False,
    at: int = REST,
) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    sigma_school, sigma_y : float
        True SDs between schools and of students (points).
    seed : int
    data : "areas" or "districts"
        Children of neighbourhoods in schools, or schools in districts.
    again : bool
        Use the names of schools again in every district.
    slash : bool
        Look at the formula with the slash, too.
    at : int
        The step to which the handle is set.
    """
    settings = (sigma_school, sigma_y, seed)
    moments = areas(*settings) if data == "areas" else (districts(*settings)[again],)
    return Facts(moments, settings, data, again, slash, at)
