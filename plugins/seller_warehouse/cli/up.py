"""``make up`` and ``make down``: Airflow with its web page, the dashboard and the documentation in the background until stopped.

The DAGs run by their timetables. A supervisor holds the home's lock, as a run does, and restarts processes that die. Both commands also work after
the supervisor was killed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import psutil
from filelock import Timeout

from seller_warehouse.cli.airflow_processes import AirflowFailed, Api, Processes, deferred_signals, running_airflow, stop_leftover_processes
from seller_warehouse.cli.airflow_run import with_airflow
from seller_warehouse.cli.console import LOADED, NOT_PUBLISHED, Progress, check_settings, home_lock, interrupt_on_signals, migrate_home
from seller_warehouse.core import ports
from seller_warehouse.core.accounts import Account, ConfigurationError
from seller_warehouse.core.home import DEMO_ACCOUNTS, REPOSITORY, Home, accounts_file, shown, write_atomically
from seller_warehouse.core.problems import problem_of

DASHBOARD, DOCS, TIDY = "dashboard", "docs", "tidy"
"""The processes beside Airflow's: two web pages and the removal of old files; also the names of their logs."""

READY = "airflow: whatever stops is started again from now on"
"""The supervisor logs this line when everything is prepared."""

STOP_SECONDS = 90
PAGE_SECONDS = 60
PAUSE_SECONDS = 5.0
"""Seconds between two starts of a process that dies at once."""


def up(home: Home) -> int:
    """Start the supervisor and wait until the pages answer; returns the exit code."""
    if supervisor(home):
        print(f"Airflow is already up; make down stops it, its log is {shown(_log(home))}")
        return LOADED
    home.airflow.mkdir(parents=True, exist_ok=True)
    try:
        with home_lock(home):
            check_settings()
            stop_leftover_processes(home)  # It would hold the port.
            migrate_home(home)
    except Timeout:
        print(f"a run is using {shown(home.root)}; wait until it ends", file=sys.stderr)
        return NOT_PUBLISHED
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return NOT_PUBLISHED
    try:
        airflow, dashboard, docs = chosen = [ports.chosen_port(setting) for setting in (ports.AIRFLOW, ports.DASHBOARD, ports.DOCS)]
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return NOT_PUBLISHED
    if home.sandbox.exists() and not accounts_file().exists():
        print("This is the demo's home: you can look at everything, but nothing is fetched")
        os.environ["SELLER_WAREHOUSE_ACCOUNTS"] = str(DEMO_ACCOUNTS)
    with deferred_signals(), _log(home).open("ab") as log:
        begins = log.tell()
        command = [sys.executable, "-m", "seller_warehouse.cli.up", "supervise", *map(str, chosen)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        write_atomically(_state(home), json.dumps([process.pid, psutil.Process(process.pid).create_time()]).encode())

    def output() -> str:
        return _log(home).read_bytes()[begins:].decode("utf-8", "replace")

    def failed() -> str:
        return "" if process.poll() is None else output() or f"its supervisor ended with {process.returncode}"

    try:
        while READY not in output():
            if why := failed():
                raise AirflowFailed(why.rstrip())
            time.sleep(0.5)
        unanswered = [name for name, port in ((DASHBOARD, dashboard), (DOCS, docs)) if not answers(port, failed)]
    except AirflowFailed as error:
        print(f"Airflow did not come up:\n{error}", file=sys.stderr)
        down(home)
        return NOT_PUBLISHED
    print(f"Airflow is up: http://127.0.0.1:{airflow}\nThe dashboard: http://127.0.0.1:{dashboard}\nThe documentation: http://127.0.0.1:{docs}")
    print(f"make down stops them; their processes log to {shown(home.airflow)}/*.log")
    for name in unanswered:
        print(f"{name} does not answer after {PAGE_SECONDS} s; {shown(home.airflow)}/{name}.log says why", file=sys.stderr)
    return NOT_PUBLISHED if unanswered else LOADED


def answers(port: int, failed: Callable[[], str]) -> bool:
    """Whether a page answers within PAGE_SECONDS. Raises AirflowFailed if the supervisor ended."""
    until = time.monotonic() + PAGE_SECONDS
    while time.monotonic() < until:
        if why := failed():
            raise AirflowFailed(why.rstrip())
        with suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}").raise_for_status()
            return True
        time.sleep(0.5)
    return False


def supervise(home: Home, airflow: int, dashboard: int, docs: int) -> int:
    """Keep Airflow and the pages running until SIGTERM; ``up`` starts this as a process."""
    interrupt_on_signals()
    beside = {
        DASHBOARD: [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "dashboard" / "app.py"), f"--server.port={dashboard}"],
        DOCS: [sys.executable, "-m", "docsite.site", "--serve", str(docs)],
        TIDY: [sys.executable, "-m", "seller_warehouse.cli.tidy"],
    }
    # The demo's sellers do not exist at Amazon.
    timetables = "" if accounts_file() == DEMO_ACCOUNTS else "1"
    processes = Processes(home, airflow, {"SELLER_WAREHOUSE_SCHEDULED": timetables}, beside)

    def watch(_: Api, __: dict[str, Account], print_progress: Progress) -> int:
        print_progress(READY)
        while True:
            time.sleep(1)
            for name in processes.dead():
                print_progress(f"{name} had stopped and is started again")
                processes.start(name)
                time.sleep(PAUSE_SECONDS)

    return with_airflow(home, accounts_file(), watch, partial(running_airflow, processes=processes))


def down(home: Home) -> int:
    """Stop the supervisor and its processes, or those a killed one left behind; harmless if nothing runs."""
    if not home.airflow.exists():
        print("Airflow was not up")
        return LOADED
    running = supervisor(home)
    if running:
        running.terminate()
        _, alive = psutil.wait_procs([running], timeout=STOP_SECONDS)
        for process in alive:
            process.kill()
    try:
        with home_lock(home, seconds=5):
            left = stop_leftover_processes(home)
            _state(home).unlink(missing_ok=True)
    except Timeout:
        print("Airflow is not up; a run is using the home and stops by itself")
        return LOADED
    print("Airflow is stopped" if running or left else "Airflow was not up")
    return LOADED


def supervisor(home: Home) -> psutil.Process | None:
    """The supervisor of this home if it runs, identified by number and age."""
    with suppress(FileNotFoundError, ValueError, TypeError, psutil.NoSuchProcess):
        pid, started = json.loads(_state(home).read_bytes())
        process = psutil.Process(pid)
        if process.create_time() == started and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _state(home: Home) -> Path:
    return home.airflow / "up.json"


def _log(home: Home) -> Path:
    return home.airflow / "up.log"


def main(arguments: list[str] | None = None) -> int:
    """The command line; everything else comes from the environment."""
    parser = argparse.ArgumentParser(prog="python -m seller_warehouse.cli.up", description=__doc__)
    parser.add_argument("what", nargs="?", default="up", choices=("up", "down", "supervise"))
    parser.add_argument("ports", nargs="*", type=int, help="ports of Airflow, the dashboard and the documentation (supervise only)")
    chosen = parser.parse_args(arguments)
    home = Home.from_environment()
    if chosen.what == "supervise":
        return supervise(home, *chosen.ports)
    try:
        return (up if chosen.what == "up" else down)(home)
    except (OSError, AirflowFailed) as error:
        print(problem_of(error, home), file=sys.stderr)
        return NOT_PUBLISHED


if __name__ == "__main__":
    sys.exit(main())
