"""The room: students answer from their phones what the stage asks.

A teacher opens a room and gets a short code. Phones are no Streamlit sessions: they ask a
few plain routes beside the app (`web`). What a room knows lies in one SQLite file that
several processes share (`store`). The stage's panel asks the same routes by itself.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import segno
import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from mlm_core.everyone import STUDIES
from pages.shared import figure, serving
from pages.shared.room import web
from pages.shared.room.runs import runs as runs_of
from pages.shared.room.store import Draw, Poll, RoomError, Sort, link_of, rooms

if TYPE_CHECKING:
    from pages.shared.story import Question, Sorting

_HERE = Path(__file__).parent
COLOURS = ("ink", "muted", "paper", "no", "partial", "complete", "truth")
KEY, SHOWS, DRAWING, PUSHED, PROBLEM = (
    f"_room_{name}" for name in ("key", "shows", "drawing", "pushed", "problem")
)


@cache
def _panel() -> Any:
    """Registered when it is first drawn: the server asks for `routes` before it runs."""
    html, css, js = (
        (_HERE / f"panel.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
    )
    return st.components.v2.component("pooling_lab_room", html=html, css=css, js=js)


@cache
def _tally() -> str:
    return (_HERE / "tally.css").read_text(encoding="utf-8")


def routes() -> list[BaseRoute]:
    """The phone's page, which `app.py` serves beside the app."""
    return web.routes(_base())


def phones() -> Middleware:
    """What answers the phones, before the app."""
    return Middleware(web.Phones, base=_base())


def is_open() -> bool:
    """Whether this browser has a room open (in this session, or in one before it)."""
    return _mine() is not None


def open_room() -> None:
    """Open a room and show its code large; where one is open, show or hide its code.

    For a button's or a key's callback.
    """
    state = st.session_state
    state[SHOWS] = secrets.token_hex(4)  # told apart from the last time, on every page
    if is_open():
        return
    try:
        state[KEY] = rooms().open().key
    except RoomError as reason:
        state[PROBLEM] = str(reason)
    except (OSError, sqlite3.Error):
        state[PROBLEM] = "The server cannot keep a room: it cannot write its file."
    state.pop(PUSHED, None)


def close_room() -> None:
    """Close the room: everything that it knows is forgotten."""
    mine = _mine()
    if mine is not None:
        rooms().close(mine[0])
    for name in (DRAWING, PUSHED):
        st.session_state.pop(name, None)
    st.session_state[KEY] = ""


def on_stage(slug: str, step: int, questions: Sequence[Question | Sorting], revealed: bool) -> None:
    """Draw the room on the stage, and tell the phones what is asked.

    Call it in every run of the stage, whether or not a room is open: without a room it
    draws nothing. It keeps itself up to date; nothing has to run again for it.

    Parameters
    ----------
    step : int
        From 0; -1 in free play.
    questions : sequence of Question or Sorting
        What the stage shows now (one, or none), its answers or items in the order in which
        they are shown.
    revealed : bool
        The answer stands on the stage: the phones can't answer any more, and the tally is
        shown.
    """
    state = st.session_state
    problem = state.pop(PROBLEM, None)
    if problem:
        st.warning(problem)
    mine = _mine()
    if mine is None:
        return
    key, code = mine
    if state.get(DRAWING, (slug, step))[:2] != (slug, step):
        state.pop(DRAWING)
    asked = questions[0] if questions else None
    _push(key, slug, asked, revealed)
    with st.container(key="room"):
        st.html(f"<style>{_tally()}</style>")
        _panel()(
            key="room-panel",
            data={
                **_way_in(key, code),
                "key": key,
                "shows": state.get(SHOWS, ""),
                "revealed": revealed,
                "answers": [said(text) for text in _answers(asked)],
                "items": [said(item.text) for item in getattr(asked, "items", ())],
                "drawing": DRAWING in state,
                "study": _study(slug),
                "colours": {name: getattr(figure.look().palette, name) for name in COLOURS},
            },
            on_act_change=lambda: _act(slug, step),
        )


def _push(key: str, slug: str, asked: Question | Sorting | None, revealed: bool) -> None:
    """Tell the phones what is asked, where they have not been told."""
    state = st.session_state
    moment: Poll | Sort | Draw | None = None
    if DRAWING in state:
        moment = Draw(slug, state[DRAWING][2])
    elif asked is not None:
        moment = moment_of(asked)
    if state.get(PUSHED) != (moment, revealed):
        rooms().push(key, moment, revealed=revealed)
        state[PUSHED] = (moment, revealed)


