"""One fit in one figure: from each group's own estimate to its partially pooled one."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.own_marks import legend
from mlm_core.charts.theme import Look, finish


def shrinkage(
    look: Look,
    *,
    domain: tuple[float, float],
    rows: int,
    score: str,
    group: str = "school",
    member: str = "students",
    number: str = ".4~g",
) -> Any:
    """One row a group, the largest on top: how far partial pooling moves it, and how sure it is.

    Hollow: the group's own estimate. Filled, with a bar of its 95% interval: partial pooling.
    Upright: what the group is pulled to. Rule: complete pooling.

    Tables
    ------
    groups
        Of `notebook.shrinkage_table`: ``row, label, n, own, partial, low, high, toward, complete``.

    Parameters
    ----------
    look : Look
    domain : (low, high)
    rows : int
    score, group, member, number : str
        Title of the axis, the words for groups and their members, format of the tooltip.
    """
    height = max(400, min(20 * rows, 1400))
    row, colours = height / rows, look.palette
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    base = Chart(alt.NamedData("groups"))
    axis = alt.Axis(
        title=None, domain=False, ticks=False, labelLimit=180, labelOverlap=True, grid=False
    )
    y = alt.Y("label:N", sort=None, axis=axis, scale=alt.Scale(range=[0, height]))

    def x(name: str) -> alt.X:
        across = alt.Axis(orient="top", title=score, tickCount=6, grid=True)
        return alt.X(f"{name}:Q", scale=scale, axis=across)

    tips = [
        alt.Tooltip("label:N", title=group),
        alt.Tooltip("n:Q", title=member),
        *(
            alt.Tooltip(f"{name}:Q", title=said, format=number)
            for name, said in {
                "own": "no pooling",
                "partial": "partial pooling",
                "low": "from",
                "high": "to",
            }.items()
        ),
    ]
    size = max(20.0, min(90.0, 5 * row))
    tick: dict[str, Any] = {
        "orient": "vertical",
        "opacity": 1,
        "thickness": 2,
        "height": max(0.75 * row, 4),
    }
    said = {
        "no": "no pooling: its own",
        "partial": "partial pooling",
        "complete": "complete pooling",
        "bar": "95% interval of partial pooling",
        "target": f"what the {group} is pulled to",
    }
    layers = alt.layer(
        marks.complete_rule(base.transform_aggregate(complete="mean(complete)"), look).encode(
            x=x("complete"), y=alt.value(0), y2=alt.value(height)
        ),
        base.mark_tick(color=colours.target, **tick).encode(x=x("toward"), y=y),
        base.mark_rule(
            color=colours.partial, strokeWidth=max(0.25 * row, 2), opacity=0.4, clip=True
        ).encode(x=x("low"), x2="high:Q", y=y),
        base.mark_rule(color=colours.ink, strokeWidth=1.5, clip=True).encode(
            x=x("own"), x2="partial:Q", y=y
        ),
        marks.point(base, "no", look, 0.9 * size, clip=True).encode(x=x("own"), y=y, tooltip=tips),
        marks.point(base, "partial", look, size).encode(x=x("partial"), y=y, tooltip=tips),
        legend(look, said),
    )
    return finish(layers, look, height)
