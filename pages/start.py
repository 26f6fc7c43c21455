"""Pooling Lab: the start page."""

import streamlit as st

from pages.shared import contents

st.title("Pooling Lab", anchor=False)
for lesson in contents.lessons():
    st.page_link(lesson.path, label=lesson.question)
