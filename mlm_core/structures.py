"""Students in two groupings at once: schools in districts, and schools by neighbourhoods."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from mlm_core.data import Floats, Ints, frozen
from mlm_core.showing import record
from mlm_core.simulation import school_names

_DISTRICTS = "Bay Canyon Delta Forest Island Moor Plain Valley"
_NEIGHBOURHOODS = (
    "Acorn Bakery Canal Diamond Engine Falcon Garden Hammer Indigo Jasmine Kettle Lantern "
    "Magnet Needle Orchard Pepper Quiver Ribbon Saddle Tulip Umbrella Velvet Willow Yarn"
)
DISTRICT_NAMES = tuple(_DISTRICTS.split())
NEIGHBOURHOOD_NAMES = tuple(_NEIGHBOURHOODS.split())


@record
class StructuredSimulation:
    """Simulated students in two groupings, beside the truth that made them.

    Attributes
    ----------
    y, x : (n,) arrays
        Score (points) and pre-test (standard normal).
    factors : dict of str to (n,) array of str
        The level of each student in each grouping, as `fit_variance_components` takes it.
    recycled : (n,) array of str or None
        For schools in districts: the label that a school has within its district only
        ("School 1"), used again in every district.
    levels : dict of str to (levels,) array of str
        The levels of each grouping, in the order in which they are added.
    effects : dict of str to (levels,) array
        What each level adds to the score (points).
    sd : dict of str to float
        SD of those effects in the population (points).
    intercept, slope, sigma_y : float
        Mean score at x = 0, points for one unit of x, SD of students.
    """

    y: Floats
    x: Floats
    factors: dict[str, np.ndarray]
    recycled: np.ndarray | None
    levels: dict[str, np.ndarray]
    effects: dict[str, Floats]
    sd: dict[str, float]
    intercept: float
    slope: float
    sigma_y: float


def simulate_nested(
    n_districts: int = 8,
    schools_per_district: int = 3,
    students_per_school: int = 20,
    *,
    sigma_district: float = 4.0,
    sigma_school: float = 5.0,
    sigma_y: float = 10.0,
    intercept: float = 60.0,
    slope: float = 4.0,
    seed: int = 1,
) -> StructuredSimulation:
    r"""Simulate students in schools in districts: each school lies in one district.

    .. math:: y_i = a + \beta x_i + \delta_{d[i]} + \alpha_{j[i]} + \epsilon_i

    The draws are fixed by the seed and scaled by the SDs: a larger SD stretches the same
    picture. A further district leaves the others as they are.

    Parameters
    ----------
    n_districts, schools_per_district, students_per_school : int
    sigma_district, sigma_school, sigma_y : float
        SDs of :math:`\delta`, :math:`\alpha` and :math:`\epsilon` (points).
    intercept, slope : float
        :math:`a` (points) and :math:`\beta` (points for one unit of x).
    seed : int

    Raises
    ------
    ValueError
        A number below 1 or an SD below 0.

    Examples
    --------
    >>> made = simulate_nested(2, 2, 1)
    >>> made.factors["school"].tolist()
    ['Ashford', 'Birch Lane', 'Cedar', 'Dover']
    >>> made.recycled.tolist()
    ['School 1', 'School 2', 'School 1', 'School 2']
    """
    sizes = {"n_districts": n_districts, "schools_per_district": schools_per_district,
             "students_per_school": students_per_school}  # fmt: skip
    _check(sizes, {"sigma_district": sigma_district, "sigma_school": sigma_school,
                   "sigma_y": sigma_y})  # fmt: skip
    n_schools = n_districts * schools_per_district
    j = np.repeat(np.arange(n_schools), students_per_school)
    x, eps, _ = _students(seed, "school", n_schools, students_per_school)
    return _made(
        x=x,
        eps=eps,
        codes={"district": j // schools_per_district, "school": j},
        levels={"district": _names(DISTRICT_NAMES, n_districts),
                "school": np.array(school_names(n_schools))},
        sd={"district": sigma_district, "school": sigma_school},
        recycled=np.char.add("School ", (j % schools_per_district + 1).astype(str)),
        other=(intercept, slope, sigma_y),
        seed=seed,
    )  # fmt: skip


def simulate_crossed(
    n_schools: int = 12,
    n_neighbourhoods: int = 24,
    students_per_neighbourhood: int = 25,
    crossing: float = 0.5,
    *,
    sigma_school: float = 5.0,
    sigma_neighbourhood: float = 4.0,
    sigma_y: float = 10.0,
    intercept: float = 60.0,
    slope: float = 4.0,
    seed: int = 1,
) -> StructuredSimulation:
    r"""Simulate students who live in neighbourhoods and go to schools.

    .. math:: y_i = a + \beta x_i + \alpha_{j[i]} + \gamma_{k[i]} + \epsilon_i

    Each neighbourhood k has a school of its own. A student leaves it for a school drawn from
    all when the student's own uniform draw is below ``crossing``: raising it moves further
    students and sends nobody back.

    Parameters
    ----------
    n_schools, n_neighbourhoods, students_per_neighbourhood : int
        At least as many neighbourhoods as schools.
    crossing : float
        From 0 (each neighbourhood sends everybody to its school: nested) to 1 (anybody goes
        anywhere: crossed).
    sigma_school, sigma_neighbourhood, sigma_y : float
        SDs of :math:`\alpha`, :math:`\gamma` and :math:`\epsilon` (points).
    intercept, slope : float
        :math:`a` (points) and :math:`\beta` (points for one unit of x).
    seed : int

    Raises
    ------
    ValueError
        A number below 1, an SD below 0, ``crossing`` outside 0 to 1, or fewer
        neighbourhoods than schools.

    Examples
    --------
    >>> made = simulate_crossed(2, 4, 1, crossing=0.0)
    >>> made.factors["school"].tolist()
    ['Ashford', 'Birch Lane', 'Ashford', 'Birch Lane']
    >>> made.factors["neighbourhood"].tolist()
    ['Acorn', 'Bakery', 'Canal', 'Diamond']
    """
    sizes = {"n_schools": n_schools, "n_neighbourhoods": n_neighbourhoods,
             "students_per_neighbourhood": students_per_neighbourhood}  # fmt: skip
    _check(sizes, {"sigma_school": sigma_school, "sigma_neighbourhood": sigma_neighbourhood,
                   "sigma_y": sigma_y})  # fmt: skip
    if not 0 <= crossing <= 1:
        raise ValueError(f"crossing is {crossing}: it lies from 0 (nested) to 1 (crossed).")
    if n_neighbourhoods < n_schools:
        raise ValueError(
            f"There are {n_neighbourhoods} neighbourhoods for {n_schools} schools: each school "
            "needs a neighbourhood of its own."
        )
    k = np.repeat(np.arange(n_neighbourhoods), students_per_neighbourhood)
    x, eps, uniform = _students(seed, "neighbourhood", n_neighbourhoods, students_per_neighbourhood)
    anywhere = np.minimum(uniform[:, 1] * n_schools, n_schools - 1).astype(np.intp)
    j = np.where(uniform[:, 0] < crossing, anywhere, k % n_schools)
    return _made(
        x=x,
        eps=eps,
        codes={"school": j, "neighbourhood": k},
        levels={"school": np.array(school_names(n_schools)),
                "neighbourhood": _names(NEIGHBOURHOOD_NAMES, n_neighbourhoods)},
        sd={"school": sigma_school, "neighbourhood": sigma_neighbourhood},
        recycled=None,
        other=(intercept, slope, sigma_y),
        seed=seed,
    )  # fmt: skip


# A stream of draws for each level of each factor, so that adding one leaves the others alone.
_STREAM = {"district": 1, "school": 2, "neighbourhood": 3}
_EFFECT, _STUDENTS = 1, 2


@lru_cache(maxsize=64)
def _effects(seed: int, factor: str, levels: int) -> Floats:
    """(levels,) standard normals."""
    streams = ([seed, 31, _STREAM[factor], _EFFECT, k] for k in range(levels))
    drawn: Floats = frozen([np.random.default_rng(key).standard_normal() for key in streams])
    return drawn


@lru_cache(maxsize=64)
def _students(seed: int, factor: str, levels: int, each: int) -> tuple[Floats, Floats, Floats]:
    """Standard normals for x (n,) and the error (n,), and two uniforms (n, 2) a student."""
    keys = ([seed, 31, _STREAM[factor], _STUDENTS, k] for k in range(levels))
    streams = [[np.random.default_rng([*key, of]) for of in range(2)] for key in keys]
    normal = np.concatenate([a.standard_normal((each, 2)) for a, _ in streams])
    uniform = np.concatenate([b.random((each, 2)) for _, b in streams])
    return frozen(normal[:, 0]), frozen(normal[:, 1]), frozen(uniform)


def _made(
    *,
    x: Floats,
    eps: Floats,
    codes: dict[str, Ints],
    levels: dict[str, np.ndarray],
    sd: dict[str, float],
    recycled: np.ndarray | None,
    other: tuple[float, float, float],
    seed: int,
) -> StructuredSimulation:
    """Scale the draws and add them up."""
    intercept, slope, sigma_y = other
    effects = {name: sd[name] * _effects(seed, name, len(levels[name])) for name in codes}
    y = intercept + slope * x + sigma_y * eps + sum(effects[name][codes[name]] for name in codes)
    return StructuredSimulation(
        y=frozen(y),
        x=x,
        factors={name: frozen(levels[name][codes[name]], None) for name in codes},
        recycled=None if recycled is None else frozen(recycled, None),
        levels={name: frozen(levels[name], None) for name in codes},
        effects={name: frozen(effects[name]) for name in codes},
        sd=dict(sd),
        intercept=intercept,
        slope=slope,
        sigma_y=sigma_y,
    )


def _names(words: tuple[str, ...], many: int) -> np.ndarray:
    """(many,) names, numbered from the second round on."""
    rounds = (divmod(k, len(words)) for k in range(many))
    return np.array([words[k] + (f" {again + 1}" if again else "") for again, k in rounds])


def _check(sizes: dict[str, int], sds: dict[str, float]) -> None:
    for name, size in sizes.items():
        if int(size) != size or size < 1:
            raise ValueError(f"{name} is {size}: a whole number, 1 or more, is needed.")
    for name, sd in sds.items():
        if not (sd >= 0 and math.isfinite(sd)):
            raise ValueError(f"{name} is {sd}: an SD is a finite number, 0 or more.")
