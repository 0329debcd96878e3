"""Losses and damages that ledger and payments report irregularly: early, late, under another reason, without an id, or not at all.

Each has a stock of its own while it lasts, one of those set apart, so that no other loss of that stock can be mistaken for it: with two equal
losses and one payment nobody could say which was paid. Each ends with all units settled; until then it may be open for weeks.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date

from sandbox.truth import Step
from sandbox.world_accidents import DAMAGES, Accident
from sandbox.world_catalog import SELLABLE, Product, SimulatedMarketplace
from sandbox.world_claims import appealed, claim
from sandbox.world_payments import take_back
from sandbox.world_rows import Records, Research, days, moment, night, noon

EVERY_DAYS = 13
"""Days between two of them; they take turns, each as soon as a stock is free."""
REST_DAYS = 130
"""Rest of a stock after its last event: longer than a payment may follow a loss (payout_match_days)."""


class Odd:
    """A stock that was set apart, on the first day of its oddity."""

    def __init__(self, records: Records, rng: random.Random, day: date, market: SimulatedMarketplace, product: Product) -> None:
        self.records, self.rng, self.day, self.market, self.product = records, rng, day, market, product
        self.rests_from = day

    def accident(self, code: str, units: int, *, after: int = 9) -> Accident:
        """Units that will be in the ledger so many days from now."""
        ledger_date = self.day + days(after)
        self.records.research.append(Research(self.market.country, self.product, units, self.day, ledger_date))
        return Accident(self.records, self.rng, self.market, self.product, code, units, ledger_date)

    def lost(self, units: int, *, after: int = 9) -> Accident:
        """Lost units."""
        return self.accident(self.rng.choice("MM5"), units, after=after)

    def either(self, units: int) -> Accident:
        """Lost units, or damaged ones."""
        return self.accident(self.rng.choice("M5EE"), units)

    def end(self, *accidents: Accident, late_by: int = 0, has_figures: bool = True) -> None:
        """Write the ledger's entries; the stock rests once the last step is seen there."""
        for it in accidents:
            event = it.write(late_by=late_by, has_figures=has_figures)
            self.rests_from = max(self.rests_from, event.ledger_date, *(s.seen_from.date() + days(late_by) for s in event.steps))


def _early(odd: Odd) -> None:
    """Paid the day before the ledger's entry: days of two zones."""
    it = odd.either(1)
    it.pay(it.moment(-1), 1)
    odd.end(it)


def _days_early(odd: Odd) -> None:
    """Paid up to seven days before an entry that shows nothing as reconciled for weeks; a day less, because of time zones."""
    it = odd.either(odd.rng.randint(1, 3))
    it.pay(it.moment(-odd.rng.randint(2, 6)), it.units)
    odd.end(it, late_by=odd.rng.randint(10, 30))


def _late(odd: Odd) -> None:
    """Paid, while the ledger shows nothing as reconciled for weeks."""
    it = odd.either(odd.rng.randint(1, 3))
    it.pay(it.moment(odd.rng.randint(1, 20)), it.units)
    odd.end(it, late_by=odd.rng.randint(15, 40))


def _other_reason(odd: Odd) -> None:
    """A loss paid as a damage, or a damage as a loss."""
    it = odd.either(odd.rng.randint(1, 2))
    it.pay(it.moment(odd.rng.randint(1, 12)), it.units, as_other=True)
    odd.end(it)


def _found_and_taken_back(odd: Odd) -> None:
    """Paid, found, and taken back by a reversal that names no payment."""
    it = odd.lost(odd.rng.randint(1, 2))
    for paid in it.pay(it.moment(odd.rng.randint(1, 5)), it.units):
        approved = moment(odd.rng, paid.approval_at.date() + days(20), odd.market)
        (back,) = take_back(odd.records, odd.rng, odd.market, odd.product, paid, approved, names_original=False)
        it.take(back)
        it.find(back.seen_from.date() - days(1), paid.cash_units, seen_from=back.seen_from)
    odd.end(it)


def _owed_again(odd: Odd) -> None:
    """Paid and taken back by a reversal that names no payment, so owed again: claimed, and paid a second time."""
    it = odd.lost(odd.rng.randint(1, 2))
    (*_, paid) = lines = it.pay(it.moment(1), it.units)
    for one in lines:
        approved = moment(odd.rng, paid.approval_at.date() + days(15), odd.market)
        it.take(*take_back(odd.records, odd.rng, odd.market, odd.product, one, approved, names_original=False))
    answer = claim(
        odd.records, odd.rng, it.ledger_date + days(40), odd.product, it.units,
        approved=True, covers=((it.reference, it.units),), names_reference=False,
    )  # fmt: skip
    it.pay(moment(odd.rng, answer.decided, odd.market), it.units, case_id=answer.case_id)
    odd.end(it)


def _kept(odd: Odd) -> None:
    """Paid, found a month later, and the money never taken back; a second unit, lost meanwhile, is open until it is claimed."""
    first, second = odd.lost(1), odd.lost(1, after=11)
    first.pay(first.moment(4), 1)
    found = night(odd.rng, noon(first.ledger_date + days(30), odd.market), 1, 4)
    first.adjust(first.ledger_date + days(30), "F", 1, found, reconciled=1)
    answer = claim(odd.records, odd.rng, second.ledger_date + days(45), odd.product, 1, approved=True, covers=((second.reference, 1),))
    second.pay(moment(odd.rng, answer.decided, odd.market), 1, case_id=answer.case_id)
    odd.end(first, second)
    odd.rests_from = max(odd.rests_from, found.date())


