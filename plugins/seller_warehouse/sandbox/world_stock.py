"""What happens in a seller's warehouses: receipts, losses, damages and what Amazon makes good of them, corrections and removals."""

from __future__ import annotations

import random
from datetime import date, datetime
from decimal import Decimal

from seller_warehouse.sandbox.truth import InventoryEvent, ReimbursementTruth, Step
from seller_warehouse.sandbox.world_catalog import REMOVAL_ORDERS, REMOVAL_SHIPMENTS, SELLABLE, Marketplace, Product, cents
from seller_warehouse.sandbox.world_rows import Records, Research, Row, Values, days, moment, night, noon

# Reason code of a damage -> the stock it was taken from.
DAMAGES = {"6": "CARRIER_DAMAGED", "7": "EXPIRED", "H": "CUSTOMER_DAMAGED", "K": "DEFECTIVE", "U": "DISTRIBUTOR_DAMAGED", "E": SELLABLE}
DAMAGED = "WAREHOUSE_DAMAGED"
REORDER_LEVEL, REORDER_UNITS = 25, 24
REMOVAL_EVERY_DAYS = 28


def receive(records: Records, rng: random.Random, day: date) -> None:
    """Fill up what runs low: two boxes of equal size, so two identical rows; now and then a unit is broken or missing on arrival."""
    for market in records.profile.markets:
        for product in records.stocked(market):
            if records.available[market.country, product, SELLABLE] >= REORDER_LEVEL:
                continue
            shipment = f"FBA{records.number(15_000_000)}"
            center = rng.choice(market.fulfillment_centers)
            records.ledger(rng, day, market, product, "Receipts", REORDER_UNITS, reference=shipment, center=center, rows=2)
            if rng.random() < 0.04:
                records.ledger(rng, day, market, product, "Receipts", 1, disposition="DISTRIBUTOR_DAMAGED", reference=shipment, center=center)
            elif rng.random() < 0.04:
                approved = moment(rng, day + days(rng.randint(30, 60)), market)
                records.pay(rng, market, product, "inbound", approved, product.cost_in(market, approved.date()), cash_units=1)


def accident(records: Records, rng: random.Random, day: date) -> None:
    """Units go missing or are damaged: researched for a while, then in the ledger, then found, corrected, paid, replaced or none of these."""
    market = records.market(rng)
    lost = rng.random() < 0.55
    code = rng.choices(("M", "5") if lost else tuple(DAMAGES), weights=(4, 1) if lost else (1, 1, 2, 2, 1, 8))[0]
    units = rng.choices((1, 2, 3, 6), weights=(70, 18, 8, 4))[0] if code in "M5E" else 1
    source = DAMAGES.get(code, SELLABLE)
    stocked = records.stocked(market)
    holding = [p for p in stocked if records.available[market.country, p, source] >= units]
    if not holding:
        code, source = "E", SELLABLE
    product = rng.choice(holding or stocked)
    ledger_date = day + days(rng.choices((1, 3, 12, 40), weights=(50, 25, 20, 5))[0])
    reference = records.number(20_000_000)
    center = rng.choice(market.fulfillment_centers)
    records.research.append(Research(market.country, product, units, day, ledger_date))

    seen_from = night(rng, noon(ledger_date, market), 1, 4)
    fates = ("found", "cash", "inventory", "claimed", "denied", "open") if lost else ("corrected", "cash", "inventory", "claimed", "denied", "open")
    shares = [units] if units == 1 or rng.random() < 0.6 else [1, units - 1]
    steps: list[Step] = []
    for share in shares:
        fate = rng.choices(fates, weights=(30, 40, 8, 8, 4, 10) if lost else (12, 56, 6, 10, 4, 12))[0]
        # A unit that was not sellable is worth less: half, in the one documented case.
        worth = product.cost_in(market, ledger_date) * (Decimal(1) if source == SELLABLE else Decimal("0.5"))
        steps += _fate(records, rng, fate, share, market, product, lost=lost, ledger_date=ledger_date, reference=reference, worth=cents(worth))

    changes = sorted({seen_from, *(max(s.seen_from, seen_from) for s in steps)})
    reconciled = [(when, sum(s.units for s in steps if s.seen_from <= when)) for when in changes]
    records.ledger(
        rng, ledger_date, market, product, "Adjustments", -units,
        disposition=source, code=code, reference=reference, center=center, reconciled=reconciled,
    )  # fmt: skip
    if not lost:
        records.ledger(
            rng, ledger_date, market, product, "Adjustments", units,
            disposition=DAMAGED, code="P", reference=reference, center=center, known_from=seen_from,
        )  # fmt: skip
    event = InventoryEvent(
        event_id=reference, kind="LOST" if lost else "DAMAGED", ledger_date=ledger_date, code=code, fnsku=product.fnsku, seller_sku=product.sku,
        country=market.country, units=units, currency_code=market.currency, seen_from=seen_from,
        steps=tuple(sorted(steps, key=lambda s: s.seen_from)),
    )  # fmt: skip
    records.events.append(event)


