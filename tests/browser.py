"""The machine's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, sync_playwright


class NoChromium(Exception):
    """Chromium is not installed; the message says what to do."""


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """A headless browser, whose tabs are 1280 pixels wide and share a cache. Raises NoChromium."""
    program = shutil.which("chromium")
    if not program:
        raise NoChromium("Chromium is not installed: make chromium, or apt-get install chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=program, args=["--no-sandbox"]) as browser:
        yield browser.new_context(viewport={"width": 1280, "height": 900})
