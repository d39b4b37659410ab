"""Verifying a SOAP message: what its signature proves, or a refusal with a stable code."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from signing import xml, xmldsig
from signing.canonical import exclusive
from signing.envelope import (
    Frame,
    check_ids,
    check_meaning,
    frame_of,
    id_of,
    keep_only,
    known_headers,
    name_of,
    pieces_of,
    version_of,
)
from signing.errors import Digest, NotVerified, PartsWrong, SignatureStale, Untrusted, VerifierFailed, XmlRefused
from signing.security_header import Said, any_form, certificate_of, times_of, usual
from signing.wsse_policy import STRICT, Trusted, TrustIn, WssPolicy

MOST_LOOKS: Final = 1_000_000
"""Half a second or so; a whole record with ten prefixes for each part takes some ten thousand."""


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
    frame = frame_of(envelope)
    found = usual(data, frame.security) or pieces_of(frame.security)
    headers = known_headers(frame.header, policy.signed_headers)
    if isinstance(found, Said):
        said = found
        check_ids(envelope, said.rest, said.ids)
    else:
        check_ids(envelope, data)
        said = any_form(found, allow_prefix_list=policy.allow_prefix_list)
        _check_effort(said.claim, data)
    try:
        return _proven(envelope, frame, headers, said, policy, trust, now)
    except NotVerified as refusal:
        with suppress(NotVerified):
            refusal.certificate = certificate_of(said)
        raise


def _proven(
    envelope: etree._Element,
    frame: Frame,
    headers: Sequence[etree._Element],
    said: Said,
    policy: WssPolicy,
    trust: TrustIn,
    now: datetime,
) -> VerifiedMessage:
    claim = said.claim
    signed = _covered(frame.body, headers, said)
    certificate = certificate_of(said)
    key, key_digest = _public_key(certificate)
    try:
        # First whether anything was signed at all: what a stranger wrote decides nothing else.
        xmldsig.check_value(claim, key)
        for reference in claim.references:
            _check_part(reference, signed[reference.id], said)
    except NotVerified as refusal:
        refusal.base, refusal.compared = claim.signed_info, tuple(_digests(signed, said))
        raise
    created, expires = _times(times_of(said), policy, now)
    trusted = trust(certificate, (), now)
    keep_only(frame, headers)
    return VerifiedMessage(
        envelope=envelope,
        body=frame.body,
        version=version_of(envelope),
        created=created,
        expires=expires,
        addressing={name_of(each): (each.text or "").strip() for each in headers},
        certificate_der=certificate,
        trusted=trusted,
        signed_parts=tuple([_name(signed[each.id]) for each in claim.references]),
        base=claim.signed_info,
        signature=claim.value,
        replay_key=_replay_key(claim, key_digest),
        replay_until=expires + policy.max_skew,
    )


def _check_effort(claim: xmldsig.Claim, data: bytes) -> None:
    """Each prefix of a PrefixList is looked for at each element, before anybody knows who asks for that."""
    if sum(len(each.prefixes) for each in claim.references) * data.count(b"<") > MOST_LOOKS:
        raise XmlRefused("too many prefixes in its PrefixLists for its size", code="xml_too_large")


def _covered(body: etree._Element, headers: Sequence[etree._Element], said: Said) -> dict[str, etree._Element | None]:
    """The signed elements by Id: exactly those that must be, and the token where it is signed too.

    None is the Timestamp of the usual form, whose canonical bytes are there without its element.
    """
    pieces = said.elements[0] if said.elements else None
    signed: dict[str, etree._Element | None] = {id_of(body): body}
    signed[said.timestamp_id] = pieces.timestamp if pieces else None
    signed |= {id_of(each): each for each in headers}
    told = [each.id for each in said.claim.references]
    if len(set(told)) < len(told):
        raise PartsWrong("one part is signed twice")
    absent = [_name(each) for name, each in signed.items() if name not in told]
    if absent:
        raise PartsWrong(f"not signed where it stands: {', '.join(absent)}")
    if pieces:
        signed[said.token_id] = pieces.token
    if not signed.keys() >= set(told):
        raise PartsWrong("the signature names a part that must not be signed, or that is not there")
    return signed


def _name(part: etree._Element | None) -> str:
    return "Timestamp" if part is None else name_of(part)


def _check_part(reference: xmldsig.Reference, part: etree._Element | None, said: Said) -> None:
    canonical = _canonical(reference, part, said)
    xmldsig.check_digest(reference, canonical)
    if part is None:
        return
    check_meaning(part, canonical, reference.prefixes, may_have_comments=said.elements is not None)


def _canonical(reference: xmldsig.Reference, part: etree._Element | None, said: Said) -> bytes:
    return said.timestamp if part is None else exclusive(part, prefixes=reference.prefixes)


def _digests(signed: Mapping[str, etree._Element | None], said: Said) -> Iterator[Digest]:
    """Every digest as it came beside ours, for the operator; of what has no canonical form there is none."""
    for reference in said.claim.references:
        part = signed[reference.id]
        with suppress(XmlRefused):
            canonical = _canonical(reference, part, said)
            ours = xmldsig.DIGESTS[reference.digest_method](canonical).digest()
            sent = xmldsig.base64(reference.digest)
            yield Digest(part=_name(part), sent=sent, ours=xmldsig.base64(ours), octets=canonical)


@lru_cache(maxsize=256)
def _public_key(certificate: bytes) -> tuple[Any, bytes]:
    """The key of this certificate, and its digest. Kept, for reading one costs as much as checking a signature."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as trouble:
        raise Untrusted("the token is not a certificate") from trouble
    return key, hashlib.sha256(spki).digest()


_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_NONE: Final = timedelta(0)


def _times(told: tuple[str, str], policy: WssPolicy, now: datetime) -> tuple[datetime, datetime]:
    """Created and Expires, when they are of now."""
    created, expires = map(_time, told)
    if not _NONE < expires - created <= policy.max_life:
        raise SignatureStale(f"Expires must be at most {policy.max_life.total_seconds():g} s after Created")
    if created - now > policy.max_skew:
        raise SignatureStale(f"Created {told[0].strip()} is too far in the future: {_here(now)}")
    if now - expires >= policy.max_skew:
        raise SignatureStale(f"Expires {told[1].strip()} is past: {_here(now)}")
    return created, expires


def _here(now: datetime) -> str:
    return f"here it is {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


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
