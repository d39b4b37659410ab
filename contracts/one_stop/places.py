"""What a request to the one-stop system is: its address, operation and message. Judges only what it must."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from contracts.mocking import Call, Request
from contracts.national_portal.reading import NotReadable, read_json
from contracts.one_stop.books import AMENDED, FILED, OUTCOME, PAYMENT, SIGNATURE
from contracts.one_stop.envelopes import ENVELOPES, Trouble, Version, parse
from contracts.one_stop.shapes import NAMESPACE, OPERATIONS
from contracts.one_stop.twins import read

SOAP: Final = "/one_stop/soap"
REST: Final = "/one_stop/rest/"
PKI: Final = "/one_stop/pki/"
PATHS: Final = {
    "outcomes": OUTCOME,
    "dossiers": FILED,
    "amendments": AMENDED,
    "payments": PAYMENT,
    "signatures": SIGNATURE,
}
SHAPES: Final = {
    OUTCOME: "outcome",
    FILED: "filed",
    AMENDED: "amendment",
    PAYMENT: "payment_result",
    SIGNATURE: "signature_result",
}
BY_SUBJECT: Final = frozenset({OUTCOME, PAYMENT, SIGNATURE})
"""Operations whose messages name the dossier by the one-stop system's own number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it was read, and what stood in the way."""

    version: Version | None = None
    envelope: etree._Element | None = None
    content: etree._Element | None = None
    """The one child of the Body."""
    value: Any = None
    """The JSON body, or the JSON twin of the content once the XSD has passed it."""
    trouble: Trouble | None = None


def recognise(request: Request) -> Call:
    """Which operation is this, and about which dossier?"""
    if request.path == SOAP:
        return _call(request, "soap", *_soap(request.body))
    if request.path.startswith(REST) and request.path[len(REST) :] in PATHS:
        return _call(request, "rest", PATHS[request.path[len(REST) :]], _json(request.body))
    if request.path.startswith(PKI):
        return Call(request=request, operation="pki", place="pki")
    return Call(request=request, operation="?", place="nowhere", payload=Message())


def _call(request: Request, place: str, operation: str, message: Message) -> Call:
    value = message.value if isinstance(message.value, dict) else {}
    dossier = value.get("dossier" if operation in BY_SUBJECT else "national_number")
    dossiers = (dossier,) if isinstance(dossier, str) else ()
    return Call(request=request, operation=operation, place=place, payload=message, dossiers=dossiers, is_write=True)


def _soap(body: bytes) -> tuple[str, Message]:
    try:
        envelope = parse(body)
    except Trouble as trouble:
        return "?", Message(trouble=trouble)
    version = ENVELOPES.get(etree.QName(envelope).namespace or "")
    if version is None or etree.QName(envelope).localname != "Envelope":
        return "?", Message(trouble=_no_operation("an Envelope of SOAP 1.1 or 1.2"))
    bodies = envelope.findall(f"./{{{version.namespace}}}Body")
    inside = [each for each in bodies[0] if isinstance(each.tag, str)] if bodies else []
    if len(bodies) != 1 or len(inside) != 1:
        wrong = _no_operation("one Body with one element")
        return "?", Message(version=version, envelope=envelope, trouble=wrong)
    name = etree.QName(inside[0])
    if name.namespace != NAMESPACE or name.localname not in SHAPES:
        wrong = _no_operation(f"one of {', '.join(SHAPES)}")
        return "?", Message(version=version, envelope=envelope, trouble=wrong)
    found = Message(version=version, envelope=envelope, content=inside[0], value=_glimpse(inside[0], name.localname))
    return name.localname, found


def _glimpse(content: etree._Element, operation: str) -> dict[str, Any]:
    """The dossier's number, for faults that are meant for one dossier; nothing here has been judged."""
    member = "dossier" if operation in BY_SUBJECT else "national_number"
    return {member: content.findtext(f"./{{{NAMESPACE}}}*/{{{NAMESPACE}}}{member}")}


def value_of(content: etree._Element, operation: str) -> dict[str, Any]:
    """The JSON twin of content that the XSD has passed."""
    part = OPERATIONS[operation][0][1]
    return read(content[0], part)


def _json(body: bytes) -> Message:
    try:
        return Message(value=read_json(body))
    except (NotReadable, ValueError) as trouble:
        found = str(trouble)[:200]
        return Message(trouble=Trouble(code="malformed_json", rule="r88", field="body", expected="JSON", found=found))


def _no_operation(expected: str) -> Trouble:
    return Trouble(code="unknown_operation", rule="r6", field="Body", expected=expected)
