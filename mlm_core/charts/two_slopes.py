"""Students, their schools, and lines whose slopes come apart as a handle is dragged."""

from __future__ import annotations

from typing import Any, NamedTuple

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, at_step, handle
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
LEFT = 52
"""Pixels for the numbers of the vertical axis; the handle's margin in style.css knows it."""
SCATTER, GAP, ROW, ROWS = 250, 66, 19, 4
PLOT = SCATTER + GAP + ROWS * ROW


class _Panel(NamedTuple):
    """What the marks of the upper panel share; ``t`` is the place of the handle, 0 to 1."""

    look: Look
    x_scale: alt.Scale
    y_scale: alt.Scale
    t: str

    def x(self) -> alt.X:
        axis = alt.Axis(
            title="pre-test, SDs within a school",
            tickCount=6,
            offset=SCATTER - PLOT,
            orient="bottom",
        )
        return alt.X("x:Q", scale=self.x_scale, axis=axis)

    def y(self) -> alt.Y:
        title = {"title": "test score, points", "titleX": 14 - LEFT, "titleY": SCATTER / 2}
        axis = alt.Axis(**title, tickCount=6, grid=True, minExtent=LEFT, maxExtent=LEFT)  # type: ignore[arg-type]
        return alt.Y("y:Q", scale=self.y_scale, axis=axis)

    def moved(self, table: str) -> Any:
        """A table whose points go from where they are at first to where they are at last."""
        y = f"datum.first + {self.t} * (datum.last - datum.first)"
        return Chart(alt.NamedData(table)).transform_calculate(y=y)


def two_slopes(
    look: Look,
    *,
    x_domain: tuple[float, float],
    y_domain: tuple[float, float],
    slope_domain: tuple[float, float],
    ends: tuple[float, float],
    steps: int,
) -> Any:
    """Students and schools turn with the handle; below, the slopes as bars from 0.

    Hollow: a school's mean, with its short line within. Dashed: the line between schools.
    Solid rule: one line for all. Diamonds: the true slopes. Points move along straight lines
    between the two ends of the tables; long lines and slopes are picked from their steps.

    Tables
    ------
    students, schools, short, lines, slopes
        Of `lessons.two_level_predictors.Facts.tables`.

    Parameters
    ----------
    look : Look
    x_domain, y_domain, slope_domain : (low, high)
        Keep them the same while sliders move.
    ends : (float, float)
        Slope between schools that the handle sets at its first and at its last step.
    steps : int
        Number of steps of the handle.
    """
    last = steps - 1
    panel = _Panel(
        look,
        alt.Scale(domain=list(x_domain), nice=False),
        alt.Scale(domain=list(y_domain), nice=False, range=[SCATTER, 0]),
        f"({at_step(last)} / {last})",
    )
    layers = alt.layer(
        _handle(steps, ends), _scatter(panel, HERE), _slopes(look, slope_domain, HERE)
    )
    return finish(layers.resolve_scale(x="independent", y="independent"), look, PLOT, steps=steps)


def _handle(steps: int, ends: tuple[float, float]) -> Any:
    """What the handle sets at its places; it can be dragged anywhere in the figure."""
    first, middle, last = (
        f"{value:+.0f}".replace("-", "−") if value else "0"
        for value in (ends[0], (ends[0] + ends[1]) / 2, ends[1])
    )
    axis = alt.Axis(
        title=None,
        values=[0, 0.5, 1],
        orient="bottom",
        domain=False,
        ticks=False,
        labelExpr=f"datum.value == 0 ? 'slope between, set: {first}' : datum.value == 1 ? "
        f"'set: {last}' : 'set: {middle}'",
        labelFlush=True,
    )
    return (
        Chart(alt.NamedData("slopes"))
        .transform_filter("datum.kind == 'within'")
        .mark_point(opacity=0)
        .encode(
            x=alt.X("t:Q", scale=alt.Scale(domain=[0, 1]), axis=axis),
            y=alt.value(PLOT / 2),
            tooltip=alt.value(""),
        )
        .add_params(handle(steps, "Slope between schools, from the same to the opposite"))
    )


def _seen(most: float = 1.0, field: str = "seen") -> Any:
    return alt.condition(f"datum.{field} > 0", alt.value(most), alt.value(0))


