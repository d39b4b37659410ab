"""POST /soap/one-stop: an event as a signed SOAP message, 1.1 or 1.2; GET with ?wsdl and ?xsd.

The bytes are read once, by the hardened parser; the signature is judged first, and only what it covers is looked at.
After that the event takes the way of every event: the XSD, its twin in JSON, the reader and the judgement of the REST
door, and one transaction that records it together with the message's replay key. Rules: contracts/one_stop/NOTES.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Final

import msgspec
import structlog
from lxml import etree
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from adapters.doors.acceptances import Acceptances, replayed, turned_down
from adapters.doors.auth import Caller, Visitor
from adapters.doors.body import BodyReader
from adapters.doors.malformed import FieldError, Malformed
from adapters.doors.pace import Pace
from adapters.doors.problems import Problem
from adapters.doors.reading import read_event
from adapters.doors.receipts import KeyRing, answer
from adapters.doors.refusals import Desk, TurnedAway
from adapters.doors.soap_answers import SERVED, Speaker, fault_status, schema_page, wsdl_page
from adapters.doors.words import VIETNAMESE
from bus.errors import LedgerUnavailable, NonceSeen
from bus.intake import Intake
from bus.messages import Contradicted, Event, ForeignDossier, Repeated
from bus.ports import Clock, CrashPoint, no_crash
from bus.prepared import Nonce
from contracts.one_stop import twins, xsd
from contracts.one_stop.envelopes import LARGEST
from contracts.one_stop.shapes import NAMESPACE
from signing import wsse
from signing.envelope import SOAP_11, SOAP_12
from signing.errors import NotVerified, VerifierFailed

log = structlog.get_logger("doors")

PATH: Final = "/soap/one-stop"
TYPES: Final = {"text/xml": SOAP_11, "application/soap+xml": SOAP_12}
CODES: Final = {
    "wrong_envelope": "wrong_parts",
    "verifier_failed": "bad_signature",
    "weak_key": "weak_algorithm",
    "xml_dtd": "malformed_xml",
    "xml_encoding": "malformed_xml",
    "xml_inclusion": "malformed_xml",
    "xml_instruction": "malformed_xml",
    "xml_too_large": "malformed_xml",
    "too_large": "malformed_xml",
    "rate_limited": "unavailable",
}
"""What our finer words are called in the contract; the operator's note keeps the finer one."""


@dataclass(slots=True, kw_only=True)
class _Call:
    """What is known of one call so far; a Fault says no more than that."""

    soap: str = SOAP_11
    caller: str | None = None
    relates_to: str | None = None


