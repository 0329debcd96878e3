"""The report desk without HTTP: which requests Amazon accepts, how a report ends, and what its document contains."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sandbox import render
from sandbox.faults import FaultPlan, share
from sandbox.traffic import Tally
from sandbox.validation import (
    RETENTION,
    RULES,
    SUMMARY_OPTIONS,
    ApiError,
    Rules,
    checked_options,
    checked_type,
    denied,
    instant_of,
    invalid_input,
    page_wanted,
)
from sandbox.world import World
from sandbox.world_rows import Row

OLDEST_SHIPMENTS = timedelta(days=548)
RANGE_EXCEEDED = "Date range exceeded. Report can be requested only upto 30 days"


@dataclass(frozen=True, kw_only=True)
class RequestedReport:
    """One report of a seller; its outcome is decided when it is requested."""

    report_id: str
    seller_id: str
    report_type: str
    marketplace_ids: Sequence[str]
    start: datetime | None
    end: datetime | None
    created: datetime
    begins: datetime
    ends: datetime
    final: str
    """DONE, CANCELLED or FATAL, from ``ends`` on."""
    holds: str | None = "rows"
    """``rows``, ``header``, the sentence the document consists of, or None for no document."""
    fault: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    settlement_id: str | None = None

    @property
    def document_id(self) -> str:
        """Not derived from the report's id alone, which another seller's report may have too."""
        part = f"{share('document', self.seller_id, self.report_id):.16f}"[2:]
        return f"amzn1.spdoc.1.4.sandbox.{part}.{self.seller_id}"

    def chance(self, purpose: str) -> float:
        """A number in [0, 1) that is always the same for this report."""
        return share(purpose, self.seller_id, self.report_id)

    def status(self, now: datetime) -> str:
        """The processing status."""
        if now < self.begins:
            return "IN_QUEUE"
        return "IN_PROGRESS" if now < self.ends else self.final

    def has_document(self, now: datetime) -> bool:
        """Whether getReport names a document."""
        return self.holds is not None and now >= self.ends

    def is_compressed(self) -> bool:
        """Whether it is compressed: most documents are, and always those with a compression fault."""
        return self.fault in ("truncated_gzip", "doubly_compressed") or self.chance("gzip") > 1 / 6

    def as_json(self, now: datetime) -> dict[str, Any]:
        """The report as getReport shows it."""
        status = self.status(now)
        shown: dict[str, Any] = {
            "reportId": self.report_id,
            "reportType": self.report_type,
            "marketplaceIds": list(self.marketplace_ids),
            "createdTime": self.created.isoformat(timespec="seconds"),
            "processingStatus": status,
        }
        if self.start and self.end:
            shown |= {"dataStartTime": self.start.isoformat(timespec="seconds"), "dataEndTime": self.end.isoformat(timespec="seconds")}
        if now >= self.begins and (self.begins < self.ends or self.settlement_id):
            shown["processingStartTime"] = self.begins.isoformat(timespec="seconds")
        if now >= self.ends:
            shown["processingEndTime"] = self.ends.isoformat(timespec="seconds")
        if self.has_document(now):
            shown["reportDocumentId"] = self.document_id
        if self.chance("new field") < 0.2:
            shown["newField"] = "Amazon periodically adds new fields"
        return shown


class Desk:
    """The report desk: validation, limits, statuses, lists and documents, without HTTP."""

    def __init__(self, world: World, faults: FaultPlan, tally: Tally) -> None:
        self._sellers, self._faults, self._tally = world.sellers, faults, tally
        self._known_marketplaces = {m for seller in self._sellers.values() for m in seller.profile.marketplace_ids}
        self._reports: dict[str, dict[str, RequestedReport]] = defaultdict(dict)
        self._last_created: dict[tuple[str, str], datetime] = {}
        self._bodies: dict[str, tuple[bytes, str]] = {}
        self._rendering = threading.Lock()

    def create(self, seller_id: str, body: object, now: datetime) -> dict[str, Any]:
        """CreateReport."""
        if not isinstance(body, dict):
            raise invalid_input("The request body is not a JSON object.")
        report_type, rules = checked_type(body)
        marketplace_ids = self._marketplaces(seller_id, body.get("marketplaceIds"))
        options = checked_options(report_type, rules, body.get("reportOptions", {}))
        start, end = (instant_of(body, name, now) for name in ("dataStartTime", "dataEndTime"))
        if not rules.is_snapshot and not rules.ignores_dates:
            start, end = start or now, end or now
        if start and end and start > end:
            raise invalid_input("dataStartTime is after dataEndTime.")
        number = len(self._reports[seller_id]) + 1
        report_id = f"{50_000_000_000 + number}"
        total = timedelta(seconds=30 + 210 * share("processing", seller_id, report_id))
        report = RequestedReport(
            report_id=report_id,
            seller_id=seller_id,
            report_type=report_type,
            marketplace_ids=marketplace_ids,
            start=start,
            end=end,
            created=now,
            begins=now + total / 4,
            ends=now + total,
            final="DONE",
            options=options,
        )
        self._tally.report("created", seller_id, report_type)
        self._reports[seller_id][report_id] = self._decide(report, rules, number)
        return {"reportId": report_id}

    def get(self, seller_id: str, report_id: str, now: datetime) -> dict[str, Any]:
        """GetReport."""
        return self._find(seller_id, report_id, now).as_json(now)

    def cancel(self, seller_id: str, report_id: str, now: datetime) -> dict[str, Any]:
        """CancelReport: only while the report is in the queue."""
        report = self._find(seller_id, report_id, now)
        if report.status(now) != "IN_QUEUE":
            raise invalid_input(f"Report {report_id} is not in the queue and cannot be cancelled.")
        self._reports[seller_id][report_id] = _cancelled(report, at=now)
        return {}

    def list(self, seller_id: str, query: Mapping[str, str], now: datetime) -> dict[str, Any]:
        """GetReports, newest first."""
        wanted = page_wanted(query, now)
        since, until = datetime.fromisoformat(wanted["since"]), datetime.fromisoformat(wanted["until"])
        found = [
            report
            for report in chain(self._reports[seller_id].values(), self._settlements(seller_id, now))
            if since <= report.created <= until
            and report.report_type in wanted["types"]
            and (not wanted["statuses"] or report.status(now) in wanted["statuses"])
            and (not wanted["marketplaces"] or set(wanted["marketplaces"]) & set(report.marketplace_ids))
        ]
        found.sort(key=lambda report: (report.created, report.report_id), reverse=True)
        page_end = wanted["offset"] + wanted["size"]
        answer: dict[str, Any] = {"reports": [report.as_json(now) for report in found[wanted["offset"] : page_end]]}
        if page_end < len(found):
            answer["nextToken"] = base64.urlsafe_b64encode(json.dumps({**wanted, "offset": page_end}).encode()).decode()
        return answer

    def document(self, seller_id: str, document_id: str, now: datetime) -> RequestedReport:
        """The report a document belongs to."""
        for report in chain(self._reports[seller_id].values(), self._settlements(seller_id, now)):
            if report.document_id == document_id and report.has_document(now) and report.created >= now - RETENTION:
                return report
        raise ApiError(404, "NotFound", f"Report document {document_id} is not found.")

    def body(self, report: RequestedReport) -> tuple[bytes, str]:
        """The bytes behind the presigned URL, and their declared charset."""
        with self._rendering:
            if report.document_id not in self._bodies:
                while len(self._bodies) >= 4:
                    self._bodies.pop(next(iter(self._bodies)))
                self._bodies[report.document_id] = _spoil(report, *self._render(report))
            return self._bodies[report.document_id]

    def _decide(self, report: RequestedReport, rules: Rules, number: int) -> RequestedReport:
        """The outcome of the report: by limits, then faults, then whether there is data."""
        key = (report.seller_id, report.report_type)
        last, self._last_created[key] = self._last_created.get(key), report.created
        if last is not None and report.created - last < rules.cooldown:
            self._tally.report("cooldown_violations", *key)
            is_fatal = report.report_type == render.SHIPMENTS or number % 2 == 0
            return replace(report, final="FATAL", holds=None) if is_fatal else _cancelled(report, at=report.begins)
        if rules.is_snapshot and (report.start or report.end):
            self._tally.report("range_violations", *key)
            return replace(report, final="FATAL", holds=None)
        if complaint := _range_complaint(report, rules):
            self._tally.report("range_violations", *key)
            return replace(report, final="DONE" if complaint == RANGE_EXCEEDED else "FATAL", holds=complaint)
        days = tuple((at or report.created).date().isoformat() for at in (report.start, report.end))
        fault = self._faults.on_report(*key, (days[0], days[1]), number)
        match fault:
            case "for_good":
                return replace(report, final="FATAL", holds="An internal error occurred while the report was generated.")
            case "fatal":
                return replace(report, final="FATAL", holds=None)
            case "cancelled_by_caller" | "cancelled_cooldown":
                return _cancelled(report, at=report.begins)
            case "cancelled_no_data":
                return replace(report, final="CANCELLED", holds=None)
            case "done_error_text":
                return replace(report, holds=RANGE_EXCEEDED)
            case "header_only":
                return replace(report, holds="header")
        if rules.cancelled_if_empty and not self._rows(report):
            return replace(report, final="CANCELLED", holds=None)
        if report.report_type == render.LEDGER_SUMMARY and len(report.options.keys() & SUMMARY_OPTIONS.keys()) < 2:
            # A real account got a document without rows when an option was missing.
            return replace(report, holds="header")
        return replace(report, fault=fault)

    def _rows(self, report: RequestedReport) -> Sequence[Row]:
        rules = RULES[report.report_type]
        start, end = report.start or report.created, report.end or report.created
        if report.report_type == render.LEDGER_SUMMARY and report.chance("neighbour") < 0.5:
            end += timedelta(days=1)  # daily requests may return the next day's rows too
        marketplace_id = report.marketplace_ids[0] if rules.one_marketplace else None
        rows = self._sellers[report.seller_id].rows(report.report_type, start, end, report.ends, marketplace_id)
        for option, column in (("eventType", "Event Type"), ("FNSKU", "FNSKU"), ("MSKU", "MSKU"), ("ASIN", "ASIN")):
            if option in report.options:
                rows = [row for row in rows if row.values.get(column) == report.options[option]]
        return rows

    def _render(self, report: RequestedReport) -> tuple[bytes, str]:
        seller = self._sellers[report.seller_id]
        region, marketplace_id = seller.profile.region, report.marketplace_ids[0]
        if report.settlement_id is not None:
            return render.render(report.report_type, seller.settlement_rows(report.settlement_id), region=region, marketplace_id=marketplace_id)
        if report.holds not in ("rows", "header"):
            return str(report.holds).encode(), "UTF-8"
        if report.report_type == render.PERFORMANCE:
            return render.render_json(seller.performance(report.ends) if report.holds == "rows" else {})
        rows = self._rows(report) if report.holds == "rows" else []
        return render.render(report.report_type, rows, region=region, marketplace_id=marketplace_id, variant=_variant(report, region))

    def _find(self, seller_id: str, report_id: str, now: datetime) -> RequestedReport:
        own = self._reports[seller_id].get(report_id)
        found = own or next((one for one in self._settlements(seller_id, now) if one.report_id == report_id), None)
        if found and found.created >= now - RETENTION:
            return found
        raise ApiError(404, "NotFound", f"Report {report_id} is not found.")

    def _settlements(self, seller_id: str, now: datetime) -> Iterator[RequestedReport]:
        """The settlement reports, which Amazon makes by itself."""
        for info in self._sellers[seller_id].settlements(now):
            yield RequestedReport(
                report_id=f"9{info.settlement_id}",
                seller_id=seller_id,
                report_type=render.SETTLEMENT,
                marketplace_ids=[info.marketplace_id],
                start=info.start,
                end=info.end,
                created=info.created_at,
                begins=info.created_at,
                ends=info.created_at,
                final="DONE",
                settlement_id=info.settlement_id,
            )

    def _marketplaces(self, seller_id: str, asked: object) -> Sequence[str]:
        if not isinstance(asked, list) or not asked or not all(isinstance(one, str) for one in asked):
            raise invalid_input("marketplaceIds is required.")
        if strange := set(asked) - self._known_marketplaces:
            raise invalid_input(f"Invalid marketplaceIds: {', '.join(sorted(strange))}.")
        if set(asked) - set(self._sellers[seller_id].profile.marketplace_ids):
            raise denied("The seller does not participate in the marketplace.")
        return asked


def _range_complaint(report: RequestedReport, rules: Rules) -> str | None:
    """Amazon's sentence for a range that is too wide or too old."""
    if rules.cap is None or report.start is None or report.end is None:
        return None
    if report.end - report.start > timedelta(days=rules.cap):
        return RANGE_EXCEEDED if report.report_type == render.ORDERS else f"The date range is limited to {rules.cap} days."
    if report.report_type == render.SHIPMENTS and report.start < report.created - OLDEST_SHIPMENTS:
        return "The start date is more than 18 months ago."
    return None


