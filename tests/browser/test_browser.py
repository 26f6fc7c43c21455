"""What only a real browser shows: dragging, gliding, share links, the keyboard, the phone."""

from __future__ import annotations

from datetime import date

import pytest

from mlm_core.charts.theme import DARK, LIGHT
from pages.shared import contents
from tests.pages.kit import story_of

DRAG = "/partial_pooling?step=3"
PREDICT = "/partial_pooling?step=2"
SLUGS = ["", *(lesson.slug for lesson in contents.lessons())]
LESSONS = [slug for slug in SLUGS if slug not in ("", "your_data", "glossary")]
PARTS = 4
WIDE = "() => document.querySelector('[data-testid=stMain]').scrollWidth - innerWidth"


def drag(reader, start: float, end: float, steps: int = 12) -> None:
    """Drag the handle from one share of its length to another."""
    box = reader.handle.bounding_box()
    y = box["y"] + box["height"] / 2
    mouse = reader.page.mouse
    mouse.move(box["x"] + start * box["width"], y)
    mouse.down()
    mouse.move(box["x"] + end * box["width"], y, steps=steps)
    mouse.up()
    reader.settles()


def spread(points: list[float]) -> float:
    return max(points) - min(points)


# The handle


def test_dragging_the_handle_moves_the_schools_and_sends_nothing(reader):
    me = reader().opens(DRAG)
    estimate = me.points(LIGHT.partial)
    assert len(estimate) == 20
    sent = me.sent
    drag(me, 0.58, 0.02)
    complete = me.points(LIGHT.partial)
    drag(me, 0.02, 0.99)
    none = me.points(LIGHT.partial)
    assert me.sent == sent
    assert spread(complete) < 0.25 * spread(estimate)
    assert spread(estimate) < spread(none)
    assert "handle=" in me.address


def test_the_words_follow_the_hand(reader):
    me = reader().opens(DRAG)
    sent, before = me.sent, me.page.locator(".pl-hand").inner_text()
    assert me.handle.get_attribute("aria-valuetext").endswith(" points")
    drag(me, 0.58, 0.3)
    said = me.page.locator(".pl-hand").inner_text()
    assert said != before
    spoken = me.handle.get_attribute("aria-valuetext")
    assert spoken in said
    assert me.sent == sent


def test_the_schools_follow_the_pointer_while_it_moves(reader):
    me = reader().opens(DRAG)
    box = me.handle.bounding_box()
    y = box["y"] + box["height"] / 2
    me.page.mouse.move(box["x"] + 0.9 * box["width"], y)
    me.page.mouse.down()
    spreads = []
    for share in (0.8, 0.6, 0.4, 0.2, 0.05):
        me.page.mouse.move(box["x"] + share * box["width"], y)
        me.page.wait_for_timeout(80)
        spreads.append(spread(me.points(LIGHT.partial)))
    me.page.mouse.up()
    assert spreads == sorted(spreads, reverse=True)
    assert len(set(spreads)) == 5


def test_dragging_in_the_figure_itself_moves_the_handle(reader):
    me = reader().opens(DRAG)
    box = me.page.locator("[data-testid=stVegaLiteChart] svg").first.bounding_box()
    y = box["y"] + box["height"] - 70
    me.page.mouse.move(box["x"] + 0.5 * box["width"], y)
    me.page.mouse.down()
    me.page.mouse.move(box["x"] + 0.9 * box["width"], y, steps=8)
    me.page.mouse.up()
    me.settles()
    assert int(me.handle.input_value()) > 95
    assert me.handle.get_attribute("aria-valuetext") in me.page.locator(".pl-hand").inner_text()


