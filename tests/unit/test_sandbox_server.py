"""The sandbox answers over HTTPS as Amazon's Reports API does, with its limits, its quirks and its faults."""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sp_api.api import Reports
from sp_api.auth import AccessTokenClient
from sp_api.base import Marketplaces, SellingApiForbiddenException

from sandbox import render as r
from sandbox.faults import REPORT_FAULTS, FaultPlan
from sandbox.server import CLIENT_ID, CLIENT_SECRET, build_app, serve
from seller_warehouse.core.simulated_clock import ManualClock

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
US, CANADA, GERMANY = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1PA6795UKMFR9"
MINUTE, HOUR, DAY = 60, 3600, 86400
REPORTS = "/reports/2021-06-30/reports"


@dataclass
class StubSeller:
    """One reimbursement a day at noon, one piece of feedback in the US, two settlements; knows what happened until ``known_at``."""

    profile: Any
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def rows(self, report_type, start, end, known_at, marketplace_id=None):
        self.asked.append((report_type, start, end, known_at, marketplace_id))
        if report_type == r.REIMBURSEMENTS:
            noons = (NOW.replace(hour=12) - timedelta(days=n) for n in range(40, 0, -1))
            return [SimpleNamespace(values={"approval-date": n, "product-name": "Hülle"}) for n in noons if start <= n < end and n <= known_at]
        if report_type == r.FEEDBACK and marketplace_id == US:
            return [SimpleNamespace(values={"Rating": 1})]
        if report_type == r.LEDGER_SUMMARY:
            return [SimpleNamespace(values={"FNSKU": "X001"})]
        return []

    def settlements(self, known_at):
        made = [(f"{n}", NOW - timedelta(days=d)) for n, d in ((111, 100), (112, 20))]
        return [SimpleNamespace(settlement_id=s, marketplace_id=US, start=at, end=at, created_at=at) for s, at in made if at <= known_at]

    def settlement_rows(self, settlement_id):
        return [SimpleNamespace(values={"settlement-id": settlement_id})]

    def performance(self, known_at):
        return {"accountStatuses": [{"marketplaceId": US, "status": "NORMAL"}]}


def seller(seller_id: str, region: str, *marketplace_ids: str) -> StubSeller:
    return StubSeller(SimpleNamespace(seller_id=seller_id, refresh_token=f"Atzr|sandbox-{seller_id}", region=region, marketplace_ids=marketplace_ids))


