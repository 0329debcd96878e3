"""``make run`` and ``make backfill``: real passes through a real Airflow scheduler, with progress on the console.

Exit code 0: everything was loaded. 2: published, but something was quarantined (named on the last lines).
1: not published, or an account could not be reached.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import httpx
from filelock import FileLock, Timeout

from seller_warehouse.accounts import Account, ConfigurationError, load_accounts
from seller_warehouse.airflow_processes import AirflowFailed, Api, running_airflow
from seller_warehouse.alerts import channel_urls
from seller_warehouse.documents import printable
from seller_warehouse.follow import DONE, Lanes, Progress, follow, lanes_of, until_published
from seller_warehouse.landing import inbox_files, prepare_inbox
from seller_warehouse.paths import Home, accounts_file, shown
from seller_warehouse.planner import PAUSE_HOURS
from seller_warehouse.publish import Publication, last_publication

LOADED, NOT_PUBLISHED, QUARANTINED, INTERRUPTED = 0, 1, 2, 130

Drive = Callable[[Api, dict[str, Account], Progress], int]
Airflow = Callable[[Home, Progress], AbstractContextManager[Api]]


def with_airflow(home: Home, accounts_path: Path, drive: Drive, airflow: Airflow = running_airflow) -> int:
    """Do something with an Airflow, by default one that runs for the while; returns the exit code."""
    say = Progress()
    home.root.mkdir(parents=True, exist_ok=True)
    try:
        accounts = load_accounts(accounts_path)
        with lock_of(home):
            prepare_inbox(home, accounts)
            say(f"{len(accounts)} accounts, home {shown(home.root)}")
            with airflow(home, say) as api:
                code = drive(api, accounts, say)
                tell(api, home, say)
                return code
    except Timeout:
        print(f"another run, or make up, is using {shown(home.root)}; wait until it ends, or stop it with make down", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; nothing is lost, the next run goes on from here", file=sys.stderr)
        return INTERRUPTED
    except (ConfigurationError, AirflowFailed) as error:
        print(error, file=sys.stderr)
    except httpx.HTTPError as error:
        print(f"Airflow's API failed ({error}); read {shown(home.airflow)}/*.log and run again", file=sys.stderr)
    return NOT_PUBLISHED


def lock_of(home: Home, seconds: float = 0) -> FileLock:
    """What whoever drives this home's Airflow holds; waiting longer than ``seconds`` for it raises Timeout."""
    return FileLock(home.root / ".run.lock", timeout=seconds)


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
        if account and (account not in accounts or accounts[account].source != "sp_api"):
            raise ConfigurationError(f"there is no account {account!r} with source sp_api in the accounts file; name one that it has")
        conf = {"account": account, "months": months, "pause_hours": pause_hours}
        dags, worst = ["land_reports", "backfill_history"], LOADED
        while True:
            code, left = run_dags(api, home, dags, conf, say)
            worst = max(worst, code, key=(LOADED, QUARANTINED, NOT_PUBLISHED).index)
            if not left or code == NOT_PUBLISHED:
                return worst
            dags = ["backfill_history"]

    return drive


def run_dags(api: Api, home: Home, dags: list[str], conf: dict[str, Any], say: Progress) -> tuple[int, int]:
    """Run some landing DAGs side by side and wait until what they loaded is published; the exit code, and how many windows are left to ask for."""
    # A killed run may have loaded and left the build to this one's scheduler.
    before, earlier_builds = last_publication(home), api.run_ids("build_marts", *DONE)
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
    code = _report(home, before, say)
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


def _report(home: Home, before: Publication | None, say: Progress) -> int:
    """Say what became of every document since the publication before, also of those that a killed run had judged."""
    since = before.last_loaded_at if before else None
    if (last := last_publication(home)) is None or last == before:
        say("nothing new: the last publication holds everything that was loaded")
        _say_what_waits(home)
        return LOADED
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


def main(arguments: list[str] | None = None) -> int:
    """The command line; everything else comes from the environment."""
    parser = argparse.ArgumentParser(prog="python -m seller_warehouse.run", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    history = commands.add_parser("backfill", help="fetch the history of one account, or of all")
    history.add_argument("--account", default=None)
    history.add_argument("--months", type=int, default=18, choices=range(1, 19), metavar="1-18")
    chosen = parser.parse_args(arguments)
    home = Home.from_environment()
    stop_when_ended()
    return with_airflow(home, accounts_file(), backfill(home, chosen.account, chosen.months) if chosen.command else one_pass(home))


if __name__ == "__main__":
    sys.exit(main())
