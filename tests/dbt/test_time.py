"""Staging answers both questions of time for every report: what had happened by the day of the build, and what was known."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts
from seller_warehouse.reports import SPECS
from tests.dbt.conftest import cases
from tests.support import AT, Warehouse

MATCHED_OVER_ALL_TIME = {"inventory_ledger", "reimbursements"}
"""The ledger's open balance is today's, and only later payouts and finds explain it: staging has all rows of both, and their marts are cut."""
UNDATED = {"fba_inventory", "listings", "product_catalog"}
"""They describe products and have no events."""
BEFORE = date(2020, 1, 1)
BUILDS = {"nothing had happened": (BEFORE, ""), "nothing was known": (AT.date(), f"{BEFORE}")}


@pytest.fixture(scope="module")
def staged(fixtures_built: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """By build, how many rows each report has in staging."""
    home = Home(Path(shutil.copytree(fixtures_built.home.root, tmp_path_factory.mktemp("time") / "home", symlinks=True)))
    counts = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_INDIRECT_SELECTION", "cautious")  # Without the tests that compare a mart, which is not built again.
        for name, (as_of, known_at) in BUILDS.items():
            patch.setenv("SELLER_WAREHOUSE_AS_KNOWN_AT", known_at)
            build_marts(home, as_of=as_of, select="staging")
            counts[name] = {report: _count(Warehouse(home), report) for report in SPECS}
    return counts


def _count(warehouse: Warehouse, report: str) -> int:
    [(count,)] = warehouse.query(f"select count(*) from staging.stg_amazon_seller__{report}")
    return count


@pytest.mark.parametrize("report", sorted(SPECS))
def test_before_its_first_day_a_report_is_empty(staged: dict[str, dict[str, int]], report: str) -> None:
    whole = cases()[report].rows if report in MATCHED_OVER_ALL_TIME | UNDATED else 0
    assert staged["nothing had happened"][report] == whole


@pytest.mark.parametrize("report", sorted(SPECS))
def test_before_it_was_retrieved_a_report_is_empty(staged: dict[str, dict[str, int]], report: str) -> None:
    assert staged["nothing was known"][report] == 0
