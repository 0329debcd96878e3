"""The five blocks of every suite: columns, key, code lists, dates, volume.

A rule of severity ``critical`` refuses the document; a ``warning`` is stored and shown. Every rule has a name, which ``meta.gate_results`` shows, and
a remedy. A rule about rows reports the rows it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

import pycountry
from great_expectations import ExpectationSuite
from great_expectations.expectations import Expectation, UnexpectedRowsExpectation

from seller_warehouse.core.report_spec import Column, Kind, ReplacementScope, ReportSpec
from seller_warehouse.core.sql import identifier, text_literal
from seller_warehouse.ingest.formats import FIRST_YEAR, ambiguous_amount_sql, broken_agreement_sql, damaged_id_sql, number_sql
from seller_warehouse.ingest.gate import SHOWN_ROWS, GateContext, day_column

CURRENCY_CODES = frozenset(c.alpha_3 for c in pycountry.currencies)

Severity = Literal["critical", "warning"]


def suite(spec: ReportSpec, context: GateContext, extra: Iterable[Expectation] = ()) -> ExpectationSuite:
    """The suite of a report: the five blocks, then the report's own rules in ``extra``."""
    rules = [*columns(spec, context), *key(spec, context), *codes(spec, context), *dates(spec, context), *agreements(spec, context)]
    rules += [*volume(spec, context), *extra]
    return ExpectationSuite(name=spec.name, expectations=rules)


def row_rule(
    rule: str,
    condition: str,
    show: Iterable[str],
    what: str,
    remedy: str,
    severity: Severity = "critical",
    lookup: str = "{batch}",
) -> UnexpectedRowsExpectation:
    """A rule about rows: those for which the SQL ``condition`` holds break it and are reported with the columns ``show``.

    ``lookup`` replaces the searched table, to check groups of rows. It must have the columns in ``show``, ``_line`` and ``_document``, since several
    documents are validated together.
    """
    fields = ", ".join(f"{identifier(c)}: {identifier(c)}" for c in ("_line", *show))
    query = (
        f"select _document, count(*) as _failed, arg_min({{{fields}}}, _line, {SHOWN_ROWS}) as _rows "
        f"from {lookup} where {condition} group by _document"
    )
    return _rule(rule, query, what, remedy, severity)


def document_rule(rule: str, condition: str, what: str, remedy: str, severity: Severity = "critical") -> UnexpectedRowsExpectation:
    """A rule about a document as a whole: ``condition`` may read the columns of the gate's table ``documents``, and ``row_count``."""
    counted = "(select _document, count(*) as row_count from {batch} group by _document)"
    query = f"select _document, 1 as _failed, [] as _rows from documents left join {counted} as counted using (_document) where {condition}"
    return _rule(rule, query, what, remedy, severity)


def _rule(rule: str, query: str, what: str, remedy: str, severity: Severity) -> UnexpectedRowsExpectation:
    escaped = query.replace("{batch}", "\0").replace("{", "{{").replace("}", "}}").replace("\0", "{batch}")
    return UnexpectedRowsExpectation(
        unexpected_rows_query=escaped, description=what, severity=severity, meta={"rule": rule, "what": what, "remedy": remedy}
    )


def with_copies(*names: str) -> str:
    """The rows, with ``copies``: how many rows of the document have the same values in these columns."""
    return f"(select *, count(*) over (partition by _document, {', '.join(map(identifier, names))}) as copies from {{batch}})"


