"""The history of the raw tables: how a document changes what is true, and when it does not.

A document is the truth for its units (days, settlements, orders, one snapshot; see ``report_spec.Unit``). Loading it
compares the unit's rows with the document's as a multiset: row hash and occurrence number. Rows that vanished get
``_valid_to``, new ones ``_valid_from``, both the time the document was retrieved; equal rows are untouched.

The state of a unit is a fold over its documents in the order they were retrieved. A document that arrives late is put
in its place by folding the units it shares with newer ones again, from the rows that are kept in ``landing``. So the order of loading never
matters. Two documents retrieved at the same instant are ordered by their hash.

One step of the fold keeps what is held where the document is likely to be incomplete:

- a dropped file that would close most of what it spans, or names one SKU or order where others are held, is refused (``replacement``);
- the first and last day of a dropped file, which Amazon often cuts, stay unless it has at least as many rows as are held;
- a unit of 20 rows or more stays where it would shrink to less than half (a truncated answer);
- every unit that would shrink stays, where the document as a whole has fewer rows of what is held than a restatement explains
  (``too_few_to_be_a_restatement``), so that sellers with few rows a day are guarded too.

A warning names the units that would have shrunk. What a short document says of a unit is believed once another, retrieved at least a week
later, has as many rows of it: Amazon has then taken the rows back, and its answer was not cut. What a refused one says confirms nothing.

Rows of a unit that stays are not added to it one by one: without a key nobody can tell a row that is missing from one that was restated, and its
money would count twice. Where they are not held, the verdict says so and names their lines.

A refused document is part of the fold, without an effect: beside a file that turns up late it may be believed, or another no longer.

The same bytes dropped twice are one document, retrieved when they were first. A file in the folder that forces it is a document of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

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
from seller_warehouse.ingest.replacement import REPLACE, is_of_amazon, refusal_of
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


SHOWN_ROWS = 10
"""How many rows that were left out a change names."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What loading a document did: rows that became or ceased to be true, and units that kept what was held.

    ``missing`` of ``held`` rows of its whole units are not in the document. ``left_out`` are the first of ``left_out_count`` of its rows that are
    neither held nor loaded: line and unit. A document with a ``refusal`` changed nothing. ``rejudged`` are others of which the opposite holds now.
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
    """A document that was refused and is loaded now, or the other way round, since another has taken its place before it."""

    document: Document
    prepared: Prepared
    change: Change


def too_few_to_be_a_restatement(missing: str, held: str) -> str:
    """A condition in SQL that holds where so many of the rows held are missing that the document must be incomplete."""
    plausible = f"{RESTATED_SHARE} * {held} + {DEVIATIONS} * sqrt({RESTATED_SHARE} * (1 - {RESTATED_SHARE}) * {held})"
    return f"({missing} > {FEW_ROWS} and {missing} > {plausible})"


def load(connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, home: Home, account: Account) -> tuple[Verdict, str, Change]:
    """Put a document in its place in the history of its units; the caller holds the transaction.

    Where it is late, the rows of newer ones are read from the landing of ``home``; Refusal where one is no longer there.
    """
    twin = _twin(connection, document, home)
    if twin and twin <= (document.retrieved_at.replace(tzinfo=None), document.document_id):
        return _as_its_twin(connection, document, twin[1])
    if twin:
        connection.execute(
            "delete from meta.coverage where (account_id, report, document_id) = (?, ?, ?)", [document.account_id, document.report, twin[1]]
        )
    refusal = _stage(connection, document, prepared)
    later = _units_to_fold_again(connection, document, home, everything=twin is not None)
    change = _fold_again(connection, document, prepared, later, home, account) if later else _apply(connection, document, refusal)
    return *verdict_of(document, change, is_placed=bool(later)), change


