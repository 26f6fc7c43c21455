"""Whatever bytes come: a table that says what they say, or one clear sentence."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_core import DataError
from mlm_core.own_data import table
from mlm_core.own_data.formats import MOST_UNPACKED
from mlm_core.own_data.table import MOST_BYTES, MOST_CELLS, MOST_COLUMNS, read_table

PLAIN = "school,score\nOak,3.5\nÉlan,4\nOak,-1e1\n"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_dialect_reads_the_same(separator, encoding, end):
    table = read_table(PLAIN.replace(",", separator).replace("\n", end).encode(encoding))
    assert table.columns == ("school", "score")
    assert table.text["school"].tolist() == ["Oak", "Élan", "Oak"]
    np.testing.assert_array_equal(table.numbers["score"], [3.5, 4.0, -10.0])


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_comma(separator):
    table = read_table(f"g{separator}y\na{separator}3,5\nb{separator}1.234,5\n".encode())
    np.testing.assert_array_equal(table.numbers["y"], [3.5, 1234.5])
    assert "decimal sign" in " ".join(table.notes)


def test_points_of_thousands_beside_decimal_commas():
    """1.770 is whole where a comma is decimal; a column with other points keeps its points."""
    text = "y;books;z\n3,5;1.770;2.5\n1,25;80;1.125\n2,5;k.A.;1.125\n0,5;-12.000.000;2.5"
    table = read_table(text.encode())
    np.testing.assert_array_equal(table.numbers["books"], [1770, 80, np.nan, -12e6])
    np.testing.assert_array_equal(table.numbers["z"], [2.5, 1.125, 1.125, 2.5])
    np.testing.assert_array_equal(table.numbers["y"], [3.5, 1.25, 2.5, 0.5])
    assert [note for note in table.notes if "points" in note] == [
        "The points in “books” were read as thousands: 1.770 is 1770."
    ]
    np.testing.assert_array_equal(
        read_table(b"g;y\na;1.770\nb;2.125\n").numbers["y"], [1.77, 2.125]
    )


def test_points_of_thousands_do_not_outvote_decimal_commas():
    """Twelve wages with points, two scores with commas: the scores are numbers all the same."""
    rows = "".join(f"a;{k % 2},5;{k + 1}.250\n" for k in range(12))
    table = read_table(f"g;score;wage\n{rows}".encode())
    np.testing.assert_array_equal(table.numbers["score"], [0.5, 1.5] * 6)
    np.testing.assert_array_equal(table.numbers["wage"], 1000 * np.arange(1, 13) + 250)


def test_a_number_of_excel_has_a_decimal_point_whatever_text_there_is():
    out = io.BytesIO()
    frame = pd.DataFrame({"text": ["3,5", "1,25", "2,5", "0,5"], "z": [1.125, 2.125, 1.125, 2.125]})
    frame.to_excel(out, index=False)
    table = read_table(out.getvalue())
    np.testing.assert_array_equal(table.numbers["text"], [3.5, 1.25, 2.5, 0.5])
    np.testing.assert_array_equal(table.numbers["z"], frame["z"])


def test_quoted_decimal_comma_between_commas():
    table = read_table(b'g,y\na,"3,5"\nb,"0,25"\n')
    np.testing.assert_array_equal(table.numbers["y"], [3.5, 0.25])


def test_commas_of_thousands():
    table = read_table(b'g,y\na,"1,200"\nb,"12,000.5"\n')
    np.testing.assert_array_equal(table.numbers["y"], [1200.0, 12000.5])
    assert "thousands" in " ".join(table.notes)


def test_a_decimal_point_between_semicolons_stays_one():
    np.testing.assert_array_equal(read_table(b"g;y\na;3.5\nb;4.25\n").numbers["y"], [3.5, 4.25])


def test_missing_values_are_missing_in_any_spelling():
    table = read_table(b"g,y\na,NA\nb,\nc,.\nd,n/a\ne,#N/A\nf,NaN\ng,5\nh,null\n")
    assert np.isnan(table.numbers["y"]).sum() == 7
    assert (table.text["y"] == "").sum() == 7


def test_text_among_numbers_keeps_the_column_and_its_text():
    table = read_table(b"g,y\na,1\nb,absent\nc,3\n")
    assert np.isnan(table.numbers["y"][1])
    assert table.text["y"][1] == "absent"
    assert table.line[1] == 3


def test_infinite_and_absurd_numbers_are_no_numbers():
    table = read_table(b"g,y\na,1\nb,inf\nc,1e999\nd,2\ne,1_000\nf,3\n")
    np.testing.assert_array_equal(np.isfinite(table.numbers["y"]), [1, 0, 0, 1, 0, 1])


def test_names_of_columns_become_different():
    table = read_table(b"y,y,,y\n1,2,3,4\n")
    assert table.columns == ("y", "y (2)", "column 3", "y (3)")
    assert sum("later one" in note for note in table.notes) == 2


def test_row_names_without_a_name():
    table = read_table(b"school,y\n1,a,3\n2,b,4\n")
    assert table.columns == ("row name", "school", "y")


def test_a_title_above_the_names_of_the_columns_is_no_name():
    table = read_table(b"Trial of a diet\nclinic,before,after\na,1.5,2\na,2,3\nb,4,1\n")
    assert table.columns == ("clinic", "before", "after")
    assert set(table.numbers) == {"before", "after"}
    assert "“Trial of a diet” above the names" in table.notes[0]
    row_names = read_table(b"y\na,1.5\nb,2\nc,4\n")
    assert row_names.columns == ("row name", "y")


def test_a_first_row_of_numbers_is_a_row():
    table = read_table(b"1,2\n3,4\n")
    assert table.n_rows == 2
    assert table.columns == ("column 1", "column 2")


def test_rows_of_another_length():
    table = read_table(b"g,y\na,1\nb\nc,3,4\n\n,,\nd,5,,\n")
    assert table.text["g"].tolist() == ["a", "b", "d"]
    assert "1 row has more cells" in " ".join(table.notes)
    assert "line 4" in " ".join(table.notes)


def test_a_line_break_inside_quotes():
    table = read_table(b'g,y\n"a\nb",1\n"c, d",2\n')
    assert table.text["g"].tolist() == ["a b", "c, d"]


def test_excels_line_about_the_separator():
    assert read_table(b"sep=;\ng;y\na;1\n").columns == ("g", "y")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b" \n\r\n ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"g,y\n", "no rows"),
        (b"y\n1\n2\n", "only one column"),
        (b"PK\x03\x04 and more", "Excel"),
        (b"$FL2@(#) SPSS DATA FILE", "SPSS file. In SPSS: File"),
        (b"<stata_dta>broken", "Stata file but cannot be read"),
        (b"\xd0\xcf\x11\xe0 and more", "Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no text file"),
        (b"g,y\na\x00,1\n", "no text file"),
        (bytes(range(256)) * 40, "no text file"),
        (b"<!DOCTYPE html><html><body>1,2</body></html>", "web page"),
        (b'g,y\n"a,1\nb,2\n', "quotation mark"),
        (b"g,y\n" + b"x" * 200_000 + b",1\n", "too long"),
        (b"x" * (MOST_BYTES + 1), "20 MB is the most"),
        ((",".join(f"c{k}" for k in range(MOST_COLUMNS + 1)) + "\n1,2\n").encode(), "columns"),
        (b"c," * 3_000_000 + b"\n1,2\n", "is the most"),
    ],
)
def test_what_is_no_table_is_told_in_a_sentence(content, said):
    with pytest.raises(DataError, match=said):
        read_table(content)


def test_too_many_rows(monkeypatch):
    monkeypatch.setattr(table, "MOST_ROWS", 300)
    assert read_table(b"g,y\n" + b"a,1\n" * 300).n_rows == 300
    with pytest.raises(DataError, match="too large: at most 300 rows"):
        read_table(b"g,y\n" + b"a,1\n" * 301)


def test_too_many_cells():
    row = b",".join([b"1"] * 100) + b"\n"
    with pytest.raises(DataError, match="too large"):
        read_table(row * (MOST_CELLS // 100 + 1))


def read_or_told(content: bytes):
    """The table, or None and a sentence."""
    said = ""
    try:
        return read_table(content)
    except DataError as problem:
        said = str(problem)
    assert said.endswith(".")
    return None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(content):
    table = read_or_told(content)
    assert table is None or table.n_rows > 0


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.sampled_from("a1,;\t\"'. \n-é<$\x00"), max_size=6), max_size=4),
        max_size=6,
    ),
    st.sampled_from(",;\t"),
)
def test_any_text(rows, separator):
    table = read_or_told("\n".join(separator.join(row) for row in rows).encode())
    if table is not None:
        assert all(len(cells) == table.n_rows for cells in table.text.values())
        assert all(np.isfinite(v[~np.isnan(v)]).all() for v in table.numbers.values())


FRAME = pd.DataFrame(
    {
        "school": ["Oak", "Oak", "Élan"],
        "score": [3.5, 4.0, -1.25],
        "n": [1, 2, 3],
        "sex": ["f", "m", "f"],
    }
)


def test_excel_reads_as_csv_does():
    out = io.BytesIO()
    with pd.ExcelWriter(out, engine="openpyxl") as book:
        pd.DataFrame().to_excel(book, sheet_name="empty")
        FRAME.to_excel(book, sheet_name="scores", index=False)
    table = read_table(out.getvalue())
    wanted = read_table(FRAME.to_csv(index=False).encode())
    assert table.columns == wanted.columns
    for name in table.columns:
        assert table.text[name].tolist() == pytest.approx(wanted.text[name].tolist()) or (
            table.numbers[name].tolist() == wanted.numbers[name].tolist()
        )
    assert "“scores”; 1 more sheet was not read" in table.notes[0]


def test_an_excel_file_that_would_unpack_too_far_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (MOST_UNPACKED + 1))
    with pytest.raises(DataError, match="million bytes when unpacked"):
        read_table(out.getvalue())


def test_a_zip_file_and_an_opendocument_are_told_apart():
    for names, said in ((["a.csv"], "compressed file"), (["mimetype", "content.xml"], "OpenDoc")):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as packed:
            for name in names:
                packed.writestr(name, "x")
        with pytest.raises(DataError, match=said):
            read_table(out.getvalue())


def test_stata_reads_with_its_labels():
    out = io.BytesIO()
    FRAME.assign(
        sex=FRAME["sex"].astype("category"), score=FRAME["score"].astype("float32")
    ).to_stata(out, write_index=False)
    table = read_table(out.getvalue())
    assert table.text["sex"].tolist() == ["f", "m", "f"]
    assert table.numbers["score"].tolist() == [3.5, 4.0, -1.25]


def test_letters_of_two_signs_become_one_and_it_is_said():
    table = read_table("g,y\nE\u0301lan,1\n\u00c9lan,2\n".encode())
    assert set(table.text["g"]) == {"\u00c9lan"}
    assert "written as two signs" in " ".join(table.notes)
    assert not read_table("g,y\n\u00c9lan,1\nb,2\n".encode()).notes


def test_numbers_without_a_square_are_no_numbers():
    table = read_table(b"g,y\na,1\nb,1e149\nc,-1e120\nd,2\n")
    np.testing.assert_array_equal(np.isfinite(table.numbers["y"]), [1, 0, 0, 1])


def test_labels_that_are_the_same_as_far_as_they_are_read_are_said():
    same = "x" * 130
    table = read_table(f"g,y\n{same}1,1\n{same}2,2\nb,3\n".encode())
    assert len(set(table.text["g"])) == 2
    assert "differ only after 120 signs" in " ".join(table.notes)
    assert not read_table(f"g,y\n{same}1,1\n{same}1,2\nb,3\n".encode()).notes
