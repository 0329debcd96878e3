"""Convert a one-sheet XLSX workbook to CSV: ids keep their digits, dates become ISO 8601, and no number is rounded as a float.

Excel keeps 15 digits of a number. A longer one has lost the others; it is written as Excel shows it (``1.23456789012345E+17``), so that the gate
finds it in a column of ids like any other shortened id.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook  # type: ignore[import-untyped]  # it has no types of its own
from openpyxl.cell.read_only import EmptyCell  # type: ignore[import-untyped]

from seller_warehouse.core.documents import Refusal, printable

MAX_WORKBOOK_BYTES = 256 * 1024**2
"""A workbook with more XML is refused unread; a report of that size can be loaded as text."""

_DIGITS = 15
_PIECE_ROWS = 1000
_SHOWN_SHEETS = 5
_AS_CSV = "save the sheet as CSV in UTF-8"


@dataclass(kw_only=True)
class Sheet:
    """The cell types of a sheet: the columns (from 0) with numeric cells and with date cells."""

    is_read: bool = False
    numbers: set[int] = field(default_factory=set)
    dates: set[int] = field(default_factory=set)


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Whether a ZIP is an XLSX workbook."""
    return "xl/workbook.xml" in archive.namelist()


def sheet_text(file: BinaryIO, archive: zipfile.ZipFile, sheet: Sheet, limit: int) -> Iterator[bytes]:
    """The only non-empty sheet as CSV in UTF-8, one line per row of the sheet; fills ``sheet``.

    Raises Refusal for several sheets, a formula without a value, a cell with an error, and a damaged or too large workbook.
    """
    size = sum(i.file_size for i in archive.infolist())
    if size > min(limit, MAX_WORKBOOK_BYTES):
        raise Refusal("too_large", f"the workbook unpacks to {size:,} bytes", _AS_CSV)
    sheet.is_read = True
    try:
        yield from _text_of(file, archive, sheet)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, ParseError) as error:
        raise Refusal(
            "damaged_workbook", f"the workbook cannot be read ({type(error).__name__}: {error})", f"{_AS_CSV}, or download it again"
        ) from error


def _text_of(file: BinaryIO, archive: zipfile.ZipFile, sheet: Sheet) -> Iterator[bytes]:
    book = _opened(file, data_only=True)
    filled = [place for place, page in enumerate(book.worksheets) if any(_is_filled(row) for row in _rows(page))]
    if not filled:
        raise Refusal("empty_file", "the workbook holds nothing", "download the report again")
    if len(filled) > 1:
        named = ", ".join(printable(book.worksheets[p].title) for p in filled[:_SHOWN_SHEETS]) + (", …" if len(filled) > _SHOWN_SHEETS else "")
        raise Refusal("several_sheets", f"{len(filled)} sheets of the workbook hold something ({named})", "save each sheet as CSV in UTF-8, or alone")
    formulas = _formulas(file, filled[0]) if _has_formulas(archive) else None
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    width = 0
    for number, row in enumerate(_rows(book.worksheets[filled[0]]), start=1):
        places = next(formulas) if formulas else set()
        values = [_text(cell, number, place, sheet, place in places) for place, cell in enumerate(row)]
        while values and not values[-1]:
            values.pop()
        if values and not width:
            width = len(values)
            values = [" ".join(v.split()) for v in values]
            sheet.numbers.clear()
            sheet.dates.clear()
        if values:
            writer.writerow(values + [""] * (width - len(values)))
        else:
            written.write("\n")
        if number % _PIECE_ROWS == 0:
            yield written.getvalue().encode()
            written.seek(0)
            written.truncate()
    yield written.getvalue().encode()


def _opened(file: BinaryIO, *, data_only: bool) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about unknown styles
        return load_workbook(file, read_only=True, data_only=data_only)


def _rows(page: Any) -> Iterator[tuple[Any, ...]]:
    # A sheet may claim a size of a million blank columns.
    page.reset_dimensions()
    yield from page.iter_rows()


def _is_filled(row: tuple[Any, ...]) -> bool:
    return any(cell.value not in (None, "") for cell in row)


def _has_formulas(archive: zipfile.ZipFile) -> bool:
    sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/") and n.endswith(".xml")]
    return any(re.search(rb"<(\w+:)?f[\s>/]", archive.read(n)) for n in sheets)


def _formulas(file: BinaryIO, place: int) -> Iterator[set[int]]:
    """The columns with formulas, row by row."""
    for row in _rows(_opened(file, data_only=False).worksheets[place]):
        yield {at for at, cell in enumerate(row) if not isinstance(cell, EmptyCell) and cell.data_type == "f"}


def _text(cell: Any, number: int, place: int, sheet: Sheet, is_formula: bool) -> str:
    value = cell.value
    if value is None:
        if is_formula:
            raise Refusal("formula", f"cell {cell.coordinate} is a formula without its value", "copy the cells and insert them as values", number)
        return ""
    if isinstance(value, str):
        if cell.data_type == "e":
            raise Refusal("cell_error", f"cell {cell.coordinate} holds the error {value}", "correct the cell, or download the report again", number)
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime | date):
        sheet.dates.add(place)
        return _day(value)
    if isinstance(value, int | float):
        text, has_zeros = _number(value, cell.number_format)
        if not has_zeros:
            sheet.numbers.add(place)
        return text
    if isinstance(value, time | timedelta):
        return str(value)
    raise TypeError(f"cell {cell.coordinate} holds a {type(value).__name__}")


def _day(value: datetime | date) -> str:
    if isinstance(value, datetime):
        # Excel stores a time as a fraction of a day, which is seldom a whole second.
        value = (value + timedelta(milliseconds=500)).replace(microsecond=0)
        return value.isoformat() if value.time() != time() else value.date().isoformat()
    return value.isoformat()


def _number(value: int | float, number_format: str) -> tuple[str, bool]:
    """The digits as Excel shows them, and whether the cell's format defines the number of leading zeros."""
    lost = len(str(int(abs(value)))) - _DIGITS
    if lost > 0 and (isinstance(value, float) or value % 10**lost == 0):
        return format(Decimal(value), f".{_DIGITS - 1}E"), False
    if isinstance(value, float):
        if not value.is_integer():
            return format(Decimal(format(value, f".{_DIGITS}g")), "f"), False
        value = int(value)
    zeros = len(number_format) if re.fullmatch("0{2,}", number_format) else 0
    return str(value).zfill(zeros), bool(zeros)
