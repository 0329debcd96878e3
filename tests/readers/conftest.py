"""The dashboard in a browser: a published simulated world, Streamlit over it, and the machine's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from sandbox.world import World
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts
from tests.readers.dashboard import Dashboard, opened, streamlit
from tests.support import AT, Warehouse, built_once, reimbursements
from tests.world import Simulated


@dataclass(frozen=True)
class PublishedWorld:
    """A world whose truth is known, and its publication."""

    world: World
    warehouse: Warehouse


@pytest.fixture(scope="session")
def published(simulated: Simulated, tmp_path_factory: pytest.TempPathFactory) -> PublishedWorld:
    """Three sellers over 18 months, and two files that were refused: one that is no report, one with rows that break rules."""
    home = Home(built_once(tmp_path_factory, "published", partial(_publish, simulated)))
    return PublishedWorld(simulated.world, Warehouse(home, simulated.warehouse.accounts))


def _publish(simulated: Simulated, root: Path) -> None:
    # Without the publications of other tests.
    shutil.copytree(simulated.warehouse.home.root, root, symlinks=True, ignore=shutil.ignore_patterns("published", "exports"))
    warehouse = Warehouse(Home(root), simulated.warehouse.accounts)
    warehouse.drop("reimbursements-october.txt", "approval-date\treimbursement-id\treason\n2026-11-02\t1001\tLost\n", account="demo-na")
    wrong = reimbursements({"amount-total": "12,34,56"}, {"approval-date": "yesterday"})
    warehouse.drop("reimbursements-wrong.txt", wrong, account="demo-eu")
    assert len(warehouse.load("daily")) == 2
    build_marts(warehouse.home, as_of=AT.date(), select="meta")
    warehouse.publish("daily", build=False)


@pytest.fixture(scope="session")
def address(browser: BrowserContext, published: PublishedWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboard over the published world."""
    with streamlit(published.warehouse.home, tmp_path_factory.mktemp("streamlit") / "log") as found:
        yield found


@pytest.fixture
def dashboard(browser: BrowserContext, address: str, published: PublishedWorld, tmp_path: Path) -> Iterator[Dashboard]:
    """A new tab on the dashboard; the test fails if anything went wrong in it."""
    with opened(browser, address, published.warehouse, tmp_path) as tab:
        yield tab
