"""The answers, the sentences, and what each mark shows."""

from __future__ import annotations

from mlm_core import Scenario
from pages.shared import offstage, story
from pages.shared.as_table import tables_of
from tests.pages.kit import drawn, mark_at, questions, right, said, story_of

STORY = story_of("my_lesson")
PREDICT, SAY, TRUTH, CHECK = 1, 3, 4, 5


def at(step, **changes):
    """What a step shows, its facts, its table."""
    seen = story.designed(STORY, step, **changes)
    f = STORY.facts(seen)
    (figure,), _ = drawn(STORY, seen, f)
    return f, figure


def test_the_bars_come_with_the_answer():
    assert at(PREDICT)[1].tables["schools"]["bar_seen"].max() == 0
    assert at(PREDICT, answered=True)[1].tables["schools"]["bar_seen"].min() == 1


def test_only_the_truth_step_shows_the_truth():
    shown = [at(k)[1].tables["schools"]["truth_seen"].max() for k in range(len(STORY.steps))]
    assert [k for k, seen in enumerate(shown) if seen] == [TRUTH]


def test_the_table_tells_what_is_shown_and_no_more():
    for step, more in ((PREDICT, set()), (TRUTH, {"plus one", "true mean"})):
        seen = story.designed(STORY, step)
        f = STORY.facts(seen)
        noted, _ = offstage.drawn(STORY, seen, f)
        (table,) = tables_of(noted.figures[0], STORY.tables)
        heads = set(table.heads)
        assert {"school", "students", "own mean"} <= heads
        assert heads & {"plus one", "true mean"} == more
        assert [row[0] for row in table.rows] == f.names.tolist()


def test_four_times_the_students_halve_the_error():
    for school in ("Juniper", "Oak Hill"):
        f, _ = at(CHECK, school=school)
        best = int(right(questions(STORY, CHECK, f)[0]))
        assert f.sigma_y / best**0.5 * 2 == f.se[f.picked]


def test_the_formula_has_the_numbers_of_the_school():
    f, _ = at(SAY, school="Oak Hill")
    text = said(STORY.steps[SAY].text, f)
    assert f"\\sqrt{{{f.data.n[f.picked]}}}$, which is {f.se[f.picked]:.1f} points" in text
    assert f.simulation.scenario == Scenario()


def test_each_mark_shows_its_field():
    spec = at(TRUTH)[1].spec
    (own,) = mark_at(spec, shape="circle", fill="transparent")
    (bar,) = mark_at(spec, type="bar")
    (truth,) = mark_at(spec, shape="diamond")
    assert (own["x"]["field"], own["y"]["field"]) == ("n", "own")
    assert (bar["y"]["field"], bar["y2"]["field"]) == ("low", "high")
    assert truth["y"]["field"] == "truth"
    assert truth["opacity"]["condition"]["test"] == "datum.truth_seen > 0"
