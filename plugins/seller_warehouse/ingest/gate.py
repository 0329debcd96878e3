"""Judge parsed documents with Great Expectations: one suite per report, the result of every rule is kept.

Great Expectations takes seconds to import, so functions import it; and half a second for any validation, so all documents of a report are validated
together. It reads the files of parsed rows through DuckDB: eight rules on a million rows take 0.15 s.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from functools import cached_property
from importlib.metadata import version
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from pydantic import TypeAdapter

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import CANCELLED, DONE, Document, Refusal, Verdict, printable
from seller_warehouse.core.home import write_atomically
from seller_warehouse.core.report_spec import ReplacementScope
from seller_warehouse.core.sql import identifier, text_literal
from seller_warehouse.ingest.formats import date_sql, last_year
from seller_warehouse.ingest.integrity import read_digest
from seller_warehouse.ingest.object_storage import ObjectStorage
from seller_warehouse.ingest.parse import Prepared, prepare, scratch_database
from seller_warehouse.reports import SPECS

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

    from seller_warehouse.ingest.gx_duckdb import Validator

log = logging.getLogger(__name__)

SHOWN_ROWS = 10
"""Failing rows that a result keeps."""

MAX_BATCH_DOCUMENTS = 200
"""Documents that are validated at once: a rule returns one row per document, and Great Expectations returns at most 200 (MAX_RESULT_RECORDS)."""

MAX_BATCH_ROWS = 1_000_000
"""Rows that are validated at once; a document with more is validated alone."""


KEPT_FROM_ROWS = 1_000
"""Results are cached for documents with at least this many rows, in case the same rows come again; smaller documents are judged fast enough."""


@dataclass(frozen=True, kw_only=True)
class GateContext:
    """Facts about a document that a suite may use besides its rows.

    ``columns``: the columns of the document. ``from_amazon``: it was requested, not dropped. ``asked``: the requested days, with margin.
    ``latest_day``: the last valid day of a row. ``latest_year``: the last valid year of any date. ``usual_rows``: the number of rows to expect from
    the last good load.
    """

    account: Account
    columns: frozenset[str]
    date_formats: dict[str, str]
    decimal_mark: str
    decimal_mark_is_certain: bool
    from_amazon: bool
    asked: tuple[date, date] | None
    latest_day: date
    latest_year: int
    usual_rows: int | None


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """The result of one rule on one document; ``rows``: up to ten failing rows with their lines."""

    rule: str
    severity: str
    passed: bool
    what: str
    remedy: str = ""
    failed_count: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The gate's verdict on one document; PENDING means that it may be loaded."""

    document: Document
    verdict: Verdict
    reason: str
    row_count: int
    prepared: Prepared | None
    results: list[RuleResult]


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A document to judge. ``folder`` is for its parsed rows, ``usual_rows_per_day`` comes from the last good load."""

    document: Document
    account: Account
    folder: Path
    storage: ObjectStorage | None = None
    usual_rows_per_day: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Parsed:
    document: Document
    prepared: Prepared
    context: GateContext


_RESULTS = TypeAdapter(list[RuleResult])


def judge(document: Document, account: Account, folder: Path, usual_rows_per_day: float | None = None) -> Judgement:
    """Parse and judge one document by itself."""
    (judgement,) = judge_documents([Pending(document=document, account=account, folder=folder, usual_rows_per_day=usual_rows_per_day)])
    return judgement


def judge_documents(pending: Iterable[Pending], left: dict[str, Exception] | None = None, kept: Path | None = None) -> Iterator[Judgement]:
    """Parse each document and judge those of one report together; a refusal is a judgement.

    Yields judgements report by report, as soon as they are known. If any other error prevents a judgement, the error is stored in ``left`` and the
    other documents are judged; without ``left`` it is raised. ``kept`` is the folder of cached results, one per version of the code.
    """
    with _Tools() as tools:
        for _, of_report in groupby(sorted(pending, key=lambda p: p.document.report), key=lambda p: p.document.report):
            yield from _judge_report(of_report, tools, left, kept)


class _Tools(ExitStack):
    """Resources that are slow to open, shared by the documents of a pass."""

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """A database in memory, to parse with."""
        return self.enter_context(scratch_database())

    @cached_property
    def validator(self) -> Validator:
        """Great Expectations, to validate with."""
        from seller_warehouse.ingest.gx_duckdb import Validator

        return self.enter_context(closing(Validator()))


def _leave_unprocessed(document: Document, error: Exception, left: dict[str, Exception] | None) -> None:
    if left is None:
        raise error
    log.error("%s/%s %s cannot be judged", document.account_id, document.report, document.file_name, exc_info=error)
    left[f"{document.account_id}/{document.report} {printable(document.file_name)}"] = error


def _judge_report(pending: Iterable[Pending], tools: _Tools, left: dict[str, Exception] | None, kept: Path | None) -> Iterator[Judgement]:
    batch: list[_Parsed] = []
    for one in pending:
        try:
            parsed = _parse(one, tools.connection)
        except Exception as error:
            _leave_unprocessed(one.document, error, left)
            continue
        if isinstance(parsed, Judgement):
            yield parsed
            continue
        if (results := _kept_results(parsed, kept)) is not None:
            yield _judgement(parsed, results)
            continue
        rows = sum(p.prepared.row_count for p in batch) + parsed.prepared.row_count
        if batch and (len(batch) == MAX_BATCH_DOCUMENTS or rows > MAX_BATCH_ROWS):
            yield from _judge_batch(batch, tools.validator, left, kept)
            batch = []
        batch.append(parsed)
    if batch:
        yield from _judge_batch(batch, tools.validator, left, kept)


def _parse(pending: Pending, connection: duckdb.DuckDBPyConnection) -> _Parsed | Judgement:
    document = pending.document
    if document.answer != DONE:
        return _judge_unanswered(document)
    try:
        prepared = prepare(document, pending.account, pending.folder, connection, pending.storage)
    except Refusal as refusal:
        result = RuleResult(rule=refusal.rule, severity="critical", passed=False, what=str(refusal))
        return Judgement(
            document=document, verdict=Verdict.QUARANTINED, reason=f"{printable(document.file_name)}, {refusal}",
            row_count=0, prepared=None, results=[result],
        )  # fmt: skip
    return _Parsed(document=document, prepared=prepared, context=_context(pending, prepared))


def _judge_batch(batch: list[_Parsed], validator: Validator, left: dict[str, Exception] | None, kept: Path | None) -> Iterator[Judgement]:
    try:
        results_of_all = _run_suites(batch, validator)
    except Exception as error:
        if len(batch) > 1:
            for parsed in batch:
                yield from _judge_batch([parsed], validator, left, kept)
            return
        # The rows may be damaged: the next pass parses them again from the bytes.
        batch[0].prepared.parquet.unlink(missing_ok=True)
        _leave_unprocessed(batch[0].document, error, left)
        return
    for parsed, results in zip(batch, results_of_all, strict=True):
        if place := _place_of_results(parsed, kept):
            write_atomically(place, _RESULTS.dump_json(results))
        yield _judgement(parsed, results)


def _place_of_results(parsed: _Parsed, kept: Path | None) -> Path | None:
    """Where the results of a large document are cached: under a hash of its rows and everything else its suite depends on."""
    if not kept or parsed.prepared.row_count < KEPT_FROM_ROWS:
        return None
    context = vars(parsed.context) | {"account": parsed.context.account.model_dump(mode="json"), "columns": sorted(parsed.context.columns)}
    tools = [version(name) for name in ("duckdb", "great-expectations")]
    decided_by = json.dumps([parsed.document.report, read_digest(parsed.prepared.parquet), context, tools], default=str)
    return kept / f"{hashlib.sha256(decided_by.encode()).hexdigest()}.json"


def _kept_results(parsed: _Parsed, kept: Path | None) -> list[RuleResult] | None:
    place = _place_of_results(parsed, kept)
    if not place or not place.is_file():
        return None
    try:
        return _RESULTS.validate_json(place.read_bytes())
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read (%s); the document is judged again", place, error)
        return None


def _judgement(parsed: _Parsed, of_rules: list[RuleResult]) -> Judgement:
    document, prepared = parsed.document, parsed.prepared
    results = [*of_rules, *_parse_warnings(prepared)]
    refused = [r for r in results if not r.passed and r.severity == "critical"]
    if refused:
        verdict, reason = Verdict.QUARANTINED, f"{printable(document.file_name)}, {_sentence(refused[0])}"
    elif prepared.row_count == 0:
        verdict, reason = Verdict.NO_DATA, "a header and no rows: nothing was replaced"
    else:
        verdict, reason = Verdict.PENDING, ""
    return Judgement(document=document, verdict=verdict, reason=reason, row_count=prepared.row_count, prepared=prepared, results=results)


def _judge_unanswered(document: Document) -> Judgement:
    """The judgement of a report that Amazon did not make: NO_DATA if it was cancelled, else a refusal in Amazon's words."""
    said = f": {document.explanation}" if document.explanation else ""
    if document.answer == CANCELLED:
        reason = f"Amazon cancelled the report{said}; there was no data, or the report was asked for elsewhere too soon: nothing was replaced"
        return Judgement(document=document, verdict=Verdict.NO_DATA, reason=reason, row_count=0, prepared=None, results=[])
    what = f"Amazon ended the report {document.answer}{said}"
    remedy = "it is asked for again, five times at most; after that download it in Seller Central and drop it into the inbox"
    result = RuleResult(rule="amazon_made_it", severity="critical", passed=False, what=what, remedy=remedy)
    reason = f"{document.file_name}, {_sentence(result)}"
    return Judgement(document=document, verdict=Verdict.QUARANTINED, reason=reason, row_count=0, prepared=None, results=[result])


