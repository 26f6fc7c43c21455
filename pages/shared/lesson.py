"""The lesson grammar: every lesson has these parts in this order.

Question, predict, figure, what you see, the model, where it breaks, check
yourself, code, in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import pandas as pd
import streamlit as st

from mlm_core import Scenario
from mlm_core.charts.theme import Palette
from pages.shared import contents, controls, figure
from pages.shared.code import Listing
from pages.shared.terms import MISCONCEPTIONS
from pages.shared.words import number, plain

JUST_SHOW = "Just show me"
LANGUAGES = {
    "Python (this core)": ("core", "python"),
    "Python (statsmodels)": ("statsmodels", "python"),
    "R (lme4)": ("lme4", "r"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a question; ``why`` says why it is right, or what is wrong about it."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question to check oneself with; exactly one answer is right."""

    text: str
    answers: Sequence[Answer]


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


def begin(slug: str) -> None:
    """Part 1, the question."""
    here = contents.lesson(slug)
    st.html(f'<div class="pl-part">{here.part}</div>')
    st.title(here.question, anchor=False)


def predict(slug: str, question: str, answers: Sequence[Answer]) -> bool:
    """Part 2: the reader commits to an answer; True once it may be seen.

    Parameters
    ----------
    answers : sequence of Answer
        The right one is computed by the page wherever it depends on the scenario.
    """
    texts = [answer.text for answer in answers]
    with st.container(border=True, key="predict"):
        chosen = controls.choose(
            f"**Predict.** {question}", [*texts, JUST_SHOW], f"predict_{slug}", horizontal=True
        )
        if chosen is None:
            return False
        right = next(answer for answer in answers if answer.right)
        if chosen == JUST_SHOW:
            st.markdown(f"**{right.text}.** {right.why}")
        elif chosen == right.text:
            st.markdown(f":green[:material/check:] **Yes.** {right.why}")
        else:
            wrong = next(answer for answer in answers if answer.text == chosen)
            st.markdown(
                f":orange[:material/close:] **Not so.** {wrong.why} **{right.text}.** {right.why}"
            )
    return True


def figure_and_controls() -> tuple[Any, Any]:
    """Part 3: the place of the figure and, beside it, of at most three controls."""
    figure, beside = st.columns([5, 1.5], gap="medium")
    return figure, beside.container(key="beside")


@dataclass(frozen=True, slots=True)
class Tint:
    """Colours symbols in equations as the figure colours what they stand for."""

    palette: Palette

    def complete(self, tex: str) -> str:
        """In the colour of complete pooling."""
        return rf"\textcolor{{{self.palette.complete}}}{{{tex}}}"

    def no(self, tex: str) -> str:
        """In the colour of no pooling."""
        return rf"\textcolor{{{self.palette.no}}}{{{tex}}}"

    def partial(self, tex: str) -> str:
        """In the colour of partial pooling."""
        return rf"\textcolor{{{self.palette.partial}}}{{{tex}}}"


def tint() -> Tint:
    """The colours of the moment, for equations."""
    return Tint(figure.look().palette)


def beside_truth(*rows: tuple[str, float, float]) -> None:
    """Estimates beside the truth: a small table for the column of controls.

    Parameters
    ----------
    *rows : (name, estimate, truth)
    """
    small_table(
        ["", "estimate", "truth"],
        [[name, f"**{number(found)}**", number(true)] for name, found, true in rows],
    )


def small_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A few numbers for the column of controls; the first column has names."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def see(*sentences: str) -> None:
    """Part 4: what you see, one or two sentences from the live numbers."""
    with st.container(key="see"):
        st.markdown(" ".join(sentences))


def model(equation: str, numbers: str, words: str = "") -> None:
    """Part 5: the equation, then with the numbers of the moment in it.

    Parameters
    ----------
    equation, numbers : str
        LaTeX; colour symbols with `tint`. Empty ``numbers`` keep the answer back.
    words : str
        A sentence between the two.
    """
    st.subheader("The model", anchor=False)
    st.latex(_breaking_between(equation))
    if words:
        st.markdown(words)
    if numbers:
        st.latex(_breaking_between(numbers))


def _breaking_between(formula: str) -> str:
    r"""Formulas with \qquad between them: on a phone they break there, a fraction after its sign too."""
    parts = [part.strip() for part in formula.split(r"\qquad")]
    whole = all(
        p.count("{") == p.count("}") and p.count(r"\begin") == p.count(r"\end") for p in parts
    )
    if len(parts) == 1 or not whole:
        return formula
    return r" \qquad\allowbreak ".join(p if r"\frac" in p else f"{{{p}}}" for p in parts)


