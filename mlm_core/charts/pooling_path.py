"""Schools gliding between complete and no pooling, dragged by one handle."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.chart import Chart
from mlm_core.charts.handle import HERE, handle
from mlm_core.charts.likelihood import likelihood_layers, position
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
OF_SCHOOL = (
    *("school", "label", "n", "own", "complete", "truth", "truth_seen", "later", "later_seen"),
    *("picked", "named", "partial_seen"),
)
ROWS, GAP, STRIP = 264, 38, 46


def pooling_path(
    look: Look,
    *,
    domain: tuple[float, float],
    rows: int,
    scale: float,
    steps: int,
    score: str = "mean test score, points",
    unit: str = "points",
    group: str = "school",
    member: str = "students",
    number: str = ".1f",
    one_mean: bool = True,
) -> Any:
    """One row a school, ordered by size; under it the likelihood of sigma_alpha.

    Hollow: the school's own mean. Filled, with a bar of one standard error to each side:
    partial pooling. Rule: complete pooling. Dashed: what schools are pulled to. Diamond:
    the truth. Triangle: next year's mean. The handle lives in the chart: it only picks one
    of the steps in the tables, and nothing is sent to the server.

    Tables
    ------
    schools
        Of `estimates.schools_table`: one row a school, in the order in which they are drawn.
        Marks whose ``partial_seen``, ``truth_seen`` or ``later_seen`` is 0 are not seen.
    path
        Of `estimates.path_table`: one row a school and step.
    likelihood
        Of `estimates.likelihood_table`: one row a step.

    Parameters
    ----------
    look : Look
    domain : (low, high)
        Of the score axis; keep it the same while sliders move.
    rows, steps : int
        Numbers of schools and of steps.
    scale : float
        The SD in the middle of the handle.
    score, unit, group, member, number : str
        Title of the score axis, its unit, the words for school and students, the format
        of scores: for other data than test scores.
    one_mean : bool
        Complete pooling is the same for all; else each school has its own mark for it.
    """
    now = HERE
    x = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = alt.Axis(orient="top", title=score, tickCount=6, grid=True)
    at = {c: alt.X(f"{c}:Q", scale=x, axis=axis) for c in ("own", "alpha", "complete", "a0")}
    at |= {c: alt.X(f"{c}:Q", scale=x, axis=axis) for c in ("low", "truth", "later")}
    row = ROWS / rows
    y = alt.Y("row:O", scale=alt.Scale(range=[0, ROWS]), axis=marks.no_names())
    tips = [
        alt.Tooltip("school:N", title=group),
        alt.Tooltip("n:Q", title=member),
        alt.Tooltip("own:Q", title="no pooling", format=number),
        alt.Tooltip("alpha:Q", title="partial pooling", format=number),
        alt.Tooltip("pulled:Q", title="pulled", format=".0%"),
    ]
    schools = _schools(look, at, y, row, tips, one_mean, now)
    top = (
        alt.layer(*schools)
        .properties(data=alt.NamedData("path"))
        .transform_filter(now)
        .transform_lookup("row", alt.LookupData(alt.NamedData("schools"), "row", list(OF_SCHOOL)))
    )
    strip = _likelihood(look, now, scale, steps, f"SD between {group}s, {unit}")
    layers = alt.layer(strip, top).resolve_scale(x="independent", y="independent")
    return finish(layers, look, ROWS + GAP + STRIP, steps=steps)


def _schools(
    look: Look, at: dict[str, Any], y: Any, row: float, tips: list[Any], one_mean: bool, now: str
) -> list[Any]:
    colours, base, key = look.palette, Chart(), marks.key("school")
    size = max(16.0, min(90.0, row * 5)) * look.scale
    thin = max(2.0, min(4.0, row / 4))
    complete = (
        marks.complete_rule(base.transform_aggregate(complete="mean(complete)"), look).encode(
            x=at["complete"], y=alt.value(0), y2=alt.value(ROWS)
        )
        if one_mean
        else base.mark_tick(
            color=colours.complete, thickness=2.5, height=0.9 * row, orient="vertical", opacity=1
        ).encode(x=at["complete"], y=y)
    )
    pick = alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)
    return [
        marks.picked_band(base, y, row, look),
        marks.names(base, y, row, look),
        complete,
        *([_target(look, at["a0"], now)] if one_mean else []),
        base.mark_bar(color=colours.muted, height=1.6).encode(
            x=at["own"], x2="alpha:Q", y=y, key=key, opacity=_seen("partial")
        ),
        base.mark_bar(color=colours.partial, height=thin).encode(
            x=at["low"], x2="high:Q", y=y, key=key, opacity=_seen("partial", 0.75)
        ),
        marks.point(base, "partial", look, size)
        .encode(x=at["alpha"], y=y, key=key, opacity=_seen("partial"))
        .add_params(pick),
        marks.point(base, "no", look, 1.5 * size).encode(x=at["own"], y=y, tooltip=tips, key=key),
        _maybe(marks.later(base, look, size), "later", at, y, key),
        _maybe(marks.point(base, "truth", look, 0.6 * size), "truth", at, y, key),
    ]


def _maybe(mark: Any, name: str, at: dict[str, Any], y: Any, key: Any) -> Any:
    """A mark that is there, unseen, before it is shown."""
    return mark.encode(x=at[name], y=y, key=key, opacity=_seen(name))


def _seen(name: str, most: float = 1.0) -> Any:
    return alt.condition(f"datum.{name}_seen > 0", alt.value(most), alt.value(0))


def _target(look: Look, x: Any, at_handle: str) -> Any:
    """The common mean at this step: schools are pulled to it, not to that of all students."""
    return (
        Chart(alt.NamedData("likelihood"))
        .transform_filter(at_handle)
        .mark_rule(color=look.palette.target, strokeWidth=2, strokeDash=[4, 4])
        .encode(x=x, y=alt.value(0), y2=alt.value(ROWS))
    )


def _likelihood(look: Look, at_handle: str, scale: float, steps: int, title: str) -> Any:
    base = Chart(alt.NamedData("likelihood"))
    low, high = ROWS + GAP + STRIP, ROWS + GAP
    x = position(scale, title)
    dragged = handle(steps, "From complete pooling to no pooling")
    held = base.transform_filter(at_handle)
    now = held.transform_filter("isValid(datum.a0)")
    places = (
        ("datum.position < 0.15", "left", -12),
        ("datum.position >= 0.15 && datum.position <= 0.8", "center", 0),
        ("datum.position > 0.8", "right", 12),
    )
    captions = (
        held.transform_filter(where)
        .mark_text(dy=-12, dx=dx, align=align, fontWeight="bold")  # type: ignore[arg-type]
        .encode(x=x, y=alt.value(high - 2), text="caption:N")
        for where, align, dx in places
    )
    layers = likelihood_layers(base, now, look, x, (high, low), dragged, beside=True)
    return alt.layer(*layers, *captions)
