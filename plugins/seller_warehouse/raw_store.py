"""The raw tables: every row Amazon ever sent, and when it was true.

A document is the truth for its units (days, settlements, orders, one snapshot; see ``report_spec.Unit``). Loading it
compares the unit's rows with the document's as a multiset: row hash and occurrence number. Rows that vanished get
``_valid_to``, new ones ``_valid_from``, both the time the document was retrieved; equal rows are untouched.

The state of a unit is a fold over its documents in the order they were retrieved. A document that arrives late is put
in its place by folding the units it shares with newer ones again, from ``landing``. So the order of loading never
matters. Two documents retrieved at the same instant are ordered by their hash.

One step of the fold keeps what is held where the document is likely to be incomplete:

- the first and last day of a dropped file, which Amazon often cuts, unless it has at least as many rows as are held;
- a unit of 20 rows or more that would shrink to less than half (a truncated answer); a warning names it.

The same bytes dropped twice are one document, retrieved when they were first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from filelock import FileLock

from seller_warehouse.accounts import Account
from seller_warehouse.documents import Document, Verdict
from seller_warehouse.gate import Judgement, RuleResult, results_as_rows
from seller_warehouse.parse import Prepared
from seller_warehouse.planner import Answer, Kind
from seller_warehouse.report_spec import ReportSpec, Unit
from seller_warehouse.reports import SPECS
from seller_warehouse.values import as_date, identifier, one_spelling, text_literal

SHRINK_FROM_ROWS = 20
"""A unit below this may shrink freely: a few rows that vanish are a restatement, not a truncated answer."""

_META = """
create schema if not exists raw;
create schema if not exists meta;
create table if not exists raw.accounts (
    account_id varchar, account_name varchar, region varchar, source varchar, marketplace_ids varchar, home_time_zone varchar
);
alter table raw.accounts add column if not exists damaged_inventory_kept_since date;
alter table raw.accounts add column if not exists returns_evaluation_off_since date;
create table if not exists raw.report_types (report varchar, amazon_type varchar, title varchar, reaches_back varchar, comes_by_days boolean);
create table if not exists meta.loads (
    run_id varchar, account_id varchar, report varchar, document_id varchar, source varchar, file_name varchar,
    window_start date, window_end date, retrieved_at timestamp, sha256 varchar,
    row_count bigint, rows_added bigint, rows_removed bigint, verdict varchar, reason varchar, loaded_at timestamp
);
alter table meta.loads add column if not exists marketplace_id varchar;
alter table meta.loads add column if not exists report_id varchar;
alter table meta.loads add column if not exists answer varchar;
create table if not exists meta.gate_results (
    run_id varchar, account_id varchar, report varchar, document_id varchar, rule varchar, severity varchar,
    passed boolean, what varchar, remedy varchar, failed_count bigint, "rows" varchar
);
create table if not exists meta.coverage (
    account_id varchar, report varchar, unit varchar, event_date date, document_id varchar, sha256 varchar,
    retrieved_at timestamp, row_count bigint, is_edge boolean, was_applied boolean, is_held boolean
);
create table if not exists meta.alerts (
    key varchar primary key, kind varchar, account_id varchar, title varchar, message varchar,
    raised_at timestamp, sent_at timestamp, channels varchar, error varchar
);
"""

Reparse = Callable[[str, str, str], tuple[Document, Prepared]]
"""(account_id, report, document_id) to the landed document, parsed again."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What loading a document did: rows that became or ceased to be true, and units that kept what was held."""

    added: int = 0
    removed: int = 0
    shrunk: tuple[str, ...] = field(default=())


