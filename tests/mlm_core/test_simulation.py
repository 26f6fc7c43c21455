from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_core import Hyperparameters, Scenario, simulate
from mlm_core.simulation import TOWN, draw, school_names

START = Scenario()


def hyper(**changes):
    return replace(START, hyper=replace(START.hyper, **changes))


def test_the_equation_holds_student_by_student():
    made, draws = simulate(START), draw(START)
    data = made.data
    k = [school_names(20).index(label) for label in data.labels]
    eps = np.concatenate([draws.eps[i, : (data.n[row])] for row, i in enumerate(k)])
    y = made.alpha[data.j] + made.beta[data.j] * data.x + START.sigma_y * eps
    np.testing.assert_allclose(data.y, y, rtol=1e-14)


def test_it_knows_what_it_was_made_from():
    scenario = Scenario(n_groups=3, seed=2)
    assert simulate(scenario).scenario is scenario


def test_names_beyond_the_list_are_numbered():
    names = school_names(100)
    assert len(set(names)) == 100
    again = names.index("Ashford 2")
    assert names[again + 1] == "Birch Lane 2"
    assert names[:again] == [name.removesuffix(" 2") for name in names[again : 2 * again]]


def test_a_larger_sd_stretches_the_same_picture():
    one, two = (simulate(hyper(sigma_alpha=s, b0=0.0)).alpha - START.hyper.a0 for s in (2.0, 6.0))
    np.testing.assert_allclose(two, 3 * one, rtol=1e-12, atol=1e-10)
    quiet, loud = (simulate(replace(START, sigma_y=s)) for s in (5.0, 10.0))
    line = quiet.alpha[quiet.data.j] + quiet.beta[quiet.data.j] * quiet.data.x
    np.testing.assert_allclose(loud.data.y - line, 2 * (quiet.data.y - line), rtol=1e-9, atol=1e-10)


def test_a_further_school_leaves_the_others_where_they_are():
    few, more = simulate(START), simulate(replace(START, n_groups=30))
    at = {label: k for k, label in enumerate(more.data.labels)}
    for k, label in enumerate(few.data.labels):
        np.testing.assert_array_equal(
            few.data.y[few.data.j == k], more.data.y[more.data.j == at[label]]
        )


def test_further_students_join_those_who_are_there():
    few, more = (simulate(replace(START, imbalance=0.0, students_per_group=n)) for n in (5, 9))
    for k in range(20):
        mine = more.data.y[more.data.j == k]
        np.testing.assert_allclose(mine[:5], few.data.y[few.data.j == k], rtol=1e-14)


def test_new_students_leave_the_schools_alone():
    one, two = simulate(START), simulate(replace(START, redraw=1))
    np.testing.assert_array_equal(one.alpha, two.alpha)
    assert not np.allclose(one.data.y, two.data.y)


def test_the_schools_keep_their_sizes_in_every_draw():
    at = [school_names(20).index(name) for name in ("Juniper", "Northgate", "Oak Hill")]
    for seed in (1, 2, START.seed, 9999):
        made = simulate(replace(START, seed=seed, redraw=seed % 3))
        assert made.data.n[at].tolist() == [3, 3, 59]
        assert made.data.n_students == 375


def test_the_sizes_are_unlike_anything_else_of_a_school():
    """None of its other draws is the one that sets its size."""
    draws = [draw(replace(START, n_groups=100, seed=seed)) for seed in (1, TOWN, START.seed)]
    for one in draws:
        others = np.column_stack([one.u, one.eta, one.x_mean, one.x[:, 0], one.eps[:, 0]])
        # 100 schools: a correlation has an SE of 0.1; four of them allowed.
        assert np.abs(np.corrcoef(one.size, others.T)[0, 1:]).max() < 0.4


def test_the_seed_draws_schools_and_students():
    one, two = draw(replace(START, seed=1)), draw(replace(START, seed=2))
    for part in ("u", "eta", "x_mean", "x", "eps"):
        assert (getattr(one, part) != getattr(two, part)).all()


def test_the_extraordinary_school_is_the_first():
    usual, odd = simulate(START), simulate(replace(START, extraordinary=30.0))
    moved = odd.alpha - usual.alpha
    assert odd.data.labels[moved != 0].tolist() == ["Ashford"]
    assert moved.max() == pytest.approx(30.0)


def test_the_between_slope_is_the_within_slope_plus_the_contextual_effect():
    flat = Hyperparameters(sigma_alpha=0.0, sigma_beta=0.0, b0=0.0, b1=0.0, a1=4.0)
    made = simulate(Scenario(hyper=flat, sigma_x=2.0, contextual=-9.0, sigma_y=0.0))
    x_mean = (made.data.y - 4.0 * made.data.x - 60.0) / -9.0
    assert np.ptp([np.ptp(x_mean[made.data.j == k]) for k in range(20)]) < 1e-9


def test_moments_over_many_schools():
    many = Scenario(n_groups=20_000, students_per_group=1, imbalance=0.0)
    made = simulate(many)
    u, h = made.data.u, many.hyper
    eta = np.stack([made.alpha - h.a0 - h.b0 * u, made.beta - h.a1 - h.b1 * u])
    # 20,000 draws: SEs 0.5% of an SD and 0.007 of a correlation; four of them allowed.
    assert eta[0].std() == pytest.approx(h.sigma_alpha, rel=0.02)
    assert eta[1].std() == pytest.approx(h.sigma_beta, rel=0.02)
    assert np.corrcoef(eta)[0, 1] == pytest.approx(h.rho, abs=0.028)
    assert made.data.x.std() == pytest.approx(1.0, rel=0.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 120), st.integers(1, 40), st.floats(0, 1.2), st.integers(0, 9999))
def test_every_scenario_has_students_in_every_school(n_groups, students, imbalance, seed):
    made = simulate(Scenario(n_groups, students, imbalance, seed=seed))
    assert made.data.n.min() >= 1
    assert made.data.n_groups == n_groups == len(set(made.data.labels))
    assert sorted(made.data.labels) == made.data.labels.tolist()


@pytest.mark.parametrize("imbalance", [0.0])
def test_equal_sizes_are_equal(imbalance):
    assert set(simulate(replace(START, imbalance=imbalance)).data.n) == {15}


def test_true_means_are_the_means_of_endless_students():
    scenario = replace(
        START, n_groups=3, sigma_x=2.0, contextual=-3.0, imbalance=0.0, students_per_group=40_000
    )
    made = simulate(scenario)
    # 40,000 students a school: the mean of scores is known to 0.06 points; four of them allowed.
    np.testing.assert_allclose(made.data.group_means(made.data.y), made.mean, atol=0.24)
