"""What if we forget that there are schools? All that the lesson says and draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlm_core.clustered import anova_icc
from mlm_core.data import Floats, GroupedData, Ints
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.records import CompletePooling, GroupLines
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import SCHOOL_NAMES, OfTown, Simulation, simulate
from mlm_core.table import Table, stacked

MOST_STUDENTS = 400
"""Of more students only some are drawn."""

MOST_NAMES = 20
"""Schools of which all the names are written."""

NOTABLE = 1.1
"""A true error that is larger than the stated one by no more than this factor is as stated."""

FEW_SCHOOLS = 20
"""With fewer schools the cluster-robust standard error is too small on average."""

View = Literal["line", "left over"]
Domain = tuple[float, float]


@record
class Facts(OfTown):
    r"""One line for all students, what it leaves over, and how sure it is.

    .. math:: y_i = \alpha + \beta x_i + \epsilon_i, \quad \epsilon_i \text{ independent}

    Attributes
    ----------
    simulation : Simulation
    fit : CompletePooling
        With two kinds of standard errors: as stated (students independent), and
        cluster-robust (counted by schools).
    lines : GroupLines
        A regression in each school: what the one line does not see. NaN where a school
        has none of its own.
    between : float
        Share of the variance of the residuals that lies between schools, 0 or more.
    swing : Swing
        How far the line truly varies.
    picked : int
        School by its place in ``data.labels``.
    """

    simulation: Simulation
    fit: CompletePooling
    lines: GroupLines
    between: float
    swing: Swing
    picked: int

    @property
    def x(self) -> Floats:
        """(n,) pre-tests (SDs)."""
        assert self.data.x is not None
        return self.data.x

    @property
    def alpha(self) -> float:
        """Height of the line at pre-test 0 (points)."""
        return float(self.fit.lines.alpha[0])

    @property
    def beta(self) -> float:
        """Slope of the line (points for an SD of pre-test)."""
        return float(self.fit.lines.beta[0])

    @property
    def stated(self) -> float:
        """Standard error of the height as the line states it (points)."""
        return float(self.fit.lines.se_alpha[0])

    @property
    def stated_slope(self) -> float:
        """Standard error of the slope as the line states it."""
        return float(self.fit.lines.se_beta[0])

    @property
    def by_schools(self) -> float:
        """Cluster-robust standard error of the height (points)."""
        return self.fit.cluster_se_alpha

    @property
    def ratio(self) -> float:
        """How many times the stated standard error the one by schools is."""
        return self.by_schools / self.stated

    @property
    def ratio_as_printed(self) -> float:
        """`ratio` as it follows from the two errors with two decimals."""
        stated = round(self.stated, 2)
        return round(self.by_schools, 2) / stated if stated > 0 else self.ratio

    @property
    def verdict(self) -> Literal["less sure", "as sure"]:
        """How sure the line truly is, against what it states."""
        return "less sure" if self.swing.height > NOTABLE * self.stated else "as sure"

    @property
    def next_town(self) -> float:
        r"""The height of another town's line (points), :math:`\hat\alpha - (se + se_{schools})`.

        Made for the story: two stated errors do not reach it, two by schools do,
        where the latter are larger.
        """
        return self.alpha - self.stated - self.by_schools

    @property
    def town_within(self) -> bool:
        """The next town lies within two standard errors by schools."""
        return abs(self.alpha - self.next_town) <= 2 * self.by_schools

    @property
    def nearer(self) -> bool:
        """The error by schools comes nearer to the true one than the stated error."""
        true = self.swing.height
        return abs(self.by_schools - true) < abs(self.stated - true)

    @property
    def few(self) -> bool:
        """So few schools that the error by schools is too small on average."""
        return self.data.n_groups < FEW_SCHOOLS

    @property
    def residual(self) -> Floats:
        """(n,) distances of the students from the line (points)."""
        return self.data.y - self.alpha - self.beta * self.x

    @property
    def mean_residual(self) -> Floats:
        """(J,) their means by school."""
        return self.data.group_means(self.residual)

    @property
    def same_side(self) -> int:
        """Students of the picked school on the side of the line where their mean is."""
        mine = self.residual[self.data.j == self.picked]
        return int(((mine > 0) == (self.mean_residual[self.picked] > 0)).sum())

    @property
    def by_root_n(self) -> float:
        r"""About what is stated: :math:`\hat\sigma_y / \sqrt n`, from two decimals (points)."""
        return round(self.fit.sigma_y, 2) / float(np.sqrt(self.data.n_students))

    @property
    def known_slopes(self) -> int:
        """Schools that have a slope of their own."""
        return int(np.isfinite(self.lines.beta).sum())

    @property
    def rising(self) -> int:
        """Schools whose own line rises."""
        return int((self.lines.beta > 0).sum())

    @property
    def schools_help_more(self) -> bool:
        """Twice as many schools make the line notably surer than twice as many students."""
        return self.swing.more_students > 1.02 * self.swing.more_schools

    @property
    def true_but_not_shown(self) -> bool:
        """The true height lies above the next town's, and these data cannot say so."""
        return self.town_within and self.swing.middle > self.next_town

    @property
    def sigma_alpha(self) -> float:
        """True SD between schools beyond what u explains: what the slider sets (points)."""
        return self.simulation.scenario.hyper.sigma_alpha

    def ends_of_errors(self) -> Floats:
        """Ends of the bars of two standard errors, and the next town (points)."""
        reach, swing = 2 * max(self.stated, self.by_schools), 2 * self.swing.height
        return np.array(
            [self.alpha - reach, self.alpha + reach, self.next_town,
             self.swing.middle - swing, self.swing.middle + swing]
        )  # fmt: skip

    def tables(
        self,
        *,
        view: View,
        lines: bool,
        schools: bool,
        truth: bool,
        town: bool,
        x: Domain,
        y: Domain,
        left_over: Domain,
    ) -> dict[str, Table]:
        """The tables of `mlm_core.charts.one_line`; what is not shown lies unseen.

        Parameters
        ----------
        view : {"line", "left over"}
            Students at pre-test and score, or at their residual in the row of their school.
        lines, schools, truth, town : bool
            Whether the schools' own lines, the error by schools, the true one, the next
            town are shown.
        x, y, left_over : (low, high)
            What the plane spans: pre-tests, scores, residuals.
        """
        plane = _Plane(self, view, x, y, left_over)
        return {
            "students": plane.students(),
            "schools": plane.schools(),
            "line": plane.line(),
            "own": plane.own_lines(lines and view == "line"),
            "ticks": plane.ticks(),
            "titles": plane.titles(),
            "errors": self._errors(schools, truth),
            "town": self._town(town),
        }

    def _errors(self, schools: bool, truth: bool) -> Table:
        seen = np.array([True, schools, truth])
        middle = np.array([self.alpha, self.alpha, self.swing.middle if truth else self.alpha])
        reach = 2 * seen * np.array([self.stated, self.by_schools, self.swing.height])
        return Table(
            {
                "kind": ["stated", "schools", "truth"],
                "label": ["textbook", "by schools", "truly"],
                "middle": middle,
                "low": middle - reach,
                "high": middle + reach,
                "seen": seen.astype(float),
            }
        )

    def _town(self, seen: bool) -> Table:
        return Table({"town": [self.next_town], "label": ["the next town"], "seen": [float(seen)]})


