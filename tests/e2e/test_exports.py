"""Finance's exports equal the marts, to the cent and by currency, and run no formulas."""

from __future__ import annotations

import csv
import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import xlsxwriter
from openpyxl import load_workbook

from seller_warehouse.core.home import Home
from seller_warehouse.marts.exports import EXPORTED, SHEETS, export, write_workbook
from tests.support import EU, Warehouse, reimbursements

FORMULA = '=HYPERLINK("http://evil.example","+1")'


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """October: 10.00, 0.10 and 0.20 USD; November: 5.55 USD, of which 2.22 are taken back, 7.01 CAD, and 3.33 EUR of another account."""
    warehouse = Warehouse(Home(tmp_path_factory.mktemp("published")))
    october = {"approval-date": "2026-10-05T08:00:00+00:00"}
    reversal = {
        "reimbursement-id": "0005", "amount-total": "-2.22", "amount-per-unit": "-2.22", "original-reimbursement-id": "0004",
        "quantity-reimbursed-cash": "-1", "quantity-reimbursed-total": "-1", "reason": "Reimbursement_Reversal",
    }  # fmt: skip
    lines = [
        {**october, "reimbursement-id": "0001", "product-name": FORMULA}, {**october, "reimbursement-id": "0002", "amount-total": "0.10"},
        {**october, "reimbursement-id": "0003", "amount-total": "0.20"}, {"reimbursement-id": "0004", "amount-total": "5.55"}, reversal,
        {"reimbursement-id": "0006", "amount-total": "7.01", "currency-unit": "CAD"},
    ]  # fmt: skip
    warehouse.drop("na.txt", reimbursements(*lines))
    warehouse.drop("eu.txt", reimbursements({"reimbursement-id": "0007", "amount-total": "3.33", "currency-unit": "EUR"}), account=EU.id)
    assert warehouse.load() == []
    warehouse.publish()
    return warehouse


@pytest.fixture(scope="module")
def workbook(published: Warehouse) -> dict[str, Any]:
    return read(published.home.exports / "finance.xlsx")


def read(path: Path) -> dict[str, Any]:
    """A workbook as another library reads it: its cells as type, format and value."""
    book = load_workbook(path)
    return {
        "created": book.properties.created.isoformat(),
        "sheets": {s.title: [[[c.data_type, c.number_format, _plain(c.value)] for c in row] for row in s.iter_rows()] for s in book},
        "frozen": {s.title: s.freeze_panes for s in book}, "filtered": {s.title: s.auto_filter.ref for s in book},
        "links": sum(len(s._hyperlinks) for s in book),
    }  # fmt: skip


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def column(book: dict[str, Any], sheet: str, name: str) -> list[Any]:
    """The values of a column below its header."""
    header, *rows = book["sheets"][sheet]
    place = [v for _, _, v in header].index(name)
    return [row[place][2] for row in rows]


def amounts(book: dict[str, Any], sheet: str, name: str) -> list[Decimal]:
    """The numbers as finance reads them: rounded to the fourth decimal."""
    return [Decimal(repr(v)).quantize(Decimal("0.0001")) for v in column(book, sheet, name)]


def test_months_add_up_by_account_currency_and_reason_to_the_cent(workbook: dict[str, Any]) -> None:
    sheet = "Monthly by reason"
    keys = zip(*(column(workbook, sheet, c) for c in ("account_id", "month", "currency_code", "attributed_reason_category")), strict=True)
    figures = zip(*(amounts(workbook, sheet, f"{c}_cash_amount") for c in ("gross", "reversed", "net")), strict=True)
    october, november = "2026-10-01T00:00:00", "2026-11-01T00:00:00"
    # By hand from the seven lines: the reversal counts in its month, under the reason of what it takes back.
    assert dict(zip(keys, figures, strict=True)) == {
        ("acme-na", october, "USD", "WAREHOUSE_LOST"): (Decimal("10.3000"), Decimal("0.0000"), Decimal("10.3000")),
        ("acme-na", november, "USD", "WAREHOUSE_LOST"): (Decimal("5.5500"), Decimal("-2.2200"), Decimal("3.3300")),
        ("acme-na", november, "CAD", "WAREHOUSE_LOST"): (Decimal("7.0100"), Decimal("0.0000"), Decimal("7.0100")),
        ("acme-eu", november, "EUR", "WAREHOUSE_LOST"): (Decimal("3.3300"), Decimal("0.0000"), Decimal("3.3300")),
    }


