"""What the lesson on no pooling says, against statsmodels and by brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from mlm_core import Hyperparameters, Scenario, simulate
from mlm_core.lessons.no_pooling import KEPT, UNKNOWN, facts
from tests.frames import frames

TINY = Scenario(students_per_group=3)
SCENARIOS = [
    Scenario(redraw=3),
    Scenario(n_groups=3, seed=5, redraw=12),
    Scenario(imbalance=0.0, students_per_group=4, seed=3, redraw=1),
    Scenario(n_groups=60, seed=21, sigma_y=1.0),
    Scenario(hyper=Hyperparameters(sigma_alpha=15.0, a1=-8.0), seed=8, redraw=20),
    replace(TINY, redraw=2),
]


def frame(scenario: Scenario, redraw: int | None = None) -> pd.DataFrame:
    world = replace(scenario, redraw=scenario.redraw if redraw is None else redraw)
    data = simulate(world).data
    return pd.DataFrame({"school": data.labels[data.j], "x": data.x, "y": data.y})


def by_statsmodels(table: pd.DataFrame, slopes: str) -> dict[str, tuple[float, float]]:
    """Intercept and standard error of each school that has a line."""
    if slopes == "varying":
        table = table[table.groupby("school")["x"].transform("nunique") > 1]
    term = "x" if slopes == "common" else "C(school):x"
    fit = smf.ols(f"y ~ 0 + C(school) + {term}", table).fit()
    names = [n for n in fit.params.index if n.startswith("C(school)[") and ":" not in n]
    return {n[10:-1]: (fit.params[n], fit.bse[n]) for n in names}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=range(len(SCENARIOS)))
@pytest.mark.parametrize("slopes", ["common", "varying"])
def test_every_estimate_and_its_standard_error(scenario, slopes):
    f = facts(scenario, "Ashford", slopes)
    wanted = by_statsmodels(frame(scenario), slopes)
    for j, name in enumerate(f.names):
        assert f.known(j) == (name in wanted)
        if f.known(j):
            assert f.draws[0, j] == pytest.approx(wanted[name][0], rel=1e-7)
            assert f.fit.lines.alpha[j] == pytest.approx(wanted[name][0], rel=1e-7)
            assert f.fit.lines.se_alpha[j] == pytest.approx(wanted[name][1], rel=1e-6)
    single = (frame(scenario).groupby("school").size() == 1).sum()
    assert f.unknown == single


@pytest.mark.parametrize("scenario", SCENARIOS[:3], ids=range(3))
def test_what_happened_over_the_tests(scenario):
    f = facts(scenario, "Birch Lane", "common")
    last = range(scenario.redraw, max(scenario.redraw - KEPT, 0) - 1, -1)
    drawn = [by_statsmodels(frame(scenario, draw), "common") for draw in last]
    assert f.tests == len(drawn) == min(scenario.redraw, KEPT) + 1
    truth = simulate(scenario).alpha
    for j, name in enumerate(f.names):
        mine = np.array([d[name][0] for d in drawn])
        assert f.moved(j) == pytest.approx(mine.max() - mine.min(), abs=1e-6)
        assert f.middle(j) == pytest.approx(mine.mean())
        assert f.miss(j) == pytest.approx(np.sqrt(((mine - truth[j]) ** 2).mean()))
    best = {max(d, key=lambda name: d[name][0]) for d in drawn}
    assert f.firsts == len(best)


def test_small_schools_swing_as_the_rule_says():
    """The rule of the page, sigma_y / sqrt(n), against 300 draws of students."""
    scenario = Scenario(hyper=Hyperparameters(sigma_beta=0.0, b1=0.0))
    f = facts(scenario, "Juniper", "common")
    drawn = [by_statsmodels_fast(simulate(replace(scenario, redraw=k)).data) for k in range(300)]
    sd = np.std(drawn, axis=0)
    for j in (f.smallest, f.largest):
        assert f.swing(j) == pytest.approx(sd[j], rel=0.15)  # the SD of 300 is known to 4%
    assert np.mean(drawn, axis=0) == pytest.approx(f.truth, abs=1.6)  # unbiased
    sigma = float(f"{f.sigma_y:.1f}")
    assert f.swing(f.smallest) == pytest.approx(sigma / np.sqrt(f.n.min()))


@pytest.mark.parametrize("sigma_beta", [1.5, 8.0])
def test_two_tests_lie_as_far_apart_as_is_asked(sigma_beta):
    """Against 600 pairs of tests, and pairs of students drawn by the same rule."""
    scenario = Scenario(hyper=Hyperparameters(sigma_beta=sigma_beta))
    f = facts(scenario, "Juniper", "common")
    drawn = np.array(
        [by_statsmodels_fast(simulate(replace(scenario, redraw=k)).data) for k in range(601)]
    )
    found = np.abs(np.diff(drawn, axis=0)).mean(axis=0)
    for j in (f.smallest, f.largest, f.picked):
        assert f.between_tests(j) == pytest.approx(found[j], rel=0.12)
        assert f.between_students(j) / f.between_tests(j) == pytest.approx(np.sqrt(f.n[j]))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=range(len(SCENARIOS)))
def test_means_and_sizes_are_counted(scenario):
    f, table = facts(scenario, "Ashford", "common"), frame(scenario)
    plain = table.groupby("school")["y"].mean()
    sizes = table.groupby("school").size()
    assert f.plain_mean(f.picked) == pytest.approx(plain["Ashford"])
    for most in (1, 3, 10):
        assert f.at_most(most) == (sizes <= most).sum()


def by_statsmodels_fast(data) -> np.ndarray:
    """Intercepts by least squares on indicators and x."""
    columns = np.column_stack([np.eye(data.n_groups)[data.j], data.x])
    return np.linalg.lstsq(columns, data.y, rcond=None)[0][:-1]


def test_who_is_compared_and_where_all_are_alike():
    f = facts(Scenario(), "Oak Hill", "common")
    assert f.names[f.picked] == f.names[f.largest] == "Oak Hill"
    assert f.other == f.smallest
    assert facts(Scenario(), "Juniper", "common").other == f.largest
    assert not f.alike
    assert facts(Scenario(imbalance=0.0), "Juniper", "common").alike


def test_a_draw_without_freedom_takes_the_true_sd():
    scenario = Scenario(n_groups=3, students_per_group=1)
    f = facts(scenario, "Ashford", "common")
    assert f.data.n_students <= f.data.n_groups + 1
    assert f.sigma_y == scenario.sigma_y


DOMAIN = (30.0, 90.0)


def rows(f, *, truth=False):
    return frames(f.tables(DOMAIN, (-3.5, 3.5), truth=truth))["redraws"]


def test_the_newest_test_is_age_0_and_a_mark_keeps_its_name_as_it_ages():
    now = rows(facts(Scenario(redraw=4), "Juniper", "common"))
    before = rows(facts(Scenario(redraw=3), "Juniper", "common"))
    assert sorted(now["age"].unique()) == [0, 1, 2, 3, 4]
    merged = now.merge(before, on="id")
    assert len(merged) == 20 * 4
    assert (merged["age_x"] == merged["age_y"] + 1).all()
    np.testing.assert_array_equal(merged["alpha_x"], merged["alpha_y"])
    first = now[now["age"] == 0]
    assert first["n"].is_monotonic_decreasing
    assert first.loc[first["picked"], "school"].tolist() == ["Juniper"]


def test_truth_is_seen_only_when_asked_and_never_over_what_cannot_be_estimated():
    assert (rows(facts(Scenario(), "Juniper", "common"))["truth_seen"] == 0).all()
    f = facts(TINY, "Juniper", "varying")
    shown = rows(f, truth=True)
    assert f.unknown > 0
    missing = shown["missing"]
    assert missing.sum() == f.unknown
    assert (shown.loc[missing, "truth_seen"] == 0).all()
    assert (shown.loc[~missing, "truth_seen"] == 1).all()
    assert (shown.loc[missing, "note"] == UNKNOWN).all()
    truth = dict(zip(f.names, f.truth, strict=True))
    assert all(row.truth == truth[row.school] for row in shown.itertuples())


def test_what_lies_beyond_the_axis_is_said_at_its_end():
    f = facts(Scenario(), "Juniper", "common")
    shown = frames(f.tables((50.0, 65.0), (-3.5, 3.5), truth=False))["redraws"]
    own = dict(zip(f.names, f.fit.lines.alpha, strict=True))
    for row in shown.itertuples():
        value = own[row.school]
        if value < 50:
            assert (row.alpha, row.place, row.note) == (50.0, "low", f"← {value:.0f}")
        elif value > 65:
            assert (row.alpha, row.place, row.note) == (65.0, "high", f"{value:.0f} →")
        else:
            assert (row.alpha, row.note) == (value, "")
        assert row.beyond == (value < 50 or value > 65)


def test_many_schools_share_one_note():
    f = facts(replace(TINY, n_groups=60), "Juniper", "varying")
    notes = rows(f)["note"]
    assert (notes != "").sum() == 1
    assert notes.max() == f"{f.unknown} schools: {UNKNOWN}"


@pytest.mark.parametrize("slopes", ["common", "varying"])
def test_lines_go_through_what_was_estimated(slopes):
    f = facts(TINY, "Oak Hill", slopes)
    lines = frames(f.tables(DOMAIN, (-2.0, 3.0), truth=False))["lines"]
    low, high = (lines[lines["x"] == x].set_index("school") for x in (-2.0, 3.0))
    for j, name in enumerate(f.names):
        assert low.loc[name, "seen"] == float(f.known(j))
        if f.known(j):
            slope = (high.loc[name, "y"] - low.loc[name, "y"]) / 5
            assert slope == pytest.approx(f.fit.lines.beta[j])
            assert low.loc[name, "y"] + 2 * slope == pytest.approx(f.fit.lines.alpha[j])
        assert low.loc[name, "picked"] == (name == "Oak Hill")
    people = frames(f.tables(DOMAIN, (-2.0, 3.0), truth=False))["students"]
    mine = frame(TINY).query("school == 'Oak Hill'")
    np.testing.assert_array_equal(people[["x", "y"]], mine[["x", "y"]])


def test_the_axes_hold_nearly_all_and_do_not_move_with_the_students():
    f, g = (facts(Scenario(redraw=k), "Juniper", "common") for k in (0, 7))
    np.testing.assert_array_equal(f.reach, g.reach)
    assert (f.scores, f.pretests) == (g.scores, g.pretests)
    low, high = f.reach.reshape(2, -1)
    assert low == pytest.approx(f.truth - 35 / np.sqrt(f.n))
    assert high == pytest.approx(f.truth + 35 / np.sqrt(f.n))
    assert f.pretests == (-3.0, 3.0)
    assert np.mean((f.data.y < f.scores[0]) | (f.data.y > f.scores[1])) < 0.01
