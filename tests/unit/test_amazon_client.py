"""Calls of Amazon's Reports API: within quotas, with retries where they help, clear errors where they do not, and no secrets in logs."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from sandbox.faults import FaultPlan, share
from sandbox.world import World
from seller_warehouse.amazon import client as sp_api
from seller_warehouse.amazon.client import Access, AccessRefused, Amazon, Rejected, Report, RetryLater, Transient, connection_id, explanation
from seller_warehouse.amazon.planner import plan_windows
from seller_warehouse.amazon.quotas import Quotas
from seller_warehouse.core.accounts import Account, ConfigurationError
from seller_warehouse.core.home import Home
from seller_warehouse.core.report_spec import MarketplaceScope
from seller_warehouse.core.simulated_clock import ManualClock
from seller_warehouse.reports import SPECS
from tests.amazon import CLIENT_SECRET, DEMO_EU, DEMO_NA, MODEL, SECOND_NA, Sandbox, sandbox

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ORDERS, REIMBURSEMENTS = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL", "GET_FBA_REIMBURSEMENTS_DATA"
SETTLEMENTS = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"
US = DEMO_NA.marketplaces[:1]
WEEK = (NOW - timedelta(days=7), NOW)
REFRESH_TOKEN = "Atzr|sandbox-demo-na"


class PatientClock(ManualClock):
    """A clock in real seconds, so that long waits free the worker slot; it records sleeps."""

    def __init__(self, shows: datetime) -> None:
        super().__init__(shows)
        self.slept: list[float] = []

    def real_seconds(self, seconds: float) -> float:
        return seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)


Answer = Callable[[httpx.Request], httpx.Response | None]


class Wire(httpx.BaseTransport):
    """The HTTP traffic: recorded, and sometimes answered by the test."""

    def __init__(self, amazon: Amazon) -> None:
        self.inner = amazon._http._transport
        self.requests: list[httpx.Request] = []
        self.answers: list[Answer] = []
        amazon._http._transport = self

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        made = self.answers.pop(0)(request) if self.answers else None
        return made or self.inner.handle_request(request)

    def paths(self) -> list[str]:
        return [r.url.path.rpartition("/")[2] for r in self.requests]


@dataclass
class Setting:
    """A sandbox and clients of it."""

    sandbox: Sandbox
    stack: ExitStack
    home: Home
    made: list[Amazon] = field(default_factory=list)

    def client(self, account: Account = DEMO_NA, clock: ManualClock | None = None, **changed: str) -> Amazon:
        amazon = Amazon(account, self.sandbox.access(account, **changed), self.home, clock or self.sandbox.clock)
        self.stack.callback(amazon.close)
        return amazon

    def counts(self, account: str = "demo-na") -> dict[str, dict[str, int]]:
        return self.sandbox.counts().get(account, {})

    def done(self, amazon: Amazon, report_type: str = ORDERS) -> Report:
        """A requested report, five minutes later."""
        report_id = amazon.create(report_type, US, WEEK, {})
        self.sandbox.clock.advance(300)
        return amazon.status(report_id)


@pytest.fixture(scope="module")
def world() -> World:
    return World("test", seed=1, start=date(2026, 11, 6), end=date(2026, 11, 20))


@pytest.fixture
def start(world: World, tmp_path: Path) -> Iterator[Callable[..., Setting]]:
    with ExitStack() as stack:

        def starter(kind: str = "", operations: list[str] | None = None, world: Any = world, **plan: Any) -> Setting:
            faults = FaultPlan(1, {kind: 1.0} if kind else {}, operations=operations, **plan)
            return Setting(stack.enter_context(sandbox(tmp_path / "amazon", world, NOW, faults)), stack, Home(tmp_path / "home"))

        yield starter


# Quotas


def test_two_clients_of_an_account_share_its_quota_and_other_accounts_have_their_own(start):
    """Amazon allows 15 requests at once and one a minute after; one of the 15 is left alone."""
    setting, clock = start(), PatientClock(NOW)
    one, two = setting.client(clock=clock), setting.client(clock=clock)
    for n in range(14):
        (one if n % 2 else two).create(ORDERS, US, WEEK, {})
    for amazon in (one, two):
        with pytest.raises(RetryLater, match="the quota of createReport is used up; going on at 2026-11-20 10:15:0"):
            amazon.create(ORDERS, US, WEEK, {})
    setting.client(SECOND_NA, clock).create(ORDERS, US, WEEK, {})
    assert setting.counts()["createReport"] == {"ok": 14}
    assert clock.slept == []


def test_processes_share_a_quota(tmp_path):
    home, clock = Home(tmp_path), ManualClock(NOW)
    script = f"""
