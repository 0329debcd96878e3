"""The history of the raw tables: how a document changes the current rows, and when it does not.

A document is the truth for its scopes (days, settlements, orders, or one snapshot; see ``report_spec.ReplacementScope``). Loading it compares the
current rows of each scope with the document's rows as a multiset: row hash and occurrence number. Rows that vanished get ``_valid_to``, new ones
``_valid_from``, both the time the document was retrieved; equal rows are untouched.

The state of a scope is the result of applying its documents in the order they were retrieved. For a late document, the scopes that it shares with
newer ones are replayed from the rows kept in ``landing``. So the order of loading never matters. Documents retrieved at the same instant are ordered
by hash.

A document that is likely to be incomplete does not replace what is held:

- a dropped file that would close most of the rows it spans, or contains only one SKU or order while others are held, is refused (``replacement``);
- the first and last day of a dropped file, which Amazon often cuts, are kept unless the file has at least as many rows of them;
- a scope of 20 rows or more is kept if it would shrink to less than half (a truncated answer);
- if the whole document has fewer rows of its scopes than a restatement can explain (``implausibly_short_sql``), every scope that would shrink is
  kept; this also protects sellers with few rows a day.

A warning names the scopes that would have shrunk. A short scope is accepted once another document, retrieved at least a week later, has the same
number of rows of it: then Amazon has withdrawn rows, and the answer was not cut. A refused document confirms nothing.

Single rows are not added to a scope that is kept: without a key, a missing row cannot be distinguished from a restated one, and its money would count
twice. The verdict names the lines of rows that are not held.

A refused document takes part in a replay without an effect: after a late file is inserted it may be accepted, or an accepted one refused.

Identical bytes dropped twice are one document, with the earliest retrieval time. A file in the folder that forces replacement is a separate document.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

import duckdb

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Document, Verdict
from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import ReplacementScope, ReportSpec
from seller_warehouse.core.sql import identifier, text_literal
from seller_warehouse.ingest.formats import date_sql, last_year, normalised_sql
from seller_warehouse.ingest.landing import find_document
from seller_warehouse.ingest.object_storage import storage_of
from seller_warehouse.ingest.parse import Prepared, prepare
from seller_warehouse.ingest.replacement import REPLACE, is_from_amazon, replacement_refusal
from seller_warehouse.reports import SPECS

SHRINK_FROM_ROWS = 20
"""A scope with fewer rows may shrink: a few rows that vanish are a restatement, not a truncated answer."""

FEW_ROWS = 3
"""This many rows of a document may always vanish: such small numbers do not distinguish a restatement from a cut answer."""

RESTATED_SHARE = 0.1
"""The share of rows that Amazon may withdraw between two answers: it changes rows for months, but seldom removes one. No figure is published; in the
incomplete answers that users have reported, a third of the rows or more were missing."""

DEVIATIONS = 3
"""Standard deviations above that share that are still attributed to chance, each row by itself; with three, one good document in 700 is rejected."""

CONFIRMED_AFTER_DAYS = 7
"""An answer that is still as short after this many days is accepted: late rows come within days (selling-partner-api-models issue 1687)."""


SHOWN_ROWS = 10
"""Left-out rows that a change names."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """The effect of loading a document: numbers of ``added`` and ``removed`` rows, and the ``shrunk`` scopes, which were kept.

    ``missing`` of the ``held`` rows of its scopes are not in the document. ``left_out``: line and scope of the first of ``left_out_count`` rows that
    are neither held nor loaded. A document with a ``refusal`` changed nothing. ``rejudged``: other documents whose verdict was reversed.
    """

    added: int = 0
    removed: int = 0
    shrunk: tuple[str, ...] = ()
    missing: int = 0
    held: int = 0
    left_out: tuple[tuple[int, str], ...] = ()
    left_out_count: int = 0
    refusal: str = ""
    rejudged: tuple[Rejudged, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rejudged:
    """A document that was refused and is now loaded, or the reverse, because an earlier one was inserted before it."""

    document: Document
    prepared: Prepared
    change: Change


def implausibly_short_sql(missing: str, held: str) -> str:
    """SQL condition: so many of the held rows are missing that the document must be incomplete."""
    plausible = f"{RESTATED_SHARE} * {held} + {DEVIATIONS} * sqrt({RESTATED_SHARE} * (1 - {RESTATED_SHARE}) * {held})"
    return f"({missing} > {FEW_ROWS} and {missing} > {plausible})"


def load(connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, home: Home, account: Account) -> tuple[Verdict, str, Change]:
    """Load a document into the history of its scopes; the caller holds the transaction.

    If it is late, the rows of newer documents are read from the landing of ``home``. Raises Refusal if one is no longer there.
    """
    duplicate = _duplicate(connection, document, home)
    if duplicate and duplicate <= (document.retrieved_at.replace(tzinfo=None), document.document_id):
        return _verdict_of_duplicate(connection, document, duplicate[1])
    if duplicate:
        connection.execute(
            "delete from meta.coverage where (account_id, report, document_id) = (?, ?, ?)", [document.account_id, document.report, duplicate[1]]
        )
    refusal = _stage(connection, document, prepared)
    later = _scopes_to_replay(connection, document, home, everything=duplicate is not None)
    change = _replay(connection, document, prepared, later, home, account) if later else _apply(connection, document, refusal)
    return *verdict_of(document, change, is_placed=bool(later)), change


def verdict_of(document: Document, change: Change, *, is_placed: bool = False) -> tuple[Verdict, str]:
    """Verdict and reason of a document with this change; ``is_placed`` if newer documents were replayed after it."""
    if change.refusal:
        return Verdict.QUARANTINED, change.refusal
    if change.left_out:
        lines = ", ".join(str(line) for line, _ in change.left_out)
        scopes = ", ".join(dict.fromkeys(scope for _, scope in change.left_out))
        more = f" and {change.left_out_count - len(change.left_out)} more" if change.left_out_count > len(change.left_out) else ""
        what = f"line {lines}{more}: not held and left out, since {scopes} is held from a document with more rows of it"
        remedy = "the days are asked for again"
        if document.source == "file":
            remedy = f"drop a report that has the day inside its range, or this one into inbox/{document.account_id}/{REPLACE}/ where it is whole"
        return Verdict.ROWS_LEFT_OUT, f"{document.file_name}, {what}; {remedy}."
    if change.added or change.removed or is_placed:
        return Verdict.LOADED, ""
    return Verdict.UNCHANGED, "fewer rows than are held, which were kept" if change.shrunk else "every row was held already"


def _duplicate(connection: duckdb.DuckDBPyConnection, document: Document, home: Home) -> tuple[datetime, str] | None:
    """Retrieval time and id of the loaded document with the same bytes, for dropped files; a forced file duplicates only a forced one."""
    if document.source != "file":
        return None
    found = connection.execute(
        "select distinct retrieved_at, document_id from meta.coverage where (account_id, report, sha256) = (?, ?, ?)",
        [document.account_id, document.report, document.sha256],
    ).fetchall()
    return next((t for t in found if find_document(home, document.account_id, document.report, t[1]).replaces == document.replaces), None)


def _verdict_of_duplicate(connection: duckdb.DuckDBPyConnection, document: Document, duplicate_id: str) -> tuple[Verdict, str, Change]:
    """The verdict on identical bytes: the same again if they were refused or rows were left out, else UNCHANGED."""
    previous = connection.execute(
        "select verdict, reason from meta.loads where (account_id, report, document_id) = (?, ?, ?) order by rowid desc limit 1",
        [document.account_id, document.report, duplicate_id],
    ).fetchone()
    same = f"the same bytes as {duplicate_id}"
    if previous and previous[0] in (Verdict.QUARANTINED, Verdict.ROWS_LEFT_OUT):
        reason = f"{same}: {previous[1]}"
        return Verdict(previous[0]), reason, Change(refusal=reason if previous[0] == Verdict.QUARANTINED else "")
    return Verdict.UNCHANGED, same, Change()


def _stage(connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, only: list[str] | None = None) -> str:
    """Fill ``incoming`` with the document's rows and ``versions`` with its scopes and whether they are applied; returns the reason of a refusal, or
    "".

    With ``only``, just these scopes are staged, as they were judged at the first load (``recorded``).
    """
    spec = SPECS[document.report]
    values = []
    for c in spec.kept:
        value = (
            normalised_sql(c, prepared.date_formats.get(c.name, ""), prepared.decimal_mark) if c.name in prepared.columns else "cast(null as varchar)"
        )
        values.append(f"{value} as {identifier(c.name)}")
    content = ", ".join(f"coalesce({identifier(c.name)}, '')" for c in spec.kept)
    day = "cast(null as date)"
    if spec.event_date:
        day = date_sql(identifier(spec.event_date), prepared.date_formats[spec.event_date], last_year(document.retrieved_at))
    connection.execute("create or replace temp table wanted (unit varchar)")
    if only is not None:
        connection.executemany("insert into wanted values (?)", [(u,) for u in only])
    only_wanted = "in (select unit from wanted)" if only is not None else "is not null"
    # Blank columns at the end are not part of the hash, so a column added to a report later changes no old row.
    connection.execute(
        f"""
        create or replace temp table incoming as
        with dated as (
            select *, {day} as _event_date from read_parquet({text_literal(str(prepared.parquet))})
        ), normalised as (
            select {", ".join(values)}, _event_date, _line from dated
        ), hashed as (
            select *, cast({_scope_key_sql(spec, document)} as varchar) as _unit,
                md5(rtrim(concat_ws(chr(31), {content}), chr(31))) as _row_hash
            from normalised
        )
        select *, 1 as _occurrence from hashed where _unit {only_wanted}{_inside_window(spec, document)}
        """
    )
    # Equal rows are few: numbering them alone is cheaper than sorting all.
    connection.execute(
        """
        update incoming set _occurrence = numbered.occurrence
        from (
            select rowid as place, cast(row_number() over (partition by _unit, _row_hash order by _line) as integer) as occurrence
            from incoming semi join (select _unit, _row_hash from incoming group by all having count(*) > 1) using (_unit, _row_hash)
        ) as numbered
        where incoming.rowid = numbered.place
        """
    )
    if only is not None:
        connection.execute(
            "create or replace temp table versions as select unit, event_date, is_edge, row_count, 0 as guarded_count, 0 as missing_count, is_short, "
            f"false as is_shrunk, was_applied as is_held from recorded where document_id = {text_literal(document.document_id)}"
        )
        return ""
    if spec.replacement_scope is ReplacementScope.DATE:
        assert prepared.window
        first, last = prepared.window
        edges = "false" if document.window_start or document.replaces else f"day in (date '{first}', date '{last}')"
        scopes = f"""
            select {_marketplace_prefix_sql(document)} || cast(day as varchar) as unit, day as event_date, {edges} as is_edge
            from (select cast(unnest(generate_series(timestamp '{first}', timestamp '{last}', interval 1 day)) as date) as day)
        """
    else:
        scopes = "select _unit as unit, max(_event_date) as event_date, false as is_edge from incoming group by _unit"
    # Only Amazon's reports may be cut, not files that sellers write themselves.
    is_guarded, forced = str(is_from_amazon(spec) and not document.replaces).lower(), str(document.replaces).lower()
    short = implausibly_short_sql("sum(missing_count) over ()", "sum(guarded_count) over ()")
    connection.execute(
        f"""
        create or replace temp table versions as
        with scopes as ({scopes}),
        counted as (select _unit as unit, count(*) as row_count from incoming group by _unit),
        known as (
            select * from meta.coverage where account_id = {text_literal(document.account_id)} and report = {text_literal(document.report)}
        ),
        held as (select unit, row_count as held_count, retrieved_at as held_since from known where is_held),
        compared as (
            select
                scopes.*,
                coalesce(counted.row_count, 0) as row_count,
                held_count,
                case when is_edge then 0 else coalesce(held_count, 0) end as guarded_count,
                greatest(guarded_count - coalesce(counted.row_count, 0), 0) as missing_count,
                exists (
                    select 1 from known
                    where known.unit = scopes.unit and not known.was_applied and not known.is_edge
                        and known.row_count = coalesce(counted.row_count, 0) and known.retrieved_at > held_since
                        and known.retrieved_at <= timestamp '{document.retrieved_at:%Y-%m-%d %H:%M:%S.%f}' - interval {CONFIRMED_AFTER_DAYS} day
                ) as is_confirmed
            from scopes left join counted using (unit) left join held using (unit)
        ),
        judged as (select *, {is_guarded} and {short} as is_short from compared)
        select
            unit, event_date, is_edge, row_count, coalesce(held_count, 0) as held_count, guarded_count, missing_count, is_short,
            not is_confirmed and missing_count > 0 and not {forced}
                and (is_short or guarded_count >= {SHRINK_FROM_ROWS} and row_count * 2 < guarded_count) as is_shrunk,
            judged.held_count is null or case when is_edge then row_count >= judged.held_count else not is_shrunk end as is_held
        from judged
        """
    )
    refusal = replacement_refusal(connection, document)
    if refusal:
        connection.execute("update versions set is_edge = true, is_shrunk = false, is_held = false")
    return f"{document.file_name}, {refusal}" if refusal else ""


def _inside_window(spec: ReportSpec, document: Document) -> str:
    """SQL condition that drops the margin of a report whose scopes are days: half a day must not replace a whole one."""
    if spec.key != (spec.event_date,) or not document.window_start:
        return ""
    return f" and _event_date between date '{document.window_start}' and date '{document.window_end}'"


def _marketplace_prefix_sql(document: Document) -> str:
    """SQL: the start of a scope key if the report covers one marketplace, whose days are separate from those of another's report."""
    has_key = SPECS[document.report].replacement_scope is ReplacementScope.KEY
    return text_literal(f"{document.marketplace_id}|" if document.marketplace_id and not has_key else "")


