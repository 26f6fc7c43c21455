"""The estimated SD between schools, draw after draw, by two methods."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look, finish

HEIGHT, ROW, BARS = 380, 180, 112
"""Pixels: the plot, a method, its highest bar."""
ZERO = 66
"""Pixels at the left for the estimates of exactly 0."""


def spreads(look: Look, *, domain: tuple[float, float], top: tuple[float, float]) -> Any:
    """A histogram for each method, with a bar of its own for estimates of exactly 0.

    Tables
    ------
    bars, ways
        Of `efficient_inference.Facts.spread_tables`.

    Parameters
    ----------
    look : Look
    domain : (0, high)
        Of the SD; keep it the same while sliders move.
    top : (0, high)
        Shares of the draws, from none to what the highest bar stands for.

    Notes
    -----
    The short bar under the ground is the root of the average variance.
    """
    palette, key = look.palette, marks.key("way")
    ground = f"{ROW} * datum.row + {ROW - 20}"
    scale = alt.Scale(domain=list(domain), range=[ZERO, alt.ExprRef("width")], nice=False)
    axis = alt.Axis(title="estimated SD between schools, points", tickCount=6)
    bars = Chart(alt.NamedData("bars")).transform_calculate(
        place=f"{ground} - {BARS} * datum.share / {top[1]}",
        ground=ground,
        bar="datum.way + datum.left",
    )
    ways = Chart(alt.NamedData("ways")).transform_calculate(
        zeros=f"{ground} - {BARS} * datum.zero / {top[1]}",
        ground=ground,
        high=f"{ground} - {BARS} - 6",
        title=f"{ground} - {BARS} - 24",
        mark=f"{ground} + 3",
        mark_end=f"{ground} + 17",
    )

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=axis)

    strong = ways.mark_text(align="left", baseline="middle", fontWeight="bold")
    return finish(
        alt.layer(
            bars.mark_rect(fill=palette.muted, stroke=palette.paper, strokeWidth=1).encode(
                x=x("left"), x2="right:Q", y=_y("place"), y2="ground:Q", key=marks.key("bar")
            ),
            ways.mark_rect(fill=palette.ink).encode(
                x=alt.value(20), x2=alt.value(ZERO - 24), y=_y("zeros"), y2="ground:Q", key=key
            ),
            ways.mark_rule(color=palette.muted).encode(
                x=alt.value(0), x2=alt.value("width"), y=_y("ground")
            ),
            ways.mark_bar(color=palette.truth, width=2).encode(
                x=x("truth"), y=_y("high"), y2="ground:Q", key=key
            ),
            marks.point(ways, "truth", look, 90).encode(x=x("truth"), y=_y("high"), key=key),
            ways.mark_bar(color=palette.ink, width=7).encode(
                x=x("mean"), y=_y("mark"), y2="mark_end:Q", key=key
            ),
            ways.mark_text(baseline="top", dy=3).encode(
                x=alt.value(ZERO / 2 - 2), y=_y("ground"), text=alt.value("exactly 0")
            ),
            ways.mark_text(baseline="bottom", dy=-3).encode(
                x=alt.value(ZERO / 2 - 2), y=_y("zeros"), text="never:N"
            ),
            strong.encode(x=alt.value(0), y=_y("title"), text="name:N"),
            ways.mark_text(align="right", baseline="middle").encode(
                x=alt.value(alt.ExprRef("width - 2")), y=_y("title"), text="said:N"
            ),
        ),
        look,
        HEIGHT,
    )  # fmt: skip


def _y(name: str) -> alt.Y:
    """A height in pixels."""
    scale = alt.Scale(domain=[HEIGHT, 0], range=[HEIGHT, 0], nice=False)
    return alt.Y(f"{name}:Q", scale=scale, axis=None)
