"""SOAP with one one-stop system: a message to a signed call, and a signed answer to what it says.

zeep builds and reads by our WSDL; the contract's own twins are the check that what zeep made is what was meant. The XSD
judges before the signature goes on, and before an answer is read. Of an answer only what its signature covers is
looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from lxml import etree

from adapters.channels.http import Request, header
from adapters.channels.soap import NAMESPACES, CodecTrouble, SoapCodec
from adapters.partners.one_stop import forms
from adapters.partners.one_stop.calls import Call
from adapters.partners.one_stop.codes import SIDES, Contract, Proof, Shape
from adapters.partners.one_stop.replies import OTHER, Body, acknowledged, told
from adapters.partners.one_stop.settings import OneStopSettings, SoapKeys
from adapters.partners.one_stop.wire import Message
from bus.messages import Exchange
from contracts.one_stop import twins
from contracts.one_stop.shapes import ITEMS, NAMESPACE
from contracts.one_stop.xsd import WSDL
from signing import wsse
from signing.canonical import exclusive
from signing.envelope import WSA
from signing.errors import NotVerified, SignatureMissing, XmlRefused

TYPES: Final = {"1.1": "text/xml", "1.2": "application/soap+xml"}
FAULT_ACTION: Final = f"{WSA}/fault"
SERVICE: Final = "OneStopService"
PORTS: Final = {"1.1": "OneStopSoap11", "1.2": "OneStopSoap12"}


class MeaningChanged(Exception):
    """What the codec wrote does not say what was to be said; nothing was sent."""


class SoapSide:
    """Their SOAP service, of one version."""

    def __init__(self, settings: OneStopSettings, keys: SoapKeys) -> None:
        self._url = settings.url
        self._keys = keys
        self._version = settings.soap_version
        self._soap = NAMESPACES[settings.soap_version]
        self._policy = wsse.WssPolicy(max_skew=settings.max_skew)
        self._codec = SoapCodec(WSDL, service=SERVICE, port=PORTS[settings.soap_version])

    # -- out ----------------------------------------------------------------------------------------------------

    def call(self, message: Message, extra: Mapping[str, str], now: datetime) -> Call:
        """The same content each time, under a MessageID, a Timestamp and a signature of its own."""
        contract, identity = message.contract, self._keys.identity
        message_id = UUID(bytes=secrets.token_bytes(16), version=4).urn
        addressing = {"To": self._url, "Action": action_of(contract), "MessageID": message_id}
        content = exclusive(self._content(message))
        request = Request(
            operation=contract.operation,
            method="POST",
            url=self._url,
            headers={**self._headers(contract), **extra},
            body=wsse.sign_canonical(content, identity, now=now, soap=self._soap, addressing=addressing),
        )
        return Call(
            message=message,
            request=request,
            key_id=identity.key_id,
            algorithm=identity.algorithms[0],
            known_by=message_id,
        )

    def _content(self, message: Message) -> etree._Element:
        """What the Body is to hold (NOTES.md#r6)."""
        contract = message.contract
        envelope = self._codec.request(contract.operation, {contract.part: _listed(message.value, "")})
        content = _content(envelope, self._soap)
        if not forms.keeps(content) or twins.read(content[0], contract.shape) != message.value:
            raise MeaningChanged(contract.operation)
        return content

    def _headers(self, contract: Contract) -> dict[str, str]:
        action = action_of(contract)
        if self._version == "1.1":
            return {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{action}"'}
        return {"content-type": f'application/soap+xml; charset=utf-8; action="{action}"'}

    # -- back ---------------------------------------------------------------------------------------------------

    def open(self, exchange: Exchange, call: Call, now: datetime) -> Body:
        """What a whole answer is, and who says so."""
        raw = exchange.reply_body or b""
        if not raw.strip():
            return Body(shape=Shape.EMPTY)
        kind = (header(exchange.reply_head, "content-type") or "").partition(";")[0].strip().lower()
        if "html" in kind or raw.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
            return Body(shape=Shape.HTML)
        if kind != TYPES[self._version]:
            return Body(shape=Shape.OTHER_TYPE)
        try:
            verified = wsse.verify(raw, policy=self._policy, trust=self._keys.trust, now=now)
        except SignatureMissing as missing:
            return Body(shape=Shape.UNPROVEN, text=str(missing))
        except XmlRefused as refused:
            return Body(shape=Shape.BROKEN, text=str(refused))
        except NotVerified as trouble:
            return Body(shape=Shape.UNPROVEN, proof=Proof.WRONG, text=f"{trouble.code}: {trouble}")
        if verified.version != self._soap or verified.addressing.get("RelatesTo") != call.known_by:
            return Body(shape=Shape.UNPROVEN, proof=Proof.OTHER_REQUEST, text="relates to another message")
        return self._proven(verified, call)

    def _proven(self, verified: wsse.VerifiedMessage, call: Call) -> Body:
        content = _only(verified.body)
        action = verified.addressing.get("Action")
        if content is None:
            return OTHER
        if content.tag == f"{{{self._soap}}}Fault":
            return self._fault(verified.envelope) if action == FAULT_ACTION else OTHER
        if action != f"{action_of(call.message.contract)}Response" or not forms.keeps(content):
            return OTHER
        return self._acknowledged(content, verified.envelope, call)

    def _acknowledged(self, content: etree._Element, envelope: etree._Element, call: Call) -> Body:
        contract = call.message.contract
        if content.tag != f"{forms.LT}{contract.operation}Response":
            return OTHER
        said = twins.read(content[0], "acknowledgement")
        try:
            read = self._codec.reply(contract.operation, envelope)
        except CodecTrouble:
            return OTHER
        return acknowledged(said, contract, call.message.id) if read == said else OTHER

    def _fault(self, envelope: etree._Element) -> Body:
        try:
            fault = self._codec.fault(envelope)
        except CodecTrouble:
            return OTHER
        side = SIDES.get(fault.code, "")
        element = None if fault.detail is None else _only(fault.detail)
        if element is None or element.tag != f"{forms.LT}problem" or not forms.keeps(element):
            return Body(shape=Shape.FAULT, proof=Proof.GOOD, side=side)
        problem = twins.read(element, "problem")
        return Body(shape=Shape.PROBLEM, proof=Proof.GOOD, side=side, code=problem["code"], text=told(problem))


def action_of(contract: Contract) -> str:
    """`NOTES.md#r4`."""
    return f"{NAMESPACE}:{contract.operation}"


def _listed(value: Any, name: str) -> Any:
    """A list is an element with one child for each item (NOTES.md#r24)."""
    if isinstance(value, Mapping):
        return {member: _listed(item, member) for member, item in value.items()}
    if isinstance(value, list):
        return {ITEMS[name]: [_listed(item, "") for item in value]}
    return value


def _content(envelope: etree._Element, soap: str) -> etree._Element:
    body = envelope.find(f"{{{soap}}}Body")
    assert body is not None
    return body[0]


def _only(parent: etree._Element) -> etree._Element | None:
    """Its one child element; comments do not count."""
    found = list(parent.iterchildren(etree.Element))
    return found[0] if len(found) == 1 else None
