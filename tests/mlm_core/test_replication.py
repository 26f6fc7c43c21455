import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlm_core import Hyperparameters, Scenario, fit_complete_pooling, fit_no_pooling
from mlm_core.partial import fit_partial_pooling
from mlm_core.replication import (
    _derivatives,
    _design,
    _draw,
    _on_grid,
    _school_design,
    _worlds,
    replicate,
    two_steps,
    world,
)

SMALL = Scenario(n_groups=7, students_per_group=5, seed=3)
FLAT = Hyperparameters(sigma_alpha=0.0, sigma_beta=0.0, b0=0.0, b1=0.0)
SCENARIOS = {
    "default": Scenario(),
    "small": SMALL,
    "no_variation": replace(SMALL, hyper=FLAT),
    "three_schools": Scenario(n_groups=3, students_per_group=4, seed=9),
    "large_between": replace(SMALL, hyper=Hyperparameters(sigma_alpha=2000.0), sigma_y=1.0),
    "odd_school": Scenario(n_groups=12, extraordinary=40.0, imbalance=1.2, seed=5),
    "equal_sizes": Scenario(n_groups=10, imbalance=0.0, seed=6),
    "pairs": Scenario(n_groups=6, students_per_group=2, imbalance=0.0, seed=8),
    "contextual": Scenario(n_groups=9, sigma_x=2.0, contextual=-8.0, seed=4),
}
EVERY = 17  # worlds between those that are looked at one by one
N = 170


def loop(scenario, group_predictor=False, **settings):
    """World number, world and single fits of some worlds."""
    for k in range(0, N, EVERY):
        made = world(scenario, k, **settings)
        yield k, made, fit_partial_pooling(made.data, group_predictor=group_predictor)


# Single fits stop when the criterion gains less than 1e-10, so a variance is good to about
# 1e-5 of its own standard error; the criterion is flat in an SD near 0, so variances are compared.
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize("with_x", [False, True])
@pytest.mark.parametrize("name", SCENARIOS)
def test_equals_a_loop_of_single_fits(name, with_x, group_predictor):
    scenario = SCENARIOS[name]
    found = replicate(scenario, N, with_x=with_x, group_predictor=group_predictor, keep_errors=True)
    unit = np.sqrt(scenario.sigma_y**2 + scenario.hyper.sigma_alpha**2)
    for k, made, fit in loop(scenario, group_predictor, with_x=with_x):
        ours = found.fits
        assert (ours.sigma_alpha[k] == 0) == (fit.hyper.sigma_alpha == 0)
        theirs = {
            "sigma_y": fit.sigma_y,
            "a0": fit.hyper.a0, "b0": fit.hyper.b0, "a1": fit.hyper.a1,
            "se_a0": fit.se("a0"),
            "se_b0": fit.se("b0") if group_predictor else 0.0,
            "se_a1": fit.se("a1") if with_x else 0.0,
        }  # fmt: skip
        np.testing.assert_allclose(
            (ours.sigma_alpha[k] / unit) ** 2, (fit.hyper.sigma_alpha / unit) ** 2, **CLOSE
        )
        for field, want in theirs.items():
            np.testing.assert_allclose(getattr(ours, field)[k] / unit, want / unit, **CLOSE)
        np.testing.assert_array_equal(found.truth[k], made.alpha)
        for errors, lines in (
            (found.partial_pooling.errors, fit.lines),
            (found.no_pooling.errors, fit_no_pooling(made.data).lines),
            (found.complete_pooling.errors, fit_complete_pooling(made.data).lines),
        ):
            np.testing.assert_allclose(errors[k] / unit, (lines.alpha - made.alpha) / unit, **CLOSE)


def test_zero_between_schools_is_among_the_cases():
    """The loop above meets the boundary and the interior."""
    zero = replicate(SCENARIOS["no_variation"], N).fits.sigma_alpha[::EVERY] == 0
    assert 0.2 < zero.mean() < 0.8


def test_the_largest_ratio_of_many_worlds():
    """Students of a school almost alike by chance: beyond the grid."""
    scenario = Scenario(n_groups=3, students_per_group=2, imbalance=0.0, hyper=FLAT)
    found = replicate(scenario, 50_000, with_x=False)
    ratio = (found.fits.sigma_alpha / found.fits.sigma_y) ** 2
    k = int(ratio.argmax())
    assert ratio[k] > 200  # the grid ends at 100
    fit = fit_partial_pooling(world(scenario, k, with_x=False).data)
    assert found.fits.sigma_alpha[k] == pytest.approx(fit.hyper.sigma_alpha, rel=1e-5)
    assert found.fits.sigma_y[k] == pytest.approx(fit.sigma_y, rel=1e-5)


