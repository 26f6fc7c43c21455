"""The laboratory: all controls of the scenario."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import controls, decks, moving, settings, stage
from pages.shared.story.grammar import Seen, Story
from pages.shared.story.panel import offer
from pages.shared.story.place import here, place_of, seen_at

SLIDERS = "Sliders set the truth. The figure shows estimates: what the data can tell."


def draw_head(words: Any) -> Any:
    """The head of the laboratory, and the place for what it says: that moves with the figure."""
    with words:
        st.html('<p class="pl-kicker">Free play</p>')
        st.header("The laboratory", anchor=False)
        return st.container(key="beside", gap="small")


def draw(story: Story[Any], facts: Any, seen: Seen) -> None:
    """The controls, and the ways back."""
    look = _look(story, seen)
    moved = partial(_only_moved, story, None if facts is None else look)
    names = [c if isinstance(c, str) else c.name for c in story.controls]
    kept: dict[str, Any] = st.session_state.setdefault("_kept", {})
    scenario = [name for name in names if name in controls.BY_NAME and name != "seed"]
    own = [name for name in names if name not in controls.BY_NAME]
    if scenario:
        controls.presets()
    offer(story, [*own, *scenario], seen, kept, story.slug, moved)
    if st.session_state.get(f"more-{story.slug}") is None:
        others = {name for control in story.known for name in _moved_by(control)}
        moving.movers(f"{story.slug}-{name}" for name in names if name not in others)
    everything = [c.name for c in story.known]
    with st.container(horizontal=True):
        if scenario:
            st.button("New draw", key="new-draw", icon=":material/casino:",
                      on_click=_new_draw, args=(moved,),
                      help="Other schools, other students.")  # fmt: skip
        st.button("Back to the start", key="back-to-start", icon=":material/restart_alt:",
                  on_click=settings.forget, args=(everything,),
                  help="All settings as they were at first.")  # fmt: skip
    elsewhere = [
        c.label for c in story.known
        if c.name in controls.BY_NAME and c.name not in scenario and c.name != "seed" and c.name in kept
    ]  # fmt: skip
    if elsewhere and scenario:
        st.caption(f"Set on another page, and at work here too: {', '.join(elsewhere)}.")
    if scenario:
        st.caption(SLIDERS)


def _new_draw(moved: Callable[[], None]) -> None:
    place = here()
    if place.shown is not None:
        settings.put({"seed": controls.following("seed", place.shown.scenario.seed)})
    moved()


def _only_moved(story: Story[Any], look: tuple[Any, ...] | None) -> None:
    """At the end of a callback: run the figure alone, where no control looks otherwise now."""
    place = here()
    if not place.free or st.session_state.get(f"more-{story.slug}") is not None:
        return moving.all_of_it()
    settings.begin(story.slug)
    st.session_state["_alternatives"] = {}
    stage.on()
    decks.shown()
    place = place_of(story)
    place.shown = seen_at(story, place)
    if look == _look(story, place.shown):
        moving.figure_alone()
    else:
        moving.all_of_it()


def _moved_by(control: controls.Control) -> tuple[str, ...]:
    """The settings that change how a control looks."""
    if isinstance(control, controls.Choice) and callable(control.options):
        return ("n_groups",)
    return (
        () if not isinstance(control, controls.Slider) or control.idle is None else control.idle[:1]
    )


def _look(story: Story[Any], seen: Seen) -> tuple[Any, ...]:
    """How the laboratory's controls look, their values aside."""
    return tuple(
        tuple(control.of(seen.scenario)) if isinstance(control, controls.Choice)
        else control.idle is not None and seen.get(control.idle[0]) == control.idle[1]
        for control in story.known
        if isinstance(control, controls.Choice | controls.Slider)
    )  # fmt: skip
