"""A reader who tries everything: random walks over every step, control, answer and button.

``POOLING_LAB_STATES=10000 pytest tests/pages/test_random_walk.py -rP`` walks through so many
states, and says which took longest; without it a sample is walked.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mlm_core import DataError, Scenario
from pages.shared import as_table, contents, controls, offstage, presets, story
from pages.shared.controls import Choice, Press, Slider, Switch
from pages.shared.figure import Hand
from pages.shared.story import HELD_HERE, Question, Seen, Sorting, Story, answers
from pages.shared.words import plain
from tests.pages.kit import figure, healthy, open_page, questions, right, said, story_of, text
from tests.pages.test_your_data import upload
from tests.pages.verdicts import VERDICTS, agrees

STATES = int(os.environ.get("POOLING_LAB_STATES", "85"))
LESSONS = [lesson.slug for lesson in offstage.lessons()]
NO_NUMBER = re.compile(
    r"(?<![\w&])(nan|NaN|None(?! (?:of|that))|inf|-inf|NaT|undefined)(?!\w)|\b\d+e[-+]\d\d"
)
ONE_OF_MANY = re.compile(r"(?<![\d.,−/√·])\b1 (points|students|schools|tests|years|draws)\b")
GARBAGE = [
    "", "nan", "-1e308", "<script>alert(1)</script>", "9" * 400, "\x00\x1b[31m", "\u202etxt.exe",
    "**b**", "[a](https://evil.example)", "$x$", ":red[x]", "`", "none", "True",
    "1,5", "٣", "💥" * 50,
]  # fmt: skip
TYPED = [said for said in GARBAGE if not NO_NUMBER.search(said)]
"""What pages quote: not a word that the walk looks for."""
CLASSROOM = {"n_groups": 40, "students_per_group": 30}


@dataclass
class Reader:
    """Somebody in a lesson, who does anything that the page lets a reader do."""

    lesson: Story[Any]
    rng: random.Random
    step: int = 0
    kept: dict[str, Any] = field(default_factory=dict)
    local: dict[str, Any] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    did: str = "came"

    def seen(self) -> Seen:
        """What the page shows now: in a step its own settings, and what the reader has set."""
        at = None if self.step < 0 else self.lesson.steps[self.step]
        changes = dict(self.kept) | self.local
        if at is not None:
            of_scenario = controls.values_of(at.sets) if at.sets is not None else {}
            sets = {**of_scenario, **at.shows}
            changes = {k: v for k, v in self.kept.items() if k not in sets} | self.local
        answered = self.step in self.answered
        return story.designed(self.lesson, self.step, answered=answered, **changes)

    def move(self) -> None:
        """Do one thing."""
        acts = [self.walk, self.jump, self.to_the_laboratory, self.answer, self.hand, self.hand]
        if self.step < 0:
            acts = [self.hand] * 6 + [self.preset, self.link, self.draw, self.back, self.jump]
        act = self.rng.choice(acts)
        self.did = act.__name__
        act()

    def go(self, step: int) -> None:
        self.step, self.local = step, {}

    def walk(self) -> None:
        last = len(self.lesson.steps) - 1
        self.go(min(max(self.step + self.rng.choice([1, 1, -1]), 0), last))

    def jump(self) -> None:
        asks = [k for k, step in enumerate(self.lesson.steps) if step.ask is not None]
        self.go(self.rng.choice([self.rng.randrange(len(self.lesson.steps)), *asks]))

    def to_the_laboratory(self) -> None:
        self.go(-1)

    def back(self) -> None:
        self.kept = {}

    def answer(self) -> None:
        self.answered ^= {self.step}

    def preset(self) -> None:
        self.kept |= controls.values_of(self.rng.choice(list(presets.PRESETS.values())))

    def draw(self) -> None:
        self.kept["seed"] = self.rng.randint(1, 9999)

    def link(self) -> None:
        """An address that sets everything at once."""
        for control in self.lesson.known:
            self.kept[control.name] = self.value(control)

    def hand(self) -> None:
        """Move one control that stands on the page, or pick, draw anew, show the truth."""
        uses = HELD_HERE if self.step < 0 else (*self.lesson.steps[self.step].uses, *HELD_HERE)
        mine = [c if isinstance(c, str) else c.name for c in self.lesson.controls]
        known = {control.name: control for control in self.lesson.known}
        name = self.rng.choice(mine if self.step < 0 else [n for n in uses if n in known])
        (self.kept if self.step < 0 else self.local)[name] = self.value(known[name])

    def value(self, control: controls.Control) -> Any:
        """Any value that a control offers, often one of its ends."""
        if isinstance(control, Switch):
            return self.rng.random() < 0.5
        if isinstance(control, Choice):
            return self.rng.choice(control.of(self.seen().scenario))
        assert isinstance(control, Slider | Press)
        low, high, step = control.limits
        high = min(high, CLASSROOM.get(control.name, high))
        at = self.rng.choice([0.0, 1.0, *(self.rng.random() for _ in range(4))])
        value = low + step * round(at * (high - low) / step)
        return round(value) if isinstance(control.default, int) else round(value, 6)


# What is looked at in each state


def sentences(lesson: Story[Any], seen: Seen, facts: Any) -> list[str]:
    """All that the words say in a state."""
    if seen.free:
        spoken = [] if lesson.lab is None else of(lesson.lab(facts))
        return spoken + ([lesson.model(facts)] if lesson.model is not None else [])
    step = lesson.steps[seen.step]
    spoken = [said(words, facts) for words in (step.text, step.do, step.changed, step.look)]
    return spoken + (of(step.hand(facts)) if step.hand is not None else [])


def of(words: str | Hand) -> list[str]:
    if isinstance(words, str):
        return [words]
    return [words.html, *(text for texts in words.texts.values() for text in texts)]


def figures(
    lesson: Story[Any], seen: Seen, facts: Any, *, also_as_table: bool = False
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables that a figure draws, with no infinite number; and what is said of it."""
    noted, handle = offstage.drawn(lesson, seen, facts)
    tables: dict[str, pd.DataFrame] = {}
    spoken = [*noted.legend.values(), *(noted.ends or ())]
    spoken += [] if handle is None else [handle.label, *handle.spoken]
    for shown in noted.figures:
        tables |= shown.tables
        spoken.append(shown.alt)
        for name, (low, high) in shown.axes.items():
            assert -np.inf < low < high < np.inf, (shown.key, name, low, high)
        for name, table in shown.tables.items():
            for column in table:
                values = table[column]
                if values.dtype.kind == "f":
                    assert not np.isinf(values).any(), (shown.key, name, column)
                elif values.dtype.kind in "OUT":
                    spoken += [str(v) for v in values.unique() if v is not None]
        for told in as_table.tables_of(shown) if also_as_table else []:
            cells = [cell for row in (told.heads, *told.rows) for cell in row]
            spoken += {text for c in cells for text in ([c] if isinstance(c, str) else c)}
    return tables, spoken


