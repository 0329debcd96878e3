"""A real PostgreSQL server for tests: its own, on loopback, never one that the machine runs.

The exit code of ``python -m tests.postgresql`` says whether PostgreSQL is installed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from seller_warehouse.core.ports import free_port

USER = "airflow"


def programs() -> Path | None:
    """The folder of PostgreSQL's server programs: from the PATH, from pg_config, or Debian's newest; None if there is none."""
    asked = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False).stdout if shutil.which("pg_config") else ""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    found = [Path(on_path).resolve().parent] if (on_path := shutil.which("initdb")) else []
    return next((p for p in [*found, Path(asked.strip() or "/nowhere"), *debian] if (p / "initdb").exists() and (p / "pg_dump").exists()), None)


@dataclass(frozen=True)
class Server:
    """A running server with the database ``airflow``, owned by the user ``airflow``."""

    programs: Path
    folder: Path
    port: int
    password: str

    def query(self, sql: str) -> list[tuple]:
        """Rows of the database."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=USER, dbname=USER, password=self.password)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()
        finally:
            connection.close()

    def dump(self) -> bytes:
        """The whole database as pg_dump writes it."""
        command = [self.programs / "pg_dump", "--host=127.0.0.1", f"--port={self.port}", f"--username={USER}", USER]
        return subprocess.run(command, env=os.environ | {"PGPASSWORD": self.password}, capture_output=True, check=True).stdout


@contextmanager
def postgresql(password: str) -> Iterator[Server]:
    """A new server while the context lasts. Raises RuntimeError with its log if it does not start."""
    found = programs()
    assert found, "ask programs() first"
    # PostgreSQL refuses to run as root; pytest's folders are root's alone.
    names = {user.pw_name for user in pwd.getpwall()}
    user = ("postgres" if "postgres" in names else "nobody") if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        if user:
            shutil.chown(folder, user)
        data, secret, log, port = folder / "data", folder / "password", folder / "log", free_port()
        secret.write_text(password)
        secret.chmod(0o644)
        command = [found / "initdb", "--no-sync", "--pgdata", data, "--username", USER, "--pwfile", secret, "--auth=scram-sha-256", "--encoding=UTF8"]
        subprocess.run(command, user=user, cwd=folder, capture_output=True, check=True)
        secret.unlink()
        command = [found / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"]
        with log.open("wb") as stream, subprocess.Popen(command, user=user, cwd=folder, stdout=stream, stderr=stream) as process:
            try:
                server = Server(found, folder, port, password)
                _create_database(server, process, log)
                yield server
            finally:
                # SIGINT is PostgreSQL's fast shutdown.
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _create_database(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    command = [server.programs / "createdb", "--host=127.0.0.1", f"--port={server.port}", f"--username={USER}", "--maintenance-db=postgres", USER]
    while True:
        done = subprocess.run(command, env=os.environ | {"PGPASSWORD": server.password}, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"PostgreSQL did not start: {done.stderr}\n{log.read_text()}")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(not programs())
