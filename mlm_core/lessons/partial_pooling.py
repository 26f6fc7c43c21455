"""How far should a school be pulled to the others? All that the lesson says and draws."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from mlm_core import estimates
from mlm_core.data import Floats, frozen
from mlm_core.partial import fit_partial_pooling
from mlm_core.path import pooling_path
from mlm_core.records import PartialPooling, PoolingPath
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import OfTown, Simulation, simulate
from mlm_core.table import Table

YEARS = 10
"""Years to come that the estimates are held against."""

LATER = "more in step 3"
"""Stands over the axis of the handle while it has nothing to show."""


@record
class Facts(OfTown):
    r"""The lesson on partial pooling in one scenario, with one school picked.

    The pre-test is left out, so that partial pooling is the plain weighted average of
    Gelman & Hill (2007), equation 12.1:

    .. math::

        \hat\alpha_j = w_j \bar y_j + (1 - w_j) a_0, \qquad
        w_j = \frac{n_j/\sigma_y^2}{n_j/\sigma_y^2 + 1/\sigma_\alpha^2}.

    Attributes
    ----------
    simulation : Simulation
        Without x. ``simulation.mean`` is the truth: the true mean of each school.
    fit : PartialPooling
        Varying intercepts, REML.
    path : PoolingPath
        The same at each step of the handle; ``path.sigma_alpha[rest]`` is the estimate.
    own : (J,) array
        Each school's own mean this year.
    complete : float
        The mean of all students: complete pooling.
    rest : int
        The step at which the handle rests.
    picked, smallest, largest : int
        Schools by their place in ``data.labels``; of several smallest the highest.
    """

    simulation: Simulation
    fit: PartialPooling
    path: PoolingPath
    own: Floats
    complete: float
    rest: int
    picked: int
    smallest: int
    largest: int

    @property
    def truth(self) -> Floats:
        """(J,) true means."""
        return self.simulation.mean

    @property
    def years(self) -> Floats:
        """(YEARS, J) own means in the years to come (new students, nothing else)."""
        return _years(self.simulation.scenario)

    @property
    def later(self) -> Floats:
        """(J,) own means of next year."""
        out: Floats = self.years[0]
        return out

    @property
    def partial(self) -> Floats:
        """(J,) estimates by partial pooling."""
        return self.fit.lines.alpha

    @property
    def sigma_alpha(self) -> float:
        """Estimated SD between schools (points)."""
        return self.fit.hyper.sigma_alpha

    @property
    def icc(self) -> float:
        r"""Intraclass correlation :math:`\sigma_\alpha^2/(\sigma_\alpha^2+\sigma_y^2)`."""
        return self.sigma_alpha**2 / (self.sigma_alpha**2 + self.fit.sigma_y**2)

    @property
    def alike(self) -> bool:
        """All schools are pulled the same share: none differ in size, or the SD is 0."""
        return self.sigma_alpha == 0 or int(self.data.n.min()) == int(self.data.n.max())

    @property
    def true_sd(self) -> float:
        """True SD between schools, what u explains included (points)."""
        hyper = self.simulation.scenario.hyper
        return float(np.hypot(hyper.sigma_alpha, hyper.b0))

    @property
    def half(self) -> float:
        r"""Students whose mean weighs as much as the common: :math:`\sigma_y^2/\sigma_\alpha^2`."""
        return self.fit.sigma_y**2 / self.sigma_alpha**2 if self.sigma_alpha > 0 else np.inf

    @property
    def halves(self) -> Floats:
        """(K,) the same at each step of the handle."""
        with np.errstate(divide="ignore"):
            out: Floats = self.path.sigma_y**2 / self.path.sigma_alpha**2
        return out

    @property
    def middle(self) -> int:
        """Half of the schools have fewer students than this, or as many."""
        return int(np.ceil(np.median(self.data.n)))

    @property
    def share(self) -> Floats:
        """(K, J) share of its way that each school is pulled, at each step of the handle."""
        shares: Floats = np.round(1.0 - self.path.weight, 9)
        return shares

    def pulled(self, j: int) -> float:
        """Share of the way to the common mean that school j is pulled, at the estimate."""
        return float(self.share[self.rest, j])

    @property
    def far_off(self) -> int:
        """The school whose mean of next year lies farthest from its estimate."""
        return int(np.argmax(abs(self.partial - self.later)))

    @property
    def usual(self) -> Facts:
        """The same town without its extraordinary school."""
        scenario = replace(self.simulation.scenario, extraordinary=0.0)
        return facts(scenario, str(self.names[self.picked]))

    @property
    def outside(self) -> int:
        """Schools whose mean of next year lies outside the bar of a standard error."""
        return int((abs(self.later - self.partial) > self.path.se_alpha[self.rest]).sum())

    def fits(self, sigma_alpha: float) -> float:
        """Likelihood of an SD between schools, as a share of the highest."""
        path = pooling_path(self.data, np.array([sigma_alpha, self.sigma_alpha]))
        return float(np.exp(path.log_likelihood[0] - path.log_likelihood[1]))

    @property
    def closer(self) -> int:
        """Schools that partial pooling brings closer to their true means."""
        return int((abs(self.partial - self.truth) < abs(self.own - self.truth)).sum())

    def misses(self, estimate: Floats, target: Floats) -> float:
        """Root mean square of the schools' errors, over years if there are several (points)."""
        return float(np.sqrt(np.mean((estimate - target) ** 2)))

    def tables(self, *, partial: bool, truth: bool, later: bool) -> dict[str, Table]:
        """The tables of `mlm_core.charts.pooling_path`; what is not shown lies unseen."""
        schools = estimates.schools_table(
            self.data,
            self.own,
            self.complete,
            self.truth if truth else None,
            str(self.names[self.picked]),
            self.later if later else None,
        )
        path = estimates.path_table(self.path, self.data, self.rest)
        hill = estimates.likelihood_table(self.path, self.sigma_alpha, self.rest)
        if not partial:
            schools = schools.assign(partial_seen=0.0)
            own = np.tile(schools["own"], len(self.path.sigma_alpha))
            path = path.assign(alpha=own, low=own, high=own, pulled=0.0)
            hill = hill.assign(likelihood=0.0, a0=np.nan, estimate=False, caption=LATER)
        return {"schools": schools, "path": path, "likelihood": hill}


@lru_cache(maxsize=32)
def _years(scenario: Scenario) -> Floats:
    """Own means in the years to come; drawn only where they are asked for."""
    after = (replace(scenario, redraw=scenario.redraw + k) for k in range(1, YEARS + 1))
    drawn = [simulate(year).data for year in after]
    means: Floats = frozen(np.stack([year.group_means(year.y) for year in drawn]))
    return means


def without_x(simulation: Simulation) -> Simulation:
    """The same schools with their scores only."""
    return replace(simulation, data=replace(simulation.data, x=None))


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
        The data cannot be fitted; the sentence says why.
    """
    simulation = without_x(simulate(scenario))
    data = simulation.data
    fit = fit_partial_pooling(data, group_predictor=False)
    own = data.group_means(data.y)
    small = np.flatnonzero(data.n == data.n.min())
    return Facts(
        simulation=simulation,
        fit=fit,
        path=pooling_path(data, estimates.handle_grid(fit.hyper.sigma_alpha), fit=fit),
        own=own,
        complete=float(data.y.mean()),
        rest=estimates.resting_place(fit.hyper.sigma_alpha),
        picked=int(np.flatnonzero(data.labels.astype(str) == school)[0]),
        smallest=int(small[np.argmax(own[small])]),
        largest=int(np.argmax(data.n)),
    )
