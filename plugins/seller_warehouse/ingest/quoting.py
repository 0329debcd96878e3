"""Whether tab-separated text of a report that Amazon does not quote was saved by a program that puts some values in quotes, as Excel does."""

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
"""The values of a line, of which one in quotes may hold tabs."""


@dataclass(frozen=True)
class _Value:
    """A value with a quote or a comma: where it stands and its text."""

    line: int
    place: int
    text: str


@dataclass(kw_only=True)
class _Evidence:
    """The first line of each kind of value: what speaks for quotes that enclose, and what speaks against."""

    beside_text: _Value | None = None
    """In quotes, in a column that is no free text: nobody's SKU or id begins and ends with a quote."""
    doubled: int = 0
    """In quotes and free text, with every quote inside doubled."""
    with_comma: int = 0
    """In quotes and free text, with a comma inside."""
    plain: int = 0
    """In quotes and free text, though no program would need them: a title may be so."""
    malformed: _Value | None = None
    """Begins with a quote that no quote at its end closes."""
    bare_quote: int = 0
    """Not in quotes, with a quote inside."""
    bare_comma: int = 0
    """Not in quotes, with a comma inside, in free text."""


def detect_quoting(shape: Shape, text_file: Path) -> Shape:
    """The shape, as ``quoted`` where quotes enclose values of tab-separated text.

    A SKU, an id or a number in quotes says so; a title says so where its quotes are doubled or it has a comma, and no other title has
    the same without being in quotes. Raises Refusal where the quotes of some values can be read neither way.
    """
    if shape.delimiter != "\t" or shape.quoted or not _may_be_quoted(text_file):
        return shape
    found = _evidence(shape, text_file)
    if found.beside_text:
        if found.malformed:
            raise _mixed_quoting(shape, found.beside_text, found.malformed)
        return replace(shape, quoted=True)
    if found.malformed or found.plain or found.bare_quote:
        return shape
    return replace(shape, quoted=True) if found.doubled or (found.with_comma and not found.bare_comma) else shape


def _may_be_quoted(text_file: Path) -> bool:
    """Whether any value begins with a quote; few files have one, and they are many."""
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
            found.beside_text = found.beside_text or value
        elif '"' in value.text[1:-1]:
            found.doubled = found.doubled or value.line
        elif "," in value.text:
            found.with_comma = found.with_comma or value.line
        else:
            found.plain = found.plain or value.line
    return found


def _marked_values(shape: Shape, text_file: Path) -> Iterator[_Value]:
    """The values with a quote or a comma; one that may go on in the next line is left out."""
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
