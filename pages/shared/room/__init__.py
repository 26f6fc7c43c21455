"""The room: students answer from their phones what the stage asks.

A teacher opens a room and gets a short code. Phones are no Streamlit sessions: they ask
`ROUTES`, a few plain routes beside the app (`web`). What a room knows lies in one SQLite
file that several processes share (`store`). The stage draws itself and asks the same routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pages.shared.story import Question


def is_open() -> bool:
    """Whether this browser has a room open (in this session, or in one before it)."""
    return False


def open_room() -> None:
    """Open a room; does nothing where one is open. For a button's or a key's callback."""


def close_room() -> None:
    """Close the room: everything that it knows is forgotten."""


def on_stage(slug: str, step: int, questions: Sequence[Question], revealed: bool) -> None:
    """Draw the room on the stage, and tell the phones what is asked.

    Call it in every run of the stage, whether or not a room is open: without a room it
    draws nothing. It keeps itself up to date; nothing has to run again for it.

    Parameters
    ----------
    step : int
        From 0; -1 in free play.
    questions : sequence of Question
        What the stage shows now (one, or none), its answers in the order in which they
        are shown.
    revealed : bool
        The answer stands on the stage: the phones can't answer any more, and the tally is
        shown.
    """
