"""Bytes of a file -> a table of text, and of numbers where they are; else a clear sentence.

Whatever comes is data: cells are kept as the text they are, and nothing is evaluated.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter

import numpy as np

from mlm_core.data import DataError, Floats, frozen
from mlm_core.own_data.formats import Row, other_format
from mlm_core.showing import record

MOST_BYTES = 20 * 2**20
MOST_ROWS = 500_000
MOST_COLUMNS = 200
MOST_CELLS = 4_000_000
LONGEST_CELL = 120
LONGEST_NAME = 60

MISSING = frozenset(("", ".", "-", "na", "n/a", "#n/a", "#na", "#value!", "#div/0!", "#null!")) | {
    *("nan", "-nan", "null", "none", "<na>", "missing")
}
"""Cells that say there is no value, in lower case."""

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_POINT = re.compile(r"[+-]?\d*\.\d+")
_COMMA = re.compile(r"[+-]?\d*,\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_POINTS_OF_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
_LARGEST = 1e100  # a number beyond it has no square


@record
class Table:
    """What a file says, column by column.

    Attributes
    ----------
    text : dict of str to (n,) object array of str
        Every column as text, without blanks at the ends; "" where there is no value.
        Long cells are cut after ``LONGEST_CELL`` signs.
    numbers : dict of str to (n,) array
        Those columns of which at least half the values are numbers; NaN for the rest.
    line : (n,) int array
        The line of the file on which each row ends.
    notes : tuple of str
        What the reader should know about how the file was read.
    """

    text: dict[str, np.ndarray]
    numbers: dict[str, Floats]
    line: np.ndarray
    notes: tuple[str, ...]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.line)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order of the file."""
        return tuple(self.text)


def read_table(content: bytes) -> Table:
    r"""Read a table: CSV in any of its dialects (decimal comma, too), Excel or Stata.

    Labels are taken in Unicode's composed form (NFC), so that an é is an é however it was typed.

    Parameters
    ----------
    content : bytes
        The file; its first row names the columns. Of an Excel file, the first sheet.

    Raises
    ------
    DataError
        The file is empty, too large, not text, or not a table; the message says
        which, and what to do.

    Examples
    --------
    >>> table = read_table("school;score\nOak;3,5\nElm;4,0\n".encode())
    >>> table.columns, table.numbers["score"].tolist()
    (('school', 'score'), [3.5, 4.0])
    """
    if len(content) > MOST_BYTES:
        raise DataError(
            f"The file has {len(content) / 2**20:.1f} MB; {MOST_BYTES / 2**20:.0f} MB is the most. "
            "Keep only the columns that are needed."
        )
    other = other_format(content, MOST_ROWS, MOST_COLUMNS)
    if other is not None:
        return _table(other.rows, "", other.notes)
    text, notes = _decoded(content)
    separator = _separator(text)
    rows = _rows(text, separator)
    if separator != ",":
        notes.append(f"The columns are separated by {_SEPARATORS[separator]}.")
    return _table(rows, separator, notes)


def _table(rows: list[Row], separator: str, notes: list[str]) -> Table:
    """The rows, the first of which names the columns, column by column."""
    names, rows = _header(rows, notes)
    rows = _same_width(rows, len(names), notes)
    _check_size(len(rows), len(names))
    distinct = {name: _distinct([row.cells[k] for row in rows]) for k, name in enumerate(names)}
    columns = {name: frozen(cells[place], object) for name, (cells, place) in distinct.items()}
    _note_composed(rows, notes)
    _note_cut({name: cells for name, (cells, _) in distinct.items()}, notes)
    numbers = _numeric(distinct, separator, notes)
    return Table(columns, numbers, frozen([row.line for row in rows], np.intp), tuple(notes))


