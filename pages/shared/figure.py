"""Figures on a page: the look of the moment, the legend, the chart, its handle."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from altair.utils.schemapi import debug_mode

from mlm_core.charts.handle import HANDLE
from mlm_core.charts.theme import Look
from mlm_core.table import Table, frame
from pages.shared import settings, stage
from pages.shared.arrow import encoded

_HERE = Path(__file__).parent
_hand = st.components.v2.component(
    "pooling_lab_hand",
    html='<div class="pl-hand"></div>',
    js=(_HERE / "hand.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)

CHECKED = False
"""Whether Altair looks at every part of a figure again, which takes a quarter of the time."""

_LEGEND: dict[str, tuple[str, str]] = {
    "no": ("○", "no pooling"),
    "partial": ("●", "partial pooling"),
    "complete": ("┃", "complete pooling"),
    "truth": ("◆", "truth"),
    "target": ("┇", "what schools are pulled to"),
    "one_line": ("━", "one line for all"),
    "own_line": ("━", "a school's own line"),
    "green_line": ("━", "the multilevel model's line"),
    "dashed": ("╌", "the promised share"),
    "promise": ("━", "the promised share"),
    "prior": ("┈", "prior"),
    "picked": ("▬", "the picked school"),
    "students": ("●", "students of the picked school"),
    "crowd": ("●", "students"),
    "at_0": ("┅", "complete pooling"),
    "at_infinity": ("╍", "no pooling"),
    "within": ("━", "within schools"),
    "between": ("━", "between schools"),
    "later": ("▲", "next year"),
    "ink": ("━", "summary"),
    "other": ("□", "the other formula"),
}
_COLOUR = {
    "one_line": "complete",
    "own_line": "no",
    "green_line": "partial",
    "students": "picked",
    "promise": "muted",
    "prior": "muted",
    "at_0": "complete",
    "at_infinity": "no",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as a lesson asks `show` for it."""

    key: str
    alt: str
    chart: Callable[..., Any]
    tables: dict[str, pd.DataFrame]
    """To calculate with; to a browser they go as they are."""
    axes: dict[str, tuple[float, float]]
    settings: dict[str, Any]

    def spec(self, seen: Look) -> dict[str, Any]:
        """Its specification, without its tables."""
        return _spec(self.chart, seen, tuple(self.settings.items()), tuple(self.axes.items()))


@dataclass(slots=True)
class Drawn:
    """What was drawn while nobody looked (see `offstage`): legend, figures, words under the handle."""

    legend: dict[str, str] = field(default_factory=dict)
    figures: list[Shown] = field(default_factory=list)
    ends: tuple[str, str] | None = None
    without_handle: bool = False


UNSEEN: ContextVar[Drawn | None] = ContextVar("unseen", default=None)
"""While it is set, figures are noted there and nothing is sent to a browser."""


def look() -> Look:
    """Light or dark, as the reader has it."""
    return Look(dark=st.context.theme.type == "dark")


def ground() -> str:
    """The colours of the theme, for the style sheet."""
    colours = look().palette
    on_paper = "invert(1) hue-rotate(180deg)" if look().dark else "none"  # see print in style.css
    return (
        f"<style>:root {{ --pl-paper: {colours.paper}; --pl-ink: {colours.ink}; "
        f"--pl-print: {on_paper}; }}</style>"
    )


def legend(**meaning: str) -> None:
    """Name the marks above a figure: ``legend(no="its own mean", partial="partial pooling")``.

    An empty text stands for the usual name.
    """
    unseen = UNSEEN.get()
    if unseen is not None:
        unseen.legend.update(meaning)
        return
    st.html(legend_html(meaning, look()))


def legend_html(meaning: Mapping[str, str], seen: Look) -> str:
    """The legend of these marks, as HTML."""
    colours = seen.palette
    parts = []
    for pooling, text in meaning.items():
        sign, usual = _LEGEND[pooling]
        colour = getattr(colours, _COLOUR.get(pooling, pooling), colours.ink)
        parts.append(
            f'<span><span class="pl-mark" style="color:{colour}" aria-hidden="true">{sign}</span>'
            f"{html.escape(text or usual)}</span>"
        )
    return f'<div class="pl-legend">{"".join(parts)}</div>'