from datetime import datetime; from pathlib import Path; from seller_warehouse.core.home import Home
from seller_warehouse.core.simulated_clock import ManualClock; from seller_warehouse.amazon.quotas import Quotas
quotas = Quotas(Home(Path({str(tmp_path)!r})), "demo-na", ManualClock(datetime.fromisoformat({NOW.isoformat()!r})))
print([quotas.take("createReport") for _ in range(9)])
quotas.record_request("orders", datetime.fromisoformat({NOW.isoformat()!r}))
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": ":".join(sys.path)}
    )
    assert ran.stdout.strip() == str([0] * 9)
    quotas = Quotas(home, "demo-na", clock)
    assert [quotas.take("createReport") for _ in range(5)] == [0] * 5
    assert 900 <= quotas.take("createReport") <= 902
    assert quotas.pause_left("orders", 30) == 31 * 60  # A minute more than Amazon asks for.


def test_a_short_wait_is_slept_and_a_long_one_gives_the_worker_slot_back(start):
    """getReport: 14 of 15 at once, 2 a second; the first place is free again after 7.5 seconds."""
    setting, clock = start(), PatientClock(NOW)
    amazon = setting.client(clock=clock)
    report_id = amazon.create(ORDERS, US, WEEK, {})
    for _ in range(14):
        amazon.status(report_id)
    with pytest.raises(RetryLater) as later:
        amazon.status(report_id)
    assert timedelta(seconds=7.5) <= later.value.until - NOW <= timedelta(seconds=9)
    clock.advance(4)
    amazon.status(report_id)
    assert len(clock.slept) == 1
    assert 3.5 <= clock.slept[0] <= 5


def test_sixty_requests_of_each_kind_never_meet_amazons_limit(start):
    """X-amzn-RateLimit-Limit is no number of seconds and is absent from a 429; the quotas are known without it."""
    setting = start()
    amazon = setting.client()
    report = setting.done(amazon)
    for _ in range(60):
        amazon.create(ORDERS, US, WEEK, {})
        amazon.status(report.report_id)
        amazon.listed(ORDERS, NOW, ("FATAL",))
        amazon.download(report.document_id, setting.home.root / "document")
    counts = setting.counts()
    assert set(counts) == {"token", "createReport", "getReport", "getReports", "getReportDocument", "download"}
    assert {outcome for operation in counts.values() for outcome in operation} == {"ok"}
    assert counts["createReport"] == {"ok": 61}
    assert setting.sandbox.counts()["max_over_quota"] == {}
    # Of the 61 the first 14 need not wait; the rest come 14 in every 15 minutes: 4 waits.
    assert timedelta(minutes=60) <= setting.sandbox.clock.now() - NOW <= timedelta(minutes=75)


def test_the_pause_of_a_report_type_counts_from_the_last_request(tmp_path):
    clock = ManualClock(NOW)
    quotas = Quotas(Home(tmp_path), "demo-na", clock)
    assert quotas.pause_left("reimbursements", 240) == 0
    quotas.record_request("reimbursements", NOW)
    quotas.record_request("reimbursements", NOW - timedelta(hours=3))  # Found out later, but earlier.
    assert quotas.pause_left("reimbursements", 240) == 241 * 60
    assert quotas.pause_left("reimbursements", 0) == 0
    assert quotas.pause_left("orders", 240) == 0
    assert Quotas(Home(tmp_path), "second-na", clock).pause_left("reimbursements", 240) == 0
    clock.advance(240 * 60)
    assert quotas.pause_left("reimbursements", 240) == 60
    quotas.record_request("reimbursements", clock.now())
    assert quotas.pause_left("reimbursements", 240) == 241 * 60


# Transient failures


