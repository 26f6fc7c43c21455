"""How sure we are of tau, and what each tau would make of every school."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, handle
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
LEFT = 52
"""Pixels for the numbers of the vertical axis; the handle's margin in style.css knows it."""
DENSITY, GAP, CURVES, AXIS = 96, 26, 262, 46
CURVES_END, SIDE = 0.58, 0.67
"""Where the curves end and where the schools' estimates begin, as shares of the width."""
SPREAD = (0.03 - SIDE) / (1 - SIDE)
"""Where the schools begin while they have the whole width: a place left of their column."""
LETTER = 13 / CURVES
"""Share of the curves' axis that a letter at their end needs."""
OF_SCHOOL = ("school", "place", "own", "averaged", "picked", "revealed", "size")


def tau_curves(
    look: Look,
    *,
    along: tuple[float, float],
    domain: tuple[float, float],
    steps: int,
    effect: str = "effect, points",
) -> Any:
    """Posterior density of tau; under it every school's curve; beside it the estimates.

    The figures 5.5 to 5.7 of Bayesian Data Analysis (3rd ed.) in one. The handle lives in
    the chart: it moves a line along the density and across the curves, and the estimates at
    that tau move with it. Hollow: a school's own estimate. Filled: its estimate if this tau
    were true. Short bar: averaged over tau. Rule: all schools alike. Diamond: the truth.

    Tables
    ------
    steps, curves, schools, marks
        Of `lessons.how_sure_about_tau.figure_tables`.

    Parameters
    ----------
    look : Look
    along : (0, top)
        Of the axis of tau (units of y).
    domain : (low, high)
        Of the curves' axis; keep it the same while sliders move.
    steps : int
        Number of steps of the handle.
    effect : str
        Title of that axis.
    """
    now = HERE
    of_tau = alt.Scale(domain=list(along), range=[0, _share(CURVES_END)], nice=False)
    bottom = DENSITY + GAP
    # Without padding=0 the layer with bars would get 5 pixels of it, and the others none.
    y_scale = alt.Scale(domain=list(domain), range=[bottom + CURVES, bottom], nice=False, padding=0)
    return finish(
        alt.layer(
            _density(look, of_tau, now),
            _curves(look, of_tau, y_scale, now, steps, effect),
            _estimates(look, y_scale, now),
        ).resolve_scale(x="independent", y="independent"),
        look,
        bottom + CURVES,
        steps=steps,
    )


def _share(share: float) -> Any:
    """A place along the width of the figure."""
    return alt.ExprRef(f"{share} * width")


def _seen(name: str, most: float = 1.0) -> Any:
    return alt.condition(f"datum.{name} > 0", alt.value(most), alt.value(0))


def _density(look: Look, along: Any, now: str) -> Any:
    colours = look.palette
    base = Chart(alt.NamedData("steps"))
    y = alt.Scale(domain=[0, 1], range=[DENSITY, 18])
    at = {c: alt.Y(f"{c}:Q", scale=y, axis=None) for c in ("density", "prior", "inside")}
    single = Chart(alt.NamedData("marks"))
    x = {c: alt.X(f"{c}:Q", scale=along, axis=None) for c in ("tau", "best", "true_tau")}
    at_handle = base.transform_filter(now)
    return alt.layer(
        base.mark_area(color=colours.muted, opacity=0.14).encode(x=x["tau"], y=at["density"]),
        base.mark_area(color=colours.muted, opacity=0.75).encode(x=x["tau"], y=at["inside"]),
        base.mark_line(color=colours.muted, strokeDash=[2, 4], strokeWidth=2).encode(
            x=x["tau"], y=at["prior"], opacity=_seen("prior_seen")
        ),
        base.mark_line(color=colours.ink, strokeWidth=2).encode(
            x=x["tau"], y=at["density"], opacity=_seen("revealed")
        ),
        single.mark_rule(color=colours.ink, strokeDash=[5, 4], strokeWidth=1.5).encode(
            x=x["best"], y=alt.value(14), y2=alt.value(DENSITY), opacity=_seen("revealed")
        ),
        single.mark_text(align="left", dx=-1).encode(x=x["best"], y=alt.value(5), text="guess:N"),
        marks.point(single, "truth", look, 110).encode(
            x=x["true_tau"], y=alt.value(DENSITY), opacity=_seen("truth_seen")
        ),
        at_handle.mark_point(shape="circle", filled=True, color=colours.ink, size=90).encode(
            x=x["tau"], y=at["density"], opacity=_seen("revealed")
        ),
        single.mark_text(angle=270, baseline="top", lineBreak="\n").encode(
            x=alt.value(6 - LEFT), y=alt.value((18 + DENSITY) / 2), text="words:N"
        ),
    )


