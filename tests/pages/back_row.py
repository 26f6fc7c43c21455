"""What is too small for the back row of a room, in a figure as the stage draws it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pages.shared import stage
from tests.pages.contrast import marks, values

AT_1080 = 1.6
"""How much the highest figure is enlarged there; tests/browser/test_stage.py measures it."""
TYPE, MARK, IN_A_CROWD = 24, 18, 8
"""Pixels on a screen of 1080 lines."""
SYMBOLS = ("point", "circle", "square")


def too_small(spec: dict[str, Any]) -> list[str]:
    """Type and marks that the back row would not see."""
    larger = stage.enlarged(spec)
    type_ = [f"type {size}" for size in type_sizes(larger) if size * AT_1080 < TYPE]
    before, after = list(marks(spec)), list(marks(larger))
    assert len(before) == len(after)
    pairs = zip(before, after, strict=True)
    symbols = [(a, b) for a, b in pairs if b["mark"]["type"] in SYMBOLS]
    return type_ + [small for a, b in symbols for small in small_sizes(a, b)]


def type_sizes(part: Any) -> Iterator[float]:
    """Every size of type in a specification."""
    for name, value in part.items() if isinstance(part, dict) else enumerate(part):
        if str(name).lower().endswith("fontsize") and isinstance(value, (int, float)):
            yield value
        elif isinstance(value, (dict, list)):
            yield from type_sizes(value)


def small_sizes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """The sizes of a mark at which it is too small; a symbol is as wide as its area's root.

    A crowd is what was drawn small, with a thin stroke or none: students, draws.
    """
    mark = after["mark"]
    hollow = mark["type"] == "point" and not mark.get("filled")
    stroke = mark.get("strokeWidth", 2 if hollow else 0)
    for was, now in zip(sizes(before), sizes(after), strict=True):
        crowd = was < 30 and stroke < 2
        width = (now**0.5 + stroke) * AT_1080
        if width < (IN_A_CROWD if crowd else MARK) - 0.05:
            yield f"{mark['type']} {mark.get('shape', '')} {was} to {now}: {width:.1f} px"


def sizes(found: dict[str, Any]) -> list[float]:
    """The areas that a mark can have, where they are written down."""
    channel = found["encoding"].get("size")
    written = values(channel) if channel else [found["mark"].get("size")]
    return [size for size in written if isinstance(size, (int, float)) and size > 0]
