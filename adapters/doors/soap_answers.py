"""What the SOAP door says: signed answers, signed Faults, and the WSDL with its own address in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lxml import etree
from starlette.responses import Response

from adapters.doors import words
from adapters.doors.malformed import FieldError
from adapters.doors.refusals import RETRY_S
from adapters.doors.soap_codes import LATER
from bus.ports import Clock
from contracts.one_stop.envelopes import ENVELOPES, WSA, XML_LANG, addressing, answer, wrap
from contracts.one_stop.shapes import DOOR, NAMESPACE
from contracts.one_stop.twins import write
from contracts.one_stop.xsd import FILE, WSDL
from signing import wsse

LONGEST_ID: Final = 1_024
"""Of a MessageID that an answer repeats."""
MOST_ERRORS: Final = 50
TEXT_XML: Final = "text/xml; charset=utf-8"
_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"


class Speaker:
    """Signs what this door says."""

    def __init__(self, identity: wsse.Identity, clock: Clock, require: Callable[[], None] = lambda: None) -> None:
        """`require` raises LedgerUnavailable while the identity cannot sign."""
        self._identity = identity
        self._clock = clock
        self.require = require

    def answer(self, soap: str, operation: str, part: etree._Element, *, relates_to: str | None) -> Response:
        """The yes to an operation."""
        return self._signed(soap, answer(operation, part), f"{NAMESPACE}:{operation}Response", 200, relates_to, {})

    def fault(
        self,
        soap: str,
        told: Mapping[str, Any],
        *,
        language: str,
        relates_to: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The no: this problem, and nothing of our inside (`NOTES.md#r53`). `status` where it is not a Fault's own."""
        element = _fault(soap, told, language)
        more = {"content-language": language, **(headers or {})}
        if told["code"] in LATER:
            more.setdefault("retry-after", str(RETRY_S))
        return self._signed(soap, element, f"{WSA}/fault", status or fault_status(soap, told["code"]), relates_to, more)

    def _signed(
        self,
        soap: str,
        content: etree._Element,
        action: str,
        status: int,
        relates_to: str | None,
        headers: Mapping[str, str],
    ) -> Response:
        version = ENVELOPES[soap]
        told = relates_to if relates_to and len(relates_to) <= LONGEST_ID else None
        envelope = wrap(content, version, addressing=addressing(action, relates_to=told))
        signed = wsse.sign(envelope, self._identity, now=self._clock.now())
        more = {"cache-control": "no-store", **headers}
        return Response(signed, status, more, f"{version.content_type}; charset=utf-8")


def problem(
    code: str, *, reference: str, errors: Sequence[FieldError], language: str, place: str = ""
) -> dict[str, Any]:
    """A problem in the contract's form, with a sentence for the whole and one for each place.

    `place` comes before each: in a batch the event's number (`NOTES.md#r31`).
    """
    title, detail = words.fault(code, language)
    rows = [
        {"field": place + each.field, "rule": each.rule, "detail": each.say(language) or None}
        for each in errors[:MOST_ERRORS]
    ]
    return {"code": code, "title": title, "detail": detail, "reference": reference, "errors": rows}


def fault_status(soap: str, code: str) -> int:
    """SOAP 1.1 knows one status for Faults, SOAP 1.2 tells the sides apart (`NOTES.md#r9`)."""
    return 500 if ENVELOPES[soap].is_11 or code in LATER else 400


def _fault(soap: str, told: Mapping[str, Any], language: str) -> etree._Element:
    version, code, title = ENVELOPES[soap], told["code"], told["title"]
    said = version.receiver if code in LATER else version.sender
    if code == "must_understand":
        said = "soap:MustUnderstand"
    problem = write(told, "problem", "problem")
    element = etree.Element(f"{{{soap}}}Fault", nsmap={"soap": soap})
    if version.is_11:
        etree.SubElement(element, "faultcode").text = said
        etree.SubElement(element, "faultstring", {XML_LANG: language}).text = title
        etree.SubElement(element, "detail").append(problem)
        return element
    etree.SubElement(etree.SubElement(element, f"{{{soap}}}Code"), f"{{{soap}}}Value").text = said
    reason = etree.SubElement(element, f"{{{soap}}}Reason")
    etree.SubElement(reason, f"{{{soap}}}Text", {XML_LANG: language}).text = title
    etree.SubElement(element, f"{{{soap}}}Detail").append(problem)
    return element


def schema_page() -> Response:
    """The XSD, as it stands in the contract."""
    return Response(FILE.read_bytes(), 200, media_type=TEXT_XML)


def wsdl_page(address: str) -> Response:
    """The contract's WSDL with this address, and without the service that is not ours."""
    root: Any = etree.fromstring(WSDL.read_bytes())
    root.find(f".//{_XS}include").set("schemaLocation", f"{address}?xsd")
    _keep(root, "service", {"DoorService"})
    _keep(root, "binding", {"Door11", "Door12"})
    _keep(root, "portType", {"Door"})
    _keep(root, "message", {"Problem", *DOOR, *(f"{name}Response" for name in DOOR)})
    for port in root.iter(f"{_WSDL}port"):
        port[0].set("location", address)
    return Response(etree.tostring(root, xml_declaration=True, encoding="UTF-8"), 200, media_type=TEXT_XML)


def _keep(root: Any, kind: str, names: set[str]) -> None:
    for each in root.findall(f"{_WSDL}{kind}"):
        if each.get("name") not in names:
            root.remove(each)