def _found_but_open(odd: Odd) -> None:
    """Found in another place, and for weeks neither entry is reconciled with the other."""
    it = odd.lost(1)
    day = it.ledger_date + days(odd.rng.randint(1, 12))
    found = night(odd.rng, noon(day, odd.market), 1, 4)
    settled = night(odd.rng, found, 30, 75)
    odd.records.ledger(
        odd.rng, day, odd.market, odd.product, "Adjustments", 1, code="F", reference=odd.records.number(20_000_000),
        reconciled=[(found, 0), (settled, 1)],
    )  # fmt: skip
    it.steps += [Step(found, "turned up", 1), Step(settled, "turned up", -1), Step(settled, "found", 1)]
    odd.end(it)


def _found_before(odd: Odd) -> None:
    """Entered as found a few days before it is entered as missing."""
    it = odd.lost(1)
    day = it.ledger_date - days(odd.rng.randint(1, 6))
    found = night(odd.rng, noon(day, odd.market))
    it.adjust(day, "F", 1, found, reconciled=1, own_reference=False)
    it.steps.append(Step(max(it.seen_from, found), "found", 1))
    odd.end(it)


def _without_figures(odd: Odd) -> None:
    """A ledger without reconciled units: one unit found under the same reference, the other paid."""
    it = odd.lost(2)
    day = it.ledger_date + days(odd.rng.randint(5, 20))
    found = night(odd.rng, noon(day, odd.market), 1, 4)
    it.adjust(day, "F", 1, found)
    it.steps.append(Step(found, "found", 1))
    it.pay(it.moment(odd.rng.randint(25, 40)), 1)
    odd.end(it, has_figures=False)


def _regraded(odd: Odd) -> None:
    """A damage without figures in the ledger, open while a unit that a buyer damaged is found to be sellable; paid only then."""
    it = odd.accident("E", 1)
    source = next((d for d in ("CUSTOMER_DAMAGED", "DEFECTIVE") if odd.records.available[odd.market.country, odd.product, d] > 0), SELLABLE)
    if source == SELLABLE:
        # None came back: one that arrived damaged.
        source = DAMAGES["U"]
        odd.records.ledger(odd.rng, odd.day, odd.market, odd.product, "Receipts", 1, disposition=source, reference=odd.records.number(15_000_000))
    day = it.ledger_date + days(odd.rng.randint(2, 8))
    seen_from = night(odd.rng, noon(day, odd.market), 1, 4)
    reference = odd.records.number(20_000_000)
    for code, units, disposition in (("Q", -1, source), ("P", 1, SELLABLE)):
        odd.records.ledger(
            odd.rng, day, odd.market, odd.product, "Adjustments", units,
            disposition=disposition, code=code, reference=reference, known_from=seen_from,
        )  # fmt: skip
    it.pay(it.moment(odd.rng.randint(20, 45)), 1)
    odd.end(it, has_figures=False)


def _case_for_some(odd: Odd) -> None:
    """Two losses of two units, and a case that names three of them and no entry: the older loss and half of the newer; the fourth is paid later."""
    first, second = odd.lost(2, after=8), odd.lost(2, after=10)
    filed = second.ledger_date + days(odd.rng.randint(10, 20))
    covers = ((first.reference, 2), (second.reference, 1))
    answer = claim(odd.records, odd.rng, filed, odd.product, 3, approved=True, covers=covers, names_reference=False)
    approved = moment(odd.rng, answer.decided, odd.market)
    first.pay(approved, 2, case_id=answer.case_id)
    second.pay(approved, 1, case_id=answer.case_id)
    second.pay(moment(odd.rng, answer.decided + days(15), odd.market), 1)
    odd.end(first, second)


def _appealed(odd: Odd) -> None:
    """Denied, appealed in a new case that names no entry either, and paid for it."""
    it = odd.lost(odd.rng.randint(1, 2))
    filed = it.ledger_date + days(odd.rng.randint(8, 20))
    answer = appealed(
        odd.records, odd.rng, filed, odd.product, it.units,
        approved=True, always=True, covers=((it.reference, it.units),), names_reference=False,
    )  # fmt: skip
    it.pay(moment(odd.rng, answer.decided, odd.market), it.units, case_id=answer.case_id)
    odd.end(it)


KINDS: tuple[Callable[[Odd], None], ...] = (
    _early, _found_but_open, _other_reason, _days_early, _kept, _owed_again, _late, _found_and_taken_back, _appealed, _case_for_some,
    _found_before, _without_figures, _regraded,
)  # fmt: skip


def oddity(records: Records, rng: random.Random, day: date, number: int) -> None:
    """Begin the next kind on the ``number``-th day, if the last one began long ago and a stock at home is free and has enough units."""
    home = records.profile.markets[0]
    free = [p for p in records.quiet(home, day) if records.available[home.country, p, SELLABLE] > 6]
    if free and number >= (records.oddities + 1) * EVERY_DAYS:
        odd = Odd(records, rng, day, home, rng.choice(free))
        KINDS[records.oddities % len(KINDS)](odd)
        records.oddities += 1
        records.busy[odd.product] = odd.rests_from + days(REST_DAYS)
