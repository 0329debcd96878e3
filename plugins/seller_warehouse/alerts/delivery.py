"""Events as messages to the channels, each told once.

An event has a key; ``meta.alerts`` of the build database remembers each one, and that it was sent only after every channel took it.
What is not sent yet is looked at anew by the next run: told with the figures of then, or not at all where it is over.
The events of one kind and account go out as one message.
"""

from __future__ import annotations

import argparse
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
from seller_warehouse.core.home import Home
from seller_warehouse.ingest.warehouse import open_warehouse
from seller_warehouse.readers.published import Published

NO_CHANNEL = "no channel"
DASHBOARD_SETTING, DASHBOARD_URL = "SELLER_WAREHOUSE_DASHBOARD_URL", "http://127.0.0.1:8501"
LINES = 10
"""How many events a message names; it counts the others."""

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
"""The page of the dashboard that shows it."""


class DeliveryFailed(Exception):
    """A channel did not take a message; it is tried again by the next run."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One message: the events of a kind and account."""

    title: str
    body: str
    keys: tuple[str, ...]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _worth(amount: Decimal | None, currency: str | None) -> str:
    """An amount with its currency: cents, and fractions of a cent where there are some."""
    if amount is None:
        return "of unknown value"
    return f"{amount:,.4f}".removesuffix("00") + f" {currency}"


# The messages


def notices(events: Iterable[Event], dashboard_url: str) -> list[Notice]:
    """One message for each kind and account, with the first events, the worth of all by currency, and a link to the page that shows them."""
    groups: dict[tuple[AlertKind, str], list[Event]] = defaultdict(list)
    for event in events:
        groups[event.kind, event.account_id].append(event)
    made = []
    for (kind, account_id), told in groups.items():
        lines = [_unlinked(e.message) for e in told[:LINES]]
        if len(told) > LINES:
            lines.append(f"and {len(told) - LINES} more")
        if units := sum(e.units for e in told):
            lines.insert(0, f"{_counted(units, 'unit')} of {_counted(len(told), 'claim')}, {_total(told)}")
        link = f"{dashboard_url}/{PAGES[kind]}" + (f"?account={quote(account_id)}" if account_id else "")
        title = f"{account_id or 'no account'}: {TITLES[kind]}"
        made.append(Notice(title=title, body="\n".join([*lines, link]), keys=tuple(e.key for e in told)))
    return made


def _unlinked(text: str) -> str:
    """A text that may quote a file, with an invisible letter wherever a messenger would begin a link, a picture or a mention."""
    return re.sub(r"(?i)@|<|\](?=[\[(:])|www(?=\.)|:(?=//)|mailto(?=:)", "\\g<0>\u2060", text)


def _total(events: Iterable[Event]) -> str:
    """The worth of several claims, by currency."""
    sums: dict[str | None, Decimal] = defaultdict(Decimal)
    for event in events:
        if event.amount is not None:
            sums[event.currency_code] += event.amount
    return " + ".join(_worth(amount, currency) for currency, amount in sorted(sums.items(), key=str)) or _worth(None, None)


# What was sent


def send_new(home: Home, accounts: Mapping[str, Account], environment: Mapping[str, str], *, today: date, at: datetime) -> dict[str, int]:
    """Send alerts over the channels of the environment, with links to its dashboard; returns the counts of ``send_alerts``.

    Raises ConfigurationError for a channel that is wrong, DeliveryFailed for a message that was not taken.
    """
    channels, url = channels_of(channel_urls(environment)), environment.get(DASHBOARD_SETTING) or DASHBOARD_URL
    return send_alerts(home, accounts, channels, url.rstrip("/"), today=today, at=at)


def send_alerts(
    home: Home, accounts: Mapping[str, Account], channels: Sequence[Channel], dashboard_url: str, *, today: date, at: datetime
) -> dict[str, int]:
    """Find what is new, remember it and tell it; returns how many events were new, and how many messages were sent.

    Raises DeliveryFailed, after everything else was sent, where a channel does not take a message.
    """
    with open_warehouse(home.warehouse) as warehouse:
        known = {key: (sent, set((names or "").split())) for key, sent, names in warehouse.execute(_KNOWN).fetchall()}
        published = Published(home) if home.marts.exists() else None
        found = events_of(published, warehouse, accounts, known, today=today)
        due = [e for e in found if not known.get(e.key, (False,))[0]]
        _remember(warehouse, due, at, None if channels else NO_CHANNEL)
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
            # At once, so that a kill sends hardly anything twice.
            _mark(home, {key: taken[key] for key in notice.keys})
    names, problem = {c.name for c in channels}, "; ".join(problems)
    _settle(home, [e.key for e in due if names and taken[e.key] >= names], [e.key for e in due if not taken[e.key] >= names], problem, at)
    if problems:
        raise DeliveryFailed(f"{problem}. What was not sent is tried again by the next run; {URLS_SETTING} names the channels")
    return {"events": len(due), "messages": messages}


_KNOWN = "select key, sent_at is not null, channels from meta.alerts"


def _remember(warehouse: duckdb.DuckDBPyConnection, events: Iterable[Event], at: datetime, error: str | None) -> None:
    rows = [(e.key, e.kind.value, e.account_id, TITLES[e.kind], e.message, at.replace(tzinfo=None), error) for e in events]
    if rows:
        warehouse.executemany(
            "insert into meta.alerts (key, kind, account_id, title, message, raised_at, error) values (?, ?, ?, ?, ?, ?, ?) "
            "on conflict (key) do update set message = excluded.message, error = coalesce(excluded.error, error)",
            rows,
        )


def _mark(home: Home, taken: Mapping[str, set[str]]) -> None:
    with open_warehouse(home.warehouse) as warehouse:
        warehouse.executemany("update meta.alerts set channels = ? where key = ?", [(" ".join(sorted(names)), key) for key, names in taken.items()])


def _settle(home: Home, sent: Sequence[str], failed: Sequence[str], problem: str, at: datetime) -> None:
    rows = [(at.replace(tzinfo=None), None, key) for key in sent] + [(None, problem, key) for key in failed]
    if rows:
        with open_warehouse(home.warehouse) as warehouse:
            warehouse.executemany("update meta.alerts set sent_at = ?, error = ? where key = ?", rows)


def main(arguments: list[str] | None = None) -> int:
    """Send a test message to every channel; returns 1 where one does not take it."""
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
        print(f"{URLS_SETTING} names no channel; docs/alerts.md shows some", file=sys.stderr)
    return int(not channels or any(problems))


if __name__ == "__main__":
    sys.exit(main())
