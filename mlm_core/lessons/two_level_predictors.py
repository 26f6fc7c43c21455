"""Is it the student or the school? All that the lesson says and draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import DataError, Floats, GroupedData, frozen
from mlm_core.estimates import students_table
from mlm_core.partial import fit_partial_pooling
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.records import PartialPooling
from mlm_core.scenario import Hyperparameters, Scenario
from mlm_core.showing import record
from mlm_core.simulation import simulate
from mlm_core.table import Table, stacked

if TYPE_CHECKING:
    import pandas as pd

STEPS = 31
"""Steps of the handle, from the same slope between schools to the opposite one."""

MOST_STUDENTS = 400
"""More than this are thinned; the picked school keeps all."""

MOST_BOLD = 40
"""Of more schools the short lines are faint, but for the picked one."""

WITHIN = Hyperparameters().a1
"""True slope within schools."""

OPPOSITE = -2 * WITHIN
"""Contextual effect at the last step: the slope between schools is then minus that within."""

START = Scenario(
    hyper=Hyperparameters(b0=0.0, b1=0.0, sigma_beta=0.0, sigma_alpha=2.0),
    students_per_group=20,
    imbalance=0.0,
    sigma_y=6.0,
    sigma_x=1.5,
)
"""Schools of one size that differ in the pre-test, and little else is between them."""

BADLY_KNOWN = replace(START, n_groups=100, students_per_group=3, sigma_x=0.5)
"""Schools that differ little in the pre-test, with a handful of students each."""

HIGHEST, CELL = 24.0, 0.5
"""How far the ratio of variances is looked for, and how closely, in log(1 + n ratio)."""

MOST_ROUNDS = 60

KINDS = ("within", "between", "complete", "partial")
"""Slopes by row: within and between schools, one line for all, the model without school means."""


@record
class Facts:
    r"""The lesson on predictors at two levels, for all places of the handle.

    .. math::

        y_i = \alpha_{j[i]} + \beta x_i + \epsilon_i, \qquad
        \alpha_j = a_0 + b_0 \bar x_j + \eta_j

    :math:`\beta` is the slope within schools, :math:`\beta + b_0` that between them (Mundlak
    1978, Econometrica 46(1), 69-85; Bafumi & Gelman 2006). While the handle moves, the draws
    stay and y goes in a straight line from ``start.y`` to ``end.y``.

    Attributes
    ----------
    scenario : Scenario
        Without what this lesson leaves out.
    start, end : GroupedData
        The students at the first and at the last step, with ``u`` the school means of x.
    contextual : (STEPS,) array
        True slope between schools minus that within.
    lines : dict of (alpha, beta), each (STEPS,)
        ``between``, ``complete`` (one line for all) and ``partial`` (the multilevel model
        with x alone).
    within : float
        Estimated slope within schools, the same at all steps.
    se_within, se_between : (STEPS,) arrays
        Standard errors of both slopes, of the model with school means.
    sigma_alpha, sigma_alone : (STEPS,) arrays
        SD between schools with and without the school means.
    fit : PartialPooling
        With school means, at the last step.
    picked : int
    converged : bool
        Of the fits at all steps.
    """

    scenario: Scenario
    start: GroupedData
    end: GroupedData
    contextual: Floats
    lines: dict[str, tuple[Floats, Floats]]
    within: float
    se_within: Floats
    se_between: Floats
    sigma_alpha: Floats
    sigma_alone: Floats
    fit: PartialPooling
    picked: int
    converged: bool

    @property
    def names(self) -> NDArray[np.str_]:
        """(J,) names of the schools."""
        return self.end.labels.astype(str)

    @property
    def between(self) -> Floats:
        """(STEPS,) slope between schools."""
        return self.lines["between"][1]

    @property
    def pooled(self) -> Floats:
        """(STEPS,) slope of one line for all."""
        return self.lines["complete"][1]

    @property
    def alone(self) -> Floats:
        """(STEPS,) slope of the multilevel model without school means."""
        return self.lines["partial"][1]

    @property
    def b0(self) -> Floats:
        """(STEPS,) the contextual effect: slope between minus slope within."""
        return self.between - self.within

    @property
    def se_b0(self) -> Floats:
        """(STEPS,) its standard error: both slopes are estimated apart, so their errors add up."""
        return np.hypot(self.se_between, self.se_within)

    @property
    def off(self) -> Floats:
        """(STEPS,) how far the slope between is from its truth (points)."""
        return np.abs(self.between - self.true_between)

    @property
    def x_mean(self) -> Floats:
        """(J,) true mean of x in each school: by so much the contextual effect moves its y."""
        moved = self.end.group_means(self.end.y - self.start.y)
        return moved / OPPOSITE

    @property
    def share(self) -> float:
        """Share of the variation of x that lies between schools."""
        return share_between(self.end)

    @property
    def equal(self) -> bool:
        """All schools have the same number of students."""
        return int(self.end.n.min()) == int(self.end.n.max())

    @property
    def of_means(self) -> Floats:
        r"""(STEPS,) least-squares slope over the school means, each counted by its students.

        .. math:: \frac{\sum_j n_j (\bar x_j - \bar x)\, \bar y_j}{\sum_j n_j (\bar x_j - \bar x)^2}
        """
        assert self.end.u is not None
        n = self.end.n
        weight = n * (self.end.u - n @ self.end.u / n.sum())
        first, last = (
            float(weight @ data.group_means(data.y) / (weight @ self.end.u))
            for data in (self.start, self.end)
        )
        return np.linspace(first, last, STEPS)

    @property
    def luck(self) -> float:
        r"""Share of luck in the differences between school means of x.

        .. math:: \frac{\overline{1/n_j}}{\sigma_x^2 + \overline{1/n_j}}

        The variance of x within a school is 1.
        """
        by_luck = float((1 / self.end.n).mean())
        return by_luck / (self.scenario.sigma_x**2 + by_luck)

    @property
    def blurred(self) -> Floats:
        """(STEPS,) slope over school means to be expected: luck has the slope within."""
        return (1 - self.luck) * self.true_between + self.luck * WITHIN

    @property
    def turns(self) -> bool:
        """Whether schools truly differ in x, so that there is a slope between them."""
        return self.scenario.sigma_x > 0

    @property
    def level(self) -> int:
        """The step at which one line for all is nearest to level."""
        return int(np.argmin(abs(self.pooled)))

    @property
    def true_between(self) -> Floats:
        """(STEPS,) true slope between schools, over their true means of x."""
        return WITHIN + self.contextual

    @property
    def thinned(self) -> bool:
        """Not all students are drawn."""
        return self.end.n_students > MOST_STUDENTS

    def students(self) -> pd.DataFrame:
        """One row a student: ``y`` is the score at the right end of the handle."""
        table = students_table(self.end)
        table.insert(len(table.columns) - 1, "y_left_end", self.start.y)
        return table

    def slopes(self, kind: str) -> Floats:
        """(STEPS,) the slopes of one of `KINDS`."""
        return np.full(STEPS, self.within) if kind == "within" else self.lines[kind][1]

    def tables(
        self, names: dict[str, str], *, pooled: bool, alone: bool, truth: bool
    ) -> dict[str, Table]:
        """The tables of `mlm_core.charts.two_slopes`; what is not shown lies unseen.

        Parameters
        ----------
        names : dict of str to str
            What to call the slopes of `KINDS`.
        pooled, alone, truth : bool
            Show one line for all; the model without school means; the true slopes.
        """
        seen = {"within": True, "between": True, "complete": pooled, "partial": alone}
        return {
            "students": self._students(),
            "schools": self._schools(),
            "short": self._short(),
            "lines": self._lines(seen),
            "slopes": self._slopes(names, seen, truth and self.turns, truth),
        }

    def _students(self) -> Table:
        mine = self.end.j == self.picked
        every = -(-self.end.n_students // MOST_STUDENTS)
        kept = mine | (np.arange(len(mine)) % every == 0)
        columns = {"x": self.end.x, "first": self.start.y, "last": self.end.y, "picked": mine}
        return Table({k: np.asarray(v)[kept] for k, v in columns.items()})

    def _schools(self) -> Table:
        return Table(
            {
                "school": self.names,
                "n": self.end.n,
                "x": self.end.u,
                "first": self.start.group_means(self.start.y),
                "last": self.end.group_means(self.end.y),
                "picked": np.arange(self.end.n_groups) == self.picked,
            }
        )

    def _short(self) -> Table:
        """Two rows a school: its line within, from one SD of x below its mean to one above."""
        schools = self._schools()
        bold = (schools["picked"] | (len(schools) <= MOST_BOLD)).astype(float)
        schools = schools.assign(bold=bold)
        ends = [
            schools.assign(
                x=schools["x"] + side,
                first=schools["first"] + side * self.within,
                last=schools["last"] + side * self.within,
            )
            for side in (-1, 1)
        ]
        return stacked(ends)

    @property
    def _reach(self) -> tuple[float, float]:
        x = np.asarray(self.end.x)
        return float(x.min()), float(x.max())

    def _lines(self, seen: dict[str, bool]) -> Table:
        """Two rows a step and long line; one that is not shown lies on that between schools."""
        parts = []
        for kind in ("between", "complete", "partial"):
            alpha, beta = self.lines[kind if seen[kind] else "between"]
            for x in self._reach:
                step = np.arange(STEPS)
                columns = {
                    "step": step,
                    "x": x,
                    "y": alpha + beta * x,
                    "resting": step == STEPS - 1,
                }
                parts.append(Table(columns).assign(kind=kind, seen=float(seen[kind])))
        return stacked(parts)

    def _slopes(
        self, names: dict[str, str], seen: dict[str, bool], between: bool, within: bool
    ) -> Table:
        """One row a step and slope; the truth of the first two rows lies on them if not shown."""
        step, parts = np.arange(STEPS), []
        real = {"within": (np.full(STEPS, WITHIN), within), "between": (self.true_between, between)}
        for row, kind in enumerate(KINDS):
            slope = self.slopes(kind) if seen[kind] else np.zeros(STEPS)
            true, known = real.get(kind, (slope, False))
            said = [f"{names[kind]} {round(v, 1) + 0:+.1f}".replace("-", "−") for v in slope]
            columns = {
                "step": step,
                "t": step / (STEPS - 1),
                "kind": kind,
                "row": row,
                "slope": slope,
                "label": said if seen[kind] else [""] * STEPS,
                "seen": float(seen[kind]),
                "true": true if known else slope,
                "truth_seen": float(known),
                "resting": step == STEPS - 1,
            }
            parts.append(Table(columns))
        return stacked(parts)


def with_school_means(data: GroupedData) -> GroupedData:
    r"""The same data with the school's mean of x as school-level predictor.

    Raises
    ------
    DataError
        There is no x.

    Examples
    --------
    >>> data = GroupedData([1.0, 2.0, 3.0], [0.0, 2.0, 5.0], [0, 0, 1], None, ["a", "b"])
    >>> with_school_means(data).u.tolist()
    [1.0, 5.0]
    """
    if data.x is None:
        raise DataError("There is no student-level predictor x whose school means could be taken.")
    return replace(data, u=data.group_means(data.x))


def share_between(data: GroupedData) -> float:
    r"""Share of the variation of x that lies between schools.

    .. math::

        \lambda = \frac{\sum_j n_j (\bar x_j - \bar x)^2}{\sum_i (x_i - \bar x)^2}

    The slope of complete pooling is :math:`\lambda` times the slope between schools
    (least squares on the school means, weighted by :math:`n_j`) plus
    :math:`1 - \lambda` times the slope within.

    Raises
    ------
    DataError
        There is no x.

    Examples
    --------
    >>> share_between(GroupedData([0.0] * 4, [0.0, 2.0, 4.0, 6.0], [0, 0, 1, 1], None, ["a", "b"]))
    0.8
    """
    means = with_school_means(data).u
    assert data.x is not None
    assert means is not None
    centre = data.x.mean()
    return float(data.n @ (means - centre) ** 2 / ((data.x - centre) ** 2).sum())


def facts(scenario: Scenario, school: str) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
        Its coefficients, SD of slopes and contextual effect do not count: the handle sets them.
    school : str
        Name of the picked school.

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    found = _fitted(scenario)
    return replace(found, picked=int(np.flatnonzero(found.end.labels.astype(str) == school)[0]))


@lru_cache(maxsize=8)
def _fitted(scenario: Scenario) -> Facts:
    """All but the picked school: what is the same whichever it is."""
    hyper = Hyperparameters(b0=0.0, b1=0.0, sigma_beta=0.0, sigma_alpha=scenario.hyper.sigma_alpha)
    world = replace(scenario, hyper=hyper, contextual=OPPOSITE, extraordinary=0.0)
    start, end = (
        with_school_means(simulate(replace(world, contextual=c)).data) for c in (0.0, OPPOSITE)
    )
    fit = fit_partial_pooling(end, "common", group_predictor=True)
    within = fit_no_pooling(start)
    t = np.linspace(0.0, 1.0, STEPS)
    given, alone = (_reml(_sums(start, end, t), apart) for apart in (True, False))
    ends = [fit_complete_pooling(data).lines for data in (start, end)]
    pooled = [
        (1 - t) * getattr(ends[0], name)[0] + t * getattr(ends[1], name)[0]
        for name in ("alpha", "beta")
    ]
    return Facts(
        scenario=world,
        start=start,
        end=end,
        contextual=frozen(OPPOSITE * t),
        lines={
            "between": (frozen(given.intercept), frozen(given.slope)),
            "complete": (frozen(pooled[0]), frozen(pooled[1])),
            "partial": (frozen(alone.intercept), frozen(alone.slope)),
        },
        within=float(within.lines.beta[0]),
        se_within=frozen(given.se_within),
        se_between=frozen(given.se_slope),
        sigma_alpha=frozen(given.sigma_alpha),
        sigma_alone=frozen(alone.sigma_alpha),
        fit=fit,
        picked=0,
        converged=given.converged and alone.converged,
    )


# The multilevel models of all steps at once


class _Sums(NamedTuple):
    """What REML needs of the students. In a school y moves by as much for everybody: so its
    mean moves, and nothing within.

    ``n, x`` (J,) sizes, and means of x less ``x_mean``; ``y`` (STEPS, J) means less ``y_mean``
    (STEPS,); ``sxx, sxy, syy`` sums of squares and products within schools.
    """

    n: Floats
    x: Floats
    y: Floats
    x_mean: float
    y_mean: Floats
    sxx: float
    sxy: float
    syy: float


class _At(NamedTuple):
    """Least squares over the schools at given ratios of variances, which are its axes.

    ``weight`` and ``error`` (..., J) of each school; ``cross`` the sums of weights, weighted
    x and squares of x; ``line`` intercept and slope; ``rss`` within schools and between.
    """

    weight: Floats
    cross: tuple[Floats, Floats, Floats]
    line: tuple[Floats, Floats]
    error: Floats
    rss: Floats

    @property
    def det(self) -> Floats:
        """Determinant of the cross-products."""
        one, x, xx = self.cross
        return one * xx - x**2


class _Way(NamedTuple):
    """A multilevel model at each step, (STEPS,): the line over the school means, errors, SD."""

    intercept: Floats
    slope: Floats
    se_slope: Floats
    se_within: Floats
    sigma_alpha: Floats
    converged: bool


def _sums(start: GroupedData, end: GroupedData, t: Floats) -> _Sums:
    """Of the students at each ``t`` (STEPS,), from 0 at the start to 1 at the end."""
    assert start.u is not None
    assert start.x is not None
    n: Floats = start.n.astype(np.float64)
    first, last = (data.group_means(data.y) for data in (start, end))
    y = first + t[:, None] * (last - first)
    dx, dy = start.x - start.u[start.j], start.y - first[start.j]
    x_mean, y_mean = float(n @ start.u / n.sum()), y @ n / n.sum()
    within = float(dx @ dx), float(dx @ dy), float(dy @ dy)
    return _Sums(n, start.u - x_mean, y - y_mean[:, None], x_mean, y_mean, *within)


def _reml(s: _Sums, apart: bool) -> _Way:
    r"""The model with school means (slopes ``apart``) or with x alone, at all steps at once.

    With :math:`\lambda = \sigma_\alpha^2 / \sigma_y^2` and
    :math:`w_j = n_j / (1 + n_j\lambda)` the schools' means are regressed on those of x with
    weights w, and REML asks for the least

    .. math:: \sum_j \log(1 + n_j \lambda) + \log|X'WX| + m \log r^2

    It is looked at on a grid over :math:`\log(1 + \bar n\lambda)`, and where it is least
    its derivative is brought to 0 between two neighbours. At 0 it may rise: then 0 is the answer.
    """
    m, size = s.n.sum() - 2 - apart, s.n.mean()

    def at(z: Floats) -> _At:
        return _gls(s, apart, np.expm1(z) / size)

    def rise(z: Floats) -> Floats:
        """Derivative of the criterion."""
        here = at(z)
        (one, x, xx), squared = here.cross, here.weight**2
        taken = xx * squared.sum(-1) - 2 * x * (squared @ s.x) + one * (squared @ s.x**2)
        lost = m * (squared * here.error**2).sum(-1) / here.rss
        out: Floats = np.exp(z) * (here.weight.sum(-1) - taken / here.det - lost)
        return out

    grid = np.arange(0.0, HIGHEST, CELL)[:, None]
    over = at(grid)
    height = np.log1p(s.n * np.expm1(grid) / size).sum(-1, keepdims=True)
    least = np.argmin(height + np.log(over.det) + m * np.log(over.rss), axis=0)
    z: Floats = grid[least, 0]
    up = rise(z) < 0
    low, high = np.where(up, z, np.maximum(z - CELL, 0.0)), np.where(up, z + CELL, z)
    z, converged = _zero(rise, low, high)
    found = at(z)
    sigma = np.sqrt(found.rss / m)
    slope = found.line[1]
    return _Way(
        intercept=s.y_mean + found.line[0] - slope * s.x_mean,
        slope=slope,
        se_slope=sigma * np.sqrt(found.cross[0] / found.det),
        se_within=sigma / np.sqrt(s.sxx),
        sigma_alpha=sigma * np.sqrt(np.expm1(z) / size),
        converged=converged,
    )


def _gls(s: _Sums, apart: bool, ratio: Floats) -> _At:
    """Slopes ``apart``: the means alone decide theirs. Else what is within decides, too."""
    weight = s.n / (1 + s.n * ratio[..., None])
    weighted = weight * s.y
    sxx, sxy = (0.0, 0.0) if apart else (s.sxx, s.sxy)
    one, x, xx = weight.sum(-1), weight @ s.x, weight @ s.x**2 + sxx
    y, xy = weighted.sum(-1), weighted @ s.x + sxy
    slope = (one * xy - x * y) / (one * xx - x**2)
    intercept = (y - x * slope) / one
    error = s.y - intercept[..., None] - slope[..., None] * s.x
    own = s.sxy / s.sxx if apart else slope
    rss = (weight * error**2).sum(-1) + s.syy - own * (2 * s.sxy - own * s.sxx)
    return _At(weight, (one, x, xx), (intercept, slope), error, rss)


def _zero(rise: Callable[[Floats], Floats], low: Floats, high: Floats) -> tuple[Floats, bool]:
    """Where ``rise`` turns from negative to positive, by false position (Illinois).

    0 where it is not negative at ``low``: there the criterion rises from the boundary on.
    Also, whether the last step was a short one.
    """
    below, above = rise(low), rise(high)
    bound, z, last = below >= 0, low, np.zeros(len(low))
    for _ in range(MOST_ROUNDS):
        before, gap = z, above - below
        z = np.where(gap > 0, (low * above - high * below) / np.where(gap > 0, gap, 1.0), low)
        here = rise(z)
        side = np.where(here < 0, -1.0, 1.0)
        again = np.where(side == last, 0.5, 1.0)
        low, below = np.where(side < 0, [z, here], [low, below * again])
        high, above = np.where(side > 0, [z, here], [high, above * again])
        last, short = side, bool((bound | (np.abs(z - before) <= 1e-10)).all())
        if short:
            break
    return np.where(bound, 0.0, z), short
