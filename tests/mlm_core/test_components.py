"""Variance components: lme4's numbers, the dense normal density, invariances, errors."""

import json
from itertools import product
from pathlib import Path

import mixedlm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from mlm_core import components
from mlm_core.components import describe_structure, fit_together, fit_variance_components
from mlm_core.data import DataError, GroupedData
from mlm_core.partial import fit_partial_pooling

GOLDEN = Path(__file__).parents[1] / "golden"
EXTRA = json.loads((GOLDEN / "components" / "lme4_fits.json").read_text())["fits"]


def shared_fits():
    """The nested and the crossed case among all of lme4's fits, in the form of EXTRA."""
    for fit in json.loads((GOLDEN / "lme4" / "lme4_fits.json").read_text()):
        if fit["model"] not in ("nested", "crossed"):
            continue
        sds = {row["grp"]: row["sdcor"] for row in fit["sd_cor"]}
        sds.pop("Residual")
        modes = {name: {"level": [], "mode": [], "sd": []} for name in sds}
        for row in fit["conditional_modes"]:
            of = modes[row["grpvar"]]
            of["level"].append(int(row["grp"]))
            of["mode"].append(row["condval"])
            of["sd"].append(row["condsd"])
        yield fit | {
            "case": fit["data"], "factors": list(sds), "fixed": ["x"], "sd": sds, "modes": modes,
            "coef": list(fit["fixed"].values()), "se": list(fit["fixed_se"].values()),
        }  # fmt: skip


SHARED = list(shared_fits())


def golden_fit(golden):
    folder = "lme4" if golden in SHARED else "components"
    frame = pd.read_csv(GOLDEN / folder / "cases" / f"{golden['case']}.csv")
    X = np.column_stack([np.ones(len(frame))] + [frame[name] for name in golden["fixed"]])
    factors = {name: frame[name] for name in golden["factors"]}
    return fit_variance_components(frame["y"], X, factors, golden["method"])


@pytest.mark.parametrize(
    "golden", SHARED + EXTRA, ids=lambda golden: f"{golden['case']}-{golden['method']}"
)
def test_agrees_with_lme4(golden):
    fit = golden_fit(golden)
    # Both stand at the optimum: the criterion is flat there, so it agrees much more closely
    # than the estimates do, which carry the square root of its error.
    assert fit.criterion == pytest.approx(golden["criterion"], abs=1e-6)
    assert fit.converged
    assert fit.sigma_y == pytest.approx(golden["sigma_y"], rel=1e-6)
    assert fit.coef == pytest.approx(golden["coef"], rel=1e-6, abs=1e-6 * fit.sigma_y)
    assert fit.se == pytest.approx(golden["se"], rel=1e-5)
    for name, sd in golden["sd"].items():
        # lme4 may stop a little above a zero, hence relative to sigma_y
        assert fit.sd[name] == pytest.approx(sd, rel=1e-5, abs=1e-5 * fit.sigma_y)
        where = np.searchsorted(fit.levels[name], golden["modes"][name]["level"])
        close = {"rel": 1e-5, "abs": 1e-5 * fit.sigma_y}
        assert fit.modes[name][where] == pytest.approx(golden["modes"][name]["mode"], **close)
        assert fit.mode_sd[name][where] == pytest.approx(golden["modes"][name]["sd"], **close)


def test_zero_is_exactly_zero():
    (tiny,) = (g for g in EXTRA if g["case"] == "crossed_tiny" and g["method"] == "REML")
    fit = golden_fit(tiny)
    assert fit.sd["school"] == 0.0
    assert fit.singular
    assert not fit.modes["school"].any()
    assert not fit.mode_sd["school"].any()
    assert fit.sd["neighbourhood"] > 0


