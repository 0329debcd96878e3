"""Common parts of the commands: exit codes, progress lines, the home's lock, and the list of documents."""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
from filelock import FileLock, Timeout

from seller_warehouse.cli.airflow_processes import stop_leftover_processes
from seller_warehouse.cli.tidy import remove_old_files
from seller_warehouse.core.accounts import Account, ConfigurationError, load_accounts
from seller_warehouse.core.clock import day_from_environment, settle_seconds_from_environment
from seller_warehouse.core.documents import printable
from seller_warehouse.core.home import Home, restrict_permissions, shown
from seller_warehouse.core.problems import UNREADABLE, problem_of
from seller_warehouse.ingest.landing import inbox_files, prepare_inbox
from seller_warehouse.ingest.warehouse import open_warehouse
from seller_warehouse.marts.build import as_known_at, policy_settings

log = logging.getLogger(__name__)

LOADED, NOT_PUBLISHED, QUARANTINED, INTERRUPTED = 0, 1, 2, 130
"""0: everything was loaded. 1: not published, or a step failed. 2: published, but something was quarantined."""


NOTHING_NEW = "nothing new: the last publication holds everything that was loaded"


class Progress:
    """Print lines with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def __call__(self, text: str) -> None:
        """Print one line."""
        print(f"[{self.seconds:6.1f} s] {text}", flush=True)


def home_lock(home: Home, seconds: float = 0) -> FileLock:
    """The lock of every command that changes this home; acquiring it raises Timeout after ``seconds``."""
    return FileLock(home.root / ".run.lock", timeout=seconds)


def interrupt_on_signals() -> None:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does, including its child processes; after kill -9 the next command of this home stops them."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def worst(*codes: int) -> int:
    """The most serious of these exit codes."""
    return max(codes, key=(LOADED, QUARANTINED, NOT_PUBLISHED).index)


def run_in_home(home: Home, accounts_path: Path, do: Callable[[dict[str, Account], Progress], int]) -> int:
    """Run ``do`` with exclusive access to a home; on an error print one sentence with the reason. Returns the exit code."""
    print_progress = Progress()
    try:
        check_settings()
        home.root.mkdir(parents=True, exist_ok=True)
        accounts = load_accounts(accounts_path)
        with home_lock(home):
            restrict_permissions(home)
            stop_leftover_processes(home)
            if problem := remove_old_files(home, datetime.now(UTC)):
                print_progress(problem)
            migrate_home(home)
            prepare_inbox(home, accounts)
            print_progress(f"{len(accounts)} accounts, home {shown(home.root)}")
            return do(accounts, print_progress)
    except Timeout:
        print(f"another run, or make up, is using {shown(home.root)}; wait until it ends, or stop it with make down", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; nothing is lost, the next run continues from here", file=sys.stderr)
        return INTERRUPTED
    except ConfigurationError as error:
        print(error, file=sys.stderr)
    except Exception as error:
        log.exception("the command failed")
        print(problem_of(error, home), file=sys.stderr)
    return NOT_PUBLISHED


def check_settings() -> None:
    """Check the settings of the environment before any work. Raises ConfigurationError if one is wrong."""
    day_from_environment()
    settle_seconds_from_environment()
    as_known_at()
    policy_settings()


def migrate_home(home: Home) -> None:
    """Migrate the build database of an earlier version before any work.

    Raises NewerHome if a later version wrote it, ConfigurationError if DuckDB cannot open the file.
    """
    try:
        with open_warehouse(home.warehouse):
            pass
    except (duckdb.Error, OSError) as error:
        raise ConfigurationError(str(problem_of(error, home))) from error


def require_api_account(accounts: dict[str, Account], account: str | None) -> None:
    """Raise ConfigurationError if the account is given but is not a known one with source sp_api."""
    if account and (account not in accounts or accounts[account].source != "sp_api"):
        raise ConfigurationError(f"there is no account {account!r} with source sp_api in the accounts file; name one of those in the file")


def published_loads(home: Home) -> pyarrow.Table | None:
    """The documents with their verdicts in the last publication; None if there is none, or its file cannot be read."""
    if not home.marts.exists():
        return None
    try:
        with duckdb.connect(str(home.marts.resolve()), read_only=True) as connection:
            return connection.execute(f"select {_DOCUMENT} from meta.loads").to_arrow_table()
    except UNREADABLE as error:
        log.warning("%s", problem_of(error, home))
        return None


_DOCUMENT = "account_id, report, document_id, run_id, verdict, reason"


def print_documents(
    home: Home, before: pyarrow.Table | None, run_ids: Collection[str], refused_lines: Collection[str], print_progress: Progress,
    *, is_published: bool,
) -> int:  # fmt: skip
    """Print the outcome of the documents of these runs, and of all that were not published ``before``; returns the exit code.

    The documents of the runs are read from the build database, since a publication as known at an earlier time does not have them. If the database
    cannot be read, the refused ones are printed from ``refused_lines``.
    """
    try:
        return _print_documents(home, before, run_ids, print_progress, is_published=is_published)
    except (duckdb.Error, OSError) as error:
        for line in refused_lines:
            print(f"QUARANTINED {line}", flush=True)
        print(f"FAILED the list of documents: {problem_of(error, home)}", flush=True)
        return NOT_PUBLISHED


def _print_documents(home: Home, before: pyarrow.Table | None, run_ids: Collection[str], print_progress: Progress, *, is_published: bool) -> int:
    now = published_loads(home) if is_published else None
    with open_warehouse(home.warehouse) as warehouse:
        own = warehouse.execute(f"select {_DOCUMENT} from meta.loads where list_contains($runs, run_id)", {"runs": list(run_ids)}).to_arrow_table()
    with duckdb.connect() as connection:
        connection.register("own", own)
        connection.register("now", own.slice(0, 0) if now is None else now)
        connection.register("before", own.slice(0, 0) if before is None else before)
        connection.execute("create temp table new as (from now except all from before) union from own")
        verdicts = connection.execute("select verdict, count(*) from new group by all order by all").fetchall()
        refused = connection.execute("select account_id, reason, document_id from new where verdict = 'QUARANTINED' order by all").fetchall()
        left_out = connection.execute("select account_id, reason from new where verdict = 'ROWS_LEFT_OUT' order by all").fetchall()
    if is_published:
        print_progress(f"published {shown(home.marts)}")
    counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts)
    if is_published or counted:
        print_progress(f"documents since the last publication: {counted or 'none'}")
    print_waiting_files(home)
    for account_id, reason in left_out:
        print(f"ROWS LEFT OUT {account_id}: {reason}", flush=True)
    for account_id, reason, document_id in refused:
        kept = next((shown(p) for p in home.quarantine.glob(f"*/{document_id}")), shown(home.quarantine))
        print(f"QUARANTINED {account_id or 'no account'}: {reason} ({kept})", flush=True)
    return QUARANTINED if refused else LOADED


def print_waiting_files(home: Home) -> None:
    """Print a line for each file left in the inbox."""
    for path in inbox_files(home):
        print(f"WAITING {printable(str(path.relative_to(home.inbox)))}: changed a moment ago, or not readable; run again", flush=True)
