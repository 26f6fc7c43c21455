"""Fits against explicit matrices, published numbers, statsmodels; properties; errors."""

from __future__ import annotations

import warnings

import hypothesis.strategies as st
import mixedlm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from mlm_core.data import DataError, GroupedData
from mlm_core.deviance import covariance_form, full_form, profile, relative_covariance, school_sums
from mlm_core.new_student import between_variance, intraclass_correlation, predict_new_student
from mlm_core.partial import fit_partial_pooling
from mlm_core.pooling import fit_no_pooling
from mlm_core.search import minimum, newton

SLOPES = ("common", "varying", "uncorrelated")
MODELS = [(slopes, u) for slopes in SLOPES for u in (False, True)]
METHODS = ("REML", "ML")


def simulated(
    seed=3, sizes=(1, 1, 2, 4, 6, 9, 12, 15, 20), sa=3.0, sb=1.0, rho=0.3, sy=2.0, x0=0.0
):
    rng = np.random.default_rng(seed)
    j = np.repeat(np.arange(len(sizes)), sizes)
    between, u, x = (
        rng.normal(size=(len(sizes), 2)),
        rng.normal(size=len(sizes)),
        rng.normal(size=len(j)),
    )
    alpha = 50 + 2 * u + sa * between[:, 0]
    beta = 3 + 0.5 * u + sb * (rho * between[:, 0] + np.sqrt(1 - rho**2) * between[:, 1])
    y = alpha[j] + beta[j] * x + sy * rng.normal(size=len(j))
    return GroupedData(y, x0 + x, j, u, np.arange(len(sizes)))


def covariance(hyper):
    cross = 0.0 if np.isnan(hyper.rho) else hyper.rho * hyper.sigma_alpha * hyper.sigma_beta
    return np.array([[hyper.sigma_alpha**2, cross], [cross, hyper.sigma_beta**2]])


def by_matrices(data, fit):
    """Lines, covariance of their errors, coefficients: Henderson's equations written out."""
    J, one, u = data.n_groups, np.ones(data.n_students), data.u[data.j]
    X = np.stack(
        [{"a0": one, "b0": u, "a1": data.x, "b1": u * data.x}[k] for k in fit.coef_names], 1
    )
    member = (data.j[:, None] == np.arange(J)).astype(float)
    Z = np.concatenate([member, member * data.x[:, None]], axis=1)
    S = np.kron(covariance(fit.hyper), np.eye(J))
    V = Z @ S @ Z.T + fit.sigma_y**2 * np.eye(len(X))
    Vi = np.linalg.inv(V)
    B = np.linalg.inv(X.T @ Vi @ X)
    coef = B @ X.T @ Vi @ data.y
    modes = S @ Z.T @ Vi @ (data.y - X @ coef)
    # line = T coef + eta; its error: what is left of eta given y, and coef's through T - S Z' Vi X
    of = {"a0": (1, 0), "b0": (data.u, 0), "a1": (0, 1), "b1": (0, data.u)}
    T = np.stack(
        [np.concatenate([np.broadcast_to(part, J) for part in of[k]]) for k in fit.coef_names], 1
    )
    left = S - S @ Z.T @ Vi @ Z @ S
    K = T - S @ Z.T @ Vi @ X
    return T @ coef + modes, left + K @ B @ K.T, left, coef, B


