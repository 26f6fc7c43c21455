"""Students, their schools, and three lines whose slopes come apart as a handle is dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from mlm_core.charts import marks
from mlm_core.charts.handle import HANDLE, handle, here
from mlm_core.charts.theme import Look, finish

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

LEFT = 52
"""Pixels for the numbers of the vertical axis; the handle's margin in style.css knows it."""
SCATTER, GAP, ROW = 286, 68, 25
MOST_STUDENTS = 400
"""More than this are thinned."""


def two_slopes_tables(
    ends: tuple[Any, Any],
    within: float,
    lines: dict[str, tuple[Floats, Floats]],
    names: dict[str, str],
    rest: int,
) -> dict[str, pd.DataFrame]:
    """Tables of `two_slopes`.

    Parameters
    ----------
    ends : (GroupedData, GroupedData)
        The students at the first and at the last step, y in between being linear.
    within : float
        Slope within schools.
    lines : dict of (alpha, beta), each (K,)
        ``partial`` and perhaps ``complete``, at every step.
    names : dict of str
        What to call the slopes ``no``, ``complete``, ``partial``.
    rest : int
        Step at which the handle rests.

    Returns
    -------
    dict of DataFrame
        ``students, schools, lines, slopes``.
    """
    import pandas as pd

    start, end = ends
    steps = len(lines["partial"][0])
    at_rest = rest / (steps - 1)
    some = np.unique(np.linspace(0, start.n_students - 1, MOST_STUDENTS).astype(int))
    x, first, last = (start.group_means(v) for v in (start.x, start.y, end.y))
    reach = np.array([start.x.min(), start.x.max()])
    slopes = {"no": np.full(steps, within), **{kind: beta for kind, (_, beta) in lines.items()}}
    step = np.arange(steps)
    return {
        "students": pd.DataFrame(
            {"x": start.x[some], "first": start.y[some], "last": end.y[some], "rest": at_rest}
        ),
        "schools": pd.DataFrame(
            {
                "school": start.labels.astype(str),
                "n": start.n,
                "x": x,
                "left": x - 1,
                "right": x + 1,
                "first": first,
                "last": last,
                "within": within,
                "rest": at_rest,
            }
        ),
        "lines": pd.concat(
            pd.DataFrame(
                {
                    "step": step,
                    "kind": kind,
                    "x0": reach[0],
                    "x1": reach[1],
                    "y0": alpha + beta * reach[0],
                    "y1": alpha + beta * reach[1],
                    "resting": step == rest,
                }
            )
            for kind, (alpha, beta) in lines.items()
        ),
        "slopes": pd.concat(
            pd.DataFrame(
                {
                    "step": step,
                    "t": step / (steps - 1),
                    "kind": kind,
                    "slope": slope,
                    "row": list(names).index(kind),
                    "label": [f"{names[kind]}  {v:+.1f}".replace("-", "−") for v in slope],
                    "resting": step == rest,
                }
            )
            for kind, slope in slopes.items()
        ),
    }


def two_slopes(
    look: Look,
    *,
    x_domain: tuple[float, float],
    y_domain: tuple[float, float],
    slope_domain: tuple[float, float],
    steps: int,
    ends: tuple[str, str, str] = ("same", "flat", "opposite"),
    x_title: str = "pre-test, SDs within a school",
    y_title: str = "test score, points",
) -> Any:
    """Students and schools turn with the handle; below, the slopes as numbers on one axis.

    The handle lives in the chart. The points move along straight lines between the
    two ends of the tables; lines and slopes are picked from their steps.

    Tables
    ------
    students, schools, lines, slopes
        Of `two_slopes_tables`.

    Parameters
    ----------
    look : Look
    x_domain, y_domain, slope_domain : (low, high)
        Keep them the same while sliders move.
    steps : int
        Number of steps of the handle.
    ends : (str, str, str)
        What to call the handle's left end, middle and right end.
    x_title, y_title : str
    """
    height = SCATTER + GAP + 3 * ROW
    return finish(
        alt.layer(
            _handle(look, steps, height, ends),
            _scatter(look, x_domain, y_domain, steps, height, x_title, y_title),
            _slopes(look, slope_domain, here(steps)),
        ).resolve_scale(x="independent", y="independent"),
        look,
        height,
    )


def _handle(look: Look, steps: int, height: int, ends: tuple[str, str, str]) -> Any:
    said = " : ".join(
        f"datum.value == {v} ? '{word}'" for v, word in zip((0, 0.5), ends, strict=False)
    )
    axis = alt.Axis(
        title="slope between schools, against the slope within",
        values=[0, 0.5, 1],
        orient="bottom",
        domain=False,
        ticks=False,
        offset=4,
        labelExpr=f"{said} : '{ends[2]}'",
    )
    return (
        alt.Chart(alt.NamedData("slopes"))
        .transform_filter("datum.kind == 'no'")
        .mark_point(opacity=0)
        .encode(
            x=alt.X("t:Q", scale=alt.Scale(domain=[0, 1]), axis=axis),
            y=alt.value(height / 2),
            tooltip=alt.value(""),
        )
        .add_params(handle(steps, "Slope between schools, from the same to the opposite"))
    )


