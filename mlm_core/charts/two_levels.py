"""Students and schools side by side: a line on the left is a point on the right."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.panels import MIDDLE, frames, heading, panel
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
X_TITLE = "pre-test x, SDs"
STUDENTS, LINES, POINTS, MODEL = 1, 2, 3, 4
"""The layers, each added to those before it."""


def two_levels(
    look: Look,
    *,
    x_domain: tuple[float, float],
    u_domain: tuple[float, float],
    y_domain: tuple[float, float],
    height: int = 430,
) -> Any:
    """Left, students and lines; right, schools and the model for their intercepts.

    The two share the y axis: a line's height at x = 0 is its point's height.

    Tables
    ------
    students
        ``school, x, y, picked``: one row a student, of `estimates.marked_students`.
    schools, model, headings
        Of `school_level.two_levels_tables`.
    """
    y = {
        field: alt.Y(
            f"{field}:Q",
            scale=alt.Scale(domain=list(y_domain), nice=False, zero=False),
            axis=alt.Axis(title="test score, points", tickCount=6),
        )
        for field in ("y", "low", "at", "own", "line", "alpha")
    }
    titles = alt.Chart(alt.NamedData("headings"))
    return finish(
        alt.layer(
            *frames(look, height),
            heading(titles, look, "students", 0),
            heading(titles, look, "schools", 1),
            _left(look, x_domain, y, height),
            _right(look, u_domain, y),
        ).resolve_scale(x="independent"),
        look,
        height,
    )


def _at_layer(layer: int) -> Any:
    return alt.Chart(alt.NamedData("schools")).transform_filter(f"datum.layer >= {layer}")


def _left(look: Look, domain: tuple[float, float], y: dict[str, Any], height: int) -> Any:
    colours = look.palette
    people = alt.Chart(alt.NamedData("students"))
    x = panel("x", 0, domain, X_TITLE)
    ends = {"x": panel("start", 0, domain, X_TITLE), "x2": "stop:Q", "y": y["low"], "y2": "high:Q"}
    zero = {"x": panel("zero", 0, domain, X_TITLE)}
    lines = _at_layer(LINES).transform_calculate(start=str(domain[0]), stop=str(domain[1]))
    points = _at_layer(POINTS).transform_calculate(zero="0")
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("x:Q", title="pre-test", format=".2f"),
        alt.Tooltip("y:Q", title="score", format=".1f"),
    ]
    return alt.layer(
        people.transform_filter("!datum.picked")
        .mark_circle(size=26 * look.scale, color=colours.muted, opacity=0.55, clip=True)
        .encode(x=x, y=y["y"], tooltip=tooltip),
        lines.transform_filter("!datum.picked")
        .mark_rule(strokeWidth=1.3, opacity=0.55, clip=True)
        .encode(**ends, color=_of_layer(look)),
        points.mark_rule(color=colours.muted, strokeWidth=1).encode(
            **zero, y=alt.value(0), y2=alt.value(height)
        ),
        _guide(points, look).encode(**zero, x2=MIDDLE, y=y["at"]),
        people.transform_filter("datum.picked")
        .mark_point(size=80 * look.scale, stroke=colours.ink, strokeWidth=2.2, clip=True)
        .encode(x=x, y=y["y"], tooltip=tooltip),
        lines.transform_filter("datum.picked && datum.layer >= 4")
        .transform_calculate(first="datum.own + (datum.low - datum.at)",
                             last="datum.own + (datum.high - datum.at)")
        .mark_rule(color=colours.no, strokeWidth=1.8, strokeDash=[6, 4], clip=True)
        .encode(**{**ends, "y": alt.Y("first:Q"), "y2": "last:Q"}),
        lines.transform_filter("datum.picked")
        .mark_rule(strokeWidth=3.2, clip=True)
        .encode(**ends, color=_of_layer(look)),
        points.mark_point(size=44 * look.scale, strokeWidth=1.6, opacity=1).encode(
            **zero, y=y["at"], stroke=_of_layer(look), fill=_fill(look)
        ),
    )  # fmt: skip


def _right(look: Look, domain: tuple[float, float], y: dict[str, Any]) -> Any:
    colours = look.palette
    u = panel("u", 1, domain, "school-level predictor u, SDs")
    model = alt.Chart(alt.NamedData("model"))
    schools = _at_layer(POINTS)
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("u:Q", title="u", format=".2f"),
        alt.Tooltip("own:Q", title="intercept, no pooling", format=".1f"),
    ]
    size = 85 * look.scale
    pooled = [*tooltip, alt.Tooltip("alpha:Q", title="partial pooling", format=".1f")]
    return alt.layer(
        model.mark_area(color=colours.complete, opacity=0.16, clip=True).encode(
            x=u, y=y["low"], y2="high:Q"
        ),
        model.mark_line(color=colours.complete, strokeWidth=3, clip=True).encode(x=u, y=y["line"]),
        _guide(schools, look).encode(x=u, x2=MIDDLE, y=y["at"]),
        schools.transform_filter("datum.layer >= 4")
        .mark_rule(color=colours.muted, strokeWidth=1.6)
        .encode(x=u, y=y["own"], y2="alpha:Q"),
        schools.transform_filter("datum.picked")
        .mark_point(size=4 * size, stroke=colours.ink, strokeWidth=2.2, opacity=1)
        .encode(x=u, y=y["at"]),
        marks.point(schools.transform_filter("datum.layer >= 4"), "partial", look, size).encode(
            x=u, y=y["alpha"], tooltip=pooled
        ),
        marks.point(schools, "no", look, size)
        .encode(x=u, y=y["own"], tooltip=tooltip)
        .add_params(alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)),
    )  # fmt: skip


def _guide(schools: alt.Chart, look: Look) -> Any:
    """From a line's height at x = 0 to its point: faint for all at first, then for one."""
    return schools.transform_filter("datum.picked || datum.layer < 4").mark_rule(
        color=look.palette.ink,
        strokeDash=[2, 3],
        strokeWidth=alt.expr("datum.picked ? 2 : 0.8"),
        opacity=alt.expr("datum.picked ? 0.9 : 0.35"),
    )


def _of_layer(look: Look) -> Any:
    colours = look.palette
    return alt.condition("datum.layer >= 4", alt.value(colours.partial), alt.value(colours.no))


def _fill(look: Look) -> Any:
    colours = look.palette
    return alt.condition("datum.layer >= 4", alt.value(colours.partial), alt.value(colours.paper))
