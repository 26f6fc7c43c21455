"""The lesson on nested and crossed: its numbers against counting, sums of squares and Henderson."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from mlm_core.lessons import nested_and_crossed as lesson
from tests.frames import frames

SETTINGS = (5.0, 10.0, 28)
CORNERS = [
    SETTINGS,
    (0.0, 10.0, 3),
    (20.0, 10.0, 4),
    (5.0, 1.0, 5),
    (5.0, 30.0, 13),
    (0.0, 30.0, 9999),
]


def both(settings=SETTINGS):
    """The facts of both data sets."""
    return lesson.facts(*settings, "areas", False), lesson.facts(*settings, "districts", True)


def groups_of(outer, inner):
    """Every label of the inner grouping with the outer groups it meets, one student at a time."""
    met = defaultdict(set)
    for a, b in zip(outer.tolist(), inner.tolist(), strict=True):
        met[b].add(a)
    return met


@pytest.mark.parametrize("settings", CORNERS, ids=str)
def test_who_meets_whom_is_counted(settings):
    facts, districts = both(settings)
    for moment in (*facts.areas, *districts.districts):
        met = groups_of(moment.made.outer, moment.inner)
        several = [len(met[label]) > 1 for label in sorted(met)]
        assert moment.shared.tolist() == several
        assert moment.several == sum(several)
        full = all(len(found) == len(set(moment.made.outer.tolist())) for found in met.values())
        kind = "nested" if not any(several) else "crossed" if full else "partially crossed"
        assert moment.kind == kind
        assert facts.headline(moment)[0] == kind
    first, last = facts.areas[0], facts.areas[-1]
    assert first.kind == "nested"
    assert last.several == len(last.shared)
    assert [m.kind for m in districts.districts] == ["nested", "crossed"]


def test_more_crossing_only_moves_more_children():
    """A child who goes elsewhere at one step does so, to the same school, at every later one."""
    facts, _ = both()
    home = facts.areas[0].made.outer
    for k, (before, after) in enumerate(zip(facts.areas, facts.areas[1:], strict=False)):
        gone = before.made.outer != home
        assert facts.moved[k] == gone.sum()
        assert (after.made.outer[gone] == before.made.outer[gone]).all()
        assert (after.inner == before.inner).all()
    shares = lesson.handle_shares()
    # 960 children, seven of eight schools are another one: five standard errors
    assert facts.moved[5] / 960 == pytest.approx(shares[5] * 7 / 8, abs=0.07)


def henderson(made, inner, sds):
    """Parts of the inner groups and their standard errors from the mixed model equations."""
    sd_outer, sd_inner, sigma_y = sds
    labels = [np.unique(v) for v in (made.outer, inner)]
    Z = [
        (v[:, None] == names).astype(float)
        for v, names in zip((made.outer, inner), labels, strict=True)
    ]
    W = np.column_stack([np.ones(len(made.y)), *Z])
    penalty = [
        0.0,
        *[sigma_y**2 / sd_outer**2] * len(labels[0]),
        *[sigma_y**2 / sd_inner**2] * len(labels[1]),
    ]
    inverse = np.linalg.inv(W.T @ W + np.diag(penalty))
    first = 1 + len(labels[0])
    return (inverse @ W.T @ made.y)[first:], inverse[first:, first:], labels[1]


@pytest.mark.parametrize("step", [0, 1, 10])
@pytest.mark.parametrize("wrong", [False, True])
def test_parts_are_hendersons(step, wrong):
    """Henderson (1975): parts of the groups given the SDs; errors given the mean, too."""
    moment = both()[0].areas[step]
    one = moment.wrong if wrong else moment.right
    inner = lesson.joined(moment.made.outer, moment.inner) if wrong else moment.inner
    part, _, labels = henderson(moment.made, inner, one.sds)
    assert one.levels.tolist() == labels.tolist()
    assert one.part == pytest.approx(part, abs=1e-6)
    assert (one.levels[one.code] == inner).all()


def test_errors_are_conditional_standard_deviations():
    """As lme4's condVar: the mean and the SDs known, everything else not."""
    moment = both()[0].areas[-1]
    sd_outer, sd_inner, sigma_y = moment.right.sds
    labels = np.unique(moment.inner)
    Z = [(v[:, None] == np.unique(v)).astype(float) for v in (moment.made.outer, moment.inner)]
    W = np.column_stack(Z)
    prior = np.diag([1 / sd_outer**2] * Z[0].shape[1] + [1 / sd_inner**2] * len(labels))
    spread = np.sqrt(np.diag(np.linalg.inv(W.T @ W / sigma_y**2 + prior)))[Z[0].shape[1] :]
    assert moment.right.error == pytest.approx(spread, rel=1e-6)
    assert moment.right.mean_error == pytest.approx(spread.mean(), rel=1e-6)


