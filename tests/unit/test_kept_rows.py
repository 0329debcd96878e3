"""A document is parsed once: later readers use its kept rows, never its bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from seller_warehouse import steps
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Document, Refusal
from seller_warehouse.core.home import Home
from seller_warehouse.core.outcome import DocumentsUnprocessed
from seller_warehouse.ingest import gate, parse
from seller_warehouse.ingest.landing import landed_documents
from seller_warehouse.ingest.parse import Prepared, prepare
from seller_warehouse.steps import Run, gate_documents, land_files, load_documents
from tests.support import AT, EU, NA, Warehouse, document_of, raw_state, reimbursements

pytestmark = pytest.mark.usefixtures("reimbursements_alone")


def keep(document: Document, folder: Path, account: Account = NA) -> tuple[Prepared, list[dict[str, Any]], set[str]]:
    """A document's facts, its rows, and the files in its folder afterwards."""
    prepared = prepare(document, account, folder / "kept")
    return prepared, pq.read_table(prepared.parquet).to_pylist(), {p.name for p in (folder / "kept").iterdir()}


@pytest.fixture
def document(tmp_path: Path) -> Document:
    text = reimbursements({}, {"reimbursement-id": "2", "amount-total": "12,50", "approval-date": "2026-11-09T08:00:00+00:00"})
    return document_of(text.removesuffix("\n"), tmp_path, report="reimbursements", account=EU)


def test_a_document_is_read_once_and_known_in_full_without_its_bytes(document: Document, tmp_path: Path) -> None:
    first = keep(document, tmp_path, EU)
    document.path.unlink()
    assert keep(document, tmp_path, EU) == first
    assert (first[0].decimal_mark, first[0].window, list(first[0].warnings)) == (
        ",", ((AT - timedelta(days=18)).date(), (AT - timedelta(days=11)).date()), ["no_final_newline"],
    )  # fmt: skip
    assert first[2] == {first[0].parquet.name}


@pytest.mark.parametrize(
    "changed",
    [{"decimal_comma": False}, {"decimal_comma": True}, {"marketplaces": EU.marketplaces[:1]}, {"marketplaces": EU.marketplaces[::-1]}],
    ids=str,
)
def test_a_changed_setting_parses_again_and_leaves_the_new_rows_alone(changed: dict[str, Any], document: Document, tmp_path: Path) -> None:
    first, _, _ = keep(document, tmp_path, EU)
    again, _, files = keep(document, tmp_path, EU.model_copy(update=changed))
    assert again.parquet != first.parquet
    assert files == {again.parquet.name}


