"""School means against school size, year after year, beside both ends of the ranking."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, handle
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
HEIGHT, LEAGUE, ROW = 388, 148, 19
"""Pixels: the plot; the width kept for the ranking at its right; one of its rows."""
FIRST_SIZE = 0.2
"""Left end of the axis of students: from here to 1 schools stand whose size is not shown."""


def funnel(look: Look, *, domain: tuple[float, float], largest: int, steps: int) -> Any:
    """Own mean, partial pooling and truth against the number of students.

    The schools at both ends of a ranking are drawn large, and named at the right. The
    handle goes from year to year; a click in the plot picks the nearest school. While sizes
    are not shown, the schools stand in a strip at the left, and the axis below says nothing.

    Tables
    ------
    schools, years, league, band, words
        Of `small_groups.Facts.tables`.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of the score; keep it the same while sliders move.
    largest : int
        Right end of the axis of school sizes.
    steps : int
        Number of years.
    """
    now, colours, key = HERE, look.palette, marks.key("school")
    x = _sizes(look, largest)
    score = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = alt.Axis(title="mean test score, points", tickCount=6, grid=True)

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=score, axis=axis)

    of_school = ["n", "at", "truth", "picked", "partial_seen", "truth_seen"]
    years = (
        Chart(alt.NamedData("years"))
        .transform_filter(now)
        .transform_lookup("school", alt.LookupData(alt.NamedData("schools"), "school", of_school))
    )
    band = Chart(alt.NamedData("band")).transform_filter(f"datum.n <= {largest}")
    tips = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("own:Q", title="own mean", format=".1f"),
    ]
    partial_seen, truth_seen = "datum.partial_seen > 0", "datum.truth_seen > 0"
    schools = [
        years.transform_filter("datum.picked")
        .mark_point(shape="circle", size=520, fill=colours.picked, stroke=None, opacity=0.3)
        .encode(x=x("at"), y=y("own")),
        years.mark_bar(color=colours.muted, width=1.4).encode(
            x=x("at"), y=y("own"), y2="alpha:Q", key=key, opacity=_if(partial_seen)
        ),
        marks.point(years, "no", look, clip=True).encode(
            x=x("at"), y=y("own"), key=key, size=_large("own"), tooltip=tips
        ),
        marks.point(years, "partial", look, clip=True).encode(
            x=x("at"), y=y("alpha"), key=key, size=_large("partial"), opacity=_if(partial_seen)
        ),
        marks.point(years, "truth", look, clip=True).encode(
            x=x("at"), y=y("truth"), key=key, size=_large("truth"), opacity=_if(truth_seen)
        ),
        years.mark_point(size=300, opacity=0, fill="transparent")
        .encode(x=x("at"), y=y("own"), tooltip=tips)
        .add_params(
            alt.selection_point(
                name=SCHOOL, fields=["school"], on="click", toggle=False, nearest=True
            )
        ),
    ]
    grey = band.mark_area(color=colours.muted, opacity=0.18, clip=True).encode(
        x=x("n"), y=y("low"), y2="high:Q"
    )
    plot = alt.layer(grey, *_means(years, look, x, y), *schools)
    places = (
        Chart(alt.NamedData("words"))
        .transform_filter("datum.step >= 0")
        .mark_point(opacity=0)
        .encode(
            x=alt.X("step:Q", scale=alt.Scale(domain=[0, steps - 1]), axis=None),
            y=alt.value(HEIGHT),
        )
        .add_params(handle(steps, "Year", in_figure=False))
    )
    parts = alt.layer(alt.layer(places), plot, alt.layer(*_league(look, now), *_said(look, now)))
    return finish(parts.resolve_scale(x="independent", y="independent"), look, HEIGHT, steps=steps)


def _sizes(look: Look, largest: int) -> Any:
    """The axis of students, which ends where the ranking begins."""
    ends: list[Any] = [0, alt.ExprRef(f"width - {LEAGUE}")]
    scale = alt.Scale(type="log", domain=[FIRST_SIZE, largest], range=ends, nice=False)
    seen = "length(data('schools')) && data('schools')[0].size_seen > 0"
    ink = look.palette.ink
    colour = alt.ExprRef(f"{seen} ? '{ink}' : '{ink}00'")  # An SVG leaves out "transparent".
    axis = alt.Axis(
        labelColor=colour,
        tickColor=colour,
        titleColor=colour,
        title="students in the school",
        titleAnchor="start",
        values=[1, 3, 10, 30, 100, 300],
        domain=False,
        format="d",
    )

    def channel(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=axis)

    return channel


def _if(test: str, most: float = 1.0) -> Any:
    return alt.condition(test, alt.value(most), alt.value(0))


def _large(by: str) -> Any:
    """Those at the ends of the ranking are drawn large."""
    return alt.condition(f"datum.end_{by}", alt.value(130), alt.value(38))


def _means(years: Any, look: Look, x: Any, y: Any) -> list[Any]:
    """The mean of all students, and what partial pooling pulls to."""
    one = years.transform_aggregate(
        complete="mean(complete)", target="mean(target)", partial_seen="max(partial_seen)"
    )
    wide = {"x": alt.value(0), "x2": alt.value(alt.ExprRef(f"width - {LEAGUE}"))}
    return [
        marks.complete_rule(one, look).encode(**wide, y=y("complete")),
        one.mark_rule(color=look.palette.target, strokeWidth=2, strokeDash=[6, 4]).encode(
            **wide, y=y("target"), opacity=_if("datum.partial_seen > 0")
        ),
    ]


def _league(look: Look, now: str) -> list[Any]:
    """Both ends of the ranking, in pixels; small schools in bold on a band."""
    colours, left = look.palette, f"width - {LEAGUE - 14}"
    words = Chart(alt.NamedData("words"))
    rows = (
        Chart(alt.NamedData("league"))
        .transform_filter(now)
        .transform_calculate(
            place=f"datum.row > 0 ? {2 * ROW + 4} + {ROW} * datum.row "
            f": {HEIGHT - 8} + {ROW} * (datum.row + 1)"
        )
    )
    scale = alt.Scale(domain=[HEIGHT, 0], range=[HEIGHT, 0], nice=False)
    y = alt.Y("place:Q", scale=scale, axis=None)
    at = alt.value(alt.ExprRef(left))
    size, key = look.type_size(13), marks.key("row")
    named = {"x": at, "y": y, "text": "label:N", "key": key}

    def text(chart: Any, **options: Any) -> Any:
        return chart.mark_text(align="left", baseline="middle", fontSize=size, **options)

    def word(what: str, place: float, **options: Any) -> Any:
        return text(words.transform_filter(f"datum.what == '{what}'"), **options).encode(
            x=at, y=alt.value(place), text="text:N"
        )

    ink = alt.condition("datum.picked", alt.value(colours.picked), alt.value(colours.ink))
    return [
        rows.transform_filter("datum.small")
        .mark_bar(color=colours.muted, opacity=0.28, height=ROW - 2, cornerRadius=3)
        .encode(
            x=alt.value(alt.ExprRef(f"width - {LEAGUE - 9}")), x2=alt.value("width"), y=y, key=key
        ),
        text(rows.transform_filter("!datum.small")).encode(**named, color=ink),
        text(rows.transform_filter("datum.small"), fontWeight="bold").encode(**named, color=ink),
        word("best", 8, fontWeight="bold"),
        word("how", 8 + ROW, color=colours.muted),
        word("worst", HEIGHT - 8 - 5 * ROW - 3, fontWeight="bold"),
    ]


def _said(look: Look, now: str) -> list[Any]:
    """Words in the plot: what is hidden, what the band is; and under it the year of the handle."""
    words = Chart(alt.NamedData("words"))
    edge = alt.value(alt.ExprRef(f"width - {LEAGUE + 6}"))
    muted, size = look.palette.muted, look.type_size(13)
    return [
        words.transform_filter("datum.what == 'strip'")
        .mark_text(align="left", baseline="top", color=muted, fontSize=size)
        .encode(x=alt.value(4), y=alt.value(2), text="text:N"),
        words.transform_filter("datum.what == 'band'")
        .mark_text(align="right", baseline="bottom", color=muted, fontSize=size)
        .encode(x=edge, y=alt.value(HEIGHT - 4), text="text:N"),
        words.transform_filter("datum.what == 'year'")
        .transform_filter(now)
        .mark_text(align="right", baseline="middle", fontWeight="bold", fontSize=look.type_size())
        .encode(x=alt.value("width"), y=alt.value(HEIGHT + 36), text="text:N"),
    ]