def drag_in_the_figure(me, end: float) -> None:
    """Drag from the middle of the hill to a share of the handle's length."""
    handle = me.handle.bounding_box()
    svg = me.page.locator("[data-testid=stVegaLiteChart] svg").first.bounding_box()
    y = svg["y"] + svg["height"] - 70
    me.page.mouse.move(handle["x"] + 0.5 * handle["width"], y)
    me.page.mouse.down()
    me.page.mouse.move(handle["x"] + end * handle["width"], y, steps=8)
    me.page.mouse.up()
    me.settles(400)


def agree(me) -> None:
    """Handle, words and figure are at the same place, in the same data."""
    said = me.handle.get_attribute("aria-valuetext")
    words = me.page.locator(".pl-hand").inner_text()
    assert said in words
    assert said in "".join(me.page.locator("svg.marks .mark-text text").all_text_contents())


def test_figure_and_words_agree_after_new_data_and_a_drag_in_the_figure(reader):
    me = reader(reduced_motion="reduce").opens("/partial_pooling?step=1")
    assert me.handle.input_value() == "120"
    me.go("Free play")
    me.settles(400)
    agree(me)
    assert spread(me.points(LIGHT.partial)) < 0.95 * spread(me.points(LIGHT.no))
    me.page.locator(".st-key-partial_pooling-sigma_alpha input[type=range]").focus()
    me.page.keyboard.press("ArrowRight")
    me.settles(400)
    agree(me)
    drag_in_the_figure(me, 0.8)
    agree(me)
    assert not me.page.locator("#vg-tooltip-element.visible").count()
    me.page.get_by_role("button", name="New draw").click()
    me.settles(400)
    agree(me)
    drag_in_the_figure(me, 0.3)
    agree(me)
    words = me.page.locator(".pl-hand").inner_text()
    me.handle.focus()
    for key in ("ArrowRight", "ArrowLeft"):
        me.page.keyboard.press(key)
    me.settles()
    assert me.page.locator(".pl-hand").inner_text() == words  # of this draw, not of the one before


STANDS = """() => ({
  words: document.querySelector(".st-key-told, .st-key-prose").textContent,
  line: document.querySelector(".st-key-line")?.textContent,
  parts: document.querySelectorAll(".st-key-words [data-testid=stElementContainer]").length,
  alternative: document.querySelector("[class*=st-key-figure] [role=graphics-document]").ariaLabel,
  marks: [...document.querySelectorAll("svg.marks path")]
    .map((e) => e.getAttribute("d") + e.getAttribute("transform")).sort(),
  said: [...new URLSearchParams(location.search)].sort().join(" "),
})"""


@pytest.mark.parametrize(
    ("address", "control"),
    [
        ("/complete_pooling?step=5", "slider"),
        ("/complete_pooling?step=5&present=true", "slider"),
        ("/no_pooling?step=3", "button"),
        ("/how_sure_about_tau?step=5&prior=half-normal", "slider"),
    ],
)
def test_a_steps_control_runs_the_figure_and_its_words_alone(reader, address, control):
    me = reader(reduced_motion="reduce").opens(address, handle=False)
    me.settles(400)
    before = me.page.evaluate(STANDS)
    me.page.evaluate(
        "window.poolingLabBefore = window.poolingLabKeys"
    )  # new in each run of a lesson
    for _ in range(3):
        if control == "button":
            me.page.locator(".st-key-words .stButton button").first.click()
        else:
            me.page.locator(".st-key-words .stSlider input").last.focus()
            me.page.keyboard.press("ArrowRight")
        me.settles(400)
    after = me.page.evaluate(STANDS)
    for part in ("words", "alternative", "marks", "said"):
        assert after[part] != before[part], part
    assert after["parts"] == before["parts"]
    assert me.page.evaluate("window.poolingLabBefore === window.poolingLabKeys")
    again = me.address.removeprefix(me.lab)
    you = reader(reduced_motion="reduce").opens(again, handle=False)
    you.settles(400)
    assert you.page.evaluate(STANDS) == after
    assert me.complaints == you.complaints == []


