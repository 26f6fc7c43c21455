"""Everyone is a draw: each person's numbers, against fits by hand; the rooms, against theory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from mlm_core import Scenario, simulate
from mlm_core.everyone import SCHOOL, STUDIES


def students(scenario: Scenario):
    """Every student's school and score, with the true means."""
    made = simulate(scenario)
    return made.data.labels.astype(str), made.data.j, made.data.y, made.mean


def by_hand(y, j):
    """Varying intercepts by REML from the dense normal density: own means, estimates, SD."""
    own = np.array([y[j == k].mean() for k in range(j.max() + 1)])
    same = (j[:, None] == j).astype(float)
    ones = np.ones_like(y)

    def parts(ratio):
        solved = np.linalg.solve(np.eye(len(y)) + ratio * same, np.column_stack([ones, y]))
        mean = (ones @ solved[:, 1]) / (ones @ solved[:, 0])
        return mean, (y - mean) @ (solved[:, 1] - mean * solved[:, 0]) / (len(y) - 1), solved

    def criterion(log_ratio):
        ratio = np.exp(log_ratio)
        _, s2, solved = parts(ratio)
        _, logdet = np.linalg.slogdet(np.eye(len(y)) + ratio * same)
        return logdet + np.log(ones @ solved[:, 0]) + (len(y) - 1) * np.log(s2)

    found = minimize_scalar(criterion, bounds=(-9, 3), method="bounded", options={"xatol": 1e-7})
    ratio = float(np.exp(found.x)) if found.fun < criterion(-30) - 1e-9 else 0.0
    mean, s2, _ = parts(ratio)
    n = np.bincount(j)
    weight = n * ratio / (1 + n * ratio)
    return own, weight * own + (1 - weight) * mean, np.sqrt(ratio * s2)


@pytest.mark.parametrize("seed", [3, 10**14])
@pytest.mark.parametrize("slug", STUDIES)
def test_a_draw_is_its_own_town_fitted(slug, seed):
    study = STUDIES[slug]
    start = study.scenario
    changed = {"redraw": seed + 1} if study.redraws else {"seed": seed}
    names, j, y, truth = students(replace(start, **changed))
    own, partial, sd = by_hand(y, j)
    drawn = study.one(seed)
    assert drawn.names.tolist() == names.tolist()
    assert drawn.n.tolist() == np.bincount(j).tolist()
    np.testing.assert_allclose(drawn.own, own, rtol=1e-9)
    np.testing.assert_allclose(drawn.partial, partial, atol=2e-3)
    k = names.tolist().index(SCHOOL) if slug == "partial_pooling" else 0
    wanted = {
        "partial_pooling": (own[k], partial[k]),
        "efficient_inference": [np.sqrt(np.mean((e - truth) ** 2)) for e in (own, partial)],
        "how_sure_about_tau": (np.std(own, ddof=1), sd),
    }[slug]
    np.testing.assert_allclose(drawn.values, wanted, atol=5e-3)


@pytest.mark.parametrize("slug", STUDIES)
def test_a_room_is_a_sampling_distribution(slug):
    """The own mean is unbiased with the SD that theory gives; partial pooling is steadier."""
    study, people = STUDIES[slug], 150
    values = np.array([study.one(10**9 + k).values for k in range(people)])
    assert len(np.unique(values[:, 0])) == people
    inside = (values >= study.low) & (values <= study.high)
    assert inside.mean() > 0.98
    own, pooled = values.T
    start, bound = study.scenario, stats.norm.ppf(1 - 1e-4)
    if slug == "partial_pooling":
        hyper, n = start.hyper, 3
        names, _, _, truth = students(start)
        k = names.tolist().index(SCHOOL)
        assert study.true_value == pytest.approx(truth[k])
        slope = simulate(start).beta[k]
        sd = np.sqrt((start.sigma_y**2 + slope**2) / n)
        assert hyper.sigma_alpha > 0
        assert abs(own.mean() - truth[k]) < bound * sd / np.sqrt(people)
        low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], people - 1) / (people - 1)
        assert low < own.var(ddof=1) / sd**2 < high
        assert pooled.std() < 0.7 * own.std()
    elif slug == "efficient_inference":
        _, j, _, _ = students(start)
        n = np.bincount(j)
        expected = start.sigma_y * np.sqrt(np.mean(1 / n))
        assert np.sqrt(np.mean(own**2)) == pytest.approx(expected, rel=0.12)
        assert np.mean(pooled < own) > 0.8
        assert study.true_value is None
    else:
        assert study.true_value == start.hyper.sigma_alpha
        _, j, _, _ = students(start)
        n = np.bincount(j)
        expected = np.sqrt(start.hyper.sigma_alpha**2 + start.sigma_y**2 * np.mean(1 / n))
        assert np.sqrt(np.mean(own**2)) == pytest.approx(expected, rel=0.1)
        assert np.mean(pooled) < np.mean(own)


def test_people_differ_in_what_the_study_says_and_in_nothing_else():
    same = STUDIES["partial_pooling"]
    a, b = simulate(replace(same.scenario, redraw=6)), simulate(replace(same.scenario, redraw=7))
    assert np.array_equal(a.mean, b.mean)
    assert not np.array_equal(same.one(5).own, same.one(6).own)
    assert same.one(5).own.tolist() == same.one(5).own.tolist()


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES.keys())
def test_bins_fill_the_axis(study):
    many = (study.high - study.low) / study.step
    assert many == round(many)
    assert 8 <= many <= 24
