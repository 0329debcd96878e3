"""The dashboard as somebody sees it: a simulated world that was published, Streamlit over it, and Debian's Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from seller_warehouse.paths import REPOSITORY
from tests.dbt.conftest import Simulated, simulate
from tests.readers.dashboard import Dashboard
from tests.support import reimbursements

PROBES = ("/_stcore/health", "/_stcore/host-config")
"""What Streamlit's front end looks for below a page's own address before it looks at the root; a 404 there is its way."""


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Three sellers over 18 months, and two files that were refused: one that is no report, one with rows that break rules."""
    made = simulate(1, tmp_path_factory.mktemp("published"))
    na, eu = "demo-na", "demo-eu"
    made.warehouse.drop("reimbursements-october.txt", "approval-date\treimbursement-id\treason\n2026-11-02\t1001\tLost\n", account=na)
    made.warehouse.drop("reimbursements-wrong.txt", reimbursements({"amount-total": "12,34,56"}, {"approval-date": "yesterday"}), account=eu)
    assert len(made.warehouse.load("daily")) == 2
    made.warehouse.publish("daily")
    return made


@pytest.fixture(scope="session")
def address(published: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Streamlit answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("streamlit") / "log"
    paths = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "plugins")))
    environment = {**os.environ, "SELLER_WAREHOUSE_HOME": str(published.warehouse.home.root), "PYTHONPATH": paths}
    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "dashboard" / "app.py"), "--server.port", str(port)]
    with log.open("wb") as out, subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=out, stderr=out) as streamlit:
        found = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(f"{found}/_stcore/health", streamlit)
        yield found
        streamlit.terminate()
    assert "Traceback" not in log.read_text(encoding="utf-8")


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.URLError:
            assert process.poll() is None, f"Streamlit ended with {process.returncode}"
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within a minute")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "the tests of the pages need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def dashboard(browser: Browser, address: str, published: Simulated, tmp_path: Path) -> Iterator[Dashboard]:
    """A page of 1280 pixels; the test fails where the console tells an error, or anything but this machine is asked."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, base_url=address)
    page.set_default_timeout(30_000)
    wrong: list[str] = []
    _watch(page, address, wrong)
    yield Dashboard(page, published.warehouse, tmp_path)
    assert page.get_by_test_id("stException").count() == 0
    page.close()
    assert wrong == []


def _watch(page: Page, address: str, wrong: list[str]) -> None:
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" and not m.location["url"].endswith(PROBES) else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((address, address.replace("http", "ws"), "data:", "blob:")) else None)
    page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 and not r.url.endswith(PROBES) else None)
