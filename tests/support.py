"""Shared by tests: accounts, documents made of text, and one pass of the pipeline without a scheduler."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psutil
import pytest
from filelock import FileLock

from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Document
from seller_warehouse.core.home import Home
from seller_warehouse.marts.build import build_marts, code_version
from seller_warehouse.marts.publish import Publication, publish
from seller_warehouse.steps import Run, ingest_documents

NA = Account(id="acme-na", name="Acme North America", region="na", marketplaces=("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"), source="files")
EU = Account(id="acme-eu", name="Acme Europe", region="eu", marketplaces=("A1PA6795UKMFR9", "A1F83G8C2ARO7P"), source="files")
ACCOUNTS = {a.id: a for a in (NA, EU)}

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)
"""Default time of tests."""

FIXTURES = Path(__file__).parent / "fixtures"
SAMPLES = Path(__file__).parents[2] / "shared" / "samples"

REIMBURSEMENTS = (
    "approval-date reimbursement-id case-id amazon-order-id reason sku fnsku asin product-name condition currency-unit amount-per-unit amount-total "
    "quantity-reimbursed-cash quantity-reimbursed-inventory quantity-reimbursed-total original-reimbursement-id original-reimbursement-type"
).split()


def reimbursements(*rows: dict[str, Any]) -> str:
    """A reimbursements report; missing values of a row are those of a plain lost unit of 10.00 USD."""
    plain = {
        "approval-date": "2026-11-02T08:00:00+00:00", "reimbursement-id": "1001", "reason": "Lost_Warehouse", "sku": "LAMP-01", "fnsku": "X001LAMP01",
        "asin": "B0LAMP0001", "product-name": "Desk Lamp", "condition": "NewItem", "currency-unit": "USD", "amount-per-unit": "10.00",
        "amount-total": "10.00", "quantity-reimbursed-cash": "1", "quantity-reimbursed-inventory": "0", "quantity-reimbursed-total": "1",
    }  # fmt: skip
    lines = ["\t".join(str({**plain, **row}.get(h, "")) for h in REIMBURSEMENTS) for row in rows]
    return "\n".join(["\t".join(REIMBURSEMENTS), *lines]) + "\n"


def stock(*skus: str) -> str:
    """The stock of today, as the fixture has it, of other SKUs."""
    header, row, *_ = (FIXTURES / "fba_inventory" / "valid.txt").read_text(encoding="utf-8").splitlines()
    place = header.split("\t").index("sku")
    rows = ("\t".join(sku if n == place else v.replace(",", ".") for n, v in enumerate(row.split("\t"))) for sku in skus)
    return "\n".join([header, *rows]) + "\n"


def document_of(content: bytes | str, folder: Path, *, report: str, account: Account = NA, retrieved_at: datetime = AT, **manifest: Any) -> Document:
    """A document with its bytes in ``folder``, as landing provides it."""
    data = content.encode() if isinstance(content, str) else content
    sha256 = hashlib.sha256(data).hexdigest()
    document_id = f"{retrieved_at:%Y%m%dT%H%M%S%f}-{sha256[:16]}"
    path = folder / document_id
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    given = {"source": "file", "file_name": "report.txt", **manifest}
    return Document(
        document_id=document_id, account_id=account.id, report=report, sha256=sha256, byte_count=len(data),
        retrieved_at=retrieved_at, path=path, **given,
    )  # fmt: skip


@dataclass
class Warehouse:
    """A separate home, driven step by step as by the DAGs."""

    home: Home
    accounts: dict[str, Account] = field(default_factory=lambda: dict(ACCOUNTS))

    def drop(self, name: str, content: bytes | str, *, account: str = NA.id, at: datetime = AT) -> Path:
        """Put a file into an inbox, last modified ``at``."""
        path = self.home.inbox / account / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def load(self, run_id: str = "test", at: datetime = AT) -> list[str]:
        """Land, gate and load; returns the refusals as the tasks would show them."""
        outcome = ingest_documents(Run(self.home, self.accounts, run_id, at), settle_seconds=0)
        for error in outcome.failed.values():
            raise error
        return outcome.refused

    def publish(self, run_id: str = "test", at: datetime = AT, *, build: bool = True) -> Publication:
        """Build every mart and publish it; or publish the last build again."""
        if build:
            build_marts(self.home, as_of=at.date())
        return publish(self.home, at=at, as_of=at.date(), code_version=code_version(), run_id=run_id)

    def query(self, sql: str) -> list[tuple]:
        """Rows of the build database."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def published(self, sql: str) -> list[tuple]:
        """Rows of the published file, attached as ``sw``: ``select * from sw.marts.fct_orders``."""
        path = self.home.marts.resolve()
        return _attached(path, path.stat().st_mtime_ns).cursor().execute(sql).fetchall()

    def verdicts(self) -> dict[str, str]:
        """The latest verdict of every file by name."""
        return dict(self.query("select file_name, arg_max(verdict, loaded_at) from meta.loads group by file_name"))


