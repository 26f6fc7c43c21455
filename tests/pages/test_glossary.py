"""The glossary: every word findable, every link of a lesson to a word that its page uses."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from pages.shared import contents
from pages.shared.story import designed
from pages.shared.terms import (
    MISCONCEPTIONS,
    REFERENCES,
    TERMS,
    find,
    first_step,
    linked,
    links,
    shown,
    spoken,
    steps_of,
)
from tests.pages.kit import ROOT, healthy, open_page, questions, said, story_of, text

KNOWN = {lesson.slug for lesson in contents._PLAN}
PAGES = sorted(
    p
    for p in (ROOT / "pages").glob("*.py")
    if p.stem not in ("glossary", "start", "decks", "teaching")
)


@cache
def strings(path) -> str:
    """All that a page can say: its texts, joined as Python joins them; no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    notes = {
        id(n.body[0].value)
        for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef | ast.Module) and isinstance(n.body[0], ast.Expr)
    }
    texts = (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in notes)
    return re.sub(r"\s+", " ", "\n".join(n.value for n in texts if isinstance(n.value, str)))


@cache
def page(slug: str) -> str:
    """What the page of a lesson can say; that of a reader's own data is in several files."""
    own = (ROOT / "pages" / "shared" / "own_data").glob("*.py") if slug == "your_data" else ()
    files = [ROOT / "pages" / f"{slug}.py", *own]
    return " ".join([contents.lesson(slug).name, *(strings(p) for p in files)])


def links_of(slug: str) -> list[str]:
    """What a page links; R's double brackets are code, and no term has one letter."""
    return [name for name in links(page(slug)) if re.match(r"[^\W\d]{2}", name)]


@pytest.mark.parametrize("slug", [p.stem for p in PAGES])
def test_every_link_of_a_lesson_leads_to_a_word(slug):
    missing = [name for name in links_of(slug) if find(name) is None]
    assert not missing, f"pages/{slug}.py links {missing}: add them to pages/shared/terms.py"


def uses(slug: str, names, symbol: str = "") -> bool:
    """Whether a page uses one of these words, or the symbol."""
    return spoken(page(slug), names) or shown(page(slug), symbol)


@pytest.mark.parametrize("term", TERMS, ids=lambda t: t.name)
def test_a_lesson_that_teaches_a_word_uses_it(term):
    assert term.taught, "a word that no lesson uses"
    there = [slug for slug in term.taught if (ROOT / "pages" / f"{slug}.py").exists()]
    silent = [slug for slug in there if not uses(slug, term.names, term.symbol)]
    assert not silent, f"{term.name!r} is not on the pages of {silent}"


def test_a_word_that_is_not_there_is_not_found_on_a_page():
    """The look-up itself can fail."""
    assert not uses("nested_and_crossed", ("conditional mode", "BLUP"))
    assert uses("fixed_and_random", ("conditional mode",))


LESSONS = [slug.stem for slug in PAGES if slug.stem != "your_data"]


@cache
def told(slug: str) -> tuple[str, ...]:
    """What each step of a lesson says when it is told, with the facts it says it of."""
    story, steps = story_of(slug), []
    for k, step in enumerate(story.steps):
        facts = story.facts(designed(story, k))
        parts = (step.heading, step.text, step.do, step.changed, step.look)
        words = [said(w, facts) for w in parts]
        for asked in questions(story, k, facts):
            answers = getattr(asked, "answers", ())
            words += [asked.text, *(f"{a.text} {a.why}" for a in answers)]
            words += [item.text for item in getattr(asked, "items", ())]
        words += [step.hand(facts).html] if step.hand is not None else []
        words += [steps_of(slug)[k]] if step.uses else []  # what a choice of the step would say
        steps.append("\n".join(words))
    return tuple(steps)


@pytest.mark.parametrize("slug", LESSONS)
def test_a_link_to_a_lesson_opens_the_step_that_says_the_word(slug):
    assert len(steps_of(slug)) == len(told(slug))
    for term in TERMS:
        step = first_step(slug, term)
        if slug not in term.taught or step is None:
            continue
        here = told(slug)[step - 1]
        if term not in map(find, links(here)):
            assert spoken(here, term.names) or shown(here, term.symbol), (term.name, step)
            assert not any(term in map(find, links(before)) for before in told(slug))


def test_a_step_that_is_not_there_is_not_linked():
    assert first_step("fixed_and_random", find("BLUP")) is None  # in the model in full
    assert first_step("how_sure_about_tau", find("hyperparameter")) == 2
    assert first_step("partial_pooling", find("likelihood")) == 3
    assert steps_of("your_data") == ()
    assert not shown("$\\sigma_y$", "\\sigma")


CITED = re.compile(r"([A-ZÄÖÜ][a-zäöü]{2,})(?: & [A-Z]\w+| et al\.)?,? \(?(1[89]\d\d|20[0-2]\d)\b")


