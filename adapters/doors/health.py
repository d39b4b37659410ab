"""Alive, ready, and the metrics' page.

Ready is honest: it writes and it signs, at most each two seconds however often it is asked. Health is asked by machines
without a key, so it says codes and nothing else.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from adapters.doors.receipts import Signer
from bus.ledger import Ledger
from bus.pulse import NOT_WRITABLE, troubles

log = structlog.get_logger("doors")

FRESH_S: Final = 2.0
"""How long a finding is shown again: a busy probe must not become the ledger's main work."""
ROOM: Final = 256 * 1024 * 1024
"""Bytes free on the ledger's disk below which it is nearly full: minutes of a busy day, time to act."""
NO_CLOCK: Final = "no_clock"
_PLAIN: Final = {"cache-control": "no-store"}


class Readiness:
    """Why this process cannot do its work now; an empty list when it can. Threads may share one."""

    def __init__(
        self,
        ledger: Ledger,
        identity: Signer,
        *,
        free_bytes: Callable[[], int] | None = None,
        room: int = ROOM,
        fresh_s: float = FRESH_S,
        notes: Callable[[], list[str]] = list,
        further: Callable[[], list[str]] = list,
    ) -> None:
        """`further`: reasons that only this installation can have."""
        self._ledger = ledger
        self._identity = identity
        self._free_bytes = free_bytes or (lambda: shutil.disk_usage(Path(ledger.engine.path).parent).free)
        self._room = room
        self._fresh_s = fresh_s
        self._further = further
        self.notes = notes
        """What is no reason yet and will become one, such as `certificate_ends_soon`."""
        self._lock = threading.Lock()
        self._found: list[str] = []
        self._looked_at: float | None = None
        self._lost_at: float | None = None
        """Since when the ledger cannot be written."""

    def __call__(self) -> list[str]:
        """Stable codes, such as `ledger_not_writable`."""
        with self._lock:
            # The machine's own counter, not the clock port: a simulated or a jumping clock must not freeze the answer.
            now = time.monotonic()
            if self._looked_at is None or now - self._looked_at >= self._fresh_s:
                before, self._found = self._found, self._look()
                self._looked_at = time.monotonic()
                if before != self._found:
                    log.warning("readiness_changed", is_ready=not self._found, cause=", ".join(self._found))
                    self._note_recovery(now)
            return list(self._found)

    def _note_recovery(self, now: float) -> None:
        if NOT_WRITABLE in self._found:
            self._lost_at = self._lost_at or now
        elif self._lost_at is not None:
            log.info("ledger_recovered", down_s=round(now - self._lost_at, 1))
            self._lost_at = None

    def _look(self) -> list[str]:
        try:
            found = troubles(self._ledger)
        except Exception:  # what the ledger lacks is told by code; what is left is that nobody knows what time it is
            found = [NO_CLOCK]
        found += self._further()
        if not self._can_sign():
            found.append("cannot_sign")
        try:
            if self._free_bytes() < self._room:
                found.append("disk_nearly_full")
        except OSError:
            found.append("disk_not_readable")
        return found

    def _can_sign(self) -> bool:
        try:
            return len(self._identity.sign(b"ready")) > 0
        except Exception:  # whatever keeps it from signing keeps it from being ready
            return False


def told_ready(reasons: list[str], notes: list[str]) -> dict[str, object]:
    """The body of `/readyz`; notes where there are any."""
    told: dict[str, object] = {"ready": not reasons, "reasons": reasons}
    return told | {"notes": notes} if notes else told


class ShowsMetrics(Protocol):
    """What the doors' metrics must offer here."""

    def page(self) -> tuple[bytes, str]:
        """The body of `/metrics` and its content type."""
        ...


class HealthDoor:
    """Answers machines that watch."""

    def __init__(self, ready: Callable[[], list[str]], metrics: ShowsMetrics) -> None:
        self._ready = ready
        self._metrics = metrics
        # Threads of their own: health must answer while every other thread waits for the ledger.
        self._one = CapacityLimiter(1)
        self._page = CapacityLimiter(1)

    async def get_livez(self, request: Request) -> Response:
        """GET /livez: this process answers."""
        return Response(b'{"alive":true}', 200, _PLAIN, "application/json")

    async def get_readyz(self, request: Request) -> Response:
        """GET /readyz: 200, or 503 with the reasons; notes say what will become one."""
        reasons, notes = await to_thread.run_sync(self._look, limiter=self._one)
        body = msgspec.json.encode(told_ready(reasons, notes))
        return Response(body, 503 if reasons else 200, _PLAIN, "application/json")

    def _look(self) -> tuple[list[str], list[str]]:
        notes: Callable[[], list[str]] = getattr(self._ready, "notes", list)
        return self._ready(), notes()

    async def get_metrics(self, request: Request) -> Response:
        """GET /metrics: what Prometheus reads."""
        body, kind = await to_thread.run_sync(self._metrics.page, limiter=self._page)
        return Response(body, 200, _PLAIN | {"content-type": kind})
