"""A real Airflow on this machine: its settings, its processes, and its REST API.

Everything listens on loopback only. Processes left behind by an earlier, killed run are stopped first.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential

from seller_warehouse.cli.tidy import remove_old_records
from seller_warehouse.core.home import REPOSITORY, Home, shown, stored_secret, write_atomically
from seller_warehouse.core.ports import free_port
from seller_warehouse.core.problems import known_problem
from seller_warehouse.orchestration.pools import MAX_ACCOUNTS, WAREHOUSE_POOL

# The log servers of scheduler and triggerer would listen on every address; the API server reads the logs from disk instead.
PROCESSES = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
START_SECONDS = 180
LOCK_SECONDS = 20
"""Seconds that a process waits while another writes to SQLite; less than the timeout of the API's clients."""
END_SECONDS = 15
"""Seconds to wait after SIGTERM or SIGKILL."""
END_SECONDS_OF = {"triggerer": 3, "api-server": 1}
"""The same for processes that take longer now and then and have nothing left to do: what waits in the triggerer is asked for again, and nothing
reports to the API server any more."""
PAGE = 100
_AIRFLOW = [sys.executable, "-m", "airflow"]


class AirflowFailed(Exception):
    """Airflow did not start or did not answer; the message names the log to read."""


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
        # Without a key, Airflow stores the secrets of connections unencrypted.
        "AIRFLOW__CORE__FERNET_KEY": os.environ.get("AIRFLOW__CORE__FERNET_KEY") or stored_secret(home.airflow / "fernet_key"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": stored_secret(home.airflow / "jwt_secret"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": os.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
        or f"sqlite:///{home.airflow}/airflow.db?timeout={LOCK_SECONDS}",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        # DAG files change only with a release; at the default of 30 s parsing them takes a tenth of a core.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        # By default everybody can read task logs, whatever the umask.
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
    }


@contextmanager
def running_airflow(home: Home, print_progress: Any, processes: Processes | None = None) -> Iterator[Api]:
    """Run Airflow for the duration of the context, ready for DAG runs; unfinished runs of an earlier one are closed.

    Raises AirflowFailed if one of its processes does not start.
    """
    began = datetime.now(UTC)
    with (processes or Processes(home, free_port())).running(print_progress) as running:
        api = Api(running.url)
        api.wait_until_ready(running.failed)
        print_progress(f"airflow: scheduler, DAG processor, triggerer and API server are up at {running.url}")
        api.prepare(began)
        yield api


@contextmanager
def connected_airflow(home: Home, print_progress: Any, url: str, connections: dict[str, dict[str, Any]]) -> Iterator[Api]:
    """An Airflow that already runs on this home, as docker-compose.yaml starts it; the connections are saved there.

    Raises AirflowFailed if it is not ready in time.
    """
    # If a login is needed, Airflow stores the generated password beside its other files.
    passwords = home.airflow / "simple_auth_manager_passwords.json.generated"
    logins = json.loads(passwords.read_text()) if passwords.exists() else {}
    api = Api(url, next(({"username": user, "password": password} for user, password in logins.items()), None))
    api.wait_until_ready()
    print_progress(f"airflow: reached at {url}")
    for name, connection in connections.items():
        api.save_connection(name, connection)
    yield api


class Processes:
    """The processes of a home's Airflow and others beside them, each in its own process group."""

    def __init__(self, home: Home, port: int, settings: dict[str, str] | None = None, beside: dict[str, list[str]] | None = None) -> None:
        """``beside``: commands of additional processes by name."""
        home.airflow.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{port}"
        self._home, self._env = home, environment(home, port) | (settings or {})
        self._commands = {name: [*_AIRFLOW, *words] for name, words in PROCESSES.items()} | (beside or {})
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._groups: dict[str, tuple[int, float]] = {}

    @contextmanager
    def running(self, print_progress: Any) -> Iterator[Processes]:
        """Migrate the metadata database and start all processes; stop them at the end, whatever happens.

        Raises AirflowFailed if the database cannot be prepared.
        """
        stop_leftover_processes(self._home)
        set_damaged_database_aside(self._home, print_progress)
        migrated = subprocess.run([*_AIRFLOW, "db", "migrate"], env=self._env, capture_output=True, text=True, check=False)
        if migrated.returncode:
            log = self._home.airflow / "db-migrate.log"
            with suppress(OSError):
                log.write_text(migrated.stderr, encoding="utf-8")
            last = next((line for line in reversed(migrated.stderr.splitlines()) if line.strip()), "no message")
            known = known_problem(migrated.stderr, self._home)
            raise AirflowFailed(str(known or f"Airflow's database cannot be prepared ({last}); read {shown(log)}, then run again"))
        if problem := remove_old_records(self._home, datetime.now(UTC), self._env):
            print_progress(problem)
        print_progress("airflow: metadata database is ready")
        try:
            for name in self._commands:
                self.start(name)
            yield self
        finally:
            print_progress("airflow: stopping")
            _stop(self._started)
            _groups_file(self._home).unlink(missing_ok=True)

    def start(self, name: str) -> None:
        """Start or restart one of the processes; the rest of its old process group is killed first."""
        if name in self._started:
            _signal_group(self._started[name].pid, signal.SIGKILL)
        # A process that is started but not yet recorded would be left behind for good.
        with deferred_signals(), (self._home.airflow / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(self._commands[name], env=self._env, cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True)
            self._started[name] = process
            # Read the age now: an ended process has none.
            self._groups[name] = process.pid, psutil.Process(process.pid).create_time()
            write_atomically(_groups_file(self._home), json.dumps(list(self._groups.values())).encode())

    def dead(self) -> list[str]:
        """The names of the processes that have ended."""
        return [name for name, process in self._started.items() if process.poll() is not None]

    def failed(self) -> str:
        """A line for each of Airflow's own processes that has ended, with the log to read; blank while all run."""
        return "".join(f"{name} stopped; read {self._home.airflow / name}.log\n" for name in self.dead() if name in PROCESSES)


def set_damaged_database_aside(home: Home, print_progress: Any) -> None:
    """Move Airflow's own database away if SQLite cannot read it, so that a new one is created: it holds no report data.

    Raises AirflowFailed if another program holds it.
    """
    path = home.airflow / "airflow.db"
    if os.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN") or not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=LOCK_SECONDS)) as connection:
            (found,) = connection.execute("pragma quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise AirflowFailed(f"another program holds {shown(path)}; close it there, then run again") from error
        found = str(error)
    if found != "ok":
        aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        for part in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + part).rename(aside.with_name(aside.name + part))
        print_progress(
            f"airflow: {shown(path)} was damaged ({found}) and is kept as {aside.name}; a new one is created. "
            "Connections saved on Airflow's page have to be added again, nothing else is lost"
        )


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, httpx.TransportError) or (isinstance(error, httpx.HTTPStatusError) and error.response.is_server_error)


