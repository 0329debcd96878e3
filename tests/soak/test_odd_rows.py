"""Storms of odd rows: hand-worked accounts, each copied with one value changed to something odd that the gate lets through; all are published."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import Column, Kind, ReportSpec
from seller_warehouse.core.sql import identifier
from seller_warehouse.marts.build import build_marts
from seller_warehouse.reports import SPECS
from tests.cases.test_mart_cases import cases, given
from tests.soak.test_storms import COUNT, SEED
from tests.support import AT, Warehouse, with_files

LOADED_AT = datetime(2027, 1, 1, 6, tzinfo=UTC)
"""After the last file was retrieved."""
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
"""Valid but unusual values of a column."""


def change(column: Column, now: str | None, r: random.Random) -> str:
    """Another value of the column: blank if allowed, in other capitals, or odd."""
    choices = [*ODD[column.kind], *({(now or "").lower(), (now or "").upper()} if column.kind is Kind.TEXT else ())]
    return "" if not column.filled and r.random() < 0.3 else r.choice(choices)


def copy_account(connection: duckdb.DuckDBPyConnection, account: str, copy: str) -> None:
    """A copy of the account under another id, with all its rows."""
    for table in (*(f"raw.{name}" for name in SPECS), "raw.accounts", "meta.coverage", "meta.loads"):
        connection.execute(f"insert into {table} select * replace (? as account_id) from {table} where account_id = ?", [copy, account])


def columns(
    connection: duckdb.DuckDBPyConnection, account: str, value: str | None = None, kind: Kind | None = None
) -> list[tuple[ReportSpec, Column]]:
    """The columns of the account's reports that may get this value: those of its kind, and for a blank only optional ones."""
    held = [s for s in SPECS.values() if connection.execute(f"select 1 from raw.{s.name} where account_id = ?", [account]).fetchone()]
    return [
        (s, c) for s in held for c in s.kept if c.name != s.event_date and kind in (None, c.kind) and not (value == "" and c.filled)
    ]  # fmt: skip


def a_row(connection: duckdb.DuckDBPyConnection, account: str, spec: ReportSpec, r: random.Random) -> int:
    """A row of the account."""
    return r.choice(connection.execute(f"select rowid from raw.{spec.name} where account_id = ? order by rowid", [account]).fetchall())[0]


def put(connection: duckdb.DuckDBPyConnection, spec: ReportSpec, column: Column, row: int, value: str) -> None:
    """Change one value of a row."""
    connection.execute(
        f"update raw.{spec.name} set {identifier(column.name)} = ?, _row_hash = md5(_row_hash || ?) where rowid = ?", [value, value, row]
    )


def copy_with_one_change(connection: duckdb.DuckDBPyConnection, account: str, copy: str, r: random.Random) -> str:
    """Copy an account's raw rows and change one value, or double a row; returns what was done."""
    copy_account(connection, account, copy)
    spec, column = r.choice(columns(connection, copy))
    row = a_row(connection, copy, spec, r)
    if r.random() < 0.1:
        connection.execute(
            f"insert into raw.{spec.name} select * replace (_occurrence + 1000 as _occurrence) from raw.{spec.name} where rowid = ?", [row]
        )
        return f"{copy}: a row of {spec.name} twice"
    (now,) = connection.execute(f"select {identifier(column.name)} from raw.{spec.name} where rowid = ?", [row]).fetchone() or (None,)
    value = change(column, now, r)
    put(connection, spec, column, row, value)
    return f"{copy}: {spec.name}.{column.name} {now!r} -> {value!r}"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Every hand-worked account."""
    warehouse = with_files(Home(tmp_path_factory.mktemp("odd") / "home"), given())
    assert warehouse.load(at=LOADED_AT) == []
    return warehouse


def home_like(loaded: Warehouse, folder: Path) -> Home:
    """A separate home with all loaded rows."""
    home = Home(folder / "home")
    home.warehouse.parent.mkdir(parents=True)
    home.warehouse.write_bytes(loaded.home.warehouse.read_bytes())
    return home


@pytest.mark.parametrize("round_", range(COUNT))
def test_whatever_odd_row_an_account_gets_everybody_is_published(round_: int, loaded: Warehouse, tmp_path: Path) -> None:
    r = random.Random(f"{SEED}/{round_}")
    home, accounts = home_like(loaded, tmp_path), [*cases()]
    with duckdb.connect(str(home.warehouse)) as connection:
        done = [copy_with_one_change(connection, r.choice(accounts), f"odd-{number:03}", r) for number in range(COPIES)]
    print("\n".join(done))
    build_marts(home, as_of=AT.date())


@pytest.fixture(scope="module")
def calm(loaded: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same accounts, built without an odd row."""
    home = home_like(loaded, tmp_path_factory.mktemp("calm"))
    build_marts(home, as_of=AT.date())
    return home


@pytest.mark.skipif(COUNT < 2, reason="a build for each odd value takes half an hour: make soak COUNT=2 runs it")
@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, values in ODD.items() for v in (*values, "")])
def test_one_odd_value_changes_no_other_account(kind: Kind, value: str, loaded: Warehouse, calm: Home, tmp_path: Path) -> None:
    r = random.Random(f"{SEED}/{kind}/{value}")
    home = home_like(loaded, tmp_path)
    with duckdb.connect(str(home.warehouse)) as connection:
        account, spec, column = r.choice([(a, *found) for a in cases() for found in columns(connection, a, value, kind)])
        put(connection, spec, column, a_row(connection, account, spec, r), value)
    print(f"{account}: {spec.name}.{column.name} -> {value!r}")
    build_marts(home, as_of=AT.date())
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        connection.execute(f"attach '{calm.warehouse}' as calm (read_only)")
        marts = connection.execute(
            "select table_name from duckdb_columns() where database_name = 'calm' and schema_name = 'marts' and column_name = 'account_id'"
        ).fetchall()
        assert len(marts) > 15
        for (mart,) in marts:
            ours, calms = (f"from {database}marts.{mart} where account_id <> '{account}'" for database in ("", "calm."))
            assert connection.execute(f"({ours} except all {calms}) union all ({calms} except all {ours})").fetchall() == [], mart
