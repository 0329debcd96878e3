"""The clock of a run: the machine's, or the sandbox's, which jumps to the next moment that somebody waits for."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

from seller_warehouse.core.accounts import ConfigurationError
from seller_warehouse.core.simulated_clock import SandboxClock, acting_as

DEFAULT_SETTLE_SECONDS = 10.0


class Clock(Protocol):
    """The time, and the real duration of a wait."""

    def now(self) -> datetime:
        """The time, UTC."""

    def real_seconds(self, seconds: float) -> float:
        """Convert simulated to real seconds."""

    def sleep(self, seconds: float) -> None:
        """Wait for this many seconds of the clock."""

    def enter(self, *names: str) -> None:
        """Register participants; a jumping clock stands still while any of them works."""

    def leave(self, *names: str) -> None:
        """Unregister participants."""


class MachineClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.now(UTC)

    def real_seconds(self, seconds: float) -> float:
        """The same number."""
        return seconds

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(max(0.0, seconds))

    def enter(self, *names: str) -> None:
        """No effect: this clock does not jump."""

    def leave(self, *names: str) -> None:
        """No effect: this clock does not jump."""


@contextmanager
def participating(clock: Clock, name: str) -> Iterator[None]:
    """Register ``name`` with the clock, and work and sleep under it, for the duration of the context."""
    clock.enter(name)
    try:
        with acting_as(name):
            yield
    finally:
        clock.leave(name)


def day_from_environment() -> date | None:
    """The day of every status and deadline, from SELLER_WAREHOUSE_AS_OF; None if it is not set. Raises ConfigurationError if it is not a date."""
    setting = os.environ.get("SELLER_WAREHOUSE_AS_OF", "").strip()
    try:
        return date.fromisoformat(setting) if setting else None
    except ValueError as error:
        raise ConfigurationError(f"SELLER_WAREHOUSE_AS_OF is {setting!r}; it must be a date such as 2026-11-20") from error


def settle_seconds_from_environment() -> float:
    """Seconds that a file in the inbox must be unchanged before it is landed (SELLER_WAREHOUSE_SETTLE_SECONDS).

    Raises ConfigurationError if the setting is not a number of seconds.
    """
    setting = os.environ.get("SELLER_WAREHOUSE_SETTLE_SECONDS", "").strip()
    if setting and not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", setting):
        raise ConfigurationError(f"SELLER_WAREHOUSE_SETTLE_SECONDS is {setting!r}; it must be a number of seconds such as 10")
    return float(setting or DEFAULT_SETTLE_SECONDS)


def clock_from_environment() -> Clock:
    """The machine's clock, or the sandbox's if SELLER_WAREHOUSE_CLOCK names its file."""
    path = os.environ.get("SELLER_WAREHOUSE_CLOCK")
    return SandboxClock.read(Path(path)) if path else MachineClock()
