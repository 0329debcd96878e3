"""The simulated sellers have the properties on which a warehouse of their reports relies."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest

from sandbox import world_catalog as catalog
from sandbox.world import Row, Seller, World

START, END = date(2025, 6, 1), date(2026, 3, 31)
NOW = datetime(2026, 3, 31, 6, tzinfo=UTC)
FIRST, LATER = datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
SELLERS = ("demo-na", "demo-eu", "second-na", "demo-fe")

COUNTING = ("Granted", "Refunded", "Cancelled")

# Report -> days after ``at`` in which a version may still appear or go.
RESTATED = {
    catalog.REIMBURSEMENTS: 40, catalog.RETURNS: 40, catalog.LEDGER: 110, catalog.LEDGER_SUMMARY: 25, catalog.ORDERS: 50, catalog.SHIPMENTS: 20,
    catalog.REPLACEMENTS: 20, catalog.REMOVAL_ORDERS: 100, catalog.REMOVAL_SHIPMENTS: 100, catalog.MFN_RETURNS: 50, catalog.FEEDBACK: 80,
}  # fmt: skip

# Report -> columns that never change from version to version of a row, and together name it.
IDENTITY = {
    catalog.ORDERS: ("amazon-order-id", "sku"),
    catalog.REMOVAL_ORDERS: ("order-id", "sku", "disposition"),
    catalog.MFN_RETURNS: ("Amazon RMA ID",),
    catalog.RETURNS: ("order-id", "sku", "license-plate-number"),
    catalog.LEDGER: ("Reference ID", "Reason", "Event Type", "FNSKU", "Disposition", "Date", "Quantity", "Fulfillment Center", "Country"),
    catalog.LEDGER_SUMMARY: ("Date", "FNSKU", "Disposition", "Location"),
    catalog.FEEDBACK: ("Order ID",),
}


@cache
def world() -> World:
    return World("test", seed=7, start=START, end=END)


@pytest.fixture(params=SELLERS)
def seller(request: pytest.FixtureRequest) -> Seller:
    return world().sellers[request.param]


def versions(seller: Seller, report: str) -> list[Row]:
    """Every version of every row, whenever it is known."""
    return list(seller._versions(report, START, END + timedelta(days=400), LATER))


def shown(seller: Seller, report: str, known_at: datetime = NOW) -> list[Row]:
    return seller.rows(report, FIRST, LATER, known_at)


def fingerprint(world: World) -> str:
    rows = [(s.profile.seller_id, report, versions(s, report)) for s in world.sellers.values() for report in RESTATED]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_the_same_seed_says_the_same_in_any_process() -> None:
    code = "from tests.unit.test_world import *; print(fingerprint(World('test', seed=7, start=START, end=START + timedelta(days=40))))"
    said = set()
    for hash_seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": "plugins:."}
        said.add(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, text=True).stdout.strip())
    assert len(said) == 1
    assert fingerprint(World("test", seed=8, start=START, end=START + timedelta(days=40))) not in said


def test_a_day_does_not_depend_on_where_the_simulation_ends() -> None:
    short = World("test", seed=7, start=START, end=START + timedelta(days=100))
    end = datetime.combine(START + timedelta(days=101), time(0), UTC)
    compared: Counter[str] = Counter()
    for seller_id, seller in short.sellers.items():
        for report in RESTATED:
            mine = [r for r in versions(seller, report) if r.at < end]
            compared[report] += len(mine)
            assert mine == [r for r in versions(world().sellers[seller_id], report) if r.at < end], report
        known = end - timedelta(hours=20)
        longer = world().sellers[seller_id]
        assert seller.truth(known) == longer.truth(known)
        assert seller.performance(known) == longer.performance(known)
        for info in seller.settlements(known):
            assert seller.settlement_rows(info.settlement_id) == longer.settlement_rows(info.settlement_id)
    assert min(compared[report] for report in RESTATED) > 0


def test_units_of_an_event_are_in_one_bucket_each_and_the_ledger_shows_the_open_ones(seller: Seller) -> None:
    fates = Counter()
    for known_at in (datetime(2025, 8, 9, 12, tzinfo=UTC), datetime(2025, 11, 2, 3, tzinfo=UTC), NOW, LATER):
        unreconciled = {
            r.values["Reference ID"]: r.values.get("Unreconciled Quantity")
            for r in shown(seller, catalog.LEDGER, known_at)
            if (r.values["Reason"] or "").upper() in tuple("M5E67HKU") and r.at < datetime(2026, 3, 31, tzinfo=UTC)
        }
        tells = {e.event_id for e in seller._records.events if e.ledger_tells}
        events = [e for e in seller.truth(known_at).inventory_events if e.ledger_date < END]
        assert {e.event_id for e in events} == set(unreconciled)
        assert {e.event_id: e.open_units + e.turned_up_units for e in events if e.event_id in tells} == {
            reference: units for reference, units in unreconciled.items() if reference in tells
        }
        for e in events:
            parts = {
                "found": e.found_units, "corrected": e.corrected_units, "cash": e.reimbursed_cash_units,
                "inventory": e.reimbursed_inventory_units, "open": e.open_units, "turned up": e.turned_up_units,
            }  # fmt: skip
            assert sum(parts.values()) == e.units
            assert min(parts.values()) >= 0
            assert (e.cash > 0) == (e.reimbursed_cash_units > 0)
            fates.update(parts)
    assert min(fates.values()) > 0, fates


def test_reconciled_and_unreconciled_are_the_quantity_in_every_version(seller: Seller) -> None:
    restated, without = 0, set()
    for row in versions(seller, catalog.LEDGER):
        has = row.values.get("Reconciled Quantity") is not None
        if (row.values["Reason"] or "-").upper() in "M5FNE67HKU" and not has:
            without.add(row.values["Reference ID"])
        else:
            assert has == (row.values["Reason"] is not None and row.values["Reason"].upper() in "M5FNE67HKU")
        if has:
            assert row.values["Reconciled Quantity"] + row.values["Unreconciled Quantity"] == abs(row.values["Quantity"])
            assert min(row.values["Reconciled Quantity"], row.values["Unreconciled Quantity"]) >= 0
        restated += row.known_to is not None
    assert restated > 10
    assert without <= {e.event_id for e in seller._records.events if not e.ledger_tells}


@pytest.mark.parametrize("known_at", [datetime(2025, 10, 1, 2, tzinfo=UTC), NOW, LATER])
def test_reimbursement_rows_sum_to_the_true_cash(seller: Seller, known_at: datetime) -> None:
    rows, truth = shown(seller, catalog.REIMBURSEMENTS, known_at), seller.truth(known_at)
    by_currency: dict[str, Decimal] = defaultdict(Decimal)
    for r in rows:
        v = r.values
        by_currency[v["currency-unit"]] += v["amount-total"]
        if v["quantity-reimbursed-total"] or v["quantity-reimbursed-cash"]:
            assert v["amount-per-unit"] * v["quantity-reimbursed-cash"] == v["amount-total"]
        assert v["quantity-reimbursed-cash"] + v["quantity-reimbursed-inventory"] == v["quantity-reimbursed-total"]
    true: dict[str, Decimal] = defaultdict(Decimal)
    for (currency, _), cash in truth.cash.items():
        true[currency] += cash
    assert by_currency == true
    assert sum(r.values["quantity-reimbursed-cash"] for r in rows) == sum(p.cash_units for p in truth.reimbursements)


def test_payments_are_automatic_claimed_merged_split_in_kind_and_reversed() -> None:
    rows = [r for s in SELLERS for r in versions(world().sellers[s], catalog.REIMBURSEMENTS)]
    lasting = [r.values for r in rows if r.known_to is None]
    assert {bool(v["case-id"]) for v in lasting} == {True, False}
    assert max(Counter(v["reimbursement-id"] for v in lasting).values()) == 2
    merged = [r for r in rows if r.known_to]
    assert merged
    assert all(r.known_to and r.known_to - r.known_from <= timedelta(days=5) for r in merged)
    assert any(v["amount-total"] == 0 and v["quantity-reimbursed-inventory"] > 0 for v in lasting)
    assert {"Lost_Warehouse", "Lost_warehouse", "Damaged_Warehouse", "Damaged:Warehouse"} <= {v["reason"] for v in lasting}
    ids = {v["reimbursement-id"] for v in lasting}
    reversals = [v for v in lasting if v["reason"] == "Reimbursement_Reversal"]
    assert reversals
    assert all(v["original-reimbursement-id"] in {*ids, None} for v in reversals)
    assert {True, False} == {v["original-reimbursement-id"] is None for v in reversals}
    # Units and money taken back, given back, replaced in kind, money alone.
    signs = {(v["quantity-reimbursed-cash"] > 0, v["quantity-reimbursed-cash"] < 0, v["quantity-reimbursed-inventory"] > 0) for v in reversals}
    assert signs >= {(False, True, False), (True, False, False), (False, True, True), (False, False, False)}


def test_settlements_add_up_and_follow_one_another(seller: Seller) -> None:
    infos = seller.settlements(NOW)
    assert {i.marketplace_id for i in infos} == set(seller.profile.marketplace_ids)
    assert len({i.settlement_id for i in infos}) == len(infos)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for info in infos:
        summary, *rows = seller.settlement_rows(info.settlement_id)
        assert sum(r.values["amount"] for r in rows) == summary.values["total-amount"]
        assert {r.values["currency"] for r in (summary, *rows)} == {info.currency}
        assert all(info.start <= r.values["posted-date-time"] < info.end for r in rows)
        for r in rows:
            if r.values["amount-type"] == "FBA Inventory Reimbursement":
                assert r.values["marketplace-name"] is None
                paid[info.currency] += r.values["amount"]
    for marketplace_id in seller.profile.marketplace_ids:
        own = [i for i in infos if i.marketplace_id == marketplace_id]
        profile = seller.profile
        gaps = [int(a.settlement_id[-7:]) + 1 for a, b in pairwise(own) if a.end != b.start]
        assert gaps == ([profile.missing_settlement] if profile.missing_settlement else [])
        assert own[0].start.date() - START < timedelta(days=profile.settled_from + 14)
    # What was approved well before the last settlement's end was posted, and nothing that was not approved before it.
    last = max(i.end for i in infos)
    payments = seller.truth(LATER).reimbursements
    for currency, cash in paid.items() if not seller.profile.settled_from else ():
        of_currency = [p for p in payments if p.currency_code == currency and p.approval_at < last]
        settled = sum(p.cash for p in of_currency if p.approval_at < last - timedelta(days=5))
        open_ones = [abs(p.cash) for p in of_currency if p.approval_at >= last - timedelta(days=5)]
        assert abs(cash - settled) <= sum(open_ones)


def test_of_a_refund_in_steps_every_settlement_is_held_or_none(seller: Seller) -> None:
    held = [(i.marketplace_id, i.start, i.end) for i in seller.settlements(LATER)]
    last = max(end for _, _, end in held)
    steps: dict[tuple[str, str], set[tuple[str, datetime]]] = defaultdict(set)
    for line in seller._records.money:
        v = line.values
        if v.get("transaction-type") == "Refund" and v["fulfillment-id"] == "AFN" and line.posted_at < last:
            steps[v["order-id"], v["sku"].upper()].add((line.marketplace_id, line.posted_at))
    in_steps = [s for s in steps.values() if len(s) > 1]
    assert in_steps
    for refund in in_steps:
        assert len({any(m == of and start <= at < end for of, start, end in held) for m, at in refund}) == 1


def test_what_was_approved_within_ten_days_of_a_held_settlement_is_posted_in_one(seller: Seller) -> None:
    settlements = seller.settlements(LATER)
    alike = [p for p in seller.truth(LATER).reimbursements if p.posted_at and p.order_id is None]
    assert alike
    for p in alike:
        own = [s for s in settlements if s.currency == p.currency_code]
        if not any(s.start <= p.posted_at < s.end for s in own):
            assert not any(timedelta(0) <= s.start.date() - p.approval_at.date() <= timedelta(days=10) for s in own if s.start > p.posted_at)


def test_appeal_is_about_every_unit_of_its_entries(seller: Seller) -> None:
    units = {e.event_id: e.units for e in seller.truth(LATER).inventory_events}
    assert all(units[event] == claimed for c in seller.truth(LATER).claims if c.appeals for event, claimed in c.covers)


def test_units_of_a_removal_order_are_somewhere_in_every_version(seller: Seller) -> None:
    statuses = Counter()
    for row in versions(seller, catalog.REMOVAL_ORDERS):
        v = row.values
        assert v["requested-quantity"] == sum(v[f"{what}-quantity"] for what in ("cancelled", "disposed", "shipped", "in-process"))
        assert (v["order-status"] == "Completed") == (v["in-process-quantity"] == 0)
        statuses[v["order-status"], row.known_to is None] += 1
    assert {status for status, last in statuses if last} == {"Completed"}
    shipped = sum(r.values["shipped-quantity"] for r in versions(seller, catalog.REMOVAL_ORDERS) if r.known_to is None)
    assert shipped == sum(r.values["shipped-quantity"] for r in versions(seller, catalog.REMOVAL_SHIPMENTS))


@pytest.mark.parametrize("report", RESTATED)
def test_versions_follow_one_another_within_the_limits(seller: Seller, report: str) -> None:
    rows = versions(seller, report)
    assert rows
    limit = timedelta(days=RESTATED[report])
    for row in rows:
        assert row.at.utcoffset() == row.known_from.utcoffset() == timedelta(0)
        assert row.at <= row.known_from < (row.known_to or LATER)
        assert max(row.known_from, row.known_to or row.known_from) - row.at <= limit
        if report != catalog.ORDERS:
            assert row.known_from.hour <= 5
            assert row.known_from.replace(hour=0) == datetime.combine(row.known_from.date(), time(0), UTC)
    groups: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row.values.get(c) for c in IDENTITY.get(report, ()))].append(row)
    for name, group in groups.items() if report in IDENTITY else ():
        lasting = sum(r.known_to is None for r in group)
        for known_at in {r.known_from for r in group}:
            visible = sum(r.known_from <= known_at and (r.known_to is None or known_at < r.known_to) for r in group)
            assert visible <= max(lasting, report == catalog.FEEDBACK), (name, known_at)


@pytest.mark.parametrize("report", [catalog.ORDERS, catalog.LEDGER, catalog.RETURNS])
def test_identical_rows_are_real(report: str) -> None:
    rows = [repr(sorted(r.values.items(), key=str)) for s in SELLERS for r in shown(world().sellers[s], report)]
    assert max(Counter(rows).values()) > 1


def test_a_returned_unit_reappears_under_another_day() -> None:
    rows = [r for s in SELLERS for r in versions(world().sellers[s], catalog.RETURNS)]
    moved = [
        (old, new)
        for old in rows for new in rows
        if old.known_to == new.known_from and old.at < new.at
        and all(old.values.get(c) == new.values.get(c) for c in ("order-id", "sku", "license-plate-number"))
    ]  # fmt: skip
    assert moved
    truth = {(r.order_id, r.sku): r for s in SELLERS for r in world().sellers[s].truth(LATER).returns}
    assert all(truth[n.values["order-id"], n.values["sku"]].returned_date == n.at.date() for _, n in moved)


def test_stock_never_runs_out_and_is_what_the_ledger_adds_up_to(seller: Seller) -> None:
    balance: Counter[tuple[str, str]] = Counter()
    pools: Counter[tuple[str, str, str]] = Counter()
    for row in sorted(shown(seller, catalog.LEDGER, LATER), key=lambda r: (r.values["Date"], -r.values["Quantity"])):
        v = row.values
        pools[v["Country"], v["MSKU"], v["Disposition"]] += v["Quantity"]
        assert pools[v["Country"], v["MSKU"], v["Disposition"]] >= 0, v
        if v["Date"] < NOW.date():
            balance[v["Country"], v["MSKU"]] += v["Quantity"]
    for market in seller.profile.markets:
        for row in seller.rows("GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA", NOW, NOW, NOW, market.marketplace_id):
            v = row.values
            assert v["afn-warehouse-quantity"] == balance[market.country, v["sku"]]
            parts = [v[f"afn-{what}-quantity"] for what in ("fulfillable", "unsellable", "reserved")]
            assert min(parts) >= 0
            assert sum(parts) == v["afn-warehouse-quantity"]


def test_the_ledger_summary_closes_in_every_version_and_follows_the_day_before(seller: Seller) -> None:
    ends: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in sorted(versions(seller, catalog.LEDGER_SUMMARY), key=lambda r: (r.values["Date"], r.known_from)):
        v = row.values
        numbers = [n for c, n in v.items() if isinstance(n, int) and c not in ("Starting Warehouse Balance", "Ending Warehouse Balance")]
        assert v["Starting Warehouse Balance"] + sum(numbers) == v["Ending Warehouse Balance"]
        if row.known_to is None:
            pool = v["Location"], v["FNSKU"], v["Disposition"]
            assert ends[pool] == v["Starting Warehouse Balance"]
            ends[pool] = v["Ending Warehouse Balance"]


def test_the_reported_defect_rate_is_the_true_one(seller: Seller) -> None:
    for known_at in (datetime(2025, 12, 1, 7, tzinfo=UTC), NOW):
        first, last = known_at.date() - timedelta(days=74), known_at.date() - timedelta(days=15)
        orders = [o for o in seller.truth(known_at).orders if first <= o.purchased_at.date() <= last]
        for metric in seller.performance(known_at)["performanceMetrics"]:
            for channel, rate in metric["orderDefectRate"].items():
                counted = [
                    o for o in orders
                    if o.marketplace_id == metric["marketplaceId"] and o.channel == channel.upper()
                    and (o.status == "Shipped" or o.a_to_z in COUNTING) and not o.is_multi_channel and not o.is_replacement
                ]  # fmt: skip
                claims = sum(o.a_to_z in COUNTING for o in counted)
                chargebacks = sum(o.chargeback == "Service" for o in counted)
                negative = sum(o.feedback in (1, 2) for o in counted)
                assert (rate["orderCount"], rate["claims"]["count"], rate["chargebacks"]["count"], rate["negativeFeedback"]["count"]) == (
                    len(counted), claims, chargebacks, negative,
                )  # fmt: skip
                assert rate["orderWithDefects"]["count"] == sum(o.is_defect for o in counted) <= claims + chargebacks + negative
                assert rate["reportingDateRange"] == {"reportingDateFrom": f"{first}T00:00Z", "reportingDateTo": f"{last}T23:59Z"}


@pytest.mark.parametrize("profile", ["demo", "test"])
def test_one_channel_of_one_seller_is_bad_for_some_weeks_and_no_other_ever(profile: str) -> None:
    bad: Counter[tuple[str, str, str]] = Counter()
    simulated = World(profile, seed=1, start=date(2025, 5, 22), end=date(2026, 11, 20))
    for seller_id, seller in simulated.sellers.items():
        for week in range(12, 78):
            for metric in seller.performance(NOW.replace(2025, 5, 22) + timedelta(weeks=week))["performanceMetrics"]:
                for channel, rate in metric["orderDefectRate"].items():
                    bad[seller_id, metric["marketplaceId"], channel] += rate["status"] == "BAD"
    assert {name for name, weeks in bad.items() if weeks} == {("demo-na", "ATVPDKIKX0DER", "mfn")}
    assert 2 <= bad["demo-na", "ATVPDKIKX0DER", "mfn"] <= 20


def test_feedback_shows_what_the_orders_say_and_loses_what_was_removed(seller: Seller) -> None:
    rows = shown(seller, catalog.FEEDBACK)
    assert {r.values["Order ID"]: r.values["Rating"] for r in rows} == {
        o.order_id: o.feedback for o in seller.truth(NOW).orders if o.feedback is not None
    }
    home = seller.profile.marketplace_ids[0]
    assert all(r.marketplace_id == home for r in seller.rows(catalog.FEEDBACK, FIRST, LATER, NOW, home))
    assert any(r.known_to for s in SELLERS for r in versions(world().sellers[s], catalog.FEEDBACK))


def test_money_and_keys_are_told_as_they_are() -> None:
    for seller in world().sellers.values():
        products = seller.rows(catalog.LISTINGS, NOW, NOW, NOW, seller.profile.marketplace_ids[0])
        skus = {r.values["seller-sku"] for r in products}
        assert {"0007", 'PIPE-3/4"', "00123"} <= skus
        assert (not all(r.values["item-name"].isascii() for r in products)) == (seller.profile.region != "na")
        inventory = seller.rows(catalog.INVENTORY[0], NOW, NOW, NOW)
        assert any(r.values["fnsku"] == r.values["asin"] for r in inventory)
        for report in RESTATED:
            assert not any(isinstance(v, float) for r in versions(seller, report) for v in r.values.values())
        for text in (seller.sourcing_costs_csv(NOW), seller.claims_csv(NOW), seller.order_defects_csv(NOW)):
            head, *lines = csv.reader(text.splitlines(), delimiter=";" if seller.profile.region == "eu" else ",")
            assert lines
            assert {len(line) for line in lines} == {len(head)}


def test_orders_are_pending_without_a_price_and_multi_channel_orders_have_ids_of_their_own() -> None:
    seller = world().sellers["demo-na"]
    for row in versions(seller, catalog.ORDERS):
        v = row.values
        priced = v["order-status"] == "Shipped" and not v["sales-channel"].startswith("Non-Amazon")
        assert (v.get("item-price") is not None) == priced
        assert v["amazon-order-id"].startswith("Shopify #") == v["sales-channel"].startswith("Non-Amazon")
    multi = {r.values["amazon-order-id"] for r in shown(seller, catalog.SHIPMENTS) if r.values["sales-channel"].startswith("Non-Amazon")}
    assert multi
    assert multi <= {o.order_id for o in seller.truth(NOW).orders if o.is_multi_channel and not o.counts_toward_odr}


def test_a_large_seller_has_a_large_ledger_made_on_the_fly() -> None:
    seller = World("large", seed=1, start=START, end=START + timedelta(days=9)).sellers["large-na"]
    day = datetime(2025, 6, 8, tzinfo=UTC)
    rows = seller.rows(catalog.LEDGER, day, day + timedelta(days=1), LATER)
    bulk = [r for r in rows if r.known_from == datetime(2025, 6, 9, 3, tzinfo=UTC)]
    # 5 million rows in 18 months are about 9,100 a day.
    assert 7_500 < len(rows) < 10_500
    assert sum(r.values["Quantity"] for r in bulk if "Reason" not in r.values) == 0
    assert rows == seller.rows(catalog.LEDGER, day, day + timedelta(days=1), LATER)
    summary = seller.rows(catalog.LEDGER_SUMMARY, day, day + timedelta(days=1), LATER)
    assert sum(r.values["Customer Shipments"] for r in summary) == sum(r.values["Quantity"] for r in rows if r.values["Event Type"] == "Shipments")