@pytest.mark.parametrize(("slopes", "group_predictor"), MODELS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("x0", [0.0, 30.0])
@pytest.mark.parametrize("seed", [1, 3])  # 1: on the boundary, 3: off it
def test_lines_and_errors_are_those_of_the_mixed_model_equations(
    slopes, group_predictor, method, x0, seed
):
    data = simulated(seed, x0=x0)
    fit = fit_partial_pooling(data, slopes, group_predictor, method)
    line, error, left, coef, B = by_matrices(data, fit)
    J = data.n_groups
    # 1e-7: the dense matrices with x around 30 have condition numbers of 1e6 and more
    assert np.concatenate([fit.lines.alpha, fit.lines.beta]) == pytest.approx(line, rel=1e-7)
    se = np.concatenate([fit.lines.se_alpha, fit.lines.se_beta])
    assert se == pytest.approx(np.sqrt(np.diag(error)), rel=1e-6)
    assert fit.line_cov == pytest.approx(np.diag(error[:J, J:]), rel=1e-6, abs=1e-9)
    sd = np.concatenate([fit.mode_sd_alpha, fit.mode_sd_beta])
    assert sd == pytest.approx(np.sqrt(np.maximum(np.diag(left), 0)), rel=1e-5, abs=1e-5)
    assert [getattr(fit.hyper, name) for name in fit.coef_names] == pytest.approx(coef, rel=1e-7)
    assert fit.coef_cov == pytest.approx(B, rel=1e-6)


@pytest.mark.parametrize(("slopes", "group_predictor"), MODELS)
@pytest.mark.parametrize("method", METHODS)
def test_no_sd_nearby_is_better(slopes, group_predictor, method):
    data = simulated()
    fit = fit_partial_pooling(data, slopes, group_predictor, method)
    at = criterion(data, fit, method, covariance(fit.hyper), fit.sigma_y)
    assert fit.criterion == pytest.approx(at, rel=1e-10)
    rng = np.random.default_rng(0)
    for _ in range(20):
        turn = np.eye(2) + 0.05 * rng.normal(size=(2, 2)) * (slopes == "varying")
        stretch = np.diag(np.exp(0.1 * rng.normal(size=2)))
        factor = turn @ stretch
        near = criterion(data, fit, method, factor @ covariance(fit.hyper) @ factor.T, fit.sigma_y)
        assert near > at - 1e-8


def criterion(data, fit, method, between, sigma_y):
    one, u = np.ones(data.n_students), data.u[data.j]
    X = np.stack(
        [{"a0": one, "b0": u, "a1": data.x, "b1": u * data.x}[k] for k in fit.coef_names], 1
    )
    Z = np.stack([one, data.x], 1)
    V = (data.j[:, None] == data.j) * (Z @ between @ Z.T) + sigma_y**2 * np.eye(len(X))
    Vi = np.linalg.inv(V)
    error = data.y - X @ np.linalg.solve(X.T @ Vi @ X, X.T @ Vi @ data.y)
    reml = method == "REML"
    out = np.linalg.slogdet(V)[1] + error @ Vi @ error
    out += (len(X) - reml * X.shape[1]) * np.log(2 * np.pi)
    return out + reml * np.linalg.slogdet(X.T @ Vi @ X)[1]


def test_without_x_there_is_no_slope():
    data = simulated()
    fit = fit_partial_pooling(GroupedData(data.y, None, data.j, None, data.labels))
    assert fit.coef_names == ("a0",)
    assert fit.hyper.a1 == 0
    assert (fit.lines.beta == 0).all()
    assert (fit.lines.se_beta == 0).all()
    assert np.isnan(fit.se("a1"))


def test_a_common_slope_is_the_same_for_all_schools():
    fit = fit_partial_pooling(simulated(), "common", True)
    assert fit.coef_names == ("a0", "b0", "a1")
    assert fit.lines.beta == pytest.approx(np.full(9, fit.hyper.a1))
    assert fit.lines.se_beta == pytest.approx(np.full(9, fit.se("a1")))
    assert (fit.hyper.sigma_beta, fit.hyper.b1, fit.singular) == (0, 0, False)


@pytest.mark.parametrize("method", METHODS)
def test_equal_school_means_give_an_sd_of_exactly_0_and_complete_pooling(method):
    rng = np.random.default_rng(2)
    j = np.repeat(np.arange(5), 6)
    y = rng.normal(size=30)
    y -= np.bincount(j, y)[j] / 6
    fit = fit_partial_pooling(GroupedData(y + 70, None, j, None, np.arange(5)), method=method)
    assert fit.hyper.sigma_alpha == 0
    assert fit.singular
    assert fit.converged
    assert fit.lines.alpha == pytest.approx(np.full(5, y.mean() + 70))
    assert (fit.mode_sd_alpha == 0).all()
    assert fit.sigma_y == pytest.approx(y.std(ddof=method == "REML"))


def test_of_two_minima_with_many_schools_the_lower_one_is_found():
    """One with sigma_alpha 7.7, the other, 0.6 higher, with 12.4; the deviance rises between."""
    sizes = (1, 5, 4, 5, 5, 1, 3, 3, 3, 3, 1, 2, 4, 4, 2, 4, 1, 5, 2, 2)
    data = simulated(1067, sizes=sizes, sa=10.0, sb=3.0, rho=-1.0)
    fit = fit_partial_pooling(data, "uncorrelated", method="ML")
    sums = school_sums(data, "uncorrelated")
    theta = np.random.default_rng(0).uniform(0, 12, size=(20_000, 2))
    cov = relative_covariance(theta, covariance_form("uncorrelated", sums.x_zero))
    assert profile(sums, cov, "ML").criterion.min() > fit.criterion


@pytest.mark.parametrize(("x0", "rho"), [(0.0, 1.0), (30.0, -1.0), (500.0, -1.0)])
@pytest.mark.parametrize("seed", range(6))
def test_a_rho_on_the_boundary_is_exactly_1_or_minus_1(x0, rho, seed):
    fit = fit_partial_pooling(simulated(seed, sizes=(9,) * 6, rho=1.0, sy=4.0, x0=x0), "varying")
    assert fit.hyper.rho == rho
    assert fit.singular


def test_of_two_minima_the_lower_one_is_found():
    data = simulated(20, sizes=(3, 4, 6, 3, 5, 2), sa=10.0, sb=0.0, rho=0.0)
    sums = school_sums(data, "varying", group_predictor=True)
    found = minimum(sums, "varying", "ML")
    rng = np.random.default_rng(0)
    theta = rng.normal(size=(20_000, 4)) * 10.0 ** rng.uniform(-2, 1.5, size=(20_000, 1))
    height = profile(sums, relative_covariance(theta, full_form()), "ML").criterion
    assert height.min() > found.at.criterion
    # and there are two: from here a search ends on the boundary, 0.1 higher
    _, other, *_ = newton(sums, full_form(), "ML", np.array([[2.5, 0.0, 0.0, 0.0]]))
    assert other > found.at.criterion + 0.05


def test_no_slopes_between_schools_give_rho_nan():
    fit = fit_partial_pooling(simulated(3, sizes=(9,) * 8, sa=3, sb=0, rho=0), "uncorrelated")
    assert fit.hyper.sigma_beta == 0
    assert fit.hyper.sigma_alpha > 1
    assert np.isnan(fit.hyper.rho)
    assert fit.singular


@pytest.mark.parametrize("at", [0.0, 3.0])
@pytest.mark.parametrize("turned", [False, True])
def test_where_one_sd_is_0_the_other_is_that_of_the_smaller_model(at, turned):
    """Schools differ in their means alone, or (turned) in their slopes alone; x is centred, or not.

    The students are off their lines by the same 0.01, -0.02, 0.01 in each school.
    """
    x, j = np.tile([-1.0, 0.0, 1.0], 4), np.arange(12) // 3
    apart = np.array([0.03, -0.05, 0.02, 0.0])[j]
    y = apart * (x if turned else 1.0) + np.tile([0.01, -0.02, 0.01], 4)
    data = GroupedData(y, x + (0.0 if turned else at), j, None, list("abcd"))
    fit = fit_partial_pooling(data, "varying")
    smaller = fit_partial_pooling(data, "uncorrelated" if turned else "common")
    assert np.isnan(fit.hyper.rho)
    assert fit.singular
    assert fit.hyper.sigma_alpha == pytest.approx(smaller.hyper.sigma_alpha, rel=1e-5)
    assert fit.hyper.sigma_beta == pytest.approx(smaller.hyper.sigma_beta, rel=1e-5)
    assert (fit.hyper.sigma_alpha > 0, fit.hyper.sigma_beta > 0) == (not turned, turned)
    assert (fit.slopes, smaller.slopes) == ("varying", "uncorrelated" if turned else "common")
    assert fit.method == "REML"
    assert fit_partial_pooling(data, method="ML").method == "ML"


def test_independent_coefficients_have_a_correlation_of_0_however_small_they_are():
    data = simulated(seed=2)
    small = GroupedData(data.y / 1000, data.x, data.j, None, data.labels)
    fit = fit_partial_pooling(small, "uncorrelated")
    assert 0 < fit.hyper.sigma_alpha * fit.hyper.sigma_beta < 1
    assert fit.hyper.rho == 0.0


def test_schools_infinitely_far_apart_keep_their_own_means():
    data = simulated(4, sizes=(5,) * 6, sa=1e6, sb=0)
    own = fit_partial_pooling(data).lines.alpha
    slope = fit_partial_pooling(data).hyper.a1
    assert own == pytest.approx(data.group_means(data.y - slope * data.x), rel=1e-9)


BALANCED = GroupedData([1.0, 2, 3, 5, 6, 10], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])


