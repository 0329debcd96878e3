"""Refunds and returns: units that come back or do not, and Amazon's payments to the seller for them."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from decimal import Decimal

from sandbox.truth import Order, ReimbursementTruth, Return
from sandbox.world_catalog import REPLACEMENTS, RETURNS, SELLABLE
from sandbox.world_claims import appealed
from sandbox.world_money import is_held
from sandbox.world_payments import pay, take_back
from sandbox.world_rows import Records, Row, Values, days, local_day, moment, night
from sandbox.world_sales import Line, Sale, order_id, order_rows, pay_back, ship

RETURNLESS_DAYS = {"na": 60, "eu": 45, "fe": 45}
"""Amazon's wait for a refunded unit before it pays the seller."""

# How often a buyer gets a part of the price and keeps the unit; gets it in two parts; gets units of a line back on different days;
# and how often Amazon pays for an order of a marketplace abroad in the currency of the seller's home.
GOODWILL, IN_PARTS, UNEVEN, IN_HOME_CURRENCY = 0.1, 0.05, 0.5, 0.2

# Disposition of a returned unit -> how often, and reasons that buyers give for it.
DISPOSITIONS: dict[str, tuple[int, tuple[str, ...]]] = {
    "SELLABLE": (50, ("UNWANTED_ITEM", "ORDERED_WRONG_ITEM", "NO_REASON_GIVEN", "UNDELIVERABLE_UNKNOWN")),
    "CUSTOMER_DAMAGED": (17, ("NOT_AS_DESCRIBED", "QUALITY_UNACCEPTABLE")),
    "DEFECTIVE": (12, ("DEFECTIVE", "MISSING_PARTS")),
    "DAMAGED": (10, ("DAMAGED_BY_FC", "DEFECTIVE")),
    "CARRIER_DAMAGED": (8, ("DAMAGED_BY_CARRIER",)),
    "EXPIRED": (3, ("OTHER",)),
}
AMAZONS_FAULT = ("DAMAGED", "CARRIER_DAMAGED")
COMMENTS = (None, None, "Not as Expected|Won&#39;t fit|No", 'Changed Mind|I wanted the 9" one', "Defective|Stopped after a week|No")


def refund(records: Records, rng: random.Random, line: Line) -> None:
    """Amazon refunds the buyer; the units come back, or they do not and Amazon pays the seller, later or never."""
    sale = line.sale
    refunded_at = moment(rng, sale.shipped_at.date() + days(rng.randint(6, 25)), sale.market)
    how = rng.random()
    if line.units > 1 and how < UNEVEN and not sale.before_reports:
        _refund_unevenly(records, rng, line, refunded_at)
        return
    if how < GOODWILL and not sale.before_reports:
        pay_back(records, rng, line, line.units, refunded_at, share=Decimal("0.1") * rng.randint(1, 5))
        return
    if how < GOODWILL + IN_PARTS and not sale.before_reports:
        pay_back(records, rng, line, line.units, refunded_at, share=Decimal("0.5"))
        then_at = moment(rng, refunded_at.date() + days(rng.randint(8, 25)), sale.market)
        refunded_at = then_at if _are_told_alike(records, line, refunded_at, then_at) else refunded_at
        pay_back(records, rng, line, line.units, refunded_at, share=Decimal("0.5"))
    else:
        pay_back(records, rng, line, line.units, refunded_at)
    if rng.random() < 0.72:
        come_back(records, rng, line, line.units, refunded_at)
    else:
        _stay_away(records, rng, line, refunded_at)


def _are_told_alike(records: Records, line: Line, *steps: datetime) -> bool:
    """Whether the settlements of all steps of a refund are fetched, or none is: with one step alone, no report shows the other."""
    return len({is_held(records.profile, line.sale.market, records.start, at) for at in steps}) == 1


def _refund_unevenly(records: Records, rng: random.Random, line: Line, first_at: datetime) -> None:
    """One unit is refunded, and the others weeks later, if both are told. What is paid or comes back is the first one's before it is the others'."""
    market, others = line.sale.market, line.units - 1
    gap = rng.randint(12, 30)
    then_at = moment(rng, first_at.date() + days(gap), market)
    if not _are_told_alike(records, line, first_at, then_at):
        pay_back(records, rng, line, line.units, first_at)
        _stay_away(records, rng, line, first_at)
        return
    pay_back(records, rng, line, 1, first_at)
    pay_back(records, rng, line, others, then_at)
    how = rng.choice(("nothing", "paid", "first paid", "first back"))
    if how == "first back":
        _receive(records, rng, line, 1, moment(rng, first_at.date() + days(rng.randint(3, gap - 2)), market), first_at)
        _remember(records, line, others, then_at)
        return
    for units, at, is_paid in ((1, first_at, how != "nothing"), (others, then_at, how == "paid")):
        waited = RETURNLESS_DAYS[records.profile.region] + rng.randint(1, 9)
        payments = _pay(records, rng, line, units, moment(rng, at.date() + days(waited), market)) if is_paid else []
        _remember(records, line, units, at, payments=payments)


