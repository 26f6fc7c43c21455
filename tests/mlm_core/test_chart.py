"""The chart that layers are made of says what Altair's says."""

from __future__ import annotations

import json
import re

import altair as alt
import pytest
from altair.utils.schemapi import SchemaValidationError

from mlm_core.charts import funnel
from mlm_core.charts.chart import Chart, typed
from mlm_core.charts.theme import Look


def same(chart: alt.TopLevelMixin) -> str:
    """A specification with the names of views by their order: they count up in a process."""
    names: dict[str, str] = {}
    text = json.dumps(chart.to_dict(), sort_keys=True)
    return re.sub(r"view_[0-9a-f_]+", lambda m: names.setdefault(m[0], f"v{len(names)}"), text)


def test_a_figure_is_the_same_as_with_altairs_own_chart(monkeypatch):
    settings = {"domain": (0, 9), "largest": 90, "steps": 9}
    ours = same(funnel.funnel(Look(), **settings))
    monkeypatch.setattr(funnel, "Chart", alt.Chart)
    assert same(funnel.funnel(Look(), **settings)) == ours


def test_a_copy_has_lists_of_its_own():
    first = Chart(alt.NamedData("x")).mark_point().transform_filter("a")
    second = first.copy().transform_filter("b").add_params(alt.param(name="one"))
    assert [t.filter for t in first.transform] == ["a"]
    assert "params" not in first.to_dict()
    layered = alt.layer(first, second).to_dict()
    assert [len(layer["transform"]) for layer in layered["layer"]] == [1, 2]
    copied = first.copy()
    copied.transform.append("changed")
    assert len(first.transform) == 1
    assert copied.encoding is first.encoding


def test_what_altair_refuses_is_refused():
    chart = Chart(alt.NamedData("x")).mark_point().encode(x=alt.value("wide"), y="row:Q")
    with pytest.raises(SchemaValidationError):
        chart.to_dict()
    shown = alt.condition("datum.picked", alt.value(1), alt.value(0))
    assert typed("opacity", shown).to_dict() == {
        "condition": {"test": "datum.picked", "value": 1}, "value": 0}  # fmt: skip
    assert typed("tooltip", ["a"]) == ["a"]
