"""Closes connections that send no request, which would keep others out."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient(seconds: float) -> type[H11Protocol]:
    """Returns a protocol that closes a connection without a request for `seconds`.

    uvicorn limits how long a connection may stay idle after an answer, but not before its first
    request or between two headers.
    """

    class Impatient(H11Protocol):
        """Checks every `seconds` whether a new request has arrived."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch(None)

        def connection_lost(self, exc: Exception | None) -> None:
            self._timer.cancel()
            super().connection_lost(exc)

        def _watch(self, last: Any) -> None:
            self._timer = self.loop.call_later(seconds, self._look, last)

        def _look(self, last: Any) -> None:
            """Compares the latest request with that of the last check."""
            asking = self.cycle is not None and not self.cycle.response_complete
            if self.cycle is last and not asking:
                self.transport.close()
            else:
                self._watch(self.cycle)

    return Impatient
