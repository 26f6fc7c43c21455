"""Decks: what a link holds, what a hostile one is told, and the three that come with the app."""

from __future__ import annotations

import base64
import json
import random
import string
import zlib
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st

from pages.shared import contents, decks
from pages.shared.decks import Deck, Picture
from tests.pages.kit import open_page, story_of, text

MINE = Deck(
    "Über <b>Schulen</b>",
    (
        decks.picture("http://lab/partial_pooling?step=3&handle=35", "Drag", "Slowly.\n“So.”", 4),
        decks.picture("/small_groups?free=true&n_groups=9"),
        decks.picture("/", "The beginning"),
    ),
)


def packed(what: object) -> str:
    raw = zlib.compress(json.dumps(what).encode())
    return "~" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_a_deck_comes_back_from_its_link_as_it_was():
    said = decks.pack(MINE)
    assert decks.unpack(said) == MINE
    assert set(said) <= set(
        "~-_" + "".join(map(chr, [*range(48, 58), *range(65, 91), *range(97, 123)]))
    )
    assert [p.address for p in MINE.pictures] == [
        "/partial_pooling?step=3&handle=35",
        "/small_groups?free=true&n_groups=9",
        "/",
    ]
    assert MINE.pictures[1].title == "Small groups, free play"


ROWS = [
    ["/", "a", "b"],
    ["/", "a", "b", "x"],
    ["/", "a", "b", float("inf")],
    ["/", None, "b", 1],
    [["/"], "a", "b", 1],
    ["/nowhere", "a", "b", 1],
    ["javascript:alert(1)", "a", "b", 1],
    ["http://[", "a", "b", 1],
    ["/small_groups?a=" + "x" * 900, "a", "b", 1],
]
GOOD = [["/", "a", "b", 1]]
DECKS = [[], {}, ["t", []], [1, GOOD], ["t", GOOD * 61], ["t" * 70_000, GOOD], ["t", GOOD, 1]]
HOSTILE = [
    *("", "~", "zzz", "~zzz", "~" + "A" * 5000, "../../etc/passwd", "\x00", "~é"),
    *map(packed, DECKS),
    *(packed(["t", [row]]) for row in ROWS),
    packed(json.loads("[" * 200 + "]" * 200)),
]


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_link_gets_one_sentence(said):
    with pytest.raises(ValueError, match=f"^{decks.UNREADABLE}$"):
        decks.unpack(said)


def test_a_link_that_swells_is_not_unfolded():
    said = json.dumps(["t", GOOD]).encode()
    assert decks.unpack("~" + base64.urlsafe_b64encode(zlib.compress(said)).decode()).title == "t"
    swollen = zlib.compress(said + b" " * decks.INFLATED)
    with pytest.raises(ValueError, match="cannot be read"):
        decks.unpack("~" + base64.urlsafe_b64encode(swollen).decode().rstrip("="))


def test_what_is_long_is_cut_or_refused_with_a_number():
    one = decks.picture("/small_groups", "t" * 900, "n" * 900, 9999)
    assert (len(one.title), len(one.note), one.minutes) == (80, 500, 240)
    letters = random.Random(1)
    notes = ["".join(letters.choices(string.ascii_letters, k=500)) for _ in range(60)]
    long = Deck("long", tuple(decks.picture("/", f"{k}", note) for k, note in enumerate(notes)))
    with pytest.raises(ValueError, match=r"at most 4,000"):
        decks.pack(long)


@pytest.mark.parametrize("address", ["/nowhere", "http://lab/decks", "x y", "/_stcore/health"])
def test_only_pages_of_the_app_are_pictures(address):
    with pytest.raises(ValueError, match="is no address of a lesson"):
        decks.picture(address)


def test_a_picture_keeps_nothing_of_the_screen_it_came_from():
    said = (
        "http://lab/small_groups?step=2&present=true&deck=fifty&picture=3&reveal=true&speaker=true"
    )
    assert decks.tidy(said) == "/small_groups?step=2&reveal=true"


def test_pictures_change_places():
    titles = [[p.title for p in decks.moved(MINE, at, by).pictures]
              for at, by in ((0, 1), (2, -1), (0, -1), (2, 1), (1, 0))]  # fmt: skip
    a, b, c = (p.title for p in MINE.pictures)
    assert titles == [[b, a, c], [a, c, b], [a, b, c], [a, b, c], [a, c]]


# Those that come with the app


