"""How three estimators do in each school, against its size."""

from __future__ import annotations

from typing import Any, Literal

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.theme import Look, Pooling, finish

SCHOOL = "school"
NOMINAL, DOUBT = 0.95, 0.0135
"""What the intervals promise, and how far from it a thousand worlds stray by chance."""
TITLES = {"error": "error (RMSE), points", "held": "intervals that hold the truth"}


def by_size(
    look: Look,
    *,
    measure: Literal["error", "held"],
    domain: tuple[float, float],
    largest: int,
    height: int,
) -> Any:
    """A mark for each school and estimator; a line joins no pooling and partial pooling.

    Tables
    ------
    schools
        Of `efficiency.by_school`.
    expected
        Of `efficiency.expected_table`: the curves behind the errors.

    Parameters
    ----------
    look : Look
    measure : {"error", "held"}
        Root mean square error, or share of 95% intervals that hold the truth.
    domain : (low, high)
        Of the measure; keep it the same while sliders move.
    largest : int
        Right end of the axis of school sizes.
    height : int
        Of the plot (pixels).
    """
    schools = alt.Chart(alt.NamedData("schools"))
    held = measure == "held"
    x = alt.X(
        "n:Q",
        scale=alt.Scale(type="log", domain=[1, largest], nice=False),
        axis=alt.Axis(
            title="students in the school" if held else None,
            values=[1, 2, 5, 10, 20, 50, 100, 200, 500],
            labels=held,
        ),
    )
    scale = alt.Scale(domain=list(domain), nice=False)
    ticks = {"values": [0, 0.25, 0.5, 0.75, NOMINAL]} if held else {"tickCount": 5}
    form = "%" if held else "~g"
    axis = alt.Axis(title=TITLES[measure], minExtent=40, maxExtent=40, format=form, **ticks)

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=scale, axis=axis)

    behind = _promise(schools, look, y) if held else _expected(look, x, y)
    ring = schools.transform_filter("datum.picked").mark_point(
        shape="circle", size=420, filled=True, color=look.palette.faint, opacity=0.9, clip=True
    )
    return finish(
        alt.layer(*behind, ring.encode(x=x, y=y(measure)), *_schools(schools, look, x, y, measure)),
        look,
        height,
    )


def _expected(look: Look, x: Any, y: Any) -> list[Any]:
    """The curves of errors where the SDs are known."""
    base = alt.Chart(alt.NamedData("expected"))
    ways: tuple[Pooling, ...] = ("complete", "no", "partial")
    return [
        base.transform_filter(f"datum.way == '{way}'")
        .mark_line(color=look.palette.of(way), strokeWidth=2, opacity=0.45, clip=True)
        .encode(x=x, y=y("error"))
        for way in ways
    ]


def _promise(schools: alt.Chart, look: Look, y: Any) -> list[Any]:
    """95%, and a band for the luck of a thousand worlds."""
    one = schools.transform_aggregate(count="count()").transform_calculate(
        low=str(NOMINAL - DOUBT), high=str(NOMINAL + DOUBT)
    )
    return [
        one.mark_rect(color=look.palette.muted, opacity=0.3).encode(
            x=alt.value(0), x2=alt.value("width"), y=y("low"), y2="high:Q"
        ),
    ]


def _schools(schools: alt.Chart, look: Look, x: Any, y: Any, measure: str) -> list[Any]:
    def way(name: str) -> Any:
        return schools.transform_filter(f"datum.way == '{name}'")

    pair = schools.transform_filter("datum.way != 'complete'").transform_aggregate(
        low=f"min({measure})", high=f"max({measure})", groupby=["school", "n"]
    )
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("error:Q", title="RMSE", format=".2f"),
        alt.Tooltip("held:Q", title="intervals that hold the truth", format=".1%"),
    ]
    at = {"x": x, "y": y(measure), "tooltip": tooltip}
    strokes = way("complete").mark_point(
        shape="stroke", size=140, stroke=look.palette.complete, strokeWidth=3, clip=True, opacity=1
    )
    return [
        pair.mark_rule(color=look.palette.muted, strokeWidth=1.4, clip=True).encode(
            x=x, y=y("low"), y2="high:Q"
        ),
        strokes.encode(**at),
        marks.point(way("no"), "no", look, 85, clip=True).encode(**at),
        marks.point(way("partial"), "partial", look, 55, clip=True).encode(**at),
        schools.mark_point(size=300, opacity=0, fill="transparent", clip=True)
        .encode(**at)
        .add_params(alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)),
    ]