@pytest.mark.parametrize(
    ("kind", "outcome", "times"),
    [("throttle_storm", "throttled_by_fault", 3), ("error_500", "error", 1), ("error_503", "error", 1), ("hang", "hung", 1)],
)
def test_what_passes_is_tried_again_after_a_while(start, monkeypatch, kind, outcome, times):
    monkeypatch.setattr(sp_api, "TIMEOUT_SECONDS", 0.3)
    setting = start(kind, ["getReport"], limit=1, hang_seconds=2)
    amazon = setting.client()
    report_id = amazon.create(ORDERS, US, WEEK, {})
    asked_at = setting.sandbox.clock.now()
    assert amazon.status(report_id).report_id == report_id
    assert setting.counts()["getReport"] == {outcome: times, "ok": 1}
    assert setting.sandbox.clock.now() > asked_at


@pytest.mark.parametrize(
    ("kind", "outcome"), [("throttle_storm", "throttled_by_fault"), ("error_500", "error"), ("error_503", "error"), ("hang", "hung")]
)
def test_what_does_not_pass_is_tried_five_times_and_then_left_for_ten_minutes(start, monkeypatch, kind, outcome):
    monkeypatch.setattr(sp_api, "TIMEOUT_SECONDS", 0.15)
    setting = start(kind, ["getReport"], hang_seconds=2)
    amazon = setting.client()
    report_id = amazon.create(ORDERS, US, WEEK, {})
    with pytest.raises(RetryLater, match="Amazon does not answer") as later:
        amazon.status(report_id)
    assert later.value.until == setting.sandbox.clock.now() + timedelta(minutes=10)
    # Four pauses between five attempts, with jitter: at most 2, 4, 8 and 16 seconds.
    assert timedelta() < setting.sandbox.clock.now() - NOW <= timedelta(seconds=30)
    assert setting.counts()["getReport"] == {outcome: 5}


UNREADABLE = [
    httpx.Response(200, text="<html>Bad gateway</html>"), httpx.Response(200, text=""), httpx.Response(200, content=b'{"reportId": "\xff"}'),
    httpx.Response(403, text="<html>Forbidden</html>"), httpx.Response(404, text=""), httpx.Response(400, json={"message": "Forbidden"}),
    httpx.Response(200, json=["reports"]), httpx.Response(502, text="<html>"),
]  # fmt: skip


@pytest.mark.parametrize("unreadable", UNREADABLE, ids=lambda r: f"{r.status_code}-{r.content[:12]!r}")
def test_an_answer_without_amazons_json_is_no_answer(start, unreadable):
    """Nor an empty success: a list without reports."""
    setting = start()
    amazon = setting.client()
    report_id = amazon.create(ORDERS, US, WEEK, {})
    wire = Wire(amazon)
    wire.answers = [lambda _: httpx.Response(unreadable.status_code, content=unreadable.content)] * 2
    assert [r.report_id for r in amazon.listed(ORDERS, NOW - timedelta(hours=1), ())] == [report_id]
    assert len(wire.requests) == 3
    wire.answers = [lambda _: httpx.Response(unreadable.status_code, content=unreadable.content)]
    with pytest.raises(Transient):
        amazon.create(ORDERS, US, WEEK, {})


def test_a_lost_request_for_a_report_is_not_repeated_by_itself(start):
    setting = start("lost_answer", ["createReport"], hang_seconds=0.05)
    with pytest.raises(Transient):
        setting.client().create(ORDERS, US, WEEK, {})
    assert setting.counts()["createReport"] == {"hung": 1}
    assert setting.sandbox.counts()["created"] == {"demo-na": {ORDERS: 1}}


def test_a_login_that_is_out_of_order_is_no_wrong_secret(start):
    setting = start("error_503", ["token"])
    with pytest.raises(RetryLater, match="Amazon does not answer"):
        setting.client().sign_in()
    assert setting.counts()["token"] == {"error": 5}


def test_a_login_without_json_is_tried_again(start):
    setting = start()
    amazon = setting.client()
    wire = Wire(amazon)
    wire.answers = [lambda _: httpx.Response(200, text="<html>")]
    amazon.sign_in()
    assert wire.paths() == ["token", "token"]


def test_nobody_there_is_waited_for(start):
    setting = start()
    with pytest.raises(RetryLater, match=r"Amazon does not answer \(no connection \(ConnectError\)\)"):
        setting.client(token_url="https://127.0.0.1:9/auth/o2/token").sign_in()


# Access