def test_balanced_schools_have_the_textbook_answer():
    """REML of a balanced one-way layout: (MS between - MS within) / n."""
    fit = fit_partial_pooling(BALANCED)
    between, within = 3 * 12.5, (2 + 14) / 4
    assert fit.sigma_y**2 == pytest.approx(within)
    assert fit.hyper.sigma_alpha**2 == pytest.approx((between - within) / 3)
    weight = 3 * fit.hyper.sigma_alpha**2 / (3 * fit.hyper.sigma_alpha**2 + within)
    assert fit.lines.alpha == pytest.approx([4.5 - 2.5 * weight, 4.5 + 2.5 * weight])


SLEEPSTUDY = {
    # Bates et al. (2015), J. Stat. Softw. 67(1), sections 1.1 and 2.2, as printed there
    "varying": (1743.6, 24.740, 5.922, 0.066, 25.592, 251.405, 6.825, 10.467, 1.546),
    "uncorrelated": (1743.7, 25.051, 5.988, 0.0, 25.565, 251.405, 6.885, 10.467, 1.560),
}


@pytest.mark.filterwarnings("ignore:The 'float_precision'")  # of mixedlm's loader
@pytest.mark.parametrize("slopes", SLEEPSTUDY)
def test_published_sleepstudy(slopes):
    frame = pd.DataFrame(mixedlm.load_sleepstudy())
    data = GroupedData.from_frame(frame, y="Reaction", group="Subject", x="Days")
    fit = fit_partial_pooling(data, slopes)
    h = fit.hyper
    found = (fit.criterion, h.sigma_alpha, h.sigma_beta, h.rho, fit.sigma_y)
    found += (h.a0, fit.se("a0"), h.a1, fit.se("a1"))
    for value, published in zip(found, SLEEPSTUDY[slopes], strict=True):
        digits = 1 if published > 1000 else 3  # half a unit of the last digit printed
        assert value == pytest.approx(published, abs=0.51 * 10.0**-digits)