@dataclass
class Sandbox:
    """A running sandbox and a client of it."""

    url: str
    http: httpx.Client
    clock: ManualClock
    sellers: dict[str, StubSeller]
    cert: Path
    tokens: dict[str, str] = field(default_factory=dict)

    def sign_in(self, seller_id: str = "one", **changed: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": f"Atzr|sandbox-{seller_id}"}
        return self.http.post("/auth/o2/token", data=form | changed)

    def call(self, method: str, path: str, seller_id: str = "one", **arguments: Any) -> httpx.Response:
        if seller_id not in self.tokens:
            self.tokens[seller_id] = self.sign_in(seller_id).json()["access_token"]
        return self.http.request(method, path, headers={"x-amz-access-token": self.tokens[seller_id]}, **arguments)

    def wait(self, seconds: float) -> None:
        """Let time pass, and sign in again before the next call."""
        self.clock.advance(seconds)
        self.tokens.clear()

    def create(self, report_type: str, days: int | None = None, seller_id: str = "one", **body: Any) -> httpx.Response:
        """Ask for the last ``days`` days until today's midnight; without them, without dates."""
        if days is not None:
            end = NOW.replace(hour=0)
            body = {"dataStartTime": (end - timedelta(days=days)).isoformat(), "dataEndTime": end.isoformat(), **body}
        market = GERMANY if seller_id == "german" else US
        return self.call("POST", REPORTS, seller_id, json={"reportType": report_type, "marketplaceIds": [market], **body})

    def report(self, *asked: Any, **body: Any) -> dict[str, Any]:
        """A requested report, five minutes later."""
        answer = self.create(*asked, **body)
        assert answer.status_code == 202, answer.text
        self.wait(5 * MINUTE)
        return self.call("GET", f"{REPORTS}/{answer.json()['reportId']}", body.get("seller_id", "one")).json()

    def stored(self, report: dict[str, Any], seller_id: str = "one", **query: str) -> tuple[dict[str, Any], httpx.Response]:
        document = self.call("GET", f"/reports/2021-06-30/documents/{report['reportDocumentId']}", seller_id, params=query).json()
        return document, self.http.get(document["url"])

    def text(self, report: dict[str, Any], seller_id: str = "one") -> str:
        document, answer = self.stored(report, seller_id)
        body = gzip.decompress(answer.content) if "compressionAlgorithm" in document else answer.content
        return body.decode(answer.charset_encoding or "")

    def counts(self) -> dict[str, Any]:
        return self.http.get("/sandbox/counts").json()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:

        def starter(faults: FaultPlan | None = None, spec: dict[str, Any] | None = None) -> Sandbox:
            sellers = {"one": seller("one", "na", US, CANADA), "two": seller("two", "na", US), "german": seller("german", "eu", GERMANY)}
            clock = ManualClock(NOW)
            app = build_app(SimpleNamespace(sellers=sellers), clock, faults, spec)
            url = stack.enter_context(serve(app, tmp_path))
            cert = tmp_path / "cert.pem"
            tls = ssl.create_default_context(cafile=str(cert))
            return Sandbox(url, stack.enter_context(httpx.Client(base_url=url, verify=tls, timeout=5)), clock, sellers, cert)

        yield starter


@pytest.fixture
def sandbox(start) -> Sandbox:
    return start()


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


# Login


def test_a_token_is_for_an_hour_of_sandbox_time(sandbox):
    answer = sandbox.sign_in()
    assert (answer.status_code, answer.json()["expires_in"], answer.json()["token_type"]) == (200, 3600, "bearer")
    assert sandbox.call("GET", REPORTS, params={"reportTypes": r.ORDERS}).status_code == 200
    sandbox.clock.advance(HOUR)
    answer = sandbox.call("GET", REPORTS, params={"reportTypes": r.ORDERS})
    assert error(answer) == (403, "Unauthorized")
    assert answer.json()["errors"][0]["details"] == "The access token you provided has expired."
    assert "x-amzn-RateLimit-Limit" not in answer.headers


def test_wrong_credentials_are_refused(sandbox):
    answer = sandbox.sign_in(client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    answer = sandbox.sign_in("nobody")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["error_description"].startswith("The request has an invalid grant parameter : refresh_token")
    assert sandbox.sign_in(grant_type="password").json()["error"] == "unsupported_grant_type"
    assert error(sandbox.http.get(REPORTS)) == (403, "Unauthorized")


# From request to document


def test_a_report_is_queued_processed_done_and_holds_what_was_known_when_it_was_done(sandbox):
    asked = sandbox.create(r.REIMBURSEMENTS, 3)
    assert asked.status_code == 202
    path = f"{REPORTS}/{asked.json()['reportId']}"
    seen = []
    for _ in range(49):
        if (status := sandbox.call("GET", path).json()["processingStatus"]) not in seen:
            seen.append(status)
        sandbox.clock.advance(5)
    assert seen == ["IN_QUEUE", "IN_PROGRESS", "DONE"]
    report = sandbox.call("GET", path).json()
    seconds = (datetime.fromisoformat(report["processingEndTime"]) - NOW).total_seconds()
    assert 30 <= seconds <= 240
    header, *rows = sandbox.text(report).splitlines()
    assert header.startswith("approval-date\treimbursement-id\t")
    assert [row[:10] for row in rows] == ["2026-11-17", "2026-11-18", "2026-11-19"]
    known_at = sandbox.sellers["one"].asked[-1][3]
    assert abs((known_at - datetime.fromisoformat(report["processingEndTime"])).total_seconds()) < 1


def test_ids_are_unique_only_together_with_the_seller(sandbox):
    ours, theirs = sandbox.report(r.REIMBURSEMENTS, 3), sandbox.report(r.REIMBURSEMENTS, 3, seller_id="two")
    assert ours["reportId"] == theirs["reportId"]
    answer = sandbox.call("GET", f"/reports/2021-06-30/documents/{theirs['reportDocumentId']}", "one")
    assert error(answer) == (404, "NotFound")
    assert answer.headers["x-amzn-RateLimit-Limit"] == "0.0167"


def test_europe_is_labelled_and_encoded_as_cp1252(sandbox):
    report = sandbox.report(r.REIMBURSEMENTS, 3, seller_id="german")
    _, answer = sandbox.stored(report, "german")
    assert answer.headers["content-type"] == "text/plain; charset=Cp1252"
    assert answer.headers["content-encoding"] == "identity"
    assert "Hülle" in sandbox.text(report, "german")


def test_documents_are_compressed_or_not_and_storage_says_so_if_asked(sandbox):
    compressed = {}
    for _ in range(12):
        report = sandbox.report(r.ORDERS, 1)
        document, answer = sandbox.stored(report)
        is_gzip = answer.content[:2] == b"\x1f\x8b"
        assert is_gzip == (document.get("compressionAlgorithm") == "GZIP")
        compressed[is_gzip] = report
    assert set(compressed) == {True, False}
    sandbox.wait(HOUR / 2)
    _, answer = sandbox.stored(compressed[True], enableContentEncodingUrlHeader="true")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text.startswith("amazon-order-id\t")


def test_a_presigned_url_works_for_five_minutes_and_only_as_signed(sandbox):
    document, answer = sandbox.stored(sandbox.report(r.REIMBURSEMENTS, 3))
    assert answer.status_code == 200
    changed = sandbox.http.get(document["url"].replace("X-Amz-Date=2026", "X-Amz-Date=2027"))
    assert (changed.status_code, "SignatureDoesNotMatch" in changed.text) == (403, True)
    sandbox.clock.advance(5 * MINUTE + 1)
    expired = sandbox.http.get(document["url"])
    assert (expired.status_code, "<Message>Request has expired</Message>" in expired.text) == (403, True)


def test_only_a_queued_report_can_be_cancelled(sandbox):
    report_id = sandbox.create(r.ORDERS, 1).json()["reportId"]
    assert sandbox.call("DELETE", f"{REPORTS}/{report_id}").status_code == 200
    report = sandbox.call("GET", f"{REPORTS}/{report_id}").json()
    assert (report["processingStatus"], "reportDocumentId" in report) == ("CANCELLED", False)
    done = sandbox.report(r.ORDERS, 1)
    assert error(sandbox.call("DELETE", f"{REPORTS}/{done['reportId']}")) == (400, "InvalidInput")


def test_a_report_is_of_the_first_marketplace_asked_for_or_of_the_region(sandbox):
    for report_type in (r.MFN_RETURNS, r.REIMBURSEMENTS):
        sandbox.text(sandbox.report(report_type, 5, marketplaceIds=[CANADA, US]))
    assert [call[4] for call in sandbox.sellers["one"].asked] == [CANADA, None]


def test_without_rows_some_reports_are_cancelled_and_others_have_a_header_only(sandbox):
    assert sandbox.report(r.FEEDBACK, 5, marketplaceIds=[CANADA])["processingStatus"] == "CANCELLED"
    assert sandbox.report(r.FEEDBACK, 5)["processingStatus"] == "DONE"
    assert sandbox.report(r.REMOVAL_SHIPMENTS, 5)["processingStatus"] == "CANCELLED"
    assert len(sandbox.text(sandbox.report(r.REMOVAL_ORDERS, 5)).splitlines()) == 1


def test_missing_dates_mean_now_so_the_range_is_empty(sandbox):
    report = sandbox.report(r.REIMBURSEMENTS)
    assert report["dataStartTime"] == report["dataEndTime"] == "2026-11-20T06:00:00+00:00"
    assert len(sandbox.text(report).splitlines()) == 1


def test_performance_is_json_whatever_dates_are_given(sandbox):
    assert json.loads(sandbox.text(sandbox.report(r.PERFORMANCE, 5)))["accountStatuses"][0]["status"] == "NORMAL"


def test_the_ledger_summary_needs_both_options(sandbox):
    assert len(sandbox.text(sandbox.report(r.LEDGER_SUMMARY, 5)).splitlines()) == 1
    sandbox.wait(HOUR / 2)
    options = {"aggregateByLocation": "COUNTRY", "aggregatedByTimePeriod": "DAILY"}
    assert len(sandbox.text(sandbox.report(r.LEDGER_SUMMARY, 5, reportOptions=options)).splitlines()) == 2


# What is refused


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"reportType": "GET_NOTHING"}, 400),
        ({"reportType": r.SETTLEMENT}, 400),
        ({"marketplaceIds": []}, 400),
        ({"marketplaceIds": ["A-NOWHERE"]}, 400),
        ({"marketplaceIds": [GERMANY]}, 403),
        ({"dataStartTime": "2026-11-01"}, 400),
        ({"dataStartTime": "2026-11-19T00:00:00Z", "dataEndTime": "2026-11-18T00:00:00Z"}, 400),
        ({"dataEndTime": "2026-11-20T06:00:01Z"}, 400),
        ({"reportOptions": {"preferredReportDocumentLocale": "en_US"}}, 400),
        ({"reportOptions": {"eventType": ""}}, 400),
        ({"reportOptions": {"eventType": 1}}, 400),
    ],
)
def test_wrong_requests(sandbox, body, status):
    answer = sandbox.create(r.LEDGER, 3, **body)
    assert error(answer) == (status, "InvalidInput" if status == 400 else "Unauthorized")
    assert ("x-amzn-RateLimit-Limit" in answer.headers) == (status == 400)
    assert sandbox.counts()["created"] == {}


