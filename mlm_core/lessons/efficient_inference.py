"""Is it really better, or only different? All that the lesson says and draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import DataError, Floats, GroupedData, Ints
from mlm_core.replication import EstimatorErrors, Replications, replicate, world
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import school_names
from mlm_core.table import Table, stacked

Way = Literal["complete", "no", "partial"]
WAYS: tuple[Way, ...] = ("complete", "no", "partial")

NAMES: dict[Way, str] = {
    "no": "its own mean",
    "complete": "the common mean",
    "partial": "partial pooling",
}
"""One name for each estimator, in words, figures and tables."""

DRAWS = 1000
"""Draws of the town that are refitted."""

SHOWN = 100
"""Draws that are shown one by one."""

CURVE = 61
"""Points of the curve of an estimator's errors."""

BINS = 25
"""Bars of a histogram of the estimated SD between schools."""

GOLDEN = (5**0.5 - 1) / 2


class Spreads(NamedTuple):
    """The SD between schools as two methods estimate it, (n_draws,) each (points)."""

    reml: Floats
    ml: Floats


@record
class Facts:
    r"""The lesson on efficiency in one scenario, with one school picked.

    There are no predictors: :math:`y_i = \alpha_{j[i]} + \epsilon_i`. In every draw of the
    town schools and students are new; the sizes of the schools stay.

    Attributes
    ----------
    scenario : Scenario
        Without predictors.
    made : Replications
        All draws, with their errors.
    picked : int
        By its place in ``made.labels``.
    """

    scenario: Scenario
    made: Replications
    picked: int

    @property
    def data(self) -> GroupedData:
        """The students of the first draw."""
        return world(self.scenario, 0, with_x=False).data

    @property
    def names(self) -> NDArray[np.str_]:
        """(J,) names of the schools."""
        return self.made.labels.astype(str)

    @property
    def n(self) -> Ints:
        """(J,) students in each school."""
        return self.made.n

    @property
    def smallest(self) -> int:
        """The smallest school."""
        return int(np.argmin(self.n))

    @property
    def largest(self) -> int:
        """The largest school."""
        return int(np.argmax(self.n))

    @property
    def equal(self) -> bool:
        """All schools have the same size."""
        return int(self.n.min()) == int(self.n.max())

    @property
    def odd(self) -> int:
        """The school that ``Scenario.extraordinary`` sets apart, in every draw."""
        return int(np.flatnonzero(self.names == school_names(1)[0])[0])

    @property
    def true_sd(self) -> float:
        """True SD between schools (points)."""
        return self.scenario.hyper.sigma_alpha

    @property
    def never_estimated(self) -> float:
        """Share of draws in which the SD between schools is estimated as exactly 0."""
        return float((self.made.fits.sigma_alpha == 0).mean())

    def of(self, way: Way) -> EstimatorErrors:
        """How an estimator did."""
        out: EstimatorErrors = getattr(self.made, f"{way}_pooling")
        return out

    def errors(self, way: Way, j: int) -> Floats:
        """(n_draws,) estimate minus truth of school j."""
        found = self.of(way).errors
        if found is None:
            raise ValueError("The replications were made without keeping their errors.")
        return found[:, j]

    def gain(self, j: int) -> float:
        r"""How much smaller the error of school j is with partial pooling than without.

        .. math:: 1 - \mathrm{RMSE}_j(\text{partial}) / \mathrm{RMSE}_j(\text{no})
        """
        return float(1 - self.made.partial_pooling.rmse[j] / self.made.no_pooling.rmse[j])

    def known(self, n: int) -> dict[Way, float]:
        """Errors in a school of n students, were the common mean and both SDs known (points)."""
        found = expected_errors(float(n), self.true_sd, self.scenario.sigma_y)
        return {way: float(value) for way, value in found.items()}

    def so_far(self, way: Way) -> Floats:
        """(shown,) root mean square error of the picked school, up to each shown draw."""
        squares = self.errors(way, self.picked)[:SHOWN] ** 2
        out: Floats = np.sqrt(np.cumsum(squares) / np.arange(1, len(squares) + 1))
        return out

    @property
    def spreads(self) -> Spreads:
        """The estimated SDs between schools, by REML and by ML."""
        return _spreads(self.scenario)

    def variance(self, estimates: Floats) -> float:
        """Average of the estimated variances (points squared): by REML about the truth."""
        return float(np.mean(estimates**2))

    @property
    def luck(self) -> float:
        r"""By what share a root mean square error of all draws strays from its mean: one SD.

        .. math:: 1 / \sqrt{2 K}
        """
        return float((2 * self.made.n_replications) ** -0.5)

    def on_average(self, estimates: Floats) -> float:
        """Root mean square of estimated SDs (points): that of an honest variance is the truth."""
        return float(np.sqrt(np.mean(estimates**2)))

    # Tables

    def error_tables(self, *, partial: bool) -> dict[str, Table]:
        """The tables of `mlm_core.charts.errors`: the picked school's errors, draw by draw.

        Returns
        -------
        dict of Table
            ``curves``: ``way, row, error, density`` (1 at the top); ``dots``, one row an
            estimator and shown draw: ``step, way, row, error, aside``; ``bars``, one row an
            estimator: ``way, row, low, high, name, label``; ``steps``, one row a shown draw.
        """
        ways: tuple[Way, ...] = WAYS if partial else WAYS[:2]
        shown = np.arange(min(SHOWN, self.made.n_replications))
        curves, dots, bars = [], [], []
        for row, way in enumerate(ways):
            values, rmse = self.errors(way, self.picked), float(self.of(way).rmse[self.picked])
            aside = (shown + 1) * 0.618033988749895 % 1
            curves.append(Table({"way": way, "row": row, **density(values)}))
            dots.append(
                Table(
                    {"step": shown, "way": way, "row": row, "error": values[shown], "aside": aside}
                )
            )
            bars.append(
                {
                    "way": way, "row": row, "low": -rmse, "high": rmse,
                    "name": NAMES[way], "label": f"RMSE {rmse:.1f}",
                }
            )  # fmt: skip
        return {
            "curves": stacked(curves),
            "dots": stacked(dots),
            "bars": Table.from_rows(bars),
            "steps": Table(
                {
                    "step": shown,
                    "at": shown / max(len(shown) - 1, 1),
                    "caption": [
                        f"{self.names[self.picked]} ({self.n[self.picked]}), "
                        + (f"draws 1 to {k + 1} of {self.made.n_replications:,}" if k else "draw 1")
                        for k in range(len(shown))
                    ],
                    "resting": shown == len(shown) - 1,
                }
            ),
        }

    def size_tables(self, largest: float) -> dict[str, Table]:
        """The tables of `mlm_core.charts.by_size`: every school and estimator.

        Returns
        -------
        dict of Table
            ``schools``: ``way, school, n, error, held, picked``; ``expected``, the curves of
            `expected_errors`: ``way, n, error``.
        """
        schools = stacked(
            [
                Table(
                    {
                        "way": way,
                        "school": self.names,
                        "n": self.n,
                        "error": self.of(way).rmse,
                        "held": self.of(way).coverage,
                        "picked": self.names == self.names[self.picked],
                    }
                )
                for way in WAYS
            ]
        )
        n = np.geomspace(1, largest, 80)
        curves = expected_errors(n, self.true_sd, self.scenario.sigma_y)
        expected = [Table({"way": w, "n": n, "error": curves[w]}) for w in WAYS]
        return {"schools": schools, "expected": stacked(expected)}

    def spread_tables(self) -> dict[str, Table]:
        """The tables of `mlm_core.charts.spreads`: estimated SDs by two methods.

        Returns
        -------
        dict of Table
            ``bars``: ``way, row, left, right, share``, where estimates of 0 are in no bar;
            ``ways``: ``way, row, name, zero, never, mean, said, truth``.
        """
        both = self.spreads
        edges = np.linspace(0, self.spread_reach(), BINS + 1)
        bars, ways = [], []
        for row, (way, values) in enumerate(zip(("REML", "ML"), both, strict=True)):
            share = np.histogram(values[values > 0], edges)[0] / len(values)
            bars.append(
                Table(
                    {"way": way, "row": row, "left": edges[:-1], "right": edges[1:], "share": share}
                )
            )
            zero, mean = float((values == 0).mean()), self.on_average(values)
            ways.append(
                {
                    "way": way, "row": row, "name": way, "zero": zero, "mean": mean,
                    "said": f"average variance {mean**2:.1f}, its root {mean:.1f}",
                    "never": f"{100 * zero:.0f}%" if zero else "",
                    "truth": self.true_sd,
                }
            )  # fmt: skip
        return {"bars": stacked(bars), "ways": Table.from_rows(ways)}

    def spread_reach(self) -> float:
        """Right end of the axis of estimated SDs: a whole number of fives (points)."""
        top = max(float(np.quantile(self.spreads.reml, 0.995)), self.true_sd, 1.0)
        return float(5 * np.ceil(top / 5))

    def spread_top(self) -> float:
        """Share of draws in the highest bar, that of exactly 0 among them."""
        tables = self.spread_tables()
        return float(max(tables["bars"]["share"].max(), tables["ways"]["zero"].max()))

    @property
    def pulled_up(self) -> float:
        """Share of draws in which partial pooling puts the odd school too high."""
        return float((self.errors("partial", self.odd) > 0).mean())

    @property
    def partial_wins(self) -> bool:
        """All schools together, partial pooling errs less than own means."""
        return self.of("partial").overall_rmse < self.of("no").overall_rmse

    def reach(self) -> Floats:
        """Between which errors nearly all draws lie, in the picked school: (low, high)."""
        out: Floats = np.quantile([self.errors(w, self.picked) for w in WAYS], [0.003, 0.997])
        return out


