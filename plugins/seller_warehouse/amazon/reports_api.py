"""The four operations of Amazon's Reports API (2021-06-30) and Login with Amazon, each as one HTTP request."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from seller_warehouse.core.clock import Clock

ENDPOINTS = {region: f"https://sellingpartnerapi-{region}.amazon.com" for region in ("na", "eu", "fe")}
"""By region (developer docs, SP-API Endpoints)."""

TOKEN_URL = "https://api.amazon.com/auth/o2/token"  # noqa: S105  an address
USER_AGENT = "SellerWarehouse/1.0 (Language=Python)"
RENEWED_SECONDS = 300
"""Seconds before its expiry at which a token is renewed."""


class LoginRefused(Exception):
    """Login with Amazon refuses a token."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.message = status, code, message


class CallRefused(Exception):
    """Amazon answers a call with errors."""

    def __init__(self, status: int, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"{status}")
        self.status, self.errors = status, errors


class Login:
    """Access tokens of one connection. A token is used until shortly before it expires, or until ``token`` is set to None."""

    def __init__(self, http: httpx.Client, clock: Clock, token_url: str, secrets: dict[str, str]) -> None:
        self.token_url, self.token = token_url, None
        self._http, self._clock, self._secrets = http, clock, secrets
        self._good_until: datetime

    token: str | None

    def access_token(self) -> str:
        """The token. Raises LoginRefused, errors of httpx, and ValueError for an answer without JSON."""
        if self.token is None or self._clock.now() >= self._good_until:
            answer = self._http.post(self.token_url, data={"grant_type": "refresh_token", **self._secrets}, headers={"User-Agent": USER_AGENT})
            found = answer.json()
            if answer.status_code != 200:
                raise LoginRefused(answer.status_code, str(found.get("error")), str(found.get("error_description") or ""))
            self.token = str(found["access_token"])
            self._good_until = self._clock.now() + timedelta(seconds=int(found.get("expires_in", 3600)) - RENEWED_SECONDS)
        return self.token


class Reports:
    """The operations. Each returns Amazon's JSON; raises CallRefused, the errors of ``Login``, and those of httpx."""

    def __init__(self, http: httpx.Client, login: Login, endpoint: str) -> None:
        self._http, self._login, self.endpoint = http, login, endpoint

    def create_report(self, **body: Any) -> dict[str, Any]:
        """Request a report."""
        return self._call("POST", "reports", json=body)

    def get_report(self, report_id: str) -> dict[str, Any]:
        """The current state of a report."""
        return self._call("GET", f"reports/{quote(report_id, safe='')}")

    def get_reports(self, **parameters: Any) -> dict[str, Any]:
        """A page of the list of reports; list parameters are sent comma-separated, empty ones are omitted."""
        sent = {n: ",".join(p) if isinstance(p, list) else p for n, p in parameters.items() if p != []}
        return self._call("GET", "reports", params=sent)

    def get_report_document(self, document_id: str) -> dict[str, Any]:
        """The URL of a document, valid for five minutes."""
        return self._call("GET", f"documents/{quote(document_id, safe='')}")

    def _call(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        headers = {"x-amz-access-token": self._login.access_token(), "User-Agent": USER_AGENT}
        answer = self._http.request(method, f"{self.endpoint}/reports/2021-06-30/{path}", headers=headers, **sent)
        found: dict[str, Any] = answer.json()
        if found.get("errors"):
            raise CallRefused(answer.status_code, found["errors"])
        return found
