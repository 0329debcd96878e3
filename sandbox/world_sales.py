"""An order's lines: its rows in reports and settlements when it is placed, shipped and paid back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sandbox.truth import ORDERS_SHOWN_AFTER
from sandbox.world_catalog import ORDERS, SHIPMENTS, Product, SimulatedMarketplace
from sandbox.world_payments import CAPITALS_IN_SETTLEMENT, other_capitals
from sandbox.world_rows import Records, Row, Values, local_day, night

PROMOTED, PROMOTION = 0.08, Decimal("0.2")
"""How often a line is sold with a promotion, and its share of the price."""
NO_ITEM_ID = 0.02
"""How often a shipment has no shipment-item-id."""


@dataclass(frozen=True)
class Sale:
    """Values that all lines of an order share."""

    order_id: str
    market: SimulatedMarketplace
    purchased_at: datetime
    shipped_at: datetime
    channel: str = "AFN"
    multi_channel: bool = False
    replacement: bool = False
    before_reports: bool = False
    """Whether it was placed before the first day of any report: neither the order nor its sale is ever shown."""

    @property
    def sales_channel(self) -> str:
        """Where it was sold."""
        return f"Non-Amazon {self.market.country}" if self.multi_channel else self.market.sales_channel


@dataclass(frozen=True)
class Line:
    """Units of one product in an order; money is that of one unit."""

    sale: Sale
    product: Product
    units: int
    promotion: Decimal = Decimal(0)

    @property
    def price(self) -> Decimal:
        """The price before promotions."""
        return self.product.price_in(self.sale.market)

    @property
    def commission(self) -> Decimal:
        """Amazon's share of what the buyer pays."""
        return self.sale.market.rounded((self.price - self.promotion) * Decimal("0.15"))

    @property
    def delivery(self) -> Decimal:
        """Amazon's fee for sending it."""
        return self.sale.market.money(Decimal("3.20"))

    @property
    def proceeds(self) -> Decimal:
        """What a unit earned the seller: the price less promotion, commission and delivery."""
        return self.price - self.promotion - self.commission - self.delivery


def order_id(records: Records, rng: random.Random, market: SimulatedMarketplace) -> str:
    """The number of an order on Amazon."""
    return f"{rng.choice(market.order_prefixes)}-{records.number(1_000_000)}-{rng.randrange(10**7):07d}"


def a_line(rng: random.Random, sale: Sale, product: Product, units: int) -> Line:
    """A line, at times with a promotion."""
    promoted = not sale.multi_channel and not sale.replacement and rng.random() < PROMOTED
    return Line(sale, product, units, sale.market.rounded(product.price_in(sale.market) * PROMOTION) if promoted else Decimal(0))


def order_rows(records: Records, rng: random.Random, line: Line, *, cancelled: bool) -> None:
    """One line of the orders report: without a price while it is pending or when it was cancelled; updated once more after a few days."""
    sale, product = line.sale, line.product
    values: Values = {
        "amazon-order-id": sale.order_id, "merchant-order-id": sale.order_id, "purchase-date": sale.purchased_at,
        "fulfillment-channel": "Amazon" if sale.channel == "AFN" else "Merchant", "sales-channel": sale.sales_channel,
        "ship-service-level": "Standard", "product-name": product.name, "sku": product.sku, "asin": product.asin, "quantity": line.units,
        "ship-country": sale.market.country, "is-business-order": "false",
    }  # fmt: skip
    priced: Values = {}
    if not cancelled and not sale.multi_channel:
        priced = {"currency": sale.market.currency, "item-price": Decimal("0.00") if sale.replacement else line.price * line.units}
        if line.promotion:
            priced |= {"item-promotion-discount": line.promotion * line.units, "promotion-ids": _promotion_id(sale)}
    updated = timedelta(hours=rng.randint(30, 150))
    pending, ended = "Pending" if sale.channel == "AFN" else "Unshipped", "Cancelled" if cancelled else "Shipped"
    records.book.versions(
        ORDERS,
        sale.purchased_at,
        [
            (when, values | {"order-status": status, "item-status": status, "last-updated-date": at} | more)
            for when, status, at, more in (
                (sale.purchased_at + ORDERS_SHOWN_AFTER, pending, sale.purchased_at, {}),
                (sale.shipped_at + ORDERS_SHOWN_AFTER, ended, sale.shipped_at, priced),
                (sale.shipped_at + updated, ended, sale.shipped_at + updated, priced),
            )
        ],
    )


def _promotion_id(sale: Sale) -> str:
    return f"PAWS-V2-{sale.order_id[-7:]}"


