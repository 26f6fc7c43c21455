"""The probability of each school to be among the best few, beside three tables that say who is."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look, Pooling, finish

SCHOOL = "school"
TOP, HEIGHT, SIDE, COLUMN = 24, 376, 178, 46
"""Pixels: the heads of the columns; the plot; the room of labels and columns; one column."""
HEADS: tuple[tuple[Pooling, str, str], ...] = (
    ("no", "own", "own"),
    ("partial", "partial", "partial"),
    ("truth", "truth", "truth"),
)


def best_few(look: Look, *, rows: int) -> Any:
    """A bar for each school; at its right a mark for each ranking that counts it among the best.

    Tables
    ------
    schools
        Of `small_groups.Facts.chances`.

    Parameters
    ----------
    look : Look
    rows : int
        Number of rows.
    """
    colours, row = look.palette, (HEIGHT - TOP) / rows
    base, key = Chart(alt.NamedData("schools")), marks.key("school")
    y = alt.Y("row:O", scale=alt.Scale(range=[TOP, HEIGHT]), axis=marks.no_names())
    x = alt.X(
        "chance:Q",
        scale=alt.Scale(domain=[0, 1], range=[0, alt.ExprRef(f"width - {SIDE}")], nice=False),
        axis=alt.Axis(title="probability of being among the best", titleAnchor="start",
                      format="%", values=[0, 0.25, 0.5, 0.75, 1], grid=True),
    )  # fmt: skip
    thick = min(11.0, 0.62 * row)
    size = max(30.0, min(80.0, row * 5))
    tips = [
        alt.Tooltip("label:N", title="school"),
        alt.Tooltip("chance:Q", title="probability", format=".0%"),
    ]
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    heads = base.transform_filter("datum.row == 0")
    return finish(
        alt.layer(
            marks.picked_band(base, y, row, look),
            marks.names(base, y, row, look),
            base.mark_bar(color=colours.partial, height=thick, cornerRadiusEnd=2)
            .encode(x=x, x2=alt.datum(0), y=y, key=key, tooltip=tips)
            .add_params(pick),
            base.mark_text(
                align="left", baseline="middle", dx=5, fontSize=min(look.type_size(13), row)
            ).encode(x=x, y=y, text="said:N", key=key),
            *(
                _column(base, heads, look, k, pooling, field, head, y, min(size, 70.0))
                for k, (pooling, field, head) in enumerate(HEADS)
            ),
        ).resolve_scale(x="shared"),
        look,
        HEIGHT,
    )  # fmt: skip


def _column(
    base: Any, heads: Any, look: Look, k: int, pooling: Pooling, field: str, head: str, y: Any,
    size: float,
) -> Any:  # fmt: skip
    """Who is among the best by one ranking; of schools without a row, how many are."""
    at = alt.value(alt.ExprRef(f"width - {3 * COLUMN - 23 - k * COLUMN}"))
    there = base.transform_filter(f"datum.by_{field} > 0 && datum.others == 0")
    others = base.transform_filter(f"datum.by_{field} > 0 && datum.others > 0")
    return alt.layer(
        heads.transform_filter(f"datum.seen_{field} > 0")
        .mark_text(baseline="middle", fontSize=look.type_size(13), text=head)
        .encode(x=at, y=alt.value(TOP / 2)),
        marks.point(there, pooling, look, size).encode(x=at, y=y, key=marks.key("school")),
        others.transform_calculate(more=f"'+' + datum.by_{field}")
        .mark_text(baseline="middle", fontSize=look.type_size(13), fontWeight="bold")
        .encode(x=at, y=y, text="more:N"),
    )
