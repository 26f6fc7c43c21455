"""Your data: bundled sets and uploads, good, hostile and broken; the page's numbers are lme4's."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas as pd
import pytest

from mlm_core import GroupedData, fit_partial_pooling
from pages.shared.words import plain
from tests.pages.kit import ROOT, alternative, figure, healthy, open_page, run_python, text

OWN = "A file of your own"
CASES = ROOT / "tests" / "golden" / "lme4" / "cases"
FITS = json.loads((ROOT / "tests" / "golden" / "lme4" / "lme4_fits.json").read_text())
PARTS = (
    "How much groups differ", "Coefficients", "All groups", "One group's rows",
    "Is the model right?", "Predict", "Report and code",
)  # fmt: skip


def upload(content: bytes | str, name: str = "mine.csv"):
    at = open_page("your_data", source=OWN)
    raw = content.encode() if isinstance(content, str) else content
    at.file_uploader[0].set_value((name, raw, "text/csv"))
    at.run()
    healthy(at)
    return at


def said(at) -> str:
    return "\n".join(w.value for w in at.warning)


def numbers(at, row: str) -> list[float]:
    """The numbers of a row of a table on the page."""
    line = next(k for k in text(at).splitlines() if k.startswith(f"| {row}"))
    cells = line.replace("−", "-").split("|")[2:]
    return [float(k) for cell in cells for k in re.findall(r"-?\d+\.?\d*", cell)]


def box(at, label: str):
    return next(b for b in [*at.selectbox, *at.multiselect] if b.label.startswith(label))


def part(at, name: str):
    at.radio(key="part").set_value(name).run()
    healthy(at)
    return at


def hand(at) -> str:
    """The words that follow the handle."""
    parts = [k.proto for k in at.get("bidi_component")]
    return next(str(p) for p in parts if p.component_name == "pooling_lab_hand")


def whole(at) -> str:
    return text(at) + "\n".join(c.value for c in at.caption)


def hostile() -> str:
    names = ["<script>alert(1)</script>", "**bold**", "$\\alpha$", "[a](javascript:alert(1))"]
    names += ["x" * 300, "🎓 école", "=1+1", "www.evil.com", "a@b.co", ":red[hi]", "| a | b |"]
    names += ["`code`", "&lt;b&gt;", "<img src=x onerror=alert(1)>", 'O\'Hara ""Q""', "{{7*7}}"]
    rng = np.random.default_rng(1)
    rows = [
        f'"{name}",{rng.normal(50 + 3 * k, 9):.4f},{rng.standard_normal():.4f},{k % 3 + 0.5}'
        for k, name in enumerate(names)
        for _ in range(1 + k % 5)
    ]
    return '"<b>school</b>","**score**",$x$,www.u.com\n' + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("name", "model", "predictors", "varying"),
    [
        ("slopes_40", "slopes", ["x"], ["x"]),
        ("zero_between_8", "null", [], []),
    ],
)
def test_the_numbers_shown_are_lme4s(name, model, predictors, varying):
    at = upload((CASES / f"{name}.csv").read_bytes())
    box(at, "Predictors").set_value(predictors).run()
    if varying:
        box(at, "Slopes that vary").set_value(varying).run()
    next(t for t in at.toggle if t.label.startswith("Compare groups at")).set_value(False).run()
    healthy(at)
    fit = next(f for f in FITS if (f["data"], f["model"], f["method"]) == (name, model, "REML"))
    sd = {(row["grp"], row.get("var1"), row.get("var2")): row["sdcor"] for row in fit["sd_cor"]}
    first = "SD of the groups' intercepts" if varying else "SD between groups"
    between = sd["school", "(Intercept)", None]
    assert numbers(at, first)[0] == pytest.approx(between, rel=6e-3, abs=6e-3)
    assert numbers(at, "SD within groups")[0] == pytest.approx(fit["sigma_y"], rel=6e-3)
    if varying:
        assert numbers(at, "SD of the slopes")[0] == pytest.approx(
            sd["school", "x", None], rel=6e-3
        )
        rho = sd["school", "(Intercept)", "x"]
        assert numbers(at, "correlation of")[0] == pytest.approx(rho, abs=6e-3)
        assert "Does the slope of x have to vary?" in text(at)
    part(at, "Coefficients")
    wanted = fit["fixed"]["(Intercept)"]
    found = numbers(at, "intercept")[-3]
    assert found == pytest.approx(wanted, abs=0.06 * fit["fixed_se"]["(Intercept)"])


def test_the_sentence_is_right_for_every_group():
    at = open_page("your_data", source="20 schools, simulated")
    box(at, "Predictors").set_value([]).run()
    data = GroupedData.from_frame(pd.read_csv(ROOT / "datasets" / "schools.csv"), "y", "school")
    fit = fit_partial_pooling(data)
    own = data.group_means(data.y)
    for j in (0, 3, int(np.argmax(data.n)), int(np.argmin(data.n))):
        box(at, "Picked group").set_value(str(data.labels[j])).run()
        weight = 1 / (1 + fit.sigma_y**2 / (data.n[j] * fit.hyper.sigma_alpha**2))
        beside = f"**{plain(data.labels[j])}** has {data.n[j]} rows: its own mean is {own[j]:.1f}."
        assert beside in text(at)
        follows = (
            f"{data.labels[j]} moves {100 * (1 - weight):.0f}% of the way to {fit.hyper.a0:.1f}, "
            f"what is expected of it: it is at {fit.lines.alpha[j]:.1f}."
        )
        assert f"(the estimate). {follows}" in hand(at)
        every = (
            f"differs by about {fit.hyper.sigma_alpha:.1f}; from row to row of one school, by about"
        )
        assert every in text(at)


def moved_past_or_away(table: pd.DataFrame, own: str, here: str, to: str) -> int:
    a, b, c = (table[name].to_numpy(float) for name in (own, here, to))
    return int((np.isfinite(a) & ((b < np.minimum(a, c)) | (b > np.maximum(a, c)))).sum())


def test_where_groups_are_moved_is_said_of_each_model():
    """What the sentence counts is recounted from the table of all groups."""
    at = part(open_page("your_data", source="20 schools, simulated"), "All groups")
    box(at, "Predictors").set_value([]).run()
    assert "All groups are moved towards what is expected of them (the purple line): the fewer" in (
        text(at)
    )
    assert "equal shares" not in whole(at)
    box(at, "Predictors").set_value(["x"]).run()
    assert "Groups are moved towards what is expected of them (the purple line): as a" in text(at)
    assert "not end on this way" not in text(at)
    assert "need not have equal shares" in whole(at)
    assert "from its own rows; but the slope of x is the same in all groups" in text(at)
    box(at, "Slopes that vary").set_value(["x"]).run()
    table = at.dataframe[0].value
    said = re.search(r"here (\d+) intercepts? and (\d+) slopes? do\.", text(at))
    assert said
    names = ("no pooling", "partial pooling", "pulled to")
    counted = (moved_past_or_away(table, *names),)
    counted += (moved_past_or_away(table, *(f"slope of x, {name}" for name in names)),)
    assert tuple(map(int, said.groups())) == counted
    assert min(counted) > 0
    assert "pulled (share)" not in whole(at)
    assert "each group's own line, from its own rows alone" in text(at)


def test_a_group_that_ends_outside_its_way_is_told():
    at = part(open_page("your_data", source="Radon in 919 houses"), "All groups")
    table = at.dataframe[0].value
    out = table.loc[table["pulled (share)"].isna(), "county"].tolist()
    assert len(out) == 1
    assert "1 group does not end on this way, because partial pooling changes the slope of" in (
        text(at)
    )
    assert "It is empty where a group does not end between the two." in whole(at)
    box(at, "Picked group").set_value(out[0]).run()
    assert re.search(
        rf"{out[0]} is expected at [\d.]+; pooled this far, it is at [\d.]+\.", hand(at)
    )
    assert "What is expected of it (purple) is the same for every group with log" in text(at)


def test_every_part_of_a_bundled_set():
    at = open_page("your_data", source="Radon in 919 houses")
    assert not at.warning
    for varying in (False, True):
        if varying:
            slopes = box(at, "Slopes that vary")
            slopes.set_value(slopes.options[:1]).run()
        for name in PARTS:
            part(at, name)
            assert not at.warning
            assert all(len(alternative(at, k)) > 30 for k in range(len(at.get("vega_lite_chart"))))


def test_radon_is_the_books():
    at = open_page("your_data")
    assert (box(at, "Outcome").value, box(at, "Group").value) == ("log_radon", "county")
    assert "919 rows in 85 groups" in text(at)
    assert numbers(at, "SD between groups")[0] == pytest.approx(0.148, abs=5e-4)
    box(at, "Predictors").set_value(["floor"]).run()
    assert numbers(at, "SD between groups")[0] == pytest.approx(0.315, abs=5e-4)


def test_changing_the_set_forgets_the_columns_of_the_other():
    at = open_page("your_data", outcome="nonsense", x="<script>", source="zzz")
    for option in at.radio(key="source").options[:-1]:
        at.radio(key="source").set_value(option).run()
        healthy(at)
        assert "rows in" in text(at)


def test_a_column_that_is_chosen_again_swaps_without_complaint():
    at = open_page("your_data", source="20 schools, simulated")
    box(at, "Outcome").set_value("x").run()
    assert not at.warning
    assert box(at, "Outcome").value == "x"
    assert box(at, "Predictors").value == ["y", "u"]
    at = upload("a,b,y\n1,1,2.5\n1,2,3.5\n2,1,4.5\n2,3,7\n3,1,2\n3,3,5\n")
    first, group = box(at, "Outcome").value, box(at, "Group").value
    box(at, "Outcome").set_value(group).run()
    assert (box(at, "Outcome").value, box(at, "Group").value) == (group, first)


def test_labels_are_data_and_never_markup():
    at = upload(hostile())
    assert not at.warning
    for name in PARTS:
        part(at, name)
        for bad in ("<script>", "<img", "**bold**", "$\\alpha$", "](javascript", ":red[", "<b>"):
            assert bad not in whole(at), name
    for name in list(box(at, "Picked group").options)[:12]:
        box(at, "Picked group").set_value(name).run()
        healthy(at)
    assert "www.u" not in re.sub(r"\\(.)", r"\1", text(at))  # a joiner keeps it from being a link
    _, tables = figure(at)
    assert "<script>alert(1)</script>" in set(tables["schools"]["school"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"PK\x03\x04", "Excel"),
        (b"$FL2 spss", "SPSS"),
        (bytes(range(256)) * 9, "no text file"),
        (b"g,h\na,b\n", "No column holds numbers"),
        (b"g,y\na,1\nb,2\nc,5\n", "No column of this file puts rows into groups"),
        (b"g,y\na,1.5\na,1.5\nb,2.5\nb,2.5\nc,4.5\nc,4.5\n", "fitted exactly"),
        (b"<script>,y\na,1\na,1\nb,1\n", "nothing to explain"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(content, sentence):
    at = upload(content)
    assert sentence in said(at).replace("\\", "")
    assert "<script>" not in said(at)
    assert not at.get("vega_lite_chart")


@pytest.mark.parametrize(
    ("values", "word"), [("0110100110", "two values only"), ("0301204170", "looks like a count")]
)
def test_an_outcome_that_is_no_quantity_is_told_before_any_number(values, word):
    rows = "".join(f"{'abcde'[k // 2]},{v}\n" for k, v in enumerate(values))
    at = upload("clinic,ill\n" + rows)
    assert word in said(at)
    assert "glmer" in said(at)
    assert not at.get("vega_lite_chart")
    next(t for t in at.toggle if t.label.startswith("Show me the linear")).set_value(True).run()
    healthy(at)
    assert at.get("vega_lite_chart")


def test_a_file_without_groups_has_no_figure_until_the_reader_chooses():
    rows = [f"land {k},{70 + (k * 7 % 18) / 2},{k * 3.7 % 9:.1f}" for k in range(20)]
    at = upload("\n".join(["country,life_expectancy,schooling", *rows]))
    assert "No column of this file puts rows into groups" in said(at)
    assert not at.get("vega_lite_chart")
    box(at, "Group").set_value("country").run()
    assert "no two rows belong together" in said(at)
    rows[1] = rows[1].replace("land 1", "land 0")
    at = upload("\n".join(["country,life_expectancy,schooling", *rows]))
    box(at, "Group").set_value("country").run()
    healthy(at)
    assert "18 of the 19 groups have one row only" in said(at)
    assert at.get("vega_lite_chart")
    at = upload("\n".join(["country,life_expectancy,schooling", *rows]))
    box(at, "Group").set_value("life_expectancy").run()
    assert box(at, "Outcome").value == "schooling"


def test_an_excel_file():
    out = io.BytesIO()
    frame = pd.read_csv(CASES / "balanced_8.csv")
    frame.to_excel(out, index=False)
    at = upload(out.getvalue(), "mine.xlsx")
    assert f"{len(frame)} rows in 8 groups" in text(at)


def test_what_was_left_out_is_told():
    at = upload("school,score\na,1\na,2.5\nb,ill\nb,4\nb,5\n,9\nc,\nc,3\nc,6\nd,7\n")
    told = text(at).replace("\\", "")
    assert "7 rows in 4 groups" in told
    assert "3 of 10 rows were left out" in told
    assert "“ill” in line 4" in told
    assert "1 group has one row" in told


def test_groups_that_are_left_out_are_named():
    rows = [f"s{k % 8},{k % 3},{10 + k % 8 + 3 * np.sin(k):.2f}" for k in range(40)]
    rows += [f"away{k},," for k in range(5)] + ["s1,,4.25"]
    at = upload("\n".join(["school,hours,score", *rows]))
    box(at, "Predictors").set_value(["hours"]).run()
    told = text(at).replace("\\", "")
    assert "**40 rows in 8 groups**; 6 of 46 rows were left out" in told
    assert "5 rows have no value in “score”; 6 rows have no value in “hours”" in told
    assert "5 rows have more than one of these faults and are counted in each" in told
    assert "5 whole groups went with them: “away0”, “away1”, “away2” and 2 more." in told
    part(at, "Report and code")
    assert "leaving out 6 rows with missing or unreadable values and with them 5 whole groups." in (
        at.text_area[0].value
    )


def test_a_large_file_shows_the_extremes_and_a_sample_and_says_so():
    rng = np.random.default_rng(2)
    j = np.sort(rng.integers(0, 500, 8000))
    y = 10 + rng.standard_normal(500)[j] + rng.standard_normal(8000)
    at = upload(pd.DataFrame({"clinic": j, "days": y.round(4)}).to_csv(index=False))
    assert any("50 of the 500 groups" in c.value for c in at.caption)
    _, tables = figure(at)
    assert len(tables["schools"]) == 50
    means = pd.Series(y.round(4)).groupby(j).mean()
    assert {str(means.idxmin()), str(means.idxmax())} <= set(tables["schools"]["school"])
    part(at, "Report and code")
    assert any("download the data first" in c.value for c in at.caption)


def test_within_and_between_in_one_switch():
    at = open_page("your_data", source="20 schools, simulated")
    switch = next(t for t in at.toggle if t.label.startswith("Tell slopes within"))
    switch.set_value(True).run()
    part(at, "Coefficients")
    rows = text(at).replace("\\", "")
    assert "| x, within |" in rows
    assert "| mean of x |" in rows


def test_a_table_with_a_column_for_each_wave_is_told_what_to_do():
    rows = [f"{k},{'fm'[k % 2]},{k % 5}.5,{k % 7}.5,{k % 3 + k % 11}.5" for k in range(30)]
    at = upload("\n".join(["child,sex,score1,score2,score3", *rows]))
    told = "\n".join(info.value for info in at.info).replace("\\", "")
    assert "score1, score2, … score3 look like one thing measured 3 times" in told
    if numbers(at, "SD between groups")[0] == 0:
        part(at, "Is the model right?")
        assert "nothing to look at here" in text(at)


def test_a_second_grouping_is_recognised():
    frame = pd.read_csv(CASES / "unbalanced_30.csv")
    frame["district"] = "d" + (pd.factorize(frame["school"])[0] // 5).astype(str)
    at = upload(frame.to_csv(index=False))
    box(at, "A second grouping").set_value("district").run()
    healthy(at)
    assert "**Nested**: every school lies in one district" in text(at)
    assert numbers(at, "between levels of district")[0] == 6
    assert "With two groupings only intercepts vary" in whole(at)
    between, share = numbers(at, "between levels of school")[1:]
    part(at, "Report and code")
    assert f"{between:g} between the 30 levels of school" in at.text_area[0].value
    assert "(1 | school) + (1 | district)" in at.text_area[0].value
    at.radio(key="code").set_value("Python (this core)").run()
    printed = run_python(str(at.code[0].value))
    found = float(re.search(r"levels of school: ([\d.]+)", printed)[1])
    assert found == pytest.approx(between, rel=6e-3)
    assert 0 < share < 100
    next(b for b in at.button if b.label.startswith("Take the second")).click().run()
    healthy(at)
    assert "Nested" not in text(at)


def test_a_grouping_by_another_name_is_not_offered_and_rows_that_go_are_told():
    frame = pd.read_csv(CASES / "unbalanced_30.csv")
    frame["teacher"] = "t" + frame["school"].astype(str)
    frame["district"] = "d" + (pd.factorize(frame["school"])[0] // 5).astype(str)
    frame.loc[[3, 40, 77], ["teacher", "district"]] = ""
    at = upload(frame.to_csv(index=False))
    box(at, "Group").set_value("school").run()
    assert list(box(at, "A second grouping").options) == ["district"]
    assert not any("teacher" in b.label for b in at.button)
    box(at, "A second grouping").set_value("district").run()
    assert "3 more rows were left out, because they have no value in district" in text(at)


def test_predictions_follow_what_is_typed():
    at = part(open_page("your_data"), "Predict")
    for row in ("in a new group", "in MAHNOMEN"):
        mean, low, high, mean_low, mean_high = numbers(at, row)
        assert low < mean_low < mean < mean_high < high
        assert high - mean == pytest.approx(mean - low, abs=2e-3)
    before = numbers(at, "in a new group")[0]
    next(n for n in at.number_input if n.label.startswith("floor")).set_value(1.0).run()
    after = numbers(at, "in a new group")[0]
    part(at, "Coefficients")
    assert after - before == pytest.approx(numbers(at, "floor")[-3], abs=2e-3)


def test_the_file_is_gone_when_it_is_taken_away_and_stays_from_page_to_page():
    at = upload(hostile())
    at.switch_page("pages/glossary.py").run()
    at.switch_page("pages/your_data.py").run()
    healthy(at)
    assert "_mine_table" in at.session_state
    assert "rows in" in text(at)
    forget = next(b for b in at.button if b.label.startswith("Forget"))
    forget.click().run()
    assert "Choose a file" in said(at)
    left = [
        k
        for k in at.session_state._state.filtered_state
        if str(k).startswith(("_mine", "_private"))
    ]
    assert left == []


def test_nothing_of_a_file_is_kept_outside_the_session():
    """No cache that outlives the session grows."""
    from pages.shared import cached
    from pages.shared import figure as figures

    every = (*vars(cached).values(), figures._spec, figures._template)
    caches = [f for f in every if hasattr(f, "cache_info")]
    upload(hostile())
    before = [f.cache_info().currsize for f in caches]
    upload(hostile().replace("**score**", "another name"))
    assert [f.cache_info().currsize for f in caches] == before


def test_another_reader_sees_nothing_of_it():
    upload(hostile())
    other = open_page("your_data", source=OWN)
    assert "Choose a file" in said(other)


@pytest.mark.parametrize("language", ["Python (this core)", "Python (statsmodels)"])
def test_the_python_code_runs_and_gives_the_pages_numbers(language):
    at = upload((CASES / "balanced_8.csv").read_bytes())
    within = numbers(at, "SD within groups")[0]
    part(at, "Report and code")
    at.radio(key="code").set_value(language).run()
    healthy(at)
    printed = run_python(str(at.code[0].value))
    line = next(k for k in printed.splitlines() if k.startswith("SD within groups"))
    assert float(re.findall(r"[\d.]+", line)[0]) == pytest.approx(within, rel=6e-3)
    paragraph = at.text_area[0].value
    assert f"SD within groups: {within:g}" in paragraph
