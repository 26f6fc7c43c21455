"""Columns chosen: guessed as a person would, and every dropped row accounted for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core import DataError, GroupedData
from mlm_core.own_data import Columns, guess_columns, read_table, take_rows
from mlm_core.own_data.rows import kind_of_outcome

ROOT = Path(__file__).resolve().parents[3]
CASES = sorted((ROOT / "tests" / "golden" / "lme4" / "cases").glob("*.csv"))


def table_of(text: str):
    return read_table(text.encode())


def taken(text: str, y: str = "y", group: str = "g", predictors: str = "", codes: str = ""):
    columns = Columns(y, group, tuple(predictors.split()), codes=tuple(codes.split()))
    return take_rows(table_of(text), columns)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_the_golden_cases_are_read_as_pandas_reads_them(path):
    table = read_table(path.read_bytes())
    rows = take_rows(table, Columns("y", "school", ("x",)))
    wanted = GroupedData.from_frame(pd.read_csv(path), "y", "school", "x")
    assert rows.n_rows == rows.n_read == wanted.n_students
    np.testing.assert_array_equal(rows.labels, wanted.labels)
    order = np.argsort(wanted.j, kind="stable")
    np.testing.assert_array_equal(rows.y, wanted.y[order])
    np.testing.assert_array_equal(rows.numbers["x"], wanted.x[order])
    np.testing.assert_array_equal(rows.j, wanted.j[order])
    np.testing.assert_array_equal(rows.place, order)


def test_every_fault_of_a_row_is_told_and_that_there_are_several():
    rows = taken("g,y,x\na,1,1\na,,\n,2,2\nb,ill,3\nb,4,\nb,5,2\na,7,9\nb,6,x", predictors="x")
    assert (rows.n_read, rows.n_rows) == (8, 3)
    assert rows.left_out == (
        "1 row has no value in “g”",
        "1 row has no value in “y”",
        "1 row has text instead of a number in “y” (“ill” in line 5)",
        "2 rows have no value in “x”",
        "1 row has text instead of a number in “x” (“x” in line 9)",
        "1 row has more than one of these faults and is counted in each",
    )


def test_the_order_of_columns_does_not_change_what_is_said_of_left_out_rows():
    text = "g,y,a,b\nk,1,1,2\nk,2,,\nk,3,,\nl,4,1,x\nl,5,2,\nl,6,3,1\nk,9,4,4"
    one, other = taken(text, predictors="a b"), taken(text, predictors="b a")
    assert sorted(one.left_out) == sorted(other.left_out)
    assert "3 rows have no value in “b”" in one.left_out
    assert one.left_out[-1] == "2 rows have more than one of these faults and are counted in each"


def test_groups_that_go_with_all_their_rows_are_named():
    rows = taken("g,y\n10,\n9,ill\n9,\n2,1\n2,2\n3,4\n3,\n,1")
    assert rows.groups_left_out == ("9", "10")
    assert taken("g,y\n2,1\n2,2\n3,4").groups_left_out == ()


def test_what_is_said_of_every_row_is_said_of_those_used():
    rows = taken("g,y,x\na,1,7\na,2,7\nb,3,7\nb,5,7\nb,,8", predictors="x")
    assert "“x” is the same in every row that is used and was set aside" in " ".join(rows.notes)


def test_numbers_as_labels_sort_as_numbers_and_leading_zeros_stay():
    text = "g,y\n10,1\n9,2\n10,3\n9,4"
    assert taken(text).labels.tolist() == [9, 10]
    padded = taken(text.replace("9", "09"))
    assert padded.labels.tolist() == ["09", "10"]
    assert padded.y.tolist() == [2, 4, 1, 3]


def test_labels_are_kept_as_they_are():
    hostile = ["<script>alert(1)</script>", "**x**", "$\\alpha$", "[a](javascript:1)", "🎓"]
    body = "".join(f'"{label}",{k}\n"{label}",{k + 2}\n' for k, label in enumerate(hostile))
    assert sorted(taken("g,y\n" + body).labels) == sorted(hostile)


def test_letters_written_in_two_ways_are_one_label():
    rows = taken("g,y\n\u00c9cole,1\nE\u0301cole,2\nb,3\nb,5")
    assert rows.labels.tolist() == ["b", "\u00c9cole"]


def test_the_level_of_a_predictor_is_told_from_its_values():
    rows = taken("g,y,a,b,c\nk,1,1,7,f\nk,2,2,7,m\nl,3,1,8,f\nl,5,3,8,f", predictors="c b a")
    assert rows.columns.x == ("c", "a")
    assert rows.columns.u == ("b",)
    assert rows.text["c"].tolist() == ["f", "m", "f", "f"]


def test_codes_are_categories_when_they_are_said_to_be():
    text = "g,y,diet\na,1,1\na,2,2\nb,3,3\nb,5,1"
    assert "diet" in taken(text, predictors="diet").numbers
    assert "diet" in taken(text, predictors="diet", codes="diet").text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("g,y,x\na,1,7\na,2,7\nb,3,7\nb,5,7", "“x” is the same in every row"),
        (
            "g,y,x\n" + "".join(f"{k % 4},{k},n{k}\n" for k in range(60)),
            "“x” has 60 categories and was set aside",
        ),
    ],
)
def test_predictors_that_say_nothing_are_set_aside(text, said):
    rows = taken(text, predictors="x")
    assert said in " ".join(rows.notes)
    assert rows.columns.predictors == ()


def test_groups_of_one_and_groups_alike():
    said = " ".join(taken("g,y\nOak,1\nOak,2\noak,3\nElm,5\nElm,4").notes)
    assert "1 group has one row" in said
    assert "only 3 groups" in said
    assert "“Oak” and “oak” count as two" in said


@pytest.mark.parametrize(
    ("text", "predictors", "said"),
    [
        ("g,y\na,1\na,2", "", "one value only"),
        ("g,y\na,1\na,2\nb,\nc,x", "", "Only one group of “g” is left, “a”.* of “b”, “c” were"),
        ("g,y\na,1\nb,2\nb,", "", "Each of the 2 rows that can be used has its own value"),
        ("g,y\na,1\na,1\nb,1\nb,", "", "the same in every row that is used"),
        ("g,y\na,1\nb,2", "", "no two rows belong together"),
        ("g,y\na,1\na,1\nb,1", "", "nothing to explain"),
        ("g,y\na,good\na,bad\nb,1", "", "text, for example “good”"),
        ("g,y\na,\na,\nb,", "", "no values"),
        ("g,y,x\na,1,\na,2,\nb,,3", "x", "No row has a value"),
        ("g,y\na,1\na,2\nb,3", "y", "chosen twice"),
        ("g,y\na,1\na,2\nb,3", "zzz", "no column “zzz”"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(text, predictors, said):
    with pytest.raises(DataError, match=said):
        taken(text, predictors=predictors)


@pytest.mark.parametrize("text", ["g,h\na,b\nc,d", "y,z\n,\n1.5,a"])
def test_tables_without_numbers_or_groups_do_not_break_the_guess(text):
    with pytest.raises(DataError, match=r"[.)]$"):
        take_rows(table_of(text), guess_columns(table_of(text)))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 1, 0], "yes or no"),
        ([1, 2, 1, 2], "yes or no"),
        ([0, 3, 1, 0, 2, 7], "count"),
        ([1, 2, 3, 4, 5, 3], "few values"),
        ([62.5, 70, 51], "quantity"),
        ([250, 310, 280, 199, 240, 260], "quantity"),
        ([-3, 0, 4, 2, 1, 8, -6], "quantity"),
    ],
)
def test_the_kind_of_an_outcome(values, kind):
    assert kind_of_outcome(np.array(values, dtype=float)) == kind
