"""A forest of treatment effects; under it, what to expect of a school that was not there."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.handle import HANDLE, handle, here
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
GAP, CURVE, SUMMARY = 30, 62, 46


def effects(
    look: Look,
    *,
    domain: tuple[float, float],
    rows: int,
    steps: int,
    revealed: bool = True,
    show_truth: bool = False,
) -> Any:
    """One row a school, its own effect and the partly pooled one with 95% intervals.

    Below: the distribution of a new school's effect, and two intervals, of the mean
    effect and of a new school's. A handle asks what share of new schools lies beyond
    an effect; it needs no server.

    Tables
    ------
    schools, summary, new
        Of `trial.effects_tables`.
    """
    row = max(4.5, min(17.5 * look.scale, 330 / rows))
    height = round(rows * row)
    x_scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    layers = [_schools(look, x_scale, row, height, revealed, show_truth)]
    total = height
    if revealed:
        total = height + GAP + CURVE + SUMMARY
        layers = [_new(look, x_scale, height, steps), _summary(look, x_scale, height), *layers]
        now = alt.Chart(alt.NamedData("new")).transform_filter(here(steps))
        layers.append(
            now.mark_rule(color=look.palette.ink, strokeWidth=1.2, strokeDash=[5, 4]).encode(
                x=alt.X("effect:Q", scale=x_scale, axis=None),
                y=alt.value(0),
                y2=alt.value(height + GAP),
            )
        )
    return finish(alt.layer(*layers).resolve_scale(x="independent", y="independent"), look, total)


def _schools(
    look: Look, x_scale: alt.Scale, row: float, height: int, revealed: bool, show_truth: bool
) -> Any:
    colours, schools = look.palette, alt.Chart(alt.NamedData("schools"))
    axis = alt.Axis(orient="top", title="effect of tutoring, points", tickCount=8, grid=True)
    names = marks.school_names(row, look, orient="left")
    y = alt.Y("label:N", sort=None, scale=alt.Scale(range=[0, height]), axis=names)
    apart = 0.18 * row if revealed else 0.0
    size = max(14.0, min(80.0 * look.scale, row * 4.5))
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("own:Q", title="no pooling", format=".1f"),
        alt.Tooltip("partial:Q", title="partial pooling", format=".1f"),
    ]

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=x_scale, axis=axis)

    own = schools.transform_filter("isValid(datum.own)")
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    layers = [
        marks.picked_band(schools, y, row, look),
        schools.transform_aggregate(zero="min(n)")
        .transform_calculate(zero="0")
        .mark_rule(color=colours.muted, strokeWidth=1.2)
        .encode(x=x("zero"), y=alt.value(0), y2=alt.value(height)),
        marks.complete_rule(schools.transform_aggregate(complete="mean(complete)"), look).encode(
            x=x("complete"), y=alt.value(0), y2=alt.value(height)
        ),
        own.mark_rule(color=colours.no, strokeWidth=1.4, clip=True, yOffset=-apart).encode(
            x=x("own_low"), x2="own_high:Q", y=y
        ),
        schools.transform_filter("!isValid(datum.own)")
        .mark_text(align="left", baseline="middle", color=colours.no, fontStyle="italic")
        .encode(y=y, x=alt.value(6), text=alt.value("no effect of its own"),
                size=alt.value(min(look.type_size(), row - 1) if row >= 9 else 0)),
        marks.point(own, "no", look, 1.3 * size, yOffset=-apart).encode(
            x=x("own"), y=y, tooltip=tooltip
        ),
    ]  # fmt: skip
    if not revealed:
        layers[-1] = layers[-1].add_params(pick)
        return alt.layer(*layers)
    layers += [
        own.transform_filter("datum.picked")
        .mark_rule(color=colours.ink, strokeWidth=1.4, strokeDash=[2, 3], yOffset=apart)
        .encode(x=x("own"), x2="partial:Q", y=y),
        schools.mark_rule(
            color=colours.partial,
            strokeWidth=max(1.5, 0.2 * row),
            opacity=0.45,
            clip=True,
            yOffset=apart,
        ).encode(x=x("low"), x2="high:Q", y=y),
        marks.point(schools, "partial", look, size, yOffset=apart)
        .encode(x=x("partial"), y=y, tooltip=tooltip)
        .add_params(pick),
    ]
    if show_truth:
        layers.append(
            marks.point(schools, "truth", look, 0.7 * size).encode(
                x=x("truth"), y=y, tooltip=[*tooltip, alt.Tooltip("truth:Q", format=".1f")]
            )
        )
    return alt.layer(*layers)


def _new(look: Look, x_scale: alt.Scale, above: int, steps: int) -> Any:
    """The distribution of a new school's effect, dark beyond the handle."""
    colours, new = look.palette, alt.Chart(alt.NamedData("new"))
    low, high = above + GAP + CURVE, above + GAP
    y = alt.Y("density:Q", scale=alt.Scale(domain=[0, 1.05], range=[low, high]), axis=None)
    x = alt.X("effect:Q", scale=x_scale, axis=None)
    chosen = f"isValid({HANDLE}.step) && length({HANDLE}.step)"
    beyond = f"datum.step >= ({chosen} ? clamp({HANDLE}.step[0], 0, {steps - 1}) : {steps // 2})"
    now = new.transform_filter(here(steps))
    return alt.layer(
        new.mark_area(
            color=colours.partial,
            opacity=0.15,
            line={"color": colours.partial},
            interpolate="monotone",
        ).encode(x=x, y=y),
        new.transform_filter(beyond)
        .mark_area(color=colours.partial, opacity=0.5, interpolate="monotone")
        .encode(x=x, y=y),
        new.mark_point(opacity=0)
        .encode(x=x, y=y)
        .add_params(handle(steps, "An effect that would be worth its cost, points")),
        now.mark_rule(color=colours.ink, strokeWidth=2.5).encode(
            x=x, y=alt.value(high - 6), y2=alt.value(low)
        ),
        now.mark_text(align="left", fontWeight="bold", baseline="bottom").encode(
            x=alt.value(2), y=alt.value(high - 8), text="caption:N"
        ),
    )  # fmt: skip


def _summary(look: Look, x_scale: alt.Scale, above: int) -> Any:
    """Two intervals: of the mean effect, and of a new school's."""
    colours, base = look.palette, alt.Chart(alt.NamedData("summary"))
    top = above + GAP + CURVE + 4
    axis = alt.Axis(title=None, tickCount=8)
    x = alt.X("low:Q", scale=x_scale, axis=axis)
    names = marks.school_names(20, look, orient="left")
    y = alt.Y("what:N", sort=None, scale=alt.Scale(range=[top, top + SUMMARY - 4]), axis=names)
    tooltip = [
        alt.Tooltip("what:N", title="effect"),
        alt.Tooltip("low:Q", title="from", format=".1f"),
        alt.Tooltip("high:Q", title="to", format=".1f"),
    ]
    return alt.layer(
        base.mark_rule(color=colours.partial, strokeWidth=7, clip=True, strokeCap="round").encode(
            x=x, x2="high:Q", y=y, tooltip=tooltip
        ),
        marks.point(base, "partial", look, 150, clip=True).encode(
            x=alt.X("mean:Q", scale=x_scale, axis=axis), y=y, tooltip=tooltip
        ),
    )
