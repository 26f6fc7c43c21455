"""Within-school and between-school slopes: one apart from the other, or mixed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mlm_core.data import DataError, Floats, GroupedData, frozen
from mlm_core.partial import fit_partial_pooling
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.records import PartialPooling
from mlm_core.scenario import Scenario
from mlm_core.simulation import simulate


@dataclass(frozen=True, slots=True, eq=False)
class SlopesPath:
    """Three slopes while the slope between schools turns, the draws staying the same.

    Attributes
    ----------
    contextual : (K,) array
        Between-school minus within-school slope, in truth.
    start, end : GroupedData
        The data at the first and the last of them, with ``u`` the school means of
        x; in between, y is ``start.y + t * (end.y - start.y)`` with t from 0 to 1.
    within : float
        Slope within schools: no pooling with a common slope; the same all along.
    pooled_alpha, pooled_beta : (K,) arrays
        The line of complete pooling.
    multilevel_alpha, multilevel_beta : (K,) arrays
        The line of the multilevel model for a school's mean: with u, the line between
        schools; without, that of its one slope.
    """

    contextual: Floats
    start: GroupedData
    end: GroupedData
    within: float
    pooled_alpha: Floats
    pooled_beta: Floats
    multilevel_alpha: Floats
    multilevel_beta: Floats


def with_school_means(data: GroupedData) -> GroupedData:
    r"""The same data with :math:`u_j = \bar x_j`, the school's mean of x.

    Raises
    ------
    DataError
        There is no x.

    References
    ----------
    Mundlak (1978), Econometrica 46(1), 69-85; Bafumi & Gelman (2006), Fitting multilevel
    models when predictors and group effects correlate.

    Examples
    --------
    >>> data = GroupedData([1.0, 2.0, 3.0], [0.0, 2.0, 5.0], [0, 0, 1], None, ["a", "b"])
    >>> with_school_means(data).u.tolist()
    [1.0, 5.0]
    """
    if data.x is None:
        raise DataError("There is no student-level predictor x whose school means could be taken.")
    return replace(data, u=data.group_means(data.x))


def share_between(data: GroupedData) -> float:
    r"""Share of the variation of x that lies between schools.

    .. math::

        \lambda = \frac{\sum_j n_j (\bar x_j - \bar x)^2}{\sum_i (x_i - \bar x)^2}

    The slope of complete pooling is :math:`\lambda` times the slope between schools
    (least squares on the school means, weighted by :math:`n_j`) plus
    :math:`1 - \lambda` times the slope within.

    Raises
    ------
    DataError
        There is no x.

    Examples
    --------
    >>> share_between(GroupedData([0.0] * 4, [0.0, 2.0, 4.0, 6.0], [0, 0, 1, 1], None, ["a", "b"]))
    0.8
    """
    means = with_school_means(data).u
    assert data.x is not None
    assert means is not None
    centre = data.x.mean()
    return float(data.n @ (means - centre) ** 2 / ((data.x - centre) ** 2).sum())


def line_of_means(fit: PartialPooling) -> tuple[float, float]:
    """Intercept and slope over a school's mean of x: with u, ``a1 + b0``; without, ``a1``."""
    return fit.hyper.a0, fit.hyper.a1 + fit.hyper.b0


def slopes_path(
    scenario: Scenario, last: float, steps: int = 31, with_u: bool = True
) -> SlopesPath:
    """Refit while ``contextual`` goes from 0 to ``last``.

    Parameters
    ----------
    scenario : Scenario
        Its own ``contextual`` does not count.
    last : float
        The last value of ``contextual`` (units of y per unit of x).
    steps : int
        How many values.
    with_u : bool
        Whether the multilevel model has the school means of x as u.

    Returns
    -------
    SlopesPath

    Raises
    ------
    DataError
        As the fits.

    Examples
    --------
    >>> path = slopes_path(Scenario(sigma_x=1.5), -8.0, steps=3)
    >>> path.multilevel_beta.round(1).tolist()
    [4.0, 0.2, -3.6]
    """
    start, end = (
        with_school_means(simulate(replace(scenario, contextual=c)).data) for c in (0.0, last)
    )
    t = np.linspace(0.0, 1.0, steps)
    ends = [fit_complete_pooling(data).lines for data in (start, end)]
    pooled = {
        name: getattr(ends[0], name)[0]
        + t * (getattr(ends[1], name)[0] - getattr(ends[0], name)[0])
        for name in ("alpha", "beta")
    }
    turn = end.y - start.y
    fits = [
        line_of_means(fit_partial_pooling(replace(start, y=start.y + s * turn), "common", with_u))
        for s in t
    ]
    own = fit_no_pooling(start).lines.beta
    return SlopesPath(
        frozen(last * t), start, end, float(own[0]),
        frozen(pooled["alpha"]), frozen(pooled["beta"]), *map(frozen, np.transpose(fits)),
    )  # fmt: skip
