"""The commands of docker-compose.yaml as processes of this machine, on a real PostgreSQL, with the demo."""

from __future__ import annotations

import gzip
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from sandbox.server import CLIENT_ID, CLIENT_SECRET
from seller_warehouse.cli import demo
from seller_warehouse.cli.airflow_processes import connected_airflow
from seller_warehouse.cli.airflow_run import run_dags, with_airflow
from seller_warehouse.cli.console import NOT_PUBLISHED
from seller_warehouse.core import ports
from seller_warehouse.core.accounts import load_accounts
from seller_warehouse.core.home import DEMO_ACCOUNTS, REPOSITORY, Home
from seller_warehouse.core.ports import free_port
from seller_warehouse.orchestration.dag_parts import WAREHOUSE_POOL
from tests.e2e.test_compose import DEMO, LASTING, READERS, SECRETS, SERVICES
from tests.postgresql import Server, postgresql, programs
from tests.support import Warehouse, files_in

pytestmark = pytest.mark.skipif(not programs(), reason="PostgreSQL's programs (initdb, postgres, pg_dump) are not installed: make postgresql")

WRONG_SECRET = "no-such-client-secret"
START_SECONDS = 180


class Native:
    """The services of the demo as processes: hosts become loopback, the containers' folders become temporary ones."""

    def __init__(self, folder: Path, server: Server, values: dict[str, str]) -> None:
        self.folder, self.server, self.values = folder, server, values
        self.home = Home(folder / "data")
        self.url, self.sandbox = f"http://127.0.0.1:{free_port()}", f"https://127.0.0.1:{free_port()}"
        self.pages = {usual: str(free_port()) for usual in ("8501", "8502")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("data", "sandbox", "tmp", "output"):
            (folder / name).mkdir()
        self.places = {"opt/seller-warehouse": REPOSITORY, "config": REPOSITORY / "demo", **{n: folder / n for n in ("data", "sandbox", "tmp")}}

    def here(self, text: str) -> str:
        """A value of the compose file, translated for this machine."""
        text = re.sub(r"\$\{(\w+)(?::([?-])([^}]*))?\}", lambda m: self.values[m[1]] if m[2] == "?" else m[3], text)
        hosts = {
            "api-server:8080": self.url[7:], "127.0.0.1:8080": self.url[7:], "sandbox:8443": self.sandbox[8:],
            "postgres:5432": f"127.0.0.1:{self.server.port}", "=5432": f"={self.server.port}", "0.0.0.0": "127.0.0.1",
        }  # fmt: skip
        for there, here in hosts.items():
            text = text.replace(there, here)
        text = re.sub(r"(?<!\d)(8501|8502)(?!\d)", lambda m: self.pages[m[1]], text)
        for there, here in {"8080": self.url, "8443": self.sandbox}.items():
            text = here.rpartition(":")[2] if text == there else text
        return re.sub(r"(?<![\w/])/(opt/seller-warehouse|config|data|sandbox|tmp)(?![\w-])", lambda m: str(self.places[m[1]]), text)

    def environment(self, name: str) -> dict[str, str]:
        given = SERVICES.get(name, {}).get("environment", {}) | DEMO["services"].get(name, {}).get("environment", {})
        plain = {n: v for n, v in os.environ.items() if not n.startswith(("AIRFLOW", "SELLER_WAREHOUSE"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), str(self.server.programs), os.environ["PATH"]])
        # In its own container the service may have its usual port.
        return plain | {n: self.here(v) for n, v in given.items()} | {"PATH": path, ports.SERVICE: self.pages["8502"]}

    def command(self, name: str) -> list[str]:
        return [self.here(word) for word in (SERVICES.get(name) or DEMO["services"][name])["command"]]

    def run(self, name: str, *more: str) -> subprocess.CompletedProcess[str]:
        """A service that ends."""
        done = subprocess.run([*self.command(name), *more], env=self.environment(name), cwd=REPOSITORY, capture_output=True, text=True, check=False)
        (self.folder / "output" / name).write_text(done.stdout + done.stderr)
        return done

    def start(self, name: str) -> None:
        with (self.folder / "output" / name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                self.command(name), env=self.environment(name), cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True
            )

    def is_healthy(self, name: str) -> bool:
        kind, *test = [self.here(word) for word in SERVICES[name]["healthcheck"]["test"]]
        assert kind == "CMD"
        return subprocess.run(test, env=self.environment(name), cwd=REPOSITORY, capture_output=True, check=False).returncode == 0

    def wait_for(self, name: str) -> None:
        until = time.monotonic() + START_SECONDS
        while not self.is_healthy(name):
            ended = name in self.processes and self.processes[name].poll() is not None
            if ended or time.monotonic() > until:
                raise AssertionError(f"{name}: {(self.folder / 'output' / name).read_text()[-3000:]}")
            time.sleep(0.5)

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self.processes.values():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            for process in self.processes.values():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=20)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Native]:
    values = {name: secrets.token_hex(32) for name in SECRETS} | {"AIRFLOW_FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode()}
    with ExitStack() as stack:
        server = stack.enter_context(postgresql(values["POSTGRES_PASSWORD"]))
        found = Native(tmp_path_factory.mktemp("compose"), server, values)
        stack.callback(found.stop)
        found.wait_for("postgres")
        done = found.run("init")
        assert done.returncode == 0, done.stderr
        found.start("sandbox")
        found.start("dag-processor")
        found.start("api-server")
        found.wait_for("api-server")
        found.start("scheduler")
        found.start("triggerer")
        found.start("tidy")
        for reader in READERS:
            found.start(reader)
        yield found


def test_every_service_becomes_healthy_and_asks_for_a_login(native: Native) -> None:
    for name in LASTING:
        native.wait_for(name)
    assert native.server.query(f"select slots from slot_pool where pool = '{WAREHOUSE_POOL}'") == [(1,)]
    assert httpx.get(f"{native.url}/api/v2/dags").status_code == 401
    assert httpx.get(f"{native.url}/auth/token").status_code in (401, 403)


def test_the_demo_on_it_publishes_and_its_runs_are_in_postgresql(native: Native) -> None:
    done = native.run("demo", "--months", "1", "--account", "demo-na")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]
    warehouse = Warehouse(native.home)
    assert {v for (v,) in warehouse.published("select distinct verdict from sw.meta.loads")} <= {"LOADED", "UNCHANGED", "NO_DATA"}
    assert warehouse.published("select distinct account_id from sw.marts.fct_orders") == [("demo-na",)]
    assert warehouse.published("select count(distinct report) > 10 from sw.meta.loads where source = 'sp_api'") == [(True,)]
    runs = dict(native.server.query("select dag_id, count(*) from dag_run where state = 'success' group by dag_id"))
    assert runs["backfill_history"] >= 1
    assert runs["land_reports"] >= 1
    assert runs["build_marts"] >= 2
    assert not list(native.home.airflow.glob("*.db"))
    token = {"Authorization": f"Bearer {native.values['SELLER_WAREHOUSE_TOKEN']}"}
    orders = f"http://127.0.0.1:{native.pages['8502']}/v1/tables/marts.fct_orders?limit=1"
    assert httpx.get(orders).status_code == 401
    assert [(httpx.get(orders, headers=token).json()["total"],)] == warehouse.published("select count(*) from sw.marts.fct_orders")


