"""Does the programme work everywhere? All that the lesson says and draws."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import DataError, Floats, GroupedData
from mlm_core.estimates import MOST_NAMES, by_size
from mlm_core.new_student import reach
from mlm_core.partial import fit_partial_pooling
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.records import NoPooling, PartialPooling
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import Simulation, simulate
from mlm_core.table import Table

STEPS = 101
"""Places of the handle over the axis of effects; the middle one is an effect of 0."""
COST = 2.0
"""Points that tutoring must bring to pay, as the page supposes."""
BINS = (0.5, 0.75, 0.95)
"""Between the answers to how likely the programme helps in a new school."""


def trial(scenario: Scenario) -> Simulation:
    r"""Simulate a trial: in every school half of the students, by lot, are treated.

    .. math:: y_i = \alpha_{j[i]} + \beta_{j[i]} \,\mathrm{treated}_i + \epsilon_i

    The schools and the errors are those of `simulate`; x is 1 for the treated and 0 for
    the others, so that :math:`\alpha_j` is the mean without treatment and
    :math:`\beta_j` the effect. The lot is the order of the x that `simulate` draws. With
    an odd number of students one more goes untreated: a school of one has no effect
    of its own.

    Examples
    --------
    >>> data = trial(Scenario(n_groups=3, imbalance=0.0, students_per_group=4)).data
    >>> data.group_means(data.x).tolist()
    [0.5, 0.5, 0.5]
    """
    made = simulate(scenario)
    data = made.data
    assert data.x is not None
    order = np.lexsort((data.x, data.j))
    start = np.concatenate([[0], np.cumsum(data.n)[:-1]])
    place = np.empty(data.n_students, dtype=int)
    place[order] = np.arange(data.n_students) - np.repeat(start, data.n)
    treated = (place < data.n[data.j] // 2).astype(float)
    y = data.y + made.beta[data.j] * (treated - data.x)
    share = (data.n // 2) / data.n
    return replace(made, data=replace(data, y=y, x=treated), x_mean=share)


@dataclass(frozen=True, slots=True)
class Effects:
    """What a trial says of the effect: on average, and in a school that was not in it.

    Attributes
    ----------
    mean, se : float
        The mean effect and its standard error (units of y).
    sd : float
        SD of the effect between schools, estimated.
    low, high : float
        95% interval of the mean effect: does it work?
    new_low, new_high : float
        95% prediction interval of a new school's effect: where would it work?
    df : int
        Degrees of freedom, J - 1.
    """

    mean: float
    se: float
    sd: float
    low: float
    high: float
    new_low: float
    new_high: float
    df: int

    @property
    def t(self) -> float:
        """How many standard errors hold 95%."""
        return float(reach(self.df))

    @property
    def new_se(self) -> float:
        """How uncertain a new school's effect is: spread and uncertainty of the mean."""
        return math.hypot(self.sd, self.se)

    def share_above(self, effect: float) -> float:
        """Probability that a new school's effect is above a value."""
        from scipy.stats import t

        return float(t.sf((effect - self.mean) / self.new_se, self.df))


def effects(fit: PartialPooling) -> Effects:
    r"""The mean effect and a new school's effect, with 95% intervals.

    .. math::

        \hat a_1 \pm t\, \mathrm{se}, \qquad
        \hat a_1 \pm t \sqrt{\hat\sigma_\beta^2 + \mathrm{se}^2}

    with t of J - 1 degrees of freedom, since the schools are what the mean is taken over.

    Parameters
    ----------
    fit : PartialPooling
        With slopes that vary, of a treatment coded 0 and 1.

    References
    ----------
    Higgins, Thompson & Spiegelhalter (2009), J. R. Statist. Soc. A 172(1), section 4.2
    (with J - 2); Partlett & Riley (2017), Statistics in Medicine 36(2), section 2 (J - 1).

    Examples
    --------
    >>> from mlm_core import fit_partial_pooling
    >>> data = trial(Scenario()).data
    >>> found = effects(fit_partial_pooling(data, slopes="varying", group_predictor=False))
    >>> found.new_high - found.new_low > found.high - found.low
    True
    """
    df = fit.n_groups - 1
    t, mean, se = float(reach(df)), fit.hyper.a1, fit.se("a1")
    spread = t * math.hypot(fit.hyper.sigma_beta, se)
    return Effects(
        mean=mean,
        se=se,
        sd=fit.hyper.sigma_beta,
        low=mean - t * se,
        high=mean + t * se,
        new_low=mean - spread,
        new_high=mean + spread,
        df=df,
    )


