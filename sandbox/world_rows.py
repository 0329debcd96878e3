"""The records of a simulated seller: report rows with the time in which Amazon shows them, payments, stock, money and facts."""

from __future__ import annotations

import itertools
import random
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.truth import InventoryEvent, Order, ReimbursementTruth, Return
from sandbox.world_catalog import LEDGER, SELLABLE, Product, SellerProfile, SimulatedMarketplace, catalogue

if TYPE_CHECKING:
    from sandbox.world_claims import Claim

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One version of a report row; ``values`` are by Amazon's header, a blank column is missing or None."""

    at: datetime
    """The instant, in UTC, by which Amazon selects the row for a range asked for."""
    values: Values
    known_from: datetime
    known_to: datetime | None = None
    """First time at which it is no longer shown; None if it stays."""
    marketplace_id: str | None = None
    """Set if the report is for one marketplace."""


@dataclass(frozen=True)
class MoneyLine:
    """One amount of a settlement, by the marketplace whose account it is posted to."""

    posted_at: datetime
    marketplace_id: str
    values: Values


@dataclass(frozen=True)
class Movement:
    """Units of one product in one country and disposition that moved on a day; ``column`` is the ledger summary's."""

    country: str
    product: Product
    disposition: str
    column: str
    units: int


@dataclass(frozen=True)
class Research:
    """Units that Amazon is looking for, from one day until the day before another."""

    country: str
    product: Product
    units: int
    since: date
    until: date


# By event, or for adjustments by reason code.
SUMMARY_COLUMNS = {
    "Receipts": "Receipts",
    "Shipments": "Customer Shipments",
    "CustomerReturns": "Customer Returns",
    "VendorReturns": "Vendor Returns",
    "WhseTransfers": "Warehouse Transfer In/Out",
    **dict.fromkeys("FN", "Found"),
    **dict.fromkeys("M5", "Lost"),
    **dict.fromkeys("E67HKU", "Damaged"),
    **dict.fromkeys("DG", "Disposed"),
    **dict.fromkeys("34OPQ", "Other Events"),
}


def dice(*names: object) -> random.Random:
    """Random numbers that depend only on the names, in any process."""
    return random.Random("|".join(map(str, names)))  # noqa: S311 - simulated sellers, no secrets


def days(number: int) -> timedelta:
    """A number of days."""
    return timedelta(days=number)


def noon(day: date, market: SimulatedMarketplace) -> datetime:
    """The middle of a marketplace's own day, in UTC: by it rows are selected that have a date and no time."""
    return datetime.combine(day, time(12), market.zone).astimezone(UTC)


def moment(rng: random.Random, day: date, market: SimulatedMarketplace) -> datetime:
    """A time of a marketplace's own day, in UTC."""
    return datetime.combine(day, time(rng.randint(6, 22), rng.randrange(60), rng.randrange(60)), market.zone).astimezone(UTC)


def local_day(instant: datetime, market: SimulatedMarketplace) -> date:
    """The marketplace's own day of a time."""
    return instant.astimezone(market.zone).date()


def night(rng: random.Random, after: datetime, least: int = 1, most: int = 1) -> datetime:
    """A whole hour between 00:00 and 05:00 UTC, some days later: Amazon updates its reports at night."""
    return datetime.combine(after.date() + days(rng.randint(least, most)), time(rng.randrange(6)), UTC)


