"""Defects whose status was worked out by hand, each in its own account, from dropped files to the marts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

import pytest

from sandbox.render import CUSTOMER_RETURNS, HEADERS, LEDGER, ORDERS, SETTLEMENT
from tests.support import Given, Warehouse, given_to_american_accounts, reimbursements

TODAY, LATER = date(2026, 11, 20), date(2026, 12, 9)
BUCKETS = (
    "defect_units", "reimbursed_cash_units", "reimbursed_inventory_units", "reconciled_units", "in_progress_units", "eligible_units",
    "ineligible_units",
)  # fmt: skip
DATES = ("claim_opens_date", "claim_deadline_date")
ORDER = "111-0000001-0000001"


def tsv(report: str, *rows: dict[str, Any], quote: str = "") -> str:
    """A report in Amazon's layout; columns that a row does not name are blank."""
    header = HEADERS[report]
    for row in rows:
        assert set(row) <= set(header), set(row) - set(header)
    lines = [header, *([str(row.get(name, "")) for name in header] for row in rows)]
    return "".join("\t".join(f"{quote}{cell}{quote}" for cell in line) + "\n" for line in lines)


def ledger(*rows: dict[str, Any]) -> str:
    """Adjustments of one lamp in the United States."""
    plain = {
        "FNSKU": "X001LAMP01", "ASIN": "B0LAMP0001", "MSKU": "LAMP-01", "Title": "Desk Lamp", "Event Type": "Adjustments",
        "Fulfillment Center": "ONT8", "Disposition": "SELLABLE", "Country": "US",
    }  # fmt: skip
    return tsv(LEDGER, *(plain | row for row in rows), quote='"')


def loss(day: str, units: int, *, code: str = "M", reconciled: int | None = None, **more: Any) -> dict[str, Any]:
    """A loss; without ``reconciled`` Amazon's own figures are blank."""
    figures = {} if reconciled is None else {"Reconciled Quantity": reconciled, "Unreconciled Quantity": units - reconciled}
    return {"Date": day, "Reason": code, "Quantity": -units, "Reference ID": f"ref-{day}-{code}"} | figures | more


def order(**more: Any) -> str:
    """One lamp bought in August for 30.00 dollars."""
    return tsv(ORDERS, {
        "amazon-order-id": ORDER, "purchase-date": "2026-08-20T10:00:00+00:00", "last-updated-date": "2026-08-22T10:00:00+00:00",
        "order-status": "Shipped", "fulfillment-channel": "Amazon", "sales-channel": "Amazon.com", "sku": "LAMP-01", "asin": "B0LAMP0001",
        "item-status": "Shipped", "quantity": "1", "currency": "USD", "item-price": "30.00",
    } | more)  # fmt: skip


def refund(day: str, amount: str = "30.00", *more: tuple[str, str], currency: str = "USD", sold: bool = True) -> str:
    """A settlement with nothing but the sale, its fees, and refunds of the lamp, each on a day (month/day/year)."""
    sale = [
        ("Order", "ItemPrice", "Principal", Decimal("30.00"), "08/22/26"),
        ("Order", "ItemFees", "Commission", Decimal("-4.50"), "08/22/26"),
        ("Order", "ItemFees", "FBAPerUnitFulfillmentFee", Decimal("-3.20"), "08/22/26"),
    ]
    given = [("Refund", "ItemPrice", "Principal", -Decimal(much), when) for when, much in ((day, amount), *more)]
    lines = [*(sale if sold else ()), *given]
    head = {"settlement-id": "77", "currency": currency}
    rows = [head | {
        "settlement-start-date": "2026-08-01 00:00:00 UTC", "settlement-end-date": "2026-11-15 00:00:00 UTC", "deposit-date": "11/17/26",
        "total-amount": sum(a for *_, a, _ in lines),
    }]  # fmt: skip
    rows += [head | {
        "transaction-type": kind, "order-id": ORDER, "amount-type": amount_type, "amount-description": what, "amount": value,
        "fulfillment-id": "AFN", "sku": "LAMP-01", "posted-date": posted,
        "posted-date-time": f"20{posted[6:]}-{posted[:2]}-{posted[3:5]} 10:00:00 UTC",
    } for kind, amount_type, what, value, posted in lines]  # fmt: skip
    return tsv(SETTLEMENT, *rows)


