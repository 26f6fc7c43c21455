"""Tables to take away, as CSV that no spreadsheet runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_csv(frame: pd.DataFrame) -> str:
    """The table as CSV; text that a spreadsheet would take for a formula gets an apostrophe.

    Examples
    --------
    >>> import pandas as pd
    >>> safe_csv(pd.DataFrame({"g": ["=1+1", "b"], "y": [-1.5, 2.0]})).split()
    ['g,y', "'=1+1,-1.5", 'b,2']
    """
    frame = frame.rename(columns=lambda name: safe_cell(str(name)))
    text = [name for name in frame.columns if frame[name].dtype.kind not in "biuf"]
    frame = frame.assign(**{name: frame[name].map(_safe) for name in text})
    return str(frame.to_csv(index=False, float_format="%.10g"))


def safe_cell(text: str) -> str:
    """Text as it goes into a file: with an apostrophe where a spreadsheet would compute it.

    >>> safe_cell("=1+1"), safe_cell("-1.5"), safe_cell("Oak")
    ("'=1+1", '-1.5', 'Oak')
    """
    runs = text.startswith(_FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{text}" if runs else text


def _safe(cell: object) -> object:
    return safe_cell(cell) if isinstance(cell, str) else cell
