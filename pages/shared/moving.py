"""What runs again when something is set: the whole lesson, or its figure alone.

A lesson is a fragment of the page, and its figure a fragment in it. A slider of the
laboratory changes the figure and the words beside it; the controls stay as they are, so
they are not drawn again and nothing of them is sent: a third of the work.

Streamlit would run what a control stands in: the lesson, whose callback then asks for the
figure. Such a second run costs both sides as much again, so the server asks for the figure
at once where only controls have changed that move nothing else (`narrowed`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.common import user_key_from_element_id

LESSON, FIGURE = "stage", "moved"


@dataclass(slots=True)
class _Reader:
    """Of one session: the controls that move the figure alone, and how all of them stand."""

    movers: frozenset[str] = frozenset()
    stand: dict[str, bytes] = field(default_factory=dict)


_readers: WeakKeyDictionary[Any, _Reader] = WeakKeyDictionary()
"""By the store of a session's fragments."""


IN_TURN = threading.RLock()
"""Held while a lesson runs: the interpreter runs one script at a time, and fifty that take turns
every few milliseconds all come late."""


def begin() -> None:
    """The lesson runs, and its figure as a part of it."""
    st.session_state["_with_lesson"] = True
    movers(())


def movers(keys: Iterable[str]) -> None:
    """Name the controls that move the figure alone, until the lesson runs again."""
    context = get_script_run_ctx()
    if context is not None:
        _readers.setdefault(context.fragment_storage, _Reader()).movers = frozenset(keys)


def narrowed(ask: Callable[..., None]) -> Callable[..., None]:
    """How a session answers a browser that asks for a run, the figure's where that is enough."""

    def answer(session: Any, state: Any = None) -> None:
        if state is not None:
            _narrow(session._fragment_storage, state)
        ask(session, state)

    return answer


def _narrow(fragments: Any, state: Any) -> None:
    """Let a browser's request ask for the figure, where only its movers stand otherwise now."""
    reader = _readers.setdefault(fragments, _Reader())
    before = reader.stand
    now = reader.stand = {w.id: w.SerializeToString() for w in state.widget_states.widgets}
    if not reader.movers or not fragments.contains(state.fragment_id):
        return
    changed = [name for name, value in now.items() if before.get(name) != value]
    if changed and all(user_key_from_element_id(name) in reader.movers for name in changed):
        state.fragment_id = fragments.resolve_target(FIGURE)[0]


def alone() -> bool:
    """Whether the figure runs by itself; asked once a run, by the figure."""
    return not st.session_state.pop("_with_lesson", False)


def figure_alone() -> None:
    """At the end of a callback: only the figure runs again."""
    context = get_script_run_ctx()
    if context is None or not context.fragment_ids_this_run:
        return
    if context.fragment_ids_this_run != context.fragment_storage.resolve_target(FIGURE):
        st.rerun(FIGURE)


def all_of_it() -> None:
    """At the end of a callback of the figure itself: the whole lesson runs again."""
    context = get_script_run_ctx()
    if context is None or not context.fragment_ids_this_run:
        return
    if context.fragment_ids_this_run == context.fragment_storage.resolve_target(FIGURE):
        st.rerun(LESSON)
