"""Treatment effects: every number against lme4, generalised least squares, or counting by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from mlm_core import GroupedData, Hyperparameters, Scenario, fit_partial_pooling, simulate
from mlm_core.data import DataError
from mlm_core.lessons.treatment_effects import (
    STEPS,
    Effects,
    effects,
    facts,
    se_of_differences,
    simulated,
    trial,
    winner,
)
from pages.shared import cached
from tests.frames import frames

LME4 = {
    "a1": 3.04578284168, "se": 0.869743952556, "sd": 1.63509961969,
    "Upland": 4.25632944488, "Juniper": 2.35836684937, "Harbour": 4.10174904696,
}  # fmt: skip
"""lme4 1.1: lmer(score ~ treated + (1 + treated | school)) on tutoring.csv, REML."""


def hyper(**changes):
    return replace(Hyperparameters(), **changes)


CORNERS = [
    Scenario(),
    Scenario(n_groups=3, seed=5),
    Scenario(students_per_group=3, seed=2),
    Scenario(n_groups=60, hyper=hyper(a1=-8.0, sigma_beta=6.0), sigma_y=3.0),
    Scenario(hyper=hyper(sigma_beta=0.0, b1=0.0), sigma_y=30.0, seed=4),
    Scenario(n_groups=100, students_per_group=40, hyper=hyper(a1=10.0)),
]
EACH = pytest.mark.parametrize("scenario", CORNERS, ids=range(len(CORNERS)))


def of_the_file(school=""):
    return facts(cached.trial(None), school)


def test_the_file_held_to_lme4():
    f = of_the_file()
    # lme4's optimiser stops at about six digits of the SDs
    assert f.found.mean == pytest.approx(LME4["a1"], rel=1e-5)
    assert f.found.se == pytest.approx(LME4["se"], rel=1e-4)
    assert f.found.sd == pytest.approx(LME4["sd"], rel=1e-4)
    for name in ("Upland", "Juniper", "Harbour"):
        j = f.names.tolist().index(name)
        assert f.partial[j] == pytest.approx(LME4[name], rel=1e-4)
    low, high = LME4["a1"] + np.array([-1, 1]) * t.ppf(0.975, 23) * LME4["se"]
    assert (f.found.low, f.found.high) == pytest.approx((low, high), rel=1e-4)
    wide = t.ppf(0.975, 23) * np.hypot(LME4["se"], LME4["sd"])
    assert (f.found.new_low, f.found.new_high) == pytest.approx(
        (LME4["a1"] - wide, LME4["a1"] + wide), abs=5e-4
    )


@EACH
def test_effects_are_those_of_the_fit(scenario):
    f = facts(simulated(scenario), "Juniper")
    data = trial(scenario).data
    fit = fit_partial_pooling(data, "varying")
    cov = fit.hyper.rho if np.isfinite(fit.hyper.rho) else 0.0
    sds = np.array([fit.hyper.sigma_alpha, fit.hyper.sigma_beta])
    G = np.outer(sds, sds) * np.array([[1, cov], [cov, 1]])
    information = np.zeros((2, 2))
    for j in range(data.n_groups):
        Z = np.column_stack([np.ones(data.n[j]), data.x[data.j == j]])
        V = fit.sigma_y**2 * np.eye(len(Z)) + Z @ G @ Z.T
        information += Z.T @ np.linalg.solve(V, Z)
    se = np.sqrt(np.linalg.inv(information)[1, 1])
    assert f.found.se == pytest.approx(se, rel=1e-6)
    q = t.ppf(0.975, data.n_groups - 1)
    assert f.found.t == pytest.approx(q)
    mean, sd = fit.hyper.a1, fit.hyper.sigma_beta
    assert f.found.low == pytest.approx(mean - q * se)
    assert f.found.new_high == pytest.approx(mean + q * np.hypot(se, sd))
    assert f.likely == pytest.approx(t.sf(-mean / np.hypot(se, sd), data.n_groups - 1))
    assert f.least_width == pytest.approx(2 * 1.959964 * sd, rel=1e-6)
    assert f.same == (sd == 0)
    side = "above" if mean - q * se > 0 else "below" if mean + q * se < 0 else "around"
    assert f.side == side


def dense_covariance(fit):
    """Of the errors of all schools' effects, from the covariance of all students."""
    data, hyper = fit.data, fit.hyper
    n, J = data.n_students, data.n_groups
    sds = np.array([hyper.sigma_alpha, hyper.sigma_beta])
    rho = hyper.rho if np.isfinite(hyper.rho) else 0.0
    G = np.kron(np.eye(J), np.outer(sds, sds) * np.array([[1, rho], [rho, 1]]))
    Z = np.zeros((n, 2 * J))
    Z[np.arange(n), 2 * data.j] = 1
    Z[np.arange(n), 2 * data.j + 1] = data.x
    X = np.column_stack([np.ones(n), data.x])
    V = Z @ G @ Z.T + fit.sigma_y**2 * np.eye(n)
    gain = np.linalg.solve(V, Z @ G).T
    C = np.linalg.inv(X.T @ np.linalg.solve(V, X))
    shift = np.tile(np.eye(2), (J, 1)) - gain @ X
    return (G - gain @ Z @ G + shift @ C @ shift.T)[1::2, 1::2]


