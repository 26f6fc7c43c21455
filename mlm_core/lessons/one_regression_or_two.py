"""Why not fit the schools first and then regress? All that the lesson says and draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import DataError, Floats, GroupedData, frozen
from mlm_core.replication import TwoSteps, two_steps, world
from mlm_core.scenario import Hyperparameters, Scenario
from mlm_core.showing import record
from mlm_core.simulation import simulate
from mlm_core.table import Table, stacked

Slopes = Literal["common", "varying"]

WORLDS = 500
"""Simulated towns on which both ways are tried."""

SHOWN = 31
"""Worlds that are drawn with all their schools: the steps of the handle."""

EVERY = 4
"""Of the estimates of all worlds every fourth is drawn as a dot."""

MOST_JUDGED = 100
"""Worlds in which the pulled estimates are judged; fewer where schools are large and many."""

QUANTITIES = ("sigma_alpha", "b0", "error")

MARGIN = 0.15
"""Share of the true SD by which a mean estimate must lie above it to be called too large."""

START = Scenario(hyper=Hyperparameters(sigma_alpha=3.0, sigma_beta=0.0, b1=0.0))
"""Schools are more alike here than in the other lessons, so that noise stands out."""

LARGE = replace(START, students_per_group=80, imbalance=0.0)
TINY = replace(START, students_per_group=3)


@dataclass(frozen=True, slots=True)
class OverWorlds:
    """How one way of fitting did over all worlds.

    Attributes
    ----------
    b0, sigma_alpha : float
        Means of the estimates.
    spread_b0 : float
        SD of the estimates of b0: how far they swing from world to world.
    stated_b0 : float
        Root mean square of the standard errors that the fits state for b0.
    zero : float
        Share of worlds in which ``sigma_alpha`` is estimated as exactly 0.
    """

    b0: float
    sigma_alpha: float
    spread_b0: float
    stated_b0: float
    zero: float


@record
class Judged:
    """The schools' estimates in the first worlds, of schools that have a line of their own.

    Attributes
    ----------
    alpha, true : (K, J) arrays
        Own intercepts (NaN without an own line) and true ones.
    start : (K,) array
        Intercept of the second step.
    own, two, both : (K,) arrays
        Root mean square errors in each world: own intercepts; these pulled to the line of the
        second step by its ``sigma_alpha``; the multilevel model's.
    pulled_two, pulled_both : (K, J) arrays
        Share of its way to the line that each school is pulled; NaN without an own line.
    """

    alpha: Floats
    true: Floats
    start: Floats
    own: Floats
    two: Floats
    both: Floats
    pulled_two: Floats
    pulled_both: Floats


@record
class Facts:
    r"""The lesson on two steps in one scenario, over many worlds of it.

    The residual variance of the second step is, on average over worlds,

    .. math:: \sigma_\alpha^2 + \frac{1}{J-2} \sum_j (1 - h_j)\, \mathrm{se}_j^2,

    with :math:`h_j` the leverage of school j in the regression on u and :math:`\mathrm{se}_j`
    the standard error of its own intercept; ``noise`` is the root of the second term. (A
    common slope has one more term, which is small: its error is shared by the schools.)

    Attributes
    ----------
    scenario : Scenario
        With one true slope for all schools, and no more in it than both ways know of.
    slopes : {"varying", "common"}
        First step: a regression for each school, or one slope for all.
    found : TwoSteps
        Both ways in `WORLDS` worlds.
    two, both : OverWorlds
    judged : Judged
    noise : float
        SD of the sampling noise in the second step (points).
    data : GroupedData
        The students of the first world.
    picked : int
    """

    scenario: Scenario
    slopes: Slopes
    found: TwoSteps
    two: OverWorlds
    both: OverWorlds
    judged: Judged
    noise: float
    data: GroupedData
    picked: int

    @property
    def names(self) -> NDArray[np.str_]:
        """(J,) names of the schools."""
        return self.data.labels.astype(str)

    @property
    def true_sd(self) -> float:
        """True SD between schools beyond u (points)."""
        return self.scenario.hyper.sigma_alpha

    @property
    def overstated(self) -> tuple[bool, bool]:
        """Whether the mean estimate is clearly too large: (two steps, multilevel)."""
        limit = self.true_sd + MARGIN * max(self.true_sd, 1.0)
        return self.two.sigma_alpha > limit, self.both.sigma_alpha > limit

    @property
    def expected_two(self) -> float:
        """Root of the mean residual variance of the second step, from the formula."""
        return float(np.hypot(self.true_sd, self.noise))

    @property
    def left_out(self) -> int:
        """Schools without a line of their own: two steps leave them out."""
        return int((~self.found.used).sum())

    @property
    def used(self) -> bool:
        """Whether the picked school has a line of its own."""
        return bool(self.found.used[self.picked])

    @property
    def swing(self) -> float:
        """How much more b0 swings with two steps, as a share: from the SDs to 0.01 points."""
        two, both = (round(way.spread_b0, 2) for way in (self.two, self.both))
        return two / both - 1 if both else 0.0

    @property
    def middle_size(self) -> float:
        """Students of the median school."""
        return float(np.median(self.data.n))

    @property
    def smallest(self) -> int:
        """The smallest school with a line of its own."""
        size = np.where(self.found.used, self.data.n, np.iinfo(np.intp).max)
        return int(np.argmin(size))

    @property
    def errors(self) -> tuple[float, float, float]:
        """Root mean square errors over the judged worlds: own, two steps, multilevel."""
        judged = (self.judged.own, self.judged.two, self.judged.both)
        own, two, both = (float(np.sqrt(np.mean(e**2))) for e in judged)
        return own, two, both

    @property
    def wins(self) -> float:
        """Share of the judged worlds in which the multilevel estimates miss less."""
        return float((self.judged.both < self.judged.two).mean())

    @property
    def largest(self) -> int:
        """The largest school."""
        return int(np.argmax(self.data.n))

    @property
    def one(self) -> int:
        """The picked school; the smallest with a line of its own where it has none."""
        return self.picked if self.used else self.smallest

    @property
    def weight(self) -> float:
        """What the smallest school counts in the multilevel model, as a share of the largest."""
        small, large = self.data.n[self.smallest], self.data.n[self.largest]
        noise = self.scenario.sigma_y**2
        return float((self.true_sd**2 + noise / large) / (self.true_sd**2 + noise / small))

    @property
    def se(self) -> Floats:
        """(J,) standard errors of the own intercepts, the same in every world."""
        return np.sqrt(own_variance(self.data, self.slopes, self.scenario.sigma_y))

    @property
    def ends(self) -> tuple[float, float]:
        """The values of u between which lines are drawn."""
        reach = float(np.abs(self._u).max())
        end = next(end for end in (2.0, 4.0, 8.0) if reach <= end or end == 8)
        return -end, end

    @property
    def _u(self) -> Floats:
        return np.zeros(self.data.n_groups) if self.data.u is None else self.data.u

    def reach(self, quantity: str) -> Floats:
        """Values that an axis of a quantity should hold: all but the last 2% on either side."""
        values = np.concatenate(self.values(quantity))
        truth = {"sigma_alpha": self.true_sd, "b0": self.scenario.hyper.b0}.get(quantity, 0.0)
        return np.append(np.quantile(values, [0.02, 0.98]), truth)

    @property
    def scores(self) -> Floats:
        """Values that the axis of intercepts should hold: those of the worlds that are drawn."""
        alpha = self.judged.alpha[:SHOWN]
        return np.array([np.nanmin(alpha), np.nanmax(alpha)])

    def parts(self, j: int) -> tuple[Floats, Floats, Floats]:
        """A school's own intercept, the true one and noise in the drawn worlds, to 0.1 points."""
        own = np.round(self.judged.alpha[:SHOWN, j], 1)
        true = np.round(self.judged.true[:SHOWN, j], 1)
        return own, true, own - true

    def pulled(self, j: int) -> tuple[float, float]:
        """Mean share that a school is pulled: (two steps, multilevel)."""
        two, both = self.judged.pulled_two[:, j], self.judged.pulled_both[:, j]
        return float(two.mean()), float(both.mean())

    def values(self, quantity: str) -> tuple[Floats, Floats]:
        """What both ways found of a quantity, world by world: (two steps, multilevel)."""
        if quantity == "error":
            return self.judged.two, self.judged.both
        return getattr(self.found, quantity), getattr(self.found.multilevel, quantity)

    def tables(
        self, domains: dict[str, tuple[float, float]], *, revealed: bool, truth: bool
    ) -> dict[str, Table]:
        """The tables of `mlm_core.charts.two_steps`; what is not shown lies unseen.

        ``domains`` are the axes of `QUANTITIES`: what lies outside has no dot.
        """
        parts = [self._dots(q, domains[q], revealed) for q in QUANTITIES]
        return {
            "dots": stacked(parts),
            "schools": self._schools(truth),
            "lines": self._lines(revealed, truth),
            "worlds": self._worlds(),
            "now": self._now(domains, revealed),
            "means": self._means(domains, revealed),
            "truth": Table(
                {"quantity": QUANTITIES[:2], "value": [self.true_sd, self.scenario.hyper.b0]}
            ),
            "cover": Table({"seen": [0.0 if revealed else 1.0]}),
        }

    def _dots(self, quantity: str, domain: tuple[float, float], revealed: bool) -> Table:
        """Some of the worlds, moved aside (-1 to 1) where they are many."""
        every = 1 if quantity == "error" else EVERY
        values = [v[::every] for v in self.values(quantity)]
        width = (domain[1] - domain[0]) / 40
        tables = []
        for way, value in zip(("two", "both"), values, strict=True):
            near = (np.abs(value[:, None] - value) < width).sum(axis=1)
            turn = 2 * (np.arange(len(value)) * 0.618033988749895 % 1) - 1
            inside = (value >= domain[0]) & (value <= domain[1])
            columns = {
                "value": np.clip(value, *domain)
                if revealed
                else np.full(len(value), np.mean(domain)),
                "aside": turn * near / near.max(),
                "seen": (inside & revealed).astype(float),
                "dot": [f"{quantity} {way} {k}" for k in range(len(value))],
            }
            tables.append(Table(columns).assign(quantity=quantity, way=way))
        return stacked(tables)

    def _schools(self, truth: bool) -> Table:
        """One row a shown world and school that has a line of its own."""
        used = np.flatnonzero(self.found.used)
        step, j = np.divmod(np.arange(SHOWN * len(used)), len(used))
        j = used[j]
        own, true = self.judged.alpha[step, j], self.judged.true[step, j]
        columns = {
            "step": step,
            "school": self.names[j],
            "n": self.data.n[j],
            "u": self._u[j],
            "own": own,
            "se": self.se[j],
            "true": true if truth else own,
            "truth_seen": float(truth),
            "picked": j == self.picked,
            "resting": step == 0,
        }
        return Table(columns)

    def _lines(self, revealed: bool, truth: bool) -> Table:
        """Two rows a shown world and line, with a band of one SD between schools."""
        fits, hyper = self.found.multilevel, self.scenario.hyper
        two = (self.judged.start[:SHOWN], self.found.b0, self.found.sigma_alpha)
        both = (fits.a0, fits.b0, fits.sigma_alpha)
        true = tuple(np.full(SHOWN, v) for v in (hyper.a0, hyper.b0, hyper.sigma_alpha))
        parts = []
        for way, (a0, b0, sd), seen in (
            ("two", two, revealed),
            ("both", both if revealed else two, revealed),
            ("true", true if truth else two, truth),
        ):
            for u in self.ends:
                middle, step = a0[:SHOWN] + b0[:SHOWN] * u, np.arange(SHOWN)
                columns = {
                    "step": step, "u": u, "middle": middle, "low": middle - sd[:SHOWN],
                    "high": middle + sd[:SHOWN], "resting": step == 0,
                }  # fmt: skip
                parts.append(Table(columns).assign(way=way, seen=float(seen)))
        return stacked(parts)

    def _worlds(self) -> Table:
        """One row a step: where the handle is."""
        step = np.arange(SHOWN)
        at = step / (SHOWN - 1)
        said = [f"town {k + 1}" for k in step]
        return Table({"step": step, "at": at, "caption": said, "resting": step == 0})

    def _now(self, domains: dict[str, tuple[float, float]], revealed: bool) -> Table:
        """One row a step, quantity and way: the estimate of that world."""
        parts, step = [], np.arange(SHOWN)
        for quantity in QUANTITIES:
            low, high = domains[quantity]
            for way, values in zip(("two", "both"), self.values(quantity), strict=True):
                value = values[:SHOWN] if revealed else np.full(SHOWN, np.mean(domains[quantity]))
                inside = (value >= low) & (value <= high) & revealed
                columns = {
                    "step": step,
                    "value": np.clip(value, low, high),
                    "seen": inside.astype(float),
                }
                parts.append(Table(columns).assign(quantity=quantity, way=way, resting=step == 0))
        return stacked(parts)

    def _means(self, domains: dict[str, tuple[float, float]], revealed: bool) -> Table:
        """One row a quantity and way: its mean over worlds, and what stands at its side."""
        names, rows = {"two": "two steps", "both": "multilevel"}, []
        said = {
            "sigma_alpha": (self.two.sigma_alpha, self.both.sigma_alpha),
            "b0": (self.two.b0, self.both.b0),
            "error": self.errors[1:],
        }
        for quantity, values in said.items():
            low, high = domains[quantity]
            true = {"sigma_alpha": self.true_sd, "b0": self.scenario.hyper.b0}.get(quantity)
            marked = [*values, *([] if true is None else [true])]
            for way, value in zip(("two", "both"), values, strict=True):
                rows.append(
                    {
                        "quantity": quantity,
                        "way": way,
                        "value": float(np.clip(value, low, high)) if revealed else (low + high) / 2,
                        "caption": f"{names[way]}: {_written(value)}" if revealed else "",
                        "seen": float(revealed),
                        "side": "left" if min(marked) - low > high - max(marked) else "right",
                    }
                )
        return Table.from_rows(rows)