def _scope_key_sql(spec: ReportSpec, document: Document) -> str:
    match spec.replacement_scope:
        case ReplacementScope.DATE:
            return f"{_marketplace_prefix_sql(document)} || _event_date"
        case ReplacementScope.KEY:
            parts = ("cast(_event_date as varchar)" if k == spec.event_date else identifier(k) for k in spec.key)
            return " || '|' || ".join(f"coalesce({part}, '')" for part in parts)
        case ReplacementScope.SNAPSHOT:
            return f"{_marketplace_prefix_sql(document)} || {text_literal(f'{document.retrieved_at:%Y-%m-%dT%H:%M:%S.%f}Z')}"


def _apply(connection: duckdb.DuckDBPyConnection, document: Document, refusal: str = "") -> Change:
    """Make the staged document the newest version of its scopes."""
    table, at = f"raw.{document.report}", document.retrieved_at.replace(tzinfo=None)
    names = ", ".join(identifier(c.name) for c in SPECS[document.report].kept)
    identity = "_unit, _row_hash, _occurrence"
    connection.execute(
        f"create or replace temp table held as select rowid as place, {identity} from {table} "
        "where account_id = ? and _valid_to is null and _unit in (select unit from versions)",
        [document.account_id],
    )
    removed = connection.execute(
        f"update {table} set _valid_to = ? where rowid in (select place from held anti join incoming using ({identity}) "
        "where _unit in (select unit from versions where is_held))",
        [at],
    ).fetchone()
    added = connection.execute(
        f"""
        insert into {table} by name
        select ? as account_id, {names}, _unit, _event_date, _row_hash, _occurrence, _line,
            ? as _document_id, ? as _marketplace_id, cast(? as timestamp) as _valid_from, cast(null as timestamp) as _valid_to
        from incoming anti join held using ({identity})
        where _unit in (select unit from versions where is_held)
        """,
        [document.account_id, document.document_id, document.marketplace_id, at],
    ).fetchone()
    left_out = connection.execute(
        f"""
        select _line, _unit, count(*) over () from incoming anti join held using ({identity})
        where _unit in (select unit from versions where not is_held)
        order by _line limit {SHOWN_ROWS}
        """
    ).fetchall()
    key = [document.account_id, document.report]
    connection.execute(
        "update meta.coverage set is_held = false "
        "where (account_id, report) = (?, ?) and is_held and unit in (select unit from versions where is_held)",
        key,
    )
    connection.execute(
        "insert into meta.coverage (account_id, report, unit, event_date, document_id, sha256, retrieved_at, row_count, is_edge, was_applied, "
        "is_held, is_short) select ?, ?, unit, event_date, ?, ?, ?, row_count, is_edge, is_held, is_held, is_short from versions",
        [*key, document.document_id, document.sha256, at],
    )
    shrunk = connection.execute("select unit from versions where is_shrunk order by unit").fetchall()
    missing, held = connection.execute("select coalesce(sum(missing_count), 0), coalesce(sum(guarded_count), 0) from versions").fetchall()[0]
    return Change(
        added=added[0] if added else 0, removed=removed[0] if removed else 0,
        shrunk=tuple(u for (u,) in shrunk), missing=int(missing), held=int(held), refusal=refusal,
        left_out=tuple(row[:2] for row in left_out) if not refusal else (), left_out_count=left_out[0][2] if left_out and not refusal else 0,
    )  # fmt: skip