def breaks(*cases: tuple[str, str, Scenario] | tuple[str, str, Scenario, dict[str, Any]]) -> None:
    """Part 6: buttons that set the scenario in which the idea fails.

    Parameters
    ----------
    *cases : (button, what to look for, scenario[, other controls of the page by key])
    """
    st.subheader("Where it breaks", anchor=False)
    for k, (button, words, scenario, *others) in enumerate(cases):
        left, right = st.columns([1, 3], vertical_alignment="center")
        left.button(
            button, key=f"break_{k}", on_click=controls.put, args=(scenario,),
            kwargs=others[0] if others else {}, width="stretch",
        )  # fmt: skip
        right.markdown(words)


def check(slug: str, questions: Sequence[Question | Sorting]) -> None:
    """Part 7: two to four questions; a wrong answer says why it is wrong."""
    st.subheader("Check yourself", anchor=False)
    _checks(slug, tuple(questions))


@st.fragment
def _checks(slug: str, questions: Sequence[Question | Sorting]) -> None:
    solved = [
        (_sort if isinstance(question, Sorting) else _ask)(f"check_{slug}_{k}", k, question)  # type: ignore[arg-type]
        for k, question in enumerate(questions, 1)
    ]
    if all(solved):
        st.session_state.setdefault("done", set()).add(slug)


def _ask(key: str, k: int, question: Question) -> bool:
    texts = [answer.text for answer in question.answers]
    if st.session_state.get(key) not in (None, *texts):
        st.session_state[key] = None
    chosen = st.radio(f"{k}. {question.text}", texts, index=None, key=key, persist_state="session")
    answer = next((a for a in question.answers if a.text == chosen), None)
    if answer is None:
        return False
    if answer.right:
        st.success(answer.why, icon=":material/check:")
    else:
        st.warning(answer.why, icon=":material/close:")
    return answer.right


def _sort(key: str, k: int, sorting: Sorting) -> bool:
    st.markdown(f"{k}\\. {sorting.text}")
    right = 0
    for number_of_item, item in enumerate(sorting.items, 1):
        left, middle, beside = st.columns([4, 6, 6], vertical_alignment="center")
        left.markdown(item.text)
        chosen = middle.radio(
            item.text, sorting.bins, index=None, key=f"{key}_{number_of_item}",
            horizontal=True, persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        if chosen is None:
            continue
        sign = ":green[:material/check:]" if chosen == item.bin else ":orange[:material/close:]"
        beside.markdown(f"{sign} {item.why[chosen]}")
        right += chosen == item.bin
    return right == len(sorting.items)


def code(
    listing: Callable[[], Listing],
    data: Callable[[], pd.DataFrame],
    digits: str = "%.4f",
    *,
    from_file: bool = False,
) -> None:
    """Part 8: the page's fit in three languages, and the data to download.

    Both are made only when they are asked for: highlighting code costs the browser
    more than the figure does. With ``from_file`` the code reads the downloaded file.
    """
    st.subheader("Code", anchor=False)
    st.caption(
        "Download the data first: the code reads that file, and gives the numbers of this page."
        if from_file
        else "It carries its data, runs as pasted, and gives the numbers of this page."
    )
    language = controls.choose(
        "Language", list(LANGUAGES), "code", horizontal=True, label_visibility="collapsed"
    )
    if language is not None:
        field, highlight = LANGUAGES[language]
        st.code(getattr(listing(), field), highlight, height=360)
    st.download_button(
        "Download the data (CSV)", lambda: data().to_csv(index=False, float_format=digits),
        "schools.csv", "text/csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def close(slug: str, sentence: str) -> None:
    """Part 9: in one sentence, what else one hears, then Previous and Next."""
    st.subheader("In one sentence", anchor=False)
    with st.container(key="sentence"):
        st.markdown(sentence)
    for belief, instead, met_in in MISCONCEPTIONS:
        if slug in met_in:
            st.markdown(f"**You may hear:** “{belief}” {instead}")
    _before_and_after(slug)


def impossible(slug: str, reason: Exception) -> NoReturn:
    """In place of all parts after the first: the scenario's data cannot answer, and why."""
    st.warning(
        f"{plain(reason)} Here: make the schools larger, or take more of them, with the sliders "
        "at the left.",
        icon=":material/data_alert:",
    )
    _before_and_after(slug)
    st.stop()


def _before_and_after(slug: str) -> None:
    before, after = contents.neighbours(slug)
    left, right = st.columns(2)
    with left:
        if before is None:
            st.page_link("pages/start.py", label="Start", icon=":material/arrow_back:")
        else:
            st.page_link(before.path, label=before.name, icon=":material/arrow_back:")
    with right, st.container(horizontal_alignment="right"):
        if after is not None:
            st.page_link(
                after.path, label=after.name, icon=":material/arrow_forward:", icon_position="right"
            )