def columns(spec: ReportSpec, context: GateContext) -> list[Expectation]:
    """Required columns are present, no row is a copy of the header, and every value has its column's type."""
    present = [c for c in spec.kept if c.name in context.columns]
    required = {c.name for c in spec.kept if c.required}
    missing = sorted(required - context.columns)
    rules: list[Expectation] = [
        document_rule(
            "required_columns",
            f"not list_has_all(_columns, [{literals(required)}])",
            "a required column is missing" + (f": {', '.join(missing)}" if missing else ""),
            "download the whole report, with every column",
        )
    ]
    copies = [f"({_repeats_header(c)})::integer" for c in present]
    rules.append(
        row_rule(
            "header_repeated",
            f"{' + '.join(copies)} >= 2",
            [present[0].name, present[1].name],
            "the row repeats the names of the columns instead of holding data",
            "this is a placeholder file; download the real report",
        )
    )
    for c in present:
        name = identifier(c.name)
        if c.kind in (Kind.INTEGER, Kind.AMOUNT):
            valid = number_sql(c, context.decimal_mark)
            what = f"{c.header} is no {c.kind}"
            if c.kind is Kind.INTEGER:
                what += " of at most 9 digits"
            elif context.decimal_mark == ".":
                what += " (decimal point)"
            else:
                what += " (decimal comma)"
            rules.append(row_rule(f"{c.name}_is_{c.kind.replace(' ', '_')}", f"{name} <> '' and not {valid}", [c.name], what, _NUMBER_REMEDY))
        if c.kind is Kind.AMOUNT and not context.decimal_mark_is_certain:
            rules.append(
                row_rule(
                    f"{c.name}_is_unambiguous",
                    f"({ambiguous_amount_sql(name, ',')} or {ambiguous_amount_sql(name, '.')})",
                    [c.name],
                    f"{c.header} may be thousands or decimals",
                    "set decimal_comma to true or false for the account in accounts.yaml",
                )
            )
        if c.kind is Kind.CURRENCY:
            rules.append(
                row_rule(
                    f"{c.name}_exists",
                    f"{name} <> '' and {name} not in ({literals(CURRENCY_CODES)})",
                    [c.name],
                    f"{c.header} is no ISO 4217 currency",
                    "correct the code, or download the report again",
                )
            )
    return rules


_NUMBER_REMEDY = "correct the value, or say how the account writes numbers (decimal_comma in accounts.yaml)"


def key(spec: ReportSpec, context: GateContext) -> list[Expectation]:
    """Columns that identify a row or place it in time are filled."""
    filled = [c for c in spec.kept if c.filled and c.name in context.columns]
    ids = [c for c in spec.kept if c.holds_ids and c.name in context.columns]
    whole_ids = [_ids_are_whole(ids)] if ids else []
    return (
        whole_ids
        + [
            row_rule(
                f"{c.name}_is_filled",
                f"coalesce({identifier(c.name)}, '') = ''",
                [c.name, *[o.name for o in filled if o is not c][:2]],
                f"{c.header} is blank",
                "download the report again; if it was edited, fill the cell",
            )
            for c in filled
        ]
        + [
            row_rule(
                f"{c.name}_is_usually_filled",
                f"coalesce({identifier(c.name)}, '') = ''",
                [c.name, *[o.name for o in filled][:2]],
                f"{c.header} is blank, where Amazon usually fills it",
                "nothing to do; no number of a mart needs it",
                "warning",
            )
            for c in spec.kept
            if c.usually_filled and c.name in context.columns
        ]
    )


def _ids_are_whole(ids: list[Column]) -> Expectation:
    """No id has been shortened; a row that fails shows only its damaged ids."""
    shown = ", ".join(f"case when {damaged_id_sql(c)} then '{c.name}=''' || {identifier(c.name)} || '''' end" for c in ids)
    return row_rule(
        "ids_are_whole",
        "damaged_id <> ''",
        ["damaged_id"],
        "a spreadsheet has shortened an id, such as 8.11E+09 or 8,11E+09",
        "drop the report as Amazon sends it, unopened; in a file of your own make the column text and enter the ids again",
        lookup=f"(select _document, _line, concat_ws(', ', {shown}) as damaged_id from {{batch}})",
    )


def codes(spec: ReportSpec, context: GateContext) -> list[Expectation]:
    """Codes are known; a new code loads with a warning (Amazon adds values without notice)."""
    return [
        row_rule(
            f"{c.name}_is_known",
            f"{identifier(c.name)} <> '' and {_code(identifier(c.name))} not in ({literals(_python_code(v) for v in c.codes)})",
            [c.name],
            f"{c.header} is a code not seen before",
            f"look it up and add it to reports/{spec.name}.py",
            "warning",
        )
        for c in spec.kept
        if c.codes and c.name in context.columns
    ]


def dates(spec: ReportSpec, context: GateContext) -> list[Expectation]:
    """Dates exist, lie in the requested window, and are not after the day the document was retrieved."""
    rules: list[Expectation] = []
    for c in spec.kept:
        if c.kind is Kind.DATE and c.name in context.columns:
            day, written = day_of(c.name, context), _in_words(c, context)
            rules.append(
                row_rule(
                    f"{c.name}_is_date",
                    f"{identifier(c.name)} <> '' and {day} is null",
                    [c.name],
                    f"{c.header} is no date written as {written}, of the years {FIRST_YEAR} to {context.latest_year}",
                    "correct the date, or download the report again; where the year is right, check the modification time of the file",
                )
            )
            if c.name == spec.event_date:
                rules.append(
                    row_rule(
                        f"{c.name}_not_in_future",
                        f"{day} > _latest_day",
                        [c.name],
                        f"{c.header} lies more than a day after the document was retrieved ({context.latest_day - timedelta(days=1)})",
                        "check the date, or the modification time of the file",
                    )
                )
                if spec.replacement_scope is ReplacementScope.DATE and context.asked:
                    first, last = context.asked
                    rules.append(
                        row_rule(
                            f"{c.name}_in_window",
                            f"{day} not between _asked_first and _asked_last",
                            [c.name],
                            f"{c.header} lies outside the days asked for ({first} to {last})",
                            "ask for the report again",
                        )
                    )
    return rules


