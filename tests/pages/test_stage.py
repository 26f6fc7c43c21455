"""The stage: what it says of each step, how large marks and type are, what its keys do."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest
import segno

from pages.shared import contents, links, stage, story
from pages.shared.story import answers, stepper
from tests.pages.kit import drawn, healthy, open_page, questions, right, said, story_of, text

LESSONS = [one.slug for one in contents.lessons() if one.slug not in ("your_data", "glossary")]


# What is said


@pytest.mark.parametrize("slug", LESSONS)
def test_every_step_has_a_line_for_the_back_row(slug):
    lesson = story_of(slug)
    for k, step in enumerate(lesson.steps):
        if step.ask is not None:
            continue
        facts = lesson.facts(story.designed(lesson, k))
        words = {name: said(getattr(step, name), facts) for name in ("text", "do", "changed")}
        shown = stage.line(words["text"], do=words["do"], changed=words["changed"])
        assert 2 <= stage.n_words(shown) <= stage.WORDS, (k, shown)
        assert re.search(r"[.?!]\W*$", shown), (k, shown)
        assert "[[" not in shown
        assert "$$" not in shown
        assert "|" not in shown
        assert shown.count("**") % 2 == 0
        assert shown.count("$") % 2 == 0
        if words["do"]:
            assert shown.split(".")[0] in re.sub(r"\[\[|\]\]", "", words["do"])


def test_a_line_is_the_beginning_of_what_is_said():
    spoken = "$$y = x$$\n\nThe [[mean|middle]] is 7.2 points. " + "It is long. " * 30
    shown = stage.line(spoken)
    assert shown.startswith("The middle is 7.2 points. It is long.")
    assert 20 < stage.n_words(shown) <= stage.WORDS
    long = f"{'One of **them' + ' all' * 18}: {'then' + ' more' * 19}."
    assert stage.line(long) == f"One of **them{' all' * 18}**."
    assert stage.line("Text.", changed="New.\n\n`(1 | school)`\n\nMore.") == "New. More."


# How large


def figures(slug: str):
    lesson = story_of(slug)
    for k in (-1, *range(len(lesson.steps))):
        yield from drawn(lesson, story.designed(lesson, k, answered=True))[0]


def test_nothing_but_sizes_has_changed():
    shown = next(iter(figures("structured_data")))
    larger = stage.enlarged(shown.spec)
    assert blanked(larger) == blanked(shown.spec)
    assert larger != shown.spec


def blanked(part, inside=""):
    """A specification without the sizes."""
    if isinstance(part, dict):
        return {k: blanked(v, k) for k, v in part.items()
                if not k.lower().endswith("fontsize") and k != "size"}  # fmt: skip
    return [blanked(v) for v in part] if isinstance(part, list) else part


def test_marks_of_schools_are_large_and_keep_their_order():
    (shown, *_) = figures("partial_pooling")
    sizes = [
        [m["mark"]["size"] for m in spec_marks(spec) if m["mark"].get("shape") == "circle"]
        for spec in (shown.spec, stage.enlarged(shown.spec))
    ]  # fmt: skip
    before, after = sizes
    assert len(before) > 1
    assert all(b > a for a, b in zip(before, after, strict=True))
    order = sorted(range(len(before)), key=before.__getitem__)
    assert [after[k] for k in order] == sorted(after)


def spec_marks(spec):
    found = [spec] if "mark" in spec else []
    for layer in spec.get("layer", []):
        found += spec_marks(layer)
    return found


def test_sizes_in_conditions_and_scales_grow_too():
    spec = {
        "mark": {"type": "circle"},
        "encoding": {"size": {"condition": {"test": "x", "value": 58}, "value": 24}},
        "layer": [{"mark": "point", "encoding": {"size": {"scale": {"range": [26, 300]}}}},
                  {"mark": {"type": "text"}, "encoding": {"size": {"value": 11}}},
                  {"mark": {"type": "point", "size": {"expr": "a"}, "opacity": 0}}],
        "config": {"mark": {"aria": False}},
    }  # fmt: skip
    grown = stage.enlarged(spec)
    of_both = grown["encoding"]["size"]
    assert of_both["condition"]["value"] == pytest.approx(11.3**2)
    assert of_both["value"] == pytest.approx(1.6 * 24)
    assert grown["layer"][0]["encoding"]["size"]["scale"]["range"] == [100, 300]
    assert grown["layer"][1]["encoding"]["size"]["value"] == stage.TYPE
    assert grown["layer"][2] == spec["layer"][2]
    assert spec["encoding"]["size"]["value"] == 24


def test_sizes_that_data_tell_grow_by_a_rule_of_their_own():
    told = {"field": "area", "scale": None, "type": "quantitative"}
    grown = stage.enlarged({"mark": {"type": "point"}, "encoding": {"size": told}})
    assert grown["encoding"]["size"]["field"] == "large_area"
    assert grown["transform"] == [{"calculate": "62 + 0.8 * datum['area']", "as": "large_area"}]
    assert told["field"] == "area"
    scaled = {"mark": "point", "encoding": {"size": {"field": "n", "scale": {"range": [26, 300]}}}}
    assert stage.enlarged(scaled)["encoding"]["size"]["field"] == "n"
    assert "transform" not in stage.enlarged(scaled)


NAMES = {"type": "text", "align": "right", "fontSize": 12.7, "limit": 118}


def test_of_many_low_rows_every_second_is_named_and_none_beside_the_picked():
    spec = {"mark": NAMES, "encoding": {"y": {"field": "place"}, "x": {"value": 0}}}
    spec["transform"] = [{"filter": "datum.named"}]
    counted, first, joined, kept, rule = stage.enlarged(spec)["transform"]
    assert counted["sort"] == [{"field": "place", "order": "ascending"}]
    assert kept == {"filter": "datum.named"}
    assert first["as"] == "picked_nth"
    assert {(j["op"], j["field"]) for j in joined["joinaggregate"]} == {
        ("max", "nth"), ("max", "picked_nth")}  # fmt: skip
    tables = {picked: named(rule["filter"], 24, picked) for picked in (-9, 7, 14, 23, 24)}
    odd = [*range(1, 23, 2), 24]
    assert tables == {
        -9: odd,
        7: odd,
        14: sorted({*odd, 14} - {13, 15}),
        23: [*range(1, 23, 2), 23],
        24: odd,
    }
    assert named(rule["filter"], 21, -9) == list(range(1, 22, 2))
    assert named(rule["filter"], 40, -9) == list(range(1, 41))
    for high in ({"fontSize": 14}, {"align": "left"}):
        others = spec | {"mark": NAMES | high}
        assert stage.enlarged(others)["transform"] == [{"filter": "datum.named"}]


def named(rule: str, rows: int, picked: int) -> list[int]:
    """The rows that a filter of Vega's lets pass, from 1."""
    read = re.sub(r"datum\.(\w+)", r"datum['\1']", rule)
    read = read.replace("||", " or ").replace("&&", " and ")
    return [
        nth
        for nth in range(1, rows + 1)
        if eval(read, {"datum": {"nth": nth, "picked": nth == picked,
                                 "picked_nth": picked, "last_nth": rows}})
    ]  # fmt: skip


