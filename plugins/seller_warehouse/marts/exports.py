"""Exports for finance, readable without a database: tables of a publication as CSV and Parquet, and a workbook.

No text in these files runs as a formula: in CSV, text that begins like a formula gets a leading quote; in the workbook, text is stored in cells of
format Text, so that it stays text after an edit.
The same publication gives the same bytes.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from seller_warehouse.core.sql import identifier, text_literal
from seller_warehouse.marts.safe_csv import FORMULA_GUARDS
from seller_warehouse.marts.sheet_xml import SheetRows

EXPORTED = (
    "fct_reimbursements", "fct_reimbursements_monthly", "fct_settlement_reconciliation", "fct_settlement_differences",
    "fct_order_defects", "fct_order_defect_rate_daily",
)  # fmt: skip
"""The finance and order defect tables that are exported as CSV and Parquet."""

WORKBOOK, TITLE = "finance.xlsx", "Seller Warehouse: finance"
SHEET_ROWS = 1_048_576
"""Excel's limit, including the header; further rows are written to a second sheet."""
ZIP64_ROWS = 500_000
"""A sheet with more rows may be larger than 2 GB unpacked."""
WIDTHS = {"VARCHAR": 22, "TIMESTAMP": 20}


@dataclass(frozen=True, kw_only=True)
class WorkbookSheet:
    """One query of the workbook; columns have the names of the marts."""

    name: str
    holds: str
    query: str


SHEETS = (
    WorkbookSheet(
        name="Monthly by reason",
        holds="Cash by account, month, currency and reason: net is gross and reversed (negative) together. The reporting currency where one is set; "
        "blank where a rate is missing.",
        query="""
            select account_id, month, currency_code, attributed_reason_category, cast(sum(gross_cash_amount) as decimal(18, 4)) as gross_cash_amount,
                cast(sum(reversed_cash_amount) as decimal(18, 4)) as reversed_cash_amount,
                cast(sum(net_cash_amount) as decimal(18, 4)) as net_cash_amount,
                cast(sum(cash_units) as integer) as cash_units, cast(sum(inventory_units) as integer) as inventory_units, reporting_currency_code,
                case when count(*) = count(net_cash_amount_reporting) then cast(sum(net_cash_amount_reporting) as decimal(18, 4)) end
                    as net_cash_amount_reporting
            from published.marts.fct_reimbursements_monthly group by all
        """,
    ),
    WorkbookSheet(
        name="Settlements",
        holds="Reimbursements by the month of their approval against settlement lines by the month of posting; unexplained amounts are missing on "
        "one side, amounts not held may be in a settlement that is not loaded.",
        query="select * from published.marts.fct_settlement_reconciliation",
    ),
    WorkbookSheet(
        name="Differences",
        holds="The lines behind the unexplained amounts of Settlements: reported and posted nowhere, or posted and in no report.",
        query="select * from published.marts.fct_settlement_differences",
    ),
    WorkbookSheet(
        name="Reimbursements",
        holds="Every line that Amazon reported; a reversal is a line of its own, negative.",
        query="select * from published.marts.fct_reimbursements",
    ),
    WorkbookSheet(
        name="Order defect rate",
        holds="The rate of each marketplace and channel by day; a ratio, so 0.01 is 1 %.",
        query="select * from published.marts.fct_order_defect_rate_daily",
    ),
)  # fmt: skip

COVER = (
    "select publication_id, published_at, as_of_date, as_known_at, code_version from published.meta.publication",
    """
        select account_id, report, data_through_date, last_retrieved_at, is_complete from published.meta.freshness
        where report in ('reimbursements', 'settlements', 'orders', 'order_defects', 'seller_feedback') order by account_id, report
    """,
)
"""Queries of the cover: the publication, and how far the data of its reports goes."""

