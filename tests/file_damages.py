"""What happens to report files before somebody drops them: kinds of damage, each a small seeded function from a whole file to other bytes.

Each says what may become of the file: ``SAME``, it loads and says the same; ``WHOLE``, it says the same or is refused; ``READ``, it says what a strict
reader reads in it; ``NEVER``, it is refused.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial

from openpyxl import Workbook

from seller_warehouse.core.report_spec import Column, Kind, ReportSpec


class Fate(Enum):
    """What may become of a damaged file."""

    SAME = auto()
    WHOLE = auto()
    READ = auto()
    NEVER = auto()


class NotPossible(Exception):
    """The file has nothing that could be damaged so."""


@dataclass(frozen=True)
class Sample:
    """A whole file of a report: its bytes, and its fields where it is a table."""

    spec: ReportSpec
    content: bytes
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    delimiter: str = ""
    is_quoted: bool = False

    @classmethod
    def of(cls, spec: ReportSpec, content: bytes) -> Sample:
        """The sample of a file in UTF-8."""
        if spec.read_json:
            return cls(spec, content)
        text = content.decode("utf-8")
        delimiter = "\t" if "\t" in text.split("\n")[0] else ","
        is_quoted = delimiter == "," or text.startswith('"')
        quoting = csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
        header, *rows = (tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting))
        return cls(spec, content, header, tuple(rows), delimiter, is_quoted)

    def written(self, quoting: int | None = None) -> str:
        """The fields as text, in the sample's own dialect or another."""
        out = io.StringIO()
        own = (csv.QUOTE_ALL if self.delimiter == "\t" else csv.QUOTE_MINIMAL) if self.is_quoted else None
        if (quoting or own) is None:
            return "".join(self.delimiter.join(row) + "\n" for row in (self.header, *self.rows))
        csv.writer(out, delimiter=self.delimiter, lineterminator="\n", quoting=quoting if quoting is not None else own or 0).writerows(
            (self.header, *self.rows)
        )
        return out.getvalue()

    @property
    def bytes(self) -> bytes:
        """The fields in UTF-8."""
        return self.written().encode()

    def column(self, place: int) -> Column | None:
        """The spec's column of a field."""
        normal = "".join(c for c in self.header[place].casefold() if c.isalnum())
        return next((c for c in self.spec.columns if normal in c.headers), None)

    def places(self, fits: Callable[[Column], bool]) -> list[int]:
        """The fields whose columns fit."""
        return [p for p in range(len(self.header)) if (c := self.column(p)) and fits(c)]

    def put(self, row: int, place: int, value: str) -> Sample:
        """The sample with one field changed."""
        changed = [list(r) for r in self.rows]
        changed[row][place] = value
        return replace(self, rows=tuple(map(tuple, changed)))


Damage = Callable[[Sample, random.Random], bytes]
DAMAGES: dict[str, tuple[Damage, Fate]] = {}


def damage(fate: Fate, name: str = "") -> Callable[[Damage], Damage]:
    """Name a function as a kind of damage."""

    def register(function: Damage) -> Damage:
        DAMAGES[name or function.__name__] = (function, fate)
        return function

    return register


def table(sample: Sample) -> Sample:
    """The sample where it is a table."""
    if not sample.header:
        raise NotPossible
    return sample


def somewhere(sample: Sample, r: random.Random, fits: Callable[[Column], bool] = lambda _: True) -> tuple[int, int]:
    """A filled field whose column fits: its row and place."""
    found = [(n, p) for p in table(sample).places(fits) for n, row in enumerate(sample.rows) if p < len(row) and row[p]]
    if not found:
        raise NotPossible
    return r.choice(found)


# Bytes


def _any(sample: Sample, r: random.Random) -> int:
    return r.randrange(len(sample.content))


def _flipped(content: bytes, at: int, bit: int) -> bytes:
    return content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :]


