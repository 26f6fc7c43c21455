"""One trial after another: the schools of both arms, and the effect as three analyses state it."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts.handle import handle, here
from mlm_core.charts.theme import Look, finish

HEIGHT, ARM, ARMS, INTERVAL, INTERVALS = 410, 34, (50, 120), 64, 216
"""Pixels: the figure; an arm's strip and where the two lie; between intervals and the first."""
WAYS = ("ordinary", "robust", "multilevel")


def colour(look: Look) -> alt.Color:
    """The colours of the three analyses: the ordinary regression is complete pooling."""
    inks = [look.palette.complete, look.palette.muted, look.palette.partial]
    return alt.Color("way:N", scale=alt.Scale(domain=list(WAYS), range=inks))


def one_trial(look: Look, *, domain: tuple[float, float], steps: int) -> Any:
    """Above, the mean of each school; below, the difference of the arms with its 95% intervals.

    Tables
    ------
    schools, arms, intervals, steps
        Of `false_alarms.trial_tables`.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of means and effects; keep it the same while sliders move.
    steps : int
        Number of trials the handle visits.
    """
    x, now, palette = _x(domain), here(steps), look.palette
    steps_of = alt.Chart(alt.NamedData("steps"))
    this = steps_of.transform_filter(now)
    zero = this.mark_rule(color=palette.truth, strokeWidth=1.6)
    heading = this.mark_text(align="left", baseline="bottom", color=palette.ink)
    texts = [
        heading.encode(x=alt.value(2), y=alt.value(at), text=alt.value(text))
        for at, text in (
            (ARMS[0] - 20, "treated schools"),
            (ARMS[1] - 20, "other schools"),
            (INTERVALS - 34, "difference and 95% interval"),
        )
    ]
    caption = this.mark_text(align="right", baseline="bottom", fontWeight="bold")
    return finish(
        alt.layer(
            zero.encode(x=alt.XDatum(0), y=alt.value(8), y2=alt.value(HEIGHT)),
            *_arms(look, x, now),
            *texts,
            *_intervals(look, x, now),
            caption.encode(
                x=alt.value({"expr": "width - 2"}),
                y=alt.value(ARMS[0] - 20),
                text="caption:N",
            ),
            steps_of.transform_calculate(
                place=f"{domain[0]} * (1 - datum.at) + {domain[1]} * datum.at"
            )
            .mark_point(opacity=0)
            .encode(x=x("place"), y=alt.value(HEIGHT))
            .add_params(handle(steps, "From trial to trial")),
        ),
        look,
        HEIGHT,
    )


def _x(domain: tuple[float, float]) -> Any:
    scale = alt.Scale(domain=list(domain), nice=False)
    axis = alt.Axis(title="SDs of a student; the truth is 0", tickCount=6)

    def channel(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=axis)

    return channel


def _y(name: str) -> alt.Y:
    """A height in pixels."""
    scale = alt.Scale(domain=[HEIGHT, 0], range=[HEIGHT, 0], nice=False)
    return alt.Y(f"{name}:Q", scale=scale, axis=None)


def _arms(look: Look, x: Any, now: str) -> list[Any]:
    """A dot for each school, filled if treated; a bar at the mean of each arm."""
    ink, paper = look.palette.ink, look.palette.paper
    place = f"{ARMS[0]} + {ARMS[1] - ARMS[0]} * datum.arm + {ARM} * (datum.aside - 0.5)"

    def of(name: str) -> alt.Chart:
        base = alt.Chart(alt.NamedData(name)).transform_filter(now)
        return base.transform_calculate(place=place, above=f"{place} - 19", below=f"{place} + 19")

    dots = of("schools").mark_point(
        shape="circle", size=70 * look.scale, stroke=ink, strokeWidth=1.6, opacity=0.8, clip=True
    )
    bars = of("arms").mark_rule(color=ink, strokeWidth=5, strokeCap="round", clip=True)
    return [
        dots.encode(
            x=x("mean"),
            y=_y("place"),
            fill=alt.condition("datum.arm == 0", alt.value(ink), alt.value(paper)),
            tooltip=[alt.Tooltip("mean:Q", title="school mean", format=".2f")],
        ),
        bars.encode(x=x("mean"), y=_y("above"), y2="below:Q"),
    ]


def _intervals(look: Look, x: Any, now: str) -> list[Any]:
    """Three intervals of one effect; a false alarm is said in bold."""
    base = (
        alt.Chart(alt.NamedData("intervals"))
        .transform_filter(now)
        .transform_calculate(
            place=f"{INTERVALS} + 18 + {INTERVAL} * datum.row",
            above=f"{INTERVALS} + 7 + {INTERVAL} * datum.row",
            below=f"{INTERVALS} + 40 + {INTERVAL} * datum.row",
        )
    )
    shared: dict[str, Any] = {"y": _y("place"), "color": colour(look)}
    said = base.mark_text(align="right", baseline="bottom", fontSize=look.type_size(14))
    name = base.mark_text(align="left", baseline="bottom", fontWeight="bold")
    alarm = said.transform_filter("datum.alarm").mark_text(
        align="right", baseline="bottom", fontSize=look.type_size(14), fontWeight="bold"
    )
    right = alt.value({"expr": "width - 2"})
    tally = base.mark_text(align="right", baseline="bottom", color=look.palette.muted)
    return [
        tally.encode(x=right, y=_y("below"), text="tally:N"),
        base.mark_rule(strokeWidth=4, strokeCap="round", clip=True).encode(
            x=x("low"), x2="high:Q", **shared
        ),
        base.mark_point(shape="circle", filled=True, size=110 * look.scale, opacity=1).encode(
            x=x("effect"), **shared
        ),
        name.encode(x=alt.value(2), y=_y("above"), text="name:N", color=colour(look)),
        said.transform_filter("!datum.alarm").encode(x=right, y=_y("above"), text="label:N"),
        alarm.encode(x=right, y=_y("above"), text="label:N", color=colour(look)),
    ]
