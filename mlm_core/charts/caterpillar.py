"""Groups with their intervals, from the lowest to the highest."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.own_marks import legend
from mlm_core.charts.theme import Look, finish


def caterpillar(
    look: Look, *, domain: tuple[float, float], rows: int, score: str, number: str = ".1f"
) -> Any:
    """One row a group: its estimate by partial pooling with a 95% interval, hollow its own.

    Tables
    ------
    groups
        Of `own_data.groups.caterpillar_table`.

    Parameters
    ----------
    look : Look
    domain : (low, high)
    rows : int
    score, number : str
        Title of the axis, format of heights.
    """
    height = max(160, min(15 * rows, 560))
    row, colours = height / rows, look.palette
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    base = Chart(alt.NamedData("groups"))
    y = alt.Y("row:O", sort="descending", axis=marks.no_names(),
              scale=alt.Scale(range=[0, height]))  # fmt: skip

    def x(name: str) -> alt.X:
        axis = alt.Axis(orient="top", title=score, tickCount=6, grid=True)
        return alt.X(f"{name}:Q", scale=scale, axis=axis)

    tips = [
        alt.Tooltip("school:N", title="group"),
        alt.Tooltip("n:Q", title="rows"),
        alt.Tooltip("height:Q", title="partial pooling", format=number),
        alt.Tooltip("low:Q", title="from", format=number),
        alt.Tooltip("high:Q", title="to", format=number),
        alt.Tooltip("own:Q", title="no pooling", format=number),
    ]
    size = max(12.0, min(70.0, 5 * row))
    ticks: dict[str, Any] = {"orient": "vertical", "opacity": 1, "thickness": 2}
    ticks["height"] = max(0.8 * row, 3)
    said = {"partial": "partial pooling", "bar": "its 95% interval", "no": "no pooling"}
    layers = alt.layer(
        marks.picked_band(base, y, max(row, 6), look),
        marks.names(base, y, max(row, 11.5), look, label="school"),
        base.mark_tick(color=colours.target, **ticks).encode(x=x("toward"), y=y),
        base.mark_rule(color=colours.partial, strokeWidth=2, clip=True).encode(
            x=x("low"), x2="high:Q", y=y
        ),
        marks.point(base, "no", look, 0.9 * size, clip=True).encode(x=x("own"), y=y),
        marks.point(base, "partial", look, size).encode(x=x("height"), y=y, tooltip=tips),
        legend(look, {**said, "target": "what groups are pulled to"}),
    )
    return finish(layers, look, height)
