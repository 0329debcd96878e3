"""Homes damaged before a pass: it heals them, or ends with a code and a sentence that name what is wrong and the remedy; it loses nothing, and after
the remedy the next pass ends as one over an undamaged home.

Seeded and counted like the other storms. The short form makes some kinds of damage and publishes what is built already; the long form makes all,
and builds.
"""

from __future__ import annotations

import io
import os
import random
import re
import resource
import shutil
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import duckdb
import pytest
import yaml

from seller_warehouse.core.home import Home
from tests.e2e.killed_pass import FRESH
from tests.home_damages import KINDS, WAITS, Kind
from tests.soak.test_storms import COUNT, SEED
from tests.support import ACCOUNTS, AT, FIXTURES, Warehouse, marts_of, raw_state, reimbursements

SHORT = 6
"""Kinds of the short form."""
BUILDS = COUNT > 1
REPORTS = ("reimbursements", "inventory_ledger", "customer_returns")
FULL = {
    "landing": "steps.land_files", "gating": "steps.gate_documents", "loading": "steps.load_documents", "building": "steps.build_marts",
    "publishing": "steps.publish",
}  # fmt: skip
"""Where the disk is full: from the start to the end of a function no file can grow."""


@dataclass(frozen=True)
class Ended:
    """How a pass ended, and what it said."""

    code: int
    said: str


def run(warehouse: Warehouse, number: int, **how: Any) -> Ended:
    """``make run`` in a process of its own."""
    home = warehouse.home.root
    return ended(begun(home, number, **how), home, number)


def begun(home: Path, number: int, *, at: datetime = AT, full_at: str = "", builds: bool = BUILDS) -> ForkServerProcess:
    """The same, not waited for."""
    process = FRESH.Process(target=_run, args=(home, number, at, full_at, builds))
    process.start()
    return process


def ended(process: ForkServerProcess, home: Path, number: int) -> Ended:
    """The end of a pass."""
    process.join(600)
    assert process.exitcode is not None
    return Ended(process.exitcode, _said_in(home, number).read_text())


def _said_in(home: Path, number: int) -> Path:
    return home.parent / f"said-{number}.txt"


def _run(home: Path, number: int, at: datetime, full_at: str, builds: bool) -> None:
    from seller_warehouse import steps
    from seller_warehouse.cli import run as command

    os.environ |= {
        "SELLER_WAREHOUSE_HOME": str(home), "SELLER_WAREHOUSE_ACCOUNTS": str(home.parent / "accounts.yaml"),
        "SELLER_WAREHOUSE_AS_OF": str(AT.date()), "SELLER_WAREHOUSE_SETTLE_SECONDS": "0",
    }  # fmt: skip
    command.clock_from_environment = lambda: _Stopped(at + timedelta(minutes=number))  # type: ignore[assignment,return-value]
    build = steps.build_marts
    if not builds:
        steps.build_marts = lambda home, **how: None if _has_marts(home) else build(home, **how)  # type: ignore[assignment]
    if full_at:
        _fill_disk_at(f"seller_warehouse.{full_at}")
    # Kept in memory: where the disk is full it can be written nowhere.
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            code = command.main([])
        except Exception:
            traceback.print_exc()
            code = 99
    _said_in(home, number).write_text(said.getvalue())
    sys.exit(code)


@dataclass
class _Stopped:
    at: datetime

    def now(self) -> datetime:
        return self.at


def _has_marts(home: Home) -> bool:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return connection.execute("select 1 from duckdb_tables() where schema_name = 'marts'").fetchone() is not None


