"""Tables as CSV that a spreadsheet may open: no text in them runs as a formula.

Text always stands in quotes, also an empty one, and what does not is a number, a date, a time, true or false; nothing at all is null.
"""

from __future__ import annotations

import io

import pyarrow
import pyarrow.compute
from pyarrow import csv

_BLANK = r"[\p{Z}\p{Cf}\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
"""Blanks, and what cannot be seen."""

_SIGN = "[=+@\\-\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20]"
"""What begins a formula, the minus sign and the small and the wide forms of East Asian fonts too."""

FORMULA_GUARDS = {rf"([;\t\r\n])({_SIGN})": r"\1'\2", rf"^({_BLANK}*{_SIGN}|[\t\r\n])": r"'\1"}
"""Where a spreadsheet would run a text, as patterns of RE2 (DuckDB's and Arrow's), and what stands there instead: the same with a quote in front.

First after what a spreadsheet that does not separate by commas takes for the end of a cell, then at the begin.
Source: https://owasp.org/www-community/attacks/CSV_Injection
"""


def as_csv(table: pyarrow.Table) -> bytes:
    """The rows in UTF-8 with a header; every text is guarded, names of columns too."""
    columns = [_guarded(c) if pyarrow.types.is_string(c.type) or pyarrow.types.is_large_string(c.type) else c for c in table.columns]
    written = io.BytesIO()
    csv.write_csv(pyarrow.table(columns, names=_guarded(pyarrow.array(table.column_names, pyarrow.string())).to_pylist()), written)
    return written.getvalue()


def _guarded(column: pyarrow.Array | pyarrow.ChunkedArray) -> pyarrow.Array | pyarrow.ChunkedArray:
    for pattern, replacement in FORMULA_GUARDS.items():
        column = pyarrow.compute.replace_substring_regex(column, pattern=pattern, replacement=replacement)
    return column