@pytest.mark.parametrize("settings", CORNERS[:4], ids=str)
def test_misses_are_from_the_truth(settings):
    for moment in (*both(settings)[0].areas[::5], both(settings)[1].districts[1]):
        true = dict(zip(moment.made.inner.tolist(), moment.made.part.tolist(), strict=True))
        middle = sum(true.values()) / len(true)
        for one in (moment.right, moment.wrong):
            errors = [
                one.part[code] - (true[label] - middle)
                for code, label in zip(one.code, moment.made.inner.tolist(), strict=True)
            ]
            assert one.misses(moment.truth) == pytest.approx(np.sqrt(np.mean(np.square(errors))))


def test_own_means_are_counted_from_all():
    moment = both()[0].areas[1]
    for label, own in zip(moment.right.levels, moment.own, strict=True):
        mean = np.mean(
            [y for y, of in zip(moment.made.y, moment.inner, strict=True) if of == label]
        )
        assert own == pytest.approx(mean - moment.made.y.mean())


def test_both_formulas_agree_on_nested_data_only():
    """On nested data with unique names the two name the same groups."""
    facts, districts = both()
    first, last = facts.areas[0], facts.areas[-1]
    assert first.right.found.criterion == pytest.approx(first.wrong.found.criterion, abs=1e-9)
    order = np.argsort([label.split(": ")[1] for label in first.wrong.levels])
    assert first.right.part == pytest.approx(first.wrong.part[order], abs=1e-6)
    assert abs(last.right.found.criterion - last.wrong.found.criterion) > 1
    again = districts.districts[1]
    mended = lesson.fit(again.made, lesson.joined(again.made.outer, again.inner))
    assert mended.found.criterion == pytest.approx(again.right.found.criterion, abs=1e-9)


def test_the_slash_makes_a_group_of_every_pair():
    facts, _ = both()
    for moment in facts.areas:
        pairs = set(zip(moment.made.outer.tolist(), moment.inner.tolist(), strict=True))
        assert len(moment.wrong.levels) == len(pairs)
        assert len(moment.right.levels) == lesson.NEIGHBOURHOODS
    assert facts.costly
    right, wrong = facts.areas[-1].right, facts.areas[-1].wrong
    assert (round(right.mean_error, 1), round(wrong.mean_error, 1)) == (1.4, 2.6)


@pytest.mark.parametrize("seed", [28, 3, 4])
def test_names_used_again_against_sums_of_squares(seed):
    """The design is balanced and crossed by its labels: analysis of variance gives its REML."""
    moment = both((5.0, 10.0, seed))[1].districts[1]
    districts, names = (
        np.unique(v, return_inverse=True)[1] for v in (moment.made.outer, moment.inner)
    )
    y, n, a, b = moment.made.y, 720, 6, 4
    by = [np.bincount(j, y) / np.bincount(j) for j in (districts, names)]
    ms_a = n / a * ((by[0] - y.mean()) ** 2).sum() / (a - 1)
    ms_b = n / b * ((by[1] - y.mean()) ** 2).sum() / (b - 1)
    rest = y - by[0][districts] - by[1][names] + y.mean()
    ms_e = (rest**2).sum() / (n - a - b + 1)
    assert ms_b > ms_e
    outer, inner, students = moment.wrong.sds
    assert outer == pytest.approx(np.sqrt((ms_a - ms_e) / (n / a)), abs=1e-4)
    assert inner == pytest.approx(np.sqrt((ms_b - ms_e) / (n / b)), abs=1e-4)
    assert students == pytest.approx(np.sqrt(ms_e), abs=1e-4)


