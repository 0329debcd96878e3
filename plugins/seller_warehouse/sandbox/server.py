"""Amazon's Reports API and Login with Amazon over HTTPS, for the simulated sellers of a world.

Quotas, error bodies, statuses and the presigned documents follow the API's published model (reports_2021-06-30) and what
users report of the real one. All times are the sandbox clock's.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import secrets
import socket
import ssl
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

import anyio
import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from seller_warehouse.sandbox import render
from seller_warehouse.sandbox.faults import FaultPlan, NoFaults, share
from seller_warehouse.sandbox.world import World
from seller_warehouse.sandbox.world_rows import Row

CLIENT_ID = "amzn1.application-oa2-client.sandbox"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - the sandbox's one application

QUOTAS = {
    "createReport": (0.0167, 15),
    "getReport": (2.0, 15),
    "getReports": (0.0222, 10),
    "cancelReport": (0.0222, 10),
    "getReportDocument": (0.0167, 15),
}
"""Requests per second and burst of each operation, for one application and one seller."""

API = "/reports/2021-06-30"
TOKEN_LIFETIME = timedelta(hours=1)
URL_LIFETIME = timedelta(minutes=5)
RETENTION = timedelta(days=90)
OLDEST_SHIPMENTS = timedelta(days=548)
RANGE_EXCEEDED = "Date range exceeded. Report can be requested only upto 30 days"

ADDED_BY_LIBRARIES = frozenset({"MarketplaceId", "MarketplaceIds", "marketplace_ids", "marketplaceIds"})
"""Query parameters python-amazon-sp-api adds to every GET and DELETE; Amazon ignores those an operation does not have."""


@dataclass(frozen=True)
class Rules:
    """What Amazon allows for a report type.

    ``cap`` is the widest range in days, ``cooldown`` how long a seller has to wait before the next report of the type.
    """

    cap: int | None = None
    cooldown: timedelta = timedelta()
    one_marketplace: bool = False
    is_snapshot: bool = False
    ignores_dates: bool = False
    cancelled_if_empty: bool = False
    accepts_locale: bool = True


_HALF_HOUR, _TWO_HOURS, _FOUR_HOURS = timedelta(minutes=30), timedelta(hours=2), timedelta(hours=4)

RULES: dict[str, Rules] = {
    render.LEDGER: Rules(cap=270, cooldown=_HALF_HOUR, accepts_locale=False),
    render.LEDGER_SUMMARY: Rules(cap=90, cooldown=_HALF_HOUR, accepts_locale=False),
    render.REIMBURSEMENTS: Rules(cap=180, cooldown=_FOUR_HOURS, accepts_locale=False),
    render.CUSTOMER_RETURNS: Rules(cap=31, cooldown=_FOUR_HOURS),
    render.REPLACEMENTS: Rules(cap=30, cooldown=_FOUR_HOURS, cancelled_if_empty=True),
    render.REMOVAL_ORDERS: Rules(cap=90, cooldown=_HALF_HOUR),
    render.REMOVAL_SHIPMENTS: Rules(cap=90, cooldown=_TWO_HOURS, cancelled_if_empty=True),
    render.SHIPMENTS: Rules(cap=31, cooldown=_HALF_HOUR),
    render.ORDERS: Rules(cap=30, accepts_locale=False),
    render.MFN_RETURNS: Rules(cap=60, one_marketplace=True),
    render.FEEDBACK: Rules(one_marketplace=True, cancelled_if_empty=True),
    render.FBA_INVENTORY: Rules(cooldown=_HALF_HOUR, one_marketplace=True, is_snapshot=True),
    render.FBA_INVENTORY_UNSUPPRESSED: Rules(cooldown=_HALF_HOUR, one_marketplace=True, is_snapshot=True),
    render.LISTINGS: Rules(cooldown=_HALF_HOUR, one_marketplace=True, is_snapshot=True),
    render.PERFORMANCE: Rules(ignores_dates=True, accepts_locale=False),
}
"""Every report type that can be asked for; settlements cannot."""


class Clock(Protocol):
    """Anything that tells the sandbox's time."""

    def now(self) -> datetime:
        """What the clock shows, with an offset."""


