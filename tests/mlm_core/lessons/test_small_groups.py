"""Small groups: rankings, what holds on average, and the probability of being among the best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mlm_core import DataError, Scenario, fit_partial_pooling, replicate, simulate
from mlm_core.lessons import small_groups
from mlm_core.lessons.small_groups import (
    DRAWS,
    PLACES,
    YEARS,
    best_chances,
    ends,
    facts,
    on_average,
    rank_agreement,
    smaller_half,
)
from mlm_core.replication import world
from mlm_core.scenario import sd_within
from pages.shared.presets import ALIKE
from tests.frames import frames

CORNERS = {
    "alike": ALIKE,
    "three schools": replace(ALIKE, n_groups=3, seed=4),
    "equal sizes": replace(ALIKE, n_groups=12, imbalance=0.0),
    "truly level": replace(ALIKE, n_groups=9, hyper=replace(ALIKE.hyper, sigma_alpha=0.0)),
    "far apart": replace(Scenario(), n_groups=8, hyper=replace(ALIKE.hyper, sigma_alpha=15.0)),
    "with u": replace(Scenario(), seed=77, redraw=3),
}


def of(scenario: Scenario):
    return facts(scenario, str(simulate(scenario).data.labels[-1]))


@pytest.fixture(scope="module", params=CORNERS.values(), ids=CORNERS.keys())
def found(request):
    return of(request.param)


def test_years_are_the_same_schools_with_new_students(found):
    scenario = found.simulation.scenario
    for k in (0, 1, YEARS - 1):
        data = simulate(replace(scenario, redraw=scenario.redraw + k)).data
        data = replace(data, x=None)
        assert found.own[k] == pytest.approx(
            [data.y[data.j == j].mean() for j in range(len(data.n))]
        )
        assert found.complete[k] == pytest.approx(data.y.mean())
        fit = fit_partial_pooling(data)
        assert found.partial[k] == pytest.approx(fit.lines.alpha)
        assert found.target[k] == pytest.approx(fit.hyper.a0)
    made = simulate(scenario)
    assert found.truth == pytest.approx(made.alpha + made.beta * made.x_mean)


def test_ends_and_smaller_half_by_counting(found):
    n, J = found.data.n, found.data.n_groups
    assert found.places == {50: 5, 3: 1, 12: 4, 9: 3, 8: 2, 20: 5}[J]
    middle = sorted(n)[J // 2] if J % 2 else (sorted(n)[J // 2 - 1] + sorted(n)[J // 2]) / 2
    assert found.small.tolist() == [size < middle for size in n]
    assert found.equal == (len(set(n.tolist())) == 1)
    for year in (0, 3):
        ranked = sorted(range(J), key=lambda j: -found.own[year][j])
        assert found.best("own", year).tolist() == ranked[: found.places]
        assert found.worst("own", year).tolist() == ranked[-found.places :]
        first = sorted(range(J), key=lambda j: -found.own[0][j])[: found.places]
        assert found.stayed(year) == len([j for j in ranked[: found.places] if j in first])
    by_truth = sorted(range(J), key=lambda j: -found.truth[j])[: found.places]
    if not found.truly_level:
        assert found.right(found.best("own")) == len(
            set(by_truth) & set(found.best("own").tolist())
        )
    wanted = sum(found.small[j] for j in [*found.best("partial"), *found.worst("partial")])
    assert found.at_ends("partial") == wanted
    assert found.stayed(0) == found.places


def test_luck_is_the_most_dangerous_equation(found):
    assert (found.data.n < found.few).tolist() == found.small.tolist()
    assert found.error("partial") ** 2 == pytest.approx(
        np.mean((found.partial[0] - found.truth) ** 2)
    )
    if not found.equal:
        small = found.data.n < np.median(found.data.n)
        assert found.true_mean(small=True) == pytest.approx(np.mean(found.truth[small]))
        assert found.true_mean(small=False) == pytest.approx(np.mean(found.truth[~small]))
    assert found.luck(9) == pytest.approx(found.fit.sigma_y / 3)
    assert found.luck(4) == pytest.approx(2 * found.luck(16))


def test_what_holds_on_average_against_a_loop_of_single_fits():
    """Some of the draws, each fitted by itself and ranked by hand."""
    scenario = replace(Scenario(), n_groups=10, hyper=replace(ALIKE.hyper, sigma_alpha=2.0), seed=3)
    made = replicate(scenario, 40, with_x=False, keep_errors=True)
    got, n = on_average(made), made.n
    small, k = n < np.median(n), 3
    share = {"own": [], "partial": [], "truth": []}
    spread = {"own": [], "partial": [], "truth": []}
    agree = {"own": [], "partial": []}
    for w in range(40):
        drawn = world(scenario, w, with_x=False)
        fit = fit_partial_pooling(drawn.data)
        values = {
            "own": drawn.data.group_means(drawn.data.y),
            "partial": fit.lines.alpha,
            "truth": drawn.alpha,
        }
        ranked = fit.hyper.sigma_alpha > 0
        for name, v in values.items():
            order = np.argsort(v)
            at_ends = [*order[:k], *order[-k:]]
            spread[name].append(np.var(v, ddof=1))
            if name != "partial" or ranked:
                share[name].append(small[at_ends].mean())
            if name != "truth" and ranked:
                agree[name].append(stats.spearmanr(v, drawn.alpha)[0])
    for name in share:
        assert got.small[name] == pytest.approx(np.mean(share[name]), abs=1e-6)
        assert got.spread[name] == pytest.approx(np.sqrt(np.mean(spread[name])), rel=1e-4)
    for name in agree:
        assert rank_agreement(made)[name] == pytest.approx(np.mean(agree[name]), abs=1e-4)
    assert got.no_ranking == pytest.approx(1 - len(agree["own"]) / 40)
    assert 0 < got.no_ranking < 1


def test_the_draws_are_those_of_the_town_without_the_pretest():
    got = of(ALIKE).average
    made = replicate(
        replace(ALIKE, sigma_y=sd_within(ALIKE)), DRAWS, with_x=False, keep_errors=True
    )
    wanted = on_average(made)
    assert (got.small, got.spread) == (wanted.small, wanted.spread)
    assert got.no_ranking == wanted.no_ranking
    assert of(ALIKE).agreement == rank_agreement(made)


def test_what_is_not_shown_is_not_computed(monkeypatch):
    """A move of a slider: one fit, no later year's; no ranks of a thousand draws."""
    fits, draws = [], []

    def fit(data, **settings):
        fits.append(data)
        return fit_partial_pooling(data, **settings)

    def many(*given, **settings):
        draws.append(settings["ranks"])
        return replicate(*given, **settings)

    monkeypatch.setattr(small_groups, "fit_partial_pooling", fit)
    monkeypatch.setattr(small_groups, "replicate", many)
    found = facts(replace(ALIKE, seed=31), "Juniper")
    frames(found.tables("own", sizes=True, partial=False, truth=False))
    assert (len(fits), draws) == (1, [])
    assert found.average.no_ranking < 1
    assert (len(fits), draws) == (1, [False])
    frames(found.tables("partial", sizes=True, partial=True, truth=False))
    assert len(fits) == 1 + YEARS
    assert found.agreement["own"] > 0
    assert draws == [False, True]