def test_truth_is_recovered_when_children_mix():
    """The mean variance over draws within 3 standard errors of the truth: REML is unbiased here."""
    sds = []
    for seed in range(40):
        made = lesson.children_in_schools(1.0, 5.0, 10.0, seed)
        sds.append(lesson.fit(made, made.inner).sds)
    for found, truth in zip(np.array(sds).T[:2], (5.0, lesson.SD_OTHER), strict=True):
        variance = found**2
        assert abs(variance.mean() - truth**2) < 3 * variance.std() / np.sqrt(len(variance))
    assert np.mean([of_students for *_, of_students in sds]) == pytest.approx(10.0, abs=0.15)


def test_the_draw_on_which_it_opens_is_an_ordinary_one():
    facts, districts = both()
    assert facts.now.kind == "partially crossed"
    for found, truth in zip(facts.now.right.sds, (5.0, 4.0, 10.0), strict=True):
        assert found == pytest.approx(truth, rel=0.25)
    for found, truth in zip(districts.districts[0].right.sds, (4.0, 5.0, 10.0), strict=True):
        assert found == pytest.approx(truth, rel=0.25)


def shown(facts, **seen):
    layers = {"named": True, "own": False, "right": True, "wrong": True, "truth": True} | seen
    return frames(facts.tables(**layers))


def test_tables_hold_every_student_in_its_cell():
    for facts in (*both(), lesson.facts(*SETTINGS, "districts", False)):
        tables = shown(facts)
        for k, moment in enumerate(facts.moments):
            cells = tables["cells"][tables["cells"]["step"] == k]
            assert cells["n"].sum() == len(moment.made.y)
            rows = {
                name: (i + 0.5) / len(moment.structure.levels_a)
                for i, name in enumerate(moment.structure.levels_a)
            }
            columns = {
                name: (i + 0.5) / len(moment.structure.levels_b)
                for i, name in enumerate(moment.structure.levels_b)
            }
            for cell in cells.itertuples():
                here = (moment.made.outer == cell.outer) & (moment.inner == cell.inner)
                assert here.sum() == cell.n
                assert (cell.row, cell.column) == (rows[cell.outer], columns[cell.inner])
        sizes = tables["cells"].query("step == 0").sort_values("n")
        assert sizes["side"].is_monotonic_increasing
        assert (
            tables["columns"].query("step == 0")["shared"].tolist()
            == facts.moments[0].shared.tolist()
        )


def test_names_stand_at_their_rows_and_columns():
    facts = lesson.facts(*SETTINGS, "districts", False)
    names = shown(facts)["names"]
    cells = shown(facts)["cells"]
    columns = names[names["of"] == "column"].set_index("text")["place"]
    rows = shown(facts)["rows"].set_index("name")["place"]
    for places, label, at in ((rows, "outer", "row"), (columns, "inner", "column")):
        assert (cells[label].map(places) == cells[at]).all()
    assert names.set_index("of").loc["inner", "text"] == "school"
    assert names.set_index("of").loc["outer", "text"] == "district adds"
    plain = shown(facts, right=False)["names"]
    assert plain.set_index("of").loc["outer", "text"] == "district"


@pytest.mark.parametrize("table", ["right", "wrong", "truth"])
def test_parts_stand_in_the_column_of_their_students(table):
    for facts in both():
        if table == "wrong" and facts.data == "areas":
            continue  # shown in pieces, at places of their own
        parts = shown(facts, wrong=table == "wrong")[table]
        for k, moment in enumerate(facts.moments):
            one = moment.wrong if table == "wrong" else moment.right
            here = parts[parts["step"] == k]
            assert here["group"].tolist() == one.levels.tolist()
            for place, code in zip(here["place"], range(len(here)), strict=True):
                (column,) = set(moment.inner[one.code == code].tolist())
                at = moment.structure.levels_b.tolist().index(column)
                assert at < place * len(moment.structure.levels_b) < at + 1
            assert len(set(here["place"].round(9))) == len(here)
            if table == "truth":
                truth = [moment.truth[one.code == code][0] for code in range(len(here))]
                assert here["part"].tolist() == pytest.approx(truth)
            else:
                assert here["part"].tolist() == pytest.approx(one.part.tolist())
                assert (here["high"] - here["low"]).tolist() == pytest.approx(
                    (2 * one.error).tolist()
                )


