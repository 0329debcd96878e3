"""Real settlements of sellers tie out, and their reimbursements keep Amazon's sign."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import pytest

from seller_warehouse.core.accounts import Account
from tests.support import AT, FIXTURES, SAMPLES, Given, Warehouse

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason=f"the sample files are no part of the project; there are none at {SAMPLES}")

FILES = sorted(SAMPLES.glob("GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE*/*.txt"))
SELLER = Account(id="sample-seller", name="Sample", region="na", marketplaces=("A2EUQ1WTGCTBG2", "ATVPDKIKX0DER"), source="files")
GERMAN = Account(id="german-seller", name="German", region="eu", marketplaces=("A1PA6795UKMFR9",), source="files")

Rows = list[dict[str, str]]


def given() -> Iterator[Given]:
    """The samples under one account; under another a German fixture, since no sample has a damaged unit."""
    yield from (Given(SELLER, path.name, path.read_bytes()) for path in FILES)
    yield Given(GERMAN, "german.txt", (FIXTURES / "settlements" / "variant_decimal_comma.txt").read_bytes())


@pytest.fixture(scope="module")
def built(as_of: Callable[[date], Warehouse]) -> Warehouse:
    return as_of(AT.date())


@pytest.fixture(scope="module")
def files() -> list[Rows]:
    """The samples as plain rows, with filled cells only."""
    read = []
    for path in FILES:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            read.append([{k: v.strip() for k, v in row.items() if v and v.strip()} for row in rows])
    return read


def test_samples_tie_out(built: Warehouse, files: list[Rows]) -> None:
    expected = {}
    for rows in files:
        amounts = [Decimal(v) for row in rows for name, v in row.items() if name.endswith("amount") and name != "total-amount"]
        assert sum(amounts) == Decimal(rows[0]["total-amount"])
        expected[rows[0]["settlement-id"]] = sum(amounts)
    found = built.query(
        "select settlement_id, sum(line_amount), max(settlement_total_amount) from staging.stg_amazon_seller__settlements "
        f"where account_id = '{SELLER.id}' group by all"
    )
    assert {settlement: total for settlement, _, total in found} == {settlement: total for settlement, total, _ in found} == expected
    assert len(expected) == 3


def test_reimbursements_of_the_samples_are_money_received(built: Warehouse, files: list[Rows]) -> None:
    expected = sorted(
        (row["order-id"], row["sku"], row["transaction-type"], "CUSTOMER_RETURN", rows[0]["currency"], Decimal(row["other-amount"]))
        for rows in files
        for row in rows
        if row.get("transaction-type") == "REVERSAL_REIMBURSEMENT"
    )
    found = built.query(
        "select amazon_order_id, seller_sku, reason_code, reason_category, currency_code, cash_amount "
        f"from intermediate.int_settlements__reimbursements where account_id = '{SELLER.id}' order by all"
    )
    assert found == expected
    assert [amount for *_, amount in expected] == [Decimal("43.29")] * 2


def test_damage_in_a_german_settlement_is_money_received(built: Warehouse) -> None:
    found = built.query(
        "select reason_code, reason_category, currency_code, cash_amount, posted_date from intermediate.int_settlements__reimbursements "
        f"where account_id = '{GERMAN.id}'"
    )
    assert found == [("WAREHOUSE_DAMAGE", "WAREHOUSE_DAMAGED", "EUR", Decimal("12.50"), date(2026, 10, 21))]


def test_without_a_reimbursements_report_all_that_was_settled_is_unexplained(built: Warehouse, files: list[Rows]) -> None:
    expected: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for rows in files:
        for row in rows:
            if row.get("transaction-type") == "REVERSAL_REIMBURSEMENT":
                expected[date.fromisoformat(row["posted-date"][:10]).replace(day=1), rows[0]["currency"]] += Decimal(row["other-amount"])
    found = built.query(
        "select month, currency_code, settled_cash_amount, unexplained_settled_amount, reported_cash_amount "
        f"from marts.fct_settlement_reconciliation where account_id = '{SELLER.id}' order by all"
    )
    assert found == [(*key, amount, amount, 0) for key, amount in sorted(expected.items())]
