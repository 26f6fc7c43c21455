"""What runs again when something is set: the whole lesson, or its figure alone.

A lesson is a fragment of the page, and its figure a fragment in it. A slider of the
laboratory changes the figure and the words beside it; the controls stay as they are, so
they are not drawn again and nothing of them is sent: a third of the work.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

LESSON, FIGURE = "stage", "moved"


def begin() -> None:
    """The lesson runs, and its figure as a part of it."""
    st.session_state["_with_lesson"] = True


def alone() -> bool:
    """Whether the figure runs by itself; asked once a run, by the figure."""
    return not st.session_state.pop("_with_lesson", False)


def figure_alone() -> None:
    """At the end of a callback: only the figure runs again."""
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run:
        st.rerun(FIGURE)


def all_of_it() -> None:
    """At the end of a callback of the figure itself: the whole lesson runs again."""
    context = get_script_run_ctx()
    if context is None or not context.fragment_ids_this_run:
        return
    if context.fragment_ids_this_run == context.fragment_storage.resolve_target(FIGURE):
        st.rerun(LESSON)
