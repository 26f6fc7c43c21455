"""Decks on pages without steps: their keys, links to copy, the speaker's view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import decks, links, settings, stage

_HERE = Path(__file__).parent
_elsewhere = st.components.v2.component(
    "pooling_lab_elsewhere",
    js=stage.SCRIPT + (_HERE / "elsewhere.js").read_text(encoding="utf-8"),
)
_speaker = st.components.v2.component(
    "pooling_lab_speaker",
    html=(_HERE / "speaker.html").read_text(encoding="utf-8"),
    js=stage.SCRIPT + (_HERE / "speaker.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)
SHARED = "_deck_links"


def elsewhere() -> None:
    """At the end of a page without steps: it is on the stage only as a picture of a deck."""
    asked = stage.on()
    deck = decks.shown()
    if asked and deck is None:
        stage.leave()
    with st.container(key="stage-helper"):
        _elsewhere(
            key="elsewhere",
            data={
                "deck": deck,
                "shared": st.session_state.get(SHARED, []),
                "heard": stage.heard(),
            },
            on_go_change=_go,
        )


def _go() -> None:
    to = st.session_state["elsewhere"].go
    stage.hear()
    if to == "close":
        st.session_state.pop(SHARED, None)
    elif to == "leave":
        stage.leave()
    elif isinstance(to, dict) and isinstance(to.get("lead"), int):
        decks.turn(to["lead"])


def share(said: str) -> None:
    """Callback: show the link of a deck, to be copied."""
    base = links.page(st.context.url or "", "decks")
    st.session_state[SHARED] = links.made({"Link to this deck": f"{base}?deck={said}"})


def speaker(said: str) -> None:
    """Notes, the next picture and the time, for the speaker's own screen."""
    pictures: list[dict[str, Any]] = [
        {"title": p.title, "note": p.note, "minutes": p.minutes}
        for p in decks.unpack(said).pictures
    ]
    settings.say("speaker", True)
    _speaker(key="speaker", data={"deck": said, "pictures": pictures})
