"""Your data: a table of your own, or a bundled one, under the three poolings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import streamlit as st

from mlm_core import DataError
from mlm_core.charts.caterpillar import caterpillar
from mlm_core.charts.group_lines import group_lines
from mlm_core.charts.line_up import line_up as line_up_chart
from mlm_core.charts.lines_plane import lines_plane
from mlm_core.charts.own_glide import own_glide
from mlm_core.estimates import STEPS
from mlm_core.own_data import (
    checks,
    coefficients,
    glide,
    groups,
    listing,
    one_group,
    plane,
    predictions,
    second,
    variation,
)
from mlm_core.own_data.columns import Columns, coded, may_be_codes, swapped
from mlm_core.own_data.design import Model, design
from mlm_core.own_data.download import safe_csv
from mlm_core.own_data.fits import Fits, decimals, fit_all, varying_slope
from mlm_core.own_data.guess import guess_columns
from mlm_core.own_data.paragraph import paragraph
from mlm_core.own_data.rows import Rows, kind_of_outcome, take_rows
from mlm_core.own_data.table import Table, read_table
from pages.shared import controls, figure
from pages.shared.words import count, number, percent, plain

OWN = "A file of your own"
BUNDLED = {
    "radon": "Radon in 919 houses",
    "schools": "20 schools, simulated",
    "tutoring": "Tutoring, simulated",
}
DATASETS = Path(__file__).parents[1] / "datasets"
FIRST = {"radon": "log_radon", "schools": "y", "tutoring": "score"}
PARTS = {
    "How much groups differ": "differ",
    "Coefficients": "coefficients",
    "All groups": "groups",
    "One group's rows": "rows",
    "Is the model right?": "checks",
    "Predict": "predict",
    "Report and code": "report",
}


def remembered(name: str, key: object, make: Callable[[], Any]) -> Any:
    """What ``make`` returns, kept for this reader until ``key`` changes: never for others."""
    slot = st.session_state.get(f"_mine_{name}")
    if slot is None or slot[0] != key:
        slot = st.session_state[f"_mine_{name}"] = (key, make())
    return slot[1]


def forget() -> None:
    """Drop everything that came from the reader's file."""
    for key in [k for k in st.session_state if str(k).startswith(("_mine_", "_private", "own_"))]:
        del st.session_state[key]


def stop(sentence: str) -> NoReturn:
    """Say why there is nothing to show, and end the page."""
    st.warning(sentence, icon=":material/info:")
    st.stop()  # raises
    raise AssertionError


# ------------------------------------------------------------------------------------------- the table
def opened() -> tuple[str, Table]:
    """The chosen table and what tells it from others."""
    names = [*BUNDLED.values(), OWN]
    source = controls.choose(
        "Data", names, "source", default=names[0], horizontal=True, label_visibility="collapsed"
    )
    if source != OWN:
        slug = next((slug for slug, name in BUNDLED.items() if name == source), "radon")
        path = DATASETS / f"{slug}.csv"
        return slug, remembered("bundled", slug, lambda: read_table(path.read_bytes()))
    uploaded = st.file_uploader(
        "A table: CSV, Excel or Stata. One row for each student (patient, house, …), and a column "
        "that names the group. At most 20 MB, 500,000 rows, 200 columns.",
        None, key="file", on_change=forget,
        help="CSV with commas, semicolons or tabs; decimal point or comma. The first row names the columns.",
    )  # fmt: skip
    st.caption(
        "The file is read into the memory of this session. It is not stored, not logged, and gone "
        "when you close the page. Still: take names and other personal details out first."
    )
    try:
        if uploaded is not None:
            key = str(uploaded.file_id)
            return key, remembered("table", key, lambda: reading(uploaded))
    except DataError as problem:
        stop(plain(problem))
    kept = st.session_state.get("_mine_table")
    if kept is None:
        stop("Choose a file, or look at one of the bundled tables.")
    st.button("Forget the file I opened before", on_click=forget, icon=":material/delete:")
    was_opened: tuple[str, Table] = kept
    return was_opened


