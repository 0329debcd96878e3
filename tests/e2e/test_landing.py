"""A backfill and daily runs land exactly the rows of the simulated world; outages and failures are in tests/soak."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.world import Row, Seller, World
from seller_warehouse import steps
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import MarketplaceScope, ReplacementScope, ReportSpec
from seller_warehouse.reports import SPECS
from tests.amazon import DEMO_NA, SECOND_NA, Landing, days_before, morning, raw_now, sandbox
from tests.support import Warehouse

DAY = date(2026, 11, 20)
FIRST = date(2025, 6, 1)
"""First day on which the history of 18 months before DAY must be complete; earlier days are not checked."""
FETCHED = [s for s in SPECS.values() if s.requests]
RANGES = [s for s in FETCHED if s.requests and s.replacement_scope is not ReplacementScope.SNAPSHOT and not s.requests.listed_only]


def warehouse_of(folder: Path, *accounts: Account) -> Warehouse:
    return Warehouse(Home(folder), accounts={a.id: a for a in accounts})


# 18 months of two accounts of one region, one of them in three marketplaces, landed in one calm backfill and one daily run


class Calm:
    """The landed history, Amazon's counts after the backfill, and the world at the last run."""

    def __init__(self, folder: Path) -> None:
        world = World("test", seed=1, start=date(2025, 5, 1), end=DAY + timedelta(days=10))
        self.warehouse = warehouse_of(folder / "home", DEMO_NA, SECOND_NA)
        self.sellers = {a: world.sellers[a] for a in self.warehouse.accounts}
        with sandbox(folder / "amazon", world, morning(DAY)) as amazon:
            landing = Landing(self.warehouse, amazon)
            landing.backfill()
            self.counts = amazon.counts()
            self.answers = self.warehouse.query(
                "select account_id, report, marketplace_id, window_start, window_end, verdict from meta.loads order by retrieved_at"
            )
            self.at = morning(DAY + timedelta(days=5))
            assert amazon.clock.now() < self.at
            landing.until(self.at)
            landing.land(recent=True)
            self.warehouse.publish(at=self.at)

    def rows(self, account_id: str, spec: ReportSpec, marketplace_id: str | None) -> list[Row]:
        """The world's rows from FIRST to before the day of the last run, as Amazon then knew them."""
        rows = self.sellers[account_id].rows(str(spec.amazon_type), morning(days_before(FIRST, 2)), self.at, self.at, marketplace_id)
        return [r for r in rows if spec.replacement_scope is ReplacementScope.SNAPSHOT or self.is_judged(printed_day(spec, r))]

    def is_judged(self, day: date) -> bool:
        """Whether a day belongs to the history that is compared."""
        return FIRST <= day < self.at.date()

    @property
    def judged(self) -> str:
        """The same in SQL, after the name of a column."""
        return f"between date '{FIRST}' and date '{days_before(self.at.date(), 1)}'"


def printed_day(spec: ReportSpec, row: Row) -> date:
    """The day of a row as the report prints it."""
    value = row.values[spec.column(str(spec.event_date)).header]
    return value.date() if isinstance(value, datetime) else value


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    return Calm(tmp_path_factory.mktemp("calm"))


# From 2025-05-24 at the latest to 2026-11-19 are 545 days or a few more: that many divided by what one range may span.
FEWEST = {
    "orders": 19,  # 545 / 30
    "customer_returns": 19,  # 545 / 30
    "fulfilled_shipments": 19,  # 545 / 30
    "replacements": 19,  # 545 / 30
    "mfn_returns": 10,  # 545 / 60
    "removal_orders": 7,  # 545 / 90
    "removal_shipments": 7,  # 545 / 90
    "inventory_ledger_summary": 7,  # 545 / 90
    "reimbursements": 4,  # 545 / 180
    "inventory_ledger": 3,  # 545 / 270
    "seller_feedback": 1,  # no limit
    "fba_inventory": 1,
    "listings": 1,
    "seller_performance": 1,
}
"""Ranges of one marketplace or, if a report covers the account, of the account."""


def confirmations(calm: Calm, account_id: str, report: str) -> int:
    """How often a range was requested again although all its days had been answered with no data."""
    answered: dict[tuple[str, date], set[str]] = {}
    again = 0
    for account, name, marketplace_id, first, last, verdict in calm.answers:
        if (account, name) != (account_id, report) or first is None:
            continue
        days = [(marketplace_id, first + timedelta(days=n)) for n in range((last - first).days + 1)]
        again += all(answered.get(d) == {"NO_DATA"} for d in days)
        for d in days:
            answered.setdefault(d, set()).add(verdict)
    return again


