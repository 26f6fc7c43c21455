"""Schools pulled to one mean, and beside it the same schools pulled to a line on u."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.panels import frames, heading, panel
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
U_TITLE = "school-level u, SDs"
FIELDS = ("mean", "line")


def intercepts(
    look: Look,
    *,
    u_domain: tuple[float, float],
    y_domain: tuple[float, float],
    height: int = 400,
) -> Any:
    """School intercepts against u, twice: pulled to their mean and to their line.

    The larger a mark, the more students the school has.

    Tables
    ------
    schools, models, headings
        Of `intercepts_tables`.
    """
    base = alt.Chart(alt.NamedData("headings"))
    names = [heading(base, look, field, k) for k, field in enumerate(FIELDS)]
    sides = [_panel(look, k, field, u_domain, y_domain) for k, field in enumerate(FIELDS)]
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    sides[0][-1] = sides[0][-1].add_params(pick)
    layers = [alt.layer(*side) for side in sides]
    chart = alt.layer(*frames(look, height), *names, *layers).resolve_scale(x="independent")
    return finish(chart, look, height)


def _y(field: str, domain: tuple[float, float]) -> Any:
    return alt.Y(
        f"{field}:Q",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=alt.Axis(title="intercept: score at x = 0, points", tickCount=6),
    )


def _size(look: Look) -> Any:
    reach = [28 * look.scale, 300 * look.scale]
    scale = alt.Scale(type="linear", domain=[1, 90], range=reach, clamp=True)
    return alt.Size("n:Q", scale=scale, legend=None)


def _panel(
    look: Look, k: int, field: str, u_domain: tuple[float, float], y_domain: tuple[float, float]
) -> list[Any]:
    """The model of the schools, and how far each is pulled to it."""
    colours = look.palette
    u = panel("u", k, u_domain, U_TITLE)
    true = alt.Tooltip("truth:Q", title="truth", format=".1f")
    models, schools = alt.Chart(alt.NamedData("models")), alt.Chart(alt.NamedData("schools"))
    return [
        models.mark_area(color=colours.complete, opacity=0.16, clip=True).encode(
            x=u, y=_y(f"{field}_low", y_domain), y2=f"{field}_high:Q"
        ),
        models.mark_line(color=colours.complete, strokeWidth=3, clip=True).encode(
            x=u, y=_y(field, y_domain)
        ),
        schools.transform_filter("datum.picked")
        .mark_point(size=430 * look.scale, stroke=colours.ink, strokeWidth=2.2, opacity=1)
        .encode(x=u, y=_y(field, y_domain)),
        schools.mark_rule(color=colours.muted, strokeWidth=1.8).encode(
            x=u, y=_y("own", y_domain), y2=f"{field}:Q"
        ),
        marks.point(schools, "partial", look).encode(
            x=u, y=_y(field, y_domain), size=_size(look), tooltip=_tooltip(field)
        ),
        marks.point(schools, "no", look).encode(
            x=u, y=_y("own", y_domain), size=_size(look), tooltip=_tooltip(field)
        ),
        marks.point(schools, "truth", look, 45).encode(
            x=u, y=_y("truth", y_domain), tooltip=[*_tooltip(field), true]
        ),
    ]


def _tooltip(field: str) -> list[Any]:
    return [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("u:Q", title="u", format=".2f"),
        alt.Tooltip("own:Q", title="no pooling", format=".1f"),
        alt.Tooltip(f"{field}:Q", title="partial pooling", format=".1f"),
    ]
