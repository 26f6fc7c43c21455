from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from pages.shared import contents, offstage
from tests.browser.browser import chromium_options, serve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def lab():
    with serve(ROOT / "app.py") as address:
        yield address


@pytest.fixture(scope="session")
def chromium():
    options = chromium_options()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(**options)
        yield browser
        browser.close()


SHIFT = """
window.poolingLabShift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.poolingLabShift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""

LISTEN = """
const heard = { sent: 0, told: 0, drawn: performance.now() };
window.poolingLabHeard = heard;
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", () => { heard.told = performance.now(); });
  }
  send(what) { heard.sent = performance.now(); super.send(what); }
};
new MutationObserver(() => { heard.drawn = performance.now(); })
  .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
"""

QUIET = """calm => {
  const { sent, told, drawn } = window.poolingLabHeard;
  const app = document.querySelector("[data-testid=stApp]");
  const still = () => document.getAnimations().every((a) =>
    a.playState !== "running" || a.effect?.getComputedTiming().endTime === Infinity);
  return (!app || (told >= sent && app.dataset.testScriptState === "notRunning"))
    && performance.now() - Math.max(drawn, told, sent) > calm && still();
}"""
"""Nothing asked is unanswered, no script runs, nothing is drawn and nothing glides."""


class Reader:
    """A reader with a browser, who notes what goes wrong and what is sent."""

    def __init__(self, page, lab: str):
        self.page, self.lab = page, lab
        page.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.sent = 0
        page.add_init_script(SHIFT)
        page.add_init_script(LISTEN)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)
        page.on("websocket", lambda socket: socket.on("framesent", self._sent))

    def leaves(self) -> str:
        """What stands on the page at last, for whoever reads of a failure."""
        if self.page.is_closed():
            return "The page is closed."
        words = self.page.locator("body").inner_text()
        return "\n".join([self.page.url, *self.complaints, *self.strangers, words])

    def _console(self, message) -> None:
        # Under /<lesson> Streamlit first looks for itself one level too deep.
        probing = "404" in message.text and "_stcore" in str(message.location)
        if message.type == "error" and not probing:
            self.complaints.append(f"{message.text} {message.location}")

    def _request(self, request) -> None:
        if not request.url.startswith((self.lab, "data:", "blob:")):
            self.strangers.append(request.url)

    def _sent(self, _) -> None:
        self.sent += 1

    def opens(self, path: str, *, handle: bool = True) -> Reader:
        self.page.goto(self.lab + path)
        self.page.wait_for_selector("h1")
        self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        if self.page.locator("[class*=st-key-figure]").count():
            self.page.wait_for_selector("[class*=st-key-figure] .marks")
        if handle:
            self.page.wait_for_selector(".vega-bindings input")
            self.settles(350)  # the thumb settles after the figure is drawn
        return self

    def turns_to(self, slug: str, query: str = "") -> None:
        """Go to a page as the browser's history does: a new page, not a new app."""
        self.page.evaluate(
            "to => { history.pushState(null, '', to);"
            " dispatchEvent(new PopStateEvent('popstate')); }",
            f"/{slug}{query}",
        )
        title = next((page.name for page in contents.pages() if page.slug == slug), "Pooling Lab")
        self.page.wait_for_function("title => document.title.startsWith(title)", arg=title)
        self.settles()
        if any(lesson.slug == slug for lesson in offstage.lessons()):
            self.page.wait_for_selector(".pl-steps")
            self.page.wait_for_selector("[class*=st-key-figure] .marks")

    def settles(self, calm: int = 150) -> None:
        """Wait until all that was asked is answered and drawn, and ``calm`` ms have passed."""
        self.page.wait_for_timeout(50)
        self.page.wait_for_function(QUIET, arg=calm, polling=30)

    def presses(self, key: str, *, until: str) -> None:
        """Press a key, once for each question on the way, until a step of this heading is drawn."""
        for _ in range(5):
            before = self.page.evaluate("location.search")
            self.page.keyboard.press(key)
            self.page.wait_for_function("before => location.search !== before", arg=before)
            if self.page.locator("h2").inner_text() == until:
                break
        self.settles(100)

    @property
    def address(self) -> str:
        """What stands in the address bar now."""
        return str(self.page.evaluate("location.href"))

    def shift(self) -> float:
        """How much has jumped since the page was opened, or since `forget_shift`."""
        return float(self.page.evaluate("window.poolingLabShift"))

    def forget_shift(self) -> None:
        self.page.evaluate("window.poolingLabShift = 0")

    def figures(self) -> list[dict[str, float]]:
        """Where each figure of a lesson stands, its handle included."""
        found = self.page.evaluate(
            """() => [...document.querySelectorAll('.st-key-picture [class*=st-key-figure-]')]
                 .map(figure => {
                   const parts = [...figure.querySelectorAll('svg.marks, .vega-bind input')];
                   const boxes = parts.map(part => part.getBoundingClientRect());
                   const edge = (pick, side) => pick(...boxes.map(box => box[side]));
                   const [x, y] = [edge(Math.min, 'left'), edge(Math.min, 'top')];
                   return { x, y, width: edge(Math.max, 'right') - x,
                            height: edge(Math.max, 'bottom') - y };
                 })"""
        )
        return list(found)

    def go(self, name: str) -> None:
        """Press a button of the way through."""
        self.page.locator(".pl-steps").get_by_role("button", name=name).click()
        self.settles()

    @property
    def handle(self):
        return self.page.locator(".vega-bindings input[type=range]")

    def points(self, colour: str) -> list[float]:
        """Horizontal places of the points of a colour, from top to bottom."""
        found = self.page.evaluate(
            """colour => [...document.querySelectorAll('.mark-symbol path')]
                 .filter(p => [p.getAttribute('fill'), p.getAttribute('fill') === 'transparent'
                               && p.getAttribute('stroke')].includes(colour))
                 .map(p => p.getBoundingClientRect()).map(r => [r.top, r.left + r.width / 2])""",
            colour,
        )
        return [x for _, x in sorted(found)]


class Places:
    """Browsers' contexts, kept from test to test: what is loaded once is not compiled again.

    Nothing that a reader leaves behind is found by the next, and two readers of one test
    never share a context.
    """

    def __init__(self, chromium) -> None:
        self.chromium = chromium
        self.free: dict[str, list] = {}
        self.taken: list[tuple[str, Any]] = []

    def take(self, **options):
        kind = repr(sorted(options.items()))
        free = self.free.setdefault(kind, [])
        place = free.pop() if free else self.chromium.new_context(**options)
        self.taken.append((kind, place))
        return place

    def give_back(self, lab: str) -> None:
        for kind, place in self.taken:
            for page in place.pages:
                page.close()
            last = place.new_page()
            what = {"origin": lab, "storageTypes": "all"}
            place.new_cdp_session(last).send("Storage.clearDataForOrigin", what)
            last.close()
            place.clear_cookies()
            self.free[kind].append(place)
        self.taken.clear()


@pytest.fixture(scope="session")
def places(chromium):
    return Places(chromium)


@pytest.fixture
def reader(places, lab, request):
    def new(*, width: int = 1440, height: int = 900, dark: bool = False, **options) -> Reader:
        calm = options.pop("reduced_motion", "no-preference")
        page = places.take(viewport={"width": 1440, "height": 900}, **options).new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion=calm)
        readers.append(Reader(page, lab))
        return readers[-1]

    readers: list[Reader] = []
    failed = request.session.testsfailed
    yield new
    if request.session.testsfailed > failed:
        for one in readers:
            print(one.leaves())
    places.give_back(lab)
