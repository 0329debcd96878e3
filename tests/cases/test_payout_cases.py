"""The loss or order of each payout, and what reversals leave of it: worked out by hand, each case in its own account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.render import SHIPMENTS
from tests.cases.test_defect_cases import ORDER, came_back, in_kind, ledger, loss, order, paid, refund, tsv
from tests.support import Given, Warehouse, given_to_american_accounts, reimbursements

REPORTED = Path(__file__).parent / "files"
"""After what sellers reported of their own files."""


def number(reimbursement_id: str, original: str = "", **more: Any) -> dict[str, Any]:
    """A payout's number, and for a reversal the payout from which it takes."""
    named = {"reimbursement-id": reimbursement_id} | more
    return named | ({"original-reimbursement-id": original, "reason": "Reimbursement_Reversal"} if original else {})


def found(day: str, units: int = 1, *, reconciled: int, **more: Any) -> dict[str, Any]:
    """Units that turned up."""
    figures = {"Reconciled Quantity": reconciled, "Unreconciled Quantity": units - reconciled}
    return {"Date": day, "Reason": "F", "Quantity": units, "Reference ID": f"found-{day}"} | figures | more


def swap(day: str, units: int, amount: str, **more: Any) -> dict[str, Any]:
    """Money taken back and as many units given."""
    return paid(day, -units, amount) | {"quantity-reimbursed-inventory": units, "quantity-reimbursed-total": 0} | more


def money(day: str, amount: str, **more: Any) -> dict[str, Any]:
    """Money and no unit."""
    counts = {"quantity-reimbursed-cash": 0, "quantity-reimbursed-total": 0}
    return paid(day, 1, amount) | {"amount-per-unit": "0.00"} | counts | more


def of_order(**more: Any) -> dict[str, Any]:
    """What a payout for the returned lamp says."""
    return {"reason": "CustomerReturn", "amazon-order-id": ORDER} | more


FOR_NO_ORDER = (
    "INCORRECT_FEES_ITEMS", "WEIGHT_AND_DIMENSIONS_CHANGE", "GeneralAdjustment", "REMOVAL_ORDER_LOST", "Lost_Inbound", "Nobody_Knows",
)  # fmt: skip
REVERSED = {"reason": "Reimbursement_Reversal"}
RETURNED = [order(), refund("09/01/26"), came_back("CARRIER_DAMAGED")]
LOST = ledger(loss("10/01/2026", 1, reconciled=1))
LOST_TWO = ledger(loss("10/01/2026", 2, reconciled=2))
BRITISH = {"marketplaces": ("A1F83G8C2ARO7P", "A1PA6795UKMFR9"), "region": "eu"}
SENT = tsv(SHIPMENTS, {
    "amazon-order-id": "S01-1", "shipment-id": "B1", "shipment-item-id": "D1", "purchase-date": "2026-08-01T01:00:00+00:00",
    "shipment-date": "2026-08-01T03:00:00+00:00", "reporting-date": "2026-08-01T03:00:00+00:00", "sku": "LAMP-01", "quantity-shipped": 1,
    "currency": "USD", "carrier": "AMZN_US", "tracking-number": "T1", "estimated-arrival-date": "2026-10-01T19:00:00+00:00",
    "fulfillment-channel": "AFN", "sales-channel": "Non-Amazon US",
})  # fmt: skip

