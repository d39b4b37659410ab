"""Where things stand in a SOAP message, 1.1 or 1.2: exactly one place for each, or a refusal.

Nothing is ever looked up by an Id here. The elements that must be signed are taken from where they have to stand; their
Ids are then compared with what the signature names. So a moved element is never found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from lxml import etree

from signing.canonical import DEFAULT
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

_VERSIONS: Final[dict[object, str]] = {f"{{{soap}}}Envelope": soap for soap in (SOAP_11, SOAP_12)}
_FRAMES: Final = {soap: [f"{{{soap}}}Header", f"{{{soap}}}Body"] for soap in (SOAP_11, SOAP_12)}
_BLANK: Final = " \t\r\n"
_ID_WRITTEN: Final = re.compile(rb"I[dD]\s*=\s*(?=\"([^\"<]*)|'([^'<]*))")
_ID_PLAIN: Final = re.compile(rb"[A-Za-z0-9_.:-]*").fullmatch
_IDS: Final = etree.XPath("//@*[local-name() = 'Id' or local-name() = 'ID' or name() = 'xml:id']", smart_strings=False)
_COMMENT: Final = etree.XPath("boolean(descendant-or-self::node()/self::comment())")
_TYPES: Final = etree.XPath(
    "descendant-or-self::*[@xsi:type]", namespaces={"xsi": "http://www.w3.org/2001/XMLSchema-instance"}
)
_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_XSD: Final = "http://www.w3.org/2001/XMLSchema"


class Frame(NamedTuple):
    """The elements that hold the others, each from the only place where it may stand."""

    envelope: Element
    header: Element
    body: Element
    security: Element


class Pieces(NamedTuple):
    """What a Security header holds: one of each."""

    token: Element
    timestamp: Element
    signature: Element


def pieces_of(security: Element) -> Pieces:
    """The three pieces, or the refusal that says which one is wrong."""
    if _has_text(security):
        raise EnvelopeWrong("there is a text between the elements of Security")
    found = list(security)
    inside = {each.tag: each for each in found}
    if SIGNATURE not in inside:
        raise SignatureMissing("the Security header has no Signature")
    if len(found) != 3 or not (TOKEN in inside and TIMESTAMP in inside):
        raise EnvelopeWrong("Security must hold one BinarySecurityToken, one Timestamp and one Signature")
    return Pieces(token=inside[TOKEN], timestamp=inside[TIMESTAMP], signature=inside[SIGNATURE])


def version_of(envelope: Element) -> str:
    """The namespace of SOAP 1.1 or 1.2, whichever this is an envelope of."""
    soap = _VERSIONS.get(envelope.tag)
    if soap is None:
        raise EnvelopeWrong("not an envelope of SOAP 1.1 or 1.2")
    return soap


def frame_of(envelope: Element) -> Frame:
    """Header and Body, one of each, in this order and with nothing beside them; and the one Security in the Header."""
    tags = _FRAMES[version_of(envelope)]
    found = elements(envelope)
    told = [each.tag for each in found]
    if told == tags[1:]:
        raise SignatureMissing("the envelope has no Header, so no signature")
    if told != tags:
        raise EnvelopeWrong("the envelope must hold one Header and one Body, and nothing else")
    header, body = found
    security = _security(envelope, header)
    if _has_text(envelope) or _has_text(header):
        raise EnvelopeWrong("there is a text between the elements of Envelope or Header")
    return Frame(envelope=envelope, header=header, body=body, security=security)


def namespace_of(element: Element) -> str:
    """The namespace of an element, empty where it has none."""
    return str(element.tag)[1:].rpartition("}")[0]


def name_of(element: Element) -> str:
    """The local name of an element."""
    return str(element.tag).rpartition("}")[2]


def elements(parent: Element) -> list[Element]:
    """Its children without comments."""
    return [each for each in parent if isinstance(each.tag, str)]


def _has_text(parent: Element) -> bool:
    """Whether there is more than blanks between its children, comments among them."""
    if parent.text and parent.text.strip(_BLANK):
        return True
    return any(each.tail and each.tail.strip(_BLANK) for each in parent)


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


def known_headers(header: Element, namespaces: Collection[str]) -> tuple[Element, ...]:
    """Those that are understood here, and so must be signed; each once."""
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


def check_ids(envelope: Element, data: bytes, known: Iterable[bytes] = ()) -> None:
    """Every Id of every kind once in the whole message, so that it means one element to everybody.

    Asked of the bytes first: whatever is an Id is written there, and so is what only looks like one. Where they all
    differ, and none of them is written in a way that the parser would have changed, no two Ids are the same. `known`
    are Ids of what was cut out of the bytes.
    """
    written = [*known, *[one or other for one, other in _ID_WRITTEN.findall(data)]]
    if len(set(written)) == len(written) and _ID_PLAIN(b"".join(written)) and b"xml:id" not in data:
        return
    found = [str(each) for each in _IDS(envelope)]
    if len(set(found)) < len(found):
        raise IdRepeated


def id_of(element: Element) -> str:
    """Its wsu:Id: the only kind by which a part may be named here."""
    told = element.get(WSU_ID)
    if not told:
        raise PartsWrong(f"{name_of(element)} has no wsu:Id, so it cannot be signed")
    return told


def check_meaning(part: Element, canonical: bytes, prefixes: Sequence[str] = (), *, may_have_comments: bool) -> None:
    """Refuses what the canonical bytes do not hold, and a reader could yet take for signed.

    A comment cuts a text in two, of which most readers see the first. The prefix in an `xsi:type` is a text to
    exclusive C14N: where it is declared outside of the part, anybody could give it another meaning on the way, unless
    the PrefixList names it.
    """
    if may_have_comments and _COMMENT(part):
        raise PartsWrong("there is a comment in a signed part")
    if b"XMLSchema-instance" not in canonical:
        return
    for each in _TYPES(part):
        if not _is_bound_inside(each, part, prefixes):
            raise PartsWrong("the prefix of an xsi:type is declared outside of the signed part")


def _is_bound_inside(element: Element, part: Element, prefixes: Sequence[str]) -> bool:
    prefix, colon, _ = element.attrib[_TYPE].strip().rpartition(":")
    key = prefix if colon else None
    if (prefix if colon else DEFAULT) in prefixes:
        return True
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


def keep_only(frame: Frame, signed_headers: Collection[Element]) -> None:
    """Take out of the tree whatever the signature does not cover, so that no reader can take it for verified."""
    for parent, kept in ((frame.envelope, (frame.header, frame.body)), (frame.header, signed_headers)):
        parent.text = None
        parent.attrib.clear()
        for each in list(parent):  # comments among them
            if each in kept:
                each.tail = None
            else:
                parent.remove(each)
