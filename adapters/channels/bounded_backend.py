"""Sockets for httpx2 that end with their call: a peer that drips its head, or says "102" for ever, is cut off too.

httpx2 gives each read a time of its own; here all reads and writes of one call share what is left of the call's.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore2


class Deadline(threading.local):
    """When the call of this thread must have ended, by the monotonic clock."""

    at: float | None = None

    def left(self, wanted: float | None, trouble: type[Exception]) -> float | None:
        """The shorter of what a step may take and what is left of the call; raises when nothing is."""
        if self.at is None:
            return wanted
        left = self.at - time.monotonic()
        if left <= 0:
            raise trouble("the call took too long")
        return left if wanted is None else min(wanted, left)


class BoundedStream(httpcore2.NetworkStream):
    """A connection that keeps to the deadline of whoever uses it."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return BoundedStream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class BoundedBackend(httpcore2.SyncBackend):
    """Opens connections that keep to a deadline; connecting has a time of its own, and nothing is sent in it."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        return BoundedStream(super().connect_tcp(host, port, timeout, local_address, socket_options), self._deadline)
