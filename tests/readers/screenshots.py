"""``make screenshots``: a picture of every page of the dashboard, over the publication in SELLER_WAREHOUSE_HOME, in ``docs/screenshots/``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from seller_warehouse.core.home import REPOSITORY, Home, shown
from tests.browser import NoChromium, chromium
from tests.readers.dashboard import PAGES, Dashboard, opened, streamlit
from tests.support import Warehouse

FOLDER = REPOSITORY / "docs" / "screenshots"
TALLEST = 1600
"""Height of the pictures in pixels; the rest of a page is more rows."""


def take(tab: Dashboard, folder: Path) -> list[Path]:
    """Open every page and picture it, 1280 pixels wide; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for path in PAGES:
        tab.page.set_viewport_size({"width": 1280, "height": 900})
        tab.open(path)
        height = tab.page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
        tab.page.set_viewport_size({"width": 1280, "height": min(height, TALLEST)})
        tab.settle()
        file = folder / f"{path or 'overview'}.png"
        tab.page.screenshot(path=file, animations="disabled")
        taken.append(file)
    return taken


def main() -> int:
    """The command line."""
    home = Home.from_environment()
    if not home.marts.exists():
        print(f"nothing is published in {shown(home.root)}: make demo first", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        folder = Path(name)
        try:
            with (
                chromium() as browser,
                streamlit(home, folder / "log") as address,
                opened(browser, address, Warehouse(home), folder) as tab,
            ):
                taken = take(tab, FOLDER)
        except NoChromium as error:
            print(error, file=sys.stderr)
            return 1
    print(f"{len(taken)} pages in {shown(FOLDER)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
