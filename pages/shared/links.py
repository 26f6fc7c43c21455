"""Links to a page as it stands: as a question, or as an answer; and the QR code of a link."""

from __future__ import annotations

import io
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import segno

REVEAL = "reveal"
STAYS = ("present", REVEAL, "deck", "picture", "speaker", "room")
"""What belongs to one screen and goes into no link."""
GIVES_AWAY = ("handle", "truth", "later")
"""What may answer a question: left out of a link that asks it."""
LONGEST = 2900
"""Characters of an address that a QR code can carry."""
HERE_ONLY = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")


def bare(address: str, *, question: bool = False) -> str:
    """An address without what belongs to one screen; as a question, without answers.

    >>> bare("http://lab/small_groups?step=2&present=true&handle=9", question=True)
    'http://lab/small_groups?step=2'
    """
    parts = urlsplit(address)
    gone = {*STAYS, *(GIVES_AWAY if question else ())}
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in gone]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), ""))


def revealed(address: str) -> str:
    """The address of the answer.

    >>> revealed("http://lab/small_groups?step=2&present=true")
    'http://lab/small_groups?step=2&reveal=true'
    """
    plain = bare(address)
    return f"{plain}{'&' if '?' in plain else '?'}{REVEAL}=true"


def page(address: str, slug: str) -> str:
    """The address of another page of the app.

    >>> page("http://lab/app/small_groups?step=2", "decks")
    'http://lab/app/decks'
    """
    parts = urlsplit(address)
    return urlunsplit(
        (parts.scheme, parts.netloc, f"{parts.path.rpartition('/')[0]}/{slug}", "", "")
    )


def to_copy(address: str, *, asks: bool) -> list[dict[str, str]]:
    """The links that a reader can copy: name, address, QR code, and a word of warning.

    Parameters
    ----------
    asks : bool
        The page stands at a question: then there are two, one without the answer.
    """
    if urlsplit(address).scheme not in ("http", "https"):
        return []
    named = {"Link to this picture": bare(address)}
    if asks:
        named = {"As a question": bare(address, question=True), "As an answer": revealed(address)}
    return made(named)


def made(named: dict[str, str]) -> list[dict[str, str]]:
    """Links by their names, each with its code."""
    return [
        {"name": name, "link": link, "code": code(link), "warning": warning(link)}
        for name, link in named.items()
    ]


def warning(link: str) -> str:
    """Why a phone may not open it.

    >>> warning("http://localhost:8501/next_year")
    'This address opens on this computer only.'
    """
    host = urlsplit(link).netloc.rsplit("@", 1)[-1]
    here = any(host == name or host.startswith(f"{name}:") for name in HERE_ONLY)
    return "This address opens on this computer only." if here else ""


def code(link: str) -> str:
    """The QR code of a link as an SVG, black on white in any theme; none where it is too long."""
    if len(link) > LONGEST:
        return ""
    drawn = io.BytesIO()
    segno.make(link, error="m" if len(link) < 300 else "l", micro=False).save(
        drawn, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, svgns=True,
        omitsize=True, title="QR code",
    )  # fmt: skip
    return drawn.getvalue().decode()
