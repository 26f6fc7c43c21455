"""The next student's score: in a school not seen, little seen, well seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlm_core.data import Floats, GroupedData, Ints
from mlm_core.records import CompletePooling, NoPooling, PartialPooling

if TYPE_CHECKING:
    import pandas as pd

NORMAL = 1.959963984540054
FEW = 2
"""Students seen of a school that is little known."""
EVERY = 12
"""Up to so many students seen, each number is a step; beyond, fewer."""
STEPS = 24
GRID = 61


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Predictive distributions for a school of which more and more students are seen.

    All are normal: ``mean`` plus and minus 1.96 ``sd`` holds 95%.

    Attributes
    ----------
    seen : (K,) int array
        Students seen, from 0 to all.
    mean, sd : (K,) arrays
        Of partial pooling (units of y).
    own_mean, own_sd : (K,) arrays
        Of no pooling; NaN where nobody is seen.
    complete_mean, complete_sd : float
        Of complete pooling, which asks for no school.
    """

    seen: Ints
    mean: Floats
    sd: Floats
    own_mean: Floats
    own_sd: Floats
    complete_mean: float
    complete_sd: float

    def interval(self, step: int) -> tuple[float, float]:
        """95% interval of partial pooling at a step."""
        reach = NORMAL * float(self.sd[step])
        return float(self.mean[step]) - reach, float(self.mean[step]) + reach


def numbers_seen(n: int) -> Ints:
    """Numbers of students from 0 to n: each up to `EVERY`, then in growing steps.

    Examples
    --------
    >>> numbers_seen(3).tolist()
    [0, 1, 2, 3]
    """
    if n <= EVERY:
        return np.arange(n + 1)
    beyond = np.geomspace(EVERY, n, STEPS - EVERY)[1:]
    return np.unique(np.concatenate([np.arange(EVERY + 1), np.rint(beyond).astype(int)]))


def predictions(
    data: GroupedData,
    fits: tuple[CompletePooling, NoPooling, PartialPooling],
    school: int,
    size: int = 1,
) -> Predictions:
    r"""Predict the mean score of ``size`` new students of a school of which k are seen.

    The SDs are those of the fit to all students; the k first students of the school, and
    all students of the others, say the rest. With :math:`v = \sigma_\alpha^2 + \sigma_y^2/k`,
    :math:`B = \sigma_\alpha^2/v` and :math:`\hat a_0` from generalised least squares,

    .. math::

        \hat\alpha = \hat a_0 + B(\bar y_k - \hat a_0), \qquad
        \mathrm{sd}^2 = \sigma_\alpha^2(1-B) + (1-B)^2\,\mathrm{var}(\hat a_0)
            + \sigma_y^2/\mathrm{size}

    and with nobody seen B = 0: a new school. With all seen this is the fit itself.

    Parameters
    ----------
    data : GroupedData
        Without x, as are the fits.
    fits : (complete, no, partial pooling)
    school : int
        Index of the school.
    size : int
        New students whose mean is predicted; 1 is one student's score.

    References
    ----------
    Gelman & Hill (2007), section 12.7: new students in known and in new groups.

    Examples
    --------
    >>> from mlm_core import fit_complete_pooling, fit_no_pooling, fit_partial_pooling
    >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    >>> fits = fit_complete_pooling(data), fit_no_pooling(data), fit_partial_pooling(data)
    >>> predictions(data, fits, 0).sd.round(1).tolist()
    [6.1, 1.4, 1.2, 1.2]
    """
    complete, no, partial = fits
    between, within = partial.hyper.sigma_alpha**2, partial.sigma_y**2
    y = data.y[data.j == school]
    seen = numbers_seen(len(y))
    k = np.maximum(seen, 1)
    own = np.cumsum(y)[k - 1] / k

    others = np.arange(data.n_groups) != school
    weight = 1 / (between + within / data.n[others])
    v = between + within / k
    of_school = np.where(seen > 0, 1 / v, 0.0)
    total = weight.sum() + of_school
    a0 = (weight @ data.group_means(data.y)[others] + of_school * own) / total
    b = np.where(seen > 0, between / v, 0.0)
    variance = between * (1 - b) + (1 - b) ** 2 / total + within / size

    alone = np.where(seen > 0, 1.0, np.nan)
    n = data.n_students
    return Predictions(
        seen=seen,
        mean=a0 + b * (own - a0),
        sd=np.sqrt(variance),
        own_mean=alone * own,
        own_sd=alone * no.sigma_y * np.sqrt(1 / k + 1 / size),
        complete_mean=float(complete.lines.alpha[0]),
        complete_sd=complete.sigma_y * float(np.sqrt(1 / n + 1 / size)),
    )


def predictions_tables(
    made: Predictions, y: Floats, true_mean: float, domain: tuple[float, float], rest: int
) -> dict[str, pd.DataFrame]:
    """The tables of `charts.next_student`.

    Parameters
    ----------
    made : Predictions
    y : (n,) array
        Scores of the school, in the order in which they are seen.
    true_mean : float
        The school's true mean.
    domain : (low, high)
        Of the score axis.
    rest : int
        Step at which the handle rests.
    """
    import pandas as pd

    step = np.arange(len(made.seen))
    path = pd.DataFrame({"step": step, "k": made.seen, "resting": step == rest})
    poolings = {
        "": (made.mean, made.sd),
        "own_": (made.own_mean, made.own_sd),
        "complete_": (made.complete_mean + 0 * made.mean, made.complete_sd + 0 * made.mean),
    }
    for name, (mean, sd) in poolings.items():
        path[f"{name}mean"] = mean
        path[f"{name}low"], path[f"{name}high"] = mean - NORMAL * sd, mean + NORMAL * sd
    path["caption"] = [
        f"{k} seen: {low:.0f} to {high:.0f}"
        for k, low, high in zip(path["k"], path["low"], path["high"], strict=True)
    ]
    return {
        "path": path,
        "curve": _curves(made, poolings, domain, rest),
        "students": _students(made, y),
        "truth": pd.DataFrame({"truth": [true_mean]}),
    }


def _curves(
    made: Predictions,
    poolings: dict[str, tuple[Floats, Floats]],
    domain: tuple[float, float],
    rest: int,
) -> pd.DataFrame:
    """One row a step and score: densities, 1 where the narrowest is highest; three are kept."""
    import pandas as pd

    score = np.linspace(*domain, GRID)
    narrowest = min(float(np.nanmin(sd)) for _, sd in poolings.values())
    step = np.repeat(np.arange(len(made.seen)), GRID)
    table = pd.DataFrame({"step": step, "score": np.tile(score, len(made.seen))})
    for name, (mean, sd) in poolings.items():
        z = (score - mean[:, None]) / sd[:, None]
        density = narrowest / sd[:, None] * np.exp(-0.5 * z**2)
        table[f"{name}density"] = np.nan_to_num(density).ravel()
    kept = np.isin(step, [0, min(FEW, made.seen[-1]), len(made.seen) - 1])
    return table.assign(resting=step == rest, kept=kept)


def _students(made: Predictions, y: Floats) -> pd.DataFrame:
    """One row a student: the first step that has seen it, and the score; at most 150."""
    import pandas as pd

    kept = np.arange(0, len(y), -(-len(y) // 150))
    at = np.searchsorted(made.seen, kept + 1)
    return pd.DataFrame({"k": made.seen[at], "score": y[kept]})
