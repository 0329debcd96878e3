"""The steps of a pass (land, gate, load, build, publish) and the pass itself: the DAGs call single steps, ``make run`` calls ``run_pass``.

Each step may be killed at any moment and run again: finished work stays, and the rerun does the rest.
Times are parameters; nothing here reads the clock.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import duckdb
from pydantic import TypeAdapter

from seller_warehouse.amazon.account_queues import OpenAmazon, answers_of, land_account, load_queues, save_plan
from seller_warehouse.amazon.planner import PAUSE_HOURS, plan_windows, windows_of_round
from seller_warehouse.amazon.report_queue import ReportQueue, run_folder
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.clock import Clock
from seller_warehouse.core.documents import CANCELLED, DONE, Document, Verdict
from seller_warehouse.core.home import Home, write_atomically
from seller_warehouse.core.outcome import DocumentsRefused, DocumentsUnprocessed, DocumentUnprocessed, Outcome, QueueFailed
from seller_warehouse.core.problems import problem_of
from seller_warehouse.core.simulated_clock import acting_as
from seller_warehouse.core.windows import Answer, AnswerKind
from seller_warehouse.ingest.gate import Judgement, Pending, as_log_lines, judge_documents
from seller_warehouse.ingest.integrity import RowsDamaged, read_facts
from seller_warehouse.ingest.landing import collect_inbox, landed_documents
from seller_warehouse.ingest.object_storage import storage_of
from seller_warehouse.ingest.quarantine import quarantine, refused_before_landing
from seller_warehouse.ingest.warehouse import (
    answers,
    judged_documents,
    open_warehouse,
    record,
    refused_while_loading,
    save_settings,
    usual_rows_per_day,
)
from seller_warehouse.marts.build import as_known_at, build_marts, code_version
from seller_warehouse.marts.publish import is_due, publish
from seller_warehouse.reports import SPECS

log = logging.getLogger(__name__)

T = TypeVar("T")

_JUDGEMENT = TypeAdapter(Judgement)
_ANSWERS = {DONE: AnswerKind.GOOD, CANCELLED: AnswerKind.EMPTY}


@dataclass(frozen=True)
class Run:
    """One pass: its home, accounts, name and time (UTC)."""

    home: Home
    accounts: dict[str, Account]
    run_id: str
    at: datetime

    @property
    def work(self) -> Path:
        """Judgements between gate and load, of all runs; those of another code version are not used."""
        return self.home.work / code_version()


ANNOUNCED_SECONDS = 20.0
"""Report waits for Amazon that take longer than this in real time."""

ACCOUNTS_AT_ONCE = 16
"""Accounts that one process works on at once; waiting accounts do not count."""

Notify = Callable[[str], object]


def run_pass(run: Run, *, as_of: date, settle_seconds: float, land: Callable[[Outcome], object] | None = None, notify: Notify = log.info) -> Outcome:
    """One whole pass: land, gate and load; then, unless the last publication is up to date, build the marts for the day ``as_of`` and publish them.

    ``land`` requests reports from Amazon, see ``land_due``. Failures of steps are not raised but recorded in the outcome.
    """
    outcome = ingest_documents(run, settle_seconds=settle_seconds, land=land, notify=notify)
    if "load_documents" in outcome.failed:
        return outcome

    def build() -> bool:
        if due := is_due(run.home, as_of=as_of, code_version=code_version(), as_known_at=as_known_at()):
            build_marts(run.home, as_of=as_of)
        return due

    if outcome.attempt("dbt_build", build, notify):
        publication = partial(publish, run.home, at=run.at, as_of=as_of, code_version=code_version(), run_id=run.run_id)
        outcome.is_published = outcome.attempt("publish_marts", publication, notify) is not None
    return outcome


def ingest_documents(run: Run, *, settle_seconds: float, land: Callable[[Outcome], object] | None = None, notify: Notify = log.info) -> Outcome:
    """Land, gate and load; each step runs even if an earlier one failed."""
    outcome = Outcome()
    outcome.attempt("land_files", partial(land_files, run, settle_seconds=settle_seconds), notify)
    if land:
        outcome.attempt("land_reports", partial(land, outcome), notify)
    outcome.attempt("gate_documents", partial(gate_documents, run), notify)
    outcome.attempt("load_documents", partial(load_documents, run), notify)
    return outcome


def land_due(
    run: Run, plan: Iterable[dict[str, Any]], open_amazon: OpenAmazon, clock: Clock, outcome: Outcome, notify: Notify = log.info
) -> dict[str, int]:
    """Advance the accounts of a plan in parallel until every report has its answers; returns the number of windows by answer.

    Failures and refusals are recorded in ``outcome`` and do not stop other accounts.
    """
    due = {entry["account_id"]: run.at for entry in plan}
    planned, begun, over = sorted(due), set[str](), list[str]()
    active: dict[Future[datetime | None], str] = {}
    while due or active:
        ready = sorted((a for a in due if due[a] <= clock.now()), key=lambda a: (due[a], a))[: ACCOUNTS_AT_ONCE - len(active)]
        # Enter the new participants before the finished ones leave: the clock must not jump in between.
        clock.enter(*(participant(run, a) for a in ready))
        clock.leave(*(participant(run, a) for a in over))
        over = []
        for account_id in ready:
            del due[account_id]
            active[_in_thread(partial(_advance_account, run, account_id, open_amazon, clock, resumed=account_id in begun))] = account_id
        begun |= set(ready)
        wait = (min(due.values()) - clock.now()).total_seconds() if due and len(active) < ACCOUNTS_AT_ONCE else None
        if not active:
            assert wait is not None
            if clock.real_seconds(wait) > ANNOUNCED_SECONDS:
                notify(f"land_reports: {_progress(run, planned)}; Amazon lets us go on at {min(due.values()):%Y-%m-%d %H:%M} UTC")
            clock.sleep(wait)
        for future in futures.wait(active, wait and clock.real_seconds(wait), futures.FIRST_COMPLETED).done:
            account_id = active.pop(future)
            over.append(account_id)
            if error := future.exception():
                log.error("%s failed", account_id, exc_info=error)
                failure = error if isinstance(error, Exception) else QueueFailed(f"{type(error).__name__}: {error}")
                outcome.failed[f"land_account {account_id}"] = failure
            elif until := future.result():
                due[account_id] = until
    clock.leave(*(participant(run, a) for a in over))
    queues = [q for a in planned for q in load_queues(run.home, run.run_id, a)]
    outcome.unreached += dict.fromkeys(q.failure for q in queues if q.is_refused)
    outcome.failed |= {f"land_report {q.account_id} {q.report}": QueueFailed(q.failure) for q in queues if q.failure and not q.is_refused}
    return answers_of(queues)


def participant(run: Run, account_id: str) -> str:
    """The participant's name of an account on a jumping clock."""
    return f"{run.run_id} {account_id}"


