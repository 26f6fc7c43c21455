"""A made-up trial: tutoring randomised within schools; its effect varies by school.

`tutoring.csv` has the students, `tutoring_truth.csv` what the effect really is in
each school. With ``treated`` as x, intercepts and effects follow `HYPER`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mlm_core import Hyperparameters
from mlm_core.simulation import school_names

SEED = 7
"""Chosen: a draw in which the school with the largest own estimate is a very small one."""
N_SCHOOLS = 24
HYPER = Hyperparameters(a0=58.0, b0=3.0, a1=4.0, b1=1.0, sigma_alpha=5.0, sigma_beta=3.0, rho=-0.3)
PRETEST_SLOPE = 4.0
SIGMA_Y = 8.0


def tutoring() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The students, and the truth of each school.

    In every school half of the students, drawn by lot, are tutored. ``pretest`` and
    ``u`` (how well the school is equipped) are standardised, ``score`` is in points.
    """
    rng = np.random.default_rng(SEED)
    n = np.rint(np.exp(rng.normal(np.log(22), 0.7, N_SCHOOLS))).astype(int).clip(6, 80)
    u, eta = rng.normal(size=N_SCHOOLS), rng.normal(size=(2, N_SCHOOLS))
    across = HYPER.rho * eta[0] + np.sqrt(1 - HYPER.rho**2) * eta[1]
    alpha = HYPER.a0 + HYPER.b0 * u + HYPER.sigma_alpha * eta[0]
    effect = HYPER.a1 + HYPER.b1 * u + HYPER.sigma_beta * across

    j = np.repeat(np.arange(N_SCHOOLS), n)
    treated = np.concatenate([rng.permutation(np.arange(size) % 2) for size in n])
    pretest = rng.normal(size=len(j))
    score = alpha[j] + effect[j] * treated + PRETEST_SLOPE * pretest
    score += SIGMA_Y * rng.normal(size=len(j))

    names = np.array(school_names(N_SCHOOLS))
    students = {"school": names[j], "u": u[j], "pretest": pretest, "treated": treated,
                "score": score}  # fmt: skip
    truth = {"school": names, "n": n, "u": u, "alpha": alpha, "effect": effect}
    return pd.DataFrame(students), pd.DataFrame(truth)


def write(folder: Path) -> None:
    """Write `tutoring.csv` and `tutoring_truth.csv`, to four decimals."""
    for name, table in zip(("tutoring", "tutoring_truth"), tutoring(), strict=True):
        path = folder / f"{name}.csv"
        table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")
