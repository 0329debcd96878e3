"""Every unit and cent of simulated sellers is in its true bucket: on the last day, and on earlier days as known then."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sandbox.world import Seller
from seller_warehouse.marts.build import build_marts
from tests.defect_truth import Expected, returns, stock
from tests.support import Warehouse
from tests.world import Simulated, load_world, warehouse_of

BUCKETS = ("reimbursed_cash", "reimbursed_inventory", "reconciled", "in_progress", "eligible", "ineligible", "denied", "expired")
NO_AMOUNT = Decimal(0)


def built(warehouse: Warehouse, seller: Seller, event_type: str, *key: str) -> dict[tuple, Expected]:
    """What the mart says, by key."""
    columns = ", ".join([*key, "list(defect_type)", *(f"sum({bucket}_units)" for bucket in BUCKETS), "sum(reimbursed_cash_amount)"])
    rows = warehouse.query(
        f"select {columns} from marts.fct_inventory_defects "
        f"where account_id = '{seller.profile.seller_id}' and event_type = '{event_type}' group by {', '.join(key)}"
    )
    made = {}
    for row in rows:
        names, kinds, figures = row[: len(key)], row[len(key)], row[len(key) + 1 :]
        made[names] = Expected(tuple(sorted(Counter(kinds).items())), *figures)
    return made


def check_defects(warehouse: Warehouse, seller: Seller, simulated: Simulated) -> None:
    """Units of every warehouse event, units and money of every order and SKU, and the money of all events of one stock.

    If payouts of different amounts for one stock are close together, no report says which of two damages each is for.
    """
    events = stock(seller, simulated.known_at)
    shown = {reference: e for (reference,), e in built(warehouse, seller, "WAREHOUSE_OPERATIONS", "transaction_id").items()}
    assert {k: replace(e, amount=NO_AMOUNT) for k, e in shown.items()} == {k: replace(e, amount=NO_AMOUNT) for k, e in events.items()}
    kinds = {e.event_id: (e.fnsku, e.kind, e.currency_code) for e in seller.truth(simulated.known_at).inventory_events}
    assert _amounts(shown, kinds) == _amounts(events, kinds)
    assert built(warehouse, seller, "CUSTOMER_RETURNS", "amazon_order_id", "seller_sku") == returns(seller, simulated.known_at)


def _amounts(events: dict[str, Expected], kinds: dict[str, tuple[str, str, str]]) -> dict[tuple[str, str, str], Decimal]:
    amounts = dict.fromkeys(kinds.values(), NO_AMOUNT)
    for reference, event in events.items():
        amounts[kinds[reference]] += event.amount
    return amounts


def check_world(simulated: Simulated) -> None:
    """Every seller; the daily mart and the list of claims agree with the defects on the last day."""
    warehouse = simulated.warehouse
    for seller in simulated.world.sellers.values():
        check_defects(warehouse, seller, simulated)
        expected = [*stock(seller, simulated.known_at).values(), *returns(seller, simulated.known_at).values()]
        account = seller.profile.seller_id
        daily = f"select defect_status, sum(units) from marts.fct_defect_status_daily where account_id = '{account}' and status_date = "
        assert dict(warehouse.query(f"{daily} '{simulated.known_at.date()}' group by defect_status")) == {
            "ELIGIBLE_FOR_CLAIM": sum(e.eligible for e in expected),
            "IN_PROGRESS": sum(e.in_progress for e in expected),
            "RESOLVED": sum(e.cash + e.inventory + e.reconciled + e.ineligible for e in expected),
        }
        settled = f"select resolution_type, sum(units) from marts.fct_resolution_distribution where account_id = '{account}' group by resolution_type"
        assert dict(warehouse.query(settled)) == {
            "REIMBURSED": sum(e.cash + e.inventory for e in expected),
            "RECONCILE": sum(e.reconciled for e in expected),
            "INELIGIBLE": sum(e.ineligible for e in expected),
        }
        listed = warehouse.query(f"select sum(eligible_units) from marts.claims_to_file where account_id = '{account}'")
        assert listed == [(sum(e.eligible for e in expected),)]


def test_defects_are_what_happened(simulated: Simulated) -> None:
    check_world(simulated)


def test_no_row_of_the_world_is_set_aside(simulated: Simulated) -> None:
    assert simulated.warehouse.query("select * from meta.set_aside") == []


def check_days(simulated: Simulated, folder: Path, days_ago: tuple[int, ...]) -> None:
    """The same world as it was known on earlier days, loaded one after the other into one warehouse: late rows and restatements change nothing.

    In the end it equals a warehouse that was loaded at once.
    """
    warehouse, since = warehouse_of(simulated.world, folder), None
    for ago in (*days_ago, 0):
        then = replace(simulated, warehouse=warehouse, known_at=simulated.known_at - timedelta(days=ago))
        load_world(warehouse, simulated.world, then.known_at, since=since)
        build_marts(warehouse.home, as_of=then.known_at.date())
        check_world(then)
        since = then.known_at
    for mart in ("fct_inventory_defects", "fct_defect_status_daily", "fct_resolution_distribution", "claims_to_file"):
        everything = f"select * from marts.{mart} order by all"
        assert warehouse.query(everything) == simulated.warehouse.query(everything), mart
