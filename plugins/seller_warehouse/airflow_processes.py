"""A real Airflow on this machine: its settings, its processes, and its REST API.

Nothing listens beyond loopback. Processes that an earlier, killed run left behind are stopped first.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from seller_warehouse.airflow_settings import WAREHOUSE_POOL
from seller_warehouse.paths import REPOSITORY, Home, write_whole

PROCESSES = ("api-server", "scheduler", "dag-processor")
START_SECONDS = 180


class AirflowFailed(Exception):
    """Airflow could not be started or did not answer; the message names the log to read."""


def environment(home: Home, port: int) -> dict[str, str]:
    """The settings of every Airflow process of this home."""
    secret = home.airflow / "jwt_secret"
    if not secret.exists():
        write_whole(secret, secrets.token_hex(32).encode())
        secret.chmod(0o600)
    return {
        **os.environ,
        "SELLER_WAREHOUSE_HOME": str(home.root),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secret.read_text(),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.airflow}/airflow.db",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    }


@contextmanager
def running_airflow(home: Home, say: Any) -> Iterator[Api]:
    """Api server, scheduler and DAG processor while the context lasts.

    Raises AirflowFailed where one of them does not start.
    """
    home.airflow.mkdir(parents=True, exist_ok=True)
    _stop_left_behind(home)
    port = _free_port()
    env = environment(home, port)
    airflow = [sys.executable, "-m", "airflow"]
    migrated = subprocess.run([*airflow, "db", "migrate"], env=env, capture_output=True, text=True, check=False)
    if migrated.returncode:
        raise AirflowFailed(f"airflow db migrate failed:\n{migrated.stderr[-3000:]}")
    say("airflow: metadata database is ready")
    started = []
    try:
        for name in PROCESSES:
            log = (home.airflow / f"{name}.log").open("ab")
            started.append(subprocess.Popen([*airflow, name], env=env, stdout=log, stderr=log, start_new_session=True))
            groups = [(p.pid, psutil.Process(p.pid).create_time()) for p in started]
            write_whole(_groups_file(home), json.dumps(groups).encode())
        api = Api(f"http://127.0.0.1:{port}")
        api.wait_until_ready(lambda: [n for n, p in zip(PROCESSES, started, strict=True) if p.poll() is not None], home)
        say(f"airflow: scheduler, DAG processor and API server are up on port {port}")
        yield api
    finally:
        say("airflow: stopping")
        _stop(started)
        _groups_file(home).unlink(missing_ok=True)


class Api:
    """The few calls of Airflow's REST API (v2) that a run needs."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)

    def wait_until_ready(self, dead: Any, home: Home) -> None:
        """Until the API answers, the scheduler beats and the DAGs are there."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if dead():
                raise AirflowFailed(f"airflow {dead()[0]} stopped at once; read {home.airflow / (dead()[0] + '.log')}")
            try:
                if self._is_ready():
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.5)
        raise AirflowFailed(f"Airflow was not ready within {START_SECONDS} s; read {home.airflow}/*.log")

    def _is_ready(self) -> bool:
        if "Authorization" not in self._client.headers:
            token = self._client.get("/auth/token")
            token.raise_for_status()
            self._client.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        health = self.get("/api/v2/monitor/health")
        errors = self.get("/api/v2/importErrors")["import_errors"]
        if errors:
            raise AirflowFailed(f"{errors[0]['filename']}: {errors[0]['stack_trace']}")
        dags = {d["dag_id"] for d in self.get("/api/v2/dags")["dags"]}
        return health["scheduler"]["status"] == "healthy" and dags >= {"collect_inbox", "build_marts"}

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The JSON of a GET."""
        answer = self._client.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON of a POST or PATCH."""
        answer = self._client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()

    def prepare(self) -> None:
        """One writer at a time; runs that a kill left unfinished are closed, their documents wait in landing."""
        names = {p["name"] for p in self.get("/api/v2/pools")["pools"]}
        if WAREHOUSE_POOL not in names:
            self.send("POST", "/api/v2/pools", {"name": WAREHOUSE_POOL, "slots": 1, "description": "the build database has one writer"})
        for run in self.get("/api/v2/dags/~/dagRuns", state=["running", "queued"])["dag_runs"]:
            self.send("PATCH", f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": "failed"})

    def trigger(self, dag_id: str) -> str:
        """Start a run; returns its id."""
        return self.send("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"]

    def run_ids(self, dag_id: str) -> set[str]:
        """The ids of all runs of a DAG."""
        return {r["dag_run_id"] for r in self.get(f"/api/v2/dags/{dag_id}/dagRuns", limit=1000)["dag_runs"]}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    # A second Ctrl-C must not leave them behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for process in reversed(processes):
        _signal_group(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()


def _groups_file(home: Home) -> Path:
    return home.airflow / "process_groups.json"


def _stop_left_behind(home: Home) -> None:
    """Kill what an earlier run of this home could not stop.

    Process groups are told by number and age, since Airflow's processes rewrite their command line and environment.
    """
    if not _groups_file(home).exists():
        return
    groups = dict(json.loads(_groups_file(home).read_text()))
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            group = os.getpgid(process.pid)
            if group in groups and process.create_time() >= groups[group]:
                process.kill()
    _groups_file(home).unlink()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
