"""A lecture: a stage, two phones and two hundred more, two processes, and one of them dies."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MANY = 200
NO_NGINX = (
    "nginx is not here and could not be installed (Debian: apt-get install nginx-light): "
    "the lecture was held on one process, and none was killed"
)
PANEL = "[class*=st-key-room-panel]"


def find_or_install_nginx() -> str | None:
    """Path of nginx; installs Debian's where that is allowed."""
    if found := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        return found
    if not shutil.which("apt-get"):
        return None
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for _ in range(4):  # another test may be installing its browser
        for command in (["update"], ["install", "-y", "--no-install-recommends", "nginx-light"]):
            try:
                subprocess.run([*root, "apt-get", *command], capture_output=True, timeout=300)
            except (OSError, subprocess.TimeoutExpired):
                return None
        if found := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
            return found
        time.sleep(5)
    return None


def free_ports(many: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(many)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def until(answers: Any, seconds: float = 40) -> Any:
    """The first true answer; every tenth of a second."""
    for _ in range(int(seconds * 10)):
        try:
            if found := answers():
                return found
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("It did not come.")


class Lab:
    """Two processes, with nginx before them where there is one."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        *ports, front = free_ports(3)
        surroundings = {
            **os.environ,
            "POOLING_LAB_ROOMS": str(folder / "rooms.sqlite"),
            "POOLING_LAB_PREPARE": "0",
            "STREAMLIT_SERVER_COOKIE_SECRET": "the same for both",
        }
        nginx = find_or_install_nginx()
        self.processes = [
            self._run(
                [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
                 "--server.headless", "true", "--server.address", "127.0.0.1"],
                stack, env=surroundings,
            )
            for port in (ports if nginx else ports[:1])
        ]  # fmt: skip
        self.nginx = nginx is not None
        if nginx is not None:
            config = folder / "nginx.conf"
            config.write_text(self.config(ports, front, folder), encoding="utf-8")
            self._run([nginx, "-p", str(folder), "-e", "error.log", "-c", str(config),
                       "-g", f"daemon off; pid {folder}/nginx.pid;"], stack)  # fmt: skip
        self.port = front if nginx else ports[0]
        self.address = f"http://127.0.0.1:{self.port}"
        for port in {*(ports if nginx else ports[:1]), self.port}:
            health = f"http://127.0.0.1:{port}/_stcore/health"
            until(lambda at=health: urllib.request.urlopen(at, timeout=1).status == 200)

    @staticmethod
    def config(ports: list[int], front: int, folder: Path) -> str:
        """The file of deploy/, with this test's ports and folders for what nginx puts aside."""
        text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        for number, port in enumerate(ports, 1):
            text = text.replace(f"127.0.0.1:850{number}", f"127.0.0.1:{port}")
        text = text.replace("listen 80;", f"listen 127.0.0.1:{front};")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        aside = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        return text.replace("http {", f"http {{\n{aside}", 1)

    @staticmethod
    def _run(command: list[str], stack: ExitStack, **options: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
        )

        def stop() -> None:
            process.terminate()
            process.wait(10)

        stack.callback(stop)
        return process


class Phone:
    """A phone without a screen: it sends what the page sends."""

    def __init__(self, lab: Lab, code: str) -> None:
        self.lab, self.code, self.token = lab, code, ""
        self.token = self.post("join", link="")["token"]

    def ask(self, method: str, path: str, content: Any = None) -> dict[str, Any]:
        pipe = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=20)
        headers = {"Origin": self.lab.address, "X-Phone": self.token}
        pipe.request(method, f"/room/api/{path}", json.dumps(content or {}), headers)
        answered = pipe.getresponse()
        said = json.loads(answered.read())
        pipe.close()
        assert answered.status == 200, said
        return dict(said)

    def post(self, path: str, **content: Any) -> dict[str, Any]:
        return self.ask("POST", path, {"code": self.code, "token": self.token, **content})

    def state(self) -> dict[str, Any]:
        return self.ask("GET", f"state?code={self.code}")

    def answer(self, choice: int) -> None:
        self.post("answer", poll=self.state()["name"], choice=choice)


@pytest.fixture
def lab(tmp_path):
    with ExitStack() as stack:
        yield Lab(tmp_path, stack)


@pytest.fixture
def screen(chromium, lab):
    def new(**options: Any):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        return page

    contexts: list[Any] = []
    yield new
    for context in contexts:
        context.close()