def show(
    key: str,
    alt: str,
    chart: Callable[..., Any],
    tables: Mapping[str, Table | pd.DataFrame],
    *,
    on_school: Callable[[], None] | None = None,
    private: bool = False,
    axes: dict[str, tuple[float, float]] | None = None,
    words: dict[str, str | float] | None = None,
    **settings: Any,
) -> None:
    """Draw a figure; with ``on_school``, a click on a school calls it.

    Parameters
    ----------
    key : str
        Keeps the figure in place while its tables change.
    alt : str
        What the figure shows, in words, from the live numbers.
    chart : function of `mlm_core.charts`
        Called with the look of the moment and ``settings``; while these stay the
        same its specification does, and only the tables travel to the browser.
    tables : mapping of str to Table or DataFrame
        The tables the chart names.
    private : bool
        ``axes`` and ``words`` come from a reader's own data: the specification is kept
        without them, and filled for this reader alone.
    axes : dict of str to (low, high)
        Settings that are the domain of an axis and nothing else: they are put into the
        finished specification, so that a slider which leaves a domain costs no time.
    words : dict of str to str or number
        Settings that are only written somewhere, put in the same way; private figures only.
    """
    unseen = UNSEEN.get()
    if unseen is not None:
        frames = {name: frame(table) for name, table in tables.items()}
        unseen.figures.append(
            Shown(key, alt, chart, frames, axes or {}, {**settings, **(words or {})})
        )
        return
    named, domains = tuple(settings.items()), tuple((axes or {}).items())
    if private:
        made = _private_spec(chart, look(), named, domains, tuple((words or {}).items()))
    else:
        made = _spec(chart, look(), named, domains, stage.is_on())
    datasets = {name: encoded(table) for name, table in tables.items()}
    spec = {**made, "datasets": datasets}
    name, draw = key_of(key), partial(st.vega_lite_chart, None, spec, theme=None, width="stretch")
    if on_school is not None:
        draw(key=name, alt=_alternative(key, alt), on_select=on_school, selection_mode=["school"])
        return
    with st.container(key=name):  # without a selection Streamlit gives a figure no name
        draw(key=key, alt=_alternative(key, alt))


def key_of(figure: str) -> str:
    """Under which its selection is in the session, and its element in the style sheet."""
    return f"figure-{figure}"


def clicked(figure: str, field: str) -> Any:
    """What has just been clicked in a figure, by a field of its rows; None beside all marks."""
    points = st.session_state[key_of(figure)].selection.get("school", [])
    return points[0].get(field) if points else None


def _alternative(key: str, alt: str) -> str:
    """What Streamlit gets: a new text would make the browser build the figure anew.

    A lesson's stepper brings the live text; a page without steps gives it as it is.
    """
    alternatives: dict[str, str] | None = st.session_state.get("_alternatives")
    if alternatives is None:
        return alt
    alternatives[key] = alt
    return "A figure of this lesson."


Named = tuple[tuple[str, Any], ...]


@lru_cache(maxsize=512)
def _spec(
    chart: Callable[..., Any], seen: Look, settings: Named, axes: Named, on_stage: bool = False
) -> dict[str, Any]:
    """The specification of a chart without its tables; larger marks and type for the stage."""
    if on_stage:
        larger: dict[str, Any] = stage.enlarged(_spec(chart, seen, settings, axes))
        return larger
    template = _template(chart, seen, settings, tuple(name for name, _ in axes))
    spec: dict[str, Any] = _filled(template, _domains(axes))
    return spec


@lru_cache(maxsize=512)
def _template(
    chart: Callable[..., Any], seen: Look, settings: Named, axes: tuple[str, ...]
) -> dict[str, Any]:
    """A specification with blanks where domains go: built once, in 0.02 to 0.25 s."""
    blanks = {name: _blank(name) for name in axes}
    with debug_mode(CHECKED):
        built: dict[str, Any] = chart(seen, **dict(settings), **blanks).to_dict(validate=CHECKED)
    return built


def _blank(name: str) -> tuple[str, str]:
    """Stand for the ends of a domain; whoever calculates with them fails at once."""
    return f"⟨{name}, low⟩", f"⟨{name}, high⟩"


def _domains(axes: Named) -> dict[str, float]:
    """What comes in the place of each blank."""
    return {
        blank: float(end)
        for name, ends in axes
        for blank, end in zip(_blank(name), ends, strict=True)
    }


_BLANK = re.compile("⟨[^⟩]*⟩")


def _filled(part: Any, blanks: Mapping[str, str | float]) -> Any:
    """A copy with the blanks filled: a number for a blank, its digits in an expression."""
    if isinstance(part, dict):
        return {key: _filled(value, blanks) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_filled(value, blanks) for value in part]
    if not isinstance(part, str) or "⟨" not in part:
        return part
    if part in blanks:
        return blanks[part]
    return _BLANK.sub(lambda found: str(blanks.get(found[0], found[0])), part)


