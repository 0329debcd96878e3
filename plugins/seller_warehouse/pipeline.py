"""The steps of one pass, as the DAGs call them: land, gate, load, build, publish.

Each step may be killed at any moment and run again: what it had finished stays, the rest is done then.
Times come in as parameters; nothing here asks the clock.
"""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from seller_warehouse.accounts import Account
from seller_warehouse.documents import Document, Verdict
from seller_warehouse.gate import Judgement, as_log_lines, judge
from seller_warehouse.landing import collect_inbox, find_document, landed_documents, quarantine
from seller_warehouse.parse import Prepared, prepare
from seller_warehouse.paths import Home, write_whole
from seller_warehouse.raw_store import judged_documents, open_warehouse, record, save_accounts, usual_rows_per_day

log = logging.getLogger(__name__)

_JUDGEMENT = TypeAdapter(Judgement)
_DOCUMENTS = TypeAdapter(list[Document])
_USUAL = TypeAdapter(list[tuple[str, str, datetime, float]])


class DocumentsRefused(Exception):
    """One or more documents were refused; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Run:
    """One pass: its home, its accounts, its name and its time (UTC)."""

    home: Home
    accounts: dict[str, Account]
    run_id: str
    at: datetime

    @property
    def work(self) -> Path:
        """What the steps of this pass hand to each other."""
        return self.home.work / "".join(c if c.isalnum() or c in "-_" else "_" for c in self.run_id)


def land_files(run: Run, *, settle_seconds: float) -> dict[str, int]:
    """Move the inbox to landing and list what is to be judged: what was dropped now, and what a killed pass left behind.

    Raises DocumentsRefused, after everything is stored, where a file is no report of a known account.
    """
    collected = collect_inbox(run.home, run.accounts, now=run.at, settle_seconds=settle_seconds)
    for place in collected.waiting:
        log.info("%s is still being written; the next run takes it", place)
    with open_warehouse(run.home.warehouse) as connection:
        save_accounts(connection, run.accounts.values())
        for refused in collected.refused:
            record(connection, refused.judgement, run_id=run.run_id, at=run.at, reparse=_no_reparse)
        known = judged_documents(connection)
        usual = usual_rows_per_day(connection)
    dropped_now = {d.document_id for d in collected.landed}
    pending = [
        d for d in landed_documents(run.home)
        if d.account_id in run.accounts and (d.document_id in dropped_now or (d.account_id, d.report, d.document_id) not in known)
    ]  # fmt: skip
    shutil.rmtree(run.home.work, ignore_errors=True)
    write_whole(run.work / "pending.json", _DOCUMENTS.dump_json(pending))
    write_whole(run.work / "usual.json", _USUAL.dump_json(usual))
    for document in pending:
        log.info("to be judged: %s/%s %s", document.account_id, document.report, document.file_name)
    for refused in collected.refused:
        refused.remove()
    _raise_refused([r.judgement for r in collected.refused])
    return {"landed": len(collected.landed), "refused": 0, "waiting": len(collected.waiting), "pending": len(pending)}


def _no_reparse(*document: str) -> tuple[Document, Prepared]:
    raise AssertionError(f"a refused document loads nothing, so nothing is folded again: {document}")


def gate_documents(run: Run) -> dict[str, int]:
    """Parse and judge every pending document; what was judged before a kill is not judged again.

    Raises DocumentsRefused, after every judgement is stored, naming file, rule and rows of each refused document.
    """
    pending = _DOCUMENTS.validate_json((run.work / "pending.json").read_bytes())
    usual = {(a, r): (at.replace(tzinfo=UTC), rows) for a, r, at, rows in _USUAL.validate_json((run.work / "usual.json").read_bytes())}
    judgements = []
    for document in pending:
        folder = _folder(run, document)
        stored = folder / "judgement.json"
        if not stored.exists():
            account = run.accounts[document.account_id]
            last_at, rows_per_day = usual.get((document.account_id, document.report), (document.retrieved_at, 0.0))
            judgement = judge(document, account, folder, rows_per_day if last_at < document.retrieved_at else None)
            write_whole(stored, _JUDGEMENT.dump_json(judgement))
        judgements.append(_JUDGEMENT.validate_json(stored.read_bytes()))
        log.info("%s: %s/%s %s", judgements[-1].verdict, document.account_id, document.report, document.file_name)
    _raise_refused([j for j in judgements if j.verdict is Verdict.QUARANTINED])
    return dict(Counter(j.verdict.value for j in judgements))


def load_documents(run: Run) -> dict[str, int]:
    """Load what passed, put aside what did not, and record a verdict for each."""
    pending = _DOCUMENTS.validate_json((run.work / "pending.json").read_bytes())
    stored = [p for d in pending if (p := _folder(run, d) / "judgement.json").exists()]
    judgements = [_JUDGEMENT.validate_json(p.read_bytes()) for p in stored]
    verdicts: Counter[str] = Counter()
    with open_warehouse(run.home.warehouse) as connection:
        # A load that was killed and is tried again goes on where it stopped.
        recorded = judged_documents(connection, run.run_id)
        for judgement in sorted(judgements, key=lambda j: j.document.order):
            if (judgement.document.account_id, judgement.document.report, judgement.document.document_id) in recorded:
                continue
            if judgement.verdict is Verdict.QUARANTINED:
                quarantine(run.home, judgement, None)
            verdict = record(connection, judgement, run_id=run.run_id, at=run.at, reparse=_reparser(run))
            verdicts[verdict.value] += 1
            log.info("%s: %s/%s %s", verdict, judgement.document.account_id, judgement.document.report, judgement.document.file_name)
    shutil.rmtree(run.work)
    return dict(verdicts)


def _folder(run: Run, document: Document) -> Path:
    return run.work / document.account_id / document.report / document.document_id


def _reparser(run: Run) -> Callable[[str, str, str], tuple[Document, Prepared]]:
    def reparse(account_id: str, report: str, document_id: str) -> tuple[Document, Prepared]:
        document = find_document(run.home, account_id, report, document_id)
        return document, prepare(document, run.accounts[account_id], run.work / "again" / document_id)

    return reparse


def _raise_refused(judgements: list[Judgement]) -> None:
    if judgements:
        for judgement in judgements:
            for line in as_log_lines(judgement):
                log.error("%s", line)
        raise DocumentsRefused("\n".join(f"{j.document.account_id or 'no account'}: {j.reason}" for j in judgements))
