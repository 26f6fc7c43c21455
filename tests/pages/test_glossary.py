"""The glossary: every word findable, every link to a lesson that exists."""

from __future__ import annotations

import pytest

from pages.shared import contents
from pages.shared.terms import MISCONCEPTIONS, REFERENCES, TERMS
from tests.pages.kit import healthy, open_page, text

KNOWN = {lesson.slug for lesson in contents._PLAN}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("BLUP", "Partial pooling"),
        ("xtreg, fe", "No pooling"),
        ("isSingular", "Singular fit"),
        ("moulton", "Design effect"),
        ("intraclass", "Intraclass correlation"),
        ("\\sigma_\\beta", "SD of slopes"),
        ("γ₀₁", "School-level predictor"),
    ],
)
def test_finds_a_word_by_any_of_its_names(asked, wanted):
    at = open_page("glossary", find=asked)
    assert f"**{wanted}" in text(at)
    assert text(at).count("**") < 20


@pytest.mark.parametrize("asked", ["<script>alert(1)</script>", "**", "$x$", "[a](b)", "x" * 500])
def test_what_is_asked_is_never_markup(asked):
    at = open_page("glossary")
    at.text_input(key="find").set_value(asked[:60]).run()
    healthy(at)
    for caption in at.caption:
        assert "<script>" not in caption.value
        assert "](" not in caption.value


def test_every_word_is_there_once_and_says_something():
    names = [term.name for term in TERMS]
    assert len(set(names)) == len(names)
    at = open_page("glossary")
    for term in TERMS:
        assert f"**{term.name}**" in text(at)
        assert 20 < len(term.meaning) < 330
        assert term.meaning.endswith(".")
        assert set(term.taught) <= KNOWN


def test_every_lesson_teaches_a_word():
    taught = {slug for term in TERMS for slug in term.taught}
    assert taught >= KNOWN - {"your_data", "glossary"}


def test_misconceptions_and_references():
    at = open_page("glossary")
    for belief, instead, slugs in MISCONCEPTIONS:
        assert belief in text(at)
        assert instead in text(at)
        assert slugs
        assert set(slugs) <= KNOWN
    assert len(MISCONCEPTIONS) == 9
    for who in ("Gelman, A. & Hill", "Gelman, A. (2005)", "Bates", "Wainer", "Rubin", "Crouch"):
        assert any(who in reference for reference, _ in REFERENCES)
    firsts = [reference for reference, _ in REFERENCES]
    assert [r.split(",")[0] for r in firsts] == sorted(r.split(",")[0] for r in firsts)
