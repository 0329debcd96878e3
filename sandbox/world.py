"""Simulated sellers, day by day from a seed, with the truth of each unit and cent kept separate from Amazon's reports.

The random numbers of a day depend only on (profile, seed, seller, day), and an event decides its own future on its first day, so a longer simulation
agrees with a shorter one on their common days. Rows know when Amazon shows them: reports restate the past as real ones do.
"""

from __future__ import annotations

import csv
import io
import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from sandbox.truth import OrderTruth, Truth
from sandbox.world_catalog import (
    AMAZONS_DELAY,
    AMAZONS_SHARE,
    COST_CHANGES,
    INVENTORY,
    LEDGER,
    LEDGER_SUMMARY,
    LISTINGS,
    PROFILES,
    SELLABLE,
    Product,
    SellerProfile,
)
from sandbox.world_claims import CSV_HEAD, csv_line
from sandbox.world_money import SettlementInfo, settlement_rows, settlements
from sandbox.world_oddities import oddity
from sandbox.world_orders import OLD_DAYS, old_order, order
from sandbox.world_performance import performance, window
from sandbox.world_rows import Records, Row, Values, days, dice, noon
from sandbox.world_stock import REMOVAL_EVERY_DAYS, accident, receive, remove, tidy

__all__ = ["PROFILES", "Row", "Seller", "SellerProfile", "SettlementInfo", "World"]

MULTI_CHANNEL_SHARE = 0.08
OLD_ORDERS_SHARE = 0.2
"""Refunds of older orders on each of the first days, per order of a day."""
SUMMARY_MOVEMENTS = (
    "Receipts", "Customer Shipments", "Customer Returns", "Vendor Returns", "Warehouse Transfer In/Out", "Found", "Lost", "Damaged", "Disposed",
    "Other Events",
)  # fmt: skip

Pool = tuple[str, Product, str]


class World:
    """All sellers of a profile, from the first simulated day to the last."""

    def __init__(self, profile: str, *, seed: int, start: date, end: date) -> None:
        """Raises KeyError for an unknown profile."""
        self.sellers = {p.seller_id: Seller(p, profile, seed, start, end) for p in PROFILES[profile]}

    def truth(self, known_at: datetime) -> dict[str, Truth]:
        """What is true of each seller, by seller id."""
        return {seller_id: seller.truth(known_at) for seller_id, seller in self.sellers.items()}


