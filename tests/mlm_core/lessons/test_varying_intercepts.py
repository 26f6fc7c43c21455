"""Facts of the lesson on a school-level predictor, against sums, statsmodels and lme4."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core import Hyperparameters, Scenario, fit_partial_pooling, simulate
from mlm_core.estimates import students_table
from mlm_core.lessons.varying_intercepts import IN_THE_BOOK, RISES, facts, facts_of_data, radon
from tests.frames import frames

ROOT = Path(__file__).parents[3]
LME4 = json.loads((ROOT / "tests/golden/radon/radon_lme4.json").read_text())
SCENARIOS = [
    Scenario(),
    Scenario(n_groups=3, seed=5),
    Scenario(n_groups=5, hyper=Hyperparameters(sigma_alpha=0.0), seed=1),
    Scenario(students_per_group=2, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0), seed=3),
    Scenario(n_groups=25, imbalance=0.0, hyper=Hyperparameters(b0=-6.0), seed=8),
    Scenario(hyper=Hyperparameters(sigma_alpha=0.0, b0=8.0), sigma_y=2.0, seed=2),
    Scenario(sigma_x=2.0, contextual=-9.0, seed=4),
]


@pytest.fixture(scope="module")
def counties():
    houses = pd.read_csv(ROOT / "datasets/radon.csv")
    return facts_of_data(radon(houses), "Lake of the Woods")


def of_lme4(formula: str) -> dict:
    (fit,) = [f for f in LME4 if f["formula"] == formula]
    return fit


@pytest.mark.parametrize(
    ("target", "formula"),
    [
        ("mean", "log_radon ~ floor + (1 | county)"),
        ("line", "log_radon ~ floor + log_uranium + (1 | county)"),
    ],
)
def test_radon_is_lme4s(counties, target, formula):
    fit, lme4 = counties.fit(target), of_lme4(formula)
    assert fit.criterion == pytest.approx(lme4["criterion"], abs=1e-5)
    names = {"(Intercept)": "a0", "floor": "a1", "log_uranium": "b0"}
    for name, value in lme4["fixed"].items():
        # the optimisers agree to about 1e-5 of an SD
        assert getattr(fit.hyper, names[name]) == pytest.approx(value, abs=1e-5)
        assert fit.se(names[name]) == pytest.approx(lme4["fixed_se"][name], rel=1e-4)
    between, within = (row["sdcor"] for row in lme4["sdcor"])
    assert fit.hyper.sigma_alpha == pytest.approx(between, abs=1e-5)
    assert fit.sigma_y == pytest.approx(within, abs=1e-5)
    intercept = lme4["county_intercept"]
    spelt = [re.sub(r"\W", "", name).upper() for name in counties.names]
    assert sorted(spelt) == sorted(re.sub(r"\W", "", name) for name in intercept)
    wanted = {re.sub(r"\W", "", name): value for name, value in intercept.items()}
    np.testing.assert_allclose(fit.lines.alpha, [wanted[name] for name in spelt], atol=1e-5)


def test_radon_is_the_file(counties):
    houses = pd.read_csv(ROOT / "datasets/radon.csv")
    assert counties.data.n_students == len(houses) == 919
    assert counties.data.n_groups == houses["county"].nunique() == 85
    assert counties.names.tolist() == sorted(counties.names.tolist())
    assert not any(re.search(r"[a-z][A-Z]", n) for n in counties.names if n != "McLeod")
    assert (np.diff(counties.data.j) >= 0).all()  # the listing names them county by county
    woods = houses[houses["county"] == "LAKEOFTHEWOODS"]
    j = counties.picked
    assert counties.n[j] == len(woods) == 4
    assert counties.u[j] == pytest.approx(woods["log_uranium"].iloc[0])
    mine = counties.data.j == j
    np.testing.assert_allclose(np.sort(counties.data.y[mine]), np.sort(woods["log_radon"]))
    before, after = (of_lme4(f)["sdcor"][0]["sdcor"] for f in (
        "log_radon ~ floor + (1 | county)", "log_radon ~ floor + log_uranium + (1 | county)"
    ))  # fmt: skip
    assert counties.explained == pytest.approx(1 - after**2 / before**2, abs=1e-4)
    for printed, here in zip(IN_THE_BOOK, (before, after), strict=True):
        assert printed == pytest.approx(here, abs=0.02)  # an earlier version of the file
    assert counties.truth is None
    assert counties.true_sd is None
    assert counties.truly_explained is None


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_school_by_itself_is_a_regression_with_indicators(scenario):
    f = facts(scenario, "Ashford")
    design = np.column_stack([f.data.j[:, None] == np.arange(f.data.n_groups), f.data.x])
    coef = np.linalg.lstsq(design, f.data.y, rcond=None)[0]
    np.testing.assert_allclose(f.own, coef[:-1], atol=1e-8)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_given_the_sds_the_rest_is_generalised_least_squares(scenario):
    f = facts(scenario, "Ashford")
    j, y, one = f.data.j, f.data.y, np.ones(f.data.n_students)
    for target, design in (("mean", [one, f.data.x]), ("line", [one, f.u[j], f.data.x])):
        fit, x = f.fit(target), np.column_stack(design)
        cov = fit.sigma_y**2 * np.eye(len(y)) + fit.hyper.sigma_alpha**2 * (j[:, None] == j)
        information = x.T @ np.linalg.solve(cov, x)
        coef = np.linalg.solve(information, x.T @ np.linalg.solve(cov, y))
        if target == "line":
            assert fit.se("b0") == pytest.approx(np.linalg.inv(information)[1, 1] ** 0.5)
        b0 = coef[1] if target == "line" else 0.0
        found = (fit.hyper.a0, fit.hyper.b0, fit.hyper.a1)
        np.testing.assert_allclose(found, (coef[0], b0, coef[-1]), rtol=1e-6, atol=1e-6)
        for k in range(f.data.n_groups):
            assert f.pulled_to(target, k) == pytest.approx(coef[0] + b0 * f.u[k])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_weighted_average_is_the_estimate(scenario):
    f = facts(scenario, "Ashford")
    for k in range(f.data.n_groups):
        mine = f.data.j == k
        left = f.data.y[mine] - f.with_u.hyper.a1 * f.data.x[mine]
        assert f.own_part(k) == pytest.approx(left.mean())
        if f.sd[1] > 0:
            own, line = len(left) / f.with_u.sigma_y**2, 1 / f.sd[1] ** 2
            assert f.weight(k) == pytest.approx(own / (own + line))
        average = f.weight(k) * left.mean() + (1 - f.weight(k)) * f.pulled_to("line", k)
        assert f.with_u.lines.alpha[k] == pytest.approx(average, abs=1e-6)


def test_the_numbers_are_those_of_statsmodels():
    import statsmodels.formula.api as smf

    f = facts(Scenario(), "Juniper")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = students_table(f.data)
        fits = [
            smf.mixedlm(formula, table, groups="school").fit(reml=True, method="powell")
            for formula in ("y ~ x", "y ~ u + x")
        ]
    # its optimiser stops about 1e-3 of an SD away
    between = [np.sqrt(fit.cov_re.iloc[0, 0]) for fit in fits]
    assert f.sd == pytest.approx(tuple(between), abs=5e-3)
    assert f.explained == pytest.approx(1 - between[1] ** 2 / between[0] ** 2, abs=3e-3)
    assert f.with_u.hyper.b0 == pytest.approx(fits[1].fe_params["u"], abs=5e-3)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_against_the_truth(scenario):
    f = facts(scenario, "Ashford")
    truth = simulate(scenario).alpha
    errors = {t: f.fit(t).lines.alpha - truth for t in ("mean", "line")}
    for target, error in errors.items():
        assert f.miss(target) == pytest.approx(np.linalg.norm(error) / len(error) ** 0.5)
    assert f.closer == sum(abs(a) < abs(b) for a, b in zip(*reversed(errors.values()), strict=True))
    nothing_left = f.sd[0] == 0
    assert (f.explained == 0) == (nothing_left or f.sd[0] == f.sd[1])
    assert f.explained <= 1


def test_the_true_sds_are_those_of_many_schools():
    scenario = replace(SCENARIOS[-1], contextual=3.0)
    made = simulate(replace(scenario, n_groups=4000))
    slope, height = np.polyfit(made.data.u, made.alpha, 1)
    around = (made.alpha - height - slope * made.data.u).std()
    # within four standard errors of 4,000 schools
    f = facts(scenario, "Ashford")
    assert f.true_sd == pytest.approx((made.alpha.std(), around), abs=0.4)
    truly = np.corrcoef(made.data.u, made.alpha)[0, 1] ** 2
    assert f.truly_explained == pytest.approx(truly, abs=0.05)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_shares_are_those_of_the_printed_sds(scenario):
    f = facts(scenario, "Ashford")
    before, after = (float(f"{sd:.2f}") for sd in f.sd)
    if before == 0:
        assert f.printed_share(1) == f.printed_share(2) == 0
        return
    assert f.printed_share(1) == pytest.approx((before - after) / before)
    assert f.printed_share(2) == pytest.approx((before**2 - after**2) / before**2)


def test_a_useless_u_makes_the_sd_larger_about_as_often_as_is_said():
    town = Scenario(hyper=Hyperparameters(b0=0.0, b1=0.0))
    larger = []
    for seed in range(1000, 1150):
        data = simulate(replace(town, seed=seed)).data
        without, with_u = (
            fit_partial_pooling(data, group_predictor=u).hyper.sigma_alpha for u in (False, True)
        )
        larger.append(with_u > without)
    assert RISES == "two out of three"
    # a standard error of 150 draws is 0.04
    assert np.mean(larger) == pytest.approx(2 / 3, abs=0.1)


@pytest.mark.parametrize("scenario", SCENARIOS[:4])
@pytest.mark.parametrize("target", ["mean", "line"])
def test_the_tables_are_what_they_say(scenario, target):
    f = facts(scenario, "Cedar")
    u = (-3.0, 3.0)
    tables = frames(f.tables(target, u, truth=True))
    schools = tables["schools"].set_index("school").loc[f.names]
    np.testing.assert_array_equal(schools["own"], f.own)
    wanted = f.with_u if target == "line" else f.without
    np.testing.assert_array_equal(schools["alpha"], wanted.lines.alpha)
    np.testing.assert_array_equal(schools["truth"], simulate(scenario).alpha)
    assert set(schools["truth_seen"]) == {1.0}
    assert schools.index[schools["picked"]].tolist() == ["Cedar"]
    assert (schools["side"] == np.where(f.u > 0, "right", "left")).all()
    line = wanted.hyper.a0 + wanted.hyper.b0 * np.array(u)
    np.testing.assert_allclose(tables["target"]["line"], line)
    np.testing.assert_allclose(tables["target"]["high"] - line, wanted.hyper.sigma_alpha)
    np.testing.assert_allclose(line - tables["target"]["low"], wanted.hyper.sigma_alpha)
    hidden = frames(f.tables(target, u, truth=False))["schools"]
    assert set(hidden["truth_seen"]) == {0.0}
    np.testing.assert_array_equal(hidden["truth"], hidden["own"])  # unseen, it gives nothing away


def test_where_nobody_knows_the_truth_none_is_shown(counties):
    schools = frames(counties.tables("line", (-1.0, 0.65), truth=True))["schools"]
    assert set(schools["truth_seen"]) == {0.0}
