"""How is it taught? The teaching guide: `pages/shared/teaching.md`, with its links."""

import streamlit as st

from pages.shared import contents, guide

with st.container(key="head"):
    st.title(contents.lesson("teaching").question, anchor=False)
st.page_link("pages/decks.py", label="Decks: a lecture of 20, 50 or 90 minutes, ready to present",
             icon=":material/co_present:")  # fmt: skip
for part in guide.parts():
    if part.folded:
        with st.expander(part.folded):
            st.markdown(part.text)
    else:
        st.markdown(part.text)
