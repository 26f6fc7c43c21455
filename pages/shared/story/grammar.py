"""What a lesson is made of: records, and what a step shows before a reader's hand is on it.

Nothing here knows Streamlit's state or draws anything.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, Literal, TypeVar

import pandas as pd

from mlm_core import Scenario
from pages.shared import controls
from pages.shared.as_table import Layout
from pages.shared.code import Listing
from pages.shared.controls import Control, Slider
from pages.shared.figure import Hand, Handle

F = TypeVar("F")
Words = str | Callable[[F], str]
Kind = Literal["situation", "predict", "try", "say", "truth", "breaks", "check", "sentence"]
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
HELD_HERE = ("school", "truth", "seed")
"""What a click or a key may set in any step, for as long as it is shown."""


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


@dataclass(frozen=True, slots=True)
class Given:
    """Data that no slider changes: while a setting has this value, those of the scenario are off.

    Attributes
    ----------
    name, value : str and its value
        Of the lesson's own control that chooses the data.
    instead : str
        What the data are, and what to choose for the sliders to work.
    """

    name: str
    value: Any
    instead: str


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
    given : Given, optional
        Data of the lesson that are not simulated, so that no slider changes them.
    lab : function of the facts
        What the laboratory says beside the figure: Markdown, or words that follow the handle.
    model, listing, data : functions of the facts
        Below the figure, folded: the model in full (Markdown), the fit as code, its data.
    tables : mapping of str to layouts
        How each figure of the lesson is told as a table, by its key, where `as_table.LAYOUTS`
        does not say it.
    """

    slug: str
    steps: Sequence[Step[F]]
    facts: Callable[[Seen], F]
    figure: Callable[[F, Seen], Handle | None]
    controls: Sequence[str | Control] = ()
    start: Scenario = field(default_factory=Scenario)
    given: Given | None = None
    lab: Callable[[F], str | Hand] | None = None
    model: Callable[[F], str] | None = None
    listing: Callable[[F], Listing] | None = None
    data: Callable[[F], pd.DataFrame] | None = None
    tables: Mapping[str, Sequence[Layout]] = field(default_factory=dict)
    known: Sequence[Control] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", settings_of(self))


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
        default = default_of(control, scenario)
        wanted = {control.name: default, **sets, **changes}[control.name]
        values[control.name] = wanted if control.allowed(wanted, scenario) else default
        scenario = with_value(scenario, control.name, values[control.name])
    first = first_prediction(story)
    revealed = at is None or step > first or (step == first and answered)
    return Seen(scenario, values, "free" if at is None else at.kind, step, revealed)


def default_of(control: Control, scenario: Scenario) -> Any:
    """What a control is at first, in a scenario."""
    options = control.of(scenario) if isinstance(control, controls.Choice) else None
    return control.default if options is None or control.default in options else options[0]


def first_prediction(story: Story[Any]) -> int:
    """The step that asks for the lesson's first prediction; -1 without one."""
    return next((k for k, s in enumerate(story.steps) if s.kind == "predict"), -1)


def settings_of(story: Story[Any]) -> list[Control]:
    """All settings of the lesson: those of every scenario, and its own."""
    start = controls.values_of(story.start)
    idle = None if story.given is None else (story.given.name, story.given.value)

    def at_start(control: Control) -> Control:
        if control.name not in start:
            return control
        set_there = replace(control, default=start[control.name])
        return replace(set_there, idle=idle) if isinstance(set_there, Slider) else set_there

    own = [at_start(c) for c in story.controls if not isinstance(c, str)]
    names = {c.name for c in own}
    return [*(at_start(c) for c in controls.SCENARIO if c.name not in names), *own]


def with_value(scenario: Scenario, name: str, value: Any) -> Scenario:
    """The scenario with a value of one of its settings."""
    if name not in controls.BY_NAME or controls.value_in(scenario, name) == value:
        return scenario
    return controls.scenario_of({name: value}, scenario)


def shuffled(question: Question, slug: str, step: int, k: int) -> list[int]:
    """The order in which the answers of a question stand: always the same."""
    order = list(range(len(question.answers)))
    if not question.ordered:
        random.Random(f"{slug} {step} {k}").shuffle(order)
    return order


def of_a_town(story: Story[Any]) -> bool:
    """Whether the lesson's data are drawn."""
    return any(isinstance(c, str) and c in controls.BY_NAME for c in story.controls)
