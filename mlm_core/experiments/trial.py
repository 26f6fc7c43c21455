"""A treatment randomised within schools, whose effect varies by school."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlm_core.data import Floats, GroupedData
from mlm_core.estimates import by_size
from mlm_core.records import GroupLines, NoPooling, PartialPooling
from mlm_core.scenario import Scenario
from mlm_core.simulation import Simulation, simulate

if TYPE_CHECKING:
    import pandas as pd

NORMAL = 1.959963984540054
STEPS = 101
"""Places of the handle over the axis of effects; the middle one is an effect of 0."""


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
    >>> found = effects(fit_partial_pooling(trial(Scenario()).data, slopes="varying"))
    >>> found.new_high - found.new_low > found.high - found.low
    True
    """
    from scipy.stats import t

    df = fit.n_groups - 1
    reach, mean, se = float(t.ppf(0.975, df)), fit.hyper.a1, fit.se("a1")
    spread = reach * math.hypot(fit.hyper.sigma_beta, se)
    return Effects(
        mean=mean,
        se=se,
        sd=fit.hyper.sigma_beta,
        low=mean - reach * se,
        high=mean + reach * se,
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

    Examples
    --------
    >>> winner(Effects(4, 0, 0, 4, 4, 4, 4, 9), np.full(10, 3.0)).truth
    4.0
    """
    known = np.asarray(se)[np.isfinite(se)]
    draws = np.random.default_rng(1).standard_normal((2, n_trials, len(known)))
    true = found.mean + found.sd * draws[0]
    own = true + known * draws[1]
    best = own.argmax(axis=1)[:, None]
    return Winner(
        promise=float(np.take_along_axis(own, best, 1).mean()),
        truth=float(np.take_along_axis(true, best, 1).mean()),
    )


def own_reach(no: NoPooling, data: GroupedData) -> float:
    """By how many standard errors a school's own 95% interval reaches; NaN without residuals."""
    from scipy.stats import t

    df = int((data.n[np.isfinite(no.lines.beta)] - 2).sum())
    return float(t.ppf(0.975, df)) if df > 0 else math.nan


def effects_tables(
    data: GroupedData,
    no: NoPooling,
    partial: GroupLines,
    complete: float,
    truth: Floats,
    found: Effects,
    picked: str,
    domain: tuple[float, float],
) -> dict[str, pd.DataFrame]:
    """The tables of `charts.effects`.

    Parameters
    ----------
    data : GroupedData
    no : NoPooling
    partial : GroupLines
    complete : float
        The one difference of means.
    truth : (J,) array
        True effects.
    found : Effects
    picked : str
        Name of the school that is marked.
    domain : (low, high)
        Of the axis of effects, with 0 in its middle.
    """
    import pandas as pd

    order, names = by_size(data), data.labels.astype(str)
    own, reach = no.lines, own_reach(no, data)
    schools = pd.DataFrame(
        {
            "school": names,
            "label": [f"{name}  {n}" for name, n in zip(names, data.n, strict=True)],
            "n": data.n,
            "own": own.beta,
            "own_low": own.beta - reach * own.se_beta,
            "own_high": own.beta + reach * own.se_beta,
            "partial": partial.beta,
            "low": partial.beta - NORMAL * partial.se_beta,
            "high": partial.beta + NORMAL * partial.se_beta,
            "complete": complete,
            "truth": truth,
            "picked": names == picked,
        }
    ).iloc[order]
    summary = pd.DataFrame(
        {
            "what": ["mean effect", "a new school"],
            "mean": found.mean,
            "low": [found.low, found.new_low],
            "high": [found.high, found.new_high],
        }
    )
    return {"schools": schools, "summary": summary, "new": _new_table(found, domain)}


def _new_table(found: Effects, domain: tuple[float, float]) -> pd.DataFrame:
    """One row a place of the handle: how likely a new school's effect is there, and beyond."""
    import pandas as pd
    from scipy.stats import t

    effect = np.linspace(*domain, STEPS)
    scale = found.new_se
    density = t.pdf((effect - found.mean) / scale, found.df) / t.pdf(0.0, found.df)
    above = t.sf((effect - found.mean) / scale, found.df)
    captions = [
        f"{_share(p)} of new schools above {_signed(value)}"
        for p, value in zip(above, effect, strict=True)
    ]
    step = np.arange(STEPS)
    return pd.DataFrame(
        {
            "step": step,
            "effect": effect,
            "density": density,
            "above": above,
            "caption": captions,
            "resting": step == STEPS // 2,
        }
    )


def _share(p: float) -> str:
    if 0.995 < p < 1:
        return "more than 99%"
    return "less than 1%" if 0 < p < 0.005 else f"{100 * p:.0f}%"


def _signed(value: float) -> str:
    text = f"{value:g}" if abs(value) > 1e-9 else "0"
    return text.replace("-", "\u2212")
