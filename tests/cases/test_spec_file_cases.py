"""Files that users have complained about (files/): columns that may be missing, dates written two ways, cut answers, and currencies.

Each is in its own account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Verdict
from seller_warehouse.ingest.gate import Judgement, judge
from tests.support import FIXTURES, NA, Given, Warehouse, document_of

FOLDER = Path(__file__).parent / "files"
RETRIEVED_AT = datetime(2026, 11, 24, 6, tzinfo=UTC)
US, JP, BR = "ATVPDKIKX0DER", "A1VC38T7YXB528", "A2Q3Y263D00KWC"

DROPPED = {
    "c01a": ("01a_shipments_item_id_blank.txt",),
    "c04a": ("04a_settlement_posted_date_day_first.txt",),
    "c04b": ("04b_settlement_posted_date_day_first_13.txt",),
    "c04d": ("04d_settlement_month_first_full.txt", "04f_reimbursements.txt", "04g_orders.txt"),
    "c04e": ("04e_settlement_day_first_full.txt", "04f_reimbursements.txt", "04g_orders.txt"),
    "c05a": ("05a_settlement_23_columns.txt",),
    "c09e": ("09e_listings_without_status.txt",),
    "c14": ("14_ledger_lost.txt", "14_reimbursements_reversals.txt"),
    "c15a": ("15a_returns_br_help_columns.txt",),
    "c20": ("20a_shipments_full.txt", "20b_shipments_undercount.txt"),
    "c21a": ("21a_settlement_v1_same.txt", "04f_reimbursements.txt", "04g_orders.txt"),
    "c21a-04d": ("21a_settlement_v1_same.txt", "04d_settlement_month_first_full.txt", "04f_reimbursements.txt", "04g_orders.txt"),
    "c22": ("22_ledger_reversals.txt", "22_reimbursements_reversals.txt"),
    "c24": ("24_reimbursements_jpy.txt",),
    "c24b": ("24b_reimbursements_jpy_one.txt",),
}
"""The files of each account, each retrieved an hour after the one before."""

REGIONS = {"c15a": ("na", BR), "c24": ("fe", JP), "c24b": ("fe", JP)}


def given() -> Iterator[Given]:
    for account_id, names in DROPPED.items():
        region, marketplace = REGIONS.get(account_id, ("na", US))
        account = Account(id=account_id, name=account_id, region=region, marketplaces=(marketplace,), source="files")
        for hours, name in enumerate(names):
            yield Given(account, name, (FOLDER / name).read_bytes(), RETRIEVED_AT + timedelta(hours=hours))


@pytest.fixture(scope="module")
def built(as_of: Callable[[date], Warehouse]) -> Warehouse:
    return as_of(date(2026, 11, 20))


def warnings_of(warehouse: Warehouse, account_id: str) -> dict[str, str]:
    found = warehouse.query(f"select rule, what, severity from meta.gate_results where account_id = '{account_id}' and not passed")
    assert {severity for _, _, severity in found} == {"warning"}
    return {rule: what for rule, what, _ in found}


# Columns and values that no mart needs


def test_a_blank_shipment_item_id_is_a_warning(built: Warehouse) -> None:
    assert built.query("select count(*), count(*) filter (shipment_item_id = '') from raw.fulfilled_shipments where account_id = 'c01a'") == [(10, 1)]
    assert warnings_of(built, "c01a").keys() == {"shipment_item_id_is_usually_filled"}


@pytest.mark.parametrize(
    ("report", "header"),
    [("inventory_ledger_summary", "FNSKU"), ("inventory_ledger_summary", "Disposition"), ("removal_shipments", "request-date")],
)
def test_a_blank_value_that_amazon_usually_fills_and_no_mart_needs_is_a_warning(tmp_path: Path, report: str, header: str) -> None:
    lines = [line.split("\t") for line in (FIXTURES / report / "valid.txt").read_text(encoding="utf-8").replace('"', "").splitlines()]
    lines[1][lines[0].index(header)] = ""
    read = judged("\n".join("\t".join(line) for line in lines) + "\n", report, tmp_path)
    assert read.verdict is Verdict.PENDING, read.reason
    assert [r.what for r in read.results if not r.passed] == [f"{header} is blank, where Amazon usually fills it"]


@pytest.mark.parametrize(
    ("account_id", "report", "rows", "missing"),
    [("c05a", "settlements", 3, "promotion-id"), ("c09e", "listings", 2, "status"), ("c15a", "customer_returns", 2, "license-plate-number")],
)
def test_a_file_without_a_column_that_no_mart_needs_loads_and_says_so(
    built: Warehouse, account_id: str, report: str, rows: int, missing: str
) -> None:
    assert built.query(f"select count(*) from raw.{report} where account_id = '{account_id}'") == [(rows,)]
    warnings = warnings_of(built, account_id)
    assert warnings["usual_columns"].endswith(f": {missing}")


# The same day twice


@pytest.mark.parametrize(("account_id", "days"), [("c04a", ["2026-10-05", "2026-10-06"]), ("c04b", ["2026-10-05", "2026-10-13"])])
def test_posted_days_are_those_of_the_posted_times(built: Warehouse, account_id: str, days: list[str]) -> None:
    assert built.query(f"select posted_date from raw.settlements where account_id = '{account_id}' and posted_date <> '' order by all") == [
        (d,) for d in days
    ]


def test_a_settlement_written_day_first_equals_its_twin_in_every_mart(built: Warehouse) -> None:
    marts = [name for (name,) in built.query("select table_name from duckdb_tables() where schema_name = 'marts' order by all")]
    compared = 0
    for mart in marts:
        columns = [c for (c,) in built.query(f"select column_name from duckdb_columns() where (schema_name, table_name) = ('marts', '{mart}')")]
        if "account_id" not in columns or mart == "dim_accounts":
            continue
        # Row ids contain the account's id, and claims may be ranked across accounts.
        told = ", ".join(c for c in columns if c not in ("account_id", "defect_id", "reimbursement_line_id", "seen_at", "claim_rank"))
        rows = {a: built.query(f"select {told} from marts.{mart} where account_id = '{a}' order by all") for a in ("c04d", "c04e")}
        assert rows["c04d"] == rows["c04e"], mart
        compared += bool(rows["c04d"])
    assert compared > 5


@pytest.mark.parametrize("account_id", ["c04d", "c04e", "c21a", "c21a-04d"])
def test_what_is_settled_counts_once_in_september_and_the_refund_is_eligible_until_january(built: Warehouse, account_id: str) -> None:
    settled = built.query(
        f"select strftime(month, '%Y-%m'), settled_cash_amount from marts.fct_settlement_reconciliation "
        f"where account_id = '{account_id}' and settled_cash_amount <> 0"
    )
    assert settled == [("2026-09", Decimal("10.0000"))]
    refund = built.query(
        f"select defect_date::varchar, defect_units, defect_status, claim_deadline_date::varchar from marts.fct_inventory_defects "
        f"where account_id = '{account_id}' and amazon_order_id = '112-8000002-8000002'"
    )
    assert refund == [("2026-09-05", 1, "ELIGIBLE_FOR_CLAIM", "2027-01-03")]


def judged(content: str, report: str, folder: Path, account: Account = NA, **manifest: object) -> Judgement:
    document = document_of(content, folder, report=report, account=account, **{"retrieved_at": RETRIEVED_AT, **manifest})
    return judge(document, account, folder / "work")


MONTH_FIRST = (FOLDER / "04d_settlement_month_first_full.txt").read_text(encoding="utf-8")
DAY_FIRST = (FOLDER / "04e_settlement_day_first_full.txt").read_text(encoding="utf-8")


def test_a_posted_day_that_contradicts_its_time_refuses_the_file_by_name(tmp_path: Path) -> None:
    refused = judged(MONTH_FIRST.replace("09/06/26", "06/09/26"), "settlements", tmp_path)
    assert refused.verdict is Verdict.QUARANTINED
    assert refused.reason == (
        "report.txt, line 7: posted-date and posted-date-time are different days (settlement_id='41000000021', posted_date='06/09/26', "
        "posted_date_time='2026-09-06 05:23:19 UTC'); download the report again; if a spreadsheet has rewritten its dates, undo the edit."
    )


@pytest.mark.parametrize(("time", "verdict"), [("2026-09-05 23:59:59 UTC", Verdict.PENDING), ("2026-09-08 00:00:01 UTC", Verdict.QUARANTINED)])
def test_a_posted_day_may_differ_by_a_zone_and_no_more(tmp_path: Path, time: str, verdict: Verdict) -> None:
    assert judged(MONTH_FIRST.replace("2026-09-06 05:23:19 UTC", time), "settlements", tmp_path).verdict is verdict


def test_days_that_each_stand_twice_are_read_by_their_times(tmp_path: Path) -> None:
    *lines, _ = DAY_FIRST.replace("\t9.10\t", "\t-0.90\t").splitlines(keepends=True)
    read = judged("".join(lines), "settlements", tmp_path)
    assert (read.verdict, read.prepared and read.prepared.date_formats["posted_date"]) == (Verdict.PENDING, "%d/%m/%y")


def test_the_period_decides_where_the_times_are_written_like_the_days(tmp_path: Path) -> None:
    content = DAY_FIRST
    for day in range(3, 7):
        content = content.replace(f"2026-09-0{day} 05:23:19 UTC", f"0{day}/09/26")
    prepared = judged(content, "settlements", tmp_path).prepared
    assert prepared
    assert {prepared.date_formats[c] for c in ("posted_date", "posted_date_time")} == {"%d/%m/%y"}


@pytest.mark.parametrize(("style", "written"), [("%d/%m/%Y", "%d/%m/%Y"), ("%m/%d/%Y", "%m/%d/%Y"), ("%d.%m.%Y", "%d.%m.%Y")])
def test_a_settlement_whose_every_date_a_spreadsheet_has_rewritten_is_read_by_its_short_period(tmp_path: Path, style: str, written: str) -> None:
    """1 to 10 September is a settlement's period; 9 January to 9 October is none."""
    content = MONTH_FIRST
    for day in (1, 3, 5, 6, 10, 12):
        at = datetime(2026, 9, day, tzinfo=UTC)
        content = content.replace(f"{at:%Y-%m-%d} 00:00:00 UTC", at.strftime(style)).replace(f"{at:%Y-%m-%d} 05:23:19 UTC", at.strftime(style))
        content = content.replace(f"{at:%m/%d/%y}", at.strftime(style))
    read = judged(content, "settlements", tmp_path)
    assert (read.verdict, read.prepared and set(read.prepared.date_formats.values())) == (Verdict.PENDING, {written})


