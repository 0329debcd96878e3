"""Bytes that were received, and rows that were parsed from them: both are compared with a hash whenever they are read again.

Disks and copies lose and change bytes; a document of which that is so is a named loss, and never fewer rows in silence.
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
"""The rule of what landing no longer holds as it was received."""

OR_DELETE_FOLDER = "; or delete its folder to do without it"
"""What may also be done about a document of which nothing is known but that it was there."""

_FACTS, _SHA256 = b"seller_warehouse", b"seller_warehouse_sha256"
"""Under these keys the Parquet file says what is known of its rows, and the hash of itself."""

_NO_HASH = b"0" * hashlib.sha256().digest_size * 2
"""Stands in the place of the hash while the hash is made: in one file, both are there or neither."""

_ROW_GROUP = 1 << 14
"""Small, since DuckDB reads row groups in parallel."""


class RowsDamaged(Exception):
    """A file of parsed rows is not what was written; it may be deleted, and the document is parsed again."""


def matches_hash(path: Path, sha256: str) -> bool:
    """Whether the bytes at a path are those of the hash, as they lie there or before they were compressed."""
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
    """Raises Refusal where the bytes of a landed document are missing or not those that were received; fetches them from ``storage``."""
    path = document.path
    if storage:
        storage.fetch(path)
    if matches_hash(path, document.sha256):
        return
    if storage and path.exists():
        path.unlink()  # Perhaps only the copy is damaged.
        storage.fetch(path)
        if matches_hash(path, document.sha256):
            return
    what = "are not those that were received (their sha256 is not that of the manifest)" if path.exists() else "are no longer in landing"
    raise loss_refusal(document.source, f"its bytes {what}: {path}", f", last modified at {document.retrieved_at:%Y-%m-%d %H:%M:%S} UTC")


def loss_refusal(source: str, what: str, more: str = "") -> Refusal:
    """The loss of a document, with how to have it again."""
    again = "or drop the same file again" if source == "file" else "without it the days are asked for again"
    return Refusal(LOST, what, f"restore landing from its copy, {again}{more}")


def write_rows(table: pa.Table, facts: bytes, target: Path) -> None:
    """Write parsed rows with what is known of them and the hash of the file, so that it is either absent or complete."""
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
    """What is known of parsed rows. Raises RowsDamaged where the file is not as it was written."""
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
