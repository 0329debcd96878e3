"""Closed books: marts and pipeline records as known at a time, in a publication that says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import as_known_at, code_version
from seller_warehouse.marts.publish import Publication, holds_every_load, is_due, publish
from tests.cases.test_mart_cases import FOLDER, AsOf, cases
from tests.support import Given, Warehouse, reimbursements

AT = datetime(2027, 1, 1, 6, tzinfo=UTC)
CLOSED = date(2026, 10, 10)
THEN, NOW = "2026-10-10T20:00:00+02:00", ""
BOOKS = "where account_id = 'books'"
ASKED = {
    "the loss": f"select eligible_units, reconciled_units from sw.marts.fct_inventory_defects {BOOKS} and defect_type = 'WAREHOUSE_LOST'",
    "cash": f"select cash_amount from sw.marts.fct_reimbursements {BOOKS}",
    "changes": f"select report, rows_added, rows_removed from sw.marts.fct_restatements {BOOKS} order by all",
    "documents": f"select count(*) from sw.meta.loads {BOOKS}",
    "held": f"select report, count(distinct document_id) from sw.meta.coverage {BOOKS} and is_held group by all order by all",
    "judged": f"select count(distinct document_id) from sw.meta.gate_results {BOOKS}",
    "newest": f"select report, last_retrieved_at from sw.meta.freshness {BOOKS} order by all",
    "known": "select as_known_at from sw.meta.publication",
}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def given() -> Iterator[Given]:
    """The files of the case k9; and of one line of October 2nd, Amazon first said 10.00, and 12.00 on the day after the books were closed."""
    account = Account(id="books", name="books", source="files", **cases()["k9"]["account"])
    for file in cases()["k9"]["files"]:
        yield Given(account, file["file"], (FOLDER / "k9" / file["file"]).read_bytes(), moment(file["retrieved_at"]))
    for amount, at in (("10.00", "2026-10-05T06:00:00Z"), ("12.00", "2026-10-11T06:00:00Z")):
        line = {
            "approval-date": "2026-10-02T08:00:00+00:00",
            "amount-total": amount,
            "reason": "CustomerReturn",
            "amazon-order-id": "111-0000001-0000001",
        }
        yield Given(account, f"r{amount}.txt", reimbursements(line), moment(at))


@pytest.fixture(scope="module")
def told(as_of: AsOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, list[tuple]]]]:
    """Query results of two publications, by the time of knowledge."""
    answers = {}
    warehouse = Warehouse(Home(tmp_path_factory.mktemp("books")))
    with pytest.MonkeyPatch.context() as patch:
        for minutes, known_at in enumerate((THEN, NOW)):
            patch.setenv("SELLER_WAREHOUSE_AS_KNOWN_AT", known_at)
            shutil.copy(as_of(CLOSED, known_at).home.warehouse, warehouse.home.warehouse)
            publication = publish(warehouse.home, at=AT + timedelta(minutes=minutes), as_of=CLOSED, code_version=code_version(), run_id="books")
            answers[known_at] = {what: warehouse.published(sql) for what, sql in ASKED.items()}
            answers[known_at]["due"] = [_due(warehouse, known_at, publication)]
        yield answers


def _due(warehouse: Warehouse, known_at: str, publication: Publication) -> tuple[bool, ...]:
    """Whether a build is due for the same time of knowledge and for the other one; whether readers see every load; whether as many are counted."""
    times = (as_known_at(), moment(THEN) if known_at == NOW else None)
    due = (is_due(warehouse.home, as_of=CLOSED, code_version=code_version(), as_known_at=at) for at in times)
    return (*due, holds_every_load(warehouse.home), [(publication.load_count,)] == warehouse.published("select count(*) from sw.meta.loads"))


def test_what_was_open_when_the_books_were_closed_is_open_in_them(told: dict[str, dict[str, list[tuple]]]) -> None:
    assert told[THEN]["the loss"] == [(1, 0)]
    assert told[NOW]["the loss"] == [(0, 1)]
    assert [[str(amount) for (amount,) in told[at]["cash"]] for at in (THEN, NOW)] == [["10.0000"], ["12.0000"]]


def test_what_was_seen_later_is_no_restatement_yet(told: dict[str, dict[str, list[tuple]]]) -> None:
    assert told[THEN]["changes"] == []
    # Seen on the 11th and in December, so it is no fact of October 10th either.
    assert told[NOW]["changes"] == []


def test_the_pipelines_own_records_are_those_of_then(told: dict[str, dict[str, list[tuple]]]) -> None:
    known = ("documents", "held", "judged", "newest")
    assert [told[THEN][what] for what in known] == [
        [(2,)],
        [("inventory_ledger", 1), ("reimbursements", 1)],
        [(2,)],
        [("inventory_ledger", moment("2026-10-05T06:00:00")), ("reimbursements", moment("2026-10-05T06:00:00"))],
    ]
    assert [told[NOW][what] for what in known] == [
        [(4,)],
        [("inventory_ledger", 1), ("reimbursements", 1)],
        [(4,)],
        [("inventory_ledger", moment("2026-12-31T06:00:00")), ("reimbursements", moment("2026-10-11T06:00:00"))],
    ]


def test_the_publication_says_which_knowledge_it_holds_and_a_build_is_due_for_another(told: dict[str, dict[str, list[tuple]]]) -> None:
    assert told[THEN]["known"] == [(moment("2026-10-10T18:00:00"),)]
    assert told[NOW]["known"] == [(None,)]
    assert told[THEN]["due"] == [(False, True, True, True)]
    assert told[NOW]["due"] == [(False, True, True, True)]