def _scopes_to_replay(connection: duckdb.DuckDBPyConnection, document: Document, home: Home, *, everything: bool) -> list[str]:
    """The scopes to replay: those that newer documents share with this one; with ``everything``, all of its own, since its retrieval time changes.

    A newer document is judged as a whole, so all its scopes are replayed, and with them those of further newer documents that share any. A dropped
    snapshot is judged against the previous one.
    """
    newer = connection.execute(
        "select document_id, list(unit) from meta.coverage where (account_id, report) = (?, ?) and (retrieved_at, sha256, document_id) > (?, ?, ?) "
        "group by document_id order by min((retrieved_at, sha256, document_id))",
        [document.account_id, document.report, document.retrieved_at.replace(tzinfo=None), document.sha256, document.document_id],
    ).fetchall()
    own = {u for (u,) in connection.execute("select unit from versions").fetchall()}
    replayed = own if everything else set()
    if SPECS[document.report].replacement_scope is ReplacementScope.SNAPSHOT:
        marketplaces = {u.rpartition("|")[0] for u in own}
        after = [(d, u) for d, (u,) in newer if u.rpartition("|")[0] in marketplaces]
        dropped = takewhile(lambda n: find_document(home, document.account_id, document.report, n[0]).source == "file", after)
        return sorted(replayed | {scope for _, scope in dropped})
    touched = own
    while reached := [n for n in newer if not touched.isdisjoint(n[1])]:
        newer = [n for n in newer if n not in reached]
        touched = touched.union(*(scopes for _, scopes in reached))
        replayed = touched
    return sorted(replayed)