def test_a_lecture(lab, screen):
    stage = screen(viewport={"width": 1280, "height": 720})
    strangers: list[str] = []
    stage.on("request", lambda r: strangers.append(r.url))
    stage.goto(f"{lab.address}/partial_pooling?step=1&present=true&n_groups=12")
    stage.wait_for_selector("[class*=st-key-figure] .marks")
    stage.wait_for_selector(".pl-stage .pl-dots [aria-current]", state="attached")
    stage.keyboard.press("PageDown")
    stage.wait_for_selector(".st-key-answers button")
    stage.keyboard.press("q")
    panel = stage.locator(PANEL)
    panel.locator(".large[open]").wait_for()
    code = panel.locator(".typed").text_content().replace(" ", "")
    link = panel.locator(".qr svg").get_attribute("aria-label").removeprefix("QR code of ")
    assert re.fullmatch(rf"http://[^/]+/room/{code}#\w{{16}}", link)
    assert link not in stage.url
    stage.keyboard.press("Escape")
    panel.locator(".large").wait_for(state="hidden")
    assert "present=true" in stage.url
    assert panel.locator(".strip .code").text_content() == f"{code[:3]} {code[3:]}"

    # Phones come in: one by the picture, one by the code, and two hundred.
    by_picture = screen(viewport={"width": 390, "height": 844})
    by_picture.goto(f"{lab.address}/room/{link.split('/room/')[1]}")
    by_code = screen(viewport={"width": 320, "height": 640}, color_scheme="dark")
    wrong: list[str] = []
    by_code.on("console", lambda message: wrong.append(message.text))
    by_code.on("pageerror", lambda error: wrong.append(str(error)))
    by_code.goto(f"{lab.address}/room")
    by_code.keyboard.press("Tab")
    by_code.keyboard.type(f"{code[:3]} {code[3:]}".lower())
    by_code.keyboard.press("Enter")
    with ThreadPoolExecutor(8) as pool:
        phones = list(pool.map(lambda _: Phone(lab, code), range(MANY)))
        list(pool.map(lambda k: phones[k].answer(k % 3), range(MANY)))
    question = stage.locator(".st-key-asked").inner_text().strip()
    shown = [a.strip() for a in stage.locator(".st-key-answers button p").all_inner_texts()]
    for page in (by_picture, by_code):
        page.wait_for_selector("#poll:visible")
        assert page.locator("legend").inner_text() == question
        assert page.locator(".answer").all_inner_texts() == shown
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    by_picture.locator(".answer").nth(1).click()
    by_picture.get_by_text("Your answer is in.").first.wait_for()
    by_code.keyboard.press("Tab")
    by_code.keyboard.press("Space")
    by_code.get_by_text("Your answer is in.").first.wait_for()
    everyone = f"{MANY + 2} of {MANY + 2} have answered"
    panel.get_by_text(everyone).first.wait_for()
    assert stage.locator("button[data-room]").count() == 0  # no tally yet
    assert by_code.locator(".right, .bar").count() == 0

    strangers_are_refused(lab, code, phones[0])
    panel.get_by_text(everyone).first.wait_for()

    # A phone leaves and comes back: its answer stands.
    again = by_picture.context.new_page()
    by_picture.close()
    again.goto(f"{lab.address}/room/{code}")
    again.locator(".answer input:checked").wait_for()
    assert again.locator(".answer").nth(1).locator("input").is_checked()

    # The answer: the tally on the stage and on the phones.
    stage.keyboard.press("r")
    tally = until(lambda: told(stage))
    stage.wait_for_timeout(1500)
    assert told(stage) == tally  # it stays, though the panel asks every second
    if lab.nginx:
        one_process_dies(lab, stage, everyone)
        assert until(lambda: told(stage)) == tally
    first = [len(range(k, MANY, 3)) for k in range(3)]
    assert tally == [first[0] + 1, first[1] + 1, first[2]]
    again.locator(".answer.right").wait_for()
    by_code.locator(".answer.right").wait_for()
    assert again.locator("#answers input:enabled").count() == 0
    assert wrong == []

    # Everyone is a draw.
    panel.locator(".strip .draw").click()
    panel.locator(".drawn[open]").wait_for()
    by_code.locator("#go").click()
    by_code.locator("#picture svg circle").first.wait_for()
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda phone: phone.post("draw")["values"], phones[:40]))
    assert len({tuple(pair) for pair in drawn}) == 40
    panel.get_by_text(f"41 of {MANY + 2} have drawn").first.wait_for()
    until(lambda: panel.locator("rect.own").count() == panel.locator("rect.partial").count() == 41)
    assert panel.locator("text", has_text="truth 62.6").count() == 1
    stage.keyboard.press("t")
    assert panel.locator("text", has_text="truth").count() == 0
    stage.keyboard.press("Escape")
    panel.locator(".drawn").wait_for(state="hidden")
    assert "present=true" in stage.url

    things_are_sorted(lab, stage, by_code, phones[0])
    assert wrong == []

    # The end.
    stage.mouse.move(300, 300)
    panel.locator(".strip .close").click()
    again.get_by_text("The room is closed.").first.wait_for()
    assert panel.count() == 0
    assert {
        url for url in strangers if not url.startswith((lab.address, "data:", "blob:"))
    } == set()
    if not lab.nginx:
        pytest.skip(NO_NGINX)


