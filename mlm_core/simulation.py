"""Fixed standard-normal draws, then scenario + draws -> Simulation."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import Floats, GroupedData, Ints, frozen
from mlm_core.scenario import Scenario
from mlm_core.showing import record

LARGEST_SCHOOL = 6
"""No school is larger than this many times the median size."""

TOWN = 2179
"""Seeds the sizes of the schools: they are the town's own, the same in every draw."""

FIRST_DRAW = 38_740_000
"""Draws are numbered from here: their streams are none of the town's. Chosen with the default
seed, whose draw carries the lessons (`tests/mlm_core/test_default_draw.py`)."""

MIDDLE_SCHOOL = "Harbour"
"""Of middle size and near the mean in the default draw, by its own mean and in truth."""

_NAMES = (
    "Ashford Birch_Lane Cedar Dover Elm_Park Foxglove Grange Harbour Ivy_House Juniper Kingsway "
    "Lakeside Meadow Northgate Oak_Hill Priory Quarry Riverside Sunnyside Thornton Upland Valley "
    "Westgate Xavier York_Road Zetland"
)
SCHOOL_NAMES = tuple(name.replace("_", " ") for name in _NAMES.split())


@record
class Simulation:
    """Simulated data beside the truth that made them.

    Attributes
    ----------
    scenario : Scenario
    data : GroupedData
    alpha, beta : (J,) arrays
        True intercepts and slopes, in the order of ``data.labels``.
    x_mean : (J,) array
        True mean of x in each school.
    """

    scenario: Scenario
    data: GroupedData
    alpha: Floats
    beta: Floats
    x_mean: Floats

    @property
    def mean(self) -> Floats:
        r"""(J,) true mean score of each school, :math:`\alpha_j + \beta_j \mathrm{E}_j(x)`."""
        return self.alpha + self.beta * self.x_mean


class OfTown:
    """What facts of one simulated town have: its students, and the names of its schools."""

    __slots__ = ()
    simulation: Simulation

    @property
    def data(self) -> GroupedData:
        """The students."""
        return self.simulation.data

    @property
    def names(self) -> NDArray[np.str_]:
        """(J,) names of the schools."""
        return self.data.labels.astype(str)

    @property
    def n(self) -> Ints:
        """(J,) students of each school."""
        return self.data.n


@record
class Draws:
    """Standard normals, one stream a school, in the order in which schools are added.

    Attributes
    ----------
    size : (J,) array
        For school size: the town's own, the same in every draw.
    u, eta, x_mean : (J,), (J, 2), (J,) arrays
        For u, for the two school errors (independent) and for the school's mean
        of x; the seed draws them.
    x, eps : (J, m) arrays
        For the students; a school uses the first n_j of its row. Seed and redraw
        draw them.
    """

    size: Floats
    u: Floats
    eta: Floats
    x_mean: Floats
    x: Floats
    eps: Floats


def school_names(n_groups: int) -> list[str]:
    """Names that can be told apart, in the order in which schools are added.

    Examples
    --------
    >>> school_names(3)
    ['Ashford', 'Birch Lane', 'Cedar']
    """
    many = len(SCHOOL_NAMES)
    rounds = ("" if k < many else f" {k // many + 1}" for k in range(n_groups))
    return [SCHOOL_NAMES[k % many] + suffix for k, suffix in enumerate(rounds)]


def draw(scenario: Scenario) -> Draws:
    """Draw the standard normals of a scenario; they depend on its seeds only.

    The seed draws schools and students, the redraw students alone; the sizes of
    schools stay. More schools or more students lengthen the arrays and leave what was there.
    """
    longest = LARGEST_SCHOOL * scenario.students_per_group
    known = _small if scenario.n_groups * longest <= SMALL else _large
    return known(scenario.n_groups, longest, scenario.seed, scenario.redraw)


SMALL = 4000
"""Students to draw for, up to which many draws are remembered: 64 kB at most each."""


