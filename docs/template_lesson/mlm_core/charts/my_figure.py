"""Schools by their number of students: own means with their standard errors."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look, finish

HEIGHT = 380
"""Pixels of the plot; with its axes it is as high as every figure."""


def my_figure(look: Look, *, domain: tuple[float, float], largest: int) -> Any:
    """A hollow circle for each school's own mean, a bar for its error, a diamond for its truth.

    Tables
    ------
    schools
        Of `my_lesson.Facts.tables`.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of the scores (points); keep it the same while sliders move.
    largest : int
        Right end of the axis of school sizes.
    """
    schools = Chart(alt.NamedData("schools"))
    scale = alt.Scale(type="log", domain=[1, largest], nice=False)
    sizes = alt.Axis(title="students in the school", values=[1, 2, 5, 10, 20, 50, 100, 200, 500])
    x = alt.X("n:Q", scale=scale, axis=sizes)
    heights = alt.Scale(domain=list(domain), nice=False, zero=False)

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=heights, axis=alt.Axis(title="test score, points"))

    def seen(name: str) -> Any:
        return alt.condition(f"datum.{name} > 0", alt.value(1), alt.value(0))

    tips = [
        alt.Tooltip("school:N"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("own:Q", title="own mean", format=".1f"),
    ]
    at = {"x": x, "key": marks.key("school")}
    picked = schools.transform_filter("datum.picked")
    pick = alt.selection_point(name="school", fields=["school"], on="click", toggle=False)
    layers = alt.layer(
        picked.mark_point(
            shape="circle", size=420, fill=look.palette.picked, stroke=None, opacity=0.3
        ).encode(x=x, y=y("own")),
        schools.mark_bar(color=look.palette.no, width=3, clip=True).encode(
            **at, y=y("low"), y2="high:Q", opacity=seen("bar_seen")
        ),
        marks.point(schools, "no", look, 85).encode(**at, y=y("own")),
        marks.point(schools, "truth", look, 60).encode(
            **at, y=y("truth"), opacity=seen("truth_seen")
        ),
        schools.mark_point(size=300, opacity=0, fill="transparent")
        .encode(x=x, y=y("own"), tooltip=tips)
        .add_params(pick),
    )
    return finish(layers, look, HEIGHT)
