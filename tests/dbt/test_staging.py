"""Staging of every valid fixture equals the figures worked out by hand in its case.yaml."""

from __future__ import annotations

import pytest

from seller_warehouse.reports import SPECS
from tests.dbt.conftest import Case, cases
from tests.support import Warehouse


@pytest.fixture(params=sorted(cases()))
def case(request: pytest.FixtureRequest) -> Case:
    return cases()[request.param]


def test_every_report_has_a_case_with_measures() -> None:
    assert {report for report, case in cases().items() if case.staged} == set(SPECS)


def test_staged_measures_are_those_worked_out_by_hand(fixtures_built: Warehouse, case: Case) -> None:
    measures = ", ".join(f"cast({m} as varchar)" for m in case.staged)
    (found,) = fixtures_built.query(f"select {measures} from staging.stg_amazon_seller__{case.report} where account_id = '{case.account.id}'")
    assert dict(zip(case.staged, found, strict=True)) == case.staged


def test_every_row_of_the_file_is_staged_once(fixtures_built: Warehouse, case: Case) -> None:
    places = (f"raw.{case.report} where _valid_to is null and", f"staging.stg_amazon_seller__{case.report} where")
    counts = [fixtures_built.query(f"select count(*) from {place} account_id = '{case.account.id}'") for place in places]
    told = fixtures_built.query(f"select row_count, verdict from meta.loads where account_id = '{case.account.id}'")
    assert (counts, told) == ([[(case.rows,)], [(case.rows,)]], [(case.rows, "LOADED")])


def test_a_staging_model_holds_no_account_but_those_of_its_report(fixtures_built: Warehouse, case: Case) -> None:
    found = fixtures_built.query(f"select distinct account_id from staging.stg_amazon_seller__{case.report}")
    assert found == [(case.account.id,)]
