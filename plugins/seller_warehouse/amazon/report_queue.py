"""One report queue: requests the windows of one report of one account, waits for the reports, downloads and lands them.

A report queue never sleeps long: ``advance`` does what is possible now and returns when to call again. Its state is a file, written after every
request, so a killed queue continues where it stopped; a report that was requested just before the kill is found in Amazon's list. Every answer of
Amazon is landed: a document, or only a manifest with CANCELLED or FATAL and the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel

from seller_warehouse.amazon.client import LISTED_DAYS, Amazon, Rejected, Report, RetryLater, Transient, explanation
from seller_warehouse.amazon.planner import Window, history_start
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.clock import Clock
from seller_warehouse.core.documents import CANCELLED, DONE, Document
from seller_warehouse.core.home import Home, write_atomically
from seller_warehouse.core.report_spec import MarketplaceScope
from seller_warehouse.ingest.decode import chunks
from seller_warehouse.ingest.landing import land, landed_documents, with_id
from seller_warehouse.reports import SPECS

log = logging.getLogger(__name__)

FATAL, REJECTED, LOST = "FATAL", "REJECTED", "LOST"
USABLE = (DONE, "IN_PROGRESS", "IN_QUEUE")

TRIES = 3
"""Requests in one run for a window that ends FATAL, or CANCELLED although its report is never empty."""

OPEN_AT_ONCE = 10
"""Open reports at once of a type without a pause."""

REUSED_HOURS = 4
"""Reuse reports of the same type and range younger than this, as Amazon's Reports FAQ asks for FBA reports."""

POLL_SECONDS = (30, 30, 60, 60, 120, 300)
LOST_HOURS = 24
"""A report that is not finished after this time is given up."""


class OpenReport(BaseModel):
    """A report that Amazon is making."""

    report_id: str
    window: Window
    asked_at: datetime
    polls: int = 0
    next_poll_at: datetime


class ReportQueue(BaseModel):
    """The state of one queue."""

    run_id: str
    account_id: str
    report: str
    planned: int
    todo: list[Window]
    opened: list[OpenReport] = []
    tries: dict[str, int] = {}
    landed: int = 0
    rows: int = 0
    requests: int = 0
    answers: dict[str, int] = {}
    due_at: datetime | None = None
    """When to continue; None means now."""
    has_looked: bool = False
    silent_since: datetime | None = None
    """Start of the time in which Amazon has not answered any call of the account."""
    failure: str = ""
    """Why the queue failed in this attempt at its account."""
    is_refused: bool = False
    """Whether it failed because the connection is wrong, so that a retry is useless."""

    @property
    def is_over(self) -> bool:
        """Whether every window has its answer."""
        return not self.todo and not self.opened


def run_folder(home: Home, run_id: str) -> Path:
    """The folder of a run's report queues, with a folder for each account."""
    return home.requests / "".join(c if c.isalnum() or c in "-_" else "_" for c in run_id)


def queue_file(home: Home, run_id: str, account_id: str, report: str) -> Path:
    """The file with the state of a report queue."""
    return run_folder(home, run_id) / account_id / f"{report}.json"


def load_queue(home: Home, run_id: str, account_id: str, report: str, windows: list[Window]) -> ReportQueue:
    """The queue in its last state, or a new one for ``windows``."""
    path = queue_file(home, run_id, account_id, report)
    if path.exists():
        return ReportQueue.model_validate_json(path.read_bytes())
    return ReportQueue(run_id=run_id, account_id=account_id, report=report, planned=len(windows), todo=windows)


def save_queue(home: Home, queue: ReportQueue) -> None:
    """Write the state of a report queue."""
    write_atomically(queue_file(home, queue.run_id, queue.account_id, queue.report), queue.model_dump_json().encode())


