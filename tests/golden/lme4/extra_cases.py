"""Simulate more data sets, awkward on purpose; fit_extra.R fits them. Every number is a choice.

Run as: python extra_cases.py; Rscript fit_extra.R
"""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def schools(seed, sizes, *, sa=3.0, sb=0.5, rho=0.3, sy=6.0, slope=3.0, x="normal", u="normal"):
    """Students in schools of the given sizes."""
    rng = np.random.default_rng(seed)
    j = np.repeat(np.arange(len(sizes)), sizes)
    between = rng.normal(size=(len(sizes), 2))
    predictor = {
        "normal": rng.normal(size=len(j)),
        "binary": rng.integers(0, 2, len(j)),
        "of_school": rng.normal(size=len(sizes))[j],
        "some_constant": np.where(j % 3 == 0, 1.0, rng.normal(size=len(j))),
        "differs_by_school": rng.normal(size=len(j)) + 2.0 * rng.normal(size=len(sizes))[j],
    }[x]
    of_school = {
        "normal": rng.normal(size=len(sizes)),
        "binary": (np.arange(len(sizes)) % 2).astype(float),
    }[u]
    alpha = 50 + 2 * of_school + sa * between[:, 0]
    tilt = rho * between[:, 0] + np.sqrt(1 - rho**2) * between[:, 1]
    beta = slope + 0.4 * of_school + sb * tilt
    y = alpha[j] + beta[j] * predictor + sy * rng.normal(size=len(j))
    frame = pd.DataFrame({"school": j + 1, "u": of_school[j], "x": predictor, "y": y})
    return frame.round({"u": 4, "x": 4, "y": 4})


def moved(frame, **change):
    """The same data with ``column = shift + scale * column``."""
    for column, (shift, scale) in change.items():
        frame[column] = (shift + scale * frame[column]).round(4)
    return frame


def hard(seed):
    """A few students in a few schools, with SDs from 0 to very large."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, rng.choice([5, 10, 30]) + 1, rng.choice([5, 6, 8, 12, 20]))
    sizes[:3] += 3
    sa, sb = rng.choice([0, 0, 0.5, 2, 60]), rng.choice([0, 0, 1.0, 5])
    return schools(seed, sizes, sa=sa, sb=sb, rho=rng.choice([0, 0.5, -0.9, 1, -1]))


def cases():
    """Every case by its name."""
    sizes = np.random.default_rng(1).integers
    out = {
        "two_schools": schools(101, [12, 30], sa=4, sb=0),
        "three_with_slopes": schools(102, [15, 20, 25], sa=4, sb=2),
        "five_schools": schools(103, [8, 9, 10, 11, 12], sb=1),
        "pairs": schools(104, [2] * 30, sa=4),
        "singles_and_slopes": schools(105, [1, 1, 1, 1, 2, 2, 3, 4, 9, 15, 20, 30], sb=1),
        "x_binary": schools(106, sizes(4, 25, 15), x="binary", sb=2),
        "u_binary": schools(107, sizes(4, 25, 16), u="binary"),
        "x_of_school": schools(108, sizes(4, 25, 12), x="of_school"),
        "x_some_constant": schools(109, sizes(4, 25, 15), x="some_constant", sb=2),
        "x_differs_by_school": schools(110, sizes(4, 25, 15), x="differs_by_school", sb=1),
        "x_is_a_year": moved(schools(111, sizes(4, 25, 15), sb=2), x=(2015, 3)),
        "x_far_from_0": moved(schools(112, sizes(10, 50, 25), sb=1), x=(500, 100), y=(0, 10)),
        "y_large": moved(schools(113, sizes(4, 25, 15)), y=(1e6, 1e3)),
        "no_slope_variation": schools(114, [12] * 10, sb=0, sa=2),
        "only_slopes_vary": schools(115, [12] * 10, sb=2, sa=0),
        "rho_minus_1": schools(116, [20] * 10, sb=1.5, rho=-1),
        "schools_far_apart": schools(117, [6] * 10, sa=500, sb=30),
        "nothing_between": schools(118, [10] * 8, sa=0, sb=0, slope=0),
    }
    return out | {f"hard_{seed}": hard(seed) for seed in range(200, 224)}


if __name__ == "__main__":
    tables = [frame.assign(case=name) for name, frame in cases().items()]
    pd.concat(tables).to_csv(HERE / "extra_cases.csv", index=False)
