"""SOAP with the service: values to a signed call, and a signed answer to what it says.

zeep builds and reads by the WSDL; of an answer only what its signature covers is looked at (NOTES.md#r69).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from lxml import etree

from adapters.channels.http import Request, header
from adapters.channels.retry_after import retry_after
from adapters.channels.soap import NAMESPACES, CodecTrouble, SoapCodec
from adapters.partners.soap_signer.codes import Said
from adapters.partners.soap_signer.replies import Answer, problem_of, unproven
from adapters.partners.soap_signer.settings import SoapSignerSettings
from bus.messages import Exchange
from contracts.soap_signer.wsdl import NAMESPACE, WSDL
from signing import wsse
from signing.canonical import exclusive
from signing.envelope import WSA
from signing.errors import NotVerified, SignatureMissing, XmlRefused

SOAP: Final = NAMESPACES["1.1"]
FAULT_ACTION: Final = f"{WSA}/fault"
SERVICE: Final = "SoapSignerService"
PORT: Final = "SoapSigner11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, ready to go out."""

    operation: str
    request: Request
    known_by: str
    """Its MessageID: what an answer relates to."""


class SoapSide:
    """Safe to share between threads."""

    def __init__(self, settings: SoapSignerSettings) -> None:
        self._settings = settings
        self._policy = wsse.WssPolicy(max_skew=settings.max_skew)
        self._codec = SoapCodec(WSDL, service=SERVICE, port=PORT)

    def call(self, operation: str, values: Mapping[str, Any], now: datetime) -> Call:
        """The same content each time, under a MessageID, a Timestamp and a signature of its own."""
        message_id = UUID(bytes=secrets.token_bytes(16), version=4).urn
        action = f"{NAMESPACE}:{operation}"
        addressing = {"To": self._settings.url, "Action": action, "MessageID": message_id}
        envelope = self._codec.request(operation, values)
        content = envelope.find(f"{{{SOAP}}}Body/*")
        assert content is not None
        body = wsse.sign_canonical(
            exclusive(content), self._settings.identity, now=now, soap=SOAP, addressing=addressing
        )
        request = Request(
            operation=operation,
            method="POST",
            url=self._settings.url,
            headers={"content-type": "text/xml; charset=utf-8", "soapaction": f'"{action}"'},
            body=body,
        )
        return Call(operation=operation, request=request, known_by=message_id)

    def open(self, exchange: Exchange, call: Call, now: datetime) -> Answer:
        """What a whole answer (an exchange without trouble) says."""
        status, raw, later = exchange.status or 0, exchange.reply_body or b"", retry_after(exchange)
        kind = (header(exchange.reply_head, "content-type") or "").partition(";")[0].strip().lower()
        if kind != "text/xml" or not raw.strip():
            return unproven(status, "no SOAP", later)
        try:
            verified = wsse.verify(raw, policy=self._policy, trust=self._settings.trust, now=now)
        except SignatureMissing:
            return unproven(status, "not signed", later)
        except XmlRefused as refused:
            return unproven(status, f"broken: {refused}")
        except NotVerified as trouble:
            return Answer(said=Said.UNCLEAR, reason=f"not believed: {trouble.code}", is_alarm=True)
        if verified.version != SOAP or verified.addressing.get("RelatesTo") != call.known_by:
            return Answer(said=Said.UNCLEAR, reason="it relates to another message", is_alarm=True)
        return self._proven(verified, call)

    def _proven(self, verified: wsse.VerifiedMessage, call: Call) -> Answer:
        inside = list(verified.body.iterchildren(etree.Element))
        action = verified.addressing.get("Action")
        odd = Answer(said=Said.UNCLEAR, reason="an answer to something else", is_alarm=True)
        if len(inside) != 1:
            return odd
        try:
            if inside[0].tag == f"{{{SOAP}}}Fault":
                return self._problem(verified.envelope) if action == FAULT_ACTION else odd
            is_ours = inside[0].tag == f"{{{NAMESPACE}}}{call.operation}Response"
            if action != f"{NAMESPACE}:{call.operation}Response" or not is_ours:
                return odd
            found: Any = self._codec.reply(call.operation, verified.envelope)
        except CodecTrouble as trouble:
            return Answer(said=Said.UNCLEAR, reason=f"unreadable: {trouble}", is_alarm=True)
        # zeep gives the one member of an answer bare.
        values = found if isinstance(found, Mapping) else {"only": found}
        return Answer(said=Said.YES, values=values)

    def _problem(self, envelope: etree._Element) -> Answer:
        fault = self._codec.fault(envelope)
        problem = None if fault.detail is None else fault.detail.find(f"{{{NAMESPACE}}}Problem")
        if problem is None:
            return problem_of("", fault.text)
        told = {name: problem.findtext(f"{{{NAMESPACE}}}{name}") or "" for name in ("Code", "Message")}
        return problem_of(told["Code"], told["Message"])
