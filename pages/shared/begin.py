"""The one button of the start page: to the first lesson, or on where the reader was.

How far a reader has come is kept in the browser (the stepper writes it), not here: the
button and the contents read it there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import contents

_HERE = Path(__file__).parent
_begin = st.components.v2.component(
    "pooling_lab_begin",
    html=(_HERE / "begin.html").read_text(encoding="utf-8"),
    js=(_HERE / "begin.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)
NO_STORY = ("your_data", "glossary")


def lessons() -> list[contents.Lesson]:
    """The lessons that are told in steps, in their order."""
    return [lesson for lesson in contents.lessons() if lesson.slug not in NO_STORY]


def button() -> None:
    """Draw the button; where it was pressed, go there."""
    told = [{"slug": lesson.slug, "question": lesson.question} for lesson in lessons()]
    pressed = _begin(key="begin", data={"lessons": told}, on_go_change=_nothing)
    wanted = place(pressed.go)
    if wanted is not None:
        st.switch_page(wanted[0], query_params={"step": str(wanted[1])} if wanted[1] > 1 else None)


def place(said: Any) -> tuple[str, int] | None:
    """The file and the step that the browser names; None where it names no lesson."""
    if not isinstance(said, dict):
        return None
    found = next((one for one in lessons() if one.slug == said.get("slug")), None)
    step = said.get("step")
    if found is None:
        return None
    return found.path, step if isinstance(step, int) and not isinstance(step, bool) else 1


def _nothing() -> None:
    """A press alone reruns the page."""
