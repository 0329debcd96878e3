"""Landing: bytes exactly as received, compressed, each with a manifest, never rewritten.

A document is ``landing/<account>/<report>/<window>/<document id>/document.gz`` beside ``manifest.json``. ``<window>`` is ``file`` for a dropped file
and ``snapshot`` for a snapshot. The manifest is written last, so a document with a manifest is complete; if landing is a folder, the document's
folder appears atomically. ``rows.<version>.parquet`` beside them holds the parsed rows; without it the bytes are parsed again.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import stat
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path

from isal import igzip

from seller_warehouse.core.accounts import Account, ConfigurationError, marketplaces
from seller_warehouse.core.documents import Document, Refusal, Verdict, printable
from seller_warehouse.core.home import Home, write_atomically
from seller_warehouse.core.outcome import DocumentUnprocessed
from seller_warehouse.core.problems import FULL
from seller_warehouse.core.report_spec import MarketplaceScope
from seller_warehouse.ingest.decode import MAX_DOCUMENT_BYTES
from seller_warehouse.ingest.gate import Judgement, RuleResult
from seller_warehouse.ingest.header import recognise_file
from seller_warehouse.ingest.integrity import LOST, OR_DELETE_FOLDER, loss_refusal, matches_hash, verify_bytes
from seller_warehouse.ingest.object_storage import ObjectStorage, StorageFailed, storage_of
from seller_warehouse.ingest.quarantine import quarantine
from seller_warehouse.ingest.replacement import REPLACE
from seller_warehouse.reports import SPECS

log = logging.getLogger(__name__)

NOT_DOCUMENTS = frozenset({".DS_Store", ".gitkeep", "Thumbs.db", "desktop.ini"})
"""Files that file managers leave behind; never read, never removed."""

CLOCK_SKEW = timedelta(hours=1)
"""How far the modification time of a file may be ahead of our clock."""


@dataclass(frozen=True)
class RefusedFile:
    """A refused file: copied to quarantine, and still in the inbox until its verdict is recorded."""

    judgement: Judgement
    path: Path
    status: os.stat_result
    may_go: bool = True

    def remove(self) -> None:
        """Remove it from the inbox."""
        if self.may_go:
            _remove_settled(self.path, self.status)


@dataclass(kw_only=True)
class Collected:
    """The result of collecting the inbox: landed documents, refused files, files still being written, and files left there because of an error."""

    landed: list[Document] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    left: dict[str, Exception] = field(default_factory=dict)


def collect_inbox(home: Home, accounts: dict[str, Account], *, now: datetime, settle_seconds: float, run_id: str = "") -> Collected:
    """Move every settled file of the inbox to landing, or to quarantine if it is not a known report.

    A file is settled if it was last changed at least ``settle_seconds`` before ``now``; a younger one waits for the next run.
    """
    prepare_inbox(home, accounts)
    for folder in (home.landing, home.quarantine):
        # The bytes contain buyers' names and addresses.
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.rmtree(_incoming(home), ignore_errors=True)
    _incoming(home).mkdir(parents=True)
    collected, refused_by = Collected(), (run_id, now)
    for path in inbox_files(home):
        place = path.relative_to(home.inbox)
        account = accounts.get(place.parts[0]) if len(place.parts) > 1 else None
        try:
            status = path.lstat()
        except FileNotFoundError:  # Taken back since the folder was listed.
            continue
        if stat.S_ISREG(status.st_mode) and abs(now.timestamp() - status.st_mtime) < settle_seconds:
            collected.waiting.append(printable(str(place)))
            continue
        try:
            _land_or_quarantine(home, path, status, account, place, now, collected, refused_by)
        except (OSError, StorageFailed) as error:
            collected.left[f"inbox/{printable(str(place))}"] = error
    return collected


def _land_or_quarantine(
    home: Home, path: Path, status: os.stat_result, account: Account | None, place: Path, now: datetime, collected: Collected,
    refused_by: tuple[str, datetime],
) -> None:  # fmt: skip
    """Raises OSError and StorageFailed for an error that the file did not cause; then it stays in the inbox."""
    try:
        collected.landed.append(_land_file(home, path, status, account, place.parts[0] if len(place.parts) > 1 else "", now))
    except _StillWritten:
        collected.waiting.append(printable(str(place)))
    except Refusal as refusal:
        collected.refused.append(_quarantine_file(home, path, status, place, refusal, refused_by))
    except OSError as error:
        if error.errno == errno.ENOENT and not os.path.lexists(path):
            return  # Taken back since the folder was listed.
        if error.errno in FULL or error.filename not in (None, str(path), path):
            raise
        unreadable = Refusal("unreadable", f"the file cannot be read ({error.strerror})", "give the pipeline the right to read it")
        collected.refused.append(_quarantine_file(home, path, status, place, unreadable, refused_by, may_go=False))


class _StillWritten(Exception):
    pass


def prepare_inbox(home: Home, accounts: dict[str, Account]) -> None:
    """Create a folder for each account, and in it the folder for files that replace what is held.

    Raises ConfigurationError if there is a link or file in its place, which would be treated as a dropped file.
    """
    for account_id in accounts:
        folder = home.inbox / account_id
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise ConfigurationError(f"{folder} is a link or a file; make it a folder, or move what it points to there")
        folder.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(folder / REPLACE):
            (folder / REPLACE).mkdir()


def inbox_files(home: Home) -> Iterator[Path]:
    """Every file and link in the inbox, in a fixed order; links are not followed.

    Raises OSError if a folder cannot be read, since its files would be ignored silently; a folder removed meanwhile has none.
    """

    def fail(error: OSError) -> None:
        if error.errno != errno.ENOENT or not home.inbox.exists():
            raise error

    for root, folders, names in os.walk(home.inbox, onerror=fail):
        folders.sort()
        for name in sorted([*names, *(f for f in folders if (Path(root) / f).is_symlink())]):
            if name not in NOT_DOCUMENTS:
                yield Path(root) / name


def _land_file(home: Home, path: Path, status: os.stat_result, account: Account | None, folder: str, now: datetime) -> Document:
    if not stat.S_ISREG(status.st_mode):
        raise Refusal("no_file", "this is a link or a device, not a file", "copy the file itself into the inbox")
    if account is None:
        what = f"there is no account {printable(folder)!r}" if folder else "the file is in no account's folder"
        raise Refusal("unknown_account", what, "put it into inbox/<account id> of an account in accounts.yaml")
    *folders, _ = path.relative_to(home.inbox / account.id).parts
    places = [f for f in folders if f.casefold() != REPLACE]
    document = replace(_document(path, status, account.id), replaces=len(places) < len(folders))
    if document.retrieved_at > now + CLOCK_SKEW:
        # It would count as newer than all later documents.
        what = f"the file was last modified in the future ({document.retrieved_at:%Y-%m-%d %H:%M} UTC)"
        raise Refusal("modified_in_future", what, "set its time to when it was downloaded (touch -d) and drop it again")
    document, report, received = _landed_before(home, document, path, status, account) or _received(home, document, path, status, account)
    document = land(home, replace(document, report=report, marketplace_id=_marketplace(account, report, places[-1] if places else "")), received)
    _remove_settled(path, status)
    return document


def _landed_before(home: Home, document: Document, path: Path, status: os.stat_result, account: Account) -> tuple[Document, str, None] | None:
    """The document and report of a dropped file that landing already has undamaged, so it is not compressed again; object storage is not searched."""
    dated = with_id(document, "").document_id.rpartition("-")[0]
    folders = [] if home.landing_url else [*home.landing.glob(f"{account.id}/*/file/{dated}-*")]
    if folders:
        with _reading(path, status) as source:
            document = with_id(document, hashlib.file_digest(source, "sha256").hexdigest())
    for folder in folders:
        held = folder / "document.gz"
        is_same = folder.name == document.document_id and matches_hash(held, document.sha256)
        if is_same and (report := recognise_file(held, account.fallback_charset)) == folder.parts[-3]:
            return document, report, None
    return None


def _received(home: Home, document: Document, path: Path, status: os.stat_result, account: Account) -> tuple[Document, str, Path]:
    received = _incoming(home) / "document.gz"
    document = with_id(document, _copy(path, status, received))
    return document, recognise_file(received, account.fallback_charset), received


def _marketplace(account: Account, report: str, folder: str) -> str:
    """The marketplace of a dropped file: that of its folder (``inbox/<account>/DE/``), else the account's first.

    Blank if the report covers the whole account.
    """
    requests = SPECS[report].requests
    if not requests or requests.marketplace_scope is not MarketplaceScope.EACH:
        return ""
    named = (m for m in account.marketplaces if folder.upper() in (m, marketplaces()[m].country_code))
    return next(named, account.marketplaces[0])


def _document(path: Path, status: os.stat_result, account_id: str) -> Document:
    return Document(
        document_id="", account_id=account_id, report="", source="file", file_name=printable(path.name), sha256="",
        byte_count=status.st_size, retrieved_at=datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1_000_000, UTC),
    )  # fmt: skip


def _quarantine_file(
    home: Home, path: Path, status: os.stat_result, place: Path, refusal: Refusal, refused_by: tuple[str, datetime], *, may_go: bool = True
) -> RefusedFile:
    """Copy a refused file to quarantine with its reason; it stays in the inbox until its verdict is recorded."""
    received: Path | None = None
    sha256 = hashlib.sha256(os.fsencode(path.name)).hexdigest()
    if may_go and stat.S_ISREG(status.st_mode):
        received = _incoming(home) / "document.gz"
        with suppress(_StillWritten):  # Keep what was read; a file that has changed stays in the inbox for the next run.
            sha256 = _copy(path, status, received)
    document = with_id(_document(path, status, printable(place.parts[0]) if len(place.parts) > 1 else ""), sha256)
    result = RuleResult(rule=refusal.rule, severity="critical", passed=False, what=str(refusal))
    reason = f"{document.file_name}, {refusal}"
    judgement = Judgement(document=document, verdict=Verdict.QUARANTINED, reason=reason, row_count=0, prepared=None, results=[result])
    quarantine(home, judgement, received, refused_by)
    return RefusedFile(judgement, path, status, may_go)


def with_id(document: Document, sha256: str) -> Document:
    """The document with its hash and an id derived from its retrieval time, hash and name."""
    # The name and the folder that forces replacement are part of the id: one file under two names is two documents, each with a verdict.
    place = f"{REPLACE}/" if document.replaces else ""
    both = hashlib.sha256(f"{sha256}/{place}{document.file_name}".encode()).hexdigest()
    return replace(document, sha256=sha256, document_id=f"{document.retrieved_at:%Y%m%dT%H%M%S%f}-{both[:16]}")


def _copy(path: Path, status: os.stat_result, target: Path) -> str:
    """Copy a dropped file's bytes to ``target``, compressed; returns their sha256."""
    with _reading(path, status) as source:
        sha256, _ = copy_compressed(source, target)
    return sha256


