"""Homes damaged before a pass: it ends with the code and a sentence that name what is wrong and the remedy, loses nothing, and after the remedy the
next pass ends as one over an undamaged home.

The short form makes some kinds of damage, chosen by the seed, and publishes what is built already; the long form makes all, and builds.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from seller_warehouse.core.home import Home
from seller_warehouse.steps import Run, gate_documents, land_files
from tests.e2e.killed_pass import FRESH
from tests.e2e.test_kill import marts_of
from tests.soak.test_storms import COUNT, SEED
from tests.support import ACCOUNTS, AT, FIXTURES, Warehouse, raw_state, reimbursements

REPORTS = ("reimbursements", "inventory_ledger", "customer_returns")
Repair = Callable[[], object]
Damage = Callable[[Warehouse], Repair]
DAMAGES: list[tuple[str, Damage, int, str]] = []
"""Each kind: its name, what it does to a home, its exit code (``EITHER`` is 1 or 2, ``HARMLESS`` 0 or 1), and what the output must say."""
EITHER, HARMLESS = -1, -2
SHORT = 12
"""Kinds of the short form."""


def damage(name: str, code: int, says: str = "") -> Callable[[Damage], Damage]:
    """Register a kind of damage; where it is healed by the pass itself its code is 0."""

    def register(function: Damage) -> Damage:
        DAMAGES.append((name, function, code, says))
        return function

    return register


# A pass in a process of its own


@dataclass(frozen=True)
class Ended:
    """How a pass ended, and what it said."""

    code: int | None
    said: str


def begun(home: Path, number: int, *, at: datetime = AT, full_at: str = "", builds: bool = False) -> ForkServerProcess:
    """``make run`` in a process of its own; ``full_at`` a function of the pipeline no file can grow, as on a full disk."""
    process = FRESH.Process(target=_run, args=(home, number, at, full_at, builds))
    process.start()
    return process


def ended(process: ForkServerProcess, home: Path, number: int) -> Ended:
    """The end of a pass, which must come within minutes."""
    process.join(300)
    assert process.exitcode is not None
    return Ended(process.exitcode, said_in(home, number).read_text())


def said_in(home: Path, number: int) -> Path:
    """Where the n-th pass over a home says something."""
    return home.parent / f"said-{number}.txt"


def run(warehouse: Warehouse, number: int, **how: Any) -> Ended:
    """One whole pass."""
    home = warehouse.home.root
    return ended(begun(home, number, **how), home, number)


def _run(home: Path, number: int, at: datetime, full_at: str, builds: bool) -> None:
    from seller_warehouse import steps
    from seller_warehouse.cli import run as command

    os.environ |= {
        "SELLER_WAREHOUSE_HOME": str(home), "SELLER_WAREHOUSE_ACCOUNTS": str(home.parent / "accounts.yaml"), "SELLER_WAREHOUSE_AS_OF": "2026-11-20",
        "SELLER_WAREHOUSE_SETTLE_SECONDS": "0",
    }  # fmt: skip
    command.clock_from_environment = lambda: _Stopped(at + timedelta(minutes=number))  # type: ignore[assignment,return-value]
    if not builds:
        build = steps.build_marts
        steps.build_marts = lambda home, **how: None if _has_marts(home) else build(home, **how)  # type: ignore[assignment]
    if full_at:
        _fill_disk_at(full_at)
    with said_in(home, number).open("w", buffering=1) as out, redirect_stdout(out), redirect_stderr(out):
        os.dup2(out.fileno(), 2)
        code = command.main([])
    sys.exit(code)


def _has_marts(home: Home) -> bool:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return connection.execute("select 1 from duckdb_tables() where schema_name = 'marts'").fetchone() is not None


@dataclass
class _Stopped:
    at: datetime

    def now(self) -> datetime:
        return self.at


def _fill_disk_at(target: str) -> None:
    from pkgutil import resolve_name

    place, name = target.rsplit(".", 1)
    module = resolve_name(f"seller_warehouse.{place}")
    original = getattr(module, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, resource.RLIM_INFINITY))
        try:
            return original(*arguments, **named)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    setattr(module, name, wrapped)


# What is done to files


def changed(path: Path, content: bytes | None) -> Repair:
    """Give a file another content, none for a folder in its place; the repair puts it back."""
    kept = path.read_bytes()
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    return lambda: put_back(path, kept)


def put_back(path: Path, content: bytes) -> None:
    """The file as it was."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def blocked(path: Path, *, by_folder: bool = False) -> Repair:
    """A file, or a folder, in the place of a folder, a link or a file that is moved away; the repair moves it back."""
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
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if aside.exists() or aside.is_symlink():
            aside.rename(path)

    return repair


