"""Amazon's Reports API and Login with Amazon over HTTPS, for the simulated sellers of a world.

Quotas, error bodies, statuses and the presigned documents follow the API's published model (reports_2021-06-30) and what
users report of the real one. All times are the sandbox clock's.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anyio
import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.desk import Desk
from sandbox.faults import FaultPlan, NoFaults, share
from sandbox.traffic import QUOTAS, RequestModel, Tally, TokenBuckets
from sandbox.validation import ApiError, denied, invalid_input
from sandbox.world import World
from seller_warehouse.core.clock import Clock

CLIENT_ID = "amzn1.application-oa2-client.sandbox"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - the sandbox's one application

API = "/reports/2021-06-30"
TOKEN_LIFETIME = timedelta(hours=1)
URL_LIFETIME = timedelta(minutes=5)

Handler = Callable[[str, Request], Awaitable[Mapping[str, Any]]]


class AmazonServer:
    """The HTTP side: tokens, quotas, faults and presigned URLs."""

    def __init__(self, world: World, clock: Clock, faults: FaultPlan, spec: Mapping[str, Any] | None) -> None:
        self._clock, self._faults, self._tally, self._quotas = clock, faults, Tally(), TokenBuckets()
        self._desk = Desk(world, faults, self._tally)
        self._model = RequestModel(spec) if spec is not None else None
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
        """Counts of requests and answers so far."""
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
        """The query, with repeated parameters joined; validated against the model if there is one."""
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
        """The response of a fault, which may be none."""
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

    With ``spec``, Amazon's published model (reports_2021-06-30 as JSON), requests are validated against it.
    """
    return Starlette(routes=AmazonServer(world, clock, faults or NoFaults(), spec).routes())


@contextmanager
def serve(app: Starlette, home: Path, *, host: str = "127.0.0.1", port: int = 0, names: Sequence[str] = ()) -> Iterator[str]:
    """Serve over HTTPS from a thread; yields the URL and writes it to ``home/url``.

    ``home/cert.pem`` is the certificate authority to trust. ``port`` 0 chooses a free one. The certificate is for the host,
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
        # Do not wait for connections that clients keep open.
        server.should_exit = server.force_exit = True
        thread.join()
        listening.close()
