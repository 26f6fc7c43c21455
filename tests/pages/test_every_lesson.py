"""What holds of every lesson: its story is told from start to end, in every scenario."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import numpy as np
import pytest
import vl_convert

from mlm_core import DataError, Hyperparameters, Scenario
from mlm_core.charts.theme import HEIGHT
from mlm_core.scenario import bounds
from pages.shared import contents, controls, presets, story
from pages.shared import figure as figures
from pages.shared.story import Question, Sorting
from pages.shared.terms import MISCONCEPTIONS
from tests.pages.back_row import too_small
from tests.pages.contrast import faint_marks
from tests.pages.kit import (
    ROOT,
    alternative,
    drawn,
    figure,
    healthy,
    open_page,
    questions,
    right,
    said,
    story_of,
    text,
)

SLUGS = [lesson.slug for lesson in contents.lessons()]
LESSONS = [s for s in SLUGS if s not in ("your_data", "glossary")]
ORDER = ["situation", "predict", "try", "say", "truth", "breaks", "check", "sentence"]


def words(text: str) -> int:
    """Words of a text; a formula on its own line is none."""
    return len(re.sub(r"\$\$.*?\$\$|[*_]", "", text, flags=re.S).split())


def told(slug: str) -> list[tuple[int, story.Step, object]]:
    """Each step with its facts, as designed."""
    lesson = story_of(slug)
    return [
        (k, step, lesson.facts(story.designed(lesson, k))) for k, step in enumerate(lesson.steps)
    ]


# The story as it is written


@pytest.mark.parametrize("slug", LESSONS)
def test_a_story_has_its_steps(slug):
    lesson = story_of(slug)
    kinds = [step.kind for step in lesson.steps]
    assert 5 <= len(kinds) <= 9
    assert kinds[0] == "situation"
    assert kinds[-2:] == ["check", "sentence"]
    assert {"predict", "say"} <= set(kinds)
    assert lesson.slug == slug


@pytest.mark.parametrize("slug", LESSONS)
def test_a_step_is_short(slug):
    total = 0
    for k, step, facts in told(slug):
        assert words(step.heading) <= 8, step.heading
        written = said(step.text, facts)
        assert all(line.count("$$") % 2 == 0 for line in written.splitlines()), "an open formula"
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", written), "a backslash that was eaten"
        spoken = words(written)
        whole = spoken + sum(words(said(w, facts)) for w in (step.changed, step.look))
        total += whole + words(said(step.do, facts))
        if step.kind == "predict":
            whole += sum(words(asked.text) for asked in questions(story_of(slug), k, facts))
        if step.kind not in ("check", "sentence"):
            assert 20 <= whole <= 110, (step.heading, whole)
    assert 300 <= total <= 720, total


@pytest.mark.parametrize("slug", LESSONS)
def test_a_break_says_what_changed_and_where_to_look(slug):
    for step in story_of(slug).steps:
        if step.kind == "breaks":
            assert step.changed
            assert step.look


def questions_of(slug: str) -> list[tuple[int, int, object]]:
    return [
        (k, q, asked)
        for k, _, facts in told(slug)
        for q, asked in enumerate(questions(story_of(slug), k, facts))
    ]


def sound(asked: object, kind: str) -> None:
    """A question has one right answer, no two that read the same, and says nothing twice."""
    if isinstance(asked, Sorting):
        for item in asked.items:
            assert item.bin in asked.bins
            assert set(item.why) == set(asked.bins), item.text
            assert not any(why.startswith("Right") for why in item.why.values()), item.text
        return
    assert isinstance(asked, Question)
    texts = [answer.text for answer in asked.answers]
    assert len(set(texts)) == len(texts), texts
    assert 2 <= len(texts) <= 5
    best = right(asked)
    why = next(a.why for a in asked.answers if a.right)
    for answer in asked.answers:
        assert answer.why.strip(), answer.text
        assert not answer.why.startswith("Right"), f"{answer.why} The verdict says that."
        if not answer.right and kind == "predict":
            sentences = re.split(r"(?<=[.?!])\s+", f"{answer.why} {best}. {why}")
            assert len(set(sentences)) == len(sentences), sentences
        assert not re.search(r"\bnan\b|\binf\b|None", f"{answer.text} {answer.why}")


@pytest.mark.parametrize("slug", LESSONS)
def test_every_question_is_sound(slug):
    asked = questions_of(slug)
    kinds = [story_of(slug).steps[k].kind for k, _, _ in asked]
    for (_, _, question), kind in zip(asked, kinds, strict=True):
        sound(question, kind)
    assert kinds.count("predict") >= 1
    assert 2 <= kinds.count("check") <= 4


def test_the_right_answer_stands_first_no_more_often_than_chance():
    first, expected, variance = 0, 0.0, 0.0
    for slug in LESSONS:
        for k, q, asked in questions_of(slug):
            if isinstance(asked, Question):
                order = story.shuffled(asked, slug, k, q)
                first += asked.answers[order[0]].right
                p = 1 / len(order)
                expected, variance = expected + p, variance + p * (1 - p)
    assert first <= expected + 2 * variance**0.5, (first, expected)


@pytest.mark.parametrize("slug", LESSONS)
def test_nothing_gives_the_answer_before_it_is_asked(slug):
    lesson = story_of(slug)
    step = story.first_prediction(lesson)
    for k in range(step + 1):
        seen = story.designed(lesson, k)
        assert not seen.revealed
        facts = lesson.facts(seen)
        answers = [a for q in questions(lesson, step, facts) for a in q.answers]
        given = {a.why for a in answers}
        spoken = " ".join(shown.alt for shown in drawn(lesson, seen, facts)[0])
        assert not any(why in spoken for why in given)


# The story in other scenarios


def reach(slug: str) -> list[Scenario]:
    """Corners of the laboratory's controls, and scenarios between them."""
    lesson = story_of(slug)
    names = [c for c in lesson.controls if isinstance(c, str) and c in controls.BY_NAME]
    low = {name: controls.BY_NAME[name].limits.low for name in names}
    high = {name: controls.BY_NAME[name].limits.high for name in names}
    high |= {"n_groups": 40.0, "students_per_group": 30.0} if "n_groups" in names else {}
    rng = np.random.default_rng(sum(map(ord, slug)))
    found = [low, high]
    for _ in range(3):
        pick = {}
        for name in names:
            a, b, step = bounds(name)
            b = min(b, 40) if name in ("n_groups", "students_per_group") else b
            pick[name] = a + step * int(rng.integers(0, round((b - a) / step) + 1))
        found.append(pick | {"seed": int(rng.integers(1, 9000))})
    exact = [
        {k: round(v) if isinstance(controls.BY_NAME[k].default, int) else v for k, v in f.items()}
        for f in found
    ]
    return [controls.scenario_of(values, lesson.start) for values in exact]


