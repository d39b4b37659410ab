"""Pure. What a signing service returned, judged against the digest that it was sent and the certificate that it named.

Services disagree on what they return: RSA PKCS#1 v1.5 of exactly the modulus' length, PSS, an ECDSA signature as DER or
as its two halves, or a whole CMS around one of these. Nothing is believed of its form: a value is taken when it
verifies over the digest under the certificate's key, and a CMS is taken apart and its value held to the same. A service
that signs a digest without the DigestInfo prefix, or signs the digest's hexadecimal text, fails here, before anything
is put into a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from signing.der import oid

WRONG: Final = "wrong_signature"
"""It verifies over nothing that was asked, or is no signature at all."""
OTHER: Final = "other_certificate"
"""It came with another certificate than the one that the document was prepared for."""

MOST: Final = 100_000
"""Bytes of a value: a CMS with its chain and a stamp is some 15,000."""
SIGNED_DATA: Final = oid("1.2.840.113549.1.7.2")
Kind = Literal["pkcs1", "pss", "ecdsa"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A value that is a signature of the digest under the certificate's key."""

    value: bytes
    kind: Kind


def judge(digest: bytes, certificate: bytes, value: bytes) -> bytes | str:
    """The verified bare value (ECDSA as DER), or `wrong_signature`, or `other_certificate`."""
    found = verified(digest, certificate, value)
    return found if isinstance(found, str) else found.value


def verified(digest: bytes, certificate: bytes, value: bytes) -> Verified | str:
    """The same, with the kind of signature that it is."""
    key = _key(certificate)
    if len(value) > MOST:
        return WRONG
    if found := _bare(key, digest, value):
        return found
    if value[:1] == b"\x30" and SIGNED_DATA in value[:32]:
        return _from_cms(key, digest, certificate, value)
    return WRONG


@lru_cache(maxsize=64)
def _key(certificate: bytes) -> CertificatePublicKeyTypes:
    return x509.load_der_x509_certificate(certificate).public_key()


def _bare(key: CertificatePublicKeyTypes, digest: bytes, value: bytes) -> Verified | None:
    if isinstance(key, rsa.RSAPublicKey):
        return _rsa(key, digest, value)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _ecdsa(key, digest, value)
    return None


def _rsa(key: rsa.RSAPublicKey, digest: bytes, value: bytes) -> Verified | None:
    if len(value) != (key.key_size + 7) // 8 or len(digest) != SHA256.digest_size:
        return None
    # RFC 4055: the salt is as long as the hash. Others are refused, so that the CMS can say so in fixed bytes.
    paddings: tuple[tuple[Kind, padding.AsymmetricPadding], ...] = (
        ("pkcs1", padding.PKCS1v15()),
        ("pss", padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)),
    )
    for kind, each in paddings:
        try:
            key.verify(value, digest, each, Prehashed(SHA256()))
        except InvalidSignature:
            continue
        return Verified(value=value, kind=kind)
    return None


def _ecdsa(key: ec.EllipticCurvePublicKey, digest: bytes, value: bytes) -> Verified | None:
    if len(digest) != SHA256.digest_size:
        return None
    half = (key.key_size + 7) // 8
    forms = [value]
    if len(value) == 2 * half:
        forms.append(encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")))
    for form in forms:
        try:
            key.verify(form, digest, ec.ECDSA(Prehashed(SHA256())))
        except InvalidSignature:
            continue
        return Verified(value=form, kind="ecdsa")
    return None


def _from_cms(key: CertificatePublicKeyTypes, digest: bytes, certificate: bytes, value: bytes) -> Verified | str:
    """The one signer's value, when it signs the digest itself: around attributes of its own it signs something else."""
    from asn1crypto import cms

    try:
        data = cms.ContentInfo.load(value, strict=True)["content"]
        (signer,) = data["signer_infos"]
        inner = signer["signature"].native
        carried = [each.dump() for each in data["certificates"]]
    except (ValueError, TypeError, KeyError):
        return WRONG
    if found := _bare(key, digest, inner):
        return found
    return OTHER if _is_of_another(digest, certificate, inner, carried) else WRONG


def _is_of_another(digest: bytes, certificate: bytes, value: bytes, carried: list[bytes]) -> bool:
    """Whether a certificate in the CMS, and not ours, is the one whose key signed."""
    for each in carried:
        if each == certificate:
            continue
        try:
            key = _key(each)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if _bare(key, digest, value):
            return True
    return False
