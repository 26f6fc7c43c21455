"""Eight panels, one of them the data: if it cannot be told from the others, the model may do."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look, finish

COLUMNS, SIDE, GAP = 4, 168, 12


def line_up(look: Look, *, panels: int = 8, shown: int = -1, joined: bool = False) -> Any:
    """Small clouds of points, or lines, in numbered panels; dashed: what the model expects.

    Tables
    ------
    points, straight
        Of `own_data.checks.line_up`.

    Parameters
    ----------
    look : Look
    panels : int
    shown : int
        The panel with the data once it may be known, from 0; else -1.
    joined : bool
        A line through the points of each panel.
    """
    colours = look.palette
    down = -(-panels // COLUMNS)
    height = down * SIDE + (down - 1) * GAP
    base = Chart(alt.NamedData("points"))
    at_x = f"datum.panel % {COLUMNS} + 0.06 + 0.88 * datum.x"
    at_y = f"floor(datum.panel / {COLUMNS}) + 0.06 + 0.84 * (1 - datum.y) + 0.05"
    x = alt.X("px:Q", scale=alt.Scale(domain=[0, COLUMNS], nice=False), axis=None)
    y = alt.Y("py:Q", scale=alt.Scale(domain=[down, 0], nice=False), axis=None)
    boxes = Chart(alt.sequence(0, panels, 1, as_="panel")).transform_calculate(
        x=f"datum.panel % {COLUMNS} + 0.02",
        x2=f"datum.panel % {COLUMNS} + 0.98",
        y=f"floor(datum.panel / {COLUMNS}) + 0.02",
        y2=f"floor(datum.panel / {COLUMNS}) + 0.98",
        k="datum.panel + 1",
    )
    mine = f"datum.panel == {shown}"
    fx = alt.X("x:Q", scale=alt.Scale(domain=[0, COLUMNS], nice=False), axis=None)
    fy = alt.Y("y:Q", scale=alt.Scale(domain=[down, 0], nice=False), axis=None)
    expected = (
        Chart(alt.NamedData("straight"))
        .transform_calculate(panel=f"sequence({panels})")
        .transform_flatten(["panel"])
    )
    drawn = base.mark_point(filled=True, size=16, opacity=0.65, color=colours.ink)
    if joined:
        drawn = base.mark_line(
            strokeWidth=2, color=colours.ink, point={"size": 9, "color": colours.ink}
        )
    layers = alt.layer(
        boxes.mark_rect(fill="transparent", strokeWidth=1.5).encode(
            x=fx, x2="x2:Q", y=fy, y2="y2:Q",
            stroke=alt.condition(mine, alt.value(colours.picked), alt.value(colours.muted)),
            strokeWidth=alt.condition(mine, alt.value(4), alt.value(1)),
        ),
        expected.mark_line(strokeWidth=1.5, strokeDash=[5, 4], color=colours.muted)
        .transform_calculate(px=at_x, py=at_y)
        .encode(x=x, y=y, detail="panel:N"),
        drawn.transform_calculate(px=at_x, py=at_y).encode(x=x, y=y, detail="panel:N"),
        boxes.mark_text(align="left", baseline="top", dx=5, dy=4, fontWeight="bold").encode(
            x=fx, y=fy, text="k:N"
        ),
    )  # fmt: skip
    return finish(layers, look, height)
