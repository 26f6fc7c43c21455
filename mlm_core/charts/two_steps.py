"""One town after another: schools and two lines through them; and what all towns find."""

from __future__ import annotations

from typing import Any, NamedTuple

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, handle
from mlm_core.charts.theme import HEIGHT, Look, Pooling, finish

SCHOOL = "school"
LEFT_PANEL, RIGHT_PANEL = 0.46, 0.52
"""Parts of the width: the schools end at the first, the towns begin at the second."""
PLOT, GAP, LEFT = HEIGHT - 54, 50, 52
"""Pixels: height of the plot, what lies between two strips of the right panel, left margin."""
STRIP = (PLOT - 2 * GAP) / 3
WAYS: dict[str, Pooling] = {"two": "no", "both": "partial"}


def two_steps(
    look: Look,
    *,
    scores: tuple[float, float],
    u: tuple[float, float],
    sigma_alpha: tuple[float, float],
    b0: tuple[float, float],
    error: tuple[float, float],
    steps: int,
) -> Any:
    """Left, the schools of one town against u; right, what both ways find in all towns.

    Hollow, blue, dashed band: two steps. Filled, green: the multilevel model. Diamonds: the
    truth. A band is one SD between schools wide on either side of its line. The handle goes
    from town to town.

    Tables
    ------
    dots, schools, lines, worlds, now, means, truth, cover
        Of `lessons.one_regression_or_two.Facts.tables`; what is not shown has ``seen`` 0.

    Parameters
    ----------
    look : Look
    scores, u, sigma_alpha, b0, error : (low, high)
        Domains; keep them the same while sliders move.
    steps : int
        Number of towns the handle visits.
    """
    strips = [
        _Strip(look, "sigma_alpha", sigma_alpha, "SD between schools, points", 0),
        _Strip(look, "b0", b0, "slope on u, points", 1),
        _Strip(look, "error", error, "error of estimates, points", 2),
    ]
    layers = [
        _handle(steps),
        _schools(look, scores, u, HERE),
        *(alt.layer(*_strip(strip, HERE)) for strip in strips),
        _cover(look),
    ]
    return finish(
        alt.layer(*layers).resolve_scale(x="independent", y="independent"), look, PLOT, steps=steps
    )


def _handle(steps: int) -> Any:
    """Unseen places of the handle, over the whole width."""
    return (
        Chart(alt.NamedData("worlds"))
        .mark_point(opacity=0)
        .encode(
            x=alt.X("at:Q", scale=alt.Scale(domain=[0, 1]), axis=None),
            y=alt.value(PLOT / 2),
            tooltip=alt.value(""),
        )
        .add_params(handle(steps, "From town to town"))
    )


def _cover(look: Look) -> Any:
    """Paper over the right panel, axes and all, until there is something to see in it."""
    cover = Chart(alt.NamedData("cover"))
    middle = {"expr": f"width * {(1 + RIGHT_PANEL) / 2}"}
    said = ["Here: what both", "ways find", "in many towns"]
    return alt.layer(
        cover.mark_rect(color=look.palette.paper).encode(
            x=alt.value({"expr": f"width * {RIGHT_PANEL} - 14"}),
            x2=alt.value({"expr": "width + 14"}),
            y=alt.value(0),
            y2=alt.value(PLOT + 45),
            opacity=_seen(),
        ),
        cover.mark_text(
            align="center", baseline="middle", color=look.palette.muted, lineHeight=22, text=said
        ).encode(x=alt.value(middle), y=alt.value(PLOT / 2), opacity=_seen()),
    )


def _part(low: float, high: float) -> list[Any]:
    """A range on the horizontal axis, in parts of the width."""
    return [{"expr": f"width * {low}"}, {"expr": f"width * {high}"}]


def _seen(most: float = 1.0, field: str = "seen") -> Any:
    return alt.condition(f"datum.{field} > 0", alt.value(most), alt.value(0))


