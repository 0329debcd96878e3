"""Events to alert about: those of the last publication, and refused documents in the build database.

``meta.alert_events`` (a dbt model) defines the events and the days on which they are due. Refused documents are read from the build database, since
no publication may follow them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

import duckdb

from seller_warehouse.core.accounts import Account
from seller_warehouse.readers.published import Published


class AlertKind(StrEnum):
    """The subject of an alert, in the order of sending."""

    ORDER_DEFECT_RATE = "ORDER_DEFECT_RATE"
    CLAIMS_CLOSING = "CLAIMS_CLOSING"
    DOCUMENT_REFUSED = "DOCUMENT_REFUSED"
    DATA_STALE = "DATA_STALE"
    SETTLEMENT_DIFFERENCE = "SETTLEMENT_DIFFERENCE"
    ROW_SET_ASIDE = "ROW_SET_ASIDE"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event to send once; ``units`` and ``amount`` are the worth of a claim."""

    key: str
    kind: AlertKind
    account_id: str
    message: str
    units: int = 0
    amount: Decimal | None = None
    currency_code: str | None = None


def events_of(
    published: Published | None, warehouse: duckdb.DuckDBPyConnection, accounts: Mapping[str, Account], known: Collection[str], *, today: date
) -> list[Event]:
    """All events that hold today, sent or not; only refusals if nothing is published. ``known``: the keys in ``meta.alerts``."""
    events = [*refused_documents(warehouse), *(published_events(published, accounts, known, today) if published else [])]
    order = list(AlertKind)
    return sorted(events, key=lambda e: order.index(e.kind))


def published_events(published: Published, accounts: Mapping[str, Account], known: Collection[str], today: date) -> list[Event]:
    """The events of the last publication that are due on a day; none if an older version published it.

    DATA_STALE events of accounts that have been removed are left out.
    """
    if "meta.alert_events" not in published.tables():
        return []
    rows = published.rows(
        """
        select key, kind, account_id, message, coalesce(units, 0), amount, currency_code, episode_start_date
        from meta.alert_events
        where coalesce(first_date <= $today, true) and coalesce(last_date >= $today, true)
            and (kind <> 'DATA_STALE' or list_contains($accounts::varchar[], account_id))
        order by account_id, place
        """,
        {"today": today, "accounts": list(accounts)},
    )
    return [
        Event(
            key=_key_of_episode(key, episode_start, known) if episode_start else key, kind=AlertKind(kind), account_id=account_id,
            message=message, units=units, amount=amount, currency_code=currency,
        )
        for key, kind, account_id, message, units, amount, currency, episode_start in rows
    ]  # fmt: skip


def _key_of_episode(key: str, start: date, known: Collection[str]) -> str:
    """The key under which an episode of a rate is known, if its status was at least as bad; keys end with status and day."""
    rate, status, _ = key.rsplit("|", 2)
    of_episode = [k for k in known for s in {status, "BAD"} if k.startswith(f"{rate}|{s}|") and date.fromisoformat(k.rsplit("|", 1)[1]) >= start]
    return max(of_episode, default=key)


def refused_documents(warehouse: duckdb.DuckDBPyConnection) -> list[Event]:
    """One event for each refused file, until a later run loads a file of its name or report; and one for each report of which Amazon's answers were
    refused in the last run, however many, until a run has no refusals."""
    files = warehouse.execute("""
        with verdicts as (
            select *, rowid as place from meta.loads where source = 'file'
            qualify row_number() over (partition by account_id, report, document_id order by rowid desc) = 1
        )
        select account_id, document_id, reason from verdicts as refused
        where verdict = 'QUARANTINED' and not exists (
            from meta.loads as good where good.verdict <> 'QUARANTINED' and good.account_id = refused.account_id
                and good.rowid > refused.place and good.run_id <> refused.run_id
                and (good.report = refused.report or good.file_name = refused.file_name)
        )
        order by retrieved_at, document_id
    """).fetchall()
    # A report is requested every day, and each answer is another document.
    answers = warehouse.execute("""
        with answered as (
            select *, rowid as place, max(retrieved_at) filter (where verdict = 'QUARANTINED') over run as run_refused_at
            from meta.loads where source = 'sp_api' window run as (partition by account_id, report, marketplace_id, run_id)
        ),
        since as (
            select *, coalesce(max(place) filter (where run_refused_at is null) over same_report, -1) as last_good_place
            from answered window same_report as (partition by account_id, report, marketplace_id)
        )
        select account_id, arg_min(document_id, place), arg_max(reason, place)
        from since where verdict = 'QUARANTINED' and place > last_good_place
        group by account_id, report, marketplace_id order by all
    """).fetchall()
    return [
        Event(key=f"{AlertKind.DOCUMENT_REFUSED}|{account_id}|{document_id}", kind=AlertKind.DOCUMENT_REFUSED, account_id=account_id, message=reason)
        for account_id, document_id, reason in files + answers
    ]