def reading(uploaded: Any) -> Table:
    """The table of an uploaded file; a large one takes a few seconds."""
    with st.spinner("Reading the file …"):
        return read_table(uploaded.getvalue())


# ----------------------------------------------------------------------------------------- the columns
def chosen_columns(source: str, table: Table) -> Columns:
    """Three boxes with the guess in them; choosing a column that another box has swaps them."""
    try:
        guess: Columns = remembered("guess", source, lambda: guess_columns(table))
    except DataError as problem:
        stop(plain(problem))
    if source in FIRST:
        guess = replace(guess, y=FIRST[source])
    keys = [f"own_{role}_{source}" for role in ("y", "group", "predictors")]
    start: tuple[Any, ...] = (guess.y, guess.group, list(guess.predictors))
    for key, value in zip(keys, start, strict=True):
        st.session_state.setdefault(key, value)

    def swap(which: int) -> None:
        """A column has one part: who had it before gets what the other had."""
        before = st.session_state[f"own_before_{source}"]
        now = tuple(st.session_state[k] for k in keys[:2])
        chosen = now[which]
        st.session_state[keys[0]], st.session_state[keys[1]] = swapped(before, now)
        kept = st.session_state[keys[2]]
        if chosen in kept and before[which] != chosen:
            st.session_state[keys[2]] = [before[which] if c == chosen else c for c in kept]

    boxes = st.columns([1, 1, 2])
    y = boxes[0].selectbox(
        "Outcome", table.columns, key=keys[0], on_change=swap, args=(0,),
        help="What you want to explain: a number in every row.",
    )  # fmt: skip
    group = boxes[1].selectbox(
        "Group", table.columns, key=keys[1], on_change=swap, args=(1,),
        help="Which rows belong together: school, patient, county, …",
    )  # fmt: skip
    st.session_state[f"own_before_{source}"] = (y, group)
    left = [c for c in table.columns if c not in (y, group)]
    st.session_state[keys[2]] = [c for c in st.session_state[keys[2]] if c in left]
    predictors = boxes[2].multiselect(
        "Predictors, of rows or of groups", left, key=keys[2], placeholder="none",
        help="Any number. Whether one describes rows or whole groups is told from its values.",
    )  # fmt: skip
    return Columns(str(y), str(group), x=tuple(predictors))


def more_of_the_model(
    source: str, table: Table, columns: Columns, rows: Rows
) -> tuple[Columns, Model]:
    """What unfolds: slopes that vary, centring, codes, a second grouping."""
    used = rows.columns
    with st.expander("More of the model: slopes that vary, centring, a second grouping"):
        varying: tuple[str, ...] = ()
        product = within = False
        left, right = st.columns(2, gap="large")
        if used.x:
            key = f"own_varying_{source}"
            st.session_state[key] = [c for c in st.session_state.get(key, []) if c in used.x]
            varying = tuple(left.multiselect(
                "Slopes that vary between groups", used.x, key=key, placeholder="none: the same slope in all groups",
                help="Each group gets its own slope of this predictor, pulled to the common one.",
            ))  # fmt: skip
            if varying and used.u:
                product = left.toggle(
                    f"Let {plain(', '.join(used.u))} predict these slopes, too", key=f"own_product_{source}",
                    help="The cross-level product, u × x: does x count for more where u is higher?",
                )  # fmt: skip
            within = right.toggle(
                "Tell slopes within groups from slopes between groups", key=f"own_within_{source}",
                help="Each predictor of rows is counted from the mean of its group, and that mean becomes a "
                "predictor of groups. See the lesson “Is it the student or the school?”.",
            )  # fmt: skip
        at_means = right.toggle(
            "Count numbers from their mean", True, key=f"own_at_means_{source}",
            help="Then intercepts are the heights of the groups where the data are. If not, they are heights at 0.",
        )  # fmt: skip
        asked = [c for c in columns.predictors if may_be_codes(table, c)]
        codes = tuple(
            c for c in asked
            if right.toggle(
                f"The numbers of {plain(c)} are codes of categories", coded(table, c), key=f"own_codes_{source}_{c}",
            )
        )  # fmt: skip
        options = [c for c in table.columns if c not in (used.y, used.group, *columns.predictors)]
        key = f"own_second_{source}"
        if st.session_state.get(key) not in (None, *options):
            del st.session_state[key]
        also = left.selectbox(
            "A second grouping of the same rows", options, None, key=key, placeholder="none",
            help="Districts above schools, or neighbourhoods across them: nested or crossed is told from the data.",
        )  # fmt: skip
    return replace(columns, codes=codes, second=also), Model(varying, product, within, at_means)


