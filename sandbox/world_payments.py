"""Amazon's payments to a seller as its reports show them: split, merged, misspelt, without an id, in another currency, taken back in parts."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal

from sandbox.truth import ReimbursementTruth
from sandbox.world_catalog import REIMBURSEMENTS, Product, SimulatedMarketplace, cents
from sandbox.world_money import next_held
from sandbox.world_rows import Records, Row, Values, moment, night

# How the reimbursements report spells each reason, and what the settlement calls it.
REASONS = {
    "lost": (("Lost_Warehouse", "Lost_Warehouse", "Lost_warehouse"), "WAREHOUSE_LOST"),
    "damaged": (("Damaged_Warehouse", "Damaged_Warehouse", "Damaged:Warehouse"), "WAREHOUSE_DAMAGE"),
    "inbound": (("Lost_Inbound",), "MISSING_FROM_INBOUND"),
    "return": (("CustomerReturn",), "REVERSAL_REIMBURSEMENT"),
    "service": (("CustomerServiceIssue",), "CS_ERROR_ITEMS"),
    "removal": (("REMOVAL_ORDER_LOST",), "REMOVAL_ORDER_LOST"),
    "mcf": (("MULTICHANNEL_ORDER_LOST", "MULTICHANNEL_ORDER_LOST", "Lost_Outbound"), "MULTICHANNEL_ORDER_LOST"),
    "fees": (("INCORRECT_FEES_ITEMS", "WEIGHT_AND_DIMENSIONS_CHANGE"), "INCORRECT_FEES_ITEMS"),
    "late": (("MULTICHANNEL_ORDER_LATE",), "MULTICHANNEL_ORDER_LATE"),
    "reversal": (("Reimbursement_Reversal",), "COMPENSATED_CLAWBACK"),
}

# How often a payment has no FNSKU, or else no SKU, or its SKU in other capitals; and a settlement's line its SKU in other capitals.
NO_FNSKU, NO_SKU, OTHER_CAPITALS = 0.05, 0.04, 0.06
CAPITALS_IN_SETTLEMENT = 0.06
POSTED_WITHIN_DAYS = 10
"""How long a settlement may take to pay what was approved: policy."""


def other_capitals(sku: str) -> str:
    """A SKU as a person types it."""
    return sku.lower() if sku != sku.lower() else sku.upper()


def _names(rng: random.Random, product: Product) -> Values:
    """SKU and FNSKU of a payment, as in the report."""
    luck, names = rng.random(), {"sku": product.sku, "fnsku": product.fnsku}
    if luck < NO_FNSKU:
        return names | {"fnsku": None}
    if luck < NO_FNSKU + NO_SKU:
        return names | {"sku": None}
    if luck < NO_FNSKU + NO_SKU + OTHER_CAPITALS:
        return names | {"sku": other_capitals(product.sku)}
    return names


def pay(
    records: Records,
    rng: random.Random,
    market: SimulatedMarketplace,
    product: Product,
    reason: str,
    approved: datetime,
    per_unit: Decimal,
    *,
    cash_units: int = 0,
    inventory_units: int = 0,
    order_id: str | None = None,
    names_order: bool = True,
    case_id: str | None = None,
    original: ReimbursementTruth | None = None,
    names_original: bool = True,
    names: ReimbursementTruth | None = None,
    amount: Decimal | None = None,
) -> list[ReimbursementTruth]:
    """Reimburse units (negative: take them back), in one or two lines; returns the lines that Amazon finally shows.

    A payment for several units is at times two lines under one id, at times two payments that are merged within five days. ``original`` is
    the payment that a reversal changes, ``names`` the one whose id it shows where that is another; ``amount`` is money for no unit.
    """
    spellings, settled_as = REASONS[reason]
    how = rng.random() if cash_units > 1 else 1
    shares = [cash_units // 2, cash_units - cash_units // 2] if how < 0.5 else [cash_units]
    merged = how < 0.25
    shown_order = order_id if names_order else None
    named = (names or original) if names_original else None
    values: Values = {
        "approval-date": approved, "reimbursement-id": records.number(17_300_000_000), "case-id": case_id, "amazon-order-id": shown_order,
        "reason": rng.choice(spellings), **_names(rng, product), "asin": product.asin, "product-name": product.name,
        "condition": "NewItem", "currency-unit": market.currency, "amount-per-unit": per_unit if cash_units else Decimal("0.00"),
        "original-reimbursement-id": named and named.reimbursement_id, "original-reimbursement-type": named and named.reason,
    }  # fmt: skip
    seen_from = night(rng, approved, 1, 5)

    def cash(units: int) -> Decimal:
        return per_unit * units if amount is None else amount

    def amounts(units: int) -> Values:
        return {
            "amount-total": cash(units),
            "quantity-reimbursed-cash": units,
            "quantity-reimbursed-inventory": inventory_units,
            "quantity-reimbursed-total": units + inventory_units,
        }

    known_from = seen_from
    if merged:
        known_from = night(rng, seen_from, 1, 4)
        for number, units in enumerate(shares):
            new = {"reimbursement-id": records.number(17_300_000_000)} if number else {}
            records.book.add(REIMBURSEMENTS, Row(approved, values | amounts(units) | new, seen_from, known_from))
        shares = [cash_units]
    posted_at = approved + timedelta(days=rng.randint(0, 4), hours=rng.randrange(24))
    held_from = next_held(records.profile, market, records.start, posted_at)
    if shown_order is None and posted_at < held_from and (held_from.date() - approved.date()).days <= POSTED_WITHIN_DAYS:
        # If an unfetched settlement had paid it, no report would say which of several equal payments the next one pays.
        posted_at = held_from + timedelta(hours=1)
    lines = []
    for units in shares:
        records.book.add(REIMBURSEMENTS, Row(approved, values | amounts(units), known_from))
        line = ReimbursementTruth(
            reimbursement_id=values["reimbursement-id"], approval_at=approved, reason=values["reason"], currency_code=market.currency,
            cash=cash(units), cash_units=units, inventory_units=inventory_units, is_reversal=reason == "reversal",
            original_reimbursement_id=original.reimbursement_id if original else None, case_id=case_id, order_id=order_id, sku=product.sku,
            seen_from=seen_from, posted_at=posted_at if cash(units) else None,
        )  # fmt: skip
        lines.append(line)
        if cash(units):
            sku = other_capitals(product.sku) if rng.random() < CAPITALS_IN_SETTLEMENT else product.sku
            records.settle(
                market, posted_at, "FBA Inventory Reimbursement", settled_as, cash(units),
                **{"transaction-type": "other-transaction", "order-id": shown_order, "adjustment-id": f"amzn1:crow:{records.number(8_000_000_000)}",
                   "sku": sku, "quantity-purchased": abs(units), "marketplace-name": None},
            )  # fmt: skip
    records.payments.extend(lines)
    return lines


def take_back(
    records: Records, rng: random.Random, market: SimulatedMarketplace, product: Product, paid: ReimbursementTruth, approved: datetime,
    *, names_original: bool = True, names_order: bool = True,
) -> list[ReimbursementTruth]:  # fmt: skip
    """Reverse a payment as a whole."""
    return pay(
        records, rng, market, product, "reversal", approved, cents(paid.cash / (paid.cash_units or 1)), cash_units=-paid.cash_units,
        inventory_units=-paid.inventory_units, order_id=paid.order_id, names_order=names_order, original=paid,
        names_original=names_original,
    )  # fmt: skip


def give_back(
    records: Records, rng: random.Random, market: SimulatedMarketplace, product: Product, paid: ReimbursementTruth, reversal: ReimbursementTruth,
    approved: datetime,
) -> list[ReimbursementTruth]:  # fmt: skip
    """Reverse the reversal of a payment: it names the payment or, as often, the reversal."""
    return pay(
        records, rng, market, product, "reversal", approved, cents(paid.cash / (paid.cash_units or 1)), cash_units=paid.cash_units,
        inventory_units=paid.inventory_units, order_id=paid.order_id, original=paid, names=rng.choice((paid, reversal)),
    )  # fmt: skip


def replace_in_kind(
    records: Records, rng: random.Random, market: SimulatedMarketplace, product: Product, paid: ReimbursementTruth, approved: datetime
) -> list[ReimbursementTruth]:
    """Take the money of a payment back and give as many units instead."""
    return pay(
        records, rng, market, product, "reversal", approved, cents(paid.cash / paid.cash_units), cash_units=-paid.cash_units,
        inventory_units=paid.cash_units, order_id=paid.order_id, original=paid,
    )  # fmt: skip


def take_money_back(
    records: Records, rng: random.Random, market: SimulatedMarketplace, product: Product, paid: ReimbursementTruth, approved: datetime
) -> list[ReimbursementTruth]:
    """Take a fifth of a payment's money back, and no unit."""
    return pay(
        records,
        rng,
        market,
        product,
        "reversal",
        approved,
        Decimal("0.00"),
        order_id=paid.order_id,
        original=paid,
        amount=-market.rounded(paid.cash / 5),
    )


def pay_for_no_unit(
    records: Records, rng: random.Random, market: SimulatedMarketplace, product: Product, order_id: str, since: datetime, *, reason: str = "fees"
) -> None:
    """Correct fees of an order, or pay for its delay: the report counts a unit, and none was paid for."""
    approved = moment(rng, since.date() + timedelta(days=rng.randint(5, 60)), market)
    amount = market.money(Decimal("1.20"))
    pay(records, rng, market, product, reason, approved, amount, cash_units=1, order_id=order_id)