def test_there_are_three_ready_ones_of_20_50_and_90_minutes():
    assert [(d.name, d.minutes) for d in decks.ready().values()] == [
        ("twenty", 20), ("fifty", 50), ("ninety", 90),
    ]  # fmt: skip
    for deck in decks.ready().values():
        assert all(p.minutes >= 1 and p.note and p.title for p in deck.pictures)


@pytest.mark.parametrize("name", ["twenty", "fifty", "ninety"])
def test_every_picture_of_a_ready_deck_is_there(name):
    for shown in decks.ready()[name].pictures:
        parts = urlsplit(shown.address)
        query = parse_qs(parts.query)
        assert set(query) == {"step"}
        step = int(query["step"][0])
        lesson = story_of(parts.path.strip("/"))
        assert 1 <= step <= len(lesson.steps)
        asks = lesson.steps[step - 1].ask is not None
        assert asks == (lesson.steps[step - 1].kind in ("predict", "check"))
        if "vote" in shown.note.casefold():
            assert asks, shown


# While it is presented


@pytest.fixture
def session(monkeypatch):
    state: dict = {
        "_kept": {},
        "_said": {},
        "_read": set(),
        "_here": set(),
        "_script": "",
        "_visit": 1,
    }
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "query_params", {})
    gone: list = []
    monkeypatch.setattr(
        st, "switch_page", lambda path, query_params: gone.append((path, query_params))
    )
    return state, gone


def test_the_next_picture_shows_its_address_and_nothing_that_was_set(session):
    state, gone = session
    state["_kept"] = {"present": True, "deck": "twenty", "picture": 1, "sigma_alpha": 9.0}
    decks.turn(1)
    decks.lead()
    ((path, query),) = gone
    assert path == "pages/next_year.py"
    assert query == {"step": "2", "present": "true", "deck": "twenty", "picture": "2"}
    assert state["_kept"] == {"present": True, "deck": "twenty", "picture": 2}
    assert decks.shown() == {
        "deck": "twenty", "at": 2, "of": 9, "next": decks.ready()["twenty"].pictures[2].title,
    }  # fmt: skip


@pytest.mark.parametrize(("at", "by"), [(1, -1), (9, 1)])
def test_a_deck_has_two_ends(session, at, by):
    state, gone = session
    state["_kept"] = {"present": True, "deck": "twenty", "picture": at}
    decks.turn(by)
    decks.lead()
    assert gone == []


def test_off_the_stage_there_is_no_deck(session):
    state, _ = session
    state["_kept"] = {"deck": "twenty", "picture": 3}
    assert decks.shown() is None


def test_a_deck_is_made_and_is_full_at_sixty(session):
    state, _ = session
    decks.add("http://lab/partial_pooling?step=3&present=true")
    decks.add("/elsewhere")
    assert [p.address for p in decks.draft().pictures] == ["/partial_pooling?step=3"]
    assert "is no address" in state["_added"]
    decks.keep(replace(decks.draft(), pictures=(Picture("/", "t"),) * decks.MOST))
    decks.add("/small_groups")
    assert len(decks.draft().pictures) == decks.MOST


# The page


def test_the_page_of_decks_shows_a_deck_that_was_sent_as_text():
    at = open_page("decks", deck=decks.pack(MINE))
    assert len(at.warning) == 0
    said = text(at)
    assert "<b>" not in said.replace("\\<b", "")
    assert [h.value for h in at.header][1:] == ["Ready to present", "Your own"]
    at.button(key="copy-sent").click().run()
    assert at.text_input(key="title-0").value == "Drag"
    assert at.text_area(key="note-0").value == "Slowly.\n“So.”"
    at.button(key="down-0").click().run()
    at.text_input(key="title-1").set_value("Pull").run()
    at.button(key="out-2").click().run()
    made = at.session_state["_draft"]
    assert [p.title for p in made.pictures] == ["Small groups, free play", "Pull"]
    assert decks.unpack(at.session_state["_said"]["draft"]) == made
    again = open_page("decks", draft=at.session_state["_said"]["draft"])
    assert again.text_input(key="title-1").value == "Pull"


def test_the_page_of_decks_says_once_what_is_wrong_with_a_link():
    at = open_page("decks", deck="~garbage")
    assert len(at.warning) == 1
    assert decks.UNREADABLE in at.warning[0].value


def test_the_teachers_pages_are_in_the_menu_and_no_lessons():
    assert {p.slug for p in contents.pages()} - {p.slug for p in contents.lessons()} == {
        "decks", "teaching",
    }  # fmt: skip
