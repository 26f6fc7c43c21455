"""Everyone is a draw: the same town drawn once for each person in a room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import Floats, Ints
from mlm_core.partial import fit_partial_pooling
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import Simulation, simulate

SCHOOL = "Northgate"
"""Whose mean is estimated: three students, at the top."""


@record
class Drawn:
    """One person's town.

    Attributes
    ----------
    names : (J,) array of str
    n : (J,) array
        Students.
    own, partial : (J,) arrays
        The schools' own means, and their estimates by partial pooling (points).
    values : tuple of float
        The quantity of the study by no pooling and by partial pooling (points).
    """

    names: NDArray[np.str_]
    n: Ints
    own: Floats
    partial: Floats
    values: tuple[float, float]


@dataclass(frozen=True)
class Study:
    """What a room draws.

    Attributes
    ----------
    slug : str
        The lesson that it belongs to.
    what : str
        What each person estimates: the words of the axis.
    task : str
        What each person does, in one or two sentences.
    names : tuple of str
        What the two values are.
    low, high, step : float
        The axis of the room's two histograms, and the width of a bin (points).
    scenario : Scenario
    redraws : bool
        The schools stay, and only the students are new.
    quantity : function of Simulation, own means and the fit's lines and SD
        Both values (points).
    truth : function of Simulation, optional
        What both estimate (points); without it, what is drawn is a miss.
    """

    slug: str
    what: str
    task: str
    names: tuple[str, str]
    low: float
    high: float
    step: float
    scenario: Scenario
    redraws: bool
    quantity: Callable[[Simulation, Floats, Floats, float], tuple[float, float]]
    truth: Callable[[Simulation], float] | None = None

    def one(self, seed: int) -> Drawn:
        """The town as one person draws it.

        Parameters
        ----------
        seed : int
            0 or more: of the students, and of the schools where those are new too.

        Raises
        ------
        DataError
            The draw cannot be fitted.
        """
        start = self.scenario
        new = replace(start, redraw=1 + seed) if self.redraws else replace(start, seed=seed)
        made = simulate(new)
        data = replace(made.data, x=None)
        fit = fit_partial_pooling(data, group_predictor=False)
        own = data.group_means(data.y)
        partial = fit.lines.alpha
        values = self.quantity(made, own, partial, fit.hyper.sigma_alpha)
        return Drawn(data.labels.astype(str), data.n, own, partial, values)

    @cached_property
    def true_value(self) -> float | None:
        """The truth (points)."""
        return None if self.truth is None else self.truth(simulate(self.scenario))


def _only_schools(**changes: float) -> Scenario:
    """No predictors: schools differ by `sigma_alpha` and by nothing else."""
    start = Scenario(**changes)  # type: ignore[arg-type]
    hyper = replace(start.hyper, b0=0.0, a1=0.0, b1=0.0, sigma_beta=0.0, rho=0.0)
    return replace(start, hyper=hyper)


def _spread(
    made: Simulation, own: Floats, partial: Floats, sigma_alpha: float
) -> tuple[float, float]:
    return float(own.std(ddof=1)), sigma_alpha


def _school(
    made: Simulation, own: Floats, partial: Floats, sigma_alpha: float
) -> tuple[float, float]:
    j = _place(made)
    return float(own[j]), float(partial[j])


def _place(made: Simulation) -> int:
    return int(np.flatnonzero(made.data.labels.astype(str) == SCHOOL)[0])


def _misses(
    made: Simulation, own: Floats, partial: Floats, sigma_alpha: float
) -> tuple[float, float]:
    def rms(estimate: Floats) -> float:
        return float(np.sqrt(np.mean((estimate - made.mean) ** 2)))

    return rms(own), rms(partial)


STUDIES = {
    study.slug: study
    for study in (
        Study(
            slug="partial_pooling",
            what=f"true mean of {SCHOOL}, estimated, points",
            task="The schools are the same for all, the students are yours alone. "
            f"What is {SCHOOL}’s true mean?",
            names=("its own mean", "partial pooling"),
            low=44.0, high=82.0, step=2.0,
            scenario=Scenario(),
            redraws=True,
            quantity=_school,
            truth=lambda made: float(made.mean[_place(made)]),
        ),
        Study(
            slug="efficient_inference",
            what="typical miss over all schools, points (RMSE)",
            task="Other schools and other students for each of you. "
            "How far are the estimates from the truth?",
            names=("own means", "partial pooling"),
            low=0.0, high=7.0, step=0.5,
            scenario=_only_schools(),
            redraws=False,
            quantity=_misses,
        ),
        Study(
            slug="how_sure_about_tau",
            what="SD between schools, estimated, points",
            task="Eight schools, other ones for each of you, with other students. "
            "How much do schools truly differ?",
            names=("SD of the own means", "best guess (REML)"),
            low=0.0, high=12.0, step=1.0,
            scenario=_only_schools(n_groups=8),
            redraws=False,
            quantity=_spread,
            truth=lambda made: made.scenario.hyper.sigma_alpha,
        ),
    )
}  # fmt: skip
"""By the lesson's slug."""