def test_another_parser_parses_again(document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, rows, _ = keep(document, tmp_path, EU)
    monkeypatch.setattr(parse, "_parser", lambda: "another")
    again, rows_again, files = keep(document, tmp_path, EU)
    assert (again.parquet != first.parquet, rows_again, files) == (True, rows, {again.parquet.name})


def test_a_name_or_a_cut_over_date_of_the_account_parses_nothing_again(document: Document, tmp_path: Path) -> None:
    first, _, _ = keep(document, tmp_path, EU)
    document.path.unlink()
    assert keep(document, tmp_path, EU.model_copy(update={"name": "Other", "damaged_inventory_kept_since": AT.date()}))[0] == first


def test_rows_that_cannot_be_read_are_parsed_again(document: Document, tmp_path: Path) -> None:
    first, rows, files = keep(document, tmp_path, EU)
    first.parquet.write_bytes(first.parquet.read_bytes()[:-9])
    assert keep(document, tmp_path, EU) == (first, rows, files)


def test_a_refused_document_leaves_neither_rows_nor_text(tmp_path: Path) -> None:
    document = document_of(reimbursements({})[:-60], tmp_path, report="reimbursements")
    with pytest.raises(Refusal, match="cut"):
        prepare(document, NA, tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


# In a home


def day(number: int, *extra: dict[str, Any]) -> str:
    """Three reimbursements of the first days of November; of the second the amount is ``number``."""
    dated = [{"approval-date": f"2026-11-0{d}T08:00:00+00:00", "reimbursement-id": f"{d}"} for d in (1, 2, 3)]
    return reimbursements(dated[0], {**dated[1], "amount-total": f"{number}.00"}, dated[2], *extra)


def in_order(warehouse: Warehouse, *numbers: int, between: Callable[[], None] = lambda: None) -> dict[str, list[tuple]]:
    """The contents of raw after documents retrieved on these days of the month were loaded in this order."""
    for number in numbers:
        warehouse.drop(f"{number}.txt", day(number), at=AT.replace(day=number))
        assert warehouse.load(f"run {number}") == []
        between()
    return raw_state(warehouse, ["reimbursements"])


def test_a_late_document_is_put_in_its_place_without_the_bytes_of_the_others(tmp_path: Path) -> None:
    calm, late = Warehouse(Home(tmp_path / "calm")), Warehouse(Home(tmp_path / "late"))

    def lose_bytes() -> None:
        for bytes_ in late.home.landing.rglob("document.gz"):
            bytes_.unlink()

    assert in_order(late, 10, 12, 11, between=lose_bytes) == in_order(calm, 10, 11, 12)


def test_a_home_without_kept_rows_parses_what_a_late_document_needs(tmp_path: Path) -> None:
    calm, old = Warehouse(Home(tmp_path / "calm")), Warehouse(Home(tmp_path / "old"))

    def lose_rows() -> None:
        for rows in old.home.landing.rglob("rows.*"):
            rows.unlink()

    assert in_order(old, 10, 12, 11, between=lose_rows) == in_order(calm, 10, 11, 12)


def test_everything_loaded_again_reads_kept_rows(tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path))
    before = in_order(warehouse, 10, 11)
    warehouse.home.warehouse.unlink()
    for bytes_ in warehouse.home.landing.rglob("document.gz"):
        bytes_.unlink()
    assert warehouse.load("anew") == []
    assert raw_state(warehouse, ["reimbursements"]) == before


def test_between_gate_and_load_nothing_lies_in_the_home_but_judgements(tmp_path: Path) -> None:
    run = gated(Warehouse(Home(tmp_path)))
    assert {p.name for p in run.work.rglob("*") if p.is_file()} == {"judgement.json"}


def gated(warehouse: Warehouse) -> Run:
    """A run that has landed and validated a document but not loaded it."""
    run = Run(warehouse.home, warehouse.accounts, "first", AT)
    warehouse.drop("10.txt", day(10), at=AT.replace(day=10))
    land_files(run, settle_seconds=0)
    assert gate_documents(run) == {"PENDING": 1}
    return run


def test_a_document_whose_rows_went_after_it_was_judged_is_judged_again_and_loads(tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path))
    run = gated(warehouse)
    for rows in warehouse.home.landing.rglob("rows.*"):
        rows.unlink()
    with pytest.raises(
        DocumentsUnprocessed, match=r"reimbursements 10\.txt: its rows have changed since they were judged; run again: it is judged again"
    ):
        load_documents(run)
    assert warehouse.load("second") == []
    assert warehouse.verdicts() == {"10.txt": "LOADED"}


def test_the_manifests_of_known_documents_are_not_opened(tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path))
    in_order(warehouse, 10, 11)
    known, new = landed_documents(warehouse.home)
    (known.path.with_name("manifest.json")).write_text("this is no JSON")
    names = {(known.account_id, known.report, known.document_id)}
    assert list(landed_documents(warehouse.home, known=names)) == [new]
    assert list(landed_documents(warehouse.home, "acme-na/orders", known=names)) == []
    assert warehouse.load("third") == []


def test_a_known_document_that_is_dropped_again_is_judged_again(tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path))
    in_order(warehouse, 10)
    warehouse.drop("10.txt", day(10), at=AT.replace(day=10))
    assert warehouse.load("again") == []
    assert warehouse.query("select verdict from meta.loads order by verdict") == [("LOADED",), ("UNCHANGED",)]


def test_a_large_document_that_comes_again_is_judged_by_what_was_kept_until_the_code_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "KEPT_FROM_ROWS", 1)
    asked: list[Any] = []
    run_suites = gate._run_suites
    monkeypatch.setattr(gate, "_run_suites", lambda batch, validator: (asked.append(batch), run_suites(batch, validator))[1])
    warehouse = Warehouse(Home(tmp_path))
    in_order(warehouse, 10)
    for run_id, validations in (("again", 1), ("after a change", 2)):
        warehouse.drop("10.txt", day(10), at=AT.replace(day=10))
        assert warehouse.load(run_id) == []
        assert len(asked) == validations
        monkeypatch.setattr(steps, "code_version", lambda: "another")
    results = warehouse.query(
        "select run_id, list((rule, severity, passed, what, remedy, failed_count, rows) order by rule) from meta.gate_results group by 1"
    )
    assert len(results) == 3
    assert results[0][1] == results[1][1] == results[2][1] != []
