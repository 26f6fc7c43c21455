"""What a lesson's figure shows in each of its steps, as data for a page without a server.

One view stays on the page and gets other tables. Everything distinct is written once, in a
pool; a state is a record of places in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pandas as pd

from mlm_core import DataError
from mlm_core.charts.theme import DARK, LIGHT, Look
from pages.shared import controls, offstage, story
from pages.shared.controls import Choice, Control, Press, Slider, Switch
from pages.shared.figure import Drawn, Hand, Handle, ends_html, legend_html
from pages.shared.static_site import markup
from pages.shared.story import Seen, Step, Story

MOST, FEW, PRESSES = 24, 5, 12
"""Values of a choice, of a slider, of a button that draws anew, in a page that cannot compute."""

_CLICK = re.compile(r"\bclick|\bpick|choose other", re.IGNORECASE)

DARKER = {getattr(LIGHT, name): getattr(DARK, name) for name in LIGHT.__slots__}
"""The colours of the dark theme by those of the light one."""


class Pool:
    """Every distinct piece once."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._places: dict[str, int] = {}

    def put(self, piece: object) -> int:
        """The place of something that JSON can say."""
        return self.put_text(json.dumps(piece, ensure_ascii=False, separators=(",", ":")))

    def put_text(self, text: str) -> int:
        """The place of something that is JSON already."""
        place = self._places.setdefault(text, len(self.pieces))
        if place == len(self.pieces):
            self.pieces.append(text)
        return place

    def put_table(self, table: pd.DataFrame) -> int:
        """The place of a table: names of its columns, and its rows."""
        columns = json.dumps(list(table.columns), ensure_ascii=False)
        rows = table.to_json(orient="values", double_precision=6)  # quicker than "split"
        return self.put_text(f'{{"columns":{columns},"data":{rows}}}')


def said(words: Any, facts: Any) -> str:
    """The words of a step."""
    return words if isinstance(words, str) else str(words(facts))


def prose(step: Step[Any], facts: Any) -> str:
    """What a step says, as HTML."""
    parts = [markup.block(said(step.text, facts))]
    if step.kind == "truth":
        parts.append(f'<p class="known">{markup.escaped(story.KNOWN)}</p>')
    for name, words in (("What changed", step.changed), ("Look here", step.look)):
        if words:
            parts.append(markup.block(f"**{name}.** {said(words, facts)}"))
    return "".join(parts)


def state(
    lesson: Story[Any],
    seen: Seen,
    facts: Any,
    pool: Pool,
    words: str = "",
    hand: Hand | None = None,
) -> dict[str, Any]:
    """Figure, legend, handle and words of a moment, by their places in the pool."""
    noted, handle = offstage.drawn(lesson, seen, facts)
    (figure,) = noted.figures
    made: dict[str, Any] = {
        "figure": figure.key,
        "spec": pool.put(figure.spec(Look())),
        "tables": {name: pool.put_table(table) for name, table in figure.tables.items()},
        "alt": pool.put(figure.alt),
        "legend": pool.put(legend_html(noted.legend, Look())),
        "words": pool.put(words),
    }
    if noted.ends is not None:
        made["ends"] = pool.put(ends_html(*noted.ends))
    if handle is not None:
        made |= _handle(handle, noted, seen, pool, hand)
    return made


def _handle(
    handle: Handle, noted: Drawn, seen: Seen, pool: Pool, hand: Hand | None
) -> dict[str, Any]:
    words = hand or Hand("", {})
    return {
        "handle": pool.put({"last": handle.last, "label": handle.label}),
        "spoken": pool.put(list(handle.spoken)),
        "at": handle.at(seen.get("handle", "rest")),
        "bare": noted.without_handle,
        "html": pool.put(words.html),
        "texts": {name: pool.put(list(texts)) for name, texts in words.texts.items()},
    }