# ------------------------------------------------------------------------------------------- the figure
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
            parts.append(f"{name} = {number(term.zero, decimals(abs(term.zero)) if term.zero else 0)}")
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
) -> None:
    """Heights between complete and no pooling."""
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
        domain=glide.domain(fits.own_height[shown], np.concatenate(
            [fits.height[shown], fits.toward[shown], tables["schools"]["complete"].to_numpy()]
        )),
        rows=len(shown),
        scale=glide.handle_scale(fits),
        steps=STEPS,
        score=(f"{name}, where {where}" if where else f"mean of {name}")[:90],
        unit=name,
        number=f".{digits}f",
        one_target=glide.one_target(fits),
    )  # fmt: skip
    figure.follow(figure.Handle("your_path", glide.resting(fits), said, "SD between groups"))


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
        heights=glide.domain(
            fits.own_height[shown],
            np.append(fits.height[shown], [height, *tables["targets"]["height"]]),
        ),
        slopes=glide.domain(
            own[shown], np.append(pooled[shown], [complete, *tables["targets"]["slope"]])
        ),
        score=f"{columns.y[:30]}, where {place_in_words(fits)}"[:80],
        slope=f"slope of {slope[:40]}",
        number=f".{digits}f",
    )


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


# --------------------------------------------------------------------------------------------- the parts
def part_differ(setting: object, fits: Fits) -> None:
    """SDs, ICC, R², the test of a slope."""
    with st.spinner("Computing the intervals …"):
        parts = remembered("components", setting, lambda: variation.components(fits))
        r2 = remembered("r2", setting, lambda: variation.explained(fits))
    lines = ["| | | estimate | 95% interval |", "|:--|:--|--:|--:|"]
    for c in parts:
        d = (
            2
            if c.symbol in (r"\text{ICC}",) or "rho" in c.symbol
            else decimals(c.value or fits.partial.sigma_y)
        )
        low, high = (number(v, d) for v in c.interval)
        symbol = "" if c.symbol == r"\text{ICC}" else f"${c.symbol}$"
        lines.append(f"| {plain(c.name)} | {symbol} | **{number(c.value, d)}** | {low} to {high} |")
    st.markdown("\n".join(lines))
    st.caption(
        "REML; intervals by profile likelihood. They need not be symmetric, and may reach 0."
    )
    if fits.design.rows.n_groups < 10:
        st.markdown(
            f"{fits.design.rows.n_groups} groups tell little about how much groups differ: look at the interval, "
            "not at the estimate."
        )
    kept = remembered("kept", setting, lambda: variation.keep_slope(fits))
    if kept is not None:
        p = "less than 0.001" if kept.p_value < 0.001 else number(kept.p_value, 3)
        st.markdown(
            f"**Does the slope of {plain(kept.slope)} have to vary?** Without that, minus twice the log likelihood is "
            f"{number(kept.ratio, 1)} higher: p = {p}. An SD cannot be below 0, so half of a chi-square with one "
            "degree of freedom less and half of the usual one are taken (Stram & Lee 1994); the usual p-value would be too "
            "large. If you would let the slope vary for reasons of your subject, keep it: a small SD does no harm."
        )
    if len(fits.design.terms) > 1:
        lines = ["| explained share | R² |", "|:--|--:|"]
        named = {
            "by the predictors (marginal)": r2.marginal,
            "by predictors and groups (conditional)": r2.conditional,
            "of the variance within groups": r2.within,
            "of the variance between groups": r2.between,
        }
        lines += [
            f"| {name} | {number(value, 2)} |"
            for name, value in named.items()
            if math.isfinite(value)
        ]
        st.markdown("\n".join(lines))
        st.caption(
            "Marginal and conditional: Nakagawa & Schielzeth (2013), Johnson (2014). Within and between: by how much the "
            "variances are less than without predictors (Raudenbush & Bryk 2002); they can be negative."
        )


