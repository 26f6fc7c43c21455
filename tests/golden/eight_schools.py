"""Posterior of tau by scipy.integrate.quad, written from BDA3 section 5.4 without mlm_core.

Run: python tests/golden/eight_schools.py > tests/golden/eight_schools.json
"""

import json
import sys
from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

EIGHT = ([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])
PRECISE = ([28, 8, -3, 7, -1, 1, 18, 12], [5.0, 3.0, 5.5, 4.0, 3.0, 3.5, 3.0, 6.0])
FOUR = ([1200.0, 950.0, 1010.0, 700.0], [60.0, 90.0, 45.0, 200.0])
TWO = ([1.0, 2.5], [0.6, 0.4])
CASES = {
    "eight_flat": (EIGHT, "flat", None),
    "eight_half_normal_5": (EIGHT, "half-normal", 5.0),
    "eight_half_cauchy_25": (EIGHT, "half-cauchy", 25.0),
    "eight_half_cauchy_1": (EIGHT, "half-cauchy", 1.0),
    "precise_flat": (PRECISE, "flat", None),
    "five_flat": ((EIGHT[0][:5], EIGHT[1][:5]), "flat", None),
    "four_flat": (FOUR, "flat", None),
    "three_flat": ((FOUR[0][:3], FOUR[1][:3]), "flat", None),
    "two_half_cauchy": (TWO, "half-cauchy", 1.0),
    "two_half_normal": (TWO, "half-normal", 1.0),
}
SHARES = [0.025, 0.25, 0.5, 0.75, 0.975]


def posterior(data, prior, scale):
    y, s = (np.array(v, dtype=float) for v in data)
    unit = np.sqrt((s**2).mean() + y.var())

    def parts(t):
        w = 1 / (s**2 + t**2)
        v = 1 / w.sum()
        return w, v, v * (w * y).sum()

    def log_density(t):
        w, v, mu = parts(t)
        p = {"flat": 0.0, "half-normal": -0.5 * (t / (scale or 1)) ** 2,
             "half-cauchy": -np.log1p((t / (scale or 1)) ** 2)}[prior]  # fmt: skip
        return 0.5 * np.log(v) + 0.5 * np.log(w).sum() - 0.5 * (w * (y - mu) ** 2).sum() + p

    top = max(log_density(t) for t in np.linspace(0, 5 * unit, 400))

    def density(t):
        return np.exp(log_density(t) - top)

    def effects(t):
        _, v, mu = parts(t)
        lam = t**2 / (t**2 + s**2)
        return lam * y + (1 - lam) * mu, lam * s**2 + (1 - lam) ** 2 * v

    def integral(f, high=np.inf):
        edges = [e for e in (0, unit / 4, unit, 4 * unit, 30 * unit) if e < high] + [high]
        tight = {"epsabs": 0, "epsrel": 1e-11, "limit": 500}
        return sum(quad(f, a, b, **tight)[0] for a, b in pairwise(edges))

    area = integral(density)

    def average(f):
        return integral(lambda t: density(t) * f(t)) / area

    mean = np.array([average(lambda t, j=j: effects(t)[0][j]) for j in range(len(y))])
    var = [average(lambda t, j=j: effects(t)[1][j] + (effects(t)[0][j] - mean[j]) ** 2)
           for j in range(len(y))]  # fmt: skip
    mu = average(lambda t: parts(t)[2])
    power = {"flat": len(y) - 1, "half-cauchy": len(y) + 1, "half-normal": 9}[prior]
    quantile = [
        brentq(lambda q, p=p: integral(density, q) / area - p, 1e-9, 1e4 * unit, xtol=1e-13)
        for p in SHARES
    ]
    at = np.array([0.0, 0.3, 1.0, 3.0]) * unit
    return {
        "y": y.tolist(), "se": s.tolist(), "prior": prior, "scale": scale,
        "effect_mean": mean.tolist(), "effect_sd": np.sqrt(var).tolist(), "mu_mean": mu,
        "mu_sd": np.sqrt(average(lambda t: parts(t)[1] + (parts(t)[2] - mu) ** 2))
        if power > 3 else None,
        "mean": average(lambda t: t) if power > 2 else None,
        "quantile": quantile, "at": at.tolist(),
        "density": [float(density(t)) / area for t in at],
    }  # fmt: skip


if __name__ == "__main__":
    json.dump({name: posterior(*case) for name, case in CASES.items()}, sys.stdout, indent=1)
    sys.stdout.write("\n")
