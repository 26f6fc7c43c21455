"""The lesson on fixed and random: its sentences, its definitions, its numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mlm_core import GroupedData, Scenario, simulate
from pages.shared.words import number
from tests.pages.kit import figure, open_page, run_python, text

SLUG = "fixed_and_random"
SEEN = {"predict_fixed_and_random": "Just show me"}
CORNERS = [
    {},
    {"n_groups": 3},
    {"sigma_alpha": 0},
    {"imbalance": 0},
    {"n_groups": 8, "students_per_group": 10, "sigma_alpha": 2, "seed": 1},
    {"sigma_x": 1, "contextual": -8, "students_per_group": 6},
    *({"seed": seed, "n_groups": 4 + seed} for seed in range(1, 6)),
]


def data_of(**settings: Any) -> GroupedData:
    hyper = {k: v for k, v in settings.items() if k == "sigma_alpha"}
    others = {k: v for k, v in settings.items() if k != "sigma_alpha"}
    start = Scenario()
    return simulate(replace(start, hyper=replace(start.hyper, **hyper), **others)).data


def by_indicators(data: GroupedData) -> np.ndarray:
    """Least squares with an indicator for each school: J intercepts and the slope."""
    assert data.x is not None
    indicators = (data.j[:, None] == np.arange(data.n_groups)).astype(float)
    found: np.ndarray = np.linalg.lstsq(np.column_stack([indicators, data.x]), data.y)[0]
    return found


def one_line(data: GroupedData) -> np.ndarray:
    """Least squares without schools: intercept and slope."""
    assert data.x is not None
    found: np.ndarray = np.linalg.lstsq(np.column_stack([np.ones(len(data.y)), data.x]), data.y)[0]
    return found


@pytest.mark.parametrize("settings", CORNERS, ids=str)
def test_live_sentence_and_economists_slope(settings: dict[str, Any]) -> None:
    """Both ends against least squares; the middle against the scenario's own words."""
    at, data = open_page(SLUG, **SEEN, **settings), data_of(**settings)
    said = text(at)
    one, own = one_line(data), by_indicators(data)
    assert f"share one intercept, {number(one[0])}." in said
    assert f"from {number(own[:-1].min())} to {number(own[:-1].max())}, and no model" in said
    zero = "SD of school 0.0" in said
    assert ("The estimate is exactly 0" in said) == zero
    options = next(r for r in at.radio if "economist fits" in r.label).options
    assert options[0].startswith(f"{number(own[-1], 2)}, the slope at σ_α = ∞")
    assert options[1].startswith(f"{number(one[1], 2)}, the slope at σ_α = 0")


def test_ends_of_the_handle_are_the_two_regressions() -> None:
    """What the chart draws at its first and last step, against least squares."""
    _, tables = figure(open_page(SLUG, **SEEN))
    data = data_of()
    own = dict(zip(data.labels.astype(str), by_indicators(data)[:-1], strict=True))
    path = tables["path"].merge(tables["schools"], on="row")
    last = path[path["step"] == path["step"].max()].set_index("school")["alpha"]
    assert last.to_dict() == pytest.approx(own, abs=1e-6)
    assert path[path["step"] == 0]["alpha"].std() < 1e-9
    assert tables["steps"]["zone"].iloc[[0, -1]].tolist() == ["complete", "no"]


@pytest.mark.parametrize(
    ("story", "says"),
    [
        ({}, "random fixed fixed random random"),
        ({"sample": "a few of many"}, "random fixed random random random"),
        ({"interest": "schools in general"}, "random random fixed random random"),
        ({"fitted_by": "an indicator for each school"}, "random fixed fixed fixed fixed"),
        (
            {"fitted_by": "an indicator for each, seen as random draws"},
            "random fixed fixed random fixed",
        ),
    ],
)
def test_five_definitions(story: dict[str, str], says: str) -> None:
    """Each story changes only the definitions that speak of it."""
    said = text(open_page(SLUG, **SEEN, **story))
    rows = re.findall(r"^\| \d \|.*?-badge\[. (\w+)\]", said, re.MULTILINE)
    assert rows == says.split()
    counted = says.split().count("random")
    assert f"random by {counted}, fixed by {5 - counted}" in said
    assert ("handle at its estimate" in said) == ("fitted_by" not in story)


def test_statsmodels_code_gives_the_numbers_of_the_page() -> None:
    """A second program, on the data as the page prints them."""
    at = open_page(SLUG, **SEEN, code="Python (statsmodels)")
    mixed, at_0, at_inf = run_python(at.code[-1].value).strip().splitlines()
    a0, slope, sigma_alpha, sigma_y = map(float, re.findall(r"[\d.]+", mixed))
    said = text(at)
    assert f"(Intercept) {number(a0)}, x {number(slope, 2)}" in said
    assert f"SD of school {number(sigma_alpha)}, of the residual {number(sigma_y)}" in said
    assert f"β = {number(float(at_inf), 2)}." in said
    assert (
        f"slope β = {number(float(at_0), 2)}" == figure(at)[1]["steps"]["caption"][0].split(", ")[1]
    )


def test_nothing_is_named_before_the_prediction() -> None:
    spec, _ = figure(open_page(SLUG))
    assert "random" not in str(spec)


def test_too_few_students_are_explained() -> None:
    """Three schools of one or two students: no traceback, and the way out."""
    at = open_page(SLUG, **SEEN, n_groups=3, students_per_group=2, imbalance=1.2, seed=4)
    assert "too few" in at.warning[0].value
