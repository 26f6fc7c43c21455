"""Decks: pictures in an order, presented one after the other, shared as one link.

A picture is an address of the app, with a title and a note for the speaker. A deck has no
place on the server: the link is the deck. Three come with the app (the files beside this one).
"""

from __future__ import annotations

import base64
import json
import tomllib
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

from pages.shared import contents, settings, stage
from pages.shared.links import STAYS
from pages.shared.words import plain

MOST = 60
"""Pictures of a deck."""
LONGEST = {"title": 80, "note": 500, "address": 300}
LINK, INFLATED = 4000, 60_000
"""Characters of a deck in a link, and bytes of what it unfolds to."""
UNREADABLE = "The deck in it cannot be read: it was cut, or is not from here"
HOME = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: where, what it is called, what the speaker wants to say."""

    address: str
    title: str
    note: str = ""
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Deck:
    """Pictures in their order; ``name`` is that of a ready one."""

    title: str
    pictures: tuple[Picture, ...] = ()
    name: str = ""

    @property
    def minutes(self) -> int:
        """How long it takes, where its pictures say it."""
        return sum(picture.minutes for picture in self.pictures)


# Addresses


def place(address: str) -> tuple[str, dict[str, str]]:
    """The page and the settings of an address of the app.

    Raises
    ------
    ValueError
        With a sentence, where it is no address of the app.

    Examples
    --------
    >>> place("https://lab.example/small_groups?step=2&present=true")
    ('pages/small_groups.py', {'step': '2'})
    """
    slug, query = _parts(address)
    path = "pages/start.py" if slug == "" else contents.lesson(slug).path
    return path, query


def _parts(address: str) -> tuple[str, dict[str, str]]:
    try:
        parts = urlsplit(address.strip()[: LONGEST["address"] + 200])
    except ValueError:
        parts = urlsplit("http://-/-")
    slug = parts.path.rstrip("/").rsplit("/", 1)[-1]
    query = {
        k: v
        for k, v in parse_qsl(parts.query, keep_blank_values=True)
        if k not in STAYS[:1] + STAYS[2:]
    }
    known = {"", *(page.slug for page in contents.lessons())}
    if slug not in known or len(urlencode(query)) > LONGEST["address"]:
        raise ValueError(f"“{plain(address[:60])}” is no address of a lesson.")
    return slug, query


def tidy(address: str) -> str:
    """An address as a deck keeps it.

    >>> tidy("http://localhost:8501/small_groups?step=2&present=true ")
    '/small_groups?step=2'
    """
    slug, query = _parts(address)
    return f"/{slug}{'?' if query else ''}{urlencode(query)}"


def called(address: str) -> str:
    """A title for a picture that has none: its lesson, its step."""
    slug, query = _parts(address)
    name = "Start" if slug == "" else contents.lesson(slug).name
    if "step" in query:
        return f"{name}, step {query['step']}"[: LONGEST["title"]]
    return f"{name}, free play" if query.get("free") == "true" else name


def picture(address: str, title: str = "", note: str = "", minutes: int = 0) -> Picture:
    """A picture of these, shortened to what a deck keeps."""
    kept = tidy(address)
    return Picture(
        kept,
        _line(title)[: LONGEST["title"]] or called(kept),
        str(note)[: LONGEST["note"]],
        min(max(int(minutes), 0), 240),
    )


def _line(text: str) -> str:
    return " ".join(str(text).split())


# The link


def pack(deck: Deck) -> str:
    """The deck as it stands in a link; a ready one is its name.

    Raises
    ------
    ValueError
        With a sentence, where it is too long for a link.
    """
    if deck.name:
        return deck.name
    rows = [[p.address, p.title, p.note, p.minutes] for p in deck.pictures]
    text = json.dumps([deck.title, rows], ensure_ascii=False, separators=(",", ":"))
    packed = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    if len(packed) > LINK:
        raise ValueError(
            f"This deck is too long for a link ({len(packed):,} characters, at most {LINK:,}). Shorten the notes."
        )
    return f"~{packed}"


def unpack(said: str) -> Deck:
    """The deck of a link.

    Raises
    ------
    ValueError
        With one sentence, whatever is wrong with it.
    """
    if said in ready():
        return ready()[said]
    try:
        if not said.startswith("~") or len(said) > LINK + 1:
            raise ValueError(UNREADABLE)
        raw = base64.b64decode(said[1:] + "=" * (-len(said[1:]) % 4), altchars=b"-_", validate=True)
        inflate = zlib.decompressobj()
        text = inflate.decompress(raw, INFLATED)
        if not inflate.eof:
            raise ValueError(UNREADABLE)
        title, rows = json.loads(text)
        return _made(title, rows)
    except (ValueError, TypeError, KeyError, zlib.error, OverflowError, RecursionError):
        raise ValueError(UNREADABLE) from None


def _made(title: Any, rows: Any) -> Deck:
    if not isinstance(title, str) or not isinstance(rows, list) or not 1 <= len(rows) <= MOST:
        raise ValueError(UNREADABLE)
    pictures = []
    for address, name, note, minutes in rows:
        if not (isinstance(address, str) and isinstance(name, str) and isinstance(note, str)):
            raise ValueError(UNREADABLE)
        pictures.append(picture(address, name, note, minutes))
    return Deck(_line(title)[: LONGEST["title"]], tuple(pictures))


# Those that come with the app


@cache
def ready() -> dict[str, Deck]:
    """The ready decks by name, the shortest first."""
    found = []
    for path in HOME.glob("*.toml"):
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        pictures = tuple(picture(**row) for row in said["picture"])
        found.append(Deck(said["title"], pictures, path.stem))
    return {deck.name: deck for deck in sorted(found, key=lambda deck: deck.minutes)}


# While it is presented


def shown() -> dict[str, Any] | None:
    """The deck that is on the stage: what it is, where it stands, what comes next."""
    said = settings.held("deck", "", known) if stage.on() else ""
    if not said:
        return None
    deck = unpack(said)
    at = settings.held("picture", 1, _number, lambda k: 1 <= k <= len(deck.pictures))
    settings.say("picture", at)
    following = deck.pictures[at].title if at < len(deck.pictures) else ""
    return {"deck": said, "at": at, "of": len(deck.pictures), "next": following}


def known(said: str) -> str:
    """A deck from a link, as it stands there; raises ValueError with a sentence."""
    unpack(said)
    return said


def _number(said: str) -> int:
    return int(settings.number_between(1, MOST, "Picture", whole=True)(said))


def present(said: str, at: int = 1) -> None:
    """Callback: put a picture of a deck on the stage, on the next run."""
    st.session_state["_lead"] = (said, at)


def turn(by: int) -> None:
    """Callback: the next picture of the deck, or the one before."""
    here = shown()
    if here is not None and 1 <= here["at"] + by <= here["of"]:
        present(here["deck"], here["at"] + by)


def lead() -> None:
    """Go to the picture that a callback asked for, if one did: nothing else stays set."""
    asked = st.session_state.pop("_lead", None)
    if asked is None:
        return
    said, at = asked
    path, query = place(unpack(said).pictures[at - 1].address)
    st.session_state["_kept"] = {"present": True, "deck": said, "picture": at}
    st.session_state["_script"] = None  # a new visit, also of the same page
    st.session_state["_place"] = None
    more = {"present": "true", "deck": said, "picture": str(at)}
    st.switch_page(path, query_params={**query, **more})


# While it is made


def draft() -> Deck:
    """The deck that is being made in this session."""
    made: Deck = st.session_state.setdefault("_draft", Deck("My deck"))
    return made


def keep(deck: Deck) -> None:
    """Keep what was made."""
    st.session_state["_draft"] = replace(deck, name="")


def add(address: str) -> None:
    """Callback: put a picture at the end of the deck that is being made."""
    deck = draft()
    try:
        if len(deck.pictures) >= MOST:
            raise ValueError(f"A deck has at most {MOST} pictures.")
        keep(replace(deck, pictures=(*deck.pictures, picture(address))))
        st.session_state["_added"] = f"Picture {len(deck.pictures) + 1} of your deck."
    except ValueError as problem:
        st.session_state["_added"] = str(problem)


def moved(deck: Deck, at: int, by: int) -> Deck:
    """The deck with one picture in another place; ``by`` 0 takes it out."""
    pictures = list(deck.pictures)
    one = pictures.pop(at)
    if by:
        pictures.insert(min(max(at + by, 0), len(pictures)), one)
    return replace(deck, pictures=tuple(pictures))