def _written(value: float) -> str:
    """A number with a true minus sign."""
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "−")


def equal_slopes(scenario: Scenario) -> Scenario:
    """The scenario with one slope for all schools, and no more in it than both ways know of.

    Examples
    --------
    >>> equal_slopes(Scenario()).hyper.sigma_beta
    0.0
    """
    hyper = replace(scenario.hyper, sigma_beta=0.0, b1=0.0)
    return replace(scenario, hyper=hyper, sigma_x=0.0, contextual=0.0, extraordinary=0.0)


def own_variance(data: GroupedData, slopes: Slopes, sigma_y: float) -> Floats:
    r"""(J,) sampling variance of the schools' own intercepts.

    :math:`\sigma_y^2 (1/n_j + \bar x_j^2 / S_{xx})`, with :math:`S_{xx}` of the school
    (``"varying"``; NaN where x does not vary in it) or of all schools together.
    """
    if data.x is None:
        raise DataError("There is no student-level predictor x.")
    x_mean = data.group_means(data.x)
    dx = data.x - x_mean[data.j]
    sxx = data.group_means(dx * dx) * data.n
    if slopes == "common":
        sxx = np.full(len(sxx), sxx.sum())
    of_slope = np.divide(x_mean**2, sxx, out=np.full(len(sxx), np.nan), where=sxx > 0)
    variance: Floats = sigma_y**2 * (1 / data.n + of_slope)
    return variance