def test_one_token_serves_for_55_minutes_and_is_renewed_before_it_expires(start):
    setting = start()
    amazon = setting.client()
    for minutes, tokens in ((0, 1), (54, 1), (56, 2), (110, 2), (112, 3)):
        setting.sandbox.clock.advance((NOW + timedelta(minutes=minutes) - setting.sandbox.clock.now()).total_seconds())
        amazon.listed(ORDERS, NOW, ())
        assert setting.counts()["token"] == {"ok": tokens}
    assert set(setting.counts()["getReports"]) == {"ok"}


def test_an_expired_access_token_is_renewed_once_and_is_no_missing_role(start):
    """Amazon answers an expired token with 403, as it does a missing role; only the details tell them apart."""
    setting = start("expired_token", ["getReport"], limit=1)
    amazon = setting.client()
    report_id = amazon.create(ORDERS, US, WEEK, {})
    assert amazon.status(report_id).report_id == report_id
    assert setting.counts()["token"] == {"ok": 2}
    assert setting.counts()["getReport"] == {"denied": 1, "ok": 1}


def test_a_token_that_is_always_expired_is_not_renewed_for_ever_and_still_no_missing_role(start):
    setting = start("expired_token", ["getReport"])
    amazon = setting.client()
    report_id = amazon.create(ORDERS, US, WEEK, {})
    with pytest.raises(RetryLater, match=r"Amazon does not answer \(403 .*has expired"):
        amazon.status(report_id)
    # Five attempts, each of which renews the token once.
    assert setting.counts()["token"] == {"ok": 1 + 5}
    # Four times the old token was tried first, which Amazon no longer accepts.
    assert (setting.counts()["getReport"], setting.counts("unknown")["getReport"]) == ({"denied": 1 + 5}, {"denied": 4})


def test_a_missing_role_is_one_sentence_with_connection_report_and_remedy(start):
    setting = start()
    with pytest.raises(AccessRefused) as refused:
        setting.client().create(REIMBURSEMENTS, DEMO_EU.marketplaces[:1], WEEK, {})
    assert str(refused.value) == (
        "connection amazon_test: Amazon refuses GET_FBA_REIMBURSEMENTS_DATA (Access to requested resource is denied. The seller does not participate "
        "in the marketplace.); give the application the roles that README.md lists and let the seller authorise it again"
    )
    assert setting.counts() == {"token": {"ok": 1}, "createReport": {"denied": 1}}


@pytest.mark.parametrize(
    ("changed", "said", "remedy", "who", "outcome"),
    [
        (
            {"client_secret": "hunter2-client-secret"}, "invalid_client (Client authentication failed)",
            "correct the client id (login) or client secret (password) in the Airflow connection", "demo-na", "denied",
        ),
        (
            {"refresh_token": "Atzr|hunter2-refresh-token"},
            "invalid_grant (The request has an invalid grant parameter : refresh_token. User may have revoked or didn't grant the permission.)",
            "correct the refresh_token in the Airflow connection", "unknown", "bad_request",
        ),
    ],
)  # fmt: skip
def test_wrong_secrets_are_tried_once_and_never_shown(start, caplog, changed, said, remedy, who, outcome):
    caplog.set_level(logging.DEBUG)
    setting = start()
    with pytest.raises(AccessRefused) as refused:
        setting.client(**changed).sign_in()
    assert str(refused.value) == f"connection amazon_test: Login with Amazon says {said}; {remedy}, then run again"
    assert setting.counts(who)["token"] == {outcome: 1}
    with pytest.raises(AccessRefused):
        setting.client(**changed).create(ORDERS, US, WEEK, {})
    assert setting.counts(who)["token"] == {outcome: 2}
    shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value) + caplog.text
    assert not [s for s in ("hunter2", CLIENT_SECRET, REFRESH_TOKEN) if s in shown]


def test_a_secret_that_amazon_repeats_is_blotted_out(start):
    setting = start()
    amazon = setting.client()
    told = {"error": "invalid_grant", "error_description": f"no such token {REFRESH_TOKEN} of {CLIENT_SECRET}"}
    Wire(amazon).answers = [lambda _: httpx.Response(400, json=told)]
    with pytest.raises(AccessRefused, match=r"\(no such token … of …\)"):
        amazon.sign_in()


