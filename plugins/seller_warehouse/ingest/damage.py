"""Decide whether text that is not valid UTF-8 is damaged UTF-8 or another charset.

In single-byte charsets, bytes beyond ASCII hardly ever form valid UTF-8: that takes an accented capital before a symbol, such as the É and ® of
CAFÉ®. In double-byte charsets, short words form it by chance. So only convincing runs count: runs of bytes beyond ASCII that are valid as a whole and
either have three bytes or more, or are a letter of a Western language. If there is at least one such run for every two invalid runs, the text is
UTF-8. Fewer are chance; the warning of the fall-back names the line of the first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from seller_warehouse.core.documents import Refusal

_RUN = re.compile(rb"[\x80-\xff]+")
_BEYOND_ASCII = bytes(range(128, 256))
_WESTERN_LEADS = b"\xc2\xc3\xc4\xc5"
"""The first bytes of U+0080 to U+017F; in a single-byte charset they are rare capitals."""


@dataclass(kw_only=True)
class Utf8:
    """How close bytes are to UTF-8: counts of runs, the line of the first convincing one, and the position of the first invalid byte."""

    convincing: int = 0
    broken: int = 0
    convincing_line: int = 0
    broken_line: int = 0
    broken_column: int = 0
    broken_byte: int = 0

    @property
    def is_damaged(self) -> bool:
        """Whether the text is UTF-8 except for some bytes."""
        return 0 < self.broken <= 2 * self.convincing

    def refusal(self) -> Refusal:
        """The refusal of damaged UTF-8, with the line and the column (in letters, from 1) of the first invalid byte."""
        what = f"column {self.broken_column}: the byte {self.broken_byte:02X} is not valid UTF-8, while letters elsewhere in the text are"
        more = f" ({self.broken} places are damaged)" if self.broken > 1 else ""
        return Refusal("charset", what + more, "download it again, or correct the letter there and save the file as UTF-8", self.broken_line)


def examine_utf8(pieces: Iterable[bytes]) -> Utf8:
    """Measure how close the bytes in ``pieces`` are to UTF-8."""
    found, line, column, rest = Utf8(), 1, 0, b""
    for piece in itertools.chain(pieces, [b""]):
        data = rest + piece
        # A run may continue in the next piece; the last piece is empty and ends it.
        whole = data.rstrip(_BEYOND_ASCII) if piece else data
        rest = data[len(whole) :]
        for run in _RUN.finditer(whole):
            _count(found, run, line, column)
        begins = whole.rfind(b"\n") + 1
        line += whole.count(b"\n")
        column = len(whole[begins:].decode("utf-8", "replace")) + (0 if begins else column)
    return found


def _count(found: Utf8, run: re.Match[bytes], line: int, column: int) -> None:
    """Count one run of a piece that begins on ``line`` after ``column`` letters."""
    at = _wrong_place(run[0])
    is_convincing = len(run[0]) > 2 or run[0][0] in _WESTERN_LEADS
    if at is not None:
        text = run[0].decode("utf-8", "replace")
        is_convincing = sum(letter > "\u07ff" for letter in text.replace("\ufffd", "")) >= 3 * text.count("\ufffd")
    begins = run.string.rfind(b"\n", 0, run.start()) + 1
    if is_convincing:
        found.convincing += 1
        found.convincing_line = found.convincing_line or line + run.string.count(b"\n", 0, run.start())
    if at is not None:
        found.broken += 1
        if not found.broken_line:
            before = run.string[begins : run.start() + at].decode("utf-8", "replace")
            found.broken_line = line + run.string.count(b"\n", 0, run.start())
            found.broken_column = len(before) + 1 + (0 if begins else column)
            found.broken_byte = run[0][at]


def _wrong_place(run: bytes) -> int | None:
    """The position of the first invalid byte; None if all are valid UTF-8."""
    try:
        run.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return None
