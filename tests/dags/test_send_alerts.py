"""Alerts sent from Airflow: a real DAG run, and a real receiver of webhooks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from http import HTTPStatus

import pytest
import yaml

from seller_warehouse.cli.airflow_processes import environment
from seller_warehouse.core.home import REPOSITORY
from tests.receiver import receiving
from tests.support import AT, Warehouse, reimbursements

RUNS = """
import sys; sys.path.insert(0, 'dags')
from send_alerts import send_alerts
for _ in sys.stdin:
    print('RUN', send_alerts().test().state, flush=True)
"""
"""A run of the DAG for each line of input, in one process: Airflow takes seconds to import."""


@pytest.fixture(scope="module")
def airflow(five_lines: Warehouse) -> dict[str, str]:
    home = five_lines.home
    home.airflow.mkdir(parents=True)
    accounts = home.root / "accounts.yaml"
    accounts.write_text(yaml.safe_dump([{"id": "acme-na", "name": "Acme", "region": "na", "marketplaces": ["ATVPDKIKX0DER"], "source": "files"}]))
    env = environment(home, 8080) | {"SELLER_WAREHOUSE_ACCOUNTS": str(accounts), "SELLER_WAREHOUSE_AS_OF": "2026-11-20"}
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=env, check=True, capture_output=True)
    return env


def test_a_refusal_after_the_last_publication_is_sent_once_from_airflow_with_a_link(airflow: dict[str, str], five_lines: Warehouse) -> None:
    five_lines.drop("wrong.txt", reimbursements({"amount-total": "12.50.0"}))
    assert len(five_lines.load("later", AT + timedelta(hours=1))) == 1

    with receiving() as receiver:
        settings = airflow | {"SELLER_WAREHOUSE_ALERT_URLS": receiver.url, "SELLER_WAREHOUSE_DASHBOARD_URL": "https://shop.example"}

        runs = subprocess.Popen(
            [sys.executable, "-c", RUNS], cwd=REPOSITORY, env=os.environ | settings, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

        def run() -> str:
            assert runs.stdin
            assert runs.stdout
            runs.stdin.write("\n")
            runs.stdin.flush()
            said = []
            while not said or not said[-1].startswith("RUN "):
                said.append(runs.stdout.readline())
                assert said[-1], said
            assert "token-8f3ab1c2" not in "".join(said)
            return "".join(said)

        receiver.status = HTTPStatus.SERVICE_UNAVAILABLE
        said = run()
        assert re.search(r"json-\w+ did not take it: Failed to send JSON POST notification: .*error=503\. What was not sent is tried again", said)
        assert "RUN success" not in said
        receiver.status = HTTPStatus.OK
        assert "RUN success" in run()
        [(title, lines)] = receiver.taken()
        assert title == "acme-na: a document was refused"
        assert lines[0].startswith("wrong.txt, line 2: amount-total is no amount")
        assert lines[1:] == ["https://shop.example/health?account=acme-na"]
        assert "RUN success" in run()
        assert receiver.taken() == []
        runs.communicate()

    five_lines.publish("again", AT + timedelta(hours=2), build=False)
    [(kind, sent, error)] = five_lines.published("select kind, sent_at is not null, error from sw.meta.alerts")
    assert (kind, sent, error) == ("DOCUMENT_REFUSED", True, None)


def test_alerts_follow_each_publication_and_come_every_hour_where_airflow_runs_by_itself(airflow: dict[str, str]) -> None:
    script = (
        "import importlib, os, sys; sys.path.insert(0, 'dags'); import send_alerts\n"
        "for os.environ['SELLER_WAREHOUSE_SCHEDULED'] in ('', '1'): print(importlib.reload(send_alerts).send_alerts().timetable)"
    )
    out = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, env=os.environ | airflow, capture_output=True, text=True, check=True).stdout
    driven, by_itself = out.splitlines()[-2:]
    assert "seller-warehouse://published/marts" in driven
    assert "seller-warehouse://published/marts" in by_itself
    assert ["expression='20 * * * *'" in timetable for timetable in (driven, by_itself)] == [False, True]