@pytest.mark.parametrize("slug", ["partial_pooling", "complete_pooling", "treatment_effects"])
def test_a_school_of_which_the_stage_speaks_is_named_in_the_figure(slug):
    lesson = story_of(slug)
    seen = 0
    for k, step in enumerate(lesson.steps):
        at = story.designed(lesson, k)
        facts = lesson.facts(at)
        words = {name: said(getattr(step, name), facts) for name in ("text", "do", "changed")}
        spoken = stage.line(words["text"], do=words["do"], changed=words["changed"])
        asked = questions(lesson, k, facts) if step.ask is not None else []
        spoken = " ".join([spoken, *(one.text for one in asked)])
        for written, schools in names_in(drawn(lesson, at)[0]):
            seen += len(written) < len(schools)
            assert {school for school in schools if school in spoken} <= set(written), k
    assert seen


def names_in(figures):
    """Of figures with low rows: the schools whose names are written, and all."""
    for shown in figures:
        for mark in spec_marks(shown.spec):
            grown = stage.enlarged(mark)
            if grown.get("transform", [{}])[0].get("window") is None:
                continue
            field = mark["encoding"]["y"]["field"]
            (table,) = (t for t in shown.tables.values() if {"named", "picked", field} <= {*t})
            table = table.sort_values(field).reset_index(drop=True)
            picked = int(table.index[table["picked"].astype(bool)][0]) + 1
            rows = named(grown["transform"][-1]["filter"], len(table), picked)
            schools = table["school"].tolist()
            names = table["named"].astype(bool)
            yield [schools[row - 1] for row in rows if names[row - 1]], schools


