"""What figures of a reader's own data have in common: a legend inside, so that it is saved too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import altair as alt

from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look

UPRIGHT, BROKEN, ALONG = "M0,-1L0,1", "M0,-1L0,-0.35M0,0.35L0,1", "M-1,0L1,0"
SHAPES = {
    "no": "circle",
    "partial": "circle",
    "complete": UPRIGHT,
    "target": BROKEN,
    "row": "circle",
    "picked": "circle",
    "bar": ALONG,
}
HOLLOW = {"no", "complete", "target", "bar"}


def legend(look: Look, said: Mapping[str, str], columns: int = 2, **shapes: Any) -> Any:
    """A layer that draws nothing but the legend: marks by their names in `SHAPES`, and their words.

    Parameters
    ----------
    look : Look
    said : mapping of str to str
        In the order of the legend.
    columns : int
    **shapes : str
        Other shapes than the usual ones.
    """
    colours = {"row": look.palette.muted, "bar": look.palette.partial}
    colour = [colours.get(name) or getattr(look.palette, name) for name in said]
    words = list(said.values())
    shape = [(SHAPES | shapes)[name] for name in said]
    fill = [
        "transparent" if name in HOLLOW and name not in shapes else c
        for name, c in zip(said, colour, strict=True)
    ]
    box = alt.Legend(
        title=None,
        orient="top",
        columns=alt.ExprRef(f"width < 400 ? 1 : {columns}"),
        labelLimit=340,
        symbolSize=110,
        symbolStrokeWidth=2,
        labelFontSize=look.type_size(13),
        labelColor=look.palette.ink,
        symbolOpacity=1,
        columnPadding=18,
        offset=6,
    )

    def scale(values: list[str]) -> alt.Scale:
        return alt.Scale(domain=words, range=values)

    return (
        Chart(alt.sequence(0, 1))
        .transform_calculate(key=json.dumps(words[0]))
        .mark_point(opacity=0, size=0)
        .encode(
            x=alt.value(0),
            y=alt.value(0),
            shape=alt.Shape("key:N", scale=scale(shape), legend=box),
            fill=alt.Fill("key:N", scale=scale(fill), legend=box),
            stroke=alt.Stroke("key:N", scale=scale(colour), legend=box),
        )
    )
