"""The measured steps; each runs in its own process: ``python -m benchmarks.steps <step> <folder> [<argument> ...]``.

``folder`` holds ``files/`` (see ``generate``), ``plain.duckdb`` (see ``plain``) and ``home/`` (the warehouse). A step
imports only what it runs, as a task does. One that did not do what it should fails: loading nothing is fast.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from benchmarks.plain import QUOTING
from seller_warehouse.core.home import REPOSITORY, Home

if TYPE_CHECKING:
    from seller_warehouse.core.accounts import Account
    from seller_warehouse.steps import Run

REPORTS = tuple(QUOTING)
MANY_REPORTS = sorted(path.stem for path in (REPOSITORY / "plugins" / "seller_warehouse" / "reports").glob("[a-z]*.py"))[:18]
"""All but the seller's own costs."""
AT = datetime(2026, 11, 20, 6, tzinfo=UTC)


class NotMeasured(Exception):
    """A step did not do the work that it should measure."""


def write(folder: Path, ledger_rows: str, reimbursement_rows: str, months: str, seed: str) -> None:
    """Not measured: write the files."""
    from benchmarks.generate import write_files

    write_files(folder / "files", ledger_rows=int(ledger_rows), reimbursement_rows=int(reimbursement_rows), months=int(months), seed=int(seed))


def simulate(folder: Path, profile: str, seed: str, months: str) -> None:
    """Not measured: load the reports of simulated sellers."""
    from tests.world import load_simulated

    load_simulated(int(seed), folder, profile, months=int(months))


def land(folder: Path, run_id: str, reports: tuple[str, ...]) -> None:
    """Drop every file of ``files/<report>`` into the inbox and land it."""
    from seller_warehouse.steps import land_files

    run = _run(folder, run_id)
    inbox = run.home.inbox / _account().id
    inbox.mkdir(parents=True, exist_ok=True)
    dropped = _files(folder, reports)
    for path in dropped:
        # A hard link: dropping a file costs the user's copy, not the pipeline's time.
        os.link(path, inbox / path.name)
    _expect({"landed": land_files(run, settle_seconds=0)["landed"]}, {"landed": len(dropped)})


def parse(folder: Path) -> None:
    """Parse every landed document, and throw the result away."""
    from seller_warehouse.ingest.landing import landed_documents
    from seller_warehouse.ingest.parse import prepare

    for document in landed_documents(_home(folder)):
        prepare(document, _account(), folder / "parsed")
    shutil.rmtree(folder / "parsed")


def gate(folder: Path, run_id: str) -> None:
    """Parse and validate what was landed."""
    from seller_warehouse.steps import gate_documents

    gate_documents(_run(folder, run_id))


def load(folder: Path, run_id: str, reports: tuple[str, ...], verdict: str) -> None:
    """Load what passed."""
    from seller_warehouse.steps import load_documents

    _expect(load_documents(_run(folder, run_id)), {verdict: len(_files(folder, reports))})


def count(folder: Path) -> None:
    """Not measured: check that every row that plain DuckDB read is loaded once."""
    for report in REPORTS:
        held, read = _count(_home(folder).warehouse, f"raw.{report}"), _count(folder / "plain.duckdb", report)
        _expect({report: held}, {report: read})


def build(folder: Path) -> None:
    """Build and test every model."""
    from seller_warehouse.marts.build import build_marts

    build_marts(_home(folder), as_of=AT.date())


def fill(folder: Path, count: str) -> None:
    """Not measured: create a landing of ``count`` known documents of 100 accounts."""
    from seller_warehouse.ingest.warehouse import open_warehouse

    home = _home(folder)
    for number in range(int(count)):
        place = home.landing / f"account-{number % 100}" / f"report-{number % 1800 // 100}" / f"window-{number % 10}" / f"{number}"
        place.mkdir(parents=True)
        (place / "manifest.json").touch()
    with open_warehouse(home.warehouse) as connection:
        connection.execute(
            "insert into meta.loads by name select 'account-' || range % 100 as account_id, 'report-' || range % 1800 // 100 as report, "
            f"range::varchar as document_id, 'LOADED' as verdict from range({int(count)})"
        )


def scan(folder: Path) -> None:
    """Find nothing new in that landing. Opening a manifest would fail: those of known documents are empty."""
    from seller_warehouse.steps import gate_documents

    _expect(gate_documents(_run(folder, "scan")), {})


def publish(folder: Path) -> None:
    """Publish what was built."""
    from seller_warehouse.marts.build import code_version
    from seller_warehouse.marts.publish import publish

    publish(_home(folder), at=AT, as_of=AT.date(), code_version=code_version(), run_id="first")


