"""Why are the best schools small? All that the lesson says and draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlm_core.data import Floats, GroupedData, Ints, frozen
from mlm_core.hierarchy import tau_posterior
from mlm_core.partial import fit_partial_pooling
from mlm_core.records import NORMAL_975, PartialPooling
from mlm_core.replication import Replications, replicate
from mlm_core.scenario import Scenario, sd_within
from mlm_core.showing import record
from mlm_core.simulation import OfTown, Simulation, simulate
from mlm_core.table import Table, stacked

By = Literal["own", "partial", "truth"]

YEARS = 10
"""Years that the handle visits: the same schools, new students."""

DRAWS = 1000
"""Towns drawn for what is said on average."""

POSTERIOR_DRAWS = 20_000
"""Sets of true means from which the probabilities are counted."""

PLACES = 5
"""The best so many, and the worst."""

ROWS = 20
"""Schools that have a row of their own in the figure of probabilities."""

LEAST = 0.005
"""Probability from which a school has a row of its own."""

NUMBER = ("none", "one", "two", "three", "four", "five")
STRIP = (0.3, 0.7)
"""Where schools lie on the axis of students (from 1) while their sizes are not shown."""


@record
class OnAverage:
    """What a thousand draws of the town say: other schools and students, the same sizes.

    Attributes
    ----------
    small : dict
        By "own", "partial", "truth": mean share of schools of the smaller half among the
        best and the worst, from 0 to 1. For partial pooling over the draws that rank.
    spread : dict
        The same for the SD of the schools (points), root mean square over draws.
    no_ranking : float
        Share of draws whose SD between schools is estimated as 0: all schools level.
    """

    small: dict[str, float]
    spread: dict[str, float]
    no_ranking: float


@record
class Facts(OfTown):
    r"""The lesson on small groups in one scenario, with one school picked.

    Without the pre-test: :math:`\mathrm{SD}(\bar y_j \mid \alpha_j) = \sigma_y / \sqrt{n_j}`.

    Attributes
    ----------
    simulation : Simulation
        This year, without x. ``simulation.mean`` is the truth.
    fit : PartialPooling
        This year's varying intercepts, by REML.
    own : (years, J) array
        The schools' own means; year 0 is this one.
    complete : (years,) array
        The mean of all students.
    picked : int
        By its place in ``data.labels``.
    asked : bool
        The figure asks who is the best: there are no years to go through.
    """

    simulation: Simulation
    fit: PartialPooling
    own: Floats
    complete: Floats
    picked: int
    asked: bool = False

    @property
    def partial(self) -> Floats:
        """(years, J) estimates by partial pooling; fitted only where they are asked for."""
        return _later(self.simulation.scenario)[0]

    @property
    def target(self) -> Floats:
        """(years,) what schools are pulled to."""
        return _later(self.simulation.scenario)[1]

    @property
    def average(self) -> OnAverage:
        """What a thousand draws of the town say."""
        return _average(self.simulation.scenario)

    @property
    def agreement(self) -> dict[str, float]:
        """Rank correlation with the truth, by "own" and "partial", over those draws."""
        return _agreement(self.simulation.scenario)

    @property
    def truth(self) -> Floats:
        """(J,) true means."""
        return self.simulation.mean

    @property
    def chance(self) -> Floats:
        """(J,) probability of being among the best `places`, given this year's data."""
        return _chance(self.fit, self.data)

    @property
    def places(self) -> int:
        """How many schools stand at each end of the table: at most a third."""
        return ends(self.data.n_groups)

    @property
    def small(self) -> NDArray[np.bool_]:
        """(J,) schools of the smaller half."""
        return smaller_half(self.data.n)

    @property
    def few(self) -> int:
        """Small schools have fewer students than this: the median size."""
        return int(np.ceil(np.median(self.data.n)))

    @property
    def equal(self) -> bool:
        """All schools have the same size: there is no smaller half."""
        return not self.small.any()

    @property
    def true_sd(self) -> float:
        """True SD between schools, what u explains included (points)."""
        hyper = self.simulation.scenario.hyper
        return float(np.hypot(hyper.sigma_alpha, hyper.b0))

    @property
    def true_within(self) -> float:
        """True SD of students around their school's mean, what x explains included (points)."""
        return sd_within(self.simulation.scenario)

    @property
    def level(self) -> bool:
        """Partial pooling makes all schools level this year: there is no ranking."""
        return self.fit.hyper.sigma_alpha == 0

    @property
    def truly_level(self) -> bool:
        """All schools are truly level: nobody is best."""
        return bool(np.ptp(self.truth) < 1e-9)

    def error(self, by: By) -> float:
        """Root mean square of this year's errors (points)."""
        return float(np.sqrt(np.mean((self.values(by) - self.truth) ** 2)))

    def true_mean(self, *, small: bool) -> float:
        """Mean of the true means of the small schools, or of the others (points)."""
        return float(self.truth[self.small == small].mean())

    @property
    def clear(self) -> int:
        """Schools that are among the best, or are not, with a probability above 90%."""
        return int((abs(self.chance - 0.5) > 0.4).sum())

    def said_chance(self, j: int) -> float:
        """The probability of school j; counted from draws, it is neither 0 nor 1."""
        return float(np.clip(self.chance[j], 1e-4, 1 - 1e-4))

    def luck(self, students: float) -> float:
        r"""SD of a school's own mean around its true mean, :math:`\sigma_y/\sqrt n` (points)."""
        return float(self.fit.sigma_y / np.sqrt(students))

    def values(self, by: By, year: int = 0) -> Floats:
        """(J,) what the schools are ranked by."""
        if by == "truth":
            return self.truth
        if by == "partial" and year == 0:
            return self.fit.lines.alpha
        out: Floats = (self.own if by == "own" else self.partial)[year]
        return out

    def best(self, by: By, year: int = 0) -> Ints:
        """The best schools, the first first."""
        return np.argsort(-self.values(by, year), kind="stable")[: self.places]

    def worst(self, by: By, year: int = 0) -> Ints:
        """The worst schools, the last last."""
        return np.argsort(-self.values(by, year), kind="stable")[-self.places :]

    def n_small(self, which: Ints) -> int:
        """How many of these schools are of the smaller half."""
        return int(self.small[which].sum())

    def at_ends(self, by: By) -> int:
        """How many of this year's end places are taken by the smaller half."""
        return self.n_small(self.best(by)) + self.n_small(self.worst(by))

    def stayed(self, year: int) -> int:
        """How many of this year's best by own mean are among the best of a later year."""
        return len(set(self.best("own").tolist()) & set(self.best("own", year).tolist()))

    def right(self, which: Ints) -> int:
        """How many of these schools are truly among the best."""
        return len(set(which.tolist()) & set(self.best("truth").tolist()))

    def expected(self, which: Ints) -> float:
        """How many of these schools can be expected among the best, given the data."""
        return float(self.chance[which].sum())

    @property
    def likeliest(self) -> Ints:
        """(J,) schools by their probability, the highest first."""
        return np.argsort(-self.chance, kind="stable")

    def tables(self, by: By, *, sizes: bool, partial: bool, truth: bool) -> dict[str, Table]:
        """The tables of `mlm_core.charts.funnel`; what is not shown lies unseen.

        Parameters
        ----------
        by : {"own", "partial", "truth"}
            What the schools are ranked by.
        sizes : bool
            Whether the schools stand at their sizes; else in a strip beside them.
        """
        n, J = self.data.n, self.data.n_groups
        aside = STRIP[0] + (STRIP[1] - STRIP[0]) * (np.arange(J) * 0.618033988749895 % 1)
        schools = Table(
            {
                "school": self.names,
                "n": n,
                "at": n if sizes else aside,
                "truth": self.truth,
                "picked": self.names == self.names[self.picked],
                "partial_seen": float(partial),
                "truth_seen": float(truth),
                "size_seen": float(sizes),
            }
        )
        return {
            "schools": schools,
            "years": self._years(by, partial),
            "league": self._league(by, sizes),
            "band": self._band(sizes and by == "own"),
            "words": self._words(by, sizes),
        }

    def _order(self, by: By) -> tuple[Ints, NDArray[np.bool_]]:
        """(years, J) schools from the best on, and (years,) whether there is any order."""
        values = np.stack([self.values(by, k) for k in range(YEARS)])
        return np.argsort(-values, axis=1, kind="stable"), np.ptp(values, axis=1) >= 1e-9

    def _years(self, by: By, partial: bool) -> Table:
        """A row a year and school; what is not shown lies where it will come from."""
        J, k = self.data.n_groups, self.places
        order, ranked = self._order(by)
        out = np.zeros((YEARS, J), dtype=bool)
        np.put_along_axis(out, np.hstack([order[:, :k], order[:, -k:]]), ranked[:, None], axis=1)
        step = np.repeat(np.arange(YEARS), J)
        return Table(
            {
                "step": step,
                "school": np.tile(self.names, YEARS),
                "own": self.own.ravel(),
                "alpha": (self.partial if partial else self.own).ravel(),
                "complete": self.complete[step],
                "target": (self.target if partial else self.complete)[step],
                **{
                    f"end_{name}": out.ravel() & (name == by)
                    for name in ("own", "partial", "truth")
                },
                "resting": step == 0,
            }
        )

    def _no_order(self, by: By, year: int) -> bool:
        return bool(np.ptp(self.values(by, year)) < 1e-9)

    def _league(self, by: By, sizes: bool) -> Table:
        """Both ends of each year's ranking; ``row`` counts from the top, from the bottom below 0.

        Without ``sizes`` only those of the best are known.
        """
        J, k = self.data.n_groups, self.places
        order, ranked = self._order(by)
        step = np.repeat(np.flatnonzero(ranked), 2 * k)
        shown = np.hstack([order[:, :k], order[:, -k:]])[ranked].ravel()
        row = np.tile(np.concatenate([np.arange(1, k + 1), np.arange(-k, 0)]), ranked.sum())
        place = np.where(row > 0, row, J + 1 + row)
        known = sizes | (row > 0)
        names, n = self.names, self.data.n
        return Table(
            {
                "step": step,
                "school": names[shown],
                "row": row,
                "label": [
                    f"{p}. {names[j]} ({n[j] if there else '?'})"
                    for p, j, there in zip(place, shown, known, strict=True)
                ],
                "small": self.small[shown] & known,
                "picked": shown == self.picked,
                "resting": step == 0,
            }
        )

    def _band(self, seen: bool) -> Table:
        """Where 95% of own means would lie if all schools were truly equal."""
        n = np.geomspace(1, 1000, 60)
        reach = NORMAL_975 * self.luck(1.0) / np.sqrt(n) * seen
        mean = self.complete[0]
        return Table({"n": n, "low": mean - reach, "high": mean + reach})

    def _words(self, by: By, sizes: bool) -> Table:
        k = self.places
        how = {"own": "by own mean", "partial": "by partial pooling", "truth": "in truth"}[by]
        blank = self._no_order(by, 0)
        said = {
            "best": "all level: no order" if blank else f"the {NUMBER[k]} best",
            "how": how,
            "worst": "" if blank else f"the {NUMBER[k]} worst",
            "strip": "" if sizes else "sizes: after your answer",
            "band": "grey: 95% of means, if all were equal" if sizes and by == "own" else "",
        }
        words = Table({"what": list(said), "text": list(said.values()), "step": -1})
        names = [year_name(k) for k in range(YEARS)]
        years = Table({"what": "year", "text": names, "step": np.arange(YEARS)})
        both = stacked([words, years])
        return both.assign(resting=both["step"] == 0)

    def chances(self, *, truth: bool) -> dict[str, Table]:
        """The tables of `mlm_core.charts.best_few`: the likeliest schools, a row each.

        The picked school has a row, as has each that a ranking counts among the best, whether
        the truth is shown or not. Schools without a row share the last.
        """
        rankings: tuple[By, ...] = ("own", "partial", "truth")
        best = {by: self.best(by) for by in rankings}
        rows, rest = self._rows(best)
        marks = {
            "own": best["own"],
            "partial": best["partial"][: 0 if self.level else None],
            "truth": best["truth"][: 0 if self.truly_level or not truth else None],
        }
        table = Table(
            {
                "row": np.arange(len(rows)),
                "school": self.names[rows],
                "label": [f"{self.names[j]} ({self.data.n[j]})" for j in rows],
                "chance": self.chance[rows],
                "said": [_percent(p) for p in self.chance[rows]],
                **{
                    f"by_{name}": np.isin(rows, found).astype(float)
                    for name, found in marks.items()
                },
                "picked": [j == self.picked for j in rows],
                "named": True,
                "others": 0,
                "seen_own": 1.0,
                "seen_partial": 1.0,
                "seen_truth": float(truth),
            }
        )
        if rest:
            counted = {f"by_{name}": float(np.isin(rest, f).sum()) for name, f in marks.items()}
            each = float(self.chance[rest].mean())
            others = {
                "row": len(rows), "school": "others", "label": f"{len(rest)} others, mean",
                "chance": each, "said": _percent(each), **counted,
                "picked": False, "named": True, "others": len(rest),
            }  # fmt: skip
            others |= {f"seen_{name}": 0.0 for name in marks}
            table = stacked([table, Table.from_rows([others])])
        return {"schools": table}

    def _rows(self, best: dict[By, Ints]) -> tuple[list[int], list[int]]:
        """Schools that have a row, the likeliest first, and the others."""
        order, most = self.likeliest.tolist(), ROWS if self.data.n_groups <= ROWS else ROWS - 1
        named = {self.picked, *(int(j) for found in best.values() for j in found)}
        matter = [j for j in order if j not in named and self.chance[j] >= LEAST]
        kept = named | set(matter[: most - len(named)])
        return [j for j in order if j in kept], [j for j in order if j not in kept]


