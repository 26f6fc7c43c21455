"""How records show: a few lines in place of thousands of numbers."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Made = TypeVar("Made")

WIDTH = 96
MOST_LINES = 6
MOST_ROWS = 8


@dataclass_transform(frozen_default=True, eq_default=False)
def record(made: type[Made]) -> type[Made]:
    """Make a frozen, slotted dataclass of arrays that shows in a few lines.

    Examples
    --------
    >>> @record
    ... class Pair:
    ...     alpha: np.ndarray
    ...     name: str
    >>> Pair(np.arange(1000.0), "a")
    Pair(alpha=(1000,) 0 to 999, name='a')
    """
    if "__repr__" not in vars(made):
        made.__repr__ = in_short  # type: ignore[method-assign]
    return dataclass(frozen=True, slots=True, eq=False)(made)


def in_short(shown: Any) -> str:
    """Write a record in at most six lines: of an array its shape and its ends."""
    parts = [f"{f.name}={brief(getattr(shown, f.name))}" for f in fields(shown)]
    text = f"{type(shown).__name__}({', '.join(parts)})"
    lines = textwrap.wrap(
        text, WIDTH, subsequent_indent="  ", max_lines=MOST_LINES, placeholder=" …)"
    )
    return "\n".join(lines)


def brief(value: Any) -> str:
    """Write a value in some words.

    Examples
    --------
    >>> brief(np.array([2.0, np.nan, 1.5])), brief(["a"] * 9), brief(0.123456)
    ('(3,) 1.5 to 2, 1 NaN', "['a', 'a', …, 'a']", '0.1235')
    """
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(_few([f"{k}: {brief(v)}" for k, v in value.items()])) + "}"
    if isinstance(value, (list, tuple)):
        left, right = "[]" if isinstance(value, list) else "()"
        return left + ", ".join(_few([brief(v) for v in value])) + right
    if is_dataclass(value):
        return _changed(value)
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if hasattr(value, "columns") and hasattr(value, "shape"):
        return f"{type(value).__name__}{value.shape}"
    return clipped(repr(value))


def clipped(text: str, most: int = 60) -> str:
    """The beginning of a long text."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _few(parts: list[str]) -> list[str]:
    return parts if len(parts) <= 4 else [*parts[:2], "…", parts[-1]]


def _changed(value: Any) -> str:
    """Of a record within a record what is not at its default, if all of it has one."""
    name = type(value).__name__
    usual = [
        f.default if f.default_factory is MISSING else f.default_factory for f in fields(value)
    ]
    if MISSING in usual:
        return f"{name}(…)"
    plain = type(value)()
    known = {f.name: getattr(value, f.name) for f in fields(value)}
    changed = [f"{k}={brief(v)}" for k, v in known.items() if v != getattr(plain, k)]
    return f"{name}({', '.join(changed)})"


def _array(array: np.ndarray) -> str:
    shape = str(array.shape).replace(" ", "")
    if array.size == 0:
        return shape
    if array.dtype.kind == "b":
        return f"{shape} {int(array.sum())} True"
    if array.dtype.kind not in "iuf":
        return f"{shape} {', '.join(_few([brief(str(v)) for v in array.ravel()[:3]]))}, …"
    known = array[~np.isnan(array)] if array.dtype.kind == "f" else array.ravel()
    missing = array.size - known.size
    if known.size == 0:
        return f"{shape} NaN"
    low, high = known.min() + 0, known.max() + 0  # -0.0 becomes 0
    ends = f"{low:.4g} to {high:.4g}" if known.size > 1 else f"{low:.4g}"
    return f"{shape} {ends}" + (f", {missing} NaN" if missing else "")


def names_in_short(names: Any, most: int = 4) -> str:
    """Some of many names.

    Examples
    --------
    >>> names_in_short(np.array(["a", "b", "c", "d", "e", "f"]))
    'a, b, c, … f'
    """
    texts = [clipped(str(name), 30) for name in names[:most]]
    if len(names) <= most:
        return ", ".join(texts)
    last = clipped(str(names[-1]), 30)
    return f"{', '.join(texts[: most - 1])}, … {last}"


def as_html(title: str, *tables: pd.DataFrame, after: str = "") -> str:
    """A title and tables for a notebook; every text in them is shown and not rendered."""
    parts = [f"<p><b>{html.escape(title)}</b></p>"]
    for table in tables:
        rows = table.head(MOST_ROWS)
        parts.append(rows.to_html(float_format="{:.4g}".format, na_rep="", border=0, escape=True))
        if len(table) > MOST_ROWS:
            parts.append(f"<p>… {len(table)} rows in all: <code>.to_frame()</code></p>")
    if after:
        parts.append(f"<p>{html.escape(after)}</p>")
    return f"<div>{''.join(parts)}</div>"
