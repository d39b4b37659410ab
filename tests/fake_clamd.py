"""A clamd for tests: speaks the `z` form of INSTREAM strictly, on a unix socket or a port, and can misbehave.

Written from clamd's manual page alone: a command that ends in a null byte; chunks, each behind its length in four bytes
in network order; a length of nothing ends the stream; one answer, ended by a null byte.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The test text that every scanner knows; put together here, so that none finds this file."""


@dataclass
class FakeClamd:
    """What it was sent, and how it behaves."""

    address: str = ""
    most: int = 1_000_000
    """`StreamMaxLength`."""
    mood: str = "well"
    """`well`, `error`, `dead` (hangs up at once), `slow` (never answers), `endless`, `odd`."""
    scanned: list[bytes] = field(default_factory=list)
    broken_rules: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def serve(self, line: socket.socket) -> None:
        """One command of one connection."""
        if self.mood == "dead":
            return
        if _until_null(line) != b"zINSTREAM":
            self.broken_rules.append("the command is zINSTREAM and a null byte")
            return
        content = self._stream(line)
        if content is None:
            line.sendall(b"INSTREAM size limit exceeded. ERROR\0")
            return
        self.scanned.append(content)
        line.sendall(self._answer(content))
        if self.mood == "slow":
            self.ended.wait(30)

    def _stream(self, line: socket.socket) -> bytes | None:
        content = b""
        while size := struct.unpack("!I", _exactly(line, 4))[0]:
            if len(content) + size > self.most:
                return None
            content += _exactly(line, size)
        return content

    def _answer(self, content: bytes) -> bytes:
        if self.mood in ("slow", "endless"):
            return b"" if self.mood == "slow" else b"stream: OK" * 1_000
        if self.mood == "error":
            return b"stream: Can't allocate memory ERROR\0"
        if self.mood == "odd":
            return b"stream: OK, more or less\0"
        return b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"


@contextlib.contextmanager
def fake_clamd(folder: Path | None = None, **how: object) -> Iterator[FakeClamd]:
    """One that listens: in a folder on a unix socket, else on a port of this machine."""
    clamd = FakeClamd(**how)  # type: ignore[arg-type]
    if folder is None:
        listener = socket.create_server(("127.0.0.1", 0))
        clamd.address = f"127.0.0.1:{listener.getsockname()[1]}"
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "clamd.ctl"))
        listener.listen()
        clamd.address = f"unix:{folder / 'clamd.ctl'}"
    threads: list[threading.Thread] = []

    def one(line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            line.settimeout(20)
            clamd.serve(line)

    def loop() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(line,), daemon=True))
            threads[-1].start()

    main = threading.Thread(target=loop, daemon=True)
    main.start()
    try:
        yield clamd
    finally:
        clamd.ended.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (main, *threads):
            thread.join(20)


def _until_null(line: socket.socket) -> bytes:
    got = b""
    while (byte := _exactly(line, 1)) != b"\0":
        got += byte
    return got


def _exactly(line: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = line.recv(size - len(got))
        if not part:
            raise ConnectionError("the other side hung up")
        got += part
    return got