class ApiError(Exception):
    """An answer of Amazon's that is not the one asked for: ``{"errors": [{code, message, details}]}``."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status, self.body = status, {"errors": [{"code": code, "message": message, "details": details}]}


def invalid_input(message: str) -> ApiError:
    """400, the request is wrong and will always be."""
    return ApiError(400, "InvalidInput", message)


def denied(details: str) -> ApiError:
    """403, for a token as for a missing role."""
    return ApiError(403, "Unauthorized", "Access to requested resource is denied.", details)


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report of a seller; what becomes of it is decided when it is asked for."""

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
        """Not to be guessed from the report's id, which is another report's at another seller."""
        part = f"{share('document', self.seller_id, self.report_id):.16f}"[2:]
        return f"amzn1.spdoc.1.4.sandbox.{part}.{self.seller_id}"

    def chance(self, purpose: str) -> float:
        """A number in [0, 1) that is always the same for this report."""
        return share(purpose, self.seller_id, self.report_id)

    def status(self, now: datetime) -> str:
        """Where processing stands."""
        if now < self.begins:
            return "IN_QUEUE"
        return "IN_PROGRESS" if now < self.ends else self.final

    def has_document(self, now: datetime) -> bool:
        """Whether getReport names a document."""
        return self.holds is not None and now >= self.ends

    def is_compressed(self) -> bool:
        """Most documents are; a fault of compression needs one that is."""
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


class Tally:
    """What was asked and how it was answered, for tests and summaries."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self._by_type: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self._refused_in_a_row: Counter[tuple[str, str]] = Counter()
        self._longest_refusal: dict[str, Counter[str]] = defaultdict(Counter)
        self.violations: list[str] = []

    def call(self, seller_id: str, operation: str, outcome: str) -> None:
        """Count an answer; a row of answers ``throttled`` shows how far over its quota a client went."""
        self._calls[seller_id][operation][outcome] += 1
        key = (seller_id, operation)
        self._refused_in_a_row[key] = self._refused_in_a_row[key] + 1 if outcome == "throttled" else 0
        if outcome == "throttled":
            longest = self._longest_refusal[seller_id]
            longest[operation] = max(longest[operation], self._refused_in_a_row[key])

    def report(self, what: str, seller_id: str, report_type: str) -> None:
        """Count a report under ``what``."""
        self._by_type[what][seller_id][report_type] += 1

    def as_json(self, injected: Mapping[str, int]) -> dict[str, Any]:
        """Everything counted."""
        by_type = {what: self._by_type[what] for what in ("created", "cooldown_violations", "range_violations")}
        return {
            **self._calls,
            **by_type,
            "max_over_quota": self._longest_refusal,
            "faults": injected,
            "violations": self.violations,
        }


class Quotas:
    """A token bucket for each seller and operation, filled in sandbox time."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], tuple[float, datetime]] = {}

    def take(self, seller_id: str, operation: str, now: datetime) -> bool:
        """Whether the call is within the quota; if so it is used."""
        rate, burst = QUOTAS[operation]
        tokens, then = self._buckets.get((seller_id, operation), (float(burst), now))
        tokens = min(float(burst), tokens + rate * (now - then).total_seconds())
        is_within = tokens >= 1
        self._buckets[seller_id, operation] = (tokens - is_within, now)
        return is_within