@pytest.mark.parametrize("scenario", [None, *CORNERS[:3], CORNERS[4]], ids=range(5))
def test_two_schools_are_compared_by_their_difference(scenario):
    """Against the dense model; what both share goes out of the difference."""
    made = cached.trial(None) if scenario is None else simulated(scenario)
    f = facts(made, "")
    cov = dense_covariance(made.partial)
    var = np.diag(cov)[:, None] + np.diag(cov) - 2 * cov
    np.testing.assert_allclose(np.diag(cov), made.partial.lines.se_beta**2, rtol=1e-6)
    error = se_of_differences(made.partial)
    np.testing.assert_allclose(error**2, var, rtol=1e-6, atol=1e-9)
    pairs = [
        (f.partial[j] - f.partial[k] - 1.959964 * np.sqrt(max(var[j, k], 0.0)), j, k)
        for j in range(len(cov))
        for k in range(len(cov))
        if j != k
    ]
    low, j, k = max(pairs)
    assert (f.apart is None) == (low <= 0)
    if f.apart is not None:
        assert (f.apart.more, f.apart.less) == (j, k)
        assert f.apart.low == pytest.approx(low, abs=1e-5)
        assert f.apart.gap == pytest.approx(f.partial[j] - f.partial[k])
        assert f.apart.low + f.apart.high == pytest.approx(2 * f.apart.gap)


def test_schools_whose_intervals_overlap_can_be_apart():
    """The fallacy that the page warns of: two intervals overlap, and the difference is clear."""
    for seed in range(1, 40):
        f = facts(simulated(Scenario(n_groups=12, students_per_group=30, seed=seed)), "")
        half = 1.959964 * f.trial.partial.lines.se_beta
        low, high = f.partial - half, f.partial + half
        if f.apart is not None and low[f.apart.more] < high[f.apart.less]:
            return
    raise AssertionError


@EACH
def test_own_effects_are_differences_of_means_and_counts_are_counted(scenario):
    f = facts(simulated(scenario), "Juniper")
    data, truth = f.data, simulate(scenario).beta
    own = np.full(data.n_groups, np.nan)
    for j in range(data.n_groups):
        y, x = data.y[data.j == j], data.x[data.j == j]
        if 0 < x.sum() < len(x):
            own[j] = y[x == 1].mean() - y[x == 0].mean()
    np.testing.assert_allclose(f.own, own, atol=1e-9)
    known = np.isfinite(own)
    assert f.n_own == known.sum()
    assert f.own[f.best] == pytest.approx(np.nanmax(own))
    nearer = [abs(p - b) < abs(o - b) for p, o, b in zip(f.partial, own, truth, strict=True)]
    assert f.closer == sum(nearer)
    assert f.harmed == sum(b < 0 for b in truth)
    assert f.true_mean == pytest.approx(truth.mean())
    assert f.true_sd == pytest.approx(np.sqrt(((truth - truth.mean()) ** 2).sum() / (len(own) - 1)))
    assert f.misses(f.own) == pytest.approx(np.sqrt(np.mean((own - truth)[known] ** 2)))
    assert f.misses(f.partial) == pytest.approx(np.sqrt(np.mean((f.partial - truth)[known] ** 2)))
    y, x = data.y, data.x
    assert f.trial.complete == pytest.approx(y[x == 1].mean() - y[x == 0].mean())
    at = np.array([-3.0, 0.0, 2.0])
    by_own, by_partial, chance = f.above(at)
    assert by_own == [sum(o > v for o in own) for v in at]
    assert by_partial == [sum(p > v for p in f.partial) for v in at]
    assert chance == sorted(chance, reverse=True)
    assert chance[1] == f.likely


