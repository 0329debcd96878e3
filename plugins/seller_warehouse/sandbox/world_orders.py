"""What buyers do: order, refuse, send back, complain; and what Amazon pays a seller for it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from seller_warehouse.sandbox.truth import Order, ReimbursementTruth, Return
from seller_warehouse.sandbox.world_catalog import (
    FEEDBACK,
    MFN_RETURNS,
    ORDERS,
    REPLACEMENTS,
    RETURNS,
    SELLABLE,
    SHIPMENTS,
    Marketplace,
    Product,
    cents,
)
from seller_warehouse.sandbox.world_rows import Records, Row, Values, days, local_day, moment, night, noon

RETURNLESS_DAYS = {"na": 60, "eu": 45}
"""How long Amazon waits for a refunded unit before it pays the seller."""

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


@dataclass(frozen=True)
class Sale:
    """What the lines of one order have in common."""

    order_id: str
    market: Marketplace
    purchased_at: datetime
    shipped_at: datetime
    channel: str = "AFN"
    multi_channel: bool = False
    replacement: bool = False

    @property
    def sales_channel(self) -> str:
        """Where it was sold."""
        return f"Non-Amazon {self.market.country}" if self.multi_channel else self.market.sales_channel


def order(records: Records, rng: random.Random, day: date, *, channel: str = "AFN", multi_channel: bool = False) -> None:
    """One order of that day and all that comes of it."""
    market = records.market(rng)
    products = records.stocked(market, channel)
    purchased_at = moment(rng, day, market)
    order_id = _order_id(records, rng, market)
    if multi_channel:
        number = records.number(0)
        order_id = f"Shopify #{number} {number:0>10}"
    shipped_at = moment(rng, local_day(purchased_at, market) + days(rng.randint(1, 3)), market)
    sale = Sale(order_id, market, purchased_at, shipped_at, channel, multi_channel)

    lines = [(rng.choice(products), rng.choices((1, 2, 3), weights=(86, 11, 3))[0])]
    extra = rng.random()
    if extra < 0.03:
        lines.append(lines[0])
    elif extra < 0.12:
        lines.append((rng.choice(products), 1))
    cancelled = not multi_channel and rng.random() < 0.03
    for product, units in lines:
        _order_rows(records, rng, sale, product, units, cancelled=cancelled)
    ended = (shipped_at, "Cancelled" if cancelled else "Shipped")
    statuses = ((purchased_at, "Pending" if channel == "AFN" else "Unshipped"), ended)
    if cancelled:
        records.orders.append(Order(order_id, channel, market.marketplace_id, purchased_at, statuses))
        return

    for product, units in lines:
        _ship(records, rng, sale, product, units)
    if multi_channel:
        records.orders.append(Order(order_id, channel, market.marketplace_id, purchased_at, statuses, is_multi_channel=True))
        _after_multi_channel(records, rng, sale, *lines[0])
        return
    said = _judge(records, rng, sale)
    records.orders.append(Order(order_id, channel, market.marketplace_id, purchased_at, statuses, **said))
    if channel == "MFN":
        if "a_to_z" in said or rng.random() < 0.1:
            _mfn_return(records, rng, sale, *lines[0], claimed_at=said["a_to_z"][0][0] if "a_to_z" in said else None)
        return
    what = rng.random()
    if what < 0.1:
        _refund(records, rng, sale, *lines[0])
    elif what < 0.125:
        _replace(records, rng, sale, lines[0][0])
    elif what < 0.13:
        approved = moment(rng, shipped_at.date() + days(rng.randint(10, 40)), market)
        records.pay(rng, market, lines[0][0], "service", approved, _proceeds(sale, lines[0][0]), cash_units=1, order_id=order_id)


def _order_id(records: Records, rng: random.Random, market: Marketplace) -> str:
    return f"{rng.choice(market.order_prefixes)}-{records.number(1_000_000)}-{rng.randrange(10**7):07d}"


def _proceeds(sale: Sale, product: Product) -> Decimal:
    """What a unit earned the seller: the price less Amazon's commission and delivery."""
    price = product.price_in(sale.market)
    return price - _commission(price) - _delivery(sale.market)


def _commission(price: Decimal) -> Decimal:
    return cents(price * Decimal("0.15"))


def _delivery(market: Marketplace) -> Decimal:
    return cents(Decimal("3.20") * market.rate)


