"""Facts of the lesson on varying slopes, against refits, other software and plain sums."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import DataError, Hyperparameters, Scenario, fit_partial_pooling
from mlm_core.estimates import students_table
from mlm_core.intervals import variance_intervals
from mlm_core.lessons.varying_slopes import HIGH, LOW, PLACES, REST, START, STEPS, facts
from tests.frames import frames

SLOPES = (-7.0, 13.0)
STEEP = Hyperparameters(sigma_beta=3.0, b1=2.0, rho=0.5)
SCENARIOS = [
    START,
    replace(START, n_groups=5, seed=39),
    replace(START, students_per_group=4, seed=7),
    replace(START, n_groups=30, hyper=replace(STEEP, rho=-0.8), seed=3),
    replace(START, hyper=replace(STEEP, sigma_beta=0.0, b1=0.0), seed=5),
    replace(START, hyper=replace(STEEP, sigma_alpha=0.0, b0=0.0), seed=6),
]


@pytest.mark.parametrize(
    ("scenario", "with_u", "steps"),
    [
        (Scenario(hyper=STEEP), False, (0, REST)),
        (Scenario(n_groups=40, hyper=STEEP, seed=5), True, (REST,)),
    ],
)
def test_the_interval_of_rho_is_the_profile_of_the_moved_data(scenario, with_u, steps):
    f = facts(scenario, "Ashford", with_u)
    for k in steps:
        moved = replace(f.data, x=f.data.x - f.at[k])
        found = variance_intervals(moved, "varying", with_u).rho
        # rays in place of a search: to a hundredth
        assert f.rho_low[k] == pytest.approx(found.low, abs=0.01)
        assert f.rho_high[k] == pytest.approx(found.high, abs=0.01)


def test_no_interval_is_narrower_than_the_estimate():
    for scenario in SCENARIOS:
        f = facts(scenario, "Ashford")
        rho = np.array([m.rho for m in f.moved])
        assert np.all(np.isnan(rho) | ((f.rho_low <= rho + 1e-9) & (rho <= f.rho_high + 1e-9)))
        assert np.all((f.rho_low >= -1) & (f.rho_high <= 1))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_moved_estimates_are_those_of_moved_data(scenario):
    f = facts(scenario, "Ashford")
    for k in (PLACES["zero"], STEPS - 1):
        moved = fit_partial_pooling(replace(f.data, x=f.data.x - f.at[k]), "varying").hyper
        assert f.moved[k].sigma_alpha == pytest.approx(moved.sigma_alpha, rel=1e-3, abs=1e-3)
        assert f.moved[k].sigma_beta == pytest.approx(moved.sigma_beta, rel=1e-3, abs=1e-3)
        assert f.raw[k] == 500 + 100 * (LOW if k == 0 else HIGH)
    assert f.raw[REST] == 500
    assert f.moved[REST].sigma_alpha == pytest.approx(f.hyper.sigma_alpha)


def test_the_numbers_are_those_of_statsmodels():
    import statsmodels.formula.api as smf

    f = facts(START, "Juniper")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = students_table(f.data)
        plain, given = (
            smf.mixedlm(formula, table, groups="school", re_formula="~x").fit(
                reml=True, method=["lbfgs"]
            )
            for formula in ("y ~ x", "y ~ x * u")
        )
    sd = np.sqrt(np.diag(plain.cov_re))
    # its optimiser stops about 1e-3 of an SD away
    assert (f.hyper.sigma_alpha, f.hyper.sigma_beta) == pytest.approx(sd, rel=5e-3)
    assert f.rho[0] == pytest.approx(plain.cov_re.iloc[0, 1] / sd.prod(), abs=5e-3)
    assert f.b1[0] == pytest.approx(given.fe_params["x:u"], abs=5e-3)
    information = np.zeros((4, 4))
    for _, school in table.groupby("school"):
        z = np.column_stack([np.ones(len(school)), school.x])
        design = np.column_stack([z, z * school.u.to_numpy()[:, None]])
        cov = z @ given.cov_re.to_numpy() @ z.T + given.scale * np.eye(len(z))
        information += design.T @ np.linalg.solve(cov, design)
    assert f.b1[1] == pytest.approx(np.sqrt(np.linalg.inv(information)[3, 3]), rel=5e-3)
    rise = 10 * plain.cov_re.iloc[0, 1] / plain.cov_re.iloc[0, 0]
    assert f.rise == pytest.approx(rise, abs=0.02)
    schools = frames(f.tables(SLOPES, partial=True, truth=False))["schools"].set_index("school")
    for school, effect in plain.random_effects.items():
        assert schools.alpha[school] == pytest.approx(
            plain.fe_params.iloc[0] + effect.iloc[0], abs=0.05
        )
        assert schools.beta[school] == pytest.approx(
            plain.fe_params["x"] + effect.iloc[1], abs=0.05
        )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_is_pulled_more_is_counted_school_by_school(scenario):
    f = facts(scenario, "Ashford")
    own, fit, a, b = [], [], [], []
    for j in range(f.data.n_groups):
        x, y = f.data.x[f.data.j == j], f.data.y[f.data.j == j]
        if len(x) < 2:
            continue
        slope, height = np.polyfit(x, y, 1)
        own.append(slope)
        a.append(height)
        fit.append(f.fit.lines.beta[j])
        b.append(f.fit.lines.alpha[j])
    kept = [np.std(b) / np.std(a), np.std(fit) / np.std(own)]
    assert f.lost == pytest.approx([1 - k for k in kept], abs=1e-6)
    slopes, intercepts = (round(100 * max(1 - k, 0)) for k in kept[::-1])
    assert f.more == (
        "slopes" if slopes > intercepts else "intercepts" if slopes < intercepts else "same"
    )
    assert f.own.beta[f.steepest] == pytest.approx(max(own))
    assert f.fit.lines.beta[f.steepest_pooled] == max(f.fit.lines.beta)
    assert f.one_slope == (max(f.fit.lines.beta) - min(f.fit.lines.beta) < 0.05)
    schools = frames(f.tables(SLOPES, partial=True, truth=False))["schools"]
    assert schools[schools.steepest].own_beta.tolist() == [max(schools.own_beta[f.known])]
    assert (schools.side == "right").equals(schools.own_beta.where(f.known) > 8.0)
    true = f.simulation.beta[f.known]
    nearer = sum(abs(p - t) < abs(o - t) for p, o, t in zip(fit, own, true, strict=True))
    assert f.closer == nearer
    assert f.misses(f.own) == pytest.approx(np.sqrt(np.mean((np.array(own) - true) ** 2)))
    assert f.misses(f.fit.lines) == pytest.approx(np.sqrt(np.mean((np.array(fit) - true) ** 2)))


def test_which_way_the_cloud_leans():
    for scenario in SCENARIOS:
        f = facts(scenario, "Ashford")
        assert f.has_rho == (f.hyper.sigma_alpha > 0 and f.hyper.sigma_beta > 0)
        assert f.lean == (np.sign(round(f.hyper.rho, 2)) if f.has_rho else 0)
        assert f.settled == (f.rho_low[REST] * f.rho_high[REST] > 0)
        assert np.sign(f.rise) in (0, f.lean)
        assert f.gap >= -1e-6
        assert f.undecided == (f.gap < 3.8415)
        assert f.b1_in_doubt == (f.b1[0] - 2 * f.b1[1] <= 0 <= f.b1[0] + 2 * f.b1[1])


def test_nothing_of_the_answer_is_in_the_tables_before_it():
    f = facts(START, "Juniper")
    before, after = (frames(f.tables(SLOPES, partial=p, truth=False)) for p in (False, True))
    schools = before["schools"]
    np.testing.assert_array_equal(schools.alpha, schools.own_alpha)
    np.testing.assert_array_equal(schools.true_beta, schools.beta)
    assert not before["pulls"].seen.any()
    assert not before["ellipses"].seen.any()
    assert np.ptp(before["ellipses"].beta) == 0
    assert not before["targets"].seen.any()
    assert set(before["origins"].caption) == {""}
    assert after["pulls"].seen.any()
    assert np.ptp(after["ellipses"].beta) > 1


def test_lines_run_through_their_dots_and_only_known_own_dots_are_seen():
    scenario = replace(START, students_per_group=3, seed=4)
    f = facts(scenario, "Juniper")
    tables = frames(f.tables(SLOPES, partial=True, truth=True))
    schools, lines = tables["schools"].set_index("school"), tables["lines"]
    hidden = ~((schools.own_beta >= SLOPES[0]) & (schools.own_beta <= SLOPES[1])) | ~f.known
    assert f.hidden(SLOPES) == hidden.sum() == (schools.own_seen == 0).sum() > 0
    for kind, prefix in (("front", ""), ("own", "own_"), ("true", "true_")):
        of = lines[lines.kind == kind]
        for school, ends in of.groupby("school"):
            slope, height = np.polyfit(ends.x, ends.y, 1)
            assert slope == pytest.approx(schools[f"{prefix}beta"][school])
            assert height == pytest.approx(schools[f"{prefix}alpha"][school])
    assert set(lines[lines.kind == "true"].school) == {"Juniper"}
    np.testing.assert_array_equal(schools.true_beta, f.simulation.beta)
    assert len(tables["students"]) <= f.data.n[f.picked]


def test_schools_are_pulled_to_what_their_u_lets_expect():
    f = facts(START, "Northgate", with_u=True)
    target = frames(f.tables(SLOPES, partial=True, truth=False))["targets"]
    mine = target[target.mine].iloc[0]
    u = f.data.u[f.picked]
    assert mine.beta == pytest.approx(f.hyper.a1 + f.hyper.b1 * u)
    assert mine.alpha == pytest.approx(f.hyper.a0 + f.hyper.b0 * u)
    assert np.ptp(target.beta) > 0
    slope = np.polyfit(target.beta, target.alpha, 1)[0]
    assert slope == pytest.approx(f.hyper.b0 / f.hyper.b1)
    reached = f.hyper.a1 + f.hyper.b1 * f.data.u
    assert target.beta.min() < reached.min() < reached.max() < target.beta.max()
    without = frames(facts(START, "Northgate").tables(SLOPES, partial=True, truth=False))["targets"]
    assert np.ptp(without.beta) == 0
    fitted = frames(f.tables(SLOPES, partial=True, truth=False))["ellipses"].query("of == 'fitted'")
    assert fitted.beta[:-1].groupby(fitted.share).mean().mean() == pytest.approx(mine.beta, abs=0.2)


def test_too_few_students_say_so():
    with pytest.raises(DataError, match=r"\.$"):
        facts(replace(START, n_groups=3, students_per_group=2, imbalance=0.0), "Ashford")


def test_the_opening_carries_the_lesson():
    f = facts(START, "Juniper")
    intercepts, slopes = f.lost
    assert slopes > intercepts + 0.15
    assert f.known[f.picked]
    assert f.b1[0] > 0
    assert abs(f.rho[0]) < 1
