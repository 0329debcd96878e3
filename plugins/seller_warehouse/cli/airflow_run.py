"""Passes through a real Airflow scheduler, followed on the console: the demo, and ``make run ORCHESTRATOR=airflow``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx

from seller_warehouse.alerts.channels import channel_urls
from seller_warehouse.amazon.planner import PAUSE_HOURS
from seller_warehouse.amazon.report_queue import ReportQueue
from seller_warehouse.cli.airflow_processes import AirflowFailed, Api, running_airflow
from seller_warehouse.cli.console import (
    LOADED,
    NOT_PUBLISHED,
    NOTHING_NEW,
    Progress,
    print_documents,
    published_loads,
    require_api_account,
    run_in_home,
    worst,
)
from seller_warehouse.cli.progress import DONE, FailedTask, failed_tasks, follow, plan_of, queues_of, wait_until_published
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home, shown
from seller_warehouse.marts.publish import last_publication
from seller_warehouse.orchestration.pools import IS_FOLLOWED

Drive = Callable[[Api, dict[str, Account], Progress], int]
Airflow = Callable[[Home, Progress], AbstractContextManager[Api]]


def with_airflow(home: Home, accounts_path: Path, drive: Drive, airflow: Airflow = running_airflow) -> int:
    """Run ``drive`` with an Airflow, by default one started for it; returns the exit code."""

    def do(accounts: dict[str, Account], print_progress: Progress) -> int:
        try:
            with airflow(home, print_progress) as api:
                code = drive(api, accounts, print_progress)
                return code if send_alerts_and_wait(api, home, print_progress) else NOT_PUBLISHED
        except AirflowFailed as error:
            print(error, file=sys.stderr)
        except httpx.HTTPError as error:
            print(f"Airflow's API failed ({error}); read {shown(home.airflow)}/*.log and run again", file=sys.stderr)
        return NOT_PUBLISHED

    return run_in_home(home, accounts_path, do)


def send_alerts_and_wait(api: Api, home: Home, print_progress: Progress) -> bool:
    """Send the alerts and wait for the end of their run; returns whether it worked. If there is no channel, only wait for runs under way.

    The publication has started such a run: Airflow waits for seconds for a task that it stops while the task ends.
    """
    follow(api, home, [("send_alerts", run_id) for run_id in api.run_ids("send_alerts", "queued", "running")], print_progress)
    if not channel_urls(os.environ):
        return True
    run_id = api.trigger("send_alerts", {})
    follow(api, home, [("send_alerts", run_id)], print_progress)
    lines = failure_lines(home, failed_tasks(api, "send_alerts", run_id), [])
    for line in lines:
        print(line, flush=True)
    return not lines


def one_pass(home: Home) -> Drive:
    """Collect the inbox, land the recent days of the ``sp_api`` accounts, load, build and publish."""

    def drive(api: Api, accounts: dict[str, Account], print_progress: Progress) -> int:
        asks = any(a.source == "sp_api" for a in accounts.values())
        return run_dags(api, home, ["collect_inbox", *(["land_reports"] if asks else [])], {}, print_progress)[0]

    return drive


def backfill(home: Home, account: str | None, months: int, pause_hours: int = PAUSE_HOURS, *, with_recent: bool = False) -> Drive:
    """Land the recent days and then, round by round, the history; load and publish after each round.

    ``with_recent`` requests the recent days in the first round instead of before it, which saves one build but publishes them later.
    Ends when everything was requested. A later run requests again what was refused or came without data.
    """

    def drive(api: Api, accounts: dict[str, Account], print_progress: Progress) -> int:
        require_api_account(accounts, account)
        conf = {"account": account, "months": months, "pause_hours": pause_hours} | ({"with_recent": True} if with_recent else {})
        worst_yet = LOADED if with_recent else run_dags(api, home, ["land_reports"], conf, print_progress)[0]
        while True:
            # A failure in one account's recent days does not stop the history of the others.
            code, left = run_dags(api, home, ["backfill_history"], conf, print_progress)
            worst_yet = worst(worst_yet, code)
            if not left or code == NOT_PUBLISHED:
                return worst_yet

    return drive


def run_dags(api: Api, home: Home, dags: list[str], conf: dict[str, Any], print_progress: Progress) -> tuple[int, int]:
    """Run landing DAGs as one pass: one after the other, then one build; wait until everything they loaded is published.

    Returns the exit code, and the number of windows that are left to request.
    """
    # A killed run may have loaded documents; this run's scheduler then starts their build.
    last, before, earlier_builds = last_publication(home), published_loads(home), api.run_ids("build_marts", *DONE)
    states: dict[str, dict[str, str]] = {}
    runs, queues, left = list[tuple[str, str]](), list[ReportQueue](), 0
    for dag_id in dags:
        follows = {IS_FOLLOWED: True} if dag_id != dags[-1] else {}
        run_id = api.trigger(dag_id, (conf if dag_id != "collect_inbox" else {}) | follows)
        runs.append((dag_id, run_id))
        states |= follow(api, home, [(dag_id, run_id)], print_progress)
        plan = plan_of(api, dag_id, run_id) if dag_id != "collect_inbox" else []
        queues += queues_of(home, run_id, plan)
        left += sum(entry["of"] - entry["windows"] for entry in plan)
    # Even if one load failed, the others must be built.
    loaded = [of for of in states.values() if of.get("load_documents") in ("success", "skipped")]
    builds = wait_until_published(api, home, earlier_builds, loaded, print_progress) if loaded else []
    is_published = last_publication(home) != last
    tasks = [task for dag_id, run_id in [*runs, *(("build_marts", b) for b in builds)] for task in failed_tasks(api, dag_id, run_id)]
    lines = failure_lines(home, tasks, [q for q in queues if q.failure])
    if not is_published:
        print_progress("not published" if lines else NOTHING_NEW)
    code = print_documents(
        home, before, [run_id for _, run_id in runs], [r for t in tasks for r in t.refused], print_progress, is_published=is_published
    )
    for line in lines:
        print(line, flush=True)
    return (NOT_PUBLISHED if lines else code), left


def failure_lines(home: Home, tasks: Iterable[FailedTask], queues: Collection[ReportQueue]) -> list[str]:
    """A line for each failure: accounts that could not be reached, reports that could not be landed, and steps.

    A task that failed only because documents were refused is not a failure.
    """
    lines = [f"NOT REACHED {problem}" for problem in sorted({q.failure for q in queues if q.is_refused})]
    lines += [f"FAILED land_report {q.account_id} {q.report}: {q.failure}" for q in queues if not q.is_refused]
    listed = {q.account_id for q in queues}
    for task in tasks:
        if task.account_id not in listed:
            unknown = () if task.refused else (f"it ended without saying why; read {_log(home, task.dag_id)}, then run again",)
            lines += [f"FAILED {task.name}: {why}" for why in task.problems or unknown]
    return list(dict.fromkeys(lines))


def _log(home: Home, dag_id: str) -> str:
    return f"{shown(home.airflow)}/logs/dag_id={dag_id}"
