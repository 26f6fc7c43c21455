"""Where in a lesson the reader is, and what is set there.

In a step the lesson's scenario counts, and what the step sets; in the laboratory the reader's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from mlm_core import Scenario
from pages.shared import controls, figure, links, moving, settings, stage
from pages.shared.controls import Control
from pages.shared.story.answers import SHOW_ME, Given, Where, answers, picked
from pages.shared.story.grammar import (
    HELD_HERE,
    Asked,
    Question,
    Seen,
    Sorting,
    Step,
    Story,
    default_of,
    first_prediction,
    with_value,
)


@dataclass(slots=True)
class Place:
    """Where in the lesson the reader is."""

    slug: str
    visit: int
    step: int = 0
    question: int = 0
    free: bool = False
    local: dict[str, Any] = field(default_factory=dict)
    shown: Seen | None = None
    shared: list[dict[str, str]] = field(default_factory=list)
    times: int = 0

    @property
    def where(self) -> Where:
        """The question that the reader is at."""
        return self.slug, self.step, self.question


def here() -> Place:
    """The reader's place, once the lesson has been drawn."""
    place: Place = st.session_state["_place"]
    return place


def place_of(story: Story[Any]) -> Place:
    """Where the reader is; on entering, where the address leads."""
    visit = settings.visit()
    place: Place | None = st.session_state.get("_place")
    if place is None or (place.slug, place.visit) != (story.slug, visit):
        place = st.session_state["_place"] = _entered(story, visit)
    if place.free:
        settings.say("free", True)
    else:
        if place.step:
            settings.say("step", place.step + 1)
        if place.question:
            settings.say("question", place.question + 1)
        if stage.is_on() and answered(place):  # it comes back with the page, in any process
            settings.say(links.REVEAL, True)
    return place


def _entered(story: Story[Any], visit: int) -> Place:
    """Where the address leads: a link that sets something and names no step, to free play."""
    free = settings.link("free", settings.yes_or_no("Free play"))
    most = len(story.steps)
    step = settings.link("step", settings.number_between(1, most, "Step", whole=True))
    question = settings.link("question", settings.number_between(1, 9, "Question", whole=True))
    shown = settings.link(links.REVEAL, settings.yes_or_no("Show the answer"))
    sets = any(control.name in settings.asked_for() for control in story.known)
    place = Place(
        story.slug,
        visit,
        step=0 if step is None else step - 1,
        question=0 if question is None else question - 1,
        free=bool(free) or (step is None and sets),
    )
    if shown and not answered(place):
        reveal(story, place)
    return place


def stops(story: Story[Any]) -> list[tuple[int, int]]:
    """Every place where the story can stop: a step, or a question of a check."""
    return [
        (k, q)
        for k, step in enumerate(story.steps)
        for q in range(n_questions(story.slug, k, step))
    ]


def n_questions(slug: str, k: int, step: Step[Any]) -> int:
    """How many questions a step has, as far as is known: a check tells once it is asked."""
    known: dict[tuple[str, int], int] = st.session_state.setdefault("_questions", {})
    return known.get((slug, k), 1)


def answered(place: Place) -> bool:
    """Whether the question that the reader is at has been answered."""
    return place.where in answers()


def reveal(story: Story[Any], place: Place) -> None:
    """Show the answer of the question, or hide it again."""
    if place.free or story.steps[place.step].ask is None:
        return
    if answers().pop(place.where, None) is None:
        answers()[place.where] = Given(picked().get(place.where, SHOW_ME), True, "", None)


def asked_at(
    story: Story[Any], step: Step[Any], facts: Any, place: Place
) -> tuple[Asked | None, int]:
    """The question of the moment, and how many the step has."""
    asked = step.ask(facts) if step.ask is not None else ()
    questions = [asked] if isinstance(asked, (Question, Sorting)) else list(asked)
    if not questions:
        return None, 0
    st.session_state.setdefault("_questions", {})[story.slug, place.step] = len(questions)
    place.question = min(place.question, len(questions) - 1)
    return questions[place.question], len(questions)


# What is set


def seen_at(story: Story[Any], place: Place) -> Seen:
    """What the figure shows at a place, with the reader's hand on it."""
    step = None if place.free else story.steps[place.step]
    sets: dict[str, Any] = {}
    if step is not None:
        sets = controls.values_of(step.sets) if step.sets is not None else {}
        given = step.answered if step.answered and answered(place) else {}
        sets |= {**step.shows, **given}
    values: dict[str, Any] = {k: v for k, v in sets.items() if k == "handle"}
    scenario = story.start
    for control in story.known:
        values[control.name] = _value(control, step, sets, place, scenario)
        scenario = with_value(scenario, control.name, values[control.name])
    return Seen(
        scenario,
        values,
        "free" if step is None else step.kind,
        -1 if step is None else place.step,
        _revealed(story, place),
    )


def _value(
    control: Control, step: Step[Any] | None, sets: Mapping[str, Any], place: Place, s: Scenario
) -> Any:
    """What a setting is: in the laboratory the reader's; in a step the step's, if it sets it."""
    name = control.name
    default = default_of(control, s)
    allowed = partial(control.allowed, scenario=s)
    sets = {name: sets[name]} if name in sets and allowed(sets[name]) else {}
    if step is None:
        return settings.held(name, default, control.read, allowed)
    if name in step.uses or name in place.local or (name in HELD_HERE and name in sets):
        start = sets.get(name, default)
        return settings.held(name, start, control.read, allowed, place.local)
    if name in sets:
        return sets[name]
    return settings.held(name, default, control.read, allowed, here=name in controls.BY_NAME)


def _revealed(story: Story[Any], place: Place) -> bool:
    if place.free:
        return True
    first = first_prediction(story)
    return place.step > first or (place.step == first and answered(place))


def pick_from(chart: str) -> Callable[[], None]:
    """Callback for a figure whose selection ``school`` picks the school."""

    def picked() -> None:
        school = figure.clicked(chart, "school")
        if school is not None:
            here().local["school"] = school
            settings.keep("school", school)
        moving.all_of_it()

    return picked


def set_here(**values: Any) -> None:
    """Callback of a lesson's own button: set something in this step, or in the laboratory."""
    place = here()
    if place.free:
        settings.put(values)
    else:
        place.local.update(values)
    moving.all_of_it()