def test_without_ranks_all_else_is_the_same():
    one, other = (
        replicate(replace(ALIKE, n_groups=6), 30, with_x=False, keep_errors=True, ranks=ranks)
        for ranks in (True, False)
    )
    assert np.isnan(other.partial_pooling.rank_agreement).all()
    assert np.isfinite(one.partial_pooling.rank_agreement).all()
    np.testing.assert_array_equal(one.partial_pooling.errors, other.partial_pooling.errors)
    np.testing.assert_array_equal(one.fits.sigma_alpha, other.fits.sigma_alpha)


def test_the_point_of_the_lesson():
    """Partial pooling takes small schools off the ends: more than the truth does."""
    found = of(ALIKE)
    small, spread = found.average.small, found.average.spread
    assert small["own"] > 0.7
    assert small["partial"] < 0.3
    assert small["truth"] == pytest.approx(found.small.mean(), abs=0.02)
    assert spread["partial"] < 0.8 * spread["truth"] < spread["own"]
    assert spread["truth"] == pytest.approx(1.0, abs=0.03)
    assert found.n_small(found.best("own")) == PLACES  # the foundation's finding
    assert found.n_small(found.worst("own")) >= 4
    assert found.agreement["own"] < found.agreement["partial"]


# The probability of being among the best


def test_chances_with_a_known_spread_against_quadrature():
    """Two far schools and one between: the SD between schools is hardly in doubt, two means are."""
    y, se = np.array([0.0, 1.0, -900.0, 900.0, 500.0, -400.0]), np.full(6, 1.0)
    chance = best_chances(y, se, places=3, n_draws=200_000)
    assert chance[[3, 4]] == pytest.approx(1.0)
    assert chance[1] == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.005)
    assert chance.sum() == pytest.approx(3.0)


