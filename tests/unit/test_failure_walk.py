"""Every step of a pass meets every kind of failure: the exit code says so, one line names step, reason and remedy, nothing is lost, and the next
run, after the remedy, ends as an undisturbed one.

The steps are real but for two tools that take seconds: Great Expectations lets everything pass, and dbt makes one mart.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import fsspec
import httpx
import pytest

from seller_warehouse import steps
from seller_warehouse.amazon.client import Report
from seller_warehouse.amazon.quotas import Quotas
from seller_warehouse.cli import run as command
from seller_warehouse.cli.console import run_in_home
from seller_warehouse.core.accounts import Account, ConfigurationError
from seller_warehouse.core.home import Home
from seller_warehouse.ingest import gate, warehouse
from seller_warehouse.ingest.landing import inbox_files
from seller_warehouse.ingest.object_storage import storage_of
from seller_warehouse.marts import build, publish
from seller_warehouse.reports import SPECS
from tests.support import AT, Warehouse, reimbursements

ACCOUNTS = """
accounts:
- {id: acme-na, name: Acme, region: na, marketplaces: [ATVPDKIKX0DER], source: files}
- {id: acme-api, name: Acme at Amazon, region: na, marketplaces: [ATVPDKIKX0DER], source: sp_api}
"""
DAY = timedelta(days=1)
STEPS = ("land_files", "plan_requests", "land_account", "gate_documents", "load_documents", "dbt_build", "publish_marts", "send_alerts")

MARTS = """
create schema if not exists marts;
create schema if not exists staging;
create or replace table staging.stg_pipeline__knowledge as select null::timestamp as as_known_at;
create or replace view staging.stg_pipeline__loads as from meta.loads;
create or replace view staging.stg_pipeline__coverage as from meta.coverage;
create or replace view staging.stg_pipeline__gate_results as from meta.gate_results;
create or replace table marts.fct_reimbursements as select account_id, reimbursement_id from raw.reimbursements where _valid_to is null;
"""


class FakeDbt:
    """The process of dbt: it makes one mart, and says what is wrong as dbt does."""

    is_missing = False

    def __init__(self, command: list[str], *, cwd: Path, env: dict[str, str], **_: Any) -> None:
        if self.is_missing:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", command[0])
        self.stdout, self._code = ["12:00:00  Done."], 0
        try:
            with duckdb.connect(str(cwd / env["SELLER_WAREHOUSE_DATABASE"])) as connection:
                connection.execute(MARTS)
        except duckdb.Error as error:
            self.stdout = ["12:00:00  Runtime Error in model fct_reimbursements (models/marts/fct_reimbursements.sql)", f"12:00:00    {error}"]
            self._code = 1

    def wait(self) -> int:
        return self._code

    def kill(self) -> None: ...


def payout(number: str) -> str:
    """A report of one payout, on a day of its own."""
    return reimbursements({"reimbursement-id": number, "approval-date": f"2026-11-{number[2:]}T08:00:00+00:00"})


class FakeClock:
    """A clock that jumps over every wait."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def real_seconds(self, seconds: float) -> float:
        return 0

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=max(0.0, seconds))

    def enter(self, *names: str) -> None: ...

    def leave(self, *names: str) -> None: ...


class FakeAmazon:
    """Amazon's answer to every request: the payouts 0003 and, from the second day on, 0004."""

    down_until, has_answered = None, True

    def __init__(self, home: Home, account: Account, clock: FakeClock) -> None:
        self.quotas, self._clock = Quotas(home, account.id, clock), clock

    def sign_in(self) -> None: ...

    def listed(self, *_: Any) -> list[Report]:
        return []

    def create(self, *_: Any) -> str:
        return f"{self._clock.now():%H%M%S%f}"

    def status(self, report_id: str) -> Report:
        return Report.of({"reportId": report_id, "processingStatus": "DONE", "reportDocumentId": "d", "marketplaceIds": ["ATVPDKIKX0DER"],
                          "createdTime": self._clock.now().isoformat(), "processingEndTime": self._clock.now().isoformat()})  # fmt: skip

    def download(self, _: str, target: Path) -> tuple[None, str, int]:
        ids = ("0003", "0004") if self._clock.now() > AT + DAY / 2 else ("0003",)
        content = reimbursements(*({"reimbursement-id": i} for i in ids)).encode()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(content))
        return None, hashlib.sha256(target.read_bytes()).hexdigest(), len(content)