def test_a_wrong_client_secret_gives_one_clear_sentence_and_no_storm_of_requests(native: Native, capfd: pytest.CaptureFixture[str]) -> None:
    accounts = load_accounts(DEMO_ACCOUNTS)
    wrong = demo.connections({"demo-na": accounts["demo-na"]}, native.folder / "sandbox")
    wrong["amazon_demo_na"]["password"] = WRONG_SECRET
    before = tokens_asked(native)
    asked = {"account": "demo-na", "months": 1}
    airflow = partial(connected_airflow, url=native.url, connections=wrong)
    code = with_airflow(native.home, DEMO_ACCOUNTS, lambda api, _, say: run_dags(api, native.home, ["land_reports"], asked, say)[0], airflow)
    said = capfd.readouterr()
    (native.folder / "output" / "wrong secret").write_text(said.out + said.err)
    assert code == NOT_PUBLISHED, said.out + said.err
    sentence = (
        "connection amazon_demo_na: Login with Amazon says invalid_client (Client authentication failed); "
        "correct the client id (login) or client secret (password) in the Airflow connection, then run again"
    )
    assert [line for line in said.out.splitlines() if "amazon_demo_na" in line] == [f"NOT REACHED {sentence}"]
    logs = [p.read_text() for p in (native.home.airflow / "logs" / "dag_id=land_reports").rglob("task_id=reports.land_account/**/*.log")]
    assert [log.count(sentence) for log in logs if sentence in log] == [1]
    assert 1 <= tokens_asked(native) - before <= 3


def tokens_asked(native: Native) -> int:
    counts = httpx.get(f"{native.sandbox}/sandbox/counts", verify=str(native.folder / "sandbox" / "cert.pem")).json()
    return sum(sum(calls["token"].values()) for calls in counts.values() if isinstance(calls, dict) and "token" in calls)


def test_afterwards_no_secret_is_found_in_any_file_or_in_the_metadata_database(native: Native) -> None:
    accounts = load_accounts(DEMO_ACCOUNTS)
    tokens = [c["extra"]["refresh_token"] for c in demo.connections(accounts, native.folder / "sandbox").values()]
    hidden = [*native.values.values(), CLIENT_SECRET, WRONG_SECRET, *tokens, "Atza|", "Atzr|"]
    needles = [form for secret in hidden for form in (secret.encode(), secret.encode().hex().encode())]
    dump = native.server.dump()
    assert b"amazon_demo_eu" in dump
    assert CLIENT_ID.encode() in dump
    contents = {"pg_dump": dump} | {str(path.relative_to(native.folder)): data for path, data in files_in(native.folder).items()}
    contents |= {f"{name}, unpacked": gzip.decompress(data) for name, data in contents.items() if data[:2] == b"\x1f\x8b"}
    assert {"output/scheduler", "output/demo", "output/api-server"} <= set(contents)
    assert any("/logs/" in name for name in contents)
    assert any(name.startswith("data/landing/") for name in contents)
    assert [(name, needle) for name, data in contents.items() for needle in needles if needle in data] == []
