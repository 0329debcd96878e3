"""The sandbox's clock: it stands still while any participant works, and jumps to the next moment that one waits for.

Participants have names. A participant works after ``enter``, waits in ``sleep`` and is gone after ``leave``. When none works, the clock jumps to the
earliest moment that one waits for. So days of Amazon's time take only as long as the work, on any machine.
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
"""Real seconds without a sign of life after which working participants count as gone (perhaps killed)."""
SIGN_SECONDS = 1.0

_NAME: ContextVar[str] = ContextVar("participant", default="")


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Set the participant's name under which this thread sleeps."""
    token = _NAME.set(name)
    try:
        yield
    finally:
        _NAME.reset(token)


@dataclass
class Moment:
    """The state of a jumping clock: its time, the working participants, and the waiting ones with their moments."""

    shows: datetime
    working: set[str] = field(default_factory=set)
    waiting: dict[str, datetime] = field(default_factory=dict)

    def leave(self, name: str) -> None:
        """Remove a participant."""
        self.working.discard(name)
        self.waiting.pop(name, None)

    def wait(self, name: str, seconds: float) -> None:
        """Let a participant wait."""
        self.leave(name)
        self.waiting[name] = self.shows + timedelta(seconds=seconds)

    def move_on(self) -> None:
        """Jump if nobody works; participants whose moment has come work again."""
        if self.waiting and not self.working:
            self.shows = max(self.shows, min(self.waiting.values()))
        due = {name for name, until in self.waiting.items() if until <= self.shows}
        self.working |= due
        for name in due:
            del self.waiting[name]


class JumpingClock(ABC):
    """The common part of the clocks; subclasses store the state."""

    @abstractmethod
    def _moment(self) -> Moment:
        """The current state."""

    @abstractmethod
    def _changed(self) -> AbstractContextManager[Moment]:
        """The state, locked for a change."""

    @abstractmethod
    def _last_sign(self) -> float:
        """The last time that a participant worked or waited, in seconds since the epoch."""

    def now(self) -> datetime:
        """The clock's time, UTC."""
        return self._moment().shows

    def real_seconds(self, seconds: float) -> float:
        """0: this clock jumps."""
        return 0.0

    def enter(self, *names: str) -> None:
        """Add participants: the clock stands still while they work."""
        with self._changed() as moment:
            moment.working |= set(names) - moment.waiting.keys()

    def leave(self, *names: str) -> None:
        """Remove participants."""
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
        """Return when ``seconds`` have passed on this clock, that is, once all participants wait; a caller without a name participates meanwhile."""
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
                return  # Another waiter has just done it.
            log.warning("the clock no longer waits for %s: no sign of work for %d s", ", ".join(sorted(moment.working)), QUIET_SECONDS)
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
        """Write a new clock that shows ``shows``, without participants. Raises ValueError for a naive time."""
        if shows.tzinfo is None:
            raise ValueError("a clock needs a time with an offset")
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path):
            _write(path, Moment(shows.astimezone(UTC)))
        return cls(path)

    @classmethod
    def read(cls, path: Path) -> SandboxClock:
        """The clock that another process started. Raises FileNotFoundError while there is none."""
        return cls(path)

    def now(self) -> datetime:
        """The clock's time, UTC; a call by a participant counts as a sign of work."""
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
    """Replace the file atomically, so that no reader sees half of it."""
    state = {
        "shows": moment.shows.isoformat(), "working": sorted(moment.working),
        "waiting": {name: until.isoformat() for name, until in moment.waiting.items()},
    }  # fmt: skip
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps(state))
    os.replace(new, path)
