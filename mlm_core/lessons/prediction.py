"""What will the next student score? All that the lesson says and draws."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlm_core.data import Floats, GroupedData, Ints, frozen
from mlm_core.heldout import error_by_size, held_out_worlds
from mlm_core.new_student import degrees_of_freedom, predict_new_student, reach
from mlm_core.partial import fit_partial_pooling
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.records import CompletePooling, NoPooling, PartialPooling
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import Simulation, simulate
from mlm_core.table import Table

if TYPE_CHECKING:
    import pandas as pd

CLASS = 25
"""New students of one school whose mean is predicted, where it is not one student."""
FEW = 3
"""Students seen of a school that is little known."""
EVERY = 12
"""Up to so many students seen, each number is a step; beyond, fewer."""
STEPS = 24
GRID = 121
WORLDS = 8
"""Draws of the scenario over which held-out errors are taken; fewer where schools are large."""
MOST_STUDENTS = 20_000
"""In all those draws together."""
DOTS = 150
"""Students of the school that are drawn, at most."""


@record
class Predictions:
    r"""Predictive distributions for a school of which more and more students are seen.

    The SDs are those of the fit to all students; the k first students of the school, and
    all students of the others, say the rest. With :math:`v = \sigma_\alpha^2 + \sigma_y^2/k`,
    :math:`B = \sigma_\alpha^2/v` and :math:`\hat a_0` from generalised least squares,

    .. math::

        \hat\alpha = \hat a_0 + B(\bar y_k - \hat a_0), \qquad
        s^2 = \sigma_\alpha^2(1-B) + (1-B)^2\,\mathrm{var}(\hat a_0)

    and with nobody seen B = 0: a new school. With all seen this is the fit itself. The mean
    of m new students lies within :math:`t\sqrt{s^2 + \sigma_y^2/m}` with 95%, t as in
    `mlm_core.new_student.degrees_of_freedom`.

    Attributes
    ----------
    seen : (K,) int array
        Students seen, from 0 to all.
    mean, school_sd, sd, df : (K,) arrays
        Of partial pooling: the expected score, s, the SD of what is predicted (units of y),
        and the degrees of freedom of its t distribution.
    own_mean, own_sd : (K,) arrays
        Of no pooling; NaN where nobody is seen.
    own_df : float
    complete_mean, complete_sd : (K,) arrays
        Of complete pooling, which asks for no school: it has seen the same students, the k
        first of this one and all of the others. Its SD, too, is that of all students.
    complete_df : float

    References
    ----------
    Gelman & Hill (2007), section 12.8: new students in known and in new groups.
    """

    seen: Ints
    mean: Floats
    school_sd: Floats
    sd: Floats
    df: Floats
    own_mean: Floats
    own_sd: Floats
    own_df: float
    complete_mean: Floats
    complete_sd: Floats
    complete_df: float

    @property
    def t(self) -> Floats:
        """(K,) how many SDs hold 95%."""
        out: Floats = reach(self.df)
        return out

    @property
    def half(self) -> Floats:
        """(K,) half the width of partial pooling's interval."""
        return self.t * self.sd

    def ends(self, pooling: str) -> tuple[Floats, Floats, Floats]:
        """(K,) middle, lower and upper end of the 95% interval of a pooling."""
        middle, half = {
            "partial": (self.mean, self.half),
            "no": (self.own_mean, float(reach(self.own_df)) * self.own_sd),
            "complete": (self.complete_mean, float(reach(self.complete_df)) * self.complete_sd),
        }[pooling]
        return middle, middle - half, middle + half

    def interval(self, step: int, pooling: str = "partial") -> tuple[float, float]:
        """95% interval of a pooling at a step."""
        _, low, high = self.ends(pooling)
        return float(low[step]), float(high[step])


@record
class HeldOut:
    """How well predictions held for students and schools that the fits had not seen.

    Attributes
    ----------
    errors : dict of DataFrame
        By what was left out ("students", "schools"), of `mlm_core.heldout.error_by_size`.
    rmse : dict of float
        By (left out, pooling), over all students; NaN where a pooling has no answer.
    worlds : int
        Draws of the scenario.
    inside : int
        Students of this draw whose score lies in the new school's interval, each school left
        out in its turn.
    """

    errors: dict[str, pd.DataFrame]
    rmse: dict[tuple[str, str], float]
    worlds: int
    inside: int


