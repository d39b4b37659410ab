"""Servers that misbehave below HTTP: what a channel must tell apart, on real loopback sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket], None]


@dataclass
class RawServer:
    """One listening socket; `heard` holds each request that was read whole."""

    url: str
    port: int
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextlib.contextmanager
def raw_server(
    behave: Callable[[RawServer, socket.socket], None],
    tls: ssl.SSLContext | None = None,
    *,
    at: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[RawServer]:
    listener = socket.create_server(at)
    listener.settimeout(5)
    scheme = "https" if tls else "http"
    port = listener.getsockname()[1]
    server = RawServer(f"{scheme}://{at[0]}:{port}/x", port)
    kept: list[socket.socket] = []
    closing = threading.Event()

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.settimeout(5)
            if tls:
                connection = tls.wrap_socket(connection, server_side=True)
                kept.append(connection)
            behave(server, connection)

    def loop() -> None:
        while not closing.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            kept.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        closing.set()
        # Closing alone does not wake a thread that waits in accept().
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for connection in kept:
            connection.close()


def read_request(server: RawServer, connection: socket.socket) -> bytes:
    """One whole request: head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = int(sizes[0].partition(b":")[2]) if sizes else 0
    while len(body) < size:
        body += _some(connection)
    server.heard.append(head + b"\r\n\r\n" + body)
    return body


def answer(
    connection: socket.socket, body: bytes = b"{}", *, status: str = "200 OK", size: int | None = None, head: str = ""
) -> None:
    length = len(body) if size is None else size
    lines = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{head}\r\n"
    connection.sendall(lines.encode() + body)


def reset(connection: socket.socket) -> None:
    """Close so that the peer sees RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the peer went away")
    return data