def _order_rows(records: Records, rng: random.Random, sale: Sale, product: Product, units: int, *, cancelled: bool) -> None:
    """One line of the orders report: without a price while it is pending or when it was cancelled; updated once more after a few days."""
    price = Decimal("0.00") if sale.replacement else product.price_in(sale.market) * units
    line: Values = {
        "amazon-order-id": sale.order_id, "merchant-order-id": sale.order_id, "purchase-date": sale.purchased_at,
        "fulfillment-channel": "Amazon" if sale.channel == "AFN" else "Merchant", "sales-channel": sale.sales_channel,
        "ship-service-level": "Standard", "product-name": product.name, "sku": product.sku, "asin": product.asin, "quantity": units,
        "ship-country": sale.market.country, "is-business-order": "false",
    }  # fmt: skip
    priced: Values = {} if cancelled or sale.multi_channel else {"currency": sale.market.currency, "item-price": price}
    updated = timedelta(hours=rng.randint(30, 150))
    pending, ended = "Pending" if sale.channel == "AFN" else "Unshipped", "Cancelled" if cancelled else "Shipped"
    records.book.versions(
        ORDERS,
        sale.purchased_at,
        [
            (when, line | {"order-status": status, "item-status": status, "last-updated-date": at} | more)
            for when, status, at, more in (
                (sale.purchased_at + timedelta(hours=1), pending, sale.purchased_at, {}),
                (sale.shipped_at + timedelta(hours=1), ended, sale.shipped_at, priced),
                (sale.shipped_at + updated, ended, sale.shipped_at + updated, priced),
            )
        ],
    )


def _ship(records: Records, rng: random.Random, sale: Sale, product: Product, units: int) -> None:
    """A line leaves: the shipment, one ledger row for each unit, and the money."""
    market, price = sale.market, product.price_in(sale.market) * units
    item = records.number(94_000_000_000_000)
    same = {"order-id": sale.order_id, "sku": product.sku, "quantity-purchased": units, "order-item-code": item, "fulfillment-id": sale.channel}
    posted_at = sale.shipped_at + timedelta(hours=2)
    if sale.channel == "AFN":
        center = rng.choice(market.fulfillment_centers)
        records.ledger(rng, local_day(sale.shipped_at, market), market, product, "Shipments", -1, center=center, rows=units)
        values: Values = {
            "amazon-order-id": sale.order_id, "merchant-order-id": sale.order_id if sale.multi_channel else None, "shipment-id": f"B{item[-8:]}",
            "shipment-item-id": f"D{item}", "amazon-order-item-id": item, "purchase-date": sale.purchased_at, "payments-date": sale.purchased_at,
            "shipment-date": sale.shipped_at, "reporting-date": posted_at, "sku": product.sku, "product-name": product.name,
            "quantity-shipped": units, "ship-service-level": "Standard", "ship-country": market.country, "carrier": "AMZN",
            "tracking-number": f"TBA{item}", "estimated-arrival-date": sale.shipped_at + timedelta(days=rng.randint(2, 6)),
            "fulfillment-center-id": center, "fulfillment-channel": "AFN", "sales-channel": sale.sales_channel,
        }  # fmt: skip
        if not sale.multi_channel:
            values |= {"currency": market.currency, "item-price": Decimal("0.00") if sale.replacement else price}
        late = 3 if rng.random() < 0.05 else 1
        records.book.add(SHIPMENTS, Row(sale.shipped_at, values, night(rng, posted_at, late, late)))
    if sale.multi_channel:
        fee = {"transaction-type": "Order", "marketplace-name": sale.sales_channel, "merchant-order-id": sale.order_id}
        records.settle(market, posted_at, "ItemFees", "FBAPerUnitFulfillmentFee", -_delivery(market) * units, **same, **fee)
    elif not sale.replacement:
        amounts = [("ItemPrice", "Principal", price), ("ItemFees", "Commission", -_commission(price))]
        if sale.channel == "AFN":
            amounts.append(("ItemFees", "FBAPerUnitFulfillmentFee", -_delivery(market) * units))
        if rng.random() < 0.1:
            # The fee only sounds like a buyer's chargeback.
            amounts += [("ItemPrice", "Shipping", cents(4 * market.rate)), ("ItemFees", "ShippingChargeback", -cents(4 * market.rate))]
        for amount_type, description, amount in amounts:
            records.settle(market, posted_at, amount_type, description, amount, **same, **{"transaction-type": "Order"})


