"""What do the words mean?"""

import streamlit as st

from pages.shared import contents, settings
from pages.shared.terms import MISCONCEPTIONS, REFERENCES, TERMS, Term, find, first_step
from pages.shared.words import count, plain

SLUG = "glossary"
LESSONS = {found.slug: found for found in contents.lessons()}
LONGEST = 60


def asked(said: str) -> str:
    """A search from a link: what can be typed, and no more."""
    return "".join(c for c in said if c.isprintable())[:LONGEST]


def named(said: str) -> str:
    """A term from a link, by any of its names."""
    term = find(said)
    if term is None:
        raise ValueError(f"The glossary has no “{plain(said[:40])}”")
    return term.name


def found(words: list[str]) -> list[Term]:
    """The terms in which all these words stand: first those that are called so."""

    def said_in(term: Term) -> str:
        return " ".join(
            [*term.names, term.meaning, term.symbol, *term.elsewhere.values()]
        ).casefold()

    def rank(term: Term) -> tuple[int, str]:
        names = [name.casefold() for name in term.names]
        phrase = " ".join(words)
        called = 0 if phrase in names else 1 if any(phrase in name for name in names) else 2
        return (called if words else 0, term.name.casefold())

    return sorted((t for t in TERMS if all(word in said_in(t) for word in words)), key=rank)


def lessons(slugs: tuple[str, ...], term: Term | None = None) -> None:
    """Where it is met: the lessons that are there, each at the step that says it first."""
    with st.container(horizontal=True, gap="small"):
        for slug in slugs:
            if slug in LESSONS:
                step = None if term is None else first_step(slug, term)
                st.page_link(
                    LESSONS[slug].path, label=LESSONS[slug].name, icon=":material/school:",
                    query_params=None if step is None else {"step": str(step)},
                )  # fmt: skip


def entry(term: Term) -> None:
    """A term: its meaning, its symbol, its names elsewhere, its lessons."""
    what, others = st.columns([3, 2], gap="medium")
    with what:
        symbol = rf" $\quad {term.symbol}$" if term.symbol else ""
        also = f"  \nAlso: {', '.join(term.also)}." if term.also else ""
        st.markdown(f"**{term.name}**{symbol}  \n{term.meaning}{also}")
        lessons(term.taught, term)
    if term.elsewhere:
        others.markdown("\n".join(f"- {who}: {name}" for who, name in term.elsewhere.items()))


store = st.session_state.setdefault("_glossary", {})
if store.get("visit") != settings.visit():
    store.clear()
    store["visit"] = settings.visit()
wanted = settings.held("term", "", named, store=store)

st.title(contents.lesson(SLUG).question, anchor=False)
settings.notices()
typed = settings.bound(
    "find",
    lambda: st.text_input(
        "Find a word", key="find", max_chars=LONGEST, icon=":material/search:",
        placeholder="a word, a symbol, or what your program calls it: BLUP, xtreg, sigma_u, gamma …",
    ),
    "",
    asked,
)  # fmt: skip
words = typed.casefold().split()
terms = found(words)
if words:
    st.caption(f"{count(len(terms), 'word')} with “{plain(typed)}”." if terms else
               f"No word with “{plain(typed)}”. Try a part of it.")  # fmt: skip

in_words, wrong, sources = st.tabs(["Words", "What learners get wrong", "References"])
with in_words:
    if wanted and not words:
        with st.container(border=True, key="wanted"):
            st.html('<p class="pl-kicker">The word you came for</p>')
            entry(next(term for term in TERMS if term.name == wanted))
    for term in terms:
        if words or term.name != wanted:
            with st.container(gap="xsmall"):
                entry(term)
                st.divider()
with wrong:
    for belief, instead, slugs in MISCONCEPTIONS:
        with st.container(border=True):
            left, right = st.columns([3, 2], gap="medium")
            left.markdown(f"“{belief}”  \n{instead}")
            with right:
                lessons(slugs)
with sources:
    st.markdown("\n".join(f"- {text}{f' [doi]({url})' if url else ''}" for text, url in REFERENCES))
