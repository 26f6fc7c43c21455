"""A class at once: many sessions that each move a slider about once a second.

    python benchmarks/class_load.py                      # 50 sessions on two lessons
    python benchmarks/class_load.py --all --write        # all of it, into docs/performance.md
    python benchmarks/class_load.py --sessions 10 --seconds 10 --pages partial_pooling

Each session is a WebSocket that speaks Streamlit's protocol: it opens a page, waits for
the first run, and then moves a slider; what counts is the time from the move to the end
of the run. Beside Pooling Lab the same is done, in the same run, with a bare page of one
slider and one chart, as Streamlit is by default ("stock") and with what is loaded frozen
for the garbage collector ("frozen"). Read the ratios: machines are noisy.

In a town of its own, all that a session is shown is computed for it. Where a class follows one
link ("one town"), what one has asked for is remembered for the others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import websockets  # noqa: E402
from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: E402
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: E402
from streamlit.proto.WidgetStates_pb2 import WidgetState  # noqa: E402

from tests.browser.browser import running  # noqa: E402

BARE = """
import altair as alt, pandas as pd, streamlit as st
{first}
k = st.slider("k", 0.0, 100.0, 50.0, key="k")
frame = pd.DataFrame({{"x": range(20), "y": [(i * k) % 37 for i in range(20)]}})
st.altair_chart(alt.Chart(frame).mark_point().encode(x="x", y="y"), key="c")
"""
FROZEN = """
import gc
@st.cache_resource
def freeze():
    gc.collect(); gc.freeze()
