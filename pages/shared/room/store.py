"""What the rooms know: one SQLite file that all processes of a machine share.

Nothing here is about a person. A phone is a random token of its own, kept as a digest; a
room is forgotten when it is closed, and after a day. Of a question only what the phones
show is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = "POOLING_LAB_ROOMS"
"""The environment variable that names the file."""

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0, 1, I, L and O, which look like each other."""
LENGTH = 6
DAY = 86_400.0
"""A room lives no longer (seconds)."""
HERE = 60.0
"""A phone that has not asked for so long has gone (seconds)."""
SWEEP = 600.0
"""How often old rooms are swept out where nobody asks (seconds)."""
STAMP = 20.0
"""How often it is written down that a phone is still there (seconds)."""

MOST_ROOMS = 100
MOST_PHONES = 1_000
MOST_ROUNDS = 50
LONGEST = 4_000
"""Characters of a question with its answers."""

GUESSES = (60.0, 0.1)
"""Wrong codes a process lets pass: so many at once, then so many a second."""
JOINS = (200.0, 20.0)
"""Phones that may join at once, then a second, in all rooms of a process."""
MOVES = (10.0, 1.0)
"""Answers and draws of one phone at once, then a second."""


class RoomError(Exception):
    """A request that is not granted; the sentence is for the person who asked."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


NOT_IN = "This phone is not in an open room."
NO_ROOM = "No open room has this code."


@dataclass(frozen=True, slots=True)
class Opened:
    """A new room.

    Attributes
    ----------
    code : str
        What students type.
    key : str
        The owner's: whoever has it may ask, reveal and close.
    """

    code: str
    key: str

    @property
    def link(self) -> str:
        """What the QR code carries besides: with it a code need not be guessed."""
        return link_of(self.key)


@dataclass(frozen=True, slots=True)
class Poll:
    """A question as the phones show it.

    Attributes
    ----------
    text : list of runs
        Pieces of plain text with their style, see `pages.shared.room.runs`.
    answers : list of lists of runs
        In the order in which the stage shows them.
    right : int
        Leaves the store only after it was revealed.
    """

    text: Sequence[Sequence[str]]
    answers: Sequence[Sequence[Sequence[str]]]
    right: int

    @property
    def name(self) -> str:
        """The same question with the same answers has the same name, wherever it is asked."""
        return hashlib.sha256(_json([self.text, self.answers]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Sort:
    """Items to put into bins, as the phones show them.

    Attributes
    ----------
    text : list of runs
    bins, items : list of lists of runs
    right : list of int
        The bin of each item; leaves the store only after it was revealed.
    """

    text: Sequence[Sequence[str]]
    bins: Sequence[Sequence[Sequence[str]]]
    items: Sequence[Sequence[Sequence[str]]]
    right: Sequence[int]

    @property
    def name(self) -> str:
        """The same items with the same bins have the same name, wherever they are asked."""
        told = _json([self.text, self.bins, self.items])
        return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Draw:
    """Everyone is a draw: which study, and how many times already."""

    study: str
    round: int


class Bucket:
    """Lets ``burst`` pass at once, and ``rate`` a second."""

    __slots__ = ("burst", "clock", "filled", "left", "rate")

    def __init__(self, burst: float, rate: float, clock: Callable[[], float] = time.monotonic):
        self.burst, self.rate, self.clock = burst, rate, clock
        self.left, self.filled = burst, clock()

    def take(self) -> bool:
        """Whether one more may pass."""
        now = self.clock()
        self.left = min(self.burst, self.left + (now - self.filled) * self.rate)
        self.filled = now
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def give_back(self) -> None:
        """What was taken did no harm."""
        self.left += 1


SCHEMA = """
CREATE TABLE IF NOT EXISTS rooms (
    code TEXT PRIMARY KEY, owner BLOB UNIQUE NOT NULL, link BLOB NOT NULL, opened REAL NOT NULL,
    salt INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1, moment TEXT NOT NULL DEFAULT 'null',
    joined INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS phones (
    code TEXT NOT NULL, phone BLOB NOT NULL, number INTEGER NOT NULL, seen REAL NOT NULL,
    PRIMARY KEY (code, phone)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    code TEXT NOT NULL, poll TEXT NOT NULL, phone BLOB NOT NULL, choice INTEGER NOT NULL,
    PRIMARY KEY (code, poll, phone)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revealed (
    code TEXT NOT NULL, poll TEXT NOT NULL, PRIMARY KEY (code, poll)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS draws (
    code TEXT NOT NULL, study TEXT NOT NULL, round INTEGER NOT NULL, phone BLOB NOT NULL,
    own REAL NOT NULL, pooled REAL NOT NULL, PRIMARY KEY (code, study, round, phone)
) WITHOUT ROWID;
"""
TABLES = ("answers", "revealed", "draws", "phones", "rooms")


class Rooms:
    """All open rooms.

    Parameters
    ----------
    path : Path
        The file; made where it is missing, readable by its owner alone.
    clock : function
        Seconds since 1970: several processes read the same.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self.clock = path, clock
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._reads, self._writes = self._connect(), self._connect()
        self._reading, self._writing = threading.Lock(), threading.Lock()
        with self._writing:
            self._writes.executescript(SCHEMA)
        self._guesses, self._joins = Bucket(*GUESSES), Bucket(*JOINS)
        self._moves: dict[bytes, Bucket] = {}
        self._stamped: dict[bytes, float] = {}
        self._swept = 0.0
        self._over = threading.Event()
        threading.Thread(target=self._keep_swept, name="rooms", daemon=True).start()
        self.sweep()

    def _connect(self) -> sqlite3.Connection:
        """Not safe against a power cut, which ends the lecture too; quick, and safe otherwise."""
        made = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("PRAGMA synchronous = OFF")
        made.execute("PRAGMA secure_delete = ON")
        return made

    def disconnect(self) -> None:
        """Let go of the file."""
        self._over.set()
        self._reads.close()
        self._writes.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._writing:
            self._writes.execute("BEGIN IMMEDIATE")
            try:
                yield self._writes
            except BaseException:
                self._writes.execute("ROLLBACK")
                raise
            self._writes.execute("COMMIT")

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        with self._reading:
            found: tuple[Any, ...] | None = self._reads.execute(query, values).fetchone()
        return found

    def _all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._reads.execute(query, values).fetchall()

    @property
    def _oldest(self) -> float:
        """Rooms opened before this are forgotten."""
        return self.clock() - DAY

    # The teacher's side

    def open(self) -> Opened:
        """Open a room.

        Raises
        ------
        RoomError
            Where too many rooms are open on this server.
        """
        self.sweep()
        made = Opened(new_code(), secrets.token_urlsafe(24))
        with self._change() as db:
            (count,) = db.execute("SELECT COUNT(*) FROM rooms").fetchone()
            if count >= MOST_ROOMS:
                raise RoomError("Too many rooms are open on this server. Try again later.", 503)
            db.execute(
                "INSERT INTO rooms (code, owner, link, opened, salt) VALUES (?, ?, ?, ?, ?)",
                (made.code, digest(made.key), digest(made.link), self.clock(),
                 secrets.randbelow(2**31)),
            )  # fmt: skip
        return made

    def mine(self, key: str) -> str | None:
        """The code of the open room that this key owns."""
        found = self._one(
            "SELECT code FROM rooms WHERE owner = ? AND opened > ?", digest(key), self._oldest
        )
        return None if found is None else str(found[0])

    def push(self, key: str, moment: Poll | Sort | Draw | None, *, revealed: bool = False) -> None:
        """Say what the phones show now; what was revealed once stays revealed."""
        text = _json(_stored(moment))
        if len(text) > LONGEST:
            text, revealed = "null", False
        with self._change() as db:
            found = db.execute(
                "SELECT code, moment FROM rooms WHERE owner = ? AND opened > ?",
                (digest(key), self._oldest),
            ).fetchone()
            if found is None:
                return
            code, before = found
            changed = text != before
            if revealed and isinstance(moment, Poll | Sort):
                changed |= db.execute(
                    "INSERT OR IGNORE INTO revealed VALUES (?, ?)", (code, moment.name)
                ).rowcount > 0  # fmt: skip
            if changed:
                db.execute(
                    "UPDATE rooms SET moment = ?, version = version + 1 WHERE code = ?",
                    (text, code),
                )

    def rounds(self, key: str, study: str) -> int:
        """How many times the room has drawn in this study, as far as any phone did."""
        found = self._one(
            "SELECT MAX(round) FROM draws JOIN rooms USING (code) WHERE owner = ? AND study = ?",
            digest(key), study,
        )  # fmt: skip
        return 0 if found is None or found[0] is None else int(found[0])

    def close(self, key: str) -> None:
        """Close the room and forget all that it knew."""
        with self._change() as db:
            found = db.execute("SELECT code FROM rooms WHERE owner = ?", (digest(key),)).fetchone()
            if found is not None:
                for table in TABLES:
                    db.execute(f"DELETE FROM {table} WHERE code = ?", found)
        self._forget_log()

    def sweep(self) -> None:
        """Forget the rooms that are older than a day; at most once a minute."""
        now = self.clock()
        if abs(now - self._swept) < 60:
            return
        self._swept = now
        old = self._all("SELECT code FROM rooms WHERE opened <= ?", self._oldest)
        if not old:
            return
        with self._change() as db:
            for table in TABLES:
                db.executemany(f"DELETE FROM {table} WHERE code = ?", old)
        self._forget_log()

    def _keep_swept(self) -> None:
        """Also where nobody asks any more."""
        while not self._over.wait(SWEEP):
            with suppress(sqlite3.Error):
                self.sweep()

    def _forget_log(self) -> None:
        """What was deleted is overwritten in the file; nor may it stay in the log."""
        with self._writing:
            self._writes.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # The phones' side

    def join(self, code: str, link: str | None = None) -> str:
        """A new phone's token.

        A wrong code is answered like a wrong link, and only so many are answered at all: whoever
        tries all codes for a day has tried one in a hundred thousand.

        Raises
        ------
        RoomError
            There is no such room, it is full, or too many wrong codes came.
        """
        self.sweep()
        code = normal(code)
        if not (self._linked(code, link) if link else self._guessed(code)):
            raise RoomError(NO_ROOM, 404)
        if not self._joins.take():
            raise RoomError("Many phones are joining. Try again in a moment.", 429)
        return self._join(code)

    def _linked(self, code: str, link: str) -> bool:
        query = "SELECT 1 FROM rooms WHERE code = ? AND link = ? AND opened > ?"
        return self._one(query, code, digest(link), self._oldest) is not None

    def _guessed(self, code: str) -> bool:
        if not self._guesses.take():
            raise RoomError(
                "Too many wrong codes came in. Scan the picture, or wait a minute.", 429
            )
        right = self._one("SELECT 1 FROM rooms WHERE code = ? AND opened > ?", code, self._oldest)
        if right is not None:
            self._guesses.give_back()
        return right is not None

    def _join(self, code: str) -> str:
        token = secrets.token_urlsafe(16)
        now = self.clock()
        with self._change() as db:
            (count,) = db.execute("SELECT COUNT(*) FROM phones WHERE code = ?", (code,)).fetchone()
            if count >= MOST_PHONES:
                count -= db.execute(
                    "DELETE FROM phones WHERE code = ?1 AND seen < ?2 AND NOT EXISTS "
                    "(SELECT 1 FROM answers a WHERE a.code = ?1 AND a.phone = phones.phone)",
                    (code, now - 2 * HERE),
                ).rowcount
            if count >= MOST_PHONES:
                raise RoomError("This room is full.", 503)
            db.execute("UPDATE rooms SET joined = joined + 1 WHERE code = ?", (code,))
            number = db.execute("SELECT joined FROM rooms WHERE code = ?", (code,)).fetchone()
            if number is None:
                raise RoomError(NO_ROOM, 404)
            db.execute(
                "INSERT INTO phones VALUES (?, ?, ?, ?)", (code, digest(token), number[0], now)
            )
        return token

    def state(self, code: str, token: str, known: int = 0) -> dict[str, Any]:
        """What a phone shows; only the version, where that is the one it knows.

        Raises
        ------
        RoomError
            This phone is not in that room. Room and phone are not told apart: whoever guesses
            codes learns nothing here.
        """
        code, phone = normal(code), digest(token)
        found = self._one(
            "SELECT version, moment, seen FROM phones JOIN rooms USING (code) "
            "WHERE code = ? AND phone = ? AND opened > ?",
            code, phone, self._oldest,
        )  # fmt: skip
        if found is None:
            raise RoomError(NOT_IN, 404)
        version, text, seen = found
        self._still_here(code, phone, seen)
        if version == known:
            return {"version": version}
        moment = json.loads(text)
        state: dict[str, Any] = {"version": version, "kind": "wait"}
        if moment is not None and moment["kind"] in ASKS:
            state |= self._asked(code, moment)
            mine = [self._choice(code, part, phone) for part in _parts(moment)]
            state["mine"] = mine[0] if moment["kind"] == "poll" else mine
        elif moment is not None:
            state |= {key: moment[key] for key in ("kind", "study", "round")}
            state["mine"] = self.drawn(code, token, moment["study"], moment["round"])
        return state

    def _still_here(self, code: str, phone: bytes, seen: float) -> None:
        """Write down now and then that a phone is there."""
        now = self.clock()
        if now - max(seen, self._stamped.get(phone, 0.0)) < STAMP:
            return
        if len(self._stamped) > 4 * MOST_PHONES:
            self._stamped.clear()
        self._stamped[phone] = now
        with self._change() as db:
            db.execute(
                "UPDATE phones SET seen = ? WHERE code = ? AND phone = ?", (now, code, phone)
            )

    def _asked(self, code: str, moment: dict[str, Any]) -> dict[str, Any]:
        """The question, with what is right and the tally only once they were revealed."""
        name, parts = moment["name"], _parts(moment)
        shown = self._one("SELECT 1 FROM revealed WHERE code = ? AND poll = ?", code, name)
        tallies = [self._tally(code, part, many) for part, many in parts.items()]
        asked = {key: moment[key] for key in ASKS[moment["kind"]]}
        return asked | {
            "answered": self._complete(code, list(parts)),
            "revealed": shown is not None,
            "right": moment["right"] if shown else None,
            "tally": (tallies if moment["kind"] == "sort" else tallies[0]) if shown else None,
        }

    def _tally(self, code: str, part: str, many: int) -> list[int]:
        counts = dict(
            self._all(
                "SELECT choice, COUNT(*) FROM answers WHERE code = ? AND poll = ? GROUP BY choice",
                code, part,
            )
        )  # fmt: skip
        return [int(counts.get(k, 0)) for k in range(many)]

    def _complete(self, code: str, parts: list[str]) -> int:
        """How many phones have answered all of it."""
        found = self._one(
            "SELECT COUNT(*) FROM (SELECT 1 FROM answers WHERE code = ? AND poll IN "
            f"({', '.join('?' * len(parts))}) GROUP BY phone HAVING COUNT(*) = ?)",
            code, *parts, len(parts),
        )  # fmt: skip
        return 0 if found is None else int(found[0])

    def _choice(self, code: str, poll: str, phone: bytes) -> int | None:
        found = self._one(
            "SELECT choice FROM answers WHERE code = ? AND poll = ? AND phone = ?",
            code, poll, phone,
        )  # fmt: skip
        return None if found is None else int(found[0])

    def answer(self, code: str, token: str, poll: str, choice: int) -> None:
        """Give or change the answer of a phone.

        Parameters
        ----------
        poll : str
            The name of the question; of an item to sort, with a point and its number.

        Raises
        ------
        RoomError
            Not in the room, not the question of the moment, no such answer, already revealed,
            or too fast.
        """
        code, phone = normal(code), digest(token)
        with self._change() as db:
            moment = self._moment_of(db, code, phone)
            self._not_too_fast(phone)
            parts = _parts(moment)
            if moment is None or poll not in parts:
                raise RoomError("The stage has gone on: this question is over.", 409)
            if not 0 <= choice < parts[poll]:
                raise RoomError("There is no such answer.")
            over = db.execute(
                "SELECT 1 FROM revealed WHERE code = ? AND poll = ?", (code, moment["name"])
            )
            if over.fetchone():
                raise RoomError("The answer has been shown: this question is over.", 409)
            db.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?) "
                "ON CONFLICT (code, poll, phone) DO UPDATE SET choice = excluded.choice",
                (code, poll, phone, choice),
            )

    def _moment_of(self, db: sqlite3.Connection, code: str, phone: bytes) -> dict[str, Any] | None:
        found = db.execute(
            "SELECT moment FROM phones JOIN rooms USING (code) "
            "WHERE code = ? AND phone = ? AND opened > ?",
            (code, phone, self._oldest),
        ).fetchone()
        if found is None:
            raise RoomError(NOT_IN, 404)
        moment: dict[str, Any] | None = json.loads(found[0])
        return moment

    def _not_too_fast(self, phone: bytes) -> None:
        if len(self._moves) > 4 * MOST_PHONES:
            self._moves.clear()
        if not self._moves.setdefault(phone, Bucket(*MOVES)).take():
            raise RoomError("Too fast. Wait a moment.", 429)

    def turn(self, code: str, token: str) -> tuple[str, int, int]:
        """A phone's turn to draw: the study, the round, and the phone's own seed.

        Raises
        ------
        RoomError
            Not in the room, or nothing is to be drawn.
        """
        code, phone = normal(code), digest(token)
        found = self._one(
            "SELECT moment, salt, number FROM phones JOIN rooms USING (code) "
            "WHERE code = ? AND phone = ? AND opened > ?",
            code, phone, self._oldest,
        )  # fmt: skip
        if found is None:
            raise RoomError(NOT_IN, 404)
        self._not_too_fast(phone)
        moment, salt, number = json.loads(found[0]), found[1], found[2]
        if moment is None or moment["kind"] != "draw":
            raise RoomError("The stage has gone on: nothing is drawn now.", 409)
        return moment["study"], moment["round"], seed(salt, number, moment["round"])

    def put(
        self, code: str, token: str, study: str, round_: int, values: tuple[float, float]
    ) -> None:
        """Keep a phone's draw; the first of a round counts."""
        code, phone = normal(code), digest(token)
        with self._change() as db:
            if self._moment_of(db, code, phone) is not None:
                db.execute(
                    "INSERT OR IGNORE INTO draws VALUES (?, ?, ?, ?, ?, ?)",
                    (code, study, round_, phone, *values),
                )

    def drawn(self, code: str, token: str, study: str, round_: int) -> list[float] | None:
        """What a phone has drawn in this round."""
        found = self._one(
            "SELECT own, pooled FROM draws WHERE code = ? AND study = ? AND round = ? AND phone = ?",
            normal(code), study, round_, digest(token),
        )  # fmt: skip
        return None if found is None else [float(v) for v in found]

    # What the stage shows

    def stage(self, key: str) -> dict[str, Any] | None:
        """What the stage draws, or None where this key owns no open room.

        Who is here, the question of the moment with how many have answered, and its tally once
        revealed; of draws the values of all rounds.
        """
        found = self._one(
            "SELECT code, moment FROM rooms WHERE owner = ? AND opened > ?",
            digest(key), self._oldest,
        )  # fmt: skip
        if found is None:
            return None
        code, moment = found[0], json.loads(found[1])
        here = self._one(
            "SELECT COUNT(*) FROM phones WHERE code = ? AND seen > ?", code, self.clock() - HERE
        )
        state: dict[str, Any] = {"kind": "wait", "phones": here[0] if here else 0}
        if moment is not None and moment["kind"] in ASKS:
            state |= self._asked(code, moment)
        elif moment is not None:
            state |= {key: moment[key] for key in ("kind", "study", "round")}
            values = self._all(
                "SELECT own, pooled, round FROM draws WHERE code = ? AND study = ?",
                code, moment["study"],
            )  # fmt: skip
            state["answered"] = sum(r == moment["round"] for *_, r in values)
            state["values"] = [[own, pooled] for own, pooled, _ in values]
        return state


ASKS = {
    "poll": ("kind", "name", "text", "answers"),
    "sort": ("kind", "name", "text", "bins", "items"),
}
"""What phones are told of a question, by its kind."""


def _parts(moment: dict[str, Any] | None) -> dict[str, int]:
    """What can be answered now, by name, each with how many answers it has."""
    if moment is None or moment["kind"] not in ASKS:
        return {}
    if moment["kind"] == "poll":
        return {moment["name"]: len(moment["answers"])}
    return {f"{moment['name']}.{k}": len(moment["bins"]) for k in range(len(moment["items"]))}


def _stored(moment: Poll | Sort | Draw | None) -> dict[str, Any] | None:
    if isinstance(moment, Poll):
        return {
            "kind": "poll", "name": moment.name, "text": moment.text,
            "answers": moment.answers, "right": moment.right,
        }  # fmt: skip
    if isinstance(moment, Sort):
        return {
            "kind": "sort", "name": moment.name, "text": moment.text,
            "bins": moment.bins, "items": moment.items, "right": moment.right,
        }  # fmt: skip
    if isinstance(moment, Draw):
        return {
            "kind": "draw",
            "study": moment.study,
            "round": min(max(moment.round, 1), MOST_ROUNDS),
        }
    return None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def new_code() -> str:
    """Six characters: 31 to the sixth, 887,503,681 codes.

    >>> len(new_code())
    6
    """
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def normal(code: str) -> str:
    """A code as it was meant: small letters and blanks are forgiven.

    >>> normal(" k7m 4qp ")
    'K7M4QP'
    """
    return "".join(code.split()).replace("-", "").upper()[: LENGTH + 1]


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()[:16]


def link_of(key: str) -> str:
    """The link of a room, from its owner's key: whoever has the key can show it again."""
    return hashlib.sha256(f"link {key}".encode()).hexdigest()[:16]


def seed(salt: int, number: int, round_: int) -> int:
    """The seed of a phone's draw: its own, and none of any other room's.

    >>> seed(1, 1, 1) != seed(1, 2, 1) != seed(1, 1, 2) != seed(2, 1, 1)
    True
    """
    drawn = hashlib.sha256(f"{salt} {number} {round_}".encode()).digest()
    return int.from_bytes(drawn[:6], "big")


def default_path() -> Path:
    """Where the rooms are: as the environment says, else in this user's temporary folder.

    Raises
    ------
    OSError
        Where that folder belongs to somebody else.
    """
    named = os.environ.get(PATH)
    if named:
        return Path(named)
    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"pooling-lab-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    mine = not hasattr(os, "getuid") or about.st_uid == os.getuid()
    if not stat.S_ISDIR(about.st_mode) or not mine:
        raise OSError(f"{folder} belongs to somebody else.")
    return folder / "rooms.sqlite"


_rooms: Rooms | None = None
_making = threading.Lock()


def rooms() -> Rooms:
    """The rooms of this server, connected once a process."""
    global _rooms
    with _making:
        if _rooms is None:
            _rooms = Rooms(default_path())
        return _rooms
