"""POST /soap/one-stop: signed SOAP messages, 1.1 or 1.2; GET with ?wsdl and ?xsd.

The bytes are read once, by the hardened parser; the signature is judged first, and only what it covers is looked at
(`soap_reading.py`); then one of the three operations is done (`soap_operations.py`). Whatever goes wrong at this path,
also around its route, is told in a signed Fault (`soap_answers.py`). Rules: contracts/one_stop/NOTES.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from adapters.doors.auth import Caller, Visitor
from adapters.doors.body import BodyReader
from adapters.doors.pace import Pace
from adapters.doors.problems import Problem
from adapters.doors.refusals import Desk, TurnedAway
from adapters.doors.soap_answers import Speaker, fault_status, problem, schema_page, wsdl_page
from adapters.doors.soap_callers import Callers, KnownCaller
from adapters.doors.soap_codes import fault_code
from adapters.doors.soap_operations import Operations
from adapters.doors.soap_reading import message_of, require_promise, told_by, verified, version_told
from adapters.doors.words import choose
from bus.ports import Clock, CrashPoint, no_crash
from bus.prepared import Nonce
from contracts.one_stop.envelopes import LARGEST
from signing import wsse

PATH: Final = "/soap/one-stop"
ALLOWED: Final = "GET, HEAD, POST"
_CALL: Final = "lienthong.soap"


@dataclass(slots=True, kw_only=True)
class _Call:
    """What is known of one call so far; a Fault says no more than that."""

    soap: str
    language: str
    caller: str | None = None
    relates_to: str | None = None


class SoapDoor:
    """Takes events in from callers that sign with a certificate."""

    def __init__(
        self,
        *,
        callers: Iterable[Caller],
        trust: Callers,
        speaker: Speaker,
        url: str,
        operations: Operations,
        desk: Desk,
        bodies: BodyReader,
        clock: Clock,
        crash_point: CrashPoint = no_crash,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        """`trust` gives a KnownCaller, one of `callers`, for a certificate that it believes."""
        self._trust = trust
        self._speaker = speaker
        self._url = url
        self._operations = operations
        self._desk = desk
        self._bodies = bodies
        self._clock = clock
        self._point = crash_point
        self._paces = {caller.name: Pace(caller.rate, tick) for caller in callers}

    def add_to(self, router: Router) -> None:
        """Both its routes."""
        for method, endpoint in (("POST", self.post), ("GET", self.get)):
            router.add_route(PATH, endpoint, methods=[method])
            self._desk.know_route(endpoint, PATH)
        self._desk.speak_at(PATH, self.turn_away)

    async def get(self, request: Request) -> Response:
        """The contract, with this door's address in it."""
        asked = request.url.query.lower()
        if asked == "xsd":
            return schema_page()
        if asked != "wsdl":
            raise TurnedAway("not_found", status=404)
        return wsdl_page(self._url or str(request.url.replace(query="")))

    async def post(self, request: Request) -> Response:
        """A signed answer; a refusal of any kind is raised, and `turn_away` tells it."""
        self._speaker.require()  # before anything is recorded that could not be answered for
        raw = await self._bodies.read(request, LARGEST)
        self._point("door.received")
        return await run_in_threadpool(self._answered, request, raw)

    def _answered(self, request: Request, raw: bytes) -> Response:
        call = _call_of(request)
        told = told_by(request)
        message = verified(raw, self._trust, self._clock)
        call.relates_to = message.message_id
        visitor = self._visitor(message, call)
        content = message_of(message, told, self._url)
        require_promise(content)
        name = str(content.tag).rpartition("}")[2]
        match name:
            case "RecordEvent":
                part = self._operations.record_event(content, visitor)
            case "RecordEvents":
                part = self._operations.record_events(content, visitor, self._refused_lines(request), call.language)
            case _:
                part = self._operations.get_dossier(content, visitor)
        said = self._speaker.answer(call.soap, name, part, relates_to=call.relates_to)
        self._point("door.before_answer")
        return said

    def _visitor(self, message: wsse.VerifiedMessage, call: _Call) -> Visitor:
        assert isinstance(message.trusted, KnownCaller)
        caller = message.trusted.caller
        call.caller = caller.name
        if wait := self._paces[caller.name].wait():
            raise TurnedAway("rate_limited", headers={"retry-after": str(ceil(wait))})
        nonce = Nonce(key_id=caller.name, nonce=message.replay_key, expires_at=message.replay_until)
        return Visitor(name=caller.name, sources=caller.sources, nonce=nonce)

    # -- turned away ------------------------------------------------------------------------------------------------

    def turn_away(self, request: Request, trouble: TurnedAway) -> Response:
        """The Fault, and the note for the operator."""
        if trouble.status == 405:  # `NOTES.md#r2`
            trouble = TurnedAway("media_type", status=405, headers={"allow": ALLOWED})
        call, code = _call_of(request), fault_code(trouble.code)
        status = trouble.status or fault_status(call.soap, code)
        reference = self._desk.new_reference()
        self._desk.note(
            Problem(code=trouble.code, status=status, reference=reference, language=call.language),
            route=self._desk.route_of(request.scope),
            caller=call.caller or trouble.caller,
            rules=[{"field": each.field, "rule": each.rule} for each in trouble.errors],
            trouble=trouble,
            counted=code,
        )
        told = problem(code, reference=reference, errors=trouble.errors, language=call.language)
        return self._speaker.fault(
            call.soap, told, language=call.language, relates_to=call.relates_to, status=status, headers=trouble.headers
        )

    def _refused_lines(self, request: Request) -> Callable[[str, list[dict[str, str | int]]], str]:
        """All refused events of one batch share one reference, as at the REST door."""

        def refused(code: str, rules: list[dict[str, str | int]]) -> str:
            call, reference = _call_of(request), self._desk.new_reference()
            self._desk.note(
                Problem(code=code, status=200, reference=reference, language=call.language),
                route=self._desk.route_of(request.scope),
                caller=call.caller,
                rules=rules,
                counted=fault_code(code),
            )
            return reference

        return refused


def _call_of(request: Request) -> _Call:
    """The one of this request, made when it is first asked for: a refusal may come before anything was read."""
    call = request.scope.get(_CALL)
    if call is None:
        language = choose(request.headers.get("accept-language"))
        call = request.scope[_CALL] = _Call(soap=version_told(request), language=language)
    assert isinstance(call, _Call)
    return call
