"""How far may a school's mean be off? All that the lesson says and draws."""

from __future__ import annotations


import numpy as np
from numpy.typing import NDArray

from mlm_core.data import DataError, Floats, GroupedData
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import Simulation, simulate
from mlm_core.table import Table


@record
class Facts:
    r"""Each school's own mean and its standard error.

    .. math::

        \bar y_j = \frac{1}{n_j} \sum_{i \in j} y_i, \qquad
        \mathrm{se}(\bar y_j) = \frac{\sigma_y}{\sqrt{n_j}}.

    Attributes
    ----------
    simulation : Simulation
        ``simulation.mean`` is the truth: the true mean of each school (points).
    own : (J,) array
        Each school's own mean (points).
    sigma_y : float
        Estimated SD of students around the mean of their school (points).
    picked, smallest, largest : int
        Schools by their place in ``data.labels``.
    """

    simulation: Simulation
    own: Floats
    sigma_y: float
    picked: int
    smallest: int
    largest: int

    @property
    def data(self) -> GroupedData:
        """The students."""
        return self.simulation.data

    @property
    def names(self) -> NDArray[np.str_]:
        """(J,) names of the schools."""
        return self.data.labels.astype(str)

    @property
    def truth(self) -> Floats:
        """(J,) true means (points)."""
        return self.simulation.mean

    @property
    def se(self) -> Floats:
        """(J,) standard errors of the own means (points)."""
        out: Floats = self.sigma_y / np.sqrt(self.data.n)
        return out

    @property
    def holding(self) -> int:
        """How many schools have their true mean within one standard error."""
        return int((np.abs(self.own - self.truth) <= self.se).sum())

    def tables(self, *, bars: bool, truth: bool) -> dict[str, Table]:
        """The table of `mlm_core.charts.my_figure`; what is not shown lies unseen.

        Parameters
        ----------
        bars, truth : bool
            Whether the standard errors, the true means are shown.
        """
        table = {
            "school": self.names,
            "n": self.data.n,
            "own": self.own,
            "low": self.own - self.se,
            "high": self.own + self.se,
            "truth": self.truth,
            "picked": np.arange(self.data.n_groups) == self.picked,
            "bar_seen": int(bars),
            "truth_seen": int(truth),
        }
        return {"schools": Table(table)}


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
        No school has two students, so that nothing is known of how they differ.
    """
    simulation = simulate(scenario)
    data = simulation.data
    free = data.n_students - data.n_groups
    if free == 0:
        raise DataError("Each school has one student.")
    own = data.group_means(data.y)
    return Facts(
        simulation=simulation,
        own=own,
        sigma_y=float(np.sqrt(((data.y - own[data.j]) ** 2).sum() / free)),
        picked=int(np.flatnonzero(data.labels.astype(str) == school)[0]),
        smallest=int(np.argmin(data.n)),
        largest=int(np.argmax(data.n)),
    )
