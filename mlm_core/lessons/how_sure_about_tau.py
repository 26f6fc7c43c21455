"""How sure are we of the SD between schools? All that the lesson says and draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import Floats
from mlm_core.hierarchy import (
    ConditionalEffects,
    PooledEstimate,
    Prior,
    TauPosterior,
    conditional_effects,
    pooled_estimate,
    tau_posterior,
    tau_prior,
    tau_reml,
)
from mlm_core.pooling import fit_no_pooling
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import simulate
from mlm_core.table import Table

Curves = Literal["means", "SDs"]
Trust = Literal["well", "roughly", "hardly"]

EIGHT_NAMES = tuple("ABCDEFGH")
EIGHT_Y = (28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0)
EIGHT_SE = (15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0)
"""Effects of coaching on a test, with their standard errors: Rubin (1981), table 1."""
TOP = 30.0
"""Largest tau of the figure for the eight schools (points)."""
MOST_LETTERS = 10
"""With more schools than this only the picked one is named."""
FARTHEST = 120.0
"""The figure goes no farther than this, however little is known (points)."""
STEPS = 121
FEWER_STEPS = 61
"""Steps of the handle; fewer where there are many schools."""
MANY = 26


class Averaged(NamedTuple):
    """What is known of each school, (J,) arrays (points).

    Attributes
    ----------
    mean, sd : (J,) arrays
    """

    mean: Floats
    sd: Floats


@record
class Facts:
    r"""The lesson on tau for one set of schools, one prior and one picked school.

    Each school has an estimate :math:`y_j` with a known standard error :math:`\sigma_j`:

    .. math::

        y_j \sim N(\theta_j, \sigma_j^2), \qquad \theta_j \sim N(\mu, \tau^2)

    Attributes
    ----------
    names : (J,) array of str
    y, se : (J,) arrays
        Estimates and standard errors (points).
    real : bool
        The eight schools; else schools of the simulated town.
    truth : (J,) array
        True theta; NaN for the eight schools, of which nobody knows it.
    true_tau : float
        NaN for the eight schools.
    prior : {"flat", "half-normal", "half-cauchy"}
    scale : float or None
        Of the prior (points).
    posterior : TauPosterior
    best : float
        The single best guess of tau, by REML (points).
    pooled : PooledEstimate
        Complete pooling.
    tau : (K,) array
        The steps of the handle (points).
    at : ConditionalEffects
        Mean and SD of each theta if that tau were true, (K, J).
    rest : int
        Step of the handle nearest to the median of tau under a flat prior, so that the handle
        stays while the prior is changed.
    picked : int
        The picked school; the one farthest from the common mean where there is none.

    References
    ----------
    Rubin (1981), Journal of Educational Statistics 6, 377-401; Gelman et al., Bayesian Data
    Analysis, 3rd edition, section 5.5.
    """

    names: NDArray[np.str_]
    y: Floats
    se: Floats
    real: bool
    truth: Floats
    true_tau: float
    prior: Prior
    scale: float | None
    posterior: TauPosterior
    best: float
    pooled: PooledEstimate
    tau: Floats
    at: ConditionalEffects
    rest: int
    picked: int

    @property
    def n(self) -> int:
        """How many schools."""
        return len(self.y)

    @property
    def top(self) -> float:
        """Largest tau of the figure (points)."""
        return float(self.tau[-1])

    @property
    def interval(self) -> tuple[float, float]:
        """Where tau lies with 95% (points).

        2.5% are left out at each end; where the most plausible value would be among them, as 0
        would always be, 5% at the upper end.
        """
        low, high = self.posterior.quantile([0.025, 0.975])
        if self.posterior.tau[self.posterior.density.argmax()] < low:
            return 0.0, float(self.posterior.quantile(0.95))
        return float(low), float(high)

    @property
    def from_zero(self) -> bool:
        """Whether the interval begins at 0."""
        return self.interval[0] == 0

    @property
    def median(self) -> float:
        """The middle of the posterior of tau (points)."""
        return float(self.posterior.quantile(0.5))

    @property
    def trust(self) -> Trust:
        """How well a single guess of tau stands for all that is plausible.

        Well: 95% lie within a quarter of the median. Roughly: within half of it and twice it.
        """
        (low, high), median = self.interval, self.median
        if low > 0.8 * median and high < 1.25 * median:
            return "well"
        return "roughly" if low > median / 2 and high < 2 * median else "hardly"

    def step(self, tau: float) -> int:
        """The step of the handle nearest to a tau."""
        return _nearest(self.tau, tau)

    @property
    def density(self) -> Floats:
        """(K,) how plausible each tau is, the highest being 1."""
        found = self.posterior.density_at(self.tau)
        density: Floats = found / found.max()
        return density

    @property
    def prior_density(self) -> Floats:
        """(K,) the prior, the highest being 1."""
        return tau_prior(self.tau, self.prior, self.scale)

    @property
    def beyond(self) -> float:
        """Share of the posterior to the right of the figure."""
        return 1.0 - float(self.posterior.cdf(self.top))

    @property
    def endless(self) -> bool:
        """The posterior's tail is so long that tau has no finite mean."""
        return bool(np.isinf(self.posterior.mean))

    @property
    def averaged(self) -> Averaged:
        """Each theta averaged over tau."""
        return Averaged(self.posterior.effect_mean, self.posterior.effect_sd)

    @property
    def at_best(self) -> Averaged:
        """Each theta with the best guess of tau taken as known."""
        found = conditional_effects(self.y, self.se, self.best)
        return Averaged(found.mean, found.sd)

    @property
    def holds(self) -> bool:
        """Whether the 95% interval holds the true tau."""
        low, high = self.interval
        return low <= self.true_tau <= high

    @property
    def highest(self) -> int:
        """The school with the highest estimate of its own."""
        return int(np.argmax(self.y))

    @property
    def lowest(self) -> int:
        """The school with the lowest estimate of its own."""
        return int(np.argmin(self.y))

    @property
    def told(self) -> list[int]:
        """Schools of the small table: the highest, the lowest, the picked one."""
        return list(dict.fromkeys([self.highest, self.picked, self.lowest]))

    def misses(self, estimate: Floats) -> float:
        """Root mean squared distance from the true theta (points)."""
        return float(np.sqrt(np.mean((estimate - self.truth) ** 2)))

    def smaller(self, digits: int) -> int:
        """Whether the picked school's SD at the best guess is below (-1) the averaged one.

        Parameters
        ----------
        digits : int
            Equal (0) where both read the same with so many digits.
        """
        guess = round(float(self.at_best.sd[self.picked]), digits)
        averaged = round(float(self.averaged.sd[self.picked]), digits)
        return (guess > averaged) - (guess < averaged)