class Model:
    """Amazon's published model: which bodies and query parameters an operation takes."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        # Only needed where requests are held against the model.
        from jsonschema import Draft4Validator  # type: ignore[import-untyped]  # it ships no types

        definitions = {name: {"additionalProperties": False, **one} if "properties" in one else one for name, one in spec["definitions"].items()}
        self._validators: dict[str, Any] = {}
        for operation in (one for methods in spec["paths"].values() for one in methods.values() if "operationId" in one):
            parameters = operation.get("parameters", [])
            # "required" of a parameter is a boolean, which a JSON schema does not know.
            query = {p["name"]: {k: v for k, v in p.items() if k != "required"} for p in parameters if p["in"] == "query"}
            body = next((p["schema"] for p in parameters if p["in"] == "body"), None)
            schema = body or {"type": "object", "properties": query, "additionalProperties": False}
            self._validators[operation["operationId"]] = Draft4Validator({"definitions": definitions, **schema})

    def complaint(self, operation: str, request: object) -> str | None:
        """What is wrong with a body or with typed query parameters, or None."""
        return next((f"{operation}: {error.message}" for error in self._validators[operation].iter_errors(request)), None)

    def query_complaint(self, operation: str, query: Mapping[str, str]) -> str | None:
        """The same for query parameters as they came: text."""
        properties = self._validators[operation].schema["properties"]
        typed = {name: _typed(text, properties.get(name, {}).get("type")) for name, text in query.items()}
        return self.complaint(operation, {n: v for n, v in typed.items() if n in properties or n not in ADDED_BY_LIBRARIES})


class Desk:
    """Where sellers ask for reports: validation, limits, statuses, lists and documents. Knows nothing of HTTP."""

    def __init__(self, world: World, faults: FaultPlan, tally: Tally) -> None:
        self._sellers, self._faults, self._tally = world.sellers, faults, tally
        self._known_marketplaces = {m for seller in self._sellers.values() for m in seller.profile.marketplace_ids}
        self._reports: dict[str, dict[str, Report]] = defaultdict(dict)
        self._last_created: dict[tuple[str, str], datetime] = {}
        self._bodies: dict[str, tuple[bytes, str]] = {}
        self._rendering = threading.Lock()

    def create(self, seller_id: str, body: object, now: datetime) -> dict[str, Any]:
        """CreateReport."""
        if not isinstance(body, dict):
            raise invalid_input("The request body is not a JSON object.")
        report_type, rules = _report_type(body)
        marketplace_ids = self._marketplaces(seller_id, body.get("marketplaceIds"))
        options = _options(report_type, rules, body.get("reportOptions", {}))
        start, end = (_instant(body, name, now) for name in ("dataStartTime", "dataEndTime"))
        if not rules.is_snapshot and not rules.ignores_dates:
            start, end = start or now, end or now
        if start and end and start > end:
            raise invalid_input("dataStartTime is after dataEndTime.")
        number = len(self._reports[seller_id]) + 1
        report_id = f"{50_000_000_000 + number}"
        total = timedelta(seconds=30 + 210 * share("processing", seller_id, report_id))
        report = Report(
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
        wanted = _page_wanted(query, now)
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

    def document(self, seller_id: str, document_id: str, now: datetime) -> Report:
        """The report a document belongs to."""
        for report in chain(self._reports[seller_id].values(), self._settlements(seller_id, now)):
            if report.document_id == document_id and report.has_document(now) and report.created >= now - RETENTION:
                return report
        raise ApiError(404, "NotFound", f"Report document {document_id} is not found.")

    def body(self, report: Report) -> tuple[bytes, str]:
        """What lies behind the presigned URL, and the character set it is labelled with."""
        with self._rendering:
            if report.document_id not in self._bodies:
                while len(self._bodies) >= 4:
                    self._bodies.pop(next(iter(self._bodies)))
                self._bodies[report.document_id] = _spoil(report, *self._render(report))
            return self._bodies[report.document_id]

    def _decide(self, report: Report, rules: Rules, number: int) -> Report:
        """What becomes of the report: limits first, then faults, then whether there is anything to report."""
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
        if report.report_type == render.LEDGER_SUMMARY and len(report.options.keys() & _SUMMARY_OPTIONS.keys()) < 2:
            # Without both options a real account got a document without rows.
            return replace(report, holds="header")
        return replace(report, fault=fault)

    def _rows(self, report: Report) -> Sequence[Row]:
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

    def _render(self, report: Report) -> tuple[bytes, str]:
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

    def _find(self, seller_id: str, report_id: str, now: datetime) -> Report:
        own = self._reports[seller_id].get(report_id)
        found = own or next((one for one in self._settlements(seller_id, now) if one.report_id == report_id), None)
        if found and found.created >= now - RETENTION:
            return found
        raise ApiError(404, "NotFound", f"Report {report_id} is not found.")

    def _settlements(self, seller_id: str, now: datetime) -> Iterator[Report]:
        """The reports Amazon makes by itself."""
        for info in self._sellers[seller_id].settlements(now):
            yield Report(
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


_SUMMARY_OPTIONS = {"aggregateByLocation": ("COUNTRY",), "aggregatedByTimePeriod": ("DAILY",)}
"""The ledger summary's options, and the values that are simulated."""


