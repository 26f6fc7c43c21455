"""A step on the stage: a heading with a question or one sentence, and the room beside it."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import room, stage
from pages.shared.figure import Handle
from pages.shared.story.answers import answers, given_to, picked
from pages.shared.story.grammar import Kind, Question, Seen, Sorting, Step, Story, shuffled
from pages.shared.story.panel import News, Tell, offer, on_to_the_next, said_of, tell
from pages.shared.story.place import Place, answered, asked_at


def draw_head(story: Story[Any], step: Step[Any]) -> Tell:
    """A heading, the place of a step's sentence, and of its prose, which is folded away."""
    st.header(step.heading, anchor=False)
    line = st.container(key="line") if step.ask is None else None
    return partial(_tell, story.slug, step, line, st.container(key="prose"))


def _tell(
    slug: str, step: Step[Any], line: Any, place: Any,
    facts: Any, seen: Seen, handle: Handle | None, news: News,
) -> None:  # fmt: skip
    """One sentence, where nothing is asked; and the prose."""
    if line is not None and facts is not None:
        text, do, changed = (said_of(words, facts) for words in (step.text, step.do, step.changed))
        line.markdown(stage.line(text, do=do, changed=changed))
    tell(slug, step, place, facts, seen, handle, news)


def draw(
    story: Story[Any],
    step: Step[Any],
    facts: Any,
    seen: Seen,
    place: Place,
    moved: Callable[[], None],
) -> None:
    """A question, or the controls of a step."""
    if facts is None:
        return
    question, _ = asked_at(story, step, facts, place)
    if isinstance(question, Sorting):
        _sort(question, place)
    elif question is not None:
        _choose(question, step.kind, seen, place)
    if step.uses:
        with st.container(key="hands"):
            offer(story, step.uses, seen, place.local, f"{story.slug}-{place.step}", moved)
    on_to_the_next(story, step)


def _choose(question: Question, kind: Kind, seen: Seen, place: Place) -> None:
    """The room sees the answers; which is right comes when it is asked for."""
    where = place.where
    given = given_to(question, where, kind, seen.scenario)
    chosen = picked().get(where)
    grid = stage.columns(len(question.answers), max(len(a.text) for a in question.answers))
    with st.container(key="asked"):
        st.markdown(f"**{question.text}**")
    with st.container(key=f"grid-{grid}"), st.container(key="answers"):
        for position in shuffled(question, *where):
            answer = question.answers[position]
            right = given is not None and answer.right
            st.button(
                answer.text, key=f"answer-{'-'.join(map(str, where))}-{position}", width="stretch",
                type="primary" if right or (given is None and position == chosen) else "secondary",
                icon=":material/check:" if right else ":material/close:" if given is not None
                else f":material/radio_button_{'' if position == chosen else 'un'}checked:",
                on_click=picked().__setitem__, args=(where, position), disabled=given is not None and not right,
            )  # fmt: skip
    if given is not None:
        wrong = [a for k, a in enumerate(question.answers) if k == chosen and not a.right]
        said = [stage.line(a.why, most=stage.VERDICT) for a in wrong]
        best = next(a for a in question.answers if a.right)
        said += [f"**{best.text}.**"] if wrong else []
        said.append(stage.line(best.why, most=stage.VERDICT))
        with st.container(key="verdict"):
            st.markdown(" ".join(said))


def _sort(sorting: Sorting, place: Place) -> None:
    """Items and their bins; which is right comes when it is asked for."""
    shown = place.where in answers()
    with st.container(key="asked"):
        st.markdown(f"**{sorting.text}**")
    with st.container(key="grid-3"), st.container(key="answers"):
        for k, item in enumerate(sorting.items):
            with st.container(key=f"item-{k}"):
                st.markdown(item.text)
                bins = [
                    '<li class="pl-right"><span aria-hidden="true">✓</span> '
                    f'{html.escape(room.said(b))}<span class="pl-unseen"> (right)</span></li>'
                    if shown and b == item.bin else f"<li>{html.escape(room.said(b))}</li>"
                    for b in sorting.bins
                ]  # fmt: skip
                st.html(f'<ul class="pl-bins">{"".join(bins)}</ul>')


def draw_room(story: Story[Any], facts: Any, seen: Seen, place: Place) -> None:
    """The room's answers stand beside the question, and its code where it is asked for."""
    asked, revealed = None, False
    if facts is not None and not seen.free:
        asked, _ = asked_at(story, story.steps[place.step], facts, place)
        revealed = answered(place)
    shown: list[Question | Sorting] = []
    if isinstance(asked, Sorting):
        shown = [asked]
    elif asked is not None:
        order = shuffled(asked, *place.where)
        shown = [replace(asked, answers=[asked.answers[k] for k in order])]
    with st.container(key="room-place"):
        room.on_stage(story.slug, seen.step, shown, revealed)
