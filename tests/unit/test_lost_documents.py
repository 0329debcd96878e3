"""What landing, the build database and a sent alert are worth when files of the home are lost or changed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from seller_warehouse.alerts.delivery import send_alerts
from seller_warehouse.core.documents import Document, Refusal
from seller_warehouse.core.home import Home
from seller_warehouse.ingest import landing
from seller_warehouse.ingest.integrity import RowsDamaged, matches_hash, read_facts, verify_bytes
from seller_warehouse.ingest.landing import land, landed_documents
from seller_warehouse.ingest.object_storage import storage_of
from tests.support import AT, Warehouse, document_of, raw_state, reimbursements

pytestmark = pytest.mark.usefixtures("reimbursements_alone")

EARLIER = AT - timedelta(days=1)
GOOD = reimbursements({}, {"reimbursement-id": "2"})
OTHER = reimbursements({"reimbursement-id": "3", "approval-date": "2026-11-05T08:00:00+00:00"})


def landed(warehouse: Warehouse, name: str) -> Document:
    return next(d for d in landed_documents(warehouse.home) if d.file_name == name)


def flipped(path: Path, place: int = -40) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x20
    path.write_bytes(content)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A home with two documents, whose build database and parsed rows are gone: it is replayed from their bytes."""
    made = Warehouse(Home(tmp_path / "home"))
    made.drop("good.txt", GOOD, at=EARLIER)
    made.drop("other.txt", OTHER, at=EARLIER)
    assert made.load("first", EARLIER) == []
    made.home.warehouse.unlink()
    for rows in made.home.landing.rglob("rows.*"):
        rows.unlink()
    return made


def other_bytes(folder: Path) -> None:
    (folder / "document.gz").write_bytes(gzip.compress(GOOD.replace("10.00", "99.00").encode()))


LOSSES: dict[str, tuple[Callable[[Path], object], str]] = {
    "bytes gone": (lambda folder: (folder / "document.gz").unlink(), "its bytes are no longer in landing"),
    "one bit of the bytes": (lambda folder: flipped(folder / "document.gz"), "its bytes are not those that were received"),
    "cut bytes": (lambda folder: os.truncate(folder / "document.gz", 90), "are not those that were received"),
    "a folder for bytes": (lambda folder: ((folder / "document.gz").unlink(), (folder / "document.gz").mkdir()), "are not those that were received"),
    "bytes of another file": (other_bytes, "are not those that were received"),
}  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_a_document_that_is_not_what_was_received_is_refused_by_name_and_stops_no_other(warehouse: Warehouse, loss: str) -> None:
    damage, says = LOSSES[loss]
    damage(landed(warehouse, "good.txt").path.parent)
    (refused,) = warehouse.load("again")
    assert says in refused
    assert "good.txt" in refused
    assert "restore landing from its copy, or drop the same file again" in refused
    assert warehouse.verdicts() == {"good.txt": "QUARANTINED", "other.txt": "LOADED"}
    # Dropped again, it is mended.
    warehouse.drop("good.txt", GOOD, at=EARLIER)
    assert warehouse.load("dropped", AT + timedelta(minutes=1)) == []
    assert warehouse.verdicts() == {"good.txt": "LOADED", "other.txt": "LOADED"}
    assert matches_hash(landed(warehouse, "good.txt").path, landed(warehouse, "good.txt").sha256)


MANIFESTS: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "no JSON": lambda manifest: manifest.write_text("{"),
    "of another time": lambda manifest: manifest.write_text(manifest.read_text().replace("2026-11-19", "2026-11-18")),
    "no text": lambda manifest: manifest.write_bytes(b"\xff\xfe\x00"),
    "a folder": lambda manifest: (manifest.unlink(), manifest.mkdir()),
    "a list": lambda manifest: manifest.write_text("[]"),
}


@pytest.mark.parametrize("damage", MANIFESTS)
def test_a_document_without_a_readable_manifest_is_named_and_mended_when_it_is_dropped_again(warehouse: Warehouse, damage: str) -> None:
    folder = landed(warehouse, "good.txt").path.parent
    MANIFESTS[damage](folder / "manifest.json")
    lost: dict[str, Exception] = {}
    assert [d.file_name for d in landed_documents(warehouse.home, lost=lost)] == ["other.txt"]
    assert list(lost) == [f"acme-na/reimbursements/file/{folder.name}"]
    assert "its manifest" in str(lost[f"acme-na/reimbursements/file/{folder.name}"])
    warehouse.drop("good.txt", GOOD, at=EARLIER)
    assert warehouse.load("dropped") == []
    assert warehouse.verdicts() == {"good.txt": "LOADED", "other.txt": "LOADED"}


