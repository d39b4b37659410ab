"""The server's side of one WebSocket text in, one text out (RFC 6455), for the mock agent. Nothing more of it."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LONGEST_HEAD: Final = 8_192
LONGEST_TEXT: Final = 1_000_000
TEXT, CLOSE = 0x1, 0x8


class NoWebSocket(Exception):
    """What came is none, or not as the agent speaks it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that was shaken hands on."""

    path: str
    origin: str


def shake_hands(line: socket.socket) -> Opened:
    """Raises NoWebSocket."""
    head = _head(line)
    first, *rest = head.decode("latin-1").split("\r\n")
    method, path, _version = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
    key = headers.get("sec-websocket-key", "")
    if method != "GET" or headers.get("upgrade", "").lower() != "websocket" or not key:
        raise NoWebSocket("no upgrade to a WebSocket")
    accept = base64.b64encode(hashlib.sha1(key.encode() + MAGIC, usedforsecurity=False).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    line.sendall("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode())
    return Opened(path, headers.get("origin", ""))


def read_text(line: socket.socket) -> str:
    """One whole text, from a client, which masks what it sends. Raises NoWebSocket."""
    text = b""
    while True:
        first, second = _exactly(line, 2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(_exactly(line, 2 if size == 126 else 8), "big")
        if not second & 0x80 or len(text) + size > LONGEST_TEXT or (first & 0x0F) not in (TEXT, 0):
            raise NoWebSocket("not one masked text of a client")
        mask = _exactly(line, 4)
        text += bytes(byte ^ mask[n % 4] for n, byte in enumerate(_exactly(line, size)))
        if first & 0x80:
            return text.decode()


def send_text(line: socket.socket, text: str) -> None:
    """One text, and the end of the conversation."""
    body = text.encode()
    if len(body) < 126:
        head = struct.pack("!BB", 0x80 | TEXT, len(body))
    elif len(body) < 65_536:
        head = struct.pack("!BBH", 0x80 | TEXT, 126, len(body))
    else:
        head = struct.pack("!BBQ", 0x80 | TEXT, 127, len(body))
    line.sendall(head + body + struct.pack("!BBH", 0x80 | CLOSE, 2, 1000))


def _head(line: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if len(head) > LONGEST_HEAD:
            raise NoWebSocket("its head has no end")
        head += _exactly(line, 1)
    return head.removesuffix(b"\r\n\r\n")


def _exactly(line: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = line.recv(size - len(got))
        if not part:
            raise NoWebSocket("the other side hung up")
        got += part
    return got
