"""``make run`` over dropped files, in one process and through a real Airflow scheduler: undisturbed, refused, failed and killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import duckdb
import pytest
import yaml

from seller_warehouse.core.accounts import load_accounts
from seller_warehouse.core.home import REPOSITORY, Home
from tests.support import Warehouse, marts_of, processes_of, reimbursements, rights

FILES = REPOSITORY / "tests" / "files"
"""Two invented sellers; the expected marts are worked out by hand in README.md beside their files."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return Warehouse(Home(tmp_path_factory.mktemp("files") / "home"), accounts=load_accounts(FILES / "accounts.yaml"))


def drop_all(files: Warehouse) -> None:
    """Put every file into the inbox, dated as it was retrieved."""
    for name, at in yaml.safe_load((FILES / "retrieved_at.yaml").read_text(encoding="utf-8")).items():
        account, _, file_name = name.partition("/")
        files.drop(file_name, (FILES / "inbox" / name).read_bytes(), account=account, at=at)


def environment(warehouse: Warehouse) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
        "SELLER_WAREHOUSE_HOME": str(warehouse.home.root),
        "SELLER_WAREHOUSE_ACCOUNTS": str(FILES / "accounts.yaml"),
        "SELLER_WAREHOUSE_AS_OF": "2026-11-20",
    }


RUN = [sys.executable, "-m", "seller_warehouse.run"]
AIRFLOW = ["--orchestrator", "airflow"]


def run(warehouse: Warehouse, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *options], env=environment(warehouse), capture_output=True, text=True, check=False)


def kill_at(warehouse: Warehouse, line_with: str, *options: str) -> str:
    """Start a run and kill it with SIGKILL as soon as it prints a given text; returns what it had printed."""
    printed = []
    with subprocess.Popen([*RUN, *options], env=environment(warehouse), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert any(printed.append(line) or line_with in line for line in process.stdout)
        process.send_signal(signal.SIGKILL)
    return "".join(printed)


def totals(warehouse: Warehouse, mart: str, columns: str) -> list[tuple]:
    return warehouse.published(f"select {columns} from sw.marts.{mart} group by all order by all")


def test_what_a_killed_scheduler_leaves_behind_does_not_hinder_the_next_run(files: Warehouse) -> None:
    drop_all(files)
    kill_at(files, "load_documents: running", *AIRFLOW)
    left_behind = {number for number, _ in json.loads((files.home.airflow / "process_groups.json").read_text())}
    assert not files.home.marts.exists()

    done = run(files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert processes_of(left_behind) == []
    assert f"published {files.home.marts}" in done.stdout
    # The totals of tests/files/README.md, worked out by hand from the files.
    assert totals(files, "fct_reimbursements_monthly", "account_id, currency_code, sum(net_cash_amount)::varchar") == [
        ("demo-eu", "EUR", "1241.4000"), ("demo-eu", "GBP", "18.8000"), ("demo-na", "CAD", "86.3000"), ("demo-na", "USD", "261.3000"),
    ]  # fmt: skip
    assert totals(files, "fct_orders", "account_id, fulfillment_channel, count(*)") == [
        ("demo-eu", "AFN", 14), ("demo-na", "AFN", 35), ("demo-na", "MFN", 8),
    ]  # fmt: skip
    assert totals(files, "fct_restatements", "report, sum(units_change)::int, sum(cash_amount_change)::varchar") == [
        ("inventory_ledger", 0, "0.0000"), ("orders", 0, "24.9900"), ("reimbursements", 0, "0.0000"),
    ]  # fmt: skip


def test_nothing_new_is_not_published_again(files: Warehouse) -> None:
    before = files.home.marts.resolve()
    done = run(files)
    assert (done.returncode, files.home.marts.resolve()) == (0, before), done.stdout + done.stderr
    assert "nothing new" in done.stdout


def test_killed_while_dbt_builds_the_next_run_waits_for_dbt_and_the_same_files_again_change_no_mart_row(files: Warehouse) -> None:
    before, published = marts_of(files), files.home.marts.resolve()
    drop_all(files)
    files.drop("my export.txt", reimbursements({}, {"amount-total": "12.50.0"}), account="demo-na")
    files.drop("one more case.csv", "case-id,order-id,units,filed-date,status\nnew,111-0000000-0000000,1,2026-11-19,Open\n", account="demo-eu")
    printed = kill_at(files, "1 LOADED")
    assert "gate_documents: 1 refused" in printed
    assert files.home.marts.resolve() == published
    done = run(files)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "documents since the last publication: 1 LOADED, 1 QUARANTINED, 40 UNCHANGED" in done.stdout
    assert "QUARANTINED demo-na: my export.txt, line 3: amount-total is no amount" in done.stdout
    after = marts_of(files)
    [added] = set(after.pop("fct_claims")) - set(before.pop("fct_claims"))
    assert "new" in added
    assert after == before
    log = files.home.log.read_text()
    assert "amount_total_is_amount" in log
    assert '"_line": 3, "amount_total": "12.50.0"' in log


def test_the_scheduler_runs_the_same_steps(files: Warehouse) -> None:
    before = marts_of(files)
    files.drop("another export.txt", reimbursements({}, {"amount-total": "12.50.0"}), account="demo-na")
    done = run(files, *AIRFLOW)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "collect_inbox.gate_documents: failed" in done.stdout
    assert "build_marts.publish_marts: success" in done.stdout
    assert "documents since the last publication: 1 QUARANTINED" in done.stdout
    assert "QUARANTINED demo-na: another export.txt, line 3: amount-total is no amount" in done.stdout
    assert marts_of(files) == before
    [log] = [p for p in (files.home.airflow / "logs").rglob("task_id=gate_documents/*.log") if "another export.txt" in p.read_text()]
    assert "amount_total_is_amount" in log.read_text()
    assert '\\"_line\\": 3, \\"amount_total\\": \\"12.50.0\\"' in log.read_text()
    assert "great_expectations" not in log.read_text()
    assert {mode & 0o077 for mode in rights(files.home.root)} == {0}


def test_a_build_database_that_cannot_be_opened_is_named_with_what_to_do(files: Warehouse) -> None:
    before = files.home.marts.resolve()
    kept = files.home.warehouse.read_bytes()
    files.home.warehouse.write_bytes(b"not a database" * 1000)
    done = run(files)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(
        r"warehouse\.duckdb is damaged \(.+\); move it away \(mv .+\), and the next run loads everything in landing again$", done.stderr.strip()
    )
    assert files.home.marts.resolve() == before
    files.home.warehouse.write_bytes(kept)
    assert run(files).returncode == 0


def test_a_step_that_fails_is_named_and_is_no_success(files: Warehouse) -> None:
    before = files.home.marts.resolve()
    kept = files.home.warehouse.read_bytes()
    with duckdb.connect(str(files.home.warehouse)) as connection:
        connection.execute("alter table meta.loads rename column verdict to verdict_of_before")
    done = run(files)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"FAILED \w+: Binder Error: .*verdict", done.stdout, re.S)
    assert files.home.marts.resolve() == before
    files.home.warehouse.write_bytes(kept)
    assert run(files).returncode == 0
