"""Send events as messages to the channels, each event once.

An event has a key. ``meta.alerts`` of the build database stores each one; it counts as sent only after every channel accepted it. ``alerts.json`` in
the home has a copy, for a new build database.
Unsent events are re-evaluated each run: they are sent with the current figures, or dropped if they no longer hold.
The events of one kind and account are sent as one message.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote

import duckdb

from seller_warehouse.alerts.channels import URLS_SETTING, Channel, channel_urls, channels_of
from seller_warehouse.alerts.events import AlertKind, Event, events_of
from seller_warehouse.core.accounts import Account, ConfigurationError
from seller_warehouse.core.home import Home, shown, write_atomically
from seller_warehouse.ingest.warehouse import open_warehouse
from seller_warehouse.readers.published import Published

NO_CHANNEL = "no channel"
DASHBOARD_SETTING, DASHBOARD_URL = "SELLER_WAREHOUSE_DASHBOARD_URL", "http://127.0.0.1:8501"
LINES = 10
"""Events that a message lists; the others are counted."""

TITLES = {
    AlertKind.ORDER_DEFECT_RATE: "order defect rate at or near the target",
    AlertKind.CLAIMS_CLOSING: "claims close soon",
    AlertKind.DOCUMENT_REFUSED: "a document was refused",
    AlertKind.DATA_STALE: "data is older than promised",
    AlertKind.SETTLEMENT_DIFFERENCE: "settlements differ from reimbursements",
    AlertKind.ROW_SET_ASIDE: "rows were set aside",
}
PAGES = {
    AlertKind.ORDER_DEFECT_RATE: "order-defects",
    AlertKind.CLAIMS_CLOSING: "eligible",
    AlertKind.DOCUMENT_REFUSED: "health",
    AlertKind.DATA_STALE: "health",
    AlertKind.SETTLEMENT_DIFFERENCE: "finance",
    AlertKind.ROW_SET_ASIDE: "health",
}
"""The dashboard page that shows the events."""


class DeliveryFailed(Exception):
    """A channel did not accept a message; the next run tries again."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One message: the events of a kind and account."""

    title: str
    body: str
    keys: tuple[str, ...]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _worth(amount: Decimal | None, currency: str | None) -> str:
    """An amount with its currency, with two decimals, or four if there are fractions of a cent."""
    if amount is None:
        return "of unknown value"
    return f"{amount:,.4f}".removesuffix("00") + f" {currency}"


# Messages


def notices(events: Iterable[Event], dashboard_url: str) -> list[Notice]:
    """One message for each kind and account: the first events, the worth of all by currency, and a link to the dashboard page."""
    groups: dict[tuple[AlertKind, str], list[Event]] = defaultdict(list)
    for event in events:
        groups[event.kind, event.account_id].append(event)
    made = []
    for (kind, account_id), group in groups.items():
        lines = [_without_links(e.message) for e in group[:LINES]]
        if len(group) > LINES:
            lines.append(f"and {len(group) - LINES} more")
        if units := sum(e.units for e in group):
            lines.insert(0, f"{_counted(units, 'unit')} of {_counted(len(group), 'claim')}, {_total(group)}")
        link = f"{dashboard_url}/{PAGES[kind]}" + (f"?account={quote(account_id)}" if account_id else "")
        title = f"{account_id or 'no account'}: {TITLES[kind]}"
        made.append(Notice(title=title, body="\n".join([*lines, link]), keys=tuple(e.key for e in group)))
    return made


def _without_links(text: str) -> str:
    """A text, which may quote a file, with a word joiner (U+2060) wherever a messenger would start a link, a picture or a mention."""
    return re.sub(r"(?i)@|<|\](?=[\[(:])|www(?=\.)|:(?=//)|mailto(?=:)", "\\g<0>\u2060", text)


def _total(events: Iterable[Event]) -> str:
    """The total worth of claims, by currency."""
    sums: dict[str | None, Decimal] = defaultdict(Decimal)
    for event in events:
        if event.amount is not None:
            sums[event.currency_code] += event.amount
    return " + ".join(_worth(amount, currency) for currency, amount in sorted(sums.items(), key=str)) or _worth(None, None)


# Delivery


def send_new(home: Home, accounts: Mapping[str, Account], environment: Mapping[str, str], *, today: date, at: datetime) -> dict[str, int]:
    """Send alerts through the channels of the environment, with links to its dashboard; returns the counts of ``send_alerts``.

    Raises ConfigurationError for an invalid channel, DeliveryFailed for a message that was not accepted.
    """
    channels, url = channels_of(channel_urls(environment)), environment.get(DASHBOARD_SETTING) or DASHBOARD_URL
    return send_alerts(home, accounts, channels, url.rstrip("/"), today=today, at=at)


