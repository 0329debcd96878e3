"""The published marts: accounts and currencies never mix, history is kept, a build is repeatable, and a broken one is not published.

Two accounts share a reimbursement id, an order id and a SKU, each in two currencies; a third, acme-au, sees one report three times.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import DBT_PROJECT, Home
from seller_warehouse.marts import build
from seller_warehouse.marts.build import BuildFailed, build_marts
from tests.support import ACCOUNTS, AT, EU, FIXTURES, NA, Warehouse, marts_of, reimbursements

AU = Account(id="acme-au", name="Acme Australia", region="fe", marketplaces=("A39IBJ37TRP1C6",), source="files")
SIGHTS = [datetime(2026, 11, day, 6, tzinfo=UTC) for day in (10, 12, 15)]
"""When the third account's report was downloaded."""

MARTS = (
    "dim_accounts", "dim_products", "dim_calendar", "fct_orders", "fct_reimbursements", "fct_reimbursements_monthly", "fct_restatements",
    "fct_order_defects", "fct_order_defect_rate_daily", "fct_inventory_defects", "fct_defect_status_daily", "fct_resolution_distribution",
    "claims_to_file", "fct_mcf_claims", "fct_settlement_reconciliation", "fct_settlement_differences",
    "fct_recovery_accruals", "fct_sourcing_costs", "fct_claims",
    "fct_defect_status_moves",
)  # fmt: skip


def orders(*rows: dict[str, Any]) -> str:
    header = (FIXTURES / "orders" / "valid.txt").read_text(encoding="utf-8").splitlines()[0].split("\t")
    plain = {
        "amazon-order-id": "111-0000001-0000001", "purchase-date": "2026-11-01T10:00:00+00:00", "last-updated-date": "2026-11-02T10:00:00+00:00",
        "order-status": "Shipped", "fulfillment-channel": "Amazon", "sku": "LAMP-01", "asin": "B0LAMP0001", "item-status": "Shipped", "quantity": "1",
    }  # fmt: skip
    return "\n".join(["\t".join(header), *("\t".join({**plain, **row}.get(h, "") for h in header) for row in rows)]) + "\n"


def _two_accounts(warehouse: Warehouse) -> None:
    order = "111-0000001-0000001"
    warehouse.drop("na.txt", reimbursements(
        {"amount-per-unit": "10.00", "amount-total": "20.00", "quantity-reimbursed-cash": "2", "quantity-reimbursed-total": "2"},
        {"reason": "CustomerReturn", "amazon-order-id": order, "currency-unit": "CAD", "amount-per-unit": "7.00", "amount-total": "7.00"},
        {
            "reimbursement-id": "1002", "approval-date": "2026-12-01T08:00:00+00:00", "reason": "Reimbursement_Reversal", "amount-total": "-10.00",
            "quantity-reimbursed-cash": "-1", "quantity-reimbursed-total": "-1", "original-reimbursement-id": "1001",
        },
    ), account=NA.id, at=AT + timedelta(days=20))  # fmt: skip
    warehouse.drop("eu.txt", reimbursements(
        {"reason": "Damaged_Warehouse", "product-name": "Schreibtischlampe", "currency-unit": "EUR",
         "amount-per-unit": "9,50", "amount-total": "9,50"},
        {"reason": "CustomerReturn", "product-name": "Schreibtischlampe", "amazon-order-id": order, "currency-unit": "GBP",
         "amount-per-unit": "5,25", "amount-total": "5,25"},
        {
            "reimbursement-id": "1002", "approval-date": "2026-12-01T08:00:00+00:00", "reason": "Reimbursement_Reversal", "currency-unit": "EUR",
            "product-name": "Schreibtischlampe", "amount-per-unit": "9,50", "amount-total": "-9,50", "quantity-reimbursed-cash": "-1",
            "quantity-reimbursed-total": "-1", "original-reimbursement-id": "1001",
        },
    ), account=EU.id, at=AT + timedelta(days=20))  # fmt: skip
    warehouse.drop("na-orders.txt", orders(
        {"sales-channel": "Amazon.ca", "currency": "CAD", "item-price": "30.00"},
        {"amazon-order-id": "111-0000002-0000002", "sales-channel": "Amazon.com", "currency": "USD", "item-price": "19.99"},
    ), account=NA.id)  # fmt: skip
    warehouse.drop("eu-orders.txt", orders(
        {"order-status": "Cancelled", "sales-channel": "Amazon.de", "currency": "EUR", "item-price": "25,50", "quantity": "3"},
    ), account=EU.id)  # fmt: skip


