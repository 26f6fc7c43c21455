"""How three estimators do in each school, against its size: their error, and their intervals."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.theme import Look, Pooling, finish

SCHOOL = "school"
HEIGHT, ERROR, HELD = 380, (20, 222), (272, 380)
"""Pixels: the plot; between which the errors lie, and the shares of intervals."""
NOMINAL, DOUBT = 0.95, 0.0135
"""What the intervals promise, and how far from it a thousand draws stray by chance."""
TITLES = {
    "error": "typical error (RMSE), points",
    "held": "95% intervals that hold the truth",
}


def by_size(look: Look, *, domain: tuple[float, float], largest: int) -> Any:
    """A mark for each school and estimator; a line joins no pooling and partial pooling.

    Above, the error; below, the share of 95% intervals that hold the truth, unseen while
    ``held_seen`` is 0.

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
    """
    x = alt.X(
        "n:Q",
        scale=alt.Scale(type="log", domain=[1, largest], nice=False),
        axis=alt.Axis(title="students in the school", values=[1, 2, 5, 10, 20, 50, 100, 200, 500]),
    )
    top = alt.Scale(domain=list(domain), range=[ERROR[1], ERROR[0]], nice=False)
    low = alt.Scale(domain=[0, 1], range=[HELD[1], HELD[0]], nice=False)
    error_axis = alt.Axis(title=None, tickCount=4, minExtent=34, maxExtent=34)
    held_axis = alt.Axis(
        title=None, values=[0, 0.5, NOMINAL], format="%", minExtent=34, maxExtent=34
    )

    def error(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=top, axis=error_axis)

    def held(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=low, axis=held_axis)

    above = [*_expected(look, x, error), *_schools(look, x, error, "error", None)]
    below = [_promise(look, held), *_schools(look, x, held, "held", "datum.held_seen > 0")]
    both = alt.layer(
        alt.layer(*above, _title(look, "error", ERROR[0] - 8)),
        alt.layer(*below, _title(look, "held", HELD[0] - 8)),
    )
    return finish(both.resolve_scale(y="independent"), look, HEIGHT)


def _title(look: Look, measure: str, y: float) -> Any:
    """The name of a panel, over it."""
    one = alt.Chart(alt.NamedData("schools")).transform_aggregate(
        held_seen="max(held_seen)", groupby=[]
    )
    seen = alt.value(1) if measure == "error" else _if("datum.held_seen > 0")
    return one.mark_text(align="left", baseline="bottom", color=look.palette.ink).encode(
        x=alt.value(4), y=alt.value(y), text=alt.value(TITLES[measure]), opacity=seen
    )


def _if(test: str, most: float = 1.0) -> Any:
    return alt.condition(test, alt.value(most), alt.value(0))


def _expected(look: Look, x: Any, y: Any) -> list[Any]:
    """The curves of errors where the SDs are known."""
    base = alt.Chart(alt.NamedData("expected"))
    ways: tuple[Pooling, ...] = ("complete", "no", "partial")
    return [
        base.transform_filter(f"datum.way == '{way}'")
        .mark_line(color=look.palette.of(way), strokeWidth=2, opacity=0.75, clip=True)
        .encode(x=x, y=y("error"))
        for way in ways
    ]


def _promise(look: Look, y: Any) -> Any:
    """95%, and a band for the luck of a thousand draws."""
    one = (
        alt.Chart(alt.NamedData("schools"))
        .transform_aggregate(held_seen="max(held_seen)", groupby=[])
        .transform_calculate(low=str(NOMINAL - DOUBT), high=str(NOMINAL + DOUBT))
    )
    return one.mark_rect(color=look.palette.muted).encode(
        x=alt.value(0),
        x2=alt.value("width"),
        y=y("low"),
        y2="high:Q",
        opacity=_if("datum.held_seen > 0", 0.35),
    )


def _schools(look: Look, x: Any, y: Any, measure: str, seen: str | None) -> list[Any]:
    schools = alt.Chart(alt.NamedData("schools"))
    shown = alt.value(1) if seen is None else _if(seen)

    def way(name: str) -> Any:
        return schools.transform_filter(f"datum.way == '{name}'")

    pair = schools.transform_filter("datum.way != 'complete'").transform_aggregate(
        low=f"min({measure})",
        high=f"max({measure})",
        held_seen="max(held_seen)",
        groupby=["school", "n"],
    )
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("error:Q", title="RMSE", format=".2f"),
        alt.Tooltip("held:Q", title="intervals that hold the truth", format=".1%"),
    ]
    at = {"x": x, "y": y(measure), "key": marks.key("school"), "opacity": shown}
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    ring = schools.transform_filter("datum.picked").mark_point(
        shape="circle", size=420, fill=look.palette.picked, stroke=None, clip=True
    )
    strokes = way("complete").mark_point(
        shape="stroke", size=140, stroke=look.palette.complete, strokeWidth=3, clip=True
    )
    hits = schools.mark_point(size=300, opacity=0, fill="transparent", clip=True).encode(
        x=x, y=y(measure), tooltip=tooltip
    )
    return [
        ring.encode(x=x, y=y(measure), opacity=alt.value(0.3) if seen is None else _if(seen, 0.3)),
        pair.mark_bar(color=look.palette.muted, width=1.4, clip=True).encode(
            x=x, y=y("low"), y2="high:Q", key=marks.key("school"), opacity=shown
        ),
        strokes.encode(**at),
        marks.point(way("no"), "no", look, 85, clip=True).encode(**at),
        marks.point(way("partial"), "partial", look, 55, clip=True).encode(**at),
        hits.add_params(pick) if seen is None else hits,
    ]