@pytest.mark.filterwarnings("ignore:The 'float_precision'")  # of mixedlm's loader
@pytest.mark.parametrize(
    ("loader", "method", "criterion", "sigma_alpha", "sigma_y", "a0", "se"),
    [
        # Bates (2010), lme4: Mixed-effects modeling with R (draft), sections 1.3 and 1.4
        ("load_dyestuff", "REML", 319.7, 42.001, 49.510, 1527.50, 19.38),
        ("load_dyestuff", "ML", 327.3, 37.260, 49.510, 1527.50, 17.69),
        ("load_dyestuff2", "REML", 161.8, 0.0, 3.716, 5.666, 0.678),
        ("load_dyestuff2", "ML", 162.9, 0.0, 3.653, 5.666, 0.667),
    ],
)
def test_published_dyestuff(loader, method, criterion, sigma_alpha, sigma_y, a0, se):
    frame = pd.DataFrame(getattr(mixedlm, loader)())
    fit = fit_partial_pooling(
        GroupedData.from_frame(frame, y="Yield", group="Batch"), method=method
    )
    assert fit.criterion == pytest.approx(criterion, abs=0.051)
    assert fit.hyper.sigma_alpha == pytest.approx(sigma_alpha, abs=0.00051)
    assert fit.sigma_y == pytest.approx(sigma_y, abs=0.00051)
    assert fit.hyper.a0 == pytest.approx(a0, abs=0.0051)
    assert fit.se("a0") == pytest.approx(se, abs=0.0051)
    assert fit.singular == (sigma_alpha == 0)