@pytest.mark.parametrize(
    ("report_type", "days", "status", "explained"),
    [
        (r.ORDERS, 30, "DONE", False),
        (r.ORDERS, 31, "DONE", True),
        (r.SHIPMENTS, 31, "DONE", False),
        (r.SHIPMENTS, 32, "FATAL", True),
        (r.CUSTOMER_RETURNS, 32, "FATAL", True),
        (r.MFN_RETURNS, 61, "FATAL", True),
        (r.REIMBURSEMENTS, 181, "FATAL", True),
        (r.LEDGER, 270, "DONE", False),
        (r.LEDGER, 271, "FATAL", True),
        (r.FBA_INVENTORY, 1, "FATAL", False),
        (r.LISTINGS, None, "DONE", False),
    ],
)
def test_ranges_that_are_too_wide(sandbox, report_type, days, status, explained):
    report = sandbox.report(report_type, days)
    assert report["processingStatus"] == status
    if explained:
        assert "\t" not in sandbox.text(report)
        assert sandbox.counts()["range_violations"] == {"one": {report_type: 1}}
    else:
        assert ("reportDocumentId" in report) == (status == "DONE")


def test_the_sentence_for_too_many_days_of_orders(sandbox):
    assert sandbox.text(sandbox.report(r.ORDERS, 31)) == "Date range exceeded. Report can be requested only upto 30 days"