def test_derivatives_equal_differences_of_the_criterion():
    design = _design(SMALL, True, True, True)
    X = _school_design(design, True)
    worlds = _worlds(design, _draw(design, 0, 9))
    for ratio in (0.01, 0.2, 3.0):
        h = 1e-3 * ratio
        low, mid, high = _on_grid(design, X, worlds, np.array([ratio - h, ratio, ratio + h])).T
        slope, curvature = _derivatives(design, X, worlds, np.full(9, ratio))
        size = abs(slope).max()
        np.testing.assert_allclose(slope, (high - low) / (2 * h), atol=1e-4 * size)
        np.testing.assert_allclose(
            curvature, (high - 2 * mid + low) / h**2, atol=1e-4 * abs(curvature).max()
        )


@pytest.mark.parametrize("new_schools", [False, True])
@pytest.mark.parametrize("with_x", [False, True])
def test_summaries_equal_a_loop(with_x, new_schools):
    scenario = Scenario(n_groups=6, students_per_group=6, seed=2)
    made = [world(scenario, k, with_x=with_x, new_schools=new_schools) for k in range(60)]
    found = replicate(scenario, 60, with_x=with_x, new_schools=new_schools, group_predictor=True)
    alpha = np.array([w.alpha for w in made])
    n = made[0].data.n_students
    fits = {
        "complete_pooling": [fit_complete_pooling(w.data).lines for w in made],
        "no_pooling": [fit_no_pooling(w.data).lines for w in made],
        "partial_pooling": [fit_partial_pooling(w.data, group_predictor=True).lines for w in made],
    }
    point = {
        "complete_pooling": stats.t.ppf(0.975, n - 1 - with_x),
        "no_pooling": stats.t.ppf(0.975, n - 6 - with_x),
        "partial_pooling": stats.norm.ppf(0.975),
    }
    away = {}
    for name, lines in fits.items():
        ours = getattr(found, name)
        estimate = np.array([line.alpha for line in lines])
        half = point[name] * np.array([line.se_alpha for line in lines])
        error = away[name] = estimate - alpha
        np.testing.assert_allclose(ours.bias, error.mean(axis=0), **CLOSE)
        np.testing.assert_allclose(ours.rmse, np.sqrt((error**2).mean(axis=0)), **CLOSE)
        np.testing.assert_allclose(ours.coverage, (abs(error) <= half).mean(axis=0), **CLOSE)
        np.testing.assert_allclose(ours.width, 2 * half.mean(axis=0), **CLOSE)
        np.testing.assert_allclose(ours.slope, [line.beta[0] for line in lines], **CLOSE)
        if name != "partial_pooling":
            np.testing.assert_allclose(ours.se_slope, [line.se_beta[0] for line in lines], **CLOSE)
        if name != "complete_pooling":
            ranks = [stats.spearmanr(*pair).statistic for pair in zip(estimate, alpha, strict=True)]
            np.testing.assert_allclose(ours.rank_agreement, ranks, **CLOSE)
        assert ours.overall_rmse == pytest.approx(np.sqrt((error**2).mean()), rel=1e-6)
        assert ours.overall_bias == pytest.approx(error.mean(), rel=1e-6, abs=1e-6)
    closer = (abs(away["partial_pooling"]) < abs(away["no_pooling"])).mean(axis=0)
    np.testing.assert_allclose(found.closer, closer, rtol=1e-12)
    assert (found.complete_pooling.rank_agreement == 0).all()


def students(scenario, count, **settings):
    """(count, n) errors of the students, in SDs, as the worlds have them."""
    made = [world(scenario, k, **settings) for k in range(count)]
    j = made[0].data.j
    x = 0.0 if made[0].data.x is None else made[0].data.x
    return np.array([(w.data.y - w.alpha[j] - w.beta[j] * x * np.any(x)) / scenario.sigma_y
                     for w in made])  # fmt: skip


@pytest.mark.parametrize("with_x", [False, True])
def test_students_of_the_worlds_are_independent_standard_normals(with_x):
    """Any projection of them is normal with its length as SD (Kolmogorov-Smirnov)."""
    scenario = Scenario(n_groups=5, students_per_group=3, imbalance=0.9, seed=12)
    eps = students(scenario, 3000, with_x=with_x)
    n = eps.shape[1]
    rng = np.random.default_rng(0)
    directions = [*rng.normal(size=(12, n)), *np.eye(n), np.ones(n)]
    p = [stats.kstest(eps @ d / np.linalg.norm(d), "norm").pvalue for d in directions]
    p.append(stats.kstest((eps**2).sum(axis=1), stats.chi2(n).cdf).pvalue)
    assert min(p) > 0.01 / len(p)
    away = np.corrcoef(eps.T)[np.triu_indices(n, 1)]
    assert abs(away).max() < 4.5 / np.sqrt(3000)


