"""What only a real browser shows: dragging, share links, the keyboard, the phone, the console."""

from __future__ import annotations

import pytest

from mlm_core.charts.theme import DARK, LIGHT
from pages.shared import contents

PARTIAL = "/partial_pooling?predict_partial_pooling=Just+show+me"
SLUGS = ["", *(lesson.slug for lesson in contents.lessons())]


def drag(reader, start: float, end: float, steps: int = 12) -> None:
    """Drag the handle from one share of its length to another."""
    reader.handle.scroll_into_view_if_needed()
    box = reader.handle.bounding_box()
    y = box["y"] + box["height"] / 2
    mouse = reader.page.mouse
    mouse.move(box["x"] + start * box["width"], y)
    mouse.down()
    mouse.move(box["x"] + end * box["width"], y, steps=steps)
    mouse.up()
    reader.page.wait_for_timeout(150)


def test_dragging_the_handle_moves_the_schools_and_sends_nothing(reader):
    me = reader().opens(PARTIAL)
    estimate = me.points(LIGHT.partial)
    assert len(estimate) == 20
    sent = me.sent
    drag(me, 0.58, 0.02)
    complete = me.points(LIGHT.partial)
    drag(me, 0.02, 0.99)
    none = me.points(LIGHT.partial)
    assert me.sent == sent
    spread = [max(points) - min(points) for points in (complete, estimate, none)]
    assert spread[0] < 0.25 * spread[1] < spread[1] < spread[2]
    assert "handle=" in me.page.url


def test_the_schools_follow_the_pointer_while_it_moves(reader):
    me = reader().opens(PARTIAL)
    me.handle.scroll_into_view_if_needed()
    box = me.handle.bounding_box()
    me.page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    me.page.mouse.down()
    spreads = []
    for share in (0.8, 0.6, 0.4, 0.2, 0.05):
        me.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        me.page.wait_for_timeout(60)
        points = me.points(LIGHT.partial)
        spreads.append(max(points) - min(points))
    me.page.mouse.up()
    assert spreads == sorted(spreads, reverse=True)
    assert len(set(spreads)) == 5


def test_dragging_in_the_figure_itself_moves_the_handle(reader):
    me = reader(height=1000).opens(PARTIAL)
    chart = me.page.locator("[data-testid=stVegaLiteChart] svg").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    y = box["y"] + box["height"] - 70
    me.page.mouse.move(box["x"] + 0.5 * box["width"], y)
    me.page.mouse.down()
    me.page.mouse.move(box["x"] + 0.9 * box["width"], y, steps=8)
    me.page.mouse.up()
    me.page.wait_for_timeout(200)
    assert int(me.handle.input_value()) > 95
    chart.dblclick(position={"x": 0.9 * box["width"], "y": box["height"] - 70})
    me.page.wait_for_timeout(300)
    assert "handle=" not in me.page.url
    assert 60 < int(me.handle.input_value()) < 80


def test_the_keyboard_moves_the_handle(reader):
    me = reader().opens(PARTIAL)
    before, at = me.points(LIGHT.partial), int(me.handle.input_value())
    me.handle.focus()
    for _ in range(10):
        me.page.keyboard.press("ArrowLeft")
    me.page.wait_for_timeout(150)
    assert int(me.handle.input_value()) == at - 10
    assert me.points(LIGHT.partial) != before
    assert f"handle={at - 10}" in me.page.url


def test_a_shared_link_opens_the_same_picture(reader):
    me = reader().opens(PARTIAL + "&sigma_alpha=9&n_groups=12&truth=true")
    drag(me, 0.6, 0.25)
    slider = me.page.locator(".st-key-sigma_y input[type=range]")
    slider.focus()
    me.page.keyboard.press("ArrowRight")
    me.settles()
    said, mine = me.page.locator(".st-key-see").inner_text(), me.points(LIGHT.partial)
    you = reader().opens(me.page.url.removeprefix(me.lab))
    assert you.page.locator(".st-key-see").inner_text() == said
    assert you.points(LIGHT.partial) == pytest.approx(mine, abs=1)
    assert you.handle.input_value() == me.handle.input_value()
    assert you.page.locator(".st-key-sigma_y input[type=range]").input_value() == "10.5"


