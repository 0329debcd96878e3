"""Tables as CSV that a spreadsheet may open: no text in them runs as a formula."""

from __future__ import annotations

import io

import pyarrow
import pyarrow.compute
from pyarrow import csv

FORMULA = "^[=+@\t\r-]"
"""How a text begins that a spreadsheet would run."""


def as_csv(table: pyarrow.Table) -> bytes:
    """The rows in UTF-8 with a header; a text that begins like a formula has a quote in front."""
    columns = [_as_text(c) if pyarrow.types.is_string(c.type) or pyarrow.types.is_large_string(c.type) else c for c in table.columns]
    written = io.BytesIO()
    csv.write_csv(pyarrow.table(columns, names=table.column_names), written)
    return written.getvalue()


def _as_text(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    quoted = pyarrow.compute.binary_join_element_wise("'", column, "")
    return pyarrow.compute.if_else(pyarrow.compute.match_substring_regex(column, FORMULA), quoted, column)
