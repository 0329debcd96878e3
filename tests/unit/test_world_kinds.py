"""The simulated sellers of the demo have every irregularity that has misled warehouses built on simpler worlds, and their truth records it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from sandbox import world_catalog as catalog
from sandbox.truth import InventoryEvent
from sandbox.world import Seller, World
from sandbox.world_accidents import DAMAGES
from sandbox.world_oddities import KINDS
from seller_warehouse.cli.demo import DAILY_RUN, SEED, WORLD_START

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
LOST, DAMAGED = ("M", "5"), tuple(DAMAGES)


@cache
def sellers() -> tuple[Seller, ...]:
    return tuple(World("demo", seed=SEED, start=WORLD_START, end=DAILY_RUN.date()).sellers.values())


@cache
def rows(report: str) -> tuple[tuple[Seller, dict[str, Any]], ...]:
    """A report of every seller on the day of the demo."""
    return tuple((s, row.values) for s in sellers() for row in s.rows(report, FIRST, DAILY_RUN, DAILY_RUN))


def settled() -> Iterator[tuple[Seller, dict[str, Any]]]:
    for s in sellers():
        for info in s.settlements(DAILY_RUN):
            yield from ((s, row.values) for row in s.settlement_rows(info.settlement_id)[1:])


def skus(s: Seller) -> set[str]:
    return {p.sku for p in s._records.products}


def countries(s: Seller) -> set[str]:
    return {m.country for m in s.profile.markets}


@cache
def events() -> dict[str, InventoryEvent]:
    return {e.event_id: e for s in sellers() for e in s._records.events}


def lasting_units(event: InventoryEvent, bucket: str) -> int:
    return sum(s.units for s in event.steps if s.bucket == bucket)


def of_event(code: str) -> Iterator[tuple[InventoryEvent, dict[str, Any]]]:
    """Rows of one code that name an event, each with it."""
    for _, v in rows(catalog.LEDGER):
        if (v.get("Reason") or "").upper() == code and v["Reference ID"] in events():
            yield events()[v["Reference ID"]], v


def paid_early(days: range) -> bool:
    return any(
        s.payment and not s.payment.is_reversal and (e.ledger_date - s.payment.approval_at.date()).days in days
        for e in events().values() for s in e.steps
    )  # fmt: skip


def reversals() -> Iterator[dict[str, Any]]:
    return (v for _, v in rows(catalog.REIMBURSEMENTS) if v["reason"] == "Reimbursement_Reversal")


def refunds() -> dict[tuple[str, str], list[Any]]:
    """Days and amounts of each order's refunds by SKU."""
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for _, v in settled():
        if v.get("transaction-type") == "Refund" and v["amount-type"] == "ItemPrice" and v.get("fulfillment-id") == "AFN":
            found[v["order-id"], v["sku"].upper()].append((v["posted-date"], -v["amount"]))
    return found


def sold() -> dict[tuple[str, str], Any]:
    return {
        (v["order-id"], v["sku"].upper()): v["amount"]
        for _, v in settled()
        if (v["amount-type"], v.get("transaction-type")) == ("ItemPrice", "Order")
    }


def claims(day: datetime = DAILY_RUN) -> Iterator[tuple[str, date | None]]:
    return (c.status(day.date()) for s in sellers() for c in s._records.claims if c.filed <= day.date())


def claim_ever(status: str, *, has_date: bool) -> bool:
    return any((status, has_date) == (told, closed is not None) for w in range(70) for told, closed in claims(DAILY_RUN - timedelta(weeks=w)))


def origins() -> Counter[tuple[str, str, str]]:
    found = Counter()
    for s in sellers():
        for line in s.sourcing_costs_csv(DAILY_RUN).replace(";", ",").splitlines()[1:]:
            found[s.profile.seller_id, line.split(",")[0], line.rsplit(",", 1)[1]] += 1
    return found


def orders() -> Iterator[Any]:
    return (o for s in sellers() for o in s.truth(DAILY_RUN).orders)


