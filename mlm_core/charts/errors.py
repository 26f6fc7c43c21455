"""The errors of three estimators of one school, draw after draw."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, at_step, handle
from mlm_core.charts.theme import Look, finish

HEIGHT, ROW, CLOUD, RAIN = 386, 122, 68, 26
"""Pixels: the plot, an estimator, the curve of its errors, the dots under it."""
TOP = 10
WAYS = ("complete", "no", "partial")


def errors(look: Look, *, domain: tuple[float, float], steps: int) -> Any:
    """A cloud for each estimator, all draws; under it dots, those up to the handle.

    The bar is one root mean square error wide on either side of the truth.

    Tables
    ------
    curves, dots, bars, steps
        Of `efficient_inference.Facts.error_tables`.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of the error; keep it the same while sliders move.
    steps : int
        Number of draws the handle visits.
    """
    colours = look.palette
    x = _x(domain)
    base = {name: Chart(alt.NamedData(name)) for name in ("curves", "dots", "bars", "steps")}
    ground = f"({TOP} + datum.row * {ROW} + {CLOUD})"
    bars = base["bars"].transform_calculate(
        place=ground, above=f"{ground} - {CLOUD - 12}", under=f"{ground} - {CLOUD - 32}"
    )
    clouds = base["curves"].transform_calculate(
        place=f"{ground} - {CLOUD} * datum.density", ground=ground
    )
    now = base["steps"].transform_filter(HERE)
    layers = [
        clouds.mark_area(opacity=0.3, clip=True).encode(
            x=x("error"), y=_y("place"), y2="ground:Q", color=_colour(look)
        ),
        clouds.mark_line(strokeWidth=2, clip=True).encode(
            x=x("error"), y=_y("place"), color=_colour(look)
        ),
        base["steps"].mark_rule(color=colours.truth, strokeWidth=1.6).encode(
            x=alt.XDatum(0), y=alt.value(TOP), y2=alt.value(HEIGHT - 20)
        ).transform_filter("datum.step == 0"),
        _dots(base["dots"], look, x, domain, steps, ground),
        bars.mark_rule(strokeWidth=6, strokeCap="round").encode(
            x=x("low"), x2="high:Q", y=_y("place"), color=_colour(look)
        ),
        *_haloed(bars, "name", "above", look),
        *_haloed(bars, "label", "under", look),
        now.mark_text(align="left", baseline="bottom", color=colours.muted).encode(
            x=alt.value(2), y=alt.value(HEIGHT - 3), text="caption:N"
        ),
        base["steps"]
        .transform_calculate(place=f"{domain[0]} * (1 - datum.at) + {domain[1]} * datum.at")
        .mark_point(opacity=0)
        .encode(x=x("place"), y=alt.value(HEIGHT))
        .add_params(handle(steps, "From draw to draw")),
    ]  # fmt: skip
    return finish(alt.layer(*layers), look, HEIGHT, steps=steps)


def _haloed(bars: alt.Chart, field: str, y: str, look: Look) -> list[Any]:
    """Words at the left that can be read on a hill, too."""
    style: dict[str, Any] = {"align": "left", "fontWeight": "bold", "fontSize": look.type_size(15)}
    at: dict[str, Any] = {"x": alt.value(2), "y": _y(y), "text": f"{field}:N"}
    paper = look.palette.paper
    return [
        bars.mark_text(stroke=paper, fill=paper, strokeWidth=4, **style).encode(**at),
        bars.mark_text(**style).encode(color=_colour(look), **at),
    ]


def _x(domain: tuple[float, float]) -> Any:
    scale = alt.Scale(domain=list(domain), nice=False)
    axis = alt.Axis(title="estimate minus truth, points", tickCount=6)

    def channel(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=axis)

    return channel


def _y(name: str) -> alt.Y:
    """A height in pixels."""
    scale = alt.Scale(domain=[HEIGHT, 0], range=[HEIGHT, 0], nice=False)
    return alt.Y(f"{name}:Q", scale=scale, axis=None)


def _colour(look: Look) -> alt.Color:
    inks = [look.palette.complete, look.palette.no, look.palette.partial]
    return alt.Color("way:N", scale=alt.Scale(domain=list(WAYS), range=inks))


def _dots(
    base: alt.Chart, look: Look, x: Any, domain: tuple[float, float], steps: int, ground: str
) -> Any:
    """The draws up to the handle; the one it is at stands out."""
    latest = at_step(steps - 1)
    shown = base.transform_filter(
        f"datum.step <= {latest} && inrange(datum.error, [{domain[0]}, {domain[1]}])"
    ).transform_calculate(
        place=f"{ground} + 9 + {RAIN} * datum.aside",
        latest=f"datum.step == {latest}",
        fill="datum.way == 'no' ? 'hollow' : datum.way",
    )
    inks = [look.palette.complete, "transparent", look.palette.partial]
    return shown.mark_point(shape="circle", strokeWidth=1.3, opacity=0.85).encode(
        x=x("error"),
        y=_y("place"),
        stroke=alt.Stroke(
            "way:N",
            scale=alt.Scale(
                domain=list(WAYS),
                range=[look.palette.complete, look.palette.no, look.palette.partial],
            ),
        ),
        fill=alt.Fill(
            "fill:N", scale=alt.Scale(domain=["complete", "hollow", "partial"], range=inks)
        ),
        size=alt.condition("datum.latest", alt.value(150), alt.value(20)),
        tooltip=[alt.Tooltip("error:Q", title="error", format=".1f")],
    )
