"""From lines to rows with the header's number of fields: repairs undoubled quotes and omitted fields, and sets aside rows with too many tabs.

Quoted text must double a quote inside a value; if text follows a closing quote, the file is refused. Producers that quote every value, as Amazon does
in its ledgers, often do not double quotes: then a quote ends a value only before a delimiter or the line end, and the reading with the right number
of fields is used if there is exactly one. Only free text may contain newlines; elsewhere they mean that a stray quote has swallowed rows. Rows that
need such a repair are rewritten with doubled quotes, so that every later reader sees the same.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seller_warehouse.core.documents import Refusal
from seller_warehouse.core.report_spec import Kind
from seller_warehouse.ingest.bounds import MAX_LINE_BYTES
from seller_warehouse.ingest.header import Shape

MOST_SET_ASIDE = 100
"""With more rows set aside, or half of all rows, the file itself is wrong and is refused."""

_MOST_LINES = 200
"""A value with more lines counts as unclosed."""

_CUT_REMEDY = "download the file again; if it was edited, undo the edit"


def field_count_refusal(shape: Shape, actual: int, line: int | None) -> Refusal:
    """The refusal of a row with another number of fields than the header."""
    expected = len(shape.headers)
    if actual < expected:
        return Refusal("row_cut", f"the row has {actual} fields where the header has {expected} (cut)", _CUT_REMEDY, line)
    mark = {"\t": "tab", ",": "comma", ";": "semicolon"}[shape.delimiter]
    what = f"the row has {actual} fields where the header has {expected} (too many)"
    remedy = f"look for a {mark} inside a value and remove it there; a file that was only cut or edited can be downloaded again"
    return Refusal("too_many_fields", what, remedy, line)


# Text with quotes


def repair_quotes(text_file: Path, shape: Shape) -> None:
    """Rewrite the rows of ``text_file`` in which a quote inside a value is not doubled.

    Raises Refusal for a row with a wrong number of fields, an unclosed value, and a value that would swallow rows.
    """
    changed = {first: (last, fields) for first, last, fields in _odd_rows(text_file, shape)}
    if not changed:
        return
    written = text_file.with_name("text.doubled")
    with text_file.open(encoding="utf-8", newline="") as source, written.open("w", encoding="utf-8", newline="") as target:
        last, fields = 0, [""]
        for number, line in enumerate(source, 1):
            if number in changed:
                last, fields = changed[number]
            if number > last:
                target.write(line)
            elif number == last:
                target.write(shape.delimiter.join(_quoted(f) for f in fields) + line[len(line.rstrip("\r\n")) :])
    written.replace(text_file)


def _odd_rows(text_file: Path, shape: Shape) -> Iterator[tuple[int, int, list[str]]]:
    """The first line, last line and fields of each row that a strict CSV reader would misread."""
    width, delimiter = len(shape.headers), shape.delimiter
    between = f'"{delimiter}"'
    begun, first = "", 0
    with text_file.open(encoding="utf-8", newline="") as source:
        for number, raw in enumerate(source, 1):
            if not begun and raw.count('"') == 2 * width and raw.count(between) == width - 1 and raw[0] == '"' and raw.endswith(('"\n', '"\r\n')):
                continue  # Fast path for nearly every row.
            line = raw.rstrip("\r\n")
            if number <= shape.header_line or (not begun and not line.strip()):
                continue
            if not begun:
                if '"' not in line and line.count(delimiter) == width - 1:
                    continue
                first = number
            elif _is_row(line, shape):
                raise _unreadable_row(shape, begun, first, next_row=number)
            text = begun + line
            fields = _strict(text, delimiter)
            is_odd = text.count('"') % 2 == 1
            if not fields or len(fields) != width:
                fields, is_odd = _undoubled(text, delimiter, width), True
            if fields:
                _refuse_lines_inside(shape, fields, first)
                if is_odd:
                    yield first, number, fields
                begun = ""
            elif _may_continue(text, delimiter, width) and number - first < _MOST_LINES and len(text) < MAX_LINE_BYTES:
                begun = text + raw[len(line) :]
            else:
                raise _unreadable_row(shape, text, first)
        if begun:
            raise _unreadable_row(shape, begun, first, at_end=True)


def _refuse_lines_inside(shape: Shape, fields: list[str], first: int) -> None:
    """Raise Refusal if a value of the row that begins on line ``first`` contains a newline and its column is not free text."""
    opened = first
    for value, name, header in zip(fields, shape.field_names, shape.headers, strict=True):
        if (newlines := _newlines(value)) and name and not shape.column(name).may_hold_lines:
            what = f"the quote before {value[:20]!r} opens a value of {header} that runs on over {newlines + 1} lines, and only free text may do that"
            raise Refusal("newline_in_value", what, _QUOTE_REMEDY, opened)
        opened += newlines


def _newlines(text: str) -> int:
    return len(re.findall("\r\n|\r|\n", text))


_QUOTE_REMEDY = "remove the quote, or double it and close the value; a file that was cut can be downloaded again"


def _may_continue(text: str, delimiter: str, width: int) -> bool:
    """Whether the last value of the text may continue on the next line because its quote is not closed."""
    merged = _merged(text, delimiter)
    if _is_all_quoted(merged):
        return len(merged) <= width
    count, at, is_torn = _read_strictly(text, delimiter)
    return count < width and at < len(text) and not is_torn


def _is_all_quoted(merged: list[str]) -> bool:
    """Whether there are several non-blank values, all in quotes."""
    filled = [piece for piece in merged if piece]
    return len(filled) > 1 and all(piece.startswith('"') for piece in filled)


def _read_strictly(text: str, delimiter: str) -> tuple[int, int, bool]:
    """The number of fields that a strict reader reads, where it stops, and whether it stops at text after a closing quote, not in an open value."""
    count = at = 0
    while found := _field(delimiter).match(text, at):
        if not found[3]:
            return count + 1, len(text), False
        count, at = count + 1, found.end()
    return count, at, not _OPEN.match(text, at)


_OPEN = re.compile(r'"(?:[^"]|"")*\Z')


def _unreadable_row(shape: Shape, text: str, first: int, *, next_row: int | None = None, at_end: bool = False) -> Refusal:
    """The refusal of the text from line ``first``: a value not closed before ``next_row`` or the end, or a wrong number of fields."""
    text, width = text.rstrip("\r\n"), len(shape.headers)
    merged = _merged(text, shape.delimiter)
    if _is_all_quoted(merged):
        begins, is_torn = len(text) - len(merged[-1]), False
        is_open = not _is_enclosed(merged[-1])
    else:
        _, begins, is_torn = _read_strictly(text, shape.delimiter)
        is_open = begins < len(text)
    opened = first + _newlines(text[:begins])
    if is_torn:
        what = f"text stands after the quote that closes the value {text[begins : begins + 20]!r}"
        return Refusal("stray_quote", what, "double a quote that is part of a value, and put the whole value in quotes", opened)
    if is_open and at_end:
        return Refusal("row_cut", "the text is cut inside a quoted value", _CUT_REMEDY, opened)
    counted = len(_strict(text, shape.delimiter) or merged)
    # If the number of delimiters is right, a quote has joined two fields.
    if not is_open and (counted > width or text.count(shape.delimiter) != width - 1):
        return field_count_refusal(shape, counted, first)
    what = "a quote opens a value, and no quote before a delimiter closes it"
    if next_row:
        what = f"a quote opens a value that would run on over line {next_row}, which is a row of its own"
    return Refusal("stray_quote", what, _QUOTE_REMEDY, opened)


def _merged(text: str, delimiter: str) -> list[str]:
    """The fields if a quote closes a value as soon as a delimiter follows it."""
    fields: list[str] = []
    is_open = False
    for piece in text.split(delimiter):
        if is_open:
            fields[-1] += delimiter + piece
            is_open = not piece.endswith('"')
        else:
            fields.append(piece)
            is_open = piece.startswith('"') and not _is_enclosed(piece)
    return fields


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


@functools.cache
def _field(delimiter: str) -> re.Pattern[str]:
    return re.compile(rf'(?:"((?:[^"]|"")*)"|([^{delimiter}"\r\n][^{delimiter}\r\n]*)|)({delimiter}|\Z)')


def _strict(text: str, delimiter: str) -> list[str] | None:
    """The fields by strict rules: enclosing quotes are closed, other quotes are doubled or in an unquoted value; else None."""
    fields: list[str] = []
    at = 0
    while found := _field(delimiter).match(text, at):
        fields.append(found[2] or "" if found[1] is None else found[1].replace('""', '"'))
        if not found[3]:
            return fields
        at = found.end()
    return None


def _undoubled(text: str, delimiter: str, width: int) -> list[str] | None:
    """The only reading of the text as ``width`` blank or quoted fields, where a quote closes a value only before a delimiter or the end; or None."""
    pieces = text.split(delimiter)
    longest = len(pieces) - width + 1
    if longest < 1:
        return None

    @functools.cache
    def ways(at: int, left: int) -> int:
        if left == 0:
            return int(at == len(pieces))
        ends = range(at + 1, min(at + longest, len(pieces) - left + 1) + 1)
        return min(2, sum(ways(end, left - 1) for end in ends if _is_value(pieces, at, end)))

    if ways(0, width) != 1:
        return None
    fields, at = [], 0
    for left in range(width, 0, -1):
        end = next(e for e in range(at + 1, at + longest + 1) if _is_value(pieces, at, e) and ways(e, left - 1))
        fields.append(_value(delimiter.join(pieces[at:end])))
        at = end
    return fields


def _is_value(pieces: list[str], at: int, end: int) -> bool:
    """Whether the pieces from ``at`` up to ``end`` can be one value."""
    first, last = pieces[at], pieces[end - 1]
    if end - at > 1:
        return first.startswith('"') and last.endswith('"')
    return not first or _is_enclosed(first)


def _is_enclosed(piece: str) -> bool:
    return len(piece) > 1 and piece.startswith('"') and piece.endswith('"')


def _value(text: str) -> str:
    if not _is_enclosed(text):
        return text
    inner = text[1:-1]
    return inner.replace('""', '"') if re.fullmatch('(?:[^"]|"")*', inner) else inner


def _is_row(line: str, shape: Shape) -> bool:
    """Whether a single line looks like a row: the right number of fields, and a number or date in a column of that type."""
    fields = _strict(line, shape.delimiter)
    if not fields or len(fields) != len(shape.headers):
        fields = line.split(shape.delimiter)
    if len(fields) != len(shape.headers):
        return False
    kinds = {c.name: c.kind for c in shape.columns}
    typed = [(v.strip(' "'), _LOOKS[kinds[n]]) for v, n in zip(fields, shape.field_names, strict=True) if n and kinds.get(n, Kind.TEXT) in _LOOKS]
    return not typed or any(re.fullmatch(look, value) for value, look in typed if value)


_LOOKS = {Kind.DATE: r"[0-9].{3,}", Kind.INTEGER: r"[-+]?[0-9.,]+", Kind.AMOUNT: r"[-+]?[0-9., ]+", Kind.CURRENCY: "[A-Z]{3}"}


# Text without quotes


@dataclass(frozen=True)
class SetAside:
    """A row that was set aside, with its line and text."""

    line: int
    text: str


def pad_or_set_aside_rows(text_file: Path, shape: Shape) -> list[SetAside]:
    """Add blanks to rows that omit optional trailing fields, and set aside rows with too many tabs if the report allows it.

    A row set aside becomes a blank line. Other rows with a wrong number of fields stay and are refused later. The last line is padded only if it ends
    with a newline: otherwise it is cut.
    """
    expected, allowed, aside, rows = len(shape.headers), _optional_trailing_fields(shape), [], 0
    written = text_file.with_name("text.even")
    with text_file.open(encoding="utf-8", newline="") as source, written.open("w", encoding="utf-8", newline="") as target:
        for number, line in enumerate(source, 1):
            body = line.rstrip("\r\n")
            missing = expected - 1 - body.count(shape.delimiter) if not shape.quoted else 0
            rows += bool(body.strip())
            if body.strip() and 0 < missing <= allowed and body != line:
                body += shape.delimiter * missing
            elif missing < 0 and shape.spec.sets_aside and number > shape.header_line:
                aside.append(SetAside(number, body))
                body = ""
            target.write(body + line[len(line.rstrip("\r\n")) :])
    if len(aside) > MOST_SET_ASIDE or len(aside) * 2 >= rows:
        return []
    written.replace(text_file)
    return aside


def _optional_trailing_fields(shape: Shape) -> int:
    """The number of fields at the end of the header that a row may omit."""
    spec = shape.spec
    optional = {
        None,
        *(c.name for c in spec.columns if not (c.required or c.usual)),
        *(c.name for c in spec.columns[len(spec.columns) - spec.trailing_optional :]),
    }
    allowed = 0
    while allowed < spec.trailing_optional and shape.field_names[-1 - allowed] in optional:
        allowed += 1
    return allowed
