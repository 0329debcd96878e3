"""One report queue: a report of one account is requested once, awaited, and landed whatever Amazon answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.faults import FaultPlan
from sandbox.world import World
from seller_warehouse.amazon import client as sp_api
from seller_warehouse.amazon.client import AccessRefused, Amazon, RetryLater
from seller_warehouse.amazon.planner import Window
from seller_warehouse.amazon.report_queue import ReportQueue, advance, load_queue, queue_file
from seller_warehouse.core.accounts import Account
from seller_warehouse.core.documents import Document
from seller_warehouse.core.home import Home
from seller_warehouse.ingest.landing import landed_documents
from seller_warehouse.reports import SPECS
from tests.amazon import DEMO_NA, Sandbox, sandbox
from tests.support import Warehouse

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
US, CANADA, MEXICO = DEMO_NA.marketplaces
ORDERS, REIMBURSEMENTS = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL", "GET_FBA_REIMBURSEMENTS_DATA"
FEEDBACK, PERFORMANCE = "GET_SELLER_FEEDBACK_DATA", "GET_V2_SELLER_PERFORMANCE_REPORT"
RANGE_EXCEEDED = "Date range exceeded. Report can be requested only upto 30 days"
EARLY = Window(marketplace_id="", first=date(2026, 11, 6), last=date(2026, 11, 10))
LATE = Window(marketplace_id="", first=date(2026, 11, 11), last=date(2026, 11, 15))
OPEN = Window(marketplace_id="", first=date(2026, 11, 11), last=date(2026, 11, 19))  # Reaches up to now.
SNAPSHOT = Window(marketplace_id="")


@dataclass
class Setting:
    """A sandbox, and queues of one account driven against it as a DAG run does: a new client for each visit."""

    sandbox: Sandbox
    home: Home
    account: Account = DEMO_NA

    def client(self, **changed: str) -> Amazon:
        return Amazon(self.account, self.sandbox.access(self.account, **changed), self.home, self.sandbox.clock)

    def visit(self, report: str, windows: list[Window], run: str = "one", **changed: str) -> tuple[ReportQueue, datetime | None]:
        """One visit of a report queue; returns it and the time of its next visit."""
        queue = load_queue(self.home, run, self.account.id, report, windows)
        amazon = self.client(**changed)
        try:
            return queue, advance(queue, self.account, amazon, self.home, self.sandbox.clock)
        finally:
            amazon.close()

    def finish(self, report: str, windows: list[Window], run: str = "one") -> ReportQueue:
        """Visit a queue whenever it is due, until every window has its answer."""
        for _ in range(200):
            queue, later = self.visit(report, windows, run)
            if later is None:
                assert queue.is_over
                return queue
            assert later > self.now
            self.sandbox.clock.advance((later - self.now).total_seconds())
        raise AssertionError("the queue never ends")

    @property
    def now(self) -> datetime:
        return self.sandbox.clock.now()

    def landed(self, report: str) -> list[Document]:
        return list(landed_documents(self.home, f"{self.account.id}/{report}"))

    def created(self) -> dict[str, int]:
        return self.sandbox.counts()["created"].get(self.account.id, {})

    def judged(self) -> dict[str, tuple[str, str]]:
        """Gate and load what has landed; verdict and reason by report id."""
        warehouse = Warehouse(self.home, accounts={self.account.id: self.account})
        warehouse.load(at=self.now)
        return {r: (v, why) for r, v, why in warehouse.query("select report_id, verdict, reason from meta.loads")}


@pytest.fixture(scope="module")
def world() -> World:
    return World("test", seed=1, start=date(2026, 9, 1), end=date(2026, 12, 12))


@pytest.fixture
def start(world: World, tmp_path: Path) -> Iterator[Callable[..., Setting]]:
    with ExitStack() as stack:

        def starter(kind: str = "", operations: list[str] | None = None, **plan: Any) -> Setting:
            faults = FaultPlan(1, {kind: 1.0} if kind else {}, operations=operations, **plan)
            return Setting(stack.enter_context(sandbox(tmp_path / "amazon", world, NOW, faults)), Home(tmp_path / "home"))

        yield starter


class Killed(BaseException):
    """As if the process had been killed."""


# From request to landing


def test_a_window_is_asked_for_once_and_lands_with_its_manifest(start):
    setting = start()
    queue = setting.finish("orders", [EARLY])
    assert (queue.planned, queue.landed, queue.requests, queue.answers, queue.todo, queue.opened) == (1, 1, 1, {"DONE": 1}, [], [])
    assert setting.created() == {ORDERS: 1}
    (document,) = setting.landed("orders")
    assert (document.window_start, document.window_end, document.marketplace_id) == (date(2026, 11, 6), date(2026, 11, 10), "")
    assert (document.source, document.answer, document.charset, document.report_id) == ("sp_api", "DONE", "utf-8", "50000000001")
    assert document.file_name == f"{ORDERS} 50000000001 (2026-11-06 to 2026-11-10)"
    assert NOW < document.retrieved_at < NOW + timedelta(minutes=5)
    text = gzip.decompress(document.path.read_bytes())
    assert text.startswith(b"amazon-order-id\t")
    assert queue.rows == len(text.splitlines()) - 1 > 5
    assert list((setting.home.landing / ".downloads").iterdir()) == []


def test_a_queue_that_is_over_is_not_started_again(start):
    setting = start()
    setting.finish("orders", [EARLY])
    counts = setting.sandbox.counts()["demo-na"]
    assert setting.visit("orders", [EARLY])[1] is None
    assert setting.sandbox.counts()["demo-na"] == counts


def test_each_marketplace_has_a_request_and_a_manifest_of_its_own(start):
    setting = start()
    windows = [Window(marketplace_id=m, first=date(2026, 10, 1), last=date(2026, 11, 15)) for m in DEMO_NA.marketplaces]
    setting.finish("mfn_returns", windows)
    assert sorted((d.marketplace_id, d.report_id) for d in setting.landed("mfn_returns")) == sorted(
        [(US, "50000000001"), (CANADA, "50000000002"), (MEXICO, "50000000003")]
    )


@pytest.mark.parametrize(
    ("report", "asked"), [("orders", [US]), ("reimbursements", [US]), ("inventory_ledger", [US]), ("seller_performance", [US, CANADA, MEXICO])]
)
def test_one_request_covers_an_account_with_three_marketplaces(start, monkeypatch, report, asked):
    """Asked for each marketplace, a region-wide report comes three times, and uses up its pause."""
    setting, bodies = start(), []
    monkeypatch.setattr(sp_api.Reports, "create_report", _noting(sp_api.Reports.create_report, bodies))
    setting.finish(report, [SNAPSHOT if report == "seller_performance" else EARLY])
    assert [b["marketplaceIds"] for b in bodies] == [asked]


def _noting(create: Callable[..., Any], bodies: list[dict[str, Any]]) -> Callable[..., Any]:
    def create_report(self: Any, **body: Any) -> Any:
        bodies.append(dict(body))
        return create(self, **body)

    return create_report


def test_a_snapshot_is_asked_for_without_dates(start):
    """A snapshot with dates ends FATAL."""
    setting = start()
    setting.finish("fba_inventory", [Window(marketplace_id=US)])
    assert setting.sandbox.counts()["range_violations"] == {}
    (document,) = setting.landed("fba_inventory")
    assert (document.window_start, document.window_end, document.marketplace_id) == (None, None, US)
    assert document.path.parent.parent.name == "snapshot"


def test_a_report_is_looked_at_less_and_less_often(start):
    """Half a minute after it was asked for, then 30, 60, 60, 120 and 300 seconds later."""
    setting = start()
    (_, later), waits = setting.visit("orders", [EARLY]), []
    amazon_never_ends = httpx.Response(200, json={"reportId": "50000000001", "processingStatus": "IN_PROGRESS", "createdTime": NOW.isoformat()})
    for _ in range(8):
        waits.append((later - setting.now).total_seconds())
        setting.sandbox.clock.advance(waits[-1])
        _, later = _answered(setting, amazon_never_ends)
    assert waits == [30, 30, 60, 60, 120, 300, 300, 300]


def _answered(setting: Setting, answer: httpx.Response, report: str = "orders") -> tuple[ReportQueue, datetime | None]:
    """One visit of a report queue whose next look at a report is answered so."""
    queue, amazon = load_queue(setting.home, "one", "demo-na", report, []), setting.client()
    amazon.sign_in()
    inner, given = amazon._http._transport, [answer]

    class Wire(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return given.pop() if given else inner.handle_request(request)

    amazon._http._transport = Wire()
    try:
        return queue, advance(queue, DEMO_NA, amazon, setting.home, setting.sandbox.clock)
    finally:
        amazon.close()


def test_a_status_that_amazon_adds_means_not_finished(start):
    setting = start()
    setting.visit("orders", [EARLY])
    setting.sandbox.clock.advance(300)
    _, later = _answered(
        setting, httpx.Response(200, json={"reportId": "50000000001", "processingStatus": "ON_HOLD", "createdTime": NOW.isoformat()})
    )
    assert later == setting.now + timedelta(seconds=30)
    assert setting.finish("orders", []).answers == {"DONE": 1}


def test_a_report_that_is_never_finished_is_given_up_after_a_day_and_requested_again(start):
    setting = start()
    setting.visit("orders", [EARLY])
    setting.sandbox.clock.advance(24 * 3600 + 1)
    never = httpx.Response(200, json={"reportId": "50000000001", "processingStatus": "IN_QUEUE", "createdTime": NOW.isoformat()})
    queue, _ = _answered(setting, never)
    assert queue.answers == {"LOST": 1}
    assert setting.finish("orders", []).answers == {"LOST": 1, "DONE": 1}
    assert [d.report_id for d in setting.landed("orders")] == ["50000000002"]


def test_days_that_have_become_too_old_while_a_queue_waited_are_left_out(start):
    """A range that reaches back more than 18 months ends FATAL. Five days inside them, the oldest day is 2025-05-25."""
    setting = start()
    gone = Window(marketplace_id="", first=date(2025, 5, 1), last=date(2025, 5, 24))
    cut = Window(marketplace_id="", first=date(2025, 5, 12), last=date(2025, 6, 9))
    queue = setting.finish("fulfilled_shipments", [cut, gone])
    assert (queue.planned, queue.requests, queue.answers) == (1, 1, {"DONE": 1})
    assert [(d.window_start, d.window_end) for d in setting.landed("fulfilled_shipments")] == [(date(2025, 5, 25), date(2025, 6, 9))]
    assert setting.sandbox.counts()["range_violations"] == {}


# Pauses and what runs at once


def test_two_requests_of_one_type_are_four_hours_apart_where_amazon_wants_that(start):
    setting = start()
    queue = setting.finish("reimbursements", [LATE, EARLY])
    assert (queue.requests, queue.answers) == (2, {"DONE": 2})
    assert setting.sandbox.counts()["cooldown_violations"] == {}
    assert timedelta(hours=4) < setting.now - NOW < timedelta(hours=4, minutes=10)
    assert [d.window_start for d in sorted(setting.landed("reimbursements"), key=lambda d: d.retrieved_at)] == [LATE.first, EARLY.first]


def test_the_pause_holds_for_another_run_of_the_same_type(start):
    setting = start()
    setting.finish("reimbursements", [LATE], run="daily")
    setting.finish("reimbursements", [EARLY], run="backfill")
    assert setting.sandbox.counts()["cooldown_violations"] == {}
    assert setting.created() == {REIMBURSEMENTS: 2}
    assert setting.now - NOW > timedelta(hours=4)


def test_reports_without_a_pause_are_in_the_making_ten_at_once(start):
    setting = start()
    days = [Window(marketplace_id="", first=d, last=d) for d in (date(2026, 11, 18) - timedelta(days=n) for n in range(12))]
    queue, _ = setting.visit("orders", days)
    assert (len(queue.opened), len(queue.todo)) == (10, 2)
    assert [o.window for o in queue.opened] == days[:10]
    assert setting.finish("orders", []).answers == {"DONE": 12}
    assert setting.created() == {ORDERS: 12}


# CANCELLED, FATAL, and DONE without rows


@pytest.mark.parametrize("kind", ["cancelled_no_data", "cancelled_by_caller", "cancelled_cooldown"])
def test_a_cancelled_report_that_is_never_empty_is_asked_for_again(start, kind):
    """CANCELLED has three causes, of which having no data is only one."""
    setting = start(kind, limit=1)
    queue = setting.finish("reimbursements", [EARLY])
    assert queue.answers == {"CANCELLED": 1, "DONE": 1}
    assert [(d.report_id, d.answer) for d in setting.landed("reimbursements")] == [("50000000002", "DONE")]
    assert setting.sandbox.counts()["cooldown_violations"] == {}
    # The pause of the type is kept, since breaking it may have cancelled the report.
    assert setting.now - NOW > timedelta(hours=4)


@pytest.mark.parametrize("kind", ["cancelled_no_data", "cancelled_by_caller", "cancelled_cooldown"])
def test_a_cancelled_report_that_may_be_empty_lands_as_cancelled_and_replaces_nothing(start, kind):
    """CANCELLED is recorded as unknown, never as no rows; the planner asks again on another day."""
    setting = start(kind, limit=1)
    assert SPECS["replacements"].may_be_empty
    queue = setting.finish("replacements", [EARLY])
    assert queue.answers == {"CANCELLED": 1}
    (document,) = setting.landed("replacements")
    assert (document.answer, document.sha256, document.byte_count, document.path.exists()) == ("CANCELLED", "", 0, False)
    assert (document.window_start, document.window_end, document.report_id) == (EARLY.first, EARLY.last, "50000000001")
    assert setting.judged() == {
        "50000000001": (
            "NO_DATA",
            "Amazon cancelled the report; there was no data, or the report was asked for elsewhere too soon: nothing was replaced",
        )
    }


def test_a_report_that_is_cancelled_three_times_lands_as_cancelled(start):
    setting = start("cancelled_by_caller", max_per_window=9)
    queue = setting.finish("orders", [EARLY])
    assert (queue.requests, queue.answers) == (3, {"CANCELLED": 3})
    assert [(d.answer, d.report_id) for d in setting.landed("orders")] == [("CANCELLED", "50000000003")]


def test_fatal_without_a_document_is_asked_for_again_after_the_pause(start):
    """FATAL is often the pause of the type, broken perhaps by another application of the seller."""
    setting = start("fatal", limit=2)
    queue = setting.finish("fulfilled_shipments", [EARLY])
    assert (queue.requests, queue.answers) == (3, {"FATAL": 2, "DONE": 1})
    # Two pauses of half an hour, and three reports that take up to five minutes until they are looked at.
    assert timedelta(hours=1) < setting.now - NOW < timedelta(hours=1, minutes=20)
    assert setting.sandbox.counts()["cooldown_violations"] == {}


def test_the_pause_starts_again_when_a_spoiled_report_is_found(start):
    """Another application may have asked meanwhile; the half hour since our own request says nothing then."""
    setting = start("fatal", limit=1)
    setting.visit("fulfilled_shipments", [EARLY])
    setting.sandbox.clock.advance(29 * 60)
    queue, later = setting.visit("fulfilled_shipments", [])
    assert (queue.answers, queue.todo) == ({"FATAL": 1}, [EARLY])
    assert later == setting.now + timedelta(minutes=31)


def test_fatal_three_times_is_a_refusal_that_names_report_and_days(start):
    setting = start("fatal", max_per_window=9)
    queue = setting.finish("orders", [EARLY])
    assert queue.answers == {"FATAL": 3}
    verdict, reason = setting.judged()["50000000003"]
    assert verdict == "QUARANTINED"
    assert reason.startswith(f"{ORDERS} 50000000003 (2026-11-06 to 2026-11-10), Amazon ended the report FATAL; it is asked for again")


def test_a_fatal_report_is_refused_with_what_its_document_says(start):
    """A FATAL report may have a document that explains it."""
    setting = start(for_good=[("demo-na", ORDERS)])
    setting.finish("orders", [EARLY])
    said = "An internal error occurred while the report was generated."
    assert [(d.answer, d.explanation) for d in setting.landed("orders")] == [("FATAL", said)]
    assert f"Amazon ended the report FATAL: {said}" in setting.judged()["50000000003"][1]
    assert list((setting.home.landing / ".downloads").iterdir()) == []


def test_done_with_a_sentence_for_a_document_lands_and_is_refused_in_amazons_words(start):
    """DONE does not mean data."""
    setting = start("done_error_text", limit=1)
    queue = setting.finish("orders", [EARLY])
    assert queue.answers == {"DONE": 1}
    (document,) = setting.landed("orders")
    assert gzip.decompress(document.path.read_bytes()).decode() == RANGE_EXCEEDED
    verdict, reason = setting.judged()["50000000001"]
    assert verdict == "QUARANTINED"
    assert RANGE_EXCEEDED in reason


def test_done_with_a_header_alone_is_no_data_and_replaces_nothing(start):
    """A header without rows is no proof that there are none."""
    setting = start("header_only", limit=1)
    queue = setting.finish("orders", [EARLY])
    assert (queue.answers, queue.rows) == ({"DONE": 1}, 0)
    assert setting.judged() == {"50000000001": ("NO_DATA", "a header and no rows: nothing was replaced")}


def test_a_request_that_amazon_calls_invalid_is_refused_by_name_and_holds_nothing_up(start):
    setting = start()
    ahead = Window(marketplace_id="", first=date(2026, 11, 25), last=date(2026, 11, 26))
    queue = setting.finish("orders", [ahead, EARLY])
    assert (queue.landed, queue.answers) == (2, {"DONE": 1})
    assert setting.sandbox.counts()["demo-na"]["createReport"] == {"bad_request": 1, "ok": 1}
    verdict, reason = setting.judged()[""]
    assert verdict == "QUARANTINED"
    assert reason.startswith(
        f"{ORDERS} (2026-11-25 to 2026-11-26), Amazon ended the report REJECTED: Amazon calls the request invalid (400: dataStart"
    )


def test_a_report_that_amazon_forgot_is_asked_for_again(start):
    setting = start()
    setting.visit("orders", [EARLY])
    setting.sandbox.clock.advance(300)
    gone = httpx.Response(404, json={"errors": [{"code": "NotFound", "message": "Report is not found."}]})
    queue, _ = _answered(setting, gone)
    assert queue.answers == {"LOST": 1}
    assert setting.finish("orders", []).answers == {"LOST": 1, "DONE": 1}


def test_a_document_that_amazon_no_longer_has_does_not_stop_the_queue(start, monkeypatch):
    setting = start()
    download = Amazon.download

    def without_the_first(self: Amazon, document_id: str, target: Path) -> Any:
        if setting.created() == {ORDERS: 1}:
            raise sp_api.Rejected("Amazon calls the request invalid (404: not found)")
        return download(self, document_id, target)

    monkeypatch.setattr(Amazon, "download", without_the_first)
    assert setting.finish("orders", [EARLY]).answers == {"LOST": 1, "DONE": 1}
    assert [d.answer for d in setting.landed("orders")] == ["DONE"]


# Interrupted


@pytest.mark.parametrize("report", ["orders", "reimbursements"])
def test_a_request_whose_answer_was_lost_is_found_in_the_list_and_not_repeated(start, report):
    setting = start("lost_answer", ["createReport"], limit=1, hang_seconds=0.05)
    queue, later = setting.visit(report, [OPEN])
    assert (queue.opened, queue.requests, later) == ([], 0, NOW + timedelta(minutes=1))
    assert setting.finish(report, []).answers == {"DONE": 1}
    assert sum(setting.created().values()) == 1
    assert [d.report_id for d in setting.landed(report)] == ["50000000001"]


def test_a_request_that_was_never_heard_is_made_again(start):
    setting = start("error_500", ["createReport"], limit=1)
    queue = setting.finish("reimbursements", [OPEN])
    assert (queue.requests, queue.answers) == (1, {"DONE": 1})
    assert setting.created() == {REIMBURSEMENTS: 1}
    assert setting.now - NOW < timedelta(minutes=10)


def test_a_lost_request_whose_report_is_cancelled_still_begins_the_pause(start, monkeypatch):
    """Asked again at once, the next one would be cancelled for coming too soon."""
    setting = start("cancelled_by_caller", limit=1)
    _lose_the_first(monkeypatch)
    queue, _ = setting.visit("reimbursements", [EARLY])
    assert queue.opened == []
    setting.sandbox.clock.advance(300)
    assert setting.finish("reimbursements", []).answers == {"DONE": 1}
    assert setting.created() == {REIMBURSEMENTS: 2}
    assert setting.sandbox.counts()["cooldown_violations"] == {}


def _lose_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    create, lost = sp_api.Reports.create_report, []

    def losing(self: Any, **body: Any) -> Any:
        answer = create(self, **body)
        if not lost:
            lost.append(body)
            raise httpx.ReadTimeout("lost")
        return answer

    monkeypatch.setattr(sp_api.Reports, "create_report", losing)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("report", ["reimbursements", "orders"])
def test_a_kill_between_request_and_noting_it_asks_for_nothing_twice(start, monkeypatch, report, number):
    """Killed after its first or second request was received, the queue finds the report in Amazon's list."""
    setting = start()
    create, calls = Amazon.create, []

    def killed(self: Amazon, *asked: Any) -> str:
        report_id = create(self, *asked)
        calls.append(report_id)
        if len(calls) == number:
            raise Killed(queue_file(setting.home, "one", "demo-na", report).read_bytes())
        return report_id

    monkeypatch.setattr(Amazon, "create", killed)
    with pytest.raises(Killed) as kill:
        setting.finish(report, [OPEN, EARLY])
    # A killed process leaves only what it had written.
    queue_file(setting.home, "one", "demo-na", report).write_bytes(kill.value.args[0])
    queue = setting.finish(report, [])
    assert queue.answers == {"DONE": 2}
    assert sum(setting.created().values()) == 2
    assert setting.sandbox.counts()["cooldown_violations"] == {}
    assert sorted((d.window_start, d.report_id) for d in setting.landed(report)) == [(EARLY.first, "50000000002"), (OPEN.first, "50000000001")]