HELD: dict[str, Callable[[], bool]] = {
    "a loss abroad, paid in the currency of home": lambda: any(
        e.country in ("PL", "CZ") and e.currency_code == "EUR" and any(s.payment and s.payment.currency_code == "EUR" for s in e.steps)
        for e in events().values()
    ),
    "codes in small letters": lambda: any((v.get("Reason") or "").islower() for _, v in rows(catalog.LEDGER)),
    "a ledger entry without FNSKU": lambda: any(v["FNSKU"] is None and v["MSKU"] for _, v in rows(catalog.LEDGER)),
    "a payment without FNSKU": lambda: any(v["fnsku"] is None and v["sku"] for _, v in rows(catalog.REIMBURSEMENTS)),
    "a payment of an order without SKU": lambda: any(
        v["sku"] is None and v["fnsku"] and v["amazon-order-id"] for _, v in rows(catalog.REIMBURSEMENTS)
    ),
    "a payment with its SKU in other capitals": lambda: any(v["sku"] and v["sku"] not in skus(s) for s, v in rows(catalog.REIMBURSEMENTS)),
    "a settlement with a SKU in other capitals": lambda: any(v.get("sku") and v["sku"] not in skus(s) for s, v in settled()),
    "a payment the day before the ledger's entry": lambda: paid_early(range(1, 2)),
    "a payment some days before the ledger's entry": lambda: paid_early(range(2, 8)),
    "paid, and the ledger says for weeks that nothing is": lambda: any(not e.ledger_tells and lasting_units(e, "cash") for e in events().values()),
    "a loss paid under the other reason": lambda: any(
        s.payment and s.payment.reason.startswith("Damaged") for e in events().values() if e.kind == "LOST" for s in e.steps
    ),
    "a damage paid under the other reason": lambda: any(
        s.payment and s.payment.reason.startswith("Lost") for e in events().values() if e.kind == "DAMAGED" for s in e.steps
    ),
    "fees corrected that name an order": lambda: any(
        v["amazon-order-id"] and v["quantity-reimbursed-cash"] == 1 for _, v in rows(catalog.REIMBURSEMENTS) if v["reason"] == "INCORRECT_FEES_ITEMS"
    ),
    "a reversal in kind": lambda: any(v["quantity-reimbursed-cash"] < 0 < v["quantity-reimbursed-inventory"] for v in reversals()),
    "a reversal that names no payment": lambda: any(v["original-reimbursement-id"] is None for v in reversals()),
    "a reversal of money alone": lambda: any(v["quantity-reimbursed-total"] == 0 and v["quantity-reimbursed-cash"] == 0 for v in reversals()),
    "a reversal of a reversal": lambda: any(v["quantity-reimbursed-cash"] > 0 for v in reversals()),
    "paid, found, and never taken back": lambda: any(
        v["Quantity"] > 0 and lasting_units(e, "cash") and not lasting_units(e, "found") and len(e.steps) == 1 for e, v in of_event("F")
    ),
    "found, and open for weeks": lambda: any(s.bucket == "turned up" for e in events().values() for s in e.steps),
    "found before it was missed": lambda: any(
        v.get("Reason") == "F" and v["Reference ID"] not in events() and e.fnsku == v["FNSKU"] and 0 < (e.ledger_date - v["Date"]).days < 7
        and any(s.bucket == "found" for s in e.steps)
        for _, v in rows(catalog.LEDGER) for e in events().values()
    ),
    "a ledger entry without figures": lambda: any(
        v.get("Reason") in (*LOST, *DAMAGED) and "Reconciled Quantity" not in v for _, v in rows(catalog.LEDGER)
    ),
    "a buyer's return regraded as sellable": lambda: any(
        v.get("Reason") == "Q" and v["Disposition"] == "CUSTOMER_DAMAGED" for _, v in rows(catalog.LEDGER)
    ),
    "a denied case without closed-date": lambda: claim_ever("Denied", has_date=False),
    "an approved case without closed-date": lambda: claim_ever("Approved", has_date=False),
    "a case taken up again with its old closed-date": lambda: claim_ever("Reopened", has_date=True),
    "a case about fewer units than are open": lambda: any(
        units < events()[reference].units for s in sellers() for c in s._records.claims for reference, units in c.covers
    ),
    "a case about two losses that names neither": lambda: any(
        len(c.covers) == 2 and not c.names_reference for s in sellers() for c in s._records.claims
    ),
    "an appeal of a loss": lambda: any(c.appeals and c.covers for s in sellers() for c in s._records.claims),
    "an appeal of an order": lambda: any(c.appeals and c.order_id for s in sellers() for c in s._records.claims),
    "units of a line refunded on different days": lambda: max(
        Counter((r.order_id, r.sku) for s in sellers() for r in s._records.returns).values()
    ) > 1,
    "a part of the price as goodwill": lambda: any(
        key in sold() and len(paid) == 1 and paid[0][1] * 2 < sold()[key] for key, paid in refunds().items()
    ),
    "a price given back in two parts": lambda: any(
        key in sold() and len(paid) == 2 and sum(amount for _, amount in paid) == sold()[key] for key, paid in refunds().items()
    ),
    "a promotion on a sale and its refund": lambda: {"Order", "Refund"} <= {
        v["transaction-type"] for _, v in settled() if v["amount-type"] == "Promotion"
    },
    "a refund of an order that no report shows": lambda: any(not r.order_is_shown for s in sellers() for r in s._records.returns),
    "a payment in the currency of home for an order from abroad": lambda: any(
        r.currency_code != catalog.MARKETPLACES[r.marketplace_id].currency for s in sellers() for r in s._records.returns
    ),
    "costs of the seller and of Amazon": lambda: any((a, sku, "SELLER") in origins() for a, sku, origin in origins() if origin == "AMAZON"),
    "a withdrawn claim": lambda: any(o.a_to_z == "Withdrawn" and not o.is_defect for o in orders()),
    "a refund at once while the parcel returns": lambda: any(o.a_to_z == "Instant-Refund" and not o.is_defect for o in orders()),
    "a cancelled order with a defect": lambda: any(o.status == "Cancelled" and o.is_defect and o.counts_toward_odr for o in orders()),
    "a multi-channel order paid as lost outbound": lambda: any(v["reason"] == "Lost_Outbound" for _, v in rows(catalog.REIMBURSEMENTS)),
    "a payment for the delay of an order": lambda: any(v["reason"] == "MULTICHANNEL_ORDER_LATE" for _, v in rows(catalog.REIMBURSEMENTS)),
    "a payment for what Amazon's service gave a buyer": lambda: any(not r.refund_is_settled for s in sellers() for r in s._records.returns),
    "a shipment without item id": lambda: any(v["shipment-item-id"] is None for _, v in rows(catalog.SHIPMENTS)),
    "an inch mark at the end of a title": lambda: any(v["Title"].endswith('"') for _, v in rows(catalog.LEDGER)),
    "yen and rupees": lambda: {"JPY", "INR"} <= {v["currency-unit"] for _, v in rows(catalog.REIMBURSEMENTS)},
}  # fmt: skip


