"""Until its handle is moved, a figure shows its place of rest by itself."""

from __future__ import annotations

import copy
import json
import re

import pytest
import vl_convert

from mlm_core.charts.handle import HANDLE
from mlm_core.charts.theme import Look
from pages.shared import offstage, story


def with_handle():
    """Each figure with a handle, once: as the laboratory or its first step shows it."""
    seen = set()
    for lesson in offstage.lessons():
        told = offstage.story_of(lesson.slug)
        for step in range(-1, len(told.steps)):
            shown = story.designed(told, step, answered=True)
            noted, handle = offstage.drawn(told, shown, told.facts(shown))
            if handle is not None and handle.figure not in seen:
                seen.add(handle.figure)
                (figure,) = (one for one in noted.figures if one.key == handle.figure)
                yield pytest.param(figure, handle, id=handle.figure)


def at(spec: dict, step: int | None) -> str:
    """The figure as SVG, its handle moved to a step or not moved."""
    spec = copy.deepcopy(spec)

    def move(part) -> None:
        if isinstance(part, dict):
            if part.get("name") == HANDLE and "select" in part and step is not None:
                part["value"] = [{"step": step}]
            for value in part.values():
                move(value)
        elif isinstance(part, list):
            for value in part:
                move(value)

    move(spec)
    return re.sub(r"(gradient|clip)[_\w]*\d+", "", vl_convert.vegalite_to_svg(spec))


@pytest.mark.parametrize(("figure", "handle"), with_handle())
def test_an_untouched_figure_is_at_rest(figure, handle):
    tables = {
        name: json.loads(table.to_json(orient="records", double_precision=15))
        for name, table in figure.tables.items()
    }
    spec = json.loads(json.dumps({**figure.spec(Look()), "datasets": tables}))
    untouched = at(spec, None)
    assert untouched == at(spec, handle.rest)
    assert untouched != at(spec, 0 if handle.rest == handle.last else handle.last)