def verdict_of(document: Document, change: Change, *, is_placed: bool = False) -> tuple[Verdict, str]:
    """Verdict and reason of a document that did such a change; ``is_placed`` where it has newer ones after it."""
    if change.refusal:
        return Verdict.QUARANTINED, change.refusal
    if change.left_out:
        lines = ", ".join(str(line) for line, _ in change.left_out)
        units = ", ".join(dict.fromkeys(unit for _, unit in change.left_out))
        more = f" and {change.left_out_count - len(change.left_out)} more" if change.left_out_count > len(change.left_out) else ""
        what = f"line {lines}{more}: not held and left out, since {units} is held from a document with more rows of it"
        remedy = "the days are asked for again"
        if document.source == "file":
            remedy = f"drop a report that has the day inside its range, or this one into inbox/{document.account_id}/{REPLACE}/ where it is whole"
        return Verdict.ROWS_LEFT_OUT, f"{document.file_name}, {what}; {remedy}."
    if change.added or change.removed or is_placed:
        return Verdict.LOADED, ""
    return Verdict.UNCHANGED, "fewer rows than are held, which were kept" if change.shrunk else "every row was held already"


def _twin(connection: duckdb.DuckDBPyConnection, document: Document, home: Home) -> tuple[datetime, str] | None:
    """Time and id of the document of the same bytes that counts now, for dropped files; one that is forced is no twin of one that is not."""
    if document.source != "file":
        return None
    found = connection.execute(
        "select distinct retrieved_at, document_id from meta.coverage where (account_id, report, sha256) = (?, ?, ?)",
        [document.account_id, document.report, document.sha256],
    ).fetchall()
    return next((t for t in found if find_document(home, document.account_id, document.report, t[1]).replaces == document.replaces), None)


def _as_its_twin(connection: duckdb.DuckDBPyConnection, document: Document, twin_id: str) -> tuple[Verdict, str, Change]:
    """What was said of the same bytes before holds again, unless they were taken: then nothing is new."""
    said = connection.execute(
        "select verdict, reason from meta.loads where (account_id, report, document_id) = (?, ?, ?) order by rowid desc limit 1",
        [document.account_id, document.report, twin_id],
    ).fetchone()
    same = f"the same bytes as {twin_id}"
    if said and said[0] in (Verdict.QUARANTINED, Verdict.ROWS_LEFT_OUT):
        reason = f"{same}: {said[1]}"
        return Verdict(said[0]), reason, Change(refusal=reason if said[0] == Verdict.QUARANTINED else "")
    return Verdict.UNCHANGED, same, Change()