freeze()
"""
HEART, MEDIAN, HEAVIEST = "partial_pooling", "fixed_and_random", "nested_and_crossed"
"""The lesson most used; of all lessons the one in the middle by its work; the one with most."""
MOST = 200
"""Towns of their own."""


@dataclass
class Told:
    """What a session was told since its last move."""

    messages: int = 0
    size: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


class Session:
    """One reader: opens a page, moves a slider, waits for the end of the run."""

    def __init__(self, address: str, key: str, chance: random.Random) -> None:
        parts = urlsplit(address)
        self.socket = f"ws://{parts.netloc}/_stcore/stream"
        self.page = parts.path.strip("/")
        self.query = parts.query
        self.key, self.chance = key, chance
        self.told = Told()
        self.hash = ""
        self.fragment = ""
        self.sliders: dict[str, tuple[float, float, float]] = {}
        self.values: dict[str, float] = {}
        self.errors: list[str] = []

    async def open(self) -> float:
        """Connect and wait for the first run; how long it took, in s."""
        self.link = await websockets.connect(
            self.socket, subprotocols=[websockets.Subprotocol("streamlit")],
            compression=None, max_size=None, ping_interval=None, open_timeout=60,
        )  # fmt: skip
        began = time.perf_counter()
        await self._ask()
        await self._until_finished()
        return time.perf_counter() - began

    async def move(self) -> float:
        """Move the slider; s until the end of the run."""
        wanted = next(k for k in self.sliders if k.endswith(f"-{self.key}"))
        low, high, step = self.sliders[wanted]
        steps = round((high - low) / step)
        self.values[wanted] = low + step * self.chance.randint(0, steps)
        self.told = Told()
        began = time.perf_counter()
        await self._ask(self.fragment)
        await self._until_finished()
        return time.perf_counter() - began

    async def close(self) -> None:
        """Leave."""
        await self.link.close()

    async def _ask(self, fragment: str = "") -> None:
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_script_hash = self.query, self.hash
        run.page_name = "" if self.hash else self.page
        run.fragment_id = fragment
        run.context_info.timezone = "Europe/Berlin"
        run.context_info.url = self.socket
        for name, value in self.values.items():
            state = WidgetState(id=name)
            state.double_array_value.data.append(value)
            run.widget_states.widgets.append(state)
        await self.link.send(message.SerializeToString())

    async def _until_finished(self) -> None:
        while True:
            data = await asyncio.wait_for(self.link.recv(), 120)
            assert isinstance(data, bytes)
            self.told.messages += 1
            self.told.size += len(data)
            if self._heard(data):
                return

    def _heard(self, data: bytes) -> bool:
        message = ForwardMsg.FromString(data)
        kind = message.WhichOneof("type") or ""
        if kind == "new_session" and message.new_session.page_script_hash:
            self.hash = message.new_session.page_script_hash
        elif kind == "delta":
            kind = message.delta.WhichOneof("type") or ""
            if kind == "new_element":
                kind = message.delta.new_element.WhichOneof("type") or ""
                self._element(kind, message)
        self.told.kinds[kind] = self.told.kinds.get(kind, 0) + 1
        early = ForwardMsg.FINISHED_EARLY_FOR_RERUN
        return kind == "script_finished" and message.script_finished != early

    def _element(self, kind: str, message: ForwardMsg) -> None:
        element = message.delta.new_element
        if kind == "exception":
            self.errors.append(element.exception.message)
        elif kind == "slider":
            slider = element.slider
            self.sliders[slider.id] = slider.min, slider.max, slider.step
            given = slider.value if slider.set_value else slider.default
            self.values[slider.id] = given[0]
            if slider.id.endswith(f"-{self.key}"):
                self.fragment = message.delta.fragment_id


@dataclass
class Result:
    """What a class met: times in ms, CPU of the server in ms a move."""

    who: str
    sessions: int
    moves: int
    median: float
    p95: float
    first: float
    rate: float
    cpu: float
    messages: float
    kilobytes: float
    memory: float
    errors: int
    kinds: dict[str, int]


def cpu_of(pid: int) -> float:
    """Processor time that a process has used, in s."""
    text = Path(f"/proc/{pid}/stat").read_text()
    user, system = text.rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Resident memory of a process, in MB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


async def _lesson(session: Session, until: float, times: list[float], told: list[Told]) -> int:
    """Moves until the bell; a move begins about a second after the one before, if answered."""
    await asyncio.sleep(session.chance.uniform(0, 1))
    failed = 0
    while (began := time.perf_counter()) < until:
        try:
            times.append(await session.move())
            told.append(session.told)
        except (OSError, TimeoutError, websockets.WebSocketException, StopIteration):
            failed += 1
            break
        pause = session.chance.uniform(0.5, 1.5) - (time.perf_counter() - began)
        await asyncio.sleep(max(pause, 0))
    return failed + len(session.errors)


async def a_class(
    who: str, addresses: Sequence[str], pid: int, key: str, n: int, seconds: float
) -> Result:
    """So many sessions come, move for so long, and go."""
    where = [addresses[k % len(addresses)] for k in range(n)]
    sessions = [Session(w, key, random.Random(k)) for k, w in enumerate(where)]
    first: list[float] = []
    for some in range(0, n, 5):
        first += await asyncio.gather(*(s.open() for s in sessions[some : some + 5]))
    for session in sessions[:3]:
        await session.move()
    times: list[float] = []
    told: list[Told] = []
    began, used = time.perf_counter(), cpu_of(pid)
    until = began + seconds
    errors = sum(await asyncio.gather(*(_lesson(s, until, times, told) for s in sessions)))
    took, used = time.perf_counter() - began, cpu_of(pid) - used
    memory = memory_of(pid)
    await asyncio.gather(*(session.close() for session in sessions))
    done = sorted(times)
    return Result(
        who, n, len(done), 1e3 * statistics.median(done), 1e3 * done[int(0.95 * (len(done) - 1))],
        1e3 * statistics.median(first), len(done) / took, 1e3 * used / len(done),
        statistics.mean(t.messages for t in told), statistics.mean(t.size for t in told) / 1e3,
        memory, errors, told[-1].kinds,
    )  # fmt: skip


@contextmanager
def bare(frozen: bool) -> Iterator[tuple[str, int]]:
    """A bare page's server: its address and process."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bare.py"
        script.write_text(BARE.format(first=FROZEN if frozen else ""))
        with running(script) as (address, server):
            yield address, server.pid