@dataclass(frozen=True, slots=True)
class Winner:
    """The school with the largest effect of its own, over many trials, on average.

    Attributes
    ----------
    promise, truth : float
        Its own effect in the trial, and its true effect (units of y).
    """

    promise: float
    truth: float

    @property
    def fall(self) -> float:
        """How far it falls when the trial is run again there."""
        return self.promise - self.truth


def winner(found: Effects, se: Floats, n_trials: int = 1000) -> Winner:
    r"""What becomes of the best-looking school: the winner's curse.

    In each trial :math:`\beta_j \sim \mathrm{N}(a_1, \sigma_\beta^2)` and the school's own
    effect is :math:`\hat\beta_j \sim \mathrm{N}(\beta_j, \mathrm{se}_j^2)`; the largest of
    these is picked.

    Parameters
    ----------
    found : Effects
        The estimated mean and SD are taken as the truth.
    se : (J,) array
        Standard errors of the schools' own effects; NaN where there is none.
    n_trials : int

    Raises
    ------
    DataError
        No school has one.

    Examples
    --------
    >>> winner(Effects(4, 0, 0, 4, 4, 4, 4, 9), np.full(10, 3.0)).truth
    4.0
    """
    known = np.asarray(se)[np.isfinite(se)]
    if not len(known):
        raise DataError("No school has an effect of its own with a standard error.")
    draws = np.random.default_rng(1).standard_normal((2, n_trials, len(known)))
    true = found.mean + found.sd * draws[0]
    own = true + known * draws[1]
    best = own.argmax(axis=1)[:, None]
    return Winner(
        promise=float(np.take_along_axis(own, best, 1).mean()),
        truth=float(np.take_along_axis(true, best, 1).mean()),
    )


class Apart(NamedTuple):
    """Two schools, the higher effect first, and their difference with its 95% interval."""

    more: int
    less: int
    gap: float
    low: float
    high: float


def se_of_differences(fit: PartialPooling) -> Floats:
    r"""(J, J) standard errors of the difference of two schools' effects, by partial pooling.

    An effect is what the school adds, with :math:`v_j` its conditional variance, and a part
    :math:`w_j` of the two coefficients, of which :math:`C` is the covariance:

    .. math::

        \mathrm{var}(\hat\beta_j - \hat\beta_k) = v_j + v_k + (w_j - w_k)' C (w_j - w_k),
        \qquad w_j = \text{second row of } (I + \Sigma Z_j'Z_j / \sigma_y^2)^{-1}

    What two schools share, the mean effect, is as unknown for one as for the other: it goes
    out of their difference. The SDs are taken as known.

    Parameters
    ----------
    fit : PartialPooling
        With slopes that vary and without u.

    Examples
    --------
    >>> fit = fit_partial_pooling(trial(Scenario()).data, "varying", group_predictor=False)
    >>> error = se_of_differences(fit)
    >>> bool((error <= np.hypot(fit.lines.se_beta, fit.lines.se_beta[:, None])).all())
    True
    """
    data, hyper = fit.data, fit.hyper
    assert data.x is not None
    rho = hyper.rho if math.isfinite(hyper.rho) else 0.0
    both = rho * hyper.sigma_alpha * hyper.sigma_beta
    between = np.array([[hyper.sigma_alpha**2, both], [both, hyper.sigma_beta**2]])
    x, x2 = data.n * data.group_means(data.x), data.n * data.group_means(data.x**2)
    inside = np.stack([data.n, x, x, x2], axis=1).reshape(-1, 2, 2) / fit.sigma_y**2
    part = np.linalg.inv(np.eye(2) + between @ inside)[:, 1]
    apart = part[:, None] - part
    shared = np.einsum("jkp,pq,jkq->jk", apart, fit.coef_cov, apart)
    own = fit.mode_sd_beta**2
    own = own[:, None] + own
    np.fill_diagonal(own, 0.0)
    out: Floats = np.sqrt(own + np.maximum(shared, 0.0))
    return out


def own_reach(no: NoPooling, data: GroupedData) -> float:
    """By how many standard errors a school's own 95% interval reaches; NaN without residuals."""
    df = int((data.n[np.isfinite(no.lines.beta)] - 2).sum())
    return float(reach(df)) if df > 0 else math.nan


CLEAREST = 0.89
"""How often the 95% interval of the clearest pair's difference holds the true one: in 1,499
trials like that of the step "No effect on average" (it takes the SDs as known, and one pair of
276 is picked). The difference itself is right on average: 20.1 points, truly 20.3."""
DRAWN_SD = math.hypot(3.0, 1.0)
"""The SD that the effects of the tutoring file were drawn with: around u's part, and u's part."""


