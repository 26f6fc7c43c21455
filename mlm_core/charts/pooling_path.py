"""Schools gliding between complete and no pooling, dragged by one handle."""

from __future__ import annotations

from typing import Any

import altair as alt

from mlm_core.charts import marks
from mlm_core.charts.handle import handle, here
from mlm_core.charts.likelihood import likelihood_layers, position
from mlm_core.charts.theme import Look, finish

SCHOOL = "school"
OF_SCHOOL = ("school", "label", "n", "own", "complete", "truth", "picked")
GAP, STRIP = 44, 72


def pooling_path(
    look: Look,
    *,
    domain: tuple[float, float],
    rows: int,
    scale: float,
    steps: int,
    show_truth: bool = False,
    score: str = "mean test score, points",
    unit: str = "points",
    group: str = "school",
    member: str = "students",
    number: str = ".1f",
    one_mean: bool = True,
) -> Any:
    """One row a school, ordered by size; under it the likelihood of sigma_alpha.

    The handle lives in the chart: it only picks one of the steps in the tables,
    and nothing is sent to the server. It rests where the tables say until it is moved.

    Tables
    ------
    schools
        Of `estimates.schools_table`: one row a school, in the order in which they are drawn.
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
    show_truth : bool
        Draw the true means.
    score, unit, group, member, number : str
        Title of the score axis, its unit, the words for school and students, the format
        of scores: for other data than test scores.
    one_mean : bool
        Complete pooling is the same for all; else each school has its own mark for it.
    """
    row = _row_height(rows, look)
    schools = round(rows * row)
    now = here(steps)
    likelihood = alt.Chart(alt.NamedData("likelihood"))
    top = (
        _schools(
            alt.Chart(),
            look,
            domain,
            schools,
            row,
            score,
            show_truth,
            (group, member, number),
            one_mean,
            now,
        )
        .properties(data=alt.NamedData("path"))
        .transform_filter(now)
        .transform_lookup("row", alt.LookupData(alt.NamedData("schools"), "row", list(OF_SCHOOL)))
    )
    strip = _likelihood(
        likelihood, look, now, scale, steps, schools, f"SD between {group}s σ_α, {unit}"
    )
    return finish(
        alt.layer(strip, top).resolve_scale(x="independent", y="independent"),
        look,
        schools + GAP + STRIP,
    )


def _row_height(rows: int, look: Look) -> float:
    return max(5.0, min(17.5 * look.scale, 560 / rows))


def _schools(
    here: alt.Chart,
    look: Look,
    domain: tuple[float, float],
    height: int,
    row: float,
    score: str,
    show_truth: bool,
    words: tuple[str, str, str],
    one_mean: bool,
    at_handle: str,
) -> Any:
    group, member, number = words
    colours = look.palette
    axis = alt.Axis(orient="top", title=score, tickCount=6, grid=True)
    x_scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    names = marks.school_names(row, look)
    y = alt.Y("label:N", sort=None, scale=alt.Scale(range=[0, height]), axis=names)
    at = {
        c: alt.X(f"{c}:Q", scale=x_scale, axis=axis) for c in ("own", "alpha", "complete", "truth")
    }
    size = max(20.0, min(90.0 * look.scale, row * 5))
    tooltip = [
        alt.Tooltip("school:N", title=group),
        alt.Tooltip("n:Q", title=member),
        alt.Tooltip("own:Q", title="no pooling", format=number),
        alt.Tooltip("alpha:Q", title="partial pooling", format=number),
        alt.Tooltip("pulled:Q", title="pulled", format=".0%"),
    ]
    layers = [
        marks.picked_band(here, y, row, look),
        marks.complete_rule(here.transform_aggregate(complete="mean(complete)"), look).encode(
            x=at["complete"], y=alt.value(0), y2=alt.value(height)
        )
        if one_mean
        else here.mark_tick(
            color=colours.complete, thickness=2.5, height=0.9 * row, orient="vertical"
        ).encode(x=at["complete"], y=y),
        *([_pulled_to(look, x_scale, axis, at_handle, height)] if one_mean else []),
        here.mark_rule(color=colours.muted, strokeWidth=1.6).encode(x=at["own"], x2="alpha:Q", y=y),
        marks.point(here, "no", look, 1.5 * size).encode(x=at["own"], y=y, tooltip=tooltip),
        marks.point(here, "partial", look, size)
        .encode(x=at["alpha"], y=y, tooltip=tooltip)
        .add_params(alt.selection_point(name=SCHOOL, fields=["school"], on="click", toggle=False)),
    ]
    if show_truth:
        layers.append(
            marks.point(here, "truth", look, size * 0.6).encode(
                x=at["truth"], y=y, tooltip=[*tooltip, alt.Tooltip("truth:Q", format=".1f")]
            )
        )
    return alt.layer(*layers)


def _pulled_to(look: Look, scale: alt.Scale, axis: alt.Axis, at_handle: str, height: int) -> Any:
    """The common mean at this step: schools are pulled to it, not to that of all students."""
    return (
        alt.Chart(alt.NamedData("likelihood"))
        .transform_filter(at_handle)
        .mark_rule(color=look.palette.partial, strokeWidth=1.6, strokeDash=[4, 4])
        .encode(x=alt.X("a0:Q", scale=scale, axis=axis), y=alt.value(0), y2=alt.value(height))
    )


def _likelihood(
    base: alt.Chart, look: Look, at_handle: str, scale: float, steps: int, above: int, title: str
) -> Any:
    low, high = above + GAP + STRIP, above + GAP
    x = position(scale, title)
    dragged = handle(steps, "From complete pooling to no pooling")
    now = base.transform_filter(at_handle)
    return alt.layer(
        *likelihood_layers(base, now, look, x, (high, low), dragged),
        *(
            now.transform_filter(where)
            .mark_text(dy=-12, dx=dx, align=align, fontWeight="bold")  # type: ignore[arg-type]
            .encode(x=x, y=alt.value(high - 2), text="caption:N")
            for where, align, dx in (
                ("datum.position <= 0.8", "center", 0),
                ("datum.position > 0.8", "right", 12),
            )
        ),
    )