@pytest.mark.parametrize(
    ("sheet", "mart"), [("Reimbursements", "fct_reimbursements"), ("Settlements", "fct_settlement_reconciliation"),
                        ("Differences", "fct_settlement_differences"),
                        ("Order defect rate", "fct_order_defect_rate_daily")]
)  # fmt: skip
def test_a_sheet_holds_every_value_of_its_mart(sheet: str, mart: str, workbook: dict[str, Any], published: Warehouse) -> None:
    names = [v for _, _, v in workbook["sheets"][sheet][0]]
    assert names == [n for (n,) in published.published(f"select column_name from (describe sw.marts.{mart})")]
    rows = published.published(f"select * from sw.marts.{mart} order by all")
    for place, name in enumerate(names):
        held = [row[place] for row in rows]
        if any(isinstance(v, Decimal) for v in held):
            assert amounts(workbook, sheet, name) == [v.quantize(Decimal("0.0001")) for v in held]
        else:
            days = [datetime.combine(v, datetime.min.time()) if type(v) is date else v for v in held]
            assert column(workbook, sheet, name) == [v.isoformat() if isinstance(v, datetime) else v for v in days]


def test_ids_and_formula_like_text_are_text_amounts_are_numbers_and_days_are_days(workbook: dict[str, Any]) -> None:
    header, *rows = workbook["sheets"]["Reimbursements"]
    by_id = {row[2][2]: {name: cell for (_, _, name), cell in zip(header, row, strict=True)} for row in rows}
    assert sorted(by_id) == [f"000{n}" for n in range(1, 7 + 1)]
    line = by_id["0001"]
    assert line["reimbursement_id"][0] == "s"
    # In a cell of another format than Text it would become a formula when it is edited.
    assert line["product_name"] == ["s", "@", FORMULA]
    assert line["cash_amount"] == ["n", "#,##0.00##", 10]
    assert line["approval_date"] == ["d", "yyyy-mm-dd", "2026-10-05T00:00:00"]
    assert line["approval_at"] == ["d", "yyyy-mm-dd hh:mm:ss", "2026-10-05T08:00:00"]
    assert line["is_reversal"][::2] == ["b", False]
    assert line["case_id"][2] is None
    assert workbook["links"] == 0
    assert not [c for sheet in workbook["sheets"].values() for row in sheet for c in row if c[0] == "f"]


def test_csv_holds_every_value_of_its_mart_and_no_text_that_runs(published: Warehouse) -> None:
    with (published.home.exports / "fct_reimbursements.csv").open(encoding="utf-8", newline="") as file:
        lines = {row["reimbursement_id"]: row for row in csv.DictReader(file)}
    assert sorted(lines) == [f"000{n}" for n in range(1, 7 + 1)]
    assert lines["0001"]["product_name"] == f"'{FORMULA}"
    assert (lines["0005"]["cash_amount"], lines["0005"]["approval_date"], lines["0001"]["case_id"]) == ("-2.2200", "2026-11-02", "")


def test_the_cover_says_which_publication_it_is_how_fresh_and_what_each_sheet_holds(workbook: dict[str, Any], published: Warehouse) -> None:
    assert list(workbook["sheets"]) == ["Cover", *(s.name for s in SHEETS)]
    said = [[v for _, _, v in row if v is not None] for row in workbook["sheets"]["Cover"]]
    [(publication_id,)] = published.published("select publication_id from sw.meta.publication")
    assert said[3][:3] == [publication_id, "2026-11-20T06:00:00", "2026-11-20T00:00:00"]
    assert ["acme-na", "reimbursements", "2026-11-02T00:00:00", "2026-11-20T06:00:00"] in [row[:4] for row in said]
    assert ["Reimbursements", 7] in [row[:2] for row in said]
    assert any("never add two currencies" in str(row) for row in said)
    assert workbook["created"].startswith("2026-11-20T06:00:00")


