"""``make up`` and ``make down``: the page answers, the timetables run, dead processes are restarted, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from seller_warehouse.cli import up
from seller_warehouse.cli.airflow_processes import PROCESSES, AirflowFailed, Api, Processes, stop_leftover_processes
from seller_warehouse.cli.up import down, supervisor
from seller_warehouse.core import ports
from seller_warehouse.core.home import REPOSITORY, Home
from seller_warehouse.core.ports import free_port
from tests.support import files_in, processes_of, rights

SECRET = "the-secret-of-a-connection"


class Machine:
    """A home and a port, and the commands on them."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.ports = {name: str(free_port()) for name in (ports.AIRFLOW, ports.DASHBOARD, ports.DOCS)}
        self.port = int(self.ports[ports.AIRFLOW])
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
            "SELLER_WAREHOUSE_HOME": str(folder),
            "SELLER_WAREHOUSE_ACCOUNTS": str(REPOSITORY / "tests" / "files" / "accounts.yaml"),
            **self.ports,
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", f"seller_warehouse.cli.{words[0]}", *words[1:]]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        said, _ = process.communicate()
        return process.returncode, said

    def groups(self) -> list[int]:
        """The process groups that were started last."""
        path = self.home.airflow / "process_groups.json"
        return [number for number, _ in json.loads(path.read_text())] if path.exists() else []


def wait_until(true: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    found = Machine(tmp_path / "home")
    yield found
    found.run("up", "down")
    # Shown if a test fails.
    for log in found.home.airflow.glob("up.log"):
        print(log.read_text())


def test_down_is_harmless_and_stops_what_is_only_just_starting(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("up", "down") == (0, "Airflow was not up\n")
    starting = machine.start("up")
    wait_until(machine.groups)
    groups = machine.groups()
    # In this process: on a busy machine another one would start only when Airflow is up.
    assert (down(machine.home), capsys.readouterr().out) == (0, "Airflow is stopped\n")
    assert processes_of(groups) == []
    said, _ = starting.communicate()
    assert starting.returncode == 1
    assert "Airflow did not come up" in said
    assert machine.run("up", "down") == (0, "Airflow was not up\n")


def test_a_port_that_is_taken_is_named(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", machine.port)):
        code, said = machine.run("up")
    assert (code, f"port {machine.port} is taken" in said) == (1, True)


def test_a_page_that_does_not_answer_stops_nothing_but_an_ended_supervisor_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "PAGE_SECONDS", 1)
    nobody = free_port()
    assert not up.answers(nobody, lambda: "")
    with pytest.raises(AirflowFailed, match="no space left"):
        up.answers(nobody, lambda: "no space left\n")


def test_a_page_that_ends_does_not_hinder_airflow_and_several_that_end_at_once_are_started_again(tmp_path: Path) -> None:
    processes = Processes(Home(tmp_path), free_port(), beside={"dashboard": ["false"], "scheduler": ["false"]})
    processes.start("dashboard")
    wait_until(processes.dead)
    assert processes.failed() == ""
    processes.start("scheduler")
    wait_until(lambda: processes.dead() == ["dashboard", "scheduler"])
    assert processes.failed() == f"scheduler stopped; read {tmp_path / 'airflow' / 'scheduler'}.log\n"
    # Several that have ended at once are started again one by one.
    for _ in range(2):
        processes.start("dashboard")
        processes.start("scheduler")


def test_an_interruption_between_a_start_and_its_record_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(subprocess.Popen):
        def __init__(self, *arguments: Any, **rest: Any) -> None:
            super().__init__(*arguments, **rest)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    home = Home(tmp_path)
    processes = Processes(home, free_port(), beside={"dashboard": ["sleep", "600"]})
    # The process that runs the tests may ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            processes.start("dashboard")
    finally:
        signal.signal(signal.SIGINT, before)
    [[group, _]] = json.loads((home.airflow / "process_groups.json").read_text())
    assert len(processes_of([group])) == 1
    assert stop_leftover_processes(home)
    assert processes_of([group]) == []


def test_up_runs_by_timetable_on_loopback_alone_brings_back_what_dies_and_down_works_after_a_kill(machine: Machine) -> None:
    url = f"http://127.0.0.1:{machine.port}"
    code, said = machine.run("up")
    pages = [f"http://127.0.0.1:{machine.ports[name]}" for name in (ports.DASHBOARD, ports.DOCS)]
    assert (code, said.splitlines()[:3]) == (0, [f"Airflow is up: {url}", f"The dashboard: {pages[0]}", f"The documentation: {pages[1]}"])
    assert [httpx.get(page, timeout=60).status_code for page in pages] == [200, 200]
    assert "<html" in httpx.get(url, timeout=60).text
    api = Api(url)
    api.wait_until_ready()
    planned = {d["dag_id"]: (d["timetable_summary"], d["is_paused"]) for d in api.get("/api/v2/dags")["dags"]}
    assert planned["collect_inbox"] == ("*/10 * * * *", False)
    assert planned["land_reports"] == ("0 10 * * *", False)

    # Runs that the timetables start at once are not mistaken for those of a killed run.
    api.send("PATCH", "/api/v2/dags/backfill_history", {"is_paused": True})
    began = datetime.now(UTC)
    waiting = f"/api/v2/dags/backfill_history/dagRuns/{api.trigger('backfill_history', {})}"
    api.prepare(began)
    assert api.get(waiting)["state"] == "queued"
    api.prepare(datetime.now(UTC))
    assert api.get(waiting)["state"] == "failed"

    groups = machine.groups()
    ours = {p.pid for p in processes_of(groups)}
    assert {c.laddr.ip for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN and c.pid in ours} == {"127.0.0.1"}

    # A secret entered on the page is stored encrypted.
    api.save_connection("amazon_demo_na", {"conn_type": "generic", "login": "id", "password": SECRET, "extra": {"refresh_token": SECRET}})
    assert [path for path, data in files_in(machine.home.root).items() if SECRET.encode() in data] == []
    assert {mode & 0o077 for mode in rights(machine.home.root)} == {0}

    code, said = machine.run("run")
    assert (code, "make down" in said) == (1, True)
    assert machine.run("up")[0] == 0
    names = [*PROCESSES, "dashboard", "docs", "tidy"]
    for name in ("dag-processor", "dashboard"):
        killed = machine.groups()[names.index(name)]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda gone=killed: len(machine.groups()) == len(names) and gone not in machine.groups())

    process = supervisor(machine.home)
    assert process
    process.kill()
    wait_until(lambda: supervisor(machine.home) is None)
    groups = machine.groups()
    assert processes_of(groups)
    assert machine.run("up", "down") == (0, "Airflow is stopped\n")
    assert processes_of(groups) == []
    with socket.create_server(("127.0.0.1", machine.port)):
        pass