LEDGER = [line.split("\t") for line in (FOLDER / "14_ledger_lost.txt").read_text(encoding="utf-8").splitlines()]


def ledger(*days: tuple[str, str]) -> str:
    """A ledger of rows with ``Date`` and ``Date and Time``."""
    rows = [[f'"{day}"', *LEDGER[1][1:-1], f'"{time}"'] for day, time in days]
    return "\n".join("\t".join(row) for row in [LEDGER[0], *rows]) + "\n"


@pytest.mark.parametrize(
    ("days", "written"),
    [
        ([("09/01/2026", "2026-09-01T04:10:00-0700"), ("10/02/2026", "2026-10-02T04:10:00-0700")], "%m/%d/%Y"),
        ([("01/09/2026", "2026-09-01T04:10:00-0700"), ("02/10/2026", "2026-10-02T04:10:00-0700")], "%d/%m/%Y"),
        ([("01/09/2026", ""), ("02/10/2026", "")], "%m/%d/%Y"),
        ([("01/09/2026", ""), ("25/10/2026", "")], "%d/%m/%Y"),
    ],
    ids=["as Amazon writes it", "day first, its time says", "nothing says", "day first, a 25th says"],
)
def test_the_ledger_is_month_first_unless_its_own_times_or_days_say_otherwise(tmp_path: Path, days: list[tuple[str, str]], written: str) -> None:
    read = judged(ledger(*days), "inventory_ledger", tmp_path)
    assert (read.verdict, read.prepared and read.prepared.date_formats["date"]) == (Verdict.PENDING, written)


