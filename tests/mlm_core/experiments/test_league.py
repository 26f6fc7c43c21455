from __future__ import annotations

import numpy as np
import pytest

from mlm_core import GroupedData, Scenario, replicate, simulate
from mlm_core.experiments.league import (
    ends,
    funnel_table,
    league_table,
    small_at_the_ends,
    smaller_half,
)


def test_the_smaller_half():
    assert smaller_half([1, 2, 3]).tolist() == [True, False, False]
    assert not smaller_half([5, 5, 5]).any()


@pytest.mark.parametrize(("n_groups", "shown"), [(3, 1), (6, 2), (15, 5), (100, 5)])
def test_the_two_ends_never_meet(n_groups, shown):
    assert ends(n_groups) == shown
    assert 2 * shown < n_groups


def test_places_are_places():
    data = GroupedData(np.arange(9.0), None, np.arange(9), None, list("abcdefghi"))
    table = league_table(data, {"up": data.y, "down": -data.y}, picked="i")
    up = table[table["table"] == "up"]
    assert up["school"].tolist() == ["i", "h", "g", "c", "b", "a"]
    assert up["place"].tolist() == [1, 2, 3, 7, 8, 9]
    assert up["row"].tolist() == [0, 1, 2, 4, 5, 6]
    assert up["picked"].tolist() == [True, *[False] * 5]
    assert table[table["table"] == "down"]["school"].tolist() == ["a", "b", "c", "g", "h", "i"]


def test_level_schools_have_no_places():
    data = GroupedData(np.arange(9.0), None, np.arange(9), None, list("abcdefghi"))
    table = league_table(data, {"level": np.zeros(9)})
    assert table["label"].tolist() == ["all level", *[""] * 5]
    assert not table["small"].any()


def test_shares_against_a_loop_over_worlds():
    made = replicate(Scenario(n_groups=12), 30, keep_errors=True, with_x=False)
    small = smaller_half(made.n)
    counted = []
    for truth, error in zip(made.truth, made.no_pooling.errors, strict=True):
        ranked = sorted(range(12), key=lambda j: truth[j] + error[j])
        counted += [small[j] for j in ranked[:4] + ranked[-4:]]
    assert small_at_the_ends(made)["no"] == pytest.approx(np.mean(counted))


def test_shares_need_the_errors():
    with pytest.raises(ValueError, match="without keeping"):
        small_at_the_ends(replicate(Scenario(), 2, with_x=False))


def test_the_funnel_holds_95_percent_of_school_means():
    scenario = Scenario(n_groups=4000, students_per_group=8)
    flat = scenario.hyper.__class__(a1=0.0, b1=0.0, sigma_beta=0.0, b0=0.0)
    made = simulate(Scenario(4000, 8, hyper=flat))
    limits = funnel_table(60.0, 5.0, 10.0, 100.0)
    low, high = (np.interp(made.data.n, limits["n"], limits[end]) for end in ("low", "high"))
    mean = made.data.group_means(made.data.y)
    share = ((low < mean) & (mean < high)).mean()
    # 4,000 schools: the SE of the share is 0.0034; four of them allowed.
    assert share == pytest.approx(0.95, abs=0.014)


def test_schools_that_are_all_level_have_no_ends():
    """Without an order small schools stand at the ends by their share of all schools."""
    flat = Scenario().hyper.__class__(sigma_alpha=0.0, b0=0.0, a1=0.0, b1=0.0, sigma_beta=0.0)
    made = replicate(Scenario(hyper=flat), 20, with_x=False, keep_errors=True)
    assert small_at_the_ends(made)["truth"] == smaller_half(made.n).mean()