def _advance_account(run: Run, account_id: str, open_amazon: OpenAmazon, clock: Clock, *, resumed: bool) -> datetime | None:
    with acting_as(participant(run, account_id)):
        return land_account(run.home, run.run_id, run.accounts[account_id], open_amazon, clock, resumed=resumed)


def _progress(run: Run, account_ids: Iterable[str]) -> str:
    queues = [q for a in account_ids for q in load_queues(run.home, run.run_id, a)]
    return f"{sum(q.is_over for q in queues)} of {len(queues)} reports are landed"


def _in_thread(do: Callable[[], T]) -> Future[T]:
    """Run something in a daemon thread. Unlike a pool's thread, it does not keep the process alive while Amazon hangs."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(do())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def land_files(run: Run, *, settle_seconds: float) -> dict[str, int]:
    """Move the inbox to landing.

    Raises DocumentsRefused, after everything is stored, if a file is not a report of a known account; DocumentsUnprocessed if one stays in the inbox.
    """
    collected = collect_inbox(run.home, run.accounts, now=run.at, settle_seconds=settle_seconds, run_id=run.run_id)
    for place in collected.waiting:
        log.info("%s is still being written; the next run takes it", place)
    for document in collected.landed:
        # A document that is dropped again, perhaps after a setting was corrected, is judged again.
        _folder(run, document).mkdir(parents=True, exist_ok=True)
    with open_warehouse(run.home.warehouse) as connection:
        save_settings(connection, run.accounts.values())
        for refused in collected.refused:
            record(connection, refused.judgement, run_id=run.run_id, at=run.at, home=run.home, accounts=run.accounts)
        known = {document_id for _, _, document_id in judged_documents(connection)}
        for judgement, run_id, at in refused_before_landing(run.home, known):
            # The build database was deleted or is new.
            record(connection, judgement, run_id=run_id, at=at, home=run.home, accounts=run.accounts)
    for refused in collected.refused:
        refused.remove()
    _raise_refused([r.judgement for r in collected.refused], collected.left)
    return {"landed": len(collected.landed), "refused": 0, "waiting": len(collected.waiting)}


def plan_requests(run: Run, *, recent: bool | None, months: int, only: str | None = None, pause_hours: int = PAUSE_HOURS) -> list[dict[str, Any]]:
    """Plan the requests to Amazon, for the ``recent`` days, the older ones, or both (None). Writes the report queues of each account, with their
    windows newest first, to files of the run.

    Returns an entry for each account with requests: ``account_id``, the number of ``reports`` and ``windows`` to request now, and the number ``of``
    windows in all. A document that has landed but is not judged yet counts as an answer.
    """
    with open_warehouse(run.home.warehouse) as connection:
        save_settings(connection, run.accounts.values())
        known = judged_documents(connection)
        answered = answers(connection)
    for document in landed_documents(run.home, known=known):
        if document.source == "sp_api" and (document.account_id, document.report, document.document_id) not in known:
            answered.setdefault((document.account_id, document.report), []).append(
                Answer(
                    marketplace_id=document.marketplace_id, first=document.window_start, last=document.window_end,
                    asked_at=document.retrieved_at, kind=_ANSWERS.get(document.answer, AnswerKind.REFUSED),
                )
            )  # fmt: skip
    # The run may be planned a second time, for example after it was cleared: reports that Amazon already makes are found in its list.
    shutil.rmtree(run_folder(run.home, run.run_id), ignore_errors=True)
    plan, parts = [], (True, False) if recent is None else (recent,)
    for account in run.accounts.values():
        if account.source != "sp_api" or only not in (None, account.id):
            continue
        today = run.at.astimezone(ZoneInfo(account.home_time_zone)).date()
        queues, in_all = [], 0
        for spec in SPECS.values():
            known_answers = answered.get((account.id, spec.name), [])
            windows = [w for r in parts for w in plan_windows(spec, account, known_answers, today=today, months=months, recent=r)]
            if windows and spec.requests:
                chosen = windows_of_round(windows, spec.requests, pause_hours)
                queues.append(ReportQueue(run_id=run.run_id, account_id=account.id, report=spec.name, planned=len(chosen), todo=chosen))
                in_all += len(windows)
        if queues:
            save_plan(run.home, run.run_id, account.id, queues)
            plan.append({"account_id": account.id, "reports": len(queues), "windows": sum(q.planned for q in queues), "of": in_all})
    return plan


def gate_documents(run: Run) -> dict[str, int]:
    """Parse and judge every landed document without a verdict, except those judged before a kill.

    Raises DocumentsRefused, after every judgement is stored, with file, rule and rows of each refused document; DocumentsUnprocessed if one could not
    be judged at all.
    """
    with open_warehouse(run.home.warehouse) as connection:
        known, usual = judged_documents(connection), usual_rows_per_day(connection)
    dropped_again = {(f.parts[-3], f.parts[-2], f.name) for f in run.work.glob("*/*/*")}
    left: dict[str, Exception] = {}
    pending = [
        d for d in landed_documents(run.home, known=known - dropped_again, lost=left)
        if d.account_id in run.accounts and _judgement(run, d) is None
    ]  # fmt: skip
    copies = run.home.landing.glob("[!.]*") if storage_of(run.home) else ()
    for old in (*run.home.work.glob("*"), *copies):
        if old != run.work:
            _remove(old)
    judgements = []
    for judgement in judge_documents((_pending(run, d, usual.get((d.account_id, d.report))) for d in pending), left):
        document = judgement.document
        write_atomically(_judgement_file(run, document), _JUDGEMENT.dump_json(judgement))
        judgements.append(judgement)
        log.info("%s: %s/%s %s", judgement.verdict, document.account_id, document.report, document.file_name)
    _raise_refused([j for j in judgements if j.verdict is Verdict.QUARANTINED], left)
    return dict(Counter(j.verdict.value for j in judgements))


def _pending(run: Run, document: Document, usual: tuple[datetime, float] | None) -> Pending:
    return Pending(
        document=document, account=run.accounts[document.account_id], folder=document.path.parent, storage=storage_of(run.home),
        usual_rows_per_day=usual[1] if usual and usual[0] < document.retrieved_at else None,
    )  # fmt: skip


def load_documents(run: Run) -> dict[str, int]:
    """Load the documents that passed, quarantine the others, and record a verdict for each, whichever run judged them.

    Raises DocumentsUnprocessed, after everything else is loaded, if a document could not be loaded; DocumentsRefused if a dropped file must not
    replace what is held.
    """
    judgements: list[Judgement] = []
    left: dict[str, Exception] = {}
    for path in run.work.glob("*/*/*/judgement.json"):
        try:
            judgements.append(_JUDGEMENT.validate_json(path.read_bytes()))
        except (OSError, ValueError) as error:
            # The bytes are in landing: the next gate judges them again.
            _remove(path)
            log.warning("%s cannot be read (%s); the document is judged again", path, error)
            place = "/".join(path.parent.parts[-3:])
            left[place] = DocumentUnprocessed(f"its judgement cannot be read ({error.__class__.__name__}); run again: it is judged again")
    verdicts: Counter[str] = Counter()
    with open_warehouse(run.home.warehouse) as connection:
        # A retry after a kill continues where the load stopped.
        recorded = judged_documents(connection, run.run_id)
        for judgement in sorted(judgements, key=lambda j: (j.document.order, j.document.document_id)):
            document = judgement.document
            try:
                if (document.account_id, document.report, document.document_id) not in recorded:
                    verdict = _load(connection, run, judgement)
                    verdicts[verdict.value] += 1
                    log.info("%s: %s/%s %s", verdict, document.account_id, document.report, document.file_name)
                shutil.rmtree(_folder(run, document))
            except duckdb.FatalException:
                raise  # The database itself is damaged: no other document can be loaded either.
            except Exception as error:
                log.exception("%s could not be loaded", _shown(document))
                left[_shown(document)] = error
                if isinstance(error, duckdb.Error) and judgement.prepared and not problem_of(error, run.home).is_transient:
                    # The rows may be damaged: parse them again from the bytes.
                    for path in (judgement.prepared.parquet, _judgement_file(run, document)):
                        _remove(path)
        refused = [f"{account_id}: {reason}" for account_id, reason in refused_while_loading(connection, run.run_id)]
    if left:
        raise DocumentsUnprocessed(left, refused)
    if refused:
        raise DocumentsRefused("\n".join(refused))
    return dict(verdicts)


def _load(connection: duckdb.DuckDBPyConnection, run: Run, judgement: Judgement) -> Verdict:
    """Load one document and record its verdict. Raises DocumentUnprocessed if it must be judged again first."""
    document = judgement.document
    if judgement.verdict is Verdict.PENDING and judgement.prepared and not _are_intact(run, judgement.prepared.parquet):
        # A setting has changed and a replay has parsed the document again: the next gate judges the new rows.
        _judgement_file(run, document).unlink()
        raise DocumentUnprocessed("its rows have changed since they were judged; run again: it is judged again")
    if judgement.verdict is Verdict.QUARANTINED:
        quarantine(run.home, judgement, None)
    return record(connection, judgement, run_id=run.run_id, at=run.at, home=run.home, accounts=run.accounts)


def _folder(run: Run, document: Document) -> Path:
    return run.work / document.account_id / document.report / document.document_id


def _are_intact(run: Run, rows: Path) -> bool:
    """Whether the parsed rows exist and match their hash."""
    storage = storage_of(run.home)
    if not (storage.fetch(rows) if storage else rows.exists()):
        return False
    try:
        read_facts(rows)
    except RowsDamaged as error:
        log.warning("%s", error)
        return False
    return True


def _judgement_file(run: Run, document: Document) -> Path:
    return _folder(run, document) / "judgement.json"


def _judgement(run: Run, document: Document) -> Judgement | None:
    """The judgement of an earlier pass; None if there is none. A damaged one is removed."""
    path = _judgement_file(run, document)
    if not path.exists():
        return None
    try:
        return _JUDGEMENT.validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read (%s); the document is judged again", path, error)
        _remove(path)
        return None


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _shown(document: Document) -> str:
    return f"{document.account_id}/{document.report} {document.file_name}"


def _raise_refused(judgements: list[Judgement], left: dict[str, Exception]) -> None:
    """Raise DocumentsUnprocessed if ``left`` is not empty, else DocumentsRefused if there are refused judgements."""
    for judgement in judgements:
        for line in as_log_lines(judgement):
            log.error("%s", line)
    refused = [f"{j.document.account_id or 'no account'}: {j.reason}" for j in judgements]
    if left:
        raise DocumentsUnprocessed(left, refused)
    if refused:
        raise DocumentsRefused("\n".join(refused))
