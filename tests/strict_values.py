"""How the second reader (tests/strict_reader.py) reads single values: numbers, currencies, dates and ids, by the formats alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pycountry

from seller_warehouse.core.report_spec import Column, Kind

FORGIVEN = {
    "charset": "text that is not UTF-8 is read as the programs of the account's marketplaces write it, with a warning",
    "trailing_optional": "Amazon leaves out optional fields at the end of a row; the spec says how many",
    "set_aside": "Amazon leaves a tab inside a carrier's name; the row is set aside and named, and the others load",
    "by_position": "a header in an unknown language; the columns are in Amazon's order and the first row proves it",
    "undoubled_quote": "who puts every value in quotes, as the ledgers are, does not double a quote inside one",
    "enclosed": "a spreadsheet puts quotes around values of tab-separated text; those around a title may be its own",
    "bare_quote": 'a quote inside a value without quotes around it is a character (10" Deluxe)',
    "no_final_newline": "a dropped file may end without a newline; it loads with a warning",
    "blank_rows": "spreadsheets leave rows of nothing but delimiters",
    "day_order": "nothing in the file decides whether a date is day first; it is read by the account's marketplaces, with a warning",
    "minus_sign": "programs of northern languages write U+2212 for a hyphen",
}
"""What a load may rest on although the format does not say so."""

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


def is_shortened(text: str, *, own: bool) -> bool:
    """Whether a spreadsheet has made a number of an id; a seller's own SKU may look like one without a sign (4.5E27)."""
    if own:
        return re.fullmatch(r"\d([.,٫]\d+)?E\+\d+", text, re.IGNORECASE) is not None
    return re.fullmatch(r"[+-]?\d([.,٫]\d+)?\s?E\s?[+-]?\d{1,3}|\d{6,}[.,]0+|[1-9]\d{14}0{7,}", text, re.IGNORECASE) is not None


def values_of(
    column: Column, texts: list[str], columns: list[Column], rows: list[dict[str, str]], habits: Habits, reading: Reading
) -> list[Value]:  # fmt: skip
    """The values of a column of all ``rows``, in which its other ``columns`` say how they are written; raises Refused."""
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
        at = datetime(
            year, month, int(part.get("d") or 1), *(int(part.get(p) or 0) for p in "HMS"), int((part.get("f") or "0").ljust(6, "0")), tzinfo=UTC
        )
    except ValueError:
        return None
    if not part.get("H"):
        return (at.year, at.month, at.day) if part.get("d") else (at.year, at.month)
    time = (at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond)
    zone = part.get("z") or ("Z" if written != "ISO" else "")
    if zone in ("Z", "UTC", ""):
        return (*time, 0) if zone else time
    digits = zone[1:].replace(":", "").ljust(4, "0")
    if int(digits[:2]) > 15 or int(digits[2:]) > 59:
        return None
    return (*time, (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 60 + int(digits[2:])))


def loaded_value(column: Column, text: str | None, habits: Habits) -> Value:
    """What a value says that the warehouse holds, to be compared with what this reader reads."""
    if not text or column.kind in (Kind.TEXT, Kind.CURRENCY):
        # A newline inside a value is one, however the file ends its lines.
        return (text or "").replace("\r\n", "\n").replace("\r", "\n")
    if column.kind is Kind.DATE:
        return frozenset({_moment(text, "ISO", habits) or _moment(text, "%Y-%m", habits)})
    return int(text) if column.kind is Kind.INTEGER else Decimal(text)


def is_same(loaded: Value, read_value: Value) -> bool:
    """Whether a loaded value is what was read, or one of its readings."""
    if not isinstance(read_value, frozenset):
        return loaded == read_value
    return loaded <= read_value if isinstance(loaded, frozenset) else loaded in read_value
