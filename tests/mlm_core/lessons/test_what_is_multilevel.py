"""Facts of the lesson on what makes a regression multilevel, against other software and sums."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Hyperparameters, Scenario, fit_partial_pooling, simulate
from mlm_core.estimates import students_table
from mlm_core.lessons.what_is_multilevel import IN_95_TOWNS, LAYERS, facts
from tests.frames import frames

SCENARIOS = [
    Scenario(),
    Scenario(n_groups=3, seed=5),
    Scenario(n_groups=30, imbalance=0.0, hyper=Hyperparameters(b0=-6.0), seed=8),
    Scenario(students_per_group=2, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0), seed=3),
    Scenario(n_groups=26, students_per_group=15, imbalance=1.2, seed=11),
    Scenario(sigma_x=2.0, contextual=-9.0, extraordinary=-30.0, seed=4),
]
X, U = (-4.0, 4.0), (-3.0, 3.0)


def the(scenario):
    return facts(scenario, "Ashford", 0.5)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_part_one_is_a_regression_with_indicators(scenario):
    f = the(scenario)
    indicators = f.data.j[:, None] == np.arange(f.data.n_groups)
    design = np.column_stack([indicators, f.x])
    coef = np.linalg.lstsq(design, f.data.y, rcond=None)[0]
    np.testing.assert_allclose(f.own.alpha, coef[:-1], atol=1e-8)
    assert f.slope == pytest.approx(coef[-1])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_given_the_sds_the_rest_is_generalised_least_squares(scenario):
    f = the(scenario)
    n, j = f.data.n_students, f.data.j
    same = j[:, None] == j
    cov = f.fit.sigma_y**2 * np.eye(n) + f.hyper.sigma_alpha**2 * same
    design = np.column_stack([np.ones(n), f.u[j], f.x])
    information = design.T @ np.linalg.solve(cov, design)
    coef = np.linalg.solve(information, design.T @ np.linalg.solve(cov, f.data.y))
    found = [f.hyper.a0, f.hyper.b0, f.hyper.a1]
    np.testing.assert_allclose(found, coef, rtol=1e-6, atol=1e-6)
    a0, b0, sd = f.hyperparameters
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert (a0.se, b0.se) == pytest.approx(tuple(errors[:2]), rel=1e-6)
    assert math.isnan(sd.se)
    left = np.linalg.solve(cov, f.data.y - design @ coef)
    mode = f.hyper.sigma_alpha**2 * np.bincount(j, weights=left)
    expected = coef[0] + coef[1] * f.u
    np.testing.assert_allclose(f.fit.lines.alpha, expected + mode, atol=1e-5)
    assert f.on_the_line == np.allclose(f.fit.lines.alpha, expected, atol=1e-9)


def test_the_numbers_are_those_of_statsmodels():
    import statsmodels.formula.api as smf

    f = facts(Scenario(), "Juniper", 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = smf.mixedlm("y ~ u + x", students_table(f.data), groups="school").fit(
            reml=True, method="powell"
        )
    a0, b0, _ = fit.fe_params
    # its optimiser stops about 1e-3 of an SD away
    found = [e.value for e in f.hyperparameters]
    assert found == pytest.approx([a0, b0, np.sqrt(fit.cov_re.iloc[0, 0])], abs=5e-3)
    assert f.fit.sigma_y == pytest.approx(np.sqrt(fit.scale), abs=5e-3)
    assert f.expected(1.0) == pytest.approx(a0 + b0, abs=5e-3)
    assert f.expected(-2.0) == pytest.approx(a0 - 2 * b0, abs=5e-3)


def test_the_truth_of_the_hyperparameters_is_that_of_many_schools():
    scenario = Scenario(
        n_groups=4000, sigma_x=1.0, contextual=3.0, hyper=Hyperparameters(a0=50.0, b0=-2.0)
    )
    made = simulate(scenario)
    slope, height = np.polyfit(made.data.u, made.alpha, 1)
    spread = (made.alpha - height - slope * made.data.u).std()
    small = replace(scenario, n_groups=20)
    truth = [e.truth for e in the(small).hyperparameters]
    assert [e.name for e in the(small).hyperparameters] == ["a0", "b0", "sigma_alpha"]
    # within four standard errors of 4,000 schools
    assert truth == pytest.approx([height, slope, spread], abs=0.4)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_shows_itself_and_those_before_it(scenario, layer):
    f = the(scenario)
    tables = frames(f.tables(layer, X, U, truth=False, new=False))
    schools, at = tables["schools"].set_index("school").loc[f.names], LAYERS.index(layer)
    for name, least in (("line_seen", 1), ("point_seen", 2), ("model_seen", 3)):
        assert set(schools[name]) == {float(at >= least)}, name
    assert set(tables["model"]["seen"]) == {float(at == 3)}
    np.testing.assert_array_equal(schools["own"], f.own.alpha)
    shown = f.fit.lines if at == 3 else f.own
    np.testing.assert_array_equal(schools["alpha"], shown.alpha)
    if at == 3:  # the name stands where no other mark of the school does
        np.testing.assert_array_equal(schools["below"], f.own.alpha < shown.alpha)
    assert set(schools["truth_seen"]) == {0.0}
    true = frames(f.tables(layer, X, U, truth=True, new=False))["schools"]
    assert set(true["truth_seen"]) == {float(at >= 2)}  # a diamond belongs to a point
    if at == 3:
        marks = true[["alpha", "truth"]]
        assert true[marks.gt(true["own"], axis=0).all(axis=1)]["below"].all()
        assert not true[marks.lt(true["own"], axis=0).all(axis=1)]["below"].any()
    lines = tables["lines"]
    front = lines[lines["kind"] == "front"].groupby("school")
    assert set(lines[lines["kind"] == "front"]["seen"]) == {float(at >= 1)}
    np.testing.assert_allclose(front["y"].mean(), shown.alpha, atol=1e-9)  # the height at 0
    np.testing.assert_allclose(front["y"].last() - front["y"].first(), 8 * shown.beta)
    own = lines[lines["kind"] == "own"]
    assert set(own["school"]) == {"Ashford"}
    assert set(own["seen"]) == {float(at == 3)}
    assert own["y"].mean() == pytest.approx(f.own.alpha[f.picked])
    schools_said = tables["headings"]["schools"][0]
    assert (schools_said == f"{f.data.n_groups} schools") == (at >= 2)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_model_and_the_new_school(scenario):
    f = facts(scenario, "Ashford", -1.5)
    tables = frames(f.tables("model", X, U, truth=True, new=True))
    model, new = tables["model"], tables["new"].iloc[0]
    np.testing.assert_allclose(model["line"], f.hyper.a0 + f.hyper.b0 * np.array(U))
    for table in (model, tables["new"]):
        np.testing.assert_allclose(table["high"] - table["line"], f.hyper.sigma_alpha)
        np.testing.assert_allclose(table["line"] - table["low"], f.hyper.sigma_alpha)
    assert (new["u"], new["seen"]) == (-1.5, 1.0)
    assert new["line"] == pytest.approx(np.interp(-1.5, U, model["line"]))
    schools = tables["schools"].set_index("school").loc[f.names]
    np.testing.assert_array_equal(schools["truth"], f.simulation.alpha)
    assert set(schools["truth_seen"]) == {1.0}
    assert frames(f.tables("model", X, U, truth=True, new=False))["new"]["seen"][0] == 0.0


def test_of_many_students_some_are_drawn_and_it_is_said():
    few, many = the(Scenario()), the(SCENARIOS[4])
    assert frames(few.tables("students", X, U, truth=False, new=False))["headings"]["students"][
        0
    ] == (f"{few.data.n_students} students")
    tables = frames(many.tables("students", X, U, truth=False, new=False))
    drawn = len(tables["students"])
    assert drawn <= 400 + many.n[many.picked]
    assert drawn < many.data.n_students
    assert tables["headings"]["students"][0] == f"{drawn} of {many.data.n_students} students"
    mine = tables["students"].query("picked")
    assert set(mine["school"]) == {"Ashford"}
    assert len(mine) == many.n[many.picked]


def test_three_schools_tell_little_of_a_slope():
    slopes = [
        fit_partial_pooling(
            simulate(Scenario(n_groups=3, seed=seed)).data, group_predictor=True
        ).hyper.b0
        for seed in range(1000, 1400)
    ]
    low, high = IN_95_TOWNS
    # a standard error of 400 draws is 0.011
    assert np.mean((low < np.array(slopes)) & (np.array(slopes) < high)) == pytest.approx(
        0.95, abs=0.03
    )


def test_what_the_page_prints_adds_up():
    for scenario in SCENARIOS:
        f = the(scenario)
        for u in (-1.0, 0.0, 1.0):
            printed = float(f"{f.hyper.a0:.1f}") + u * float(f"{f.hyper.b0:.1f}")
            assert f.as_printed(u) == pytest.approx(printed)