class Seller:
    """One seller: Amazon's reports at a time, the seller's own files, and the truth."""

    def __init__(self, profile: SellerProfile, world: str, seed: int, start: date, end: date) -> None:
        self.profile, self.start, self.end = profile, start, end
        self._names = (world, seed, profile.seller_id)
        self._records = Records(profile, start)
        for number in range((end - start).days + 1):
            _live(self._records, dice(*self._names, start + days(number)), start + days(number), number)
        self._records.money.sort(key=lambda line: line.posted_at)
        self._settlements = {s.settlement_id: s for s in settlements(profile, start, end)}
        self._balances = _balances(self._records)

    # What Amazon's reports say

    def rows(self, report_type: str, start: datetime, end: datetime, known_at: datetime, marketplace_id: str | None = None) -> list[Row]:
        """The rows of a report requested at ``known_at`` for ``start`` to before ``end``; a snapshot ignores these two."""
        snapshot = report_type == LISTINGS or report_type in INVENTORY
        if not snapshot:
            start, end = start.astimezone(UTC), end.astimezone(UTC)
        return [
            row
            for row in self._versions(report_type, start.date(), end.date(), known_at)
            if (snapshot or start <= row.at < end)
            and row.known_from <= known_at
            and (row.known_to is None or known_at < row.known_to)
            and (row.marketplace_id is None or marketplace_id is None or row.marketplace_id == marketplace_id)
        ]

    def _versions(self, report_type: str, start: date, end: date, known_at: datetime) -> Iterator[Row]:
        if report_type in INVENTORY:
            yield from self._inventory(known_at)
        elif report_type == LISTINGS:
            yield from self._listings(known_at)
        elif report_type == LEDGER_SUMMARY:
            for day in self._days(start, end):
                yield from self._summary(day)
        else:
            yield from self._records.book.of_days(report_type, start, end)
            if report_type == LEDGER and self.profile.bulk_shipments:
                for day in self._days(start, end):
                    yield from self._bulk_ledger(day)

    def _days(self, start: date, end: date) -> Iterator[date]:
        """The simulated days within a range."""
        day = max(start, self.start)
        while day <= min(end, self.end):
            yield day
            day += days(1)

    def _inventory(self, known_at: datetime) -> Iterator[Row]:
        """The stock of each product at the end of the day before; units that Amazon is looking for are reserved."""
        day = known_at.astimezone(UTC).date() - days(1)
        at = datetime.combine(day, time(12), UTC)
        for market in self.profile.markets:
            for product in self._records.stocked(market):
                sellable = self.balance(market.country, product, SELLABLE, day)
                total = sum(self.balance(c, p, d, day) for c, p, d in self._balances if (c, p) == (market.country, product))
                searched = sum(
                    r.units for r in self._records.research if (r.country, r.product) == (market.country, product) and r.since <= day < r.until
                )
                values: Values = {
                    "sku": product.sku, "fnsku": product.fnsku, "asin": product.asin, "product-name": product.name, "condition": "New",
                    "your-price": product.price_in(market), "mfn-listing-exists": "No", "afn-listing-exists": "Yes",
                    "afn-warehouse-quantity": total, "afn-fulfillable-quantity": sellable - searched,
                    "afn-unsellable-quantity": total - sellable, "afn-reserved-quantity": searched, "afn-total-quantity": total,
                    "per-unit-volume": Decimal("640.00"), "afn-inbound-working-quantity": 0, "afn-inbound-shipped-quantity": 0,
                    "afn-inbound-receiving-quantity": 0, "afn-researching-quantity": searched,
                }  # fmt: skip
                yield Row(at, values, at, None, market.marketplace_id)

    def _listings(self, known_at: datetime) -> Iterator[Row]:
        for market in self.profile.markets:
            for product in self._records.stocked(market) + self._records.stocked(market, "MFN"):
                afn = product.channel == "AFN"
                values: Values = {
                    "item-name": product.name, "listing-id": f"0522{product.asin[2:]}", "seller-sku": product.sku,
                    "price": product.price_in(market), "quantity": None if afn else 20 + product.number, "open-date": "2025-05-11 09:00:00 PDT",
                    "item-is-marketplace": "y", "product-id-type": "1", "item-condition": "11", "asin1": product.asin, "product-id": product.asin,
                    "pending-quantity": None if afn else 0, "fulfillment-channel": f"AMAZON_{self.profile.region.upper()}" if afn else "DEFAULT",
                    "merchant-shipping-group": "Migrated Template", "status": "Active",
                }  # fmt: skip
                yield Row(known_at, values, known_at, None, market.marketplace_id)

    def balance(self, country: str, product: Product, disposition: str, day: date) -> int:
        """Units in stock at the end of a day."""
        moved = self._balances.get((country, product, disposition), [])
        place = bisect_right(moved, day, key=lambda m: m[0])
        return moved[place - 1][1] if place else 0

    def _summary(self, day: date) -> Iterator[Row]:
        """The ledger summary of a day: one row for each stock that moved. Every fifth day some events are unknown at first."""
        moved: dict[Pool, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SUMMARY_MOVEMENTS, 0))
        for m in self._records.movements.get(day, ()):
            moved[m.country, m.product, m.disposition][m.column] += m.units
        for product, units in self._bulk(day):
            bulk = moved[self.profile.markets[0].country, product, SELLABLE]
            bulk["Receipts"] += units
            bulk["Customer Shipments"] -= units
        countries = {m.country: m for m in self.profile.markets}
        seen_from = datetime.combine(day + days(1), time(2), UTC)
        for (country, product, disposition), columns in moved.items():
            start = self.balance(country, product, disposition, day - days(1))
            values: Values = {
                "Date": day, "FNSKU": product.fnsku, "ASIN": product.asin, "MSKU": product.sku, "Title": product.name, "Disposition": disposition,
                "Starting Warehouse Balance": start, "In Transit Between Warehouses": 0, **columns,
                "Ending Warehouse Balance": start + sum(columns.values()), "Unknown Events": 0, "Location": country,
            }  # fmt: skip
            at = noon(day, countries.get(country, self.profile.markets[0]))
            unknown = columns["Damaged"] + columns["Other Events"]
            if unknown and day.toordinal() % 5 == 0:
                settled = seen_from + days(4)
                yield Row(at, values | {"Damaged": 0, "Other Events": 0, "Unknown Events": unknown}, seen_from, settled)
                yield Row(at, values, settled)
            else:
                yield Row(at, values, seen_from)

    def _bulk(self, day: date) -> Iterator[tuple[Product, int]]:
        """Units of each product that come in and go out on the same day."""
        if self.profile.bulk_shipments and self.start <= day <= self.end:
            rng = dice(*self._names, "bulk", day)
            products = self._records.stocked(self.profile.markets[0])
            mean = self.profile.bulk_shipments // len(products)
            for product in products:
                yield product, rng.randint(mean // 2, mean + mean // 2)

    def _bulk_ledger(self, day: date) -> Iterator[Row]:
        """One row for what comes in of a product, and for each unit that goes out one identical row."""
        market = self.profile.markets[0]
        at, known_from = noon(day, market), datetime.combine(day + days(1), time(3), UTC)
        for product, units in self._bulk(day):
            values: Values = {
                "Date": day, "FNSKU": product.fnsku, "ASIN": product.asin, "MSKU": product.sku, "Title": product.name, "Disposition": SELLABLE,
                "Country": market.country, "Fulfillment Center": market.fulfillment_centers[product.number % len(market.fulfillment_centers)],
                "Date and Time": datetime.combine(day, time(10), market.zone),
            }  # fmt: skip
            yield Row(at, values | {"Event Type": "Receipts", "Quantity": units, "Reference ID": f"FBA{product.number:08d}"}, known_from)
            shipment = Row(at, values | {"Event Type": "Shipments", "Quantity": -1}, known_from)
            for _ in range(units):
                yield shipment

    def settlements(self, known_at: datetime) -> list[SettlementInfo]:
        """The settlements that Amazon has made by a time."""
        return [s for s in self._settlements.values() if s.created_at <= known_at]

    def settlement_rows(self, settlement_id: str) -> list[Row]:
        """The rows of a settlement, the summary first; raises KeyError for an unknown one."""
        info = self._settlements[settlement_id]
        market = next(m for m in self.profile.markets if m.marketplace_id == info.marketplace_id)
        return settlement_rows(info, market, self._records.money)

    def performance(self, known_at: datetime) -> dict[str, Any]:
        """The seller performance report: by marketplace and channel the orders of sixty days that end fifteen days before."""
        return performance(self._odr_orders(known_at), self.profile.marketplace_ids, known_at)

    def _odr_orders(self, known_at: datetime) -> list[OrderTruth]:
        first, last = window(known_at)
        return [o.truth(known_at) for o in self._records.orders if first <= o.purchased_at.date() <= last]

    # What the seller downloads or keeps

    def order_defects_csv(self, known_at: datetime) -> str:
        """Seller Central's download of the orders behind the rate: those of which a buyer complained."""
        head = (
            "Order Id", "Order Date", "Fulfilled By", "Pre-fulfillment Cancellation", "Late Shipment", "Negative Feedback", "A-to-z Guarantee claim",
            "Chargeback claim",
        )  # fmt: skip
        complained = [o for o in self._odr_orders(known_at) if o.negative_feedback or o.a_to_z or o.chargeback]
        return self._csv(
            head,
            (
                (
                    o.order_id,
                    o.purchased_at.date(),
                    "Amazon" if o.channel == "AFN" else "Seller",
                    "No",
                    "No",
                    o.feedback if o.negative_feedback else "No",
                    o.a_to_z or "No",
                    o.chargeback or "No",
                )
                for o in complained
            ),
        )

    def sourcing_costs_csv(self, known_at: datetime) -> str:
        """The seller's list of costs, by product, currency and day: Amazon's estimate for a third of the products, both costs for another third."""
        head = ("seller-sku", "fnsku", "currency", "sourcing-cost", "effective-from", "origin")
        lines: list[tuple[date, tuple[object, ...]]] = []
        for m in self.profile.markets:
            for p in self._records.stocked(m):
                for since, _ in COST_CHANGES:
                    own, amazons = p.cost_in(m, since), since + days(AMAZONS_DELAY)
                    lines.append((since, (p.sku, p.fnsku, m.currency, own, since, "AMAZON" if p.number % 3 == 0 else "SELLER")))
                    if p.number % 3 == 1:
                        lines.append((amazons, (p.sku, p.fnsku, m.currency, m.rounded(own * AMAZONS_SHARE), amazons, "AMAZON")))
        return self._csv(head, (line for since, line in lines if since <= known_at.date()))

    def claims_csv(self, known_at: datetime) -> str:
        """The seller's log of cases, as of a time."""
        today = known_at.date()
        return self._csv(CSV_HEAD, (csv_line(c, today) for c in self._records.claims if c.filed <= today))

    def _csv(self, head: tuple[str, ...], lines: Iterable[tuple[object, ...]]) -> str:
        """Comma-separated text, or as European spreadsheets write it."""
        european = self.profile.region == "eu"
        days_as = {"eu": "%d.%m.%Y", "fe": "%Y/%m/%d"}.get(self.profile.region, "%m/%d/%Y")

        def cell(value: object) -> object:
            if isinstance(value, date):
                return value.strftime(days_as)
            return str(value).replace(".", ",") if european and isinstance(value, Decimal) else value

        text = io.StringIO()
        writer = csv.writer(text, delimiter=";" if european else ",", lineterminator="\n")
        writer.writerow(head)
        writer.writerows([cell(v) for v in line] for line in lines)
        return text.getvalue()

    # The truth

    def truth(self, known_at: datetime) -> Truth:
        """The truth that reports could have shown by a time."""
        records = self._records
        cash: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
        paid = [p for p in records.payments if p.seen_from <= known_at]
        of_cases: Counter[str | None] = Counter()
        for p in paid:
            of_cases[p.case_id] += p.cash_units + p.inventory_units
            cash[p.currency_code, p.approval_at.date().replace(day=1)] += p.cash
        return Truth(
            known_at=known_at,
            inventory_events=[e.truth(known_at) for e in records.events if e.seen_from <= known_at],
            returns=[r.truth(known_at) for r in records.returns if r.seen_from <= known_at],
            reimbursements=paid,
            orders=[o.truth(known_at) for o in records.orders if o.is_shown(known_at)],
            claims=[c.truth(known_at.date(), of_cases[c.case_id]) for c in records.claims if c.filed <= known_at.date()],
            cash=dict(cash),
        )


def _live(records: Records, rng: random.Random, day: date, number: int) -> None:
    """One day of a seller, the ``number``-th since the start."""
    profile = records.profile
    records.begin(day)
    trouble = profile.trouble or (0, 0)
    records.in_trouble = trouble[0] <= number < trouble[1]
    receive(records, rng, day)
    for _ in range(_times(rng, profile.afn_orders)):
        order(records, rng, day)
    for _ in range(_times(rng, profile.mfn_orders)):
        order(records, rng, day, channel="MFN")
    for _ in range(_times(rng, profile.afn_orders * MULTI_CHANNEL_SHARE)):
        order(records, rng, day, multi_channel=True)
    for _ in range(_times(rng, profile.losses)):
        accident(records, rng, day)
    if number < OLD_DAYS:
        for _ in range(_times(rng, profile.afn_orders * OLD_ORDERS_SHARE)):
            old_order(records, rng, day)
    oddity(records, rng, day, number)
    tidy(records, rng, day)
    if number % REMOVAL_EVERY_DAYS == REMOVAL_EVERY_DAYS - 1:
        remove(records, rng, day)


def _times(rng: random.Random, mean: float) -> int:
    """The number of events of a day: on average ``mean``, a quarter more or less."""
    return int(mean * rng.uniform(0.75, 1.25) + rng.random())


def _balances(records: Records) -> dict[Pool, list[tuple[date, int]]]:
    """The stock of each pool after each day on which it moved."""
    balances: dict[Pool, list[tuple[date, int]]] = defaultdict(list)
    for day in sorted(records.movements):
        for m in records.movements[day]:
            moved = balances[m.country, m.product, m.disposition]
            before = moved[-1][1] if moved else 0
            if moved and moved[-1][0] == day:
                moved.pop()
            moved.append((day, before + m.units))
    return dict(balances)
