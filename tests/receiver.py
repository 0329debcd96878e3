"""A real receiver of webhooks on loopback, to which apprise posts JSON."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """Received messages, and the next response."""

    port: int = 0
    status: HTTPStatus = HTTPStatus.OK
    messages: list[tuple[str, list[str]]] = field(default_factory=list)
    """Title, and the lines of the body."""

    @property
    def url(self) -> str:
        """The apprise URL, with a token in its path."""
        return f"json://127.0.0.1:{self.port}/token-8f3ab1c2"

    def taken(self) -> list[tuple[str, list[str]]]:
        """Messages since the last call, by title."""
        messages, self.messages = sorted(self.messages), []
        return messages


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens while the context lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if receiver.status is HTTPStatus.OK:
                receiver.messages.append((body["title"], body["message"].splitlines()))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Do not log to the console of the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield receiver
        server.shutdown()