def come_back(records: Records, rng: random.Random, line: Line, units: int, refunded_at: datetime | None) -> None:
    """Units reach a fulfillment center and are graded."""
    since = refunded_at or line.sale.shipped_at + timedelta(days=10)
    _receive(records, rng, line, units, moment(rng, since.date() + days(rng.randint(4, 30)), line.sale.market), refunded_at)


def _receive(records: Records, rng: random.Random, line: Line, units: int, returned_at: datetime, refunded_at: datetime | None) -> None:
    """Grade returned units; Amazon pays for most of those that it or a carrier has damaged."""
    disposition = rng.choices(tuple(DISPOSITIONS), weights=[weight for weight, _ in DISPOSITIONS.values()])[0]
    payments: list[ReimbursementTruth] = []
    if disposition in AMAZONS_FAULT and not line.sale.multi_channel:
        payments = _paid_or_not(records, rng, line, units, returned_at, waited=rng.randint(1, 12))
    returned = _returned(records, rng, line, units, returned_at, disposition, payments)
    _remember(records, line, units, refunded_at, returned, disposition, payments)


def _stay_away(records: Records, rng: random.Random, line: Line, refunded_at: datetime) -> None:
    """Units are not returned in time; if one comes back after all, Amazon takes its payment back."""
    waited, market = RETURNLESS_DAYS[records.profile.region] + rng.randint(1, 9), line.sale.market
    if line.sale.before_reports:
        # For an order that no report shows, only the payment shows that the unit was refunded.
        payments = _pay(records, rng, line, line.units, moment(rng, refunded_at.date() + days(waited), market))
    else:
        payments = _paid_or_not(records, rng, line, line.units, refunded_at, waited=waited)
    returned: tuple[tuple[datetime, date], ...] = ()
    if payments and rng.random() < 0.2:
        returned_at = moment(rng, payments[0].approval_at.date() + days(rng.randint(20, 35)), market)
        approved = moment(rng, returned_at.date() + days(rng.randint(10, 20)), market)
        paid_in = next(m for m in records.profile.markets if m.currency == payments[0].currency_code)
        for paid in list(payments):
            payments += take_back(records, rng, paid_in, line.product, paid, approved)
        returned = _returned(records, rng, line, line.units, returned_at, SELLABLE, [])
    _remember(records, line, line.units, refunded_at, returned, SELLABLE if returned else None, payments)


def _paid_or_not(records: Records, rng: random.Random, line: Line, units: int, since: datetime, *, waited: int) -> list[ReimbursementTruth]:
    """Amazon pays for refunded units by itself, on the seller's claim, or not."""
    fate, sale = rng.random(), line.sale
    approved = moment(rng, since.date() + days(waited), sale.market)
    if fate >= 0.8:
        return []
    if fate < 0.65:
        return _pay(records, rng, line, units, approved)
    filed = approved.date() + days(rng.randint(5, 35))
    answer = appealed(records, rng, filed, line.product, units, approved=fate < 0.74, order_id=sale.order_id)
    if not answer.approved:
        return []
    return _pay(records, rng, line, units, moment(rng, answer.decided, sale.market), case_id=answer.case_id)


def _pay(records: Records, rng: random.Random, line: Line, units: int, approved: datetime, *, case_id: str | None = None) -> list[ReimbursementTruth]:
    """Pay what units earned the seller, at times in the currency of the seller's home."""
    home, market, worth = records.profile.markets[0], line.sale.market, line.proceeds
    if market != home and rng.random() < IN_HOME_CURRENCY:
        market, worth = home, home.money(worth / market.rate)
    return pay(records, rng, market, line.product, "return", approved, worth, cash_units=units, order_id=line.sale.order_id, case_id=case_id)


def _returned(
    records: Records, rng: random.Random, line: Line, units: int, returned_at: datetime, disposition: str, payments: list[ReimbursementTruth]
) -> tuple[tuple[datetime, date], ...]:
    """The rows of units that came back: identical where they have no plate; at times they reappear under another day.

    Returns the day (UTC) that the report gives, from each instant on.
    """
    market, product = line.sale.market, line.product
    values: Values = {
        "return-date": returned_at, "order-id": line.sale.order_id, "sku": product.sku, "asin": product.asin, "fnsku": product.fnsku,
        "product-name": product.name, "quantity": 1, "fulfillment-center-id": rng.choice(market.fulfillment_centers),
        "detailed-disposition": disposition, "reason": rng.choice(DISPOSITIONS[disposition][1]), "status": "Unit returned to inventory",
        "customer-comments": rng.choice(COMMENTS),
    }  # fmt: skip
    seen_from = night(rng, returned_at, 1, 3)
    plated = rng.random() < 0.7
    plates = [{"license-plate-number": f"LPNRR{records.number(4_000_000)}"} if plated else {} for _ in range(units)]
    if not payments and rng.random() < 0.05:
        again_at = moment(rng, returned_at.date() + days(rng.randint(1, 8)), market)
        again_from = night(rng, again_at, 4, 25)
        for plate in plates:
            records.book.add(RETURNS, Row(returned_at, values | plate, seen_from, again_from))
            records.book.add(RETURNS, Row(again_at, values | plate | {"return-date": again_at}, again_from))
        days_told: tuple[tuple[datetime, date], ...] = ((seen_from, returned_at.date()), (again_from, again_at.date()))
    else:
        versions = [(seen_from, values)]
        if payments and payments[0].seen_from - returned_at < days(40):
            versions.append((max(payments[0].seen_from, seen_from), values | {"status": "Reimbursed"}))
        elif disposition == SELLABLE and rng.random() < 0.1:
            versions = [
                (seen_from, values | {"status": "Pending repackaging"}),
                (night(rng, seen_from, 5, 15), values | {"status": "Repackaged Successfully"}),
            ]
        for plate in plates:
            records.book.versions(RETURNS, returned_at, [(when, version | plate) for when, version in versions])
        days_told = ((seen_from, returned_at.date()),)
    if not payments:
        # Units that Amazon has paid for are not put back into the seller's stock.
        stock = "WAREHOUSE_DAMAGED" if disposition == "DAMAGED" else disposition
        records.ledger(rng, local_day(returned_at, market), market, product, "CustomerReturns", 1, disposition=stock, rows=units)
    return days_told


