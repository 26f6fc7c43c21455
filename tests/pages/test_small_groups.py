"""Small groups: ranks and shares that the page states."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mlm_core import Scenario, fit_partial_pooling, simulate
from mlm_core.data import GroupedData
from tests.pages.kit import figure, open_page, text


@pytest.mark.parametrize("seed", range(5))
def test_the_ranks_in_the_sentence(seed):
    at = open_page("small_groups", seed=seed + 1, predict_small_groups="Just show me")
    made = simulate(Scenario(seed=seed + 1))
    data = GroupedData(made.data.y, None, made.data.j, None, made.data.labels)
    fit = fit_partial_pooling(data)
    own = data.group_means(data.y)
    best = int(np.argmax(own))
    said = re.search(
        r"number 1 of 20, by partial pooling number (\d+), in truth number (\d+)", text(at)
    )
    assert said, text(at)
    rank = [1 + int((v > v[best]).sum()) for v in (fit.lines.alpha, made.mean)]
    assert [int(k) for k in said.groups()] == rank


def test_schools_of_equal_size_have_no_smaller_half():
    at = open_page("small_groups", imbalance=0, predict_small_groups="Just show me")
    assert "no smaller half" in text(at)


def test_level_schools_are_said_to_be_level():
    at = open_page(
        "small_groups", n_groups=8, students_per_group=10, sigma_alpha=2, b0=0, b1=0, sigma_beta=0,
        seed=1, predict_small_groups="Just show me",
    )  # fmt: skip
    assert "all schools are level" in text(at)
    _, tables = figure(at, 1)
    assert "all level" in set(tables["league"]["label"])


def test_a_truth_without_differences_has_no_ranks():
    at = open_page("small_groups", sigma_alpha=0, b0=0, seed=3, predict_small_groups="Just show me")
    assert re.search(r"in truth all (schools are level|are)\.", text(at))


def test_schools_of_one_student_say_why():
    """The same on every page without u: no traceback."""
    for slug in ("small_groups", "complete_pooling", "no_pooling", "partial_pooling"):
        at = open_page(slug, n_groups=3, students_per_group=2, imbalance=1.2, seed=4)
        assert at.warning