@EACH
def test_tables_show_the_fits_and_hide_what_is_not_shown(scenario):
    f = facts(simulated(scenario), "Cedar")
    domain = (-25.0, 25.0)
    captions = [f"{k}" for k in range(STEPS)]
    hidden = frames(f.tables(domain, captions, partial=False, truth=False))
    shown = frames(f.tables(domain, captions, partial=True, truth=True))
    for table in hidden.values():
        assert not table["partial_seen"].any()
    assert not hidden["new"]["density"].any()
    assert not hidden["new"]["caption"].any()
    assert np.ptp(hidden["summary"][["low", "mean", "high"]].to_numpy()) == 0
    assert not hidden["schools"]["truth_seen"].any()
    # an unseen truth lies where it will come from, and tells nothing
    assert (hidden["schools"]["truth"] == hidden["schools"]["partial"]).all()
    schools = shown["schools"].set_index("school")
    assert schools["row"].tolist() == list(range(f.data.n_groups))
    assert (np.diff(schools["n"]) <= 0).all()
    assert schools.index[schools["picked"]].tolist() == ["Cedar"]
    assert bool(schools.loc["Cedar", "named"])
    assert bool(schools["named"].iloc[0])
    assert bool(schools.loc[f.names[f.best], "named"])
    residual = f.data.y - (f.data.group_means(f.data.y))[f.data.j]
    residual = residual - np.where(np.isfinite(f.own[f.data.j]), f.own[f.data.j], 0.0) * (
        f.data.x - f.data.group_means(f.data.x)[f.data.j]
    )
    has = np.isfinite(f.own)
    df = int((f.data.n[has] - 2).sum())
    noise = np.sqrt((residual[has[f.data.j]] ** 2).sum() / df)
    m = f.data.n * f.data.group_means(f.data.x)
    with np.errstate(divide="ignore"):
        se = noise * np.sqrt(1 / m + 1 / (f.data.n - m))
    for j, name in enumerate(f.names):
        row = schools.loc[name]
        assert row["partial"] == f.partial[j]
        assert row["truth"] == f.trial.truth[j]
        half = 1.959964 * f.trial.partial.lines.se_beta[j]
        assert row["high"] - row["low"] == pytest.approx(2 * half, rel=1e-6)
        if has[j]:
            assert row["own_high"] - row["own_low"] == pytest.approx(
                2 * t.ppf(0.975, df) * se[j], rel=1e-6
            )
            assert row["own_high"] + row["own_low"] == pytest.approx(2 * f.own[j])
            assert row["past_low"] == (row["own_low"] < -25)
            assert row["past_high"] == (row["own_high"] > 25)
    summary = shown["summary"].set_index("what")
    assert summary.loc["mean effect"].tolist()[:3] == [f.found.mean, f.found.low, f.found.high]
    assert summary.loc["a new school"].tolist()[1:3] == [f.found.new_low, f.found.new_high]
    new = shown["new"]
    assert new.query("resting")["effect"].item() == pytest.approx(0, abs=1e-12)
    assert new["effect"].tolist() == pytest.approx(np.linspace(-25, 25, STEPS))
    assert new["effect"][f.at_cost(domain)] == pytest.approx(2)
    assert f.pays == pytest.approx(t.sf((2 - f.found.mean) / f.found.new_se, f.found.df))
    density = t.pdf(new["effect"], f.found.df, f.found.mean, f.found.new_se)
    top = t.pdf(f.found.mean, f.found.df, f.found.mean, f.found.new_se)
    np.testing.assert_allclose(new["density"], density / top, rtol=1e-9)


@pytest.mark.parametrize(("a1", "k"), [(-8, 0), (1.5, 1), (4, 2), (10, 3)])
def test_the_bin_holds_the_chance(a1, k):
    scenario = Scenario(n_groups=40, seed=3, hyper=hyper(a1=float(a1), sigma_beta=4.0, b1=0.0))
    f = facts(simulated(scenario), "")
    edges = (0, 0.5, 0.75, 0.95, 1)
    assert edges[f.bin] <= f.likely <= edges[f.bin + 1]
    assert f.bin == k


