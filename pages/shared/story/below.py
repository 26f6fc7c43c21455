"""Below the figure, folded until wanted: model, table, code, what one may hear, a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import as_table, figure, saving
from pages.shared.code import FILE
from pages.shared.story.grammar import Seen, Story
from pages.shared.story.place import Place, here
from pages.shared.terms import MISCONCEPTIONS, linked

LANGUAGES = {
    "Python (this core)": ("core", "python"),
    "Python (statsmodels)": ("statsmodels", "python"),
    "R (lme4)": ("lme4", "r"),
}


def draw(story: Story[Any], facts: Any, seen: Seen) -> None:
    """What lies below the figure, folded."""
    beliefs = [(said, instead) for said, instead, met in MISCONCEPTIONS if story.slug in met]
    parts: dict[str, Callable[[], None]] = {}
    if story.model is not None:
        parts["The model in full"] = partial(_model, story, facts)
    alternatives = list(st.session_state["_alternatives"])
    if any(key in as_table.LAYOUTS or key in story.tables for key in alternatives):
        parts["The figure as a table"] = partial(_table, story, facts, seen)
    if story.listing is not None:
        parts["The code"] = partial(_code, story, facts)
    if beliefs:
        parts["What you may hear"] = partial(_beliefs, beliefs)
    for key in alternatives[:1]:
        page = partial(_page, story, here())
        parts["Save the figure"] = partial(saving.picture, key, story.slug, page)
    if not parts:
        return
    with st.container(key="more"):
        chosen = st.pills(
            "More", list(parts), key=f"more-{story.slug}", label_visibility="collapsed"
        )
        if chosen in parts:
            parts[chosen]()


def _page(story: Story[Any], place: Place, at: int | None) -> str:
    """The figure as it is shown, its handle where the reader left it, as a page of its own."""
    from pages.shared.static_site import one_file

    seen = place.shown
    assert seen is not None
    if at is not None:
        seen = replace(seen, values={**seen.values, "handle": at})
    return one_file(story, seen)


def _model(story: Story[Any], facts: Any) -> None:
    assert story.model is not None
    st.markdown(linked(story.model(facts)))


def _table(story: Story[Any], facts: Any, seen: Seen) -> None:
    """What the figure shows now, and nothing that it hides; cells follow the handle."""
    noted = figure.Drawn()
    token = figure.UNSEEN.set(noted)
    try:
        handle = story.figure(facts, seen)
    finally:
        figure.UNSEEN.reset(token)
    tables = [t for shown in noted.figures for t in as_table.tables_of(shown, story.tables)]
    as_table.show(tables, None if noted.without_handle else handle)


def _code(story: Story[Any], facts: Any) -> None:
    """Made only when it is asked for: highlighting costs the browser more than the figure."""
    assert story.listing is not None
    language = st.segmented_control(
        "Language", list(LANGUAGES), key="code", label_visibility="collapsed"
    )
    if language in LANGUAGES:
        field_name, highlight = LANGUAGES[language]
        code = getattr(story.listing(facts), field_name)
        st.caption(
            "Download the data first: the code reads that file, and gives the numbers of this page."
            if FILE in code
            else "It carries its data, runs as pasted, and gives the numbers of this page."
        )
        st.code(code, highlight, height=360)
    if story.data is not None:
        st.download_button(
            "Download the data (CSV)",
            lambda: story.data(facts).to_csv(index=False, float_format="%.4f"),  # type: ignore[misc]
            FILE, "text/csv", icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def _beliefs(beliefs: Sequence[tuple[str, str]]) -> None:
    for said, instead in beliefs:
        st.markdown(f"“{said}” {instead}")