def facts_or_sentence(lesson: story.Story, seen: story.Seen) -> object:
    """The facts; None where the data cannot answer, and say so in a sentence."""
    try:
        return lesson.facts(seen)
    except DataError as reason:
        sentence = str(reason)
    assert sentence.endswith(".")
    return None


def everything(hand: figures.Hand) -> list[str]:
    """All that words say while the handle moves."""
    return [hand.html, *(" ".join(texts) for texts in hand.texts.values())]


@pytest.mark.parametrize("slug", LESSONS)
def test_the_story_holds_in_every_scenario(slug):
    lesson = story_of(slug)
    for scenario in reach(slug):
        for k in (-1, *range(len(lesson.steps))):
            if k >= 0 and (lesson.steps[k].sets is not None):
                continue
            seen = story.designed(replace(lesson, start=scenario), k)
            facts = facts_or_sentence(lesson, seen)
            if facts is None:
                break
            step = lesson.steps[k] if k >= 0 else None
            spoken = [said(w, facts) for w in (step.text, step.do)] if step else []
            if lesson.lab is not None and step is None:
                lab = lesson.lab(facts)
                spoken += (
                    [lab]
                    if isinstance(lab, str)
                    else [lab.html, *map(" ".join, lab.texts.values())]
                )
            if step is not None and step.hand is not None:
                spoken += everything(step.hand(facts))
            for text_ in spoken:
                assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text_), text_
            for asked in questions(lesson, k, facts) if step else []:
                sound(asked, step.kind)


# Figures


@pytest.mark.parametrize("slug", LESSONS)
def test_every_figure_is_valid_drawn_and_as_high_as_all_others(slug, monkeypatch):
    monkeypatch.setattr(figures, "CHECKED", True)
    figures._template.cache_clear()
    figures._spec.cache_clear()
    lesson = story_of(slug)
    known: dict[str, str] = {}
    for k in (-1, *range(len(lesson.steps))):
        seen = story.designed(lesson, k, answered=True)
        for shown in drawn(lesson, seen)[0]:
            assert len(shown.alt) > 30
            assert any(len(table) for table in shown.tables.values())
            columns = {c for t in shown.tables.values() for c in t.columns}
            assert encoded(shown.spec) <= columns | made(shown.spec)
            if shown.key in known:
                continue
            known[shown.key] = "drawn"
            datasets = {n: t.to_dict(orient="records") for n, t in shown.tables.items()}
            assert not faint_marks(shown.key, shown.spec)
            assert not too_small(shown.spec), shown.key
            svg = vl_convert.vegalite_to_svg(shown.spec | {"datasets": datasets, "width": 600})
            height = float(re.search(r'height="([\d.]+)"', svg)[1])
            assert height <= HEIGHT + 6, (shown.key, height)


