"""Where things stand in a SOAP message, 1.1 or 1.2: exactly one place for each, or a refusal.

Nothing is ever looked up by an Id here. The elements that must be signed are taken from where they have to stand; their
Ids are then compared with what the signature names. So a moved element is never found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from lxml import etree

from signing.errors import EnvelopeWrong, HeaderNotUnderstood, IdRepeated, PartsWrong, SignatureMissing
from signing.xmldsig import SIGNATURE

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
_OASIS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE: Final = f"{_OASIS}wssecurity-secext-1.0.xsd"
WSU: Final = f"{_OASIS}wssecurity-utility-1.0.xsd"
WSA: Final = "http://www.w3.org/2005/08/addressing"
WSA_2004: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
X509V3: Final = f"{_OASIS}x509-token-profile-1.0#X509v3"
BASE64: Final = f"{_OASIS}soap-message-security-1.0#Base64Binary"

SECURITY: Final = f"{{{WSSE}}}Security"
TOKEN: Final = f"{{{WSSE}}}BinarySecurityToken"
TIMESTAMP: Final = f"{{{WSU}}}Timestamp"
WSU_ID: Final = f"{{{WSU}}}Id"

Element: TypeAlias = etree._Element

_IDS: Final = etree.XPath("//@*[local-name() = 'Id' or local-name() = 'ID' or name() = 'xml:id']", smart_strings=False)
_TEXT: Final = etree.XPath("boolean(text()[normalize-space()])")
_COMMENT: Final = etree.XPath("boolean(descendant-or-self::node()/self::comment())")
_TYPES: Final = etree.XPath(
    "descendant-or-self::*[@xsi:type]", namespaces={"xsi": "http://www.w3.org/2001/XMLSchema-instance"}
)
_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_XSD: Final = "http://www.w3.org/2001/XMLSchema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The elements of one message that matter to its signature, each from the only place where it may stand."""

    envelope: Element
    header: Element
    body: Element
    security: Element
    token: Element
    timestamp: Element
    signature: Element
    signed_headers: tuple[Element, ...]
    """Those that must be signed because they are there."""


def places(envelope: Element, signed_namespaces: Collection[str]) -> Places:
    """Every place, or the refusal that says which one is wrong."""
    header, body = frame(envelope)
    security = _security(envelope, header)
    if any(_TEXT(each) for each in (envelope, header, security)):
        raise EnvelopeWrong("there is a text between the elements of Envelope, Header or Security")
    inside = {each: [it for it in security if it.tag == each] for each in (TOKEN, TIMESTAMP, SIGNATURE)}
    if not inside[SIGNATURE]:
        raise SignatureMissing("the Security header has no Signature")
    if len(security) != 3 or any(len(found) != 1 for found in inside.values()):
        raise EnvelopeWrong("Security must hold one BinarySecurityToken, one Timestamp and one Signature")
    return Places(
        envelope=envelope,
        header=header,
        body=body,
        security=security,
        token=inside[TOKEN][0],
        timestamp=inside[TIMESTAMP][0],
        signature=inside[SIGNATURE][0],
        signed_headers=_known_headers(header, signed_namespaces),
    )


def version_of(envelope: Element) -> str:
    """The namespace of SOAP 1.1 or 1.2, whichever this is an envelope of."""
    for soap in (SOAP_11, SOAP_12):
        if envelope.tag == f"{{{soap}}}Envelope":
            return soap
    raise EnvelopeWrong("not an envelope of SOAP 1.1 or 1.2")


def frame(envelope: Element) -> tuple[Element, Element]:
    """Header and Body: one of each, in this order, and nothing beside them."""
    soap = version_of(envelope)
    found = elements(envelope)
    if [each.tag for each in found] == [f"{{{soap}}}Body"]:
        raise SignatureMissing("the envelope has no Header, so no signature")
    if [each.tag for each in found] != [f"{{{soap}}}Header", f"{{{soap}}}Body"]:
        raise EnvelopeWrong("the envelope must hold one Header and one Body, and nothing else")
    return found[0], found[1]