def _nearest(places: Floats, tau: float) -> int:
    return int(np.argmin(np.abs(places - tau)))


class _Schools(NamedTuple):
    names: NDArray[np.str_]
    y: Floats
    se: Floats
    truth: Floats
    true_tau: float


def _eight() -> _Schools:
    nobody_knows = np.full(len(EIGHT_Y), np.nan)
    return _Schools(
        np.array(EIGHT_NAMES), np.array(EIGHT_Y), np.array(EIGHT_SE), nobody_knows, np.nan
    )


def _simulated(scenario: Scenario) -> _Schools:
    """Mean scores of simulated schools that differ by tau alone; their SD within is known."""
    hyper = replace(scenario.hyper, b0=0.0, a1=0.0, b1=0.0, sigma_beta=0.0)
    made = simulate(replace(scenario, hyper=hyper, sigma_x=0.0, contextual=0.0, extraordinary=0.0))
    data = replace(made.data, x=None)
    se: Floats = scenario.sigma_y / np.sqrt(data.n)
    own = fit_no_pooling(data).lines.alpha
    return _Schools(data.labels.astype(str), own, se, made.mean, hyper.sigma_alpha)


def _reach(flat: TauPosterior, real: bool) -> float:
    """Largest tau of the figure; the same for every prior."""
    wide = float(flat.quantile(0.9))
    top = TOP if real else TOP / 2
    while top < wide and top < FARTHEST:
        top *= 2
    return top


