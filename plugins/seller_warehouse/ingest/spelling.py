"""Detect the spelling of a document's values: date formats, decimal mark, and the days it covers.

Values and settings decide. If they do not, the result is marked as uncertain and the gate judges.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pyarrow as pa

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Document
from seller_warehouse.core.report_spec import ISO, LOCAL, Column, Kind, ReplacementScope, ReportSpec
from seller_warehouse.core.sql import identifier
from seller_warehouse.ingest.formats import GROUP_BLANKS, broken_agreement_sql, date_sql, last_year
from seller_warehouse.reports import SPECS

ROWS = "parsed_rows"
"""The document's rows in SQL."""


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """The format of each date column, the decimal mark and whether it is certain, the window, and a warning about the order of day and month."""

    date_formats: dict[str, str]
    decimal_mark: str
    decimal_mark_is_certain: bool
    window: tuple[date, date] | None
    day_order: str


def detect_spelling(
    table: pa.Table, document: Document, account: Account, *, from_sheet: bool, numbers: frozenset[str], connection: duckdb.DuckDBPyConnection
) -> Spelling:
    """The spelling of a document's rows; ``from_sheet``: they come from a workbook, where ``numbers`` are the columns with numeric cells."""
    spec = SPECS[document.report]
    columns = [c for c in spec.kept if c.name in table.column_names]
    dates, amounts = ([c for c in columns if c.kind is kind] for kind in (Kind.DATE, Kind.AMOUNT))
    connection.register(ROWS, table)
    try:
        others = (ISO,) if from_sheet else ()
        formats, note = _date_formats(connection, spec, document, dates, account.in_marketplace(document.marketplace_id), others)
        # Numbers from a sheet have a decimal point, whatever the account uses.
        mark, certain = (".", True) if numbers & {c.name for c in amounts} else _decimal_mark(connection, amounts, account)
        window = _window(connection, spec, document, formats)
    finally:
        connection.unregister(ROWS)
    return Spelling(date_formats=formats, decimal_mark=mark, decimal_mark_is_certain=certain, window=window, day_order=note)


def _date_formats(
    connection: duckdb.DuckDBPyConnection, spec: ReportSpec, document: Document, columns: list[Column], account: Account,
    others: tuple[str, ...] = (),
) -> tuple[dict[str, str], str]:  # fmt: skip
    """The format of each column and a warning, or blank. The format that fits most values is used; of several, the one by which most dates agree.

    Columns of one style, and those in the account's local format, share one format, so ``03/04/2026`` beside ``25/04/2026`` is a day in April. If
    nothing decides, the first format is used.
    """
    styles: dict[str, list[Column]] = {}
    latest = last_year(document.retrieved_at)
    for c in columns:
        styles.setdefault(c.style or (LOCAL if LOCAL in c.formats else c.name), []).append(c)
    fitting: dict[str, list[str]] = {}
    for style, of in [*styles.items()]:
        formats, failed = _fitting_formats(connection, of, account.date_formats((*of[0].formats, *others)), latest)
        if failed and of[0].style:
            # The columns do not share a format after all: choose one for each.
            del styles[style]
            for c in of:
                styles[c.name] = [c]
                fitting[c.name], _ = _fitting_formats(connection, [c], account.date_formats((*c.formats, *others)), latest)
        else:
            fitting[style] = formats
    choices = [
        {c.name: chosen for style, chosen in zip(fitting, formats, strict=True) for c in styles[style]}
        for formats in itertools.product(*fitting.values())
    ]
    if len(choices) == 1:
        return choices[0], ""
    rows_broken = [_rows_broken(connection, spec, document, choice) for choice in choices]
    best = [choice for choice, rows in zip(choices, rows_broken, strict=True) if rows == min(rows_broken)]
    undecided = [c for c in styles.get(LOCAL, ()) if len({choice[c.name] for choice in best}) > 1]
    if not undecided:
        return best[0], ""
    in_words = " or ".join(dict.fromkeys(choice[undecided[0].name] for choice in best))
    return best[0], f"{undecided[0].header} may be written as {in_words} and nothing in the file decides; it was read as the first"


