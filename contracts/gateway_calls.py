"""The caller of a mock: it calls back over real HTTP, once or often, late, at once or one after the other."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

PATIENCE_S: Final = 20.0
"""For one answer."""
LONGEST_ANSWER: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One call, ready to go out."""

    reference: str
    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What came of one call."""

    reference: str
    at: datetime
    status: int | None
    """None: no answer came."""
    answer: str
    is_taken: bool
    """Whether the answer says yes, in this gateway's form."""

    def shown(self) -> dict[str, Any]:
        """For the control route."""
        return {
            "reference": self.reference,
            "at": self.at,
            "status": self.status,
            "answer": self.answer,
            "taken": self.is_taken,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Calls that belong together."""

    calls: Sequence[Outgoing]
    delay_s: float = 0.0
    is_concurrent: bool = False
    repeats: int = 0
    """How often more a call goes out that was not taken."""
    every_s: float = 1.0


class CallerBack:
    """Sends plans in threads of their own."""

    def __init__(self, clock: Callable[[], datetime], is_taken: Callable[[int, bytes], bool]) -> None:
        self._clock = clock
        self._is_taken = is_taken
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._open = 0
        self.done: list[Called] = []

    def start(self, plan: Plan) -> None:
        """In the background."""
        with self._changed:
            self._open += 1
        threading.Thread(target=self._whole, args=(plan, self._stop), name="gateway-calls", daemon=True).start()

    def now(self, plan: Plan) -> None:
        """And wait until all were answered."""
        with self._changed:
            self._open += 1
        self._whole(plan, self._stop)

    def wait(self, timeout: float = PATIENCE_S) -> bool:
        """Until nothing is under way; False when it took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, timeout)

    def stop(self) -> None:
        """What has not gone out yet stays here."""
        self._stop.set()
        self._stop = threading.Event()

    def _whole(self, plan: Plan, stop: threading.Event) -> None:
        try:
            if plan.delay_s and stop.wait(plan.delay_s):
                return
            if plan.is_concurrent:
                self._together(plan, stop)
            else:
                for call in plan.calls:
                    self._until_taken(call, plan, stop)
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def _together(self, plan: Plan, stop: threading.Event) -> None:
        start = threading.Barrier(len(plan.calls))

        def one(call: Outgoing) -> None:
            start.wait()
            self._until_taken(call, plan, stop)

        threads = [threading.Thread(target=one, args=(call,), daemon=True) for call in plan.calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _until_taken(self, call: Outgoing, plan: Plan, stop: threading.Event) -> None:
        for again in range(plan.repeats + 1):
            if again and stop.wait(plan.every_s):
                return
            called = self._one(call)
            with self._changed:
                self.done.append(called)
            if called.is_taken:
                return

    def _one(self, call: Outgoing) -> Called:
        status: int | None = None
        try:
            status, answer = send(call)
        except (OSError, http.client.HTTPException) as trouble:
            answer = repr(trouble).encode()
        return Called(
            reference=call.reference,
            at=self._clock(),
            status=status,
            answer=answer.decode("utf-8", "replace"),
            is_taken=status is not None and self._is_taken(status, answer),
        )


def send(call: Outgoing) -> tuple[int, bytes]:
    """One real call. Raises OSError or HTTPException."""
    parts = urlsplit(call.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OSError(f"{parts.scheme}: not an address that is called")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=PATIENCE_S)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(call.method, path, body=call.body or None, headers=dict(call.headers))
        reply = connection.getresponse()
        return reply.status, reply.read(LONGEST_ANSWER)
    finally:
        connection.close()