def advance(queue: ReportQueue, account: Account, amazon: Amazon, home: Home, clock: Clock) -> datetime | None:
    """Do what is possible now; returns when to call again, or None when every window has its answer.

    Raises AccessRefused if the connection is wrong; landed documents stay.
    """
    step = _Step(queue, account, amazon, home, clock)
    try:
        if step.requests.listed_only:
            step.land_listed()
            queue.due_at = None
        else:
            queue.due_at = step.request()
    except RetryLater as later:
        log.info("%s/%s: %s", queue.account_id, queue.report, later)
        queue.due_at = later.until
    finally:
        save_queue(home, queue)
    return queue.due_at


class _Step:
    def __init__(self, queue: ReportQueue, account: Account, amazon: Amazon, home: Home, clock: Clock) -> None:
        self.queue, self.account, self.amazon, self.home, self.clock = queue, account, amazon, home, clock
        spec = SPECS[queue.report]
        assert spec.requests
        assert spec.amazon_type
        self.spec, self.amazon_type, self.requests = spec, spec.amazon_type, spec.requests

    # Reports on request

    def request(self) -> datetime | None:
        """Poll open reports, request the next windows, and return when to continue."""
        if not self.queue.has_looked:
            self.adopt(self.queue.todo)
            self.queue.has_looked = True
        while True:
            for opened in list(self.queue.opened):
                if opened.next_poll_at <= self.clock.now():
                    self.poll(opened)
            if self.queue.is_over:
                return None
            next_create = self.next_create_at()
            if next_create and next_create <= self.clock.now():
                if window := self.next_window():
                    self.create(window)
                continue
            instants = [o.next_poll_at for o in self.queue.opened] + ([next_create] if next_create else [])
            return min(instants)

    def next_create_at(self) -> datetime | None:
        """When the next window may be requested; None if an open report must finish first or no window is left."""
        if not self.queue.todo or len(self.queue.opened) >= (1 if self.requests.pause_minutes else OPEN_AT_ONCE):
            return None
        return self.clock.now() + timedelta(seconds=self.amazon.quotas.pause_left(self.queue.report, self.requests.pause_minutes))

    def next_window(self) -> Window | None:
        """The next window, cut to the days that Amazon still answers: a queue may take days, and Amazon ends an older range FATAL."""
        window = self.queue.todo[0]
        if not window.first or not window.last:
            return window
        oldest = history_start(self.requests, self.clock.now().date(), self.requests.history_months)
        if window.last < oldest:
            self.queue.todo.remove(window)
            self.queue.planned -= 1
            return None
        self.queue.todo[0] = replace(window, first=max(window.first, oldest))
        return self.queue.todo[0]

    def create(self, window: Window) -> None:
        """Request one window, under a lock of all processes, and record it before anything else happens."""
        with FileLock(self.home.requests / f"{self.queue.account_id}__{self.queue.report}.lock"):
            if self.amazon.quotas.pause_left(self.queue.report, self.requests.pause_minutes):
                return
            asked_at = self.clock.now()
            # If the queue is killed before the answer, it then checks Amazon's list for the report.
            self.queue.has_looked = False
            save_queue(self.home, self.queue)
            try:
                report_id = self.amazon.create(
                    self.amazon_type, self.marketplaces(window), window.instants(self.requests.margin_hours, asked_at), self.requests.options
                )
            except Transient as error:
                # Amazon may have received it; requesting again at once would break the pause.
                log.warning("%s/%s: the request was lost (%s); checking whether Amazon received it", self.queue.account_id, self.queue.report, error)
                raise RetryLater(asked_at + timedelta(minutes=1), "the request was lost") from error
            except RetryLater:
                self.queue.has_looked = True
                raise
            except Rejected as error:
                self.queue.has_looked = True
                self.queue.todo.remove(window)
                self.land_answer(window, REJECTED, str(error), "", asked_at)
                return
            asked_at = self.clock.now()  # The wait for the quota may have been long, and Amazon's pause begins only now.
            self.amazon.quotas.record_request(self.queue.report, asked_at)
            self.queue.requests += 1
            self.queue.has_looked = True
            self.open(window, report_id, asked_at)
            save_queue(self.home, self.queue)

    def open(self, window: Window, report_id: str, asked_at: datetime) -> None:
        """Assign a report to a window and start polling it."""
        self.queue.todo.remove(window)
        self.queue.opened.append(
            OpenReport(report_id=report_id, window=window, asked_at=asked_at, next_poll_at=asked_at + timedelta(seconds=POLL_SECONDS[0]))
        )
        log.info("%s/%s: asked for %s as report %s", self.queue.account_id, self.queue.report, _shown(window), report_id)

    def adopt(self, windows: list[Window]) -> None:
        """Reuse recent reports of the same type and range that Amazon has made or is making."""
        if not windows:
            return
        since = self.clock.now() - timedelta(hours=REUSED_HOURS)
        listed = self.amazon.listed(self.amazon_type, since, (*USABLE, CANCELLED, FATAL))
        taken = {d.report_id for d in self.landed()} | {o.report_id for o in self.queue.opened}
        for report in listed:
            self.amazon.quotas.record_request(self.queue.report, report.created_at)
            is_free = report.status in USABLE and report.report_id not in taken
            window = next((w for w in self.queue.todo if is_free and self.matches(report, w)), None)
            if window:
                self.open(window, report.report_id, report.created_at)

    def matches(self, report: Report, window: Window) -> bool:
        """Whether a listed report equals the one that the window would request."""
        instants = window.instants(self.requests.margin_hours, self.clock.now())
        if set(report.marketplace_ids) != set(self.marketplaces(window)):
            return False
        if instants is None or report.end is None:
            return instants is None
        # The end of a range that reaches up to now has moved since.
        return report.start == instants[0] and timedelta() <= instants[1] - report.end <= timedelta(hours=REUSED_HOURS)

    def poll(self, opened: OpenReport) -> None:
        """Poll one open report and handle its end."""
        try:
            report = self.amazon.status(opened.report_id)
        except Rejected as error:
            self.end(opened, LOST, str(error), None)
            return
        if report.status == DONE and report.document_id:
            self.queue.opened.remove(opened)
            try:
                self.land_document(opened.window, report, report.processed_at or self.clock.now())
            except Rejected as error:  # Amazon no longer has the document.
                self.queue.opened.append(opened)
                self.end(opened, LOST, str(error), report)
            except BaseException:
                self.queue.opened.append(opened)
                raise
        elif report.status in (DONE, CANCELLED, FATAL):
            self.end(opened, report.status if report.status != DONE else LOST, self.explanation_of(report), report)
        elif self.clock.now() - opened.asked_at > timedelta(hours=LOST_HOURS):
            self.end(opened, LOST, f"still {report.status or 'without a status'} after {LOST_HOURS} hours", report)
        else:
            opened.polls += 1
            wait = POLL_SECONDS[min(opened.polls, len(POLL_SECONDS) - 1)]
            opened.next_poll_at = self.clock.now() + timedelta(seconds=wait)

    def end(self, opened: OpenReport, status: str, why: str, report: Report | None) -> None:
        """Handle a report that ended without a document: request its window again if that may help, else land the answer."""
        self.queue.opened.remove(opened)
        self.queue.answers[status] = self.queue.answers.get(status, 0) + 1
        key = _shown(opened.window)
        self.queue.tries[key] = self.queue.tries.get(key, 0) + 1
        log.warning("%s/%s: report %s for %s ended %s. %s", self.queue.account_id, self.queue.report, opened.report_id, key, status, why)
        is_final = status == CANCELLED and self.spec.may_be_empty
        if not is_final and self.queue.tries[key] < TRIES:
            # FATAL often means too soon: another application of the seller may have requested the type within the pause.
            self.amazon.quotas.record_request(self.queue.report, self.clock.now())
            self.queue.todo.append(opened.window)
            return
        self.land_answer(opened.window, status, why, opened.report_id, (report.processed_at if report else None) or self.clock.now())

    def explanation_of(self, report: Report) -> str:
        """The text of the document of a report that was not made, if it has one."""
        if not report.document_id:
            return ""
        part = self.part()
        try:
            self.amazon.download(report.document_id, part)
            return explanation(next(chunks(part), b""))
        except Rejected as error:
            return str(error)
        finally:
            part.unlink(missing_ok=True)

    # Reports that Amazon makes by itself

    def land_listed(self) -> None:
        """Land every listed report that is not landed yet."""
        since = self.clock.now() - timedelta(days=LISTED_DAYS)
        landed = {d.report_id for d in self.landed()}
        new = [r for r in self.amazon.listed(self.amazon_type, since, (DONE,)) if r.report_id not in landed and r.document_id]
        self.queue.planned = self.queue.landed + len(new)
        for report in new:
            marketplace = report.marketplace_ids[0] if len(report.marketplace_ids) == 1 else ""
            try:
                self.land_document(Window(marketplace_id=marketplace), report, self.clock.now())
            except Rejected as error:  # It is still listed but its document is gone; continue with the others.
                self.land_answer(Window(marketplace_id=marketplace), LOST, str(error), report.report_id, self.clock.now())
        self.queue.todo = []

    # Landing

    def land_document(self, window: Window, report: Report, retrieved_at: datetime) -> None:
        """Download and land a document."""
        part = self.part()
        try:
            charset, sha256, size = self.amazon.download(report.document_id, part)
            with suppress(Exception):  # The gate refuses a document that cannot be unpacked, with the reason.
                self.queue.rows += max(0, sum(c.count(b"\n") for c in chunks(part)) - 1)
            document = self.document(window, report.report_id, retrieved_at)
            land(self.home, with_id(replace(document, sha256=sha256, byte_count=size, charset=charset), sha256), part)
        finally:
            part.unlink(missing_ok=True)
        self.count(DONE)

    def land_answer(self, window: Window, status: str, why: str, report_id: str, at: datetime) -> None:
        """Land an answer without a document."""
        document = replace(self.document(window, report_id, at), answer=status, explanation=why)
        land(self.home, with_id(document, ""), None)
        self.count(status)

    def count(self, status: str) -> None:
        """Count one more answered window."""
        self.queue.landed += 1
        if status == DONE:
            self.queue.answers[DONE] = self.queue.answers.get(DONE, 0) + 1
        save_queue(self.home, self.queue)

    def document(self, window: Window, report_id: str, at: datetime) -> Document:
        """The manifest of an answer, without its bytes."""
        name = " ".join(n for n in (self.amazon_type, report_id, f"({_shown(window)})" if window.first else "") if n)
        return Document(
            document_id="", account_id=self.queue.account_id, report=self.queue.report, source="sp_api", sha256="", byte_count=0, retrieved_at=at,
            file_name=name, window_start=window.first, window_end=window.last, marketplace_id=window.marketplace_id, report_id=report_id,
        )  # fmt: skip

    def marketplaces(self, window: Window) -> tuple[str, ...]:
        """The marketplaces that a request for the window names."""
        if window.marketplace_id:
            return (window.marketplace_id,)
        return self.account.marketplaces if self.requests.marketplace_scope is MarketplaceScope.NAMED else self.account.marketplaces[:1]

    def landed(self) -> Iterator[Document]:
        """The landed documents of this report."""
        return landed_documents(self.home, f"{self.queue.account_id}/{self.queue.report}")

    def part(self) -> Path:
        """The temporary file of a download, different for each run."""
        queue = queue_file(self.home, self.queue.run_id, self.queue.account_id, self.queue.report)
        return self.home.landing / ".downloads" / f"{queue.parent.parent.name}__{self.queue.account_id}__{self.queue.report}"


def _shown(window: Window) -> str:
    days = f"{window.first} to {window.last}" if window.first else "now"
    return f"{days}, {window.marketplace_id}" if window.marketplace_id else days
