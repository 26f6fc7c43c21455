"""One line for all students; then what it leaves over, each student gliding to its school."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import LEFT, Look, finish

SCHOOL = "school"
PLANE, STRIP, ROW, HEIGHT = 270, 337, 19, 388
"""Pixels: the plane's height, where the rows of the errors begin, their height, all."""


def one_line(look: Look, *, error_domain: tuple[float, float], rows: int) -> Any:
    """Students and one line, in one of two views; under it, how sure the line is.

    Dots: students, the picked school's with a ring. Straight: the one line. Hollow: the mean
    of a school. Thin lines: the schools' own. Bars: two standard errors to each side of the
    line's height, by the textbook, by schools, and truly (diamond).

    Tables
    ------
    students
        ``student, school, h, v, picked, x, y, residual``: one row a student; ``h`` and
        ``v`` are its place, from 0 to 1.
    schools
        ``school, label, n, residual, h, v, place, picked, named, rows_seen``.
    line
        ``end, h, v``: two rows.
    own
        ``school, h, v, seen``: two rows a school.
    ticks, titles
        ``axis, at, label, seen`` and ``axis, title, seen``: the axes of both views.
    errors
        ``kind, label, middle, low, high, seen``: three rows.
    town
        ``town, label, seen``: one row.
    """
    plane = alt.layer(*_axes(look), *_rows(look, rows), *_students(look, rows))
    layers = alt.layer(plane, _errors(look, error_domain))
    return finish(layers.resolve_scale(x="independent", y="independent"), look, HEIGHT)


def _across(field: str) -> alt.X:
    """A place from left to right, from 0 to 1."""
    return alt.X(f"{field}:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=None)


def _up(field: str) -> alt.Y:
    """A place in the plane from below to above, from 0 to 1."""
    scale = alt.Scale(domain=[0, 1], range=[PLANE, 0], nice=False)
    return alt.Y(f"{field}:Q", scale=scale, axis=marks.no_names())


def _seen(most: float = 1.0, field: str = "seen") -> Any:
    return alt.condition(f"datum.{field} > 0", alt.value(most), alt.value(0))


def _axes(look: Look) -> list[Any]:
    """Both views' axes: those of the other view lie unseen."""
    colours = look.palette
    ticks, titles = Chart(alt.NamedData("ticks")), Chart(alt.NamedData("titles"))
    x = ticks.transform_filter("datum.axis == 'x'")
    y = ticks.transform_filter("datum.axis == 'y'")
    across, up = _across("at"), _up("at")
    zero, bottom = alt.value(0), alt.value(PLANE)
    grid: dict[str, Any] = {"color": colours.faint, "strokeWidth": 1}
    named_x = titles.transform_filter("datum.axis == 'x'")
    named_y = titles.transform_filter("datum.axis == 'y'")
    return [
        x.mark_rule(**grid).encode(x=across, y=zero, y2=bottom, opacity=_seen()),
        y.mark_rule(**grid).encode(y=up, x=zero, x2=alt.value("width"), opacity=_seen()),
        x.mark_text(baseline="top", dy=5).encode(
            x=across, y=bottom, text="label:N", opacity=_seen()
        ),
        y.mark_text(align="right", dx=-8).encode(x=zero, y=up, text="label:N", opacity=_seen()),
        named_x.mark_text(baseline="top", dy=22).encode(
            x=alt.value(alt.ExprRef("width / 2")), y=bottom, text="title:N", opacity=_seen()
        ),
        named_y.mark_text(align="left", dx=-LEFT + 2, lineBreak="\n").encode(
            x=zero, y=alt.value(PLANE / 2 - 8), text="title:N", opacity=_seen()
        ),
    ]


def _rows(look: Look, rows: int) -> list[Any]:
    """Rows of the schools: their names, and the picked one's band."""
    schools, row = Chart(alt.NamedData("schools")), PLANE / rows
    place = _up("place")
    return [
        marks.picked_band(schools, place, row, look).encode(opacity=_seen(0.22, "rows_seen")),
        marks.names(schools, place, row, look).encode(opacity=_seen(1, "rows_seen")),
    ]


def _students(look: Look, rows: int) -> list[Any]:
    colours, h, v = look.palette, _across("h"), _up("v")
    people, key = Chart(alt.NamedData("students")), marks.key("student")
    own = Chart(alt.NamedData("own"))
    schools = Chart(alt.NamedData("schools"))
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    tips = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("x:Q", title="pre-test", format=".2f"),
        alt.Tooltip("y:Q", title="score", format=".1f"),
        alt.Tooltip("residual:Q", title="from the line", format=".1f"),
    ]
    size = max(22.0, min(80.0, 5 * PLANE / rows))
    return [
        people.mark_point(shape="circle", filled=True, strokeWidth=0)
        .encode(
            x=h,
            y=v,
            key=key,
            tooltip=tips,
            size=alt.condition("datum.picked", alt.value(58), alt.value(20)),
            color=alt.condition(
                "datum.picked", alt.value(colours.picked), alt.value(colours.muted)
            ),
            opacity=alt.condition("datum.picked", alt.value(0.95), alt.value(0.75)),
        )
        .add_params(pick),
        own.mark_line(color=colours.no, strokeWidth=1.8).encode(
            x=h, y=v, detail="school:N", opacity=_seen(0.9)
        ),
        Chart(alt.NamedData("line"))
        .mark_line(color=colours.complete, strokeWidth=3)
        .encode(x=h, y=v, order="end:Q"),
        marks.point(schools, "no", look, size).encode(
            x=h, y=v, key=marks.key("school"), opacity=_seen(1, "rows_seen")
        ),
    ]


def _errors(look: Look, domain: tuple[float, float]) -> Any:
    """Bars of two standard errors, a row a kind; the next town across them."""
    colours = look.palette
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = alt.Axis(title="height of the line at pre-test 0, points (± 2 standard errors)",
                    orient="bottom", tickCount=6, grid=False)  # fmt: skip
    x = {c: alt.X(f"{c}:Q", scale=scale, axis=axis) for c in ("low", "middle", "town")}
    errors, town = Chart(alt.NamedData("errors")), Chart(alt.NamedData("town"))
    layers: list[Any] = []
    colour = {"stated": colours.complete, "schools": colours.between, "truth": colours.truth}
    for k, kind in enumerate(colour):
        y = alt.value(STRIP + ROW * k)
        mine = errors.transform_filter(f"datum.kind == '{kind}'")
        layers += [
            mine.mark_text(align="right", dx=-8).encode(
                x=alt.value(0), y=y, text="label:N", opacity=_seen()
            ),
            mine.mark_bar(color=colour[kind], height=8 if kind != "truth" else 4).encode(
                x=x["low"], x2="high:Q", y=y, key=marks.key("kind"), opacity=_seen()
            ),
        ]
    truth = errors.transform_filter("datum.kind == 'truth'")
    layers += [
        marks.point(truth, "truth", look, 60).encode(
            x=x["middle"], y=alt.value(STRIP + 2 * ROW), opacity=_seen()
        ),
        town.mark_rule(color=colours.ink, strokeWidth=2, strokeDash=[2, 2]).encode(
            x=x["town"], y=alt.value(STRIP - 8), y2=alt.value(HEIGHT), opacity=_seen()
        ),
        town.mark_text(fontSize=look.type_size(13)).encode(
            x=x["town"], y=alt.value(STRIP - 15), text="label:N", opacity=_seen()
        ),
    ]
    return alt.layer(*layers)
