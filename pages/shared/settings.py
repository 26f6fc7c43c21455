"""What a reader has set: kept from page to page, and written into the address.

A setting is a name and a value. When a page is entered, the address says what is
set; what it does not say is as it was on the page before. After each run the address
is written again, without what is at its default: a copied link opens the same picture.
Controls are only views of settings: a setting needs no control to be kept.

Streamlit 1.67 can bind controls to the address by itself, but loses those that came
with the link and were never touched on the next change of page, and when the browser
goes back; and it drops a value it cannot use without a word.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared.words import plain

LONGEST = 20_000
"""Characters of an address that a browser may bring: a deck is in it."""
T = TypeVar("T")
Reader = Callable[[str], Any]

_script = Path(__file__).with_name("address.js").read_text(encoding="utf-8")
_address = st.components.v2.component("pooling_lab_address", js=_script)


def begin(page: str) -> None:
    """Begin the address of a page: before its settings are read."""
    st.session_state["_said"] = {}
    st.session_state["_page"] = page


def visit() -> int:
    """Counts the changes of page, also where a page runs without its frame."""
    context = get_script_run_ctx()
    page = "" if context is None else context.page_script_hash
    if st.session_state.get("_script") != page:
        st.session_state["_script"] = page
        st.session_state["_visit"] = st.session_state.get("_visit", 0) + 1
        st.session_state["_read"] = set()
        st.session_state["_here"] = set()
        st.session_state["_notices"] = []
        st.session_state["_address"] = st.session_state.pop("_resumed", None)
    number: int = st.session_state["_visit"]
    return number


def _here() -> set[str]:
    names: set[str] = st.session_state.setdefault("_here", set())
    return names


def _kept() -> dict[str, Any]:
    kept: dict[str, Any] = st.session_state.setdefault("_kept", {})
    return kept


def held(
    name: str,
    default: T,
    read: Reader,
    allowed: Callable[[T], bool] = lambda _: True,
    store: dict[str, Any] | None = None,
    *,
    here: bool = False,
) -> T:
    """The value of a setting, as the address, the reader or the default has it.

    Parameters
    ----------
    name : str
        Of the setting, in the address too.
    default : value
        Left out of the address.
    read : function
        From the text in the address to a value; raises ValueError with a sentence
        when it makes no sense.
    allowed : function
        Whether a value kept from another page can be had here.
    store : dict, optional
        Where it is kept; by default from page to page.
    here : bool
        Only what was set on this page counts, not what was set on another.
    """
    visit()
    kept = _kept() if store is None else store
    said = link(name, read)
    if said is not None:
        kept[name] = said
        _here().add(name)
    value: T = default if here and name not in _here() else kept.get(name, default)
    if not allowed(value):
        value = default
    if value != default and value is not None:
        say(name, value)
    return value


def link(name: str, read: Reader) -> Any:
    """What the address asked for when the page was entered; once, then None."""
    visit()
    done: set[str] = st.session_state["_read"]
    if name in done:
        return None
    done.add(name)
    said = asked_for().get(name)
    if said is None:
        return None
    try:
        return read(said)
    except ValueError as problem:
        st.session_state.setdefault("_notices", []).append(str(problem))
        return None


def asked_for() -> Mapping[str, str]:
    """The address with which the page was entered."""
    resumed: dict[str, str] | None = st.session_state.get("_address")
    return st.query_params if resumed is None else resumed


def session() -> str:
    """A name of this session, by which a page sees that the server has lost the one before."""
    name: str = st.session_state.setdefault("_session", secrets.token_hex(4))
    return name


def resume(search: str) -> None:
    """Callback: enter the page anew with the address that the browser has.

    Streamlit tells a new process the address with which the page was opened.
    """
    st.session_state["_resumed"] = dict(parse_qsl(search.removeprefix("?")[:LONGEST]))
    st.session_state["_kept"] = {}
    st.session_state["_script"] = None  # a new visit


def say(name: str, value: Any) -> None:
    """Write a value into the address of this run."""
    st.session_state.setdefault("_said", {})[name] = _text(value)
    st.session_state.setdefault("_names", set()).add(name)


def keep(name: str, value: Any, default: Any = None) -> None:
    """Set a setting; at its default it is forgotten."""
    if value == default:
        _kept().pop(name, None)
    else:
        _kept()[name] = value
        _here().add(name)


def put(values: Mapping[str, Any]) -> None:
    """Callback: set several settings."""
    _kept().update(values)
    _here().update(values)


def forget(names: Sequence[str]) -> None:
    """Callback: let settings be at their defaults again."""
    for name in names:
        _kept().pop(name, None)


def changed(names: Sequence[str]) -> bool:
    """Whether a reader has set any of these."""
    return any(name in _kept() for name in names)


def bound(
    name: str,
    draw: Callable[[], T],
    default: T,
    read: Reader,
    allowed: Callable[[T], bool] = lambda _: True,
) -> T:
    """Draw a control, whose key is ``name``, as a view of the setting of that name."""
    before = held(name, default, read, allowed)
    state = st.session_state
    if name not in state or state.get("_drawn", {}).get(name) != before:
        state[name] = before
    value = draw()
    state.setdefault("_drawn", {})[name] = value
    if value != before:
        keep(name, value, default)
        state["_said"].pop(name, None)
        if value != default and value is not None:
            say(name, value)
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def number_between(low: float, high: float, label: str, *, whole: bool = False) -> Reader:
    """Reads a number from a link, or says what the control takes."""

    def read(said: str) -> float:
        try:
            value = float(said)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            ends = f"{low:g} to {high:g}".replace("-", "−")
            raise ValueError(f"“{label}” goes from {ends}, not {plain(said[:40])}")
        return round(value) if whole else value

    return read


def one_of(options: Sequence[str], label: str) -> Reader:
    """Reads a choice from a link, or says that there is no such choice."""

    def read(said: str) -> str:
        if said not in options:
            raise ValueError(f"“{label}” has no {plain(said[:40])}")
        return said

    return read


def yes_or_no(label: str) -> Reader:
    """Reads true or false from a link."""

    def read(said: str) -> bool:
        if said.lower() not in ("true", "false"):
            raise ValueError(f"“{label}” is true or false, not {plain(said[:40])}")
        return said.lower() == "true"

    return read


MOST_NOTICES = 4


def notices() -> None:
    """Say in one box what a link asked for and could not get, once."""
    said = st.session_state.pop("_notices", [])
    if said:
        more = len(said) - MOST_NOTICES
        tail = f"; and {more} more" if more > 0 else ""
        st.warning(
            f"This link asks for what is not here. {'; '.join(said[:MOST_NOTICES])}{tail}. "
            "These stay as they were.",
            icon=":material/link_off:",
        )


def address() -> dict[str, Any]:
    """What goes into the address now: for the scripts that write it."""
    names = st.session_state.get("_names", set()) | st.session_state.get("_read", set())
    return {
        "page": st.session_state.get("_page", ""),
        "names": sorted(names),
        "said": dict(st.session_state.get("_said", {})),
    }


def write() -> None:
    """Put what is set into the address: after a page that has no steps has run."""
    with st.container(key="address-helper"):
        _address(key="address", data=address())


def tell(news: Mapping[str, Any] | None) -> None:
    """Bring news to a lesson's stepper, where there is no hand to bring them."""
    with st.container(key="address-helper"):
        _address(key="address", data={"news": news})
