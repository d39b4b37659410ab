"""Put every mock on one local port, so that a person or a test can try the whole bus by hand.

with serve(Portal()) as url:      # in a thread, until the block ends
    ...
run([Portal()], port=9100)        # until interrupted: `lienthong mocks`
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from contracts.mock_http import Connection
from contracts.mock_page import House
from contracts.mocking import Mock

Ready = Callable[[str], None]
"""Called with the address once the port is open."""


@contextmanager
def serve(mocks: Mock | Iterable[Mock], *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in a thread of its own; gives the address, and ends with the block."""
    address: Future[str] = Future()
    stopping: Future[Callable[[], None]] = Future()
    thread = threading.Thread(target=_thread, args=(_house(mocks), host, port, address, stopping), name="mocks")
    thread.start()
    try:
        yield address.result()
    finally:
        if address.exception() is None:
            stopping.result()()
        thread.join()


def run(mocks: Mock | Iterable[Mock], *, host: str = "127.0.0.1", port: int = 9100, ready: Ready | None = None) -> None:
    """Serve in this thread until an interrupt or a termination signal."""

    async def until_signalled() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, stop.set)
        await _serve_until(_house(mocks), host, port, ready or (lambda url: None), stop)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(until_signalled())


def _thread(house: House, host: str, port: int, address: Future[str], stopping: Future[Callable[[], None]]) -> None:
    async def until_told() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        stopping.set_result(lambda: void(loop.call_soon_threadsafe(stop.set)))
        await _serve_until(house, host, port, address.set_result, stop)

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(until_told())
    except BaseException as trouble:
        if address.done():
            raise
        address.set_exception(trouble)


async def _serve_until(house: House, host: str, port: int, ready: Ready, stop: asyncio.Event) -> None:
    connections: set[Connection] = set()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(house, connections), host, port)
    name = server.sockets[0].getsockname()
    ready(f"http://{name[0]}:{name[1]}")
    await stop.wait()
    server.close()
    for connection in list(connections):
        connection.stop()
    await server.wait_closed()
    await asyncio.sleep(0)  # let aborted connections say goodbye before the loop goes


def _house(mocks: Mock | Iterable[Mock]) -> House:
    return House([mocks] if isinstance(mocks, Mock) else list(mocks))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it can be had: a fifth to a third less time on each request."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def void(value: object) -> None:
    """For a callback whose result nobody wants."""
