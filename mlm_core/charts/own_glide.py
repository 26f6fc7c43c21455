"""Groups of any data gliding between complete and no pooling, dragged by one handle."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, handle
from mlm_core.charts.likelihood import likelihood_layers
from mlm_core.charts.own_marks import legend
from mlm_core.charts.theme import Look, finish

GAP, STRIP = 38, 46
TICKS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
OF_SCHOOL = ("school", "label", "n", "own", "complete", "picked", "named")


def own_glide(
    look: Look,
    *,
    domain: tuple[float, float],
    rows: int,
    scale: float,
    steps: int,
    score: str,
    unit: str = "",
    number: str = ".1f",
    one_target: bool = True,
) -> Any:
    """One row a group, the largest first; under it the likelihood of the SD between groups.

    Hollow: the group by itself. Filled: partial pooling. Solid rule or ticks: complete pooling.
    Dashed rule or thin ticks: what groups are pulled to at this place of the handle.

    Tables
    ------
    schools, path, likelihood
        Of `own_data.glide.glide_tables`.

    Parameters
    ----------
    look : Look
    domain : (low, high)
    rows, steps : int
    scale : float
        The SD in the middle of the handle.
    score, unit, number : str
        Title of the axis of heights, unit of the SD, format of heights.
    one_target : bool
        All groups are pulled to the same height.
    """
    height = 250 if rows <= 20 else min(14 * rows, 470)
    now, row = HERE, height / rows
    x = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = alt.Axis(orient="top", title=score, tickCount=6, grid=True)
    at = {c: alt.X(f"{c}:Q", scale=x, axis=axis) for c in ("own", "alpha", "complete", "toward")}
    y = alt.Y("row:O", scale=alt.Scale(range=[0, height]), axis=marks.no_names())
    base = Chart(alt.NamedData("path")).transform_filter(now)
    base = base.transform_lookup(
        "row", alt.LookupData(alt.NamedData("schools"), "row", list(OF_SCHOOL))
    )
    tips = [
        alt.Tooltip("school:N", title="group"),
        alt.Tooltip("n:Q", title="rows"),
        alt.Tooltip("own:Q", title="no pooling", format=number),
        alt.Tooltip("alpha:Q", title="partial pooling", format=number),
        alt.Tooltip("toward:Q", title="pulled to", format=number),
        alt.Tooltip("pulled:Q", title="share of the way", format=".0%"),
    ]
    groups = alt.layer(*_groups(look, base, at, y, row, height, tips, one_target))
    strip = _strip(look, now, scale, steps, height, f"SD between groups{unit and ', '}{unit}")
    said = {"no": "no pooling: by itself", "partial": "partial pooling"}
    said |= {"complete": "complete pooling", "target": "what groups are pulled to"}
    layers = alt.layer(strip, groups, legend(look, said)).resolve_scale(
        x="independent", y="independent"
    )
    return finish(layers, look, height + GAP + STRIP, steps=steps)


def _groups(
    look: Look,
    base: Any,
    at: dict[str, Any],
    y: Any,
    row: float,
    height: float,
    tips: list[Any],
    one_target: bool,
) -> list[Any]:
    colours, key = look.palette, marks.key("school")
    size = max(14.0, min(90.0, row * 5)) * look.scale
    pick = alt.selection_point(name="school", fields=["school"], on="click", toggle=False)
    bare = Chart(alt.NamedData("schools"))
    rules = [
        _rule(base, at["complete"], "complete", colours.complete, 2.5, [1, 0], height),
        _rule(base, at["toward"], "toward", colours.target, 2.0, [4, 4], height),
    ]
    if not one_target:
        ticks: dict[str, Any] = {"height": max(0.9 * row, 3), "orient": "vertical", "opacity": 1}
        rules = [
            base.mark_tick(color=colours.complete, thickness=2.5, **ticks).encode(
                x=at["complete"], y=y
            ),
            base.mark_tick(color=colours.target, thickness=2, **ticks).encode(
                x=at["toward"], y=y, key=key
            ),
        ]
    named = max(row, 11.5)
    return [
        marks.picked_band(bare, y, max(row, 6), look),
        marks.names(bare, y, named, look),
        *rules,
        base.mark_bar(color=colours.muted, height=1.6).encode(
            x=at["own"], x2="alpha:Q", y=y, key=key
        ),
        marks.point(base, "partial", look, size)
        .encode(x=at["alpha"], y=y, key=key, tooltip=tips)
        .add_params(pick),
        marks.point(base, "no", look, 1.5 * size).encode(x=at["own"], y=y, tooltip=tips, key=key),
    ]


def _rule(
    base: Any, x: Any, field: str, colour: str, width: float, dash: list[int], height: float
) -> Any:
    """A rule down all rows, where all groups have the same."""
    return (
        base.transform_aggregate(**{field: f"mean({field})"})
        .mark_rule(color=colour, strokeWidth=width, strokeDash=dash)
        .encode(x=x, y=alt.value(0), y2=alt.value(height))
    )


def _strip(look: Look, now: str, scale: float, steps: int, above: float, title: str) -> Any:
    base = Chart(alt.NamedData("likelihood"))
    low, high = round(above + GAP + STRIP), round(above + GAP)
    x = _position(scale, title)
    held = base.transform_filter(now)
    places = (("datum.position <= 0.8", "center", 0), ("datum.position > 0.8", "right", 12))
    said = (
        held.transform_filter(where)
        .mark_text(dy=-12, dx=dx, align=align, fontWeight="bold")  # type: ignore[arg-type]
        .encode(x=x, y=alt.value(high - 2), text="caption:N")
        for where, align, dx in places
    )
    dragged = handle(steps, "From complete pooling to no pooling")
    return alt.layer(*likelihood_layers(base, held, look, x, (high, low), dragged), *said)


def _position(scale: float, title: str) -> alt.X:
    """SDs from 0 to infinity, their numbers written out whatever their size."""
    return alt.X(
        "position:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(
            values=[*(round(v / (v + 5), 4) for v in TICKS), 1.0],
            labelExpr=_written(scale),
            title=title,
            labelOverlap="greedy",
        ),
    )


def _written(scale: float) -> str:
    """An expression: the SD at a tick with three digits, without an exponent where that can be."""
    sd = f"datum.value / (1 - datum.value) * {scale}"
    usual = f"{sd} == 0 || ({sd} > 1e-5 && {sd} < 1e7)"
    return f"datum.value == 1 ? '∞' : format({sd}, {usual} ? ',.3~r' : '.2~e')"
