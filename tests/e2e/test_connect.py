"""The recipes of docs/connect.md, run unchanged, return the same as SQL on the same publication."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import httpx
import pytest

from seller_warehouse.core.home import REPOSITORY
from seller_warehouse.core.ports import free_port
from seller_warehouse.marts.exports import EXPORTED
from tests.support import Warehouse

PAGE = (REPOSITORY / "docs" / "connect.md").read_text(encoding="utf-8")
LINES, CASH = "5", Decimal("32.57")
MISSED_BY_SUPERSET = ("cachetools", "rich", "flask-caching<2.4")
"""Superset 6.1 imports the first two without requiring them, and its own cache does not accept an option that Flask-Caching passes since 2.4."""
ON_DEMAND = "SELLER_WAREHOUSE_TEST_SUPERSET"
"""Set to allow installing Superset from PyPI and starting it: minutes, and a gigabyte."""


def recipe(language: str, number: int = 0) -> str:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)[number].replace("claims_to_file", "fct_reimbursements")


@pytest.fixture(scope="module")
def place(five_lines: Warehouse) -> Path:
    """The folder in which ``data/`` is a home with five reimbursements."""
    return five_lines.home.root.parent


def run(place: Path, *command: str | Path, timeout: int = 300, **environment: str) -> str:
    ran = subprocess.run(
        [str(c) for c in command], cwd=place, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=timeout
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("number", [0, 1])
def test_python_reads_the_publication(place: Path, number: int) -> None:
    assert run(place, sys.executable, "-c", recipe("python", number)) == LINES


def test_pointer_names_the_publication(place: Path) -> None:
    with duckdb.connect(str(place / "data/published/marts.duckdb"), read_only=True) as connection:
        assert connection.execute("select publication_id from meta.publication").fetchall() == [
            (run(place, sys.executable, "-c", recipe("python", 2)),)
        ]


def test_command_line_reads_the_publication(place: Path, tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    run(tmp_path, uv, "venv", "--quiet", "--python", sys.executable, "cli")
    run(tmp_path, uv, "pip", "install", "--quiet", "--python", tmp_path / "cli/bin/python", "duckdb-cli==1.5.5")
    found = run(place, "bash", "-c", recipe("bash"), PATH=f"{tmp_path / 'cli/bin'}:{os.environ['PATH']}")
    assert re.findall(r"\b\d+\b", found)[-1] == LINES


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed, so there is no Node to read with")
def test_node_reads_the_publication(place: Path, tmp_path: Path) -> None:
    run(tmp_path, "npm", "install", "--silent", "--no-audit", "--no-fund", "@duckdb/node-api")
    (tmp_path / "read.mjs").write_text(recipe("javascript"), encoding="utf-8")
    (tmp_path / "data").symlink_to(place / "data")
    assert run(tmp_path, "node", "read.mjs") == LINES


def test_exports_are_the_tables(place: Path) -> None:
    for table in EXPORTED:
        assert (place / f"data/exports/{table}.parquet").is_file()
    with (place / "data/exports/fct_reimbursements.csv").open(encoding="utf-8", newline="") as file:
        assert sum(Decimal(row["cash_amount"]) for row in csv.DictReader(file)) == CASH


@pytest.mark.skipif(not os.environ.get(ON_DEMAND), reason=f"{ON_DEMAND}=1 installs Apache Superset from PyPI and starts it")
def test_superset_reads_the_publication(place: Path, tmp_path: Path) -> None:
    uv, binaries = Path(sys.executable).with_name("uv"), tmp_path / "superset/bin"
    run(tmp_path, uv, "venv", "--quiet", "--python", sys.executable, "superset")
    packages = ("apache-superset", "duckdb-engine", "duckdb==1.5.5", *MISSED_BY_SUPERSET)
    run(tmp_path, uv, "pip", "install", "--quiet", "--python", binaries / "python", *packages, timeout=600)
    settings = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/superset.db", "SECRET_KEY": "only for this test, forty-two letters long"}
    settings |= {"WTF_CSRF_ENABLED": False, "TALISMAN_ENABLED": False, "PREVENT_UNSAFE_DB_CONNECTIONS": False}
    (tmp_path / "superset_config.py").write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()), encoding="utf-8")
    environment = {"SUPERSET_CONFIG_PATH": str(tmp_path / "superset_config.py"), "FLASK_APP": "superset", "PYTHONPATH": ""}
    user = ("--username", "admin", "--password", "admin", "--firstname", "A", "--lastname", "B", "--email", "a@example.com")
    for arguments in (("db", "upgrade"), ("fab", "create-admin", *user), ("init",)):
        run(tmp_path, binaries / "superset", *arguments, **environment)
    port = free_port()
    command = [str(binaries / "superset"), "run", "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            transport = httpx.HTTPTransport(retries=10)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=60) as client:
                wait_for(client, server)
                signed_in = {"username": "admin", "password": "admin", "provider": "db", "refresh": True}
                client.headers["Authorization"] = f"Bearer {client.post('/api/v1/security/login', json=signed_in).json()['access_token']}"
                address = re.findall(r"^duckdb:////absolute/path(.*)$", PAGE, flags=re.MULTILINE)[0]
                made = client.post("/api/v1/database/", json={"database_name": "warehouse", "sqlalchemy_uri": f"duckdb:///{place}{address}"})
                assert made.status_code == 201, made.text
                query = {"database_id": made.json()["id"], "sql": "select cast(sum(cash_amount) as varchar) as cash from marts.fct_reimbursements"}
                answer = client.post("/api/v1/sqllab/execute/", json=query)
                assert answer.status_code == 200, answer.text
                assert Decimal(answer.json()["data"][0]["cash"]) == CASH
        finally:
            server.terminate()


def wait_for(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers, as long as it runs."""
    while server.poll() is None:
        try:
            client.get("/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError("Superset ended before it answered")