def noise_sd(scenario: Scenario, used: NDArray[np.bool_], slopes: Slopes) -> float:
    """The sampling noise that the first step hands on to the second: see `Facts`.

    Examples
    --------
    >>> scenario = equal_slopes(Scenario(imbalance=0.0))
    >>> round(noise_sd(scenario, np.full(20, True), "common"), 1)
    2.6
    """
    data = simulate(scenario).data
    u = np.zeros(data.n_groups) if data.u is None else data.u
    du = u[used] - u[used].mean()
    left = 1 - 1 / used.sum() - du**2 / (du @ du)
    variance = own_variance(data, slopes, scenario.sigma_y)[used]
    return float(np.sqrt(left @ variance / (used.sum() - 2)))


def over_worlds(found: TwoSteps) -> tuple[OverWorlds, OverWorlds]:
    """Both ways over all worlds: (two steps, multilevel)."""
    fits = found.multilevel
    two, both = (
        OverWorlds(
            b0=float(b0.mean()),
            sigma_alpha=float(sigma.mean()),
            spread_b0=float(b0.std()),
            stated_b0=float(np.sqrt((se**2).mean())),
            zero=float((sigma == 0).mean()),
        )
        for b0, se, sigma in (
            (found.b0, found.se_b0, found.sigma_alpha),
            (fits.b0, fits.se_b0, fits.sigma_alpha),
        )
    )
    return two, both


