"""WS-Security with X.509 (OASIS WSS 1.0) in the one strict profile of this house, for SOAP 1.1 and 1.2.

One Security header: BinarySecurityToken, Timestamp, Signature. Signed are Body, Timestamp, and every WS-Addressing
header that is there; nothing else but the token may be. Exclusive C14N is the only transform. `verify` works on the
bytes as received, parses them once, and gives back a tree in which only what was verified is left.

Whether the message came before is asked by the door, in the transaction that accepts the event.
"""

from __future__ import annotations

import copy
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from signing import xml, xmldsig
from signing.canonical import exclusive, text
from signing.envelope import (
    BASE64,
    SECURITY,
    SOAP_11,
    WSA,
    WSA_2004,
    WSSE,
    WSU,
    WSU_ID,
    X509V3,
    Places,
    check_ids,
    check_meaning,
    elements,
    id_of,
    keep_only,
    name_of,
    namespace_of,
    places,
    version_of,
)
from signing.errors import EnvelopeWrong, NotVerified, PartsWrong, SignatureStale, Untrusted, VerifierFailed

LIFE: Final = timedelta(minutes=5)
MAX_LIFE: Final = timedelta(minutes=10)
MAX_SKEW: Final = timedelta(minutes=5)
LONGEST_CERTIFICATE: Final = 16 * 1024
"""Those that were read are kept: without a bound, strangers could fill our memory with them."""


class Identity(Protocol):
    """Who signs: `certified.X509Identity` is one."""

    @property
    def certificate_der(self) -> bytes: ...

    @property
    def algorithms(self) -> Sequence[str]: ...

    def sign(self, message: bytes, algorithm: str) -> bytes: ...


class Trusted(Protocol):
    """What trust found out about a certificate."""

    @property
    def subject(self) -> str: ...


TrustIn: TypeAlias = Callable[[bytes, Sequence[bytes], datetime], Trusted]
"""(leaf, further certificates, now) → who that is; raises NotVerified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WssPolicy:
    """What is agreed with a partner beyond the profile."""

    max_skew: timedelta = MAX_SKEW
    """How far the partner's clock and ours may differ."""
    max_life: timedelta = MAX_LIFE
    """How long a message may be good for, and so how long it must be remembered."""
    signed_headers: frozenset[str] = frozenset({WSA, WSA_2004})
    """Namespaces of headers that are understood here, and must be signed when they are there."""


STRICT: Final = WssPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedMessage:
    """What a good signature proves. There is nothing unsigned in here."""

    envelope: etree._Element = field(repr=False)
    """With the verified headers and the Body only; everything else was taken out."""
    body: etree._Element = field(repr=False)
    version: str
    """The namespace of SOAP 1.1 or 1.2."""
    created: datetime
    expires: datetime
    addressing: Mapping[str, str] = field(repr=False)
    """The texts of the verified headers by local name: To, Action, MessageID …"""
    certificate_der: bytes = field(repr=False)
    trusted: Trusted
    signed_parts: tuple[str, ...]
    """Local names, in the order of the signature."""
    base: bytes = field(repr=False)
    """The very bytes that were signed, SignedInfo: with `signature`, the evidence."""
    signature: bytes = field(repr=False)
    replay_key: str
    replay_until: datetime
    """Until then the replay key must be remembered."""

    @property
    def subject(self) -> str:
        """Who signed, by the certificate."""
        return self.trusted.subject

    @property
    def message_id(self) -> str | None:
        """The verified MessageID of WS-Addressing, where there is one."""
        return self.addressing.get("MessageID")


# -- signing -----------------------------------------------------------------------------------------------------------


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
    body = _BODY % (soap.encode(), f"body-{nonce}".encode(), content)
    parts = [(f"body-{nonce}", body)]
    for number, (name, value) in enumerate((addressing or {}).items()):
        identifier = f"header-{number}-{nonce}"
        parts.append((identifier, (_ADDRESSING % (name, identifier, text(value), name)).encode()))
    security = _security(parts, identity, soap, now, life, nonce, algorithm)
    headers = b"".join(octets for _, octets in parts[1:])
    return _ENVELOPE % (soap.encode(), security, headers, body)


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
    stamp = (_TIMESTAMP % (nonce, _written(now), _written(now + life))).encode()
    info = xmldsig.signed_info([*parts, (f"timestamp-{nonce}", stamp)], algorithm)
    signature = xmldsig.signature(info, identity.sign(info, algorithm), _KEY_INFO % nonce)
    token = (_TOKEN % (nonce, _in_base64(identity.certificate_der))).encode()
    return _SECURITY % (soap.encode(), token, stamp, signature)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=16)
def _in_base64(certificate: bytes) -> str:
    return xmldsig.base64(certificate)


_HERE: Final = b"<?security here?>"
_SECURITY: Final = (
    f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" '.encode()
    + b'xmlns:soap="%s" soap:mustUnderstand="1">%s%s%s</wsse:Security>'
)
_TOKEN: Final = (
    f'<wsse:BinarySecurityToken EncodingType="{BASE64}" ValueType="{X509V3}" wsu:Id="token-%s">%s'
    "</wsse:BinarySecurityToken>"
)
_TIMESTAMP: Final = (
    f'<wsu:Timestamp xmlns:wsu="{WSU}" wsu:Id="timestamp-%s"><wsu:Created>%s</wsu:Created>'
    "<wsu:Expires>%s</wsu:Expires></wsu:Timestamp>"
)
_KEY_INFO: Final = (
    f'<wsse:SecurityTokenReference><wsse:Reference URI="#token-%s" ValueType="{X509V3}"/></wsse:SecurityTokenReference>'
)
_ENVELOPE: Final = b'<soap:Envelope xmlns:soap="%s"><soap:Header>%s%s</soap:Header>%s</soap:Envelope>'
_BODY: Final = b'<soap:Body xmlns:soap="%s" xmlns:wsu="' + WSU.encode() + b'" wsu:Id="%s">%s</soap:Body>'
_ADDRESSING: Final = f'<wsa:%s xmlns:wsa="{WSA}" xmlns:wsu="{WSU}" wsu:Id="%s">%s</wsa:%s>'


