"""Prediction: its sentences, its answers, its numbers held to a dense computation."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import fit_complete_pooling, fit_no_pooling, fit_partial_pooling, simulate
from mlm_core.experiments.predict import FEW, numbers_seen, predictions
from mlm_core.new_student import predict_new_student
from mlm_core.scenario import Scenario
from pages.shared.presets import ZERO
from tests.pages.kit import figure, open_page, run_python, text

SHOW = {"predict_prediction": "Just show me"}
N = r"(−?\d+\.\d)"


def shown(**query):
    return open_page("prediction", **SHOW | query)


def read(pattern: str, prose: str) -> list[float]:
    found = re.search(pattern, prose)
    assert found, prose
    return [float(g.replace("−", "-")) for g in found.groups()]


def fitted(scenario):
    data = replace(simulate(scenario).data, x=None)
    return data, (fit_complete_pooling(data), fit_no_pooling(data), fit_partial_pooling(data))


def dense(data, fit, j, k, size):
    """Best linear unbiased prediction from the whole covariance matrix, k of school j kept."""
    of_school = np.flatnonzero(data.j == j)
    kept = np.setdiff1d(np.arange(data.n_students), of_school[k:])
    y, school = data.y[kept], data.j[kept]
    between, within = fit.hyper.sigma_alpha**2, fit.sigma_y**2
    V = between * (school[:, None] == school) + within * np.eye(len(y))
    c = between * (school == j)
    one = np.ones(len(y))
    Vy, V1, Vc = (np.linalg.solve(V, v) for v in (y, one, c))
    a0, var = one @ Vy / (one @ V1), 1 / (one @ V1)
    mean = a0 + c @ (Vy - a0 * V1)
    variance = between + within / size - c @ Vc + (1 - one @ Vc) ** 2 * var
    return mean, np.sqrt(variance)


@pytest.mark.parametrize("size", [1, 25])
@pytest.mark.parametrize("scenario", [Scenario(), Scenario(n_groups=3, seed=5), ZERO])
def test_predictions_are_those_of_the_dense_model(scenario, size):
    data, fits = fitted(scenario)
    j = int(np.argmax(data.n))
    made = predictions(data, fits, j, size)
    for step in (0, 1, FEW, len(made.seen) - 1):
        mean, sd = dense(data, fits[2], j, int(made.seen[step]), size)
        assert made.mean[step] == pytest.approx(mean, abs=1e-8)
        assert made.sd[step] == pytest.approx(sd, abs=1e-8)
    assert made.mean[-1] == pytest.approx(fits[2].lines.alpha[j], abs=1e-8)
    assert made.sd[-1] ** 2 == pytest.approx(
        fits[2].lines.se_alpha[j] ** 2 + fits[2].sigma_y ** 2 / size, abs=1e-8
    )
    assert (np.diff(made.sd) < 1e-12).all()
    assert np.isnan(made.own_mean[0])
    assert made.own_mean[-1] == pytest.approx(data.y[data.j == j].mean())


def test_a_known_school_is_as_the_core_predicts_it():
    data, fits = fitted(Scenario(n_groups=9, seed=4))
    for j, school in enumerate(data.labels):
        made, new = predictions(data, fits, j), predict_new_student(fits[2], school=school)
        assert made.mean[-1] == pytest.approx(new.mean[0], abs=1e-9)
        assert made.sd[-1] == pytest.approx(new.sd_score[0], abs=1e-9)


def test_new_schools_are_covered():
    """95% of students of new schools: 3,000 of them, so 4 binomial standard errors are .016.

    With 60 schools the SDs are known well.
    """
    held = []
    for seed in range(1, 16):
        scenario = Scenario(n_groups=61, seed=seed)
        made = simulate(scenario)
        whole = replace(made.data, x=None)
        fits = (fit_complete_pooling(whole), fit_no_pooling(whole), fit_partial_pooling(whole))
        rng = np.random.default_rng(seed)
        sigma = np.hypot(scenario.sigma_y, made.beta)
        for j in range(61):
            new = predictions(whole, fits, j).interval(0)
            y = made.mean[j] + sigma[j] * rng.standard_normal(4)
            held += [(new[0] < v < new[1]) for v in y]
    assert np.mean(held) == pytest.approx(0.95, abs=0.016)


def test_numbers_seen_rise_to_all():
    for n in (1, 2, 12, 13, 14, 59, 600):
        seen = numbers_seen(n)
        assert seen[0] == 0
        assert seen[-1] == n
        assert (np.diff(seen) > 0).all()
        assert len(seen) <= 24


@pytest.mark.parametrize("seed", range(20, 25))
@pytest.mark.parametrize("of_class", [False, True])
def test_the_sentence_is_the_prediction(seed, of_class):
    scenario = Scenario(seed=seed, n_groups=5 + seed % 9)
    at = shown(seed=seed, n_groups=scenario.n_groups, **({"class": "true"} if of_class else {}))
    data, fits = fitted(scenario)
    j = data.labels.tolist().index(at.selectbox(key="school").value)
    assert data.n[j] == data.n.max()
    made = predictions(data, fits, j, 25 if of_class else 1)
    prose = text(at)
    said = read(rf"expected to score {N}, with 95% from {N} to {N}\. With 2 seen it is {N} to {N}, "
                rf"and as a new school {N} to {N}\.", prose)  # fmt: skip
    wanted = [made.mean[-1], *made.interval(-1), *made.interval(2), *made.interval(0)]
    assert said == pytest.approx(wanted, abs=0.051)
    assert "**In a new school.**" in prose
    if of_class:
        truth = simulate(scenario).mean
        low, high = read(rf"pooling says {N} to {N} everywhere", prose)
        in_one, in_new = (
            int(((truth > a) & (truth < b)).sum()) for a, b in ((low, high), made.interval(0))
        )
        assert f"true means of {in_one} of {len(truth)} schools" in prose
        assert f"new school's interval {in_new}." in prose


def test_where_schools_do_not_differ_the_width_is_the_same():
    at = shown(n_groups=8, students_per_group=10, sigma_alpha=2, b0=0, b1=0, sigma_beta=0, seed=1)
    assert "**The same everywhere.**" in text(at)


def test_the_held_out_errors_are_shown_for_what_was_left_out():
    at = shown()
    _, left = figure(at, 1)
    _, right = figure(at, 2)
    errors = left["errors"].set_index(["size", "pooling"])["rmse"]
    assert errors["1 to 5", "partial"] < errors["1 to 5", "complete"]
    assert right["errors"].query("pooling == 'no'")["rmse"].isna().all()


def test_the_code_prints_the_numbers_of_the_page():
    for language in ("Python (this core)", "Python (statsmodels)"):
        at = shown(code=language)
        low, high = read(rf"as a new school {N} to {N}\.", text(at))
        printed = run_python(at.code[0].value)
        found = re.search(r"(?:^0 seen: |new school: )(\S+)(?: to)? (\S+)", printed)
        assert [float(v) for v in found.groups()] == pytest.approx([low, high], abs=0.06)