@dataclass
class Walk:
    """A home, its command, and what happens to the home just before a step."""

    warehouse: Warehouse
    accounts: Path
    monkeypatch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    hold: Callable[[str], None]
    before: dict[str, Callable[[], Any]] = field(default_factory=dict)
    full_at: str = ""
    amazon_fails: Exception | None = None
    said: str = ""

    @property
    def home(self) -> Home:
        return self.warehouse.home

    def run(self, at: datetime = AT + DAY) -> int:
        """``make run`` at an instant; returns the exit code."""
        self.monkeypatch.setattr(command, "clock_from_environment", lambda: FakeClock(at))
        code = run_in_home(self.home, self.accounts, partial(command.run_once, self.home))
        self.said = "".join(self.capture.readouterr())
        return code

    def document(self, name: str, account: str = "acme-na") -> Path:
        """A file of the newest landed document of an account."""
        return max((self.home.landing / account).glob(f"*/*/*/{name}"))

    def judgement(self) -> Path:
        return next(self.home.work.glob("*/acme-na/*/*/judgement.json"))

    def payouts(self) -> list[tuple]:
        return self.warehouse.published("select * from sw.marts.fct_reimbursements order by all")


@pytest.fixture(scope="module")
def holder() -> Iterator[Callable[[str], None]]:
    """Another program that opens a database for itself until it is called again, with nothing."""
    script = (
        "import sys, duckdb\nheld = None\n"
        "for line in sys.stdin:\n"
        "    if held: held.close()\n"
        "    held = duckdb.connect(line.strip()) if line.strip() else None\n"
        "    print('ok', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def hold(path: str) -> None:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ok\n"

        yield hold
        process.kill()


@contextmanager
def full_disk() -> Iterator[None]:
    """No byte can be written, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def walk(tmp_path: Path, first_day: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], holder: Callable[[str], None]) -> Walk:
    """The home after its first day, with a second file in the inbox."""
    home = Home(shutil.copytree(first_day / "home", tmp_path / "home", symlinks=True))
    made = prepared(home, tmp_path, monkeypatch, capsys, holder)
    made.warehouse.drop("second.txt", payout("0002"), at=AT + DAY / 2)
    return made


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which one file and one answer of Amazon were loaded and published."""
    folder = tmp_path_factory.mktemp("first-day")
    with pytest.MonkeyPatch.context() as monkeypatch:
        capture = SimpleNamespace(readouterr=lambda: ("", ""))
        made = prepared(Home(folder / "home"), folder, monkeypatch, capture, lambda _: None)  # type: ignore[arg-type]
        made.warehouse.drop("first.txt", payout("0001"), at=AT - DAY)
        assert made.run(AT) == 0
    return folder


def prepared(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], hold: Callable[[str], None]) -> Walk:
    (folder / "accounts.yaml").write_text(ACCOUNTS)
    made = Walk(Warehouse(home), folder / "accounts.yaml", monkeypatch, capture, hold)
    monkeypatch.setenv("SELLER_WAREHOUSE_SETTLE_SECONDS", "0")
    monkeypatch.setenv("SELLER_WAREHOUSE_ALERT_URLS", "json://127.0.0.1:1/")
    monkeypatch.setattr("seller_warehouse.alerts.channels.Channel.send", lambda *_: "")
    monkeypatch.setattr(gate, "_run_suites", lambda batch, _: [[] for _ in batch])
    monkeypatch.setattr(gate._Tools, "validator", None)
    monkeypatch.setattr(build, "subprocess", SimpleNamespace(Popen=FakeDbt, PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT))
    monkeypatch.setattr(publish, "export", lambda database, to: shutil.copyfile(database, to / "copy.duckdb"))
    for module in (steps, warehouse):  # Tables of other reports would double what it costs to open the database.
        monkeypatch.setattr(module, "SPECS", {"reimbursements": SPECS["reimbursements"]})
    monkeypatch.setattr(command.Passes, "_land", partial(land, made))
    for module, name, step in (
        (steps, "land_files", ""), (command, "plan_requests", ""), (steps, "land_account", ""), (steps, "gate_documents", ""),
        (steps, "load_documents", ""), (steps, "build_marts", "dbt_build"), (steps, "publish", "publish_marts"), (command, "send_new", "send_alerts"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, partial(disturbed, made, step or name, getattr(module, name)))
    return made


def disturbed(made: Walk, step: str, do: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """A step, and what is to happen before it."""
    made.before.pop(step, lambda: None)()
    if made.full_at == step:
        with full_disk():
            return do(*arguments, **named)
    return do(*arguments, **named)


def land(made: Walk, run: steps.Run, plan: dict[str, Any], outcome: Any) -> dict[str, int]:
    clock = FakeClock(run.at)

    @contextmanager
    def open_amazon(account: Account) -> Iterator[FakeAmazon]:
        if made.amazon_fails:
            raise made.amazon_fails
        yield FakeAmazon(run.home, account, clock)

    return steps.land_due(run, command.plan_requests(run, **plan), open_amazon, clock, outcome)  # type: ignore[arg-type]


UNDISTURBED = [("acme-api", "0003"), ("acme-api", "0004"), ("acme-na", "0001"), ("acme-na", "0002")]


def healed(walk: Walk) -> None:
    """The next run ends as an undisturbed one."""
    code = walk.run(AT + DAY + timedelta(hours=1))
    assert code == 0, walk.said
    assert walk.payouts() == UNDISTURBED
    assert not list(inbox_files(walk.home))


def test_an_undisturbed_pass(walk: Walk) -> None:
    assert walk.run() == 0, walk.said
    assert walk.payouts() == UNDISTURBED


@pytest.mark.parametrize("step", STEPS)
def test_a_locked_build_database_is_named_with_who_holds_it(walk: Walk, step: str) -> None:
    walk.before[step] = lambda: walk.hold(str(walk.home.warehouse))
    code = walk.run()
    walk.hold("")
    if step == "land_account":  # It does not open the database, but what follows does.
        step = "gate_documents"
    assert code == 1, walk.said
    name = {"plan_requests": "land_reports"}.get(step, step)
    assert re.search(
        rf"^FAILED {name}: .*warehouse\.duckdb is open in another program: process \d+ \(.*python.*\); close it there, then run again$",
        walk.said,
        re.M,
    ), walk.said
    healed(walk)


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_is_named_and_nothing_is_lost(walk: Walk, step: str) -> None:
    walk.full_at = step
    if step == "send_alerts":  # What is not told yet has to be remembered.
        walk.warehouse.drop("letter.txt", "Dear seller", at=AT + DAY / 2)
    code = walk.run()
    walk.full_at = ""
    assert code == 1, walk.said
    name = {"plan_requests": "land_reports", "land_account": "land_"}.get(step, step)
    assert re.search(rf"^FAILED {name}.*: .*the disk is full.*; free some space, then run again: nothing is lost$", walk.said, re.M), walk.said
    healed(walk)


def to_file(path: Path) -> Callable[[], None]:
    """Put a file where a folder belongs; returns how to undo it."""
    aside = path.with_name(f"{path.name}.aside")
    if path.exists():
        path.rename(aside)
    path.write_text("in the way")

    def undo() -> None:
        path.unlink()
        if aside.exists():
            aside.rename(path)

    return undo


def to_folder(path: Path) -> Callable[[], None]:
    """Put a folder where a file belongs; returns how to undo it."""
    aside = path.with_name(f"{path.name}.aside")
    if path.exists() or path.is_symlink():
        path.rename(aside)
    path.mkdir()

    def undo() -> None:
        if path.is_dir():
            path.rmdir()
        if aside.exists() or aside.is_symlink():
            aside.rename(path)

    return undo


UNREADABLE: dict[str, tuple[Callable[[Walk], Callable[[], None]], str]] = {
    "land_files": (
        lambda w: to_file(w.home.landing / "acme-na"),
        r"FAILED land_files inbox/acme-na/second.txt: .*landing/acme-na is a file, where a fol",
    ),
    "plan_requests": (lambda w: to_file(w.home.requests), r"FAILED land_reports: .*requests is a file, where a folder belongs; move it away"),
    "land_account": (
        lambda w: to_file(w.home.landing / ".downloads"),
        r"FAILED land_report acme-api reimbursements: .*is a file, where a folder belongs",
    ),
    "gate_documents": (lambda w: to_folder(w.document("manifest.json")), r"FAILED gate_documents .*acme-na/reimbursements/file/.*manifest\.json"),
    "load_documents": (lambda w: to_folder(w.judgement()), r"FAILED load_documents acme-na/reimbursements/.*judgement cannot be read .*run again"),
    "dbt_build": (lambda w: to_folder(w.home.exchange_rates), r"FAILED dbt_build: .*eurofxref-hist.zip is a folder, where a file belongs; move it"),
    "publish_marts": (lambda w: to_folder(w.home.exports), r"FAILED publish_marts: .*exports is a folder, where a link .* belongs; move it away"),
    "send_alerts": (lambda w: to_folder(w.home.warehouse), r"FAILED send_alerts: .*warehouse\.duckdb"),
}


@pytest.mark.parametrize("step", STEPS)
def test_what_cannot_be_read_or_written_is_named(walk: Walk, step: str) -> None:
    make, sentence = UNREADABLE[step]
    undo: list[Callable[[], None]] = []
    walk.before[step] = lambda: undo.append(make(walk))
    assert walk.run() == 1, walk.said
    assert re.search(f"^{sentence}", walk.said, re.M), walk.said
    undo[0]()
    healed(walk)


def no_connection(walk: Walk) -> None:
    walk.amazon_fails = ConfigurationError("there is no Airflow connection amazon_acme_api; account acme-api needs it")


MISSING: dict[str, tuple[Callable[[Walk], Any], str]] = {
    "land_account": (no_connection, r"NOT REACHED there is no Airflow connection amazon_acme_api"),
    "gate_documents": (lambda w: w.document("document.gz").rename(w.home.root / "kept"), r"(FAILED|QUARANTINED) .*acme-na.*(document\.gz|bytes)"),
    "load_documents": (
        lambda w: next(w.document("manifest.json").parent.glob("rows.*")).unlink(),
        r"FAILED load_documents .*second.txt: its rows have ch",
    ),
    "dbt_build": (lambda w: w.monkeypatch.setattr(FakeDbt, "is_missing", True), r"FAILED dbt_build: .*/dbt is missing"),
    "publish_marts": (
        lambda w: execute(w, "drop schema marts cascade"),
        r"FAILED publish_marts: the build database has no marts; run the build first",
    ),
}


def execute(walk: Walk, sql: str) -> None:
    with duckdb.connect(str(walk.home.warehouse)) as connection:
        connection.execute(sql)


@pytest.mark.parametrize("step", MISSING)
def test_what_is_missing_is_named(walk: Walk, step: str) -> None:
    make, sentence = MISSING[step]
    walk.before[step] = lambda: make(walk)
    code = walk.run()
    assert code == (2 if "QUARANTINED" in walk.said else 1), walk.said
    assert re.search(f"^{sentence}", walk.said, re.M), walk.said
    walk.amazon_fails, kept = None, walk.home.root / "kept"
    walk.monkeypatch.setattr(FakeDbt, "is_missing", False)
    if step == "gate_documents" and code == 2:  # As the remedy says, the file is dropped again.
        walk.warehouse.drop("second.txt", payout("0002"), at=AT + DAY / 2 + timedelta(seconds=1))
    elif kept.exists():
        kept.rename(walk.document("manifest.json").with_name("document.gz"))
    healed(walk)


def damage(path: Path) -> None:
    path.write_bytes(b"neither this nor that" * 1000)


def damage_rows(walk: Walk) -> None:
    """The rows of a Parquet file are damaged, its footer is not."""
    path = next(walk.document("manifest.json").parent.glob("rows.*"))
    content = bytearray(path.read_bytes())
    content[8:200] = b"\xff" * 192
    path.write_bytes(content)


DAMAGED: dict[str, tuple[str, Callable[[Walk], Any], str]] = {
    "land_files": (
        "land_files",
        lambda w: damage(w.home.warehouse),
        r"FAILED land_files: .*warehouse\.duckdb is damaged .*; move it away \(mv .*landing again",
    ),
    "plan_requests": ("plan_requests", lambda w: damage(w.home.warehouse), r"FAILED land_reports: .*warehouse\.duckdb is damaged .*; move it away"),
    "gate_documents": (
        "gate_documents",
        lambda w: damage(w.document("manifest.json")),
        r"FAILED gate_documents .*acme-na/reimbursements/file/.*manifest",
    ),
    "judgement": ("load_documents", lambda w: damage(w.judgement()), r"FAILED load_documents acme-na/.*its judgement cannot be read .*judged again"),
    "rows": ("load_documents", damage_rows, r"FAILED load_documents acme-na/reimbursements second.txt: "),
    "dbt_build": ("dbt_build", lambda w: damage(w.home.warehouse), r"FAILED dbt_build: .*warehouse\.duckdb is damaged .*; move it away"),
    "publish_marts": ("publish_marts", lambda w: damage(w.home.warehouse), r"FAILED publish_marts: .*warehouse\.duckdb is damaged"),
    "send_alerts": (
        "send_alerts",
        lambda w: damage(w.home.marts.resolve()),
        r"FAILED send_alerts: .*published/.* is damaged .*run again: it is published anew",
    ),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_is_damaged_is_named_and_is_made_anew_by_its_remedy(walk: Walk, what: str) -> None:
    step, make, sentence = DAMAGED[what]
    manifest: list[tuple[Path, bytes]] = []

    def make_it() -> None:
        if what == "gate_documents":
            manifest.append((path := walk.document("manifest.json"), path.read_bytes()))
        make(walk)

    walk.before[step] = make_it
    assert walk.run() == 1, walk.said
    assert re.search(f"^{sentence}", walk.said, re.M), walk.said
    if "move it away (mv" in walk.said:
        walk.home.warehouse.rename(walk.home.warehouse.with_suffix(".damaged"))
    for path, content in manifest:  # Put back from a copy.
        path.write_bytes(content)
    healed(walk)


@pytest.mark.parametrize("what", ["quotas", "published", "current", "exports"])
def test_what_can_be_made_anew_safely_is_made_anew_by_the_same_run(walk: Walk, what: str) -> None:
    match what:
        case "quotas":
            damage(walk.home.requests / "quotas" / "acme-api.sqlite")
        case "published":
            damage(walk.home.marts.resolve())
        case "current":
            shutil.rmtree(walk.home.marts.resolve().parent)
        case "exports":
            walk.home.exports.unlink()
    assert walk.run() == 0, walk.said
    assert walk.payouts() == UNDISTURBED
    assert (walk.home.exports / "copy.duckdb").exists()


# The load reads what the gate has fetched.
@pytest.mark.parametrize("step", ["land_files", "land_reports", "gate_documents"])
def test_a_landing_that_does_not_answer_is_named(walk: Walk, step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    storage = fsspec.filesystem("memory")
    monkeypatch.setattr(walk.warehouse, "home", Home(walk.home.root, f"memory://{tmp_path.name}"))
    assert walk.run() == 0, walk.said
    walk.warehouse.drop("third.txt", payout("0005"), at=AT + DAY / 2)

    def silent(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no route to host")

    calls = ("find", "exists", "cat_file", "get_file", "put_file", "pipe_file")
    with monkeypatch.context() as cut:
        walk.before["plan_requests" if step == "land_reports" else step] = lambda: [cut.setattr(type(storage), call, silent) for call in calls]
        assert walk.run(AT + DAY + timedelta(minutes=30)) == 1, walk.said
    assert re.search(rf"^FAILED {step}.*memory://.* cannot .*no route to host.*; check address, keys and network", walk.said, re.M | re.I), walk.said
    assert walk.run(AT + DAY + timedelta(hours=1)) == 0, walk.said
    assert ("acme-na", "0005") in walk.payouts()
    storage_of.cache_clear()


def test_an_amazon_that_cannot_be_reached_is_named(walk: Walk) -> None:
    walk.amazon_fails = httpx.ConnectError("[Errno -2] Name or service not known")
    assert walk.run() == 1, walk.said
    assert re.search(
        r"^FAILED land_account acme-api: no connection \(.*Name or service not known\); check the network, then run again", walk.said, re.M
    )
    assert walk.payouts()[-1] == ("acme-na", "0002")  # The other account is published.
    walk.amazon_fails = None
    healed(walk)


def test_a_channel_that_cannot_be_reached_is_named(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    walk.warehouse.drop("letter.txt", "Dear seller", at=AT + DAY / 2)
    with monkeypatch.context() as cut:
        cut.setattr("seller_warehouse.alerts.channels.Channel.send", lambda *_: "json-1 did not take it: no connection")
        assert walk.run() == 1, walk.said
    assert re.search(
        r"^FAILED send_alerts: json-1 did not take it: no connection\. What was not sent is tried again by the next run", walk.said, re.M
    )
    assert "QUARANTINED acme-na: letter.txt" in walk.said
    healed(walk)


@pytest.mark.parametrize("back", [timedelta(hours=2), timedelta(days=400)], ids=["two hours", "a year"])
def test_a_clock_that_was_set_back_hides_nothing(walk: Walk, back: timedelta) -> None:
    walk.warehouse.drop("second.txt", payout("0002"), at=AT - back - DAY)
    walk.warehouse.drop("letter.txt", "Dear seller", at=AT - back - DAY)
    assert walk.run(AT - back) == 2, walk.said
    assert re.search(r"^QUARANTINED acme-na: letter.txt", walk.said, re.M), walk.said
    assert ("acme-na", "0002") in walk.payouts()
    healed(walk)


def test_what_was_refused_is_named_though_the_publication_is_of_what_was_known_before(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELLER_WAREHOUSE_AS_KNOWN_AT", "2026-11-01")
    walk.warehouse.drop("letter.txt", "Dear seller", at=AT + DAY / 2)
    assert walk.run() == 2, walk.said
    assert re.search(r"^QUARANTINED acme-na: letter.txt", walk.said, re.M), walk.said


def test_a_command_in_a_home_that_cannot_be_one_ends_with_one_sentence(walk: Walk, capsys: pytest.CaptureFixture[str]) -> None:
    for path, sentence in (
        (walk.home.root / ".run.lock", "is a folder, where a file belongs; move it away, then run again"),
        (walk.home.inbox, "is a file, where a folder belongs; move it away, then run again"),
    ):
        undo = (to_folder if path.name == ".run.lock" else to_file)(path)
        assert walk.run() == 1
        assert walk.said.strip().splitlines()[-1].endswith(sentence), walk.said
        undo()
    healed(walk)
