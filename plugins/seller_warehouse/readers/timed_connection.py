"""An HTTP connection with timeouts for requests and answers.

uvicorn closes idle connections after an answer, but not those that never send a whole request or never read their answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class TimedConnection(H11Protocol):
    """HTTP/1.1 by h11, which also limits the size of a request; uvicorn's other implementation does not."""

    request_seconds = 10.0
    """Time limit for receiving a request."""

    answer_seconds = 120.0
    """Time limit for computing an answer and for sending it."""

    _alarm: asyncio.TimerHandle | None = None
    _timed: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Wait for the first request."""
        super().connection_made(transport)
        self._within(self.request_seconds)

    def handle_events(self) -> None:
        """Start the time limit of the answer once a request has arrived."""
        super().handle_events()
        if self.cycle is not self._timed:
            self._timed = self.cycle
            self._within(self.answer_seconds)

    def on_response_complete(self) -> None:
        """Start the time limit of the next request, or that of the answer if it is still being sent."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._within(self.answer_seconds if self.transport.get_write_buffer_size() else self.request_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer."""
        self._cancel()
        super().connection_lost(exc)

    def _within(self, seconds: float) -> None:
        self._cancel()
        self._alarm = self.loop.call_later(seconds, self.transport.abort)

    def _cancel(self) -> None:
        if self._alarm:
            self._alarm.cancel()
