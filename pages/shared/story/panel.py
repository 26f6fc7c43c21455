"""A step in the panel beside the figure: what it says, what it offers, what it asks."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import contents, figure, settings
from pages.shared.figure import Hand, Handle
from pages.shared.story import questions
from pages.shared.story.grammar import KICKER, Seen, Step, Story, Words
from pages.shared.story.place import Place
from pages.shared.terms import linked

News = Mapping[str, Any] | None
"""What the browser is to learn where a figure ran alone."""
Tell = Callable[[Any, Seen, Handle | None, News], None]
"""Says what moves with a figure, in its place beside it."""
KNOWN = "These schools are simulated: that is why their truth is known."


def said_of(words: Words[Any], facts: Any) -> str:
    """Words as they are, or as the facts make them."""
    return words if isinstance(words, str) else words(facts)


def follow(
    handle: Handle | None,
    words: Hand | None,
    seen: Seen,
    slug: str,
    news: News = None,
) -> None:
    """The words that follow the handle, where they stand in the panel."""
    if handle is not None:
        place = f"{slug} {seen.step}"
        figure.follow(handle, words, at=seen.get("handle", "rest"), place=place, news=news)


def draw_head(story: Story[Any], step: Step[Any], place: Place) -> Tell:
    """What stands above a step's controls; its words come with the figure."""
    st.html(
        f'<p class="pl-kicker">{place.step + 1} of {len(story.steps)} · {KICKER[step.kind]}</p>'
    )
    st.header(step.heading, anchor=False)
    return partial(tell, story.slug, step, st.container(key="told"))


def tell(
    slug: str,
    step: Step[Any],
    place: Any,
    facts: Any,
    seen: Seen,
    handle: Handle | None,
    news: News,
) -> None:
    """What a step says, and what follows the handle."""
    with place:
        if facts is not None:
            prose(step, facts)
            hand = step.hand(facts) if step.hand is not None else None
            follow(handle, hand, seen, slug, news)
        if handle is None and step.uses:
            settings.tell(news)


def draw(
    story: Story[Any],
    step: Step[Any],
    facts: Any,
    seen: Seen,
    place: Place,
    moved: Callable[[], None],
) -> None:
    """A step, from its controls to the link at a lesson's end."""
    if facts is None:
        return
    offer(story, step.uses, seen, place.local, f"{story.slug}-{place.step}", moved)
    if step.do:
        st.html(f'<p class="pl-do">{_inline(said_of(step.do, facts))}</p>')
    if step.ask is not None:
        questions.draw(story, step, facts, seen, place)
    on_to_the_next(story, step)


def on_to_the_next(story: Story[Any], step: Step[Any]) -> None:
    """The link at a lesson's end."""
    after = contents.neighbours(story.slug)[1] if step.kind == "sentence" else None
    if after is not None:
        with st.container(key="next-lesson"):
            st.page_link(
                after.path, label=f"Next: {after.question}", icon=":material/arrow_forward:"
            )


def prose(step: Step[Any], facts: Any) -> None:
    """What a step says."""
    text = linked(said_of(step.text, facts))
    if step.kind == "sentence":
        with st.container(key="sentence"):
            st.markdown(text)
    elif text:
        st.markdown(text)
    if step.kind == "truth":
        st.caption(KNOWN)
    if step.changed:
        st.markdown(f"**What changed.** {linked(said_of(step.changed, facts))}")
    if step.look:
        st.markdown(f"**Look here.** {linked(said_of(step.look, facts))}")


def _inline(text: str) -> str:
    """A plain sentence with **strong** words, as HTML."""
    parts = html.escape(text).split("**")
    return "".join(f"<strong>{p}</strong>" if k % 2 else p for k, p in enumerate(parts))


def offer(
    story: Story[Any],
    names: Sequence[str],
    seen: Seen,
    store: dict[str, Any],
    prefix: str,
    moved: Callable[[], None] = lambda: None,
) -> None:
    """Draw the controls of these settings as views of a store."""
    known = {control.name: control for control in story.known}
    for name in names:
        control, key = known[name], f"{prefix}-{name}"
        st.session_state[key] = seen[name]
        control.draw(key, seen.scenario, partial(_changed, store, name, key, moved))


def _changed(store: dict[str, Any], name: str, key: str, moved: Callable[[], None]) -> None:
    store[name] = st.session_state[key]
    moved()
