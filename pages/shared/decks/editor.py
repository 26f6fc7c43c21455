"""The editor of a deck: titles, notes, order. What is made lives in the session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import decks, settings
from pages.shared.words import plain


def editor() -> None:
    """Draw the deck that is being made."""
    deck = _kept()
    _field(st.text_input, "Title of the deck", "deck-title", deck.title, _titled, max_chars=80)
    for at, picture in enumerate(deck.pictures):
        _picture(at, picture, len(deck.pictures))
    with st.form("add-picture", clear_on_submit=True, border=False):
        where, press = st.columns([5, 1], vertical_alignment="bottom")
        address = where.text_input(
            "Add a picture: paste an address of this app", key="new-address", max_chars=500,
            placeholder="/partial_pooling?step=3",
        )  # fmt: skip
        if press.form_submit_button("Add", icon=":material/add:", width="stretch") and address:
            decks.add(address)
            st.rerun()
    said = st.session_state.pop("_added", None)
    st.caption(
        plain(said) if said else "Or press L in a lesson, and “Add this picture to my deck”."
    )


def _kept() -> decks.Deck:
    """The deck that is being made; it is in the address too, so that a reload keeps it."""
    sent = settings.link("draft", decks.unpack)
    if sent is not None and not decks.draft().pictures:
        decks.keep(sent)
    deck = decks.draft()
    if deck.pictures:
        with suppress(ValueError):  # too long for an address: it is in the session
            settings.say("draft", decks.pack(deck))
    return deck


def _picture(at: int, picture: decks.Picture, of: int) -> None:
    with st.container(border=True, key=f"picture-{at}"):
        what, note, acts = st.columns([3, 4, 1.4])
        with what:
            _field(st.text_input, f"Picture {at + 1}", f"title-{at}", picture.title,
                   partial(_changed, at, "title"), max_chars=80)  # fmt: skip
            st.caption(f"[{plain(picture.address)}]({picture.address})")
        with note:
            _field(st.text_area, "Note for the speaker", f"note-{at}", picture.note,
                   partial(_changed, at, "note"), max_chars=500, height=88)  # fmt: skip
        with acts:
            _field(st.number_input, "Minutes", f"minutes-{at}", picture.minutes,
                   partial(_changed, at, "minutes"), min_value=0, max_value=240)  # fmt: skip
            with st.container(horizontal=True, gap="xsmall"):
                _act("up", "Move up", ":material/arrow_upward:", at, -1, at == 0)
                _act("down", "Move down", ":material/arrow_downward:", at, 1, at == of - 1)
                _act("out", "Take out", ":material/delete:", at, 0, False)


def _field(
    draw: Callable[..., Any], label: str, key: str, value: Any, changed: Any, **options: Any
) -> None:
    st.session_state[key] = value
    draw(label, key=key, on_change=partial(changed, key), **options)


def _act(name: str, words: str, icon: str, at: int, by: int, idle: bool) -> None:
    st.button(
        "", key=f"{name}-{at}", icon=icon, help=words, disabled=idle, on_click=_moved, args=(at, by)
    )


def _titled(key: str) -> None:
    decks.keep(replace(decks.draft(), title=st.session_state[key].strip() or "My deck"))


def _changed(at: int, what: str, key: str) -> None:
    deck = decks.draft()
    pictures = list(deck.pictures)
    value = st.session_state[key]
    if what == "title" and not value.strip():
        value = decks.called(pictures[at].address)
    pictures[at] = replace(pictures[at], **{what: value})
    decks.keep(replace(deck, pictures=tuple(pictures)))


def _moved(at: int, by: int) -> None:
    decks.keep(decks.moved(decks.draft(), at, by))
