"""Schools in the plane of slope and intercept, beside their lines; x = 0 is dragged."""

from __future__ import annotations

from typing import Any, NamedTuple

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import AT, HERE, handle
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
PLANE, LINES = 0.42, 0.48
"""Parts of the width: the plane ends at the first, the lines begin at the second."""
PLOT = 362
"""Height of the plot (pixels); axes and padding make it as high as all figures."""


class _Panel(NamedTuple):
    """What the marks of one panel share."""

    look: Look
    x_scale: alt.Scale
    x_axis: alt.Axis
    y_scale: alt.Scale
    origins: tuple[float, float]
    steps: int

    def x(self, name: str) -> alt.X:
        return alt.X(name, scale=self.x_scale, axis=self.x_axis)

    def y(self, name: str) -> alt.Y:
        axis = alt.Axis(title="test score, points", grid=True, tickCount=6)
        return alt.Y(name, scale=self.y_scale, axis=axis)

    def base(self, table: str, *kinds: str) -> Any:
        """A table with the heights of its lines at the zero of x."""
        zero = _origin(self.origins, self.steps)
        heights = {f"{k}height": f"datum.{k}alpha + {zero} * datum.{k}beta" for k in kinds}
        return Chart(alt.NamedData(table)).transform_calculate(zero=zero, **heights)

    @property
    def now(self) -> Any:
        """The step of the handle."""
        return Chart(alt.NamedData("origins")).transform_filter(HERE)

    @property
    def front(self) -> Any:
        """Colour of a line in front: partial pooling once it is shown."""
        colours = self.look.palette
        seen = "datum.partial_seen > 0"
        return alt.condition(seen, alt.value(colours.partial), alt.value(colours.no))


def slopes_plane(
    look: Look,
    *,
    scores: tuple[float, float],
    slopes: tuple[float, float],
    origins: tuple[float, float],
    steps: int,
) -> Any:
    """Left, a point for each school (slope, intercept); right, its line.

    Hollow: a school's own line. Filled: partial pooling. Diamond, black dashes: the truth.
    Purple dashes: what schools are pulled to. A line's intercept is its height where x = 0,
    and both panels have one vertical axis: a school's point is as high as its line is at the
    rule. Dragging the rule moves the zero of x: points and ellipses slide, the lines stay.

    Tables
    ------
    schools, pulls, lines, ellipses, targets, origins, students, reach
        Of `lessons.varying_slopes.Facts.tables`. What has a ``seen`` of 0 is not seen.

    Parameters
    ----------
    look : Look
    scores, slopes : (low, high)
        Domains; keep them the same while sliders move.
    origins : (low, high)
        Where the handle can put the zero of x.
    steps : int
        Number of its steps.
    """
    y_scale = alt.Scale(domain=list(scores), nice=False, zero=False)
    left, right = (
        _Panel(look, *of_x, y_scale, origins, steps)
        for of_x in (_plane_axis(slopes), _lines_axis(origins))
    )
    layers = alt.layer(_lines(right), _plane(left)).resolve_scale(x="independent")
    return finish(layers, look, PLOT, steps=steps)


def _origin(origins: tuple[float, float], steps: int) -> str:
    """The zero of x at the handle, as an expression; 0 until it is moved."""
    low, high = origins
    return f"({AT} < 0 ? 0 : {low} + {(high - low) / (steps - 1)} * {AT})"


def _part(low: float, high: float) -> list[Any]:
    """A range on the horizontal axis, in parts of the width."""
    return [{"expr": f"width * {low}"}, {"expr": f"width * {high}"}]


def _across(part: float) -> Any:
    """A place on the horizontal axis, in parts of the width."""
    return alt.value({"expr": f"width * {part}"})


def _plane_axis(slopes: tuple[float, float]) -> tuple[alt.Scale, alt.Axis]:
    scale = alt.Scale(domain=list(slopes), range=_part(0, PLANE), nice=False, zero=False)
    title = ["slope, points", "for 100 of pre-test"]
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


def _seen(most: float = 1.0, field: str = "seen") -> Any:
    return alt.condition(f"datum.{field} > 0", alt.value(most), alt.value(0))


def _lines(panel: _Panel) -> Any:
    """The right panel: lines, the students of the picked school, the rule at x = 0."""
    colours = panel.look.palette
    students = Chart(alt.NamedData("students")).mark_circle(
        color=colours.muted, size=30, opacity=0.8, clip=True
    )
    return alt.layer(
        *_reach(panel),
        Chart(alt.NamedData("origins"))
        .mark_point(opacity=0)
        .encode(x=panel.x("at:Q"), y=alt.value(PLOT / 2))
        .add_params(handle(panel.steps, "Where x is zero")),
        _line(panel, "front", 1.2, 0.75, color=panel.front),
        students.encode(x=panel.x("x:Q"), y=panel.y("y:Q")),
        _line(panel, "own", 2.5, 1.0, dash=[6, 4], color=alt.value(colours.no)),
        _line(panel, "front", 3.5, 1.0, "datum.picked", color=panel.front),
        _line(panel, "true", 2.0, 1.0, dash=[5, 4], color=alt.value(colours.truth)),
        *_rule(panel),
    )