def test_no_secret_is_logged_at_any_level_of_any_logger(start, caplog):
    """The HTTP client shows headers at DEBUG, and signed addresses at INFO."""
    setting = start("expired_url", ["download"], limit=1)
    amazon = setting.client()
    for name in ("httpx", "httpcore", *logging.root.manager.loggerDict):
        if not name.startswith("uvicorn"):  # The sandbox's own side of the wire.
            caplog.set_level(logging.DEBUG, logger=name)
    caplog.set_level(logging.DEBUG)
    wire = Wire(amazon)
    report = setting.done(amazon)
    amazon.listed(ORDERS, NOW - timedelta(days=1), ())
    amazon.download(report.document_id, setting.home.root / "document")
    tokens = {r.headers["x-amz-access-token"] for r in wire.requests if "x-amz-access-token" in r.headers}
    signatures = {r.url.params["X-Amz-Signature"] for r in wire.requests if "X-Amz-Signature" in r.url.params}
    assert len(tokens) == 1
    assert signatures
    assert not [s for s in (*tokens, *signatures, "Atza|", "X-Amz-Signature", CLIENT_SECRET, REFRESH_TOKEN) if s in caplog.text]


def test_secrets_are_not_part_of_what_an_access_shows(tmp_path):
    access = Access(connection="amazon_test", client_id="amzn1.client", client_secret="hunter2-a", refresh_token="hunter2-b")
    assert "hunter2" not in f"{access!r} {access}"


def test_a_connection_with_missing_parts_is_named_with_them():
    assert connection_id(DEMO_NA) == "amazon_demo_na"
    with pytest.raises(
        ConfigurationError, match=r"connection amazon_demo_na is missing password and refresh_token; see 'A real account' in README.md"
    ):
        Access.of(DEMO_NA, "amzn1.client", None, {"refresh_token": ""})
    access = Access.of(DEMO_NA, "amzn1.client", "secret", {"refresh_token": "Atzr|x", "endpoint": "https://localhost:1"})
    assert (access.connection, access.endpoint, access.token_url, access.verify) == ("amazon_demo_na", "https://localhost:1", "", "")


def test_without_addresses_amazons_own_are_used(tmp_path):
    for account, endpoint in ((DEMO_NA, "https://sellingpartnerapi-na.amazon.com"), (DEMO_EU, "https://sellingpartnerapi-eu.amazon.com")):
        amazon = Amazon(account, Access(connection="c", client_id="i", client_secret="s", refresh_token="r"), Home(tmp_path), ManualClock(NOW))
        assert (amazon._reports.endpoint, amazon._login.token_url) == (endpoint, "https://api.amazon.com/auth/o2/token")
        amazon.close()


# Requests


def test_what_amazon_calls_invalid_is_rejected_in_its_words_and_not_tried_again(start):
    setting = start()
    amazon = setting.client()
    with pytest.raises(Rejected, match=r"Amazon calls the request invalid \(400: dataStartTime is in the future\.\)"):
        amazon.create(ORDERS, US, (NOW + timedelta(days=1), NOW + timedelta(days=2)), {})
    with pytest.raises(Rejected, match="404: Report 1 is not found"):
        amazon.status("1")
    assert setting.counts()["createReport"] == {"bad_request": 1}
    assert setting.counts()["getReport"] == {"not_found": 1}


@pytest.mark.skipif(not MODEL.exists(), reason="Amazon's published model (shared/samples) is not here to hold requests against")
def test_every_request_of_every_report_fits_amazons_published_model(start):
    setting = start()
    amazon = setting.client()
    for spec in SPECS.values():
        if spec.requests and spec.amazon_type and not spec.requests.listed_only:
            window = plan_windows(spec, DEMO_NA, [], today=NOW.date(), months=18, recent=True)[0]
            amazon.create(spec.amazon_type, US, window.instants(spec.requests.margin_hours, setting.sandbox.clock.now()), spec.requests.options)
    report = setting.done(amazon)
    amazon.listed(SETTLEMENTS, NOW - timedelta(days=200), ("DONE",))
    amazon.download(report.document_id, setting.home.root / "document")
    counts = setting.sandbox.counts()
    assert (counts["violations"], counts["range_violations"], set(counts["demo-na"]["createReport"])) == ([], {}, {"ok"})


