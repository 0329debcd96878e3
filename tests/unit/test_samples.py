"""Public and real sample files get the right verdict, and no row or cent is lost."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from tests.support import NA, SAMPLES, Warehouse

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason=f"the sample files are no part of the project; there are none at {SAMPLES}")

EGYPT = Account(id="sample-eg", name="Sample Egypt", region="eu", marketplaces=("ARBP9OOSHTCHU",), source="files")
CANADA = Account(id="sample-ca", name="Sample Canada", region="na", marketplaces=("A2EUQ1WTGCTBG2",), source="files")
SELLERS = {a.id: a for a in (NA, EGYPT, CANADA)}

FULFILLED, LEDGER, SUMMARY = "GET_AMAZON_FULFILLED_SHIPMENTS_DATA_GENERAL", "GET_LEDGER_DETAIL_VIEW_DATA", "GET_LEDGER_SUMMARY_VIEW_DATA"
RETURNS, REIMBURSEMENTS, MFN = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA", "GET_FBA_REIMBURSEMENTS_DATA", "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"
REMOVALS, INVENTORY, LISTINGS = "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA", "GET_FBA_MYI_ALL_INVENTORY_DATA", "GET_MERCHANT_LISTINGS_ALL_DATA"
FEEDBACK, PERFORMANCE = "GET_SELLER_FEEDBACK_DATA", "GET_V2_SELLER_PERFORMANCE_REPORT"
OLD, V2 = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE", "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"
SCHEMA = "amzn__selling-partner-api-models__accountHealthReport-2020-11-18"

# Rows counted in the files: lines after the header that are not blank.
LOADED = {
    f"{RETURNS}/public-test__returnsImport.test__identical-rows-mcf.tsv": (NA, "customer_returns", 3),
    f"{RETURNS}/public-test__returnsImport.test__september.tsv": (NA, "customer_returns", 5),
    f"{REMOVALS}/public-test__odoo-phase7-test.tsv": (EGYPT, "removal_orders", 3),
    f"{INVENTORY}/amzn__selling-partner-api-samples__local-ai-sandbox.tsv": (NA, "fba_inventory", 4),
    f"{REIMBURSEMENTS}/public-test__odoo-phase7-test.tsv": (EGYPT, "reimbursements", 4),
    f"{LEDGER}/sellercentral-help-G4FKT5KQWFFJ7LDN__examples.tsv": (NA, "inventory_ledger", 8),
    f"{LISTINGS}/airbytehq__airbyte__integration_tests_expected_records.tsv": (NA, "listings", 8),
    # One marketplace, seller-fulfilled and Amazon-fulfilled.
    f"{PERFORMANCE}/{SCHEMA}.example.json": (NA, "seller_performance", 2),
    f"{V2}/xieyi138-star__amazon-settlement-parser__settlement-sample.txt": (NA, "settlements", 24),
    # One row for each amount, so more rows than the 16 and 730 lines; see the test that counts the amounts.
    f"{OLD}/adwweaver__Amazon-Settlement-Transformer__50018020314.txt": (CANADA, "settlements", 17),
    f"{OLD}/adwweaver__Amazon-Settlement-Transformer__50044020356.txt": (CANADA, "settlements", 732),
}
PLACEHOLDERS = {
    f"{FULFILLED}/airbytehq__airbyte__{FULFILLED}.csv": "fulfilled_shipments",
    f"{REIMBURSEMENTS}/airbytehq__airbyte__{REIMBURSEMENTS}.csv": "reimbursements",
    f"{MFN}/airbytehq__airbyte__{MFN}.csv": "mfn_returns",
    f"{LEDGER}/airbytehq__airbyte__{LEDGER}.csv": "inventory_ledger",
    f"{SUMMARY}/airbytehq__airbyte__{SUMMARY}.csv": "inventory_ledger_summary",
    f"{FEEDBACK}/airbytehq__airbyte__{FEEDBACK}.csv": "seller_feedback",
}
NO_REPORTS = {
    f"{PERFORMANCE}/{SCHEMA}.json": "no report has such a JSON",
    f"{V2}/xieyi138-star__amazon-settlement-parser__fee-codes.json": "no report has such a JSON",
    "columns.json": "no report has such a JSON",
    "README.md": "this is no report",
    "spec/amzn__selling-partner-api-models__finances_2024-06-19.json": "no report has such a JSON",
    "spec/amzn__selling-partner-api-models__reports_2021-06-30.json": "no report has such a JSON",
}
TOTALS = {"23874397121": Decimal("-62.31"), "24495221541": Decimal("4630.23"), "28471003921": Decimal("582.89")}


def dropped_name(path: str) -> str:
    return path.replace("/", " ")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(Home(tmp_path_factory.mktemp("samples") / "home"), dict(SELLERS))
    for path in sorted(p for p in SAMPLES.rglob("*") if p.is_file()):
        place = str(path.relative_to(SAMPLES))
        warehouse.drop(dropped_name(place), path.read_bytes(), account=LOADED[place][0].id if place in LOADED else NA.id)
    assert len(warehouse.load()) == len(PLACEHOLDERS) + len(NO_REPORTS)
    return warehouse


def load_of(warehouse: Warehouse, place: str) -> tuple:
    found = warehouse.query(f"select report, verdict, reason, row_count, rows_added from meta.loads where file_name = '{dropped_name(place)}'")
    assert len(found) == 1
    return found[0]


def test_every_sample_is_expected() -> None:
    assert {str(p.relative_to(SAMPLES)) for p in SAMPLES.rglob("*") if p.is_file()} == {*LOADED, *PLACEHOLDERS, *NO_REPORTS}


@pytest.mark.parametrize("place", LOADED)
def test_a_real_report_loads_with_every_row(loaded: Warehouse, place: str) -> None:
    _, report, rows = LOADED[place]
    assert load_of(loaded, place) == (report, "LOADED", "", rows, rows)


@pytest.mark.parametrize("place", PLACEHOLDERS)
def test_a_placeholder_is_refused_by_name(loaded: Warehouse, place: str) -> None:
    report, verdict, reason, rows, added = load_of(loaded, place)
    assert (report, verdict, rows, added) == (PLACEHOLDERS[place], "QUARANTINED", 2, 0)
    assert "line 2: the row repeats the names of the columns" in reason
    assert "in 2 rows; this is a placeholder file" in reason
    assert loaded.query(
        "select count(*) from meta.gate_results join meta.loads using (account_id, report, document_id) "
        f"where file_name = '{dropped_name(place)}' and rule = 'header_repeated' and not passed"
    ) == [(1,)]


@pytest.mark.parametrize("place", NO_REPORTS)
def test_what_is_no_report_is_refused(loaded: Warehouse, place: str) -> None:
    report, verdict, reason, rows, _ = load_of(loaded, place)
    assert (report, verdict, rows) == ("", "QUARANTINED", 0)
    assert reason.startswith(f"{dropped_name(place)}, line 1: {NO_REPORTS[place]}")


def test_raw_holds_as_many_rows_as_the_files(loaded: Warehouse) -> None:
    for report in {report for _, report, _ in LOADED.values()}:
        expected = sum(rows for _, r, rows in LOADED.values() if r == report)
        assert loaded.query(f"select count(*), count(*) filter (_valid_to is null) from raw.{report}") == [(expected, expected)], report


@pytest.mark.parametrize("settlement", TOTALS)
def test_the_amounts_of_a_settlement_are_its_total_to_the_cent(loaded: Warehouse, settlement: str) -> None:
    found = loaded.query(
        "select sum(cast(nullif(amount, '') as decimal(18, 4))), max(cast(nullif(total_amount, '') as decimal(18, 4))) "
        f"from raw.settlements where settlement_id = '{settlement}' and _valid_to is null"
    )
    assert found == [(TOTALS[settlement], TOTALS[settlement])]


@pytest.mark.parametrize("place", [p for p in LOADED if p.startswith(OLD + "/")])
def test_the_old_settlement_gives_one_row_for_each_amount(place: str) -> None:
    with (Path(SAMPLES) / place).open(encoding="utf-8", newline="") as stream:
        rows = [r for r in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE) if r["settlement-id"]]
    amounts = [n for n in rows[0] if n.endswith("amount") and n != "total-amount"]
    assert len(amounts) == 9
    assert sum(max(1, sum(bool((r[n] or "").strip()) for n in amounts)) for r in rows) == LOADED[place][2]


def test_identical_returns_stay_separate_units(loaded: Warehouse) -> None:
    found = loaded.query("select _occurrence, quantity from raw.customer_returns where order_id = 'Shopify #1001 0000000001' order by 1")
    assert found == [(1, "1"), (2, "1")]


def test_the_currency_is_that_of_the_row_and_not_of_the_account(loaded: Warehouse) -> None:
    found = loaded.query(f"select distinct account_id, currency_code from raw.reimbursements where account_id = '{EGYPT.id}'")
    assert found == [(EGYPT.id, "EGP")]


def test_the_performance_example_keeps_the_channel_of_its_block_although_the_file_contradicts_itself(loaded: Warehouse) -> None:
    found = loaded.query("select fulfillment_channel, fulfillment_type, order_count, rate from raw.seller_performance order by 1")
    assert found == [("afn", "mfn", "539000", "0.009"), ("mfn", "mfn", "539000", "0.009")]


def test_the_ledger_example_of_seller_help_keeps_its_open_balance(loaded: Warehouse) -> None:
    found = loaded.query(
        "select quantity, reconciled_quantity, unreconciled_quantity from raw.inventory_ledger where reference_id = '21188081' order by 1"
    )
    assert found == [("-16", "5", "11"), ("1", "", "")]
