"""A way to the partner that misbehaves: it drops, delays, repeats and cuts what passes, request by request.

It knows where an HTTP message ends and nothing else of it, and it opens its own connection for each request, so that
whatever it does to one does not touch the next. A request is repeated only where the partner's contract makes that
harmless (whole records): a network that doubles a blind step doubles it for every client in the world.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

HARMS = (
    "drop_request",
    "cut_request",
    "drop_reply",
    "cut_reply",
    "reset",
    "delay_request",
    "delay_reply",
    "late_request",
    "repeat_record",
    "repeat_reply",
)
"""`late_request` arrives after its sender has given up; it stays well under the time that counts as in flight."""
GONE = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on a port of its own and passes on to `target`."""

    def __init__(self, target: str, *, seed: int, rate: float, slow_s: float, late_s: float) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.rate = rate
        self.kinds: Sequence[str] = HARMS
        self._slow_s, self._late_s = slow_s, late_s
        self.done: Counter[str] = Counter()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._listen, name="proxy", daemon=True).start()

    def heal(self) -> None:
        """Pass everything on from now on."""
        self.rate = 0.0

    def close(self) -> None:
        """Let nobody in any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, caller: socket.socket) -> None:
        with suppress(OSError), caller:
            caller.settimeout(30)
            buffer = bytearray()
            while request := read_message(caller, buffer):
                if not self._pass(caller, request, self._harm(request)):
                    return

    def _harm(self, request: bytes) -> str | None:
        with self._lock:
            if self._random.random() >= self.rate:
                return None
            kind = self._random.choice(self.kinds)
            if kind == "repeat_record" and b'"DongBoHoSoMC"' not in request:
                kind = "drop_reply"
            self.done[kind] += 1
            return kind

    def _pass(self, caller: socket.socket, request: bytes, harm: str | None) -> bool:
        """One request and its reply; whether the connection goes on."""
        match harm:
            case "drop_request":
                return False
            case "reset":
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, GONE)
                return False
            case "cut_request":
                with self._connected() as partner:
                    partner.sendall(request[: len(request) * 2 // 3])
                return False
            case "delay_request":
                time.sleep(self._slow_s)
            case "late_request":
                time.sleep(self._late_s)
            case "repeat_record":
                self._ask(request)
            case _:
                pass
        return self._reply(caller, self._ask(request), harm)

    def _reply(self, caller: socket.socket, reply: bytes, harm: str | None) -> bool:
        match harm:
            case "drop_reply":
                return False
            case "cut_reply":
                caller.sendall(reply[: len(reply) * 2 // 3])
                return False
            case "delay_reply":
                time.sleep(self._slow_s)
            case "repeat_reply":
                reply += reply
            case _:
                pass
        caller.sendall(reply)
        return bool(reply)

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(self._target, timeout=30) as partner:
            yield partner

    def _ask(self, request: bytes) -> bytes:
        with self._connected() as partner:
            partner.sendall(request)
            return read_message(partner, bytearray())


def read_message(connection: socket.socket, buffer: bytearray) -> bytes:
    """One whole HTTP message by its Content-Length; empty when the other side is gone before its end."""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        if not _more(connection, buffer):
            return b""
    size = end + 4
    for line in bytes(buffer[:end]).lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            size += int(line.partition(b":")[2])
    while len(buffer) < size:
        if not _more(connection, buffer):
            return b""
    message = bytes(buffer[:size])
    del buffer[:size]
    return message


def _more(connection: socket.socket, buffer: bytearray) -> bool:
    data = connection.recv(65_536)
    buffer += data
    return bool(data)
