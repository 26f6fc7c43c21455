"""The lesson on nested and crossed: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re
import shutil
import subprocess

import pandas as pd
import pytest

from mlm_core.lessons.nested_and_crossed import facts
from pages.shared import as_table, offstage, story
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
        assert texts["several"][k] == f"{several} of 16"
        assert texts["moved"][k] == str(moved)
        right_, wrong = f.areas[k].right.found, f.areas[k].wrong.found
        found = (right_.sd["outer"], right_.sd["inner"], right_.sigma_y)
        assert [sds.texts[f"a{i}"][k] for i in range(3)] == [number(v) for v in found]
        assert sds.texts["a_misses"][k] == number(f.areas[k].right.misses(f.areas[k].truth))
        assert cost["n1"][k] == str(sum(schools_of(f, k)))
        assert cost["e1"][k] == number(wrong.mode_sd["inner"].mean())
        assert cost["e0"][k] == number(right_.mode_sd["inner"].mean())
        assert cost["n0"][k] == "16"
    assert texts["kind"][0] == "nested"
    true = [settings[0], 4.0, settings[1]]
    assert re.findall(r"</td><td>([\d.]+)</td>", sds.html) == [number(v) for v in true]


@pytest.mark.parametrize("settings", CORNERS)
def test_sentences_say_what_was_fitted(settings):
    f = at(settings)
    look = said(STORY.steps[SLASH].look, f)
    last = f.areas[-1]
    assert f"have {sum(schools_of(f, 10))} pieces at the right end" in look
    assert ("±" in look) == f.costly
    truth = said(STORY.steps[TRUTH].text, f)
    misses = [m.right.misses(m.truth) for m in (f.areas[0], last)]
    ends = f"{number(misses[0])} points at the left end and by {number(misses[1])} at the right"
    assert ends in truth
    assert ("did not help" in truth) == (misses[1] >= misses[0])
    schools, areas, _ = f.now.right.sds
    more = "schools" if schools > areas else "neighbourhoods"
    assert f"more between **{more}**" in said(STORY.steps[-1].text, f)
    gone = f"with {f.moved[1]} child{'ren' if f.moved[1] != 1 else ''} elsewhere"
    assert gone in said(STORY.steps[-1].text, f)
    full = last.kind == "crossed"
    assert (" of all neighbourhoods" in truth) == full == ("nearly all" not in truth)
    again = at(settings, "districts", True)
    look = said(STORY.steps[AGAIN].look, again)
    unique, wrong = (
        [number(sd) for sd in one.sds]
        for one in (again.districts[1].right, again.districts[1].wrong)
    )
    assert "6 schools called “School 1” are one" in look
    assert "24 schools have become 4." in look
    true = number(settings[0])
    assert f"comes out as {wrong[1]} (unique names: {unique[1]}, truth {true})" in look
    assert f"students as {wrong[2]} (unique names: {unique[2]})" in look
    # the same without the switch
    assert look == said(STORY.steps[AGAIN].look, at(settings, "districts"))


@pytest.mark.parametrize("settings", CORNERS)
def test_the_board_hears_how_sure(settings):
    f = at(settings)
    (schools, areas, _), told = f.now.right.sds, said(STORY.steps[-1].text, f)
    errors = schools / 14**0.5, areas / 30**0.5
    for sd, error in zip((schools, areas), errors, strict=True):
        assert f"{number(sd)} ± {number(error)}" in told
    apart = (schools - areas) ** 2 > 4 * (errors[0] ** 2 + errors[1] ** 2)
    assert ("a hint, not a proof" in told) != apart == ("clearly apart" in told)


@pytest.mark.parametrize("settings", CORNERS)
def test_a_part_is_what_is_left_and_pulled_to_0(settings):
    """One group at a time: n / (n + the ratio of the variances) of the mean residual."""
    f = at(settings)
    texts = STORY.steps[SAY].hand(f).texts
    for k, moment in enumerate(f.areas):
        found, acorn = moment.right.found, moment.made.inner == "Acorn"
        adds = dict(zip(found.levels["outer"], found.modes["outer"], strict=True))
        schools = [adds[s] for s in moment.made.outer[acorn].tolist()]
        mean = (moment.made.y[acorn] - found.coef[0]).mean()
        part = 0.0
        if found.sd["inner"] > 0:
            ratio = (found.sigma_y / found.sd["inner"]) ** 2
            part = acorn.sum() / (acorn.sum() + ratio) * (mean - sum(schools) / len(schools))
        shown = [mean, sum(schools) / len(schools), part]
        assert [texts[n][k] for n in ("mean", "outer", "part")] == [number(v) for v in shown]
        read = [float(texts[n][k].replace("−", "-")) for n in ("mean", "outer", "left")]
        assert read[2] == pytest.approx(read[0] - read[1], abs=1e-9)


def test_the_first_step_of_the_handle_is_not_called_enough():
    f = STORY.facts(story.designed(STORY, TRY))
    moved = int((f.areas[1].made.outer != f.areas[0].made.outer).sum())
    assert f"{moved} children go elsewhere" in said(STORY.steps[TRY].do, f)
    assert STORY.steps[TRY].shows["handle"] == "first"


def test_the_slash_costs_what_the_finding_said():
    """±2.6 where ±1.4 can be had, in the figure and in words."""
    texts = STORY.steps[SLASH].hand(at()).texts
    assert [texts[name][-1] for name in ("e0", "e1", "n0", "n1")] == ["1.4", "2.6", "16", "128"]


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
    told += " ".join(a.why for a in questions(STORY, PREDICT, at())[0].answers)
    needed = (
        "slash",
        "On nested data both formulas say the same",
        "a unique name",
        "A model knows only the name",
        "Nothing says that names were used again",
        "One such child",
        "one [[varying intercept]] for each school",
        "[[recycled labels]]",
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
    assert named["square"] == named["bar2"] == "wrong"
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


def run(code, language, tmp_path):
    """What a listing prints."""
    if language != "lme4":
        return run_python(code)
    if not shutil.which("Rscript"):
        pytest.skip("R is not here.")
    (tmp_path / "page.R").write_text(code, encoding="utf-8")
    ran = subprocess.run(["Rscript", str(tmp_path / "page.R")], capture_output=True, text=True)
    if "there is no package" in ran.stderr:
        pytest.skip("lme4 is not here.")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def prints(values, printed):
    found = [float(v) for v in re.findall(r"\d+\.\d+", printed)]
    for value in values:
        assert any(abs(value - v) < 0.01 for v in found), (value, printed)


@pytest.mark.parametrize("language", ["core", "statsmodels", "lme4"])
@pytest.mark.parametrize(
    ("step", "data"), [(-1, {}), (-1, RECYCLED), (SLASH, {}), (AGAIN, RECYCLED)], ids=str
)
def test_code_gives_the_numbers_of_the_page(step, data, language, tmp_path):
    """Where the words have the slash, or names are used again, both fits."""
    f = STORY.facts(story.designed(STORY, step, **data))
    printed = run(getattr(STORY.listing(f), language), language, tmp_path)
    prints(f.now.right.sds, printed)
    assert (f.wrong is None) == (step == -1 and not data)
    if f.wrong is not None:
        prints(f.wrong.sds, printed)


def test_the_code_of_the_slash_has_the_slash():
    slash, plus = (STORY.listing(STORY.facts(story.designed(STORY, k))).lme4 for k in (SLASH, SAY))
    assert "(1 | school / neighbourhood)" in slash
    assert "(1 | school) + (1 | neighbourhood)" in slash
    assert " / " not in plus


@pytest.mark.parametrize(("step", "place"), [(SAY, 1), (TRY, 0), (SLASH, 10), (-1, 1)])
def test_code_and_data_say_of_which_place_of_the_handle_they_are(step, place):
    f = STORY.facts(story.designed(STORY, step))
    gone = f"{f.moved[place]} of 960 children go to another school"
    listing = STORY.listing(f)
    for code in (listing.statsmodels, listing.lme4):
        assert f"place {place} of the handle, from 0 (left end) to 10 (right end)" in code
        assert gone in code
    assert f"place = {place}\n" in listing.core
    table = STORY.data(f)
    assert set(table["place_of_handle"]) == {place}
    assert table["school"].tolist() == f.areas[place].made.outer.tolist()
    assert table["y"].tolist() == f.areas[place].made.y.tolist()


def test_the_code_of_the_core_goes_to_any_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    f = STORY.facts(story.designed(STORY, -1))
    code = STORY.listing(f).core.replace("place = 1\n", "place = 7\n")
    prints(f.areas[7].right.sds, run_python(code.replace("# students.to_csv", "students.to_csv")))
    written = pd.read_csv(tmp_path / "schools.csv")
    assert written["school"].tolist() == f.areas[7].made.outer.tolist()


def test_districts_have_no_handle_and_no_place():
    f = STORY.facts(story.designed(STORY, AGAIN))
    listing = STORY.listing(f)
    assert "handle" not in listing.core + listing.statsmodels + listing.lme4
    assert "place_of_handle" not in STORY.data(f)
    assert "handle" not in STORY.model(f)


def test_free_play_has_the_sds_of_the_formula_that_is_shown():
    """Beside the schools stands what the slash finds: its SDs stand in the table, too."""
    seen = story.designed(STORY, -1, slash=True)
    f, plain = STORY.facts(seen), STORY.facts(story.designed(STORY, -1))
    words = STORY.lab(f)
    for k, moment in enumerate(f.areas):
        for way, fit in (("a", moment.right), ("b", moment.wrong)):
            assert [words.texts[f"{way}{i}"][k] for i in range(3)] == [number(v) for v in fit.sds]
            assert words.texts[f"{way}_misses"][k] == number(fit.misses(moment.truth))
    assert "<th>with +</th><th>with / (pieces)</th><th>true</th>" in words.html
    assert "with /" not in STORY.lab(plain).html


def test_the_model_in_full_has_the_numbers_of_its_place():
    f = STORY.facts(story.designed(STORY, SLASH))
    words = STORY.model(f)
    assert f"{f.moved[10]} children go to another school" in words
    sds = [f.areas[10].right.sds, f.areas[10].wrong.sds]
    for sd in (v for one in sds for v in one):
        assert f"= {number(sd)}" in words
    assert "With the slash:" in words
    assert "With the slash:" not in STORY.model(STORY.facts(story.designed(STORY, SAY)))


@pytest.mark.parametrize(("step", "changes"), [(SLASH, {}), (AGAIN, {"recycled": True})])
def test_beside_the_rows_stands_what_the_formula_of_the_step_finds(step, changes):
    """With its switch on, step 7 had kept what districts add by the other fit."""
    seen = story.designed(STORY, step, **changes)
    (figure,), _ = drawn(STORY, seen)
    f = STORY.facts(seen)
    for k, moment in enumerate(f.moments):
        rows = figure.tables["rows"]
        rows = rows[rows["step"] == k].set_index("name")["text"]
        for name, part in zip(
            moment.wrong.found.levels["outer"], moment.wrong.found.modes["outer"], strict=True
        ):
            read = rows[name].removeprefix(f"{name} ").replace("−", "-")
            assert float(read) == pytest.approx(part, abs=0.0501)
    title = figure.tables["names"].query("of == 'outer'")["text"].item()
    assert title == ("school adds (/)" if step == SLASH else "district adds")


@pytest.mark.parametrize(("step", "changes"), [(SLASH, {}), (AGAIN, {"recycled": True})])
def test_the_figure_as_a_table_has_the_other_fit(step, changes):
    seen = story.designed(STORY, step, **changes)
    f = STORY.facts(seen)
    noted, handle = offstage.drawn(STORY, seen, f)
    _, _, other, rows = as_table.tables_of(noted.figures[0], STORY.tables)
    at = handle.at(seen.get("handle")) if handle is not None else 0
    wrong = f.moments[at].wrong
    shown = {name: cells for name, *cells in other.at(at)}
    if step == SLASH:  # in the order of the rows of the figure
        assert list(shown) == sorted(shown)
    wanted = [g for g in wrong.levels if g.endswith(f": {f.first}") or step == AGAIN]
    assert set(wanted) <= set(shown)
    for group in wanted:
        k = wrong.levels.tolist().index(group)
        part, error = wrong.part[k], wrong.error[k]
        n = str(int((wrong.code == k).sum()))
        assert shown[group] == [n, number(part), number(part - error), number(part + error)]
    if step == SLASH:  # at the left end there is one piece: the others are not there yet
        left = {name: cells for name, *cells in other.at(0)}
        assert sum(cells[0] != "" for cells in left.values()) == 1
    adds = dict(zip(wrong.found.levels["outer"], wrong.found.modes["outer"], strict=True))
    told = dict(rows.at(at))
    assert told == {name: f"{v:+.1f}".replace("-", "−") for name, v in adds.items()}


def test_the_table_has_no_other_fit_where_it_is_not_shown():
    seen = story.designed(STORY, TRY)
    noted, _ = offstage.drawn(STORY, seen, STORY.facts(seen))
    titles = [t.title for t in as_table.tables_of(noted.figures[0], STORY.tables)]
    assert titles == ["What this structure is called", "Columns of the figure"]


def test_the_switch_of_the_step_is_the_readers():
    page = open_page("nested_and_crossed", step=AGAIN + 1)
    page.toggle[0].set_value(True).run()
    assert not page.exception
    assert any("24 schools have become 4" in str(m.value) for m in page.markdown)


def test_pieces_are_those_of_one_neighbourhood():
    """A place for the whole and one for each school, in the order of the rows."""
    (figure,), _ = drawn(STORY, story.designed(STORY, SLASH))
    f = STORY.facts(story.designed(STORY, SLASH))
    names = figure.tables["names"].query("of == 'piece'")
    assert names["text"].tolist() == ["all", *"ABCDEFGH"]
    last = figure.tables["wrong"].query("step == 10").set_index("group")
    fit = f.areas[-1].wrong
    initials = names.set_index("text")["place"]
    assert len(last) == 8
    for group, row in last.iterrows():
        assert group.endswith(": Acorn")
        assert row["place"] == initials[group[0]]
        assert row["part"] == fit.part[fit.levels.tolist().index(group)]
    whole = figure.tables["right"].query("step == 10")
    assert whole["group"].tolist() == ["Acorn"]
    assert whole["place"].tolist() == [initials["all"]]
    assert whole["part"].tolist() == [f.areas[-1].right.part[0]]


def test_what_schools_add_stands_beside_their_names():
    for step, adds in ((TRY, False), (SAY, True)):
        seen = story.designed(STORY, step)
        (figure,), _ = drawn(STORY, seen)
        f = STORY.facts(seen)
        rows = figure.tables["rows"].query("step == 3")
        found = f.areas[3].right.found
        for name, part, text in zip(
            found.levels["outer"], found.modes["outer"], rows["text"], strict=True
        ):
            read = text.removeprefix(str(name)).replace("−", "-")
            assert (float(read) == pytest.approx(part, abs=0.051)) if adds else read == ""
