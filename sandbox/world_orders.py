"""Orders of buyers, and what follows from each order from the day it is placed."""

from __future__ import annotations

import random
from datetime import date

from sandbox.truth import DEFECT_CLAIMS, Order
from sandbox.world_opinions import CANCELLED_SHARE, judge, mfn_return
from sandbox.world_payments import pay_for_no_unit
from sandbox.world_refunds import after_multi_channel, let_keep, refund, replace
from sandbox.world_rows import Records, days, local_day, moment
from sandbox.world_sales import Sale, a_line, order_id, order_rows, ship

FEES_CORRECTED = 0.02
"""How often Amazon pays something for an order but for no unit."""
PAID_FOR_DELAY = 0.04
"""How often it pays for the delay of a multi-channel order."""
OLD_DAYS = 6


def order(records: Records, rng: random.Random, day: date, *, channel: str = "AFN", multi_channel: bool = False) -> None:
    """One order of that day and everything that follows from it."""
    market = records.market(rng)
    products = records.stocked(market, channel)
    purchased_at = moment(rng, day, market)
    name = order_id(records, rng, market)
    if multi_channel:
        number = records.number(0)
        name = f"Shopify #{number} {number:0>10}"
    shipped_at = moment(rng, local_day(purchased_at, market) + days(rng.randint(1, 3)), market)
    sale = Sale(name, market, purchased_at, shipped_at, channel, multi_channel)

    lines = [a_line(rng, sale, rng.choice(products), rng.choices((1, 2, 3), weights=(86, 11, 3))[0])]
    extra = rng.random()
    if extra < 0.03:
        lines.append(lines[0])
    elif extra < 0.12:
        other = a_line(rng, sale, rng.choice(products), 1)
        # Of a product that is sold in one order at two prices, no report tells which of its units was refunded.
        lines.append(lines[0] if other.product == lines[0].product else other)
    cancelled = not multi_channel and rng.random() < 0.03
    said = {} if multi_channel or cancelled else judge(records, rng, sale)
    outcome = said["a_to_z"][-1][1] if "a_to_z" in said else None
    if outcome in DEFECT_CLAIMS:
        cancelled = outcome == "Cancelled" or rng.random() < CANCELLED_SHARE[channel]
    for line in lines:
        order_rows(records, rng, line, cancelled=cancelled)
    ended = (shipped_at, "Cancelled" if cancelled else "Shipped")
    statuses = ((purchased_at, "Pending" if channel == "AFN" else "Unshipped"), ended)
    records.orders.append(Order(name, channel, market.marketplace_id, purchased_at, statuses, is_multi_channel=multi_channel, **said))
    if cancelled:
        return

    for line in lines:
        ship(records, rng, line)
    if multi_channel:
        after_multi_channel(records, rng, lines[0])
        if rng.random() < PAID_FOR_DELAY:
            pay_for_no_unit(records, rng, market, lines[0].product, name, shipped_at, reason="late")
        return
    if channel == "MFN":
        if "a_to_z" in said or rng.random() < 0.1:
            mfn_return(records, rng, lines[0], claimed_at=said["a_to_z"][0][0] if "a_to_z" in said else None)
        return
    if rng.random() < FEES_CORRECTED:
        pay_for_no_unit(records, rng, market, lines[0].product, name, shipped_at)
    what = rng.random()
    if what < 0.1:
        refund(records, rng, lines[0])
    elif what < 0.125:
        replace(records, rng, lines[0])
    elif what < 0.13:
        let_keep(records, rng, lines[0])


def old_order(records: Records, rng: random.Random, day: date) -> None:
    """A unit sold before the first day of any report, and shipped six days ago, is refunded soon."""
    market = records.market(rng)
    ordered_at, shipped_at = (moment(rng, day - days(ago), market) for ago in (OLD_DAYS + 2, OLD_DAYS))
    sale = Sale(order_id(records, rng, market), market, ordered_at, shipped_at, before_reports=True)
    refund(records, rng, a_line(rng, sale, rng.choice(records.stocked(market)), 1))
