"""One handle, dragged continuously in the chart: it picks a step of a table and asks nobody."""

from __future__ import annotations

from typing import Any

import altair as alt

HANDLE = "handle"

ELSEWHERE = "!event.item || !event.item.datum || !event.item.datum.school"
"""A click on a school picks the school and leaves the handle where it is."""


def handle(steps: int, label: str) -> Any:
    """The selection a handle makes, for the marks of a table with one row a ``step``.

    Add it to invisible points at the places of the steps: dragging anywhere in the
    figure moves it to the nearest, and the browser shows a slider that does the same
    by touch and by keyboard. A double click lets it go back to rest.
    """
    return alt.selection_point(
        name=HANDLE,
        fields=["step"],
        on=f"[pointerdown, pointerup] > pointermove, click[{ELSEWHERE}]",
        clear="dblclick",
        nearest=True,
        toggle=False,
        bind={"step": alt.binding_range(min=0, max=steps - 1, step=1, name=label)},  # type: ignore[arg-type]
    )


def here(steps: int) -> str:
    """Filter: the rows whose ``step`` the handle is at; until it is moved, those ``resting``."""
    chosen = f"isValid({HANDLE}.step) && length({HANDLE}.step)"
    return f"{chosen} ? datum.step == clamp({HANDLE}.step[0], 0, {steps - 1}) : datum.resting"
