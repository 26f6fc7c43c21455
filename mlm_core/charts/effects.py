"""A forest of treatment effects; under it, what to expect of a school that was not there."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, at_step, handle
from mlm_core.charts.theme import LEFT, Look, finish

SCHOOL = "school"
ROWS, GAP, CURVE, SUMMARY, TOP = 284, 20, 42, 40, 6
"""Pixels of the schools, of the room for words, of the curve, of two intervals; and what the
first row keeps from the axis."""
PLOT = ROWS + GAP + CURVE + SUMMARY


def effects(look: Look, *, domain: tuple[float, float], rows: int, steps: int) -> Any:
    """One row a school, its own effect and the partly pooled one with 95% intervals.

    Hollow: the school alone. Filled: partial pooling. Rule: complete pooling. Diamond: the
    truth. Below: the distribution of a new school's effect, dark beyond the handle, and two
    intervals, of the mean effect and of a new school's.

    Tables
    ------
    schools
        One row a school in the order in which they are drawn: ``row, school, label, named,
        picked, n, own, own_low, own_high, past_low, past_high, partial, low, high,
        partial_seen, complete, truth, truth_seen``.
    summary
        ``what, mean, low, high, partial_seen``.
    new
        One row a place of the handle: ``step, effect, density, caption, partial_seen, resting``.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of the axis of effects, with 0 in its middle.
    rows, steps : int
        Numbers of schools and of places of the handle.
    """
    x = alt.Scale(domain=list(domain), nice=False, zero=False)
    layers = [
        _schools(look, x, (ROWS - TOP) / rows),
        _new(look, x, steps),
        _summary(look, x),
        _worth(look, x, steps),
    ]
    return finish(
        alt.layer(*layers).resolve_scale(x="independent", y="independent"), look, PLOT, steps=steps
    )


def _seen(name: str, most: float = 1.0) -> Any:
    return alt.condition(f"datum.{name}_seen > 0", alt.value(most), alt.value(0))


def _hidden(scale: alt.Scale) -> Any:
    return alt.X("effect:Q", scale=scale, axis=None)


def _schools(look: Look, scale: alt.Scale, row: float) -> Any:
    colours, schools, key = look.palette, Chart(alt.NamedData("schools")), marks.key("school")
    axis = alt.Axis(orient="top", title="effect of tutoring, points", tickCount=6, grid=True)
    y = alt.Y("row:O", scale=alt.Scale(range=[TOP, ROWS]), axis=marks.no_names())
    apart, size = 0.18 * row, max(14.0, min(80.0, row * 4.5)) * look.scale
    tips = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("own:Q", title="no pooling", format=".1f"),
        alt.Tooltip("partial:Q", title="partial pooling", format=".1f"),
    ]

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=axis)

    own = schools.transform_filter("isValid(datum.own)")
    picked = schools.transform_filter("datum.picked && isValid(datum.own)")
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    return alt.layer(
        marks.picked_band(schools, y, row, look),
        marks.names(schools, y, row, look),
        marks.complete_rule(schools.transform_aggregate(complete="mean(complete)"), look).encode(
            x=x("complete"), y=alt.value(0), y2=alt.value(ROWS)
        ),
        own.mark_bar(color=colours.no, height=1.4, yOffset=-apart, clip=True).encode(
            x=x("own_low"), x2="own_high:Q", y=y, key=key
        ),
        *(
            own.transform_filter(f"datum.past_{end}")
            .mark_point(
                shape=f"triangle-{side}", size=34, fill=colours.no, stroke=colours.no,
                opacity=1, yOffset=-apart,
            )
            .encode(x=alt.value(at), y=y, key=key)
            for end, side, at in (("low", "left", 3), ("high", "right", {"expr": "width - 3"}))
        ),
        schools.transform_filter("!isValid(datum.own) && datum.named")
        .mark_text(align="left", baseline="middle", color=colours.no, fontStyle="italic")
        .encode(
            y=y, x=alt.value(6), text=alt.value("no effect of its own"),
            size=alt.value(max(min(look.type_size(), row), 11.0)),
        ),
        schools.mark_bar(
            color=colours.partial, height=max(1.5, min(4.0, 0.3 * row)), yOffset=apart, clip=True
        ).encode(x=x("low"), x2="high:Q", y=y, key=key, opacity=_seen("partial", 0.75)),
        picked.mark_bar(color=colours.muted, height=1.6, yOffset=apart, clip=True).encode(
            x=x("own"), x2="partial:Q", y=y, key=key, opacity=_seen("partial")
        ),
        marks.point(own, "no", look, 1.3 * size, yOffset=-apart, clip=True).encode(
            x=x("own"), y=y, key=key, tooltip=tips
        ),
        marks.point(schools, "partial", look, size, yOffset=apart, clip=True)
        .encode(x=x("partial"), y=y, key=key, opacity=_seen("partial"), tooltip=tips)
        .add_params(pick),
        marks.point(schools, "truth", look, 0.7 * size, clip=True).encode(
            x=x("truth"), y=y, key=key, opacity=_seen("truth"),
            tooltip=[*tips, alt.Tooltip("truth:Q", title="truth", format=".1f")],
        ),
    )  # fmt: skip


def _new(look: Look, scale: alt.Scale, steps: int) -> Any:
    """The distribution of a new school's effect, dark beyond the handle."""
    colours, new = look.palette, Chart(alt.NamedData("new"))
    low, high = ROWS + GAP + CURVE, ROWS + GAP
    y = alt.Y("density:Q", scale=alt.Scale(domain=[0, 1.05], range=[low, high]), axis=None)
    beyond = f"datum.step >= {at_step(steps // 2)}"
    seen = {most: _seen("partial", most) for most in (0.2, 0.75, 1.0)}
    return alt.layer(
        new.mark_area(color=colours.partial, interpolate="monotone").encode(
            x=_hidden(scale), y=y, opacity=seen[0.2]
        ),
        new.transform_filter(beyond)
        .mark_area(color=colours.partial, interpolate="monotone")
        .encode(x=_hidden(scale), y=y, opacity=seen[0.75]),
        new.mark_line(color=colours.partial, strokeWidth=2, interpolate="monotone").encode(
            x=_hidden(scale), y=y, opacity=seen[1.0]
        ),
        new.mark_point(opacity=0)
        .encode(x=_hidden(scale), y=y)
        .add_params(handle(steps, "What tutoring must bring to pay, points")),
    )


