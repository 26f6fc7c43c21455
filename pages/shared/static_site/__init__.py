"""The course as a folder of files: read from disk or from any web space, without a server.

``index.html`` has the lessons in order; ``<lesson>.html`` all steps of one over its live
figure; ``figures/<lesson>.html`` is the figure alone, one file that needs nothing else.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pages.shared import offstage, story
from pages.shared.static_site import pages
from pages.shared.static_site.pages import Assets
from pages.shared.story import Seen, Story

FIGURES = "figures"
_BESIDE, _INSIDE = Assets(inside=False), Assets(inside=True)


def write(folder: Path, slugs: list[str] | None = None) -> list[Path]:
    """Write the site into a folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there; other files in it stay.
    slugs : list of str, optional
        The lessons, by address; without it, all.

    Returns
    -------
    list of Path
        The files, in the order of the course.
    """
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    shared = {
        "index.html": pages.index_page(_BESIDE),
        "glossary.html": pages.glossary_page(_BESIDE),
        "style.css": pages.style(),
        "lesson.js": pages.script(),
        "vega.js": pages.vega(),
    }
    written = [_write(folder / name, text) for name, text in shared.items()]
    wanted = [lesson.slug for lesson in offstage.lessons() if slugs is None or lesson.slug in slugs]
    return written + [path for one in _each(folder, wanted) for path in one]


def _each(folder: Path, slugs: list[str]) -> list[list[Path]]:
    """The files of each lesson; on several cores at once."""
    cores = min(os.cpu_count() or 1, len(slugs))
    if cores < 2:
        return [_lesson(folder, slug) for slug in slugs]
    with ProcessPoolExecutor(cores, get_context("spawn")) as workers:
        return list(workers.map(_lesson, [folder] * len(slugs), slugs))


def _lesson(folder: Path, slug: str) -> list[Path]:
    lesson = offstage.story_of(slug)
    page = pages.lesson_page(lesson, _BESIDE)
    alone = one_file(lesson, story.designed(lesson, -1))
    return [
        _write(folder / f"{slug}.html", page),
        _write(folder / FIGURES / f"{slug}.html", alone),
    ]


def one_file(lesson: Story[Any], seen: Seen) -> str:
    """The figure of a lesson as one self-contained HTML file.

    Legend, handle, the words that follow it, light and dark; it works from disk with the
    network off.

    Parameters
    ----------
    lesson : Story
    seen : Seen
        The moment that it shows.
    """
    return pages.figure_page(lesson, seen, lesson.facts(seen), _INSIDE)


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
