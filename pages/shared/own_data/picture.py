"""The figure of the page, the group that is picked in it, and the sentence beside it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import streamlit as st

from mlm_core.charts.lines_plane import lines_plane
from mlm_core.charts.own_glide import own_glide
from mlm_core.estimates import STEPS
from mlm_core.own_data import glide, groups, plane
from mlm_core.own_data.fits import Fits, decimals, varying_slope
from pages.shared import figure, saving
from pages.shared.own_data.session import remembered
from pages.shared.words import count, number, plain

MOST_KINDS = 6
"""Kinds of groups whose expected values are listed."""


def place_in_words(fits: Fits) -> str:
    """Where groups are compared: ``day = 45.9``."""
    made = fits.design
    parts = []
    for name in made.rows.columns.x:
        term = next(t for t in made.terms if t.column == name and t.kind == "row")
        if made.model.within:
            parts.append(f"{name} = its group's mean")
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
        name = figure.clicked(chart, field)
        if name in names:
            st.session_state[key] = name

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
    axes = {
        "heights": glide.domain(
            fits.own_height[shown],
            np.append(fits.height[shown], [height, *tables["targets"]["height"]]),
        ),
        "slopes": glide.domain(
            own[shown], np.append(pooled[shown], [complete, *tables["targets"]["slope"]])
        ),
    }
    tables["schools"], beyond = plane.inside(tables["schools"], axes["heights"], axes["slopes"])
    figure.show(
        "your_plane",
        f"{count(len(shown), 'group')} by slope and intercept; partial pooling pulls them together. SD of intercepts "
        f"{number(float(fits.partial.sd[0]), digits)}, of slopes {number(float(fits.partial.sd[1]), decimals(float(fits.partial.sd[1])))}.",
        lines_plane,
        tables,
        on_school=picker("your_plane", source, fits, "group"),
        private=True,
        axes=axes,
        words={
            "score": f"{columns.y[:30]}, where {place_in_words(fits)}"[:80],
            "slope": f"slope of {slope[:40]}",
            "number": f".{digits}f",
        },
        one_target=len(tables["targets"]) == 1,
    )
    saving.picture("your_plane", "slopes")
    if beyond:
        more = f" and {len(beyond) - 3} more" if len(beyond) > 3 else ""
        st.caption(
            f"Rings at the edge stand for lines that lie further out: {plain(', '.join(beyond[:3]))}{more}. "
            "From few rows a line of one's own can be anything."
        )


def to_the_estimate() -> None:
    """Let the handle go back to where the data put it."""
    st.session_state["_back"] = st.session_state.get("_back", 0) + 1


def all_groups(fits: Fits, digits: int) -> str:
    """How much groups and rows differ, in the reader's words, before anything else."""
    made, fit = fits.design, fits.partial
    columns = made.rows.columns
    y, group = plain(columns.y[:40]), plain(columns.group[:40])
    if not fit.sd.any():
        return (
            f"**From {group} to {group}, {y} differs no more than by chance**: the SD between groups is estimated as exactly "
            "0, so all groups are pooled completely. Its interval, below, says how sure that is."
        )
    where = f", where {plain(place_in_words(fits))}" if fits.slopes_vary and columns.x else ""
    used = plain(
        " and ".join(filter(None, [", ".join(columns.predictors[:-1]), *columns.predictors[-1:]]))
    )
    beyond = (
        f" Both beyond what {used} {'says' if len(columns.predictors) == 1 else 'say'}."
        if used
        else ""
    )
    said = (
        f"**From {group} to {group}, {y} differs by about {number(float(fit.sd[0]), digits)}{where}; from row to row of one "
        f"{group}, by about {number(fit.sigma_y, digits)}** (standard deviations).{beyond}"
    )
    if fits.slopes_vary:
        slope = float(fit.sd[1])
        name = plain(made.terms[made.varying[0]].name)
        said += f" The slope of {name} differs from {group} to {group} by about {number(slope, decimals(slope))}."
    return f"{said} {which_way(fits)}"


def which_way(fits: Fits) -> str:
    """Where partial pooling moves groups, and who does not go all that way."""
    rows, one = fits.design.rows, glide.one_target(fits)
    unequal, heights = np.ptp(rows.n) > 0, groups.outside(fits)
    fewer = "the fewer rows a group has, the larger the share of the way"
    if fits.slopes_vary:
        said = "The groups' own lines are moved towards "
        said += "the line that is" if one else "the lines that are"
        said += f" expected of them (the purple {'cross' if one else 'crosses'}), intercept and slope together."
        said += f" As a rule, {fewer}." if unequal else ""
        slopes = groups.outside(fits, 1)
        alone = " One of the two alone can move away from what is expected, or past it"
        do = "does" if heights + slopes == 1 else "do"
        moved = [count(k, what) for k, what in ((heights, "intercept"), (slopes, "slope")) if k]
        here = f": here {' and '.join(moved)} {do}" if moved else ""
        return f"{said}{alone}{here}."
    to = f"towards what is expected of them (the purple {'line' if one else 'marks'})"
    if not rows.columns.x:
        return f"All groups are moved {to}: {fewer if unequal else 'by the same share of the way'}."
    rule = fewer if unequal else "all by about the same share of the way"
    said = f"Groups are moved {to}: as a rule, {rule}."
    if heights:
        does = "does" if heights == 1 else "do"
        slope = f"the slope of {plain(rows.columns.x[0])}" if len(rows.columns.x) == 1 else "slopes"
        said += f" {count(heights, 'group')} {does} not end on this way, because partial pooling changes {slope} a little, too."
    return said