def _sentence(result: RuleResult) -> str:
    line = f"line {result.rows[0]['_line']}: " if result.rows else ""
    values = ", ".join(f"{k}={v!r}" for k, v in result.rows[0].items() if k != "_line") if result.rows else ""
    more = f" in {result.failed_count} rows" if result.failed_count > 1 else ""
    return f"{line}{result.what}{f' ({values})' if values else ''}{more}; {result.remedy}."


def _parse_warnings(prepared: Prepared) -> list[RuleResult]:
    rows = prepared.warning_rows
    return [
        RuleResult(rule=rule, severity="warning", passed=False, what=what, failed_count=len(rows.get(rule, [0])), rows=rows.get(rule, []))
        for rule, what in prepared.warnings.items()
    ]


def _context(pending: Pending, prepared: Prepared) -> GateContext:
    document = pending.document
    spec = SPECS[document.report]
    asked = None
    if spec.replacement_scope is ReplacementScope.DATE and spec.requests and document.window_start and document.window_end:
        # The requested range is wider than the days of the window; the load drops rows outside them.
        margin = timedelta(days=1 if spec.requests.margin_hours else 0)
        asked = (document.window_start - margin, document.window_end + margin)
    days = (prepared.window[1] - prepared.window[0]).days + 1 if prepared.window else 1
    return GateContext(
        account=pending.account,
        columns=frozenset(prepared.columns),
        date_formats=prepared.date_formats,
        decimal_mark=prepared.decimal_mark,
        decimal_mark_is_certain=prepared.decimal_mark_is_certain,
        from_amazon=document.source == "sp_api",
        asked=asked,
        # One day of tolerance: the day is local to the marketplace, which may be ahead of UTC.
        latest_day=document.retrieved_at.date() + timedelta(days=1),
        latest_year=last_year(document.retrieved_at),
        usual_rows=round(pending.usual_rows_per_day * days) if pending.usual_rows_per_day else None,
    )


