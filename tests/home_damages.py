"""What happens to a home between two passes: kinds of damage to its files and folders, each a function from a home to what is then done about it.

A file waits in the inbox of the home. Some kinds damage what it becomes on its way, so they land or judge it first.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from seller_warehouse.steps import Run, gate_documents, land_files
from tests.support import AT, Warehouse

Repair = Callable[[], object]
Damage = Callable[[Warehouse], Repair]
WAITS = "new.txt"
"""The file in the inbox."""
GARBAGE = random.Random(1).randbytes(5000)


@dataclass(frozen=True)
class Kind:
    """A kind of damage; where the pass does not heal it by itself, its output must name ``what`` (a regular expression), and a remedy."""

    name: str
    do: Damage
    what: str


KINDS: list[Kind] = []


def damage(name: str, what: str, do: Damage) -> None:
    """Name a function as a kind of damage."""
    KINDS.append(Kind(name, do, what))


def nothing() -> None:
    """The repair of what the next pass heals by itself, or the one after."""


# What is done to a path


def changed(path: Path, content: bytes | None) -> Repair:
    """Give a file another content, or none: a folder in its place; the repair puts it back."""
    kept = path.read_bytes()
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    def repair() -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.write_bytes(kept)

    return repair


def blocked(path: Path, *, by_folder: bool = False) -> Repair:
    """A file, or a folder, in the place of something that is moved away; the repair moves it back."""
    aside = path.with_name(f"{path.name}.aside")
    if path.exists() or path.is_symlink():
        path.rename(aside)
    path.parent.mkdir(parents=True, exist_ok=True)
    if by_folder:
        path.mkdir()
        (path / "something").write_text("of somebody")
    else:
        path.write_text("of somebody")

    def repair() -> None:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        if aside.exists() or aside.is_symlink():
            aside.rename(path)

    return repair


def gone(path: Path) -> Repair:
    """Remove a file or folder."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return nothing


