"""What the SOAP door says: signed answers, signed Faults, and the WSDL with its own address in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lxml import etree
from starlette.responses import Response

from adapters.doors import words
from adapters.doors.malformed import FieldError
from adapters.doors.refusals import RETRY_S
from bus.ports import Clock
from contracts.one_stop.envelopes import ENVELOPES, TITLES, WSA, XML_LANG, addressing, answer, wrap
from contracts.one_stop.shapes import DOOR, NAMESPACE
from contracts.one_stop.twins import write
from contracts.one_stop.xsd import FILE, WSDL
from signing import wsse

SERVED: Final = ("RecordEvent",)
"""Of the contract's operations those that this door has; the WSDL that it shows has no others."""
LATER: Final = frozenset({"unavailable"})
LONGEST_ID: Final = 1_024
"""Of a MessageID that an answer repeats."""
TEXT_XML: Final = "text/xml; charset=utf-8"
_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"


class Speaker:
    """Signs what this door says."""

    def __init__(self, identity: wsse.Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock

    def answer(self, soap: str, operation: str, part: etree._Element, *, relates_to: str | None) -> Response:
        """The yes to an operation."""
        return self._signed(soap, answer(operation, part), f"{NAMESPACE}:{operation}Response", 200, relates_to)

    def fault(
        self, soap: str, code: str, *, reference: str, errors: Sequence[FieldError], relates_to: str | None
    ) -> Response:
        """The no, with a stable code and nothing of our inside (`NOTES.md#r53`)."""
        title = TITLES.get(code) or words.title(code, words.VIETNAMESE)
        rows = [{"field": each.field, "rule": each.rule} for each in errors]
        told = {"code": code, "title": title, "reference": reference, "errors": rows}
        element = _fault(soap, code, title, write(told, "problem", "problem"))
        headers = {"retry-after": str(RETRY_S)} if code in LATER else {}
        return self._signed(soap, element, f"{WSA}/fault", fault_status(soap, code), relates_to, headers)

    def _signed(
        self,
        soap: str,
        content: etree._Element,
        action: str,
        status: int,
        relates_to: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        version = ENVELOPES[soap]
        told = relates_to if relates_to and len(relates_to) <= LONGEST_ID else None
        envelope = wrap(content, version, addressing=addressing(action, relates_to=told))
        signed = wsse.sign(envelope, self._identity, now=self._clock.now())
        more = {"cache-control": "no-store", **(headers or {})}
        return Response(signed, status, more, f"{version.content_type}; charset=utf-8")


def fault_status(soap: str, code: str) -> int:
    """SOAP 1.1 knows one status for Faults, SOAP 1.2 tells the sides apart (`NOTES.md#r9`)."""
    return 500 if ENVELOPES[soap].is_11 or code in LATER else 400


def _fault(soap: str, code: str, title: str, problem: etree._Element) -> etree._Element:
    version = ENVELOPES[soap]
    said = version.receiver if code in LATER else version.sender
    if code == "must_understand":
        said = "soap:MustUnderstand"
    element = etree.Element(f"{{{soap}}}Fault", nsmap={"soap": soap})
    if version.is_11:
        etree.SubElement(element, "faultcode").text = said
        etree.SubElement(element, "faultstring", {XML_LANG: "vi"}).text = title
        etree.SubElement(element, "detail").append(problem)
        return element
    etree.SubElement(etree.SubElement(element, f"{{{soap}}}Code"), f"{{{soap}}}Value").text = said
    reason = etree.SubElement(element, f"{{{soap}}}Reason")
    etree.SubElement(reason, f"{{{soap}}}Text", {XML_LANG: "vi"}).text = title
    etree.SubElement(element, f"{{{soap}}}Detail").append(problem)
    return element


def schema_page() -> Response:
    """The XSD, as it stands in the contract."""
    return Response(FILE.read_bytes(), 200, media_type=TEXT_XML)


def wsdl_page(address: str) -> Response:
    """The contract's WSDL for callers of this door: its service, at this address, with what it serves."""
    root: Any = etree.fromstring(WSDL.read_bytes())
    root.find(f".//{_XS}include").set("schemaLocation", f"{address}?xsd")
    for service in root.findall(f"{_WSDL}service"):
        if service.get("name") != "DoorService":
            root.remove(service)
    for port in root.iter(f"{_WSDL}port"):
        port[0].set("location", address)
    for operation in list(root.iter(f"{_WSDL}operation")):
        if operation.get("name") in DOOR and operation.get("name") not in SERVED:
            operation.getparent().remove(operation)
    return Response(etree.tostring(root, xml_declaration=True, encoding="UTF-8"), 200, media_type=TEXT_XML)