def _pay_back(records: Records, sale: Sale, product: Product, units: int, at: datetime, transaction: str = "Refund") -> None:
    """The settlement rows of a refund."""
    price = product.price_in(sale.market) * units
    same = {
        "transaction-type": transaction, "order-id": sale.order_id, "sku": product.sku, "fulfillment-id": sale.channel,
        "adjustment-id": records.number(6_000_000_000),
    }  # fmt: skip
    fee = _commission(price)
    for amount_type, description, amount in (
        ("ItemPrice", "Principal", -price),
        ("ItemFees", "Commission", fee),
        ("ItemFees", "RefundCommission", -cents(fee / 5)),
    ):
        records.settle(sale.market, at, amount_type, description, amount, **same)


def _refund(records: Records, rng: random.Random, sale: Sale, product: Product, units: int) -> None:
    """Amazon refunds the buyer; the units come back, or they do not and Amazon pays the seller, later or never."""
    market = sale.market
    refunded_at = moment(rng, sale.shipped_at.date() + days(rng.randint(6, 25)), market)
    _pay_back(records, sale, product, units, refunded_at)
    if rng.random() < 0.72:
        _come_back(records, rng, sale, product, units, refunded_at)
    else:
        _stay_away(records, rng, sale, product, units, refunded_at)


def _come_back(records: Records, rng: random.Random, sale: Sale, product: Product, units: int, refunded_at: datetime | None) -> None:
    """Units reach a fulfillment center and are graded; Amazon pays for most of those that it or a carrier has damaged."""
    since = refunded_at or sale.shipped_at + timedelta(days=10)
    returned_at = moment(rng, since.date() + days(rng.randint(4, 30)), sale.market)
    disposition = rng.choices(tuple(DISPOSITIONS), weights=[weight for weight, _ in DISPOSITIONS.values()])[0]
    payments: list[ReimbursementTruth] = []
    if disposition in AMAZONS_FAULT and not sale.multi_channel:
        payments = _pay_return(records, rng, sale, product, units, returned_at, waited=rng.randint(1, 12))
    returned = _returned(records, rng, sale, product, units, returned_at, disposition, payments)
    _remember(records, sale, product, units, refunded_at, returned, disposition, payments)


def _stay_away(records: Records, rng: random.Random, sale: Sale, product: Product, units: int, refunded_at: datetime) -> None:
    """Units are not returned in time; where one is after all, Amazon takes its payment back."""
    waited = RETURNLESS_DAYS[records.profile.region] + rng.randint(1, 9)
    payments = _pay_return(records, rng, sale, product, units, refunded_at, waited=waited)
    returned: tuple[tuple[datetime, date], ...] = ()
    if payments and rng.random() < 0.2:
        returned_at = moment(rng, payments[0].approval_at.date() + days(rng.randint(20, 35)), sale.market)
        approved = moment(rng, returned_at.date() + days(rng.randint(10, 20)), sale.market)
        for paid in list(payments):
            payments += records.pay(
                rng, sale.market, product, "reversal", approved, cents(paid.cash / paid.cash_units),
                cash_units=-paid.cash_units, order_id=sale.order_id, original=paid,
            )  # fmt: skip
        returned = _returned(records, rng, sale, product, units, returned_at, SELLABLE, [])
    _remember(records, sale, product, units, refunded_at, returned, SELLABLE if returned else None, payments)


def _pay_return(
    records: Records, rng: random.Random, sale: Sale, product: Product, units: int, since: datetime, *, waited: int
) -> list[ReimbursementTruth]:
    """Amazon pays for refunded units by itself, on the seller's claim, or not."""
    fate = rng.random()
    approved = moment(rng, since.date() + days(waited), sale.market)
    case_id = None
    if fate >= 0.65:
        if fate >= 0.8:
            return []
        claim = records.claim(rng, approved.date() + days(rng.randint(5, 35)), product, units, approved=fate < 0.74, order_id=sale.order_id)
        if not claim.approved:
            return []
        approved, case_id = moment(rng, claim.decided, sale.market), claim.case_id
    worth = _proceeds(sale, product)
    return records.pay(rng, sale.market, product, "return", approved, worth, cash_units=units, order_id=sale.order_id, case_id=case_id)


