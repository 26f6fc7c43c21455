"""A lesson is drawn: figure on the left, a step or the laboratory on the right, the way through."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, TypeVar

import streamlit as st

from mlm_core import DataError
from mlm_core.records import all_converged
from pages.shared import contents, decks, moving, settings, stage
from pages.shared.figure import Handle
from pages.shared.story import alone, below, laboratory, on_stage, panel, stepper
from pages.shared.story.grammar import Seen, Story
from pages.shared.story.place import here, place_of, seen_at
from pages.shared.words import plain

F = TypeVar("F")
ROUGH = "The search for the best fit ran out of rounds: the numbers here are rough."
UNTOLD: ContextVar[list[Story[Any]] | None] = ContextVar("untold", default=None)
"""While it is set, a story that a page tells is put there and not drawn (see `offstage`)."""


def tell(story: Story[F]) -> None:
    """Draw the lesson at the reader's place in it."""
    untold = UNTOLD.get()
    if untold is not None:
        untold.append(story)
        return
    settings.visit()
    st.session_state["_told"] = True
    _stage(story)


@st.fragment(key=moving.LESSON)
def _stage(story: Story[Any]) -> None:
    with moving.IN_TURN:
        _draw(story)


def _draw(story: Story[Any]) -> None:
    settings.begin(story.slug)
    st.session_state["_alternatives"] = {}
    decks.lead()
    presenting, deck = stage.on(), decks.shown()
    place = place_of(story)
    seen = place.shown = seen_at(story, place)
    with st.container(key="head"):
        st.title(contents.lesson(story.slug).question, anchor=False)
    settings.notices()
    with st.container(key="story"):
        left, right = st.columns([8, 5], gap="medium")
    with right:
        telling = st.container(key="telling")
    with telling:
        words = st.container(key="words")
    step = None if seen.free else story.steps[place.step]
    with words:
        if step is None:
            tell = laboratory.draw_head(story)
        elif presenting:
            tell = on_stage.draw_head(story, step)
        else:
            tell = panel.draw_head(story, step, place)
    moving.begin()
    with left, st.container(key="picture"):
        facts, handle = _moved(story, tell)
    with telling:
        with words:
            if step is None:
                laboratory.draw(story, facts, seen)
            else:
                draw = on_stage.draw if presenting else panel.draw
                draw(story, step, facts, seen, place, alone.mover(story, facts, seen))
                alone.name(story, step.uses, f"{story.slug}-{place.step}")
        stepper.draw(story, place, presenting, handle is not None, deck)
        if presenting:
            on_stage.draw_room(story, facts, seen, place)
    if facts is not None and not presenting:
        below.draw(story, facts, seen)


@st.fragment(key=moving.FIGURE)
def _moved(story: Story[Any], tell: panel.Tell) -> tuple[Any, Handle | None]:
    """The figure, and the words beside it: all that a control changes."""
    with moving.IN_TURN:
        return _figure(story, tell)


def _figure(story: Story[Any], tell: panel.Tell) -> tuple[Any, Handle | None]:
    place = here()
    by_itself = moving.alone()
    seen = place.shown
    assert seen is not None
    facts, problem = _facts(story, seen)
    handle = None
    if facts is None:
        st.warning(f"{plain(problem)} Take more or larger schools.", icon=":material/data_alert:")
    else:
        handle = story.figure(facts, seen)
        if not all_converged(facts):
            st.warning(ROUGH, icon=":material/data_alert:")
    alternatives = st.session_state["_alternatives"]
    news = {"address": settings.address(), "alternatives": alternatives} if by_itself else None
    tell(facts, seen, handle, news)
    return facts, handle


def _facts(story: Story[F], seen: Seen) -> tuple[F | None, str]:
    try:
        return story.facts(seen), ""
    except DataError as reason:
        return None, str(reason)
