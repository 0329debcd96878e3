"""From bytes to text columns: nothing is skipped, nothing is guessed, nothing becomes a number yet.

``prepare`` parses one landed document into a Parquet file of text beside its bytes and detects the notation of its dates and amounts. A document is
parsed once: the name of the file contains a hash of everything that decides its content, and later steps read it instead of the bytes.
Errors in the bytes or the layout of the text raise ``Refusal``, which names the line.
"""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from pydantic import TypeAdapter

from seller_warehouse.core.accounts import Account, marketplaces
from seller_warehouse.core.documents import Document, Refusal
from seller_warehouse.core.home import PACKAGE, fingerprint
from seller_warehouse.core.report_spec import ISO, Kind, ReportSpec
from seller_warehouse.ingest.bounds import joined_json, refuse_deep_json, refuse_long_fields, refuse_long_lines
from seller_warehouse.ingest.decode import CHUNK, UTF8, decode
from seller_warehouse.ingest.header import Shape, recognise
from seller_warehouse.ingest.integrity import RowsDamaged, read_facts, verify_bytes, write_rows
from seller_warehouse.ingest.object_storage import ObjectStorage
from seller_warehouse.ingest.quoting import detect_quoting
from seller_warehouse.ingest.rows import SetAside, field_count_refusal, pad_or_set_aside_rows, repair_quotes
from seller_warehouse.ingest.spelling import detect_spelling
from seller_warehouse.ingest.workbook import Sheet
from seller_warehouse.reports import SPECS

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A parsed document: text columns in Parquet (plus ``_line``), and the notation of its values.

    ``window``: the first and last day it covers; for a dropped file the first and last day in it. ``warnings``: messages by rule. ``warning_rows``:
    the rows concerned by rule, each with ``_line`` and text.
    """

    parquet: Path
    columns: tuple[str, ...]
    row_count: int
    date_formats: dict[str, str]
    decimal_mark: str
    decimal_mark_is_certain: bool
    window: tuple[date, date] | None
    warnings: dict[str, str] = field(default_factory=dict)
    warning_rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


_PREPARED = TypeAdapter(Prepared)


def prepare(
    document: Document, account: Account, folder: Path, connection: duckdb.DuckDBPyConnection | None = None, storage: ObjectStorage | None = None
) -> Prepared:
    """The parsed document, from ``folder`` if this parser version has already parsed it, else parsed now and stored there.

    Callers that parse many documents pass one ``connection`` (``scratch_database``), which takes 10 ms to open. ``storage``: the object storage of
    the landing, if any.
    Raises Refusal if the bytes are lost, cut, too large, wrongly encoded, not a report, or not in the report's layout.
    """
    kept = folder / f"rows.{_version(document, account)}.parquet"
    if storage.fetch(kept) if storage else kept.exists():
        try:
            return _kept(kept)
        except (RowsDamaged, ValueError) as error:
            log.warning("%s; the document is parsed again", error)
    verify_bytes(document, storage)
    scratch = folder / ".parsing"
    shutil.rmtree(scratch, ignore_errors=True)  # A kill may have left text with buyers' names.
    scratch.mkdir(parents=True, mode=0o700)
    try:
        with nullcontext(connection) if connection else scratch_database() as connection:
            table, prepared = _parse(document, account, scratch / "text", kept, connection)
    finally:
        shutil.rmtree(scratch)
    for older in folder.glob("rows.*.parquet"):
        older.unlink()
    write_rows(table, _PREPARED.dump_json(prepared, exclude={"parquet"}), kept)
    if storage:
        storage.replace_rows(kept)
    return prepared


def scratch_database() -> duckdb.DuckDBPyConnection:
    """A database in memory to parse with. Most documents are small, and a second thread makes them no faster but a third more expensive."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set TimeZone = 'UTC'")
    return connection


# Stored rows


