"""What the server does beside its pages: asks nobody, counts its files, tidies up while idle."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from pages.shared import moving
from pages.shared.served import Message, Receive, Send, Server

SPARE = 96
"""Open files kept for the server itself: static files, a reader's fonts, the log."""
A_READER = 4
"""Open files that a session holds: its connection, and the event loop of its script."""
FULL = (
    "<!doctype html><html lang='en'><meta charset='utf-8'><title>Pooling Lab</title>"
    "<body style='font: 1.2rem/1.5 sans-serif; max-width: 30em; margin: 20vh auto; padding: 1em'>"
    "<h1>This server is full</h1><p>So many people read Pooling Lab at this moment that there is "
    "no place left. Please load the page again in a minute.</p></body></html>"
)


def ask_nobody() -> None:
    """Let Streamlit not ask a host on the internet for this server's address.

    It does when a page of another origin wants to connect; for an answer that is already
    there it does not ask. (At its start it would ask too; ``browser.serverAddress`` in
    .streamlit/config.toml stops that.)
    """
    from streamlit import net_util

    net_util._external_ip = ""


def in_this_network() -> str:
    """The address at which others in the same network reach this server, or nothing."""
    from streamlit import config, net_util

    if config.get_option("server.address") not in (None, "", "0.0.0.0", "::"):
        return ""
    address = net_util.get_internal_ip()  # from the routes of this machine; nothing is sent
    if not address or address.startswith("127."):
        return ""
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"http://{address}:{config.get_option('server.port')}/{base}"


def remember() -> None:
    """Let Streamlit do once what it does at every move, with the same result.

    It looks up the theme six times, and gives stable names to the views of a specification
    that has them. A control that moves the figure alone takes one run, not two. And nothing
    is forgotten that a browser waits for. Where a later Streamlit does it in another way,
    nothing is done.
    """
    from streamlit.elements import vega_charts
    from streamlit.runtime import app_session, forward_msg_queue

    stable = getattr(vega_charts, "_stabilize_vega_json_spec", None)
    if stable is not None:
        vega_charts._stabilize_vega_json_spec = lru_cache(maxsize=256)(stable)
    asked = getattr(app_session.AppSession, "_handle_rerun_script_request", None)
    if asked is not None:
        app_session.AppSession._handle_rerun_script_request = moving.narrowed(asked)  # type: ignore[method-assign]
    slow = getattr(app_session, "_populate_theme_msg", None)
    if slow is not None:
        app_session._populate_theme_msg = _once_a_section(slow)
    queue = getattr(forward_msg_queue, "ForwardMsgQueue", None)
    if queue is not None:
        queue.clear = _keeping_places(queue.clear)


def _keeping_places(clear: Callable[..., None]) -> Callable[..., None]:
    """What is not yet sent is cleared when a run starts, but not where a file may be put.

    Streamlit drops that too, and the browser waits for it for ever: a file that is chosen
    while a run starts would never come.
    """

    def cleared(queue: Any, retain_lifecycle_msgs: bool = False, *args: Any, **named: Any) -> None:
        places = [m for m in queue._queue if m.WhichOneof("type") == "file_urls_response"]
        clear(queue, retain_lifecycle_msgs, *args, **named)
        if retain_lifecycle_msgs:
            queue._queue += [m for m in places if not any(m is kept for kept in queue._queue)]

    return cleared


def _once_a_section(slow: Callable[..., None]) -> Callable[..., None]:
    known: dict[str, Any] = {}

    def populate(message: Any, section: str = "theme") -> None:
        if section not in known:
            known[section] = type(message)()
            slow(known[section], section)
        if known[section].ByteSize():
            message.MergeFrom(known[section])

    return populate


def many_files() -> None:
    """As many open files as the system allows: each session holds four."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS has a lower one of its own
            return


def places() -> int:
    """How many more readers there are files for; a large number where nobody can say."""
    try:
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        open_now = len(os.listdir("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd"))
    except (ImportError, OSError):
        return 1_000_000
    if soft == resource.RLIM_INFINITY:
        return 1_000_000
    return (soft - SPARE - open_now) // A_READER


class NotTooMany:
    """Tells a reader that the server is full before it has no file left."""

    def __init__(self, app: Server) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Refuse a new page or a new session where there is no place for it."""
        name = str(scope.get("path", "")).rsplit("/", 1)[-1]
        page = scope["type"] == "http" and "." not in name and "/_stcore/" not in scope["path"]
        if scope["type"] == "websocket" and places() < 0:
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": "full"})
        elif page and places() < SPARE // A_READER:
            await _full(send)
        else:
            await self.app(scope, receive, send)


async def _full(send: Send) -> None:
    body = FULL.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"60"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def tidy(every: float = 5.0, at_least: float = 120.0) -> None:
    """Collect garbage while nobody moves anything; after two minutes without a pause, anyway.

    Streamlit would collect after every move (``runner.postScriptGC``, off here).
    """
    last = time.monotonic()
    before = at_last = time.process_time()
    while True:
        await asyncio.sleep(every)
        now = time.process_time()
        idle, worked = now - before < 0.05 * every, now - at_last > 0.5
        if worked and (idle or time.monotonic() - last > at_least):
            gc.collect()
            last, at_last = time.monotonic(), time.process_time()
        before = time.process_time()


def prepare() -> threading.Thread | None:
    """Draw every step of every lesson once, unseen, at a third of the time.

    What is remembered then: the facts of the lessons' own scenarios and the specifications of
    their figures. Off with ``POOLING_LAB_PREPARE=0``.
    """
    if os.environ.get("POOLING_LAB_PREPARE", "1") == "0":
        return None
    thread = threading.Thread(target=_prepared, name="prepare", daemon=True)
    thread.start()
    return thread


def _prepared() -> None:
    from mlm_core import DataError
    from mlm_core.charts.theme import Look
    from pages.shared import offstage, story

    time.sleep(1)
    for lesson in offstage.lessons():
        told = offstage.story_of(lesson.slug)
        for step in range(-1, len(told.steps)):
            for answered in (False, True):
                began = time.thread_time()
                try:
                    seen = story.designed(told, step, answered=answered)
                    noted, _ = offstage.drawn(told, seen, told.facts(seen))
                except DataError:
                    continue
                for shown in noted.figures:
                    shown.spec(Look())
                    shown.spec(Look(dark=True))
                time.sleep(2 * (time.thread_time() - began))
