"""The sandbox writes documents as Amazon does: headers, quoting, dates, decimal marks and character sets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from sandbox import render as r
from sandbox.world import World

US, CANADA, UK, GERMANY, INDIA = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1F83G8C2ARO7P", "A1PA6795UKMFR9", "A21TJRUUN4KGV"


@dataclass(frozen=True)
class Values:
    values: dict[str, Any]


def written(report_type: str, *rows: dict[str, Any], region: str = "na", marketplace_id: str | None = None, variant: str = "") -> list[list[str]]:
    body, charset = r.render(report_type, [Values(row) for row in rows], region=region, marketplace_id=marketplace_id, variant=variant)
    text = body.decode(charset)
    assert text.endswith("\n")
    return [line.split("\t") for line in text.splitlines()]


def cell(report_type: str, name: str, value: object, **where: Any) -> str:
    return written(report_type, {name: value}, **where)[1][r.HEADERS[report_type].index(name)]


LEDGER_ROW = {
    "Date": date(2026, 7, 20),
    "Title": 'Hülle 10" Deluxe',
    "Event Type": "Adjustments",
    "Quantity": -3,
    "Reason": "M",
    "Unreconciled Quantity": 0,
    "Date and Time": datetime(2026, 7, 20, 1, tzinfo=timezone(timedelta(hours=1))),
}


def test_the_ledger_quotes_every_field_and_writes_american_days_in_every_region():
    header, row = written(r.LEDGER, LEDGER_ROW, region="eu")
    assert header == [
        '"Date"', '"FNSKU"', '"ASIN"', '"MSKU"', '"Title"', '"Event Type"', '"Reference ID"', '"Quantity"', '"Fulfillment Center"',
        '"Disposition"', '"Reason"', '"Country"', '"Reconciled Quantity"', '"Unreconciled Quantity"', '"Date and Time"',
    ]  # fmt: skip
    assert row == [
        '"07/20/2026"', '""', '""', '""', '"Hülle 10"" Deluxe"', '"Adjustments"', '""', '"-3"', '""',
        '""', '"M"', '""', '""', '"0"', '"2026-07-20T01:00:00+0100"',
    ]  # fmt: skip


def test_north_american_ledgers_do_not_double_a_quote_inside_a_value():
    _, row = written(r.LEDGER, {"Title": 'Copper Pipe 3/4"', "Quantity": -1}, region="na")
    assert row[4] == '"Copper Pipe 3/4""'
    _, row = written(r.LEDGER_SUMMARY, {"Title": 'Copper Pipe 3/4"'}, region="na")
    assert row[4] == '"Copper Pipe 3/4""'


def test_some_marketplaces_leave_columns_out():
    assert "status" not in written(r.LISTINGS, region="eu", marketplace_id=UK)[0]
    assert "status" in written(r.LISTINGS, region="eu", marketplace_id=GERMANY)[0]
    header, row = written(r.SETTLEMENT, {"promotion-id": "PAWS-V2-1", "sku": "0007"}, marketplace_id=CANADA)
    assert (len(header), "promotion-id" in header, row[-2:]) == (23, False, ["0007", ""])
    assert len(written(r.SETTLEMENT, marketplace_id=US)[0]) == 24


def test_a_carrier_with_a_tab_gives_its_row_a_field_too_many():
    header, first, second = written(r.MFN_RETURNS, {"Return carrier": "UPS", "Tracking ID": "1Z"}, {"Tracking ID": "1Z2"}, variant="tab-in-carrier")
    assert (len(header), len(first), len(second)) == (32, 33, 32)
    assert first[9:12] == ["UPS", "", "1Z"]


def test_the_ledger_comes_in_the_documented_layout_and_with_a_store():
    header, row = written(r.LEDGER, LEDGER_ROW, variant="documented")
    assert (len(header), header[5], header[13], row[5]) == (14, '"EventType"', '"UnreconciledQuantity"', '"Adjustments"')
    header, row = written(r.LEDGER, LEDGER_ROW, variant="store")
    assert (len(header), header[15], row[15]) == (16, '"Store"', '""')


def test_the_ledger_summary_takes_rows_keyed_as_documented_and_writes_blanks_in_its_header():
    header, row = written(r.LEDGER_SUMMARY, {"Date": date(2026, 1, 2), "EndingWarehouseBalance": 7, "WarehouseTransferIn/Out": -1})
    assert len(header) == 21
    assert (header[12], row[12]) == ('"Warehouse Transfer In/Out"', '"-1"')
    assert (header[18], row[18]) == ('"Ending Warehouse Balance"', '"7"')


def test_other_reports_are_not_quoted_and_a_quote_stays_as_it_is():
    assert cell(r.REIMBURSEMENTS, "product-name", 'Case 10" Deluxe') == 'Case 10" Deluxe'
    assert cell(r.REIMBURSEMENTS, "product-name", "a\tb\nc") == "a b c"
    assert cell(r.REIMBURSEMENTS, "case-id", None) == ""
    assert cell(r.REIMBURSEMENTS, "approval-date", datetime(2026, 6, 15, 8, tzinfo=UTC)) == "2026-06-15T08:00:00+00:00"


@pytest.mark.parametrize(
    ("report_type", "name", "region", "text"),
    [
        (r.REIMBURSEMENTS, "amount-total", "na", "12.50"),
        (r.REIMBURSEMENTS, "amount-total", "eu", "12,50"),
        (r.SETTLEMENT, "amount", "na", "12.50"),
        (r.SETTLEMENT, "amount", "eu", "12,50"),
        (r.ORDERS, "item-price", "eu", "12.50"),
    ],
)
def test_decimal_marks(report_type, name, region, text):
    assert cell(report_type, name, Decimal("12.50"), region=region) == text


@pytest.mark.parametrize(("marketplace_id", "text"), [(US, "03/04/26"), (GERMANY, "04.03.26"), (UK, "04/03/26"), (CANADA, "04/03/26")])
def test_feedback_days_are_the_marketplaces(marketplace_id, text):
    assert cell(r.FEEDBACK, "Date", date(2026, 3, 4), marketplace_id=marketplace_id) == text


def test_german_feedback_has_a_german_header():
    header, row = written(r.FEEDBACK, {"Rating": 2, "Order ID": "302-1"}, region="eu", marketplace_id=GERMANY)
    assert header[:2] == ["Datum", "Bewertung"]
    assert row == ["", "2", "", "", "302-1", ""]


def test_mfn_returns_write_english_months():
    assert cell(r.MFN_RETURNS, "Return request date", date(2025, 7, 1), region="eu") == "01-Jul-2025"
    assert written(r.MFN_RETURNS, variant="category")[0][-1] == "Category"


@pytest.mark.parametrize(
    ("marketplace_id", "day", "instant"),
    [
        (US, "07/01/26", "2026-06-30 22:30:00 UTC"),
        (GERMANY, "01.07.2026", "30.06.2026 22:30:00 UTC"),
        (UK, "01/07/2026", "2026-06-30 22:30:00 UTC"),
        (INDIA, "01/07/2026", "2026-06-30 22:30:00 UTC"),
    ],
)
def test_settlement_dates_are_the_marketplaces(marketplace_id, day, instant):
    posted = datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert cell(r.SETTLEMENT, "posted-date", date(2026, 7, 1), marketplace_id=marketplace_id) == day
    assert cell(r.SETTLEMENT, "posted-date-time", posted, marketplace_id=marketplace_id) == instant


def test_europe_writes_cp1252_and_loses_what_that_cannot_hold():
    body, charset = r.render(r.LISTINGS, [Values({"item-name": "Hülle €5 傘"})], region="eu")
    assert charset == "Cp1252"
    assert b"H\xfclle \x805 ?" in body
    body, charset = r.render(r.LISTINGS, [Values({"item-name": "Hülle 傘"})], region="na")
    assert charset == "UTF-8"
    assert "Hülle 傘".encode() in body


def test_japan_writes_shift_jis():
    body, charset = r.render(r.LISTINGS, [Values({"item-name": "陶器マグカップ"})], region="fe")
    assert charset == "Shift_JIS"
    assert "陶器マグカップ".encode("cp932") in body


def test_layouts_of_removal_orders():
    usual = written(r.REMOVAL_ORDERS)[0]
    assert (len(usual), usual[3]) == (16, "service-speed")
    assert "service-speed" not in written(r.REMOVAL_ORDERS, variant="no-service-speed")[0]
    assert written(r.REMOVAL_ORDERS, variant="order-source")[0][2] == "order-source"
    assert written(r.REMOVAL_ORDERS, {"service-speed": "Standard"}, variant="padded")[0][3] == "service-speed "


def test_line_ends():
    assert r.render(r.ORDERS, [], region="na", variant="crlf")[0].endswith(b"price-designation\r\n")


def test_what_a_report_does_not_have_is_an_error():
    with pytest.raises(ValueError, match="has no columns"):
        written(r.ORDERS, {"colour": "red"})
    with pytest.raises(ValueError, match="has no variant"):
        written(r.ORDERS, variant="store")


def test_json_keeps_types():
    body, charset = r.render_json({"rate": Decimal("0.009"), "count": 3, "from": date(2026, 9, 1)})
    assert (json.loads(body), charset) == ({"rate": 0.009, "count": 3, "from": "2026-09-01"}, "UTF-8")


def test_every_report_of_the_simulated_sellers_can_be_written():
    world = World("test", seed=1, start=date(2025, 5, 1), end=date(2025, 7, 1))
    start, end = datetime(2025, 5, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)
    for seller in world.sellers.values():
        home = seller.profile.marketplace_ids[0]
        for report_type in set(r.HEADERS) - {r.SETTLEMENT}:
            rows = seller.rows(report_type, start, end, end, home)
            body, charset = r.render(report_type, rows, region=seller.profile.region, marketplace_id=home)
            assert body.decode(charset).count("\n") == len(rows) + 1
        for settlement in seller.settlements(end):
            r.render(r.SETTLEMENT, seller.settlement_rows(settlement.settlement_id), region=seller.profile.region, marketplace_id=home)
