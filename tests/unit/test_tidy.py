"""Old logs and plans go after 30 days, logs stay short, and nothing that a load needs or explains is touched."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seller_warehouse.cli import tidy
from seller_warehouse.core.home import Home

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


def written(path: Path, *, days_ago: float, content: bytes = b"x") -> Path:
    """A file that was last changed so long ago, as were the folders made for it."""
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    age(path, *made, days_ago=days_ago)
    return path


def age(*paths: Path, days_ago: float) -> None:
    at = (NOW - timedelta(days=days_ago)).timestamp()
    for path in paths:
        os.utime(path, (at, at))


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_files_and_folders_of_runs_go_after_thirty_days_and_younger_ones_stay(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for top in (home.airflow / "logs" / "dag_id=build_marts", home.requests, home.work):
        written(top / "old run" / "task" / "attempt=1.log", days_ago=31)
        written(top / "young run" / "task" / "attempt=1.log", days_ago=29)
        written(top / "long run" / "first", days_ago=40)
        written(top / "long run" / "last", days_ago=1)
        (top / "marker of a document that was dropped again").mkdir()
        age(top / "marker of a document that was dropped again", days_ago=2)
    tidy.remove_old_files(home, NOW)
    stays = {
        "young run",
        "young run/task",
        "young run/task/attempt=1.log",
        "long run",
        "long run/last",
        "marker of a document that was dropped again",
    }
    assert left(home.requests) == left(home.work) == left(home.airflow / "logs" / "dag_id=build_marts") == stays


def test_what_loads_and_readers_need_stays_however_old_it_is(tmp_path: Path) -> None:
    home = Home(tmp_path)
    kept = (
        home.landing / "a" / "orders" / "manifest.json", home.quarantine / "a" / "reason.json", home.inbox / "a" / "file.txt", home.warehouse,
        home.published / "1" / "seller_warehouse.duckdb", home.airflow / "airflow.db", home.airflow / "fernet_key", home.service_token,
    )  # fmt: skip
    for path in kept:
        written(path, days_ago=4000)
    (home.airflow / "logs").mkdir()
    (home.airflow / "logs" / "latest").symlink_to(home.landing)
    tidy.remove_old_files(home, NOW)
    assert [path for path in kept if not path.exists()] == []


def test_a_long_log_starts_again_for_whoever_writes_it_and_the_one_before_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "LOG_BYTES", 10)
    home = Home(tmp_path)
    short = written(home.airflow / "triggerer.log", days_ago=1, content=b"short")
    home.sandbox.mkdir()
    for long in (home.airflow / "scheduler.log", home.sandbox / "sandbox.log"):
        with long.open("ab") as log:
            log.write(b"a long story")
            log.flush()
            tidy.remove_old_files(home, NOW)
            log.write(b"goes on")
        assert (long.read_bytes(), long.with_name(f"{long.name}.1").read_bytes()) == (b"goes on", b"a long story")
    assert short.read_bytes() == b"short"


def test_nothing_to_tidy_is_no_error(tmp_path: Path) -> None:
    assert tidy.remove_old_files(Home(tmp_path / "no home"), NOW) == ""


def test_what_cannot_be_removed_is_named_and_keeps_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, unlink = Home(tmp_path), Path.unlink
    for name in ("a", "b", "c"):
        written(home.work / name / "judgement.json", days_ago=31)

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    said = tidy.remove_old_files(home, NOW)
    assert said == f"1 old logs and plans could not be removed: [Errno 13] Permission denied: '{home.work / 'b' / 'judgement.json'}'"
    assert left(home.work) == {"b", "b/judgement.json"}


def test_records_of_airflow_are_cleaned_once_a_day_and_again_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, asked, codes = Home(tmp_path), list[list[str]](), [1, 0]
    home.airflow.mkdir()

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, codes.pop(0), "", "database is locked")

    monkeypatch.setattr(subprocess, "run", run)
    # A new database holds nothing old.
    assert tidy.remove_old_records(home, datetime.now(UTC), {}) == ""
    assert asked == []
    age(home.airflow / "cleaned", days_ago=2)
    assert "database is locked" in tidy.remove_old_records(home, NOW, {})
    assert tidy.remove_old_records(home, NOW, {}) == ""
    assert tidy.remove_old_records(home, NOW + timedelta(hours=23), {}) == ""
    assert len(asked) == 2
    before = asked[0][asked[0].index("--clean-before-timestamp") + 1]
    assert before == "2026-10-21T06:00:00+00:00"


def test_what_says_how_things_are_is_no_record_of_what_has_been() -> None:
    assert not set(tidy.RECORDS) & {"dag", "dag_version", "connection", "slot_pool", "variable", "asset", "trigger"}
