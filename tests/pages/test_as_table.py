"""The figure as a table: what it shows now, no more; its cells are where the handle is."""

from __future__ import annotations

import pytest

from pages.shared import as_table, offstage, story
from pages.shared.words import number, percent

LESSONS = [lesson.slug for lesson in offstage.lessons()]
OTHER_VIEWS = [
    ("small_groups", {"view": "chances"}),
    ("efficient_inference", {"view": "sizes"}),
    ("efficient_inference", {"view": "spreads"}),
    ("prediction", {"view": "errors"}),
    ("structured_data", {"view": "one"}),
    ("nested_and_crossed", {"structure": "districts"}),
    ("varying_intercepts", {"data": "radon"}),
    ("complete_pooling", {"view": "left over"}),
]


def tables(slug: str, step: int, *, answered: bool = False, **changes):
    """The tables of a lesson in a state, its facts, its handle."""
    lesson = offstage.story_of(slug)
    seen = story.designed(lesson, step, answered=answered, **changes)
    facts = lesson.facts(seen)
    noted, handle = offstage.drawn(lesson, seen, facts)
    return (
        [t for shown in noted.figures for t in as_table.tables_of(shown, lesson.tables)],
        facts,
        handle,
    )


def columns(found) -> set[tuple[str, str]]:
    return {(table.title, head) for table in found for head in table.heads}


def cells(found) -> list:
    return [cell for table in found for row in table.rows for cell in row]


def at(table, name: str, head: str, step: int | None = None):
    """A cell by the first cell of its row and the heading of its column."""
    row = next(row for row in table.rows if row[0] == name)
    cell = row[table.heads.index(head)]
    return cell if isinstance(cell, str) or step is None else cell[step]


@pytest.mark.parametrize("slug", LESSONS)
def test_every_figure_has_a_table_that_gives_nothing_away(slug):
    lesson = offstage.story_of(slug)
    first = story.first_prediction(lesson)
    before, _, _ = tables(slug, first)
    after, _, handle = tables(slug, -1, truth=True)
    assert cells(before)
    assert cells(after)
    assert not any("tru" in head for _, head in columns(before))
    hidden = {"partial pooling", "averaged over tau", "pulled", "the year of the handle", "p-value"}
    assert not hidden & {head for _, head in columns(before)} or slug == "varying_intercepts"
    places = len(handle.spoken) if handle is not None else 1
    assert {len(c) for c in cells(after) if isinstance(c, list)} <= {places}
    assert any(isinstance(c, list) for c in cells(after)) == (handle is not None)
    for cell in cells(after):
        assert not {"nan", "None", "inf"} & set(cell if isinstance(cell, list) else [cell])


@pytest.mark.parametrize(("slug", "view"), OTHER_VIEWS)
def test_every_other_view_has_one_too(slug, view):
    assert cells(tables(slug, -1, **view)[0])


def test_every_figure_of_a_lesson_is_laid_out():
    known = {"shrinkage", "your_path", "your_plane"}  # the start page's; own data has its own
    drawn = {
        shown.key
        for slug, view in [*((slug, {}) for slug in LESSONS), *OTHER_VIEWS]
        for shown in _figures(slug, view)
    }
    own = {key for slug in LESSONS for key in offstage.story_of(slug).tables}
    assert drawn - own == set(as_table.LAYOUTS) - known


def _figures(slug: str, view):
    lesson = offstage.story_of(slug)
    seen = story.designed(lesson, -1, **view)
    return offstage.drawn(lesson, seen, lesson.facts(seen))[0].figures


def test_partial_pooling_is_where_the_handle_is():
    (table,), f, handle = tables("partial_pooling", -1, truth=True, later=True)
    for step in (0, 30, handle.rest, handle.last):
        for j in (f.smallest, f.largest):
            name = str(f.names[j])
            assert at(table, name, "partial pooling", step) == number(f.path.alpha[step, j])
            assert at(table, name, "pulled", step) == percent(f.share[step, j])
            assert at(table, name, "own mean") == number(f.own[j])
            assert at(table, name, "true mean") == number(f.truth[j])
            assert at(table, name, "next year") == number(f.later[j])
    assert table.rows[0][0] == f.names[f.largest]


def test_the_year_is_the_handles():
    (table,), f, _ = tables("next_year", -1)
    name = str(f.names[f.best])
    assert at(table, name, "this year") == number(f.own[f.best])
    years = [at(table, name, "the year of the handle", k) for k in range(11)]
    assert years == ["", *(number(f.years[k, f.best]) for k in range(1, 11))]


def test_intercepts_are_read_where_the_handle_has_the_zero():
    (table, _), f, handle = tables("varying_slopes", -1)
    j = f.picked
    zero = 0.01 * (f.raw[0] - 500)
    found = at(table, str(f.names[j]), "intercept, partial pooling", 0)
    assert found == number(f.fit.lines.alpha[j] + zero * f.fit.lines.beta[j])
    rest = at(table, str(f.names[j]), "intercept, partial pooling", handle.rest)
    assert rest == number(f.fit.lines.alpha[j])


def test_schools_turn_with_the_handle():
    (slopes, schools), f, handle = tables("two_level_predictors", -1)
    said = next(row[0] for row in slopes.rows if isinstance(row[0], list))
    assert said[handle.last].endswith(number(f.between[handle.last]))
    name = str(f.names[f.picked])
    ends = [at(schools, name, "mean score", k) for k in (0, handle.last)]
    means = [data.group_means(data.y)[f.picked] for data in (f.start, f.end)]
    assert ends == [number(m) for m in means]


def test_who_meets_whom_follows_the_handle():
    (_, table, _), f, handle = tables("nested_and_crossed", -1)
    now = f.moments[handle.rest].structure
    name, column = str(now.levels_b[0]), now.counts[:, 0]
    met = dict(
        part.rsplit(" ", 1) for part in at(table, name, "their rows", handle.rest).split(", ")
    )
    assert met == {str(now.levels_a[k]): str(n) for k, n in enumerate(column) if n}


def test_sizes_are_told_when_they_are_shown():
    before, _, _ = tables("small_groups", story.first_prediction(offstage.story_of("small_groups")))
    after, _, _ = tables("small_groups", -1)
    assert ("Schools", "students") not in columns(before)
    assert ("Schools", "students") in columns(after)
