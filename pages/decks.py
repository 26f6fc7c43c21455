"""What will the room see? Pictures in a teacher's order, presented and shared as one link."""

from dataclasses import replace

import streamlit as st

from pages.shared import contents, decks, settings
from pages.shared.decks import showing
from pages.shared.decks.editor import editor
from pages.shared.words import count, plain


def buttons(said: str, name: str) -> None:
    """What can be done with a deck."""
    with st.container(horizontal=True):
        st.button("Present", key=f"present-{name}", type="primary", icon=":material/co_present:",
                  on_click=decks.present, args=(said,))  # fmt: skip
        st.button("Copy link", key=f"link-{name}", icon=":material/link:",
                  on_click=showing.share, args=(said,))  # fmt: skip
        st.link_button(
            "Speaker's view", f"decks?deck={said}&speaker=true", icon=":material/open_in_new:"
        )
        st.button("Edit a copy", key=f"copy-{name}", icon=":material/edit:",
                  on_click=decks.keep, args=(decks.unpack(said),))  # fmt: skip


def listed(deck: decks.Deck) -> str:
    """The pictures of a deck, as links."""
    return "\n".join(
        f"{k}. [{plain(p.title)}]({p.address})" + (f", {p.minutes} min" if p.minutes else "")
        for k, p in enumerate(deck.pictures, 1)
    )


said = settings.held("deck", "", decks.known)
speaking = settings.link("speaker", settings.yes_or_no("Speaker's view"))
if speaking is not None:
    st.session_state["_speaking"] = (settings.visit(), speaking)

with st.container(key="head"):
    st.title(contents.lesson("decks").question, anchor=False)
settings.notices()

if said and st.session_state.get("_speaking") == (settings.visit(), True):
    showing.speaker(said)
else:
    st.markdown(
        "A deck is a row of pictures: steps of the lessons, or free play with what you set there. On the stage "
        "**Page Down** shows the next one, and so does a clicker. Right and Left still walk through the lesson. "
        "The link is the deck: nothing is stored here."
    )
    if said and said not in decks.ready():
        deck = decks.unpack(said)
        with st.container(border=True, key="sent"):
            st.header(plain(deck.title), anchor=False)
            buttons(said, "sent")
            st.markdown(listed(deck))
    st.header("Ready to present", anchor=False)
    for column, (name, deck) in zip(st.columns(3), decks.ready().items(), strict=False):
        with column, st.container(border=True):
            st.markdown(
                f"**{deck.title}**  \n{deck.minutes} minutes, {count(len(deck.pictures), 'picture')}"
            )
            buttons(name, name)
            with st.expander("What it shows"):
                st.markdown(listed(deck))
    st.header("Your own", anchor=False)
    editor()
    mine = decks.draft()
    if mine.pictures:
        try:
            buttons(decks.pack(replace(mine, name="")), "mine")
        except ValueError as problem:
            st.warning(str(problem))
