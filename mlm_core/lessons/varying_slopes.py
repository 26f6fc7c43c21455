"""What if the pre-test counts for more in some schools? All that the lesson says and draws."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mlm_core import origin
from mlm_core.data import Floats
from mlm_core.partial import fit_partial_pooling
from mlm_core.pooling import fit_no_pooling
from mlm_core.records import GroupLines, PartialPooling
from mlm_core.scenario import Hyperparameters, Scenario
from mlm_core.showing import record
from mlm_core.simulation import OfTown, Simulation, simulate
from mlm_core.table import Table, stacked

LOW, HIGH, STEPS, REST = -5.0, 3.0, 81, 50
"""Where the handle can put the zero of x; at step 50 it is where it was."""

PLACES = {"zero": 0, "mean": REST}
"""Steps of the handle by name: a raw score of 0, and of 500."""

BEYOND = 1.5
"""SDs of u by which the line of what schools are pulled to is drawn longer than they reach."""

START = Scenario(hyper=replace(Hyperparameters(), sigma_beta=2.0, b1=1.5))
"""Slopes differ more here than in the other lessons, so that it is seen."""


@record
class Facts(OfTown):
    r"""The lesson on varying slopes in one scenario, with one school picked.

    .. math::

        \begin{pmatrix} \alpha_j \\ \beta_j \end{pmatrix} \sim N\left(
        \begin{pmatrix} a_0 + b_0 u_j \\ a_1 + b_1 u_j \end{pmatrix}, \Sigma \right)

    Gelman & Hill (2007), section 13.1; with b = 0 unless ``with_u``.

    Attributes
    ----------
    simulation : Simulation
    own : GroupLines
        A regression for each school; NaN where it has no line of its own.
    fit : PartialPooling
        Varying intercepts and slopes, REML; with u if ``with_u``.
    given_u : PartialPooling
        The same with u.
    apart : PartialPooling
        As ``fit``, the correlation set to 0.
    with_u : bool
    picked : int
        A school by its place in ``data.labels``.
    at : (STEPS,) array
        The zero of x at each step of the handle.
    moved : tuple of Hyperparameters
        The estimates with x counted from there.
    rho_low, rho_high : (STEPS,) arrays
        The 95% interval of the correlation there.
    """

    simulation: Simulation
    own: GroupLines
    fit: PartialPooling
    given_u: PartialPooling
    apart: PartialPooling
    with_u: bool
    picked: int
    at: Floats
    moved: tuple[Hyperparameters, ...]
    rho_low: Floats
    rho_high: Floats

    @property
    def hyper(self) -> Hyperparameters:
        """The estimates, x counted from 500."""
        return self.fit.hyper

    @property
    def raw(self) -> Floats:
        """(STEPS,) zero of x in raw scores: mean 500, SD 100."""
        return 500.0 + 100.0 * self.at

    @property
    def steepest(self) -> int:
        """The school whose own line is the steepest."""
        return int(np.nanargmax(self.own.beta))

    @property
    def steepest_pooled(self) -> int:
        """The school whose line is the steepest by partial pooling."""
        return int(np.argmax(self.fit.lines.beta))

    @property
    def one_slope(self) -> bool:
        """Partial pooling gives all schools one slope, to a tenth of a point."""
        return float(np.ptp(self.fit.lines.beta)) < 0.05

    @property
    def known(self) -> NDArray[np.bool_]:
        """(J,) whether a school has a line of its own."""
        return np.isfinite(self.own.beta)

    @property
    def lost(self) -> tuple[float, float]:
        """Share of the spread of own intercepts, and of own slopes, that is pulled away."""
        return spread_lost(self.own, self.fit.lines)

    @property
    def more(self) -> str:
        """Which is pulled together more, to a whole percent: slopes, intercepts or neither."""
        intercepts, slopes = (round(100 * max(share, 0.0)) for share in self.lost)
        return "slopes" if slopes > intercepts else "intercepts" if intercepts > slopes else "same"

    @property
    def rho(self) -> tuple[float, float, float]:
        """The correlation at the first zero of x: estimate (NaN without one), low, high."""
        return self.hyper.rho, float(self.rho_low[REST]), float(self.rho_high[REST])

    @property
    def has_rho(self) -> bool:
        """Whether there is a correlation: both SDs are estimated above 0."""
        return not math.isnan(self.hyper.rho)

    @property
    def lean(self) -> int:
        """1 where a higher intercept goes with a steeper slope, -1 with a flatter one, else 0."""
        rho = self.hyper.rho
        return 0 if math.isnan(rho) or abs(rho) < 0.005 else 1 if rho > 0 else -1

    @property
    def settled(self) -> bool:
        """Whether the interval of the correlation leaves no doubt of its sign."""
        return bool(self.rho_low[REST] > 0 or self.rho_high[REST] < 0)

    @property
    def rise(self) -> float:
        """Points of slope that go with 10 points more of intercept."""
        if not self.hyper.sigma_alpha > 0 or math.isnan(self.hyper.rho):
            return 0.0
        return 10 * self.hyper.rho * self.hyper.sigma_beta / self.hyper.sigma_alpha

    @property
    def perfect(self) -> bool:
        """The correlation is estimated as exactly 1 or -1."""
        return abs(self.hyper.rho) == 1

    @property
    def gap(self) -> float:
        """How much larger the deviance is with a correlation of 0."""
        return self.apart.criterion - self.fit.criterion

    @property
    def clear_gap(self) -> float:
        """A `gap` above this speaks against a correlation of 0 (95%)."""
        return float(origin.CHI2_95)

    @property
    def undecided(self) -> bool:
        """Whether a correlation of 0 fits nearly as well, by a deviance 3.84 larger at most."""
        return self.gap <= self.clear_gap

    @property
    def b1(self) -> tuple[float, float]:
        """Estimate and standard error of b1."""
        return self.given_u.hyper.b1, self.given_u.se("b1")

    @property
    def b1_in_doubt(self) -> bool:
        """Whether b1 lies within two standard errors of 0."""
        estimate, se = self.b1
        return not abs(estimate) > 2 * se

    def _u(self, j: int) -> float:
        return 0.0 if self.data.u is None else float(self.data.u[j])

    @property
    def spending(self) -> float:
        """What the town spends on a student of the picked school (SDs)."""
        return self._u(self.picked)

    @property
    def true(self) -> Hyperparameters:
        """The true population; what u explains is spread unless u is in the model."""
        return origin.true_population(self.simulation.scenario, self.with_u)

    @property
    def closer(self) -> int:
        """Schools, of the `known`, whose slope partial pooling brings nearer to the truth."""
        error = abs(self.fit.lines.beta - self.simulation.beta)
        return int((error < abs(self.own.beta - self.simulation.beta))[self.known].sum())

    def misses(self, lines: GroupLines) -> float:
        """Root mean square error of slopes over the `known` schools."""
        return float(np.sqrt(np.mean((lines.beta - self.simulation.beta)[self.known] ** 2)))

    def heights(self, lines: GroupLines, j: int) -> Floats:
        """(STEPS,) height of a school's line at each zero of x: its intercept there."""
        out: Floats = lines.alpha[j] + self.at * lines.beta[j]
        return out

    def inside(self, slopes: tuple[float, float]) -> NDArray[np.bool_]:
        """(J,) whether a school's own slope is there and within the axis of slopes."""
        low, high = slopes
        return np.array([low <= beta <= high for beta in self.own.beta], dtype=bool)

    def hidden(self, slopes: tuple[float, float]) -> int:
        """Schools without an own dot: no line of their own, or one too steep for the axis."""
        return int((~self.inside(slopes)).sum())

    def tables(
        self, slopes: tuple[float, float], *, partial: bool, truth: bool
    ) -> dict[str, Table]:
        """The tables of `mlm_core.charts.slopes_plane`; what is not shown lies unseen.

        ``slopes`` is the axis of slopes: steeper own lines have no dot.
        """
        x = np.asarray(self.data.x)
        mine = (self.data.j == self.picked) & (x >= LOW) & (x <= HIGH)
        least, most = np.clip([x.min(), x.max()], LOW, HIGH)
        schools = self._schools(partial, truth, self.inside(slopes)).assign(
            steepest=np.arange(self.data.n_groups) == self.steepest,
            # its name stands where the panel has room
            side=np.where(self.own.beta > np.dot((0.25, 0.75), slopes), "right", "left"),
        )
        return {
            "schools": schools,
            "pulls": self._pulls(schools),
            "lines": self._lines(schools),
            "ellipses": self._ellipses(partial, truth),
            "targets": self._targets(partial),
            "origins": self._origins(partial),
            "students": Table({"x": x[mine], "y": self.data.y[mine]}),
            "reach": Table({"least": [least], "most": [most]}),
        }

    def _schools(self, partial: bool, truth: bool, inside: NDArray[np.bool_]) -> Table:
        """One row a school; a line that is not there lies, unseen, on the fitted one."""
        known, fit, true = self.known, self.fit.lines, self.simulation
        own = [
            np.where(known, o, f)
            for o, f in ((self.own.alpha, fit.alpha), (self.own.beta, fit.beta))
        ]
        front = [fit.alpha, fit.beta] if partial else own
        real = [true.alpha, true.beta] if truth else front
        return Table(
            {
                "school": self.names,
                "n": self.data.n,
                "own_alpha": own[0],
                "own_beta": own[1],
                "own_seen": inside.astype(float),
                "alpha": front[0],
                "beta": front[1],
                "line_seen": np.ones(len(known)) if partial else known.astype(float),
                "dot_seen": np.ones(len(known)) if partial else inside.astype(float),
                "own_line": known.astype(float),
                "partial_seen": float(partial),
                "true_alpha": real[0],
                "true_beta": real[1],
                "truth_seen": float(truth),
                "picked": np.arange(len(known)) == self.picked,
            }
        )  # fmt: skip

    def _pulls(self, schools: Table) -> Table:
        """Two rows a school: from its own line to the fitted one."""
        ends = [
            schools[["school"]].assign(
                end=k, alpha=schools[f"{kind}alpha"], beta=schools[f"{kind}beta"],
                seen=schools["own_seen"] * schools["partial_seen"], picked=schools["picked"],
            )
            for k, kind in enumerate(("own_", ""))
        ]  # fmt: skip
        return stacked(ends)

    def _lines(self, schools: Table) -> Table:
        """Two rows a line: the one in front of each school; own and true of the picked one."""
        parts = []
        for kind, name, seen in (
            ("", "front", schools["line_seen"]),
            ("own_", "own", schools["own_line"] * schools["picked"]),
            ("true_", "true", schools["truth_seen"] * schools["picked"]),
        ):
            kept = np.full(len(schools), True) if name == "front" else schools["picked"]
            of = schools.rows(kept)
            for x in (LOW, HIGH):
                y = of[f"{kind}alpha"] + x * of[f"{kind}beta"]
                parts.append(
                    of[["school", "picked", "partial_seen"]].assign(
                        kind=name, x=x, y=y, seen=seen[kept], order=of["picked"].astype(int)
                    )
                )
        table = stacked(parts)
        keys = [table[name] for name in ("x", "school", "order", "kind")]
        return table.rows(np.lexsort(keys))

    def _ellipses(self, partial: bool, truth: bool) -> Table:
        """50% and 95% of the schools with the u of the picked one."""
        u, parts = self.spending, []
        point = replace(self.hyper, sigma_alpha=0.0, sigma_beta=0.0)
        shown = self.hyper if partial else point
        for of, hyper, seen in (
            ("fitted", shown, partial),
            ("true", self.true if truth else shown, truth),
        ):
            for share in (0.5, 0.95):
                alpha, beta = origin.ellipse(hyper, share, u)
                columns = {"k": np.arange(len(alpha)), "alpha": alpha, "beta": beta}
                parts.append(Table(columns).assign(of=of, share=share, seen=float(seen)))
        return stacked(parts)

    def _targets(self, partial: bool) -> Table:
        """What schools are pulled to: beyond all u at both ends, and at the picked one's."""
        known = np.zeros(1) if self.data.u is None else self.data.u
        u = np.array([known.min() - BEYOND, self.spending, known.max() + BEYOND])
        return Table(
            {
                "k": [0, 1, 2],
                "mine": [False, True, False],
                "alpha": self.hyper.a0 + self.hyper.b0 * u,
                "beta": self.hyper.a1 + self.hyper.b1 * u,
                "seen": float(partial),
            }
        )

    def _origins(self, partial: bool) -> Table:
        """One row a step: where zero is, and the correlation there."""
        step = np.arange(STEPS)
        said = [
            "no correlation" if math.isnan(m.rho) else f"correlation {m.rho:.2f}".replace("-", "−")
            for m in self.moved
        ]
        return Table(
            {
                "step": step,
                "at": self.at,
                "caption": said if partial else [""] * STEPS,
                "resting": step == REST,
            }
        )


