"""Public and private keys of partners and callers: the algorithm belongs to the key, never to the message.

    key                    HTTP signatures (RFC 9421)    JWS (RFC 7518, 8037)
    Ed25519                ed25519                       EdDSA, or Ed25519 (RFC 9864)
    P-256                  ecdsa-p256-sha256             ES256
    P-521                  –                             ES512
    RSA, 2048 bits or more rsa-pss-sha512                RS256, or PS256 where that was agreed

ECDSA signatures are the two numbers side by side, as both standards write them, not DER.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from signing.errors import ExpiredCertificate, KeyTooWeak, KeyUnreadable, SignatureBroken
from signing.keys import DEMO_KEY, SMALLEST_RSA, spki_of

_Public: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey
_Private: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

_KINDS: Final = {
    "Ed25519": ("ed25519", "EdDSA", "Ed25519"),
    "secp256r1": ("ecdsa-p256-sha256", "ES256"),
    "secp521r1": ("ES512",),
    "RSA": ("rsa-pss-sha512", "RS256", "PS256"),
}
"""What each kind of key may sign with; the first is what it does unless something else was agreed."""
_HASHES: Final[dict[str, HashAlgorithm]] = {"ecdsa-p256-sha256": SHA256(), "ES256": SHA256(), "ES512": SHA512()}
_PADDINGS: Final[dict[str, tuple[AsymmetricPadding, HashAlgorithm]]] = {
    "rsa-pss-sha512": (PSS(MGF1(SHA512()), 64), SHA512()),
    "RS256": (PKCS1v15(), SHA256()),
    "PS256": (PSS(MGF1(SHA256()), 32), SHA256()),
}
_HELD: Final = {"RS256": "rsa-sha256", "ES256": "ecdsa-p256-sha256"}
"""What the holder of a key calls the algorithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """What somebody else's signatures are checked with, by one algorithm."""

    algorithm: str
    key: _Public = field(repr=False)
    not_before: datetime | None = None
    not_after: datetime | None = None
    """Of the certificate that it came in."""

    def check(self, message: bytes, signature: bytes, now: datetime | None = None) -> None:
        """Silence when the signature is of this message under this key. Raises SignatureBroken, ExpiredCertificate."""
        try:
            _verify(self.key, self.algorithm, message, signature)
        except (InvalidSignature, ValueError):
            raise SignatureBroken from None
        # Only who signed well is told about the certificate's days.
        if now is not None and not self.is_valid(now):
            raise ExpiredCertificate

    def is_valid(self, now: datetime) -> bool:
        """Whether its certificate is of these days; a key without one always is."""
        return (self.not_before is None or self.not_before <= now) and (self.not_after is None or now <= self.not_after)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key itself (SubjectPublicKeyInfo): the same for a key and for its certificates."""
        return hashlib.sha256(spki_of(self.key)).hexdigest()

    @property
    def is_of_the_demo(self) -> bool:
        """Whether its private half is printed in a document."""
        return self.fingerprint == DEMO_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """What we sign with, by one algorithm; `sign` may be a call into a hardware module."""

    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False)


class Holder(Protocol):
    """Who holds a key that we may use and not see: `keys.X509Identity`, perhaps over a hardware module."""

    @property
    def algorithms(self) -> tuple[str, ...]: ...

    def sign(self, message: bytes, algorithm: str) -> bytes: ...


def held_key(holder: Holder, algorithm: str) -> SigningKey:
    """To sign by one algorithm with a key that stays where it is. Raises KeyTooWeak."""
    named = _HELD.get(algorithm, algorithm)
    if named not in holder.algorithms:
        raise KeyTooWeak(f"the key signs with {', '.join(holder.algorithms)}, not with {algorithm}")
    return SigningKey(algorithm=algorithm, sign=lambda message: holder.sign(message, named))


def public_key(pem: bytes, algorithm: str | None = None) -> PublicKey:
    """The public key in this PEM text. Raises KeyUnreadable, KeyTooWeak."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError) as trouble:
        raise KeyUnreadable("not a PEM public key") from trouble
    return PublicKey(algorithm=_algorithm(key, algorithm), key=key)  # type: ignore[arg-type]  # _algorithm knows it


def certificate_key(pem: bytes, algorithm: str | None = None) -> PublicKey:
    """The key of the one certificate in this PEM text, with its days. Raises KeyUnreadable, KeyTooWeak."""
    try:
        (certificate,) = x509.load_pem_x509_certificates(pem)
        key = certificate.public_key()
    except ValueError as trouble:
        raise KeyUnreadable("not one PEM certificate") from trouble
    return PublicKey(
        algorithm=_algorithm(key, algorithm),
        key=key,  # type: ignore[arg-type]  # _algorithm refuses the other kinds
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def signing_key(pem: bytes, algorithm: str | None = None) -> SigningKey:
    """The private key in this PEM text. Raises KeyUnreadable, KeyTooWeak."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as trouble:
        raise KeyUnreadable("not a PEM private key without a password") from trouble
    named = _algorithm(key.public_key(), algorithm)
    return SigningKey(algorithm=named, sign=lambda message: _sign(key, named, message))


def _algorithm(key: object, wanted: str | None) -> str:
    """The algorithm of this key, or the wanted one if the key is of its kind. Raises KeyTooWeak."""
    kind = ""
    match key:
        case Ed25519PublicKey():
            kind = "Ed25519"
        case EllipticCurvePublicKey():
            kind = key.curve.name
        case RSAPublicKey() if key.key_size >= SMALLEST_RSA:
            kind = "RSA"
    known = _KINDS.get(kind, ())
    if not known or (wanted is not None and wanted not in known):
        raise KeyTooWeak(f"the key must be Ed25519, P-256 or RSA of {SMALLEST_RSA} bits or more{_for(wanted)}")
    return wanted or known[0]


def _for(wanted: str | None) -> str:
    return f", and one for {wanted}" if wanted else ""


def _verify(key: Any, algorithm: str, message: bytes, signature: bytes) -> None:
    """By the key's own algorithm. Raises InvalidSignature, ValueError."""
    if algorithm in _HASHES:
        size = _size(key)
        if len(signature) != 2 * size:
            raise InvalidSignature
        halves = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        key.verify(encode_dss_signature(*halves), message, ECDSA(_HASHES[algorithm]))
    elif algorithm in _PADDINGS:
        key.verify(signature, message, *_PADDINGS[algorithm])
    else:
        key.verify(signature, message)


def _sign(key: Any, algorithm: str, message: bytes) -> bytes:
    if algorithm in _HASHES:
        halves = decode_dss_signature(key.sign(message, ECDSA(_HASHES[algorithm])))
        return b"".join(half.to_bytes(_size(key), "big") for half in halves)
    if algorithm in _PADDINGS:
        signature: bytes = key.sign(message, *_PADDINGS[algorithm])
        return signature
    plain: bytes = key.sign(message)
    return plain


def _size(key: Any) -> int:
    """Bytes of one number of the curve."""
    return int(key.curve.key_size + 7) // 8
