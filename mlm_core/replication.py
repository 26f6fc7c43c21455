"""Thousands of simulated worlds refitted at once.

The design (school sizes, x, u) stays; each world has new schools and new students.
The fits need of a world only its school means and a few sums of squares, and those
are drawn directly, from their exact distributions. `world` gives the students of
world k, whose sums are those very numbers, so that any single fit can look at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from mlm_core.data import Floats, GroupedData, Ints, frozen
from mlm_core.records import NORMAL_975
from mlm_core.scenario import Scenario
from mlm_core.showing import record
from mlm_core.simulation import Simulation, simulate

GRID = 40
STREAM = 7_000_000
"""Keeps these draws apart from those of `simulate`."""


@record
class EstimatorErrors:
    """How one estimator of the schools' intercepts did, over all worlds.

    Attributes
    ----------
    bias, rmse : (J,) arrays
        Mean and root mean square of estimate minus truth, for each school (units of y).
    coverage : (J,) array
        Share of worlds whose nominal 95% interval holds the truth.
    width : (J,) array
        Mean width of those intervals (units of y).
    rank_agreement : (n_rep,) array
        Spearman correlation of estimates and truth in each world; 0 where the
        estimates, or the truth, are the same for all schools, and NaN where it was not asked for.
    slope, se_slope : (n_rep,) arrays
        Estimated slope and its standard error; 0 without x.
    errors : (n_rep, J) array or None
        Estimate minus truth, when asked for.
    """

    bias: Floats
    rmse: Floats
    coverage: Floats
    width: Floats
    rank_agreement: Floats
    slope: Floats
    se_slope: Floats
    errors: Floats | None = None

    @property
    def overall_bias(self) -> float:
        """Mean error over schools and worlds."""
        return float(self.bias.mean())

    @property
    def overall_rmse(self) -> float:
        """Root mean square error over schools and worlds."""
        return float(np.sqrt((self.rmse**2).mean()))

    @property
    def overall_coverage(self) -> float:
        """Share of intervals that hold the truth, over schools and worlds."""
        return float(self.coverage.mean())

    @property
    def overall_width(self) -> float:
        """Mean width of the intervals over schools and worlds."""
        return float(self.width.mean())

    @property
    def overall_rank_agreement(self) -> float:
        """Mean rank agreement over worlds."""
        return float(self.rank_agreement.mean())


@record
class MultilevelFits:
    """The multilevel model's estimates in each world; all arrays (n_rep,).

    Attributes
    ----------
    a0, b0, a1 : arrays
        Coefficients; ``b0`` is 0 without group predictor, ``a1`` is 0 without x.
    se_a0, se_b0, se_a1 : arrays
        Their standard errors.
    sigma_alpha, sigma_y : arrays
        SDs; ``sigma_alpha`` can be exactly 0.
    """

    a0: Floats
    b0: Floats
    a1: Floats
    se_a0: Floats
    se_b0: Floats
    se_a1: Floats
    sigma_alpha: Floats
    sigma_y: Floats


@record
class Replications:
    """The three estimators refitted on many simulated worlds.

    Attributes
    ----------
    scenario : Scenario
    n_replications : int
    labels, n : (J,) arrays
        Names and sizes of the schools.
    complete_pooling, no_pooling, partial_pooling : EstimatorErrors
    closer : (J,) array
        Share of worlds in which partial pooling is closer to the truth than no pooling.
    fits : MultilevelFits
        Hyperparameters that partial pooling found, world by world.
    truth : (n_rep, J) array or None
        True intercepts, when errors are asked for.
    """

    scenario: Scenario
    n_replications: int
    labels: np.ndarray
    n: Ints
    complete_pooling: EstimatorErrors
    no_pooling: EstimatorErrors
    partial_pooling: EstimatorErrors
    closer: Floats
    fits: MultilevelFits
    truth: Floats | None = None

    @property
    def overall_closer(self) -> float:
        """Share of schools and worlds in which partial pooling is the closer one."""
        return float(self.closer.mean())


@record
class TwoSteps:
    """A regression of the schools' own estimates on u, beside the multilevel model.

    Attributes
    ----------
    scenario : Scenario
    b0, se_b0 : (n_rep,) arrays
        Coefficient of u in the second step, and its stated standard error.
    sigma_alpha : (n_rep,) array
        Residual SD of the second step.
    used : (J,) bool array
        Schools that have an estimate of their own.
    multilevel : MultilevelFits
    own, means, alpha : (n_rep, J) arrays
        Of each world the schools' own intercepts (the first step; NaN where there is none),
        their mean scores, their true intercepts.
    """

    scenario: Scenario
    b0: Floats
    se_b0: Floats
    sigma_alpha: Floats
    used: np.ndarray
    multilevel: MultilevelFits
    own: Floats
    means: Floats
    alpha: Floats


class _Design(NamedTuple):
    """What all worlds share; ``alpha`` and ``beta`` (J,) without the schools' errors."""

    scenario: Scenario
    simulation: Simulation
    n: Floats
    x_mean: Floats
    sxx: Floats
    u: Floats
    alpha: Floats
    beta: Floats
    has_x: bool
    new_schools: bool

    @property
    def df(self) -> int:
        """Degrees of freedom of the students around their schools' own lines."""
        return int(self.n.sum()) - len(self.n) - int((self.sxx > 0).sum())