@cache
def _parser() -> str:
    folders = (PACKAGE / name for name in ("core", "reports", "ingest"))
    return fingerprint(path for folder in folders for path in folder.rglob("*.py"))


def _version(document: Document, account: Account) -> str:
    """A hash of everything that decides the parsed rows: the parser, the manifest, and the settings of the account."""
    countries = [marketplaces()[m].model_dump() for m in account.marketplaces]
    decided_by = json.dumps([_parser(), document.to_json(), account.decimal_comma, countries])
    return hashlib.sha256(decided_by.encode()).hexdigest()[:16]


def _kept(parquet: Path) -> Prepared:
    return _PREPARED.validate_python({**json.loads(read_facts(parquet)), "parquet": parquet}, strict=False)


# Bytes to rows


def _parse(document: Document, account: Account, text_file: Path, kept: Path, connection: duckdb.DuckDBPyConnection) -> tuple[pa.Table, Prepared]:
    sheet = Sheet()
    charsets = (document.charset, account.fallback_charset)
    if SPECS[document.report].read_json:
        charsets = (None, UTF8)  # JSON is always UTF-8 (RFC 8259).
    charset_note = decode(document.path, text_file, declared=charsets[0], fallback=charsets[1], sheet=sheet)
    read = read_table(text_file, SPECS[document.report], sheet)
    table, warnings = read.table, read.warnings
    if document.source == "sp_api" and "no_final_newline" in warnings:
        raise Refusal("document_cut", "the text does not end in a newline, so Amazon's document was probably cut", "it is asked for again")
    spelling = detect_spelling(table, document, account, from_sheet=sheet.is_read, numbers=read.numbers, connection=connection)
    if charset_note:
        warnings["charset"] = charset_note
    if spelling.day_order:
        warnings["day_order"] = spelling.day_order
    return table, Prepared(
        parquet=kept,
        columns=tuple(n for n in table.column_names if n != "_line"),
        row_count=table.num_rows,
        date_formats=spelling.date_formats,
        decimal_mark=spelling.decimal_mark,
        decimal_mark_is_certain=spelling.decimal_mark_is_certain,
        window=spelling.window,
        warnings=warnings,
        warning_rows={"rows_set_aside": [{"_line": r.line, "text": r.text} for r in read.set_aside]} if read.set_aside else {},
    )


# Text to a table


@dataclass(frozen=True, kw_only=True)
class ReadTable:
    """The rows of a text as text columns with their line, warnings by rule, rows set aside, and the columns with numeric cells in a sheet."""

    table: pa.Table
    warnings: dict[str, str] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    numbers: frozenset[str] = frozenset()


def read_table(text_file: Path, spec: ReportSpec, sheet: Sheet | None = None) -> ReadTable:
    """The rows of a UTF-8 text; ``sheet``: the cell types if it comes from a workbook.

    Raises Refusal if the text is another report or a row has a wrong number of fields.
    """
    if spec.read_json:
        return ReadTable(table=_with_lines(_read_json(text_file, spec), 0))
    shape, ends_whole = recognise(_head(text_file)), _ends_with_newline(text_file)
    if shape.spec.name != spec.name:
        raise Refusal("other_report", f"the header is that of {shape.spec.name}, not of {spec.name}", "ask for the report again")
    refuse_long_lines(text_file)
    shape = detect_quoting(shape, text_file)
    table, set_aside = _read_delimited(text_file, shape)
    if shape.layout:
        table = shape.layout.reshape(table)
    if shape.quoted:
        table = _with_plain_newlines(table, spec)
    personal = {c.name for c in spec.columns if c.personal}
    table = _with_plain_minus(table.drop_columns([n for n in table.column_names if n in personal]), spec)
    numbers = _columns_at(shape, sheet.numbers) if sheet else frozenset()
    return ReadTable(
        table=table, warnings=_warnings(shape, set(table.column_names), ends_whole, set_aside, sheet, numbers), set_aside=set_aside, numbers=numbers
    )


