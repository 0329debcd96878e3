"""Files that would replace more than they cover (loads/), and siblings of them: the first file of each account is held when the second comes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.ingest.landing import landed_documents
from tests.support import AT, FIXTURES, NA, Warehouse, raw_state, reimbursements, stock

FOLDER = Path(__file__).parent / "loads"


@dataclass(frozen=True)
class Case:
    """Two files of an account, and of the second: its verdict, words of its reason, rows added and closed, and rows closed once it is forced."""

    first: str
    second: str
    verdict: str
    says: tuple[str, ...] = ()
    added: int = 0
    removed: int = 0
    forced: int | None = None
    folder: str = ""
    report: str = "reimbursements"


def given(folder: str) -> tuple[str, str]:
    first, second = (p.read_text(encoding="utf-8") for p in sorted((FOLDER / folder).iterdir()))
    return first, second


def paid(*rows: tuple[date, int, str, str]) -> str:
    """Reimbursements of (day, id, SKU, order)."""
    return reimbursements(
        *({"approval-date": f"{d}T08:00:00+00:00", "reimbursement-id": n, "sku": sku, "amazon-order-id": order} for d, n, sku, order in rows)
    )


def days(first: date, count: int, step: int = 1) -> list[date]:
    return [first + timedelta(days=step * n) for n in range(count)]


def ledger(*rows: tuple[date, str, int]) -> str:
    header = "Date FNSKU ASIN MSKU Title EventType ReferenceID Quantity FulfillmentCenter Disposition Reason Country".split()
    lines = [f"{d:%m/%d/%Y}\tX-{sku}\tB-{sku}\t{sku}\tLamp\tAdjustments\t{n}\t-1\tONT8\tSELLABLE\tM\tUS\t\t" for d, sku, n in rows]
    return "\n".join(["\t".join([*header, "ReconciledQuantity", "UnreconciledQuantity"]), *lines]) + "\n"


def removals(*rows: tuple[str, str]) -> str:
    """Removal orders of (order, SKU), as the fixture has them."""
    header, row, *_ = (FIXTURES / "removal_orders" / "valid.txt").read_text(encoding="utf-8").splitlines()
    names = header.split("\t")
    made = [dict(zip(names, row.split("\t"), strict=True)) | {"order-id": order, "sku": sku, "fnsku": f"X-{sku}"} for order, sku in rows]
    return "\n".join([header, *("\t".join(m.values()) for m in made)]) + "\n"


NOVEMBER = date(2026, 11, 1)
MONTH = [(d, n, f"S{n % 4}", f"111-0000000-000000{n % 3}") for n, d in enumerate(days(NOVEMBER, 12))]
SKUS = ("A", "B", "C", "D", "E")
CASES = {
    "edge": Case(
        *given("EDGE_false_unchanged"), "ROWS_LEFT_OUT", ("line 2", "not held", "left out", "2026-11-02"), forced=2
    ),
    "date": Case(*given("C_one_wrong_date_retires"), "QUARANTINED", ("line 2", "2026-01-01", "line 3", "50 of 50 rows"), forced=50),
    # One row of three is of another year: 12 rows of November and 11 of 2025 lie between.
    "year": Case(
        paid(*[(d, n, "S", "") for n, d in enumerate(days(date(2025, 12, 1), 11, 30))], *MONTH),
        paid((date(2026, 11, 14), 90, "S", ""), (date(2025, 11, 15), 91, "T", ""), (date(2026, 11, 16), 92, "S", "")),
        "QUARANTINED", ("line 3: it begins on 2025-11-15", "23 of 23 rows"), forced=23,
    ),
    # 3 of 3 rows of a small seller, which a restatement might explain by their number.
    "small": Case(
        paid(*[(d, n, "S", "") for n, d in enumerate(days(date(2026, 11, 3), 3))]),
        paid((date(2026, 11, 1), 90, "S", ""), (date(2026, 11, 9), 91, "S", "")),
        "QUARANTINED", ("3 of 3 rows",), forced=3,
    ),
    # Of 8 rows 7 are on the edge; the other days are emptied.
    "days": Case(
        paid(*[(NOVEMBER, n, "S", "") for n in range(7)], *[(d, 10 + n, "S", "") for n, d in enumerate(days(date(2026, 11, 2), 3))]),
        paid(*[(NOVEMBER, n, "S", "") for n in range(7)], (date(2026, 11, 6), 20, "S", "")),
        "QUARANTINED", ("no row of 3 of 4 days",), forced=3,
    ),
    # Each of 11 days has a row of each SKU; the first and the last would stay.
    "sku": Case(
        paid(*[(d, n, f"S{n % 2}", "") for n, d in enumerate(days(NOVEMBER, 11) * 2)]),
        paid(*[(d, n, "S1", "") for n, d in enumerate(days(NOVEMBER, 11) * 2) if n % 2]),
        "QUARANTINED", ("every row has the sku S1", "where 2 are held from 2026-11-01", "9 of 18 rows"), forced=11,
    ),
    "order": Case(
        paid(*[(d, n + 20 * k, "S", f"111-{k}") for n, d in enumerate(days(NOVEMBER, 3)) for k in range(3)]),
        paid(*[(d, n + 60 * k, "S", "111-1") for n, d in enumerate(days(NOVEMBER, 3)) for k in range(3)]),
        "QUARANTINED", ("every row has the amazon-order-id 111-1", "where 3 are held", "6 of 9 rows"), forced=9,
    ),
    "ledger": Case(
        ledger(*[(d, SKUS[n % 5], n) for n, d in enumerate(days(date(2026, 10, 20), 20))]),
        ledger((date(2026, 10, 20), "A", 90), (date(2026, 11, 7), "A", 91), (date(2026, 11, 8), "A", 92)),
        "QUARANTINED", ("every row has the FNSKU X-A",), forced=20, report="inventory_ledger",
    ),
    "stock": Case(stock(*SKUS), stock("A"), "QUARANTINED", ("the snapshot before it", "every row has the sku A"), forced=0, report="fba_inventory"),
    "stock-cut": Case(stock(*SKUS), stock("A", "B"), "QUARANTINED", ("3 of 5 rows of the snapshot before it",), forced=0, report="fba_inventory"),
    "removal": Case(
        removals(*[(o, sku) for o in ("R1", "R2") for sku in ("A", "B", "C")]), removals(("R1", "A"), ("R2", "A")),
        "QUARANTINED", ("every row has the sku A", "held of each order-id it names"), forced=4, report="removal_orders",
    ),
    # And what is taken: a scope of its own, a restatement, a day more, the same days once more.
    "removal-other": Case(removals(("R1", "A"), ("R1", "B")), removals(("R2", "A")), "LOADED", added=1, report="removal_orders"),
    "stock-less": Case(stock(*SKUS), stock("A", "B", "C"), "LOADED", added=3, report="fba_inventory"),
    "restated": Case(paid(*MONTH), paid(*[r for r in MONTH if r[1] not in (5, 6)]), "LOADED", removed=2),
    "longer": Case(paid(*MONTH), paid(*MONTH[8:], (date(2026, 11, 13), 30, "S", "")), "LOADED", added=1),
    "cut-edge": Case(paid(*MONTH, MONTH[0]), paid(*MONTH), "UNCHANGED", ("every row was held already",)),
    "corrected": Case(paid((NOVEMBER, 1, "LAMP-1", "")), paid((NOVEMBER, 1, "LAMP-01", "")), "LOADED", added=1, removed=1),
    "part": Case(
        paid(*MONTH, (MONTH[-1][0], 40, "S", "")), paid(*MONTH[:-1], (MONTH[-1][0], 41, "S", ""), (NOVEMBER, 42, "S", "")),
        "ROWS_LEFT_OUT", ("line 13:", "2026-11-12"), added=1,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    accounts = {name: NA.model_copy(update={"id": name}) for name in [*CASES, "late"]}
    made = Warehouse(Home(tmp_path_factory.mktemp("windows") / "home"), accounts=accounts)
    for name, case in CASES.items():
        made.drop("first.txt", case.first, account=name, at=AT - timedelta(days=2))
    made.drop("second.txt", CASES["date"].second, account="late", at=AT - timedelta(days=1))
    made.load("first")
    for name, case in CASES.items():
        made.drop("second.txt", case.second, account=name, at=AT - timedelta(days=1))
    made.drop("first.txt", CASES["date"].first, account="late", at=AT - timedelta(days=2))
    made.load("second", AT + timedelta(minutes=1))
    return made


@pytest.fixture(scope="module")
def forced(warehouse: Warehouse) -> Warehouse:
    """The second file of each once more, in the folder that forces it."""
    for name, case in CASES.items():
        if case.forced is not None:
            warehouse.drop("replace/second.txt", case.second, account=name, at=AT - timedelta(days=1))
    warehouse.load("forced", AT + timedelta(minutes=2))
    return warehouse


@pytest.mark.parametrize("name", CASES)
def test_the_second_file_replaces_what_it_covers_and_nothing_else(warehouse: Warehouse, name: str) -> None:
    case = CASES[name]
    found = warehouse.query(f"select verdict, reason, rows_added, rows_removed from meta.loads where account_id = '{name}' and run_id = 'second'")
    assert [(v, a, r) for v, _, a, r in found] == [(case.verdict, case.added, case.removed)], found
    assert [words for words in case.says if words not in found[0][1]] == [], found[0][1]
    assert case.verdict != "QUARANTINED" or "inbox/" + name + "/replace/" in found[0][1]


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.verdict == "QUARANTINED"])
def test_a_refused_file_lies_in_quarantine_with_its_reason(warehouse: Warehouse, name: str) -> None:
    (reason,) = (json.loads(p.read_bytes()) for p in (warehouse.home.quarantine / name).glob("*/reason.json"))
    assert [r["rule"] for r in reason["rules"] if r["severity"] == "critical"] == ["covers_what_it_replaces"]
    assert (reason["file"], reason["reason"]) == (
        "second.txt", warehouse.query(f"select reason from meta.loads where account_id = '{name}' and run_id = 'second'")[0][0],
    )  # fmt: skip


def test_rows_that_were_left_out_are_named_by_their_lines(warehouse: Warehouse) -> None:
    found = warehouse.query("select account_id, severity, failed_count, rows from meta.gate_results where rule = 'rows_left_out' order by 1")
    assert [(a, s, n, json.loads(rows)) for a, s, n, rows in found] == [
        ("edge", "warning", 1, [{"_line": 2, "unit": "2026-11-02"}]), ("part", "warning", 1, [{"_line": 13, "unit": "2026-11-12"}]),
    ]  # fmt: skip


def test_a_file_that_was_loaded_before_the_older_one_came_is_refused_then(warehouse: Warehouse) -> None:
    found = warehouse.query("select run_id, file_name, verdict, reason from meta.loads where account_id = 'late' order by rowid")
    assert [f[:3] for f in found] == [
        ("first", "second.txt", "LOADED"), ("second", "first.txt", "LOADED"), ("second", "second.txt", "QUARANTINED"),
    ]  # fmt: skip
    assert found[2][3].startswith("judged again since first.txt was loaded: second.txt, line 2: it begins on 2026-01-01")
    assert [p.parts[-3] for p in warehouse.home.quarantine.glob("late/*/reason.json")] == ["late"]
    assert warehouse.query("select count(*), count(_valid_to) from raw.reimbursements where account_id = 'late'") == [(50, 0)]


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.forced is not None])
def test_a_forced_file_replaces_all_it_spans(forced: Warehouse, name: str) -> None:
    case = CASES[name]
    found = forced.query(
        "select verdict, rows_added, rows_removed, row_count, document_id from meta.loads "
        f"where account_id = '{name}' and run_id = 'forced' and reason not like 'judged again%'"
    )
    assert [f[0] for f in found] == ["LOADED"]
    [(_, added, removed, rows, document_id)] = found
    held = forced.query(f"select _document_id, count(*) from raw.{case.report} where account_id = '{name}' and _valid_to is null group by 1")
    if case.report == "fba_inventory":
        assert dict(held)[document_id] == added == rows
    else:
        assert (removed, sum(n for _, n in held)) == (case.forced, rows)
    assert [d.replaces for d in landed_documents(forced.home, f"{name}/{case.report}") if d.document_id == document_id] == [True]


def test_a_home_that_is_replayed_knows_what_was_forced(forced: Warehouse, tmp_path: Path) -> None:
    """From the same landing, into a build database of its own."""
    replayed = Warehouse(Home(tmp_path / "home", str(forced.home.landing)), accounts=forced.accounts)
    replayed.load("replay", AT + timedelta(minutes=3))
    reports = sorted({case.report for case in CASES.values()})
    assert raw_state(replayed, reports) == raw_state(forced, reports)
