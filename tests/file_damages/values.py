"""Damage to single values, by what their columns hold."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from seller_warehouse.core.report_spec import Column, Kind
from tests.file_damages.sample import Fate, NotPossible, Sample, damage, somewhere, table


def _value(sample: Sample, r: random.Random, *, fits: Callable[[Column], bool], change: Callable[[str, random.Random], str]) -> bytes:
    row, place = somewhere(sample, r, fits)
    return sample.put(row, place, change(sample.rows[row][place], r)).bytes


def _of(*kinds: Kind) -> Callable[[Column], bool]:
    return lambda c: c.kind in kinds and not c.personal


def _numbers(text: str) -> str:
    return re.sub("[^0-9]", "", text) or "1"


def _one_of(*choices: str) -> Callable[[str, random.Random], str]:
    """One of some texts, in which ``{}`` stands for the value."""
    return lambda v, r: r.choice(choices).replace("{}", v)


def _wide(text: str) -> str:
    return "".join(chr(ord(x) + 0xFEE0) if x.isascii() and x.isdigit() else x for x in text)


def _kept(column: Column) -> bool:
    return not column.personal


def _ids(column: Column) -> bool:
    return column.holds_ids


_DAY, _NUMBER, _TEXT = _of(Kind.DATE), _of(Kind.AMOUNT, Kind.INTEGER), _of(Kind.TEXT)
_NO_YEARS = ("0026", "1899", "2999", "1994", "12026", "0000")
_CHANGES: dict[str, tuple[Callable[[Column], bool], Callable[[str, random.Random], str]]] = {
    "a blank": (_kept, _one_of("")),
    "scientific notation": (_ids, _one_of("8.11E+09", "1,23457E+11", "8.11E09", "2E+14", "8٫11E+9", "-1.5e+10", "2,00012e14")),
    "a decimal behind an id": (_ids, lambda v, r: f"{_numbers(v)[:9]:0<9}" + r.choice((".0", ",00"))),
    "15 digits and zeros": (lambda c: c.holds_ids and not c.holds_own_codes, _one_of("123456789012345" + "0" * 7)),
    "decimal marks": (_of(Kind.AMOUNT), lambda v, _: v.translate(str.maketrans(".,", ",."))),
    "thousands": (_of(Kind.AMOUNT), _one_of("1,234.50", "1.234,50", "1'234.50", "12,34.5", "1 234,50", "1.234", "1,234")),
    "odd amounts": (_of(Kind.AMOUNT), _one_of("({})", "{}-", "${}", "{} EUR", "{}%", "+{}", ".5", "5.", "1e2", "--1")),
    "huge amounts": (_of(Kind.AMOUNT), _one_of("9" * 13, "9" * 40, "0.00001", "9" * 12)),
    "odd whole numbers": (_of(Kind.INTEGER), _one_of("{}.0", "+{}", "1,000", "1e3", "0{}", "0x10", "1_000", "½", "٣", _wide("1"))),
    "huge whole numbers": (_of(Kind.INTEGER), _one_of("9999999999", "9" * 20, "-9999999999", "2147483648")),
    "words for nothing": (_of(Kind.AMOUNT, Kind.INTEGER, Kind.DATE), _one_of("NULL", "NaN", "inf", "N/A", "-", "None", "#REF!", "nan")),
    "a minus sign": (_NUMBER, lambda v, _: "\u2212" + v.lstrip("-")),
    "day and month swapped": (_DAY, lambda v, _: re.sub(r"(\d\d)([/.-])(\d\d)", r"\3\2\1", v, count=1)),
    "years that cannot be": (_DAY, lambda v, r: re.sub(r"\d{4}", r.choice(_NO_YEARS), v, count=1)),
    "a year of two digits": (_DAY, lambda v, _: re.sub(r"20(\d\d)", r"\1", v, count=1)),
    "a day that is none": (_DAY, _one_of("2026-02-30", "2026-13-01", "31.11.2026", "00/00/2026", "2026-00-10", "2026-11-1")),
    "a serial number for a date": (_DAY, _one_of("46328", "46328.75", "1793577600", "20261102")),
    "words behind a date": (_DAY, _one_of("{} (BC)", "{} AD", "{} PST", "{} x", "{}\u00a0BC", "{}foo", "{} America/Los_Angeles", "{}Z")),
    "words for a date": (_DAY, _one_of("today", "now", "infinity", "-infinity", "epoch", "yesterday", "2026-W40-1", "Nov 2, 2026")),
    "times that cannot be": (
        _DAY, _one_of(*(f"2026-10-02T{t}" for t in ("24:00:00", "25:00:00Z", "08:61:00", "08:00:00+25:00", "8:00", "08", "08:00:00+1"))),
    ),
    "a date in another format": (_DAY, _one_of("10/02/2026", "02.10.2026", "2026/10/02", "02-10-2026", "2-Oct-26", "2026-10-02")),
    "codes no currency has": (_of(Kind.CURRENCY), _one_of("usd", "US$", "XQX", "Euro", "USDX", "U SD")),
    "full-width digits": (_kept, lambda v, _: _wide(v)),
    "blanks that cannot be seen": (_kept, _one_of("\u200b{}", "\u2060{}", "\u00ad{}", "\u200e{}")),
    "a very long value": (_TEXT, _one_of("x" * 200_000)),
    "a formula": (_TEXT, _one_of('=HYPERLINK("http://x.example")', "+1+1", "@SUM(1)", "#NAME?", "\uff1d1")),
    "zeros in front gone": (_ids, lambda v, _: v.lstrip("0") or "0"),
    "escapes": (_TEXT, _one_of("{}\\t", "{}\\n", '{}\\"', "{}\\", "{}'", "{}&quot;", "{}{x}", "{}${x}", "{}%s", "{}?1")),
}  # fmt: skip
for _name, (_fits, _change) in _CHANGES.items():
    damage(Fate.READ, _name)(partial(_value, fits=_fits, change=_change))
damage(Fate.SAME, "blanks around a value")(partial(_value, fits=_kept, change=_one_of(" {}  ", "\u00a0{}\u00a0 ")))


@damage(Fate.READ)
def all_decimal_marks(sample: Sample, r: random.Random) -> bytes:
    """Every amount as another country writes it."""
    places = table(sample).places(_of(Kind.AMOUNT))
    if not places:
        raise NotPossible
    swapped = str.maketrans(".,", ",.")
    return replace(sample, rows=tuple(tuple(v.translate(swapped) if p in places else v for p, v in enumerate(row)) for row in sample.rows)).bytes


@damage(Fate.READ)
def a_column_of_blanks(sample: Sample, r: random.Random) -> bytes:
    """No value of a column."""
    place = r.randrange(len(table(sample).header))
    return replace(sample, rows=tuple((*row[:place], "", *row[place + 1 :]) for row in sample.rows)).bytes
