"""What will the best school do next year? All that the lesson says and draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import Floats, Ints, frozen
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import OfTown, Simulation, simulate
from mlm_core.table import Table

YEARS = 10
"""Years that follow the year of the praise."""

MOST_ENDS = 5
"""Schools that the board praises, and schools that it inspects, where there are enough."""

MOST_NAMES = 24
"""Schools of which all the names are written."""

MOST_MARKS = 400
"""Of more marks of the ten years, those of schools that nobody named are left out."""

Order = Literal["place", "size"]


@record
class Facts(OfTown):
    r"""The table of schools of this year, and the ten years after it.

    A school's mean is what the school is and the luck of the year's students:

    .. math:: \bar y_{jt} = \mu_j + \mathrm{luck}_{jt}, \qquad
        \mathrm{SD}(\mathrm{luck}_{jt}) = \sigma / \sqrt{n_j}.

    Schools stay, students are new each year: those chosen for a high mean were lucky on
    average, and the luck does not come back.

    Attributes
    ----------
    simulation : Simulation
        This year. ``simulation.mean`` is the truth, which stays.
    years : (1 + YEARS, J) array
        Mean score of each school (points); row 0 is this year.
    picked : int
        School by its place in ``data.labels``.

    References
    ----------
    Galton (1886), Journal of the Anthropological Institute 15, 246-263. Bland & Altman
    (1994), BMJ 308, 1499.
    """

    simulation: Simulation
    years: Floats
    picked: int

    @property
    def own(self) -> Floats:
        """(J,) this year's means."""
        this_year: Floats = self.years[0]
        return this_year

    @property
    def truth(self) -> Floats:
        """(J,) true means."""
        return self.simulation.mean

    @property
    def mean(self) -> float:
        """The mean of the schools' means this year (points): a school counts once."""
        return float(self.own.mean())

    @property
    def ranking(self) -> Ints:
        """(J,) schools from the highest to the lowest of this year."""
        return np.argsort(-self.own, kind="stable")

    @property
    def ends(self) -> int:
        """How many are praised, and how many are inspected."""
        return max(1, min(MOST_ENDS, self.data.n_groups // 3))

    @property
    def praised(self) -> Ints:
        """The highest of this year."""
        return self.ranking[: self.ends]

    @property
    def inspected(self) -> Ints:
        """The lowest of this year."""
        return self.ranking[-self.ends :]

    @property
    def best(self) -> int:
        """The highest of this year."""
        return int(self.ranking[0])

    @property
    def rival(self) -> int:
        """The largest school; where that is the highest, the second of this year."""
        return self.largest if self.largest != self.best else int(self.ranking[1])

    @property
    def smallest(self) -> int:
        """A school with the fewest students."""
        return int(np.argmin(self.data.n))

    @property
    def largest(self) -> int:
        """A school with the most students."""
        return int(np.argmax(self.data.n))

    @property
    def same_size(self) -> bool:
        """All schools have the same number of students."""
        return int(self.data.n.min()) == int(self.data.n.max())

    def lower(self, schools: Ints, year: int = 1) -> int:
        """How many of these stand lower in a year than this year."""
        return int((self.years[year, schools] < self.own[schools]).sum())

    def change(self, schools: Ints, year: int = 1) -> float:
        """How far these have moved since this year, on average (points)."""
        return float((self.years[year, schools] - self.own[schools]).mean())

    def moved_as_printed(self, year: int) -> float:
        """How far the picked school has moved, from means with one decimal (points)."""
        return round(
            round(float(self.years[year, self.picked]), 1) - round(float(self.own[self.picked]), 1),
            1,
        )

    @property
    def ever_lower(self) -> int:
        """In how many of all ten years of all praised schools these stand lower than this year."""
        return sum(self.lower(self.praised, year) for year in range(1, YEARS + 1))

    @property
    def verdict(self) -> Literal["fall", "rise", "half"]:
        """What most of the praised schools do next year."""
        down = self.lower(self.praised)
        up = self.ends - down
        return "fall" if down > up else "rise" if up > down else "half"

    def again(self, year: int = 1) -> int:
        """How many of the praised schools are among as many highest in a year."""
        top = np.argsort(-self.years[year], kind="stable")[: self.ends]
        return len(set(top.tolist()) & set(self.praised.tolist()))

    @property
    def again_on_average(self) -> float:
        """`again` on average over the years to come."""
        return float(np.mean([self.again(year) for year in range(1, YEARS + 1)]))

    @property
    def truly_best(self) -> int:
        """How many of the praised schools are truly among as many best."""
        top = np.argsort(-self.truth, kind="stable")[: self.ends]
        return len(set(top.tolist()) & set(self.praised.tolist()))

    def range_of(self, j: int) -> tuple[float, float]:
        """Lowest and highest mean of a school in the ten years to come (points)."""
        return float(self.years[1:, j].min()), float(self.years[1:, j].max())

    @property
    def lead(self) -> float:
        """How far the praised schools stand above the mean of the schools this year (points)."""
        return float(self.own[self.praised].mean()) - self.mean

    @property
    def true_lead(self) -> float:
        """How far what these schools truly are lies above the same line (points)."""
        return float(self.truth[self.praised].mean()) - self.mean

    @property
    def lucky(self) -> float:
        """The rest of `lead`, as it follows from both with one decimal (points): luck."""
        return round(round(self.lead, 1) - round(self.true_lead, 1), 1)

    @property
    def fall(self) -> float:
        """How far the praised stand lower than this year, a mean of all years to come (points)."""
        return -float(np.mean([self.change(self.praised, t) for t in range(1, YEARS + 1)]))

    @property
    def way(self) -> Literal["not at all", "part", "all"]:
        """How far the praised fall on average towards this year's mean of the schools."""
        if self.fall < 0.05:
            return "not at all"
        return "part" if self.fall < self.lead - 0.05 else "all"

    @property
    def fewest_and_most_lower(self) -> tuple[int, int]:
        """Fewest and most of the praised that stand lower in a single year."""
        lower = [self.lower(self.praised, year) for year in range(1, YEARS + 1)]
        return min(lower), max(lower)

    @property
    def small_ones(self) -> Ints:
        """As many smallest schools as are praised."""
        return np.argsort(self.data.n, kind="stable")[: self.ends]

    @property
    def large_ones(self) -> Ints:
        """As many largest schools as are praised."""
        return np.argsort(-self.data.n, kind="stable")[: self.ends]

    def typical_move(self, schools: Ints) -> float:
        """Mean distance of the years to come from this year's mean (points)."""
        return float(np.abs(self.years[1:, schools] - self.own[schools]).mean())

    @property
    def luck_of_largest(self) -> Literal["good", "bad", ""]:
        """Whether the largest school stands above, or below, all its years to come."""
        low, high = self.range_of(self.largest)
        mine = float(self.own[self.largest])
        return "good" if mine > high else "bad" if mine < low else ""

    @property
    def rival_in_size(self) -> int:
        """The largest school; where that is picked, the smallest."""
        return self.largest if self.picked != self.largest else self.smallest

    def _rows(self, order: Order) -> Ints:
        """(J,) schools in the order in which they are drawn."""
        return self.ranking if order == "place" else np.argsort(-self.data.n, kind="stable")

    def _named(self, rows: Ints) -> NDArray[np.bool_]:
        """Whose names are written where there is no room for all: the ends and the picked one."""
        place = np.arange(len(rows))
        if len(rows) <= MOST_NAMES:
            return np.ones(len(rows), dtype=bool)
        mine = int(np.flatnonzero(rows == self.picked)[0])
        apart = abs(place - mine) > len(rows) / MOST_NAMES
        end = (place == 0) | (place == len(rows) - 1)
        return np.asarray((end & apart) | (place == mine))

    def tables(self, *, later: bool, truth: bool, trail: bool, order: Order) -> dict[str, Table]:
        """The tables of `mlm_core.charts.next_year`; what is not shown lies unseen.

        Parameters
        ----------
        later, truth, trail : bool
            Whether the years to come, the truth, all ten years at once are shown. Years
            that are not shown lie on this year's means.
        order : {"place", "size"}
            The highest first, or the largest.
        """
        rows = self._rows(order)
        row = np.empty(len(rows), dtype=int)
        row[rows] = np.arange(len(rows))
        years = self.years if later else np.tile(self.own, (YEARS + 1, 1))
        group = np.full(len(rows), "", dtype="U9")
        group[self.praised], group[self.inspected] = "praised", "inspected"
        schools = Table(
            {
                "row": np.arange(len(rows)),
                "school": self.names[rows],
                "label": [f"{self.names[j]} ({self.data.n[j]})" for j in rows],
                "n": self.data.n[rows],
                "own": self.own[rows],
                "truth": (self.truth if truth else self.own)[rows],
                "truth_seen": float(truth),
                "group": group[rows],
                "group_seen": float(order == "place"),
                "picked": rows == self.picked,
                "named": self._named(rows),
            }
        )
        step = np.repeat(np.arange(YEARS + 1), len(rows))
        path = Table(
            {
                "step": step,
                "row": np.tile(np.arange(len(rows)), YEARS + 1),
                "later": years[:, rows].ravel(),
                "later_seen": np.where(step > 0, float(later), 0.0),
                "resting": step == 1,
            }
        )
        return {
            "schools": schools,
            "path": path,
            "trail": self._trail(row, years, trail and later),
            "years": _years_table(),
            "means": Table({"mean": [self.mean], "label": ["mean of the schools"]}),
        }

    def _trail(self, row: Ints, years: Floats, seen: bool) -> Table:
        """One row a school and year to come; unseen, they lie on this year's means."""
        schools = np.arange(self.data.n_groups)
        if YEARS * len(schools) > MOST_MARKS:
            schools = np.unique([*self.praised, *self.inspected, self.picked])
        shown = years[1:, schools] if seen else np.tile(self.own[schools], (YEARS, 1))
        return Table(
            {
                "mark": [f"{self.names[j]} {t}" for t in range(1, YEARS + 1) for j in schools],
                "row": np.tile(row[schools], YEARS),
                "later": shown.ravel(),
                "trail_seen": float(seen),
            }
        )

    def two_years(self) -> dict[str, list[object]]:
        """Means of this year and the next, one row a school and year, for the code."""
        return {
            "school": [*self.names, *self.names],
            "year": ["this year"] * len(self.own) + ["next year"] * len(self.own),
            "y": [*self.years[0].tolist(), *self.years[1].tolist()],
        }


def _years_table() -> Table:
    """The places of the handle."""
    step = np.arange(YEARS + 1)
    return Table({"step": step, "label": [str(k) for k in step], "resting": step == 1})


def year_after(scenario: Scenario, year: int) -> Scenario:
    """New students in the same schools, so many years on."""
    return replace(scenario, redraw=scenario.redraw + year)


def facts(scenario: Scenario, school: str) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
    school : str
        Name of the picked school.
    """
    made = simulate(scenario)
    years = []
    for year in range(YEARS + 1):
        data = simulate(year_after(scenario, year)).data
        years.append(data.group_means(data.y))
    return Facts(
        simulation=replace(made, data=replace(made.data, x=None)),
        years=frozen(np.array(years)),
        picked=int(np.flatnonzero(made.data.labels.astype(str) == school)[0]),
    )
