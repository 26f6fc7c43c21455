"""Who meets whom: schools by neighbourhoods, and the SDs that two formulas make of it."""

from __future__ import annotations

from typing import Any, Literal

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.handle import handle, here
from mlm_core.charts.theme import LEFT, Look, finish

ROW, GAP, SD_ROW = 26, 64, 28
LEVELS = 3


def incidence(
    look: Look,
    *,
    rows: int,
    columns: int,
    outer: str,
    inner: str,
    sd_top: float,
    steps: int = 1,
    handle_label: str = "",
    named: bool = True,
    upright: bool = True,
) -> Any:
    """A matrix of two groupings, and under it the SD of each level, estimated and true.

    The size of a circle is the number of students. A column with more than one circle
    is not nested; it stands on a grey bar. With more than one step a handle in the
    chart picks one of them.

    Tables
    ------
    cells
        ``step, row, column, n, shared, resting``: one row a step and combination that occurs;
        ``row`` and ``column`` are labels, drawn in sorted order.
    steps
        ``step, position, kind, meaning, resting``: one row a step.
    sds
        ``step, level, fit, sd, resting``: one row a step, level and fit; ``fit`` is
        ``right`` or ``wrong``.
    truth
        ``level, sd``: one row a level.

    Parameters
    ----------
    look : Look
    rows, columns : int
        Size of the matrix.
    outer, inner : str
        What rows and columns are.
    sd_top : float
        End of the axis of SDs (points).
    steps : int
        Number of steps of the handle; with one there is none.
    handle_label : str
    named : bool
        Say under the matrix whether it is nested or crossed.
    upright : bool
        Whether the names of the columns stand upright.
    """
    row = ROW * look.scale
    height = round(rows * row)
    now = here(steps) if steps > 1 else "datum.resting"
    panels = [
        _matrix(look, now, height, row, columns, (outer, inner), upright),
        _sds(look, now, height + GAP, sd_top),
    ]
    line = alt.Chart(alt.NamedData("steps"))
    if named:
        lines: tuple[tuple[str, Literal["bold", "normal"], int, int], ...] = (
            ("kind", "bold", 17, 18),
            ("meaning", "normal", 14, 38),
        )
        panels += [
            line.transform_filter(now)
            .mark_text(
                align="left", baseline="middle", fontWeight=weight, fontSize=look.type_size(points)
            )
            .encode(x=alt.value(4 - LEFT), y=alt.value(height + down), text=f"{field}:N")
            for field, weight, points, down in lines
        ]
    if steps > 1:
        panels.append(
            line.mark_point(opacity=0)
            .encode(
                x=alt.X("position:Q", scale=alt.Scale(domain=[0, 1]), axis=None),
                y=alt.value(height / 2),
            )
            .add_params(handle(steps, handle_label))
        )
    return finish(
        alt.layer(*panels).resolve_scale(x="independent", y="independent"),
        look,
        height + GAP + round(LEVELS * SD_ROW * look.scale),
    )


def _names(look: Look, **options: Any) -> alt.Axis:
    """The axis of names on the left."""
    return alt.Axis(
        orient="left", minExtent=LEFT, maxExtent=LEFT, domain=False, ticks=False, labelLimit=LEFT,
        labelFontSize=look.type_size(), **options,
    )  # fmt: skip


def _matrix(
    look: Look,
    now: str,
    height: int,
    row: float,
    columns: int,
    titles: tuple[str, str],
    upright: bool,
) -> Any:
    colours, (outer, inner) = look.palette, titles
    cells = alt.Chart(alt.NamedData("cells")).transform_filter(now)
    x = alt.X(
        "column:N",
        sort="ascending",
        scale=alt.Scale(type="band", paddingInner=0.12, paddingOuter=0.06),
        axis=alt.Axis(
            orient="top",
            title=inner,
            labelAngle=0 if upright else -90,
            labelOverlap=True,
            domain=False,
            ticks=False,
        ),
    )
    y = alt.Y(
        "row:N",
        sort="ascending",
        scale=alt.Scale(type="band", range=[0, height]),
        axis=_names(look, title=None),
    )
    tooltip = [
        alt.Tooltip("row:N", title=outer),
        alt.Tooltip("column:N", title=inner),
        alt.Tooltip("n:Q", title="students"),
    ]
    largest = alt.expr(f"pow(min({0.95 * row}, 0.86 * width / {columns}), 2)")
    smallest = alt.expr(f"pow(min({0.32 * row}, 0.4 * width / {columns}), 2)")
    size = alt.Size("n:Q", scale=alt.Scale(domain=[1, 60], range=[smallest, largest], clamp=True))
    return alt.layer(
        cells.transform_aggregate(shared="max(shared)", groupby=["column"])
        .mark_bar(color=colours.faint, opacity=0.8, cornerRadius=4)
        .encode(
            x=x,
            y=alt.value(0),
            y2=alt.value(height),
            opacity=alt.condition("datum.shared", alt.value(0.75), alt.value(0)),
        ),
        cells.mark_circle(color=colours.ink, opacity=0.9, stroke=colours.paper).encode(
            x=x, y=y, size=size, tooltip=tooltip
        ),
    )


def _sds(look: Look, now: str, above: int, top: float) -> Any:
    colours = look.palette
    below = above + round(LEVELS * SD_ROW * look.scale)
    x = alt.X(
        "sd:Q",
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(title="SD, points", tickCount=6, grid=False),
    )
    y = alt.Y(
        "level:N",
        sort=None,
        scale=alt.Scale(type="band", range=[above, below]),
        axis=_names(look, title=None),
    )
    sds = alt.Chart(alt.NamedData("sds")).transform_filter(now)
    truth = alt.Chart(alt.NamedData("truth"))
    tooltip = [alt.Tooltip("level:N"), alt.Tooltip("sd:Q", title="SD", format=".1f")]
    right, wrong = (sds.transform_filter(f"datum.fit == '{fit}'") for fit in ("right", "wrong"))
    return alt.layer(
        truth.mark_rule(color=colours.faint, strokeWidth=1).encode(
            x=alt.value(0), x2=alt.value("width"), y=y
        ),
        wrong.mark_point(shape="square", size=190 * look.scale, strokeWidth=2.2).encode(
            x=x, y=y, stroke=alt.value(colours.ink), tooltip=tooltip
        ),
        marks.point(right, "partial", look, 120).encode(x=x, y=y, tooltip=tooltip),
        marks.point(truth, "truth", look, 62).encode(x=x, y=y, tooltip=tooltip),
    )