@pytest.mark.parametrize("method", METHODS)
def test_statsmodels_says_the_same_where_it_converges(method):
    from statsmodels.regression.mixed_linear_model import MixedLM

    data = simulated(8, sizes=(20,) * 30, sa=3, sb=2, rho=0.2)
    X = np.stack([np.ones(600), data.x], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = MixedLM(data.y, X, data.j, exog_re=X).fit(reml=method == "REML", gtol=1e-8)
    ours = fit_partial_pooling(data, "varying", method=method)
    # 1e-5 and 1e-3: statsmodels' optimiser stops at a gradient of about 1e-5
    assert ours.criterion <= -2 * theirs.llf + 1e-6
    assert ours.criterion == pytest.approx(-2 * theirs.llf, abs=1e-5)
    assert [ours.hyper.a0, ours.hyper.a1] == pytest.approx(theirs.fe_params, rel=1e-5)
    assert covariance(ours.hyper) == pytest.approx(np.asarray(theirs.cov_re), rel=1e-3, abs=1e-3)
    assert [ours.se("a0"), ours.se("a1")] == pytest.approx(theirs.bse_fe, rel=1e-3)


# --- properties -------------------------------------------------------------------------------

designs = st.builds(
    simulated,
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(1, 8), min_size=4, max_size=8).map(lambda s: (3, 4, 6, *s)),
    sa=st.sampled_from([0.0, 1.0, 10.0]),
    sb=st.sampled_from([0.0, 1.0]),
    rho=st.sampled_from([0.0, 0.9]),
)
models = st.tuples(st.sampled_from(SLOPES), st.booleans(), st.sampled_from(METHODS))
quick = settings(max_examples=25, deadline=None)


@quick
@given(data=designs, model=models, seed=st.integers(0, 99))
def test_the_order_of_students_and_the_names_of_schools_say_nothing(data, model, seed):
    rng = np.random.default_rng(seed)
    rows, place = rng.permutation(data.n_students), rng.permutation(data.n_groups)
    other = GroupedData(
        data.y[rows], data.x[rows], place[data.j][rows], data.u[np.argsort(place)], data.labels
    )
    one, two = fit_partial_pooling(data, *model), fit_partial_pooling(other, *model)
    assert two.criterion == pytest.approx(one.criterion, abs=1e-7)
    # an optimum is found to about 1e-5 of an SD where the deviance is flat
    assert two.lines.alpha[place] == pytest.approx(one.lines.alpha, rel=1e-4, abs=1e-3)
    assert two.hyper.sigma_alpha == pytest.approx(one.hyper.sigma_alpha, rel=1e-3, abs=1e-2)


@quick
@given(
    data=designs,
    model=models,
    shift=st.floats(-1e3, 1e3),
    scale=st.sampled_from([1e-3, 0.5, -2.0, 1e4]),
)
def test_shifting_and_scaling_y_shifts_and_scales_the_fit(data, model, shift, scale):
    other = GroupedData(shift + scale * data.y, data.x, data.j, data.u, data.labels)
    one, two = fit_partial_pooling(data, *model), fit_partial_pooling(other, *model)
    free = data.n_students - (model[2] == "REML") * len(one.coef_names)
    moved = one.criterion + 2 * free * np.log(abs(scale))
    assert two.criterion == pytest.approx(moved, abs=1e-6)
    assert two.lines.alpha == pytest.approx(
        shift + scale * one.lines.alpha, rel=1e-4, abs=1e-3 * abs(scale)
    )
    assert two.sigma_y == pytest.approx(abs(scale) * one.sigma_y, rel=1e-3)


@quick
@given(
    data=designs,
    group_predictor=st.booleans(),
    method=st.sampled_from(METHODS),
    slopes=st.sampled_from(["common", "varying"]),
    shift=st.floats(-100, 100),
    scale=st.sampled_from([0.01, -1.0, 50.0]),
)
def test_shifting_and_scaling_x_leaves_the_lines_where_they_are(
    data, group_predictor, method, slopes, shift, scale
):
    other = GroupedData(data.y, shift + scale * data.x, data.j, data.u, data.labels)
    one = fit_partial_pooling(data, slopes, group_predictor, method)
    two = fit_partial_pooling(other, slopes, group_predictor, method)
    with_x = sum(name in ("a1", "b1") for name in one.coef_names)
    moved = one.criterion + (method == "REML") * 2 * with_x * np.log(abs(scale))
    assert two.criterion == pytest.approx(moved, abs=1e-6)
    assert two.lines.beta * scale == pytest.approx(one.lines.beta, rel=1e-3, abs=1e-2)
    assert two.lines.alpha + shift * two.lines.beta == pytest.approx(
        one.lines.alpha, rel=1e-3, abs=1e-2
    )


