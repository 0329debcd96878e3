"""A real Airflow on this machine: its settings, its processes, and its REST API.

Nothing listens beyond loopback. Processes that an earlier, killed run left behind are stopped first.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential

from seller_warehouse.cli.tidy import remove_old_records
from seller_warehouse.core.home import REPOSITORY, Home, kept_secret, write_whole
from seller_warehouse.core.ports import free_port
from seller_warehouse.orchestration.pools import MAX_ACCOUNTS, WAREHOUSE_POOL

# The log servers of scheduler and triggerer would listen on every address; here the API server reads the logs from the disk.
PROCESSES = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
START_SECONDS = 180
LOCK_SECONDS = 20
"""How long a process waits while another writes to SQLite; less than the API's clients wait for an answer."""
END_SECONDS = 15
"""Seconds to wait after SIGTERM or SIGKILL."""
PAGE = 100
_AIRFLOW = [sys.executable, "-m", "airflow"]


class AirflowFailed(Exception):
    """Airflow could not be started or did not answer; the message names the log to read."""


def environment(home: Home, port: int) -> dict[str, str]:
    """The settings of every Airflow process of this home."""
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
        "AIRFLOW__CORE__MAX_MAP_LENGTH": str(MAX_ACCOUNTS),
        "AIRFLOW__TRIGGERER__CAPACITY": str(MAX_ACCOUNTS),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # Without one, Airflow keeps the secrets of connections as they are.
        "AIRFLOW__CORE__FERNET_KEY": os.environ.get("AIRFLOW__CORE__FERNET_KEY") or kept_secret(home.airflow / "fernet_key"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": kept_secret(home.airflow / "jwt_secret"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": os.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
        or f"sqlite:///{home.airflow}/airflow.db?timeout={LOCK_SECONDS}",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        # By themselves, logs of tasks are for everybody to read, whatever the umask.
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
    }


@contextmanager
def running_airflow(home: Home, say: Any, processes: Processes | None = None) -> Iterator[Api]:
    """Airflow while the context lasts, ready for a run; what an earlier run left unfinished is closed.

    Raises AirflowFailed where one of its processes does not start.
    """
    began = datetime.now(UTC)
    with (processes or Processes(home, free_port())).running(say) as running:
        api = Api(running.url)
        api.wait_until_ready(running.failed)
        say(f"airflow: scheduler, DAG processor, triggerer and API server are up at {running.url}")
        api.prepare(began)
        yield api


@contextmanager
def reached_airflow(home: Home, say: Any, url: str, connections: dict[str, dict[str, Any]]) -> Iterator[Api]:
    """An Airflow that runs already and works on this home, as docker-compose.yaml starts it; it gets the connections.

    Raises AirflowFailed where it is not ready in time.
    """
    # Where a login is needed, Airflow keeps the password that it has generated beside its other files.
    passwords = home.airflow / "simple_auth_manager_passwords.json.generated"
    logins = json.loads(passwords.read_text()) if passwords.exists() else {}
    api = Api(url, next(({"username": user, "password": password} for user, password in logins.items()), None))
    api.wait_until_ready()
    say(f"airflow: reached at {url}")
    for name, connection in connections.items():
        api.save_connection(name, connection)
    yield api


class Processes:
    """The processes of a home's Airflow, each in a process group of its own, and others beside them."""

    def __init__(self, home: Home, port: int, settings: dict[str, str] | None = None, beside: dict[str, list[str]] | None = None) -> None:
        """``beside`` are the commands of other processes by name."""
        home.airflow.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{port}"
        self._home, self._env = home, environment(home, port) | (settings or {})
        self._commands = {name: [*_AIRFLOW, *words] for name, words in PROCESSES.items()} | (beside or {})
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._groups: dict[str, tuple[int, float]] = {}

    @contextmanager
    def running(self, say: Any) -> Iterator[Processes]:
        """Start all over a metadata database of the right version; stop them at the end, whatever happens.

        Raises AirflowFailed where the database cannot be prepared.
        """
        stop_left_behind(self._home)
        migrated = subprocess.run([*_AIRFLOW, "db", "migrate"], env=self._env, capture_output=True, text=True, check=False)
        if migrated.returncode:
            raise AirflowFailed(f"airflow db migrate failed:\n{migrated.stderr[-3000:]}")
        if problem := remove_old_records(self._home, datetime.now(UTC), self._env):
            say(problem)
        say("airflow: metadata database is ready")
        try:
            for name in self._commands:
                self.start(name)
            yield self
        finally:
            say("airflow: stopping")
            _stop(list(self._started.values()))
            _groups_file(self._home).unlink(missing_ok=True)

    def start(self, name: str) -> None:
        """Start one of the processes, for the first time or again; what is left of its group then goes."""
        if name in self._started:
            _signal_group(self._started[name].pid, signal.SIGKILL)
        # What is started and not yet written down would be left behind for good.
        with uninterrupted(), (self._home.airflow / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(self._commands[name], env=self._env, cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True)
            self._started[name] = process
            # The age is asked for once: whoever has ended has none.
            self._groups[name] = process.pid, psutil.Process(process.pid).create_time()
            write_whole(_groups_file(self._home), json.dumps(list(self._groups.values())).encode())

    def dead(self) -> list[str]:
        """The names of those that have ended."""
        return [name for name, process in self._started.items() if process.poll() is not None]

    def failed(self) -> str:
        """What to say, and what to read, where one of Airflow's own has ended; nothing while all of those run."""
        return "".join(f"{name} stopped; read {self._home.airflow / name}.log\n" for name in self.dead() if name in PROCESSES)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, httpx.TransportError) or (isinstance(error, httpx.HTTPStatusError) and error.response.is_server_error)