def _fate(
    records: Records, rng: random.Random, fate: str, units: int, market: Marketplace, product: Product,
    *, lost: bool, ledger_date: date, reference: str, worth: Decimal,
) -> list[Step]:  # fmt: skip
    """What becomes of some units of an accident, as the steps that reports will show."""
    adjust = (records, rng, market, product, reference)
    if fate == "found":
        return [_found(*adjust, ledger_date + days(rng.randint(3, 45)), units)]
    if fate == "corrected":
        day = ledger_date + days(rng.randint(3, 45))
        seen_from = night(rng, noon(day, market), 1, 4)
        _adjust(*adjust, day, "Q", -units, seen_from, disposition=DAMAGED)
        _adjust(*adjust, day, "P", units, seen_from)
        return [Step(seen_from, "corrected", units)]
    if fate in ("claimed", "denied"):
        claim = records.claim(rng, ledger_date + days(rng.randint(8, 50)), product, units, approved=fate == "claimed", reference=reference)
        approved, case_id = moment(rng, claim.decided, market), claim.case_id
    elif fate in ("cash", "inventory"):
        approved, case_id = moment(rng, ledger_date + days(rng.choice((1, 2, 3, 5, 8, 30))), market), None
    if fate in ("denied", "open"):
        return []

    in_kind = fate == "inventory"
    payments = records.pay(
        rng, market, product, "lost" if lost else "damaged", approved, worth,
        cash_units=0 if in_kind else units, inventory_units=units if in_kind else 0, case_id=case_id,
    )  # fmt: skip
    seen_from = payments[0].seen_from
    steps = [_paid(p) for p in payments]
    if in_kind:
        _adjust(*adjust, seen_from.date(), "N", units, night(rng, seen_from, 1, 4), reconciled=units)
    elif not lost:
        # What Amazon has paid for is Amazon's.
        _adjust(*adjust, seen_from.date(), "O", -units, night(rng, seen_from, 1, 4), disposition=DAMAGED)
    if lost and case_id is None and rng.random() < 0.15:
        steps += _taken_back(records, rng, market, product, reference, payments)
    return steps


def _taken_back(
    records: Records, rng: random.Random, market: Marketplace, product: Product, reference: str, payments: list[ReimbursementTruth]
) -> list[Step]:
    """The payment reversed a month or two later: the units were found, or it was an error and they are owed again."""
    approved = moment(rng, payments[0].approval_at.date() + days(rng.randint(30, 55)), market)
    found = rng.random() < 0.7
    steps = []
    for paid in payments:
        back = records.pay(
            rng, market, product, "reversal", approved, cents(paid.cash / (paid.cash_units or 1)),
            cash_units=-paid.cash_units, inventory_units=-paid.inventory_units, original=paid,
        )  # fmt: skip
        steps += [_paid(p) for p in back]
        if paid.inventory_units:
            # Not before the reversal is seen: until then nobody could know what becomes of the loss.
            removed_seen_from = max(back[0].seen_from, night(rng, approved, 1, 4))
            _adjust(records, rng, market, product, reference, approved.date(), "O", -paid.inventory_units, removed_seen_from)
        if found:
            units = paid.cash_units + paid.inventory_units
            steps.append(_found(records, rng, market, product, reference, approved.date(), units, seen_from=back[0].seen_from))
    return steps


def _paid(payment: ReimbursementTruth) -> Step:
    bucket = "inventory" if payment.inventory_units else "cash"
    return Step(payment.seen_from, bucket, payment.cash_units + payment.inventory_units, payment)


def _found(
    records: Records, rng: random.Random, market: Marketplace, product: Product, reference: str, day: date, units: int,
    *, seen_from: datetime | None = None,
) -> Step:  # fmt: skip
    """Missing units turn up: stock, and from the same night on reconciled where they were missed."""
    seen_from = seen_from or night(rng, noon(day, market), 1, 4)
    _adjust(records, rng, market, product, reference, day, "F", units, seen_from, reconciled=units)
    return Step(seen_from, "found", units)


def _adjust(
    records: Records, rng: random.Random, market: Marketplace, product: Product, reference: str, day: date, code: str, units: int,
    known_from: datetime, *, disposition: str = SELLABLE, reconciled: int | None = None,
) -> None:  # fmt: skip
    """One adjustment row that never changes."""
    records.ledger(
        rng, day, market, product, "Adjustments", units,
        disposition=disposition, code=code, reference=reference, known_from=known_from,
        reconciled=() if reconciled is None else [(known_from, reconciled)],
    )  # fmt: skip


