"""Follow DAG runs through Airflow's API, on the console: task by task, window by window, until everything is published."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
PRINT_SECONDS = 10.0
ASK_SECONDS = 1.0
DONE = ("success", "failed")
_PRINTED_STATES = ("running", "success", "failed", "skipped", "up_for_retry", "upstream_failed")

CLOCK_MARGIN = timedelta(minutes=1)
"""Changes of tasks are asked for from this long before the last time, since Airflow may run by another clock."""

ACCOUNTS_SHOWN = 5
"""Print a progress line per account up to this number of accounts."""

Plan = list[dict[str, Any]]
"""The entries that ``plan_requests`` returns, one per account."""


def follow(api: Api, home: Home, runs: Iterable[tuple[str, str]], print_progress: Progress) -> dict[str, dict[str, str]]:
    """Print every change of a task's state until all ``runs`` (DAG, run id) are over; returns the last states of each run's tasks."""
    seen: dict[str, dict[str, str]] = {dag_id: {} for dag_id, _ in runs}
    left, until, printed_at = list(runs), time.monotonic() + RUN_SECONDS, print_progress.seconds
    last_printed, asked_at = "", datetime.now(UTC) - timedelta(seconds=RUN_SECONDS)
    while time.monotonic() < until:
        changed_since, asked_at = asked_at - CLOCK_MARGIN, datetime.now(UTC)
        for dag_id, run_id in list(left):
            state = api.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
            # Once more all tasks at the end: nothing may be missing from the states returned.
            filters = {} if state in DONE else {"updated_at_gte": changed_since.isoformat()}
            for task in api.list_all(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances", **filters):
                _print_task(dag_id, task, seen[dag_id], print_progress)
            if state in DONE:
                left.remove((dag_id, run_id))
                _print_landing(api, home, [(dag_id, run_id)], print_progress)
        if not left:
            return seen
        if print_progress.seconds - printed_at > PRINT_SECONDS:
            last_printed, printed_at = _print_landing(api, home, left, print_progress, last_printed), print_progress.seconds
        time.sleep(ASK_SECONDS)
    raise AirflowFailed(f"{left[0][0]} did not end within {RUN_SECONDS} s")


def _print_task(dag_id: str, task: dict[str, Any], seen: dict[str, str], print_progress: Progress) -> None:
    name = task["task_id"].removeprefix("reports.")
    is_account = name == "land_account"
    key = f"{name}[{task['rendered_map_index'] or task['map_index']}]" if is_account else name
    state = task["state"]
    if state in _PRINTED_STATES and seen.get(key) != state:
        seen[key] = state
        if not is_account or state in ("failed", "up_for_retry"):
            print_progress(f"{dag_id}.{key}: {state}")


def plan_of(api: Api, dag_id: str, run_id: str) -> Plan:
    """The plan of a run; empty until it has one."""
    tasks = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
    if not any(t["task_id"] == "reports.plan_requests" and t["state"] == "success" for t in api.list_all(tasks, "task_instances")):
        return []
    return api.get(f"{tasks}/reports.plan_requests/xcomEntries/return_value", deserialize="true")["value"] or []


def queues_of(home: Home, run_id: str, plan: Plan) -> list[ReportQueue]:
    """The report queues of a run in their current state."""
    return [queue for entry in plan for queue in load_queues(home, run_id, entry["account_id"])]


def _print_landing(api: Api, home: Home, runs: Iterable[tuple[str, str]], print_progress: Progress, last_printed: str = "") -> str:
    lines = []
    for dag_id, run_id in runs:
        plan = plan_of(api, dag_id, run_id) if dag_id != "collect_inbox" else []
        if plan:
            lines += landing_lines(dag_id, plan, queues_of(home, run_id, plan))
    text = "\n".join(lines)
    if text != last_printed:
        for line in lines:
            print_progress(line)
    return text


def landing_lines(dag_id: str, plan: Plan, queues: list[ReportQueue]) -> list[str]:
    """The progress of a run: in total and, if there are few accounts, by report."""
    left = timedelta(hours=max((hours_needed(len(q.todo) + 1, r) for q in queues if (r := SPECS[q.report].requests) and not q.is_over), default=0))
    later = sum(entry["of"] - entry["windows"] for entry in plan)
    lines = [
        f"{dag_id}: {sum(q.landed for q in queues)} of {sum(q.planned for q in queues)} windows"
        + (f", {later} in later rounds" if later else "")
        + f"; {sum(q.requests for q in queues)} requests, {sum(q.rows for q in queues):,} rows"
        + (f", Amazon's pauses leave {left} at least" if left else "")
    ]
    if len(plan) <= ACCOUNTS_SHOWN:
        for account_id, of in groupby(queues, key=lambda q: q.account_id):
            open_ones = [f"{q.report} {q.landed} of {q.planned}" for q in of if not q.is_over]
            lines += [f"{dag_id}: {account_id}: {', '.join(open_ones)}"] if open_ones else []
    return lines


@dataclass(frozen=True)
class FailedTask:
    """A failed task, with its account, the reasons as sentences, and a line for each document it refused."""

    dag_id: str
    name: str
    account_id: str
    problems: tuple[str, ...]
    refused: tuple[str, ...]


def failed_tasks(api: Api, dag_id: str, run_id: str) -> list[FailedTask]:
    """The failed tasks of a run; if none has failed, those that did not finish because the run was ended from outside."""
    of_run = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
    tasks = api.list_all(of_run, "task_instances")
    is_any_failed = any(task["state"] == "failed" for task in tasks)
    found = []
    for task in tasks:
        if task["state"] == "failed" or (task["state"] not in ("success", "skipped") and not is_any_failed):
            kept = {key: _xcom(api, f"{of_run}/{task['task_id']}", key, task["map_index"]) for key in (PROBLEMS, REFUSED)}
            account_id = (task["rendered_map_index"] or "") if task["task_id"].endswith("land_account") else ""
            # all_loaded fails in place of the load.
            name = task["task_id"].removeprefix("reports.").replace("all_loaded", "load_documents") + (f" {account_id}" if account_id else "")
            found.append(FailedTask(dag_id, name, account_id, tuple(kept[PROBLEMS]), tuple(kept[REFUSED])))
    return found


def _xcom(api: Api, task: str, key: str, map_index: int) -> list[str]:
    """An XCom of a task; empty if the task ended before it wrote one."""
    try:
        return api.get(f"{task}/xcomEntries/{key}", map_index=map_index, deserialize="true")["value"] or []
    except httpx.HTTPStatusError:
        return []


def wait_until_published(api: Api, home: Home, earlier_builds: set[str], states: Iterable[dict[str, str]], print_progress: Progress) -> list[str]:
    """Wait until every load is published or a build has failed; returns the ids of the builds. ``states``: task states of the runs that loaded.

    Every build that is not in ``earlier_builds`` is followed regardless of its trigger, even if it published before the loads were over.
    """
    nothing_left = all(s.get("load_documents") == "skipped" for s in states)
    followed: dict[str, dict[str, str]] = {}
    until = time.monotonic() + BUILD_SECONDS
    while time.monotonic() < until:
        new = api.run_ids("build_marts") - earlier_builds - set(followed)
        for run_id in sorted(new):
            followed[run_id] = follow(api, home, [("build_marts", run_id)], print_progress)["build_marts"]
            until = time.monotonic() + BUILD_SECONDS
        if followed and "failed" in list(followed.values())[-1].values():
            return list(followed)
        if not new and (nothing_left or (followed and holds_every_load(home))):
            return list(followed)
        time.sleep(0.3)
    raise AirflowFailed(f"the raw data changed, but Airflow started no build within {BUILD_SECONDS} s; read the scheduler's log")