def _curves(look: Look, along: Any, y_scale: Any, now: str, steps: int, effect: str) -> Any:
    colours = look.palette
    x = alt.X(
        "tau:Q", scale=along, axis=alt.Axis(title="SD between schools τ, points", tickCount=6)
    )
    values = alt.Axis(
        title=effect, titleX=14 - LEFT, tickCount=6, grid=False, minExtent=LEFT, maxExtent=LEFT
    )
    y = {c: alt.Y(f"{c}:Q", scale=y_scale, axis=values) for c in ("value", "end", "pooled")}
    named = alt.LookupData(alt.NamedData("schools"), "row", list(OF_SCHOOL))
    curves = Chart(alt.NamedData("curves")).transform_lookup("row", named)
    base, single = Chart(alt.NamedData("steps")), Chart(alt.NamedData("marks"))
    bottom = DENSITY + GAP + CURVES
    return alt.layer(
        marks.complete_rule(single, look).encode(
            y=y["pooled"], x=alt.value(0), x2=alt.value(_share(CURVES_END)),
            opacity=_seen("revealed", 0.9),
        ),
        curves.mark_line(color=colours.partial, clip=True).encode(
            x=x, y=y["value"], detail="row:N", opacity=_seen("revealed", 0.85),
            strokeWidth=alt.condition("datum.picked", alt.value(3.2), alt.value(1.6)),
        ),
        base.transform_filter(now).mark_rule(color=colours.ink, strokeWidth=2).encode(
            x=x, y=alt.value(18), y2=alt.value(bottom), opacity=_seen("revealed")
        ),
        curves.transform_filter(now)
        .mark_point(shape="circle", filled=True, color=colours.partial, size=48)
        .encode(x=x, y=y["value"], opacity=_seen("revealed")),
        base.mark_point(opacity=0)
        .encode(x=x, y=alt.value(bottom / 2), tooltip=alt.value(""))
        .add_params(handle(steps, "SD between schools, tau")),
        Chart(alt.NamedData("schools"))
        .mark_text(align="left", dx=6, fontWeight="bold", color=colours.partial)
        .encode(x=alt.value(_share(CURVES_END)), y=y["end"], text="letter:N"),
        # Over the axis of tau, while there is no tau yet; its 0 reaches below the other axis.
        *(
            single.mark_rect(fill=colours.paper).encode(
                x=alt.value(left), x2=alt.value("width"), y=alt.value(top),
                y2=alt.value(bottom + AXIS),
                opacity=alt.condition("datum.revealed > 0", alt.value(0), alt.value(1)),
            )
            for left, top in ((-1, bottom - 1), (-8, bottom + 9))
        ),
    )  # fmt: skip


