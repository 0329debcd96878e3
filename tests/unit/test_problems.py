"""An error becomes one sentence and a remedy; a run by Airflow names every task that did not do its work; wrong settings end with one sentence."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from seller_warehouse.amazon.report_queue import ReportQueue
from seller_warehouse.cli.airflow_processes import AirflowFailed, set_damaged_database_aside
from seller_warehouse.cli.airflow_run import failure_lines
from seller_warehouse.cli.console import run_in_home
from seller_warehouse.cli.progress import FailedTask, failed_tasks
from seller_warehouse.core.accounts import ConfigurationError, load_accounts
from seller_warehouse.core.documents import Refusal
from seller_warehouse.core.home import Home
from seller_warehouse.core.problems import problem_of
from seller_warehouse.marts.build import BuildFailed, _first_error

HOME = Home(Path("/srv/home"))
MOVE = "move it away (mv /srv/home/warehouse.duckdb /srv/home/warehouse.duckdb.damaged), and the next run loads everything in landing again"
LOCKED = (
    'IO Error: Could not set lock on file "/srv/home/warehouse.duckdb": Conflicting lock is held in /usr/bin/duckdb (PID 4194303). '
    "See also https://duckdb.org/docs/stable/connect/concurrency"
)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            duckdb.IOException(LOCKED),
            "/srv/home/warehouse.duckdb is open in another program: process 4194303 (/usr/bin/duckdb); close it there, then run again",
        ),
        (
            BuildFailed(f"dbt build failed: Runtime Error in model x {LOCKED}; nothing was published\n12:00 {LOCKED}"),
            "/srv/home/warehouse.duckdb is open in another program: process 4194303 (/usr/bin/duckdb); close it there, then run again",
        ),
        (
            duckdb.IOException('IO Error: The file "/srv/home/warehouse.duckdb" exists, but it is not a valid DuckDB database file!'),
            '/srv/home/warehouse.duckdb is damaged (The file "/srv/home/warehouse.duckdb" exists, but it is not a valid DuckDB database file!); '
            + MOVE,
        ),
        (
            duckdb.IOException("IO Error: Corrupt database file: computed checksum 1 does not match stored checksum 0 in block at location 8192"),
            "/srv/home/warehouse.duckdb is damaged (Corrupt database file: computed checksum 1 does not match stored checksum 0 in block at location "
            "8192); " + MOVE,
        ),
        (
            duckdb.IOException('IO Error: Could not read enough bytes from file "/srv/home/published/x/f.duckdb": attempted to read 4096 bytes'),
            '/srv/home/published/x/f.duckdb is damaged (Could not read enough bytes from file "/srv/home/published/x/f.duckdb": attempted to '
            "read 4096 bytes); run again: it is published anew",
        ),
        (
            duckdb.TransactionException('TransactionContext Error: Failed to commit: Could not write file "/srv/home/x": No space left on device'),
            "the disk is full while writing /srv/home/x; free some space, then run again: nothing is lost",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full; free some space, then run again: nothing is lost"),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full; free some space, then run again: nothing is lost"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/srv/home/landing"),
            "/srv/home/landing may not be used by this user (Permission denied); give it to the user who runs this, then run again",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file", "/opt/dbt"),
            "/opt/dbt is missing; restore it from a copy, or run again if a run creates it",
        ),
        (httpx.ConnectTimeout("timed out"), "no connection (ConnectTimeout: timed out); check the network, then run again"),
        (
            ValueError("odd\nmore"),
            "ValueError: odd; the details are in /srv/home/logs/run.log: run again, and report it with the log if it happens again",
        ),
    ],
)
def test_an_error_is_one_sentence_with_a_remedy(error: Exception, sentence: str) -> None:
    assert str(problem_of(error, HOME)) == sentence


def test_a_refusal_that_speaks_of_damage_is_not_taken_for_a_damaged_database() -> None:
    refusal = Refusal("cut", "the checksum of the zip file is wrong: it is corrupt", "download it again", line=3)
    assert str(problem_of(refusal, HOME)) == "line 3: the checksum of the zip file is wrong: it is corrupt; download it again."


def test_dbts_first_error_is_one_line() -> None:
    output = [
        "12:00:01  1 of 2 ERROR creating model x",
        "12:00:02  \x1b[31mFailure in test unique_grain_fct_orders (models/marts/orders/fct_orders.yml)\x1b[0m",
        "12:00:02    Got 3 results, configured to fail if != 0",
        "12:00:02",
        "12:00:02    compiled code at target/compiled/x.sql",
        "12:00:03  Done.",
    ]
    said = "Failure in test unique_grain_fct_orders (models/marts/orders/fct_orders.yml) Got 3 results, configured to fail if != 0"
    assert _first_error(output) == said
    assert _first_error(["", "Killed", ""]) == "Killed"


# Airflow


def queue(account_id: str, failure: str, *, is_refused: bool = False) -> ReportQueue:
    return ReportQueue(run_id="r", account_id=account_id, report="orders", planned=1, todo=[], failure=failure, is_refused=is_refused)


def test_every_task_that_did_not_do_its_work_is_named_once_and_a_refused_document_is_none() -> None:
    tasks = [
        FailedTask("collect_inbox", "land_files", "", ("inbox/a: the disk is full; free some space",), ()),
        FailedTask("collect_inbox", "gate_documents", "", (), ("na: x.txt, line 3",)),
        FailedTask("land_reports", "land_account na", "na", ("na/orders: cut",), ()),
        FailedTask("land_reports", "land_account eu", "eu", (), ()),
        FailedTask("build_marts", "dbt_build", "", ("dbt build failed: x",), ()),
        FailedTask("build_marts", "dbt_build", "", ("dbt build failed: x",), ()),
    ]
    assert failure_lines(HOME, tasks, [queue("na", "cut"), queue("fe", "connection refused; save it anew", is_refused=True)]) == [
        "NOT REACHED connection refused; save it anew",
        "FAILED land_report na orders: cut",
        "FAILED land_files: inbox/a: the disk is full; free some space",
        "FAILED land_account eu: it ended without saying why; read /srv/home/airflow/logs/dag_id=land_reports, then run again",
        "FAILED dbt_build: dbt build failed: x",
    ]


class FakeApi:
    """Airflow's answers: task instances with their states, and what the tasks kept."""

    def __init__(self, states: dict[str, str | None], kept: dict[str, list[str]]) -> None:
        self._states, self._kept = states, kept

    def list_all(self, *_: Any) -> list[dict[str, Any]]:
        return [{"task_id": t, "state": s, "map_index": -1, "rendered_map_index": None} for t, s in self._states.items()]

    def get(self, path: str, **_: Any) -> dict[str, Any]:
        task, key = path.split("/")[-3], path.split("/")[-1]
        if f"{task}.{key}" not in self._kept:
            raise httpx.HTTPStatusError("404", request=httpx.Request("GET", "http://a"), response=httpx.Response(404))
        return {"value": self._kept[f"{task}.{key}"]}