def test_schools_of_the_worlds_follow_the_school_level_model():
    hyper = Hyperparameters(rho=-0.8)
    scenario = Scenario(n_groups=8, students_per_group=4, seed=2, hyper=hyper)
    made = [world(scenario, k) for k in range(1500)]
    u = made[0].data.u
    eta1 = np.array([w.alpha for w in made]) - hyper.a0 - hyper.b0 * u
    eta2 = np.array([w.beta for w in made]) - hyper.a1 - hyper.b1 * u
    assert stats.kstest(eta1.ravel() / hyper.sigma_alpha, "norm").pvalue > 0.01
    assert stats.kstest(eta2.ravel() / hyper.sigma_beta, "norm").pvalue > 0.01
    rho = np.corrcoef(eta1.ravel(), eta2.ravel())[0, 1]
    assert rho == pytest.approx(hyper.rho, abs=4 / np.sqrt(12_000))


def test_same_schools_keep_their_truth():
    from mlm_core import simulate

    found = replicate(SMALL, 30, new_schools=False, keep_errors=True)
    assert (found.truth == simulate(SMALL).alpha).all()


def test_odd_school_is_odd_in_every_world():
    found = replicate(SCENARIOS["odd_school"], 200, keep_errors=True)
    without = replicate(replace(SCENARIOS["odd_school"], extraordinary=0.0), 200, keep_errors=True)
    assert found.labels[0] == "Ashford"
    added = np.tile(40.0 * (np.arange(12) == 0), (200, 1))
    np.testing.assert_allclose(found.truth - without.truth, added, atol=1e-9)
    assert found.partial_pooling.bias[0] < -2  # pulled the wrong way


def test_first_worlds_do_not_depend_on_how_many_follow():
    """Across the border of a block, too; 0 and 1 are different worlds, and so are two seeds."""
    few, many = replicate(SMALL, 510), replicate(SMALL, 1200)
    np.testing.assert_array_equal(few.fits.a0, many.fits.a0[:510])
    assert len(np.unique(many.fits.a0)) == 1200
    first = replicate(SMALL, 500, with_x=False).fits.a0
    for other in (replace(SMALL, redraw=1), replace(SMALL, seed=4)):
        assert not np.isin(replicate(other, 5, with_x=False).fits.a0, first).any()


