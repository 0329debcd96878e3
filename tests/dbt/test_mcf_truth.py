"""Claims about multi-channel orders equal the truth about the simulated sellers' parcels: units and cash paid, returned units, and cases."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pytest

from sandbox.world_catalog import MARKETPLACES
from sandbox.world_claims import APPROVED, DENIED
from sandbox.world_payments import REASONS
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts
from tests.support import Warehouse
from tests.world import Simulated

Key = tuple[str, str, str]
"""Account, order, SKU."""


@dataclass
class Fate:
    """What had happened to the units of one SKU in one order by the day of the run."""

    paid_units: int = 0
    cash: Decimal = Decimal(0)
    currency_code: str | None = None
    returned_units: int = 0
    sellable_units: int = 0
    case_state: str | None = None
    case_closed: date | None = None


@dataclass
class Expected:
    """Fates by order and SKU, and the day each multi-channel order was shipped (UTC), by the day of the run."""

    fates: dict[Key, Fate] = field(default_factory=lambda: defaultdict(Fate))
    shipped: dict[tuple[str, str], date] = field(default_factory=dict)
    claim_days: dict[tuple[str, str], int] = field(default_factory=dict)
    """Days from an order's estimated arrival until no claim can be filed any more."""


def expected_by(simulated: Simulated, as_of: date) -> Expected:
    """From the simulated events only; the last day leaves out what reports show late."""
    expected = Expected()
    for account, seller in simulated.world.sellers.items():
        truth = seller.truth(simulated.known_at)
        orders = {o.order_id for o in truth.orders if o.is_multi_channel}
        for o in seller._records.orders:
            shipped_on = o.statuses[-1][0].date()
            if o.is_multi_channel and shipped_on <= as_of:
                expected.shipped[account, o.order_id] = shipped_on
                expected.claim_days[account, o.order_id] = 30 if MARKETPLACES[o.marketplace_id].country == "IN" else 90
        paid = {p.reimbursement_id for p in truth.reimbursements if p.reason in REASONS["mcf"][0]}
        for p in truth.reimbursements:
            if paid & {p.reimbursement_id, p.original_reimbursement_id} and p.approval_at.date() <= as_of:
                fate = expected.fates[account, p.order_id or "", p.sku]
                fate.paid_units += p.cash_units + p.inventory_units
                fate.cash += p.cash
                fate.currency_code = p.currency_code
        for r in truth.returns:
            if r.order_id in orders and r.returned_date and r.returned_date <= as_of:
                fate = expected.fates[account, r.order_id, r.sku]
                fate.returned_units += r.units
                fate.sellable_units += r.units if r.disposition == "SELLABLE" else 0
        for c in seller._records.claims:
            if c.order_id in orders and c.filed <= as_of:
                fate = expected.fates[account, c.order_id, c.product.sku]
                # The log of the last day is loaded: it does not have earlier statuses, nor the days of changes without a date.
                status, closed = c.status(simulated.known_at.date())
                is_open = closed is not None and closed > as_of
                fate.case_state = "OPEN" if is_open else {APPROVED: "GRANTED", DENIED: "DENIED"}.get(status, "OPEN")
                fate.case_closed = closed or c.filed
    return expected


def day_with_an_open_case(simulated: Simulated) -> date:
    """The day after the last case about a multi-channel order was filed that has been decided since."""
    filed = []
    for seller in simulated.world.sellers.values():
        orders = {o.order_id for o in seller._records.orders if o.is_multi_channel}
        filed += [c.filed for c in seller._records.claims if c.order_id in orders and c.decided < simulated.known_at.date()]
    return max(filed) + timedelta(days=1)


@pytest.fixture(scope="module", params=["last_day", "day_with_an_open_case"])
def built(request: pytest.FixtureRequest, simulated: Simulated, tmp_path_factory: pytest.TempPathFactory) -> tuple[date, Warehouse, Expected]:
    """The mart as of the last day, and as it stood on a day long before."""
    as_of, warehouse = simulated.known_at.date(), simulated.warehouse
    if request.param == "day_with_an_open_case":
        as_of = day_with_an_open_case(simulated)
        home = Home(tmp_path_factory.mktemp("earlier") / "home")
        home.root.mkdir()
        shutil.copy(warehouse.home.warehouse, home.warehouse)
        build_marts(home, as_of=as_of, select="int_multi_channel__payouts+")
        warehouse = Warehouse(home)
    return as_of, warehouse, expected_by(simulated, as_of)