class Book:
    """The rows of each report, by the day (UTC) of their ``at``."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[date, list[Row]]] = defaultdict(lambda: defaultdict(list))

    def add(self, report: str, row: Row, times: int = 1) -> None:
        """Record a row, as often as Amazon shows it."""
        self._rows[report][row.at.date()].extend([row] * times)

    def versions(self, report: str, at: datetime, versions: Iterable[tuple[datetime, Values]], marketplace_id: str | None = None) -> None:
        """Record one row whose values change: each version is shown until the next one is known."""
        kept: dict[datetime, Values] = {}
        for known_from, values in sorted(versions, key=lambda v: v[0]):
            if not kept or kept[max(kept)] != values:
                kept[known_from] = values
        ends = [*list(kept)[1:], None]
        for (known_from, values), known_to in zip(kept.items(), ends, strict=True):
            self.add(report, Row(at, values, known_from, known_to, marketplace_id))

    def of_days(self, report: str, start: date, end: date) -> Iterator[Row]:
        """The rows of a report from the first to the last day, every version of them."""
        by_day = self._rows.get(report, {})
        day = start
        while day <= end:
            yield from by_day.get(day, ())
            day += days(1)


class Records:
    """A seller's history: the records of all events of each simulated day."""

    def __init__(self, profile: SellerProfile, start: date) -> None:
        self.profile, self.start = profile, start
        self.products = catalogue(profile)
        self.book = Book()
        self.orders: list[Order] = []
        self.returns: list[Return] = []
        self.events: list[InventoryEvent] = []
        self.payments: list[ReimbursementTruth] = []
        self.claims: list[Claim] = []
        self.money: list[MoneyLine] = []
        self.research: list[Research] = []
        self.movements: dict[date, list[Movement]] = defaultdict(list)
        self.available: Counter[tuple[str, Product, str]] = Counter()
        """Units by country, product and disposition without planned events."""
        self.busy: dict[Product, date] = {}
        """End of the current oddity of each stock that is set apart."""
        self.oddities = 0
        """Number of oddities that have begun (``world_oddities``)."""
        self.until_defect: dict[str, int] = {}
        """Orders of a channel that are left until the next one with a defect."""
        self.in_trouble = False
        self._numbers = itertools.count(zlib.crc32(profile.seller_id.encode()) % 80 * 100_000 + 1)
        self._today = date.min

    def begin(self, day: date) -> None:
        """Begin a day: receive the units planned for it."""
        self._today = day
        for m in self.movements[day]:
            if m.units > 0:
                self.available[m.country, m.product, m.disposition] += m.units

    def number(self, base: int) -> str:
        """A number, as text, that is unique within the seller and very likely across sellers."""
        return str(base + next(self._numbers))

    def stocked(self, market: SimulatedMarketplace, channel: str = "AFN") -> list[Product]:
        """The products of a channel that are sold in a marketplace."""
        place = self.profile.markets.index(market)
        return [p for p in self.products if p.channel == channel and p.sold_in(place)]

    def quiet(self, market: SimulatedMarketplace, day: date) -> list[Product]:
        """The products set apart that have no oddity at the moment."""
        return [p for p in self.stocked(market) if p.is_apart and self.busy.get(p, date.min) <= day]

    def market(self, rng: random.Random) -> SimulatedMarketplace:
        """A marketplace: home four times in five."""
        home, *others = self.profile.markets
        return rng.choice(others) if others and rng.random() < 0.2 else home

    def ledger(
        self,
        rng: random.Random,
        day: date,
        market: SimulatedMarketplace,
        product: Product,
        event: str,
        units: int,
        *,
        disposition: str = SELLABLE,
        code: str | None = None,
        reference: str | None = None,
        center: str | None = None,
        reconciled: Sequence[tuple[datetime, int]] = (),
        known_from: datetime | None = None,
        rows: int = 1,
        names_fnsku: bool = True,
        in_capitals: bool = True,
    ) -> None:
        """Move stock and write the ledger row of it, or ``rows`` identical rows of ``units`` each.

        ``reconciled`` are the units of the row that are reconciled from each instant on; without it both figures are blank.
        """
        at = noon(day, market)
        values: Values = {
            "Date": day, "FNSKU": product.fnsku if names_fnsku else None, "ASIN": product.asin, "MSKU": product.sku,
            "Title": product.name, "Event Type": event,
            "Reference ID": reference, "Quantity": units, "Fulfillment Center": center or rng.choice(market.fulfillment_centers),
            "Disposition": disposition, "Reason": code and (code if in_capitals else code.lower()), "Country": market.country,
            "Date and Time": datetime.combine(day, time(rng.randint(8, 12)), market.zone),
        }  # fmt: skip
        known_from = known_from or night(rng, at, 1, 4 if code else 1)
        if reconciled:
            self.book.versions(
                LEDGER,
                at,
                ((when, values | {"Reconciled Quantity": done, "Unreconciled Quantity": abs(units) - done}) for when, done in reconciled),
            )
        else:
            self.book.add(LEDGER, Row(at, values, known_from), times=rows)
        movement = Movement(market.country, product, disposition, SUMMARY_COLUMNS[code or event], units * rows)
        self.movements[day].append(movement)
        if units < 0 or day <= self._today:
            self.available[market.country, product, disposition] += units * rows

    def settle(self, market: SimulatedMarketplace, posted_at: datetime, amount_type: str, description: str, amount: Decimal, **more: Any) -> None:
        """Post one amount to the account of a marketplace."""
        values = {"marketplace-name": market.sales_channel, "amount-type": amount_type, "amount-description": description, "amount": amount}
        self.money.append(MoneyLine(posted_at, market.marketplace_id, values | more))
