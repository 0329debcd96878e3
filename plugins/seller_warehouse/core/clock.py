"""The clock that the runs go by: the machine's, or that of the sandbox, which jumps to the next moment that is waited for."""

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
    """What time it is, and how long a wait really takes."""

    def now(self) -> datetime:
        """The time, UTC."""

    def real_seconds(self, seconds: float) -> float:
        """Convert seconds of the clock to seconds of this machine."""

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds of the clock."""

    def enter(self, *names: str) -> None:
        """From now on a clock that jumps waits for whoever works under these names."""

    def leave(self, *names: str) -> None:
        """A clock that jumps waits for these no longer."""


class MachineClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.now(UTC)

    def real_seconds(self, seconds: float) -> float:
        """As many."""
        return seconds

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(max(0.0, seconds))

    def enter(self, *names: str) -> None:
        """This clock waits for nobody."""

    def leave(self, *names: str) -> None:
        """This clock waits for nobody."""


@contextmanager
def taking_part(clock: Clock, name: str) -> Iterator[None]:
    """Work, and sleep, under this name, until the end of the context."""
    clock.enter(name)
    try:
        with acting_as(name):
            yield
    finally:
        clock.leave(name)


def day_from_environment() -> date | None:
    """Today for every status and deadline where SELLER_WAREHOUSE_AS_OF sets it, else None. Raises ConfigurationError for what is no date."""
    setting = os.environ.get("SELLER_WAREHOUSE_AS_OF", "").strip()
    try:
        return date.fromisoformat(setting) if setting else None
    except ValueError as error:
        raise ConfigurationError(f"SELLER_WAREHOUSE_AS_OF is {setting!r}; it must be a date such as 2026-11-20") from error


def settle_seconds_from_environment() -> float:
    """How long a file in the inbox must have been unchanged before it is taken, in seconds (SELLER_WAREHOUSE_SETTLE_SECONDS).

    Raises ConfigurationError for what is no number of seconds.
    """
    setting = os.environ.get("SELLER_WAREHOUSE_SETTLE_SECONDS", "").strip()
    if setting and not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", setting):
        raise ConfigurationError(f"SELLER_WAREHOUSE_SETTLE_SECONDS is {setting!r}; it must be a number of seconds such as 10")
    return float(setting or DEFAULT_SETTLE_SECONDS)


def clock_from_environment() -> Clock:
    """The machine's clock, or the one in the file that SELLER_WAREHOUSE_CLOCK names (written by the sandbox)."""
    path = os.environ.get("SELLER_WAREHOUSE_CLOCK")
    return SandboxClock.read(Path(path)) if path else MachineClock()
