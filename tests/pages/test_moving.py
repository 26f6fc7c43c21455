"""Which run a browser's request becomes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.fragment import MemoryFragmentStorage

from pages.shared import moving
from tests.pages.kit import open_page

SIGMA, SIZES, TRUTH = (f"$$ID-abc{k}-lesson-{name}" for k, name in enumerate(("sd", "n", "truth")))


@pytest.fixture
def asks():
    """Ask as a browser does: in the lesson's name, with how all controls stand."""
    fragments = MemoryFragmentStorage()
    for key in (moving.LESSON, moving.FIGURE):
        fragments.register(f"id of {key}", lambda: None, target_key=key)
    session = SimpleNamespace(_fragment_storage=fragments)
    asked = []
    answer = moving.narrowed(lambda _, state=None: asked.append(state))

    def ask(fragment: str = "id of stage", **stand: float) -> str:
        state = ClientState(fragment_id=fragment)
        for name, value in stand.items():
            widget = state.widget_states.widgets.add(id={"sd": SIGMA, "n": SIZES, "t": TRUTH}[name])
            widget.double_value = value
        answer(session, state)
        return asked[-1].fragment_id

    ask.fragments = fragments
    moving._readers.setdefault(fragments, moving._Reader()).movers = frozenset(
        ["lesson-sd", "lesson-n"]
    )
    ask(sd=1, n=2, t=0)
    return ask


def test_what_moves_the_figure_alone_asks_for_it_alone(asks):
    assert asks(sd=2, n=2, t=0) == "id of moved"
    assert asks(sd=3, n=4, t=0) == "id of moved"


def test_anything_else_asks_for_the_lesson(asks):
    assert asks(sd=1, n=2, t=1) == "id of stage"
    assert asks(sd=2, n=2, t=0) == "id of stage"  # both at once
    assert asks(sd=2, n=2, t=0) == "id of stage"  # and nothing at all


def test_it_stays_so_until_the_lesson_says_otherwise(asks):
    moving._readers[asks.fragments].movers = frozenset()
    assert asks(sd=9, n=2, t=0) == "id of stage"


def test_a_request_for_another_page_is_left_alone(asks):
    assert asks("", sd=9, n=2, t=0) == ""
    assert asks("id of a page before", sd=8, n=2, t=0) == "id of a page before"


def test_a_request_without_a_browser_is_left_alone():
    asked = []
    moving.narrowed(lambda *given: asked.append(given))("session", None)
    assert asked == [("session", None)]


@pytest.mark.parametrize(
    ("slug", "where", "names"),
    [
        ("complete_pooling", {"step": 5}, {"complete_pooling-4-sigma_alpha"}),
        ("how_sure_about_tau", {"step": 5}, {"how_sure_about_tau-4-scale"}),
        ("efficient_inference", {"step": 7}, set()),
        ("partial_pooling", {"step": 2}, set()),
        ("complete_pooling", {"step": 5, "more": True}, set()),
        ("complete_pooling", {"step": 5, "present": "true"}, {"complete_pooling-4-sigma_alpha"}),
        ("no_pooling", {"step": 3}, {"no_pooling-2-redraw"}),
    ],
)
def test_a_steps_control_moves_the_figure_alone_where_nothing_else_follows_it(
    slug, where, names, monkeypatch
):
    """Not where a control changes another, where something is asked, or open below."""
    told: list[set[str]] = []
    monkeypatch.setattr(moving, "movers", lambda keys: told.append(set(keys)))
    more = where.pop("more", False)
    at = open_page(slug, **where)
    if more:
        at.session_state[f"more-{slug}"] = "The model in full"
        at.run()
    assert told[-1] == names | {f"press-{name}" for name in names}