def of_step(lesson: Story[Any], k: int, pool: Pool, **how: Any) -> dict[str, Any] | None:
    """The state of a step; nothing where the data do not allow it."""
    seen = story.designed(lesson, k, **how)
    step = lesson.steps[k]
    try:
        facts = lesson.facts(seen)
    except DataError:
        return None
    hand = step.hand(facts) if step.hand is not None else None
    return state(lesson, seen, facts, pool, prose(step, facts), hand)


# What a reader can set in a step


def offered(lesson: Story[Any], k: int) -> list[Control]:
    """The controls of a step; a click on a school is one, too."""
    step, own = lesson.steps[k], [c for c in lesson.controls if not isinstance(c, str)]
    seen = story.designed(lesson, k)
    do = said(step.do, lesson.facts(seen)) if step.do else ""
    names = list(step.uses)
    if _CLICK.search(do) and any(c.name == "school" for c in own) and "school" not in names:
        names.append("school")
    known: dict[str, Control] = {**controls.BY_NAME, **{c.name: c for c in own}}
    return [known[name] for name in names]


def values(control: Control, seen: Seen, few: int) -> list[Any]:
    """What a control can be set to here: a few of a slider, the first of many."""
    now = seen[control.name]
    if isinstance(control, Switch):
        return [False, True]
    if isinstance(control, Press):
        return [min(now + n, int(control.limits.high)) for n in range(PRESSES)]
    if isinstance(control, Choice):
        options = control.of(seen.scenario)
        every = -(-len(options) // MOST)
        return [o for n, o in enumerate(options) if n % every == 0 or o == now]
    return _along(control, now, few)


def _along(slider: Slider, now: float, few: int) -> list[float]:
    """Both ends of a slider, where it stands, and places between."""
    low, high, step = slider.limits
    whole = isinstance(slider.default, int)
    places = (low + round((high - low) * n / (few - 1) / step) * step for n in range(few))
    found = {controls.float_or_int(round(place, 6), whole) for place in places} | {now}
    return sorted(found)


def called(control: Control, value: Any) -> str:
    """How a value is called."""
    if isinstance(control, Choice):
        return str((control.names or {}).get(value, value))
    if isinstance(control, Switch):
        return "on" if value else "off"
    return control.format % value if isinstance(control, Slider) else str(value)


def variants(
    lesson: Story[Any], k: int, pool: Pool
) -> tuple[list[dict[str, Any]], list[dict[str, Any] | None]]:
    """The controls of a step, and its state for every way to set them, the last running fastest."""
    found = offered(lesson, k)
    if not found:
        return [], []
    seen = story.designed(lesson, k)
    few = FEW if len(found) > 1 else 7
    sets = [values(control, seen, few) for control in found]
    described = [
        describe(control, options, seen[control.name])
        for control, options in zip(found, sets, strict=True)
    ]
    names = [control.name for control in found]
    made = [
        of_step(lesson, k, pool, **dict(zip(names, one, strict=True))) for one in product(*sets)
    ]
    return described, made


def describe(control: Control, options: Sequence[Any], now: Any) -> dict[str, Any]:
    """A control, for the page."""
    kinds: dict[type[Any], str] = {Switch: "switch", Press: "press", Choice: "choice"}
    return {
        "name": control.name,
        "label": control.label,
        "kind": kinds.get(type(control), "slider"),
        "values": [called(control, option) for option in options],
        "at": list(options).index(now),
    }


def steps(lesson: Story[Any], pool: Pool) -> Iterator[dict[str, Any]]:
    """Each step: how it opens, what it shows once it is answered, how it can be set."""
    for k, step in enumerate(lesson.steps):
        made: dict[str, Any] = {"open": of_step(lesson, k, pool)}
        if step.kind == "predict" or step.answered:
            made["answered"] = of_step(lesson, k, pool, answered=True)
        made["controls"], made["variants"] = variants(lesson, k, pool)
        yield made
