"""Who meets whom: two groupings as a matrix, and under it what each formula makes of a column."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, handle
from mlm_core.charts.theme import LEFT, Look, finish

NAMES, MATRIX, HEADLINE, TITLE, PARTS = 70, 158, 48, 22, 134
TOP = NAMES + MATRIX
LOW = TOP + HEADLINE + TITLE
END = LOW + PARTS


def incidence(
    look: Look, *, part_domain: tuple[float, float], steps: int = 1, handle_label: str = ""
) -> Any:
    """A matrix of two groupings; below, the part that each of its columns adds to the score.

    The size of a circle is the number of students. A column with more than one circle is not
    nested; it stands on a grey bar. At the left, with the names of the rows, what each adds.
    Below, filled with a bar of one standard error to each
    side: the fit that tells every group apart. Hollow square with a thin bar: the other
    formula. Hollow circle: the group's own mean. Diamond: the truth. With more than one step
    a handle in the chart picks one of them.

    Tables
    ------
    Of `lessons.nested_and_crossed.Facts.tables`; all places are shares of the width or the
    height, from 0 to 1, and what is ``seen`` 0 lies unseen.

    cells
        ``step, group, outer, inner, row, column, n, side, across, down, resting``: one row a
        step and combination that occurs; ``side`` is the side of its circle.
    columns
        ``step, column, low, high, shared, resting``: one row a step and column.
    right, wrong, truth
        ``step, group, place, part, low, high, n, seen, resting``: one row a step and group;
        ``right`` has ``own, own_seen``, too.
    steps
        ``step, position, kind, meaning, resting``: one row a step.
    rows
        ``step, text, place, resting``: names of rows, and what each adds.
    names
        ``of, text, place``: names of columns and of pieces, and titles.

    Parameters
    ----------
    look : Look
    part_domain : (low, high)
        Of the lower panel (points); keep it the same while sliders move.
    steps : int
        Number of steps of the handle; with one there is none.
    handle_label : str
    """
    now = HERE if steps > 1 else "datum.resting"
    panels = [*_matrix(look, now), *_words(look, now), *_parts(look, now, part_domain)]
    if steps > 1:
        places = Chart(alt.NamedData("steps")).mark_point(opacity=0)
        panels.append(
            places.encode(x=_share("position"), y=alt.value(TOP)).add_params(
                handle(steps, handle_label)
            )
        )
    layers = alt.layer(*panels).resolve_scale(x="independent", y="independent")
    return finish(layers, look, END, steps=steps if steps > 1 else 0)


def _share(field: str) -> alt.X:
    """A share of the width."""
    return alt.X(f"{field}:Q", scale=alt.Scale(domain=[0, 1], nice=False, padding=0), axis=None)


def _row(axis: Any = None) -> alt.Y:
    """A share of the height of the matrix."""
    return alt.Y("row:Q", scale=alt.Scale(domain=[0, 1], range=[NAMES, TOP], nice=False), axis=axis)


def _matrix(look: Look, now: str) -> list[Any]:
    colours = look.palette
    cells = Chart(alt.NamedData("cells")).transform_filter(now)
    columns = Chart(alt.NamedData("columns")).transform_filter(now)
    side = f"min(0.94 * {MATRIX} / datum.down, 0.88 * width / datum.across)"
    tips = [
        alt.Tooltip("outer:N", title="lies in"),
        alt.Tooltip("inner:N", title="column"),
        alt.Tooltip("n:Q", title="students"),
    ]
    return [
        columns.mark_rect(
            color=colours.muted, fillOpacity=0.28, stroke=colours.muted, strokeWidth=1
        ).encode(
            x=_share("low"),
            x2="high:Q",
            y=alt.value(NAMES),
            y2=alt.value(TOP),
            opacity=alt.condition("datum.shared > 0", alt.value(1), alt.value(0)),
            key=marks.key("column"),
        ),
        cells.transform_calculate(area=f"pow(datum.side * {side}, 2)")
        .mark_point(shape="circle", filled=True, color=colours.ink, opacity=1)
        .encode(
            x=_share("column"),
            y=_row(marks.no_names(grid=False)),
            size=alt.Size("area:Q", scale=None),
            tooltip=tips,
            key=marks.key("group"),
        ),
    ]


def _words(look: Look, now: str) -> list[Any]:
    """Names of rows and columns, their titles, and what the matrix is."""
    names = Chart(alt.NamedData("names"))

    def of(kind: str) -> Any:
        return names.transform_filter(f"datum.of == '{kind}'")

    left: dict[str, Any] = {"align": "right", "baseline": "middle", "dx": -8, "limit": LEFT}
    bold: dict[str, Any] = {"fontWeight": "bold", "baseline": "middle"}
    title = left | bold | {"fontSize": look.type_size(13)}
    small = look.type_size(12.5)
    row = alt.Y("place:Q", scale=alt.Scale(domain=[0, 1], range=[NAMES, TOP]), axis=None)
    line = Chart(alt.NamedData("steps")).transform_filter(now)
    rows = Chart(alt.NamedData("rows")).transform_filter(now)
    return [
        rows.mark_text(**left).encode(x=alt.value(0), y=row, text="text:N"),
        of("piece")
        .mark_text(baseline="middle", fontSize=small)
        .encode(x=_share("place"), y=alt.value(LOW + 7), text="text:N"),
        of("column")
        .mark_text(align="left", baseline="middle", angle=270, fontSize=small, limit=NAMES - 4)
        .encode(x=_share("place"), y=alt.value(NAMES - 5), text="text:N"),
        of("outer")
        .transform_calculate(title="datum.text + ' ↓'")
        .mark_text(**title)
        .encode(x=alt.value(0), y=alt.value(NAMES - 12), text="title:N"),
        of("inner")
        .transform_calculate(title="datum.text + ' →'")
        .mark_text(**title)
        .encode(x=alt.value(0), y=alt.value(NAMES - 34), text="title:N"),
        of("part")
        .mark_text(align="left", baseline="middle")
        .encode(x=alt.value(6 - LEFT), y=alt.value(LOW - TITLE / 2), text="text:N"),
        line.mark_text(align="left", fontSize=look.type_size(16), **bold).encode(
            x=alt.value(6 - LEFT), y=alt.value(TOP + 14), text="kind:N"
        ),
        line.mark_text(align="left", baseline="middle").encode(
            x=alt.value(6 - LEFT), y=alt.value(TOP + 34), text="meaning:N"
        ),
    ]


def _parts(look: Look, now: str, domain: tuple[float, float]) -> list[Any]:
    colours = look.palette
    right, wrong, truth = (
        Chart(alt.NamedData(name)).transform_filter(now) for name in ("right", "wrong", "truth")
    )
    scale = alt.Scale(domain=list(domain), range=[END, LOW], nice=False, padding=0)
    axis = alt.Axis(
        title=None, tickCount=5, grid=True, orient="left", minExtent=LEFT, maxExtent=LEFT
    )
    y = {c: alt.Y(f"{c}:Q", scale=scale, axis=None) for c in ("part", "low", "own")}
    x, key = _share("place"), marks.key("group")
    tips = [
        alt.Tooltip("group:N", title="group"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("part:Q", title="adds, points", format=".1f"),
    ]
    seen = alt.condition("datum.seen > 0", alt.value(1), alt.value(0))
    faded = alt.condition("datum.seen > 0", alt.value(0.75), alt.value(0))
    return [
        right.transform_aggregate(n="sum(n)")
        .mark_rule(color=colours.muted, strokeWidth=1)
        .encode(
            x=alt.value(0),
            x2=alt.value("width"),
            y=alt.Y("zero:Q", scale=scale, axis=axis),
        )
        .transform_calculate(zero="0"),
        wrong.mark_bar(color=colours.muted, size=2).encode(
            x=x, y=y["low"], y2="high:Q", key=key, opacity=seen
        ),
        wrong.mark_point(
            shape="square", size=36 * look.scale, strokeWidth=1.5, stroke=colours.ink,
            fill=colours.paper, opacity=1,
        ).encode(x=x, y=y["part"], key=key, opacity=seen, tooltip=tips),
        right.mark_bar(color=colours.partial, size=5).encode(
            x=x, y=y["low"], y2="high:Q", key=key, opacity=faded
        ),
        marks.point(right, "partial", look, 62).encode(
            x=x, y=y["part"], key=key, opacity=seen, tooltip=tips
        ),
        marks.point(right, "no", look, 60).encode(
            x=x, y=y["own"], key=key,
            opacity=alt.condition("datum.own_seen > 0", alt.value(1), alt.value(0)),
        ),
        marks.point(truth, "truth", look, 26).encode(x=x, y=y["part"], key=key, opacity=seen),
    ]  # fmt: skip