def gone(path: Path) -> Repair:
    """Remove a file or folder; nothing is to be repaired."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return lambda: None


def landed(w: Warehouse, name: str, report: str = "reimbursements") -> Path:
    """A file beside the manifest of the document that waits; it is landed first."""
    _land(w)
    (manifest,) = (p for p in w.home.landing.glob(f"*/{report}/*/*/manifest.json") if json.loads(p.read_text())["file_name"] == "new.txt")
    return manifest.with_name(name)


def _land(w: Warehouse) -> Run:
    before = Run(w.home, w.accounts, "before", AT)
    land_files(before, settle_seconds=0)
    return before


def judged(w: Warehouse) -> Path:
    """The judgement of the document that waits; it is landed and judged first."""
    gate_documents(_land(w))
    (path,) = w.home.work.rglob("judgement.json")
    return path


def moved_away(path: Path) -> Repair:
    """What the sentence about a damaged build database says to do."""
    return lambda: [p.rename(p.with_name(f"{p.name}.damaged")) for p in path.parent.glob(f"{path.name}*") if p.suffix in (".duckdb", ".wal")]


def _half(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: len(content) // 2]


GARBAGE = random.Random(1).randbytes(5000)
NAMES = r"{0}.*; .{{10,}}"


def names(what: str) -> str:
    """A line that fails something, names ``what`` and has a remedy behind a semicolon."""
    return rf"(?m)^(FAILED|LEFT|QUARANTINED|NOT REACHED)?.*{what}.*; .{{10,}}"


# The build database


@damage("the build database is cut", 1, names("warehouse.duckdb"))
def _(w: Warehouse) -> Repair:
    changed(w.home.warehouse, _half(w.home.warehouse))
    return moved_away(w.home.warehouse)


@damage("the build database is no database", 1, names("warehouse.duckdb"))
def _(w: Warehouse) -> Repair:
    changed(w.home.warehouse, GARBAGE)
    return moved_away(w.home.warehouse)


damage("a folder in place of the build database", 1, names("warehouse.duckdb"))(lambda w: blocked(w.home.warehouse, by_folder=True))
damage("the build database is gone", 0)(lambda w: gone(w.home.warehouse))
damage("the build database is empty", 1, names("warehouse.duckdb"))(lambda w: (changed(w.home.warehouse, b""), moved_away(w.home.warehouse))[1])
damage("a folder in place of the lock", 1, names("warehouse.duckdb.lock"))(lambda w: blocked(w.home.root / "warehouse.duckdb.lock", by_folder=True))
damage("a folder in place of the lock of runs", 1, names("run.lock"))(lambda w: blocked(w.home.root / ".run.lock", by_folder=True))


@damage("garbage in the log of the build database", HARMLESS)
def _(w: Warehouse) -> Repair:
    w.home.warehouse.with_name("warehouse.duckdb.wal").write_bytes(GARBAGE)
    return lambda: w.home.warehouse.with_name("warehouse.duckdb.wal").unlink(missing_ok=True)


@damage("another program has the build database open", 1, names("warehouse.duckdb.*process [0-9]+"))
def _(w: Warehouse) -> Repair:
    code = f"import duckdb, time; c = duckdb.connect({str(w.home.warehouse)!r}); print(1, flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout
    other.stdout.readline()
    return lambda: (other.kill(), other.wait())


# Landing


for _name, _content in (("empty", b""), ("cut", b'{"document_id": "2'), ("garbage", GARBAGE), ("a folder", None)):
    damage(f"the manifest of what waits is {_name}", EITHER, names("(manifest|landing)"))(
        lambda w, content=_content: (changed(landed(w, "manifest.json"), content), lambda: with_new_file(w))[1]  # type: ignore[misc]
    )
    # Its sentence says to drop it again, which must do whatever lies in landing.
    damage(f"the bytes of what waits are {_name}", EITHER, names("(new.txt|document.gz)"))(
        lambda w, content=_content: (changed(landed(w, "document.gz"), content), lambda: with_new_file(w))[1]  # type: ignore[misc]
    )


@damage("the bytes of what waits are gone", EITHER, names("(new.txt|document.gz)"))
def _(w: Warehouse) -> Repair:
    landed(w, "document.gz").unlink()
    return lambda: with_new_file(w)


@damage("the manifest of what waits is gone", EITHER, names("(manifest|landing)"))
def _(w: Warehouse) -> Repair:
    landed(w, "manifest.json").unlink()
    return lambda: with_new_file(w)


damage("the manifest of what is loaded is garbage", 0)(lambda w: (changed(next(w.home.landing.rglob("manifest.json")), GARBAGE), lambda: None)[1])
damage("a file in place of the landing", 1, names("landing"))(lambda w: blocked(w.home.landing))
damage("a file in place of the landing of an account", 1, names("acme-na"))(lambda w: blocked(w.home.landing / "acme-na"))
damage("a file in place of what is being landed", EITHER, names("incoming"))(lambda w: blocked(w.home.landing / ".incoming"))
damage("the rows of what waits are garbage", 0)(lambda w: _each(judged(w), w, lambda p: changed(p, GARBAGE)))
damage("the rows of what waits are gone", 0)(lambda w: _each(judged(w), w, gone))


def _each(_: Path, w: Warehouse, do: Callable[[Path], object]) -> Repair:
    for rows in [p for p in w.home.landing.rglob("rows.*.parquet") if "reimbursements" in p.parts]:
        do(rows)
    return lambda: None


# Judgements, inbox, quarantine


for _name, _content in (("empty", b""), ("cut", b'{"document": {"do'), ("garbage", GARBAGE), ("a folder", None)):
    damage(f"a judgement is {_name}", EITHER, names("judgement"))(lambda w, content=_content: changed(judged(w), content))  # type: ignore[misc]
damage("the judgements are gone", 0)(lambda w: (judged(w), gone(w.home.work))[1])
damage("a file in place of the judgements", 1, names("work"))(lambda w: blocked(w.home.work))
damage("a file in place of the inbox", 1, names("inbox"))(lambda w: blocked(w.home.inbox))
damage("a file in place of the inbox of an account", 1, names("acme-eu"))(lambda w: blocked(w.home.inbox / "acme-eu"))
damage("a file in place of the quarantine", 1, names("quarantine"))(lambda w: blocked(w.home.quarantine))


# What readers open


def _published(w: Warehouse, content: bytes | None) -> Repair:
    changed(w.home.marts.resolve(), content)
    return lambda: None


damage("the publication is cut", EITHER, names("published"))(lambda w: _published(w, _half(w.home.marts.resolve())))
damage("the publication is empty", EITHER, names("published"))(lambda w: _published(w, b""))
damage("the publication is garbage", EITHER, names("published"))(lambda w: _published(w, GARBAGE))
damage("the publication is gone", 0)(lambda w: gone(w.home.marts.resolve().parent))
damage("all publications are gone", 0)(lambda w: gone(w.home.published))
damage("the pointer of readers is gone", 0)(lambda w: gone(w.home.marts))
damage("a file in place of the publications", 1, names("published"))(lambda w: blocked(w.home.published))
damage("a folder in place of the pointer of readers", 1, names("marts.duckdb"))(lambda w: blocked(w.home.marts, by_folder=True))
damage("a folder in place of the exports", 1, names("exports"))(lambda w: blocked(w.home.exports, by_folder=True))


# The rest of the home, and what is around it


damage("a file in place of the logs", 1, names("logs"))(lambda w: blocked(w.home.log.parent))
damage("a folder in place of the log", 1, names("run.log"))(lambda w: blocked(w.home.log, by_folder=True))
for _name, _content in (("empty", b""), ("garbage", b"\xff\xfe{"), ("a folder", None)):
    damage(f"the accounts file is {_name}", 1, "accounts.yaml.*; .{10,}")(
        lambda w, content=_content: changed(w.home.root.parent / "accounts.yaml", content)  # type: ignore[misc]
    )

FULL = {
    "landing": "ingest.landing._copy", "parsing": "ingest.parse._keep", "judging": "steps.gate_documents", "loading": "steps.load_documents",
    "publishing": "steps.publish",
}  # fmt: skip


@dataclass(frozen=True)
class Disturbed:
    """A home of its own with a file that waits, and the names and values of what an undisturbed pass makes of it."""

    warehouse: Warehouse
    raw: dict[str, list[tuple]]
    marts: dict[str, list[tuple]]


def tiny_home(folder: Path) -> Warehouse:
    """Some documents loaded, built and published."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "accounts.yaml").write_text(yaml.safe_dump([a.model_dump(mode="json") for a in ACCOUNTS.values()]))
    warehouse = Warehouse(Home(folder / "home"))
    lines = [{"approval-date": f"2026-10-{d:02}T08:00:00+00:00", "reimbursement-id": str(d)} for d in range(1, 25)]
    warehouse.drop("first.txt", reimbursements(*lines), at=AT - timedelta(days=9))
    for report in REPORTS[1:]:
        warehouse.drop(f"{report}.txt", (FIXTURES / report / "valid.txt").read_bytes(), at=AT - timedelta(days=5))
    assert run(warehouse, 0, builds=True) == Ended(0, said_in(warehouse.home.root, 0).read_text())
    return warehouse


