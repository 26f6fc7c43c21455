"""The stage in a browser: its measures, its keys, a deck from end to end, links in both forms."""

from __future__ import annotations

import pytest

from pages.shared import decks
from tests.pages.kit import story_of

SIZES = [(1920, 1080), (1280, 720), (1024, 768)]
STEPS = story_of("partial_pooling").steps
MEASURES = """() => {
  const box = (e) => e.getBoundingClientRect();
  const seen = (e) => box(e).width > 2 && getComputedStyle(e).opacity > 0;
  const zoom = Number(getComputedStyle(document.querySelector('.vega-embed')).zoom);
  const size = (e, by = 1) => by * parseFloat(getComputedStyle(e).fontSize);
  const all = (where) => [...document.querySelectorAll(where)].filter(seen);
  const words = all('.st-key-words p, .st-key-words h2').filter((e) => e.textContent.trim());
  const top = document.querySelector('.st-key-words');
  const names = all('.st-key-picture svg .mark-text text[text-anchor=end]')
    .map((e) => [box(e).top, size(e, zoom)]).sort((a, b) => a[0] - b[0]);
  return {
    type: Math.min(...all('.st-key-picture svg text').map((e) => size(e, zoom)),
                   ...all('.pl-legend span').map((e) => size(e)), ...words.map((e) => size(e))),
    marks: Math.min(...all('.st-key-picture .mark-symbol path').map((e) => box(e).width)
                    .filter((width) => width < 60)),
    rows: Math.min(...names.slice(1).map(([at, type], k) => (at - names[k][0]) / type)),
    cut: top.scrollHeight - top.clientHeight,
    bars: ['.stAppHeader', '[data-testid=stToolbar]', '.st-key-more']
      .flatMap((where) => all(where)).length,
    prose: all('.st-key-prose, .pl-hand').length,
  };
}"""


HEADING = "document.querySelector('.st-key-words h2')?.innerText"


def press(me, key: str, until: str = "true") -> None:
    """Press a key and wait for what it does."""
    me.page.keyboard.press(key)
    me.page.wait_for_function(until, timeout=60_000)
    me.settles()


def at(step: int, slug: str = "partial_pooling") -> str:
    """The condition that a step is shown."""
    said = story_of(slug).steps[step - 1].heading.replace("'", "\\'")
    return f"location.pathname.endsWith('{slug}') && {HEADING} === '{said}'"


def there(where: str) -> str:
    return f"document.querySelector('{where}') !== null"


def gone(where: str) -> str:
    return f"document.querySelector('{where}') === null"


def said(what: str, yes: bool = True) -> str:
    return f"location.search.includes('{what}') === {str(yes).lower()}"


