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
SADDLE = -1e-4  # curvature of a saddle, as a share of the largest one

# Kinds of start, as directions of theta: off the boundary; where sigma_beta is 0; sigma_alpha
SIDES = np.stack([np.arctan([[0.03, 0.2, 1, 5, 30]]), np.zeros((1, 5)), np.full((1, 5), np.pi / 2)])
# and as shapes of Sigma: off the boundary; on it, where rho is 1 or -1
NARROW = np.array([0.2, 0.0])[:, None, None]
TURNS = np.pi * np.arange(0, 1, 0.125)
# Places on the way from a start to a minimum, as shares
WAY = np.array([0.0, 0.1, 0.3, 0.6, 0.8, 0.95, 1.0])[:, None]


class Minimum(NamedTuple):
    """Theta of `covariance_form` (k,), Sigma (4,) and the model where the deviance is least."""

    theta: Floats
    cov: Floats
    at: Profile
    converged: bool
    evaluations: int


def minimum(sums: SchoolSums, slopes: Slopes, method: Method) -> Minimum:
    """Where the deviance is least; exactly on the boundary when it is least there."""
    form = covariance_form(slopes, sums.x_zero)
    free = full_form() if slopes == "varying" else form
    starts = _starts(sums, free, method)
    together = MOST_STARTS if sums.n_groups <= FEW_SCHOOLS else 1
    theta, lowest, converged, rounds = newton(sums, free, method, starts[:together])
    apart = _behind_barriers(sums, free, method, starts[together:], theta)
    if len(apart):
        other = newton(sums, free, method, apart)
        if other[1] < lowest:
            theta, lowest, converged, _ = other
        rounds += other[3]
    for tiny in (1e-3 * _scale(sums), 0.0):
        bounded = _bounded(theta, tiny)
        cov = relative_covariance(bounded, form)
        at = profile(sums, cov, method)
        if at.criterion <= lowest + 1e-9 * (1 + 1e-3 * abs(lowest)):
            break
    return Minimum(bounded, cov, at, converged, rounds)


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


def _starts(sums: SchoolSums, form: Floats, method: Method) -> Floats:
    """Where to search from: valleys (K, k) of a coarse grid, the deepest of each kind first.

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
    return grid[kind, size, turn] * _lowest_size(high, step, kind, size, turn)[:, None]


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


def newton(
    sums: SchoolSums, form: Floats, method: Method, theta: Floats
) -> tuple[Floats, float, bool, int]:
    """Newton's method from several starts (K, k) at once.

    A stationary point that is no minimum is left again, along its steepest way down.

    Returns
    -------
    theta : (k,) array
        The best of where the searches end.
    lowest : float
        The deviance there, or a trifle above it.
    converged : bool
    rounds : int
    """
    at = profile(sums, relative_covariance(theta, form), method)
    stuck, scale = np.zeros(len(theta), dtype=bool), _scale(sums)
    for rounds in range(1, MOST_STEPS + 1):  # noqa: B007
        slope, curvature, axes = _in_theta(*derivatives(sums, at, method), form, theta)
        size = np.abs(curvature)
        most = size.max(-1, keepdims=True)
        over = slope / np.maximum(size, 1e-9 * most + 1e-300)
        gain = (slope * over).sum(-1)
        best = int(np.argmin(at.criterion))
        step = -(axes @ over[..., None])[..., 0]
        length, reach = np.abs(step).max(-1), np.abs(theta).max(-1)
        flat = (gain < CLOSE) & (length <= SHORT * (reach + 0.01 * scale))
        saddle = flat & (curvature[:, 0] < SADDLE * most[:, 0])
        done = flat | stuck
        leave = saddle[best] and not stuck[best]
        if done[best] and not leave:
            done |= _beaten(theta, form, at.criterion, gain, best)
            if done.all():
                break
        if leave:
            step[best], done[best] = axes[best, :, 0] * (reach[best] + scale), False
        step *= np.minimum(1, (reach + scale) / (length + 1e-300))[:, None]
        theta, at, higher = _downhill(sums, form, method, theta, at, step, done)
        stuck |= higher
    return theta[best] + step[best], float(at.criterion[best]), bool(done[best]), rounds


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
) -> tuple[Floats, Floats, Floats]:
    """Slopes (K, k) of the deviance in theta along its axes, its curvatures, the axes."""
    jac = 2 * np.einsum("akl,...l->...ak", form, theta)
    bend = np.swapaxes(jac, -1, -2) @ hessian @ jac
    bend += 2 * np.einsum("...a,akl->...kl", gradient, form)
    if theta.shape[-1] == 4:
        bend += _against_turning(theta, bend)
    curvature, axes = np.linalg.eigh(bend)
    return ((gradient[..., None, :] @ jac) @ axes)[..., 0, :], curvature, axes


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
    done: NDArray[np.bool_],
) -> tuple[Floats, Profile, NDArray[np.bool_]]:
    """The steps, or a third of them, a ninth, ... so that they lower the deviance; which cannot."""
    for _ in range(MOST_CUTS):
        tried = profile(sums, relative_covariance(theta + step, form), method)
        higher = ~(tried.criterion < at.criterion) & ~done
        if not higher.any():
            break
        step = np.where(higher[:, None], step / 3, step)
    return theta + step, tried, higher