@pytest.mark.parametrize("account", [DEMO_NA, SECOND_NA], ids=lambda a: a.id)
def test_a_backfill_asks_for_the_fewest_ranges_and_once_more_for_those_without_data(calm: Calm, account: Account) -> None:
    expected = {}
    for spec in FETCHED:
        if spec.requests and not spec.requests.listed_only:
            places = len(account.marketplaces) if spec.requests.marketplace_scope is MarketplaceScope.EACH else 1
            expected[spec.amazon_type] = FEWEST[spec.name] * places + confirmations(calm, account.id, spec.name)
    assert calm.counts["created"][account.id] == expected


@pytest.mark.parametrize("account", [DEMO_NA, SECOND_NA], ids=lambda a: a.id)
def test_only_ranges_without_data_are_asked_for_again(calm: Calm, account: Account) -> None:
    again = {s.name: n for s in FETCHED if (n := confirmations(calm, account.id, s.name))}
    assert set(again) <= {s.name for s in FETCHED if s.may_be_empty}


def test_a_calm_backfill_never_meets_a_limit(calm: Calm) -> None:
    for account_id in calm.sellers:
        assert {outcome for calls in calm.counts[account_id].values() for outcome in calls} == {"ok"}
    assert (calm.counts["cooldown_violations"], calm.counts["range_violations"], calm.counts["max_over_quota"]) == ({}, {}, {})
    assert calm.counts["violations"] == []


@pytest.mark.parametrize("spec", RANGES, ids=lambda s: s.name)
def test_a_report_of_several_accounts_and_marketplaces_holds_each_row_as_often_as_amazon_shows_it(calm: Calm, spec: ReportSpec) -> None:
    assert spec.requests
    expected = {}
    for account in calm.warehouse.accounts.values():
        for marketplace_id in account.marketplaces if spec.requests.marketplace_scope is MarketplaceScope.EACH else ("",):
            if count := len(calm.rows(account.id, spec, marketplace_id or None)):
                expected[account.id, marketplace_id] = count
    held = calm.warehouse.query(
        f"select account_id, _marketplace_id, count(*) from raw.{spec.name} where _valid_to is null and _event_date {calm.judged} group by all"
    )
    assert {(a, m): n for a, m, n in held} == expected


@pytest.mark.parametrize("name", ["fba_inventory", "listings"])
def test_the_latest_snapshot_of_each_marketplace_holds_its_products_once(calm: Calm, name: str) -> None:
    held: Counter[tuple[Any, ...]] = Counter()
    for row, count in raw_now(calm.warehouse)[name].items():
        held[row[:2]] += count
    accounts = calm.warehouse.accounts.values()
    assert held == {(a.id, m): len(calm.rows(a.id, SPECS[name], m)) for a in accounts for m in a.marketplaces}


def test_the_latest_performance_has_a_row_for_each_marketplace_and_channel(calm: Calm) -> None:
    held = calm.warehouse.query(
        "select account_id, marketplace_id, count(*), count(distinct fulfillment_channel) from raw.seller_performance "
        "where _valid_from in (select max(_valid_from) from raw.seller_performance group by account_id) group by all"
    )
    assert {(a, m) for a, m, _, _ in held} == {(a.id, m) for a in calm.warehouse.accounts.values() for m in a.marketplaces}
    assert [rows for *rows, _ in held if rows[2] != 2] == []
    assert {channels for *_, channels in held} == {2}


def test_every_settlement_that_amazon_lists_is_held_once(calm: Calm) -> None:
    listed_since = morning(DAY) - timedelta(days=89)
    expected = {
        (account_id, info.settlement_id): len(seller.settlement_rows(info.settlement_id))
        for account_id, seller in calm.sellers.items()
        for info in seller.settlements(calm.at)
        if info.created_at >= listed_since
    }
    held = calm.warehouse.query("select account_id, settlement_id, count(*) from raw.settlements where _valid_to is null group by all")
    assert {(a, s): n for a, s, n in held} == expected


