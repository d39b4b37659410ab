"""Calls to the issuer's three services, and what their answers say. zeep shapes and reads; the channel sends.

Passwords stand in the Body. What is kept of a call is the same envelope with `***` in their place, made by the same
codec; a reply that repeats one is kept without it (NOTES.md#r12). Neither is ever logged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from xml.sax.saxutils import escape

from lxml import etree

from adapters.channels.http import MASK, Request, header
from adapters.channels.retry_after import retry_after
from adapters.channels.soap import NAMESPACES, CodecTrouble, SoapCodec
from adapters.partners.receipt_issuer.codes import SERVICES, Shape
from adapters.partners.receipt_issuer.replies import Answer, Body, body_of, judge
from adapters.partners.receipt_issuer.settings import ReceiptIssuerSettings
from bus.messages import Exchange
from contracts.receipt_issuer.wsdl import wsdl
from signing.errors import XmlRefused
from signing.xml import read

TEMPURI: Final = "http://tempuri.org/"
SOAP: Final = NAMESPACES["1.1"]
SECRETS: Final = frozenset({"ACpass", "password", "pass", "userPass"})
Send = Callable[[Request], Exchange]


class Services:
    """The three services of one account. Safe to share between threads."""

    def __init__(self, settings: ReceiptIssuerSettings) -> None:
        self._url = settings.url.rstrip("/")
        names = set(SERVICES.values())
        self._codecs = {name: SoapCodec(wsdl(name), service=name, port=f"{name}Soap") for name in names}
        self._secrets = tuple(
            sorted({each.encode() for text in (settings.ac_pass, settings.password) for each in (text, escape(text))})
        )

    def request(self, operation: str, values: Mapping[str, Any]) -> Request:
        """The call, and how it is kept."""
        service = SERVICES[operation]
        hidden = {name: MASK if name in SECRETS else value for name, value in values.items()}
        return Request(
            operation=operation,
            method="POST",
            url=f"{self._url}/{service}.asmx",
            headers={"content-type": "text/xml; charset=utf-8", "soapaction": f'"{TEMPURI}{operation}"'},
            body=self._envelope(service, operation, values),
            recorded_body=self._envelope(service, operation, hidden),
        )

    def kept(self, exchange: Exchange) -> Exchange:
        """The exchange without the passwords that a reply repeats."""
        body = exchange.reply_body
        if body is None or not any(secret in body for secret in self._secrets):
            return exchange
        for secret in self._secrets:
            body = body.replace(secret, MASK.encode())
        return replace(exchange, reply_body=body)

    def read(self, operation: str, exchange: Exchange) -> Answer:
        """What a whole answer (an exchange without trouble) says."""
        return judge(operation, exchange.status or 0, self._body(operation, exchange), retry_after(exchange))

    def _envelope(self, service: str, operation: str, values: Mapping[str, Any]) -> bytes:
        envelope = self._codecs[service].request(operation, values)
        return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")

    def _body(self, operation: str, exchange: Exchange) -> Body:
        raw = exchange.reply_body or b""
        if not raw.strip():
            return Body(shape=Shape.EMPTY)
        kind = (header(exchange.reply_head, "content-type") or "").partition(";")[0].strip().lower()
        if "html" in kind or raw.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
            return Body(shape=Shape.HTML)
        if kind != "text/xml":
            return Body(shape=Shape.OTHER_TYPE)
        try:
            return self._said(operation, read(raw))
        except XmlRefused as refused:
            return Body(shape=Shape.BROKEN, text=str(refused))

    def _said(self, operation: str, envelope: etree._Element) -> Body:
        codec = self._codecs[SERVICES[operation]]
        content = envelope.find(f"{{{SOAP}}}Body/*")
        if content is None:
            return Body(shape=Shape.BROKEN, text="no Body")
        try:
            if content.tag == f"{{{SOAP}}}Fault":
                fault = codec.fault(envelope)
                return Body(shape=Shape.FAULT, code=fault.code, text=fault.text)
            if content.tag != f"{{{TEMPURI}}}{operation}Response":
                return Body(shape=Shape.BROKEN, text="an answer to something else")
            # The one element of an answer comes out of the codec as its bare text.
            said: Any = codec.reply(operation, envelope)
        except CodecTrouble as trouble:
            return Body(shape=Shape.BROKEN, text=str(trouble))
        return body_of(said) if isinstance(said, str) else Body(shape=Shape.EMPTY)