# Published fits: MixedModels.jl 4, documentation and test/pls.jl (ML); SPSS as quoted in
# the validation of Metida.jl (REML). The data are lme4's, as the package mixedlm carries
# them. Tolerances: the digits that are printed.
PUBLISHED = {
    "penicillin": ("diameter", ["plate", "sample"], {
        "ML": (332.18835, [0.8455646, 1.7706478], 0.5499331, 22.9722, 0.744596),
        "REML": (330.860589, [0.84670, 1.93157], 0.54992, 22.9722, 0.80858)}),
    "pastes": ("strength", ["sample", "batch"], {
        "ML": (247.99447, [2.9040690, 1.0950705], 0.8234088, 60.0533, 0.642136),
        "REML": (246.990746, [2.90407, 1.28737], 0.82341, 60.0533, 0.67687)}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The 'float_precision'")
@pytest.mark.parametrize(("name", "method"), list(product(PUBLISHED, ["ML", "REML"])))
def test_published_fits(name, method):
    datasets = mixedlm.datasets
    y, factors, fits = PUBLISHED[name]
    frame = getattr(datasets, f"load_{name}")()
    groups = {factor: frame[factor] for factor in factors}
    if name == "pastes":  # its casks a, b, c are labels used again in every batch
        groups["sample"] = frame["batch"].astype(str) + frame["cask"].astype(str)
    criterion, sds, sigma_y, mean, se = fits[method]
    fit = fit_variance_components(frame[y], np.ones((len(frame), 1)), groups, method)
    assert fit.criterion == pytest.approx(criterion, abs=6e-6)
    assert [fit.sd[factor] for factor in factors] == pytest.approx(sds, abs=6e-5)
    assert fit.sigma_y == pytest.approx(sigma_y, abs=1e-5)
    assert fit.coef[0] == pytest.approx(mean, abs=6e-5)
    assert fit.se[0] == pytest.approx(se, abs=6e-5)


@pytest.mark.filterwarnings("ignore:The 'float_precision'")
def test_published_fit_of_73421_ratings():
    datasets = mixedlm.datasets
    frame = datasets.load_insteval()
    X = np.column_stack([np.ones(len(frame)), frame["service"].astype(float)])
    fit = fit_variance_components(frame["y"], X, {k: frame[k] for k in ("s", "d", "dept")}, "ML")
    # MixedModels.jl, test/pls.jl, "instEval": objective 237721.7687745; looser for the sum of
    # 73,421 terms
    assert fit.criterion == pytest.approx(237721.76877, abs=1e-4)
    assert len(fit.modes["s"]) == 2972


# Brute force


def world(seed, n=60, sizes=(9, 6, 4), sds=(2.0, 1.0, 0.5)):
    rng = np.random.default_rng(seed)
    factors = {
        f"f{k}": np.r_[:size, rng.integers(0, size, n - size)] for k, size in enumerate(sizes)
    }
    X = np.column_stack([np.ones(n), rng.normal(500, 100, n)])
    y = X @ [10, 0.05] + rng.normal(size=n)
    for codes, sd in zip(factors.values(), sds, strict=False):
        y = y + sd * rng.normal(size=n)[codes]
    return y, X, factors


def dense_covariance(factors, w):
    """V = I + sum of w Z Z'."""
    n = len(next(iter(factors.values())))
    Z = [np.equal.outer(codes, codes).astype(float) for codes in factors.values()]
    return np.eye(n) + sum(v * block for v, block in zip(w, Z, strict=True))


def dense_criterion(y, X, V, method):
    """Minus twice the (restricted) log likelihood, profiled over coefficients and sigma_y."""
    n, p = X.shape
    VX, Vy = np.linalg.solve(V, X), np.linalg.solve(V, y)
    coef = np.linalg.solve(X.T @ VX, X.T @ Vy)
    r = y - X @ coef
    quadratic = r @ np.linalg.solve(V, r)
    dof = n if method == "ML" else n - p
    out = dof * (1 + np.log(2 * np.pi * quadratic / dof)) + np.linalg.slogdet(V)[1]
    return out + (np.linalg.slogdet(X.T @ VX)[1] if method == "REML" else 0.0)


def criterion_at(y, X, factors, method):
    """The core's own criterion and slope as functions of w, on the scale of the data."""
    names = sorted(factors, key=lambda name: -len(np.unique(factors[name])))
    frame = components._orthonormal(y, X, tuple(factors))
    s = components._cross_products(frame, [factors[name] for name in names], method)
    shift = 2 * s.dof * np.log(frame.scale)
    if method == "REML":
        shift += 2 * np.log(np.abs(np.diag(frame.R))).sum()
    order = [list(factors).index(name) for name in names]

    def evaluate(w):
        at = components._evaluate(s, np.asarray(w, float)[None, order])
        slope = np.empty(len(w))
        slope[order] = at.slope[0]
        return float(at.criterion[0]) + shift, slope

    return evaluate


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize(
    "w", [(0, 0, 0), (1, 0.5, 0.2), (0, 2, 0), (3, 0, 0.1), (1e-9, 1e-7, 1e-3), (0.1, 40, 1e4)]
)
def test_criterion_is_the_dense_normal_density(w, method):
    y, X, factors = world(1)
    criterion, _ = criterion_at(y, X, factors, method)(w)
    # rounding of the dense matrix grows with the largest w
    assert criterion == pytest.approx(
        dense_criterion(y, X, dense_covariance(factors, w), method), abs=1e-8
    )


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("w", [(1.0, 0.5, 0.2), (0.0, 2.0, 0.0), (3.0, 0.0, 0.1), (1e-9, 5.0, 0.0)])
def test_slope_is_the_derivative(w, method):
    evaluate = criterion_at(*world(2), method)
    for k, step in enumerate(1e-5 * np.eye(3)):
        w = np.asarray(w)
        ahead = [evaluate(w + m * step)[0] for m in (0, 1, 2)]  # one-sided: w may be 0
        numeric = (-3 * ahead[0] + 4 * ahead[1] - ahead[2]) / 2e-5
        # differences of a criterion of about 200 lose digits
        assert evaluate(w)[1][k] == pytest.approx(numeric, rel=1e-5, abs=1e-5)


def test_large_ratio_of_sds_keeps_its_digits():
    y, X, factors = world(3, sizes=(9, 6), sds=(1000.0, 1000.0))
    criterion, _ = criterion_at(y, X, factors, "REML")((1e6, 1e6))
    # V by its eigenvectors: the null space of Z carries the residual exactly
    Z = np.column_stack([np.equal.outer(c, np.unique(c)).astype(float) for c in factors.values()])
    U, d, _ = np.linalg.svd(1e3 * Z, full_matrices=True)
    values = 1 + np.r_[d, np.zeros(len(y) - len(d))] ** 2
    half = U / np.sqrt(values)
    rotated_y, rotated_X = half.T @ y, half.T @ X
    identity = dense_criterion(rotated_y, rotated_X, np.eye(len(y)), "REML")
    assert criterion == pytest.approx(identity + np.log(values).sum(), abs=1e-6)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_estimates_are_explicit_generalised_least_squares(method):
    y, X, factors = world(4)
    fit = fit_variance_components(y, X, factors, method)
    w = [(fit.sd[name] / fit.sigma_y) ** 2 for name in factors]
    V = dense_covariance(factors, w)
    cov = fit.sigma_y**2 * np.linalg.inv(X.T @ np.linalg.solve(V, X))
    coef = cov @ X.T @ np.linalg.solve(V, y) / fit.sigma_y**2
    assert fit.coef == pytest.approx(coef, rel=1e-8)
    assert fit.coef_cov == pytest.approx(cov, rel=1e-8)
    assert fit.se == pytest.approx(np.sqrt(np.diag(cov)), rel=1e-8)
    r = np.linalg.solve(V, y - X @ coef)
    for name, v in zip(factors, w, strict=True):
        Z = np.equal.outer(factors[name], fit.levels[name]).astype(float)
        assert fit.modes[name] == pytest.approx(v * Z.T @ r, abs=1e-8)
        variance = v * np.eye(Z.shape[1]) - v**2 * Z.T @ np.linalg.solve(V, Z)
        assert fit.mode_sd[name] == pytest.approx(
            fit.sigma_y * np.sqrt(np.diag(variance)), abs=1e-8
        )
    assert fit.criterion == pytest.approx(dense_criterion(y, X, V, method), abs=1e-8)


def small_world(seed):
    """Sixteen students: several optima are common."""
    rng = np.random.default_rng(seed)
    factors = {name: rng.integers(0, rng.integers(3, 9), 16) for name in ("a", "b")}
    y = rng.normal(size=16)
    for codes in factors.values():
        y = y + rng.choice([0.0, 0.3, 1, 3, 10]) * rng.normal(size=16)[codes]
    return y, np.column_stack([np.ones(16), rng.normal(size=16)]), factors


# In the first four a search from one point ends 1 to 10 above the optimum; in the others
# it passes through theta = 0 on its way to an optimum elsewhere.
@pytest.mark.parametrize("seed", [226, 697, 1603, 2561, 16, 23, 28, 40])
def test_no_better_place_is_found(seed):
    y, X, factors = small_world(seed)
    fit = fit_variance_components(y, X, factors)
    evaluate = criterion_at(y, X, factors, "REML")
    grid = np.r_[0.0, np.geomspace(0.01, 1000, 25)]
    assert fit.converged
    assert fit.criterion <= min(evaluate(w)[0] for w in product(grid, grid)) + 1e-9


@pytest.mark.parametrize("seed", [8, 15, 21, 40])
def test_the_search_ends_at_an_optimum_wherever_it_starts(seed):
    y, X, factors = world(seed, n=120, sizes=(30, 11), sds=(1.0, 0.3))
    frame = components._orthonormal(y, X, tuple(factors))
    s = components._cross_products(frame, list(factors.values()), "ML")

    def objective(t):
        at = components._evaluate(s, np.expm1(t) / s.rows)
        return at.criterion, at.slope * np.exp(t) / s.rows

    for start in np.random.default_rng(seed).exponential(3, (10, 2)):
        _, t, g = components._descend(objective, start[None], np.array([30.0, 11.0]))
        # a slope of 1e-5 is 1e-11 in the criterion
        assert np.where(t > 0, np.abs(g), -g).max() < 1e-5


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_fits_together_are_the_fits_one_by_one(method):
    """SDs of 0 among them, and searches of different length."""
    sds = [(2.0, 1.0), (0.0, 1.5), (3.0, 0.0), (0.1, 0.1), (30.0, 4.0)]
    parts = [world(seed, n=260, sizes=(30, 11), sds=sd) for seed, sd in enumerate(sds)]
    assert len({tuple(len(np.unique(f)) for f in part[2].values()) for part in parts}) == 1
    together = fit_together(parts, method)
    assert {fit.singular for fit in together} == {False, True}
    for part, fit in zip(parts, together, strict=True):
        alone = fit_variance_components(*part, method)
        assert_same(fit, alone)
        assert fit.converged
        assert fit.method == method


def test_fits_of_different_size_are_made_one_by_one():
    parts = [world(1, n=260, sizes=(30, 11)), world(2, n=250, sizes=(28, 11)), world(3)]
    for part, fit in zip(parts, fit_together(parts), strict=True):
        assert_same(fit, fit_variance_components(*part))


def test_many_levels_go_through_sparse_counts():
    rng = np.random.default_rng(5)
    n, q, r = 2500, 1200, 60
    factors = {"student": np.r_[:q, rng.integers(0, q, n - q)], "lecturer": rng.integers(0, r, n)}
    X = np.ones((n, 1))
    y = rng.normal(size=n) + rng.normal(size=q)[factors["student"]]
    criterion, slope = criterion_at(y, X, factors, "REML")((0.9, 0.1))
    V = dense_covariance(factors, (0.9, 0.1))
    # a sum of 2,500 terms
    assert criterion == pytest.approx(dense_criterion(y, X, V, "REML"), abs=1e-6)
    evaluate = criterion_at(y, X, factors, "REML")
    numeric = (evaluate((0.9001, 0.1))[0] - evaluate((0.8999, 0.1))[0]) / 2e-4
    assert slope[0] == pytest.approx(numeric, rel=1e-4)


def test_counts_are_taken_block_by_block():
    rng = np.random.default_rng(6)
    C = sparse.random_array((9000, 30), density=0.05, rng=rng, format="csr")
    G = rng.normal(size=(30, 30))
    dense = C.toarray()
    expected = np.einsum("ij,jk,ik->i", dense, G, dense)
    assert components._row_forms(C, G[None])[0] == pytest.approx(expected, abs=1e-12)
    both = components._row_forms(np.stack([dense, dense]), np.stack([G, 2 * G]))
    assert both == pytest.approx(np.stack([expected, 2 * expected]), abs=1e-12)


# Properties


def assert_same(a, b, scale=1.0, shift=0.0):
    """Fit b is of the outcome scale * y + shift."""
    close = 1e-6 * a.sigma_y * abs(scale)
    assert b.sigma_y == pytest.approx(abs(scale) * a.sigma_y, rel=1e-6)
    assert b.coef == pytest.approx(scale * a.coef + np.r_[shift, 0.0], rel=1e-5, abs=10 * close)
    for name in a.sd:
        assert b.sd[name] == pytest.approx(abs(scale) * a.sd[name], rel=1e-4, abs=100 * close)
        assert b.modes[name] == pytest.approx(scale * a.modes[name], rel=1e-4, abs=100 * close)


worlds = st.builds(
    world,
    st.integers(0, 500),
    st.just(60),
    st.sampled_from([(9, 6), (12, 5, 4), (15,)]),
    st.sampled_from([(2.0, 1.0, 0.5), (0.0, 3.0, 1.0), (0.0, 0.0, 0.0)]),
)


@settings(max_examples=25, deadline=None)
@given(worlds, st.integers(0, 500))
def test_order_and_labels_do_not_matter(data, seed):
    y, X, factors = data
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    renamed = {name: np.array([f"level {c:03}" for c in codes]) for name, codes in factors.items()}
    swapped = {name: renamed[name][order] for name in reversed(renamed)}
    a = fit_variance_components(y, X, factors)
    b = fit_variance_components(y[order], X[order], swapped)
    assert b.criterion == pytest.approx(a.criterion, abs=1e-7)
    assert list(b.sd) == list(reversed(a.sd))
    assert_same(a, b)


@settings(max_examples=25, deadline=None)
@given(
    worlds,
    st.floats(0.01, 1000) | st.floats(-1000, -0.01),
    st.floats(-1e4, 1e4),
    st.floats(0.01, 1000),
)
def test_shift_and_scale(data, scale, shift, x_scale):
    y, X, factors = data
    a = fit_variance_components(y, X, factors)
    assert_same(a, fit_variance_components(scale * y + shift, X, factors), scale, shift)
    b = fit_variance_components(y, X * [1.0, x_scale], factors)
    assert b.coef[1] * x_scale == pytest.approx(a.coef[1], rel=1e-5, abs=1e-6)
    # REML counts the units of X: |X'V^-1X|
    assert b.criterion - 2 * np.log(x_scale) == pytest.approx(a.criterion, abs=1e-6)


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("sd", [0.0, 0.3, 5.0])
def test_one_factor_is_partial_pooling(sd, method):
    y, X, factors = world(6, sizes=(9,), sds=(sd,))
    data = GroupedData(y, X[:, 1], factors["f0"], None, np.arange(9))
    known = fit_partial_pooling(data, slopes="common", method=method)
    fit = fit_variance_components(y, X, factors, method)
    assert fit.criterion == pytest.approx(known.criterion, abs=1e-8)
    assert fit.singular == known.singular
    # both are at the optimum to about the square root of rounding
    assert fit.sd["f0"] == pytest.approx(known.hyper.sigma_alpha, rel=1e-5, abs=1e-6)
    assert fit.coef == pytest.approx([known.hyper.a0, known.hyper.a1], rel=1e-6)
    assert fit.coef[0] + fit.modes["f0"] == pytest.approx(known.lines.alpha, rel=1e-6)


def test_results_are_read_only_and_in_the_order_asked_for():
    y, X, factors = world(7)
    before = y.copy(), X.copy()
    fit = fit_variance_components(y, X, dict(reversed(factors.items())))
    assert list(fit.sd) == list(fit.modes) == list(fit.levels) == ["f2", "f1", "f0"]
    assert not any(a.flags.writeable for a in (fit.coef, fit.se, fit.modes["f1"], fit.levels["f1"]))
    assert (y == before[0]).all()
    assert (before[1] == X).all()


# What cannot be fitted


def broken(**changes):
    y, X, factors = world(8, sizes=(9, 6))
    given = {"y": y, "X": X, "factors": factors} | changes
    return given["y"], given["X"], given["factors"]


A, B = world(8, sizes=(9, 6))[2].values()
Y, X8, _ = world(8, sizes=(9, 6))
HOLED = np.where(np.arange(60) == 4, np.nan, Y)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": {"school": np.zeros(60)}}, "'school' has one level only"),
        ({"factors": {"student": np.arange(60)}}, "as many levels as there are rows"),
        ({"factors": {"school": A[:50]}}, "50 codes where 60 are needed"),
        ({"factors": {"school": A, "place": 100 - A}}, "'school' and 'place' group the rows"),
        ({"factors": {}}, "no grouping factor"),
        ({"factors": {"school": np.where(A == 3, np.nan, A)}}, "no value in 'school'"),
        ({"factors": {"school": [None, *A[1:]]}}, "1 rows have no value in 'school'"),
        ({"factors": {"school": np.column_stack([A, A])}}, "'school' has 2 dimensions"),
        ({"factors": {"school": np.array(["a", 1] * 30, dtype=object)}}, "mixes numbers and text"),
        ({"y": Y[:50]}, "X has 60 rows where y has 50"),
        ({"y": HOLED}, "1 rows have missing or infinite values"),
        ({"y": HOLED * np.inf}, "60 rows have missing or infinite values"),
        ({"y": np.full(60, 7.3)}, "no variation of y"),
        ({"y": X8 @ [3.0, 2.0]}, "no variation of y"),
        ({"y": ["a"] * 60}, "text"),
        ({"X": X8[:, 0]}, "X 1 dimensions"),
        ({"X": X8[:, :0]}, "no columns"),
        ({"X": X8 @ [[1, 0, 2], [0, 1, 3]]}, "Column 2 of X"),
        ({"X": X8 * [1, 0]}, "Column 1 of X"),
        ({"X": np.vander(np.linspace(-1, 1, 60), 60)}, "more students are needed"),
        ({"X": np.eye(9)[A]}, "X already has a coefficient for every level of 'f0'"),
        ({"y": A + 10.0 * B}, "sigma_y is estimated as 0"),
    ],
)
def test_impossible_requests_say_why(changes, message):
    with pytest.raises(DataError, match=message):
        fit_variance_components(*broken(**changes))