def _run_suites(batch: list[_Parsed], validator: Validator) -> list[list[RuleResult]]:
    """The results of each document of a report, by the rules of its own suite; all rows are validated at once.

    Equal rules of different documents run once over all rows; a document gets the results of its own rules only.
    """
    report = batch[0].document.report
    build = importlib.import_module(f"expectations.{report}").build_suite
    suites: list[ExpectationSuite] = [build(SPECS[report], parsed.context) for parsed in batch]
    questions = list(dict.fromkeys(_question(rule) for suite in suites for rule in suite.expectations))
    _create_tables(validator, batch)
    found = {q: {row["_document"]: row for row in rows} for q, rows in zip(questions, validator.failing(questions), strict=True)}
    return [[_rule_result(rule, found[_question(rule)].get(number)) for rule in suite.expectations] for number, suite in enumerate(suites)]


def _question(rule: Any) -> tuple[str, str]:
    return rule.meta["rule"], rule.unexpected_rows_query


def day_column(name: str, date_format: str) -> str:
    """The name of the column of ``document_rows`` with the days of a date column in one format; DuckDB ignores case, so capitals are marked."""
    marked = "".join(f"^{c}" if c.isupper() else c for c in date_format)
    return f"_{name} as {marked}"


def days_read(context: GateContext) -> list[str]:
    """SQL of the days of each date column of a document, computed once for all rules."""
    return [
        f"{date_sql(identifier(name), date_format, '_latest_year')} as {identifier(day_column(name, date_format))}"
        for name, date_format in context.date_formats.items()
    ]


