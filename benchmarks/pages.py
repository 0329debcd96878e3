"""Load times of every page of the dashboard in Chromium, over 18 months of simulated sellers: the demo's, and a large one.

A load is measured from opening the URL to the last figure, table and chart; each is a new session in a browser with a warm cache.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import BrowserContext

from tests.browser import chromium
from tests.readers.dashboard import PAGES, Dashboard, opened, streamlit
from tests.world import simulate

LOADS = 10
AIMS = {"demo": 2, "large": 3}
"""Maximum seconds that a page of a profile should take."""


def load_times(tab: Dashboard, loads: int) -> dict[str, float]:
    """Seconds until each page is complete, by title; the median of several loads."""
    taken: dict[str, list[float]] = {title: [] for title in PAGES.values()}
    for _ in range(loads):
        for path, title in PAGES.items():
            started = time.perf_counter()
            tab.open(path)
            taken[title].append(time.perf_counter() - started)
    return {title: median(seconds) for title, seconds in taken.items()}


def measure(browser: BrowserContext, profile: str) -> dict[str, float]:
    """The load times over a profile's sellers, published in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="pages-") as name:
        folder = Path(name)
        warehouse = simulate(1, folder, profile).warehouse
        warehouse.publish(build=False)
        with streamlit(warehouse.home, folder / "log") as address, opened(browser, address, warehouse, folder) as tab:
            return load_times(tab, LOADS)


def as_table(times: dict[str, dict[str, float]]) -> list[str]:
    """The printed table: a line per page, then the slowest page with its aim."""
    lines = [f"{'seconds until page is complete':<30}" + "".join(f" {profile:>9}" for profile in times)]
    lines += [f"{title:<30}" + "".join(f" {seconds[title]:>9.2f}" for seconds in times.values()) for title in PAGES.values()]
    slowest = {profile: max(seconds.values()) for profile, seconds in times.items()}
    lines += ["", f"{'slowest page':<30} {'seconds':>9} {'aim':>9}"]
    for profile, found in slowest.items():
        lines.append(f"{profile:<30} {found:>9.2f} {f'< {AIMS[profile]}':>9}  {'met' if found < AIMS[profile] else 'MISSED'}")
    return lines


def main() -> int:
    """The command line."""
    with chromium() as browser:
        times = {profile: measure(browser, profile) for profile in AIMS}
    print(f"the dashboard in Chromium, median of {LOADS}\n")
    print("\n".join(as_table(times)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
