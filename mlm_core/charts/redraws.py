"""Each school's own estimate, now and in the draws before."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"


def redraws(look: Look, *, rows: int, domain: tuple[float, float], score: str) -> Any:
    """A row a school, the largest first; faint marks are former draws of students.

    Tables
    ------
    redraws
        ``school, label, n, age, alpha, truth, picked, missing``: one row a school and
        draw; age 0 is the draw of the moment, ``missing`` says that there is no estimate.
    """
    colours = look.palette
    row = max(5.0, min(19.0 * look.scale, 560 / rows))
    height = round(rows * row)
    size = max(20.0, min(95.0, row * 6))
    every = alt.Chart(alt.NamedData("redraws"))
    now = every.transform_filter("datum.age == 0")
    x = alt.X(
        "alpha:Q",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False, clamp=True),
        axis=alt.Axis(orient="top", title=score, tickCount=6, grid=True),
    )
    names = marks.school_names(row, look)
    y = alt.Y("label:N", sort=None, axis=names)
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("alpha:Q", title="own estimate", format=".1f"),
    ]
    layers = [
        marks.picked_band(now, y, row, look),
        every.transform_filter("datum.age > 0 && !datum.missing")
        .mark_tick(color=colours.no, thickness=2, height=0.6 * row)
        .encode(
            x=x,
            y=y,
            opacity=alt.Opacity("age:Q", scale=alt.Scale(domain=[1, 10], range=[0.6, 0.15])),
        ),
        now.transform_filter("datum.missing")
        .mark_text(
            text="cannot be estimated", align="left", fontStyle="italic", color=colours.muted
        )
        .encode(y=y, x=alt.value(6)),
        marks.point(now, "truth", look, 0.5 * size).encode(
            x=alt.X("truth:Q"), y=y, tooltip=tooltip
        ),
        marks.point(now.transform_filter("!datum.missing"), "no", look, size)
        .encode(x=x, y=y, tooltip=tooltip)
        .add_params(alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)),
    ]
    return finish(alt.layer(*layers), look, height)
