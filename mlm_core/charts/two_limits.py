"""One line a school, from the same intercept for all to intercepts without a model."""

from __future__ import annotations

from typing import Any, Literal

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, handle
from mlm_core.charts.likelihood import likelihood_layers, position
from mlm_core.charts.theme import Look, Pooling, finish

SLIM = 31
"""Pixels for the labels on the left; the figure's key on a page ends in ``-slim`` (style.css)."""
HEADLINE, LINES, AXIS, GAP, STRIP = 26, 248, 42, 98, 40
ZONES: tuple[tuple[Pooling, str, str, str, str], ...] = (
    ("complete", "“fixed”", "one for all", "left", "0"),
    ("partial", "“random”", "with a model", "center", "width / 2"),
    ("no", "“fixed”", "no model", "right", "width"),
)


def two_limits(
    look: Look,
    *,
    x_domain: tuple[float, float],
    y_domain: tuple[float, float],
    scale: float,
    steps: int,
) -> Any:
    """Parallel lines that glide from one to many; under them the likelihood of sigma_alpha.

    The lines have the colour of where the handle is. Of the picked school: dashed, and
    hollow at x = 0, its own line, with no model; filled at x = 0, its intercept at the handle.
    Dotted: the line of complete pooling. The handle lives in the chart, as in `pooling_path`.

    Tables
    ------
    Of `lessons.fixed_and_random.Facts.tables`.

    path
        ``step, row, alpha, resting``: one row a school and step.
    steps
        ``step, position, likelihood, caption, beta, zone, named, estimate, resting``: one row
        a step; where ``named`` is 0 nothing is called fixed or random.
    schools
        ``row, school, n, picked``.
    ends
        ``end, alpha, beta, zero``: the line of complete pooling, and the picked school's own.
    students
        ``x, y, picked``, as `estimates.marked_students` makes it.

    Parameters
    ----------
    look : Look
    x_domain, y_domain : (low, high)
        Of pre-test and score; keep them the same while sliders move.
    scale : float
        The SD in the middle of the handle.
    steps : int
        Number of steps of the handle.
    """
    now = HERE
    strip = _strip(Chart(alt.NamedData("steps")), look, now, scale, steps)
    lines = _lines(look, now, x_domain, y_domain)
    layers = alt.layer(strip, lines).resolve_scale(x="independent", y="independent")
    return finish(layers, look, LINES + GAP + STRIP, steps=steps)