def _with_plain_minus(table: pa.Table, spec: ReportSpec) -> pa.Table:
    """Replace the minus sign U+2212 of numbers by a hyphen; programs write it in Swedish and other northern languages."""
    for place, name in enumerate(table.column_names):
        if any(c.name == name and c.kind in (Kind.INTEGER, Kind.AMOUNT) for c in spec.columns):
            table = table.set_column(place, name, pc.replace_substring_regex(table[name], "^\u2212([0-9])", r"-\1"))
    return table


def _with_plain_newlines(table: pa.Table, spec: ReportSpec) -> pa.Table:
    """Normalise newlines in free text, whichever system saved the file."""
    for place, name in enumerate(table.column_names):
        if any(c.name == name and c.free_text for c in spec.columns):
            table = table.set_column(place, name, pc.replace_substring_regex(table[name], "\r\n?", "\n"))
    return table


def _columns_at(shape: Shape, places: set[int]) -> frozenset[str]:
    return frozenset(n for place, n in enumerate(shape.field_names) if n and place in places)


def _warnings(
    shape: Shape, held: set[str], ends_whole: bool, set_aside: list[SetAside], sheet: Sheet | None, numbers: frozenset[str]
) -> dict[str, str]:
    warnings = {}
    if shape.unknown_headers:
        listed = ", ".join(dict.fromkeys(h or "(blank)" for h in shape.unknown_headers))
        warnings["unknown_columns"] = f"columns the report is not known to have were left out: {listed}"
    missing = [c.header for c in shape.spec.columns if c.usual and c.name not in held]
    if missing:
        warnings["usual_columns"] = f"columns that the report usually has are missing; no number needs them: {', '.join(missing)}"
    if shape.by_position:
        warnings["header_by_position"] = "the header is in an unknown language; columns were taken by position"
    if not ends_whole:
        warnings["no_final_newline"] = "the last line does not end in a newline; the file may have been cut after it"
    if set_aside:
        lines = ", ".join(str(r.line) for r in set_aside)
        warnings["rows_set_aside"] = (
            f"line {lines}: more fields than the header, since a value holds a tab; the row was set aside and the others load; "
            "remove the tab in the file and drop it again to have the row"
        )
    columns = {c.name: c for c in shape.columns}
    if ids := [c.header for n, c in columns.items() if n in numbers and c.holds_ids]:
        warnings["sheet_numbers"] = (
            f"cells of {', '.join(ids)} are numbers in the workbook; zeros in front, if there were any, are lost; "
            "compare some with the report as Amazon sends it, or save it with these columns as text"
        )
    dates = _columns_at(shape, sheet.dates) if sheet else frozenset()
    if days := [c.header for n, c in columns.items() if n in dates and c.kind is Kind.DATE and ISO not in c.formats]:
        warnings["sheet_dates"] = (
            f"cells of {', '.join(days)} are dates in the workbook, as the spreadsheet understood them; "
            "check that it did not take the day for the month, or drop the report as Amazon sends it"
        )
    return warnings


def _read_json(text_file: Path, spec: ReportSpec) -> pa.Table:
    assert spec.read_json
    with text_file.open("rb") as stream:
        content = joined_json(iter(lambda: stream.read(CHUNK), b""))
    refuse_deep_json(content)
    try:
        return spec.read_json(content)
    except json.JSONDecodeError as error:
        raise Refusal("damaged_json", f"the JSON breaks off or is malformed ({error.msg})", "download it again", error.lineno) from error


def _with_lines(table: pa.Table, header_line: int) -> pa.Table:
    lines = np.arange(header_line + 1, header_line + 1 + table.num_rows, dtype=np.int64)
    return table.append_column("_line", pa.array(lines))


