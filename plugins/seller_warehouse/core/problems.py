"""Translate errors of any library into one plain sentence with a remedy."""

from __future__ import annotations

import errno
import re
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil

from seller_warehouse.core.home import Home, shown

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_WORDS = re.compile(r"no space left on device|disk quota exceeded|file too large|disk is full|max_temp_directory_size", re.IGNORECASE)
HELD = re.compile(r'Could not set lock on file "(?P<path>.+?)": Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)')
DAMAGED_WORDS = re.compile(
    r"not a valid DuckDB database|corrupt|checksum|could not read enough bytes|malformed|not a database|magic bytes|too small to be a parquet"
    r"|failure while replaying wal",
    re.IGNORECASE,
)
OF_DUCKDB = re.compile(r"\b(IO|TransactionContext|FATAL|INTERNAL|Serialization|Out of Memory) Error\b")
NO_CONNECTION = ("ConnectError", "ConnectTimeout", "ReadTimeout", "ReadError", "RemoteProtocolError", "EndpointConnectionError", "gaierror")
UNREADABLE = (duckdb.IOException, duckdb.SerializationException, duckdb.InternalException, duckdb.FatalException, duckdb.CatalogException)
"""DuckDB's errors for a file that is damaged or of another kind."""
QUOTED_PATH = re.compile(r"""["'](/[^"']+)["']""")


@dataclass(frozen=True)
class Problem:
    """One sentence and a remedy; ``is_transient`` if another attempt may succeed without any action."""

    reason: str
    remedy: str = ""
    is_transient: bool = False

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}" if self.remedy else self.reason


def problem_of(error: BaseException, home: Home) -> Problem:
    """The problem behind an error, for the operator. Errors of this package are already sentences with a remedy."""
    text = str(error)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if type(error).__module__.startswith("seller_warehouse."):
        return (known_problem(text, home) if OF_DUCKDB.search(text) else None) or Problem(first or type(error).__name__)
    if isinstance(error, OSError) and error.errno in FULL:
        return _full(error.filename)
    if known := known_problem(text, home):
        return known
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__name__ in NO_CONNECTION:
        return Problem(f"no connection ({type(error).__name__}: {first})", "check the network, then run again", is_transient=True)
    if isinstance(error, sqlite3.OperationalError) and "locked" in text:
        return Problem("another program holds Airflow's database", "close it there, then run again", is_transient=True)
    if isinstance(error, duckdb.InternalException | duckdb.FatalException | duckdb.SerializationException):
        return _damaged(text, first, home)
    if isinstance(error, OSError) and error.filename:
        return _unusable(error)
    if isinstance(error, duckdb.IOException) and (place := QUOTED_PATH.search(text)):
        return Problem(f"{shown(Path(place[1]))} cannot be used ({_short(first)})", "put it right or move it away, then run again")
    what = _short(first) if isinstance(error, duckdb.Error) else f"{type(error).__name__}: {_short(first)}"
    return Problem(what, f"the details are in {shown(home.log)}: run again, and report it with the log if it happens again")


def known_problem(text: str, home: Home) -> Problem | None:
    """The problem that the text of an error identifies, even if dbt or Airflow passed it on; None if unknown."""
    if held := HELD.search(text):
        pid = int(held["pid"])
        command = held["program"]
        with suppress(psutil.Error):
            command = " ".join(" ".join(psutil.Process(pid).cmdline()).split())[:120] or command
        return Problem(f"{shown(Path(held['path']))} is open in another program: process {pid} ({command})", "close it there, then run again", True)
    if FULL_WORDS.search(text):
        place = QUOTED_PATH.search(text)
        return _full(place[1] if place else None)
    if DAMAGED_WORDS.search(text):
        return _damaged(text, next(line for line in text.splitlines() if DAMAGED_WORDS.search(line)), home)
    return None


def _full(path: str | bytes | None) -> Problem:
    where = f" while writing {shown(Path(path))}" if isinstance(path, str) else ""
    return Problem(f"the disk is full{where}", "free some space, then run again: nothing is lost", is_transient=True)


def _damaged(text: str, line: str, home: Home) -> Problem:
    place = QUOTED_PATH.search(text)
    path = Path(place[1]) if place else home.warehouse
    if path in (home.warehouse, home.warehouse.with_name(f"{home.warehouse.name}.wal")):
        name = shown(home.warehouse)
        return Problem(
            f"{name} is damaged ({_short(line)})",
            f"move it away (mv {name} {name}.damaged), and the next run loads everything in landing again",
        )
    if path.is_relative_to(home.published):
        return Problem(f"{shown(path)} is damaged ({_short(line)})", "run again: it is published anew")
    return Problem(f"{shown(path)} is damaged ({_short(line)})", "move it away, then run again")


def _unusable(error: OSError) -> Problem:
    """The problem with a path of the home that is missing, of the wrong type or not accessible."""
    path = Path(error.filename if isinstance(error.filename, str) else str(error.filename2 or ""))
    match error:
        case IsADirectoryError():
            return Problem(f"{shown(path)} is a folder, where a file belongs", "move it away, then run again")
        case NotADirectoryError() | FileExistsError():
            wrong = next((p for p in (path, *path.parents) if p.exists() and not p.is_dir()), path)
            return Problem(f"{shown(wrong)} is a file, where a folder belongs", "move it away, then run again")
        case PermissionError():
            return Problem(f"{shown(path)} may not be used by this user ({error.strerror})", "give it to the user who runs this, then run again")
        case FileNotFoundError():
            return Problem(f"{shown(path)} is missing", "restore it from a copy, or run again if a run creates it")
    return Problem(f"{shown(path)} cannot be used ({error.strerror})", "put it right, then run again")


def _short(text: str) -> str:
    return text.removeprefix("IO Error: ")[:300]
