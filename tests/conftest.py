"""Fixtures that every test may use, and how tests are shared among processes."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext
from xdist.scheduler import LoadFileScheduling, LoadScopeScheduling

from seller_warehouse.paths import Home
from tests.browser import NoChromium, chromium
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
def browser() -> Iterator[BrowserContext]:
    """One Chromium for all who look."""
    with ExitStack() as stack:
        try:
            launched = stack.enter_context(chromium())
        except NoChromium as error:
            pytest.skip(f"nobody looks at the dashboard: {error}")
        yield launched


OF_ONE_WORLD = ("tests/dbt/", "tests/readers/", "tests/soak/test_dashboard.py", "tests/soak/test_mutations.py")


class FilesOfOneWorldTogether(LoadFileScheduling):
    """A file to a process, but those of OF_ONE_WORLD all to the same: they share warehouses, each a minute's work."""

    def _split_scope(self, nodeid: str) -> str:
        return "one world" if nodeid.startswith(OF_ONE_WORLD) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    # In the order of the folders, which begins with the long ones, so that no process ends much later than the other.
    config.option.loadscopereorder = False
    return FilesOfOneWorldTogether(config, log)
