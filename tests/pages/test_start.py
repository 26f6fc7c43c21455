"""The start page: the board's question, one way in, the lessons in their order."""

from __future__ import annotations

import ast

import pytest

from mlm_core import Scenario, simulate
from pages.shared import begin, contents
from tests.pages.kit import ROOT, alternative, figure, open_page, text

FIRST = [
    *("next_year", "complete_pooling", "no_pooling", "partial_pooling", "small_groups"),
    *("what_is_multilevel", "varying_intercepts", "varying_slopes", "one_regression_or_two"),
    *("treatment_effects", "prediction", "structured_data", "efficient_inference"),
    *("two_level_predictors", "nested_and_crossed", "fixed_and_random", "how_sure_about_tau"),
]


@pytest.fixture(scope="module")
def page():
    return open_page("start")


def test_it_opens_with_the_question_of_the_board(page):
    assert page.title[0].value == "Which school did best? What will the best school do next year?"
    data = simulate(Scenario()).data
    means = data.group_means(data.y)
    best, largest = int(means.argmax()), int(data.n.argmax())
    said = text(page)
    assert f"**{data.labels[best]}** is at the top with {means[best]:.1f} points" in said
    assert f"the mean of {data.n[best]} students" in said
    assert (
        f"**{data.labels[largest]}** has {means[largest]:.1f}, the mean of {data.n[largest]}"
        in said
    )


def test_the_picture_is_that_of_partial_pooling(page):
    _, tables = figure(page)
    schools = tables["schools"]
    assert len(schools) == 20
    assert (schools["partial_seen"] == 1).all()
    assert (schools["truth_seen"] == 0).all()
    assert schools.loc[schools["picked"], "school"].tolist() == ["Northgate"]
    assert "20 schools, the largest first" in alternative(page)


def test_the_lessons_stand_in_their_order(page):
    links = [link.proto for link in page.get("page_link")]
    listed = [link.page for link in links if link.page in {one.slug for one in contents.lessons()}]
    wanted = [*FIRST, "your_data", "glossary"]
    assert listed[-len(wanted) :] == wanted
    labels = [link.label for link in links][-len(wanted) :]
    assert labels == [contents.lesson(slug).question for slug in wanted]
    parts = [
        m.value
        for m in page.markdown
        if m.value.strip("*") in {one.part for one in contents.lessons()}
    ]
    assert len(parts) == 6


def test_the_button_leads_through_the_lessons_in_their_order():
    assert [lesson.slug for lesson in begin.lessons()] == FIRST


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"slug": "next_year", "step": 1}, ("pages/next_year.py", 1)),
        ({"slug": "prediction", "step": 4}, ("pages/prediction.py", 4)),
        ({"slug": "prediction"}, ("pages/prediction.py", 1)),
        ({"slug": "prediction", "step": True}, ("pages/prediction.py", 1)),
        ({"slug": "prediction", "step": "../4"}, ("pages/prediction.py", 1)),
        ({"slug": "glossary", "step": 1}, None),
        ({"slug": "../app", "step": 1}, None),
        ({"slug": ["next_year"]}, None),
        ("next_year", None),
        (None, None),
    ],
)
def test_only_a_lesson_can_be_gone_to(said, wanted):
    assert begin.place(said) == wanted


def test_it_uses_nothing_that_lessons_no_longer_use():
    tree = ast.parse((ROOT / "pages" / "start.py").read_text(encoding="utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pages")
        for alias in node.names
    }
    assert names == {"begin", "contents", "figure", "remembered", "count", "number", "plain"}
