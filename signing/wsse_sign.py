"""Signing a SOAP message: of a tree or bytes, or around content that is canonical already, without any tree."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from lxml import etree

from signing import xml, xmldsig
from signing.canonical import exclusive, text
from signing.envelope import (
    BASE64,
    SECURITY,
    SOAP_11,
    WSA,
    WSSE,
    WSU,
    WSU_ID,
    X509V3,
    elements,
    namespace_of,
    version_of,
)
from signing.security_header import TIMESTAMP
from signing.wsse_policy import LIFE, STRICT, Identity


def sign(
    envelope: etree._Element | bytes,
    identity: Identity,
    *,
    now: datetime,
    life: timedelta = LIFE,
    sign_addressing: bool = True,
    algorithm: str | None = None,
    nonce: str | None = None,
) -> bytes:
    """This SOAP message, signed; what is given stays as it is. Comments are left out: nobody may read past them."""
    root = xml.read(envelope) if isinstance(envelope, bytes) else copy.deepcopy(envelope)
    etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
    nonce = nonce or secrets.token_hex(8)
    soap = version_of(root)
    header, body = _frame_of_ours(root, soap)
    named = {f"body-{nonce}": body}
    if sign_addressing:
        addressing = (each for each in elements(header) if namespace_of(each) in STRICT.signed_headers)
        named |= {f"header-{number}-{nonce}": each for number, each in enumerate(addressing)}
    for name, element in named.items():
        element.set(WSU_ID, name)
    parts = [(name, exclusive(element)) for name, element in named.items()]
    header.insert(0, etree.ProcessingInstruction("security", "here"))
    security = _security(parts, identity, soap, now, life, nonce, algorithm)
    # Put in as text: a library that moves elements into a tree may give them other prefixes, after they were digested.
    # The first such mark is ours, for nothing but the envelope's and the header's start tags stands before it.
    octets = etree.tostring(root, encoding="utf-8", with_tail=False)
    place = octets.index(_HERE)
    return octets[:place] + security + octets[place + len(_HERE) :]


def sign_canonical(
    content: bytes,
    identity: Identity,
    *,
    now: datetime,
    life: timedelta = LIFE,
    soap: str = SOAP_11,
    addressing: Mapping[str, str] | None = None,
    algorithm: str | None = None,
    nonce: str | None = None,
) -> bytes:
    """The same around a Body's content that is in exclusive canonical form already (`canonical.Template`): no tree.

    `addressing` has the texts of WS-Addressing headers by local name.
    """
    if b' xmlns:soap="' in content or b' xmlns:wsu="' in content:
        raise ValueError("the content declares a prefix of the envelope: within it the canonical form is another")
    nonce = nonce or secrets.token_hex(8)
    version = soap.encode()
    body = _BODY % (version, nonce.encode(), content)
    parts = [(f"body-{nonce}", body)]
    for number, (name, value) in enumerate((addressing or {}).items()):
        identifier = f"header-{number}-{nonce}"
        parts.append((identifier, (_ADDRESSING % (name, identifier, text(value), name)).encode()))
    security = _security(parts, identity, soap, now, life, nonce, algorithm)
    headers = b"".join([octets for _, octets in parts[1:]])
    return _ENVELOPE % (version, security, headers, body)


def _frame_of_ours(root: etree._Element, soap: str) -> tuple[etree._Element, etree._Element]:
    """Header and Body of a message to be signed; an empty Header is made where there is none."""
    if next(root.iter(SECURITY), None) is not None:
        raise ValueError("the message has a Security header already")
    found = {str(each.tag): each for each in elements(root)}
    body = found.get(f"{{{soap}}}Body")
    if body is None:
        raise ValueError("the message has no Body")
    header = found.get(f"{{{soap}}}Header")
    if header is None:
        header = etree.Element(f"{{{soap}}}Header")
        root.insert(0, header)
    return header, body


def _security(
    parts: list[tuple[str, bytes]],
    identity: Identity,
    soap: str,
    now: datetime,
    life: timedelta,
    nonce: str,
    algorithm: str | None,
) -> bytes:
    """The Security header. All in it that is signed is written in canonical form from the start."""
    algorithm = algorithm or identity.algorithms[0]
    stamp = (TIMESTAMP % (f"timestamp-{nonce}", _written(now), _written(now + life))).encode()
    info = xmldsig.signed_info([*parts, (f"timestamp-{nonce}", stamp)], algorithm)
    signature = xmldsig.signature(info, identity.sign(info, algorithm), _KEY_INFO % nonce)
    before = _before(soap, identity.certificate_der) % nonce.encode()
    return b"%s%s%s</wsse:Security>" % (before, stamp, signature)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


@lru_cache(maxsize=64)
def _before(soap: str, certificate: bytes) -> bytes:
    """What stands before the Timestamp, but for the token's Id: the certificate in Base64 is most of it."""
    return (_SECURITY % (soap, xmldsig.base64(certificate))).encode()


_HERE: Final = b"<?security here?>"
_SECURITY: Final = (
    f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" xmlns:soap="%s" soap:mustUnderstand="1">'
    f'<wsse:BinarySecurityToken EncodingType="{BASE64}" ValueType="{X509V3}" wsu:Id="token-%%s">%s'
    "</wsse:BinarySecurityToken>"
)
_KEY_INFO: Final = (
    f'<wsse:SecurityTokenReference><wsse:Reference URI="#token-%s" ValueType="{X509V3}"/></wsse:SecurityTokenReference>'
)
_ENVELOPE: Final = b'<soap:Envelope xmlns:soap="%s"><soap:Header>%s%s</soap:Header>%s</soap:Envelope>'
_BODY: Final = b'<soap:Body xmlns:soap="%s" xmlns:wsu="' + WSU.encode() + b'" wsu:Id="body-%s">%s</soap:Body>'
_ADDRESSING: Final = f'<wsa:%s xmlns:wsa="{WSA}" xmlns:wsu="{WSU}" wsu:Id="%s">%s</wsa:%s>'
