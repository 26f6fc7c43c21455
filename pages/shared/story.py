"""The lesson grammar: a lesson is a story in steps over one figure.

A lesson is a `Story`: its steps, what computes its facts, what draws its figure. The
same steps are what a reader walks through, what a teacher projects and what a link opens.
After the last step, or at any time, the page is a laboratory with all its controls.

Of the kinds of steps a lesson needs most, in this order: situation, predict, try, say,
truth, breaks, check, sentence.
"""

from __future__ import annotations

import html
import random
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

import pandas as pd
import streamlit as st

from mlm_core import DataError, Scenario
from mlm_core.records import all_converged
from pages.shared import (
    as_table,
    contents,
    controls,
    decks,
    figure,
    links,
    moving,
    room,
    saving,
    settings,
    stage,
)
from pages.shared.code import FILE, Listing
from pages.shared.controls import Control
from pages.shared.figure import Hand, Handle
from pages.shared.terms import MISCONCEPTIONS, linked
from pages.shared.words import plain, spoken

F = TypeVar("F")
Words = str | Callable[[F], str]
Kind = Literal["situation", "predict", "try", "say", "truth", "breaks", "check", "sentence"]
NOTHING: Mapping[str, Any] = MappingProxyType({})

KICKER: dict[Kind, str] = {
    "situation": "The situation",
    "predict": "Predict",
    "try": "Try it",
    "say": "Say it",
    "truth": "Against the truth",
    "breaks": "Where it breaks",
    "check": "Check yourself",
    "sentence": "In one sentence",
}
SLIDERS = "Sliders set the truth. The figure shows estimates: what the data can tell."
ROUGH = "The search for the best fit ran out of rounds: the numbers here are rough."
KNOWN = "These schools are simulated: that is why their truth is known."
SHOW_ME = -1
HELD_HERE = ("school", "truth", "seed")
"""What a click or a key may set in any step, for as long as it is shown."""
_HERE = Path(__file__).parent
_stepper = st.components.v2.component(
    "pooling_lab_stepper",
    html=(_HERE / "stepper.html").read_text(encoding="utf-8"),
    js=stage.SCRIPT + (_HERE / "stepper.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a question; ``why`` says why it is right, or what is wrong about it."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question; exactly one answer is right.

    Attributes
    ----------
    ordered : bool
        The answers have an order of their own (numbers, from few to many) and keep it;
        else they are shuffled, always in the same way.
    """

    text: str
    answers: Sequence[Answer]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A thing to sort into one of several bins; ``why`` speaks to each bin."""

    text: str
    bin: str
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sorting:
    """A question whose answer is to put each item into its bin."""

    text: str
    bins: Sequence[str]
    items: Sequence[Item]


Asked = Question | Sorting


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[F]):
    """One step: a state of the figure, a few sentences, one thing to do.

    Attributes
    ----------
    heading : str
        At most eight words.
    text : str or function of the facts
        Markdown, 30 to 90 words; ``[[likelihood]]`` links a word to the glossary,
        ``[[likelihood|how well it fits]]`` with other words.
    do : str or function
        What to do before the next step.
    sets : Scenario, optional
        The scenario of this step; without it, the lesson's.
    shows : mapping
        What else it sets, by name of a setting: ``school``, ``truth``, the lesson's own,
        and ``handle`` ("rest", "first", "last", a step, or a name of the figure's).
    answered : mapping
        What it sets instead once its question has been answered.
    uses : tuple of str
        Settings whose control the step offers: the reader's hand in this step.
    ask : function of the facts
        The question, or the questions of a check, one after the other.
    hand : function of the facts
        Words that follow the handle.
    """

    kind: Kind
    heading: str
    text: Words[F] = ""
    do: Words[F] = ""
    sets: Scenario | None = None
    shows: Mapping[str, Any] = field(default_factory=dict)
    answered: Mapping[str, Any] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    ask: Callable[[F], Asked | Sequence[Asked]] | None = None
    hand: Callable[[F], Hand] | None = None
    changed: Words[F] = ""
    look: Words[F] = ""


situation = partial(Step, kind="situation")
predict = partial(Step, kind="predict")
try_it = partial(Step, kind="try")
say = partial(Step, kind="say")
truth = partial(Step, kind="truth")
breaks = partial(Step, kind="breaks")
check = partial(Step, kind="check")
sentence = partial(Step, kind="sentence")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the figure shows at this moment: ``seen["school"]``, ``seen.scenario``.

    Attributes
    ----------
    scenario : Scenario
    values : mapping
        Every setting by name.
    kind : str
        Of the step; "free" in the laboratory.
    step : int
        From 0; -1 in the laboratory.
    revealed : bool
        The prediction has been made, or the story is past it.
    """

    scenario: Scenario
    values: Mapping[str, Any]
    kind: str
    step: int
    revealed: bool

    def __getitem__(self, name: str) -> Any:
        """The value of a setting."""
        return self.values[name]

    def get(self, name: str, otherwise: Any = None) -> Any:
        """The value of a setting, or something else."""
        return self.values.get(name, otherwise)

    @property
    def free(self) -> bool:
        """Whether this is the laboratory."""
        return self.kind == "free"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story(Generic[F]):
    """A lesson.

    Attributes
    ----------
    slug : str
    steps : sequence of Step
    facts : function of Seen
        Everything that is said, asked and drawn: from `mlm_core.lessons`.
    figure : function of facts and Seen
        Draws legend and figure; returns the figure's handle, if it has one.
    controls : sequence
        Of the laboratory: names of settings of the scenario, and the lesson's own controls.
    start : Scenario
        On which the lesson opens.
    lab : function of the facts
        What the laboratory says beside the figure: Markdown, or words that follow the handle.
    model, table, listing, data : functions of the facts
        Below the figure, folded: the model in full (Markdown), what the figure shows as a
        table in the page's words, the fit as code, its data.
    """

    slug: str
    steps: Sequence[Step[F]]
    facts: Callable[[Seen], F]
    figure: Callable[[F, Seen], Handle | None]
    controls: Sequence[str | Control] = ()
    start: Scenario = field(default_factory=Scenario)
    lab: Callable[[F], str | Hand] | None = None
    model: Callable[[F], str] | None = None
    table: Callable[[F], pd.DataFrame] | None = None
    listing: Callable[[F], Listing] | None = None
    data: Callable[[F], pd.DataFrame] | None = None
    known: Sequence[Control] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", _controls(self))


@dataclass(slots=True)
class _Place:
    """Where in the lesson the reader is."""

    slug: str
    visit: int
    step: int = 0
    question: int = 0
    free: bool = False
    local: dict[str, Any] = field(default_factory=dict)
    shown: Seen | None = None
    shared: list[dict[str, str]] = field(default_factory=list)
    times: int = 0


def designed(story: Story[F], step: int, *, answered: bool = False, **changes: Any) -> Seen:
    """What a step shows before a reader's hand is on it; step -1 is the laboratory.

    Parameters
    ----------
    answered : bool
        Whether the question of the step has been answered.
    **changes
        Settings that a reader has changed.
    """
    at = None if step < 0 else story.steps[step]
    sets: dict[str, Any] = {}
    if at is not None:
        of_scenario = controls.values_of(at.sets) if at.sets is not None else {}
        sets = {**of_scenario, **at.shows, **(at.answered if answered else {})}
    values: dict[str, Any] = {k: v for k, v in sets.items() if k == "handle"}
    scenario = story.start
    for control in story.known:
        default = _default(control, scenario)
        wanted = {control.name: default, **sets, **changes}[control.name]
        values[control.name] = wanted if control.allowed(wanted, scenario) else default
        scenario = _with(scenario, control.name, values[control.name])
    first = _first_prediction(story)
    revealed = at is None or step > first or (step == first and answered)
    return Seen(scenario, values, "free" if at is None else at.kind, step, revealed)


def _default(control: Control, scenario: Scenario) -> Any:
    """What a control is at first, in a scenario."""
    options = control.of(scenario) if isinstance(control, controls.Choice) else None
    return control.default if options is None or control.default in options else options[0]


def _first_prediction(story: Story[Any]) -> int:
    return next((k for k, s in enumerate(story.steps) if s.kind == "predict"), -1)


UNTOLD: ContextVar[list[Story[Any]] | None] = ContextVar("untold", default=None)
"""While it is set, a story that a page tells is put there and not drawn (see `offstage`)."""


def tell(story: Story[F]) -> None:
    """Draw the lesson at the reader's place in it."""
    untold = UNTOLD.get()
    if untold is not None:
        untold.append(story)
        return
    settings.visit()
    st.session_state["_told"] = True
    _stage(story)


@st.fragment(key="stage")
def _stage(story: Story[Any]) -> None:
    settings.begin(story.slug)
    st.session_state["_alternatives"] = {}
    decks.lead()
    presenting, deck = stage.on(), decks.shown()
    place = _place(story)
    seen = place.shown = _seen(story, place)
    here = contents.lesson(story.slug)
    with st.container(key="head"):
        st.title(here.question, anchor=False)
    settings.notices()
    with st.container(key="story"):
        left, right = st.columns([8, 5], gap="medium")
    with right:
        telling = st.container(key="telling")
    with telling:
        words = st.container(key="words")
    beside = _beside(words) if seen.free else None
    moving.begin()
    with left, st.container(key="picture"):
        facts, handle = _moved(story, beside)
    with telling:
        with words:
            if seen.free:
                _laboratory(story, facts, seen)
            elif presenting:
                _on_stage(story, story.steps[place.step], facts, seen, place, handle)
            else:
                _step(story, story.steps[place.step], facts, seen, place, handle)
        _steps(story, place, presenting, handle is not None, deck)
        if presenting:
            _room(story, facts, seen, place)
    if facts is not None and not presenting:
        _more(story, facts, seen)


def _beside(words: Any) -> Any:
    """The head of the laboratory, and the place for what it says: that moves with the figure."""
    with words:
        st.html('<p class="pl-kicker">Free play</p>')
        st.header("The laboratory", anchor=False)
        return st.container(key="beside", gap="small")


@st.fragment(key=moving.FIGURE)
def _moved(story: Story[Any], beside: Any) -> tuple[Any, Handle | None]:
    """The figure, and in the laboratory the words beside it: all that a slider changes."""
    place: _Place = st.session_state["_place"]
    alone = moving.alone()
    seen = place.shown
    assert seen is not None
    facts, problem = _facts(story, seen)
    handle = None
    if facts is None:
        st.warning(f"{plain(problem)} Take more or larger schools.", icon=":material/data_alert:")
    else:
        handle = story.figure(facts, seen)
        if not all_converged(facts):
            st.warning(ROUGH, icon=":material/data_alert:")
    if beside is not None:
        with beside:
            said = story.lab(facts) if story.lab is not None and facts is not None else ""
            if isinstance(said, str) and said:
                st.markdown(linked(said))
            alternatives = st.session_state["_alternatives"]
            news = {"address": settings.address(), "alternatives": alternatives} if alone else None
            if handle is None:
                settings.tell(news)
            _follow(handle, said if isinstance(said, Hand) else None, seen, story.slug, news)
    return facts, handle


def _panel(story: Story[Any], seen: Seen) -> tuple[Any, ...]:
    """How the laboratory's controls look, their values aside."""
    return tuple(
        tuple(control.of(seen.scenario)) if isinstance(control, controls.Choice)
        else control.idle is not None and seen.get(control.idle[0]) == control.idle[1]
        for control in story.known
        if isinstance(control, controls.Choice | controls.Slider)
    )  # fmt: skip


def _facts(story: Story[F], seen: Seen) -> tuple[F | None, str]:
    try:
        return story.facts(seen), ""
    except DataError as reason:
        return None, str(reason)


# Where the reader is


def _place(story: Story[Any]) -> _Place:
    visit = settings.visit()
    place: _Place | None = st.session_state.get("_place")
    if place is None or (place.slug, place.visit) != (story.slug, visit):
        place = _Place(story.slug, visit)
        place.free = bool(settings.link("free", settings.yes_or_no("free")))
        most = len(story.steps)
        step = settings.link("step", settings.number_between(1, most, "step", whole=True))
        names = [c.name for c in story.known]
        if step is None and any(name in st.query_params for name in names):
            place.free = True  # a link that sets something and names no step means the laboratory
        place.step = 0 if step is None else int(step) - 1
        question = settings.link("question", settings.number_between(1, 9, "question", whole=True))
        place.question = 0 if question is None else int(question) - 1
        if settings.link(links.REVEAL, settings.yes_or_no("reveal")) and not _answered(place):
            _reveal(story, place)
        st.session_state["_place"] = place
    if place.free:
        settings.say("free", True)
    else:
        if place.step:
            settings.say("step", place.step + 1)
        if place.question:
            settings.say("question", place.question + 1)
    return place


def _stops(story: Story[Any]) -> list[tuple[int, int]]:
    """Every place where the story can stop: a step, or a question of a check."""
    return [
        (k, q)
        for k, step in enumerate(story.steps)
        for q in range(_n_questions(story.slug, k, step))
    ]


def _n_questions(slug: str, k: int, step: Step[Any]) -> int:
    known: dict[tuple[str, int], int] = st.session_state.setdefault("_questions", {})
    return known.get((slug, k), 1)


def _go(story: Story[Any]) -> None:
    """Callback of the stepper."""
    to = st.session_state["stepper"].go
    place: _Place = st.session_state["_place"]
    if to is None:
        return
    place.shared = []
    if isinstance(to, dict):
        _asked_for(story, place, to)
        return
    if to in ACTS:
        ACTS[to](story, place)
        return
    if to == "free":
        place.free = True
    else:
        stops = _stops(story)
        place.free = False
        place.step, place.question = stops[min(max(int(to), 0), len(stops) - 1)]
    place.local = {}


def _reveal(story: Story[Any], place: _Place) -> None:
    """Show the answer of the question, or hide it again."""
    where = (place.slug, place.step, place.question)
    if place.free or story.steps[place.step].ask is None:
        return
    if _answers().pop(where, None) is None:
        _answers()[where] = _Given(_picked().get(where, SHOW_ME), True, "", None)


def _turn_truth(story: Story[Any], place: _Place) -> None:
    """Show the truth, or hide it; where the lesson has one."""
    if place.shown is not None and place.shown.get("truth") is not None:
        set_here(truth=not place.shown["truth"])


def _draw_anew(story: Story[Any], place: _Place) -> None:
    """Other schools, other students: until the step is left, or in the laboratory for good."""
    if place.shown is not None and _of_a_town(story):
        set_here(seed=controls.following("seed", place.shown.scenario.seed))


def _of_a_town(story: Story[Any]) -> bool:
    """Whether the lesson's data are drawn."""
    return any(isinstance(c, str) and c in controls.BY_NAME for c in story.controls)


ACTS: dict[str, Callable[[Story[Any], _Place], None]] = {
    "reveal": _reveal,
    "truth": _turn_truth,
    "draw": _draw_anew,
    "stage": lambda _story, _place: stage.turn(),
    "room": lambda _story, _place: room.open_room(),
}


def _asked_for(story: Story[Any], place: _Place, what: Mapping[str, Any]) -> None:
    """Callback: what the browser asks with a word of its own: links to copy, a picture of a deck."""
    if isinstance(what.get("share"), str):
        asks = not place.free and story.steps[place.step].ask is not None
        place.shared = links.to_copy(what["share"], asks=asks)
        place.times += 1
    elif isinstance(what.get("add"), str):
        decks.add(what["add"])
    elif isinstance(what.get("lead"), int):
        decks.turn(what["lead"])


# What is set


def _controls(story: Story[Any]) -> list[Control]:
    """All settings of the lesson: those of every scenario, and its own."""
    own = [c for c in story.controls if not isinstance(c, str)]
    names = {c.name for c in own}
    start = controls.values_of(story.start)
    scenario = [replace(c, default=start[c.name]) for c in controls.SCENARIO if c.name not in names]
    return [*scenario, *own]


def _with(scenario: Scenario, name: str, value: Any) -> Scenario:
    """The scenario with a value of one of its settings."""
    if name not in controls.BY_NAME or controls.value_in(scenario, name) == value:
        return scenario
    return controls.scenario_of({name: value}, scenario)


def _seen(story: Story[Any], place: _Place) -> Seen:
    step = None if place.free else story.steps[place.step]
    sets: dict[str, Any] = {}
    if step is not None:
        sets = controls.values_of(step.sets) if step.sets is not None else {}
        given = step.answered if step.answered and _answered(place) else {}
        sets |= {**step.shows, **given}
    values: dict[str, Any] = {k: v for k, v in sets.items() if k == "handle"}
    scenario = story.start
    for control in story.known:
        values[control.name] = _value(control, step, sets, place, scenario)
        scenario = _with(scenario, control.name, values[control.name])
    return Seen(
        scenario,
        values,
        "free" if step is None else step.kind,
        -1 if step is None else place.step,
        _revealed(story, place),
    )


def _value(
    control: Control, step: Step[Any] | None, sets: Mapping[str, Any], place: _Place, s: Scenario
) -> Any:
    """What a setting is: in the laboratory the reader's; in a step the step's, if it sets it."""
    name = control.name
    default = _default(control, s)
    allowed = partial(control.allowed, scenario=s)
    sets = {name: sets[name]} if name in sets and allowed(sets[name]) else {}
    if step is None:
        return settings.held(name, default, control.read, allowed)
    if name in step.uses or name in place.local or (name in HELD_HERE and name in sets):
        start = sets.get(name, default)
        return settings.held(name, start, control.read, allowed, place.local)
    if name in sets:
        return sets[name]
    return settings.held(name, default, control.read, allowed, here=name in controls.BY_NAME)


def _revealed(story: Story[Any], place: _Place) -> bool:
    if place.free:
        return True
    first = _first_prediction(story)
    return place.step > first or (place.step == first and _answered(place))


def pick_from(chart: str) -> Callable[[], None]:
    """Callback for a figure whose selection ``school`` picks the school."""

    def picked() -> None:
        points = st.session_state[chart].selection.get("school", [])
        place: _Place = st.session_state["_place"]
        if points and "school" in points[0]:
            place.local["school"] = points[0]["school"]
            settings.keep("school", points[0]["school"])
        moving.all_of_it()

    return picked


def set_here(**values: Any) -> None:
    """Callback of a lesson's own button: set something in this step, or in the laboratory."""
    place: _Place = st.session_state["_place"]
    if place.free:
        settings.put(values)
    else:
        place.local.update(values)
    moving.all_of_it()


# A step


def _said(words: Words[Any], facts: Any) -> str:
    return words if isinstance(words, str) else words(facts)


def _follow(
    handle: Handle | None,
    words: Hand | None,
    seen: Seen,
    slug: str,
    news: Mapping[str, Any] | None = None,
) -> None:
    """The words that follow the handle, where they stand in the panel."""
    if handle is not None:
        place = f"{slug} {seen.step}"
        figure.follow(handle, words, at=seen.get("handle", "rest"), place=place, news=news)


def _step(
    story: Story[Any],
    step: Step[Any],
    facts: Any,
    seen: Seen,
    place: _Place,
    handle: Handle | None,
) -> None:
    st.html(
        f'<p class="pl-kicker">{place.step + 1} of {len(story.steps)} · {KICKER[step.kind]}</p>'
    )
    st.header(step.heading, anchor=False)
    if facts is None:
        return
    _prose(step, facts)
    _follow(handle, step.hand(facts) if step.hand is not None else None, seen, story.slug)
    _offer(story, step.uses, seen, place.local, f"{story.slug}-{place.step}")
    if step.do:
        st.html(f'<p class="pl-do">{_inline(_said(step.do, facts))}</p>')
    if step.ask is not None:
        _ask(story, step, facts, seen, place)
    _on_to_the_next(story, step)


def _on_to_the_next(story: Story[Any], step: Step[Any]) -> None:
    """The link at a lesson's end."""
    after = contents.neighbours(story.slug)[1] if step.kind == "sentence" else None
    if after is not None:
        with st.container(key="next-lesson"):
            st.page_link(
                after.path, label=f"Next: {after.question}", icon=":material/arrow_forward:"
            )


def _prose(step: Step[Any], facts: Any) -> None:
    """What a step says."""
    text = linked(_said(step.text, facts))
    if step.kind == "sentence":
        with st.container(key="sentence"):
            st.markdown(text)
    elif text:
        st.markdown(text)
    if step.kind == "truth":
        st.caption(KNOWN)
    if step.changed:
        st.markdown(f"**What changed.** {linked(_said(step.changed, facts))}")
    if step.look:
        st.markdown(f"**Look here.** {linked(_said(step.look, facts))}")


def _inline(text: str) -> str:
    """A plain sentence with **strong** words, as HTML."""
    parts = html.escape(text).split("**")
    return "".join(f"<strong>{p}</strong>" if k % 2 else p for k, p in enumerate(parts))


def _offer(
    story: Story[Any],
    names: Sequence[str],
    seen: Seen,
    store: dict[str, Any],
    prefix: str,
    moved: Callable[[], None] = lambda: None,
) -> None:
    """Draw the controls of these settings as views of a store."""
    known = {control.name: control for control in story.known}
    for name in names:
        control, key = known[name], f"{prefix}-{name}"
        st.session_state[key] = seen[name]
        control.draw(key, seen.scenario, partial(_changed, store, name, key, moved))


def _changed(store: dict[str, Any], name: str, key: str, moved: Callable[[], None]) -> None:
    store[name] = st.session_state[key]
    moved()


# Questions


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer as it was given: its verdict belongs to the scenario of that moment."""

    position: int
    right: bool
    words: str
    scenario: Scenario | None


def _answers() -> dict[tuple[str, int, int], _Given]:
    given: dict[tuple[str, int, int], _Given] = st.session_state.setdefault("_answers", {})
    return given


def _picked() -> dict[tuple[str, int, int], int]:
    """What the room says, on the stage, before the answer is shown."""
    picked: dict[tuple[str, int, int], int] = st.session_state.setdefault("_picked", {})
    return picked


def _answered(place: _Place) -> bool:
    return (place.slug, place.step, place.question) in _answers()


def shuffled(question: Question, slug: str, step: int, k: int) -> list[int]:
    """The order in which the answers of a question stand: always the same."""
    order = list(range(len(question.answers)))
    if not question.ordered:
        random.Random(f"{slug} {step} {k}").shuffle(order)
    return order


def _asked(
    story: Story[Any], step: Step[Any], facts: Any, place: _Place
) -> tuple[Asked | None, int]:
    """The question of the moment, and how many the step has."""
    asked = step.ask(facts) if step.ask is not None else ()
    questions = [asked] if isinstance(asked, (Question, Sorting)) else list(asked)
    if not questions:
        return None, 0
    st.session_state.setdefault("_questions", {})[story.slug, place.step] = len(questions)
    place.question = min(place.question, len(questions) - 1)
    return questions[place.question], len(questions)


def _ask(story: Story[Any], step: Step[Any], facts: Any, seen: Seen, place: _Place) -> None:
    question, of = _asked(story, step, facts, place)
    if of > 1:
        st.html(f'<p class="pl-kicker">Question {place.question + 1} of {of}</p>')
    if isinstance(question, Sorting):
        _sort(question, place)
    elif question is not None:
        _choose(question, step.kind, seen, place)


def _choose(question: Question, kind: Kind, seen: Seen, place: _Place) -> None:
    where = (place.slug, place.step, place.question)
    given = _given(question, where, kind, seen.scenario)
    done = given is not None and (given.right or kind == "predict")
    st.markdown(f"**{question.text}**")
    with st.container(key="answers", gap="xsmall"):
        for position in shuffled(question, *where):
            answer = question.answers[position]
            chosen = given is not None and given.position == position
            shown = chosen or (done and answer.right)
            icon = ":material/check:" if answer.right else ":material/close:"
            st.button(
                answer.text, key=f"answer-{'-'.join(map(str, where))}-{position}", width="stretch",
                type="primary" if chosen else "secondary",
                icon=icon if shown else ":material/radio_button_unchecked:",
                on_click=_give, args=(question, position, kind, seen.scenario), disabled=done and not chosen,
            )  # fmt: skip
        if kind == "predict" and given is None:
            st.button("Just show me", key="show-me", type="tertiary", on_click=_give,
                      args=(question, SHOW_ME, kind, seen.scenario))  # fmt: skip
    if given is not None:
        _verdict(given, kind, seen.scenario)


def _give(question: Question, position: int, kind: Kind, scenario: Scenario) -> None:
    """Callback: an answer, with the verdict of this moment."""
    place: _Place = st.session_state["_place"]
    where = (place.slug, place.step, place.question)
    _answers()[where] = _judged(question, position, kind, scenario)


def _judged(question: Question, position: int, kind: Kind, scenario: Scenario) -> _Given:
    right = next(answer for answer in question.answers if answer.right)
    shown = not 0 <= position < len(question.answers)
    chosen = right if shown else question.answers[position]
    if shown:
        words = f"**{right.text}.** {right.why}"
    elif chosen.right:
        words = f"**Yes.** {right.why}"
    elif kind == "predict":
        words = f"**Not so.** {chosen.why} **{right.text}.** {right.why}"
    else:
        words = f"**Not so.** {chosen.why} Try another."
    return _Given(position, chosen.right, words, scenario)


def _given(
    question: Question, where: tuple[str, int, int], kind: Kind, scenario: Scenario
) -> _Given | None:
    """The answer as it was given; one that a key or a link shows gets its verdict here."""
    given = _answers().get(where)
    if given is not None and given.scenario is None:
        given = _answers()[where] = _judged(question, given.position, kind, scenario)
    return given


def _verdict(given: _Given, kind: Kind, scenario: Scenario) -> None:
    with st.container(key="verdict"):
        st.markdown(given.words)
        if given.scenario != scenario:
            st.caption("You answered this for another scenario.")
        if kind == "predict":
            st.button("Take it back", key="take-back", type="tertiary", icon=":material/undo:",
                      on_click=_take_back)  # fmt: skip


def _take_back() -> None:
    place: _Place = st.session_state["_place"]
    _answers().pop((place.slug, place.step, place.question), None)


def _sort(sorting: Sorting, place: _Place) -> None:
    st.markdown(f"**{sorting.text}**")
    sorted_: dict[tuple[str, int, int], dict[int, str]] = st.session_state.setdefault("_sorted", {})
    mine = sorted_.setdefault((place.slug, place.step, place.question), {})
    for k, item in enumerate(sorting.items):
        key = f"sort-{place.slug}-{place.step}-{place.question}-{k}"
        st.session_state[key] = mine.get(k)
        st.segmented_control(
            item.text, list(sorting.bins), key=key, width="stretch", on_change=_sorted_into, args=(mine, k, key, item, place)
        )  # fmt: skip
        chosen = mine.get(k)
        sign = "" if chosen is None else (
            ":material/check: " if chosen == item.bin else ":material/close: "
        )  # fmt: skip
        if chosen is not None:
            st.caption(f"{sign}{item.why[chosen]}")


def _sorted_into(mine: dict[int, str], k: int, key: str, item: Item, place: _Place) -> None:
    chosen = st.session_state[key]
    if chosen is None:
        mine.pop(k, None)
        return
    mine[k] = chosen
    verdict = "Right." if chosen == item.bin else "Not so."
    where = (place.slug, place.step, place.question)
    _sorted_said()[where] = f"{item.text}: {chosen}. {verdict} {item.why[chosen]}"


def _sorted_said() -> dict[tuple[str, int, int], str]:
    """What a screen reader is told of the last item that was sorted."""
    said: dict[tuple[str, int, int], str] = st.session_state.setdefault("_sorted_said", {})
    return said


# On the stage


def _on_stage(
    story: Story[Any],
    step: Step[Any],
    facts: Any,
    seen: Seen,
    place: _Place,
    handle: Handle | None,
) -> None:
    """A heading, and a question or one sentence; the prose is folded away."""
    st.header(step.heading, anchor=False)
    if facts is None:
        return
    question, _ = _asked(story, step, facts, place)
    if isinstance(question, Sorting):
        _sort_on_stage(question, place)
    elif question is not None:
        _choose_on_stage(question, step.kind, seen, place)
    else:
        text, do, changed = (_said(words, facts) for words in (step.text, step.do, step.changed))
        with st.container(key="line"):
            longest = stage.LONGEST if step.kind != "sentence" else stage.SENTENCE
            st.markdown(stage.line(text, do=do, changed=changed, longest=longest))
    if step.uses:
        with st.container(key="hands"):
            _offer(story, step.uses, seen, place.local, f"{story.slug}-{place.step}")
    with st.container(key="prose"):
        _prose(step, facts)
        _follow(handle, step.hand(facts) if step.hand is not None else None, seen, story.slug)
    _on_to_the_next(story, step)


def _choose_on_stage(question: Question, kind: Kind, seen: Seen, place: _Place) -> None:
    """The room sees the answers; which is right comes when it is asked for."""
    where = (place.slug, place.step, place.question)
    given = _given(question, where, kind, seen.scenario)
    chosen = _picked().get(where)
    grid = stage.columns(len(question.answers), max(len(a.text) for a in question.answers))
    with st.container(key="asked"):
        st.markdown(f"**{question.text}**")
    with st.container(key=f"grid-{grid}"), st.container(key="answers"):
        for position in shuffled(question, *where):
            answer = question.answers[position]
            right = given is not None and answer.right
            st.button(
                answer.text, key=f"answer-{'-'.join(map(str, where))}-{position}", width="stretch",
                type="primary" if right or (given is None and position == chosen) else "secondary",
                icon=":material/check:" if right else ":material/close:" if given is not None
                else f":material/radio_button_{'' if position == chosen else 'un'}checked:",
                on_click=_picked().__setitem__, args=(where, position), disabled=given is not None and not right,
            )  # fmt: skip
    if given is not None:
        wrong = [a for k, a in enumerate(question.answers) if k == chosen and not a.right]
        whys = [*(a.why for a in wrong), *(a.why for a in question.answers if a.right)]
        with st.container(key="verdict"):
            st.markdown(" ".join(whys))


def _sort_on_stage(sorting: Sorting, place: _Place) -> None:
    shown = (place.slug, place.step, place.question) in _answers()
    with st.container(key="asked"):
        st.markdown(f"**{sorting.text}**")
    with st.container(key="grid-3"), st.container(key="answers"):
        for item in sorting.items:
            bins = [f"**✓ {b}**" if shown and b == item.bin else b for b in sorting.bins]
            st.markdown(f"{item.text}  \n{' · '.join(bins)}")


def _room(story: Story[Any], facts: Any, seen: Seen, place: _Place) -> None:
    """The room's answers stand beside the question, and its code where it is asked for."""
    asked, revealed = None, False
    if facts is not None and not seen.free:
        asked, _ = _asked(story, story.steps[place.step], facts, place)
        revealed = _answered(place)
    shown = []
    if isinstance(asked, Question):
        order = shuffled(asked, place.slug, place.step, place.question)
        shown = [replace(asked, answers=[asked.answers[k] for k in order])]
    with st.container(key="room-place"):
        room.on_stage(story.slug, seen.step, shown, revealed)


# The way through


def _steps(
    story: Story[Any], place: _Place, presenting: bool, handle: bool, deck: dict[str, Any] | None
) -> None:
    stops = _stops(story)
    at = next((k for k, stop in enumerate(stops) if stop == (place.step, place.question)), None)
    if at is None:
        at = next(k for k, stop in enumerate(stops) if stop[0] == place.step)
    step = story.steps[place.step]
    within = at + 1 < len(stops) and stops[at + 1][0] == place.step
    given = _answers().get((place.slug, place.step, place.question))
    said = f"Step {place.step + 1} of {len(story.steps)}: {step.heading}"
    asked = _n_questions(story.slug, place.step, step)
    if asked > 1:
        said += f". Question {place.question + 1} of {asked}"
    if place.free:
        said = "Free play: all controls of the scenario are on the page."
    elif given is not None:
        said = spoken(given.words)
    elif (place.slug, place.step, place.question) in _sorted_said():
        said = spoken(_sorted_said()[place.slug, place.step, place.question])
    with st.container(key="way"):
        _stepper(
            key="stepper",
            data={
                "slug": story.slug,
                "stops": [{"step": k, "name": story.steps[k].heading} for k, _ in stops],
                "at": at,
                "free": place.free,
                "next": "Next question"
                if within
                else "Next lesson"
                if at == len(stops) - 1
                else "Next",
                "said": said,
                "address": settings.address(),
                "alternatives": st.session_state["_alternatives"],
                "presenting": presenting,
                "handle": handle,
                "asks": not place.free and step.ask is not None,
                "town": _of_a_town(story),
                "shared": {"links": place.shared, "times": [place.visit, place.times]},
                "deck": deck,
            },
            on_go_change=partial(_go, story),
        )


# The laboratory


def _laboratory(story: Story[Any], facts: Any, seen: Seen) -> None:
    panel = _panel(story, seen)
    moved = partial(_only_moved, story, None if facts is None else panel)
    names = [c if isinstance(c, str) else c.name for c in story.controls]
    kept: dict[str, Any] = st.session_state.setdefault("_kept", {})
    scenario = [name for name in names if name in controls.BY_NAME and name != "seed"]
    own = [name for name in names if name not in controls.BY_NAME]
    if scenario:
        controls.presets()
    _offer(story, [*own, *scenario], seen, kept, story.slug, moved)
    everything = [c.name for c in story.known]
    with st.container(horizontal=True):
        if scenario:
            st.button("New draw", key="new-draw", icon=":material/casino:",
                      on_click=_new_draw, args=(moved,),
                      help="Other schools, other students.")  # fmt: skip
        st.button("Back to the start", key="back-to-start", icon=":material/restart_alt:",
                  on_click=settings.forget, args=(everything,),
                  help="All settings as they were at first.")  # fmt: skip
    elsewhere = [
        c.label for c in story.known
        if c.name in controls.BY_NAME and c.name not in scenario and c.name != "seed" and c.name in kept
    ]  # fmt: skip
    if elsewhere and scenario:
        st.caption(f"Set on another page, and at work here too: {', '.join(elsewhere)}.")
    if scenario:
        st.caption(SLIDERS)


def _new_draw(moved: Callable[[], None]) -> None:
    place: _Place = st.session_state["_place"]
    if place.shown is not None:
        settings.put({"seed": controls.following("seed", place.shown.scenario.seed)})
    moved()


def _only_moved(story: Story[Any], panel: tuple[Any, ...] | None) -> None:
    """At the end of a callback: run the figure alone, where no control looks otherwise now."""
    place: _Place = st.session_state["_place"]
    if not place.free or st.session_state.get(f"more-{story.slug}") is not None:
        return
    settings.begin(story.slug)
    st.session_state["_alternatives"] = {}
    stage.on()
    decks.shown()
    place = _place(story)
    place.shown = _seen(story, place)
    if panel == _panel(story, place.shown):
        moving.figure_alone()


# Below the figure, folded

LANGUAGES = {
    "Python (this core)": ("core", "python"),
    "Python (statsmodels)": ("statsmodels", "python"),
    "R (lme4)": ("lme4", "r"),
}


def _more(story: Story[Any], facts: Any, seen: Seen) -> None:
    """What lies below the figure, folded."""
    beliefs = [(said, instead) for said, instead, met in MISCONCEPTIONS if story.slug in met]
    parts: dict[str, Callable[[], None]] = {}
    if story.model is not None:
        parts["The model in full"] = partial(_model, story, facts)
    parts["The figure as a table"] = partial(_table, story, facts, seen)
    if story.listing is not None:
        parts["The code"] = partial(_code, story, facts)
    if beliefs:
        parts["What you may hear"] = partial(_beliefs, beliefs)
    for key in list(st.session_state["_alternatives"])[:1]:
        page = partial(_page, story, st.session_state["_place"])
        parts["Save the figure"] = partial(saving.lesson, story.slug, key, page)
    if not parts:
        return
    with st.container(key="more"):
        chosen = st.pills(
            "More", list(parts), key=f"more-{story.slug}", label_visibility="collapsed"
        )
        if chosen in parts:
            parts[chosen]()


def _page(story: Story[Any], place: _Place) -> str:
    """The figure as it is shown when it is asked for, as a page of its own."""
    from pages.shared.static_site import one_file

    assert place.shown is not None
    return one_file(story, place.shown)


def _model(story: Story[Any], facts: Any) -> None:
    assert story.model is not None
    st.markdown(linked(story.model(facts)))


def _table(story: Story[Any], facts: Any, seen: Seen) -> None:
    """What the figure shows now, and nothing that it hides; cells follow the handle."""
    noted = figure.Drawn()
    token = figure.UNSEEN.set(noted)
    try:
        handle = story.figure(facts, seen)
    finally:
        figure.UNSEEN.reset(token)
    as_table.show(noted.figures, None if noted.without_handle else handle)


def _code(story: Story[Any], facts: Any) -> None:
    """Made only when it is asked for: highlighting costs the browser more than the figure."""
    assert story.listing is not None
    language = st.segmented_control(
        "Language", list(LANGUAGES), key="code", label_visibility="collapsed"
    )
    if language in LANGUAGES:
        field_name, highlight = LANGUAGES[language]
        code = getattr(story.listing(facts), field_name)
        st.caption(
            "Download the data first: the code reads that file, and gives the numbers of this page."
            if FILE in code
            else "It carries its data, runs as pasted, and gives the numbers of this page."
        )
        st.code(code, highlight, height=360)
    if story.data is not None:
        st.download_button(
            "Download the data (CSV)",
            lambda: story.data(facts).to_csv(index=False, float_format="%.4f"),  # type: ignore[misc]
            FILE, "text/csv", icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def _beliefs(beliefs: Sequence[tuple[str, str]]) -> None:
    for said, instead in beliefs:
        st.markdown(f"“{said}” {instead}")
