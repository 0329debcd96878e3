"""A pass that is killed anywhere and run again ends like an undisturbed one."""

from __future__ import annotations

import os
import shutil
import signal
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from seller_warehouse.core.home import Home
from seller_warehouse.ingest.landing import inbox_files
from seller_warehouse.steps import Run, load_documents
from tests.e2e.killed_pass import kill, started
from tests.support import AT, Warehouse, marts_of, reimbursements

REPORTS = ("reimbursements",)


def dropped(home: Path) -> Warehouse:
    """Two files that overlap, one that the gate refuses, one that is no report, one of another account."""
    warehouse = Warehouse(Home(home))
    lines = [{"approval-date": f"2026-11-0{d}T08:00:00+00:00", "reimbursement-id": str(d)} for d in range(1, 6)]
    warehouse.drop("first.txt", reimbursements(*lines), at=AT - timedelta(days=2))
    warehouse.drop("second.txt", reimbursements(*lines[:2], lines[2] | {"amount-total": "12.00"}, *lines[3:]), at=AT - timedelta(days=1))
    warehouse.drop("refused.txt", reimbursements({"amount-total": "12.50.0"}))
    warehouse.drop("nonsense.txt", "nonsense")
    warehouse.drop("other.txt", reimbursements({"currency-unit": "EUR"}), account="acme-eu")
    return warehouse


def raw_of(warehouse: Warehouse) -> list[tuple]:
    return warehouse.query("select * from raw.reimbursements order by all") + warehouse.query("select * from meta.coverage order by all")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = dropped(tmp_path_factory.mktemp("calm"))
    warehouse.load()
    warehouse.publish()
    return warehouse


@pytest.fixture(scope="module")
def raw(undisturbed: Warehouse) -> list[tuple]:
    return raw_of(undisturbed)


@pytest.fixture(scope="module")
def marts(undisturbed: Warehouse) -> dict[str, list[tuple]]:
    return marts_of(undisturbed)


@pytest.mark.parametrize(
    ("target", "when", "number"),
    [
        pytest.param("ingest.landing._copy", "after", 2, id="landing: bytes copied, not yet in place"),
        pytest.param("ingest.landing.write_atomically", "before", 2, id="landing: bytes in place, manifest not yet written"),
        pytest.param("ingest.landing._remove_settled", "before", 2, id="landing: manifest written, file still in the inbox"),
        pytest.param("ingest.landing.quarantine", "after", 1, id="landing: put aside, still in the inbox"),
        pytest.param("steps.save_settings", "before", 1, id="landing: everything landed, nothing recorded"),
        pytest.param("ingest.gate.prepare", "before", 2, id="parsing: before the second document"),
        pytest.param("ingest.parse.decode", "after", 1, id="parsing: text decoded, no rows"),
        pytest.param("ingest.integrity.write_table", "after", 2, id="parsing: rows written, not in place"),
        pytest.param("ingest.parse.write_rows", "after", 1, id="parsing: rows in place, facts not yet handed on"),
        pytest.param("ingest.gate.prepare", "after", 2, id="parsing: parsed, not yet judged"),
        pytest.param("ingest.gate._run_suites", "after", 1, id="gating: validated, no judgement written"),
        pytest.param("steps.write_atomically", "after", 2, id="gating: some judged, some not"),
        pytest.param("steps.open_warehouse", "before", 3, id="gating: all judged, none loaded"),
        pytest.param("ingest.history._apply", "before", 1, id="loading: nothing loaded"),
        pytest.param("ingest.warehouse._record_load", "before", 2, id="loading: rows written, transaction open"),
        pytest.param("steps.record", "after", 2, id="loading: some committed, some not"),
        pytest.param("steps.quarantine", "after", 1, id="loading: put aside, verdict not recorded"),
    ],
)
def test_killed_before_the_build_and_run_again_raw_is_the_same(target: str, when: str, number: int, raw: list[tuple], tmp_path: Path) -> None:
    warehouse = dropped(tmp_path)
    kill(tmp_path, target, when, number)
    warehouse.load("again", AT + timedelta(hours=1))
    assert raw_of(warehouse) == raw
    assert {name for name, verdict in warehouse.verdicts().items() if verdict == "QUARANTINED"} == {"nonsense.txt", "refused.txt"}
    for kept in warehouse.home.quarantine.glob("acme-na/*"):
        assert {p.name for p in kept.iterdir()} == {"document.gz", "reason.json"}
    assert len(list(warehouse.home.quarantine.glob("acme-na/*"))) == 2
    left = [p.name for p in warehouse.home.landing.glob("*/*/*/*/*")]
    assert sorted({name.split(".")[0] for name in left}) == ["document", "manifest", "rows"]
    assert not list(inbox_files(warehouse.home))