def strangers_are_refused(lab: Lab, code: str, phone: Phone) -> None:
    """With a made-up phone, from a page of others, with too much: nothing is counted."""
    name = phone.state()["name"]
    given = {"code": code, "token": "made up", "poll": name, "choice": 2}
    for origin, content, status in (
        (lab.address, given, 404),
        ("https://elsewhere.test", {**given, "token": phone.token}, 403),
        (lab.address, {**given, "token": phone.token, "more": "x" * 50_000}, 413),
        (lab.address, {**given, "token": phone.token, "choice": 7}, 400),
    ):
        pipe = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=20)
        pipe.request("POST", "/room/api/answer", json.dumps(content), {"Origin": origin})
        assert pipe.getresponse().status == status
        pipe.close()
    assert phone.state()["mine"] == 0


def things_are_sorted(lab: Lab, stage: Any, page: Any, phone: Phone) -> None:
    """Each thing into a bin, by the phones; beside the truth when it is shown."""
    stage.goto(f"{lab.address}/what_is_multilevel?step=8&present=true")
    stage.locator(".pl-bins").nth(2).wait_for()
    page.locator(".item").nth(2).wait_for()
    items = page.locator(".item")
    bins = [words.split("\n") for words in stage.locator(".pl-bins").all_inner_texts()]
    assert [item.locator(".answer").all_inner_texts() for item in items.all()] == bins
    for item, choice in zip(items.all(), (1, 0, 1), strict=True):
        item.locator(".answer").nth(choice).click()
    page.get_by_text("All are in.").first.wait_for()
    name = phone.state()["name"]
    phone.post("answer", poll=f"{name}.0", choice=1)
    stage.locator(PANEL).get_by_text(f"1 of {MANY + 2} have answered").first.wait_for()
    assert stage.locator("[data-room], .pl-right").count() == 0
    stage.keyboard.press("r")
    stage.locator(".pl-right[data-room]").first.wait_for()
    rooms = stage.locator(".pl-bins li").evaluate_all("all => all.map(one => one.dataset.room[0])")
    assert rooms == list("020100010")
    right = stage.locator(".pl-bins").evaluate_all(
        "all => all.map(one => [...one.children].findIndex(li => li.matches('.pl-right')))"
    )
    page.locator(".answer.right").first.wait_for()
    assert right == phone.state()["right"]
    mine = items.evaluate_all(
        "all => all.map(one => one.querySelectorAll('.right input:checked').length)"
    )
    assert mine == [int(one == choice) for one, choice in zip(right, (1, 0, 1), strict=True)]


def told(stage: Any) -> list[int] | None:
    """The room's tally on the answers of the stage."""
    words = stage.locator("button[data-room]").evaluate_all("all => all.map(b => b.dataset.room)")
    return [int(each.split(" ")[0]) for each in words] if len(words) == 3 else None


def one_process_dies(lab: Lab, stage: Any, everyone: str) -> None:
    """In the middle of the lecture; what the stage showed comes back, and the room's answers."""
    verdict = stage.locator(".st-key-verdict").inner_text()
    asked = stage.locator(".st-key-asked").inner_text()
    stage.keyboard.press("PageDown")
    stage.wait_for_function("location.search.includes('step=3')")
    stage.locator(".st-key-asked").wait_for(state="detached")
    stage.locator(".vega-bind input").focus()
    stage.keyboard.press("ArrowLeft")
    stage.wait_for_function("location.search.includes('handle=')")
    cookies = {c["name"]: c for c in stage.context.cookies()}
    serving = int(cookies["pooling_lab_process"]["value"])
    assert cookies["pooling_lab_room"]["httpOnly"]
    names = stage.locator("[class*=st-key-figure] .mark-text").all_text_contents()
    before = stage.url
    code = stage.locator(f"{PANEL} .strip .code").text_content()
    heard: list[float] = []
    stage.on(
        "websocket", lambda pipe: pipe.on("framereceived", lambda _: heard.append(time.time()))
    )
    lab.processes[serving - 1].send_signal(signal.SIGKILL)
    lab.processes[serving - 1].wait(10)
    until(lambda: stage.wait_for_timeout(200) or (heard and time.time() - heard[-1] > 1.5))
    cookies = {c["name"]: c["value"] for c in stage.context.cookies()}
    assert cookies["pooling_lab_process"] == str(3 - serving)
    stage.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    assert sorted(stage.url.split("?")[1].split("&")) == sorted(before.split("?")[1].split("&"))
    assert stage.locator(f"{PANEL} .strip .code").text_content() == code
    until(lambda: stage.locator("[class*=st-key-figure] .mark-text").all_text_contents() == names)
    stage.keyboard.press("PageUp")
    stage.locator(".st-key-verdict").wait_for()  # it was shown before, in the process that died
    assert stage.locator(".st-key-asked").inner_text() == asked
    assert stage.locator(".st-key-verdict").inner_text() == verdict
    stage.locator(PANEL).get_by_text(everyone).first.wait_for()
