"""One visual language for every figure: colours, shapes, sizes, fixed domains."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import numpy as np

from mlm_core.charts.handle import place

Pooling = Literal["complete", "no", "partial", "truth"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme; each means one thing on every page, and the poolings differ in shape.

    Attributes
    ----------
    complete, no, partial, truth : str
        The three poolings and the truth.
    target : str
        What schools are pulled to: a mean, a line, a cloud.
    picked : str
        The school that is picked.
    within, between : str
        What is of students of one school, and what is of schools.
    later : str
        Next year: new students in the same schools.
    ink, muted, faint, paper : str
        Type, quiet marks, grounds, the page.
    """

    complete: str
    no: str
    partial: str
    truth: str
    target: str
    picked: str
    within: str
    between: str
    later: str
    ink: str
    muted: str
    faint: str
    paper: str

    def of(self, pooling: Pooling) -> str:
        """Colour of a pooling or of the truth."""
        return str(getattr(self, pooling))


LIGHT = Palette(
    complete="#C8501B",
    no="#0B68B0",
    partial="#00805A",
    truth="#111111",
    target="#7A4BB8",
    picked="#9A6B00",
    within="#8C2F6B",
    between="#5F6400",
    later="#7A4A21",
    ink="#22262B",
    muted="#5B6470",
    faint="#D9DCE0",
    paper="#FFFFFF",
)
DARK = Palette(
    complete="#FF8F52",
    no="#6CB8F2",
    partial="#33C895",
    truth="#FFFFFF",
    target="#BFA2F0",
    picked="#F0C04A",
    within="#F08CC8",
    between="#C9CC4A",
    later="#D9A774",
    ink="#E8EAED",
    muted="#A3ABB5",
    faint="#3A4049",
    paper="#14181D",
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a figure is drawn: light or dark, and how large its type is.

    Attributes
    ----------
    dark : bool
    scale : float
        1 for a screen, more for a projector.
    """

    dark: bool = False
    scale: float = 1.0

    @property
    def palette(self) -> Palette:
        """The colours of this look."""
        return DARK if self.dark else LIGHT

    def type_size(self, points: float = 14) -> float:
        """Size of type in this look (pixels)."""
        return round(points * self.scale, 1)


FONT = "'Source Sans', 'Source Sans Pro', 'Source Sans 3', system-ui, sans-serif"

HEIGHT = 440
"""Pixels of every figure of a lesson, axes and all but the handle."""

LEFT = 118
"""Pixels kept free on the left of a figure for the names of schools."""


def with_tables(chart: Any, **tables: Any) -> Any:
    """Give a figure its tables, for a notebook or a file.

    The figures name their tables instead of holding them: one specification
    serves every state of the sliders, and only the tables change.

    Parameters
    ----------
    chart : altair chart
        From a function of this package.
    **tables : pandas.DataFrame
        By the names that the function lists under "Tables".
    """
    found = chart.copy(deep=False)
    found.datasets = {
        name: json.loads(table.to_json(orient="records", double_precision=15))
        for name, table in tables.items()
    }
    return found


def finish(chart: Any, look: Look, height: int, *, steps: int = 0) -> Any:
    """Set the size and the style that all figures share.

    The figure is as wide as its container; ``height`` is that of the plot. ``steps`` are those
    of its handle, if it has one.
    """
    if steps:
        chart = chart.add_params(place(steps))
    colours, size = look.palette, look.type_size()
    axis = alt.AxisConfig(
        labelColor=colours.ink,
        titleColor=colours.ink,
        domainColor=colours.muted,
        tickColor=colours.muted,
        gridColor=colours.faint,
        gridOpacity=0.6,
        labelFontSize=size,
        titleFontSize=size,
        titleFontWeight="normal",
        titlePadding=8,
        grid=False,
        aria=False,
    )
    # One call: each of Altair's copies the whole chart.
    return chart.properties(
        height=height,
        width="container",
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        padding={"left": 4, "right": 14, "top": 4, "bottom": 4},
        background="transparent",
        config=alt.Config(
            font=FONT,
            view=alt.ViewConfig(stroke=None),
            axis=axis,
            aria=False,
            mark=alt.MarkConfig(aria=False, tooltip=None),  # Streamlit's would tell raw columns
            text=alt.MarkConfig(color=colours.ink, fontSize=size),
            legend=alt.LegendConfig(disable=True),
        ),
    )


def steady_domain(values: Iterable[float], centre: float, half: float) -> tuple[float, float]:
    """A domain that stays the same until the values leave it, and then doubles.

    Examples
    --------
    >>> steady_domain([40, 75], centre=60, half=30)
    (30, 90)
    >>> steady_domain([40, 105], centre=60, half=30)
    (0, 120)
    """
    found = np.asarray(list(values), dtype=float)
    found = found[np.isfinite(found)]
    reach = float(np.abs(found - centre).max()) if found.size else 0.0
    while reach > half:
        half *= 2
    return (centre - half, centre + half)
