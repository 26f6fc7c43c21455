"""What the fits return: plain frozen records, with the shape of every array."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import Floats, Ints
from mlm_core.scenario import Hyperparameters

NORMAL_975 = 1.959963984540054
"""95% of a normal distribution lie within so many SDs of its mean."""

Slopes = Literal["common", "varying", "uncorrelated"]
Method = Literal["REML", "ML"]


@dataclass(frozen=True, slots=True, eq=False)
class GroupLines:
    """A line for each school: ``alpha[j] + beta[j] * x``, on the scale of the data.

    Attributes
    ----------
    alpha, beta : (J,) arrays
        Whole intercepts and slopes. What the data cannot identify is NaN;
        where the model has no slope, ``beta`` is 0.
    se_alpha, se_beta : (J,) arrays
        Their standard errors.
    """

    alpha: Floats
    beta: Floats
    se_alpha: Floats
    se_beta: Floats


@dataclass(frozen=True, slots=True, eq=False)
class CompletePooling:
    """One line for everybody; ``lines`` repeats it for every school.

    Attributes
    ----------
    lines : GroupLines
        The same line J times, with the naive standard errors.
    sigma_y : float
        Residual SD.
    cluster_se_alpha, cluster_se_beta : float
        Cluster-robust (by school) standard errors of the same line;
        NaN with one school.
    """

    lines: GroupLines
    sigma_y: float
    cluster_se_alpha: float
    cluster_se_beta: float


@dataclass(frozen=True, slots=True, eq=False)
class NoPooling:
    """Every school by itself.

    Attributes
    ----------
    lines : GroupLines
        Each school's own estimate.
    sigma_y : float
        Residual SD, pooled over schools; NaN when no degrees of freedom are left.
    """

    lines: GroupLines
    sigma_y: float


@dataclass(frozen=True, slots=True, eq=False)
class PartialPooling:
    """A fitted multilevel model.

    Attributes
    ----------
    hyper : Hyperparameters
        Estimates of the school-level model; ``rho`` is NaN where undefined.
    lines : GroupLines
        ``a0 + b0 u_j +`` conditional mode, and the same for slopes. Standard errors
        are conditional on the estimated SDs (``sigma_alpha`` and so on) but count
        the uncertainty of ``a0, b0, a1, b1``.
    sigma_y : float
        SD of students within a school.
    criterion : float
        Minus twice the (restricted) log likelihood: lme4's ``REMLcrit`` or ``deviance``.
    method : {"REML", "ML"}
    singular : bool
        An SD is estimated as exactly 0, or rho as exactly 1 or -1. A result, not an error.
    converged : bool
    coef_names : tuple of str
        Which of ``a0, b0, a1, b1`` the model has, in the order of ``coef_cov``.
    coef_cov : (p, p) array
        Covariance of those coefficients.
    mode_sd_alpha, mode_sd_beta : (J,) arrays
        Conditional SDs of the conditional modes, lme4's ``condsd``: given
        the coefficients and the SDs.
    n_groups : int
    n : (J,) int array
        Students of each school.
    line_cov : (J,) array
        Covariance of the errors of ``lines.alpha`` and ``lines.beta``.
    labels : (J,) array
        Names of the schools.
    group_predictor : bool
        Whether u predicts the coefficients.
    """

    hyper: Hyperparameters
    lines: GroupLines
    sigma_y: float
    criterion: float
    method: Method
    slopes: Slopes
    singular: bool
    converged: bool
    coef_names: tuple[str, ...]
    coef_cov: Floats
    mode_sd_alpha: Floats
    mode_sd_beta: Floats
    n: Ints
    evaluations: int = 0
    line_cov: Floats = field(default_factory=lambda: np.empty(0))
    labels: NDArray[Any] = field(default_factory=lambda: np.empty(0))
    group_predictor: bool = False

    @property
    def n_groups(self) -> int:
        """Number of schools J."""
        return len(self.n)

    def se(self, name: str) -> float:
        """Standard error of one of ``a0, b0, a1, b1``; NaN when the model does not have it."""
        if name not in self.coef_names:
            return float("nan")
        k = self.coef_names.index(name)
        return float(np.sqrt(self.coef_cov[k, k]))


@dataclass(frozen=True, slots=True, eq=False)
class PoolingPath:
    """Partial pooling at given values of ``sigma_alpha``, from 0 to infinity.

    The slope, the means and ``sigma_y`` are estimated anew at every value, so one
    end is complete pooling and the other no pooling with a common slope.

    Attributes
    ----------
    sigma_alpha : (K,) array
        The given values; 0 and inf are allowed.
    log_likelihood : (K,) array
        (Restricted) log likelihood, profiled over all else, minus its maximum;
        at infinity the restricted one goes to minus infinity.
    alpha, se_alpha : (K, J) arrays
        School intercepts and their standard errors at each value.
    a0, b0, a1, sigma_y : (K,) arrays
        The other estimates at each value.
    weight : (K, J) array
        How much of the school's own estimate enters: 0 complete pooling, 1 no pooling.
    """

    sigma_alpha: Floats
    log_likelihood: Floats
    alpha: Floats
    se_alpha: Floats
    a0: Floats
    b0: Floats
    a1: Floats
    sigma_y: Floats
    weight: Floats


@dataclass(frozen=True, slots=True, eq=False)
class VarianceComponents:
    """A model with any number of nested or crossed grouping factors.

    Attributes
    ----------
    coef, se : (p,) arrays
        Coefficients of X and their standard errors.
    sd : dict of str to float
        SD between the levels of each factor.
    sigma_y : float
        Residual SD.
    criterion : float
        Minus twice the (restricted) log likelihood.
    modes, mode_sd : dict of str to (levels,) array
        Conditional mode of each level and its conditional SD.
    levels : dict of str to (levels,) array
        The codes of each factor, sorted.
    method : {"REML", "ML"}
    singular, converged : bool
    """

    coef: Floats
    se: Floats
    sd: dict[str, float]
    sigma_y: float
    criterion: float
    modes: dict[str, Floats]
    mode_sd: dict[str, Floats]
    levels: dict[str, np.ndarray]
    method: Method
    singular: bool
    converged: bool
    coef_cov: Floats = field(default_factory=lambda: np.empty((0, 0)))
