"""HTTP/1.1 for mocks: a small server that can also close without a word, cut a body short, or reset the connection.

A ready server cannot be told to do these, and they are half of what a client has to survive. It answers other
connections while one is made to wait, and knows nothing of partners: a callable takes requests and gives responses.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import parse_qsl, unquote

import httptools

from contracts.mocking import Request, Response

Answer = Callable[[Request], Response]

LARGEST_BODY: Final = 32 * 1024 * 1024
"""A mock takes more than any partner would, so that the partner's own limit is the one that speaks."""

NO_LINGER: Final = struct.pack("ii", 1, 0)
"""With it a close is a TCP reset."""

REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class Connection(asyncio.Protocol):
    """One caller's connection: requests are answered in turn, one at a time."""

    def __init__(self, answer: Answer, connections: set[Connection]) -> None:
        self._answer = answer
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._peer = ""
        self._queue: deque[tuple[Request | None, bool]] = deque()
        """Requests not answered yet, and whether the connection stays after each; none stands for one too large."""
        self._waiting: asyncio.TimerHandle | None = None
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else "?"
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._waiting:
            self._waiting.cancel()
        self._queue.clear()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._send(Response(status=400, body=b'{"error":"not HTTP/1.1"}'), keep=False)
            return
        self._serve_next()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= LARGEST_BODY:
            self._body.append(body)

    def on_message_complete(self) -> None:
        path, _, query = self._url.partition(b"?")
        agent = self._headers.get("user-agent", "")
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            path=unquote(path.decode("latin-1")),
            query=dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else {},
            headers=self._headers,
            body=b"".join(self._body) if len(self._body) != 1 else self._body[0],
            caller=f"{self._peer} {agent}" if agent else self._peer,
        )
        is_small = self._size <= LARGEST_BODY
        self._queue.append((request if is_small else None, is_small and self._parser.should_keep_alive()))
        self._begin()

    def _serve_next(self) -> None:
        while self._queue and self._waiting is None and not self._transport.is_closing():
            request, keep = self._queue.popleft()
            response = self._answer(request) if request else TOO_LARGE
            if response.delay:
                loop = asyncio.get_running_loop()
                self._waiting = loop.call_later(response.delay, self._send_late, response, keep)
            else:
                self._send(response, keep)

    def _send_late(self, response: Response, keep: bool) -> None:
        self._waiting = None
        self._send(response, keep)
        self._serve_next()

    def _send(self, response: Response, keep: bool) -> None:
        if response.ending == "reset":
            self._reset()
            return
        if response.ending == "nothing":
            self._transport.close()
            return
        body = response.body if response.ending == "whole" else response.body[: len(response.body) // 2]
        self._transport.write(head_of(response, keep) + body)
        if not keep or response.ending == "half":
            self._transport.close()

    def _reset(self) -> None:
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._transport.abort()

    def stop(self) -> None:
        """Leave at once; the server is going down."""
        self._transport.abort()


TOO_LARGE: Final = Response(status=413, body=b'{"error":"too large"}')


def head_of(response: Response, keep: bool) -> bytes:
    """Status line and headers. The length is that of the whole body, also when only half of it will be sent."""
    status = response.status
    lines = [
        f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
    ]
    if "Date" not in response.headers:
        lines.append(f"Date: {http_date(int(time.time()))}")
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if not keep:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@lru_cache(maxsize=8)
def http_date(seconds: int) -> str:
    """A time as HTTP writes it."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)
