"""Two panels in one view: they share the y axis, so that a height means the same in both."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look

GAP = 0.05
"""Share of the width between the panels."""


def panel(
    field: str, k: int, domain: tuple[float, float], title: str | list[str], **options: Any
) -> Any:
    """The x channel of panel ``k``: 0 is the left one, 1 the right one."""
    start = k * (1 + GAP) / 2
    ends = [alt.ExprRef(f"width * {share:g}") for share in (start, start + (1 - GAP) / 2)]
    return alt.X(
        f"{field}:Q",
        scale=alt.Scale(domain=list(domain), range=ends, nice=False, zero=False),
        axis=alt.Axis(orient="bottom", title=title, tickCount=4, grid=False),
        **options,
    )


def heading(base: alt.Chart, look: Look, text: str, k: int) -> Any:
    """The name of panel ``k`` over it, from the field ``text``."""
    centre = (1 - GAP) / 4 + k * (1 + GAP) / 2
    return base.mark_text(
        dy=-12, fontSize=look.type_size(15), fontWeight="bold", align="center"
    ).encode(x=alt.value(alt.ExprRef(f"width * {centre:g}")), y=alt.value(0), text=f"{text}:N")


def frames(look: Look, height: int) -> list[Any]:
    """A quiet ground under each panel."""
    share = (1 - GAP) / 2
    base = Chart(alt.NamedData("headings"))
    return [
        base.mark_rect(color=look.palette.faint, opacity=0.28).encode(
            x=alt.value(alt.ExprRef(f"width * {start:g}")),
            x2=alt.value(alt.ExprRef(f"width * {start + share:g}")),
            y=alt.value(0),
            y2=alt.value(height),
        )
        for start in (0.0, (1 + GAP) / 2)
    ]