@pytest.mark.parametrize(
    ("target", "when"),
    [
        pytest.param("marts.publish._copy_comments", "after", id="half copied"),
        pytest.param("marts.publish.export", "after", id="written, not in place"),
        pytest.param("marts.publish._point", "before", id="in place, not pointed to"),
        pytest.param("marts.publish._prune", "before", id="pointed to, old ones not pruned"),
    ],
)
def test_killed_while_publishing_readers_have_a_whole_publication_and_so_has_the_next_run(
    target: str, when: str, undisturbed: Warehouse, marts: dict[str, list[tuple]], tmp_path: Path
) -> None:
    warehouse = Warehouse(Home(tmp_path))
    shutil.copyfile(undisturbed.home.warehouse, warehouse.home.warehouse)
    for number in (1, 2):
        kill(tmp_path, target, when, 1, "publish")
        is_published = warehouse.home.marts.exists()
        assert is_published or number == 1
        if is_published:
            assert marts_of(warehouse) == marts
        warehouse.publish("again", AT + timedelta(hours=number), build=False)
        assert marts_of(warehouse) == marts
        assert [p.name for p in warehouse.home.published.iterdir() if p.name.endswith(".part")] == []


def test_killed_while_dbt_builds_the_next_run_ends_as_an_undisturbed_one(marts: dict[str, list[tuple]], tmp_path: Path) -> None:
    warehouse = dropped(tmp_path)
    kill_while_dbt_runs(tmp_path)
    assert not warehouse.home.marts.exists()
    warehouse.load("again", AT + timedelta(hours=1))
    warehouse.publish("again", AT + timedelta(hours=1))
    assert marts_of(warehouse) == marts


def kill_while_dbt_runs(home: Path) -> None:
    """End the pass and its dbt as soon as dbt has opened the build database."""
    process, log = started(home, "marts.publish.publish", "before", 1), home / "dbt" / "logs" / "dbt.log"
    while process.is_alive() and not (log.exists() and b"1 of " in log.read_bytes()):
        pass
    assert process.pid
    os.killpg(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_what_a_kill_leaves_in_the_build_database_can_always_be_opened(tmp_path: Path) -> None:
    warehouse = dropped(tmp_path)
    kill(tmp_path, "ingest.warehouse._record_results", "after", 1)
    with duckdb.connect(str(warehouse.home.warehouse), read_only=True) as connection:
        assert connection.execute("select count(*) from raw.reimbursements").fetchone() == (0,)


def test_a_load_that_is_tried_again_records_every_document_once(tmp_path: Path) -> None:
    warehouse = dropped(tmp_path)
    kill(tmp_path, "steps.record", "after", 2)
    load_documents(Run(warehouse.home, warehouse.accounts, "test", AT))
    assert warehouse.query("select file_name, count(*) from meta.loads group by all order by all") == [
        ("first.txt", 1), ("nonsense.txt", 1), ("other.txt", 1), ("refused.txt", 1), ("second.txt", 1),
    ]  # fmt: skip