def part_second(setting: object, fits: Fits) -> None:
    """Two groupings."""
    columns = fits.design.rows.columns
    name, group = plain(str(columns.second)), plain(columns.group)
    try:
        second.check_second(fits.design)
        first = remembered("second", setting, lambda: second.two_groupings(fits.design))
        apart = first.reused and st.toggle(
            f"The same {name} in two groups is not the same thing (as “class 7A” in two schools)",
            key="own_apart",
        )
        found = first
        if apart:
            found = remembered(
                "apart", setting, lambda: second.two_groupings(fits.design, apart=True)
            )
    except DataError as problem:
        st.warning(plain(problem), icon=":material/info:")
        return
    kinds = {
        "nested": f"**Nested**: every {plain(str(found.inner))} lies in one {name if found.inner == columns.group else group}.",
        "crossed": f"**Crossed**: every {name} meets every {group}.",
        "partially crossed": f"**Crossed in part**: a {name} meets more than one {group}, but not all.",
    }
    st.markdown(
        f"{kinds[found.kind]} That is a fact of the data; the model is written the same way."
    )
    d, part = decimals(found.fit.sigma_y), second.shares(found)
    lines = ["| | levels | SD | share of the variance |", "|:--|--:|--:|--:|"]
    lines += [
        f"| between levels of {plain(k)} | {found.levels[k]:,} | **{number(sd, d)}** | {percent(part[k])} |"
        for k, sd in found.fit.sd.items()
    ]
    lines.append(f"| within | | **{number(found.fit.sigma_y, d)}** | {percent(part['within'])} |")
    st.markdown("\n".join(lines))
    st.caption(
        "Intercepts vary over both groupings; REML. The figure and the parts below have the first grouping only."
    )


def part_coefficients(fits: Fits) -> None:
    """Coefficients with intervals under the three poolings."""
    table = coefficients.coefficients_table(fits)
    lines = ["| | complete pooling | no pooling | partial pooling |", "|:--|--:|--:|--:|"]
    for name in fits.partial.names:
        cells = []
        for pooling in ("complete", "no", "partial"):
            found = table[(table["coefficient"] == name) & (table["pooling"] == pooling)]
            if found.empty:
                cells.append("–")
                continue
            c = found.iloc[0]
            d = decimals(c["se"], 2)
            cells.append(
                f"**{number(c['estimate'], d)}** ({number(c['low'], d)} to {number(c['high'], d)})"
            )
        lines.append(f"| {plain(name)} | {' | '.join(cells)} |")
    st.markdown("\n".join(lines))
    st.caption(
        "In brackets the 95% interval, with t. Complete pooling: with cluster-robust standard errors. No pooling has an "
        "intercept for each group (and each slope that varies), so it says nothing of predictors of groups."
    )
    references = [f"{plain(c)} with {plain(r)}" for c, r in fits.design.references.items()]
    if references:
        st.caption(f"Categories are compared: {'; '.join(references)}.")
    st.download_button(
        "Download these coefficients (CSV)", lambda: safe_csv(table), "coefficients.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="coefficients_csv",
    )  # fmt: skip