def _schools(look: Look, scores: tuple[float, float], u: tuple[float, float], now: str) -> Any:
    """The left panel: own intercepts with their noise; a line and a band for each way."""
    x_scale = alt.Scale(domain=list(u), range=_part(0, LEFT_PANEL), nice=False, zero=False)
    title: dict[str, Any] = {
        "titleAnchor": "start",
        "titleX": 0,
        "titlePadding": 6,
        "orient": "bottom",
    }
    x_axis = alt.Axis(title="u: spent on a student, SDs", tickCount=5, **title)
    y_scale = alt.Scale(domain=list(scores), nice=False, zero=False)
    y_axis = alt.Axis(
        title="school's intercept, points", tickCount=6, minExtent=LEFT, maxExtent=LEFT,
        titleX=14 - LEFT,
    )  # fmt: skip

    def at(y: str) -> dict[str, Any]:
        return {
            "x": alt.X("u:Q", scale=x_scale, axis=x_axis),
            "y": alt.Y(f"{y}:Q", scale=y_scale, axis=y_axis),
        }

    caption = Chart(alt.NamedData("worlds")).transform_filter(now)
    return alt.layer(
        *_bands(look, now, at),
        *_points(look, now, at),
        caption.mark_text(align="left", baseline="top", fontWeight="bold").encode(
            x=alt.value(6), y=alt.value(2), text="caption:N"
        ),
    )


def _bands(look: Look, now: str, at: Any) -> list[Any]:
    """Two steps: a dashed outline. Multilevel: filled. The truth: thin."""
    lines = Chart(alt.NamedData("lines")).transform_filter(now)
    two, both, true = (
        lines.transform_filter(f"datum.way == '{way}'") for way in ("two", "both", "true")
    )
    colours = look.palette
    edge = two.mark_line(color=colours.no, strokeWidth=1.8, strokeDash=[6, 4], clip=True)
    return [
        both.mark_area(color=colours.partial, clip=True).encode(
            **at("low"), y2="high:Q", opacity=_seen(0.22)
        ),
        edge.encode(**at("low"), opacity=_seen()),
        edge.encode(**at("high"), opacity=_seen()),
        two.mark_line(color=colours.no, strokeWidth=3, clip=True).encode(
            **at("middle"), opacity=_seen()
        ),
        both.mark_line(color=colours.partial, strokeWidth=3, clip=True).encode(
            **at("middle"), opacity=_seen()
        ),
        true.mark_line(color=colours.truth, strokeWidth=1.6, clip=True).encode(
            **at("middle"), opacity=_seen()
        ),
    ]


def _points(look: Look, now: str, at: Any) -> list[Any]:
    """Own intercepts, a standard error up and down; the picked school with its name."""
    colours, key = look.palette, marks.key("school")
    schools = (
        Chart(alt.NamedData("schools"))
        .transform_filter(now)
        .transform_calculate(
            low="datum.own - datum.se",
            high="datum.own + datum.se",
            name="datum.school + ' (' + datum.n + ')'",
        )
    )
    picked = schools.transform_filter("datum.picked")
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("own:Q", title="own intercept", format=".1f"),
    ]
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    halo: dict[str, Any] = {"stroke": colours.paper, "strokeWidth": 4}

    def label(side: str, align: str, dx: int) -> list[Any]:
        mine = picked.transform_filter(side)
        text: dict[str, Any] = {"align": align, "dx": dx, "dy": 1, "fontWeight": "bold"}
        return [
            mine.mark_text(**text, **more).encode(**at("own"), text="name:N")
            for more in (halo, {"color": colours.picked})
        ]

    return [
        schools.mark_bar(width=1.6, clip=True).encode(
            **at("low"),
            y2="high:Q",
            key=key,
            color=alt.condition("datum.picked", alt.value(colours.picked), alt.value(colours.no)),
            opacity=alt.condition("datum.picked", alt.value(1), alt.value(0.75)),
        ),
        picked.mark_point(
            shape="circle", size=240, stroke=colours.picked, strokeWidth=2.5, opacity=1, clip=True
        ).encode(**at("own"), key=key),
        marks.point(schools, "no", look, 62, clip=True)
        .encode(**at("own"), tooltip=tooltip, key=key)
        .add_params(pick),
        marks.point(schools, "truth", look, 34, clip=True).encode(
            **at("true"), opacity=_seen(field="truth_seen"), key=key
        ),
        *label("datum.u <= 0", "left", 12),
        *label("datum.u > 0", "right", -12),
    ]


