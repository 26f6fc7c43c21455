"""Your data: a table of your own, or a bundled one, under the three poolings."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from mlm_core import DataError
from mlm_core.own_data import groups
from mlm_core.own_data.columns import coded
from mlm_core.own_data.designs import design
from mlm_core.own_data.fits import Fits, decimals, fit_all
from mlm_core.own_data.rows import Rows, kind_of_outcome, take_rows
from pages.shared import controls, figure
from pages.shared.own_data import parts
from pages.shared.own_data.choosing import (
    BUNDLED,
    chosen_columns,
    linear_anyway,
    more_of_the_model,
    offer_second,
    opened,
    say_if_wide,
    say_what_is_not_used,
    warn_of_single_rows,
    what_is_used,
)
from pages.shared.own_data.picture import (
    all_groups,
    picked_group,
    show_glide,
    show_plane,
    three_poolings,
    to_the_estimate,
    what_you_see,
    why_several,
)
from pages.shared.own_data.session import remembered, stop
from pages.shared.words import count, plain

st.html('<div class="pl-part">Your data</div>')
st.html("<style>[data-testid='stMain'] { overflow-x: hidden; }</style>")  # figures are zoomed out
st.title("What do your own data say?", anchor=False)
with st.container(border=True):
    source, table = opened()
    asked = chosen_columns(source, table)
    codes = tuple(c for c in asked.predictors if coded(table, c))
    asked = replace(asked, codes=codes)
    try:
        first = remembered("first", (source, asked), lambda: take_rows(table, asked))
        before = asked
        asked, model = more_of_the_model(source, table, asked, first)
        rows: Rows = remembered(
            "rows", (source, asked), lambda: first if asked == before else take_rows(table, asked)
        )
    except DataError as problem:
        stop(plain(problem))
    if source not in BUNDLED:
        say_what_is_not_used(source, table, asked)

kind = kind_of_outcome(rows.y)
if kind in ("yes or no", "count") and not linear_anyway(source, rows.columns.y, kind):
    st.stop()

setting = (source, asked, model)
try:
    with st.spinner("Fitting …"):
        fits: Fits = remembered("fits", setting, lambda: fit_all(design(rows, model)))
except DataError as problem:
    stop(plain(problem))

st.markdown(what_is_used(rows))
warn_of_single_rows(rows)
say_if_wide(source, table, rows)
offer_second(source, table, asked, rows)
if rows.columns.second:
    with st.container(border=True):
        st.header("Two groupings", anchor=False)
        parts.two_groupings_part(setting, fits, first.n_rows - rows.n_rows)
if not fits.partial.converged:
    st.warning("The search for the best fit ran out of steps: take these numbers with care.")
digits = decimals(float(rows.y.std()))
st.markdown(all_groups(fits, digits))
figure_place, words_place = st.columns([5, 2], gap="medium")
with words_place:
    j = picked_group(source, fits)
    st.markdown(what_you_see(fits, j, digits))
shown = groups.shown_groups(fits, j)
with figure_place:
    if fits.slopes_vary:
        show_plane(source, fits, shown, j, digits)
    else:
        handle, words = show_glide(source, setting, fits, shown, j, digits)
        st.caption(why_several(fits, digits))
    if len(shown) < rows.n_groups:
        st.caption(
            f"Shown are {len(shown)} of the {rows.n_groups:,} groups: the highest, the lowest, and some of all sizes. The fits use all."
        )
with words_place:
    if not fits.slopes_vary:
        back = st.session_state.setdefault("_back", 0)
        figure.follow(handle, words, place=str(back))
        st.caption(
            "Drag the handle under the figure: at the left complete pooling, at the right no pooling."
        )
        st.button("Back to the estimate", on_click=to_the_estimate, icon=":material/restart_alt:")
    st.markdown(three_poolings(fits))

notes = [*table.notes, *rows.notes, *fits.design.notes]
if notes:
    with st.expander(f"{count(len(notes), 'note')} on these data", expanded=source not in BUNDLED):
        st.markdown("\n".join(f"- {plain(note)}" for note in notes))

PARTS = {
    "How much groups differ": lambda: parts.variation_part(setting, fits),
    "Coefficients": lambda: parts.coefficients_part(fits),
    "All groups": lambda: parts.groups_part(setting, fits, shown, j, digits),
    "One group's rows": lambda: parts.rows_part(fits, j),
    "Is the model right?": lambda: parts.checks_part(setting, fits),
    "Predict": lambda: parts.predictions_part(fits, j, digits),
    "Report and code": lambda: parts.report_part(setting, fits, j),
}
first_part = next(iter(PARTS))
chosen = controls.choose("What else?", list(PARTS), "part", default=first_part, horizontal=True)
st.header(chosen or first_part, anchor=False)
PARTS[chosen or first_part]()
