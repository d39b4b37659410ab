"""A partner that only answers: after a set time, with its own books of order and repeats. In a process of its own.

    python -m benchmarks.sink '{"delay_ms": 5, "core": 1, "secret": "…"}'

Two ways to speak to it. `POST /events` takes one event, signed by RFC 9421 with HMAC; the signature is checked here
with the standard library, not with `signing/`. Everything below `/national_portal/` is answered as the portal's adapter
answers: a session, a look-up by what the books hold, and one yes for a whole array.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import signal
import sys
import time
from base64 import b64encode
from typing import Any, Final, cast

import httptools
import msgspec

from benchmarks.machine import pin

BASE: Final = ("@method", "@path", "@query", "content-type", "content-digest")
CONTENT: Final = re.compile(r"step (\d+)")
NO: Final = (401, b'{"taken":false}')


class _Wire(msgspec.Struct):
    """What the books need of an event."""

    id: str
    subject: str
    sequence: str


class _Item(msgspec.Struct):
    """What the books need of a portal's record or step."""

    number: str = msgspec.field(name="MaHoSo")
    content: str = msgspec.field(name="NoiDungXuLy", default="")
    title: str = msgspec.field(name="TrichYeuHoSo", default="")


class _Call(msgspec.Struct):
    """The portal's envelope."""

    service: str = "login"
    number: str = msgspec.field(name="mahoso", default="")
    data: list[_Item] = []


class Books:
    """What arrived, judged by dossier: the order of its steps, and what came twice."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.seen: set[tuple[str, str]] = set()
        self.answered_at: dict[str, float] = {}
        self.counts = dict.fromkeys(
            ("calls", "taken", "repeats", "repeated_steps", "out_of_order", "unsigned", "lookups"), 0
        )
        self.first_at = 0.0
        self.last_at = 0.0
        self.flying = 0
        self.most_flying = 0

    def take(self, dossier: str, key: str, n: int | None) -> None:
        """One record or step. `n` is its number in its dossier; None for a whole record, which comes before steps."""
        now = time.monotonic()
        self.first_at = self.first_at or now
        self.last_at = now
        if (dossier, key) in self.seen:
            self.counts["repeats"] += 1
            self.counts["repeated_steps"] += n is not None
            return
        self.seen.add((dossier, key))
        self.counts["taken"] += 1
        if n is None:
            self.last.setdefault(dossier, 0)
            return
        if n != self.last.get(dossier, 0) + 1:
            self.counts["out_of_order"] += 1
        self.last[dossier] = n

    def report(self) -> dict[str, Any]:
        return {
            **self.counts,
            "dossiers": len(self.last),
            "first_at": self.first_at,
            "last_at": self.last_at,
            "most_flying": self.most_flying,
        }


class Sink:
    """Judges a request and gives status and body."""

    kind = "application/json"

    def __init__(self, secret: bytes, *, times_of: tuple[str, ...] = ()) -> None:
        self.books = Books()
        self._secret = secret
        self._times_of = times_of
        self._event = msgspec.json.Decoder(_Wire)
        self._call = msgspec.json.Decoder(_Call)

    def judge(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, str | None]:
        """Status, body, and the dossier whose time of answering is kept."""
        if path == "/books":
            return 200, json.dumps(self.books.report()).encode(), None
        if path == "/times":
            return 200, json.dumps(self.books.answered_at).encode(), None
        if path == "/reset":
            self.books = Books()
            return 200, b"{}", None
        self.books.counts["calls"] += 1
        if path.startswith("/national_portal/"):
            return self._portal(body)
        return self._signed_event(method, path, headers, body)

    def _signed_event(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, str | None]:
        if not self._is_signed(method, path, headers, body):
            self.books.counts["unsigned"] += 1
            return (*NO, None)
        event = self._event.decode(body)
        self.books.take(event.subject, event.id, int(event.sequence))
        return 200, b'{"taken":true,"receipt":"' + event.id.encode() + b'"}', self._kept(event.subject)

    def _is_signed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bool:
        digest = "sha-256=:" + b64encode(hashlib.sha256(body).digest()).decode() + ":"
        if headers.get("content-digest") != digest:
            return False
        parameters = headers.get("signature-input", "").removeprefix("sig1=")
        values = {"@method": method, "@path": path, "@query": "?", **headers}
        lines = [f'"{name}": {values.get(name, "")}' for name in BASE]
        base = "\n".join([*lines, f'"@signature-params": {parameters}'])
        mac = b64encode(hmac.digest(self._secret, base.encode(), "sha256")).decode()
        return hmac.compare_digest(f"sig1=:{mac}:", headers.get("signature", ""))

    def _portal(self, body: bytes) -> tuple[int, bytes, str | None]:
        call = self._call.decode(body)
        if call.service == "login":
            return 200, '{"error_code":"0","message":"Thành công","session":"s-1"}'.encode(), None
        if call.service == "TraCuuHoSo":
            self.books.counts["lookups"] += 1
            there = [{"MAHOSO": call.number}] if call.number in self.books.last else []
            return 200, json.dumps({"error_code": 0, "message": "", "result": there}).encode(), None
        kept = None
        for item in call.data:
            found = CONTENT.match(item.content)
            self.books.take(item.number, item.content or item.title, int(found[1]) if found else None)
            kept = self._kept(item.number)
        return 200, '{"error_code":0,"message":"Thành công"}'.encode(), kept

    def _kept(self, dossier: str) -> str | None:
        return dossier if dossier.startswith(self._times_of) else None


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, sink: Sink, delay: float) -> None:
        self._sink = sink
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only
        self._begin()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        method, path = self._parser.get_method().decode(), self._path.decode()
        status, body, kept = self._sink.judge(method, path, self._headers, self._body)
        self._begin()
        books = self._sink.books
        books.flying += 1
        books.most_flying = max(books.most_flying, books.flying)
        is_question = path in ("/books", "/times", "/reset")
        self._loop.call_later(0 if is_question else self._delay, self._answer, status, body, kept)

    def _begin(self) -> None:
        self._path = b""
        self._headers: dict[str, str] = {}
        self._body = b""

    def _answer(self, status: int, body: bytes, kept: str | None) -> None:
        books = self._sink.books
        books.flying = max(0, books.flying - 1)
        if kept is not None:
            books.answered_at.setdefault(kept, time.monotonic())
        kind = self._sink.kind
        head = f"HTTP/1.1 {status} OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


async def serve(sink: Sink, delay: float) -> None:
    """Serve on a free port of this machine until a signal; the port is printed."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Connection(sink, delay), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()


def main(told: dict[str, Any]) -> None:
    """Read what was told, and serve."""
    pin(told.get("core"))
    sink = Sink(str(told.get("secret", "")).encode(), times_of=tuple(told.get("times", ())))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(sink, float(told.get("delay_ms", 5)) / 1000))


def loop_factory() -> Any:
    """The quicker loop, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
