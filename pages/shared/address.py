"""What a reader has set lives in the address, and is kept from page to page.

Every control of the app is drawn by `bound`, under its own name. When a page is
entered, the address says what is set; what it does not say is as it was on the page
before. After each run the address is written again, without what is at its default:
a copied link opens the same picture.

Streamlit 1.67 can bind controls to the address by itself, but loses those that came
with the link and were never touched on the next change of page, and when the browser
goes back; and it drops a value it cannot use without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

T = TypeVar("T")

_script = Path(__file__).with_name("address.js").read_text(encoding="utf-8")
_write = st.components.v2.component("pooling_lab_address", js=_script)


def arrive(page: str) -> None:
    """Begin the address of a page: called by the frame before the page runs."""
    st.session_state["_said"] = {}
    st.session_state["_page"] = page


def _visit() -> int:
    """Counts the changes of page, also where a page runs without its frame."""
    context = get_script_run_ctx()
    page = "" if context is None else context.page_script_hash
    if st.session_state.get("_script") != page:
        st.session_state["_script"] = page
        st.session_state["_visit"] = st.session_state.get("_visit", 0) + 1
    visit: int = st.session_state["_visit"]
    return visit


def bound(
    key: str,
    draw: Callable[[], T],
    default: T,
    read: Callable[[str], T],
    allowed: Callable[[T], bool] = lambda _: True,
) -> T:
    """Draw a control whose value lives in the address under its key.

    Parameters
    ----------
    key : str
        Of the control, and its name in the address.
    draw : function
        Makes the control, with ``key``, and returns its value.
    default : value
        Left out of the address.
    read : function
        From the text in the address to a value; raises ValueError with a sentence
        when it makes no sense.
    allowed : function
        Whether a value kept from another page can be set here.
    """
    visit = _visit()
    store: dict[str, tuple[int | None, T | None]] = st.session_state.setdefault("_kept", {})
    seen, chosen = store.get(key, (None, None))
    if seen != visit or key not in st.session_state:
        said = st.query_params.get(key) if seen != visit else None
        start = _from_link(said, read, default if chosen is None else chosen)
        if allowed(start):
            st.session_state[key] = start
    value = draw()
    set_by_reader = value != default and value is not None
    store[key] = (visit, value if set_by_reader else None)
    if set_by_reader:
        st.session_state.setdefault("_said", {})[key] = _text(value)
    return value


def _from_link(said: str | None, read: Callable[[str], T], before: T) -> T:
    if said is None:
        return before
    try:
        return read(said)
    except ValueError as problem:
        st.session_state.setdefault("_notices", []).append(str(problem))
        return before


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def notices() -> None:
    """Say what a link asked for and could not get, once."""
    for sentence in st.session_state.pop("_notices", []):
        st.warning(sentence, icon=":material/link_off:")


def write() -> None:
    """Put what is set into the address: called by the frame after the page has run."""
    data = {
        "page": st.session_state["_page"],
        "names": sorted(st.session_state.get("_kept", {})),
        "said": st.session_state["_said"],
    }
    with st.container(key="address-helper"):
        _write(key="address", data=data)
