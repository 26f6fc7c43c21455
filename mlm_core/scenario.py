"""What a simulation is set by: the hyperparameters and the design, with their bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple


class Bounds(NamedTuple):
    """Smallest and largest value a control offers, and its step."""

    low: float
    high: float
    step: float


def _setting(default: Any, low: float, high: float, step: float) -> Any:
    return field(default=default, metadata={"bounds": Bounds(low, high, step)})


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    r"""The school-level model: the parameters of the model for the coefficients.

    .. math::

        \alpha_j = a_0 + b_0 u_j + \eta_{j1}, \qquad
        \beta_j  = a_1 + b_1 u_j + \eta_{j2},

    with :math:`\eta_{j1}, \eta_{j2}` normal with standard deviations
    ``sigma_alpha`` and ``sigma_beta`` and correlation ``rho``.

    The same record holds the truth of a simulation and the estimate of a fit,
    so that a page can lay them side by side. What a fit does not estimate is
    0, except ``rho``, which is NaN where one of the two SDs is 0 or unmodelled.

    Attributes
    ----------
    a0 : float
        Mean intercept where u = 0 (units of y).
    b0 : float
        Change of the intercept for one unit of u (units of y per unit of u).
    a1 : float
        Mean slope where u = 0 (units of y per unit of x).
    b1 : float
        Change of the slope for one unit of u.
    sigma_alpha : float
        SD of the intercepts between schools that u leaves unexplained (units of y).
    sigma_beta : float
        SD of the slopes between schools that u leaves unexplained.
    rho : float
        Correlation of the two errors, from -1 to 1.

    References
    ----------
    Gelman & Hill (2007), sections 1.1 and 13.1.
    """

    a0: float = _setting(60.0, 30.0, 90.0, 1.0)
    b0: float = _setting(3.0, -10.0, 10.0, 0.5)
    a1: float = _setting(4.0, -10.0, 10.0, 0.5)
    b1: float = _setting(1.0, -5.0, 5.0, 0.5)
    sigma_alpha: float = _setting(5.0, 0.0, 20.0, 0.5)
    sigma_beta: float = _setting(1.5, 0.0, 6.0, 0.25)
    rho: float = _setting(0.3, -1.0, 1.0, 0.1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that sets a simulation: scalars only, hashable, checked.

    Attributes
    ----------
    n_groups : int
        Number of schools J.
    students_per_group : int
        Median school size.
    imbalance : float
        How unequal the sizes are: the SD of the logarithm of school size
        (0: all schools equal). Which school is how large does not depend on the seed.
    hyper : Hyperparameters
        The school-level model.
    sigma_y : float
        SD of students within a school, given x (units of y).
    sigma_x : float
        SD between schools of the mean of x (0: the pre-test is the same in all
        schools but for the students drawn). Students within a school have SD 1.
    contextual : float
        Points added to a school's intercept for each unit of its mean of x: the
        between-school slope minus the within-school slope (0: no such effect).
    extraordinary : float
        Points added to the intercept of the first school, which the
        school-level model knows nothing of (0: no such school).
    seed : int
        Which draw: of schools, and of students. The sizes of schools are the town's
        own and stay.
    redraw : int
        Which draw of students in the same schools.

    Raises
    ------
    ValueError
        When a value is not finite or not possible (no schools, a negative SD,
        a correlation beyond 1). The sentence names the setting.

    Examples
    --------
    >>> Scenario().n_groups
    20
    >>> Scenario(sigma_y=-1)
    Traceback (most recent call last):
    ...
    ValueError: sigma_y is -1: an SD is 0 or more.
    """

    n_groups: int = _setting(20, 3, 100, 1)
    students_per_group: int = _setting(15, 2, 100, 1)
    imbalance: float = _setting(0.9, 0.0, 1.2, 0.1)
    hyper: Hyperparameters = field(default_factory=Hyperparameters)
    sigma_y: float = _setting(10.0, 1.0, 30.0, 0.5)
    sigma_x: float = _setting(0.0, 0.0, 3.0, 0.25)
    contextual: float = _setting(0.0, -15.0, 15.0, 0.5)
    extraordinary: float = _setting(0.0, -40.0, 40.0, 5.0)
    seed: int = _setting(591, 1, 9999, 1)
    redraw: int = _setting(0, 0, 9999, 1)

    def __post_init__(self) -> None:
        for record in (self, self.hyper):
            for f in fields(record):
                value = getattr(record, f.name)
                if isinstance(value, (int, float)) and not math.isfinite(value):
                    raise ValueError(f"{f.name} is {value}: a finite number is needed.")
        for name, least in (("n_groups", 1), ("students_per_group", 1), ("seed", 0), ("redraw", 0)):
            value = getattr(self, name)
            if int(value) != value or value < least:
                raise ValueError(f"{name} is {value}: a whole number, {least} or more, is needed.")
        if self.imbalance < 0:
            raise ValueError(f"imbalance is {self.imbalance}: 0 or more is needed.")
        sds = {
            "sigma_y": self.sigma_y,
            "sigma_x": self.sigma_x,
            "sigma_alpha": self.hyper.sigma_alpha,
            "sigma_beta": self.hyper.sigma_beta,
        }
        for name, sd in sds.items():
            if sd < 0:
                raise ValueError(f"{name} is {sd}: an SD is 0 or more.")
        if abs(self.hyper.rho) > 1:
            raise ValueError(f"rho is {self.hyper.rho}: a correlation lies from -1 to 1.")


def sd_within(scenario: Scenario) -> float:
    r"""SD of students within a school when x is not in the model.

    .. math:: \sqrt{\sigma_y^2 + a_1^2 + b_1^2 + \sigma_\beta^2}

    with x and u standard normal: what x would explain joins ``sigma_y``.

    Examples
    --------
    >>> round(sd_within(Scenario()), 2)
    10.92
    """
    hyper = scenario.hyper
    return math.sqrt(scenario.sigma_y**2 + hyper.a1**2 + hyper.b1**2 + hyper.sigma_beta**2)


def bounds(name: str) -> Bounds:
    """Bounds of a setting by its name, of `Scenario` or of its `Hyperparameters`.

    Examples
    --------
    >>> bounds("sigma_alpha")
    Bounds(low=0.0, high=20.0, step=0.5)
    """
    for record in (Scenario, Hyperparameters):
        for f in fields(record):
            if f.name == name and "bounds" in f.metadata:
                found: Bounds = f.metadata["bounds"]
                return found
    raise KeyError(f"{name!r} is not a setting with bounds.")