def test_residual_of_zero_is_refused():
    rng = np.random.default_rng(14)
    factors = {name: rng.integers(0, 6, 12) for name in "abc"}
    y = rng.normal(size=12)
    with pytest.raises(DataError, match="sigma_y is estimated as 0"):
        fit_variance_components(y, np.column_stack([np.ones(12), rng.normal(size=12)]), factors)


def large_levels(noise, rows):
    codes = np.repeat([0, 1], rows)
    y = codes + noise * np.random.default_rng(1).normal(size=2 * rows)
    return y, np.ones((2 * rows, 1)), {"school": codes}


def test_small_residual_beside_large_levels():
    y, X, factors = large_levels(5e-4, 1000)
    fit = fit_variance_components(y, X, factors)
    within = np.r_[y[:1000] - y[:1000].mean(), y[1000:] - y[1000:].mean()]
    # balanced: the residual is that of the analysis of variance
    assert fit.sigma_y == pytest.approx(np.sqrt(within @ within / 1998), rel=1e-6)


def test_outcome_of_levels_is_refused():
    with pytest.raises(DataError, match="measured on students, not on levels"):
        fit_variance_components(*large_levels(3e-4, 60_000))


def test_unknown_method():
    with pytest.raises(ValueError, match="'REML' or 'ML'"):
        fit_variance_components(*broken(), method="MCMC")