@quick
@given(data=designs, method=st.sampled_from(METHODS))
def test_schools_are_pulled_to_the_middle_and_larger_ones_less(data, method):
    fit = fit_partial_pooling(GroupedData(data.y, None, data.j, None, data.labels), method=method)
    own = data.group_means(data.y) - fit.hyper.a0
    kept = (fit.lines.alpha - fit.hyper.a0) / own
    clear = np.abs(own) > 1e-6
    assert ((kept[clear] > -1e-9) & (kept[clear] < 1 + 1e-9)).all()
    order = np.argsort(data.n[clear], kind="stable")
    assert (np.diff(kept[clear][order]) > -1e-6).all()


# --- a new student ----------------------------------------------------------------------------


def test_prediction_in_a_known_school_is_its_line_with_its_error():
    data = simulated()
    fit = fit_partial_pooling(data, "varying", True)
    line, error, *_ = by_matrices(data, fit)
    J, x = data.n_groups, np.array([-1.0, 0.0, 2.5])
    for j in (0, 8):
        w = np.stack([np.ones(3), x], axis=1)
        V = error[np.ix_([j, J + j], [j, J + j])]
        found = predict_new_student(fit, x, school=j)
        assert found.mean == pytest.approx(w @ line[[j, J + j]])
        assert found.sd_mean == pytest.approx(np.sqrt(np.diag(w @ V @ w.T)), rel=1e-6)
        assert found.sd_score == pytest.approx(np.hypot(found.sd_mean, fit.sigma_y))


def test_prediction_in_a_new_school_is_that_of_a_school_without_students_in_the_equations():
    data = simulated()
    fit = fit_partial_pooling(data, "varying", True)
    h, x, u = fit.hyper, 1.5, -0.7
    found = predict_new_student(fit, x, u=u)
    row = np.array([1, u, x, u * x])
    w = np.array([1, x])
    variance = row @ fit.coef_cov @ row + w @ covariance(h) @ w
    assert found.mean == pytest.approx([h.a0 + h.b0 * u + (h.a1 + h.b1 * u) * x])
    assert found.sd_mean == pytest.approx([np.sqrt(variance)])
    assert found.sd_score == pytest.approx([np.sqrt(variance + fit.sigma_y**2)])


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_predictions_go_with_the_unit_of_y(unit):
    data = simulated()
    scaled = GroupedData(unit * data.y, data.x, data.j, data.u, data.labels)
    fits = [fit_partial_pooling(one, "varying", True) for one in (data, scaled)]
    for school, u in ((0, None), (None, 0.7)):
        usual, found = (predict_new_student(fit, [0.0, 2.0], school, u) for fit in fits)
        assert found.mean == pytest.approx(unit * usual.mean, rel=1e-4)
        assert found.sd_score == pytest.approx(unit * usual.sd_score, rel=1e-4)
        assert found.sd_mean == pytest.approx(unit * usual.sd_mean, rel=1e-4)


def test_a_new_school_is_less_sure_than_any_known_one():
    fit = fit_partial_pooling(simulated())
    known = [predict_new_student(fit, school=j).sd_mean[0] for j in range(9)]
    assert predict_new_student(fit).sd_mean[0] > max(known)


def test_intraclass_correlation_is_the_share_between_schools():
    fit = fit_partial_pooling(BALANCED)
    share = fit.hyper.sigma_alpha**2 / (fit.hyper.sigma_alpha**2 + fit.sigma_y**2)
    assert intraclass_correlation(fit) == pytest.approx(share)
    slopes = fit_partial_pooling(simulated(), "varying")
    at = np.array([1.0, 2.0])
    assert between_variance(slopes, 2.0) == pytest.approx(at @ covariance(slopes.hyper) @ at)


def test_prediction_asks_for_what_it_needs():
    fit = fit_partial_pooling(simulated(), "common", True)
    with pytest.raises(DataError, match="give the new school's u"):
        predict_new_student(fit, 1.0)
    with pytest.raises(DataError, match=r"label 'north'\. Labels are: 0, 1, 2, "):
        predict_new_student(fit, 1.0, school="north")
    with pytest.raises(DataError, match="finite"):
        predict_new_student(fit, [np.nan], school=0)


# --- what cannot be answered ------------------------------------------------------------------


