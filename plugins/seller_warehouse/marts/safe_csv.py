"""CSV that is safe to open in a spreadsheet: no text runs as a formula.

Text, even if empty, is always quoted; numbers, dates, times and booleans are not; an empty unquoted field is null.
"""

from __future__ import annotations

import io

import pyarrow
import pyarrow.compute
from pyarrow import csv

_BLANK = r"[\p{Z}\p{Cf}\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
"""Blanks and invisible characters."""

_SIGN = "[=+@\\-\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20]"
"""Characters that begin a formula, including the minus sign and the small and full-width forms."""

FORMULA_GUARDS = {rf"([;\t\r\n])({_SIGN})": r"\1'\2", rf"^({_BLANK}*{_SIGN}|[\t\r\n])": r"'\1"}
"""RE2 patterns (for DuckDB and Arrow) of text that a spreadsheet would run as a formula, with replacements that put a quote in front.

The first pattern matches after characters that may end a cell in a spreadsheet with another separator, the second at the beginning.
Source: https://owasp.org/www-community/attacks/CSV_Injection
"""


def as_csv(table: pyarrow.Table) -> bytes:
    """The rows in UTF-8 with a header; all text is guarded, including column names."""
    columns = [_guarded(c) if pyarrow.types.is_string(c.type) or pyarrow.types.is_large_string(c.type) else c for c in table.columns]
    written = io.BytesIO()
    csv.write_csv(pyarrow.table(columns, names=_guarded(pyarrow.array(table.column_names, pyarrow.string())).to_pylist()), written)
    return written.getvalue()


def _guarded(column: pyarrow.Array | pyarrow.ChunkedArray) -> pyarrow.Array | pyarrow.ChunkedArray:
    for pattern, replacement in FORMULA_GUARDS.items():
        column = pyarrow.compute.replace_substring_regex(column, pattern=pattern, replacement=replacement)
    return column