def tidy(records: Records, rng: random.Random, day: date) -> None:
    """What is no defect: transfers, redefinitions, regrading, disposals, and stock that turns up of itself."""
    market = records.market(rng)
    product, other = rng.sample(records.stocked(market), 2)
    reference = records.number(20_000_000)
    seen_from = night(rng, noon(day, market), 1, 4)
    adjust = (records, rng, market)
    what = rng.choices(("transfer", "redefined", "regraded", "disposed", "turned up", "given", "nothing"), weights=(30, 2, 4, 5, 4, 2, 53))[0]
    if what == "transfer":
        for units, center in zip((-2, 2), rng.sample(market.fulfillment_centers, 2), strict=True):
            records.ledger(rng, day, market, product, "WhseTransfers", units, reference=reference, center=center)
    elif what == "redefined":
        _adjust(*adjust, product, reference, day, "4", -1, seen_from)
        _adjust(*adjust, other, reference, day, "3", 1, seen_from)
    elif what == "regraded":
        _adjust(*adjust, product, reference, day, "Q", -1, seen_from)
        _adjust(*adjust, product, reference, day, "P", 1, seen_from, disposition=rng.choice(("DEFECTIVE", "EXPIRED", "CARRIER_DAMAGED")))
    elif what == "disposed" and records.available[market.country, product, "DEFECTIVE"] > 0:
        _adjust(*adjust, product, reference, day, rng.choice("DG"), -1, seen_from, disposition="DEFECTIVE")
    elif what == "turned up":
        later = night(rng, seen_from, 10, 60)
        records.ledger(
            rng, day, market, product, "Adjustments", 1, code="F", reference=reference, reconciled=[(seen_from, 0), (later, rng.randint(0, 1))]
        )
    elif what == "given":
        _adjust(*adjust, product, reference, day, "O", -1, seen_from)
        _adjust(*adjust, other, reference, day, "N", 1, seen_from, reconciled=1)


def remove(records: Records, rng: random.Random, day: date) -> None:
    """Every four weeks, have what cannot be sold sent back or disposed of."""
    for market in records.profile.markets:
        stock = [(p, d, n) for (country, p, d), n in records.available.items() if country == market.country and d != SELLABLE and n > 0]
        if stock:
            order_id = f"RMV-{records.number(4_000_000)}"
            requested_at = moment(rng, day, market)
            order_type = rng.choices(("Return", "Disposal"), weights=(7, 3))[0]
            for product, disposition, units in sorted(stock, key=lambda s: (s[0].number, s[1])):
                _remove_line(records, rng, market, product, disposition, units, order_id, order_type, requested_at)


def _remove_line(
    records: Records, rng: random.Random, market: Marketplace, product: Product, disposition: str, units: int,
    order_id: str, order_type: str, requested_at: datetime,
) -> None:  # fmt: skip
    """One line of a removal order, from the request until nothing of it is in process; its parcels leave within six weeks."""
    same: Values = {"request-date": requested_at, "order-id": order_id, "sku": product.sku, "fnsku": product.fnsku, "disposition": disposition}
    cancelled = 1 if units > 1 and rng.random() < 0.1 else 0
    leaving = units - cancelled
    parcels = [leaving // 2, leaving - leaving // 2] if leaving > 1 and rng.random() < 0.5 else [leaving]
    versions: list[tuple[datetime, Values]] = []

    def version(status: str, updated_at: datetime, gone: int, called_off: int = 0) -> None:
        moved = {"disposed-quantity": gone, "shipped-quantity": 0} if order_type == "Disposal" else {"disposed-quantity": 0, "shipped-quantity": gone}
        counts = {"requested-quantity": units, "cancelled-quantity": called_off, "in-process-quantity": units - gone - called_off}
        fee = {"removal-fee": cents(gone * Decimal("0.97") * market.rate), "currency": market.currency}
        state = {"order-type": order_type, "service-speed": "Standard", "order-status": status, "last-updated-date": updated_at}
        versions.append((night(rng, updated_at), same | state | counts | moved | fee))

    version("Pending", requested_at, 0)
    gone, left_at = 0, requested_at
    for number, parcel in enumerate(parcels, 1):
        left_at = moment(rng, left_at.date() + days(rng.randint(4, 20)), market)
        gone += parcel
        version(*(("Completed", left_at, gone, cancelled) if number == len(parcels) else ("Processing", left_at, gone)))
        day = left_at.astimezone(market.zone).date()
        if order_type == "Disposal":
            records.ledger(rng, day, market, product, "Adjustments", -parcel, disposition=disposition, code="D", reference=order_id)
            continue
        records.ledger(rng, day, market, product, "VendorReturns", -parcel, disposition=disposition, reference=order_id)
        shipment = {
            "shipment-date": left_at, "shipped-quantity": parcel, "carrier": "UPS",
            "tracking-number": f"1Z{records.number(10**15)}", "removal-order-type": order_type,
        }  # fmt: skip
        records.book.add(REMOVAL_SHIPMENTS, Row(left_at, same | shipment, night(rng, left_at, 1, 4)))
        if rng.random() < 0.05:
            claim = records.claim(rng, day + days(rng.randint(20, 60)), product, parcel, approved=rng.random() < 0.8, order_id=order_id)
            if claim.approved:
                worth = cents(product.cost_in(market, day) / 2)
                approved = moment(rng, claim.decided, market)
                records.pay(rng, market, product, "removal", approved, worth, cash_units=parcel, order_id=order_id, case_id=claim.case_id)
    records.book.versions(REMOVAL_ORDERS, requested_at, versions)