def _worth(look: Look, scale: alt.Scale, steps: int) -> Any:
    """The rule of the handle through all, and what it says."""
    now = Chart(alt.NamedData("new")).transform_filter(HERE)
    colours, seen = look.palette, _seen("partial")
    halo: dict[str, Any] = {"stroke": colours.paper, "strokeWidth": 5}
    return alt.layer(
        *(
            now.mark_rule(color=colours.ink, strokeWidth=1.4, strokeDash=[5, 4]).encode(
                x=_hidden(scale), y=alt.value(high), y2=alt.value(low), opacity=seen
            )
            for high, low in ((0, ROWS), (ROWS + GAP, PLOT))
        ),
        *(
            now.mark_text(align="left", fontWeight="bold", baseline="middle", **around).encode(
                x=alt.value(4), y=alt.value(ROWS + GAP / 2 + 1), text="caption:N", opacity=seen
            )
            for around in (halo, {})
        ),
    )


def _summary(look: Look, scale: alt.Scale) -> Any:
    """Two intervals: of the mean effect, and of a new school's."""
    colours, base = look.palette, Chart(alt.NamedData("summary"))
    top = PLOT - SUMMARY
    y = alt.Y("what:N", sort=None, scale=alt.Scale(range=[top + 2, PLOT]), axis=None)
    tips = [
        alt.Tooltip("what:N", title="effect"),
        alt.Tooltip("low:Q", title="from", format=".1f"),
        alt.Tooltip("high:Q", title="to", format=".1f"),
    ]
    seen, key = _seen("partial"), marks.key("what")
    x = {name: alt.X(f"{name}:Q", scale=scale, axis=None) for name in ("low", "mean")}
    return alt.layer(
        base.mark_text(align="right", baseline="middle", dx=-8, limit=LEFT).encode(
            y=y, x=alt.value(0), text="what:N", opacity=seen
        ),
        base.mark_bar(color=colours.partial, height=6, cornerRadius=3, clip=True).encode(
            x=x["low"], x2="high:Q", y=y, key=key, opacity=seen, tooltip=tips
        ),
        marks.point(base, "partial", look, 130, clip=True).encode(
            x=x["mean"], y=y, key=key, opacity=seen, tooltip=tips
        ),
    )
