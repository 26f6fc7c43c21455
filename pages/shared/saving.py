"""Buttons that save a figure as it is seen: drawn in the browser, where its handle is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages.shared import figure

SCRIPT = Path(__file__).with_name("save.js")
BUTTONS = """<div class="pl-save" style="display:flex;gap:.6rem;align-items:baseline;font-size:.9rem;color:inherit">
<span style="opacity:.8">Save this figure:</span>
<button type="button" data-way="png">PNG</button><button type="button" data-way="svg">SVG</button></div>
<style>.pl-save button { font: inherit; color: inherit; background: transparent; cursor: pointer; min-height: 2rem;
border: 1px solid rgb(128 128 128 / 55%); border-radius: .5rem; padding: 0 .8rem; }
.pl-save button:focus-visible { outline: 3px solid #0B68B0; outline-offset: 2px; }</style>"""
_save = st.components.v2.component(
    "pooling_lab_save", html=BUTTONS, js=SCRIPT.read_text(encoding="utf-8")
)


def picture(key: str, name: str) -> None:
    """Buttons for PNG and SVG of a figure, as it stands, with its legend and the handle's place.

    Parameters
    ----------
    key : str
        Of the figure.
    name : str
        Of the file.
    """
    colours = figure.look().palette
    _save(
        key=f"save-{key}",
        data={"figure": key, "name": name, "paper": colours.paper, "ink": colours.ink},
    )


def lesson(slug: str, key: str, page: Callable[[], str]) -> None:
    """The figure of a lesson: as a picture, or as a page with its handle.

    Parameters
    ----------
    slug : str
        Of the lesson: the file's name.
    key : str
        Of the figure.
    page : function
        Makes the HTML, when it is asked for.
    """
    picture(key, slug)
    st.download_button(
        "HTML, with its handle", page, f"{slug}.html", "text/html", key="save-html",
        icon=":material/download:", on_click="ignore",
        help="One file: it opens from disk, without internet.",
    )  # fmt: skip
