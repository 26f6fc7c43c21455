"""The teaching guide: its addresses open, its plan adds up, its solutions are right."""

from __future__ import annotations

import math
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from pages.shared import contents, decks, guide
from tests.pages.kit import open_page, story_of

TEXT = guide.TEXT.read_text(encoding="utf-8")
LESSONS = [one.slug for one in contents.lessons() if one.slug not in ("your_data", "glossary")]


@pytest.mark.parametrize("address", sorted(set(guide.addresses())))
def test_every_address_opens_a_step(address):
    parts = urlsplit(address)
    slug = parts.path.strip("/")
    assert slug in {page.slug for page in contents.pages()}
    for step in parse_qs(parts.query).get("step", []):
        assert 1 <= int(step) <= len(story_of(slug).steps)


def test_every_lessons_question_has_its_usual_wrong_answer():
    rows = re.findall(r"^\| .*`/([a-z_]+)\?step=(\d)` \| .{10,} \| .{10,} \|$", TEXT, flags=re.M)
    assert [slug for slug, _ in rows] == LESSONS
    for slug, step in rows:
        assert story_of(slug).steps[int(step) - 1].kind == "predict", slug


def test_the_plan_is_the_deck_of_fifty_minutes():
    plan = TEXT.split("## One lecture of fifty minutes")[1].split("##")[0]
    minutes = [int(found) for found in re.findall(r"^\| (\d+) \|", plan, flags=re.M)]
    assert sum(minutes) == decks.ready()["fifty"].minutes == 50


def test_solutions_are_folded_one_for_each_exercise():
    folded = [part.folded for part in guide.parts() if part.folded]
    exercises = re.findall(r"^\*\*(\d+)\.\*\*", TEXT, flags=re.M)
    assert folded == [f"Solution {number}" for number in exercises]
    assert len(folded) == 10
    assert all("<" not in part.text for part in guide.parts())


def test_solutions_are_right():
    """Within 10 points, between 5 points, the common mean 60."""
    found = [" ".join(re.findall(r"\*\*(.+?)\*\*", p.text)) for p in guide.parts() if p.folded]
    weight = 4 / (4 + 10**2 / 5**2)
    assert found[0] == f"{weight * 70 + (1 - weight) * 60:.0f} points"
    assert found[1] == next(str(n) for n in range(99) if n / (n + 4) == 0.8)
    assert found[2] == f"{10 / 2:.0f}, {10 / 4:.1f} and {10 / 10:.0f} points"
    effect = 1 + 49 * 0.05
    assert found[3] == f"{1000 / effect:.0f} students {math.sqrt(effect):.2f} times"
    assert found[4] == f"{1 - 4**2 / 5**2:.0%}"
    assert found[5] == f"{math.hypot(3, 4):.0f} points"
    assert found[6] == f"{1 / math.sqrt(2 / 5**2):.1f} points"
    one, many = (1.96 * math.sqrt(5**2 + 10**2 / n) for n in (1, 25))
    assert found[7] == f"±{one:.1f} points ±{many:.1f} points"


def test_the_page_shows_the_guide_with_its_links():
    at = open_page("teaching")
    assert len(at.expander) == 10
    said = "\n".join(part.value for part in at.markdown)
    assert "[/small_groups?step=2](/small_groups?step=2)" in said
    assert "`/" not in said