def spread_lost(own: GroupLines, fit: GroupLines) -> tuple[float, float]:
    """Share of the spread of intercepts, and of slopes, that partial pooling takes away.

    One minus the ratio of the SDs over the schools that have a line of their own; 0 where
    there is no spread to take, or fewer than two such schools.

    Examples
    --------
    >>> one, zero = np.array([1.0, 3.0]), np.zeros(2)
    >>> spread_lost(GroupLines(one, one, zero, zero), GroupLines(one, 2 + zero, zero, zero))
    (0.0, 1.0)
    """
    known = np.isfinite(own.beta)
    shares = []
    for mine, pulled in ((own.alpha, fit.alpha), (own.beta, fit.beta)):
        before = float(mine[known].std()) if known.sum() > 1 else 0.0
        shares.append(1 - float(pulled[known].std()) / before if before > 0 else 0.0)
    return shares[0], shares[1]


def facts(scenario: Scenario, school: str, with_u: bool = False) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
    school : str
        Name of the picked school.
    with_u : bool
        Whether u predicts intercepts and slopes.

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    found = _fitted(scenario, with_u)
    return replace(found, picked=int(np.flatnonzero(found.data.labels.astype(str) == school)[0]))


@lru_cache(maxsize=8)
def _fitted(scenario: Scenario, with_u: bool) -> Facts:
    """All but the picked school: what is the same whichever it is."""
    simulation = simulate(scenario)
    data = simulation.data
    given_u = fit_partial_pooling(data, "varying", group_predictor=True)
    fit = given_u if with_u else fit_partial_pooling(data, "varying", group_predictor=False)
    at = np.linspace(LOW, HIGH, STEPS)
    low, high = origin.rho_intervals(data, fit, at)
    return Facts(
        simulation=simulation,
        own=fit_no_pooling(data, "varying").lines,
        fit=fit,
        given_u=given_u,
        apart=fit_partial_pooling(data, "uncorrelated", group_predictor=with_u),
        with_u=with_u,
        picked=0,
        at=at,
        moved=tuple(origin.move_origin(fit.hyper, float(c)) for c in at),
        rho_low=low,
        rho_high=high,
    )