def _remember(
    records: Records, line: Line, units: int, refunded_at: datetime | None, returned: tuple[tuple[datetime, date], ...] = (),
    disposition: str | None = None, payments: list[ReimbursementTruth] | None = None, *, is_replacement: bool = False, by_amazon: bool = False,
) -> None:  # fmt: skip
    market, paid = line.sale.market, tuple(payments or ())
    currency = paid[0].currency_code if paid else market.currency
    key = (line.sale.order_id, line.product.sku, market.marketplace_id, currency, units)
    of_order = (line.proceeds, not line.sale.before_reports, not by_amazon)
    records.returns.append(Return(*key, refunded_at, is_replacement, returned, disposition, paid, *of_order))


def replace(records: Records, rng: random.Random, line: Line) -> None:
    """Amazon sends one unit again, free of charge, as a separate order."""
    sale, market, product = line.sale, line.sale.market, line.product
    asked_at = moment(rng, sale.shipped_at.date() + days(rng.randint(4, 12)), market)
    shipped_at = moment(rng, local_day(asked_at, market) + days(1), market)
    again = Line(Sale(order_id(records, rng, market), market, asked_at, shipped_at, replacement=True), product, 1)
    order_rows(records, rng, again, cancelled=False)
    ship(records, rng, again)
    values: Values = {
        "shipment-date": shipped_at, "sku": product.sku, "asin": product.asin, "fulfillment-center-id": market.fulfillment_centers[0],
        "original-fulfillment-center-id": rng.choice(market.fulfillment_centers), "quantity": 1,
        "replacement-reason-code": rng.choice(("1", "2", "3", "4", "9", "10")), "replacement-amazon-order-id": again.sale.order_id,
        "original-amazon-order-id": sale.order_id,
    }  # fmt: skip
    records.book.add(REPLACEMENTS, Row(shipped_at, values, night(rng, shipped_at, 1, 3)))
    statuses = ((asked_at, "Pending"), (shipped_at, "Shipped"))
    records.orders.append(Order(again.sale.order_id, "AFN", market.marketplace_id, asked_at, statuses, is_replacement=True))
    _remember(records, line, 1, shipped_at, is_replacement=True)


def let_keep(records: Records, rng: random.Random, line: Line) -> None:
    """Amazon's service pays a buyer back who keeps the unit, from its own pocket, and pays the seller: no settlement has a refund."""
    approved = moment(rng, line.sale.shipped_at.date() + days(rng.randint(10, 40)), line.sale.market)
    payments = pay(records, rng, line.sale.market, line.product, "service", approved, line.proceeds, cash_units=1, order_id=line.sale.order_id)
    _remember(records, line, 1, approved, payments=payments, by_amazon=True)


def after_multi_channel(records: Records, rng: random.Random, line: Line) -> None:
    """A multi-channel parcel comes back, or is lost and claimed from a week after it should have arrived."""
    sale, what = line.sale, rng.random()
    if what < 0.06:
        come_back(records, rng, line, line.units, None)
    elif what < 0.13:
        filed = sale.shipped_at.date() + days(rng.randint(15, 60))
        answer = appealed(records, rng, filed, line.product, line.units, approved=what < 0.11, order_id=sale.order_id)
        if answer.approved:
            approved = moment(rng, answer.decided, sale.market)
            lines = pay(
                records, rng, sale.market, line.product, "mcf", approved, line.proceeds,
                cash_units=line.units, order_id=sale.order_id, case_id=answer.case_id,
            )  # fmt: skip
            if rng.random() < 0.15:
                # The parcel was delivered after all; a reversal names no order.
                later = moment(rng, approved.date() + days(rng.randint(10, 40)), sale.market)
                for paid in lines:
                    take_back(records, rng, sale.market, line.product, paid, later, names_order=False)
