"""The store of rooms: what it keeps, for whom, for how long, and what it refuses."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pages.shared.room import store
from pages.shared.room.runs import runs
from pages.shared.room.store import ALPHABET, Draw, Poll, RoomError, Rooms, Sort, normal

ROOT = Path(__file__).resolve().parents[2]
QUESTION = Poll([("Nearer to $?", "")], [[("own", "")], [("common", "")], [("between", "")]], 1)
OTHER = Poll([("And now?", "")], [[("yes", "")], [("no", "")]], 0)


ITEMS = Sort(
    [("What?", "")], [[("data", "")], [("guess", "")]], [[("x", "i")], [("y", "i")]], [0, 1]
)


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rooms(tmp_path, clock):
    made = Rooms(tmp_path / "rooms.sqlite", clock)
    yield made
    made.disconnect()


@pytest.fixture
def room(rooms):
    return rooms.open()


def refused(sentence: str):
    return pytest.raises(RoomError, match=sentence)


def test_a_code_is_six_characters_that_do_not_look_alike(rooms):
    codes = {rooms.open().code for _ in range(50)}
    assert len(codes) == 50
    assert all(re.fullmatch(f"[{ALPHABET}]{{6}}", code) for code in codes)
    assert not set("01IOL") & set(ALPHABET)
    assert len(set(ALPHABET)) ** store.LENGTH == 887_503_681


def test_a_day_of_guessing_finds_nothing(rooms, room):
    """Counted as documented: what one process answers in a day, against all codes."""
    clock = Clock()
    guesses = store.Bucket(*store.GUESSES, clock)
    passed = 0
    for _ in range(86_400):
        clock.now += 1
        passed += sum(guesses.take() for _ in range(3))
    assert 8_600 < passed <= 8_700
    assert passed / len(set(ALPHABET)) ** store.LENGTH < 1e-5


def test_wrong_codes_run_dry_and_the_picture_still_lets_in(rooms, room):
    for _ in range(int(store.GUESSES[0])):
        with refused("No open room"):
            rooms.join("222222")
    with refused("Too many wrong codes"):
        rooms.join("222222")
    with refused("Too many wrong codes"):
        rooms.join(room.code)
    with refused("No open room"):
        rooms.join(room.code, "a guessed link")
    assert rooms.join(room.code, room.link)


def test_right_codes_do_not_use_up_the_guesses(rooms, room):
    for _ in range(2 * int(store.GUESSES[0])):
        rooms.join(room.code)


def test_a_code_is_read_as_it_was_meant(rooms, room):
    spaced = f" {room.code[:3].lower()}-{room.code[3:]} "
    assert normal(spaced) == room.code
    token = rooms.join(spaced)
    assert rooms.state(spaced, token)["kind"] == "wait"


def test_a_phone_sees_the_question_and_not_what_is_right(rooms, room):
    token = rooms.join(room.code)
    rooms.push(room.key, QUESTION)
    rooms.answer(room.code, token, QUESTION.name, 1)
    state = rooms.state(room.code, token)
    assert [a[0][0] for a in state["answers"]] == ["own", "common", "between"]
    assert state["mine"] == 1
    assert state["right"] is state["tally"] is None
    stage = rooms.stage(room.key)
    assert stage["right"] is stage["tally"] is None
    assert (stage["answered"], stage["phones"]) == (1, 1)


def test_an_answer_may_change_until_it_is_revealed_and_counts_once(rooms, room):
    phones = [rooms.join(room.code) for _ in range(3)]
    rooms.push(room.key, QUESTION)
    for token, choices in zip(phones, ([0, 1], [1], [2, 0, 2]), strict=True):
        for choice in choices:
            rooms.answer(room.code, token, QUESTION.name, choice)
    rooms.push(room.key, QUESTION, revealed=True)
    state = rooms.state(room.code, phones[0])
    assert state["tally"] == [0, 2, 1]
    assert (state["right"], state["mine"], state["answered"]) == (1, 1, 3)
    with refused("has been shown"):
        rooms.answer(room.code, phones[0], QUESTION.name, 0)


def test_what_was_revealed_stays_so_and_answers_are_kept_from_step_to_step(rooms, room):
    token = rooms.join(room.code)
    rooms.push(room.key, QUESTION)
    rooms.answer(room.code, token, QUESTION.name, 2)
    rooms.push(room.key, QUESTION, revealed=True)
    rooms.push(room.key, OTHER)
    assert rooms.state(room.code, token)["mine"] is None
    with refused("gone on"):
        rooms.answer(room.code, token, QUESTION.name, 1)
    rooms.push(room.key, QUESTION)  # the teacher goes back, or loads the page again
    state = rooms.state(room.code, token)
    assert (state["mine"], state["revealed"], state["tally"]) == (2, True, [0, 0, 1])


def test_a_phone_that_knows_the_version_is_told_nothing_more(rooms, room):
    token = rooms.join(room.code)
    rooms.push(room.key, QUESTION)
    version = rooms.state(room.code, token)["version"]
    rooms.push(room.key, QUESTION)
    assert rooms.state(room.code, token, version) == {"version": version}
    rooms.push(room.key, QUESTION, revealed=True)
    assert rooms.state(room.code, token, version)["revealed"]


def test_items_are_sorted_one_by_one_and_told_when_they_are_revealed(rooms, room):
    phones = [rooms.join(room.code) for _ in range(3)]
    rooms.push(room.key, ITEMS)
    first, second = f"{ITEMS.name}.0", f"{ITEMS.name}.1"
    rooms.answer(room.code, phones[0], first, 1)
    rooms.answer(room.code, phones[0], first, 0)
    rooms.answer(room.code, phones[0], second, 1)
    rooms.answer(room.code, phones[1], second, 0)
    state = rooms.state(room.code, phones[0])
    assert (state["kind"], state["mine"]) == ("sort", [0, 1])
    assert (state["items"], state["bins"]) == (
        [[["x", "i"]], [["y", "i"]]],
        [[["data", ""]], [["guess", ""]]],
    )
    assert rooms.state(room.code, phones[1])["mine"] == [None, 0]
    assert state["right"] is state["tally"] is None
    assert rooms.stage(room.key)["answered"] == 1  # the other has sorted one of two
    for part in (ITEMS.name, f"{ITEMS.name}.2", f"{OTHER.name}.0"):
        with refused("gone on"):
            rooms.answer(room.code, phones[2], part, 0)
    with refused("no such answer"):
        rooms.answer(room.code, phones[2], first, 2)
    rooms.push(room.key, ITEMS, revealed=True)
    state = rooms.state(room.code, phones[2])
    assert (state["right"], state["tally"], state["mine"]) == (
        [0, 1],
        [[1, 0], [1, 1]],
        [None, None],
    )
    with refused("has been shown"):
        rooms.answer(room.code, phones[2], first, 0)


@pytest.mark.parametrize("choice", [-1, 3, 10**30])
def test_no_other_answers(rooms, room, choice):
    token = rooms.join(room.code)
    rooms.push(room.key, QUESTION)
    with refused("no such answer"):
        rooms.answer(room.code, token, QUESTION.name, choice)
    assert rooms.stage(room.key)["answered"] == 0


def test_strangers_learn_and_change_nothing(rooms, room):
    rooms.push(room.key, QUESTION)
    elsewhere = rooms.open()
    stranger = rooms.join(elsewhere.code)
    said = set()
    for code, token in ((room.code, stranger), (room.code, ""), ("222222", stranger)):
        for call in (
            lambda c, t: rooms.state(c, t),
            lambda c, t: rooms.answer(c, t, QUESTION.name, 0),
            lambda c, t: rooms.turn(c, t),
        ):
            with pytest.raises(RoomError) as reason:
                call(code, token)
            said.add((str(reason.value), reason.value.status))
    assert said == {(store.NOT_IN, 404)}  # nothing tells a wrong code from a wrong phone
    for key in ("", room.code, room.link, elsewhere.key):
        rooms.push(key, OTHER)
        rooms.close(key)
    assert rooms.stage(room.key)["name"] == QUESTION.name
    assert rooms.stage("") is None


def test_a_phone_that_answers_too_fast_waits(rooms, room):
    token, calm = rooms.join(room.code), rooms.join(room.code)
    rooms.push(room.key, QUESTION)
    with refused("Too fast"):
        for k in range(50):
            rooms.answer(room.code, token, QUESTION.name, k % 3)
    rooms.answer(room.code, calm, QUESTION.name, 0)


def test_a_room_holds_only_so_many_and_makes_room_of_those_who_left(
    rooms, room, clock, monkeypatch
):
    monkeypatch.setattr(store, "MOST_PHONES", 3)
    first = rooms.join(room.code)
    rooms.push(room.key, QUESTION)
    rooms.answer(room.code, first, QUESTION.name, 0)
    rooms.join(room.code)
    stays = rooms.join(room.code)
    with refused("full"):
        rooms.join(room.code)
    clock.now += 3 * store.HERE
    rooms.state(room.code, stays)
    rooms.join(room.code)  # in the place of the one who left without an answer
    with refused("full"):
        rooms.join(room.code)
    assert rooms.stage(room.key)["answered"] == 1
    assert rooms.state(room.code, first)["mine"] == 0


def test_only_who_asks_now_and_then_is_here(rooms, room, clock):
    token = rooms.join(room.code)
    rooms.join(room.code)
    for _ in range(5):
        clock.now += 25
        rooms.state(room.code, token)
    assert rooms.stage(room.key)["phones"] == 1


def test_rooms_are_not_without_number(rooms, monkeypatch):
    monkeypatch.setattr(store, "MOST_ROOMS", 2)
    rooms.open()
    rooms.open()
    with refused("Too many rooms"):
        rooms.open()


def test_what_is_too_long_is_not_asked(rooms, room):
    token = rooms.join(room.code)
    rooms.push(room.key, Poll([("x" * store.LONGEST, "")], [[("a", "")]], 0))
    assert rooms.state(room.code, token)["kind"] == "wait"


def left(rooms: Rooms) -> dict[str, int]:
    return {
        table: rooms._one(f"SELECT COUNT(*) FROM {table}")[0]
        for table in store.TABLES
        if rooms._one(f"SELECT COUNT(*) FROM {table}")[0]
    }


def full(rooms: Rooms):
    """A room that knows something of every kind."""
    room = rooms.open()
    token = rooms.join(room.code)
    rooms.push(room.key, QUESTION)
    rooms.answer(room.code, token, QUESTION.name, 0)
    rooms.push(room.key, QUESTION, revealed=True)
    rooms.push(room.key, Draw("partial_pooling", 1))
    rooms.put(room.code, token, "partial_pooling", 1, (1.5, 2.5))
    assert set(left(rooms)) == set(store.TABLES)
    return room, token


def test_a_closed_room_is_forgotten(rooms):
    room, token = full(rooms)
    rooms.close(room.key)
    assert left(rooms) == {}
    with refused("not in an open room"):
        rooms.state(room.code, token)
    files = rooms.path.parent.glob(rooms.path.name + "*")
    written = b"".join(path.read_bytes() for path in files)
    assert room.code.encode() not in written
    assert b"Nearer" not in written


def test_a_day_is_the_end(rooms, clock):
    room, token = full(rooms)
    clock.now += store.DAY - 1
    assert rooms.mine(room.key) == room.code
    clock.now += 2
    assert rooms.mine(room.key) is None
    assert rooms.stage(room.key) is None
    with refused("No open room"):
        rooms.join(room.code)
    with refused("not in an open room"):
        rooms.answer(room.code, token, QUESTION.name, 0)
    assert left(rooms) == {}  # whoever came next swept it out


def test_a_day_is_the_end_where_nobody_asks_any_more(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(store, "SWEEP", 0.01)
    rooms = Rooms(tmp_path / "quiet.sqlite", clock)
    full(rooms)
    clock.now += store.DAY + 1
    for _ in range(200):
        if not left(rooms):
            break
        threading.Event().wait(0.01)
    assert left(rooms) == {}
    rooms.disconnect()


def test_nothing_on_disk_opens_a_room_or_names_a_phone(rooms):
    room, token = full(rooms)
    files = rooms.path.parent.glob(rooms.path.name + "*")
    written = b"".join(path.read_bytes() for path in files)
    assert room.code.encode() in written
    for secret in (room.key, room.link, token):
        assert secret.encode() not in written
    assert rooms.path.stat().st_mode & 0o077 == 0


def test_draws_one_a_phone_and_round_each_with_a_seed_of_its_own(rooms, room):
    phones = [rooms.join(room.code) for _ in range(30)]
    with refused("nothing is drawn"):
        rooms.turn(room.code, phones[0])
    seeds = set()
    for round_ in (1, 2):
        rooms.push(room.key, Draw("partial_pooling", round_))
        for k, token in enumerate(phones):
            study, at, seed = rooms.turn(room.code, token)
            assert (study, at) == ("partial_pooling", round_)
            assert rooms.turn(room.code, token)[2] == seed
            seeds.add(seed)
            rooms.put(room.code, token, study, at, (float(k), float(round_)))
            rooms.put(room.code, token, study, at, (999.0, 999.0))
    assert len(seeds) == 60
    assert rooms.state(room.code, phones[7])["mine"] == [7.0, 2.0]
    stage = rooms.stage(room.key)
    assert stage["answered"] == 30
    assert sorted(stage["values"]) == sorted(
        [float(k), float(r)] for k in range(30) for r in (1, 2)
    )
    assert rooms.rounds(room.key, "partial_pooling") == 2
    assert rooms.rounds(room.key, "efficient_inference") == 0


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, "pages/shared/room")  # the store alone: it needs nothing but Python
from store import Rooms
path, code, poll = sys.argv[1:]
rooms = Rooms(Path(path))
for k in range(60):
    token = rooms.join(code)
    rooms.answer(code, token, poll, k % 3)
print("done", flush=True)
"""


