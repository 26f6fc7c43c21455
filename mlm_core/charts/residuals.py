"""What the one line leaves over, school by school."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"


def residuals(look: Look, *, rows: int, domain: tuple[float, float], height: int = 380) -> Any:
    """A strip of residuals for each school, ordered by their mean.

    Tables
    ------
    residuals
        ``school, residual, picked``: one row a student, schools in the order drawn.
    means
        ``school, n, mean, picked``: one row a school, in the same order.
    """
    colours = look.palette
    row = height / rows
    x = alt.X(
        "residual:Q",
        scale=alt.Scale(domain=list(domain), nice=False),
        axis=alt.Axis(title="distance from the one line, points", tickCount=6, grid=True),
    )
    names = marks.school_names(row, look)
    y = alt.Y("school:N", sort=None, axis=names)
    people = alt.Chart(alt.NamedData("residuals"))
    means = alt.Chart(alt.NamedData("means"))
    marked = alt.condition("datum.picked", alt.value(colours.no), alt.value(colours.muted))
    return finish(
        alt.layer(
            marks.picked_band(means, y, row, look),
            people.mark_tick(thickness=1.6, opacity=0.55, height=0.62 * row, clip=True).encode(
                x=x, y=y, color=marked
            ),
            alt.Chart(alt.NamedData("means"))
            .transform_calculate(zero="0")
            .mark_rule(color=colours.complete, strokeWidth=2.5)
            .encode(x=alt.X("zero:Q"), y=alt.value(0), y2=alt.value(height)),
            means.mark_point(
                shape="circle", fill="transparent", strokeWidth=2.2, size=max(24, min(85, row * 5))
            )
            .encode(
                x=alt.X("mean:Q"),
                y=y,
                stroke=alt.value(colours.no),
                tooltip=[
                    alt.Tooltip("school:N", title="school"),
                    alt.Tooltip("n:Q", title="students"),
                    alt.Tooltip("mean:Q", title="mean residual", format=".1f"),
                ],
            )
            .add_params(
                alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
            ),
        ),
        look,
        height,
    )
