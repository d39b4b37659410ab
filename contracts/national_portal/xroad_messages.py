"""X-Road messages as the mock reads and writes them: SOAP 1.1 envelopes, Faults, JSON twins (`NOTES.md#r200`).

The mock's own code: it shares nothing with the reader and the writer of the adapter.
"""

from __future__ import annotations

import base64
import hashlib
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from lxml import etree

from contracts.mocking import Call, Request, Response
from contracts.national_portal import fields
from contracts.national_portal.books import STEP, SYNC, TELL

PATH: Final = "/national_portal/xroad"
LOOK_UP: Final = "TraCuuHoSo"
SERVICES: Final = frozenset((SYNC, STEP, TELL, LOOK_UP))
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
XROAD: Final = "http://x-road.eu/xsd/xroad.xsd"
NAMESPACE: Final = "urn:vn:lienthong:national-portal:v1"
XML: Final = "text/xml; charset=utf-8"
SHA_512: Final = "http://www.w3.org/2001/04/xmlenc#sha512"
NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
LARGEST: Final = 10 * 1024 * 1024

WHOLE: Final = frozenset(name for name in fields.ENCLOSURE if name != "TenGiayTo")
BOOLEAN: Final = frozenset(("TrangThaiBoSung",))
ARRAYS: Final = frozenset(
    (
        "TaiLieuNop",
        "DanhSachLePhi",
        "DanhSachTepDinhKemKhac",
        "DanhSachHoSoBoSung",
        "DanhSachGiayToKetQua",
        "DinhDanhCHS",
        "DSKetNoiCSDL",
        "DanhSachGiayToBoSung",
        "DanhSachLePhiBoSung",
        "TaiLieuXuLy",
    )
)


class NotSoap(ValueError):
    """This body is no SOAP 1.1 envelope as the notes mean it; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An envelope taken apart."""

    fields: list[etree._Element]
    """X-Road's fields of the header, in their order."""
    others: list[etree._Element]
    """The rest of the header."""
    content: etree._Element

    def text(self, name: str) -> str | None:
        """A field's text; None where it is absent."""
        return next((field.text or "" for field in self.fields if field.tag == f"{{{XROAD}}}{name}"), None)

    def identifier(self, name: str) -> tuple[str, ...]:
        """The parts of `client` or `service`."""
        found = next((field for field in self.fields if field.tag == f"{{{XROAD}}}{name}"), None)
        return () if found is None else tuple(part.text or "" for part in found if isinstance(part.tag, str))


def parse(body: bytes) -> Message:
    """The message, or `NotSoap` (r201)."""
    if len(body) > LARGEST:
        raise NotSoap(f"larger than {LARGEST} bytes")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotSoap("not UTF-8") from None
    if "<!DOCTYPE" in text or "\0" in text:
        raise NotSoap("a document type, or a NUL")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as trouble:
        raise NotSoap(str(trouble)[:200]) from None
    return _taken_apart(root)


def _taken_apart(root: etree._Element) -> Message:
    if root.tag != f"{{{SOAP}}}Envelope":
        raise NotSoap("not an Envelope of SOAP 1.1")
    headers, bodies = root.findall(f"./{{{SOAP}}}Header"), root.findall(f"./{{{SOAP}}}Body")
    inside = [each for body in bodies for each in body if isinstance(each.tag, str)]
    if len(headers) != 1 or len(bodies) != 1 or len(inside) != 1:
        raise NotSoap("not one Header, one Body and one element in it")
    told = [each for each in headers[0] if isinstance(each.tag, str)]
    fields_of_xroad = [each for each in told if str(each.tag).startswith(f"{{{XROAD}}}")]
    return Message(
        fields=fields_of_xroad, others=[each for each in told if each not in fields_of_xroad], content=inside[0]
    )


def recognise(request: Request) -> Call:
    """Which service, about which dossiers? Judges nothing."""
    try:
        content = parse(request.body).content
    except NotSoap:
        return Call(request=request, operation="?", place="xroad", payload={})
    operation = etree.QName(content).localname
    payload = {"service": operation, **_object(content)}
    data = payload.get("data")
    rows = data if isinstance(data, list) else [data if isinstance(data, dict) else {"MaHoSo": payload.get("mahoso")}]
    numbers = [row.get("MaHoSo") for row in rows if isinstance(row, dict)]
    return Call(
        request=request,
        operation=operation,
        place="xroad",
        payload=payload,
        dossiers=tuple(number for number in numbers if isinstance(number, str)),
        is_write=operation in (SYNC, STEP, TELL),
    )


def _object(element: etree._Element) -> dict[str, Any]:
    """The JSON twin of an element that the schema has passed, or nearly so of another."""
    return {etree.QName(child).localname: _value(child) for child in element if isinstance(child.tag, str)}


def _value(element: etree._Element) -> Any:
    name, text = _local(element), element.text or ""
    children = [child for child in element if isinstance(child.tag, str)]
    if element.get(NIL) in ("true", "1"):
        return None
    if name in ARRAYS or (name == "data" and (parent := element.getparent()) is not None and _local(parent) != TELL):
        return [_object(child) for child in children]
    if children:
        return _object(element)
    if name in WHOLE and text.strip().lstrip("+-").isdigit():
        return int(text)
    return text.strip() in ("true", "1") if name in BOOLEAN else text


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


# -- answers -----------------------------------------------------------------------------------------------------------


def answer(request: Request, body: bytes) -> Response:
    """The portal's JSON answer as the answer to this very message (r206, r210, r211)."""
    message = parse(request.body)
    hashed = etree.Element(f"{{{XROAD}}}requestHash", {"algorithmId": SHA_512})
    hashed.text = base64.b64encode(hashlib.sha512(request.body).digest()).decode()
    name = f"{{{NAMESPACE}}}{etree.QName(message.content).localname}Response"
    content = etree.Element(name, nsmap={"np": NAMESPACE})
    for member, value in msgspec.json.decode(body).items():
        _put(content, member, value)
    return Response(body=_envelope([*map(deepcopy, message.fields), hashed], content), content_type=XML)


def fault(code: str, says: str, *, status: int = 200, request: Request | None = None) -> Response:
    """A Fault; one of the provider's own may repeat the header, one of a security server has a detail (r212, r213)."""
    element = etree.Element(f"{{{SOAP}}}Fault", nsmap={"soap": SOAP})
    etree.SubElement(element, "faultcode").text = code
    etree.SubElement(element, "faultstring").text = says
    if not code.startswith("soap:"):
        etree.SubElement(etree.SubElement(element, "detail"), "faultDetail").text = "mock"
    return Response(status=status, body=_envelope(_header_of(request), element), content_type=XML)


def _header_of(request: Request | None) -> list[etree._Element]:
    try:
        return [deepcopy(field) for field in parse(request.body).fields] if request else []
    except NotSoap:
        return []


def _envelope(told: list[etree._Element], content: etree._Element) -> bytes:
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, "xrd": XROAD, "np": NAMESPACE})
    if told:
        etree.SubElement(root, f"{{{SOAP}}}Header").extend(told)
    etree.SubElement(root, f"{{{SOAP}}}Body").append(content)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _put(parent: etree._Element, name: str, value: Any) -> None:
    element = etree.SubElement(parent, name)
    if isinstance(value, list):
        for row in value:
            _put(element, "item", row)
    elif isinstance(value, dict):
        for member, part in value.items():
            _put(element, member, part)
    elif value is None:
        element.set(NIL, "true")
    else:
        element.text = str(value)