def _returned(
    records: Records, rng: random.Random, sale: Sale, product: Product, units: int, returned_at: datetime, disposition: str,
    payments: list[ReimbursementTruth],
) -> tuple[tuple[datetime, date], ...]:  # fmt: skip
    """The rows of units that came back: identical where they have no plate; at times they reappear under another day.

    Returns the day (UTC) that the report gives, from each instant on.
    """
    market = sale.market
    values: Values = {
        "return-date": returned_at, "order-id": sale.order_id, "sku": product.sku, "asin": product.asin, "fnsku": product.fnsku,
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
    records: Records, sale: Sale, product: Product, units: int, refunded_at: datetime | None, returned: tuple[tuple[datetime, date], ...],
    disposition: str | None, payments: list[ReimbursementTruth], *, is_replacement: bool = False,
) -> None:  # fmt: skip
    market = sale.market
    of_line = (sale.order_id, product.sku, market.marketplace_id, market.currency, units)
    records.returns.append(Return(*of_line, refunded_at, is_replacement, returned, disposition, tuple(payments)))


def _replace(records: Records, rng: random.Random, sale: Sale, product: Product) -> None:
    """Amazon sends one unit again, free of charge, as an order of its own."""
    market = sale.market
    asked_at = moment(rng, sale.shipped_at.date() + days(rng.randint(4, 12)), market)
    again = Sale(_order_id(records, rng, market), market, asked_at, moment(rng, local_day(asked_at, market) + days(1), market), replacement=True)
    _order_rows(records, rng, again, product, 1, cancelled=False)
    _ship(records, rng, again, product, 1)
    values: Values = {
        "shipment-date": again.shipped_at, "sku": product.sku, "asin": product.asin, "fulfillment-center-id": market.fulfillment_centers[0],
        "original-fulfillment-center-id": rng.choice(market.fulfillment_centers), "quantity": 1,
        "replacement-reason-code": rng.choice(("1", "2", "3", "4", "9", "10")), "replacement-amazon-order-id": again.order_id,
        "original-amazon-order-id": sale.order_id,
    }  # fmt: skip
    records.book.add(REPLACEMENTS, Row(again.shipped_at, values, night(rng, again.shipped_at, 1, 3)))
    statuses = ((asked_at, "Pending"), (again.shipped_at, "Shipped"))
    records.orders.append(Order(again.order_id, "AFN", market.marketplace_id, asked_at, statuses, is_replacement=True))
    _remember(records, sale, product, 1, again.shipped_at, (), None, [], is_replacement=True)


def _after_multi_channel(records: Records, rng: random.Random, sale: Sale, product: Product, units: int) -> None:
    """A multi-channel parcel comes back, or is lost and claimed from a week after it should have arrived."""
    what = rng.random()
    if what < 0.06:
        _come_back(records, rng, sale, product, units, None)
    elif what < 0.12:
        filed = sale.shipped_at.date() + days(rng.randint(15, 60))
        claim = records.claim(rng, filed, product, units, approved=what < 0.1, order_id=sale.order_id)
        if claim.approved:
            approved = moment(rng, claim.decided, sale.market)
            records.pay(
                rng, sale.market, product, "mcf", approved, _proceeds(sale, product),
                cash_units=units, order_id=sale.order_id, case_id=claim.case_id,
            )  # fmt: skip


def _judge(records: Records, rng: random.Random, sale: Sale) -> dict[str, Any]:
    """What the buyer says of the order: mostly nothing.

    Real rates of defects lie at a few in a thousand. So small a seller would cross 1 % by chance, so defects come at intervals, at home only:
    one in 200 to 300 orders that Amazon ships, and one in 12 to 20 that the seller ships in a time of trouble. What does not count comes by chance.
    """
    said: dict[str, Any] = {}
    if sale.market == records.profile.markets[0] and _is_next_defect(records, rng, sale):
        kinds = rng.choices(("feedback", "a_to_z", "chargeback"), weights=(55, 30, 15), k=2)
        for kind in dict.fromkeys(kinds if rng.random() < 0.3 else kinds[:1]):
            said |= _complaint(records, rng, sale, kind, defect=True)
        return said
    chance = rng.random() * (0.4 if sale.channel == "MFN" else 1)
    for kind, limit in (("feedback", 0.012), ("a_to_z", 0.018), ("chargeback", 0.021)):
        if chance < limit:
            return _complaint(records, rng, sale, kind, defect=False)
    return said


