"""From bytes to text columns: nothing is skipped, nothing is guessed, nothing becomes a number yet.

``prepare`` turns one landed document into a Parquet file of text and says how its dates and amounts are written.
Whatever is wrong with the bytes or the shape of the text is a ``Refusal`` that names the line.
"""

from __future__ import annotations

import functools
import io
import itertools
import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Document, Refusal
from seller_warehouse.core.report_spec import ISO, LOCAL, Column, Kind, ReportSpec, Unit
from seller_warehouse.core.sql import identifier, text_literal
from seller_warehouse.ingest.decode import CHUNK, decode
from seller_warehouse.ingest.formats import GROUP_BLANKS, as_date, is_broken
from seller_warehouse.ingest.header import Shape, recognise
from seller_warehouse.ingest.rows import SetAside, double_quotes, even_out, wrong_field_count
from seller_warehouse.ingest.workbook import Sheet
from seller_warehouse.reports import SPECS

_ROW_GROUP = 1 << 14
"""Small, since DuckDB reads row groups in parallel."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A parsed document: text columns in Parquet (plus ``_line``), and how its values are written.

    ``window`` is the first and last day it speaks for; for a dropped file the first and last day in it.
    ``warnings`` maps a rule to what a reader should know, ``warning_rows`` to the rows it is about: ``_line`` and their text.
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


def prepare(document: Document, account: Account, folder: Path, connection: duckdb.DuckDBPyConnection | None = None) -> Prepared:
    """Parse ``document`` into ``folder``; whoever parses many lends one ``connection``, which takes 10 ms to open.

    Raises Refusal where the bytes are no report, cut, too large, wrongly encoded or not of the report's shape.
    """
    spec = SPECS[document.report]
    folder.mkdir(parents=True, exist_ok=True)
    text_file = folder / "text"
    try:
        sheet = Sheet()
        charset_note = decode(document.path, text_file, declared=document.charset, fallback=account.fallback_charset, sheet=sheet)
        read = read_table(text_file, spec, sheet)
    finally:
        text_file.unlink(missing_ok=True)
    table, warnings = read.table, read.warnings
    if document.source == "sp_api" and "no_final_newline" in warnings:
        raise Refusal("document_cut", "the text does not end in a newline, so Amazon's document was probably cut", "it is asked for again")
    if charset_note:
        warnings["charset"] = charset_note
    parquet = folder / "rows.parquet"
    pq.write_table(table, parquet, compression="snappy", row_group_size=_ROW_GROUP)
    names = tuple(n for n in table.column_names if n != "_line")
    with nullcontext(connection) if connection else duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        columns = [c for c in spec.kept if c.name in names]
        dates = [c for c in columns if c.kind is Kind.DATE]
        others = (ISO,) if sheet.is_read else ()
        formats, note = _date_formats(connection, parquet, spec, document, dates, account.in_marketplace(document.marketplace_id), others)
        if note:
            warnings["day_order"] = note
        amounts = [c for c in columns if c.kind is Kind.AMOUNT]
        # The numbers of a sheet are written with a point, whatever the account does.
        mark, certain = (".", True) if read.numbers & {c.name for c in amounts} else _decimal_mark(connection, parquet, amounts, account)
        window = _window(connection, parquet, spec, document, formats)
    return Prepared(
        parquet=parquet,
        columns=names,
        row_count=table.num_rows,
        date_formats=formats,
        decimal_mark=mark,
        decimal_mark_is_certain=certain,
        window=window,
        warnings=warnings,
        warning_rows={"rows_set_aside": [{"_line": r.line, "text": r.text} for r in read.set_aside]} if read.set_aside else {},
    )


# Text to a table


@dataclass(frozen=True, kw_only=True)
class ReadTable:
    """The rows of a text as text columns with their line, warnings by rule, rows set aside, and the columns that were numbers in a sheet."""

    table: pa.Table
    warnings: dict[str, str] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    numbers: frozenset[str] = frozenset()


def read_table(text_file: Path, spec: ReportSpec, sheet: Sheet | None = None) -> ReadTable:
    """The rows of a UTF-8 text; ``sheet`` is what its workbook said of the cells.

    Raises Refusal where the text is another report, or a row is not whole.
    """
    if spec.read_json:
        return ReadTable(table=_with_lines(_read_json(text_file, spec), 0))
    shape, ends_whole = recognise(_head(text_file)), _ends_with_newline(text_file)
    if shape.spec.name != spec.name:
        raise Refusal("other_report", f"the header is that of {shape.spec.name}, not of {spec.name}", "ask for the report again")
    table, set_aside = _read_delimited(text_file, shape)
    if shape.layout:
        table = shape.layout.reshape(table)
    personal = {c.name for c in spec.columns if c.personal}
    table = table.drop_columns([n for n in table.column_names if n in personal])
    numbers = _columns_at(shape, sheet.numbers) if sheet else frozenset()
    return ReadTable(
        table=table, warnings=_warnings(shape, set(table.column_names), ends_whole, set_aside, sheet, numbers), set_aside=set_aside, numbers=numbers
    )


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
    columns = {c.name: c for c in (shape.layout.columns if shape.layout else shape.spec.columns)}
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
    try:
        return spec.read_json(text_file.read_bytes())
    except json.JSONDecodeError as error:
        raise Refusal("damaged_json", f"the JSON breaks off or is malformed ({error.msg})", "download it again", error.lineno) from error


def _with_lines(table: pa.Table, header_line: int) -> pa.Table:
    lines = np.arange(header_line + 1, header_line + 1 + table.num_rows, dtype=np.int64)
    return table.append_column("_line", pa.array(lines))


def _without_blank_rows(table: pa.Table) -> pa.Table:
    """Spreadsheets leave rows of nothing but delimiters; they hold nothing and are left out."""
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
        double_quotes(text_file, shape)
    table = _read_csv(text_file, shape, names, bad, threads=True)
    if table is None:
        # Once more, one row after the other: only then do bad rows know their line.
        bad.clear()
        set_aside = even_out(text_file, shape)
        table = _read_csv(text_file, shape, names, bad, threads=False)
    if table is None:
        line = next(itertools.islice(_row_starts(text_file, shape), (bad[0].number or 0) - shape.header_line, None), None)
        raise wrong_field_count(shape, bad[0].actual_columns, line)
    known = [n for n in names if not n.startswith("?")]
    trimmed = pa.table([pc.utf8_trim_whitespace(table[n]) for n in known], names=known)
    numbered = trimmed.append_column("_line", pa.array(_lines(text_file, shape, table.num_rows), pa.int64()))
    return _without_blank_rows(numbered), set_aside


def _lines(text_file: Path, shape: Shape, row_count: int) -> np.ndarray | list[int]:
    """The line that each row begins on: a blank line is no row, and a quoted value may hold newlines."""
    one_a_line = np.arange(shape.header_line + 1, shape.header_line + 1 + row_count, dtype=np.int64)
    if _count(text_file, b"\n") + (not _ends_with_newline(text_file)) == shape.header_line + row_count:
        return one_a_line
    starts = list(itertools.islice(_row_starts(text_file, shape), 1, None))
    return starts if len(starts) == row_count else one_a_line


def _row_starts(text_file: Path, shape: Shape) -> Iterator[int]:
    """The line on which the header and each row begin."""
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
    """The table; or None, with the first row that has not as many fields as the header in ``bad``."""

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


# How values are written


def _date_formats(
    connection: duckdb.DuckDBPyConnection, parquet: Path, spec: ReportSpec, document: Document, columns: list[Column], account: Account,
    others: tuple[str, ...] = (),
) -> tuple[dict[str, str], str]:  # fmt: skip
    """The format of each column, and what to know of it: the one that fits most values; of several, the one by which the dates agree best.

    Columns of one style, and those that follow the account's own way of writing, are written alike, so that ``03/04/2026``
    beside ``25/04/2026`` is a day in April. Where nothing decides, the first format is taken.
    """
    styles: dict[str, list[Column]] = {}
    for c in columns:
        styles.setdefault(c.style or (LOCAL if LOCAL in c.formats else c.name), []).append(c)
    fitting: dict[str, list[str]] = {}
    for style, of in [*styles.items()]:
        formats, failed = _fitting_formats(connection, parquet, of, account.date_formats((*of[0].formats, *others)))
        if failed and of[0].style:
            # Not written alike after all: each by itself.
            del styles[style]
            for c in of:
                styles[c.name] = [c]
                fitting[c.name], _ = _fitting_formats(connection, parquet, [c], account.date_formats((*c.formats, *others)))
        else:
            fitting[style] = formats
    choices = [
        {c.name: chosen for style, chosen in zip(fitting, formats, strict=True) for c in styles[style]}
        for formats in itertools.product(*fitting.values())
    ]
    if len(choices) == 1:
        return choices[0], ""
    rows_broken = [_rows_broken(connection, parquet, spec, document, choice) for choice in choices]
    best = [choice for choice, rows in zip(choices, rows_broken, strict=True) if rows == min(rows_broken)]
    undecided = [c for c in styles.get(LOCAL, ()) if len({choice[c.name] for choice in best}) > 1]
    if not undecided:
        return best[0], ""
    in_words = " or ".join(dict.fromkeys(choice[undecided[0].name] for choice in best))
    return best[0], f"{undecided[0].header} may be written as {in_words} and nothing in the file decides; it was read as the first"


def _fitting_formats(
    connection: duckdb.DuckDBPyConnection, parquet: Path, columns: list[Column], candidates: tuple[str, ...]
) -> tuple[list[str], int]:
    """The formats that fit most values of some columns, of those that read every value alike the first; and how many values they do not fit."""
    if len(candidates) == 1:
        return list(candidates), 0
    names = [identifier(c.name) for c in columns]
    days, facts = [], []
    for number, date_format in enumerate(candidates):
        read = [f"day_{number}_{column}" for column in range(len(names))]
        days += [f"{as_date(name, date_format)} as {day}" for name, day in zip(names, read, strict=True)]
        facts.append(" + ".join(f"count(*) filter ({name} <> '' and {day} is null)" for name, day in zip(names, read, strict=True)))
        # Not DuckDB's hash of several values: it joins their hashes by exclusive or, so days that stand twice would cancel out.
        facts.append(f"bit_xor(md5_number(concat_ws('|', _line, {', '.join(f'coalesce({day}::varchar, chr(0))' for day in read)})))")
    # Each day is worked out once: the expressions take most of the time that a small document takes.
    rows = f"select *, {', '.join(days)} from read_parquet({text_literal(str(parquet))})"
    found = connection.execute(f"select {', '.join(facts)} from ({rows})").fetchone() or ()
    failures, readings = found[::2], found[1::2]
    fitting: dict[int, str] = {}
    for date_format, failed, reading in zip(candidates, failures, readings, strict=True):
        if failed == min(failures):
            fitting.setdefault(reading, date_format)
    return list(fitting.values()), min(failures)


def _rows_broken(connection: duckdb.DuckDBPyConnection, parquet: Path, spec: ReportSpec, document: Document, formats: dict[str, str]) -> int:
    """How many rows break an agreement of the report's dates, or lie in the future or outside the days asked for."""
    broken = [is_broken(a, formats, spec.key) for a in spec.agreements if {*a.columns, *a.of_key} <= formats.keys()]
    if spec.event_date in formats:
        day, grace = as_date(identifier(spec.event_date), formats[spec.event_date]), timedelta(days=1)
        broken.append(f"({day}) > date '{document.retrieved_at.date() + grace}'")
        if document.window_start and document.window_end:
            broken.append(f"({day}) not between date '{document.window_start - grace}' and date '{document.window_end + grace}'")
    counted = " + ".join(f"count(*) filter (b{i})" for i in range(len(broken)))
    rules = ", ".join(f"({b}) as b{i}" for i, b in enumerate(broken))
    if not broken:
        return 0
    found = connection.execute(f"select {counted} from (select {rules} from read_parquet({text_literal(str(parquet))}))").fetchone()
    return found[0] if found else 0