def _axes(
    x_domain: tuple[float, float], y_domain: tuple[float, float]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keywords of the x and the y channel of the lines."""
    x = {
        "scale": alt.Scale(domain=list(x_domain), nice=False, zero=False),
        # Under the lines, though the figure goes on below them.
        "axis": alt.Axis(
            orient="bottom", offset=-GAP - STRIP, title="pre-test, SDs", titlePadding=2, tickCount=6
        ),
    }
    y = {
        "scale": alt.Scale(domain=list(y_domain), range=[LINES, HEADLINE], nice=False, zero=False),
        "axis": alt.Axis(
            title="test score, points", tickCount=6, grid=True, minExtent=SLIM, maxExtent=SLIM
        ),
    }
    return x, y


def _lines(
    look: Look, now: str, x_domain: tuple[float, float], y_domain: tuple[float, float]
) -> Any:
    colours = look.palette
    x, y = _axes(x_domain, y_domain)
    low, high = x_domain

    def drawn(base: Any, of: str, **options: Any) -> Any:
        return (
            base.transform_calculate(at=f"[{low}, {high}]")
            .transform_flatten(["at"])
            .transform_calculate(height="datum.alpha + datum.at * datum.beta")
            .mark_line(clip=True, **options)
            .encode(x=alt.X("at:Q", **x), y=alt.Y("height:Q", **y), detail=f"{of}:N")
        )

    people = Chart(alt.NamedData("students"))
    ends = Chart(alt.NamedData("ends"))
    moving = (
        Chart(alt.NamedData("path"))
        .transform_filter(now)
        .transform_lookup(
            "row", alt.LookupData(alt.NamedData("schools"), "row", ["school", "n", "picked"])
        )
        .transform_lookup("step", alt.LookupData(alt.NamedData("steps"), "step", ["beta", "zone"]))
        .transform_calculate(zero="0")
    )
    colour = (
        alt.when("datum.zone == 'complete'")
        .then(alt.value(colours.complete))
        .when("datum.zone == 'no'")
        .then(alt.value(colours.no))
        .otherwise(alt.value(colours.partial))
    )
    tips = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("alpha:Q", title="intercept", format=".1f"),
    ]
    at_student = {"x": alt.X("x:Q", **x), "y": alt.Y("y:Q", **y)}
    at_zero = {"x": alt.X("zero:Q", **x), "y": alt.Y("alpha:Q", **y)}
    picked = moving.transform_filter("datum.picked")
    own = ends.transform_filter("datum.end == 'no'")
    return alt.layer(
        people.transform_filter("!datum.picked")
        .mark_point(shape="circle", size=16, filled=True, color=colours.muted, opacity=0.75)
        .encode(**at_student),
        drawn(moving, "school", strokeWidth=1.4, opacity=0.8).encode(color=colour, tooltip=tips),
        drawn(own, "end", color=colours.no, strokeWidth=2.2, strokeDash=[7, 4]),
        drawn(picked, "school", strokeWidth=4).encode(color=colour, tooltip=tips),
        drawn(
            ends.transform_filter("datum.end == 'complete'"), "end",
            color=colours.complete, strokeWidth=3, strokeDash=[3, 6],
        ),
        people.transform_filter("datum.picked")
        .mark_point(shape="circle", size=50, filled=True, color=colours.picked, opacity=1)
        .encode(**at_student),
        marks.point(own, "no", look, 130).encode(**at_zero, key=marks.key("end")),
        marks.point(picked, "partial", look, 70).encode(
            **at_zero, key=marks.key("school"), tooltip=tips
        ),
    )  # fmt: skip


def _strip(base: alt.Chart, look: Look, at_handle: str, scale: float, steps: int) -> Any:
    low, high = LINES + GAP + STRIP, LINES + GAP
    x = position(scale, "SD between schools, points. The hill: how well each fits.")
    dragged = handle(steps, "From one intercept for all to intercepts without a model")
    now = base.transform_filter(at_handle)
    hill = likelihood_layers(base, now, look, x, (high, low), dragged)
    layers = [
        # The axis says what the hill is: words in it would lie under the handle.
        *(layer for layer in hill if layer.mark.type != "text"),
        now.mark_text(
            align="left", baseline="middle", fontWeight="bold", fontSize=look.type_size(15)
        ).encode(x=alt.value(6), y=alt.value(HEADLINE / 2), text="caption:N"),
        *(mark for zone in ZONES for mark in _zone(now, look, *zone)),
    ]
    return alt.layer(*layers)


def _zone(
    now: alt.Chart, look: Look, zone: Pooling, word: str, meaning: str, align: Any, at: str
) -> list[Any]:
    """A word above the strip and what it means; a bar beneath while the handle is in its zone."""
    named = alt.condition("datum.named > 0", alt.value(1), alt.value(0))
    here_too = alt.condition(
        f"datum.named > 0 && datum.zone == '{zone}'", alt.value(1), alt.value(0)
    )
    colour = look.palette.of(zone)
    lines: tuple[tuple[str, Literal["bold", "normal"], int, int], ...] = (
        (word, "bold", 16, 12),
        (meaning, "normal", 14, 30),
    )
    words = [
        now.mark_text(
            align=align, baseline="middle", color=colour, fontWeight=weight,
            fontSize=look.type_size(points), text=text, x=alt.expr(at), y=LINES + AXIS + down,
        ).encode(opacity=named)
        for text, weight, points, down in lines
    ]  # fmt: skip
    wide = 86
    start = {"left": "0", "center": f"{at} - {wide / 2}", "right": f"{at} - {wide}"}[align]
    bar = now.mark_rect(color=colour).encode(
        x=alt.value(alt.ExprRef(start)),
        x2=alt.value(alt.ExprRef(f"{start} + {wide}")),
        y=alt.value(LINES + AXIS + 40),
        y2=alt.value(LINES + AXIS + 44),
        opacity=here_too,
    )
    return [*words, bar]
