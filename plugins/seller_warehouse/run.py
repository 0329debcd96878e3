"""``make run``: one real pass through a real Airflow scheduler, with progress on the console.

Exit code 0: everything was loaded. 2: published, but something was quarantined (named on the last lines).
1: not published.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from seller_warehouse.accounts import ConfigurationError, load_accounts
from seller_warehouse.airflow_processes import AirflowFailed, Api, running_airflow
from seller_warehouse.paths import Home, accounts_file, shown

LOADED, NOT_PUBLISHED, QUARANTINED = 0, 1, 2
RUN_SECONDS = 6 * 3600
_DONE = ("success", "failed")


class Progress:
    """Lines with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, text: str) -> None:
        """Say one line."""
        print(f"[{time.monotonic() - self._start:6.1f} s] {text}", flush=True)


def one_pass(home: Home, accounts_path: Path) -> int:
    """Collect the inbox, load, build and publish; returns the exit code."""
    say = Progress()
    home.root.mkdir(parents=True, exist_ok=True)
    try:
        accounts = load_accounts(accounts_path)
        with FileLock(home.root / ".run.lock", timeout=0):
            for account_id in accounts:
                (home.inbox / account_id).mkdir(parents=True, exist_ok=True)
            say(f"{len(accounts)} accounts, home {shown(home.root)}")
            with running_airflow(home, say) as api:
                return _drive(api, home, say)
    except Timeout:
        print(f"another run is using {home.root}; wait until it ends", file=sys.stderr)
    except (ConfigurationError, AirflowFailed) as error:
        print(error, file=sys.stderr)
    return NOT_PUBLISHED


def _drive(api: Api, home: Home, say: Progress) -> int:
    api.prepare()
    earlier_builds = api.run_ids("build_marts")
    run_id = api.trigger("collect_inbox")
    tasks = _follow(api, "collect_inbox", run_id, say)
    if tasks["load_documents"] == "skipped":
        say("nothing new: the last publication holds everything")
        return LOADED
    if tasks["load_documents"] != "success":
        say(f"not published: load_documents ended as {tasks['load_documents']}; read {shown(home.airflow)}/logs/dag_id=collect_inbox")
        return NOT_PUBLISHED
    build_id = _build_after(api, earlier_builds)
    states = _follow(api, "build_marts", build_id, say)
    if set(states.values()) != {"success"}:
        say(f"not published: build_marts failed; read {shown(home.airflow)}/logs/dag_id=build_marts")
        return NOT_PUBLISHED
    return _report(home, run_id, say)


def _build_after(api: Api, earlier: set[str]) -> str:
    """The build that the new raw data started.

    The asset events name it too, but their endpoint answers 500 while the run they started is queued (Airflow 3.3.2).
    """
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if started := api.run_ids("build_marts") - earlier:
            return max(started)
        time.sleep(0.3)
    raise AirflowFailed("the raw data changed, but Airflow started no build within 120 s; read the scheduler's log")


def _follow(api: Api, dag_id: str, run_id: str, say: Progress) -> dict[str, str]:
    """Say every change of a task's state until the run is over; returns the last states."""
    seen: dict[str, str] = {}
    until = time.monotonic() + RUN_SECONDS
    while time.monotonic() < until:
        run = api.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
        for task in api.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]:
            name, state = task["task_id"], task["state"]
            if state in ("running", "success", "failed", "skipped", "up_for_retry", "upstream_failed") and seen.get(name) != state:
                seen[name] = state
                say(f"{dag_id}.{name}: {state}")
        if run["state"] in _DONE:
            return seen
        time.sleep(0.4)
    raise AirflowFailed(f"{dag_id} did not end within {RUN_SECONDS} s")


def _report(home: Home, run_id: str, say: Progress) -> int:
    with duckdb.connect(str(home.marts.resolve()), read_only=True) as connection:
        verdicts = connection.execute("select verdict, count(*) from meta.loads where run_id = ? group by all order by all", [run_id]).fetchall()
        refused = connection.execute(
            "select account_id, reason from meta.loads where run_id = ? and verdict = 'QUARANTINED' order by all", [run_id]
        ).fetchall()
    say(f"published {shown(home.marts)}")
    say("documents of this run: " + (", ".join(f"{count} {verdict}" for verdict, count in verdicts) or "none"))
    for account_id, reason in refused:
        print(f"QUARANTINED {account_id}: {reason}", flush=True)
    return QUARANTINED if refused else LOADED


def main(arguments: Any = None) -> int:
    """The command line: no arguments, everything comes from the environment."""
    return one_pass(Home.from_environment(), accounts_file())


if __name__ == "__main__":
    sys.exit(main())