class Api:
    """The few calls of Airflow's REST API (v2) that a run needs."""

    def __init__(self, url: str, login: dict[str, str] | None = None) -> None:
        """``login`` is username and password; an Airflow of one's own lets everybody on this machine in."""
        self._client, self._login = httpx.Client(base_url=url, timeout=30), login

    def wait_until_ready(self, failed: Callable[[], str] = str) -> None:
        """Until the API answers, the scheduler beats and the DAGs are there; ``failed`` says why waiting is vain."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if why := failed():
                raise AirflowFailed(why.rstrip())
            try:
                if self._is_ready():
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.5)
        raise AirflowFailed(f"Airflow at {self._client.base_url} was not ready within {START_SECONDS} s; read the logs of its processes")

    def _is_ready(self) -> bool:
        if "Authorization" not in self._client.headers:
            token = self._client.post("/auth/token", json=self._login) if self._login else self._client.get("/auth/token")
            token.raise_for_status()
            self._client.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        health = self.get("/api/v2/monitor/health")
        errors = self.get("/api/v2/importErrors")["import_errors"]
        if errors:
            raise AirflowFailed(f"{errors[0]['filename']}: {errors[0]['stack_trace']}")
        dags = {d["dag_id"] for d in self.get("/api/v2/dags")["dags"]}
        healthy = all(health[process]["status"] == "healthy" for process in ("scheduler", "triggerer", "dag_processor"))
        return healthy and dags >= {"collect_inbox", "land_reports", "backfill_history", "build_marts", "send_alerts"}

    @retry(retry=retry_if_exception(_may_pass), wait=wait_exponential(max=8), stop=stop_after_attempt(5), reraise=True)
    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The JSON of a GET; whoever follows a run for days is not put off by one answer that fails to come."""
        answer = self._client.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def every(self, path: str, key: str, **filters: Any) -> list[dict[str, Any]]:
        """All items of a listing, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(path, limit=PAGE, offset=len(found), order_by="id" if key == "dag_runs" else "map_index", **filters)[key]
            found += page
            if len(page) < PAGE:
                return found

    def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON of a POST or PATCH."""
        answer = self._client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()

    def prepare(self, began: datetime) -> None:
        """One writer at a time; runs that a kill left unfinished are closed, their documents wait in landing.

        They are told from what the timetables start at once by the instant at which this Airflow ``began``.
        """
        names = {p["name"] for p in self.get("/api/v2/pools")["pools"]}
        if WAREHOUSE_POOL not in names:
            self.send("POST", "/api/v2/pools", {"name": WAREHOUSE_POOL, "slots": 1, "description": "the build database has one writer"})
        for run in self.get("/api/v2/dags/~/dagRuns", state=["running", "queued"])["dag_runs"]:
            if datetime.fromisoformat(run["queued_at"]) < began:
                self.send("PATCH", f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": "failed"})

    def save_connection(self, name: str, connection: dict[str, Any]) -> None:
        """Create a connection, or replace it; Airflow encrypts its password and extra with the Fernet key."""
        body = {"connection_id": name, **connection, "extra": json.dumps(connection["extra"])}
        known = self.get("/api/v2/connections", connection_id_pattern=name, limit=PAGE)["connections"]
        if any(c["connection_id"] == name for c in known):
            self.send("PATCH", f"/api/v2/connections/{name}", body)
        else:
            self.send("POST", "/api/v2/connections", body)

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run with parameters; returns its id."""
        return self.send("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]

    def run_ids(self, dag_id: str, *states: str) -> set[str]:
        """The ids of the runs of a DAG that are in one of these states, by default of all."""
        return {r["dag_run_id"] for r in self.every(f"/api/v2/dags/{dag_id}/dagRuns", "dag_runs", state=states)}


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What would end this process has to wait for the end of the context."""
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for of, handler in handlers.items():
            signal.signal(of, handler)
        for number in came:
            signal.raise_signal(number)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    # A second Ctrl-C must not leave them behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # The API server, which is the first, goes last: a task that is ended tells it so, and tries for long where nobody answers.
    for those in (processes[1:], processes[:1]):
        for process in those:
            _signal_group(process.pid, signal.SIGTERM)
        for process in those:
            try:
                process.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                _signal_group(process.pid, signal.SIGKILL)
                process.wait()


def _groups_file(home: Home) -> Path:
    return home.airflow / "process_groups.json"


def stop_left_behind(home: Home) -> bool:
    """Kill what an earlier run of this home could not stop; whether there was anything to stop.

    Process groups are told by number and age, since Airflow's processes rewrite their command line and environment.
    """
    if not _groups_file(home).exists():
        return False
    groups, killed = dict(json.loads(_groups_file(home).read_text())), []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            group = os.getpgid(process.pid)
            if group in groups and process.create_time() >= groups[group]:
                process.kill()
                killed.append(process)
    psutil.wait_procs(killed, timeout=END_SECONDS)
    _groups_file(home).unlink()
    return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
