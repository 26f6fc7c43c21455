"""How sure we are of tau, and what each tau would make of every school."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from mlm_core.charts import marks
from mlm_core.charts.handle import handle, here
from mlm_core.charts.theme import Look, finish

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

LEFT = 52
"""Pixels for the numbers of the vertical axis; the handle's margin in style.css knows it."""
DENSITY, GAP, CURVES = 96, 26, 270
CURVES_END, SIDE = 0.64, 0.74
"""Where the curves end and where the schools' estimates begin, as shares of the width."""
MOST_LABELS = 26
"""With more schools than this their letters do not fit."""
OF_SCHOOL = ("label", "school", "place", "own", "averaged", "strong")


def tau_curves_tables(
    tau: Floats,
    density: Floats,
    prior: Floats,
    curves: Floats,
    schools: dict[str, Any],
    *,
    best: float,
    interval: tuple[float, float],
    rest: int,
    strong: int,
    domain: tuple[float, float],
) -> dict[str, pd.DataFrame]:
    """Tables of `tau_curves`.

    Parameters
    ----------
    tau : (K,) array
        The steps of the handle, from 0 (units of y).
    density, prior : (K,) arrays
        Posterior and prior density at them, each on a scale of its own.
    curves : (K, J) array
        What is drawn of each school over tau: its conditional mean, or SD.
    schools : dict
        ``school, own, averaged``, each (J,), and ``pooled``, one number: the same
        without pooling, averaged over tau, and at tau = 0.
    best : float
        The single best guess of tau.
    interval : (low, high)
        Where tau lies with 95%.
    rest : int
        Step at which the handle rests.
    strong : int
        The school whose curve is drawn thick.
    domain : (low, high)
        Of the curves' axis: the letters at their ends keep apart on it.

    Returns
    -------
    dict of DataFrame
        ``steps, curves, schools, marks``.
    """
    import pandas as pd

    K, J = curves.shape
    step, names = np.arange(K), [str(s) for s in schools["school"]]
    resting = step == rest
    return {
        "steps": pd.DataFrame(
            {
                "step": step,
                "tau": tau,
                "density": density,
                "prior": prior,
                "inside": np.where((tau >= interval[0]) & (tau <= interval[1]), density, 0.0),
                "caption": [f"if τ were {v:g}" for v in tau],
                "resting": resting,
            }
        ),
        "curves": pd.DataFrame(
            {
                "step": np.repeat(step, J),
                "row": np.tile(np.arange(J), K),
                "tau": np.repeat(tau, J),
                "value": curves.ravel(),
                "resting": np.repeat(resting, J),
            }
        ),
        "schools": pd.DataFrame(
            {
                "row": np.arange(J),
                "school": names,
                "label": [name[0] if J <= MOST_LABELS else "" for name in names],
                "place": (np.arange(J) + 0.5) / J,
                "left": (np.arange(J) + 0.1) / J,
                "right": (np.arange(J) + 0.9) / J,
                "own": schools["own"],
                "averaged": schools["averaged"],
                "end": _apart(curves[-1], (domain[1] - domain[0]) / CURVES * 13),
                "strong": np.arange(J) == strong,
            }
        ),
        "marks": pd.DataFrame(
            {
                "best": [best],
                "pooled": [schools["pooled"]],
                "guess": ["best guess 0" if best == 0 else f"best guess {best:.1f}"],
            }
        ),
    }


