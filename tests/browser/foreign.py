"""Another site on this machine: a real second origin, whose pages try what a foreign page can."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape


@dataclass
class Foreign:
    """A site that is not ours. `at` another name of this machine it is another *site*, not only another origin."""

    port: int
    pages: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, html: str, *, host: str = "127.0.0.1") -> str:
        """A page; its address."""
        self.pages[f"/{name}"] = f"<!doctype html><html lang=en><title>foreign</title>{html}"
        return f"http://{host}:{self.port}/{name}"

    def form(self, name: str, action: str, fields: dict[str, str], *, host: str, how: str = "post") -> str:
        """A page that sends a form to us as soon as somebody looks at it."""
        inputs = "".join(f'<input name="{escape(key)}" value="{escape(value)}">' for key, value in fields.items())
        form = f'<form method="{how}" action="{escape(action)}">{inputs}</form>'
        return self.put(name, f"{form}<script>document.forms[0].submit()</script>", host=host)

    def fetch(self, name: str, address: str, **options: object) -> str:
        """A page that calls us from a script, with cookies, and writes what it could read into its title."""
        told = json.dumps({"credentials": "include", **options})
        return self.put(
            name,
            f"<script>fetch({json.dumps(address)}, {told}).then(r => r.text()).then(t => document.title = 'read ' + t)"
            ".catch(e => document.title = 'closed')</script>",
        )


@contextmanager
def foreign_site() -> Iterator[Foreign]:
    """Served until the block ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = site.pages.get(self.path, "").encode()
            self.send_response(200)  # also for the browser's own question after an icon
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Foreign(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
