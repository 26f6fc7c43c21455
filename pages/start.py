"""Pooling Lab: the board's question, the picture that answers it, the way in, the contents."""

from itertools import groupby

import streamlit as st

from mlm_core import Scenario, estimates
from mlm_core.charts.pooling_path import pooling_path
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons import next_year, partial_pooling
from pages.shared import begin, contents, figure
from pages.shared.cached import remembered
from pages.shared.words import count, number, plain

town = remembered(next_year.facts)(Scenario(), "Northgate")
f = remembered(partial_pooling.facts)(Scenario(), "Northgate")
best, large = plain(town.names[town.best]), plain(town.names[town.largest])

with st.container(key="head"):
    st.title("Which school did best? What will the best school do next year?", anchor=False)

words, picture = st.columns([5, 8], gap="medium")
with words, st.container(key="opening"):
    st.html('<p class="pl-kicker">Pooling Lab: multilevel regression, moved by your own hand</p>')
    st.markdown(
        f"A school board has the test scores of its {count(f.data.n_groups, 'school')}, and you are its new "
        f"statistician. **{best}** is at the top with {number(town.own[town.best])} points, the mean of "
        f"{count(town.data.n[town.best], 'student')}. **{large}** has {number(town.own[town.largest])}, the mean of "
        f"{town.data.n[town.largest]}. Whom would you praise? What would you expect next year?"
    )
    begin.button()
    st.markdown(
        "**Drag the handle** under the figure: from one mean for all schools to each school's own mean. "
        "Which schools move most?"
    )
    st.page_link(
        "pages/teaching.py", label="Teach with it: a stage, decks, a guide",
        icon=":material/co_present:",
    )  # fmt: skip
    st.page_link(
        "pages/your_data.py", label="Try your own data: nothing is stored", icon=":material/table:"
    )

with picture, st.container(key="picture"):
    figure.legend(
        no="its own mean",
        partial="partial pooling",
        complete="one mean for all",
        target="the mean it pulls to",
    )
    figure.show(
        "shrinkage",
        f"{count(f.data.n_groups, 'school')}, the largest first. Partial pooling pulls each school's own mean to "
        "the common mean, the small schools most.",
        pooling_path,
        f.tables(partial=True, truth=False, later=False),
        axes={"domain": steady_domain([*f.own, *f.truth], 60, 30)},
        rows=f.data.n_groups,
        scale=estimates.HANDLE_SCALE,
        steps=estimates.STEPS,
    )
    spoken = [f"{number(sd)} points" for sd in f.path.sigma_alpha[:-1]]
    figure.follow(
        figure.Handle("shrinkage", f.rest, [*spoken, "infinite"], "SD between schools"), play=True
    )

st.header("The lessons", anchor=False)
with st.container(key="contents"):
    parts = [
        (part, list(found)) for part, found in groupby(contents.lessons(), lambda one: one.part)
    ]
    for k, (part, found) in enumerate(parts):
        if k % 3 == 0:
            columns = st.columns(3)
        with columns[k % 3]:
            st.markdown(f"**{part}**")
            for lesson in found:
                st.page_link(lesson.path, label=lesson.question, help=lesson.line)
