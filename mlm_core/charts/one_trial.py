"""One trial after another: the schools of both arms, and the effect as three analyses state it."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, at_step, handle
from mlm_core.charts.theme import Look, finish

HEIGHT, ARM, ARMS, INTERVAL, INTERVALS = 380, 46, (56, 148), 48, 224
"""Pixels: the figure; an arm's strip and where the two lie; between intervals and their heading."""
WAYS = ("ordinary", "robust", "multilevel")
TRAIL, RAIN = 306, 56
"""Pixels: where the differences of the trials so far lie, and over how much they are spread."""
SHAPES = ("square", "cross", "circle")


def inks(look: Look) -> alt.Scale:
    """The colours of the three analyses: the ordinary regression is complete pooling."""
    palette = look.palette
    return alt.Scale(domain=list(WAYS), range=[palette.complete, palette.muted, palette.partial])


def colour(look: Look) -> alt.Color:
    """An analysis in its colour."""
    return alt.Color("way:N", scale=inks(look))


def one_trial(look: Look, *, domain: tuple[float, float], steps: int) -> Any:
    """Above, the mean of each school; below, the difference of the arms with its 95% intervals.

    Intervals are unseen while their ``seen`` is 0. The differences of the trials so far stay
    as small marks, full where the interval is a false alarm.

    Tables
    ------
    schools, arms, intervals, steps
        Of `structured_data.Facts.trial_tables`.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of means and effects; keep it the same while sliders move.
    steps : int
        Number of trials the handle visits.
    """
    x, now, palette = _x(domain), HERE, look.palette
    steps_of = Chart(alt.NamedData("steps"))
    this = steps_of.transform_filter(now)
    zero = this.mark_rule(color=palette.truth, strokeWidth=1.6)
    heading = this.mark_text(align="left", baseline="bottom", color=palette.ink)
    texts = [
        heading.encode(x=alt.value(2), y=alt.value(at), text=alt.value(text), opacity=seen)
        for at, text, seen in (
            (ARMS[0] - 29, "schools with the programme", alt.value(1)),
            (ARMS[1] - 29, "schools without", alt.value(1)),
            (INTERVALS - 8, "difference, with its 95% interval", _if_seen()),
            (INTERVALS - 8, "difference of the means", _if_seen("datum.seen == 0")),
            (TRAIL - 8, "differences so far", _if_seen("datum.trail > 0 && datum.seen == 0")),
            (
                TRAIL - 8,
                "so far (full: false alarm)",
                _if_seen("datum.trail > 0 && datum.seen > 0"),
            ),
        )
    ]
    caption = this.mark_text(align="right", baseline="bottom", fontWeight="bold")
    return finish(
        alt.layer(
            zero.encode(x=alt.XDatum(0), y=alt.value(ARMS[0] - 26), y2=alt.value(HEIGHT)),
            *_arms(look, x, now),
            *texts,
            _trail(look, x),
            *_intervals(look, x, now),
            caption.encode(
                x=alt.value({"expr": "width - 2"}),
                y=alt.value(ARMS[0] - 29),
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
        steps=steps,
    )


def _x(domain: tuple[float, float]) -> Any:
    scale = alt.Scale(domain=list(domain), nice=False)
    axis = alt.Axis(title="mean score, and difference of means (SDs of a student)", tickCount=6)

    def channel(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=axis)

    return channel


def _y(name: str) -> alt.Y:
    """A height in pixels."""
    scale = alt.Scale(domain=[HEIGHT, 0], range=[HEIGHT, 0], nice=False)
    return alt.Y(f"{name}:Q", scale=scale, axis=None)


def _if_seen(test: str = "datum.seen > 0") -> Any:
    return alt.condition(test, alt.value(1), alt.value(0))


def _trail(look: Look, x: Any) -> Any:
    """The differences of the trials up to the handle."""
    palette = look.palette
    return (
        Chart(alt.NamedData("intervals"))
        .transform_filter(f"datum.trail > 0 && datum.step <= {at_step(0)}")
        .transform_calculate(at=f"{TRAIL + 4} + {RAIN} * ((datum.step * 0.618034) % 1)")
        .mark_point(shape="square", size=42, strokeWidth=1.6, opacity=1, clip=True)
        .encode(
            x=x("effect"),
            y=_y("at"),
            stroke=alt.condition(
                "datum.seen > 0", alt.value(palette.complete), alt.value(palette.ink)
            ),
            fill=alt.condition(
                "datum.seen > 0 && datum.alarm",
                alt.value(palette.complete),
                alt.value("transparent"),
            ),
        )
    )


def _arms(look: Look, x: Any, now: str) -> list[Any]:
    """A hollow circle for each school's own mean; a bar at the mean of each arm."""
    place = f"{ARMS[0]} + {ARMS[1] - ARMS[0]} * datum.arm + {ARM} * (datum.aside - 0.5)"

    def of(name: str) -> alt.Chart:
        base = Chart(alt.NamedData(name)).transform_filter(now)
        return base.transform_calculate(
            at=place, above=f"{place} - 24", below=f"{place} + 24", mark="'arm' + datum.arm"
        )

    dots = marks.point(of("schools"), "no", look, 70, clip=True)
    bars = of("arms").mark_bar(color=look.palette.ink, width=5, clip=True)
    return [
        bars.encode(x=x("mean"), y=_y("above"), y2="below:Q", key=marks.key("mark")),
        dots.encode(
            x=x("mean"),
            y=_y("at"),
            key=marks.key("place"),
            tooltip=[alt.Tooltip("mean:Q", title="mean of the school", format=".2f")],
        ),
    ]


def _intervals(look: Look, x: Any, now: str) -> list[Any]:
    """Three intervals of one effect; a false alarm is said in bold."""
    base = (
        Chart(alt.NamedData("intervals"))
        .transform_filter(now)
        .transform_calculate(
            at=f"{INTERVALS} + 34 + {INTERVAL} * datum.row",
            above=f"{INTERVALS} + 25 + {INTERVAL} * datum.row",
            line="'line ' + datum.way",
        )
    )
    shared: dict[str, Any] = {"y": _y("at"), "color": colour(look), "opacity": _if_seen()}
    said = base.mark_text(align="right", baseline="bottom")
    name = base.mark_text(align="left", baseline="bottom", fontWeight="bold")
    alarm = said.transform_filter("datum.alarm").mark_text(
        align="right", baseline="bottom", fontWeight="bold"
    )
    right = alt.value({"expr": "width - 2"})
    words: dict[str, Any] = {"x": right, "y": _y("above"), "text": "label:N", "opacity": _if_seen()}
    shape = alt.Shape("way:N", scale=alt.Scale(domain=list(WAYS), range=list(SHAPES)))
    return [
        base.mark_bar(height=4, clip=True).encode(
            x=x("low"), x2="high:Q", key=marks.key("line"), **shared
        ),
        base.mark_point(filled=True, size=130).encode(
            x=x("effect"),
            shape=shape,
            key=marks.key("way"),
            **(shared | {"opacity": _if_seen("datum.dot > 0")}),
        ),
        name.encode(
            x=alt.value(2),
            y=_y("above"),
            text="name:N",
            color=colour(look),
            opacity=_if_seen(),
        ),
        said.transform_filter("!datum.alarm").encode(**words),
        alarm.encode(color=colour(look), **words),
    ]