class _Draws(NamedTuple):
    """Standard draws of a block of worlds: (K, J) four times, and chi-squared (K,)."""

    eta1: Floats
    eta2: Floats
    mean: Floats
    slope: Floats
    rest: Floats


class _Worlds(NamedTuple):
    """A block of K worlds: truth, and the sums of ``y - a0 - a1 x`` that fits need."""

    alpha: Floats
    y_mean: Floats
    sxy: Floats
    syy: Floats


class _Fit(NamedTuple):
    """Intercepts and half widths of their intervals (K, J); slope of each world (K,)."""

    alpha: Floats
    half_width: Floats
    slope: Floats
    se_slope: Floats


class _Score(NamedTuple):
    """What `EstimatorErrors` holds, for one block; mean squares in place of their roots."""

    bias: Floats
    mse: Floats
    coverage: Floats
    width: Floats
    rank_agreement: Floats
    slope: Floats
    se_slope: Floats
    errors: Floats | None


class _Block(NamedTuple):
    """A block of worlds, judged."""

    scores: list[_Score]
    closer: Floats
    fits: MultilevelFits
    truth: Floats | None


class _Gls(NamedTuple):
    """Least squares at given ratios of variances; ``nd`` is ``n_j / (1 + n_j ratio)``."""

    nd: Floats
    inverse: Floats
    coef: Floats
    error: Floats
    rss: Floats