def facts(
    scenario: Scenario,
    real: bool = True,
    school: str = "",
    prior: Prior = "flat",
    scale: float = 10.0,
) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
        Of the simulated schools.
    real : bool
        The eight schools instead.
    school : str
        Name of the picked school.
    prior : {"flat", "half-normal", "half-cauchy"}
    scale : float
        Of the prior, where it has one (points).

    Raises
    ------
    DataError
        The schools are too few, or have no standard error.
    """
    of = _eight() if real else _simulated(scenario)
    used = None if prior == "flat" else scale
    steps = STEPS if len(of.y) <= MANY else FEWER_STEPS
    flat = tau_posterior(of.y, of.se)
    tau = np.linspace(0, _reach(flat, real), steps)
    at = conditional_effects(of.y, of.se, tau)
    found = np.flatnonzero(of.names == school)
    return Facts(
        names=of.names,
        y=of.y,
        se=of.se,
        real=real,
        truth=of.truth,
        true_tau=of.true_tau,
        prior=prior,
        scale=used,
        posterior=flat if used is None else tau_posterior(of.y, of.se, prior, used),
        best=tau_reml(of.y, of.se),
        pooled=pooled_estimate(of.y, of.se),
        tau=tau,
        at=at,
        rest=_nearest(tau, float(flat.quantile(0.5))),
        picked=int(found[0]) if len(found) else int(np.argmax(np.abs(of.y - at.mu[0]))),
    )


# The figure


def figure_tables(
    f: Facts,
    *,
    curves: str,
    domain: tuple[float, float],
    revealed: bool,
    averaged: bool,
    truth: bool,
    prior: bool,
    spread: float,
    letter: float,
) -> dict[str, Table]:
    """What the figure shows: tables of `charts.tau_curves`.

    Parameters
    ----------
    f : Facts
    curves : {"means", "SDs"}
        What is drawn of each school over tau.
    domain : (low, high)
        Of the curves' axis: the letters at their ends keep apart on it.
    revealed : bool
        Else only the schools' own estimates are seen, each with its standard error, over
        the whole width.
    averaged, truth, prior : bool
        Show what is averaged over tau, the truth where it is known, and the prior.
    spread : float
        Where the schools begin while they have the whole width, in widths of their column.
    letter : float
        Share of the axis that a letter at the end of a curve needs.

    Returns
    -------
    dict of Table
        ``steps, curves, schools, marks``.
    """
    known = truth and not f.real
    means = curves != "SDs"
    drawn = f.at.mean if means else f.at.sd
    return {
        "steps": _steps(f, means, revealed, prior),
        "curves": _along(f, drawn),
        "schools": _schools(f, drawn[-1], letter, domain, spread, means, revealed, averaged, known),
        "marks": _single(f, means, revealed, known),
    }


def _steps(f: Facts, means: bool, revealed: bool, prior: bool) -> Table:
    low, high = f.interval
    density = f.density if revealed else 0 * f.tau
    captions = [f"if τ were {v:g}" for v in f.tau]
    return Table(
        {
            "step": np.arange(len(f.tau)),
            "tau": f.tau,
            "density": density,
            "prior": f.prior_density if revealed and prior else 0 * f.tau,
            "prior_seen": int(revealed and prior),
            "inside": np.where((f.tau >= low) & (f.tau <= high), density, 0.0),
            "caption": captions if revealed else "",
            "words": ("the estimates are" if means else "their SDs are") if revealed else "",
            "revealed": int(revealed),
            "resting": np.arange(len(f.tau)) == f.rest,
        }
    )


def _along(f: Facts, drawn: Floats) -> Table:
    K, J = drawn.shape
    return Table(
        {
            "step": np.repeat(np.arange(K), J),
            "row": np.tile(np.arange(J), K),
            "tau": np.repeat(f.tau, J),
            "value": drawn.ravel(),
            "resting": np.repeat(np.arange(K) == f.rest, J),
        }
    )


def _schools(
    f: Facts, ends: Floats, letter: float, domain: tuple[float, float], spread: float,
    means: bool, revealed: bool, averaged: bool, truth: bool,
) -> Table:  # fmt: skip
    J, start = f.n, 0.0 if revealed else spread
    of, row = f.averaged, np.arange(f.n)

    def place(share: float) -> Floats:
        at: Floats = start + (1 - start) * (row + share) / J
        return at

    picked = row == f.picked
    few = J <= MOST_LETTERS
    label = f.names if few else np.where(picked, f.names, "")
    # The eight are A to H: of few schools of the town there are three letters of each.
    letters = [(name[:3] if J <= 4 else name[0]) if few else "" for name in f.names]
    over_column = float(np.clip(place(0.5)[f.picked], start + 0.18 * (1 - start), 0.82))
    own = f.y if means else f.se
    return Table(
        {
            "row": row,
            "school": f.names,
            "label": letters if f.real or few else label,
            "label_at": place(0.5) if few else np.full(J, over_column),
            "place": place(0.5 if few else 0.25),
            "truth_at": place(0.5 if few else 0.6),
            "left": place(0.1 if few else 0.0),
            "right": place(0.9 if few else 0.8),
            "size": 70.0 if few else max(14.0, 560.0 / J),
            "own": own,
            "low": own - f.se if means else own,
            "high": own + f.se if means else own,
            "averaged": of.mean if means else of.sd,
            # Letters keep apart on the axis; where there are none, an end stays where it is.
            "end": _apart(ends, letter * (domain[1] - domain[0]), domain) if few else ends,
            "letter": letters if revealed else [""] * J,
            "truth": f.truth if truth and means else own,
            "picked": picked,
            "revealed": int(revealed),
            "averaged_seen": int(revealed and averaged),
            "truth_seen": int(truth and means and revealed),
        }
    )


def _single(f: Facts, means: bool, revealed: bool, truth: bool) -> Table:
    pooled = f.at.mu[0] if means else f.at.mu_sd[0]
    return Table(
        {
            "best": [min(f.best, f.top)],
            "pooled": [pooled],
            "guess": [f"best guess {f.best:.1f}" if f.best else "best guess 0"] if revealed else "",
            "words": ["how plausible\nτ is" if revealed else ""],
            "true_tau": [min(f.true_tau, f.top) if truth else 0.0],
            "truth_seen": [int(truth and revealed)],
            "revealed": [int(revealed)],
        }
    )


def _apart(values: Floats, gap: float, within: tuple[float, float] = (-np.inf, np.inf)) -> Floats:
    """The values moved as little as keeps each ``gap`` from the next, in the same order.

    None leaves ``within``, which has room for all.
    """
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    blocks: list[tuple[float, int]] = []
    for value in values[order] - steps:
        blocks.append((float(value), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (b, m), (a, n) = blocks.pop(), blocks.pop()
            blocks.append(((a * n + b * m) / (n + m), n + m))
    out = np.empty(len(values))
    level = np.repeat([a for a, _ in blocks], [n for _, n in blocks])
    out[order] = np.clip(level, within[0], within[1] - steps[-1]) + steps
    return out
