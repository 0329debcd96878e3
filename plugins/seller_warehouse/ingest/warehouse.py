"""The build database: its tables, queries about the documents in it, and the record of each load.

The raw tables hold every row that Amazon ever sent, with the time it was valid; ``history`` changes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from filelock import FileLock

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Document, Verdict
from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import ReplacementScope, ReportSpec
from seller_warehouse.core.sql import identifier, text_literal, transaction
from seller_warehouse.core.windows import Answer, AnswerKind
from seller_warehouse.ingest.gate import Judgement, RuleResult, results_as_rows
from seller_warehouse.ingest.history import CONFIRMED_AFTER_DAYS, Change, load, verdict_of
from seller_warehouse.ingest.migrations import migrate
from seller_warehouse.ingest.quarantine import quarantine
from seller_warehouse.ingest.replacement import RULE
from seller_warehouse.reports import SPECS


@contextmanager
def open_warehouse(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The build database in the layout of this code, for one process at a time; others wait. Raises NewerHome."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Only this project opens the build database; DuckDB's newest storage takes two fifths less processor time to write.
    with FileLock(f"{path}.lock"), duckdb.connect(str(path), config={"storage_compatibility_version": "latest"}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        # At the default of 16 MB nearly every document's commit rewrites the last row groups of its table.
        connection.execute("set checkpoint_threshold = '1GB'")
        # Most documents are small: a second thread costs a third more processor time and makes them no faster.
        connection.execute("set threads = 1")
        migrate(connection, path)
        held = set(connection.execute("select table_name, column_name from duckdb_columns() where schema_name = 'raw'").fetchall())
        for spec in SPECS.values():
            _ensure_table(connection, spec, held)
        yield connection


def _ensure_table(connection: duckdb.DuckDBPyConnection, spec: ReportSpec, held: set[tuple[str, str]]) -> None:
    """Create the table of a report, or add new columns of its spec."""
    if (spec.name, "account_id") not in held:
        columns = ", ".join(f"{identifier(c.name)} varchar" for c in spec.kept)
        connection.execute(
            f"create table raw.{spec.name} (account_id varchar, {columns}, _unit varchar, _event_date date, _row_hash varchar, "
            "_occurrence integer, _line bigint, _document_id varchar, _marketplace_id varchar, _valid_from timestamp, _valid_to timestamp)"
        )
        return
    for c in spec.kept:
        if (spec.name, c.name) not in held:
            connection.execute(f"alter table raw.{spec.name} add column {identifier(c.name)} varchar")


def save_settings(connection: duckdb.DuckDBPyConnection, accounts: Iterable[Account]) -> None:
    """Write the configured accounts and the report types for dbt."""
    rows = [
        (
            a.id, a.name, a.region, a.source, ",".join(a.marketplaces), a.home_time_zone, a.damaged_inventory_kept_since,
            ",".join(a.accept_unbalanced_settlements), a.returns_evaluation_off_since,
        )
        for a in accounts
    ]  # fmt: skip
    with transaction(connection):
        connection.execute("delete from raw.accounts")
        _insert(
            connection,
            "raw.accounts (account_id, account_name, region, source, marketplace_ids, home_time_zone, damaged_inventory_kept_since, "
            "accept_unbalanced_settlements, returns_evaluation_off_since)",
            rows,
        )
        connection.execute("delete from raw.report_types")
        types = [(s.name, s.amazon_type, s.title, s.reaches_back, s.replacement_scope is ReplacementScope.DATE) for s in SPECS.values()]
        _insert(connection, "raw.report_types (report, amazon_type, title, reaches_back, comes_by_days)", types)


def _insert(connection: duckdb.DuckDBPyConnection, columns: str, rows: list[tuple]) -> None:
    """Insert a few rows as literals: for the first parameter DuckDB imports pandas, which takes 0.3 s."""
    if rows:
        lines = (", ".join("null" if v is None else text_literal(str(v)) for v in row) for row in rows)
        connection.execute(f"insert into {columns} values ({'), ('.join(lines)})")


def usual_rows_per_day(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[datetime, float]]:
    """By account and report: the retrieval time (UTC) of the last good load, and its rows per day."""
    found = connection.execute(
        "select account_id, report, max(retrieved_at), arg_max(row_count / (window_end - window_start + 1), retrieved_at) "
        "from meta.loads where verdict in ('LOADED', 'ROWS_LEFT_OUT') and window_start is not null group by all"
    ).fetchall()
    return {(account_id, report): (at.replace(tzinfo=UTC), rows) for account_id, report, at, rows in found}


def answers(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[Answer]]:
    """By account and report: Amazon's answers so far, each document by its latest verdict."""
    found = connection.execute(
        # By the order of the records, not by time: the clock may have been set back.
        "select account_id, report, arg_max((marketplace_id, window_start, window_end, retrieved_at, verdict), rowid) "
        "from meta.loads where source = 'sp_api' group by account_id, report, document_id"
    ).fetchall()
    kinds = {Verdict.QUARANTINED: AnswerKind.REFUSED, Verdict.NO_DATA: AnswerKind.EMPTY}
    made: dict[tuple[str, str], list[Answer]] = {}
    for account_id, report, (marketplace_id, first, last, at, verdict) in found:
        answer = Answer(
            marketplace_id=marketplace_id, first=first, last=last, asked_at=at.replace(tzinfo=UTC), kind=kinds.get(Verdict(verdict), AnswerKind.GOOD)
        )
        made.setdefault((account_id, report), []).append(answer)
    return made


