"""The teaching guide as a page: its text is `teaching.md`, its solutions are folded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TEXT = Path(__file__).with_name("teaching.md")
_FOLD = re.compile(r"<details>\s*<summary>(.*?)</summary>\n(.*?)</details>", re.S)
_ADDRESS = re.compile(r"`(/[a-z_]*(?:\?[a-z0-9_=&.-]+)?)`")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the guide; ``folded`` is the line under which it is folded away."""

    text: str
    folded: str = ""


@cache
def parts() -> tuple[Part, ...]:
    """The guide in pieces, its title left out: the page has its own."""
    text = TEXT.read_text(encoding="utf-8").split("\n", 1)[1]
    found, done = [], 0
    for fold in _FOLD.finditer(text):
        found += [Part(linked(text[done : fold.start()])), Part(linked(fold[2]), fold[1])]
        done = fold.end()
    found.append(Part(linked(text[done:])))
    return tuple(part for part in found if part.text.strip())


def linked(text: str) -> str:
    """Addresses of the app become links.

    >>> linked("see `/small_groups?step=2`")
    'see [/small_groups?step=2](/small_groups?step=2)'
    """
    return _ADDRESS.sub(r"[\1](\1)", text)


def addresses() -> list[str]:
    """Every address that the guide names."""
    return [found[1] for found in _ADDRESS.finditer(TEXT.read_text(encoding="utf-8"))]