def judged(lesson: Story[Any], seen: Seen, facts: Any) -> list[str]:
    """What a step asks and answers: one right answer, the one that the figure then shows."""
    then = {**seen.values, **lesson.steps[seen.step].answered}  # noqa: PD011
    tables, _ = figures(lesson, replace(seen, values=then, revealed=True), facts)
    kind, spoken = lesson.steps[seen.step].kind, []
    for q, asked in enumerate(questions(lesson, seen.step, facts)):
        if isinstance(asked, Sorting):
            spoken += [why for item in asked.items for why in item.why.values()]
            continue
        assert isinstance(asked, Question)
        best = right(asked)
        texts = [answer.text for answer in asked.answers]
        assert len(set(texts)) == len(texts), texts
        for position, answer in enumerate(asked.answers):
            given = answers.judged(asked, position, kind, seen.scenario)
            assert bool(given.right) is (answer.text == best)
            assert given.words.startswith("**Yes.**" if given.right else "**Not so.**")
            spoken.append(given.words)
        spoken += [asked.text, *texts, answers.judged(asked, -1, kind, seen.scenario).words]
        verdict = VERDICTS[lesson.slug].get((kind, q))
        wanted = None if verdict is None else verdict(facts, tables, asked.text)
        if wanted is not None:
            assert agrees(best, wanted, slack_of(asked.text)), (asked.text, best, wanted)
    return spoken


