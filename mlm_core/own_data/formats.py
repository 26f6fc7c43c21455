"""Files that are no CSV: Excel and Stata are read, of others it is said what to do."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

from mlm_core.data import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_UNPACKED = 200_000_000
"""Bytes that a compressed file may hold when unpacked."""

_SAY = (
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls). Open it there and save it as .xlsx or CSV"),
    (b"%PDF", "a PDF. A table of numbers as CSV is needed"),
    (b"\x1f\x8b", "compressed (perhaps an R file). Unpack it first, or use write.csv in R"),
    (b"$FL2", "an SPSS file. In SPSS: File, Export, CSV Data; or save it as Stata or Excel"),
    (b"$FL3", "an SPSS file. In SPSS: File, Export, CSV Data; or save it as Stata or Excel"),
    (b"RDX", 'an R file. Write it out with write.csv(data, "data.csv", row.names = FALSE)'),
    (b"PAR1", "a Parquet file. Write it out as CSV"),
    (b"HEADER RECORD*******", "a SAS transport file. Write it out as CSV (proc export)"),
)
_STATA = (b"<stata_dta>", b"\x71\x01", b"\x71\x02", b"\x72\x01", b"\x72\x02", b"\x73\x02")


class Row(NamedTuple):
    """Cells of a row as text, and the line of the file on which it ends."""

    line: int
    cells: list[str]


class Rows(NamedTuple):
    """All rows of a file, the names of the columns first, and how they were read."""

    rows: list[Row]
    notes: list[str]


def other_format(content: bytes, most_rows: int, most_columns: int) -> Rows | None:
    """The rows of an Excel or Stata file; None for anything that may be text.

    Parameters
    ----------
    content : bytes
    most_rows, most_columns : int
        Reading stops soon after that many.

    Raises
    ------
    DataError
        A file of another program, or one that cannot be read; the message says what to do.

    Examples
    --------
    >>> other_format(b"school,score", 10, 10) is None
    True
    """
    if content.startswith(b"PK\x03\x04"):
        return _excel(content, most_rows, most_columns)
    if content.startswith(_STATA):
        return _stata(content)
    for start, what in _SAY:
        if content.startswith(start):
            raise DataError(f"This is {what}.")
    return None


def _excel(content: bytes, most_rows: int, most_columns: int) -> Rows:
    """The first sheet with something in it."""
    unreadable = DataError(
        "This looks like an Excel file but cannot be read as one. Open it in Excel and save the "
        "sheet as CSV (UTF-8)."
    )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = packed.namelist()
            unpacked = sum(item.file_size for item in packed.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise unreadable from None
    if "mimetype" in names and "content.xml" in names:
        raise DataError("This is an OpenDocument file. Open it there and save it as .xlsx or CSV.")
    if not any(name.startswith("xl/") for name in names):
        raise DataError(
            "This is a compressed file (zip). Unpack it first, and choose the table in it."
        )
    if unpacked > MOST_UNPACKED:
        raise DataError(
            f"The Excel file holds {unpacked / 1e6:,.0f} million bytes when unpacked; "
            f"{MOST_UNPACKED / 1e6:.0f} million is the most. Save the one sheet as CSV."
        )
    try:
        return _sheet(content, most_rows, most_columns)
    except DataError:
        raise
    except Exception:  # whatever a damaged file makes the library raise
        raise unreadable from None


def _sheet(content: bytes, most_rows: int, most_columns: int) -> Rows:
    from openpyxl import load_workbook  # type: ignore[import-untyped,unused-ignore]

    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    try:
        for sheet in book.worksheets:
            rows = _cells(sheet.iter_rows(values_only=True, max_col=most_columns + 1), most_rows)
            if rows:
                notes = [f"This is the first sheet of the Excel file, “{sheet.title}”."]
                others = len(book.worksheets) - 1
                if others:
                    notes[0] = notes[0][:-1] + f"; {others} more {_sheets(others)} not read."
                return Rows(rows, notes)
    finally:
        book.close()
    raise DataError("The Excel file has no table in it: all its sheets are empty.")


def _sheets(count: int) -> str:
    return "sheet was" if count == 1 else "sheets were"


def _cells(values: Iterable[tuple[Any, ...]], most_rows: int) -> list[Row]:
    """The rows with something in them, without columns that are empty to the right of all."""
    rows: list[Row] = []
    width = 0
    for line, cells in enumerate(values, 1):
        text = [_text(cell) for cell in cells]
        filled = [k for k, cell in enumerate(text, 1) if cell]
        if filled:
            width = max(width, filled[-1])
            rows.append(Row(line, text))
        if len(rows) > most_rows + 1:
            break
    return [Row(row.line, row.cells[:width]) for row in rows]


def _text(cell: Any) -> str:
    """A value as a CSV file would hold it."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell)


def _stata(content: bytes) -> Rows:
    """A Stata file, with the labels of its values."""
    import pandas as pd

    frame = None
    for labelled in (True, False):
        try:
            frame = pd.read_stata(io.BytesIO(content), convert_categoricals=labelled)
            break
        except Exception:  # labels that are no labels, or a damaged file
            continue
    if frame is None:
        raise DataError(
            "This looks like a Stata file but cannot be read as one. In Stata: export delimited."
        )
    missing = frame.isna().to_numpy()
    values = frame.astype(object).to_numpy()
    body = [
        Row(k + 1, ["" if gone else _text(_plain(v)) for v, gone in zip(row, no, strict=True)])
        for k, (row, no) in enumerate(zip(values, missing, strict=True))
    ]
    names = Row(0, [str(name) for name in frame.columns])
    return Rows([names, *body], ["This is a Stata file; lines are counted as its observations."])


def _plain(value: Any) -> Any:
    """Python's number for one of numpy's; a 32-bit number without the digits it never had."""
    if hasattr(value, "dtype"):
        return float(str(value)) if value.dtype.kind == "f" else value.item()
    return value
