"""Amazon's Reports API for one account: create, poll, list and download reports within Amazon's limits.

Every call waits for a quota that all processes of a home share. A short wait is slept; a long one is raised as ``RetryLater``, so that it does not
hold a worker slot. Transient errors (429, 500, 503, a lost connection) are retried with backoff and jitter; others are raised as ``AccessRefused``
(the connection is wrong) or ``Rejected`` (the request is wrong).

No message contains a secret, and httpx's logging, which shows signed URLs, is turned off below WARNING.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from seller_warehouse.amazon.quotas import Quotas
from seller_warehouse.amazon.reports_api import ENDPOINTS, TOKEN_URL, CallRefused, Login, LoginRefused, Reports
from seller_warehouse.core.accounts import Account, ConfigurationError
from seller_warehouse.core.clock import Clock
from seller_warehouse.core.documents import printable
from seller_warehouse.core.home import Home
from seller_warehouse.ingest.landing import copy_compressed

log = logging.getLogger(__name__)
for noisy in ("httpx", "httpcore"):
    # At DEBUG they log headers, at INFO signed URLs; the filter also works if other code resets their level.
    logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger(noisy).addFilter(lambda record: record.levelno >= logging.WARNING)

MAX_SLEEP_SECONDS = 5.0
"""Real seconds up to which a wait is slept; for a longer one the worker slot is released."""

ATTEMPTS = 5
TIMEOUT_SECONDS = 30.0
UNAVAILABLE_MINUTES = 10
URL_ATTEMPTS = 5
LISTED_DAYS = 89
"""Amazon lists reports of the last 90 days and answers 400 to a longer range."""

MARKETPLACES_LISTED = 10
"""getReports accepts at most 10 marketplace ids."""

T = TypeVar("T")


class RetryLater(Exception):
    """The call must be repeated at ``until`` (UTC)."""

    def __init__(self, until: datetime, why: str) -> None:
        super().__init__(f"{why}; going on at {until:%Y-%m-%d %H:%M:%S} UTC")
        self.until = until


class AccessRefused(Exception):
    """The connection's secrets or roles are wrong; the message has the connection, Amazon's message and the remedy."""


class Rejected(Exception):
    """Amazon calls the request invalid; a retry would not help."""


class Expired(Exception):
    """A document's URL has expired."""


class Transient(Exception):
    """An error that may pass by itself."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """The secrets of one connection, and its addresses if they differ from Amazon's."""

    connection: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    endpoint: str = ""
    token_url: str = ""
    verify: str = ""

    @classmethod
    def of(cls, account: Account, login: str | None, password: str | None, extra: dict[str, Any]) -> Access:
        """The access that the account's Airflow connection holds.

        Raises ConfigurationError naming what is missing.
        """
        name = connection_id(account)
        given = {"login": login, "password": password, "refresh_token": extra.get("refresh_token")}
        missing = [n for n, value in given.items() if not value]
        if missing:
            raise ConfigurationError(f"connection {name} is missing {' and '.join(missing)}; see 'A real account' in README.md")
        addresses = {n: str(extra.get(n) or "") for n in ("endpoint", "token_url", "verify")}
        return cls(connection=name, client_id=str(login), client_secret=str(password), refresh_token=str(given["refresh_token"]), **addresses)


def connection_id(account: Account) -> str:
    """The name of the account's Airflow connection."""
    return f"amazon_{account.id.replace('-', '_')}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report as Amazon describes it; unknown fields are ignored, an unknown status means not finished."""

    report_id: str
    report_type: str
    status: str
    document_id: str
    marketplace_ids: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    created_at: datetime
    processed_at: datetime | None

    @classmethod
    def of(cls, payload: dict[str, Any]) -> Report:
        """The report of one JSON object of the API."""

        def instant(name: str) -> datetime | None:
            return datetime.fromisoformat(payload[name]).astimezone(UTC) if payload.get(name) else None

        return cls(
            report_id=str(payload["reportId"]), report_type=payload.get("reportType", ""), status=payload.get("processingStatus", ""),
            document_id=payload.get("reportDocumentId") or "", marketplace_ids=tuple(payload.get("marketplaceIds") or ()),
            start=instant("dataStartTime"), end=instant("dataEndTime"), created_at=instant("createdTime") or datetime.min.replace(tzinfo=UTC),
            processed_at=instant("processingEndTime"),
        )  # fmt: skip


