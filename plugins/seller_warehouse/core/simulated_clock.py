"""Time as the sandbox shows it: it stands still while anybody works, and jumps to the next moment that somebody waits for.

Who takes part is known by name. A name works from ``enter`` on, waits in ``sleep`` and is gone after ``leave``; as soon as no name works,
the clock shows the earliest moment that is waited for. So what takes Amazon days takes as long as the work, on any machine.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock

log = logging.getLogger(__name__)

POLL_SECONDS = 0.005
QUIET_SECONDS = 120.0
"""Real seconds without a sign of those who work, after which they count as gone: killed, perhaps."""
SIGN_SECONDS = 1.0

_NAME: ContextVar[str] = ContextVar("participant", default="")


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Under which name this thread sleeps."""
    token = _NAME.set(name)
    try:
        yield
    finally:
        _NAME.reset(token)


@dataclass
class Moment:
    """What a jumping clock shows, who works, and who waits until when."""

    shows: datetime
    working: set[str] = field(default_factory=set)
    waiting: dict[str, datetime] = field(default_factory=dict)

    def leave(self, name: str) -> None:
        """Take a name out."""
        self.working.discard(name)
        self.waiting.pop(name, None)

    def wait(self, name: str, seconds: float) -> None:
        """Let a name wait."""
        self.leave(name)
        self.waiting[name] = self.shows + timedelta(seconds=seconds)

    def move_on(self) -> None:
        """Jump where nobody works; whose moment has come works again."""
        if self.waiting and not self.working:
            self.shows = max(self.shows, min(self.waiting.values()))
        due = {name for name, until in self.waiting.items() if until <= self.shows}
        self.working |= due
        for name in due:
            del self.waiting[name]


class JumpingClock(ABC):
    """What the clocks have in common, wherever they keep their moment."""

    @abstractmethod
    def _moment(self) -> Moment:
        """The moment as it is."""

    @abstractmethod
    def _changed(self) -> AbstractContextManager[Moment]:
        """The moment, to be changed by nobody else meanwhile."""

    @abstractmethod
    def _last_sign(self) -> float:
        """When somebody last worked or waited, in seconds since the epoch."""

    def now(self) -> datetime:
        """What the clock shows, in UTC."""
        return self._moment().shows

    def real_seconds(self, seconds: float) -> float:
        """None: this clock jumps."""
        return 0.0

    def enter(self, *names: str) -> None:
        """Let names take part: from now on the clock waits for them."""
        with self._changed() as moment:
            moment.working |= set(names) - moment.waiting.keys()

    def leave(self, *names: str) -> None:
        """Wait for these no longer."""
        with self._changed() as moment:
            for name in names:
                moment.leave(name)
            moment.move_on()

    def set(self, shows: datetime) -> None:
        """Set the clock forward. Raises ValueError if ``shows`` is earlier than what it shows."""
        with self._changed() as moment:
            if shows < moment.shows:
                raise ValueError(f"the clock shows {moment.shows.isoformat()} and is never set back to {shows.isoformat()}")
            moment.shows = shows.astimezone(UTC)
            moment.move_on()

    def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` have passed here, which is as soon as all who take part wait; who takes no part does so for the while."""
        if seconds <= 0:
            return
        name = _NAME.get() or f"{os.getpid()} {uuid.uuid4()}"
        with self._changed() as moment:
            moment.wait(name, seconds)
            moment.move_on()
        while name in self._moment().waiting:
            time.sleep(POLL_SECONDS)
            if self._is_quiet():
                self._give_up_waiting()
        if not _NAME.get():
            self.leave(name)

    def _is_quiet(self) -> bool:
        return time.time() - self._last_sign() > QUIET_SECONDS

    def _give_up_waiting(self) -> None:
        with self._changed() as moment:
            if not self._is_quiet():
                return  # Another one has done it just now.
            log.warning("the clock waits no longer for %s: no sign of work for %d s", ", ".join(sorted(moment.working)), QUIET_SECONDS)
            moment.working.clear()
            moment.move_on()


class SandboxClock(JumpingClock):
    """A clock kept in a small JSON file, ``{"shows": ISO 8601 in UTC, "working": names, "waiting": {name: until}}``, for any number of processes."""

    def __init__(self, path: Path) -> None:
        self._path, self._signs = path, path.with_name(f"{path.name}.signs")
        self._known: tuple[tuple[int, int], Moment] | None = None
        self._signed_at = 0.0
        self._moment()

    @classmethod
    def start(cls, path: Path, shows: datetime) -> SandboxClock:
        """Write a new clock that shows ``shows``, in which nobody takes part yet. Raises ValueError for a naive time."""
        if shows.tzinfo is None:
            raise ValueError("a clock needs a time with an offset")
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path):
            _write(path, Moment(shows.astimezone(UTC)))
        return cls(path)

    @classmethod
    def read(cls, path: Path) -> SandboxClock:
        """The clock another process started. Raises FileNotFoundError while there is none."""
        return cls(path)

    def now(self) -> datetime:
        """What the clock shows, in UTC; asked by who takes part, it is a sign of work."""
        if _NAME.get() and time.monotonic() - self._signed_at > SIGN_SECONDS:
            self._signs.touch()
            self._signed_at = time.monotonic()
        return super().now()

    def _moment(self) -> Moment:
        stat, known = self._path.stat(), self._known
        version = (stat.st_mtime_ns, stat.st_ino)
        if known and known[0] == version:
            return known[1]
        moment = _read(self._path)
        self._known = version, moment
        return moment

    @contextmanager
    def _changed(self) -> Iterator[Moment]:
        with _lock(self._path):
            moment = _read(self._path)
            yield moment
            _write(self._path, moment)

    def _last_sign(self) -> float:
        return max(p.stat().st_mtime for p in (self._path, self._signs) if p.exists())


class ManualClock(JumpingClock):
    """A clock for the threads of one process."""

    def __init__(self, shows: datetime) -> None:
        self._now, self._lock, self._changed_at = Moment(shows), threading.RLock(), time.time()

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self.set(self.now() + timedelta(seconds=seconds))

    def _moment(self) -> Moment:
        return self._now

    @contextmanager
    def _changed(self) -> Iterator[Moment]:
        with self._lock:
            yield self._now
            self._changed_at = time.time()

    def _last_sign(self) -> float:
        return self._changed_at


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}.lock"))


def _read(path: Path) -> Moment:
    state = json.loads(path.read_text())
    waiting = {name: datetime.fromisoformat(until) for name, until in state["waiting"].items()}
    return Moment(datetime.fromisoformat(state["shows"]), set(state["working"]), waiting)


def _write(path: Path, moment: Moment) -> None:
    """Replace the file as a whole, so no reader ever sees half of it."""
    state = {
        "shows": moment.shows.isoformat(), "working": sorted(moment.working),
        "waiting": {name: until.isoformat() for name, until in moment.waiting.items()},
    }  # fmt: skip
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps(state))
    os.replace(new, path)
