"""Schools in the plane of slope and intercept, beside their lines; x = 0 is dragged."""

from __future__ import annotations

from typing import Any, NamedTuple

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.handle import HANDLE, handle, here
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
PLANE, LINES = 0.40, 0.46
"""Parts of the width: the plane ends at the first, the lines begin at the second."""
HEIGHT = 420


class _Panel(NamedTuple):
    """What the marks of one panel share; ``shown`` is the kind of line in front."""

    look: Look
    x_scale: alt.Scale
    x_axis: alt.Axis
    y_scale: alt.Scale
    schools: Any
    shown: str
    origins: tuple[float, float]
    steps: int

    def x(self, name: str) -> alt.X:
        return alt.X(name, scale=self.x_scale, axis=self.x_axis)

    def y(self, name: str) -> alt.Y:
        axis = alt.Axis(title="test score, points", grid=True, tickCount=6)
        return alt.Y(name, scale=self.y_scale, axis=axis)

    @property
    def colour(self) -> str:
        return self.look.palette.no if self.shown else self.look.palette.partial


def slopes_plane(
    look: Look,
    *,
    scores: tuple[float, float],
    slopes: tuple[float, float],
    origins: tuple[float, float],
    steps: int,
    revealed: bool = True,
    show_truth: bool = False,
) -> Any:
    """Left, a point for each school (slope, intercept); right, its line.

    A line's intercept is its height where x = 0, and both panels have one vertical axis:
    a school's point is as high as its line is at the rule. Dragging the rule moves the
    zero of x: the points and the ellipses slide, the lines stay.

    Tables
    ------
    schools, ellipses, origins, students, reach
        Of `origin.slopes_tables`.

    Parameters
    ----------
    look : Look
    scores, slopes : (low, high)
        Domains; keep them the same while sliders move.
    origins : (low, high)
        Where the handle can put the zero of x.
    steps : int
        Number of its steps.
    revealed : bool
        Draw partial pooling too.
    show_truth : bool
        Draw the true lines and their population.
    """
    shown = "" if revealed else "own_"
    y_scale = alt.Scale(domain=list(scores), nice=False, zero=False)
    schools = _schools(origins, steps)
    left, right = (
        _Panel(look, *of_x, y_scale, schools, shown, origins, steps)
        for of_x in (_plane_axis(slopes), _lines_axis(origins))
    )
    lines = _lines(right, sum(scores) / 2, show_truth)
    plane = _plane(left, slopes, show_truth)
    return finish(alt.layer(lines, plane).resolve_scale(x="independent"), look, HEIGHT)


def _origin(origins: tuple[float, float], steps: int) -> str:
    """The zero of x at the handle, as an expression; 0 until it is moved."""
    low, high = origins
    chosen = f"isValid({HANDLE}.step) && length({HANDLE}.step)"
    step = f"clamp({HANDLE}.step[0], 0, {steps - 1})"
    return f"({chosen} ? {low} + {(high - low) / (steps - 1)} * {step} : 0)"


def _schools(origins: tuple[float, float], steps: int) -> Any:
    """The schools, with the heights of their lines at the zero of x and at both ends."""
    low, high = origins
    at = {"height": "datum.origin", "left": str(low), "right": str(high)}
    base = alt.Chart(alt.NamedData("schools")).transform_calculate(
        **{"origin": _origin(origins, steps), "from": str(low), "to": str(high)}
    )
    for kind in ("", "own_", "true_"):
        line = f"datum.{kind}alpha + {{}} * datum.{kind}beta"
        base = base.transform_calculate(**{kind + k: line.format(x) for k, x in at.items()})
    return base


def _part(low: float, high: float) -> list[Any]:
    """A range on the horizontal axis, in parts of the width."""
    return [{"expr": f"width * {low}"}, {"expr": f"width * {high}"}]


def _plane_axis(slopes: tuple[float, float]) -> tuple[alt.Scale, alt.Axis]:
    scale = alt.Scale(domain=list(slopes), range=_part(0, PLANE), nice=False, zero=False)
    title = ["slope β_j, points", "for 100 of pre-test"]
    return scale, alt.Axis(orient="bottom", title=title, tickCount=5, grid=True)


