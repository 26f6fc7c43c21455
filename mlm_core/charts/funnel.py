"""School means against school size: the funnel that small schools fill."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"


def funnel(look: Look, *, domain: tuple[float, float], largest: int, height: int = 380) -> Any:
    """Own mean and partial pooling against the number of students.

    Tables
    ------
    schools
        Of `estimates.schools_table` with ``alpha``: one row a school.
    funnel
        Of `league.funnel_table`: ``n, low, high``.
    """
    colours = look.palette
    schools, limits = alt.Chart(alt.NamedData("schools")), alt.Chart(alt.NamedData("funnel"))
    x = alt.X(
        "n:Q",
        scale=alt.Scale(type="log", domain=[1, largest], nice=False),
        axis=alt.Axis(title="students in the school", values=[1, 2, 5, 10, 20, 50, 100, 200, 500]),
    )
    y_scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    y_axis = alt.Axis(title="mean test score, points", tickCount=6, grid=True)

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=y_scale, axis=y_axis)

    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("own:Q", title="no pooling", format=".1f"),
        alt.Tooltip("alpha:Q", title="partial pooling", format=".1f"),
    ]
    return finish(
        alt.layer(
            limits.mark_area(color=colours.faint, opacity=0.45, clip=True).encode(
                x=x, y=y("low"), y2="high:Q"
            ),
            marks.complete_rule(
                schools.transform_aggregate(complete="mean(complete)"), look
            ).encode(y=y("complete")),
            schools.mark_rule(color=colours.muted, strokeWidth=1.5).encode(
                x=x, y=y("own"), y2="alpha:Q"
            ),
            schools.transform_filter("datum.picked")
            .mark_point(shape="circle", size=420, filled=True, color=colours.faint, opacity=1)
            .encode(x=x, y=y("own")),
            marks.point(schools, "no", look, 100).encode(x=x, y=y("own"), tooltip=tooltip),
            marks.point(schools, "partial", look, 55)
            .encode(x=x, y=y("alpha"), tooltip=tooltip)
            .add_params(
                alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
            ),
        ),
        look,
        height,
    )
