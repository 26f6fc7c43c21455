"""Pooling Lab: what it is, the picture of shrinkage moving, three doors, the contents."""

from itertools import groupby

import streamlit as st

from mlm_core import Scenario, estimates
from mlm_core.charts.pooling_path import pooling_path
from mlm_core.charts.theme import steady_domain
from pages.shared import cached, contents, figure

scenario = Scenario()
simulation = cached.simulation(scenario, with_x=False)
data = simulation.data
fit = cached.partial_pooling(scenario, with_x=False)
own = cached.no_pooling(scenario, with_x=False).lines.alpha
path = cached.pooling_path(scenario, with_x=False)
rest, last = estimates.resting_place(fit.hyper.sigma_alpha), estimates.STEPS - 1

st.title("Pooling Lab", anchor=False)
st.markdown(
    "See what multilevel regression does by moving it with your own hand. "
    "**Drag the handle:** twenty schools glide between their own means and the common one."
)
picture, doors = st.columns([5, 2], gap="large")
with picture:
    figure.legend(no="a school's own mean", partial="partial pooling", complete="one mean for all")
    figure.show(
        "shrinkage",
        "Twenty schools, largest first. Partial pooling pulls each school's own mean to the common "
        "mean, the small schools most.",
        pooling_path,
        {
            "schools": estimates.schools_table(
                data, own, cached.complete_pooling(scenario, with_x=False).lines.alpha[0]
            ),
            "path": estimates.path_table(path, data, rest),
            "likelihood": estimates.likelihood_table(path, fit.hyper.sigma_alpha, rest),
        },
        axes={"domain": steady_domain(own, 60, 30)},
        rows=data.n_groups,
        scale=estimates.HANDLE_SCALE,
        steps=estimates.STEPS,
    )
    figure.follow(
        figure.Handle("shrinkage", rest, [str(k) for k in range(last + 1)], "SD between schools"),
        play=True,
    )

lessons = contents.lessons()
heart, first = contents.lesson("partial_pooling"), lessons[0]
with doors:
    st.markdown(
        "The number behind each name is how many students the school has. "
        "**Why do the small schools move most?**"
    )
    with st.container(border=True):
        st.page_link(first.path, label="**Learn by yourself**", icon=":material/school:")
        st.markdown(f"Start with “{first.question}” A lesson takes ten minutes.")
    with st.container(border=True):
        st.page_link(heart.path, label="**Teach with it**", icon=":material/co_present:")
        st.markdown("Set up a picture, copy the address: the link opens exactly that picture.")
    if any(lesson.slug == "your_data" for lesson in lessons):
        with st.container(border=True):
            st.page_link(
                "pages/your_data.py", label="**Try your own data**", icon=":material/table:"
            )
            st.markdown("A table with an outcome and a group. Nothing is stored.")

st.subheader("Contents", anchor=False)
done = st.session_state.get("done", set())
parts = [(part, list(found)) for part, found in groupby(lessons, key=lambda lesson: lesson.part)]
for k, (part, found) in enumerate(parts):
    if k % 3 == 0:
        columns = st.columns(3)
    with columns[k % 3]:
        st.markdown(f"**{part}**")
        for lesson in found:
            icon = ":material/check_circle:" if lesson.slug in done else ":material/circle:"
            st.page_link(lesson.path, label=lesson.question, icon=icon, help=lesson.line)
if done:
    st.caption(
        f"A check marks the lessons whose questions you have answered: {len(done)} of {len(lessons)}."
    )
