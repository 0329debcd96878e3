"""Remove the traces of old runs (task logs, plans, judgements, Airflow's own records) and keep growing logs short.

Every command does it for its home; under ``make up`` and in docker-compose.yaml a separate process does it every hour. What is needed to repeat or
explain a load is never touched: landing, quarantine, the build database and publications.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seller_warehouse.core.home import Home

KEPT_DAYS = 30
LOG_BYTES = 10_000_000
"""A log longer than this is restarted; the previous one is kept beside it."""

ROUND_SECONDS = 3600
CLEANED_EVERY = timedelta(days=1)
"""Interval of cleaning Airflow's records, which takes it some seconds of processor time."""

# Airflow's other tables hold current state, not records of runs: DAGs, their versions, pools, connections, triggers.
RECORDS = ("dag_run", "task_instance", "task_instance_history", "task_reschedule", "xcom", "log", "job", "asset_event", "import_error")


def remove_old_files(home: Home, now: datetime) -> str:
    """Remove files and empty folders of runs that were not changed for KEPT_DAYS, and restart logs that have grown too long.

    Returns a message if something could not be removed, else blank; the caller continues either way.
    """
    before = (now - timedelta(days=KEPT_DAYS)).timestamp()
    problems = []
    for top in (home.airflow / "logs", home.requests, home.work):
        folders = [(Path(folder), names) for folder, _, names in os.walk(top)]
        # Removing files changes the time of their folder, so choose the old folders first.
        old = [folder for folder, _ in folders if folder != top and _changed_at(folder) < before]
        for path in (folder / name for folder, names in folders for name in names):
            if _changed_at(path) < before:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    problems.append(error)
        for folder in reversed(old):
            with suppress(OSError):  # It is not empty.
                folder.rmdir()
    for log in (*home.airflow.glob("*.log"), home.sandbox / "sandbox.log"):
        try:
            if log.exists() and log.stat().st_size > LOG_BYTES:
                # Truncate instead of renaming: the writing process has the file open for appending.
                shutil.copyfile(log, log.with_name(f"{log.name}.1"))
                os.truncate(log, 0)
        except OSError as error:
            problems.append(error)
    return f"{len(problems)} old logs and plans could not be removed: {problems[0]}" if problems else ""


def _changed_at(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return float("inf")


def remove_old_records(home: Home, now: datetime, environment: dict[str, str]) -> str:
    """Remove Airflow's records of runs older than KEPT_DAYS, at most once per CLEANED_EVERY; returns a message on failure, else blank.

    ``environment`` selects the database. A new one has no records yet.
    """
    done = home.airflow / "cleaned"
    if not done.exists():
        done.touch()
    if now - datetime.fromtimestamp(done.stat().st_mtime, UTC) < CLEANED_EVERY:
        return ""
    before = (now - timedelta(days=KEPT_DAYS)).isoformat()
    command = [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before, "--tables", ",".join(RECORDS)]
    cleaned = subprocess.run([*command, "--skip-archive", "--yes"], env=environment, capture_output=True, text=True, check=False)
    if cleaned.returncode:
        return f"airflow db clean failed; the next start tries again:\n{cleaned.stderr[-3000:]}"
    os.utime(done, (now.timestamp(), now.timestamp()))
    return ""


def main() -> int:
    """Tidy the home of the environment and Airflow's database every hour until stopped."""
    home = Home.from_environment()
    home.airflow.mkdir(parents=True, exist_ok=True)
    while True:
        now = datetime.now(UTC)
        for problem in filter(None, (remove_old_files(home, now), remove_old_records(home, now, dict(os.environ)))):
            print(problem, file=sys.stderr, flush=True)
        (home.airflow / "tidied").touch()
        time.sleep(ROUND_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
