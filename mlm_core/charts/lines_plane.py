"""Schools whose slopes vary, in the plane of slope and height: pulled in both at once."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.own_marks import legend
from mlm_core.charts.theme import Look, finish

HEIGHT = 400


def lines_plane(
    look: Look,
    *,
    heights: tuple[float, float],
    slopes: tuple[float, float],
    score: str,
    slope: str,
    number: str = ".1f",
    one_target: bool = True,
) -> Any:
    """A point for each group's own line, an arrow to its partially pooled one.

    A cross: what groups are pulled to; a large one for all, or for the picked group.

    Tables
    ------
    schools, complete, targets
        Of `own_data.plane.plane_tables`. A group without a line of its own has no hollow point.

    Parameters
    ----------
    look : Look
    heights, slopes : (low, high)
        Domains; points outside are not drawn.
    score, slope : str
        Titles of the axes.
    number : str
        Format of heights and slopes in the tooltips.
    one_target : bool
        All groups are pulled to the same place.
    """
    colours, size = look.palette, 80
    x_scale = alt.Scale(domain=list(slopes), nice=False, zero=False)
    y_scale = alt.Scale(domain=list(heights), nice=False, zero=False)

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=x_scale, axis=alt.Axis(title=slope, grid=True))

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=y_scale, axis=alt.Axis(title=score, grid=True))

    base = Chart(alt.NamedData("schools"))
    own = base.transform_filter("isValid(datum.own) && isValid(datum.own_slope)")
    complete = Chart(alt.NamedData("complete"))
    tooltip = [
        alt.Tooltip("group:N", title="group"),
        alt.Tooltip("n:Q", title="rows"),
        *(
            alt.Tooltip(f"{name}:Q", title=title, format=number)
            for name, title in (
                ("own_is", "no pooling"),
                ("pooled", "partial pooling"),
                ("slope_is", "no pooling, slope"),
                ("slope", "partial pooling, slope"),
            )
        ),
    ]
    ring = base.transform_filter("datum.picked").mark_point(
        shape="circle", size=4 * size * look.scale, color=colours.ink, strokeWidth=2, clip=True
    )
    targets = Chart(alt.NamedData("targets"))
    cross: dict[str, Any] = {"shape": "cross", "color": colours.target, "filled": True}
    cross["clip"] = True
    names = base.transform_filter("datum.named")
    where: dict[str, Any] = {"dx": 9, "dy": -8, "align": "left", "limit": 110}
    where["fontSize"] = look.type_size()
    halo = {"color": colours.paper, "stroke": colours.paper, "strokeWidth": 4}
    said = {"no": "no pooling: the group by itself", "partial": "partial pooling"}
    said |= {"complete": "complete pooling", "target": "what groups are pulled to"}
    if not one_target:
        said["target"] += " (large: the picked group)"
    chart = finish(
        alt.layer(
            marks.complete_rule(complete, look).encode(x=x("slope")),
            marks.complete_rule(complete, look).encode(y=y("height")),
            own.mark_rule(color=colours.muted, strokeWidth=1.4, clip=True).encode(
                x=x("own_slope"), x2="slope:Q", y=y("own"), y2="pooled:Q"
            ),
            marks.point(own, "no", look, size, clip=True).encode(
                x=x("own_slope"), y=y("own"), tooltip=tooltip
            ),
            targets.transform_filter("!datum.picked")
            .mark_point(**cross, size=26, opacity=0.8)
            .encode(x=x("slope"), y=y("height")),
            targets.transform_filter("datum.picked")
            .mark_point(**cross, size=240, opacity=1)
            .encode(x=x("slope"), y=y("height")),
            ring.encode(x=x("slope"), y=y("pooled")),
            marks.point(base, "partial", look, 0.7 * size, clip=True)
            .encode(x=x("slope"), y=y("pooled"), tooltip=tooltip)
            .add_params(
                alt.selection_point(name="school", fields=["group"], on="click", toggle=False)
            ),
            *(
                names.mark_text(**where, **how).encode(x=x("slope"), y=y("pooled"), text="group:N")
                for how in (halo, {"color": colours.ink})
            ),
            legend(look, said, target="cross"),
        ),
        look,
        HEIGHT,
    )
    return chart
