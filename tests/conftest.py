"""Fixtures that every test may use, and how tests are shared among processes."""

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling, LoadScopeScheduling

from seller_warehouse.paths import Home
from tests.support import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty home with the accounts acme-na (USD, CAD) and acme-eu (EUR, GBP)."""
    return Warehouse(Home(tmp_path / "home"))


class FilesOfOneWorldTogether(LoadFileScheduling):
    """A file to a process, but those of ``tests/dbt`` all to the same: they share two warehouses, each a minute's work."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/dbt" if nodeid.startswith("tests/dbt/") else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    # In the order of the folders, which begins with the long ones, so that no process ends much later than the other.
    config.option.loadscopereorder = False
    return FilesOfOneWorldTogether(config, log)