def test_a_queue_whose_file_is_gone_takes_its_report_over_again(start):
    setting = start()
    setting.visit("reimbursements", [OPEN])
    queue_file(setting.home, "one", "demo-na", "reimbursements").unlink()
    assert setting.finish("reimbursements", [OPEN]).answers == {"DONE": 1}
    assert setting.created() == {REIMBURSEMENTS: 1}


def test_an_interrupted_download_keeps_the_report(start):
    """Three visits of five attempts each; the report is asked for once."""
    setting = start("error_503", ["download"], limit=10)
    queue = setting.finish("reimbursements", [EARLY])
    assert (queue.requests, queue.answers) == (1, {"DONE": 1})
    assert setting.sandbox.counts()["demo-na"]["download"] == {"error": 10, "ok": 1}
    assert setting.created() == {REIMBURSEMENTS: 1}
    assert list((setting.home.landing / ".downloads").iterdir()) == []


@pytest.mark.parametrize("failing", ["copy_compressed", "land"])
def test_a_queue_that_dies_while_it_downloads_or_lands_goes_on_with_the_same_report(start, monkeypatch, failing):
    setting = start()
    setting.visit("reimbursements", [EARLY])
    setting.sandbox.clock.advance(300)
    place = f"seller_warehouse.amazon.{'client' if failing == 'copy_compressed' else 'report_queue'}.{failing}"
    with monkeypatch.context() as patch:
        patch.setattr(place, _fails)
        with pytest.raises(OSError, match="No space left on device"):
            setting.visit("reimbursements", [])
    queue = load_queue(setting.home, "one", "demo-na", "reimbursements", [])
    assert [o.report_id for o in queue.opened] == ["50000000001"]
    assert setting.landed("reimbursements") == []
    assert setting.finish("reimbursements", []).answers == {"DONE": 1}
    assert setting.created() == {REIMBURSEMENTS: 1}


