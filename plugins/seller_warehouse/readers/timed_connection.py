"""A connection of the HTTP service that is closed where the other side lets it wait.

uvicorn closes a connection that has been answered and stays silent, but none that never sends a whole request, or never takes its answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class TimedConnection(H11Protocol):
    """HTTP/1.1 by h11, which also bounds the bytes of a request, as uvicorn's other implementation does not."""

    request_seconds = 10.0
    """How long a request may take to come."""

    answer_seconds = 120.0
    """How long its answer may take to be made and to be taken."""

    _alarm: asyncio.TimerHandle | None = None
    _timed: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first request."""
        super().connection_made(transport)
        self._within(self.request_seconds)

    def handle_events(self) -> None:
        """Give a request that has come the time of its answer."""
        super().handle_events()
        if self.cycle is not self._timed:
            self._timed = self.cycle
            self._within(self.answer_seconds)

    def on_response_complete(self) -> None:
        """Wait for the next request; for as long as an answer may take where this one is still on its way."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._within(self.answer_seconds if self.transport.get_write_buffer_size() else self.request_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._cancel()
        super().connection_lost(exc)

    def _within(self, seconds: float) -> None:
        self._cancel()
        self._alarm = self.loop.call_later(seconds, self.transport.abort)

    def _cancel(self) -> None:
        if self._alarm:
            self._alarm.cancel()
