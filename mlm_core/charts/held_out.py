"""Errors of predictions for students the fits have not seen, by size of the school."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import HEIGHT, Look, Pooling, finish

POOLINGS: tuple[Pooling, ...] = ("complete", "no", "partial")
PANEL, HEAD, GAP = 158, 24, 14
"""Pixels of each panel, of the words over it, and between the two."""
LEFT = {"students": "left out: some students of every school", "schools": "left out: whole schools"}


def held_out(look: Look, *, domain: tuple[float, float]) -> Any:
    """Root mean square error by class of school size, twice; complete pooling a short rule.

    Above, students are left out of every school; below, whole schools.

    Tables
    ------
    errors
        Of `heldout.error_by_size`, with ``left``: "students" or "schools".

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of the errors; keep it the same while sliders move.
    """
    panels = [_panel(look, left, k, domain) for k, left in enumerate(LEFT)]
    chart = alt.layer(*panels).resolve_scale(y="independent")
    return finish(chart, look, min(2 * (PANEL + HEAD) + GAP, HEIGHT - 54))


def _panel(look: Look, left: str, k: int, domain: tuple[float, float]) -> Any:
    base = Chart(alt.NamedData("errors")).transform_filter(f"datum.left == '{left}'")
    top = k * (PANEL + HEAD + GAP) + HEAD
    x = alt.X(
        "size:N",
        sort=None,
        scale=alt.Scale(type="point", padding=0.5),
        axis=alt.Axis(title="students in the school", labelAngle=0),
    )
    y = alt.Y(
        "rmse:Q",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False, range=[top + PANEL, top]),
        axis=alt.Axis(
            orient="left", title="error, points", tickCount=4, grid=True,
            minExtent=30, maxExtent=30,
            titleY=top + PANEL / 2,
        ),
    )  # fmt: skip
    tooltip = [
        alt.Tooltip("size:N", title="students in the school"),
        alt.Tooltip("pooling:N", title="pooling"),
        alt.Tooltip("rmse:Q", title="error", format=".2f"),
        alt.Tooltip("answered:Q", title="students predicted"),
    ]
    layers = [
        base.transform_aggregate(n="count()")
        .mark_text(align="left", baseline="bottom", fontWeight="bold")
        .encode(x=alt.value(2), y=alt.value(top - 5), text=alt.value(LEFT[left]))
    ]
    for pooling in POOLINGS:
        of = base.transform_filter(f"datum.pooling == '{pooling}' && isValid(datum.rmse)")
        colour = look.palette.of(pooling)
        layers.append(of.mark_line(color=colour, strokeWidth=1.6, clip=True).encode(x=x, y=y))
        size = {"complete": 420, "no": 150, "partial": 75}[pooling]
        mark = marks.point(of, pooling, look, size, clip=True)
        layers.append(mark.encode(x=x, y=y, tooltip=tooltip, key=marks.key("size")))
    return alt.layer(*layers)
