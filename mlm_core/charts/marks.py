"""Marks shared by the figures: one look for each pooling, in colour and in shape."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.theme import Look, Pooling

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
