"""The lesson on fixed and random: both ends against least squares, the words against the paper."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import statsmodels.formula.api as smf

from mlm_core import Scenario, estimates
from mlm_core.lessons.fixed_and_random import definitions, facts
from tests.frames import frames

START = Scenario()
CORNERS = [
    START,
    replace(START, n_groups=3, students_per_group=20),
    replace(START, hyper=replace(START.hyper, sigma_alpha=0.0)),
    replace(START, imbalance=0.0, seed=3),
    replace(START, n_groups=8, students_per_group=10, seed=1),
    replace(START, sigma_x=1.0, contextual=-8.0, students_per_group=6, seed=11),
    replace(START, n_groups=40, seed=5),
]


def first(scenario):
    """A school that is there in every scenario."""
    return facts(scenario, "Ashford")


def by_indicators(data):
    """Least squares with an indicator for each school: J intercepts and the slope."""
    indicators = (data.j[:, None] == np.arange(data.n_groups)).astype(float)
    return np.linalg.lstsq(np.column_stack([indicators, data.x]), data.y)[0]


def one_line(data):
    """Least squares without schools: intercept and slope."""
    return np.linalg.lstsq(np.column_stack([np.ones(len(data.y)), data.x]), data.y)[0]


@pytest.mark.parametrize("scenario", CORNERS, ids=range(len(CORNERS)))
def test_both_ends_are_the_two_regressions(scenario):
    f = first(scenario)
    own, one = by_indicators(f.data), one_line(f.data)
    at_0, estimate, at_infinity = f.slopes
    assert (at_0, at_infinity) == pytest.approx((one[1], own[-1]), abs=1e-6)
    assert f.intercepts[0] == pytest.approx(one[0], abs=1e-6)
    assert f.intercepts[2] == pytest.approx(own[f.picked], abs=1e-6)
    assert f.fits.own == pytest.approx(own[:-1], abs=1e-6)
    assert f.names[f.picked] == "Ashford"
    assert f.path.a1[f.estimate_at] == pytest.approx(estimate, abs=1e-6)
    assert f.intercepts[1] == pytest.approx(f.path.alpha[f.estimate_at, f.picked], abs=1e-6)
    nearer = abs(at_infinity - f.true_slope) < abs(estimate - f.true_slope)
    assert f.nearest_end == nearer
    assert f.true_slope == scenario.hyper.a1


@pytest.mark.filterwarnings("ignore")
def test_the_estimate_is_that_of_another_program():
    """statsmodels' MixedLM, to the digits that it finds."""
    f = first(START)
    students = estimates.students_table(f.data)
    fit = smf.mixedlm("y ~ x", students, groups="school").fit(reml=True)
    found = (f.a0, f.slopes[1], f.sigma_alpha, f.sigma_y)
    sds = (np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))
    assert found == pytest.approx((*fit.fe_params, *sds), rel=1e-3)


STORIES = {
    ("these", "all", "model"): "random fixed fixed random random",
    ("these", "few", "model"): "random fixed random random random",
    ("general", "all", "model"): "random random fixed random random",
    ("these", "all", "indicators"): "random fixed fixed fixed fixed",
    ("general", "few", "indicators"): "random random random fixed fixed",
}


@pytest.mark.parametrize("told", STORIES, ids=str)
def test_five_definitions_disagree(told):
    """Each story changes only the definitions that speak of it (Gelman 2005, section 6)."""
    says = STORIES[told].split()
    assert [d.intercepts for d in definitions(*told)] == says
    f = facts(START, "Juniper", *told)
    assert [d.intercepts for d in f.definitions] == says
    assert f.random == says.count("random")


def test_the_slope_is_fixed_by_whatever_speaks_of_it():
    """One slope for all, no model: only the definition by sampling has nothing to say."""
    stories = product(("these", "general"), ("all", "few"), ("model", "indicators"))
    for told in stories:
        slopes = [d.slope for d in definitions(*told)]
        assert slopes == ["fixed", "fixed", "does not say", "fixed", "fixed"]
        assert "fixed" in {d.intercepts for d in definitions(*told)} or told == (
            "general",
            "few",
            "model",
        )


def test_indicators_move_the_handle_and_words_do_not():
    last = estimates.STEPS - 1
    assert facts(START, "Juniper").rest == first(START).estimate_at
    assert facts(START, "Juniper", "general", "few").rest == first(START).estimate_at
    f = facts(START, "Juniper", fitted="indicators")
    assert f.rest == last
    steps = frames(f.tables(named=True))["steps"]
    assert steps.query("resting")["step"].tolist() == [last]
    assert steps.query("estimate")["step"].tolist() == [f.estimate_at]


@pytest.mark.parametrize("scenario", CORNERS, ids=range(len(CORNERS)))
def test_tables_hold_the_lines(scenario):
    f = first(scenario)
    tables = frames(f.tables(named=True))
    steps, schools = tables["steps"], tables["schools"]
    path = tables["path"].merge(schools, on="row")
    last = steps["step"].max()
    own = dict(zip(f.names.tolist(), by_indicators(f.data)[:-1].tolist(), strict=True))
    ends = path[path["step"] == last].set_index("school")["alpha"].to_dict()
    assert ends == pytest.approx(own, abs=1e-6)
    assert np.ptp(path[path["step"] == 0]["alpha"]) < 1e-9
    assert steps["zone"].iloc[[0, -1]].tolist() == ["complete", "no"]
    assert set(steps["zone"].iloc[1:-1]) == {"partial"}
    assert steps["beta"].iloc[[0, -1]].tolist() == pytest.approx([one_line(f.data)[1], f.slopes[2]])
    assert schools[schools["picked"]]["school"].tolist() == ["Ashford"]
    limit = tables["ends"].set_index("end")
    assert limit.loc["complete", "alpha"] == pytest.approx(one_line(f.data)[0], abs=1e-6)
    assert limit.loc["no", "alpha"] == pytest.approx(own["Ashford"], abs=1e-6)
    assert limit.loc["no", "beta"] == pytest.approx(f.slopes[2])
    students = tables["students"]
    assert set(students[students["picked"]]["school"]) == {"Ashford"}
    assert steps["caption"].str.startswith("estimate: ").tolist() == steps["estimate"].tolist()
    assert set(steps["named"]) == {1.0}
    assert set(frames(f.tables(named=False))["steps"]["named"]) == {0.0}
    assert min(f.reach()) <= min(f.data.y)
    assert max(f.reach()) >= max(own.values())


def test_captions_say_what_the_step_is():
    steps = frames(first(START).tables(named=True))["steps"]
    path = first(START).path
    for k in (1, 40, 119):
        said = f"SD between schools {path.sigma_alpha[k]:.1f} points, slope {path.a1[k]:.2f}"
        assert steps["caption"][k].endswith(said)
    assert steps["caption"].iloc[0].startswith("SD between schools 0, slope")
    assert steps["caption"].iloc[-1].startswith("SD between schools ∞, slope")