def _fitting_formats(connection: duckdb.DuckDBPyConnection, columns: list[Column], candidates: tuple[str, ...], latest: int) -> tuple[list[str], int]:
    """The formats that fit most values of the columns, one of each group with the same readings; and the number of values that do not fit."""
    if len(candidates) == 1:
        return list(candidates), 0
    names = [identifier(c.name) for c in columns]
    days, facts = [], []
    for number, date_format in enumerate(candidates):
        read = [f"day_{number}_{column}" for column in range(len(names))]
        days += [f"{date_sql(name, date_format, latest)} as {day}" for name, day in zip(names, read, strict=True)]
        failing = (f"coalesce(sum(_copies) filter ({name} <> '' and {day} is null), 0)::bigint" for name, day in zip(names, read, strict=True))
        facts.append(" + ".join(failing))
        # Not DuckDB's hash() of several values: it combines their hashes by exclusive or, so equal days would cancel out.
        days_in_words = (f"coalesce({day}::varchar, chr(0))" for day in read)
        facts.append(f"bit_xor(md5_number(concat_ws('|', _line, {', '.join((*names, *days_in_words))})))")
    # Compute each day once, and once for rows with equal values: these expressions take most of the time.
    values = f"select {', '.join(names)}, min(_line) as _line, count(*) as _copies from {ROWS} group by all"
    rows = f"select *, {', '.join(days)} from ({values})"
    found = connection.execute(f"select {', '.join(facts)} from ({rows})").fetchone() or ()
    failures, readings = found[::2], found[1::2]
    fitting: dict[int, str] = {}
    for date_format, failed, reading in zip(candidates, failures, readings, strict=True):
        if failed == min(failures):
            fitting.setdefault(reading, date_format)
    return list(fitting.values()), min(failures)


def _rows_broken(connection: duckdb.DuckDBPyConnection, spec: ReportSpec, document: Document, formats: dict[str, str]) -> int:
    """The number of rows that break an agreement of the report's dates, or lie in the future or outside the requested days."""
    latest = last_year(document.retrieved_at)
    days = {name: f"({date_sql(identifier(name), date_format, latest)})" for name, date_format in formats.items()}
    broken = [broken_agreement_sql(a, days, spec.key) for a in spec.agreements if {*a.columns, *a.of_key} <= formats.keys()]
    if spec.event_date in formats:
        day, grace = days[spec.event_date], timedelta(days=1)
        broken.append(f"{day} > date '{document.retrieved_at.date() + grace}'")
        if document.window_start and document.window_end:
            broken.append(f"{day} not between date '{document.window_start - grace}' and date '{document.window_end + grace}'")
    counted = " + ".join(f"count(*) filter (b{i})" for i in range(len(broken)))
    rules = ", ".join(f"({b}) as b{i}" for i, b in enumerate(broken))
    if not broken:
        return 0
    found = connection.execute(f"select {counted} from (select {rules} from {ROWS})").fetchone()
    return found[0] if found else 0


def _decimal_mark(connection: duckdb.DuckDBPyConnection, columns: list[Column], account: Account) -> tuple[str, bool]:
    """The decimal mark of the document, and whether its values or the settings prove it."""
    if not columns or not account.writes_decimal_comma:
        return ".", True
    names = [identifier(c.name) for c in columns]
    comma = " or ".join(f"regexp_matches({n}, ',[0-9]{{1,2}}$|[0-9][{GROUP_BLANKS}][0-9]')" for n in names)
    point = " or ".join(f"regexp_matches({n}, '\\.[0-9]{{1,2}}$')" for n in names)
    found = connection.execute(f"select coalesce(bool_or({comma}), false), coalesce(bool_or({point}), false) from {ROWS}").fetchone()
    assert found
    if any(found):
        return ("," if found[0] else "."), True
    return ("," if account.decimal_comma else "."), account.decimal_comma is not None


def _window(connection: duckdb.DuckDBPyConnection, spec: ReportSpec, document: Document, formats: dict[str, str]) -> tuple[date, date] | None:
    if document.window_start and document.window_end:
        return document.window_start, document.window_end
    if spec.replacement_scope is not ReplacementScope.DATE or not spec.event_date or spec.event_date not in formats:
        return None
    day = date_sql(identifier(spec.event_date), formats[spec.event_date], last_year(document.retrieved_at))
    written = identifier(spec.event_date)
    found = connection.execute(f"select min({day}), max({day}) from (select distinct {written} from {ROWS})").fetchone()
    return (found[0], found[1]) if found and found[0] else None