Row = tuple[int, int, int, int, int, str]
"""Units paid in money, replaced, reconciled, in progress and eligible, and the money."""
CASES: dict[str, tuple[list[str], list[Row]]] = {
    # Reversals
    "unit-for-money": (
        [LOST, reimbursements(paid("2026-10-04", 1, "10.00"), swap("2026-10-20", 1, "-10.00", **number("2", "1001")))], [(0, 1, 0, 0, 0, "0.00")],
    ),
    "money-for-unit": (
        [LOST, reimbursements(
            in_kind("2026-10-04"),
            paid("2026-10-20", 1, "10.00") | {"quantity-reimbursed-inventory": -1, "quantity-reimbursed-total": 0} | number("2", "1001"),
        )],
        [(1, 0, 0, 0, 0, "10.00")],
    ),
    "given-unit-taken-back": (
        [ledger(loss("10/01/2026", 1, reconciled=0)), reimbursements(
            paid("2026-10-04", 1, "10.00"), swap("2026-10-20", 1, "-10.00", **number("2", "1001")), in_kind("2026-11-01", -1, **number("3", "1001")),
        )],
        [(0, 0, 0, 0, 1, "0.00")],
    ),
    "names-the-reversal": (
        [LOST_TWO, reimbursements(
            paid("2026-10-04", 2, "20.00"), paid("2026-10-20", -2, "-20.00", **number("2", "1001")),
            paid("2026-10-28", 2, "20.00", **number("3", "2")),
        )],
        [(2, 0, 0, 0, 0, "20.00")],
    ),
    "back-and-forth": (
        [LOST_TWO, reimbursements(
            paid("2026-10-04", 2, "20.00"), paid("2026-10-20", -2, "-20.00", **number("2", "1001")),
            paid("2026-10-28", 2, "20.00", **number("3", "2")),
            paid("2026-11-02", -1, "-10.00", **number("4", "3")),
        )],
        [(1, 0, 1, 0, 0, "10.00")],
    ),
    "undone-without-names": (
        [LOST, reimbursements(
            paid("2026-10-04", 1, "10.00"), paid("2026-10-20", -1, "-10.00", **number("2"), **REVERSED),
            paid("2026-10-28", 1, "10.00", **number("3"), **REVERSED),
        )],
        [(1, 0, 0, 0, 0, "10.00")],
    ),
    "reversal-under-the-same-id": (
        [LOST_TWO, reimbursements(paid("2026-10-04", 2, "20.00"), paid("2026-10-20", -1, "-10.00", **REVERSED))], [(1, 0, 1, 0, 0, "10.00")],
    ),
    "latest-of-equal-payouts": (
        [ledger(loss("08/01/2026", 1, reconciled=1), loss("11/01/2026", 1, reconciled=0)), reimbursements(
            paid("2026-08-05", 1, "10.00"), paid("2026-11-05", 1, "10.00", **number("2")),
            paid("2026-11-15", -1, "-10.00", **number("3"), **REVERSED),
        )],
        [(1, 0, 0, 0, 0, "10.00"), (0, 0, 0, 0, 1, "0.00")],
    ),
    "other-amount": (
        [LOST, reimbursements(paid("2026-10-04", 1, "10.00"), paid("2026-10-20", -1, "-7.00", **number("2"), **REVERSED))],
        [(1, 0, 0, 0, 0, "10.00")],
    ),
    "money-alone-unnamed": (
        [LOST_TWO, reimbursements(paid("2026-10-04", 2, "20.00"), money("2026-10-20", "-4.00", **number("2"), **REVERSED))],
        [(2, 0, 0, 0, 0, "16.00")],
    ),
    "money-alone-then-a-unit": (
        [LOST_TWO, reimbursements(
            paid("2026-10-04", 2, "20.00"), money("2026-10-20", "-4.00", **number("2", "1001")),
            paid("2026-11-01", -1, "-8.00", **number("3", "1001")),
        )],
        [(1, 0, 1, 0, 0, "8.00")],
    ),
    "more-back-than-was-paid": (
        [LOST, reimbursements(paid("2026-10-04", 1, "10.00"), paid("2026-10-20", -2, "-20.00", **number("2", "1001")))], [(0, 0, 1, 0, 0, "0.00")],
    ),
    # Payouts and losses
    "sku-in-small-letters": (
        [ledger(loss("10/01/2026", 1, FNSKU="")), reimbursements(paid("2026-10-04", 1, "10.00", sku="lamp-01", fnsku=""))],
        [(1, 0, 0, 0, 0, "10.00")],
    ),
    "abroad-in-euros": (
        [ledger(loss("10/01/2026", 1, reconciled=1, Country="PL")), reimbursements(paid("2026-10-04", 1, "10.00", **{"currency-unit": "EUR"}))],
        [(1, 0, 0, 0, 0, "10.00")],
    ),
    "damage-paid-as-lost": (
        [ledger(loss("10/01/2026", 1, code="E", reconciled=0)), reimbursements(paid("2026-10-04", 1, "10.00"))], [(1, 0, 0, 0, 0, "10.00")],
    ),
    "own-reason-first": (
        [
            ledger(loss("10/01/2026", 1, code="E", reconciled=0), loss("10/02/2026", 1, reconciled=0)),
            reimbursements(paid("2026-10-04", 1, "10.00")),
        ],
        [(0, 0, 0, 0, 1, "0.00"), (1, 0, 0, 0, 0, "10.00")],
    ),
    "a-week-early": (
        [ledger(loss("10/12/2026", 1, reconciled=1)), reimbursements(paid("2026-10-05", 1, "10.00"))], [(1, 0, 0, 0, 0, "10.00")],
    ),
    "eight-days-early": (
        [ledger(loss("10/13/2026", 1, reconciled=1)), reimbursements(paid("2026-10-05", 1, "10.00"))], [(0, 0, 1, 0, 0, "0.00")],
    ),
    "open-loss-before-a-later-entry": (
        [ledger(loss("10/01/2026", 1, reconciled=0), loss("10/08/2026", 1, reconciled=0)), reimbursements(paid("2026-10-05", 1, "10.00"))],
        [(1, 0, 0, 0, 0, "10.00"), (0, 0, 0, 0, 1, "0.00")],
    ),
    "found-before-it-was-paid": (
        [
            ledger(loss("10/01/2026", 1, reconciled=1), loss("10/02/2026", 1, reconciled=1), found("10/04/2026", reconciled=1) | {
                "Reference ID": "ref-10/01/2026-M",
            }),
            reimbursements(paid("2026-10-05", 1, "10.00")),
        ],
        [(0, 0, 1, 0, 0, "0.00"), (1, 0, 0, 0, 0, "10.00")],
    ),
    # Findings
    "found-in-part": (
        [ledger(loss("10/01/2026", 3, reconciled=1), found("10/05/2026", 2, reconciled=1))], [(0, 0, 1, 1, 1, "0.00")],
    ),
    "found-for-good": ([ledger(loss("10/01/2026", 1, reconciled=0), found("10/05/2026", reconciled=1))], [(0, 0, 0, 0, 1, "0.00")]),
    "regraded-in-the-warehouse": (
        [ledger(
            loss("11/01/2026", 2, code="E"),
            {"Date": "11/05/2026", "Reason": "q", "Quantity": -1, "Disposition": "Warehouse_Damaged", "Reference ID": "c"},
            {"Date": "11/05/2026", "Reason": "P", "Quantity": 1, "Disposition": "sellable", "Reference ID": "c"},
        )],
        [(0, 0, 1, 0, 1, "0.00")],
    ),
    # Orders
    **{
        f"order-{reason.lower().replace('_', '-')}": (
            [*RETURNED, reimbursements(paid("2026-09-25", 1, "5.00", **of_order(reason=reason)))], [(0, 0, 0, 0, 1, "0.00")],
        )
        for reason in FOR_NO_ORDER
    },
    "order-alone": ([*RETURNED, reimbursements(paid("2026-09-25", 1, "22.30", **of_order(sku="", fnsku="")))], [(1, 0, 0, 0, 0, "22.30")]),
    "order-in-small-letters": (
        [*RETURNED, reimbursements(paid("2026-09-25", 1, "22.30", **of_order(sku="lamp-01", fnsku="")))], [(1, 0, 0, 0, 0, "22.30")],
    ),
    "order-and-loss": (
        [*RETURNED, ledger(loss("10/01/2026", 1, reconciled=1)), reimbursements(paid("2026-10-05", 1, "10.00", **of_order(reason="Lost_Warehouse")))],
        [(1, 0, 0, 0, 0, "10.00"), (0, 0, 1, 0, 0, "0.00")],
    ),
    "paid-without-its-order-and-taken-back": (
        [*RETURNED, reimbursements(
            paid("2026-09-25", 1, "22.30", reason="CustomerReturn"), paid("2026-10-25", -1, "-22.30", **number("2", "1001")),
        )],
        [(0, 0, 0, 0, 1, "0.00")],
    ),
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {"abroad-in-euros": BRITISH}
MULTI_CHANNEL = {
    "mcf-damaged": reimbursements(paid("2026-10-20", 1, "9.00", reason="Damaged_Outbound", sku="lamp-01", **{"amazon-order-id": "S01-1"})),
    "mcf-taken-back": reimbursements(
        paid("2026-10-20", 1, "9.00", reason="Lost_Outbound", **{"amazon-order-id": "S01-1"}),
        paid("2026-11-02", -1, "-9.00", **number("2"), **REVERSED),
    ),
}
BUCKETS = "reimbursed_cash_units, reimbursed_inventory_units, reconciled_units, in_progress_units, eligible_units, reimbursed_cash_amount"


def given() -> Iterator[Given]:
    files = {name: contents for name, (contents, _) in CASES.items()}
    files |= {name: [SENT, content] for name, content in MULTI_CHANNEL.items()}
    files |= {f"reported-{n}": [p.read_text() for p in sorted(REPORTED.glob(f"{n}_*.txt"))] for n in ("14", "22")}
    return given_to_american_accounts(files, SETTINGS)


@pytest.fixture(scope="module")
def warehouse(as_of: Callable[[date], Warehouse]) -> Warehouse:
    """Every case as of 20 November 2026."""
    return as_of(date(2026, 11, 20))


@pytest.mark.parametrize("name", CASES)
def test_every_unit_and_cent_is_where_it_belongs(warehouse: Warehouse, name: str) -> None:
    where = f"from marts.fct_inventory_defects where account_id = '{name}' order by defect_date, defect_type, defect_id"
    assert warehouse.query(f"select {BUCKETS} {where}") == [(*units, Decimal(amount)) for *units, amount in CASES[name][1]]


def test_what_was_reported_of_reversals_in_kind(warehouse: Warehouse) -> None:
    what = f"select seller_sku, {BUCKETS} from marts.fct_inventory_defects where account_id = "
    zero, twelve = Decimal("0.00"), Decimal("12.00")
    assert warehouse.query(f"{what} 'reported-14' order by 1") == [("REV-1", 0, 1, 0, 0, 0, zero), ("REV-2", 0, 0, 1, 0, 0, zero)]
    assert warehouse.query(f"{what} 'reported-22' order by 1") == [
        ("FND", 0, 1, 0, 0, 0, zero), ("NOI", 0, 1, 0, 0, 0, zero), ("TRI", 1, 2, 0, 0, 0, twelve),
    ]  # fmt: skip
    sums = "select sum(cash_units), sum(inventory_units), sum(net_cash_amount) from marts.fct_reimbursements_monthly where account_id = 'reported-22'"
    assert warehouse.query(sums) == [(1, 4, twelve)]
    settled = "select sum(units), sum(cash_amount) from marts.fct_resolution_distribution where account_id = 'reported-22'"
    assert warehouse.query(settled) == [(5, twelve)]


def test_the_weakest_evidence_is_shown(warehouse: Warehouse) -> None:
    shown = dict(warehouse.query("select account_id, max(payout_match_basis) from marts.fct_inventory_defects group by account_id"))
    assert {n: shown[n] for n in ("order-alone", "a-week-early", "abroad-in-euros", "damage-paid-as-lost", "sku-in-small-letters")} == {
        "order-alone": "NAMED", "a-week-early": "STOCK", "abroad-in-euros": "STOCK", "damage-paid-as-lost": "OTHER_REASON",
        "sku-in-small-letters": "LEDGER",
    }  # fmt: skip
    found_by = "select account_id, reversal_match_basis from marts.fct_reimbursements where is_reversal and account_id in "
    assert dict(warehouse.query(f"{found_by} ('unit-for-money', 'latest-of-equal-payouts', 'other-amount')")) == {
        "unit-for-money": "NAMED", "latest-of-equal-payouts": "STOCK", "other-amount": "NONE",
    }  # fmt: skip


def test_a_defect_is_in_the_currency_it_was_paid_in(warehouse: Warehouse) -> None:
    assert warehouse.query("select currency_code from marts.fct_inventory_defects where account_id = 'abroad-in-euros'") == [("EUR",)]


def test_a_found_unit_that_is_not_reconciled_waits(warehouse: Warehouse) -> None:
    reason = "select status_reason from marts.fct_inventory_defects where account_id = 'found-in-part'"
    assert warehouse.query(reason) == [("UNPAID",)]


def test_history_keeps_what_was_paid_in_between(warehouse: Warehouse) -> None:
    resolved = "select status_date::varchar, units from marts.fct_defect_status_daily where account_id = 'given-unit-taken-back' and defect_status = "
    days = "and status_date in ('2026-10-03', '2026-10-10', '2026-10-25', '2026-11-02') order by 1"
    assert warehouse.query(f"{resolved} 'RESOLVED' {days}") == [("2026-10-10", 1), ("2026-10-25", 1)]


def test_outbound_payouts_resolve_a_multi_channel_order(warehouse: Warehouse) -> None:
    shown = "select account_id, status_reason, reimbursed_units, open_units from marts.fct_mcf_claims where account_id like 'mcf-%' order by 1"
    assert warehouse.query(shown) == [("mcf-damaged", "REIMBURSED", 1, 0), ("mcf-taken-back", "PAYOUT_REVERSED", 0, 1)]
