"""Simulate the data sets of the variance-component tests; fit_cases.R fits them with lme4.

python simulate_cases.py && Rscript fit_cases.R
"""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def outcome(rng, factors, sds, x, sigma_y):
    """y with a normal for each level of each factor."""
    y = 50 + 3 * x + sigma_y * rng.normal(size=len(x))
    for codes, sd in zip(factors, sds, strict=True):
        y = y + sd * rng.normal(size=codes.max() + 1)[codes]
    return y


def three_levels(seed):
    """Students in classes in schools in districts, of unequal sizes."""
    rng = np.random.default_rng(seed)
    school = np.repeat(np.arange(30), rng.integers(1, 5, 30))  # of each class
    klass = np.repeat(np.arange(len(school)), rng.integers(1, 12, len(school)))  # of each student
    school = school[klass]
    district = school // 5
    x = rng.normal(size=len(klass))
    y = outcome(rng, [district, school, klass], [2.0, 3.0, 1.5], x, 5.0)
    return pd.DataFrame({"district": district, "school": school, "class": klass, "x": x, "y": y})


def crossed(seed, n, schools, neighbourhoods, sds, sigma_y=5.0):
    rng = np.random.default_rng(seed)
    school, neighbourhood = rng.integers(0, schools, n), rng.integers(0, neighbourhoods, n)
    x = rng.normal(size=n)
    y = outcome(rng, [school, neighbourhood], sds, x, sigma_y)
    return pd.DataFrame({"school": school, "neighbourhood": neighbourhood, "x": x, "y": y})


def flat_neighbourhoods(seed):
    """All neighbourhoods have the same mean, so that their SD is estimated as zero."""
    frame = crossed(seed, 240, 12, 8, [3.0, 0.0])
    frame["y"] -= frame.groupby("neighbourhood")["y"].transform("mean")
    return frame


def mixed_raw_scale(seed):
    """Schools in districts, crossed with neighbourhoods, x and y on a raw scale."""
    rng = np.random.default_rng(seed)
    n, school = 700, rng.integers(0, 40, 700) ** 2 // 40
    neighbourhood = (school + rng.integers(0, 12, n)) % 33
    x = rng.normal(size=n)
    y = outcome(rng, [school // 6, school, neighbourhood], [2.0, 3.0, 1.5], x, 5.0)
    u = rng.normal(size=7)[school // 6]
    return pd.DataFrame(
        {"district": school // 6, "school": school, "neighbourhood": neighbourhood,
         "x": 500 + 100 * x, "u": u, "y": 10 * y}
    )  # fmt: skip


CASES = {
    "three_levels": three_levels(1),
    "crossed_two_zero": crossed(2, 200, 9, 7, [0.0, 0.0]),
    "crossed_flat_neighbourhoods": flat_neighbourhoods(3),
    "crossed_tiny": crossed(4, 14, 4, 3, [6.0, 6.0]),
    "crossed_strong": crossed(5, 150, 12, 10, [300.0, 100.0], sigma_y=2.0),
    "crossed_singles": crossed(6, 120, 70, 50, [4.0, 3.0]),
    "mixed_raw_scale": mixed_raw_scale(7),
    "one_factor": crossed(8, 90, 15, 2, [4.0, 0.0]).drop(columns="neighbourhood"),
}

if __name__ == "__main__":
    (HERE / "cases").mkdir(exist_ok=True)
    for name, frame in CASES.items():
        frame.round(4).to_csv(HERE / "cases" / f"{name}.csv", index=False)
