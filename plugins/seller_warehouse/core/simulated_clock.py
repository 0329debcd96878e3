"""Time as the sandbox shows it: faster than real time, never backwards, the same for every process that reads the file."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class SandboxClock:
    """A clock kept in a small JSON file ``{"real": epoch seconds, "shows": ISO 8601 in UTC, "rate": sandbox seconds per second}``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._reload()

    @classmethod
    def start(cls, path: Path, shows: datetime, rate: float) -> SandboxClock:
        """Write a new clock that shows ``shows`` (aware) now and runs ``rate`` times as fast as real time.

        Raises ValueError for a naive time or a rate that is not positive.
        """
        if shows.tzinfo is None or rate <= 0:
            raise ValueError("a clock needs a time with an offset and a positive rate")
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, shows, rate)
        return cls(path)

    @classmethod
    def read(cls, path: Path) -> SandboxClock:
        """The clock another process started. Raises FileNotFoundError while there is none."""
        return cls(path)

    def now(self) -> datetime:
        """What the clock shows, in UTC."""
        self._reload()
        return self._shows + timedelta(seconds=(time.time() - self._real) * self._rate)

    def set(self, shows: datetime, rate: float | None = None) -> None:
        """Set the clock forward, and its rate, for every process. Raises ValueError if ``shows`` is earlier than what it shows."""
        if shows < self.now():
            raise ValueError(f"the clock shows {self.now().isoformat()} and is never set back to {shows.isoformat()}")
        _write(self._path, shows, rate or self._rate)
        self._reload()

    def real_seconds(self, sandbox_seconds: float) -> float:
        """How long to wait in real time until ``sandbox_seconds`` have passed here."""
        self._reload()
        return sandbox_seconds / self._rate

    def sleep(self, sandbox_seconds: float) -> None:
        """Wait until ``sandbox_seconds`` have passed here."""
        time.sleep(max(0.0, self.real_seconds(sandbox_seconds)))

    def _reload(self) -> None:
        stat = self._path.stat()
        version = (stat.st_mtime_ns, stat.st_ino)
        if version == self._version:
            return
        state = json.loads(self._path.read_text())
        self._real, self._rate = float(state["real"]), float(state["rate"])
        self._shows = datetime.fromisoformat(state["shows"])
        self._version = version


class ManualClock:
    """A clock for tests in one process: it moves only when told to."""

    def __init__(self, shows: datetime) -> None:
        self._shows = shows

    def now(self) -> datetime:
        """What the clock shows."""
        return self._shows

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self._shows += timedelta(seconds=seconds)

    def real_seconds(self, seconds: float) -> float:
        """None: this clock jumps."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        self.advance(max(0.0, seconds))


def _write(path: Path, shows: datetime, rate: float) -> None:
    """Replace the file as a whole, so no reader ever sees half of it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps({"real": time.time(), "shows": shows.astimezone(UTC).isoformat(), "rate": rate}))
    os.replace(new, path)
