"""Looking documents through for malware: clamd's own protocol (`INSTREAM`), over its local socket or TCP.

A scanner that is configured and cannot say "clean" fails closed: dead, slow, full or unclear, the document is not taken
now and is tried again. Only its own clear words count: `OK`, and a name with `FOUND`.
"""

from __future__ import annotations

import socket
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import structlog

from adapters.documents.errors import DocumentNotNow
from signing.errors import DocumentRefused

log = structlog.get_logger("documents")

UNIX: Final = "unix:"
COMMAND: Final = b"zINSTREAM\0"
CHUNK: Final = 65_536
LONGEST_REPLY: Final = 4_096
CLEAN: Final = "stream: OK"
LIMIT: Final = "INSTREAM size limit exceeded. ERROR"
"""Its `StreamMaxLength` is below what we take: the operator raises it there, or lowers `most_bytes` here."""


class Scanner(Protocol):
    """Looks a document through."""

    def scan(self, content: bytes) -> bool:
        """Whether it was looked through; then it is clean. Raises DocumentRefused, DocumentNotNow."""
        ...


class NoScanner:
    """Where none is configured: the ledger says of each document that nobody looked."""

    def scan(self, content: bytes) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamd:
    """A clamd at `unix:/path` or `host:port`."""

    address: str
    timeout: timedelta = timedelta(seconds=60)
    """For a whole scan, connecting included."""

    def scan(self, content: bytes) -> bool:
        """True: clean. Raises DocumentRefused: something was found; DocumentNotNow: it did not say."""
        until = time.monotonic() + self.timeout.total_seconds()
        try:
            with closing(self._connect(until)) as line:
                return _judge(_asked(line, content, until))
        except OSError as trouble:
            raise DocumentNotNow("scanner_unreachable", str(trouble)) from trouble

    def _connect(self, until: float) -> socket.socket:
        if not self.address.startswith(UNIX):
            host, _, port = self.address.rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)), timeout=_left(until))
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(_left(until))
            line.connect(self.address.removeprefix(UNIX))
        except BaseException:
            line.close()
            raise
        return line


def _asked(line: socket.socket, content: bytes, until: float) -> str:
    # One that has had enough answers and hangs up while we still send: what it said counts, not that it hung up.
    with suppress(BrokenPipeError, ConnectionResetError):
        _send(line, content, until)
    return _reply(line, until)


def _send(line: socket.socket, content: bytes, until: float) -> None:
    view = memoryview(content)
    line.settimeout(_left(until))
    line.sendall(COMMAND)
    for start in range(0, len(view), CHUNK):
        part = view[start : start + CHUNK]
        line.settimeout(_left(until))
        line.sendall(len(part).to_bytes(4, "big") + part)
    line.sendall(b"\0\0\0\0")


def _reply(line: socket.socket, until: float) -> str:
    got = b""
    while not got.endswith(b"\0"):
        line.settimeout(_left(until))
        part = line.recv(LONGEST_REPLY)
        if not part or len(got) > LONGEST_REPLY:
            raise DocumentNotNow("scanner_unclear", "its answer has no end")
        got += part
    return got[:-1].decode("utf-8", "replace")


def _judge(told: str) -> bool:
    if told == CLEAN:
        return True
    if told.startswith("stream: ") and told.endswith(" FOUND"):
        log.warning("document_infected", found=told.removeprefix("stream: ").removesuffix(" FOUND"))
        raise DocumentRefused("document_infected")
    raise DocumentNotNow("scanner_limit" if told == LIMIT else "scanner_unclear", told)


def _left(until: float) -> float:
    """Seconds that are left; raises TimeoutError, which is an OSError, when none are."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the scan took too long")
    return left
