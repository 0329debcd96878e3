"""``make run`` in one process with accounts at Amazon: one is landed and published, two have no connection and are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from seller_warehouse.cli import demo
from seller_warehouse.core.accounts import load_accounts
from seller_warehouse.core.home import DEMO_ACCOUNTS, REPOSITORY, Home
from tests.support import Warehouse


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, subprocess.CompletedProcess[str]]:
    """The run of a day over the sandbox, whose clock jumps."""
    warehouse = Warehouse(Home(tmp_path_factory.mktemp("amazon")), accounts=load_accounts(DEMO_ACCOUNTS))
    with demo.sandbox(warehouse.home) as folder:
        connection = demo.connections(warehouse.accounts, folder)["amazon_demo_fe"]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
            "SELLER_WAREHOUSE_HOME": str(warehouse.home.root),
            "SELLER_WAREHOUSE_ACCOUNTS": str(DEMO_ACCOUNTS),
            "SELLER_WAREHOUSE_CLOCK": str(folder / "clock.json"),
            "AIRFLOW_CONN_AMAZON_DEMO_FE": json.dumps(connection),
        }
        command = [sys.executable, "-m", "seller_warehouse.run"]
        return warehouse, subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_account_that_can_be_reached_is_landed_and_published(ran: tuple[Warehouse, subprocess.CompletedProcess[str]]) -> None:
    warehouse, done = ran
    assert f"published {warehouse.home.marts}" in done.stdout, done.stdout + done.stderr
    held = dict(warehouse.published("select report, count(*) from sw.meta.loads where account_id = 'demo-fe' and verdict = 'LOADED' group by 1"))
    assert {"inventory_ledger", "orders", "reimbursements", "settlements", "seller_performance"} <= held.keys()
    assert warehouse.published("select count(*) > 100 from sw.marts.fct_orders where account_id = 'demo-fe'") == [(True,)]


def test_accounts_without_a_connection_are_named_and_the_run_is_no_success(ran: tuple[Warehouse, subprocess.CompletedProcess[str]]) -> None:
    _, done = ran
    assert done.returncode == 1
    for name in ("amazon_demo_na", "amazon_demo_eu"):
        assert f"NOT REACHED there is no Airflow connection {name}; account" in done.stdout


def test_log_has_what_was_asked_and_no_secret(ran: tuple[Warehouse, subprocess.CompletedProcess[str]]) -> None:
    warehouse, done = ran
    log = warehouse.home.log.read_text(encoding="utf-8")
    assert "demo-fe/orders: asked for" in log
    assert "asked for" not in done.stdout.replace("to ask for", "")
    for text in (log, done.stdout, done.stderr):
        assert "Atzr|" not in text
        assert demo.CLIENT_SECRET not in text
