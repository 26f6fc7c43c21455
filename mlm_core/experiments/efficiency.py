"""Is partial pooling better, or only different? What a thousand worlds say, as tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlm_core.data import Floats
from mlm_core.replication import EstimatorErrors, Replications
from mlm_core.scenario import Scenario
from mlm_core.simulation import school_names

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 100
"""Worlds that are drawn one by one."""

CURVE = 61
"""Points of the curve of an estimator's errors."""


def only_schools(scenario: Scenario) -> Scenario:
    """The scenario without predictors: schools differ by ``sigma_alpha``, and one may be odd.

    Examples
    --------
    >>> only_schools(Scenario()).hyper.b0
    0.0
    """
    hyper = replace(scenario.hyper, b0=0.0, a1=0.0, b1=0.0, sigma_beta=0.0, rho=0.0)
    return replace(scenario, hyper=hyper, sigma_x=0.0, contextual=0.0)


def odd_school(made: Replications) -> int:
    """Index of the school that ``Scenario.extraordinary`` sets apart, in every world."""
    return int(np.flatnonzero(made.labels.astype(str) == school_names(1)[0])[0])


def gain(made: Replications, j: int) -> float:
    r"""How much smaller the error of school j is with partial pooling than without.

    .. math:: 1 - \mathrm{RMSE}_j(\text{partial}) / \mathrm{RMSE}_j(\text{no})

    Examples
    --------
    >>> from mlm_core import replicate
    >>> made = replicate(only_schools(Scenario()), 500, with_x=False)
    >>> gain(made, int(made.n.argmin())) > 0.2 > gain(made, int(made.n.argmax()))
    True
    """
    return float(1 - made.partial_pooling.rmse[j] / made.no_pooling.rmse[j])


def expected_errors(n: Floats | float, sigma_alpha: float, sigma_y: float) -> dict[str, Floats]:
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


def by_school(made: Replications, picked: str, *, partial: bool = True) -> pd.DataFrame:
    """Error and coverage of every estimator in every school.

    Returns
    -------
    pandas.DataFrame
        ``way, school, n, error, held, picked``; one row a school and estimator.
    """
    import pandas as pd

    names = made.labels.astype(str)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "way": way,
                    "school": names,
                    "n": made.n,
                    "error": found.rmse,
                    "held": found.coverage,
                    "picked": names == picked,
                }
            )
            for way, found in _ways(made, partial).items()
        ],
        ignore_index=True,
    )


def expected_table(scenario: Scenario, largest: float, *, partial: bool = True) -> pd.DataFrame:
    """The curves of `expected_errors` over school size: ``way, n, error``."""
    import pandas as pd

    n = np.geomspace(1, largest, 40)
    curves = expected_errors(n, scenario.hyper.sigma_alpha, scenario.sigma_y)
    return pd.DataFrame(
        [
            {"way": way, "n": at, "error": error}
            for way, values in curves.items()
            if partial or way != "partial"
            for at, error in zip(n, values, strict=True)
        ]
    )


def error_tables(made: Replications, j: int, *, partial: bool = True) -> dict[str, pd.DataFrame]:
    """Errors of the estimators in school j, over all worlds and one by one.

    Parameters
    ----------
    made : Replications
        With its errors kept.

    Returns
    -------
    dict of DataFrame
        ``curves``: ``way, row, error, density`` (1 at the top); ``dots``, one row an
        estimator and shown world: ``step, way, row, error, aside, resting``; ``bars``, one
        row an estimator: ``way, row, low, high, label``; ``steps``, one row a shown world.
    """
    import pandas as pd

    ways = _ways(made, partial)
    shown = np.arange(min(SHOWN, made.n_replications))
    errors = {way: _errors(found)[:, j] for way, found in ways.items()}
    rows = {way: k for k, way in enumerate(("complete", "no", "partial"))}
    curves = [
        pd.DataFrame({"way": way, "row": rows[way], **_curve(values)})
        for way, values in errors.items()
    ]
    dots = [
        pd.DataFrame(
            {
                "step": shown,
                "way": way,
                "row": rows[way],
                "error": values[: len(shown)],
                "aside": (shown + 1) * 0.618033988749895 % 1,
            }
        )
        for way, values in errors.items()
    ]
    rmse = {way: float(found.rmse[j]) for way, found in ways.items()}
    bars = pd.DataFrame(
        {
            "way": list(rmse),
            "row": [rows[way] for way in rmse],
            "low": [-value for value in rmse.values()],
            "high": list(rmse.values()),
            "name": [f"{way} pooling" for way in rmse],
            "label": [f"RMSE {value:.1f}" for value in rmse.values()],
        }
    )
    return {
        "curves": pd.concat(curves, ignore_index=True),
        "dots": pd.concat(dots, ignore_index=True),
        "bars": bars,
        "steps": pd.DataFrame(
            {
                "step": shown,
                "at": shown / max(len(shown) - 1, 1),
                "caption": [_caption(k + 1, made.n_replications) for k in range(len(shown))],
                "resting": shown == len(shown) - 1,
            }
        ),
    }


def reach(made: Replications, j: int) -> Floats:
    """Between which errors nearly all worlds lie, in school j: (low, high)."""
    ways = _ways(made, partial=True).values()
    out: Floats = np.quantile([_errors(found)[:, j] for found in ways], [0.003, 0.997])
    return out


def _caption(k: int, of: int) -> str:
    return f"world 1 of {of:,}" if k == 1 else f"worlds 1 to {k} of {of:,}"


def _ways(made: Replications, partial: bool) -> dict[str, EstimatorErrors]:
    ways = {"complete": made.complete_pooling, "no": made.no_pooling}
    return ways | {"partial": made.partial_pooling} if partial else ways


def _errors(found: EstimatorErrors) -> Floats:
    if found.errors is None:
        raise ValueError("The replications were made without keeping their errors.")
    return found.errors


def _curve(values: Floats) -> dict[str, Floats]:
    """A smooth histogram: normal kernels of Silverman's width, 1 at the top."""
    centre, sd = values.mean(), max(float(values.std()), 1e-9)
    at = centre + sd * np.linspace(-3.6, 3.6, CURVE)
    width = 1.06 * sd * len(values) ** -0.2
    density = np.exp(-(((at[:, None] - values) / width) ** 2) / 2).sum(axis=1)
    return {"error": at, "density": density / density.max()}
