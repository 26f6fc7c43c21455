"""What if every school stands alone? All that the lesson says and draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from mlm_core import estimates
from mlm_core.data import Floats, frozen
from mlm_core.pooling import fit_no_pooling
from mlm_core.records import NoPooling
from mlm_core.scenario import Scenario, sd_within
from mlm_core.showing import record
from mlm_core.simulation import OfTown, Simulation, simulate
from mlm_core.table import Table, stacked

KEPT = 10
"""Earlier draws of students that stay in view as faint marks."""

UNKNOWN = "cannot be estimated"


@record
class Facts(OfTown):
    r"""The lesson on no pooling in one scenario, with one school picked.

    Two models have the name: an intercept for each school with one slope for all,
    :math:`y_i = \alpha_{j[i]} + \beta x_i + \epsilon_i`, and a regression for each school,
    :math:`y_i = \alpha_{j[i]} + \beta_{j[i]} x_i + \epsilon_i` (Gelman & Hill 2007,
    sections 12.2 and 12.3).

    Attributes
    ----------
    simulation : Simulation
        The draw of students of the moment.
    slopes : {"common", "varying"}
        Which of the two is drawn.
    common, varying : NoPooling
        Both fits.
    draws : (K, J) array
        Intercepts of the drawn model in this draw of students and the `KEPT` before it,
        the newest first; NaN where there is none.
    picked, smallest, largest : int
        Schools by their place in ``data.labels``.
    """

    simulation: Simulation
    slopes: Literal["common", "varying"]
    common: NoPooling
    varying: NoPooling
    draws: Floats
    picked: int
    smallest: int
    largest: int

    @property
    def fit(self) -> NoPooling:
        """The model that is drawn."""
        return self.varying if self.slopes == "varying" else self.common

    @property
    def truth(self) -> Floats:
        """(J,) true intercepts."""
        return self.simulation.alpha

    @property
    def other(self) -> int:
        """The school that the picked one is compared with: the largest, or the smallest."""
        return self.largest if self.picked != self.largest else self.smallest

    @property
    def alike(self) -> bool:
        """All schools have the same size."""
        return int(self.n.min()) == int(self.n.max())

    @property
    def tests(self) -> int:
        """How many draws of students are in view, that of the moment too."""
        return len(self.draws)

    @property
    def sigma_y(self) -> float:
        """SD within schools with one slope: the estimate, or the truth where there is none."""
        found = self.common.sigma_y
        return found if np.isfinite(found) else self.simulation.scenario.sigma_y

    def swing(self, j: int) -> float:
        r"""About the standard error of school j (points): :math:`\sigma_y/\sqrt{n_j}`.

        From :math:`\sigma_y` with one decimal, so that a calculator gives the same.
        """
        return float(round(self.sigma_y, 1) / np.sqrt(self.n[j]))

    def between_students(self, j: int) -> float:
        r"""Mean distance of two students of school j with the same pre-test (points).

        :math:`2/\sqrt\pi` times the true SD around the one slope,
        :math:`\sqrt{\sigma_y^2 + (\beta_j - \bar\beta)^2}`: it is asked of many tests.
        """
        beta = self.simulation.beta
        turned = beta[j] - np.average(beta, weights=self.n)
        return float(2.0 / np.sqrt(np.pi) * np.hypot(self.simulation.scenario.sigma_y, turned))

    def between_tests(self, j: int) -> float:
        r"""Mean distance of the estimates of school j in two tests, about (points).

        That of two students, divided by :math:`\sqrt{n_j}`.
        """
        return float(self.between_students(j) / np.sqrt(self.n[j]))

    def plain_mean(self, j: int) -> float:
        """Mean score of the students of school j (points)."""
        return float(self.data.group_means(self.data.y)[j])

    def at_most(self, students: int) -> int:
        """How many schools have at most so many students."""
        return int((self.n <= students).sum())

    def known(self, j: int) -> bool:
        """Whether the drawn model has an estimate for school j."""
        return bool(np.isfinite(self.fit.lines.alpha[j]))

    def moved(self, j: int) -> float:
        """Highest minus lowest estimate of school j over the draws in view (points)."""
        return float(np.ptp(self.draws[:, j]))

    def middle(self, j: int) -> float:
        """Mean of the estimates of school j over the draws in view (points)."""
        return float(self.draws[:, j].mean())

    def miss(self, j: int) -> float:
        """Root mean square distance of those estimates from the truth (points)."""
        return float(np.sqrt(np.mean((self.draws[:, j] - self.truth[j]) ** 2)))

    @property
    def firsts(self) -> int:
        """How many different schools stood first in the draws in view."""
        return len({int(np.nanargmax(draw)) for draw in self.draws})

    @property
    def unknown(self) -> int:
        """Schools whose own line cannot be estimated, were each to have its slope."""
        return int(np.isnan(self.varying.lines.alpha).sum())

    @property
    def reach(self) -> Floats:
        """(2J,) scores between which estimates lie in nearly every draw of students."""
        far = 3.5 * self.simulation.scenario.sigma_y / np.sqrt(self.n)
        return np.concatenate([self.truth - far, self.truth + far])

    @property
    def pretests(self) -> tuple[float, float]:
        """Between which nearly all pre-tests lie, in every draw of students (SDs)."""
        far = 3.0 * float(np.hypot(1.0, self.simulation.scenario.sigma_x))
        return -far, far

    @property
    def scores(self) -> tuple[float, float]:
        """Between which nearly all students score, in every draw of students."""
        far = 3.0 * sd_within(self.simulation.scenario)
        return float(self.truth.min() - far), float(self.truth.max() + far)

    def tables(
        self, domain: tuple[float, float], x_domain: tuple[float, float], *, truth: bool
    ) -> dict[str, Table]:
        """The tables of `mlm_core.charts.redraws`.

        Parameters
        ----------
        domain, x_domain : (low, high)
            Of the axes of estimates and of the pre-test. An estimate beyond its axis lies
            at the end of it, with its number beside.
        truth : bool
            Whether the truth is seen.
        """
        return {
            "redraws": self._redraws(domain, truth=truth),
            "lines": self._lines(x_domain),
            "students": self._students(),
        }

    def _redraws(self, domain: tuple[float, float], *, truth: bool) -> Table:
        """One row a school and draw."""
        low, high = domain
        base = estimates.schools_table(
            self.data, self.common.lines.alpha, np.nan, self.truth, str(self.names[self.picked])
        )[["row", "school", "label", "n", "truth", "truth_seen", "picked", "named"]]
        order = estimates.by_size(self.data)
        parts = []
        for age, draw in enumerate(self.draws[:, order]):
            missing = np.isnan(draw)
            alpha = np.clip(np.where(missing, low, draw), low, high)
            part = base.assign(
                age=age,
                id=[f"{name} {self._draw(age)}" for name in base["school"]],
                alpha=alpha,
                missing=missing,
                beyond=(draw < low) | (draw > high),
                truth_seen=(truth & ~missing).astype(float),
            )
            parts.append(part)
        table = stacked(parts)
        notes = self._notes(self.draws[0, order], low, high)
        told = [notes.get(row, ("", "start")) for row in range(len(order))]
        told += [("", "start")] * (len(table) - len(order))  # earlier draws have none
        return table.assign(note=[note for note, _ in told], place=[at for _, at in told])

    def _draw(self, age: int) -> int:
        """The number of the draw of students that is ``age`` draws old."""
        return self.simulation.scenario.redraw - age

    def _notes(self, now: Floats, low: float, high: float) -> dict[int, tuple[str, str]]:
        """What is written into rows that have no mark of their own, and at which end."""
        missing = np.flatnonzero(np.isnan(now))
        if len(now) > estimates.MOST_NAMES:
            middle = int(missing[len(missing) // 2]) if len(missing) else 0
            many = f"{len(missing)} schools: {UNKNOWN}"
            return {middle: (many, "start")} if len(missing) else {}
        notes = {int(row): (UNKNOWN, "start") for row in missing}
        for row in np.flatnonzero(now < low):
            notes[int(row)] = (f"← {now[row]:.0f}".replace("-", "−"), "low")
        for row in np.flatnonzero(now > high):
            notes[int(row)] = (f"{now[row]:.0f} →", "high")
        return notes

    def _lines(self, x_domain: tuple[float, float]) -> Table:
        """Two rows a school: the ends of its line; ``seen`` is 0 where it has none."""
        alpha, beta = self.fit.lines.alpha, self.fit.lines.beta
        known = np.isfinite(alpha)
        ends = [
            Table(
                {
                    "school": self.names,
                    "x": x,
                    "y": np.where(known, alpha + beta * x, self.common.lines.alpha),
                    "seen": known.astype(float),
                    "picked": np.arange(self.data.n_groups) == self.picked,
                }
            )
            for x in x_domain
        ]
        return stacked(ends)

    def _students(self) -> Table:
        """The students of the picked school; ``student`` counts them."""
        assert self.data.x is not None
        mine = self.data.j == self.picked
        return Table(
            {"student": np.arange(mine.sum()), "x": self.data.x[mine], "y": self.data.y[mine]}
        )


def facts(scenario: Scenario, school: str, slopes: Literal["common", "varying"]) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
        Its ``redraw`` says which draw of students is the newest; those before it count
        down to 0.
    school : str
        Name of the picked school.
    slopes : {"common", "varying"}
        Which no pooling is drawn.

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    newest = scenario.redraw
    worlds = [
        simulate(replace(scenario, redraw=draw))
        for draw in range(newest, max(newest - KEPT - 1, -1), -1)
    ]
    simulation = worlds[0]
    data = simulation.data
    drawn = [fit_no_pooling(world.data, slopes).lines.alpha for world in worlds]
    return Facts(
        simulation=simulation,
        slopes=slopes,
        common=fit_no_pooling(data, "common"),
        varying=fit_no_pooling(data, "varying"),
        draws=frozen(np.array(drawn)),
        picked=int(np.flatnonzero(data.labels.astype(str) == school)[0]),
        smallest=int(np.argmin(data.n)),
        largest=int(np.argmax(data.n)),
    )