@contextmanager
def lab() -> Iterator[tuple[str, int]]:
    """Pooling Lab's server: its address and process."""
    with running(ROOT / "app.py") as (address, server):
        yield address, server.pid


HEAD = (
    f"{'':26s} {'n':>4s} {'moves':>6s} {'median':>8s} {'p95':>8s} {'opens':>8s} {'moves/s':>8s} "
    f"{'CPU':>8s} {'messages':>9s} {'kB':>6s} {'MB':>6s} {'errors':>7s}"
)


def line(r: Result) -> str:
    """A row of the table on the screen."""
    times = f"{r.median:5.0f} ms {r.p95:5.0f} ms {r.first:5.0f} ms {r.rate:8.1f} {r.cpu:5.1f} ms"
    sent = f"{r.messages:9.1f} {r.kilobytes:6.1f} {r.memory:6.0f} {r.errors:7d}"
    return f"{r.who:26s} {r.sessions:4d} {r.moves:6d} {times} {sent}"


def at(address: str, page: str, towns: int = MOST) -> list[str]:
    """A page's laboratory for each reader of a class: everyone has a town of their own, or one."""
    if towns == 1:
        return [f"{address}/{page}?free=true"]
    return [f"{address}/{page}?free=true&seed={k + 1}" for k in range(towns)]


async def bare_pages(sessions: int, seconds: float) -> list[Result]:
    """The bare page, stock and frozen."""
    found: list[Result] = []
    for who, frozen in (("bare page, stock", False), ("bare page, frozen", True)):
        with bare(frozen) as (address, pid):
            found.append(await a_class(who, [f"{address}/"], pid, "k", sessions, seconds))
        print(line(found[-1]), flush=True)
    return found


async def lessons(
    sessions: int,
    seconds: float,
    pages: Sequence[str],
    key: str = "sigma_alpha",
    towns: int = MOST,
) -> list[Result]:
    """The lessons, one after the other, on one server."""
    found: list[Result] = []
    with lab() as (address, pid):
        for page in pages:
            who = f"{page}, one town" if towns == 1 else page
            where = at(address, page, towns)
            found.append(await a_class(who, where, pid, key, sessions, seconds))
            print(line(found[-1]), flush=True)
    return found


