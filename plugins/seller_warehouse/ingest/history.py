"""The history of the raw tables: how a document changes what is true, and when it does not.

A document is the truth for its units (days, settlements, orders, one snapshot; see ``report_spec.Unit``). Loading it
compares the unit's rows with the document's as a multiset: row hash and occurrence number. Rows that vanished get
``_valid_to``, new ones ``_valid_from``, both the time the document was retrieved; equal rows are untouched.

The state of a unit is a fold over its documents in the order they were retrieved. A document that arrives late is put
in its place by folding the units it shares with newer ones again, from the rows that are kept in ``landing``. So the order of loading never
matters. Two documents retrieved at the same instant are ordered by their hash.

One step of the fold keeps what is held where the document is likely to be incomplete:

- the first and last day of a dropped file, which Amazon often cuts, unless it has at least as many rows as are held;
- a unit of 20 rows or more that would shrink to less than half (a truncated answer);
- every unit that would shrink, where the document as a whole has fewer rows of what is held than a restatement explains
  (``too_few_to_be_a_restatement``), so that sellers with few rows a day are guarded too.

A warning names such units. What a short document says of a unit is believed once another, retrieved at least a week
later, has as many rows of it: Amazon has then taken the rows back, and its answer was not cut.

The same bytes dropped twice are one document, retrieved when they were first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Document, Verdict
from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import ReportSpec, Unit
from seller_warehouse.core.sql import identifier, text_literal
from seller_warehouse.ingest.formats import as_date, last_year, one_spelling
from seller_warehouse.ingest.landing import find_document
from seller_warehouse.ingest.object_storage import storage_of
from seller_warehouse.ingest.parse import Prepared, prepare
from seller_warehouse.reports import SPECS

SHRINK_FROM_ROWS = 20
"""A unit below this may shrink freely by itself: a few rows that vanish are a restatement, not a truncated answer."""

FEW_ROWS = 3
"""So many rows of a document may always vanish; with fewer nobody can tell a restatement from a cut answer."""

RESTATED_SHARE = 0.1
"""The part of its rows that Amazon may take back between two answers: it changes rows for months, but seldom removes one. No figure is
published; of the answers that users have shown as incomplete a third of the rows and more were missing."""

DEVIATIONS = 3
"""How many standard deviations more than that may vanish by chance, each row by itself; with three, one sound document in 700 is kept out."""

CONFIRMED_AFTER_DAYS = 7
"""An answer that stays as short for so long is believed: rows that are only late come within days (selling-partner-api-models issue 1687)."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What loading a document did: rows that became or ceased to be true, and units that kept what was held.

    ``missing`` of ``held`` rows of its whole units are not in the document.
    """

    added: int = 0
    removed: int = 0
    shrunk: tuple[str, ...] = field(default=())
    missing: int = 0
    held: int = 0


def too_few_to_be_a_restatement(missing: str, held: str) -> str:
    """A condition in SQL that holds where so many of the rows held are missing that the document must be incomplete."""
    plausible = f"{RESTATED_SHARE} * {held} + {DEVIATIONS} * sqrt({RESTATED_SHARE} * (1 - {RESTATED_SHARE}) * {held})"
    return f"({missing} > {FEW_ROWS} and {missing} > {plausible})"


def load(connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, home: Home, account: Account) -> tuple[Verdict, str, Change]:
    """Put a document in its place in the history of its units; the caller holds the transaction.

    Where it is late, the rows of newer ones are read from the landing of ``home``; FileNotFoundError where one is no longer there.
    """
    twin = _twin(connection, document)
    if twin and twin <= (document.retrieved_at.replace(tzinfo=None), document.document_id):
        return Verdict.UNCHANGED, f"the same bytes as {twin[1]}", Change()
    if twin:
        connection.execute(
            "delete from meta.coverage where (account_id, report, document_id) = (?, ?, ?)", [document.account_id, document.report, twin[1]]
        )
    _stage(connection, document, prepared)
    later = _units_to_fold_again(connection, document, everything=twin is not None)
    change = _fold_again(connection, document, prepared, later, home, account) if later else _apply(connection, document)
    if change.added or change.removed or later:
        return Verdict.LOADED, "", change
    kept = "fewer rows than are held, which were kept" if change.shrunk else "every row was held already"
    return Verdict.UNCHANGED, kept, change


def _twin(connection: duckdb.DuckDBPyConnection, document: Document) -> tuple[datetime, str] | None:
    """Time and id of the document of the same bytes that counts now, for dropped files."""
    if document.source != "file":
        return None
    return connection.execute(
        "select retrieved_at, document_id from meta.coverage where (account_id, report, sha256) = (?, ?, ?) limit 1",
        [document.account_id, document.report, document.sha256],
    ).fetchone()


def _stage(
    connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, only: list[str] | None = None, is_short: bool | None = None
) -> None:
    """Fill ``incoming`` with the document's rows and ``versions`` with its units, all or ``only`` some.

    Some units do not show whether the document ``is_short`` as a whole, so that must be given then.
    """
    spec = SPECS[document.report]
    spelled = []
    for c in spec.kept:
        value = one_spelling(c, prepared.date_formats.get(c.name, ""), prepared.decimal_mark) if c.name in prepared.columns else "null"
        spelled.append(f"{value} as {identifier(c.name)}")
    content = ", ".join(f"coalesce({identifier(c.name)}, '')" for c in spec.kept)
    day = "cast(null as date)"
    if spec.event_date:
        day = as_date(identifier(spec.event_date), prepared.date_formats[spec.event_date], last_year(document.retrieved_at))
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
    short = str(is_short).lower()
    if is_short is None:
        # What sellers write themselves is never cut.
        of_amazon = "true" if spec.amazon_type or spec.unit is Unit.DATE else "false"
        short = f"{of_amazon} and {too_few_to_be_a_restatement('sum(missing_count) over ()', 'sum(guarded_count) over ()')}"
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
        known as (
            select * from meta.coverage where account_id = {text_literal(document.account_id)} and report = {text_literal(document.report)}
        ),
        held as (select unit, row_count as held_count, retrieved_at as held_since from known where is_held),
        compared as (
            select
                units.*,
                coalesce(counted.row_count, 0) as row_count,
                held_count,
                case when is_edge then 0 else coalesce(held_count, 0) end as guarded_count,
                greatest(guarded_count - coalesce(counted.row_count, 0), 0) as missing_count,
                exists (
                    select 1 from known
                    where known.unit = units.unit and not known.was_applied and not known.is_edge
                        and known.row_count = coalesce(counted.row_count, 0) and known.retrieved_at > held_since
                        and known.retrieved_at <= timestamp '{document.retrieved_at:%Y-%m-%d %H:%M:%S.%f}' - interval {CONFIRMED_AFTER_DAYS} day
                ) as is_confirmed
            from units left join counted using (unit) left join held using (unit)
        ),
        judged as (select *, {short} as is_short from compared)
        select
            unit, event_date, is_edge, row_count, guarded_count, missing_count, is_short,
            not is_confirmed and missing_count > 0
                and (is_short or guarded_count >= {SHRINK_FROM_ROWS} and row_count * 2 < guarded_count) as is_shrunk,
            held_count is null or case when is_edge then row_count >= held_count else not is_shrunk end as is_held
        from judged
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
        "insert into meta.coverage select ?, ?, unit, event_date, ?, ?, ?, row_count, is_edge, is_held, is_held, is_short from versions",
        [*key, document.document_id, document.sha256, at],
    )
    shrunk = connection.execute("select unit from versions where is_shrunk order by unit").fetchall()
    missing, held = connection.execute("select coalesce(sum(missing_count), 0), coalesce(sum(guarded_count), 0) from versions").fetchall()[0]
    return Change(
        added=added[0] if added else 0, removed=removed[0] if removed else 0,
        shrunk=tuple(u for (u,) in shrunk), missing=int(missing), held=int(held),
    )  # fmt: skip


def _units_to_fold_again(connection: duckdb.DuckDBPyConnection, document: Document, *, everything: bool) -> list[str]:
    """The units of which a newer document than this is held; all of its own where it is being moved in time.

    A newer document is judged as a whole, so all its units are folded again, and with them those of the documents newer than this
    that share any.
    """
    key = [document.account_id, document.report, document.retrieved_at.replace(tzinfo=None), document.sha256]
    newer = connection.execute(
        "select document_id, list(unit) from meta.coverage "
        "where (account_id, report) = (?, ?) and (retrieved_at, sha256) > (?, ?) group by document_id",
        key,
    ).fetchall()
    own = {u for (u,) in connection.execute("select unit from versions").fetchall()}
    folded = own if everything else set()
    touched = own
    while reached := [n for n in newer if not touched.isdisjoint(n[1])]:
        newer = [n for n in newer if n not in reached]
        touched = touched.union(*(units for _, units in reached))
        folded = touched
    return sorted(folded)


def _fold_again(
    connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, later: list[str], home: Home, account: Account
) -> Change:
    """Fold the units ``later`` from nothing with every document they have, the document among them in its place."""
    key = [document.account_id, document.report]
    connection.execute("create or replace temp table folded (unit varchar)")
    connection.executemany("insert into folded values (?)", [(u,) for u in later])
    judged_before = dict(
        connection.execute(
            "select document_id, any_value(is_short) from meta.coverage "
            "where (account_id, report) = (?, ?) and unit in (select unit from folded) group by document_id",
            key,
        ).fetchall()
    )
    connection.execute(f"delete from raw.{document.report} where account_id = ? and _unit in (select unit from folded)", key[:1])
    connection.execute("delete from meta.coverage where (account_id, report) = (?, ?) and unit in (select unit from folded)", key)
    others = [find_document(home, account.id, document.report, document_id) for document_id in judged_before]
    own = Change()
    for version in sorted([document, *others], key=lambda d: d.order):
        its_rows = prepared if version is document else prepare(version, account, version.path.parent, storage=storage_of(home))
        if version.order < document.order:
            # It may have units beside these, by which it was judged when it came; this document is newer and changes nothing of that.
            _stage(connection, version, its_rows, only=later, is_short=bool(judged_before[version.document_id]))
        else:
            _stage(connection, version, its_rows)
        change = _apply(connection, version)
        if version is document:
            own = change
    return own
