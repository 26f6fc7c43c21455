"""How far marks stand out from the paper: 3:1, type 4.5:1, in both themes (WCAG 1.4.3, 1.4.11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from mlm_core.charts.theme import DARK, LIGHT

# Grounds say nothing alone: another mark, or words, say the same.
GROUNDS = {
    ("area", "partial"): "under a line that is drawn in full",
    ("area", "muted"): "under a curve, or a funnel between its edges",
    ("area", "target"): "± one SD beside the line in its middle",
    ("area", "no"): "a cloud around its dots",
    ("area", "complete"): "a cloud around its dots",
    ("bar", "picked"): "behind the picked school, whose name is bold",
    ("point", "picked"): "around the picked school, whose name is bold",
    ("bar", "muted"): "behind small schools, whose size is beside their name",
    ("bar", "faint"): "behind the praised and the inspected, which are named",
    ("rect", "faint"): "panels",
    ("rule", "faint"): "the lines of the grid",
}


def luminance(colour: str) -> float:
    """Relative luminance of a colour, by WCAG 2."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def over(colour: str, paper: str, opacity: float) -> str:
    """A colour as it looks where it is partly transparent."""
    mixed = (
        round(int(colour[k : k + 2], 16) * opacity + int(paper[k : k + 2], 16) * (1 - opacity))
        for k in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02X}" for part in mixed)


def marks(spec: Any, inherited: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Every mark of a specification, with what it encodes."""
    if isinstance(spec, dict):
        encoding = {**(inherited or {}), **spec.get("encoding", {})}
        if "mark" in spec:
            mark = spec["mark"] if isinstance(spec["mark"], dict) else {"type": spec["mark"]}
            yield {"mark": mark, "encoding": encoding}
        for part in (*spec.get("layer", []), *spec.get("hconcat", []), *spec.get("vconcat", [])):
            yield from marks(part, encoding)


def values(channel: Any) -> list[Any]:
    """The values that a channel can have, where they are written down."""
    if not isinstance(channel, dict):
        return []
    found = [channel["value"]] if "value" in channel else []
    conditions = channel.get("condition", [])
    for condition in conditions if isinstance(conditions, list) else [conditions]:
        found += values(condition)
    scale = channel.get("scale")
    return found + (list(scale.get("range", [])) if isinstance(scale, dict) else [])


def faintest(found: dict[str, Any], names: tuple[str, ...]) -> float:
    """The least opacity that a mark has where it is seen."""
    least = 1.0
    for name in names:
        written = values(found["encoding"].get(name)) or [found["mark"].get(name, 1)]
        shown = [v for v in written if isinstance(v, (int, float)) and v > 0]
        least *= min(shown, default=1)
    usual = {"tick": 0.7, "point": 0.7, "circle": 0.7, "square": 0.7}
    if not any(name in found["mark"] or name in found["encoding"] for name in ("opacity",)):
        least *= usual.get(found["mark"]["type"], 1)  # Vega-Lite's own
    return least


def painted(found: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The colours of a mark by name, each with its least opacity, of fill or stroke."""
    names = {colour: name for name, colour in asdict(LIGHT).items()}
    ways = {"fill": "fillOpacity", "stroke": "strokeOpacity", "color": "fillOpacity"}
    best: dict[str, float] = {}
    for channel, opacity in ways.items():
        written = values(found["encoding"].get(channel)) or [found["mark"].get(channel)]
        for colour in written:
            if isinstance(colour, str) and colour in names:
                seen = faintest(found, ("opacity", opacity))
                best[names[colour]] = max(best.get(names[colour], 0), seen)
    yield from best.items()


def faint_marks(key: str, spec: dict[str, Any]) -> list[str]:
    """What in a figure does not stand out, in one theme or the other."""
    faint = []
    for found in marks(spec):
        kind = found["mark"]["type"]
        for name, opacity in painted(found):
            ground = (kind, name) in GROUNDS and (name == "faint" or opacity < 0.4)
            if name == "paper" or ground:
                continue
            wanted = 4.5 if kind == "text" else 3
            for palette in (LIGHT, DARK):
                colour = over(getattr(palette, name), palette.paper, opacity)
                if (ratio := contrast(colour, palette.paper)) < wanted:
                    faint.append(f"{key}: {kind} {name} at {opacity:.2f}, {ratio:.1f}:1")
    return faint