def _lines_axis(origins: tuple[float, float]) -> tuple[alt.Scale, alt.Axis]:
    low, high = origins
    scale = alt.Scale(domain=[low, high], range=_part(LINES, 1), nice=False, zero=False)
    return scale, alt.Axis(
        title=["pre-test, raw points", "(mean 500, SD 100)"],
        values=list(range(int(low), int(high) + 1)),
        labelExpr="format(500 + 100 * datum.value, 'd')",
        labelOverlap="greedy",
        labelSeparation=6,
    )


def _lines(panel: _Panel, middle: float, show_truth: bool) -> Any:
    """The right panel: lines, the students of the picked school, the rule at x = 0."""
    colours, colour = panel.look.palette, panel.colour
    steps = alt.Chart(alt.NamedData("origins"))
    students = alt.Chart(alt.NamedData("students")).mark_circle(
        color=colours.muted, size=28, opacity=0.7, clip=True
    )
    layers = [
        *_reach(panel),
        steps.transform_calculate(middle=str(middle))
        .mark_point(opacity=0)
        .encode(x=panel.x("at:Q"), y=panel.y("middle:Q"))
        .add_params(handle(panel.steps, "Where x is zero")),
        _line(panel, panel.shown, color=colour, strokeWidth=1.2, opacity=0.45),
        students.encode(x=panel.x("x:Q"), y=panel.y("y:Q")),
    ]
    picked = [("own_", {"color": colours.no, "strokeWidth": 2.5, "strokeDash": [6, 4]})]
    if not panel.shown:
        picked.append(("", {"color": colour, "strokeWidth": 3.5}))
    if show_truth:
        picked.append(("true_", {"color": colours.truth, "strokeWidth": 2}))
    layers += [_line(panel, k, **mark).transform_filter("datum.picked") for k, mark in picked]
    return alt.layer(*layers, *_rule(panel))


def _line(panel: _Panel, kind: str, **mark: Any) -> Any:
    """The lines of one kind, of the schools that have one."""
    return (
        panel.schools.transform_filter(f"isValid(datum.{kind}beta)")
        .mark_rule(clip=True, **mark)
        .encode(
            x=panel.x("from:Q"), x2="to:Q", y=panel.y(f"{kind}left:Q"), y2=f"{kind}right:Q"
        )
    )  # fmt: skip


def _reach(panel: _Panel) -> list[Any]:
    """The part of the axis where there are students."""
    reach, colours = alt.Chart(alt.NamedData("reach")), panel.look.palette
    return [
        reach.mark_rect(fill=colours.faint, opacity=0.35, clip=True).encode(
            x=panel.x("least:Q"), x2="most:Q"
        ),
        reach.mark_text(
            align="left",
            dx=4,
            dy=-20,
            baseline="bottom",
            color=colours.muted,
            fontSize=panel.look.type_size(12),
            text=["students", "are here"],
        ).encode(x=panel.x("least:Q"), y=alt.value(HEIGHT)),
    ]


def _rule(panel: _Panel) -> list[Any]:
    """The rule at x = 0, the heights of the lines on it, a thread to the plane."""
    ink, height = panel.look.palette.ink, panel.y(f"{panel.shown}height:Q")
    now = alt.Chart(alt.NamedData("origins")).transform_filter(here(panel.steps))
    known = panel.schools.transform_filter(f"isValid(datum.{panel.shown}beta)")
    thread = known.transform_filter("datum.picked").mark_rule(
        color=ink, strokeDash=[2, 3], clip=True
    )
    halo: dict[str, Any] = {"stroke": panel.look.palette.paper, "strokeWidth": 5}
    return [
        now.mark_rule(color=ink, strokeWidth=2.5).encode(x=panel.x("at:Q")),
        *(
            now.mark_text(
                text="x = 0", dx=7, dy=12, align="left", fontWeight="bold", **under
            ).encode(x=panel.x("at:Q"), y=alt.value(0))
            for under in (halo, {})
        ),
        known.mark_circle(color=panel.colour, size=34, opacity=1, clip=True).encode(
            x=panel.x("origin:Q"), y=height
        ),
        thread.encode(x=panel.x("origin:Q"), x2=_across(LINES), y=height),
    ]


def _across(part: float) -> Any:
    """A place on the horizontal axis, in parts of the width."""
    return alt.value({"expr": f"width * {part}"})