class _Strip(NamedTuple):
    """Two rows of dots over one axis, the k-th of three from above."""

    look: Look
    quantity: str
    domain: tuple[float, float]
    title: str
    k: int

    @property
    def top(self) -> float:
        """Where it begins (pixels)."""
        return self.k * (STRIP + GAP)

    def x(self, name: str) -> alt.X:
        """A place on its axis."""
        scale = alt.Scale(
            domain=list(self.domain), range=_part(RIGHT_PANEL, 1), nice=False, zero=False
        )
        axis = alt.Axis(
            title=self.title, orient="bottom", offset=self.top + STRIP - PLOT, tickCount=5,
            titleAnchor="end", titleX={"expr": "width"}, titlePadding=6,
        )  # fmt: skip
        return alt.X(name, scale=scale, axis=axis)

    def middle(self, way: str) -> float:
        """Of a row of dots (pixels)."""
        return self.top + STRIP * (0.34 if way == "two" else 0.84)

    def mine(self, table: str, way: str = "") -> alt.Chart:
        """What a table holds of it."""
        base = Chart(alt.NamedData(table))
        base = base.transform_filter(f"datum.quantity == '{self.quantity}'")
        return base.transform_filter(f"datum.way == '{way}'") if way else base


def _strip(strip: _Strip, now: str) -> list[Any]:
    """The truth, and for each way its towns, its mean and the town of the moment."""
    rows = [mark for way, pooling in WAYS.items() for mark in _row(strip, way, pooling, now)]
    if strip.quantity == "error":  # an error has no truth but 0
        return rows
    truth = strip.mine("truth")
    x, y = strip.x("value:Q"), alt.value(strip.top + 7)
    rule = truth.mark_rule(color=strip.look.palette.truth, strokeWidth=1.8)
    return [
        rule.encode(x=x, y=y, y2=alt.value(strip.top + STRIP)),
        *rows,
        marks.point(truth, "truth", strip.look, 62).encode(x=x, y=y),
    ]


def _row(strip: _Strip, way: str, pooling: Pooling, now: str) -> list[Any]:
    """One way: its towns, the mean of them, the town that is shown on the left."""
    look, middle, half = strip.look, strip.middle(way), STRIP * 0.14
    colour = look.palette.of(pooling)
    scale = alt.Scale(domain=[PLOT, 0], range=[PLOT, 0], nice=False)
    place = f"{middle} + {half} * datum.aside"
    dots = strip.mine("dots", way).transform_calculate(place=place)
    means = strip.mine("means", way)
    here_ = strip.mine("now", way).transform_filter(now)
    at = {"x": strip.x("value:Q"), "y": alt.value(middle), "opacity": _seen()}
    short = "width < 420 ? split(datum.caption, ': ')[1] : datum.caption"
    return [
        dots.mark_point(
            shape="circle", size=10, strokeWidth=1, stroke=colour,
            fill="transparent" if pooling == "no" else colour,
        ).encode(
            x=strip.x("value:Q"), y=alt.Y("place:Q", scale=scale, axis=None),
            opacity=_seen(0.75), key=marks.key("dot"),
        ),
        means.mark_bar(width=3.5, color=colour).encode(
            x=strip.x("value:Q"), y=alt.value(middle - half - 3),
            y2=alt.value(middle + half + 3), opacity=_seen(),
        ),
        marks.point(here_, pooling, look, 110).encode(**at),
        *(
            means.transform_filter(f"datum.side == '{side}'")
            .transform_calculate(label=short)
            .mark_text(align=side, baseline="bottom", color=colour, fontWeight="bold")  # type: ignore[arg-type]
            .encode(
                x=alt.value({"expr": f"width * {part}"}), y=alt.value(middle - half - 1),
                text="label:N", opacity=_seen(),
            )
            for side, part in (("left", RIGHT_PANEL), ("right", 1))
        ),
    ]  # fmt: skip
