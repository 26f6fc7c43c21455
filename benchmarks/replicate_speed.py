"""Refitting many worlds at once, against a loop of single fits.

Run: ``python benchmarks/replicate_speed.py``.

Both do complete, no and partial pooling of every world. The loop is timed on a few
worlds, made beforehand, and scaled up. The times are the best of some runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mlm_core import (
    Scenario,
    fit_complete_pooling,
    fit_no_pooling,
    fit_partial_pooling,
    replicate,
)
from mlm_core.lessons.structured_data import treatment_trials
from mlm_core.replication import two_steps, world

SCENARIOS = {
    "8 schools": Scenario(n_groups=8),
    "20 schools (default)": Scenario(),
    "100 schools": Scenario(n_groups=100),
    "100 large schools": Scenario(n_groups=100, students_per_group=100),
}
LOOKED_AT = 30


def best(run: Callable[[], object], repeats: int) -> float:
    """Shortest time of some runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def loop(scenario: Scenario, repeats: int) -> float:
    """Seconds a world when the worlds are fitted one by one."""
    worlds = [world(scenario, k).data for k in range(LOOKED_AT)]

    def fits() -> None:
        for data in worlds:
            fit_complete_pooling(data)
            fit_no_pooling(data)
            fit_partial_pooling(data)

    fits()
    return best(fits, repeats) / LOOKED_AT


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--worlds", type=int, nargs="+", default=[1000, 10_000])
    options.add_argument("--repeats", type=int, default=3)
    chosen = options.parse_args()
    print(f"{'':22} {'worlds':>7} {'together':>10} {'a loop':>10} {'ratio':>7}")
    for name, scenario in SCENARIOS.items():
        one = loop(scenario, chosen.repeats)
        replicate(scenario, 10)
        for n in chosen.worlds:
            together = best(lambda s=scenario, n=n: replicate(s, n), chosen.repeats)
            print(
                f"{name:22} {n:7} {1e3 * together:7.0f} ms {1e3 * one * n:7.0f} ms "
                f"{one * n / together:7.0f}"
            )
    for label, run in {
        "two steps, 500 worlds": lambda: two_steps(Scenario(), 500),
        "trials, 1000 of 20 schools": lambda: treatment_trials(20, 25, 0.2, 1000),
    }.items():
        run()
        print(f"{label}: {1e3 * best(run, chosen.repeats):.1f} ms")


if __name__ == "__main__":
    main()
