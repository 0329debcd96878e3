"""Situations worked out by hand (marts/<id>/case.yaml): each in an account of its own, all loaded once, and built for each day asked about."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from seller_warehouse.accounts import Account
from seller_warehouse.build import build_marts
from seller_warehouse.paths import Home
from tests.support import Warehouse

FOLDER = Path(__file__).parent / "marts"
LOADED_AT = datetime(2027, 1, 1, 6, tzinfo=UTC)
"""After the last file was retrieved."""
ALONE = "l02"
"""The case that is also built without any other."""
RATES = "Date,USD,GBP,\n2026-10-16,1.10,0.80,\n"
"""Of the European Central Bank's layout; there is none of the yen."""


@dataclass(frozen=True)
class Check:
    """One question to the marts as of a day, and the rows that answer it."""

    case_id: str
    as_of: date
    sql: str
    rows: list[list[Any]]


def cases() -> dict[str, dict[str, Any]]:
    """What the files say, by case."""
    return {p.parent.name: yaml.safe_load(p.read_text(encoding="utf-8")) for p in sorted(FOLDER.glob("*/case.yaml"))}


def checks() -> dict[str, Check]:
    """Every check, named after its case and its place there."""
    return {
        f"{case_id}-{number}": Check(case_id, date.fromisoformat(check["as_of"]), check["sql"], check["rows"])
        for case_id, case in cases().items()
        for number, check in enumerate(case["checks"], start=1)
    }


def load_cases(home: Home) -> Warehouse:
    """A home with every case loaded."""
    accounts = {case_id: Account(id=case_id, name=case["case"], source="files", **case["account"]) for case_id, case in cases().items()}
    warehouse = Warehouse(home, accounts=accounts)
    home.exchange_rates.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(home.exchange_rates, "w") as archive:
        archive.writestr("eurofxref-hist.csv", RATES)
    for case_id, case in cases().items():
        for file in case["files"]:
            content = (FOLDER / case_id / file["file"]).read_bytes()
            warehouse.drop(file["file"], content, account=case_id, at=datetime.fromisoformat(file["retrieved_at"]))
    assert warehouse.load(at=LOADED_AT) == []
    return warehouse


def answers_of(warehouse: Warehouse) -> dict[str, list[list[Any]]]:
    """The answer to every check, from one build for each day."""
    answers = {}
    for as_of in sorted({check.as_of for check in checks().values()}):
        build_marts(warehouse.home, as_of=as_of)
        for name, check in checks().items():
            if check.as_of == as_of:
                answers[name] = [[plain(value) for value in row] for row in warehouse.query(check.sql)]
    return answers


def plain(value: Any) -> Any:
    """A value as case.yaml writes it: a date as text; numbers as decimals."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(str(value))
    return value.isoformat() if isinstance(value, date) else value


def without_the_others(warehouse: Warehouse, kept: Collection[str], folder: Path) -> Warehouse:
    """A copy of a home as if it had never had any accounts but those kept."""
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
    """Every mart's rows of some accounts, and the whole of those that belong to none."""
    listed = ", ".join(f"'{account}'" for account in accounts)
    owned = dict(
        warehouse.query(
            "select table_name, bool_or(column_name = 'account_id') from duckdb_columns() "
            "where schema_name = 'marts' or (schema_name, table_name) = ('meta', 'freshness') group by all order by all"
        )
    )
    schema = {name: "meta" if name == "freshness" else "marts" for name in owned}
    return {n: warehouse.query(f"from {schema[n]}.{n} {f'where account_id in ({listed})' if has else ''} order by all") for n, has in owned.items()}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Every case, and settings for builds: the reporting currency EUR, eligible claims accrued."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELLER_WAREHOUSE_REPORTING_CURRENCY", "EUR")
        patch.setenv("SELLER_WAREHOUSE_DBT_VARS", '{"accrue_eligible_claims": true}')
        yield load_cases(Home(tmp_path_factory.mktemp("cases") / "home"))


@pytest.fixture(scope="module")
def answers(loaded: Warehouse) -> dict[str, list[list[Any]]]:
    """What the marts answer."""
    return answers_of(loaded)


@pytest.mark.parametrize("name", checks())
def test_the_marts_say_what_was_worked_out(name: str, answers: dict[str, list[list[Any]]]) -> None:
    check = checks()[name]
    assert answers[name] == [[plain(value) for value in row] for row in check.rows], cases()[check.case_id]["case"]


@pytest.mark.parametrize("kept", ["every third", "one alone"])
@pytest.mark.usefixtures("answers")
def test_no_mart_of_an_account_depends_on_another(kept: str, loaded: Warehouse, tmp_path: Path) -> None:
    """The cases share SKUs, stock and days, so that what is matched or ranked across accounts would differ."""
    accounts = sorted(cases())[::3] if kept == "every third" else [ALONE]
    together, alone = rows_of(loaded, accounts), without_the_others(loaded, accounts, tmp_path)
    build_marts(alone.home, as_of=max(check.as_of for check in checks().values()))
    assert together["claims_to_file"]
    apart = rows_of(alone, accounts)
    assert {mart: list(zip(rows, apart[mart], strict=False)) for mart, rows in together.items() if rows != apart[mart]} == {}