@lru_cache(maxsize=2)
def _attached(path: Path, changed_ns: int) -> duckdb.DuckDBPyConnection:
    """A connection to a published file, which does not change: opening one takes longer than most queries."""
    connection = duckdb.connect()
    connection.execute(f"attach '{path}' as sw (read_only)")
    return connection


@dataclass
class BuiltWarehouse(Warehouse):
    """A home whose build database is written no more: every query uses one connection to it."""

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.home.warehouse), read_only=True)

    def query(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()


class Given(NamedTuple):
    """A file of an account, and when it was retrieved."""

    account: Account
    name: str
    content: bytes | str
    at: datetime = AT


def given_to_american_accounts(files: Mapping[str, Iterable[str]], settings: Mapping[str, dict[str, Any]]) -> Iterator[Given]:
    """The contents of each account's files; an account is American where its settings do not say otherwise."""
    american = {"marketplaces": NA.marketplaces, "region": NA.region}
    for name, contents in files.items():
        account = Account(id=name, name=name, source="files", **american | settings.get(name, {}))
        yield from (Given(account, f"{number}.txt", content) for number, content in enumerate(contents))


def with_files(home: Home, files: Iterable[Given]) -> Warehouse:
    """A home with these files in the inboxes of their accounts."""
    warehouse = Warehouse(home, accounts={})
    for account, name, content, at in files:
        warehouse.accounts[account.id] = account
        warehouse.drop(name, content, account=account.id, at=at)
    return warehouse


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """A folder that takes long to build: one process of a test run builds it, every process gets its own copy."""
    base = factory.getbasetemp()
    # Below xdist's processes each has a folder of its own in that of the run.
    original = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "built" / name
    original.parent.mkdir(exist_ok=True)
    whole = original.with_name(f"{name}.whole")
    with FileLock(f"{original}.lock"):
        if not whole.exists():
            shutil.rmtree(original, ignore_errors=True)
            build(original)
            whole.touch()
    return Path(shutil.copytree(original, factory.mktemp(name) / name, symlinks=True))


def processes_of(groups: Container[int]) -> list[psutil.Process]:
    """The living processes of some process groups; processes of other tests may end meanwhile."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) in groups and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def files_in(folder: Path) -> dict[Path, bytes]:
    """The contents of a folder's files, without files that vanish meanwhile, such as SQLite's journal."""
    found = {}
    # rglob fails if a folder vanishes.
    for path in (Path(parent, name) for parent, _, names in os.walk(folder) for name in names):
        with suppress(FileNotFoundError):
            if path.is_file():
                found[path] = path.read_bytes()
    return found


def rights(folder: Path) -> set[int]:
    """The rights that a folder and whatever lies in it have; those of links say nothing."""
    return {stat.S_IMODE(p.lstat().st_mode) for p in (folder, *folder.rglob("*")) if not p.is_symlink()}


def marts_of(warehouse: Warehouse) -> dict[str, list[tuple]]:
    """Every row of every published mart, in a fixed order."""
    names = warehouse.published("select table_name from duckdb_tables() where (database_name, schema_name) = ('sw', 'marts') order by all")
    return {n: warehouse.published(f"select * from sw.marts.{n} order by all") for (n,) in names}


def raw_state(warehouse: Warehouse, reports: Iterable[str]) -> dict[str, list[tuple]]:
    """Everything raw holds of some reports, history included, in a fixed order."""
    return {r: warehouse.query(f"select * from raw.{r} order by all") for r in reports}