def _percent(share: float) -> str:
    """A probability in a figure; never 0% or 100%: it is counted from draws."""
    if share < LEAST:
        return "<1%"
    return ">99%" if share > 1 - LEAST else f"{100 * share:.0f}%"


def year_name(step: int) -> str:
    """What a step of the handle is called, as in the first lesson."""
    return ("this year", "next year")[step] if step < 2 else f"in {step} years"


def smaller_half(n: ArrayLike) -> NDArray[np.bool_]:
    """(J,) schools smaller than the median size; none when all are equal.

    Examples
    --------
    >>> smaller_half([3, 10, 20, 50]).tolist()
    [True, True, False, False]
    """
    size = np.asarray(n)
    out: NDArray[np.bool_] = size < np.median(size)
    return out


def ends(n_groups: int) -> int:
    """How many schools stand at each end of a league table: at most a third of all.

    Examples
    --------
    >>> ends(50), ends(7), ends(3)
    (5, 2, 1)
    """
    return max(1, min(PLACES, n_groups // 3))


def best_chances(
    y: ArrayLike, se: ArrayLike, places: int, n_draws: int = POSTERIOR_DRAWS, seed: int = 1
) -> Floats:
    r"""Probability of each school to be truly among the best few, given all estimates.

    Draws from the joint posterior of all true means,

    .. math::

        \bar y_j \sim N(\alpha_j, se_j^2), \qquad \alpha_j \sim N(a_0, \sigma_\alpha^2),

    with flat priors on :math:`a_0` and :math:`\sigma_\alpha`: first :math:`\sigma_\alpha`, then
    :math:`a_0`, then every :math:`\alpha_j`. Given are the estimates and their standard errors;
    what is not known of :math:`\sigma_\alpha` is averaged over. Where :math:`\sigma_\alpha` is 0
    all schools are level, and any order is as likely as any other.

    Parameters
    ----------
    y, se : (J,) array_like
        Own means and their standard errors, in the same units; three schools or more.
    places : int
        How many are "the best few".
    n_draws, seed : int

    Returns
    -------
    (J,) array
        From 0 to 1; their sum is ``places``.

    References
    ----------
    Gelman et al., Bayesian Data Analysis, 3rd ed., section 5.4; Laird & Louis (1989), Journal
    of Educational Statistics 14, 29-46, on ranks.

    Examples
    --------
    >>> chance = best_chances([0.0, 5.0, 10.0], [1.0, 1.0, 1.0], places=1)
    >>> bool(chance[2] > 0.98), round(float(chance.sum()), 9)
    (True, 1.0)
    """
    own, error = np.asarray(y, dtype=np.float64), np.asarray(se, dtype=np.float64)
    share, of_mean, of_school = _noise(n_draws, len(own), seed)
    known = tau_posterior(own, error)
    below = known.weight.cumsum()
    k = np.searchsorted(below / below[-1], share, side="right")
    a0 = known.conditional_mu[k] + known.conditional_mu_sd[k] * of_mean
    sigma = np.maximum(known.tau, 1e-6 * error.min())[:, None]
    weight = sigma**2 / (sigma**2 + error**2)  # a row for each value that sigma is drawn from
    alpha = (1 - weight)[k]
    alpha *= a0[:, None]
    alpha += (weight * own)[k]
    alpha += (np.sqrt(weight) * error)[k] * of_school
    last = len(own) - places
    least = np.partition(alpha, last, axis=1)[:, last, None]
    chances: Floats = (alpha >= least).mean(axis=0)
    return chances


@lru_cache(maxsize=1)
def _noise(n_draws: int, n_groups: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """What is drawn for `best_chances`; it does not depend on the data."""
    rng = np.random.default_rng(seed)
    return (
        frozen(rng.random(n_draws)),
        frozen(rng.standard_normal(n_draws)),
        frozen(rng.standard_normal((n_draws, n_groups))),
    )


def on_average(made: Replications) -> OnAverage:
    """What many draws say of three rankings.

    Parameters
    ----------
    made : Replications
        With its errors kept.
    """
    truth, no, partial = made.truth, made.no_pooling, made.partial_pooling
    if truth is None or no.errors is None or partial.errors is None:
        raise ValueError("The replications were made without keeping their errors.")
    ranked = made.fits.sigma_alpha > 0
    every = {
        "own": truth + no.errors,
        "partial": (truth + partial.errors)[ranked],
        "truth": truth,
    }
    small = smaller_half(made.n)
    return OnAverage(
        small={name: _share_at_ends(v, small) for name, v in every.items()},
        spread={
            name: float(np.sqrt(np.mean(np.var(v, axis=1, ddof=1))))
            for name, v in (every | {"partial": truth + partial.errors}).items()
        },
        no_ranking=float(1 - ranked.mean()),
    )


def rank_agreement(made: Replications) -> dict[str, float]:
    """By "own" and "partial": mean rank correlation with the truth, over the draws that rank."""
    ranked = made.fits.sigma_alpha > 0
    return {
        "own": _mean(made.no_pooling.rank_agreement[ranked]),
        "partial": _mean(made.partial_pooling.rank_agreement[ranked]),
    }


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else 0.0


def _share_at_ends(values: Floats, small: NDArray[np.bool_]) -> float:
    """Mean share of small schools at both ends; where all are level, among all schools."""
    k, J = ends(len(small)), len(small)
    order = np.argpartition(values, (k - 1, J - k), axis=1)
    share = small[np.concatenate([order[:, :k], order[:, -k:]], axis=1)].mean(axis=1)
    level = np.ptp(values, axis=1) < 1e-9
    return _mean(np.where(level, small.mean(), share))


def _scores_only(scenario: Scenario) -> Simulation:
    simulation = simulate(scenario)
    return replace(simulation, data=replace(simulation.data, x=None))


def _mean_of(data: GroupedData) -> Floats:
    return data.group_means(data.y)


def _year(scenario: Scenario, k: int) -> Simulation:
    """The same schools in a later year."""
    return _scores_only(replace(scenario, redraw=scenario.redraw + k))


@lru_cache(maxsize=16)
def _town(scenario: Scenario) -> Mapping[str, object]:
    """All of the lesson that is always shown and does not depend on the picked school."""
    years = [_year(scenario, k) for k in range(YEARS)]
    return {
        "simulation": years[0],
        "fit": fit_partial_pooling(years[0].data, group_predictor=False),
        "own": np.stack([_mean_of(year.data) for year in years]),
        "complete": np.array([year.data.y.mean() for year in years]),
    }


@lru_cache(maxsize=16)
def _later(scenario: Scenario) -> tuple[Floats, Floats]:
    """Each year's estimates by partial pooling, and what they are pulled to."""
    fits = [
        fit_partial_pooling(_year(scenario, k).data, group_predictor=False) for k in range(YEARS)
    ]
    return frozen(np.stack([f.lines.alpha for f in fits])), frozen([f.hyper.a0 for f in fits])


def _draws(scenario: Scenario, ranks: bool) -> Replications:
    """Towns like this one, without the pre-test."""
    like = replace(scenario, sigma_y=sd_within(scenario))
    return replicate(like, DRAWS, with_x=False, keep_errors=not ranks, ranks=ranks)


@lru_cache(maxsize=64)
def _average(scenario: Scenario) -> OnAverage:
    return on_average(_draws(scenario, ranks=False))


@lru_cache(maxsize=64)
def _agreement(scenario: Scenario) -> dict[str, float]:
    return rank_agreement(_draws(scenario, ranks=True))


@lru_cache(maxsize=64)
def _chance(fit: PartialPooling, data: GroupedData) -> Floats:
    """The probabilities of a town; drawn only where they are asked for."""
    error = fit.sigma_y / np.sqrt(data.n)
    chances: Floats = frozen(best_chances(_mean_of(data), error, ends(data.n_groups)))
    return chances


def facts(scenario: Scenario, school: str, asked: bool = False) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
    school : str
        Name of the picked school.
    asked : bool
        Whether the figure asks who is the best.

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    town = _town(scenario)
    labels = town["simulation"].data.labels.astype(str)  # type: ignore[attr-defined]
    picked = int(np.flatnonzero(labels == school)[0])
    return Facts(**town, picked=picked, asked=asked)  # type: ignore[arg-type]
