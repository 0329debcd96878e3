"""Events in a seller's warehouses: receipts, losses and damages and their reimbursement, regrading and removals."""

from __future__ import annotations

import random
from datetime import date, datetime
from decimal import Decimal

from sandbox.truth import ReimbursementTruth
from sandbox.world_accidents import DAMAGES, Accident
from sandbox.world_catalog import ABROAD, REMOVAL_ORDERS, REMOVAL_SHIPMENTS, SELLABLE, Product, SimulatedMarketplace
from sandbox.world_claims import appealed, claim
from sandbox.world_payments import give_back, pay, replace_in_kind, take_back, take_money_back
from sandbox.world_rows import Records, Research, Row, Values, days, moment, night, noon

REORDER_LEVEL, REORDER_UNITS = 25, 24
REMOVAL_EVERY_DAYS = 28

# How often an accident at home happens to stock that Amazon keeps abroad, has no FNSKU in the ledger, has its codes in small letters there.
ABROAD_SHARE, NO_FNSKU_SHARE, SMALL_LETTERS_SHARE = 0.15, 0.03, 0.04
# How often a payment for a loss is changed later, and how: taken back (found, or owed again), then given back, partly in money, or replaced in kind.
CHANGED_SHARE = 0.25
CHANGES = {"found": 40, "owed again": 18, "given back": 14, "in kind": 14, "money alone": 14}


def receive(records: Records, rng: random.Random, day: date) -> None:
    """Restock: two boxes of equal size, so two identical rows; sometimes a unit is broken or missing on arrival."""
    for market in records.profile.markets:
        for product in records.stocked(market):
            if records.available[market.country, product, SELLABLE] >= REORDER_LEVEL:
                continue
            shipment = f"FBA{records.number(15_000_000)}"
            center = rng.choice(market.fulfillment_centers)
            records.ledger(rng, day, market, product, "Receipts", REORDER_UNITS, reference=shipment, center=center, rows=2)
            if rng.random() < 0.04:
                records.ledger(rng, day, market, product, "Receipts", 1, disposition="DISTRIBUTOR_DAMAGED", reference=shipment, center=center)
            elif rng.random() < 0.04 and not product.is_apart:
                approved = moment(rng, day + days(rng.randint(30, 60)), market)
                pay(records, rng, market, product, "inbound", approved, product.cost_in(market, approved.date()), cash_units=1)


def accident(records: Records, rng: random.Random, day: date) -> None:
    """Units go missing or are damaged: researched for a while, then in the ledger, then found, corrected, paid, replaced or none of these."""
    market = records.market(rng)
    lost = rng.random() < 0.55
    code = rng.choices(("M", "5") if lost else tuple(DAMAGES), weights=(4, 1) if lost else (1, 1, 2, 2, 1, 8))[0]
    units = rng.choices((1, 2, 3, 6), weights=(70, 18, 8, 4))[0] if code in "M5E" else 1
    source = DAMAGES.get(code, SELLABLE)
    stocked = [p for p in records.stocked(market) if not p.is_apart]
    holding = [p for p in stocked if records.available[market.country, p, source] >= units]
    if not holding:
        code, source = "E", SELLABLE
    product = rng.choice(holding or stocked)
    ledger_date = day + days(rng.choices((1, 3, 12, 40), weights=(50, 25, 20, 5))[0])
    records.research.append(Research(market.country, product, units, day, ledger_date))
    if source == SELLABLE and market.country in ABROAD and rng.random() < ABROAD_SHARE:
        market = _moved_abroad(records, rng, day, market, product, units)

    it = Accident(
        records, rng, market, product, code, units, ledger_date,
        names_fnsku=rng.random() >= NO_FNSKU_SHARE, in_capitals=rng.random() >= SMALL_LETTERS_SHARE,
    )  # fmt: skip
    fates = ("found", "cash", "inventory", "claimed", "denied", "open") if lost else ("corrected", "cash", "inventory", "claimed", "denied", "open")
    shares = [units] if units == 1 or rng.random() < 0.5 else [1, units - 1]
    for share in shares:
        _meet(it, rng.choices(fates, weights=(30, 40, 8, 8, 4, 10) if lost else (12, 56, 6, 10, 4, 12))[0], share)
    it.write()


def _moved_abroad(
    records: Records, rng: random.Random, day: date, market: SimulatedMarketplace, product: Product, units: int
) -> SimulatedMarketplace:
    """Amazon moves units to a country where the seller sells nothing; returns where they are."""
    abroad = rng.choice(ABROAD[market.country])
    reference = records.number(20_000_000)
    for place, moved in ((market, -units), (abroad, units)):
        records.ledger(rng, day, place, product, "WhseTransfers", moved, reference=reference)
    return abroad


def _meet(it: Accident, fate: str, units: int) -> None:
    """Apply an outcome to some units of an accident."""
    records, rng = it.records, it.rng
    match fate:
        case "found":
            it.find(it.ledger_date + days(rng.randint(3, 45)), units)
        case "corrected":
            it.correct(it.ledger_date + days(rng.randint(3, 45)), units)
        case "claimed" | "denied":
            filed = it.ledger_date + days(rng.randint(8, 50))
            # If the entry has other units, no log says whether a second case is about the units of the first one or about the others.
            never = units < it.units
            answer = appealed(records, rng, filed, it.product, units, approved=fate == "claimed", never=never, covers=((it.reference, units),))
            if answer.approved:
                it.pay(moment(rng, answer.decided, it.market), units, case_id=answer.case_id)
        case "cash" | "inventory":
            payments = it.pay(it.moment(rng.choice((1, 2, 3, 5, 8, 30))), units, in_kind=fate == "inventory")
            if it.kind == "lost" and rng.random() < CHANGED_SHARE:
                _change(it, payments)


