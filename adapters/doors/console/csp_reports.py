"""What browsers report of pages that tried what the policy forbids: our mistake, or foreign text that got through.

Anybody may send such reports, so little is believed and little is logged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from bus.ports import Clock

log = structlog.get_logger("console")

LARGEST: Final = 16_384
"""Bytes of one report."""
MOST: Final = 20
"""Reports that are logged in an hour; the rest are counted."""
HOUR: Final = timedelta(hours=1)
DIRECTIVES: Final = frozenset(
    {"default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem", "style-src-attr",
     "img-src", "connect-src", "form-action", "frame-ancestors", "base-uri", "font-src", "media-src", "object-src",
     "frame-src", "worker-src", "manifest-src"}
)  # fmt: skip


class CspReports:
    """Takes reports."""

    def __init__(self, clock: Clock, count: Callable[[], None] = lambda: None) -> None:
        """`count` hears of each that came, logged or not."""
        self._clock = clock
        self._count = count
        self._lock = threading.Lock()
        self._since: datetime | None = None
        self._logged = 0

    async def take(self, request: Request) -> Response:
        """POST /csp-report."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST:
                return Response(status_code=413, headers={"connection": "close"})
        self._count()
        if self._may_log():
            log.warning("console_csp_report", rule=directive_of(bytes(body)))
        return Response(status_code=204)

    def _may_log(self) -> bool:
        with self._lock:
            now = self._clock.now()
            if self._since is None or now - self._since >= HOUR:
                self._since, self._logged = now, 0
            self._logged += 1
            return self._logged <= MOST


def directive_of(body: bytes) -> str:
    """Which rule was broken, by its name; `unknown` for whatever is no name of a rule."""
    try:
        told: Any = msgspec.json.decode(body)
        report = told["csp-report"]
        name = str(report.get("effective-directive") or report.get("violated-directive", "")).split(" ")[0]
    except (msgspec.DecodeError, TypeError, KeyError, AttributeError, UnicodeDecodeError):
        return "unknown"
    return name if name in DIRECTIVES else "unknown"
