"""Trials of a treatment that does nothing: how often three analyses find an effect, as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlm_core.clustered import TreatmentTrials, design_effect
from mlm_core.data import Floats

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05
BINS = 20
SHOWN = 31
"""Trials that are drawn with all their schools."""

NAMES = {
    "ordinary": "ordinary regression",
    "robust": "cluster-robust error",
    "multilevel": "multilevel model",
}


def effective_students(n_groups: int, students_per_group: int, icc: float) -> float:
    r"""As many independent students would tell as much: :math:`J n / (1 + (n - 1)\,\mathrm{ICC})`.

    Examples
    --------
    >>> round(effective_students(20, 50, 0.05))
    290
    """
    return float(n_groups * students_per_group / design_effect(students_per_group, icc))


def expected_alarms(effect: float) -> float:
    r"""Share of trials in which the ordinary regression finds an effect, with many schools.

    .. math:: \Pr(|z| > 1.96 / \sqrt{\text{design effect}})

    Examples
    --------
    >>> round(expected_alarms(1.0), 3), round(expected_alarms(3.45), 2)
    (0.05, 0.29)
    """
    return math.erfc(1.959963984540054 / math.sqrt(2 * effect))


def p_value_table(trials: TreatmentTrials, *, shown: bool = True) -> pd.DataFrame:
    """Histograms of the p-values.

    Parameters
    ----------
    trials : TreatmentTrials
    shown : bool
        Without it all shares are 0 and the labels ask.

    Returns
    -------
    pandas.DataFrame
        ``way, row, left, right, share, alarm, name, label``, one row an analysis and bin;
        the first bin holds the p-values below .05.
    """
    import pandas as pd

    edges = np.linspace(0, 1, BINS + 1)
    tables = []
    for row, (way, p, _) in enumerate(_analyses(trials)):
        found = float((p < LEVEL).mean())
        tables.append(
            pd.DataFrame(
                {
                    "way": way,
                    "row": row,
                    "left": edges[:-1],
                    "right": edges[1:],
                    "share": np.histogram(p, edges)[0] / len(p) * shown,
                    "alarm": np.arange(BINS) == 0,
                    "name": NAMES[way],
                    "label": f"{100 * found:.1f}% false alarms" if shown else "how many?",
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def trial_tables(trials: TreatmentTrials) -> dict[str, pd.DataFrame]:
    """The first trials one by one: their schools, and the effect that each analysis states.

    Returns
    -------
    dict of DataFrame
        ``schools``: ``step, arm, aside, mean, resting``; ``arms``, the mean of each arm;
        ``intervals``: ``step, way, row, effect, low, high, name, label, alarm, tally, resting``;
        ``steps``: ``step, at, caption, resting``.
    """
    import pandas as pd

    many, J = trials.school_means.shape
    step = np.arange(min(SHOWN, many))
    means = trials.school_means[: len(step)]
    arm = (np.arange(J) >= J // 2).astype(int)
    aside: Floats = (np.arange(J) * 0.618033988749895 % 1).astype(np.float64)
    arms = np.stack([means[:, arm == k].mean(axis=1) for k in (0, 1)], axis=1)
    return {
        "schools": _of_steps(step, arm, means, aside=aside),
        "arms": _of_steps(step, np.arange(2), arms, aside=np.full(2, 0.5)),
        "intervals": pd.concat(
            [_intervals(trials, row, step) for row in range(len(NAMES))], ignore_index=True
        ),
        "steps": pd.DataFrame(
            {
                "step": step,
                "at": step / max(len(step) - 1, 1),
                "caption": [f"trial {k + 1} of {many:,}" for k in step.tolist()],
                "resting": step == 0,
            }
        ),
    }


def reach(trials: TreatmentTrials) -> Floats:
    """Between which values nearly all means and intervals of the shown trials lie."""
    ends = trials.effect + np.stack([trials.half_ordinary, trials.half_multilevel])
    values = np.concatenate([ends[:, :SHOWN].ravel(), trials.school_means[:SHOWN].ravel()])
    out: Floats = np.quantile(values, [0.02, 0.98])
    return out


def _of_steps(step: np.ndarray, arm: np.ndarray, mean: Floats, aside: Floats) -> pd.DataFrame:
    """One row a trial and column of ``mean``."""
    import pandas as pd

    columns = mean.shape[1]
    return pd.DataFrame(
        {
            "step": np.repeat(step, columns),
            "arm": np.tile(arm, len(step)),
            "aside": np.tile(aside, len(step)),
            "mean": mean.ravel(),
            "resting": np.repeat(step == 0, columns),
        }
    )


def _intervals(trials: TreatmentTrials, row: int, step: np.ndarray) -> pd.DataFrame:
    """What one analysis states in each shown trial."""
    import pandas as pd

    way, p, half = _analyses(trials)[row]
    p, half, effect = p[: len(step)], half[: len(step)], trials.effect[: len(step)]
    return pd.DataFrame(
        {
            "step": step,
            "way": way,
            "row": row,
            "effect": effect,
            "low": effect - half,
            "high": effect + half,
            "name": NAMES[way],
            "label": [_said(value) for value in p.tolist()],
            "alarm": p < LEVEL,
            "tally": [
                f"false alarms so far: {found} of {k}"
                for k, found in enumerate((p < LEVEL).cumsum().tolist(), 1)
            ],
            "resting": step == 0,
        }
    )


def _said(p: float) -> str:
    value = "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")
    return f"false alarm, {value}" if p < LEVEL else value


def _analyses(trials: TreatmentTrials) -> list[tuple[str, Floats, Floats]]:
    """(name, p-values, half widths) in the order of `NAMES`."""
    p = (trials.p_ordinary, trials.p_cluster_robust, trials.p_multilevel)
    half = (trials.half_ordinary, trials.half_cluster_robust, trials.half_multilevel)
    return list(zip(NAMES, p, half, strict=True))
