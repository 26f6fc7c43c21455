"""Students as points, with the line of complete pooling and the lines of schools."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look, finish


def students(
    look: Look,
    *,
    x_domain: tuple[float, float],
    y_domain: tuple[float, float],
    height: int = 380,
    x_title: str = "pre-test, SDs",
    y_title: str = "test score, points",
) -> Any:
    """Test score against pre-test; one school is marked.

    Tables
    ------
    students
        ``school, x, y, picked``: one row a student.
    lines
        ``line, school, x, y, kind, picked``: two rows a line, its two ends; ``kind``
        is ``complete``, ``no`` or ``truth``.
    """
    colours = look.palette
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=list(x_domain), nice=False, zero=False, clamp=False),
        axis=alt.Axis(title=x_title, tickCount=6, grid=True),
    )
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=list(y_domain), nice=False, zero=False),
        axis=alt.Axis(title=y_title, tickCount=6, grid=True),
    )
    people = Chart(alt.NamedData("students"))
    lines = Chart(alt.NamedData("lines"))
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("x:Q", title="pre-test", format=".2f"),
        alt.Tooltip("y:Q", title="score", format=".1f"),
    ]

    def drawn(kind: str, **options: Any) -> Any:
        return (
            lines.transform_filter(f"datum.kind == '{kind}'")
            .mark_line(clip=True, **options)
            .encode(x=x, y=y, detail="line:N")
        )

    return finish(
        alt.layer(
            people.transform_filter("!datum.picked")
            .mark_point(
                shape="circle", size=18, filled=True, color=colours.muted, opacity=0.75, clip=True
            )
            .encode(x=x, y=y, tooltip=tooltip),
            drawn("others", color=colours.no, strokeWidth=1.2, opacity=0.72),
            drawn("complete", color=colours.complete, strokeWidth=3),
            drawn("no", color=colours.no, strokeWidth=2.6, strokeDash=[7, 3]),
            drawn("truth", color=colours.truth, strokeWidth=1.6, strokeDash=[2, 3]),
            people.transform_filter("datum.picked")
            .mark_point(
                shape="circle",
                size=70,
                fill="transparent",
                stroke=colours.no,
                strokeWidth=2.4,
                clip=True,
            )
            .encode(x=x, y=y, tooltip=tooltip),
        ),
        look,
        height,
    )
