"""The stage: a lesson for the back row of a room. `present=true` in the address.

The figure fills most of the screen; beside it stand a heading and one question or sentence.
How it looks is in ``stage.css``, its keys are in ``stage.js``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import settings

PRESENT = "present"
TYPE, WIDE = 15.2, 11.3
"""The least size of type and of a mark, its stroke included (px).

A figure is enlarged 1.6 times or more on a screen of 1080 lines: these are 24 and 18 px there.
"""
MARK, CROWD, DOT = 100.0, 30.0, 36.0
"""The least area of a mark, what is a crowd of marks, and the least area of a dot in it (px²)."""
LOW = 13.6
"""Names in rows are as large as their rows allow (`marks.names`): smaller than this (px), they
touch each other on the stage.
"""
WORDS, VERDICT = 25, 30
"""How many words the stage says of a step, and of an answer."""
_HERE = Path(__file__).parent
SCRIPT = (_HERE / "stage.js").read_text(encoding="utf-8")


def on() -> bool:
    """Whether this page is on the stage; kept from page to page."""
    return settings.held(PRESENT, False, settings.yes_or_no("Present on the stage"))


def is_on() -> bool:
    """Whether it is, once `on` has read the address."""
    return bool(st.session_state.get("_kept", {}).get(PRESENT, False))


def turn() -> None:
    """Callback: go on the stage, or leave it. What was answered before is asked anew."""
    entering = not is_on()
    settings.keep(PRESENT, entering, False)
    if entering:
        st.session_state["_answers"] = {}


def leave() -> None:
    """Leave the stage."""
    settings.forget([PRESENT])
    st.session_state.get("_said", {}).pop(PRESENT, None)


def hear() -> None:
    """Callback: the browser asks for something; it waits with the next until this is drawn."""
    st.session_state["_heard"] = heard() + 1


def heard() -> int:
    """How often the browser has asked."""
    number: int = st.session_state.get("_heard", 0)
    return number


# What is said


def line(text: str, *, do: str = "", changed: str = "", most: int = WORDS) -> str:
    """The sentence that the stage shows of a step.

    What to do, where a step says so; else what has changed; else how its text begins.

    >>> line("One line for all. It is blind.\\n\\n$$y = x$$", do="")
    'One line for all. It is blind.'
    >>> line("Long.", do="Drag the handle slowly.")
    'Drag the handle slowly.'
    """
    return _opening(do or changed or text, most)


def _opening(text: str, most: int) -> str:
    """The first sentences of Markdown that make a line or two, in plain words."""
    text = re.sub(r"\$\$.*?\$\$", " ", text, flags=re.S)
    text = re.sub(r"^\s*(\||\d\.|- ).*$|`\(.*\)`", " ", text, flags=re.M)
    text = re.sub(r"\[\[(?:[^\]|]*\|)?([^\]]*)\]\]", r"\1", text)
    found = ""
    for sentence in re.split(r"(?<=[.?!])\s+(?=[A-Z“*\[$(0-9−])", " ".join(text.split())):
        if found and n_words(f"{found} {sentence}") > most:
            break
        found = f"{found} {sentence}".strip()
    return re.sub(r":$", ".", _clause(found, most) if n_words(found) > most else found)


def _clause(sentence: str, most: int) -> str:
    """A long sentence as far as its last colon or semicolon; whole where it has none."""
    ends = [at.start() for at in re.finditer(r"[:;] ", sentence)]
    fit = [at for at in ends if 6 <= n_words(sentence[:at]) <= most]
    short = f"{sentence[: fit[-1]]}." if fit else sentence
    return short if short.count("**") % 2 == 0 else f"{short[:-1]}**."


def n_words(text: str) -> int:
    """How many words; a formula is one.

    >>> n_words("It is $a_0 + b_0 u$ then")
    4
    """
    return len(re.sub(r"\$[^$]*\$", "x", text).split())


def columns(answers: int, longest: int) -> int:
    """In how many columns answers stand.

    >>> columns(4, 15), columns(4, 60), columns(3, 60), columns(5, 30)
    (4, 2, 3, 3)
    """
    if answers == 4:
        return 4 if longest <= 24 else 2
    return min(answers, 3)


# What is drawn


def enlarged(spec: Any) -> Any:
    """A specification with type and marks for the back row; places and lengths stay.

    Shapes keep their order of size: a hollow mark stays around a filled one.
    """
    if isinstance(spec, list):
        return [enlarged(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    grown = {name: enlarged(part) for name, part in spec.items()}
    for name, value in grown.items():
        if name.lower().endswith("fontsize") and isinstance(value, (int, float)):
            grown[name] = max(value, TYPE)
    kind = grown["mark"].get("type") if isinstance(grown.get("mark"), dict) else grown.get("mark")
    if kind in ("point", "circle", "square"):
        _enlarge_mark(grown, kind)
    elif kind == "text":
        _grow(grown.get("encoding", {}).get("size"), lambda size: max(size, TYPE))
        _lengthen(grown["mark"], spec["mark"])
        rows = _low_rows(spec)
        if rows:
            grown["transform"] = _every_second(rows, grown.get("transform", []))
    return grown


def _enlarge_mark(spec: dict[str, Any], kind: str) -> None:
    """Let a mark's size grow, in place: what it is set to, or what its data say."""
    mark = spec["mark"] if isinstance(spec["mark"], dict) else {}
    filled = kind != "point" or mark.get("filled")
    stroke = mark.get("strokeWidth", 0 if filled else 2)
    grow = partial(area, stroke=stroke if isinstance(stroke, (int, float)) else 0)
    if "size" in mark:
        mark["size"] = grow(mark["size"])
    channel = spec.get("encoding", {}).get("size")
    _grow(channel, grow)
    if isinstance(channel, dict) and "field" in channel and channel.get("scale", 0) is None:
        large = f"large_{channel['field']}"
        told = {"calculate": f"62 + 0.8 * datum['{channel['field']}']", "as": large}
        spec["transform"] = [*spec.get("transform", []), told]
        channel["field"] = large


