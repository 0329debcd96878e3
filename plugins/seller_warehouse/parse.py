"""From bytes to text columns: nothing is skipped, nothing is guessed, nothing becomes a number yet.

``prepare`` turns one landed document into a Parquet file of text and says how its dates and amounts are written.
Whatever is wrong with the bytes or the shape of the text is a ``Refusal`` that names the line.
"""

from __future__ import annotations

import codecs
import functools
import gzip
import io
import itertools
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from seller_warehouse.accounts import Account
from seller_warehouse.documents import Document, Refusal
from seller_warehouse.report_spec import LOCAL, Column, Kind, Layout, Quoting, ReportSpec, Unit, normalise_header
from seller_warehouse.reports import SPECS
from seller_warehouse.values import as_date, identifier, text_literal

MAX_DOCUMENT_BYTES = 2 * 1024**3
"""Above this a document is refused unread: ten times the largest report measured (reports.md, SellerQI)."""

_CHUNK = 1 << 20
_GZIP_LAYERS = 3
_ROW_GROUP = 1 << 14
"""Small, since DuckDB reads row groups in parallel."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a text is laid out: which report, its delimiter, and which field is which column."""

    spec: ReportSpec
    layout: Layout | None
    delimiter: str
    header_line: int
    field_names: tuple[str | None, ...]
    headers: tuple[str, ...]
    by_position: bool = False

    @property
    def unknown_headers(self) -> tuple[str, ...]:
        """Headers that no column of the report answers to."""
        return tuple(h for h, n in zip(self.headers, self.field_names, strict=True) if n is None)

    @property
    def quoted(self) -> bool:
        """Whether a double quote encloses a field."""
        return self.delimiter != "\t" or self.spec.quoting is Quoting.ALL


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A parsed document: text columns in Parquet (plus ``_line``), and how its values are written.

    ``window`` is the first and last day it speaks for; for a dropped file the first and last day in it.
    ``warnings`` maps a rule to what a reader should know.
    """

    parquet: Path
    columns: tuple[str, ...]
    row_count: int
    date_formats: dict[str, str]
    decimal_mark: str
    decimal_mark_is_certain: bool
    window: tuple[date, date] | None
    warnings: dict[str, str] = field(default_factory=dict)


def prepare(document: Document, account: Account, folder: Path) -> Prepared:
    """Parse ``document`` into ``folder``.

    Raises Refusal where the bytes are no report, cut, too large, wrongly encoded or not of the report's shape.
    """
    spec = SPECS[document.report]
    folder.mkdir(parents=True, exist_ok=True)
    text_file = folder / "text"
    try:
        charset_note = decode(document.path, text_file, declared=document.charset, fallback=account.fallback_charset, limit=MAX_DOCUMENT_BYTES)
        table, warnings = read_table(text_file, spec)
    finally:
        text_file.unlink(missing_ok=True)
    if charset_note:
        warnings["charset"] = charset_note
    parquet = folder / "rows.parquet"
    pq.write_table(table, parquet, compression="snappy", row_group_size=_ROW_GROUP)
    names = tuple(n for n in table.column_names if n != "_line")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        columns = [c for c in spec.kept if c.name in names]
        formats = _date_formats(connection, parquet, [c for c in columns if c.kind is Kind.DATE], account)
        mark, certain = _decimal_mark(connection, parquet, [c for c in columns if c.kind is Kind.AMOUNT], account)
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
    )


# Bytes to text


@contextmanager
def open_plain(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, gunzipped by their magic number and never by a name or a header."""
    with path.open("rb") as raw:
        stream: BinaryIO = raw
        for _ in range(_GZIP_LAYERS):
            if stream.peek(2)[:2] != b"\x1f\x8b":  # type: ignore[attr-defined]
                break
            stream = io.BufferedReader(gzip.GzipFile(fileobj=stream, mode="rb"))
        yield stream


def _chunks(path: Path, limit: int) -> Iterator[bytes]:
    size = 0
    try:
        with open_plain(path) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise Refusal("too_large", f"the document unpacks to more than {limit:,} bytes", "split it into shorter date ranges")
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Refusal("damaged_gzip", f"the compressed file ends or breaks after {size:,} bytes of text ({error})", "download it again") from error