def _plane(panel: _Panel, slopes: tuple[float, float], show_truth: bool) -> Any:
    """The left panel: a point for each school, pulled toward a tilted cloud."""
    low, high = slopes
    shown, size = panel.shown, 75 * panel.look.scale
    own = panel.schools.transform_filter(f"datum.own_beta >= {low} && datum.own_beta <= {high}")
    front = own if shown else panel.schools
    layers = [
        alt.Chart(alt.NamedData("reach"))  # a wall, so that the handle hears no click on this panel
        .mark_rect(fill="transparent")
        .encode(x=alt.value(0), x2=_across(PLANE), tooltip=alt.value("")),
    ]
    if not shown:
        layers += [*_clouds(panel, show_truth), _arrows(panel, own)]
    layers.append(_points(panel, own, "no", "own_", size))
    if not shown:
        layers.append(_points(panel, front, "partial", "", 0.8 * size))
    if show_truth:
        layers.append(_points(panel, panel.schools, "truth", "true_", 0.45 * size))
    at = {"x": panel.x(f"{shown}beta:Q"), "y": panel.y(f"{shown}height:Q")}
    picked, ink = front.transform_filter("datum.picked"), panel.look.palette.ink
    ring = picked.mark_point(shape="circle", size=4 * size, color=ink, strokeWidth=1.5, clip=True)
    layers += [
        ring.encode(**at),
        picked.mark_rule(color=ink, strokeDash=[2, 3], clip=True).encode(**at, x2=_across(LINES)),
        front.mark_point(size=3 * size, fill="transparent", strokeWidth=0, clip=True)
        .encode(**at, tooltip=_tooltip(shown))
        .add_params(alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)),
    ]
    return alt.layer(*layers)


def _points(panel: _Panel, base: Any, pooling: Any, kind: str, size: float) -> Any:
    return marks.point(base, pooling, panel.look, size / panel.look.scale, clip=True).encode(
        x=panel.x(f"{kind}beta:Q"), y=panel.y(f"{kind}height:Q")
    )


def _arrows(panel: _Panel, own: Any) -> Any:
    """From each school's own line to its partially pooled one."""
    return own.mark_rule(color=panel.look.palette.muted, strokeWidth=1.6, clip=True).encode(
        x=panel.x("own_beta:Q"), x2="beta:Q", y=panel.y("own_height:Q"), y2="height:Q"
    )


def _tooltip(shown: str) -> list[alt.Tooltip]:
    named = {"own_": "no pooling"} if shown else {"own_": "no pooling", "": "partial pooling"}
    lines = [
        alt.Tooltip(f"{kind}{field}:Q", title=f"{what}, {name}", format=".1f")
        for kind, name in named.items()
        for field, what in (("height", "intercept"), ("beta", "slope"))
    ]
    return [alt.Tooltip("school:N", title="school"), alt.Tooltip("n:Q", title="students"), *lines]


def _clouds(panel: _Panel, show_truth: bool) -> list[Any]:
    """Ellipses of 50% and 95%, fitted and true, and what the handle makes of rho."""
    colours = panel.look.palette
    height = f"datum.alpha + {_origin(panel.origins, panel.steps)} * datum.beta"
    base = alt.Chart(alt.NamedData("ellipses")).transform_calculate(height=height)

    def outline(of: str, **mark: Any) -> Any:
        line = base.transform_filter(f"datum.of == '{of}'").mark_line(clip=True, **mark)
        at = {"x": panel.x("beta:Q"), "y": panel.y("height:Q")}
        return line.encode(**at, order="k:Q", detail="share:N")

    green = {"fill": colours.partial, "fillOpacity": 0.12, "strokeWidth": 2}
    layers = [outline("fitted", stroke=colours.partial, **green)]
    if show_truth:
        layers.append(outline("true", stroke=colours.truth, strokeWidth=1.8, strokeDash=[5, 4]))
    now = alt.Chart(alt.NamedData("origins")).transform_filter(here(panel.steps))
    size = panel.look.type_size(16)
    caption = now.mark_text(align="left", baseline="top", fontWeight="bold", fontSize=size)
    return [
        *layers,
        caption.encode(
            x=alt.value(8), y=alt.value(6), text="caption:N", color=alt.value(colours.partial)
        ),
    ]