def _estimates(look: Look, y_scale: Any, now: str) -> Any:
    low, high = DENSITY + GAP + CURVES, DENSITY + GAP
    # 0 to 1 is the schools' column; the scale has the whole width, and so have its grid lines.
    x_scale = alt.Scale(domain=[-SIDE / (1 - SIDE), 1], range=[0, _share(1)], nice=False, padding=0)
    grid = alt.Axis(
        grid=True, labels=False, ticks=False, domain=False, title=None, tickCount=6,
        orient="right", minExtent=0, maxExtent=0,
    )  # fmt: skip
    x = {
        c: alt.X(f"{c}:Q", scale=x_scale, axis=None)
        for c in ("place", "left", "label_at", "truth_at")
    }
    schools = Chart(alt.NamedData("schools"))
    said = Chart(alt.NamedData("steps")).transform_filter(now)
    single = Chart(alt.NamedData("marks"))
    y_of = ("own", "value", "averaged", "low", "truth", "pooled")
    y = {c: alt.Y(f"{c}:Q", scale=y_scale, axis=grid) for c in y_of}
    return alt.layer(
        # Of the step at which the handle is, so that a click here leaves it there.
        said.mark_rect(fill="transparent", opacity=1).encode(
            tooltip=alt.value(""), x=alt.value(_share(SIDE)), x2=alt.value(_share(1)),
            y=alt.value(0), y2=alt.value(low),
        ),
        marks.complete_rule(single, look).encode(
            y=y["pooled"], x=alt.value(_share(SIDE)), x2=alt.value(_share(1)),
            opacity=_seen("revealed", 0.9),
        ),
        *_of_each(look, schools, x, y, now),
        schools.mark_text(fontSize=look.type_size(13)).encode(
            x=x["label_at"], y=alt.value(high - 10), text="label:N",
            color=alt.condition(
                "datum.picked && datum.revealed", alt.value(look.palette.picked),
                alt.value(look.palette.ink),
            ),
        ),
        said.mark_text(fontWeight="bold", align="right", fontSize=look.type_size(15)).encode(
            x=alt.value(_share(1)), y=alt.value(46), text="caption:N"
        ),
        said.mark_text(color=look.palette.muted, align="right").encode(
            x=alt.value(_share(1)), y=alt.value(68), text="words:N"
        ),
    )  # fmt: skip


def _of_each(look: Look, schools: Any, x: dict[str, Any], y: dict[str, Any], now: str) -> list[Any]:
    """The marks of every school in its column."""
    colours, key = look.palette, marks.key("school")
    named = alt.LookupData(alt.NamedData("schools"), "row", list(OF_SCHOOL))
    there = Chart(alt.NamedData("curves")).transform_filter(now).transform_lookup("row", named)
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("own:Q", title="no pooling", format=".1f"),
    ]
    more = [
        *tooltip,
        alt.Tooltip("value:Q", title="at this τ", format=".1f"),
        alt.Tooltip("averaged:Q", title="averaged over τ", format=".1f"),
    ]
    size = alt.Size("size:Q", scale=None)
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    hidden = alt.condition("datum.revealed > 0", alt.value(0), alt.value(0.75))
    return [
        schools.mark_bar(color=colours.no, width=2.5, orient="vertical").encode(
            x=x["place"], y=y["low"], y2="high:Q", opacity=hidden, key=key
        ),
        there.mark_bar(color=colours.muted, width=1.5, orient="vertical").encode(
            x=x["place"], y=y["own"], y2="value:Q", opacity=_seen("revealed"), key=key
        ),
        marks.point(schools, "no", look, 70)
        .encode(x=x["place"], y=y["own"], tooltip=tooltip, key=key, size=size)
        .add_params(pick),
        marks.point(there, "partial", look, 52).encode(
            x=x["place"], y=y["value"], tooltip=more, opacity=_seen("revealed"), key=key, size=size
        ),
        schools.mark_bar(color=colours.ink, height=3.5, orient="horizontal").encode(
            x=x["left"], x2="right:Q", y=y["averaged"], opacity=_seen("averaged_seen"), key=key
        ),
        marks.point(schools, "truth", look, 50).encode(
            x=x["truth_at"], y=y["truth"], opacity=_seen("truth_seen"), key=key, size=size
        ),
    ]