# -- verifying ---------------------------------------------------------------------------------------------------------


def verify(data: bytes, *, policy: WssPolicy = STRICT, trust: TrustIn, now: datetime) -> VerifiedMessage:
    """What the signature of this message proves, or NotVerified; whatever goes wrong in here is a refusal."""
    try:
        return _verified(data, policy, trust, now)
    except NotVerified:
        raise
    except Exception as trouble:  # an unknown trouble in a verifier is a refusal, never a crash and never a yes
        raise VerifierFailed(type(trouble).__name__) from trouble


def _verified(data: bytes, policy: WssPolicy, trust: TrustIn, now: datetime) -> VerifiedMessage:
    envelope = xml.read(data)
    found = places(envelope, policy.signed_headers)
    check_ids(envelope)
    claim = xmldsig.read(found.signature)
    signed = _covered(found, claim)
    certificate = _certificate(found, claim)
    key, key_digest = _public_key(certificate)
    # First whether anything was signed at all: what a stranger wrote decides nothing else.
    xmldsig.check_value(claim, key)
    for reference in claim.references:
        _check_part(reference, signed[reference.id])
    created, expires = _times(found.timestamp, policy, now)
    trusted = trust(certificate, (), now)
    keep_only(found, signed)
    return VerifiedMessage(
        envelope=envelope,
        body=found.body,
        version=version_of(envelope),
        created=created,
        expires=expires,
        addressing={name_of(each): (each.text or "").strip() for each in found.signed_headers},
        certificate_der=certificate,
        trusted=trusted,
        signed_parts=tuple(name_of(signed[each.id]) for each in claim.references),
        base=claim.signed_info,
        signature=claim.value,
        replay_key=_replay_key(claim, key_digest),
        replay_until=expires + policy.max_skew,
    )


def _covered(found: Places, claim: xmldsig.Claim) -> dict[str, etree._Element]:
    """The signed elements by Id: exactly those that must be, and the token where it is signed too."""
    required = {id_of(each): each for each in (found.body, found.timestamp, *found.signed_headers)}
    told = [each.id for each in claim.references]
    if len(set(told)) < len(told):
        raise PartsWrong("one part is signed twice")
    absent = [name_of(each) for name, each in required.items() if name not in told]
    if absent:
        raise PartsWrong(f"not signed where it stands: {', '.join(absent)}")
    possible = required | {id_of(found.token): found.token}
    if not set(told) <= possible.keys():
        raise PartsWrong("the signature names a part that must not be signed, or that is not there")
    return possible


def _certificate(found: Places, claim: xmldsig.Claim) -> bytes:
    """The one certificate that the signature points to: the token of its own header."""
    (reference,) = _only(claim.key_info, "SecurityTokenReference")
    (pointer,) = _only(reference, "Reference")
    token = found.token
    if pointer.get("URI") != f"#{id_of(token)}" or pointer.get("ValueType", X509V3) != X509V3:
        raise EnvelopeWrong("KeyInfo must point to the BinarySecurityToken")
    if token.get("ValueType") != X509V3 or token.get("EncodingType", BASE64) != BASE64:
        raise EnvelopeWrong("the BinarySecurityToken must hold one X.509 certificate in Base64")
    certificate = xmldsig.octets(token)
    if len(certificate) > LONGEST_CERTIFICATE:
        raise Untrusted("the token is longer than any certificate")
    return certificate


def _only(parent: etree._Element, name: str) -> list[etree._Element]:
    found = list(parent)
    xmldsig.named(found, name, namespace=WSSE)
    return found


@lru_cache(maxsize=256)
def _public_key(certificate: bytes) -> tuple[Any, bytes]:
    """The key of this certificate, and its digest. Kept, for reading one costs as much as checking a signature."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as trouble:
        raise Untrusted("the token is not a certificate") from trouble
    return key, hashlib.sha256(spki).digest()


def _check_part(reference: xmldsig.Reference, element: etree._Element) -> None:
    canonical = exclusive(element)
    xmldsig.check_digest(reference, canonical)
    check_meaning(element, canonical)


_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def _times(timestamp: etree._Element, policy: WssPolicy, now: datetime) -> tuple[datetime, datetime]:
    """Created and Expires, when they are of now."""
    xmldsig.named(list(timestamp), "Created", "Expires", namespace=WSU)
    created, expires = (_time(each.text or "") for each in timestamp)
    if not timedelta(0) < expires - created <= policy.max_life:
        raise SignatureStale(f"Expires must be at most {policy.max_life.total_seconds():g} s after Created")
    if created - now > policy.max_skew:
        raise SignatureStale("Created is too far in the future")
    if now - expires >= policy.max_skew:
        raise SignatureStale("the message has expired")
    return created, expires


def _time(told: str) -> datetime:
    if not _TIME.fullmatch(told.strip()):
        raise SignatureStale("a time of the Timestamp is not written as xsd:dateTime with its zone")
    try:
        return datetime.fromisoformat(told.strip())
    except ValueError as trouble:
        raise SignatureStale("a time of the Timestamp does not exist") from trouble


def _replay_key(claim: xmldsig.Claim, key_digest: bytes) -> str:
    """Of what was signed and by which key. Not of the signature's bytes: ECDSA has a second valid form of each."""
    return hashlib.sha256(key_digest + claim.signed_info).hexdigest()