def _line(
    panel: _Panel,
    kind: str,
    width: float,
    most: float,
    where: str = "true",
    dash: list[int] | None = None,
    **colour: Any,
) -> Any:
    """The lines of one kind, of the schools that have one."""
    more: dict[str, Any] = {"strokeDash": dash} if dash else {}
    return (
        Chart(alt.NamedData("lines"))
        .transform_filter(f"datum.kind == '{kind}' && {where}")
        .mark_line(clip=True, strokeWidth=width, **more)
        .encode(
            x=panel.x("x:Q"), y=panel.y("y:Q"), detail="school:N", opacity=_seen(most), **colour
        )
    )  # fmt: skip


def _reach(panel: _Panel) -> list[Any]:
    """The part of the axis where there are students."""
    reach, colours = Chart(alt.NamedData("reach")), panel.look.palette
    return [
        reach.mark_rect(fill=colours.faint, opacity=0.35, clip=True).encode(
            x=panel.x("least:Q"), x2="most:Q"
        ),
        reach.mark_text(
            align="right",
            dx=-4,
            dy=-6,
            baseline="bottom",
            color=colours.muted,
            fontSize=panel.look.type_size(12),
            text=["students", "are here"],
            lineHeight=13,
        ).encode(x=panel.x("most:Q"), y=alt.value(PLOT - 14)),
    ]


def _rule(panel: _Panel) -> list[Any]:
    """The rule at x = 0, the heights of the lines on it, a thread to the plane."""
    ink, now = panel.look.palette.ink, panel.now
    known = panel.base("schools", "")
    thread = known.transform_filter("datum.picked && datum.line_seen > 0").mark_rule(
        color=ink, strokeDash=[2, 3], clip=True
    )
    halo: dict[str, Any] = {"stroke": panel.look.palette.paper, "strokeWidth": 5}
    at = {"x": panel.x("at:Q"), "y": alt.value(0)}
    sides = (("datum.at <= 1.5", "left", 7), ("datum.at > 1.5", "right", -7))
    return [
        now.mark_rule(color=panel.look.palette.muted, strokeWidth=2.5).encode(x=panel.x("at:Q")),
        *(
            now.transform_filter(where)
            .mark_text(text="x = 0", dx=dx, dy=12, align=align, fontWeight="bold", **under)
            .encode(**at)
            for where, align, dx in sides
            for under in (halo, {})
        ),
        known.mark_circle(size=34, clip=True).encode(
            x=panel.x("zero:Q"),
            y=panel.y("height:Q"),
            color=panel.front,
            opacity=_seen(field="line_seen"),
            key=marks.key("school"),
        ),
        thread.encode(x=panel.x("zero:Q"), x2=_across(LINES), y=panel.y("height:Q")),
    ]


def _plane(panel: _Panel) -> Any:
    """The left panel: a point for each school, pulled toward a tilted cloud."""
    size, key = 75.0, marks.key("school")
    schools = panel.base("schools", "", "own_", "true_")
    front = {"x": panel.x("beta:Q"), "y": panel.y("height:Q")}
    return alt.layer(
        Chart(alt.NamedData("reach"))  # a wall, so that the handle hears no click on this panel
        .mark_rect(fill="transparent")
        .encode(x=alt.value(0), x2=_across(PLANE), tooltip=alt.value("")),
        *_clouds(panel),
        panel.base("pulls", "")
        .mark_line(strokeWidth=1.6, clip=True)
        .encode(
            **front,
            detail="school:N",
            order="end:Q",
            opacity=_seen(),
            color=alt.condition(
                "datum.picked",
                alt.value(panel.look.palette.picked),
                alt.value(panel.look.palette.muted),
            ),
        ),
        _points(panel, schools, "no", "own_", "own_seen", size),
        _points(panel, schools, "partial", "", "partial_seen", 0.8 * size),
        *_targets(panel),
        _points(panel, schools, "truth", "true_", "truth_seen", 0.5 * size),
        *_steepest(panel, schools.transform_filter("datum.steepest")),
        *_picked(panel, schools.transform_filter("datum.picked && datum.dot_seen > 0"), size),
        schools.transform_filter("datum.dot_seen > 0")
        .mark_point(size=3 * size, fill="transparent", strokeWidth=0, clip=True)
        .encode(**front, tooltip=_tooltip(), key=key)
        .add_params(alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)),
        *_caption(panel),
    )


def _points(
    panel: _Panel, schools: Any, pooling: Any, kind: str, seen: str, size: float
) -> Any:  # fmt: skip
    return marks.point(schools, pooling, panel.look, size, clip=True).encode(
        x=panel.x(f"{kind}beta:Q"),
        y=panel.y(f"{kind}height:Q"),
        opacity=_seen(field=seen),
        key=marks.key("school"),
    )