def namespace_of(element: Element) -> str:
    """The namespace of an element, empty where it has none."""
    return str(element.tag)[1:].rpartition("}")[0]


def name_of(element: Element) -> str:
    """The local name of an element."""
    return str(element.tag).rpartition("}")[2]


def elements(parent: Element) -> list[Element]:
    """Its children without comments."""
    return list(parent.iterchildren(etree.Element))


def _security(envelope: Element, header: Element) -> Element:
    found = list(envelope.iter(SECURITY))
    if not found:
        raise SignatureMissing("the Header has no Security")
    if len(found) > 1 or found[0].getparent() is not header:
        raise EnvelopeWrong("there must be one Security header, directly in the Header")
    # Addressed to another node, it would not be ours to judge by.
    if any(str(name).endswith(("}actor", "}role")) for name in found[0].attrib):
        raise EnvelopeWrong("the Security header must not name an actor or a role")
    return found[0]


def _known_headers(header: Element, namespaces: Collection[str]) -> tuple[Element, ...]:
    known, names = [], set()
    for each in elements(header):
        if namespace_of(each) in namespaces:
            if each.tag in names:
                raise EnvelopeWrong(f"the header {name_of(each)} came twice")
            names.add(each.tag)
            known.append(each)
        elif each.tag != SECURITY and _must_be_understood(each):
            raise HeaderNotUnderstood(f"nobody here understands the header {str(each.tag)[:200]}")
    return tuple(known)


def _must_be_understood(header: Element) -> bool:
    told = {header.get(f"{{{soap}}}mustUnderstand", "0").strip() for soap in (SOAP_11, SOAP_12)}
    return not told <= {"0", "false"}


def check_ids(envelope: Element) -> None:
    """Every Id of every kind once in the whole message, so that it means one element to everybody."""
    found = [str(each) for each in _IDS(envelope)]
    if len(set(found)) < len(found):
        raise IdRepeated


def id_of(element: Element) -> str:
    """Its wsu:Id: the only kind by which a part may be named here."""
    told = element.get(WSU_ID)
    if not told:
        raise PartsWrong(f"{name_of(element)} has no wsu:Id, so it cannot be signed")
    return told


def check_meaning(part: Element, canonical: bytes) -> None:
    """Refuses what the canonical bytes do not hold, and a reader could yet take for signed.

    A comment cuts a text in two, of which most readers see the first. The prefix in an `xsi:type` is a text to
    exclusive C14N: where it is declared outside of the part, anybody could give it another meaning on the way.
    """
    if _COMMENT(part):
        raise PartsWrong("there is a comment in a signed part", base=canonical)
    if b"XMLSchema-instance" not in canonical:
        return
    for each in _TYPES(part):
        if not _is_bound_inside(each, part):
            raise PartsWrong("the prefix of an xsi:type is declared outside of the signed part", base=canonical)


def _is_bound_inside(element: Element, part: Element) -> bool:
    prefix, colon, _ = element.attrib[_TYPE].strip().rpartition(":")
    key = prefix if colon else None
    namespace = element.nsmap.get(key)
    if namespace == _XSD:  # a built-in type, by whatever prefix: given another meaning it would be refused here
        return True
    path = [element, *element.iterancestors()]
    inside = path[: path.index(part) + 1]
    return any(each.nsmap.get(key) == namespace and _shows(each, key) for each in inside)


def _shows(element: Element, prefix: str | None) -> bool:
    """Whether canonical XML writes this prefix's declaration here."""
    if element.prefix == prefix:
        return True
    spaces = {etree.QName(name).namespace for name in element.attrib}
    return prefix is not None and element.nsmap.get(prefix) in spaces


def keep_only(found: Places, signed: Mapping[str, Element]) -> None:
    """Take out of the tree whatever the signature does not cover, so that no reader can take it for verified."""
    kept = {found.header, found.body, *signed.values()}
    for parent in (found.envelope, found.header):
        parent.text = None
        parent.attrib.clear()
        for each in list(parent):  # comments among them
            if each in kept:
                each.tail = None
            else:
                parent.remove(each)