def judge(scenario: Scenario, found: TwoSteps, slopes: Slopes, worlds: int) -> Judged:
    r"""Pull the schools of each world by what each way believes of ``sigma_alpha``.

    Two steps: :math:`w_j \hat\alpha_j + (1 - w_j)(a_0 + b_0 u_j)` with the second step's line
    and :math:`w_j = \sigma^2 / (\sigma^2 + \mathrm{se}_j^2)`; the multilevel model the same
    with its own estimates and :math:`\sigma_\alpha^2 / (\sigma_\alpha^2 + \sigma_y^2/n_j)`,
    which are its conditional means.
    """
    fits, used, data = found.multilevel, found.used, simulate(scenario).data
    assert data.x is not None
    u = np.zeros(data.n_groups) if data.u is None else data.u
    own, means, true = (part[:worlds] for part in (found.own, found.means, found.alpha))
    b0, spread = (part[:worlds, None] for part in (found.b0, found.sigma_alpha**2))
    start, slope, line = (part[:worlds, None] for part in (fits.a0, fits.a1, fits.b0))
    sigma_alpha, sigma_y = (part[:worlds, None] for part in (fits.sigma_alpha, fits.sigma_y))
    a0 = own[:, used].mean(axis=1, keepdims=True) - b0 * u[used].mean()
    keep_two = spread / (spread + own_variance(data, slopes, 1.0) * sigma_y**2)
    two = keep_two * own + (1 - keep_two) * (a0 + b0 * u)
    keep = sigma_alpha**2 / (sigma_alpha**2 + sigma_y**2 / data.n)
    level = means - slope * data.group_means(data.x)
    both = keep * level + (1 - keep) * (start + line * u)
    errors = [np.sqrt(np.mean((e - true)[:, used] ** 2, axis=1)) for e in (own, two, both)]
    pulled = [np.where(used, 1 - k, np.nan) for k in (keep_two, keep)]
    return Judged(*(frozen(part) for part in (own, true, a0[:, 0], *errors, *pulled)))


def facts(scenario: Scenario, school: str, slopes: Slopes = "varying") -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
        Slopes that vary and what is not in the model do not count.
    school : str
        Name of the picked school.
    slopes : {"varying", "common"}
        First step: a regression for each school, or one slope for all.

    Raises
    ------
    DataError
        Too few schools or students for both ways; the sentence says why.
    """
    found = _fitted(scenario, slopes)
    return replace(found, picked=int(np.flatnonzero(found.data.labels.astype(str) == school)[0]))


@lru_cache(maxsize=8)
def _fitted(scenario: Scenario, slopes: Slopes) -> Facts:
    """All but the picked school: what is the same whichever it is."""
    plain = equal_slopes(scenario)
    try:
        found = two_steps(plain, WORLDS, slopes=slopes)
    except ValueError as reason:
        raise DataError(str(reason)) from reason
    data = world(plain, 0).data
    worlds = int(np.clip(60_000 / data.n_students, SHOWN, MOST_JUDGED))
    two, both = over_worlds(found)
    return Facts(
        scenario=plain,
        slopes=slopes,
        found=found,
        two=two,
        both=both,
        judged=judge(plain, found, slopes, worlds),
        noise=noise_sd(plain, found.used, slopes),
        data=data,
        picked=0,
    )
