"""Amazon's quotas for an account, shared by all processes of a home."""

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
"""Burst and rate (requests per second) by operation (Reports API 2021-06-30, usage plans; per application and seller)."""


class Quotas:
    """The quotas of an account, shared by all processes through one small database."""

    def __init__(self, home: Home, account_id: str, clock: Clock) -> None:
        # One file for each account, so that no account waits for another's lock or reads thousands of tables.
        self._path, self._clock = home.requests / "quotas" / f"{account_id}.sqlite", clock
        self._path.parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def _open(self, name: str, rate: Rate) -> Iterator[SQLiteBucket]:
        try:
            bucket = SQLiteBucket.init_from_file([rate], table=name, db_path=str(self._path), use_file_lock=True)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            log.warning("%s is damaged (%s) and is created again; Amazon itself refuses calls that are too frequent", self._path, error)
            self._path.unlink()
            bucket = SQLiteBucket.init_from_file([rate], table=name, db_path=str(self._path), use_file_lock=True)
        try:
            with bucket.lock:
                yield bucket
        finally:
            bucket.close()

    def take(self, operation: str) -> float:
        """Take a place for one call; returns 0, or the seconds until a place is free."""
        burst, per_second = QUOTAS[operation]
        # One less than the burst: calls that leave evenly may arrive unevenly.
        with self._open(operation, Rate(burst - 1, round(1000 * burst / per_second))) as bucket:
            item = RateItem(operation, round(self._clock.now().timestamp() * 1000))
            bucket.leak(item.timestamp)
            if (last := bucket.peek(0)) and last.timestamp > item.timestamp:
                bucket.flush()  # The clock was set back: the recorded calls are in the past.
            return 0 if bucket.put(item) else float(bucket.waiting(item)) / 1000 + 1  # type: ignore[arg-type]  # not async, not awaitable

    def pause_left(self, report: str, minutes: int) -> float:
        """The seconds until a report type may be requested again."""
        now = round(self._clock.now().timestamp() * 1000)
        with self._open(f"pause_{report}", Rate(1, 1)) as bucket:
            last = bucket.peek(0)
            if last and last.timestamp > now:
                # The clock was set back: restart the pause now, once, or it would last until the recorded time.
                bucket.flush()
                bucket.put(last := RateItem(report, now))
        # A minute more than Amazon requires: its clock and the start of its pause differ from ours.
        return max(0.0, (last.timestamp - now) / 1000 + (minutes + 1) * 60) if last and minutes else 0

    def record_request(self, report: str, at: datetime) -> None:
        """Record when a report type was last requested."""
        with self._open(f"pause_{report}", Rate(1, 1)) as bucket:
            bucket.put(RateItem(report, round(at.timestamp() * 1000)))