def ship(records: Records, rng: random.Random, line: Line) -> None:
    """A line leaves: the shipment, one ledger row for each unit, and the money."""
    sale, product, units, market = line.sale, line.product, line.units, line.sale.market
    item = records.number(94_000_000_000_000)
    sku = other_capitals(product.sku) if rng.random() < CAPITALS_IN_SETTLEMENT else product.sku
    same = {"order-id": sale.order_id, "sku": sku, "quantity-purchased": units, "order-item-code": item, "fulfillment-id": sale.channel}
    posted_at = sale.shipped_at + timedelta(hours=2)
    if sale.channel == "AFN":
        center = rng.choice(market.fulfillment_centers)
        records.ledger(rng, local_day(sale.shipped_at, market), market, product, "Shipments", -1, center=center, rows=units)
        values: Values = {
            "amazon-order-id": sale.order_id, "merchant-order-id": sale.order_id if sale.multi_channel else None, "shipment-id": f"B{item[-8:]}",
            "shipment-item-id": None if rng.random() < NO_ITEM_ID else f"D{item}", "amazon-order-item-id": item,
            "purchase-date": sale.purchased_at, "payments-date": sale.purchased_at, "shipment-date": sale.shipped_at, "reporting-date": posted_at,
            "sku": product.sku, "product-name": product.name, "quantity-shipped": units, "ship-service-level": "Standard",
            "ship-country": market.country, "carrier": "AMZN", "tracking-number": f"TBA{item}",
            "estimated-arrival-date": sale.shipped_at + timedelta(days=rng.randint(2, 6)), "fulfillment-center-id": center,
            "fulfillment-channel": "AFN", "sales-channel": sale.sales_channel,
        }  # fmt: skip
        if not sale.multi_channel:
            values |= {"currency": market.currency, "item-price": Decimal("0.00") if sale.replacement else line.price * units}
            if line.promotion:
                values["item-promotion-discount"] = -line.promotion * units
        late = 3 if rng.random() < 0.05 else 1
        records.book.add(SHIPMENTS, Row(sale.shipped_at, values, night(rng, posted_at, late, late)))
    if sale.multi_channel:
        fee = {"transaction-type": "Order", "marketplace-name": sale.sales_channel, "merchant-order-id": sale.order_id}
        records.settle(market, posted_at, "ItemFees", "FBAPerUnitFulfillmentFee", -line.delivery * units, **same, **fee)
    elif not sale.replacement:
        amounts = [("ItemPrice", "Principal", line.price * units), ("ItemFees", "Commission", -line.commission * units)]
        if sale.channel == "AFN":
            amounts.append(("ItemFees", "FBAPerUnitFulfillmentFee", -line.delivery * units))
        if line.promotion:
            amounts.append(("Promotion", "Principal", -line.promotion * units))
        if rng.random() < 0.1:
            # A fee, despite its name not a buyer's chargeback.
            shipping = market.money(Decimal(4))
            amounts += [("ItemPrice", "Shipping", shipping), ("ItemFees", "ShippingChargeback", -shipping)]
        for amount_type, description, amount in amounts:
            promotion = {"promotion-id": _promotion_id(sale)} if amount_type == "Promotion" else {}
            records.settle(market, posted_at, amount_type, description, amount, **same, **promotion, **{"transaction-type": "Order"})


def pay_back(
    records: Records, rng: random.Random, line: Line, units: int, at: datetime,
    *, share: Decimal = Decimal(1), transaction: str = "Refund",
) -> None:  # fmt: skip
    """The settlement rows of a refund: of units, or of a share of their price."""
    sale, market = line.sale, line.sale.market
    sku = other_capitals(line.product.sku) if rng.random() < CAPITALS_IN_SETTLEMENT else line.product.sku
    same = {
        "transaction-type": transaction, "order-id": sale.order_id, "sku": sku, "fulfillment-id": sale.channel,
        "adjustment-id": records.number(6_000_000_000),
    }  # fmt: skip
    price, promotion, fee = (market.rounded(amount * units * share) for amount in (line.price, line.promotion, line.commission))
    amounts = [("ItemPrice", "Principal", -price), ("ItemFees", "Commission", fee), ("ItemFees", "RefundCommission", -market.rounded(fee / 5))]
    if promotion:
        amounts.append(("Promotion", "Principal", promotion))
    for amount_type, description, amount in amounts:
        named = {"promotion-id": _promotion_id(sale)} if amount_type == "Promotion" else {}
        records.settle(market, at, amount_type, description, amount, **same, **named)