def test_a_slider_moves_points_and_not_axes(reader):
    me = reader().opens(PARTIAL)
    axes = (
        "() => [...document.querySelectorAll('.mark-text.role-axis-label text')]"
        ".map(t => t.textContent)"
    )
    before, labels = me.points(LIGHT.partial), me.page.evaluate(axes)
    me.page.locator(".st-key-sigma_alpha input[type=range]").focus()
    me.page.keyboard.press("ArrowLeft")
    me.settles()
    assert me.points(LIGHT.partial) != before
    assert me.page.evaluate(axes) == labels
    assert "sigma_alpha=4.5" in me.page.url


def test_the_handle_stays_where_it_is_when_the_data_change(reader):
    me = reader().opens(PARTIAL)
    drag(me, 0.58, 0.3)
    at = me.handle.input_value()
    me.page.locator(".st-key-sigma_y input[type=range]").focus()
    me.page.keyboard.press("ArrowLeft")
    me.settles()
    assert me.handle.input_value() == at


def test_a_click_on_a_school_picks_it(reader):
    me = reader(height=1000).opens(PARTIAL)
    me.page.locator("path[fill='transparent'][aria-label*='Oak Hill']").first.click(force=True)
    me.settles()
    assert "Oak Hill" in me.page.locator(".st-key-see").inner_text()
    assert "school=Oak+Hill" in me.page.url


def test_pages_keep_the_scenario_and_the_back_button_works(reader):
    me = reader().opens("/complete_pooling?n_groups=9", handle=False)
    me.page.get_by_role("link", name="No pooling").last.click()
    me.page.wait_for_url("**/no_pooling**")
    me.settles()
    assert me.page.locator(".st-key-n_groups input[type=range]").input_value() == "9"
    assert "n_groups=9" in me.page.url
    me.page.go_back()
    me.page.wait_for_url("**/complete_pooling**")
    me.settles()
    assert me.page.locator(".st-key-n_groups input[type=range]").input_value() == "9"


def test_new_students_move_the_small_schools_most(reader):
    me = reader().opens("/no_pooling?predict_no_pooling=Just+show+me", handle=False)
    for _ in range(3):
        me.page.get_by_role("button", name="New students").click()
        me.settles()
    assert "Over 4 draws" in me.page.locator(".st-key-see").inner_text()
    assert "redraw=3" in me.page.url


def test_the_start_page_moves_by_itself_and_stops_for_those_who_ask(reader):
    me = reader().opens("/")
    seen = set()
    for _ in range(12):
        me.page.wait_for_timeout(300)
        seen.add(me.handle.input_value())
    assert len(seen) > 4
    calm = reader(reduced_motion="reduce").opens("/")
    places = set()
    for _ in range(6):
        calm.page.wait_for_timeout(300)
        places.add(calm.handle.input_value())
    assert len(places) == 1


@pytest.mark.parametrize("slug", SLUGS)
def test_every_page_in_four_forms_without_complaint(reader, slug):
    for width, dark in ((1440, False), (1440, True), (390, False), (390, True)):
        me = reader(width=width, height=844, dark=dark)
        me.opens(f"/{slug}" + (f"?predict_{slug}=Just+show+me" if slug else ""), handle=False)
        me.page.wait_for_timeout(300)
        assert me.complaints == []
        assert me.strangers == []
        wide = "() => document.querySelector('[data-testid=stMain]').scrollWidth"
        assert me.page.evaluate(wide) <= width, "something is wider than the page"


def test_the_dark_theme_has_its_own_colours(reader):
    me = reader(dark=True).opens(PARTIAL)
    assert len(me.points(DARK.partial)) == 20
