"""What belongs to one reader's file: kept in the session and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import streamlit as st


def remembered(name: str, key: object, make: Callable[[], Any]) -> Any:
    """What ``make`` returns, kept for this reader until ``key`` changes: never for others."""
    slot = st.session_state.get(f"_mine_{name}")
    if slot is None or slot[0] != key:
        slot = st.session_state[f"_mine_{name}"] = (key, make())
    return slot[1]


def forget() -> None:
    """Drop everything that came from the reader's file."""
    for key in [k for k in st.session_state if str(k).startswith(("_mine_", "_private", "own_"))]:
        del st.session_state[key]


def stop(sentence: str) -> NoReturn:
    """Say why there is nothing to show, and end the page."""
    st.warning(sentence, icon=":material/info:")
    st.stop()  # raises
    raise AssertionError