def _stage(connection: duckdb.DuckDBPyConnection, document: Document, prepared: Prepared, only: list[str] | None = None) -> str:
    """Fill ``incoming`` with the document's rows, and ``versions`` with its units and whether they are taken; returns why it is refused, or "".

    Where it keeps its place, ``only`` some of its units are staged, as they were judged when it came (``recorded``).
    """
    spec = SPECS[document.report]
    spelled = []
    for c in spec.kept:
        value = (
            one_spelling(c, prepared.date_formats.get(c.name, ""), prepared.decimal_mark) if c.name in prepared.columns else "cast(null as varchar)"
        )
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
    if only is not None:
        connection.execute(
            "create or replace temp table versions as select unit, event_date, is_edge, row_count, 0 as guarded_count, 0 as missing_count, is_short, "
            f"false as is_shrunk, was_applied as is_held from recorded where document_id = {text_literal(document.document_id)}"
        )
        return ""
    if spec.unit is Unit.DATE:
        assert prepared.window
        first, last = prepared.window
        edges = "false" if document.window_start or document.replaces else f"day in (date '{first}', date '{last}')"
        units = f"""
            select {_marketplace(document)} || cast(day as varchar) as unit, day as event_date, {edges} as is_edge
            from (select cast(unnest(generate_series(timestamp '{first}', timestamp '{last}', interval 1 day)) as date) as day)
        """
    else:
        units = "select _unit as unit, max(_event_date) as event_date, false as is_edge from incoming group by _unit"
    # What sellers write themselves is never cut.
    is_guarded, forced = str(is_of_amazon(spec) and not document.replaces).lower(), str(document.replaces).lower()
    short = too_few_to_be_a_restatement("sum(missing_count) over ()", "sum(guarded_count) over ()")
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
        judged as (select *, {is_guarded} and {short} as is_short from compared)
        select
            unit, event_date, is_edge, row_count, coalesce(held_count, 0) as held_count, guarded_count, missing_count, is_short,
            not is_confirmed and missing_count > 0 and not {forced}
                and (is_short or guarded_count >= {SHRINK_FROM_ROWS} and row_count * 2 < guarded_count) as is_shrunk,
            judged.held_count is null or case when is_edge then row_count >= judged.held_count else not is_shrunk end as is_held
        from judged
        """
    )
    refusal = refusal_of(connection, document)
    if refusal:
        connection.execute("update versions set is_edge = true, is_shrunk = false, is_held = false")
    return f"{document.file_name}, {refusal}" if refusal else ""


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


def _apply(connection: duckdb.DuckDBPyConnection, document: Document, refusal: str = "") -> Change:
    """One step of the fold: the staged document becomes the newest version of its units."""
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
        order by _unit, _line
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


def _units_to_fold_again(connection: duckdb.DuckDBPyConnection, document: Document, home: Home, *, everything: bool) -> list[str]:
    """The units of which a newer document than this is held; all of its own where it is being moved in time.

    A newer document is judged as a whole, so all its units are folded again, and with them those of the documents newer than this
    that share any. A dropped snapshot is judged by the one before it.
    """
    newer = connection.execute(
        "select document_id, list(unit) from meta.coverage where (account_id, report) = (?, ?) and (retrieved_at, sha256, document_id) > (?, ?, ?) "
        "group by document_id order by min((retrieved_at, sha256, document_id))",
        [document.account_id, document.report, document.retrieved_at.replace(tzinfo=None), document.sha256, document.document_id],
    ).fetchall()
    own = {u for (u,) in connection.execute("select unit from versions").fetchall()}
    folded = own if everything else set()
    if SPECS[document.report].unit is Unit.SNAPSHOT:
        marketplaces = {u.rpartition("|")[0] for u in own}
        after = [(d, u) for d, (u,) in newer if u.rpartition("|")[0] in marketplaces]
        dropped = takewhile(lambda n: find_document(home, document.account_id, document.report, n[0]).source == "file", after)
        return sorted(folded | {unit for _, unit in dropped})
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
    its_units = "(account_id, report) = (?, ?) and unit in (select unit from folded)"
    connection.execute(f"create or replace temp table recorded as select * from meta.coverage where {its_units}", key)
    connection.execute(f"delete from raw.{document.report} where account_id = ? and _unit in (select unit from folded)", key[:1])
    connection.execute(f"delete from meta.coverage where {its_units}", key)
    others = [d for (d,) in connection.execute("select distinct document_id from recorded").fetchall() if d != document.document_id]
    verdicts = dict(
        connection.execute(
            "select document_id, arg_max(verdict, rowid) from meta.loads where (account_id, report) = (?, ?) group by all", key
        ).fetchall()
    )
    own, rejudged = Change(), []
    for version in sorted([document, *(find_document(home, account.id, document.report, d) for d in others)], key=lambda d: d.order):
        its_rows = prepared if version is document else prepare(version, account, version.path.parent, storage=storage_of(home))
        # This document is newer than those before it, and changes nothing of how they were judged.
        change = _apply(connection, version, _stage(connection, version, its_rows, only=later if version.order < document.order else None))
        if version is document:
            own = change
        elif version.document_id in verdicts and bool(change.refusal) != (verdicts[version.document_id] == Verdict.QUARANTINED):
            rejudged.append(Rejudged(document=version, prepared=its_rows, change=change))
    return replace(own, rejudged=tuple(rejudged))
