"""The report of anybody's data: lme4's numbers, and Henderson's equations solved outright."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core import DataError, GroupedData
from mlm_core.own_data.report import (
    NORMAL,
    complete_line,
    decimals,
    domain,
    glide,
    groups_table,
    handle_scale,
    only_groups,
    path_tables,
    plane_tables,
    predict_known,
    predict_new,
    report,
    shown_groups,
)

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "lme4"
FITS = json.loads((GOLDEN / "lme4_fits.json").read_text())
MODELS = {
    "null": ("common", False, False),
    "intercepts": ("common", True, False),
    "intercepts_u": ("common", True, True),
    "slopes": ("varying", True, False),
    "slopes_u": ("varying", True, True),
}
CASES = ("unbalanced_30", "raw_scale_25", "slopes_40", "zero_between_8", "large_2000")


def case(name: str, x: bool = True, u: bool = False) -> GroupedData:
    frame = pd.read_csv(GOLDEN / "cases" / f"{name}.csv").sort_values("school", kind="stable")
    return GroupedData.from_frame(frame, "y", "school", "x" if x else None, "u" if u else None)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", CASES)
def test_the_numbers_are_lme4s(name, model):
    """SDs to a millionth of sigma_y, as both minimise the same criterion."""
    slopes, x, u = MODELS[model]
    fit = next(f for f in FITS if (f["data"], f["model"], f["method"]) == (name, model, "REML"))
    found = report(case(name, x, u), slopes).partial
    sd = {(row["grp"], row.get("var1"), row.get("var2")): row["sdcor"] for row in fit["sd_cor"]}
    unit = fit["sigma_y"]
    assert found.sigma_y == pytest.approx(unit, rel=1e-5)
    assert found.hyper.sigma_alpha == pytest.approx(
        sd["school", "(Intercept)", None], abs=1e-3 * unit
    )
    names = {"(Intercept)": "a0", "x": "a1", "u": "b0", "x:u": "b1"}
    for theirs, value in fit["fixed"].items():
        se = fit["fixed_se"][theirs]
        assert getattr(found.hyper, names[theirs]) == pytest.approx(value, abs=2e-3 * se)


def henderson(found, slopes):
    """Coefficients, effects and their joint error covariance, from the mixed model equations."""
    data, fit, J = found.data, found.partial, found.data.n_groups
    x = np.zeros(data.n_students) if data.x is None else data.x
    u = np.zeros(data.n_students) if data.u is None else data.u[data.j]
    of = {"a0": np.ones(data.n_students), "b0": u, "a1": x, "b1": u * x}
    X = np.column_stack([of[name] for name in fit.coef_names])
    D = np.eye(J)[data.j]
    Z, h = D, fit.hyper
    G = h.sigma_alpha**2 * np.eye(J)
    if slopes == "varying":
        Z = np.hstack([D, D * x[:, None]])
        cov = h.rho * h.sigma_alpha * h.sigma_beta
        G = np.kron([[h.sigma_alpha**2, cov], [cov, h.sigma_beta**2]], np.eye(J))
    W = np.hstack([X, Z])
    p = X.shape[1]
    left = W.T @ W
    left[p:, p:] += fit.sigma_y**2 * np.linalg.inv(G)
    C = np.linalg.inv(left) * fit.sigma_y**2
    return C @ W.T @ data.y / fit.sigma_y**2, C, p


@pytest.mark.parametrize(
    ("name", "slopes", "u"),
    [("unbalanced_30", "common", 1), ("slopes_40", "varying", 1), ("slopes_40", "varying", 0)],
)
def test_heights_errors_and_predictions_by_hendersons_equations(name, slopes, u):
    found = report(case(name, True, bool(u)), slopes)
    solution, C, p = henderson(found, slopes)
    data, fit, at = found.data, found.partial, found.at
    u_j = np.zeros(data.n_groups) if data.u is None else data.u
    for j in (0, 5, data.n_groups - 1):
        row = np.zeros(len(solution))
        of = {"a0": 1.0, "b0": u_j[j], "a1": at, "b1": u_j[j] * at}
        row[:p] = [of[k] for k in fit.coef_names]
        row[p + j] = 1.0
        if slopes == "varying":
            row[p + data.n_groups + j] = at
        assert found.pooled[j] == pytest.approx(row @ solution, rel=1e-8)
        assert found.pooled_se[j] == pytest.approx(np.sqrt(row @ C @ row), rel=1e-6)
        known = predict_known(found, j)
        half = NORMAL * np.sqrt(row @ C @ row + fit.sigma_y**2)
        assert (known.low, known.high) == pytest.approx((known.mean - half, known.mean + half))
    of = {"a0": 1.0, "b0": u_j.mean(), "a1": at, "b1": u_j.mean() * at}
    row = np.array([of[k] for k in fit.coef_names])
    h = fit.hyper
    between = h.sigma_alpha**2 + (at * h.sigma_beta) ** 2
    if slopes == "varying":
        between += 2 * at * h.rho * h.sigma_alpha * h.sigma_beta
    new = predict_new(found)
    sd = np.sqrt(row @ C[:p, :p] @ row + between + fit.sigma_y**2)
    assert new.mean == pytest.approx(row @ solution[:p], rel=1e-8)
    assert new.high - new.mean == pytest.approx(NORMAL * sd, rel=1e-6)


def test_own_heights_by_ordinary_regressions():
    data = case("unbalanced_30")
    found = report(data, "varying")
    rss = df = 0.0
    for j in range(data.n_groups):
        x, y = data.x[data.j == j] - found.at, data.y[data.j == j]
        slope, height = np.polyfit(x, y, 1)
        assert found.own[j] == pytest.approx(height)
        rss, df = rss + ((y - height - slope * x) ** 2).sum(), df + len(y) - 2
        X = np.column_stack([np.ones(len(x)), x])
        found_se = found.own_se[j] / found.no.sigma_y
        assert found_se == pytest.approx(np.sqrt(np.linalg.inv(X.T @ X)[0, 0]))
    assert found.no.sigma_y == pytest.approx(np.sqrt(rss / df))


def test_complete_pooling_is_the_ordinary_regression():
    data = case("unbalanced_30", u=True)
    X = np.column_stack([np.ones(data.n_students), data.x, data.u[data.j]])
    coef = np.linalg.lstsq(X, data.y, rcond=None)[0]
    height, slope = complete_line(report(data))
    assert height == pytest.approx(coef @ [1, data.x.mean(), data.u.mean()])
    assert slope == pytest.approx(coef[1])


@pytest.mark.parametrize("name", CASES[:4])
def test_the_handle_goes_from_complete_pooling_through_the_estimate_to_no_pooling(name):
    found = report(case(name, u=True))
    path = glide(found)
    rest = int(np.argmin(abs(path.sigma_alpha - found.partial.hyper.sigma_alpha)))
    scale = found.partial.sigma_y
    np.testing.assert_allclose(path.alpha[rest], found.pooled, atol=1e-4 * scale)
    np.testing.assert_allclose(path.alpha[-1], found.own, atol=1e-4 * scale)
    tables = path_tables(found, path, shown_groups(found.data, 2), 2, 1, "points")
    assert tables["schools"]["picked"].sum() == 1
    assert tables["path"]["resting"].sum() == len(tables["schools"])
    shown = tables["path"][tables["path"]["resting"]].merge(tables["schools"], on="row")
    wanted = dict(zip(found.data.labels.astype(str), found.pooled, strict=True))
    for school, alpha in zip(shown["school"], shown["alpha"], strict=True):
        assert alpha == pytest.approx(wanted[school], abs=1e-4 * scale)


def test_a_sample_of_many_groups_has_the_ends_and_the_picked_one():
    data = case("large_2000")
    for picked in (0, 7, 1999, int(np.argmax(data.n)), int(np.argmin(data.n))):
        groups = shown_groups(data, picked)
        assert len(set(groups.tolist())) == 50
        assert picked in groups
    n = data.n[shown_groups(data, int(np.argmax(data.n)))]
    assert (n.min(), n.max()) == (data.n.min(), data.n.max())
    some = only_groups(data, groups)
    assert some.labels.tolist() == data.labels[groups].tolist()
    np.testing.assert_array_equal(some.n, data.n[groups])
    np.testing.assert_allclose(
        some.group_means(some.y), data.group_means(data.y)[groups], rtol=1e-12
    )


def test_axes_hold_what_they_show():
    found = report(case("single_students_20"))
    groups = shown_groups(found.data, 0)
    low, high = domain(found, groups)
    assert low < min(found.own.min(), found.pooled.min())
    assert high > max(found.own.max(), found.pooled.max())
    varying = report(case("slopes_40"), "varying")
    groups = shown_groups(varying.data, 0)
    low, high = domain(varying, groups, slopes=True)
    assert low < varying.partial.lines.beta[groups].min()
    assert high > varying.partial.lines.beta[groups].max()
    assert set(plane_tables(varying, groups, 0)) == {"schools", "complete"}


def test_the_share_of_the_way_is_that_of_the_numbers():
    found = report(case("unbalanced_30", x=False))
    table = groups_table(found)
    pulled = (table["own"] - table["pooled"]) / (table["own"] - table["toward"])
    np.testing.assert_allclose(table["pulled"], pulled, rtol=1e-6)


@pytest.mark.parametrize(("scale", "unit"), [(1e-9, 1e-9), (1, 1), (3e8, 1e8)])
def test_any_unit(scale, unit):
    data = case("unbalanced_30")
    found = report(GroupedData(scale * data.y, data.x, data.j, None, data.labels))
    one = report(data)
    assert found.partial.hyper.sigma_alpha == pytest.approx(
        scale * one.partial.hyper.sigma_alpha, rel=1e-5
    )
    assert 0.3 < handle_scale(found) / found.partial.hyper.sigma_alpha < 3
    low, high = domain(found, shown_groups(found.data, 0))
    assert np.isfinite([low, high]).all()
    assert low < high


def test_decimals():
    assert [decimals(s) for s in (0.0123, 1.23, 12.3, 123, 1230, 0, np.nan)] == [
        4,
        2,
        1,
        0,
        0,
        1,
        1,
    ]


def test_data_that_cannot_answer_say_why():
    data = GroupedData([1.0, 2.0, 3.0], None, [0, 1, 2], None, ["a", "b", "c"])
    with pytest.raises(DataError, match="too few"):
        report(data)
