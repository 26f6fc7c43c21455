"""How three estimators do in each school, against its size: their error, and their intervals."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.theme import Look, Pooling, finish

SCHOOL = "school"
HEIGHT, ALONE, ERROR, HELD = 380, (24, 380), (24, 186), (236, 380)
"""Pixels: the plot; between which the errors lie, alone or not, and the shares of intervals."""
NOMINAL, DOUBT = 0.95, 0.0135
"""What the intervals promise, and how far from it a thousand draws stray by chance."""
TITLES = {
    "error": "typical error (RMSE), points",
    "held": "95% intervals that hold the truth",
}


def by_size(look: Look, *, domain: tuple[float, float], largest: int, coverage: bool) -> Any:
    """A mark for each school and estimator; a line joins no pooling and partial pooling.

    Tables
    ------
    schools, expected
        Of `efficient_inference.Facts.size_tables`: the marks, and the curves behind the errors.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of the error; keep it the same while sliders move.
    largest : int
        Right end of the axis of school sizes.
    coverage : bool
        Below the errors, the share of 95% intervals that hold the truth.
    """
    x = alt.X(
        "n:Q",
        scale=alt.Scale(type="log", domain=[1, largest], nice=False),
        axis=alt.Axis(title="students in the school", values=[1, 2, 5, 10, 20, 50, 100, 200, 500]),
    )
    room = ERROR if coverage else ALONE
    error = _y(domain, room, alt.Axis(title=None, tickCount=4, minExtent=34, maxExtent=34))
    above = alt.layer(
        *_expected(look, x, error, domain[1]),
        *_schools(look, x, error, "error", domain[1]),
        _title(look, "error", room[0] - 8),
    )
    if not coverage:
        return finish(above, look, HEIGHT)
    held = _y(
        (0, 1),
        HELD,
        alt.Axis(
            title=None, values=[0, 0.5, NOMINAL], format="%", orient="left",
            minExtent=34, maxExtent=34,
        ),
    )  # fmt: skip
    below = alt.layer(
        _promise(look, held),
        *_schools(look, x, held, "held", 1.0),
        _title(look, "held", HELD[0] - 8),
    )
    return finish(alt.layer(above, below).resolve_scale(y="independent"), look, HEIGHT)


def _y(domain: tuple[float, float], room: tuple[int, int], axis: alt.Axis) -> Any:
    scale = alt.Scale(domain=list(domain), range=[room[1], room[0]], nice=False)

    def channel(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=scale, axis=axis)

    return channel


def _one() -> alt.Chart:
    """A table of one row."""
    return Chart(alt.NamedData("schools")).transform_aggregate(rows="count()", groupby=[])


def _title(look: Look, measure: str, y: float) -> Any:
    """The name of a panel, over it."""
    return (
        _one()
        .mark_text(align="left", baseline="bottom", color=look.palette.ink)
        .encode(x=alt.value(4), y=alt.value(y), text=alt.value(TITLES[measure]))
    )


def _expected(look: Look, x: Any, y: Any, top: float) -> list[Any]:
    """The curves of errors where the SDs are known, below the top of the panel."""
    base = Chart(alt.NamedData("expected")).transform_filter(f"datum.error <= {top}")
    ways: tuple[Pooling, ...] = ("complete", "no", "partial")
    return [
        base.transform_filter(f"datum.way == '{way}'")
        .mark_line(color=look.palette.of(way), strokeWidth=2, clip=True)
        .encode(x=x, y=y("error"))
        for way in ways
    ]


def _promise(look: Look, y: Any) -> Any:
    """95%, and a band for the luck of a thousand draws."""
    one = _one().transform_calculate(low=str(NOMINAL - DOUBT), high=str(NOMINAL + DOUBT))
    return one.mark_rect(color=look.palette.muted, opacity=0.75).encode(
        x=alt.value(0), x2=alt.value("width"), y=y("low"), y2="high:Q"
    )


def _schools(look: Look, x: Any, y: Any, measure: str, top: float) -> list[Any]:
    """The marks of one panel; what lies above its top is not drawn."""
    schools = Chart(alt.NamedData("schools"))
    inside = f"datum.{measure} <= {top}"

    def way(name: str) -> Any:
        return schools.transform_filter(f"datum.way == '{name}'").transform_filter(inside)

    # Vega-Lite makes one of two aggregates with the same groups: their fields need two names.
    low, high = f"low_{measure}", f"high_{measure}"
    ends: dict[str, Any] = {low: f"min({measure})", high: f"max({measure})"}
    pair = schools.transform_filter("datum.way != 'complete'").transform_aggregate(
        groupby=["school", "n"], **ends
    )
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("error:Q", title="RMSE", format=".2f"),
        alt.Tooltip("held:Q", title="intervals that hold the truth", format=".1%"),
    ]
    at = {"x": x, "y": y(measure), "key": marks.key("school")}
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    ring = schools.transform_filter(f"datum.picked && {inside}").mark_point(
        shape="circle", size=420, fill=look.palette.picked, stroke=None, opacity=0.3, clip=True
    )
    strokes = way("complete").mark_point(
        shape="stroke", size=140, stroke=look.palette.complete, strokeWidth=3, opacity=1, clip=True
    )
    hits = schools.mark_point(size=300, opacity=0, fill="transparent", clip=True).encode(
        x=x, y=y(measure), tooltip=tooltip
    )
    return [
        ring.encode(x=x, y=y(measure), key=marks.key("way")),
        pair.mark_bar(color=look.palette.muted, width=1.4, clip=True).encode(
            x=x, y=y(low), y2=f"{high}:Q", key=marks.key("school")
        ),
        strokes.encode(**at),
        marks.point(way("no"), "no", look, 85, clip=True).encode(**at),
        marks.point(way("partial"), "partial", look, 55, clip=True).encode(**at),
        hits.add_params(pick) if measure == "error" else hits,
    ]
