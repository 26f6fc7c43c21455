"""One world after another: schools and two lines through them; and what 500 worlds find."""

from __future__ import annotations

from typing import Any, NamedTuple

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.handle import handle, here
from mlm_core.charts.theme import Look, Pooling, finish

LEFT_PANEL, RIGHT_PANEL = 0.50, 0.58
"""Parts of the width: the schools end at the first, the worlds begin at the second."""
HEIGHT, HALF = 400, 46
"""Height of the plot, and what lies between the two halves of the right panel (pixels)."""
WAYS: dict[str, Pooling] = {"two": "no", "both": "partial"}


def two_steps(
    look: Look,
    *,
    scores: tuple[float, float],
    u: tuple[float, float],
    coefficients: tuple[float, float],
    top: float,
    steps: int,
    revealed: bool = True,
    show_truth: bool = False,
) -> Any:
    """Left, the schools of one world against u; right, both estimates of every world.

    The band around a line is one ``sigma_alpha`` wide on either side. The handle goes
    from world to world.

    Tables
    ------
    dots, schools, lines, worlds, truth, means
        Of `second_step.second_step_tables`.

    Parameters
    ----------
    look : Look
    scores, u, coefficients : (low, high)
        Domains of the intercepts, of u and of b0; keep them the same while sliders move.
    top : float
        Upper end of the axis of ``sigma_alpha``.
    steps : int
        Number of worlds the handle visits.
    revealed : bool
        Draw what comes out.
    show_truth : bool
        Draw the true intercepts and their line.
    """
    schools = _schools(look, scores, u, steps, revealed, show_truth)
    worlds = _worlds(look, coefficients, top, steps, revealed)
    both = alt.layer(schools, *worlds).resolve_scale(x="independent", y="independent")
    return finish(both, look, HEIGHT)


def _part(low: float, high: float) -> list[Any]:
    """A range on the horizontal axis, in parts of the width."""
    return [{"expr": f"width * {low}"}, {"expr": f"width * {high}"}]


def _schools(
    look: Look,
    scores: tuple[float, float],
    u: tuple[float, float],
    steps: int,
    revealed: bool,
    show_truth: bool,
) -> Any:
    """The left panel: own intercepts with their noise; a line and a band for each way."""
    colours, now = look.palette, here(steps)
    x_scale = alt.Scale(domain=list(u), range=_part(0, LEFT_PANEL), nice=False, zero=False)
    x_axis = alt.Axis(title="school-level predictor u", orient="bottom", tickCount=6)
    y_scale = alt.Scale(domain=list(scores), nice=False, zero=False)
    y_axis = alt.Axis(title="school's intercept α_j, points", tickCount=6)

    def at(y: str, x: str = "u:Q") -> dict[str, Any]:
        return {
            "x": alt.X(x, scale=x_scale, axis=x_axis),
            "y": alt.Y(y, scale=y_scale, axis=y_axis),
        }

    schools = alt.Chart(alt.NamedData("schools")).transform_filter(now)
    worlds = alt.Chart(alt.NamedData("worlds"))
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("n:Q", title="students"),
        alt.Tooltip("own:Q", title="own intercept", format=".1f"),
        alt.Tooltip("true:Q", title="truth", format=".1f"),
    ]
    layers: list[Any] = [
        worlds.transform_calculate(middle=str(sum(scores) / 2))
        .mark_point(opacity=0)
        .encode(**at("middle:Q", "at:Q"))
        .add_params(handle(steps, "From world to world"))
    ]
    if revealed:
        layers += _bands(look, now, at)
    layers.append(
        schools.mark_rule(color=colours.no, strokeWidth=1.2, opacity=0.45, clip=True).encode(
            **at("low:Q"), y2="high:Q"
        )
    )
    layers.append(
        marks.point(schools, "no", look, 70, clip=True).encode(**at("own:Q"), tooltip=tooltip)
    )
    if show_truth:
        line = alt.Chart(alt.NamedData("truth")).mark_line(color=colours.truth, strokeWidth=2)
        layers += [
            line.encode(**at("middle:Q")),
            marks.point(schools, "truth", look, 45, clip=True).encode(**at("true:Q")),
        ]
    caption = worlds.transform_filter(now).mark_text(
        align="left", baseline="top", fontWeight="bold", fontSize=look.type_size(14)
    )
    layers.append(caption.encode(x=alt.value(8), y=alt.value(4), text="caption:N"))
    return alt.layer(*layers)  # fmt: skip


def _bands(look: Look, now: str, at: Any) -> list[Any]:
    """Two steps: a dashed outline. Multilevel: filled. Lines in the middle."""
    lines = alt.Chart(alt.NamedData("lines")).transform_filter(now)
    two = lines.transform_filter("datum.way == 'two'")
    both = lines.transform_filter("datum.way == 'both'")
    blue, green = look.palette.no, look.palette.partial
    edge = two.mark_line(color=blue, strokeWidth=1.8, strokeDash=[6, 4], clip=True)
    return [
        both.mark_area(color=green, opacity=0.22, clip=True).encode(**at("low:Q"), y2="high:Q"),
        edge.encode(**at("low:Q")),
        edge.encode(**at("high:Q")),
        two.mark_line(color=blue, strokeWidth=3, clip=True).encode(**at("middle:Q")),
        both.mark_line(color=green, strokeWidth=3, clip=True).encode(**at("middle:Q")),
    ]


