"""A table of schools by this year's means, and the years after it, dragged by a handle."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, handle
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
OF_SCHOOL = ("school", "label", "n", "own", "truth", "truth_seen", "picked", "named")
ROWS, STRIP = 316, 72


def next_year(
    look: Look,
    *,
    domain: tuple[float, float],
    rows: int,
    steps: int,
    score: str = "mean test score, points",
) -> Any:
    """One row a school; under it the years, on which the handle lies.

    Hollow: the school's mean this year. Triangle: its mean in the year of the handle.
    Small triangles: all the years to come. Diamond: what the school truly is. The bands
    are the praised and the inspected schools, the dashed line the mean of the schools.

    Tables
    ------
    schools
        ``row, school, label, n, own, truth, truth_seen, group, group_seen, picked,
        named``: one row a school, in the order in which they are drawn.
    path
        ``step, row, later, later_seen, resting``: one row a school and step of the handle.
    trail
        ``mark, row, later, trail_seen``: one row a school and year.
    years
        ``step, label, resting``: one row a step.
    means
        ``mean, label``: one row.
    """
    now = HERE
    x = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = alt.Axis(orient="top", title=score, tickCount=6, grid=True)
    at = {c: alt.X(f"{c}:Q", scale=x, axis=axis) for c in ("own", "later", "truth", "mean")}
    row = ROWS / rows
    y = alt.Y("row:O", scale=alt.Scale(range=[0, ROWS]), axis=marks.no_names())
    top = alt.layer(
        *_ground(look, at, y, row),
        *_years_to_come(look, at, y, row, now),
        *_this_year(look, at, y, row),
    )
    layers = alt.layer(_strip(look, now, steps), top)
    return finish(
        layers.resolve_scale(x="independent", y="independent"), look, ROWS + STRIP, steps=steps
    )


def _ground(look: Look, at: dict[str, Any], y: Any, row: float) -> list[Any]:
    """Bands and their names, the picked school, the mean of the schools."""
    colours, base = look.palette, Chart(alt.NamedData("schools"))
    key = marks.key("school")
    group = base.transform_filter("datum.group != ''")
    seen = alt.condition("datum.group_seen > 0", alt.value(0.55), alt.value(0))
    mean = Chart(alt.NamedData("means"))
    return [
        group.mark_bar(color=colours.faint, height=row).encode(
            y=y, x=alt.value(0), x2=alt.value("width"), key=key, opacity=seen
        ),
        *_band_names(group, look, y, row),
        marks.picked_band(base, y, row, look),
        marks.names(base, y, row, look),
        mean.mark_rule(color=colours.ink, strokeWidth=1.5, strokeDash=[5, 4]).encode(
            x=at["mean"], y=alt.value(0), y2=alt.value(ROWS + 4)
        ),
        mean.mark_text(baseline="top", color=colours.muted).encode(
            x=at["mean"], y=alt.value(ROWS + 7), text="label:N"
        ),
    ]


def _band_names(group: alt.Chart, look: Look, y: Any, row: float) -> list[Any]:
    """The words in the bands: at the left of the high ones, at the right of the low ones."""
    seen = alt.condition("datum.group_seen > 0", alt.value(1), alt.value(0))
    places = (("praised", 0, "left", 10), ("inspected", "width", "right", -10))
    return [
        group.transform_filter(f"datum.group == '{name}'")
        .transform_aggregate(row="median(row)", group_seen="max(group_seen)")
        .transform_calculate(row="round(datum.row)", name=f"'{name}'")
        .mark_text(align=align, dx=dx, fontWeight="bold", color=look.palette.muted)  # type: ignore[arg-type]
        .encode(y=y, x=alt.value(x), text="name:N", opacity=seen)
        for name, x, align, dx in places
    ]


def _years_to_come(look: Look, at: dict[str, Any], y: Any, row: float, now: str) -> list[Any]:
    """The year of the handle, and all years."""
    colours, size = look.palette, _size(look, row)
    year = (
        Chart(alt.NamedData("path"))
        .transform_filter(now)
        .transform_lookup("row", alt.LookupData(alt.NamedData("schools"), "row", list(OF_SCHOOL)))
    )
    key = marks.key("school")
    seen = alt.condition("datum.later_seen > 0", alt.value(1), alt.value(0))
    all_seen = alt.condition("datum.trail_seen > 0", alt.value(0.75), alt.value(0))
    trail = Chart(alt.NamedData("trail"))
    return [
        marks.later(trail, look, 0.45 * size).encode(
            x=at["later"], y=y, key=marks.key("mark"), opacity=all_seen
        ),
        year.mark_bar(color=colours.later, height=1.8).encode(
            x=at["own"], x2="later:Q", y=y, key=key, opacity=seen
        ),
        marks.later(year, look, 1.3 * size).encode(x=at["later"], y=y, key=key, opacity=seen),
    ]


def _this_year(look: Look, at: dict[str, Any], y: Any, row: float) -> list[Any]:
    base, size, key = Chart(alt.NamedData("schools")), _size(look, row), marks.key("school")
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    seen = alt.condition("datum.truth_seen > 0", alt.value(1), alt.value(0))
    tips = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("own:Q", title="mean this year", format=".1f"),
    ]
    return [
        marks.point(base, "no", look, 1.4 * size)
        .encode(x=at["own"], y=y, key=key, tooltip=tips)
        .add_params(pick),
        marks.point(base, "truth", look, 0.6 * size).encode(
            x=at["truth"], y=y, key=key, opacity=seen
        ),
    ]


def _size(look: Look, row: float) -> float:
    return max(16.0, min(80.0, row * 5)) * look.scale


def _strip(look: Look, now: str, steps: int) -> Any:
    """The years, with the handle on them."""
    colours = look.palette
    base = Chart(alt.NamedData("years"))
    x = alt.X("step:Q", scale=alt.Scale(domain=[0, steps - 1], nice=False), axis=None)
    line, words = alt.value(ROWS + 32), alt.value(ROWS + 40)
    dragged = handle(steps, "Years from now")
    size = look.type_size(13)
    point = base.mark_point(
        shape="circle", size=30, fill=colours.paper, stroke=colours.muted, opacity=1
    )
    here_now = base.transform_filter(now).mark_point(
        shape="triangle-up", size=120, fill=colours.later, stroke=colours.later, opacity=1
    )
    labels = base.mark_text(baseline="top", fontSize=size)
    first = base.transform_filter("datum.step == 0")
    title = first.mark_text(baseline="top", text="years from now (0: this year)").encode(
        x=alt.value(alt.ExprRef("width / 2")), y=alt.value(ROWS + 56)
    )
    return alt.layer(
        base.mark_rule(color=colours.muted).encode(x=alt.value(0), x2=alt.value("width"), y=line),
        point.encode(x=x, y=line).add_params(dragged),
        here_now.encode(x=x, y=line),
        labels.encode(x=x, y=words, text="label:N"),
        title,
    )