def test_memory_does_not_grow_with_worlds_kept_apart():
    """Beyond 20 numbers a world: what is in the arrays that are returned."""
    replicate(Scenario(n_groups=50), 10)
    peaks = []
    for count in (500, 5000):
        tracemalloc.start()
        replicate(Scenario(n_groups=50), count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 4500 * 8 * 50  # less than one number a school and world


@settings(max_examples=15, deadline=None)
@given(
    st.floats(-100, 100), st.floats(-10, 10), st.floats(0.1, 20), st.integers(3, 12),
    st.integers(2, 12), st.integers(1, 200),
)  # fmt: skip
def test_shift_and_scale_of_the_scenario(a0, b0, factor, n_groups, students, seed):
    """Estimators that know u and x don't feel a0, b0, a1; all are equivariant to scale."""
    first = Scenario(n_groups=n_groups, students_per_group=students, seed=seed)
    hyper = first.hyper
    moved = replace(
        first, sigma_y=first.sigma_y * factor,
        hyper=Hyperparameters(a0, b0, 7.0, hyper.b1 * factor, hyper.sigma_alpha * factor,
                              hyper.sigma_beta * factor, hyper.rho),
    )  # fmt: skip
    one, two = (replicate(s, 20, group_predictor=True, keep_errors=True) for s in (first, moved))
    close = {"rtol": 1e-5, "atol": 1e-5}
    for name in ("partial_pooling", "no_pooling"):
        np.testing.assert_allclose(
            getattr(two, name).errors / factor, getattr(one, name).errors, **close
        )
        np.testing.assert_array_equal(getattr(two, name).coverage, getattr(one, name).coverage)
    np.testing.assert_allclose(two.fits.sigma_alpha / factor, one.fits.sigma_alpha, **close)


def binomial(p, count):
    return 4 * np.sqrt(p * (1 - p) / count)


def test_no_pooling_covers_what_it_says():
    """Its t intervals are exact with one slope: 95% in every school."""
    scenario = Scenario(hyper=Hyperparameters(sigma_beta=0.0, b1=0.0))
    found = replicate(scenario, 3000)
    np.testing.assert_allclose(found.no_pooling.coverage, 0.95, atol=binomial(0.95, 3000))
    np.testing.assert_allclose(found.no_pooling.bias, 0, atol=4 * found.no_pooling.rmse.max() / 54)


def test_complete_pooling_covers_only_where_schools_are_alike():
    alike = replicate(Scenario(hyper=FLAT), 3000).complete_pooling
    np.testing.assert_allclose(alike.coverage, 0.95, atol=binomial(0.95, 3000))
    assert replicate(Scenario(), 300).complete_pooling.overall_coverage < 0.5


def test_partial_pooling_with_many_schools_is_as_good_as_theory():
    """With the hyperparameters almost known, its mean square error has a formula."""
    hyper = Hyperparameters(sigma_beta=0.0, b1=0.0)
    scenario = Scenario(n_groups=100, hyper=hyper)
    found = replicate(scenario, 600, group_predictor=True)
    ideal = np.sqrt(1 / (found.n / scenario.sigma_y**2 + 1 / hyper.sigma_alpha**2))
    np.testing.assert_allclose(found.partial_pooling.rmse, ideal, rtol=0.15)
    assert found.partial_pooling.overall_rmse == pytest.approx(np.sqrt((ideal**2).mean()), rel=0.03)
    # 100 schools and 600 worlds, but worlds share their sigma_alpha: 0.95 to within a point
    assert found.partial_pooling.overall_coverage == pytest.approx(0.95, abs=0.01)
    assert found.fits.sigma_alpha.mean() == pytest.approx(hyper.sigma_alpha, rel=0.02)
    assert found.fits.b0.mean() == pytest.approx(hyper.b0, abs=4 * found.fits.b0.std() / 24)
    assert (found.fits.b0.std()) == pytest.approx(found.fits.se_b0.mean(), rel=0.1)
    assert found.overall_closer > 0.5


@pytest.mark.parametrize("slopes", ["common", "varying"])
@pytest.mark.parametrize("with_x", [False, True])
def test_two_steps_equal_statsmodels_and_single_fits(slopes, with_x):
    from statsmodels.regression.linear_model import OLS

    scenario = Scenario(n_groups=10, students_per_group=4, imbalance=1.2, seed=20)
    found = two_steps(scenario, N, slopes=slopes, with_x=with_x)
    for k, made, fit in loop(scenario, group_predictor=True, with_x=with_x):
        own = fit_no_pooling(made.data, slopes=slopes).lines.alpha
        np.testing.assert_array_equal(found.used, np.isfinite(own))
        u = np.column_stack([np.ones(found.used.sum()), made.data.u[found.used]])
        want = OLS(own[found.used], u).fit()
        np.testing.assert_allclose(
            [found.b0[k], found.se_b0[k], found.sigma_alpha[k]],
            [want.params[1], want.bse[1], np.sqrt(want.scale)],
            rtol=1e-8,
        )
        np.testing.assert_allclose(found.multilevel.b0[k], fit.hyper.b0, **CLOSE)
        np.testing.assert_allclose(found.multilevel.se_b0[k], fit.se("b0"), **CLOSE)


def test_two_steps_overstate_sigma_alpha():
    scenario = Scenario(hyper=Hyperparameters(sigma_beta=0.0, b1=0.0))
    found = two_steps(scenario, 500)
    assert found.sigma_alpha.mean() > 5.5
    assert found.multilevel.sigma_alpha.mean() == pytest.approx(5.0, abs=0.3)
    assert found.b0.std() > found.multilevel.b0.std()


def test_ties_share_their_rank():
    """One odd school and all others alike: truth has ties."""
    scenario = replace(SMALL, hyper=FLAT, extraordinary=30.0)
    found = replicate(scenario, 40, keep_errors=True)
    estimate = found.truth + found.no_pooling.errors
    want = [stats.spearmanr(*p).statistic for p in zip(estimate, found.truth, strict=True)]
    np.testing.assert_allclose(found.no_pooling.rank_agreement, want, rtol=1e-9)
    assert (replicate(replace(SMALL, hyper=FLAT), 40).no_pooling.rank_agreement == 0).all()


@pytest.mark.parametrize(
    ("scenario", "count", "settings", "message"),
    [
        (SMALL, 0, {}, "one world or more"),
        (SMALL, 2.5, {}, "one world or more"),
        (replace(SMALL, sigma_y=0.0), 5, {}, "sigma_y is 0"),
        (Scenario(n_groups=1), 5, {}, "2 schools or more"),
        (Scenario(n_groups=2), 5, {"group_predictor": True}, "3 schools or more"),
        (Scenario(n_groups=5, students_per_group=1, imbalance=0.0), 5, {}, "too few students"),
    ],
)
def test_impossible_requests(scenario, count, settings, message):
    with pytest.raises(ValueError, match=message):
        replicate(scenario, count, **settings)


def test_impossible_second_step():
    with pytest.raises(ValueError, match="slopes"):
        two_steps(SMALL, 5, slopes="separate")
    few = Scenario(n_groups=12, students_per_group=1, imbalance=0.6)
    with pytest.raises(ValueError, match="line of their own"):
        two_steps(few, 5, slopes="varying")
