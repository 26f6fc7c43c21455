"""What stands around the fits: intervals and tests, ranks, checks, predictions, two groupings."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm, t

from mlm_core import DataError
from mlm_core.data import GroupedData
from mlm_core.intervals import variance_intervals
from mlm_core.own_data import Columns, Model, design, fit_all, read_table, take_rows
from mlm_core.own_data.checks import MOST_POINTS, PANELS, line_up
from mlm_core.own_data.download import safe_csv
from mlm_core.own_data.groups import among_best
from mlm_core.own_data.paragraph import paragraph
from mlm_core.own_data.predictions import predict_in, predict_new
from mlm_core.own_data.second import check_second, shares, two_groupings
from mlm_core.own_data.variation import components, explained, icc, keep_slope


def made(frame: pd.DataFrame, columns: Columns, **asked):
    rows = take_rows(read_table(frame.to_csv(index=False).encode()), columns)
    return design(rows, Model(**asked))


def town(J=30, slope_sd=0.8, seed=3, most=25):
    rng = np.random.default_rng(seed)
    n = rng.integers(2, most, J)
    j = np.repeat(np.arange(J), n)
    u, x = rng.normal(0, 1, J), rng.normal(10, 2, len(j))
    sex = rng.choice(["f", "m"], len(j))
    y = 50 + 2 * u[j] + rng.normal(0, 4, J)[j] + (3 + rng.normal(0, slope_sd, J)[j]) * (x - 10)
    y += 2 * (sex == "m") + rng.normal(0, 6, len(j))
    return pd.DataFrame({"g": j, "u": u[j].round(6), "x": x.round(6), "sex": sex, "y": y.round(6)})


TOWN = town()
WHOLE = Columns("y", "g", ("x", "sex"), ("u",))


def test_components_are_the_intervals_by_reml():
    frame = TOWN.assign(x=TOWN["x"] - TOWN["x"].mean())
    found = components(
        fit_all(made(TOWN, Columns("y", "g", ("x",), ("u",)), varying=("x",), product=True))
    )
    data = GroupedData.from_frame(frame, "y", "g", "x", "u")
    wanted = variance_intervals(data, "varying", True, "REML")
    by = {c.symbol: c for c in found}
    pairs = {r"\sigma_\alpha": wanted.sigma_alpha, r"\sigma_\beta": wanted.sigma_beta}
    pairs |= {r"\rho": wanted.rho, r"\sigma_y": wanted.sigma_y}
    for symbol, interval in pairs.items():
        assert by[symbol].interval == pytest.approx(interval, rel=2e-4, abs=2e-4)
        assert interval.low <= by[symbol].value <= interval.high


def test_icc_and_r2_by_their_formulas():
    fits = fit_all(made(TOWN, WHOLE, varying=("x",)))
    fit, X, Z = fits.partial, fits.design.matrix, fits.design.varying_matrix
    v_f = np.var(X @ fit.coef)
    v_g = np.mean([z @ fit.cov @ z for z in Z])
    r2 = explained(fits)
    assert r2.marginal == pytest.approx(v_f / (v_f + v_g + fit.sigma_y**2))
    assert r2.conditional == pytest.approx((v_f + v_g) / (v_f + v_g + fit.sigma_y**2))
    plain = fit_all(made(TOWN, WHOLE))
    empty = fit_all(made(TOWN, Columns("y", "g")))
    assert explained(plain).within == pytest.approx(
        1 - (plain.partial.sigma_y / empty.partial.sigma_y) ** 2
    )
    assert explained(plain).between == pytest.approx(
        1 - (plain.partial.sd[0] / empty.partial.sd[0]) ** 2
    )
    a, s = plain.partial.sd[0], plain.partial.sigma_y
    assert icc(plain) == pytest.approx(a**2 / (a**2 + s**2))
    assert explained(empty).marginal == pytest.approx(0)


def test_keeping_a_slope_is_tested_with_half_of_each_chi_square():
    with_slope = fit_all(made(TOWN, WHOLE, varying=("x",)))
    without = fit_all(made(TOWN, WHOLE))
    found = keep_slope(with_slope)
    ratio = without.partial.criterion - with_slope.partial.criterion
    assert found.slope == "x"
    assert found.ratio == pytest.approx(ratio)
    assert found.p_value == pytest.approx(0.5 * (chi2.sf(ratio, 1) + chi2.sf(ratio, 2)))
    assert keep_slope(without) is None


def test_the_mixture_is_right_where_no_slope_varies():
    """Under the null about one in ten tests is below 0.1; the naive chi-square has fewer."""
    low = 0
    for seed in range(60):
        frame = town(J=20, slope_sd=0.0, seed=100 + seed, most=12)
        fits = fit_all(made(frame, Columns("y", "g", ("x",)), varying=("x",)))
        low += keep_slope(fits).p_value < 0.25
    assert 8 <= low <= 24


def test_the_probability_of_being_the_best_of_two_in_closed_form():
    frame = town(J=12)
    fits = fit_all(made(frame, Columns("y", "g")))
    chance = among_best(fits, 1)
    assert chance.sum() == pytest.approx(1)
    two = frame[frame["g"] < 2].assign(y=lambda d: d["y"] + 6 * d["g"])
    fits = fit_all(made(two, Columns("y", "g")))
    fit = fits.partial
    left = 1 - fit.pull[:, 0, 0]
    gap = fits.height[0] - fits.height[1]
    sd = np.sqrt(fit.mode_cov[:, 0, 0].sum() + (left[0] - left[1]) ** 2 * fit.coef_cov[0, 0])
    assert among_best(fits, 1)[0] == pytest.approx(norm.cdf(gap / sd), abs=0.03)
    assert among_best(fits, 1, lowest=True)[1] == pytest.approx(norm.cdf(gap / sd), abs=0.03)


def test_groups_that_do_not_differ_share_the_best_places():
    rng = np.random.default_rng(2)
    y = np.tile(rng.normal(0, 1, 10), 8)
    frame = pd.DataFrame({"g": np.repeat(np.arange(8), 10), "y": y})
    fits = fit_all(made(frame, Columns("y", "g")))
    assert fits.partial.sd[0] == 0
    assert among_best(fits, 2) == pytest.approx(np.full(8, 0.25), abs=0.04)


@pytest.mark.parametrize("what", ["groups", "rows"])
def test_the_line_up_has_the_data_in_one_panel(what):
    fits = fit_all(made(TOWN, WHOLE, varying=("x",)))
    table, mine, straight = line_up(fits, what, seed=4)
    assert sorted(table["panel"].unique()) == list(range(PANELS))
    assert table[["x", "y"]].min().min() >= 0
    assert table[["x", "y"]].max().max() <= 1
    same = line_up(fits, what, seed=4).points
    assert straight.min().min() >= -1e-12
    assert straight.max().max() <= 1 + 1e-12
    pd.testing.assert_frame_equal(table, same)
    if what == "rows":
        fit, made_ = fits.partial, fits.design
        fitted = made_.matrix @ fit.coef
        fitted = fitted + (made_.varying_matrix * fit.modes[made_.rows.j]).sum(1)
        shown = table[table["panel"] == mine]
        e = made_.rows.y - fitted
        got = np.corrcoef(shown["x"], shown["y"])[0, 1]
        if len(shown) == len(e):
            assert got == pytest.approx(np.corrcoef(fitted, e)[0, 1])
    small = fit_all(made(town(J=4, most=5), Columns("y", "g")))
    assert {line_up(small, what, seed=s).mine for s in range(30)} == set(range(PANELS))


def test_the_ends_of_a_line_of_many_groups_are_shown():
    frame = town(J=400, most=6)
    fits = fit_all(made(frame, Columns("y", "g")))
    points, mine, _ = line_up(fits, "groups", seed=1)
    x = points[points["panel"] == mine]["x"]
    assert (x.is_monotonic_increasing, len(x)) == (True, MOST_POINTS)
    assert x.iloc[[0, -1]].tolist() == pytest.approx([0, 1])


def test_an_outlying_group_stands_out_of_the_line_up():
    frame = TOWN.copy()
    frame.loc[frame["g"] == 7, "y"] += 60
    fits = fit_all(made(frame, Columns("y", "g", ("x",))))
    table, mine, straight = line_up(fits, "groups", seed=1)
    highest = table.groupby("panel")["y"].max()
    assert highest.idxmax() == mine
    assert highest.drop(mine).max() < 0.9
    others = table[(table["panel"] != mine) & table["x"].between(0.25, 0.75)]
    expected = np.interp(others["x"], straight["x"], straight["y"])
    assert np.abs(others["y"] - expected).max() < 0.12  # drawn from the model: near the dashed line


def test_a_prediction_is_that_of_the_formula_with_t():
    fits = fit_all(made(TOWN, WHOLE, varying=("x",)))
    fit, J = fits.partial, fits.partial.n_groups
    x0 = 12.0 - TOWN["x"].mean()
    u = TOWN.groupby("g")["u"].first()
    row = np.array([1.0, x0, 1.0, 0.5 - u.mean()])
    found = predict_new(fits, {"x": 12.0, "sex": "m", "u": 0.5})
    z = np.array([1.0, x0])
    of_mean = row @ fit.coef_cov @ row + z @ fit.cov @ z
    assert found.mean == pytest.approx(row @ fit.coef)
    times = t.ppf(0.975, J - 1)
    assert found.mean_high - found.mean == pytest.approx(times * np.sqrt(of_mean))
    assert found.high - found.mean == pytest.approx(times * np.sqrt(of_mean + fit.sigma_y**2))
    known = predict_in(fits, 4, {"x": 12.0, "sex": "m"})
    row[3] = u[4] - u.mean()
    assert known.mean == pytest.approx(row @ fit.coef + z @ fit.modes[4])
    assert known.mean_high - known.mean < found.mean_high - found.mean


def dense_prediction(fits, x, z, group):
    """Point and SE by the mixed model equations, written out: all rows, all groups at once."""
    fit, made_ = fits.partial, fits.design
    X, Z, j = made_.matrix, made_.varying_matrix, made_.rows.j
    J, q = fit.n_groups, Z.shape[1]
    wide = np.zeros((len(j), J * q))
    for k in range(q):
        wide[np.arange(len(j)), j * q + k] = Z[:, k]
    W = np.column_stack([X, wide])
    left = W.T @ W / fit.sigma_y**2
    left[X.shape[1] :, X.shape[1] :] += np.kron(np.eye(J), np.linalg.inv(fit.cov))
    solved = np.linalg.solve(left, W.T @ made_.rows.y / fit.sigma_y**2)
    w = np.zeros(W.shape[1])
    w[: len(x)], w[len(x) + group * q : len(x) + (group + 1) * q] = x, z
    return w @ solved, np.sqrt(w @ np.linalg.solve(left, w))


def test_a_prediction_in_a_known_group_by_dense_equations():
    fits = fit_all(made(TOWN, WHOLE, varying=("x",)))
    u = TOWN.groupby("g")["u"].first()
    for group, value, sex in ((4, 12.0, "m"), (11, 7.5, "f"), (0, 10.0, "m")):
        x = np.array([1, value - TOWN["x"].mean(), sex == "m", u[group] - u.mean()])
        point, se = dense_prediction(fits, x, x[:2], group)
        found = predict_in(fits, group, {"x": value, "sex": sex})
        assert found.mean == pytest.approx(point, rel=1e-8)
        times = (found.mean_high - found.mean) / se
        assert times == pytest.approx((found.mean - found.mean_low) / se)
        assert t.ppf(0.975, 1e6) - 1e-6 <= times <= t.ppf(0.975, fits.partial.n_groups - 1) + 1e-6
        assert found.high - found.mean == pytest.approx(times * np.hypot(se, fits.partial.sigma_y))


def test_a_prediction_where_slopes_within_are_told_apart():
    fits = fit_all(made(TOWN, Columns("y", "g", ("x",)), within=True))
    fit, mean = fits.partial, TOWN.groupby("g")["x"].mean()
    grand = mean.mean()
    found = predict_in(fits, 5, {"x": 11.0})
    wanted = fit.coef[0] + fit.coef[1] * (11 - mean[5]) + fit.coef[2] * (mean[5] - grand)
    assert found.mean == pytest.approx(wanted + fit.modes[5, 0])
    new = predict_new(fits, {"x": 11.0})
    assert new.mean == pytest.approx(fit.coef[0] + fit.coef[1] * (11 - grand))


def test_new_groups_are_covered():
    """With five groups: 95% of single rows of new groups, near enough, in 200 towns."""
    rng, hit = np.random.default_rng(8), 0
    j = np.repeat(np.arange(5), 8)
    for _ in range(200):
        y = rng.normal(0, 4, 5)[j] + rng.normal(0, 4, 40)
        frame = pd.DataFrame({"g": j, "y": y})
        found = predict_new(fit_all(made(frame, Columns("y", "g"))), {})
        hit += found.low <= rng.normal(0, 4) + rng.normal(0, 4) <= found.high
    assert 0.92 <= hit / 200 <= 0.99


def crossed(kind: str) -> pd.DataFrame:
    frame = TOWN.copy()
    k = np.arange(len(frame))
    frame["h"] = {
        "nested": [f"t{g // 4}" for g in frame["g"]],
        "crossed": [f"t{i % 2}" for i in k],
        "reused": [f"7{'ABC'[i % 3]}" for i in k],
    }[kind]
    return frame


def test_two_groupings_are_recognised():
    found = two_groupings(made(crossed("nested"), Columns("y", "g", ("x",), second="h")))
    assert (found.kind, found.inner) == ("nested", "g")
    assert sum(shares(found).values()) == pytest.approx(1)
    found = two_groupings(made(crossed("crossed"), Columns("y", "g", ("x",), second="h")))
    assert found.kind in ("crossed", "partially crossed")
    reused = made(crossed("reused"), Columns("y", "g", ("x",), second="h"))
    assert two_groupings(reused).reused
    apart = two_groupings(reused, apart=True)
    assert (apart.kind, apart.inner) == ("nested", "h")
    assert apart.levels["h"] > apart.levels["g"]


def test_two_groupings_with_slopes_are_refused():
    with pytest.raises(DataError, match="only intercepts vary here"):
        check_second(made(crossed("nested"), Columns("y", "g", ("x",), second="h"), varying=("x",)))


def test_downloads_hold_no_formulas():
    frame = pd.DataFrame({"=g": ["=cmd()", "+1-1", "-x", "@y", "ok", "\tz", "-2,5"]})
    frame["y"] = -1.0
    rows = list(csv.reader(io.StringIO(safe_csv(frame))))
    assert rows[0] == ["'=g", "y"]
    assert [row[0] for row in rows[1:]] == ["'=cmd()", "'+1-1", "'-x", "'@y", "ok", "'\tz", "-2,5"]
    assert {row[1] for row in rows[1:]} == {"-1"}


def test_the_paragraph_has_the_fits_numbers():
    fits = fit_all(made(TOWN, WHOLE, varying=("x",)))
    said = paragraph(fits, components(fits), explained(fits))
    assert f"{len(TOWN):,} rows in 30 groups" in said
    assert f"{fits.partial.sigma_y:.2f}" in said
    assert f"x {fits.partial.coef[1]:.2f}" in said
    assert "lmer(y ~ x + `sex: m` + u + (1 + x | g), REML = TRUE)" in said
