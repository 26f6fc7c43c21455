"""What does it cost to ignore the structure? All that the lesson says and draws."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from mlm_core.clustered import design_effect
from mlm_core.data import DataError, Floats, GroupedData, Ints, frozen
from mlm_core.records import NORMAL_975
from mlm_core.showing import record
from mlm_core.table import Table, stacked

Way = Literal["ordinary", "robust", "multilevel"]
WAYS: tuple[Way, ...] = ("ordinary", "robust", "multilevel")

LEVEL = 0.05
"""A p-value below this is called an effect: here a false alarm, since there is none."""

TRIALS = 1000
"""Trials that are counted."""

SHOWN = 31
"""Trials that are shown one by one."""

SEED = 1144
"""Of trials whose first 31 have about as many false alarms as the thousand, none of them close."""

BINS = 20
"""Bars of a histogram of p-values."""

NAMES: dict[Way, str] = {
    "ordinary": "ordinary regression",
    "robust": "cluster-robust error",
    "multilevel": "multilevel model",
}


class Analysis(NamedTuple):
    """What one analysis finds in each trial, (n_trials,) each."""

    p: Floats
    """Two-sided p-values."""
    half: Floats
    """Half widths of the 95% intervals of the effect (SDs of a student's score)."""


@record
class TreatmentTrials:
    """Many trials of a school-level treatment that does nothing.

    Attributes
    ----------
    effect : (n_trials,) array
        Estimated effect, the same in all three analyses (SDs of a student's score).
    ordinary, robust, multilevel : Analysis
        What each analysis makes of it.
    school_means : (n_trials, J) array
        Mean score of each school; the first ``J // 2`` schools are treated.
    design_effect : float
        Factor by which ignoring schools understates the variance of the effect.
    """

    effect: Floats
    ordinary: Analysis
    robust: Analysis
    multilevel: Analysis
    school_means: Floats
    design_effect: float

    def of(self, way: Way) -> Analysis:
        """An analysis by its name."""
        out: Analysis = getattr(self, way)
        return out

    def false_alarms(self, way: Way, level: float = LEVEL) -> float:
        """Share of p-values below ``level``; an honest analysis has ``level`` of them."""
        return float((self.of(way).p < level).mean())


class _Drawn(NamedTuple):
    """Sums of K balanced trials: school means (K, J), within-school sums of squares (K,)."""

    y_mean: Floats
    syy: Floats


def treatment_trials(
    n_groups: int, students_per_group: int, icc: float, n_trials: int = TRIALS, seed: int = SEED
) -> TreatmentTrials:
    r"""Trials in which half the schools get a treatment that does nothing.

    .. math::

        y_i = \alpha_{j[i]} + \epsilon_i, \qquad \mathrm{var}(\alpha_j) = \mathrm{ICC},
        \quad \mathrm{var}(\epsilon_i) = 1 - \mathrm{ICC}

    With schools of one size the three analyses of ``y ~ treated`` have formulas:
    the ordinary regression (t on n - 2), the same with cluster-robust errors
    (t on J - 1), and the multilevel model by REML (t on J - 2, the degrees of
    freedom of a school-level predictor).

    Parameters
    ----------
    n_groups : int
        Number of schools J, four or more; ``J // 2`` of them are treated.
    students_per_group : int
        Two or more.
    icc : float
        Intraclass correlation, from 0 to below 1.
    n_trials, seed : int
        The first trials of a longer run are those of a shorter one.

    Returns
    -------
    TreatmentTrials

    Raises
    ------
    ValueError
        A setting is not possible.

    References
    ----------
    Cameron & Miller (2015), Journal of Human Resources 50(2), section VI.

    Examples
    --------
    >>> trials = treatment_trials(20, 25, icc=0.2, n_trials=500)
    >>> trials.false_alarms("ordinary") > 0.3 > 0.1 > trials.false_alarms("multilevel")
    True
    """
    _check_trials(n_groups, students_per_group, icc, n_trials)
    drawn = _draw_trials(n_groups, students_per_group, icc, n_trials, seed)
    n, treated, total = students_per_group, _treated(n_groups), n_groups * students_per_group
    arms = [drawn.y_mean[:, treated], drawn.y_mean[:, ~treated]]
    effect = arms[0].mean(axis=1) - arms[1].mean(axis=1)
    apart = [((arm - arm.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for arm in arms]
    shares = 1 / arms[0].shape[1] + 1 / arms[1].shape[1]
    between = apart[0] + apart[1]

    plain = (n * between + drawn.syy) / (total - 2) / n * shares
    sums = apart[0] / arms[0].shape[1] ** 2 + apart[1] / arms[1].shape[1] ** 2
    robust = n_groups / (n_groups - 1) * (total - 1) / (total - 2) * sums
    # REML of a balanced design: the between-school mean square, unless it is the smaller one
    within = drawn.syy / (total - n_groups)
    of_schools = between / (n_groups - 2)
    multilevel = np.where(n * of_schools > within, of_schools * shares, plain)
    return TreatmentTrials(
        effect=frozen(effect),
        ordinary=_analysis(effect, plain, total - 2),
        robust=_analysis(effect, robust, n_groups - 1),
        multilevel=_analysis(effect, multilevel, n_groups - 2),
        school_means=frozen(drawn.y_mean),
        design_effect=design_effect(n, icc),
    )


def treatment_trial(
    n_groups: int, students_per_group: int, icc: float, k: int, seed: int = SEED
) -> GroupedData:
    """Trial k of `treatment_trials` with all its students; ``u`` is 1 for treated schools.

    Examples
    --------
    >>> treatment_trial(4, 10, 0.1, k=0).u.tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    _check_trials(n_groups, students_per_group, icc, k + 1)
    drawn = _draw_trials(n_groups, students_per_group, icc, k + 1, seed)
    rest = np.random.default_rng([seed, 2, k]).standard_normal((n_groups, students_per_group))
    rest -= rest.mean(axis=1, keepdims=True)
    rest *= np.sqrt(drawn.syy[k] / (rest**2).sum())
    y = (drawn.y_mean[k][:, None] + rest).ravel()
    j = np.repeat(np.arange(n_groups), students_per_group)
    return GroupedData(y, None, j, _treated(n_groups) * 1.0, np.arange(1, n_groups + 1))


def _treated(n_groups: int) -> np.ndarray:
    """(J,) bool: the first half of the schools."""
    return np.arange(n_groups) < n_groups // 2


def _draw_trials(
    n_groups: int, students_per_group: int, icc: float, count: int, seed: int
) -> _Drawn:
    """Exact draws of the sums that the analyses need."""
    normal = np.random.default_rng([seed, 0]).standard_normal((count, 2, n_groups))
    rest = np.random.default_rng([seed, 1]).chisquare(n_groups * (students_per_group - 1), count)
    y_mean = np.sqrt(icc) * normal[:, 0] + np.sqrt((1 - icc) / students_per_group) * normal[:, 1]
    return _Drawn(y_mean, (1 - icc) * rest)


def _analysis(effect: Floats, variance: Floats, df: int) -> Analysis:
    """Two-sided p-values of a t statistic, and half of each 95% interval."""
    from scipy.special import stdtr, stdtrit

    se = np.sqrt(variance)
    p = 2 * stdtr(df, -np.abs(effect) / se)
    return Analysis(frozen(p), frozen(stdtrit(df, 1 - LEVEL / 2) * se))


def _check_trials(n_groups: int, students_per_group: int, icc: float, n_trials: int) -> None:
    if n_groups < 4:
        raise ValueError(f"n_groups is {n_groups}: a trial needs four schools, two in each arm.")
    if students_per_group < 2:
        raise ValueError(f"students_per_group is {students_per_group}: two or more are needed.")
    if not 0 <= icc < 1:
        raise ValueError(f"icc is {icc}: it lies from 0 to below 1.")
    if n_trials < 1:
        raise ValueError(f"n_trials is {n_trials}: one trial or more is needed.")


def effective_students(n_groups: int, students_per_group: int, icc: float) -> float:
    r"""As many independent students would tell as much: :math:`J n / (1 + (n - 1)\,\mathrm{ICC})`.

    Examples
    --------
    >>> round(effective_students(20, 50, 0.05))
    290
    """
    return float(n_groups * students_per_group / design_effect(students_per_group, icc))


def expected_alarms(effect: float) -> float:
    r"""Share of trials in which the ordinary regression finds an effect, with many schools.

    .. math:: \Pr(|z| > 1.96 / \sqrt{\text{design effect}})

    Examples
    --------
    >>> round(expected_alarms(1.0), 3), round(expected_alarms(3.45), 2)
    (0.05, 0.29)
    """
    return math.erfc(NORMAL_975 / math.sqrt(2 * effect))


@record
class Facts:
    """The lesson on structure, for one design of the trial.

    Attributes
    ----------
    n_groups : int
        Schools, J; half of them get the programme.
    n : int
        Students in each school.
    icc : float
        True intraclass correlation.
    trials : TreatmentTrials
    """

    n_groups: int
    n: int
    icc: float
    trials: TreatmentTrials

    @property
    def students(self) -> int:
        """All students of a trial."""
        return self.n_groups * self.n

    @property
    def data(self) -> GroupedData:
        """The students of the first trial."""
        return treatment_trial(self.n_groups, self.n, self.icc, 0)

    @property
    def design_effect(self) -> float:
        """By how much the variance of the effect is understated."""
        return self.trials.design_effect

    @property
    def worth(self) -> float:
        """As many independent students would tell as much."""
        return effective_students(self.n_groups, self.n, self.icc)

    @property
    def expected(self) -> float:
        """Share of false alarms of the ordinary regression that the design effect predicts."""
        return expected_alarms(self.design_effect)

    @property
    def too_short(self) -> float:
        """By how much the ordinary regression's error bar is too short: a factor."""
        return math.sqrt(self.design_effect)

    @property
    def robust_alarms(self) -> float:
        r"""Share of false alarms of the cluster-robust error, to be expected.

        .. math:: \Pr\Big(|t_{J-2}| > t^*_{J-1} \sqrt{\frac{(J-2)(N-1)}{(J-1)(N-2)}}\Big)

        Exact in a balanced trial with two arms of the same number of schools.
        """
        from scipy import stats

        J, total = self.n_groups, self.students
        shorter = (J - 2) * (total - 1) / ((J - 1) * (total - 2))
        limit = stats.t.isf(LEVEL / 2, J - 1) * math.sqrt(shorter)
        return float(2 * stats.t.sf(limit, J - 2))

    def alarms(self, way: Way) -> float:
        """Share of all trials that an analysis calls an effect."""
        return self.trials.false_alarms(way)

    def df(self, way: Way) -> int:
        """Degrees of freedom of an analysis."""
        return {"ordinary": self.students - 2, "robust": self.n_groups - 1,
                "multilevel": self.n_groups - 2}[way]  # fmt: skip

    @property
    def luck(self) -> tuple[float, float]:
        """Between which shares an honest analysis stays in 95 of 100 runs of all trials."""
        reach = NORMAL_975 * math.sqrt(LEVEL * (1 - LEVEL) / len(self.trials.effect))
        return LEVEL - reach, LEVEL + reach

    # The questions

    @property
    def alike(self) -> float:
        """Intraclass correlation of the checks: that of the trials, .05 where it is 0."""
        return self.icc or 0.05

    @property
    def effect_here(self) -> float:
        """Design effect of the checks."""
        return float(design_effect(self.n, self.alike))

    @property
    def effect_of_double(self) -> float:
        """Design effect of the checks, in schools of twice the size."""
        return float(design_effect(2 * self.n, self.alike))

    @property
    def deeper(self) -> float:
        """Worth of twice the students in each school."""
        return effective_students(self.n_groups, 2 * self.n, self.alike)

    @property
    def wider(self) -> float:
        """Worth of twice the schools."""
        return effective_students(2 * self.n_groups, self.n, self.alike)

    # What is shown, trial by trial

    @property
    def shown(self) -> Ints:
        """(shown,) the trials that are shown one by one."""
        return np.arange(min(SHOWN, len(self.trials.effect)))

    def so_far(self, way: Way) -> Ints:
        """(shown,) false alarms up to each shown trial."""
        out: Ints = (self.trials.of(way).p[self.shown] < LEVEL).cumsum()
        return out

    def trial_tables(self, *, intervals: bool, honest: bool) -> dict[str, Table]:
        """The tables of `mlm_core.charts.one_trial`: the shown trials one by one.

        Parameters
        ----------
        intervals : bool
            Whether the intervals are seen, or only the schools.
        honest : bool
            Whether those of the two analyses that know of schools are seen.

        Returns
        -------
        dict of Table
            ``schools``: ``step, arm, aside, mean, place, resting``; ``arms``, the mean of each
            arm; ``intervals``: ``step, way, row, effect, low, high, name, label, alarm, seen,
            dot, trail, resting``, where ``dot`` is 1 where the difference itself is seen and
            ``trail`` where it stays as one of the trials so far; ``steps``:
            ``step, at, caption, seen, trail, resting``.
        """
        step, J = self.shown, self.n_groups
        means = self.trials.school_means[step]
        arm = (~_treated(J)).astype(int)
        aside: Floats = (np.arange(J) * 0.618033988749895 % 1).astype(np.float64)
        arms = np.stack([means[:, arm == k].mean(axis=1) for k in (0, 1)], axis=1)
        found = [
            _intervals(self.trials, row, step, intervals and (honest or row == 0)).assign(
                dot=float(row == 0 or (intervals and honest)),
                trail=float(row == 0 and not (intervals and honest)),
            )
            for row in range(len(WAYS))
        ]
        return {
            "schools": _of_steps(step, arm, means, aside),
            "arms": _of_steps(step, np.arange(2), arms, np.full(2, 0.5)),
            "intervals": stacked(found),
            "steps": Table(
                {
                    "step": step,
                    "at": step / max(len(step) - 1, 1),
                    "caption": [f"trial {k + 1} of the first {len(step)}" for k in step],
                    "seen": float(intervals),
                    "trail": float(not (intervals and honest)),
                    "resting": step == 0,
                }
            ),
        }

    def p_value_table(self, *, honest: bool) -> Table:
        """Histograms of the p-values, the table of `mlm_core.charts.p_values`.

        Parameters
        ----------
        honest : bool
            Whether the two analyses that know of schools are seen.

        Returns
        -------
        Table
            ``way, row, bar, left, right, share, alarm, name, label, seen, ground, tall``, one
            row an analysis and bar; the first bar holds the p-values below .05. ``ground`` and
            ``tall`` are shares of the figure's height: where an analysis stands, how high it is.
        """
        edges = np.linspace(0, 1, BINS + 1)
        tables = [
            Table(
                {
                    "way": way,
                    "row": row,
                    "bar": [f"{way} {k}" for k in range(BINS)],
                    "left": edges[:-1],
                    "right": edges[1:],
                    "share": np.histogram(self.trials.of(way).p, edges)[0]
                    / len(self.trials.effect),
                    "alarm": np.arange(BINS) == 0,
                    "name": NAMES[way],
                    "label": f"{100 * self.alarms(way):.1f}% false alarms",
                    "seen": float(honest or row == 0),
                    "ground": (row + 1) / len(WAYS) if honest else 1.0,
                    "tall": 1 / len(WAYS) if honest else 1.0,
                }
            )
            for row, way in enumerate(WAYS)
        ]
        return stacked(tables)

    def highest(self) -> float:
        """Share of trials in the highest bar of all histograms."""
        return float(self.p_value_table(honest=True)["share"].max())

    def reach(self) -> tuple[float, float]:
        """Between which values nearly all means and intervals of the shown trials lie."""
        effect = self.trials.effect[self.shown]
        ends = [effect + sign * self.trials.of(w).half[self.shown]
                for w in ("ordinary", "multilevel") for sign in (-1, 1)]  # fmt: skip
        values = np.concatenate([*ends, self.trials.school_means[self.shown].ravel()])
        low, high = np.quantile(values, [0.02, 0.98])
        return float(low), float(high)


def _of_steps(step: Ints, arm: np.ndarray, mean: Floats, aside: Floats) -> Table:
    """One row a trial and column of ``mean``."""
    columns = mean.shape[1]
    return Table(
        {
            "step": np.repeat(step, columns),
            "arm": np.tile(arm, len(step)),
            "aside": np.tile(aside, len(step)),
            "place": np.tile(np.arange(columns), len(step)),
            "mean": mean.ravel(),
            "resting": np.repeat(step == 0, columns),
        }
    )


def _intervals(trials: TreatmentTrials, row: int, step: Ints, seen: bool) -> Table:
    """What one analysis states in each shown trial."""
    way = WAYS[row]
    found, effect = trials.of(way), trials.effect[step]
    p, half = found.p[step], found.half[step]
    return Table(
        {
            "step": step,
            "way": way,
            "row": row,
            "effect": effect,
            "low": effect - half,
            "high": effect + half,
            "name": NAMES[way],
            "label": [said_p(value) for value in p.tolist()],
            "alarm": p < LEVEL,
            "seen": float(seen),
            "resting": step == 0,
        }
    )


def said_p(p: float) -> str:
    """A p-value in words; below .05 it is a false alarm.

    Examples
    --------
    >>> said_p(0.2), said_p(0.0001), said_p(0.0499)
    ('p = .200', 'p < .001: false alarm', 'p < .05: false alarm')
    """
    value = f"p = {p:.3f}".replace("0.", ".", 1)
    if p < 0.001:
        value = "p < .001"
    elif p < LEVEL <= round(p, 3):
        value = "p < .05"
    return f"{value}: false alarm" if p < LEVEL else value


@lru_cache(maxsize=32)
def _trials(n_groups: int, n: int, icc: float) -> TreatmentTrials:
    try:
        return treatment_trials(n_groups, n, icc)
    except ValueError as reason:
        raise DataError(str(reason)) from None


def facts(n_groups: int, n: int, icc: float) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    n_groups : int
        Schools, four or more.
    n : int
        Students in each school, two or more.
    icc : float
        Intraclass correlation, from 0 to below 1.

    Raises
    ------
    DataError
        There is no such trial; the sentence says why.
    """
    return Facts(n_groups, n, icc, _trials(n_groups, n, icc))
