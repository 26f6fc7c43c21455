"""Each school's own estimate, now and in the draws before; beside it the schools' own lines."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
PLOT = 382
"""Height of the plot: with the axes on top the figure is as high as all figures."""
LEFT_ENDS, RIGHT_STARTS = 0.6, 0.68
"""Shares of the width: where the estimates end, and where the lines start."""


def redraws(
    look: Look,
    *,
    rows: int,
    domain: tuple[float, float],
    x_domain: tuple[float, float],
    y_domain: tuple[float, float],
    score: str = "own estimate, points",
) -> Any:
    """Left, a row a school, the largest first; right, the line of each school.

    Hollow: the estimate of the moment. Faint ticks: those of earlier draws of students.
    Diamond: the truth. At the right the picked school's line is thick, and its students
    are drawn.

    Tables
    ------
    redraws
        ``row, school, label, n, age, id, alpha, missing, beyond, note, place, truth,
        truth_seen, picked, named``: one row a school and draw; age 0 is the draw of the
        moment, ``missing`` says that there is no estimate, ``beyond`` that it lies outside
        the axis; ``note`` is written where there is no mark, at its ``place`` (start, low, high).
    lines
        ``school, x, y, seen, picked``: two rows a school, the ends of its line.
    students
        ``student, x, y``: one row a student of the picked school.
    """
    row = PLOT / rows
    left = alt.layer(*_estimates(look, rows, row, domain, score))
    right = alt.layer(*_lines(look, x_domain, y_domain))
    both = alt.layer(left, right).resolve_scale(x="independent", y="independent")
    return finish(both, look, PLOT)


def _share(share: float) -> Any:
    return alt.ExprRef(f"width * {share:g}")


def _estimates(
    look: Look, rows: int, row: float, domain: tuple[float, float], score: str
) -> list[Any]:
    colours = look.palette
    size = max(18.0, min(95.0, row * 6))
    every = Chart(alt.NamedData("redraws"))
    now = every.transform_filter("datum.age == 0")
    scale = alt.Scale(
        domain=list(domain), range=[0, _share(LEFT_ENDS)], nice=False, zero=False, clamp=True
    )
    axis = alt.Axis(orient="top", title=score, tickCount=5, grid=True)
    at = {c: alt.X(f"{c}:Q", scale=scale, axis=axis) for c in ("alpha", "truth")}
    y = alt.Y("row:O", scale=alt.Scale(range=[0, PLOT]), axis=marks.no_names())
    key = marks.key("school")
    tips = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("alpha:Q", title="own estimate", format=".1f"),
    ]
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    return [
        now.transform_filter("datum.picked")
        .mark_bar(color=colours.picked, height=row, opacity=0.22)
        .encode(y=y, x=alt.value(0), x2=alt.value(_share(LEFT_ENDS))),
        marks.names(now, y, row, look),
        every.transform_filter("datum.age > 0 && !datum.missing && !datum.beyond")
        .mark_tick(color=colours.no, thickness=2, height=0.6 * row, orient="vertical")
        .encode(
            x=at["alpha"],
            y=y,
            key=marks.key("id"),
            opacity=alt.Opacity("age:Q", scale=alt.Scale(domain=[1, 10], range=[1, 0.7])),
        ),
        *_notes(now, look, y, row),
        marks.point(now, "truth", look, 0.55 * size).encode(
            x=at["truth"],
            y=y,
            key=key,
            opacity=alt.condition("datum.truth_seen > 0", alt.value(1), alt.value(0)),
        ),
        marks.point(now, "no", look, size)
        .encode(
            x=at["alpha"],
            y=y,
            key=key,
            tooltip=tips,
            opacity=alt.condition("datum.missing", alt.value(0), alt.value(1)),
        )
        .add_params(pick),
    ]


def _notes(now: alt.Chart, look: Look, y: Any, row: float) -> list[Any]:
    """Words where a school has no mark, or has it outside the axis."""
    sides = (("start", "left", 6, 0.0), ("low", "left", 12, 0.0), ("high", "right", -12, LEFT_ENDS))
    return [
        now.transform_filter(f"datum.note != '' && datum.place == '{place}'")
        .mark_text(
            align=align,  # type: ignore[arg-type]
            baseline="middle",
            dx=dx,
            fontStyle="italic",
            fontSize=max(12.0, min(look.type_size(), row - 1)),
            color=look.palette.ink,
        )
        .encode(y=y, x=alt.value(_share(x)), text="note:N")
        for place, align, dx, x in sides
    ]


def _lines(look: Look, x_domain: tuple[float, float], y_domain: tuple[float, float]) -> list[Any]:
    colours = look.palette
    x = alt.X(
        "x:Q",
        scale=alt.Scale(
            domain=list(x_domain),
            range=[_share(RIGHT_STARTS), _share(1)],
            nice=False,
            zero=False,
        ),
        axis=alt.Axis(orient="top", title="pre-test, SDs", tickCount=3, grid=True),
    )
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=list(y_domain), nice=False, zero=False),
        axis=alt.Axis(orient="right", title="test score, points", tickCount=5),
    )
    lines = Chart(alt.NamedData("lines"))
    people = Chart(alt.NamedData("students"))
    seen = alt.condition("datum.seen > 0", alt.value(1), alt.value(0))
    pale = alt.condition("datum.seen > 0", alt.value(0.72), alt.value(0))
    return [
        lines.mark_line(color=colours.no, strokeWidth=1.2, clip=True).encode(
            x=x, y=y, detail="school:N", opacity=pale
        ),
        lines.transform_filter("datum.picked")
        .mark_line(color=colours.no, strokeWidth=3.2, clip=True)
        .encode(x=x, y=y, detail="school:N", opacity=seen),
        people.mark_point(
            shape="circle", size=42, fill=colours.picked, stroke=colours.paper, strokeWidth=0.8,
            opacity=1, clip=True,
        ).encode(x=x, y=y, key=marks.key("student")),
    ]  # fmt: skip