def drop(folder: Path, accounts: str, documents: str) -> None:
    """Not measured: put a small document of each of 18 reports into the inbox of each of ``accounts``, ``documents`` in all."""
    files = [_small_file(report) for report in MANY_REPORTS]
    for number in range(int(documents)):
        account, report = divmod(number, len(files))
        inbox = _home(folder).inbox / list(_accounts(int(accounts)))[account]
        inbox.mkdir(parents=True, exist_ok=True)
        path = Path(shutil.copy(files[report], inbox / f"{MANY_REPORTS[report]}{files[report].suffix}"))
        os.utime(path, (AT.timestamp(), AT.timestamp()))


def land_many(folder: Path, accounts: str, documents: str) -> None:
    """Not measured: land what was dropped."""
    from seller_warehouse.steps import land_files

    _expect({"landed": land_files(_run_of_many(folder, accounts), settle_seconds=0)["landed"]}, {"landed": int(documents)})


def gate_many(folder: Path, accounts: str, documents: str) -> None:
    """Parse and validate the small documents of many accounts."""
    from seller_warehouse.steps import gate_documents

    _expect(gate_documents(_run_of_many(folder, accounts)), {"PENDING": int(documents)})


def pass_many(folder: Path, accounts: str, documents: str) -> None:
    """One whole pass over the inboxes of many accounts, up to the publication."""
    from seller_warehouse.steps import run_pass

    outcome = run_pass(_run_of_many(folder, accounts), as_of=AT.date(), settle_seconds=0)
    _expect({"refused": len(outcome.refused), "failed": len(outcome.failed)}, {"refused": 0, "failed": 0})
    _expect({"loads": _count(_home(folder).marts, "meta.loads")}, {"loads": int(documents)})


STEPS: dict[str, Callable[..., None]] = {
    "write": write,
    "simulate": simulate,
    "land": partial(land, run_id="first", reports=REPORTS),
    "parse alone": parse,
    "gate": partial(gate, run_id="first"),
    "load": partial(load, run_id="first", reports=REPORTS, verdict="LOADED"),
    "count": count,
    "fill": fill,
    "scan": scan,
    "build": build,
    "publish": publish,
    "drop": drop,
    "many: land": land_many,
    "many: gate": gate_many,
    "many: pass": pass_many,
    "again: land": partial(land, run_id="again", reports=REPORTS),
    "again: gate": partial(gate, run_id="again"),
    "again: load": partial(load, run_id="again", reports=REPORTS, verdict="UNCHANGED"),
    "restated: land": partial(land, run_id="restated", reports=("restated",)),
    "restated: gate": partial(gate, run_id="restated"),
    "restated: load": partial(load, run_id="restated", reports=("restated",), verdict="LOADED"),
}
"""Every step by its name in the table."""


def _account() -> Account:
    from seller_warehouse.core.accounts import Account

    return Account(id="bench", name="Benchmark", region="na", marketplaces=("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"), source="files")


def _accounts(count: int) -> dict[str, Account]:
    from seller_warehouse.core.accounts import Account

    marketplaces = ("A1PA6795UKMFR9", "A1F83G8C2ARO7P", "A13V1IB3VIYZZH", "A2NODRKZP88ZB9")
    made = (Account(id=f"bench-{n:04}", name=f"Benchmark {n}", region="eu", marketplaces=marketplaces, source="files") for n in range(count))
    return {account.id: account for account in made}


def _small_file(report: str) -> Path:
    """The fixture of a report in the date and number format of a European account."""
    name = {"claims": "variant_semicolon.*", "order_defects": "variant_short_names.*"}.get(report, "valid.*")
    [path] = (REPOSITORY / "tests" / "fixtures" / report).glob(name)
    return path


def _run_of_many(folder: Path, accounts: str) -> Run:
    from seller_warehouse.steps import Run

    return Run(_home(folder), _accounts(int(accounts)), "many", AT)


def _home(folder: Path) -> Home:
    return Home(folder / "home")


def _run(folder: Path, run_id: str) -> Run:
    from seller_warehouse.steps import Run

    return Run(_home(folder), {_account().id: _account()}, run_id, AT)


def _files(folder: Path, reports: tuple[str, ...]) -> list[Path]:
    return [path for report in reports for path in sorted((folder / "files" / report).glob("*.txt"))]


def _count(database: Path, table: str) -> int:
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(f"select count(*) from {table}").fetchone()
    assert found
    return found[0]


def _expect(found: dict[str, int], wanted: dict[str, int]) -> None:
    if found != wanted:
        raise NotMeasured(f"{wanted} was expected, {found} was found")


if __name__ == "__main__":
    STEPS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
