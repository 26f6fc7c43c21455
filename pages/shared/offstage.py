"""A lesson while nobody looks: its story, and what its figure would show in a state.

For everything that needs a lesson and has no page: the static site, a figure as a file, tests.
"""

from __future__ import annotations

import runpy
from functools import cache
from typing import Any

from pages.shared import contents, figure, story
from pages.shared.figure import Drawn, Handle
from pages.shared.story import Seen, Story


@cache
def story_of(slug: str) -> Story[Any]:
    """The story that a lesson's page tells, without a page."""
    told: list[Story[Any]] = []
    token = story.UNTOLD.set(told)
    try:
        runpy.run_path(str(contents.PAGES / f"{slug}.py"))
    finally:
        story.UNTOLD.reset(token)
    return told[0]


def lessons() -> list[contents.Lesson]:
    """The lessons that tell a story, in order."""
    others = ("your_data", "glossary")
    return [lesson for lesson in contents.lessons() if lesson.slug not in others]


def drawn(lesson: Story[Any], seen: Seen, facts: Any) -> tuple[Drawn, Handle | None]:
    """Legend and figures that a story draws in a state, and the figure's handle."""
    noted = Drawn()
    token = figure.UNSEEN.set(noted)
    try:
        handle = lesson.figure(facts, seen)
    finally:
        figure.UNSEEN.reset(token)
    return noted, handle