def _fill_disk_at(target: str) -> None:
    place, name = target.rsplit(".", 1)
    module = resolve_name(place)
    original = getattr(module, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        # Not for root nor for anybody else can a file grow beyond this, and the error is that of a disk that is full of others' files.
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
        try:
            return original(*arguments, **named)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    setattr(module, name, wrapped)


# Homes


def with_new_file(warehouse: Warehouse) -> Warehouse:
    """One more file in the inbox."""
    warehouse.drop(WAITS, reimbursements({"reimbursement-id": "N1"}, {"reimbursement-id": "N2", "amount-total": "7.50"}), at=AT - timedelta(days=1))
    return warehouse


def copy_of(template: Path, folder: Path) -> Warehouse:
    """A home of its own like the template, with one more file in the inbox."""
    shutil.copytree(template, folder, symlinks=True)
    return with_new_file(Warehouse(Home(folder / "home")))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some documents loaded, built and published."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "accounts.yaml").write_text(yaml.safe_dump([a.model_dump(mode="json") for a in ACCOUNTS.values()]))
    warehouse = Warehouse(Home(folder / "home"))
    lines = [{"approval-date": f"2026-10-{d:02}T08:00:00+00:00", "reimbursement-id": str(d)} for d in range(1, 25)]
    warehouse.drop("first.txt", reimbursements(*lines), at=AT - timedelta(days=9))
    for report in REPORTS[1:]:
        warehouse.drop(f"{report}.txt", (FIXTURES / report / "valid.txt").read_bytes(), at=AT - timedelta(days=5))
    first = run(warehouse, 0, builds=True)
    assert first.code == 0, first.said
    return folder


State = tuple[dict[str, list[tuple]], object]


def state_of(warehouse: Warehouse) -> State:
    """All that is held and published; where marts are not built anew, their names."""
    marts = marts_of(warehouse)
    return raw_state(warehouse, (*REPORTS, "accounts")), marts if BUILDS else marts.keys()


@pytest.fixture(scope="module")
def undisturbed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> State:
    """What is held and published where nothing was damaged."""
    warehouse = copy_of(template, tmp_path_factory.mktemp("undisturbed") / "x")
    calm = run(warehouse, 1)
    assert calm.code == 0, calm.said
    return state_of(warehouse)


def names(what: str, said: str) -> bool:
    """Whether a line names it, with a remedy behind a semicolon."""
    return "Traceback" not in said and re.search(rf"(?m)^.*{what}.*; .{{10,}}$", said) is not None


@pytest.mark.parametrize("kind", KINDS if COUNT > 1 else random.Random(SEED).sample(KINDS, SHORT), ids=lambda k: k.name)
def test_a_damaged_home_is_healed_or_named_and_then_ends_as_an_undamaged_one(kind: Kind, undisturbed: State, template: Path, tmp_path: Path) -> None:
    warehouse = copy_of(template, tmp_path / "x")
    repair = kind.do(warehouse)
    try:
        first = run(warehouse, 1)
        # Whoever has another's database open sees nothing of it.
        healed = state_of(warehouse) == undisturbed if first.code == 0 else None
    finally:
        repair()
    assert healed or (healed is None and first.code in (1, 2) and names(kind.what, first.said)), first
    second = run(warehouse, 2)
    assert second.code == 0, (first, second)
    assert state_of(warehouse) == undisturbed


@pytest.mark.parametrize("step", FULL if COUNT > 1 else ["loading"])
def test_a_full_disk_is_named_and_with_space_the_next_pass_ends_as_an_undisturbed_one(
    step: str, undisturbed: State, template: Path, tmp_path: Path
) -> None:
    warehouse = copy_of(template, tmp_path / "x")
    first = run(warehouse, 1, full_at=FULL[step])
    assert first.code == 1, first.said
    assert names("the disk is full", first.said), first.said
    second = run(warehouse, 2)
    assert second.code == 0, second.said
    assert state_of(warehouse) == undisturbed


def test_a_clock_set_back_is_named_and_set_right_everything_loads(undisturbed: State, template: Path, tmp_path: Path) -> None:
    warehouse = copy_of(template, tmp_path / "x")
    first = run(warehouse, 1, at=AT - timedelta(days=30))
    assert first.code == 2, first.said
    assert names(rf"QUARANTINED acme-na: {WAITS}, the file was last modified in the future", first.said)
    second = run(with_new_file(warehouse), 2)
    assert second.code == 0, second.said
    assert state_of(warehouse) == undisturbed


def test_of_two_passes_at_once_one_says_that_the_other_runs(undisturbed: State, template: Path, tmp_path: Path) -> None:
    warehouse = copy_of(template, tmp_path / "x")
    home = warehouse.home.root
    processes = begun(home, 1), begun(home, 2)
    both = [ended(process, home, number) for number, process in enumerate(processes, 1)]
    assert sorted(e.code for e in both) in ([0, 0], [0, 1])
    assert all("another run" in e.said and "wait until it ends" in e.said for e in both if e.code)
    assert state_of(warehouse) == undisturbed
