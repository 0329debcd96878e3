"""What is worth a message, found in the last publication and in the verdicts of every document, and told once.

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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from urllib.parse import quote

import duckdb

from seller_warehouse.alerts.channels import URLS_SETTING, Channel, channel_urls, channels_of
from seller_warehouse.core.accounts import Account, ConfigurationError, marketplaces
from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.warehouse import open_warehouse
from seller_warehouse.readers.published import Published
from seller_warehouse.reports import SPECS

NO_CHANNEL = "no channel"
LINES = 10
"""How many events a message names; it counts the others."""

SETTLEMENT_DAYS, DROPPED_DAYS, ASKED_DAYS = 14, 7, 1
"""How often an answer is due: Amazon settles every two weeks, files are expected every week, all else is asked for every day."""


class AlertKind(StrEnum):
    """What an alert is about."""

    ORDER_DEFECT_RATE = "ORDER_DEFECT_RATE"
    CLAIMS_CLOSING = "CLAIMS_CLOSING"
    DOCUMENT_REFUSED = "DOCUMENT_REFUSED"
    DATA_STALE = "DATA_STALE"
    SETTLEMENT_DIFFERENCE = "SETTLEMENT_DIFFERENCE"
    ROW_SET_ASIDE = "ROW_SET_ASIDE"


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
class Settings:
    """What may be set: how many days before its deadline a claim is told, how many days late an answer may be, where the dashboard is."""

    claim_days: int = 7
    late_days: int = 2
    dashboard_url: str = "http://127.0.0.1:8501"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """As SELLER_WAREHOUSE_ALERT_DAYS, SELLER_WAREHOUSE_ALERT_LATE_DAYS and SELLER_WAREHOUSE_DASHBOARD_URL say.

        Raises ConfigurationError where a number is none.
        """
        days = {}
        for field, name in (("claim_days", "SELLER_WAREHOUSE_ALERT_DAYS"), ("late_days", "SELLER_WAREHOUSE_ALERT_LATE_DAYS")):
            if text := environment.get(name):
                if not re.fullmatch("[0-9]{1,3}", text):
                    raise ConfigurationError(f"{name} is {text!r}; it must be a whole number of days")
                days[field] = int(text)
        return cls(**days, dashboard_url=(environment.get("SELLER_WAREHOUSE_DASHBOARD_URL") or cls.dashboard_url).rstrip("/"))


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing to tell, once; ``units`` and ``amount`` are what it is worth, where it is worth something."""

    key: str
    kind: AlertKind
    account_id: str
    message: str
    units: int = 0
    amount: Decimal | None = None
    currency_code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One message: the events of a kind and account."""

    title: str
    body: str
    keys: tuple[str, ...]


# The rules


def events_of(
    published: Published | None, warehouse: duckdb.DuckDBPyConnection, accounts: Mapping[str, Account], known: Collection[str],
    *, today: date, settings: Settings,
) -> list[Event]:  # fmt: skip
    """Everything that is so now, told or not; ``known`` are the keys that are remembered. Refusals alone where nothing is published."""
    refused = refused_documents(warehouse)
    if not published:
        return refused
    return [
        *order_defect_rates(published, known), *closing_claims(published, today, settings), *refused,
        *stale_reports(published, accounts, today, settings), *settlement_differences(published), *rows_set_aside(published),
    ]  # fmt: skip


def _fetched_since(report: str, day: str) -> str:
    """A join that leaves out days that a backfill has not reached yet, on which all would look unpaid, unknown or too few."""
    return f"""
        left join meta.freshness as held on held.account_id = told.account_id and held.report = '{report}'
        where not (coalesce(held.missing_history_days, 0) > 0 and held.first_date > {day})
    """


def order_defect_rates(published: Published, known: Collection[str]) -> list[Event]:
    """Each marketplace and channel that is AT_RISK or BAD on the last day.

    An episode lasts until a day is GOOD; it is told once, and once more when it becomes BAD. Past days are restated, so an episode is not told
    by its first day: one that was told within it is the same.
    """
    rows = published.rows(f"""
        with good as (
            select *, coalesce(max(report_date) filter (where rate_status = 'GOOD') over lane, date '1970-01-01') as last_good_date
            from marts.fct_order_defect_rate_daily
            window lane as (partition by account_id, marketplace_id, fulfillment_channel)
        ),
        episodes as (
            select *, min(report_date) filter (where report_date > last_good_date and rate_status in ('AT_RISK', 'BAD')) over lane as since_date
            from good
            window lane as (partition by account_id, marketplace_id, fulfillment_channel)
        )
        select told.account_id, marketplace_id, fulfillment_channel, rate_status, report_date, since_date, defective_order_count, order_count,
            order_defect_rate, worst_case_rate, target_rate, defects_until_target
        from episodes as told {_fetched_since("orders", "window_start_date")}
            and rate_status in ('AT_RISK', 'BAD') and report_date = (select max(report_date) from marts.fct_order_defect_rate_daily)
        order by all
    """)
    return [_order_defect_rate(known, *row) for row in rows]


def _order_defect_rate(
    known: Collection[str], account_id: str, marketplace_id: str | None, channel: str | None, status: str, day: date, since: date,
    defects: int, orders: int, rate: Decimal, worst: Decimal, target: Decimal, left: int,
) -> Event:  # fmt: skip
    lane = f"{AlertKind.ORDER_DEFECT_RATE}|{account_id}|{marketplace_id or ''}|{channel or ''}"
    told = [k for k in known for s in ({status, "BAD"}) if k.startswith(f"{lane}|{s}|") and date.fromisoformat(k.rsplit("|", 1)[1]) >= since]
    country = marketplaces()[marketplace_id].country_code if marketplace_id in marketplaces() else "unknown marketplace"
    message = (
        f"{country} {channel or 'unknown channel'}: {status}, {rate:.2%} ({defects} of {orders} orders) on {day}, at worst {worst:.2%}; "
        f"the target is below {target:.2%}, {_counted(left, 'further defect')} may come"
    )
    return Event(key=max(told, default=f"{lane}|{status}|{day}"), kind=AlertKind.ORDER_DEFECT_RATE, account_id=account_id, message=message)


def closing_claims(published: Published, today: date, settings: Settings) -> list[Event]:
    """Each claim that may be filed for so many days more, the soonest first."""
    rows = published.rows(
        f"""
        select told.account_id, defect_id, claim_deadline_date, defect_type, coalesce(amazon_order_id, transaction_id, defect_id), eligible_units,
            estimated_recovery_amount, currency_code
        from marts.claims_to_file as told {_fetched_since("reimbursements", "defect_date")}
            and claim_deadline_date between ? and ?
        order by claim_deadline_date, told.account_id, claim_rank
        """,
        [today, today + timedelta(days=settings.claim_days)],
    )
    return [
        Event(
            key=f"{AlertKind.CLAIMS_CLOSING}|{account_id}|{defect_id}", kind=AlertKind.CLAIMS_CLOSING, account_id=account_id,
            units=units, amount=amount,
            currency_code=currency, message=f"until {deadline}: {_counted(units, 'unit')}, {_worth(amount, currency)}, {defect_type} {reference}",
        )
        for account_id, defect_id, deadline, defect_type, reference, units, amount, currency in rows
    ]  # fmt: skip


def refused_documents(warehouse: duckdb.DuckDBPyConnection) -> list[Event]:
    """Each dropped file that was refused, until a later run takes one of its name or report; and each report that Amazon's answers of the last
    run were refused of, however many they were, until a run passes without."""
    files = warehouse.execute("""
        with verdicts as (
            select * from meta.loads where source = 'file'
            qualify row_number() over (partition by account_id, report, document_id order by loaded_at desc, verdict) = 1
        )
        select account_id, document_id, reason from verdicts as refused
        where verdict = 'QUARANTINED' and not exists (
            from meta.loads as good where good.verdict <> 'QUARANTINED' and good.account_id = refused.account_id
                and good.loaded_at > refused.loaded_at and (good.report = refused.report or good.file_name = refused.file_name)
        )
        order by retrieved_at, document_id
    """).fetchall()
    # A report is asked for every day, each time as another document.
    answers = warehouse.execute("""
        with lanes as (
            select *, max(retrieved_at) filter (where verdict = 'QUARANTINED') over run as run_refused_at
            from meta.loads where source = 'sp_api' window run as (partition by account_id, report, marketplace_id, run_id)
        ),
        since as (
            select *, coalesce(max(loaded_at) filter (where run_refused_at is null) over lane, timestamp '1970-01-01') as last_good_at
            from lanes window lane as (partition by account_id, report, marketplace_id)
        )
        select account_id, arg_min(document_id, (loaded_at, document_id)), arg_max(reason, (loaded_at, document_id))
        from since where verdict = 'QUARANTINED' and loaded_at > last_good_at
        group by account_id, report, marketplace_id order by all
    """).fetchall()
    return [
        Event(key=f"{AlertKind.DOCUMENT_REFUSED}|{account_id}|{document_id}", kind=AlertKind.DOCUMENT_REFUSED, account_id=account_id, message=reason)
        for account_id, document_id, reason in files + answers
    ]


def promised_days(spec: ReportSpec, account: Account) -> int | None:
    """How often a good answer is due, in days; None for what only the seller has, which nobody promised."""
    if not spec.requests:
        return None
    return SETTLEMENT_DAYS if spec.requests.listed_only else DROPPED_DAYS if account.source == "files" else ASKED_DAYS


def stale_reports(published: Published, accounts: Mapping[str, Account], today: date, settings: Settings) -> list[Event]:
    """Each published report of a configured account whose last good answer is older than promised; an answer without data is one."""
    rows = published.rows("""
        select loads.account_id, loads.report, cast(max(loads.retrieved_at) as date), any_value(freshness.data_through_date)
        from meta.loads left join meta.freshness using (account_id, report)
        where verdict <> 'QUARANTINED' group by all order by all
    """)
    events = []
    for account_id, report, answered, through in rows:
        due = promised_days(SPECS[report], accounts[account_id]) if account_id in accounts and report in SPECS else None
        if due is not None and (today - answered).days > due + settings.late_days:
            message = f"{report}: last answer on {answered}, expected {'every day' if due == 1 else f'within {due} days'}"
            events.append(
                Event(
                    key=f"{AlertKind.DATA_STALE}|{account_id}|{report}|{answered}", kind=AlertKind.DATA_STALE, account_id=account_id,
                    message=f"{message}; data through {through}" if through else message,
                )
            )  # fmt: skip
    return events


def settlement_differences(published: Published) -> list[Event]:
    """Each month and currency with money that is neither matched nor on its way; told again when its amount changes."""
    rows = published.rows(f"""
        select told.account_id, month, currency_code, unexplained_reported_amount, unexplained_settled_amount
        from marts.fct_settlement_reconciliation as told {_fetched_since("reimbursements", "month")}
            and (unexplained_reported_amount <> 0 or unexplained_settled_amount <> 0)
        order by told.account_id, month desc, currency_code
    """)
    return [
        Event(
            key=f"{AlertKind.SETTLEMENT_DIFFERENCE}|{account_id}|{month:%Y-%m}|{currency}|{reported}|{settled}", kind=AlertKind.SETTLEMENT_DIFFERENCE,
            account_id=account_id, message=f"{month:%Y-%m}: {_worth(reported, currency)} reported and posted to no settlement, "
            f"{_worth(settled, currency)} posted and in no report",
        )
        for account_id, month, currency, reported, settled in rows
    ]  # fmt: skip


def rows_set_aside(published: Published) -> list[Event]:
    """Each row that breaks an assumption of a mart, once; publications of before knew none."""
    if "meta.set_aside" not in published.tables():
        return []
    rows = published.rows('select account_id, mart, "key", why, remedy, rule, md5("key") from meta.set_aside order by account_id, mart, rule, "key"')
    return [
        Event(
            key=f"{AlertKind.ROW_SET_ASIDE}|{account_id or ''}|{rule}|{digest}", kind=AlertKind.ROW_SET_ASIDE, account_id=account_id or "",
            message=f"{mart}: {why}; {remedy}: {key}",
        )
        for account_id, mart, key, why, remedy, rule, digest in rows
    ]  # fmt: skip


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _worth(amount: Decimal | None, currency: str | None) -> str:
    """An amount with its currency: cents, and fractions of a cent where there are some."""
    if amount is None:
        return "of unknown value"
    return f"{amount:,.4f}".removesuffix("00") + f" {currency}"


# The messages


def notices(events: Iterable[Event], settings: Settings) -> list[Notice]:
    """One message for each kind and account, with the first events, the worth of all by currency, and a link to the page that shows them."""
    groups: dict[tuple[AlertKind, str], list[Event]] = defaultdict(list)
    for event in events:
        groups[event.kind, event.account_id].append(event)
    made = []
    for (kind, account_id), told in groups.items():
        lines = [e.message for e in told[:LINES]]
        if len(told) > LINES:
            lines.append(f"and {len(told) - LINES} more")
        if units := sum(e.units for e in told):
            lines.insert(0, f"{_counted(units, 'unit')} of {_counted(len(told), 'claim')}, {_total(told)}")
        link = f"{settings.dashboard_url}/{PAGES[kind]}" + (f"?account={quote(account_id)}" if account_id else "")
        title = f"{account_id or 'no account'}: {TITLES[kind]}"
        made.append(Notice(title=title, body="\n".join([*lines, link]), keys=tuple(e.key for e in told)))
    return made


def _total(events: Iterable[Event]) -> str:
    """The worth of several claims, by currency."""
    sums: dict[str | None, Decimal] = defaultdict(Decimal)
    for event in events:
        if event.amount is not None:
            sums[event.currency_code] += event.amount
    return " + ".join(_worth(amount, currency) for currency, amount in sorted(sums.items(), key=str)) or _worth(None, None)


# What was sent


def send_new(home: Home, accounts: Mapping[str, Account], environment: Mapping[str, str], *, today: date, at: datetime) -> dict[str, int]:
    """Send alerts over the channels, and with the settings, of the environment; returns the counts of ``send_alerts``.

    Raises ConfigurationError for a channel or setting that is wrong, DeliveryFailed for a message that was not taken.
    """
    channels, settings = channels_of(channel_urls(environment)), Settings.from_environment(environment)
    return send_alerts(home, accounts, channels, settings, today=today, at=at)


def send_alerts(
    home: Home, accounts: Mapping[str, Account], channels: Sequence[Channel], settings: Settings, *, today: date, at: datetime
) -> dict[str, int]:
    """Find what is new, remember it and tell it; returns how many events were new, and how many messages were sent.

    Raises DeliveryFailed, after everything else was sent, where a channel does not take a message.
    """
    with open_warehouse(home.warehouse) as warehouse:
        known = {key: (sent, set((names or "").split())) for key, sent, names in warehouse.execute(_KNOWN).fetchall()}
        published = Published(home) if home.marts.exists() else None
        found = events_of(published, warehouse, accounts, known, today=today, settings=settings)
        due = [e for e in found if not known.get(e.key, (False,))[0]]
        _remember(warehouse, due, at, None if channels else NO_CHANNEL)
    taken = {e.key: known[e.key][1] if e.key in known else set() for e in due}
    problems, messages = [], 0
    for channel in channels:
        for notice in notices([e for e in due if channel.name not in taken[e.key]], settings):
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
