"""Closed books: marts and pipeline records as known at a time, in a publication that says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import as_known_at, build_marts, code_version
from seller_warehouse.marts.publish import Publication, holds_every_load, is_due, publish
from tests.cases.test_mart_cases import FOLDER, LOADED_AT, cases
from tests.support import Warehouse, reimbursements

CLOSED = date(2026, 10, 10)
THEN, NOW = "2026-10-10T20:00:00+02:00", ""
ASKED = {
    "the loss": "select eligible_units, reconciled_units from sw.marts.fct_inventory_defects where defect_type = 'WAREHOUSE_LOST'",
    "cash": "select cash_amount from sw.marts.fct_reimbursements",
    "changes": "select report, rows_added, rows_removed from sw.marts.fct_restatements order by all",
    "documents": "select count(*) from sw.meta.loads",
    "held": "select report, count(distinct document_id) from sw.meta.coverage where is_held group by all order by all",
    "judged": "select count(distinct document_id) from sw.meta.gate_results",
    "newest": "select report, last_retrieved_at from sw.meta.freshness order by all",
    "known": "select as_known_at from sw.meta.publication",
}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, list[tuple]]]]:
    """Query results of two publications of one home, by the time of knowledge."""
    warehouse = Warehouse(
        Home(tmp_path_factory.mktemp("books") / "home"), accounts={"k9": Account(id="k9", name="k9", source="files", **cases()["k9"]["account"])}
    )
    for file in cases()["k9"]["files"]:
        warehouse.drop(file["file"], (FOLDER / "k9" / file["file"]).read_bytes(), account="k9", at=moment(file["retrieved_at"]))
    # Of one line of October 2nd, Amazon first said 10.00, and 12.00 on the day after the books were closed.
    for amount, at in (("10.00", "2026-10-05T06:00:00Z"), ("12.00", "2026-10-11T06:00:00Z")):
        line = {
            "approval-date": "2026-10-02T08:00:00+00:00",
            "amount-total": amount,
            "reason": "CustomerReturn",
            "amazon-order-id": "111-0000001-0000001",
        }
        warehouse.drop(f"r{amount}.txt", reimbursements(line), account="k9", at=moment(at))
    assert warehouse.load(at=LOADED_AT) == []
    answers = {}
    with pytest.MonkeyPatch.context() as patch:
        for minutes, known_at in enumerate((THEN, NOW)):
            patch.setenv("SELLER_WAREHOUSE_AS_KNOWN_AT", known_at)
            build_marts(warehouse.home, as_of=CLOSED)
            publication = publish(
                warehouse.home, at=LOADED_AT + timedelta(minutes=minutes), as_of=CLOSED, code_version=code_version(), run_id="books"
            )
            answers[known_at] = {what: warehouse.published(sql) for what, sql in ASKED.items()}
            answers[known_at]["due"] = [_due(warehouse, known_at, publication)]
        yield answers


def _due(warehouse: Warehouse, known_at: str, publication: Publication) -> tuple[bool, ...]:
    """Whether a build is due for the same time of knowledge and for the other one; whether readers see every load; how many loads they see."""
    times = (as_known_at(), moment(THEN) if known_at == NOW else None)
    due = (is_due(warehouse.home, as_of=CLOSED, code_version=code_version(), as_known_at=at) for at in times)
    return (*due, holds_every_load(warehouse.home), publication.load_count)


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
    assert told[THEN]["due"] == [(False, True, True, 2)]
    assert told[NOW]["due"] == [(False, True, True, 4)]
