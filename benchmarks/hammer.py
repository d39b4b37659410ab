"""A caller with many connections, in a process of its own: sends requests made ready beforehand, times each answer.

    python -m benchmarks.hammer '{"url": "http://127.0.0.1:…", "requests": "file", "connections": 32, "core": 1}'

The file holds one request after another, each behind its length in four bytes. Signing is done before the clock runs,
so that the figure is the server's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

from benchmarks.machine import pin
from benchmarks.spread import percentile


def write(path: Path, requests: Iterable[bytes]) -> None:
    """Put requests into a file."""
    with path.open("wb") as file:
        for request in requests:
            file.write(len(request).to_bytes(4) + request)


def read(path: Path) -> Iterator[bytes]:
    """The requests of a file."""
    raw, at = path.read_bytes(), 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4])
        yield raw[at + 4 : at + 4 + size]
        at += 4 + size


class Caller(asyncio.Protocol):
    """One connection: the next request goes when the last one's answer is whole."""

    def __init__(self, left: deque[bytes], seen: list[tuple[int, float]], done: asyncio.Future[None]) -> None:
        self._left = left
        self._seen = seen
        self._done = done
        self._parser = httptools.HttpResponseParser(self)
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("closed before its time"))

    def on_message_complete(self) -> None:
        self._seen.append((self._parser.get_status_code(), time.perf_counter() - self._sent_at))
        # A parser serves one answer only.
        self._parser = httptools.HttpResponseParser(self)
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        if not self._left:
            if not self._done.done():
                self._done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(self._left.popleft())


async def hammer(host: str, port: int, requests: Iterable[bytes], connections: int) -> dict[str, Any]:
    """All requests over so many connections."""
    loop = asyncio.get_running_loop()
    left, seen = deque(requests), list[tuple[int, float]]()
    dones = [loop.create_future() for _ in range(connections)]
    started, used = time.perf_counter(), time.process_time()
    for done in dones:
        await loop.create_connection(partial(Caller, left, seen, done), host, port)
    await asyncio.gather(*dones)
    seconds = time.perf_counter() - started
    latencies = [took for _, took in seen]
    statuses: dict[str, int] = {}
    for status, _ in seen:
        statuses[str(status)] = statuses.get(str(status), 0) + 1
    return {
        "rate": len(seen) / seconds,
        "p50_ms": percentile(latencies, 0.5) * 1000,
        "p99_ms": percentile(latencies, 0.99) * 1000,
        "statuses": statuses,
        "cpu_seconds": time.process_time() - used,
    }


def main(told: dict[str, Any]) -> dict[str, Any]:
    pin(told.get("core"))
    parts = urlsplit(told["url"])
    requests = list(read(Path(told["requests"])))
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(hammer(str(parts.hostname), int(parts.port or 80), requests, int(told["connections"])))


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
