"""Fixtures that every test may use."""

from pathlib import Path

import pytest

from seller_warehouse.paths import Home
from tests.support import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty home with the accounts acme-na (USD, CAD) and acme-eu (EUR, GBP)."""
    return Warehouse(Home(tmp_path / "home"))
