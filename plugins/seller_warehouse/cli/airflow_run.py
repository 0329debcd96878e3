"""Passes through a real Airflow scheduler, followed on the console: the demo, and ``make run ORCHESTRATOR=airflow``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx

from seller_warehouse.alerts.channels import channel_urls
from seller_warehouse.amazon.planner import PAUSE_HOURS
from seller_warehouse.amazon.report_queue import ReportQueue
from seller_warehouse.cli.airflow_processes import AirflowFailed, Api, running_airflow
from seller_warehouse.cli.console import LOADED, NOT_PUBLISHED, Progress, in_home, known_account, published_loads, say_documents, worst
from seller_warehouse.cli.progress import DONE, follow, plan_of, queues_of, until_published
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
                tell(api, home, say)
                return code
        except AirflowFailed as error:
            print(error, file=sys.stderr)
        except httpx.HTTPError as error:
            print(f"Airflow's API failed ({error}); read {shown(home.airflow)}/*.log and run again", file=sys.stderr)
        return NOT_PUBLISHED

    return in_home(home, accounts_path, do)


def tell(api: Api, home: Home, say: Progress) -> None:
    """Send the alerts before Airflow stops; without a channel nobody waits for one."""
    if channel_urls(os.environ) and "failed" in follow(api, home, [("send_alerts", api.trigger("send_alerts", {}))], say)["send_alerts"].values():
        print(f"ALERTS NOT SENT; read {_log(home, 'send_alerts')}", flush=True)


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
    queues, left = list[ReportQueue](), 0
    for dag_id in dags:
        follows = {IS_FOLLOWED: True} if dag_id != dags[-1] else {}
        run_id = api.trigger(dag_id, (conf if dag_id != "collect_inbox" else {}) | follows)
        states |= follow(api, home, [(dag_id, run_id)], say)
        plan = plan_of(api, dag_id, run_id) if dag_id != "collect_inbox" else []
        queues += queues_of(home, run_id, plan)
        left += sum(entry["of"] - entry["windows"] for entry in plan)
    for dag_id in dags:
        if states[dag_id].get("load_documents") not in ("success", "skipped"):
            say(f"not published: {dag_id}.load_documents ended as {states[dag_id].get('load_documents')}; read {_log(home, dag_id)}")
            return NOT_PUBLISHED, left
    if not until_published(api, home, earlier_builds, states.values(), say):
        say(f"not published: build_marts failed; read {_log(home, 'build_marts')}")
        return NOT_PUBLISHED, left
    code = say_documents(home, before, say, is_published=last_publication(home) != last)
    is_landed = _say_what_failed(home, states, [q for q in queues if q.failure])
    return (code if is_landed else NOT_PUBLISHED), left


def _say_what_failed(home: Home, states: dict[str, dict[str, str]], failed: list[ReportQueue]) -> bool:
    """Name the accounts and reports that could not be landed; whether there are none."""
    for problem in sorted({q.failure for q in failed if q.is_refused}):
        print(f"NOT REACHED {problem}", flush=True)
    for queue in failed:
        if not queue.is_refused:
            print(f"FAILED {queue.account_id}/{queue.report}: {queue.failure}", flush=True)
    tasks = [(d, task) for d, of in states.items() for task, state in of.items() if task.startswith("land_account") and state == "failed"]
    for dag_id, task in tasks if not failed else []:
        print(f"FAILED {dag_id}.{task}; read {_log(home, dag_id)}", flush=True)
    return not tasks


def _log(home: Home, dag_id: str) -> str:
    return f"{shown(home.airflow)}/logs/dag_id={dag_id}"
