"""The room's routes: what phones and strangers get."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from starlette.applications import Starlette

from mlm_core.charts.theme import DARK, LIGHT
from mlm_core.everyone import STUDIES
from pages.shared import room
from pages.shared.room import store, web
from pages.shared.room.store import Draw, Poll, Rooms
from pages.shared.words import number

HOST = "lab.test"
APART = ThreadPoolExecutor(1)
"""A thread with a loop of its own: in that of the tests a browser's may run."""
MALICE = "<img src=x onerror=alert(1)>"
QUESTION = Poll([(f"Nearer to {MALICE}?", "")], [[("own", "")], [("common", "")]], 1)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    """Sends requests straight into the routes, as a browser on a page of its origin would."""

    def __init__(self, base: str = "", origin: str = f"https://{HOST}"):
        self.app = web.Phones(Starlette(routes=web.routes(base)), base)
        self.base, self.origin = base, origin

    def __call__(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        path, _, query = path.partition("?")
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        sent = {"host": HOST, **({"origin": self.origin} if method == "POST" else {}), **named}
        scope = {
            "type": "http", "method": method, "path": self.base + path, "root_path": "",
            "query_string": query.encode(), "http_version": "1.1", "scheme": "http",
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in sent.items() if v],
        }  # fmt: skip
        parts = [body[k : k + 500] for k in range(0, len(body), 500)] or [b""]
        messages: list[Any] = []

        async def receive() -> Any:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            messages.append(message)

        APART.submit(asyncio.run, self.app(scope, receive, send)).result()
        self.unread = len(parts)
        start, *rest = messages
        found = {k.decode(): v.decode() for k, v in start["headers"]}
        return Answer(start["status"], found, b"".join(m.get("body", b"") for m in rest))

    def post(self, path: str, content: Any, **headers: str) -> Answer:
        return self("POST", f"/room/api/{path}", json.dumps(content).encode(), **headers)

    def state(self, code: str, token: str, known: object = 0) -> Answer:
        return self("GET", f"/room/api/state?code={code}&v={known}", x_phone=token)


@pytest.fixture(autouse=True)
def rooms(tmp_path, monkeypatch):
    made = Rooms(tmp_path / "rooms.sqlite")
    monkeypatch.setattr(store, "_rooms", made)
    yield made
    made.disconnect()


@pytest.fixture
def opened(rooms):
    return rooms.open()


@pytest.fixture
def browser():
    return Browser()


@pytest.fixture
def phone(browser, opened):
    return browser.post("join", {"code": opened.code, "link": ""}).json["token"]


@pytest.mark.parametrize("base", ["", "/courses/mlm"])
def test_a_phone_joins_answers_and_sees_the_tally(rooms, opened, base):
    browser = Browser(base)
    page = browser("GET", f"/room/{opened.code}")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    joined = browser.post("join", {"code": opened.code.lower(), "link": opened.link})
    token = joined.json["token"]
    assert browser.state(opened.code, token).json["kind"] == "wait"
    rooms.push(opened.key, QUESTION)
    state = browser.state(opened.code, token).json
    given = {"code": opened.code, "token": token, "poll": state["name"], "choice": 1}
    assert browser.post("answer", given).json == {"mine": 1}
    assert browser.state(opened.code, token, state["version"]).json == {"version": state["version"]}
    rooms.push(opened.key, QUESTION, revealed=True)
    state = browser.state(opened.code, token, state["version"]).json
    assert (state["tally"], state["right"], state["mine"]) == ([0, 1], 1, 1)


def test_the_page_tells_nothing_of_codes_and_runs_nothing_but_its_own(browser, opened):
    pages = [browser("GET", path) for path in ("/room", f"/room/{opened.code}", "/room/222222")]
    assert len({page.body for page in pages}) == 1
    page = pages[0]
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    html = page.body.decode()
    assert not re.search(
        r"""(?:src|href)\s*=\s*["'](?!data:)|@import|url\(|https?://(?!www\.w3)""", html
    )
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", html)
    assert not re.search(r"\son\w+=|style=", html)
    assert b"</body>" not in page.body  # the app's style sheet would be put before it
    assert len(page.body) < 24_000


def test_the_page_has_the_colours_of_the_figures(browser):
    light, dark = browser("GET", "/room").body.decode().split("prefers-color-scheme: dark")
    for palette, style in ((LIGHT, light), (DARK, dark)):
        for name in ("ink", "muted", "paper", "no", "partial"):
            assert f"--{name}: {getattr(palette, name).lower()};" in style