def gibbs(y, se, places, n, seed):
    """The same posterior by another way: each unknown in turn, flat priors on a0 and sigma."""
    rng, J = np.random.default_rng(seed), len(y)
    a0, sigma, count = y.mean(), max(y.std(), 1.0), np.zeros(J)
    for k in range(-500, n):
        precision = 1 / se**2 + 1 / sigma**2
        alpha = (y / se**2 + a0 / sigma**2) / precision + rng.standard_normal(J) / precision**0.5
        a0 = alpha.mean() + sigma / J**0.5 * rng.standard_normal()
        sigma = np.sqrt(((alpha - a0) ** 2).sum() / rng.chisquare(J - 1))
        if k >= 0:
            count[np.argsort(-alpha)[:places]] += 1
    return count / n


@pytest.mark.parametrize("places", [1, 2])
def test_chances_against_a_gibbs_sampler(places):
    y, se = np.array([12.0, 3.0, -2.0, 5.0, 9.0, -6.0]), np.array([6.0, 2.0, 3.0, 1.5, 4.0, 3.0])
    got = best_chances(y, se, places)
    assert got == pytest.approx(gibbs(y, se, places, 25_000, seed=5), abs=0.025)


def test_chances_are_honest():
    """Over many towns, schools that are given 30% are among the best 30% of the time."""
    rng, se, J = np.random.default_rng(8), np.geomspace(0.6, 4, 9), 9
    said, true = [], []
    for _ in range(400):
        alpha = rng.uniform(0.3, 6.0) * rng.standard_normal(J)
        said.append(best_chances(alpha + se * rng.standard_normal(J), se, 3, n_draws=400))
        true.append(np.isin(np.arange(J), np.argsort(-alpha)[:3]))
    said, true = np.ravel(said), np.ravel(true)
    for low, high in ((0.02, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        there = (said > low) & (said <= high)
        error = 4 * np.sqrt(0.25 / there.sum())
        assert true[there].mean() == pytest.approx(said[there].mean(), abs=error)


def test_schools_of_which_nothing_is_known_share_the_places():
    chance = best_chances([5.0, 5.0, 5.0, 5.0], [3.0, 3.0, 3.0, 3.0], 1)
    assert chance == pytest.approx(0.25, abs=0.02)


def test_chances_of_the_facts(found):
    assert found.chance.sum() == pytest.approx(found.places)
    se = found.fit.sigma_y / np.sqrt(found.data.n)
    assert found.chance == pytest.approx(best_chances(found.own[0], se, found.places))
    clear = [p > 0.9 or p < 0.1 for p in found.chance]
    assert found.clear == sum(clear)
    for j, p in enumerate(found.chance):
        assert 0 < found.said_chance(j) < 1
        assert found.said_chance(j) == pytest.approx(p, abs=1e-4)
    order = found.likeliest
    assert (np.diff(found.chance[order]) <= 0).all()
    assert found.expected(order[:2]) == pytest.approx(
        found.chance[order[0]] + found.chance[order[1]]
    )


# Tables


def test_tables_show_what_they_say(found):
    names = found.names
    for by in ("own", "partial", "truth"):
        tables = frames(found.tables(by, sizes=True, partial=by != "own", truth=by == "truth"))
        schools = tables["schools"].set_index("school")
        assert (schools["at"] == found.data.n).all()
        assert schools["truth"].to_numpy() == pytest.approx(found.truth)
        assert schools.index[schools["picked"]].tolist() == [names[found.picked]]
        assert (schools["truth_seen"] == (by == "truth")).all()
        league = tables["league"].query("step == 2")
        level = np.ptp(found.values(by, 2)) < 1e-9
        wanted = [] if level else names[[*found.best(by, 2), *found.worst(by, 2)]].tolist()
        assert league["school"].tolist() == wanted
        year = tables["years"].query("step == 2")
        assert year["own"].to_numpy() == pytest.approx(found.own[2])
        # what is not shown lies where it will come from
        alpha = found.own if by == "own" else found.partial
        assert year["alpha"].to_numpy() == pytest.approx(alpha[2])
        target = found.complete if by == "own" else found.target
        assert year["target"].to_numpy() == pytest.approx(target[2])
        large = {
            name: set(year["school"][year[f"end_{name}"]]) for name in ("own", "partial", "truth")
        }
        assert large[by] == set(wanted)
        assert not any(large[other] for other in large if other != by)
        for _, row in league.iterrows():
            j = names.tolist().index(row["school"])
            assert row["small"] == found.small[j]
            assert row["label"].endswith(f"{row['school']} ({found.data.n[j]})")
            place = 1 + (found.values(by, 2) > found.values(by, 2)[j]).sum()
            assert row["label"].startswith(f"{place}. ")


def test_sizes_are_hidden_before_the_answer(found):
    tables = frames(found.tables("own", sizes=False, partial=False, truth=False))
    assert (tables["schools"]["at"] < 1).all()
    league = tables["league"]
    worst = league["row"] < 0
    assert not league["small"][worst].any()
    assert league["label"][worst].str.endswith("(?)").all()
    sizes = dict(zip(found.names, found.data.n, strict=True))
    for _, row in league[~worst].iterrows():
        assert row["label"].endswith(f"{row['school']} ({sizes[row['school']]})")
        assert row["small"] == (sizes[row["school"]] < np.median(found.data.n))
    said = tables["words"].set_index("what")["text"]
    assert said["strip"] != "" == said["band"]
    assert (tables["band"]["low"] == tables["band"]["high"]).all()
    assert (tables["schools"]["partial_seen"] == 0).all()


def test_the_band_holds_95_percent_of_equal_schools(found):
    band = frames(found.tables("own", sizes=True, partial=False, truth=False))["band"]
    sd = found.fit.sigma_y / np.sqrt(band["n"])
    share = stats.norm.cdf(band["high"], found.complete[0], sd) - stats.norm.cdf(
        band["low"], found.complete[0], sd
    )
    assert share == pytest.approx(0.95)


def test_the_rows_of_chances(found):
    for truth in (False, True):
        table = frames(found.chances(truth=truth))["schools"]
        assert len(table) <= 20
        one = table[table["others"] == 0].set_index("school")
        at = [found.names.tolist().index(s) for s in one.index]
        assert one["chance"].to_numpy() == pytest.approx(found.chance[at])
        assert found.names[found.picked] in one.index
        total = one["chance"].sum() + (table["chance"] * table["others"]).sum()
        assert total == pytest.approx(found.places)
        assert set(one.index[one["by_own"] > 0]) <= set(found.names[found.best("own")])
        assert table["by_own"].sum() == found.places
        assert table["by_partial"].sum() == (0 if found.level else found.places)
        others = table["school"] == "others"
        assert all(text not in ("0%", "100%") for text in table["said"])
        named = {j for by in ("own", "partial", "truth") for j in found.best(by).tolist()}
        shown = set(at)
        assert named | {found.picked} <= shown
        left = [found.chance[j] for j in range(len(found.chance)) if j not in shown]
        free = [found.chance[j] for j in shown if j not in named and j != found.picked]
        assert all(p >= 0.005 for p in free)
        assert len(at) >= 19 or max(left, default=0) < 0.005
        assert not free or max(left, default=0) <= min(free)
        assert table["label"][others].tolist() == ([f"{len(left)} others, mean"] if left else [])
        heads = table.iloc[0][["seen_own", "seen_partial", "seen_truth"]]
        assert heads.tolist() == [1, 1, truth]
        shown = truth and not found.truly_level
        assert table["by_truth"].sum() == (found.places if shown else 0)


def test_schools_of_one_student_are_refused():
    with pytest.raises(DataError):
        facts(Scenario(n_groups=3, students_per_group=1, imbalance=0.0), "Ashford")


def test_halves():
    assert smaller_half([4, 4, 4]).any() == np.False_
    assert [ends(J) for J in (3, 5, 6, 15, 100)] == [1, 1, 2, 5, 5]