def test_a_ledger_in_which_a_spreadsheet_has_swapped_some_days_is_refused(tmp_path: Path) -> None:
    refused = judged(ledger(("09/13/2026", "2026-09-13T04:10:00-0700"), ("02/10/2026", "2026-10-02T04:10:00-0700")), "inventory_ledger", tmp_path)
    assert refused.verdict is Verdict.QUARANTINED
    assert "line 3: Date is the day of Date and Time with day and month swapped (date='02/10/2026'" in refused.reason


def test_a_ledger_day_that_is_merely_another_than_its_time_is_a_warning(built: Warehouse) -> None:
    assert "date_is_that_of_its_time" in warnings_of(built, "c14")


CLAIMS = "case-id,seller-sku,units,filed-date,status,closed-date\n"


@pytest.mark.parametrize(
    ("row", "written", "doubted"),
    [
        ("C1,S1,1,10/09/2026,closed,05/10/2026", "%d/%m/%Y", False),
        ("C1,S1,1,09/10/2026,closed,10/05/2026", "%m/%d/%Y", False),
        ("C1,S1,1,06/11/2026,open,", "%m/%d/%Y", True),
        ("C1,S1,1,01/12/2026,open,", "%m/%d/%Y", False),
        ("C1,S1,1,12/10/2026,open,", "%d/%m/%Y", False),
        ("C1,S1,1,11/11/2026,open,", "%m/%d/%Y", False),
    ],
    ids=["closed after filed, day first", "closed after filed, month first", "undecided", "no December yet", "not in the future", "read alike"],
)
def test_a_log_of_an_account_that_writes_days_two_ways_is_read_as_its_dates_agree(tmp_path: Path, row: str, written: str, doubted: bool) -> None:
    """The United States write 10/05 for 5 October and Canada 05/10; all was retrieved on 24 November 2026."""
    read = judged(f"{CLAIMS}{row}\n", "claims", tmp_path)
    assert read.prepared
    assert read.prepared.date_formats["filed_date"] == written
    assert ("day_order" in read.prepared.warnings) == doubted