def test_shipments_of_more_than_18_months_ago_are_fatal(sandbox):
    report = sandbox.report(r.SHIPMENTS, dataStartTime="2025-05-01T00:00:00Z", dataEndTime="2025-05-20T00:00:00Z")
    assert report["processingStatus"] == "FATAL"


def test_quotas_are_a_bucket_that_fills_in_sandbox_time(sandbox):
    answers = [sandbox.create(r.ORDERS, 1) for _ in range(17)]
    assert [answer.status_code for answer in answers] == [202] * 15 + [429] * 2
    assert answers[0].headers["x-amzn-RateLimit-Limit"] == "0.0167"
    assert error(answers[15]) == (429, "QuotaExceeded")
    assert "x-amzn-RateLimit-Limit" not in answers[15].headers
    assert sandbox.create(r.ORDERS, 1, seller_id="two").status_code == 202
    sandbox.clock.advance(MINUTE)
    assert [sandbox.create(r.ORDERS, 1).status_code for _ in range(2)] == [202, 429]
    counts = sandbox.counts()
    assert counts["one"]["createReport"] == {"ok": 16, "throttled": 3}
    assert counts["created"] == {"one": {r.ORDERS: 16}, "two": {r.ORDERS: 1}}
    assert counts["max_over_quota"] == {"one": {"createReport": 2}}


