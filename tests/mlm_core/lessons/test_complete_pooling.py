"""The facts of complete pooling, against statsmodels, dense matrices and counting by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from mlm_core import DataError, Hyperparameters, Scenario, simulate
from mlm_core.lessons.complete_pooling import MOST_NAMES, MOST_STUDENTS, NOTABLE, facts
from mlm_core.scenario import bounds
from tests.frames import frames

DRIFT = Scenario(sigma_x=2.0, contextual=-9.0, seed=4)
SCENARIOS = [
    Scenario(),
    *(Scenario(seed=s) for s in (1, 2, 3)),
    Scenario(n_groups=3, students_per_group=2, imbalance=1.2, seed=7),
    Scenario(n_groups=40, students_per_group=5, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0)),
    Scenario(n_groups=12, sigma_y=30.0, hyper=Hyperparameters(b0=-10.0, rho=-0.9), seed=9),
    Scenario(
        n_groups=10, imbalance=0.0, sigma_y=1.0, hyper=Hyperparameters(sigma_beta=8.0), seed=5
    ),
    Scenario(n_groups=8, extraordinary=-30.0, seed=6),
    DRIFT,
]
BOX = {"x": (-4.0, 4.0), "y": (0.0, 120.0), "left_over": (-50.0, 50.0)}


@cache
def the(scenario: Scenario, school: str = "Ashford"):
    return facts(scenario, school)


@cache
def students(scenario: Scenario) -> pd.DataFrame:
    data = simulate(scenario).data
    table = pd.DataFrame({"x": data.x, "y": data.y, "school": data.labels.astype(str)[data.j]})
    design = np.column_stack([np.ones(len(table)), table["x"]])
    table["left"] = table["y"] - design @ np.linalg.lstsq(design, table["y"], rcond=None)[0]
    return table


def tables(f, **shown):
    asked = {"view": "line", "lines": True, "schools": True, "truth": True, "town": True}
    return frames(f.tables(**(asked | BOX | shown)))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_line_and_both_of_its_errors_are_those_of_statsmodels(scenario):
    f, table = the(scenario), students(scenario)
    model = sm.OLS(table["y"], sm.add_constant(table["x"]))
    stated = model.fit()
    robust = model.fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(table["school"])[0]})
    assert (f.alpha, f.beta) == pytest.approx(tuple(stated.params))
    assert (f.stated, f.stated_slope) == pytest.approx(tuple(stated.bse))
    assert f.by_schools == pytest.approx(robust.bse.iloc[0])
    assert f.ratio == pytest.approx(robust.bse.iloc[0] / stated.bse.iloc[0])
    np.testing.assert_allclose(f.residual, table["left"], atol=1e-8)
    sigma = float(f"{np.sqrt(stated.scale):.2f}")
    assert f.by_root_n == pytest.approx(sigma / np.sqrt(len(table)))
    printed = [float(f"{se:.2f}") for se in (robust.bse.iloc[0], stated.bse.iloc[0])]
    assert f.ratio_as_printed == pytest.approx(printed[0] / printed[1])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_is_left_is_counted_by_school(scenario):
    f, table = the(scenario), students(scenario)
    means = table.groupby("school")["left"].mean()
    np.testing.assert_allclose(f.mean_residual, means[f.names], atol=1e-8)
    mine = table.loc[table["school"] == f.names[f.picked], "left"]
    assert f.same_side == (np.sign(mine) == np.sign(mine.mean())).sum()
    slopes = {
        name: np.polyfit(own["x"], own["y"], 1)[0]
        for name, own in table.groupby("school")
        if len(own) > 1
    }
    assert f.known_slopes == len(slopes)
    assert f.rising == sum(slope > 0 for slope in slopes.values())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_share_between_schools_is_that_of_an_analysis_of_variance(scenario):
    f, table = the(scenario), students(scenario)
    groups = [own.to_numpy() for _, own in table.groupby("school")["left"]]
    n = np.array([len(own) for own in groups])
    left = table["left"].to_numpy()
    within = sum(((own - own.mean()) ** 2).sum() for own in groups) / (len(left) - len(n))
    between = sum(len(own) * (own.mean() - left.mean()) ** 2 for own in groups) / (len(n) - 1)
    typical = (len(left) - (n**2).sum() / len(left)) / (len(n) - 1)
    share = (between - within) / (between + (typical - 1) * within)
    assert f.between == pytest.approx(max(share, 0.0))


@cache
def dense(scenario: Scenario, *, times_students: int = 1, times_schools: int = 1):
    """Mean and covariance of the line, from the covariance matrix of all the students."""
    made, h = simulate(scenario), scenario.hyper
    x = np.repeat(made.data.x, times_students)
    j = np.repeat(made.data.j, times_students)
    x_mean = np.tile(made.x_mean, times_schools)
    odd = np.tile(made.data.labels.astype(str) == "Ashford", times_schools)
    j = np.concatenate([j + k * made.data.n_groups for k in range(times_schools)])
    x = np.tile(x, times_schools)
    design = np.column_stack([np.ones_like(x), x])
    both = h.b0 * h.b1 + h.rho * h.sigma_alpha * h.sigma_beta
    omega = np.array([[h.b0**2 + h.sigma_alpha**2, both], [both, h.b1**2 + h.sigma_beta**2]])
    cov = (design @ omega @ design.T) * (j[:, None] == j) + scenario.sigma_y**2 * np.eye(len(x))
    mean = h.a0 + scenario.contextual * x_mean[j] + scenario.extraordinary * odd[j] + h.a1 * x
    line = np.linalg.inv(design.T @ design) @ design.T
    return line @ mean, np.sqrt(np.diag(line @ cov @ line.T))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_true_swing_is_that_of_the_covariance_of_all_students(scenario):
    swing = the(scenario).swing
    middle, sd = dense(scenario)
    assert swing.middle == pytest.approx(middle[0])
    assert (swing.height, swing.slope) == pytest.approx(tuple(sd))
    assert swing.more_students == pytest.approx(dense(scenario, times_students=2)[1][0])
    assert swing.more_schools == pytest.approx(dense(scenario, times_schools=2)[1][0])


def test_towns_drawn_anew_swing_as_far_as_is_said():
    heights = []
    for seed in range(1, 301):
        data = simulate(Scenario(seed=seed)).data
        heights.append(np.polyfit(data.x, data.y, 1)[1])
    swing = the(Scenario()).swing
    assert np.std(heights) == pytest.approx(swing.height, rel=0.12)
    assert np.mean(heights) == pytest.approx(swing.middle, abs=4 * swing.height / np.sqrt(300))


def test_with_few_schools_the_error_by_schools_is_too_small_on_average():
    def shares(n_groups: int) -> float:
        found = [the(Scenario(n_groups=n_groups, seed=seed)) for seed in range(1, 61)]
        return float(np.mean([f.by_schools / f.swing.height for f in found]))

    assert shares(4) < 0.92 < shares(30)
    assert [the(Scenario(n_groups=n)).few for n in (19, 20)] == [True, False]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_verdicts_follow_from_the_errors(scenario):
    f = the(scenario)
    _, sd = dense(scenario)
    assert (f.verdict == "less sure") == (sd[0] > NOTABLE * f.stated)
    assert f.nearer == (abs(f.by_schools - sd[0]) < abs(f.stated - sd[0]))
    assert f.next_town == pytest.approx(f.alpha - f.stated - f.by_schools)
    assert f.town_within == (f.by_schools >= f.stated)
    more_students = dense(scenario, times_students=2)[1][0]
    assert f.schools_help_more == (more_students > 1.02 * sd[0] / np.sqrt(2))
    assert f.sigma_alpha == scenario.hyper.sigma_alpha
    above = dense(scenario)[0][0] > f.next_town
    assert f.true_but_not_shown == (above and f.by_schools >= f.stated)


def test_each_verdict_comes_up():
    assert {the(s).verdict for s in SCENARIOS} == {"less sure", "as sure"}
    assert {the(s).town_within for s in SCENARIOS} == {True, False}
    assert {the(s).schools_help_more for s in SCENARIOS} == {True, False}
    assert {the(s).true_but_not_shown for s in SCENARIOS if the(s).town_within} == {True, False}


# Tables


def share(values, ends):
    return (np.asarray(values) - ends[0]) / (ends[1] - ends[0])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_students_stand_where_they_scored_or_in_the_row_of_their_school(scenario):
    f, table = the(scenario), students(scenario)
    at_line = tables(f)["students"]
    who = at_line["student"].to_numpy()
    assert len(who) == min(len(table), MOST_STUDENTS)
    np.testing.assert_allclose(at_line["h"], share(table["x"].iloc[who], BOX["x"]))
    np.testing.assert_allclose(at_line["v"], share(table["y"].iloc[who], BOX["y"]))
    assert at_line["school"].tolist() == table["school"].iloc[who].tolist()
    assert (at_line["picked"] == (at_line["school"] == "Ashford")).all()
    left = tables(f, view="left over")
    np.testing.assert_allclose(
        left["students"]["h"], share(table["left"].iloc[who], BOX["left_over"]), atol=1e-9
    )
    rows = left["schools"].set_index("school")
    np.testing.assert_array_equal(left["students"]["v"], rows.loc[left["students"]["school"], "v"])
    ordered = rows.sort_values("v", ascending=False)["residual"]
    assert ordered.is_monotonic_decreasing
    np.testing.assert_allclose(rows["h"], share(rows["residual"], BOX["left_over"]))
    assert rows["v"].between(0, 1).all()
    assert (rows["rows_seen"] == 1).all()
    assert (tables(f)["schools"]["rows_seen"] == 0).all()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_line_lies_where_it_was_fitted(scenario):
    f = the(scenario)
    line = tables(f)["line"]
    x = BOX["x"][0] + line["h"] * 8
    np.testing.assert_allclose(line["v"], share(f.alpha + f.beta * x, BOX["y"]))
    assert line["v"].between(-1e-9, 1 + 1e-9).all()
    upright = tables(f, view="left over")["line"]
    assert upright["h"].tolist() == [0.5, 0.5]
    assert upright["v"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_own_lines_are_those_of_each_school_alone(scenario):
    f, table = the(scenario), students(scenario)
    own = tables(f)["own"]
    assert own["school"].nunique() == f.known_slopes
    for name, ends in own.groupby("school"):
        mine = table[table["school"] == name]
        slope, height = np.polyfit(mine["x"], mine["y"], 1)
        inside = ends[ends["v"].between(1e-9, 1 - 1e-9)]
        x = BOX["x"][0] + inside["h"] * 8
        np.testing.assert_allclose(inside["v"], share(height + slope * x, BOX["y"]), atol=1e-6)
    assert (own["seen"] == 1).all()
    assert (tables(f, lines=False)["own"]["seen"] == 0).all()
    assert (tables(f, view="left over")["own"]["seen"] == 0).all()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_bars_reach_two_errors_to_each_side(scenario):
    f = the(scenario)
    errors = tables(f)["errors"].set_index("kind")
    for kind, middle, se in (
        ("stated", f.alpha, f.stated),
        ("schools", f.alpha, f.by_schools),
        ("truth", f.swing.middle, f.swing.height),
    ):
        row = errors.loc[kind]
        assert (row["low"], row["middle"], row["high"]) == pytest.approx(
            (middle - 2 * se, middle, middle + 2 * se)
        )
        assert row["seen"] == 1
    assert errors["label"].tolist() == ["textbook", "by schools", "truly"]
    town = tables(f)["town"]
    assert town["town"].item() == f.next_town
    ends = f.ends_of_errors()
    wanted = [*errors["low"], *errors["high"], f.next_town]
    assert ends.min() == pytest.approx(min(wanted))
    assert ends.max() == pytest.approx(max(wanted))


def test_what_is_not_shown_lies_unseen_on_the_line_s_height():
    f = the(Scenario())
    hidden = tables(f, schools=False, truth=False, town=False)
    errors = hidden["errors"].set_index("kind")
    assert errors["seen"].to_dict() == {"stated": 1, "schools": 0, "truth": 0}
    for kind in ("schools", "truth"):
        assert (errors.loc[kind, ["low", "middle", "high"]] == f.alpha).all()
    assert hidden["town"]["seen"].item() == 0
    assert tables(f)["town"]["seen"].item() == 1


@pytest.mark.parametrize("view", ["line", "left over"])
def test_the_axes_have_round_numbers_in_their_places(view):
    shown = tables(the(Scenario()), view=view)
    ticks = shown["ticks"][shown["ticks"]["seen"] > 0]
    wanted = {"line": {"x": BOX["x"], "y": BOX["y"]}, "left over": {"x": BOX["left_over"]}}[view]
    assert set(ticks["axis"]) == set(wanted)
    for axis, ends in wanted.items():
        mine = ticks[ticks["axis"] == axis]
        values = [float(label.replace("−", "-")) for label in mine["label"]]
        np.testing.assert_allclose(mine["at"], share(values, ends), atol=1e-12)
        assert 4 <= len(values) <= 9
        assert len(set(np.diff(values).round(9))) == 1
    titles = shown["titles"]
    assert set(titles.loc[titles["seen"] > 0, "axis"]) == set(wanted)


def test_names_and_dots_are_thinned_where_there_are_many():
    f = facts(Scenario(n_groups=100, students_per_group=60), "Oak Hill")
    shown = tables(f, view="left over")
    assert len(shown["students"]) == MOST_STUDENTS
    mine = shown["students"]["school"] == "Oak Hill"
    assert mine.sum() == min(f.data.n[f.picked], MOST_STUDENTS // 3)
    named = shown["schools"][shown["schools"]["named"]].sort_values("place")
    assert "Oak Hill" in set(named["school"])
    assert len(named) <= 3
    assert (np.diff(named["place"]) > 1 / MOST_NAMES).all()
    assert tables(the(Scenario()))["schools"]["named"].all()


def test_it_opens_with_the_story_of_the_town():
    f = the(Scenario(), "Oak Hill")
    assert f.verdict == "less sure"
    assert f.town_within
    assert f.nearer
    assert f.alpha - f.next_town > 2 * f.stated
    assert f.ratio > 2
    assert f.true_but_not_shown
    assert f.same_side / f.data.n[f.picked] > 0.7
    assert f.mean_residual[f.picked] > 0


@pytest.mark.parametrize(
    "name", ["n_groups", "students_per_group", "imbalance", "sigma_y", "sigma_x", "contextual"]
)
def test_every_end_of_a_control_has_facts(name):
    for end in bounds(name)[:2]:
        value = int(end) if isinstance(getattr(Scenario(), name), int) else end
        f = the(replace(Scenario(), **{name: value}))
        assert np.isfinite([f.stated, f.by_schools, f.between, *f.ends_of_errors()]).all()
        assert f.swing.height > f.swing.more_schools > 0


def test_data_without_a_line_are_refused_in_a_sentence():
    with pytest.raises(DataError, match=r"\.$"):
        facts(Scenario(n_groups=3, students_per_group=1, imbalance=0.0), "Ashford")