@contextmanager
def _reading(path: Path, status: os.stat_result) -> Iterator[BufferedReader]:
    """Open a dropped file; raises _StillWritten if it changes meanwhile."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source:
        yield source
        if _changed(os.fstat(source.fileno()), status):
            raise _StillWritten


def copy_compressed(source: BufferedReader, target: Path) -> tuple[str, int]:
    """Copy the bytes, compressed unless they already are; returns the sha256 and number of the source's bytes."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as raw:
        compressed = source.peek(2)[:2] == b"\x1f\x8b"
        out = raw if compressed else igzip.GzipFile(fileobj=raw, mode="wb", compresslevel=2, mtime=0, filename="")
        while (chunk := source.read(1 << 20)) and size <= MAX_DOCUMENT_BYTES:
            digest.update(chunk)
            size += len(chunk)
            out.write(chunk)
        if out is not raw:
            out.close()
        raw.flush()
        os.fsync(raw.fileno())
    return digest.hexdigest(), size


def _changed(now: os.stat_result, before: os.stat_result) -> bool:
    return (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns)


def _remove_settled(path: Path, status: os.stat_result) -> None:
    """Remove a dropped file, unless it was written again meanwhile: then the next run lands it."""
    with suppress(FileNotFoundError):
        if not _changed(path.lstat(), status):
            path.unlink()


