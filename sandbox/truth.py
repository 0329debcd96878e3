"""What really happened to each unit and each cent, separate from the reports, and what was known of it at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

T = TypeVar("T")

ORDERS_SHOWN_AFTER = timedelta(hours=1)
"""Delay until the orders report shows a change of an order."""

DEFECT_CLAIMS = ("Granted", "Refunded", "Cancelled")
"""Outcomes of an A-to-z claim that make the order a defect (the last: the seller cancelled the order after the claim)."""
DEFECT_CHARGEBACKS = ("Service",)
"""Chargebacks about the seller's service; those for fraud do not count."""


def as_of(changes: tuple[tuple[datetime, T], ...], known_at: datetime) -> T | None:
    """The latest of dated values known at a time; None before the first."""
    return next((value for since, value in reversed(changes) if since <= known_at), None)


@dataclass(frozen=True)
class ReimbursementTruth:
    """One line that Amazon finally shows: cash is net of nothing, a reversal is a line of its own with negative cash or units."""

    reimbursement_id: str
    approval_at: datetime
    reason: str
    currency_code: str
    cash: Decimal
    cash_units: int
    inventory_units: int
    is_reversal: bool
    original_reimbursement_id: str | None
    case_id: str | None
    order_id: str | None
    sku: str
    seen_from: datetime
    """When the report first shows it, even if it first showed two lines."""
    posted_at: datetime | None
    """When a settlement pays it; None if units were replaced in kind."""


@dataclass(frozen=True)
class InventoryEventTruth:
    """Units lost or damaged in a warehouse, and their outcome: ``units`` is the sum of the six counts of units."""

    event_id: str
    kind: str
    ledger_date: date
    code: str
    fnsku: str
    seller_sku: str
    country: str
    units: int
    found_units: int
    corrected_units: int
    turned_up_units: int
    """Found, but Amazon has not yet reconciled them with the loss."""
    reimbursed_cash_units: int
    reimbursed_inventory_units: int
    open_units: int
    cash: Decimal
    currency_code: str
    reimbursement_ids: tuple[str, ...]
    case_units: tuple[tuple[str, int], ...]
    """Cases for which Amazon has paid, with the units."""


@dataclass(frozen=True)
class ReturnTruth:
    """Units of an order line that Amazon refunded or replaced, or a multi-channel buyer sent back (``refunded_at`` None)."""

    order_id: str
    sku: str
    marketplace_id: str
    units: int
    refunded_at: datetime | None
    is_replacement: bool
    returned_date: date | None
    disposition: str | None
    reimbursed_units: int
    cash: Decimal
    currency_code: str
    unit_proceeds: Decimal
    """What a unit earned the seller in the marketplace's currency: the price less promotion, commission and delivery."""
    order_is_shown: bool
    """Whether the orders report includes the order, and settlements its sale."""
    refund_is_settled: bool
    """Whether a settlement has the refund; false if Amazon's service paid the buyer."""


@dataclass(frozen=True)
class OrderTruth:
    """An order; ``counts_toward_odr`` means that it is one of the orders the rate divides by, ``is_defect`` one of those it counts."""

    order_id: str
    channel: str
    marketplace_id: str
    purchased_at: datetime
    status: str
    is_multi_channel: bool
    is_replacement: bool
    feedback: int | None
    negative_feedback: bool
    a_to_z: str | None
    chargeback: str | None
    counts_toward_odr: bool
    is_defect: bool


@dataclass(frozen=True)
class ClaimTruth:
    """A case that the seller has filed, about a warehouse event or an order; ``decided`` is None while it is open."""

    case_id: str
    covers: tuple[tuple[str, int], ...]
    """Warehouse events, each with its units in the case; empty if the case is about an order."""
    order_id: str | None
    sku: str
    units: int
    paid_units: int
    """Units that Amazon has paid for the case so far."""
    filed: date
    decided: date | None
    approved: bool
    appeals: str | None
    """The denied case about the same units that this one takes over from."""


@dataclass(frozen=True)
class Truth:
    """Everything true of a seller that Amazon's reports could have shown by ``known_at``."""

    known_at: datetime
    inventory_events: list[InventoryEventTruth]
    returns: list[ReturnTruth]
    reimbursements: list[ReimbursementTruth]
    orders: list[OrderTruth]
    claims: list[ClaimTruth]
    cash: dict[tuple[str, date], Decimal]
    """Cash by currency and by the first day of the month (UTC) of approval, reversals in their own month."""


@dataclass(frozen=True)
class Step:
    """Units of a warehouse event that went to a bucket, or left it again (negative).

    Buckets are ``found``, ``corrected``, ``turned up``, ``cash`` and ``inventory``.
    """

    seen_from: datetime
    bucket: str
    units: int
    payment: ReimbursementTruth | None = None