def came_back(disposition: str, day: str = "2026-09-20", **more: Any) -> str:
    """One returned lamp."""
    return tsv(CUSTOMER_RETURNS, {
        "return-date": f"{day}T10:00:00+00:00", "order-id": ORDER, "sku": "LAMP-01", "asin": "B0LAMP0001", "fnsku": "X001LAMP01", "quantity": 1,
        "fulfillment-center-id": "ONT8", "detailed-disposition": disposition, "reason": "DEFECTIVE", "status": "Unit returned to inventory",
    } | more)  # fmt: skip


def paid(day: str, units: int, amount: str, **more: Any) -> dict[str, Any]:
    """A payout in money for the lamp."""
    return {
        "approval-date": f"{day}T08:00:00+00:00", "amount-per-unit": str(abs(Decimal(amount) / units)), "amount-total": amount,
        "quantity-reimbursed-cash": units, "quantity-reimbursed-total": units,
    } | more  # fmt: skip


def in_kind(day: str, units: int = 1, **more: Any) -> dict[str, Any]:
    """Lamps given for lost lamps."""
    counts = {"quantity-reimbursed-cash": 0, "quantity-reimbursed-inventory": units, "quantity-reimbursed-total": units}
    return paid(day, units, "0.00") | counts | more


def log(*cases: str) -> str:
    """The seller's log of cases."""
    return "case-id,order-id,fnsku,units,filed-date,status,closed-date\n" + "".join(f"{case}\n" for case in cases)


TWO = {"quantity": "2", "item-price": "60.00"}
ONE_LOSS = ledger(loss("10/01/2026", 1, reconciled=0))
TWO_LOSSES = ledger(loss("10/01/2026", 2, reconciled=0), loss("10/03/2026", 2, reconciled=0))
TAKEN_BACK = {"reason": "Reimbursement_Reversal", "reimbursement-id": "1002", "original-reimbursement-id": "1001"}
UK = {"marketplaces": ("A1F83G8C2ARO7P",), "region": "eu"}