def _fails(*_: Any) -> Any:
    raise OSError(28, "No space left on device")


def test_a_kill_between_landing_and_noting_it_lands_nothing_twice(start, monkeypatch):
    setting = start()
    setting.visit("orders", [EARLY])
    setting.sandbox.clock.advance(300)
    left = queue_file(setting.home, "one", "demo-na", "orders").read_bytes()
    setting.visit("orders", [])
    (before,) = setting.landed("orders")
    queue_file(setting.home, "one", "demo-na", "orders").write_bytes(left)
    setting.finish("orders", [])
    assert setting.landed("orders") == [before]


def test_two_runs_of_one_report_do_not_download_into_the_same_place(start, monkeypatch):
    """The daily run and the backfill may have a queue of the same report at the same time."""
    setting, targets = start(), []
    download = Amazon.download

    def noting(self: Amazon, document_id: str, target: Path) -> Any:
        targets.append(target)
        return download(self, document_id, target)

    monkeypatch.setattr(Amazon, "download", noting)
    setting.finish("orders", [LATE], run="scheduled__2026-11-20T10:00:00+00:00")
    setting.finish("orders", [EARLY], run="manual__2026-11-20T10:00:00+00:00")
    assert len(set(targets)) == 2


def test_a_refused_connection_stops_the_queue_and_keeps_what_landed(start):
    setting = start()
    setting.finish("orders", [EARLY])
    setting.visit("orders", [LATE], run="two")
    setting.sandbox.clock.advance(300)
    with pytest.raises(AccessRefused, match="connection amazon_test: Login with Amazon says invalid_client"):
        setting.visit("orders", [], run="two", client_secret="wrong")
    assert len(setting.landed("orders")) == 1
    assert setting.finish("orders", [], run="two").answers == {"DONE": 1}
    assert setting.created() == {ORDERS: 2}


