"""What a request to the receipt issuer is: its service, operation and parameters. Judges only what it must."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from contracts.mocking import Call, Request
from contracts.one_stop.envelopes import SOAP_11, Trouble, parse

BASE: Final = "/receipt_issuer/"
TEMPURI: Final = "http://tempuri.org/"

PUBLISH: Final = "ImportAndPublishInv"
VIEW: Final = "getInvViewFkey"
UNMARK: Final = "UnConfirmPaymentFkey"
CANCEL: Final = "cancelInv"
ADJUST: Final = "AdjustInvoice"

SERVICES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "PublishService.asmx": {
        PUBLISH: ("Account", "ACpass", "xmlInvData", "username", "password", "pattern", "serial", "convert"),
    },
    "PortalService.asmx": {VIEW: ("fkey", "userName", "userPass")},
    "BusinessService.asmx": {
        UNMARK: ("lstFkey", "userName", "userPass"),
        CANCEL: ("Account", "ACpass", "fkey", "userName", "userPass"),
        ADJUST: ("Account", "ACpass", "xmlInvData", "username", "pass", "fkey", "AttachFile", "convert"),
    },
}
WRITES: Final = frozenset({PUBLISH, UNMARK, CANCEL, ADJUST})
KEYS: Final = {VIEW: "fkey", UNMARK: "lstFkey", CANCEL: "fkey", ADJUST: "fkey"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The parameters as they were read, and what stood in the way."""

    values: Mapping[str, str] = field(default_factory=dict)
    fault: Trouble | None = None


def recognise(request: Request) -> Call:
    """Which operation is this, and about which receipt and dossier?"""
    service = request.path.removeprefix(BASE)
    if not request.path.startswith(BASE) or service not in SERVICES:
        return Call(request=request, operation="?", place="nowhere", payload=Message())
    try:
        operation, values = _parameters(request, service)
    except Trouble as trouble:
        return Call(request=request, operation="?", place="soap", payload=Message(fault=trouble))
    return Call(
        request=request,
        operation=operation,
        place="soap",
        payload=Message(values=values),
        dossiers=_about(operation, values),
        is_write=operation in WRITES,
    )


def _parameters(request: Request, service: str) -> tuple[str, dict[str, str]]:
    if request.method != "POST" or not request.headers.get("content-type", "").lower().startswith("text/xml"):
        raise trouble("r2", "Content-Type", "POST of text/xml")
    content = _content(_document(request.body))
    name = etree.QName(content)
    expected = SERVICES[service].get(name.localname)
    if name.namespace != TEMPURI or expected is None:
        raise trouble("r3", "Body", f"one of {', '.join(SERVICES[service])}", name.localname)
    if request.headers.get("soapaction") != f'"{TEMPURI}{name.localname}"':
        raise trouble("r3", "SOAPAction", f'"{TEMPURI}{name.localname}"', request.headers.get("soapaction", ""))
    found = [(etree.QName(each).localname, each) for each in content.iterchildren(etree.Element)]
    if tuple(each for each, _ in found) != expected or any(len(each) for _, each in found):
        raise trouble("r5", name.localname, ", ".join(expected), ", ".join(each for each, _ in found))
    return name.localname, {each: element.text or "" for each, element in found}


def _document(body: bytes) -> etree._Element:
    try:
        return parse(body)
    except Trouble as wrong:
        raise trouble("r4", "body", "one plain XML document in UTF-8", wrong.found) from None


def _content(envelope: etree._Element) -> etree._Element:
    bodies = envelope.findall(f"{{{SOAP_11}}}Body")
    inside = list(bodies[0].iterchildren(etree.Element)) if len(bodies) == 1 else []
    if envelope.tag != f"{{{SOAP_11}}}Envelope" or len(inside) != 1:
        raise trouble("r2", "Body", "an Envelope of SOAP 1.1 with one element in its Body")
    return inside[0]


def _about(operation: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """The key and, where it is told, the dossier, for faults that are meant for one; nothing here has been judged."""
    if operation in KEYS:
        return (values[KEYS[operation]],)
    try:
        data = parse(values["xmlInvData"].encode())
    except Trouble:
        return ()
    found = (data.findtext(".//key"), data.findtext(".//Invoice/Extra1"))
    return tuple(each for each in found if each)


def trouble(rule: str, where: str, expected: str, found: str = "", *, code: str = "") -> Trouble:
    """A rule that was broken; `code` is the issuer's own, empty for a Fault."""
    return Trouble(code=code, rule=rule, field=where, expected=expected, found=found[:200])
