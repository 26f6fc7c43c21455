"""Prediction: every number against the dense model, counting by hand, or scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from mlm_core import (
    GroupedData,
    Hyperparameters,
    Scenario,
    fit_complete_pooling,
    fit_no_pooling,
    fit_partial_pooling,
    simulate,
)
from mlm_core.heldout import held_out
from mlm_core.lessons import prediction
from mlm_core.lessons.prediction import FEW, facts, numbers_seen, predictions
from mlm_core.new_student import degrees_of_freedom, predict_new_student, reach
from mlm_core.table import frame
from tests.frames import frames

ZERO = Scenario(8, 10, hyper=Hyperparameters(sigma_alpha=2, b0=0, b1=0, sigma_beta=0), seed=1)
CORNERS = [
    Scenario(),
    Scenario(n_groups=3, seed=5),
    Scenario(n_groups=3, students_per_group=2, imbalance=0.0, seed=9),
    Scenario(students_per_group=2, imbalance=1.2, seed=3),
    Scenario(sigma_y=1.0, hyper=Hyperparameters(sigma_alpha=20.0, b0=-10.0)),
    Scenario(sigma_y=30.0, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0)),
    Scenario(extraordinary=-40.0),
    ZERO,
]


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
    school_part = between - c @ Vc + (1 - one @ Vc) ** 2 * var
    return a0 + c @ (Vy - a0 * V1), school_part, within / size


@pytest.mark.parametrize("of_class", [False, True])
@pytest.mark.parametrize("scenario", CORNERS, ids=range(len(CORNERS)))
def test_predictions_are_those_of_the_dense_model(scenario, of_class):
    f = facts(scenario, "no such school", of_class)
    data, fits = fitted(scenario)
    assert f.picked == int(np.argmax(data.n))
    size = 25 if of_class else 1
    assert f.size == size
    for step in {0, 1, f.few, f.last}:
        k = int(f.made.seen[step])
        mean, school, within = dense(data, fits[2], f.picked, k, size)
        scale = max(1.0, school)
        assert f.made.mean[step] == pytest.approx(mean, abs=1e-7)
        assert f.made.school_sd[step] ** 2 == pytest.approx(school, abs=1e-7 * scale)
        between = fits[2].hyper.sigma_alpha ** 2
        df = (data.n_groups - 1) * max(1, between / school) ** 2
        half = t.ppf(0.975, df) * np.sqrt(school + within)
        assert f.made.interval(step) == pytest.approx((mean - half, mean + half), rel=1e-5)
        assert f.width(step) == pytest.approx(2 * half, rel=1e-5)
    assert f.made.df[0] == pytest.approx(data.n_groups - 1)
    assert f.student_sd == pytest.approx(np.sqrt(within))
    assert (np.diff(f.made.half) < 1e-9).all()


@pytest.mark.parametrize("scenario", CORNERS[:4], ids=range(4))
def test_complete_and_no_pooling_are_least_squares(scenario):
    data, _ = fitted(scenario)
    f = facts(scenario, str(data.labels[0]), of_class=True)
    n, J = data.n_students, data.n_groups
    sd = data.y.std(ddof=1)
    for k in (0, 1, int(data.n[0])):  # the same students as partial pooling has seen
        kept = np.concatenate([f.scores[:k], data.y[data.j != f.picked]])
        half = t.ppf(0.975, n - 1) * sd * np.sqrt(1 / len(kept) + 1 / 25)
        step = int(np.flatnonzero(f.made.seen == k)[0])
        assert f.made.interval(step, "complete") == pytest.approx(
            (kept.mean() - half, kept.mean() + half)
        )
    assert np.isnan(f.made.interval(0, "no")).all()
    within = data.y - np.array([data.y[data.j == k].mean() for k in range(J)])[data.j]
    noise = np.sqrt((within**2).sum() / (n - J))
    for k in (1, int(data.n[0])):
        mean = f.scores[:k].mean()
        half = t.ppf(0.975, n - J) * noise * np.sqrt(1 / k + 1 / 25)
        step = int(np.flatnonzero(f.made.seen == k)[0])
        assert f.made.interval(step, "no") == pytest.approx((mean - half, mean + half))


def test_a_known_school_is_as_the_core_predicts_it():
    data, fits = fitted(Scenario(n_groups=9, seed=4))
    for j, school in enumerate(data.labels):
        made, new = predictions(data, fits, j), predict_new_student(fits[2], school=school)
        assert made.mean[-1] == pytest.approx(new.mean[0], abs=1e-9)
        assert made.sd[-1] == pytest.approx(new.sd_score[0], abs=1e-9)
        assert made.df[-1] == pytest.approx(new.df[0], rel=1e-6)
        assert made.interval(-1) == pytest.approx([v[0] for v in new.interval()], abs=1e-6)


def test_t_of_a_new_school_is_that_of_the_schools_and_goes_to_the_normal():
    assert float(reach(2)) == pytest.approx(4.302653, abs=1e-6)  # printed tables of t
    assert float(reach(np.inf)) == pytest.approx(1.959964, abs=1e-6)
    assert float(reach(19, 0.9)) == pytest.approx(1.729133, abs=1e-6)
    assert degrees_of_freedom(3, 4.0, 5.0) == 2
    assert degrees_of_freedom(3, 4.0, 2.0) == 8
    assert degrees_of_freedom(3, 0.0, 0.0) == 2
    assert np.isinf(degrees_of_freedom(3, 4.0, 0.0))
    for slopes, predictor in (("common", False), ("varying", True)):
        fit = fit_partial_pooling(simulate(Scenario(n_groups=6)).data, slopes, predictor)
        new = predict_new_student(fit, [0.0, 1.5], u=0.3 if predictor else None)
        assert new.df.tolist() == [5, 5]
        half = t.ppf(0.975, 5) * np.sqrt(new.sd_mean**2 + fit.sigma_y**2 / 25)
        low, high = new.interval(size=25)
        np.testing.assert_allclose(high - low, 2 * half)
        np.testing.assert_allclose((high + low) / 2, new.mean)
        low, high = new.interval(size=np.inf)
        np.testing.assert_allclose(high - low, 2 * t.ppf(0.975, 5) * new.sd_mean)


@pytest.mark.parametrize(("J", "size", "least"), [(3, 25, 0.93), (5, 25, 0.91), (3, 1, 0.95)])
def test_new_schools_are_covered(J, size, least):
    """With 1.96 the class of 25 is covered in 79% (3 schools) and 85% (5 schools)."""
    held, short = [], []
    rng = np.random.default_rng(1)
    for seed in range(1, 161):
        made = simulate(Scenario(n_groups=J + 1, seed=seed))
        keep = made.data.j < J
        data = GroupedData(made.data.y[keep], None, made.data.j[keep], None, made.data.labels[:J])
        new = predict_new_student(fit_partial_pooling(data))
        low, high = new.interval(size=size)
        noise = np.hypot(10.0, made.beta[J]) / np.sqrt(size)
        y = made.mean[J] + noise * rng.standard_normal(4)
        held += ((low < y) & (y < high)).tolist()
        sd = np.sqrt(new.sd_mean**2 + (new.sd_score**2 - new.sd_mean**2) / size)
        short += (abs(y - new.mean) < 1.96 * sd).tolist()
    assert np.mean(held) > least
    assert np.mean(short) < np.mean(held)


def test_numbers_seen_rise_to_all():
    for n in (1, 2, 12, 13, 14, 59, 600):
        seen = numbers_seen(n)
        assert seen[0] == 0
        assert seen[-1] == n
        assert (np.diff(seen) > 0).all()
        assert len(seen) <= 24


@pytest.mark.parametrize("seed", [3, 8])
def test_counts_and_verdicts(seed):
    scenario = Scenario(seed=seed, extraordinary=-30.0)
    f = facts(scenario, "Ashford", of_class=True)
    truth = simulate(scenario).mean
    for pooling in ("complete", "partial"):
        low, high = f.made.interval(0, pooling)
        assert f.holds(pooling) == sum(low < value < high for value in truth)
    low, high = f.made.interval(0)
    assert f.missed == (truth[0] < low or truth[0] > high)
    low, high = f.made.interval(f.last)
    assert f.missed_at_last == (truth[0] < low or truth[0] > high)
    assert f.before == pytest.approx(simulate(replace(scenario, extraordinary=0.0)).mean[0])
    other = facts(scenario, "Juniper")
    assert other.before == other.truth
    assert not f.answers(0, "no")
    assert f.answers(1, "no")
    between = f.fit.hyper.sigma_alpha**2
    assert f.icc == pytest.approx(between / (between + f.fit.sigma_y**2))
    (large, n, *first), (small, m, *second), (_, none, *third) = f.families
    data = f.data
    assert (large, n) == (str(data.labels[np.argmax(data.n)]), data.n.max())
    assert (small, m) == ("Juniper", data.n[data.labels.tolist().index("Juniper")])
    assert none == 0
    one = facts(scenario, small)
    assert second == pytest.approx(one.made.interval(one.last), abs=1e-6)
    half = t.ppf(0.975, 19) * np.sqrt(
        between + f.fit.coef_cov[0, 0] + f.fit.sigma_y**2
    )  # the fit's own mean and its error
    assert third == pytest.approx((f.fit.hyper.a0 - half, f.fit.hyper.a0 + half))
    assert first[1] - first[0] < third[1] - third[0]


def test_held_out_errors_are_those_of_each_draw(monkeypatch):
    monkeypatch.setattr(prediction, "WORLDS", 2)
    scenario = Scenario(n_groups=6, students_per_group=8, seed=11)
    held = facts(scenario, "Ashford", errors=True).held
    assert held.worlds == 2
    squares = {}
    for seed in (11, 12):
        data = replace(simulate(replace(scenario, seed=seed)).data, x=None)
        for leave in ("students", "schools"):
            table = held_out(data, leave, 5, seed)
            for pooling, of in table.groupby("pooling"):
                squares.setdefault((leave, pooling), []).extend(of["error"] ** 2)
    for where, values in squares.items():
        known = [v for v in values if np.isfinite(v)]
        expected = np.sqrt(np.mean(known)) if known else np.nan
        assert held.rmse[where] == pytest.approx(expected, nan_ok=True)
    assert np.isnan(held.rmse["schools", "no"])
    assert held.errors["schools"].query("pooling == 'no'")["rmse"].isna().all()


def test_students_of_left_out_schools_are_counted():
    data = replace(simulate(Scenario(n_groups=5, seed=2)).data, x=None, u=None)
    inside = 0
    for school in data.labels:
        rows = data.labels[data.j] == school
        kept = np.flatnonzero(~rows)
        labels, j = np.unique(data.labels[data.j[kept]], return_inverse=True)
        fit = fit_partial_pooling(GroupedData(data.y[kept], None, j, None, labels))
        sd = np.sqrt(fit.hyper.sigma_alpha**2 + fit.se("a0") ** 2 + fit.sigma_y**2)
        inside += int((abs(data.y[rows] - fit.hyper.a0) < t.ppf(0.975, 3) * sd).sum())
    assert prediction.inside_as_new(data) == inside


@pytest.mark.parametrize("scenario", CORNERS, ids=range(len(CORNERS)))
def test_tables_hide_what_is_not_shown_and_show_what_is(scenario):
    f = facts(scenario, "Juniper")
    domain = (15.0, 105.0)
    hidden, shown = (
        {
            **frames(f.tables(partial=v, others=v, truth=v)),
            "curve": frame(f.curves(domain, partial=v, others=v)),
        }
        for v in (False, True)
    )
    path = hidden["path"]
    for name in ("partial", "no", "complete"):
        assert not path[f"{name}_seen"].any()
        assert np.ptp(path[f"{name}_high"].dropna().to_numpy() if name != "no" else [0]) == 0
        assert not hidden["curve"][f"{name}_density"].any()
        middle, low, high = f.made.ends(name)
        for end, values in (("mean", middle), ("low", low), ("high", high)):
            np.testing.assert_array_equal(shown["path"][f"{name}_{end}"], values)
    assert set(path["caption"]) == {"next: ?"}
    assert hidden["truth"]["truth_seen"].item() == 0
    assert shown["truth"]["truth"].item() == f.truth
    assert shown["path"].query("resting")["k"].tolist() == [f.n]
    students = shown["students"]
    assert (students["k"] > students["row"]).all()
    np.testing.assert_array_equal(students["score"], f.scores[students["row"]])
    kept = shown["curve"].query("kept")["step"].unique()
    assert set(kept) == {0, min(FEW, f.n), f.last}


def test_curves_are_densities_of_t():
    f = facts(Scenario(), "Juniper")
    curve = frame(f.curves((15.0, 105.0), partial=True, others=True))
    one = curve.query("step == 0")
    density = t.pdf(one["score"], 19, f.made.mean[0], f.made.sd[0])
    top = t.pdf(f.made.mean[0], 19, f.made.mean[0], f.made.sd[0])
    narrowest = min(np.nanmin(f.made.own_sd), f.made.sd.min(), f.made.complete_sd.min())
    np.testing.assert_allclose(
        one["partial_density"], density / top * narrowest / f.made.sd[0], rtol=1e-9
    )
    assert not one["no_density"].any()
    assert not one["no_seen"].any()