@dataclass(frozen=True, slots=True)
class Swing:
    r"""Mean and SD of the line over draws of schools and students with the same pre-tests.

    With :math:`S_j = X_j'X_j`, :math:`X_j = [1, x]`, and :math:`\Omega` the covariance of
    the schools' intercepts and slopes (what u explains included),

    .. math::

        \mathrm{var}(\hat\alpha, \hat\beta) = \Big(\sum_j S_j\Big)^{-1}
        \sum_j \big(S_j \Omega S_j + \sigma_y^2 S_j\big) \Big(\sum_j S_j\Big)^{-1}.

    Attributes
    ----------
    middle : float
        Mean of the line's height at pre-test 0 (points): where it swings around.
    height, slope : float
        Of the line's height at pre-test 0 (points) and of its slope.
    more_students, more_schools : float
        Of the height with twice as many students in the same schools, and with twice as
        many schools of the same kind.

    References
    ----------
    Moulton (1986), Journal of Econometrics 32, 385-397.
    """

    middle: float
    height: float
    slope: float
    more_students: float
    more_schools: float


def swing(simulation: Simulation) -> Swing:
    """How far the line varies from draw to draw; see `Swing`."""
    scenario, data = simulation.scenario, simulation.data
    hyper = scenario.hyper
    assert data.x is not None
    across = hyper.b0 * hyper.b1 + hyper.rho * hyper.sigma_alpha * hyper.sigma_beta
    omega = np.array(
        [[hyper.b0**2 + hyper.sigma_alpha**2, across],
         [across, hyper.b1**2 + hyper.sigma_beta**2]]
    )  # fmt: skip
    n = data.n.astype(float)
    x, xx = (np.bincount(data.j, v, minlength=data.n_groups) for v in (data.x, data.x**2))
    s = np.stack([np.stack([n, x], axis=-1), np.stack([x, xx], axis=-1)], axis=-2)
    bread = np.linalg.inv(s.sum(axis=0))
    of_schools = bread @ (s @ omega @ s).sum(axis=0) @ bread
    of_students = scenario.sigma_y**2 * bread
    height, slope = np.sqrt(np.diag(of_schools + of_students))
    mean = hyper.a1 * data.x + _expected(simulation)[data.j]
    xy = np.array([mean.sum(), (data.x * mean).sum()])
    return Swing(
        middle=float((bread @ xy)[0]),
        height=float(height),
        slope=float(slope),
        more_students=float(np.sqrt((of_schools + of_students / 2)[0, 0])),
        more_schools=float(height / np.sqrt(2)),
    )


