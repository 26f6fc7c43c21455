"""Schools' intercepts against u, pulled to what the school-level model says there."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
PLOT = 382
"""Height of the plot: with the axis under it the figure is as high as all figures."""


def intercepts(
    look: Look,
    *,
    u_domain: tuple[float, float],
    y_domain: tuple[float, float],
    u_title: str = "u: what the town spends on a student, SDs",
    y_title: str = "intercept: score at pre-test 0, points",
    group: str = "school",
    member: str = "students",
    largest: int = 90,
    number: str = ".1f",
) -> Any:
    """One mark a school, the larger the more students it has.

    Hollow: the school's own intercept. Filled: partial pooling. Dashed, with a band of one
    SD to each side: what schools are pulled to. Diamond: the truth.

    Tables
    ------
    schools
        ``school, n, u, own, alpha, truth, truth_seen, picked, side``: one row a school;
        ``side`` is the half of the figure in which it lies.
    target
        ``u, line, low, high``: two rows.

    Parameters
    ----------
    u_title, y_title, group, member, number : str
        Titles of the axes, the words for school and students, the format of intercepts.
    largest : int
        Students at which a mark is largest.
    """
    colours = look.palette
    schools, target = Chart(alt.NamedData("schools")), Chart(alt.NamedData("target"))
    x = alt.X(
        "u:Q",
        scale=alt.Scale(domain=list(u_domain), nice=False, zero=False),
        axis=alt.Axis(title=u_title, tickCount=6, grid=True),
    )
    y_axis = alt.Axis(title=y_title, tickCount=6, grid=True)
    y_scale = alt.Scale(domain=list(y_domain), nice=False, zero=False)
    y = {
        c: alt.Y(f"{c}:Q", scale=y_scale, axis=y_axis)
        for c in ("own", "alpha", "truth", "line", "low")
    }
    reach = [26 * look.scale, 300 * look.scale]
    scale = alt.Scale(type="linear", domain=[1, largest], range=reach, clamp=True)
    size, key = alt.Size("n:Q", scale=scale, legend=None), marks.key("school")
    tips = [
        alt.Tooltip("school:N", title=group),
        alt.Tooltip("n:Q", title=member),
        alt.Tooltip("u:Q", title="u", format=".2f"),
        alt.Tooltip("own:Q", title="no pooling", format=number),
        alt.Tooltip("alpha:Q", title="partial pooling", format=number),
    ]
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    layers = [
        target.mark_area(color=colours.target, opacity=0.14, clip=True).encode(
            x=x, y=y["low"], y2="high:Q"
        ),
        target.mark_line(
            color=colours.target, strokeWidth=2.5, strokeDash=[6, 4], clip=True
        ).encode(x=x, y=y["line"]),
        schools.transform_filter("datum.picked")
        .mark_point(
            shape="circle",
            size=480 * look.scale,
            fill="transparent",
            stroke=colours.picked,
            strokeWidth=2.5,
            opacity=1,
        )
        .encode(x=x, y=y["own"]),
        schools.mark_bar(color=colours.muted, width=1.6).encode(
            x=x, y=y["own"], y2="alpha:Q", key=key
        ),
        marks.point(schools, "partial", look).encode(
            x=x, y=y["alpha"], size=size, key=key, tooltip=tips
        ),
        marks.point(schools, "no", look)
        .encode(x=x, y=y["own"], size=size, key=key, tooltip=tips)
        .add_params(pick),
        marks.point(schools, "truth", look, 45).encode(
            x=x,
            y=y["truth"],
            key=key,
            opacity=alt.condition("datum.truth_seen > 0", alt.value(1), alt.value(0)),
        ),
        *_names(schools, look, x, y["own"]),
    ]
    return finish(alt.layer(*layers), look, PLOT)


def _names(schools: alt.Chart, look: Look, x: Any, y: Any) -> list[Any]:
    """The name of the picked school beside its mark, towards the middle of the figure."""
    colours = look.palette
    ends = (("left", "left", 15), ("right", "right", -15))
    ground: dict[str, Any] = {"stroke": colours.paper, "strokeWidth": 4, "strokeJoin": "round"}
    return [
        schools.transform_filter(f"datum.picked && datum.side == '{side}'")
        .mark_text(
            align=align,  # type: ignore[arg-type]
            baseline="middle",
            dx=dx,
            fontSize=look.type_size(),
            fontWeight="bold",
            color=colours.picked,
            **halo,
        )
        .encode(x=x, y=y, text="school:N")
        for side, align, dx in ends
        for halo in (ground, {})
    ]
