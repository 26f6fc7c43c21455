"""The lesson on nested and crossed: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from mlm_core.lessons.nested_and_crossed import facts
from pages.shared import story
from pages.shared.words import number
from tests.pages.kit import drawn, mark_at, open_page, questions, right, run_python, said, story_of

STORY = story_of("nested_and_crossed")
KINDS = [step.kind for step in STORY.steps]
PREDICT, TRY, SAY, TRUTH, SLASH, CHECK = (
    KINDS.index(k) for k in ("predict", "try", "say", "truth", "breaks", "check")
)
AGAIN = SLASH + 1
CORNERS = [(5.0, 10.0, 28), (0.0, 10.0, 3), (20.0, 30.0, 13)]


def at(settings=CORNERS[0], data="areas", again=False):
    return facts(*settings, data, again)


def schools_of(f, step):
    """In how many schools each neighbourhood has children, counted one by one."""
    made = f.areas[step].made
    pairs = set(zip(made.outer.tolist(), made.inner.tolist(), strict=True))
    return [sum(inner == k for _, inner in pairs) for k in sorted({i for _, i in pairs})]


@pytest.mark.parametrize("settings", CORNERS)
def test_the_prediction_is_computed(settings):
    f = at(settings)
    several = sum(k > 1 for k in schools_of(f, f.rest))
    asked = questions(STORY, PREDICT, f)[0]
    assert right(asked) == ("No, not nested" if several else "Yes, nested")
    why = next(a.why for a in asked.answers if a.right)
    if several:
        assert why.startswith(f"{several} of 16 neighbourhoods")


def test_where_nobody_moves_the_neighbourhoods_are_nested():
    """A draw in which one neighbourhood is shared, and one in which none is."""
    none, one = (at((5.0, 10.0, seed)) for seed in (2134, 431))
    assert [sum(k > 1 for k in schools_of(f, f.rest)) for f in (none, one)] == [0, 1]
    assert right(questions(STORY, PREDICT, none)[0]) == "Yes, nested"
    why = [a.why for a in questions(STORY, PREDICT, one)[0].answers]
    assert any(w.startswith("1 of 16 neighbourhoods has children") for w in why)
    assert any("1 column has more" in w for w in why)


@pytest.mark.parametrize("settings", CORNERS)
def test_the_words_follow_the_handle(settings):
    f = at(settings)
    texts, sds = STORY.steps[TRY].hand(f).texts, STORY.steps[TRUTH].hand(f)
    cost = STORY.steps[SLASH].hand(f).texts
    home = f.areas[0].made.outer
    for k in (0, 1, 5, 10):
        several = sum(n > 1 for n in schools_of(f, k))
        moved = int((f.areas[k].made.outer != home).sum())
        assert texts["several"][k].startswith(f"{several} of 16")
        assert texts["moved"][k].startswith("no children" if moved == 0 else f"{moved} child")
        right_, wrong = f.areas[k].right.found, f.areas[k].wrong.found
        found = (right_.sd["outer"], right_.sd["inner"], right_.sigma_y)
        assert [sds.texts[f"s{i}"][k] for i in range(3)] == [number(v) for v in found]
        assert sds.texts["misses"][k] == number(f.areas[k].right.misses(f.areas[k].truth))
        assert cost["n1"][k] == str(sum(schools_of(f, k)))
        assert cost["e1"][k] == number(wrong.mode_sd["inner"].mean())
        assert cost["e0"][k] == number(right_.mode_sd["inner"].mean())
        assert cost["n0"][k] == "16"
    assert texts["kind"][0] == "Nested"
    true = [settings[0], 4.0, settings[1]]
    assert re.findall(r"</td><td>([\d.]+)</td>", sds.html) == [number(v) for v in true]


@pytest.mark.parametrize("settings", CORNERS)
def test_sentences_say_what_was_fitted(settings):
    f = at(settings)
    look = said(STORY.steps[SLASH].look, f)
    last = f.areas[-1]
    assert f"there are {sum(schools_of(f, 10))} of them instead of 16" in look
    assert ("±" in look) == f.costly
    if f.costly:
        pieces, whole = (number(one.mean_error) for one in (last.wrong, last.right))
        assert f"±{pieces} points instead of ±{whole}" in look
    truth = said(STORY.steps[TRUTH].text, f)
    misses = [m.right.misses(m.truth) for m in (f.areas[0], last)]
    assert f"{number(misses[0])} points at the left end, {number(misses[1])} at the right" in truth
    assert ("did not help" in truth) == (misses[1] >= misses[0])
    schools, areas, _ = f.now.right.sds
    more = "schools" if schools > areas else "neighbourhoods"
    assert f"more between **{more}**" in said(STORY.steps[-1].text, f)
    again = at(settings, "districts", True)
    look = said(STORY.steps[AGAIN].look, again)
    unique, wrong = (
        [number(sd) for sd in one.sds]
        for one in (again.districts[1].right, again.districts[1].wrong)
    )
    assert look.startswith("24 schools have become 4.")
    assert f"comes out as {wrong[1]} instead of {unique[1]} (truth {number(settings[0])})" in look
    assert f"students as {wrong[2]} instead of {unique[2]}" in look
    look = said(STORY.steps[AGAIN].look, at(settings, "districts"))
    assert f"an SD of {unique[0]}, schools of one district {unique[1]}" in look


def test_the_slash_costs_what_the_finding_said():
    """±2.6 where ±1.4 can be had, in the figure and in words."""
    assert "±2.6 points instead of ±1.4" in said(STORY.steps[SLASH].look, at())


def test_checks_count_the_intercepts():
    asked = questions(STORY, CHECK, at())
    assert right(asked[0]) == "24: one for each group"
    assert any(a.text.startswith("128:") for a in asked[0].answers)
    assert [right(q) for q in asked[1:]] == [
        "One class in two schools",
        "When classes are nested and have unique labels",
        "Partially crossed: not nested any more",
    ]


def test_what_a_check_asks_was_said_before_it():
    """The slash, recycled labels, and what one child does (FINDINGS T12)."""
    told = " ".join(
        said(words, STORY.facts(story.designed(STORY, k)))
        for k, step in enumerate(STORY.steps[:CHECK])
        for words in (step.text, step.do, step.changed, step.look)
    )
    needed = (
        "slash",
        "unique names both formulas say the same",
        "one [[varying intercept]] for each school",
        "[[recycled labels]]",
        "Then move **one** step to the right",
        "partially",
    )
    for words in needed:
        assert words in told


def test_each_mark_shows_its_field():
    seen = story.designed(STORY, TRUTH, slash=True)
    (figure,), handle = drawn(STORY, seen)
    hollow = mark_at(figure.spec, shape="circle", fill="transparent")
    assert [e["y"]["field"] for e in hollow] == ["own"]
    (diamond,) = mark_at(figure.spec, shape="diamond")
    (square,) = mark_at(figure.spec, shape="square")
    assert diamond["y"]["field"] == square["y"]["field"] == "part"
    circles = [e for e in mark_at(figure.spec, shape="circle") if e not in hollow]
    assert sorted(e["y"]["field"] for e in circles) == ["part", "row"]
    for bar in mark_at(figure.spec, type="bar"):
        assert (bar["y"]["field"], bar["y2"]["field"]) == ("low", "high")
    layers = {
        layer["mark"].get("shape") or layer["mark"]["type"] + str(layer["mark"].get("size")): layer
        for layer in figure.spec["layer"]
        if isinstance(layer["mark"], dict)
    }
    named = {name: layer["data"]["name"] for name, layer in layers.items() if "data" in layer}
    assert named["diamond"] == "truth"
    assert named["square"] == named["bar1.4"] == "wrong"
    assert named["bar5"] == "right"
    assert handle.rest == 1
    assert handle.spoken[0] == "no children elsewhere"
    assert handle.spoken[-1] == f"{STORY.facts(seen).moved[-1]} children elsewhere"


@pytest.mark.parametrize("step", range(len(KINDS)))
def test_each_step_shows_its_layers(step):
    seen = story.designed(STORY, step)
    (figure,), _ = drawn(STORY, seen)
    shown = {name: bool(figure.tables[name]["seen"].all()) for name in ("right", "wrong", "truth")}
    own = bool(figure.tables["right"]["own_seen"].all())
    assert own == (step < SAY)
    assert shown["right"] == (step >= SAY)
    assert shown["wrong"] == (step == SLASH)
    assert shown["truth"] == (step == TRUTH)


def test_the_figure_waits_for_the_answer():
    before, _ = drawn(STORY, story.designed(STORY, PREDICT))
    after, _ = drawn(STORY, story.designed(STORY, PREDICT, answered=True))
    assert not before[0].tables["columns"]["shared"].any()
    assert after[0].tables["columns"]["shared"].any()
    assert before[0].spec == after[0].spec
    for word in ("nested", "crossed"):
        assert word not in before[0].alt
        assert not before[0].tables["steps"]["kind"].str.contains(word).any()
    assert "partially crossed" in after[0].alt


def test_names_used_again_join_the_circles_of_the_same_figure():
    off, _ = drawn(STORY, story.designed(STORY, AGAIN))
    on, handle = drawn(STORY, story.designed(STORY, AGAIN, recycled=True))
    assert off[0].spec == on[0].spec
    assert set(off[0].tables["cells"]["group"]) == set(on[0].tables["cells"]["group"])
    assert off[0].tables["cells"]["column"].nunique() == 24
    assert on[0].tables["cells"]["column"].nunique() == 4
    assert on[0].tables["wrong"]["seen"].all()
    assert handle is None
    assert on[0].key != "incidence"


def test_recycled_names_do_nothing_to_schools_and_neighbourhoods():
    seen = story.designed(STORY, -1, recycled=True)
    assert not STORY.facts(seen).again


RECYCLED = {"structure": "districts", "recycled": True}


@pytest.mark.parametrize(
    ("data", "language"),
    [({}, "core"), ({}, "statsmodels"), ({}, "lme4"), (RECYCLED, "core"), (RECYCLED, "lme4")],
    ids=str,
)
def test_code_gives_the_numbers_of_the_page(data, language, tmp_path):
    f = STORY.facts(story.designed(STORY, -1, **data))
    code = getattr(STORY.listing(f), language)
    if language == "lme4":
        if not shutil.which("Rscript"):
            pytest.skip("R is not here.")
        (tmp_path / "page.R").write_text(code, encoding="utf-8")
        ran = subprocess.run(["Rscript", str(tmp_path / "page.R")], capture_output=True, text=True)
        if "there is no package" in ran.stderr:
            pytest.skip("lme4 is not here.")
        assert ran.returncode == 0, ran.stderr
        printed = ran.stdout
    else:
        printed = run_python(code)
    found = [float(v) for v in re.findall(r"\d+\.\d+", printed)]
    for value in f.now.right.sds:
        assert any(abs(value - v) < 0.01 for v in found), (value, printed)


def test_the_switch_of_the_step_is_the_readers():
    page = open_page("nested_and_crossed", step=AGAIN + 1)
    page.toggle[0].set_value(True).run()
    assert not page.exception
    assert any("24 schools have become 4" in str(m.value) for m in page.markdown)
