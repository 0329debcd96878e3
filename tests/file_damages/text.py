"""Damage to bytes, charset, lines, columns, delimiters and quotes."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable
from dataclasses import replace

from seller_warehouse.core.report_spec import Kind
from tests.file_damages.sample import Fate, NotPossible, Sample, damage, somewhere, table

# Bytes


def _any(sample: Sample, r: random.Random) -> int:
    return r.randrange(len(sample.content))


def flipped(content: bytes, at: int, bit: int) -> bytes:
    """The bytes with one bit changed."""
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


damage(Fate.READ, "one bit")(lambda s, r: flipped(s.content, _any(s, r), r.randrange(8)))
damage(Fate.READ, "one high bit")(lambda s, r: flipped(s.content, _any(s, r), 7))
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
damage(Fate.SAME, "blank lines")(lambda s, r: re.sub(b'(?<=[^"\n]{3})\n(?=[^"\n]{9})', lambda m: b"\n" * r.randrange(1, 4), table(s).content))
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


def place(sample: Sample, r: random.Random) -> int:
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
damage(Fate.READ, "a header with another name")(lambda s, r: _headed(s, place(s, r), "whatever"))
damage(Fate.READ, "a blank header")(lambda s, r: _headed(s, place(s, r), ""))
damage(Fate.READ, "a header twice")(lambda s, r: _headed(s, place(s, r), s.header[place(s, r)]))
damage(Fate.READ, "a column gone")(lambda s, r: _without(s, place(s, r)).bytes)
damage(Fate.READ, "a header gone")(lambda s, r: _without(s, place(s, r), of_rows=False).bytes)
damage(Fate.SAME, "headers in capitals")(lambda s, _: replace(table(s), header=tuple(h.upper() for h in s.header)).bytes)
damage(Fate.SAME, "headers with blanks")(lambda s, _: replace(table(s), header=tuple(f" {h.replace('-', ' ')} " for h in s.header)).bytes)
damage(Fate.SAME, "one more column")(
    lambda s, _: replace(table(s), header=(*s.header, "memo"), rows=tuple((*w, *[""] * (len(s.header) - len(w)), "x") for w in s.rows)).bytes
)
damage(Fate.READ, "many more columns")(
    lambda s, _: (
        replace(
            table(s), header=(*s.header, *(f"m{n}" for n in range(3000))), rows=tuple((*w, *["x"] * (len(s.header) - len(w) + 3000)) for w in s.rows)
        ).bytes
    )
)


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
damage(Fate.READ, "another delimiter in one line")(
    lambda s, r: b"".join([*(a := _lines(s))[: (n := _line(s, r))], a[n].replace(s.delimiter.encode(), b";"), *a[n + 1 :]])
)
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
