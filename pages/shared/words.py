"""Numbers in sentences: one way to write points, percentages and counts."""

from __future__ import annotations

import math
import re

_LINK = re.compile(r"www(?=\.)|https?(?=:)|\S(?=@)", re.IGNORECASE)
"""Where Markdown would make a link of mere text: a joiner without width keeps it from that."""
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the way in which the words after them run."""


def number(value: float, digits: int = 1) -> str:
    """A number with a true minus sign; a dash where there is none.

    >>> number(-0.04), number(3.14159, 2), number(float("nan"))
    ('0.0', '3.14', '–')
    """
    if not math.isfinite(value):
        return "∞" if value == math.inf else "–"
    text = "%.*f" % (digits, value)  # noqa: UP031 - a figure's words take a thousand of these
    if text[0] != "-":
        return text
    return text[1:] if float(text) == 0 else f"−{text[1:]}"


def signed(value: float, digits: int = 1) -> str:
    """A number as a further term of a sum.

    >>> signed(3.14), signed(-0.5), signed(-0.04)
    ('+ 3.1', '− 0.5', '+ 0.0')
    """
    text = number(value, digits)
    return f"− {text[1:]}" if text.startswith("−") else f"+ {text}"


def percent(share: float) -> str:
    """A share as a whole percentage; never 0% or 100% of something that is not.

    >>> percent(0.684), percent(0.001), percent(0.999)
    ('68%', 'less than 1%', 'more than 99%')
    """
    if 0 < share < 0.005:
        return "less than 1%"
    if 0.995 < share < 1:
        return "more than 99%"
    return f"{100 * share:.0f}%"


def count(how_many: int, one: str, more: str | None = None) -> str:
    """A count with its noun.

    >>> count(1, "student"), count(3, "school"), count(0, "boss", "bosses")
    ('1 student', '3 schools', 'no bosses')
    """
    many = more or f"{one}s"
    if how_many == 0:
        return f"no {many}"
    return f"{how_many} {one if how_many == 1 else many}"


def plain(label: object) -> str:
    """A label from data, made safe for Markdown: it is shown, never rendered.

    >>> plain("a*b")
    'a\\\\*b'
    """
    special = "\\`*_{}[]()<>#+-.!|~$:&"
    text = _UNSEEN.sub("", re.sub(r"[\n\r\t]", " ", str(label)))
    text = _LINK.sub("\\g<0>\u2060", text)
    return "".join(f"\\{c}" if c in special else c for c in text)


_SAID = (
    (r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1 over \2"),
    (r"\\(hat|bar)\s*(\\?\w+)", r"\2 \1"),
    (r"\^2", " squared"),
    (r"[\\_{}^]+", " "),
)


def spoken(markdown: str) -> str:
    """What a screen reader says of a sentence: its words, without the marks of Markdown.

    >>> spoken(r"**Yes.** $\\sigma_\\alpha$ is 0, \\*so\\* [no pull](glossary?term=x).")
    'Yes. sigma alpha is 0, *so* no pull.'
    """

    def formula(found: re.Match[str]) -> str:
        text = found[1]
        for pattern, said in _SAID:
            text = re.sub(pattern, said, text)
        return text

    text = re.sub(r"(?<!\\)\$+([^$]+)\$+", formula, markdown)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("**", "")
    text = re.sub(r"(?<![\\\w])\*([^*]+)\*(?!\w)", r"\1", text)
    text = re.sub(r"\\([^\w\s])", r"\1", text)
    return re.sub(r"\s+", " ", text).strip()