class Api:
    """The few calls of Airflow's REST API (v2) that a run needs."""

    def __init__(self, url: str, login: dict[str, str] | None = None) -> None:
        """``login``: username and password; an Airflow that we start admits everybody on this machine."""
        self._client, self._login = httpx.Client(base_url=url, timeout=30), login

    def wait_until_ready(self, failed: Callable[[], str] = str) -> None:
        """Wait until the API answers, the processes are healthy and the DAGs are there; ``failed`` returns the reason to give up, else blank."""
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

    @retry(retry=retry_if_exception(_is_transient), wait=wait_exponential(max=8), stop=stop_after_attempt(5), reraise=True)
    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The JSON of a GET; retried, since a run may be followed for days."""
        answer = self._client.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def list_all(self, path: str, key: str, **filters: Any) -> list[dict[str, Any]]:
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
        """Create the pool of the one writer and close runs that a kill left unfinished; their documents wait in landing.

        Runs that timetables start at once are kept: they were queued after this Airflow ``began``.
        """
        names = {p["name"] for p in self.get("/api/v2/pools")["pools"]}
        if WAREHOUSE_POOL not in names:
            self.send("POST", "/api/v2/pools", {"name": WAREHOUSE_POOL, "slots": 1, "description": "the build database has one writer"})
        for run in self.get("/api/v2/dags/~/dagRuns", state=["running", "queued"])["dag_runs"]:
            # A run queued in the future was queued before the clock was set back.
            if not began <= datetime.fromisoformat(run["queued_at"]) <= datetime.now(UTC):
                self.send("PATCH", f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": "failed"})

    def save_connection(self, name: str, connection: dict[str, Any]) -> None:
        """Create or replace a connection; Airflow encrypts its password and extra with the Fernet key."""
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
        """The ids of a DAG's runs in one of these states, by default in any."""
        return {r["dag_run_id"] for r in self.list_all(f"/api/v2/dags/{dag_id}/dagRuns", "dag_runs", state=states)}


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP to the end of the context."""
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for of, handler in handlers.items():
            signal.signal(of, handler)
        for number in came:
            signal.raise_signal(number)


def _stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    # A second Ctrl-C must not leave them behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # Stop the API server last: a task that ends reports to it, and retries for long if it does not answer.
    for those in (processes.keys() - {"api-server"}, processes.keys() & {"api-server"}):
        for name in those:
            _signal_group(processes[name].pid, signal.SIGTERM)
        for name in those:
            try:
                processes[name].wait(timeout=END_SECONDS_OF.get(name, END_SECONDS))
            except subprocess.TimeoutExpired:
                _signal_group(processes[name].pid, signal.SIGKILL)
                processes[name].wait()


def _groups_file(home: Home) -> Path:
    return home.airflow / "process_groups.json"


def stop_leftover_processes(home: Home) -> bool:
    """Kill the processes that an earlier run of this home left behind; returns whether there may have been any.

    Process groups are identified by number and age, since Airflow's processes rewrite their command line and environment.
    """
    if not _groups_file(home).exists():
        return False
    try:
        groups, killed = dict(json.loads(_groups_file(home).read_bytes())), []
    except (OSError, ValueError, TypeError) as error:
        raise AirflowFailed(
            f"{shown(_groups_file(home))}, which lists the processes of an earlier run, cannot be read ({type(error).__name__}); "
            "end the processes of Airflow that still run, if any, remove the file, then run again"
        ) from error
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