def only_schools(scenario: Scenario) -> Scenario:
    """The scenario without predictors: schools differ by ``sigma_alpha``, and one may be odd.

    Examples
    --------
    >>> only_schools(Scenario()).hyper.b0
    0.0
    """
    hyper = replace(scenario.hyper, b0=0.0, a1=0.0, b1=0.0, sigma_beta=0.0, rho=0.0)
    return replace(scenario, hyper=hyper, sigma_x=0.0, contextual=0.0)


def expected_errors(n: Floats | float, sigma_alpha: float, sigma_y: float) -> dict[Way, Floats]:
    r"""Root mean square errors where the common mean and both SDs are known.

    .. math::

        \text{complete: } \sigma_\alpha, \qquad \text{no: } \frac{\sigma_y}{\sqrt{n}}, \qquad
        \text{partial: } \Big(\frac{n}{\sigma_y^2} + \frac{1}{\sigma_\alpha^2}\Big)^{-1/2}

    Parameters
    ----------
    n : float or array
        Students in a school.
    sigma_alpha, sigma_y : float
        SDs (units of y).

    Returns
    -------
    dict
        By the name of the estimator.

    References
    ----------
    Gelman & Hill (2007), section 12.2.

    Examples
    --------
    >>> [round(float(v), 2) for v in expected_errors(4, 5.0, 10.0).values()]
    [5.0, 5.0, 3.54]
    """
    size = np.asarray(n, dtype=np.float64)
    own = sigma_y / np.sqrt(size)
    total = np.sqrt(own**2 + sigma_alpha**2)
    return {
        "complete": np.full(size.shape, sigma_alpha),
        "no": own,
        "partial": own * sigma_alpha / total,
    }


