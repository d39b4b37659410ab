"""What every mock shares: a request in, a response out, and the books that say what really happened.

A mock is a strict counterparty. It says yes or no as its contract's notes state, keeps what it took in an effect list,
writes down every rule that a caller kept or broke, and can be told to misbehave. The three steps of a partner
(`recognise`, `admit`, `answer`) are its own; faults, locking and the log around them are here.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from contracts.mock_faults import AFTER, BEFORE, Armed, Faults
from contracts.mock_log import Broken, EffectList, RequestLog, Visit
from contracts.mock_switches import Switch, Switches

Ending = Literal["whole", "nothing", "half", "reset"]
"""How the reply leaves: as it should; not at all; cut in the middle; or with a TCP reset."""

JSON: Final = "application/json; charset=utf-8"
MAINTENANCE: Final = (
    "<!doctype html><html lang=vi><title>Bảo trì</title><h1>Hệ thống đang bảo trì</h1><p>Xin quay lại sau.</p></html>"
).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller sent. Header names are lower case, the path is decoded, the query apart."""

    method: str = "POST"
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    caller: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the mock answers, and how the answer leaves the house."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = "whole"
    delay: float = 0.0
    """Seconds that the server lets pass before it answers; others are served meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as its partner understands it: which operation, about which dossiers."""

    request: Request
    operation: str
    place: str
    payload: Any = None
    dossiers: tuple[str, ...] = ()
    is_write: bool = False
    trouble: Broken | None = None


def utc_now() -> datetime:
    """The machine's clock; a test hands in its own."""
    return datetime.now(UTC)


class Mock(ABC):
    """One partner. Call it with a request, or put it on a port with `contracts.serve`."""

    partner: ClassVar[str]
    faults_here: ClassVar[frozenset[str]]
    """Names of the faults that can happen with this partner."""
    switches_here: ClassVar[tuple[Switch, ...]]
    notes: ClassVar[Path]
    """The partner's `NOTES.md`, where each rule stands."""
    controls_here: ClassVar[Mapping[tuple[str, str], Callable[[Any, Request], Response]]] = {}
    """Control routes that only this partner has: method and name → what answers."""

    def __init__(self, *, clock: Callable[[], datetime] = utc_now, keep: int = 50_000, seed: int = 0) -> None:
        self._clock = clock
        self._late: list[tuple[datetime, Call, Visit]] = []
        self.lock = threading.RLock()
        self.seed = seed
        self.effects = EffectList(keep=keep)
        self.log = RequestLog(keep=keep)
        self.faults = Faults(self.faults_here, partner=self.partner)
        self.switches = Switches(self.switches_here)

    @abstractmethod
    def recognise(self, request: Request) -> Call:
        """Which operation is this, and about which dossiers? Judges nothing."""

    @abstractmethod
    def admit(self, call: Call, visit: Visit) -> Response | None:
        """Address, authentication, envelope: a refusal, or nothing when the caller may go on."""

    @abstractmethod
    def answer(self, call: Call, visit: Visit) -> Response:
        """Check the content, change the books, reply."""

    @abstractmethod
    def forget(self) -> None:
        """Empty the partner's own books; `reset` calls it."""

    def __call__(self, request: Request) -> Response:
        """Take one request, as the partner would; safe from many threads."""
        with self.lock:
            now = self.settle_late()
            call = self.recognise(request)
            visit = self._visit(call, now)
            response = self._with_faults(call, visit) if self.faults.active else self._plainly(call, visit)
            visit.status, visit.ending = response.status, response.ending
            self.log.add(visit)
            return response

    def reset(self) -> None:
        """Back to the first day: no effects, no requests, no faults, no sessions, switches at their defaults."""
        with self.lock:
            self._late.clear()
            self.effects.clear()
            self.log.clear()
            self.faults.clear()
            self.switches.restore()
            self.forget()

    def settle_late(self) -> datetime:
        """Apply the effects that were to come late and are due now. Nobody can look at the books in between, so doing
        it at the next look is the same as doing it in time."""
        now = self._clock()
        if self._late:
            due = sorted((row for row in self._late if row[0] <= now), key=lambda row: row[0])
            self._late = [row for row in self._late if row[0] > now]
            for at, call, visit in due:
                visit.at_effect = at
                self.answer(call, visit)
        return now

    def _visit(self, call: Call, now: datetime) -> Visit:
        request = call.request
        return Visit(
            n=self.log.next_number,
            at=now,
            operation=call.operation,
            dossiers=call.dossiers,
            method=request.method,
            path=request.path,
            caller=request.caller,
        )

    def _plainly(self, call: Call, visit: Visit) -> Response:
        return self.admit(call, visit) or self.answer(call, visit)

    def _with_faults(self, call: Call, visit: Visit) -> Response:
        if skew := self.faults.strike("clock_skew", call.operation, call.dossiers):
            visit.fault, visit.skew = skew.name, timedelta(seconds=skew.seconds)
        for fault in self.faults.in_stage(BEFORE, call.operation, call.dossiers):
            visit.fault = fault.name
            return SPOILED[fault.name](fault)
        if refusal := self.admit(call, visit):
            return refusal
        if call.is_write and (late := self.faults.strike("late_effect", call.operation, call.dossiers)):
            visit.fault = late.name
            self._late.append((visit.at + timedelta(seconds=late.delay), call, visit))
            return Response(ending="nothing")
        return self._spoil(self.answer(call, visit), call, visit)

    def _spoil(self, response: Response, call: Call, visit: Visit) -> Response:
        for fault in self.faults.in_stage(AFTER, call.operation, call.dossiers, has_effects=visit.effects > 0):
            visit.fault = fault.name
            return self.change(response, fault, call, visit)
        return response

    def change(self, response: Response, fault: Armed, call: Call, visit: Visit) -> Response:
        """The answer as this fault spoils it; a partner that signs adds the faults of signatures."""
        return CHANGED[fault.name](response, fault)


def _retry_later(fault: Armed) -> Response:
    wait = {"Retry-After": str(fault.retry_after)}
    return Response(status=429, headers=wait, body='{"message":"Quá nhiều yêu cầu, xin thử lại sau"}'.encode())


SPOILED: Final[Mapping[str, Callable[[Armed], Response]]] = {
    "lose_request": lambda fault: Response(ending="nothing"),
    "reset": lambda fault: Response(ending="reset"),
    "http_500": lambda fault: Response(status=500, body=b'{"message":"Internal Server Error"}'),
    "html_200": lambda fault: Response(body=MAINTENANCE, content_type="text/html; charset=utf-8"),
    "rate_limited": _retry_later,
}
"""Faults that come instead of an answer. Nothing is stored, unless the fault says `after_effect`."""

CHANGED: Final[Mapping[str, Callable[[Response, Armed], Response]]] = {
    "lose_reply_after_effect": lambda response, fault: Response(ending="nothing"),
    "slow": lambda response, fault: replace(response, delay=fault.seconds),
    "half_body": lambda response, fault: replace(response, ending="half"),
    "wrong_content_type": lambda response, fault: replace(response, content_type="text/html; charset=utf-8"),
    **{name: lambda response, fault: SPOILED[fault.name](fault) for name in SPOILED},
}
"""Faults that befall an answer already given: what was stored stays stored."""
