"""What does a school-level predictor add? All that the lesson says and draws."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from mlm_core import estimates
from mlm_core.data import Floats, GroupedData, Ints
from mlm_core.origin import true_population
from mlm_core.partial import fit_partial_pooling
from mlm_core.pooling import fit_no_pooling
from mlm_core.records import PartialPooling
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import simulate
from mlm_core.table import Table

if TYPE_CHECKING:
    import pandas as pd

Target = Literal["mean", "line"]

IN_THE_BOOK = (0.33, 0.16)
"""SD between counties without and with uranium as Gelman & Hill (2007), section 12.6, print it."""

RISES = "two out of three"
"""Draws of the default town with a useless u in which the estimated SD is larger with u."""

SPELT = {
    "Bigstone": "Big Stone",
    "Blueearth": "Blue Earth",
    "Crowwing": "Crow Wing",
    "Lacquiparle": "Lac qui Parle",
    "Lakeofthewoods": "Lake of the Woods",
    "Lesueur": "Le Sueur",
    "Mcleod": "McLeod",
    "Millelacs": "Mille Lacs",
    "Ottertail": "Otter Tail",
    "Stlouis": "St. Louis",
    "Yellowmedicine": "Yellow Medicine",
}
"""Counties whose names the file writes in one word."""


@record
class Facts:
    r"""Varying intercepts without and with a school-level predictor, one school picked.

    .. math::

        y_i = \alpha_{j[i]} + \beta x_i + \epsilon_i, \qquad
        \alpha_j = a_0 + b_0 u_j + \eta_j, \quad \eta_j \sim N(0, \sigma_\alpha^2);

    without u, :math:`b_0 = 0` (Gelman & Hill 2007, section 12.6).

    Attributes
    ----------
    data : GroupedData
        With x and u.
    own : (J,) array
        Intercepts without pooling, one slope for all.
    without, with_u : PartialPooling
        Both by REML.
    truth : (J,) array or None
        True intercepts; None where nobody knows them.
    true_sd : (float, float) or None
        True SD between schools, what u explains included and not.
    picked : int
        Its place in ``data.labels``.
    scenario : Scenario or None
        Of the simulation; None for data that are not simulated.
    """

    data: GroupedData
    own: Floats
    without: PartialPooling
    with_u: PartialPooling
    truth: Floats | None
    true_sd: tuple[float, float] | None
    picked: int
    scenario: Scenario | None = None

    @property
    def names(self) -> NDArray[np.str_]:
        """(J,) names of the schools."""
        return self.data.labels.astype(str)

    @property
    def n(self) -> Ints:
        """(J,) students of each school."""
        return self.data.n

    @property
    def u(self) -> Floats:
        """(J,) the school-level predictor."""
        assert self.data.u is not None
        return self.data.u

    def fit(self, target: Target) -> PartialPooling:
        """The model that pulls schools to one mean, or to a line on u."""
        return self.with_u if target == "line" else self.without

    def pulled_to(self, target: Target, j: int) -> float:
        """What school j is pulled to: the mean, or the line at its own u."""
        hyper = self.fit(target).hyper
        return float(hyper.a0 + hyper.b0 * self.u[j])

    @property
    def sd(self) -> tuple[float, float]:
        """Estimated SD between schools, without and with u."""
        return self.without.hyper.sigma_alpha, self.with_u.hyper.sigma_alpha

    @property
    def explained(self) -> float:
        r"""Share of the variance between schools that u explains, as estimated.

        :math:`1 - \sigma_{\alpha,u}^2 / \sigma_\alpha^2`; negative where the SD rises, 0
        where there is nothing to explain.
        """
        before, after = self.sd
        return 1.0 - after**2 / before**2 if before > 0 else 0.0

    @property
    def truly_explained(self) -> float | None:
        """Share of the variance between schools that u truly explains; None if nobody knows."""
        if self.true_sd is None:
            return None
        before, after = self.true_sd
        return 1.0 - after**2 / before**2 if before > 0 else 0.0

    def printed_share(self, power: int) -> float:
        """One minus the ratio of the SDs as the page prints them, or of their squares.

        To two digits; 0 where nothing is left to compare.
        """
        before, after = (round(sd, 2) for sd in self.sd)
        return 1.0 - (after / before) ** power if before > 0 else 0.0

    def weight(self, j: int) -> float:
        """Weight of the own students of school j in the model with u."""
        hyper, n = self.with_u.hyper, float(self.n[j])
        return n * hyper.sigma_alpha**2 / (n * hyper.sigma_alpha**2 + self.with_u.sigma_y**2)

    def own_part(self, j: int) -> float:
        r"""Mean score of school j less what x says: :math:`\bar y_j - \beta \bar x_j`."""
        assert self.data.x is not None
        mine = self.data.j == j
        return float(self.data.y[mine].mean() - self.with_u.hyper.a1 * self.data.x[mine].mean())

    def miss(self, target: Target) -> float:
        """Root mean square distance of the estimates from the truth."""
        assert self.truth is not None
        return float(np.sqrt(np.mean((self.fit(target).lines.alpha - self.truth) ** 2)))

    @property
    def closer(self) -> int:
        """Schools that are nearer to their true intercepts with u than without."""
        assert self.truth is not None
        with_u, without = (abs(self.fit(t).lines.alpha - self.truth) for t in ("line", "mean"))
        return int((with_u < without).sum())

    def tables(
        self, target: Target, u_domain: tuple[float, float], *, truth: bool
    ) -> dict[str, Table]:
        """The tables of `mlm_core.charts.intercepts`.

        Parameters
        ----------
        target : {"mean", "line"}
            What schools are pulled to.
        u_domain : (low, high)
            Over which the target is drawn.
        truth : bool
            Whether the truth is seen; where there is none it is not.
        """
        fit, seen = self.fit(target), truth and self.truth is not None
        middle = sum(u_domain) / 2
        schools = Table(
            {
                "school": self.names,
                "n": self.n,
                "u": self.u,
                "own": self.own,
                "alpha": fit.lines.alpha,
                "truth": self.own if self.truth is None or not seen else self.truth,
                "truth_seen": float(seen),
                "picked": np.arange(self.data.n_groups) == self.picked,
                "side": np.where(self.u > middle, "right", "left"),
            }
        )
        u, hyper = np.array(u_domain), fit.hyper
        line = hyper.a0 + hyper.b0 * u
        low, high = line - hyper.sigma_alpha, line + hyper.sigma_alpha
        return {
            "schools": schools.rows(estimates.by_size(self.data)),
            "target": Table({"u": u, "line": line, "low": low, "high": high}),
        }


def facts(scenario: Scenario, school: str) -> Facts:
    """Compute the lesson in the town.

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    made = simulate(scenario)
    true = [true_population(scenario, with_u) for with_u in (False, True)]
    sds = (true[0].sigma_alpha, true[1].sigma_alpha)
    return replace(_facts(made.data, school, made.alpha, sds), scenario=scenario)


def facts_of_data(data: GroupedData, group: str) -> Facts:
    """Compute the lesson for data whose truth nobody knows."""
    return _facts(data, group, None, None)


def _facts(
    data: GroupedData, picked: str, truth: Floats | None, sds: tuple[float, float] | None
) -> Facts:
    return Facts(
        data=data,
        own=fit_no_pooling(data).lines.alpha,
        without=fit_partial_pooling(data, group_predictor=False),
        with_u=fit_partial_pooling(data, group_predictor=True),
        truth=truth,
        true_sd=sds,
        picked=int(np.flatnonzero(data.labels.astype(str) == picked)[0]),
    )


def radon(houses: pd.DataFrame) -> GroupedData:
    """The houses of the radon file: counties for schools, houses for students.

    ``y`` is log radon, ``x`` the floor (0 basement, 1 first floor), ``u`` log uranium.
    Houses in the order of their counties.
    """
    titled = houses["county"].str.title()
    named = houses.assign(county=titled.replace(SPELT)).sort_values("county", kind="stable")
    return GroupedData.from_frame(named, y="log_radon", group="county", x="floor", u="log_uranium")
