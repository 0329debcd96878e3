"""Judge parsed documents with Great Expectations: one suite per report, every rule's result kept.

Great Expectations takes seconds to import, so it is imported inside the functions and one process judges all the
documents of a run. It reads the Parquet file through DuckDB: eight rules on a million rows take 0.15 s.
"""

from __future__ import annotations

import importlib
import json
import logging
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from seller_warehouse.accounts import Account
from seller_warehouse.documents import CANCELLED, DONE, Document, Refusal, Verdict, printable
from seller_warehouse.parse import Prepared, prepare
from seller_warehouse.report_spec import Unit
from seller_warehouse.reports import SPECS
from seller_warehouse.values import text_literal

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

log = logging.getLogger(__name__)

SHOWN_ROWS = 10
"""How many offending rows a result keeps."""


@dataclass(frozen=True, kw_only=True)
class GateContext:
    """What a suite may know beside the rows.

    ``columns`` are those the document has; ``from_amazon`` whether it was asked for and not dropped; ``asked`` the days of the range
    it was requested for; ``latest_day`` the last day a row may have; ``usual_rows`` how many rows the last good load would lead one
    to expect.
    """

    account: Account
    columns: frozenset[str]
    date_formats: dict[str, str]
    decimal_mark: str
    decimal_mark_is_certain: bool
    from_amazon: bool
    asked: tuple[date, date] | None
    latest_day: date
    usual_rows: int | None


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """The result of one rule on one document; ``rows`` are up to ten offending rows with their line."""

    rule: str
    severity: str
    passed: bool
    what: str
    remedy: str = ""
    failed_count: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the gate says of one document: PENDING means it may be loaded."""

    document: Document
    verdict: Verdict
    reason: str
    row_count: int
    prepared: Prepared | None
    results: list[RuleResult]


def judge(document: Document, account: Account, folder: Path, usual_rows_per_day: float | None = None) -> Judgement:
    """Parse and judge one document in ``folder``; a refusal is a judgement, any other error is raised."""
    if document.answer != DONE:
        return _judge_unanswered(document)
    try:
        prepared = prepare(document, account, folder)
    except Refusal as refusal:
        result = RuleResult(rule=refusal.rule, severity="critical", passed=False, what=str(refusal))
        return Judgement(
            document=document, verdict=Verdict.QUARANTINED, reason=f"{printable(document.file_name)}, {refusal}",
            row_count=0, prepared=None, results=[result],
        )  # fmt: skip
    results = [*_run_suite(document, account, prepared, usual_rows_per_day), *_parse_warnings(prepared)]
    refused = [r for r in results if not r.passed and r.severity == "critical"]
    if refused:
        verdict, reason = Verdict.QUARANTINED, f"{printable(document.file_name)}, {_sentence(refused[0])}"
    elif prepared.row_count == 0:
        verdict, reason = Verdict.NO_DATA, "a header and no rows: nothing was replaced"
    else:
        verdict, reason = Verdict.PENDING, ""
    return Judgement(document=document, verdict=verdict, reason=reason, row_count=prepared.row_count, prepared=prepared, results=results)


def _judge_unanswered(document: Document) -> Judgement:
    """What Amazon did not make: cancelled says nothing of the rows (trap 1), anything else is a refusal in Amazon's words."""
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


def _run_suite(document: Document, account: Account, prepared: Prepared, usual_rows_per_day: float | None) -> list[RuleResult]:
    spec = SPECS[document.report]
    asked = None
    if spec.unit is Unit.DATE and spec.requests and document.window_start and document.window_end:
        # The range is asked wider than its days; what lies beside them is cut when it is loaded.
        margin = timedelta(days=1 if spec.requests.margin_hours else 0)
        asked = (document.window_start - margin, document.window_end + margin)
    days = (prepared.window[1] - prepared.window[0]).days + 1 if prepared.window else 1
    context = GateContext(
        account=account,
        columns=frozenset(prepared.columns),
        date_formats=prepared.date_formats,
        decimal_mark=prepared.decimal_mark,
        decimal_mark_is_certain=prepared.decimal_mark_is_certain,
        from_amazon=document.source == "sp_api",
        asked=asked,
        # A day of grace: the day is the marketplace's own, which may be ahead of UTC.
        latest_day=document.retrieved_at.date() + timedelta(days=1),
        usual_rows=round(usual_rows_per_day * days) if usual_rows_per_day else None,
    )
    build = importlib.import_module(f"expectations.{spec.name}").build_suite
    return _validate(prepared.parquet, build(spec, context))


def _validate(parquet: Path, suite: ExpectationSuite) -> list[RuleResult]:
    import great_expectations as gx

    import seller_warehouse.gx_duckdb  # noqa: F401  registers add_duckdb

    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        database = Path(folder) / "gate.duckdb"
        with duckdb.connect(str(database)) as connection:
            connection.execute(f"create table document as select * from read_parquet({text_literal(str(parquet))})")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_duckdb(name="gate", connection_string=f"duckdb:///{database}")
        asset = source.add_table_asset(name="document", table_name="document")
        batch = asset.add_batch_definition_whole_table("document").get_batch()
        outcome = batch.validate(suite, result_format="COMPLETE")
        source.get_execution_engine().close()
    order = {json.dumps(e.meta, sort_keys=True): i for i, e in enumerate(suite.expectations)}
    return [_rule_result(r) for r in sorted(outcome.results, key=lambda r: order[json.dumps(r.expectation_config.meta, sort_keys=True)])]


def _rule_result(result: Any) -> RuleResult:
    config = result.expectation_config
    if result.exception_info.get("raised_exception") or any(
        isinstance(v, dict) and v.get("raised_exception") for v in result.exception_info.values()
    ):
        raise RuntimeError(f"rule {config.meta['rule']} could not be run: {result.exception_info}")
    details = result.result.get("details") or {}
    rows = [dict(r) for r in (details.get("unexpected_rows") or [])]
    what = config.meta["what"]
    if not result.success and details.get("mismatched", {}).get("missing"):
        what += f": {', '.join(details['mismatched']['missing'])}"
    return RuleResult(
        rule=config.meta["rule"],
        severity=config.severity.value,
        passed=bool(result.success),
        what=what,
        remedy=config.meta["remedy"],
        failed_count=0 if result.success else result.result["observed_value"] if rows else 1,
        rows=rows[:SHOWN_ROWS],
    )


def as_log_lines(judgement: Judgement) -> list[str]:
    """A refused document in full: file, rule, and up to ten rows."""
    lines = [f"REFUSED {judgement.document.account_id}/{judgement.document.report}: {judgement.reason}"]
    for r in judgement.results:
        if not r.passed:
            lines.append(f"  {r.severity}: {r.rule}: {r.what}" + (f" ({r.failed_count} rows)" if r.failed_count else ""))
            lines.extend(f"    {json.dumps(row, default=str)}" for row in r.rows)
    return lines


def results_as_rows(results: list[RuleResult]) -> list[dict[str, Any]]:
    """The results as ``meta.gate_results`` stores them."""
    return [{**asdict(r), "rows": json.dumps(r.rows, default=str)} for r in results]