def land(home: Home, document: Document, received: Path | None) -> Document:
    """Move compressed bytes to landing and write the manifest. Landing a document again repairs it if it is damaged, else changes nothing.

    An answer without bytes, such as a cancelled report, has only a manifest.
    """
    window = f"{document.window_start}_{document.window_end}" if document.window_start else "file" if document.source == "file" else "snapshot"
    folder = home.landing / document.account_id / document.report / window / document.document_id
    placed = replace(document, path=folder / "document.gz")
    storage = storage_of(home)
    if _is_landed(placed, storage, has_bytes=received is not None):
        return placed
    if storage:
        if received:
            storage.put(received, placed.path)
        storage.write(folder / "manifest.json", placed.to_json().encode())
        return placed
    # The folder appears atomically, so one without a manifest is a loss and not a document that is being written.
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    if received:
        os.replace(received, part / "document.gz")
    write_atomically(part / "manifest.json", placed.to_json().encode())
    if folder.is_dir():
        for made in sorted(part.iterdir()):
            if (folder / made.name).is_dir():
                shutil.rmtree(folder / made.name)
            made.replace(folder / made.name)
        part.rmdir()
    else:
        folder.unlink(missing_ok=True)
        part.rename(folder)
    return placed


def _is_landed(document: Document, storage: ObjectStorage | None, *, has_bytes: bool) -> bool:
    try:
        _read_manifest(document.path.with_name("manifest.json"), storage)
        if has_bytes:
            verify_bytes(document, storage)
    except Refusal:
        return False
    return True


