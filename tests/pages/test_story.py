"""The lesson grammar, whatever the lesson."""

from __future__ import annotations

from tests.pages.kit import open_page


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
