"""Storms of odd rows: hand-worked accounts, each copied with one value changed to something odd that the gate lets through; all are published."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest

from seller_warehouse.build import build_marts
from seller_warehouse.paths import Home
from seller_warehouse.report_spec import Column, Kind
from seller_warehouse.reports import SPECS
from seller_warehouse.values import identifier
from tests.cases.test_mart_cases import cases, load_cases
from tests.soak.test_storms import COUNT, SEED
from tests.support import AT, Warehouse

COPIES = 150
"""Accounts of one storm."""

ODD: dict[Kind, list[str]] = {
    Kind.INTEGER: ["0", "-1", "1", "7", "9999999", "-9999999"],
    Kind.AMOUNT: ["0", "-0.01", "0.0001", "-12.5", "999999999999.9999", "-999999999999.9999"],
    Kind.DATE: ["2026-09-30", "2026-11-20T23:59:59-08:00", "1999-12-31", "2026-02-28", "2099-01-01"],
    Kind.CURRENCY: ["JPY", "KWD", "EUR", "CLP"],
    Kind.TEXT: [
        "odd",
        "ODD|odd",
        "1",
        "-",
        "'",
        '"',
        "é",
        "S01-0000001-0000001",
        "111-0000001-0000001",
        "SKU-A",
        "sku-a",
        "R1",
        "Lost_Warehouse",
        "X" * 200,
    ],
}
"""Values that are what their column promises, and unusual."""


def change(column: Column, now: str | None, r: random.Random) -> str:
    """Another value of the column: blank where it may be, in other capitals, or odd."""
    choices = [*ODD[column.kind], *({(now or "").lower(), (now or "").upper()} if column.kind is Kind.TEXT else ())]
    return "" if not column.filled and r.random() < 0.3 else r.choice(choices)


def copy_with_one_change(connection: duckdb.DuckDBPyConnection, account: str, copy: str, r: random.Random) -> str:
    """Copy an account's raw rows and change one value, or double a row; returns what was done."""
    held = [s for s in SPECS.values() if connection.execute(f"select 1 from raw.{s.name} where account_id = ?", [account]).fetchone()]
    for spec in held:
        connection.execute(
            f"insert into raw.{spec.name} select * replace (? as account_id) from raw.{spec.name} where account_id = ?", [copy, account]
        )
    for table in ("raw.accounts", "meta.coverage", "meta.loads"):
        connection.execute(f"insert into {table} select * replace (? as account_id) from {table} where account_id = ?", [copy, account])
    spec = r.choice(held)
    rows = connection.execute(f"select rowid from raw.{spec.name} where account_id = ? order by rowid", [copy]).fetchall()
    (row,) = r.choice(rows)
    if r.random() < 0.1:
        connection.execute(
            f"insert into raw.{spec.name} select * replace (_occurrence + 1000 as _occurrence) from raw.{spec.name} where rowid = ?", [row]
        )
        return f"{copy}: a row of {spec.name} twice"
    column = r.choice([c for c in spec.kept if c.name != spec.event_date])
    name = identifier(column.name)
    (now,) = connection.execute(f"select {name} from raw.{spec.name} where rowid = ?", [row]).fetchone() or (None,)
    value = change(column, now, r)
    connection.execute(f"update raw.{spec.name} set {name} = ?, _row_hash = md5(_row_hash || ?) where rowid = ?", [value, value, row])
    return f"{copy}: {spec.name}.{column.name} {now!r} -> {value!r}"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Every hand-worked account."""
    return load_cases(Home(tmp_path_factory.mktemp("odd") / "home"))


@pytest.mark.parametrize("round_", range(COUNT))
def test_whatever_odd_row_an_account_gets_everybody_is_published(round_: int, loaded: Warehouse, tmp_path: Path) -> None:
    r = random.Random(f"{SEED}/{round_}")
    home = Home(tmp_path / "home")
    home.warehouse.parent.mkdir(parents=True)
    home.warehouse.write_bytes(loaded.home.warehouse.read_bytes())
    accounts = [*cases()]
    with duckdb.connect(str(home.warehouse)) as connection:
        done = [copy_with_one_change(connection, r.choice(accounts), f"odd-{number:03}", r) for number in range(COPIES)]
    print("\n".join(done))
    build_marts(home, as_of=AT.date())