@pytest.mark.parametrize(
    ("report_type", "seconds"),
    [(r.LEDGER, HOUR / 2), (r.SHIPMENTS, HOUR / 2), (r.REIMBURSEMENTS, 4 * HOUR), (r.REMOVAL_SHIPMENTS, 2 * HOUR), (r.ORDERS, 0)],
)
def test_asking_again_too_soon_spoils_the_report(sandbox, report_type, seconds):
    def ids(after: float) -> str:
        sandbox.wait(after)
        return sandbox.create(report_type, 1).json()["reportId"]

    early = [ids(0), ids(max(seconds - 1, 0)), ids(max(seconds - 1, 0))]
    late = ids(seconds)
    sandbox.create(report_type, 1, seller_id="two")
    sandbox.wait(5 * MINUTE)
    reports = [sandbox.call("GET", f"{REPORTS}/{one}").json() for one in (*early, late)]
    rightly = "CANCELLED" if report_type == r.REMOVAL_SHIPMENTS else "DONE"
    spoiled = {r.ORDERS: ["DONE", "DONE"], r.SHIPMENTS: ["FATAL", "FATAL"]}.get(report_type, ["FATAL", "CANCELLED"])
    assert [report["processingStatus"] for report in reports] == [rightly, *spoiled, rightly]
    assert sandbox.counts()["cooldown_violations"] == ({"one": {report_type: 2}} if seconds else {})


# Lists


def test_lists_are_paged_newest_first_and_a_token_goes_alone(sandbox):
    for _ in range(5):
        sandbox.create(r.ORDERS, 1)
        sandbox.clock.advance(1)
    sandbox.clock.advance(5 * MINUTE)
    first = sandbox.call("GET", REPORTS, params={"reportTypes": r.ORDERS, "pageSize": 2, "processingStatuses": "DONE"}).json()
    sandbox.create(r.ORDERS, 1)
    second = sandbox.call("GET", REPORTS, params={"nextToken": first["nextToken"]}).json()
    third = sandbox.call("GET", REPORTS, params={"nextToken": second["nextToken"]}).json()
    listed = [report["reportId"] for page in (first, second, third) for report in page["reports"]]
    assert listed == [f"5000000000{n}" for n in (5, 4, 3, 2, 1)]
    assert "nextToken" not in third
    assert error(sandbox.call("GET", REPORTS, params={"nextToken": first["nextToken"], "pageSize": 2})) == (400, "InvalidInput")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"nextToken": "nonsense"},
        {"reportTypes": r.ORDERS, "pageSize": 0},
        {"reportTypes": r.ORDERS, "pageSize": 101},
        {"reportTypes": ",".join([r.ORDERS] * 11)},
        {"reportTypes": r.ORDERS, "createdSince": (NOW - timedelta(days=91)).isoformat()},
    ],
)
def test_wrong_lists(sandbox, query):
    assert error(sandbox.call("GET", REPORTS, params=query)) == (400, "InvalidInput")


def test_settlements_are_listed_for_ninety_days(sandbox):
    listed = sandbox.call("GET", REPORTS, params={"reportTypes": r.SETTLEMENT, "marketplaceIds": US}).json()["reports"]
    assert [(report["processingStatus"], report["createdTime"][:10]) for report in listed] == [("DONE", "2026-10-31")]
    assert sandbox.text(listed[0]).splitlines()[1].startswith("112\t")
    elsewhere = sandbox.call("GET", REPORTS, params={"reportTypes": r.SETTLEMENT, "marketplaceIds": CANADA}).json()
    assert elsewhere["reports"] == []


# Faults


def spoiled(start, kind: str) -> tuple[Sandbox, dict[str, Any]]:
    sandbox = start(FaultPlan(1, {kind: 1.0}))
    return sandbox, sandbox.report(r.REIMBURSEMENTS, 30)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("fatal", "FATAL"), ("cancelled_by_caller", "CANCELLED"), ("cancelled_no_data", "CANCELLED"), ("cancelled_cooldown", "CANCELLED")],
)
def test_reports_that_fail_without_a_document(start, kind, status):
    sandbox, report = spoiled(start, kind)
    assert (report["processingStatus"], "reportDocumentId" in report) == (status, False)
    assert sandbox.counts()["faults"] == {kind: 1}


