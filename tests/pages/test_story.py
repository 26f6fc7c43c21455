"""The lesson grammar, whatever the lesson."""

from __future__ import annotations

import pytest

from pages.shared import offstage
from pages.shared.controls import BY_NAME, Switch
from pages.shared.story.laboratory import SLIDERS
from tests.pages.kit import healthy, open_page, text


def test_a_link_that_asks_for_what_is_not_here_is_answered_in_the_words_of_the_page():
    at = open_page("no_pooling", free="maybe", reveal="x", present="y", rho="-7")
    (box,) = at.warning
    assert "“Free play” is true or false, not maybe" in box.value
    assert "“Show the answer” is true or false, not x" in box.value
    assert "“Present on the stage” is true or false, not y" in box.value
    assert r"“Correlation $\rho$” goes from −1 to 1, not \-7" in box.value
    assert at.session_state["_place"].step == 0
    (box,) = open_page("no_pooling", step="99", question="none").warning
    assert "“Step” goes from 1 to 9, not 99" in box.value
    assert "“Question” goes from 1 to 9, not none" in box.value


STORIES = {lesson.slug: offstage.story_of(lesson.slug) for lesson in offstage.lessons()}
GIVEN = {slug: lesson.given for slug, lesson in STORIES.items() if lesson.given is not None}


def test_the_lessons_with_data_of_their_own_are_known():
    assert set(GIVEN) == {"treatment_effects", "how_sure_about_tau", "varying_intercepts"}


@pytest.mark.parametrize("slug", GIVEN)
def test_no_slider_moves_while_the_data_are_given(slug):
    given = GIVEN[slug]
    known = {control.name: control for control in STORIES[slug].known}
    chooses = known[given.name]
    if isinstance(chooses, Switch):
        other = "true"
        at = open_page(slug, free="true")
    else:
        [other] = [option for option in chooses.options if option != given.value]
        at = open_page(slug, free="true", **{given.name: given.value})
    of_scenario = {c.label for c in known.values() if c.name in BY_NAME}

    def off(page):
        sliders = [s.disabled for s in page.slider if s.label in of_scenario]
        assert len(sliders) > 4
        buttons = [b.disabled for b in page.button if b.label == "New draw"]
        presets = [s.disabled for s in page.selectbox if s.label == "Preset"]
        assert len(buttons) == len(presets) == 1
        return {*sliders, *buttons, *presets}

    assert off(at) == {True}
    assert given.instead in text(at)
    assert SLIDERS not in text(at)
    if isinstance(chooses, Switch):
        [switch] = [t for t in at.toggle if t.label == chooses.label]
        switch.set_value(True).run()
    else:
        [group] = [g for g in at.get("button_group") if g.label == chooses.label]
        group.set_value(other).run()
    healthy(at)
    assert off(at) == {False}
    assert given.instead not in text(at)
    assert SLIDERS in text(at)
    assert off(open_page(slug, free="true", **{given.name: other})) == {False}
