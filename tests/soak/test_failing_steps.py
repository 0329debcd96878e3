"""Every step fails once through a real Airflow scheduler: each is named with its reason and remedy, nothing is lost, and the next run heals."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from seller_warehouse.cli.airflow_processes import Api
from seller_warehouse.cli.airflow_run import run_dags, send_alerts_and_wait, with_airflow
from seller_warehouse.cli.console import LOADED, NOT_PUBLISHED, QUARANTINED, Progress
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import code_version
from tests.soak.test_storms import COUNT
from tests.support import AT, Warehouse, reimbursements

FILES = "accounts:\n- {id: acme-na, name: Acme, region: na, marketplaces: [ATVPDKIKX0DER], source: files}\n"
WITH_AMAZON = FILES + "- {id: acme-api, name: Acme at Amazon, region: na, marketplaces: [ATVPDKIKX0DER], source: sp_api}\n"


def put(path: Path, content: str = "neither this nor that") -> Callable[[], None]:
    """Write a file where it does harm; returns how to take it away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path.unlink


@pytest.mark.skipif(COUNT < 2, reason="takes four minutes: make soak COUNT=2 runs it; tests/unit/test_failure_walk.py walks the functions")
def test_every_step_that_fails_in_a_scheduler_is_named_and_the_next_run_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    warehouse, accounts_file = Warehouse(Home(tmp_path / "home")), tmp_path / "accounts.yaml"
    home = warehouse.home
    monkeypatch.setenv("SELLER_WAREHOUSE_HOME", str(home.root))
    monkeypatch.setenv("SELLER_WAREHOUSE_ACCOUNTS", str(accounts_file))
    monkeypatch.setenv("SELLER_WAREHOUSE_AS_OF", "2026-11-20")
    monkeypatch.setenv("SELLER_WAREHOUSE_ALERT_URLS", "json://127.0.0.1:1/")
    accounts_file.write_text(WITH_AMAZON)
    warehouse.drop("first.txt", reimbursements({"reimbursement-id": "0001"}), at=AT - timedelta(days=1))
    put(home.airflow / "airflow.db", "no database")
    said: dict[str, tuple[int, str]] = {}

    def drive(api: Api, accounts: dict[str, Account], say: Progress) -> int:
        def one_pass(name: str, *dags: str) -> None:
            capfd.readouterr()
            code = run_dags(api, home, ["collect_inbox", *dags], {}, say)[0]
            said[name] = code, capfd.readouterr().out

        lost = home.landing / "acme-na" / "orders" / "file" / "20261119T060000000000-0123456789abcdef"
        left = home.work / code_version() / "acme-na" / "orders" / "20261118T060000000000-0123456789abcdef"
        undo = [put(home.requests), put(home.exchange_rates), put(lost / "manifest.json"), put(home.landing / "acme-na" / "reimbursements")]
        put(left / "judgement.json")
        one_pass("before", "land_reports")
        for take_away in undo:
            take_away()
        lost.rmdir()
        home.exports.mkdir()
        warehouse.drop("letter.txt", "Dear seller", at=AT - timedelta(days=1))
        one_pass("publish", "land_reports")
        home.exports.rmdir()
        accounts_file.write_text(FILES)
        one_pass("healed")
        capfd.readouterr()
        said["alerts"] = (LOADED if send_alerts_and_wait(api, home, say) else NOT_PUBLISHED), capfd.readouterr().out
        return LOADED

    with_airflow(home, accounts_file, drive)
    expected = {
        "before": [
            r"FAILED land_files: inbox/acme-na/first.txt: .*reimbursements is a file, where a folder belongs; move it away, then run again",
            r"FAILED plan_requests: .*requests is a file, where a folder belongs; move it away",
            r"FAILED gate_documents: acme-na/orders/.*manifest",
            r"FAILED load_documents: acme-na/orders/.*judgement cannot be read",
            r"FAILED dbt_build: .*eurofxref-hist.zip is not the European Central Bank's .*or remove it",
        ],
        "publish": [
            r"QUARANTINED acme-na: letter.txt, line 1: this is no report",
            r"NOT REACHED there is no Airflow connection amazon_acme_api; account acme-api needs it",
            r"FAILED publish_marts: .*exports is a folder, where a link to the last publication belongs; move it away, then run again",
        ],
        "alerts": [r"FAILED send_alerts: json-.* did not take it: .*tried again by the next run"],
    }
    for name, sentences in expected.items():
        code, text = said[name]
        assert code == NOT_PUBLISHED, text
        for sentence in sentences:
            assert re.search(f"^{sentence}", text, re.M), (sentence, text)
    assert said["healed"][0] == QUARANTINED, said["healed"][1]
    assert warehouse.published("select reimbursement_id from sw.marts.fct_reimbursements") == [("0001",)]