def test_a_used_up_quota_asks_for_nothing_and_goes_on_later(start, monkeypatch):
    setting = start()
    until = NOW + timedelta(minutes=15)
    with monkeypatch.context() as patch:
        patch.setattr(Amazon, "create", _later(until))
        queue, later = setting.visit("orders", [EARLY])
    assert (later, queue.todo, queue.has_looked) == (until, [EARLY], True)
    assert setting.finish("orders", []).answers == {"DONE": 1}
    assert setting.sandbox.counts()["demo-na"]["getReports"] == {"ok": 1}


def _later(until: datetime) -> Callable[..., Any]:
    def later(*_: Any) -> Any:
        raise RetryLater(until, "the quota of createReport is used up")

    return later


# Reports that are there already


def test_a_recent_report_of_the_same_range_is_taken_instead_of_asking(start):
    """Asked again inside its pause, it would be cancelled; another application of the seller may have asked for it."""
    setting = start()
    amazon = setting.client()
    asked = EARLY.instants(12, NOW)
    report_id = amazon.create(REIMBURSEMENTS, (US,), asked, {})
    setting.sandbox.clock.advance(3 * 3600)
    queue = setting.finish("reimbursements", [EARLY])
    assert (queue.requests, queue.answers) == (0, {"DONE": 1})
    assert [d.report_id for d in setting.landed("reimbursements")] == [report_id]
    assert setting.now == NOW + timedelta(hours=3)
    assert setting.created() == {REIMBURSEMENTS: 1}