def test_the_keyboard_moves_the_handle_and_not_the_steps(reader):
    me = reader().opens(DRAG)
    before, at = me.points(LIGHT.partial), int(me.handle.input_value())
    me.handle.focus()
    for _ in range(10):
        me.page.keyboard.press("ArrowLeft")
    me.settles()
    assert int(me.handle.input_value()) == at - 10
    assert me.points(LIGHT.partial) != before
    assert f"handle={at - 10}" in me.address
    assert "step=3" in me.address


# Motion


NOTE = """() => {
  const seen = (window.poolingLabSeen = []);
  addEventListener("input", ({ target }) => {
    if (target.closest(".vega-bindings")) seen.push(Number(target.value));
  }, true);
}"""


def answers_and_notes(me) -> list[int]:
    """Answer, and every place that the handle takes on its way."""
    me.page.evaluate(NOTE)
    me.page.locator(".st-key-answers button").first.click()
    me.page.wait_for_selector(".st-key-verdict")
    me.settles(500)
    return list(me.page.evaluate("poolingLabSeen"))


def test_the_answer_glides_from_no_pooling_to_the_estimate(reader):
    me = reader().opens(PREDICT)
    assert me.handle.input_value() == "120"
    seen = answers_and_notes(me)
    assert seen[-1] < 100
    assert seen == sorted(seen, reverse=True)
    assert len({k for k in seen if seen[-1] < k < 120}) >= 3, seen
    calm = reader(reduced_motion="reduce").opens(PREDICT)
    assert set(answers_and_notes(calm)) == {seen[-1]}


def test_new_data_glide_and_do_not_jump(reader):
    me = reader().opens("/partial_pooling?free=true")
    before = me.points(LIGHT.no)
    me.page.get_by_role("button", name="New draw").click()
    between = []
    for _ in range(20):
        me.page.wait_for_timeout(60)
        between.append(me.points(LIGHT.no)[1])
    me.settles()
    after = me.points(LIGHT.no)
    low, high = sorted((before[1], after[1]))
    assert high - low > 3
    assert len({round(x) for x in between if low + 1 < x < high - 1}) >= 2, (before[1], between)


# The address


def test_a_shared_link_opens_the_same_picture(reader):
    me = reader().opens("/partial_pooling?free=true&sigma_alpha=9&n_groups=12&truth=true")
    drag(me, 0.6, 0.25)
    slider = me.page.locator(".st-key-partial_pooling-sigma_y input[type=range]")
    slider.focus()
    me.page.keyboard.press("ArrowRight")
    me.settles()
    said, mine = me.page.locator(".pl-hand").inner_text(), me.points(LIGHT.partial)
    address = me.address
    assert "sigma_y=10.5" in address
    you = reader().opens(address.removeprefix(me.lab))
    assert you.page.locator(".pl-hand").inner_text() == said
    assert you.points(LIGHT.partial) == pytest.approx(mine, abs=1)
    assert you.handle.input_value() == me.handle.input_value()


def test_a_link_opens_a_step_without_anybodys_answer(reader):
    me = reader().opens(PREDICT)
    me.page.locator(".st-key-answers button").first.click()
    me.settles()
    you = reader().opens(me.address.removeprefix(me.lab))
    assert you.page.locator("h2").inner_text() == me.page.locator("h2").inner_text()
    assert you.page.locator(".st-key-verdict").count() == 0


def test_what_a_step_sets_is_undone_and_the_readers_own_comes_back(reader):
    me = reader().opens("/partial_pooling?free=true&n_groups=9")
    assert len(me.points(LIGHT.no)) == 9
    me.go("Back to the steps")
    dots = me.page.locator(".pl-dots button")
    dots.nth(6).click()
    me.settles()
    assert len(me.points(LIGHT.no)) == 8
    me.page.get_by_role("button", name="Free play").click()
    me.settles()
    assert len(me.points(LIGHT.no)) == 9
    assert "n_groups=9" in me.address
    me.page.get_by_role("button", name="Back to the start").click()
    me.settles()
    assert len(me.points(LIGHT.no)) == 20
    assert "n_groups" not in me.address


