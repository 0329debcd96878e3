"""Actions of a reader on a page: open it, filter it, read its figures, choose a line, download a table."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import duckdb
import httpx
from playwright.sync_api import BrowserContext, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from seller_warehouse.core.home import REPOSITORY, Home
from seller_warehouse.core.ports import free_port
from tests.support import Warehouse

expect.set_options(timeout=30_000)

EVER = {"dates": ["2025-05-20", "2026-11-20"]}
"""The date filter over all simulated days."""

PAGES = {
    "": "Overview", "eligible": "Eligible for claim", "in-progress": "In progress", "resolved": "Resolved", "multi-channel": "Multi-channel",
    "reimbursements": "Reimbursements", "finance": "Finance", "sourcing-cost": "Sourcing cost", "order-defects": "Order defects",
    "health": "Data health",
}  # fmt: skip
"""The title of every page by its path."""

PROBES = ("/_stcore/health", "/_stcore/host-config")
"""Paths that Streamlit's front end first requests below a page's own address; a 404 there is expected."""

START_SECONDS = 60

_OPENINGS, _LIST_MS = 6, 5_000
"""How often a list is opened, and how long it may take each time to offer an option."""


@contextmanager
def streamlit(home: Home, log: Path) -> Iterator[str]:
    """Address of the dashboard over a home while the context lasts; fails if it did not start, or logged a traceback."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "dashboard" / "app.py"), f"--server.port={port}"]
    paths = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "plugins")))
    environment = {**os.environ, "SELLER_WAREHOUSE_HOME": str(home.root), "PYTHONPATH": paths}
    with log.open("wb") as out, subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=out, stderr=out) as process:
        try:
            _wait_until_it_answers(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
    assert "Traceback" not in log.read_text(encoding="utf-8")


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(url).raise_for_status()
            return
        except httpx.HTTPError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the dashboard did not start:\n{log.read_text(encoding='utf-8')}") from error
        time.sleep(0.1)


@contextmanager
def opened(browser: BrowserContext, address: str, warehouse: Warehouse, folder: Path) -> Iterator[Dashboard]:
    """A new tab.

    Fails if the console showed an error, Python raised, a response was an error, or a request left this machine.
    """
    with browser.new_page() as page:
        page.set_default_timeout(30_000)
        wrong: list[str] = []
        _watch(page, address, wrong)
        yield Dashboard(page, address, warehouse, folder)
        wrong += page.get_by_test_id("stException").all_inner_texts()
    assert wrong == []


def _watch(page: Page, address: str, wrong: list[str]) -> None:
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" and not m.location["url"].endswith(PROBES) else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((address, address.replace("http", "ws"), "data:", "blob:")) else None)
    page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 and not r.url.endswith(PROBES) else None)
    # Leaving a page aborts its open requests.
    page.on("requestfailed", lambda r: wrong.append(f"{r.failure} {r.url}") if r.failure != "net::ERR_ABORTED" else None)


