"""A one-stop system that speaks SOAP, for the demo: it signs each message with its certificate and believes only
answers that the door has signed.

Told again for want of an answer, an event goes under a new signature: the same signed bytes would be a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from lxml import etree

from adapters.channels.http import HttpSettings, NotSent, Reply, ReplyLost, Transport, open_fastest
from bus.ports import Clock
from config.demo.spoil import UNKNOWN
from contracts.one_stop import twins
from contracts.one_stop.envelopes import ENVELOPES, Version, addressing, wrap
from contracts.one_stop.shapes import NAMESPACE
from signing import wsse
from signing.errors import NotVerified

PATH: Final = "/soap/one-stop"
ONE: Final = "RecordEvent"
MANY: Final = "RecordEvents"
LATER: Final = "unavailable"
PATIENCE: Final = 8
PAUSE: Final = timedelta(seconds=0.5)


class NoSoapAnswer(Exception):
    """The door did not answer, however often it was told, or answered what cannot be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapMessage:
    """One signed message."""

    raw: bytes
    id: str
    """Its MessageID, to which the answer must relate."""
    operation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapAnswer:
    """What the door said, verified."""

    code: str | None = None
    """Of a Fault; None is a yes to the message as a whole."""
    results: tuple[str, ...] = ()
    """`recorded`, `repeated`, `contradicted` or `refused`, one for each event of the message."""


class SoapClient:
    """One caller with one certificate; for one thread."""

    def __init__(
        self,
        url: str,
        *,
        soap: str,
        identity: wsse.Identity,
        trust: wsse.TrustIn,
        clock: Clock,
        open_transport: Callable[[HttpSettings], Transport] = open_fastest,
    ) -> None:
        """`soap` is the namespace of SOAP 1.1 or 1.2."""
        self._url = url.rstrip("/") + PATH
        self._version = ENVELOPES[soap]
        self._identity = identity
        self._trust = trust
        self._clock = clock
        self._transport = open_transport(HttpSettings(timeout=timedelta(seconds=60), allow_http=True))

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()

    def sign(self, events: Sequence[Mapping[str, Any]]) -> SoapMessage:
        """One event, or many, as a signed message."""
        operation = ONE if len(events) == 1 else MANY
        element = etree.Element(f"{{{NAMESPACE}}}{operation}", nsmap=twins.NSMAP)
        parent = element if operation == ONE else etree.SubElement(element, f"{{{NAMESPACE}}}events")
        parent.extend([_written(event) for event in events])
        headers = addressing(f"{NAMESPACE}:{operation}", to=self._url)
        envelope = wrap(element, self._version, addressing=headers)
        raw = wsse.sign(envelope, self._identity, now=self._clock.now())
        return SoapMessage(raw=raw, id=headers["MessageID"], operation=operation)

    def record(self, *events: Mapping[str, Any]) -> tuple[SoapMessage, SoapAnswer]:
        """Tell events until there is an answer; the message that got it. Raises NoSoapAnswer."""
        for _ in range(PATIENCE):
            message = self.sign(events)
            answer = self.post(message)
            if answer is not None and answer.code != LATER:
                return message, answer
            self._clock.sleep(PAUSE.total_seconds())
        raise NoSoapAnswer(f"{events[0]['id']}: no answer to {PATIENCE} messages")

    def post(self, message: SoapMessage) -> SoapAnswer | None:
        """These very bytes; None when no answer came. Raises NoSoapAnswer for one that is not the door's."""
        headers = _headers(self._version, f"{NAMESPACE}:{message.operation}")
        try:
            reply = self._transport.perform("POST", self._url, headers, message.raw)
        except (NotSent, ReplyLost):
            return None
        return self._read(reply, message)

    def _read(self, reply: Reply, message: SoapMessage) -> SoapAnswer:
        try:
            verified = wsse.verify(reply.body, trust=self._trust, now=self._clock.now())
        except NotVerified as trouble:
            raise NoSoapAnswer(f"HTTP {reply.status}: {trouble.code}") from trouble
        if verified.addressing.get("RelatesTo", message.id) != message.id:
            raise NoSoapAnswer("the answer is to another message")
        said = verified.body[0]
        if said.tag == f"{{{NAMESPACE}}}{message.operation}Response":
            return SoapAnswer(results=_results(said, message.operation))
        return SoapAnswer(code=said.findtext(f".//{{{NAMESPACE}}}problem/{{{NAMESPACE}}}code") or "unknown")


def _written(event: Mapping[str, Any]) -> etree._Element:
    """As XML; a member that the contract has no place for is put at the end, as careless systems do."""
    element = twins.write(event, "event", "event")
    if UNKNOWN in event["data"]:
        etree.SubElement(element[-1], f"{{{NAMESPACE}}}{UNKNOWN}").text = event["data"][UNKNOWN]
    return element


def _results(said: etree._Element, operation: str) -> tuple[str, ...]:
    if operation == ONE:
        is_repeated = said.findtext(f".//{{{NAMESPACE}}}repeated") == "true"
        return ("repeated" if is_repeated else "recorded",)
    return tuple(each.text or "" for each in said.iterfind(f".//{{{NAMESPACE}}}result/{{{NAMESPACE}}}result"))


def _headers(version: Version, action: str) -> dict[str, str]:
    if version.is_11:
        return {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{action}"'}
    return {"content-type": f'application/soap+xml; charset=utf-8; action="{action}"'}
