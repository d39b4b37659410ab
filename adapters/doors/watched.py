"""A small page for machines that watch a process without doors: numbers and health on a port of their own.

Plain standard library: a worker that is watched must not load a web framework for it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

SLOW_S: Final = 5.0
"""How long a caller may take to ask, and to read its answer."""

Answer = tuple[int, bytes, str]
"""Status, body, content type."""


@contextmanager
def watched(host: str, port: int, pages: Mapping[str, Callable[[], Answer]]) -> Iterator[str]:
    """Serve these paths in a thread while the block runs; gives the address. Raises OSError when it cannot be had."""
    server = _server(host, port, pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="watched", daemon=True)
    thread.start()
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(host: str, port: int, pages: Mapping[str, Callable[[], Answer]]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = SLOW_S
        server_version = "lienthong"
        sys_version = ""

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            status, body, kind = (404, b"", "text/plain") if page is None else page()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.send_header("cache-control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A scrape is no event."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A caller that went away or was too slow: nobody is there to be answered."""

    return Server((host, port), Handler)