def test_the_stage_fills_the_screen_and_obeys_its_keys(reader):
    me = reader(width=1920, height=1080, reduced_motion="reduce")
    me.opens("/partial_pooling?step=2&present=true")
    for width, height in SIZES:
        me.page.set_viewport_size({"width": width, "height": height})
        me.settles()
        (box,) = me.figures()
        assert box["width"] * box["height"] >= 0.7 * width * height
        assert box["y"] + box["height"] <= height + 1
        found = me.page.evaluate(MEASURES)
        assert found["type"] >= 24 * height / 1080 - 0.2
        assert found["marks"] >= 18 * height / 1080 - 0.2
        assert found["rows"] > 1
        assert (found["cut"], found["bars"], found["prose"]) == (0, 0, 0)
    icons = me.page.locator(".st-key-answers [data-testid=stIconMaterial]")
    assert {icon.inner_text() for icon in icons.all()} == {"radio_button_unchecked"}
    verdict = ".st-key-verdict"
    press(me, "r", there(verdict))
    assert {icon.inner_text() for icon in icons.all()} == {"check", "close"}
    press(me, "r", gone(verdict))
    press(me, "r", there(verdict))
    press(me, "PageDown", at(3))
    hand = me.page.locator(".pl-hand")
    assert not hand.is_visible()
    press(me, "w")
    assert hand.is_visible()
    press(me, "w")
    assert not hand.is_visible()
    press(me, "t", said("truth=true"))
    press(me, "n", said("seed="))
    press(me, "f", said("free=true"))
    press(me, "f", at(3))
    press(me, "PageUp", at(2))
    assert "truth" not in me.address
    assert me.page.locator(verdict).count() == 1
    press(me, "?", there(".pl-panel"))
    assert "new draw" in me.page.locator(".pl-panel [role=dialog]").inner_text()
    press(me, "Escape", gone(".pl-panel"))
    assert "present=true" in me.address
    press(me, "Escape", said("present", False))
    assert me.page.locator(".stAppHeader").is_visible()
    press(me, "p", said("present=true") + " && " + gone(verdict))
    assert not me.page.locator(".stAppHeader").is_visible()
    assert me.complaints == []
    assert me.strangers == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_last_step_leads_on_to_the_next_lesson_on_the_stage(reader, dark):
    me = reader(width=1280, height=720, dark=dark, reduced_motion="reduce")
    me.opens(f"/partial_pooling?step={len(STEPS)}&present=true")
    press(me, "ArrowRight", f"{at(1, 'small_groups')} && {said('present=true')}")
    me.page.wait_for_selector(".st-key-picture .marks", timeout=60_000)
    me.settles()
    assert "step" not in me.address
    (box,) = me.figures()
    assert box["width"] * box["height"] >= 0.7 * 1280 * 720
    assert me.complaints == []


def step_with(slug: str, name: str) -> int:
    """The first step of a lesson that offers this control, from 1."""
    return next(k for k, step in enumerate(story_of(slug).steps, 1) if name in step.uses)


@pytest.mark.parametrize(
    ("slug", "name", "control"),
    [
        ("small_groups", "by", ".st-key-hands [role=radio]"),
        ("small_groups", "truth", ".st-key-hands [data-testid=stCheckbox] label"),
        ("structured_data", "icc", "[data-testid=stSlider] > div"),
        ("partial_pooling", "handle", ".vega-bind input"),
    ],
)  # fmt: skip
def test_after_a_press_with_the_mouse_a_clicker_goes_on(reader, slug, name, control):
    me = reader(width=1280, height=720, reduced_motion="reduce")
    step = 3 if name == "handle" else step_with(slug, name)
    me.opens(f"/{slug}?step={step}&present=true", handle=False)
    pressed = me.page.locator(control).first
    pressed.click()
    me.settles()
    press(me, "ArrowRight", at(step + 1, slug))
    press(me, "ArrowLeft", at(step, slug))
    pressed.click()
    me.settles()
    press(me, "PageUp", at(step - 1, slug))
    assert me.complaints == []


def test_a_school_is_chosen_and_a_clicker_goes_on(reader):
    me = reader(width=1280, height=720, reduced_motion="reduce")
    step = step_with("what_is_multilevel", "school")
    me.opens(f"/what_is_multilevel?step={step}&present=true", handle=False)
    box = me.page.locator(".st-key-hands input[role=combobox]")
    box.click()
    me.page.keyboard.type("Oak")  # n, q and t are keys of the stage: not while one types
    me.page.keyboard.press("Enter")
    me.page.wait_for_function(said("school=Oak"))
    me.settles()
    press(me, "ArrowRight", at(step + 1, "what_is_multilevel"))
    assert me.complaints == []


@pytest.mark.parametrize("stage", [False, True], ids=["page", "stage"])
def test_a_control_keeps_its_arrows_where_they_are_asked_for(reader, stage):
    me = reader(width=1280, height=720, reduced_motion="reduce")
    step = step_with("small_groups", "by")
    me.opens(f"/small_groups?step={step}" + "&present=true" * stage)
    ways = me.page.locator(".st-key-words [role=radiogroup] [role=radio]")
    if not stage:
        ways.nth(1).click()
        me.settles()
    ways.nth(1).focus()
    me.page.keyboard.press("ArrowRight")
    assert ways.nth(2).evaluate("e => e === document.activeElement")
    me.settles()
    assert f"step={step}" in me.address
    press(me, "PageDown", at(step + 1, "small_groups"))
    assert me.complaints == []


