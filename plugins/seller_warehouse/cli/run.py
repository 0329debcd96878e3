"""``make run`` and ``make backfill``: passes in this process, with progress on the console, or as DAGs in a real Airflow scheduler.

Exit code 0: everything was loaded. 2: published, but something was quarantined (named on the last lines).
1: not published, an account could not be reached, or a step failed (named, with the log to read).
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from datetime import UTC
from functools import partial
from logging.handlers import RotatingFileHandler
from threading import Lock
from typing import Any

import pyarrow

from seller_warehouse.alerts.channels import channel_urls
from seller_warehouse.alerts.delivery import send_new
from seller_warehouse.amazon.planner import PAUSE_HOURS
from seller_warehouse.cli.console import (
    NOT_PUBLISHED,
    NOTHING_NEW,
    Progress,
    interrupt_on_signals,
    print_documents,
    published_loads,
    require_api_account,
    run_in_home,
    worst,
)
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.clock import clock_from_environment, day_from_environment, settle_seconds_from_environment
from seller_warehouse.core.home import Home, accounts_file
from seller_warehouse.core.outcome import Outcome
from seller_warehouse.core.problems import problem_of
from seller_warehouse.steps import Run, land_due, plan_requests, run_pass

LOG_BYTES, LOGS_KEPT = 10_000_000, 3


class Passes:
    """The passes of one command over a home."""

    def __init__(self, home: Home, accounts: dict[str, Account], print_progress: Progress) -> None:
        self.home, self.accounts, self.print_progress, self.clock = home, accounts, print_progress, clock_from_environment()
        self.left = 0
        """Windows that the last plan left to later passes."""

    def once(self, name: str, *, recent: bool = True, **plan: Any) -> int:
        """Collect the inbox, request what is due from Amazon, load, build and publish; returns the exit code."""
        at, before = self.clock.now(), published_loads(self.home)
        run = Run(self.home, self.accounts, f"{name}__{at.isoformat()}", at)
        as_of = day_from_environment() or at.astimezone(UTC).date()
        asks = any(a.source == "sp_api" for a in self.accounts.values())
        outcome = run_pass(
            run, as_of=as_of, settle_seconds=settle_seconds_from_environment(),
            land=partial(self._land, run, {"recent": recent, "months": 18, **plan}) if asks else None, notify=self.print_progress,
        )  # fmt: skip
        if channel_urls(os.environ) and not os.environ.get("SELLER_WAREHOUSE_AS_KNOWN_AT"):
            outcome.attempt("send_alerts", partial(send_new, self.home, self.accounts, os.environ, today=as_of, at=run.at), self.print_progress)
        return self._report(run, outcome, before)

    def _land(self, run: Run, plan: dict[str, Any], outcome: Outcome) -> dict[str, int]:
        from seller_warehouse.cli.airflow_processes import environment, set_damaged_database_aside

        set_damaged_database_aside(self.home, self.print_progress)
        # Airflow stores the secrets of connections. Importing it takes seconds, reads its settings and replaces the log handlers.
        os.environ |= environment(self.home, 0)
        handlers = list(logging.root.handlers)
        from seller_warehouse.orchestration.operators import amazon_of, connection_outside_tasks

        one_at_a_time = Lock()

        def connection_named(name: str) -> Any:
            with one_at_a_time:
                try:
                    return connection_outside_tasks(name)
                finally:
                    logging.root.handlers[:] = handlers

        entries = plan_requests(run, **plan)
        windows, reports, in_all = (sum(entry[n] for entry in entries) for n in ("windows", "reports", "of"))
        self.left = in_all - windows
        self.print_progress(
            f"land_reports: {windows} windows of {reports} reports to ask for" + (f", {self.left} in later rounds" if self.left else "")
        )
        open_amazon = partial(amazon_of, home=self.home, connection_named=connection_named)
        return land_due(run, entries, open_amazon, self.clock, outcome, self.print_progress)

    def _report(self, run: Run, outcome: Outcome, before: pyarrow.Table | None) -> int:
        """Print the documents, then refusals, unreached accounts and failures; returns the exit code."""
        if not outcome.is_published:
            self.print_progress("not published" if outcome.failed else NOTHING_NEW)
        code = print_documents(self.home, before, [run.run_id], outcome.refused, self.print_progress, is_published=outcome.is_published)
        for problem in outcome.unreached:
            print(f"NOT REACHED {problem}", flush=True)
        for step, error in outcome.failed.items():
            print(f"FAILED {step}: {problem_of(error, self.home)}", flush=True)
        return NOT_PUBLISHED if outcome.failed or outcome.unreached else code


def run_once(home: Home, accounts: dict[str, Account], print_progress: Progress) -> int:
    """One pass over the inbox and the recent days at Amazon; returns the exit code."""
    return Passes(home, accounts, print_progress).once("run")


def backfill(home: Home, account: str | None, months: int, accounts: dict[str, Account], print_progress: Progress) -> int:
    """Passes over the recent days and then, round by round, the history, each loaded and published; returns the exit code.

    Ends when everything was requested. A later run requests again what was refused or came without data.
    """
    require_api_account(accounts, account)
    passes, plan = Passes(home, accounts, print_progress), {"months": months, "only": account, "pause_hours": PAUSE_HOURS}
    code = passes.once("backfill", recent=True, **plan)
    while True:
        # A failure in one account's recent days does not stop the history of the others.
        code = worst(code, passes.once("backfill", recent=False, **plan))
        if not passes.left or code == NOT_PUBLISHED:
            return code


def _log_to(home: Home) -> None:
    home.log.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(home.log, maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8")
    logging.raiseExceptions = False  # Report a full disk once, not with every line that cannot be logged.
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def main(arguments: list[str] | None = None) -> int:
    """The command line; everything else comes from the environment."""
    parser = argparse.ArgumentParser(prog="python -m seller_warehouse.run", description=__doc__)
    parser.add_argument("--orchestrator", default="process", choices=("process", "airflow"), help="where the steps run; they are the same in both")
    commands = parser.add_subparsers(dest="command")
    history = commands.add_parser("backfill", help="fetch the history of one account, or of all")
    history.add_argument("--account", default=None)
    history.add_argument("--months", type=int, default=18, choices=range(1, 19), metavar="1-18")
    chosen = parser.parse_args(arguments)
    home = Home.from_environment()
    interrupt_on_signals()
    if chosen.orchestrator == "airflow":
        from seller_warehouse.cli import airflow_run

        drive = airflow_run.backfill(home, chosen.account, chosen.months) if chosen.command else airflow_run.one_pass(home)
        return airflow_run.with_airflow(home, accounts_file(), drive)
    try:
        _log_to(home)
    except OSError as error:
        print(problem_of(error, home), file=sys.stderr)
        return NOT_PUBLISHED
    return run_in_home(home, accounts_file(), partial(backfill, home, chosen.account, chosen.months) if chosen.command else partial(run_once, home))


if __name__ == "__main__":
    sys.exit(main())