def test_words_are_sent_as_data(browser, opened, rooms, phone):
    rooms.push(opened.key, QUESTION)
    answered = browser.state(opened.code, phone)
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert answered.headers["cache-control"] == "no-store"
    assert answered.json["text"] == [[f"Nearer to {MALICE}?", ""]]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": f"https://{HOST}.evil.test"},
        {"origin": f"https://{HOST}:444"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_pages_of_others_send_nothing(browser, opened, rooms, phone, headers):
    rooms.push(opened.key, QUESTION)
    given = {"code": opened.code, "token": phone, "poll": QUESTION.name, "choice": 0}
    for path, content in (
        ("answer", given),
        ("join", {"code": opened.code, "link": ""}),
        ("draw", given),
        ("keep", {"key": opened.key}),
    ):
        refused = browser.post(path, content, **headers)
        assert refused.status == 403
        assert refused.json == {"error": "Only the room's own page may send this."}
        assert "set-cookie" not in refused.headers
    assert rooms.stage(opened.key)["answered"] == 0
    assert rooms.stage(opened.key)["phones"] == 1


def hostile() -> list[bytes]:
    deep = b"[" * 1_000 + b"]" * 1_000
    values: list[Any] = [
        {}, [], 1, None, "x", {"code": 1, "link": ""}, {"code": "A", "link": None},
        {"code": ["A"], "token": "x", "poll": "y", "choice": 0},
        {"code": "A", "token": "x", "poll": "y", "choice": "0"},
        {"code": "A", "token": "x", "poll": "y", "choice": True},
        {"code": "A", "token": "x", "poll": "y", "choice": 1.0},
        {"key": {"$ne": ""}},
    ]  # fmt: skip
    return [b"", b"{", b"\xff\xfe", deep, *(json.dumps(v).encode() for v in values)]


@pytest.mark.parametrize("path", ["join", "answer", "draw", "keep"])
def test_nonsense_is_refused_with_a_sentence(browser, opened, rooms, path):
    rooms.push(opened.key, QUESTION)
    for body in hostile():
        refused = browser("POST", f"/room/api/{path}", body)
        assert refused.status in (400, 404), body
        assert len(refused.json["error"]) < 80
        assert refused.json["error"].endswith(".")
    stage = rooms.stage(opened.key)
    assert (stage["answered"], stage["phones"]) == (0, 0)


@pytest.mark.parametrize("choice", [True, 1.0, "1", None, [1]])
def test_a_choice_is_a_whole_number(browser, opened, rooms, phone, choice):
    rooms.push(opened.key, QUESTION)
    given = {"code": opened.code, "token": phone, "poll": QUESTION.name, "choice": choice}
    assert browser.post("answer", given).status == 400
    assert rooms.stage(opened.key)["answered"] == 0


def test_what_is_too_large_is_not_read_to_its_end(browser, opened, phone):
    content = {"code": opened.code, "token": phone, "poll": "x" * 100_000, "choice": 0}
    refused = browser.post("answer", content)
    assert (refused.status, refused.json["error"]) == (413, "This is too large.")
    assert browser.unread > 150


@pytest.mark.parametrize("token", ["", "x", "x" * 5_000, "' OR 1=1 --", "é", "\\x00"])
def test_wrong_tokens_see_nothing(browser, opened, rooms, token):
    rooms.push(opened.key, QUESTION)
    refused = browser.state(opened.code, token)
    assert (refused.status, refused.json) == (404, {"error": store.NOT_IN})
    assert browser("GET", "/room/api/stage", x_key=token).status == 404


@pytest.mark.parametrize("known", ["", "x", "-1", "1e9", "9" * 5_000, "٣"])
def test_any_version_is_answered(browser, opened, phone, known):
    assert browser("GET", f"/room/api/state?code={opened.code}&v=", x_phone=phone).status == 200
    query = f"/room/api/state?code={opened.code}&v={known if known.isascii() else '%D9%A3'}"
    assert browser("GET", query, x_phone=phone).json["kind"] == "wait"


def test_floods_are_slowed(browser, opened, rooms, phone):
    rooms.push(opened.key, QUESTION)
    given = {"code": opened.code, "token": phone, "poll": QUESTION.name, "choice": 0}
    statuses = [browser.post("answer", given).status for _ in range(40)]
    assert statuses[:5] == [200] * 5
    assert statuses[-5:] == [429] * 5
    guesses = [browser.post("join", {"code": "222222", "link": ""}).status for _ in range(100)]
    assert guesses[0] == 404
    assert guesses[-5:] == [429] * 5
    assert rooms.stage(opened.key)["answered"] == 1


def test_a_draw_is_made_by_the_server(browser, opened, rooms, phone):
    rooms.push(opened.key, Draw("how_sure_about_tau", 1))
    state = browser.state(opened.code, phone).json
    assert (state["kind"], state["mine"]) == ("draw", None)
    assert state["task"] == STUDIES["how_sure_about_tau"].task
    sent = {"code": opened.code, "token": phone, "values": [99, 99], "seed": 1}
    drawn = browser.post("draw", sent).json
    _, _, seed = rooms.turn(opened.code, phone)
    own = STUDIES["how_sure_about_tau"].one(seed)
    assert drawn["values"] == list(own.values)
    assert drawn["said"] == [number(v) for v in own.values]
    assert [s["name"] for s in drawn["schools"]] == own.names.tolist()
    assert [s["partial"] for s in drawn["schools"]] == pytest.approx(own.partial, abs=0.006)
    assert [s["own"] for s in drawn["schools"]] == pytest.approx(own.own, abs=0.006)
    assert [s["n"] for s in drawn["schools"]] == own.n.tolist()
    assert browser.post("draw", sent).json == drawn
    assert rooms.stage(opened.key)["values"] == [list(own.values)]
    assert browser.state(opened.code, phone).json["mine"] == list(own.values)


def test_nothing_is_drawn_unasked(browser, opened, rooms, phone):
    rooms.push(opened.key, QUESTION)
    refused = browser.post("draw", {"code": opened.code, "token": phone})
    assert (refused.status, "nothing is drawn" in refused.json["error"]) == (409, True)


@pytest.mark.parametrize(
    ("base", "origin", "path"),
    [("", f"https://{HOST}", "Path=/;"), ("/mlm", f"http://{HOST}", "Path=/mlm;")],
)
def test_the_owner_s_key_stays_with_the_browser(opened, base, origin, path):
    browser = Browser(base, origin)
    kept = browser.post("keep", {"key": opened.key})
    cookie = kept.headers["set-cookie"]
    assert cookie.startswith(f"{web.COOKIE}={opened.key};")
    assert path in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ("Secure" in cookie) is origin.startswith("https")
    stranger = browser.post("keep", {"key": "made up"})
    assert stranger.json == {"kept": False}
    assert "made up" not in stranger.headers["set-cookie"]


def test_the_stage_needs_the_key(browser, opened, rooms, phone):
    assert browser("GET", "/room/api/stage", x_key=opened.key).json["phones"] == 1
    for key in ("", opened.link, opened.code, phone):
        assert browser("GET", "/room/api/stage", x_key=key).status == 404


def test_a_server_that_cannot_write_says_so(browser, opened, rooms):
    rooms.disconnect()
    refused = browser.post("join", {"code": opened.code, "link": ""})
    assert refused.status == 503
    assert "cannot keep rooms" in refused.json["error"]


def test_two_hundred_phones_cost_little(browser, opened, rooms):
    """Not a clock: how many looks into the store a phone costs that knows what is shown."""
    tokens = [rooms.join(opened.code, opened.link) for _ in range(200)]
    rooms.push(opened.key, QUESTION)
    version = browser.state(opened.code, tokens[0]).json["version"]
    looks: list[str] = []
    rooms._reads.set_trace_callback(looks.append)
    rooms._writes.set_trace_callback(looks.append)
    for token in tokens:
        assert browser.state(opened.code, token, version).json == {"version": version}
    assert len(looks) == 200


# The way in


@pytest.mark.parametrize(
    ("url", "in_network", "origin", "reachable"),
    [
        ("https://lab.test/partial_pooling?a=1", "http://10.0.0.7:8501/", "https://lab.test", True),
        ("http://10.1.2.3:8501/x", "", "http://10.1.2.3:8501", True),
        ("http://localhost:8501/x", "http://10.0.0.7:8501/mlm", "http://10.0.0.7:8501", True),
        ("http://127.0.0.1/x", "http://10.0.0.7:80/", "http://10.0.0.7:80", True),
        ("http://[::1]:8501/x", "", "http://[::1]:8501", False),
        ("http://localhost:8501/x", "", "http://localhost:8501", False),
        ("", "", "://", False),
    ],
)
def test_phones_need_an_address_that_they_can_reach(url, in_network, origin, reachable):
    assert room.reach(url, in_network) == (origin, reachable)


def test_the_qr_code_is_read_back():
    """Its modules are those that another writer's reader expects: finders, quiet border."""
    drawn = room.qr("https://lab.test/room/K7M4QP#0123456789abcdef")
    side = drawn["side"]
    dark = {tuple(map(float, m)) for m in re.findall(r"M(\d+) ([\d.]+)h1", drawn["path"])}
    for x, y in ((4, 4), (side - 11, 4), (4, side - 11)):
        ring = {(x + k, y + 0.5) for k in range(7)}
        assert ring <= dark
    assert not {p for p in dark if p[0] < 4 or p[1] < 4 or p[0] >= side - 4 or p[1] > side - 4}


def test_a_question_is_told_as_the_stage_shows_it():
    from pages.shared.story import Answer as Choice
    from pages.shared.story import Question

    asked = Question(r"Is $\tau$ 0?", [Choice("no", ""), Choice("yes, $a_0$", "", right=True)])
    told = room.poll_of(asked)
    assert told.right == 1
    assert told.text == [("Is ", ""), ("τ", "i"), (" 0?", "")]
    assert told.answers[1] == [("yes, ", ""), ("a", "i"), ("0", "sub")]


def test_items_are_told_with_the_bin_of_each():
    from pages.shared.story import Item, Sorting

    items = [Item(r"$\sigma_\alpha$", "guess", {}), Item("u", "data", {})]
    told = room.moment_of(Sorting("What?", ["data", "guess"], items))
    assert told.right == [1, 0]
    assert told.bins == [[("data", "")], [("guess", "")]]
    assert told.items[0] == [("σ", "i"), ("α", "sub")]