def _decimal_mark(connection: duckdb.DuckDBPyConnection, parquet: Path, columns: list[Column], account: Account) -> tuple[str, bool]:
    """The decimal mark of the document, and whether its own values or the settings prove it."""
    if not columns or not account.writes_decimal_comma:
        return ".", True
    names = [identifier(c.name) for c in columns]
    comma = " or ".join(f"regexp_matches({n}, ',[0-9]{{1,2}}$|[0-9][{GROUP_BLANKS}][0-9]')" for n in names)
    point = " or ".join(f"regexp_matches({n}, '\\.[0-9]{{1,2}}$')" for n in names)
    found = connection.execute(
        f"select coalesce(bool_or({comma}), false), coalesce(bool_or({point}), false) from read_parquet({text_literal(str(parquet))})"
    ).fetchone()
    assert found
    if any(found):
        return ("," if found[0] else "."), True
    return ("," if account.decimal_comma else "."), account.decimal_comma is not None


def _window(
    connection: duckdb.DuckDBPyConnection, parquet: Path, spec: ReportSpec, document: Document, formats: dict[str, str]
) -> tuple[date, date] | None:
    if document.window_start and document.window_end:
        return document.window_start, document.window_end
    if spec.unit is not Unit.DATE or not spec.event_date or spec.event_date not in formats:
        return None
    day = as_date(identifier(spec.event_date), formats[spec.event_date])
    found = connection.execute(f"select min({day}), max({day}) from read_parquet({text_literal(str(parquet))})").fetchone()
    return (found[0], found[1]) if found and found[0] else None
