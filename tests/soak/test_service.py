"""The HTTP service under load for a minute: fifty readers, and one publication after another."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.e2e.test_http_service import read_while_published, started
from tests.soak.test_storms import COUNT
from tests.support import Warehouse

__all__ = ["started"]


@pytest.mark.skipif(COUNT < 2, reason="make test reads while four publications appear; make soak COUNT=2 runs the minute")
def test_fifty_readers_see_no_failure_for_a_minute(five_lines: Warehouse, started: tuple[str, str]) -> None:
    until = time.monotonic() + 60
    read_while_published(five_lines, started[0], itertools.takewhile(lambda _: time.monotonic() < until, itertools.count()))