@pytest.mark.parametrize("kind", HELD)
def test_the_demo_holds(kind: str) -> None:
    assert HELD[kind]()


def test_every_oddity_begins_in_every_seller_of_the_demo_and_ends_with_all_units_settled() -> None:
    later = DAILY_RUN + timedelta(days=400)
    for s in sellers():
        apart = {p.sku for p in s._records.products if p.is_apart}
        odd = [e for e in s.truth(later).inventory_events if e.seller_sku in apart]
        assert s._records.oddities >= len(KINDS)
        assert {e.open_units + e.turned_up_units for e in odd} == {0}


def test_yen_have_no_cents() -> None:
    amounts = {v["amount-total"] for _, v in rows(catalog.REIMBURSEMENTS) if v["currency-unit"] == "JPY"}
    assert amounts
    assert all(a == int(a) for a in amounts)


def test_no_two_losses_of_a_stock_kept_apart_can_be_taken_for_each_other() -> None:
    for s in sellers():
        apart = {p.sku for p in s._records.products if p.is_apart}
        of_stock: dict[str, list[InventoryEvent]] = defaultdict(list)
        for e in s._records.events:
            if e.seller_sku in apart:
                of_stock[e.seller_sku].append(e)
        for kept in of_stock.values():
            ends = date.min
            begun: date | None = None
            for e in sorted(kept, key=lambda e: e.ledger_date):
                # Those of one kind begin within days of each other.
                assert begun is None or e.ledger_date - begun < timedelta(days=5) or e.ledger_date - timedelta(days=8) > ends
                if begun is None or e.ledger_date - begun >= timedelta(days=5):
                    begun = e.ledger_date
                ends = max(ends, *(step.seen_from.date() for step in e.steps))