def _between(sample: Sample, r: random.Random, put: bytes) -> bytes:
    """The bytes with others put into a value."""
    if not sample.header:
        at = sample.content.index(b'"status"') + r.randrange(10, 12)
        return sample.content[:at] + put + sample.content[at:]
    row, place = somewhere(sample, r, lambda c: c.kind is Kind.TEXT and not c.personal)
    value = sample.rows[row][place]
    at = r.randrange(len(value) + 1)
    return sample.put(row, place, value[:at] + "\ue000" + value[at:]).bytes.replace("\ue000".encode(), put)


damage(Fate.READ, "one bit")(lambda s, r: _flipped(s.content, _any(s, r), r.randrange(8)))
damage(Fate.READ, "one high bit")(lambda s, r: _flipped(s.content, _any(s, r), 7))
damage(Fate.READ, "cut anywhere")(lambda s, r: s.content[: _any(s, r)])
damage(Fate.READ, "begins anywhere")(lambda s, r: s.content[_any(s, r) :])
damage(Fate.READ, "one byte gone")(lambda s, r: s.content[: (at := _any(s, r))] + s.content[at + 1 :])
damage(Fate.READ, "a piece twice")(lambda s, r: s.content[: (at := _any(s, r)) + 40] + s.content[at:])
damage(Fate.READ, "a piece gone")(lambda s, r: s.content[: (at := _any(s, r))] + s.content[at + 40 :])
damage(Fate.NEVER, "a block of zeros")(lambda s, r: s.content[: (at := _any(s, r))] + bytes(64) + s.content[at + 64 :])
damage(Fate.NEVER, "NUL in a value")(lambda s, r: _between(s, r, b"\0"))
damage(Fate.READ, "a control character")(lambda s, r: _between(s, r, bytes([r.choice((1, 7, 8, 0x1B, 0x1C, 0x1E, 0x1F, 0x7F))])))
damage(Fate.READ, "the end of DOS")(lambda s, _: s.content + b"\x1a")
damage(Fate.READ, "no bytes")(lambda s, _: b"")


# Charsets


@damage(Fate.NEVER)
def a_letter_of_another_charset(sample: Sample, r: random.Random) -> bytes:
    """One byte of Windows-1252 in text that is UTF-8 beyond ASCII."""
    row, place = somewhere(sample, r, lambda c: c.kind is Kind.TEXT and not c.holds_ids and not c.personal and not c.codes)
    text = sample.put(row, place, "Größe " + sample.rows[row][place] + " \ue000").bytes
    return text.replace("\ue000".encode(), b"\xe9 ")


@damage(Fate.READ)
def in_windows_1252(sample: Sample, r: random.Random) -> bytes:
    """The whole text, with a letter beyond ASCII, as a Western spreadsheet saves it."""
    row, place = somewhere(sample, r, lambda c: c.kind is Kind.TEXT and not c.holds_ids and not c.codes)
    return sample.put(row, place, "Größe " + sample.rows[row][place]).written().encode("cp1252", "replace")


