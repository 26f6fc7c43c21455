"""The three fits of a table: lme4's numbers, ordinary regressions, the ends of the handle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core import DataError, GroupedData, fit_no_pooling, fit_partial_pooling
from mlm_core.own_data import Columns, Model, design, fit_all, read_table, take_rows
from mlm_core.own_data.coefficients import coefficients_table
from mlm_core.own_data.fits import decimals, varying_slope
from mlm_core.own_data.glide import (
    captions,
    domain,
    glide,
    glide_tables,
    one_groups_words,
    one_target,
    resting,
)
from mlm_core.own_data.groups import (
    caterpillar_table,
    groups_table,
    outside,
    pulled,
    shown_groups,
)
from mlm_core.own_data.one_group import axes_of, group_tables
from mlm_core.own_data.plane import inside, plane_tables
from mlm_core.own_data.predictions import predict_in

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"
CASES = GOLDEN / "lme4" / "cases"
FITS = json.loads((GOLDEN / "lme4" / "lme4_fits.json").read_text())
RADON = json.loads((GOLDEN / "radon" / "radon_lme4.json").read_text())
ZERO = {"at_means": False}


def fitted(name: str, x=(), u=(), **asked):
    rows = take_rows(
        read_table((CASES / f"{name}.csv").read_bytes()), Columns("y", "school", tuple(x), tuple(u))
    )
    return fit_all(design(rows, Model(**asked)))


@pytest.mark.parametrize(
    ("name", "model", "x", "u", "asked"),
    [
        ("unbalanced_30", "null", "", "", {}),
        ("unbalanced_30", "intercepts_u", "x", "u", {}),
        ("raw_scale_25", "intercepts", "x", "", {}),
        ("slopes_40", "slopes", "x", "", {"varying": ("x",)}),
        ("slopes_40", "slopes_u", "x", "u", {"varying": ("x",), "product": True}),
        ("zero_between_8", "null", "", "", {}),
        ("single_students_20", "intercepts_u", "x", "u", {}),
    ],
)
def test_the_numbers_are_lme4s(name, model, x, u, asked):
    found = fitted(name, x.split(), u.split(), **asked, **ZERO).partial
    fit = next(f for f in FITS if (f["data"], f["model"], f["method"]) == (name, model, "REML"))
    assert found.criterion == pytest.approx(fit["criterion"], abs=2e-5)
    names = {"intercept": "(Intercept)", "x × u": "x:u"}
    for term, coef, se in zip(found.names, found.coef, found.se, strict=True):
        lme4s = names.get(term, term)
        assert coef == pytest.approx(fit["fixed"][lme4s], rel=1e-4, abs=1e-4)
        assert se == pytest.approx(fit["fixed_se"][lme4s], rel=1e-3)
    sds = [row["sdcor"] for row in fit["sd_cor"] if row.get("var2") is None]
    assert [*found.sd, found.sigma_y] == pytest.approx(sds, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("fit", RADON, ids=lambda f: f"{f['formula']}-{f['method']}")
def test_radon_is_lme4s(fit):
    if fit["method"] != "REML":
        pytest.skip("the page takes REML")
    x = ("floor",) if "floor" in fit["formula"] else ()
    u = ("log_uranium",) if "log_uranium" in fit["formula"] else ()
    asked = {"varying": ("floor",) if "(1 + floor" in fit["formula"] else ()}
    asked["product"] = "floor * log_uranium" in fit["formula"]
    table = read_table((ROOT / "datasets" / "radon.csv").read_bytes())
    rows = take_rows(table, Columns("log_radon", "county", x, u))
    found = fit_all(design(rows, Model(**asked, **ZERO))).partial
    assert found.criterion == pytest.approx(fit["criterion"], abs=1e-4)
    assert found.coef[0] == pytest.approx(fit["fixed"]["(Intercept)"], abs=1e-4)
    between = [r["sdcor"] for r in fit["sdcor"] if r.get("var2") is None]
    assert [*found.sd, found.sigma_y] == pytest.approx(between, rel=2e-3)


@pytest.mark.parametrize("varying", [(), ("x",)])
def test_heights_are_those_of_the_fast_road_at_the_mean_of_x(varying):
    """The common mean at the mean of x, not at x = 0 (the figure's dashed line)."""
    found = fitted("slopes_40", ("x",), varying=varying)
    data = GroupedData.from_frame(pd.read_csv(CASES / "slopes_40.csv"), "y", "school", "x")
    fast = fit_partial_pooling(data, "varying" if varying else "common")
    at = data.x.mean()
    np.testing.assert_allclose(found.height, fast.lines.alpha + at * fast.lines.beta, 1e-6)
    np.testing.assert_allclose(found.toward, fast.hyper.a0 + at * fast.hyper.a1, 1e-7)
    own = fit_no_pooling(data, "varying" if varying else "common").lines
    np.testing.assert_allclose(found.own_height, own.alpha + at * own.beta, 1e-8)


def test_centring_moves_intercepts_and_nothing_else():
    centred = fitted("raw_scale_25", ("x",), ("u",))
    raw = fitted("raw_scale_25", ("x",), ("u",), **ZERO)
    assert centred.partial.criterion == pytest.approx(raw.partial.criterion, abs=1e-6)
    np.testing.assert_allclose(centred.partial.coef[1:], raw.partial.coef[1:], 1e-7)
    x = centred.design.rows.numbers["x"]
    shift = raw.partial.coef[1] * x.mean()
    np.testing.assert_allclose(centred.height, raw.height + shift, 1e-9)


def test_within_and_between_are_told_apart():
    """Mundlak: the slope within groups is that of no pooling, whatever differs between them."""
    found = fitted("unbalanced_30", ("x",), within=True)
    assert found.design.names == ("intercept", "x, within", "mean of x")
    own = fitted("unbalanced_30", ("x",)).own.common[1]
    assert found.partial.coef[1] == pytest.approx(own, rel=1e-9)


def test_factors_are_indicators_and_codes_are_in_their_order():
    rng = np.random.default_rng(1)
    kind = rng.choice(["10", "2", "1"], 60)
    body = "".join(f"g{k % 6},{kind[k]},{rng.normal():.3f}\n" for k in range(60))
    rows = take_rows(
        read_table(("g,kind,y\n" + body).encode()), Columns("y", "g", ("kind",), codes=("kind",))
    )
    made = design(rows, Model())
    assert made.names == ("intercept", "kind: 2", "kind: 10")
    assert made.references == {"kind": "1"}
    X = np.column_stack(
        [rows.j[:, None] == np.arange(6), rows.text["kind"][:, None] == ["2", "10"]]
    )
    beta = np.linalg.lstsq(X.astype(float), rows.y, rcond=None)[0]
    found = fit_all(made)
    np.testing.assert_allclose(found.own.common[1:], beta[6:], 1e-9)
    np.testing.assert_allclose(found.own_height, beta[:6], 1e-9)


def test_complete_pooling_is_the_ordinary_regression():
    found = fitted("unbalanced_30", ("x",), ("u",))
    made = found.design
    wanted = np.linalg.lstsq(made.matrix, made.rows.y, rcond=None)[0]
    np.testing.assert_allclose(found.complete.coef, wanted, 1e-9)
    X, n, J, p = made.matrix, made.rows.n_rows, made.rows.n_groups, len(made.terms)
    scores = pd.DataFrame(X * (made.rows.y - X @ wanted)[:, None]).groupby(made.rows.j).sum()
    bread = np.linalg.inv(X.T @ X)
    cov = bread @ (scores.T @ scores).to_numpy() @ bread * J / (J - 1) * (n - 1) / (n - p)
    table = coefficients_table(found)
    complete = table[table["pooling"] == "complete"]
    np.testing.assert_allclose(complete["se"], np.sqrt(np.diag(cov)), 1e-8)
    assert set(complete["df"]) == {J - 1}


def test_the_inner_and_outer_degrees_of_freedom_of_lme():
    """Sector-like predictors have J less their number, those of rows n less J less theirs."""
    found = fitted("unbalanced_30", ("x",), ("u",))
    table = coefficients_table(found)
    n, J = found.design.rows.n_rows, found.partial.n_groups
    partial = table[table["pooling"] == "partial"].set_index("coefficient")["df"]
    assert partial.to_dict() == {"intercept": J - 2, "x": n - J - 1, "u": J - 2}
    assert set(table[table["pooling"] == "no"]["coefficient"]) == {"x"}
    half = (table["high"] - table["low"]) / 2 / table["se"]
    assert (half > 1.95).all()


def tables_of(found, picked=0, groups=None):
    path = glide(found)
    groups = shown_groups(found, picked) if groups is None else groups
    return path, glide_tables(found, path, groups, picked, captions(found, path, 2, "cm"))


@pytest.mark.parametrize(("name", "u"), [("unbalanced_30", ""), ("unbalanced_30", "u")])
def test_the_handle_goes_from_complete_pooling_through_the_estimate_to_no_pooling(name, u):
    found = fitted(name, ("x",), tuple(u))
    _, tables = tables_of(found)
    by_step = {k: rows.set_index("row") for k, rows in tables["path"].groupby("step")}
    schools = tables["schools"].set_index("row")
    order = shown_groups(found, 0)
    last = max(by_step)
    np.testing.assert_allclose(by_step[0]["alpha"], schools["complete"], 1e-9)
    complete = found.design.of_groups @ found.complete.coef
    np.testing.assert_allclose(schools["complete"], complete[order], 1e-7)
    np.testing.assert_allclose(by_step[last]["alpha"], found.own_height[order], 1e-5)
    rest = by_step[resting(found)]
    np.testing.assert_allclose(rest["alpha"], found.height[order], 1e-6)
    np.testing.assert_allclose(rest["toward"], found.toward[order], 1e-6)
    assert tables["likelihood"]["caption"][resting(found)].startswith("estimate")
    assert one_target(found) == (u == "")


@pytest.mark.parametrize("u", ["", "u"])
def test_the_words_follow_the_handle(u):
    """At the estimate they say what the page says; at the ends, where the group ends up."""
    found = fitted("unbalanced_30", ("x",), tuple(u))
    path, _ = tables_of(found)
    said = captions(found, path, 2, "cm")
    for j in (0, 17):
        words = one_groups_words(found, path, j, said, lambda height: f"{height:.4f}")
        assert len(words) == len(said)
        own, to, here = found.own_height[j], found.toward[j], found.height[j]
        share = f"moves {(own - here) / (own - to):.0%} of the way to {to:.4f}, "
        share += f"what is expected of it: it is at {here:.4f}."
        assert words[resting(found)].endswith(share)
        assert f"{found.partial.sd[0]:.2f} cm" in words[resting(found)]
        assert "moves 100% of the way" in words[0]
        complete = float(found.design.of_groups[j] @ found.complete.coef)
        assert words[0].endswith(f"it is at {complete:.4f}.")
        assert words[-1].endswith(f"stays where its own rows put it: it is at {own:.4f}.")


def test_all_of_many_groups_are_said_and_the_extremes_shown():
    found = fitted("large_2000", ("x",))
    order = np.argsort(found.height)
    shown = shown_groups(found, picked=int(order[777]))
    assert len(shown) == 50
    own = np.argsort(np.where(np.isfinite(found.own_height), found.own_height, found.height))
    assert {int(order[0]), int(order[-1]), int(order[777]), int(own[0]), int(own[-1])} <= set(shown)
    n = found.design.rows.n[shown]
    assert (np.diff(n) <= 0).all()
    assert n.max() == found.design.rows.n.max()
    table = caterpillar_table(found, shown, int(order[777]))
    assert table["height"].is_monotonic_increasing
    assert table["picked"].sum() == 1


def test_the_share_of_the_way_is_that_of_the_numbers():
    found = fitted("unbalanced_30")
    gone = (found.own_height - found.height) / (found.own_height - found.toward)
    np.testing.assert_allclose(pulled(found), gone, 1e-6)
    weight = found.design.rows.n * found.partial.sd[0] ** 2 / found.partial.sigma_y**2
    np.testing.assert_allclose(pulled(found), 1 / (1 + weight), 1e-6)
    again = fitted("unbalanced_30", ("x",))
    tables = tables_of(again)[1]
    rest = tables["path"][tables["path"]["resting"]]
    order = np.argsort(-again.design.rows.n, kind="stable")
    np.testing.assert_allclose(rest["pulled"], pulled(again)[order], 1e-4)


def test_groups_that_do_not_end_between_are_counted():
    """Recounted group by group; with intercepts alone there is none."""
    assert outside(fitted("unbalanced_30")) == 0
    assert outside(fitted("zero_between_8")) == 0
    found = fitted("slopes_40", ("x",), varying=("x",))
    own, _, pooled, _ = varying_slope(found, 1)
    slope = float(found.partial.coef[1])
    counted = [0, 0]
    for j in range(found.design.rows.n_groups):
        ways = ((own[j], pooled[j], slope), (found.own_height[j], found.height[j], found.toward[j]))
        for which, (a, b, c) in zip((1, 0), ways, strict=True):
            counted[which] += bool(np.isfinite(a)) and not min(a, c) <= b <= max(a, c)
    assert [outside(found), outside(found, 1)] == counted
    assert min(counted) > 0


def test_a_group_has_one_interval_on_the_whole_page():
    found = fitted("unbalanced_30")
    table = groups_table(found)
    for j in range(found.design.rows.n_groups):
        said = predict_in(found, j, {})
        ends = (said.mean_low, said.mean_high)
        np.testing.assert_allclose(table.loc[j, ["2.5%", "97.5%"]].astype(float), ends)
    drawn = caterpillar_table(found, np.arange(30), 0).set_index("school").loc[found.labels]
    np.testing.assert_allclose(drawn[["low", "high"]], table[["2.5%", "97.5%"]])


def test_the_table_of_groups_is_named_as_the_page_is():
    found = fitted("slopes_40", ("x",), varying=("x",))
    table = groups_table(found)
    assert table.columns[0] == "school"
    own, _, pooled, _ = varying_slope(found, 1)
    np.testing.assert_array_equal(table["slope of x, no pooling"], own)
    np.testing.assert_array_equal(table["slope of x, partial pooling"], pooled)
    np.testing.assert_allclose(table["slope of x, pulled to"], found.partial.coef[1])


@pytest.mark.parametrize("u", ["", "u"])
def test_the_plane_has_what_groups_are_pulled_to(u):
    found = fitted("slopes_40", ("x",), tuple(u), varying=("x",), product=bool(u))
    groups = shown_groups(found, 3)
    tables = plane_tables(found, groups, 3)
    targets = tables["targets"]
    assert tables["schools"]["named"].sum() <= 5
    at = tables["schools"].set_index("group")
    assert at["named"][at["picked"]].all()
    assert at["named"][at["slope"].idxmax()]
    assert len(targets) == (len(groups) if u else 1)
    k = int(np.flatnonzero(groups == 3)[0]) if u else 0
    coef = dict(zip(found.partial.names, found.partial.coef, strict=True))
    here = found.design.of_groups[3]
    at_u = here[found.design.names.index("u")] if u else 0.0
    height = coef["intercept"] + coef.get("u", 0) * at_u
    slope = coef["x"] + coef.get("x × u", 0) * at_u
    assert targets["height"].iloc[k] == pytest.approx(height)
    assert targets["slope"].iloc[k] == pytest.approx(slope)


def test_rings_outside_the_axes_come_to_their_edge_on_the_way():
    found = fitted("slopes_40", ("x",), varying=("x",))
    schools = plane_tables(found, shown_groups(found, 3), 3)["schools"]
    low, high = (float(schools["slope"].quantile(q)) for q in (0.0, 1.0))
    heights = (float(schools["pooled"].min()) - 1, float(schools["pooled"].max()) + 1)
    drawn, names = inside(schools, heights, (low - 0.5, high + 0.5))
    out = ~schools["own_slope"].between(low - 0.47, high + 0.47)
    assert 0 < out.sum() < 40
    assert set(schools["group"][out]) <= set(names)
    assert drawn["own_slope"].between(low - 0.5, high + 0.5).all()
    assert drawn["own"].between(*heights).all()
    same = ~schools["group"].isin(names)
    assert drawn["own_slope"][same].equals(schools["own_slope"][same])
    k = schools.index[schools["group"] == names[0]][0]
    was, now = schools.loc[k], drawn.loc[k]
    way = (now["own"] - was["pooled"]) / (was["own"] - was["pooled"])
    other = (now["own_slope"] - was["slope"]) / (was["own_slope"] - was["slope"])
    assert way == pytest.approx(other)
    assert now["slope_is"] == was["own_slope"]


@pytest.mark.parametrize("asked", [{}, {"varying": ("x",)}, {"within": True}])
def test_lines_through_one_groups_rows(asked):
    """Each line at the mean of the group's x is the mean that pooling gives there."""
    found = fitted("unbalanced_30", ("x",), **asked)
    assert axes_of(found.design) == ["x"]
    rows, group = found.design.rows, int(np.argmax(found.design.rows.n))
    mine = rows.j == group
    lines = group_tables(found, group, "x")["lines"]

    def at(pooling, x):
        line = lines[lines["pooling"] == pooling]
        (x0, x1), (y0, y1) = line["x"], line["y"]
        return y0 + (y1 - y0) * (x - x0) / (x1 - x0)

    mean = rows.numbers["x"][mine].mean()
    assert at("no", mean) == pytest.approx(rows.y[mine].mean())
    fitted_rows = found.partial.expect(
        found.design.matrix[mine], found.design.varying_matrix[mine], group
    ).mean
    for x, y in zip(rows.numbers["x"][mine], fitted_rows, strict=True):
        assert at("partial", x) == pytest.approx(y)


def test_axes_hold_what_they_show():
    wide = np.array([1.0, 2, 3, 4, 900])
    low, high = domain(wide, np.array([1.5, 3.0]))
    assert low < 1.5
    assert 4 < high < 30
    assert domain(np.array([np.nan]), np.array([5.0, 5.0]))[0] < 5


@pytest.mark.parametrize(("scale", "unit"), [(1e-9, 1e-9), (3e8, 1e8)])
def test_any_unit(scale, unit):
    frame = pd.read_csv(CASES / "balanced_8.csv")
    frame["y"] *= scale
    rows = take_rows(read_table(frame.to_csv(index=False).encode()), Columns("y", "school", ("x",)))
    found = fit_all(design(rows, Model()))
    plain = fitted("balanced_8", ("x",))
    np.testing.assert_allclose(found.height, plain.height * scale, 1e-6)
    _, tables = tables_of(found)
    assert np.isfinite(tables["path"]["alpha"]).all()
    assert decimals(unit) >= 0


def test_data_that_cannot_answer_say_why():
    rows = take_rows(read_table(b"g,y\na,1\na,1\nb,2\nb,2"), Columns("y", "g"))
    with pytest.raises(DataError, match="every value can be fitted exactly"):
        fit_all(design(rows, Model()))
    rows = take_rows(read_table(b"g,y,u\na,1,1\na,2,1\nb,2,5\nb,4,5"), Columns("y", "g", ("u",)))
    with pytest.raises(DataError, match="leave a predictor of groups out"):
        fit_all(design(rows, Model()))
    with pytest.raises(DataError, match="its slope cannot vary"):
        design(rows, Model(varying=("u",)))