def on_stage(me, picture) -> None:
    """Wait until a picture of a deck stands on the stage."""
    slug, step = picture.address.strip("/").split("?step=")
    listening = f"{at(int(step), slug)} && {there('.pl-dots [aria-current]')}"
    me.page.wait_for_function(listening, timeout=60_000)
    me.settles()


def test_a_deck_is_made_sent_presented_and_followed_by_its_speaker(reader):
    me = reader(width=1280, height=720, reduced_motion="reduce")
    pictures = decks.ready()["twenty"].pictures
    me.opens("/decks?deck=twenty", handle=False)
    me.page.locator(".st-key-present-twenty button").click()
    on_stage(me, pictures[0])
    press(me, "PageDown", said("picture=2"))
    on_stage(me, pictures[1])
    press(me, "r", there(".st-key-verdict"))
    press(me, "ArrowRight", at(3, "next_year"))
    press(me, "PageDown", said("picture=3"))
    on_stage(me, pictures[2])
    press(me, "PageDown", said("picture=4"))
    on_stage(me, pictures[3])
    notes = me.page.context.new_page()
    notes.goto(me.lab + "/decks?deck=twenty&speaker=true")
    notes.wait_for_function(
        "() => document.querySelector('.pl-now')?.innerText.startsWith('4 of 9')"
    )
    assert pictures[3].note in notes.locator(".pl-speaker").inner_text()
    assert pictures[4].title in notes.locator(".pl-following").inner_text()
    assert pictures[3].note not in me.page.locator("body").inner_text()
    notes.locator(".pl-turn-on").click()
    on_stage(me, pictures[4])
    me.page.reload()
    on_stage(me, pictures[4])
    press(me, "l", there(".pl-panel"))
    me.page.locator(".pl-add").click()
    press(me, "Escape", gone(".pl-panel"))
    press(me, "Escape", said("present", False))
    to = me.page.locator("a[href$='/decks']")
    for _ in range(5):  # the menu closes again where the page is not ready
        me.page.locator(".stAppHeader").get_by_text("Teach", exact=True).click()
        me.page.wait_for_timeout(500)
        if to.count():
            to.first.click()
            break
    me.page.wait_for_selector(".st-key-picture-0")
    me.page.locator(".st-key-link-mine button").click()
    link = me.page.locator(".pl-links input").input_value()
    you = reader().opens(link.removeprefix(me.lab), handle=False)
    you.page.wait_for_selector(".st-key-sent")
    assert "Partial pooling, step 2" in you.page.locator(".st-key-sent").inner_text()
    you.page.locator(".st-key-present-sent button").click()
    on_stage(you, pictures[4])
    assert me.complaints == you.complaints == []


def test_a_link_opens_as_a_question_or_as_an_answer(reader):
    me = reader(width=1280, height=720, reduced_motion="reduce").opens("/partial_pooling?step=2")
    press(me, "r", there(".st-key-verdict"))
    press(me, "l", there(".pl-panel"))
    links = [field.input_value() for field in me.page.locator(".pl-links input").all()]
    codes = me.page.locator(".pl-code")
    assert codes.count() == 2
    ground = "e => getComputedStyle(e).backgroundColor"
    assert codes.first.evaluate(ground) == "rgb(255, 255, 255)"
    assert me.page.locator(".pl-code svg").first.bounding_box()["width"] > 150
    question, answer = (link.removeprefix(me.lab) for link in links)
    phone = {"width": 390, "height": 844, "has_touch": True, "dark": True}
    you = reader(**phone).opens(question)
    assert you.page.locator("h2").inner_text() == STEPS[1].heading
    assert you.page.locator(".st-key-verdict").count() == 0
    assert "reveal" not in question
    third = reader(**phone).opens(answer)
    assert third.page.locator(".st-key-verdict").count() == 1
    assert "reveal" not in third.address
    assert third.complaints == []
