"""What do people mean by fixed and random? All that the lesson says and draws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlm_core import estimates
from mlm_core.data import Floats, GroupedData
from mlm_core.partial import fit_partial_pooling
from mlm_core.path import pooling_path
from mlm_core.pooling import fit_no_pooling
from mlm_core.records import PartialPooling, PoolingPath
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import simulate
from mlm_core.table import Table

Word = Literal["fixed", "random", "does not say"]
Interest = Literal["these", "general"]
Sample = Literal["all", "few"]
Fitted = Literal["model", "indicators"]


@dataclass(frozen=True, slots=True)
class Definition:
    """One of the five definitions of Gelman (2005), section 6, and what it says here.

    Attributes
    ----------
    name : str
        The two sides of it, fixed first.
    fixed, random : str
        When an effect is called so.
    source : str
        Who says so.
    intercepts, slope : "fixed", "random" or "does not say"
        What it calls the schools' intercepts and the slope.
    """

    name: str
    fixed: str
    random: str
    source: str
    intercepts: Word
    slope: Word


def definitions(interest: Interest, sample: Sample, fitted: Fitted) -> tuple[Definition, ...]:
    """The five definitions, applied to one line for each school with one slope.

    Parameters
    ----------
    interest : "these" or "general"
        The question is about these schools, or about schools in general.
    sample : "all" or "few"
        The schools are all there are, or a few of many.
    fitted : "model" or "indicators"
        By the multilevel model, or with an indicator for each school.

    References
    ----------
    Gelman, A. (2005). Analysis of variance: why it is more important than ever. Annals of
    Statistics 33(1), section 6.

    Examples
    --------
    >>> [d.intercepts for d in definitions("these", "all", "model")]
    ['random', 'fixed', 'fixed', 'random', 'random']
    """
    return (
        Definition(
            "The same for all, or varying",
            "it is the same for all",
            "it varies",
            "Kreft & de Leeuw 1998",
            "random",
            "fixed",
        ),
        Definition(
            "Of interest itself, or its population",
            "it is of interest itself",
            "the population behind it is",
            "Searle et al. 1992",
            "fixed" if interest == "these" else "random",
            "fixed",
        ),
        Definition(
            "All, or a sample",
            "all of the population are there",
            "they are a small sample of it",
            "Green & Tukey 1960",
            "fixed" if sample == "all" else "random",
            "does not say",
        ),
        Definition(
            "A fixed number, or a random draw",
            "it is taken as a fixed number",
            "it is taken as drawn by chance",
            "LaMotte 1983",
            "fixed" if fitted == "indicators" else "random",
            "fixed",
        ),
        Definition(
            "Least squares, or shrinkage",
            "least squares estimates it",
            "it is estimated with shrinkage",
            "Robinson 1991",
            "random" if fitted == "model" else "fixed",
            "fixed",
        ),
    )


@record
class Fits:
    """One line a school with one slope for all, and its two limits.

    Attributes
    ----------
    data : GroupedData
    fit : PartialPooling
        Varying intercepts, one slope, REML.
    path : PoolingPath
        The same at each step of the handle.
    own : (J,) array
        Intercepts with an indicator for each school: no pooling, one slope (points).
    """

    data: GroupedData
    fit: PartialPooling
    path: PoolingPath
    own: Floats


@lru_cache(maxsize=64)
def fits(scenario: Scenario) -> Fits:
    """Simulate and fit.

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    data = simulate(scenario).data
    fit = fit_partial_pooling(data, group_predictor=False)
    path = pooling_path(data, estimates.handle_grid(fit.hyper.sigma_alpha), fit=fit)
    return Fits(data, fit, path, fit_no_pooling(data).lines.alpha)


