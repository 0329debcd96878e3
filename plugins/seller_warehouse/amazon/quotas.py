"""When an account may call which operation of Amazon's, shared by all processes of a home."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from pyrate_limiter import Rate, RateItem
from pyrate_limiter.buckets.sqlite_bucket import SQLiteBucket

from seller_warehouse.core.clock import Clock
from seller_warehouse.core.home import Home

log = logging.getLogger(__name__)

QUOTAS = {"createReport": (15, 1 / 60), "getReport": (15, 2.0), "getReports": (10, 1 / 45), "getReportDocument": (15, 1 / 60)}
"""Burst, and requests per second after it (Reports API 2021-06-30, usage plans; per application and seller)."""


class Quotas:
    """When an account may call what, shared by all processes through one small database of its own."""

    def __init__(self, home: Home, account_id: str, clock: Clock) -> None:
        # One file for each account: none waits for another's lock, or reads the tables of thousands.
        self._path, self._clock = home.requests / "quotas" / f"{account_id}.sqlite", clock
        self._path.parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def _open(self, name: str, rate: Rate) -> Iterator[SQLiteBucket]:
        try:
            bucket = SQLiteBucket.init_from_file([rate], table=name, db_path=str(self._path), use_file_lock=True)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            log.warning("%s is damaged (%s) and begun anew; Amazon itself says when we ask too often", self._path, error)
            self._path.unlink()
            bucket = SQLiteBucket.init_from_file([rate], table=name, db_path=str(self._path), use_file_lock=True)
        try:
            with bucket.lock:
                yield bucket
        finally:
            bucket.close()

    def take(self, operation: str) -> float:
        """Take a place for one call; returns 0, or for how many seconds there is none."""
        burst, per_second = QUOTAS[operation]
        # One less than the burst: what leaves here evenly may arrive there unevenly.
        with self._open(operation, Rate(burst - 1, round(1000 * burst / per_second))) as bucket:
            item = RateItem(operation, round(self._clock.now().timestamp() * 1000))
            bucket.leak(item.timestamp)
            if (last := bucket.peek(0)) and last.timestamp > item.timestamp:
                bucket.flush()  # The clock was set back: what was asked lies behind us.
            return 0 if bucket.put(item) else float(bucket.waiting(item)) / 1000 + 1  # type: ignore[arg-type]  # not async, not awaitable

    def pause_left(self, report: str, minutes: int) -> float:
        """How many seconds a report type must still rest before it may be asked for again."""
        now = round(self._clock.now().timestamp() * 1000)
        with self._open(f"pause_{report}", Rate(1, 1)) as bucket:
            last = bucket.peek(0)
            if last and last.timestamp > now:
                # The clock was set back: the pause begins now, once, or it would last until that time comes again.
                bucket.flush()
                bucket.put(last := RateItem(report, now))
        # A minute more than Amazon asks for: its clock and its start of the pause are not ours.
        return max(0.0, (last.timestamp - now) / 1000 + (minutes + 1) * 60) if last and minutes else 0

    def record_request(self, report: str, at: datetime) -> None:
        """Remember when a report type was last asked for."""
        with self._open(f"pause_{report}", Rate(1, 1)) as bucket:
            bucket.put(RateItem(report, round(at.timestamp() * 1000)))