def test_ranges_are_sent_with_both_ends_and_snapshots_without_and_never_a_locale(start):
    """Without dates a range is from now to now; a snapshot with dates ends FATAL; preferredReportDocumentLocale is refused by most types."""
    setting = start()
    amazon = setting.client()
    amazon.sign_in()
    wire = Wire(amazon)
    snapshots = {"fba_inventory", "listings", "seller_performance"}
    for spec in SPECS.values():
        if spec.requests and spec.amazon_type and not spec.requests.listed_only:
            window = plan_windows(spec, DEMO_NA, [], today=NOW.date(), months=18, recent=True)[0]
            amazon.create(spec.amazon_type, US, window.instants(spec.requests.margin_hours, setting.sandbox.clock.now()), spec.requests.options)
            body = json.loads(wire.requests[-1].content)
            dates = set() if spec.name in snapshots else {"dataStartTime", "dataEndTime"}
            assert set(body) - {"reportOptions"} == {"reportType", "marketplaceIds"} | dates
            assert "preferredReportDocumentLocale" not in body.get("reportOptions", {})
            if spec.name == "orders":
                # Asked on 2026-11-20: 29 days up to 2026-11-19, and 12 hours on either side, though not beyond now.
                assert (body["dataStartTime"], body["dataEndTime"]) == ("2026-10-21T12:00:00Z", "2026-11-20T10:00:00Z")
                assert "reportOptions" not in body
    assert len(wire.requests) == sum(bool(s.requests and not s.requests.listed_only) for s in SPECS.values())


# Lists


@dataclass
class SettledSeller:
    """A seller with many settlements, one every nine hours, the newest an hour ago."""

    profile: Any
    count: int

    def settlements(self, known_at: datetime) -> list[Any]:
        made = [(str(n), NOW - timedelta(hours=1 + 9 * n)) for n in range(self.count)]
        return [SimpleNamespace(settlement_id=s, marketplace_id=US[0], start=at, end=at, created_at=at) for s, at in made if at <= known_at]


def settled(count: int, marketplaces: tuple[str, ...] = DEMO_NA.marketplaces) -> Any:
    profile = SimpleNamespace(seller_id="demo-na", refresh_token=REFRESH_TOKEN, region="na", marketplace_ids=marketplaces)
    return SimpleNamespace(sellers={"demo-na": SettledSeller(profile, count)})


def test_a_list_of_several_pages_is_read_to_its_end_with_the_token_alone(start):
    """NextToken with any other parameter is a 400."""
    setting = start(world=settled(230))
    amazon = setting.client()
    amazon.sign_in()
    wire = Wire(amazon)
    found = amazon.listed(SETTLEMENTS, NOW - timedelta(days=400), ("DONE",))
    assert [r.report_id for r in found] == [f"9{n}" for n in range(230)]
    first, *rest = [parse_qs(r.url.query.decode()) for r in wire.requests]
    assert first["pageSize"] == ["100"]
    assert [set(q) for q in rest] == [{"nextToken"}] * 2
    assert setting.counts()["getReports"] == {"ok": 3}
    assert setting.sandbox.counts()["violations"] == []


def test_nothing_older_than_90_days_is_asked_for(start):
    """CreatedSince of more than 90 days ago is a 400. 89 days are 2136 hours, with one settlement every nine from the first hour on: 238."""
    setting = start(world=settled(300))
    found = setting.client().listed(SETTLEMENTS, datetime(2020, 1, 1, tzinfo=UTC), ("DONE",))
    assert len(found) == 238
    assert min(r.created_at for r in found) >= NOW - timedelta(days=89)


def test_a_list_is_narrowed_by_status_time_and_type(start):
    setting = start()
    amazon = setting.client()
    old = amazon.create(ORDERS, US, WEEK, {})
    setting.sandbox.clock.advance(3600)
    new = amazon.create(ORDERS, US, WEEK, {})
    hour = setting.sandbox.clock.now()
    amazon.create(REIMBURSEMENTS, US, WEEK, {})
    assert [r.report_id for r in amazon.listed(ORDERS, NOW, ())] == [new, old]
    assert [r.report_id for r in amazon.listed(ORDERS, hour, ())] == [new]
    assert [r.report_id for r in amazon.listed(ORDERS, NOW, ("DONE",))] == [old]