def test_what_is_not_shown_lies_unseen():
    facts, _ = both()
    for layer, table, column in (
        ("own", "right", "own_seen"),
        ("right", "right", "seen"),
        ("wrong", "wrong", "seen"),
        ("truth", "truth", "seen"),
    ):
        for on in (False, True):
            assert (shown(facts, **{layer: on})[table][column] == float(on)).all()
    quiet = shown(facts, named=False)
    assert not quiet["columns"]["shared"].any()
    assert not quiet["steps"][["kind", "meaning"]].to_numpy().any()
    unique = lesson.facts(*SETTINGS, "districts", False)
    assert not shown(unique, wrong=True)["wrong"]["seen"].any()
    resting = shown(facts)["steps"].query("resting")["step"].tolist()
    assert resting == [facts.rest] == [1]


def test_the_students_of_districts_go_to_four_schools():
    students = both()[1].students()
    assert set(students["school"]) == {"School 1", "School 2", "School 3", "School 4"}


@pytest.fixture
def fitted(monkeypatch) -> list[object]:
    """One entry for each fit that is made, alone or together with others."""
    made: list[object] = []
    one, many = lesson.fit_variance_components, lesson.fit_together
    monkeypatch.setattr(
        lesson, "fit_variance_components", lambda *a, **k: made.append(a) or one(*a, **k)
    )
    monkeypatch.setattr(lesson, "fit_together", lambda parts: made.extend(parts) or many(parts))
    return made


def test_what_is_not_shown_is_not_fitted(fitted):
    lesson.areas.cache_clear()
    facts = lesson.facts(5.0, 10.0, 77, "areas", False)
    facts.reach(wrong=False)
    shown(facts, wrong=False)
    assert len(fitted) == lesson.STEPS


def test_of_districts_no_neighbourhoods_are_fitted(fitted):
    """A move there took the 11 fits of data that are not looked at."""
    lesson.areas.cache_clear()
    lesson.districts.cache_clear()
    facts = lesson.facts(5.0, 10.0, 78, "districts", False)
    facts.reach(wrong=False)
    shown(facts, wrong=False)
    facts.students()
    assert len(fitted) == 1


def test_what_is_looked_at_is_where_the_handle_is_set_to():
    for at in (0, 4, 10):
        facts = lesson.facts(*SETTINGS, "areas", False, True, at)
        assert facts.now is facts.areas[at]
        assert facts.wrong is facts.areas[at].wrong
        assert facts.elsewhere == facts.moved[at]
        assert facts.rest == 1  # the figure is the same wherever a step sets its handle
    assert lesson.facts(*SETTINGS, "areas", False).wrong is None
    again = lesson.facts(*SETTINGS, "districts", True)
    assert again.wrong is again.moments[0].wrong


@pytest.mark.parametrize("settings", CORNERS, ids=str)
def test_beginning_near_finds_the_same(settings):
    for step in lesson.areas(*settings):
        far = lesson.fit(step.made, step.inner)
        assert step.right.found.criterion == pytest.approx(far.found.criterion, abs=1e-8)
        assert step.right.part == pytest.approx(far.part, abs=1e-5 * (1 + far.found.sigma_y))
        pieces = lesson.fit(step.made, lesson.joined(step.made.outer, step.inner))
        assert step.wrong.found.criterion == pytest.approx(pieces.found.criterion, abs=1e-8)


@pytest.mark.parametrize("settings", CORNERS, ids=str)
def test_no_precision_is_claimed_where_an_sd_is_zero(settings):
    facts = both(settings)[0]
    last = facts.areas[-1]
    if 0 in (last.wrong.sds[1], last.right.sds[1]):
        assert not facts.costly or last.right.mean_error > 0
    assert np.isfinite(facts.reach(wrong=True)).all()


def test_an_sd_of_zero_is_not_sold_as_knowledge():
    for seed in range(200):
        facts = lesson.facts(5.0, 30.0, seed, "areas", False)
        if facts.areas[-1].wrong.sds[1] == 0:
            assert not facts.costly
            return
    pytest.fail("no such draw")
