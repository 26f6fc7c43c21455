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


def key(field: str) -> alt.Key:
    """Marks with the same key are the same mark after new data: they glide there."""
    return alt.Key(f"{field}:N")


def later(chart: alt.Chart, look: Look, size: float = 80, **options: Any) -> Any:
    """A mark for next year's mean: new students in the same school."""
    colour = look.palette.later
    return chart.mark_point(
        shape="triangle-up", size=size * 0.8, fill=colour, stroke=colour, strokeWidth=1, **options
    )


def no_names(**options: Any) -> alt.Axis:
    """An axis that keeps the room for the names of schools, which `names` writes."""
    return alt.Axis(
        **options,
        title=None,
        minExtent=LEFT,
        maxExtent=LEFT,
        domain=False,
        ticks=False,
        labels=False,
    )


def names(schools: alt.Chart, y: Any, row: float, look: Look, label: str = "label") -> Any:
    """The names of schools at the left of their rows; the picked one stands out.

    Where rows are lower than type, only those are written whose field ``named`` is true.
    """
    colours = look.palette
    size = min(look.type_size(), max(row - 0.5, 11.0))
    return (
        schools.transform_filter("datum.named")
        .mark_text(align="right", baseline="middle", dx=-8, fontSize=size, limit=LEFT)
        .encode(
            y=y,
            x=alt.value(0),
            text=f"{label}:N",
            color=alt.condition("datum.picked", alt.value(colours.picked), alt.value(colours.ink)),
            key=key("school"),
        )
    )


def picked_band(schools: alt.Chart, y: Any, row: float, look: Look) -> Any:
    """A band behind the row of the school that is picked."""
    return (
        schools.transform_filter("datum.picked")
        .mark_bar(color=look.palette.picked, height=row, opacity=0.22)
        .encode(y=y, x=alt.value(0), x2=alt.value("width"))
    )