def agreements(spec: ReportSpec, context: GateContext) -> list[Expectation]:
    """Dates that depend on each other agree."""
    undo = "download the report again; if a spreadsheet has rewritten its dates, undo the edit"
    days = {name: day_of(name, context) for name in context.date_formats}
    return [
        row_rule(
            a.rule,
            "is_broken",
            dict.fromkeys((*spec.key, *a.columns)),
            a.what,
            undo if a.refuses else "compare with Seller Central; the row loads as it is",
            "critical" if a.refuses else "warning",
            lookup=f"(select *, {broken_agreement_sql(a, days, ('_document', *spec.key))} as is_broken from {{batch}})",
        )
        for a in spec.agreements
        if not a.only_for_choice and {*a.columns, *a.of_key} <= context.columns
    ]


def volume(spec: ReportSpec, context: GateContext) -> list[Expectation]:
    """There are rows, and at least half as many per day as in the last good load."""
    rules: list[Expectation] = []
    # An answer of Amazon without rows is not refused: it replaces nothing, and the report is requested again.
    if not spec.may_be_empty and not context.from_amazon:
        rules.append(
            document_rule(
                "has_rows",
                "coalesce(row_count, 0) = 0",
                "the file has a header and no rows",
                "choose a range with data, or try again later",
            )
        )
    if context.usual_rows:
        rules.append(
            document_rule(
                "usual_volume",
                "coalesce(row_count, 0) < greatest(1, _usual_rows // 2)",
                f"fewer than half the rows expected from the last good load ({context.usual_rows})",
                "compare with Seller Central; days that shrank were not replaced",
                "warning",
            )
        )
    return rules


def identity(rule: str, condition: str, show: Iterable[str], what: str, severity: Severity = "warning") -> Expectation:
    """An arithmetic identity within a row that Amazon documents."""
    return row_rule(rule, condition, show, what, "compare with Seller Central; if it shows the same, report it to Amazon", severity)


def has_currency(amount: str, currency: str, row_id: str) -> Expectation:
    """An amount other than zero has a currency."""
    condition = f"regexp_matches({identifier(amount)}, '[1-9]') and {identifier(currency)} = ''"
    return identity(f"{amount}_has_currency", condition, [row_id, amount, currency], f"{amount} has no currency")


def day_of(name: str, context: GateContext) -> str:
    """The day of a date in SQL; null if the text is blank or not a date in the document's format. A column, computed once for all rules."""
    return identifier(day_column(name, context.date_formats[name]))


def number(name: str) -> str:
    """A whole number in SQL; null if the text is blank or not a number."""
    return f"try_cast({identifier(name)} as bigint)"


def _repeats_header(column: Column) -> str:
    """SQL condition: a value is a spelling of its header. Lengths are compared first, which is cheaper than converting to lower case."""
    name, spellings = identifier(column.name), _spellings(column)
    lengths = ", ".join(map(str, sorted({len(s) for s in spellings})))
    return f"case when length({name}) in ({lengths}) then lower({name}) in ({literals(spellings)}) else false end"


def _spellings(column: Column) -> set[str]:
    """The column's headers in lower case, with each possible separator between their words."""
    return {re.sub("[ _-]+", mark, h.lower()) for h in (column.header, *column.aliases) for mark in (" ", "-", "_", "")}


def _in_words(column: Column, context: GateContext) -> str:
    return " or ".join(context.account.date_formats(column.formats))


def literals(values: Iterable[str]) -> str:
    """The texts as a list in SQL."""
    return ", ".join(text_literal(v) for v in sorted(values))


def _code(name: str) -> str:
    return f"regexp_replace(lower({name}), '[^a-z0-9]', '', 'g')"


def _python_code(value: str) -> str:
    return "".join(c for c in value.lower() if c.isascii() and c.isalnum())