def decode(source: Path, target: Path, *, declared: str | None, fallback: str, limit: int) -> str | None:
    """Write the text of ``source`` to ``target`` as UTF-8, strictly; returns what a reader should know of the charset.

    UTF-8 proves itself, so it is tried first whatever was declared (labels are wrong at times, reports.md section 4);
    then the declared charset, or without one the ``fallback`` of the region.
    """
    first = next(_chunks(source, limit), b"")
    if not first:
        raise Refusal("empty_file", "the file has no bytes", "download it again")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charsets = ["utf-16"]
    else:
        charsets = ["utf-8-sig", _python_charset(declared) if declared else fallback]
    for charset in charsets:
        line = _decode_as(source, target, charset, limit)
        if line is None:
            wrong_label = declared and charset == "utf-8-sig" and _python_charset(declared) not in ("utf-8", "utf-8-sig", "ascii")
            return f"declared {declared}, but the text is UTF-8" if wrong_label and not target.read_bytes().isascii() else None
    expected = f"in the declared charset {declared}" if declared else f"UTF-8 nor {fallback}"
    raise Refusal("charset", f"the text is not valid {expected}", "save it as UTF-8, or download it again", line)


def _python_charset(declared: str) -> str:
    try:
        name = codecs.lookup({"windows-31j": "cp932"}.get(declared.lower(), declared)).name
    except LookupError:
        raise Refusal("charset", f"the declared charset {declared!r} is unknown", "download it again") from None
    return "utf-8-sig" if name == "utf-8" else name


def _decode_as(source: Path, target: Path, charset: str, limit: int) -> int | None:
    """None, or the line where the text is not valid in ``charset``."""
    decoder = codecs.getincrementaldecoder(charset)("strict")
    lines = 1
    with target.open("wb") as out:
        for chunk in (*_chunks(source, limit), None):
            try:
                text = decoder.decode(chunk, False) if chunk is not None else decoder.decode(b"", True)
            except UnicodeDecodeError as error:
                return lines + error.object[: error.start].count(b"\n")
            if "\0" in text:
                line = lines + text[: text.index("\0")].count("\n")
                raise Refusal("nul_byte", "the text holds a NUL byte, so the file is damaged or is no text", "download it again", line)
            lines += text.count("\n")
            out.write(text.encode("utf-8"))
    return None


# Text to a table


def read_table(text_file: Path, spec: ReportSpec) -> tuple[pa.Table, dict[str, str]]:
    """The rows of a UTF-8 text as text columns with their line, and warnings by rule."""
    if spec.read_json:
        return _with_lines(_read_json(text_file, spec), 0), {}
    shape, ends_whole = recognise(_head(text_file)), _ends_with_newline(text_file)
    if shape.quoted and not ends_whole and _count(text_file, b'"') % 2:
        line = _count(text_file, b"\n") + 1
        raise Refusal("row_cut", "the text is cut inside a quoted value", "download the file again; if it was edited, undo the edit", line)
    if shape.spec.name != spec.name:
        raise Refusal("other_report", f"the header is that of {shape.spec.name}, not of {spec.name}", "ask for the report again")
    table = _read_delimited(text_file, shape)
    if shape.layout:
        table = shape.layout.reshape(table)
    personal = {c.name for c in spec.columns if c.personal}
    table = table.drop_columns([n for n in table.column_names if n in personal])
    warnings = {}
    if shape.unknown_headers:
        warnings["unknown_columns"] = f"columns the report is not known to have were left out: {', '.join(shape.unknown_headers)}"
    if shape.by_position:
        warnings["header_by_position"] = "the header is in an unknown language; columns were taken by position"
    if not ends_whole:
        warnings["no_final_newline"] = "the last line does not end in a newline; the file may have been cut after it"
    return table, warnings


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
        return sum(chunk.count(byte) for chunk in iter(lambda: stream.read(_CHUNK), b""))


def _read_delimited(text_file: Path, shape: Shape) -> pa.Table:
    names = [n if n else f"?{i}" for i, n in enumerate(shape.field_names)]
    bad: list[pcsv.InvalidRow] = []
    table = _read_csv(text_file, shape, names, bad, threads=True)
    if table is None:
        # Once more, one row after the other: only then do bad rows know their line.
        bad.clear()
        table = _read_csv(_pad_short_rows(text_file, shape), shape, names, bad, threads=False)
    if table is None:
        line = next(itertools.islice(_row_starts(text_file, shape), (bad[0].number or 0) - shape.header_line, None), None)
        raise _wrong_field_count(shape, bad[0], line)
    known = [n for n in names if not n.startswith("?")]
    trimmed = pa.table([pc.utf8_trim_whitespace(table[n]) for n in known], names=known)
    numbered = trimmed.append_column("_line", pa.array(_lines(text_file, shape, table.num_rows), pa.int64()))
    return _without_blank_rows(numbered)


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


