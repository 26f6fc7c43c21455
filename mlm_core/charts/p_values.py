"""P-values of many trials without an effect: flat for an honest analysis."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.one_trial import HEIGHT, colour, inks
from mlm_core.charts.theme import Look, finish

BARS = 0.8
"""The highest bar, as a share of the room of its analysis."""
LEVEL = 0.05
LEFT = 32
"""Pixels at the left for the number of the dashed line."""


def p_values(look: Look, *, top: tuple[float, float]) -> Any:
    """A histogram for each analysis; the first bar is the false alarms.

    An analysis is unseen while its ``seen`` is 0.

    Tables
    ------
    bins
        Of `structured_data.Facts.p_value_table`.

    Parameters
    ----------
    look : Look
    top : (0, high)
        Shares of the trials, from none to what the highest bar stands for.
    """
    palette = look.palette
    ground, tall = f"{HEIGHT} * datum.ground", f"{BARS * HEIGHT} * datum.tall"
    base = Chart(alt.NamedData("bins")).transform_calculate(
        floor=ground,
        place=f"{ground} - {tall} * datum.share * datum.seen / {top[1]}",
        honest=f"{ground} - {tall} * {LEVEL} / {top[1]}",
        name_at=f"{ground} - {tall} + 4",
        label_at=f"{ground} - {tall} + 26",
    )
    one = base.transform_filter("datum.alarm")
    right = alt.value({"expr": "width - 2"})
    name = one.mark_text(align="right", baseline="middle", fontWeight="bold")
    share = one.mark_text(
        align="right", baseline="middle", fontWeight="bold", fontSize=look.type_size(17)
    )
    honest = one.mark_rule(color=palette.ink, strokeWidth=1.5, strokeDash=[5, 4])
    wide: dict[str, Any] = {"x": alt.value(LEFT), "x2": alt.value("width")}
    return finish(
        alt.layer(
            _bars(base, look),
            one.mark_rule(color=palette.muted).encode(y=_y("floor"), opacity=_if_seen(), **wide),
            honest.encode(y=_y("honest"), opacity=_if_seen(), **wide),
            one.mark_text(align="right", baseline="middle", color=palette.ink).encode(
                x=alt.value(LEFT - 4),
                y=_y("honest"),
                text=alt.value(f"{100 * LEVEL:.0f}%"),
                opacity=_if_seen(),
            ),
            name.encode(
                x=right, y=_y("name_at"), text="name:N", color=colour(look), opacity=_if_seen()
            ),
            share.encode(
                x=right, y=_y("label_at"), text="label:N", color=colour(look), opacity=_if_seen()
            ),
        ),
        look,
        HEIGHT,
    )


def _bars(base: alt.Chart, look: Look) -> Any:
    """The bars; full colour is p below .05."""
    return base.mark_rect(strokeWidth=1).encode(
        x=_x("left"),
        x2="right:Q",
        y=_y("place"),
        y2="floor:Q",
        fill=alt.Fill("way:N", scale=inks(look)),
        stroke=alt.Stroke("way:N", scale=inks(look)),
        fillOpacity=alt.condition("datum.alarm", alt.value(1), alt.value(0.3)),
        opacity=_if_seen(),
        key=marks.key("bar"),
        tooltip=[
            alt.Tooltip("name:N", title="analysis"),
            alt.Tooltip("left:Q", title="p from", format=".2f"),
            alt.Tooltip("right:Q", title="to", format=".2f"),
            alt.Tooltip("share:Q", title="share of trials", format=".1%"),
        ],
    )


def _if_seen() -> Any:
    return alt.condition("datum.seen > 0", alt.value(1), alt.value(0))


def _x(name: str) -> alt.X:
    scale = alt.Scale(domain=[0, 1], range=[LEFT, alt.ExprRef("width")], nice=False)
    axis = alt.Axis(
        title="p-value; height of a bar: share of the trials",
        values=[LEVEL, 0.25, 0.5, 0.75, 1],
        format=".2~f",
    )
    return alt.X(f"{name}:Q", scale=scale, axis=axis)


def _y(name: str) -> alt.Y:
    """A height in pixels."""
    scale = alt.Scale(domain=[HEIGHT, 0], range=[HEIGHT, 0], nice=False)
    return alt.Y(f"{name}:Q", scale=scale, axis=None)
