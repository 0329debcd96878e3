"""Situations worked out by hand (marts/<id>/case.yaml): each in its own account, and asked about as of a day.

All but one of their files were retrieved long after these days, so the same builds show that no mart holds anything dated later.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts
from tests.parsed_project import in_euros
from tests.support import BuiltWarehouse, Given, Warehouse

AsOf = Callable[..., BuiltWarehouse]
FOLDER, FILES = Path(__file__).parent / "marts", Path(__file__).parent / "files"
ODD = {"odd-payout": "x1", "odd-keys": "x2"}
"""Accounts with a row that once stopped every publication, and the folder of their files."""
DAYS = (date(2026, 10, 10), date(2026, 11, 20))
"""Those of the checks."""
AS_KNOWN_AT = {"k9-1": "2026-10-10T20:00:00+02:00"}
"""Checks as known at an earlier time: a later file shows the loss of the same day as reconciled, but not since when."""

TO_COME = ("_opens_date", "_deadline_date")
"""Names of columns with future days: windows are known in advance."""
UNDATED = {
    "dim_calendar": "the same days in every build",
    "fct_inventory_defects.eligible_from_date": "the day from which Amazon may be asked, known in advance",
    "fct_mcf_claims.estimated_arrival_date": "Amazon's estimate of a day to come",
    "dim_accounts.damaged_inventory_kept_since": "a setting",
}
"""Other columns that may be dated after the day of the build, and why."""
WESTERNMOST = timedelta(hours=12)
"""Days are as Amazon prints them: the last hours of a day may fall on the next day in UTC."""


@dataclass(frozen=True)
class Check:
    """One query of the marts as of a day, and its expected rows."""

    case_id: str
    as_of: date
    sql: str
    rows: list[list[Any]]
    as_known_at: str


@cache
def cases() -> dict[str, dict[str, Any]]:
    """The contents of the files, by case."""
    return {p.parent.name: yaml.safe_load(p.read_text(encoding="utf-8")) for p in sorted(FOLDER.glob("*/case.yaml"))}


@cache
def checks() -> dict[str, Check]:
    """Every check, named after its case and position."""
    return {
        f"{case_id}-{number}": Check(
            case_id, date.fromisoformat(check["as_of"]), check["sql"], check["rows"], AS_KNOWN_AT.get(f"{case_id}-{number}", "")
        )
        for case_id, case in cases().items()
        for number, check in enumerate(case["checks"], start=1)
    }


def given() -> Iterator[Given]:
    """The files of every case, and those with odd rows."""
    for case_id, case in cases().items():
        account = Account(id=case_id, name=case["case"], source="files", **case["account"])
        for file in case["files"]:
            yield Given(account, file["file"], (FOLDER / case_id / file["file"]).read_bytes(), datetime.fromisoformat(file["retrieved_at"]))
    for name, folder in ODD.items():
        account = Account(id=name, name=name, source="files", region="na", marketplaces=("ATVPDKIKX0DER",))
        for path in sorted((FILES / folder).iterdir()):
            yield Given(account, path.name, path.read_bytes(), datetime(2026, 12, 31, 6, tzinfo=UTC))


def dated_later(warehouse: Warehouse, as_of: date) -> list[str]:
    """The columns of all marts and of meta.freshness with a day or time after ``as_of``, except future days by name."""
    ends = {"DATE": as_of, "TIMESTAMP": datetime.combine(as_of, time.max) + WESTERNMOST}
    columns = warehouse.query(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() where not internal and data_type in ('DATE', 'TIMESTAMP') "
        "and (schema_name = 'marts' or (schema_name, table_name, data_type) = ('meta', 'freshness', 'DATE')) order by all"
    )
    found = []
    for schema, table, column, data_type in columns:
        if not column.endswith(TO_COME) and not UNDATED.keys() & {table, f"{table}.{column}"}:
            [(last,)] = warehouse.query(f'select max("{column}") from {schema}."{table}"')
            if last and last > ends[data_type]:
                found.append(f"{table}.{column}: {last}")
    return found


def plain(value: Any) -> Any:
    """A value as case.yaml writes it: a date as text; numbers as decimals."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(str(value))
    return value.isoformat() if isinstance(value, date) else value