def _private_spec(
    chart: Callable[..., Any], seen: Look, settings: Named, axes: Named, words: Named
) -> dict[str, Any]:
    """A specification with what is one reader's own: remembered without it, then filled."""
    to_write = {f"⟨{name}⟩": value for name, value in words}
    named = (*settings, *((blank.strip("⟨⟩"), blank) for blank in to_write))
    template = _template(chart, seen, named, tuple(name for name, _ in axes))
    own: dict[str, Any] = _filled(template, {**_domains(axes), **to_write})
    return own


@dataclass(frozen=True, slots=True)
class Handle:
    """The handle of a figure: what `show` cannot know of it.

    Attributes
    ----------
    figure : str
        The key of the figure.
    rest : int
        The step at which it rests until it is moved: the estimate.
    spoken : sequence of str
        What each step is called, for a screen reader: "7.2 points".
    label : str
        What the handle sets.
    places : mapping of str to int
        Steps that a lesson can ask for by name, besides "rest", "first" and "last".
    """

    figure: str
    rest: int
    spoken: Sequence[str]
    label: str
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The last step."""
        return len(self.spoken) - 1

    def at(self, where: object) -> int:
        """The step that a name or a number means; the place of rest where it means none."""
        named = {"rest": self.rest, "first": 0, "last": self.last, **self.places}
        if isinstance(where, int) and not isinstance(where, bool):
            return min(max(where, 0), self.last)
        return named.get(str(where), self.rest)


@dataclass(frozen=True, slots=True)
class Hand:
    """Words that follow the hand: HTML with holes, and a text for each step of the handle.

    The HTML is the lesson's own; what comes from data goes through ``html.escape`` or,
    better, into ``texts``, which are shown as plain text.
    """

    html: str
    texts: Mapping[str, Sequence[str]]


def escaped(text: str) -> str:
    """A label from data, made safe for the HTML of `hand`: shown, never rendered."""
    return html.escape(text).replace("{", "&#123;").replace("}", "&#125;")


def hand(template: str, **values: Sequence[str]) -> Hand:
    """Words with holes ``{name}`` that read the handle.

    >>> hand("<p>{share} of the way</p>", share=["0%", "50%"]).html
    '<p><span data-live="share"></span> of the way</p>'
    """
    holes = {name: f'<span data-live="{name}"></span>' for name in values}
    return Hand(template.format(**holes), values)


def follow(
    handle: Handle,
    words: Hand | None = None,
    *,
    at: object = "rest",
    place: str = "",
    play: bool = False,
    news: Mapping[str, Any] | None = None,
) -> None:
    """Let words follow a figure's handle, and the handle go where a step wants it.

    Parameters
    ----------
    at : object
        Where the handle goes: a step or its name; it glides there when ``at`` changes.
    place : str
        Of whom the handle's place is: another place begins anew.
    play : bool
        Move it once, by itself, at first sight.
    news : mapping, optional
        What else the browser is to learn: address and alternatives, where a figure ran alone.
    """
    said = words or Hand("", {})
    _hand(
        key="hand",
        data={
            "figure": handle.figure,
            "last": handle.last,
            "at": handle.at(at),
            "rest": handle.rest,
            "place": place,
            "spoken": list(handle.spoken),
            "label": handle.label,
            "html": said.html,
            "texts": {name: list(texts) for name, texts in said.texts.items()},
            "name": HANDLE,
            "play": play,
            "news": news,
            "session": settings.session(),
        },
    )


def no_handle() -> None:
    """Hide the handle of the figure: what it moves is not shown yet."""
    unseen = UNSEEN.get()
    if unseen is not None:
        unseen.without_handle = True
        return
    st.html('<div class="pl-no-handle"></div>')


def watched() -> bool:
    """Whether somebody looks; else a lesson's own buttons are not drawn."""
    return UNSEEN.get() is None


def ends(left: str, right: str) -> None:
    """Say what the two ends of a handle are, under it."""
    unseen = UNSEEN.get()
    if unseen is not None:
        unseen.ends = (left, right)
        return
    st.html(ends_html(left, right))


def ends_html(left: str, right: str) -> str:
    """What stands under the two ends of a handle, as HTML."""
    return f'<div class="pl-ends"><span>{html.escape(left)}</span><span>{html.escape(right)}</span></div>'
