"""Every situation worked out by hand, each in its own account: all loaded into one home, which is built once for each day that a test asks about."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from itertools import chain

import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts
from tests.cases import (
    test_closed_books,
    test_defect_cases,
    test_file_cases,
    test_mart_cases,
    test_payout_cases,
    test_settlement_samples,
    test_spec_file_cases,
)
from tests.parsed_project import in_euros
from tests.support import BuiltWarehouse, Warehouse, with_files

MODULES = (
    test_mart_cases, test_closed_books, test_spec_file_cases, test_file_cases, test_defect_cases, test_payout_cases, test_settlement_samples,
)  # fmt: skip
LOADED_AT = datetime(2027, 1, 1, 6, tzinfo=UTC)
"""After the last file was retrieved."""
RATES = "Date,USD,GBP,JPY,\n2026-10-30,N/A,N/A,160,\n2026-10-16,1.10,0.80,N/A,\n"
"""In the European Central Bank's layout; each holds for a week."""


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Every file of every situation; only those that are to be refused are refused."""
    given = {module: list(module.given()) for module in MODULES}
    warehouse = with_files(Home(tmp_path_factory.mktemp("cases") / "home"), chain(*given.values()))
    assert len(warehouse.accounts) == sum(len({file.account.id for file in files}) for files in given.values())
    with zipfile.ZipFile(warehouse.home.exchange_rates, "w") as archive:
        archive.writestr("eurofxref-hist.csv", RATES)
    assert len(warehouse.load(at=LOADED_AT)) == len(test_file_cases.REFUSED)
    return warehouse


@pytest.fixture(scope="session")
def as_of(loaded: Warehouse, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Callable[..., BuiltWarehouse]:
    """What a copy of the home holds, built once for a day and a time of knowledge: in euros too, and with eligible claims accrued."""

    @cache
    def built(day: date, known_at: str) -> BuiltWarehouse:
        home = test_mart_cases.without_the_others(loaded, loaded.accounts, tmp_path_factory.mktemp(f"{day}")).home
        with in_euros(pytestconfig), pytest.MonkeyPatch.context() as patch:
            patch.setenv("SELLER_WAREHOUSE_AS_KNOWN_AT", known_at)
            build_marts(home, as_of=day)
        return BuiltWarehouse(home, loaded.accounts)

    return lambda day, known_at="": built(day, known_at)
