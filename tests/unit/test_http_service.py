"""Who keeps the HTTP service waiting, guesses its token or comes by another name gets nothing, and harms no other."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.responses import Response

from seller_warehouse.core.accounts import ConfigurationError
from seller_warehouse.core.home import Home
from seller_warehouse.core.ports import LOCAL, free_port
from seller_warehouse.readers import http_service as service
from seller_warehouse.readers.timed_connection import TimedConnection

SECRET = "a-token-of-the-tests-0123456789"
ALLOWED, WRONG = {"Authorization": f"Bearer {SECRET}"}, {"Authorization": "Bearer another-token-of-the-tests"}
LARGE = b"x" * 40_000_000


class Impatient(TimedConnection):
    request_seconds, answer_seconds = 0.4, 1.2


@contextmanager
def served(home: Path, http: type[TimedConnection] = TimedConnection, **options: Any) -> Iterator[int]:
    """The port of a service over a home without a publication, beside an answer too large for the buffers of a connection."""
    app = service.app(Home(home), SECRET, **options)
    app.get("/large")(lambda: Response(LARGE))
    app.get("/late")(partial(asyncio.sleep, 3))
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), **{**service.SERVER, "http": http}))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield server.config.port
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("home"), Impatient) as port:
        yield port


def asked(port: int, path: str, headers: dict[str, str] | None = None) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers=headers or {})
    return connection.getresponse()


def seconds_until_closed(connection: socket.socket) -> float:
    began = time.monotonic()
    connection.settimeout(20)
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - began


HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "sent", [b"", b"G", HEAD, HEAD + b"Content-Length: 9\r\n\r\n", HEAD + b"\r\n" + HEAD], ids=["nothing", "letter", "head", "no body", "second"]
)
def test_a_connection_whose_request_does_not_come_whole_is_closed(sent: bytes, impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient)) as connection:
        connection.sendall(sent)
        assert 0.3 < seconds_until_closed(connection) < 3


def test_a_request_that_comes_drop_by_drop_is_closed_too(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient)) as connection:
        began = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT012  # which of the two it is that meets the end
            while time.monotonic() - began < 5:
                connection.sendall(b"G")
                time.sleep(0.05)
        assert time.monotonic() - began < 3


def test_an_answer_that_is_not_taken_is_dropped_and_one_that_is_taken_slowly_is_whole(impatient: int) -> None:
    with ExitStack() as stack:
        idle, slow = (stack.enter_context(socket.create_connection(("127.0.0.1", impatient))) for _ in range(2))
        for connection in (idle, slow):
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # Longer than a request may take to come, less than an answer may take to be taken.
        time.sleep(Impatient.request_seconds * 2)
        slow.settimeout(5)
        received = 0
        while received < len(LARGE) and (piece := slow.recv(1_000_000)):
            received += len(piece)
        assert received >= len(LARGE)
        time.sleep(Impatient.answer_seconds)
        taken, idle_is_open = 0, True
        while idle_is_open:
            try:
                taken += len(piece := idle.recv(1_000_000))
                idle_is_open = bool(piece)
            except ConnectionResetError:
                idle_is_open = False
        assert taken < len(LARGE)


def test_a_connection_whose_answer_does_not_come_is_closed(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient)) as connection:
        connection.sendall(b"GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert Impatient.request_seconds * 2 < seconds_until_closed(connection) < 2.7


def test_a_long_address_is_read_and_one_without_an_end_is_refused(impatient: int) -> None:
    assert asked(impatient, "/health?where=" + "x" * 60_000).status == 200
    with socket.create_connection(("127.0.0.1", impatient)) as connection:
        connection.sendall(b"GET /health?where=" + b"x" * 70_000)
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_half_open_connections_do_not_hold_up_who_asks(impatient: int) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", impatient))).sendall(b"GET /v1/")
        assert asked(impatient, "/health").status == 200


def test_a_wrong_token_is_answered_late_and_the_right_one_at_once(tmp_path: Path) -> None:
    with served(tmp_path, wrong_token_seconds=1.5) as port, ThreadPoolExecutor(30) as pool:
        began = time.monotonic()
        wrong = [pool.submit(asked, port, "/v1/publication", WRONG) for _ in range(30)]
        # 503: nothing is published, which only who is let in gets to know.
        assert [asked(port, "/v1/publication", ALLOWED).status for _ in range(5)] == [503] * 5
        assert not any(answer.done() for answer in wrong)
        assert {answer.result().status for answer in wrong} == {401}
        assert time.monotonic() - began >= 1.5


def test_more_wrong_tokens_at_once_than_are_kept_waiting_are_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "WRONG_TOKENS_AT_ONCE", 3)
    with served(tmp_path, wrong_token_seconds=1.5) as port, ThreadPoolExecutor(8) as pool:
        wrong = [pool.submit(asked, port, "/v1/tables", WRONG) for _ in range(8)]
        assert sorted(answer.result().status for answer in wrong) == [401] * 3 + [429] * 5
        assert asked(port, "/v1/tables", ALLOWED).status == 503


NAMES = {
    "localhost": 200, "LOCALHOST:8502": 200, "127.0.0.1": 200, "[::1]:8502": 200, "warehouse.example": 200, "warehouse.example:443": 200,
    "evil.example": 400, "localhost.evil.example": 400, "evil.example:127.0.0.1": 400, "localhost@evil.example": 400, "": 400, "[": 400,
}  # fmt: skip


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("home"), names={*LOCAL, "warehouse.example"}) as port:
        yield port


@pytest.mark.parametrize(("host", "status"), NAMES.items(), ids=repr)
def test_only_who_calls_it_by_its_name_is_answered(host: str, status: int, named: int) -> None:
    assert {asked(named, path, {"Host": host}).status for path in ("/health", "/docs", "/openapi.json")} == {status}


def test_who_calls_it_by_another_name_is_told_what_to_do(named: int) -> None:
    told = "this service is not called 'evil.example': where it has that name, add it to SELLER_WAREHOUSE_SERVICE_NAMES"
    assert json.loads(asked(named, "/v1/tables", {"Host": "evil.example", **ALLOWED}).read()) == {"detail": told}


def test_names_come_from_the_address_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert service.names_of("127.0.0.1") == LOCAL
    monkeypatch.setenv("SELLER_WAREHOUSE_SERVICE_NAMES", "Warehouse.example, finance.example 2001:db8::1")
    assert service.names_of("10.1.2.3") == LOCAL | {"10.1.2.3", "warehouse.example", "finance.example", "2001:db8::1"}


@pytest.mark.parametrize("name", ["https://warehouse.example", "warehouse.example:443", "warehouse.example/", "a@b"])
def test_a_name_that_is_more_than_a_name_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELLER_WAREHOUSE_SERVICE_NAMES", name)
    with pytest.raises(ConfigurationError, match="write names alone, without https:// and port"):
        service.names_of("127.0.0.1")


def test_no_page_may_frame_it_or_learn_where_its_reader_came_from(named: int) -> None:
    for path in ("/docs", "/nowhere"):
        headers = asked(named, path).headers
        assert (headers["Content-Security-Policy"], headers["Referrer-Policy"]) == ("frame-ancestors 'none'", "no-referrer")
