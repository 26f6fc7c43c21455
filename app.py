"""Pooling Lab: page config, navigation, the frame around every page."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from pages.shared import contents, decks, figure, ink, room, serving, settings
from pages.shared.decks import showing
from pages.shared.served import StyleFirst

ROOT = Path(__file__).parent


def frame() -> None:
    """Draw the frame and run the page that the address names."""
    icon = ROOT / "pages" / "shared" / "icon.svg"
    start = st.Page("pages/start.py", title="Start", default=True)
    sections = {"": [start]}
    for lesson in contents.pages():
        entry = st.Page(lesson.path, title=lesson.name, url_path=lesson.slug)
        sections.setdefault(lesson.part, []).append(entry)
    page = st.navigation(sections, position="top")
    name = "Pooling Lab" if page == start else f"{page.title} · Pooling Lab"
    st.set_page_config(page_title=name, page_icon=icon, layout="wide")
    decks.lead()
    st.html(figure.ground())
    ink.follow()
    settings.begin(page.url_path)
    decks.shown()
    st.session_state["_told"] = False
    st.session_state["_alternatives"] = None
    page.run()
    if not st.session_state["_told"]:  # a lesson in steps writes its address itself
        showing.elsewhere()
        settings.write()


@asynccontextmanager
async def warm(_: st.App) -> AsyncIterator[None]:
    """Before the first reader comes: load what the pages need.

    What is loaded is frozen for the garbage collector (about 100 ms off each collection),
    and garbage is collected while nobody moves anything, not after each move. While a folder
    ``pages/`` exists, Streamlit would serve the first address it is asked for without this
    frame. And our matrices are small: threads of the linear algebra would only wait for each
    other.
    """
    import statsmodels.regression.linear_model  # noqa: F401
    import threadpoolctl
    from streamlit.runtime.pages_manager import PagesManager

    from pages.shared import story  # noqa: F401

    PagesManager.uses_pages_directory = False
    threadpoolctl.threadpool_limits(1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 50)
    if address := serving.in_this_network():
        sys.stdout.write(f"  In the same network: {address}\n\n")
    tidying = asyncio.create_task(serving.tidy())
    serving.prepare()
    yield
    tidying.cancel()


if __name__ == "__main__":
    frame()
else:
    serving.ask_nobody()
    serving.remember()
    serving.many_files()
    around = [room.phones(), Middleware(serving.NotTooMany), Middleware(StyleFirst)]
    app = st.App(__file__, lifespan=warm, middleware=around, routes=room.routes())
