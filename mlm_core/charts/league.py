"""The ends of three league tables side by side."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.theme import Look, finish

SCHOOL = "school"


def league(look: Look, *, columns: tuple[str, ...], rows: int, height: int = 380) -> Any:
    """First and last schools by each estimate; small schools stand on a band.

    Tables
    ------
    league
        Of `league.league_table`.
    """
    colours, row = look.palette, height / rows
    base = alt.Chart(alt.NamedData("league"))
    x = alt.X(
        "table:N",
        sort=list(columns),
        scale=alt.Scale(paddingInner=0.06, paddingOuter=0.02),
        axis=alt.Axis(
            orient="top",
            title=None,
            labelAngle=0,
            domain=False,
            ticks=False,
            labelFontWeight="bold",
        ),
    )
    y = alt.Y("row:O", scale=alt.Scale(domain=list(range(rows)), paddingInner=0.1), axis=None)
    size = alt.value(min(look.type_size(), 0.62 * row))
    small = alt.condition("datum.small", alt.value(colours.no), alt.value("transparent"))
    return finish(
        alt.layer(
            base.mark_bar(cornerRadius=4, fillOpacity=0.14, strokeWidth=1.4).encode(
                x=x,
                y=y,
                fill=small,
                stroke=small,
                strokeOpacity=alt.condition("datum.picked", alt.value(1), alt.value(0)),
            ),
            base.mark_text(align="center", baseline="middle").encode(
                x=x,
                y=y,
                text="label:N",
                size=size,
                color=alt.condition("datum.small", alt.value(colours.no), alt.value(colours.ink)),
                tooltip=[
                    alt.Tooltip("school:N", title="school"),
                    alt.Tooltip("n:Q", title="students"),
                    alt.Tooltip("value:Q", title="mean", format=".1f"),
                ],
            ),
        ),
        look,
        height,
    )
