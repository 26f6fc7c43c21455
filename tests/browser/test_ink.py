"""The theme changes while a page is open: figures follow, and the hand stays where it is."""

from __future__ import annotations

from mlm_core.charts.theme import DARK

AXES = "document.querySelector('.role-axis-label text')?.getAttribute('fill')"
PAPER = "getComputedStyle(document.documentElement).getPropertyValue('--pl-paper')"


def test_a_page_that_is_open_follows_the_theme(reader):
    me = reader(reduced_motion="reduce").opens("/partial_pooling?step=3")
    me.handle.focus()
    for _ in range(3):
        me.page.keyboard.press("ArrowLeft")
    me.settles()
    place = me.handle.input_value()
    before = me.sent
    me.page.emulate_media(color_scheme="dark")
    me.page.wait_for_function(f"ink => {AXES} === ink", arg=DARK.ink)
    me.settles()
    assert me.page.evaluate(PAPER) == DARK.paper
    assert me.handle.input_value() == place
    assert f"handle={place}" in me.address
    assert me.sent == before + 1
    assert me.complaints == []