def test_reimbursed_cash_is_what_the_world_paid_to_the_cent(calm: Calm) -> None:
    expected: dict[tuple[str, str], Decimal] = {}
    for account_id, seller in calm.sellers.items():
        for (currency, month), cash in seller.truth(calm.at).cash.items():
            if month >= FIRST:
                expected[account_id, currency] = expected.get((account_id, currency), Decimal()) + cash
    held = calm.warehouse.published(
        f"select account_id, currency_code, sum(cash_amount) from sw.marts.fct_reimbursements where accounting_date >= date '{FIRST}' group by all"
    )
    assert {(a, c): cash for a, c, cash in held} == expected


def test_orders_by_channel_are_the_worlds(calm: Calm) -> None:
    expected = Counter(
        (account_id, o.channel, o.is_multi_channel)
        for account_id, seller in calm.sellers.items()
        for o in seller.truth(calm.at).orders
        if calm.is_judged(o.purchased_at.astimezone(UTC).date())
    )
    held = calm.warehouse.published(
        f"select account_id, fulfillment_channel, is_multi_channel, count(*) from sw.marts.fct_orders where purchase_date {calm.judged} group by all"
    )
    assert {tuple(key): n for *key, n in held} == expected


# Restatements


@dataclass(frozen=True)
class Restatement:
    """A change that Amazon shows from one night on: a changed, added or removed row, on a day that had been shown before."""

    report: str
    day: date
    seen: date
    """The first morning that shows it; the morning before had shown the day without it."""


def versions(seller: Seller, spec: ReportSpec, since: date, until: date) -> list[Row]:
    """Every version of every row that Amazon shows of these days, on whichever morning."""
    held: dict[int, Row] = {}
    for n in range((until - since).days):
        at = morning(since + timedelta(days=n))
        held |= {id(r): r for r in seller.rows(str(spec.amazon_type), morning(since), morning(until), at)}
    return list(held.values())


def first_of(report: str, rows: Iterable[tuple[Row, datetime]]) -> Restatement:
    """The first restatement of a report outside the first and last days of the world."""
    found = [Restatement(report, printed_day(SPECS[report], r), at.date()) for r, at in rows if date(2026, 8, 1) < at.date() < date(2026, 12, 1)]
    return min(found, key=lambda r: r.seen)


def restatements(seller: Seller) -> dict[str, Restatement]:
    """One of each kind, each at least 40 days after what it corrects, found among the rows that the world shows."""
    late = timedelta(days=40)
    since, until = date(2026, 5, 1), date(2026, 12, 10)
    all_shown = {r: versions(seller, SPECS[r], since, until) for r in ("inventory_ledger", "reimbursements", "seller_feedback")}
    changed = [r for r in all_shown["inventory_ledger"] if r.known_to and r.known_to - r.known_from >= late]
    removed = [r for r in all_shown["seller_feedback"] if r.known_to and r.known_to - r.known_from >= late]
    # Shown two days or more after the day of approval, so a morning between has shown that day without it.
    unexpected = [r for r in all_shown["reimbursements"] if r.known_from.date() - printed_day(SPECS["reimbursements"], r) >= timedelta(days=2)]
    first_shown = {r.values["reimbursement-id"]: r.known_from for r in reversed(all_shown["reimbursements"])}
    originals = ((r, first_shown.get(r.values["original-reimbursement-id"])) for r in unexpected)
    reversals = [r for r, original_shown in originals if original_shown and r.known_from - original_shown >= late]
    truth = seller.truth(morning(until))
    paid_late = {
        p.reimbursement_id
        for e in truth.inventory_events
        for p in truth.reimbursements
        if p.reimbursement_id in e.reimbursement_ids and not p.is_reversal and p.seen_from.date() - e.ledger_date >= late
    }
    payments = [r for r in unexpected if (i := r.values["reimbursement-id"]) in paid_late and first_shown[i] == r.known_from]
    return {
        "a reconciled quantity": first_of("inventory_ledger", ((r, r.known_to) for r in changed if r.known_to)),
        "a reversal": first_of("reimbursements", ((r, r.known_from) for r in reversals)),
        "a late reimbursement": first_of("reimbursements", ((r, r.known_from) for r in payments)),
        "a removed feedback": first_of("seller_feedback", ((r, r.known_to) for r in removed if r.known_to)),
    }