def _create_tables(validator: Validator, batch: list[_Parsed]) -> None:
    """Create ``documents`` with the facts that rules may read, and ``document_rows`` with every row and the facts of its document.

    Documents are identified by their number in the batch, since a file that two accounts drop has the same id in both.
    """
    validator.execute(
        "create or replace table documents (_document integer, _file varchar, _columns varchar[], _asked_first date, _asked_last date, "
        "_latest_day date, _latest_year integer, _usual_rows bigint)"
    )
    facts = [
        (
            number, str(p.prepared.parquet), sorted(p.context.columns), *(p.context.asked or (None, None)),
            p.context.latest_day, p.context.latest_year, p.context.usual_rows,
        )
        for number, p in enumerate(batch)
    ]  # fmt: skip
    line = f"({', '.join('?' * len(facts[0]))})"
    validator.execute(f"insert into documents values {', '.join([line] * len(facts))}", chain.from_iterable(facts))
    files = ", ".join(text_literal(str(parsed.prepared.parquet)) for parsed in batch)
    days = dict.fromkeys(day for parsed in batch for day in days_read(parsed.context))
    rows_read = (
        f"select read.* exclude (_file), _document, _asked_first, _asked_last, _latest_day, _latest_year{''.join(map(', {}'.format, days))} "
        f"from read_parquet([{files}], union_by_name = true, filename = '_file') as read join documents using (_file)"
    )
    if len(batch) > 1:
        # Opening many files takes longer than copying their rows. A single file is not copied: it may not fit into memory.
        validator.execute(f"create or replace table rows_of_many as {rows_read}")
        rows_read = "select * from rows_of_many"
    validator.execute(f"create or replace view document_rows as {rows_read}")
    ((rows,),) = validator.execute("select count(*) from document_rows")
    if rows != sum(parsed.prepared.row_count for parsed in batch):
        raise RuntimeError(f"{rows} rows would be judged of {sum(parsed.prepared.row_count for parsed in batch)} in {files}")


def _rule_result(rule: Any, failure: dict[str, Any] | None) -> RuleResult:
    return RuleResult(
        rule=rule.meta["rule"],
        severity=rule.severity.value,
        passed=failure is None,
        what=rule.meta["what"],
        remedy=rule.meta["remedy"],
        failed_count=failure["_failed"] if failure else 0,
        rows=failure["_rows"] if failure else [],
    )


def as_log_lines(judgement: Judgement) -> list[str]:
    """The log lines of a refused document: file, rules, and up to ten rows each."""
    lines = [f"REFUSED {judgement.document.account_id}/{judgement.document.report}: {judgement.reason}"]
    for r in judgement.results:
        if not r.passed:
            lines.append(f"  {r.severity}: {r.rule}: {r.what}" + (f" ({r.failed_count} rows)" if r.failed_count else ""))
            lines.extend(f"    {json.dumps(row, default=str)}" for row in r.rows)
    return lines


def results_as_rows(results: list[RuleResult]) -> list[dict[str, Any]]:
    """The results as rows of ``meta.gate_results``."""
    return [{**asdict(r), "rows": json.dumps(r.rows, default=str)} for r in results]