async def memory(moves: int = 2000, visits: int = 200) -> list[tuple[str, float]]:
    """Memory of the server in MB: after so many moves, and after so many have come and gone."""
    found: list[tuple[str, float]] = []

    def note(when: str) -> None:
        found.append((when, memory_of(pid)))
        print(f"{when:26s} {found[-1][1]:6.0f} MB", flush=True)

    async def quickly(session: Session, n: int) -> None:
        for _ in range(n):
            await session.move()

    with lab() as (address, pid):
        where = at(address, HEART)
        readers = [Session(where[k], "sigma_alpha", random.Random(k)) for k in range(20)]
        for reader in readers:
            await reader.open()
        note("20 sessions")
        for part in range(1, 5):
            await asyncio.gather(*(quickly(reader, moves // 4 // 20) for reader in readers))
            note(f"after {part * moves // 4} moves")
        for _ in range(visits // 20):
            guests = [Session(w, "sigma_alpha", random.Random(1)) for w in where[:20]]
            await asyncio.gather(*(guest.open() for guest in guests))
            await asyncio.gather(*(guest.close() for guest in guests))
        await asyncio.sleep(6)
        note(f"after {visits} came and went")
        await asyncio.gather(*(reader.close() for reader in readers))
    return found


def painted(pages: Sequence[str]) -> list[tuple[str, float, float]]:
    """Slider key to painted figure: ms, and times the bare frozen page's."""
    from playwright.sync_api import sync_playwright

    from benchmarks.page_speed import measure, opened
    from tests.browser.browser import chromium_options

    found = []
    with sync_playwright() as driver, bare(True) as (empty, _), lab() as (address, _):
        browser = driver.chromium.launch(**chromium_options())
        base = statistics.median(measure(opened(browser), empty, "k"))
        found.append(("bare page, frozen", base, 1.0))
        for page in pages:
            where = f"{address}/{page}?free=true"
            times = measure(opened(browser), where, f"{page}-sigma_alpha")
            found.append((page, statistics.median(times), statistics.median(times) / base))
        browser.close()
    for who, time_, ratio in found:
        print(f"{who:26s} {time_:6.0f} ms   {ratio:5.2f} times the bare page", flush=True)
    return found


def report(
    classes: list[Result], kept: list[tuple[str, float]], paints: list[tuple[str, float, float]]
) -> str:
    """The tables of docs/performance.md."""
    stock = next(r for r in classes if r.who == "bare page, stock")
    rows = [
        "| | sessions | a move: median | 95th percentile | of the stock page's | CPU a move | "
        "messages | kB | errors |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in classes:
        rows.append(
            f"| {r.who} | {r.sessions} | {r.median:.0f} ms | {r.p95:.0f} ms | "
            f"{r.p95 / stock.p95:.3f} | {r.cpu:.1f} ms | {r.messages:.0f} | {r.kilobytes:.0f} | "
            f"{r.errors} |"
        )
    rows += ["", "| slider key to painted figure | ms | times the bare page |", "|---|---|---|"]
    rows += [f"| {who} | {ms:.0f} | {ratio:.2f} |" for who, ms, ratio in paints]
    rows += ["", "| memory of the server | MB |", "|---|---|"]
    rows += [f"| {when} | {mb:.0f} |" for when, mb in kept]
    return "\n".join(rows) + "\n"


def write(text: str) -> None:
    """Put the tables into docs/performance.md, between their marks."""
    page = ROOT / "docs" / "performance.md"
    begin, end = "<!-- measured: begin -->\n", "<!-- measured: end -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


def all_of_it(seconds: float) -> str:
    """Everything that docs/performance.md shows; five minutes."""
    print(HEAD)
    classes = asyncio.run(bare_pages(50, seconds))
    classes += asyncio.run(lessons(50, seconds, [HEART, MEDIAN, HEAVIEST]))
    classes += asyncio.run(lessons(50, seconds, [HEART, MEDIAN, HEAVIEST], towns=1))
    classes += asyncio.run(lessons(100, seconds, [HEART]))
    kept = asyncio.run(memory())
    return report(classes, kept, painted([HEART, MEDIAN, HEAVIEST]))


def main() -> None:
    """Run what is asked for."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--sessions", type=int, default=50)
    asked.add_argument("--seconds", type=float, default=12)
    asked.add_argument("--pages", nargs="*", default=[HEART, MEDIAN, HEAVIEST])
    asked.add_argument("--key", default="sigma_alpha")
    asked.add_argument("--one-town", action="store_true", help="all follow the same link")
    asked.add_argument("--lab", action="store_true", help="without the bare pages")
    asked.add_argument("--kinds", action="store_true", help="what a move sends")
    asked.add_argument("--all", action="store_true", help="all of docs/performance.md")
    asked.add_argument("--write", action="store_true", help="and write it there")
    given = asked.parse_args()
    if given.all:
        text = all_of_it(given.seconds)
        print(text)
        if given.write:
            write(text)
        return
    print(HEAD)
    found = [] if given.lab else asyncio.run(bare_pages(given.sessions, given.seconds))
    towns = 1 if given.one_town else MOST
    found += asyncio.run(lessons(given.sessions, given.seconds, given.pages, given.key, towns))
    if given.kinds:
        for result in found:
            print(result.who, dict(sorted(result.kinds.items(), key=lambda kv: -kv[1])))


if __name__ == "__main__":
    main()