def _line(number: int, day: int, amount: str, units: int = 1) -> dict[str, Any]:
    return {
        "reimbursement-id": f"200{number}", "approval-date": f"2026-11-0{day}T08:00:00+00:00", "currency-unit": "AUD", "amount-total": amount,
        "quantity-reimbursed-cash": str(units), "quantity-reimbursed-total": str(units),
    }  # fmt: skip


def _three_sights(warehouse: Warehouse) -> None:
    """The third of November: 10.00 becomes 12.50 and 5.00 comes late, then two units for 20.00 vanish; the last day grows by 3.00."""
    first, last = _line(1, 1, "1.00"), _line(2, 5, "2.00")
    changing = [
        [_line(3, 3, "10.00"), _line(4, 3, "20.00", units=2)],
        [_line(3, 3, "12.50"), _line(4, 3, "20.00", units=2), _line(5, 3, "5.00")],
        [_line(3, 3, "12.50"), _line(5, 3, "5.00"), _line(6, 5, "3.00")],
    ]
    for number, (seen_at, rows) in enumerate(zip(SIGHTS, changing, strict=True)):
        warehouse.drop(f"au-{number}.txt", reimbursements(first, *rows, last), account=AU.id, at=seen_at)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """All three accounts, loaded, built and published."""
    made = Warehouse(Home(tmp_path_factory.mktemp("marts") / "home"), accounts={**ACCOUNTS, AU.id: AU})
    _two_accounts(made)
    _three_sights(made)
    assert made.load(at=AT + timedelta(days=20)) == []
    made.publish(at=AT + timedelta(days=20))
    return made


def _amounts(rows: Iterable[tuple]) -> list[tuple]:
    """Rows with amounts as plain text, to be compared with hand-written numbers."""
    return [tuple(f"{v:.2f}" if isinstance(v, Decimal) else v for v in row) for row in rows]


def test_same_reimbursement_id_keeps_its_account_currency_and_category(warehouse: Warehouse) -> None:
    found = warehouse.published(
        "select account_id, reimbursement_id, currency_code, cash_amount, cash_units, attributed_reason_category, product_name "
        "from sw.marts.fct_reimbursements where account_id <> 'acme-au' order by all"
    )
    lamp, lampe = "Desk Lamp", "Schreibtischlampe"
    assert _amounts(found) == [
        ("acme-eu", "1001", "EUR", "9.50", 1, "WAREHOUSE_DAMAGED", lampe),
        ("acme-eu", "1001", "GBP", "5.25", 1, "CUSTOMER_RETURN", lampe),
        ("acme-eu", "1002", "EUR", "-9.50", -1, "WAREHOUSE_DAMAGED", lampe),
        ("acme-na", "1001", "CAD", "7.00", 1, "CUSTOMER_RETURN", lamp),
        ("acme-na", "1001", "USD", "20.00", 2, "WAREHOUSE_LOST", lamp),
        ("acme-na", "1002", "USD", "-10.00", -1, "WAREHOUSE_LOST", lamp),
    ]


def test_same_order_id_lends_its_status_and_marketplace_to_its_own_account_alone(warehouse: Warehouse) -> None:
    found = warehouse.published(
        "select account_id, currency_code, order_status, marketplace_inferred, marketplace_basis "
        "from sw.marts.fct_reimbursements where account_id <> 'acme-au' and cash_amount > 0 order by all"
    )
    assert found == [
        ("acme-eu", "EUR", None, "A1PA6795UKMFR9", "CURRENCY"),
        ("acme-eu", "GBP", "CANCELLED", "A1PA6795UKMFR9", "ORDER"),
        ("acme-na", "CAD", "SHIPPED", "A2EUQ1WTGCTBG2", "ORDER"),
        ("acme-na", "USD", None, "ATVPDKIKX0DER", "CURRENCY"),
    ]


def test_monthly_money_is_never_added_over_accounts_or_currencies(warehouse: Warehouse) -> None:
    found = warehouse.published(
        "select account_id, month::varchar, currency_code, gross_cash_amount, reversed_cash_amount, net_cash_amount, cash_units "
        "from sw.marts.fct_reimbursements_monthly where account_id <> 'acme-au' order by all"
    )
    assert _amounts(found) == [
        ("acme-eu", "2026-11-01", "EUR", "9.50", "0.00", "9.50", 1),
        ("acme-eu", "2026-11-01", "GBP", "5.25", "0.00", "5.25", 1),
        ("acme-eu", "2026-12-01", "EUR", "0.00", "-9.50", "-9.50", -1),
        ("acme-na", "2026-11-01", "CAD", "7.00", "0.00", "7.00", 1),
        ("acme-na", "2026-11-01", "USD", "20.00", "0.00", "20.00", 2),
        ("acme-na", "2026-12-01", "USD", "0.00", "-10.00", "-10.00", -1),
    ]