def rows(warehouse: Warehouse, columns: str) -> Iterator[tuple[Key, tuple]]:
    for row in warehouse.query(f"select account_id, amazon_order_id, seller_sku, {columns} from marts.fct_mcf_claims"):
        yield row[:3], row[3:]


def test_every_multi_channel_order_that_was_shipped_has_a_row(built: tuple[date, Warehouse, Expected]) -> None:
    as_of, warehouse, expected = built
    found = {key[:2] for key, _ in rows(warehouse, "1")}
    # A shipment is shown after one to three nights.
    told = {key for key, shipped_on in expected.shipped.items() if shipped_on <= as_of - timedelta(days=4)}
    assert told
    assert told <= found <= set(expected.shipped)


def test_units_and_cash_of_every_order_are_those_that_were_paid(built: tuple[date, Warehouse, Expected]) -> None:
    _, warehouse, expected = built
    found = {key: row for key, row in rows(warehouse, "reimbursed_units, reimbursed_cash_amount, currency_code") if row != (0, None, None)}
    assert found == {key: (f.paid_units, f.cash, f.currency_code) for key, f in expected.fates.items() if f.currency_code}
    assert found


def test_units_that_came_back_are_those_that_were_returned(built: tuple[date, Warehouse, Expected]) -> None:
    _, warehouse, expected = built
    found = {key: row for key, row in rows(warehouse, "returned_units, returned_sellable_units") if row != (0, 0)}
    assert found == {key: (f.returned_units, f.sellable_units) for key, f in expected.fates.items() if f.returned_units}
    assert found


def test_case_is_the_filed_one_with_its_decision(built: tuple[date, Warehouse, Expected]) -> None:
    _, warehouse, expected = built
    found = {key: state for key, (state,) in rows(warehouse, "claim_state") if state}
    assert found == {key: f.case_state for key, f in expected.fates.items() if f.case_state}
    assert set(found.values()) >= {"GRANTED", "DENIED"}


def test_status_follows_from_what_had_happened(built: tuple[date, Warehouse, Expected]) -> None:
    """An order is shipped at most 6 days before its estimated arrival, at least 2; then 7 days of waiting, and its deadline."""
    as_of, warehouse, expected = built
    seen = set()
    columns = "shipped_units, parcel_count, claim_status, resolution_type, status_reason"
    for key, (shipped_units, parcels, status, resolution, reason) in rows(warehouse, columns):
        fate, age, claim_days = expected.fates.get(key, Fate()), (as_of - expected.shipped[key[:2]]).days, expected.claim_days[key[:2]]
        unpaid_yet = fate.case_state == "GRANTED" and not fate.paid_units and fate.case_closed and as_of - fate.case_closed <= timedelta(days=10)
        if shipped_units == fate.paid_units + fate.returned_units:
            possible = {("RESOLVED", "REIMBURSED" if fate.paid_units else "RECONCILE" if fate.sellable_units else "INELIGIBLE")}
        elif fate.case_state == "OPEN" or unpaid_yet:
            possible = {("IN_PROGRESS", None)}
        elif fate.case_state == "DENIED":
            possible = {("RESOLVED", "INELIGIBLE")}
        elif age < 9:
            possible = {("WAITING", None)}
        elif age > claim_days + 7:
            possible = {("RESOLVED", "INELIGIBLE")}
        elif 14 <= age <= claim_days + 1:
            possible = {("ELIGIBLE_FOR_CLAIM" if fate.paid_units and parcels == 1 else "CHECK_DELIVERY", None)}
        else:
            possible = {("WAITING", None), ("CHECK_DELIVERY", None), ("RESOLVED", "INELIGIBLE")}
        assert (status, resolution) in possible, (key, reason, fate, age)
        seen.add(reason)
    assert seen >= {"REIMBURSED", "RETURNED_SELLABLE", "RETURNED_UNSELLABLE", "CASE_DENIED", "DELIVERY_UNKNOWN", "WINDOW_EXPIRED"}
    assert ("CASE_OPEN" in seen) == any(f.case_state == "OPEN" for f in expected.fates.values())