@pytest.mark.parametrize(
    ("states", "named"),
    [
        ({"reports.plan_requests": "failed", "reports.land_account": "upstream_failed", "reports.load_documents": "skipped"}, ["plan_requests"]),
        ({"land_files": "upstream_failed", "load_documents": "success"}, ["land_files"]),
        ({"land_files": "success", "load_documents": None}, ["load_documents"]),
        ({"land_files": "success", "load_documents": "success", "all_loaded": "failed"}, ["load_documents"]),
        ({"land_files": "success", "load_documents": "skipped", "all_loaded": "success"}, []),
    ],
)
def test_a_task_that_failed_or_was_not_tried_is_found(states: dict[str, str | None], named: list[str]) -> None:
    kept = {"reports.plan_requests.problems": ["why"]}
    found = failed_tasks(FakeApi(states, kept), "land_reports", "r")  # type: ignore[arg-type]
    assert [t.name for t in found] == named
    assert [t.problems for t in found if t.name == "plan_requests"] in ([], [("why",)])


@pytest.mark.parametrize("damage", ["junk", "cut", "folder"])
def test_a_damaged_database_of_airflow_is_kept_beside_with_one_sentence(tmp_path: Path, damage: str) -> None:
    home, said = Home(tmp_path), list[str]()
    path = home.airflow / "airflow.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table connection as with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) select * from n"
        )
    connection.close()
    set_damaged_database_aside(home, said.append)
    assert (said, path.exists()) == ([], True)
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(b"junk" * 5000 if damage == "junk" else content[:8192] + b"\xff" * 20000)
    set_damaged_database_aside(home, said.append)
    assert not path.exists()
    assert len(list(home.airflow.glob("airflow.db.damaged-*"))) == 1
    assert "was damaged" in said[0]
    assert "Connections saved on Airflow's page have to be added again, nothing else is lost" in said[0]


def test_a_database_of_airflow_that_another_program_holds_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seller_warehouse.cli.airflow_processes.LOCK_SECONDS", 0)
    home = Home(tmp_path)
    home.airflow.mkdir()
    with sqlite3.connect(home.airflow / "airflow.db") as connection:
        connection.execute("create table t (a)")
        connection.commit()
        connection.execute("begin exclusive")
        with pytest.raises(AirflowFailed, match=r"another program holds .*airflow\.db; close it there, then run again"):
            set_damaged_database_aside(home, print)
    connection.close()


# Settings


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SELLER_WAREHOUSE_AS_OF", "tomorrow", "SELLER_WAREHOUSE_AS_OF is 'tomorrow'; it must be a date such as 2026-11-20"),
        ("SELLER_WAREHOUSE_SETTLE_SECONDS", "ten", "SELLER_WAREHOUSE_SETTLE_SECONDS is 'ten'; it must be a number of seconds such as 10"),
        ("SELLER_WAREHOUSE_SETTLE_SECONDS", "nan", "SELLER_WAREHOUSE_SETTLE_SECONDS is 'nan'; it must be a number of seconds such as 10"),
        ("SELLER_WAREHOUSE_ALERT_DAYS", "soon", "SELLER_WAREHOUSE_ALERT_DAYS is 'soon'; it must be a whole number of days"),
        (
            "SELLER_WAREHOUSE_AS_KNOWN_AT",
            "then",
            "SELLER_WAREHOUSE_AS_KNOWN_AT is not a time: 'then'; write 2026-10-05T18:00:00+02:00, or 2026-10-05",
        ),
    ],
)
def test_a_wrong_setting_ends_a_command_before_it_does_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    assert run_in_home(Home(tmp_path / "home"), tmp_path / "accounts.yaml", lambda *_: pytest.fail("the command began")) == 1
    assert capsys.readouterr().err.startswith(sentence)
    assert not list(tmp_path.iterdir())


def test_a_time_zone_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text("- {id: a, name: A, region: na, marketplaces: [ATVPDKIKX0DER], source: files, time_zone: Europe/Berlin2}")
    with pytest.raises(ConfigurationError, match=r"there is no time zone 'Europe/Berlin2'; write one such as Europe/Berlin"):
        load_accounts(path)
