"""Integrity of received bytes and parsed rows: both are compared with a hash whenever they are read again.

Disks and copies lose and change bytes. Such a document must be reported as lost, never load with fewer rows silently.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path

import pyarrow as pa
from pyarrow.parquet import read_metadata, write_table

from seller_warehouse.core.documents import Document, Refusal
from seller_warehouse.ingest.object_storage import ObjectStorage

LOST = "landing_lost"
"""The rule for a document that landing no longer holds as received."""

OR_DELETE_FOLDER = "; or delete its folder to do without it"
"""An additional remedy for a document of which only the folder is left."""

_FACTS, _SHA256 = b"seller_warehouse", b"seller_warehouse_sha256"
"""Metadata keys of the Parquet file: the facts about its rows, and the hash of the file."""

_NO_HASH = b"0" * hashlib.sha256().digest_size * 2
"""Placeholder while the hash is computed: rows and hash are in one file, so neither exists without the other."""

_ROW_GROUP = 1 << 14
"""Small, since DuckDB reads row groups in parallel."""


class RowsDamaged(Exception):
    """A file of parsed rows has changed since it was written; it can be deleted, then the document is parsed again."""


def matches_hash(path: Path, sha256: str) -> bool:
    """Whether the bytes at a path, as they are or decompressed, have this hash."""
    if not path.is_file():
        return False
    with path.open("rb") as raw:
        if hashlib.file_digest(raw, "sha256").hexdigest() == sha256:
            return True
    try:
        with gzip.open(path) as plain:
            return hashlib.file_digest(plain, "sha256").hexdigest() == sha256
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return False


def verify_bytes(document: Document, storage: ObjectStorage | None = None) -> None:
    """Raise Refusal if the bytes of a landed document are missing or were changed; fetches them from ``storage``."""
    path = document.path
    if storage:
        storage.fetch(path)
    if matches_hash(path, document.sha256):
        return
    if storage and path.exists():
        path.unlink()  # Perhaps only the local copy is damaged.
        storage.fetch(path)
        if matches_hash(path, document.sha256):
            return
    what = "are not those that were received (their sha256 is not that of the manifest)" if path.exists() else "are no longer in landing"
    raise loss_refusal(document.source, f"its bytes {what}: {path}", f", last modified at {document.retrieved_at:%Y-%m-%d %H:%M:%S} UTC")


def loss_refusal(source: str, what: str, more: str = "") -> Refusal:
    """The refusal of a lost document, with the ways to restore it."""
    again = "or drop the same file again" if source == "file" else "without it the days are asked for again"
    return Refusal(LOST, what, f"restore landing from its copy, {again}{more}")


def write_rows(table: pa.Table, facts: bytes, target: Path) -> None:
    """Write parsed rows with facts about them and the hash of the file, atomically."""
    part = target.with_name(".rows.part")
    described = table.replace_schema_metadata({_FACTS: facts, _SHA256: _NO_HASH})
    write_table(described, part, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP)
    with part.open("r+b") as stream:
        content = stream.read()
        stream.seek(_place_of(_NO_HASH, content))
        stream.write(hashlib.sha256(content).hexdigest().encode())
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(target)


def read_facts(parquet: Path) -> bytes:
    """The facts about parsed rows. Raises RowsDamaged if the file has changed since it was written."""
    try:
        known = read_metadata(parquet).metadata
        content = parquet.read_bytes()
        place = _place_of(known[_SHA256], content)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise RowsDamaged(f"{parquet} cannot be read ({error})") from error
    digest = hashlib.sha256(content[:place])
    digest.update(_NO_HASH)
    digest.update(content[place + len(_NO_HASH) :])
    if digest.hexdigest().encode() != known[_SHA256]:
        raise RowsDamaged(f"{parquet} is not as it was written")
    facts: bytes = known[_FACTS]
    return facts


def _place_of(value: bytes, content: bytes) -> int:
    return content.index(value, content.rindex(_SHA256))