def half(path: Path) -> bytes:
    """The first half of what a file holds."""
    content = path.read_bytes()
    return content[: len(content) // 2]


# What waits


def _land(w: Warehouse) -> Run:
    run = Run(w.home, w.accounts, "before", AT)
    land_files(run, settle_seconds=0)
    return run


def _landed(w: Warehouse, name: str) -> Path:
    """The manifest, the bytes or the rows of what waits; it is landed first."""
    _land(w)
    (manifest,) = (p for p in w.home.landing.glob("*/*/*/*/manifest.json") if json.loads(p.read_text())["file_name"] == WAITS)
    return next(manifest.parent.glob(name))


def _judged(w: Warehouse) -> Path:
    """The judgement of what waits; it is landed and judged first."""
    gate_documents(_land(w))
    (path,) = w.home.work.rglob("judgement.json")
    return path


def _rows(w: Warehouse) -> Path:
    _judged(w)
    return max(w.home.landing.glob("*/*/*/*/rows.*.parquet"), key=lambda p: p.stat().st_mtime_ns)


def _lost(w: Warehouse, name: str, content: bytes | None, *, is_cut: bool = False) -> Repair:
    """Damage a file of what waits; then it is dropped again, from the seller's own copy."""
    dropped = next(w.home.inbox.glob(f"*/{WAITS}"))
    copy, at = dropped.read_bytes(), dropped.stat().st_mtime
    path = _landed(w, name)
    if content == b"gone":
        path.unlink()
    else:
        changed(path, half(path) if is_cut else content)

    def repair() -> None:
        w.drop(WAITS, copy, at=AT.fromtimestamp(at, AT.tzinfo))

    return repair


for _name in ("manifest.json", "document.gz"):
    _what = r"(manifest|landing|document\.gz|new\.txt)"
    for _how, _content in (("empty", b""), ("garbage", GARBAGE), ("a folder", None), ("gone", b"gone")):
        damage(f"{_name} of what waits is {_how}", _what, partial(_lost, name=_name, content=_content))
    damage(f"{_name} of what waits is cut", _what, partial(_lost, name=_name, content=None, is_cut=True))

damage("the rows of what waits are garbage", "new.txt", lambda w: (changed(_rows(w), GARBAGE), nothing)[1])
damage("the rows of what waits are gone", "new.txt", lambda w: gone(_rows(w)))
damage("the judgement is empty", "judgement", lambda w: (changed(_judged(w), b""), nothing)[1])
damage("the judgement is cut", "judgement", lambda w: (changed(p := _judged(w), half(p)), nothing)[1])
damage("the judgement is garbage", "judgement", lambda w: (changed(_judged(w), GARBAGE), nothing)[1])
damage("the judgement is a folder", "judgement", lambda w: (changed(_judged(w), None), nothing)[1])
damage("the judgements are gone", "judgement", lambda w: (_judged(w), gone(w.home.work))[1])


# The build database


def moved_away(w: Warehouse) -> Repair:
    """What the sentence about a damaged build database says to do."""
    path = w.home.warehouse
    return lambda: [p.rename(p.with_name(f"{p.name}.damaged")) for p in (path, path.with_name(f"{path.name}.wal")) if p.exists()]


def _of_database(w: Warehouse, content: bytes | None) -> Repair:
    changed(w.home.warehouse, half(w.home.warehouse) if content is None else content)
    return moved_away(w)


def _open_elsewhere(w: Warehouse) -> Repair:
    code = f"import duckdb, time; c = duckdb.connect({str(w.home.warehouse)!r}); print(1, flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout
    other.stdout.readline()
    return lambda: (other.kill(), other.wait())


def _garbage_log(w: Warehouse) -> Repair:
    path = w.home.warehouse.with_name("warehouse.duckdb.wal")
    path.write_bytes(GARBAGE)
    return lambda: path.unlink(missing_ok=True)


damage("the build database is cut", "warehouse.duckdb", partial(_of_database, content=None))
damage("the build database is garbage", "warehouse.duckdb", partial(_of_database, content=GARBAGE))
damage("the build database is empty", "warehouse.duckdb", partial(_of_database, content=b""))
damage("the build database is gone", "warehouse.duckdb", lambda w: gone(w.home.warehouse))
damage("a folder in place of the build database", "warehouse.duckdb", lambda w: blocked(w.home.warehouse, by_folder=True))
damage("a folder in place of its lock", "warehouse.duckdb.lock", lambda w: blocked(w.home.root / "warehouse.duckdb.lock", by_folder=True))
damage("a folder in place of the lock of runs", "run.lock", lambda w: blocked(w.home.root / ".run.lock", by_folder=True))
damage("garbage in the log of the build database", "warehouse.duckdb", _garbage_log)
damage("another program has the build database open", r"warehouse\.duckdb.*process [0-9]+", _open_elsewhere)


# Folders


damage("a manifest of what is loaded is garbage", "manifest", lambda w: (changed(next(w.home.landing.rglob("manifest.json")), GARBAGE), nothing)[1])
damage("a file in place of the landing", "landing", lambda w: blocked(w.home.landing))
damage("a file in place of the landing of an account", "acme-na", lambda w: blocked(w.home.landing / "acme-na"))
damage("a file in place of what is being landed", "incoming", lambda w: blocked(w.home.landing / ".incoming"))
damage("a file in place of the judgements", "work", lambda w: blocked(w.home.work))
damage("a file in place of the inbox", "inbox", lambda w: blocked(w.home.inbox))
damage("a file in place of the inbox of an account", "acme-eu", lambda w: blocked(w.home.inbox / "acme-eu"))
damage("a file in place of the quarantine", "quarantine", lambda w: blocked(w.home.quarantine))
damage("a file in place of the logs", "logs", lambda w: blocked(w.home.log.parent))
damage("a folder in place of the log", "run.log", lambda w: blocked(w.home.log, by_folder=True))


# What readers open


def _published(w: Warehouse, content: bytes | None) -> Repair:
    path = w.home.marts.resolve()
    changed(path, half(path) if content is None else content)
    return nothing


damage("the publication is cut", "published", partial(_published, content=None))
damage("the publication is empty", "published", partial(_published, content=b""))
damage("the publication is garbage", "published", partial(_published, content=GARBAGE))
damage("the publication is gone", "published", lambda w: gone(w.home.marts.resolve().parent))
damage("all publications are gone", "published", lambda w: gone(w.home.published))
damage("the pointer of readers is gone", "published", lambda w: gone(w.home.marts))
damage("a file in place of the publications", "published", lambda w: blocked(w.home.published))
damage("a folder in place of the pointer of readers", "marts.duckdb", lambda w: blocked(w.home.marts, by_folder=True))
damage("a folder in place of the exports", "exports", lambda w: blocked(w.home.exports, by_folder=True))


# Settings


for _how, _content in (("empty", b""), ("garbage", b"\xff\xfe{"), ("a folder", None)):
    damage(f"the accounts file is {_how}", "accounts.yaml", lambda w, to=_content: changed(w.home.root.parent / "accounts.yaml", to))  # type: ignore[misc]