def test_documents_that_are_no_report(start):
    sandbox, report = spoiled(start, "done_error_text")
    assert report["processingStatus"] == "DONE"
    assert "\t" not in sandbox.text(report)
    sandbox, report = spoiled(start, "header_only")
    assert sandbox.text(report).splitlines() == ["\t".join(r.HEADERS[r.REIMBURSEMENTS])]


def test_documents_that_are_damaged(start):
    sandbox, report = spoiled(start, "truncated_gzip")
    with pytest.raises(EOFError):
        sandbox.text(report)
    sandbox, report = spoiled(start, "truncated_text")
    lines = sandbox.text(report).splitlines()
    assert (len(lines), lines[-2].count("\t"), lines[-1].count("\t") < 17) == (19, 17, True)
    sandbox, report = spoiled(start, "doubly_compressed")
    _, answer = sandbox.stored(report)
    assert gzip.decompress(gzip.decompress(answer.content)).startswith(b"approval-date")
    sandbox, report = spoiled(start, "wrong_charset_label")
    assert "HÃ¼lle" in sandbox.text(report)


def test_a_window_is_spoiled_twice_at_most_and_a_type_may_fail_for_good(start):
    sandbox = start(FaultPlan(1, {"fatal": 1.0}, for_good=[("one", r.LISTINGS)]))
    assert [sandbox.report(r.ORDERS, 2)["processingStatus"] for _ in range(4)] == ["FATAL", "FATAL", "DONE", "DONE"]
    assert sandbox.report(r.ORDERS, 3)["processingStatus"] == "FATAL"
    report = sandbox.report(r.LISTINGS)
    assert (report["processingStatus"], "reportDocumentId" in report) == ("FATAL", True)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [("error_500", [500, 202]), ("error_503", [503, 202]), ("throttle_storm", [429, 429, 429, 202]), ("expired_token", [403, 403, 202])],
)
def test_calls_that_fail_and_then_work(start, kind, statuses):
    sandbox = start(FaultPlan(1, {kind: 1.0}, limit=1, operations=["createReport"]))
    answers = [sandbox.create(r.ORDERS, 1) for _ in statuses[:-1]]
    if kind == "expired_token":
        sandbox.tokens.clear()
    answers.append(sandbox.create(r.ORDERS, 1))
    assert [answer.status_code for answer in answers] == statuses
    assert "x-amzn-RateLimit-Limit" not in answers[0].headers
    counts = sandbox.counts()
    assert counts["faults"] == {kind: 1}
    assert counts["created"] == {"one": {r.ORDERS: 1}}
    assert "throttled" not in counts["one"]["createReport"]


@pytest.mark.parametrize(("kind", "created"), [("hang", {}), ("lost_answer", {"one": {r.ORDERS: 1}})])
def test_calls_that_are_never_answered(start, kind, created):
    sandbox = start(FaultPlan(1, {kind: 1.0}, limit=1, operations=["createReport"]))
    sandbox.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.create(r.ORDERS, 1)
    counts = sandbox.counts()
    assert (counts["faults"], counts["created"]) == ({kind: 1}, created)


def test_an_expired_url_is_replaced_by_a_new_one(start):
    sandbox = start(FaultPlan(1, {"expired_url": 1.0}, limit=1))
    report = sandbox.report(r.ORDERS, 1)
    assert sandbox.stored(report)[1].status_code == 403
    assert sandbox.stored(report)[1].status_code == 200


def test_an_authorisation_ends_at_its_instant(start):
    sandbox = start(FaultPlan(1, {}, expired_refresh_tokens={"one": NOW + timedelta(minutes=10)}))
    assert sandbox.sign_in().status_code == 200
    sandbox.clock.advance(10 * MINUTE)
    assert sandbox.sign_in().json()["error"] == "invalid_grant"
    assert sandbox.sign_in("two").status_code == 200


