"""The server itself: whom it asks, whom it answers, what a move sends, what it does when full."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import CustomThemeConfig

from benchmarks.class_load import Session
from pages.shared import serving
from tests.browser.browser import running

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")
RECORDER = """
import os, sys
_to = open(os.environ["POOLING_LAB_ASKED"], "a", buffering=1)
def _note(event, said):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        _to.write(f"{event} {said!r}\\n")
    elif event == "socket.connect":
        _to.write(f"{event} {said[0].type.name} {said[1]!r}\\n")
sys.addaudithook(_note)
"""


def apart(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: this one's loop may be the browser's."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result()


class Reader(Session):
    """A session that keeps what it was told."""

    def __init__(self, address: str) -> None:
        super().__init__(address, "sigma_alpha", random.Random(1))
        self.heard: list[ForwardMsg] = []

    def _heard(self, data: bytes) -> bool:
        self.heard.append(ForwardMsg.FromString(data))
        return super()._heard(data)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server whose every look outside is written down."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "sitecustomize.py").write_text(RECORDER)
    asked = folder / "asked.txt"
    asked.write_text("")
    more = {"PYTHONPATH": str(folder), "POOLING_LAB_ASKED": str(asked)}
    with running(ROOT / "app.py", address=None, environment=more) as (address, _):
        yield address, asked


def refused(address: str, origin: str) -> bool:
    """Whether a page of another origin gets no session."""

    async def ask() -> bool:
        try:
            async with websockets.connect(
                f"ws://{urlsplit(address).netloc}/_stcore/stream",
                origin=websockets.Origin(origin),
            ):
                return False
        except websockets.InvalidStatus:
            return True

    return apart(ask())


def test_the_server_asks_nobody_and_tells_nobody(watched):
    address, asked = watched

    async def read() -> Reader:
        reader = Reader(f"{address}/partial_pooling?free=true")
        await reader.open()
        await reader.move()
        await reader.close()
        return reader

    reader = apart(read())
    assert not reader.errors
    assert refused(address, "http://elsewhere.example")
    assert not refused(address, address)
    first = next(m for m in reader.heard if m.WhichOneof("type") == "new_session")
    assert not first.new_session.config.gather_usage_stats
    kinds = {m.WhichOneof("type") for m in reader.heard}
    assert "page_profile" not in kinds
    looks = asked.read_text().splitlines()
    # Asking the routes of the machine for its own address opens a socket and sends nothing.
    outside = [
        line
        for line in looks
        if not line.startswith("socket.connect SOCK_DGRAM") and "127.0.0.1" not in line
    ]
    assert outside == []


def test_a_slider_sends_the_figure_and_its_words_and_nothing_else(watched):
    address, _ = watched

    async def move() -> Reader:
        reader = Reader(f"{address}/fixed_and_random?free=true")
        await reader.open()
        await reader.move()  # tells how all controls stand
        reader.heard.clear()
        await reader.move()
        await reader.close()
        return reader

    reader = apart(move())
    told = reader.told
    assert not reader.errors
    assert told.kinds["vega_lite_chart"] == 1
    assert not {"slider", "heading", "button", "selectbox", "navigation"} & set(told.kinds)
    assert told.kinds["new_session"] == 1  # one run, not one that asks for another
    assert told.messages <= 12
    assert told.size < 100_000


def test_a_slider_that_changes_another_control_takes_the_whole_lesson(watched):
    address, _ = watched

    async def move() -> Reader:
        reader = Reader(f"{address}/partial_pooling?free=true")
        reader.key = "n_groups"
        await reader.open()
        await reader.move()  # to where it was
        await reader.move()
        await reader.close()
        return reader

    told = apart(move()).told
    assert told.kinds["new_session"] == 1
    assert told.kinds["slider"] > 5
    assert told.kinds["selectbox"] >= 1  # the schools to pick from
    assert told.kinds["vega_lite_chart"] == 1


def test_a_remembered_theme_is_the_theme(monkeypatch):
    from streamlit.runtime import app_session, forward_msg_queue

    plain, remembered = CustomThemeConfig(), CustomThemeConfig()
    slow = app_session._populate_theme_msg
    monkeypatch.setattr(app_session, "_populate_theme_msg", slow)
    ask = app_session.AppSession._handle_rerun_script_request
    monkeypatch.setattr(app_session.AppSession, "_handle_rerun_script_request", ask)
    queue = forward_msg_queue.ForwardMsgQueue
    monkeypatch.setattr(queue, "clear", queue.clear)
    serving.remember()
    for section in ("theme", "theme.light", "theme.dark", "theme.sidebar"):
        for _ in range(2):
            slow(plain, section)
            app_session._populate_theme_msg(remembered, section)
    assert plain.primary_color or plain.body_font
    assert remembered == plain


def test_a_file_that_is_chosen_while_a_run_starts_gets_its_place(watched):
    """The answer that says where to put the file is not lost with what the run replaces."""
    address, _ = watched
    asked = 40

    async def choose() -> set[str]:
        reader = Reader(f"{address}/your_data")
        await reader.open()
        for k in range(asked):
            await reader._ask()
            message = BackMsg()
            message.file_urls_request.request_id = f"file {k}"
            message.file_urls_request.file_names.append("mine.csv")
            await reader.link.send(message.SerializeToString())
            await reader._until_finished()
        await reader._ask()
        await reader._until_finished()
        await reader.close()
        told = [m for m in reader.heard if m.WhichOneof("type") == "file_urls_response"]
        return {m.file_urls_response.response_id for m in told}

    assert apart(choose()) == {f"file {k}" for k in range(asked)}


FILES = """
import resource, sys
hard = min(700, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
from pages.shared import serving
serving.many_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_the_limit_of_open_files_is_raised():
    said = subprocess.run(
        [sys.executable, "-c", FILES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    soft, hard = said.stdout.split()
    assert soft == hard != "100"


def page_at(address: str) -> tuple[int, str]:
    """Status and text of a page."""
    try:
        with urllib.request.urlopen(f"{address}/partial_pooling", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts files in /proc")
def test_a_full_server_says_so(tmp_path):
    import resource

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (260, 260))

    log = (tmp_path / "log.txt").open("wb")
    with running(ROOT / "app.py", log=log, preexec_fn=few) as (address, server):

        async def crowd() -> None:
            readers = []
            while page_at(address)[0] == 200:
                assert len(readers) < 80
                readers.append(Session(f"{address}/glossary", "none", random.Random(1)))
                await readers[-1].open()
            assert len(readers) > 5
            status, text = page_at(address)
            assert status == 503
            assert "full" in text
            assert "Traceback" not in text
            await readers[0]._ask()  # who is in, stays in
            await readers[0]._until_finished()
            for reader in readers:
                await reader.close()

        apart(crowd())
        assert server.poll() is None
    said = (tmp_path / "log.txt").read_text()
    assert "Traceback" not in said
    assert "Too many open files" not in said