def _replay(connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, later: list[str], home: Home, account: Account) -> Change:
    """Rebuild the scopes ``later`` from all their documents in order, including this one."""
    key = [document.account_id, document.report]
    connection.execute("create or replace temp table replayed (unit varchar)")
    connection.executemany("insert into replayed values (?)", [(u,) for u in later])
    its_scopes = "(account_id, report) = (?, ?) and unit in (select unit from replayed)"
    connection.execute(f"create or replace temp table recorded as select * from meta.coverage where {its_scopes}", key)
    connection.execute(f"delete from raw.{document.report} where account_id = ? and _unit in (select unit from replayed)", key[:1])
    connection.execute(f"delete from meta.coverage where {its_scopes}", key)
    others = [d for (d,) in connection.execute("select distinct document_id from recorded").fetchall() if d != document.document_id]
    verdicts = dict(
        connection.execute(
            "select document_id, arg_max(verdict, rowid) from meta.loads where (account_id, report) = (?, ?) group by all", key
        ).fetchall()
    )
    own, rejudged = Change(), []
    for version in sorted([document, *(find_document(home, account.id, document.report, d) for d in others)], key=lambda d: d.order):
        its_rows = prepared if version is document else prepare(version, account, version.path.parent, storage=storage_of(home))
        # Older documents keep their verdicts: this one does not affect them.
        change = _apply(connection, version, _stage(connection, version, its_rows, only=later if version.order < document.order else None))
        if version is document:
            own = change
        elif version.document_id in verdicts and bool(change.refusal) != (verdicts[version.document_id] == Verdict.QUARANTINED):
            rejudged.append(Rejudged(document=version, prepared=its_rows, change=change))
    return replace(own, rejudged=tuple(rejudged))