def test_titles_and_upright_names_have_room_for_their_type():
    title = {"type": "text", "align": "right", "dx": -8, "fontSize": 13, "limit": 118}
    grown = stage.enlarged({"mark": title | {"fontWeight": "bold"}})["mark"]
    assert (grown["limit"], grown["dx"]) == (138.0, 4)
    upright = {"type": "text", "angle": 270, "fontSize": 12.5, "limit": 66}
    assert stage.enlarged({"mark": upright})["mark"]["limit"] == 80.3
    assert stage.enlarged({"mark": title})["mark"]["limit"] == 118


# Links


ADDRESS = "http://lab:8501/partial_pooling?step=2&handle=35&seed=9&truth=true&present=true&deck=fifty&picture=4"


def test_a_link_as_a_question_carries_no_answer():
    question, answer = links.to_copy(ADDRESS, asks=True)
    assert question["link"] == "http://lab:8501/partial_pooling?step=2&seed=9"
    assert answer["link"] == (
        "http://lab:8501/partial_pooling?step=2&handle=35&seed=9&truth=true&reveal=true"
    )
    (again, _) = links.to_copy(answer["link"], asks=True)
    assert again["link"] == question["link"]


def test_elsewhere_there_is_one_link_to_what_is_seen():
    (only,) = links.to_copy(ADDRESS, asks=False)
    assert only["link"] == "http://lab:8501/partial_pooling?step=2&handle=35&seed=9&truth=true"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "", "file:///etc/passwd", "x"])
def test_only_addresses_of_the_web_are_links(address):
    assert links.to_copy(address, asks=True) == []


def test_a_code_holds_the_link_black_on_white():
    link = "http://lab:8501/small_groups?step=2&school=Elm+Park"
    drawing = links.code(link)
    side = int(re.search(r'viewBox="0 0 (\d+)', drawing)[1])
    dark = set()
    x = y = 0.0
    (path,) = re.findall(r'class="qrline" stroke="#000" d="([^"]+)"', drawing)
    for act, numbers in re.findall(r"([Mmh])([^Mmh]+)", path):
        found = [float(n) for n in re.findall(r"-?\d*\.?\d+", numbers)]
        if act == "M":
            x, y = found
        elif act == "m":
            x, y = x + found[0], y + found[1]
        else:
            dark |= {(int(x) + k, int(y)) for k in range(int(found[0]))}
            x += found[0]
    matrix = segno.make(link, error="m", micro=False).matrix
    assert side == len(matrix) + 8
    assert dark == {
        (c + 4, r + 4) for r, row in enumerate(matrix) for c, bit in enumerate(row) if bit
    }
    assert 'fill="#fff"' in drawing
    assert links.code("http://lab/?" + "x" * 4000) == ""


# The keys, as the server answers them


def test_the_stage_keeps_its_answer_until_it_is_asked_for():
    at = open_page("partial_pooling", step=2, present="true")
    page = text(at)
    question = story_of("partial_pooling").steps[1].ask
    assert at.header[0].value == story_of("partial_pooling").steps[1].heading
    assert at.session_state["_said"]["present"] == "true"
    answers = [b for b in at.button if str(b.key).startswith("answer-")]
    assert {b.proto.icon for b in answers} == {":material/radio_button_unchecked:"}
    place = at.session_state["_place"]
    facts = story_of("partial_pooling").facts(place.shown)
    best = right(question(facts))
    why = next(a.why for a in question(facts).answers if a.right)
    assert why not in page
    wrong = next(b.key for b in answers if b.label != best)
    at.button(key=wrong).click().run()
    assert why not in text(at)
    assert not at.session_state["_place"].shown.revealed
    act(at, "reveal")
    assert f"**{best}.** {why}" in text(at)
    assert at.session_state["_place"].shown.revealed
    marked = [b.label for b in at.button if b.proto.icon == ":material/check:"]
    assert marked == [best]
    act(at, "reveal")
    assert why not in text(at)
    act(at, "truth")
    assert at.session_state["_place"].shown["truth"] is True
    assert at.session_state["_said"]["truth"] == "true"
    before = at.session_state["_place"].shown.scenario.seed
    act(at, "draw")
    assert at.session_state["_place"].shown.scenario.seed != before
    act(at, 2)
    shown = at.session_state["_place"].shown
    assert (shown["truth"], shown.scenario.seed) == (False, before)
    act(at, "stage")
    assert "present" not in at.session_state["_said"]