def _wrong_field_count(shape: Shape, row: pcsv.InvalidRow, line: int | None) -> Refusal:
    is_cut = row.actual_columns < row.expected_columns
    return Refusal(
        "row_cut" if is_cut else "too_many_fields",
        f"the row has {row.actual_columns} fields where the header has {row.expected_columns} ({'cut' if is_cut else 'too many'})",
        "download the file again; if it was edited, undo the edit",
        line,
    )


def _pad_short_rows(text_file: Path, shape: Shape) -> Path:
    """Give rows that leave out optional trailing fields their blanks; a row that lacks more is left to be refused.

    The very last line is never padded unless it is ended: a short line without its newline is a cut one.
    """
    expected, spec = len(shape.headers), shape.spec
    may_lack = {
        None,
        *(c.name for c in spec.columns if not c.required),
        *(c.name for c in spec.columns[len(spec.columns) - spec.trailing_optional :]),
    }
    allowed = 0
    while allowed < spec.trailing_optional and shape.field_names[-1 - allowed] in may_lack:
        allowed += 1
    padded = text_file.with_name("text.padded")
    with text_file.open(encoding="utf-8", newline="") as source, padded.open("w", encoding="utf-8", newline="") as target:
        for line in source:
            body = line.rstrip("\r\n")
            missing = expected - 1 - body.count(shape.delimiter) if not shape.quoted else 0
            if body.strip() and 0 < missing <= allowed and body != line:
                body += shape.delimiter * missing
            target.write(body + line[len(line.rstrip("\r\n")) :])
    padded.replace(text_file)
    return text_file


# What a header says


