"""Remove what was written about runs of long ago: logs of tasks, plans, judgements, and Airflow's own records; and keep growing logs short.

Every command does it for its home; under ``make up`` and in docker-compose.yaml a process of its own does it every hour. Nothing here is needed
to repeat or to explain a load: landing, quarantine, the build database and publications are left alone.
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
"""A log longer than this begins anew; the one before it is kept beside it."""

ROUND_SECONDS = 3600
CLEANED_EVERY = timedelta(days=1)
"""How often Airflow's records are looked through, which takes it some seconds of processor time."""

# Its other tables say how things are, not what has been: DAGs, their versions, pools, connections, what is waited for.
RECORDS = ("dag_run", "task_instance", "task_instance_history", "task_reschedule", "xcom", "log", "job", "asset_event", "import_error")


def remove_old_files(home: Home, now: datetime) -> str:
    """Remove files and empty folders of runs that nobody changed for KEPT_DAYS, and begin logs anew that have grown too long.

    Returns what went wrong, which is no reason to do nothing else.
    """
    before = (now - timedelta(days=KEPT_DAYS)).timestamp()
    problems = []
    for top in (home.airflow / "logs", home.requests, home.work):
        folders = [(Path(folder), names) for folder, _, names in os.walk(top)]
        # What changes in a folder changes its time.
        old = [folder for folder, _ in folders if folder != top and _changed_at(folder) < before]
        for path in (folder / name for folder, names in folders for name in names):
            if _changed_at(path) < before:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    problems.append(error)
        for folder in reversed(old):
            with suppress(OSError):  # There is something in it.
                folder.rmdir()
    for log in (*home.airflow.glob("*.log"), home.sandbox / "sandbox.log"):
        try:
            if log.exists() and log.stat().st_size > LOG_BYTES:
                # Emptied and not renamed: whoever writes it has it open, and appends.
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
    """Remove Airflow's records of runs older than KEPT_DAYS where that was not done lately; returns what went wrong.

    ``environment`` says which database it is. One that is new holds none yet.
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
        return f"airflow db clean failed, and is tried again by the next start:\n{cleaned.stderr[-3000:]}"
    os.utime(done, (now.timestamp(), now.timestamp()))
    return ""


def main() -> int:
    """Tidy the home that the environment names, and Airflow's database, every hour until stopped."""
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
