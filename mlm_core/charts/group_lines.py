"""The rows of one group, and the lines of the three poolings through them."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.chart import Chart
from mlm_core.charts.own_marks import ALONG, legend
from mlm_core.charts.theme import Look, finish

HEIGHT = 330


def group_lines(
    look: Look, *, x: tuple[float, float], y: tuple[float, float], x_title: str, y_title: str,
    with_x: bool = True,
) -> Any:  # fmt: skip
    """Rows of the picked group filled, of the others faint; a line for each pooling.

    Tables
    ------
    points, lines
        Of `own_data.one_group.group_tables`.

    Parameters
    ----------
    look : Look
    x, y : (low, high)
        Domains.
    x_title, y_title : str
    with_x : bool
        Whether the horizontal axis means anything.
    """
    colours = look.palette
    points, lines = Chart(alt.NamedData("points")), Chart(alt.NamedData("lines"))
    across = alt.Axis(title=x_title, tickCount=6, labels=with_x, ticks=with_x, grid=with_x)
    at = {
        "x": alt.X("x:Q", scale=alt.Scale(domain=list(x), nice=False, zero=False), axis=across),
        "y": alt.Y("y:Q", scale=alt.Scale(domain=list(y), nice=False, zero=False),
                   axis=alt.Axis(title=y_title, grid=True)),
    }  # fmt: skip
    dashes = {"complete": [1, 0], "no": [7, 5], "partial": [1, 0]}
    drawn = [
        lines.transform_filter(f"datum.pooling == '{name}'")
        .mark_line(
            color=colours.of(name),  # type: ignore[arg-type]
            strokeWidth=2.4 if name != "partial" else 3.2,
            strokeDash=dash,
            clip=True,
        )
        .encode(**at)
        for name, dash in dashes.items()
    ]
    said = {"picked": "rows of this group", "row": "rows of other groups"}
    said |= {"no": "no pooling (dashed)", "partial": "partial pooling"}
    shapes: dict[str, Any] = {"no": ALONG, "partial": ALONG, "complete": ALONG}
    layers = alt.layer(
        points.transform_filter("!datum.picked")
        .mark_point(color=colours.muted, filled=True, size=14, opacity=0.75, clip=True)
        .encode(**at),
        points.transform_filter("datum.picked")
        .mark_point(color=colours.picked, filled=True, size=46, opacity=0.95, clip=True)
        .encode(**at, tooltip=[alt.Tooltip("x:Q"), alt.Tooltip("y:Q")]),
        *drawn,
        legend(look, {**said, "complete": "complete pooling"}, columns=2, **shapes),
    )
    return finish(layers, look, HEIGHT)
