"""Settlements: every fourteen days the amounts posted to a marketplace's account are paid out."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sandbox.world_catalog import SellerProfile, SimulatedMarketplace
from sandbox.world_rows import MoneyLine, Row, Values, days

PERIOD = days(14)


@dataclass(frozen=True)
class SettlementInfo:
    """A settlement: what was posted from ``start`` to before ``end``; Amazon lists its report from ``created_at`` on."""

    settlement_id: str
    marketplace_id: str
    start: datetime
    end: datetime
    created_at: datetime
    currency: str


def settlements(profile: SellerProfile, start: date, end: date) -> Iterator[SettlementInfo]:
    """All settlements whose fourteen days are within the simulated days, except those that were not fetched."""
    account = zlib.crc32(profile.seller_id.encode()) % 900 + 100
    for place, market in enumerate(profile.markets, 1):
        since = _opened(start)
        number = 1
        while (until := since + PERIOD).date() <= end:
            created_at = until + timedelta(hours=20)
            if _is_held(profile, market, number):
                yield SettlementInfo(f"{account}{place}{number:07d}", market.marketplace_id, since, until, created_at, market.currency)
            since, number = until, number + 1


def is_held(profile: SellerProfile, market: SimulatedMarketplace, start: date, at: datetime) -> bool:
    """Whether the settlement of a time is fetched, or will be once Amazon has made it."""
    return next_held(profile, market, start, at) <= at


def next_held(profile: SellerProfile, market: SimulatedMarketplace, start: date, at: datetime) -> datetime:
    """The start of the settlement of a time, or of the first fetched one after it."""
    number = (at - _opened(start)) // PERIOD + 1
    while not _is_held(profile, market, number):
        number += 1
    return _opened(start) + (number - 1) * PERIOD


def _opened(start: date) -> datetime:
    return datetime.combine(start, time(7), UTC)


def _is_held(profile: SellerProfile, market: SimulatedMarketplace, number: int) -> bool:
    is_missing = market == profile.markets[0] and number == profile.missing_settlement
    return not is_missing and (number - 1) * PERIOD >= days(profile.settled_from)


def settlement_rows(info: SettlementInfo, market: SimulatedMarketplace, money: list[MoneyLine]) -> list[Row]:
    """The rows of a settlement, the summary first; ``money`` is in order of ``posted_at``. The amounts add up to the total, to the cent."""
    fees = {"transaction-type": "ServiceFee", "marketplace-name": market.sales_channel, "amount-type": "other-transaction"}
    storage = {"amount-description": "Storage Fee", "amount": -market.money(Decimal("12.91"))}
    low, high = (bisect_left(money, when, key=lambda line: line.posted_at) for when in (info.start, info.end))
    lines = [line for line in money[low:high] if line.marketplace_id == info.marketplace_id]
    lines.append(MoneyLine(info.end - days(1), info.marketplace_id, fees | storage))

    total = sum((line.values["amount"] for line in lines), Decimal(0))
    summary: Values = {
        "settlement-id": info.settlement_id, "settlement-start-date": info.start, "settlement-end-date": info.end,
        "deposit-date": info.end + days(2), "total-amount": total, "currency": info.currency,
    }  # fmt: skip
    rows = [Row(info.start, summary, info.created_at, None, info.marketplace_id)]
    for line in lines:
        values = {
            "settlement-id": info.settlement_id, "currency": info.currency,
            "posted-date": line.posted_at.date(), "posted-date-time": line.posted_at, **line.values,
        }  # fmt: skip
        rows.append(Row(line.posted_at, values, info.created_at, None, info.marketplace_id))
    return rows
