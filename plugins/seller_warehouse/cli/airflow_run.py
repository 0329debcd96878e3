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
from seller_warehouse.cli.airflow_processes import AirflowFailed, Api, running_airflow
from seller_warehouse.cli.console import LOADED, NOT_PUBLISHED, Progress, in_home, known_account, published_loads, say_documents, worst
from seller_warehouse.cli.progress import DONE, Lanes, follow, lanes_of, until_published
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home, shown
from seller_warehouse.marts.publish import last_publication

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


def backfill(home: Home, account: str | None, months: int, pause_hours: int = PAUSE_HOURS) -> Drive:
    """Land what is recent and then, round by round, the history; loaded and published after each round.

    It ends when everything was asked for. What was refused or came without data is asked for again by a later run.
    """

    def drive(api: Api, accounts: dict[str, Account], say: Progress) -> int:
        known_account(accounts, account)
        conf = {"account": account, "months": months, "pause_hours": pause_hours}
        dags, worst_yet = ["land_reports", "backfill_history"], LOADED
        while True:
            code, left = run_dags(api, home, dags, conf, say)
            worst_yet = worst(worst_yet, code)
            if not left or code == NOT_PUBLISHED:
                return worst_yet
            dags = ["backfill_history"]

    return drive


def run_dags(api: Api, home: Home, dags: list[str], conf: dict[str, Any], say: Progress) -> tuple[int, int]:
    """Run some landing DAGs side by side and wait until what they loaded is published; the exit code, and how many windows are left to ask for."""
    # A killed run may have loaded and left the build to this one's scheduler.
    last, before, earlier_builds = last_publication(home), published_loads(home), api.run_ids("build_marts", *DONE)
    runs = [(dag_id, api.trigger(dag_id, conf if dag_id != "collect_inbox" else {})) for dag_id in dags]
    states = follow(api, home, runs, say)
    lanes = {dag_id: lanes_of(api, dag_id, run_id) for dag_id, run_id in runs if dag_id != "collect_inbox"}
    left = sum(lane["of"] - len(lane["windows"]) for of in lanes.values() for lane in of if not lane.get("problem"))
    for dag_id in dags:
        if states[dag_id].get("load_documents") not in ("success", "skipped"):
            say(f"not published: {dag_id}.load_documents ended as {states[dag_id].get('load_documents')}; read {_log(home, dag_id)}")
            return NOT_PUBLISHED, left
    if not until_published(api, home, earlier_builds, states.values(), say):
        say(f"not published: build_marts failed; read {_log(home, 'build_marts')}")
        return NOT_PUBLISHED, left
    code = say_documents(home, before, say, is_published=last_publication(home) != last)
    unreached = _say_what_failed(home, states, lanes)
    return (NOT_PUBLISHED if unreached else code), left


def _say_what_failed(home: Home, states: dict[str, dict[str, str]], lanes: dict[str, Lanes]) -> bool:
    """Name the accounts and reports that could not be landed; whether there are any."""
    problems = sorted({lane["problem"] for of in lanes.values() for lane in of if lane.get("problem")})
    for problem in problems:
        print(f"NOT REACHED {problem}", flush=True)
    failed = [f"{d}.{task}" for d, tasks in states.items() for task, state in tasks.items() if task.startswith("land_report") and state == "failed"]
    if failed and not problems:
        for task in failed:
            print(f"FAILED {task}; read {_log(home, task.split('.')[0])}", flush=True)
    return bool(failed)


def _log(home: Home, dag_id: str) -> str:
    return f"{shown(home.airflow)}/logs/dag_id={dag_id}"
