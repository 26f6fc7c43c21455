"""What belongs to one reader's file: kept in the session and nowhere else, and figures to save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import streamlit as st

from pages.shared import figure

_BUTTONS = """<div style="display:flex;gap:.6rem;align-items:baseline;font-size:.9rem;color:inherit">
<span style="opacity:.8">Save this figure:</span>
<button type="button" data-way="png">PNG</button><button type="button" data-way="svg">SVG</button></div>
<style>button { font: inherit; color: inherit; background: transparent; cursor: pointer; min-height: 2rem;
border: 1px solid rgb(128 128 128 / 55%); border-radius: .5rem; padding: 0 .8rem; }
button:focus-visible { outline: 3px solid #0B68B0; outline-offset: 2px; }</style>"""
_save = st.components.v2.component(
    "pooling_lab_save",
    html=_BUTTONS,
    js=Path(__file__).with_name("save.js").read_text(encoding="utf-8"),
)


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


def savable(key: str, name: str) -> None:
    """Buttons under a figure that save it, as it is seen, its legend in it.

    Parameters
    ----------
    key : str
        Of the figure.
    name : str
        Of the file.
    """
    paper = figure.look().palette.paper
    _save(key=f"save-{key}", data={"figure": key, "name": name, "paper": paper})