@pytest.mark.parametrize(
    ("days", "marketplaces", "hours"),
    [
        ((6, 11), (US,), 1),  # One day more.
        ((5, 10), (US,), 1),
        ((6, 10), (CANADA,), 1),
        ((6, 10), (US,), 5),  # Later changes would be missed.
    ],
)
def test_a_report_of_other_days_or_marketplaces_or_of_long_ago_is_not_taken(start, days, marketplaces, hours):
    setting = start()
    other = Window(marketplace_id="", first=date(2026, 11, days[0]), last=date(2026, 11, days[1]))
    setting.client().create(REIMBURSEMENTS, marketplaces, other.instants(12, NOW), {})
    setting.sandbox.clock.advance(hours * 3600)
    queue = setting.finish("reimbursements", [EARLY])
    assert (queue.requests, queue.answers) == (1, {"DONE": 1})
    assert setting.created() == {REIMBURSEMENTS: 2}
    # Although it is not reused, it starts the pause: Amazon counts every application's requests.
    assert setting.sandbox.counts()["cooldown_violations"] == {}


def test_a_report_that_has_landed_is_not_taken_for_a_new_answer(start):
    setting = start()
    setting.finish("reimbursements", [EARLY], run="first")
    queue = setting.finish("reimbursements", [EARLY], run="second")
    assert queue.requests == 1
    assert sorted(d.report_id for d in setting.landed("reimbursements")) == ["50000000001", "50000000002"]
    assert setting.sandbox.counts()["cooldown_violations"] == {}


