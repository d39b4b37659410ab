"""The doors on a port: in the calling thread until a signal comes, or in a thread of their own until told to stop."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from adapters.doors.protocol import Limits, protocol_with

log = structlog.get_logger("doors")

USUAL: Final = Limits()
START_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A door that is open."""

    url: str
    host: str
    port: int


def run(app: FastAPI, host: str, port: int, *, limits: Limits = USUAL) -> None:
    """Serve in this thread; returns after SIGTERM or SIGINT, when what was in the house has been answered.

    Raises OSError when the port cannot be had.
    """
    with _listening(host, port) as (listener, serving):
        _Server(_config(app, limits), serving).run(sockets=[listener])


@contextmanager
def serve(app: FastAPI, host: str = "127.0.0.1", port: int = 0, *, limits: Limits = USUAL) -> Iterator[Serving]:
    """Serve in a thread while the block runs. Port 0 takes a free one. Raises OSError when the port cannot be had."""
    with _listening(host, port) as (listener, serving):
        server = _Server(_config(app, limits), serving)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="doors", daemon=True)
        thread.start()
        try:
            if not server.is_up.wait(START_S):
                raise OSError(f"the doors did not open on {serving.url} within {START_S:.0f} s")
            yield serving
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """uvicorn's, but it says when it really listens, and a signal ends it without ending the process under our feet."""

    def __init__(self, config: uvicorn.Config, serving: Serving) -> None:
        super().__init__(config)
        self._serving = serving
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _tell(self._serving)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """uvicorn raises the signal again after its end; then nobody would close the ledger."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _config(app: FastAPI, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_with(limits, app.state.desk.malformed_http),
        loop="auto",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # a signature covers what it covers; nobody's headers change who the caller is
        server_header=False,
        backlog=limits.backlog,
        timeout_keep_alive=limits.idle_s,
        timeout_graceful_shutdown=limits.stop_s,
    )


@contextmanager
def _listening(host: str, port: int) -> Iterator[tuple[socket.socket, Serving]]:
    """Bound before anything starts, so that a taken port is an error here and not in a thread."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.setblocking(False)
        number = listener.getsockname()[1]
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        yield listener, Serving(url=f"http://{shown}:{number}", host=host, port=number)
    finally:
        listener.close()


def _tell(serving: Serving) -> None:
    try:
        ours = version("lienthong")
    except PackageNotFoundError:
        ours = "unknown"
    log.info("door_started", host=serving.host, port=serving.port, version=ours)
