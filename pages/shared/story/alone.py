"""Which controls of a step, or of the laboratory, move the figure and its words alone.

Beside the figure stands what `panel.Tell` says; all else that a lesson draws stays as it is.
That is so where no control looks otherwise now, nothing is asked, and nothing below is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import controls, decks, moving, settings, stage
from pages.shared.story.grammar import Seen, Story
from pages.shared.story.place import Place, here, place_of, seen_at


def mover(story: Story[Any], facts: Any, seen: Seen) -> Callable[[], None]:
    """What a control does at the end of its callback."""
    return partial(_moved, story, None if facts is None else _look(story, seen))


def name(story: Story[Any], names: Iterable[str], prefix: str) -> None:
    """Tell the server of the controls that may run the figure at once (see `moving`)."""
    if _figure_only(story, here()):
        others = {name for control in story.known for name in _moved_by(control)}
        keys = [f"{prefix}-{name}" for name in names if name not in others]
        moving.movers([*keys, *(f"press-{key}" for key in keys)])


def _figure_only(story: Story[Any], place: Place) -> bool:
    """Whether nothing but the figure and its words follows the controls of the moment."""
    step = None if place.free else story.steps[place.step]
    others = step is not None and (step.ask is not None or callable(step.do))
    return not others and st.session_state.get(f"more-{story.slug}") is None


def _moved(story: Story[Any], look: tuple[Any, ...] | None) -> None:
    """At the end of a callback: run the figure alone, where that is enough."""
    if not _figure_only(story, here()):
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