@contextmanager
def open_warehouse(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The build database, for one process at a time; others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"), duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        # At the default of 16 MB nearly every document's commit rewrites the last row groups of its table.
        connection.execute("set checkpoint_threshold = '1GB'")
        connection.execute(_META)
        held = set(connection.execute("select table_name, column_name from duckdb_columns() where schema_name = 'raw'").fetchall())
        for spec in SPECS.values():
            _ensure_table(connection, spec, held)
        yield connection


def _ensure_table(connection: duckdb.DuckDBPyConnection, spec: ReportSpec, held: set[tuple[str, str]]) -> None:
    """Create the table of a report, or add the columns that its spec has gained."""
    if (spec.name, "account_id") not in held:
        columns = ", ".join(f"{identifier(c.name)} varchar" for c in spec.kept)
        connection.execute(
            f"create table raw.{spec.name} (account_id varchar, {columns}, _unit varchar, _event_date date, _row_hash varchar, "
            "_occurrence integer, _line bigint, _document_id varchar, _marketplace_id varchar, _valid_from timestamp, _valid_to timestamp)"
        )
        return
    connection.execute(f"alter table raw.{spec.name} add column if not exists _marketplace_id varchar")
    for c in spec.kept:
        if (spec.name, c.name) not in held:
            connection.execute(f"alter table raw.{spec.name} add column {identifier(c.name)} varchar")


def save_settings(connection: duckdb.DuckDBPyConnection, accounts: Iterable[Account]) -> None:
    """Make the configured accounts and the report types known to dbt."""
    rows = [
        (a.id, a.name, a.region, a.source, ",".join(a.marketplaces), a.home_time_zone, a.damaged_inventory_kept_since, a.returns_evaluation_off_since)
        for a in accounts
    ]
    connection.execute("begin")
    connection.execute("delete from raw.accounts")
    connection.executemany("insert into raw.accounts values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute("delete from raw.report_types")
    types = [(s.name, s.amazon_type, s.title, s.reaches_back, s.unit is Unit.DATE) for s in SPECS.values()]
    connection.executemany("insert into raw.report_types values (?, ?, ?, ?, ?)", types)
    connection.execute("commit")


def usual_rows_per_day(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[datetime, float]]:
    """By account and report: when the last good load was retrieved (UTC), and how many rows a day it had."""
    found = connection.execute(
        "select account_id, report, max(retrieved_at), arg_max(row_count / (window_end - window_start + 1), retrieved_at) "
        "from meta.loads where verdict = 'LOADED' and window_start is not null group by all"
    ).fetchall()
    return {(account_id, report): (at.replace(tzinfo=UTC), rows) for account_id, report, at, rows in found}


def answers(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[Answer]]:
    """By account and report: what Amazon has answered so far, each document by its latest verdict."""
    found = connection.execute(
        "select account_id, report, arg_max((marketplace_id, window_start, window_end, retrieved_at, verdict), loaded_at) "
        "from meta.loads where source = 'sp_api' group by account_id, report, document_id"
    ).fetchall()
    kinds = {Verdict.QUARANTINED: Kind.REFUSED, Verdict.NO_DATA: Kind.EMPTY}
    made: dict[tuple[str, str], list[Answer]] = {}
    for account_id, report, (marketplace_id, first, last, at, verdict) in found:
        answer = Answer(
            marketplace_id=marketplace_id, first=first, last=last, asked_at=at.replace(tzinfo=UTC), kind=kinds.get(Verdict(verdict), Kind.GOOD)
        )
        made.setdefault((account_id, report), []).append(answer)
    return made


def judged_documents(connection: duckdb.DuckDBPyConnection, run_id: str | None = None) -> set[tuple[str, str, str]]:
    """Account, report and id of every document that has a verdict, of all runs or of one."""
    condition = "where run_id = ?" if run_id else ""
    found = connection.execute(f"select distinct account_id, report, document_id from meta.loads {condition}", [run_id] if run_id else [])
    return set(found.fetchall())


def record(connection: duckdb.DuckDBPyConnection, judgement: Judgement, *, run_id: str, at: datetime, reparse: Reparse) -> Verdict:
    """Load what the gate let pass and record the verdict, in one transaction."""
    document, prepared = judgement.document, judgement.prepared
    connection.execute("begin")
    try:
        verdict, reason, change, results = judgement.verdict, judgement.reason, Change(), list(judgement.results)
        if verdict is Verdict.PENDING:
            assert prepared
            verdict, reason, change = load(connection, document, prepared, reparse)
            if change.shrunk:
                what = f"fewer than half of the rows held, so what is held was kept: {', '.join(change.shrunk[:10])}"
                results.append(RuleResult(rule="unit_shrank", severity="warning", passed=False, what=what, failed_count=len(change.shrunk)))
        window = prepared.window if prepared else None
        _record_load(connection, document, window, run_id, judgement.row_count, change, verdict, reason, at)
        _record_results(connection, document, run_id, results_as_rows(results))
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return verdict


def _record_load(
    connection: duckdb.DuckDBPyConnection, document: Document, window: tuple | None, run_id: str,
    row_count: int, change: Change, verdict: Verdict, reason: str, at: datetime,
) -> None:  # fmt: skip
    first, last = window or (document.window_start, document.window_end)
    connection.execute(
        "insert into meta.loads values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            run_id, document.account_id, document.report, document.document_id, document.source, document.file_name,
            first, last, document.retrieved_at.replace(tzinfo=None), document.sha256,
            row_count, change.added, change.removed, verdict, reason, at.replace(tzinfo=None),
            document.marketplace_id, document.report_id, document.answer,
        ],
    )  # fmt: skip


def _record_results(connection: duckdb.DuckDBPyConnection, document: Document, run_id: str, rows: list[dict]) -> None:
    names = ("rule", "severity", "passed", "what", "remedy", "failed_count", "rows")
    key = (run_id, document.account_id, document.report, document.document_id)
    if rows:
        connection.executemany(
            "insert into meta.gate_results values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [(*key, *(r[n] for n in names)) for r in rows]
        )


# The fold


def load(connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, reparse: Reparse) -> tuple[Verdict, str, Change]:
    """Put a document in its place in the history of its units; the caller holds the transaction."""
    twin = _twin(connection, document)
    if twin and twin <= (document.retrieved_at.replace(tzinfo=None), document.document_id):
        return Verdict.UNCHANGED, f"the same bytes as {twin[1]}", Change()
    if twin:
        connection.execute(
            "delete from meta.coverage where (account_id, report, document_id) = (?, ?, ?)", [document.account_id, document.report, twin[1]]
        )
    _stage(connection, document, prepared)
    later = _units_to_fold_again(connection, document, everything=twin is not None)
    change = _fold_again(connection, document, prepared, later, reparse) if later else _apply(connection, document)
    if change.added or change.removed or later:
        return Verdict.LOADED, "", change
    return Verdict.UNCHANGED, "every row was held already", change


def _twin(connection: duckdb.DuckDBPyConnection, document: Document) -> tuple[datetime, str] | None:
    """Time and id of the document of the same bytes that counts now, for dropped files."""
    if document.source != "file":
        return None
    return connection.execute(
        "select retrieved_at, document_id from meta.coverage where (account_id, report, sha256) = (?, ?, ?) limit 1",
        [document.account_id, document.report, document.sha256],
    ).fetchone()


def _stage(connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, only: list[str] | None = None) -> None:
    """Fill ``incoming`` with the document's rows and ``versions`` with its units, all or ``only`` some."""
    spec = SPECS[document.report]
    spelled = []
    for c in spec.kept:
        value = one_spelling(c, prepared.date_formats.get(c.name, ""), prepared.decimal_mark) if c.name in prepared.columns else "null"
        spelled.append(f"{value} as {identifier(c.name)}")
    content = ", ".join(f"coalesce({identifier(c.name)}, '')" for c in spec.kept)
    day = as_date(identifier(spec.event_date), prepared.date_formats[spec.event_date]) if spec.event_date else "cast(null as date)"
    connection.execute("create or replace temp table wanted (unit varchar)")
    if only is not None:
        connection.executemany("insert into wanted values (?)", [(u,) for u in only])
    only_wanted = "in (select unit from wanted)" if only is not None else "is not null"
    # Blank columns at the end leave no trace in the hash, so a column added to a report later changes no old row.
    connection.execute(
        f"""
        create or replace temp table incoming as
        with dated as (
            select *, {day} as _event_date from read_parquet({text_literal(str(prepared.parquet))})
        ), spelled as (
            select {", ".join(spelled)}, _event_date, _line from dated
        ), hashed as (
            select *, cast({_unit(spec, document)} as varchar) as _unit, md5(rtrim(concat_ws(chr(31), {content}), chr(31))) as _row_hash from spelled
        )
        select *, cast(row_number() over (partition by _unit, _row_hash order by _line) as integer) as _occurrence
        from hashed
        where _unit {only_wanted}{_inside_window(spec, document)}
        """
    )
    if spec.unit is Unit.DATE:
        assert prepared.window
        first, last = prepared.window
        edges = "false" if document.window_start else f"day in (date '{first}', date '{last}')"
        units = f"""
            select {_marketplace(document)} || cast(day as varchar) as unit, day as event_date, {edges} as is_edge
            from (select cast(unnest(generate_series(timestamp '{first}', timestamp '{last}', interval 1 day)) as date) as day)
            where {_marketplace(document)} || cast(day as varchar) {only_wanted}
        """
    else:
        units = "select _unit as unit, max(_event_date) as event_date, false as is_edge from incoming group by _unit"
    connection.execute(
        f"""
        create or replace temp table versions as
        with units as ({units}),
        counted as (select _unit as unit, count(*) as row_count from incoming group by _unit),
        held as (
            select unit, row_count from meta.coverage
            where account_id = {text_literal(document.account_id)} and report = {text_literal(document.report)} and is_held
        )
        select
            units.*,
            coalesce(counted.row_count, 0) as row_count,
            not is_edge and coalesce(held.row_count, 0) >= {SHRINK_FROM_ROWS} and coalesce(counted.row_count, 0) * 2 < held.row_count as is_shrunk,
            held.unit is null or case when is_edge then coalesce(counted.row_count, 0) >= held.row_count else not is_shrunk end as is_held
        from units left join counted using (unit) left join held using (unit)
        """
    )


def _inside_window(spec: ReportSpec, document: Document) -> str:
    """Leaves out the margin of a report whose units are days: half a day must not replace a whole one."""
    if spec.key != (spec.event_date,) or not document.window_start:
        return ""
    return f" and _event_date between date '{document.window_start}' and date '{document.window_end}'"


def _marketplace(document: Document) -> str:
    """What a unit begins with where a report is of one marketplace: its days are not those of another's report."""
    return text_literal(f"{document.marketplace_id}|" if document.marketplace_id and SPECS[document.report].unit is not Unit.KEY else "")


def _unit(spec: ReportSpec, document: Document) -> str:
    match spec.unit:
        case Unit.DATE:
            return f"{_marketplace(document)} || _event_date"
        case Unit.KEY:
            parts = ("cast(_event_date as varchar)" if k == spec.event_date else identifier(k) for k in spec.key)
            return " || '|' || ".join(f"coalesce({part}, '')" for part in parts)
        case Unit.SNAPSHOT:
            return f"{_marketplace(document)} || {text_literal(f'{document.retrieved_at:%Y-%m-%dT%H:%M:%S.%f}Z')}"


def _apply(connection: duckdb.DuckDBPyConnection, document: Document) -> Change:
    """One step of the fold: the staged document becomes the newest version of its units."""
    table, at = f"raw.{document.report}", document.retrieved_at.replace(tzinfo=None)
    names = ", ".join(identifier(c.name) for c in SPECS[document.report].kept)
    same = "(i._unit, i._row_hash, i._occurrence) = (r._unit, r._row_hash, r._occurrence)"
    current = "r.account_id = ? and r._valid_to is null and r._unit in (select unit from versions where is_held)"
    removed = connection.execute(
        f"update {table} as r set _valid_to = ? where {current} and not exists (select 1 from incoming as i where {same})", [at, document.account_id]
    ).fetchone()
    added = connection.execute(
        f"""
        insert into {table} by name
        select ? as account_id, {names}, _unit, _event_date, _row_hash, _occurrence, _line,
            ? as _document_id, ? as _marketplace_id, cast(? as timestamp) as _valid_from, cast(null as timestamp) as _valid_to
        from incoming as i
        where _unit in (select unit from versions where is_held)
            and not exists (select 1 from {table} as r where {current} and {same})
        order by _unit, _line
        """,
        [document.account_id, document.document_id, document.marketplace_id, at, document.account_id],
    ).fetchone()
    key = [document.account_id, document.report]
    connection.execute(
        "update meta.coverage set is_held = false "
        "where (account_id, report) = (?, ?) and is_held and unit in (select unit from versions where is_held)",
        key,
    )
    connection.execute(
        "insert into meta.coverage select ?, ?, unit, event_date, ?, ?, ?, row_count, is_edge, is_held, is_held from versions",
        [*key, document.document_id, document.sha256, at],
    )
    shrunk = connection.execute("select unit from versions where is_shrunk order by unit").fetchall()
    return Change(added=added[0] if added else 0, removed=removed[0] if removed else 0, shrunk=tuple(u for (u,) in shrunk))


def _units_to_fold_again(connection: duckdb.DuckDBPyConnection, document: Document, *, everything: bool) -> list[str]:
    """The staged units of which a newer document is held; all of them where the document itself is being moved in time."""
    newer = "true" if everything else "(retrieved_at, sha256) > (?, ?)"
    parameters = [] if everything else [document.retrieved_at.replace(tzinfo=None), document.sha256]
    found = connection.execute(
        f"select unit from versions where {'true or ' if everything else ''}unit in "
        f"(select unit from meta.coverage where (account_id, report) = (?, ?) and {newer}) order by unit",
        [document.account_id, document.report, *parameters],
    ).fetchall()
    return [u for (u,) in found]


def _fold_again(connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, later: list[str], reparse: Reparse) -> Change:
    """Apply the document to the units it is newest on, then fold the others from nothing with every document they have."""
    connection.execute("create or replace temp table folded (unit varchar)")
    connection.executemany("insert into folded values (?)", [(u,) for u in later])
    connection.execute("delete from incoming where _unit in (select unit from folded)")
    connection.execute("delete from versions where unit in (select unit from folded)")
    newest = _apply(connection, document)
    key = [document.account_id, document.report]
    others = connection.execute(
        "select distinct document_id from meta.coverage where (account_id, report) = (?, ?) and unit in (select unit from folded)", key
    ).fetchall()
    connection.execute(f"delete from raw.{document.report} where account_id = ? and _unit in (select unit from folded)", key[:1])
    connection.execute("delete from meta.coverage where (account_id, report) = (?, ?) and unit in (select unit from folded)", key)
    parsed = [(document, prepared), *(reparse(document.account_id, document.report, document_id) for (document_id,) in others)]
    added, removed = newest.added, newest.removed
    for version, its_rows in sorted(parsed, key=lambda p: p[0].order):
        _stage(connection, version, its_rows, only=later)
        change = _apply(connection, version)
        if version is document:
            added, removed = added + change.added, removed + change.removed
    return Change(added=added, removed=removed, shrunk=newest.shrunk)
