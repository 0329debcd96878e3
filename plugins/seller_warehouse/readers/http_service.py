"""``make serve``: the last publication over HTTP, for whoever has the token. It reads, and can do nothing else.

Every answer is of one publication and names it. A query that takes too long or too much memory is stopped, so that it harms no other.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import duckdb
import uvicorn
from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seller_warehouse.core import ports
from seller_warehouse.core.accounts import ConfigurationError
from seller_warehouse.core.home import Home, shown, stored_secret
from seller_warehouse.core.ports import LOCAL, host_name
from seller_warehouse.marts.safe_csv import as_csv
from seller_warehouse.readers.published import NotPublished, Published
from seller_warehouse.readers.query import OPERATORS, InvalidQuery, select
from seller_warehouse.readers.timed_connection import TimedConnection

HOST, NAMES, TOKEN = "SELLER_WAREHOUSE_SERVICE_HOST", "SELLER_WAREHOUSE_SERVICE_NAMES", "SELLER_WAREHOUSE_TOKEN"
TOKEN_CHARACTERS = 24
WRONG_TOKEN_SECONDS = 1.0
"""Seconds to delay the answer to a wrong token."""
WRONG_TOKENS_AT_ONCE = 100
"""Delayed answers at once."""
CONNECTIONS = 500
"""Connections at once; more are refused with 503."""
HEAD_BYTES = 65_536
"""The limit of a request, including its URL."""

USUAL_ROWS, MOST_ROWS = 1_000, 10_000
MOST_BYTES = 16_000_000
"""The limit of one answer."""

QUERY_SECONDS = 20.0
QUERIES_AT_ONCE = 8
# All queries share this memory; a query that needs more fails instead of spilling to the folder of the publication.
_LIMITS = {"memory_limit": "1GB", "temp_directory": ""}


class Refused(BaseModel):
    """Why there is no answer."""

    detail: str = Field(description="what was wrong, and what to do")


class Health(BaseModel):
    """The service runs."""

    status: Literal["ok"] = "ok"
    publication_id: str | None = Field(description="what is published now; null before the first publication")


class PublicationFacts(BaseModel):
    """The current publication."""

    publication_id: str
    published_at: datetime
    as_of_date: date = Field(description="the day that statuses and deadlines are of")
    code_version: str
    as_known_at: datetime | None = Field(description="it was built from what was known at this time (UTC); null: from everything known")
    load_count: int = Field(description="documents that it was built from, including refused ones")
    last_loaded_at: datetime | None


class TableColumn(BaseModel):
    """A column."""

    name: str
    type: str = Field(description="DuckDB's type: DECIMAL comes as text, TIMESTAMP is UTC")
    description: str


class Table(BaseModel):
    """A table with its columns and descriptions."""

    table: str = Field(description="its name with the schema, as in SQL")
    description: str
    row_count: int
    columns: list[TableColumn]


class Tables(BaseModel):
    """Every table of a publication."""

    publication_id: str
    tables: list[Table]


class Rows(BaseModel):
    """A page of a table."""

    publication_id: str
    table: str
    total: int = Field(description="rows that fit, of all pages")
    next: str | None = Field(description="the address of the next page; null on the last")
    rows: list[dict[str, str | int | bool | None]] = Field(description="amounts as text, so that no cent is rounded; dates and times in ISO 8601")


class Selected(BaseModel):
    """The query parameters of a table."""

    model_config = ConfigDict(extra="forbid")

    where: list[str] = Field(
        [],
        description=f"`column:operator:value`, as often as needed; all must hold. Operators: {', '.join(OPERATORS)}. `in` takes values with commas "
        "between, those that hold a comma in double quotes; `contains` looks into text, small and capital letters alike; `null` takes true or "
        "false; `ne` also takes rows where the column is null.",
        examples=[["cash_amount:lt:0", "approval_date:ge:2026-10-01"]],
    )
    columns: str | None = Field(None, description="comma-separated names; default: all", examples=["approval_date,seller_sku,cash_amount"])
    order: str | None = Field(None, description="comma-separated names; a leading `-` means descending; nulls are last", examples=["-approval_date"])
    limit: int = Field(USUAL_ROWS, ge=1, le=MOST_ROWS, description="rows of a page")
    offset: int = Field(0, ge=0, lt=2**63, description="rows to skip; requires `publication`")
    publication: str | None = Field(None, description="the publication that the first page was of; another one is refused with 409")
    format: Literal["json", "csv"] = Field("json", description="csv has the same rows with a header, in UTF-8, safe to open in a spreadsheet")


class ReadOnly:
    """Admits only GET and HEAD requests to one of its ``names``; its headers prevent caching, framing and content sniffing of answers."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        name = host_name(Headers(scope=scope).get("host", ""))
        if name not in self._names:
            await _refusal(400, f"this service is not called {name!r}: where it has that name, add it to {NAMES}")(scope, receive, marked)
        elif scope["method"] in ("GET", "HEAD"):
            # The server omits the body of an answer to HEAD.
            await self._app({**scope, "method": "GET"}, receive, marked)
        else:
            await _refusal(405, "this service only reads: use GET or HEAD", {"Allow": "GET, HEAD"})(scope, receive, marked)


