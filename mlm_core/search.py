r"""Where the deviance is least: Newton's method from several starts, boundaries included.

The search goes over theta, the elements of :math:`\Lambda` with :math:`\Sigma = \Lambda\Lambda'`,
which are free of bounds. There the boundary (an SD of 0, rho of 1 or -1) is a place like any
other, but one where the derivative is zero by symmetry: a search that stops there may stand on
a saddle. The curvature tells.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import Floats, Ints
from mlm_core.deviance import (
    Profile,
    SchoolSums,
    covariance_form,
    derivatives,
    full_form,
    height,
    profile,
    relative_covariance,
)
from mlm_core.records import Method, Slopes

MOST_STEPS = 200
MOST_CUTS = 30
MOST_STARTS = 6
FEW_SCHOOLS = 16  # up to this all starts are searched, beyond it where a barrier is between
MANY_SCHOOLS = 60  # beyond this the deviance has one minimum, and a coarse grid will do
DEEPEST = 40.0  # a valley of the grid so much above the deepest one is not searched
CLOSE = 1e-6  # a short Newton step that promises less is the last: it squares the error
SHORT = 1e-3  # as a share of theta
SAME = 0.3  # Sigmas that differ by a smaller share are on their way to one minimum
LEAST = 1e-3  # a step must bring such a share of what the slope promises
ROUNDING = 1e-15  # of a curvature, as a share of the terms that it is made of
SADDLE = -1e-4  # curvature of a saddle, as a share of the largest one

# Kinds of start, as directions of theta: off the boundary; where sigma_beta is 0; sigma_alpha
SIDES = np.stack([np.arctan([[0.03, 0.2, 1, 5, 30]]), np.zeros((1, 5)), np.full((1, 5), np.pi / 2)])
# and as shapes of Sigma: off the boundary; on it, where rho is 1 or -1
NARROW = np.array([0.2, 0.0])[:, None, None]
TURNS = np.pi * np.arange(0, 1, 0.125)
# Places on the way from a start to a minimum, as shares
WAY = np.array([0.0, 0.1, 0.3, 0.6, 0.8, 0.95, 1.0])[:, None]


class Minimum(NamedTuple):
    """Theta of `covariance_form` (k,), Sigma (4,) and the model where the deviance is least.

    ``rounds`` of Newton's method were made; in all the deviance was evaluated at so many
    Sigmas (``evaluations``). Without ``converged`` the rounds were used up, and this is the
    lowest point that was seen.
    """

    theta: Floats
    cov: Floats
    at: Profile
    converged: bool
    rounds: int
    evaluations: int


class Descent(NamedTuple):
    """Where searches end: theta (k,), the deviance there or a trifle above it, and the work."""

    theta: Floats
    lowest: float
    converged: bool
    rounds: int
    evaluations: int


def minimum(sums: SchoolSums, slopes: Slopes, method: Method) -> Minimum:
    """Where the deviance is least; exactly on the boundary when it is least there."""
    form = covariance_form(slopes, sums.x_zero)
    free = full_form() if slopes == "varying" else form
    starts, evaluations = _starts(sums, free, method)
    together = MOST_STARTS if sums.n_groups <= FEW_SCHOOLS else 1
    best = newton(sums, free, method, starts[:together])
    apart = _behind_barriers(sums, free, method, starts[together:], best.theta)
    evaluations += best.evaluations + len(WAY) * len(starts[together:])
    rounds = best.rounds
    if len(apart):
        other = newton(sums, free, method, apart)
        rounds, evaluations = rounds + other.rounds, evaluations + other.evaluations
        best = min(best, other, key=lambda one: one.lowest)
    for tiny in (1e-3 * _scale(sums), 0.0):
        bounded = _bounded(best.theta, tiny)
        cov = relative_covariance(bounded, form)
        at = profile(sums, cov, method)
        evaluations += 1
        if at.criterion <= best.lowest + 1e-9 * (1 + 1e-3 * abs(best.lowest)):
            break
    return Minimum(bounded, cov, at, best.converged, rounds, evaluations)


def _scale(sums: SchoolSums) -> float:
    """Theta at which a school of mean size is pulled halfway."""
    return math.sqrt(sums.n_groups / sums.n_students)


def _bounded(theta: Floats, tiny: float) -> Floats:
    """Theta of `covariance_form`, with what is tiny set to zero: SDs of 0, rho of 1 or -1."""
    if len(theta) < 4:
        return np.where(np.abs(theta) <= tiny, 0.0, np.abs(theta))
    axes, size, _ = np.linalg.svd(theta.reshape(2, 2))
    size = np.where(size <= tiny, 0.0, size)
    (a, b), (c, d) = (axes * size).tolist()
    if size[1] == 0:
        return np.array([abs(a), math.copysign(1.0, a) * c, 0.0])
    first = math.hypot(a, b)
    return np.array([first, (a * c + b * d) / first, size[0] * size[1] / first])


def _starts(sums: SchoolSums, form: Floats, method: Method) -> tuple[Floats, int]:
    """Where to search from: valleys (K, k) of a coarse grid, the deepest of each kind first.

    Also, how many points the grid has.

    With few schools the deviance can have more than one minimum: for instance one on the
    boundary and one off it. So the boundary is a kind of its own.
    """
    grid, step = _grid(sums, form.shape[-1])
    high = height(sums, relative_covariance(grid, form), method)
    deep = np.where(_valleys(high), high, np.inf).reshape(len(grid), -1)
    order = np.argsort(deep, axis=1).T[:MOST_STARTS].ravel()
    kind = np.resize(np.arange(len(grid)), order.shape)
    kept = np.flatnonzero(deep[kind, order] < high.min() + DEEPEST)[:MOST_STARTS]
    kept = kept[np.argsort(deep[kind[kept], order[kept]])]
    kind, (size, turn) = kind[kept], np.divmod(order[kept], high.shape[2])
    starts = grid[kind, size, turn] * _lowest_size(high, step, kind, size, turn)[:, None]
    return starts, high.size


def _behind_barriers(
    sums: SchoolSums, form: Floats, method: Method, starts: Floats, found: Floats
) -> Floats:
    """The starts from which the straight way to the minimum found does not lead down all along."""
    if len(starts) == 0:
        return starts
    here, there = relative_covariance(starts, form)[:, None], relative_covariance(found, form)
    way = (1 - WAY) * here + WAY * there
    crossed = here[..., 0] * there[2] + here[..., 2] * there[0] - 2 * here[..., 1] * there[1]
    rest, gone = 1 - WAY[:, 0], WAY[:, 0]
    way[..., 3] = rest**2 * here[..., 3] + gone**2 * there[3] + rest * gone * crossed
    return starts[(np.diff(height(sums, way, method), axis=1) > 0).any(1)]


def _lowest_size(high: Floats, step: float, kind: Ints, size: Ints, turn: Ints) -> Floats:
    """By what to multiply the sizes to come to the bottom of a parabola through three of them."""
    last = high.shape[1] - 1
    low, up = high[kind, size - 1, turn], high[kind, np.minimum(size + 1, last), turn]
    bend = low - 2 * high[kind, size, turn] + up
    inside = (size > 1) & (size < last) & (bend > 0)
    shift = np.where(inside, 0.5 * (low - up) / np.where(inside, bend, 1.0), 0.0)
    out: Floats = step**shift
    return out


def _valleys(high: Floats) -> NDArray[np.bool_]:
    """Which points of a grid are lower than their neighbours along the two last axes."""
    around = np.full((high.shape[0], high.shape[1] + 2, high.shape[2] + 2), np.inf)
    around[:, 1:-1, 1:-1] = high
    of_size = (high <= around[:, 2:, 1:-1]) & (high < around[:, :-2, 1:-1])
    of_turn = (high <= around[:, 1:-1, 2:]) & (high < around[:, 1:-1, :-2])
    out: NDArray[np.bool_] = of_size & of_turn
    return out


def _grid(sums: SchoolSums, k: int) -> tuple[Floats, float]:
    """Theta (kinds, sizes, turns, k), from almost complete to almost no pooling; step of sizes."""
    many, coarse = sums.n_groups > MANY_SCHOOLS, sums.n_groups > 10 * MANY_SCHOOLS
    low = 0.17 * _scale(sums)
    within = sums.rss / max(sums.n_students - 2 * sums.n_groups, 1)
    high = min(max(2 / math.sqrt(max(within, 1e-8)), 20 * low), 1e4)
    if k == 2:
        high *= 1 + abs(sums.x_zero)  # sigma_alpha is that at x = 0, maybe far from the students
    count = (6 if coarse else 16) if k == 1 else 5 if coarse else 9 if k == 2 else 7
    step = (high / low) ** (1 / (count - 1))
    size = (low * step ** np.arange(count))[:, None]
    if k == 1:
        return np.concatenate([[[0.0]], size])[None, :, :, None], step
    if k == 2:
        turn = SIDES[:1, :, ::2] if coarse else SIDES[:1] if many else SIDES
        return np.stack([size * np.cos(turn), size * (np.sin(turn) * (turn > 0))], axis=-1), step
    narrow = NARROW[:1] if many else NARROW
    turn = TURNS[::4] if coarse else TURNS
    cos, sin = size * np.cos(turn), size * np.sin(turn)
    out = np.empty((len(narrow), *cos.shape, 4))
    out[..., 0], out[..., 1], out[..., 2], out[..., 3] = cos, -narrow * sin, sin, narrow * cos
    return out, step


def newton(sums: SchoolSums, form: Floats, method: Method, theta: Floats) -> Descent:
    """Newton's method from several starts (K, k) at once: the best of where they end.

    A stationary point that is no minimum is left again, along its steepest way down.
    """
    at = profile(sums, relative_covariance(theta, form), method)
    stuck, scale, tries = np.zeros(len(theta), dtype=bool), _scale(sums), 1
    for rounds in range(1, MOST_STEPS + 1):
        slope, curvature, axes, rough = _in_theta(*derivatives(sums, at, method), form, theta)
        size, reach = np.abs(curvature), np.abs(theta).max(-1)
        most = size.max(-1, keepdims=True)
        over = slope / _not_rounding(size, rough, reach, 1e-9 * most)
        gain = (slope * over).sum(-1)
        best = int(np.argmin(at.criterion))
        step = -(axes @ over[..., None])[..., 0]
        length = np.abs(step).max(-1)
        flat = (gain < CLOSE) & (length <= SHORT * (reach + 0.01 * scale))
        saddle = flat & (curvature[:, 0] < SADDLE * most[:, 0])
        done = flat | stuck
        leave = saddle[best] and not stuck[best]
        if done[best] and not leave:
            done |= _beaten(theta, form, at.criterion, gain, best)
            if done.all():
                end = theta[best] + step[best] * flat[best]
                return Descent(end, float(at.criterion[best]), True, rounds, tries * len(theta))
        if leave:
            step[best], done[best] = axes[best, :, 0] * (reach[best] + scale), False
        step[done & ~flat] = 0.0
        part = np.minimum(1, (reach + scale) / (length + 1e-300))
        needed = np.where(gain > CLOSE, LEAST * gain * part, 0.0)
        theta, at, higher, tried = _downhill(
            sums, form, method, theta, at, step * part[:, None], needed, done
        )
        stuck, tries = stuck | higher, tries + tried
    best = int(np.argmin(at.criterion))
    return Descent(theta[best], float(at.criterion[best]), False, MOST_STEPS, tries * len(theta))


def _not_rounding(size: Floats, rough: Floats, reach: Floats, least: Floats) -> Floats:
    """Curvatures (K, k), and for those that may be rounding what is usual at such a theta.

    Where schools differ ten thousand times as much as students, the curvature along theta is
    lost among the others. In the logarithm of theta it is about 1.
    """
    usual = 1 / (reach**2 + 1e-300)
    lost = (size < rough[:, None]) & (usual[:, None] < rough[:, None])
    out: Floats = np.where(lost, usual[:, None], np.maximum(size, least + 1e-300))
    return out


def _beaten(
    theta: Floats, form: Floats, criterion: Floats, gain: Floats, best: int
) -> NDArray[np.bool_]:
    """Searches that go where the best one is, or cannot get as low."""
    cov = relative_covariance(theta, form)
    apart = np.abs(cov - cov[best]).max(-1)
    hopeless = criterion - gain > criterion[best]
    out: NDArray[np.bool_] = hopeless | (apart < SAME * np.abs(cov[best]).max())
    return out


def _in_theta(
    gradient: Floats, hessian: Floats, form: Floats, theta: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Slopes (K, k) of the deviance in theta along its axes, its curvatures, the axes.

    Also, how far rounding may have moved a curvature (K,).
    """
    jac = 2 * np.einsum("akl,...l->...ak", form, theta)
    bend = np.swapaxes(jac, -1, -2) @ hessian @ jac
    bend += 2 * np.einsum("...a,akl->...kl", gradient, form)
    if theta.shape[-1] == 4:
        bend += _against_turning(theta, bend)
    curvature, axes = np.linalg.eigh(bend)
    terms = np.swapaxes(np.abs(jac), -1, -2) @ np.abs(hessian) @ np.abs(jac)
    rough = ROUNDING * np.trace(terms, axis1=-2, axis2=-1)
    return ((gradient[..., None, :] @ jac) @ axes)[..., 0, :], curvature, axes, rough