def test_two_processes_and_many_threads_lose_nothing(tmp_path):
    path = tmp_path / "rooms.sqlite"
    here = Rooms(path)
    room = here.open()
    here.push(room.key, QUESTION)
    command = [sys.executable, "-c", CHILD, str(path), room.code, QUESTION.name]
    others = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]

    def answer_here() -> None:
        for k in range(20):
            token = here.join(room.code)
            here.answer(room.code, token, QUESTION.name, k % 2)

    threads = [threading.Thread(target=answer_here) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(other.communicate(timeout=30)[0] == "done\n" for other in others)
    here.push(room.key, QUESTION, revealed=True)
    state = here.stage(room.key)
    assert state["phones"] == 200
    assert state["tally"] == [80, 80, 40]
    numbers = [n for (n,) in here._all("SELECT number FROM phones")]
    assert sorted(numbers) == list(range(1, 201))  # so that no two phones share a seed
    here.disconnect()


def test_a_change_holds_the_file_from_its_first_look(rooms):
    """Else two processes could count the same phones, and both let one more in."""
    other = sqlite3.connect(rooms.path, timeout=0, isolation_level=None)
    with rooms._change(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_folder_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    monkeypatch.delenv(store.PATH, raising=False)
    monkeypatch.setattr(store.tempfile, "gettempdir", lambda: str(tmp_path))
    path = store.default_path()
    assert path.parent.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(store.os, "getuid", lambda: 12345)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "pooling-lab-12345").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="belongs to somebody else"):
        store.default_path()
    monkeypatch.setenv(store.PATH, str(tmp_path / "named"))
    assert store.default_path() == tmp_path / "named"


# Words, as pieces of plain text


@pytest.mark.parametrize(
    ("markdown", "pieces"),
    [
        ("plain", [("plain", "")]),
        (r"$\sigma_\alpha$, 2", [("σ", "i"), ("α", "sub"), (", 2", "")]),
        ("$a_0$", [("a", "i"), ("0", "sub")]),
        (r"$\tau = \infty$", [("τ = ∞", "i")]),
        ("a **strong** word", [("a ", ""), ("strong", "b"), (" word", "")]),
        ("[[partial pooling|pooling]]", [("pooling", "")]),
        (r"Oak\_Hill \(2\)", [("Oak_Hill (2)", "")]),
        ("<script>alert(1)</script>", [("<script>alert(1)</script>", "")]),
        ("2 * 3 < 7 _ $5", [("2 * 3 < 7 _ $5", "")]),
        ("(1 | school)", [("(1 | school)", "")]),
        ("", []),
    ],
)  # fmt: skip
def test_words_become_pieces(markdown, pieces):
    assert [tuple(piece) for piece in runs(markdown)] == pieces