def slack_of(text: str) -> float:
    """How far a number can be off that is made of printed ones."""
    found = re.findall(r"\d+(?:\.(\d+))?", text)
    return 1.1 * 10.0 ** -min((len(d) for d in found if d), default=9)


def look(lesson: Story[Any], seen: Seen, *, also_as_table: bool = False) -> bool:
    """Whether there are facts to be told; what is wrong with them fails."""
    try:
        facts = lesson.facts(seen)
    except DataError as reason:
        if not re.search(r"\w.*\.$", str(reason)):
            raise
        return False
    _, spoken = figures(lesson, seen, facts, also_as_table=also_as_table)
    spoken += sentences(lesson, seen, facts)
    if not seen.free and lesson.steps[seen.step].ask is not None:
        spoken += judged(lesson, seen, facts)
    for one in spoken:
        wrong = NO_NUMBER.search(one) or ONE_OF_MANY.search(one)
        assert wrong is None, (wrong[0], one)
    return True


@pytest.mark.parametrize("slug", LESSONS)
def test_a_reader_who_tries_everything(slug):
    reader = Reader(story_of(slug), random.Random(f"{slug} 1"))
    took: list[tuple[float, str]] = []
    told = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for k in range(-(-STATES // len(LESSONS))):
            reader.move()
            seen = reader.seen()
            start = time.process_time()
            try:
                told += look(reader.lesson, seen, also_as_table=k % 5 == 0)
            except Exception as wrong:
                wrong.add_note(f"state {k} of {slug}: {reader.did}, then {seen}")
                raise
            took.append((time.process_time() - start, f"{reader.did}: {seen}"))
    for seconds, state in sorted(took, reverse=True)[:2]:
        print(f"{slug}: {seconds:.2f} s of CPU, {state}")
    assert told > len(took) / 2


# The pages themselves: real controls, real buttons

PAGES = ["start", *(page.slug for page in contents.pages())]
RUNS = max(STATES // 50, 15)


def widgets(at: AppTest) -> list[Any]:
    """What a reader can put a hand on."""
    kinds = (at.slider, at.toggle, at.selectbox, at.multiselect, at.radio, at.number_input)
    texts = (at.text_input, at.text_area, at.button, at.get("button_group"))
    found = [w for found in (*kinds, *texts) for w in found if not w.proto.disabled]
    return [w for w in found if getattr(w, "options", True)]


def touch(at: AppTest, rng: random.Random) -> str:
    """Put a hand on anything: press it, or set it to anything that it takes."""
    widget = rng.choice(widgets(at))
    kind = widget.type
    if kind == "button":
        widget.click().run()
    elif kind == "slider":
        step = widget.step or 1
        k = rng.choice([0, 1, rng.random()])
        value = widget.min + step * round(k * (widget.max - widget.min) / step)
        widget.set_value(type(widget.min)(value)).run()
    elif kind == "toggle":
        widget.set_value(not widget.value).run()
    elif kind in ("selectbox", "radio"):
        widget.set_value(rng.choice(list(widget.options))).run()
    elif kind in ("multiselect", "button_group"):
        options = [getattr(option, "content", option) for option in widget.options]
        few = rng.sample(options, min(len(options), rng.choice([0, 1, 1, 2])))
        one = kind == "button_group" and widget.proto.click_mode == 0
        widget.set_value((few or [None])[0] if one else few).run()
    elif kind == "number_input":
        widget.set_value(rng.choice([widget.value, 0, widget.min or -1e6, widget.max or 1e6])).run()
    else:
        widget.set_value(rng.choice(TYPED)).run()
    return f"{kind} {widget.key or widget.label}"


def whole(at: AppTest) -> str:
    """All that a page says in words."""
    boxes = [*at.warning, *at.info, *at.success, *at.get("html")]
    return text(at) + "\n".join(str(getattr(b, "value", "") or b.proto.body) for b in boxes)


def test_a_session_that_tries_everything():
    """From page to page with what was set: no traceback, a title, no number that is none."""
    rng, did = random.Random(7), ["opened"]
    at = open_page("start")
    try:
        for k in range(RUNS):
            if k % 5 == 4 or not widgets(at):
                slug = PAGES[(k // 5) % len(PAGES)] if k < 5 * len(PAGES) else rng.choice(PAGES)
                if "_kept" in at.session_state and rng.random() < 0.7:  # who presents comes back
                    at.session_state["_kept"].pop("present", None)
                    at.query_params.clear()
                at.switch_page(f"pages/{slug}.py").run()
                did.append(slug)
            elif did[-1] in LESSONS and rng.random() < 0.6:
                place = at.session_state["_place"]
                place.free, place.question, place.local = rng.random() < 0.5, 0, {}
                place.step = rng.randrange(5)
                at.run()
                did.append(f"step {place.step + 1}, free {place.free}")
            else:
                did.append(touch(at, rng))
            healthy(at)
            assert at.title
            wrong = NO_NUMBER.search(whole(at))
            assert wrong is None, wrong
    except Exception as wrong:
        wrong.add_note(f"after {did}")
        raise


# Addresses

INSIDE = re.compile(r"sigma_|n_groups|students_per|extraordinary$|new_u|class_size|Error|self\b")


def controls_of_all() -> list[controls.Control]:
    """Every control of every lesson, once."""
    return list({repr(c): c for slug in LESSONS for c in story_of(slug).known}.values())


def test_every_control_takes_a_good_value_from_a_link_or_says_what_it_takes():
    for control in controls_of_all():
        for said_ in [*GARBAGE, "1e999", "-0", "0x10", "true", "17", "17.5", " 5 "]:
            try:
                value = control.read(said_)
            except ValueError as reason:
                sentence = str(reason)
                assert plain(said_[:40]) in sentence
                assert not INSIDE.search(sentence.replace(control.label, "")), sentence
                continue
            if control.allowed(value, Scenario()) and isinstance(control, Slider | Press):
                assert control.limits.low <= value <= control.limits.high
                assert type(value) is type(control.default)


NAMES = (
    "step", "free", "question", "reveal", "present", "deck", "picture", "speaker", "draft", "room",
    "handle", "term", "find", "source", "part", "code", "\x00", "<b>", "__class__",
)  # fmt: skip


@pytest.mark.parametrize("slug", PAGES)
def test_a_hostile_address_gets_one_box(slug):
    """Every parameter of any page has some nonsense: one box, in words, nothing rendered."""
    rng = random.Random(slug)
    names = {*NAMES, *(control.name for control in controls_of_all())}
    at = open_page(slug, **{name: rng.choice(GARBAGE) for name in sorted(names)})
    assert at.title
    assert len(at.warning) <= 1
    said_ = "".join(box.value for box in at.warning)
    markup = r"<script>|(?<!\\)\*\*b|\]\(https|(?<!\\):red|\x00|\x1b|\u202e"
    assert not re.search(markup, said_), said_
    assert len(said_) < 600


# Files: what stands in one is never a formula of the figure


def formulas(spec: Any, key: str = "") -> list[str]:
    """Every string of a specification that Vega works out."""
    if isinstance(spec, dict):
        return [f for k, v in spec.items() for f in formulas(v, k)]
    if isinstance(spec, list):
        return [f for v in spec for f in formulas(v, key)]
    works = {"expr", "calculate", "filter", "test", "signal", "labelExpr", "update", "init"}
    return [spec] if isinstance(spec, str) and key in works else []


def test_names_from_a_file_are_in_no_formula_of_a_figure():
    names = ["y' + evil() + '", 'g" + evil() + "', "x⟨number⟩evil()"]
    rng = np.random.default_rng(3)
    rows = [
        f"{rng.normal(j):.3f},'{j}' + evil(),{rng.normal():.3f}" for j in range(6) for _ in "abcd"
    ]
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    at = upload("\n".join([quoted, *rows]))
    seen = 0
    for part in ("All groups", "One group's rows", "slopes"):
        if part == "slopes":
            box = next(b for b in at.multiselect if b.label.startswith("Slopes that vary"))
            box.set_value(box.options[:1]).run()
        else:
            at.radio(key="part").set_value(part).run()
        healthy(at)
        for k in range(len(at.get("vega_lite_chart"))):
            spec, _ = figure(at, k)
            written = json.dumps(spec, ensure_ascii=False)
            seen += "evil" in written
            assert not [f for f in formulas(spec) if "evil" in f], part
            assert "⟨" not in written.replace("x⟨number⟩", "")
    assert seen >= 3
