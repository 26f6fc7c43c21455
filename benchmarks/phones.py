"""Two hundred phones in one room: what they cost the server, and how long they wait.

    python benchmarks/phones.py [--phones 200] [--seconds 20]

Starts the app, opens a room in its store, lets the phones join, ask about every two seconds,
answer within ten seconds, and draw all at once. Linux only: reads the server's processor time
from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


class Phone:
    """One phone with one connection that it keeps."""

    def __init__(self, port: int, code: str, link: str) -> None:
        self.port, self.code, self.link, self.token, self.version = port, code, link, "", 0
        self.waits: list[float] = []
        self.used = 0.0
        self.pipe: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, content: object = None) -> dict[str, object]:
        body = json.dumps(content).encode() if content is not None else b""
        host = f"127.0.0.1:{self.port}"
        head = (
            f"{method} /room/api/{path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            f"X-Phone: {self.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        idle = began - self.used > 4  # the server closes what is idle for five seconds
        if self.pipe is None or idle:
            if self.pipe is not None:
                self.pipe[1].close()
            self.pipe = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.pipe
        writer.write(head.encode() + body)
        status = int((await reader.readline()).split()[1])
        length = 0
        while (line := await reader.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        said = json.loads(await reader.readexactly(length))
        self.used = time.perf_counter()
        self.waits.append(self.used - began)
        if status != 200:
            raise RuntimeError(f"{status} {said}")
        return dict(said)

    async def join(self) -> None:
        said = await self.ask("POST", "join", {"code": self.code, "link": self.link})
        self.token = str(said["token"])

    async def look(self) -> dict[str, object]:
        said = await self.ask("GET", f"state?code={self.code}&v={self.version}")
        self.version = int(str(said["version"]))
        return said

    async def polls(self, until: float) -> None:
        await asyncio.sleep(2 * random.random())
        while time.perf_counter() < until:
            await self.look()
            await asyncio.sleep(2 * (0.75 + random.random() / 2))

    async def answers(self, poll: str, within: float) -> None:
        await asyncio.sleep(within * random.random())
        given = {"code": self.code, "token": self.token, "poll": poll}
        await self.ask("POST", "answer", {**given, "choice": random.randrange(3)})

    async def draws(self, within: float) -> None:
        await asyncio.sleep(within * random.random())
        await self.ask("POST", "draw", {"code": self.code, "token": self.token})


def cpu(pid: int) -> float:
    """Processor time of a process (seconds)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def files(pid: int) -> int:
    """How many files a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


async def measured(pid: int, phones: list[Phone], name: str, work: list[object]) -> None:
    """Let the phones do something, and say what it took."""
    for phone in phones:
        phone.waits.clear()
    used, began = cpu(pid), time.perf_counter()
    await asyncio.gather(*work)  # type: ignore[call-overload]
    waits = sorted(w for phone in phones for w in phone.waits)
    used, took = cpu(pid) - used, time.perf_counter() - began
    print(
        f"{name:28} {len(waits):6} requests in {took:5.1f} s, {1e3 * used / len(waits):5.2f} ms of "
        f"processor each ({100 * used / took:4.1f}% of a core), median "
        f"{1e3 * waits[len(waits) // 2]:5.1f} ms, 95% {1e3 * waits[int(0.95 * len(waits))]:5.1f} ms"
    )


async def room(port: int, pid: int, path: Path, many: int, seconds: float) -> None:
    from pages.shared.room.store import Draw, Poll, Rooms

    rooms = Rooms(path)
    opened = rooms.open()
    poll = Poll([("Nearer to what?", "")], [[(f"answer {k}", "")] for k in range(3)], 1)
    phones = [Phone(port, opened.code, opened.link) for _ in range(many)]
    print(f"{many} phones, one process; {files(pid)} files open before")
    await measured(pid, phones, "join, within five seconds", [later(p.join(), 5) for p in phones])
    until = time.perf_counter() + seconds
    await measured(pid, phones, "look, every two seconds", [p.polls(until) for p in phones])
    print(f"{files(pid)} files open")
    rooms.push(opened.key, poll)
    await measured(
        pid, phones, "answer, within ten seconds", [p.answers(poll.name, 10) for p in phones]
    )
    rooms.push(opened.key, poll, revealed=True)
    tally = rooms.stage(opened.key)
    assert tally is not None
    assert sum(tally["tally"]) == many, tally
    rooms.push(opened.key, Draw("partial_pooling", 1))
    await measured(pid, phones, "draw, within five seconds", [p.draws(5) for p in phones])
    stage = rooms.stage(opened.key)
    assert stage is not None
    assert len(stage["values"]) == many


async def later(work: object, within: float) -> None:
    await asyncio.sleep(within * random.random())
    await work  # type: ignore[misc]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--phones", type=int, default=200)
    options.add_argument("--seconds", type=float, default=20)
    asked = options.parse_args()
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        path = Path(folder) / "rooms.sqlite"
        command = [
            sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port",
            str(port), "--server.headless", "true", "--server.address", "127.0.0.1",
        ]  # fmt: skip
        surroundings = {**os.environ, "POOLING_LAB_ROOMS": str(path), "POOLING_LAB_PREPARE": "0"}
        server = subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.DEVNULL)
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                    break
                except OSError:
                    time.sleep(0.1)
            asyncio.run(room(port, server.pid, path, asked.phones, asked.seconds))
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    main()