def _lengthen(mark: Any, before: Any) -> None:
    """Let a title or an upright name be as much longer as its type is larger, in place.

    A title beside the names of rows goes on to the right, where there is room.
    """
    if not isinstance(mark, dict) or not isinstance(mark.get("limit"), (int, float)):
        return
    title = mark.get("align") == "right" and mark.get("fontWeight") == "bold"
    if title or mark.get("angle"):
        mark["limit"] = round(mark["limit"] * mark["fontSize"] / before["fontSize"], 1)
    if title:
        mark["dx"] = 4


_COUNTED = [
    {"calculate": "datum.picked ? datum.nth : -9", "as": "picked_nth"},
    {
        "joinaggregate": [
            {"op": "max", "field": "nth", "as": "last_nth"},
            {"op": "max", "field": "picked_nth", "as": "picked_nth"},
        ]
    },
]
_EVERY_SECOND = {
    "filter": "datum.picked || abs(datum.nth - datum.picked_nth) != 1 && (datum.last_nth > 31"
    " || datum.nth == datum.last_nth || datum.nth % 2 == 1 && datum.nth != datum.last_nth - 1)"
}
"""Of more rows the tables say themselves whose names are written."""


def _every_second(field: str, transforms: list[Any]) -> list[Any]:
    """Let of names in low rows every second be written, with both ends, and none beside the picked."""
    number = {
        "window": [{"op": "row_number", "as": "nth"}],
        "sort": [{"field": field, "order": "ascending"}],
    }
    return [number, *_COUNTED, *transforms, _EVERY_SECOND]


def _low_rows(spec: dict[str, Any]) -> str:
    """The field that says where rows are, of names whose rows are lower than type of the stage."""
    mark, encoding = spec.get("mark"), spec.get("encoding", {})
    if not isinstance(mark, dict) or mark.get("type") != "text" or mark.get("align") != "right":
        return ""
    field, size = encoding.get("y", {}).get("field"), mark.get("fontSize")
    left = encoding.get("x") == {"value": 0} and field in ("row", "place")
    return field if left and isinstance(size, (int, float)) and size < LOW else ""


def area(size: Any, stroke: float = 2) -> Any:
    """The area of a mark on the stage; what is no number stays.

    Many small marks with a thin stroke or none are a crowd: they grow, and stay one.

    >>> [area(size) for size in (26, 66, 99, 120, 300)]
    [100.0, 100.0, 148.5, 150.0, 300]
    >>> [round(area(size, stroke=0)) for size in (14, 25, 34)]
    [36, 40, 128]
    """
    if not isinstance(size, (int, float)) or size <= 0 or size > 200:
        return size
    if size < CROWD and stroke < 2:
        return round(max(1.6 * size, 0 if stroke else DOT), 1)
    least = max(MARK, (WIDE - stroke) ** 2)
    return max(least, min(1.5 * size, max(150.0, 1.25 * size)))


def _grow(channel: Any, by: Callable[[Any], Any]) -> None:
    """Let the values of an encoded size grow, in place."""
    if not isinstance(channel, dict):
        return
    if isinstance(channel.get("value"), (int, float)):
        channel["value"] = by(channel["value"])
    _grow(channel.get("condition"), by)
    scale = channel.get("scale")
    if isinstance(scale, dict) and isinstance(scale.get("range"), list):
        scale["range"] = [max(by(end), MARK) for end in scale["range"]]
