from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_core import (
    Scenario,
    estimates,
    fit_no_pooling,
    fit_partial_pooling,
    pooling_path,
    simulate,
)
from mlm_core.table import frame


@pytest.fixture(scope="module")
def fitted():
    made = simulate(Scenario())
    data = replace(made.data, x=None)
    estimate = fit_partial_pooling(data).hyper.sigma_alpha
    path = pooling_path(data, estimates.handle_grid(estimate))
    return made, data, estimate, path


@given(st.floats(0, 1e4), st.floats(0.01, 1e3))
def test_the_handle_goes_from_0_through_the_estimate_to_infinity(estimate, scale):
    grid = estimates.handle_grid(estimate, scale)
    assert grid[0] == 0
    assert np.isinf(grid[-1])
    assert (np.diff(grid[:-1]) >= 0).all()
    assert grid[estimates.resting_place(estimate, scale)] == estimate


def test_positions_run_from_0_to_1():
    grid = estimates.handle_grid(0.0)
    np.testing.assert_allclose(estimates.handle_position(grid), np.linspace(0, 1, 121), atol=1e-12)


def test_the_path_table_has_the_schools_in_the_order_of_size(fitted):
    made, data, estimate, path = fitted
    own = fit_no_pooling(data).lines.alpha
    schools = frame(estimates.schools_table(data, own, 59.0, made.mean, "Oak Hill"))
    assert schools["n"].is_monotonic_decreasing
    assert schools.loc[schools["picked"], "school"].tolist() == ["Oak Hill"]
    at = {label: k for k, label in enumerate(data.labels)}
    rest = estimates.resting_place(estimate)
    table = frame(estimates.path_table(path, data, rest)).merge(schools, on="row")
    assert len(table) == 121 * 20
    here = table[table["resting"]].set_index("school")
    fit = fit_partial_pooling(data)
    for school, row in here.iterrows():
        assert row["alpha"] == pytest.approx(fit.lines.alpha[at[school]], abs=1e-6)
        assert row["truth"] == made.mean[at[school]]
    ends = table[table["step"] == 120]
    np.testing.assert_allclose(ends["alpha"], ends["own"], atol=1e-6)
    assert table[table["step"] == 0]["alpha"].std() < 1e-6


def test_the_likelihood_is_highest_at_the_estimate(fitted):
    _, _, estimate, path = fitted
    rest = estimates.resting_place(estimate)
    table = frame(estimates.likelihood_table(path, estimate, rest))
    assert table.loc[table["estimate"], "likelihood"].item() == pytest.approx(1.0, abs=1e-9)
    assert table["likelihood"].idxmax() == rest
    assert table["a0"].tolist() == path.a0.tolist()
    wide = frame(estimates.likelihood_table(path, estimate, rest, 3 * estimates.HANDLE_SCALE))
    at = estimates.handle_position(path.sigma_alpha, 3 * estimates.HANDLE_SCALE)
    assert wide["position"].tolist() == at.tolist()
    assert table["caption"][0] == "0: complete pooling"
    assert table["caption"][120] == "∞: no pooling"
    assert table["caption"][rest] == f"estimate: {estimate:.1f} points"


def test_thinned_students_keep_the_picked_school():
    data = simulate(Scenario(n_groups=100, students_per_group=60)).data
    table = frame(estimates.marked_students(data, "Cedar", most=500))
    kept = (table["school"] == "Cedar").sum()
    assert kept == data.n[data.labels.tolist().index("Cedar")]
    assert len(table) <= 500 + kept
    assert table["picked"].sum() == kept


def test_marked_students_have_their_x_or_0():
    data = simulate(Scenario()).data
    assert frame(estimates.marked_students(data, "Cedar"))["x"].tolist() == data.x.tolist()
    assert (frame(estimates.marked_students(replace(data, x=None), "Cedar"))["x"] == 0).all()


@pytest.mark.parametrize(("schools", "all_named"), [(0, True), (1, False)])
def test_names_are_written_where_there_is_room(schools, all_named):
    data = simulate(Scenario(n_groups=estimates.MOST_NAMES + schools)).data
    table = frame(estimates.schools_table(data, data.group_means(data.y), 60.0, picked="Cedar"))
    assert table["named"].all() == all_named
    assert table.loc[table["school"] == "Cedar", "named"].item()
    assert table.loc[table["own"].idxmax(), "named"]


def test_lines_that_cannot_be_estimated_are_left_out():
    lines = frame(
        estimates.line_table(
            "no", ["a", "b"], np.array([1.0, np.nan]), np.array([2.0, np.nan]), (0.0, 10.0)
        )
    )
    assert set(lines["school"]) == {"a"}
    assert sorted(lines["y"]) == [1.0, 21.0]
