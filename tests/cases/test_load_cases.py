"""Files that would load wrongly (loads/), each with siblings: refused with file, rule, line and remedy, or loaded as what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from tests.cases.test_file_cases import DE, JP, RETRIEVED_AT, Loaded, Refused, check_loaded
from tests.support import Warehouse

FOLDER = Path(__file__).parent / "loads"
OF_WINDOWS = ("C_", "EDGE_")
"""How the folders of test_window_cases begin."""

TR = {"region": "eu", "marketplaces": ("A33AVAJ2PDY3EV",)}
RETURNED = ("_line", "sku", "product_name")
NOT_UTF8 = "is not valid UTF-8, while letters elsewhere in the text are; download it again"
ISO_YEARS = "is no date written as ISO, of the years 1995 to 2027"
OWN_ROW = "a quote opens a value that would run on over line {}, which is a row of its own; remove the quote"
SHORTENED = "a spreadsheet has shortened an id"

LOADED = (
    Loaded(
        "A_one_bad_byte/returns_windows.txt", "customer_returns", RETURNED,
        [(2, "LAMP-01", "CAFÉ® crème"), (3, "SOAP-3", "Lampe à poser"), (4, "SOAP-3", "Théière")],
        {"charset": ("not UTF-8 (line 2)", "read in cp1252")},
    ),
    Loaded(
        "B3_reimb_csv_swallow/returns_title_of_two_lines.csv", "customer_returns", RETURNED,
        [(2, "LAMP-01", "Lamp"), (3, "LAMP-01", 'Lamp, 10"\nblack'), (5, "LAMP-01", "Lamp")],
    ),
    Loaded(
        "D_year_0026/costs_next_year.csv", "sourcing_costs", ("_line", "effective_from"), [(2, "2027-01-03"), (3, "1999-12-31")],
    ),
    Loaded(
        "E_tsv_quoted_by_excel/e.txt", "reimbursements", ("_line", "sku", "product_name", "amount_total"),
        [(2, "MUG, 2-Pack", '10" Lamp, black', "10.00")],
    ),
    Loaded(
        "E_tsv_quoted_by_excel/returns_title_only.txt", "customer_returns", RETURNED,
        [(2, "LAMP-01", '10" Lamp, black'), (3, "LAMP-01", "Desk Lamp"), (4, "LAMP-01", 'He said "no"')],
    ),
    Loaded(
        "E_tsv_quoted_by_excel/listings.txt", "listings", ("_line", "seller_sku", "item_name", "item_description"),
        [
            (2, "MUG, 2-Pack", "Stoneware Mug, 2-Pack", '<b>Warm light</b>, "reading" mode; don\'t look into it'),
            (3, "LAMP-01-MFN", 'Desk Lamp 10" Deluxe', ""),
        ],
    ),
    Loaded(
        "E_tsv_quoted_by_excel/returns_as_amazon_sends.txt", "customer_returns", RETURNED,
        [(2, "LAMP-01", '"Best" Mug'), (3, "LAMP-01", '"Best, ever"'), (4, "LAMP-01", 'Lamp, 10" black')],
    ),
    Loaded("Q2_E09/lamps.txt", "reimbursements", ("_line", "sku"), [(2, "4.5E27"), (3, "BULB-2,5E14"), (4, "8.5E14")]),
)  # fmt: skip

REFUSED = (
    Refused("A_one_bad_byte/a.txt", "charset", (f"line 3: column 82: the byte C3 {NOT_UTF8}",)),
    Refused("A_one_bad_byte/ledger_turkish.txt", "charset", (f"line 3: column 55: the byte FE {NOT_UTF8}",), TR),
    Refused("A_one_bad_byte/catalog_japanese.csv", "charset", (f"line 3: column 24: the byte E3 {NOT_UTF8}",), JP),
    Refused("B2_claims_swallow/claims.csv", "stray_quote", (f"line 2: {OWN_ROW.format(3)}",)),
    Refused("B2_claims_swallow/costs_semicolon.csv", "stray_quote", (f"line 2: {OWN_ROW.format(3)}",), DE),
    Refused("B2_claims_swallow/claims_text_after_quote.txt", "stray_quote", ("line 2: text stands after the quote", "double a quote")),
    Refused(
        "B2_claims_swallow/removals_newline_in_order.csv", "newline_in_value",
        ("line 3: the quote before 'RMV-2\\nReturn' opens a value of order-id that runs on over 2 lines", "remove the quote"),
    ),
    Refused("B3_reimb_csv_swallow/r.csv", "stray_quote", (f"line 3: {OWN_ROW.format(4)}",)),
    Refused("B3_reimb_csv_swallow/returns_next_row.csv", "stray_quote", (f"line 3: {OWN_ROW.format(4)}",)),
    Refused("D3b_iso_bc/y.txt", "approval_date_is_date", (f"line 2: approval-date {ISO_YEARS} (approval_date='2026-11-02 (BC)'); correct the date",)),
    Refused("D3b_iso_bc/removals_time.txt", "last_updated_date_is_date", (f"line 3: last-updated-date {ISO_YEARS}",)),
    Refused("D3b_iso_bc/feedback_infinity.txt", "date_is_date", ("line 3: Date is no date written as", "(date='infinity')"), DE),
    Refused("D3b_iso_bc/ledger_hour_24.txt", "date_and_time_is_date", (f"line 3: Date and Time {ISO_YEARS}",)),
    Refused("D_year_0026/y.txt", "approval_date_is_date", (f"line 2: approval-date {ISO_YEARS}", "check the modification time of the file")),
    Refused("D_year_0026/removals_1926.txt", "last_updated_date_is_date", (f"line 2: last-updated-date {ISO_YEARS}",)),
    Refused("D_year_0026/claims_2062.csv", "closed_date_is_date", ("line 3: closed-date is no date", "1995 to 2027 (closed_date='10/12/2062')")),
    Refused("D_year_0026/feedback_two_digits.txt", "date_is_date", ("line 3: Date is no date", "1995 to 2027 (date='20.10.62')"), DE),
    Refused("E_tsv_quoted_by_excel/torn.txt", "stray_quote", ("line 3: product-name begins with a quote that does not close it", "sku in line 2")),
    Refused("Q2_E09/q.txt", "ids_are_whole", (f"line 2: {SHORTENED}", "reimbursement_id='8.11E09'", "as Amazon sends it")),
    Refused("Q2_E09/ledger_german.txt", "ids_are_whole", (f"line 3: {SHORTENED}", "msku='8,11E09'"), DE),
    Refused("Q2_E09/arabic_digits.txt", "ids_are_whole", (f"line 3: {SHORTENED}", "amazon_order_id='٨٫١١E+٠٩'")),
    Refused("Q2_E09/removals_blank.txt", "ids_are_whole", (f"line 2: {SHORTENED}", "fnsku='8.11 E09'")),
    Refused("Q2_E09/claims_times_ten.csv", "ids_are_whole", (f"line 2: {SHORTENED}", "case_id='8.11×10^9'")),
)  # fmt: skip


def account_of(case: Loaded | Refused) -> str:
    return case.file.rsplit(".", 1)[0].lower().replace("/", "-").replace("_", "-")[-40:].strip("-")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    accounts = {account_of(c): Account(id=account_of(c), name=c.file, source="files", **c.account) for c in (*LOADED, *REFUSED)}
    warehouse = Warehouse(Home(tmp_path_factory.mktemp("loads") / "home"), accounts=accounts)
    for case in (*LOADED, *REFUSED):
        warehouse.drop(Path(case.file).name, (FOLDER / case.file).read_bytes(), account=account_of(case), at=RETRIEVED_AT)
    warehouse.load(at=RETRIEVED_AT)
    return warehouse


def test_every_file_has_its_case() -> None:
    files = (f"{p.parent.name}/{p.name}" for p in FOLDER.glob("*/*") if not p.parent.name.startswith(OF_WINDOWS))
    assert sorted(c.file for c in (*LOADED, *REFUSED)) == sorted(files)


@pytest.mark.parametrize("case", LOADED, ids=account_of)
def test_a_file_loads_as_what_it_is(case: Loaded, warehouse: Warehouse) -> None:
    check_loaded(warehouse, case, account_of(case))


@pytest.mark.parametrize("case", REFUSED, ids=account_of)
def test_a_file_is_refused_by_its_name_rule_and_line_with_a_remedy(case: Refused, warehouse: Warehouse) -> None:
    of_account = f"where account_id = '{account_of(case)}'"
    ((verdict, reason, rows),) = warehouse.query(f"select verdict, reason, rows_added from meta.loads {of_account}")
    assert (verdict, rows) == ("QUARANTINED", 0)
    assert reason.startswith(f"{Path(case.file).name}, line ")
    assert not [words for words in case.says if words not in reason]
    assert "; " in reason
    assert case.rule in {r for (r,) in warehouse.query(f"select rule from meta.gate_results {of_account} and severity = 'critical' and not passed")}
