"""The files in a real browser, opened from disk with the network off."""

from __future__ import annotations

import re

import pytest

from mlm_core.charts.theme import DARK, LIGHT
from pages.shared import static_site


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("site")
    static_site.write(made, slugs=["partial_pooling"])
    return made


@pytest.fixture
def disk(chromium, folder):
    """A page without a network: whatever it asks for that is not on the disk is noted."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light")
    context.set_offline(True)
    page = context.new_page()
    page.set_default_timeout(15_000)
    wrong: list[str] = []
    page.on("console", lambda m: m.type in ("error", "warning") and wrong.append(m.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else wrong.append(r.url),
    )
    yield page
    context.close()
    assert not wrong


def green(page, colour: str = LIGHT.partial) -> list[float]:
    """Horizontal places of the estimates that can be seen."""
    return page.evaluate(
        """colour => [...document.querySelectorAll(`svg.marks .mark-symbol path[fill="${colour}"]`)]
             .filter(p => p.getAttribute('opacity') !== '0')
             .map(p => Math.round(p.getBoundingClientRect().x))""",
        colour,
    )


def test_a_lesson_from_disk(disk, folder):
    disk.goto((folder / "partial_pooling.html").as_uri())
    disk.wait_for_selector("svg.marks")
    legend = disk.locator(".pl-legend")
    assert not green(disk)
    assert "partial" not in legend.inner_text()

    # A step that is only passed by keeps its words.
    disk.locator(".dots a").nth(6).click()
    disk.wait_for_selector("#step-7.now")
    empty = "[...document.querySelectorAll('[data-live]')].filter(one => !one.textContent).length"
    assert disk.evaluate(empty) == 0
    disk.locator(".dots a").first.click()
    disk.wait_for_selector("#step-1.now")

    # The prediction: an answer unfolds, and the figure shows it.
    disk.locator("#step-2 summary", has_text="few students").click()
    disk.wait_for_function("document.querySelector('.pl-legend').innerText.includes('partial')")
    disk.wait_for_timeout(1500)  # the handle glides to its place
    assert len(green(disk)) == 20

    # The step in view sets the figure; words follow the handle.
    disk.locator(".dots a").nth(2).click()
    disk.wait_for_selector("#step-3.now")
    disk.wait_for_timeout(1500)
    words, handle = disk.locator("#step-3 .pl-hand"), disk.locator(".vega-bind input")
    before, said = green(disk), words.inner_text()
    assert re.search(r"SD between schools: 5\.4 points", said)
    handle.focus()
    disk.keyboard.press("Home")
    disk.wait_for_function("document.querySelector('#step-3 .pl-hand').innerText.includes(': 0.0')")
    assert "100%" in words.inner_text()
    assert handle.get_attribute("aria-valuetext") == "0 points: complete pooling"
    disk.wait_for_timeout(1200)
    assert len(set(green(disk))) == 1
    assert green(disk) != before

    # Another school: from the list, and by a click.
    disk.locator("#step-4 select").select_option(label="Oak Hill")
    disk.wait_for_function(
        "document.querySelector('#step-4 .pl-hand').innerText.includes('Oak Hill (59)')"
    )
    disk.wait_for_timeout(1500)
    disk.locator('svg.marks .mark-symbol path[fill="transparent"]').last.click()
    disk.wait_for_function(
        "!document.querySelector('#step-4 .pl-hand').innerText.includes('Oak Hill')"
    )

    # Saved as it stands, legend and handle with it.
    with disk.expect_download() as saving:
        disk.get_by_role("button", name="SVG").click()
    picture = saving.value.path().read_text("utf-8")
    assert "partial pooling ± error" in picture
    assert "SD between schools: 5.4 points" in picture
    assert LIGHT.partial in picture

    # Dark.
    disk.get_by_role("button", name="Dark").click()
    disk.wait_for_selector(f'svg.marks .mark-symbol path[fill="{DARK.partial}"]')
    assert not green(disk)
    assert disk.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"


def test_a_figure_alone_on_a_dark_phone(disk, folder):
    disk.set_viewport_size({"width": 390, "height": 844})
    disk.emulate_media(color_scheme="dark")
    disk.goto((folder / "figures" / "partial_pooling.html").as_uri())
    disk.wait_for_selector("svg.marks")
    disk.wait_for_timeout(700)
    assert len(green(disk, DARK.partial)) == 20
    box = disk.locator("svg.marks").bounding_box()
    assert 330 < box["width"] <= 390
    assert box["x"] >= 0
    assert not disk.evaluate("document.documentElement.scrollWidth > innerWidth")
    disk.locator(".vega-bind input").focus()
    disk.keyboard.press("End")
    disk.wait_for_function("document.querySelector('.pl-hand').innerText.includes('∞')")


def test_a_figure_saved_in_the_app_starts_where_the_reader_left_its_handle(reader):
    me = reader().opens("/partial_pooling?step=3&handle=53")
    me.page.locator(".st-key-more").get_by_text("Save the figure").click()
    with me.page.expect_download() as saving:
        me.page.get_by_role("button", name="HTML, with its handle").click()
    page = saving.value.path().read_text("utf-8")
    assert '"at":53' in page
    assert "SD between schools: 4.0" in re.sub("<[^>]+>", "", page)
    assert me.complaints == []
