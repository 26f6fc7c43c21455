"""The figure of the page, the group that is picked in it, and the sentence beside it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import streamlit as st

from mlm_core.charts.lines_plane import lines_plane
from mlm_core.charts.own_glide import own_glide
from mlm_core.estimates import STEPS
from mlm_core.own_data import glide, plane, variation
from mlm_core.own_data.fits import Fits, decimals, varying_slope
from pages.shared import figure, saving
from pages.shared.own_data.session import remembered
from pages.shared.words import count, number, percent, plain


def place_in_words(fits: Fits) -> str:
    """Where heights are told."""
    made = fits.design
    parts = []
    for name in made.rows.columns.x:
        term = next(t for t in made.terms if t.column == name and t.kind == "row")
        if made.model.within:
            parts.append(f"{name} at its group's mean")
        elif term.level:
            parts.append(f"{name} = {made.references[name]}")
        else:
            parts.append(
                f"{name} = {number(term.zero, decimals(abs(term.zero)) if term.zero else 0)}"
            )
    return ", ".join(parts)


def picked_group(source: str, fits: Fits) -> int:
    """The group that is marked: the smallest at first."""
    names = [str(name) for name in fits.labels]
    key = f"own_group_{source}_{fits.design.rows.columns.group}"
    if st.session_state.get(key) not in names:
        st.session_state[key] = names[int(np.argmin(fits.design.rows.n))]
    return names.index(st.selectbox("Picked group", names, key=key))


def picker(chart: str, source: str, fits: Fits, field: str) -> Callable[[], None]:
    """A click in the figure picks the group."""
    key = f"own_group_{source}_{fits.design.rows.columns.group}"
    names = set(fits.labels.tolist())

    def pick() -> None:
        points = st.session_state[chart].selection.get("school", [])
        if points and points[0].get(field) in names:
            st.session_state[key] = points[0][field]

    return pick


def show_glide(
    source: str, setting: object, fits: Fits, shown: np.ndarray, j: int, digits: int
) -> tuple[figure.Handle, figure.Hand]:
    """Heights between complete and no pooling; what follows the handle goes beside it."""
    name = fits.design.rows.columns.y[:30]
    path = remembered("glide", setting, lambda: glide.glide(fits))
    said = glide.captions(fits, path, digits, name if len(name) < 16 else "")
    tables = glide.glide_tables(fits, path, shown, j, said)
    where = place_in_words(fits)
    figure.show(
        "your_path",
        f"{count(len(shown), 'group')}, largest first, between no pooling and complete pooling. "
        f"SD between groups: {number(float(fits.partial.sd[0]), digits)}.",
        own_glide,
        tables,
        on_school=picker("your_path", source, fits, "school"),
        private=True,
        axes={"domain": glide.domain(fits.own_height[shown], np.concatenate(
            [fits.height[shown], fits.toward[shown], tables["schools"]["complete"].to_numpy()]
        ))},
        words={
            "score": (f"{name}, where {where}" if where else f"mean of {name}")[:90],
            "unit": name,
            "number": f".{digits}f",
            "scale": glide.handle_scale(fits),
        },
        rows=len(shown),
        steps=STEPS,
        one_target=glide.one_target(fits),
    )  # fmt: skip
    saving.picture("your_path", "pooling")
    spoken = glide.one_groups_words(fits, path, j, said, lambda height: number(height, digits))
    handle = figure.Handle("your_path", glide.resting(fits), said, "SD between groups")
    return handle, figure.hand("<p>{line}</p>", line=spoken)


def show_plane(source: str, fits: Fits, shown: np.ndarray, j: int, digits: int) -> None:
    """Heights and slopes."""
    columns = fits.design.rows.columns
    slope = fits.design.terms[fits.design.varying[0]].name
    own, _, pooled, _ = varying_slope(fits, 1)
    tables = plane.plane_tables(fits, shown, j)
    height, complete = plane.complete_line(fits)
    figure.show(
        "your_plane",
        f"{count(len(shown), 'group')} by slope and height; partial pooling pulls them together. SD of heights "
        f"{number(float(fits.partial.sd[0]), digits)}, of slopes {number(float(fits.partial.sd[1]), decimals(float(fits.partial.sd[1])))}.",
        lines_plane,
        tables,
        on_school=picker("your_plane", source, fits, "group"),
        private=True,
        axes={
            "heights": glide.domain(
                fits.own_height[shown],
                np.append(fits.height[shown], [height, *tables["targets"]["height"]]),
            ),
            "slopes": glide.domain(
                own[shown], np.append(pooled[shown], [complete, *tables["targets"]["slope"]])
            ),
        },
        words={
            "score": f"{columns.y[:30]}, where {place_in_words(fits)}"[:80],
            "slope": f"slope of {slope[:40]}",
            "number": f".{digits}f",
        },
    )
    saving.picture("your_plane", "slopes")


def what_you_see(fits: Fits, j: int, digits: int) -> str:
    """One sentence on the picked group, one on all."""
    fit, name, rows = fits.partial, plain(str(fits.labels[j])[:60]), int(fits.design.rows.n[j])
    own, pooled, to = fits.own_height[j], fits.height[j], fits.toward[j]
    if fits.slopes_vary:
        mine, _, slope, _ = varying_slope(fits, 1)
        d = decimals(float(np.nanstd(slope)) or 1.0)
        said = (
            f"its own slope is {number(mine[j], d)}"
            if math.isfinite(mine[j])
            else "it has no slope of its own"
        )
        edge = (
            " The estimate lies on the boundary: an SD of exactly 0, or a correlation of exactly 1 or −1. "
            "The data cannot tell it from that." if fit.singular else ""
        )  # fmt: skip
        return f"**{name}** has {count(rows, 'row')}: {said}; partial pooling gives **{number(slope[j], d)}**.{edge}"
    if fit.sd[0] == 0:
        return (
            "The SD between groups is estimated as exactly 0: these groups differ no more than rows drawn at random "
            "would make them, so all are pooled completely. Its interval says how sure that is."
        )
    share = percent(variation.icc(fits))
    left = " that the predictors leave" if len(fits.design.terms) > 1 else ""
    if not math.isfinite(own):
        return f"**{name}** has no height of its own; partial pooling gives **{number(pooled, digits)}**."
    what = "its own mean" if not fits.design.rows.columns.x else "its own height"
    gone = (own - pooled) / (own - to) if own != to else math.nan
    way = f"{percent(gone)} of the way " if 0 <= gone <= 1 else ""
    return (
        f"**{name}** has {count(rows, 'row')}: {what}, {number(own, digits)}, is pulled {way}to {number(to, digits)}, "
        f"so the estimate is **{number(pooled, digits)}**. {share} of the variance{left} lies between groups."
    )
