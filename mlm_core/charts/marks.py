"""Marks shared by the figures: one look for each pooling, in colour and in shape."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.theme import LEFT, Look, Pooling

SHAPES: dict[Pooling, str] = {
    "complete": "stroke",
    "no": "circle",
    "partial": "circle",
    "truth": "diamond",
}


def point(chart: alt.Chart, pooling: Pooling, look: Look, size: float = 95, **options: Any) -> Any:
    """A mark for one estimate: no pooling hollow, partial pooling filled, truth a diamond."""
    colour = look.palette.of(pooling)
    hollow = pooling == "no"
    return chart.mark_point(
        shape=SHAPES[pooling],
        size=size * look.scale,
        fill="transparent" if hollow else colour,
        stroke=colour,
        strokeWidth=2,
        opacity=1,
        **options,
    )


def complete_rule(chart: alt.Chart, look: Look, **options: Any) -> Any:
    """A straight rule in the colour of complete pooling."""
    return chart.mark_rule(color=look.palette.complete, strokeWidth=2.5, **options)


def school_names(row: float, look: Look, **options: Any) -> alt.Axis:
    """An axis of school names, as wide in every figure; rows too low for type have none."""
    return alt.Axis(
        **options,
        title=None,
        minExtent=LEFT,
        maxExtent=LEFT,
        domain=False,
        ticks=False,
        labels=row >= 11,
        labelFontSize=min(look.type_size(), row - 1),
        labelLimit=LEFT,
    )


def picked_band(schools: alt.Chart, y: Any, row: float, look: Look) -> Any:
    """A band behind the row of the school that is picked."""
    return schools.mark_bar(color=look.palette.faint, height=row).encode(
        y=y,
        x=alt.value(0),
        x2=alt.value("width"),
        opacity=alt.condition("datum.picked", alt.value(0.6), alt.value(0)),
    )