def act(at, to):
    """What the browser asks, as the stepper's callback gets it."""

    class Asked:
        go = to

    with patch.object(stepper.st, "session_state", Proxy(at.session_state, Asked)):
        stepper.go(story_of(at.session_state["_place"].slug))
    at.run()
    healthy(at)


class Proxy:
    """The state of a test's session, with an answer of the stepper."""

    def __init__(self, state, asked):
        self.state, self.asked = state, asked

    def __getitem__(self, name):
        return self.asked if name == "stepper" else self.state[name]

    def __setitem__(self, name, value):
        self.state[name] = value

    def get(self, name, otherwise=None):
        return self.state[name] if name in self.state else otherwise  # noqa: SIM401

    def setdefault(self, name, otherwise):
        if name not in self.state:
            self.state[name] = otherwise
        return self.state[name]

    def pop(self, name, otherwise=None):
        found = self.get(name, otherwise)
        if name in self.state:
            del self.state[name]
        return found


def test_a_link_as_an_answer_opens_it_shown_and_is_not_passed_on():
    at = open_page("partial_pooling", step=2, reveal="true")
    assert at.session_state["_place"].shown.revealed
    assert "**Those with few students.**" in text(at)
    assert "reveal" not in at.session_state["_said"]
    at = open_page("small_groups", step=8, question=3, reveal="true", present="true")
    assert at.session_state["_said"]["question"] == "3"
    assert [b.label for b in at.button if b.proto.icon == ":material/check:"] == [
        "It is more likely not among them"
    ]


def test_a_link_sets_the_truth_and_the_draw_of_its_step_only():
    at = open_page("partial_pooling", step=6, truth="false", seed=7)
    shown = at.session_state["_place"].shown
    assert (shown["truth"], shown.scenario.seed) == (False, 7)
    act(at, 4)
    act(at, 5)
    shown = at.session_state["_place"].shown
    assert shown["truth"] is True
    assert shown.scenario.seed == story_of("partial_pooling").steps[5].sets.seed


def asked_first(at):
    """The first question of a lesson."""
    lesson = story_of(at.session_state["_place"].slug)
    k = story.first_prediction(lesson)
    return questions(lesson, k, lesson.facts(story.designed(lesson, k)))[0]


def test_what_a_lost_session_knew_comes_back_with_the_address():
    at = open_page("small_groups", present="true", n_groups=30)
    assert at.session_state["_place"].step == 0
    name = at.session_state["_session"]
    act(at, {"resume": "?present=true&step=8&question=2&reveal=true&rank=own"})
    place = at.session_state["_place"]
    assert (place.step, place.question, place.free) == (7, 1, False)
    assert at.session_state["_said"] == {
        "present": "true", "step": "8", "question": "2", "reveal": "true"}  # fmt: skip
    assert [b for b in at.button if b.proto.icon == ":material/check:"]
    assert at.session_state["_session"] == name
    wrong = next(k for k, a in enumerate(asked_first(at).answers) if not a.right)
    kept = {"small_groups": [[1, 0, wrong], [7, 0, -1], ["1", 0, 0], [True, 0, 0], 3], "x": 1}
    act(at, {"resume": "?present=true&step=3", "given": kept})
    assert at.session_state["_place"].step == 2
    assert "reveal" not in at.session_state["_said"]
    act(at, 1)
    why = asked_first(at).answers[wrong].why
    assert stage.line(why, most=stage.VERDICT) in text(at)
    assert [b.proto.icon for b in at.button].count(":material/check:") == 1
    with patch.object(answers.st, "session_state", Proxy(at.session_state, None)):
        told = answers.for_the_browser()["small_groups"]
    assert sorted(map(list, told)) == [[1, 0, wrong], [7, 0, -1], [7, 1, -1]]
    act(at, {"resume": f"?step=3&x={'y' * 30_000}"})
    assert at.session_state["_place"].step == 2
    act(at, "stage")
    act(at, "reveal")
    assert "reveal" not in at.session_state["_said"]
