"""The mocks as a demo's player reaches them: their control routes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from adapters.channels.http import HttpSettings, Transport, open_fastest
from config.demo.books import Effect, read_effects

PAGE: Final = 2_000


class Control:
    """The control routes of one partner's mock."""

    def __init__(self, mocks: str, partner: str = "national_portal") -> None:
        self._base = f"{mocks}/_control/{partner}"
        self._transport: Transport = open_fastest(HttpSettings(allow_http=True, max_reply_bytes=200_000_000))

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()

    def get(self, what: str) -> Any:
        """A question."""
        return json.loads(self._transport.perform("GET", f"{self._base}/{what}", {}, b"").body)

    def post(self, what: str, body: Mapping[str, Any]) -> Any:
        """An order, and its answer."""
        headers = {"content-type": "application/json"}
        reply = self._transport.perform("POST", f"{self._base}/{what}", headers, json.dumps(body).encode())
        if reply.status >= 400:
            raise OSError(f"the mock refused {what}: {reply.body.decode(errors='replace')}")
        return json.loads(reply.body or b"null")

    def visit(self, url: str) -> None:
        """As a browser does that was sent there."""
        reply = self._transport.perform("GET", url, {}, b"")
        if reply.status >= 400:
            raise OSError(f"the mock's page answers {reply.status}: {reply.body.decode(errors='replace')}")

    def effects(self) -> list[Effect]:
        """Every effect with its body, page by page."""
        rows: list[dict[str, Any]] = []
        while True:
            after = rows[-1]["n"] if rows else 0
            page = self.get(f"effects?after={after}&limit={PAGE}&body=1")
            rows += page
            if len(page) < PAGE:
                return read_effects(rows)