def _distinct(cells: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The different cells of a column, cleaned, and which of them stands in each row."""
    import pandas as pd

    place, different = pd.factorize(np.array(cells, dtype=object))
    return np.array([_clean(cell) for cell in different], dtype=object), place


def _note_composed(rows: list[Row], notes: list[str]) -> None:
    """Say that letters were written in two ways, where they were."""
    for row in rows:
        if "".join(row.cells).isascii():
            continue
        for cell in row.cells:
            if not cell.isascii() and not unicodedata.is_normalized("NFC", cell):
                shown = unicodedata.normalize("NFC", cell).strip()[:40]
                notes.append(
                    f"Some letters are written as two signs, as in “{shown}” (line {row.line}); "
                    "they were read as one, so that labels which look the same are the same."
                )
                return


def _note_cut(cells: dict[str, np.ndarray], notes: list[str]) -> None:
    """Say that different cells have become one because their ends are not read."""
    for name, different in cells.items():
        cut = [cell for cell in different if len(cell) == LONGEST_CELL]
        if len(set(cut)) < len(cut):
            notes.append(
                f"Labels in “{name}” that differ only after {LONGEST_CELL} signs are one here: "
                "no more of a cell is read. Use shorter labels."
            )


def _decoded(content: bytes) -> tuple[str, list[str]]:
    """The text, and how it was found."""
    if not content.strip():
        raise DataError("The file is empty.")
    notes: list[str] = []
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
            notes.append("The letters were read as Latin-1 (Windows); the file is not UTF-8.")
    strange = sum(text.count(chr(c)) for c in (*range(9), *range(14, 26), 27, 0xFFFD))
    if strange > 0.001 * len(text) or "\0" in text:
        raise DataError(
            "This is no text file: it holds signs that no table has. Save the table as CSV "
            "(UTF-8) and try again."
        )
    if text.lstrip()[:300].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError("This is a web page, not a table. Download the file itself, as CSV.")
    if not text.strip():
        raise DataError("The file is empty.")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _separator(text: str) -> str:
    """The separator that gives the first lines the same number of cells, more than one."""
    lines = [line for line in text[:200_000].split("\n")[:60] if line.strip()]
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:
        return lines[0].strip()[4] if lines[0].strip()[4] in _SEPARATORS else ","
    best, best_score = ",", 0.0
    for separator in _SEPARATORS:
        try:
            widths = [len(cells) for cells in csv.reader(lines, delimiter=separator)]
        except csv.Error:
            continue
        width, often = Counter(widths).most_common(1)[0]
        score = often / len(widths) + (0.5 if widths[0] == width else 0) + min(width, 50) / 1000
        if width > 1 and score > best_score:
            best, best_score = separator, score
    return best


def _rows(text: str, separator: str) -> list[Row]:
    """The rows with something in them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[Row] = []
    try:
        for cells in reader:
            if any(cell and not cell.isspace() for cell in cells):
                rows.append(Row(reader.line_num, cells))
            if len(rows) > MOST_ROWS + 1 or len(cells) > 10 * MOST_COLUMNS:
                break
    except csv.Error:
        raise DataError(
            f"Line {reader.line_num} cannot be read: a quotation mark is opened and not closed, "
            "or has letters right after it, or the cell is too long. Look at the row that begins "
            f"after line {rows[-1].line if rows else 0}."
        ) from None
    if rows and rows[0].cells[0].lower().startswith("sep="):
        rows = rows[1:]
    return rows


def _header(rows: list[Row], notes: list[str]) -> tuple[list[str], list[Row]]:
    """Names of the columns, all different, and the rows below them."""
    rows = _below_titles(rows, notes)
    if not rows:
        raise DataError("The file is empty.")
    if len(rows[0].cells) > MOST_COLUMNS:
        raise DataError(
            f"The first row has {len(rows[0].cells)} columns; {MOST_COLUMNS} is the most. "
            "Keep only the columns that are needed."
        )
    first = [_clean(cell) for cell in rows[0].cells]
    if len(first) == 1 and all(len(row.cells) == 1 for row in rows[:60]):
        raise DataError(
            "There is only one column. At least two are needed, the outcome and the group, "
            "separated by commas, semicolons or tabs."
        )
    if len(rows) > 1 and all(_is_number(cell) for cell in first):
        notes.append("The first row holds numbers, not names: the columns are named by place.")
        return [f"column {k + 1}" for k in range(len(first))], rows
    if len(rows) > 1 and all(len(row.cells) == len(first) + 1 for row in rows[1:]):
        first = ["row name", *first]
    names: list[str] = []
    for k, cell in enumerate(first):
        wanted = cell[:LONGEST_NAME] or f"column {k + 1}"
        name, copy = wanted, 1
        while name in names:
            copy += 1
            name = f"{wanted} ({copy})"
        if copy > 1:
            notes.append(f"Two columns are named “{wanted}”: the later one is called “{name}”.")
        names.append(name)
    return names, rows[1:]


def _below_titles(rows: list[Row], notes: list[str]) -> list[Row]:
    """Without rows above the names of the columns that have one filled cell: a title, a date."""
    title = 0
    while title < min(len(rows) - 2, 10) and sum(map(bool, map(_clean, rows[title].cells))) == 1:
        title += 1
    names = [_clean(cell) for cell in rows[title].cells if _clean(cell)] if title else []
    if len(names) < 2 or any(map(_is_number, names)):
        return rows
    said = next(cell for cell in map(_clean, rows[0].cells) if cell)
    notes.append(f"“{said[:60]}” above the names of the columns was taken as a title.")
    return rows[title:]


def _same_width(rows: list[Row], width: int, notes: list[str]) -> list[Row]:
    """Rows with a cell for each column: short ones are filled, long ones left out."""
    kept, long_lines = [], []
    for row in rows:
        cells = row.cells
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            long_lines.append(row.line)
        elif len(cells) != width:
            kept.append(Row(row.line, (cells + [""] * width)[:width]))
        else:
            kept.append(row)
    if long_lines:
        one = len(long_lines) == 1
        notes.append(
            f"{len(long_lines)} {'row has' if one else 'rows have'} more cells than there are "
            f"columns and {'was' if one else 'were'} left out (line {long_lines[0]}"
            f"{'' if one else ' is the first'})."
        )
    return kept


def _check_size(n_rows: int, n_columns: int) -> None:
    if n_rows == 0:
        raise DataError("There are names of columns, but no rows of values below them.")
    if n_rows > MOST_ROWS or n_rows * n_columns > MOST_CELLS:
        raise DataError(
            f"The table is too large: at most {MOST_ROWS:,} rows and {MOST_CELLS:,} cells. "
            "Keep only the columns that are needed, or a sample of the groups."
        )


def _clean(cell: str) -> str:
    """A cell without blanks at its ends, odd signs or endless length; "" if it says missing."""
    text = cell.strip().strip("\ufeff\u00a0")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return "" if text.lower() in MISSING else text[:LONGEST_CELL]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numeric(
    distinct: dict[str, tuple[np.ndarray, np.ndarray]], separator: str, notes: list[str]
) -> dict[str, Floats]:
    """The columns that hold numbers, by one reading of the comma for the whole table."""
    comma = _comma(distinct, separator)
    if comma == "decimal":
        notes.append("The comma was read as the decimal sign: 3,5 is three and a half.")
    elif comma == "thousands":
        notes.append("Commas within numbers were read as thousands: 1,200 is twelve hundred.")
    numbers = {}
    for name, (values, place) in distinct.items():
        if comma == "decimal" and separator and (first := _with_points(values)):
            whole = first.replace(".", "")
            notes.append(f"The points in “{name}” were read as thousands: {first} is {whole}.")
            values = np.array([_without_points(value) for value in values], dtype=object)
        found = np.array([_number(value, comma) for value in values])[place]
        given = int((values != "")[place].sum())
        if given and 2 * int(np.isfinite(found).sum()) >= given:
            numbers[name] = frozen(found)
    return numbers


def _comma(distinct: dict[str, tuple[np.ndarray, np.ndarray]], separator: str) -> str:
    """What a comma in a number stands for: "decimal", "thousands", or "" if there is none."""
    points = commas = thousands = 0
    for values, _ in distinct.values():
        may_be_decimal = not (separator and _with_points(values))
        for value in values[:2000]:
            points += may_be_decimal and _POINT.fullmatch(value) is not None
            commas += _COMMA.fullmatch(value) is not None
            thousands += _THOUSANDS.fullmatch(value) is not None
    if commas + thousands == 0:
        return ""
    if separator == "," and commas <= thousands:
        return "thousands"
    return "decimal" if commas > points else "thousands"


def _with_points(values: np.ndarray) -> str:
    """The first number with points, if all points of a column can be those of thousands."""
    whole = [value for value in values if _POINTS_OF_THOUSANDS.fullmatch(value)]
    others = (value for value in values if _POINT.fullmatch(value))
    return whole[0] if whole and set(others) <= set(whole) else ""


def _without_points(text: str) -> str:
    return text.replace(".", "") if _POINTS_OF_THOUSANDS.fullmatch(text) else text


def _number(text: str, comma: str) -> float:
    """A number, or NaN for anything else."""
    if comma == "decimal":
        text = text.replace(".", "").replace(",", ".") if "," in text else text
    elif comma == "thousands" and _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    text = text.replace("\u2212", "-")
    if "_" in text:
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        return float("nan")
    return value if abs(value) < _LARGEST else float("nan")