FILES: dict[str, list[str]] = {
    "open-in-part": [ledger(loss("11/01/2026", 16, reconciled=5))],
    "in-grace": [ledger(loss("11/15/2026", 11, reconciled=0))],
    "expired": [ledger(loss("09/20/2026", 11, reconciled=0))],
    "damage-with-twin": [ledger(
        loss("11/01/2026", 3, code="E", reconciled=0),
        {"Date": "11/01/2026", "Reason": "P", "Quantity": 3, "Disposition": "WAREHOUSE_DAMAGED", "Reference ID": "ref-11/01/2026-E"},
    )],
    "paid-then-reversed": [
        ledger(loss("10/01/2026", 2, reconciled=2), {"Date": "11/05/2026", "Reason": "F", "Quantity": 1, "Reference ID": "other"}),
        reimbursements(paid("2026-10-04", 2, "20.00"), paid("2026-11-05", -1, "-10.00", **TAKEN_BACK)),
    ],
    "replaced-then-found": [
        ledger(
            loss("08/01/2026", 2, reconciled=2),
            {"Date": "08/10/2026", "Reason": "N", "Quantity": 1, "Reference ID": "ref-08/01/2026-M"},
            {"Date": "09/05/2026", "Reason": "F", "Quantity": 1, "Reference ID": "ref-08/01/2026-M"},
            {"Date": "09/05/2026", "Reason": "O", "Quantity": -1, "Reference ID": "ref-08/01/2026-M"},
            loss("09/10/2026", 1, reconciled=1), {"Date": "09/20/2026", "Reason": "N", "Quantity": 1, "Reference ID": "ref-09/10/2026-M"},
        ),
        reimbursements(
            paid("2026-08-05", 1, "10.00", **{"reimbursement-id": "1000"}), in_kind("2026-08-07"), in_kind("2026-09-05", -1, **TAKEN_BACK),
            in_kind("2026-09-15", **{"reimbursement-id": "1003"}),
        ),
    ],
    "one-payout-two-losses": [
        ledger(loss("10/01/2026", 2), loss("10/10/2026", 2)), reimbursements(paid("2026-10-12", 3, "30.00")),
    ],
    "payout-before-netting": [
        ledger(loss("10/01/2026", 2, reconciled=0), loss("10/10/2026", 2, reconciled=0)), reimbursements(paid("2026-10-12", 3, "30.00")),
    ],
    "same-instant": [reimbursements(paid("2026-10-04", 1, amount)) for amount in ("10.00", "12.00", "14.00")],
    "twin-paid": [ledger(loss("10/01/2026", 1)), reimbursements(paid("2026-10-04", 1, "10.00"))],
    "twin-unpaid": [ledger(loss("10/01/2026", 1)), reimbursements(paid("2026-10-04", 1, "10.00", sku="MUG-01", fnsku="X001MUG001"))],
    "other-currency": [ledger(loss("10/01/2026", 1)), reimbursements(paid("2026-10-04", 1, "10.00", **{"currency-unit": "CAD"}))],
    "customer-damaged": [order(), refund("09/01/26"), came_back("CUSTOMER_DAMAGED")],
    "sellable": [order(), refund("09/01/26"), came_back("SELLABLE")],
    "carrier-damaged": [order(), refund("09/01/26"), came_back("CARRIER_DAMAGED")],
    "damaged-and-paid": [
        order(), refund("09/01/26"), came_back("DAMAGED", status="Reimbursed"),
        reimbursements(paid("2026-09-25", 1, "22.30", reason="CustomerReturn", **{"amazon-order-id": ORDER})),
    ],
    "never-came": [order(), refund("10/10/26")],
    "goodwill": [order(), refund("10/10/26", "10.00")],
    "uk": [
        ledger(loss("11/01/2026", 2, reconciled=0, Country="GB")), order(**{"sales-channel": "Amazon.co.uk", "currency": "GBP"}),
        refund("09/20/26", currency="GBP"),
    ],
    "unknown-codes": [ledger(loss("11/01/2026", 1, code="Z")), came_back("SOGGY")],
    "claimed": [
        ledger(
            loss("10/01/2026", 1, reconciled=0), loss("10/02/2026", 1, reconciled=0), loss("10/03/2026", 1, reconciled=0),
            loss("10/04/2026", 1, reconciled=0),
        ),
        "case-id,fnsku,units,filed-date,status,closed-date,transaction-id\n"
        "901,X001LAMP01,1,10/20/2026,Open,,ref-10/01/2026-M\n"
        "902,X001LAMP01,1,10/20/2026,Denied,10/25/2026,ref-10/02/2026-M\n"
        "903,X001LAMP01,1,11/10/2026,Approved,11/15/2026,ref-10/03/2026-M\n",
    ],
    "valued": [
        ledger(
            loss("03/30/2025", 1), loss("11/01/2026", 2, reconciled=0), loss("11/02/2026", 1, code="6", reconciled=0, Disposition="CARRIER_DAMAGED"),
        ),
        "seller-sku,currency,sourcing-cost,effective-from,origin\nLAMP-01,USD,9.00,01/01/2025,AMAZON\nLAMP-01,USD,8.40,06/01/2026,SELLER\n",
    ],
    "two-cases": [TWO_LOSSES, log("904,,X001LAMP01,3,10/20/2026,Open,", "905,,X001LAMP01,1,10/21/2026,Open,")],
    "denied-without-fnsku": [
        ledger(loss("10/01/2026", 1, reconciled=1), loss("10/03/2026", 1, reconciled=0, FNSKU="")), log("906,,X001LAMP01,1,10/12/2026,Denied,"),
    ],
    "denied-twice": [ONE_LOSS, log("906,,X001LAMP01,1,10/12/2026,DENIED,10/20/2026", "907,,X001LAMP01,1,10/25/2026,Denied,11/05/2026")],
    "granted-on-appeal": [ONE_LOSS, log("906,,X001LAMP01,1,10/12/2026,Denied,", "907,,X001LAMP01,1,10/25/2026,Approved,11/01/2026")],
    "appeal-withdrawn": [ONE_LOSS, log("906,,X001LAMP01,1,10/12/2026,Denied,", "907,,X001LAMP01,1,10/25/2026,Withdrawn,11/01/2026")],
    "denied-and-paid": [
        ledger(loss("10/01/2026", 1, reconciled=1), loss("10/12/2026", 1, reconciled=0)), log("906,,X001LAMP01,1,10/10/2026,Denied,10/20/2026"),
        reimbursements(paid("2026-11-01", 1, "10.00")),
    ],
    "granted-in-part": [
        ledger(loss("10/01/2026", 3, reconciled=1)), log("908,,X001LAMP01,2,10/10/2026,Partially approved,10/20/2026"),
        reimbursements(paid("2026-10-22", 1, "10.00", **{"case-id": "908"})),
    ],
    "order-paid-in-part": [
        order(**TWO), refund("09/01/26", "60.00"), came_back("CARRIER_DAMAGED", "2026-09-19"), came_back("CARRIER_DAMAGED"),
        reimbursements(paid("2026-09-25", 1, "22.30", reason="CustomerReturn", **{"amazon-order-id": ORDER})),
        log(f"909,{ORDER},,1,11/05/2026,Open,"),
    ],
    "order-claimed-in-part": [
        order(**TWO), refund("09/01/26", "60.00"), came_back("CARRIER_DAMAGED", "2026-09-19"), came_back("CARRIER_DAMAGED"),
        log(f"909,{ORDER},,1,11/05/2026,Open,"),
    ],
    "claimed-then-came": [order(), refund("09/01/26"), log(f"910,{ORDER},,1,11/05/2026,Open,"), came_back("DAMAGED", "2026-11-15")],
    "refunded-one-by-one": [order(**TWO), refund("09/01/26", "30.00", ("10/20/26", "30.00")), came_back("CARRIER_DAMAGED")],
    "refund-taken-back": [order(), refund("09/01/26", "30.00", ("09/05/26", "-30.00"))],
    "refund-proven-by-payout": [
        order(), reimbursements(paid("2026-10-05", 1, "22.30", reason="CustomerReturn", **{"amazon-order-id": ORDER})),
    ],
    "refund-without-price": [refund("09/01/26", sold=False), came_back("CARRIER_DAMAGED")],
    "not-evaluated": [order(), refund("09/01/26"), came_back("DEFECTIVE")],
    "keeps-damaged": [ledger(loss("11/01/2026", 1, code="E", reconciled=0), loss("11/02/2026", 1, reconciled=0))],
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "uk": UK, "keeps-damaged": {"damaged_inventory_kept_since": date(2026, 1, 1)},
    "not-evaluated": {"returns_evaluation_off_since": date(2026, 9, 20)},
}  # fmt: skip


