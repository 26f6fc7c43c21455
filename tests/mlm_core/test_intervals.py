"""Intervals of the variance components: lme4's confint(), and brute force where it fails."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

from mlm_core import GroupedData, fit_partial_pooling
from mlm_core.intervals import variance_intervals

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FITS = json.loads((GOLDEN / "confint.json").read_text())
NAMES = {
    "sd_(Intercept)|school": "sigma_alpha",
    "sd_x|school": "sigma_beta",
    "cor_x.(Intercept)|school": "rho",
    "sigma": "sigma_y",
}


def case(name: str, u: bool = False) -> GroupedData:
    frame = pd.read_csv(GOLDEN / "lme4" / "cases" / f"{name}.csv")
    return GroupedData.from_frame(frame, "y", "school", "x", "u" if u else None)


@pytest.mark.parametrize("fit", FITS, ids=lambda f: f"{f['data']}-{f['model']}")
def test_as_lme4(fit):
    """lme4 interpolates a profile on a grid: good to three digits or so."""
    with_u = fit["model"] == "common_u"
    slopes = "varying" if fit["model"] == "varying" else "common"
    found = variance_intervals(case(fit["data"], with_u), slopes, with_u)
    for name, low, high in zip(fit["names"], fit["low"], fit["high"], strict=True):
        assert found[NAMES[name]] == pytest.approx((low, high), rel=1e-3, abs=2e-4), name


def dense_deviance(data, sigma_alpha, sigma_beta, rho, sigma_y):
    """Minus twice the log likelihood (ML) of y ~ x + (1 + x | school), by the density itself."""
    total = 0.0
    cov = np.array([[sigma_alpha**2, rho * sigma_alpha * sigma_beta], [0, sigma_beta**2]])
    cov[1, 0] = cov[0, 1]
    parts = []
    xtx, xty = np.zeros((2, 2)), np.zeros(2)
    for k in range(data.n_groups):
        own = data.j == k
        Z = np.column_stack([np.ones(own.sum()), data.x[own]])
        V = Z @ cov @ Z.T + sigma_y**2 * np.eye(own.sum())
        parts.append((Z, V, data.y[own]))
        xtx += Z.T @ np.linalg.solve(V, Z)
        xty += Z.T @ np.linalg.solve(V, data.y[own])
    coef = np.linalg.solve(xtx, xty)
    for Z, V, y in parts:
        e = y - Z @ coef
        total += np.linalg.slogdet(V)[1] + e @ np.linalg.solve(V, e) + len(y) * np.log(2 * np.pi)
    return total


def test_rho_by_brute_force_where_lme4s_profile_fails():
    """At rho's ends the deviance, minimised over all else, is 3.84 above its least value."""
    data = case("raw_scale_25")
    data = GroupedData(data.y, (data.x - 500) / 100, data.j, None, data.labels)
    fit = fit_partial_pooling(data, "varying", method="ML")
    found = variance_intervals(data, "varying")["rho"]
    start = np.log([fit.hyper.sigma_alpha, fit.hyper.sigma_beta, fit.sigma_y])
    for rho in found:
        if abs(rho) > 0.999:
            continue
        best = minimize(
            lambda p, rho=rho: dense_deviance(data, *np.exp(p[:2]), rho, np.exp(p[2])),
            start,
            method="Nelder-Mead",
            options={"maxfev": 400, "fatol": 1e-4},
        )
        assert best.fun - fit.criterion == pytest.approx(chi2.ppf(0.95, 1), abs=0.02)


def test_icc_is_between_0_and_1_and_holds_its_estimate():
    data = case("unbalanced_30")
    fit = fit_partial_pooling(data, method="ML")
    low, high = variance_intervals(data)["icc"]
    icc = fit.hyper.sigma_alpha**2 / (fit.hyper.sigma_alpha**2 + fit.sigma_y**2)
    assert 0 < low < icc < high < 1


@pytest.mark.parametrize("slopes", ["common", "varying"])
def test_scale_and_shift_of_y(slopes):
    data = case("unbalanced_30")
    scaled = GroupedData(1000 * data.y - 7e4, data.x, data.j, None, data.labels)
    one, other = variance_intervals(data, slopes), variance_intervals(scaled, slopes)
    for name, (low, high) in one.items():
        unit = 1 if name in ("icc", "rho") else 1000
        assert other[name] == pytest.approx((unit * low, unit * high), rel=3e-3, abs=3e-3)


def test_a_higher_level_is_wider():
    data = case("balanced_8")
    narrow, wide = variance_intervals(data, level=0.5), variance_intervals(data, level=0.99)
    for name in narrow:
        assert wide[name].low < narrow[name].low < narrow[name].high < wide[name].high