@record
class Facts:
    r"""The lesson on fixed and random in one scenario, with one school picked.

    .. math:: y_i = \alpha_{j[i]} + \beta x_i + \epsilon_i, \qquad
        \alpha_j \sim N(a_0, \sigma_\alpha^2)

    At :math:`\sigma_\alpha = 0` the intercept is one for all, at :math:`\infty` each school
    has its own and there is no model: both are called fixed.

    Attributes
    ----------
    scenario : Scenario
    fits : Fits
    picked : int
        The school by its place in ``data.labels``.
    interest, sample, fitted : str
        The story to which the `definitions` are applied.
    """

    scenario: Scenario
    fits: Fits
    picked: int
    interest: Interest
    sample: Sample
    fitted: Fitted

    @property
    def x(self) -> Floats:
        """(n,) the students' pre-tests."""
        x = self.data.x
        assert x is not None
        return x

    @property
    def data(self) -> GroupedData:
        """The students."""
        return self.fits.data

    @property
    def names(self) -> NDArray[np.str_]:
        """(J,) names of the schools."""
        return self.data.labels.astype(str)

    @property
    def path(self) -> PoolingPath:
        """The model at each step of the handle."""
        return self.fits.path

    @property
    def sigma_alpha(self) -> float:
        """Estimated SD between schools (points)."""
        return self.fits.fit.hyper.sigma_alpha

    @property
    def sigma_y(self) -> float:
        """Estimated SD within schools (points)."""
        return self.fits.fit.sigma_y

    @property
    def a0(self) -> float:
        """Estimated mean intercept (points)."""
        return self.fits.fit.hyper.a0

    @property
    def slopes(self) -> tuple[float, float, float]:
        """Slope where the SD between schools is 0, where it is estimated, where it is infinite."""
        return float(self.path.a1[0]), self.fits.fit.hyper.a1, float(self.path.a1[-1])

    @property
    def true_slope(self) -> float:
        """True slope among students of one school with u = 0 (points for one unit of x)."""
        return self.scenario.hyper.a1

    @property
    def intercepts(self) -> tuple[float, float, float]:
        """Of the picked school: one for all, estimated, its own (points)."""
        estimate = self.fits.fit.lines.alpha[self.picked]
        return float(self.path.alpha[0].mean()), float(estimate), float(self.fits.own[self.picked])

    @property
    def nearest_end(self) -> bool:
        """The slope at infinity is nearer to the truth than the estimate's."""
        _, estimate, at_infinity = self.slopes
        return abs(at_infinity - self.true_slope) < abs(estimate - self.true_slope)

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """The five, applied to the story."""
        return definitions(self.interest, self.sample, self.fitted)

    @property
    def random(self) -> int:
        """By how many of the five the intercepts are random."""
        return sum(d.intercepts == "random" for d in self.definitions)

    @property
    def estimate_at(self) -> int:
        """The step of the handle at which the estimate is."""
        return estimates.resting_place(self.sigma_alpha)

    @property
    def rest(self) -> int:
        """The step at which the handle rests: the estimate, or where indicators are fitted."""
        return self.estimate_at if self.fitted == "model" else len(self.path.sigma_alpha) - 1

    def reach(self) -> Floats:
        """Everything that the axis of scores must hold (points)."""
        return np.concatenate([self.data.y, self.fits.own])

    def tables(self, *, named: bool) -> dict[str, Table]:
        """The tables of `mlm_core.charts.two_limits`; what is not shown lies unseen."""
        data, path = self.data, self.path
        steps = estimates.likelihood_table(path, self.sigma_alpha, self.rest)
        last, estimate = len(steps) - 1, self.estimate_at
        slopes = [f"{value:.2f}".replace("-", "−").replace("−0.00", "0.00") for value in path.a1]
        sds = ["0", *(f"{value:.1f} points" for value in path.sigma_alpha[1:-1]), "∞"]
        captions = [
            f"{'estimate: ' if k == estimate else ''}SD between schools {sd}, slope {slope}"
            for k, (sd, slope) in enumerate(zip(sds, slopes, strict=True))
        ]
        picked = str(self.names[self.picked])
        order = estimates.by_size(data)
        one, _, own = self.intercepts
        return {
            "path": estimates.path_table(path, data, self.rest)[
                ["step", "row", "alpha", "resting"]
            ],
            "steps": steps.assign(
                caption=captions,
                estimate=steps["step"] == estimate,
                beta=path.a1,
                zone=["complete", *["partial"] * (last - 1), "no"],
                named=float(named),
            ),
            "schools": Table(
                {
                    "row": range(len(order)),
                    "school": self.names[order],
                    "n": data.n[order],
                    "picked": self.names[order] == picked,
                }
            ),
            "ends": Table(
                {
                    "end": ["complete", "no"],
                    "alpha": [one, own],
                    "beta": path.a1[[0, -1]],
                    "zero": 0.0,
                }
            ),
            "students": estimates.marked_students(data, picked, most=300),
        }


def facts(
    scenario: Scenario,
    school: str,
    interest: Interest = "these",
    sample: Sample = "all",
    fitted: Fitted = "model",
) -> Facts:
    """Compute the lesson.

    Parameters
    ----------
    scenario : Scenario
    school : str
        Name of the picked school.
    interest, sample, fitted : str
        As in `definitions`.

    Raises
    ------
    DataError
        The data cannot be fitted; the sentence says why.
    """
    found = fits(scenario)
    picked = int(np.flatnonzero(found.data.labels.astype(str) == school)[0])
    return Facts(scenario, found, picked, interest, sample, fitted)