def _change(it: Accident, payments: list[ReimbursementTruth]) -> None:
    """A payment is changed a month or two later."""
    records, rng, market, product = it.records, it.rng, it.market, it.product
    how = rng.choices(tuple(CHANGES), weights=tuple(CHANGES.values()))[0]
    if payments[0].inventory_units and how not in ("found", "owed again"):
        how = "found"
    approved = moment(rng, payments[0].approval_at.date() + days(rng.randint(30, 55)), market)
    for paid in payments:
        if how == "money alone":
            it.take(*take_money_back(records, rng, market, product, paid, approved))
            continue
        if how == "in kind":
            lines = replace_in_kind(records, rng, market, product, paid, approved)
            it.take(*lines)
            received = lines[0].seen_from
            it.adjust(received.date(), "N", paid.cash_units, night(rng, received, 1, 4), reconciled=paid.cash_units)
            continue
        back = take_back(records, rng, market, product, paid, approved)
        it.take(*back)
        if paid.inventory_units:
            # Not before the reversal is seen: until then the outcome of the loss is unknown.
            it.adjust(approved.date(), "O", -paid.inventory_units, max(back[0].seen_from, night(rng, approved, 1, 4)))
        if how == "found":
            it.find(approved.date(), paid.cash_units + paid.inventory_units, seen_from=back[0].seen_from)
        elif how == "given back":
            again = moment(rng, approved.date() + days(rng.randint(8, 25)), market)
            it.take(*give_back(records, rng, market, product, paid, back[0], again))


def tidy(records: Records, rng: random.Random, day: date) -> None:
    """Events that are not defects: transfers, redefinitions, regrading, disposals, and stock that turns up."""
    market = records.market(rng)
    ordinary = [p for p in records.stocked(market) if not p.is_apart]
    product, other = rng.sample(ordinary, 2)
    reference = records.number(20_000_000)
    seen_from = night(rng, noon(day, market), 1, 4)

    def adjust(moved: Product, code: str, units: int, *, disposition: str = SELLABLE, reconciled: int | None = None) -> None:
        records.ledger(
            rng, day, market, moved, "Adjustments", units, disposition=disposition, code=code, reference=reference, known_from=seen_from,
            reconciled=() if reconciled is None else [(seen_from, reconciled)],
        )  # fmt: skip

    kinds = {"transfer": 30, "redefined": 2, "regraded": 4, "made good": 5, "disposed": 5, "turned up": 4, "given": 2, "nothing": 48}
    what = rng.choices(tuple(kinds), weights=tuple(kinds.values()))[0]
    if what == "transfer":
        for units, center in zip((-2, 2), rng.sample(market.fulfillment_centers, 2), strict=True):
            records.ledger(rng, day, market, product, "WhseTransfers", units, reference=reference, center=center)
    elif what == "redefined":
        adjust(product, "4", -1)
        adjust(other, "3", 1)
    elif what == "regraded":
        adjust(product, "Q", -1)
        adjust(product, "P", 1, disposition=rng.choice(("DEFECTIVE", "EXPIRED", "CARRIER_DAMAGED")))
    elif what == "made good":
        # A buyer's return is regraded: it settles no damage of a warehouse.
        returned = [p for p in ordinary if records.available[market.country, p, "CUSTOMER_DAMAGED"] > 0]
        if returned:
            adjust(returned[0], "Q", -1, disposition="CUSTOMER_DAMAGED")
            adjust(returned[0], "P", 1)
    elif what == "disposed" and records.available[market.country, product, "DEFECTIVE"] > 0:
        adjust(product, rng.choice("DG"), -1, disposition="DEFECTIVE")
    elif what == "turned up" and (quiet := records.quiet(market, day)):
        # Not while a unit is missing: the two could not be distinguished.
        found = rng.choice(quiet)
        records.busy[found] = day + days(90)
        later = night(rng, seen_from, 10, 60)
        records.ledger(
            rng, day, market, found, "Adjustments", 1, code="F", reference=reference, reconciled=[(seen_from, 0), (later, rng.randint(0, 1))]
        )
    elif what == "given":
        adjust(product, "O", -1)
        adjust(other, "N", 1, reconciled=1)


def remove(records: Records, rng: random.Random, day: date) -> None:
    """Send back or dispose of unsellable units, every four weeks."""
    for market in records.profile.markets:
        stock = [(p, d, n) for (country, p, d), n in records.available.items() if country == market.country and d != SELLABLE and n > 0]
        if stock:
            order_id = f"RMV-{records.number(4_000_000)}"
            requested_at = moment(rng, day, market)
            order_type = rng.choices(("Return", "Disposal"), weights=(7, 3))[0]
            for product, disposition, units in sorted(stock, key=lambda s: (s[0].number, s[1])):
                _remove_line(records, rng, market, product, disposition, units, order_id, order_type, requested_at)


def _remove_line(
    records: Records, rng: random.Random, market: SimulatedMarketplace, product: Product, disposition: str, units: int,
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
        fee = {"removal-fee": market.money(gone * Decimal("0.97")), "currency": market.currency}
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
            answer = claim(records, rng, day + days(rng.randint(20, 60)), product, parcel, approved=rng.random() < 0.8, order_id=order_id)
            if answer.approved:
                worth = market.rounded(product.cost_in(market, day) / 2)
                approved = moment(rng, answer.decided, market)
                pay(records, rng, market, product, "removal", approved, worth, cash_units=parcel, order_id=order_id, case_id=answer.case_id)
    records.book.versions(REMOVAL_ORDERS, requested_at, versions)