def test_the_days_asked_for_decide_how_feedback_writes_them(tmp_path: Path) -> None:
    content = "Date\tRating\tComments\tYour Response\tOrder ID\tRater Email\n05/10/26\t2\tx\t\t112-7000002-7000002\ta\n"
    asked = {"window_start": datetime(2026, 10, 1, tzinfo=UTC).date(), "window_end": datetime(2026, 10, 31, tzinfo=UTC).date(), "source": "sp_api"}
    read = judged(content, "seller_feedback", tmp_path, **asked)
    assert (read.verdict, read.prepared and read.prepared.date_formats["date"]) == (Verdict.PENDING, "%d/%m/%y")


@pytest.mark.parametrize("day", ["09/03/0026", "2026-09-03T08:00:00+00:00 (BC)", "0026-09-03", "2026-13-01"])
def test_a_day_of_antiquity_is_no_date(tmp_path: Path, day: str) -> None:
    refused = judged(MONTH_FIRST.replace("09/06/26", day, 1), "settlements", tmp_path)
    assert refused.verdict is Verdict.QUARANTINED
    assert "line 7: posted-date is no date written as" in refused.reason


@pytest.mark.parametrize(
    ("report", "header", "value", "rule"),
    [
        ("orders", "last-updated-date", "2025-01-01T00:00:00+00:00", "updated_after_purchase"),
        ("fulfilled_shipments", "purchase-date", "2026-12-01T00:00:00+00:00", "shipped_after_purchase"),
        ("removal_orders", "last-updated-date", "2025-01-01T00:00:00+00:00", "updated_after_request"),
        ("removal_shipments", "request-date", "2027-01-01T00:00:00+00:00", "shipped_after_request"),
        ("mfn_returns", "Order date", "31-Dec-2026", "returned_after_order"),
    ],
)
def test_dates_out_of_order_are_a_warning_where_no_day_depends_on_it(tmp_path: Path, report: str, header: str, value: str, rule: str) -> None:
    lines = [line.split("\t") for line in (FIXTURES / report / "valid.txt").read_text(encoding="utf-8").splitlines()]
    lines[1][lines[0].index(header)] = value
    read = judged("\n".join("\t".join(line) for line in lines) + "\n", report, tmp_path)
    assert read.verdict is Verdict.PENDING, read.reason
    assert rule in [r.rule for r in read.results if not r.passed]