def judged_documents(connection: duckdb.DuckDBPyConnection, run_id: str | None = None) -> set[tuple[str, str, str]]:
    """Account, report and id of every document with a verdict, of all runs or of one."""
    condition = "where run_id = ?" if run_id else ""
    found = connection.execute(f"select distinct account_id, report, document_id from meta.loads {condition}", [run_id] if run_id else [])
    return set(found.fetchall())


def record(
    connection: duckdb.DuckDBPyConnection, judgement: Judgement, *, run_id: str, at: datetime, home: Home, accounts: Mapping[str, Account]
) -> Verdict:
    """Load a document that passed the gate and record its verdict, in one transaction; quarantine it if it must not replace what is held."""
    document, prepared = judgement.document, judgement.prepared
    with transaction(connection):
        change = Change()
        if judgement.verdict is Verdict.PENDING:
            assert prepared
            verdict, reason, change = load(connection, document, prepared, home, accounts[document.account_id])
            judgement = _with_load_results(judgement, verdict, reason, change)
        _record(connection, judgement, change, run_id, at)
        for other in change.rejudged:
            verdict, reason = verdict_of(other.document, other.change)
            since = f"judged again since {document.file_name} was loaded" + (f": {reason}" if reason else "")
            before = Judgement(
                document=other.document, verdict=verdict, reason="", row_count=other.prepared.row_count, prepared=other.prepared, results=[]
            )
            again = _with_load_results(before, verdict, since, other.change)
            _record(connection, again, other.change, run_id, at)
            if verdict is Verdict.QUARANTINED:
                quarantine(home, again, None)
        if change.refusal:
            quarantine(home, judgement, None)
    return judgement.verdict


def refused_while_loading(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[tuple[str, str]]:
    """Account and reason of each document that a run refused because it must not replace what is held."""
    return connection.execute(
        "select distinct l.account_id, l.reason from meta.loads as l join meta.gate_results as g using (run_id, account_id, report, document_id) "
        "where l.run_id = ? and l.verdict = 'QUARANTINED' and g.rule = ? order by all",
        [run_id, RULE],
    ).fetchall()


def _with_load_results(judgement: Judgement, verdict: Verdict, reason: str, change: Change) -> Judgement:
    """The judgement with the verdict and the warnings of the load."""
    results = list(judgement.results)
    if change.shrunk:
        results.append(_shrink_warning(change))
    if change.left_out:
        rows = [{"_line": line, "unit": unit} for line, unit in change.left_out]
        results.append(RuleResult(rule="rows_left_out", severity="warning", passed=False, what=reason, failed_count=change.left_out_count, rows=rows))
    if change.refusal:
        results.append(RuleResult(rule=RULE, severity="critical", passed=False, what=reason))
    return replace(judgement, verdict=verdict, reason=reason, results=results)


def _shrink_warning(change: Change) -> RuleResult:
    more = f" and {len(change.shrunk) - 10} more" if len(change.shrunk) > 10 else ""
    return RuleResult(
        rule="unit_shrank",
        severity="warning",
        passed=False,
        what=f"{change.missing} of {change.held} rows held are missing, so what is held was kept: {', '.join(change.shrunk[:10])}{more}",
        remedy=f"compare with Seller Central; another file of the same, {CONFIRMED_AFTER_DAYS} days later or more, is believed",
        failed_count=len(change.shrunk),
    )


def _record(connection: duckdb.DuckDBPyConnection, judgement: Judgement, change: Change, run_id: str, at: datetime) -> None:
    window = judgement.prepared.window if judgement.prepared else None
    _record_load(connection, judgement.document, window, run_id, judgement.row_count, change, judgement.verdict, judgement.reason, at)
    _record_results(connection, judgement.document, run_id, results_as_rows(judgement.results))


def _record_load(
    connection: duckdb.DuckDBPyConnection, document: Document, window: tuple | None, run_id: str,
    row_count: int, change: Change, verdict: Verdict, reason: str, at: datetime,
) -> None:  # fmt: skip
    first, last = window or (document.window_start, document.window_end)
    connection.execute(
        "insert into meta.loads (run_id, account_id, report, document_id, source, file_name, window_start, window_end, retrieved_at, sha256, "
        "row_count, rows_added, rows_removed, verdict, reason, loaded_at, marketplace_id, report_id, answer) "
        "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            run_id, document.account_id, document.report, document.document_id, document.source, document.file_name,
            first, last, document.retrieved_at.replace(tzinfo=None), document.sha256,
            row_count, change.added, change.removed, verdict, reason, at.replace(tzinfo=None),
            document.marketplace_id, document.report_id, document.answer,
        ],
    )  # fmt: skip


def _record_results(connection: duckdb.DuckDBPyConnection, document: Document, run_id: str, rows: list[dict]) -> None:
    names = {
        "rule": "varchar", "severity": "varchar", "passed": "boolean", "what": "varchar", "remedy": "varchar", "failed_count": "bigint",
        "rows": "varchar",
    }  # fmt: skip
    # One statement for all rows: one for each takes five times as long.
    connection.execute(
        f"insert into meta.gate_results (run_id, account_id, report, document_id, {', '.join(map(identifier, names))}) "
        f"select ?, ?, ?, ?, unnest(from_json(?, {text_literal(json.dumps([names]))}), recursive := true)",
        [run_id, document.account_id, document.report, document.document_id, json.dumps([{n: r[n] for n in names} for r in rows])],
    )
