"""Errors of predictions for students the fits have not seen, by size of the school."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.theme import Look, Pooling, finish

POOLINGS: tuple[Pooling, ...] = ("complete", "no", "partial")


def held_out(look: Look, *, domain: tuple[float, float], height: int = 210) -> Any:
    """Root mean square error by class of school size; complete pooling as a short rule.

    Tables
    ------
    errors
        Of `heldout.error_by_size`.
    """
    base = alt.Chart(alt.NamedData("errors"))
    x = alt.X(
        "size:N",
        sort=None,
        scale=alt.Scale(type="point", padding=0.5),
        axis=alt.Axis(title="students in the school", labelAngle=0),
    )
    y = alt.Y(
        "rmse:Q",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=alt.Axis(title="error (RMSE), points", tickCount=5, grid=True),
    )
    tooltip = [
        alt.Tooltip("size:N", title="students in the school"),
        alt.Tooltip("pooling:N", title="pooling"),
        alt.Tooltip("rmse:Q", title="error", format=".2f"),
        alt.Tooltip("answered:Q", title="students predicted"),
    ]
    layers = []
    for pooling in POOLINGS:
        of = base.transform_filter(f"datum.pooling == '{pooling}' && isValid(datum.rmse)")
        colour = look.palette.of(pooling)
        layers.append(of.mark_line(color=colour, strokeWidth=1.6, clip=True).encode(x=x, y=y))
        mark = (
            of.mark_tick(color=colour, thickness=3.5, width=22, orient="horizontal", clip=True)
            if pooling == "complete"
            else marks.point(of, pooling, look, 150 if pooling == "no" else 75, clip=True)
        )
        layers.append(mark.encode(x=x, y=y, tooltip=tooltip))
    return finish(alt.layer(*layers), look, height)
