"""A question in the panel: its answers, or the things to sort, and the verdict."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mlm_core import Scenario
from pages.shared.story.answers import SHOW_ME, Given, Where, answers, given_to, judged, sorted_said
from pages.shared.story.grammar import Item, Kind, Question, Seen, Sorting, Step, Story, shuffled
from pages.shared.story.place import Place, asked_at, here


def draw(story: Story[Any], step: Step[Any], facts: Any, seen: Seen, place: Place) -> None:
    """The question of the moment."""
    question, of = asked_at(story, step, facts, place)
    if of > 1:
        st.html(f'<p class="pl-kicker">Question {place.question + 1} of {of}</p>')
    if isinstance(question, Sorting):
        _sort(question, place)
    elif question is not None:
        _choose(question, step.kind, seen, place)


def _choose(question: Question, kind: Kind, seen: Seen, place: Place) -> None:
    where = place.where
    given = given_to(question, where, kind, seen.scenario)
    done = given is not None and (given.right or kind == "predict")
    st.markdown(f"**{question.text}**")
    with st.container(key="answers", gap="xsmall"):
        for position in shuffled(question, *where):
            answer = question.answers[position]
            chosen = given is not None and given.position == position
            shown = chosen or (done and answer.right)
            icon = ":material/check:" if answer.right else ":material/close:"
            st.button(
                answer.text, key=f"answer-{'-'.join(map(str, where))}-{position}", width="stretch",
                type="primary" if chosen else "secondary",
                icon=icon if shown else ":material/radio_button_unchecked:",
                on_click=_give, args=(question, position, kind, seen.scenario), disabled=done and not chosen,
            )  # fmt: skip
        if kind == "predict" and given is None:
            st.button("Just show me", key="show-me", type="tertiary", on_click=_give,
                      args=(question, SHOW_ME, kind, seen.scenario))  # fmt: skip
    if given is not None:
        _verdict(given, kind, seen.scenario)


def _give(question: Question, position: int, kind: Kind, scenario: Scenario) -> None:
    """Callback: an answer, with the verdict of this moment."""
    answers()[here().where] = judged(question, position, kind, scenario)


def _verdict(given: Given, kind: Kind, scenario: Scenario) -> None:
    with st.container(key="verdict"):
        st.markdown(given.words)
        if given.scenario != scenario:
            st.caption("You answered this for another scenario.")
        if kind == "predict":
            st.button("Take it back", key="take-back", type="tertiary", icon=":material/undo:",
                      on_click=_take_back)  # fmt: skip


def _take_back() -> None:
    answers().pop(here().where, None)


def _sort(sorting: Sorting, place: Place) -> None:
    st.markdown(f"**{sorting.text}**")
    sorted_: dict[Where, dict[int, str]] = st.session_state.setdefault("_sorted", {})
    mine = sorted_.setdefault(place.where, {})
    for k, item in enumerate(sorting.items):
        key = f"sort-{place.slug}-{place.step}-{place.question}-{k}"
        st.session_state[key] = mine.get(k)
        st.segmented_control(
            item.text, list(sorting.bins), key=key, width="stretch", on_change=_sorted_into, args=(mine, k, key, item, place)
        )  # fmt: skip
        chosen = mine.get(k)
        sign = "" if chosen is None else (
            ":material/check: " if chosen == item.bin else ":material/close: "
        )  # fmt: skip
        if chosen is not None:
            st.caption(f"{sign}{_of_sorting(item, chosen)}")


def _of_sorting(item: Item, chosen: str) -> str:
    return f"{'Yes.' if chosen == item.bin else 'Not so.'} {item.why[chosen]}"


def _sorted_into(mine: dict[int, str], k: int, key: str, item: Item, place: Place) -> None:
    chosen = st.session_state[key]
    if chosen is None:
        mine.pop(k, None)
        return
    mine[k] = chosen
    sorted_said()[place.where] = f"{item.text}: {chosen}. {_of_sorting(item, chosen)}"
