"""The glossary: every word findable, every link of a lesson to a word that its page uses."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from pages.shared import contents
from pages.shared.terms import MISCONCEPTIONS, REFERENCES, TERMS, find, linked, links
from tests.pages.kit import ROOT, healthy, open_page, text

KNOWN = {lesson.slug for lesson in contents._PLAN}
PAGES = sorted(p for p in (ROOT / "pages").glob("*.py") if p.stem not in ("glossary", "start"))


@cache
def strings(path) -> str:
    """All that a page can say: its texts, joined as Python joins them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant))
    return re.sub(r"\s+", " ", "\n".join(s for s in said if isinstance(s, str)))


@cache
def page(slug: str) -> str:
    """What the page of a lesson can say; that of a reader's own data is in several files."""
    own = (ROOT / "pages" / "shared" / "own_data").glob("*.py") if slug == "your_data" else ()
    return " ".join(strings(p) for p in [ROOT / "pages" / f"{slug}.py", *own])


def links_of(slug: str) -> list[str]:
    """What a page links; R's double brackets are code, and no term has one letter."""
    return [name for name in links(page(slug)) if re.match(r"[^\W\d]{2}", name)]


@pytest.mark.parametrize("slug", [p.stem for p in PAGES])
def test_every_link_of_a_lesson_leads_to_a_word(slug):
    missing = [name for name in links_of(slug) if find(name) is None]
    assert not missing, f"pages/{slug}.py links {missing}: add them to pages/shared/terms.py"


def uses(slug: str, names) -> bool:
    """Whether a page uses one of these words."""
    said = page(slug).casefold()
    return any(re.search(rf"(?<![^\W_]){re.escape(n.casefold())}", said) for n in names)


@pytest.mark.parametrize("term", TERMS, ids=lambda t: t.name)
def test_a_lesson_that_teaches_a_word_uses_it(term):
    assert term.taught, "a word that no lesson uses"
    there = [slug for slug in term.taught if (ROOT / "pages" / f"{slug}.py").exists()]
    silent = [slug for slug in there if not uses(slug, term.names)]
    assert not silent, f"{term.name!r} is not on the pages of {silent}"


def test_a_word_that_is_not_there_is_not_found_on_a_page():
    """The look-up itself can fail."""
    assert not uses("nested_and_crossed", ("conditional mode", "BLUP"))
    assert uses("fixed_and_random", ("conditional mode",))


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


def shown(at) -> list[str]:
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
    assert wanted in shown(at)
    assert len(shown(at)) < 12


def test_a_link_opens_on_its_word():
    at = open_page("glossary", term="ICC")
    assert shown(at)[0] == "Intraclass correlation (ICC)"
    assert sorted(shown(at)) == sorted(term.name for term in TERMS)
    assert not at.warning
    at.text_input(key="find").set_value("shrinkage").run()
    assert shown(at)[0] == "Shrinkage"
    assert "Intraclass correlation (ICC)" not in shown(at)


@pytest.mark.parametrize("asked", ["<script>alert(1)</script>", "[a](http://b.c) **d**"])
def test_what_is_asked_is_never_markup(asked):
    at = open_page("glossary", term=asked)
    assert len(at.warning) == 1
    at.text_input(key="find").set_value(asked[:60]).run()
    healthy(at)
    for said in [*at.caption, *at.warning]:
        assert "](" not in said.value.replace("\\]\\(", "")
        assert "<script>" not in said.value


def test_all_is_there():
    at = open_page("glossary")
    assert sorted(shown(at)) == sorted(term.name for term in TERMS)
    for belief, instead, slugs in MISCONCEPTIONS:
        assert belief in text(at)
        assert instead in text(at)
        assert slugs
        assert set(slugs) <= KNOWN
    assert len(MISCONCEPTIONS) == 9
    firsts = [reference.split(",")[0] for reference, _ in REFERENCES]
    assert firsts == sorted(firsts)
    for who in ("Gelman, A. & Hill", "Gelman, A. (2005)", "Bates", "Wainer", "Rubin"):
        assert any(who in reference for reference, _ in REFERENCES)
