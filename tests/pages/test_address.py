"""What is set lives in the address: read once when a page is entered, kept after."""

from __future__ import annotations

import pytest

from tests.pages.kit import healthy, open_page


@pytest.mark.parametrize(
    ("name", "said", "value"),
    [
        ("sigma_alpha", "2.5", 2.5),
        ("n_groups", "12", 12),
        ("n_groups", "12.0", 12),
        ("rho", "-1", -1.0),
        ("seed", "7", None),
    ],
)
def test_a_link_sets_a_control(name, said, value):
    at = open_page("partial_pooling", **{name: said})
    if name == "seed":
        assert at.number_input(key="seed").value == 7
    else:
        assert at.slider(key=name).value == value
    assert not at.warning


def test_a_link_sets_a_switch_and_a_choice():
    at = open_page(
        "partial_pooling", truth="true", school="Oak Hill", predict_partial_pooling="The largest"
    )
    assert at.toggle(key="truth").value is True
    assert at.selectbox(key="school").value == "Oak Hill"
    assert at.radio(key="predict_partial_pooling").value == "The largest"


def test_a_school_that_is_gone_gives_way():
    at = open_page("partial_pooling", school="Thornton")
    at.slider(key="n_groups").set_value(5).run()
    healthy(at)
    assert at.selectbox(key="school").value in at.selectbox(key="school").options


def test_what_was_not_chosen_follows_the_default_of_the_page():
    at = open_page("complete_pooling")
    of_residuals = at.selectbox(key="school").value
    at.switch_page("pages/partial_pooling.py").run()
    assert at.selectbox(key="school").value == "Juniper"
    assert of_residuals != "Juniper"


def test_what_was_chosen_goes_along():
    at = open_page("complete_pooling")
    at.selectbox(key="school").set_value("Cedar").run()
    at.switch_page("pages/partial_pooling.py").run()
    assert at.selectbox(key="school").value == "Cedar"


def test_back_to_the_start_resets_the_scenario():
    at = open_page("partial_pooling", n_groups=9, sigma_beta=3, seed=5)
    next(b for b in at.button if b.label == "Back to the start").click().run()
    healthy(at)
    assert at.slider(key="n_groups").value == 20
    assert at.slider(key="sigma_beta").value == 1.5
    assert at.number_input(key="seed").value == 2179


def test_hidden_settings_that_matter_are_named():
    at = open_page("partial_pooling", sigma_beta=3)
    assert any("sigma_\\beta$: 3" in c.value for c in at.caption)


def test_a_new_draw_goes_round_at_the_end():
    at = open_page("partial_pooling", seed=9999)
    next(b for b in at.button if b.label == "New draw").click().run()
    healthy(at)
    assert at.number_input(key="seed").value == 1
