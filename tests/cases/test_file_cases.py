"""Files that users complained about (files/), each in its own account: its verdict, its rows and its message."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from seller_warehouse.ingest.landing import landed_documents
from tests.support import Given, Warehouse

FOLDER = Path(__file__).parent / "files"
RETRIEVED_AT = datetime(2026, 11, 20, 6, tzinfo=UTC)

NA = {"region": "na", "marketplaces": ("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2")}
DE = {"region": "eu", "marketplaces": ("A1PA6795UKMFR9",)}
JP = {"region": "fe", "marketplaces": ("A1VC38T7YXB528",)}


@dataclass(frozen=True)
class Loaded:
    """A file that loads: some columns of its report by line, and words of each warning about it; no other rule may warn."""

    file: str
    report: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=lambda: NA)
    name: str = ""


@dataclass(frozen=True)
class Refused:
    """A file that is refused: the rule, and words of its message."""

    file: str
    rule: str
    says: tuple[str, ...]
    account: dict[str, Any] = field(default_factory=lambda: NA)


MONITOR, CAMERA = 'Monitor 27"', "Camera"
LEDGER = ("_line", "title", "reference_id", "quantity", "unreconciled_quantity")


def ledger(*titles: str, second: tuple[str, str] = ("-1", "1")) -> list[tuple[Any, ...]]:
    """Four or five movements of one unit; ``second`` is what the third row has instead."""
    amounts = {2: second}
    return [(n + 2, t, f"5500000{n + 1}", *amounts.get(n, ("-1", "1"))) for n, t in enumerate(titles)]


LISTED = ("_line", "listing_id", "seller_sku", "price", "product_id_type", "asin1", "product_id", "fulfillment_channel", "status")
MONEY = ("_line", "reimbursement_id", "amount_total", "quantity_reimbursed_cash", "currency_code")
LINES = ("_line", "amount_description", "amount", "total_amount")

LOADED = (
    Loaded("03a_ledger_quote_inside.txt", "inventory_ledger", LEDGER, ledger(CAMERA, *['Webcam for PC/Mac, 1/2" Sensor'] * 2, CAMERA)),
    Loaded("03b_ledger_quote_at_end.txt", "inventory_ledger", LEDGER, ledger(CAMERA, MONITOR, CAMERA, CAMERA)),
    Loaded(
        "03c_ledger_quote_at_end_twice.txt", "inventory_ledger", LEDGER,
        ledger(CAMERA, MONITOR, CAMERA, MONITOR, CAMERA, second=("-40", "40")),
    ),
    Loaded("03d_ledger_quote_at_start.txt", "inventory_ledger", LEDGER, ledger(CAMERA, '"Pro" Monitor', CAMERA, CAMERA)),
    Loaded("03e_ledger_csv_quote_comma.csv", "inventory_ledger", LEDGER, ledger(CAMERA, 'Webcam, 1/2", black', CAMERA, CAMERA)),
    Loaded(
        "03f_ledger_csv_quote_at_end_twice.csv", "inventory_ledger", LEDGER,
        ledger(CAMERA, MONITOR, CAMERA, MONITOR, CAMERA, second=("-40", "40")),
    ),
    Loaded(
        "09f_listings_chinese.txt", "listings", LISTED,
        [
            (n, f"0401AAAA00{n - 1}", f"LAMP-0{n - 1}", "5", "1", "B0LAMP0001", "B0LAMP0001", "AMAZON_NA", "Active") for n in (2, 3)
        ],
    ),
    Loaded(
        "10a_mfn_returns_tab_in_carrier.txt", "mfn_returns", ("_line", "order_id", "return_carrier", "tracking_id", "refunded_amount"),
        [
            (2, "112-9330001-4540001", "FedEx", "795860000001", "29.99"),
            (4, "112-9330003-4540003", "FedEx", "795860000001", "29.99"),
        ],
        {"rows_set_aside": ("line 3", "more fields than the header", "set aside", "remove the tab")},
    ),
    Loaded(
        "12a_ledger_jp_latin1.txt", "inventory_ledger", ("_line", "title", "country"),
        [(2, "Café Lamp é", "JP"), (3, "Lampe à poser - rouge", "JP")],
        {"charset": ("read as ISO-8859-1", "cp932", "line 2")}, JP,
    ),
    Loaded("17a_reimbursements_quoted_tsv.txt", "reimbursements", MONEY, [(n, f"3004000000{n - 1}", "10.00", "1", "USD") for n in (2, 3, 4)]),
    Loaded(
        "18a_settlement_reserve_missing.txt", "settlements", LINES,
        [(2, "", "", "80.00"), (3, "Principal", "20.00", ""), (4, "WAREHOUSE_LOST", "10.00", "")],
        {"accepted_settlement_adds_up": ("do not add up", "accept_unbalanced_settlements")},
        {**NA, "accept_unbalanced_settlements": ("41000000012",)}, "18a_by_consent",
    ),
    Loaded(
        "18b_settlement_with_reserve.txt", "settlements", LINES,
        [
            (2, "", "", "25.00"), (3, "Principal", "20.00", ""), (4, "Previous Reserve Amount Balance", "50.00", ""),
            (5, "Current Reserve Amount", "-55.00", ""), (6, "WAREHOUSE_LOST", "10.00", ""),
        ],
    ),
    Loaded("25a_reimbursements.xlsx", "reimbursements", MONEY, [(n, f"3004000000{n - 1}", "10.00", "1", "USD") for n in (2, 3)]),
    Loaded("25b_reimbursements.zip", "reimbursements", MONEY, [(n * 2 + 1, f"3004000000{n + 5}", "10.00", "1", "USD") for n in (1, 2, 3, 4)]),
)  # fmt: skip

REFUSED = (
    Refused("06a_settlement.xml", "xml_settlement", ("line 1", "a settlement in XML", "Flat File V2")),
    Refused(
        "08a_date_range_preamble.csv", "date_range_report",
        ("line 8", "date range report", "Custom Unified Transaction", "Flat File V2", "FBA reimbursements"),
    ),
    Refused("16a_ledger_excel_german.csv", "ids_are_whole", ("line 2", "spreadsheet", "reference_id='2,00012E+14'", "as Amazon sends it"), DE),
    Refused("16f_shipments_excel_us.csv", "ids_are_whole", ("line 2", "spreadsheet", "tracking_number='1.00E+11'", "as Amazon sends it")),
    Refused(
        "18a_settlement_reserve_missing.txt", "settlement_adds_up",
        ("do not add up", "41000000012", "difference='50.00'", "accept_unbalanced_settlements", "accounts.yaml"),
    ),
)  # fmt: skip


def account_of(case: Loaded | Refused) -> str:
    return ((case.name if isinstance(case, Loaded) else "") or case.file.split("_")[0]).replace("_", "-")


def check_loaded(warehouse: Warehouse, case: Loaded, account_id: str) -> None:
    """The one document of an account was loaded with these rows, and no warning but these."""
    of_account = f"where account_id = '{account_id}'"
    assert warehouse.query(f"select verdict from meta.loads {of_account}") == [("LOADED",)]
    assert warehouse.query(f"select {', '.join(case.columns)} from raw.{case.report} {of_account} order by _line") == case.rows
    warnings = dict(warehouse.query(f"select rule, what from meta.gate_results {of_account} and not passed"))
    assert set(warnings) == set(case.warnings)
    assert not [words for rule, says in case.warnings.items() for words in says if words not in warnings[rule]]


def given() -> Iterator[Given]:
    for case in (*LOADED, *REFUSED):
        account = Account(id=account_of(case), name=case.file, source="files", **case.account)
        yield Given(account, case.file, (FOLDER / case.file).read_bytes(), RETRIEVED_AT)


@pytest.mark.parametrize("case", LOADED, ids=account_of)
def test_a_file_loads_with_every_value_as_it_was_meant(case: Loaded, loaded: Warehouse) -> None:
    check_loaded(loaded, case, account_of(case))


@pytest.mark.parametrize("case", REFUSED, ids=account_of)
def test_a_file_is_refused_by_its_name_and_line_with_a_remedy_that_helps(case: Refused, loaded: Warehouse) -> None:
    ((verdict, reason, rows),) = loaded.query(f"select verdict, reason, rows_added from meta.loads where account_id = '{account_of(case)}'")
    assert (verdict, rows) == ("QUARANTINED", 0)
    assert reason.startswith(f"{case.file}, ")
    assert not [words for words in case.says if words not in reason]
    reasons = [json.loads(p.read_text()) for p in (loaded.home.quarantine / account_of(case)).glob("*/reason.json")]
    assert [r["rules"][0]["rule"] for r in reasons] == [case.rule]


def test_a_row_set_aside_is_kept_with_its_line_and_text(loaded: Warehouse) -> None:
    ((count, rows),) = loaded.query("select failed_count, \"rows\" from meta.gate_results where account_id = '10a' and rule = 'rows_set_aside'")
    line = (FOLDER / "10a_mfn_returns_tab_in_carrier.txt").read_text().splitlines()[2]
    assert (count, json.loads(rows)) == (1, [{"_line": 3, "text": line}])


def test_the_difference_of_an_accepted_settlement_is_shown(loaded: Warehouse) -> None:
    # 80.00 paid out, 20.00 and 10.00 explained.
    ((rows,),) = loaded.query(
        "select \"rows\" from meta.gate_results where account_id = '18a-by-consent' and rule = 'accepted_settlement_adds_up' and not passed"
    )
    shown = json.loads(rows)
    assert [(r["settlement_id"], r["difference"], r["total_amount"]) for r in shown] == [("41000000012", "50.00", "80.0000")]


def test_landing_keeps_a_workbook_and_a_zip_as_they_were_received(loaded: Warehouse) -> None:
    kept = {d.file_name: gzip.decompress(d.path.read_bytes()) for d in landed_documents(loaded.home)}
    for name in ("25a_reimbursements.xlsx", "25b_reimbursements.zip"):
        assert kept[name] == (FOLDER / name).read_bytes()


def test_a_refused_settlement_loads_when_it_is_accepted_and_dropped_again(tmp_path: Path) -> None:
    strict = Account(id="strict", name="Strict", source="files", **NA)
    warehouse = Warehouse(Home(tmp_path / "home"), accounts={"strict": strict})
    content = (FOLDER / "18a_settlement_reserve_missing.txt").read_bytes()
    verdicts = []
    for run, accepted in enumerate([(), ("41000000013",), ("41000000012",)]):
        warehouse.accounts = {"strict": strict.model_copy(update={"accept_unbalanced_settlements": accepted})}
        warehouse.drop("settlement.txt", content, account="strict", at=RETRIEVED_AT)
        warehouse.load(str(run), at=RETRIEVED_AT + timedelta(hours=run))
        verdicts += warehouse.query(f"select verdict from meta.loads where run_id = '{run}'")
    assert verdicts == [("QUARANTINED",), ("QUARANTINED",), ("LOADED",)]


def test_an_accepted_settlement_does_not_stop_the_build(as_of: Callable[[date], Warehouse]) -> None:
    lines = "select account_id, sum(line_amount), max(settlement_total_amount) from staging.stg_amazon_seller__settlements "
    assert as_of(RETRIEVED_AT.date()).query(f"{lines} where account_id like '18%' group by 1 order by 1") == [
        ("18a-by-consent", Decimal("30.0000"), Decimal("80.0000")), ("18b", Decimal("25.0000"), Decimal("25.0000")),
    ]  # fmt: skip
