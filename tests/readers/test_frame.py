"""Common to all pages: filters in the address, freshness of the figures, and errors that readers must not see."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import duckdb
from playwright.sync_api import BrowserContext, expect

from seller_warehouse.core.home import Home
from tests.readers.conftest import PublishedWorld
from tests.readers.dashboard import EVER, PAGES, Dashboard, opened, streamlit
from tests.support import AT, Warehouse


def test_filters_go_along_from_page_to_page_and_back(dashboard: Dashboard) -> None:
    dashboard.open("", **EVER)
    dashboard.pick("Account", "demo-eu")
    dashboard.has("account", "demo-eu")
    dashboard.type("SKU, ASIN, parent ASIN or FNSKU", "desk-02")
    dashboard.has("product", "desk-02")
    for title in [*PAGES.values(), "Overview"]:
        dashboard.go(title)
        dashboard.has("account", "demo-eu")
        dashboard.has("product", "desk-02")
        dashboard.has("dates", *EVER["dates"])
    ((units,),) = dashboard.ask(
        "select sum(defect_units)::bigint from marts.fct_inventory_defects where account_id = 'demo-eu' and seller_sku = 'DESK-02'"
    )
    dashboard.shows("Defective units", f"{units:,}")


def test_address_that_was_shared_shows_the_same_view(dashboard: Dashboard, browser: BrowserContext, tmp_path: Path) -> None:
    dashboard.open("eligible").pick("Account", "second-na")
    dashboard.has("account", "second-na")
    dashboard.settle()
    with opened(browser, dashboard.url, dashboard.warehouse, tmp_path) as other:
        other.page.goto(dashboard.page.url)
        other.settle()
        ((units,),) = other.ask(
            "select sum(eligible_units)::bigint from marts.claims_to_file where account_id = 'second-na' and defect_date >= '2025-11-20'"
        )
        other.shows("Units to claim", f"{units:,}")


def test_every_page_is_dark_where_the_system_is(dashboard: Dashboard) -> None:
    assert _brightness(dashboard.open("")) == 255
    dashboard.page.emulate_media(color_scheme="dark")
    for path, title in PAGES.items():
        expect(dashboard.open(path).page.locator("h1")).to_have_text(title)
        assert _brightness(dashboard) < 64


def _brightness(dashboard: Dashboard) -> float:
    background = dashboard.page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    return sum(int(part) for part in background.strip("rgb()").split(",")) / 3


def test_labels_of_bars_can_be_read_in_the_dark(dashboard: Dashboard) -> None:
    for scheme, colour in {"light": "black", "dark": "white"}.items():
        dashboard.page.emulate_media(color_scheme=scheme)
        dashboard.open("eligible")
        expect(dashboard.page.locator("[aria-roledescription='text mark']").first).to_have_attribute("fill", colour)


def test_first_line_says_how_fresh_the_figures_are(dashboard: Dashboard) -> None:
    ((behind,),) = dashboard.ask("select count(*) from meta.freshness where not is_complete")
    dashboard.open("").says(f"As of 2026-11-20 · published 2026-11-20 06:00 UTC · {behind} reports are behind, see Data health")


def test_only_download_of_a_table_is_the_one_that_guards_formulas(dashboard: Dashboard) -> None:
    dashboard.open("health", **EVER).page.get_by_test_id("stDataFrame").first.hover()
    expect(dashboard.page.get_by_role("button", name="Search").first).to_be_visible()
    streamlits_own = dashboard.page.locator("button[aria-label^='Download as CSV']")
    expect(streamlits_own.first).to_be_attached()
    expect(streamlits_own.first).to_be_hidden()


def test_new_publication_appears_without_a_restart_or_an_error(browser: BrowserContext, published: PublishedWorld, tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path / "home"), published.warehouse.accounts)
    shutil.copytree(published.warehouse.home.root, warehouse.home.root, symlinks=True)
    units = "select sum(defect_units)::bigint from marts.fct_inventory_defects where account_id {}"
    with streamlit(warehouse.home, tmp_path / "log") as address, opened(browser, address, warehouse, tmp_path) as tab:
        ((everyone,),) = tab.ask(units.format("is not null"))
        ((without_eu,),) = tab.ask(units.format("<> 'demo-eu'"))
        tab.open("", **EVER).shows("Defective units", f"{everyone:,}")
        with duckdb.connect(str(warehouse.home.warehouse)) as connection:
            connection.execute("delete from marts.fct_inventory_defects where account_id = 'demo-eu'")
        warehouse.publish(at=AT + timedelta(hours=1), build=False)
        tab.shows("Defective units", f"{without_eu:,}")
        tab.says("published 2026-11-20 07:00 UTC")
        assert without_eu < everyone


def test_nothing_published_says_what_to_do(browser: BrowserContext, tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path / "home"))
    with streamlit(warehouse.home, tmp_path / "log") as address, opened(browser, address, warehouse, tmp_path) as tab:
        tab.page.goto(address)
        expect(tab.page.locator("h1")).to_have_text("Nothing is published yet")
        tab.says("make demo, or make run once reports are there")