def _cancelled(report: RequestedReport, *, at: datetime) -> RequestedReport:
    """Cancelled before processing began."""
    return replace(report, final="CANCELLED", holds=None, begins=at, ends=at)


def _variant(report: RequestedReport, region: str) -> str:
    """The layout of the seller's reports; some sellers always get another one, such as the ledger's documented one."""
    if report.report_type == render.LEDGER and share("documented", report.seller_id) < 1 / 3:
        return "documented"
    if report.report_type in (render.LEDGER, render.LEDGER_SUMMARY):
        return "store" if region == "eu" else ""
    if report.report_type == render.REMOVAL_ORDERS:
        choices = ("", *render.VARIANTS[render.REMOVAL_ORDERS])
        return choices[int(share("variant", report.seller_id) * len(choices))]
    if report.report_type == render.MFN_RETURNS and share("category", report.seller_id) < 1 / 3:
        return "category"
    return "crlf" if report.chance("crlf") < 1 / 7 else ""


def _spoil(report: RequestedReport, text: bytes, charset: str) -> tuple[bytes, str]:
    """The document as stored: compressed, with its fault applied."""
    if report.fault == "truncated_text":
        text = _cut_mid_row(text)
    if report.fault == "wrong_charset_label":
        charset = "UTF-8" if charset == "Cp1252" else "Cp1252"
    if not report.is_compressed():
        return text, charset
    body = gzip.compress(text, 5, mtime=0)
    if report.fault == "doubly_compressed":
        body = gzip.compress(body, 5, mtime=0)
    return body[: len(body) * 3 // 5] if report.fault == "truncated_gzip" else body, charset


def _cut_mid_row(text: bytes) -> bytes:
    """Three fifths of the rows, the last of them only up to a third."""
    lines = text.splitlines(keepends=True)
    last = lines[len(lines) * 3 // 5]
    return b"".join(lines[: len(lines) * 3 // 5]) + last[: len(last) // 3]
