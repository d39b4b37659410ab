"""uvicorn's HTTP/1.1 with the three things it lacks: time limits for slow callers, a limit of connections, and a
problem instead of a bare line for what is not HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a connection may take, and how many there may be."""

    head_s: float = 5.0
    """From connecting, or from the first byte of a request, until its head is whole."""
    body_s: float = 24.0
    """From then until its body is whole: with the head's time, a slow caller is gone within 30 s. The routes that read
    a body give up a little before, and say so."""
    idle_s: int = 15
    """How long a connection without a request is kept: longer than callers' pools keep theirs in use."""
    write_s: float = 28.0
    """How long a caller may leave an answer unread."""
    head_bytes: int = 32_768
    """Of a request line and its headers; the parser itself would take any number."""
    connections: int = 2_000
    """Open at once. The next one is closed at once, rather than all of them being served badly."""
    backlog: int = 2_048
    stop_s: int = 10
    """How long requests in the house may take to end when the door closes."""


class HeadTooLarge(Exception):
    """A request line and headers beyond the limit; inside the parser this is "not HTTP"."""


class DoorProtocol(HttpToolsProtocol):
    """One connection."""

    limits: ClassVar[Limits] = Limits()
    malformed_http: ClassVar[Callable[[], bytes]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._phase: str | None = None
        """`head` or `body` while a request is being read."""
        self._head = 0
        """Bytes of the head that the parser has given."""
        self._pieces = 0
        """Bytes that came in pieces of which the parser has not made a whole head."""
        self._timed: str | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller connected."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        self._phase = "head"
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._phase = None
        self._watch()
        self._stop_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request came. A timer runs only for requests that come in pieces."""
        before = self._phase
        super().data_received(data)
        if self._phase == "head" == before:
            self._pieces += len(data)
            if self._pieces > self.limits.head_bytes:
                self.send_400_response("")
        self._watch()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._phase, self._head, self._pieces = "head", 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Some of the request line."""
        super().on_url(url)
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        super().on_header(name, value)
        self._grow(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._phase = "body"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._phase = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The caller does not read its answer."""
        super().pause_writing()
        self._stop_writing()
        self._writing = self.loop.call_later(self.limits.write_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads on."""
        super().resume_writing()
        self._stop_writing()

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP."""
        if not self.transport.is_closing():
            self.transport.write(type(self).malformed_http())
            self.transport.close()

    def _grow(self, size: int) -> None:
        self._head += size
        if self._head > self.limits.head_bytes:
            raise HeadTooLarge

    def _watch(self) -> None:
        if self._phase == self._timed:
            return
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._timed = self._phase
        if self._phase is not None:
            seconds = self.limits.head_s if self._phase == "head" else self.limits.body_s
            self._reading = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        # Aborted, not closed: closing would wait for a caller that reads as slowly as it writes.
        if not self.transport.is_closing():
            self.transport.abort()

    def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None


def protocol_with(limits: Limits, malformed_http: Callable[[], bytes]) -> type[DoorProtocol]:
    """The protocol class of one server."""
    own = {"limits": limits, "malformed_http": staticmethod(malformed_http)}
    return type("DoorProtocol", (DoorProtocol,), own)