# A file that shrinks


def test_days_that_a_shorter_file_has_lost_are_kept_and_named(built: Warehouse) -> None:
    held = built.query(
        "select cast(_event_date as varchar), count(*) from raw.fulfilled_shipments "
        "where account_id = 'c20' and _valid_to is null group by all order by all"
    )
    assert held == [*((f"2026-11-{d:02}", 30) for d in range(1, 19)), ("2026-11-19", 1), ("2026-11-20", 1)]
    # 20b has 6 rows on each of 12 to 18 November; the 1st is its edge, so 17 days with 30 rows are compared.
    what = warnings_of(built, "c20")["unit_shrank"]
    assert what.startswith("168 of 510 rows held are missing, so what is held was kept: 2026-11-12, 2026-11-13")


# Currencies


def test_yen_are_shown_in_euros_by_the_rate_of_the_day(built: Warehouse) -> None:
    """By hand at 160 yen: 1,234 are 7.7125, 2,468 are 15.425, 500 are 3.125."""
    found = built.query(
        "select account_id, reimbursement_id, cash_amount, cash_amount_reporting from marts.fct_reimbursements "
        "where currency_code = 'JPY' and account_id in ('c24', 'c24b') order by 1, 2"
    )
    assert [(a, i, str(yen), str(euros)) for a, i, yen, euros in found] == [
        ("c24", "9001", "1234.0000", "7.7100"),
        ("c24", "9002", "2468.0000", "15.4300"),
        ("c24", "9003", "-500.0000", "-3.1300"),
        ("c24b", "9001", "500.0000", "3.1300"),
    ]


# Reversals


def test_a_payout_taken_back_for_a_unit_leaves_the_unit_and_one_taken_back_for_nothing_leaves_none(built: Warehouse) -> None:
    found = built.query(
        "select seller_sku, reimbursed_cash_units, reimbursed_inventory_units, reimbursed_cash_amount from marts.fct_inventory_defects "
        "where account_id = 'c14' order by 1"
    )
    assert found == [("REV-1", 0, 1, Decimal("0.0000")), ("REV-2", 0, 0, Decimal("0.0000"))]


def test_reversals_in_kind_agree_in_every_mart(built: Warehouse) -> None:
    """36 + 12 + 12 were paid and 24 + 12 + 12 taken back for four units: 12.00 for one unit, and four in kind."""
    for mart, cash, inventory, amount in (
        ("fct_inventory_defects", "reimbursed_cash_units", "reimbursed_inventory_units", "reimbursed_cash_amount"),
        ("fct_reimbursements_monthly", "cash_units", "inventory_units", "net_cash_amount"),
    ):
        found = built.query(f"select sum({cash}), sum({inventory}), sum({amount}) from marts.{mart} where account_id = 'c22'")
        assert found == [(1, 4, Decimal("12.0000"))], mart