@pytest.mark.parametrize("place", [100, -40, -600])
def test_changed_rows_are_seen_and_parsed_again(tmp_path: Path, place: int) -> None:
    made = Warehouse(Home(tmp_path / "home"))
    made.drop("good.txt", GOOD, at=EARLIER)
    assert made.load("first", EARLIER) == []
    before = raw_state(made, ["reimbursements"])
    (rows,) = made.home.landing.rglob("rows.*")
    flipped(rows, place)
    with pytest.raises(RowsDamaged):
        read_facts(rows)
    made.home.warehouse.unlink()
    assert made.load("again") == []
    assert raw_state(made, ["reimbursements"]) == before
    read_facts(rows)


def test_in_object_storage_a_damaged_copy_is_fetched_again_and_a_damaged_object_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", "memory://lost-documents")
    received = document_of(GOOD, tmp_path, report="reimbursements")
    document, storage = land(home, received, received.path), storage_of(home)
    assert storage
    verify_bytes(document, storage)
    document.path.write_bytes(b"damaged")
    verify_bytes(document, storage)
    assert document.path.read_text() == GOOD
    storage.write(document.path, b"damaged")
    document.path.unlink()
    with pytest.raises(Refusal, match="its bytes are not those that were received"):
        verify_bytes(document, storage)
    # The same again mends it.
    document.path.unlink()
    land(home, received, received.path)
    document.path.unlink(missing_ok=True)
    verify_bytes(document, storage)
    storage.write(document.path.with_name("manifest.json"), b"{")
    lost: dict[str, Exception] = {}
    assert list(landed_documents(home, lost=lost)) == []
    assert list(lost) == [f"acme-na/reimbursements/file/{document.document_id}"]


@dataclass
class Told:
    """A channel that takes everything."""

    name: str = "told"
    titles: list[str] = field(default_factory=list)

    def send(self, title: str, body: str) -> str | None:
        """Take a message."""
        self.titles.append(f"{title}\n{body}")
        return None


KEPT = "account_id, report, document_id, source, file_name, retrieved_at, sha256, row_count, verdict, reason"


def test_without_its_build_database_a_home_knows_what_was_refused_and_what_was_told(tmp_path: Path) -> None:
    warehouse, channel = Warehouse(Home(tmp_path / "home")), Told()

    def tell() -> None:
        send_alerts(warehouse.home, warehouse.accounts, [channel], "http://localhost", today=AT.date(), at=AT)

    warehouse.drop("good.txt", GOOD, at=EARLIER)
    warehouse.drop("unknown.txt", "what\tis this\n1\t2\n", at=EARLIER)
    warehouse.drop("stranger.txt", GOOD, account="nobody", at=EARLIER)
    warehouse.drop("future.txt", OTHER, at=AT + timedelta(days=400))
    warehouse.drop("wrong.txt", OTHER.replace("10.00", "ten"), at=EARLIER)
    assert len(warehouse.load("first", EARLIER)) == 4
    tell()
    told = list(channel.titles)
    assert len(told) == 2
    never_landed = f"select {KEPT}, run_id, loaded_at from meta.loads where report = '' order by all"
    before, refused = warehouse.query(f"select {KEPT} from meta.loads order by all"), warehouse.query(never_landed)
    assert len(refused) == 3
    rules = warehouse.query("select rule, severity, what from meta.gate_results where report = '' order by all")

    warehouse.home.warehouse.unlink()
    assert len(warehouse.load("again")) == 1
    assert warehouse.query(f"select {KEPT} from meta.loads order by all") == before
    assert warehouse.query(never_landed) == refused
    assert warehouse.query("select rule, severity, what from meta.gate_results where report = '' order by all") == rules
    tell()
    assert channel.titles == told
    assert warehouse.load("once more") == []
    assert warehouse.query(f"select {KEPT} from meta.loads order by all") == before
    assert warehouse.home.alerts.stat().st_mode & 0o777 == 0o600


def test_a_file_that_landing_holds_is_packed_again_only_where_a_byte_of_it_is_lost(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[Path] = []
    keep = landing.copy_compressed
    monkeypatch.setattr(landing, "copy_compressed", lambda source, target: (packed.append(target), keep(source, target))[1])
    document = landed(warehouse, "good.txt")
    warehouse.drop("good.txt", GOOD, at=EARLIER)
    assert warehouse.load("again") == []
    assert packed == []
    for number, lose in enumerate((lambda: flipped(document.path), document.path.unlink), 1):
        lose()
        warehouse.drop("good.txt", GOOD, at=EARLIER)
        assert warehouse.load(f"after loss {number}") == []
        assert len(packed) == number
        assert matches_hash(document.path, document.sha256)
    warehouse.drop("good.txt", GOOD.replace("10.00", "11.00"), at=EARLIER)
    assert warehouse.load("another") == []
    assert len(packed) == 3
    assert [d.file_name for d in landed_documents(warehouse.home)].count("good.txt") == 2