def three_poolings(fits: Fits) -> str:
    """What the three kinds of marks are, a line each."""
    made = fits.design
    what = "line" if made.rows.columns.x else "mean"
    own = f"each group's own {what}, from its own rows alone"
    common = [c for c in made.rows.columns.x if c not in made.model.varying]
    if common:
        one = (
            f"slope of {plain(common[0])} is"
            if len(common) == 1
            else f"slopes of {plain(', '.join(common))} are"
        )
        own = f"each group's own line, from its own rows; but the {one} the same in all groups"
    return (
        f"- **No pooling** (blue ring): {own}.\n"
        f"- **Complete pooling** (orange): one {'regression' if made.rows.columns.u else what} from all rows, as if there were no groups.\n"
        "- **Partial pooling** (green): a compromise. The data set how far."
    )


def why_several(fits: Fits, digits: int) -> str:
    """Why purple and orange marks stand in several places, and which is whose."""
    if glide.one_target(fits):
        return ""
    rows = fits.design.rows
    u = rows.columns.u
    means = [t.name for t in fits.design.terms if t.kind == "mean"]
    names = plain(", ".join([*u, *means]))
    first = f"Purple and orange marks stand in several places because groups differ in {names}"
    alone = f"{first}. Each mark shows what is expected of its group from that alone."
    if means or not all(c in rows.text for c in u):
        return alone
    of = list(zip(*(rows.text[c][_first_rows(fits)] for c in u), strict=True))
    kinds = sorted(set(of))
    if len(kinds) > MOST_KINDS:
        return alone
    to = [number(float(fits.toward[of.index(kind)]), digits) for kind in kinds]
    places = "; ".join(f"{plain(', '.join(k))} at {v}" for k, v in zip(kinds, to, strict=True))
    return f"{first}. Purple, at the estimate: {places}. Orange: the same by complete pooling."


def _first_rows(fits: Fits) -> np.ndarray:
    """A row of each group."""
    return np.unique(fits.design.rows.j, return_index=True)[1]


def expected_from(fits: Fits, j: int) -> str:
    """Which groups share a group's expected value: ``arm = drug``; empty where it is the same for all."""
    rows, row = fits.design.rows, _first_rows(fits)[j]
    said = []
    for name in rows.columns.u:
        if name in rows.numbers:
            value = float(rows.numbers[name][row])
            said.append(f"{name} = {value:.4g}".replace("-", "−"))
        else:
            said.append(f"{name} = {rows.text[name][row]}")
    said += [f"the same {t.name}" for t in fits.design.terms if t.kind == "mean"]
    return ", ".join(said)


def what_you_see(fits: Fits, j: int, digits: int) -> str:
    """The picked group by itself; what pooling makes of it follows the handle."""
    fit, name, rows = fits.partial, plain(str(fits.labels[j])[:60]), int(fits.design.rows.n[j])
    own = fits.own_height[j]
    has = f"**{name}** has {count(rows, 'row')}"
    if fits.slopes_vary:
        mine, _, slope, _ = varying_slope(fits, 1)
        d = decimals(float(np.nanstd(slope)) or 1.0)
        said = (
            f"its own slope is {number(mine[j], d)}"
            if math.isfinite(mine[j])
            else "too few for a slope of its own"
            if rows > 1
            else "it has no slope of its own"
        )
        edge = (
            " In the best fit an SD is exactly 0, or a correlation exactly 1 or −1. "
            "That does not mean that it is so: the data are too few to say." if fit.singular else ""
        )  # fmt: skip
        return f"{has}: {said}; partial pooling gives **{number(slope[j], d)}**.{edge}"
    where = plain(place_in_words(fits))
    if not math.isfinite(own):
        line = "no line of its own can be fitted"
    elif fits.design.rows.columns.x:
        line = f"its own line at {where} is at {number(own, digits)}"
    else:
        line = f"its own mean is {number(own, digits)}"
    using = expected_from(fits, j)
    rests = f" What is expected of it (purple) is the same for every group with {plain(using)}." if using else (
        " What is expected of it (purple) is the same for all groups."
    )  # fmt: skip
    return f"{has}: {line}.{rests}"