def poll_of(question: Question) -> Poll:
    """A question as the phones show it."""
    right = next(k for k, answer in enumerate(question.answers) if answer.right)
    return Poll(
        runs_of(question.text), [runs_of(answer.text) for answer in question.answers], right
    )


def moment_of(asked: Question | Sorting) -> Poll | Sort:
    """What is asked as the phones show it."""
    return sort_of(cast("Sorting", asked)) if hasattr(asked, "bins") else poll_of(asked)


def sort_of(sorting: Sorting) -> Sort:
    """Items to sort as the phones show them."""
    bins = list(sorting.bins)
    return Sort(
        runs_of(sorting.text),
        [runs_of(text) for text in bins],
        [runs_of(item.text) for item in sorting.items],
        [bins.index(item.bin) for item in sorting.items],
    )


def said(markdown: str) -> str:
    """Words of a lesson as plain text.

    >>> said(r"$\\sigma_\\alpha$, the **SD**")
    'σα, the SD'
    """
    return "".join(text for text, _ in runs_of(markdown))


def _answers(asked: Question | Sorting | None) -> Sequence[str]:
    """What can be said: the answers, or the bins."""
    if asked is None:
        return ()
    return [a.text for a in asked.answers] if hasattr(asked, "answers") else asked.bins


def _act(slug: str, step: int) -> None:
    """Callback of the panel's buttons."""
    state = st.session_state
    act = state["room-panel"].act
    mine = _mine()
    if act == "close":
        close_room()
    elif act == "draw" and mine is not None and slug in STUDIES:
        state[DRAWING] = (slug, step, rooms().rounds(mine[0], slug) + 1)
    elif act == "back":
        state.pop(DRAWING, None)


def _mine() -> tuple[str, str] | None:
    """The key and the code of this browser's room: from the session, else from its cookie."""
    key = st.session_state.get(KEY)
    if key is None:
        key = st.session_state[KEY] = _cookie()
    if not key:
        return None
    try:
        code = rooms().mine(key)
    except (OSError, sqlite3.Error):
        return None
    return None if code is None else (key, code)


def _cookie() -> str:
    """The key that an earlier session of this browser left."""
    try:
        return str(st.context.cookies.to_dict().get(web.COOKIE, ""))
    except RuntimeError:  # no server: a test, or a script run by hand
        return ""


# The address


def _base() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def _way_in(key: str, code: str) -> dict[str, Any]:
    """How phones come in: address, link and QR code."""
    origin, reachable = reach(st.context.url or "", serving.in_this_network())
    address = f"{origin}{_base()}/room"
    link = f"{address}/{code}#{link_of(key)}"
    return {
        "code": code,
        "base": _base(),
        "address": address.split("://")[-1],
        "link": link,
        "qr": qr(link),
        "reachable": reachable,
    }


def reach(url: str, in_network: str) -> tuple[str, bool]:
    """The origin at which phones find this server, and whether they can.

    A teacher who opens ``localhost`` sees the server of this very computer: phones in the
    same network need its address there.

    >>> reach("https://lab.example.org/partial_pooling?step=2", "")
    ('https://lab.example.org', True)
    >>> reach("http://localhost:8501/", "http://10.0.0.7:8501/")
    ('http://10.0.0.7:8501', True)
    """
    at = urlsplit(url)
    here = at.hostname in ("localhost", "127.0.0.1", "::1")
    if here and in_network:
        at = urlsplit(in_network)
    return f"{at.scheme}://{at.netloc}", bool(at.hostname) and not (here and not in_network)


@lru_cache(maxsize=64)
def qr(link: str) -> dict[str, Any]:
    """A QR code as one path of horizontal strokes, with its quiet border."""
    made = segno.make(link, error="m", micro=False)
    rows = [list(row) for row in made.matrix_iter(border=4)]
    path = [f"M{x} {y + 0.5}h1" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark]
    return {"path": "".join(path), "side": len(rows)}


@cache
def _study(slug: str) -> dict[str, Any] | None:
    study = STUDIES.get(slug)
    if study is None:
        return None
    return {
        "what": study.what, "task": study.task, "names": study.names, "truth": study.true_value,
        "low": study.low, "high": study.high, "step": study.step, "tick": 2 * study.step,
    }  # fmt: skip
