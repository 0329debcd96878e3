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
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pycountry

from seller_warehouse.core.report_spec import Column, Kind, Quoting, ReportSpec, Unit

csv.field_size_limit(1 << 30)

FORGIVEN = {
    "trailing_optional": "Amazon leaves out optional fields at the end of a row; the spec says how many",
    "set_aside": "Amazon leaves a tab inside a carrier's name; the row is set aside and named, and the others load",
    "by_position": "a header in an unknown language; the columns are in Amazon's order and the first row proves it",
    "undoubled_quote": "the producer of quoted tab-separated text does not double a quote inside a value",
    "enclosed": "a spreadsheet puts quotes around a value of tab-separated text; they may be the value's own",
    "bare_quote": "a quote inside a value without quotes around it is a character (10\" Deluxe)",
    "no_final_newline": "a dropped file may end without a newline; it loads with a warning",
    "blank_rows": "spreadsheets leave rows of nothing but delimiters",
    "day_order": "nothing in the file decides whether a date is day first; it is read by the account's marketplaces, with a warning",
    "minus_sign": "programs of northern languages write U+2212 for a hyphen",
}
"""What a load may rest on although the format does not say so."""

FREE_TEXT = re.compile(r"title|name|description|comments|response|note|reason")
"""Columns whose values people write: a quoted one may hold a newline."""

Moment = tuple[int, ...]
"""Year, month, day; with a time: hour, minute, second, microsecond; with an offset: its minutes."""
Value = str | int | Decimal | frozenset[Any]


class Refused(Exception):
    """Why the bytes are not certainly this report."""


@dataclass(frozen=True)
class Habits:
    """How an account's files are written: charset where it is not UTF-8, decimal marks, and local date formats."""

    charset: str
    marks: tuple[str, ...]
    dates: tuple[str, ...]
    retrieved_on: date


@dataclass
class Reading:
    """The rows by column name, blank columns too, and what was forgiven."""

    rows: list[dict[str, Value]] = field(default_factory=list)
    forgiven: set[str] = field(default_factory=set)


def read(content: bytes, spec: ReportSpec, habits: Habits) -> Reading:
    """The rows that the bytes hold for certain, in order; raises Refused."""
    text, reading = _text(_unwrapped(content), habits), Reading()
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
    values = {c.name: _values(c, [row[c.name] for row in filled], columns, filled, habits, reading) for c in columns}
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


def _text(content: bytes, habits: Habits) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        charset = "utf-16"
    else:
        charset = "utf-8-sig"
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            # A sequence of UTF-8 does not come about by chance: with one the text is UTF-8, and damaged.
            if re.search(rb"[\xc2-\xf4][\x80-\xbf]", content):
                raise Refused("damaged UTF-8") from None
            charset = habits.charset
    try:
        text = content.decode(charset)
    except UnicodeDecodeError as error:
        raise Refused(f"not valid {charset}") from error
    if "\0" in text:
        raise Refused("NUL")
    return text


# Text to fields


def _table(text: str, spec: ReportSpec, reading: Reading) -> tuple[list[str | None], list[list[str]]]:
    lines = [line for line in re.split(r"\r\n|\r|\n", text)]
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
    if delimiter != "\t":
        header, rows = _comma_separated(first, delimiter)[0], _comma_separated(below, delimiter)
        if '"' in re.sub(rf'(^|(?<=[{delimiter}\n]))"([^"]|"")*"', "", below):
            reading.forgiven.add("bare_quote")
    elif spec.quoting is Quoting.ALL or _is_quoted(first) or _is_quoted(second):
        header, rows = _quoted_row(first, first.count("\t") + 1, reading), _quoted_rows(below, first.count("\t") + 1, reading)
    else:
        header, rows = first.split("\t"), [line.split("\t") for line in body if line.strip("\r\n")]
    names = _names([h.strip() for h in header], spec, reading)
    return names, [whole for row in rows if any(row) and (whole := _whole(row, names, spec, delimiter, reading)) is not None]


def _is_quoted(line: str) -> bool:
    fields = [f for f in line.split("\t") if f]
    return len(fields) > 1 and all(len(f) > 1 and f[0] == f[-1] == '"' for f in fields)


