"""What the next student will score, while more and more of the school is seen."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.handle import handle, here
from mlm_core.charts.theme import Look, finish

PATH, CURVE = 0.64, 0.68
"""Parts of the width: the left panel ends at the first, the right begins at the second."""
HEIGHT = 350


def next_student(
    look: Look,
    *,
    domain: tuple[float, float],
    steps: int,
    target: str,
    revealed: bool = True,
    show_students: bool = True,
    show_truth: bool = False,
) -> Any:
    """Left, 95% intervals by the number of students seen; right, the distribution there.

    Tables
    ------
    path, curve, students, truth
        Of `predict.predictions_tables`.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of the score axis.
    steps : int
        Numbers of students seen.
    target : str
        Title of the score axis.
    revealed : bool
        Draw what the three poolings predict.
    show_students : bool
        Draw the students of the school as they are seen.
    show_truth : bool
        Draw the school's true mean.
    """
    colours = look.palette
    y_scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = alt.Axis(title=target, grid=True, tickCount=6, minExtent=30, maxExtent=30)
    k = alt.X(
        "k:O",
        scale=alt.Scale(type="point", padding=0, range=_part(0.01, PATH)),
        axis=alt.Axis(
            title="students of the school seen so far", labelAngle=0, labelOverlap="greedy"
        ),
    )

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=y_scale, axis=axis)

    students = alt.Chart(alt.NamedData("students"))
    dots = students.mark_circle(color=colours.muted, size=34, opacity=0.75, clip=True).encode(
        x=k, y=y("score"), tooltip=[alt.Tooltip("score:Q", title="score", format=".1f")]
    )
    if not revealed:
        bare = alt.Chart(alt.NamedData("path")).mark_point(opacity=0).encode(x=k, y=y("mean"))
        return finish(alt.layer(bare, dots), look, HEIGHT)
    seen = [dots] if show_students else []
    left = alt.layer(*_bands(look, k, y), *seen, *_now(look, k, y, steps))
    return finish(
        alt.layer(left, _curves(look, y, steps, show_truth)).resolve_scale(x="independent"),
        look,
        HEIGHT,
    )


def _part(low: float, high: float) -> list[Any]:
    """A range on the horizontal axis, in parts of the width."""
    return [{"expr": f"width * {low}"}, {"expr": f"width * {high}"}]


def _bands(look: Look, k: alt.X, y: Any) -> list[Any]:
    """The three 95% intervals over the number seen."""
    colours, path = look.palette, alt.Chart(alt.NamedData("path"))
    own = path.transform_filter("isValid(datum.own_mean)")
    ends = [
        own.mark_line(color=colours.no, strokeWidth=1.6, clip=True).encode(x=k, y=y(f"own_{end}"))
        for end in ("low", "high")
    ]
    flat = [
        path.mark_line(
            color=colours.complete, strokeWidth=2 if end == "mean" else 1.6,
            strokeDash=[1, 0] if end == "mean" else [6, 4], clip=True,
        ).encode(x=k, y=y(f"complete_{end}"))
        for end in ("low", "mean", "high")
    ]  # fmt: skip
    return [
        path.mark_area(color=colours.partial, opacity=0.2, clip=True).encode(
            x=k, y=y("low"), y2="high:Q"
        ),
        *flat,
        *ends,
        marks.point(own, "no", look, 55, clip=True).encode(x=k, y=y("own_mean")),
        path.mark_line(color=colours.partial, strokeWidth=2.5).encode(x=k, y=y("mean")),
    ]


def _now(look: Look, k: alt.X, y: Any, steps: int) -> list[Any]:
    """The interval at the handle, and the handle itself."""
    colours, path = look.palette, alt.Chart(alt.NamedData("path"))
    now = path.transform_filter(here(steps))
    tooltip = [
        alt.Tooltip("k:Q", title="students seen"),
        alt.Tooltip("low:Q", title="from", format=".1f"),
        alt.Tooltip("high:Q", title="to", format=".1f"),
    ]
    return [
        now.mark_rule(color=colours.ink, strokeWidth=1.2, strokeDash=[5, 4]).encode(
            x=k, y=alt.value(0), y2=alt.value(HEIGHT)
        ),
        now.mark_rule(
            color=colours.partial, strokeWidth=6, strokeCap="round", clip=True
        ).encode(x=k, y=y("low"), y2="high:Q", tooltip=tooltip),
        marks.point(now, "partial", look, 130).encode(x=k, y=y("mean"), tooltip=tooltip),
        path.mark_point(opacity=0)
        .encode(x=k, y=y("mean"))
        .add_params(handle(steps, "Students of the school seen so far")),
    ]  # fmt: skip


def _curves(look: Look, y: Any, steps: int, show_truth: bool) -> Any:
    """The predictive distributions at the handle, and three that stay, on the score axis."""
    colours = look.palette
    curve = alt.Chart(alt.NamedData("curve")).transform_filter(here(steps))
    now = alt.Chart(alt.NamedData("path")).transform_filter(here(steps))
    scale = alt.Scale(domain=[0, 1.04], range=_part(CURVE, 1))

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=None)

    def outline(name: str, colour: str, dash: list[int]) -> Any:
        return curve.mark_line(color=colour, strokeWidth=2, strokeDash=dash).encode(
            x=x(name), y=y("score"), order="score:Q"
        )

    layers = [
        alt.Chart(alt.NamedData("curve"))
        .transform_filter("datum.kept")
        .mark_line(color=colours.partial, strokeWidth=1, opacity=0.75)
        .encode(x=x("density"), y=y("score"), order="score:Q", detail="step:N"),
        curve.mark_area(color=colours.partial, opacity=0.3, orient="horizontal").encode(
            x=x("density"), x2=alt.datum(0), y=y("score")
        ),
        outline("density", colours.partial, [1, 0]),
        outline("complete_density", colours.complete, [6, 4]),
        outline("own_density", colours.no, [2, 2]),
        now.mark_text(align="right", baseline="top", fontWeight="bold").encode(
            x=alt.value("width"), y=alt.value(2), text="caption:N"
        ),
    ]
    if show_truth:
        truth = alt.Chart(alt.NamedData("truth"))
        layers.append(
            marks.point(truth, "truth", look, 90).encode(
                x=alt.XDatum(0, scale=scale, axis=None), y=y("truth"), tooltip="truth:Q"
            )
        )
    return alt.layer(*layers)
