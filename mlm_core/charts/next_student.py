"""What the next student will score, while more and more of the school is seen."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, handle
from mlm_core.charts.theme import HEIGHT, Look, finish

PATH, CURVE = 0.64, 0.68
"""Parts of the width: the left panel ends at the first, the right begins at the second."""
PLOT = HEIGHT - 54
"""Pixels without the axis below and the padding."""
POOLINGS = ("partial", "no", "complete")


def next_student(
    look: Look,
    *,
    domain: tuple[float, float],
    steps: int,
    target: str = "score, points",
) -> Any:
    """Left, 95% intervals by the number of students seen; right, the distribution there.

    Band, filled: partial pooling. Lines, hollow: the school alone. Dashed, rule: complete
    pooling. Diamond: the school's true mean. Grey: its students, as they are seen.

    Tables
    ------
    path
        One row a step: ``step, k, resting, caption`` and for each pooling ``<pooling>_mean,
        _low, _high, _seen``; what is not shown has ``_seen`` 0.
    curve
        One row a step and score, with ``<pooling>_density, _seen`` and ``kept``: an outline stays.
    students
        ``row, k, score``.
    truth
        ``truth, truth_seen``.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of the score axis; keep it the same while sliders move.
    steps : int
        Numbers of students seen.
    target : str
        Title of the score axis.
    """
    y_scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = alt.Axis(title=target, grid=True, tickCount=6, minExtent=30, maxExtent=30)
    k = alt.X(
        "k:O",
        scale=alt.Scale(type="point", padding=0, range=_part(0.01, PATH)),
        axis=alt.Axis(
            title="students of the school seen", labelAngle=0, labelOverlap="greedy",
            labelSeparation=4,
            titleAnchor="start", titleX={"expr": "0"},
        ),
    )  # fmt: skip

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=y_scale, axis=axis)

    left = alt.layer(*_bands(look, k, y), *_now(look, k, y, steps))
    right = alt.layer(*_curves(look, y, steps))
    return finish(alt.layer(left, right).resolve_scale(x="independent"), look, PLOT, steps=steps)


def _part(low: float, high: float) -> list[Any]:
    """A range on the horizontal axis, in parts of the width."""
    return [{"expr": f"width * {low}"}, {"expr": f"width * {high}"}]


def _seen(pooling: str, most: float = 1.0) -> Any:
    return alt.condition(f"datum.{pooling}_seen > 0", alt.value(most), alt.value(0))


def _dots(look: Look, k: alt.X, y: Any) -> Any:
    students = Chart(alt.NamedData("students"))
    return students.mark_point(
        shape="circle", size=44, fill=look.palette.muted, stroke=look.palette.paper, clip=True,
        strokeWidth=1,
    ).encode(
        x=k, y=y("score"), key=marks.key("row"),
        tooltip=[alt.Tooltip("score:Q", title="score", format=".1f")],
    )  # fmt: skip


def _bands(look: Look, k: alt.X, y: Any) -> list[Any]:
    """The three 95% intervals over the number seen."""
    colours, path = look.palette, Chart(alt.NamedData("path"))
    own = path.transform_filter("isValid(datum.no_mean)")
    ends = [
        own.mark_line(color=colours.no, strokeWidth=1.8, clip=True).encode(
            x=k, y=y(f"no_{end}"), opacity=_seen("no")
        )
        for end in ("low", "high")
    ]
    flat = [
        path.mark_line(
            color=colours.complete, strokeWidth=2.5 if end == "mean" else 1.8,
            strokeDash=[1, 0] if end == "mean" else [6, 4], clip=True,
        ).encode(x=k, y=y(f"complete_{end}"), opacity=_seen("complete"))
        for end in ("low", "mean", "high")
    ]  # fmt: skip
    return [
        path.mark_area(color=colours.partial, clip=True).encode(
            x=k, y=y("partial_low"), y2="partial_high:Q", opacity=_seen("partial", 0.22)
        ),
        *flat,
        *ends,
        marks.point(own, "no", look, 55, clip=True).encode(
            x=k, y=y("no_mean"), opacity=_seen("no"), key=marks.key("step")
        ),
        path.mark_line(color=colours.partial, strokeWidth=2.5).encode(
            x=k, y=y("partial_mean"), opacity=_seen("partial")
        ),
    ]


def _now(look: Look, k: alt.X, y: Any, steps: int) -> list[Any]:
    """The interval at the handle, the students on it, and the handle itself."""
    colours, path = look.palette, Chart(alt.NamedData("path"))
    now = path.transform_filter(HERE).transform_calculate(one="'now'")
    tooltip = [
        alt.Tooltip("k:Q", title="students seen"),
        alt.Tooltip("partial_low:Q", title="from", format=".1f"),
        alt.Tooltip("partial_high:Q", title="to", format=".1f"),
    ]
    return [
        now.mark_rule(color=colours.ink, strokeWidth=1.2, strokeDash=[5, 4]).encode(
            x=k, y=alt.value(0), y2=alt.value(PLOT)
        ),
        now.mark_bar(color=colours.partial, width=7, cornerRadius=3, clip=True).encode(
            x=k, y=y("partial_low"), y2="partial_high:Q", opacity=_seen("partial"),
            tooltip=tooltip, key=marks.key("one"),
        ),
        _dots(look, k, y),
        marks.point(now, "partial", look, 130).encode(
            x=k, y=y("partial_mean"), opacity=_seen("partial"), tooltip=tooltip,
            key=marks.key("one"),
        ),
        path.mark_point(opacity=0)
        .encode(x=k, y=y("partial_mean"))
        .add_params(handle(steps, "Students of the school seen")),
    ]  # fmt: skip


def _curves(look: Look, y: Any, steps: int) -> list[Any]:
    """The predictive distributions at the handle, and three that stay, on the score axis."""
    colours = look.palette
    curve = Chart(alt.NamedData("curve"))
    now = curve.transform_filter(HERE)
    scale = alt.Scale(domain=[0, 1.04], range=_part(CURVE, 1))

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=None)

    def outline(pooling: str, colour: str, dash: list[int]) -> Any:
        return now.mark_line(color=colour, strokeWidth=2, strokeDash=dash).encode(
            x=x(f"{pooling}_density"), y=y("score"), order="score:Q", opacity=_seen(pooling)
        )

    truth = Chart(alt.NamedData("truth")).transform_calculate(one="'truth'")
    return [
        curve.transform_filter("datum.kept")
        .mark_line(color=colours.partial, strokeWidth=1.2)
        .encode(x=x("partial_density"), y=y("score"), order="score:Q", detail="step:N",
                opacity=_seen("partial")),
        now.mark_area(color=colours.partial, opacity=0.3, orient="horizontal").encode(
            x=x("partial_density"), x2=alt.datum(0), y=y("score")
        ),
        outline("partial", colours.partial, [1, 0]),
        outline("complete", colours.complete, [6, 4]),
        outline("no", colours.no, [2, 2]),
        Chart(alt.NamedData("path"))
        .transform_filter(HERE)
        .mark_text(align="right", baseline="top", fontWeight="bold")
        .encode(x=alt.value("width"), y=alt.value(2), text="caption:N"),
        marks.point(truth, "truth", look, 90).encode(
            x=alt.XDatum(0, scale=scale, axis=None), y=y("truth"), opacity=_seen("truth"),
            key=marks.key("one"), tooltip=alt.Tooltip("truth:Q", title="true mean", format=".1f"),
        ),
    ]  # fmt: skip
