"""The way through: the stepper in the browser, and what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import controls, decks, links, room, settings, stage
from pages.shared.story.answers import answers, come_back, for_the_browser, sorted_said
from pages.shared.story.grammar import Story, of_a_town
from pages.shared.story.place import Place, here, n_questions, reveal, set_here, stops
from pages.shared.words import spoken

_HERE = Path(__file__).parent
_stepper = st.components.v2.component(
    "pooling_lab_stepper",
    html=(_HERE / "stepper.html").read_text(encoding="utf-8"),
    js=stage.SCRIPT + (_HERE / "stepper.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def draw(
    story: Story[Any], place: Place, presenting: bool, handle: bool, deck: dict[str, Any] | None
) -> None:
    """Back, dots, Next, and what the browser must know of the moment."""
    all_stops = stops(story)
    at = next((k for k, stop in enumerate(all_stops) if stop == (place.step, place.question)), None)
    if at is None:
        at = next(k for k, stop in enumerate(all_stops) if stop[0] == place.step)
    step = story.steps[place.step]
    within = at + 1 < len(all_stops) and all_stops[at + 1][0] == place.step
    given = answers().get(place.where)
    said = f"Step {place.step + 1} of {len(story.steps)}: {step.heading}"
    asked = n_questions(story.slug, place.step, step)
    if asked > 1:
        said += f". Question {place.question + 1} of {asked}"
    if place.free:
        said = "Free play: all controls of the scenario are on the page."
    elif given is not None:
        said = spoken(given.words)
    elif place.where in sorted_said():
        said = spoken(sorted_said()[place.where])
    with st.container(key="way"):
        _stepper(
            key="stepper",
            data={
                "slug": story.slug,
                "stops": [{"step": k, "name": story.steps[k].heading} for k, _ in all_stops],
                "at": at,
                "free": place.free,
                "next": "Next question"
                if within
                else "Next lesson"
                if at == len(all_stops) - 1
                else "Next",
                "said": said,
                "address": settings.address(),
                "alternatives": st.session_state["_alternatives"],
                "presenting": presenting,
                "handle": handle,
                "asks": not place.free and step.ask is not None,
                "town": of_a_town(story),
                "shared": {"links": place.shared, "times": [place.visit, place.times]},
                "deck": deck,
                "heard": stage.heard(),
                "session": settings.session(),
                "given": for_the_browser(),
            },
            on_go_change=partial(go, story),
        )


def go(story: Story[Any]) -> None:
    """Callback of the stepper."""
    to = st.session_state["stepper"].go
    place = here()
    if to is None:
        return
    stage.hear()
    place.shared = []
    if isinstance(to, dict):
        _asked_for(story, place, to)
        return
    if to in ACTS:
        ACTS[to](story, place)
        return
    if to == "free":
        place.free = True
    else:
        all_stops = stops(story)
        place.free = False
        place.step, place.question = all_stops[min(max(int(to), 0), len(all_stops) - 1)]
    place.local = {}


def _turn_truth(story: Story[Any], place: Place) -> None:
    """Show the truth, or hide it; where the lesson has one."""
    if place.shown is not None and place.shown.get("truth") is not None:
        set_here(truth=not place.shown["truth"])


def _draw_anew(story: Story[Any], place: Place) -> None:
    """Other schools, other students: until the step is left, or in the laboratory for good."""
    if place.shown is not None and of_a_town(story):
        set_here(seed=controls.following("seed", place.shown.scenario.seed))


ACTS: dict[str, Callable[[Story[Any], Place], None]] = {
    "reveal": reveal,
    "truth": _turn_truth,
    "draw": _draw_anew,
    "stage": lambda _story, _place: stage.turn(),
    "room": lambda _story, _place: room.open_room(),
}


def _asked_for(story: Story[Any], place: Place, what: Mapping[str, Any]) -> None:
    """Callback: what the browser asks with a word of its own: links to copy, a picture of a deck."""
    if isinstance(what.get("share"), str):
        asks = not place.free and story.steps[place.step].ask is not None
        place.shared = links.to_copy(what["share"], asks=asks)
        place.times += 1
    elif isinstance(what.get("add"), str):
        decks.add(what["add"])
    elif isinstance(what.get("lead"), int):
        decks.turn(what["lead"])
    elif isinstance(what.get("resume"), str):
        settings.resume(what["resume"])
        come_back(what.get("given"))
