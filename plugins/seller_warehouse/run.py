"""``make run``: one real pass through a real Airflow scheduler, with progress on the console.

Exit code 0: everything was loaded. 2: published, but something was quarantined (named on the last lines).
1: not published.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import httpx
from filelock import FileLock, Timeout

from seller_warehouse.accounts import ConfigurationError, load_accounts
from seller_warehouse.airflow_processes import AirflowFailed, Api, running_airflow
from seller_warehouse.documents import printable
from seller_warehouse.landing import inbox_files, prepare_inbox
from seller_warehouse.paths import Home, accounts_file, shown
from seller_warehouse.publish import Publication, last_publication

LOADED, NOT_PUBLISHED, QUARANTINED, INTERRUPTED = 0, 1, 2, 130
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
            prepare_inbox(home, accounts)
            say(f"{len(accounts)} accounts, home {shown(home.root)}")
            with running_airflow(home, say) as api:
                return _drive(api, home, say)
    except Timeout:
        print(f"another run is using {home.root}; wait until it ends", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; nothing is lost, the next run goes on from here", file=sys.stderr)
        return INTERRUPTED
    except (ConfigurationError, AirflowFailed) as error:
        print(error, file=sys.stderr)
    except httpx.HTTPError as error:
        print(f"Airflow's API failed ({error}); read {shown(home.airflow)}/*.log and run again", file=sys.stderr)
    return NOT_PUBLISHED


def _drive(api: Api, home: Home, say: Progress) -> int:
    api.prepare()
    before = last_publication(home)
    earlier_builds = api.run_ids("build_marts")
    run_id = api.trigger("collect_inbox")
    tasks = _follow(api, "collect_inbox", run_id, say)
    if tasks["load_documents"] == "skipped":
        say("nothing new: the last publication holds everything that was loaded")
        _say_what_waits(home)
        return LOADED
    if tasks["load_documents"] != "success":
        say(f"not published: load_documents ended as {tasks['load_documents']}; read {shown(home.airflow)}/logs/dag_id=collect_inbox")
        return NOT_PUBLISHED
    build_id = _build_after(api, earlier_builds)
    states = _follow(api, "build_marts", build_id, say)
    if set(states.values()) != {"success"}:
        say(f"not published: build_marts failed; read {shown(home.airflow)}/logs/dag_id=build_marts")
        return NOT_PUBLISHED
    return _report(home, before, say)


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


def _report(home: Home, before: Publication | None, say: Progress) -> int:
    """Say what became of every document since the publication before, also of those that a killed run had judged."""
    since = before.last_loaded_at if before else None
    judged = "from meta.loads where (loaded_at > $since or $since is null)"
    with duckdb.connect(str(home.marts.resolve()), read_only=True) as connection:
        verdicts = connection.execute(f"select verdict, count(*) {judged} group by all order by all", {"since": since}).fetchall()
        refused = connection.execute(
            f"select account_id, reason, document_id {judged} and verdict = 'QUARANTINED' order by all", {"since": since}
        ).fetchall()
    say(f"published {shown(home.marts)}")
    say("documents since the last publication: " + (", ".join(f"{count} {verdict}" for verdict, count in verdicts) or "none"))
    _say_what_waits(home)
    for account_id, reason, document_id in refused:
        kept = next((shown(p) for p in home.quarantine.glob(f"*/{document_id}")), shown(home.quarantine))
        print(f"QUARANTINED {account_id or 'no account'}: {reason} ({kept})", flush=True)
    return QUARANTINED if refused else LOADED


def _say_what_waits(home: Home) -> None:
    for path in inbox_files(home):
        print(f"WAITING {printable(str(path.relative_to(home.inbox)))}: changed a moment ago, or not readable; run again", flush=True)


def stop_when_ended() -> None:
    """Let SIGTERM and SIGHUP stop Airflow too, as Ctrl-C does; after kill -9 the next run of this home does it."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def main(arguments: Any = None) -> int:
    """The command line: no arguments, everything comes from the environment."""
    stop_when_ended()
    return one_pass(Home.from_environment(), accounts_file())


if __name__ == "__main__":
    sys.exit(main())
