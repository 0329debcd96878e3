"""Fixtures that every test may use, and how tests are shared among processes."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from xdist.scheduler import LoadFileScheduling, LoadScopeScheduling

from seller_warehouse.paths import Home
from tests.support import Warehouse
from tests.world import Simulated, simulate


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty home with the accounts acme-na (USD, CAD) and acme-eu (EUR, GBP)."""
    return Warehouse(Home(tmp_path / "home"))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Three sellers over 18 months, loaded and built."""
    return simulate(1, tmp_path_factory.mktemp("simulated"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the machine has it."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("Chromium is not installed, so nobody looks at the dashboard: make chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


class FilesOfOneWorldTogether(LoadFileScheduling):
    """A file to a process, but those of ``tests/dbt`` and ``tests/readers`` all to the same: they share warehouses, each a minute's work."""

    def _split_scope(self, nodeid: str) -> str:
        return "one world" if nodeid.startswith(("tests/dbt/", "tests/readers/")) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    # In the order of the folders, which begins with the long ones, so that no process ends much later than the other.
    config.option.loadscopereorder = False
    return FilesOfOneWorldTogether(config, log)
