"""What tests of the X-Road variant share: settings, answers made by hand, Faults, and exchanges around them."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from typing import Any

from adapters.partners.national_portal.calls import Calls
from adapters.partners.national_portal.codes import Operation
from adapters.partners.national_portal.settings import NationalPortalSettings
from bus.messages import Exchange
from tests.portal_kit import make_settings, replied

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NAMESPACE = "urn:vn:lienthong:national-portal:v1"
CLIENT = "VN/GOV/000.00.00.H99/one-stop"
XML = "text/xml; charset=utf-8"
YES = "<error_code>0</error_code><message>Thành công</message>"


def xroad_settings(**overrides: Any) -> NationalPortalSettings:
    """Settings of an installation behind a security server."""
    members: dict[str, Any] = {"variant": "xroad", "xroad_url": "http://127.0.0.1:9/", "xroad_client": CLIENT}
    return make_settings(**({"adapter_url": "", "username": "", "password": ""} | members | overrides))


def asked(operation: Operation = Operation.CREATE, **overrides: Any) -> bytes:
    """A request as we send it."""
    calls = Calls(xroad_settings(**overrides))
    if operation is Operation.LOOKUP:
        return calls.lookup("H99.09-260703-0123", "").body
    return calls.write(operation, [{"MaHoSo": "H99.09-260703-0123"}], "").body


def header_of(request: bytes) -> str:
    """The fields of a request's header, as they stand there."""
    return re.search(r"<soap:Header>(.*)</soap:Header>", request.decode(), re.DOTALL)[1]


def wrapper_of(request: bytes) -> str:
    """The name of the one element in its Body."""
    return re.search(r"<np:([A-Za-z.-]+)>", request.decode())[1]


def envelope(header: str, body: str, prolog: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    """A whole envelope; `header` may be empty, and then there is none."""
    names = (
        f'xmlns:soap="{SOAP}" xmlns:xrd="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers"'
    )
    told = f"<soap:Header>{header}</soap:Header>" if header else ""
    inside = f"{told}<soap:Body>{body}</soap:Body>"
    return f'{prolog}<soap:Envelope {names} xmlns:np="{NAMESPACE}">{inside}</soap:Envelope>'.encode()


def answer_to(request: bytes, members: str = YES, *, header: str | None = None, name: str | None = None) -> bytes:
    """The answer to this request: its header again, and these members."""
    name = name or f"{wrapper_of(request)}Response"
    body = f"<np:{name}>{members}</np:{name}>"
    return envelope(header_of(request) if header is None else header, body)


def request_hash(request: bytes, algorithm: str = "http://www.w3.org/2001/04/xmlenc#sha512") -> str:
    """The field that a security server adds to an answer's header."""
    value = base64.b64encode(hashlib.new(algorithm.rpartition("#")[2], request).digest()).decode()
    return f'<xrd:requestHash algorithmId="{algorithm}">{value}</xrd:requestHash>'


def fault(code: str, text: str = "x", *, header: str = "", detail: str = "<faultDetail>7</faultDetail>") -> bytes:
    """A SOAP 1.1 Fault, with the detail that a security server gives to its own."""
    inside = f"<faultcode>{code}</faultcode><faultstring>{text}</faultstring><detail>{detail}</detail>"
    return envelope(header, f"<soap:Fault>{inside}</soap:Fault>")


def heard(raw: bytes, request: bytes, *, status: int = 200, kind: str = XML, **head: str) -> Exchange:
    """An exchange in which this answer came to this request."""
    return replace(replied(raw=raw, status=status, kind=kind, head=head), request_body=request)
