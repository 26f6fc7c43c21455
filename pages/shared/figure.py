"""Figures on a page: the look of the moment, the legend, the chart, its handle."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from mlm_core.charts.handle import HANDLE
from mlm_core.charts.theme import Look

_HERE = Path(__file__).parent
_handle = st.components.v2.component(
    "pooling_lab_handle", js=(_HERE / "handle.js").read_text(encoding="utf-8")
)

_LEGEND: dict[str, tuple[str, str]] = {
    "no": ("○", "no pooling"),
    "partial": ("●", "partial pooling"),
    "complete": ("┃", "complete pooling"),
    "truth": ("◆", "truth"),
    "ink": ("━", "summary"),
    "picked": ("◯", "the picked school"),
    "other": ("□", "the other formula"),
}


def look() -> Look:
    """Light or dark, as the reader has it."""
    return Look(dark=st.context.theme.type == "dark")


def legend(**meaning: str) -> None:
    """Name the marks above a figure: ``legend(no="its own mean", partial="partial pooling")``.

    An empty text stands for the usual name.
    """
    colours = look().palette
    parts = []
    for pooling, text in meaning.items():
        sign, usual = _LEGEND[pooling]
        colour = getattr(colours, pooling, colours.ink)
        parts.append(
            f'<span><span class="pl-mark" style="color:{colour}" aria-hidden="true">{sign}</span>'
            f"{html.escape(text or usual)}</span>"
        )
    st.html(f'<div class="pl-legend">{"".join(parts)}</div>')


def show(
    key: str,
    alt: str,
    chart: Callable[..., Any],
    tables: dict[str, pd.DataFrame],
    *,
    on_school: Callable[[], None] | None = None,
    private: bool = False,
    axes: dict[str, tuple[float, float]] | None = None,
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
    tables : dict of str to DataFrame
        The tables the chart names.
    private : bool
        The settings come from a reader's own data: the specification is remembered
        in the session only.
    axes : dict of str to (low, high)
        Settings that are the domain of an axis and nothing else: they are put into the
        finished specification, so that a slider which leaves a domain costs no time.
    """
    spec_of = _private_spec if private else _spec
    domains = tuple((axes or {}).items())
    spec = {**spec_of(chart, look(), tuple(settings.items()), domains), "datasets": tables}
    selects: dict[str, Any] = {}
    if on_school is not None:
        selects = {"on_select": on_school, "selection_mode": ["school"]}
    with st.container(key=f"figure-{key}"):
        st.vega_lite_chart(None, spec, theme=None, key=key, alt=alt, width="stretch", **selects)


Named = tuple[tuple[str, Any], ...]


@lru_cache(maxsize=512)
def _spec(chart: Callable[..., Any], seen: Look, settings: Named, axes: Named) -> dict[str, Any]:
    """The specification of a chart without its tables."""
    text = _template(chart, seen, settings, tuple(name for name, _ in axes))
    for k, (_, ends) in enumerate(axes):
        for blank, end in zip(_blank(k), ends, strict=True):
            text = text.replace(str(blank), repr(float(end)))
    spec: dict[str, Any] = json.loads(text)
    return spec


@lru_cache(maxsize=512)
def _template(chart: Callable[..., Any], seen: Look, settings: Named, axes: tuple[str, ...]) -> str:
    """A specification with numbers nobody uses where domains go: built once, in 0.1 to 0.4 s."""
    blanks = {name: _blank(k) for k, name in enumerate(axes)}
    return json.dumps(chart(seen, **dict(settings), **blanks).to_dict())


def _blank(k: int) -> tuple[float, float]:
    return -7070700.25 - k, 7070700.25 + k


def _private_spec(
    chart: Callable[..., Any], seen: Look, settings: Named, axes: Named
) -> dict[str, Any]:
    """The specification of a chart whose settings nobody else may share; the last one is kept."""
    asked = (chart, seen, settings, axes)
    if st.session_state.get("_private_spec", (None,))[0] != asked:
        made = chart(seen, **dict(settings), **dict(axes)).to_dict()
        st.session_state["_private_spec"] = (asked, made)
    spec: dict[str, Any] = st.session_state["_private_spec"][1]
    return spec


def handle(key: str, rest: int, last: int, *, play: bool = False) -> None:
    """Keep the handle of the figure ``key`` in the address.

    Parameters
    ----------
    rest : int
        The step at which it rests until it is moved.
    last : int
        The last step.
    play : bool
        Move it once, by itself, at first sight.
    """
    with st.container(key="handle-helper"):
        _handle(
            key=f"handle-{key}",
            data={
                "figure": f"figure-{key}",
                "rest": rest,
                "last": last,
                "name": HANDLE,
                "play": play,
            },
        )


def ends(left: str, right: str) -> None:
    """Say what the two ends of a handle are, under it."""
    st.html(
        f'<div class="pl-ends"><span>{html.escape(left)}</span><span>{html.escape(right)}</span></div>'
    )
