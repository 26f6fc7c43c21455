"""Efficient inference: errors, coverage and shares that the page states."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mlm_core import Scenario, fit_partial_pooling
from mlm_core.experiments.efficiency import (
    by_school,
    error_tables,
    expected_errors,
    gain,
    only_schools,
)
from mlm_core.replication import replicate, world
from tests.pages.kit import figure, open_page, text

SHOW = {"predict_efficient_inference": "Just show me"}
SENTENCE = re.compile(
    r"The own mean of (.+) misses the truth by ([\d.]+) points \(root mean square\), partial "
    r"pooling by ([\d.]+): (?:(.+?)% (less|more)|as much)\. It is the closer one in (.+?)% of "
    r"the worlds, and (.+?)% of its 95% intervals hold the truth"
)


def random_settings(seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    return {
        "n_groups": int(rng.integers(3, 30)),
        "students_per_group": int(rng.integers(3, 40)),
        "imbalance": round(float(rng.uniform(0, 1.2)), 1),
        "sigma_alpha": float(rng.integers(0, 12)),
        "sigma_y": float(rng.integers(2, 20)),
        "extraordinary": float(rng.choice([0.0, -20.0, 30.0])),
        "seed": int(rng.integers(1, 999)),
    }


def scenario_of(settings) -> Scenario:
    rest = {k: v for k, v in settings.items() if k != "sigma_alpha"}
    start = only_schools(Scenario(**rest))
    hyper = type(start.hyper)(**{**_dict(start.hyper), "sigma_alpha": settings["sigma_alpha"]})
    return Scenario(**{**_dict(start), "hyper": hyper})


def _dict(record):
    return {name: getattr(record, name) for name in record.__slots__}


@pytest.mark.parametrize("seed", range(8))
def test_the_sentence_over_random_scenarios(seed):
    settings = random_settings(seed)
    at = open_page("efficient_inference", **settings, **SHOW)
    made = replicate(scenario_of(settings), 1000, with_x=False, keep_errors=True)
    said = SENTENCE.search(text(at))
    assert said, text(at)
    j = made.labels.tolist().index(said[1])
    assert made.n[j] == made.n.min()
    no, partial = made.no_pooling.errors[:, j], made.partial_pooling.errors[:, j]
    rmse = [np.sqrt((e**2).mean()) for e in (no, partial)]
    assert [float(said[2]), float(said[3])] == pytest.approx(rmse, abs=0.006)
    change = 1 - rmse[1] / rmse[0]
    if said[4] is None:
        assert abs(change) < 0.005
    else:
        assert (said[5] == "less") == (change > 0)
    assert float(said[6].split()[-1]) == pytest.approx(
        100 * (abs(partial) < abs(no)).mean(), abs=0.51
    )
    if settings["extraordinary"] and made.labels[j] != "Ashford":
        odd = made.partial_pooling.rmse[made.labels.tolist().index("Ashford")]
        assert f"its error is {odd:.2f} instead of" in text(at)


@pytest.mark.parametrize(
    ("settings", "right"),
    [
        ({}, "Hardly: less than 5%"),
        ({"sigma_alpha": 3, "sigma_y": 15}, "5% to 25%"),
        ({"sigma_alpha": 0}, "25% to 50%"),
        ({"sigma_alpha": 0, "imbalance": 0}, "More than 50%"),
    ],
)
def test_the_prediction_is_computed(settings, right):
    at = open_page("efficient_inference", **settings, **SHOW)
    assert f"**{right}.**" in text(at)


def test_partial_pooling_is_kept_back_until_the_prediction():
    at = open_page("efficient_inference")
    for k in range(3):
        _, tables = figure(at, k)
        for table in tables.values():
            assert "way" not in table or "partial" not in set(table["way"])


def test_the_odd_school_loses():
    at = open_page("efficient_inference", extraordinary=-30, school="Ashford", **SHOW)
    said = SENTENCE.search(text(at))
    assert said[1] == "Ashford"
    assert said[5] == "more"
    assert float(said[7]) < 80


def test_with_three_schools_the_intervals_are_too_short():
    at = open_page("efficient_inference", n_groups=3, **SHOW)
    _, tables = figure(at, 2)
    held = tables["schools"].groupby("way")["held"].mean()
    assert held["no"] == pytest.approx(0.95, abs=0.015)
    assert held["partial"] < 0.9


def test_what_the_breaks_say_of_schools_that_hardly_differ():
    made = replicate(scenario_of({"sigma_alpha": 1.0}), 1000, with_x=False)
    assert made.complete_pooling.overall_rmse < 1.05 * made.partial_pooling.overall_rmse
    assert (made.fits.sigma_alpha == 0).mean() > 0.25
    assert made.partial_pooling.overall_coverage < 0.9


def test_the_dots_against_fits_of_the_worlds_one_by_one():
    """World by world: students simulated, fitted by the single fit, compared with the dot."""
    scenario = only_schools(Scenario(n_groups=6))
    made = replicate(scenario, 150, with_x=False, keep_errors=True)
    dots = error_tables(made, 2)["dots"]
    for k in (0, 17, 99):
        simulated = world(scenario, k, with_x=False)
        wanted = {
            "no": simulated.data.group_means(simulated.data.y)[2],
            "partial": fit_partial_pooling(simulated.data).lines.alpha[2],
            "complete": simulated.data.y.mean(),
        }
        at = dots[dots["step"] == k].set_index("way")["error"]
        for way, estimate in wanted.items():
            assert at[way] == pytest.approx(estimate - simulated.alpha[2], abs=2e-4)


def test_many_schools_come_to_the_curves():
    """With 100 schools the SDs and the mean are known well: simulation and formula agree."""
    scenario = only_schools(Scenario(n_groups=100, seed=4))
    made = replicate(scenario, 1000, with_x=False)
    expected = expected_errors(made.n, 5.0, 10.0)
    assert (made.no_pooling.rmse / expected["no"]).mean() == pytest.approx(1, abs=0.01)
    assert (made.partial_pooling.rmse / expected["partial"]).mean() == pytest.approx(1, abs=0.02)
    assert gain(made, 0) == pytest.approx(
        1 - made.partial_pooling.rmse[0] / made.no_pooling.rmse[0]
    )
    table = by_school(made, made.labels[0], partial=False)
    assert set(table["way"]) == {"complete", "no"}


def test_schools_of_one_student_are_refused():
    at = open_page("efficient_inference", n_groups=3, students_per_group=2, imbalance=1.2)
    assert at.title
