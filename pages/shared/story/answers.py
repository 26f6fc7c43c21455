"""What has been answered, and what is said to it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from mlm_core import Scenario
from pages.shared.story.grammar import Kind, Question

SHOW_ME = -1
"""The position of an answer that was asked for and not given."""
Where = tuple[str, int, int]
"""Of a question: lesson, step, and which of the step's questions."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was given: its verdict belongs to the scenario of that moment."""

    position: int
    right: bool
    words: str
    scenario: Scenario | None


def answers() -> dict[Where, Given]:
    """All that this reader has answered."""
    kept: dict[Where, Given] = st.session_state.setdefault("_answers", {})
    return kept


def picked() -> dict[Where, int]:
    """What the room says, on the stage, before the answer is shown."""
    kept: dict[Where, int] = st.session_state.setdefault("_picked", {})
    return kept


def sorted_said() -> dict[Where, str]:
    """What a screen reader is told of the last item that was sorted."""
    said: dict[Where, str] = st.session_state.setdefault("_sorted_said", {})
    return said


MOST = 500
"""Answers that a browser may bring back."""


def for_the_browser() -> dict[str, list[tuple[int, int, int]]]:
    """All answers by lesson: step, question, position. A page brings them to another process."""
    told: dict[str, list[tuple[int, int, int]]] = {}
    for (slug, step, k), given in answers().items():
        told.setdefault(slug, []).append((step, k, given.position))
    return told


def come_back(told: object) -> None:
    """Take up what a browser kept of a session that was lost; verdicts come when it is drawn."""
    lessons = told.items() if isinstance(told, dict) else ()
    found = [(slug, each) for slug, all_ in lessons if isinstance(all_, list) for each in all_]
    for slug, each in found[:MOST]:
        if isinstance(each, list) and [type(n) for n in each] == [int, int, int]:
            where: Where = (str(slug), each[0], each[1])
            answers().setdefault(where, Given(each[2], True, "", None))
            if each[2] != SHOW_ME:
                picked().setdefault(where, each[2])


def judged(question: Question, position: int, kind: Kind, scenario: Scenario) -> Given:
    """The verdict on an answer; a position that is none of them shows the right one."""
    right = next(answer for answer in question.answers if answer.right)
    shown = not 0 <= position < len(question.answers)
    chosen = right if shown else question.answers[position]
    if shown:
        words = f"**{right.text}.** {right.why}"
    elif chosen.right:
        words = f"**Yes.** {right.why}"
    elif kind == "predict":
        words = f"**Not so.** {chosen.why} **{right.text}.** {right.why}"
    else:
        words = f"**Not so.** {chosen.why} Try another."
    return Given(position, chosen.right, words, scenario)


def given_to(question: Question, where: Where, kind: Kind, scenario: Scenario) -> Given | None:
    """The answer as it was given; one that a key or a link shows gets its verdict here."""
    given = answers().get(where)
    if given is not None and given.scenario is None:
        given = answers()[where] = judged(question, given.position, kind, scenario)
    return given