damage(Fate.SAME, "mark of UTF-8")(lambda s, _: b"\xef\xbb\xbf" + s.content)
damage(Fate.READ, "two marks of UTF-8")(lambda s, _: b"\xef\xbb\xbf" * 2 + s.content)
damage(Fate.READ, "a mark of UTF-8 inside")(lambda s, r: _between(s, r, b"\xef\xbb\xbf"))
damage(Fate.SAME, "UTF-16")(lambda s, r: ("\ufeff" + s.content.decode()).encode(r.choice(("utf-16-le", "utf-16-be"))))
damage(Fate.NEVER, "UTF-16 without its mark")(lambda s, r: s.content.decode().encode(r.choice(("utf-16-le", "utf-16-be"))))
damage(Fate.NEVER, "UTF-32")(lambda s, _: s.content.decode().encode("utf-32"))
damage(Fate.NEVER, "EBCDIC")(lambda s, _: s.content.decode().encode("cp500", "replace"))
damage(Fate.READ, "half of a letter")(lambda s, r: _between(s, r, r.choice((b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\xaf"))))


# Lines


def _lines(sample: Sample) -> list[bytes]:
    return table(sample).content.splitlines(keepends=True)


def _line(sample: Sample, r: random.Random) -> int:
    return r.randrange(1, len(_lines(sample)))


@damage(Fate.SAME)
def mixed_line_ends(sample: Sample, r: random.Random) -> bytes:
    """Lines that end as on Windows among others."""
    return b"".join(line.rstrip(b"\n") + r.choice((b"\n", b"\r\n")) for line in _lines(sample))


@damage(Fate.READ)
def a_line_in_two(sample: Sample, r: random.Random) -> bytes:
    """A newline somewhere in a row."""
    lines, at = _lines(sample), _line(sample, r)
    cut = r.randrange(1, len(lines[at]))
    return b"".join([*lines[:at], lines[at][:cut] + b"\n" + lines[at][cut:], *lines[at + 1 :]])


damage(Fate.SAME, "line ends of Windows")(lambda s, _: table(s).content.replace(b"\n", b"\r\n"))
damage(Fate.WHOLE, "line ends of an old Mac")(lambda s, _: table(s).content.replace(b"\n", b"\r"))
damage(Fate.SAME, "no last line end")(lambda s, _: table(s).content.rstrip(b"\n"))
damage(Fate.SAME, "blank lines")(lambda s, r: b"".join(line + b"\n" * r.randrange(3) for line in _lines(s)))
damage(Fate.SAME, "rows of delimiters")(lambda s, _: s.content + (s.delimiter * (len(table(s).header) - 1) + "\n").encode() * 3)
damage(Fate.READ, "a line twice")(lambda s, r: b"".join([*(a := _lines(s))[: (n := _line(s, r))], a[n], *a[n:]]))
damage(Fate.READ, "a line gone")(lambda s, r: b"".join([*(a := _lines(s))[: (n := _line(s, r))], *a[n + 1 :]]))
damage(Fate.READ, "two lines in one")(lambda s, r: b"".join([*(a := _lines(s))[: (n := _line(s, r))], a[n].rstrip(b"\n"), *a[n + 1 :]]))
damage(Fate.READ, "lines in another order")(lambda s, r: b"".join([(a := _lines(s))[0], *r.sample(a[1:], len(a) - 1)]))
damage(Fate.READ, "cut between lines")(lambda s, r: b"".join(_lines(s)[: _line(s, r)]))
damage(Fate.READ, "a header among the rows")(lambda s, r: b"".join([*(a := _lines(s))[: (n := _line(s, r))], a[0], *a[n:]]))
damage(Fate.READ, "twice in one file")(lambda s, _: table(s).content * 2)
damage(Fate.READ, "a line of totals")(lambda s, _: s.content + (s.delimiter.join(["Total", *[""] * (len(table(s).header) - 1)]) + "\n").encode())
damage(Fate.READ, "a line of words at the end")(lambda s, _: table(s).content + b"-- end of report --\n")
damage(Fate.READ, "a line of words in front")(lambda s, _: b"Downloaded from Seller Central on 2 November\n" + table(s).content)
damage(Fate.NEVER, "no header")(lambda s, _: b"".join(_lines(s)[1:]))
damage(Fate.READ, "a header alone")(lambda s, _: _lines(s)[0])
damage(Fate.READ, "another report behind it")(lambda s, _: table(s).content + b"seller-sku,asin,parent-asin,title,image-url\nA,B,C,D,E\n")
damage(Fate.READ, "a line end of Unicode")(lambda s, r: _between(s, r, r.choice(("\u2028", "\x85", "\x0b", "\x0c")).encode()))


# Header and columns


def _without(sample: Sample, place: int, *, of_rows: bool = True) -> Sample:
    rows = tuple(row[:place] + row[place + 1 :] for row in sample.rows) if of_rows else sample.rows
    return replace(sample, header=sample.header[:place] + sample.header[place + 1 :], rows=rows)


def _headed(sample: Sample, place: int, name: str) -> bytes:
    return replace(sample, header=(*sample.header[:place], name, *sample.header[place + 1 :])).bytes


def _place(sample: Sample, r: random.Random) -> int:
    return r.randrange(len(table(sample).header))


def _ordered(sample: Sample, order: list[int], header_too: bool = True) -> bytes:
    rows = tuple(tuple(row[p] if p < len(row) else "" for p in order) for row in sample.rows)
    return replace(sample, header=tuple(sample.header[p] for p in order) if header_too else sample.header, rows=rows).bytes


@damage(Fate.READ)
def values_of_two_columns_swapped(sample: Sample, r: random.Random) -> bytes:
    """The values and not the headers."""
    order = list(range(len(table(sample).header)))
    one, other = r.sample(order, 2)
    order[one], order[other] = other, one
    return _ordered(sample, order, header_too=False)


damage(Fate.WHOLE, "columns in another order")(lambda s, r: _ordered(s, r.sample(range(n := len(table(s).header)), n)))
damage(Fate.READ, "a header with another name")(lambda s, r: _headed(s, _place(s, r), "whatever"))
damage(Fate.READ, "a blank header")(lambda s, r: _headed(s, _place(s, r), ""))
damage(Fate.READ, "a header twice")(lambda s, r: _headed(s, _place(s, r), s.header[_place(s, r)]))
damage(Fate.READ, "a column gone")(lambda s, r: _without(s, _place(s, r)).bytes)
damage(Fate.READ, "a header gone")(lambda s, r: _without(s, _place(s, r), of_rows=False).bytes)
damage(Fate.SAME, "headers in capitals")(lambda s, _: replace(table(s), header=tuple(h.upper() for h in s.header)).bytes)
damage(Fate.SAME, "headers with blanks")(lambda s, _: replace(table(s), header=tuple(f" {h.replace('-', ' ')} " for h in s.header)).bytes)
damage(Fate.SAME, "one more column")(lambda s, _: replace(table(s), header=(*s.header, "memo"), rows=tuple((*w, *[""] * (len(s.header) - len(w)), "x") for w in s.rows)).bytes)
damage(Fate.READ, "many more columns")(lambda s, _: replace(table(s), header=(*s.header, *(f"m{n}" for n in range(3000))), rows=tuple((*w, *["x"] * (len(s.header) - len(w) + 3000)) for w in s.rows)).bytes)


# Fields and delimiters


def _in_line(sample: Sample, r: random.Random, change: Callable[[list[str]], list[str]]) -> bytes:
    row = r.randrange(len(table(sample).rows))
    return replace(sample, rows=(*sample.rows[:row], tuple(change(list(sample.rows[row]))), *sample.rows[row + 1 :])).bytes


def _parted(sample: Sample, delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    return replace(table(sample), delimiter=delimiter).written(quoting).encode()


damage(Fate.READ, "a field too many")(lambda s, r: _in_line(s, r, lambda w: [*w[: (n := r.randrange(len(w) + 1))], "extra", *w[n:]]))
damage(Fate.READ, "a field too few")(lambda s, r: _in_line(s, r, lambda w: [*w[: (n := r.randrange(len(w)))], *w[n + 1 :]]))
damage(Fate.READ, "fields gone at the end")(lambda s, r: _in_line(s, r, lambda w: w[: r.randrange(1, len(w))]))
damage(Fate.WHOLE, "commas for delimiters")(lambda s, _: _parted(s, ","))
damage(Fate.WHOLE, "semicolons for delimiters")(lambda s, _: _parted(s, ";"))
damage(Fate.NEVER, "pipes for delimiters")(lambda s, _: _parted(s, "|"))
damage(Fate.READ, "delimiters taken for others")(lambda s, _: table(s).content.replace(s.delimiter.encode(), b";" if s.delimiter == "," else b","))
damage(Fate.READ, "another delimiter in one line")(lambda s, r: b"".join([*(a := _lines(s))[: (n := _line(s, r))], a[n].replace(s.delimiter.encode(), b";"), *a[n + 1 :]]))
damage(Fate.READ, "a delimiter in a value")(lambda s, r: _between(s, r, table(s).delimiter.encode()))
damage(Fate.SAME, "the line of Excel")(lambda s, _: f"sep={table(s).delimiter}\n".encode() + s.content)


# Quotes


def _at_quote(sample: Sample, r: random.Random, put: str) -> bytes:
    places = [m.start() for m in re.finditer('"', table(sample).content.decode())]
    if not places:
        raise NotPossible
    at, text = r.choice(places), sample.content.decode()
    return (text[:at] + put + text[at + 1 :]).encode()


def _raw(sample: Sample, r: random.Random, change: Callable[[str], str]) -> bytes:
    """A field changed as it stands in the file, whatever its quotes."""
    row, place = somewhere(sample, r, lambda c: not c.personal)
    marked = sample.put(row, place, "\ue000").written().replace('"\ue000"', "\ue000")
    return marked.replace("\ue000", change(sample.rows[row][place])).encode()


damage(Fate.READ, "a quote gone")(lambda s, r: _at_quote(s, r, ""))
damage(Fate.READ, "a quote more")(lambda s, r: _at_quote(s, r, '""'))
damage(Fate.READ, "a quote anywhere")(lambda s, r: s.content[: (at := _any(s, r))] + b'"' + s.content[at:])
damage(Fate.READ, "a quote in front of a value")(lambda s, r: _raw(s, r, lambda v: f'"{v}'))
damage(Fate.READ, "a quote behind a value")(lambda s, r: _raw(s, r, lambda v: f'{v}"'))
damage(Fate.READ, "quotes around a value")(lambda s, r: _raw(s, r, lambda v: f'"{v}"'))
damage(Fate.READ, "text behind a closing quote")(lambda s, r: _raw(s, r, lambda v: f'"{v}" x'))
damage(Fate.READ, "a newline in quotes")(lambda s, r: _raw(s, r, lambda v: f'"{v[: len(v) // 2]}\n{v[len(v) // 2 :]}"'))
damage(Fate.READ, "quotes nobody doubled")(lambda s, _: table(s).content.replace(b'""', b'"'))
damage(Fate.READ, "curly quotes")(lambda s, r: _raw(s, r, lambda v: f"“{v}”"))
damage(Fate.SAME, "quotes around all values")(lambda s, _: _parted(s, s.delimiter, csv.QUOTE_ALL))
damage(Fate.SAME, "quotes as Excel puts them")(lambda s, _: _parted(s, s.delimiter))


# Values


def _value(sample: Sample, r: random.Random, *, fits: Callable[[Column], bool], change: Callable[[str, random.Random], str]) -> bytes:
    row, place = somewhere(sample, r, fits)
    return sample.put(row, place, change(sample.rows[row][place], r)).bytes


def _of(*kinds: Kind) -> Callable[[Column], bool]:
    return lambda c: c.kind in kinds and not c.personal


def _numbers(text: str) -> str:
    return re.sub("[^0-9]", "", text) or "1"


_CHANGES: dict[str, tuple[Callable[[Column], bool], Callable[[str, random.Random], str]]] = {
    "a blank": (lambda c: not c.personal, lambda v, r: ""),
    "scientific notation": (lambda c: c.holds_ids, lambda v, r: r.choice(("8.11E+09", "1,23457E+11", "8.11E09", "2e14", "1.2E 11", "8٫11E+9", "-1.5e+10"))),
    "a decimal behind an id": (lambda c: c.holds_ids, lambda v, r: f"{_numbers(v)[:9]:0<9}" + r.choice((".0", ",00"))),
    "15 digits and zeros": (lambda c: c.holds_ids and not c.holds_own_codes, lambda v, r: "123456789012345" + "0" * 7),
    "decimal marks": (_of(Kind.AMOUNT), lambda v, r: v.translate(str.maketrans(".,", ",."))),
    "thousands": (_of(Kind.AMOUNT), lambda v, r: r.choice(("1,234.50", "1.234,50", "1'234.50", "12,34.5", "1 234,50", "1.234", "1,234"))),
    "odd amounts": (_of(Kind.AMOUNT), lambda v, r: r.choice((f"({v})", f"{v}-", f"${v}", f"{v} EUR", f"{v}%", f"+{v}", ".5", "5.", "1e2", "--1"))),
    "huge amounts": (_of(Kind.AMOUNT), lambda v, r: r.choice(("9" * 13, "9" * 40, "0.00001", "9" * 12))),
    "odd whole numbers": (_of(Kind.INTEGER), lambda v, r: r.choice((f"{v}.0", f"+{v}", "1,000", "1e3", f"0{v}", "0x10", "1_000", "½", "٣", "１"))),
    "huge whole numbers": (_of(Kind.INTEGER), lambda v, r: r.choice(("9999999999", "9" * 20, "-9999999999", "2147483648"))),
    "words for nothing": (_of(Kind.AMOUNT, Kind.INTEGER, Kind.DATE), lambda v, r: r.choice(("NULL", "NaN", "inf", "N/A", "-", "None", "#REF!", "nan"))),
    "a minus sign": (_of(Kind.AMOUNT, Kind.INTEGER), lambda v, r: "\u2212" + v.lstrip("-")),
    "day and month swapped": (_of(Kind.DATE), lambda v, r: re.sub(r"(\d\d)([/.-])(\d\d)", r"\3\2\1", v, count=1)),
    "years that cannot be": (_of(Kind.DATE), lambda v, r: re.sub(r"\d{4}", r.choice(("0026", "1899", "2999", "1994", "12026", "0000")), v, count=1)),
    "a year of two digits": (_of(Kind.DATE), lambda v, r: re.sub(r"20(\d\d)", r"\1", v, count=1)),
    "a day that is none": (_of(Kind.DATE), lambda v, r: r.choice(("2026-02-30", "2026-13-01", "31.11.2026", "00/00/2026", "2026-00-10", "2026-11-1"))),
    "a serial number for a date": (_of(Kind.DATE), lambda v, r: r.choice(("46328", "46328.75", "1793577600", "20261102"))),
    "words behind a date": (_of(Kind.DATE), lambda v, r: v + r.choice((" (BC)", " AD", " PST", " x", "\u00a0BC", "foo", " America/Los_Angeles", "Z"))),
    "words for a date": (_of(Kind.DATE), lambda v, r: r.choice(("today", "now", "infinity", "-infinity", "epoch", "yesterday", "2026-W40-1", "Nov 2, 2026"))),
    "times that cannot be": (_of(Kind.DATE), lambda v, r: "2026-10-02T" + r.choice(("24:00:00", "25:00:00Z", "08:61:00", "08:00:00+25:00", "8:00", "08", "08:00:00+1"))),
    "a date in another format": (_of(Kind.DATE), lambda v, r: r.choice(("10/02/2026", "02.10.2026", "2026/10/02", "02-10-2026", "2-Oct-26", "2026-10-02"))),
    "codes no currency has": (_of(Kind.CURRENCY), lambda v, r: r.choice(("usd", "US$", "XQX", "Euro", "USDX", "U SD"))),
    "full-width digits": (lambda c: not c.personal, lambda v, r: "".join(chr(ord(x) + 0xFEE0) if x.isascii() and x.isdigit() else x for x in v)),
    "blanks that cannot be seen": (lambda c: not c.personal, lambda v, r: r.choice(("\u200b", "\u2060", "\u00ad", "\u200e")) + v),
    "a very long value": (_of(Kind.TEXT), lambda v, r: "x" * 200_000),
    "a formula": (_of(Kind.TEXT), lambda v, r: r.choice(('=HYPERLINK("http://x.example")', "+1+1", "@SUM(1)", "#NAME?", "＝1"))),
    "zeros in front gone": (lambda c: c.holds_ids, lambda v, r: v.lstrip("0") or "0"),
    "escapes": (_of(Kind.TEXT), lambda v, r: v + r.choice(("\\t", "\\n", '\\"', "\\", "'", "&quot;", "{x}", "${x}", "%s", "?1"))),
}  # fmt: skip
for _name, (_fits, _change) in _CHANGES.items():
    damage(Fate.READ, _name)(partial(_value, fits=_fits, change=_change))
damage(Fate.SAME, "blanks around a value")(lambda s, r: _value(s, r, fits=lambda c: not c.personal, change=lambda v, r: r.choice((" ", "\u00a0")) + v + "  "))


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
    place = _place(sample, r)
    return replace(sample, rows=tuple((*row[:place], "", *row[place + 1 :]) for row in sample.rows)).bytes


# Wrapped, and no report at all


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


@damage(Fate.SAME)
def as_a_workbook(sample: Sample, _: random.Random) -> bytes:
    """Every cell as text."""
    book, out = Workbook(), io.BytesIO()
    for row in (table(sample).header, *sample.rows):
        book.active.append(list(row))
    book.save(out)
    return out.getvalue()


damage(Fate.SAME, "packed by gzip")(lambda s, _: gzip.compress(s.content, mtime=0))
damage(Fate.SAME, "packed by ZIP")(lambda s, _: _zipped({"report.txt": s.content}))
damage(Fate.NEVER, "gzip cut")(lambda s, r: (z := gzip.compress(s.content, mtime=0))[: r.randrange(2, len(z) - 1)])
damage(Fate.NEVER, "gzip with a bit flipped")(lambda s, r: _flipped(z := gzip.compress(s.content, mtime=0), r.randrange(12, len(z) - 4), r.randrange(8)))
damage(Fate.NEVER, "ZIP cut")(lambda s, r: (z := _zipped({"report.txt": s.content}))[: r.randrange(4, len(z) - 1)])
damage(Fate.NEVER, "ZIP of two reports")(lambda s, _: _zipped({"a.txt": s.content, "b.txt": s.content}))
damage(Fate.NEVER, "a web page")(lambda s, _: b"<!DOCTYPE html>\n<html><body>Sign in\t</body></html>\n")
damage(Fate.NEVER, "a table of a web page")(lambda s, _: b"<table><tr><td>" + s.content.replace(b"\t", b"</td><td>") + b"</td></tr></table>")
damage(Fate.NEVER, "an error of Amazon")(lambda s, _: b'{"errors": [{"code": "QuotaExceeded", "message": "You exceeded your quota"}]}')
damage(Fate.NEVER, "a PDF")(lambda s, _: b"%PDF-1.7\n" + s.content)


# JSON


def _json(sample: Sample, r: random.Random, *, pattern: str, by: str) -> bytes:
    text = sample.content.decode()
    found = list(re.finditer(pattern, text)) if not sample.header else []
    if not found:
        raise NotPossible
    at = r.choice(found)
    return (text[: at.start()] + at.expand(by) + text[at.end() :]).encode()


for _name, _pattern, _by in (
    ("JSON: a key twice", r'("count": )(\d+)', r'\1\2, \g<1>999'),
    ("JSON: no number", r'("rate": )[\d.]+', r"\1NaN"),
    ("JSON: a number as text", r'("count": )(\d+)', r'\1"\2"'),
    ("JSON: a fraction of an order", r'("orderCount": )(\d+)', r"\g<1>\2.5"),
    ("JSON: true for a count", r'("count": )\d+', r"\1true"),
    ("JSON: a list for a count", r'("count": )(\d+)', r"\1[\2]"),
    ("JSON: null", r'(": )("?[\w.-]+"?)', r"\1null"),
    ("JSON: a key of another name", r'"(count|rate|afn|marketplaceId|orderCount|orderDefectRate)"', r'"x\1"'),
    ("JSON: a comma too many", r"(\d)(\n *})", r"\1,\2"),
    ("JSON: a huge number", r'("count": )\d+', r"\g<1>1e400"),
):  # fmt: skip
    damage(Fate.READ, _name)(partial(_json, pattern=_pattern, by=_by))
