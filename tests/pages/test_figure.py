"""Specifications are built once; domains are filled in afterwards, to the same effect."""

from __future__ import annotations

import json
import re

import pytest

from mlm_core.charts.errors import errors
from mlm_core.charts.funnel import funnel
from mlm_core.charts.pooling_path import pooling_path
from mlm_core.charts.redraws import redraws
from mlm_core.charts.students import students
from mlm_core.charts.theme import Look
from pages.shared.figure import _spec

CASES = [
    (pooling_path, {"rows": 20, "scale": 5.0, "steps": 121}, {"domain": (30.0, 90.0)}),
    (
        redraws,
        {"rows": 20},
        {"domain": (0.0, 120.0), "x_domain": (-3.5, 3.5), "y_domain": (10.0, 110.0)},
    ),
    (funnel, {"largest": 100, "steps": 10}, {"domain": (30.0, 90.0)}),
    (errors, {"steps": 121}, {"domain": (-30.0, 30.0)}),
    (students, {}, {"x_domain": (-3.5, 3.5), "y_domain": (10.0, 110.0)}),
]


def unnamed(spec) -> str:
    """Without the numbers that Altair counts views with."""
    return re.sub(r"view_\w+", "view", json.dumps(spec))


@pytest.mark.parametrize(("chart", "settings", "axes"), CASES)
@pytest.mark.parametrize("dark", [False, True])
def test_a_domain_filled_in_is_a_domain_built_in(chart, settings, axes, dark):
    look = Look(dark)
    late = _spec(chart, look, tuple(settings.items()), tuple(axes.items()))
    assert unnamed(late) == unnamed(chart(look, **settings, **axes).to_dict())


def test_a_new_domain_builds_nothing_anew():
    built = []

    def chart(look, **settings):
        built.append(settings)
        return students(look, **settings)

    for half in (3.5, 7.0, 14.0):
        axes = (("x_domain", (-half, half)), ("y_domain", (10.0, 110.0)))
        _spec(chart, Look(), (), axes)
    assert len(built) == 1
