"""Columns chosen: guessed as a person would, and every dropped row accounted for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core import DataError, GroupedData
from mlm_core.own_data import Columns, guess_columns
from mlm_core.own_data.table import read_table

ROOT = Path(__file__).resolve().parents[3]
CASES = sorted((ROOT / "tests" / "golden" / "lme4" / "cases").glob("*.csv"))


def table_of(text: str):
    return read_table(text.encode())


def taken(text: str, **columns: str):
    return choose_columns(table_of(text), Columns(**columns))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("id,score,class\n1,3.1,a\n2,4.2,a\n3,1.5,b\n4,2.5,b", Columns("score", "class")),
        (
            "school,u,x,y\n1,5,1,3.1\n1,5,2,4.2\n2,6,3,1.5\n2,6,4,2.5",
            Columns("y", "school", "x", "u"),
        ),
        (
            "site,treated,pre,post\na,0,1,3\na,1,2,4\nb,0,3,1\nb,1,5,2",
            Columns("post", "site", "treated"),
        ),
        (
            ",hospital,age,days\n1,x,50,3.5\n2,x,60,4\n3,z,70,2\n4,z,40,7",
            Columns("days", "hospital", "age"),
        ),
    ],
)
def test_guesses(text, wanted):
    assert guess_columns(table_of(text)) == wanted


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_the_golden_cases_are_read_as_pandas_reads_them(path):
    table = read_table(path.read_bytes())
    chosen = choose_columns(table, Columns("y", "school", "x"))
    wanted = GroupedData.from_frame(pd.read_csv(path), "y", "school", "x")
    assert chosen.n_left_out == 0
    np.testing.assert_array_equal(chosen.data.labels, wanted.labels)
    order = np.argsort(wanted.j, kind="stable")
    np.testing.assert_array_equal(chosen.data.y, wanted.y[order])
    np.testing.assert_array_equal(chosen.data.x, wanted.x[order])
    np.testing.assert_array_equal(chosen.data.j, wanted.j[order])


def test_every_row_left_out_is_told_once():
    chosen = taken(
        "g,y,x\na,1,1\na,,\n,2,2\nb,ill,3\nb,4,\nb,5,2\na,7,9\nb,6,x", y="y", group="g", x="x"
    )
    assert (chosen.n_read, chosen.n_left_out, chosen.data.n_students) == (8, 5, 3)
    assert chosen.left_out == (
        "1 row has no value in “g”",
        "1 row has no value in “y”",
        "1 row has text instead of a number in “y” (“ill” in line 5)",
        "1 row has no value in “x”",
        "1 row has text instead of a number in “x” (“x” in line 9)",
    )


def test_numbers_as_labels_sort_as_numbers_and_leading_zeros_stay():
    text = "g,y\n10,1\n9,2\n10,3\n9,4"
    assert taken(text, y="y", group="g").data.labels.tolist() == [9, 10]
    padded = taken(text.replace("9", "09"), y="y", group="g").data
    assert padded.labels.tolist() == ["09", "10"]
    assert padded.y.tolist() == [2, 4, 1, 3]


def test_labels_are_kept_as_they_are():
    hostile = ["<script>alert(1)</script>", "**x**", "$\\alpha$", "[a](javascript:1)", "🎓"]
    rows = "".join(f'"{label}",{k}\n"{label}",{k + 2}\n' for k, label in enumerate(hostile))
    chosen = taken("g,y\n" + rows, y="y", group="g")
    assert sorted(chosen.data.labels) == sorted(hostile)


def test_u_that_differs_within_a_group_becomes_its_mean():
    chosen = taken("g,y,u\na,1,1\na,2,3\nb,3,5\nb,5,5", y="y", group="g", u="u")
    np.testing.assert_array_equal(chosen.data.u, [2.0, 5.0])
    assert "differs within 1 group (“a”)" in chosen.notes[0]


def test_u_that_is_constant_is_kept_exactly():
    chosen = taken("g,y,u\na,1,.1\na,2,.1\na,4,.1\nb,3,5\nb,5,5", y="y", group="g", u="u")
    assert chosen.data.u[0] == 0.1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("g,y,x,u\na,1,7,1\na,2,7,1\nb,3,7,2\nb,5,7,2", "“x” is the same in every row"),
        ("g,y,x,u\na,1,7,1\na,2,7,1\nb,3,8,2\nb,5,8,2", "describes groups"),
        ("g,y,x,u\na,1,7,1\na,2,6,1\nb,3,8,1\nb,5,8,1", "“u” is the same for every group"),
    ],
)
def test_predictors_that_say_nothing_are_set_aside(text, said):
    chosen = taken(text, y="y", group="g", x="x", u="u")
    assert said in " ".join(chosen.notes)
    assert chosen.columns.x is None or chosen.columns.u is None
    assert (chosen.data.x is None) == (chosen.columns.x is None)
    assert (chosen.data.u is None) == (chosen.columns.u is None)


def test_groups_of_one_and_groups_alike():
    chosen = taken("g,y\nOak,1\nOak,2\noak,3\nElm,5\nElm,4", y="y", group="g")
    said = " ".join(chosen.notes)
    assert "1 group has one row" in said
    assert "only 3 groups" in said
    assert "“Oak” and “oak” count as two" in said


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("g,y\na,1\na,2", {}, "one value only"),
        ("g,y\na,1\nb,2", {}, "no two rows belong together"),
        ("g,y\na,1\na,1\nb,1", {}, "nothing to explain"),
        ("g,y\na,good\na,bad\nb,1", {}, "text, for example “good”"),
        ("g,y\na,\na,\nb,", {}, "no values"),
        ("g,y,x\na,1,\na,2,\nb,,3", {"x": "x"}, "No row has a value"),
        ("g,y\na,1\na,2\nb,3", {"x": "y"}, "chosen twice"),
        ("g,y\na,1\na,2\nb,3", {"u": "zzz"}, "no column “zzz”"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(text, columns, said):
    with pytest.raises(DataError, match=said):
        taken(text, y="y", group="g", **columns)


@pytest.mark.parametrize("text", ["g,h\na,b\nc,d", "y,z\n,\n1.5,a"])
def test_tables_without_numbers_or_groups_do_not_break_the_guess(text):
    with pytest.raises(DataError, match=r"[.)]$"):
        choose_columns(table_of(text), guess_columns(table_of(text)))
