"""The seller's own log of cases: its entries on a day, in the styles that people use, and the truth of each case."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.truth import ClaimTruth
from sandbox.world_catalog import Product
from sandbox.world_rows import Records, days

APPROVED, DENIED, REOPENED, OPEN = "Approved", "Denied", "Reopened", "Under investigation"

# How often an answered case has no closed-date in the log, is reopened under its number, or is appealed in a new case.
UNDATED, TAKEN_UP_AGAIN, APPEALED = 0.15, 0.15, 0.35
UNDATED_ANSWER_DAYS = 4
"""Only early approvals lack a date: for a late one nobody could say whether its payment is still due."""


@dataclass(frozen=True)
class Claim:
    """A case that the seller has filed, and all its log entries: its status from each day on."""

    case_id: str
    product: Product
    order_id: str | None
    units: int
    filed: date
    states: tuple[tuple[date, str], ...]
    covers: tuple[tuple[str, int], ...] = ()
    """The ledger entries that it is about, each with its units."""
    names_reference: bool = True
    is_dated: bool = True
    """Whether the log has closed-dates."""
    appeals: str | None = None
    """The denied case that it takes over from."""

    @property
    def decided(self) -> date:
        """The day of Amazon's last answer."""
        return self.states[-1][0]

    @property
    def approved(self) -> bool:
        """Whether the last answer is yes."""
        return self.states[-1][1] == APPROVED

    def status(self, day: date) -> tuple[str, date | None]:
        """The status and the closed-date in the log on a day; a reopened case still has the old closed-date."""
        told = [s for s in self.states if s[0] <= day]
        closed = [since for since, status in told if status in (APPROVED, DENIED)]
        return (told[-1][1] if told else OPEN), closed[-1] if closed and self.is_dated else None

    def truth(self, day: date, paid_units: int = 0) -> ClaimTruth:
        """The case as of a day; ``paid_units`` are those that Amazon has paid for it."""
        status, _ = self.status(day)
        decided = max(s[0] for s in self.states if s[0] <= day) if status in (APPROVED, DENIED) else None
        return ClaimTruth(
            case_id=self.case_id, covers=self.covers, order_id=self.order_id, sku=self.product.sku, units=self.units, paid_units=paid_units,
            filed=self.filed, decided=decided, approved=status == APPROVED, appeals=self.appeals,
        )  # fmt: skip


def claim(
    records: Records, rng: random.Random, filed: date, product: Product, units: int,
    *, approved: bool, order_id: str | None = None, covers: tuple[tuple[str, int], ...] = (), names_reference: bool = True,
    appeals: str | None = None,
) -> Claim:  # fmt: skip
    """File a case about units. Amazon answers within two weeks, sometimes no at first and otherwise after the case is reopened."""
    answer = APPROVED if approved else DENIED
    decided = filed + days(rng.randint(2, 12))
    states: tuple[tuple[date, str], ...] = ((decided, answer),)
    if rng.random() < TAKEN_UP_AGAIN:
        again = decided + days(rng.randint(2, 10))
        states = ((decided, DENIED), (again, REOPENED), (again + days(rng.randint(2, 12)), answer))
    soon = len(states) == 1 and decided <= filed + days(UNDATED_ANSWER_DAYS)
    is_dated = rng.random() >= UNDATED or (approved and not soon)
    number = records.number(15_400_000_000)
    made = Claim(number, product, order_id, units, filed, states, covers, names_reference, is_dated, appeals)
    records.claims.append(made)
    return made


def appealed(
    records: Records, rng: random.Random, filed: date, product: Product, units: int, *, approved: bool, always: bool = False, never: bool = False,
    order_id: str | None = None, covers: tuple[tuple[str, int], ...] = (), names_reference: bool = True,
) -> Claim:  # fmt: skip
    """File a case, sometimes (or always, or never) after a first one was denied; returns the last one."""
    same: dict[str, Any] = {"order_id": order_id, "covers": covers, "names_reference": names_reference}
    if not always and (rng.random() >= (APPEALED if not approved else APPEALED / 3) or never):
        return claim(records, rng, filed, product, units, approved=approved, **same)
    denied = claim(records, rng, filed, product, units, approved=False, **same)
    again = denied.decided + days(rng.randint(1, 12))
    return claim(records, rng, again, product, units, approved=approved, appeals=denied.case_id, **same)


CSV_HEAD = ("case-id", "order-id", "fnsku", "seller-sku", "units", "filed-date", "status", "closed-date", "transaction-id")


def csv_line(c: Claim, day: date) -> tuple[object, ...]:
    """A case in the log, as of a day."""
    reference = c.covers[0][0] if c.covers and c.names_reference else None
    return c.case_id, c.order_id, c.product.fnsku, c.product.sku, c.units, c.filed, *c.status(day), reference