class SoapDoor:
    """Takes events in from callers that sign with a certificate of the settings."""

    def __init__(
        self,
        *,
        callers: Mapping[bytes, Caller],
        trust: wsse.TrustIn,
        speaker: Speaker,
        url: str,
        intake: Intake,
        acceptances: Acceptances,
        desk: Desk,
        bodies: BodyReader,
        keys: KeyRing,
        clock: Clock,
        crash_point: CrashPoint = no_crash,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        """`callers` by the certificate, DER, that each was given; `trust` must know no other."""
        self._callers = callers
        self._trust = trust
        self._speaker = speaker
        self._url = url
        self._intake = intake
        self._acceptances = acceptances
        self._desk = desk
        self._bodies = bodies
        self._keys = keys
        self._clock = clock
        self._point = crash_point
        self._paces = {caller.name: Pace(caller.rate, tick) for caller in callers.values()}

    def add_to(self, router: Router) -> None:
        """Both its routes."""
        for method, endpoint in (("POST", self.post), ("GET", self.get)):
            router.add_route(PATH, endpoint, methods=[method])
            self._desk.know_route(endpoint, PATH)

    async def get(self, request: Request) -> Response:
        """The contract, with this door's address in it."""
        asked = request.url.query.lower()
        if asked == "xsd":
            return schema_page()
        if asked != "wsdl":
            raise TurnedAway("not_found")
        return wsdl_page(self._url or str(request.url.replace(query="")))

    async def post(self, request: Request) -> Response:
        """A signed answer, or a signed Fault."""
        call = _Call()
        try:
            raw = await self._bodies.read(request, LARGEST)
            self._point("door.received")
            return await run_in_threadpool(self._answered, request, raw, call)
        except (TurnedAway, Malformed, LedgerUnavailable) as trouble:
            return await run_in_threadpool(self._turned_away, request, call, trouble)

    def _answered(self, request: Request, raw: bytes, call: _Call) -> Response:
        call.soap, action = _told(request)
        verified = self._verified(raw)
        call.relates_to = verified.message_id
        caller = self._callers[verified.certificate_der]
        call.caller = caller.name
        self._keep_pace(caller)
        self._require_address(verified, call, action)
        nonce = Nonce(key_id=caller.name, nonce=verified.replay_key, expires_at=verified.replay_until)
        visitor = Visitor(name=caller.name, sources=caller.sources, nonce=nonce)
        event = self._read(_message(verified.body), visitor)
        self._point("door.verified")
        receipt = self._record(event, nonce)
        said = self._speaker.answer(
            call.soap, "RecordEvent", twins.write(receipt, "receipt", "receipt"), relates_to=call.relates_to
        )
        self._point("door.before_answer")
        return said

    # -- who, and what --------------------------------------------------------------------------------------------

    def _verified(self, raw: bytes) -> wsse.VerifiedMessage:
        try:
            return wsse.verify(raw, trust=self._trust, now=self._clock.now())
        except NotVerified as refusal:
            if isinstance(refusal, VerifierFailed):
                log.critical("uncaught_exception", where="verifier", exc_info=refusal)
            raise TurnedAway(refusal.code, base=refusal.base) from refusal

    def _keep_pace(self, caller: Caller) -> None:
        if self._paces[caller.name].wait():
            raise TurnedAway("rate_limited")

    def _require_address(self, verified: wsse.VerifiedMessage, call: _Call, action: str) -> None:
        """Content type, action and address say what the signed message says (`NOTES.md#r3`, `#r4`, `#r68`)."""
        if verified.version != call.soap:
            raise TurnedAway("media_type")
        expected = f"{NAMESPACE}:{etree.QName(_message(verified.body)).localname}"
        if action != expected or verified.addressing.get("Action", expected) != expected:
            raise TurnedAway("wrong_action")
        if self._url and verified.addressing.get("To", self._url) != self._url:
            raise TurnedAway("wrong_address")

    def _read(self, message: etree._Element, visitor: Visitor) -> Event:
        if message.tag not in [f"{{{NAMESPACE}}}{name}" for name in SERVED]:
            raise TurnedAway("unknown_operation")
        if wrong := xsd.breaches(message):
            raise Malformed("invalid", [FieldError(field=each.field, rule=each.rule, detail="") for each in wrong])
        event = read_event(msgspec.json.encode(twins.read(message[0], "event")))
        self._acceptances.require_own(visitor, event)
        self._acceptances.require_happened(event)
        return event

    # -- what became of it ----------------------------------------------------------------------------------------

    def _record(self, event: Event, nonce: Nonce) -> dict[str, object]:
        """The receipt, once the event is on disk."""
        try:
            acceptance = self._intake.accept(event, nonce=nonce)
        except NonceSeen:
            raise replayed() from None
        self._acceptances.tell(event, acceptance)
        if isinstance(acceptance, Contradicted | ForeignDossier):
            raise turned_down(acceptance)
        told: dict[str, object] = msgspec.json.decode(
            answer(
                self._keys.of(acceptance.receipt_key),
                source=event.source,
                id=event.id,
                digest=acceptance.digest,
                accepted_at=acceptance.accepted_at,
            )
        )
        return told | {"repeated": isinstance(acceptance, Repeated)}

    def _turned_away(
        self, request: Request, call: _Call, trouble: TurnedAway | Malformed | LedgerUnavailable
    ) -> Response:
        """The Fault, and the note for the operator."""
        if isinstance(trouble, LedgerUnavailable):
            log.error("ledger_unavailable", cause=str(trouble))
            trouble = TurnedAway("unavailable")
        code = "invalid" if isinstance(trouble, Malformed) else CODES.get(trouble.code, trouble.code)
        reference = self._desk.new_reference()
        fine = Problem(
            code=trouble.code, status=fault_status(call.soap, code), reference=reference, language=VIETNAMESE
        )
        self._desk.note(
            fine,
            route=self._desk.route_of(request.scope),
            caller=call.caller,
            rules=[{"field": each.field, "rule": each.rule} for each in trouble.errors],
            base=trouble.base if isinstance(trouble, TurnedAway) else None,
        )
        return self._speaker.fault(
            call.soap, code, reference=reference, errors=trouble.errors, relates_to=call.relates_to
        )


def _told(request: Request) -> tuple[str, str]:
    """SOAP's version and the action, by the headers. Raises TurnedAway (`NOTES.md#r3` to `#r5`)."""
    told = Message()
    told["content-type"] = request.headers.get("content-type", "")
    kind = told.get_content_type()
    is_plain = request.headers.get("content-encoding", "identity").strip().lower() == "identity"
    charset = str(told.get_param("charset", "utf-8")).lower()
    if kind not in TYPES or not is_plain or charset not in ("utf-8", "utf8"):
        raise TurnedAway("media_type")
    action = str(told.get_param("action", "")) if kind != "text/xml" else _unquoted(request.headers.get("soapaction"))
    return TYPES[kind], action


def _unquoted(told: str | None) -> str:
    text = (told or "").strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else ""


def _message(body: etree._Element) -> etree._Element:
    """The one element of the Body (`NOTES.md#r6`)."""
    found = list(body)
    if len(found) != 1:
        raise TurnedAway("unknown_operation")
    return found[0]
