"""What the commands share: exit codes, lines of progress, the home's lock, and what they say of every document."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
from filelock import FileLock, Timeout

from seller_warehouse.cli.airflow_processes import stop_left_behind
from seller_warehouse.cli.tidy import remove_old_files
from seller_warehouse.core.accounts import Account, ConfigurationError, load_accounts
from seller_warehouse.core.documents import printable
from seller_warehouse.core.home import Home, shown, take_back_rights
from seller_warehouse.ingest.landing import inbox_files, prepare_inbox
from seller_warehouse.ingest.warehouse import open_warehouse

LOADED, NOT_PUBLISHED, QUARANTINED, INTERRUPTED = 0, 1, 2, 130
"""0: everything was loaded. 1: not published, or a step did not do its work. 2: published, but something was quarantined."""


class Progress:
    """Lines with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return time.monotonic() - self._start

    def __call__(self, text: str) -> None:
        """Say one line."""
        print(f"[{self.seconds:6.1f} s] {text}", flush=True)


def lock_of(home: Home, seconds: float = 0) -> FileLock:
    """What every command that changes this home holds; waiting longer than ``seconds`` for it raises Timeout."""
    return FileLock(home.root / ".run.lock", timeout=seconds)


def stop_when_ended() -> None:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does, with what it has started; after kill -9 the next one of this home does it."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def worst(*codes: int) -> int:
    """The most serious of these exit codes."""
    return max(codes, key=(LOADED, QUARANTINED, NOT_PUBLISHED).index)


def in_home(home: Home, accounts_path: Path, do: Callable[[dict[str, Account], Progress], int]) -> int:
    """Do something with a home, alone, and say why where it cannot be done; returns the exit code."""
    say = Progress()
    home.root.mkdir(parents=True, exist_ok=True)
    try:
        accounts = load_accounts(accounts_path)
        with lock_of(home):
            take_back_rights(home)
            stop_left_behind(home)
            if problem := remove_old_files(home, datetime.now(UTC)):
                say(problem)
            take_over(home)
            prepare_inbox(home, accounts)
            say(f"{len(accounts)} accounts, home {shown(home.root)}")
            return do(accounts, say)
    except Timeout:
        print(f"another run, or make up, is using {shown(home.root)}; wait until it ends, or stop it with make down", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; nothing is lost, the next run goes on from here", file=sys.stderr)
        return INTERRUPTED
    except ConfigurationError as error:
        print(error, file=sys.stderr)
    return NOT_PUBLISHED


def take_over(home: Home) -> None:
    """Migrate the build database of an earlier version before anything else is done.

    Raises NewerHome for one of a later version, ConfigurationError for a file that DuckDB cannot open.
    """
    try:
        with open_warehouse(home.warehouse):
            pass
    except duckdb.Error as error:
        raise ConfigurationError(
            f"{shown(home.warehouse)} cannot be opened ({error}); move it away, and the next run loads everything in landing again"
        ) from error


def known_account(accounts: dict[str, Account], account: str | None) -> None:
    """Raises ConfigurationError where a named account is none that Amazon can be asked for."""
    if account and (account not in accounts or accounts[account].source != "sp_api"):
        raise ConfigurationError(f"there is no account {account!r} with source sp_api in the accounts file; name one that it has")


def published_loads(home: Home) -> pyarrow.Table | None:
    """The documents that readers know the verdicts of; None before the first publication."""
    if not home.marts.exists():
        return None
    with duckdb.connect(str(home.marts.resolve()), read_only=True) as connection:
        return connection.execute("select account_id, report, document_id, run_id, verdict, reason from meta.loads").to_arrow_table()


def say_documents(home: Home, before: pyarrow.Table | None, say: Progress, *, is_published: bool) -> int:
    """Say what became of every document that readers did not know ``before``, also of those that a killed run had judged; the exit code."""
    if not is_published:
        say("nothing new: the last publication holds everything that was loaded")
        say_what_waits(home)
        return LOADED
    now = published_loads(home)
    with duckdb.connect() as connection:
        connection.register("now", now)
        connection.register("before", now.slice(0, 0) if before is None and now is not None else before)
        connection.execute("create temp table new as from now except all from before")
        verdicts = connection.execute("select verdict, count(*) from new group by all order by all").fetchall()
        refused = connection.execute("select account_id, reason, document_id from new where verdict = 'QUARANTINED' order by all").fetchall()
    say(f"published {shown(home.marts)}")
    say("documents since the last publication: " + (", ".join(f"{count} {verdict}" for verdict, count in verdicts) or "none"))
    say_what_waits(home)
    for account_id, reason, document_id in refused:
        kept = next((shown(p) for p in home.quarantine.glob(f"*/{document_id}")), shown(home.quarantine))
        print(f"QUARANTINED {account_id or 'no account'}: {reason} ({kept})", flush=True)
    return QUARANTINED if refused else LOADED


def say_what_waits(home: Home) -> None:
    """Name the files that were left in the inbox."""
    for path in inbox_files(home):
        print(f"WAITING {printable(str(path.relative_to(home.inbox)))}: changed a moment ago, or not readable; run again", flush=True)