@dataclass
class Dashboard:
    """A browser on the dashboard of a published home."""

    page: Page
    url: str
    warehouse: Warehouse
    folder: Path

    def open(self, name: str, **query: str | list[str]) -> Dashboard:
        """Open a page with a state of its filters, and wait until it is complete."""
        self.page.goto(f"{self.url}/{name}?{urlencode(query, doseq=True)}")
        expect(self.page.locator("h1")).to_be_visible()
        self.settle()
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 1280
        return self

    def go(self, title: str) -> None:
        """Go to another page by the menu, and wait until it is complete."""
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
        expect(self.page.locator("h1")).to_have_text(title)
        self.settle()

    def settle(self) -> None:
        """Wait until no script runs, nothing is left of the previous run, and everything is drawn: a list closes when the page moves under it."""
        expect(self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
        for unfinished in ("[data-stale=true]", "[data-testid=stSkeleton]", "[data-testid=stVegaLiteChart]:not(:has(canvas, svg))"):
            expect(self.page.locator(unfinished)).to_have_count(0)

    def figure(self, name: str) -> Locator:
        """The figure under a name; its lines are paragraphs or one heading."""
        key = "".join(c for c in name.lower() if c.isalnum())
        value = "[data-testid=stMarkdownContainer]:not([data-testid=stCaptionContainer] *, [data-testid=stPageLink] *)"
        return self.page.locator(f".st-key-figure_{key} {value}")

    def shows(self, name: str, *lines: str) -> None:
        """Wait until a figure shows exactly these lines."""
        expect(self.figure(name)).to_have_text("\n".join(lines), use_inner_text=True)

    def draws(self, mark: str, values: dict[str, int]) -> None:
        """Wait until the marks of a chart, ``bar`` or ``arc mark``, show these values in this order."""
        told = self.page.locator(f"[aria-roledescription='{mark}']")
        expect(told).to_have_count(len(values))
        for place, (what, value) in enumerate(values.items()):
            expect(told.nth(place)).to_have_attribute("aria-label", re.compile(rf"(?=.*What: {re.escape(what)}(;|$))(?=.*Units: {value:,}(;|$))"))

    def says(self, text: str) -> None:
        """Wait until the page shows a text."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    def has(self, filter_name: str, *values: str) -> None:
        """Wait until the address holds these values of a filter."""
        self.page.wait_for_url(lambda url: parse_qs(urlsplit(url).query).get(filter_name) == list(values))

    def type(self, label: str, text: str) -> None:
        """Write into a text filter."""
        box = self.page.get_by_role("textbox", name=label, exact=True)
        box.fill(text)
        box.press("Enter")

    def pick(self, label: str, option: str) -> None:
        """Pick an option of a list by typing it, since a long list is not drawn completely; a list that closed as the page moved is opened again."""
        box = self.page.get_by_role("combobox", name=label)
        offered = self.page.get_by_role("option", name=option, exact=True)
        expect(box).to_be_visible()
        for _ in range(_OPENINGS):
            box.scroll_into_view_if_needed()
            box.fill("")
            box.fill(option)
            try:
                offered.click(timeout=_LIST_MS)
            except PlaywrightTimeout:
                box.press("Escape")
            else:
                box.press("Escape")
                return
        raise AssertionError(f"the list {label!r} was opened {_OPENINGS} times and did not offer {option!r}")

    def choose_line(self, table: str, line: int) -> None:
        """Tick a line of a table, counted from 0: the table is drawn on a canvas, so click by position."""
        drawn = self.page.locator(f".st-key-table_{table} .dvn-scroller")
        drawn.scroll_into_view_if_needed()
        drawn.click(position={"x": 18, "y": 35 + 35 * line + 17})

    def download(self, table: str) -> Path:
        """The file behind a table's button."""
        return self.save(f".st-key-csv_{table} button")

    def save(self, button: str) -> Path:
        """The file behind a button; a button of an earlier run gives none."""
        self.settle()
        with self.page.expect_download() as download:
            self.page.locator(button).click()
        path = self.folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def holds(self, table: str, sql: str) -> int:
        """Check that the download has the rows that a query finds in the published file, no fewer and no more; returns how many."""
        path = self.download(table)
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self.warehouse.home.marts.resolve()}' as sw (read_only)")
            connection.execute("use sw.marts")
            connection.execute(f"create temp table expected as {sql}")
            connection.execute("create temp table found as from expected limit 0")
            columns = connection.execute(f"describe from read_csv('{path}', all_varchar = true, header = true)").fetchall()
            names = [name for name, *_ in columns]
            assert names == [name for name, *_ in connection.execute("describe expected").fetchall()]
            connection.execute(f"insert into found from read_csv('{path}', all_varchar = true, header = true, allow_quoted_nulls = false)")
            assert connection.execute("(from found except all from expected) union all (from expected except all from found)").fetchall() == []
            return connection.execute("select count(*) from expected").fetchall()[0][0]

    def ask(self, sql: str) -> list[tuple]:
        """Rows of the published file."""
        with duckdb.connect(str(self.warehouse.home.marts.resolve()), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def money(self, sql: str) -> list[str]:
        """Currency and amount of each row as a figure shows them."""
        return [f"{currency} {amount:,.2f}" for currency, amount in self.ask(sql)] or ["none"]