def test_a_step_without_a_handle_leaves_none_of_it_behind(reader):
    me = reader().opens("/prediction?step=5")
    drag(me, 0.0, 0.3)
    assert "handle=" in me.address
    me.page.evaluate("document.activeElement.blur()")
    me.presses("ArrowRight", until=story_of("prediction").steps[5].heading)
    me.settles()
    assert "handle=" not in me.address
    me.presses("ArrowRight", until=story_of("prediction").steps[6].heading)
    me.settles()
    assert me.handle.input_value() == "0"


def test_the_handle_stays_where_it_is_when_the_data_change(reader):
    me = reader().opens("/partial_pooling?free=true")
    drag(me, 0.58, 0.3)
    at = me.handle.input_value()
    me.page.locator(".st-key-partial_pooling-sigma_y input[type=range]").focus()
    me.page.keyboard.press("ArrowLeft")
    me.settles()
    assert me.handle.input_value() == at


def test_a_click_on_a_school_picks_it(reader):
    me = reader().opens(DRAG)
    marks = me.page.locator(f".mark-symbol path[fill=transparent][stroke='{LIGHT.no}']")
    marks.nth(4).click(force=True)
    me.settles()
    assert "Juniper" not in me.page.locator(".pl-hand").inner_text()
    assert "school=" in me.address


# The walk


def opens_without_a_jump(me, path: str) -> None:
    """Measured again where it jumped: on a busy machine parts come late once, not twice."""
    me.opens(path, handle=False)
    if me.shift() >= 0.1:
        me.opens(path, handle=False)
    assert me.shift() < 0.1, "layout shift on load"


COVERED = """() => {
  const tools = document.querySelector('.pl-tools').getBoundingClientRect();
  const lines = [...document.querySelectorAll('h1, h2, .pl-kicker')].flatMap((e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    return [...range.getClientRects()];
  });
  return lines.some((l) => l.right > tools.left && l.left < tools.right
    && l.bottom > tools.top + 2 && l.top < tools.bottom - 2);
}"""


@pytest.mark.parametrize("slug", LESSONS)
def test_the_walk_through_a_lesson(reader, slug):
    """By keyboard on a small laptop, by touch on a phone: nothing jumps, nothing is cut."""
    steps = story_of(slug).steps
    me = reader(width=1280, height=720, reduced_motion="reduce")
    opens_without_a_jump(me, f"/{slug}")
    for k, step in enumerate(steps):
        assert me.page.locator("h2").inner_text() == step.heading
        for box in me.figures():
            assert box["y"] + box["height"] <= 720, f"the figure is cut at step {k + 1}"
        assert not me.page.evaluate(COVERED), f"the tools lie on the words of step {k + 1}"
        answers = me.page.locator(".st-key-answers button")
        if step.kind == "predict" and answers.count():
            me.settles(250)
            me.forget_shift()
            answers.first.focus()
            me.page.keyboard.press("Enter")
            me.page.wait_for_selector(".st-key-verdict")
            me.settles()
            assert me.shift() < 0.1, "layout shift on answering"
            me.page.evaluate("document.activeElement.blur()")
        if k + 1 < len(steps):
            me.presses("ArrowRight", until=steps[k + 1].heading)
    assert f"step={len(steps)}" in me.address
    me.presses("ArrowLeft", until=steps[-2].heading)
    me.page.locator(".pl-free").click()
    me.settles()
    assert "free=true" in me.address
    for width, height in ((1024, 768), (820, 1180), (320, 700)):
        me.page.set_viewport_size({"width": width, "height": height})
        me.settles()
        assert me.page.evaluate(WIDE) <= 0, f"wider than a page of {width}"
    assert me.complaints == []
    assert me.strangers == []


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_on_a_phone_at_night(reader, part):
    """From page to page, as a reader goes; the first one is loaded, another one each day."""
    mine = SLUGS[part::PARTS]
    first = date.today().toordinal() % len(mine)
    me = reader(width=390, height=844, dark=True, has_touch=True, reduced_motion="reduce")
    for slug in [*mine[first:], *mine[:first]]:
        if slug == mine[first]:
            opens_without_a_jump(me, f"/{slug}")
        else:
            me.turns_to(slug)
        if slug in LESSONS[:2]:  # the walk takes every step of all of them
            me.page.locator(".pl-next").tap()
            me.page.get_by_role("heading", name=story_of(slug).steps[1].heading).wait_for()
            me.settles()
        assert me.page.evaluate(WIDE) <= 0, slug
        assert me.complaints == [], slug
        assert me.strangers == [], slug


