"""One line a school, from the same intercept for all to intercepts without a model."""

from __future__ import annotations

from typing import Any, Literal

import altair as alt

from mlm_core.charts.handle import handle, here
from mlm_core.charts.likelihood import likelihood_layers, position
from mlm_core.charts.theme import Look, Pooling, finish

SCHOOL = "school"
SLIM = 31
"""Pixels for the labels on the left; the figure's key on a page ends in ``-slim`` (style.css)."""
HEADLINE, LINES, GAP, STRIP = 30, 350, 58, 58
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
    crowded: bool = False,
    named: bool = True,
) -> Any:
    """Parallel lines that glide from one to many; under them the likelihood of sigma_alpha.

    The handle lives in the chart, as in `pooling_path`.

    Tables
    ------
    Of `limits.two_limits_tables`, and the students.

    path
        ``step, row, alpha, resting``: one row a school and step.
    steps
        ``step, position, likelihood, caption, beta, zone, estimate, resting``: one row a step.
    schools
        ``row, school, n, picked``.
    ends
        ``end, alpha, beta``: the line of complete pooling, and the picked school's own.
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
    crowded : bool
        Draw thin lines.
    named : bool
        Say what is called fixed, and what random.
    """
    now = here(steps)
    strip = _strip(alt.Chart(alt.NamedData("steps")), look, now, scale, steps, named)
    lines = _lines(look, now, x_domain, y_domain, steps, crowded)
    return finish(
        alt.layer(strip, lines).resolve_scale(x="independent", y="independent"),
        look,
        LINES + GAP + STRIP,
    )


def _axes(
    x_domain: tuple[float, float], y_domain: tuple[float, float]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keywords of the x and the y channel of the lines."""
    x = {
        "scale": alt.Scale(domain=list(x_domain), nice=False, zero=False),
        "axis": alt.Axis(orient="top", title="pre-test, SDs", tickCount=6, grid=True),
    }
    y = {
        "scale": alt.Scale(domain=list(y_domain), range=[LINES, HEADLINE], nice=False, zero=False),
        "axis": alt.Axis(
            title="test score, points", tickCount=6, grid=True, minExtent=SLIM, maxExtent=SLIM
        ),
    }
    return x, y


def _lines(
    look: Look,
    now: str,
    x_domain: tuple[float, float],
    y_domain: tuple[float, float],
    steps: int,
    crowded: bool,
) -> Any:
    colours = look.palette
    x, y = _axes(x_domain, y_domain)
    low, high = x_domain

    def drawn(base: alt.Chart, **options: Any) -> Any:
        return (
            base.transform_calculate(
                x1=f"{low}", x2=f"{high}",
                y1=f"datum.alpha + {low} * datum.beta", y2=f"datum.alpha + {high} * datum.beta",
            )
            .mark_rule(clip=True, **options)
            .encode(x=alt.X("x1:Q", **x), x2="x2:Q", y=alt.Y("y1:Q", **y), y2="y2:Q")
        )  # fmt: skip

    people = alt.Chart(alt.NamedData("students"))
    ends = alt.Chart(alt.NamedData("ends"))
    moving = (
        alt.Chart(alt.NamedData("path"))
        .transform_filter(now)
        .transform_lookup(
            "row", alt.LookupData(alt.NamedData("schools"), "row", ["school", "n", "picked"])
        )
        .transform_lookup("step", alt.LookupData(alt.NamedData("steps"), "step", ["beta", "zone"]))
    )
    colour = alt.Color(
        "zone:N",
        scale=alt.Scale(
            domain=["complete", "partial", "no"],
            range=[colours.complete, colours.partial, colours.no],
        ),
    )
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("alpha:Q", title="intercept", format=".1f"),
    ]
    at_student = {"x": alt.X("x:Q", **x), "y": alt.Y("y:Q", **y)}
    return alt.layer(
        people.transform_filter("!datum.picked")
        .mark_point(shape="circle", size=14, filled=True, color=colours.muted, opacity=0.35)
        .encode(**at_student),
        drawn(moving, strokeWidth=0.9 if crowded else 1.7, opacity=0.75).encode(
            color=colour, tooltip=tooltip
        ),
        drawn(
            ends.transform_filter("datum.end == 'complete'"),
            color=colours.complete,
            strokeWidth=1.6,
            strokeDash=[2, 4],
        ),
        drawn(
            ends.transform_filter("datum.end == 'no'"),
            color=colours.no,
            strokeWidth=2.2,
            strokeDash=[7, 4],
        ),
        drawn(moving.transform_filter("datum.picked"), strokeWidth=4).encode(
            color=colour, tooltip=tooltip
        ),
        people.transform_filter("datum.picked")
        .mark_point(shape="circle", size=60, fill=colours.paper, stroke=colours.ink, strokeWidth=2)
        .encode(**at_student),
    )


def _strip(
    base: alt.Chart, look: Look, at_handle: str, scale: float, steps: int, named: bool
) -> Any:
    low, high = LINES + GAP + STRIP, LINES + GAP
    x = position(scale, "SD between schools σ_α, points")
    dragged = handle(steps, "From one intercept for all to intercepts without a model")
    now = base.transform_filter(at_handle)
    layers = [
        *likelihood_layers(base, now, look, x, (high, low), dragged),
        now.mark_text(
            align="left", baseline="middle", fontWeight="bold", fontSize=look.type_size(15)
        ).encode(x=alt.value(6), y=alt.value(HEADLINE / 2), text="caption:N"),
    ]
    if named:
        layers += [mark for zone in ZONES for mark in _zone(now, look, *zone)]
    return alt.layer(*layers)


def _zone(
    now: alt.Chart, look: Look, zone: Pooling, word: str, meaning: str, align: Any, at: str
) -> list[Any]:
    """A word above the strip and what it means; strong while the handle is in its zone."""
    here_too = alt.condition(f"datum.zone == '{zone}'", alt.value(1), alt.value(0.8))
    lines: tuple[tuple[str, Literal["bold", "normal"], int, int], ...] = (
        (word, "bold", 16, 14),
        (meaning, "normal", 13, 33),
    )
    return [
        now.mark_text(
            align=align,
            baseline="middle",
            color=look.palette.of(zone),
            fontWeight=weight,
            fontSize=look.type_size(points),
            text=text,
            x=alt.expr(at),
            y=LINES + down,
        ).encode(opacity=here_too)
        for text, weight, points, down in lines
    ]