def ml_spreads(made: Replications) -> Floats:
    r"""The SD between schools by maximum likelihood, in each draw.

    Minimises over :math:`\lambda = \sigma_\alpha^2 / \sigma_y^2`, from 0 on,

    .. math::

        d(\lambda) = \sum_j \log(1 + n_j \lambda) + n \log r^2(\lambda), \qquad
        r^2(\lambda) = S + \sum_j \frac{n_j}{1 + n_j \lambda} (\bar y_j - \hat a_0(\lambda))^2

    with S the sum of squares within schools, which the fit by REML tells.

    Parameters
    ----------
    made : Replications
        Without x and u, with its errors kept.

    Returns
    -------
    (n_draws,) array
        Exactly 0 where the criterion is smallest there (units of y).

    References
    ----------
    Bates et al. (2015), J. Stat. Softw. 67(1), section 3.4.
    """
    if made.truth is None or made.no_pooling.errors is None:
        raise ValueError("The replications were made without keeping their errors.")
    n, total = made.n.astype(np.float64), float(made.n.sum())
    y = made.truth + made.no_pooling.errors
    fits = made.fits
    within = fits.sigma_y**2 * (total - 1) - _around(y, n, (fits.sigma_alpha / fits.sigma_y) ** 2)
    within = np.maximum(within, 0.0)

    def criterion(ratio: Floats) -> Floats:
        rest = within + _around(y, n, ratio)
        out: Floats = np.log1p(n * ratio[:, None]).sum(axis=1) + total * np.log(rest)
        return out

    high = 100 * (1 + (fits.sigma_alpha.max() / fits.sigma_y.min()) ** 2)
    grid = np.append(0.0, np.geomspace(0.02 / n.max(), high, 40))
    heights = np.array([criterion(np.full(len(y), ratio)) for ratio in grid])
    best = heights.argmin(axis=0)
    low, top = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, len(grid) - 1)]
    ratio = _lowest(criterion, low, top)
    ratio = np.where(heights[0] <= criterion(ratio), 0.0, ratio)
    rest = within + _around(y, n, ratio)
    out: Floats = np.sqrt(ratio * rest / total)
    return out


