"""The departments' file server of the demo: the drafts that are to be signed, each at an address of its own."""

from __future__ import annotations

import hashlib
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """Serves what it was given, on loopback, until it is closed."""

    def __init__(self) -> None:
        files: dict[str, bytes] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = files.get(self.path)
                if content is None:
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "application/pdf")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the ledger says what was fetched."""

        self._files = files
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def put(self, name: str, content: bytes) -> tuple[str, str]:
        """Its address and its SHA-256."""
        path = f"/{name}"
        self._files[path] = content
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{path}", hashlib.sha256(content).hexdigest()

    def close(self) -> None:
        """No more files."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