def test_sheets_filter_and_keep_their_header_in_sight(workbook: dict[str, Any]) -> None:
    width = len(workbook["sheets"]["Monthly by reason"][0])
    assert workbook["filtered"]["Monthly by reason"] == f"A1:{chr(ord('A') + width - 1)}5"
    assert {sheet: workbook["frozen"][sheet] for sheet in workbook["frozen"]} == {"Cover": None} | {s.name: "A2" for s in SHEETS}


def test_the_same_publication_gives_the_same_bytes(published: Warehouse, tmp_path: Path) -> None:
    export(published.home.marts.resolve(), tmp_path)
    names = {f"{t}.{form}" for t in EXPORTED for form in ("csv", "parquet")} | {"finance.xlsx"}
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in published.home.exports.iterdir()} == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (published.home.exports / name).read_bytes(), name


def test_more_rows_than_a_sheet_can_hold_go_on_in_the_next(published: Warehouse, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published.home.marts.resolve()}' as published (read_only)")
        write_workbook(connection, tmp_path / "small.xlsx", sheet_rows=4)
    book = read(tmp_path / "small.xlsx")
    parts = [name for name in book["sheets"] if name.startswith("Reimbursements")]
    assert parts == ["Reimbursements", "Reimbursements 2", "Reimbursements 3"]
    assert [len(book["sheets"][p]) for p in parts] == [4, 4, 2]
    assert [book["filtered"][p][-1] for p in parts] == ["4", "4", "2"]
    assert sorted(i for p in parts for i in column(book, p, "reimbursement_id")) == [f"000{n}" for n in range(1, 7 + 1)]
    assert "Reimbursements, Reimbursements 2, Reimbursements 3" in [row[0][2] for row in book["sheets"]["Cover"]]


ODD_TEXTS = [
    FORMULA, "<b>&amp; \"x\" 'y' ]]>", " blank in front", "and behind ", "\tline\nline\rline\n", "bell \x07, escape \x1b, none \uffff",
    "_x0041_ is no A", "é 漢字 😀 \u2028", "0012345678901234567890", "1E5", "-1", "@SUM(A1)", "", "x" * 40_000,
]  # fmt: skip


def test_texts_are_written_as_the_library_of_workbooks_writes_them(published: Warehouse, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    shutil.copy(published.home.marts.resolve(), copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute("delete from marts.fct_settlement_differences")
        for number, text in enumerate(ODD_TEXTS):
            connection.execute(
                "insert into marts.fct_settlement_differences by name select ? as account_id, ? as product_name", [f"{number:03d}", text]
            )
    export(copy, tmp_path)
    with xlsxwriter.Workbook(str(tmp_path / "library.xlsx"), {"constant_memory": True}) as book:
        page = book.add_worksheet("Differences")
        for number, text in enumerate(ODD_TEXTS):
            page.write_string(number, 0, text[:32_767] or " ")
    wanted = [row[0][2] for row in read(tmp_path / "library.xlsx")["sheets"]["Differences"]]
    found = column(read(tmp_path / "finance.xlsx"), "Differences", "product_name")
    assert [text or " " for text in found] == wanted


def test_the_largest_amounts_that_a_workbook_holds_come_back_to_the_fourth_decimal(published: Warehouse, tmp_path: Path) -> None:
    large = ["99999999999.9999", "-99999999999.9999", "0.0001", "12345678901.2345"]
    copy = tmp_path / "copy.duckdb"
    shutil.copy(published.home.marts.resolve(), copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute("delete from marts.fct_settlement_reconciliation")
        for month, amount in enumerate(large, start=1):
            connection.execute(
                "insert into marts.fct_settlement_reconciliation by name "
                "select 'a' as account_id, make_date(2026, ?, 1) as month, 'USD' as currency_code, ?::decimal(18, 4) as matched_amount",
                [month, amount],
            )
    export(copy, tmp_path)
    assert amounts(read(tmp_path / "finance.xlsx"), "Settlements", "matched_amount") == [Decimal(a) for a in large]