def encoded(spec) -> set[str]:
    """Fields that the marks of a figure encode."""
    found = set()
    for key, value in spec.items() if isinstance(spec, dict) else []:
        if key == "field" and isinstance(value, str):
            found.add(value)
        else:
            found |= encoded(value)
    for value in spec if isinstance(spec, list) else []:
        found |= encoded(value)
    return found


def made(spec) -> set[str]:
    """Fields that the figure makes itself by its transforms."""
    found = set()
    if isinstance(spec, dict):
        names = spec.get("as")
        found |= {names} if isinstance(names, str) else set(names or [])
        for value in spec.values():
            found |= made(value)
    elif isinstance(spec, list):
        for value in spec:
            found |= made(value)
    return found


# The pages


def at_step(at, k: int):
    """Go to a step as the reader does."""
    place = at.session_state["_place"]
    place.free, place.step, place.question, place.local = k < 0, max(k, 0), 0, {}
    at.run()
    healthy(at)
    return at


@pytest.mark.parametrize("slug", SLUGS)
def test_opens(slug):
    assert open_page(slug).title


@pytest.mark.parametrize("slug", LESSONS)
def test_every_step_is_a_page_and_every_answer_gets_its_verdict(slug):
    at = open_page(slug)
    assert at.title[0].value == contents.lesson(slug).question
    for k, step in enumerate(story_of(slug).steps):
        at_step(at, k)
        assert at.header[0].value == step.heading
        assert len(at.get("vega_lite_chart")) >= 1
        for which in range(len(at.get("vega_lite_chart"))):
            figure(at, which)
            assert len(alternative(at, which)) > 30
        answers = [b.key for b in at.button if str(b.key).startswith("answer-")]
        if step.kind == "predict" and answers:
            assert sum(verdicts(at, answers)) == 1


def verdicts(at, answers: list[str]) -> list[bool]:
    """Which of the answers is said to be right; each is given and taken back."""
    found = []
    for key in answers:
        at.button(key=key).click().run()
        healthy(at)
        found.append("**Yes.**" in text(at))
        assert found[-1] or "**Not so.**" in text(at)
        at.button(key="take-back").click().run()
        healthy(at)
    return found


@pytest.mark.parametrize("slug", LESSONS)
def test_the_laboratory_holds_at_every_end(slug):
    at = open_page(slug, free="true")
    names = [c if isinstance(c, str) else c.name for c in story_of(slug).controls]
    keys = {str(w.key) for w in (*at.slider, *at.toggle, *at.selectbox, *at.get("button_group"))}
    keys |= {str(w.key).removeprefix("press-") for w in at.button}
    assert {f"{slug}-{name}" for name in names if name != "seed"} <= keys
    for slider in [s for s in at.slider if not s.disabled]:
        for end in (slider.min, slider.max):
            at.slider(key=slider.key).set_value(end).run()
            healthy(at)
        at.slider(key=slider.key).set_value(slider.value)
    for toggle in list(at.toggle):
        at.toggle(key=toggle.key).set_value(not toggle.value).run()
        healthy(at)


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_every_preset_can_be_had(preset):
    at = open_page("partial_pooling", free="true")
    at.selectbox(key="preset").set_value(preset).run()
    healthy(at)
    for name in ("n_groups", "sigma_alpha", "extraordinary"):
        wanted = controls.value_in(presets.PRESETS[preset], name)
        assert at.slider(key=f"partial_pooling-{name}").value == wanted


def test_every_setting_of_the_scenario_is_in_the_address():
    named = {c.name for c in controls.SCENARIO}
    of_scenario = {f.name for f in fields(Scenario) if f.name != "hyper"}
    of_hyper = {f.name for f in fields(Hyperparameters)} - {"a0"}
    assert named == of_scenario | of_hyper
    for name in named:
        assert bounds(name).low < bounds(name).high


@pytest.mark.parametrize("belief", MISCONCEPTIONS, ids=lambda m: m[0][:20])
def test_every_misconception_is_met_where_the_glossary_says(belief):
    wrong, instead, slugs = belief
    at = open_page(slugs[0])
    at.session_state[f"more-{slugs[0]}"] = "What you may hear"
    at.run()
    assert f"“{wrong}” {instead}" in text(at)


def test_the_start_page_lists_every_lesson():
    at = open_page("start")
    links = [link.proto.page_script_hash for link in at.get("page_link")]
    assert len(links) >= len(contents.lessons())
    assert (ROOT / "pages" / "start.py").exists()
