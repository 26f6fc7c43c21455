"""What do the words mean?"""

import streamlit as st

from pages.shared import contents, lesson
from pages.shared.terms import MISCONCEPTIONS, REFERENCES, TERMS, Term
from pages.shared.words import count, plain

SLUG = "glossary"
there = {found.slug: found for found in contents.lessons()}


def said_in(term: Term) -> str:
    """All the text of a term, to search in."""
    return " ".join([term.name, term.meaning, term.symbol, *term.elsewhere.values()]).casefold()


def links(slugs: tuple[str, ...]) -> None:
    """Where it is taught: the lessons that exist."""
    with st.container(horizontal=True, gap="small"):
        for slug in slugs:
            if slug in there and slug != SLUG:
                st.page_link(there[slug].path, label=there[slug].name, icon=":material/school:")


lesson.begin(SLUG)
wanted = st.text_input(
    "Find a word", key="find", bind="query-params", max_chars=60, icon=":material/search:",
    placeholder="a word, a symbol, or what your program calls it: BLUP, xtreg, sigma_u, gamma …",
)  # fmt: skip
words = (wanted or "").casefold().split()
found = sorted(
    (term for term in TERMS if all(word in said_in(term) for word in words)),
    key=lambda term: (bool(words) and words[0] not in term.name.casefold(), term.name.casefold()),
)
if words:
    st.caption(f"{count(len(found), 'word')} with “{plain(wanted)}”." if found else
               f"No word with “{plain(wanted)}”. Try a part of it.")  # fmt: skip

in_words, wrong, sources = st.tabs(["Words", "What learners get wrong", "References"])
with in_words:
    for term in found:
        with st.container(border=True):
            what, others = st.columns([3, 2], gap="medium")
            with what:
                symbol = rf" $\quad {term.symbol}$" if term.symbol else ""
                st.markdown(f"**{term.name}**{symbol}  \n{term.meaning}")
                links(term.taught)
            with others:
                if term.elsewhere:
                    names = (f"- {who}: {name}" for who, name in term.elsewhere.items())
                    st.markdown("\n".join(names))
with wrong:
    for belief, instead, slugs in MISCONCEPTIONS:
        with st.container(border=True):
            left, right = st.columns([3, 2], gap="medium")
            left.markdown(f"“{belief}”  \n{instead}")
            with right:
                links(slugs)
with sources:
    st.markdown("\n".join(f"- {text}{f' [doi]({url})' if url else ''}" for text, url in REFERENCES))

lesson.close(
    SLUG,
    "A regression whose coefficients have a model of their own: all other words serve that one idea.",
)
