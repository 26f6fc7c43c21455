"""What makes a regression multilevel? All that the lesson says and draws."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from mlm_core import estimates
from mlm_core.data import Floats
from mlm_core.origin import true_population
from mlm_core.partial import fit_partial_pooling
from mlm_core.pooling import fit_no_pooling
from mlm_core.records import GroupLines, PartialPooling
from mlm_core.scenario import Hyperparameters, Scenario
from mlm_core.showing import record
from mlm_core.simulation import OfTown, Simulation, simulate
from mlm_core.table import Table, stacked

Layer = Literal["students", "lines", "points", "model"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
"""What the figure shows, each added to those before it."""

IN_95_TOWNS = (-20.0, 20.0)
"""Between these lies b0 in about 95 of 100 draws of the default town with three schools."""

DRAWN = 400
"""Of more students than this only every second, third, ... is drawn."""


class Estimate(NamedTuple):
    """A hyperparameter: its estimate, the standard error (NaN for an SD), its truth."""

    name: str
    value: float
    se: float
    truth: float


@record
class Facts(OfTown):
    r"""A regression of students whose intercepts have a regression of their own.

    .. math::

        y_i &= \alpha_{j[i]} + \beta x_i + \epsilon_i, & \epsilon_i &\sim N(0, \sigma_y^2) \\
        \alpha_j &= a_0 + b_0 u_j + \eta_j, & \eta_j &\sim N(0, \sigma_\alpha^2)

    Source: Gelman & Hill (2007), section 1.1.

    Attributes
    ----------
    simulation : Simulation
        ``simulation.alpha`` is the truth: each school's true height at x = 0 (points).
    own : GroupLines
        The first regression alone: an indicator for each school, one slope for all.
    fit : PartialPooling
        Both regressions at once, REML.
    picked : int
        Its place in ``data.labels``.
    new_u : float
        u of a school that nobody has seen (SDs).
    """

    simulation: Simulation
    own: GroupLines
    fit: PartialPooling
    picked: int
    new_u: float

    @property
    def x(self) -> Floats:
        """(n,) the pre-test (SDs)."""
        assert self.data.x is not None
        return self.data.x

    @property
    def u(self) -> Floats:
        """(J,) the school-level predictor (SDs)."""
        assert self.data.u is not None
        return self.data.u

    @property
    def hyper(self) -> Hyperparameters:
        """Estimates of the school-level model."""
        return self.fit.hyper

    @property
    def slope(self) -> float:
        """The slope of the first regression by itself (points for one unit of x)."""
        return float(self.own.beta[0])

    def expected(self, u: float) -> float:
        """Intercept that the school-level model expects at u: :math:`a_0 + b_0 u` (points)."""
        return self.hyper.a0 + self.hyper.b0 * u

    def as_printed(self, u: float) -> float:
        """`expected` by the estimates as the page prints them, to a tenth of a point."""
        return round(self.hyper.a0, 1) + round(self.hyper.b0, 1) * u

    @property
    def on_the_line(self) -> bool:
        """The SD around the school line is estimated as exactly 0."""
        return self.hyper.sigma_alpha == 0

    @property
    def hyperparameters(self) -> list[Estimate]:
        """The three hyperparameters, estimate beside truth."""
        true = true_population(self.simulation.scenario, with_u=True)
        return [
            Estimate(name, getattr(self.hyper, name), self.fit.se(name), getattr(true, name))
            for name in ("a0", "b0", "sigma_alpha")
        ]

    def drawn(self) -> int:
        """How many students the figure draws."""
        return len(estimates.marked_students(self.data, str(self.names[self.picked]), DRAWN))

    def tables(
        self,
        layer: Layer,
        x_domain: tuple[float, float],
        u_domain: tuple[float, float],
        *,
        truth: bool,
        new: bool,
    ) -> dict[str, Table]:
        """The tables of `mlm_core.charts.two_levels`; what is not shown lies unseen.

        Parameters
        ----------
        layer : {"students", "lines", "points", "model"}
            Up to which layer is shown.
        x_domain, u_domain : (low, high)
            Over which lines are drawn.
        truth, new : bool
            Whether the truth, and a new school, are shown; the truth once there are points.
        """
        name = str(self.names[self.picked])
        u = np.array(u_domain)
        line, sd = self.hyper.a0 + self.hyper.b0 * u, self.hyper.sigma_alpha
        shown = float(layer == "model")
        at = self.expected(self.new_u)
        return {
            "students": estimates.marked_students(self.data, name, DRAWN),
            "schools": self._schools(LAYERS.index(layer), sum(u_domain) / 2, truth),
            "lines": self._lines(LAYERS.index(layer), x_domain),
            "model": Table(
                {"u": u, "line": line, "low": line - sd, "high": line + sd, "seen": shown}
            ),
            "new": Table({"u": [self.new_u], "line": at, "low": at - sd, "high": at + sd}).assign(
                seen=float(new)
            ),
            "headings": self._headings(layer),
        }

    def _schools(self, layer: int, middle: float, truth: bool) -> Table:
        alpha = self.fit.lines.alpha if layer == 3 else self.own.alpha
        truth = truth and layer >= 2  # a diamond belongs to a point
        away = alpha - self.own.alpha + (self.simulation.alpha - self.own.alpha if truth else 0.0)
        schools = Table(
            {
                "school": self.names,
                "n": self.n,
                "u": self.u,
                "own": self.own.alpha,
                "alpha": alpha,
                "truth": self.simulation.alpha if truth else alpha,
                "line_seen": float(layer >= 1),
                "point_seen": float(layer >= 2),
                "model_seen": float(layer >= 3),
                "truth_seen": float(truth),
                "picked": np.arange(self.data.n_groups) == self.picked,
                "below": away > 0,  # the name stands clear of its other marks
                "side": np.where(self.u > middle, "right", "left"),
            }
        )
        return schools.rows(estimates.by_size(self.data))

    def _lines(self, layer: int, x_domain: tuple[float, float]) -> Table:
        """Two rows a line, its ends; of the picked school its own line besides."""
        now = self.fit.lines if layer == 3 else self.own
        j = [self.picked]
        mine = estimates.line_table(
            "own", self.names[j], self.own.alpha[j], self.own.beta[j], x_domain
        )
        table = stacked(
            [
                estimates.line_table("front", self.names, now.alpha, now.beta, x_domain).assign(
                    seen=float(layer >= 1)
                ),
                mine.assign(seen=float(layer == 3)),
            ]
        )
        return table.assign(
            picked=table["school"] == self.names[self.picked], model_seen=float(layer == 3)
        )

    def _headings(self, layer: Layer) -> Table:
        all_, drawn = self.data.n_students, self.drawn()
        students = f"{all_} students" if drawn == all_ else f"{drawn} of {all_} students"
        schools = f"{self.data.n_groups} schools" if layer in ("points", "model") else "schools"
        return Table({"students": [students], "schools": [schools]})


def facts(scenario: Scenario, school: str, new_u: float) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
    school : str
        Name of the picked school.
    new_u : float
        u of a school that nobody has seen (SDs).

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    simulation = simulate(scenario)
    data = simulation.data
    return Facts(
        simulation=simulation,
        own=fit_no_pooling(data).lines,
        fit=fit_partial_pooling(data, group_predictor=True),
        picked=int(np.flatnonzero(data.labels.astype(str) == school)[0]),
        new_u=new_u,
    )