def test_a_snapshot_of_the_same_marketplace_is_taken_and_of_another_is_not(start):
    setting = start()
    amazon = setting.client()
    listings = SPECS["listings"].amazon_type
    assert listings
    amazon.create(listings, (CANADA,), None, {})
    setting.sandbox.clock.advance(31 * 60)
    amazon.create(listings, (US,), None, {})
    queue = setting.finish("listings", [Window(marketplace_id=US), Window(marketplace_id=MEXICO)])
    assert (queue.requests, queue.answers) == (1, {"DONE": 2})
    assert sorted((d.marketplace_id, d.report_id) for d in setting.landed("listings")) == [(MEXICO, "50000000003"), (US, "50000000002")]
    assert setting.sandbox.counts()["cooldown_violations"] == {}


# Settlements, which Amazon makes by itself


def test_settlements_are_listed_not_asked_for_and_only_new_ones_land(start, world):
    """They cannot be asked for, and are listed for 90 days."""
    setting = start()
    seller = world.sellers["demo-na"]
    made = {f"9{s.settlement_id}": s.marketplace_id for s in seller.settlements(NOW)}
    queue = setting.finish("settlements", [SNAPSHOT])
    assert queue.landed == queue.planned == len(made) > 3
    assert {d.report_id: d.marketplace_id for d in setting.landed("settlements")} == made
    assert {(d.window_start, d.window_end, d.answer) for d in setting.landed("settlements")} == {(None, None, "DONE")}
    downloads = setting.sandbox.counts()["demo-na"]["download"]["ok"]

    setting.finish("settlements", [SNAPSHOT], run="two")
    assert setting.sandbox.counts()["demo-na"]["download"] == {"ok": downloads}
    setting.sandbox.clock.advance(20 * 24 * 3600)
    new = {f"9{s.settlement_id}" for s in seller.settlements(setting.now)} - set(made)
    queue = setting.finish("settlements", [SNAPSHOT], run="three")
    assert queue.landed == len(new) > 0
    assert {d.report_id for d in setting.landed("settlements")} == set(made) | new
    assert setting.sandbox.counts()["created"] == {}