def given() -> Iterator[Given]:
    return given_to_american_accounts(FILES, SETTINGS)


@pytest.fixture(scope="module")
def today(as_of: Callable[[date], Warehouse]) -> Warehouse:
    """The cases as of 20 November 2026."""
    return as_of(TODAY)


def defects(warehouse: Warehouse, account: str, *columns: str) -> list[tuple]:
    what = f"select {', '.join(columns)} from marts.fct_inventory_defects"
    return warehouse.query(f"{what} where account_id = '{account}' order by defect_date, defect_type")


def test_open_units_are_eligible_until_the_deadline_and_reconciled_ones_are_not(today: Warehouse) -> None:
    assert defects(today, "open-in-part", *BUCKETS) == [(16, 0, 0, 5, 0, 11, 0)]
    assert defects(today, "open-in-part", "defect_status", "status_reason", *DATES, "days_to_deadline", "policy_rule_id") == [
        ("ELIGIBLE_FOR_CLAIM", "UNPAID", date(2026, 11, 1), date(2026, 12, 31), 41, "FC-NA-1")
    ]


def test_amazon_has_a_week_to_pay_by_itself(today: Warehouse) -> None:
    assert defects(today, "in-grace", *BUCKETS) == [(11, 0, 0, 0, 11, 0, 0)]
    assert defects(today, "in-grace", "defect_status", "status_reason") == [("IN_PROGRESS", "WAITING_FOR_AMAZON")]


def test_nothing_is_eligible_after_the_deadline(today: Warehouse) -> None:
    assert defects(today, "expired", *BUCKETS) == [(11, 0, 0, 0, 0, 0, 11)]
    assert defects(today, "expired", "defect_status", "resolution_type", "status_reason", "claim_deadline_date") == [
        ("RESOLVED", "INELIGIBLE", "WINDOW_EXPIRED", date(2026, 11, 19))
    ]