def test_an_account_in_more_marketplaces_than_a_list_may_name_lists_them_all(start):
    """Else the settlements of its eleventh marketplace would never be found."""
    countries = "A1PA6795UKMFR9 A1F83G8C2ARO7P A13V1IB3VIYZZH APJ6JRA9NG5V4 A1RKKUPIHCS9HS A1805IZSGTT6HS A2NODRKZP88ZB9 A1C3SOZRARQ6R3 AMEN7PMS3EDWL"
    everywhere = (*countries.split(), "A28R8C7NBKEWEA", "A33AVAJ2PDY3EV")
    setting = start(world=settled(0, everywhere))
    for named in (everywhere[:10], everywhere):
        amazon = setting.client(DEMO_EU.model_copy(update={"marketplaces": named, "id": "demo-na"}))
        wire = Wire(amazon)
        amazon.listed(SETTLEMENTS, NOW, ())
        lists = [r.url.params["marketplaceIds"].split(",") for r in wire.requests if r.url.path.endswith("/reports")]
        assert lists == [list(everywhere[:10])] + [[everywhere[10]]] * (len(named) - 10)


# Documents


def _compressed(setting: Setting, amazon: Amazon, is_compressed: bool = True) -> Report:
    """A report whose document the sandbox stores compressed, or not."""
    for _ in range(40):
        report = setting.done(amazon)
        if (share("gzip", "demo-na", report.report_id) > 1 / 6) is is_compressed:
            return report
    raise AssertionError


def test_a_document_is_kept_as_it_came_compressed_with_the_charset_it_declares(start):
    setting = start()
    amazon = setting.client()
    target = setting.home.root / "new" / "document"
    charset, sha256, size = amazon.download(_compressed(setting, amazon).document_id, target)
    assert charset == "utf-8"
    assert (sha256, size) == (hashlib.sha256(target.read_bytes()).hexdigest(), target.stat().st_size)
    assert gzip.decompress(target.read_bytes()).startswith(b"amazon-order-id\t")
    assert list(target.parent.iterdir()) == [target]


def test_a_document_that_came_plain_is_compressed_here_and_its_hash_is_that_of_the_bytes_that_came(start):
    setting = start()
    amazon = setting.client()
    target = setting.home.root / "document"
    _, sha256, size = amazon.download(_compressed(setting, amazon, is_compressed=False).document_id, target)
    text = gzip.decompress(target.read_bytes())
    assert text.startswith(b"amazon-order-id\t")
    assert (sha256, size) == (hashlib.sha256(text).hexdigest(), len(text))


def test_bytes_are_kept_raw_where_the_address_says_gzip(start):
    """If the client decompressed them because of Content-Encoding, they would be decompressed twice; magic bytes decide."""
    setting = start()
    amazon = setting.client()
    report = _compressed(setting, amazon)
    wire = Wire(amazon)
    said_so = {"enableContentEncodingUrlHeader": "true"}
    wire.answers = [lambda r: wire.inner.handle_request(httpx.Request(r.method, r.url.copy_merge_params(said_so), headers=r.headers))]
    seen: list[str] = []
    amazon._http.event_hooks["response"].append(lambda answer: seen.append(answer.headers.get("Content-Encoding", "")))
    target = setting.home.root / "document"
    _, sha256, size = amazon.download(report.document_id, target)
    assert seen[-1] == "gzip"
    assert gzip.decompress(target.read_bytes()).startswith(b"amazon-order-id\t")
    assert (sha256, size) == (hashlib.sha256(target.read_bytes()).hexdigest(), target.stat().st_size)


def test_an_address_that_expired_before_it_was_used_is_replaced(start):
    """The address is valid for five minutes, so it is never stored."""
    setting = start()
    amazon = setting.client()
    report = setting.done(amazon)
    wire = Wire(amazon)
    wire.answers = [lambda _: None, lambda _: setting.sandbox.clock.advance(301)]
    amazon.download(report.document_id, setting.home.root / "document")
    assert setting.counts()["getReportDocument"] == {"ok": 2}
    assert setting.counts()["download"] == {"denied": 1, "ok": 1}


def test_addresses_that_always_expire_are_tried_five_times(start):
    setting = start("expired_url", ["download"])
    amazon = setting.client()
    report = setting.done(amazon)
    with pytest.raises(RetryLater, match="the document's address had expired each time it was used"):
        amazon.download(report.document_id, setting.home.root / "document")
    assert setting.counts()["download"] == {"denied": 5}
    assert list(setting.home.root.glob("document*")) == []


