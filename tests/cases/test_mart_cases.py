"""Situations worked out by hand (marts/<id>/case.yaml): each in its own account, all loaded once, and built for each day in a check.

All but one of their files were retrieved long after these days, so the same builds show that no mart holds anything dated later.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts
from tests.parsed_project import in_euros
from tests.support import Warehouse

FOLDER, FILES = Path(__file__).parent / "marts", Path(__file__).parent / "files"
LOADED_AT = datetime(2027, 1, 1, 6, tzinfo=UTC)
"""After the last file was retrieved."""
ODD = {"odd-payout": "x1", "odd-keys": "x2"}
"""Accounts with a row that once stopped every publication, and the folder of their files."""
ALONE = "l02"
"""The case that is also built alone."""
RATES = "Date,USD,GBP,\n2026-10-16,1.10,0.80,\n"
"""In the European Central Bank's layout, without the yen."""
AS_KNOWN_AT = {"k9-1": "2026-10-10"}
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


def cases() -> dict[str, dict[str, Any]]:
    """The contents of the files, by case."""
    return {p.parent.name: yaml.safe_load(p.read_text(encoding="utf-8")) for p in sorted(FOLDER.glob("*/case.yaml"))}


def checks() -> dict[str, Check]:
    """Every check, named after its case and position."""
    return {
        f"{case_id}-{number}": Check(
            case_id, date.fromisoformat(check["as_of"]), check["sql"], check["rows"], AS_KNOWN_AT.get(f"{case_id}-{number}", "")
        )
        for case_id, case in cases().items()
        for number, check in enumerate(case["checks"], start=1)
    }


def load_cases(home: Home) -> Warehouse:
    """A home with every case loaded, and the accounts with odd rows."""
    accounts = {case_id: Account(id=case_id, name=case["case"], source="files", **case["account"]) for case_id, case in cases().items()}
    accounts |= {name: Account(id=name, name=name, source="files", region="na", marketplaces=("ATVPDKIKX0DER",)) for name in ODD}
    warehouse = Warehouse(home, accounts=accounts)
    home.exchange_rates.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(home.exchange_rates, "w") as archive:
        archive.writestr("eurofxref-hist.csv", RATES)
    for case_id, case in cases().items():
        for file in case["files"]:
            content = (FOLDER / case_id / file["file"]).read_bytes()
            warehouse.drop(file["file"], content, account=case_id, at=datetime.fromisoformat(file["retrieved_at"]))
    for name, folder in ODD.items():
        for path in sorted((FILES / folder).iterdir()):
            warehouse.drop(path.name, path.read_bytes(), account=name, at=LOADED_AT - timedelta(days=1))
    assert warehouse.load(at=LOADED_AT) == []
    return warehouse


@dataclass(frozen=True)
class Built:
    """Results of the builds: the rows of every check, and by day the columns with a later date."""

    answers: dict[str, list[list[Any]]]
    later: dict[date, list[str]]


def ask(warehouse: Warehouse, patch: pytest.MonkeyPatch) -> Built:
    """Build for each day, and once more for another time of knowledge, and run the queries."""
    built = Built({}, {})
    for as_of, known_at in sorted({(check.as_of, check.as_known_at) for check in checks().values()}):
        patch.setenv("SELLER_WAREHOUSE_AS_KNOWN_AT", known_at)
        build_marts(warehouse.home, as_of=as_of)
        for name, check in checks().items():
            if (check.as_of, check.as_known_at) == (as_of, known_at):
                built.answers[name] = [[plain(value) for value in row] for row in warehouse.query(check.sql)]
        if not known_at:
            built.later[as_of] = dated_later(warehouse, as_of)
    return built


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


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Warehouse]:
    """Every case, and settings for builds: the reporting currency EUR, eligible claims accrued."""
    with in_euros(pytestconfig):
        yield load_cases(Home(tmp_path_factory.mktemp("cases") / "home"))


@pytest.fixture(scope="module")
def built(loaded: Warehouse) -> Iterator[Built]:
    """What the marts answer."""
    with pytest.MonkeyPatch.context() as patch:
        yield ask(loaded, patch)


@pytest.mark.parametrize("name", checks())
def test_the_marts_say_what_was_worked_out(name: str, built: Built) -> None:
    check = checks()[name]
    assert built.answers[name] == [[plain(value) for value in row] for row in check.rows], cases()[check.case_id]["case"]


def test_no_mart_holds_anything_dated_after_the_day_of_the_build(built: Built) -> None:
    """If a new column fails here: filter by is_dated_by_as_of or, if it holds future days, name it so or list it above with the reason."""
    assert built.later == {date(2026, 10, 10): [], date(2026, 11, 20): []}


@pytest.mark.parametrize("kept", ["every third", "one alone"])
@pytest.mark.usefixtures("built")
def test_no_mart_of_an_account_depends_on_another(kept: str, loaded: Warehouse, tmp_path: Path) -> None:
    """The cases share SKUs, stock and days, so that matching or ranking across accounts would change the result."""
    accounts = sorted(cases())[::3] if kept == "every third" else [ALONE]
    together, alone = rows_of(loaded, accounts), without_the_others(loaded, accounts, tmp_path)
    build_marts(alone.home, as_of=max(check.as_of for check in checks().values()))
    assert together["claims_to_file"]
    apart = rows_of(alone, accounts)
    assert {mart: list(zip(rows, apart[mart], strict=False)) for mart, rows in together.items() if rows != apart[mart]} == {}


@pytest.mark.usefixtures("built")
def test_a_payout_that_names_an_order_is_for_that_order_and_not_for_a_loss(loaded: Warehouse) -> None:
    units = "select defect_type, reimbursed_cash_units, reconciled_units, reimbursed_cash_amount from marts.fct_inventory_defects"
    assert loaded.query(f"{units} where account_id = 'odd-payout' order by 1") == [
        ("FULFILLER_DAMAGE", 1, 0, Decimal("10.0000")), ("WAREHOUSE_LOST", 0, 1, Decimal("0.0000")),
    ]  # fmt: skip


@pytest.mark.usefixtures("built")
def test_a_blank_sku_and_a_blank_reference_make_two_losses(loaded: Warehouse) -> None:
    losses = "select count(distinct defect_id), sum(defect_units)::int, sum(eligible_units)::int from marts.fct_inventory_defects"
    assert loaded.query(f"{losses} where account_id = 'odd-keys'") == [(2, 2, 2)]
