"""Models broken on purpose: of each rule that finance relies on, the test that guards it fails; of two rules in the short form."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seller_warehouse.paths import DBT_PROJECT, REPOSITORY
from tests.soak.test_storms import COUNT
from tests.support import AT
from tests.world import Simulated

# Rule -> the model, what stands there, what a mistake would make of it, and the test that must fail.
MUTATIONS: dict[str, tuple[str, str, str, str]] = {
    "every unit is in one bucket": (
        "int_defects__status_periods", "in_case_bucket + case rest_bucket when", "case rest_bucket when", "assert_buckets_make_up_defects",
    ),
    "a payout is used once": (
        "int_stock__sure_matches", "payouts.net_units - coalesce(paid.units, 0) as left_units", "payouts.net_units as left_units",
        "assert_payouts_are_used_once",
    ),
    "a payout is for no later loss": (
        "int_stock__reversed_matches", "where found_units.loss_date <= {{ add_days('reversals.approval_date', var('payout_lead_days')) }}", "",
        "assert_payouts_stay_in_account_and_currency",
    ),
    "a reversal reduces its original": (
        "int_payouts__reversals", "takes.origin_id is {{ 'not null' if basis == 'NAMED' else 'null' }}", "takes.origin_id is null",
        "assert_reversals_reduce_their_original",
    ),
    "payouts make up the months": (
        "int_defects__changes", "-units as units, reversed_cash_amount as cash_amount", "-units as units, 0 as cash_amount",
        "assert_payouts_make_up_months",
    ),
    "nothing is dropped": (
        "fct_inventory_defects", "where valid_before is null", "where valid_before is null and status_reason <> 'WINDOW_EXPIRED'",
        "assert_defects_equal_staging",
    ),
    "history ends today": (
        "fct_defect_status_moves", "-units as units", "0 as units", "assert_status_of_the_last_day_equals_defects",
    ),
    "months add up to lines": (
        "fct_reimbursements_monthly", "sum(cash_amount) as net_cash_amount", "sum(abs(cash_amount)) as net_cash_amount",
        "assert_monthly_equals_lines",
    ),
    "a settlement's lines make up its total": (
        "stg_amazon_seller__settlements", "select * from renamed\nwhere",
        "select * from renamed\nwhere transaction_type is distinct from 'REFUND' and",
        "assert_settlements_add_up",
    ),
    "the lines behind what is unexplained make up its amount": (
        "fct_settlement_differences", "'UNEXPLAINED' and cash_amount <> 0", "'UNEXPLAINED' and cash_amount > 0",
        "assert_differences_equal_unexplained_amounts",
    ),
    "the tie-out tells where every cent is": (
        "fct_settlement_reconciliation", "sum(case when state = 'APPROVED_IN_ANOTHER_MONTH' then cash_amount else 0 end) as carried_in_amount",
        "0 as carried_in_amount", "assert_reconciliation_adds_up",
    ),
}  # fmt: skip


def failures(simulated: Simulated, project: Path, folder: Path, model: str) -> set[str]:
    """Build a model and all that follows from it in a copy of the warehouse; the names of the tests that fail."""
    database = folder / simulated.warehouse.home.warehouse.name
    shutil.copy(simulated.warehouse.home.warehouse, database)
    target = folder / "target"
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--select", f"{model}+", "--exclude-resource-type", "unit_test"]
    command += ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target), "--log-path", str(target)]
    command += ["--vars", json.dumps({"as_of_date": AT.date().isoformat()})]
    environment = {**os.environ, "SELLER_WAREHOUSE_DATABASE": str(database)}
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    results = target / "run_results.json"
    assert results.exists(), ran.stdout
    run = [r for r in json.loads(results.read_text())["results"] if r["status"] in ("fail", "error", "warn")]
    return {re.sub(r"^test\.seller_warehouse\.", "", r["unique_id"]) for r in run}


def test_no_test_fails_where_no_rule_is_broken(simulated: Simulated, tmp_path: Path) -> None:
    assert failures(simulated, DBT_PROJECT, tmp_path, "+fct_inventory_defects") == set()


@pytest.mark.parametrize("rule", [*MUTATIONS][: None if COUNT > 1 else 2])
def test_the_test_of_a_rule_fails_where_the_rule_is_broken(simulated: Simulated, tmp_path: Path, rule: str) -> None:
    model, rule_text, mistake, guard = MUTATIONS[rule]
    project = tmp_path / "dbt_project"
    shutil.copytree(DBT_PROJECT, project, ignore=shutil.ignore_patterns("target"))
    (path,) = (project / "models").rglob(f"{model}.sql")
    text = path.read_text(encoding="utf-8")
    assert rule_text in text
    path.write_text(text.replace(rule_text, mistake), encoding="utf-8")
    assert guard in failures(simulated, project, tmp_path, model)