@record
class Trial:
    """A treatment randomised within schools: its students, its truth and its three fits.

    Attributes
    ----------
    data : GroupedData
        x is 1 for the treated, 0 for the others.
    truth : (J,) array
        True effects.
    complete : float
        One difference of means for everybody (units of y).
    no : NoPooling
    partial : PartialPooling
        Intercepts and effects that vary, REML.
    drawn_sd : float
        The SD that the true effects were drawn with, what u explains included (units of y).
    """

    data: GroupedData
    truth: Floats
    complete: float
    no: NoPooling
    partial: PartialPooling
    drawn_sd: float


def fitted(data: GroupedData, truth: Floats, drawn_sd: float = DRAWN_SD) -> Trial:
    """Fit the three poolings to a trial: without ``drawn_sd``, the tutoring file's.

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    return Trial(
        data=data,
        truth=truth,
        complete=float(fit_complete_pooling(data).lines.beta[0]),
        no=fit_no_pooling(data, "varying"),
        partial=fit_partial_pooling(data, "varying", group_predictor=False),
        drawn_sd=drawn_sd,
    )


def simulated(scenario: Scenario) -> Trial:
    """A simulated trial, with its fits."""
    made = trial(scenario)
    return fitted(made.data, made.beta, math.hypot(scenario.hyper.sigma_beta, scenario.hyper.b1))


@record
class Facts:
    """The lesson on treatment effects in one trial, with one school picked.

    Attributes
    ----------
    trial : Trial
    found : Effects
        What the model says of the mean effect and of a new school's.
    curse : Winner
        What becomes of the best-looking school, on average over a thousand trials.
    picked, best : int
        Schools by their place in ``data.labels``; ``best`` has the largest effect of its own.
    """

    trial: Trial
    found: Effects
    curse: Winner
    picked: int
    best: int

    @property
    def data(self) -> GroupedData:
        """The students."""
        return self.trial.data

    @property
    def names(self) -> NDArray[np.str_]:
        """(J,) names of the schools."""
        return self.data.labels.astype(str)

    @property
    def own(self) -> Floats:
        """(J,) each school's own effect; NaN where it has none."""
        return self.trial.no.lines.beta

    @property
    def partial(self) -> Floats:
        """(J,) effects by partial pooling."""
        return self.trial.partial.lines.beta

    @property
    def likely(self) -> float:
        """Probability that the effect is above 0 in a new school."""
        return self.found.share_above(0.0)

    @property
    def pays(self) -> float:
        """Probability that the effect is above `COST` in a new school."""
        return self.found.share_above(COST)

    @property
    def apart(self) -> Apart | None:
        """The two schools that are most clearly apart; None where no two are.

        Of all pairs the one whose 95% interval of the difference begins highest, where that
        is above 0.
        """
        half = float(reach(np.inf)) * se_of_differences(self.trial.partial)
        low = self.partial[:, None] - self.partial - half
        more, less = divmod(int(low.argmax()), len(low))
        if low[more, less] <= 0:
            return None
        gap = float(self.partial[more] - self.partial[less])
        return Apart(more, less, gap, gap - float(half[more, less]), gap + float(half[more, less]))

    @property
    def bin(self) -> int:
        """Which of the four answers `likely` is in, from the smallest."""
        return int(np.searchsorted(BINS, self.likely))

    @property
    def side(self) -> str:
        """Where the 95% interval of the mean effect lies: "above", "below" or "around" 0."""
        return "above" if self.found.low > 0 else "below" if self.found.high < 0 else "around"

    @property
    def same(self) -> bool:
        """The SD of the effects is estimated as 0: a new school is as well known as the mean."""
        return self.found.sd == 0

    @property
    def least_width(self) -> float:
        """Width of a new school's interval when the mean effect is known (points)."""
        return float(2 * reach(np.inf) * self.found.sd)

    @property
    def true_mean(self) -> float:
        """Mean of the true effects."""
        return float(self.trial.truth.mean())

    @property
    def true_sd(self) -> float:
        """SD of the true effects, what u explains included."""
        return float(self.trial.truth.std(ddof=1))

    @property
    def closer(self) -> int:
        """Schools whose effect partial pooling brings nearer to the truth than their own."""
        missed = abs(self.partial - self.trial.truth), abs(self.own - self.trial.truth)
        return int((missed[0] < missed[1]).sum())

    @property
    def n_own(self) -> int:
        """Schools that have an effect of their own."""
        return int(np.isfinite(self.own).sum())

    @property
    def harmed(self) -> int:
        """Schools whose true effect is below 0."""
        return int((self.trial.truth < 0).sum())

    def misses(self, estimate: Floats) -> float:
        """Root mean square error of effects where the school has one of its own (points)."""
        known = np.isfinite(self.own)
        return float(np.sqrt(np.mean((estimate - self.trial.truth)[known] ** 2)))

    def places(self, domain: tuple[float, float]) -> Floats:
        """(STEPS,) effects at the places of the handle."""
        return np.linspace(*domain, STEPS)

    def at_cost(self, domain: tuple[float, float]) -> int:
        """The place of the handle nearest to `COST`."""
        return int(np.argmin(abs(self.places(domain) - COST)))

    def z(self, effect: Floats) -> Floats:
        """SDs from an effect to the mean effect, of a new school's: from numbers to 0.01."""
        found = self.found
        mean, sd, se = (round(v, 2) for v in (found.mean, found.sd, found.se))
        return (mean - effect) / (math.hypot(sd, se) or math.nan)

    def above(self, effect: Floats) -> tuple[list[int], list[int], list[float]]:
        """How many own and partly pooled effects lie above each, and the chance in a new school."""
        own = [int((self.own > v).sum()) for v in effect]
        partial = [int((self.partial > v).sum()) for v in effect]
        return own, partial, [self.found.share_above(float(v)) for v in effect]

    def tables(
        self, domain: tuple[float, float], captions: list[str], *, partial: bool, truth: bool
    ) -> dict[str, Table]:
        """The tables of `mlm_core.charts.effects`; what is not shown lies unseen.

        Parameters
        ----------
        domain : (low, high)
            Of the axis of effects, with 0 in its middle.
        captions : list of str
            A text for each place of the handle.
        partial, truth : bool
            Whether partial pooling, and the truth, are shown.
        """
        found, step = self.found, np.arange(STEPS)
        summary = Table(
            {
                "what": ["mean effect", "a new school"],
                "mean": found.mean if partial else self.trial.complete,
                "low": [found.low, found.new_low] if partial else self.trial.complete,
                "high": [found.high, found.new_high] if partial else self.trial.complete,
                "partial_seen": float(partial),
            }
        )
        effect = self.places(domain)
        new = Table(
            {
                "step": step,
                "effect": effect,
                "density": self._density(effect) * partial,
                "caption": captions if partial else "",
                "partial_seen": float(partial),
                "resting": step == STEPS // 2,
            }
        )
        return {"schools": self._schools(domain, partial, truth), "summary": summary, "new": new}

    def _density(self, effect: Floats) -> Floats:
        """How likely a new school's effect is, relative to the likeliest."""
        from scipy.stats import t

        z = (effect - self.found.mean) / self.found.new_se
        out: Floats = t.pdf(z, self.found.df) / t.pdf(0.0, self.found.df)
        return out

    def _schools(self, domain: tuple[float, float], partial: bool, truth: bool) -> Table:
        """One row a school, the largest first."""
        own, lines, J = self.trial.no.lines, self.trial.partial.lines, self.data.n_groups
        half, z = own_reach(self.trial.no, self.data) * own.se_beta, float(reach(np.inf))
        start = np.where(np.isfinite(self.own), self.own, self.trial.complete)
        spread = z * lines.se_beta if partial else np.zeros(J)
        middle = self.partial if partial else start
        order = by_size(self.data)
        ends = [0, J - 1, *np.argsort(order)[[int(np.nanargmin(start)), int(np.nanargmax(start))]]]
        table = Table(
            {
                "school": self.names,
                "label": [f"{s} ({n})" for s, n in zip(self.names, self.data.n, strict=True)],
                "n": self.data.n,
                "own": self.own,
                "own_low": self.own - half,
                "own_high": self.own + half,
                "past_low": self.own - half < domain[0],
                "past_high": self.own + half > domain[1],
                "partial": middle,
                "low": middle - spread,
                "high": middle + spread,
                "partial_seen": float(partial),
                "complete": self.trial.complete,
                "truth": self.trial.truth if truth else middle,
                "truth_seen": float(truth),
                "picked": np.arange(J) == self.picked,
            }
        ).rows(order)
        row = np.arange(J)
        named = (J <= MOST_NAMES) | table["picked"] | np.isin(row, ends)
        return table.assign(row=row, named=named)


def facts(made: Trial, school: str) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    made : Trial
        From `fitted` or `simulated`.
    school : str
        Name of the picked school; where there is none of that name, the one with the
        largest effect of its own is picked.
    """
    own = made.no.lines
    best = int(np.nanargmax(own.beta))
    named = np.flatnonzero(made.data.labels.astype(str) == school)
    found = effects(made.partial)
    return Facts(
        trial=made,
        found=found,
        curse=winner(found, own.se_beta),
        picked=int(named[0]) if len(named) else best,
        best=best,
    )
