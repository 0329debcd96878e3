"""The dashboard for long: every page timed and pictured, and a minute of fifty tabs among publications."""

from __future__ import annotations

import itertools
import shutil
import struct
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import BrowserContext

from benchmarks.pages import AIMS, as_table, load_times
from seller_warehouse.paths import Home
from tests.readers.conftest import PublishedWorld, address, dashboard, published
from tests.readers.dashboard import PAGES, Dashboard, opened, streamlit
from tests.readers.screenshots import TALLEST, take
from tests.support import AT, Warehouse

__all__ = ["address", "dashboard", "published"]

READERS = 50
SECONDS = 60
PAUSE_SECONDS = 10


def test_fifty_readers_see_no_failure_for_a_minute(browser: BrowserContext, published: PublishedWorld, tmp_path: Path) -> None:
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


def test_every_page_is_timed_and_judged_by_the_slowest(dashboard: Dashboard) -> None:
    times = load_times(dashboard, 1)
    assert [*times] == [*PAGES.values()]
    assert min(times.values()) > 0
    table = as_table({profile: dict.fromkeys(PAGES.values(), seconds) | {"Finance": 2.5} for profile, seconds in zip(AIMS, (1.5, 1), strict=True)})
    assert [line.split() for line in table[-2:]] == [["demo", "2.50", "<", "2", "MISSED"], ["large", "2.50", "<", "3", "met"]]


def test_every_page_is_pictured_in_its_width(dashboard: Dashboard, tmp_path: Path) -> None:
    files = take(dashboard, tmp_path / "screenshots")
    assert [f.stem for f in files] == ["overview", *[p for p in PAGES if p]]
    for file in files:
        # The size stands in the header of a PNG: https://www.w3.org/TR/png/#11IHDR
        width, height = struct.unpack(">II", file.read_bytes()[16:24])
        assert (width, 900 <= height <= TALLEST) == (1280, True)