def test_faults_are_repeatable_and_do_not_depend_on_other_sellers():
    rates = dict.fromkeys(REPORT_FAULTS, 0.05)
    one, other = FaultPlan(7, rates), FaultPlan(7, rates)
    alone = [one.on_report("a", r.ORDERS, (str(n), ""), n) for n in range(600)]
    beside = [(other.on_report("b", r.ORDERS, (str(n), ""), n), other.on_report("a", r.ORDERS, (str(n), ""), n))[1] for n in range(600)]
    assert alone == beside
    assert set(alone) == {None, *REPORT_FAULTS}
    assert 240 <= sum(fault is not None for fault in alone) <= 300  # 1 - 0.95 ** 10 is 40 % of 600
    with pytest.raises(ValueError, match="no such faults"):
        FaultPlan(1, {"flood": 1.0})


def test_a_plan_can_be_written_as_json():
    plan = FaultPlan.from_json({"rates": {"fatal": 1.0}, "for_good": [["a", r.ORDERS]], "expired_refresh_tokens": {"a": NOW.isoformat()}})
    assert plan.on_report("a", r.ORDERS, ("", ""), 1) == "for_good"
    assert plan.on_report("a", r.LEDGER, ("", ""), 2) == "fatal"
    assert plan.refresh_token_has_expired("a", NOW)
    assert plan.injected == {"for_good": 1, "fatal": 1, "expired_refresh_token": 1}


# The published model and the library


def test_requests_are_held_against_the_published_model(start):
    definitions = {"CreateReportSpecification": {"type": "object", "required": ["reportType"], "properties": {"reportType": {"type": "string"}}}}
    query = [{"name": "reportTypes", "in": "query", "required": False, "type": "array", "maxItems": 10, "items": {"type": "string"}}]
    body = [{"name": "body", "in": "body", "schema": {"$ref": "#/definitions/CreateReportSpecification"}}]
    paths = {"/": {"get": {"operationId": "getReports", "parameters": query}, "post": {"operationId": "createReport", "parameters": body}}}
    sandbox = start(spec={"paths": paths, "definitions": definitions})
    assert error(sandbox.create(r.ORDERS)) == (400, "InvalidInput")
    assert sandbox.call("GET", REPORTS, params={"reportTypes": r.ORDERS}).status_code == 200
    assert sandbox.call("GET", REPORTS, params={"reportTypes": r.ORDERS, "MarketplaceId": US}).status_code == 200
    assert sandbox.call("GET", REPORTS, params={"reportTypes": r.ORDERS, "sort": "up"}).status_code == 400
    violations = sandbox.counts()["violations"]
    assert [text.split(":")[0] for text in violations] == ["createReport", "getReports"]
    assert "marketplaceIds" in violations[0]
    assert "sort" in violations[1]


def test_the_library_gets_a_report(sandbox):
    host = urlsplit(sandbox.url).netloc

    class Login(AccessTokenClient):
        pass

    Login.host = host
    credentials = {"lwa_app_id": CLIENT_ID, "lwa_client_secret": CLIENT_SECRET, "refresh_token": "Atzr|sandbox-one"}
    client = Reports(Marketplaces.US, credentials=credentials, verify=str(sandbox.cert), auth_token_client_class=Login)
    client.endpoint = sandbox.url
    end = NOW.replace(hour=0)
    report_id = client.create_report(
        reportType=r.REIMBURSEMENTS, marketplaceIds=[US], dataStartTime=end - timedelta(days=2), dataEndTime=end
    ).payload["reportId"]
    sandbox.clock.advance(5 * MINUTE)
    listed = client.get_reports(reportTypes=[r.REIMBURSEMENTS], processingStatuses=["DONE"], createdSince=NOW).payload["reports"]
    assert [report["reportId"] for report in listed] == [report_id]
    report = client.get_report(report_id).payload
    text = client.get_report_document(report["reportDocumentId"], download=True).payload["document"]
    assert len(text.splitlines()) == 3
    sandbox.clock.advance(HOUR)
    with pytest.raises(SellingApiForbiddenException, match="expired"):
        client.get_report(report_id)
    client.close()