def replicate(
    scenario: Scenario,
    n_replications: int,
    *,
    with_x: bool = True,
    group_predictor: bool = False,
    new_schools: bool = True,
    keep_errors: bool = False,
    ranks: bool = True,
) -> Replications:
    r"""Refit complete, no and partial pooling on many simulated worlds.

    Judged are the school intercepts :math:`\alpha_j` of

    .. math:: y_i = \alpha_{j[i]} + \beta_{j[i]} x_i + \epsilon_i.

    Complete pooling is :math:`\hat\alpha` of one line for everybody, no pooling the
    regression with an indicator for each school and a common slope, partial pooling
    the multilevel model with varying intercepts and a common slope, by REML.
    Intervals are estimate ± quantile · SE: of t for the two classical regressions,
    of the normal for the multilevel model. The answer depends on the scenario's
    seeds only, and the first worlds of a longer run are those of a shorter one.

    Parameters
    ----------
    scenario : Scenario
        Sizes, x and u are those of ``simulate(scenario)``.
    n_replications : int
        Number of worlds.
    with_x : bool
        Without it there is no x in the worlds: ``y = alpha_j + eps``.
    group_predictor : bool
        Whether partial pooling uses u.
    new_schools : bool
        True: every world has new schools of the same sizes, with the same x and u.
        False: the schools of ``simulate(scenario)`` stay, with new students.
    keep_errors : bool
        Keep all errors and the truth, (n_rep, J) each.
    ranks : bool
        Compare the rankings, a third of the work; without it `rank_agreement` is NaN.

    Returns
    -------
    Replications

    Raises
    ------
    ValueError
        No worlds, ``sigma_y = 0``, or too few schools or students for the fits.

    References
    ----------
    Bates et al. (2015), J. Stat. Softw. 67(1), section 3.4, for the criterion.

    Examples
    --------
    >>> found = replicate(Scenario(), 200)
    >>> found.partial_pooling.overall_rmse < found.no_pooling.overall_rmse
    True
    """
    design = _design(scenario, with_x, group_predictor, new_schools)
    blocks = [
        _judge(design, _worlds(design, draws), group_predictor, keep_errors, ranks)
        for draws in _blocks(design, n_replications)
    ]
    share = np.array([len(block.fits.a0) for block in blocks]) / n_replications
    truth = [block.truth for block in blocks if block.truth is not None]
    complete, no, partial = (_summary([b.scores[k] for b in blocks], share) for k in range(3))
    return Replications(
        scenario=scenario,
        n_replications=n_replications,
        labels=design.simulation.data.labels,
        n=design.simulation.data.n,
        complete_pooling=complete,
        no_pooling=no,
        partial_pooling=partial,
        closer=frozen(share @ [block.closer for block in blocks]),
        fits=_joined([block.fits for block in blocks]),
        truth=frozen(np.concatenate(truth)) if truth else None,
    )


def two_steps(
    scenario: Scenario,
    n_replications: int,
    *,
    slopes: Literal["common", "varying"] = "common",
    with_x: bool = True,
) -> TwoSteps:
    r"""Fit the schools first and regress afterwards, beside doing both at once.

    .. math:: \hat\alpha_j = a_0 + b_0 u_j + e_j \quad\text{by ordinary least squares}

    treats every :math:`\hat\alpha_j` as equally well known, so its residual SD holds
    the sampling noise too.

    Parameters
    ----------
    scenario : Scenario
    n_replications : int
        Number of worlds; they are those of `replicate`, with new schools.
    slopes : {"common", "varying"}
        First step: no pooling with a common slope, or a regression for each school
        (schools without a slope of their own are left out).
    with_x : bool
        Without it the first step is the school means.

    Raises
    ------
    ValueError
        As `replicate`; or fewer than three schools have an estimate of their own.

    References
    ----------
    Gelman & Hill (2007), section 11.2.

    Examples
    --------
    >>> found = two_steps(Scenario(), 200)
    >>> bool(found.sigma_alpha.mean() > found.multilevel.sigma_alpha.mean())
    True
    """
    if slopes not in ("common", "varying"):
        raise ValueError(f"slopes is {slopes!r}: use 'common' or 'varying'.")
    design = _design(scenario, with_x, group_predictor=True, new_schools=True)
    used = design.sxx > 0 if with_x and slopes == "varying" else np.full(len(design.n), True)
    if used.sum() < 3:
        raise ValueError("Fewer than three schools have a line of their own: use more students.")
    second, fits, schools = [], [], []
    hyper = scenario.hyper
    for draws in _blocks(design, n_replications):
        worlds = _worlds(design, draws)
        own = worlds.y_mean - _own_slopes(design, worlds, slopes) * design.x_mean
        second.append(_regress(own[:, used], design.u[used]))
        means = hyper.a0 + worlds.y_mean + hyper.a1 * design.x_mean
        schools.append((np.where(used, hyper.a0 + own, np.nan), means, worlds.alpha))
        fits.append(_partial_pooling(design, worlds, group_predictor=True)[1])
    b0, se_b0, sigma = (frozen(np.concatenate(part)) for part in zip(*second, strict=True))
    each = (frozen(np.concatenate(part)) for part in zip(*schools, strict=True))
    return TwoSteps(scenario, b0, se_b0, sigma, frozen(used, bool), _joined(fits), *each)


