"""One handle, dragged continuously in the chart: it picks a step of a table and asks nobody."""

from __future__ import annotations

from typing import Any

import altair as alt

HANDLE = "handle"

ELSEWHERE = "!event.item || !event.item.datum || !event.item.datum.school"
"""A click on a school picks the school and leaves the handle where it is."""


def handle(steps: int, label: str, *, in_figure: bool = True) -> Any:
    """The selection a handle makes, for the marks of a table with one row a ``step``.

    Add it to invisible points at the places of the steps: dragging anywhere in the
    figure moves it to the nearest, and the browser shows a slider that does the same
    by touch and by keyboard. A double click lets it go back to rest. Where the figure's
    axes have nothing to do with the handle, ``in_figure`` is False: then only the slider
    moves it, and a click that just misses a school moves nothing.
    """
    slider = {"step": alt.binding_range(min=0, max=steps - 1, step=1, name=label)}
    if not in_figure:
        return alt.selection_point(name=HANDLE, fields=["step"], bind=slider)  # type: ignore[arg-type]
    return alt.selection_point(
        name=HANDLE,
        fields=["step"],
        on=f"[pointerdown, pointerup] > pointermove, click[{ELSEWHERE}]",
        clear="dblclick",
        nearest=True,
        toggle=False,
        bind=slider,  # type: ignore[arg-type]
    )


AT = "handle_at"
"""Name of the signal that says at which step the handle is; -1 until it is moved."""


def place(steps: int) -> Any:
    """The signal `AT`: worked out once for a figure, and not for every row that is asked."""
    chosen = f"isValid({HANDLE}.step) && length({HANDLE}.step)"
    return alt.param(name=AT, expr=f"{chosen} ? clamp({HANDLE}.step[0], 0, {steps - 1}) : -1")


def at_step(rest: int) -> str:
    """Expression: the step the handle is at; until it is moved, ``rest``."""
    return f"({AT} < 0 ? {rest} : {AT})"


HERE = f"datum.step == {AT} || {AT} < 0 && datum.resting"
"""Filter: the rows whose ``step`` the handle is at; until it is moved, those ``resting``."""
