"""Detect quotes in tab-separated text of a report that Amazon does not quote: a program may have put some values in quotes, as Excel does."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from seller_warehouse.core.documents import Refusal
from seller_warehouse.ingest.header import Shape

_ENCLOSED = re.compile('"(?:[^"]|"")*"')
_WITH_TABS = re.compile(r'(?:^|(?<=\t))(?:"(?:[^"]|"")*"(?=\t|$)|[^\t]*)')
"""The values of a line; a quoted one may contain tabs."""


@dataclass(frozen=True)
class _Value:
    """A value that contains a quote or a comma, with its position."""

    line: int
    place: int
    text: str


@dataclass(kw_only=True)
class _Evidence:
    """The first value, or its line, of each kind that shows whether quotes enclose values."""

    quoted_code: _Value | None = None
    """In quotes, outside free text: no SKU or id begins and ends with a quote."""
    doubled: int = 0
    """In quotes, in free text, with every inner quote doubled."""
    with_comma: int = 0
    """In quotes, in free text, with a comma."""
    plain: int = 0
    """In quotes, in free text, where no program would need quotes: the quotes may be part of a title."""
    malformed: _Value | None = None
    """Begins with a quote but does not end with the closing one."""
    bare_quote: int = 0
    """Not in quotes, but contains a quote."""
    bare_comma: int = 0
    """Not in quotes, in free text, but contains a comma."""


def detect_quoting(shape: Shape, text_file: Path) -> Shape:
    """The shape, with ``quoted`` set if quotes enclose values of tab-separated text.

    A quoted SKU, id or number is proof. A quoted title is proof if it has doubled quotes or a comma and no unquoted title has the same. Raises
    Refusal if some quotes fit neither reading.
    """
    if shape.delimiter != "\t" or shape.quoted or not _may_be_quoted(text_file):
        return shape
    found = _evidence(shape, text_file)
    if found.quoted_code:
        if found.malformed:
            raise _mixed_quoting(shape, found.quoted_code, found.malformed)
        return replace(shape, quoted=True)
    if found.malformed or found.plain or found.bare_quote:
        return shape
    return replace(shape, quoted=True) if found.doubled or (found.with_comma and not found.bare_comma) else shape


def _may_be_quoted(text_file: Path) -> bool:
    """Whether any value begins with a quote: a fast check, since most files have none."""
    with text_file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return re.search(rb'[\t\r\n]"', content) is not None


def _evidence(shape: Shape, text_file: Path) -> _Evidence:
    found = _Evidence()
    for value in _marked_values(shape, text_file):
        name = shape.field_names[value.place]
        is_free = name is None or shape.column(name).may_hold_lines
        if not value.text.startswith('"'):
            found.bare_quote = found.bare_quote or ('"' in value.text) * value.line
            found.bare_comma = found.bare_comma or (is_free and "," in value.text) * value.line
        elif not _ENCLOSED.fullmatch(value.text):
            found.malformed = found.malformed or value
        elif not is_free:
            found.quoted_code = found.quoted_code or value
        elif '"' in value.text[1:-1]:
            found.doubled = found.doubled or value.line
        elif "," in value.text:
            found.with_comma = found.with_comma or value.line
        else:
            found.plain = found.plain or value.line
    return found


def _marked_values(shape: Shape, text_file: Path) -> Iterator[_Value]:
    """The values with a quote or a comma, except those that may continue on the next line."""
    width = len(shape.headers)
    with text_file.open(encoding="utf-8", newline="") as source:
        for number, raw in enumerate(source, 1):
            if number <= shape.header_line or ('"' not in raw and "," not in raw):
                continue
            line = raw.rstrip("\r\n")
            values = line.split("\t")
            if len(values) != width and len(joined := [found[0] for found in _WITH_TABS.finditer(line)]) == width:
                values = joined
            for place, value in enumerate(values[:width]):
                is_open = place == len(values) - 1 < width - 1 and value.startswith('"') and not _ENCLOSED.fullmatch(value)
                if ('"' in value or "," in value) and not is_open:
                    yield _Value(number, place, value.strip())


def _mixed_quoting(shape: Shape, enclosed: _Value, malformed: _Value) -> Refusal:
    what = (
        f"{shape.headers[malformed.place]} begins with a quote that does not close it ({malformed.text[:20]!r}), "
        f"while quotes enclose {shape.headers[enclosed.place]} in line {enclosed.line}"
    )
    return Refusal("stray_quote", what, "drop the report as Amazon sends it, or double each quote inside a value that is in quotes", malformed.line)