def _comma_separated(text: str, delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except csv.Error as error:
        raise Refused(f"quotes: {error}") from error


def _quoted_rows(text: str, width: int, reading: Reading) -> list[list[str]]:
    try:
        rows = _comma_separated(text, "\t")
        if all(len(row) == width for row in rows):
            return rows
    except Refused:
        pass
    return [_quoted_row(line, width, reading) for line in text.split("\n") if line]


def _quoted_row(line: str, width: int, reading: Reading) -> list[str]:
    if not line.strip("\t"):
        return line.split("\t")
    try:
        (row,) = _comma_separated(line, "\t")
        if len(row) == width:
            return row
    except Refused:
        pass
    pieces = line[1:-1].split('"\t"')
    if line[0] != '"' or line[-1] != '"' or len(pieces) != width:
        raise Refused("fields in quotes")
    reading.forgiven.add("undoubled_quote")
    return [p.replace('""', '"') for p in pieces]


def _names(header: list[str], spec: ReportSpec, reading: Reading) -> list[str | None]:
    normal = ["".join(c for c in h.casefold() if c.isalnum()) for h in header]
    found = [[c.name for c in spec.columns if n in c.headers] for n in normal]
    if any(len(f) > 1 for f in found):
        raise Refused("a header that names two columns")
    names = [f[0] if f else None for f in found]
    if len({n for n in names if n}) < sum(n is not None for n in names):
        raise Refused("a column twice")
    if missing := [c.name for c in spec.columns if c.required and c.name not in names]:
        if not spec.first_row_probes or len(header) != len(spec.columns):
            raise Refused(f"missing columns: {missing}")
        reading.forgiven.add("by_position")
        return [c.name for c in spec.columns]
    return names


def _whole(row: list[str], names: list[str | None], spec: ReportSpec, delimiter: str, reading: Reading) -> list[str] | None:
    """A row with as many fields as the header; None where it is set aside."""
    for name, value in zip(names, row, strict=False):
        if "\n" in value.strip() and not (name and FREE_TEXT.search(name)):
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
            if c.holds_ids and _is_shortened(row[c.name], own=c.holds_own_codes):
                raise Refused(f"row {number}: {c.name} {row[c.name]!r} is shortened")
    if not rows and not spec.may_be_empty:
        raise Refused("no rows")


def _is_shortened(text: str, *, own: bool) -> bool:
    """Whether a spreadsheet has made a number of an id; a seller's own SKU may look like one without a sign (4.5E27)."""
    if own:
        return re.fullmatch(r"\d([.,٫]\d+)?E\+\d+", text, re.IGNORECASE) is not None
    return re.fullmatch(r"[+-]?\d([.,٫]\d+)?\s?E\s?[+-]?\d{1,3}|\d{6,}[.,]0+|[1-9]\d{14}0{7,}", text, re.IGNORECASE) is not None


def _values(
    column: Column, texts: list[str], columns: list[Column], rows: list[dict[str, str]], habits: Habits, reading: Reading
) -> list[Value]:  # fmt: skip
    match column.kind:
        case Kind.INTEGER:
            return [_integer(_hyphen(t, reading), column) for t in texts]
        case Kind.CURRENCY:
            for text in filter(None, texts):
                if not pycountry.currencies.get(alpha_3=text):
                    raise Refused(f"{column.name} {text!r} is no currency")
            return list(texts)
        case Kind.AMOUNT:
            of_kind = [_hyphen(row[c.name], reading) for row in rows for c in columns if c.kind is Kind.AMOUNT]
            return [_amount(_hyphen(t, reading), _mark(of_kind, habits.marks)) for t in texts]
        case Kind.DATE:
            return _moments(column, texts, columns, rows, habits, reading)
        case _:
            return [frozenset({t, t[1:-1].replace('""', '"')}) if len(t) > 1 and t[0] == t[-1] == '"' else t for t in texts]


def _hyphen(text: str, reading: Reading) -> str:
    if text[:1] == "\u2212":
        reading.forgiven.add("minus_sign")
        return "-" + text[1:]
    return text


def _integer(text: str, column: Column) -> Value:
    if text and not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise Refused(f"{column.name} {text!r} is no whole number")
    return int(text) if text else ""


def _mark(texts: Iterable[str], marks: tuple[str, ...]) -> str:
    """The one decimal mark by which all amounts of the file are numbers."""
    fitting = {}
    for mark in marks:
        try:
            fitting[mark] = [_amount(t, mark) for t in texts]
        except Refused:
            continue
    if not fitting:
        raise Refused("an amount is no number")
    if len({tuple(v) for v in fitting.values()}) > 1:
        raise Refused("amounts may be thousands or decimals")
    return next(iter(fitting))


def _amount(text: str, mark: str) -> Value:
    groups, decimals = ("[. \u00a0\u202f]", ",") if mark == "," else (",", r"\.")
    if not text:
        return ""
    if not re.fullmatch(rf"[-+]?([0-9]{{1,12}}|[0-9]{{1,3}}({groups}[0-9]{{3}}){{1,3}})({decimals}[0-9]{{1,4}})?", text):
        raise Refused(f"{text!r} is no amount")
    return Decimal(re.sub(groups, "", text).replace(mark, "."))


def _moments(
    column: Column, texts: list[str], columns: list[Column], rows: list[dict[str, str]], habits: Habits, reading: Reading
) -> list[Value]:  # fmt: skip
    local = "LOCAL" in column.formats
    formats = [f for given in column.formats for f in (("ISO", *habits.dates) if given == "LOCAL" else (given,))]
    alike = [row[c.name] for row in rows for c in columns if c is column or (local and c.kind is Kind.DATE and "LOCAL" in c.formats)]
    fitting = [f for f in dict.fromkeys(formats) if all(_moment(t, f, habits) for t in alike if t)]
    if not fitting:
        raise Refused(f"{column.name} is no date in one of {formats}")
    found: list[Value] = [frozenset(m for f in fitting if (m := _moment(t, f, habits))) if t else "" for t in texts]
    if any(isinstance(v, frozenset) and len(v) > 1 for v in found):
        reading.forgiven.add("day_order")
    return found


_PARTS = {
    "%Y": r"(?P<Y>[0-9]{4})", "%y": r"(?P<y>[0-9]{2})", "%m": r"(?P<m>[0-9]{1,2})", "%d": r"(?P<d>[0-9]{1,2})", "%b": r"(?P<b>[A-Za-z]{3})",
    "%H": r"(?P<H>[0-9]{1,2})", "%M": r"(?P<M>[0-9]{2})", "%S": r"(?P<S>[0-9]{2})",
}  # fmt: skip
_ISO = (
    r"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    r"([T ](?P<H>[0-9]{2}):(?P<M>[0-9]{2})(:(?P<S>[0-9]{2})(\.(?P<f>[0-9]{1,6}))?)? ?(?P<z>Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _moment(text: str, written: str, habits: Habits) -> Moment | None:
    """The day, and the time where there is one; None where the text is none of these years as it is ``written``."""
    pattern = _ISO if written == "ISO" else re.sub("%[a-zA-Z]", lambda m: _PARTS[m[0]], re.escape(written))
    if not (found := re.fullmatch(pattern, text)):
        return None
    part = found.groupdict()
    year = int(part.get("Y") or 0)
    if two := part.get("y"):
        year = 2000 + int(two) if 2000 + int(two) <= habits.retrieved_on.year + 1 else 1900 + int(two)
    name = (part.get("b") or "").lower()
    month = _MONTHS.index(name) + 1 if name in _MONTHS else int(part.get("m") or 0)
    if not 1995 <= year <= habits.retrieved_on.year + 1:
        return None
    try:
        at = datetime(year, month, int(part.get("d") or 1), *(int(part.get(p) or 0) for p in "HMS"), int((part.get("f") or "0").ljust(6, "0")))
    except ValueError:
        return None
    if not part.get("H"):
        return (at.year, at.month, at.day) if part.get("d") else (at.year, at.month)
    time = (at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond)
    zone = part.get("z") or ("Z" if written != "ISO" else "")
    if zone in ("Z", "UTC", ""):
        return (*time, 0) if zone else time
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (*time, (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 60 + int(digits[2:])))


def _refuse_future(rows: list[dict[str, Value]], spec: ReportSpec, habits: Habits) -> None:
    latest = habits.retrieved_on + timedelta(days=1)
    for row in rows if spec.event_date else ():
        days = row[spec.event_date]
        if spec.unit is Unit.DATE and isinstance(days, frozenset) and min(days)[:3] > (latest.year, latest.month, latest.day):
            raise Refused(f"{spec.event_date} lies in the future")


def loaded_value(column: Column, text: str | None, habits: Habits) -> Value:
    """What a value says that the warehouse holds, to be compared with what this reader reads."""
    if not text or column.kind in (Kind.TEXT, Kind.CURRENCY):
        return text or ""
    if column.kind is Kind.DATE:
        return frozenset({_moment(text, "ISO", habits) or _moment(text, "%Y-%m", habits)})
    return int(text) if column.kind is Kind.INTEGER else Decimal(text)


def is_same(loaded: Value, read_value: Value) -> bool:
    """Whether a loaded value is what was read, or one of its readings."""
    if not isinstance(read_value, frozenset):
        return loaded == read_value
    return loaded <= read_value if isinstance(loaded, frozenset) else loaded in read_value


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