def send_alerts(
    home: Home, accounts: Mapping[str, Account], channels: Sequence[Channel], dashboard_url: str, *, today: date, at: datetime
) -> dict[str, int]:
    """Find, store and send new events; returns the numbers of new ``events`` and of sent ``messages``.

    Raises DeliveryFailed, after everything else was sent, if a channel does not accept a message.
    """
    with open_warehouse(home.warehouse) as warehouse:
        _restore(home, warehouse)
        known = {key: (sent, set((names or "").split())) for key, sent, names in warehouse.execute(_KNOWN).fetchall()}
        published = Published(home) if home.marts.exists() else None
        found = events_of(published, warehouse, accounts, known, today=today)
        if published:
            published.close()
        due = [e for e in found if not known.get(e.key, (False,))[0]]
        _remember(warehouse, due, at, None if channels else NO_CHANNEL)
        _save_copy(home, warehouse)
    taken = {e.key: known[e.key][1] if e.key in known else set() for e in due}
    problems, messages = [], 0
    for channel in channels:
        for notice in notices([e for e in due if channel.name not in taken[e.key]], dashboard_url):
            if problem := channel.send(notice.title, notice.body):
                problems.append(problem)
                break
            messages += 1
            for key in notice.keys:
                taken[key].add(channel.name)
            # Record at once, so that after a kill hardly anything is sent twice.
            _record_taken(home, {key: taken[key] for key in notice.keys})
    names, problem = {c.name for c in channels}, "; ".join(problems)
    _record_delivery(home, [e.key for e in due if names and taken[e.key] >= names], [e.key for e in due if not taken[e.key] >= names], problem, at)
    if problems:
        raise DeliveryFailed(f"{problem}. What was not sent is tried again by the next run; {URLS_SETTING} names the channels")
    return {"events": len(due), "messages": messages}


_COLUMNS = "key, kind, account_id, title, message, raised_at, sent_at, channels, error"
_KNOWN = "select key, sent_at is not null, channels from meta.alerts"


def _save_copy(home: Home, warehouse: duckdb.DuckDBPyConnection) -> None:
    """Write a copy of ``meta.alerts`` beside the build database."""
    rows = warehouse.execute(f"select {_COLUMNS} from meta.alerts order by key").fetchall()
    write_atomically(home.alerts, (json.dumps(rows, indent=1, default=str) + "\n").encode(), mode=0o600)


def _restore(home: Home, warehouse: duckdb.DuckDBPyConnection) -> None:
    """Fill ``meta.alerts`` of a new build database from the copy. Raises ConfigurationError if it cannot be read: everything would be sent again."""
    if not home.alerts.exists() or warehouse.execute("select count(*) > 0 from meta.alerts").fetchall() == [(True,)]:
        return
    try:
        rows = [tuple(row) for row in json.loads(home.alerts.read_bytes())]
        if rows:
            warehouse.executemany(f"insert into meta.alerts ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    except (OSError, ValueError, TypeError, duckdb.Error) as error:
        what = f"{shown(home.alerts)} cannot be read ({error}), so nobody knows which alerts were sent"
        raise ConfigurationError(f"{what}; restore it from a copy, or delete it: alerts that still hold are then sent again") from error


def _remember(warehouse: duckdb.DuckDBPyConnection, events: Iterable[Event], at: datetime, error: str | None) -> None:
    rows = [(e.key, e.kind.value, e.account_id, TITLES[e.kind], e.message, at.replace(tzinfo=None), error) for e in events]
    if rows:
        warehouse.executemany(
            "insert into meta.alerts (key, kind, account_id, title, message, raised_at, error) values (?, ?, ?, ?, ?, ?, ?) "
            "on conflict (key) do update set message = excluded.message, error = coalesce(excluded.error, error)",
            rows,
        )


def _record_taken(home: Home, taken: Mapping[str, set[str]]) -> None:
    with open_warehouse(home.warehouse) as warehouse:
        warehouse.executemany("update meta.alerts set channels = ? where key = ?", [(" ".join(sorted(names)), key) for key, names in taken.items()])
        _save_copy(home, warehouse)


def _record_delivery(home: Home, sent: Sequence[str], failed: Sequence[str], problem: str, at: datetime) -> None:
    rows = [(at.replace(tzinfo=None), None, key) for key in sent] + [(None, problem, key) for key in failed]
    if rows:
        with open_warehouse(home.warehouse) as warehouse:
            warehouse.executemany("update meta.alerts set sent_at = ?, error = ? where key = ?", rows)
            _save_copy(home, warehouse)


def main(arguments: list[str] | None = None) -> int:
    """Send a test message to every channel; returns 1 if one does not accept it."""
    argparse.ArgumentParser(prog="python -m seller_warehouse.alerts", description=main.__doc__).parse_args(arguments)
    try:
        channels = channels_of(channel_urls(os.environ))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    problems = [channel.send("Seller Warehouse: a test", "Alerts will arrive here.") for channel in channels]
    for channel, problem in zip(channels, problems, strict=True):
        print(problem or f"{channel.name} took it")
    if not channels:
        print(f"{URLS_SETTING} names no channel; docs/alerts.md has examples", file=sys.stderr)
    return int(not channels or any(problems))


if __name__ == "__main__":
    sys.exit(main())
