"""Follow DAG runs through Airflow's API, on the console: task by task, window by window, until everything is published."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

import httpx

from seller_warehouse.amazon.account_queues import load_queues
from seller_warehouse.amazon.planner import hours_needed
from seller_warehouse.amazon.report_queue import ReportQueue
from seller_warehouse.cli.airflow_processes import AirflowFailed, Api
from seller_warehouse.cli.console import Progress
from seller_warehouse.core.home import Home
from seller_warehouse.marts.publish import holds_every_load
from seller_warehouse.orchestration.pools import PROBLEMS, REFUSED
from seller_warehouse.reports import SPECS

RUN_SECONDS = 7 * 24 * 3600
BUILD_SECONDS = 120
SAY_SECONDS = 10.0
DONE = ("success", "failed")
_SAID = ("running", "success", "failed", "skipped", "up_for_retry", "upstream_failed")

ACCOUNTS_SHOWN = 5
"""Up to so many accounts each has a line that says how far its reports are."""

Plan = list[dict[str, Any]]
"""What ``plan_requests`` returns: an entry for each account."""


def follow(api: Api, home: Home, runs: Iterable[tuple[str, str]], say: Progress) -> dict[str, dict[str, str]]:
    """Say every change of a task's state until all ``runs`` (DAG, run id) are over; returns the last states of each run's tasks."""
    seen: dict[str, dict[str, str]] = {dag_id: {} for dag_id, _ in runs}
    left, until, said_at = list(runs), time.monotonic() + RUN_SECONDS, say.seconds
    last_said = ""
    while time.monotonic() < until:
        for dag_id, run_id in list(left):
            state = api.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
            for task in api.every(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances"):
                _say_task(dag_id, task, seen[dag_id], say)
            if state in DONE:
                left.remove((dag_id, run_id))
                _say_landing(api, home, [(dag_id, run_id)], say)
        if not left:
            return seen
        if say.seconds - said_at > SAY_SECONDS:
            last_said, said_at = _say_landing(api, home, left, say, last_said), say.seconds
        time.sleep(0.5)
    raise AirflowFailed(f"{left[0][0]} did not end within {RUN_SECONDS} s")


def _say_task(dag_id: str, task: dict[str, Any], seen: dict[str, str], say: Progress) -> None:
    name = task["task_id"].removeprefix("reports.")
    is_account = name == "land_account"
    key = f"{name}[{task['rendered_map_index'] or task['map_index']}]" if is_account else name
    state = task["state"]
    if state in _SAID and seen.get(key) != state:
        seen[key] = state
        if not is_account or state in ("failed", "up_for_retry"):
            say(f"{dag_id}.{key}: {state}")


def plan_of(api: Api, dag_id: str, run_id: str) -> Plan:
    """What a run planned, once it has."""
    tasks = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
    if not any(t["task_id"] == "reports.plan_requests" and t["state"] == "success" for t in api.every(tasks, "task_instances")):
        return []
    return api.get(f"{tasks}/reports.plan_requests/xcomEntries/return_value", deserialize="true")["value"] or []


def queues_of(home: Home, run_id: str, plan: Plan) -> list[ReportQueue]:
    """How far the report queues of a run have come."""
    return [queue for entry in plan for queue in load_queues(home, run_id, entry["account_id"])]


def _say_landing(api: Api, home: Home, runs: Iterable[tuple[str, str]], say: Progress, last_said: str = "") -> str:
    said = []
    for dag_id, run_id in runs:
        plan = plan_of(api, dag_id, run_id) if dag_id != "collect_inbox" else []
        if plan:
            said += landing_lines(dag_id, plan, queues_of(home, run_id, plan))
    text = "\n".join(said)
    if text != last_said:
        for line in said:
            say(line)
    return text


def landing_lines(dag_id: str, plan: Plan, queues: list[ReportQueue]) -> list[str]:
    """How far a run is: in all and, of few accounts, report by report."""
    left = timedelta(hours=max((hours_needed(len(q.todo) + 1, r) for q in queues if (r := SPECS[q.report].requests) and not q.is_over), default=0))
    later = sum(entry["of"] - entry["windows"] for entry in plan)
    said = [
        f"{dag_id}: {sum(q.landed for q in queues)} of {sum(q.planned for q in queues)} windows"
        + (f", {later} in later rounds" if later else "")
        + f"; {sum(q.requests for q in queues)} requests, {sum(q.rows for q in queues):,} rows"
        + (f", Amazon's pauses leave {left} at least" if left else "")
    ]
    if len(plan) <= ACCOUNTS_SHOWN:
        for account_id, of in groupby(queues, key=lambda q: q.account_id):
            open_ones = [f"{q.report} {q.landed} of {q.planned}" for q in of if not q.is_over]
            said += [f"{dag_id}: {account_id}: {', '.join(open_ones)}"] if open_ones else []
    return said


@dataclass(frozen=True)
class FailedTask:
    """A task that did not do its work: sentences that say why, lines of the documents it refused, and for which account it worked."""

    dag_id: str
    name: str
    account_id: str
    problems: tuple[str, ...]
    refused: tuple[str, ...]


def failed_tasks(api: Api, dag_id: str, run_id: str) -> list[FailedTask]:
    """Every task of a run that failed; or, where none has and the run was ended from outside, every one that did not come to its end."""
    of_run = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
    tasks = api.every(of_run, "task_instances")
    is_any_failed = any(task["state"] == "failed" for task in tasks)
    found = []
    for task in tasks:
        if task["state"] == "failed" or (task["state"] not in ("success", "skipped") and not is_any_failed):
            kept = {key: _xcom(api, f"{of_run}/{task['task_id']}", key, task["map_index"]) for key in (PROBLEMS, REFUSED)}
            account_id = (task["rendered_map_index"] or "") if task["task_id"].endswith("land_account") else ""
            # all_loaded is red in the place of the load.
            name = task["task_id"].removeprefix("reports.").replace("all_loaded", "load_documents") + (f" {account_id}" if account_id else "")
            found.append(FailedTask(dag_id, name, account_id, tuple(kept[PROBLEMS]), tuple(kept[REFUSED])))
    return found


def _xcom(api: Api, task: str, key: str, map_index: int) -> list[str]:
    """What a task kept for us; nothing where it ended before it could."""
    try:
        return api.get(f"{task}/xcomEntries/{key}", map_index=map_index, deserialize="true")["value"] or []
    except httpx.HTTPStatusError:
        return []


def until_published(api: Api, home: Home, earlier_builds: set[str], states: Iterable[dict[str, str]], say: Progress) -> list[str]:
    """Wait until every load is published, or a build failed; returns the ids of the builds. ``states`` are those of the runs that loaded.

    A build that is not among the ``earlier_builds`` is followed regardless of its trigger, also where it published before the loads were over.
    """
    nothing_left = all(s.get("load_documents") == "skipped" for s in states)
    followed: dict[str, dict[str, str]] = {}
    until = time.monotonic() + BUILD_SECONDS
    while time.monotonic() < until:
        new = api.run_ids("build_marts") - earlier_builds - set(followed)
        for run_id in sorted(new):
            followed[run_id] = follow(api, home, [("build_marts", run_id)], say)["build_marts"]
            until = time.monotonic() + BUILD_SECONDS
        if followed and "failed" in list(followed.values())[-1].values():
            return list(followed)
        if not new and (nothing_left or (followed and holds_every_load(home))):
            return list(followed)
        time.sleep(0.3)
    raise AirflowFailed(f"the raw data changed, but Airflow started no build within {BUILD_SECONDS} s; read the scheduler's log")
