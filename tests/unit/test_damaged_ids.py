"""Ids that a spreadsheet shortened, in every column of every report that may have one, and codes that only look shortened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from docsite.inputs import whole_suite
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Verdict
from seller_warehouse.core.report_spec import Column, Kind, column
from seller_warehouse.ingest.formats import damaged_id_sql
from seller_warehouse.ingest.gate import judge
from seller_warehouse.reports import SPECS
from tests.support import NA, document_of, reimbursements

WORDS = {
    "status", "product_name", "detailed_disposition", "reason", "condition", "mfn_listing_exists", "afn_listing_exists", "store",
    "ship_service_level", "ship_country", "carrier", "fulfillment_channel", "sales_channel", "title", "event_type", "fulfillment_center",
    "disposition", "reason_code", "country", "location", "item_name", "item_description", "open_date", "image_url", "item_is_marketplace",
    "product_id_type", "zshop_shipping_fee", "item_note", "item_condition", "zshop_category1", "zshop_browse_path", "zshop_storefront_feature",
    "will_ship_internationally", "expedited_shipping", "zshop_boldface", "bid_for_featured_placement", "add_delete", "merchant_shipping_group",
    "return_request_status", "label_type", "return_carrier", "label_to_be_paid_by", "a_to_z_claim", "is_prime", "return_reason", "in_policy",
    "return_type", "resolution", "safe_t_action_reason", "safe_t_claim_state", "safe_t_claim_creation_time", "category", "fulfilled_by",
    "pre_fulfillment_cancellation", "late_shipment", "negative_feedback", "a_to_z_guarantee_claim", "chargeback_claim", "order_status",
    "order_channel", "item_status", "is_business_order", "price_designation", "is_replacement_order", "is_exchange_order", "url",
    "number_of_items", "address_type", "tax_collection_model", "tax_collection_responsible_party", "payment_method_details",
    "item_extensions_data", "signature_confirmation_recommended", "amazon_programs", "order_invoice_type", "is_iba", "is_sold_by_ab",
    "is_amazon_invoiced", "is_transparency", "is_heavy_or_bulky", "is_pickup_point_order", "is_buyer_requested_cancellation",
    "original_reimbursement_type", "order_source", "order_type", "service_speed", "removal_order_type", "replacement_reason_code",
    "transaction_type", "marketplace_name", "amount_type", "amount_description", "origin",
}  # fmt: skip
"""Columns of text in which no id stands; a new column of text is either here or is watched."""


def test_every_column_of_text_is_watched_or_known_to_hold_words() -> None:
    columns = {c.name: c for s in SPECS.values() if not s.read_json for c in s.kept if c.kind is Kind.TEXT}
    assert {n for n, c in columns.items() if not c.holds_ids} == WORDS
    assert {"tracking_number", "tracking_id", "license_plate_number", "reference_id", "settlement_id", "fnsku", "msku", "case_id"} <= {
        n for n, c in columns.items() if c.holds_ids
    }


ID, OWN = column("tracking-number"), column("seller-sku")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def is_damaged(value: str, of: Column) -> bool:
    with duckdb.connect() as connection:
        found = connection.execute(f"select {damaged_id_sql(of)} from (select ? as {of.name})", [value]).fetchone()
    assert found
    return bool(found[0])


SHORTENED = (
    "1.00E+11", "2,00012E+14", "8.11e+09", "1,23457e+11", "1E+11", "9.40011E+21", "1٫00E+11", "1.234567890123E+300", "8.11E09", "8,11E09", "8.11e9",
    "8.11E 09", "8.11 E+09", "8,11\u00a0E+09", "811.2E+07", "+8.11E+09", "'8.11E+09", '="8.11E+09"', "８．１１Ｅ＋０９", "٨٫١١E+٠٩", "۸٫۱۱E+۰۹",
    "८.११E+०९",
    "٨٫١١أس٩", "8,11×10^9", "8.11x10^9", "8,11·10⁹", "8.11×10⁺⁰⁹", "\u200e8.11E+09", "1.23457E11", "8.11E11",
)  # fmt: skip
AMAZONS_ALONE = ("2,5E14", "4.5E27", "8E09", "1E11", "8.11E-05", "30040000001.0", "30040000001,00", "٣٠٠٤٠٠٠٠٠٠١٫٠", "9400110200881230000000")
CODES = (
    "", "1E5", "1Z999AA10123456784", "71E12345678", "5E1234", "B0LAMP0001", "112-9330001-4540001", "9400110200881234567890", "200012345678901",
    "1000000000000", "LAMP-1.5E+", "E+11", "3,5", "1.2.3", "0007", "2.5x109", "8.11", "3E", "E09", "12E34567", "LED 4.5E27",
)  # fmt: skip
LAMPS = ("4.5E27", "2,5E14", "8.5E10", "5E40", "4.25E27", "1.5E5")


@pytest.mark.parametrize("value", SHORTENED)
def test_a_shortened_id_is_found_in_any_locale_and_spelling_and_in_codes_of_the_seller_too(value: str) -> None:
    assert is_damaged(value, ID)
    assert is_damaged(value, OWN)


@pytest.mark.parametrize("value", AMAZONS_ALONE)
def test_other_ways_to_lose_digits_are_found_in_ids_of_amazon_alone(value: str) -> None:
    assert is_damaged(value, ID)
    assert not is_damaged(value, OWN)


@pytest.mark.parametrize("value", CODES)
def test_codes_that_only_look_like_it_stay(value: str) -> None:
    assert not is_damaged(value, OWN)
    assert not is_damaged(value, ID)


@pytest.mark.parametrize("value", LAMPS)
def test_a_lamp_is_named_by_its_base(value: str) -> None:
    assert not is_damaged(value, OWN)


@pytest.mark.parametrize(("value", "damaged"), [("PAWS-1,8.11E+09", True), ("8,11E+09;PAWS", True), ("A-1.5E+3,B", False), ("PAWS-1,PAWS-2", False)])
def test_each_id_of_a_list_is_looked_at(value: str, damaged: bool) -> None:
    assert is_damaged(value, column("promotion-ids")) is damaged


WATCHED = [(s.name, c) for s in SPECS.values() for c in s.kept if c.holds_ids]


@pytest.mark.parametrize(("report", "of"), WATCHED, ids=lambda v: v if isinstance(v, str) else v.name)
def test_every_column_of_ids_of_every_report_refuses_a_shortened_one(report: str, of: Column, connection: duckdb.DuckDBPyConnection) -> None:
    (rule,) = (e for e in whole_suite(SPECS[report]).expectations if e.meta["rule"] == "ids_are_whole")
    ids = {c.name: "x" for c in SPECS[report].kept if c.holds_ids} | {of.name: "8.11E09"}
    row = ", ".join(f"'{value}' as \"{name}\"" for name, value in ids.items())
    query = rule.unexpected_rows_query.format(batch=f"(select 0 as _document, 7 as _line, {row})")
    assert connection.execute(query).fetchall() == [(0, 1, [{"_line": 7, "damaged_id": f"{of.name}='8.11E09'"}])]


@pytest.mark.parametrize("report", [*SPECS])
def test_every_report_has_the_rule(report: str) -> None:
    assert "ids_are_whole" in {e.meta["rule"] for e in whole_suite(SPECS[report]).expectations}


def test_a_refusal_shows_the_damaged_ids_of_a_row_alone(tmp_path: Path) -> None:
    content = reimbursements({}, {"reimbursement-id": "8,11E+09", "case-id": "1.2E+10"})
    german = Account(id="de", name="Germany", region="eu", marketplaces=("A1PA6795UKMFR9",), source="files")
    for account in (NA, german):
        judged = judge(document_of(content, tmp_path, report="reimbursements", account=account), account, tmp_path / account.id)
        assert judged.verdict is Verdict.QUARANTINED
        assert "line 3: a spreadsheet has shortened an id" in judged.reason
        assert "reimbursement_id='8,11E+09', case_id='1.2E+10'" in judged.reason
        assert "as Amazon sends it, unopened" in judged.reason