def data_of(sizes, x=None, u=None, y=None, seed=0):
    rng = np.random.default_rng(seed)
    j = np.repeat(np.arange(len(sizes)), sizes)
    return GroupedData(
        rng.normal(size=len(j)) if y is None else np.asarray(y, dtype=float)[j],
        None
        if x is None
        else (rng.normal(size=len(j)) if isinstance(x, str) else np.asarray(x)[j]),
        j,
        None if u is None else np.asarray(u),
        np.arange(len(sizes)),
    )


SIX = (4, 4, 4, 4, 4, 4)
UNEVEN = [0.5, -1.0, 2.0, 0.0, 1.0, -0.3]
IMPOSSIBLE = {
    "one school": (
        data_of((9,)),
        {},
        "^There is one school: differences between schools need at least two.$",
    ),
    "y does not vary": (data_of(SIX, y=[3.0] * 6), {}, "y is the same for every student"),
    "y does not vary within schools": (
        data_of(SIX, y=UNEVEN),
        {},
        "^The schools' lines fit every score exactly: there is no variation within schools to "
        "compare with that between them. Check whether y was computed from x or school.$",
    ),
    "x does not vary": (data_of(SIX, x=[7.0] * 6), {}, "x is the same for every student"),
    "no x": (data_of(SIX), {"slopes": "varying"}, "needs a student-level predictor x"),
    "no u": (data_of(SIX), {"group_predictor": True}, "needs a school-level predictor u"),
    "u does not vary": (data_of(SIX, u=[2.0] * 6), {"group_predictor": True}, "u is the same"),
    "two schools and u": (
        data_of((9, 9), u=[0.0, 1.0]),
        {"group_predictor": True},
        "2 schools cannot give 2 school-level coefficients and also an SD between schools: use at "
        "least 3 schools",
    ),
    "two schools, and slopes that u predicts": (
        data_of((9, 9), x="varies", u=[0.0, 1.0]),
        {"slopes": "varying", "group_predictor": True},
        "2 schools cannot give 2",
    ),
    "two slopes, and u for them": (
        data_of((9, 9, 1, 1), x="varies", u=[0.0, 1.0, 3.0, 2.0]),
        {"slopes": "varying", "group_predictor": True},
        "Only 2 of the schools .* at least 3 such schools",
    ),
    "two schools, x that only schools have": (
        data_of((9, 9), x=[0.0, 1.0]),
        {},
        "2 schools cannot give 2",
    ),
    "three schools, u, and x that only schools have": (
        data_of((9, 9, 9), x=[0.0, 1.0, 5.0], u=[1.0, 0.0, 0.0]),
        {"group_predictor": True},
        "3 schools cannot give 3",
    ),
    "x is u": (data_of(SIX, x=UNEVEN, u=UNEVEN), {"group_predictor": True}, "say the same thing"),
    "x is 500 + 100 u": (
        data_of(SIX, x=500 + 100 * np.array(UNEVEN), u=UNEVEN),
        {"group_predictor": True},
        "say the same thing",
    ),
    "no x within schools": (
        data_of(SIX, x=UNEVEN),
        {"slopes": "varying"},
        "no school has a slope, so slopes cannot vary. Use slopes='common', or an x that",
    ),
    "one slope": (
        GroupedData(
            np.arange(9.0) ** 2,
            [0, 1, 2, 3, 3, 3, 5, 5, 5],
            [0] * 3 + [1] * 3 + [2] * 3,
            None,
            list("abc"),
        ),
        {"slopes": "varying"},
        "Only 1 of the schools",
    ),
    "one student each": (data_of((1,) * 6), {}, "6 students are too few for 6 schools"),
    "one student each, and x": (data_of((1,) * 6, x="varies"), {}, "too few"),
    "one student more than schools, and x": (
        data_of((2, 1, 1), x="varies"),
        {},
        "^4 students are too few for 3 schools: a mean for each school fits every score, so "
        "differences between schools cannot be told from differences between students. Use more "
        "students a school, or fewer schools.$",
    ),
    "two students each, a line each": (
        data_of((2,) * 6, x="varies"),
        {"slopes": "uncorrelated"},
        "12 students are too few for 6 schools: a line",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
@pytest.mark.parametrize("method", METHODS)
def test_what_cannot_be_answered_says_why(case, method):
    data, options, message = IMPOSSIBLE[case]
    with pytest.raises(DataError, match=message):
        fit_partial_pooling(data, method=method, **options)


def test_a_perfect_fit_is_told_apart_from_a_good_one():
    data = simulated(sizes=(5,) * 6)
    exact = 3 * data.x + np.arange(6)[data.j]
    with pytest.raises(DataError, match="exactly"):
        fit_partial_pooling(GroupedData(exact, data.x, data.j, None, data.labels))
    noise = 1e-9 * np.random.default_rng(0).normal(size=30)
    fit = fit_partial_pooling(GroupedData(exact + noise, data.x, data.j, None, data.labels))
    X = np.column_stack([np.eye(6)[data.j], data.x])
    left = noise - X @ np.linalg.lstsq(X, noise, rcond=None)[0]
    # 1e-4: y itself is rounded to about 1e-15
    assert fit.sigma_y == pytest.approx(np.sqrt(left @ left / 23), rel=1e-4)
    assert fit.hyper.sigma_alpha == pytest.approx(np.arange(6).std(ddof=1))


def test_lines_that_fit_exactly_are_seen_under_a_large_mean():
    x = np.tile([-1.0, 0.0, 1.0], 4)
    j = np.arange(12) // 3
    far = 1e7 + 3 * x + j + 2e-9  # rounded to 2e-9
    with pytest.raises(DataError, match="exactly"):
        fit_partial_pooling(GroupedData(far, x, j, None, list("abcd")))


@pytest.mark.parametrize(
    "y",
    [
        [1, 1, 1, 4, 5, 6, 5, 3, 1.0],  # each school's line fits exactly, a common slope does not
        [1, -2, 1, 6, 3, 6, 2, -1, 2.0],  # the schools' slopes are all 0, students are off them
    ],
)
def test_what_a_common_slope_leaves_over_is_enough(y):
    x, j = np.tile([-1.0, 0.0, 1.0], 3), np.arange(9) // 3
    fit = fit_partial_pooling(GroupedData(np.array(y), x, j, None, list("abc")))
    own = fit_no_pooling(fit.data, "common")
    assert fit.hyper.a1 == pytest.approx(own.lines.beta[0], abs=1e-9)  # balanced: as no pooling
    assert fit.sigma_y == pytest.approx(own.sigma_y, rel=1e-6)


JUST_ENOUGH = {
    "students": (data_of((2, 2, 1), x="varies"), {}),
    "students, a line each": (data_of((3, 2, 2), x="varies"), {"slopes": "varying"}),
    "schools": (data_of((3, 3, 3), x=[0.0, 1.0, 5.0]), {}),
    "slopes": (
        data_of((3, 3, 3, 1), x="varies", u=[0.0, 1.0, 3.0, 2.0]),
        {"slopes": "varying", "group_predictor": True},
    ),
}


@pytest.mark.parametrize("of", JUST_ENOUGH)
def test_just_enough_is_not_refused(of):
    data, options = JUST_ENOUGH[of]
    fit = fit_partial_pooling(data, **{"group_predictor": False, **options})
    assert fit.sigma_y > 0
    assert np.isfinite(fit.criterion)


@pytest.mark.parametrize(
    ("options", "message"), [({"slopes": "random"}, "slopes is"), ({"method": "OLS"}, "method is")]
)
def test_settings_that_do_not_exist(options, message):
    with pytest.raises(ValueError, match=message):
        fit_partial_pooling(BALANCED, **options)


@pytest.mark.parametrize(("slopes", "group_predictor"), MODELS)
def test_odd_but_possible_data_have_an_answer(slopes, group_predictor):
    """Schools of one student, of one x, of two students; x of two values."""
    rng = np.random.default_rng(6)
    j = np.repeat(np.arange(8), [1, 1, 1, 2, 2, 6, 7, 8])
    x = rng.integers(0, 2, len(j)).astype(float)
    x[j >= 5] = np.arange((j >= 5).sum()) % 2
    x[j == 3] = 1.0
    data = GroupedData(50 + rng.normal(size=len(j)), x, j, rng.normal(size=8), list("abcdefgh"))
    fit = fit_partial_pooling(data, slopes, group_predictor)
    assert fit.converged
    for values in (fit.lines.alpha, fit.lines.beta, fit.lines.se_alpha, fit.lines.se_beta):
        assert np.isfinite(values).all()


def test_records_cannot_be_written_to():
    fit = fit_partial_pooling(BALANCED)
    with pytest.raises(ValueError, match="read-only"):
        fit.lines.alpha[0] = 0.0