def test_a_damage_and_its_twin_are_one_defect(today: Warehouse) -> None:
    assert defects(today, "damage-with-twin", "defect_type", "defect_units", "eligible_units") == [("WAREHOUSE_DAMAGE", 3, 3)]


def test_a_reversal_nets_out_and_the_found_unit_is_reconciled(today: Warehouse) -> None:
    assert defects(today, "paid-then-reversed", *BUCKETS) == [(2, 1, 0, 1, 0, 0, 0)]
    assert defects(today, "paid-then-reversed", "resolution_type", "reimbursed_cash_amount") == [("REIMBURSED", Decimal("10.0000"))]
    monthly = "select month::varchar, net_cash_amount from marts.fct_reimbursements_monthly where account_id = 'paid-then-reversed' order by month"
    assert today.query(monthly) == [("2026-10-01", Decimal("20.0000")), ("2026-11-01", Decimal("-10.0000"))]
    october = "select units from marts.fct_defect_status_daily where account_id = 'paid-then-reversed' and status_date = '2026-10-03'"
    assert today.query(october) == [(2,)]


def test_a_unit_taken_back_once_the_lost_one_was_found_replaces_nothing(today: Warehouse) -> None:
    assert defects(today, "replaced-then-found", *BUCKETS) == [(2, 1, 0, 1, 0, 0, 0), (1, 0, 1, 0, 0, 0, 0)]


@pytest.mark.parametrize("account", ["one-payout-two-losses", "payout-before-netting"])
def test_a_payout_is_used_once_and_the_oldest_loss_comes_first(today: Warehouse, account: str) -> None:
    assert defects(today, account, "defect_date::varchar", "reimbursed_cash_units", "eligible_units") == [("2026-10-01", 2, 0), ("2026-10-10", 1, 1)]
    assert defects(today, account, "reimbursed_cash_amount") == [(Decimal("20.0000"),), (Decimal("10.0000"),)]


def test_of_files_of_one_instant_the_others_were_never_known(today: Warehouse) -> None:
    of_account = "where account_id = 'same-instant'"
    assert today.query(f"select count(*) from marts.fct_reimbursements {of_account}") == [(1,)]
    assert today.query(f"select count(*) from marts.fct_restatements {of_account}") == [(0,)]


def test_no_payout_crosses_accounts_products_or_currencies(today: Warehouse) -> None:
    assert defects(today, "twin-paid", "reimbursed_cash_units", "eligible_units") == [(1, 0)]
    assert defects(today, "twin-unpaid", "reimbursed_cash_units", "eligible_units") == [(0, 1)]
    assert defects(today, "other-currency", "reimbursed_cash_units", "eligible_units") == [(0, 1)]


def test_the_grade_of_a_return_decides(today: Warehouse) -> None:
    columns = ("defect_type", "defect_status", "resolution_type", "status_reason")
    assert defects(today, "customer-damaged", *columns) == [("CUSTOMER_DAMAGE", "RESOLVED", "INELIGIBLE", "CUSTOMER_DAMAGED")]
    assert defects(today, "sellable", *columns) == [("SELLABLE", "RESOLVED", "RECONCILE", "RESTOCKED")]
    assert defects(today, "carrier-damaged", *columns, *DATES, "claim_anchor_basis") == [
        ("CARRIER_DAMAGE", "ELIGIBLE_FOR_CLAIM", None, "UNPAID", date(2026, 10, 31), date(2026, 12, 30), "REFUND")
    ]
    assert defects(today, "damaged-and-paid", *columns, "reimbursed_cash_amount") == [
        ("FULFILLER_DAMAGE", "RESOLVED", "REIMBURSED", "PAID", Decimal("22.3000"))
    ]
    eligible = "account_id = 'carrier-damaged' and defect_status = 'ELIGIBLE_FOR_CLAIM'"
    assert today.query(f"select min(status_date)::varchar from marts.fct_defect_status_daily where {eligible}") == [("2026-10-31",)]


def test_a_refund_waits_for_its_return(today: Warehouse) -> None:
    assert defects(today, "never-came", "defect_type", "defect_status", "status_reason", *DATES) == [
        ("IN_TRANSIT", "IN_PROGRESS", "WAITING_FOR_RETURN", date(2026, 12, 9), date(2027, 2, 7))
    ]