def _around(y: Floats, n: Floats, ratio: Floats) -> Floats:
    """(K,) weighted sum of squares of school means around their generalised mean."""
    weight = n / (1 + n * ratio[:, None])
    mean = (weight * y).sum(axis=1) / weight.sum(axis=1)
    out: Floats = (weight * (y - mean[:, None]) ** 2).sum(axis=1)
    return out


def _lowest(criterion: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Golden-section search in every draw at once."""
    a, b = low.copy(), high.copy()
    c, d = b - GOLDEN * (b - a), a + GOLDEN * (b - a)
    at_c, at_d = criterion(c), criterion(d)
    for _ in range(36):
        left = at_c < at_d
        a, b = np.where(left, a, c), np.where(left, d, b)
        new = np.where(left, b - GOLDEN * (b - a), a + GOLDEN * (b - a))
        at_new = criterion(new)
        c, d = np.where(left, new, d), np.where(left, c, new)
        at_c, at_d = np.where(left, at_new, at_d), np.where(left, at_c, at_new)
    return (a + b) / 2


def density(values: Floats) -> dict[str, Floats]:
    r"""A smooth histogram: normal kernels of Silverman's width, 1 at the top.

    .. math:: h = 1.06\, s\, K^{-1/5}
    """
    centre, sd = values.mean(), max(float(values.std()), 1e-9)
    at = centre + sd * np.linspace(-3.6, 3.6, CURVE)
    width = 1.06 * sd * len(values) ** -0.2
    height = np.exp(-(((at[:, None] - values) / width) ** 2) / 2).sum(axis=1)
    return {"error": at, "density": height / height.max()}


@lru_cache(maxsize=16)
def _draws(scenario: Scenario) -> Replications:
    try:
        return replicate(scenario, DRAWS, with_x=False, keep_errors=True)
    except ValueError as reason:
        raise DataError(str(reason)) from None


@lru_cache(maxsize=16)
def _spreads(scenario: Scenario) -> Spreads:
    made = _draws(scenario)
    return Spreads(made.fits.sigma_alpha, ml_spreads(made))


def facts(scenario: Scenario, school: str) -> Facts:
    """Compute the lesson; predictors are left out of the scenario.

    Parameters
    ----------
    scenario : Scenario
    school : str
        Name of the picked school.

    Raises
    ------
    DataError
        The draws cannot be fitted; the sentence says why.
    """
    alone = only_schools(scenario)
    made = _draws(alone)
    return Facts(alone, made, int(np.flatnonzero(made.labels.astype(str) == school)[0]))
