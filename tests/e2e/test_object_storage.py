"""Landing in object storage: a real S3 server holds the same as a folder, and raw is the same after kills and losses."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from sandbox.world import World
from seller_warehouse.core.accounts import ConfigurationError
from seller_warehouse.core.home import Home
from seller_warehouse.ingest.landing import inbox_files, landed_documents
from seller_warehouse.ingest.object_storage import ObjectStorage, StorageFailed, storage_of
from tests.amazon import SECOND_NA, Landing, morning, sandbox
from tests.e2e.killed_pass import kill
from tests.e2e.test_kill import dropped, raw_of
from tests.object_storage import s3_server
from tests.support import AT, Warehouse, raw_state, reimbursements

BUCKET = "warehouse"
DAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    before = dict(os.environ)
    with s3_server(tmp_path_factory.mktemp("s3") / "server", BUCKET) as environment:
        os.environ.update(environment)
        yield environment
    for name in environment:
        os.environ.pop(name)
        os.environ.update({name: before[name]} if name in before else {})


def objects(home: Home) -> list[tuple[str, ...]]:
    """The names of all objects, without the versions of parsers."""
    storage = storage_of(home)
    assert storage
    found = storage._files.find(storage._root)
    return sorted(tuple("rows" if p.startswith("rows.") else p for p in n.removeprefix(f"{storage._root}/").split("/")) for n in found)


def test_a_backfill_lands_in_the_bucket_and_loads_what_it_loads_from_a_folder(server: dict[str, str], tmp_path: Path) -> None:
    world = World("test", seed=1, start=DAY - timedelta(days=60), end=DAY + timedelta(days=2))
    held = {}
    for name, landing_at in (("folder", str(tmp_path / "elsewhere")), ("bucket", f"s3://{BUCKET}/backfill")):
        warehouse = Warehouse(Home(tmp_path / name, landing_at), accounts={SECOND_NA.id: SECOND_NA})
        with sandbox(tmp_path / f"{name} amazon", world, morning(DAY)) as amazon:
            Landing(warehouse, amazon, months=1).backfill()
        held[name] = warehouse
    reports = [r for (r,) in held["folder"].query("select distinct report from meta.loads where verdict = 'LOADED'")]
    assert len(reports) > 5
    assert raw_state(held["bucket"], reports) == raw_state(held["folder"], reports)
    assert [d.document_id for d in landed_documents(held["bucket"].home)] == [d.document_id for d in landed_documents(held["folder"].home)]
    assert not (tmp_path / "folder" / "landing").exists()
    # A manifest for each answer, bytes for each that has some.
    counted = Counter(name[-1] for name in objects(held["bucket"].home))
    assert counted["manifest.json"] == len(list((tmp_path / "elsewhere").glob("*/*/*/*/manifest.json"))) > counted["document.gz"] > 0


def test_killed_again_and_again_the_bucket_ends_with_each_document_once_and_raw_as_from_a_folder(server: dict[str, str], tmp_path: Path) -> None:
    calm, warehouse = dropped(tmp_path / "calm"), dropped(tmp_path / "killed")
    calm.load()
    warehouse.home = Home(tmp_path / "killed", f"s3://{BUCKET}/killed")
    for target, when in (
        ("ingest.object_storage.ObjectStorage.put", "after"),  # bytes there, no manifest
        ("ingest.object_storage.ObjectStorage.write", "after"),  # manifest there, file still in the inbox
        ("ingest.object_storage.ObjectStorage.replace_rows", "before"),  # parsed, rows not there
        ("ingest.history._apply", "before"),  # judged, not loaded
        ("steps.record", "after"),  # some loaded, some not
    ):
        kill(tmp_path / "killed", target, when, 1, landing_at=warehouse.home.landing_at, environment=server)
    warehouse.load("again", AT + timedelta(hours=1))
    assert raw_of(warehouse) == raw_of(calm)
    assert not list(inbox_files(warehouse.home))
    kept = Counter(name[-1] for name in objects(warehouse.home))
    assert kept == {"manifest.json": 4, "document.gz": 4, "rows": 4}
    refused = {p.name for p in warehouse.home.quarantine.glob("*/*/*")}
    assert refused == {"document.gz", "reason.json"}


def test_everything_is_loaded_again_from_the_bucket_alone_and_a_late_document_finds_its_place(server: dict[str, str], tmp_path: Path) -> None:
    calm, warehouse = Warehouse(Home(tmp_path / "calm")), Warehouse(Home(tmp_path / "home", f"s3://{BUCKET}/replay"))
    texts = {
        n: reimbursements(*({"approval-date": f"2026-11-0{d}T08:00:00+00:00", "amount-total": f"{n}.00"} for d in (1, 2, 3))) for n in (10, 11, 12)
    }
    for place, order in ((calm, (10, 11, 12)), (warehouse, (10, 12))):
        for n in order:
            place.drop(f"{n}.txt", texts[n], at=AT.replace(day=n))
        assert place.load() == []
    shutil.rmtree(warehouse.home.root)
    warehouse.drop("11.txt", texts[11], at=AT.replace(day=11))
    assert warehouse.load("anew") == []
    assert raw_of(warehouse) == raw_of(calm)
    shutil.rmtree(warehouse.home.root)
    storage = storage_of(warehouse.home)
    assert storage
    storage._files.rm([n for n in storage._files.find(storage._root) if n.endswith("/document.gz")])
    assert warehouse.load("from rows") == []
    assert raw_of(warehouse) == raw_of(calm)


def test_a_storage_that_does_not_answer_fails_the_pass_and_leaves_the_file_in_the_inbox(server: dict[str, str], tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path, "s3://no-such-bucket/landing"))
    dropped_file = warehouse.drop("1.txt", reimbursements({}))
    with pytest.raises(StorageFailed, match=r"s3://no-such-bucket/landing: cannot .*; check address, keys and network"):
        warehouse.load()
    assert dropped_file.exists()
    assert not list(warehouse.home.quarantine.glob("*/*"))


def test_rows_of_an_older_version_leave_the_bucket_and_nothing_else_does(server: dict[str, str], tmp_path: Path) -> None:
    home = Home(tmp_path, f"s3://{BUCKET}/versions")
    storage, folder = storage_of(home), home.landing / "acme-na" / "orders" / "file" / "1"
    assert storage
    folder.mkdir(parents=True)
    for name in ("manifest.json", "document.gz", "rows.1.parquet", "rows.2.parquet"):
        storage.write(folder / name, b"content")
    (folder / "rows.3.parquet").write_bytes(b"new")
    storage.replace_rows(folder / "rows.3.parquet")
    assert sorted(n.rsplit("/", 1)[1] for n in storage._files.find(storage._root)) == ["document.gz", "manifest.json", "rows.3.parquet"]
    assert storage.read(folder / "rows.3.parquet") == b"new"


def test_an_address_of_an_unknown_kind_names_the_setting_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"SELLER_WAREHOUSE_LANDING=floppy://a cannot be opened .*use a folder"):
        ObjectStorage("floppy://a", tmp_path)
    with pytest.raises(ConfigurationError, match="install the package gcsfs"):
        ObjectStorage("gs://bucket/landing", tmp_path)