def recognise_file(path: Path, fallback: str) -> str:
    """The report that a received file holds, by its first lines alone; its name says nothing.

    Raises Refusal where the bytes cannot be read or no report has such a header.
    """
    head = b""
    for chunk in _chunks(path, MAX_DOCUMENT_BYTES):
        head = chunk
        break
    if not head:
        raise Refusal("empty_file", "the file has no bytes", "download it again")
    if head.startswith((b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0")):
        raise Refusal("no_text", "this is a ZIP, Excel or PDF file, not text", "unpack it, or save the sheet as CSV")
    charsets = ["utf-16"] if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ["utf-8-sig", fallback]
    for charset in charsets:
        try:
            text = codecs.getincrementaldecoder(charset)("strict").decode(head)
        except UnicodeDecodeError as error:
            line = head[: error.start].count(b"\n") + 1
            continue
        if text.lstrip()[:1] in ("{", "["):
            return _recognise_json(b"".join(_chunks(path, MAX_DOCUMENT_BYTES)).decode(charset, "replace"))
        return recognise(text).spec.name
    raise Refusal("charset", f"the text is neither UTF-8 nor {fallback}", "save it as UTF-8, or download it again", line)


def _recognise_json(text: str) -> str:
    for spec in SPECS.values():
        if spec.read_json:
            try:
                spec.read_json(text.encode())
            except json.JSONDecodeError as error:
                raise Refusal("damaged_json", f"the JSON breaks off or is malformed ({error.msg})", "download it again", error.lineno) from error
            except Refusal:
                continue
            return spec.name
    raise Refusal("unknown_header", "no report has such a JSON", "see docs/inputs.md for the files that are understood", 1)


def recognise(head: str) -> Shape:
    """Which report a text is, by its header and, where the language is unknown, its first row.

    Raises Refusal where the first line is no header, where no report has such a header, or a column stands twice.
    """
    header_line, first, second = _first_lines(head)
    delimiter = max("\t,;", key=lambda d: (first.count(d) > 0 and d == "\t", first.count(d)))
    if delimiter not in first:
        raise Refusal("no_report", f"this is no report; it begins {first[:120]!r}", "read what it says and ask for the report again", header_line)
    headers = tuple(h.strip().strip('"').strip() for h in first.split(delimiter))
    normal = [normalise_header(h) for h in headers]
    best = max(_candidates(), key=lambda c: _likeness(c[2], normal))
    spec, layout, columns = best
    missing = [c.header for c in columns if c.required and not c.headers & set(normal)]
    likeness = _likeness(columns, normal)
    if (missing or likeness < 0.5) and (shape := _by_position(first, second, delimiter, header_line, headers)):
        return shape
    if likeness < 0.5:
        raise Refusal(
            "unknown_header",
            f"no report has a header of {len(headers)} columns that begins {headers[0][:60]!r}",
            "see docs/inputs.md for the files that are understood",
            header_line,
        )
    names = [next((c.name for c in columns if n in c.headers), None) for n in normal]
    twice = {n for n in names if n and names.count(n) > 1}
    if twice:
        raise Refusal("column_twice", f"the column {sorted(twice)[0]} of {spec.name} stands twice", "download the file again", header_line)
    if missing:
        listed = ", ".join(repr(m) for m in missing)
        raise Refusal(
            "missing_column", f"the header is that of {spec.name} but lacks {listed}", "download the whole report, with every column", header_line
        )
    return Shape(spec=spec, layout=layout, delimiter=delimiter, header_line=header_line, field_names=tuple(names), headers=headers)


def _candidates() -> list[tuple[ReportSpec, Layout | None, tuple[Column, ...]]]:
    found: list[tuple[ReportSpec, Layout | None, tuple[Column, ...]]] = []
    for spec in SPECS.values():
        if not spec.read_json:
            found.append((spec, None, spec.columns))
            found.extend((spec, layout, layout.columns) for layout in spec.layouts)
    return found


def _likeness(columns: tuple[Column, ...], normal: list[str]) -> float:
    """The share of required columns that are there, then of headers that are understood."""
    required = [c for c in columns if c.required]
    present = sum(1 for c in required if c.headers & set(normal)) / len(required)
    known = frozenset().union(*(c.headers for c in columns))
    understood = sum(n in known for n in normal) / len(normal)
    return present * understood


def _by_position(first: str, second: str, delimiter: str, header_line: int, headers: tuple[str, ...]) -> Shape | None:
    values = [v.strip().strip('"') for v in second.split(delimiter)]
    for spec in SPECS.values():
        names = [c.name for c in spec.columns]
        fits = spec.first_row_probes and len(names) == len(headers) == len(values)
        # Where the first line matches too, the file has no header, and its first row must not be taken for one.
        if fits and _matches(spec, names, values) and not _matches(spec, names, list(headers)):
            return Shape(
                spec=spec, layout=None, delimiter=delimiter, header_line=header_line,
                field_names=tuple(names), headers=headers, by_position=True,
            )  # fmt: skip
    return None


def _matches(spec: ReportSpec, names: list[str], values: list[str]) -> bool:
    row = dict(zip(names, values, strict=True))
    return all(re.fullmatch(probe, row[name]) for name, probe in spec.first_row_probes.items())


def _first_lines(head: str) -> tuple[int, str, str]:
    lines = re.split(r"\r\n|\r|\n", head)
    for i, line in enumerate(lines):
        if line.strip():
            return i + 1, line, lines[i + 1] if i + 1 < len(lines) else ""
    raise Refusal("empty_file", "the file holds nothing but blank lines", "download it again")


def _head(text_file: Path) -> str:
    with text_file.open("rb") as stream:
        return stream.read(_CHUNK).decode("utf-8", "ignore")


# How values are written


def _date_formats(connection: duckdb.DuckDBPyConnection, parquet: Path, columns: list[Column], account: Account) -> dict[str, str]:
    """The format of each column: among its candidates the first that fits most values of the document.

    Columns that follow the account's own way of writing are written alike, so that ``03/04/2026`` beside ``25/04/2026``
    is a day in April.
    """
    local = [c for c in columns if LOCAL in c.formats]
    groups = [*([c] for c in columns if c not in local), *([local] if local else [])]
    chosen: dict[str, str] = {}
    for group in groups:
        candidates = account.date_formats(group[0].formats)
        names = [identifier(c.name) for c in group]
        failures = [" + ".join(f"count(*) filter ({n} <> '' and ({as_date(n, f)}) is null)" for n in names) for f in candidates]
        counts = connection.execute(f"select {', '.join(failures)} from read_parquet({text_literal(str(parquet))})").fetchone() or ()
        chosen |= dict.fromkeys((c.name for c in group), candidates[min(range(len(candidates)), key=lambda i: counts[i])])
    return chosen


def _decimal_mark(connection: duckdb.DuckDBPyConnection, parquet: Path, columns: list[Column], account: Account) -> tuple[str, bool]:
    """The decimal mark of the document, and whether its own values or the settings prove it."""
    if not columns or not account.writes_decimal_comma:
        return ".", True
    names = [identifier(c.name) for c in columns]
    comma = " or ".join(f"regexp_matches({n}, ',[0-9]{{1,2}}$')" for n in names)
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