NOTES = (
    "Amounts are in the currency beside them; never add two currencies.",
    "A workbook stores numbers of 15 digits: amounts below 100 billion are exact to the fourth decimal.",
    "_units count items, _count orders. A month is its first day. Days are as Amazon dates them, _at is UTC.",
    "A sheet with more rows than Excel can hold continues in the next one, numbered.",
)


def export(database: Path, folder: Path) -> None:
    """Write the tables and the workbook of the publication in the file ``database`` to ``folder``, both at once."""
    with ThreadPoolExecutor() as pool:
        parts = [pool.submit(_export, database, write) for write in (partial(_write_tables, folder), partial(write_workbook, path=folder / WORKBOOK))]
        for part in parts:
            part.result()


def _export(database: Path, write: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
    # Its own threads would compete with the other part's.
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"attach {text_literal(str(database))} as published (read_only)")
        write(connection)


def _write_tables(folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    for table in EXPORTED:
        _write_table(connection, table, folder)


def _ordered(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """A temporary table with the sorted rows of ``query``, created once and named after the query; returns its quoted name."""
    connection.execute(f"create temp table if not exists {identifier(query)} as from ({query}) order by all")
    return identifier(query)


def _write_table(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    ordered = _ordered(connection, f"select * from published.marts.{table}")
    texts = [identifier(name) for name, data_type in _columns(connection, ordered) if data_type == "VARCHAR"]
    guarded = ", ".join(f"{_guarded(name)} as {name}" for name in texts)
    as_csv = f"format csv, header, force_quote ({', '.join(texts)})"
    for form, select, options in (("csv", f"select * replace ({guarded}) from {ordered}", as_csv), ("parquet", f"from {ordered}", "format parquet")):
        connection.execute(f"copy ({select}) to {text_literal(str(folder / f'{table}.{form}'))} ({options})")


def _guarded(column: str) -> str:
    guarded = reduce(
        lambda sql, guard: f"regexp_replace({sql}, {text_literal(guard[0])}, {text_literal(guard[1])}, 'g')", FORMULA_GUARDS.items(), column
    )
    return f"case when regexp_matches({column}, {text_literal('|'.join(FORMULA_GUARDS))}) then {guarded} else {column} end"


def write_workbook(connection: duckdb.DuckDBPyConnection, path: Path, sheet_rows: int = SHEET_ROWS) -> None:
    """Write the workbook of the publication attached as ``published``; ``sheet_rows`` is the limit of a sheet, including the header.

    xlsxwriter writes everything except the rows of the sheets; DuckDB writes those (``sheet_xml``).
    """
    [(publication_id, published_at)] = connection.execute("select publication_id, published_at from published.meta.publication").fetchall()
    made = BytesIO()
    rows: dict[str, SheetRows] = {}
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        book.set_properties({"title": TITLE, "comments": f"publication {publication_id}", "created": published_at})
        writer = _Writer(book)
        _write_cover(connection, book, writer, sheet_rows)
        for sheet in SHEETS:
            for title, held in _parts(connection, sheet, sheet_rows).items():
                _write_sheet(book, writer, title, held)
                rows[f"xl/worksheets/sheet{len(book.worksheets())}.xml"] = held
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name in source.namelist():
            part, content = rows.get(name), source.read(name)
            with target.open(name, "w", force_zip64=part is not None and part.count > ZIP64_ROWS) as stream:
                for piece in part.replace_sample(connection, content) if part and part.count else [content]:
                    stream.write(piece)


def _parts(connection: duckdb.DuckDBPyConnection, sheet: WorkbookSheet, sheet_rows: int) -> dict[str, SheetRows]:
    """The rows of each sheet of one query, by the name of the sheet."""
    table, held = _ordered(connection, sheet.query), sheet_rows - 1
    count = _count(connection, table)
    return {
        f"{sheet.name} {page + 1}" if page else sheet.name: SheetRows(
            table=table, columns=_columns(connection, table), first=page * held, count=min(held, count - page * held)
        )
        for page in range(max(1, math.ceil(count / held)))
    }


class _Writer:
    """Writes cells by the type of their column, so that text never becomes a number, a link or a formula."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.bold = book.add_format({"bold": True})
        self._formats = {
            "DATE": book.add_format({"num_format": "yyyy-mm-dd"}), "TIMESTAMP": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            "INTEGER": book.add_format({"num_format": "0"}), "DECIMAL(18,4)": book.add_format({"num_format": "#,##0.00##"}),
            "DECIMAL(9,6)": book.add_format({"num_format": "0.000000"}), "VARCHAR": book.add_format({"num_format": "@"}), "BOOLEAN": None,
        }  # fmt: skip

    def table(self, page: Worksheet, top: int, columns: list[tuple[str, str]], rows: Iterable[tuple[Any, ...]]) -> int:
        """Write a header and rows from row ``top`` on; ``columns``: names and types. Returns the last row."""
        self.header(page, top, columns)
        last = top
        for last, values in enumerate(rows, start=top + 1):
            for place, ((_, data_type), value) in enumerate(zip(columns, values, strict=True)):
                self._cell(page, last, place, data_type, value)
        return last

    def header(self, page: Worksheet, row: int, columns: list[tuple[str, str]]) -> None:
        """Write the names of the columns."""
        for place, (name, _) in enumerate(columns):
            page.write_string(row, place, name, self.bold)

    def sample(self, page: Worksheet, row: int, columns: list[tuple[str, str]]) -> None:
        """Write a 0 in the format of each column, for ``SheetRows.replace_sample``."""
        for place, (_, data_type) in enumerate(columns):
            page.write_number(row, place, 0, self._formats[data_type])

    def _cell(self, page: Worksheet, row: int, column: int, data_type: str, value: Any) -> None:
        """Write one cell; a null stays empty."""
        if value is None:
            return
        if data_type == "VARCHAR":
            page.write_string(row, column, value, self._formats[data_type])
        elif data_type == "BOOLEAN":
            page.write_boolean(row, column, value)
        else:
            write: Callable[..., Any] = page.write_datetime if data_type in ("DATE", "TIMESTAMP") else page.write_number
            write(row, column, value, self._formats[data_type])


def _write_sheet(book: xlsxwriter.Workbook, writer: _Writer, name: str, rows: SheetRows) -> None:
    """Write a sheet with its header, and a sample in place of its last row."""
    page = book.add_worksheet(name)
    page.freeze_panes(1, 0)
    for place, (column, data_type) in enumerate(rows.columns):
        page.set_column(place, place, max(WIDTHS.get(data_type, 12), len(column) + 3))
    writer.header(page, 0, rows.columns)
    if rows.count:
        writer.sample(page, rows.count, rows.columns)
    page.autofilter(0, 0, rows.count, len(rows.columns) - 1)


def _write_cover(connection: duckdb.DuckDBPyConnection, book: xlsxwriter.Workbook, writer: _Writer, sheet_rows: int) -> None:
    """Write the cover: the publication, the freshness of its data, and the content of the other sheets."""
    page = book.add_worksheet("Cover")
    page.set_column(0, 5, 24)
    page.write_string(0, 0, TITLE, writer.bold)
    last = 0
    for query in COVER:
        found = connection.execute(query)
        last = writer.table(page, last + 2, _described(found), found.fetchall())
    held = [(", ".join(_parts(connection, s, sheet_rows)), _count(connection, _ordered(connection, s.query)), s.holds) for s in SHEETS]
    last = writer.table(page, last + 2, [("sheet", "VARCHAR"), ("rows", "INTEGER"), ("holds", "VARCHAR")], held)
    for row, note in enumerate(NOTES, start=last + 2):
        page.write_string(row, 0, note)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return connection.execute(f"select count(*) from {table}").fetchall()[0][0]


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    return _described(connection.execute(f"select * from {table} limit 0"))


def _described(found: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return [(name, str(data_type)) for name, data_type, *_ in found.description or ()]
