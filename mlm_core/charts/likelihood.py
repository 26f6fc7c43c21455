"""The likelihood of sigma_alpha from 0 to infinity, with the handle on it."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.theme import Look

TICKS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Of the axis, when 5 is in its middle."""


def position(scale: float, title: str) -> alt.X:
    """An axis for SDs from 0 to infinity, with ``scale`` in its middle."""
    values = [v * scale / 5 for v in TICKS]
    return alt.X(
        "position:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(
            values=[*(round(v / (v + scale), 4) for v in values), 1],
            labelExpr="datum.value == 1 ? '∞' : "
            f"format({scale} * datum.value / (1 - datum.value), '.2~g')",
            title=title,
            labelOverlap="greedy",
        ),
    )


def likelihood_layers(
    base: alt.Chart, now: alt.Chart, look: Look, x: alt.X, ends: tuple[int, int], dragged: Any,
    *, beside: bool = False,
) -> list[Any]:  # fmt: skip
    """The likelihood, its estimate and the place of the handle.

    Parameters
    ----------
    base, now : alt.Chart
        Of `estimates.likelihood_table`; ``now`` is filtered to where the handle is.
    x : alt.X
        From `position`.
    ends : (high, low)
        Pixels between which it is drawn.
    dragged : selection
        From `handle`.
    beside : bool
        What the likelihood is stands at the left of it, where names of schools have room, and
        not in it, where the handle passes.
    """
    colours, (high, low) = look.palette, ends
    y = alt.Y("likelihood:Q", scale=alt.Scale(domain=[0, 1], range=[low, high]), axis=None)
    return [
        base.mark_area(color=colours.partial, opacity=0.18, line={"color": colours.partial}).encode(
            x=x, y=y
        ),
        base.mark_point(opacity=0).encode(x=x, y=y).add_params(dragged),
        *(_beside(base, look, high) if beside else _within(base, look, high)),
        base.transform_filter("datum.estimate")
        .mark_rule(color=colours.partial, strokeDash=[3, 3], strokeWidth=1.5)
        .encode(x=x, y=alt.value(high), y2=alt.value(low)),
        now.mark_rule(color=colours.ink, strokeWidth=2.5).encode(
            x=x, y=alt.value(high - 4), y2=alt.value(low)
        ),
    ]


def _within(base: alt.Chart, look: Look, high: int) -> list[Any]:
    """What the likelihood is, on the side where its top is not."""
    places = (
        ("datum.position > 0.5", "left", 0, 6),
        ("datum.position <= 0.5", "right", "width", -6),
    )
    return [
        base.transform_filter(f"datum.estimate && {where}")
        .mark_text(align=align, baseline="top", color=look.palette.muted, dx=dx, dy=4)  # type: ignore[arg-type]
        .encode(x=alt.value(at), y=alt.value(high), text=alt.value("how well each SD fits"))
        for where, align, at, dx in places
    ]


def _beside(base: alt.Chart, look: Look, high: int) -> list[Any]:
    """The same in two lines at the left of the axis."""
    return [
        base.transform_filter("datum.estimate")
        .mark_text(align="right", baseline="top", color=look.palette.muted, dx=-8, dy=dy)
        .encode(x=alt.value(0), y=alt.value(high), text=alt.value(line))
        for line, dy in (("how well", 4), ("each SD fits", 21))
    ]