def test_saturated_model_has_no_maximum_by_ml():
    rng = np.random.default_rng(9)
    factors = {"a": np.arange(10) // 2, "b": (np.arange(10) + 1) // 2}
    X = np.column_stack([np.ones(10), rng.normal(size=10)])
    with pytest.raises(DataError, match="no maximum"):
        fit_variance_components(rng.normal(size=10), X, factors, "ML")


# Nested or crossed


@pytest.mark.parametrize(
    ("a", "b", "kind", "inner"),
    [
        ([1, 1, 2, 2, 3], ["p", "p", "p", "p", "q"], "nested", "a"),
        (["p", "p", "p", "p", "q"], [1, 1, 2, 2, 3], "nested", "b"),
        ([1, 1, 2, 2], ["p", "q", "p", "q"], "crossed", None),
        ([1, 1, 2, 2, 3], ["p", "q", "p", "q", "p"], "partially crossed", None),
        ([1, 2, 3], ["p", "q", "r"], "nested", "a"),
        ([1, 2, 3], ["p", "p", "p"], "nested", "a"),
    ],
)
def test_structure_is_told_from_the_data(a, b, kind, inner):
    found = describe_structure(a, b)
    assert (found.kind, found.inner) == (kind, inner)
    assert found.counts.sum() == len(a)
    expected = pd.crosstab(np.array(a), np.array(b))
    assert (found.counts == expected.to_numpy()).all()
    assert list(found.levels_a) == list(expected.index)
    assert list(found.levels_b) == list(expected.columns)


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1]), ([1, None], [1, 2]), ([], [])])
def test_structure_needs_whole_pairs(a, b):
    with pytest.raises(DataError):
        describe_structure(a, b)
