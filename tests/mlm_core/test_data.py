from __future__ import annotations

import pandas as pd
import pytest

from mlm_core import DataError, GroupedData


def frame(**columns):
    start = {"school": ["b", "a", "b", "a"], "y": [1.0, 2.0, 3.0, 4.0], "u": [5.0, 6.0, 5.0, 6.0]}
    return pd.DataFrame(start | columns)


def test_schools_are_sorted_and_students_keep_their_order():
    data = GroupedData.from_frame(frame(x=[1, 2, 3, 4]), y="y", group="school", x="x", u="u")
    assert data.labels.tolist() == ["a", "b"]
    assert data.j.tolist() == [1, 0, 1, 0]
    assert data.u.tolist() == [6.0, 5.0]
    assert data.y.tolist() == [1, 2, 3, 4]


def test_numbers_sort_as_numbers():
    data = GroupedData.from_frame(frame(school=[10, 9, 10, 9]), y="y", group="school")
    assert data.labels.tolist() == [9, 10]


def test_group_means_and_sizes():
    data = GroupedData.from_frame(frame(), y="y", group="school")
    assert data.n.tolist() == [2, 2]
    assert data.group_means(data.y).tolist() == [3.0, 2.0]


def test_arrays_cannot_be_changed():
    data = GroupedData.from_frame(frame(), y="y", group="school")
    with pytest.raises(ValueError, match="read-only"):
        data.y[0] = 9.0


def test_the_frame_may_change_afterwards():
    table = frame()
    data = GroupedData.from_frame(table, y="y", group="school")
    table.loc[0, "y"] = 99.0
    assert data.y[0] == 1.0


@pytest.mark.parametrize(
    ("change", "columns", "says"),
    [
        ({}, {"y": "score"}, "no column 'score'"),
        ({"y": [1.0, None, 3.0, 4.0]}, {}, "'y' has 1 missing or infinite"),
        ({"y": [1.0, float("inf"), 3.0, 4.0]}, {}, "1 missing or infinite"),
        ({"y": ["1", "two", "3", "4"]}, {}, "text where numbers belong"),
        ({"school": ["a", None, "a", "b"]}, {}, "1 .*no value in 'school'"),
        ({"u": [1.0, 2.0, 3.0, 2.0]}, {"u": "u"}, "not the same for all students.*b"),
    ],
)
def test_bad_tables_say_what_to_do(change, columns, says):
    with pytest.raises(DataError, match=says):
        GroupedData.from_frame(frame(**change), **({"y": "y", "group": "school"} | columns))


def test_an_empty_table_says_so():
    with pytest.raises(DataError, match="no rows"):
        GroupedData.from_frame(frame().iloc[:0], y="y", group="school")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (([1.0, 2.0], None, [0], None, ["a"]), "j has 1 values where y has 2"),
        (([1.0, 2.0], None, [0, 2], None, ["a", "b"]), "must lie from 0 to 1"),
        (([1.0, 2.0], None, [0, 0], None, ["a", "b"]), "1 schools have no students"),
        (([1.0, 2.0], [1.0], [0, 1], None, ["a", "b"]), "'x' has 1 values where 2"),
        (([1.0, 2.0], None, [0, 1], [1.0], ["a", "b"]), "'u' has 1 values where 2"),
        (([[1.0]], None, [0], None, ["a"]), "'y' has 2 dimensions"),
        (([], None, [], None, []), "no students"),
    ],
)
def test_records_that_do_not_fit_say_why(fields, says):
    with pytest.raises(DataError, match=says):
        GroupedData(*fields)


def test_the_index_is_not_rounded():
    with pytest.raises(DataError, match="whole"):
        GroupedData([1.0, 2.0], None, [0.4, 1.0], None, ["a", "b"])


def test_a_column_of_truth_values_is_numbers():
    data = GroupedData.from_frame(frame(y=[True, False, True, True]), y="y", group="school")
    assert data.y.tolist() == [1, 0, 1, 1]


def test_names_and_numbers_may_be_mixed():
    data = GroupedData.from_frame(frame(school=["b", 1, "b", 1]), y="y", group="school")
    assert data.labels.tolist() == ["1", "b"]


def test_categories_sort_by_their_names():
    school = pd.Categorical(["b", "a", "b", "a"], categories=["b", "a", "unused"])
    data = GroupedData.from_frame(frame(school=school), y="y", group="school")
    assert sorted(data.labels.tolist()) == ["a", "b"]
    assert data.n.tolist() == [2, 2]


def test_it_shows_itself_in_three_lines_and_in_a_notebook_as_a_table():
    data = GroupedData.from_frame(frame(x=[1, 2, 3, 4]), y="y", group="school", x="x", u="u")
    assert data.names == ("y", "school", "x", "u")
    assert repr(data) == (
        "GroupedData: 4 students in 2 schools of 2 to 2\n"
        "  y 1 to 4, x 1 to 4, u 5 to 6\n  school: a, b"
    )
    html = data._repr_html_()
    assert "GroupedData: 4 students in 2 schools of 2 to 2<" in html
    assert "<th>u</th>" in html


def test_sentences_name_the_columns_and_the_first_three_schools():
    frame = pd.DataFrame({"g": list("aabbccddee"), "y": range(10), "w": range(10)})
    with pytest.raises(DataError) as found:
        GroupedData.from_frame(frame, y="y", group="g", u="w")
    assert str(found.value) == (
        "'w' is not the same for all students of a school (look at a, b, c). A school-level "
        "predictor has one value a school: use the school's mean."
    )
    with pytest.raises(DataError) as found:
        GroupedData.from_frame(frame, y="z", group="g")
    assert str(found.value) == "There is no column 'z'. There are: 'g', 'y', 'w'."
