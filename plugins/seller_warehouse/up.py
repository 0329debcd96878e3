"""``make up`` and ``make down``: Airflow with its web page in the background, running the DAGs by their timetables until stopped.

A supervisor holds the home's lock, as a run does, and starts again what dies. Both commands also work after it was killed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
from filelock import Timeout

from seller_warehouse.accounts import Account
from seller_warehouse.airflow_processes import AirflowFailed, Api, Processes, running_airflow, stop_left_behind
from seller_warehouse.follow import Progress
from seller_warehouse.paths import Home, accounts_file, shown, write_whole
from seller_warehouse.run import LOADED, NOT_PUBLISHED, lock_of, stop_when_ended, with_airflow

DEFAULT_PORT = 8080
STOP_SECONDS = 90
PAUSE_SECONDS = 5.0
"""Between two starts of a process that dies at once."""


def up(home: Home, port: int) -> int:
    """Start the supervisor and wait until the page answers; returns the exit code."""
    if supervisor(home):
        print(f"Airflow is already up; make down stops it, {shown(_log(home))} tells its story")
        return LOADED
    home.airflow.mkdir(parents=True, exist_ok=True)
    try:
        with lock_of(home):
            stop_left_behind(home)  # It would hold the port.
    except Timeout:
        print(f"a run is using {shown(home.root)}; wait until it ends", file=sys.stderr)
        return NOT_PUBLISHED
    if _is_taken(port):
        print(f"port {port} is taken by another program; choose another: SELLER_WAREHOUSE_PORT=8081 make up", file=sys.stderr)
        return NOT_PUBLISHED
    with _log(home).open("ab") as log:
        begins = log.tell()
        command = [sys.executable, "-m", "seller_warehouse.up", "supervise"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    write_whole(_state(home), json.dumps([process.pid, psutil.Process(process.pid).create_time()]).encode())

    def failed() -> str:
        return "" if process.poll() is None else _log(home).read_bytes()[begins:].decode("utf-8", "replace")

    try:
        Api(f"http://127.0.0.1:{port}").wait_until_ready(failed)
    except AirflowFailed as error:
        print(f"Airflow did not come up:\n{error}", file=sys.stderr)
        down(home)
        return NOT_PUBLISHED
    print(f"Airflow is up: http://127.0.0.1:{port}\nmake down stops it; its processes log to {shown(home.airflow)}/*.log")
    return LOADED


def supervise(home: Home, port: int) -> int:
    """Keep Airflow running until SIGTERM; the process that ``up`` starts."""
    stop_when_ended()
    processes = Processes(home, port, {"SELLER_WAREHOUSE_SCHEDULED": "1"})

    def watch(_: Api, __: dict[str, Account], say: Progress) -> int:
        while True:
            time.sleep(1)
            for name in processes.dead():
                say(f"airflow: {name} had stopped and is started again")
                processes.start(name)
                time.sleep(PAUSE_SECONDS)

    return with_airflow(home, accounts_file(), watch, partial(running_airflow, processes=processes))


def down(home: Home) -> int:
    """Stop the supervisor and everything that it started, or what a killed one left; harmless where nothing runs."""
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
        with lock_of(home, seconds=5):
            left = stop_left_behind(home)
            _state(home).unlink(missing_ok=True)
    except Timeout:
        print("Airflow is not up; a run is using the home and stops by itself")
        return LOADED
    print("Airflow is stopped" if running or left else "Airflow was not up")
    return LOADED


def supervisor(home: Home) -> psutil.Process | None:
    """The supervisor of this home, if it runs; told by number and age."""
    with suppress(FileNotFoundError, psutil.NoSuchProcess):
        pid, started = json.loads(_state(home).read_bytes())
        process = psutil.Process(pid)
        if process.create_time() == started and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do it, or a port that was used a moment ago would seem taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _state(home: Home) -> Path:
    return home.airflow / "up.json"


def _log(home: Home) -> Path:
    return home.airflow / "up.log"


def main(arguments: list[str] | None = None) -> int:
    """The command line; everything else comes from the environment."""
    parser = argparse.ArgumentParser(prog="python -m seller_warehouse.up", description=__doc__)
    parser.add_argument("what", nargs="?", default="up", choices=("up", "down", "supervise"))
    chosen = parser.parse_args(arguments)
    home = Home.from_environment()
    if chosen.what == "down":
        return down(home)
    setting = os.environ.get("SELLER_WAREHOUSE_PORT") or str(DEFAULT_PORT)
    if not (setting.isdecimal() and 0 < int(setting) < 65536):
        print(f"SELLER_WAREHOUSE_PORT is {setting!r}; it must be a number from 1 to 65535", file=sys.stderr)
        return NOT_PUBLISHED
    return (up if chosen.what == "up" else supervise)(home, int(setting))


if __name__ == "__main__":
    sys.exit(main())
