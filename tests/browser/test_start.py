"""The way in, as the browser remembers it: to the first lesson, or on where the reader was."""

from __future__ import annotations

import json
import re

import pytest

from pages.shared import begin
from tests.browser.conftest import ROOT

SCRIPT = (ROOT / "pages" / "shared" / "begin.js").read_text(encoding="utf-8")
LESSONS = [{"slug": slug, "question": f"{slug}?"} for slug in ("one", "two", "three")]
ALL = {slug: {"seen": 9, "of": 9} for slug in ("one", "two", "three")}
CASES = [
    (None, {"slug": "one", "step": 1, "first": True}),
    ("{", {"slug": "one", "step": 1, "first": True}),
    ("null", {"slug": "one", "step": 1, "first": True}),
    ('{"two": 7, "three": {"seen": "4", "of": 9}}', {"slug": "one", "step": 1, "first": True}),
    ({"two": {"seen": 0, "of": 0}}, {"slug": "one", "step": 1, "first": True}),
    ({"two": {"seen": -1, "of": 9}}, {"slug": "one", "step": 1, "first": True}),
    ('{"other": {"seen": 3, "of": 9}}', {"slug": "one", "step": 1, "first": True}),
    ({"one": {"seen": 4, "of": 9}}, {"slug": "one", "step": 4}),
    ({"one": {"seen": 0, "of": 9}}, {"slug": "one", "step": 1}),
    ({"two": {"seen": 99, "of": 9}}, {"slug": "three", "step": 1}),
    ({"one": {"seen": 9, "of": 9}}, {"slug": "two", "step": 1}),
    ({"two": {"seen": 3, "of": 9}, "one": {"seen": 9, "of": 9}}, {"slug": "two", "step": 3}),
    ({"one": {"seen": 2, "of": 9}, "three": {"seen": 5, "of": 9}}, {"slug": "three", "step": 5}),
    ({"one": {"seen": 2, "of": 9}, "three": {"seen": 9, "of": 9}}, {"slug": "one", "step": 2}),
    (ALL, {"slug": "one", "step": 1, "over": True}),
]


@pytest.fixture(scope="module")
def blank(chromium):
    page = chromium.new_page()
    yield page
    page.close()


@pytest.mark.parametrize(("kept", "wanted"), CASES)
def test_where_the_reader_goes_on(blank, kept, wanted):
    text = kept if kept is None or isinstance(kept, str) else json.dumps(kept)
    plain = re.sub(r"export (default )?function ?\(", "function mount(", SCRIPT).replace(
        "export ", ""
    )
    found = blank.evaluate(
        f"([kept, lessons]) => {{ {plain}\n return where(progress(kept, lessons), lessons); }}",
        [text, LESSONS],
    )
    assert found == wanted


def test_the_second_visit_goes_on_where_the_reader_was(reader):
    me = reader().opens("/")
    button = me.page.locator(".pl-begin button")
    first = begin.lessons()[0]
    assert button.inner_text().splitlines()[:2] == ["Start with the first lesson", first.question]
    assert button.bounding_box()["y"] + button.bounding_box()["height"] < 720
    button.click()
    me.page.wait_for_url(f"**/{first.slug}**")
    me.settles()
    for _ in range(2):
        me.page.locator(".pl-next").click()
        me.settles()
    assert "step=3" in me.address
    me.opens("/")
    assert button.inner_text().splitlines()[0] == "Go on where you were"
    assert "Step 3" in button.inner_text()
    link = me.page.locator(f".st-key-contents a[href$='{first.slug}']").first
    assert link.get_attribute("data-done") == "step 3 of 9"
    button.click()
    me.page.wait_for_url(f"**/{first.slug}?step=3")
    me.settles()
    assert me.page.locator("h2").inner_text() == "Ten years, one at a time"
    assert me.complaints == []