@dataclass(frozen=True)
class InventoryEvent:
    """A warehouse event and everything that follows from it."""

    event_id: str
    kind: str
    ledger_date: date
    code: str
    fnsku: str
    seller_sku: str
    country: str
    units: int
    currency_code: str
    seen_from: datetime
    steps: tuple[Step, ...]
    ledger_tells: bool = True
    """Whether the ledger's own figures show the steps at once."""

    def truth(self, known_at: datetime) -> InventoryEventTruth:
        """The event as of a time."""
        steps = [s for s in self.steps if s.seen_from <= known_at]
        buckets = ("found", "corrected", "turned up", "cash", "inventory")
        found, corrected, turned_up, cash, inventory = (sum(s.units for s in steps if s.bucket == b) for b in buckets)
        payments = [s.payment for s in steps if s.payment]
        return InventoryEventTruth(
            event_id=self.event_id, kind=self.kind, ledger_date=self.ledger_date, code=self.code, fnsku=self.fnsku, seller_sku=self.seller_sku,
            country=self.country, units=self.units, found_units=found, corrected_units=corrected, turned_up_units=turned_up,
            reimbursed_cash_units=cash, reimbursed_inventory_units=inventory,
            open_units=self.units - found - corrected - turned_up - cash - inventory,
            cash=sum((p.cash for p in payments), Decimal(0)), currency_code=self.currency_code,
            reimbursement_ids=tuple(dict.fromkeys(p.reimbursement_id for p in payments)),
            case_units=tuple((s.payment.case_id, s.units) for s in steps if s.payment and s.payment.case_id),
        )  # fmt: skip


@dataclass(frozen=True)
class Return:
    """A refund, a replacement or a return, and everything that follows from it."""

    order_id: str
    sku: str
    marketplace_id: str
    currency_code: str
    units: int
    refunded_at: datetime | None
    is_replacement: bool
    returned: tuple[tuple[datetime, date], ...]
    disposition: str | None
    payments: tuple[ReimbursementTruth, ...]
    unit_proceeds: Decimal
    order_is_shown: bool = True
    refund_is_settled: bool = True

    @property
    def seen_from(self) -> datetime:
        """When it began: with the refund, or with the first row about the unit."""
        return self.refunded_at or self.returned[0][0]

    def truth(self, known_at: datetime) -> ReturnTruth:
        """The return as of a time."""
        payments = [p for p in self.payments if p.seen_from <= known_at]
        returned = as_of(self.returned, known_at)
        return ReturnTruth(
            order_id=self.order_id, sku=self.sku, marketplace_id=self.marketplace_id, units=self.units, refunded_at=self.refunded_at,
            is_replacement=self.is_replacement, returned_date=returned, disposition=self.disposition if returned else None,
            reimbursed_units=sum(p.cash_units for p in payments), cash=sum((p.cash for p in payments), Decimal(0)),
            currency_code=self.currency_code, unit_proceeds=self.unit_proceeds, order_is_shown=self.order_is_shown,
            refund_is_settled=self.refund_is_settled,
        )  # fmt: skip


@dataclass(frozen=True)
class Order:
    """An order and all reports about it, each with the time from which it is known."""

    order_id: str
    channel: str
    marketplace_id: str
    purchased_at: datetime
    statuses: tuple[tuple[datetime, str], ...]
    is_multi_channel: bool = False
    is_replacement: bool = False
    feedback: tuple[tuple[datetime, int | None], ...] = ()
    a_to_z: tuple[tuple[datetime, str], ...] = ()
    chargeback: tuple[tuple[datetime, str], ...] = ()

    def is_shown(self, known_at: datetime) -> bool:
        """Whether the orders report shows it by then."""
        return self.statuses[0][0] + ORDERS_SHOWN_AFTER <= known_at

    def truth(self, known_at: datetime) -> OrderTruth:
        """The order as the reports show it at a time."""
        status, stars = as_of(self.statuses, known_at - ORDERS_SHOWN_AFTER) or self.statuses[0][1], as_of(self.feedback, known_at)
        claim, chargeback = as_of(self.a_to_z, known_at), as_of(self.chargeback, known_at)
        negative = stars is not None and stars <= 2
        bad = negative or claim in DEFECT_CLAIMS or chargeback in DEFECT_CHARGEBACKS
        # Cancelled orders do not count, but one with a defect that counts is in both numbers of the rate.
        counts = (status != "Cancelled" or bad) and not self.is_multi_channel and not self.is_replacement
        return OrderTruth(
            order_id=self.order_id, channel=self.channel, marketplace_id=self.marketplace_id, purchased_at=self.purchased_at, status=status,
            is_multi_channel=self.is_multi_channel, is_replacement=self.is_replacement, feedback=stars, negative_feedback=negative, a_to_z=claim,
            chargeback=chargeback, counts_toward_odr=counts,
            is_defect=counts and bad,
        )  # fmt: skip