def _read_manifest(manifest: Path, storage: ObjectStorage | None) -> Document:
    """The document of a manifest. Raises Refusal if it is missing, unreadable, or of another document."""
    account_id, report, window, document_id, _ = manifest.parts[-5:]
    source = "file" if window == "file" else "sp_api"
    try:
        text = storage.read(manifest) if storage else manifest.read_bytes()
        document = Document.from_json(text.decode("ascii"), manifest.with_name("document.gz"))
        dated = f"{document.retrieved_at:%Y%m%dT%H%M%S%f}"
        if (document.account_id, document.report, document.document_id, dated) != (account_id, report, document_id, document_id.split("-")[0]):
            raise ValueError("it is the manifest of another document")
    except FileNotFoundError as error:
        raise loss_refusal(source, f"its manifest is no longer in landing: {manifest}", OR_DELETE_FOLDER) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise loss_refusal(source, f"its manifest cannot be read ({error}): {manifest}", OR_DELETE_FOLDER) from error
    return document


def landed_documents(
    home: Home, place: str = "*/*", known: Container[tuple[str, str, str]] = frozenset(), lost: dict[str, Exception] | None = None
) -> Iterator[Document]:
    """Every complete document in landing, or those of one ``account/report``, in a fixed order.

    Documents that are ``known`` by account, report and document id are skipped by the names of their folders, without opening their manifests.
    A document without a readable manifest is added to ``lost`` under its path and skipped.
    """
    storage = storage_of(home)
    for manifest in _places(home, place, storage):
        if (*manifest.parts[-5:-3], manifest.parts[-2]) in known:
            continue
        try:
            document = _read_manifest(manifest, storage)
        except Refusal as loss:
            log.warning("%s", loss)
            if lost is not None:
                lost["/".join(manifest.parts[-5:-1])] = DocumentUnprocessed(str(loss))
            continue
        yield document


def _places(home: Home, place: str, storage: ObjectStorage | None) -> Iterator[Path]:
    """The path of each document's manifest, whether it exists or not, in a fixed order."""
    if storage:
        yield from storage.manifests("" if "*" in place else place)
        return
    for window in sorted(home.landing.glob(f"{place}/*/")):
        folders = sorted(f.name for f in os.scandir(window) if f.is_dir() and not f.name.startswith("."))
        yield from (window / name / "manifest.json" for name in folders)


def find_document(home: Home, account_id: str, report: str, document_id: str) -> Document:
    """One landed document.

    Raises Refusal if landing no longer holds it, since its scopes cannot be replayed without it.
    """
    storage, place = storage_of(home), f"{account_id}/{report}"
    for manifest in storage.manifests(place) if storage else (home.landing / place).glob(f"*/{document_id}/manifest.json"):
        if manifest.parts[-2] == document_id:
            return _read_manifest(manifest, storage)
    raise Refusal(
        LOST,
        f"{home.landing_url or home.landing}/{place}/*/{document_id}: landing no longer holds this document, "
        "and a late one can only be put in its place beside it",
        "restore landing from its copy, or delete warehouse.duckdb: the next run loads all that landing holds",
    )


def _incoming(home: Home) -> Path:
    return home.landing / ".incoming"
