"""Pooling Lab: page config, navigation, the frame around every page."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

from pages.shared import address, contents

ROOT = Path(__file__).parent


def frame() -> None:
    """Draw the frame and run the page that the address names."""
    st.set_page_config(
        page_title="Pooling Lab", page_icon=ROOT / "pages" / "shared" / "icon.svg", layout="wide"
    )
    st.html(ROOT / "pages" / "shared" / "style.css")
    start = st.Page("pages/start.py", title="Start", icon=":material/home:", default=True)
    sections = {"": [start]}
    for lesson in contents.lessons():
        entry = st.Page(lesson.path, title=lesson.name, url_path=lesson.slug)
        sections.setdefault(lesson.part, []).append(entry)
    page = st.navigation(sections, position="top")
    address.arrive(page.url_path)
    page.run()
    address.write()


@asynccontextmanager
async def warm(_: st.App) -> AsyncIterator[None]:
    """Before the first reader comes: load what the pages need.

    Streamlit collects all garbage after every run of a page; freezing what is
    loaded takes about 100 ms off each. While a folder ``pages/`` exists, it would
    serve the first address it is asked for without this frame. And our matrices are
    small: threads of the linear algebra would only wait for each other.
    """
    import statsmodels.regression.linear_model  # noqa: F401
    import threadpoolctl
    from streamlit.runtime.pages_manager import PagesManager

    from pages.shared import lesson  # noqa: F401

    PagesManager.uses_pages_directory = False
    threadpoolctl.threadpool_limits(1)
    gc.collect()
    gc.freeze()
    yield


if __name__ == "__main__":
    frame()
else:
    app = st.App(__file__, lifespan=warm)
