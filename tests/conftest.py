"""Fixtures for all tests, and the distribution of tests over processes."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext
from xdist.scheduler import LoadFileScheduling, LoadScopeScheduling

from seller_warehouse.core.home import Home
from seller_warehouse.ingest import warehouse as build_database
from seller_warehouse.reports import SPECS
from tests.browser import NoChromium, chromium
from tests.five_lines import publish_five_lines
from tests.parsed_project import SETTING, parsed_project
from tests.support import Warehouse, built_once
from tests.world import Simulated, simulate, simulated_in


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty home with the accounts acme-na (USD, CAD) and acme-eu (EUR, GBP)."""
    return Warehouse(Home(tmp_path / "home"))


@pytest.fixture
def reimbursements_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build databases have the raw table of this report and of no other, which makes them, and opens them, in half the time."""
    monkeypatch.setattr(build_database, "SPECS", {"reimbursements": SPECS["reimbursements"]})


@pytest.fixture(scope="module")
def five_lines(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A copy, for the tests of one file, of a published home with five reimbursements; its folder is named data."""
    return Warehouse(Home(built_once(tmp_path_factory, "data", publish_five_lines)))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Three sellers over 18 months, loaded and built."""
    return simulated_in(built_once(tmp_path_factory, "simulated", partial(simulate, 1)), 1)


@pytest.fixture(scope="session")
def browser() -> Iterator[BrowserContext]:
    """One Chromium for all tests."""
    with ExitStack() as stack:
        try:
            launched = stack.enter_context(chromium())
        except NoChromium as error:
            pytest.skip(f"nobody looks at the dashboard: {error}")
        yield launched


def pytest_configure(config: pytest.Config) -> None:
    # Before xdist starts its processes, which inherit this environment.
    if SETTING not in os.environ and hasattr(config, "cache"):
        os.environ[SETTING] = str(parsed_project(config))


SHARING = ("cases", "readers")


class Scheduling(LoadFileScheduling):
    """Distributes files, but folders that share a home, and in tests/readers a Chromium and a dashboard, to one process each."""

    def _split_scope(self, nodeid: str) -> str:
        scope = super()._split_scope(nodeid)
        return str(Path(scope).parent) if Path(scope).parent.name in SHARING else scope


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    # Folders with long tests first, so that all processes end at about the same time.
    config.option.loadscopereorder = False
    return Scheduling(config, log)