def _draw(n_groups: int, longest: int, seed: int, redraw: int) -> Draws:
    """One stream a school, another for its students, one of the town for its size."""
    size, school = np.empty(n_groups), np.empty((n_groups, 4))
    student = np.empty((n_groups, longest, 2))
    for j in range(n_groups):
        size[j] = np.random.default_rng([TOWN, j]).standard_normal()
        np.random.default_rng([FIRST_DRAW + seed, j]).standard_normal(out=school[j])
        np.random.default_rng([FIRST_DRAW + seed, j, 1 + redraw]).standard_normal(out=student[j])
    return Draws(
        size=frozen(size), u=frozen(school[:, 0]), eta=frozen(school[:, 1:3]),
        x_mean=frozen(school[:, 3]),
        x=frozen(student[:, :, 0]), eps=frozen(student[:, :, 1]),
    )  # fmt: skip


_small, _large = lru_cache(maxsize=640)(_draw), lru_cache(maxsize=32)(_draw)


def school_sizes(scenario: Scenario, size: Floats) -> Ints:
    r"""(J,) school sizes: :math:`n_j = \mathrm{median} \cdot e^{\mathrm{imbalance} \cdot z_j}`.

    At least 1 student and at most `LARGEST_SCHOOL` times the median.
    """
    n = np.rint(scenario.students_per_group * np.exp(scenario.imbalance * size))
    clipped: Ints = np.clip(n, 1, LARGEST_SCHOOL * scenario.students_per_group).astype(np.intp)
    return clipped


def simulate(scenario: Scenario) -> Simulation:
    r"""Simulate students in schools.

    .. math::

        y_i &= \alpha_{j[i]} + \beta_{j[i]} x_i + \epsilon_i \\
        \alpha_j &= a_0 + b_0 u_j + \eta_{j1} \\
        \beta_j  &= a_1 + b_1 u_j + \eta_{j2}

    The draws are fixed by the seed and then scaled: a larger SD stretches the
    same picture, and a further school leaves the others where they are.

    Parameters
    ----------
    scenario : Scenario
        ``x`` is standard normal within a school, ``u`` between schools; ``y`` is
        in points. ``sigma_x``, ``contextual`` and ``extraordinary`` add to the
        model above what their entries say.

    Returns
    -------
    Simulation
        Schools in sorted order of name, students in order of school.

    References
    ----------
    Gelman & Hill (2007), sections 1.1 and 13.1.

    Examples
    --------
    >>> simulate(Scenario(n_groups=3)).data.labels.tolist()
    ['Ashford', 'Birch Lane', 'Cedar']
    """
    draws, hyper = draw(scenario), scenario.hyper
    eta1 = hyper.sigma_alpha * draws.eta[:, 0]
    across = np.sqrt(1 - hyper.rho**2) * draws.eta[:, 1]
    eta2 = hyper.sigma_beta * (hyper.rho * draws.eta[:, 0] + across)
    x_mean = scenario.sigma_x * draws.x_mean
    alpha = hyper.a0 + hyper.b0 * draws.u + scenario.contextual * x_mean + eta1
    alpha[0] += scenario.extraordinary
    beta = hyper.a1 + hyper.b1 * draws.u + eta2

    n = school_sizes(scenario, draws.size)
    labels = np.array(school_names(scenario.n_groups))
    order = np.argsort(labels)
    j = np.repeat(np.arange(scenario.n_groups), n[order])
    x = np.concatenate([x_mean[k] + draws.x[k, : n[k]] for k in order])
    eps = np.concatenate([draws.eps[k, : n[k]] for k in order])
    alpha, beta, u = frozen(alpha[order]), frozen(beta[order]), draws.u[order]
    y = alpha[j] + beta[j] * x + scenario.sigma_y * eps
    data = GroupedData(y, x, j, u, labels[order])
    return Simulation(scenario, data, alpha, beta, frozen(x_mean[order]))
