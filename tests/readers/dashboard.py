"""What a reader does on a page: open it, filter it, read its figures, choose a line, download a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import duckdb
from playwright.sync_api import Locator, Page, expect

from tests.support import Warehouse

expect.set_options(timeout=30_000)

EVER = {"dates": ["2025-05-20", "2026-11-20"]}
"""The filter of dates over all that was simulated."""


@dataclass
class Dashboard:
    """A browser on the dashboard of a published home."""

    page: Page
    warehouse: Warehouse
    folder: Path

    def open(self, name: str, **query: str | list[str]) -> Dashboard:
        """Open a page with a state of its filters, and wait until it stands."""
        self.page.goto(f"/{name}?{urlencode(query, doseq=True)}")
        expect(self.page.locator("h1")).to_be_visible()
        self.settle()
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 1280
        return self

    def settle(self) -> None:
        """Wait until nothing is computed, nothing is of the run before, and all is drawn: a list closes when the page moves under it."""
        expect(self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
        for unfinished in ("[data-stale=true]", "[data-testid=stSkeleton]", "[data-testid=stVegaLiteChart]:not(:has(canvas, svg))"):
            expect(self.page.locator(unfinished)).to_have_count(0)

    def figure(self, name: str) -> Locator:
        """The figure under a name; its lines are paragraphs or one heading."""
        key = "".join(c for c in name.lower() if c.isalnum())
        return self.page.locator(f".st-key-figure_{key} [data-testid=stMarkdownContainer]:not([data-testid=stCaptionContainer] *)")

    def shows(self, name: str, *lines: str) -> None:
        """Wait until a figure shows exactly these lines."""
        expect(self.figure(name)).to_have_text("\n".join(lines), use_inner_text=True)

    def says(self, text: str) -> None:
        """Wait until the page says a text."""
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
        """Pick an option of a list; typing it brings it up, for a long list is not drawn whole."""
        box = self.page.get_by_role("combobox", name=label)
        box.scroll_into_view_if_needed()
        box.fill(option)
        self.page.get_by_role("option", name=option, exact=True).click()
        box.press("Escape")

    def choose_line(self, table: str, line: int) -> None:
        """Tick a line of a table, the first is 0: it is drawn on a canvas, so by its place."""
        drawn = self.page.locator(f".st-key-table_{table} .dvn-scroller")
        drawn.scroll_into_view_if_needed()
        drawn.click(position={"x": 18, "y": 35 + 35 * line + 17})

    def download(self, table: str) -> Path:
        """The file behind a table's button."""
        return self.save(f".st-key-csv_{table} button")

    def save(self, button: str) -> Path:
        """The file behind a button."""
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