def part_groups(setting: object, fits: Fits, shown: np.ndarray, j: int, digits: int) -> None:
    """Caterpillar, the probability of being among the best, the table."""
    table = groups.caterpillar_table(fits, shown, j)
    figure.show(
        "your_caterpillar",
        f"{count(len(shown), 'group')} from the lowest to the highest, each with a 95% interval.",
        caterpillar,
        {"groups": table},
        private=True,
        domain=glide.domain(
            fits.own_height[shown], table[["low", "high", "toward"]].to_numpy().ravel()
        ),
        rows=len(shown),
        score=fits.design.rows.columns.y[:60],
        number=f".{digits}f",
    )
    every = groups.groups_table(fits)
    if st.toggle("I want to rank the groups", key="own_rank"):
        left, right = st.columns(2)
        k = int(
            left.number_input(
                "Among the best",
                1,
                max(1, fits.partial.n_groups - 1),
                min(5, max(1, fits.partial.n_groups // 4)),
                key="own_best",
            )
        )
        side = right.radio("Best is", ["highest", "lowest"], horizontal=True, key="own_side")
        chance = remembered(
            "best", (setting, k, side), lambda: groups.among_best(fits, k, lowest=side == "lowest")
        )
        every.insert(1, f"among the {k} {side}", chance)
        every = every.sort_values(f"among the {k} {side}", ascending=False)
        top = every.head(3)
        st.markdown(
            f"No table of estimates says who is best. The probability of being truly among the {k} {side}: "
            + "; ".join(f"{plain(str(a))} {percent(b)}" for a, b in zip(top.iloc[:, 0], top.iloc[:, 1], strict=True)) + "."
        )  # fmt: skip
    config = {
        c: st.column_config.NumberColumn(format="%.4g" if "slope" in str(c) or "its SE" in str(c) else f"%.{digits}f")
        for c in every.columns[1:] if c != "rows"
    }  # fmt: skip
    config |= {
        c: st.column_config.NumberColumn(format="%.2f")
        for c in every.columns
        if "share" in str(c) or "among" in str(c)
    }
    st.dataframe(every, hide_index=True, column_config=config, height=320)
    st.download_button(
        "Download this table (CSV)", lambda: safe_csv(every), "groups.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="groups_csv",
    )  # fmt: skip


def part_rows(fits: Fits, j: int) -> None:
    """The data under the fitted lines."""
    axes = one_group.axes_of(fits.design)
    x = (
        st.selectbox("Along", axes, key="own_axis")
        if len(axes) > 1
        else (axes[0] if axes else None)
    )
    tables = one_group.group_tables(fits, j, x)
    points, columns = tables["points"], fits.design.rows.columns
    y = np.concatenate([points["y"], tables["lines"]["y"]])
    name = plain(str(fits.labels[j])[:60])
    figure.show(
        "your_rows",
        f"The rows of the picked group and the lines of the three poolings. Complete pooling at the left "
        f"{number(float(tables['lines']['y'].iloc[0]), 2)}.",
        group_lines,
        tables,
        private=True,
        x=glide.domain(points["x"].to_numpy(), points["x"].to_numpy()) if x else (0.0, 1.0),
        y=glide.domain(y, y),
        x_title=(x or "rows side by side")[:60],
        y_title=columns.y[:60],
        with_x=x is not None,
    )
    st.caption(
        f"**{name}**; pick another group at the figure above. Other predictors of rows are at their mean or reference."
    )


def part_checks(setting: object, fits: Fits) -> None:
    """The line-up."""
    what = st.radio(
        "Look at", ["the groups", "the rows"], horizontal=True, key="own_check",
        captions=["Are their departures normal?", "Are residuals an even band?"],
    )  # fmt: skip
    kind: checks.What = "groups" if what == "the groups" else "rows"
    seed = int(st.session_state.setdefault("own_line_up", 1))
    table, mine = remembered(
        "lines", (setting, kind, seed), lambda: checks.line_up(fits, kind, seed)
    )
    st.markdown(
        "One of these panels is your data. The others are drawn from the fitted model, where everything is as the "
        "model says. **Which is yours?**"
    )
    seen = bool(st.session_state.get("own_seen") == (setting, kind, seed))
    figure.show(
        "your_line_up",
        "Eight numbered panels of points."
        + (f" The data are in panel {mine + 1}." if seen else " One of them is the data."),
        line_up_chart,
        {"points": table},
        private=True,
        panels=checks.PANELS,
        shown=mine if seen else -1,
    )

    def reveal() -> None:
        st.session_state["own_seen"] = (setting, kind, seed)

    def again() -> None:
        st.session_state["own_line_up"] = seed + 1

    left, right = st.columns(2)
    left.button("Show me", on_click=reveal, disabled=seen, icon=":material/visibility:")
    right.button("Draw others", on_click=again, icon=":material/casino:")
    axes = (
        "Across: where a normal distribution would put the groups. Up: how far they depart. Near a straight line is normal."
        if kind == "groups"
        else "Across: fitted values. Up: residuals. A band of even height is what the model expects."
    )
    st.caption(axes)
    if seen:
        st.markdown(
            f"Yours is panel **{mine + 1}**. Did it stand out? Then the model misses something. If you could not tell, "
            "there is no reason in this picture to doubt it. By chance alone one in eight finds it."
        )


def part_predict(fits: Fits, j: int, digits: int) -> None:
    """The next row, at chosen predictors."""
    rows = fits.design.rows
    columns = rows.columns
    values: dict[str, float | str] = {}
    inputs = [*columns.x, *columns.u]
    places = st.columns(min(len(inputs), 4)) if inputs else []
    for k, name in enumerate(inputs):
        box = places[k % len(places)]
        of = " (of a new group)" if name in columns.u else ""
        if name in rows.numbers:
            v = rows.numbers[name]
            yes_no = set(np.unique(v)) <= {0.0, 1.0}
            start = 0.0 if yes_no else float(f"{v.mean():.4g}")
            values[name] = float(
                box.number_input(
                    f"{plain(name)}{of}", value=start, format="%.6g", key=f"own_at_{name}"
                )
            )
        else:
            values[name] = str(
                box.selectbox(
                    f"{plain(name)}{of}", sorted(set(rows.text[name])), key=f"own_at_{name}"
                )
            )
    here = predictions.predict_in(fits, j, {c: v for c, v in values.items() if c in columns.x})
    new = predictions.predict_new(fits, values)
    lines = [
        "| the next row | expected | 95% of single rows | 95% interval of the group's mean |",
        "|:--|--:|--:|--:|",
    ]
    for name, p in ((f"in {plain(str(fits.labels[j])[:60])}", here), ("in a new group", new)):
        lines.append(
            f"| {name} | **{number(p.mean, digits)}** | {number(p.low, digits)} to {number(p.high, digits)} | "
            f"{number(p.mean_low, digits)} to {number(p.mean_high, digits)} |"
        )
    st.markdown("\n".join(lines))
    st.caption(
        f"With t, for a new group on {rows.n_groups - 1} degrees of freedom: {rows.n_groups} groups tell how much groups differ."
    )


def part_report(setting: object, fits: Fits, j: int) -> None:
    """A paragraph, the code, the data."""
    parts = remembered("components", setting, lambda: variation.components(fits))
    r2 = remembered("r2", setting, lambda: variation.explained(fits))
    st.text_area(
        "A paragraph for your report",
        paragraph(fits, parts, r2),
        height=200,
        key=f"own_text_{hash(str(setting))}",
    )
    from_file = fits.design.rows.n_rows > listing.MOST_ROWS
    st.caption(
        "Code: download the data first; it reads that file, and gives the numbers of this page."
        if from_file else "Code: it carries the data, runs as pasted, and gives the numbers of this page."
    )  # fmt: skip
    language = controls.choose(
        "Language",
        ["Python (this core)", "Python (statsmodels)", "R (lme4)"],
        "code",
        horizontal=True,
        label_visibility="collapsed",
    )
    if language is not None:
        made = listing.listing(fits.design, str(fits.labels[j]))
        code = {
            "Python (this core)": made.core,
            "Python (statsmodels)": made.statsmodels,
            "R (lme4)": made.lme4,
        }[language]
        st.code(code, "r" if language == "R (lme4)" else "python", height=360)
    st.download_button(
        "Download the data that are used (CSV)", lambda: listing.data_csv(fits.design), listing.FILE, "text/csv",
        icon=":material/download:", on_click="ignore", key="data_csv",
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- the page
st.html('<div class="pl-part">Your data</div>')
st.title("What do your own data say?", anchor=False)
with st.container(border=True):
    source, table = opened()
    asked = chosen_columns(source, table)
    st.session_state.setdefault(f"own_codes_{source}", ())
    try:
        first = remembered("first", (source, asked), lambda: take_rows(table, replace(asked, codes=tuple(
            c for c in asked.predictors if coded(table, c)))))  # fmt: skip
        asked, model = more_of_the_model(source, table, asked, first)
        rows: Rows = remembered("rows", (source, asked), lambda: take_rows(table, asked))
    except DataError as problem:
        stop(plain(problem))

kind = kind_of_outcome(rows.y)
name = plain(rows.columns.y[:60])
if kind in ("yes or no", "count"):
    instead = {
        "yes or no": (f"**{name} has two values only.** The model here is for quantities: it can predict values that cannot "
                      "be. A multilevel logistic regression fits such data: in R, glmer(…, family = binomial)."),
        "count": (f"**{name} looks like a count.** The model here takes the spread of rows as the same everywhere and can predict "
                  "values below 0. A multilevel Poisson or negative binomial regression fits counts: in R, glmer(…, family = "
                  "poisson) or glmer.nb(…)."),
    }  # fmt: skip
    st.warning(instead[kind], icon=":material/priority_high:")
    if not st.toggle(
        "Show me the linear model anyway, as a rough look",
        key=f"own_linear_{source}_{rows.columns.y}",
    ):
        st.stop()

setting = (source, asked, model)
try:
    with st.spinner("Fitting …"):
        fits: Fits = remembered("fits", setting, lambda: fit_all(design(rows, model)))
except DataError as problem:
    stop(plain(problem))

left_out = rows.n_read - rows.n_rows
used = f"**{rows.n_rows:,} rows in {rows.n_groups:,} groups**"
dropped = (
    f"; {left_out:,} of {rows.n_read:,} rows were left out: {plain('; '.join(rows.left_out))}"
    if left_out
    else ""
)
levels = []
if rows.columns.x:
    levels.append(
        f"{plain(', '.join(rows.columns.x))} varies within groups"
        if len(rows.columns.x) == 1
        else f"{plain(', '.join(rows.columns.x))} vary within groups"
    )
if rows.columns.u:
    levels.append(
        f"{plain(', '.join(rows.columns.u))} {'describes' if len(rows.columns.u) == 1 else 'describe'} groups"
    )
st.markdown(f"{used}{dropped}.{' ' if levels else ''}{'; '.join(levels)}{'.' if levels else ''}")
notes = [*table.notes, *rows.notes, *fits.design.notes]
if not fits.partial.converged:
    notes.insert(0, "The search for the best fit ran out of steps: take these numbers with care.")
if notes:
    with st.expander(f"{count(len(notes), 'note')} on these data", expanded=source not in BUNDLED):
        st.markdown("\n".join(f"- {plain(note)}" for note in notes))

digits = decimals(float(rows.y.std()))
figure_place, words_place = st.columns([5, 2], gap="medium")
with words_place:
    j = picked_group(source, fits)
    st.markdown(what_you_see(fits, j, digits))
shown = groups.shown_groups(fits, j)
with figure_place:
    if fits.slopes_vary:
        show_plane(source, fits, shown, j, digits)
    else:
        show_glide(source, setting, fits, shown, j, digits)
    if len(shown) < rows.n_groups:
        st.caption(
            f"Shown are {len(shown)} of the {rows.n_groups:,} groups: the highest, the lowest, and some of all sizes. The fits use all."
        )
with words_place:
    if not fits.slopes_vary:
        st.caption(
            "Drag the handle under the figure: at the left complete pooling, at the right no pooling. It rests where the data put it."
        )

if rows.columns.second:
    st.subheader("Two groupings", anchor=False)
    part_second(setting, fits)

chosen = controls.choose(
    "What else?", list(PARTS), "part", default=next(iter(PARTS)), horizontal=True
)
part = PARTS.get(chosen or "", "differ")
st.subheader(chosen or next(iter(PARTS)), anchor=False)
if part == "differ":
    part_differ(setting, fits)
elif part == "coefficients":
    part_coefficients(fits)
elif part == "groups":
    part_groups(setting, fits, shown, j, digits)
elif part == "rows":
    part_rows(fits, j)
elif part == "checks":
    part_checks(setting, fits)
elif part == "predict":
    part_predict(fits, j, digits)
else:
    part_report(setting, fits, j)
