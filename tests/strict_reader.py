"""A second reader of report files, strict and slow, to compare the pipeline with: written from the formats, it shares no code with the pipeline
and knows nothing of it but the columns that a report's spec names.

Python's ``csv`` splits quoted text, everything else is here: charset, header, numbers, dates and ids. What is not certainly a report is ``Refused``.
Where a format leaves two readings open, a value is the set of both. What the reader forgives is in ``FORGIVEN``, each with its reason.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from seller_warehouse.core.report_spec import Column, Quoting, ReplacementScope, ReportSpec
from tests.strict_values import Habits, Reading, Refused, Value, is_shortened, values_of

csv.field_size_limit(1 << 30)


def read(content: bytes, spec: ReportSpec, habits: Habits) -> Reading:
    """The rows that the bytes hold for certain, in order; raises Refused."""
    reading = Reading()
    text = _text(_unwrapped(content), habits, reading, is_json=spec.read_json is not None)
    if spec.read_json:
        rows = _json_rows(text, spec)
        names: list[str | None] = [c.name for c in spec.columns]
    else:
        names, rows = _table(text, spec, reading)
    columns = [c for c in spec.columns if c.name in names and not c.personal]
    cells = [{n: v.strip() for n, v in zip(names, row, strict=True) if n} for row in rows]
    filled = [row for row in cells if any(row.values())]
    if len(filled) < len(cells):
        reading.forgiven.add("blank_rows")
    _refuse_odd_rows(filled, columns, spec)
    values = {c.name: values_of(c, [row[c.name] for row in filled], columns, filled, habits, reading) for c in columns}
    reading.rows = [{name: of[number] for name, of in values.items()} for number in range(len(filled))]
    _refuse_future(reading.rows, spec, habits)
    return reading


# Bytes to text


def _unwrapped(content: bytes) -> bytes:
    try:
        if content[:2] == b"\x1f\x8b":
            return _unwrapped(gzip.decompress(content))
        if content[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                (name,) = archive.namelist()
                return _unwrapped(archive.read(name))
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError) as error:
        raise Refused(f"damaged container: {error}") from error
    return content


def _text(content: bytes, habits: Habits, reading: Reading, *, is_json: bool) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        charset = "utf-16"
    else:
        charset = "utf-8-sig"
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            if is_json:
                raise Refused("JSON that is not UTF-8") from None
            # A whole letter of UTF-8 does not come about by chance: with one the text is UTF-8, and damaged.
            if re.search(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xec\xee\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}", content):
                raise Refused("damaged UTF-8") from None
            charset = habits.charset
            reading.forgiven.add("charset")
    try:
        text = content.decode(charset)
    except UnicodeDecodeError as error:
        raise Refused(f"not valid {charset}") from error
    if "\0" in text:
        raise Refused("NUL")
    return text


# Text to fields


def _table(text: str, spec: ReportSpec, reading: Reading) -> tuple[list[str | None], list[list[str]]]:
    lines = re.split(r"\r\n|\r|\n", text)
    if lines[-1]:
        reading.forgiven.add("no_final_newline")
    start = next((n for n, line in enumerate(lines) if line.strip() and not re.fullmatch("sep=.", line)), None)
    if start is None:
        raise Refused("no line")
    first, body = lines[start], lines[start + 1 :]
    delimiter = "\t" if "\t" in first else max(",;", key=first.count)
    if delimiter not in first:
        raise Refused("no header")
    below = "\n".join(body)
    second = next((line for line in body if line.strip()), "")
    width = first.count(delimiter) + 1
    if delimiter != "\t" or spec.quoting is Quoting.ALL or _is_quoted(first) or _is_quoted(second):
        header, rows = _quoted_row(first, delimiter, None, reading), _quoted_rows(below, delimiter, width, reading)
        if '"' in re.sub(rf'(^|(?<=[{delimiter}\n]))"([^"]|"")*"', "", below):
            reading.forgiven.add("bare_quote")
    else:
        header, rows = first.split("\t"), [line.split("\t") for line in body if line.strip("\r\n")]
        free = [c.may_hold_lines for h in header for c in [_column_of(h, spec)]]
        if any(_is_enclosed(v) and not is_free for row in rows for v, is_free in zip(row, free, strict=False)):
            # Nobody's id or number begins and ends with a quote: a spreadsheet has put quotes where it needs them.
            reading.forgiven.add("enclosed")
            rows = _separated(below, "\t")
    names = _names([h.strip() for h in header], spec, reading)
    return names, [whole for row in rows if any(row) and (whole := _whole(row, names, spec, delimiter, reading)) is not None]


def _is_quoted(line: str) -> bool:
    fields = [f for f in line.split("\t") if f]
    return len(fields) > 1 and all(len(f) > 1 and f[0] == f[-1] == '"' for f in fields)


def _is_enclosed(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] == '"'


def _separated(text: str, delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except csv.Error as error:
        raise Refused(f"quotes: {error}") from error


def _quoted_rows(text: str, delimiter: str, width: int, reading: Reading) -> list[list[str]]:
    try:
        rows = _separated(text, delimiter)
        if all(len(row) == width for row in rows) or not any(_is_all_quoted(line, delimiter) for line in text.split("\n")):
            return rows
    except Refused:
        pass
    return [_quoted_row(line, delimiter, width, reading) for line in text.split("\n") if line]


def _is_all_quoted(line: str, delimiter: str) -> bool:
    return len(line) > 1 and line[0] == line[-1] == '"' and f'"{delimiter}"' in line


def _quoted_row(line: str, delimiter: str, width: int | None, reading: Reading) -> list[str]:
    """The fields of a line; where each stands in quotes, a quote ends one only before a delimiter."""
    try:
        (row,) = _separated(line, delimiter)
        if width in (None, len(row)) or not _is_all_quoted(line, delimiter):
            return row
    except (Refused, ValueError):
        if not _is_all_quoted(line, delimiter):
            raise Refused("quotes") from None
    pieces = line[1:-1].split(f'"{delimiter}"')
    if len(pieces) != width:
        raise Refused("fields in quotes")
    reading.forgiven.add("undoubled_quote")
    return [p.replace('""', '"') for p in pieces]


def _column_of(header: str, spec: ReportSpec) -> Column:
    normal = "".join(c for c in header.casefold() if c.isalnum())
    return next((c for c in spec.columns if normal in c.headers), Column(name="?", header=header, free_text=True))


def _names(header: list[str], spec: ReportSpec, reading: Reading) -> list[str | None]:
    normal = ["".join(c for c in h.casefold() if c.isalnum()) for h in header]
    found = [[c.name for c in spec.columns if n in c.headers] for n in normal]
    if any(len(f) > 1 for f in found):
        raise Refused("a header that names two columns")
    names = [f[0] if f else None for f in found]
    if missing := [c.name for c in spec.columns if c.required and c.name not in names]:
        if not spec.first_row_probes or len(header) != len(spec.columns):
            raise Refused(f"missing columns: {missing}")
        reading.forgiven.add("by_position")
        return [c.name for c in spec.columns]
    if len({n for n in names if n}) < sum(n is not None for n in names):
        raise Refused("a column twice")
    return names


def _whole(row: list[str], names: list[str | None], spec: ReportSpec, delimiter: str, reading: Reading) -> list[str] | None:
    """A row with as many fields as the header; None where it is set aside."""
    lines = {c.name for c in spec.columns if c.may_hold_lines}
    for name, value in zip(names, row, strict=False):
        if "\n" in value.strip() and name and name not in lines:
            raise Refused(f"a newline in {name}")
        if delimiter == "\t" and len(value) > 1 and value[0] == value[-1] == '"':
            reading.forgiven.add("enclosed")
    missing = len(names) - len(row)
    if missing < 0 and spec.sets_aside and delimiter == "\t":
        reading.forgiven.add("set_aside")
        return None
    if missing < 0 or missing > spec.trailing_optional:
        raise Refused(f"{len(row)} fields where the header has {len(names)}")
    if missing:
        reading.forgiven.add("trailing_optional")
    return row + [""] * missing


# Fields to values


def _refuse_odd_rows(rows: list[dict[str, str]], columns: list[Column], spec: ReportSpec) -> None:
    for number, row in enumerate(rows, 1):
        plain = ["".join(x for x in row[c.name].casefold() if x.isalnum()) in c.headers for c in columns]
        if sum(plain) > 2:
            raise Refused(f"row {number} is a header")
        for c in columns:
            if c.filled and not row[c.name]:
                raise Refused(f"row {number}: {c.name} is blank")
            if c.holds_ids and is_shortened(row[c.name], own=c.holds_own_codes):
                raise Refused(f"row {number}: {c.name} {row[c.name]!r} is shortened")
    if not rows and not spec.may_be_empty:
        raise Refused("no rows")


def _refuse_future(rows: list[dict[str, Value]], spec: ReportSpec, habits: Habits) -> None:
    latest = habits.retrieved_on + timedelta(days=1)
    for row in rows if spec.event_date else ():
        days = row[spec.event_date]
        if (
            spec.replacement_scope is ReplacementScope.DATE
            and isinstance(days, frozenset)
            and min(days)[:3] > (latest.year, latest.month, latest.day)
        ):
            raise Refused(f"{spec.event_date} lies in the future")


# The one report in JSON


def _json_rows(text: str, spec: ReportSpec) -> list[list[str]]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise Refused("a key twice")
        return dict(pairs)

    def never(text: str) -> Any:
        raise Refused(f"{text} is no number of JSON")

    try:
        report = json.loads(text, object_pairs_hook=once, parse_constant=never, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError) as error:
        raise Refused("no JSON") from error
    if not isinstance(report, dict):
        raise Refused("no object")
    metrics = report.get("performanceMetrics")
    statuses = {_at(s, "marketplaceId"): _at(s, "status") for s in report.get("accountStatuses") or []}
    rows = [
        [_column(c.header, m, channel, statuses) for c in spec.columns]
        for m in (metrics if isinstance(metrics, list) else [metrics])
        for channel in ("afn", "mfn")
        if isinstance(m, dict) and isinstance(m.get("orderDefectRate"), dict) and m["orderDefectRate"].get(channel)
    ]
    if not rows or any(not isinstance(m, dict) or not m.get("orderDefectRate") for m in (metrics if isinstance(metrics, list) else [metrics])):
        raise Refused("no order defect rate")
    return rows


def _column(header: str, metrics: dict[str, Any], channel: str, statuses: dict[str, str]) -> str:
    block = metrics["orderDefectRate"][channel]
    cancellations = metrics.get("preFulfillmentCancellationRate") or metrics.get("prefulfillmentCancelRate")
    special: dict[str, Callable[[], str]] = {
        "marketplaceId": lambda: _at(metrics, "marketplaceId"),
        "fulfillmentChannel": lambda: channel,
        "accountStatus": lambda: statuses.get(_at(metrics, "marketplaceId"), ""),
        "accountHealthStatus": lambda: _at(metrics, "accountHealthRating", "ahrStatus") or _at(metrics, "accountHealthRating", "status"),
        "reportingDateFrom": lambda: _at(block, "reportingDateRange", "reportingDateFrom"),
        "reportingDateTo": lambda: _at(block, "reportingDateRange", "reportingDateTo"),
        "preFulfillmentCancellationStatus": lambda: _at(cancellations, "status"),
        "preFulfillmentCancellationRate": lambda: _at(cancellations, "rate"),
    }
    if header in special:
        return special[header]()
    if header in ("orderCount", "fulfillmentType", "status", "rate", "targetValue", "targetCondition"):
        return _at(block, header)
    stem, what = next((header.removesuffix(w), w.lower()) for w in ("Count", "Status", "Rate") if header.endswith(w))
    return _at(block, stem, what) if stem in block else _at(metrics, f"{stem}Rate", what)


def _at(value: Any, *path: str) -> str:
    for key in path:
        if value is not None and not isinstance(value, dict):
            raise Refused(f"{key} is in no object")
        value = (value or {}).get(key)
    if isinstance(value, bool | dict | list):
        raise Refused(f"{path} is no text")
    return "" if value is None else str(value)
