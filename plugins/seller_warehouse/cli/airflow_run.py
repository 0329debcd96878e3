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
from seller_warehouse.cli.console import LOADED, NOT_PUBLISHED, NOTHING_NEW, Progress, in_home, known_account, published_loads, say_documents, worst
from seller_warehouse.cli.progress import DONE, FailedTask, failed_tasks, follow, plan_of, queues_of, until_published
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home, shown
from seller_warehouse.marts.publish import last_publication
from seller_warehouse.orchestration.pools import IS_FOLLOWED

Drive = Callable[[Api, dict[str, Account], Progress], int]
Airflow = Callable[[Home, Progress], AbstractContextManager[Api]]


def with_airflow(home: Home, accounts_path: Path, drive: Drive, airflow: Airflow = running_airflow) -> int:
    """Do something with an Airflow, by default one that runs for the while; returns the exit code."""

    def do(accounts: dict[str, Account], say: Progress) -> int:
        try:
            with airflow(home, say) as api:
                code = drive(api, accounts, say)
                return code if tell(api, home, say) else NOT_PUBLISHED
        except AirflowFailed as error:
            print(error, file=sys.stderr)
        except httpx.HTTPError as error:
            print(f"Airflow's API failed ({error}); read {shown(home.airflow)}/*.log and run again", file=sys.stderr)
        return NOT_PUBLISHED

    return in_home(home, accounts_path, do)


def tell(api: Api, home: Home, say: Progress) -> bool:
    """Send the alerts before Airflow stops; whether that worked. Without a channel nobody waits for one."""
    if not channel_urls(os.environ):
        return True
    run_id = api.trigger("send_alerts", {})
    follow(api, home, [("send_alerts", run_id)], say)
    lines = what_failed(home, failed_tasks(api, "send_alerts", run_id), [])
    for line in lines:
        print(line, flush=True)
    return not lines


def one_pass(home: Home) -> Drive:
    """Collect the inbox, land what is recent of the accounts at Amazon, load, build and publish."""

    def drive(api: Api, accounts: dict[str, Account], say: Progress) -> int:
        asks = any(a.source == "sp_api" for a in accounts.values())
        return run_dags(api, home, ["collect_inbox", *(["land_reports"] if asks else [])], {}, say)[0]

    return drive


def backfill(home: Home, account: str | None, months: int, pause_hours: int = PAUSE_HOURS, *, with_recent: bool = False) -> Drive:
    """Land what is recent and then, round by round, the history; loaded and published after each round.

    ``with_recent`` asks for the recent days in the first round, not before it, which takes one build less and publishes them later.
    It ends when everything was asked for. What was refused or came without data is asked for again by a later run.
    """

    def drive(api: Api, accounts: dict[str, Account], say: Progress) -> int:
        known_account(accounts, account)
        conf = {"account": account, "months": months, "pause_hours": pause_hours} | ({"with_recent": True} if with_recent else {})
        worst_yet = LOADED if with_recent else run_dags(api, home, ["land_reports"], conf, say)[0]
        while True:
            # What failed of one account's recent days does not hold up the history of the others.
            code, left = run_dags(api, home, ["backfill_history"], conf, say)
            worst_yet = worst(worst_yet, code)
            if not left or code == NOT_PUBLISHED:
                return worst_yet

    return drive


def run_dags(api: Api, home: Home, dags: list[str], conf: dict[str, Any], say: Progress) -> tuple[int, int]:
    """Run some landing DAGs as one pass: one after the other, then one build; wait until what they loaded is published.

    Returns the exit code, and how many windows are left to ask for.
    """
    # A killed run may have loaded and left the build to this one's scheduler.
    last, before, earlier_builds = last_publication(home), published_loads(home), api.run_ids("build_marts", *DONE)
    states: dict[str, dict[str, str]] = {}
    runs, queues, left = list[tuple[str, str]](), list[ReportQueue](), 0
    for dag_id in dags:
        follows = {IS_FOLLOWED: True} if dag_id != dags[-1] else {}
        run_id = api.trigger(dag_id, (conf if dag_id != "collect_inbox" else {}) | follows)
        runs.append((dag_id, run_id))
        states |= follow(api, home, [(dag_id, run_id)], say)
        plan = plan_of(api, dag_id, run_id) if dag_id != "collect_inbox" else []
        queues += queues_of(home, run_id, plan)
        left += sum(entry["of"] - entry["windows"] for entry in plan)
    # Where one load failed, the others' still have to be built.
    loaded = [of for of in states.values() if of.get("load_documents") in ("success", "skipped")]
    builds = until_published(api, home, earlier_builds, loaded, say) if loaded else []
    is_published = last_publication(home) != last
    tasks = [task for dag_id, run_id in [*runs, *(("build_marts", b) for b in builds)] for task in failed_tasks(api, dag_id, run_id)]
    lines = what_failed(home, tasks, [q for q in queues if q.failure])
    if not is_published:
        say("not published" if lines else NOTHING_NEW)
    code = say_documents(home, before, [run_id for _, run_id in runs], [r for t in tasks for r in t.refused], say, is_published=is_published)
    for line in lines:
        print(line, flush=True)
    return (NOT_PUBLISHED if lines else code), left


def what_failed(home: Home, tasks: Iterable[FailedTask], queues: Collection[ReportQueue]) -> list[str]:
    """A line for everything that did not do its work: accounts that could not be reached, reports that could not be landed, and steps.

    A task that failed because documents were refused did its work.
    """
    lines = [f"NOT REACHED {problem}" for problem in sorted({q.failure for q in queues if q.is_refused})]
    lines += [f"FAILED land_report {q.account_id} {q.report}: {q.failure}" for q in queues if not q.is_refused]
    said = {q.account_id for q in queues}
    for task in tasks:
        if task.account_id not in said:
            unsaid = () if task.refused else (f"it ended without saying why; read {_log(home, task.dag_id)}, then run again",)
            lines += [f"FAILED {task.name}: {why}" for why in task.problems or unsaid]
    return list(dict.fromkeys(lines))


def _log(home: Home, dag_id: str) -> str:
    return f"{shown(home.airflow)}/logs/dag_id={dag_id}"
