"""Scenarios by name: the default, and those in which an idea is seen best or fails."""

from __future__ import annotations

from dataclasses import replace

from mlm_core import Hyperparameters, Scenario

DEFAULT = Scenario()


def _hyper(**changes: float) -> Hyperparameters:
    return replace(DEFAULT.hyper, **changes)


EXTRAORDINARY = replace(DEFAULT, extraordinary=-30.0)
SIMPSON = replace(
    DEFAULT,
    sigma_x=2.0,
    contextual=-9.0,
    hyper=_hyper(sigma_alpha=2.0, b0=0.0, b1=0.0, sigma_beta=0.5, a1=4.0),
    sigma_y=5.0,
)
ZERO = replace(
    DEFAULT,
    n_groups=8,
    students_per_group=10,
    hyper=_hyper(sigma_alpha=2.0, b0=0.0, b1=0.0, sigma_beta=0.0),
    seed=2,
)
TINY = replace(DEFAULT, students_per_group=3)
PERFECT = replace(DEFAULT, n_groups=5, seed=32)
ALIKE = replace(DEFAULT, n_groups=50, hyper=_hyper(sigma_alpha=1.0, b0=0.0), seed=280)
LARGE = replace(DEFAULT, students_per_group=80, imbalance=0.0)

PRESETS: dict[str, Scenario] = {
    "The default: 20 schools": DEFAULT,
    "Five schools": replace(DEFAULT, n_groups=5),
    "All schools the same size": replace(DEFAULT, imbalance=0.0),
    "Tiny schools": TINY,
    "50 schools that hardly differ": ALIKE,
    "Schools that differ a lot": replace(DEFAULT, hyper=_hyper(sigma_alpha=15.0)),
    "One extraordinary school": EXTRAORDINARY,
    "An estimate of exactly 0": ZERO,
    "A correlation of exactly 1": PERFECT,
    "Large schools": LARGE,
    "Every slope up, the pooled slope down": SIMPSON,
}
