"""Pure. The portal's services as messages of the X-Road message protocol 4.0: who calls what, and the document.

The members of a call keep their names and become elements (contracts/national_portal/NOTES.md#r200 and on). Nothing is
signed here: the security server signs what leaves, and verifies what comes (r216).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from lxml import etree

from adapters.partners.national_portal.codes import OPERATIONS, Operation
from adapters.partners.national_portal.settings import NationalPortalSettings
from bus.errors import Unmappable

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
XROAD: Final = "http://x-road.eu/xsd/xroad.xsd"
IDENTIFIERS: Final = "http://x-road.eu/xsd/identifiers"
HEADERS: Final = {"accept": "text/xml", "content-type": "text/xml; charset=utf-8", "soapaction": '""'}
"""r201, r203: SOAP 1.1, UTF-8, and the action that X-Road's own descriptions have."""
VERSION: Final = "v1"
ITEM: Final = "item"
"""Each element of an array (r207)."""
OBJECT_TYPE: Final = f"{{{IDENTIFIERS}}}objectType"

_PART: Final = re.compile(r"[A-Za-z0-9'()+,.=?-]{1,255}")
"""r204."""
_SERVICE_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9.-]{0,254}")
"""It is an element's name as well (r206)."""
_PROTOCOL: Final = re.compile(r"4\.[0-9]{1,3}")
_USER: Final = re.compile(r"[^\x00-\x20\x7f\ud800-\udfff\ufffe\uffff]{0,255}")
_NAMESPACE: Final = re.compile(r"[!-~]{1,255}")
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_HERE: Final = frozenset({"session", "service"})
"""Members of the JSON envelope that the header stands for (r205, r208)."""
_PARTS: Final = ("xRoadInstance", "memberClass", "memberCode", "subsystemCode", "serviceCode", "serviceVersion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of X-Road, or a subsystem of one."""

    parts: tuple[str, ...]
    """Instance, class, code, and perhaps the subsystem."""

    @property
    def object_type(self) -> str:
        return "SUBSYSTEM" if len(self.parts) == 4 else "MEMBER"


def member_of(text: str, key: str) -> Member:
    """`VN/GOV/000.00.00.H99/one-stop`; the subsystem may be left out. Raises `ValueError`."""
    parts = tuple(text.split("/"))
    if len(parts) not in (3, 4) or not all(_PART.fullmatch(part) for part in parts):
        raise ValueError(
            f"{key}: {text!r} is not instance/class/member or instance/class/member/subsystem, of the letters A to Z, "
            "digits and '()+,-.=? (r204)"
        )
    return Member(parts=parts)


def service_of(text: str, key: str) -> tuple[str, str]:
    """`DongBoHoSoMC/v1`; the version may be left out. Raises `ValueError`."""
    code, slash, version = text.partition("/")
    if not _SERVICE_CODE.fullmatch(code) or (slash and not _PART.fullmatch(version)):
        raise ValueError(f"{key}: {text!r} is not a service code, or code/version, that can name an element (r206)")
    return code, version


def check_text(value: Any, place: str = "") -> None:
    """XML cannot write some characters at all. Raises `Unmappable` with the field's name: never cut, never changed."""
    match value:
        case str():
            if _NOT_XML.search(value):
                raise Unmappable(field=place, rule="not_in_xml", value="a control character")
        case Mapping():
            for name, part in value.items():
                check_text(part, f"{place}.{name}" if place else name)
        case list():
            for n, part in enumerate(value):
                check_text(part, f"{place}[{n}]")


class Envelopes:
    """Writes the envelopes of one installation."""

    def __init__(self, settings: NationalPortalSettings, new_id: Callable[[], str] = lambda: str(uuid4())) -> None:
        """Raises `ValueError` for settings that no security server takes."""
        _check_texts(settings)
        self._settings = settings
        self._new_id = new_id
        self._client = member_of(settings.xroad_client, "xroad_client")
        self._provider = member_of(settings.xroad_service_provider, "xroad_service_provider")
        self._services = services_of(settings)
        self._nsmap = {"soap": SOAP, "xrd": XROAD, "id": IDENTIFIERS, "np": settings.xroad_namespace}

    def check(self, body: Mapping[str, Any]) -> None:
        """Raises `Unmappable` for what XML cannot carry."""
        check_text(body)

    def document(self, operation: Operation, envelope: Mapping[str, Any]) -> bytes:
        """One call: what stands in the JSON envelope, as the protocol wants it."""
        root = etree.Element(f"{{{SOAP}}}Envelope", nsmap=self._nsmap)
        code = self._header(etree.SubElement(root, f"{{{SOAP}}}Header"), operation, envelope)
        wrapper = etree.SubElement(
            etree.SubElement(root, f"{{{SOAP}}}Body"), f"{{{self._settings.xroad_namespace}}}{code}"
        )
        for name, value in envelope.items():
            if name not in _NOT_HERE:
                _put(wrapper, name, value)
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8")

    def _header(self, header: etree._Element, operation: Operation, envelope: Mapping[str, Any]) -> str:
        """r202, r205: in the order of the protocol's own examples. Gives the service's code."""
        code, version = self._services[operation]
        _identify(header, "client", self._client.object_type, self._client.parts)
        named = self._provider.parts if len(self._provider.parts) == 4 else (*self._provider.parts, "")
        _identify(header, "service", "SERVICE", (*named, code, version))
        _say(header, "id", self._new_id())
        _say(header, "userId", self._settings.xroad_user_id or f"{self._client.parts[0][:2]}{self._settings.madonvi}")
        if self._settings.xroad_issue and (dossier := _dossier_of(envelope)):
            _say(header, "issue", dossier)
        _say(header, "protocolVersion", self._settings.xroad_protocol_version)
        return code


def _check_texts(settings: NationalPortalSettings) -> None:
    if not _PROTOCOL.fullmatch(settings.xroad_protocol_version):
        raise ValueError(f"xroad_protocol_version: {settings.xroad_protocol_version!r} is not 4.0, or 4.x (r202)")
    for key, pattern in (("xroad_user_id", _USER), ("xroad_namespace", _NAMESPACE)):
        if not pattern.fullmatch(getattr(settings, key)):
            raise ValueError(f"{key}: {getattr(settings, key)!r} has a form that no header or namespace has")


def services_of(settings: NationalPortalSettings) -> dict[Operation, tuple[str, str]]:
    """Operation → code and version of the service: the portal's own name and `v1`, unless the settings name another."""
    named = {op: f"{row.service}/{VERSION}" for op, row in OPERATIONS.items() if op is not Operation.LOGIN}
    if unknown := settings.xroad_services.keys() - {operation.value for operation in named}:
        raise ValueError(f"xroad_services: {', '.join(sorted(unknown))} is no operation")
    return {
        operation: service_of(settings.xroad_services.get(operation.value, text), "xroad_services")
        for operation, text in named.items()
    }


def _identify(header: etree._Element, name: str, object_type: str, parts: tuple[str, ...]) -> None:
    element = etree.SubElement(header, f"{{{XROAD}}}{name}", {OBJECT_TYPE: object_type})
    for part, value in zip(_PARTS, parts, strict=False):
        if value:
            etree.SubElement(element, f"{{{IDENTIFIERS}}}{part}").text = value


def _say(header: etree._Element, name: str, text: str) -> None:
    etree.SubElement(header, f"{{{XROAD}}}{name}").text = text


def _put(parent: etree._Element, name: str, value: Any) -> None:
    """A member as an element of its name; an array as an element that holds items (r207)."""
    element = etree.SubElement(parent, name)
    match value:
        case str():
            element.text = value
        case bool():
            element.text = "true" if value else "false"
        case int():
            element.text = str(value)
        case Mapping():
            for key, part in value.items():
                _put(element, key, part)
        case _:
            for part in value:
                _put(element, ITEM, part)


def _dossier_of(envelope: Mapping[str, Any]) -> str:
    """The one dossier that a call is about; none where it is about several."""
    data = envelope.get("data", envelope)
    rows = data if isinstance(data, list | tuple) else [data]
    numbers = {str(row.get("MaHoSo", row.get("mahoso", ""))) for row in rows}
    return numbers.pop() if len(numbers) == 1 else ""
