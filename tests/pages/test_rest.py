"""Until its handle is moved, a figure shows its place of rest by itself."""

from __future__ import annotations

import json
import re

import pytest

from mlm_core.charts.handle import AT
from mlm_core.charts.theme import Look
from pages.shared import offstage, story

UNTOUCHED = re.compile(rf"\({AT} < 0 \? (\S+) : ([^()]+)\)")


LESSONS = [lesson.slug for lesson in offstage.lessons()]


@pytest.mark.parametrize("slug", LESSONS)
def test_an_untouched_figure_is_at_rest(slug):
    told = offstage.story_of(slug)
    shown = story.designed(told, -1)
    noted, handle = offstage.drawn(told, shown, told.facts(shown))
    if handle is None:
        return
    (figure,) = (one for one in noted.figures if one.key == handle.figure)
    spec = json.dumps(figure.spec(Look()))
    expressions = UNTOUCHED.findall(spec)
    for untouched, moved in expressions:
        there = eval(moved.replace(AT, str(handle.rest)), {"__builtins__": {}})
        assert float(untouched) == pytest.approx(there, abs=1e-9), moved
    resting = [table for table in figure.tables.values() if "resting" in table]
    for table in resting:
        assert set(table.loc[table["resting"], "step"]) <= {handle.rest}
    assert expressions or any(table["resting"].any() for table in resting)
    assert f'"{AT}"' in spec
