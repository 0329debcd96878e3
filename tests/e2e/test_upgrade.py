"""A home of the previous version is upgraded: nothing in it is lost or loaded twice, and its marts are rebuilt.

``tests/homes/version_0`` is such a home. Its two passes loaded ten files: payouts 0001 (10.30 USD), 0002 (5.55 USD) and 0003 (7.01 CAD) of 17
November, in which 0004 (5.55 USD) replaces 0002 on the 20th; five more reports; and two files that were refused.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.ingest.migrations import SCHEMA_VERSION
from seller_warehouse.ingest.warehouse import open_warehouse
from seller_warehouse.marts.publish import is_due
from tests.support import AT, FIXTURES, Warehouse, reimbursements

OLD = Path(__file__).parents[1] / "homes" / "version_0"
DAY = timedelta(days=1)
HELD = {"reimbursements": 5, "inventory_ledger": 7, "customer_returns": 7, "settlements": 9, "orders": 8}
"""Rows of both accounts, including the closed one."""
P1, P3, P4 = (
    {"reimbursement-id": number, "amount-total": amount, "amount-per-unit": amount, "currency-unit": currency}
    for number, amount, currency in (("0001", "10.30", "USD"), ("0003", "7.01", "CAD"), ("0004", "5.55", "USD"))
)


def old_home(root: Path) -> Warehouse:
    home = Home(root)
    shutil.copytree(OLD / "landing", home.landing)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute((OLD / "warehouse.sql").read_text(encoding="utf-8"))
    return Warehouse(home)


def held(warehouse: Warehouse) -> dict[str, int]:
    return {report: warehouse.query(f"select count(*) from raw.{report}")[0][0] for report in HELD}


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The old home after one pass of this code, in which each of its files was dropped again, then built and published."""
    warehouse = old_home(tmp_path_factory.mktemp("upgraded") / "home")
    for report in HELD.keys() - {"reimbursements"}:
        warehouse.drop(f"{report}.txt", (FIXTURES / report / "valid.txt").read_bytes(), at=AT + DAY)
    warehouse.drop("payouts-again.txt", reimbursements(P1, P4, P3), at=AT + DAY)
    assert warehouse.load("upgraded", AT + DAY) == []
    assert is_due(warehouse.home, as_of=AT.date(), code_version="any")
    warehouse.publish("upgraded", AT + DAY)
    return warehouse


def test_every_row_verdict_setting_and_day_of_before_stays(tmp_path: Path) -> None:
    warehouse = old_home(tmp_path / "home")
    tables = [f"raw.{r}" for r in HELD] + ["raw.accounts", "meta.loads", "meta.gate_results", "meta.coverage"]
    columns = {t: ", ".join(f'"{n}"' for (n,) in warehouse.query(f"select column_name from (describe {t})")) for t in tables}
    before = {t: warehouse.query(f"select {columns[t]} from {t} order by all") for t in tables}
    with open_warehouse(warehouse.home.warehouse):
        pass
    assert {t: warehouse.query(f"select {columns[t]} from {t} order by all") for t in tables} == before
    assert all(before.values())
    assert warehouse.query("select * from meta.schema") == [(SCHEMA_VERSION,)]


def test_a_migrated_database_has_the_columns_of_a_new_one(tmp_path: Path) -> None:
    old, new = old_home(tmp_path / "old"), Warehouse(Home(tmp_path / "new"))
    for warehouse in (old, new):
        with open_warehouse(warehouse.home.warehouse):
            pass
    described = (
        "select table_name, column_name, data_type from duckdb_columns() where schema_name in ('raw', 'meta') and table_name not in "
        "('exchange_rates', 'freshness') order by all"
    )
    assert old.query(described) == new.query(described)


def test_files_that_were_loaded_before_are_not_loaded_again(upgraded: Warehouse) -> None:
    assert held(upgraded) == HELD
    verdicts = upgraded.query("select file_name, verdict, rows_added, rows_removed from meta.loads where run_id = 'upgraded' order by all")
    assert verdicts == [(f"{name}.txt", "UNCHANGED", 0, 0) for name in sorted([*HELD.keys() - {"reimbursements"}, "payouts-again"])]


def test_marts_of_the_old_rows_are_built_and_none_of_the_old_tables_is_published(upgraded: Warehouse) -> None:
    payouts = upgraded.published("select reimbursement_id, cash_amount, currency_code from sw.marts.fct_reimbursements order by 1")
    assert payouts == [
        ("0001", Decimal("10.3000"), "USD"), ("0003", Decimal("7.0100"), "CAD"),
        ("0004", Decimal("5.5500"), "USD"), ("0007", Decimal("3.3300"), "EUR"),
    ]  # fmt: skip
    assert upgraded.published("select table_name from duckdb_columns() where database_name = 'sw' and column_name = 'made_by_version_0'") == []
    assert upgraded.published("from sw.meta.schema") == [(SCHEMA_VERSION,)]
    assert upgraded.published("select file_name from sw.meta.loads where verdict = 'QUARANTINED' order by 1") == [("damaged.txt",), ("letter.txt",)]


def test_rows_of_the_version_before_are_recognised_in_a_new_document(upgraded: Warehouse, tmp_path: Path) -> None:
    copy = Warehouse(Home(shutil.copytree(upgraded.home.root, tmp_path / "home", symlinks=True)))
    copy.drop("newer.txt", reimbursements(P4, P3, P1), at=AT + 2 * DAY)
    # Retrieved between the two that the previous version loaded: the newer one is replayed from landing after it.
    copy.drop("late.txt", reimbursements(P3, P1, {**P4, "reimbursement-id": "0005"}), at=AT - DAY)
    assert copy.load("later", AT + 2 * DAY) == []
    now = "select reimbursement_id from raw.reimbursements where account_id = 'acme-na' and _valid_to is null order by 1"
    assert copy.query(now) == [("0001",), ("0003",), ("0004",)]
    seen = "select reimbursement_id, _valid_from, _valid_to from raw.reimbursements where reimbursement_id in ('0002', '0005') order by 1"
    days = [AT.replace(tzinfo=None) - n * DAY for n in (3, 1, 0)]
    assert copy.query(seen) == [("0002", days[0], days[1]), ("0005", days[1], days[2])]