def world(
    scenario: Scenario, k: int, *, with_x: bool = True, new_schools: bool = True
) -> Simulation:
    """World k of `replicate` with all its students.

    Their residuals around the schools' own lines have a random direction and the
    length that was drawn, so the students are a draw from the model like any other.

    Parameters
    ----------
    scenario, with_x, new_schools
        As in `replicate`.
    k : int
        Number of the world, from 0.

    Examples
    --------
    >>> world(Scenario(), 3).data.n_groups
    20
    """
    design = _design(scenario, with_x, False, new_schools)
    size = _block_size(design)
    draws = _Draws(*(part[k % size] for part in _draw(design, k // size, k % size + 1)))
    alpha, beta = _truth(design, draws)
    old = design.simulation.data
    j, n, sxx = old.j, design.n, design.sxx
    rest = np.random.default_rng([*_seeds(scenario), 2, k]).standard_normal(len(j))
    rest -= (np.bincount(j, rest) / n)[j]
    y = (alpha + scenario.sigma_y * draws.mean / np.sqrt(n))[j]
    if old.x is not None and with_x:
        dx = old.x - design.x_mean[j]
        root = np.sqrt(np.where(sxx > 0, sxx, 1.0))
        rest -= (np.bincount(j, rest * dx) / root**2)[j] * dx
        y += beta[j] * old.x + scenario.sigma_y * (draws.slope / root)[j] * dx
    if design.df > 0:
        y += scenario.sigma_y * rest * np.sqrt(draws.rest / (rest @ rest))
    data = GroupedData(y, old.x if with_x else None, j, old.u, old.labels)
    return Simulation(scenario, data, frozen(alpha), frozen(beta), design.simulation.x_mean)


@lru_cache(maxsize=8)
def _design(scenario: Scenario, with_x: bool, group_predictor: bool, new_schools: bool) -> _Design:
    """What all worlds share, or an error that says why they cannot be fitted."""
    if scenario.sigma_y == 0:
        raise ValueError("sigma_y is 0: students of a school must differ for a fit.")
    simulation = simulate(scenario)
    same = replace(scenario.hyper, sigma_alpha=0.0, sigma_beta=0.0)
    means = simulate(replace(scenario, hyper=same))
    data = simulation.data
    zero: Floats = np.zeros(scenario.n_groups)
    x_mean = sxx = zero
    if with_x and data.x is not None:
        x_mean = data.group_means(data.x)
        dx = data.x - x_mean[data.j]
        sxx = data.group_means(dx * dx) * data.n
    u = zero if data.u is None else data.u
    least = 3 if group_predictor else 2
    if scenario.n_groups < least:
        raise ValueError(f"n_groups is {scenario.n_groups}: the fit needs {least} schools or more.")
    if data.n_students - data.n_groups - with_x < 1:
        raise ValueError("There are too few students: the fits need schools of two or more.")
    return _Design(
        scenario,
        simulation,
        data.n.astype(np.float64),
        x_mean,
        sxx,
        u,
        means.alpha,
        means.beta,
        with_x,
        new_schools,
    )


def _seeds(scenario: Scenario) -> tuple[int, int, int]:
    """Start of every seed of this module."""
    return scenario.seed, scenario.redraw, STREAM


def _block_size(design: _Design) -> int:
    """Worlds in a block: bounded in memory, and too small for BLAS to start threads.

    On a machine with other work, waiting for threads costs ten times the products.
    """
    return max(1, min(500, 9_000 // len(design.n)))


def _blocks(design: _Design, n_replications: int) -> Iterator[_Draws]:
    if int(n_replications) != n_replications or n_replications < 1:
        raise ValueError(f"n_replications is {n_replications}: one world or more is needed.")
    size = _block_size(design)
    for first in range(0, int(n_replications), size):
        yield _draw(design, first // size, min(size, int(n_replications) - first))


def _draw(design: _Design, block: int, count: int) -> _Draws:
    """The first worlds of a block: fewer worlds are the same worlds."""
    seeds = [*_seeds(design.scenario), 0, block]
    normal = np.random.default_rng(seeds).standard_normal((count, 4, len(design.n)))
    rest = np.zeros(count)
    if design.df > 0:
        rest = np.random.default_rng([*seeds[:3], 1, block]).chisquare(design.df, count)
    return _Draws(normal[:, 0], normal[:, 1], normal[:, 2], normal[:, 3], rest)


def _truth(design: _Design, draws: _Draws) -> tuple[Floats, Floats]:
    """True intercepts and slopes of every world."""
    if not design.new_schools:
        shape = draws.eta1.shape
        old = design.simulation
        return np.broadcast_to(old.alpha, shape), np.broadcast_to(old.beta, shape)
    hyper = design.scenario.hyper
    eta2 = hyper.rho * draws.eta1 + np.sqrt(1 - hyper.rho**2) * draws.eta2
    return (
        design.alpha + hyper.sigma_alpha * draws.eta1,
        design.beta + hyper.sigma_beta * eta2,
    )


def _worlds(design: _Design, draws: _Draws) -> _Worlds:
    """Exact draws of the sums: school means, sums of products and squares within schools."""
    alpha, beta = _truth(design, draws)
    sigma, hyper = design.scenario.sigma_y, design.scenario.hyper
    root = np.sqrt(design.sxx)
    steeper = beta - hyper.a1
    y_mean = alpha - hyper.a0 + steeper * design.x_mean + sigma / np.sqrt(design.n) * draws.mean
    along = steeper * root + sigma * (root > 0) * draws.slope
    syy = (along**2).sum(axis=1) + sigma**2 * draws.rest
    return _Worlds(alpha, y_mean, along * root, syy)


def _judge(
    design: _Design, worlds: _Worlds, group_predictor: bool, keep_errors: bool, ranks: bool
) -> _Block:
    partial, fits = _partial_pooling(design, worlds, group_predictor)
    three = (_complete_pooling(design, worlds), _no_pooling(design, worlds), partial)
    truth_rank = _ranks(worlds.alpha) if ranks else None
    not_asked = np.full(len(worlds.alpha), np.nan)
    scores, size = [], []
    for fit in three:
        error = fit.alpha - worlds.alpha
        size.append(np.abs(error))
        scores.append(
            _Score(
                error.mean(axis=0),
                (error**2).mean(axis=0),
                (size[-1] <= fit.half_width).mean(axis=0),
                2 * fit.half_width.mean(axis=0),
                not_asked if truth_rank is None else _rank_agreement(_ranks(fit.alpha), truth_rank),
                fit.slope,
                fit.se_slope,
                error if keep_errors else None,
            )
        )
    closer = (size[2] < size[1]).mean(axis=0)
    return _Block(scores, closer, fits, worlds.alpha if keep_errors else None)


def _complete_pooling(design: _Design, worlds: _Worlds) -> _Fit:
    """Least squares of y on 1 and x."""
    X = _school_design(design, group_predictor=False)
    at = _gls(design, X, worlds, np.zeros(len(worlds.y_mean)))
    df = int(design.n.sum()) - X.shape[1]
    se = np.sqrt(at.rss[:, None] / df * np.diagonal(at.inverse, axis1=1, axis2=2))
    shape, a0 = worlds.y_mean.shape, design.scenario.hyper.a0
    alpha = np.broadcast_to(a0 + at.coef[:, :1], shape)
    half_width = np.broadcast_to(_t_975(df) * se[:, :1], shape)
    slope, se_slope = _slope(design, at.coef, se)
    return _Fit(alpha, half_width, slope, se_slope)


def _no_pooling(design: _Design, worlds: _Worlds) -> _Fit:
    """Least squares of y on an indicator for each school and x."""
    sxx = design.sxx.sum()
    steeper = _own_slopes(design, worlds, "common")
    df = int(design.n.sum()) - len(design.n) - bool(sxx)
    rss = worlds.syy - steeper[:, 0] * worlds.sxy.sum(axis=1)
    sigma = np.sqrt(np.maximum(rss, 0.0) / df)
    se_slope = sigma / np.sqrt(sxx) if sxx else np.zeros_like(sigma)
    hyper = design.scenario.hyper
    alpha = hyper.a0 + worlds.y_mean - steeper * design.x_mean
    spread = np.sqrt(1 / design.n + (design.x_mean**2 / sxx if sxx else 0.0))
    slope = steeper[:, 0] + hyper.a1 if sxx else np.zeros_like(sigma)
    return _Fit(alpha, _t_975(df) * sigma[:, None] * spread, slope, se_slope)


def _partial_pooling(
    design: _Design, worlds: _Worlds, group_predictor: bool
) -> tuple[_Fit, MultilevelFits]:
    """Varying intercepts and a common slope by REML."""
    X = _school_design(design, group_predictor)
    ratio = _best_ratio(design, X, worlds)
    at = _gls(design, X, worlds, ratio)
    sigma = np.sqrt(at.rss / (design.n.sum() - X.shape[1]))
    weight = at.nd * ratio[:, None]
    level = X.copy()
    level[:, 1 : 1 + design.has_x] = 0.0
    hyper = design.scenario.hyper
    alpha = hyper.a0 + at.coef @ level.T + weight * at.error
    unexplained = level - weight[:, :, None] * X
    var = ((unexplained @ at.inverse) * unexplained).sum(axis=2)
    var += ratio[:, None] * at.nd / design.n
    half_width = NORMAL_975 * sigma[:, None] * np.sqrt(var)
    se = sigma[:, None] * np.sqrt(np.diagonal(at.inverse, axis1=1, axis2=2))
    slope, se_slope = _slope(design, at.coef, se)
    b0, se_b0 = (part[:, -1] if group_predictor else np.zeros_like(sigma) for part in (at.coef, se))
    fits = MultilevelFits(
        hyper.a0 + at.coef[:, 0], b0, slope, se[:, 0], se_b0, se_slope,
        sigma * np.sqrt(ratio), sigma,
    )  # fmt: skip
    return _Fit(alpha, half_width, slope, se_slope), fits


def _school_design(design: _Design, group_predictor: bool) -> Floats:
    """(J, p): 1, mean of x, u; as far as the model has them."""
    columns = [np.ones(len(design.n))]
    if design.has_x:
        columns.append(design.x_mean)
    if group_predictor:
        columns.append(design.u)
    return np.column_stack(columns)


def _slope(design: _Design, coef: Floats, se: Floats) -> tuple[Floats, Floats]:
    """Slope and its standard error on the scale of the data; 0 without x."""
    if not design.has_x:
        return np.zeros(len(coef)), np.zeros(len(coef))
    return design.scenario.hyper.a1 + coef[:, 1], se[:, 1]


def _own_slopes(design: _Design, worlds: _Worlds, slopes: str) -> Floats:
    """Slopes within schools less ``a1``: (K, 1) common, (K, J) varying; 0 without x."""
    if slopes == "varying":
        out = np.zeros_like(worlds.sxy)
        np.divide(worlds.sxy, design.sxx, out=out, where=design.sxx > 0)
        return out
    total = design.sxx.sum()
    both: Floats = worlds.sxy.sum(axis=1, keepdims=True)
    return both / total if total > 0 else np.zeros_like(both)


def _gls(design: _Design, X: Floats, worlds: _Worlds, ratio: Floats) -> _Gls:
    r"""Coefficients with :math:`\sigma_\alpha^2 / \sigma_y^2` given, one ratio a world."""
    p = X.shape[1]
    n = design.n
    nd = n / (1 + n * ratio[:, None])
    cross = (nd @ _squares(X)).reshape(-1, p, p)
    right = (nd * worlds.y_mean) @ X
    sxy, sxx = worlds.sxy.sum(axis=1), design.sxx.sum()
    if design.has_x:
        cross[:, 1, 1] += sxx
        right[:, 1] += sxy
    inverse = np.linalg.inv(cross).astype(np.float64, copy=False)
    coef: Floats = (inverse @ right[:, :, None])[:, :, 0]
    error = worlds.y_mean - coef @ X.T
    rss = (nd * error**2).sum(axis=1) + worlds.syy
    if design.has_x:
        rss += coef[:, 1] * (coef[:, 1] * sxx - 2 * sxy)
    return _Gls(nd, inverse, coef, error, rss)


def _squares(X: Floats) -> Floats:
    """(J, p * p): the products of all pairs of columns."""
    return (X[:, :, None] * X[:, None, :]).reshape(len(X), -1)


def _best_ratio(design: _Design, X: Floats, worlds: _Worlds) -> Floats:
    r"""The ratio of variances with the smallest REML criterion, for each world.

    .. math::

        d(\lambda) = \sum_j \log(1 + n_j \lambda) + \log|X' V^{-1} X| + (n - p) \log r^2

    All worlds on one grid by matrix products; then Newton's method within the two
    cells around each world's best point. 0 is the answer where the criterion rises from it.
    """
    grid = _ratio_grid(design)
    best = _on_grid(design, X, worlds, grid).argmin(axis=1)
    low = grid[np.maximum(best - 1, 0)]
    high = np.append(grid, 1e4 * grid[-1])[best + 1]
    ratio: Floats = grid[best]
    todo = np.arange(len(best))
    for _ in range(100):
        part = _Worlds(*(field[todo] for field in worlds))
        slope, curvature = _derivatives(design, X, part, ratio[todo])
        at, lo, hi = ratio[todo], low[todo], high[todo]
        lo, hi = np.where(slope < 0, at, lo), np.where(slope < 0, hi, at)
        newton = at - slope / np.where(curvature > 0, curvature, np.inf)
        middle = np.where(lo > 0, np.sqrt(lo * hi), hi / 2)
        inside = (newton > lo) & (newton < hi) & (curvature > 0)
        new = np.where(inside, newton, middle)
        ratio[todo], low[todo], high[todo] = new, lo, hi
        todo = todo[np.abs(new - at) > 1e-8 * at]
        if not len(todo):
            break
    return ratio


def _ratio_grid(design: _Design) -> Floats:
    """0, and from far less to far more than what decides how much is pooled."""
    hyper, n = design.scenario.hyper, design.n
    spread = hyper.sigma_alpha**2 + np.ptp(design.alpha) ** 2
    high = 100 * (1 + spread / design.scenario.sigma_y**2)
    return np.append(0.0, np.geomspace(0.05 / n.max(), high, GRID - 1))


def _on_grid(design: _Design, X: Floats, worlds: _Worlds, grid: Floats) -> Floats:
    """(K, G) REML criterion but for a constant: all worlds at all ratios at once."""
    n, p = design.n, X.shape[1]
    nd = n / (1 + n * grid[:, None])
    cross = (nd @ _squares(X)).reshape(-1, p, p)
    if design.has_x:
        cross[:, 1, 1] += design.sxx.sum()
    half = np.linalg.inv(np.linalg.cholesky(cross)).transpose(0, 2, 1)
    fitted = worlds.y_mean @ (nd[:, :, None] * (X @ half))
    if design.has_x:
        fitted += worlds.sxy.sum(axis=1)[:, None] * half[:, None, 1]
    total = (worlds.y_mean**2 @ nd[:, :, None])[:, :, 0] + worlds.syy
    rss = (total - (fitted**2).sum(axis=2)).T
    fixed = np.log1p(n * grid[:, None]).sum(axis=1) + np.linalg.slogdet(cross)[1]
    out: Floats = fixed + (n.sum() - p) * np.log(rss)
    return out


def _derivatives(
    design: _Design, X: Floats, worlds: _Worlds, ratio: Floats
) -> tuple[Floats, Floats]:
    """First and second derivative of the REML criterion to the ratio of variances."""
    at, p = _gls(design, X, worlds, ratio), X.shape[1]
    nd2 = at.nd**2
    second = at.inverse @ (nd2 @ _squares(X)).reshape(-1, p, p)
    third = at.inverse @ ((nd2 * at.nd) @ _squares(X)).reshape(-1, p, p)
    pull = (nd2 * at.error) @ X
    error2 = at.error**2
    lost = (nd2 * error2).sum(axis=1) / at.rss
    moved = (pull[:, None, :] @ at.inverse @ pull[:, :, None])[:, 0, 0]
    bend = 2 * ((nd2 * at.nd * error2).sum(axis=1) - moved) / at.rss
    m = design.n.sum() - p
    slope: Floats = at.nd.sum(axis=1) - np.trace(second, axis1=1, axis2=2) - m * lost
    curvature: Floats = -nd2.sum(axis=1) + m * (bend - lost**2)
    curvature += 2 * np.trace(third, axis1=1, axis2=2) - (second * second.transpose(0, 2, 1)).sum(
        (1, 2)
    )
    return slope, curvature


def _ranks(values: Floats) -> Floats:
    """Ranks within rows, ties at their mean, less the mean rank."""
    from scipy.stats import rankdata

    out: Floats = rankdata(values, axis=1) - (values.shape[1] + 1) / 2
    return out


def _rank_agreement(a: Floats, b: Floats) -> Floats:
    """Correlation of centred ranks, row by row; 0 where one of them is all ties."""
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    out: Floats = (a * b).sum(axis=1) / np.where(size > 0, size, 1.0)
    return out


def _regress(y: Floats, u: Floats) -> tuple[Floats, Floats, Floats]:
    """Slope, its standard error and residual SD of every row of y (K, J) on u (J,)."""
    du = u - u.mean()
    b = y @ du / (du @ du)
    rest = y - y.mean(axis=1, keepdims=True) - b[:, None] * du
    sigma = np.sqrt((rest**2).sum(axis=1) / (len(u) - 2))
    return b, sigma / np.sqrt(du @ du), sigma


def _t_975(df: int) -> float:
    """The 97.5% point of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.975))


def _summary(scores: list[_Score], share: Floats) -> EstimatorErrors:
    """Blocks of worlds put together."""
    errors = [score.errors for score in scores if score.errors is not None]
    return EstimatorErrors(
        bias=frozen(share @ [score.bias for score in scores]),
        rmse=frozen(np.sqrt(share @ [score.mse for score in scores])),
        coverage=frozen(share @ [score.coverage for score in scores]),
        width=frozen(share @ [score.width for score in scores]),
        rank_agreement=frozen(np.concatenate([score.rank_agreement for score in scores])),
        slope=frozen(np.concatenate([score.slope for score in scores])),
        se_slope=frozen(np.concatenate([score.se_slope for score in scores])),
        errors=frozen(np.concatenate(errors)) if errors else None,
    )


def _joined(fits: list[MultilevelFits]) -> MultilevelFits:
    names = [f.name for f in fields(MultilevelFits)]
    return MultilevelFits(
        **{name: frozen(np.concatenate([getattr(fit, name) for fit in fits])) for name in names}
    )