TURNING = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]])


def _against_turning(theta: Floats, bend: Floats) -> Floats:
    """Curvature (K, 4, 4) that keeps Lambda from turning, which changes no Sigma."""
    turning = theta @ TURNING
    most = np.abs(bend).max((-2, -1)) / ((theta * theta).sum(-1) + 1e-300)
    out: Floats = (most[..., None] * turning)[..., :, None] * turning[..., None, :]
    return out


def _downhill(
    sums: SchoolSums,
    form: Floats,
    method: Method,
    theta: Floats,
    at: Profile,
    step: Floats,
    needed: Floats,
    done: NDArray[np.bool_],
) -> tuple[Floats, Profile, NDArray[np.bool_], int]:
    """The steps, or a third of them, a ninth, ... so that they lower the deviance enough.

    Without ``needed`` (K,), for the whole step, a search could go to and fro over a hump
    for ever. Also, which searches cannot go lower, and how many lengths were tried.
    """
    for tries in range(1, MOST_CUTS + 1):  # noqa: B007
        tried = profile(sums, relative_covariance(theta + step, form), method)
        higher = ~(tried.criterion < at.criterion - needed) & ~done
        if not higher.any():
            break
        step = np.where(higher[:, None], step / 3, step)
        needed = np.where(higher, needed / 3, needed)
    return theta + step, tried, higher, tries