@pytest.mark.parametrize("kind", ["error_503", "hang"])
def test_a_download_that_breaks_off_starts_again(start, monkeypatch, kind):
    monkeypatch.setattr(sp_api, "TIMEOUT_SECONDS", 0.3)
    setting = start(kind, ["download"], limit=1, hang_seconds=2)
    amazon = setting.client()
    report = setting.done(amazon)
    amazon.download(report.document_id, setting.home.root / "document")
    assert setting.counts()["download"]["ok"] == 1
    assert setting.counts()["getReportDocument"] == {"ok": 2}


@pytest.mark.parametrize("status", [400, 404, 302, 206])
def test_what_the_store_says_instead_of_the_document_is_not_taken_for_it(start, status):
    setting = start()
    amazon = setting.client()
    report = setting.done(amazon)
    wire = Wire(amazon)
    wire.answers = [lambda _: None, lambda _: httpx.Response(status, text="<Error><Code>ExpiredToken</Code></Error>")]
    target = setting.home.root / "document"
    amazon.download(report.document_id, target)
    assert gzip.decompress(target.read_bytes()).startswith(b"amazon-order-id\t")


# What Amazon adds


def test_fields_and_a_status_that_amazon_adds_do_not_disturb(start):
    setting = start()
    amazon = setting.client()
    report_id = amazon.create(ORDERS, US, WEEK, {})
    added = {
        "reportId": report_id, "reportType": ORDERS, "processingStatus": "ON_HOLD", "createdTime": "2026-11-20T10:00:00Z", "priority": {"level": 3},
        "dataStartTime": "2026-11-13T11:00:00+01:00",
    }  # fmt: skip
    wire = Wire(amazon)
    wire.answers = [lambda _: httpx.Response(200, json=added)]
    report = amazon.status(report_id)
    assert (report.status, report.document_id, report.marketplace_ids, report.end) == ("ON_HOLD", "", (), None)
    assert report.start == datetime(2026, 11, 13, 10, tzinfo=UTC)
    wire.answers = [lambda _: httpx.Response(200, json={"reports": [added], "total": 1})]
    assert [r.status for r in amazon.listed(ORDERS, NOW, ())] == ["ON_HOLD"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Date range exceeded.\r\nReport can be requested only upto 30 days\n", "Date range exceeded. Report can be requested only upto 30 days"),
        (b'{"errorDetails": "no\\taccess\\u0007"}', "no access\\x07"),
        (b'{"message": "gone"}', "gone"), (b'["x"]', '["x"]'), (b"\xff\xfe", "��"), (b"", ""), (b"x" * 900, "x" * 500),
    ],
)  # fmt: skip
def test_what_a_failed_reports_document_says_is_one_printable_line(content, said):
    assert explanation(content) == said


def test_scopes_name_marketplaces_as_the_reports_cover_them():
    each = {s.name for s in SPECS.values() if s.requests and s.requests.marketplace_scope is MarketplaceScope.EACH}
    assert each == {"mfn_returns", "seller_feedback", "listings", "fba_inventory"}
    assert {s.name for s in SPECS.values() if s.requests and s.requests.marketplace_scope is MarketplaceScope.NAMED} == {"seller_performance"}


def test_a_clock_that_was_set_back_makes_no_wait_longer_than_its_rule(tmp_path: Path) -> None:
    clock = PatientClock(datetime(2026, 11, 20, tzinfo=UTC))
    quotas = Quotas(Home(tmp_path), "demo-na", clock)
    for _ in range(9):
        assert quotas.take("getReports") == 0
    assert quotas.take("getReports") > 0
    quotas.record_request("orders", clock.now())
    clock = PatientClock(clock.now() - timedelta(days=400))
    quotas = Quotas(Home(tmp_path), "demo-na", clock)
    assert quotas.take("getReports") == 0
    assert quotas.pause_left("orders", 30) == 31 * 60
    clock.advance(31 * 60)
    assert quotas.pause_left("orders", 30) == 0


def test_damaged_counts_of_calls_are_begun_anew(tmp_path: Path) -> None:
    quotas = Quotas(Home(tmp_path), "demo-na", PatientClock(datetime(2026, 11, 20, tzinfo=UTC)))
    quotas.record_request("orders", datetime(2026, 11, 20, tzinfo=UTC))
    (tmp_path / "requests" / "quotas" / "demo-na.sqlite").write_bytes(b"junk" * 3000)
    assert quotas.take("getReports") == 0
    assert quotas.pause_left("orders", 30) == 0