def _apart(values: Floats, gap: float) -> Floats:
    """The values moved as little as keeps each ``gap`` from the next, in the same order."""
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    blocks: list[tuple[float, int]] = []
    for value in values[order] - steps:
        blocks.append((float(value), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (b, m), (a, n) = blocks.pop(), blocks.pop()
            blocks.append(((a * n + b * m) / (n + m), n + m))
    out = np.empty(len(values))
    out[order] = np.repeat([a for a, _ in blocks], [n for _, n in blocks]) + steps
    return out


def tau_curves(
    look: Look,
    *,
    top: float,
    domain: tuple[float, float],
    steps: int,
    effect: str = "effect, points",
    said: str = "the estimates are",
    letters: bool = True,
) -> Any:
    """Posterior density of tau; under it every school's curve; beside it the estimates.

    The figures 5.5 to 5.7 of Bayesian Data Analysis (3rd ed.) in one. The handle
    lives in the chart: it moves a line along the density and across the curves, and
    the estimates at that tau move with it.

    Tables
    ------
    steps, curves, schools, marks
        Of `tau_curves_tables`.

    Parameters
    ----------
    look : Look
    top : float
        Largest tau that is shown (units of y).
    domain : (low, high)
        Of the curves' axis; keep it the same while sliders move.
    steps : int
        Number of steps of the handle.
    effect : str
        Title of that axis.
    said : str
        Heading of the schools' column, after "if τ were ...".
    letters : bool
        Name the curves at their right ends.
    """
    now = here(steps)
    along = alt.Scale(domain=[0, top], range=[0, _share(CURVES_END)])
    bottom = DENSITY + GAP
    y_scale = alt.Scale(domain=list(domain), range=[bottom + CURVES, bottom], nice=False)
    return finish(
        alt.layer(
            _density(look, along, now),
            _curves(look, along, y_scale, now, steps, effect, letters),
            _estimates(look, y_scale, now, said),
        ).resolve_scale(x="independent", y="independent"),
        look,
        bottom + CURVES,
    )


def _share(share: float) -> Any:
    """A place along the width of the figure."""
    return alt.ExprRef(f"{share} * width")


def _density(look: Look, along: Any, now: str) -> Any:
    colours = look.palette
    base = alt.Chart(alt.NamedData("steps"))
    y = alt.Scale(domain=[0, 1], range=[DENSITY, 18])
    at = {c: alt.Y(f"{c}:Q", scale=y, axis=None) for c in ("density", "prior", "inside")}
    best = alt.Chart(alt.NamedData("marks"))
    hidden = alt.X("tau:Q", scale=along, axis=None)
    guess = alt.X("best:Q", scale=along, axis=None)
    handle_at = base.transform_filter(now)
    return alt.layer(
        base.mark_area(color=colours.partial, opacity=0.14).encode(x=hidden, y=at["density"]),
        base.mark_area(color=colours.partial, opacity=0.22).encode(x=hidden, y=at["inside"]),
        base.mark_line(color=colours.muted, strokeDash=[2, 4], strokeWidth=1.5).encode(
            x=hidden, y=at["prior"]
        ),
        base.mark_line(color=colours.partial, strokeWidth=2.5).encode(x=hidden, y=at["density"]),
        best.mark_rule(color=colours.complete, strokeDash=[5, 4], strokeWidth=2).encode(
            x=guess, y=alt.value(14), y2=alt.value(DENSITY)
        ),
        best.mark_text(color=colours.complete, align="left", dx=-1).encode(
            x=guess, y=alt.value(5), text="guess:N"
        ),
        handle_at.mark_rule(color=colours.ink, strokeWidth=2).encode(
            x=hidden, y=at["density"], y2=alt.value(DENSITY)
        ),
        handle_at.mark_point(
            shape="circle", filled=True, color=colours.ink, size=90, opacity=1
        ).encode(x=hidden, y=at["density"]),
        best.mark_text(color=colours.muted, align="right")
        .transform_calculate(words="'how plausible each τ is'")
        .encode(x=alt.value(_share(CURVES_END)), y=alt.value(36), text="words:N"),
    )


def _curves(
    look: Look, along: Any, y_scale: Any, now: str, steps: int, effect: str, letters: bool
) -> Any:
    colours = look.palette
    axis = alt.Axis(title="SD between schools τ, points", tickCount=6)
    x = alt.X("tau:Q", scale=along, axis=axis)
    left = alt.Axis(
        title=effect, titleX=14 - LEFT, tickCount=6, grid=True, minExtent=LEFT, maxExtent=LEFT
    )
    y = alt.Y("value:Q", scale=y_scale, axis=left)
    named = alt.LookupData(alt.NamedData("schools"), "row", list(OF_SCHOOL))
    curves = alt.Chart(alt.NamedData("curves")).transform_lookup("row", named)
    base = alt.Chart(alt.NamedData("steps"))
    bottom = DENSITY + GAP + CURVES
    strong = alt.condition("datum.strong", alt.value(3.2), alt.value(1.6))
    layers = [
        marks.complete_rule(alt.Chart(alt.NamedData("marks")), look, opacity=0.9).encode(
            y=alt.Y("pooled:Q", scale=y_scale, axis=left),
            x=alt.value(0),
            x2=alt.value(_share(CURVES_END)),
        ),
        curves.mark_line(color=colours.partial, opacity=0.85, clip=True).encode(
            x=x, y=y, detail="row:N", strokeWidth=strong
        ),
        base.transform_filter(now)
        .mark_rule(color=colours.ink, strokeWidth=2)
        .encode(x=x, y=alt.value(DENSITY), y2=alt.value(bottom)),
        curves.transform_filter(now)
        .mark_point(shape="circle", filled=True, color=colours.partial, size=48, opacity=1)
        .encode(x=x, y=y),
        base.mark_point(opacity=0)
        .encode(x=x, y=alt.value(bottom / 2), tooltip=alt.value(""))
        .add_params(handle(steps, "SD between schools, tau")),
    ]
    if letters:
        layers.append(
            alt.Chart(alt.NamedData("schools"))
            .mark_text(align="left", dx=6, fontWeight="bold", color=colours.partial)
            .encode(
                x=alt.value(_share(CURVES_END)),
                y=alt.Y("end:Q", scale=y_scale, axis=left),
                text="label:N",
            )
        )
    return alt.layer(*layers)


def _estimates(look: Look, y_scale: Any, now: str, words: str) -> Any:
    colours = look.palette
    low, high = DENSITY + GAP + CURVES, DENSITY + GAP
    x_scale = alt.Scale(domain=[0, 1], range=[_share(SIDE), _share(1)])
    x = alt.X("place:Q", scale=x_scale, axis=None)
    named = alt.LookupData(alt.NamedData("schools"), "row", list(OF_SCHOOL))
    schools = alt.Chart(alt.NamedData("schools"))
    there = alt.Chart(alt.NamedData("curves")).transform_filter(now).transform_lookup("row", named)
    y = {
        c: alt.Y(f"{c}:Q", scale=y_scale, axis=None) for c in ("own", "value", "averaged", "pooled")
    }
    tooltip = [
        alt.Tooltip("school:N", title="school"),
        alt.Tooltip("own:Q", title="no pooling", format=".1f"),
        alt.Tooltip("value:Q", title="at this τ", format=".1f"),
        alt.Tooltip("averaged:Q", title="averaged over τ", format=".1f"),
    ]
    said = alt.Chart(alt.NamedData("steps")).transform_filter(now)
    return alt.layer(
        # Of the step at which the handle is, so that a click here leaves it there.
        said.mark_rect(fill=colours.paper, fillOpacity=0.01).encode(
            tooltip=alt.value(""),
            x=alt.value(_share(SIDE)),
            x2=alt.value(_share(1)),
            y=alt.value(0),
            y2=alt.value(low),
        ),
        marks.complete_rule(alt.Chart(alt.NamedData("marks")), look, opacity=0.9).encode(
            y=y["pooled"], x=alt.value(_share(SIDE)), x2=alt.value(_share(1))
        ),
        there.mark_rule(color=colours.muted, strokeWidth=1.4).encode(x=x, y=y["own"], y2="value:Q"),
        marks.point(schools, "no", look, 62).encode(x=x, y=y["own"]),
        marks.point(there, "partial", look, 52).encode(x=x, y=y["value"], tooltip=tooltip),
        schools.mark_rule(strokeWidth=3.5, color=colours.ink).encode(
            x=alt.X("left:Q", scale=x_scale, axis=None), x2="right:Q", y=y["averaged"]
        ),
        schools.mark_text(fontSize=look.type_size(12)).encode(
            x=x, y=alt.value(high - 10), text="label:N"
        ),
        said.mark_text(fontWeight="bold", fontSize=look.type_size(17)).encode(
            x=alt.value(_share((1 + SIDE) / 2)), y=alt.value(46), text="caption:N"
        ),
        said.mark_text(color=colours.muted)
        .transform_calculate(words=f"'{words}'")
        .encode(x=alt.value(_share((1 + SIDE) / 2)), y=alt.value(68), text="words:N"),
    )