def _report_type(body: Mapping[str, Any]) -> tuple[str, Rules]:
    report_type = body.get("reportType")
    if report_type == render.SETTLEMENT:
        raise invalid_input("Settlement reports cannot be requested; Amazon schedules them.")
    if not isinstance(report_type, str) or report_type not in RULES:
        raise invalid_input(f"Invalid reportType: {report_type}.")
    return report_type, RULES[report_type]


def _options(report_type: str, rules: Rules, options: object) -> Mapping[str, str]:
    if not isinstance(options, dict) or not all(isinstance(value, str) for value in options.values()):
        raise invalid_input("reportOptions is not a map of strings.")
    if "preferredReportDocumentLocale" in options and not rules.accepts_locale:
        raise invalid_input("Invalid reportOptions: preferredReportDocumentLocale.")
    if options.get("eventType") == "":
        raise invalid_input("Invalid reportOptions: eventType, length must be at least 1.")
    if report_type == render.LEDGER_SUMMARY:
        for name, values in _SUMMARY_OPTIONS.items():
            if options.get(name, values[0]) not in values:
                raise invalid_input(f"Invalid reportOptions: {name} (the sandbox simulates {' and '.join(values)} only).")
    return options


def _instant(body: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    text = body.get(name)
    if text is None:
        return None
    instant = _parsed(text, name)
    if instant > now:
        raise invalid_input(f"{name} is in the future.")
    return instant


def _parsed(text: object, name: str) -> datetime:
    with suppress(ValueError):
        instant = datetime.fromisoformat(str(text))
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    raise invalid_input(f"{name} is not an ISO 8601 date and time with an offset.")


def _page_wanted(query: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """What getReports is asked for: filters, page size and where the page starts."""
    if "nextToken" in query:
        if len(query) > 1:
            raise invalid_input("nextToken must be the only parameter.")
        try:
            return dict(json.loads(base64.urlsafe_b64decode(query["nextToken"])))
        except (binascii.Error, TypeError, ValueError):
            raise invalid_input("Invalid nextToken.") from None
    types, statuses, marketplaces = (_csv(query, name) for name in ("reportTypes", "processingStatuses", "marketplaceIds"))
    if not types or len(types) > 10:
        raise invalid_input("Either reportTypes (at most 10) or nextToken is required.")
    if len(marketplaces) > 10:
        raise invalid_input("At most 10 marketplaceIds.")
    size = query.get("pageSize", "10")
    if not size.isdecimal() or not 1 <= int(size) <= 100:
        raise invalid_input("pageSize must be between 1 and 100.")
    since = _parsed(query["createdSince"], "createdSince") if "createdSince" in query else now - RETENTION
    until = _parsed(query["createdUntil"], "createdUntil") if "createdUntil" in query else now
    if since < now - RETENTION:
        raise invalid_input("createdSince is more than 90 days ago.")
    wanted = {"types": types, "statuses": statuses, "marketplaces": marketplaces, "size": int(size), "offset": 0}
    return {**wanted, "since": since.isoformat(), "until": until.isoformat()}


def _csv(query: Mapping[str, str], name: str) -> list[str]:
    return query[name].split(",") if query.get(name) else []


def _range_complaint(report: Report, rules: Rules) -> str | None:
    """Amazon's sentence for a range that is too wide or too old."""
    if rules.cap is None or report.start is None or report.end is None:
        return None
    if report.end - report.start > timedelta(days=rules.cap):
        return RANGE_EXCEEDED if report.report_type == render.ORDERS else f"The date range is limited to {rules.cap} days."
    if report.report_type == render.SHIPMENTS and report.start < report.created - OLDEST_SHIPMENTS:
        return "The start date is more than 18 months ago."
    return None


def _cancelled(report: Report, *, at: datetime) -> Report:
    """Cancelled before processing began."""
    return replace(report, final="CANCELLED", holds=None, begins=at, ends=at)


def _variant(report: Report, region: str) -> str:
    """Some sellers always get another layout, the ledger's documented one among them."""
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


def _spoil(report: Report, text: bytes, charset: str) -> tuple[bytes, str]:
    """The document as stored: compressed, and with what its fault does to it."""
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


def _typed(text: str, kind: str | None) -> object:
    match kind:
        case "array":
            return text.split(",")
        case "integer" if text.lstrip("-").isdecimal():
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
    return text


Handler = Callable[[str, Request], Awaitable[Mapping[str, Any]]]


class Amazon:
    """The HTTP side: tokens, quotas, faults and presigned URLs."""

    def __init__(self, world: World, clock: Clock, faults: FaultPlan, spec: Mapping[str, Any] | None) -> None:
        self._clock, self._faults, self._tally, self._quotas = clock, faults, Tally(), Quotas()
        self._desk = Desk(world, faults, self._tally)
        self._model = Model(spec) if spec is not None else None
        self._sellers = {seller.profile.refresh_token: seller_id for seller_id, seller in world.sellers.items()}
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._key = secrets.token_hex(16)

    def routes(self) -> list[Route]:
        """Every path that is answered."""
        return [
            Route("/auth/o2/token", self.token, methods=["POST"]),
            Route(f"{API}/reports", self._operation("createReport", self.create_report), methods=["POST"]),
            Route(f"{API}/reports", self._operation("getReports", self.get_reports), methods=["GET"]),
            Route(f"{API}/reports/{{report_id}}", self._operation("getReport", self.get_report), methods=["GET"]),
            Route(f"{API}/reports/{{report_id}}", self._operation("cancelReport", self.cancel_report), methods=["DELETE"]),
            Route(f"{API}/documents/{{document_id}}", self._operation("getReportDocument", self.get_document), methods=["GET"]),
            Route("/stored/{seller_id}/{document_id}", self.download, methods=["GET"]),
            Route("/sandbox/counts", self.counts, methods=["GET"]),
        ]

    async def token(self, request: Request) -> Response:
        """Login with Amazon: a refresh token for an access token of one hour."""
        form = {**request.query_params, **dict(parse_qsl((await request.body()).decode()))}
        seller_id = self._sellers.get(form.get("refresh_token", ""))
        who = seller_id or "unknown"
        if fault := self._faults.on_call(who, "token"):
            return await self._fail(who, "token", fault, request)
        if form.get("grant_type") != "refresh_token":
            return self._refuse_token(who, 400, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server")
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return self._refuse_token(who, 401, "invalid_client", "Client authentication failed")
        if seller_id is None or self._faults.refresh_token_has_expired(seller_id, self._clock.now()):
            reason = "The request has an invalid grant parameter : refresh_token. User may have revoked or didn't grant the permission."
            return self._refuse_token(who, 400, "invalid_grant", reason)
        access_token = f"Atza|{secrets.token_hex(24)}"
        self._tokens[access_token] = (seller_id, self._clock.now() + TOKEN_LIFETIME)
        self._tally.call(seller_id, "token", "ok")
        lifetime = int(TOKEN_LIFETIME.total_seconds())
        return JSONResponse({"access_token": access_token, "refresh_token": form["refresh_token"], "token_type": "bearer", "expires_in": lifetime})

    async def create_report(self, seller_id: str, request: Request) -> Mapping[str, Any]:
        """CreateReport."""
        try:
            body = await request.json()
        except ValueError:
            raise invalid_input("The request body is not JSON.") from None
        if self._model:
            self._insist(self._model.complaint("createReport", body))
        return self._desk.create(seller_id, body, self._clock.now())

    async def get_reports(self, seller_id: str, request: Request) -> Mapping[str, Any]:
        """GetReports."""
        return self._desk.list(seller_id, self._query(request), self._clock.now())

    async def get_report(self, seller_id: str, request: Request) -> Mapping[str, Any]:
        """GetReport."""
        return self._desk.get(seller_id, request.path_params["report_id"], self._clock.now())

    async def cancel_report(self, seller_id: str, request: Request) -> Mapping[str, Any]:
        """CancelReport."""
        return self._desk.cancel(seller_id, request.path_params["report_id"], self._clock.now())

    async def get_document(self, seller_id: str, request: Request) -> Mapping[str, Any]:
        """GetReportDocument: a URL that works for five minutes."""
        now = self._clock.now()
        report = self._desk.document(seller_id, request.path_params["document_id"], now)
        gzip_header = report.is_compressed() and self._query(request).get("enableContentEncodingUrlHeader") == "true"
        signed = {"X-Amz-Date": now.isoformat(), "encoding": "gzip" if gzip_header else "identity"}
        path = f"/stored/{seller_id}/{report.document_id}"
        query = urlencode({**signed, "X-Amz-Expires": int(URL_LIFETIME.total_seconds()), "X-Amz-Signature": self._signature(path, signed)})
        answer = {"reportDocumentId": report.document_id, "url": f"{str(request.base_url).rstrip('/')}{path}?{query}"}
        return {**answer, "compressionAlgorithm": "GZIP"} if report.is_compressed() else answer

    async def download(self, request: Request) -> Response:
        """The document itself, as storage serves it."""
        seller_id, query, now = request.path_params["seller_id"], request.query_params, self._clock.now()
        fault = self._faults.on_call(seller_id, "download")
        if fault and fault != "expired_url":
            return await self._fail(seller_id, "download", fault, request)
        signed = {name: query.get(name, "") for name in ("X-Amz-Date", "encoding")}
        if not secrets.compare_digest(query.get("X-Amz-Signature", ""), self._signature(request.url.path, signed)):
            self._tally.call("unknown", "download", "denied")
            return _storage_error("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
        if fault or now > datetime.fromisoformat(signed["X-Amz-Date"]) + URL_LIFETIME:
            self._tally.call(seller_id, "download", "denied")
            return _storage_error("AccessDenied", "Request has expired")
        report = self._desk.document(seller_id, request.path_params["document_id"], now)
        body, charset = await run_in_threadpool(self._desk.body, report)
        self._tally.call(seller_id, "download", "ok")
        headers = {"Content-Type": f"text/plain; charset={charset}", "Content-Encoding": signed["encoding"]}
        return Response(body, headers=headers)

    async def counts(self, _: Request) -> Response:
        """What was asked and answered so far."""
        return JSONResponse(self._tally.as_json(self._faults.injected))

    def _operation(self, operation: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint behind the access token, the quota and the faults."""

        async def answer(request: Request) -> Response:
            seller_id = "unknown"
            try:
                seller_id = self._seller_of(request)
                fault = self._faults.on_call(seller_id, operation)
                if fault == "expired_token":
                    self._tokens.pop(request.headers["x-amz-access-token"])
                    self._seller_of(request)
                if fault and fault != "lost_answer":
                    return await self._fail(seller_id, operation, fault, request)
                if not self._quotas.take(seller_id, operation, self._clock.now()):
                    raise ApiError(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")
                body = await handler(seller_id, request)
                if fault:
                    return await self._fail(seller_id, operation, fault, request)
            except ApiError as error:
                self._tally.call(seller_id, operation, _OUTCOMES[error.status])
                return self._json(operation, error.status, error.body)
            self._tally.call(seller_id, operation, "ok")
            return self._json(operation, 202 if operation == "createReport" else 200, body)

        return answer

    def _seller_of(self, request: Request) -> str:
        token = request.headers.get("x-amz-access-token")
        if token is None:
            raise denied("Access token is missing in the request header.")
        seller_id, expires = self._tokens.get(token, (None, None))
        if seller_id is None or expires is None or self._clock.now() >= expires:
            raise denied("The access token you provided has expired." if token.startswith("Atza|") else "The access token you provided is malformed.")
        return seller_id

    def _query(self, request: Request) -> Mapping[str, str]:
        """The query, repeated parameters joined; held against the model if there is one."""
        query = {name: ",".join(request.query_params.getlist(name)) for name in request.query_params}
        if self._model:
            operation = "getReportDocument" if "/documents/" in request.url.path else "getReports"
            self._insist(self._model.query_complaint(operation, query))
        return query

    def _insist(self, complaint: str | None) -> None:
        if complaint:
            self._tally.violations.append(complaint)
            raise invalid_input(complaint)

    async def _fail(self, seller_id: str, operation: str, fault: str, request: Request) -> Response:
        """The answer, or the silence, of a fault."""
        match fault:
            case "throttle_storm" | "storm":
                self._tally.call(seller_id, operation, "throttled_by_fault")
                return self._json(operation, 429, ApiError(429, "QuotaExceeded", "You exceeded your quota for the requested resource.").body)
            case "error_500":
                self._tally.call(seller_id, operation, "error")
                return self._json(operation, 500, ApiError(500, "InternalFailure", "We encountered an internal error. Please try again.").body)
            case "hang" | "lost_answer":
                self._tally.call(seller_id, operation, "hung")
                with anyio.move_on_after(self._faults.hang_seconds):
                    while not await request.is_disconnected():
                        await anyio.sleep(0.05)
                return Response(status_code=503)
        self._tally.call(seller_id, operation, "error")
        return self._json(operation, 503, ApiError(503, "ServiceUnavailable", "The service is temporarily unavailable.").body)

    def _refuse_token(self, seller_id: str, status: int, error: str, description: str) -> Response:
        self._tally.call(seller_id, "token", _OUTCOMES[status])
        return JSONResponse({"error": error, "error_description": description}, status_code=status)

    def _json(self, operation: str, status: int, body: Mapping[str, Any]) -> Response:
        headers = {"x-amzn-RequestId": secrets.token_hex(16)}
        if operation in QUOTAS and status in (200, 202, 400, 404):
            headers["x-amzn-RateLimit-Limit"] = str(QUOTAS[operation][0])
        return JSONResponse(body, status_code=status, headers=headers)

    def _signature(self, path: str, signed: Mapping[str, str]) -> str:
        return f"{share(self._key, path, *signed.values()):.16f}"[2:]


_OUTCOMES = {400: "bad_request", 401: "denied", 403: "denied", 404: "not_found", 429: "throttled"}


def _storage_error(code: str, message: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(text, status_code=403, media_type="application/xml")


def build_app(world: World, clock: Clock, faults: FaultPlan | None = None, spec: Mapping[str, Any] | None = None) -> Starlette:
    """The sandbox as an ASGI application.

    With ``spec``, Amazon's published model (reports_2021-06-30 as JSON), requests are held against it.
    """
    return Starlette(routes=Amazon(world, clock, faults or NoFaults(), spec).routes())


@contextmanager
def serve(app: Starlette, home: Path, *, host: str = "127.0.0.1", port: int = 0, names: Sequence[str] = ()) -> Iterator[str]:
    """Serve over HTTPS from a thread; yields the URL, which ``home/url`` holds too.

    ``home/cert.pem`` is the certificate authority to trust. ``port`` 0 takes a free one. The certificate is for the host,
    for localhost and for ``names``; where every address is served (0.0.0.0) the URL has the first of them.
    """
    home.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "cert.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*dict.fromkeys((host, "127.0.0.1", "localhost", *names))).configure_cert(tls)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", ws="none", timeout_keep_alive=60)
    config.load()
    config.ssl = tls
    listening = socket.create_server((host, port))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    reached_at = next(iter(names), "127.0.0.1") if host == "0.0.0.0" else host  # noqa: S104 - compared, not bound
    url = f"https://{reached_at}:{listening.getsockname()[1]}"
    (home / "url").write_text(url)
    try:
        yield url
    finally:
        # Connections a client keeps open are not waited for.
        server.should_exit = server.force_exit = True
        thread.join()
        listening.close()