_HEADERS = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}  # fmt: skip


async def authorized(request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]) -> None:
    """Refuse a request without the token; the answer to a wrong token is delayed, without delaying other requests."""
    state = request.app.state
    if sent is None or not secrets.compare_digest(sent.credentials.encode(), state.token.encode()):
        if sent is not None:
            if state.guesses.locked():
                raise HTTPException(429, "too many wrong tokens at once: send the right one, or ask later", {"Retry-After": "1"})
            async with state.guesses:
                await asyncio.sleep(state.wrong_token_seconds)
        raise HTTPException(401, "send the token of this service as the header Authorization: Bearer <token>", {"WWW-Authenticate": "Bearer"})


def open_cursor(request: Request) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor on the last publication for one request; a query that exceeds the time limit is stopped."""
    seconds = request.app.state.query_seconds
    try:
        cursor = request.app.state.published.cursor()
    except NotPublished as error:
        raise HTTPException(503, str(error)) from None
    answered = threading.Event()
    alarm = threading.Thread(target=_interrupt, args=(cursor, seconds, answered))
    alarm.start()
    try:
        yield cursor
    except duckdb.InterruptException:
        raise HTTPException(503, f"the query was stopped after {seconds:g} s: narrow it with where and columns, or ask later") from None
    except duckdb.OutOfMemoryException:
        raise HTTPException(503, "the queries need more memory than they may have: narrow yours with where and columns, or ask later") from None
    finally:
        answered.set()
        alarm.join()
        cursor.close()


def _interrupt(cursor: duckdb.DuckDBPyConnection, seconds: float, answered: threading.Event) -> None:
    while not answered.wait(seconds):
        # Repeat: DuckDB drops an interrupt that arrives between two queries.
        cursor.interrupt()
        seconds = 0.1


Cursor = Annotated[duckdb.DuckDBPyConnection, Depends(open_cursor)]
public = APIRouter(responses={400: {"model": Refused}})
v1 = APIRouter(prefix="/v1", dependencies=[Depends(authorized)], responses={code: {"model": Refused} for code in (400, 401, 429, 503)})


SERVER: dict[str, Any] = {
    "http": TimedConnection, "h11_max_incomplete_event_size": HEAD_BYTES, "ws": "none", "limit_concurrency": CONNECTIONS, "server_header": False,
    "log_level": "warning",
}  # fmt: skip
"""Settings of uvicorn."""


def app(
    home: Home, token: str, *, names: Collection[str] = LOCAL, query_seconds: float = QUERY_SECONDS, wrong_token_seconds: float = WRONG_TOKEN_SECONDS
) -> FastAPI:
    """The service for the publication of ``home``, for requests that send ``token`` to one of its ``names``."""
    service = FastAPIOffline(
        redoc_url=None, title="Seller Warehouse", description=__doc__.split("\n\n", 1)[1], version="1", lifespan=_lifespan, redirect_slashes=False,
        # Swagger UI would show the description to a validator on the internet.
        swagger_ui_parameters={"validatorUrl": None},
    )  # fmt: skip
    service.state.published, service.state.token, service.state.query_seconds = Published(home, _LIMITS), token, query_seconds
    service.state.wrong_token_seconds, service.state.guesses = wrong_token_seconds, asyncio.Semaphore(WRONG_TOKENS_AT_ONCE)
    service.add_middleware(ReadOnly, names=names)
    service.exception_handler(RequestValidationError)(_invalid)
    service.include_router(public)
    service.include_router(v1)
    return service


@public.get("/health")
async def health(request: Request) -> Health:
    """Whether the service runs, and what is published; needs no token."""
    try:
        return Health(publication_id=request.app.state.published.publication_id)
    except NotPublished:
        return Health(publication_id=None)


@v1.get("/publication")
def publication(cursor: Cursor) -> PublicationFacts:
    """When the publication was made, for which day, from how many documents."""
    row = cursor.execute(f"select {', '.join(PublicationFacts.model_fields)} from meta.publication").fetchall()[0]
    values = [v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for v in row]
    return PublicationFacts.model_validate(dict(zip(PublicationFacts.model_fields, values, strict=True)))


@v1.get("/tables")
def tables(cursor: Cursor, request: Request) -> Tables:
    """Every table with its columns and what they mean."""
    # A publication has no deleted rows, so DuckDB's estimate is the exact number of rows.
    facts = cursor.execute(
        "select schema_name || '.' || table_name, rtrim(coalesce(comment, ''), '\n'), estimated_size from duckdb_tables()"
    ).fetchall()
    described = {table: (description, row_count) for table, description, row_count in facts}
    return Tables(
        publication_id=_publication_id(cursor),
        tables=[
            Table(
                table=table, description=described[table][0], row_count=described[table][1],
                columns=[TableColumn(name=c.name, type=c.data_type, description=c.description) for c in columns],
            )
            for table, columns in request.app.state.published.tables(cursor).items()
        ],
    )  # fmt: skip


@v1.get(
    "/tables/{table}", response_model=Rows,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **{code: {"model": Refused} for code in (404, 409, 422)}},
)  # fmt: skip
def rows(table: str, selected: Annotated[Selected, Query()], cursor: Cursor, request: Request) -> Response:
    """Rows of a table, page by page. Follow `next` (in CSV, the header Link) until there is none."""
    known, publication_id = request.app.state.published.tables(cursor), _publication_id(cursor)
    if table not in known:
        raise HTTPException(404, f"there is no table {table!r}; there are {', '.join(known)}")
    if selected.publication not in (None, publication_id):
        raise HTTPException(409, f"{publication_id} is published now, not {selected.publication!r}: begin again without publication and offset")
    if selected.offset and not selected.publication:
        raise HTTPException(422, f"offset goes with publication={publication_id}, so that no page is of another one")
    try:
        selection = select(table, known[table], where=selected.where, columns=selected.columns, order=selected.order)
    except InvalidQuery as refusal:
        raise HTTPException(422, str(refusal)) from None
    (total,) = cursor.execute(selection.count, selection.condition.values).fetchall()[0]
    found = cursor.execute(selection.page(selected.limit, selected.offset), selection.condition.values).to_arrow_table()
    end = selected.offset + found.num_rows
    following = request.url.include_query_params(offset=end, publication=publication_id) if found.num_rows and end < total else None
    link = f"{following.path}?{following.query}" if following else None
    if selected.format == "csv":
        body, media_type = as_csv(found), "text/csv"
    else:
        page = {"publication_id": publication_id, "table": table, "total": total, "next": link, "rows": found.to_pylist()}
        body, media_type = json.dumps(page, ensure_ascii=False, default=_as_json).encode(), "application/json"
    if len(body) > MOST_BYTES:
        raise HTTPException(422, f"the answer has {len(body):,} bytes, at most {MOST_BYTES:,} are sent: lower limit, or choose fewer columns")
    headers = {"X-Publication-Id": publication_id, "X-Total-Count": str(total)} | ({"Link": f'<{link}>; rel="next"'} if link else {})
    return Response(body, media_type=media_type, headers=headers)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = QUERIES_AT_ONCE
    yield


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    return _refusal(422, "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()) + "; /docs says what may be asked")


def _refusal(code: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(Refused(detail=detail).model_dump(), code, headers)


def _publication_id(cursor: duckdb.DuckDBPyConnection) -> str:
    return cursor.execute("select publication_id from meta.publication").fetchall()[0][0]


def _as_json(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat()


def token_of(home: Home) -> tuple[str, str]:
    """The token and its place: the environment, else a file of the home, created at the first start.

    Raises ConfigurationError if it is easily guessed or not allowed in a header.
    """
    given = os.environ.get(TOKEN)
    token, place = (given, TOKEN) if given else (stored_secret(home.service_token), shown(home.service_token))
    if not re.fullmatch(f"[!-~]{{{TOKEN_CHARACTERS},}}", token):
        raise ConfigurationError(f"the token in {place} must have {TOKEN_CHARACTERS} or more characters, all of them ASCII and none a blank")
    return token, place


def names_of(host: str) -> frozenset[str]:
    """The host names of the service: this machine's, the address it listens on, and those of the environment.

    Raises ConfigurationError if one of the environment's is not a plain host name.
    """
    given = os.environ.get(NAMES, "").replace(",", " ").lower().split()
    for name in given:
        if host_name(f"[{name}]" if name.count(":") > 1 else name) != name:
            raise ConfigurationError(f"{NAMES} has {name!r}; write names alone, without https:// and port, with blanks between")
    return LOCAL | {host.lower(), *given}


def main() -> int:
    """Serve until stopped; everything comes from the environment."""
    home, host = Home.from_environment(), os.environ.get(HOST) or "127.0.0.1"
    try:
        port = ports.chosen_port(ports.SERVICE)
        token, place = token_of(home)
        names = names_of(host)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"http://{host}:{port}/docs says what may be asked; the token is in {place}", flush=True)
    uvicorn.run(app(home, token, names=names), host=host, port=port, **SERVER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