def _scatter(panel: _Panel, now: str) -> Any:
    """The upper panel: students, a short line for each school, the long lines."""
    colours, at = panel.look.palette, {"x": panel.x(), "y": panel.y()}
    students, schools = panel.moved("students"), panel.moved("schools")
    lines = Chart(alt.NamedData("lines")).transform_filter(now)

    def line(kind: str, colour: str, **options: Any) -> Any:
        return (
            lines.transform_filter(f"datum.kind == '{kind}'")
            .mark_line(clip=True, color=colour, **options)
            .encode(**at, opacity=_seen())
        )

    def dots(where: str, **options: Any) -> Any:
        mark = students.transform_filter(where).mark_circle(clip=True, **options)
        return mark.encode(**at)

    return alt.layer(
        dots("!datum.picked", color=colours.muted, size=14, opacity=0.75),
        dots("datum.picked", color=colours.picked, size=34, opacity=1),
        panel.moved("short")
        .mark_line(color=colours.within, strokeWidth=2.4, clip=True)
        .encode(
            **at,
            detail="school:N",
            opacity=alt.condition("datum.bold > 0", alt.value(1), alt.value(0.7)),
        ),
        line("between", colours.between, strokeWidth=4, strokeDash=[9, 5]),
        line("complete", colours.complete, strokeWidth=4),
        line("partial", colours.partial, strokeWidth=3),
        *_schools(panel, schools, at),
    )


def _schools(panel: _Panel, schools: Any, at: dict[str, Any]) -> list[Any]:
    """Their means; the picked one with a ring and its name."""
    look, key = panel.look, marks.key("school")
    picked = schools.transform_filter("datum.picked")
    tips = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("x:Q", title="mean pre-test", format=".1f"),
        alt.Tooltip("y:Q", title="mean score", format=".1f"),
    ]
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    name: dict[str, Any] = {"fontWeight": "bold", "dy": -16, "clip": True}
    halo: dict[str, Any] = {"stroke": look.palette.paper, "strokeWidth": 4}
    return [
        picked.mark_point(
            shape="circle", size=260, stroke=look.palette.picked, strokeWidth=2.5, opacity=1,
            clip=True,
        ).encode(**at, key=key),
        marks.point(schools, "no", look, 62, clip=True)
        .encode(**at, tooltip=tips, key=key)
        .add_params(pick),
        *(
            picked.mark_text(**name, **more).encode(**at, text="school:N")
            for more in (halo, {"color": look.palette.picked})
        ),
    ]  # fmt: skip


def _slopes(look: Look, domain: tuple[float, float], now: str) -> Any:
    """The lower panel: each slope a bar from 0, its name and number on the other side."""
    colours = look.palette
    base = Chart(alt.NamedData("slopes")).transform_filter(now)
    top = SCATTER + GAP
    scale = alt.Scale(domain=list(domain), nice=False)
    places = alt.Scale(domain=[-0.5, ROWS - 0.5], range=[top, PLOT])
    x = alt.X("slope:Q", scale=scale, axis=None)
    y = alt.Y("row:Q", scale=places, axis=None)
    names = ["within", "between", "complete", "partial"]
    tints = [colours.within, colours.between, colours.complete, colours.partial]
    colour = alt.Color("kind:N", scale=alt.Scale(domain=names, range=tints), legend=None)
    nought = base.transform_filter("datum.kind == 'within'").transform_calculate(slope="0")

    def label(sign: str, align: str, dx: int) -> Any:
        return (
            base.transform_filter(f"datum.slope {sign} 0 && datum.seen > 0")
            .transform_calculate(slope="0")
            .mark_text(align=align, dx=dx, fontWeight="bold")  # type: ignore[arg-type]
            .encode(x=x, y=y, text="label:N")
        )

    return alt.layer(
        nought.mark_rule(color=colours.muted, strokeWidth=1.4).encode(
            x=x, y=alt.value(top), y2=alt.value(PLOT)
        ),
        nought.mark_text(color=colours.muted).encode(
            x=x, y=alt.value(top - 7), text=alt.value("0")
        ),
        nought.mark_text(color=colours.ink, align="left").encode(
            x=alt.value(2), y=alt.value(top - 7), text=alt.value("slope, points for 1 SD")
        ),
        base.transform_calculate(zero="0")
        .mark_bar(height=10)
        .encode(x=x, x2="zero:Q", y=y, color=colour, opacity=_seen(), key=marks.key("kind")),
        marks.point(base, "truth", look, 60).encode(
            x=alt.X("true:Q", scale=scale, axis=None),
            y=y,
            opacity=_seen(field="truth_seen"),
            key=marks.key("kind"),
        ),
        label(">", "right", -10),
        label("<=", "left", 10),
    )
