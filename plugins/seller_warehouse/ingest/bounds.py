"""Size limits for the parts of a text. A larger text is refused before it is split or parsed, so that no file can exhaust memory."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from seller_warehouse.core.documents import Refusal

MAX_COLUMNS = 300
"""The widest report, all orders with every column of every marketplace, has 91."""

MAX_HEADER_LETTERS = 500
"""The longest known header has 51 letters."""

MAX_FIELD_LETTERS = 32_767
"""Excel's limit for a cell. The longest field of a report is a listing's description, 2,000 letters."""

MAX_LINE_BYTES = 512 * 1024
"""The CSV reader reads blocks of 1 MiB, and a row must fit into one. Rows of real reports have a few thousand bytes."""

MAX_JSON_BYTES = 4 * 1024**2
"""The seller performance report has some 1,500 bytes for each of 23 marketplaces."""

MAX_JSON_DEPTH = 32
"""The seller performance report is nested 6 deep. Python's parser fails at about 1,000."""

_AGAIN = "download the report again; if it was edited, undo the edit"
# An unclosed string matches to the end: searching for the next quote in it would take quadratic time.
_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def joined_json(pieces: Iterable[bytes]) -> bytes:
    """The bytes of a JSON; raises Refusal above MAX_JSON_BYTES."""
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > MAX_JSON_BYTES:
            raise Refusal("json_too_large", f"the JSON has more than {MAX_JSON_BYTES:,} bytes, which no report has", "ask for the report again", 1)
    return bytes(content)


def refuse_deep_json(content: bytes) -> None:
    """Raise Refusal if a JSON in UTF-8 is nested more than MAX_JSON_DEPTH deep; brackets inside strings do not count."""
    depth = 0
    for found in _BRACKET.finditer(content):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(found[0], 0)
        if depth > MAX_JSON_DEPTH:
            line = content.count(b"\n", 0, found.start()) + 1
            what = f"the JSON is nested more than {MAX_JSON_DEPTH} deep, as no report is"
            raise Refusal("json_too_deep", what, "ask for the report again", line)


def refuse_wide_header(headers: tuple[str, ...], line: int) -> None:
    """Raise Refusal for more than MAX_COLUMNS columns, or a header of more than MAX_HEADER_LETTERS letters."""
    if len(headers) > MAX_COLUMNS:
        what = f"the header has {len(headers):,} columns, and a report has at most {MAX_COLUMNS}"
        raise Refusal("too_many_columns", what, "remove the columns that are not Amazon's, or download the report again", line)
    longest = max(headers, key=len)
    if len(headers) > 1 and len(longest) > MAX_HEADER_LETTERS:
        what = f"a header has {len(longest):,} letters, more than {MAX_HEADER_LETTERS} (it begins {longest[:40]!r})"
        raise Refusal("header_too_long", what, _AGAIN, line)


def refuse_long_lines(text_file: Path) -> None:
    """Raise Refusal for a line of more than MAX_LINE_BYTES; the file must not be empty."""
    with text_file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        begins = 0
        while len(content) - begins > MAX_LINE_BYTES:
            reach = begins + MAX_LINE_BYTES
            ends = max(content.rfind(mark, begins, reach) for mark in (b"\n", b"\r"))
            if ends < 0:
                line = sum(1 for _ in re.finditer(rb"\r\n|\r|\n", content[:begins])) + 1
                what = f"the line has more than {MAX_LINE_BYTES:,} bytes, as no row of a report has"
                raise Refusal("line_too_long", what, _AGAIN, line)
            begins = ends + 1


def refuse_long_fields(table: pa.Table, headers: tuple[str, ...], lines: Iterable[int]) -> None:
    """Raise Refusal for a value of more than MAX_FIELD_LETTERS; ``headers`` of the columns in order, ``lines`` on which the rows begin."""
    for header, values in zip(headers, table.columns, strict=True):
        if (pc.max(pc.binary_length(values)).as_py() or 0) <= MAX_FIELD_LETTERS:
            continue
        for line, letters in zip(lines, pc.utf8_length(values).to_pylist(), strict=True):
            if letters > MAX_FIELD_LETTERS:
                what = f"{header or '(blank)'} has {letters:,} letters, more than the {MAX_FIELD_LETTERS:,} that a cell can hold"
                raise Refusal("field_too_long", what, "shorten the value, or download the report again", line)
