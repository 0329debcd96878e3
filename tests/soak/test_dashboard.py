"""A minute of the dashboard: fifty tabs, each a session of its own, and publications one after another."""

from __future__ import annotations

import itertools
import shutil
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser

from seller_warehouse.paths import Home
from tests.readers.conftest import PublishedWorld, published
from tests.readers.dashboard import PAGES, opened, streamlit
from tests.support import AT, Warehouse

__all__ = ["published"]

READERS = 50
SECONDS = 60
PAUSE_SECONDS = 10


def test_fifty_readers_see_no_failure_for_a_minute(browser: Browser, published: PublishedWorld, tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path / "home"), published.warehouse.accounts)
    shutil.copytree(published.warehouse.home.root, warehouse.home.root, symlinks=True)
    over, publications = threading.Event(), 0

    def publish() -> None:
        nonlocal publications
        while not over.wait(PAUSE_SECONDS):
            warehouse.publish(at=AT + timedelta(minutes=publications + 1), build=False)
            publications += 1

    with ExitStack() as stack:
        address = stack.enter_context(streamlit(warehouse.home, tmp_path / "log"))
        tabs = [stack.enter_context(opened(browser, address, warehouse, tmp_path)) for _ in range(READERS)]
        for tab, path in zip(tabs, itertools.cycle(PAGES), strict=False):
            tab.open(path)
        publisher = threading.Thread(target=publish)
        publisher.start()
        try:
            until, visits, titles = time.monotonic() + SECONDS, 0, [*PAGES.values()]
            while time.monotonic() < until:
                tabs[visits % READERS].go(titles[(visits + visits // READERS + 1) % len(titles)])
                visits += 1
        finally:
            over.set()
            publisher.join()
        for tab in tabs:
            tab.says(f"published {AT + timedelta(minutes=publications):%Y-%m-%d %H:%M} UTC")
    assert publications > 2
    assert visits > READERS
