"""Which table, which columns play which part, and what the model asks of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from mlm_core import DataError
from mlm_core.own_data.columns import Columns, coded, may_be_codes, swapped
from mlm_core.own_data.designs import Model
from mlm_core.own_data.guess import (
    guess_columns,
    guess_second,
    may_be_second,
    mostly_single,
    one_thing_at_several_times,
    unused,
)
from mlm_core.own_data.rows import Rows, named
from mlm_core.own_data.table import Table, read_table
from pages.shared import controls
from pages.shared.own_data.session import forget, remembered, stop
from pages.shared.words import count, plain

OWN = "A file of your own"
BUNDLED = {
    "radon": "Radon in 919 houses",
    "schools": "20 schools, simulated",
    "tutoring": "Tutoring, simulated",
}
MOST_NAMED = 6
"""Columns that are named with one reason for not being used."""
DATASETS = Path(__file__).parents[3] / "datasets"


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
    chosen = st.session_state.get("file") is not None  # what was said before is out of the way
    uploaded = st.file_uploader(
        "A table: CSV, Excel or Stata. One row for each student (patient, house, …), and a column "
        "that names the group. At most 20 MB, 500,000 rows, 200 columns.",
        None, key="file", on_change=forget,
        help="CSV with commas, semicolons or tabs; decimal point or comma. The first row names the columns.",
        label_visibility="collapsed" if chosen else "visible",
    )  # fmt: skip
    if not chosen:
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


def chosen_columns(source: str, table: Table) -> Columns:
    """Three boxes with the guess in them; choosing a column that another box has swaps them."""
    try:
        guess: Columns = remembered("guess", source, lambda: guess_columns(table))
    except DataError as problem:
        stop(plain(problem))
    keys = [f"own_{role}_{source}" for role in ("y", "group", "predictors")]
    start: tuple[Any, ...] = (guess.y, guess.group or None, list(guess.predictors))
    for key, value in zip(keys, start, strict=True):
        st.session_state.setdefault(key, value)

    def swap(which: int) -> None:
        """A column has one part: who had it before gets what the other had."""
        before = st.session_state.get(f"own_before_{source}")
        if before is None or not all(key in st.session_state for key in keys):
            return  # another file has come in the same moment
        now = tuple(st.session_state[k] for k in keys[:2])
        chosen = now[which]
        y, group = swapped(before, now)
        y = y or next((c for c in table.numbers if c != group), group)  # there was no group yet
        st.session_state[keys[0]], st.session_state[keys[1]] = y, group
        kept = st.session_state[keys[2]]
        if chosen in kept and before[which] != chosen:
            st.session_state[keys[2]] = [before[which] if c == chosen else c for c in kept]

    boxes = st.columns([1, 1, 2])
    y = boxes[0].selectbox(
        "Outcome", table.columns, key=keys[0], persist_state="session", on_change=swap, args=(0,),
        help="What you want to explain: a number in every row.",
    )  # fmt: skip
    group = boxes[1].selectbox(
        "Group", table.columns, 0 if guess.group else None, key=keys[1], persist_state="session",
        on_change=swap, args=(1,), placeholder="choose",
        help="Which rows belong together: school, patient, county, …",
    )  # fmt: skip
    st.session_state[f"own_before_{source}"] = (y, group)
    left = [c for c in table.columns if c not in (y, group)]
    st.session_state[keys[2]] = [c for c in st.session_state[keys[2]] if c in left]
    predictors = boxes[2].multiselect(
        "Predictors, of rows or of groups", left, key=keys[2], persist_state="session", placeholder="none",
        help="As many as you like, numbers or text. Whether a column describes rows or whole groups is told from its values.",
    )  # fmt: skip
    if group is None:
        stop(
            "No column of this file puts rows into groups (no name or code comes back). "
            "An ordinary regression is enough, or choose the group yourself."
        )
    return Columns(str(y), str(group), x=tuple(predictors))


def say_what_is_not_used(source: str, table: Table, columns: Columns) -> None:
    """Why the columns that are in no box are not: names of rows, groupings, or one is enough at first."""
    why: dict[str, str] = remembered("unused", (source, columns), lambda: unused(table, columns))
    if not why:
        return
    reasons: dict[str, list[str]] = {}
    for name, reason in why.items():
        reasons.setdefault(reason, []).append(name)
    said = [
        f"{plain(', '.join(names[:MOST_NAMED]))}{', …' if len(names) > MOST_NAMED else ''} ({plain(reason)})"
        for reason, names in reasons.items()
    ]
    st.caption(f"Not used: {'; '.join(said)}.")


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
                "Slopes that vary between groups", used.x, key=key, persist_state="session", placeholder="none: the same slope in all groups",
                help="Each group gets its own slope of this predictor, pulled to the common one.",
            ))  # fmt: skip
            if varying and used.u:
                product = left.toggle(
                    f"Let {plain(', '.join(used.u))} predict these slopes, too", key=f"own_product_{source}", persist_state="session",
                    help="The cross-level product, u × x: does x count for more where u is higher?",
                )  # fmt: skip
            within = right.toggle(
                "Tell slopes within groups from slopes between groups", key=f"own_within_{source}", persist_state="session",
                help="Each predictor of rows is counted from the mean of its group, and that mean becomes a "
                "predictor of groups. See the lesson “Is it the student or the school?”.",
            )  # fmt: skip
        at_means = right.toggle(
            "Compare groups at the mean of each predictor", True, key=f"own_at_means_{source}", persist_state="session",
            help="On: an intercept is what is expected where predictors are at their mean. Off: where they are 0, which can lie far from your data.",
        )  # fmt: skip
        asked = [c for c in columns.predictors if may_be_codes(table, c)]
        codes = tuple(
            c for c in asked
            if right.toggle(
                f"The numbers of {plain(c)} are codes of categories", coded(table, c), key=f"own_codes_{source}_{c}",
            )
        )  # fmt: skip
        options: tuple[str, ...] = remembered(
            "seconds", (source, columns), lambda: second_options(table, columns, rows)
        )
        key = f"own_second_{source}"
        if st.session_state.get(key) not in (None, *options):
            del st.session_state[key]
        also = left.selectbox(
            "A second grouping of the same rows", options, None, key=key, placeholder="none",
            help="Districts above schools, or neighbourhoods across them: nested or crossed is told from the data. "
            "With two groupings only intercepts vary.",
        )  # fmt: skip
    return replace(columns, codes=codes, second=also), Model(varying, product, within, at_means)


# ------------------------------------------------------------------------------- what the choice means
def linear_anyway(source: str, outcome: str, kind: str) -> bool:
    """Say that an outcome is no quantity, what to use instead, and ask whether to go on."""
    name = plain(outcome[:60])
    instead = {
        "yes or no": f"**{name} has two values only.** The model here is for quantities: it can predict values that "
        "cannot be. A multilevel logistic regression fits such data: in R, glmer(…, family = binomial).",
        "count": f"**{name} looks like a count.** The model here takes the spread of rows as the same everywhere and can "
        "predict values below 0. A multilevel Poisson or negative binomial regression fits counts: in R, "
        "glmer(…, family = poisson) or glmer.nb(…).",
    }
    st.warning(instead[kind], icon=":material/priority_high:")
    return st.toggle(
        "Show me the linear model anyway, as a rough look", key=f"own_linear_{source}_{outcome}"
    )


def second_options(table: Table, columns: Columns, rows: Rows) -> tuple[str, ...]:
    """Columns that can be a second grouping of the rows used."""
    taken = (columns.y, columns.group, *columns.predictors)
    free = (c for c in table.columns if c not in taken)
    return tuple(c for c in free if may_be_second(table, rows, c))


def offer_second(source: str, table: Table, columns: Columns, rows: Rows) -> None:
    """Name a column that looks like a second grouping, with a button that takes it in."""
    key = f"own_second_{source}"
    if columns.second:
        st.button(
            f"Take the second grouping, {plain(columns.second)}, out again", icon=":material/close:", key="own_no_second",
            on_click=lambda: st.session_state.update({key: None}), type="tertiary",
        )  # fmt: skip
        return
    name = remembered("also", (source, columns), lambda: guess_second(table, columns))
    varies = st.session_state.get(f"own_varying_{source}")  # then there is none
    if name is None or varies or not may_be_second(table, rows, name):
        return

    def take() -> None:
        st.session_state[key] = name

    st.button(
        f"{plain(name)} looks like a second grouping of these rows: add it", on_click=take,
        icon=":material/account_tree:", key="own_offer", type="tertiary",
    )  # fmt: skip


def warn_of_single_rows(rows: Rows) -> None:
    """Say it above the figure where most groups have one row only."""
    if not mostly_single(rows.n):
        return
    name, single = plain(rows.columns.group), int((rows.n == 1).sum())
    st.warning(
        f"**{single:,} of the {rows.n_groups:,} groups have one row only.** One row cannot tell what its group has of its own, "
        f"so how much groups differ is known mostly from the other {count(rows.n_groups - single, 'group')}. Does {name} really say which rows belong "
        "together? If not, choose another group, or use an ordinary regression.",
        icon=":material/priority_high:",
    )


def say_if_wide(source: str, table: Table, rows: Rows) -> None:
    """Say how a table with a column for each wave becomes one with a row for each."""
    waves = remembered("waves", source, lambda: one_thing_at_several_times(table))
    if rows.columns.y not in waves:
        return
    names = f"{plain(waves[0])}, {plain(waves[1])}, … {plain(waves[-1])}"
    st.info(
        f"**{names} look like one thing measured {len(waves)} times.** Here each measurement wants a row of its own, with "
        "a column that says which time it was; then the group is whoever was measured. In R: tidyr::pivot_longer(…); "
        "in pandas: melt(…); in Excel: Data, From Table, Unpivot Columns.",
        icon=":material/info:",
    )


def what_is_used(rows: Rows) -> str:
    """How many rows and groups, what was left out, groups with it, and the level of predictors."""
    said = f"**{rows.n_rows:,} rows in {rows.n_groups:,} groups**"
    left_out = rows.n_read - rows.n_rows
    if left_out:
        why = plain("; ".join(rows.left_out))
        was = "was" if left_out == 1 else "were"
        said += f"; {left_out:,} of {rows.n_read:,} rows {was} left out: {why}"
    if gone := rows.groups_left_out:
        said += f". {count(len(gone), 'whole group')} went with them: {plain(named(gone))}"
    levels = [
        f"{plain(', '.join(names))} {one if len(names) == 1 else more} {what}"
        for names, one, more, what in (
            (rows.columns.x, "varies", "vary", "within groups"),
            (rows.columns.u, "describes", "describe", "groups"),
        )
        if names
    ]
    return f"{said}.{' ' if levels else ''}{'; '.join(levels)}{'.' if levels else ''}"
