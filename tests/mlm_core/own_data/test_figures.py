"""Figures of a reader's own data: which mark shows which field, and the legend says the same."""

from __future__ import annotations

import pytest

from mlm_core.charts.caterpillar import caterpillar
from mlm_core.charts.group_lines import group_lines
from mlm_core.charts.line_up import line_up
from mlm_core.charts.lines_plane import lines_plane
from mlm_core.charts.own_glide import own_glide
from mlm_core.charts.own_marks import legend
from mlm_core.charts.theme import Look
from tests.pages.kit import mark_at

LOOK = Look()
INK = LOOK.palette
HOLLOW = {"shape": "circle", "fill": "transparent", "stroke": INK.no}
FILLED = {"shape": "circle", "fill": INK.partial}


def fields(spec, **looks) -> list[tuple[str, ...]]:
    """The fields at x, x2 and y of marks of a look."""
    return [
        tuple(where[c]["field"] for c in ("x", "x2", "y") if "field" in where.get(c, {}))
        for where in mark_at(spec, **looks)
    ]


def glide(one_target: bool):
    return own_glide(
        LOOK, domain=(0, 9), rows=8, scale=5, steps=101, score="y", unit="y", one_target=one_target
    ).to_dict()


def test_groups_between_no_and_complete_pooling():
    spec = glide(True)
    assert fields(spec, **HOLLOW) == [("own", "row")]
    assert fields(spec, **FILLED) == [("alpha", "row")]
    assert fields(spec, type="bar", color=INK.muted) == [("own", "alpha", "row")]
    assert fields(spec, type="rule", color=INK.complete) == [("complete",)]
    assert fields(spec, type="rule", color=INK.target) == [("toward",)]


def test_groups_pulled_to_places_of_their_own():
    spec = glide(False)
    assert fields(spec, type="tick", color=INK.complete) == [("complete", "row")]
    assert fields(spec, type="tick", color=INK.target) == [("toward", "row")]


def test_groups_by_slope_and_height():
    spec = lines_plane(LOOK, heights=(0, 9), slopes=(0, 2), score="y", slope="x").to_dict()
    assert fields(spec, **HOLLOW) == [("own_slope", "own")]
    assert fields(spec, **FILLED) == [("slope", "pooled")]
    assert fields(spec, shape="cross", color=INK.target) == [("slope", "height")] * 2
    assert fields(spec, type="rule", color=INK.complete) == [("slope",), ("height",)]


def test_groups_with_intervals():
    spec = caterpillar(LOOK, domain=(0, 9), rows=8, score="y").to_dict()
    assert fields(spec, **HOLLOW) == [("own", "row")]
    assert fields(spec, **FILLED) == [("height", "row")]
    assert fields(spec, type="rule", color=INK.partial) == [("low", "high", "row")]
    assert fields(spec, type="tick", color=INK.target) == [("toward", "row")]


@pytest.mark.parametrize("pooling", ["complete", "no", "partial"])
def test_lines_through_rows(pooling):
    spec = group_lines(LOOK, x=(0, 1), y=(0, 9), x_title="x", y_title="y").to_dict()
    lines = [m for m in spec["layer"] if m["mark"]["type"] == "line"]
    mine = [m for m in lines if f"'{pooling}'" in str(m["transform"])]
    assert [m["mark"]["color"] for m in mine] == [INK.of(pooling)]
    assert (mine[0]["mark"]["strokeDash"] != [1, 0]) == (pooling == "no")


def test_the_panels_of_the_line_up_look_alike_until_one_is_picked_out():
    hidden, seen = (line_up(LOOK, panels=8, shown=shown).to_dict() for shown in (-1, 3))
    for spec in (hidden, seen):
        colours = {m["mark"].get("color") for m in spec["layer"] if m["mark"]["type"] == "point"}
        assert colours == {INK.ink}
    lines = mark_at(line_up(LOOK, joined=True).to_dict(), type="line")
    assert len(lines) == 2  # what the model expects, and the groups
    assert all(where["detail"]["field"] == "panel" for where in lines)
    box = next(where["stroke"] for where in mark_at(seen, type="rect"))
    assert (box["condition"]["test"], box["condition"]["value"]) == ("datum.panel == 3", INK.picked)
    assert "datum.panel == -1" in str(mark_at(hidden, type="rect"))


def test_the_legend_draws_each_mark_as_the_figure_does():
    said = {"no": "by itself", "partial": "pooled", "complete": "all", "target": "there"}
    encoding = legend(LOOK, said).to_dict()["encoding"]
    shown = {
        channel: dict(
            zip(*(encoding[channel]["scale"][k] for k in ("domain", "range")), strict=True)
        )
        for channel in ("shape", "fill", "stroke")
    }
    assert shown["stroke"] == {word: getattr(INK, name) for name, word in said.items()}
    assert (shown["shape"]["by itself"], shown["fill"]["by itself"]) == ("circle", "transparent")
    assert (shown["shape"]["pooled"], shown["fill"]["pooled"]) == ("circle", INK.partial)
    assert shown["shape"]["all"] != shown["shape"]["there"]
