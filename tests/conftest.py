"""Fixtures that every test may use."""

from pathlib import Path

import pytest

from seller_warehouse.paths import Home
from tests.support import Warehouse

SHARED = ("simulated", "fixtures_built")
"""Fixtures of a session that take a minute to make."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a file in one process, and those that share a costly fixture in one process, too."""
    for item in items:
        shared = next((name for name in SHARED if name in getattr(item, "fixturenames", ())), None)
        item.add_marker(pytest.mark.xdist_group(shared or item.location[0]))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty home with the accounts acme-na (USD, CAD) and acme-eu (EUR, GBP)."""
    return Warehouse(Home(tmp_path / "home"))
