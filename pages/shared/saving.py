"""Buttons that save a figure as it is seen: drawn in the browser, where its handle is."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import figure

SCRIPT = Path(__file__).with_name("save.js")
BUTTONS = """<div class="pl-save" style="display:flex;gap:.6rem;align-items:baseline;font-size:.9rem;color:inherit">
<span style="opacity:.8">Save this figure:</span>
<button type="button" data-way="png">PNG</button><button type="button" data-way="svg">SVG</button>
<button type="button" data-way="html" title="One file: it opens from disk, without internet." hidden>HTML, with its handle</button></div>
<style>.pl-save button { font: inherit; color: inherit; background: transparent; cursor: pointer; min-height: 2rem;
border: 1px solid rgb(128 128 128 / 55%); border-radius: .5rem; padding: 0 .8rem; }
.pl-save button:focus-visible { outline: 3px solid #0B68B0; outline-offset: 2px; }</style>"""
_save = st.components.v2.component(
    "pooling_lab_save", html=BUTTONS, js=SCRIPT.read_text(encoding="utf-8")
)


def picture(key: str, name: str, page: Callable[[int | None], str] | None = None) -> None:
    """Buttons for PNG and SVG of a figure, as it stands, with its legend and the handle's place.

    Parameters
    ----------
    key : str
        Of the figure.
    name : str
        Of the file.
    page : function, optional
        Makes the figure as a page of its own, when it is asked for, from the step at which the
        handle is; None where it has not been moved, or is not there.
    """
    colours, component = figure.look().palette, f"save-{key}"
    asked = st.session_state.pop("_to_save", None)
    file = None
    if page is not None and asked is not None:
        file = {"text": page(_step(asked)), "name": secrets.token_hex(4)}
    _save(
        key=component,
        data={
            "figure": key, "name": name, "paper": colours.paper, "ink": colours.ink,
            "page": page is not None, "file": file,
        },
        on_html_change=lambda: _ask(component),
    )  # fmt: skip


def _ask(component: str) -> None:
    """Callback: a page is asked for; the browser says where the handle is."""
    st.session_state["_to_save"] = st.session_state[component].html


def _step(asked: Any) -> int | None:
    """The step of the handle, as the browser told it."""
    at = asked.get("at") if isinstance(asked, Mapping) else None
    return at if isinstance(at, int) else None
