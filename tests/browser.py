"""Chromium as the machine has it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, sync_playwright


class NoChromium(Exception):
    """The machine has no Chromium; the message says what to do."""


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """A browser without a window, whose tabs are 1280 pixels wide and load only once what they share. Raises NoChromium."""
    program = shutil.which("chromium")
    if not program:
        raise NoChromium("Chromium is not installed: make chromium, or apt-get install chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=program, args=["--no-sandbox"]) as browser:
        yield browser.new_context(viewport={"width": 1280, "height": 900})
