"""The facts of the first lesson, against counting by hand, pandas and sampling theory."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from mlm_core import Hyperparameters, Scenario, simulate
from mlm_core.lessons.next_year import YEARS, facts
from mlm_core.scenario import bounds
from tests.frames import frames

CORNERS = [
    Scenario(n_groups=3, students_per_group=2, imbalance=1.2, seed=7),
    Scenario(n_groups=100, students_per_group=2, imbalance=0.0, seed=3),
    Scenario(n_groups=100, students_per_group=100, hyper=Hyperparameters(sigma_alpha=0.0, b0=0.0)),
    Scenario(n_groups=30, sigma_y=30.0, hyper=Hyperparameters(sigma_alpha=20.0, b0=-10.0), seed=9),
    Scenario(sigma_y=1.0, redraw=4, seed=12),
]
SCENARIOS = [Scenario(), Scenario(n_groups=4, seed=5), *CORNERS]


@cache
def means(scenario: Scenario) -> pd.Series:
    data = simulate(scenario).data
    return pd.Series(data.y).groupby(data.labels.astype(str)[data.j]).mean()


@cache
def the(scenario: Scenario, school: str = "Ashford"):
    return facts(scenario, school)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_year_has_new_students_in_the_same_schools(scenario):
    f = the(scenario)
    assert f.years.shape == (YEARS + 1, scenario.n_groups)
    for year in (0, 1, YEARS):
        wanted = means(replace(scenario, redraw=scenario.redraw + year))
        np.testing.assert_allclose(f.years[year], wanted[f.names].to_numpy(), rtol=1e-12)
    np.testing.assert_array_equal(f.truth, simulate(scenario).mean)
    assert f.mean == pytest.approx(means(scenario).mean())
    assert not np.allclose(f.years[1], f.years[2])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_ends_are_the_highest_and_the_lowest(scenario):
    f, own = the(scenario), means(scenario)
    many = {3: 1, 4: 1}.get(scenario.n_groups, 5)
    assert f.ends == many
    assert set(f.names[f.praised]) == set(own.nlargest(many).index)
    assert set(f.names[f.inspected]) == set(own.nsmallest(many).index)
    assert f.names[f.best] == own.idxmax()
    assert f.names[f.inspected[-1]] == own.idxmin()
    assert not set(f.praised) & set(f.inspected)
    assert f.rival != f.best
    second = own.nlargest(2).index[1]
    assert f.names[f.rival] == second if f.largest == f.best else f.rival == f.largest
    assert f.data.n[f.smallest] == f.data.n.min()
    assert f.data.n[f.largest] == f.data.n.max()
    assert f.same_size == (f.data.n.min() == f.data.n.max())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_who_falls_is_counted(scenario):
    f, own = the(scenario), means(scenario)
    top = own.nlargest(f.ends).index
    lower = 0
    for year in range(1, YEARS + 1):
        later = means(replace(scenario, redraw=scenario.redraw + year))
        down = [name for name in top if later[name] < own[name]]
        lower += len(down)
        assert f.lower(f.praised, year) == len(down)
        assert f.change(f.praised, year) == pytest.approx((later[top] - own[top]).mean())
        assert f.again(year) == len(set(later.nlargest(f.ends).index) & set(top))
        if year == 1:
            up = f.ends - len(down)
            wanted = "fall" if len(down) > up else "rise" if up > len(down) else "half"
            assert f.verdict == wanted
    assert f.ever_lower == lower
    assert f.again_on_average == pytest.approx(np.mean([f.again(t) for t in range(1, YEARS + 1)]))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_lead_is_school_and_luck(scenario):
    f, own, made = the(scenario), means(scenario), simulate(scenario)
    top = own.nlargest(f.ends).index
    true = pd.Series(made.mean, made.data.labels.astype(str))
    assert f.lead == pytest.approx(own[top].mean() - own.mean())
    assert f.true_lead == pytest.approx(true[top].mean() - own.mean())
    said = [float(f"{v:.1f}") for v in (own[top].mean() - own.mean(), f.true_lead)]
    assert f.lucky == pytest.approx(said[0] - said[1])
    assert f.lucky == pytest.approx((own - true)[top].mean(), abs=0.11)
    assert f.truly_best == len(set(true.nlargest(f.ends).index) & set(top))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_how_far_the_praised_fall_and_who_moves(scenario):
    f, own = the(scenario), means(scenario)
    top = own.nlargest(f.ends).index
    years = pd.DataFrame(
        [means(replace(scenario, redraw=scenario.redraw + t)) for t in range(1, YEARS + 1)]
    )
    assert f.fall == pytest.approx((own[top] - years[top]).to_numpy().mean())
    lower = (years[top] < own[top]).sum(axis=1)
    assert f.fewest_and_most_lower == (lower.min(), lower.max())
    lead = own[top].mean() - own.mean()
    if f.fall < 0.05:
        assert f.way == "not at all"
    else:
        assert f.way == ("part" if lead - f.fall > 0.05 else "all")
    n = pd.Series(simulate(scenario).data.n, simulate(scenario).data.labels.astype(str))
    moves = (years - own).abs().mean()
    assert sorted(n[f.names[f.small_ones]]) == sorted(n)[: f.ends]
    assert sorted(n[f.names[f.large_ones]]) == sorted(n)[-f.ends :]
    assert f.typical_move(f.small_ones) == pytest.approx(moves[f.names[f.small_ones]].mean())
    large = f.names[f.largest]
    above, below = own[large] > years[large].max(), own[large] < years[large].min()
    assert f.luck_of_largest == ("good" if above else "bad" if below else "")


def test_each_way_and_each_luck_comes_up():
    found = [the(s) for s in [*SCENARIOS, *(Scenario(seed=s) for s in range(1, 30))]]
    assert {f.way for f in found} == {"not at all", "part", "all"}
    assert {f.luck_of_largest for f in found} == {"good", "bad", ""}


def test_on_average_over_towns_the_praised_fall_by_the_luck_in_their_place():
    falls, luck = [], []
    for seed in range(1, 61):
        f = the(Scenario(seed=seed))
        falls.append(-np.mean([f.change(f.praised, t) for t in range(1, YEARS + 1)]))
        luck.append((f.own - f.truth)[f.praised].mean())
    assert np.mean(falls) > 2
    assert np.mean(falls) == pytest.approx(np.mean(luck), abs=0.25)


def test_a_small_school_ranges_wider_than_a_large_one_as_the_root_of_its_size():
    wide = {"smallest": [], "largest": []}
    for seed in range(1, 61):
        f = the(Scenario(seed=seed))
        for name, ranges in wide.items():
            low, high = f.range_of(getattr(f, name))
            assert low == f.years[1:, getattr(f, name)].min() <= high
            ranges.append(high - low)
    ratio = np.mean(wide["smallest"]) / np.mean(wide["largest"])
    assert ratio == pytest.approx(np.sqrt(f.data.n.max() / f.data.n.min()), rel=0.12)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("order", ["place", "size"])
def test_the_tables_show_each_school_in_its_row(scenario, order):
    f = the(scenario)
    tables = frames(f.tables(later=True, truth=True, trail=True, order=order))
    schools = tables["schools"]
    key = schools["own"] if order == "place" else schools["n"]
    assert key.is_monotonic_decreasing
    at = schools.set_index("row")
    j = [f.names.tolist().index(name) for name in at["school"]]
    np.testing.assert_array_equal(at["own"], f.own[j])
    np.testing.assert_array_equal(at["truth"], f.truth[j])
    np.testing.assert_array_equal(at["n"], f.data.n[j])
    path = tables["path"]
    for step in (0, 1, YEARS):
        now = path[path["step"] == step].set_index("row")
        np.testing.assert_array_equal(now["later"], f.years[step, j])
        assert (now["later_seen"] == (step > 0)).all()
    trail = tables["trail"]
    school, year = trail["mark"].str.rsplit(n=1).str[0], trail["mark"].str.rsplit(n=1).str[1]
    for name, t, row, value in zip(school, year, trail["row"], trail["later"], strict=True):
        assert value == f.years[int(t), f.names.tolist().index(name)]
        assert at.loc[row, "school"] == name
    assert len(trail) <= 400
    assert tables["means"]["mean"].item() == f.mean
    assert tables["years"]["label"].tolist() == [str(k) for k in range(YEARS + 1)]
    praised = schools.loc[schools["group"] == "praised", "school"]
    assert set(praised) == set(f.names[f.praised])
    assert (schools["group"] == "inspected").sum() == f.ends
    assert (schools["group_seen"] == (order == "place")).all()
    assert schools.loc[schools["picked"], "school"].tolist() == ["Ashford"]
    assert schools.loc[schools["picked"], "named"].all()
    assert schools["named"].all() == (scenario.n_groups <= 24)


def test_what_is_not_shown_lies_unseen_on_this_year():
    f = the(Scenario())
    tables = frames(f.tables(later=False, truth=False, trail=True, order="place"))
    schools = tables["schools"].set_index("row")
    assert (schools["truth"] == schools["own"]).all()
    assert (schools["truth_seen"] == 0).all()
    for name, seen in (("path", "later_seen"), ("trail", "trail_seen")):
        table = tables[name]
        assert (table[seen] == 0).all()
        np.testing.assert_array_equal(table["later"], schools.loc[table["row"], "own"])


def test_names_do_not_meet_where_there_are_many_schools():
    f = the(Scenario(n_groups=100))
    for j in (int(f.ranking[0]), int(f.ranking[1]), int(f.ranking[50])):
        g = replace(f, picked=j)
        rows = frames(g.tables(later=True, truth=False, trail=False, order="place"))["schools"]
        named = rows.loc[rows["named"], "row"].to_numpy()
        assert j in [f.names.tolist().index(s) for s in rows.loc[rows["named"], "school"]]
        assert (np.diff(named) > 4).all()
        assert len(named) >= 2


def test_the_code_has_the_same_means():
    f = the(Scenario())
    two = pd.DataFrame(f.two_years()).set_index(["school", "year"])["y"]
    np.testing.assert_array_equal(two[[(n, "next year") for n in f.names]], f.years[1])


def test_it_opens_with_the_story_of_the_town():
    f = the(Scenario(), "Northgate")
    assert f.names[f.best] == "Northgate"
    assert f.names[f.inspected[-1]] == "Juniper"
    assert "Oak Hill" in f.names[f.praised]
    assert f.verdict == "fall"
    assert f.ever_lower > 0.7 * YEARS * f.ends
    assert f.lead > f.true_lead
    assert f.way == "part"
    assert f.luck_of_largest == "good"
    assert f.typical_move(f.small_ones) > 3 * f.typical_move(f.large_ones)


@pytest.mark.parametrize("name", ["n_groups", "students_per_group", "imbalance", "sigma_y"])
def test_every_end_of_a_control_has_facts(name):
    for end in bounds(name)[:2]:
        value = int(end) if isinstance(getattr(Scenario(), name), int) else end
        f = the(replace(Scenario(), **{name: value}))
        assert np.isfinite(f.years).all()
        assert 0 <= f.truly_best <= f.ends
