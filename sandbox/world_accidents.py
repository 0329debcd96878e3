"""One loss or damage in a warehouse, from the day it happens to its last step, and the report rows of each step."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.truth import InventoryEvent, ReimbursementTruth, Step
from sandbox.world_catalog import SELLABLE, Product, SimulatedMarketplace
from sandbox.world_payments import pay
from sandbox.world_rows import Records, days, moment, night, noon

# Reason code of a damage -> the stock it was taken from.
DAMAGES = {"6": "CARRIER_DAMAGED", "7": "EXPIRED", "H": "CUSTOMER_DAMAGED", "K": "DEFECTIVE", "U": "DISTRIBUTOR_DAMAGED", "E": SELLABLE}
DAMAGED = "WAREHOUSE_DAMAGED"
OTHER = {"lost": "damaged", "damaged": "lost"}


@dataclass
class Accident:
    """Units of one stock that are lost or damaged; ``write`` writes the ledger entry once all steps are known."""

    records: Records
    rng: random.Random
    market: SimulatedMarketplace
    product: Product
    code: str
    units: int
    ledger_date: date
    names_fnsku: bool = True
    in_capitals: bool = True
    """Whether the ledger has its codes in capitals, as from Amazon; spreadsheets may change them."""
    reference: str = ""
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reference = self.records.number(20_000_000)
        self.center = self.rng.choice(self.market.fulfillment_centers)
        self.seen_from = night(self.rng, noon(self.ledger_date, self.market), 1, 4)

    @property
    def kind(self) -> str:
        """``lost`` or ``damaged``."""
        return "damaged" if self.code in DAMAGES else "lost"

    @property
    def source(self) -> str:
        """The disposition that the units had."""
        return DAMAGES.get(self.code, SELLABLE)

    @property
    def worth(self) -> Decimal:
        """What Amazon pays for a unit; one that was not sellable is worth half, as in the one documented case."""
        return self.market.rounded(self.product.cost_in(self.market, self.ledger_date) * (Decimal(1) if self.source == SELLABLE else Decimal("0.5")))

    def adjust(
        self, day: date, code: str, units: int, known_from: datetime,
        *, disposition: str = SELLABLE, reconciled: int | None = None, own_reference: bool = True,
    ) -> None:  # fmt: skip
        """One more ledger row about the stock that never changes."""
        self.records.ledger(
            self.rng, day, self.market, self.product, "Adjustments", units, disposition=disposition, code=code, known_from=known_from,
            reference=self.reference if own_reference else self.records.number(20_000_000), names_fnsku=self.names_fnsku,
            in_capitals=self.in_capitals, reconciled=() if reconciled is None else [(known_from, reconciled)],
        )  # fmt: skip

    def pay(
        self, approved: datetime, units: int, *, in_kind: bool = False, case_id: str | None = None, as_other: bool = False
    ) -> list[ReimbursementTruth]:
        """Amazon pays for units, or replaces them; what it has paid for is Amazon's."""
        reason = OTHER[self.kind] if as_other else self.kind
        payments = pay(
            self.records, self.rng, self.market, self.product, reason, approved, self.worth,
            cash_units=0 if in_kind else units, inventory_units=units if in_kind else 0, case_id=case_id,
        )  # fmt: skip
        seen_from = payments[0].seen_from
        self.take(*payments)
        day = max(seen_from.date(), self.ledger_date)
        if in_kind:
            self.adjust(day, "N", units, night(self.rng, max(seen_from, noon(day, self.market)), 1, 4), reconciled=units)
        elif self.kind == "damaged":
            self.adjust(day, "O", -units, night(self.rng, max(seen_from, noon(day, self.market)), 1, 4), disposition=DAMAGED)
        return payments

    def take(self, *payments: ReimbursementTruth) -> None:
        """Count lines of the reimbursements report for this accident: units in money and in kind, each with its sign."""
        for p in payments:
            in_kind_alone = p.inventory_units and not p.cash_units
            self.steps.append(Step(p.seen_from, "inventory" if in_kind_alone else "cash", p.inventory_units if in_kind_alone else p.cash_units, p))
            if p.inventory_units and p.cash_units:
                self.steps.append(Step(p.seen_from, "inventory", p.inventory_units))

    def find(self, day: date, units: int, *, seen_from: datetime | None = None, own_reference: bool = True) -> datetime:
        """Missing units turn up: stock, and from the same night on reconciled where they were missed."""
        seen_from = seen_from or night(self.rng, noon(day, self.market), 1, 4)
        self.adjust(day, "F", units, seen_from, reconciled=units, own_reference=own_reference)
        self.steps.append(Step(seen_from, "found", units))
        return seen_from

    def correct(self, day: date, units: int) -> None:
        """Damaged units are found to be sellable after all."""
        seen_from = night(self.rng, noon(day, self.market), 1, 4)
        self.adjust(day, "Q", -units, seen_from, disposition=DAMAGED)
        self.adjust(day, "P", units, seen_from)
        self.steps.append(Step(seen_from, "corrected", units))

    def write(self, *, late_by: int = 0, has_figures: bool = True) -> InventoryEvent:
        """The ledger's entry: units are reconciled as soon as a step is seen, or ``late_by`` days after a payment; or it has no such figures."""
        lag = days(late_by)
        told = [(max(s.seen_from + (lag if s.payment else timedelta()), self.seen_from), s) for s in self.steps if s.bucket != "turned up"]
        changes = sorted({self.seen_from, *(when for when, _ in told)})
        reconciled = [(when, sum(s.units for at, s in told if at <= when)) for when in changes]
        same: dict[str, Any] = {"reference": self.reference, "center": self.center, "names_fnsku": self.names_fnsku, "in_capitals": self.in_capitals}
        self.records.ledger(
            self.rng, self.ledger_date, self.market, self.product, "Adjustments", -self.units, disposition=self.source, code=self.code,
            reconciled=reconciled if has_figures else (), known_from=self.seen_from, **same,
        )  # fmt: skip
        if self.kind == "damaged":
            self.records.ledger(
                self.rng, self.ledger_date, self.market, self.product, "Adjustments", self.units,
                disposition=DAMAGED, code="P", known_from=self.seen_from, **same,
            )  # fmt: skip
        event = InventoryEvent(
            event_id=self.reference, kind=self.kind.upper(), ledger_date=self.ledger_date, code=self.code, fnsku=self.product.fnsku,
            seller_sku=self.product.sku, country=self.market.country, units=self.units, currency_code=self.market.currency,
            seen_from=self.seen_from, steps=tuple(sorted(self.steps, key=lambda s: s.seen_from)),
            ledger_tells=has_figures and not late_by,
        )  # fmt: skip
        self.records.events.append(event)
        return event

    def moment(self, after: int) -> datetime:
        """A time of the day that many days after the ledger's."""
        return moment(self.rng, self.ledger_date + days(after), self.market)