class Amazon:
    """The Reports API of one account."""

    def __init__(self, account: Account, access: Access, home: Home, clock: Clock) -> None:
        self._account, self._access, self._clock = account, access, clock
        self.quotas = Quotas(home, account.id, clock)
        self.down_until: datetime | None = None
        """When to try again, for any call, after all retries of a call have failed."""
        self.has_answered = False
        tls = ssl.create_default_context(cafile=access.verify or None)
        self._http = httpx.Client(verify=tls, timeout=TIMEOUT_SECONDS, event_hooks={"response": [_refuse_unreadable]})
        secrets = {"refresh_token": access.refresh_token, "client_id": access.client_id, "client_secret": access.client_secret}
        self._login = Login(self._http, clock, access.token_url or TOKEN_URL, secrets)
        self._reports = Reports(self._http, self._login, access.endpoint or ENDPOINTS[account.region])

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def sign_in(self) -> None:
        """Get an access token to check the connection.

        Raises AccessRefused if the connection's secrets are wrong.
        """
        self._retried(lambda: self._once("", self._login.access_token))

    def create(self, report_type: str, marketplace_ids: tuple[str, ...], instants: tuple[datetime, datetime] | None, options: dict[str, str]) -> str:
        """Request a report; returns its id. Not retried: after a lost connection only ``listed`` shows whether Amazon received the request.

        Raises Transient, RetryLater, Rejected, AccessRefused.
        """
        body: dict[str, Any] = {"reportType": report_type, "marketplaceIds": list(marketplace_ids)}
        if instants:
            body |= {"dataStartTime": _iso(instants[0]), "dataEndTime": _iso(instants[1])}
        if options:
            body["reportOptions"] = options
        self._wait_for_quota("createReport")
        return str(self._once(report_type, lambda: self._reports.create_report(**body))["reportId"])

    def status(self, report_id: str) -> Report:
        """The current state of a report."""
        return Report.of(self._call("getReport", lambda: self._reports.get_report(report_id)))

    def listed(self, report_type: str, since: datetime, statuses: tuple[str, ...]) -> list[Report]:
        """All reports of one type created since, newest first; at most 90 days are listed."""
        since = max(since, self._clock.now() - timedelta(days=LISTED_DAYS))
        found: dict[str, Report] = {}
        for n in range(0, len(self._account.marketplaces), MARKETPLACES_LISTED):
            asked: dict[str, Any] = {
                "reportTypes": [report_type], "processingStatuses": list(statuses), "pageSize": 100,
                "createdSince": _iso(since), "marketplaceIds": list(self._account.marketplaces)[n : n + MARKETPLACES_LISTED],
            }  # fmt: skip
            while asked:
                answer = self._call("getReports", lambda: self._reports.get_reports(**asked))  # noqa: B023  called before it changes
                found |= {r.report_id: r for r in map(Report.of, answer.get("reports", []))}
                # Amazon answers 400 to nextToken with any other parameter.
                asked = {"nextToken": answer["nextToken"]} if answer.get("nextToken") else {}
        return sorted(found.values(), key=lambda r: r.created_at, reverse=True)

    def download(self, document_id: str, target: Path) -> tuple[str | None, str, int]:
        """Download a document as it is to ``target``, compressed unless it already is; returns the declared charset, sha256 and size in bytes.

        The URL is valid for five minutes; if it has expired, a new one is requested.
        """
        part = target.with_name(f"{target.name}.plain")
        target.parent.mkdir(parents=True, exist_ok=True)
        retrying = Retrying(stop=stop_after_attempt(URL_ATTEMPTS), retry=retry_if_exception_type(Expired), reraise=True)
        try:
            return retrying(lambda: self._retried(lambda: self._download_once(document_id, part, target)))
        except Expired as error:
            raise RetryLater(self._in(UNAVAILABLE_MINUTES), str(error)) from error
        finally:
            part.unlink(missing_ok=True)

    def _download_once(self, document_id: str, part: Path, target: Path) -> tuple[str | None, str, int]:
        self._wait_for_quota("getReportDocument")
        url = self._once("", lambda: self._reports.get_report_document(document_id))["url"]
        try:
            # Identity and raw bytes: httpx would silently decompress a body labelled gzip, but the document is kept as received.
            with self._http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
                if answer.status_code in (401, 403):
                    raise Expired("the document's address had expired each time it was used")
                if answer.status_code != 200:
                    raise Transient(f"the document's address answers {answer.status_code}")
                with part.open("wb") as stream:
                    for chunk in answer.iter_raw():
                        stream.write(chunk)
        except httpx.TransportError as error:
            raise Transient(f"the download broke off ({type(error).__name__})") from error
        with part.open("rb") as received:
            sha256, size = copy_compressed(received, target)
        return answer.charset_encoding, sha256, size

    # How a call is made

    def _call(self, operation: str, call: Callable[[], T]) -> T:
        def turn() -> T:
            self._wait_for_quota(operation)
            return self._once("", call)

        return self._retried(turn)

    def _retried(self, call: Callable[[], T]) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type(Transient), stop=stop_after_attempt(ATTEMPTS), reraise=True,
            wait=wait_random_exponential(multiplier=2, max=60), sleep=self._clock.sleep,
        )  # fmt: skip
        try:
            result = retrying(call)
            self.has_answered = True
            return result
        except Transient as error:
            self.down_until = self._in(UNAVAILABLE_MINUTES)
            raise RetryLater(self.down_until, f"Amazon does not answer ({error})") from error

    def _once(self, report_type: str, call: Callable[[], T]) -> T:
        """Make one call and translate its error; renew an expired access token once, which Amazon reports with 403 like a missing role."""
        try:
            try:
                return call()
            except CallRefused as error:
                if error.status != 403 or "expired" not in _error_text(error).lower():
                    raise
                self._login.token = None
                return call()
        except LoginRefused as error:
            raise AccessRefused(self._refused_login(error)) from None
        except CallRefused as error:
            said = _error_text(error)
            if error.status == 403 and "expired" in said.lower():
                # The token was renewed just now, so this is not a missing role.
                raise Transient(f"403 {said}") from None
            if error.status == 403:
                raise AccessRefused(
                    f"connection {self._access.connection}: Amazon refuses {report_type or 'the request'} ({said}); give the application the roles "
                    "that README.md lists and let the seller authorise it again"
                ) from None
            if error.status in (400, 404, 413, 415):
                raise Rejected(f"Amazon calls the request invalid ({error.status}: {said})") from None
            raise Transient(f"{error.status} {said}") from None
        except httpx.TransportError as error:
            raise Transient(f"no connection ({type(error).__name__})") from error
        except json.JSONDecodeError as error:  # From Login with Amazon.
            raise Transient("the answer is not JSON") from error

    def _refused_login(self, error: LoginRefused) -> str:
        what = {"invalid_client": "the client id (login) or client secret (password)", "invalid_grant": "the refresh_token"}
        said = printable(error.message)[:200].replace(self._access.refresh_token, "…").replace(self._access.client_secret, "…")
        return (
            f"connection {self._access.connection}: Login with Amazon says {error.code} ({said}); "
            f"correct {what.get(error.code, 'the connection')} in the Airflow connection, then run again"
        )

    def _wait_for_quota(self, operation: str) -> None:
        while wait := self.quotas.take(operation):
            if self._clock.real_seconds(wait) > MAX_SLEEP_SECONDS:
                raise RetryLater(self._in(wait / 60), f"the quota of {operation} is used up")
            self._clock.sleep(wait)

    def _in(self, minutes: float) -> datetime:
        return self._clock.now() + timedelta(minutes=minutes)


def _refuse_unreadable(answer: httpx.Response) -> None:
    """Raise Transient for errors that may pass by themselves, and for answers of a gateway, which are not JSON of the API."""
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Transient(f"{answer.status_code}")
    if "x-amz-access-token" not in answer.request.headers:
        return  # A document, or Login with Amazon.
    try:
        found = json.loads(answer.read())
    except ValueError:
        found = None
    if not isinstance(found, dict) or (answer.is_error and not found.get("errors")):
        raise Transient(f"{answer.status_code}, and the answer is not JSON of the API")


def _error_text(error: CallRefused) -> str:
    """Amazon's message; only the details contain the reason why a token is refused."""
    first = error.errors[0]
    return printable(" ".join(str(first[n]) for n in ("message", "details") if first.get(n)))[:300]


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def explanation(content: bytes) -> str:
    """The text of Amazon's document about a failed report, on one line; a FATAL report may have one."""
    text = content.decode("utf-8", "replace").strip()
    try:
        found = json.loads(text)
        text = found.get("errorDetails") or found.get("message") or text if isinstance(found, dict) else text
    except json.JSONDecodeError:
        pass
    return printable(" ".join(str(text).split()))[:500]