def without_the_others(warehouse: Warehouse, kept: Collection[str], folder: Path) -> Warehouse:
    """A copy of a home that never had other accounts than those kept."""
    home = Home(folder / "home")
    home.warehouse.parent.mkdir(parents=True)
    shutil.copy(warehouse.home.warehouse, home.warehouse)
    shutil.copy(warehouse.home.exchange_rates, home.exchange_rates)
    with duckdb.connect(str(home.warehouse)) as connection:
        tables = connection.execute(
            "select distinct schema_name || '.' || table_name from duckdb_columns() join duckdb_tables() using (schema_name, table_name) "
            "where schema_name in ('raw', 'meta') and column_name = 'account_id'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"delete from {table} where account_id not in (select unnest(?))", [[*kept]])
    return Warehouse(home)


def rows_of(warehouse: Warehouse, accounts: Collection[str]) -> dict[str, list[tuple]]:
    """Every mart's rows of some accounts, and all rows of marts without accounts."""
    listed = ", ".join(f"'{account}'" for account in accounts)
    owned = dict(
        warehouse.query(
            "select table_name, bool_or(column_name = 'account_id') from duckdb_columns() "
            "where schema_name = 'marts' or (schema_name, table_name) = ('meta', 'freshness') group by all order by all"
        )
    )
    schema = {name: "meta" if name == "freshness" else "marts" for name in owned}
    return {n: warehouse.query(f"from {schema[n]}.{n} {f'where account_id in ({listed})' if has else ''} order by all") for n, has in owned.items()}


@pytest.mark.parametrize("name", checks())
def test_the_marts_say_what_was_worked_out(name: str, as_of: AsOf) -> None:
    check = checks()[name]
    answer = [[plain(value) for value in row] for row in as_of(check.as_of, check.as_known_at).query(check.sql)]
    assert answer == [[plain(value) for value in row] for row in check.rows], cases()[check.case_id]["case"]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_no_mart_holds_anything_dated_after_the_day_of_the_build(day: date, as_of: AsOf) -> None:
    """If a new column fails here: filter by is_dated_by_as_of or, if it holds future days, name it so or list it above with the reason."""
    assert dated_later(as_of(day), day) == []


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_no_settlement_is_set_aside_because_it_ends_after_the_day_of_the_build(day: date, as_of: AsOf) -> None:
    assert as_of(day).query("select rule, key from meta.set_aside where rule = 'assert_settlements_add_up'") == []


def test_no_mart_of_an_account_depends_on_another(loaded: Warehouse, as_of: AsOf, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The cases share SKUs, stock and days, so that matching or ranking across accounts would change the result."""
    accounts = sorted(loaded.accounts)[::3]
    together, alone = rows_of(as_of(DAYS[-1]), accounts), without_the_others(loaded, accounts, tmp_path)
    with in_euros(pytestconfig):
        build_marts(alone.home, as_of=DAYS[-1])
    assert together["claims_to_file"]
    apart = rows_of(alone, accounts)
    assert {mart: list(zip(rows, apart[mart], strict=False)) for mart, rows in together.items() if rows != apart[mart]} == {}


def test_a_payout_that_names_an_order_is_for_that_order_and_not_for_a_loss(as_of: AsOf) -> None:
    units = "select defect_type, reimbursed_cash_units, reconciled_units, reimbursed_cash_amount from marts.fct_inventory_defects"
    assert as_of(DAYS[-1]).query(f"{units} where account_id = 'odd-payout' order by 1") == [
        ("FULFILLER_DAMAGE", 1, 0, Decimal("10.0000")), ("WAREHOUSE_LOST", 0, 1, Decimal("0.0000")),
    ]  # fmt: skip


def test_a_blank_sku_and_a_blank_reference_make_two_losses(as_of: AsOf) -> None:
    losses = "select count(distinct defect_id), sum(defect_units)::int, sum(eligible_units)::int from marts.fct_inventory_defects"
    assert as_of(DAYS[-1]).query(f"{losses} where account_id = 'odd-keys'") == [(2, 2, 2)]