def test_a_small_refund_is_goodwill_and_no_defect(today: Warehouse) -> None:
    assert defects(today, "goodwill", "defect_id") == []


def test_windows_of_the_united_kingdom(today: Warehouse) -> None:
    assert defects(today, "uk", "defect_type", *DATES, "policy_rule_id", "eligible_units") == [
        ("IN_TRANSIT", date(2026, 11, 4), date(2027, 1, 3), "CR-EU-1", 1),
        ("WAREHOUSE_LOST", date(2026, 11, 1), date(2026, 12, 31), "FC-EU-1", 2),
    ]


def test_unknown_codes_are_kept_and_never_claimed(today: Warehouse) -> None:
    assert defects(today, "unknown-codes", "defect_type", "in_progress_units", "status_reason") == [
        ("OTHER", 1, "UNKNOWN_CODE"), ("OTHER", 1, "UNKNOWN_CODE"),
    ]  # fmt: skip


def test_units_in_a_case_are_not_claimed_again(today: Warehouse) -> None:
    assert defects(today, "claimed", "defect_date::varchar", "case_id", "defect_status", "status_reason") == [
        ("2026-10-01", "901", "IN_PROGRESS", "CLAIM_OPEN"), ("2026-10-02", "902", "RESOLVED", "CLAIM_DENIED"),
        ("2026-10-03", "903", "IN_PROGRESS", "PAYMENT_PENDING"), ("2026-10-04", None, "ELIGIBLE_FOR_CLAIM", "UNPAID"),
    ]  # fmt: skip


def test_a_case_covers_as_many_units_as_it_names_and_a_second_one_others(today: Warehouse) -> None:
    assert defects(today, "two-cases", "in_progress_units", "eligible_units", "case_id") == [(2, 0, "904"), (2, 0, "905")]
    assert defects(today, "order-claimed-in-part", "in_progress_units", "eligible_units") == [(1, 0), (0, 1)]
    assert defects(today, "order-paid-in-part", "defect_status", "status_reason", "case_id") == [
        ("RESOLVED", "PAID", None), ("IN_PROGRESS", "CLAIM_OPEN", "909")
    ]  # fmt: skip


def test_an_appeal_takes_over_from_the_case_that_was_denied(today: Warehouse) -> None:
    columns = ("status_reason", "status_since_date::varchar", "case_id")
    assert defects(today, "denied-twice", *columns) == [("CLAIM_DENIED", "2026-11-05", "907")]
    assert defects(today, "granted-on-appeal", *columns) == [("UNPAID", "2026-11-11", "907")]
    assert defects(today, "appeal-withdrawn", *columns) == [("CLAIM_DENIED", "2026-11-01", "907")]
    of_days = "status_date in ('2026-10-15', '2026-10-22', '2026-11-01', '2026-11-06')"
    daily = f"select defect_status from marts.fct_defect_status_daily where account_id = 'denied-twice' and {of_days} order by status_date"
    assert today.query(daily) == [("IN_PROGRESS",), ("RESOLVED",), ("IN_PROGRESS",), ("RESOLVED",)]


def test_a_case_about_an_fnsku_is_about_the_loss_that_names_only_its_sku(today: Warehouse) -> None:
    assert defects(today, "denied-without-fnsku", "fnsku", "status_reason", "case_id")[1:] == [("X001LAMP01", "CLAIM_DENIED", "906")]


def test_a_denial_is_about_the_loss_that_was_open_then(today: Warehouse) -> None:
    assert defects(today, "denied-and-paid", "status_reason") == [("PAID",), ("UNPAID",)]


def test_what_a_case_granted_in_part_does_not_bring_was_denied(today: Warehouse) -> None:
    assert defects(today, "granted-in-part", *BUCKETS, "denied_units") == [(3, 1, 0, 0, 0, 1, 1, 1)]


def test_a_case_about_a_unit_in_transit_goes_with_it(today: Warehouse) -> None:
    assert defects(today, "claimed-then-came", "defect_type", "defect_status", "status_reason") == [
        ("FULFILLER_DAMAGE", "IN_PROGRESS", "CLAIM_OPEN")
    ]  # fmt: skip