def _worlds(
    look: Look, coefficients: tuple[float, float], top: float, steps: int, revealed: bool
) -> list[Any]:
    """The right panel: sigma_alpha above, b0 below, a dot for each world and way."""
    bottom = (HEIGHT - HALF) / 2
    above = _Strip(look, "sigma_alpha", (0.0, top), "estimate of σ_α, points", 0.0, bottom)
    below = _Strip(look, "b0", coefficients, "estimate of b0", bottom + HALF, HEIGHT)
    wall = alt.Chart(alt.NamedData("means")).mark_rect(fill="transparent").encode(
        x=_across(RIGHT_PANEL), x2=_across(1), tooltip=alt.value("")
    )  # fmt: skip  # so that the handle hears no click on this panel
    return [wall, *(alt.layer(*_strip(strip, steps, revealed)) for strip in (above, below))]


def _across(part: float) -> Any:
    """A place on the horizontal axis, in parts of the width."""
    return alt.value({"expr": f"width * {part}"})


class _Strip(NamedTuple):
    """Two rows of dots over one axis, between two heights (pixels)."""

    look: Look
    quantity: str
    domain: tuple[float, float]
    title: str
    top: float
    bottom: float

    def x(self, name: str) -> alt.X:
        scale = alt.Scale(domain=list(self.domain), range=_part(RIGHT_PANEL, 1), nice=False)
        offset = self.bottom - HEIGHT
        axis = alt.Axis(title=self.title, orient="bottom", offset=offset, tickCount=6)
        return alt.X(name, scale=scale, axis=axis)

    def y(self, way: str) -> float:
        """Middle of a row."""
        return self.top + (self.bottom - self.top) * (0.32 if way == "two" else 0.80)


def _strip(strip: _Strip, steps: int, revealed: bool) -> list[Any]:
    """The truth, and for each way its worlds, its mean and the world of the moment."""
    truth = alt.Chart(alt.NamedData("truth")).transform_filter("datum.u < 0")
    ink = strip.look.palette.truth
    diamond = marks.point(truth, "truth", strip.look, 70)
    layers = [
        truth.mark_rule(color=ink, strokeWidth=2).encode(
            x=strip.x(f"{strip.quantity}:Q"), y=alt.value(strip.top + 6), y2=alt.value(strip.bottom)
        ),
    ]
    if revealed:
        for way, pooling in WAYS.items():
            layers += _row(strip, way, pooling, steps)
    return [*layers, diamond.encode(x=strip.x(f"{strip.quantity}:Q"), y=alt.value(strip.top + 6))]


def _row(strip: _Strip, way: str, pooling: Pooling, steps: int) -> list[Any]:
    """One way: its worlds, the mean of them, the world that is shown on the left."""
    look, (low, high), middle = strip.look, strip.domain, strip.y(way)
    colour = look.palette.of(pooling)
    mine = f"datum.quantity == '{strip.quantity}' && datum.way == '{way}'"
    inside = f"{mine} && datum.value >= {low} && datum.value <= {high}"
    half = (strip.bottom - strip.top) * 0.2
    row = alt.Y("place:Q", scale=alt.Scale(domain=[HEIGHT, 0], range=[HEIGHT, 0]), axis=None)
    dots = (
        alt.Chart(alt.NamedData("dots"))
        .transform_filter(inside)
        .transform_calculate(place=f"{middle} + {half} * datum.aside")
    )
    means = alt.Chart(alt.NamedData("means")).transform_filter(mine)
    now = alt.Chart(alt.NamedData("worlds")).transform_filter(here(steps))
    now = now.transform_filter(f"inrange(datum.{way}_{strip.quantity}, [{low}, {high}])")
    short = "width < 420 ? split(datum.caption, ': ')[1] : datum.caption"
    label = means.transform_calculate(label=short).mark_text(
        align="right", baseline="bottom", color=colour, fontWeight="bold"
    )
    return [
        dots.mark_point(
            shape="circle", size=11, strokeWidth=1, stroke=colour, opacity=0.55,
            fill="transparent" if pooling == "no" else colour,
        ).encode(x=strip.x("value:Q"), y=row),
        means.mark_rule(color=colour, strokeWidth=3.5).encode(
            x=strip.x("value:Q"), y=alt.value(middle - half), y2=alt.value(middle + half)
        ),
        label.encode(x=_across(1), y=alt.value(middle - half + 4), text="label:N"),
        marks.point(now, pooling, look, 120).encode(
            x=strip.x(f"{way}_{strip.quantity}:Q"), y=alt.value(middle)
        ),
    ]  # fmt: skip
