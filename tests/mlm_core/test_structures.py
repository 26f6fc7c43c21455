"""Two groupings at once: what the handle moves, and what it leaves alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_core.components import describe_structure, fit_variance_components
from mlm_core.structures import simulate_crossed, simulate_nested

SIMULATORS = [simulate_nested, simulate_crossed]


def rebuilt(made, residual):
    """The outcome from the truth that the record holds."""
    y = made.intercept + made.slope * made.x + residual
    for name, labels in made.factors.items():
        of = dict(zip(made.levels[name], made.effects[name], strict=True))
        y = y + np.array([of[label] for label in labels])
    return y


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_without_residual_the_outcome_is_the_truth(simulator):
    made = simulator(sigma_y=0.0)
    np.testing.assert_allclose(made.y, rebuilt(made, 0.0), rtol=1e-12)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_an_sd_stretches_the_same_picture(simulator):
    for name in simulator().sd:
        small, large = (simulator(**{f"sigma_{name}": sd}) for sd in (2.0, 6.0))
        np.testing.assert_allclose(large.effects[name], 3 * small.effects[name], rtol=1e-12)
        np.testing.assert_array_equal(large.x, small.x)
        other = next(of for of in small.sd if of != name)
        np.testing.assert_array_equal(large.effects[other], small.effects[other])
    small, large = (simulator(sigma_y=sd) for sd in (2.0, 6.0))
    np.testing.assert_allclose(
        large.y - rebuilt(large, 0.0), 3 * (small.y - rebuilt(small, 0.0)), atol=1e-9
    )


def test_a_further_district_leaves_the_others():
    few, many = simulate_nested(5), simulate_nested(7)
    np.testing.assert_array_equal(many.y[: len(few.y)], few.y)


def test_a_further_neighbourhood_leaves_the_others():
    few, many = (simulate_crossed(n_neighbourhoods=k) for k in (15, 30))
    np.testing.assert_array_equal(many.y[: len(few.y)], few.y)


def test_further_students_leave_the_others():
    few, many = (simulate_nested(3, 2, size) for size in (5, 9))
    first = np.arange(len(many.y)) % 9 < 5
    np.testing.assert_array_equal(many.y[first], few.y)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_the_seed_decides(simulator):
    np.testing.assert_array_equal(simulator(seed=3).y, simulator(seed=3).y)
    assert not np.isclose(simulator(seed=3).y, simulator(seed=4).y).any()


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_draws_are_standard_normal(simulator):
    size = {"students_per_school" if simulator is simulate_nested else
            "students_per_neighbourhood": 500}  # fmt: skip
    made = simulator(**size, sigma_y=1.0)
    for draws in (made.x, made.y - rebuilt(made, 0.0)):
        # n is 12,000: five standard errors of a mean and of an SD
        assert abs(draws.mean()) < 5 / np.sqrt(12_000)
        assert abs(draws.std() - 1) < 5 / np.sqrt(24_000)
    assert abs(np.corrcoef(made.x, made.y - rebuilt(made, 0.0))[0, 1]) < 5 / np.sqrt(12_000)


def test_nested_is_nested_and_recycled_labels_hide_it():
    made = simulate_nested()
    district, school = made.factors["district"], made.factors["school"]
    assert describe_structure(school, district).kind == "nested"
    assert describe_structure(made.recycled, district).kind == "crossed"
    both = np.char.add(district, made.recycled)
    assert len(np.unique(both)) == len(np.unique(school)) == 24
    assert describe_structure(both, school).counts.astype(bool).sum() == 24


@pytest.mark.parametrize(("crossing", "kind"), [(0.0, "nested"), (0.05, "partially crossed")])
def test_the_handle_goes_from_nested_to_crossed(crossing, kind):
    made = simulate_crossed(crossing=crossing)
    found = describe_structure(made.factors["neighbourhood"], made.factors["school"])
    assert found.kind == kind
    if kind == "nested":
        assert found.inner == "a"


def test_at_the_end_anybody_goes_anywhere():
    made = simulate_crossed(4, 12, 200, crossing=1.0)
    found = describe_structure(made.factors["neighbourhood"], made.factors["school"])
    assert found.kind == "crossed"
    # binomial, 200 students and a share of 1/4: five standard errors
    assert np.abs(found.counts - 50).max() < 5 * np.sqrt(200 * 3 / 16)


def test_whoever_leaves_may_go_anywhere():
    made = simulate_crossed(4, 4, 2000, crossing=0.5)
    found = describe_structure(made.factors["neighbourhood"], made.factors["school"])
    away = found.counts[~np.eye(4, dtype=bool)]
    # binomial, 2,000 students and a share of 1/8: five standard errors
    assert np.abs(away - 250).max() < 5 * np.sqrt(2000 * 7 / 64)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_more_crossing_sends_nobody_back(one, other):
    low, high = sorted((one, other))
    at = {c: simulate_crossed(crossing=c) for c in (0.0, low, high, 1.0)}
    school = {c: made.factors["school"] for c, made in at.items()}
    # whoever is away from the school of the neighbourhood stays where he went
    away = school[low] != school[0.0]
    np.testing.assert_array_equal(school[high][away], school[low][away])
    assert ((school[low] == school[0.0]) | (school[low] == school[1.0])).all()
    np.testing.assert_array_equal(at[low].x, at[high].x)
    # and only those who moved get another score
    stayed = school[low] == school[high]
    np.testing.assert_array_equal(at[low].y[stayed], at[high].y[stayed])


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_the_fit_recovers_the_truth(simulator):
    size = ({"n_districts": 60, "schools_per_district": 6} if simulator is simulate_nested else
            {"n_schools": 60, "n_neighbourhoods": 80, "crossing": 1.0})  # fmt: skip
    made = simulator(**size, seed=5)
    X = np.column_stack([np.ones(len(made.y)), made.x])
    fit = fit_variance_components(made.y, X, made.factors)
    assert fit.sigma_y == pytest.approx(10, rel=0.05)  # thousands of students: 2% at most
    assert fit.coef[1] == pytest.approx(4, abs=5 * fit.se[1])
    for name, sd in made.sd.items():
        # about 60 levels: the relative standard error is 1 / sqrt(120) or a little more
        assert fit.sd[name] == pytest.approx(sd, rel=0.3)
        assert np.corrcoef(fit.modes[name], made.effects[name][order(made, name)])[0, 1] > 0.7


def order(made, name):
    return np.argsort(made.levels[name])


def test_names_can_be_told_apart():
    for made in (simulate_nested(30, 4, 1), simulate_crossed(40, 60, 1)):
        for labels in made.levels.values():
            assert len(set(labels)) == len(labels)


def test_arrays_are_read_only():
    made = simulate_crossed()
    for array in (made.y, made.x, *made.factors.values(), *made.effects.values()):
        assert not array.flags.writeable


def test_recycled_names_begin_anew_in_each_district():
    made = simulate_nested(n_districts=3, schools_per_district=2, students_per_school=1)
    assert made.recycled.tolist() == ["School 1", "School 2"] * 3


@pytest.mark.parametrize(
    ("simulator", "setting", "message"),
    [
        (simulate_nested, {"n_districts": 0}, "n_districts is 0"),
        (simulate_nested, {"schools_per_district": 0}, "schools_per_district is 0"),
        (simulate_nested, {"students_per_school": 0}, "students_per_school is 0"),
        (simulate_nested, {"sigma_district": -1.0}, "sigma_district is -1"),
        (simulate_nested, {"sigma_y": -1.0}, "sigma_y is -1"),
        (simulate_crossed, {"n_schools": 0}, "n_schools is 0"),
        (simulate_crossed, {"n_neighbourhoods": 0}, "n_neighbourhoods is 0"),
        (simulate_crossed, {"students_per_neighbourhood": 0}, "students_per_neighbourhood is 0"),
        (simulate_crossed, {"sigma_school": -1.0}, "sigma_school is -1"),
        (simulate_crossed, {"sigma_neighbourhood": -1.0}, "sigma_neighbourhood is -1"),
        (simulate_nested, {"students_per_school": 2.5}, "whole number"),
        (simulate_nested, {"sigma_school": -1.0}, "sigma_school is -1"),
        (simulate_crossed, {"crossing": 1.2}, "crossing is 1.2"),
        (simulate_crossed, {"crossing": float("nan")}, "crossing is nan"),
        (simulate_crossed, {"n_schools": 30}, "24 neighbourhoods for 30 schools"),
        (simulate_crossed, {"sigma_y": float("inf")}, "sigma_y is inf"),
    ],
)
def test_impossible_settings_say_why(simulator, setting, message):
    with pytest.raises(ValueError, match=message):
        simulator(**setting)