def test_orders_and_products_of_one_id_stay_apart_by_account(warehouse: Warehouse) -> None:
    found = warehouse.published(
        "select account_id, amazon_order_id, marketplace_id, item_units, currency_code, item_amount from sw.marts.fct_orders order by all"
    )
    assert _amounts(found) == [
        ("acme-eu", "111-0000001-0000001", "A1PA6795UKMFR9", 3, "EUR", "25.50"),
        ("acme-na", "111-0000001-0000001", "A2EUQ1WTGCTBG2", 1, "CAD", "30.00"),
        ("acme-na", "111-0000002-0000002", "ATVPDKIKX0DER", 1, "USD", "19.99"),
    ]
    products = warehouse.published(
        "select account_id, seller_sku, product_name from sw.marts.dim_products where account_id <> 'acme-au' order by all"
    )
    assert products == [("acme-eu", "LAMP-01", "Schreibtischlampe"), ("acme-na", "LAMP-01", "Desk Lamp")]


def test_accounts_that_were_seen_once_have_no_restatement(warehouse: Warehouse) -> None:
    assert warehouse.published("select distinct account_id from sw.marts.fct_restatements") == [(AU.id,)]


def test_raw_shows_what_was_known_after_each_sight(warehouse: Warehouse) -> None:
    known = [
        warehouse.query(
            "select count(*), sum(amount_total::decimal(18, 2)), sum(quantity_reimbursed_total::integer) from raw.reimbursements "
            f"where account_id = 'acme-au' and _valid_from <= '{t:%Y-%m-%d %H:%M:%S}' and coalesce(_valid_to > '{t:%Y-%m-%d %H:%M:%S}', true)"
        )[0]
        for t in SIGHTS
    ]
    assert _amounts(known) == [(4, "33.00", 5), (5, "40.50", 6), (5, "23.50", 5)]


def test_restatements_show_money_and_units_of_every_change(warehouse: Warehouse) -> None:
    found = warehouse.published(
        "select event_date::varchar, seen_at::date::varchar, was_seen_whole, currency_code, "
        "rows_added, rows_removed, units_change, cash_amount_change "
        "from sw.marts.fct_restatements where account_id = 'acme-au' order by seen_at, event_date"
    )
    assert _amounts(found) == [
        ("2026-11-03", "2026-11-12", True, "AUD", 2, 1, 1, "7.50"),
        ("2026-11-03", "2026-11-15", True, "AUD", 0, 1, -2, "-20.00"),
        ("2026-11-05", "2026-11-15", False, "AUD", 1, 0, 1, "3.00"),
    ]


def test_every_mart_and_every_column_is_described_in_the_published_file(warehouse: Warehouse) -> None:
    tables = warehouse.published("select table_name, comment from duckdb_tables() where database_name = 'sw' and schema_name = 'marts' order by all")
    assert [t for t, _ in tables] == sorted(MARTS)
    assert [t for t, comment in tables if not comment] == []
    columns = (
        "select table_name, column_name from duckdb_columns() where database_name = 'sw' and schema_name = 'marts' and coalesce(comment, '') = ''"
    )
    assert warehouse.published(columns) == []


def test_broken_model_fails_the_build_and_the_last_publication_stays(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, file = marts_of(warehouse), warehouse.home.marts.resolve()
    broken = shutil.copytree(DBT_PROJECT, tmp_path / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    model = broken / "models" / "staging" / "amazon_seller" / "stg_amazon_seller__reimbursements.sql"
    model.write_text(model.read_text(encoding="utf-8") + "union all\nselect * from renamed\n", encoding="utf-8")
    monkeypatch.setattr(build, "DBT_PROJECT", broken)
    with pytest.raises(BuildFailed, match="well_formed_stg_amazon_seller__reimbursements"):
        build_marts(warehouse.home, as_of=AT.date() + timedelta(days=21), select=model.stem)
    assert (warehouse.home.marts.resolve(), marts_of(warehouse)) == (file, before)
