"""The laboratory: all controls of the scenario."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import controls, settings
from pages.shared.figure import Hand, Handle
from pages.shared.story import alone
from pages.shared.story.grammar import Seen, Story
from pages.shared.story.panel import News, Tell, follow, offer
from pages.shared.story.place import here
from pages.shared.terms import linked

SLIDERS = "Sliders set the truth. The figure shows estimates: what the data can tell."


def draw_head(story: Story[Any]) -> Tell:
    """The head of the laboratory; what it says moves with the figure."""
    st.html('<p class="pl-kicker">Free play</p>')
    st.header("The laboratory", anchor=False)
    return partial(_tell, story, st.container(key="beside", gap="small"))


def _tell(
    story: Story[Any], place: Any, facts: Any, seen: Seen, handle: Handle | None, news: News
) -> None:
    """What the laboratory says beside the figure."""
    with place:
        said = story.lab(facts) if story.lab is not None and facts is not None else ""
        if isinstance(said, str) and said:
            st.markdown(linked(said))
        if handle is None:
            settings.tell(news)
        follow(handle, said if isinstance(said, Hand) else None, seen, story.slug, news)


def draw(story: Story[Any], facts: Any, seen: Seen) -> None:
    """The controls, and the ways back."""
    names = [c if isinstance(c, str) else c.name for c in story.controls]
    kept: dict[str, Any] = st.session_state.setdefault("_kept", {})
    scenario = [name for name in names if name in controls.BY_NAME and name != "seed"]
    own = [name for name in names if name not in controls.BY_NAME]
    moved = alone.mover(story, facts, seen)
    given = story.given if story.given and seen[story.given.name] == story.given.value else None
    if scenario:
        controls.presets(disabled=given is not None)
    offer(story, own, seen, kept, story.slug, moved)
    if given is not None:
        st.caption(given.instead)
    offer(story, scenario, seen, kept, story.slug, moved)
    alone.name(story, names, story.slug)
    everything = [c.name for c in story.known]
    with st.container(horizontal=True):
        if scenario:
            st.button("New draw", key="new-draw", icon=":material/casino:",
                      on_click=_new_draw, args=(moved,), disabled=given is not None,
                      help="Other schools, other students.")  # fmt: skip
        st.button("Back to the start", key="back-to-start", icon=":material/restart_alt:",
                  on_click=settings.forget, args=(everything,),
                  help="All settings as they were at first.")  # fmt: skip
    elsewhere = [
        c.label for c in story.known
        if c.name in controls.BY_NAME and c.name not in scenario and c.name != "seed" and c.name in kept
    ]  # fmt: skip
    if elsewhere and scenario and given is None:
        st.caption(f"Set on another page, and at work here too: {', '.join(elsewhere)}.")
    if scenario and given is None:
        st.caption(SLIDERS)


def _new_draw(moved: Callable[[], None]) -> None:
    place = here()
    if place.shown is not None:
        settings.put({"seed": controls.following("seed", place.shown.scenario.seed)})
    moved()