@pytest.mark.parametrize("slug", [p.stem for p in PAGES])
def test_what_a_lesson_cites_is_among_the_references(slug):
    months = ("January", "September", "Minnesota")
    for who, year in CITED.findall(page(slug)):
        if who not in months:
            assert any(who in r and f"({year})" in r for r, _ in REFERENCES), f"{who} {year}"


def test_links_are_by_any_name():
    for asked, name in {
        "ICC": "Intraclass correlation (ICC)",
        "intraclass correlation": "Intraclass correlation (ICC)",
        "hyperparameters": "Hyperparameter",
        "REML": "REML (restricted maximum likelihood)",
        "prior": "Prior distribution",
        "Standard errors": "Standard error",
    }.items():
        assert find(asked).name == name
    assert find("no such word") is None
    assert linked("[[no such word|plain]] [[nor this]]") == "plain nor this"
    assert linked("a [[prior|guess]]").startswith("a [guess](glossary?term=Prior%20distribution ")


def test_a_name_means_one_word():
    names = [name.casefold() for term in TERMS for name in term.names]
    assert len(set(names)) == len(names), {n for n in names if names.count(n) > 1}
    for term in TERMS:
        for name in term.names:
            assert find(name) is term


def test_every_word_says_something():
    order = [term.name.casefold() for term in TERMS]
    assert len(set(order)) == len(order)
    for term in TERMS:
        assert 20 < len(term.meaning) < 330
        assert term.meaning.endswith(".")
        assert not re.search(r"[`$*\[\]]", term.meaning), "a meaning is also a tooltip"
        assert set(term.taught) <= KNOWN


def test_every_lesson_teaches_a_word():
    taught = {slug for term in TERMS for slug in term.taught}
    assert taught >= KNOWN - {"your_data", "glossary"}


def test_what_was_wrong_stays_right():
    """FINDINGS S7 and S4."""
    random = find("random effect")
    assert "says nothing of how" not in random.meaning
    assert "sample" in random.meaning
    predictive = find("predictive distribution")
    assert "middle only" in predictive.elsewhere["R (lme4)"]
    assert not any("Most often they are small" in instead for _, instead, _ in MISCONCEPTIONS)


def listed(at) -> list[str]:
    """The words on the page, in order."""
    names = {f"**{term.name}**": term.name for term in TERMS}
    found = (re.match(r"\*\*.+?\*\*", entry.value) for entry in at.markdown)
    return [names[bold[0]] for bold in found if bold and bold[0] in names]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("BLUP", "BLUP"),
        ("xtreg, fe", "No pooling"),
        ("isSingular", "Singular fit"),
        ("moulton", "Design effect"),
        ("intraclass", "Intraclass correlation (ICC)"),
        ("\\sigma_\\beta", "SD of slopes"),
        ("γ₀₁", "School-level predictor"),
    ],
)
def test_finds_a_word_by_any_of_its_names(asked, wanted):
    at = open_page("glossary", find=asked)
    assert wanted in listed(at)
    assert len(listed(at)) < 12


def test_a_link_opens_on_its_word():
    at = open_page("glossary", term="ICC")
    first = at.get("page_link")[0].proto  # of the word that was asked for
    step = first_step("complete_pooling", find("ICC"))
    assert (first.label, first.query_string) == ("Complete pooling", f"step={step}")
    assert listed(at)[0] == "Intraclass correlation (ICC)"
    assert sorted(listed(at)) == sorted(term.name for term in TERMS)
    assert not at.warning
    at.text_input(key="find").set_value("shrinkage").run()
    assert listed(at)[0] == "Shrinkage"
    assert "Intraclass correlation (ICC)" not in listed(at)


@pytest.mark.parametrize("asked", ["<script>alert(1)</script>", "[a](http://b.c) **d**"])
def test_what_is_asked_is_never_markup(asked):
    at = open_page("glossary", term=asked)
    assert len(at.warning) == 1
    at.text_input(key="find").set_value(asked[:60]).run()
    healthy(at)
    for shown_words in [*at.caption, *at.warning]:
        assert "](" not in shown_words.value.replace("\\]\\(", "")
        assert "<script>" not in shown_words.value


def test_all_is_there():
    at = open_page("glossary")
    assert sorted(listed(at)) == sorted(term.name for term in TERMS)
    for belief, instead, slugs in MISCONCEPTIONS:
        assert belief in text(at)
        assert instead in text(at)
        assert slugs
        assert set(slugs) <= KNOWN
    assert len(MISCONCEPTIONS) == 9
    firsts = [reference.split(",")[0] for reference, _ in REFERENCES]
    assert firsts == sorted(firsts, key=str.casefold)
    for who in ("Gelman, A. & Hill", "Gelman, A. (2005)", "Bates", "Wainer", "Rubin"):
        assert any(who in reference for reference, _ in REFERENCES)