def test_a_school_that_is_not_there_gives_way_to_the_best_looking():
    f = of_the_file("Atlantis")
    assert f.picked == f.best
    assert of_the_file("Juniper").names[of_the_file("Juniper").picked] == "Juniper"


def test_coding_by_halves_leaves_the_effects():
    """What the page says of the coding: only the intercepts, their SD and rho change."""
    data = of_the_file().data
    halves = GroupedData(data.y, data.x - 0.5, data.j, data.u, data.labels)
    fit, other = (fit_partial_pooling(d, "varying") for d in (data, halves))
    np.testing.assert_allclose(fit.lines.beta, other.lines.beta, atol=1e-5)
    assert fit.hyper.sigma_beta == pytest.approx(other.hyper.sigma_beta, rel=1e-5)
    assert abs(fit.hyper.rho - other.hyper.rho) > 0.05


def test_the_trial_is_random_within_schools_and_keeps_its_truth():
    made, before = trial(Scenario(seed=3)), simulate(Scenario(seed=3))
    treated = np.bincount(made.data.j, weights=made.data.x)
    assert (treated == made.data.n // 2).all()
    assert set(np.unique(made.data.x)) == {0.0, 1.0}
    j = made.data.j
    noise = made.data.y - made.alpha[j] - made.beta[j] * made.data.x
    was = before.data.y - before.alpha[j] - before.beta[j] * before.data.x
    np.testing.assert_allclose(noise, was, atol=1e-9)
    # tutored by lot: the noise says nothing of who is tutored (4 standard errors)
    many = [trial(Scenario(seed=s)) for s in range(1, 60)]
    gap = [
        (m.data.y - m.alpha[m.data.j] - m.beta[m.data.j] * m.data.x) @ (m.data.x - 0.5)
        for m in many
    ]
    size = sum(m.data.n_students for m in many)
    assert abs(sum(gap)) < 4 * 10 * np.sqrt(size) / 2


def test_the_winner_falls_as_order_statistics_say():
    """Ten equal effects with error 3: the largest of ten normals lies 1.5388 SD up (tables)."""
    found = winner(Effects(4, 0, 0, 4, 4, 4, 4, 9), np.full(10, 3.0), 20_000)
    assert found.truth == 4
    assert found.fall == pytest.approx(1.5388 * 3, abs=0.06)
    half = winner(Effects(0, 0, 3, 0, 0, 0, 0, 9), np.full(10, 3.0), 20_000)
    assert half.truth == pytest.approx(half.promise / 2, abs=0.1)
    with pytest.raises(DataError):
        winner(Effects(0, 0, 3, 0, 0, 0, 0, 9), np.full(3, np.nan))


def test_two_students_a_school_are_refused():
    with pytest.raises(DataError, match="too few"):
        simulated(Scenario(students_per_group=2, imbalance=0.0))


def test_intervals_of_the_mean_and_of_a_new_school_cover():
    """200 trials of 6 schools: 95% within 3.5 binomial standard errors (0.054) below."""
    mean, new = [], []
    for seed in range(1, 201):
        scenario = Scenario(
            n_groups=7, students_per_group=30, imbalance=0.0, seed=seed, sigma_y=5.0,
            hyper=hyper(b1=0.0, sigma_beta=4.0),
        )  # fmt: skip
        made = trial(scenario)
        keep = made.data.j < 6
        data = GroupedData(
            made.data.y[keep], made.data.x[keep], made.data.j[keep], None, made.data.labels[:6]
        )
        found = effects(fit_partial_pooling(data, "varying"))
        mean.append(found.low < 4 < found.high)
        new.append(found.new_low < made.beta[6] < found.new_high)
    assert np.mean(mean) > 0.896
    assert np.mean(new) > 0.896


def test_the_files_effects_were_drawn_with_the_sd_that_is_said():
    from datasets.tutoring import HYPER

    drawn = np.hypot(HYPER.sigma_beta, HYPER.b1)
    assert cached.trial(None).drawn_sd == pytest.approx(drawn)
    assert simulated(Scenario()).drawn_sd == pytest.approx(np.hypot(1.5, 1.0))