def with_new_file(warehouse: Warehouse) -> Warehouse:
    """One more file in the inbox."""
    warehouse.drop(
        "new.txt", reimbursements({"reimbursement-id": "N1"}, {"reimbursement-id": "N2", "amount-total": "7.50"}), at=AT - timedelta(days=1)
    )
    return warehouse


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny_home(folder)
    return folder


def copy_of(template: Path, folder: Path) -> Warehouse:
    """A home of its own like the template, with one more file in the inbox."""
    shutil.copytree(template, folder, symlinks=True, dirs_exist_ok=True)
    return with_new_file(Warehouse(Home(folder / "home")))


@pytest.fixture(scope="module")
def undisturbed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Disturbed:
    warehouse = copy_of(template, tmp_path_factory.mktemp("undisturbed") / "x")
    assert run(warehouse, 1, builds=COUNT > 1).code == 0
    return Disturbed(warehouse, raw_state(warehouse, (*REPORTS, "accounts")), marts_of(warehouse))


CHOSEN: Iterable[tuple[str, Damage, int, str]] = DAMAGES if COUNT > 1 else random.Random(SEED).sample(DAMAGES, SHORT)


def check(warehouse: Warehouse, undisturbed: Disturbed) -> None:
    """The home holds what the undisturbed one holds."""
    assert raw_state(warehouse, (*REPORTS, "accounts")) == undisturbed.raw
    assert marts_of(warehouse) == undisturbed.marts


