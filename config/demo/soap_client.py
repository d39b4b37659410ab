"""A one-stop system that speaks SOAP, for the demo: it signs each message with its certificate and believes only
answers that the door has signed.

Told again for want of an answer, an event goes under a new signature: the same signed bytes would be a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from lxml import etree

from adapters.channels.http import HttpSettings, NotSent, Reply, ReplyLost, Transport, open_fastest
from bus.ports import Clock
from config.demo.spoil import UNKNOWN
from contracts.one_stop import twins
from contracts.one_stop.envelopes import ENVELOPES, SOAP_11, addressing, wrap
from contracts.one_stop.shapes import NAMESPACE
from signing import wsse
from signing.errors import NotVerified

PATH: Final = "/soap/one-stop"
OPERATION: Final = "RecordEvent"
ACTION: Final = f"{NAMESPACE}:{OPERATION}"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapAnswer:
    """What the door said, verified."""

    code: str | None
    """Of a Fault; None is a yes."""
    is_repeated: bool = False


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
        self._headers = _headers(soap)
        self._identity = identity
        self._trust = trust
        self._clock = clock
        self._transport = open_transport(HttpSettings(timeout=timedelta(seconds=60), allow_http=True))

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()

    def sign(self, event: Mapping[str, Any]) -> SoapMessage:
        """One event as a signed message; a member that the contract has no place for is put at the end, unasked."""
        element = etree.Element(f"{{{NAMESPACE}}}{OPERATION}", nsmap=twins.NSMAP)
        told = twins.write(event, "event", "event")
        if UNKNOWN in event["data"]:
            etree.SubElement(told[-1], f"{{{NAMESPACE}}}{UNKNOWN}").text = event["data"][UNKNOWN]
        element.append(told)
        told_by = addressing(ACTION, to=self._url)
        envelope = wrap(element, self._version, addressing=told_by)
        raw = wsse.sign(envelope, self._identity, now=self._clock.now())
        return SoapMessage(raw=raw, id=told_by["MessageID"])

    def record(self, event: Mapping[str, Any]) -> tuple[SoapMessage, SoapAnswer]:
        """Tell an event until there is an answer; the message that got it. Raises NoSoapAnswer."""
        for _ in range(PATIENCE):
            message = self.sign(event)
            answer = self.post(message)
            if answer is not None and answer.code != LATER:
                return message, answer
            self._clock.sleep(PAUSE.total_seconds())
        raise NoSoapAnswer(f"{event['id']}: no answer to {PATIENCE} messages")

    def post(self, message: SoapMessage) -> SoapAnswer | None:
        """These very bytes; None when no answer came. Raises NoSoapAnswer for one that is not the door's."""
        try:
            reply = self._transport.perform("POST", self._url, self._headers, message.raw)
        except (NotSent, ReplyLost):
            return None
        return self._read(reply, message.id)

    def _read(self, reply: Reply, id: str) -> SoapAnswer:
        try:
            verified = wsse.verify(reply.body, trust=self._trust, now=self._clock.now())
        except NotVerified as trouble:
            raise NoSoapAnswer(f"HTTP {reply.status}: {trouble.code}") from trouble
        if verified.addressing.get("RelatesTo", id) != id:
            raise NoSoapAnswer("the answer is to another message")
        said = verified.body[0]
        if said.tag == f"{{{NAMESPACE}}}{OPERATION}Response":
            return SoapAnswer(code=None, is_repeated=_text(said, "repeated") == "true")
        return SoapAnswer(code=_text(said, "code") or "unknown")


def _headers(soap: str) -> dict[str, str]:
    if soap == SOAP_11:
        return {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{ACTION}"'}
    return {"content-type": f'application/soap+xml; charset=utf-8; action="{ACTION}"'}


def _text(element: etree._Element, name: str) -> str:
    """The text of the last element of this name."""
    return next((each.text or "" for each in reversed(list(element.iter(f"{{{NAMESPACE}}}{name}")))), "")