@record
class Facts:
    """The lesson on prediction in one scenario, with one school picked.

    Attributes
    ----------
    simulation : Simulation
        Without x. ``simulation.mean`` is the truth: the true mean of each school.
    fit : PartialPooling
        Varying intercepts, REML.
    made : Predictions
        For the picked school; ``made.seen[step]`` students are seen at a step of the handle.
    picked : int
        School by its place in ``data.labels``.
    size : int
        New students whose mean is predicted: 1, or a class.
    held : HeldOut or None
        Only where it is asked for.
    """

    simulation: Simulation
    fit: PartialPooling
    made: Predictions
    picked: int
    size: int
    held: HeldOut | None

    @property
    def data(self) -> GroupedData:
        """The students."""
        return self.simulation.data

    @property
    def name(self) -> str:
        """Name of the picked school."""
        return str(self.data.labels[self.picked])

    @property
    def n(self) -> int:
        """Students of the picked school."""
        return int(self.data.n[self.picked])

    @property
    def truth(self) -> float:
        """True mean of the picked school."""
        return float(self.simulation.mean[self.picked])

    @property
    def scores(self) -> Floats:
        """(n,) scores of the picked school, in the order in which they are seen."""
        scores: Floats = self.data.y[self.data.j == self.picked]
        return scores

    @property
    def last(self) -> int:
        """The step at which all are seen."""
        return len(self.made.seen) - 1

    @property
    def few(self) -> int:
        """The step at which few are seen."""
        return min(FEW, self.n)

    @property
    def alike(self) -> bool:
        """Schools are estimated not to differ."""
        return self.fit.hyper.sigma_alpha == 0

    @property
    def icc(self) -> float:
        """Share of the variance that lies between schools."""
        between = self.fit.hyper.sigma_alpha**2
        return float(between / (between + self.fit.sigma_y**2))

    @property
    def student_sd(self) -> float:
        """SD of what is predicted around its school's mean (points)."""
        return float(self.fit.sigma_y / np.sqrt(self.size))

    def width(self, step: int) -> float:
        """Width of partial pooling's interval at a step (points)."""
        return float(2 * self.made.half[step])

    def holds(self, pooling: str) -> int:
        """True means of schools that lie in the interval for a new school, by a pooling."""
        low, high = self.made.interval(0, pooling)
        return int(((self.simulation.mean > low) & (self.simulation.mean < high)).sum())

    @property
    def missed(self) -> bool:
        """The picked school's true mean lies outside its interval as a new school."""
        low, high = self.made.interval(0)
        return not low < self.truth < high

    @property
    def missed_at_last(self) -> bool:
        """The picked school's true mean lies outside its interval with all its students seen."""
        low, high = self.made.interval(self.last)
        return not low < self.truth < high

    @property
    def before(self) -> float:
        """True mean of the picked school without what makes the first school extraordinary."""
        return self.truth - (self.simulation.scenario.extraordinary if self.picked == 0 else 0.0)

    @property
    def harder(self) -> bool:
        """Partial pooling misses more in new schools than in known ones, by 0.1 points or more."""
        assert self.held is not None
        known, new = (self.held.rmse[left, "partial"] for left in ("students", "schools"))
        return round(new, 1) > round(known, 1)

    def answers(self, step: int, pooling: str) -> bool:
        """Whether a pooling has an interval at a step."""
        return bool(np.isfinite(self.made.interval(step, pooling)).all())

    @property
    def families(self) -> list[tuple[str, int, float, float]]:
        """Name, students and 95% interval for the next student: largest school, a small one, new.

        The small one is Juniper, or the smallest where there is no Juniper; a new school
        has no name and no students.
        """
        names, n = self.data.labels.astype(str), self.data.n
        small = np.flatnonzero(names == "Juniper")
        schools = [int(np.argmax(n)), int(small[0]) if len(small) else int(np.argmin(n))]
        said = []
        for j in schools:
            low, high = predict_new_student(self.fit, school=self.data.labels[j]).interval()
            said.append((str(names[j]), int(n[j]), float(low[0]), float(high[0])))
        low, high = predict_new_student(self.fit).interval()
        return [*said, ("", 0, float(low[0]), float(high[0]))]

    def tables(self, *, partial: bool, others: bool, truth: bool) -> dict[str, Table]:
        """The tables of `mlm_core.charts.next_student`; what is not shown lies unseen."""
        made, step = self.made, np.arange(len(self.made.seen))
        shown = {"partial": partial, "no": others, "complete": others}
        path: dict[str, Any] = {"step": step, "k": made.seen, "resting": step == self.last}
        rest = made.complete_mean[-1]
        for name, seen in shown.items():
            for end, values in zip(("mean", "low", "high"), made.ends(name), strict=True):
                path[f"{name}_{end}"] = values if seen else np.where(np.isnan(values), values, rest)
            path[f"{name}_seen"] = float(seen)
        path["caption"] = [
            f"{k} seen: {low:.0f} to {high:.0f}".replace("-", "−") if partial else "next: ?"
            for k, low, high in zip(
                made.seen, path["partial_low"], path["partial_high"], strict=True
            )
        ]  # fmt: skip
        true = Table({"truth": [self.truth if truth else rest], "truth_seen": [float(truth)]})
        return {"path": Table(path), "students": self._students(), "truth": true}

    def curves(self, domain: tuple[float, float], *, partial: bool, others: bool) -> Table:
        """One row a step and score: densities, 1 where the narrowest is highest; three are kept."""
        from scipy.stats import t

        made, score = self.made, np.linspace(*domain, GRID)
        K = len(made.seen)
        flat = np.ones(K)
        of: dict[str, tuple[Floats, Floats, Floats, bool]] = {
            "partial": (made.mean, made.sd, made.df, partial),
            "no": (made.own_mean, made.own_sd, made.own_df * flat, others),
            "complete": (made.complete_mean, made.complete_sd, made.complete_df * flat, others),
        }
        narrowest = min(float(np.nanmin(sd)) for _, sd, _, _ in of.values())
        step = np.repeat(np.arange(K), GRID)
        table: dict[str, Any] = {"step": step, "score": np.tile(score, K)}
        for name, (mean, sd, df, seen) in of.items():
            freedom = np.minimum(df, 1e6)[:, None]
            z = (score - mean[:, None]) / sd[:, None]
            height = narrowest / sd[:, None] * t.pdf(z, freedom) / t.pdf(0, freedom)
            table[f"{name}_density"] = np.nan_to_num(height).ravel() * seen
            table[f"{name}_seen"] = float(seen) * np.isfinite(mean)[step]
        kept = np.isin(step, [0, self.few, self.last])
        return Table({**table, "resting": step == self.last, "kept": kept})

    def _students(self) -> Table:
        """One row a student: the first step that has seen it, and the score."""
        kept = np.arange(0, self.n, -(-self.n // DOTS))
        at = np.searchsorted(self.made.seen, kept + 1)
        return Table({"row": kept, "k": self.made.seen[at], "score": self.scores[kept]})

    def error_tables(self) -> dict[str, pd.DataFrame]:
        """The table of `mlm_core.charts.held_out`: one row a class of size, pooling and panel."""
        import pandas as pd

        assert self.held is not None
        parts = [table.assign(left=left) for left, table in self.held.errors.items()]
        return {"errors": pd.concat(parts, ignore_index=True)}


def numbers_seen(n: int) -> Ints:
    """Numbers of students from 0 to n: each up to `EVERY`, then in growing steps.

    Examples
    --------
    >>> numbers_seen(3).tolist()
    [0, 1, 2, 3]
    """
    if n <= EVERY:
        return np.arange(n + 1)
    beyond = np.geomspace(EVERY, n, STEPS - EVERY)[1:]
    return np.unique(np.concatenate([np.arange(EVERY + 1), np.rint(beyond).astype(int)]))


def predictions(
    data: GroupedData,
    fits: tuple[CompletePooling, NoPooling, PartialPooling],
    school: int,
    size: int = 1,
) -> Predictions:
    """Predict the mean score of new students of a school of which k are seen.

    Parameters
    ----------
    data : GroupedData
        Without x, as are the fits.
    fits : (complete, no, partial pooling)
    school : int
        Place of the school in ``data.labels``.
    size : int
        New students whose mean is predicted; 1 is one student's score.

    Examples
    --------
    >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    >>> fits = fit_complete_pooling(data), fit_no_pooling(data), fit_partial_pooling(data)
    >>> predictions(data, fits, 0).sd.round(1).tolist()
    [6.1, 1.4, 1.2, 1.2]
    """
    complete, no, partial = fits
    between, within = partial.hyper.sigma_alpha**2, partial.sigma_y**2
    y = data.y[data.j == school]
    seen = numbers_seen(len(y))
    k = np.maximum(seen, 1)
    own = np.cumsum(y)[k - 1] / k

    others = np.arange(data.n_groups) != school
    weight = 1 / (between + within / data.n[others])
    v = between + within / k
    of_school = np.where(seen > 0, 1 / v, 0.0)
    total = weight.sum() + of_school
    a0 = (weight @ data.group_means(data.y)[others] + of_school * own) / total
    b = np.where(seen > 0, between / v, 0.0)
    variance = between * (1 - b) + (1 - b) ** 2 / total

    alone = np.where(seen > 0, 1.0, np.nan)
    n = data.n_students
    known = n - len(y) + seen
    total_y = data.y.sum() - y.sum() + np.where(seen > 0, k * own, 0.0)
    return Predictions(
        seen=seen,
        mean=frozen(a0 + b * (own - a0)),
        school_sd=frozen(np.sqrt(variance)),
        sd=frozen(np.sqrt(variance + within / size)),
        df=frozen(degrees_of_freedom(data.n_groups, between, variance)),
        own_mean=frozen(alone * own),
        own_sd=frozen(alone * no.sigma_y * np.sqrt(1 / k + 1 / size)),
        own_df=float(n - data.n_groups),
        complete_mean=frozen(total_y / known),
        complete_sd=frozen(complete.sigma_y * np.sqrt(1 / known + 1 / size)),
        complete_df=float(n - 1),
    )


def inside_as_new(data: GroupedData) -> int:
    """Students whose score lies in the 95% interval of a new school, their school left out.

    Examples
    --------
    >>> data = replace(simulate(Scenario(n_groups=6)).data, x=None, u=None)
    >>> 0 < inside_as_new(data) <= data.n_students
    True
    """
    inside = 0
    for school in range(data.n_groups):
        rest = data.j != school
        j = data.j[rest] - (data.j[rest] > school)
        others = GroupedData(data.y[rest], None, j, None, np.delete(data.labels, school))
        low, high = predict_new_student(fit_partial_pooling(others)).interval()
        y = data.y[~rest]
        inside += int(((y > low) & (y < high)).sum())
    return inside


def held_out_facts(scenario: Scenario, data: GroupedData) -> HeldOut:
    """Errors of predictions for what the fits have not seen.

    Parameters
    ----------
    scenario : Scenario
        x is left out.
    data : GroupedData
        Of this draw, without x.
    """
    worlds = int(np.clip(MOST_STUDENTS // data.n_students, 2, WORLDS))
    errors, rmse = {}, {}
    for leave in ("students", "schools"):
        folds = min(5, data.n_students if leave == "students" else data.n_groups)
        table = held_out_worlds(scenario, worlds, leave, folds, with_x=False)
        errors[leave] = error_by_size(table)
        for pooling, of in table.groupby("pooling"):
            rmse[leave, str(pooling)] = float(np.sqrt((of["error"] ** 2).mean()))
    return HeldOut(errors, rmse, worlds, inside_as_new(data))


def facts(scenario: Scenario, school: str, of_class: bool = False, errors: bool = False) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
    school : str
        Name of the picked school; where there is none of that name, the largest is picked.
    of_class : bool
        Predict the mean of a class instead of one student's score.
    errors : bool
        Compute held-out errors, too.

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    made = simulate(scenario)
    data = replace(made.data, x=None)
    partial = fit_partial_pooling(data, group_predictor=False)
    fits = fit_complete_pooling(data), fit_no_pooling(data), partial
    named = np.flatnonzero(data.labels.astype(str) == school)
    picked = int(named[0]) if len(named) else int(np.argmax(data.n))
    size = CLASS if of_class else 1
    return Facts(
        simulation=replace(made, data=data),
        fit=fits[2],
        made=predictions(data, fits, picked, size),
        picked=picked,
        size=size,
        held=held_out_facts(scenario, data) if errors else None,
    )