@pytest.mark.parametrize(("kind", "do", "code", "says"), CHOSEN, ids=lambda v: v if isinstance(v, str) and ";" not in v else "")
def test_a_damaged_home_is_named_and_after_its_repair_ends_as_an_undamaged_one(
    kind: str, do: Damage, code: int, says: str, undisturbed: Disturbed, template: Path, tmp_path: Path
) -> None:
    warehouse = copy_of(template, tmp_path / "x")
    repair = do(warehouse)
    try:
        first = run(warehouse, 1, builds=COUNT > 1)
    finally:
        repair()
    problems = []
    if first.code not in ({EITHER: (1, 2), HARMLESS: (0, 1)}.get(code, (code,))):
        problems.append(f"{kind}: exit {first.code}")
    if not re.search(says, first.said) or "Traceback" in first.said:
        problems.append(f"{kind}: it does not say {says}")
    assert problems == [], first.said[-3000:]
    second = run(warehouse, 2, builds=COUNT > 1)
    assert (second.code, second.said) == (0, second.said)
    check(warehouse, undisturbed)


@pytest.mark.parametrize("step", FULL if COUNT > 1 else random.Random(SEED).sample([*FULL], 2))
def test_a_full_disk_is_named_and_with_space_the_next_pass_ends_as_an_undisturbed_one(
    step: str, undisturbed: Disturbed, template: Path, tmp_path: Path
) -> None:
    warehouse = copy_of(template, tmp_path / "x")
    first = run(warehouse, 1, full_at=FULL[step], builds=COUNT > 1)
    assert (first.code, re.search(r"(?m)^FAILED .*(disk is full|File too large|space).*; .{10,}", first.said) is not None) == (1, True), first.said
    second = run(warehouse, 2, builds=COUNT > 1)
    assert (second.code, second.said) == (0, second.said)
    check(warehouse, undisturbed)


def test_a_clock_set_back_says_so_and_set_right_loads(undisturbed: Disturbed, template: Path, tmp_path: Path) -> None:
    warehouse = copy_of(template, tmp_path / "x")
    first = run(warehouse, 1, at=AT - timedelta(days=30), builds=COUNT > 1)
    assert first.code == 2, first.said
    assert re.search(r"QUARANTINED acme-na: new.txt, the file was last modified in the future .*; set its time", first.said)
    second = run(with_new_file(warehouse), 2, builds=COUNT > 1)
    assert second.code == 0, second.said
    check(warehouse, undisturbed)


def test_of_two_passes_at_once_one_says_that_the_other_runs(undisturbed: Disturbed, template: Path, tmp_path: Path) -> None:
    warehouse = copy_of(template, tmp_path / "x")
    home = warehouse.home.root
    one, other = begun(home, 1, builds=COUNT > 1), begun(home, 2, builds=COUNT > 1)
    both = ended(one, home, 1), ended(other, home, 2)
    assert {e.code for e in both} <= {0, 1}
    assert sorted(e.code or 0 for e in both)[0] == 0
    assert all("another run" in e.said and "wait until it ends" in e.said for e in both if e.code)
    check(warehouse, undisturbed)
