"""Refuse a dropped file that would replace more than it plausibly covers.

People make mistakes with files: a filter on one SKU, a mistyped date, rows cut by a spreadsheet. Requested documents have a window and are judged by
``history`` only. ``inbox/<account>/replace/`` forces a file past this check.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from seller_warehouse.core.documents import Document, Refusal
from seller_warehouse.core.report_spec import ReplacementScope, ReportSpec
from seller_warehouse.core.sql import identifier, text_literal
from seller_warehouse.reports import SPECS

RULE = "covers_what_it_replaces"

REPLACE = "replace"
"""The inbox folder whose files replace everything they span, whatever is held."""

_FILTERED_BY = re.compile(r"(^|_)(sku|msku|fnsku|asin1?|order_id)$")
"""Columns that people filter a report by."""


@dataclass(frozen=True, kw_only=True)
class _Span:
    """The held rows and days in the scopes of a file, and how many of them the file would close.

    ``where`` is an SQL condition for the rows that the file would replace, ``what`` describes them.
    """

    rows: int
    closed_rows: int
    where: str
    what: str
    days: int = 0
    emptied_days: int = 0


def is_from_amazon(spec: ReportSpec) -> bool:
    """Whether the report is Amazon's; a file that sellers write themselves always replaces its keys."""
    return spec.amazon_type is not None or spec.replacement_scope is ReplacementScope.DATE


def replacement_refusal(connection: duckdb.DuckDBPyConnection, document: Document) -> Refusal | None:
    """The refusal of a dropped file that must not replace what is held, or None; ``history`` has staged it as ``incoming`` and ``versions``."""
    spec = SPECS[document.report]
    if document.source != "file" or document.replaces or not is_from_amazon(spec):
        return None
    span = _snapshot(connection, document) if spec.replacement_scope is ReplacementScope.SNAPSHOT else _span(connection, spec)
    what = _filters_to_one(connection, document, span) or _closes_most(span)
    if not what:
        return None
    remedy = (
        f"correct a mistyped date, or download the report whole; where it is right, drop it into inbox/{document.account_id}/{REPLACE}/, "
        "and it replaces what is held"
    )
    return Refusal(RULE, f"{_first_and_last_line(connection) if spec.replacement_scope is ReplacementScope.DATE else ''}{what}", remedy)


def _span(connection: duckdb.DuckDBPyConnection, spec: ReportSpec) -> _Span:
    rows, closed, days, emptied, first, last = connection.execute(
        """
        select coalesce(sum(held_count), 0)::bigint, coalesce(sum(missing_count), 0)::bigint,
            count(*) filter (held_count > 0), count(*) filter (guarded_count > 0 and row_count = 0), min(event_date), max(event_date)
        from versions
        """
    ).fetchall()[0]
    what = (
        f"held from {first} to {last}"
        if spec.replacement_scope is ReplacementScope.DATE
        else f"held of each {' and '.join(spec.column(k).header for k in spec.key)} it names"
    )
    # Include scopes that are kept because the file is too short: the next file with the same filter would confirm the short count.
    where = "_unit in (select unit from versions where is_held or not is_edge)"
    return _Span(rows=rows, closed_rows=closed, where=where, what=what, days=days, emptied_days=emptied)


def _snapshot(connection: duckdb.DuckDBPyConnection, document: Document) -> _Span:
    """Compare with the previous snapshot, since readers use the latest."""
    ((unit, held, rows),) = connection.execute(
        """
        with own as (select unit, row_count from versions)
        select arg_max(known.unit, known.unit), coalesce(arg_max(known.row_count, known.unit), 0), any_value(own.row_count)
        from own left join meta.coverage as known
            on known.account_id = ? and known.report = ? and known.was_applied and known.unit < own.unit
                and regexp_extract(known.unit, '^(.*[|])?') = regexp_extract(own.unit, '^(.*[|])?')
        """,
        [document.account_id, document.report],
    ).fetchall()
    where = f"_unit = {text_literal(unit or '')}"
    return _Span(rows=held, closed_rows=max(held - (rows or 0), 0), where=where, what="of the snapshot before it")


def _filters_to_one(connection: duckdb.DuckDBPyConnection, document: Document, span: _Span) -> str | None:
    spec = SPECS[document.report]
    for column in (c for c in spec.kept if _FILTERED_BY.search(c.name)):
        name = identifier(column.name)
        value, is_alone = connection.execute(
            f"select min({name}), min({name}) = max({name}) and count(*) = count(nullif({name}, '')) from incoming"
        ).fetchall()[0]
        if not is_alone:
            continue
        names, others, rows = connection.execute(
            f"select count(distinct nullif({name}, '')), count(*) filter ({name} is distinct from ?), count(*) from raw.{spec.name} "
            f"where account_id = ? and _valid_to is null and {span.where}",
            [value, document.account_id],
        ).fetchall()[0]
        if names > 1 and others:
            return f"every row has the {column.header} {value}, where {names} are {span.what}: {others} of {rows} rows would be closed"
    return None


def _closes_most(span: _Span) -> str | None:
    if span.closed_rows * 2 > span.rows:
        return f"{span.closed_rows} of {span.rows} rows {span.what} are not in it and would be closed"
    if span.emptied_days * 2 > span.days:
        return f"it has no row of {span.emptied_days} of {span.days} days that have rows, {span.what}, and would close them"
    return None


def _first_and_last_line(connection: duckdb.DuckDBPyConnection) -> str:
    """A message with the first and last day and their lines: one of them may be mistyped."""
    first, first_line, last, last_line = connection.execute(
        "select min(_event_date), arg_min(_line, (_event_date, _line)), max(_event_date), arg_max(_line, (_event_date, -_line)) from incoming"
    ).fetchall()[0]
    return f"line {first_line}: it begins on {first} and ends on {last} (line {last_line}); " if first_line else ""