def _expected(simulation: Simulation) -> Floats:
    """(J,) means of the schools' true intercepts over draws with the same pre-tests."""
    scenario = simulation.scenario
    odd = simulation.data.labels.astype(str) == SCHOOL_NAMES[0]
    alpha: Floats = scenario.hyper.a0 + scenario.contextual * simulation.x_mean
    alpha = alpha + scenario.extraordinary * odd
    return alpha


@record
class _Plane:
    """Places of everything in a plane from 0 to 1, in one view or the other."""

    facts: Facts
    view: View
    x: Domain
    y: Domain
    left_over: Domain

    @property
    def order(self) -> Ints:
        """Schools from the highest mean residual to the lowest."""
        return np.argsort(-self.facts.mean_residual, kind="stable")

    def place(self) -> Floats:
        """(J,) heights of the schools' rows."""
        many = self.facts.data.n_groups
        place = np.empty(many)
        place[self.order] = 1.0 - (np.arange(many) + 0.5) / many
        return place

    def students(self) -> Table:
        """One row a student drawn."""
        f = self.facts
        some = _some(f.data, f.picked)
        j = f.data.j[some]
        if self.view == "line":
            h, v = _share(f.x[some], self.x), _share(f.data.y[some], self.y)
        else:
            h, v = _share(f.residual[some], self.left_over), self.place()[j]
        return Table(
            {"student": some, "school": f.names[j], "h": h, "v": v, "picked": j == f.picked,
             "x": f.x[some], "y": f.data.y[some], "residual": f.residual[some]}
        )  # fmt: skip

    def schools(self) -> Table:
        """One row a school: its mean, and its name."""
        f, place = self.facts, self.place()
        if self.view == "line":
            h = _share(f.data.group_means(f.x), self.x)
            v = _share(f.data.group_means(f.data.y), self.y)
        else:
            h, v = _share(f.mean_residual, self.left_over), place
        rank = np.empty(len(place), dtype=int)
        rank[self.order] = np.arange(len(place))
        return Table(
            {
                "school": f.names,
                "label": [f"{name} ({n})" for name, n in zip(f.names, f.data.n, strict=True)],
                "n": f.data.n,
                "residual": f.mean_residual,
                "h": h,
                "v": v,
                "place": place,
                "picked": np.arange(len(place)) == f.picked,
                "named": _named(rank, f.picked),
                "rows_seen": float(self.view == "left over"),
            }
        )

    def line(self) -> Table:
        """The two ends of the one line; what lies on it lies at 0 in the other view."""
        if self.view == "line":
            x = _within(self.facts.alpha, self.facts.beta, self.x, self.y)
            h = _share(x, self.x)
            v = _share(self.facts.alpha + self.facts.beta * x, self.y)
        else:
            h, v = _share(np.zeros(2), self.left_over), np.array([0.0, 1.0])
        return Table({"end": [0, 1], "h": h, "v": v})

    def own_lines(self, seen: bool) -> Table:
        """The schools' own lines, each as far as its students go."""
        f = self.facts
        parts = []
        for j in np.flatnonzero(np.isfinite(f.lines.beta)):
            mine = f.x[f.data.j == j]
            x = _within(f.lines.alpha[j], f.lines.beta[j], (mine.min(), mine.max()), self.y)
            v = _share(f.lines.alpha[j] + f.lines.beta[j] * x, self.y)
            parts.append(
                Table({"school": f.names[j], "h": _share(x, self.x), "v": np.clip(v, 0, 1)})
            )
        empty = Table({"school": [], "h": [], "v": []})
        return stacked(parts or [empty]).assign(seen=float(seen))

    def ticks(self) -> Table:
        """Numbers on the axes of both views; those of the other lie unseen."""
        wanted: tuple[tuple[str, View, Domain], ...] = (
            ("x", "line", self.x), ("y", "line", self.y), ("x", "left over", self.left_over),
        )  # fmt: skip
        parts = []
        for axis, view, domain in wanted:
            values = _round_numbers(domain)
            parts.append(
                Table(
                    {
                        "axis": axis,
                        "at": _share(values, domain),
                        "label": [f"{v:g}".replace("-", "−") for v in values],
                        "seen": float(view == self.view),
                    }
                )
            )
        return stacked(parts)

    def titles(self) -> Table:
        """What the axes of both views are called."""
        at_line = float(self.view == "line")
        return Table(
            {
                "axis": ["x", "y", "x"],
                "title": ["pre-test, SDs", "test score,\npoints", "distance from the line, points"],
                "seen": [at_line, at_line, 1.0 - at_line],
            }
        )


