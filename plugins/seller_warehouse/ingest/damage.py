"""Whether bytes that are not UTF-8 are UTF-8 all the same, with damage, and so no text of another charset.

In text of one byte a letter, letters beyond ASCII stand alone or in words, and hardly ever make valid UTF-8: that takes a capital with an
accent before a sign, such as the É and the ® of CAFÉ®. In text of two bytes a letter they make it in short words by chance. So what counts
are runs of bytes beyond ASCII that are valid as a whole and convincing: of three bytes or more, or a letter of Western languages. Where
there is one for every two runs that are not valid, the text is UTF-8; fewer are chance, and the warning of the fall-back names the first.
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
"""The first byte of U+0080 to U+017F; alone as a letter of a one-byte charset they are rare capitals."""


@dataclass(kw_only=True)
class Utf8:
    """How near bytes are to UTF-8: counts of runs, the first line with a convincing one, and where the first is that is not valid."""

    convincing: int = 0
    broken: int = 0
    convincing_line: int = 0
    broken_line: int = 0
    broken_column: int = 0
    broken_byte: int = 0

    @property
    def is_damaged(self) -> bool:
        """Whether the text is UTF-8 but for some bytes."""
        return 0 < self.broken <= 2 * self.convincing

    def refusal(self) -> Refusal:
        """The refusal of damaged UTF-8, with the line and the column (in letters, from 1) of the first byte that is wrong."""
        what = f"column {self.broken_column}: the byte {self.broken_byte:02X} is not valid UTF-8, while letters elsewhere in the text are"
        more = f" ({self.broken} places are damaged)" if self.broken > 1 else ""
        return Refusal("charset", what + more, "download it again, or correct the letter there and save the file as UTF-8", self.broken_line)


def examine_utf8(pieces: Iterable[bytes]) -> Utf8:
    """How near the bytes in ``pieces`` are to UTF-8."""
    found, line, column, rest = Utf8(), 1, 0, b""
    for piece in itertools.chain(pieces, [b""]):
        data = rest + piece
        # A run may go on in the next piece; the last piece is blank and ends it.
        whole = data.rstrip(_BEYOND_ASCII) if piece else data
        rest = data[len(whole) :]
        for run in _RUN.finditer(whole):
            _count(found, run, line, column)
        begins = whole.rfind(b"\n") + 1
        line += whole.count(b"\n")
        column = len(whole[begins:].decode("utf-8", "replace")) + (0 if begins else column)
    return found


def _count(found: Utf8, run: re.Match[bytes], line: int, column: int) -> None:
    """Count one run of a piece that begins at a line, after ``column`` letters of it."""
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
    """The place of the first byte that is not valid UTF-8; None where all are."""
    try:
        run.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return None
