"""Buyers' complaints about an order, and requests to a seller who ships it: mostly none, else feedback, claims, chargebacks, returns."""

from __future__ import annotations

import random
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.world_catalog import FEEDBACK, MFN_RETURNS
from sandbox.world_rows import Records, Row, Values, days, local_day, moment, night, noon
from sandbox.world_sales import Line, Sale, pay_back

CANCELLED_SHARE = {"AFN": 0.1, "MFN": 0.3}
"""How often an order with a claim that counts was cancelled; always if the claim ended as Cancelled."""
MANY_ORDERS = 2.5
"""Orders a day below which one defect in 60 days would be more than 1 %: a smaller seller has none."""


def judge(records: Records, rng: random.Random, sale: Sale) -> dict[str, Any]:
    """The buyer's opinion of the order: mostly none.

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
    if sale.channel == "AFN" and records.profile.afn_orders < MANY_ORDERS:
        return False
    if sale.channel == "MFN":
        if not records.in_trouble:
            return False
        low, high = 12, 20
    left = records.until_defect.setdefault(sale.channel, high) - 1
    records.until_defect[sale.channel] = left or rng.randint(low, high)
    return left == 0


def _complaint(records: Records, rng: random.Random, sale: Sale, kind: str, *, defect: bool) -> dict[str, Any]:
    """One complaint about an order, which may make it a defect, and the rows that show it."""
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
    outcome = rng.choice(("Granted", "Granted", "Refunded", "Cancelled") if defect else ("Denied", "Withdrawn", "Instant-Refund"))
    # Long enough for some to be pending on any day, and decided before the download, of 60 days of orders, names the order for the last time.
    return {"a_to_z": ((filed_at, "Pending"), (night(rng, filed_at, 4, 20) + days(12), outcome))}


def mfn_return(records: Records, rng: random.Random, line: Line, *, claimed_at: datetime | None) -> None:
    """A buyer asks a seller to take units back: authorised, received and refunded within weeks, with or without an A-to-z claim."""
    sale, product, units = line.sale, line.product, line.units
    market, price = sale.market, line.price * units
    asked = local_day(sale.shipped_at, market) + days(rng.randint(2, 12))
    at = noon(asked, market)
    seen_from = night(rng, at)
    back = asked + days(rng.randint(6, 20))
    values: Values = {
        "Order ID": sale.order_id, "Order date": local_day(sale.purchased_at, market), "Return request date": asked,
        "Amazon RMA ID": f"D{records.number(5_000_000)}RRMA", "Label type": "AmazonUnPaidLabel", "Label cost": market.money(Decimal(6)),
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
    # No claim is paid before it is filed.
    paid_back = max(back, local_day(claimed_at, market) + days(1)) if claimed_at else back
    transaction = "A-to-z Guarantee Refund" if claimed_at else "Refund"
    pay_back(records, rng, line, units, moment(rng, paid_back, market), transaction=transaction)
