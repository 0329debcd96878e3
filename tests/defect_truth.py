"""What is true of every defect of a simulated seller on a day, worked out from what happened and from Amazon's claim windows, without the models.

All of it lies after March 2025, so one version of the windows holds (policy: warehouse 60 days; returns 60 to 120 days, in Europe 45 to 105).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from seller_warehouse.sandbox.truth import ClaimTruth, InventoryEventTruth, ReturnTruth
from seller_warehouse.sandbox.world import Seller
from seller_warehouse.sandbox.world_catalog import LEDGER, MARKETPLACES, REPLACEMENTS, RETURNS

GRACE, STOCK_DEADLINE = timedelta(days=7), timedelta(days=60)
RETURN_WINDOWS = {"na": (timedelta(days=60), timedelta(days=120)), "eu": (timedelta(days=45), timedelta(days=105))}
PAYMENT_AFTER_CLAIM = timedelta(days=10)
FOUND_BEFORE, FOUND_AFTER = timedelta(days=7), timedelta(days=120)
"""How long before and after the entry that a unit is missing one that is found may be it."""

DISPOSITIONS = {
    "SELLABLE": "SELLABLE", "CUSTOMER_DAMAGED": "CUSTOMER_DAMAGE", "DEFECTIVE": "DEFECTIVE", "EXPIRED": "DEFECTIVE",
    "DAMAGED": "FULFILLER_DAMAGE", "CARRIER_DAMAGED": "CARRIER_DAMAGE",
}  # fmt: skip


@dataclass(frozen=True)
class Expected:
    """Units of a warehouse event, or of an order and SKU, by bucket; ``kinds`` are the defect types of its rows with their number."""

    kinds: tuple[tuple[str, int], ...]
    cash: int = 0
    inventory: int = 0
    reconciled: int = 0
    in_progress: int = 0
    eligible: int = 0
    ineligible: int = 0
    amount: Decimal = Decimal(0)

    @property
    def status(self) -> str:
        """Of the event as a whole."""
        return "ELIGIBLE_FOR_CLAIM" if self.eligible else "IN_PROGRESS" if self.in_progress else "RESOLVED"


def stock(seller: Seller, known_at: datetime) -> dict[str, Expected]:
    """By ledger reference."""
    truth = seller.truth(known_at)
    claims: dict[str, list[ClaimTruth]] = defaultdict(list)
    for claim in truth.claims:
        if claim.event_id:
            claims[claim.event_id].append(claim)
    offset = _offset(seller, truth.inventory_events, known_at)
    return {e.event_id: _event(e, claims[e.event_id], known_at.date(), offset[e.event_id]) for e in truth.inventory_events}


def _offset(seller: Seller, events: Iterable[InventoryEventTruth], known_at: datetime) -> dict[str, int]:
    """Open units of each loss for which a unit of the same stock was found that is not reconciled yet, the oldest loss first."""
    currencies = {m.country: m.currency for m in MARKETPLACES.values()}
    losses = sorted((e for e in events if e.kind == "LOST"), key=lambda e: (e.ledger_date, e.event_id))
    rows = (r.values for r in seller.rows(LEDGER, datetime(2025, 1, 1, tzinfo=UTC), known_at, known_at))
    offset: dict[str, int] = defaultdict(int)
    for row in sorted((r for r in rows if r["Reason"] == "F"), key=lambda r: r["Date"]):
        left = row.get("Unreconciled Quantity") or 0
        for loss in losses:
            is_stock = (loss.fnsku, loss.currency_code) == (row["FNSKU"], currencies[row["Country"]])
            if is_stock and row["Date"] - FOUND_AFTER <= loss.ledger_date <= row["Date"] + FOUND_BEFORE:
                units = min(left, loss.open_units - offset[loss.event_id])
                offset[loss.event_id] += units
                left -= units
    return offset


def _event(event: InventoryEventTruth, claims: list[ClaimTruth], today: date, offset: int) -> Expected:
    opens, deadline = event.ledger_date + GRACE, event.ledger_date + STOCK_DEADLINE
    offset = offset if today <= deadline else 0
    in_case, eligible, waiting, ineligible = _open(event.open_units - offset, claims, today, opens, deadline)
    return Expected(
        kinds=(("WAREHOUSE_LOST" if event.kind == "LOST" else "WAREHOUSE_DAMAGE", 1),), cash=event.reimbursed_cash_units,
        inventory=event.reimbursed_inventory_units, reconciled=event.found_units + event.corrected_units,
        in_progress=in_case + waiting + offset, eligible=eligible, ineligible=ineligible, amount=event.cash,
    )  # fmt: skip


def _open(units: int, claims: list[ClaimTruth], today: date, opens: date, deadline: date) -> tuple[int, int, int, int]:
    """Open units: in a case, eligible, waiting, lost for good."""
    in_case = sum(c.units for c in claims if c.decided is None or (c.approved and today < c.decided + PAYMENT_AFTER_CLAIM))
    refused = sum(c.units for c in claims if c.decided and not c.approved)
    in_case = min(in_case, units)
    refused = min(refused, units - in_case)
    rest = units - in_case - refused
    if today > deadline:
        return in_case, 0, 0, refused + rest
    if today >= opens:
        return in_case, rest, 0, refused
    return in_case, 0, rest, refused


def returns(seller: Seller, known_at: datetime) -> dict[tuple[str, str], Expected]:
    """By order and SKU: what came back, and what was refunded or replaced and did not, as far as a report told it by then."""
    truth = seller.truth(known_at)
    claims: dict[str, list[ClaimTruth]] = defaultdict(list)
    for claim in truth.claims:
        if claim.order_id:
            claims[claim.order_id].append(claim)
    first = datetime(2025, 1, 1, tzinfo=UTC)
    statuses = {(r.values["order-id"], r.values["sku"]): r.values["status"] for r in seller.rows(RETURNS, first, known_at, known_at)}
    replaced = {(r.values["original-amazon-order-id"], r.values["sku"]) for r in seller.rows(REPLACEMENTS, first, known_at, known_at)}
    settled_until: dict[str, datetime] = defaultdict(lambda: first)
    for s in seller.settlements(known_at):
        settled_until[s.marketplace_id] = max(settled_until[s.marketplace_id], s.end)
    expected = {}
    for item in truth.returns:
        key = item.order_id, item.sku
        told = key in replaced if item.is_replacement else item.refunded_at is not None and item.refunded_at < settled_until[item.marketplace_id]
        if item.returned_date or told:
            refund = item.refunded_at.astimezone(UTC).date() if item.refunded_at and told else item.returned_date
            assert refund
            expected[key] = _return(item, claims[item.order_id], known_at.date(), refund, statuses.get(key))
    return expected


def _return(item: ReturnTruth, claims: list[ClaimTruth], today: date, refund: date, status: str | None) -> Expected:
    rest = item.units - item.reimbursed_units
    kinds = ((DISPOSITIONS[item.disposition], item.units),) if item.disposition else (("IN_TRANSIT", 1),)
    if item.disposition == "SELLABLE" and status == "Pending repackaging":
        return Expected(kinds, cash=item.reimbursed_units, in_progress=rest, amount=item.cash)
    if item.disposition == "SELLABLE":
        return Expected(kinds, cash=item.reimbursed_units, reconciled=rest, amount=item.cash)
    if item.disposition in ("CUSTOMER_DAMAGED", "DEFECTIVE", "EXPIRED"):
        return Expected(kinds, cash=item.reimbursed_units, ineligible=rest, amount=item.cash)
    region = "na" if MARKETPLACES[item.marketplace_id].country in ("US", "CA", "MX") else "eu"
    opens, deadline = RETURN_WINDOWS[region]
    of_item = [c for c in claims if c.sku == item.sku]
    in_case, eligible, waiting, ineligible = _open(rest, of_item, today, refund + opens, refund + deadline)
    return Expected(
        kinds, cash=item.reimbursed_units, in_progress=in_case + waiting, eligible=eligible, ineligible=ineligible, amount=item.cash
    )  # fmt: skip