def _is_next_defect(records: Records, rng: random.Random, sale: Sale) -> bool:
    low, high = 200, 300
    if sale.channel == "MFN":
        if not records.in_trouble:
            return False
        low, high = 12, 20
    left = records.until_defect.setdefault(sale.channel, high) - 1
    records.until_defect[sale.channel] = left or rng.randint(low, high)
    return left == 0


def _complaint(records: Records, rng: random.Random, sale: Sale, kind: str, *, defect: bool) -> dict[str, Any]:
    """One complaint about an order, which makes it a defect or does not, and the rows that show it."""
    market = sale.market
    day = sale.shipped_at.date() + days(rng.randint(5, 30))
    if kind == "feedback":
        stars = rng.choice((1, 2)) if defect else 3
        at = noon(day, market)
        seen_from, removed = night(rng, at), night(rng, at, 10, 70) if rng.random() < 0.25 else None
        values: Values = {
            "Date": day, "Rating": stars, "Comments": rng.choice(("Too small", 'Was 9", not 10"', "Never came", "ok")), "Your Response": None,
            "Order ID": sale.order_id, "Rater Email": f"buyer{records.number(0)}@marketplace.example",
        }  # fmt: skip
        records.book.add(FEEDBACK, Row(at, values, seen_from, removed, market.marketplace_id))
        return {"feedback": ((seen_from, stars), (removed, None)) if removed else ((seen_from, stars),)}
    filed_at = night(rng, noon(day, market))
    if kind == "chargeback":
        return {"chargeback": ((filed_at, "Service" if defect else "Fraud"),)}
    outcome = rng.choice(("Granted", "Granted", "Refunded") if defect else ("Denied", "Withdrawn"))
    # Long enough for some to be pending on any day, and decided before the download, of 60 days of orders, names the order for the last time.
    return {"a_to_z": ((filed_at, "Pending"), (night(rng, filed_at, 4, 20) + days(12), outcome))}


def _mfn_return(records: Records, rng: random.Random, sale: Sale, product: Product, units: int, *, claimed_at: datetime | None) -> None:
    """A buyer asks a seller to take units back: authorised, received and refunded within weeks, with or without an A-to-z claim."""
    market, price = sale.market, product.price_in(sale.market) * units
    asked = local_day(sale.shipped_at, market) + days(rng.randint(2, 12))
    at = noon(asked, market)
    seen_from = night(rng, at)
    back = asked + days(rng.randint(6, 20))
    values: Values = {
        "Order ID": sale.order_id, "Order date": local_day(sale.purchased_at, market), "Return request date": asked,
        "Amazon RMA ID": f"D{records.number(5_000_000)}RRMA", "Label type": "AmazonUnPaidLabel", "Label cost": cents(6 * market.rate),
        "Currency code": market.currency, "Return carrier": "UPS", "Label to be paid by": "Seller", "A-to-Z Claim": "N", "Is prime": "N",
        "ASIN": product.asin, "Merchant SKU": product.sku, "Item Name": product.name, "Return quantity": units,
        "Return Reason": rng.choice(("CR-UNWANTED_ITEM", "CR-DEFECTIVE", "AMZ-PG-BAD-DESC")), "In policy": "Y", "Return type": "C-Returns",
        "Order Amount": price, "Order quantity": units, "Return request status": "Pending authorization",
    }  # fmt: skip
    approved = {"Return request status": "Approved", "Resolution": "StandardRefund"}
    closed = approved | {"Return request status": "Completed", "Return delivery date": back, "Refunded Amount": price}
    states: list[tuple[datetime, Values]] = [(seen_from, {}), (night(rng, seen_from, 1, 3), approved), (night(rng, noon(back, market), 1, 4), closed)]
    claim_seen = claimed_at and max(seen_from, claimed_at)
    if claim_seen:
        states.append((claim_seen, next((s for when, s in reversed(states) if when <= claim_seen), {})))
    records.book.versions(
        MFN_RETURNS,
        at,
        [(when, values | state | {"A-to-Z Claim": "Y" if claim_seen and when >= claim_seen else "N"}) for when, state in states],
        market.marketplace_id,
    )
    # Nobody is paid for a claim that is not filed yet.
    paid_back = max(back, local_day(claimed_at, market) + days(1)) if claimed_at else back
    _pay_back(records, sale, product, units, moment(rng, paid_back, market), "A-to-z Guarantee Refund" if claimed_at else "Refund")