class Restated:
    """Reports of one account that restate, landed on the morning before each restatement and on the morning that shows it."""

    def __init__(self, folder: Path) -> None:
        world = World("test", seed=3, start=date(2026, 5, 1), end=date(2026, 12, 10))
        self.warehouse, self.seller = warehouse_of(folder / "home", SECOND_NA), world.sellers[SECOND_NA.id]
        self.found = restatements(self.seller)
        mornings = sorted({morning(d) for r in self.found.values() for d in (days_before(r.seen, 1), r.seen)})
        with sandbox(folder / "amazon", world, mornings[0]) as amazon:
            landing = Landing(self.warehouse, amazon)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(steps, "SPECS", {r: SPECS[r] for r in TOLD})
                for at in mornings:
                    landing.until(at)
                    landing.land(recent=True)
        self.at = mornings[-1]
        self.warehouse.publish(at=self.at)


@pytest.fixture(scope="module")
def restated(tmp_path_factory: pytest.TempPathFactory) -> Restated:
    return Restated(tmp_path_factory.mktemp("restated"))


KINDS = ("a reconciled quantity", "a reversal", "a late reimbursement", "a removed feedback")
TOLD = {
    "inventory_ledger": ("fnsku", "event_type", "quantity", "reason_code", "reconciled_quantity", "unreconciled_quantity"),
    "reimbursements": ("reimbursement_id", "original_reimbursement_id", "quantity_reimbursed_total"),
    "seller_feedback": ("order_id", "rating"),
}
"""The columns that distinguish rows of a day here: their text is the same in the world, in Amazon's report and in raw."""


def as_told(report: str, row: Row) -> tuple[str, ...]:
    values = (row.values.get(SPECS[report].column(name).header) for name in TOLD[report])
    return tuple("" if v is None else str(v) for v in values)


def shown(seller: Seller, r: Restatement, known_at: datetime) -> Counter[tuple[str, ...]]:
    """The rows of the day that Amazon shows at a time."""
    spec, around = SPECS[r.report], (morning(days_before(r.day, 2)), morning(r.day + timedelta(days=2)))
    return Counter(as_told(r.report, row) for row in seller.rows(str(spec.amazon_type), *around, known_at) if printed_day(spec, row) == r.day)


def before_and_after(seller: Seller, r: Restatement) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    """What is shown on the last morning without the restatement, and on the first with it."""
    return shown(seller, r, morning(days_before(r.seen, 1))), shown(seller, r, morning(r.seen))


@pytest.mark.parametrize("kind", KINDS)
def test_a_late_restatement_closes_the_old_rows_and_adds_the_new(restated: Restated, kind: str) -> None:
    r = restated.found[kind]
    before, after = before_and_after(restated.seller, r)
    columns = ", ".join(f"coalesce({c}, '')" for c in TOLD[r.report])
    added, removed, now = (
        Counter(restated.warehouse.query(f"select {columns} from raw.{r.report} where _event_date = date '{r.day}' and {condition}"))
        for condition in (f"cast(_valid_from as date) = date '{r.seen}'", f"cast(_valid_to as date) = date '{r.seen}'", "_valid_to is null")
    )
    assert before != after
    # A column missing from an answer closes a row and adds it again: the columns compared here are the same in both.
    assert (added - removed, removed - added) == (after - before, before - after)
    assert now == shown(restated.seller, r, restated.at)


@pytest.mark.parametrize("kind", KINDS)
def test_fct_restatements_tells_a_late_restatement(restated: Restated, kind: str) -> None:
    r = restated.found[kind]
    before, after = before_and_after(restated.seller, r)
    told = restated.warehouse.published(
        "select sum(rows_added), sum(rows_removed), bool_and(was_seen_whole) from sw.marts.fct_restatements "
        f"where (account_id, report, event_date, cast(seen_at as date)) = ('{SECOND_NA.id}', '{r.report}', date '{r.day}', date '{r.seen}')"
    )
    ((added, removed, was_seen_whole),) = told
    assert added >= (after - before).total()
    assert removed >= (before - after).total()
    assert (added - removed, was_seen_whole) == (after.total() - before.total(), True)


def test_marts_show_the_late_reversal_and_reimbursement(restated: Restated) -> None:
    for kind, is_reversal in (("a reversal", True), ("a late reimbursement", False)):
        r = restated.found[kind]
        paid = [p for p in restated.seller.truth(restated.at).reimbursements if p.approval_at.date() == r.day]
        held = restated.warehouse.published(
            "select reimbursement_id, is_reversal, original_reimbursement_id, cash_amount, inventory_units "
            f"from sw.marts.fct_reimbursements where approval_date = date '{r.day}'"
        )
        assert sorted(held) == sorted((p.reimbursement_id, p.is_reversal, p.original_reimbursement_id, p.cash, p.inventory_units) for p in paid)
        assert is_reversal in {p.is_reversal for p in paid}
