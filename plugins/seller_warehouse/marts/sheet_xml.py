"""The rows of a workbook's sheet, put together by DuckDB: a library that writes cell by cell in Python takes ten times as long.

A cell is written as ECMA-376 part 1 §18.3.1.4 has it: a text as an inline string, which no spreadsheet runs, a number with the digits that it
has in its mart, a day as the days since 1899-12-30.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import duckdb
from xlsxwriter.utility import xl_col_to_name

from seller_warehouse.core.sql import identifier, text_literal

CELL_LETTERS = 32_767
"""Excel's limit for a text; a longer one is cut."""
FETCHED_ROWS = 5_000
_VALUES = {
    "VARCHAR": "sheet_text({0})", "BOOLEAN": "cast({0} as integer)", "DATE": "{0} - date '1899-12-30'",
    "TIMESTAMP": "(epoch_us({0}) - epoch_us(timestamp '1899-12-30')) / 86400000000",
}  # fmt: skip
_KINDS = {"VARCHAR": ('t="inlineStr"', "is"), "BOOLEAN": ('t="b"', "v")}
_CONTROL = [chr(code) for code in (*range(1, 9), *range(11, 32), 0xFFFE, 0xFFFF)]
_UNUSUAL = r"[&<>\x01-\x08\x0b-\x1f\x{fffe}\x{ffff}]|^\s|\s$|_x[0-9A-Fa-f]{4}_"


@dataclass(frozen=True, kw_only=True)
class SheetRows:
    """The rows ``first`` (from 0) to ``first + count - 1`` of the table ``table``, below the header of one sheet.

    ``columns``: names and types, in the order of the sheet. All rows of the table are in it, in the order in which they were inserted.
    """

    table: str
    columns: list[tuple[str, str]]
    first: int
    count: int

    def replace_sample(self, connection: duckdb.DuckDBPyConnection, sheet: bytes) -> Iterator[bytes]:
        """The sheet's XML with these rows in the place of the sample.

        The sample is the last of the rows, in the sheet's place for it, with a 0 in every cell: it shows how the sheet formats each column.
        """
        before, sample, after = re.split(rb'(<row r="%d".*?</row>)' % (self.count + 1), sheet, maxsplit=1)
        styles = [style.decode() for style in re.findall(rb'<c r="[A-Z]+\d+"( s="\d+")?><v>0</v></c>', sample)]
        yield before
        _create_text_macro(connection)
        cells = (self._cell(place, style) for place, style in enumerate(styles))
        row = f"cast(rowid - {self.first} + 2 as varchar)"
        found = connection.execute(
            f"with numbered as (select {row} as _row, * from {self.table} where rowid between {self.first} and {self.first + self.count - 1}) "
            f"select concat('<row r=\"', _row, '\">', {', '.join(cells)}, '</row>') from numbered"
        )
        for batch in found.to_arrow_reader(FETCHED_ROWS):
            # The texts of a batch lie one behind the other; as Python's strings they would take as long as DuckDB takes to make them.
            offsets, texts = batch.column(0).buffers()[1:]
            yield memoryview(texts)[: memoryview(offsets).cast("i")[batch.num_rows]]
        yield after

    def _cell(self, place: int, style: str) -> str:
        """SQL of the cell of one column; a null has none."""
        name, data_type = self.columns[place]
        kind, element = _KINDS.get(data_type, ("", "v"))
        value = _VALUES.get(data_type, "{0}").format(identifier(name))
        start, end = f'<c r="{xl_col_to_name(place)}', f'"{style} {kind}><{element}>'
        return f"case when {identifier(name)} is not null then concat('{start}', _row, '{end}', {value}, '</{element}></c>') end"


def _create_text_macro(connection: duckdb.DuckDBPyConnection) -> None:
    """Define ``sheet_text``: the XML of a text, with what XML cannot hold written as Excel writes it (_x000D_, ECMA-376 part 1 §22.4.2.4)."""
    escaped = f"regexp_replace(left(t, {CELL_LETTERS}), '(_x[0-9A-Fa-f]{{4}}_)', '_x005F\\1', 'g')"
    replaced = {letter: f"_x{ord(letter):04X}_" for letter in _CONTROL} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    escaped = reduce(lambda sql, pair: f"replace({sql}, {text_literal(pair[0])}, '{pair[1]}')", replaced.items(), escaped)
    connection.execute(
        f"create or replace temp macro sheet_text(t) as case when strlen(t) > {CELL_LETTERS} or regexp_matches(t, {text_literal(_UNUSUAL)}) "
        f"then concat('<t xml:space=\"preserve\">', {escaped}, '</t>') else concat('<t>', t, '</t>') end"
    )
