"""Situations worked out by hand (marts/<id>/case.yaml): each in an account of its own, all loaded once, and built for each day asked about."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from seller_warehouse.accounts import Account
from seller_warehouse.build import build_marts
from seller_warehouse.paths import Home
from tests.support import Warehouse

FOLDER = Path(__file__).parent / "marts"
LOADED_AT = datetime(2027, 1, 1, 6, tzinfo=UTC)
"""After the last file was retrieved."""
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


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[list[Any]]]]:
    """What the marts answer, in the reporting currency EUR and with eligible claims accrued."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELLER_WAREHOUSE_REPORTING_CURRENCY", "EUR")
        patch.setenv("SELLER_WAREHOUSE_DBT_VARS", '{"accrue_eligible_claims": true}')
        yield answers_of(load_cases(Home(tmp_path_factory.mktemp("cases") / "home")))


@pytest.mark.parametrize("name", checks())
def test_the_marts_say_what_was_worked_out(name: str, answers: dict[str, list[list[Any]]]) -> None:
    check = checks()[name]
    assert answers[name] == [[plain(value) for value in row] for row in check.rows], cases()[check.case_id]["case"]
