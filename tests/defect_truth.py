"""The truth about every defect of a simulated seller on a day, computed from its events and Amazon's claim windows, without the models.

All days are after March 2025, so one version of the windows applies (policy: warehouse 60 days; returns 60 to 120 days in North America,
45 to 105 in Europe and Japan).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sandbox.truth import ClaimTruth, InventoryEventTruth, ReturnTruth
from sandbox.world import Seller
from sandbox.world_catalog import MARKETPLACES, REPLACEMENTS, RETURNS

GRACE, STOCK_DEADLINE = timedelta(days=7), timedelta(days=60)
_ELSEWHERE = timedelta(days=45), timedelta(days=105)
RETURN_WINDOWS = {**dict.fromkeys(("US", "CA", "MX"), (timedelta(days=60), timedelta(days=120))), **dict.fromkeys(("DE", "GB", "JP"), _ELSEWHERE)}
"""By country; none is known for India, except one for losses in its warehouses."""
PAYMENT_AFTER_CLAIM = timedelta(days=10)
NEVER = date.max, date.max
"""A window without a known rule: unpaid units are not checked."""

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
    denied: int = 0
    expired: int = 0
    amount: Decimal = Decimal(0)

    def __add__(self, other: Expected) -> Expected:
        """Units of one order and SKU that were refunded on different days."""
        kinds = Counter(dict(self.kinds)) + Counter(dict(other.kinds))
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.name != "kinds"}
        return Expected(tuple(sorted(kinds.items())), **sums)

    @property
    def status(self) -> str:
        """Of the event as a whole."""
        return "ELIGIBLE_FOR_CLAIM" if self.eligible else "IN_PROGRESS" if self.in_progress else "RESOLVED"


def stock(seller: Seller, known_at: datetime) -> dict[str, Expected]:
    """By ledger reference."""
    truth = seller.truth(known_at)
    claims: dict[str, list[ClaimTruth]] = defaultdict(list)
    for claim in standing(truth.claims):
        for event_id, units in claim.covers:
            claims[event_id].append(replace(claim, units=units))
    return {e.event_id: _event(e, claims[e.event_id], known_at.date()) for e in truth.inventory_events}


def standing(claims: list[ClaimTruth]) -> list[ClaimTruth]:
    """The cases without an appeal: an appealed case belongs to its appeal."""
    appealed = {c.appeals for c in claims}
    return [c for c in claims if c.case_id not in appealed]


def _event(event: InventoryEventTruth, claims: list[ClaimTruth], today: date) -> Expected:
    opens, deadline = event.ledger_date + GRACE, event.ledger_date + STOCK_DEADLINE
    if event.country == "IN" and event.kind == "DAMAGED":
        opens, deadline = NEVER
    claims = [replace(c, paid_units=sum(units for case, units in event.case_units if case == c.case_id)) for c in claims]
    in_case, eligible, waiting, denied, expired = _open(event.open_units, claims, today, opens, deadline)
    return Expected(
        kinds=(("WAREHOUSE_LOST" if event.kind == "LOST" else "WAREHOUSE_DAMAGE", 1),), cash=event.reimbursed_cash_units,
        inventory=event.reimbursed_inventory_units, reconciled=event.found_units + event.corrected_units,
        in_progress=in_case + waiting + event.turned_up_units, eligible=eligible, ineligible=denied + expired, denied=denied, expired=expired,
        amount=event.cash,
    )  # fmt: skip


def _open(units: int, claims: list[ClaimTruth], today: date, opens: date, deadline: date) -> tuple[int, int, int, int, int]:
    """Open units: in a case, eligible, waiting, denied, expired."""
    in_case = sum(c.units - c.paid_units for c in claims if c.decided is None or (c.approved and today < c.decided + PAYMENT_AFTER_CLAIM))
    denied = sum(c.units for c in claims if c.decided and not c.approved)
    in_case = min(in_case, units)
    denied = min(denied, units - in_case)
    rest = units - in_case - denied
    if today > deadline:
        return in_case, 0, 0, denied, rest
    if today >= opens:
        return in_case, rest, 0, denied, 0
    return in_case, 0, rest, denied, 0


def returns(seller: Seller, known_at: datetime) -> dict[tuple[str, str], Expected]:
    """By order and SKU: units that came back, and units that were refunded or replaced and did not, if a report showed it by then."""
    expected: dict[tuple[str, str], Expected] = {}
    for item, _, one in refunds(seller, known_at):
        key = item.order_id, item.sku
        expected[key] = expected[key] + one if key in expected else one
    return expected


def refunds(seller: Seller, known_at: datetime) -> Iterator[tuple[ReturnTruth, date, Expected]]:
    """The same one by one: units refunded on one day, the day from which their window counts, and their bucket."""
    truth = seller.truth(known_at)
    claims: dict[tuple[str, str], list[ClaimTruth]] = defaultdict(list)
    for claim in standing(truth.claims):
        if claim.order_id:
            claims[claim.order_id, claim.sku].append(claim)
    first = datetime(2025, 1, 1, tzinfo=UTC)
    statuses = {(r.values["order-id"], r.values["sku"]): r.values["status"] for r in seller.rows(RETURNS, first, known_at, known_at)}
    replaced = {(r.values["original-amazon-order-id"], r.values["sku"]) for r in seller.rows(REPLACEMENTS, first, known_at, known_at)}
    settled = [(s.marketplace_id, s.start, s.end) for s in seller.settlements(known_at)]
    for item in truth.returns:
        # A unit that Amazon's service left with a buyer is Amazon's loss and no defect.
        if not item.refund_is_settled:
            continue
        key = item.order_id, item.sku
        told = key in replaced if item.is_replacement else _is_settled(item, settled)
        # A payment that names the order proves a refund that no settlement shows.
        if item.returned_date or told or item.reimbursed_units:
            refund = item.refunded_at.astimezone(UTC).date() if item.refunded_at and told else item.returned_date or known_at.date()
            # If units were refunded on different days, cases are about those of the first day.
            yield item, refund, _return(item, claims.pop(key, []), known_at.date(), refund, statuses.get(key))


def _is_settled(item: ReturnTruth, settled: list[tuple[str, datetime, datetime]]) -> bool:
    """Whether a loaded settlement shows the refund."""
    at = item.refunded_at
    return at is not None and any(marketplace == item.marketplace_id and start <= at < end for marketplace, start, end in settled)


def _return(item: ReturnTruth, claims: list[ClaimTruth], today: date, refund: date, status: str | None) -> Expected:
    rest = item.units - item.reimbursed_units
    kinds = ((DISPOSITIONS[item.disposition], item.units),) if item.disposition else (("IN_TRANSIT", 1),)
    if item.disposition == "SELLABLE" and status == "Pending repackaging":
        return Expected(kinds, cash=item.reimbursed_units, in_progress=rest, amount=item.cash)
    if item.disposition == "SELLABLE":
        return Expected(kinds, cash=item.reimbursed_units, reconciled=rest, amount=item.cash)
    if item.disposition in ("CUSTOMER_DAMAGED", "DEFECTIVE", "EXPIRED"):
        return Expected(kinds, cash=item.reimbursed_units, ineligible=rest, amount=item.cash)
    windows = RETURN_WINDOWS.get(MARKETPLACES[item.marketplace_id].country)
    opens, deadline = (refund + windows[0], refund + windows[1]) if windows else NEVER
    in_case, eligible, waiting, denied, expired = _open(rest, claims, today, opens, deadline)
    return Expected(
        kinds, cash=item.reimbursed_units, in_progress=in_case + waiting, eligible=eligible, ineligible=denied + expired, denied=denied,
        expired=expired, amount=item.cash,
    )  # fmt: skip