def _picked(panel: _Panel, picked: Any, size: float) -> list[Any]:
    """A ring around the picked school, a thread to its line, its name at its own dot."""
    colours = panel.look.palette
    at = {"x": panel.x("beta:Q"), "y": panel.y("height:Q")}
    ring = picked.mark_point(
        shape="circle", size=4 * size, stroke=colours.picked, strokeWidth=2.5, opacity=1, clip=True
    )
    name: dict[str, Any] = {
        "fontWeight": "bold",
        "clip": True,
        "baseline": "middle",
        "dy": alt.expr("datum.own_height < datum.height ? 17 : -17"),
    }
    halo: dict[str, Any] = {"stroke": colours.paper, "strokeWidth": 4}
    own = "datum.own_seen > 0 ? datum.own_"
    place = picked.transform_filter("!datum.steepest").transform_calculate(
        name_x=f"{own}beta : datum.beta", name_y=f"{own}height : datum.height"
    )
    at_name = {"x": panel.x("name_x:Q"), "y": panel.y("name_y:Q"), "text": "school:N"}
    return [
        picked.mark_rule(color=colours.ink, strokeDash=[2, 3], clip=True).encode(
            **at, x2=_across(LINES)
        ),
        ring.encode(**at, key=marks.key("school")),
        *(
            place.mark_text(**name, **more).encode(**at_name)
            for more in (halo, {"color": colours.picked})
        ),
    ]


def _steepest(panel: _Panel, schools: Any) -> list[Any]:
    """The name of the school that looks steepest, beside its own dot."""
    style: dict[str, Any] = {
        "align": alt.expr("datum.side"),
        "dx": alt.expr("datum.side == 'left' ? 9 : -9"),
        "baseline": "middle",
    }
    colours, (low, high) = panel.look.palette, panel.y_scale["domain"]
    inside = f"datum.own_seen > 0 && datum.own_height > {low} && datum.own_height < {high}"
    halo: dict[str, Any] = {"stroke": colours.paper, "strokeWidth": 4, "fontWeight": "bold"}
    picked = alt.condition("datum.picked", alt.value(colours.picked), alt.value(colours.ink))
    return [
        schools.mark_text(**style, **under).encode(
            x=panel.x("own_beta:Q"),
            y=panel.y("own_height:Q"),
            text="school:N",
            opacity=alt.condition(inside, alt.value(1), alt.value(0)),
            **colour,
        )
        for under, colour in ((halo, {}), ({"fontWeight": "bold"}, {"color": picked}))
    ]


def _tooltip() -> list[alt.Tooltip]:
    values = (("own_", "no pooling"), ("", "as drawn in front"))
    lines = [
        alt.Tooltip(f"{kind}{field}:Q", title=f"{what}, {name}", format=".1f")
        for kind, name in values
        for field, what in (("height", "intercept"), ("beta", "slope"))
    ]
    return [alt.Tooltip("school:N", title="school"), alt.Tooltip("n:Q", title="students"), *lines]


def _clouds(panel: _Panel) -> list[Any]:
    """Ellipses of 50% and 95%, fitted and true."""
    colours = panel.look.palette

    def outline(of: str, most: float, **mark: Any) -> Any:
        line = panel.base("ellipses", "").transform_filter(f"datum.of == '{of}'")
        return line.mark_line(clip=True, **mark).encode(
            x=panel.x("beta:Q"), y=panel.y("height:Q"), order="k:Q", detail="share:N",
            opacity=_seen(most),
        )  # fmt: skip

    green = {"fill": colours.partial, "fillOpacity": 0.14, "strokeWidth": 2}
    return [
        outline("fitted", 1.0, stroke=colours.partial, **green),
        outline("true", 1.0, stroke=colours.truth, strokeWidth=1.8, strokeDash=[5, 4]),
    ]


def _targets(panel: _Panel) -> list[Any]:
    """What schools are pulled to: a line over u, and the place of the picked school's u."""
    purple = panel.look.palette.target
    base = panel.base("targets", "")
    at = {"x": panel.x("beta:Q"), "y": panel.y("height:Q"), "opacity": _seen()}
    line = base.mark_line(color=purple, strokeWidth=3, strokeDash=[7, 4], clip=True)
    under = base.mark_line(stroke=panel.look.palette.paper, strokeWidth=7, clip=True)
    cross = base.transform_filter("datum.mine").mark_point(
        shape="cross", size=150, fill=purple, stroke=panel.look.palette.paper, clip=True
    )
    return [under.encode(**at, order="k:Q"), line.encode(**at, order="k:Q"), cross.encode(**at)]


def _caption(panel: _Panel) -> list[Any]:
    """What the handle makes of the correlation."""
    now, colours = panel.now, panel.look.palette
    style: dict[str, Any] = {"align": "left", "baseline": "top", "fontWeight": "bold"}
    under = {"stroke": colours.paper, "strokeWidth": 5}
    at = {"x": alt.value(6), "y": alt.value(4), "text": "caption:N"}
    return [
        now.mark_text(**style, **under).encode(**at),
        now.mark_text(**style, color=colours.partial).encode(**at),
    ]