def test_each_refunded_unit_has_its_own_window_and_the_first_that_comes_back_is_the_first_refunded(today: Warehouse) -> None:
    assert defects(today, "refunded-one-by-one", "defect_type", "status_reason", *DATES) == [
        ("CARRIER_DAMAGE", "UNPAID", date(2026, 10, 31), date(2026, 12, 30)),
        ("IN_TRANSIT", "WAITING_FOR_RETURN", date(2026, 12, 19), date(2027, 2, 17)),
    ]


def test_a_refund_that_is_taken_back_is_no_defect(today: Warehouse) -> None:
    assert defects(today, "refund-taken-back", "defect_id") == []


def test_a_payout_of_the_order_proves_a_refund(today: Warehouse) -> None:
    columns = ("defect_type", "status_reason", "reimbursed_cash_amount", "claim_anchor_date", "claim_anchor_basis")
    assert defects(today, "refund-proven-by-payout", *columns) == [("IN_TRANSIT", "PAID", Decimal("22.3000"), date(2026, 10, 5), "PAYOUT")]


def test_a_refund_whose_price_nobody_knows_dates_the_return_and_is_no_unit_of_its_own(today: Warehouse) -> None:
    assert defects(today, "refund-without-price", "defect_type", "claim_anchor_date", "claim_anchor_basis") == [
        ("CARRIER_DAMAGE", date(2026, 9, 1), "REFUND")
    ]  # fmt: skip


def test_returns_that_are_not_evaluated_are_unpaid(today: Warehouse) -> None:
    assert defects(today, "not-evaluated", "defect_status", "resolution_type", "status_reason") == [
        ("RESOLVED", "INELIGIBLE", "RETURNS_NOT_EVALUATED")
    ]  # fmt: skip


def test_a_seller_that_keeps_damaged_stock_is_owed_nothing_for_it(today: Warehouse) -> None:
    assert defects(today, "keeps-damaged", "defect_type", "status_reason") == [
        ("WAREHOUSE_DAMAGE", "SELLER_KEEPS_DAMAGED"), ("WAREHOUSE_LOST", "UNPAID")
    ]  # fmt: skip


def test_an_order_is_worth_its_price_less_fees(today: Warehouse) -> None:
    # 30.00 - 4.50 - 3.20
    assert defects(today, "carrier-damaged", "estimated_unit_value", "estimated_recovery_amount", "value_basis") == [
        (Decimal("22.3000"), Decimal("22.3000"), "SALE_PRICE_LESS_FEES")
    ]


def test_a_lost_unit_is_worth_its_cost_and_half_where_it_was_not_sellable(today: Warehouse) -> None:
    # In March 2025 Amazon still paid its own estimate of the sale price, which nobody else knows.
    assert defects(today, "valued", "defect_date::varchar", "estimated_unit_value", "estimated_recovery_amount", "value_basis") == [
        ("2025-03-30", None, None, None),
        ("2026-11-01", Decimal("8.4000"), Decimal("16.8000"), "SOURCING_COST_SELLER"),
        ("2026-11-02", Decimal("4.2000"), Decimal("4.2000"), "SOURCING_COST_SELLER"),
    ]


def test_claims_of_an_account_are_listed_by_deadline(today: Warehouse) -> None:
    listed = today.query("select account_id, claim_rank, claim_deadline_date from marts.claims_to_file order by account_id, claim_rank")
    assert [(account, deadline) for account, _, deadline in listed] == sorted((account, deadline) for account, _, deadline in listed)
    assert [rank for _, rank, _ in listed] == [n for _, group in groupby(listed, itemgetter(0)) for n, _ in enumerate(group, start=1)]
    eligible = today.query("select sum(eligible_units) from marts.fct_inventory_defects")
    assert today.query("select sum(eligible_units) from marts.claims_to_file") == eligible


def test_status_moves_with_the_day(as_of: Callable[[date], Warehouse]) -> None:
    later = as_of(LATER)
    assert defects(later, "never-came", "defect_status", "status_reason") == [("ELIGIBLE_FOR_CLAIM", "UNPAID")]
    assert defects(later, "in-grace", "eligible_units", "status_since_date") == [(11, date(2026, 11, 22))]
    names = ", ".join(f"'{name}'" for name in FILES)
    daily = f"select * from marts.fct_defect_status_daily where status_date <= '2026-11-20' and account_id in ({names}) order by all"
    assert later.query(daily) == as_of(TODAY).query(daily)