def test_settlements_that_were_interrupted_go_on_where_they_stopped(start):
    setting = start("error_503", ["download"], limit=8)
    queue = setting.finish("settlements", [SNAPSHOT])
    documents = setting.landed("settlements")
    assert queue.landed == queue.planned == len(documents) == len({d.report_id for d in documents})


def test_a_settlement_whose_document_is_gone_is_named_and_holds_no_other_up(start, monkeypatch):
    setting, download, gone = start(), Amazon.download, []

    def without_one(self: Amazon, document_id: str, target: Path) -> Any:
        if not gone:
            gone.append(document_id)
            raise sp_api.Rejected("Amazon calls the request invalid (404: Report document is not found.)")
        return download(self, document_id, target)

    monkeypatch.setattr(Amazon, "download", without_one)
    queue = setting.finish("settlements", [SNAPSHOT])
    answers = [d.answer for d in setting.landed("settlements")]
    assert (answers.count("LOST"), answers.count("DONE")) == (1, queue.landed - 1)
    lost = next(d for d in setting.landed("settlements") if d.answer == "LOST")
    assert "404: Report document is not found." in lost.explanation
    assert lost.report_id
    setting.finish("settlements", [SNAPSHOT], run="two")
    assert len(setting.landed("settlements")) == queue.landed


# The file of a report queue


def test_the_file_of_a_queue_holds_days_as_text_and_no_secret(start):
    setting = start()
    setting.visit("orders", [EARLY])
    path = queue_file(setting.home, "one", "demo-na", "orders")
    state = json.loads(path.read_text())
    assert (state["opened"][0]["report_id"], state["opened"][0]["window"]["first"]) == ("50000000001", "2026-11-06")
    assert not [s for s in ("Atzr", "Atza", "secret") if s in path.read_text()]
    assert (
        queue_file(setting.home, "scheduled__2026-11-20T10:00:00+00:00", "a", "orders").parent.parent.name == "scheduled__2026-11-20T10_00_00_00_00"
    )
