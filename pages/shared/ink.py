"""The ink of figures follows the theme, also when it changes while a page is open."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared import figure

_watch = st.components.v2.component(
    "pooling_lab_ink", js=Path(__file__).with_name("ink.js").read_text(encoding="utf-8")
)


def follow() -> None:
    """In the frame, which runs again with all of the page when the browser's theme is another."""
    with st.container(key="ink-helper"):
        _watch(key="ink", data={"dark": figure.look().dark}, on_theme_change=lambda: None)
