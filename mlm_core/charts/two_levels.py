"""Students and schools side by side: a line on the left is a point on the right."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.panels import GAP, frames, heading, panel
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
PLOT = 340
"""Height of the plot; headings and axes make it as high as all figures."""
X_TITLE = "pre-test x, SDs"
U_TITLE = ["u: what the town spends", "on a student, SDs"]
ZERO = alt.value(alt.ExprRef(f"width * {(1 - GAP) / 4:g}"))
"""x = 0 of the left panel, whose domain is even about it."""


def two_levels(
    look: Look,
    *,
    x_domain: tuple[float, float],
    u_domain: tuple[float, float],
    y_domain: tuple[float, float],
) -> Any:
    """Left, students and a line for each school; right, schools and the model for their lines.

    The two share the vertical axis: a line's height at x = 0 is its point's height. Hollow:
    a school by itself. Filled: partial pooling. Dashed, with a band of one SD: the
    school-level model. Cross: a new school. Diamond: the truth.

    Tables
    ------
    students, lines, schools, model, new, headings
        Of `lessons.what_is_multilevel.Facts.tables`. What has a ``seen`` of 0 is not seen;
        the points of the right panel lie on their lines until they are, and ticks show their u.

    Parameters
    ----------
    x_domain : (low, high)
        Even about 0.
    """
    y_scale = alt.Scale(domain=list(y_domain), nice=False, zero=False)
    y_axis = alt.Axis(title="test score, points", tickCount=6)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=y_scale, axis=y_axis)

    u = panel("u", 1, u_domain, U_TITLE)
    titles = Chart(alt.NamedData("headings"))
    layers = [
        *frames(look, PLOT),
        heading(titles, look, "students", 0),
        heading(titles, look, "schools", 1),
        alt.layer(*_students(look, panel("x", 0, x_domain, X_TITLE), y)),
        alt.layer(*_model(look, u, y), *_schools(look, u_domain, y), *_new(look, u, y)),
    ]
    return finish(alt.layer(*layers).resolve_scale(x="independent"), look, PLOT)


def _seen(field: str = "seen", most: float = 1.0) -> Any:
    return alt.condition(f"datum.{field} > 0", alt.value(most), alt.value(0))


def _front(look: Look) -> Any:
    """Colour of a line in front: partial pooling once the model is shown."""
    colours = look.palette
    seen = "datum.model_seen > 0"
    return alt.condition(seen, alt.value(colours.partial), alt.value(colours.no))


def _students(look: Look, x: Any, y: Any) -> list[Any]:
    """The left panel."""
    colours = look.palette
    people, lines = Chart(alt.NamedData("students")), Chart(alt.NamedData("lines"))
    schools = Chart(alt.NamedData("schools"))
    tips = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("x:Q", title="pre-test", format=".2f"),
        alt.Tooltip("y:Q", title="score", format=".1f"),
    ]

    def line(where: str, width: float, colour: Any, most: float = 1.0, **mark: Any) -> Any:
        chosen = lines.transform_filter(where).mark_line(strokeWidth=width, clip=True, **mark)
        return chosen.encode(x=x, y=y("y"), detail="line:N", color=colour, opacity=_seen(most=most))

    return [
        people.transform_filter("!datum.picked")
        .mark_circle(size=22 * look.scale, color=colours.muted, opacity=0.7, clip=True)
        .encode(x=x, y=y("y"), tooltip=tips),
        line("datum.kind == 'front' && !datum.picked", 1.3, _front(look), 0.75),
        schools.transform_filter("datum.picked").mark_bar(color=colours.muted, width=1.2).encode(
            x=ZERO, y=alt.value(0), y2=alt.value(PLOT), opacity=_seen("line_seen")
        ),
        people.transform_filter("datum.picked")
        .mark_circle(size=62 * look.scale, color=colours.picked, opacity=1, clip=True)
        .encode(x=x, y=y("y"), tooltip=tips),
        line("datum.kind == 'own'", 2, alt.value(colours.no), strokeDash=[6, 4]),
        line("datum.kind == 'front' && datum.picked", 3.2, _front(look)),
        schools.mark_circle(size=34 * look.scale, clip=True).encode(
            x=ZERO, y=y("alpha"), color=_front(look), opacity=_seen("line_seen"),
            key=marks.key("school"),
        ),
    ]  # fmt: skip


def _model(look: Look, u: Any, y: Any) -> list[Any]:
    """The school-level model."""
    purple = look.palette.target
    model = Chart(alt.NamedData("model"))
    return [
        model.mark_area(color=purple, clip=True).encode(
            x=u, y=y("low"), y2="high:Q", opacity=_seen(most=0.14)
        ),
        model.mark_line(color=purple, strokeWidth=2.5, strokeDash=[6, 4], clip=True).encode(
            x=u, y=y("line"), opacity=_seen()
        ),
    ]  # fmt: skip


def _new(look: Look, u: Any, y: Any) -> list[Any]:
    """What the model says of a new school."""
    purple, paper = look.palette.target, look.palette.paper
    new = Chart(alt.NamedData("new"))
    return [
        new.mark_bar(
            color=purple, width=9, stroke=paper, strokeWidth=2, strokeOpacity=1, clip=True
        ).encode(x=u, y=y("low"), y2="high:Q", opacity=_seen()),
        new.mark_point(
            shape="cross", size=230 * look.scale, fill=purple, stroke=paper, strokeWidth=1,
            clip=True,
        ).encode(x=u, y=y("line"), opacity=_seen()),
    ]  # fmt: skip


def _schools(look: Look, u_domain: tuple[float, float], y: Any) -> list[Any]:
    """The points of the right panel."""
    colours, size, key = look.palette, 80.0, marks.key("school")
    low, high = u_domain
    half, start = (1 - GAP) / 2, (1 + GAP) / 2
    on_line = f"({low}) + ({half / 2 - start:g}) / {half:g} * (({high}) - ({low}))"
    schools = Chart(alt.NamedData("schools")).transform_calculate(
        place=f"datum.point_seen > 0 ? datum.u : {on_line}"
    )
    x = panel("place", 1, u_domain, U_TITLE)
    picked = schools.transform_filter("datum.picked")
    tips = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("u:Q", title="u", format=".2f"),
        alt.Tooltip("own:Q", title="intercept, no pooling", format=".1f"),
        alt.Tooltip("alpha:Q", title="as drawn in front", format=".1f"),
    ]
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    return [
        *_ticks(schools, look, u_domain),
        picked.mark_rule(color=colours.ink, strokeDash=[2, 3]).encode(
            x=x, x2=ZERO, y=y("alpha"), opacity=_seen("point_seen")
        ),
        schools.mark_bar(color=colours.muted, width=1.6).encode(
            x=x, y=y("own"), y2="alpha:Q", opacity=_seen("model_seen"), key=key
        ),
        picked.mark_point(
            shape="circle", size=4 * size * look.scale, stroke=colours.picked, strokeWidth=2.5,
            fill=colours.paper, fillOpacity=0.01,
        ).encode(x=x, y=y("alpha"), opacity=_seen("point_seen"), key=key),
        marks.point(schools, "partial", look, 0.8 * size).encode(
            x=x, y=y("alpha"), tooltip=tips, opacity=_seen("model_seen"), key=key
        ),
        marks.point(schools, "no", look, size)
        .encode(x=x, y=y("own"), tooltip=tips, opacity=_seen("point_seen"), key=key)
        .add_params(pick),
        marks.point(schools, "truth", look, 40).encode(
            x=x, y=y("truth"), opacity=_seen("truth_seen"), key=key
        ),
        *_name(picked, look, x, y("own")),
    ]  # fmt: skip


def _ticks(schools: Any, look: Look, u_domain: tuple[float, float]) -> list[Any]:
    """The schools' u on the axis, until their points are seen."""
    unseen = alt.condition("datum.point_seen > 0", alt.value(0), alt.value(1))
    picked = schools.transform_filter("datum.picked")
    place = {"x": panel("u", 1, u_domain, U_TITLE), "opacity": unseen}
    return [
        base.mark_bar(color=colour, width=width).encode(
            y=alt.value(PLOT - height), y2=alt.value(PLOT), **place
        )
        for base, colour, width, height in (
            (schools, look.palette.muted, 2, 16),
            (picked, look.palette.picked, 4, 26),
        )
    ]


def _name(picked: Any, look: Look, x: Any, y: Any) -> list[Any]:
    """The name of the picked school beyond its own point, towards the middle of the panel."""
    colours = look.palette
    style: dict[str, Any] = {
        "align": alt.expr("datum.side"),
        "dx": alt.expr("datum.side == 'left' ? -10 : 10"),
        "dy": alt.expr("datum.below ? 20 : -20"),
        "baseline": "middle",
        "fontSize": look.type_size(),
        "fontWeight": "bold",
    }
    ground: dict[str, Any] = {"stroke": colours.paper, "strokeWidth": 4, "strokeJoin": "round"}
    return [
        picked.mark_text(**style, **more).encode(
            x=x, y=y, text="school:N", opacity=_seen("point_seen"), key=marks.key("school")
        )
        for more in (ground, {"color": colours.picked})
    ]