def _without_blank_rows(table: pa.Table) -> pa.Table:
    """Drop rows of delimiters only, which spreadsheets leave."""
    filled = functools.reduce(pc.or_, (pc.not_equal(table[n], pa.scalar("")) for n in table.column_names if n != "_line"))
    return table if pc.all(filled).as_py() else table.filter(filled)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, io.SEEK_END)
        return stream.read(1) in b"\r\n"


def _count(path: Path, byte: bytes) -> int:
    with path.open("rb") as stream:
        return sum(chunk.count(byte) for chunk in iter(lambda: stream.read(CHUNK), b""))


def _read_delimited(text_file: Path, shape: Shape) -> tuple[pa.Table, list[SetAside]]:
    names = [n if n else f"?{i}" for i, n in enumerate(shape.field_names)]
    bad: list[pcsv.InvalidRow] = []
    set_aside: list[SetAside] = []
    if shape.quoted:
        repair_quotes(text_file, shape)
    table = _read_csv(text_file, shape, names, bad, threads=True)
    if table is None:
        # Read again without threads: only then do bad rows have line numbers.
        bad.clear()
        set_aside = pad_or_set_aside_rows(text_file, shape)
        table = _read_csv(text_file, shape, names, bad, threads=False)
    if table is None:
        line = next(itertools.islice(_row_starts(text_file, shape), (bad[0].number or 0) - shape.header_line, None), None)
        raise field_count_refusal(shape, bad[0].actual_columns, line)
    lines = _lines(text_file, shape, table.num_rows)
    refuse_long_fields(table, shape.headers, lines)
    known = [n for n in names if not n.startswith("?")]
    trimmed = pa.table([pc.utf8_trim_whitespace(table[n]) for n in known], names=known)
    numbered = trimmed.append_column("_line", pa.array(lines, pa.int64()))
    return _without_blank_rows(numbered), set_aside


def _lines(text_file: Path, shape: Shape, row_count: int) -> np.ndarray | list[int]:
    """The line on which each row begins; blank lines are not rows, and a quoted value may contain newlines."""
    one_a_line = np.arange(shape.header_line + 1, shape.header_line + 1 + row_count, dtype=np.int64)
    if _count(text_file, b"\n") + (not _ends_with_newline(text_file)) == shape.header_line + row_count:
        return one_a_line
    starts = list(itertools.islice(_row_starts(text_file, shape), 1, None))
    return starts if len(starts) == row_count else one_a_line


def _row_starts(text_file: Path, shape: Shape) -> Iterator[int]:
    """The lines on which the header and each row begin."""
    with text_file.open(encoding="utf-8") as stream:
        if not shape.quoted:
            yield from (number for number, line in enumerate(stream, 1) if line != "\n")
            return
        number, is_open = 0, False
        for number, line in enumerate(stream, 1):
            if not is_open and line != "\n":
                yield number
            is_open ^= line.count('"') % 2 == 1


def _read_csv(text_file: Path, shape: Shape, names: list[str], bad: list[pcsv.InvalidRow], *, threads: bool) -> pa.Table | None:
    """The table; or None if a row has a wrong number of fields, with the first such row in ``bad``."""

    def note(row: pcsv.InvalidRow) -> Literal["error"]:
        bad.append(row)
        return "error"

    try:
        return pcsv.read_csv(
            text_file,
            read_options=pcsv.ReadOptions(column_names=names, skip_rows=shape.header_line, use_threads=threads),
            parse_options=pcsv.ParseOptions(
                delimiter=shape.delimiter,
                quote_char='"' if shape.quoted else False,
                newlines_in_values=shape.quoted,
                invalid_row_handler=note,
            ),
            convert_options=pcsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        if bad:
            return None
        if "Empty CSV file" in str(error) or "Could not skip initial" in str(error):
            return pa.table({n: pa.array([], pa.string()) for n in names})
        raise Refusal("damaged_text", f"the text cannot be split into rows ({error})", "download it again") from error


def _head(text_file: Path) -> str:
    with text_file.open("rb") as stream:
        return stream.read(CHUNK).decode("utf-8", "ignore")