def _scatter(
    look: Look,
    x_domain: tuple[float, float],
    y_domain: tuple[float, float],
    steps: int,
    height: int,
    x_title: str,
    y_title: str,
) -> Any:
    colours = look.palette
    x_axis = alt.Axis(title=x_title, tickCount=6, offset=SCATTER - height, orient="bottom")
    y_axis = alt.Axis(
        title=y_title, titleX=14 - LEFT, tickCount=6, grid=True, minExtent=LEFT, maxExtent=LEFT
    )
    x_scale = alt.Scale(domain=list(x_domain), nice=False)
    y_scale = alt.Scale(domain=list(y_domain), nice=False, range=[SCATTER, 0])
    x = {c: alt.X(f"{c}:Q", scale=x_scale, axis=x_axis) for c in ("x", "x0", "left")}
    y = {c: alt.Y(f"{c}:Q", scale=y_scale, axis=y_axis) for c in ("y", "y0", "low")}
    last = steps - 1
    t = (
        f"(isValid({HANDLE}.step) && length({HANDLE}.step) "
        f"? clamp({HANDLE}.step[0], 0, {last}) / {last} : datum.rest)"
    )
    moved = f"datum.first + {t} * (datum.last - datum.first)"
    schools = alt.Chart(alt.NamedData("schools")).transform_calculate(
        y=moved, low=f"{moved} - datum.within", high=f"{moved} + datum.within",
        step=f"round({t} * {last})",
    )  # fmt: skip
    lines = alt.Chart(alt.NamedData("lines")).transform_filter(here(steps))

    def line(kind: str, **options: Any) -> Any:
        return (
            lines.transform_filter(f"datum.kind == '{kind}'")
            .mark_rule(clip=True, color=colours.of(kind), **options)  # type: ignore[arg-type]
            .encode(x=x["x0"], x2="x1:Q", y=y["y0"], y2="y1:Q")
        )

    return alt.layer(
        alt.Chart(alt.NamedData("students"))
        .transform_calculate(y=moved)
        .mark_circle(color=colours.muted, size=14, opacity=0.38, clip=True)
        .encode(x=x["x"], y=y["y"]),
        schools.mark_rule(color=colours.no, strokeWidth=2.2, clip=True).encode(
            x=x["left"], x2="right:Q", y=y["low"], y2="high:Q"
        ),
        line("complete", strokeWidth=4),
        line("partial", strokeWidth=4, strokeDash=[9, 5]),
        marks.point(schools, "no", look, 62, clip=True).encode(
            x=x["x"],
            y=y["y"],
            tooltip=[
                alt.Tooltip("school:N", title="school"),
                alt.Tooltip("n:Q", title="students"),
                alt.Tooltip("x:Q", title="mean pre-test", format=".1f"),
                alt.Tooltip("y:Q", title="mean score", format=".1f"),
            ],
        ),
    )


def _slopes(look: Look, domain: tuple[float, float], now: str) -> Any:
    colours = look.palette
    base = alt.Chart(alt.NamedData("slopes")).transform_filter(now)
    top = SCATTER + GAP
    x = alt.X("slope:Q", scale=alt.Scale(domain=list(domain), nice=False), axis=None)
    y = alt.Y("row:Q", scale=alt.Scale(domain=[-0.5, 2.5], range=[top, top + 3 * ROW]), axis=None)
    flat = base.transform_filter("datum.kind == 'no'").transform_calculate(
        slope="0", said="'slope 0'"
    )

    def kind(of: str) -> Any:
        return base.transform_filter(f"datum.kind == '{of}'")

    def label(sign: str, align: str, dx: int) -> Any:
        return (
            base.transform_filter(f"datum.slope {sign} 0")
            .transform_calculate(slope="0")
            .mark_text(align=align, dx=dx, fontWeight="bold")  # type: ignore[arg-type]
            .encode(x=x, y=y, text="label:N")
        )

    return alt.layer(
        flat.mark_rule(color=colours.muted, strokeWidth=1.2).encode(
            x=x, y=alt.value(top), y2=alt.value(top + 3 * ROW)
        ),
        flat.mark_text(color=colours.muted).encode(x=x, y=alt.value(top - 7), text="said:N"),
        base.transform_calculate(zero="0")
        .mark_rule(color=colours.faint, strokeWidth=5)
        .encode(x=x, x2="zero:Q", y=y),
        marks.point(kind("no"), "no", look, 110).encode(x=x, y=y),
        kind("complete")
        .mark_tick(color=colours.complete, thickness=5, size=19, orient="vertical", opacity=1)
        .encode(x=x, y=y),
        marks.point(kind("partial"), "partial", look, 110).encode(x=x, y=y),
        label(">", "right", -10),
        label("<=", "left", 10),
    )