def test_the_figure_stays_in_view_on_a_phone(reader):
    me = reader(width=390, height=844).opens(DRAG)
    me.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 400)")
    me.settles()
    (box,) = me.figures()
    assert box["y"] >= 0
    assert box["y"] + box["height"] < 600


def test_a_question_and_its_answers_are_seen_together_on_a_phone(reader):
    me = reader(width=390, height=844, has_touch=True, reduced_motion="reduce").opens(PREDICT)
    answers, question = me.page.locator(".st-key-answers button"), me.page.locator("h2")
    me.page.locator(".st-key-show-me").scroll_into_view_if_needed()
    top, last = question.bounding_box()["y"], answers.last.bounding_box()
    way = me.page.locator(".st-key-way").bounding_box()["y"]
    covered = me.page.locator(".st-key-picture").bounding_box()
    assert covered["y"] + covered["height"] <= top + 1
    assert 56 < top < last["y"] + last["height"] <= way + 1
    answers.first.tap()
    me.page.wait_for_selector(".st-key-take-back")
    me.settles()
    assert me.figures()[0]["y"] >= 0  # the answer is read beside the figure


def test_what_is_opened_below_the_figure_comes_into_view(reader):
    me = reader(width=1280, height=720, reduced_motion="reduce").opens(DRAG)
    me.page.get_by_text("The model in full").click()
    formula = me.page.locator(".st-key-more .katex").first
    formula.wait_for()
    me.settles(300)
    box = formula.bounding_box()
    assert box["y"] + box["height"] < 720


def test_a_large_screen_is_used(reader):
    me = reader(width=1920, height=1080).opens(DRAG)
    (box,) = me.figures()
    assert box["width"] > 1000
    assert box["height"] > 600
    texts = "[...document.querySelectorAll('.mark-text text')]"
    heights = f"{texts}.map(text => text.getBoundingClientRect().height)"
    assert min(me.page.evaluate(heights)) > 15


def test_the_start_page_moves_by_itself_and_stops_for_those_who_ask(reader):
    me = reader()
    me.page.add_init_script(f"({NOTE})()")
    me.opens("/", handle=False)
    me.page.wait_for_function("new Set(poolingLabSeen).size > 4")
    calm = reader(reduced_motion="reduce")
    calm.page.add_init_script(f"({NOTE})()")
    calm.opens("/")
    calm.page.wait_for_timeout(1800)
    assert len(set(calm.page.evaluate("poolingLabSeen"))) <= 1


def test_the_dark_theme_has_its_own_colours(reader):
    me = reader(dark=True).opens(DRAG)
    assert len(me.points(DARK.partial)) == 20


def test_back_in_the_browser_leads_to_the_page_before(reader):
    me = reader().opens("/complete_pooling?free=true&n_groups=9", handle=False)
    me.page.goto(me.lab + "/no_pooling")
    me.page.wait_for_selector("h1")
    me.page.go_back()
    me.page.wait_for_url("**/complete_pooling**")
    me.settles()
    assert "n_groups=9" in me.address