def _share(values: Floats, domain: Domain) -> Floats:
    """Where values lie between the ends of a domain, from 0 to 1."""
    low, high = domain
    return (np.asarray(values, dtype=float) - low) / (high - low)


def _within(alpha: float, beta: float, x: Domain, y: Domain) -> Floats:
    """Where a line begins and ends in a window."""
    ends = np.array(x, dtype=float)
    if beta != 0:
        at_y = np.sort((np.array(y) - alpha) / beta)
        ends = np.clip(ends, *at_y)
    return ends


def _round_numbers(domain: Domain, many: int = 8) -> Floats:
    """Round numbers inside a domain, as many as an axis wants."""
    low, high = domain
    least = (high - low) / many
    power = 10.0 ** np.floor(np.log10(least))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= least)
    numbers: Floats = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return numbers


def _some(data: GroupedData, picked: int) -> Ints:
    """Students that are drawn: all, or some of each, the picked school's before others."""
    mine = np.flatnonzero(data.j == picked)
    others = np.flatnonzero(data.j != picked)
    mine = mine[_spread(len(mine), MOST_STUDENTS // 3)]
    others = others[_spread(len(others), MOST_STUDENTS - len(mine))]
    return np.sort(np.concatenate([mine, others]))


def _spread(many: int, most: int) -> Ints:
    """At most so many places, evenly over all."""
    return np.unique(np.linspace(0, many - 1, min(many, most)).round().astype(int))


def _named(rank: Ints, picked: int) -> NDArray[np.bool_]:
    """Whose names are written where there is no room for all: the ends and the picked one."""
    if len(rank) <= MOST_NAMES:
        return np.ones(len(rank), dtype=bool)
    apart = abs(rank - rank[picked]) > len(rank) / MOST_NAMES
    end = (rank == 0) | (rank == len(rank) - 1)
    return np.asarray((end & apart) | (rank == rank[picked]))


def facts(scenario: Scenario, school: str) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
    school : str
        Name of the picked school.

    Raises
    ------
    DataError
        The data cannot be fitted, or no school has two students; the sentence says why.
    """
    simulation = simulate(scenario)
    data = simulation.data
    fit = fit_complete_pooling(data)
    assert data.x is not None
    residual = data.y - fit.lines.alpha[0] - fit.lines.beta[0] * data.x
    return Facts(
        simulation=simulation,
        fit=fit,
        lines=fit_no_pooling(data, "varying").lines,
        between=max(anova_icc(residual, data.j), 0.0),
        swing=swing(simulation),
        picked=int(np.flatnonzero(data.labels.astype(str) == school)[0]),
    )
